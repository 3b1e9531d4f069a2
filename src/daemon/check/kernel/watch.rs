//! The slow look at the kernel's table (`lvs_drift`): a part of it in each turn, so that no check waits for it, and at
//! most a hundredth of the time. What somebody else has removed or changed is written again.

use super::Kernel;
use super::drift::Drift;
use crate::check::Balancer;
use crate::check::config::Settings;
use crate::ipvs::client::{Counters, Error};
use crate::ipvs::model::{ServiceKey, Table};
use crate::sys::clock;
use crate::time::Instant;
use std::collections::HashSet;
use std::mem;
use std::time::Duration;

/// How long after one look the next one begins, where nothing is said.
pub(in super::super) const INTERVAL: Duration = Duration::from_secs(60);

/// Servers that are read in one turn.
const SERVERS: usize = 256;

/// So many times as long as a look takes, none is taken.
const PAUSE: u32 = 99;

/// When it looks, and how far it is.
#[derive(Default)]
pub(super) struct Watch {
    is_off: bool,
    interval: Duration,
    /// When the next look begins, or the present one goes on.
    at: Option<Instant>,
    /// Services whose servers are still to be read.
    queue: Vec<ServiceKey>,
    /// What the present look took so far.
    spent: Duration,
    /// What it found.
    drift: Drift,
}

impl Watch {
    /// When to look.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.at
    }

    /// What was under way is begun anew, later: everything has just been read, or nothing can be.
    pub(super) fn restart(&mut self, now: Instant, is_of_use: bool) {
        self.queue.clear();
        self.spent = Duration::ZERO;
        mem::take(&mut self.drift).log();
        self.at = (is_of_use && !self.is_off).then(|| now + self.interval);
    }

    /// Looks at everything from now on, even with `lvs_drift no`: once.
    pub(super) fn begin(&mut self, now: Instant, is_of_use: bool) {
        self.restart(now, is_of_use);
        self.at = is_of_use.then_some(now);
    }
}

impl Kernel {
    /// Takes in how often to look (`lvs_drift`, `lvs_drift_interval`).
    pub(in super::super) fn set_watch(&mut self, settings: &Settings) {
        self.watch.is_off = settings.leave_drift;
        self.watch.interval = settings.drift_interval.unwrap_or(INTERVAL);
    }

    /// Looks at a part of the table, if it is time, and marks what is not as it was left.
    pub(super) fn look(&mut self, now: Instant, balancer: &Balancer) {
        if self.client.is_none() || self.watch.at.is_none_or(|at| at > now) {
            return;
        }
        let start = clock::now();
        let is_beginning = self.watch.queue.is_empty();
        let looked = if is_beginning { self.look_at_services() } else { self.look_at_servers(balancer) };
        self.watch.spent += clock::now().saturating_since(start);
        if let Err(error) = looked {
            self.lose(now, &error);
        } else if self.watch.queue.is_empty() {
            let pause = self.watch.spent.saturating_mul(PAUSE).max(self.watch.interval);
            self.watch.restart(now, true);
            self.watch.at = self.watch.at.map(|_| now + pause);
        } else {
            self.watch.at = Some(now);
        }
    }

    /// Services that are missing or other ones are read as a whole, the servers of the others one service after another.
    fn look_at_services(&mut self) -> Result<(), Error> {
        let differing = self.find_drift()?;
        let stale = &self.stale;
        self.watch.queue = self.owned.iter().rev().filter(|key| !stale.contains(key)).copied().collect();
        self.marks.services.extend(differing);
        Ok(())
    }

    fn look_at_servers(&mut self, balancer: &Balancer) -> Result<(), Error> {
        let (mut dests, mut checksums, mut read) = (Vec::new(), None, 0);
        while read < SERVERS
            && let Some(key) = self.watch.queue.pop()
        {
            let Some(client) = &mut self.client else { break };
            // One that is read anyway.
            let Some(service) = self.known.service(&key).cloned() else { continue };
            client.dests_into(&key, Counters::Leave, &mut dests, &mut checksums)?;
            read += dests.len().max(1);
            let table = Table { services: vec![(service, dests.iter().rev().map(|d| d.dest).collect())] };
            let keys = HashSet::from([key]);
            if !self.known.agrees(&table, &keys) {
                let drift = self.take_in(table, &keys, Some(balancer));
                self.watch.drift += drift;
                self.marks.services.push(key);
            }
        }
        Ok(())
    }
}
