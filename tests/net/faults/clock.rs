//! Somebody sets the wall clock back by an hour: the daemon alone sees it, by a library of a few lines that is loaded
//! before all others.

use super::*;
use crate::support::{Process, checked};
use std::fs;
use std::process::Command;

/// `CLOCK_REALTIME` is an hour behind while the file is there that the environment names.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    long result = syscall(SYS_clock_gettime, clock, time);
    const char *file = getenv("VIPD_TEST_CLOCK_BACK");
    if (result == 0 && clock == CLOCK_REALTIME && file && access(file, F_OK) == 0) time->tv_sec -= 3600;
    return result;
}
"#;

/// Starts vipd; its clock is back while the file `back` is there.
fn start(host: &Host, config: &str) -> Process {
    let (source, library) = (host.file("clock.c"), host.file("clock.so"));
    fs::write(&source, LIBRARY).expect("write the library's source");
    checked(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source));
    fs::write(host.file("k.conf"), config).expect("write the configuration");
    let mut command = host.command(VIPD);
    command.env("LD_PRELOAD", library).env("VIPD_TEST_CLOCK_BACK", host.file("back"));
    command.args(["run", "-n", "-l", "-D", "-P", "-f"]).arg(host.file("k.conf"));
    for (flag, file) in [("-p", "main"), ("-r", "vrrp"), ("-c", "check")] {
        command.arg(flag).arg(host.file(&format!("{file}.pid")));
    }
    host.start("vipd", &mut command)
}

#[track_caller]
fn logs(process: &Process, what: &str, times: usize) {
    wait_for(format_args!("{what}, {times} times"), LIMIT, || {
        let log = process.log();
        if log.matches(what).count() >= times { Ok(()) } else { Err(log) }
    });
}

/// The hours of the log's lines, in their order, each once: `04:00:01` of `Sun Nov 29 04:00:01 2026: …` has 4.
fn hours(process: &Process) -> Vec<u32> {
    let hour = |line: &str| line.split_whitespace().nth(3)?.split(':').next()?.parse().ok();
    let mut hours: Vec<u32> = process.log().lines().filter_map(hour).collect();
    hours.dedup();
    hours
}

/// As master, and as backup: adverts go on at their pace, nobody is taken for silent, and timers still fire.
pub(super) fn set_back(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let ours = start(&one, &config(100, ""));
    holds(&one, true);
    fs::write(one.file("back"), "").expect("set the clock back");
    let capture = Capture::start(&one);
    five_seconds(&one);
    let adverts = capture.adverts();
    let longest = adverts.windows(2).map(|pair| pair[1].0 - pair[0].0).max().expect("two adverts");
    assert!(longest < Duration::from_secs(3), "the backups would have taken over: {longest:?}");
    assert_eq!(ours.log().matches("STATE").count(), 2, "{}", ours.log());

    fs::remove_file(one.file("back")).expect("set the clock right");
    let theirs = keepalived(&two, &config(150, ""));
    logs(&ours, "Entering BACKUP STATE", 2);
    holds(&two, true);
    fs::write(one.file("back"), "").expect("set the clock back");
    five_seconds(&two);
    assert_eq!(ours.log().matches("Entering MASTER STATE").count(), 1, "{}", ours.log());
    theirs.terminate();
    logs(&ours, "Entering MASTER STATE", 2);
    holds(&one, true);
    let hours = hours(&ours);
    assert!(hours.len() > 1, "the clock was never set back: {}", ours.log());
}
