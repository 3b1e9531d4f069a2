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
//! It follows keepalived: every delay runs from the end of one probe to the start of the next, less what that probe
//! had begun too late; a server that is up goes down when `1 + retry` probes in a row have failed, except that the very
//! first probe of all is believed at once; a single pass brings it up, or as many in a row as `rise` says.
//!
//! A check with several pages asks for one at a time, `delay_loop` apart. One that failed for good is asked for until it
//! comes, and then all of them again, from the first: the server is up once they have all come. With `fast_recovery` a
//! server that may come up has its pages asked for without a pause, and one that is up all of them within `delay_loop`.
//!
//! What a probe does, and what a failed check does to its servers, is decided elsewhere ([`super::probe`],
//! [`super::virtual_server`]).

use super::config::{self, Probe};
use super::event::CheckReport;
use super::probe::{Failure, Outcome, Weight};
use super::target::Check;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::mem;
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
    /// It was taken to be down (`alpha`), and is.
    FoundDown,
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
    check: Check,
    status: Status,
    /// What it says of the weight.
    weight: Weight,
    /// Whether a probe has ever told anything.
    has_run: bool,
    /// Others have heard that its servers are down, before it was there.
    was_told: bool,
    /// Failed probes in a row that were not believed yet.
    tries: u32,
    /// Passed probes in a row that did not bring it up yet (`rise`).
    passes: u32,
    /// The page that is asked for, or will be.
    page: usize,
    /// That page failed for good: it is asked for until it comes.
    page_failed: bool,
    /// What kept the last probe from running, so that it is said once.
    not_run: Option<Failure>,
    phase: Phase,
    /// `ha_suspend`: nobody is asked meanwhile, and what was known stays.
    is_suspended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Waiting {
        at: Instant,
    },
    /// It began so much after its time.
    Probing {
        since: Instant,
        late: Duration,
    },
}

impl Checker {
    /// A checker that never ran, in the status it is assumed to have, with its first probe at `first`.
    #[must_use]
    pub fn new(check: Check, status: Status, first: Instant) -> Checker {
        let phase = Phase::Waiting { at: first };
        let weight = Weight::Configured;
        Checker {
            check,
            status,
            weight,
            has_run: false,
            was_told: false,
            tries: 0,
            passes: 0,
            page: 0,
            page_failed: false,
            not_run: None,
            phase,
            is_suspended: false,
        }
    }

    /// The same, where others have heard already that its servers are down.
    #[must_use]
    pub const fn already_told(mut self) -> Checker {
        self.was_told = true;
        self
    }

    /// The same, with a weight that it is taken to have given its servers.
    #[must_use]
    pub const fn with_weight(mut self, weight: Weight) -> Checker {
        self.weight = weight;
        self
    }

    /// The moment of the first probe of a check that starts now: a second, and `fraction` (of 2³²) of its warm-up.
    #[must_use]
    pub fn first_probe(now: Instant, schedule: &config::Schedule, fraction: u32) -> Instant {
        now + BOOTSTRAP_DELAY + schedule.warmup.mul_f64(f64::from(fraction) / 4_294_967_296.0)
    }

    /// What it was told to do.
    #[must_use]
    pub const fn check(&self) -> &Check {
        &self.check
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

    /// How many probes in a row have failed that were not believed yet.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// Which of the pages is asked for by the probe that [`Action::Start`] asks for; 0 where there is one thing to do.
    #[must_use]
    pub const fn page(&self) -> usize {
        self.page
    }

    /// Whether it waits for an address of its services.
    #[must_use]
    pub const fn is_suspended(&self) -> bool {
        self.is_suspended
    }

    /// From now on nobody is asked, or again. A probe that is under way still counts; one whose time has passed meanwhile
    /// is due at once. What is watched costs nothing and tells by itself: it goes on.
    pub fn suspend(&mut self, suspended: bool) {
        self.is_suspended = suspended && !self.check.settings.probe.is_watched();
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
            self.phase = Phase::Probing { since: now, late: now.saturating_since(at) };
            actions.push(Action::Start);
        }
    }

