//! The processes of `vrrp_track_process`: how many run.
//!
//! The kernel tells of each that begins, changes and ends; all are looked at once at start, and after news were lost. Where
//! the kernel does not tell (it only does in the first namespaces of network, processes and users), all are looked at once a
//! second.

use crate::conf::config::Buffer;
use crate::netlink::connector::{Event as News, Monitor};
use crate::sys::procfs::{self, Process};
use crate::time::Instant;
use crate::vrrp::config::TrackProcess;
use crate::vrrp::event::Event;
use crate::vrrp::track::process::matching::{by_name, matches, same};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use tracing::warn;

/// How often all are looked at, where the kernel does not tell.
const INTERVAL: Duration = Duration::from_secs(1);
/// So many news are read in one go.
const NEWS: usize = 1024;

/// All that are counted.
#[derive(Debug, Default)]
pub(super) struct Processes {
    all: BTreeMap<String, Tracked>,
    /// The processes that count for somebody, and for whom.
    pids: HashMap<u32, Vec<String>>,
    monitor: Option<Monitor>,
    buffer: Buffer,
    /// The kernel does not tell: when to look again.
    due: Option<Instant>,
}

#[derive(Debug)]
struct Tracked {
    config: TrackProcess,
    count: u32,
    told: Option<u32>,
}

impl Processes {
    /// Nothing is counted yet. `buffer`: for the kernel's news.
    pub(super) fn new(buffer: Buffer) -> Processes {
        Processes { buffer, ..Processes::default() }
    }

    /// From now on these are counted.
    pub(super) fn watch(&mut self, now: Instant, wanted: Vec<TrackProcess>, seen: &mut Vec<Event<'static>>) {
        let mut before = std::mem::take(&mut self.all);
        for config in wanted {
            let told = before.remove(&config.name).filter(|known| same(&known.config, &config));
            let told = told.and_then(|known| known.told);
            self.all.insert(config.name.clone(), Tracked { config, count: 0, told });
        }
        if self.all.is_empty() {
            self.monitor = None;
            self.due = None;
            self.pids.clear();
            return;
        }
        if self.monitor.is_none() && self.due.is_none() {
            match Monitor::open() {
                Ok(monitor) => {
                    let Buffer { bytes, force } = self.buffer;
                    if let Some(Err(error)) = bytes.map(|bytes| monitor.set_buffer(bytes, force)) {
                        warn!(%error, "process_monitor_rcv_bufs can't be set");
                    }
                    self.monitor = Some(monitor);
                }
                Err(error) => {
                    warn!(
                        "the kernel does not tell of processes here, which it does in the first network and process \
                         namespace only ({error}): looking at all of them every second"
                    );
                    self.due = Some(now);
                }
            }
        }
        self.look_at_all();
        self.tell(seen);
    }

    /// What the kernel tells of processes.
    pub(super) const fn monitor(&self) -> Option<&Monitor> {
        self.monitor.as_ref()
    }

    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Takes in what the kernel tells, or looks at all of them.
    pub(super) fn look(&mut self, now: Instant, seen: &mut Vec<Event<'static>>) {
        if self.due.is_some_and(|at| at <= now) {
            self.due = Some(now + INTERVAL);
            self.look_at_all();
        }
        if let Some(mut monitor) = self.monitor.take() {
            let mut lost = false;
            let read = monitor.drain(NEWS, |news| match news {
                News::Fork { parent, child } => {
                    if let Some(names) = self.pids.get(&parent).cloned() {
                        self.set(child, names);
                    }
                }
                News::Changed(pid) => self.look_at(pid),
                News::Exit(pid) => self.set(pid, Vec::new()),
                News::Lost => lost = true,
            });
            match read {
                Ok(_) => self.monitor = Some(monitor),
                Err(error) => {
                    warn!(%error, "news of processes can't be read: looking at all of them every second");
                    self.due = Some(now);
                }
            }
            if lost {
                self.look_at_all();
            }
        }
        self.tell(seen);
    }

