//! What the parent decides: which workers run, when one that died is started again, how everything stops.
//!
//! A plain value that starts nothing and reads no clock; [`super::parent`] carries its actions out.
//!
//! ```text
//!            want                 exited                   stop / unwanted
//!   Absent ───────► Running ────────────────► Waiting       Running ──────► Stopping ──exited──► Absent
//!                      ▲                         │                           │ 5 s: Kill          ▲
//!                      └───── respawn delay ─────┘                           └──► CleanUp ─exited─┘
//! ```
//!
//! The delay of a respawn is keepalived's: none after the first death, then 1, 2, 4 … 60 s, and none again once the
//! worker has run for a minute. A worker that had to be killed, or crashed, while it stopped has left its addresses or its
//! part of the table: another one is started that takes them away and ends. A status that a restart can't mend ([`Exit::permanent`]) stops everything.

use super::exit::Exit;
use super::worker::Kind;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long workers may take to stop before they are killed.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(5);

/// A worker that ran for so long starts again without a delay.
const HEALTHY: Duration = Duration::from_secs(60);

/// The longest delay before a respawn.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// What the parent is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Start a worker with the present configuration.
    Spawn {
        /// Which.
        kind: Kind,
        /// It follows one that died.
        respawned: bool,
    },
    /// Hand a running worker the present configuration.
    Reload(Kind),
    /// Ask a worker to stop.
    Stop(Kind),
    /// Stop a worker that did not do so when asked.
    Kill(Kind),
    /// Start a worker with the last configuration of its kind and ask it to stop at once: it takes away what another
    /// one has left.
    CleanUp(Kind),
    /// Every wanted worker has started: the launching process may end.
    Started,
    /// No worker is left: the parent ends too.
    Finish(Exit),
}

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// In a way that a restart may mend.
    Died,
    /// By a signal: as [`Ended::Died`], but it can't have stopped cleanly.
    Crashed,
    /// In a way that it can't.
    Permanent(Exit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running { since: Instant, ready: bool },
    Waiting { respawn_at: Instant },
    Stopping { kill_at: Option<Instant>, cleans_up: bool },
}

/// The parent's mind.
#[derive(Clone, Debug)]
pub(super) struct Supervisor {
    respawn: bool,
    /// What these leave at the end is to stay.
    released: BTreeSet<Kind>,
    workers: BTreeMap<Kind, State>,
    wanted: BTreeSet<Kind>,
    /// The delay of the next respawn, kept while a worker is unhealthy.
    delays: BTreeMap<Kind, Duration>,
    started: bool,
    stopping: Option<Exit>,
}

impl Supervisor {
    /// A parent that runs nothing yet; without `respawn`, a worker's death stops it (`-R`). Workers in `released` take
    /// away at the end what they have made; the others are to leave it (`-V`, `-I`).
    #[must_use]
    pub(super) fn new(respawn: bool, released: BTreeSet<Kind>) -> Supervisor {
        Supervisor {
            respawn,
            released,
            workers: BTreeMap::new(),
            wanted: BTreeSet::new(),
            delays: BTreeMap::new(),
            started: false,
            stopping: None,
        }
    }

