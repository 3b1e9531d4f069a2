//! The kernel's table as this worker knows it, and how it becomes what the pool wants.
//!
//! What was written is remembered, so that a change costs its own requests and no reading. What turns out to be
//! otherwise (someone else removed a service) is read back and planned again, at once; what the kernel still refuses
//! then is said once and tried again later, ever less often. The other services do not wait for it.

use super::backoff;
use crate::check::Pool;
use crate::ipvs::client::{Client, Error, Failed};
use crate::ipvs::model::{Dest, Service, ServiceKey, Table};
use crate::ipvs::operation::Operation;
use crate::ipvs::plan::plan;
use crate::netlink::Failure;
use crate::time::Instant;
use nix::errno::Errno;
use std::collections::{HashMap, HashSet};
use std::mem;
use tracing::{error, info, warn};

/// Refusals that are logged one by one; more are only counted.
const SAID_ONE_BY_ONE: usize = 10;

/// This worker's services in the kernel.
pub(super) struct Kernel {
    client: Option<Client>,
    /// How to get a client.
    open: fn() -> Result<Client, Error>,
    /// What the kernel holds of our services, where it is known.
    known: HashMap<ServiceKey, (Service, Vec<Dest>)>,
    /// Services of ours of which it is not known.
    stale: HashSet<ServiceKey>,
    /// Services of ours, in the order in which they are wanted; those that are to go come last.
    owned: Vec<ServiceKey>,
    /// Services that may have to change.
    marked: Vec<ServiceKey>,
    /// Services that the kernel would not change.
    failing: Vec<ServiceKey>,
    /// When to try again what failed.
    retry_at: Option<Instant>,
    attempts: u32,
    /// Complaints that were logged already.
    said: HashSet<String>,
}

impl Kernel {
    /// Nothing is read or opened yet.
    pub(super) fn new(open: fn() -> Result<Client, Error>) -> Kernel {
        Kernel {
            client: None,
            open,
            known: HashMap::new(),
            stale: HashSet::new(),
            owned: Vec::new(),
            marked: Vec::new(),
            failing: Vec::new(),
            retry_at: None,
            attempts: 0,
            said: HashSet::new(),
        }
    }

    /// Reads what the kernel holds of these services.
    pub(super) fn read_at_start(&mut self, now: Instant, keys: impl Iterator<Item = ServiceKey>) -> Table {
        self.owned = keys.collect();
        self.stale = self.owned.iter().copied().collect();
        let keys = self.stale.clone();
        if keys.is_empty() || !self.connect(now) {
            return Table::default();
        }
        if let Err(error) = self.read(&keys) {
            self.lose(now, &error);
        }
        Table { services: self.owned.iter().filter_map(|key| self.known.get(key).cloned()).collect() }
    }

    /// Makes everything as the pool wants it, and removes what it wants no more.
    pub(super) fn replace(&mut self, now: Instant, pool: &Pool) {
        let before = mem::replace(&mut self.owned, pool.keys().collect());
        let wanted: HashSet<ServiceKey> = self.owned.iter().copied().collect();
        let held: HashSet<&ServiceKey> = before.iter().collect();
        self.stale.extend(self.owned.iter().filter(|key| !held.contains(key)));
        self.owned.extend(before.into_iter().filter(|key| !wanted.contains(key)));
        self.marked = self.owned.clone();
        self.apply(now, pool);
    }

    /// Notes that a service may have to change.
    pub(super) fn mark(&mut self, key: ServiceKey) {
        self.marked.push(key);
    }

