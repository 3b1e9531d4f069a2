//! The checker: one check's schedule, and what its outcomes mean.
//!
//! ```text
//!            first check: a second, and a random part of warmup
//!   Waiting ───────────────────────────────────────────────────► Probing
//!      ▲                                                            │
//!      │   passed; failed and believed; failed while down: delay_loop
//!      └────────── failed while up, tries left: delay_before_retry ─┘
//! ```
//!
//! It follows keepalived: every delay runs from the end of one probe to the start of the next; a server that is up
//! goes down when `1 + retry` probes in a row have failed, except that the very first probe of all is believed at
//! once; a single pass brings it up.
//!
//! What a probe does, and what a failed check does to its servers, is decided elsewhere ([`super::probe`],
//! [`super::virtual_server`]).

use super::config::{self, Probe};
use super::event::CheckReport;
use super::probe::{Failure, Outcome, Weight};
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long after start-up the first checks may come at the earliest (keepalived's `BOOTSTRAP_DELAY`).
pub const BOOTSTRAP_DELAY: Duration = Duration::from_secs(1);

/// What a checker holds to be true of its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Status {
    /// It takes traffic, as far as this check is concerned.
    Up,
    /// It does not.
    Down,
}

/// What happens to a checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The probe that [`Action::Start`] asked for has ended; what is watched was found like this, and stays watched.
    Finished(Outcome),
}

/// What a checker wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Start a probe; exactly one [`Event::Finished`] must follow. What is watched is started once and for all, and any
    /// number of them follow.
    Start,
    /// The status is another one now.
    Changed(Status),
    /// What it says of the weight is another thing now.
    Weighed {
        /// What it said until now.
        from: Weight,
        /// What it says from now on.
        to: Weight,
    },
    /// Someone may want to know.
    Report(CheckReport),
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checker {
    config: config::Checker,
    status: Status,
    /// What it says of the weight.
    weight: Weight,
    /// Whether a probe has ever told anything.
    has_run: bool,
    /// Failed probes in a row that were not believed yet.
    tries: u32,
    /// What kept the last probe from running, so that it is said once.
    not_run: Option<Failure>,
    phase: Phase,
    /// `ha_suspend`: nobody is asked meanwhile, and what was known stays.
    is_suspended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Waiting { at: Instant },
    Probing { since: Instant },
}

impl Checker {
    /// A checker that never ran, in the status it is assumed to have, with its first probe at `first`.
    #[must_use]
    pub fn new(config: config::Checker, status: Status, first: Instant) -> Checker {
        let phase = Phase::Waiting { at: first };
        let weight = Weight::Configured;
        let (has_run, is_suspended) = (false, false);
        Checker { config, status, weight, has_run, tries: 0, not_run: None, phase, is_suspended }
    }

    /// The moment of the first probe of a check that starts now: a second, and `fraction` (of 2³²) of its warm-up.
    #[must_use]
    pub fn first_probe(now: Instant, schedule: &config::Schedule, fraction: u32) -> Instant {
        now + BOOTSTRAP_DELAY + schedule.warmup.mul_f64(f64::from(fraction) / 4_294_967_296.0)
    }

    /// What it was told to do.
    #[must_use]
    pub const fn config(&self) -> &config::Checker {
        &self.config
    }

    /// What it holds to be true.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// What it says of its servers' weight.
    #[must_use]
    pub const fn weight(&self) -> Weight {
        self.weight
    }

    /// Whether a probe has ever told anything; before that the status is an assumption.
    #[must_use]
    pub const fn has_run(&self) -> bool {
        self.has_run
    }

    /// Whether it waits for an address of its services.
    #[must_use]
    pub const fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// From now on nobody is asked, or again. A probe that is under way still counts; one whose time has passed meanwhile
    /// is due at once. What is watched costs nothing and tells by itself: it goes on.
    pub fn suspend(&mut self, suspended: bool) {
        self.is_suspended = suspended && !self.config.probe.is_watched();
    }

