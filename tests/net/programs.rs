//! Ten thousand checks whose programs hang, at once: `make programs`, or `VIPD_PROGRAMS=10000` here. It takes minutes, and
//! more processes than other tests would bear beside them.

use super::VIPD;
use super::support::Implementation::Vipd;
use super::support::{Director, Host, Lab, Test, wait_for};
use nix::unistd::Pid;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(600);

/// An argument that no other program has.
const FOR_LONG: &str = "31536018";

/// How long programs may run: longer than it takes to start them all.
const LIMIT: u64 = 60;

/// Of checks in one virtual server.
const EACH: usize = 500;

pub(crate) fn tests() -> Vec<Test> {
    let Some(count) = std::env::var("VIPD_PROGRAMS").ok().and_then(|text| text.parse().ok()) else {
        return Vec::new();
    };
    vec![Test::new("programs::that_hang_by_the_thousand_are_all_ended", move |lab: &Lab| hang(lab, count))]
}

fn script(host: &Host, name: &str, lines: &str) -> PathBuf {
    let path = host.file(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).expect("write a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("let it be run");
    path
}

/// How many programs of this test run.
fn running() -> usize {
    let processes = fs::read_dir("/proc").expect("read /proc").filter_map(Result::ok);
    let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(FOR_LONG.len()).any(|part| part == FOR_LONG.as_bytes())).count()
}

/// The most memory that a process has had so far, in kB.
fn memory(process: Pid) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a size");
    line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

/// The processes of the daemon, itself first; those that it runs are none of them.
fn processes(director: &Director) -> Vec<Pid> {
    let own = director.process().pid();
    let is_ours = |pid: &Pid| {
        let program = fs::read_link(format!("/proc/{pid}/exe"));
        program.is_ok_and(|program| program == Path::new(VIPD))
    };
    let children = super::support::descendants(own).into_iter().filter(is_ours);
    std::iter::once(own).chain(children).collect()
}

fn hang(lab: &Lab, count: usize) {
    let host = lab.host("one", "10.0.0.1/24");
    let deaf = script(&host, "deaf", "trap '' TERM\nsleep \"$@\"\nsleep \"$@\"");
    // Checks that are the same run once for all: no two have the same arguments.
    let check = |n: usize| {
        let program = if n.is_multiple_of(20) { deaf.display().to_string() } else { "/bin/sleep".to_owned() };
        format!(
            "  real_server 10.98.{}.{} 80 {{\n    MISC_CHECK {{\n      misc_path \"{program} {FOR_LONG} {n}\"\n      \
             misc_timeout {LIMIT}\n      user root\n    }}\n  }}\n",
            n / 200,
            n % 200 + 1
        )
    };
    let service = |n: usize, delay: u64, servers: &str| {
        format!(
            "virtual_server 10.99.0.{n} 80 {{\n  delay_loop {delay}\n  warmup 0\n  lvs_sched rr\n  protocol TCP\n  lvs_method NAT\n\
             {servers}}}\n"
        )
    };
    let mut config = service(
        250,
        1,
        "  real_server 127.0.0.1 1001 {\n    TCP_CHECK {\n      connect_timeout 5\n    }\n  }\n",
    );
    let all: Vec<usize> = (0..count).collect();
    for (at, checks) in all.chunks(EACH).enumerate() {
        config += &service(at + 1, 3600, &checks.iter().map(|n| check(*n)).collect::<String>());
    }
    let listen = || host.enter(|| TcpListener::bind("127.0.0.1:1001")).expect("listen");
    let listener = listen();
    let director = Director::start(Vipd, &host, Path::new(VIPD), &config, &["-C"]);
    let started = Instant::now();
    let lines = |words: &str| director.process().log().lines().filter(|line| line.contains(words)).count();
    wait_for("the programs to hang", PATIENCE, || match running() {
        hanging if hanging >= count => Ok(()),
        hanging => Err(hanging.to_string()),
    });
    let hung = started.elapsed();
    let daemon = processes(&director);
    let before: Vec<u64> = daemon.iter().map(|pid| memory(*pid)).collect();
    // Another check does not wait for them.
    drop(listener);
    let dropped = Instant::now();
    wait_for("the other server to be down", PATIENCE, || {
        match lines("Removing service [127.0.0.1]:tcp:1001") {
            1 => Ok(()),
            _ => Err("it is not".to_owned()),
        }
    });
    let noticed = dropped.elapsed();
    wait_for("all of them to have failed", PATIENCE, || match lines("(timed out)") {
        failed if failed == count => Ok(()),
        failed => Err(failed.to_string()),
    });
    wait_for("the end of all programs", PATIENCE, || match running() {
        0 => Ok(()),
        left => Err(left.to_string()),
    });
    let ended = started.elapsed();
    let after: Vec<u64> = daemon.iter().map(|pid| memory(*pid)).collect();
    println!(
        "{count} programs: all hang after {hung:.1?}, another failure is seen after {noticed:.1?} meanwhile, all ended after \
         {ended:.1?}; the most memory of the daemon's processes (kB): {before:?}, then {after:?}"
    );
    assert_eq!(lines("Removing service [10.98."), count, "each is down, once");
    assert_eq!(lines("could not run"), 0);
    assert!(after.iter().all(|most| *most < 64 * 1024), "{after:?}");
    assert_eq!(processes(&director), daemon, "they live");
    assert!(noticed < Duration::from_secs(10), "{noticed:?}");
    let _back = listen();
    wait_for("the other server to be up", PATIENCE, || match lines("Adding service [127.0.0.1]:tcp:1001") {
        0 => Err("it is not".to_owned()),
        _ => Ok(()),
    });
    director.terminate();
}
