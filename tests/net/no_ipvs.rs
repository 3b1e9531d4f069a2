//! A kernel without IPVS: one clear line about it, and the virtual router works all the same.

use crate::VIPD;
use crate::support::Implementation::Vipd;
use crate::support::{Config, Lab, Scenario, Test, checked, has_ipvs, vm};
use std::process::Command;

const NAME: &str = "no_ipvs::one_clear_line_and_vrrp_runs";

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new(NAME, |lab: &Lab| {
        if has_ipvs() {
            // Then a guest has to do that has none.
            let program = std::env::current_exe().expect("the path of this program");
            checked(Command::new(vm()).args(["-n", "--"]).arg(program).args(["--exact", NAME]));
        } else {
            one_clear_line_and_vrrp_runs(&Scenario::build(lab, VIPD));
        }
    })]
}

fn one_clear_line_and_vrrp_runs(scenario: &Scenario) {
    let config = Config::with_priority(Scenario::PRIORITIES[0]).text();
    let master = scenario.start_with(0, Vipd, &config, &[]);
    scenario.wait_master(0);
    let log = master.process().log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("IPVS")).collect();
    assert!(
        matches!(lines[..], [line] if line.contains("this kernel has no IPVS") && line.contains("modprobe ip_vs")),
        "one line says what is missing and what to do: {lines:#?}"
    );
    master.terminate();
    scenario.wait_addresses(0, false);
}
