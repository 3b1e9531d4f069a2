//! Programs that the daemon has run: around its own life, and for its workers; and the death of the process that runs them.

use super::{LIMIT, children, configuration, gone, logged, pid_in, wait_address};
use crate::VIPD;
use crate::support::Implementation::{self, Keepalived, Vipd};
use crate::support::{Director, Host, Lab, Test, Waited, wait_for};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

type Story = fn(&Lab, Implementation);

pub(super) fn tests() -> Vec<Test> {
    let both: [(&str, Story); 3] = [
        (
            "workers_wait_for_the_startup_script_and_the_shutdown_script_for_them",
            workers_wait_for_the_startup_script,
        ),
        ("a_startup_script_that_fails_is_a_message", startup_fails),
        ("scripts_that_take_too_long_are_ended", scripts_that_take_too_long_are_ended),
    ];
    let of = |daemon| {
        both.map(move |(name, story)| {
            Test::new(format!("scripts::{daemon}::{name}"), move |lab: &Lab| story(lab, daemon))
        })
    };
    let own = [
        Test::new("scripts::scripts_run_as_the_user_that_is_named", scripts_run_as_the_user_that_is_named),
        Test::new(
            "scripts::script_security_leaves_out_what_others_can_change",
            script_security_leaves_out_what_others_can_change,
        ),
        Test::new("scripts::a_stop_ends_the_startup_script_and_runs_the_shutdown_script", stop_at_startup),
        Test::new(
            "scripts::a_reload_during_the_startup_script_counts_and_a_later_one_runs_none",
            reload_at_startup,
        ),
        Test::new("scripts::what_a_worker_asks_for_last_is_run", asked_for_last),
        Test::new("scripts::the_death_of_the_runner_fails_what_it_ran_and_no_more", runner_dies),
    ];
    of(Vipd).into_iter().chain(of(Keepalived)).chain(own).collect()
}

