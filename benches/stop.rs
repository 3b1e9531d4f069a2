//! How long a stop takes: from SIGTERM to the end of all processes, as a master that has an address to give back.
//! vipd and keepalived in turns on the same host. `cargo bench --bench stop`; needs root and namespaces.
#![allow(clippy::disallowed_methods, reason = "it measures real time")]

#[path = "../tests/lab/support/mod.rs"]
mod support;

use nix::sys::signal::Signal;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::{Config, Director, Host, Implementation, Kernel, guarded, run_where_possible, wait_for};

const VIPD: &str = env!("CARGO_BIN_EXE_vipd");
const ROUNDS: usize = 10;

/// What vipd promises.
const LIMIT: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    // `cargo test --benches` calls it too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    run_where_possible(Kernel::Any);
    let outcome = guarded(|lab| {
        let host = lab.host("director", "192.168.219.201/24");
        let programs = [Implementation::Vipd, Implementation::Keepalived];
        let mut times = programs.map(|_| Vec::new());
        for _ in 0..ROUNDS {
            for (program, times) in programs.into_iter().zip(&mut times) {
                times.push(stop(&host, program));
            }
        }
        for (program, times) in programs.into_iter().zip(&mut times) {
            times.sort();
            println!(
                "{:<10} SIGTERM to gone: median {:>7.1?}, worst {:>7.1?}",
                program.to_string(),
                times[ROUNDS / 2],
                times[ROUNDS - 1]
            );
        }
        let worst = times[0][ROUNDS - 1];
        assert!(worst < LIMIT, "vipd took {worst:?}, more than {LIMIT:?}");
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// One life of a master, and how long its end takes.
fn stop(host: &Host, program: Implementation) -> Duration {
    let config = Config::with_priority(150).vrrp();
    let director = Director::start(program, host, VIPD.as_ref(), &config, &["-P"]);
    wait_for("the address", Duration::from_secs(10), || {
        if host.has_address("192.168.219.230") { Ok(()) } else { Err("it is not there".to_owned()) }
    });
    let start = Instant::now();
    director.process().signal(Signal::SIGTERM);
    while director.process().exited().is_none() {
        sleep(Duration::from_micros(100));
    }
    let time = start.elapsed();
    assert!(!host.has_address("192.168.219.230"), "{program} left its address behind");
    time
}
