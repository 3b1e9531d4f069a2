//! How long it takes to write a table into the kernel: the client, `vipd ipvs -R` and `ipvsadm -R` against a bare
//! sender of the same messages, 512 a send, the last one acknowledged.
//!
//! `cargo bench --bench ipvs_write [-- SERVICESxSERVERS...]`, by default 1000x10 and 1000x100. Where this kernel has no
//! IPVS, or you are not root, it runs in the lab's guest (`tests/lab/vm`): there, only the ratios count.
//!
//! Each run has a network namespace of its own. The kernel keeps removed destinations for two minutes in a list of
//! the namespace and searches it for each one that is added: a table written a second time would measure that list.
//! The namespaces stay until the end of a size, so that no clean-up runs beside a measurement.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

#[path = "ipvs/mod.rs"]
mod ipvs;

use ipvs::{bare, fresh, median, operations, text};
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vipd::ipvs::client::Client;

/// Runs of each.
const ROUNDS: usize = 5;
/// ipvsadm is slow: it writes tables of more messages once.
const PATIENCE: usize = 20_000;

fn main() {
    let arguments = ipvs::arguments();
    ipvs::in_the_lab(&arguments);
    for (services, servers) in ipvs::sizes(arguments, &["1000x10", "1000x100"]) {
        measure(services, servers);
    }
}

fn measure(services: u32, servers: u32) {
    let operations = operations(services, servers);
    let sends = bare::sends(&operations);
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), text(&operations)).unwrap();
    let restore = |program: &OsStr, arguments: &[&str], input: &Path| {
        let stdin = Stdio::from(File::open(input).unwrap());
        let start = Instant::now();
        let status = Command::new(program).args(arguments).stdin(stdin).status().unwrap();
        let time = start.elapsed();
        assert!(status.success());
        time
    };
    let slow = if operations.len() > PATIENCE { 1 } else { 3 };
    println!("{services} services x {servers} servers: {} messages", operations.len());
    let bare = || bare::write(&sends);
    let client = || {
        let start = Instant::now();
        let failed = Client::open().unwrap().execute(&operations);
        let time = start.elapsed();
        assert_eq!(failed, []);
        time
    };
    let vipd = || restore(OsStr::new(env!("CARGO_BIN_EXE_vipd")), &["ipvs", "-R"], rules.path());
    let ipvsadm = || restore(OsStr::new("ipvsadm"), &["-R"], rules.path());
    let writers: [&(dyn Fn() -> Duration + Sync); 4] = [&bare, &client, &vipd, &ipvsadm];
    let mut times = [const { Vec::new() }; 4];
    let mut kept = Vec::new();
    // In turns, so that whatever else the machine does meets all alike.
    for round in 0..ROUNDS {
        for (writer, times) in writers.iter().zip(&mut times).take(if round < slow { 4 } else { 3 }) {
            times.push(fresh(*writer, &operations, &mut kept));
        }
    }
    let [bare, client, vipd, ipvsadm] = times.map(median);
    for (name, time) in [("bare", bare), ("client", client), ("vipd ipvs -R", vipd), ("ipvsadm -R", ipvsadm)]
    {
        let ratio = time.as_secs_f64() / bare.as_secs_f64();
        println!("  {name:<13} {:>9.4} s  {ratio:>7.2} x bare", time.as_secs_f64());
    }
    // In an emulated guest it takes dozens of milliseconds to start any program.
    let nothing = || restore(OsStr::new(env!("CARGO_BIN_EXE_vipd")), &["ipvs", "-R"], Path::new("/dev/null"));
    let start = median((0..ROUNDS).map(|_| nothing()).collect());
    println!("  vipd ipvs -R of nothing, which is in the above: {:.4} s", start.as_secs_f64());
    println!(
        "  client 1 : {:.1} ipvsadm, vipd 1 : {:.1} ipvsadm",
        share(ipvsadm, client),
        share(ipvsadm, vipd)
    );
}

fn share(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}
