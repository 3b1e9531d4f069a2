//! `vrrp_track_process`: whether as many processes run as there should be, for as long as it takes to be believed.
//!
//! How many run, somebody else counts; which processes count is [`matching`]'s to say.

pub mod matching;

use super::Standing;
use crate::time::Instant;
use crate::vrrp::config::TrackProcess;
use crate::vrrp::event::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// All processes that somebody follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processes {
    all: BTreeMap<Name, Process>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Process {
    config: TrackProcess,
    count: Option<u32>,
    /// What everybody knows.
    quorum: Option<bool>,
    /// When the opposite is known, if it lasts.
    due: Option<Instant>,
}

/// Tracked processes, as others are shown them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownProcess {
    /// What was asked for.
    pub config: TrackProcess,
    /// How many run, where they have been counted.
    pub count: Option<u32>,
    /// Whether that is enough, as everybody knows it.
    pub has_quorum: Option<bool>,
    /// The opposite will be known soon, if it lasts: `fork_delay`, `terminate_delay`.
    pub waits: bool,
}

impl Processes {
    /// From now on these are followed. One that is counted as before keeps its count.
    pub fn configure(&mut self, wanted: Vec<TrackProcess>) {
        let mut before = std::mem::take(&mut self.all);
        for config in wanted {
            let name = Name::from(config.name.as_str());
            let known = before.remove(&name).filter(|known| matching::same(&known.config, &config));
            let process = match known {
                // Another quorum of the same count: `counted` finds out.
                Some(known) => Process { config, ..known },
                None => Process { config, count: None, quorum: None, due: None },
            };
            self.all.insert(name, process);
        }
    }

    /// All of them, by name.
    #[must_use]
    pub fn show(&self) -> Vec<ShownProcess> {
        let shown = self.all.values().map(|process| ShownProcess {
            config: process.config.clone(),
            count: process.count,
            has_quorum: process.quorum,
            waits: process.due.is_some(),
        });
        shown.collect()
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self, name: &str) -> Standing {
        let quorum = self.all.get(name).and_then(|process| process.quorum);
        quorum.map_or(Standing::Unknown, Standing::from)
    }

    /// So many run. Whether the quorum is there, if that changes by it.
    pub fn counted(&mut self, now: Instant, name: &str, count: u32) -> Option<bool> {
        let process = self.all.get_mut(name)?;
        // As in keepalived, what comes of a fork waits for fork_delay, what comes of an end for terminate_delay: beyond
        // quorum_max it is the fork that loses the quorum.
        let before = process.count.replace(count);
        let delay = if before.is_some_and(|before| count < before) {
            process.config.terminate_delay
        } else {
            process.config.fork_delay
        };
        process.look(now, delay)
    }

    /// What another quorum changes at once, after [`Processes::configure`].
    pub fn reconfigured(&mut self, now: Instant) -> Vec<(Name, bool)> {
        let all = self.all.iter_mut();
        all.filter_map(|(name, process)| Some((name.clone(), process.look(now, Duration::ZERO)?))).collect()
    }

    /// When [`Processes::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.all.values().filter_map(|process| process.due).min()
    }

    /// One whose quorum has been there, or not, for as long as it takes.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<(Name, bool)> {
        let (name, process) =
            self.all.iter_mut().find(|(_, process)| process.due.is_some_and(|at| at <= now))?;
        process.due = None;
        let has = process.has_quorum()?;
        process.quorum = Some(has);
        Some((name.clone(), has))
    }
}

impl Process {
    fn has_quorum(&self) -> Option<bool> {
        let most = self.config.quorum_max.unwrap_or(u32::MAX);
        self.count.map(|count| (self.config.quorum..=most).contains(&count))
    }

    fn look(&mut self, now: Instant, delay: Duration) -> Option<bool> {
        let has = self.has_quorum()?;
        match self.quorum {
            // At start nothing is waited for.
            None => {
                self.quorum = Some(has);
                return Some(has);
            }
            Some(known) if known == has => self.due = None,
            Some(_) => {
                if delay.is_zero() {
                    self.due = None;
                    self.quorum = Some(has);
                    return Some(has);
                }
                self.due.get_or_insert(now + delay);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Standing::{Down, Unknown, Up};

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn process(quorum: u32, quorum_max: Option<u32>, fork: u64, terminate: u64) -> TrackProcess {
        TrackProcess {
            name: "P".to_owned(),
            process: "nginx".to_owned(),
            parameters: None,
            full_command: false,
            weight: crate::vrrp::config::Weight::default(),
            quorum,
            quorum_max,
            fork_delay: Duration::from_millis(fork),
            terminate_delay: Duration::from_millis(terminate),
        }
    }

    fn followed(config: TrackProcess) -> Processes {
        let mut processes = Processes::default();
        processes.configure(vec![config]);
        processes
    }

    #[test]
    fn the_quorum_is_there_between_its_two_limits() {
        let mut processes = followed(process(2, Some(3), 0, 0));
        assert_eq!(processes.standing("P"), Unknown);
        let told: Vec<_> = [1, 2, 3, 4, 3, 2, 1, 0].map(|n| processes.counted(at(0), "P", n)).into();
        let (up, down) = (Some(true), Some(false));
        assert_eq!(told, [down, up, None, down, up, None, down, None]);
        let mut none = followed(process(0, Some(0), 0, 0));
        assert_eq!((none.counted(at(0), "P", 0), none.counted(at(0), "P", 1)), (up, down));
    }

    #[test]
    fn delays_wait_for_what_follows_a_fork_or_an_end() {
        let mut processes = followed(process(1, None, 300, 500));
        processes.counted(at(0), "P", 0);
        assert_eq!(processes.standing("P"), Down, "at start nothing is waited for");
        assert_eq!(processes.counted(at(10), "P", 1), None);
        assert_eq!(processes.counted(at(20), "P", 0), None, "it ended before it counted");
        assert_eq!(processes.next_timeout(), None);
        processes.counted(at(30), "P", 1);
        processes.counted(at(40), "P", 2);
        assert_eq!(processes.next_timeout(), Some(at(330)));
        assert_eq!(processes.handle_timeout(at(329)), None);
        assert_eq!(processes.handle_timeout(at(330)), Some(("P".into(), true)));
        processes.counted(at(400), "P", 1);
        processes.counted(at(500), "P", 0);
        assert_eq!(processes.standing("P"), Up);
        assert_eq!(processes.counted(at(700), "P", 1), None, "a successor came in time");
        assert_eq!(processes.next_timeout(), None);
        processes.counted(at(800), "P", 0);
        assert_eq!(processes.handle_timeout(at(1300)), Some(("P".into(), false)));
    }

    #[test]
    fn a_reload_that_counts_the_same_processes_keeps_their_number() {
        let mut processes = followed(process(1, None, 0, 500));
        processes.counted(at(0), "P", 1);
        processes.configure(vec![process(2, None, 0, 500)]);
        assert_eq!(processes.reconfigured(at(1)), [("P".into(), false)], "of a new quorum nobody waits");
        processes.configure(vec![TrackProcess { process: "haproxy".to_owned(), ..process(2, None, 0, 0) }]);
        assert_eq!((processes.standing("P"), processes.reconfigured(at(2))), (Unknown, vec![]));
    }
}
