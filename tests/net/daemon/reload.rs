//! Reloads: of whole files, of damaged ones, of many.

use super::{LIMIT, another_worker, configuration, gone, logged, started, wait_address};
use crate::VIPD;
use crate::support::{Director, Host, Implementation, Lab, Test, Worker, wait_for};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::path::Path;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("daemon::a_reload_keeps_the_worker_and_a_broken_file_the_configuration", reload),
        Test::new("daemon::the_last_of_many_reloads_reaches_a_worker_that_did_not_read", reloads_unread),
        Test::new("daemon::reloads_of_empty_half_and_whole_files_end_no_worker", reloads_of_all_kinds),
        Test::new("daemon::a_reload_of_a_damaged_file_is_refused_as_a_whole", damaged),
        Test::new("daemon::a_keyword_lets_a_reload_be_as_keepalived_s", as_keepalived),
        Test::new("daemon::a_reload_that_takes_the_first_address_of_a_network_blames_nobody", first_address),
        Test::new("daemon::a_start_and_a_reload_wait_for_an_interface_that_is_missing", missing_device),
        Test::new("daemon::scripts_without_script_security_refuse_no_reload", scripts_without_security),
        Test::new("daemon::reload_check_config_has_the_findings_of_a_refused_reload", findings_go_to_a_file),
    ]
}

fn reload(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    director.reload("vrrp_instance VI {\n  interface eth0\n");
    logged(director.process(), "Reload refused: the configuration before it stays in force");
    director.reload(&configuration("10.0.0.101/24"));
    logged(director.process(), "Reload complete");
    assert_eq!(director.worker(Worker::Vrrp), worker);
    // No virtual router any more: its worker goes, the daemon stays.
    director.reload("global_defs {\n  router_id a\n}\n");
    gone(worker);
    director.reload(&configuration("10.0.0.102/24"));
    another_worker(&director, worker);
    director.terminate();
}

/// Puts a new configuration in the place of the old one, as editors do: nobody ever reads half of it.
fn replace(host: &Host, text: &str) {
    fs::write(host.file("new"), text).expect("write the configuration");
    fs::rename(host.file("new"), host.file("keepalived.conf")).expect("put it in its place");
}

fn reloads_unread(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    kill(worker, Signal::SIGSTOP).expect("halt a worker");
    for round in 1..=320 {
        let last = if round == 320 { 200 } else { 100 + round % 90 };
        replace(director.host(), &configuration(&format!("10.0.0.{last}/24")));
        director.process().signal(Signal::SIGHUP);
        // One after another: signals of one kind that wait become one.
        wait_for(format_args!("reload {round}"), LIMIT, || {
            let count = director.process().log().matches("Reloading ...").count();
            if count == round { Ok(()) } else { Err(count.to_string()) }
        });
    }
    assert!(!director.process().log().contains("Reload complete"), "nobody has done anything yet");
    kill(worker, Signal::SIGCONT).expect("let it go on");
    logged(director.process(), "Reload complete");
    wait_for("the last address alone", LIMIT, || {
        let addresses = director.host().addresses();
        let there = director.host().has_address("10.0.0.200") && !director.host().has_address("10.0.0.100");
        if there { Ok(()) } else { Err(format!("{addresses:?}")) }
    });
    assert_eq!(director.worker(Worker::Vrrp), worker, "{}", director.process().log());
    director.terminate();
}

fn reloads_of_all_kinds(lab: &Lab) {
    let director = started(lab, &[]);
    let whole = configuration("10.0.0.100/24");
    let half = &whole[..whole.len() / 2];
    let nothing = "global_defs {\n  router_id a\n}\n";
    for _ in 0..100 {
        for text in [nothing, half, &whole] {
            director.reload(text);
        }
    }
    director.reload(&configuration("10.0.0.101/24"));
    wait_for("the last address", LIMIT, || {
        let addresses = director.host().addresses();
        if director.host().has_address("10.0.0.101") { Ok(()) } else { Err(format!("{addresses:?}")) }
    });
    let log = director.process().log();
    assert!(!log.contains("died") && !log.contains("status 70"), "{log}");
    director.terminate();
}

fn damaged(lab: &Lab) {
    let director = started(lab, &[]);
    let host = director.host();
    wait_address(host, "10.0.0.100");
    let whole = configuration("10.0.0.100/24");
    let cut = whole.find("    10.0.0.100").expect("its address");
    let broken = [&whole[..cut], &whole.replace("virtual_ipaddress", "virtual_ipadress"), "", "# nothing\n"];
    for (round, text) in broken.into_iter().enumerate() {
        director.reload(text);
        wait_for(format_args!("refusal {round}"), LIMIT, || {
            let log = director.process().log();
            if log.matches("Reload refused").count() > round { Ok(()) } else { Err(log) }
        });
    }
    assert!(host.has_address("10.0.0.100"));
    assert!(!director.process().log().contains("Reload complete"));
    director.reload(&configuration("10.0.0.101/24"));
    logged(director.process(), "Reload complete");
    // What was wrong from the beginning is no reason to refuse.
    director.terminate();
    let host = lab.host("two", "10.0.1.1/24");
    let faulty = |address| format!("{}no_such_keyword\n", configuration(address));
    let director =
        Director::start(Implementation::Vipd, &host, Path::new(VIPD), &faulty("10.0.1.100/24"), &[]);
    logged(director.process(), "Startup complete");
    director.reload(&faulty("10.0.1.101/24"));
    logged(director.process(), "Reload complete");
    wait_address(&host, "10.0.1.101");
    director.terminate();
}

