//! What others are told of virtual routers: scripts, as keepalived calls them, in the same stories.

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Director, Host, Lab, Test, wait_for};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn tests() -> Vec<Test> {
    let mut tests = vec![
        Test::new("notify::a_script_that_hangs_delays_no_advert_and_not_the_stop", hangs),
        Test::new("notify::with_dont_release_vrrp_the_stop_is_told", dont_release),
        Test::new("notify::at_the_stop_no_script_runs_that_had_to_wait_but_the_last", what_waits_at_the_stop),
    ];
    for program in [Keepalived, Vipd] {
        tests.push(Test::new(
            format!("notify::{program}::scripts_hear_of_start_fault_takeover_reload_and_stop"),
            move |lab: &Lab| scripts_hear_of_start_fault_takeover_reload_and_stop(lab, program),
        ));
        tests.push(Test::new(
            format!("notify::{program}::a_group_is_told_of_behind_its_members"),
            move |lab: &Lab| a_group_is_told_of_behind_its_members(lab, program),
        ));
    }
    tests
}

/// Makes a shell script that writes its arguments, a line a call, into `calls`; then comes `more`.
fn script(host: &Host, name: &str, more: &str) -> String {
    let path = host.file(name);
    let calls = host.file("calls");
    let text =
        format!("#!/bin/sh\ndir={}\necho \"$*\" >> {}\n{more}\n", host.file("").display(), calls.display());
    fs::write(&path, text).expect("write a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("make it executable");
    path.display().to_string()
}

fn calls(host: &Host) -> Vec<String> {
    let text = fs::read_to_string(host.file("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn wait_call(host: &Host, call: &str) {
    wait_for(format_args!("the call {call}"), LIMIT, || {
        let calls = calls(host);
        if calls.iter().any(|other| other == call) { Ok(()) } else { Err(calls.join("\n")) }
    });
}

const GLOBALS: &str = "script_user root\n  enable_script_security\n  vrrp_garp_master_repeat 1\n";

fn instance(name: &str, vrid: u8, priority: u8, address: &str, notify: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n  interface eth0\n  virtual_router_id {vrid}\n  priority {priority}\n  \
         advert_int 1\n  virtual_ipaddress {{\n    {address}\n  }}\n{notify}}}\n"
    )
}

fn start(program: Implementation, host: &Host, config: &str, more: &[&str]) -> Director {
    Director::start(program, host, Path::new(VIPD), config, more)
}