    /// When to call [`Kernel::apply`] even if nothing was marked.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Brings the marked services into the kernel, and those that failed, if their time has come.
    pub(super) fn apply(&mut self, now: Instant, pool: &Pool) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
            self.marked.append(&mut self.failing);
        }
        let mut seen = HashSet::with_capacity(self.marked.len());
        self.marked.retain(|key| seen.insert(*key));
        if self.marked.is_empty() || !self.connect(now) {
            return;
        }
        let keys = mem::take(&mut self.marked);
        let mut outcome = self.change(&keys, pool);
        if let Ok(Outcome { refused, drifted: true }) = &outcome
            && let Some(first) = refused.first()
        {
            let (operation, failure, count) = (&first.operation, &first.failure, refused.len());
            warn!(%operation, %failure, count, "the IPVS table is not as it was left: reading it back");
            self.stale = self.owned.iter().copied().collect();
            let keys = self.owned.clone();
            outcome = self.change(&keys, pool);
        }
        match outcome {
            Err(error) => self.lose(now, &error),
            Ok(Outcome { refused, .. }) if refused.is_empty() => self.succeeded(),
            Ok(Outcome { refused, .. }) => {
                self.complain(&refused);
                self.failing.extend(touched(&refused));
                self.postpone(now);
            }
        }
    }

    /// Removes every service of ours. Without an answer from the kernel there is nothing more to be done.
    pub(super) fn release(mut self) {
        let Some(client) = &mut self.client else { return };
        let operations: Vec<Operation> =
            self.owned.iter().rev().map(|key| Operation::DeleteService(*key)).collect();
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
        self.say(chain(error));
        self.client = None;
        self.known.clear();
        self.failing.clear();
        self.stale = self.owned.iter().copied().collect();
        self.marked = self.owned.clone();
        self.postpone(now);
    }

    fn postpone(&mut self, now: Instant) {
        self.retry_at = Some(now + backoff(self.attempts));
        self.attempts = self.attempts.saturating_add(1);
    }

    /// Everything that was asked for is done; what failed before may still be waiting.
    fn succeeded(&mut self) {
        if self.failing.is_empty() {
            self.retry_at = None;
            self.attempts = 0;
            if !mem::take(&mut self.said).is_empty() {
                info!("the IPVS table is as it should be");
            }
        }
    }

    /// One attempt at these services. One that something was refused of is not known any more.
    fn change(&mut self, keys: &[ServiceKey], pool: &Pool) -> Result<Outcome, Error> {
        let stale: HashSet<ServiceKey> =
            keys.iter().filter(|key| self.stale.contains(key)).copied().collect();
        if !stale.is_empty() {
            self.read(&stale)?;
        }
        let (mut actual, mut desired) = (Table::default(), Table::default());
        let mut unwanted = HashSet::new();
        for key in keys {
            actual.services.extend(self.known.remove(key));
            match pool.service(*key) {
                Some(row) => desired.services.push(row),
                None => drop(unwanted.insert(*key)),
            }
        }
        let Some(client) = &mut self.client else { return Ok(Outcome::default()) };
        let mut refused = client.execute(&plan(&actual, &desired, keys));
        refused.retain(|failed| !is_gone_already(failed));
        self.known.extend(desired.services.into_iter().map(|row| (row.0.key, row)));
        for key in touched(&refused) {
            self.known.remove(&key);
            self.stale.insert(key);
            unwanted.remove(&key);
        }
        if !unwanted.is_empty() {
            self.owned.retain(|key| !unwanted.contains(key));
        }
        let drifted = touched(&refused).iter().any(|key| !stale.contains(key));
        Ok(Outcome { refused, drifted })
    }

    /// Learns what the kernel holds of these services.
    fn read(&mut self, keys: &HashSet<ServiceKey>) -> Result<(), Error> {
        let Some(client) = &mut self.client else { return Ok(()) };
        let table = client.table_of(|key| keys.contains(key))?;
        let found = table.services.into_iter().map(|row| (row.0.key, row));
        for key in keys {
            self.known.remove(key);
            self.stale.remove(key);
        }
        self.known.extend(found);
        Ok(())
    }

    fn complain(&mut self, refused: &[Failed]) {
        // Where a service was refused, so are all its servers: that need not be said of each.
        let services: HashSet<ServiceKey> = refused
            .iter()
            .filter_map(|f| match &f.operation {
                Operation::AddService(service) => Some(service.key),
                _ => None,
            })
            .collect();
        let complaints: Vec<String> = refused
            .iter()
            .filter(|f| !matches!(&f.operation, Operation::AddDest(key, _) if services.contains(key)))
            .map(|f| format!("{}: {}", f.operation, f.failure))
            .collect();
        for complaint in complaints.iter().take(SAID_ONE_BY_ONE) {
            self.say(complaint.clone());
        }
        if let Some(more) = complaints.len().checked_sub(SAID_ONE_BY_ONE).filter(|&n| n > 0) {
            self.say(format!("the kernel refused {more} further changes of the IPVS table"));
        }
    }

    /// Logs a complaint, unless it was logged already.
    fn say(&mut self, complaint: String) {
        if !self.said.contains(&complaint) {
            error!("{complaint}");
            self.said.insert(complaint);
        }
    }
}

/// How an attempt went.
#[derive(Default)]
struct Outcome {
    refused: Vec<Failed>,
    /// Something was refused of a service that had not been read just before: it is not as it was left.
    drifted: bool,
}

/// The services that something was refused of, each once.
fn touched(refused: &[Failed]) -> Vec<ServiceKey> {
    let mut seen = HashSet::new();
    refused.iter().filter_map(|f| service(&f.operation)).filter(|key| seen.insert(*key)).collect()
}

/// The service that an operation is about.
fn service(operation: &Operation) -> Option<ServiceKey> {
    match operation {
        Operation::AddService(service) | Operation::EditService(service) => Some(service.key),
        Operation::DeleteService(key)
        | Operation::AddDest(key, _)
        | Operation::EditDest(key, _)
        | Operation::DeleteDest(key, _) => Some(*key),
        _ => None,
    }
}

/// What was to be removed is not there, which is what was wanted.
fn is_gone_already(failed: &Failed) -> bool {
    let Failure::Refused(refusal) = &failed.failure else { return false };
    match failed.operation {
        Operation::DeleteService(_) => refusal.errno == Errno::ESRCH,
        // ESRCH would be a service that is not there.
        Operation::DeleteDest(..) => refusal.errno == Errno::ENOENT,
        _ => false,
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

#[cfg(test)]
mod tests;
