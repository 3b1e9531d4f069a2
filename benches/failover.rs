//! How fast a backup takes over, measured on the wire: vipd beside keepalived, in the same run, on the same machine.
//!
//! `cargo bench --bench failover` (root; network namespaces). Each run is a network of its own with a master (priority
//! 200) and a backup (priority 100) of the same program; times are the kernel's, at the backup's interface.
//!
//! | column | what it is |
//! |---|---|
//! | kill → GARP | from SIGKILL of all of the master's processes to the backup's first gratuitous ARP |
//! | over theory | from the master's last advert to that ARP, less the master-down time (3 × advert_int + skew) |
//! | term → adv 0 | from SIGTERM to the advert of priority 0 |
//! | term → gone | from SIGTERM to the end of the master's process |
//! | over skew | from the advert of priority 0 to the first gratuitous ARP, less the skew time |
//!
//! Each cell: median / worst in milliseconds. `VIPD_BENCH_RUNS` (10), `VIPD_BENCH_PEER` (keepalived; another binary
//! with its flags; empty for none), `VIPD_BENCH_AT_ONCE` (2 networks in parallel).
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "it measures real time")]

#[path = "../tests/lab/support/mod.rs"]
mod support;

use nix::sys::signal::Signal;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::{Capture, Host, Lab, Process, Waited, wait_for};

const MASTER: u8 = 200;
const BACKUP: u8 = 100;

/// A way to speak VRRP.
#[derive(Clone, Copy)]
struct Dialect {
    version: u8,
    advert_int: &'static str,
    interval: Duration,
}

const DIALECTS: [Dialect; 3] = [
    Dialect { version: 2, advert_int: "1", interval: Duration::from_secs(1) },
    Dialect { version: 3, advert_int: "0.1", interval: Duration::from_millis(100) },
    Dialect { version: 3, advert_int: "0.01", interval: Duration::from_millis(10) },
];

impl Dialect {
    fn skew(self) -> Duration {
        let whole = if self.version == 2 { Duration::from_secs(1) } else { self.interval };
        whole * (256 - u32::from(BACKUP)) / 256
    }

    fn master_down(self) -> Duration {
        self.interval * 3 + self.skew()
    }
}

/// A program under measurement.
#[derive(Clone)]
struct Program {
    name: String,
    command: Vec<OsString>,
}

/// Milliseconds; what is late is positive.
#[derive(Clone, Copy, Default)]
struct Measured {
    to_garp: f64,
    over_theory: f64,
    to_priority_zero: f64,
    to_gone: f64,
    over_skew: f64,
}

fn main() {
    // `cargo test --benches` and test runners that list call it too.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    assert!(nix::unistd::geteuid().is_root(), "network namespaces need root");
    let number = |name: &str, default| std::env::var(name).ok().map_or(default, |n| n.parse().expect(name));
    let (runs, at_once): (usize, usize) = (number("VIPD_BENCH_RUNS", 10), number("VIPD_BENCH_AT_ONCE", 2));
    let peer = std::env::var("VIPD_BENCH_PEER").unwrap_or_else(|_| "keepalived".into());
    let mut programs =
        vec![Program { name: "vipd".into(), command: vec![env!("CARGO_BIN_EXE_vipd").into(), "run".into()] }];
    if !peer.is_empty() {
        programs.push(Program { name: peer.clone(), command: vec![peer.into()] });
    }
    println!("median / worst of {runs} runs, milliseconds");
    println!(
        "{:<12} {:>7} {:>10} {:>18} {:>16} {:>16} {:>18} {:>16}",
        "program",
        "version",
        "advert_int",
        "kill → GARP",
        "over theory",
        "term → adv 0",
        "term → gone",
        "over skew"
    );
    for dialect in DIALECTS {
        for program in &programs {
            let results = Mutex::new(Vec::new());
            let next = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..at_once {
                    scope.spawn(|| {
                        while next.fetch_add(1, Ordering::Relaxed) < runs {
                            let killed = run(program, dialect, End::Kill);
                            let ended = run(program, dialect, End::Term);
                            let (to_garp, over_theory) = (killed.to_garp, killed.over_theory);
                            results.lock().unwrap().push(Measured { to_garp, over_theory, ..ended });
                        }
                    });
                }
            });
            let results = results.into_inner().unwrap();
            let cell = |of: fn(&Measured) -> f64| {
                let mut all: Vec<f64> = results.iter().map(of).collect();
                all.sort_by(f64::total_cmp);
                format!("{:.2} / {:.2}", all[all.len() / 2], all[all.len() - 1])
            };
            println!(
                "{:<12} {:>7} {:>10} {:>18} {:>16} {:>16} {:>18} {:>16}",
                program.name,
                dialect.version,
                dialect.advert_int,
                cell(|m| m.to_garp),
                cell(|m| m.over_theory),
                cell(|m| m.to_priority_zero),
                cell(|m| m.to_gone),
                cell(|m| m.over_skew)
            );
        }
    }
}

