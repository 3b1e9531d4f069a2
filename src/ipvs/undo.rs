//! How to get back: from the table that was, and what has been done to it since, to the operations that restore it.
//! Pure.
//!
//! What has been done is followed on the old table, and the way back is a [`plan`]: the least list of operations, in an
//! order that leaves no service without servers. It concerns what was done and nothing else; what other programs changed
//! in the meantime stays.
//!
//! Three things no operation brings back: counters, the connections of a server that was removed for so long that they
//! ended, and the place of a server among the others of its service.

use crate::ipvs::model::{Daemon, Dest, DestKey, Service, ServiceKey, Table, Timeouts};
use crate::ipvs::operation::Operation;
use crate::ipvs::plan::plan;
use std::collections::{HashMap, HashSet};

/// What there is, or was, of what some operations touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Every service that they touch, in the order they were made in as far as that is known.
    pub table: Table,
    /// Connection timeouts.
    pub timeouts: Timeouts,
    /// The daemons that run.
    pub daemons: Vec<Daemon>,
}

impl Snapshot {
    /// The operations that lead back from here to `before`, which is about the same.
    #[must_use]
    pub fn back_to(&self, before: &Snapshot) -> Vec<Operation> {
        let made: Vec<ServiceKey> = self.table.services.iter().map(|(s, _)| s.key).collect();
        let mut operations = plan(&self.table, &before.table, &made);
        if self.timeouts != before.timeouts {
            operations.push(Operation::SetTimeouts(before.timeouts));
        }
        let started = self.daemons.iter().filter(|d| !before.daemons.contains(d));
        operations.extend(started.map(|d| Operation::StopDaemon(d.state)));
        let stopped = before.daemons.iter().filter(|d| !self.daemons.contains(d));
        operations.extend(stopped.cloned().map(Operation::StartDaemon));
        operations
    }
}

/// What operations touch.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    whole_table: bool,
    services: HashSet<ServiceKey>,
    timeouts: bool,
    daemons: bool,
}

impl Touched {
    /// By these.
    pub fn by<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Touched {
        let mut touched = Touched::default();
        for operation in operations {
            match operation {
                Operation::Flush => touched.whole_table = true,
                Operation::SetTimeouts(_) => touched.timeouts = true,
                Operation::StartDaemon(_) | Operation::StopDaemon(_) => touched.daemons = true,
                other => touched.services.extend(other.service()),
            }
        }
        touched
    }

    /// Whether the service is.
    #[must_use]
    pub fn has(&self, key: &ServiceKey) -> bool {
        self.whole_table || self.services.contains(key)
    }

    /// Whether the timeouts are.
    #[must_use]
    pub const fn timeouts(&self) -> bool {
        self.timeouts
    }

    /// Whether daemons are.
    #[must_use]
    pub const fn daemons(&self) -> bool {
        self.daemons
    }

    /// What a snapshot has of this.
    #[must_use]
    pub fn of(&self, snapshot: &Snapshot) -> Snapshot {
        let services = snapshot.table.services.iter().filter(|(s, _)| self.has(&s.key)).cloned().collect();
        Snapshot {
            table: Table { services },
            timeouts: if self.timeouts { snapshot.timeouts } else { Timeouts::default() },
            daemons: if self.daemons { snapshot.daemons.clone() } else { Vec::new() },
        }
    }
}

/// Whether an operation can be undone: all but the zeroing of counters.
#[must_use]
pub const fn is_possible(operation: &Operation) -> bool {
    !matches!(operation, Operation::Zero(_))
}

/// The operations that undo `done`, all of which succeeded, in this order, on what was `before`.
#[must_use]
pub fn undo<'a>(before: &Snapshot, done: impl IntoIterator<Item = &'a Operation>) -> Vec<Operation> {
    let mut table = State::of(&before.table);
    let mut now = Snapshot { table: Table::default(), ..before.clone() };
    for operation in done {
        table.carry_out(operation);
        match operation {
            Operation::SetTimeouts(timeouts) => now.timeouts = *timeouts,
            Operation::StartDaemon(daemon) => now.daemons.push(daemon.clone()),
            Operation::StopDaemon(state) => now.daemons.retain(|d| d.state != *state),
            _ => {}
        }
    }
    now.table = table.into_table();
    now.back_to(before)
}

/// A table that can be followed through many operations.
struct State {
    services: HashMap<ServiceKey, usize>,
    /// In the order they were made in; none where it has been removed.
    entries: Vec<Option<Entry>>,
}

struct Entry {
    service: Service,
    dests: Vec<Option<Dest>>,
    index: HashMap<DestKey, usize>,
}

impl Entry {
    fn new(service: Service, dests: &[Dest]) -> Entry {
        Entry {
            service,
            dests: dests.iter().copied().map(Some).collect(),
            index: dests.iter().enumerate().map(|(n, d)| (d.key, n)).collect(),
        }
    }
}

impl State {
    fn of(table: &Table) -> State {
        State {
            services: table.services.iter().enumerate().map(|(n, (s, _))| (s.key, n)).collect(),
            entries: table.services.iter().map(|(s, dests)| Some(Entry::new(s.clone(), dests))).collect(),
        }
    }

    fn entry(&mut self, key: &ServiceKey) -> Option<&mut Entry> {
        self.services.get(key).and_then(|&n| self.entries.get_mut(n)).and_then(Option::as_mut)
    }

    fn carry_out(&mut self, operation: &Operation) {
        match operation {
            Operation::AddService(s) => {
                self.services.insert(s.key, self.entries.len());
                self.entries.push(Some(Entry::new(s.clone(), &[])));
            }
            Operation::EditService(s) => {
                if let Some(entry) = self.entry(&s.key) {
                    entry.service = s.clone();
                }
            }
            Operation::DeleteService(key) => {
                if let Some(entry) = self.services.remove(key).and_then(|n| self.entries.get_mut(n)) {
                    *entry = None;
                }
            }
            Operation::Flush => {
                self.services.clear();
                self.entries.clear();
            }
            Operation::AddDest(key, dest) => {
                if let Some(entry) = self.entry(key) {
                    entry.index.insert(dest.key, entry.dests.len());
                    entry.dests.push(Some(*dest));
                }
            }
            Operation::EditDest(key, dest) => {
                if let Some(entry) = self.entry(key)
                    && let Some(old) = entry.index.get(&dest.key).and_then(|&n| entry.dests.get_mut(n))
                {
                    *old = Some(*dest);
                }
            }
            Operation::DeleteDest(key, dest) => {
                if let Some(entry) = self.entry(key)
                    && let Some(old) = entry.index.remove(dest).and_then(|n| entry.dests.get_mut(n))
                {
                    *old = None;
                }
            }
            Operation::Zero(_)
            | Operation::SetTimeouts(_)
            | Operation::StartDaemon(_)
            | Operation::StopDaemon(_) => {}
        }
    }

    /// The table, its services in the order they were made in.
    fn into_table(self) -> Table {
        let entries = self.entries.into_iter().flatten();
        Table { services: entries.map(|e| (e.service, e.dests.into_iter().flatten().collect())).collect() }
    }
}

#[cfg(test)]
mod tests;
