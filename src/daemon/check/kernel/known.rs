//! What the kernel holds of this worker's services, as far as it is known: a change of one server costs one look-up.

use crate::ipvs::model::{Dest, DestKey, Service, ServiceKey, Table};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Services with their servers.
#[derive(Default)]
pub(super) struct Known {
    rows: HashMap<ServiceKey, Row>,
}

struct Row {
    service: Service,
    /// In the order in which they were made: what is removed at once goes in the reverse of it.
    dests: BTreeMap<u64, Dest>,
    places: HashMap<DestKey, u64>,
    next: u64,
    /// Something was refused of it: what is here is what was there or was wanted, and has to be read.
    is_doubtful: bool,
}

impl Known {
    /// Takes in a service with all its servers, in the order in which they were made.
    pub(super) fn insert(&mut self, service: Service, dests: impl IntoIterator<Item = Dest>) {
        let key = service.key;
        let mut row =
            Row { service, dests: BTreeMap::new(), places: HashMap::new(), next: 0, is_doubtful: false };
        for dest in dests {
            row.set(dest);
        }
        self.rows.insert(key, row);
    }

    /// The service, unless it is in doubt.
    pub(super) fn service(&self, key: &ServiceKey) -> Option<&Service> {
        let row = self.rows.get(key).filter(|row| !row.is_doubtful)?;
        Some(&row.service)
    }

    /// Whether anything is known of it, even in doubt.
    pub(super) fn has(&self, key: &ServiceKey) -> bool {
        self.rows.contains_key(key)
    }

    /// All servers of a service.
    pub(super) fn dests(&self, key: &ServiceKey) -> impl Iterator<Item = &Dest> {
        self.rows.get(key).into_iter().flat_map(|row| row.dests.values())
    }

    pub(super) fn dest(&self, key: &ServiceKey, dest: &DestKey) -> Option<Dest> {
        let row = self.rows.get(key)?;
        row.dests.get(row.places.get(dest)?).copied()
    }

    /// It has to be read before it can be believed again.
    pub(super) fn doubt(&mut self, key: &ServiceKey) {
        if let Some(row) = self.rows.get_mut(key) {
            row.is_doubtful = true;
        }
    }

    /// The same of everything.
    pub(super) fn doubt_all(&mut self) {
        self.rows.values_mut().for_each(|row| row.is_doubtful = true);
    }

    /// Whether a service and its servers are known to be exactly so. In another order, they may be and this says no.
    pub(super) fn is(&self, service: &Service, dests: &[Dest]) -> bool {
        self.rows
            .get(&service.key)
            .is_some_and(|row| !row.is_doubtful && row.service == *service && row.dests.values().eq(dests))
    }

    /// Whether the table has of these services what is known. Found out without a copy: mostly it has.
    pub(super) fn agrees(&self, table: &Table, keys: &HashSet<ServiceKey>) -> bool {
        keys.iter().filter(|key| self.rows.contains_key(key)).count() == table.services.len()
            && table.services.iter().all(|(service, dests)| {
                self.rows.get(&service.key).is_some_and(|row| {
                    let held = |dest: &Dest| row.places.get(&dest.key).and_then(|at| row.dests.get(at));
                    row.service == *service
                        && row.places.len() == dests.len()
                        // Mostly in the same order: that costs no look-up.
                        && (row.dests.values().eq(dests) || dests.iter().all(|dest| held(dest) == Some(dest)))
                })
            })
    }

    /// The whole of a service.
    pub(super) fn get(&self, key: &ServiceKey) -> Option<(Service, Vec<Dest>)> {
        let row = self.rows.get(key)?;
        Some((row.service.clone(), row.dests.values().copied().collect()))
    }

    /// Takes in that a server is so now, or is gone.
    pub(super) fn set_dest(&mut self, key: &ServiceKey, dest: DestKey, now: Option<Dest>) {
        let Some(row) = self.rows.get_mut(key) else { return };
        match now {
            Some(now) => row.set(now),
            None => {
                if let Some(place) = row.places.remove(&dest) {
                    row.dests.remove(&place);
                }
            }
        }
    }

    pub(super) fn remove(&mut self, key: &ServiceKey) {
        self.rows.remove(key);
    }
}

impl Row {
    fn set(&mut self, dest: Dest) {
        let place = *self.places.entry(dest.key).or_insert(self.next);
        if place == self.next {
            self.next += 1;
        }
        self.dests.insert(place, dest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::testing::{dest, key, service};

    #[test]
    fn servers_keep_the_order_in_which_they_were_made() {
        let mut known = Known::default();
        known.insert(service(key(0), "rr"), [dest(1, 1), dest(2, 1), dest(3, 1)]);
        known.set_dest(&key(0), dest(1, 0).key, None);
        known.set_dest(&key(0), dest(2, 0).key, Some(dest(2, 0)));
        known.set_dest(&key(0), dest(1, 0).key, Some(dest(1, 7)));
        known.set_dest(&key(1), dest(1, 0).key, Some(dest(1, 7)));
        let (held, dests) = known.get(&key(0)).unwrap();
        assert_eq!((held, dests), (service(key(0), "rr"), vec![dest(2, 0), dest(3, 1), dest(1, 7)]));
        assert!(known.is(&service(key(0), "rr"), &[dest(2, 0), dest(3, 1), dest(1, 7)]));
        assert!(!known.is(&service(key(0), "rr"), &[dest(2, 0), dest(3, 1)]));
        assert!(!known.is(&service(key(0), "wlc"), &[dest(2, 0), dest(3, 1), dest(1, 7)]));
        assert!(!known.is(&service(key(1), "rr"), &[]));
        let keys = HashSet::from([key(0), key(1)]);
        let table = |dests| Table { services: vec![(service(key(0), "rr"), dests)] };
        assert!(known.agrees(&table(vec![dest(1, 7), dest(2, 0), dest(3, 1)]), &keys), "in whatever order");
        assert!(!known.agrees(&table(vec![dest(1, 7), dest(2, 0), dest(3, 2)]), &keys));
        assert!(!known.agrees(&table(vec![dest(1, 7), dest(2, 0)]), &keys));
        assert!(!known.agrees(&Table::default(), &keys));
        assert_eq!(known.dest(&key(0), &dest(1, 0).key), Some(dest(1, 7)));
        assert_eq!(known.dest(&key(1), &dest(1, 0).key), None);
    }
}