    /// When to call [`Checker::handle_timeout`]; `None` while a probe runs, or it is suspended.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waiting { at } if !self.is_suspended => Some(at),
            Phase::Waiting { .. } | Phase::Probing { .. } => None,
        }
    }

    /// Starts the probe that is due.
    pub fn handle_timeout(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if let Phase::Waiting { at } = self.phase
            && at <= now
            && !self.is_suspended
        {
            self.phase = Phase::Probing { since: now };
            actions.push(Action::Start);
        }
    }

    /// Takes in what happened; an outcome that nothing was started for is ignored.
    pub fn handle(&mut self, now: Instant, event: Event, actions: &mut Vec<Action>) {
        let Event::Finished(outcome) = event;
        let Phase::Probing { since } = self.phase else { return };
        let schedule = self.config.schedule;
        let delay = match outcome {
            Outcome::Passed => {
                self.passed(Weight::Configured, actions);
                schedule.delay_loop
            }
            Outcome::Weighed(weight) => {
                self.passed(weight, actions);
                schedule.delay_loop
            }
            Outcome::Failed(failure) => self.failed(failure, actions),
            Outcome::NotRun(failure) => {
                if self.not_run.as_ref() != Some(&failure) {
                    self.not_run = Some(failure.clone());
                    actions.push(Action::Report(CheckReport::NotRun(failure)));
                }
                schedule.delay_loop
            }
        };
        self.phase = match &self.config.probe {
            probe if probe.is_watched() => return,
            // A program runs for a while: it is started at even intervals, and never twice at a time.
            Probe::Misc(_) => Phase::Waiting { at: now.max(since + delay) },
            _ => Phase::Waiting { at: now + delay },
        };
    }

    fn passed(&mut self, weight: Weight, actions: &mut Vec<Action>) {
        // A file that is as it should be from the start is no news.
        let first = !self.has_run && !self.config.probe.is_watched();
        if self.status == Status::Down || first {
            actions.push(Action::Report(CheckReport::Succeeded));
        }
        self.told();
        self.tries = 0;
        if self.weight != weight {
            actions.push(Action::Weighed { from: self.weight, to: weight });
            self.weight = weight;
        }
        self.change(Status::Up, actions);
    }

    /// What a failed probe means; returns the time until the next one.
    fn failed(&mut self, failure: Failure, actions: &mut Vec<Action>) -> Duration {
        let schedule = self.config.schedule;
        let first = !self.has_run;
        self.told();
        let retries = if self.config.probe.is_watched() { 0 } else { schedule.retry };
        let believed = first || self.tries >= retries;
        if self.status == Status::Up && !believed {
            if schedule.log_all_failures {
                actions.push(Action::Report(CheckReport::TryFailed { tries: self.tries, retries, failure }));
            }
            self.tries += 1;
            return schedule.delay_before_retry;
        }
        if self.status == Status::Up || first {
            let retries = if first { 0 } else { retries };
            actions.push(Action::Report(CheckReport::Failed { retries, failure }));
        }
        self.tries = 0;
        self.change(Status::Down, actions);
        schedule.delay_loop
    }

    fn told(&mut self) {
        self.has_run = true;
        self.not_run = None;
    }

    fn change(&mut self, status: Status, actions: &mut Vec<Action>) {
        if self.status != status {
            self.status = status;
            actions.push(Action::Changed(status));
        }
    }

    /// The checker that follows this one after a reload: the same target, another schedule. It keeps what this one
    /// knows; a shorter delay counts from now, and a probe that was under way here is run anew.
    #[must_use]
    pub fn rescheduled(&self, now: Instant, schedule: config::Schedule) -> Checker {
        let at = match self.phase {
            Phase::Waiting { at } => at.min(now + schedule.delay_loop),
            Phase::Probing { .. } => now,
        };
        let mut next = self.clone();
        next.config.schedule = schedule;
        // With fewer retries than already made, one more failure is enough.
        next.tries = self.tries.min(schedule.retry);
        next.phase = Phase::Waiting { at };
        next
    }
}

#[cfg(test)]
mod tests;