/// The kernel removes the others with it.
fn first_address(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let others = "10.0.5.2/24\n    10.0.5.3/24";
    let text = configuration(&format!("10.0.5.1/24\n    {others}"));
    let director = Director::start(Implementation::Vipd, &host, Path::new(VIPD), &text, &[]);
    wait_address(&host, "10.0.5.3");
    director.reload(&configuration(others));
    logged(director.process(), "Reload complete");
    wait_for("the others", LIMIT, || {
        let log = director.process().log();
        let again = log.contains("set 2 addresses: 10.0.5.2/24, 10.0.5.3/24");
        if again && host.has_address("10.0.5.3") { Ok(()) } else { Err(log) }
    });
    assert!(!host.has_address("10.0.5.1"));
    assert!(!director.process().log().contains("somebody removed"), "{}", director.process().log());
    // Who removes one is told of.
    host.run("ip address del 10.0.5.3/24 dev eth0");
    logged(director.process(), "somebody removed 10.0.5.3/24");
    director.terminate();
}

/// An address's, and a route's.
fn missing_device(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let routes = "virtual_routes {\n    10.9.0.0/24 dev later1\n  }\n}\n";
    let with = |address: &str| {
        let addresses = format!("{address}\n    10.0.5.1/24 dev later0");
        format!("{}{routes}", configuration(&addresses).trim_end().trim_end_matches('}'))
    };
    let missing = |director: &Director| {
        for interface in ["later0", "later1"] {
            let told = format!("Interface '{interface}' doesn't exist; what needs it is set when it appears");
            logged(director.process(), &told);
        }
        host.run("ip link add later0 type veth peer name later1");
        host.run("ip link set later0 up");
        host.run("ip link set later1 up");
        for (what, command, part) in [
            ("the address", "ip address show dev later0", "10.0.5.1/24"),
            ("the route", "ip route show 10.9.0.0/24", "later1"),
        ] {
            wait_for(what, LIMIT, || match host.run(command) {
                shown if shown.contains(part) => Ok(()),
                none => Err(none),
            });
        }
        host.run("ip link del later0");
    };
    let start = |text: &str| Director::start(Implementation::Vipd, &host, Path::new(VIPD), text, &[]);
    let director = start(&with("10.0.0.100/24"));
    wait_address(&host, "10.0.0.100");
    missing(&director);
    director.terminate();
    let director = start(&configuration("10.0.0.100/24"));
    wait_address(&host, "10.0.0.100");
    director.reload(&with("10.0.0.101/24"));
    logged(director.process(), "Reload complete");
    wait_address(&host, "10.0.0.101");
    missing(&director);
    director.terminate();
}

/// The same damaged file: what is left of it is carried out by both.
fn as_keepalived(lab: &Lab) {
    let global = "global_defs {\n  reload_as_keepalived\n}\n";
    let host = lab.host("one", "10.0.0.1/24");
    for implementation in [Implementation::Keepalived, Implementation::Vipd] {
        let text = format!("{global}{}", configuration("10.0.0.100/24"));
        let director = Director::start(implementation, &host, Path::new(VIPD), &text, &[]);
        wait_address(&host, "10.0.0.100");
        let cut = text.find("    10.0.0.100").expect("its address");
        director.reload(&text[..cut]);
        wait_for("the address to go", LIMIT, || {
            if host.has_address("10.0.0.100") { Err(director.process().log()) } else { Ok(()) }
        });
        // The file that asked for it is gone by now: its keyword was in the half that is left.
        director.reload("");
        director.reload(&text);
        wait_address(&host, "10.0.0.100");
        assert!(!director.process().log().contains("Reload refused"), "{}", director.process().log());
        director.terminate();
    }
}

fn findings_go_to_a_file(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let file = host.file("findings");
    let text = format!(
        "global_defs {{\n  reload_as_keepalived\n  reload_check_config {}\n}}\n{}",
        file.display(),
        configuration("10.0.0.100/24")
    );
    let director = Director::start(Implementation::Vipd, &host, Path::new(VIPD), &text, &[]);
    wait_address(&host, "10.0.0.100");
    director.reload(&text.replace("virtual_ipaddress", "virtual_ipadress"));
    logged(director.process(), "Reload refused");
    wait_for("what was found", LIMIT, || {
        let found = fs::read_to_string(&file).unwrap_or_default();
        if found.contains("'virtual_ipadress'") { Ok(()) } else { Err(found) }
    });
    assert!(host.has_address("10.0.0.100"), "checked, so refused");
    director.terminate();
}

/// An interface is misspelt and put right again; then a script comes that is not there.
fn scripts_without_security(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let plain = configuration("10.0.0.100/24");
    let notified = plain.replace("  priority", "  notify /bin/true\n  priority");
    let missing = "vrrp_script s {\n  script /nonexistent/x\n}\n";
    let tracked = plain.replace("  priority", "  track_script {\n    s\n  }\n  priority");
    for implementation in [Implementation::Keepalived, Implementation::Vipd] {
        let director = Director::start(implementation, &host, Path::new(VIPD), &plain, &[]);
        wait_address(&host, "10.0.0.100");
        // keepalived ends where an interface is missing.
        if implementation == Implementation::Vipd {
            director.reload(&notified.replace("eth0", "eht0"));
            wait_for("the address to go", LIMIT, || {
                if host.has_address("10.0.0.100") { Err(director.process().log()) } else { Ok(()) }
            });
        }
        director.reload(&notified);
        wait_address(&host, "10.0.0.100");
        logged(director.process(), "script_security");
        director.reload(&format!("{missing}{tracked}").replace("0.100/", "0.101/"));
        wait_address(&host, "10.0.0.101");
        assert!(!director.process().log().contains("Reload refused"), "{}", director.process().log());
        director.terminate();
    }
}
