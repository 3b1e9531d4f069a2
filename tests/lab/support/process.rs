//! A process that a test started: its log, its descendants, its end.

use super::wait::wait_for;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// How often a process that was killed is looked for, and how long: whoever inherits it waits for it.
const EVERY: Duration = Duration::from_millis(10);
const REAPED: Duration = Duration::from_secs(20);

/// A child of the test. Dropping it kills it and its descendants.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Mutex<Child>,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with both output streams in the file `log`.
    #[track_caller]
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).expect("open the log");
        let child = command
            .stdin(Stdio::null())
            .stderr(output.try_clone().expect("share the log"))
            .stdout(output)
            .spawn()
            .unwrap_or_else(|error| panic!("start {name}: {error}"));
        Self { name: name.to_owned(), child: Mutex::new(child), log: log.to_owned() }
    }

    pub(crate) fn pid(&self) -> Pid {
        pid_of(self.child.lock().expect("no panic while held").id())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap_or_else(|error| panic!("send {signal} to {}: {error}", self.name));
    }

    /// Kills the process and all that descends from it with SIGKILL, so that none of them sees another one's end, and waits
    /// until none is there any more: whoever starts again would take the pid of one that nobody has waited for yet for a
    /// daemon that still runs.
    pub(crate) fn kill_tree(&self) {
        let mut tree = Vec::new();
        if self.exited().is_none() {
            // Stopped first: a child that is told of its parent's end would begin to clean up.
            let _ = kill(self.pid(), Signal::SIGSTOP);
            tree = descendants(self.pid());
            tree.push(self.pid());
            for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
                for pid in &tree {
                    let _ = kill(*pid, signal);
                }
            }
        }
        let _ = self.child.lock().expect("no panic while held").wait();
        let gone = |pid: &Pid| kill(*pid, None) == Err(Errno::ESRCH);
        let start = Instant::now();
        while !tree.iter().all(gone) && start.elapsed() < REAPED {
            thread::sleep(EVERY);
        }
    }

    /// The exit status, if it has ended.
    pub(crate) fn exited(&self) -> Option<ExitStatus> {
        self.child.lock().expect("no panic while held").try_wait().expect("wait for a child")
    }

    #[track_caller]
    pub(crate) fn wait_exit(&self, limit: Duration) -> ExitStatus {
        wait_for(format_args!("the end of {}", self.name), limit, || {
            self.exited().ok_or_else(|| "it still runs".to_owned())
        })
    }

    /// All that it has written so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_tree();
    }
}

/// The processes that descend from `ancestor`, parents before their children.
pub(crate) fn descendants(ancestor: Pid) -> Vec<Pid> {
    let parents: Vec<(Pid, Pid)> = fs::read_dir("/proc")
        .expect("read /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name is in parentheses and may hold anything, so count from the last one: state, parent.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((Pid::from_raw(pid), Pid::from_raw(parent)))
        })
        .collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while next < found.len() {
        let parent = found[next];
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// A process id of the standard library in nix's type.
pub(crate) fn pid_of(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).expect("a process id fits"))
}
