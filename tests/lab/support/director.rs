//! A director: vipd or keepalived, both started, watched and ended in the same way.

use super::host::Host;
use super::process::Process;
use super::wait::{Waited, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Implementation {
    Vipd,
    Keepalived,
}

impl Implementation {
    fn command(self, host: &Host, vipd: &Path) -> Command {
        match self {
            Self::Vipd => {
                let mut command = host.command(vipd);
                command.arg("run");
                command
            }
            Self::Keepalived => host.command("keepalived"),
        }
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vipd => "vipd",
            Self::Keepalived => "keepalived",
        })
    }
}

/// The workers that have a pid file of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worker {
    Vrrp,
    Check,
}

impl Worker {
    fn pid_file(self) -> &'static str {
        match self {
            Self::Vrrp => "vrrp.pid",
            Self::Check => "check.pid",
        }
    }
}

/// A running director.
#[derive(Debug)]
pub(crate) struct Director {
    pub(crate) implementation: Implementation,
    host: Host,
    process: Process,
    config: PathBuf,
}

impl Director {
    /// Starts it in the foreground with keepalived's flags, and `more` of them.
    #[track_caller]
    pub(crate) fn start(
        implementation: Implementation,
        host: &Host,
        vipd: &Path,
        config: &str,
        more: &[&str],
    ) -> Self {
        let path = host.file("keepalived.conf");
        fs::write(&path, config).expect("write the configuration");
        let mut command = implementation.command(host, vipd);
        command.args(["-n", "-l", "-D"]);
        command.arg("-f").arg(&path).arg("-p").arg(host.file("main.pid"));
        command.arg("-r").arg(host.file(Worker::Vrrp.pid_file()));
        command.arg("-c").arg(host.file(Worker::Check.pid_file()));
        let process = host.start(&implementation.to_string(), command.args(more));
        Self { implementation, host: host.clone(), process, config: path }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// A worker's process, as its pid file says.
    #[track_caller]
    pub(crate) fn worker(&self, worker: Worker) -> Pid {
        let path = self.host.file(worker.pid_file());
        wait_for(format_args!("the pid in {}", path.display()), Duration::from_secs(10), || -> Waited<_> {
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            text.trim().parse().map(Pid::from_raw).map_err(|_| format!("{text:?}"))
        })
    }

    /// Kills one worker with SIGKILL and waits for the one that takes its place.
    #[track_caller]
    pub(crate) fn kill_worker(&self, worker: Worker) -> Pid {
        let old = self.worker(worker);
        kill(old, Signal::SIGKILL).expect("kill a worker");
        wait_for(format_args!("a {worker:?} worker after {old} was killed"), Duration::from_secs(10), || {
            let new = self.worker(worker);
            if new == old { Err(format!("pid {new}")) } else { Ok(new) }
        })
    }

    /// Kills all of its processes with SIGKILL: as if the power went.
    pub(crate) fn kill(&self) {
        self.process.kill_tree();
    }

    /// Ends it with SIGTERM and waits: how long it took.
    #[track_caller]
    pub(crate) fn terminate(&self) -> Duration {
        let start = Instant::now();
        self.process.signal(Signal::SIGTERM);
        let status = self.process.wait_exit(Duration::from_secs(10));
        assert!(status.success(), "{} ended with {status}", self.implementation);
        start.elapsed()
    }

    /// Reloads it with another configuration.
    pub(crate) fn reload(&self, config: &str) {
        fs::write(&self.config, config).expect("write the configuration");
        self.process.signal(Signal::SIGHUP);
    }
}