    /// Takes in what happened; an outcome that nothing was started for is ignored.
    pub fn handle(&mut self, now: Instant, event: Event, actions: &mut Vec<Action>) {
        let Event::Finished(outcome) = event;
        let Phase::Probing { since, late } = self.phase else { return };
        let schedule = self.check.settings.schedule;
        let delay = match outcome {
            Outcome::Passed => match &self.check.settings.probe {
                Probe::Http(_) => self.page_passed(actions),
                _ => {
                    self.passed(Weight::Configured, actions);
                    schedule.delay_loop
                }
            },
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
        self.phase = match &self.check.settings.probe {
            probe if probe.is_watched() => return,
            // A program runs for a while: it is started at even intervals, and never twice at a time.
            Probe::Misc(_) => Phase::Waiting { at: now.max(since + delay) },
            // What this process was late by is not added up: checks that were due at different times stay apart, and do
            // not come in one burst for ever once they were late together.
            _ => Phase::Waiting { at: now + delay - late.min(delay / 2) },
        };
    }

    /// What it means that a page came as it should; returns the time until the next one is asked for.
    fn page_passed(&mut self, actions: &mut Vec<Action>) -> Duration {
        if self.status == Status::Down {
            actions.push(Action::Report(CheckReport::PagePassed { page: self.page }));
        }
        self.not_run = None;
        let next = self.page + 1;
        if mem::take(&mut self.page_failed) {
            // All of them have to come now.
            (self.page, self.tries) = (0, 0);
        } else if next < self.check.settings.probe.pages() {
            (self.page, self.tries) = (next, 0);
        } else {
            self.page = 0;
            self.passed(Weight::Configured, actions);
        }
        let delay_loop = self.check.settings.schedule.delay_loop;
        match &self.check.settings.probe {
            Probe::Http(http) if !http.fast_recovery => delay_loop,
            _ if self.status == Status::Down || !self.has_run => Duration::ZERO,
            probe => delay_loop / u32::try_from(probe.pages()).unwrap_or(u32::MAX).max(1),
        }
    }

    fn passed(&mut self, weight: Weight, actions: &mut Vec<Action>) {
        if self.status == Status::Down && !self.check.settings.probe.is_watched() {
            self.passes += 1;
            if self.passes < self.check.settings.schedule.rise {
                self.told();
                return;
            }
        }
        self.passes = 0;
        // A file that is as it should be from the start is no news.
        let first = !self.has_run && !self.check.settings.probe.is_watched();
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
        let schedule = self.check.settings.schedule;
        let first = !self.has_run;
        self.told();
        self.passes = 0;
        let retries = if self.check.settings.probe.is_watched() { 0 } else { schedule.retry };
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
        // As keepalived, which says nothing of the kind of pages.
        let is_page = matches!(self.check.settings.probe, Probe::Http(_));
        if first && self.status == Status::Down && !self.was_told && !is_page {
            actions.push(Action::FoundDown);
        }
        let recovers = self.status == Status::Down && !first && !self.page_failed;
        self.tries = 0;
        self.change(Status::Down, actions);
        match self.check.settings.probe {
            // One of the pages that all have to come: it is asked for again.
            Probe::Http(_) if recovers => schedule.delay_before_retry,
            Probe::Http(_) => {
                self.page_failed = true;
                schedule.delay_before_retry.max(schedule.delay_loop)
            }
            _ => schedule.delay_loop,
        }
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

    /// The checker that follows this one after a reload: the same target, on another schedule. It keeps what this one
    /// knows; a shorter delay counts from now, and a probe that was under way here is run anew.
    #[must_use]
    pub fn rescheduled(&self, now: Instant, check: Check) -> Checker {
        let schedule = check.settings.schedule;
        let at = match self.phase {
            Phase::Waiting { at } => at.min(now + schedule.delay_loop),
            Phase::Probing { .. } => now,
        };
        let mut next = Checker { check, ..self.clone() };
        // With fewer retries than already made, one more failure is enough.
        next.tries = self.tries.min(schedule.retry);
        next.phase = Phase::Waiting { at };
        next
    }
}

#[cfg(test)]
mod tests;
