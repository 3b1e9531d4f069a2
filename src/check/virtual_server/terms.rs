//! What happens to real servers as time passes: a weight that is raised step by step (`slow_start`), servers that stay
//! in the table until their connections have had time to end (`drain_time`), and those that are held back since they went
//! down too often (`flap_damping`).
//!
//! It holds the times, and knows nothing of checks, quorums and the kernel.

use crate::check::config::{Damping, RealServer};
use crate::ipvs::model::Forward;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

/// The steps of a weight that is raised.
const STEPS: u32 = 20;

/// The times of one virtual server. Real servers are given by their places in its configuration; of those that nothing is
/// pending for, it has nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms {
    due: BTreeSet<(Instant, Term)>,
    ramps: HashMap<u32, Ramp>,
    drains: HashMap<u32, Instant>,
    flaps: HashMap<u32, Flaps>,
    /// Servers that the configuration names no more, and until when they stay.
    leaving: Vec<(Leaving, Instant)>,
}

/// What is over, or a step further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Term {
    /// The weight of a server is another one.
    Ramp(u32),
    /// A server has had the time to drain.
    Drain(u32),
    /// A server was held back long enough.
    Hold(u32),
    /// Servers that the configuration names no more have had the time to drain.
    Leave,
}

/// A server that the configuration names no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leaving {
    pub(super) address: SocketAddr,
    pub(super) forward: Forward,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ramp {
    since: Instant,
    time: Duration,
    /// Steps that are done, the one from nothing included.
    step: u32,
}

