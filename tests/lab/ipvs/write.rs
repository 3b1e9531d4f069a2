//! What `vipd ipvs` has beyond ipvsadm for writing tables.

use super::{Pair, Story};
use crate::VIPD;
use crate::support::Host;
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::thread;

pub(super) const STORIES: [(&str, Story); 5] = [
    ("apply_makes_the_table_what_a_file_says", apply),
    ("apply_tells_refusals_by_line", apply_refused),
    ("diff_shows_what_differs", diff),
    ("restore_atomic_is_all_or_nothing", atomic),
    ("restore_keep_going_tells_what_failed", keep_going),
];

/// What `vipd ipvs` did: exit status, standard output, standard error.
pub(super) type Done = (Option<i32>, String, String);

pub(super) fn vipd(host: &Host, line: &str, input: &str) -> Done {
    let output = piped(host.command(VIPD).arg("ipvs").args(super::words(line)), input);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Runs a command with `input` as its standard input.
pub(super) fn piped(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // A program that refuses its arguments does not read.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().unwrap()
    })
}

pub(super) fn saved(host: &Host) -> String {
    let (status, saved, errors) = vipd(host, "-Sn", "");
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    saved
}

const FIRST: &str = "\
-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1
-A -t 198.51.100.1:80 -s rr
-a -t 198.51.100.1:80 -r 10.0.0.3:80 -g -w 1
";