/// Makes a shell script; `$dir` is the host's own beginning of file names.
pub(super) fn script(host: &Host, name: &str, text: &str) -> String {
    let path = host.file(name);
    let text = format!("#!/bin/sh\ndir={}\n{text}\n", host.file("").display());
    fs::write(&path, text).expect("write a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("make it executable");
    path.display().to_string()
}

fn global(lines: &str) -> String {
    format!("global_defs {{\n script_user root\n enable_script_security\n{lines}}}\n")
}

fn start(host: &Host, daemon: Implementation, globals: &str) -> Director {
    let config = global(globals) + &configuration("10.0.0.100/24");
    Director::start(daemon, host, Path::new(VIPD), &config, &[])
}

#[track_caller]
pub(super) fn wait_file(host: &Host, name: &str) -> String {
    wait_for(format_args!("something in {name}"), LIMIT, || -> Waited<String> {
        let text = fs::read_to_string(host.file(name)).map_err(|error| error.to_string())?;
        if text.ends_with('\n') { Ok(text.trim().to_owned()) } else { Err(text) }
    })
}

/// Says how many virtual addresses there are.
const COUNT: &str = "$(ip address show dev eth0 | grep -c 10.0.0.100)";

fn workers_wait_for_the_startup_script(lab: &Lab, daemon: Implementation) {
    let host = lab.host("one", "10.0.0.1/24");
    let wait = "while [ ! -e ${dir}go ]; do sleep 0.05; done";
    let up = script(&host, "up", &format!("echo \"$1 {COUNT}\" > ${{dir}}begun\n{wait}"));
    let down = script(&host, "down", &format!("echo \"$1 {COUNT}\" > ${{dir}}ended"));
    let director = start(
        &host,
        daemon,
        &format!(" startup_script \"{up} hello\"\n shutdown_script \"{down} goodbye\"\n"),
    );
    assert_eq!(wait_file(&host, "begun"), "hello 0");
    assert!(pid_in(&host.file("vrrp.pid")).is_err(), "a worker did not wait");
    fs::write(host.file("go"), "").expect("let it end");
    wait_address(&host, "10.0.0.100");
    assert!(!host.file("ended").exists());
    director.terminate();
    assert_eq!(wait_file(&host, "ended"), "goodbye 0");
}

fn startup_fails(lab: &Lab, daemon: Implementation) {
    let host = lab.host("one", "10.0.0.1/24");
    let up = script(&host, "up", "exit 3");
    let director = start(&host, daemon, &format!(" startup_script {up}\n"));
    wait_address(&host, "10.0.0.100");
    logged(
        director.process(),
        match daemon {
            Vipd => "startup script failed (exited with status 3): going on without",
            Keepalived => "startup script script failed, status 3",
        },
    );
    director.terminate();
}

/// Only root reads the file.
fn scripts_run_as_the_user_that_is_named(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    for (user, fails) in [("root", false), ("nobody", true)] {
        let globals = format!(
            "global_defs {{\n script_user {user}\n enable_script_security\n startup_script \"/bin/cat /etc/shadow\"\n}}\n"
        );
        let config = globals + &configuration("10.0.0.100/24");
        let director = Director::start(Vipd, &host, Path::new(VIPD), &config, &[]);
        wait_address(&host, "10.0.0.100");
        let log = director.process().log();
        assert_eq!(log.contains("startup script failed"), fails, "{user}: {log}");
        assert!(!log.contains("is known but not carried out"), "{log}");
        director.terminate();
    }
}

fn script_security_leaves_out_what_others_can_change(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let up = script(&host, "up", "echo begun > ${dir}begun");
    fs::set_permissions(&up, fs::Permissions::from_mode(0o777)).expect("let others write to it");
    let director = start(&host, Vipd, &format!(" startup_script {up}\n"));
    wait_address(&host, "10.0.0.100");
    logged(director.process(), "runs as root, and others than root can write to it");
    assert!(!host.file("begun").exists(), "{}", director.process().log());
    director.terminate();
}

/// Also what they have started.
fn scripts_that_take_too_long_are_ended(lab: &Lab, daemon: Implementation) {
    let host = lab.host("one", "10.0.0.1/24");
    let text = |name| format!("sleep 1000 & echo $! > ${{dir}}{name}\nwait");
    let (up, down) = (script(&host, "up", &text("first")), script(&host, "down", &text("last")));
    let globals = format!(
        " startup_script {up}\n startup_script_timeout 1\n shutdown_script {down}\n shutdown_script_timeout 1\n"
    );
    let director = start(&host, daemon, &globals);
    wait_address(&host, "10.0.0.100");
    gone(pid_in(&host.file("first")).expect("a pid"));
    director.terminate();
    gone(pid_in(&host.file("last")).expect("a pid"));
    if daemon == Vipd {
        for name in ["startup", "shutdown"] {
            logged(director.process(), &format!("{name} script failed (timed out): going on without"));
        }
    }
}

fn stop_at_startup(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let up = script(&host, "up", "echo $$ > ${dir}begun\nexec sleep 1000");
    let down = script(&host, "down", "echo down > ${dir}ended");
    let director = start(&host, Vipd, &format!(" startup_script {up}\n shutdown_script {down}\n"));
    wait_file(&host, "begun");
    let script = pid_in(&host.file("begun")).expect("a pid");
    director.terminate();
    gone(script);
    assert_eq!(wait_file(&host, "ended"), "down");
    assert!(!director.process().log().contains("child process, pid="), "{}", director.process().log());
}

fn reload_at_startup(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let wait = "while [ ! -e ${dir}go ]; do sleep 0.05; done";
    let up = script(&host, "up", &format!("echo once >> ${{dir}}begun\n{wait}"));
    let globals = format!(" startup_script {up}\n");
    let director = start(&host, Vipd, &globals);
    wait_file(&host, "begun");
    director.reload(&(global(&globals) + &configuration("10.0.0.101/24")));
    logged(director.process(), "Reload complete");
    assert!(pid_in(&host.file("vrrp.pid")).is_err(), "a worker did not wait");
    fs::write(host.file("go"), "").expect("let it end");
    wait_address(&host, "10.0.0.101");
    director.reload(&(global(&globals) + &configuration("10.0.0.102/24")));
    wait_address(&host, "10.0.0.102");
    assert_eq!(wait_file(&host, "begun"), "once");
    director.terminate();
}

/// With omega, a worker that stops asks for many programs, and is gone.
fn asked_for_last(lab: &Lab) {
    const SERVERS: usize = 60;
    let host = lab.host("one", "10.0.0.1/24");
    let notify = script(&host, "notify", "echo $1 >> ${dir}notified");
    let server = |n| format!(" real_server 10.0.1.{n} 80 {{\n  notify_down \"{notify} {n}\"\n }}\n");
    let servers: String = (1..=SERVERS).map(server).collect();
    let head = "virtual_server 10.0.0.50 80 {\n lvs_sched rr\n lvs_method DR\n protocol TCP\n omega\n";
    let director =
        Director::start(Vipd, &host, Path::new(VIPD), &format!("{}{head}{servers}}}\n", global("")), &[]);
    logged(director.process(), "Startup complete");
    director.terminate();
    let heard = wait_file(&host, "notified");
    assert_eq!(
        heard.lines().map(str::to_owned).collect::<Vec<_>>(),
        (1..=SERVERS).map(|n| n.to_string()).collect::<Vec<_>>()
    );
}

/// In the middle of a check's program and of two notifications, of which one waits for the other.
fn runner_dies(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let wait = "while [ ! -e ${dir}go ]; do sleep 0.05; done";
    let check =
        script(&host, "check", &format!("[ -e ${{dir}}hang ] && echo $$ > ${{dir}}hung && {wait}\nexit 1"));
    let notify = script(&host, "notify", &format!("echo $1 $$ >> ${{dir}}notified\n{wait}"));
    let server = |n: u8| {
        format!(
            " real_server 10.0.0.{n} 80 {{\n  notify_down \"{notify} {n}\"\n  MISC_CHECK {{\n   misc_path {check}\n   \
             misc_timeout 1000\n   delay_loop 1\n   warmup 0\n   retry 0\n  }}\n }}\n"
        )
    };
    let config = global("")
        + "virtual_server 10.0.0.50 80 {\n lvs_sched rr\n lvs_method DR\n protocol TCP\n"
        + &server(2)
        + &server(3)
        + "}\n";
    let director = Director::start(Vipd, &host, Path::new(VIPD), &config, &[]);
    // One of the servers was first: its notification runs, the other's waits.
    wait_file(&host, "notified");
    logged(director.process(), "Removing service [10.0.0.2]:tcp:80");
    logged(director.process(), "Removing service [10.0.0.3]:tcp:80");
    // The checks go on each second: now with a program that takes its time.
    fs::write(host.file("hang"), "").expect("let the checks hang");
    wait_file(&host, "hung");
    let runner = children(director.process(), "scripts");
    assert_eq!(runner.len(), 1, "{}", director.process().log());
    kill(runner[0], Signal::SIGKILL).expect("kill the runner");
    logged(director.process(), "the process that runs scripts has died: ");
    logged(director.process(), "scripts have failed with it");
    for part in ["notify the process that runs scripts has died", "could not run. Rescheduling."] {
        logged(director.process(), part);
    }
    // What it ran does not outlive it.
    gone(pid_in(&host.file("hung")).expect("a pid"));
    // Another one runs what comes next.
    fs::remove_file(host.file("hung")).expect("forget the old program");
    wait_file(&host, "hung");
    assert_ne!(children(director.process(), "scripts"), runner);
    assert_eq!(wait_file(&host, "notified").lines().count(), 1, "what waited behind it is not run");
    fs::write(host.file("go"), "").expect("let them end");
    director.terminate();
}
