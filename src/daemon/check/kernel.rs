//! The kernel's table as this worker knows it, and how it becomes what the balancer wants.
//!
//! What was written is remembered, so that a change of a server costs its own request and no reading. What turns out to
//! be otherwise (someone else removed a service) is read back and planned again, at once; what the kernel still refuses
//! then is logged once and tried again later, ever less often. The other services do not wait for it. A reload writes what
//! differs from what is known, and then looks at all of it; `watch` does so now and then, too. What others may change in
//! our services stands in `drift`.

mod drift;
mod heritage;
mod known;
mod refusals;
mod watch;
mod whole;

use super::backoff;
use crate::check::Balancer;
use crate::check::config::FlushOnStop;
use crate::conf::config::Buffer;
use crate::daemon::worker::TableState;
use crate::ipvs::client::{Client, Error, Failed};
use crate::ipvs::model::{Dest, DestKey, Forward, Service, ServiceKey, Table};
use crate::ipvs::operation::Operation;
use crate::ipvs::plan::plan;
use crate::time::Instant;
use drift::{Drift, Hands};
pub(super) use heritage::Heritage;
use known::Known;
use nix::errno::Errno;
use refusals::{chain, drifted, is_gone_already, log_taken, services_of};
use std::collections::{HashMap, HashSet};
use std::mem;
use tracing::{error, info, warn};
pub(super) use watch::INTERVAL;
use watch::Watch;
use whole::IdleTimeouts;

/// This worker's services in the kernel.
pub(super) struct Kernel {
    client: Option<Client>,
    /// How to get a client.
    open: fn() -> Result<Client, Error>,
    /// What the kernel holds of our services, where it is known.
    known: Known,
    /// Services of ours of which it is not known.
    stale: HashSet<ServiceKey>,
    /// Services of ours that nobody of us has written yet: what is there is somebody else's.
    untouched: HashSet<ServiceKey>,
    /// What others have changed there and what stays so.
    hands: Hands,
    watch: Watch,
    /// Services of ours, in the order in which they are wanted; those that are to go come last.
    owned: Vec<ServiceKey>,
    /// What may have to change.
    marks: Marks,
    /// Services that the kernel would not change.
    failing: Vec<ServiceKey>,
    /// When to try again what failed.
    retry_at: Option<Instant>,
    attempts: u32,
    timeouts: IdleTimeouts,
    buffer: Buffer,
    /// Why the table can't be written, if it can't.
    unavailable: Option<String>,
    /// Errors that were logged already.
    logged: HashSet<String>,
}

/// What may have to change.
#[derive(Default)]
struct Marks {
    /// Services as a whole.
    services: Vec<ServiceKey>,
    /// Single servers.
    dests: Vec<(ServiceKey, DestKey)>,
}

impl Marks {
    fn is_empty(&self) -> bool {
        self.services.is_empty() && self.dests.is_empty()
    }
}

impl Kernel {
    /// Nothing is read or opened yet.
    pub(super) fn new(open: fn() -> Result<Client, Error>) -> Kernel {
        Kernel {
            client: None,
            open,
            known: Known::default(),
            stale: HashSet::new(),
            untouched: HashSet::new(),
            hands: Hands::default(),
            watch: Watch::default(),
            owned: Vec::new(),
            marks: Marks::default(),
            failing: Vec::new(),
            retry_at: None,
            attempts: 0,
            timeouts: IdleTimeouts::default(),
            buffer: Buffer::default(),
            unavailable: None,
            logged: HashSet::new(),
        }
    }

    /// Reads what the kernel holds of these services; where this process `follows` one that died, they are ours.
    pub(super) fn read_at_start(
        &mut self,
        now: Instant,
        keys: impl Iterator<Item = ServiceKey>,
        follows: bool,
    ) -> Table {
        let mut seen = HashSet::new();
        self.owned = keys.filter(|key| seen.insert(*key)).collect();
        self.stale = self.owned.iter().copied().collect();
        if !follows {
            self.untouched.clone_from(&self.stale);
        }
        let keys = self.stale.clone();
        if keys.is_empty() || !self.connect(now) {
            return Table::default();
        }
        if let Err(error) = self.read(&keys, None) {
            self.lose(now, &error);
        }
        Table { services: self.owned.iter().filter_map(|key| self.known.get(key)).collect() }
    }