fn apply(pair: &Pair) {
    let host = &pair.ours;
    let done = |line: &str, input: &str| vipd(host, line, input);
    assert_eq!(done("apply -", FIRST), (Some(0), String::new(), String::new()));
    assert_eq!(saved(host), FIRST);
    assert_eq!(done("apply --dry-run -", FIRST), (Some(0), String::new(), String::new()));

    let second = FIRST.replace("10.0.0.2:80 -m -w 1", "10.0.0.4:80 -m -w 3").replace("rr", "sh -p 300");
    let expected = "\
-E -t 198.51.100.1:80 -s sh -p 300
-a -t 192.0.2.1:80 -r 10.0.0.4:80 -m -w 3
-d -t 192.0.2.1:80 -r 10.0.0.2:80
";
    assert_eq!(done("apply --dry-run -", &second), (Some(1), expected.to_owned(), String::new()));
    let (status, json, _) = done("apply --dry-run --json -", &second);
    let json: Value = serde_json::from_str(&json).unwrap();
    let commands = json["operations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| format!("{}\n", o["command"].as_str().unwrap()));
    assert_eq!((status, commands.collect::<String>().as_str()), (Some(1), expected));
    assert_eq!(json["operations"][0]["before"]["scheduler"], "rr", "as the kernel has it");
    assert_eq!(saved(host), FIRST, "nothing was changed");

    let only = "apply --only tcp:198.51.100.0/24 -";
    assert_eq!(done(only, &second), (Some(0), String::new(), String::new()));
    assert_eq!(saved(host), FIRST.replace("rr", "sh -p 300"));
    let nothing = "apply --only fwmark:7 --only 203.0.113.0/24 -";
    assert_eq!(done(nothing, ""), (Some(0), String::new(), String::new()), "none of those is there");
    assert_eq!(done("apply -", &second), (Some(0), String::new(), String::new()));
    assert_eq!(saved(host), second);
    // What was printed is what can be run.
    pair.theirs.run("ipvsadm -C");
    let (_, commands, _) = vipd(&pair.theirs, "apply --dry-run -", &second);
    assert_eq!(vipd(&pair.theirs, "-R", &commands), (Some(0), String::new(), String::new()));
    assert_eq!(saved(&pair.theirs), second);
    assert_eq!(done("apply --only tcp:192.0.2.1:80 -", ""), (Some(0), String::new(), String::new()));
    assert!(saved(host).starts_with("-A -t 198.51.100.1:80"));
    assert_eq!(done("apply -", "# nothing\n"), (Some(0), String::new(), String::new()));
    assert_eq!(saved(host), "");
}

fn apply_refused(pair: &Pair) {
    let host = &pair.ours;
    assert_eq!(vipd(host, "apply -", FIRST).0, Some(0));
    let (status, out, errors) = vipd(host, "apply -", "-A -t 192.0.2.1\n-C\n-A -t 192.0.2.1:80 -s\n");
    assert_eq!((status, out.as_str()), (Some(2), ""));
    let places: Vec<&str> = errors
        .lines()
        .map(|l| l.strip_prefix("standard input:").unwrap().split(": ").next().unwrap())
        .collect();
    assert_eq!(places, ["1:1", "2:1", "3:20"], "{errors}");
    assert_eq!(saved(host), FIRST, "nothing was changed");

    // A scheduler that does not exist, and an address that is none of a host's.
    let second = "\
-A -t 192.0.2.7:80 -s nosuch
-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 255.255.255.255:80 -m
";
    let (status, _, errors) = vipd(host, "apply -", second);
    assert_eq!(status, Some(3), "{errors}");
    assert!(
        errors.starts_with("standard input:1: add service TCP 192.0.2.7:80: this kernel has no such"),
        "{errors}"
    );
    assert!(errors.contains("\nstandard input:3: add server 255.255.255.255:80"), "{errors}");
    let expected: String = FIRST.lines().take(3).map(|l| format!("{l}\n")).collect();
    assert_eq!(saved(host), expected, "the servers of what could not be completed stay; the rest is done");
}

fn diff(pair: &Pair) {
    let host = &pair.ours;
    assert_eq!(vipd(host, "apply -", FIRST).0, Some(0));
    assert_eq!(vipd(host, "diff kernel -", FIRST), (Some(0), String::new(), String::new()));
    let second = FIRST.replace("10.0.0.2:80 -m -w 1", "10.0.0.2:80 -m -w 0");
    let expected = "\
--- kernel
+++ standard input
@@ -1,5 +1,5 @@
 -A -t 192.0.2.1:80 -s wlc
 -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1
--a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1
+-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0
 -A -t 198.51.100.1:80 -s rr
 -a -t 198.51.100.1:80 -r 10.0.0.3:80 -g -w 1
";
    assert_eq!(vipd(host, "diff kernel -", &second), (Some(1), expected.to_owned(), String::new()));
    assert_eq!(vipd(host, "diff --only 198.51.100.0/24 kernel -", &second).0, Some(0));
    let (status, _, errors) = vipd(host, "diff /no/such/file kernel", "");
    assert_eq!((status, errors.contains("read /no/such/file: ")), (Some(2), true), "{errors}");
}

fn atomic(pair: &Pair) {
    let host = &pair.ours;
    let restore = |input: &str| vipd(host, "-R --atomic", input);
    assert_eq!(restore(FIRST), (Some(0), String::new(), String::new()));
    assert_eq!(saved(host), FIRST);

    let (status, out, errors) =
        restore("-C\nfoo\n-A -t 192.0.2.9:80\n-L\n-Z\n-a -t 192.0.2.9:80 -r x.invalid. -q\n");
    let wrong: Vec<&str> =
        errors.lines().filter_map(|l| l.strip_prefix("line ")?.split(':').next()).collect();
    assert_eq!((status, out.as_str(), &wrong[..]), (Some(2), "", &["2", "4", "5", "6"][..]), "{errors}");
    assert!(errors.ends_with("nothing was changed: 4 lines are wrong\n"), "{errors}");
    assert_eq!(saved(host), FIRST, "nothing was changed");

    // Much is done before the kernel refuses a line of the second lot, and all of it is undone.
    let mut input = "-D -t 192.0.2.1:80\n-E -t 198.51.100.1:80 -s sh\n--set 77 78 79\n".to_owned();
    input += "-d -t 198.51.100.1:80 -r 10.0.0.3:80\n-A -f 7\n";
    input.extend((0..600).map(|n| format!("-a -f 7 -r 10.1.{}.{}:0 -g\n", n >> 8, n & 255)));
    input += "-a -f 7 -r 10.1.0.0:0 -g\n-A -f 8\n";
    let timeouts = host.run("ipvsadm -L --timeout");
    let (status, _, errors) = restore(&input);
    assert_eq!(status, Some(1), "{errors}");
    assert!(
        errors.starts_with("line 606: add server 10.1.0.0:0 to service FWM 7: the server exists"),
        "{errors}"
    );
    assert!(errors.ends_with("nothing was changed: what had been done is undone\n"), "{errors}");
    assert_eq!(saved(host), FIRST);
    assert_eq!(host.run("ipvsadm -L --timeout"), timeouts);

    let (status, _, errors) = restore("-C\n-A -t 192.0.2.9:80\n-A -t 192.0.2.9:80\n");
    assert_eq!((status, errors.lines().count()), (Some(1), 2), "{errors}");
    assert_eq!(saved(host), FIRST, "the table that was cleared is back");
    // ipvsadm has no such options, nor has vipd under its name.
    pair.same("ipvsadm", "-R --atomic", "-C\n");
    pair.same("ipvsadm", "-R --keep-going", "-C\n");
    assert_eq!(vipd(host, "-R --atom", "-C\n").0, Some(255));
    assert_eq!(vipd(host, "-R --atomic --keep-going", "-C\n").0, Some(2));
    assert_eq!(saved(host), FIRST);
}

fn keep_going(pair: &Pair) {
    let host = &pair.ours;
    let input = format!(
        "foo\n{FIRST}-A -t 192.0.2.1:80 -w 1\n-A -t 192.0.2.1:80\n-Z -t 9.9.9.9:9\n-L -t 9.9.9.9:9\n\n"
    );
    let (status, out, errors) = vipd(host, "-R --keep-going", &input);
    assert_eq!((status, out.as_str()), (Some(1), ""));
    let lines: Vec<&str> = errors.lines().map(|l| l.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["line 1", "line 7", "line 8", "line 9", "line 10", "5 lines failed"], "{errors}");
    assert!(errors.ends_with("5 lines failed: 1, 7-10\n"), "{errors}");
    assert_eq!(saved(host), FIRST);
    assert_eq!(vipd(host, "-R --keep-going", "-C\n"), (Some(0), String::new(), String::new()));
}
