//! Processes, their pid files and names, and what signals make of them.

use super::reader::large;
use super::{
    LIMIT, another_worker, command, configuration, gone, logged, pid_in, started, status, wait_address,
};
use crate::VIPD;
use crate::support::{Director, Host, Implementation, Lab, Test, Worker, wait_for};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("daemon::pid_files_name_the_processes_and_go_with_them", pid_files),
        Test::new("daemon::a_worker_that_dies_is_replaced_and_the_log_says_why", respawn),
        Test::new("daemon::a_worker_told_to_stop_by_a_stranger_is_replaced", stray_sigterm),
        Test::new("daemon::without_respawn_a_death_stops_everything", dont_respawn),
        Test::new("daemon::a_worker_that_hangs_does_not_keep_the_daemon_from_stopping", hung),
        Test::new("daemon::workers_stop_when_the_parent_is_killed", orphans),
        Test::new("daemon::a_daemon_detaches_once_it_has_started", detached),
        Test::new("daemon::a_second_one_is_refused_and_one_with_other_pid_files_is_not", two_daemons),
        Test::new("daemon::a_stop_during_the_start_leaves_nothing", early_stop),
        Test::new("daemon::signals_of_what_is_not_done_are_harmless", other_signals),
        Test::new("daemon::signals_without_a_meaning_end_no_process_and_reach_no_script", strange_signals),
        Test::new("daemon::nothing_configured_waits_for_a_reload", nothing_to_do),
        Test::new("daemon::processes_go_by_the_name_they_were_called", names),
        Test::new("daemon::a_stop_with_many_servers_is_told_in_few_lines", many_servers),
    ]
}

fn pid_files(lab: &Lab) {
    let director = started(lab, &[]);
    let (host, parent) = (director.host().clone(), director.process().pid());
    let worker = director.worker(Worker::Vrrp);
    assert_eq!(pid_in(&host.file("main.pid")), Ok(parent));
    assert_eq!(status(worker, "PPid"), parent.to_string());
    assert!(!host.file("check.pid").exists(), "no virtual server, no worker for them");
    director.terminate();
    gone(worker);
    assert!(!host.file("main.pid").exists() && !host.file("vrrp.pid").exists());
}

fn respawn(lab: &Lab) {
    let director = started(lab, &[]);
    let old = director.worker(Worker::Vrrp);
    let new = director.kill_worker(Worker::Vrrp);
    assert_eq!(status(new, "PPid"), director.process().pid().to_string());
    logged(director.process(), &format!("pid {old} exited due to signal 9 (SIGKILL)"));
    logged(director.process(), &format!("VRRP child process({old}) died: Respawning"));
    director.terminate();
    gone(new);
}

fn stray_sigterm(lab: &Lab) {
    let director = started(lab, &[]);
    let old = director.worker(Worker::Vrrp);
    kill(old, Signal::SIGTERM).expect("stop a worker");
    another_worker(&director, old);
    gone(old);
    director.terminate();
}

fn dont_respawn(lab: &Lab) {
    let director = started(lab, &["-R"]);
    kill(director.worker(Worker::Vrrp), Signal::SIGKILL).expect("kill a worker");
    assert!(director.process().wait_exit(LIMIT).success(), "as keepalived ends");
    assert!(!director.host().file("main.pid").exists());
}

fn hung(lab: &Lab) {
    let director = started(lab, &[]);
    let (host, worker) = (director.host().clone(), director.worker(Worker::Vrrp));
    wait_address(&host, "10.0.0.100");
    kill(worker, Signal::SIGSTOP).expect("halt a worker");
    director.terminate();
    logged(director.process(), "did not stop in time: killing it");
    gone(worker);
    assert!(!host.has_address("10.0.0.100"), "{}", director.process().log());
    assert!(!director.host().file("vrrp.pid").exists());
}

fn orphans(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    wait_address(director.host(), "10.0.0.100");
    director.process().signal(Signal::SIGKILL);
    gone(worker);
    // Nobody would take care of it: a peer is to have it.
    assert!(!director.host().has_address("10.0.0.100"));
}