    /// Makes everything as the balancer wants it, and removes what it wants no more.
    pub(super) fn replace(&mut self, now: Instant, balancer: &Balancer) {
        self.want(now, balancer);
        self.apply(now, balancer);
    }

    /// Like [`Kernel::replace`], and looks at what should be there already: others may have changed it. Small tables have
    /// been compared when this returns, large ones are in the turns that follow: no check waits for that.
    pub(super) fn reload(&mut self, now: Instant, balancer: &Balancer) {
        // Somebody may just have mended what was in the way.
        self.try_anew();
        self.want(now, balancer);
        self.watch.begin(now, self.client.is_some() && !self.owned.is_empty());
        // The services, and their first servers.
        self.apply(now, balancer);
        self.apply(now, balancer);
    }

    /// Marks everything, as nothing may be as it is wanted now.
    fn want(&mut self, now: Instant, balancer: &Balancer) {
        let before = mem::replace(&mut self.owned, balancer.keys().collect());
        let wanted: HashSet<ServiceKey> = self.owned.iter().copied().collect();
        let held: HashSet<&ServiceKey> = before.iter().collect();
        let new = self.owned.iter().filter(|key| !held.contains(key));
        self.stale.extend(new.clone());
        self.untouched.extend(new);
        self.owned.extend(before.into_iter().filter(|key| !wanted.contains(key)));
        self.hands.keep(|key| wanted.contains(key));
        self.watch.restart(now, self.client.is_some() && !self.owned.is_empty());
        self.marks = Marks { services: self.owned.clone(), dests: Vec::new() };
        if self.owned.is_empty() {
            // Nothing is asked of the table, so nothing is missing.
            self.unavailable = None;
        }
    }

    /// What failed is not waited for any more: everything is tried at once.
    fn try_anew(&mut self) {
        self.retry_at = None;
        self.failing.clear();
    }

    /// Notes that a service may have to change.
    pub(super) fn mark(&mut self, key: ServiceKey) {
        // Without a connection, everything is marked already.
        if self.client.is_some() {
            self.marks.services.push(key);
        }
    }

    /// Notes that a server of a service may have to change.
    pub(super) fn mark_dest(&mut self, key: ServiceKey, dest: DestKey) {
        if self.client.is_some() {
            self.marks.dests.push((key, dest));
        }
    }

