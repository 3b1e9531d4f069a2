//! The process that reads the configuration, and its death.

use super::{LIMIT, command, configuration, gone, logged, start_behind, started, status, wait_address};
use crate::VIPD;
use crate::support::{Lab, Process, Test, Worker, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("daemon::the_death_of_the_reader_at_a_reload_changes_nothing", reader_dies),
        Test::new("daemon::a_reader_that_hangs_keeps_nobody_from_stopping", reader_hangs),
        Test::new("daemon::a_reader_without_memory_is_a_message", reader_without_memory),
        Test::new("daemon::the_death_of_the_reader_at_start_is_an_error", reader_dies_at_start),
    ]
}

/// A configuration that takes its time to read: `servers` real servers behind a virtual router.
pub(super) fn large(servers: usize) -> String {
    use std::fmt::Write;
    let mut text = configuration("10.0.0.200/24");
    for n in 0..servers {
        let (block, server) = (n / 250, n % 250);
        if server == 0 {
            write!(
                text,
                "virtual_server 10.{}.{}.1 80 {{\n protocol TCP\n lvs_sched rr\n lvs_method NAT\n",
                block / 250 + 1,
                block % 250
            )
            .expect("text");
        }
        write!(text, " real_server 192.168.{}.{} 80 {{\n  weight 1\n }}\n", block % 250, server + 1)
            .expect("text");
        if server == 249 || n + 1 == servers {
            text.push_str("}\n");
        }
    }
    text
}

/// Asks for something that makes `process` read its configuration, and halts the process that reads it.
#[track_caller]
fn halted_reader(process: &Process, mut ask: impl FnMut()) -> Pid {
    let parent = process.pid();
    for _ in 0..50 {
        ask();
        // It lives for a moment only: no time for pauses.
        for _ in 0..200_000 {
            let children =
                fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
            for child in children.split_whitespace() {
                let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
                let pid = Pid::from_raw(child.parse().expect("a number"));
                if line.windows(8).any(|word| word == b"\0config\0") && kill(pid, Signal::SIGSTOP).is_ok() {
                    wait_for("it to halt", LIMIT, || match status(pid, "State") {
                        state if state.starts_with(['t', 'T']) => Ok(()),
                        state if state.is_empty() || state.starts_with('Z') => Ok(()),
                        state => Err(state),
                    });
                    if status(pid, "State").starts_with('T') {
                        return pid;
                    }
                }
            }
        }
    }
    panic!("no process reads the configuration: {}", process.log());
}

fn reader_dies(lab: &Lab) {
    let director = started(lab, &[]);
    let (host, worker) = (director.host(), director.worker(Worker::Vrrp));
    wait_address(host, "10.0.0.100");
    let text = large(30_000);
    let deaths = [
        (Signal::SIGKILL, "it was killed (signal 9)"),
        (Signal::SIGSEGV, "it crashed (signal 11, SIGSEGV)"),
        (Signal::SIGABRT, "it ran out of memory, or this is a bug of vipd (signal 6)"),
    ];
    for (round, (signal, words)) in deaths.into_iter().enumerate() {
        // One that was halted too late had read all of it: that is carried out, and tells nothing.
        loop {
            let process = director.process();
            let complete = || process.log().matches("Reload complete").count();
            let before = complete();
            let reader = halted_reader(process, || director.reload(&text));
            kill(reader, signal).expect("end the reader");
            kill(reader, Signal::SIGCONT).expect("let the signal arrive");
            let is_refused = wait_for("the end of the reload", LIMIT, || {
                let log = process.log();
                match log.matches("Reload refused").count() {
                    count if count > round => Ok(true),
                    _ if complete() > before => Ok(false),
                    _ => Err(log),
                }
            });
            if is_refused {
                break;
            }
            director.reload(&configuration("10.0.0.100/24"));
            wait_address(host, "10.0.0.100");
        }
        logged(director.process(), words);
        assert!(host.has_address("10.0.0.100"));
        assert_eq!(director.worker(Worker::Vrrp), worker);
    }
    director.reload(&configuration("10.0.0.101/24"));
    wait_address(host, "10.0.0.101");
    director.terminate();
}

fn reader_hangs(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    wait_address(director.host(), "10.0.0.100");
    let text = large(30_000);
    let reader = halted_reader(director.process(), || director.reload(&text));
    // The workers go on meanwhile, and die and come back.
    director.kill_worker(Worker::Vrrp);
    wait_address(director.host(), "10.0.0.100");
    director.terminate();
    gone(worker);
    gone(reader);
    assert!(!director.host().has_address("10.0.0.100"));
}

fn reader_without_memory(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let process = start_behind(&host, &["prlimit", "--data=250000000"]);
    logged(&process, "Startup complete");
    wait_address(&host, "10.0.0.100");
    fs::write(host.file("k.conf"), large(1_500_000)).expect("write the configuration");
    process.signal(Signal::SIGHUP);
    logged(&process, "it ran out of memory");
    logged(&process, "Reload refused");
    assert!(host.has_address("10.0.0.100"));
    process.signal(Signal::SIGTERM);
    assert!(process.wait_exit(LIMIT).success(), "{}", process.log());
}

fn reader_dies_at_start(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), large(30_000)).expect("write the configuration");
    let start = |name| host.start(name, command(&host, Path::new(VIPD), "d").args(["-n", "-l"]));
    let killed = start("killed");
    kill(halted_reader(&killed, || {}), Signal::SIGKILL).expect("kill the reader");
    assert_eq!(killed.wait_exit(LIMIT).code(), Some(70), "{}", killed.log());
    assert!(killed.log().contains("it was killed (signal 9)"), "{}", killed.log());
    assert!(killed.log().contains("was not started"), "{}", killed.log());
    let stopped = start("stopped");
    let reader = halted_reader(&stopped, || {});
    stopped.signal(Signal::SIGTERM);
    assert_eq!(stopped.wait_exit(LIMIT).code(), Some(0), "{}", stopped.log());
    gone(reader);
}
