//! VRRP where it is hard: many interfaces, many addresses, floods. vipd beside keepalived, in the same run.
//!
//! `cargo bench --bench vrrp` (root; network namespaces). `VIPD_BENCH_ONLY`: the name of a row;
//! `VIPD_BENCH_COUNT`: of `takeover`, only that many addresses; `VIPD_BENCH_PEER`: keepalived, another binary with its
//! flags, or empty for none.
//!
//! | row | what it is |
//! |---|---|
//! | interfaces | backup of N instances on N interfaces, an advert a second on each: processor time of ten seconds, memory. The programs take turns, five times: the middle one counts, as the same program needs half or twice as much a minute later |
//! | instances | 4,000 instances on 16 interfaces: memory |
//! | takeover | an instance takes over N addresses, again and again. Meanwhile the longest silence of a master of 10 ms on another interface, and how often a backup of 10 ms whose master lives became master |
//! | routes | the same with one address, 10,000 routes and 1,000 rules |
//! | flood | a master of N addresses under R valid adverts of lower priority a second, for five seconds: the longest gap between its adverts of 1 s, its frames a second, memory |
//! | scale | N masters on one host, their backups on the other: processor time, memory, and when the masters are killed, the time from the first to the last address's announcement |
//! | large | an instance takes over 1,000 addresses: from its first advert until all were announced |
//! | punctual | 1,000 masters at 100 ms while the other processors are busy: how far intervals are off, beside those of a thread that only sleeps |
//! | outage | the longest silence for a client of an address, when the cable of its master of 10 ms is pulled |
//! | reloads | 10,000 reloads (vipd only): memory, descriptors, and the longest silence of an instance of 10 ms that stays the same |
//! | many | 65,025 instances on 255 interfaces (vipd only): until all have their addresses, processor time, memory, the end |
//! | event | an address comes or goes that is nobody's, on an interface with 10,000 virtual addresses: processor time of each |
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "it measures real time")]

#[path = "../../tests/lab/support/mod.rs"]
mod support;

mod reloads;
mod scale;
mod stage;
mod voice;

use scale::Shape;
use stage::{Instance, Program, Stage, addresses, memory, network, processor_time};
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::Duration;
use support::{Capture, Process, wait_for};
use voice::{Speech, Voice};

