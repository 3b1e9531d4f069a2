//! `vipd ipvs` where it needs no kernel: tables in files.

use super::{Outcome, Program};
use crate::validator::Validator;
use serde_json::{Value, json};

const OLD: &str = "\
-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1
-A -f 5 -s rr
";
const NEW: &str = "\
# the order means nothing
-A -f 5 -s rr
-a -f 5 -r 10.0.0.9 -i --tun-type gue --tun-port 6080 -w 3
-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 4
";

fn vipd() -> Program {
    let vipd = Program::called("vipd");
    vipd.file("old", OLD);
    vipd.file("new", NEW);
    vipd
}

/// The document that this prints, as the schema describes it; and the exit status.
#[track_caller]
fn json(vipd: &Program, line: &str) -> (Option<i32>, Value) {
    let schema: Value = serde_json::from_str(&vipd.run("ipvs schema").stdout).unwrap();
    let Outcome { status, stdout, stderr } = vipd.run(line);
    assert_eq!(stderr, "", "{line}");
    let document: Value = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{line}: {e}: {stdout}"));
    Validator { root: &schema }.check(&schema, &document, line).unwrap_or_else(|error| panic!("{error}"));
    (status, document)
}

#[test]
fn diff_as_json_has_the_operations() {
    let vipd = vipd();
    let (status, document) = json(&vipd, "ipvs diff old new --json");
    assert_eq!(status, Some(1));
    assert_eq!((&document["listing"], &document["version"]), (&json!("operations"), &json!(1)));
    let operations = document["operations"].as_array().unwrap();
    let commands: Vec<&str> = operations.iter().filter_map(|o| o["command"].as_str()).collect();
    assert_eq!(
        commands,
        [
            "-a -f 5 -r 10.0.0.9:0 -i -w 3 --tun-type gue --tun-port 6080 --tun-nocsum",
            "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 4",
            "-d -t 192.0.2.1:80 -r 10.0.0.2:80",
        ]
    );
    assert_eq!(operations[1]["service"]["name"], "TCP 192.0.2.1:80");
    assert_eq!(
        (&operations[1]["before"]["weight"], &operations[1]["after"]["weight"]),
        (&json!(1), &json!(4))
    );

    let (status, document) = json(&vipd, "ipvs diff old old --json");
    assert_eq!((status, &document["operations"]), (Some(0), &json!([])));
    let (status, document) = json(&vipd, "ipvs diff --only fwmark:5 --json new old");
    assert_eq!((status, &document["operations"][0]["operation"]), (Some(1), &json!("delete_server")));
}

#[test]
fn diff_without_json_is_a_unified_diff() {
    let outcome = vipd().run("ipvs diff old new");
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stdout.starts_with("--- old\n+++ new\n@@ "), "{}", outcome.stdout);
    assert_eq!(vipd().run("ipvs diff old missing --json").status, Some(2));
}

#[test]
fn json_of_apply_is_for_dry_runs() {
    let outcome = vipd().run("ipvs apply new --json");
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(2), ""));
    assert!(outcome.stderr.contains("--dry-run"), "{}", outcome.stderr);
}

#[test]
fn a_table_may_be_in_a_pipe() {
    let vipd = vipd();
    let piped = vipd.run_with_input("ipvs diff old -", OLD.as_bytes());
    assert_eq!((piped.status, piped.stdout.as_str(), piped.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn a_table_with_an_ipv6_port_without_brackets_is_told_of_them() {
    let vipd = vipd();
    vipd.file("six", "-A -t 2001:db8::10:80 -s rr\n");
    let outcome = vipd.run("ipvs diff old six");
    assert_eq!(outcome.status, Some(2));
    assert!(outcome.stderr.ends_with("; if 80 is the port, write [2001:db8::10]:80\n"), "{}", outcome.stderr);
}
