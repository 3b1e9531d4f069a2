//! What a process may do.

use super::reader::large;
use super::{
    LIMIT, children, configuration, held, instead_of_limits, logged, pid_in, start_behind, started, status,
    wait_address,
};
use crate::VIPD;
use crate::support::{Lab, Test, Worker, wait_for};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid};
use std::fs;
use std::os::unix::fs::chown;
use vipd::sys::spawn::{Account, Executable, Program, spawn};

/// The number of a user and a group that own nothing.
const NOBODY: u32 = 65534;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("daemon::a_worker_has_the_capabilities_it_needs_and_no_more", capabilities),
        Test::new("daemon::missing_capabilities_are_named", no_capabilities),
        Test::new("daemon::a_program_of_another_account_can_not_go_back", other_account),
        Test::new("daemon::another_user_with_the_capabilities_will_do", another_user),
        Test::new("daemon::workers_and_readers_execute_nothing_for_anybody", confined),
    ]
}

fn capabilities(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    let expected = (1_u64 << 2) | (1 << 12) | (1 << 13);
    for set in ["CapPrm", "CapEff", "CapBnd"] {
        let held = held(worker, set) & !instead_of_limits();
        assert_eq!(held, expected, "{set}: DAC_READ_SEARCH, NET_ADMIN and NET_RAW");
    }
    assert_eq!(status(worker, "NoNewPrivs"), "1", "it executes nothing");
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(held(worker, set), 0, "{set}");
    }
    // A reload may bring `bind_port 81`: what that needs is there already.
    director.reload(&format!(
        "{}virtual_server 10.0.0.100 80 {{\n protocol TCP\n real_server 10.0.0.2 80 {{\n }}\n}}\n",
        configuration("10.0.0.100/24")
    ));
    let expected = (1_u64 << 10) | (1 << 12);
    wait_for("NET_BIND_SERVICE and NET_ADMIN", LIMIT, || {
        let effective = held(director.worker(Worker::Check), "CapEff") & !instead_of_limits();
        if effective == expected { Ok(()) } else { Err(format!("{effective:x}")) }
    });
    director.terminate();
}

fn no_capabilities(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let process = start_behind(&host, &["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]);
    assert_eq!(process.wait_exit(LIMIT).code(), Some(4), "{}", process.log());
    assert!(process.log().contains("missing CAP_NET_RAW"), "{}", process.log());
    assert!(process.log().contains("--cap-add NET_RAW"), "{}", process.log());
}

/// Seccomp filters of a process, and whether it may gain privileges: `None` when it is gone.
fn confinement(pid: Pid) -> Option<(u32, bool)> {
    let filters = status(pid, "Seccomp_filters").parse().ok()?;
    Some((filters, status(pid, "NoNewPrivs") == "1"))
}

/// What a filter refuses, `sys::seccomp` tests.
fn confined(lab: &Lab) {
    let director = started(lab, &[]);
    let parent = confinement(director.process().pid()).expect("the parent").0;
    let worker = confinement(director.worker(Worker::Vrrp)).expect("a worker");
    assert_eq!(worker, (parent + 2, true));
    assert!(!director.process().log().contains("Going on with all of them"), "{}", director.process().log());
    // It takes its time to read, and all that time it is held so.
    director.reload(&large(200_000));
    wait_for("a reader that executes nothing", LIMIT, || {
        let readers = children(director.process(), "config");
        let seen: Vec<_> = readers.iter().filter_map(|pid| Some((*pid, confinement(*pid)?))).collect();
        match seen.iter().find(|(_, held)| *held == (parent + 2, true)) {
            Some((reader, _)) => {
                // Files need not be root's.
                let expected = (1_u64 << 1) | (1 << 2);
                let effective = status(*reader, "CapEff");
                match u64::from_str_radix(&effective, 16) {
                    Ok(effective) if effective & !expected == 0 => Ok(()),
                    _ => Err(effective),
                }
            }
            None => Err(format!("{seen:?}")),
        }
    });
    wait_for("the check worker", LIMIT, || match confinement(director.worker(Worker::Check)) {
        Some(held) if held == (parent + 2, true) => Ok(()),
        other => Err(format!("{other:?}")),
    });
    director.terminate();
}

fn another_user(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    // A folder that he may use, and a program that he reaches.
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("vipd");
    fs::copy(VIPD, &program).expect("copy the program");
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("give the folder away");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    fs::copy(host.file("k.conf"), folder.path().join("k.conf")).expect("copy the configuration");
    let mut command = host.command("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    for set in ["--inh-caps", "--ambient-caps"] {
        command.args([set, "+net_admin,+net_raw"]);
    }
    command.arg(&program).args(["run", "-n", "-l", "-G", "-f"]).arg(folder.path().join("k.conf"));
    for (flag, file) in [("-p", "main.pid"), ("-r", "vrrp.pid"), ("-c", "check.pid")] {
        command.arg(flag).arg(folder.path().join(file));
    }
    let process = host.start("nobodys", &mut command);
    logged(&process, "Startup complete");
    wait_address(&host, "10.0.0.100");
    let worker = pid_in(&folder.path().join("vrrp.pid")).expect("the worker's pid");
    assert_eq!(status(worker, "Uid").split_whitespace().next(), Some("65534"));
    assert_eq!(held(worker, "CapEff"), (1 << 12) | (1 << 13));
    process.signal(Signal::SIGTERM);
    assert!(process.wait_exit(LIMIT).success(), "{}", process.log());
    assert!(!host.has_address("10.0.0.100"), "{}", process.log());
}

/// Where the scripts of `script_user` are started: in the process of this test.
fn other_account(_lab: &Lab) {
    let account = Account {
        uid: Uid::from_raw(NOBODY),
        gid: Gid::from_raw(NOBODY),
        groups: vec![Gid::from_raw(12345)],
    };
    let script = "[ \"$(id -u) $(id -g) $(id -G)\" = '65534 65534 65534 12345' ] && \
                  grep -q '^CapEff:.0000000000000000$' /proc/self/status && ! cat /etc/shadow";
    let words = ["/bin/sh", "-c", script].map(|word| word.as_bytes().to_vec());
    let pid = spawn(&Program::Execute(Executable::Path("/bin/sh".into()), words.to_vec()), Some(&account))
        .expect("start it");
    assert!(matches!(waitpid(pid, None), Ok(WaitStatus::Exited(_, 0))));
}
