//! A kernel without IPVS: one clear line about it; virtual routers run, save those whose addresses would serve nothing.

use crate::VIPD;
use crate::support::Implementation::Vipd;
use crate::support::{Config, Host, Lab, Scenario, Test, checked, has_ipvs, vm, wait_for};
use std::process::Command;
use std::time::Duration;

const NAME: &str = "no_ipvs::one_clear_line_and_vrrp_runs";
const WORDS: &str = "this kernel has no IPVS: modprobe ip_vs";

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new(NAME, |lab: &Lab| {
        if has_ipvs() {
            // Then a guest has to do that has none.
            let program = std::env::current_exe().expect("the path of this program");
            checked(Command::new(vm()).args(["-n", "--"]).arg(program).args(["--exact", NAME]));
        } else {
            listings_say_so(&lab.host("director", "10.9.0.1/16"));
            one_clear_line_and_vrrp_runs(&Scenario::build(lab, VIPD));
        }
    })]
}

/// Also those that would go on for ever: there is nothing to wait for.
fn listings_say_so(host: &Host) {
    for line in ["-L", "-L --json", "-L --watch", "-L --watch --json", "apply --dry-run --json /dev/null"] {
        let output = host.command(VIPD).arg("ipvs").args(line.split(' ')).output().expect("vipd starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{line}: {errors}");
        assert!(errors.starts_with(WORDS) && errors.lines().count() == 1, "{line}: {errors}");
    }
}

fn one_clear_line_and_vrrp_runs(scenario: &Scenario) {
    let other = "vrrp_instance OTHER {\n  interface eth0\n  virtual_router_id 9\n  priority 100\n  virtual_ipaddress {\n    \
                 192.168.219.240/24\n  }\n}\n";
    let config = Config::with_priority(Scenario::PRIORITIES[0]).text() + other;
    let master = scenario.start_with(0, Vipd, &config, &[]);
    let host = &scenario.directors[0];
    wait_for("the instance that serves nothing to run", Duration::from_secs(30), || {
        if host.has_address("192.168.219.240") { Ok(()) } else { Err(master.process().log()) }
    });
    scenario.wait_addresses(0, false);
    let log = master.process().log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("this kernel has no IPVS")).collect();
    let clear = |line: &str| line.contains("modprobe ip_vs");
    let (fault, table): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.contains("(VI) "));
    assert!(
        matches!(table[..], [line] if clear(line)) && matches!(fault[..], [line] if clear(line)),
        "one line says what is missing and what to do, one which instance waits for it: {lines:#?}"
    );
    assert!(log.contains("(VI) Entering FAULT STATE"), "{log}");
    assert!(!log.contains("Gained quorum"), "no client would find the service: {log}");
    master.terminate();
}
