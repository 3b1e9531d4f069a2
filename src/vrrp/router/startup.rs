//! `vrrp_startup_delay` and `vrrp_delay_after_boot`: a router that has just come up is not the master so soon.
//!
//! Instances show at once what they are, but nobody hears adverts before the delay is over, and timers run from its end.
//! It concerns the first start alone: neither a reload nor a process that takes the place of one that died.

use super::{Retry, Router};
use crate::time::Instant;
use crate::vrrp::config::Settings;
use crate::vrrp::event::{Action, Actions, Report, StateKind};
use crate::vrrp::kernel::Id;
use std::time::Duration;

/// What the configuration says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delays {
    startup: Duration,
    after_boot: Duration,
}

impl Delays {
    pub(super) const fn of(settings: &Settings) -> Delays {
        Delays { startup: settings.startup_delay, after_boot: settings.delay_after_boot }
    }
}

/// The delay of this start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StartUp {
    /// When the first configuration came.
    began: Option<Instant>,
    until: Option<Instant>,
}

impl StartUp {
    pub(super) fn is_delayed(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// When timers that are set now begin to run.
    pub(super) fn begin(&self, now: Instant) -> Instant {
        self.until.map_or(now, |until| until.max(now))
    }
}

impl Router {
    /// A configuration is about to be carried out. While the delay of the first one still runs, another may shorten or
    /// lengthen it.
    pub(super) fn delay(&mut self, now: Instant, delays: Delays, out: &mut Actions) {
        let is_first = self.startup.began.is_none();
        let began = *self.startup.began.get_or_insert(now);
        if self.respawned || !(is_first || self.startup.is_delayed(now)) {
            return;
        }
        // The clock begins with the machine.
        let until = (began + delays.startup).max(Instant::ZERO + delays.after_boot);
        let until = (until > now).then_some(until);
        if until == self.startup.until {
            return;
        }
        self.startup.until = until.or(Some(now));
        match until {
            Some(until) => {
                let behind = self.retries.partition_point(|(at, _)| *at <= until);
                self.retries.insert(behind, (until, Retry::Begin));
                out.push(report(Report::StartDelayed(until - now)));
            }
            None => self.end_delay(now, out),
        }
        let begin = self.startup.begin(now);
        for id in self.ids() {
            if let Some(slot) = self.instances.get_mut(&id) {
                slot.instance.begin_at(begin);
            }
            self.reschedule(id);
        }
    }

    /// The delay is over, unless a reload has made it longer. Owners waited for that.
    pub(super) fn end_delay(&mut self, now: Instant, out: &mut Actions) {
        if self.startup.until.is_none_or(|until| now < until) {
            return;
        }
        self.startup.until = None;
        out.push(report(Report::StartDelayOver));
        let waits = |state| matches!(state, StateKind::Init | StateKind::Fault);
        let waiting = self.instances.iter().filter(|(_, slot)| waits(slot.instance.state()));
        for id in waiting.map(|(id, _)| *id).collect::<Vec<Id>>() {
            self.find_ground(now, id, out);
        }
    }
}

fn report(report: Report) -> Action {
    Action::Report { instance: None, report }
}
