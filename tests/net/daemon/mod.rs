//! The daemon as a service manager and an administrator see it: processes, pid files, signals, exit statuses.

mod files;
mod manager;
mod namespace;
mod privileges;
mod processes;
mod reader;
mod reload;
mod scheduling;
mod scripts;

use super::VIPD;
use super::support::{Director, Host, Implementation, Lab, Process, Test, Waited, wait_for};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A machine that is busy with other things takes long; nothing here is slow by itself.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn tests() -> Vec<Test> {
    let tests = [
        files::tests(),
        manager::tests(),
        namespace::tests(),
        privileges::tests(),
        processes::tests(),
        reader::tests(),
        reload::tests(),
        scheduling::tests(),
        scripts::tests(),
    ];
    tests.into_iter().flatten().collect()
}

fn configuration(address: &str) -> String {
    format!(
        "vrrp_instance VI {{\n  interface eth0\n  virtual_router_id 7\n  priority 100\n  advert_int 1\n  \
         virtual_ipaddress {{\n    {address}\n  }}\n}}\n"
    )
}

fn started(lab: &Lab, more: &[&str]) -> Director {
    let host = lab.host("one", "10.0.0.1/24");
    let director =
        Director::start(Implementation::Vipd, &host, Path::new(VIPD), &configuration("10.0.0.100/24"), more);
    logged(director.process(), "Startup complete");
    director
}

#[track_caller]
fn logged(process: &Process, text: &str) {
    wait_for(format_args!("{text:?} in the log"), LIMIT, || {
        let log = process.log();
        if log.contains(text) { Ok(()) } else { Err(log) }
    });
}

#[track_caller]
fn gone(pid: Pid) {
    wait_for(format_args!("the end of process {pid}"), LIMIT, || match kill(pid, None) {
        Err(Errno::ESRCH) => Ok(()),
        _ if status(pid, "State").starts_with('Z') => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// Waits for a VRRP worker that is not `old`.
#[track_caller]
fn another_worker(director: &Director, old: Pid) {
    wait_for("another worker", LIMIT, || match pid_in(&director.host().file("vrrp.pid")) {
        Ok(pid) if pid != old => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// A line of `/proc/PID/status`.
fn status(pid: Pid, key: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key}:")));
    line.unwrap_or_default().trim().to_owned()
}

/// The capabilities of a process that set `key` of its status holds.
fn held(pid: Pid, key: &str) -> u64 {
    let text = status(pid, key);
    u64::from_str_radix(&text, 16).unwrap_or_else(|error| panic!("{key} of {pid}: {error}: {text:?}"))
}

/// What workers keep to set their priority and to lock their memory, where limits can't be raised: some containers.
fn instead_of_limits() -> u64 {
    const IPC_LOCK: u64 = 1 << 14;
    const SYS_NICE: u64 = 1 << 23;
    const SYS_RESOURCE: u64 = 1 << 24;
    let ours = held(Pid::this(), "CapEff");
    if ours & SYS_RESOURCE == 0 { ours & (IPC_LOCK | SYS_NICE) } else { 0 }
}

fn pid_in(path: &Path) -> Waited<Pid> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    text.trim().parse().map(Pid::from_raw).map_err(|_| format!("{text:?}"))
}

/// Starts a daemon behind a program that takes something away from it. `ip netns exec` needs what is taken, so that the
/// program comes after it.
fn start_behind(host: &Host, program: &[&str]) -> Process {
    let mut full = command(host, Path::new(VIPD), "d");
    full.args(["-n", "-l"]);
    let words: Vec<_> = full.get_args().map(std::ffi::OsStr::to_owned).collect();
    let (namespace, daemon) = words.split_at(3);
    let mut less = Command::new(full.get_program());
    less.args(namespace).args(program).args(daemon);
    host.start("less", &mut less)
}

/// A daemon's command line with pid files called after `name`.
fn command(host: &Host, program: &Path, name: &str) -> Command {
    let mut command = host.command(program);
    if program.file_name().is_some_and(|file| file == "vipd") {
        command.arg("run");
    }
    command.arg("-f").arg(host.file("k.conf")).arg("-G");
    for (flag, file) in [("-p", "main"), ("-r", "vrrp"), ("-c", "check")] {
        command.arg(flag).arg(host.file(&format!("{name}-{file}.pid")));
    }
    command
}

#[track_caller]
fn wait_address(host: &Host, address: &str) {
    wait_for(format_args!("address {address}"), LIMIT, || {
        let addresses = host.addresses();
        if host.has_address(address) { Ok(()) } else { Err(format!("{addresses:?}")) }
    });
}

/// Processes that `process` has started for this purpose.
fn children(process: &Process, purpose: &str) -> Vec<Pid> {
    let parent = process.pid();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    let is_for = |child: &&str| {
        let line = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).nth(2) == Some(purpose.as_bytes())
    };
    children
        .split_whitespace()
        .filter(is_for)
        .map(|pid| Pid::from_raw(pid.parse().expect("a number")))
        .collect()
}
