//! From the table that is to the table that is wanted: the least list of operations, in an order that never leaves
//! a service without servers. Pure, and linear in the size of both tables (hashed by identity).
//!
//! The order, and why:
//!
//! 1. new services, each with its servers, in the order wanted;
//! 2. edits of services, in place;
//! 3. new servers of services that stay, those that take connections first of all: what replaces a server is there
//!    before the server goes;
//! 4. edits of servers, in place: first those that let a server take connections, at last those that stop it;
//! 5. removal of servers, of services wanted;
//! 6. removal of services, each with all its servers at once.
//!
//! Nothing is added after something was removed: the kernel keeps removed destinations for up to two minutes in one
//! list, newest first, and searches it from the front for each destination that is added
//! (`ip_vs_trash_get_dest`): for the same address and port of a service of the same key. For the same reason what is
//! removed goes in the reverse of the order it was made in: added again in that order, each is found at the front. A
//! service is removed with all its destinations in one operation, since the kernel then goes through them from the newest
//! to the oldest. A destination that moves to another service is no other than a new one there: the kernel would not
//! find it.

use crate::ipvs::model::{Dest, DestKey, ServiceKey, Table};
use crate::ipvs::operation::Operation;
use std::collections::{HashMap, HashSet};

/// The operations that turn `actual` into `desired`.
///
/// Services of `actual` that `desired` has not are removed only where they stand in `owned`: what others have put
/// into the kernel's table stays. `owned` is in the order in which its services were made (any order is right, that
/// one is fast), and may name services that are not there.
///
/// Where a key appears twice in a table, its first appearance counts.
#[must_use]
pub fn plan(actual: &Table, desired: &Table, owned: &[ServiceKey]) -> Vec<Operation> {
    let mut plan = Plan::default();
    let present: HashMap<ServiceKey, usize> =
        actual.services.iter().enumerate().rev().map(|(n, (service, _))| (service.key, n)).collect();
    let mut wanted: HashSet<ServiceKey> = HashSet::with_capacity(desired.services.len());
    for (service, dests) in &desired.services {
        let key = service.key;
        if !wanted.insert(key) {
            continue;
        }
        match present.get(&key).and_then(|&n| actual.services.get(n)) {
            None => {
                plan.new_services.push(Operation::AddService(service.clone()));
                let mut seen = HashSet::with_capacity(dests.len());
                let dests = dests.iter().filter(|d| seen.insert(d.key));
                plan.new_services.extend(dests.map(|d| Operation::AddDest(key, *d)));
            }
            Some((old, old_dests)) => {
                if old != service {
                    plan.edited_services.push(Operation::EditService(service.clone()));
                }
                plan.dests(key, old_dests, dests);
            }
        }
    }
    plan.removed_services.extend(
        owned
            .iter()
            .rev()
            .filter(|key| !wanted.contains(key) && present.contains_key(key))
            .map(|key| Operation::DeleteService(*key)),
    );
    plan.into_operations()
}

/// Where the removals of a plan begin: the operations from there to its end stop or remove servers, or remove services.
/// When one of those before fails, the removals for its service are better left undone: the server that was to take over
/// may be missing.
#[must_use]
pub fn removals_start(operations: &[Operation]) -> usize {
    let removes = |operation: &&Operation| match operation {
        Operation::EditDest(_, dest) => dest.weight == 0,
        Operation::DeleteDest(..) | Operation::DeleteService(_) => true,
        _ => false,
    };
    operations.len() - operations.iter().rev().take_while(removes).count()
}

/// In the order of their keys; where they are in that order already, as they mostly are, this takes one look at each.
fn sorted(dests: &[Dest]) -> Vec<&Dest> {
    let mut dests: Vec<&Dest> = dests.iter().collect();
    dests.sort_by_key(|d| d.key);
    dests
}

/// Operations by phase.
#[derive(Default)]
struct Plan {
    new_services: Vec<Operation>,
    edited_services: Vec<Operation>,
    new_live: Vec<Operation>,
    new_idle: Vec<Operation>,
    edits_to_live: Vec<Operation>,
    edits: Vec<Operation>,
    edits_to_idle: Vec<Operation>,
    /// In the order the destinations were made in.
    removed_dests: Vec<Operation>,
    removed_services: Vec<Operation>,
}

impl Plan {
    fn dests(&mut self, key: ServiceKey, old: &[Dest], new: &[Dest]) {
        if old == new || sorted(old) == sorted(new) {
            return;
        }
        let mut gone: HashMap<DestKey, &Dest> = HashMap::with_capacity(old.len());
        for dest in old {
            gone.entry(dest.key).or_insert(dest);
        }
        let mut seen = HashSet::with_capacity(new.len());
        for dest in new.iter().filter(|d| seen.insert(d.key)) {
            let phase = match gone.remove(&dest.key) {
                None if dest.weight > 0 => &mut self.new_live,
                None => &mut self.new_idle,
                Some(old) if old == dest => continue,
                Some(old) => {
                    let phase = match (old.weight > 0, dest.weight > 0) {
                        (false, true) => &mut self.edits_to_live,
                        (true, false) => &mut self.edits_to_idle,
                        _ => &mut self.edits,
                    };
                    phase.push(Operation::EditDest(key, *dest));
                    continue;
                }
            };
            phase.push(Operation::AddDest(key, *dest));
        }
        let removed = old.iter().filter(|d| gone.remove(&d.key).is_some());
        self.removed_dests.extend(removed.map(|d| Operation::DeleteDest(key, d.key)));
    }

    fn into_operations(self) -> Vec<Operation> {
        let mut all = self.new_services;
        all.extend(self.edited_services);
        all.extend(self.new_live);
        all.extend(self.new_idle);
        all.extend(self.edits_to_live);
        all.extend(self.edits);
        all.extend(self.edits_to_idle);
        all.extend(self.removed_dests.into_iter().rev());
        all.extend(self.removed_services);
        all
    }
}

#[cfg(test)]
mod tests;
