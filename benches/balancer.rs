//! What the balancer costs in memory, without a kernel: whether a configuration, a reload, a server's death and what the
//! kernel should hold grow with the number of real servers and no faster, whatever their shape.
//!
//! `cargo bench --bench balancer [-- SERVICESxSERVERS...]`.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, Instant};
use vipd::check::adopt::Found;
use vipd::check::balancer::shown::{Place, Shown};
use vipd::check::config::{Checker, Endpoint, Probe, RealServer, Schedule, VirtualServer};
use vipd::check::event::{Action, Event, ProbeId};
use vipd::check::probe::{Failure, Outcome};
use vipd::check::{Balancer, Config};
use vipd::ipvs::model::{Forward, Protocol};
use vipd::time;

const SIZES: [&str; 7] =
    ["100x100", "1000x100", "10000x100", "10x1000", "10x10000", "10x100000", "100000x10"];

fn main() {
    // `cargo test --benches` calls it too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [size] = &arguments[..] {
        let (services, servers) = size.split_once('x').expect("SERVICESxSERVERS");
        return measure(size, services.parse().unwrap(), servers.parse().unwrap());
    }
    println!(
        "for each real server: nanoseconds, and bytes; a piece of a copy for those who are shown it: the longest one"
    );
    println!(
        "{:<14} {:>8} {:>8} {:>8} {:>8} {:>8} {:>14} {:>16}",
        "", "start", "reload", "table", "check", "bytes", "a death, us", "copy, piece, ms"
    );
    let sizes = if arguments.is_empty() { SIZES.map(str::to_owned).to_vec() } else { arguments };
    for size in sizes {
        // A process of its own: what one has taken is not there for the next.
        let program = std::env::current_exe().unwrap();
        assert!(Command::new(program).args(["--bench", &size]).status().unwrap().success());
    }
}

/// Every server has a check.
fn config(services: u32, servers: u32, weight: u32) -> Config {
    let virtual_server = |s: u32| {
        let address = |n: u32| SocketAddr::from((Ipv4Addr::from_bits(0x0a00_0000 + s * servers + n), 80));
        let endpoint = Endpoint::Address((Ipv4Addr::from_bits(0xac10_0000 + s), 80).into());
        let mut vs = VirtualServer::new(format!("service {s}"), endpoint, Protocol::Tcp);
        vs.real_servers = (0..servers)
            .map(|n| {
                let schedule = Schedule { warmup: Duration::ZERO, retry: 0, ..Schedule::DEFAULT };
                let checkers = vec![Checker { schedule, ..Checker::new(address(n), Probe::Tcp) }];
                RealServer { forward: Forward::DirectRoute, checkers, ..RealServer::new(address(n)) }
            })
            .collect();
        vs
    };
    let mut config =
        Config { virtual_servers: (0..services).map(virtual_server).collect(), ..Config::default() };
    config.virtual_servers[0].real_servers[0].weight = weight;
    config
}

fn measure(name: &str, services: u32, servers: u32) {
    let count = f64::from(services) * f64::from(servers);
    let each = |time: Duration| time.as_secs_f64() * 1e9 / count;
    let [first, changed] = [1, 2].map(|weight| config(services, servers, weight));
    let before = resident();
    let mut balancer = Balancer::new(0);
    let mut actions = Vec::new();
    let start = Instant::now();
    balancer.configure(time::Instant::ZERO, first, &Found::default(), &mut actions);
    let started = start.elapsed();
    actions = Vec::new();
    let bytes = (resident() - before) * 1024.0 / count;

    // Every check once: what is due is found, and what it says is taken in.
    let mut ran = 0;
    let start = Instant::now();
    while ran < services * servers {
        let now = balancer.next_timeout().unwrap();
        balancer.handle_timeout(now, &mut actions);
        let probes = begun(&mut actions);
        ran += probes.len() as u32;
        for probe in probes {
            balancer.handle(now, Event::ProbeFinished { probe, outcome: Outcome::Passed }, &mut actions);
        }
        actions.clear();
    }
    let checked = start.elapsed();

    let start = Instant::now();
    black_box(balancer.desired());
    let desired = start.elapsed();

    let start = Instant::now();
    balancer.configure(time::Instant::ZERO, changed, &Found::default(), &mut actions);
    let reloaded = start.elapsed();
    actions.clear();

    let mut deaths = 0;
    let mut died = Duration::ZERO;
    while deaths < 1000 {
        let now = balancer.next_timeout().unwrap();
        balancer.handle_timeout(now, &mut actions);
        let probes = begun(&mut actions);
        for probe in probes {
            let outcome = Outcome::Failed(Failure::Timeout);
            let start = Instant::now();
            balancer.handle(now, Event::ProbeFinished { probe, outcome }, &mut actions);
            died += start.elapsed();
            deaths += 1;
        }
        actions.clear();
    }
    println!(
        "{name:<14} {:>8.0} {:>8.0} {:>8.0} {:>8.0} {bytes:>8.0} {:>14.2} {:>16.2}",
        each(started),
        each(reloaded),
        each(desired),
        each(checked),
        died.as_secs_f64() * 1e6 / f64::from(deaths),
        copy(&balancer).as_secs_f64() * 1e3
    );
}

/// The longest piece of a copy of everything, as `daemon::check::dumps` makes it.
fn copy(balancer: &Balancer) -> Duration {
    let (mut place, mut shown, mut longest) = (Place::default(), Shown::default(), Duration::ZERO);
    loop {
        let start = Instant::now();
        let has_more = balancer.show_some(&mut place, 2000, &mut shown);
        longest = longest.max(start.elapsed());
        if !has_more {
            black_box(shown);
            return longest;
        }
    }
}

/// The probes that are to be started; nothing else is looked at.
fn begun(actions: &mut Vec<Action>) -> Vec<ProbeId> {
    let probe = |action| if let Action::StartProbe(probe) = action { Some(probe) } else { None };
    actions.drain(..).filter_map(probe).collect()
}

/// KiB.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