impl Ramp {
    fn next(&self) -> Instant {
        self.since + self.time.mul_f64(f64::from(self.step) / f64::from(STEPS))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Flaps {
    /// When it went down, the oldest first.
    downs: Vec<Instant>,
    held_until: Option<Instant>,
}

impl Terms {
    pub(super) fn is_empty(&self) -> bool {
        self.ramps.is_empty() && self.drains.is_empty() && self.flaps.is_empty() && self.leaving.is_empty()
    }

    /// When something is due next.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// What is due: one thing a call.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<Term> {
        while let Some(&(at, term)) = self.due.first().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, term));
            match term {
                Term::Ramp(place) => {
                    let Some(ramp) = self.ramps.get_mut(&place) else { continue };
                    while ramp.step < STEPS && ramp.next() <= now {
                        ramp.step += 1;
                    }
                    if ramp.step < STEPS {
                        self.due.insert((ramp.next(), term));
                    } else {
                        self.ramps.remove(&place);
                    }
                }
                Term::Drain(place) => drop(self.drains.remove(&place)),
                Term::Hold(place) => {
                    if let Some(flaps) = self.flaps.get_mut(&place) {
                        flaps.held_until = None;
                    }
                }
                Term::Leave => {}
            }
            return Some(term);
        }
        None
    }

    /// The weight of this server is raised from now on; at once where there is no time for that.
    pub(super) fn begin_ramp(&mut self, now: Instant, place: u32, time: Duration) {
        self.end_ramp(place);
        if !time.is_zero() {
            let ramp = Ramp { since: now, time, step: 1 };
            self.due.insert((ramp.next(), Term::Ramp(place)));
            self.ramps.insert(place, ramp);
        }
    }

    /// The weight of this server was being raised to `weight`, as what is found of it shows: it goes on from there.
    pub(super) fn resume_ramp(&mut self, now: Instant, place: u32, time: Duration, found: u32, weight: u32) {
        if time.is_zero() || found == 0 || found >= weight {
            return;
        }
        let step = u64::from(found) * u64::from(STEPS) / u64::from(weight);
        let step = (step as u32).clamp(1, STEPS - 1);
        let since = Instant::ZERO
            + now
                .saturating_since(Instant::ZERO)
                .saturating_sub(time.mul_f64(f64::from(step - 1) / f64::from(STEPS)));
        self.end_ramp(place);
        let ramp = Ramp { since, time, step };
        self.due.insert((ramp.next(), Term::Ramp(place)));
        self.ramps.insert(place, ramp);
    }

    pub(super) fn end_ramp(&mut self, place: u32) {
        if let Some(ramp) = self.ramps.remove(&place) {
            self.due.remove(&(ramp.next(), Term::Ramp(place)));
        }
    }

    /// What there is of a server's weight now; of some weight, at least 1.
    pub(super) fn ramped(&self, place: u32, weight: u32) -> u32 {
        match self.ramps.get(&place) {
            Some(ramp) => (u64::from(weight) * u64::from(ramp.step) / u64::from(STEPS))
                .max(u64::from(weight.min(1))) as u32,
            None => weight,
        }
    }

    /// This server has time to drain.
    pub(super) fn begin_drain(&mut self, now: Instant, place: u32, time: Duration) {
        self.end_drain(place);
        if !time.is_zero() {
            self.drains.insert(place, now + time);
            self.due.insert((now + time, Term::Drain(place)));
        }
    }

    pub(super) fn end_drain(&mut self, place: u32) {
        if let Some(until) = self.drains.remove(&place) {
            self.due.remove(&(until, Term::Drain(place)));
        }
    }

    pub(super) fn is_draining(&self, place: u32) -> bool {
        self.drains.contains_key(&place)
    }

    /// This server went down.
    pub(super) fn went_down(&mut self, now: Instant, place: u32, damping: &Damping) {
        let flaps = self.flaps.entry(place).or_default();
        flaps.downs.retain(|at| *at + damping.within > now);
        flaps.downs.push(now);
        // Older ones decide nothing.
        let more = flaps.downs.len().saturating_sub(damping.count.max(1) as usize);
        flaps.downs.drain(..more);
    }

    /// Whether this server, which could come back, is held back, for it went down too often.
    pub(super) fn hold_back(&mut self, now: Instant, place: u32, damping: &Damping) -> bool {
        let Some(flaps) = self.flaps.get_mut(&place) else { return false };
        flaps.downs.retain(|at| *at + damping.within > now);
        if let Some(until) = flaps.held_until.take() {
            self.due.remove(&(until, Term::Hold(place)));
        }
        if flaps.downs.len() < damping.count as usize {
            return false;
        }
        let until = now + damping.hold;
        flaps.held_until = Some(until);
        self.due.insert((until, Term::Hold(place)));
        true
    }

    /// A server that the configuration names no more has time to drain.
    pub(super) fn leave(&mut self, server: &RealServer, until: Instant) {
        self.leaving.push((Leaving { address: server.address, forward: server.forward }, until));
        self.due.insert((until, Term::Leave));
    }

    /// Servers that have left, each once.
    pub(super) fn left(&mut self, now: Instant) -> Vec<Leaving> {
        let (left, leaving) = self.leaving.iter().partition(|(_, until)| *until <= now);
        self.leaving = leaving;
        let left: Vec<(Leaving, Instant)> = left;
        left.into_iter().map(|(server, _)| server).collect()
    }

    /// Servers that the configuration names no more and that are not gone yet.
    pub(super) fn leaving(&self) -> impl Iterator<Item = &Leaving> {
        self.leaving.iter().map(|(server, _)| server)
    }

    pub(super) fn has_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Those of a configuration that follows: `place` gives a server's place there, `is_named` whether it has one.
    pub(super) fn reload(
        &self,
        place: impl Fn(u32) -> Option<u32>,
        is_named: impl Fn(SocketAddr) -> bool,
    ) -> Terms {
        let mut next = Terms::default();
        for (old, ramp) in &self.ramps {
            if let Some(new) = place(*old) {
                next.due.insert((ramp.next(), Term::Ramp(new)));
                next.ramps.insert(new, *ramp);
            }
        }
        for (old, until) in &self.drains {
            if let Some(new) = place(*old) {
                next.due.insert((*until, Term::Drain(new)));
                next.drains.insert(new, *until);
            }
        }
        for (old, flaps) in &self.flaps {
            if let Some(new) = place(*old) {
                next.due.extend(flaps.held_until.map(|until| (until, Term::Hold(new))));
                next.flaps.insert(new, flaps.clone());
            }
        }
        next.leaving = self.leaving.iter().filter(|(server, _)| !is_named(server.address)).copied().collect();
        next.due.extend(next.leaving.iter().map(|(_, until)| (*until, Term::Leave)));
        next
    }

    /// Whether this server is held back.
    pub(super) fn is_held(&self, place: u32) -> bool {
        self.flaps.get(&place).is_some_and(|flaps| flaps.held_until.is_some())
    }
}