/// One life: start, a better router that comes and goes, a cable that is pulled, a reload without one of the instances,
/// the stop. Scripts of one event may overtake each other with keepalived, so each kind is looked at for itself.
fn scripts_hear_of_start_fault_takeover_reload_and_stop(lab: &Lab, program: Implementation) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    // As a script of a user that binds to the address, or leaves it.
    let has = "ip -o address show dev eth0 | grep -q \"$2\" && echo \"$1 $2 is set\" >> ${dir}calls";
    let all = script(&one, "all", "");
    let own = script(&one, "own", has);
    let notify = |name: &str, address: &str, deleted: &str| {
        let of = |event: &str| format!("  notify_{event} \"{own} {event}-{name} {address}\"\n");
        let states = ["master", "backup", "fault", "stop"].map(of).concat();
        format!("  notify \"{all} 'two words'\"\n{states}{deleted}")
    };
    let deleted = format!("  notify_deleted \"{own} deleted-C 10.0.0.102\"\n");
    let a = instance("A", 1, 150, "10.0.0.100/24", &notify("A", "10.0.0.100", ""));
    let b = instance("B", 2, 100, "10.0.0.101/24", &notify("B", "10.0.0.101", ""));
    let c = instance("C", 3, 100, "10.0.0.102/24", &notify("C", "10.0.0.102", &deleted));
    let globals = format!("global_defs {{\n  {GLOBALS}}}\n");
    let director = start(program, &one, &(globals.clone() + &a + &b + &c), &[]);
    for name in ["A", "B", "C"] {
        wait_call(&one, &format!("two words INSTANCE {name} MASTER {}", if name == "A" { 150 } else { 100 }));
    }
    // A better router for B.
    let other = start(Keepalived, &two, &instance("B", 2, 200, "10.0.0.101/24", ""), &[]);
    let backups = |count: usize| {
        wait_for("B to be a backup", LIMIT, || {
            let calls = calls(&one);
            let backups = calls.iter().filter(|call| *call == "two words INSTANCE B BACKUP 100").count();
            if backups == count { Ok(()) } else { Err(calls.join("\n")) }
        });
    };
    backups(2);
    other.terminate();
    let masters = |name: &str, count: usize| {
        wait_for(format_args!("{name} to be master"), LIMIT, || {
            let calls = calls(&one);
            let line = format!("master-{name} ");
            let all = calls.iter().filter(|call| call.starts_with(&line));
            let (set, called): (Vec<_>, Vec<_>) = all.partition(|call| call.ends_with("is set"));
            // The script has looked for the address, too: what comes next may take it.
            if (called.len(), set.len()) == (count, count) { Ok(()) } else { Err(calls.join("\n")) }
        });
    };
    masters("B", 2);
    one.unplug();
    for (name, priority) in [("A", 150), ("B", 100), ("C", 100)] {
        wait_call(&one, &format!("two words INSTANCE {name} FAULT {priority}"));
    }
    one.plug_in();
    for (name, count) in [("A", 2), ("B", 3), ("C", 2)] {
        masters(name, count);
    }
    // B goes without notify_deleted, C with.
    director.reload(&(globals.clone() + &a));
    wait_call(&one, "two words INSTANCE C DELETED 100");
    wait_for("B's end", LIMIT, || {
        let calls = calls(&one);
        let faults = calls.iter().filter(|call| *call == "two words INSTANCE B FAULT 100").count();
        if faults == 2 { Ok(()) } else { Err(calls.join("\n")) }
    });
    let took = director.terminate();
    assert!(took < Duration::from_secs(3), "{took:?}");
    let calls = calls(&one);
    let mut by_kind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for call in &calls {
        let kind = if call.starts_with("two words") { "all" } else { "own" };
        let name = ["A", "B", "C"]
            .into_iter()
            .find(|name| call.contains(&format!("INSTANCE {name} ")) || call.contains(&format!("-{name} ")));
        let key = match (kind, name) {
            ("all", Some("A")) => "all A",
            ("all", Some("B")) => "all B",
            ("all", _) => "all C",
            (_, Some("A")) => "own A",
            (_, Some("B")) => "own B",
            _ => "own C",
        };
        by_kind.entry(key).or_default().push(call);
    }
    let states = |name: &str, priority: u8, states: &[&str]| -> Vec<String> {
        states.iter().map(|state| format!("two words INSTANCE {name} {state} {priority}")).collect()
    };
    assert_eq!(
        by_kind["all A"],
        states("A", 150, &["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"])
    );
    let of_b = ["BACKUP", "MASTER", "BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "FAULT"];
    assert_eq!(by_kind["all B"], states("B", 100, &of_b));
    assert_eq!(
        by_kind["all C"],
        states("C", 100, &["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "DELETED"])
    );
    let own = |name: &str, address: &str, events: &[&str]| -> Vec<String> {
        let line = |event: &&str| {
            let call = format!("{event}-{name} {address}");
            // The address is there exactly when its master is told of.
            let is_set = (*event == "master").then(|| format!("{call} is set"));
            [call].into_iter().chain(is_set)
        };
        events.iter().flat_map(line).collect()
    };
    assert_eq!(
        by_kind["own A"],
        own("A", "10.0.0.100", &["backup", "master", "fault", "backup", "master", "stop"])
    );
    let of_b = ["backup", "master", "backup", "master", "fault", "backup", "master"];
    assert_eq!(by_kind["own B"], own("B", "10.0.0.101", &of_b));
    assert_eq!(
        by_kind["own C"],
        own("C", "10.0.0.102", &["backup", "master", "fault", "backup", "master", "deleted"])
    );
}

fn a_group_is_told_of_behind_its_members(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let (all, own) = (script(&one, "all", ""), script(&one, "own", ""));
    let fifo = one.file("fifo");
    let of = |state: &str| format!("  notify_{state} \"{own} {state}\"\n");
    let states = ["master", "backup", "fault", "stop"].map(of).concat();
    let config = format!(
        "global_defs {{\n  {GLOBALS}  vrrp_notify_fifo {}\n}}\nvrrp_sync_group G {{\n  group {{\n    A\n    B\n  }}\n  \
         notify \"{all} group\"\n{states}}}\n",
        fifo.display()
    ) + &instance("A", 1, 150, "10.0.0.100/24", "")
        + &instance("B", 2, 100, "10.0.0.101/24", "");
    let director = start(program, &one, &config, &[]);
    wait_for("the FIFO", LIMIT, || if fifo.exists() { Ok(()) } else { Err("not there".to_owned()) });
    let mut follow = one.command("cat");
    let reader = one.start("reader", follow.arg(&fifo));
    let masters = |count: usize| {
        wait_for(format_args!("{count} times master"), LIMIT, || {
            let calls = calls(&one);
            let masters = calls.iter().filter(|call| *call == "group GROUP G MASTER 0").count();
            if masters == count { Ok(()) } else { Err(calls.join("\n")) }
        });
    };
    masters(1);
    one.unplug();
    wait_call(&one, "group GROUP G FAULT 0");
    one.plug_in();
    masters(2);
    director.terminate();
    wait_call(&one, "group GROUP G STOP 0");
    wait_call(&one, "stop");
    let calls = calls(&one);
    let all: Vec<&str> = calls.iter().filter_map(|call| call.strip_prefix("group ")).collect();
    let states = ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP"];
    assert_eq!(all, states.map(|state| format!("GROUP G {state} 0")));
    let own: Vec<&str> = calls.iter().map(String::as_str).filter(|call| !call.starts_with("group")).collect();
    assert_eq!(own, states.map(str::to_ascii_lowercase));
    wait_for("the last line", LIMIT, || {
        let log = reader.log();
        if log.ends_with("GROUP \"G\" STOP 0\n") { Ok(()) } else { Err(log) }
    });
    let log = reader.log();
    let lines: Vec<&str> = log.lines().collect();
    let position =
        |line: &str| lines.iter().position(|other| *other == line).unwrap_or_else(|| panic!("{line}: {log}"));
    for (state, rest) in [("MASTER", ["150", "100"]), ("STOP", ["150", "100"])] {
        let group = position(&format!("GROUP \"G\" {state} 0"));
        for (name, priority) in ["A", "B"].into_iter().zip(rest) {
            assert!(position(&format!("INSTANCE \"{name}\" {state} {priority}")) < group, "{log}");
        }
    }
    let group = position("GROUP \"G\" BACKUP 0");
    assert!(group < position("INSTANCE \"A\" BACKUP 150"), "at start it comes first: {log}");
}

/// A configuration of one instance with these scripts.
fn alone(notify: &str) -> String {
    format!("global_defs {{\n  {GLOBALS}}}\n") + &instance("A", 1, 150, "10.0.0.100/24", notify)
}

fn hangs(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let script = script(&one, "hangs", "case $1 in *MASTER*|master) sleep 1000;; esac");
    let notify = format!("  notify_master \"{script} master\"\n  notify \"{script}\"\n");
    let director = start(Vipd, &one, &alone(&notify), &[]);
    wait_call(&one, "master");
    // Both of the event run.
    wait_call(&one, "INSTANCE A MASTER 150");
    let took = director.terminate();
    // The stop's own script waits for the other for a second, then runs beside it; what hangs is ended behind that.
    wait_call(&one, "INSTANCE A STOP 150");
    assert!(took < Duration::from_secs(9), "{took:?}");
}

/// Nobody may be promoted by a script that had to wait until the end.
fn what_waits_at_the_stop(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let script = script(&one, "slow", "case $3 in BACKUP) sleep 1000;; esac");
    let notify = format!("  notify \"{script}\"\n");
    let director = start(Vipd, &one, &alone(&notify), &[]);
    wait_call(&one, "INSTANCE A BACKUP 150");
    wait_for("the address", LIMIT, || {
        if one.has_address("10.0.0.100") { Ok(()) } else { Err(calls(&one).join("\n")) }
    });
    director.terminate();
    assert_eq!(calls(&one), ["INSTANCE A BACKUP 150", "INSTANCE A STOP 150"]);
}

fn dont_release(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let script = script(&one, "all", "");
    let notify = format!("  notify \"{script}\"\n");
    let director = start(Vipd, &one, &alone(&notify), &["-V"]);
    wait_call(&one, "INSTANCE A MASTER 150");
    director.terminate();
    wait_call(&one, "INSTANCE A STOP 150");
    assert!(one.has_address("10.0.0.100"));
}