/// How the master ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    Term,
}

fn start(program: &Program, dialect: Dialect, host: &Host, priority: u8) -> Process {
    let file: PathBuf = host.file("keepalived.conf");
    let config = format!(
        "vrrp_instance V {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority {priority}\n \
         version {}\n advert_int {}\n virtual_ipaddress {{ 10.9.0.100/24 }}\n}}\n",
        dialect.version, dialect.advert_int
    );
    fs::write(&file, config).expect("write the configuration");
    let mut command = host.command(&program.command[0]);
    command.args(&program.command[1..]).args(["-n", "-l", "-P", "-f"]).arg(file);
    command.arg("-p").arg(host.file("main.pid"));
    command.arg("-r").arg(host.file("vrrp.pid"));
    command.arg("-c").arg(host.file("check.pid"));
    host.start("director", &mut command)
}

fn run(program: &Program, dialect: Dialect, end: End) -> Measured {
    let lab = Lab::new();
    let (master_host, backup_host) = (lab.host("first", "10.9.0.1/24"), lab.host("second", "10.9.0.2/24"));
    let capture = Capture::start(&backup_host);
    let limit = Duration::from_secs(20);
    let master = start(program, dialect, &master_host, MASTER);
    capture.wait_advert("the master's advert", Duration::ZERO, limit, |a| a.priority == MASTER);
    let backup = start(program, dialect, &backup_host, BACKUP);
    wait_for("the backup to listen", limit, || -> Waited<()> {
        let sockets =
            backup_host.enter(|| fs::read_to_string("/proc/thread-self/net/raw")).unwrap_or_default();
        // Protocol 112 stands where a port would.
        if sockets.contains(":0070 ") { Ok(()) } else { Err(sockets) }
    });
    // Until it has heard a few adverts, and then some part of an interval: a master dies at any moment of it.
    let part = u32::from(std::process::id() as u8 ^ wall().subsec_nanos() as u8);
    thread::sleep(dialect.interval * 2 + Duration::from_millis(300) + dialect.interval * part / 256);

    let signalled = wall();
    let mut measured = Measured::default();
    match end {
        End::Kill => master.kill_tree(),
        End::Term => {
            let start = Instant::now();
            master.signal(Signal::SIGTERM);
            while master.exited().is_none() {
                assert!(start.elapsed() < limit, "{} does not end", program.name);
                thread::sleep(Duration::from_micros(100));
            }
            measured.to_gone = millis(start.elapsed(), Duration::ZERO);
        }
    }
    let garp = wait_for("the backup's gratuitous ARP", limit, || {
        let arps = capture.gratuitous_arps();
        let found = arps.iter().find(|(at, arp)| *at > signalled && arp.sender_mac == backup_host.mac());
        found.map(|(at, _)| *at).ok_or_else(|| format!("{arps:?}"))
    });
    let adverts = capture.adverts();
    let last = |priority| {
        adverts.iter().rev().find(|(at, a)| *at < garp && a.priority == priority).map(|(at, _)| *at)
    };
    match end {
        End::Kill => {
            let last = last(MASTER).expect("the master's last advert");
            measured.to_garp = millis(garp, signalled);
            measured.over_theory = millis(garp, last + dialect.master_down());
        }
        End::Term => {
            let zero = last(0).expect("an advert of priority 0");
            measured.to_priority_zero = millis(zero, signalled);
            measured.over_skew = millis(garp, zero + dialect.skew());
        }
    }
    drop((master, backup));
    measured
}

fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970")
}

fn millis(later: Duration, earlier: Duration) -> f64 {
    (later.as_secs_f64() - earlier.as_secs_f64()) * 1e3
}