fn detached(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let launcher = host.start("launcher", &mut command(&host, Path::new(VIPD), "d"));
    assert!(launcher.wait_exit(LIMIT).success());
    // At this moment everything is there.
    let parent = pid_in(&host.file("d-main.pid")).expect("the daemon's pid");
    let worker = pid_in(&host.file("d-vrrp.pid")).expect("the worker's pid");
    assert_eq!(status(worker, "PPid"), parent.to_string());
    assert_eq!(fs::read_link(format!("/proc/{parent}/cwd")).expect("its directory"), Path::new("/"));
    let session = nix::unistd::getsid(Some(parent)).expect("its session");
    assert_eq!(session, parent, "a session of its own");
    for stream in 0..=2 {
        let file = fs::read_link(format!("/proc/{parent}/fd/{stream}")).expect("a standard stream");
        assert_eq!(file, Path::new("/dev/null"));
    }
    // The same configuration is found again, although the working directory is another one.
    kill(parent, Signal::SIGHUP).expect("reload");
    kill(parent, Signal::SIGTERM).expect("stop");
    gone(worker);
    gone(parent);
    wait_for("the pid files to go", LIMIT, || {
        let left = ["d-main.pid", "d-vrrp.pid"].map(|name| host.file(name).exists());
        if left == [false, false] { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

fn two_daemons(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    for host in [&one, &two] {
        fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    }
    let start = |host: &Host, name| host.start(name, command(host, Path::new(VIPD), "d").args(["-n", "-l"]));
    let (first, second) = (start(&one, "first"), start(&two, "second"));
    logged(&first, "Startup complete");
    logged(&second, "Startup complete");
    let refused = start(&one, "refused");
    assert_eq!(refused.wait_exit(LIMIT).code(), Some(0), "keepalived's status");
    assert!(refused.log().contains("daemon is already running (pid "), "{}", refused.log());
    assert!(refused.log().contains(" was not started"), "{}", refused.log());
    assert!(!refused.log().contains("Stopped"), "nothing was stopped: {}", refused.log());
    assert_eq!(pid_in(&one.file("d-main.pid")), Ok(first.pid()), "the running one's file is as it was");
    // Only the worker's pid file is the same.
    let mut half = command(&one, Path::new(VIPD), "other");
    half.args(["-n", "-l", "-r"]).arg(one.file("d-vrrp.pid"));
    let half = one.start("half", &mut half);
    assert_eq!(half.wait_exit(LIMIT).code(), Some(0));
    assert!(!one.file("other-main.pid").exists());
    for process in [first, second] {
        process.signal(Signal::SIGTERM);
        assert!(process.wait_exit(LIMIT).success());
    }
    // What a crash leaves behind does not stand in the way.
    fs::write(one.file("d-main.pid"), "999999\n").expect("write a stale pid file");
    let third = start(&one, "third");
    logged(&third, "Startup complete");
    third.signal(Signal::SIGINT);
    assert!(third.wait_exit(LIMIT).success());
}

fn early_stop(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    for round in 0..20 {
        let name = format!("round{round}");
        let process = host.start(&name, command(&host, Path::new(VIPD), &name).args(["-n", "-l"]));
        // Sooner or later within the start.
        for _ in 0..round {
            std::thread::yield_now();
        }
        process.signal(Signal::SIGTERM);
        process.wait_exit(LIMIT);
        for file in ["main", "vrrp"] {
            assert!(!host.file(&format!("{name}-{file}.pid")).exists(), "{}", process.log());
        }
        assert!(!host.has_address("10.0.0.100"));
    }
}

/// No signal, in `/proc/PID/status`, or two that glibc keeps for itself and ignores where it starts a program.
const NONE: [&str; 2] = ["0000000000000000", "0000000180000000"];

fn strange_signals(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let (script, ignored) = (host.file("script"), host.file("ignored"));
    fs::write(&script, format!("#!/bin/sh\ngrep SigIgn /proc/$$/status > {}\n", ignored.display()))
        .expect("write a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("make it executable");
    let notify = format!("  notify_master {}\n  priority", script.display());
    let config = configuration("10.0.0.100/24").replacen("  priority", &notify, 1);
    for program in [Implementation::Keepalived, Implementation::Vipd] {
        let director = Director::start(program, &host, Path::new(VIPD), &config, &[]);
        wait_address(&host, "10.0.0.100");
        wait_for("the script", LIMIT, || {
            let told = fs::read_to_string(&ignored).unwrap_or_default();
            let mask = told.trim_start_matches("SigIgn:").trim();
            let is_right = NONE.contains(&mask);
            if is_right { Ok(()) } else { Err(told) }
        });
        let parent = director.process().pid();
        let all = || host.run(&format!("pgrep -P {parent}"));
        let children = all();
        for pid in children.split_whitespace().chain([parent.to_string().as_str()]) {
            // Those without a name are real-time signals.
            for signal in [14, 16, 24, 25, 26, 27, 29, 30, 31].into_iter().chain(34..=64) {
                host.run(&format!("kill -{signal} {pid}"));
            }
        }
        // What has come before this has been taken in.
        director.reload(&config.replace("0.100/", "0.101/"));
        wait_address(&host, "10.0.0.101");
        assert_eq!(all(), children, "{program}: {}", director.process().log());
        director.terminate();
        fs::remove_file(&ignored).expect("remove what the script wrote");
    }
}

fn other_signals(lab: &Lab) {
    let director = started(lab, &[]);
    let worker = director.worker(Worker::Vrrp);
    // The threads of keepalived's scheduler, which is not there.
    director.host().run(&format!("kill -{} {}", nix::libc::SIGRTMAX(), director.process().pid()));
    logged(director.process(), "(TDATA) has no effect in this version");
    // Ctrl-C reaches the whole process group: a worker leaves it to the parent. So does the terminal's end.
    kill(worker, Signal::SIGINT).expect("send a signal");
    kill(worker, Signal::SIGHUP).expect("send a signal");
    director.reload(&configuration("10.0.0.100/24"));
    logged(director.process(), "Reload complete");
    assert_eq!(director.worker(Worker::Vrrp), worker);
    director.terminate();
}

fn nothing_to_do(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let nothing = "global_defs {\n  router_id a\n}\n";
    let director = Director::start(Implementation::Vipd, &host, Path::new(VIPD), nothing, &[]);
    logged(director.process(), "has no configuration to run");
    logged(director.process(), "Startup complete");
    director.reload(&configuration("10.0.0.100/24"));
    director.worker(Worker::Vrrp);
    director.terminate();
}

fn names(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    fs::write(host.file("k.conf"), configuration("10.0.0.100/24")).expect("write the configuration");
    let program = host.file("keepalived").with_file_name("keepalived");
    symlink(VIPD, &program).expect("link the program");
    let process = host.start("named", command(&host, &program, "d").args(["-n", "-l"]));
    logged(&process, "Startup complete");
    let worker = pid_in(&host.file("d-vrrp.pid")).expect("the worker's pid");
    assert_eq!(status(process.pid(), "Name"), "keepalived");
    assert_eq!(status(worker, "Name"), "keepalived");
    let line = fs::read(format!("/proc/{worker}/cmdline")).expect("its command line");
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    assert!(line.starts_with("keepalived --worker vrrp "), "{line}");
    process.signal(Signal::SIGTERM);
    assert!(process.wait_exit(LIMIT).success());
}

fn many_servers(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let director = Director::start(Implementation::Vipd, &host, Path::new(VIPD), &large(3000), &[]);
    logged(director.process(), "Startup complete");
    director.terminate();
    logged(director.process(), "Shutting down 2000 more services");
    assert_eq!(director.process().log().matches("Shutting down service ").count(), 1000);
}