    /// When to call [`Kernel::apply`] even if nothing was marked.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        [self.retry_at, self.watch.next_timeout()].into_iter().flatten().min()
    }

    /// Whether the table can be written, as far as the last attempt tells.
    pub(super) fn state(&self) -> TableState {
        match &self.unavailable {
            None => TableState::Writable,
            Some(reason) => TableState::Unavailable { reason: reason.clone() },
        }
    }

    /// Whether it can't be written.
    pub(super) fn is_unavailable(&self) -> bool {
        self.unavailable.is_some()
    }

    /// Brings what is marked into the kernel, and what failed, if its time has come.
    pub(super) fn apply(&mut self, now: Instant, balancer: &Balancer) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.marks.services.append(&mut self.failing);
        }
        self.look(now, balancer);
        if self.marks.is_empty() || !self.connect(now) {
            return;
        }
        let marks = mem::take(&mut self.marks);
        let mut outcome = self.change(marks, balancer);
        if let Ok(Outcome { refused, drifted: Some(reason) }) = &outcome {
            warn!(reason, count = refused.len(), "the IPVS table is not as it was left: reading it back");
            outcome = self
                .find_drift()
                .and_then(|services| self.change(Marks { services, dests: Vec::new() }, balancer));
        }
        match outcome {
            Ok(Outcome { refused, .. }) if refused.is_empty() => self.succeeded(),
            Ok(Outcome { refused, .. }) if refused.iter().all(|f| f.errno() == Some(Errno::EPERM)) => {
                self.lose(now, &Error::NotPermitted);
            }
            Ok(Outcome { refused, .. }) => {
                self.unavailable = None;
                self.log_refusals(&refused);
                let waiting: HashSet<ServiceKey> = self.failing.iter().copied().collect();
                self.failing.extend(services_of(&refused).into_iter().filter(|key| !waiting.contains(key)));
                self.postpone(now);
            }
            Err(error) => self.lose(now, &error),
        }
    }

    /// Services that are not as they were left, each once: those that something was refused of, and those that are
    /// missing or other ones in the kernel's list of services. Their servers alone are read again.
    fn find_drift(&mut self) -> Result<Vec<ServiceKey>, Error> {
        let Some(client) = &mut self.client else { return Ok(Vec::new()) };
        let listed: HashMap<ServiceKey, Service> =
            client.services()?.into_iter().map(|entry| (entry.service.key, entry.service)).collect();
        let (known, stale) = (&self.known, &mut self.stale);
        for key in &self.owned {
            if known.service(key) != listed.get(key) {
                stale.insert(*key);
            }
        }
        Ok(self.owned.iter().filter(|key| self.stale.contains(key)).copied().collect())
    }

    /// Removes every service of ours, or whatever there is. Without an answer from the kernel there is nothing more to be
    /// done.
    pub(super) fn release(&mut self, extent: FlushOnStop) {
        self.restore_timeouts();
        let Some(client) = &mut self.client else { return };
        let operations: Vec<Operation> = match extent {
            FlushOnStop::Everything => vec![Operation::Flush],
            FlushOnStop::Each | FlushOnStop::VirtualServers => {
                self.owned.iter().rev().map(|key| Operation::DeleteService(*key)).collect()
            }
        };
        for failed in client.execute(&operations) {
            if !is_gone_already(&failed) {
                error!("{}: {}", failed.operation, failed.failure);
            }
        }
    }

    /// Makes sure that there is a connection; false if it has to be tried again later.
    fn connect(&mut self, now: Instant) -> bool {
        if self.client.is_some() {
            return true;
        }
        if self.retry_at.is_some_and(|at| at > now) {
            return false;
        }
        match (self.open)() {
            Ok(client) => {
                self.client = Some(client);
                self.retry_at = None;
                self.watch.restart(now, !self.owned.is_empty());
                self.settle();
                true
            }
            Err(error) => {
                self.lose(now, &error);
                false
            }
        }
    }

    /// Gives the connection up for a while. Nothing is known of the table from here on.
    fn lose(&mut self, now: Instant, error: &Error) {
        let reason = chain(error);
        self.log_once(reason.clone());
        self.unavailable = Some(reason);
        self.client = None;
        self.known.doubt_all();
        self.watch.restart(now, false);
        self.failing.clear();
        self.stale = self.owned.iter().copied().collect();
        self.marks = Marks { services: self.owned.clone(), dests: Vec::new() };
        self.postpone(now);
    }

    fn postpone(&mut self, now: Instant) {
        self.retry_at = Some(now + backoff(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
    }

    /// Everything that was asked for is done; what failed before may still be waiting.
    fn succeeded(&mut self) {
        self.unavailable = None;
        if self.failing.is_empty() {
            self.retry_at = None;
            self.attempts = 0;
            if !mem::take(&mut self.logged).is_empty() {
                info!("the IPVS table is as it should be");
            }
        }
    }

    /// One attempt at what is marked. A service that something was refused of is not known any more.
    fn change(&mut self, marks: Marks, balancer: &Balancer) -> Result<Outcome, Error> {
        let Marks { mut services, dests } = marks;
        let mut whole = HashSet::with_capacity(services.len());
        services.retain(|key| whole.insert(*key));
        // Of what is not known, a part can't be compared.
        for (key, _) in &dests {
            if self.known.service(key).is_none() && whole.insert(*key) {
                services.push(*key);
            }
        }
        let just_read: HashSet<ServiceKey> =
            services.iter().filter(|key| self.stale.contains(key)).copied().collect();
        if !just_read.is_empty() {
            self.read(&just_read, Some(balancer))?;
        }
        let (mut actual, mut desired) = (Table::default(), Table::default());
        let (mut unwanted, mut taken) = (HashSet::new(), Vec::new());
        for key in &services {
            let is_first = self.untouched.remove(key);
            match self.hands.row(balancer, *key) {
                // Nearly all of them, after a reload.
                Some((service, dests)) if self.known.is(&service, &dests) => continue,
                Some(row) => {
                    if is_first && self.known.has(key) {
                        taken.push(*key);
                    }
                    desired.services.push(row);
                }
                None => drop(unwanted.insert(*key)),
            }
            actual.services.extend(self.known.get(key));
        }
        log_taken(&taken);
        let wholes = desired.services.len();
        let parts = self.parts(dests, &whole, balancer, &mut actual, &mut desired);
        let Some(client) = &mut self.client else { return Ok(Outcome::default()) };
        let mut refused = client.execute(&plan(&actual, &desired, &services));
        refused.retain(|failed| !is_gone_already(failed));
        for (key, dest) in parts {
            self.known.set_dest(&key, dest, self.hands.dest(balancer, key, dest));
        }
        desired.services.truncate(wholes);
        for (service, dests) in desired.services {
            self.known.insert(service, dests);
        }
        for key in &unwanted {
            self.known.remove(key);
        }
        let failing = services_of(&refused);
        for failed in &refused {
            if let Operation::DeleteDest(key, dest) = &failed.operation {
                // It is not somebody else's.
                self.known.set_dest(key, *dest, Some(unwanted_dest(*dest)));
            }
        }
        for key in &failing {
            self.known.doubt(key);
            self.stale.insert(*key);
            unwanted.remove(key);
        }
        if !unwanted.is_empty() {
            self.owned.retain(|key| !unwanted.contains(key));
        }
        let is_news =
            |failed: &Failed| failed.operation.service().is_none_or(|key| !just_read.contains(&key));
        let drifted = drifted(&refused).find(|failed| is_news(failed)).map(Failed::to_string);
        Ok(Outcome { refused, drifted })
    }

    /// Adds to both tables what single servers are and should be, each once, except in services that are `whole` there
    /// already. Returns which servers these are.
    fn parts(
        &mut self,
        dests: Vec<(ServiceKey, DestKey)>,
        whole: &HashSet<ServiceKey>,
        balancer: &Balancer,
        actual: &mut Table,
        desired: &mut Table,
    ) -> Vec<(ServiceKey, DestKey)> {
        let mut places: HashMap<ServiceKey, usize> = HashMap::new();
        let mut seen = HashSet::with_capacity(dests.len());
        let (mut was, mut wanted) = (Vec::new(), Vec::new());
        let mut parts = dests;
        parts.retain(|part| {
            let (key, dest) = *part;
            let Some(service) = self.known.service(&key) else { return false };
            if whole.contains(&key) || !seen.insert(*part) {
                return false;
            }
            let place = *places.entry(key).or_insert_with(|| {
                was.push((service.clone(), Vec::new()));
                wanted.push((service.clone(), Vec::new()));
                was.len() - 1
            });
            if let (Some((_, was)), Some((_, wanted))) = (was.get_mut(place), wanted.get_mut(place)) {
                was.extend(self.known.dest(&key, &dest));
                wanted.extend(self.hands.dest(balancer, key, dest));
            }
            true
        });
        actual.services.append(&mut was);
        desired.services.append(&mut wanted);
        parts
    }

    /// Learns what the kernel holds of these services.
    fn read(&mut self, keys: &HashSet<ServiceKey>, balancer: Option<&Balancer>) -> Result<(), Error> {
        let Some(client) = &mut self.client else { return Ok(()) };
        let table = client.table_of(|key| keys.contains(key))?;
        self.take_in(table, keys, balancer).log();
        Ok(())
    }

    /// Takes in what the kernel holds of these services, and what others have done there; at start, with no balancer yet,
    /// nobody is known to have.
    fn take_in(
        &mut self,
        mut table: Table,
        keys: &HashSet<ServiceKey>,
        balancer: Option<&Balancer>,
    ) -> Drift {
        let mut drift = Drift::default();
        if let Some(balancer) = balancer
            && !self.known.agrees(&table, keys)
        {
            let is_wanted = |key: &ServiceKey, dest: &DestKey| balancer.dest(*key, *dest).is_some();
            let is_ours = |key: &ServiceKey| balancer.has_service(*key);
            drift = Drift::find(&self.known, &mut table, keys, is_ours, is_wanted);
            self.hands.take_in(&drift, balancer);
        }
        for key in keys {
            self.known.remove(key);
            self.stale.remove(key);
        }
        for (service, dests) in table.services {
            self.known.insert(service, dests);
        }
        drift
    }
}

/// A server that was to go and is still there, whatever it is like.
const fn unwanted_dest(key: DestKey) -> Dest {
    Dest { key, forward: Forward::Masq, weight: 0, upper_threshold: 0, lower_threshold: 0 }
}

/// How an attempt went.
#[derive(Default)]
struct Outcome {
    refused: Vec<Failed>,
    /// What shows that a service that had not been read just before is not as it was left.
    drifted: Option<String>,
}

#[cfg(test)]
mod tests;
