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
use std::collections::HashMap;

/// What there was before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Every service that is going to be touched, as it was.
    pub table: Table,
    /// Connection timeouts.
    pub timeouts: Timeouts,
    /// The daemons that ran.
    pub daemons: Vec<Daemon>,
}

/// Whether an operation can be undone: all but the zeroing of counters.
#[must_use]
pub const fn is_possible(operation: &Operation) -> bool {
    !matches!(operation, Operation::Zero(_))
}

/// The operations that undo `done`, all of which succeeded, in this order, on what was `before`.
#[must_use]
pub fn undo<'a>(before: &Before, done: impl IntoIterator<Item = &'a Operation>) -> Vec<Operation> {
    let mut now = State::of(&before.table);
    let mut timeouts = false;
    let mut daemons = before.daemons.clone();
    for operation in done {
        now.carry_out(operation);
        match operation {
            Operation::SetTimeouts(_) => timeouts = true,
            Operation::StartDaemon(daemon) => daemons.push(daemon.clone()),
            Operation::StopDaemon(state) => daemons.retain(|d| d.state != *state),
            _ => {}
        }
    }
    let (now, touched) = now.into_table();
    let mut operations = plan(&now, &before.table, &touched);
    if timeouts {
        operations.push(Operation::SetTimeouts(before.timeouts));
    }
    let started = daemons.iter().filter(|d| !before.daemons.contains(d));
    operations.extend(started.map(|d| Operation::StopDaemon(d.state)));
    let stopped = before.daemons.iter().filter(|d| !daemons.contains(d));
    operations.extend(stopped.cloned().map(Operation::StartDaemon));
    operations
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

    /// The table, and the keys of its services in the order they were made in.
    fn into_table(self) -> (Table, Vec<ServiceKey>) {
        let entries = self.entries.into_iter().flatten();
        let services: Vec<(Service, Vec<Dest>)> =
            entries.map(|e| (e.service, e.dests.into_iter().flatten().collect())).collect();
        let keys = services.iter().map(|(s, _)| s.key).collect();
        (Table { services }, keys)
    }
}

#[cfg(test)]
mod tests;
