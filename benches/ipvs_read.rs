//! How long it takes to list a table, and how much memory: the client, `vipd ipvs -Ln` and `-Sn`, `ipvsadm -Ln` and
//! `-Sn` against a bare reader of the same messages: one socket, the services, then the servers of each, its bytes
//! counted and not looked at.
//!
//! `cargo bench --bench ipvs_read [-- SERVICESxSERVERS...]`, by default 1000x10, 1000x100 and 10x10000. Where this
//! kernel has no IPVS, or you are not root, it runs in the lab's guest (`tests/lab/vm`): there, only the ratios count.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

#[path = "ipvs/mod.rs"]
mod ipvs;

use ipvs::{bare, median};
use nix::sys::resource::{UsageWho, getrusage};
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vipd::ipvs::client::Client;

/// Runs of each.
const ROUNDS: usize = 7;
/// ipvsadm is slow: it lists larger tables less often.
const PATIENCE: u32 = 20_000;
/// The first argument of the run that only measures the memory of another program.
const PEAK: &str = "peak-memory-of";

fn main() {
    let arguments = ipvs::arguments();
    if let [mark, program, rest @ ..] = &arguments[..]
        && mark == PEAK
    {
        let status = Command::new(program).args(rest).stdout(Stdio::null()).status().unwrap();
        assert!(status.success());
        println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss());
        return;
    }
    ipvs::in_the_lab(&arguments);
    for (services, servers) in ipvs::sizes(arguments, &["1000x10", "1000x100", "10x10000"]) {
        measure(services, servers);
    }
}

fn measure(services: u32, servers: u32) {
    // A table of its own; the one before goes with its namespace.
    ipvs::enter_new_namespace();
    let operations = ipvs::operations(services, servers);
    assert_eq!(Client::open().unwrap().execute(&operations), []);
    let dumps = bare::dumps(&operations);
    println!("{services} services x {servers} servers");

    let run = |program: &str, arguments: &[&str]| {
        let start = Instant::now();
        assert!(Command::new(program).args(arguments).stdout(Stdio::null()).status().unwrap().success());
        start.elapsed()
    };
    let bare = || {
        let (time, bytes) = bare::read(&dumps);
        assert!(bytes > 100 * u64::from(services * servers), "{bytes} bytes");
        time
    };
    let client = || {
        let start = Instant::now();
        let reading = Client::open().unwrap().reading().unwrap();
        let time = start.elapsed();
        assert_eq!(reading.services.len(), services as usize);
        assert!(reading.services.iter().all(|(_, dests)| dests.len() == servers as usize));
        black_box(reading);
        time
    };
    let vipd = env!("CARGO_BIN_EXE_vipd");
    let listings: [(&str, &str, &[&str]); 4] = [
        ("vipd ipvs -Ln", vipd, &["ipvs", "-Ln"]),
        ("vipd ipvs -Sn", vipd, &["ipvs", "-Sn"]),
        ("ipvsadm -Ln", "ipvsadm", &["-Ln"]),
        ("ipvsadm -Sn", "ipvsadm", &["-Sn"]),
    ];
    let mut times = [const { Vec::new() }; 6];
    let slow = if services * servers > PATIENCE { 3 } else { ROUNDS };
    // In turns, so that whatever else the machine does meets all alike.
    for round in 0..ROUNDS {
        let [bare_times, client_times, listing_times @ ..] = &mut times;
        bare_times.push(bare());
        client_times.push(client());
        for ((name, program, arguments), times) in listings.iter().zip(listing_times) {
            if round < slow || !name.starts_with("ipvsadm") {
                times.push(run(program, arguments));
            }
        }
    }
    let times = times.map(median);
    let line = |name: &str, time: Duration, memory: &str| {
        let ratio = time.as_secs_f64() / times[0].as_secs_f64();
        println!("  {name:<14} {:>9.4} s  {ratio:>6.2} x bare {memory}", time.as_secs_f64());
    };
    line("bare", times[0], "");
    line("client", times[1], "");
    for ((name, program, arguments), time) in listings.iter().zip(&times[2..]) {
        line(name, *time, &format!("{:>8} KiB", peak(program, arguments)));
    }
}

/// The most memory that a program had at once, in KiB.
fn peak(program: &str, arguments: &[&str]) -> u64 {
    let output =
        Command::new(std::env::current_exe().unwrap()).args([PEAK, program]).args(arguments).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().parse().unwrap()
}
