//! Traffic through the tables that `vipd ipvs` and the daemon write: each forwarding method, each scheduler, and what else
//! decides where a packet goes. Packets are looked at where the server gets them, and an answer has to reach the client.

mod daemon;
mod drain;
mod methods;
mod network;
pub(crate) mod packet;
mod policy;
mod schedulers;

use crate::support::Test;
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;

pub(crate) fn tests() -> Vec<Test> {
    methods::tests()
        .chain(policy::tests())
        .chain(schedulers::tests())
        .chain(drain::tests())
        .chain(daemon::tests())
        .collect()
}

/// Loads modules that a test's hosts need of the kernel; the first time says which this kernel does not have.
pub(crate) fn lacks(modules: &[&'static str]) -> bool {
    static TRIED: Mutex<BTreeMap<&str, bool>> = Mutex::new(BTreeMap::new());
    let mut tried = TRIED.lock().expect("no panic while held");
    let mut there = |module: &'static str| {
        *tried.entry(module).or_insert_with(|| {
            let status = Command::new("modprobe").args(["-q", module]).status();
            let there = status.is_ok_and(|status| status.success());
            if !there {
                println!("This kernel has no {module}: what needs it is not tested.");
            }
            there
        })
    };
    !modules.iter().all(|module| there(module))
}
