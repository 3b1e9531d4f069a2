//! A daemon, keepalived or vipd, all of whose files are in a folder of its own.

use super::host::Host;
use super::process::Process;
use super::wait::wait_for;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// So long it may take to start.
const LIMIT: Duration = Duration::from_secs(30);

/// Starts the program of this command line, which ends with options of keepalived's, and waits until it has started: signals
/// that come before would end keepalived. Gives the folder, too, which is what TMPDIR says; `FOLDER` in the configuration
/// stands for it.
#[track_caller]
pub(crate) fn start_in_folder(host: &Host, name: &str, line: &[&str], config: &str) -> (Process, PathBuf) {
    let folder = host.file(name);
    fs::create_dir(&folder).expect("make a folder");
    let file = folder.join("keepalived.conf");
    fs::write(&file, config.replace("FOLDER", &folder.to_string_lossy())).expect("write the configuration");
    let mut command: Command = host.command("env");
    command.arg(format!("TMPDIR={}", folder.display())).args(line).args(["-n", "-l", "-f"]).arg(&file);
    for (option, file) in [("-p", "main.pid"), ("-r", "vrrp.pid"), ("-c", "check.pid")] {
        command.arg(option).arg(folder.join(file));
    }
    let process = host.start(name, &mut command);
    wait_for(format_args!("{name} to have started"), LIMIT, || match process.log() {
        log if log.contains("Startup complete") => Ok(()),
        log => Err(log),
    });
    (process, folder)
}
