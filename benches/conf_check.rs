//! How long it takes to check a configuration, and how much memory: `vipd run -t` and `keepalived -t` in turns on the
//! same files. `cargo bench --bench conf_check`; keepalived's columns are empty where it is not installed.
//!
//! Both run without hints and ask the machine for interfaces and scripts; `vipd check` gives advice besides. What
//! keepalived would need minutes for (the 65,024 instances of its manual page's example) is left to vipd alone.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

use nix::sys::resource::{UsageWho, getrusage};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
/// Tells this program to run another one, once, and to print what it took.
const MEASURE: &str = "--measure";

/// Time and peak memory of one run.
#[derive(Clone, Copy, Debug)]
struct Cost {
    time: Duration,
    peak_kib: i64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|a| a == MEASURE) {
        return measure(&arguments[1..]);
    }
    // `cargo test --benches` calls it too.
    if !arguments.iter().any(|a| a == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    println!("{:<36} {:>22} {:>22} {:>7}", "file", "vipd", "keepalived", "ratio");
    for (name, text, both, hints) in [
        ("1 virtual server x 2", services(1, 2), true, false),
        ("1,000 virtual servers x 10", services(1_000, 10), true, false),
        ("10,000 virtual servers x 10", services(10_000, 10), true, false),
        ("10,000 x 10, with hints", services(10_000, 10), true, true),
        ("100,000 virtual servers x 10", services(100_000, 10), false, false),
        ("4,064 instances by ~SEQ", instances(2), true, false),
        ("65,024 instances by ~SEQ", instances(32), false, false),
        ("65,024 instances, with hints", instances(32), false, true),
    ] {
        let file = folder.path().join("keepalived.conf");
        std::fs::write(&file, text).unwrap();
        let vipd = env!("CARGO_BIN_EXE_vipd");
        let vipd: &[&str] = if hints { &[vipd, "check"] } else { &[vipd, "run", "-t", "-f"] };
        let mut runs: [Vec<Cost>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            runs[0].extend(run(vipd, &file));
            runs[1].extend(both.then(|| run(&["keepalived", "-t", "-f"], &file)).flatten());
        }
        let [vipd, keepalived] = runs.map(median);
        let ratio = match (vipd, keepalived) {
            (Some(a), Some(b)) => format!("{:.2}", a.time.as_secs_f64() / b.time.as_secs_f64()),
            _ => "-".to_owned(),
        };
        println!("{name:<36} {:>22} {:>22} {ratio:>7}", shown(vipd), shown(keepalived));
    }
}

fn median(mut runs: Vec<Cost>) -> Option<Cost> {
    runs.sort_by_key(|c| c.time);
    runs.get(runs.len() / 2).copied()
}

fn shown(cost: Option<Cost>) -> String {
    cost.map_or("-".to_owned(), |c| {
        format!("{:.1} ms, {:.1} MiB", c.time.as_secs_f64() * 1e3, c.peak_kib as f64 / 1024.0)
    })
}

/// One run of a program, by a process of its own, so that its memory can be told.
fn run(program: &[&str], file: &Path) -> Option<Cost> {
    let this = std::env::current_exe().unwrap();
    let output = Command::new(this).arg(MEASURE).args(program).arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (us, kib) = text.trim().split_once(' ')?;
    Some(Cost { time: Duration::from_micros(us.parse().ok()?), peak_kib: kib.parse().ok()? })
}

/// Runs it; prints microseconds and KiB. Nothing where it can't be started.
fn measure(command: &[String]) {
    let Some((program, arguments)) = command.split_first() else { return };
    let start = Instant::now();
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let time = start.elapsed();
    if status.is_ok() {
        let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
        println!("{} {peak}", time.as_micros());
    }
}

fn services(services: u32, servers: u32) -> String {
    let mut text = String::new();
    let octets = |n: u32| format!("{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
    for service in 0..services {
        let _ = write!(
            text,
            "virtual_server 172.{} 80 {{\n    delay_loop 6\n    lvs_sched wlc\n    lvs_method DR\n    protocol TCP\n",
            octets((16 << 16) + service)
        );
        for server in 0..servers {
            let _ = write!(
                text,
                "    real_server 10.{} 80 {{\n        weight 5\n        TCP_CHECK {{\n            connect_timeout 1\n            \
                 retry 1\n            delay_before_retry 1\n        }}\n    }}\n",
                octets(service * servers + server)
            );
        }
        text.push_str("}\n");
    }
    text
}

/// The manual page's example: 8 x `numbers` x 254 instances.
fn instances(numbers: u32) -> String {
    let instance = "$VI4= \\\nvrrp_instance vrrp4.${IF}.${NUM}.${ID} { \\\n    interface bond${IF}.${NUM} \\\n    \
                    virtual_router_id ${ID} \\\n    priority 130 \\\n    virtual_ipaddress { \\\n        \
                    10.${IF}.${NUM}.${ID}/24 \\\n    } \\\n}\n\n";
    format!("{instance}~SEQ(IF,0,7) ~SEQ(NUM,0,{}) ~SEQ(ID,1,254) $VI4\n", numbers - 1)
}