const SECOND: Duration = Duration::from_secs(1);
const FAST: Duration = Duration::from_millis(10);
/// A row of the table, and what measures it.
type Row = (&'static str, fn(&[Program]));

const LIMIT: Duration = Duration::from_secs(60);

fn main() {
    // `cargo test --benches` and test runners that list call it too.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    assert!(nix::unistd::geteuid().is_root(), "network namespaces need root");
    let only = std::env::var("VIPD_BENCH_ONLY").unwrap_or_default();
    let peer = std::env::var("VIPD_BENCH_PEER").unwrap_or_else(|_| "keepalived".into());
    let mut programs =
        vec![Program { name: "vipd".into(), command: vec![env!("CARGO_BIN_EXE_vipd").into(), "run".into()] }];
    if !peer.is_empty() {
        programs.push(Program { name: peer.clone(), command: vec![peer.into()] });
    }
    let rows: [Row; 12] = [
        ("interfaces", |programs| [250, 1000].into_iter().for_each(|count| interfaces(programs, count))),
        ("instances", |programs| programs.iter().for_each(instances)),
        ("takeover", |programs| {
            let wanted = std::env::var("VIPD_BENCH_COUNT").ok().and_then(|count| count.parse::<usize>().ok());
            for (count, rounds) in [(200, 20), (1000, 20), (2000, 20), (5000, 20), (20_000, 3)] {
                if wanted.is_none_or(|wanted| wanted == count) {
                    programs.iter().for_each(|program| takeover(program, count, "", rounds));
                }
            }
        }),
        ("routes", |programs| {
            let blocks = routes_and_rules(10_000, 1000);
            programs.iter().for_each(|program| takeover(program, 1, &blocks, 5));
        }),
        ("flood", |programs| {
            for rate in [100, 1000, 20_000] {
                for count in [1, 200, 2000] {
                    programs.iter().for_each(|program| flood(program, rate, count));
                }
            }
        }),
        ("event", |programs| programs.iter().for_each(event)),
        ("scale", |programs| {
            let shapes = [(250, 1), (1000, 4), (4000, 16), (250, 250), (1000, 1000)];
            let shapes = shapes.map(|(instances, interfaces)| Shape { instances, interfaces });
            shapes.into_iter().for_each(|shape| scale::scale(programs, shape));
        }),
        ("large", |programs| scale::large(programs, 1000)),
        ("punctual", scale::punctual),
        ("outage", scale::outage),
        ("reloads", |programs| programs.iter().take(1).for_each(|vipd| reloads::reloads(vipd, 10_000))),
        ("many", |programs| programs.iter().take(1).for_each(scale::many)),
    ];
    for (name, row) in rows {
        if only.is_empty() || only == name {
            println!("{name}");
            row(&programs);
        }
    }
}

fn plain(name: String, interface: String, vrid: u8, priority: u8) -> Instance {
    let (addresses, advertised) = (vec![], usize::MAX);
    Instance { name, interface, vrid, priority, version: 2, advert_int: "1", addresses, advertised }
}

/// What the master of an instance says.
fn speech(instance: &Instance, cable: usize, priority: u8, interval: Option<Duration>) -> Speech {
    Speech {
        interface: instance.interface.clone(),
        source: network(cable, 2),
        vrid: instance.vrid,
        priority,
        addresses: instance.addresses.iter().take(instance.advertised).copied().collect(),
        interval,
    }
}

fn masters(process: &Process, name: &str) -> usize {
    process.log().matches(&format!("({name}) Entering MASTER")).count()
}

fn wait_master(process: &Process, name: &str, count: usize) {
    wait_for(format!("{name} to become master"), LIMIT, || {
        if masters(process, name) >= count { Ok(()) } else { Err(process.log()) }
    });
}

fn interfaces(programs: &[Program], count: usize) {
    const TURNS: usize = 5;
    let mut all: Vec<Vec<(Duration, f64, usize)>> = vec![Vec::new(); programs.len()];
    for _ in 0..TURNS {
        for (program, mine) in programs.iter().zip(&mut all) {
            mine.push(backup_of(program, count));
        }
    }
    for (program, mut mine) in programs.iter().zip(all) {
        mine.sort_unstable_by_key(|(used, ..)| *used);
        let seconds = |at: usize| mine[at].0.as_secs_f64();
        println!(
            "  {:<12} {count:>5} interfaces: {:.3} s of 10 s ({:.3} to {:.3}), {:.1} MiB, {} became master",
            program.name,
            seconds(TURNS / 2),
            seconds(0),
            seconds(TURNS - 1),
            mine[TURNS / 2].1,
            mine.iter().map(|(_, _, seized)| seized).sum::<usize>()
        );
    }
}

/// Processor time of ten seconds, memory, and how many took over though their masters live.
fn backup_of(program: &Program, count: usize) -> (Duration, f64, usize) {
    let stage = Stage::new(count);
    let instance = |n: usize| Instance {
        addresses: vec![network(n, 100).into()],
        ..plain(format!("V{n}"), format!("e{n}"), u8::try_from(n % 255 + 1).unwrap(), 100)
    };
    let all: Vec<Instance> = (0..count).map(instance).collect();
    let speeches: Vec<Speech> = all.iter().enumerate().map(|(n, i)| speech(i, n, 200, None)).collect();
    let _voice = Voice::start(&stage.peer, &speeches, SECOND, 1);
    let process = stage.start(program, &all.iter().map(Instance::text).collect::<String>());
    sleep(SECOND * 8);
    let before = processor_time(&process);
    sleep(SECOND * 10);
    let used = processor_time(&process) - before;
    (used, memory(&process), process.log().matches("Entering MASTER").count())
}

fn instances(program: &Program) {
    const INTERFACES: usize = 16;
    const EACH: u8 = 250;
    let stage = Stage::new(INTERFACES);
    let instance = |interface: usize, vrid: u8| Instance {
        // Nobody speaks: half a minute passes until one would be master.
        advert_int: "10",
        addresses: vec![network(interface, 3 + vrid % 250).into()],
        ..plain(format!("V{interface}_{vrid}"), format!("e{interface}"), vrid, 100)
    };
    let all = (0..INTERFACES).flat_map(|n| (1..=EACH).map(move |vrid| instance(n, vrid).text()));
    let process = stage.start(program, &all.collect::<String>());
    sleep(SECOND * 12);
    let backups = process.log().matches("Entering BACKUP").count();
    println!("  {:<12} {backups} instances: {:.1} MiB", program.name, memory(&process));
}

/// Blocks of an instance on the second cable.
fn routes_and_rules(routes: u32, rules: u32) -> String {
    let to = |first: u32, n: u32| Ipv4Addr::from(first + n);
    let via = network(1, 2);
    let routes = (0..routes).map(|n| format!("  {}/32 via {via} dev e1\n", to(0x6480_0000, n)));
    let rules =
        (0..rules).map(|n| format!("  from {}/32 table 100 priority {}\n", to(0x64c0_0000, n), 1000 + n));
    let [routes, rules] = [routes.collect::<String>(), rules.collect()];
    format!(" virtual_routes {{\n{routes} }}\n virtual_rules {{\n{rules} }}\n")
}

/// `blocks` are further ones of the instance that takes over.
fn takeover(program: &Program, count: usize, blocks: &str, rounds: usize) {
    let stage = Stage::new(2);
    let fast = |name: &str, vrid, priority, address| Instance {
        version: 3,
        advert_int: "0.01",
        addresses: vec![network(0, address).into()],
        ..plain(name.into(), "e0".into(), vrid, priority)
    };
    let (watched, speaking) = (fast("watched", 8, 100, 108), fast("speaking", 7, 200, 107));
    let large = Instance {
        version: 3,
        advert_int: "0.1",
        addresses: addresses(count),
        advertised: 1,
        ..plain("large".into(), "e1".into(), 9, 100)
    };
    let theirs = speech(&large, 1, 200, Some(FAST * 10));
    let config = [&watched, &speaking, &large].map(Instance::text).concat();
    // The last one's.
    let config = format!("{}{blocks}}}\n", config.trim_end().trim_end_matches('}'));
    let master = Voice::start(&stage.peer, &[speech(&watched, 0, 200, Some(FAST))], FAST, 1);
    let mut other = Some(Voice::start(&stage.peer, std::slice::from_ref(&theirs), FAST * 10, 1));
    let process = stage.start(program, &config);
    sleep(SECOND * 2);
    wait_master(&process, "speaking", 1);
    let capture = Capture::start_on(&stage.peer, "e0");
    let seized = masters(&process, "watched");
    // Longer than either program takes for so many addresses and their announcements.
    let work = SECOND + Duration::from_micros(300) * u32::try_from(count + blocks.lines().count()).unwrap();
    for round in 1..=rounds {
        drop(other.take());
        wait_master(&process, "large", round);
        sleep(work);
        other = Some(Voice::start(&stage.peer, std::slice::from_ref(&theirs), FAST * 10, 1));
        sleep(work);
    }
    drop(other);
    let times: Vec<Duration> =
        capture.adverts().into_iter().filter(|(_, a)| a.vrid == 7).map(|(at, _)| at).collect();
    let mut gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    let longest = gaps.last().copied().unwrap_or_default();
    println!(
        "  {:<12} {count:>5} addresses{}, {rounds} times: silent for {:.1} ms at most (99.9 % below {:.1}, {} adverts), \
         {} false takeovers (the living master's own longest pause: {:.1} ms)",
        program.name,
        if blocks.is_empty() { "" } else { " and all routes and rules" },
        longest.as_secs_f64() * 1e3,
        gaps.get(gaps.len() * 999 / 1000).copied().unwrap_or_default().as_secs_f64() * 1e3,
        times.len(),
        masters(&process, "watched") - seized,
        master.longest_pause().as_secs_f64() * 1e3
    );
}

fn flood(program: &Program, rate: u32, count: usize) {
    let stage = Stage::new(1);
    let instance = Instance {
        addresses: addresses(count),
        advertised: 200,
        ..plain("flooded".into(), "e0".into(), 8, 150)
    };
    let process = stage.start(program, &instance.text());
    wait_master(&process, "flooded", 1);
    sleep(SECOND * 7);
    let capture = Capture::start_on(&stage.peer, "e0");
    let before = memory(&process);
    sleep(SECOND * 2);
    let speech = speech(&instance, 0, 90, None);
    let at_once = usize::try_from(rate / 1000).unwrap().max(1);
    let speeches = vec![speech; at_once];
    let voice =
        Voice::start(&stage.peer, &speeches, SECOND * u32::try_from(at_once).unwrap() / rate, at_once);
    sleep(SECOND * 5);
    drop(voice);
    let after = memory(&process);
    sleep(SECOND * 3);
    let adverts = capture.adverts();
    let mine: Vec<Duration> = adverts.iter().filter(|(_, a)| a.priority == 150).map(|(at, _)| *at).collect();
    let longest = mine.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    let theirs = adverts.len() - mine.len();
    let frames = capture.frames().len() - theirs;
    println!(
        "  {:<12} {rate:>5} a second ({theirs} came), {count:>4} addresses: gap {:.2} s at most, {} frames a second, \
         {before:.1} to {after:.1} MiB, became backup {} times",
        program.name,
        longest.as_secs_f64(),
        frames / 10,
        process.log().matches("(flooded) Entering BACKUP").count() - 1
    );
}

fn event(program: &Program) {
    const EVENTS: usize = 1000;
    let stage = Stage::new(1);
    let instance = Instance {
        addresses: addresses(10_000),
        advertised: 1,
        ..plain("large".into(), "e0".into(), 8, 150)
    };
    let process = stage.start(program, &instance.text());
    wait_master(&process, "large", 1);
    sleep(SECOND * 15);
    let lines: Vec<String> = (0..EVENTS)
        .flat_map(|n| ["add", "del"].map(|what| format!("address {what} 198.18.0.{}/32 dev e0", n % 250 + 1)))
        .collect();
    let before = processor_time(&process);
    sleep(SECOND * 3);
    let idle = processor_time(&process) - before;
    let before = processor_time(&process);
    stage.router.configure(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    sleep(SECOND * 2);
    let used = (processor_time(&process) - before).saturating_sub(idle);
    println!(
        "  {:<12} 10,000 addresses: {:.4} ms an event",
        program.name,
        used.as_secs_f64() * 1e3 / (2 * EVENTS) as f64
    );
}
