//! How long `vipd ipvs apply` takes to change one server of a large table, against reading that table: bare, by the
//! client, and by a command (`vipd ipvs -Sn`), which has to be started, too. And what it costs to add a table again after
//! it was removed, against adding it first.
//!
//! `cargo bench --bench ipvs_apply [-- SERVICESxSERVERS...]`, by default 1000x10 and 1000x100. Where this kernel has no
//! IPVS, or you are not root, it runs in the lab's guest (`tests/lab/vm`): there, only the ratios count.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

#[path = "ipvs/mod.rs"]
mod ipvs;

use ipvs::{bare, fresh, median, text};
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vipd::ipvs::client::Client;
use vipd::ipvs::operation::Operation;

/// Runs of each.
const ROUNDS: usize = 5;
/// Larger tables are not added again after a bare flush.
const PATIENCE: usize = 20_000;

fn main() {
    let arguments = ipvs::arguments();
    ipvs::in_the_lab(&arguments);
    for (services, servers) in ipvs::sizes(arguments, &["1000x10", "1000x100"]) {
        println!("{services} services x {servers} servers");
        let operations = ipvs::operations(services, servers);
        apply(&operations);
        again(&operations);
    }
}

/// Runs `vipd ipvs` with these arguments and this file as its standard input.
fn vipd(arguments: &[&str], input: &std::path::Path) -> Duration {
    let stdin = Stdio::from(File::open(input).unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_vipd"));
    command.arg("ipvs").args(arguments).stdin(stdin).stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status().unwrap();
    let time = start.elapsed();
    assert!(status.success());
    time
}

fn apply(operations: &[Operation]) {
    let mut changed = operations.to_vec();
    let Some(Operation::AddDest(_, dest)) = changed.last_mut() else { unreachable!() };
    dest.weight += 1;
    let files = [operations, &changed].map(|operations| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text(operations)).unwrap();
        file
    });
    let times = std::sync::Mutex::new([const { Vec::new() }; 4]);
    let work = || {
        assert_eq!(Client::open().unwrap().execute(operations), []);
        for round in 0..ROUNDS {
            let (bare, _) = bare::read(&bare::dumps(operations));
            let start = Instant::now();
            let table = Client::open().unwrap().table().unwrap();
            let client = start.elapsed();
            drop(table);
            let file = files[(round + 1) % 2].path();
            let save = vipd(&["-Sn"], file);
            let apply = vipd(&["apply", "-"], file);
            let mut times = times.lock().unwrap();
            for (times, time) in times.iter_mut().zip([bare, client, save, apply]) {
                times.push(time);
            }
        }
        Duration::ZERO
    };
    fresh(&work, operations, &mut Vec::new());
    let [bare, client, save, apply] = times.into_inner().unwrap().map(|times| median(times).as_secs_f64());
    let lines = [("bare reading", bare), ("client's", client), ("-Sn", save), ("apply, one changed", apply)];
    for (name, time) in lines {
        println!("  {name:<26} {time:>9.4} s  {:>7.2} x bare  {:>7.2} x -Sn", time / bare, time / save);
    }
}

fn again(operations: &[Operation]) {
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), text(operations)).unwrap();
    let nothing = tempfile::NamedTempFile::new().unwrap();
    let clear = || assert!(!vipd(&["-C"], nothing.path()).is_zero());
    let flush = || assert_eq!(Client::open().unwrap().execute(&[Operation::Flush]), []);
    let remove = || assert!(!vipd(&["apply", "-"], nothing.path()).is_zero());
    let ways: [(&str, &(dyn Fn() + Sync)); 3] = [
        ("again after vipd's -C", &clear),
        ("again after apply", &remove),
        ("again after a bare flush", &flush),
    ];
    let restore = || vipd(&["-R"], rules.path());
    let mut kept = Vec::new();
    let first = median((0..3).map(|_| fresh(&restore, operations, &mut kept)).collect()).as_secs_f64();
    println!("  {:<26} {first:>9.4} s", "-R into nothing");
    // What takes long grows with the square.
    for (name, remove) in ways.into_iter().take(if operations.len() > PATIENCE { 2 } else { 3 }) {
        let work = || {
            restore();
            remove();
            restore()
        };
        let time = fresh(&work, operations, &mut kept).as_secs_f64();
        println!("  {name:<26} {time:>9.4} s  {:>7.2} x first", time / first);
    }
}