    fn look_at_all(&mut self) {
        let mut pids = HashMap::new();
        let scanned = procfs::all(self.needs_command_lines(), |pid, process| {
            let names = self.names(&process);
            if !names.is_empty() {
                pids.insert(pid, names);
            }
        });
        if let Err(error) = scanned {
            return warn!(%error, "processes can't be looked at");
        }
        self.pids = pids;
        for (name, tracked) in &mut self.all {
            let of = self.pids.values().filter(|names| names.contains(name));
            tracked.count = u32::try_from(of.count()).unwrap_or(u32::MAX);
        }
    }

    fn look_at(&mut self, pid: u32) {
        let process = procfs::one(pid, self.needs_command_lines()).unwrap_or_default();
        let names = self.names(&process);
        self.set(pid, names);
    }

    fn needs_command_lines(&self) -> bool {
        self.all.values().any(|tracked| !by_name(&tracked.config))
    }

    /// For whom a process counts.
    fn names(&self, process: &Process) -> Vec<String> {
        let all = self.all.iter();
        let fit = all.filter(|(_, t)| matches(&t.config, &process.name, &process.command_line));
        fit.map(|(name, _)| name.clone()).collect()
    }

    /// From now on the process counts for these.
    fn set(&mut self, pid: u32, names: Vec<String>) {
        let before =
            if names.is_empty() { self.pids.remove(&pid) } else { self.pids.insert(pid, names.clone()) };
        for name in before.unwrap_or_default() {
            if let Some(tracked) = self.all.get_mut(&name) {
                tracked.count = tracked.count.saturating_sub(1);
            }
        }
        for name in names {
            if let Some(tracked) = self.all.get_mut(&name) {
                tracked.count += 1;
            }
        }
    }

    fn tell(&mut self, seen: &mut Vec<Event<'static>>) {
        for (name, tracked) in &mut self.all {
            if tracked.told.replace(tracked.count) != Some(tracked.count) {
                seen.push(Event::Processes { name: name.as_str().into(), count: tracked.count });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock;
    use crate::vrrp::config::{ParameterMatch, Parameters, Weight};
    use std::process::{Child, Command, Stdio};

    fn tracked(words: &[&str]) -> TrackProcess {
        TrackProcess {
            name: "P".to_owned(),
            process: "sleep".to_owned(),
            parameters: Some(Parameters {
                words: words.iter().map(|word| (*word).to_owned()).collect(),
                compare: ParameterMatch::Exact,
            }),
            full_command: true,
            weight: Weight::default(),
            quorum: 1,
            quorum_max: None,
            fork_delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
        }
    }

    fn sleeper(seconds: &str) -> Child {
        Command::new("sleep").arg(seconds).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Waits until so many were told of.
    #[track_caller]
    fn wait_for(processes: &mut Processes, seen: &mut Vec<Event<'static>>, count: u32) {
        for _ in 0..500 {
            processes.look(clock::now(), seen);
            if seen.last() == Some(&Event::Processes { name: "P".into(), count }) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{seen:?}");
    }

    fn come_and_go(mut processes: Processes, seconds: &str) {
        let mut seen = vec![];
        let mut first = sleeper(seconds);
        // It may not have executed anything yet.
        processes.watch(clock::now(), vec![tracked(&[seconds])], &mut seen);
        wait_for(&mut processes, &mut seen, 1);
        let mut second = sleeper(seconds);
        wait_for(&mut processes, &mut seen, 2);
        for child in [&mut first, &mut second] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        wait_for(&mut processes, &mut seen, 0);
    }

    #[test]
    fn those_that_come_and_go_are_counted() {
        come_and_go(Processes::default(), "86399");
    }

    #[test]
    fn without_the_kernels_news_they_are_counted_too() {
        come_and_go(Processes { due: Some(Instant::ZERO), ..Processes::default() }, "86398");
    }
}