    /// Whether it is on its way out: reloads don't count any more.
    #[must_use]
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.is_some()
    }

    /// Whether this worker has been asked to stop: its end is no accident.
    #[must_use]
    pub(super) fn is_stopping_worker(&self, kind: Kind) -> bool {
        matches!(self.workers.get(&kind), Some(State::Stopping { .. }))
    }

    /// A configuration (the first, or a reload's) asks for these workers.
    pub(super) fn configure(&mut self, now: Instant, wanted: BTreeSet<Kind>, actions: &mut Vec<Action>) {
        if self.stopping.is_some() {
            return;
        }
        self.wanted = wanted;
        let running: Vec<Kind> = self.workers.keys().copied().collect();
        for kind in running {
            match (self.wanted.contains(&kind), self.workers.get(&kind)) {
                (true, Some(State::Running { .. })) => actions.push(Action::Reload(kind)),
                (false, Some(State::Running { .. })) => self.ask_to_stop(now, kind, actions),
                (false, Some(State::Waiting { .. })) => self.clean_up(now, kind, actions),
                // Waiting and wanted: it will start with the new configuration. Stopping: it is looked at
                // again when it has ended.
                _ => {}
            }
        }
        for kind in self.wanted.clone() {
            if !self.workers.contains_key(&kind) {
                self.delays.remove(&kind);
                self.spawn(now, kind, false, actions);
            }
        }
        self.check_started(actions);
    }

    /// A worker has done all that its start, or a reload, asked for.
    pub(super) fn ready(&mut self, kind: Kind, actions: &mut Vec<Action>) {
        if let Some(State::Running { ready, .. }) = self.workers.get_mut(&kind) {
            *ready = true;
        }
        self.check_started(actions);
    }

    /// A worker has ended, or could not be started.
    pub(super) fn ended(&mut self, now: Instant, kind: Kind, how: Ended, actions: &mut Vec<Action>) {
        let Some(state) = self.workers.remove(&kind) else { return };
        if let (State::Stopping { cleans_up: false, .. }, Ended::Crashed) = (state, how)
            && self.released.contains(&kind)
        {
            return self.clean_up(now, kind, actions);
        }
        if self.stopping.is_some() {
            return self.check_finished(actions);
        }
        match (state, how) {
            (State::Stopping { .. }, _) => {
                if self.wanted.contains(&kind) {
                    self.spawn(now, kind, false, actions);
                }
            }
            (_, Ended::Permanent(exit)) => self.stop(now, exit, actions),
            (_, Ended::Died | Ended::Crashed) if !self.respawn => self.stop(now, Exit::Ok, actions),
            (State::Running { since, .. }, Ended::Died | Ended::Crashed) => {
                let healthy = now.saturating_since(since) >= HEALTHY;
                let delay = self.delays.get(&kind).copied().filter(|_| !healthy).unwrap_or_default();
                let next = if healthy { Duration::ZERO } else { delay.saturating_mul(2) };
                self.delays.insert(kind, next.clamp(Duration::from_secs(1), LONGEST_DELAY));
                if delay.is_zero() {
                    self.spawn(now, kind, true, actions);
                } else {
                    self.workers.insert(kind, State::Waiting { respawn_at: now + delay });
                }
            }
            (State::Waiting { .. }, Ended::Died | Ended::Crashed) => {
                self.workers.insert(kind, state);
            }
        }
    }

    /// Everything is to stop, and the parent to end with `exit`. What is already stopping goes on so.
    pub(super) fn stop(&mut self, now: Instant, exit: Exit, actions: &mut Vec<Action>) {
        if self.stopping.is_some() {
            return;
        }
        self.stopping = Some(exit);
        let kinds: Vec<Kind> = self.workers.keys().copied().collect();
        for kind in kinds {
            match self.workers.get(&kind) {
                Some(State::Running { .. }) => self.ask_to_stop(now, kind, actions),
                Some(State::Waiting { .. }) => self.clean_up(now, kind, actions),
                Some(State::Stopping { .. }) | None => {}
            }
        }
        self.check_finished(actions);
    }

    /// Does what has become due.
    pub(super) fn handle_timeout(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let kinds: Vec<Kind> = self.workers.keys().copied().collect();
        for kind in kinds {
            match self.workers.get_mut(&kind) {
                Some(State::Waiting { respawn_at }) if *respawn_at <= now => {
                    self.spawn(now, kind, true, actions)
                }
                Some(State::Stopping { kill_at, .. }) if kill_at.is_some_and(|at| at <= now) => {
                    *kill_at = None;
                    actions.push(Action::Kill(kind));
                }
                _ => {}
            }
        }
    }

    /// When [`Supervisor::handle_timeout`] wants to be called.
    #[must_use]
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let due = |state: &State| match *state {
            State::Running { .. } => None,
            State::Waiting { respawn_at } => Some(respawn_at),
            State::Stopping { kill_at, .. } => kill_at,
        };
        self.workers.values().filter_map(due).min()
    }

    /// When a worker that died will be started again, for the log.
    #[must_use]
    pub(super) fn respawn_at(&self, kind: Kind) -> Option<Instant> {
        match self.workers.get(&kind) {
            Some(State::Waiting { respawn_at }) => Some(*respawn_at),
            _ => None,
        }
    }

    fn spawn(&mut self, now: Instant, kind: Kind, respawned: bool, actions: &mut Vec<Action>) {
        self.workers.insert(kind, State::Running { since: now, ready: false });
        actions.push(Action::Spawn { kind, respawned });
    }

    fn ask_to_stop(&mut self, now: Instant, kind: Kind, actions: &mut Vec<Action>) {
        self.workers.insert(kind, State::Stopping { kill_at: Some(now + STOP_GRACE), cleans_up: false });
        actions.push(Action::Stop(kind));
    }

    /// One that has died will not come back: what it left is taken away, unless it is to stay.
    fn clean_up(&mut self, now: Instant, kind: Kind, actions: &mut Vec<Action>) {
        if !self.released.contains(&kind) {
            self.workers.remove(&kind);
            return;
        }
        let kill_at = Some(now + STOP_GRACE);
        self.workers.insert(kind, State::Stopping { kill_at, cleans_up: true });
        actions.push(Action::CleanUp(kind));
    }

    fn check_started(&mut self, actions: &mut Vec<Action>) {
        let ready = |kind| matches!(self.workers.get(kind), Some(State::Running { ready: true, .. }));
        if !self.started && self.stopping.is_none() && self.wanted.iter().all(ready) {
            self.started = true;
            actions.push(Action::Started);
        }
    }

    fn check_finished(&mut self, actions: &mut Vec<Action>) {
        if let Some(exit) = self.stopping
            && self.workers.is_empty()
        {
            actions.push(Action::Finish(exit));
        }
    }
}

#[cfg(test)]
mod tests;
