//! Who listens to which virtual router where: a table of numbers, since each instance keeps its key itself. Of thousands of
//! instances a table with the keys takes five times as much memory.

use super::{Key, Slot};
use crate::vrrp::kernel::Id;
use hashbrown::HashTable;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

/// Instances, by their [`Slot::key`].
#[derive(Clone, Debug, Default)]
pub(super) struct ByVrid {
    ids: HashTable<Id>,
    hasher: RandomState,
}

impl ByVrid {
    /// Those with that key, in the order of their numbers: several where groups or peers tell them apart.
    pub(super) fn of(&self, key: &Key, instances: &BTreeMap<Id, Box<Slot>>) -> SmallVec<[Id; 1]> {
        let has_key = |id: &Id| instances.get(id).is_some_and(|slot| slot.key.as_ref() == Some(key));
        let mut ids: SmallVec<[Id; 1]> =
            self.ids.iter_hash(self.hasher.hash_one(key)).copied().filter(has_key).collect();
        ids.sort_unstable();
        ids
    }

    /// An instance has this key now.
    pub(super) fn insert(&mut self, key: &Key, id: Id, instances: &BTreeMap<Id, Box<Slot>>) {
        let ByVrid { ids, hasher } = self;
        let key_of = |id: &Id| instances.get(id).and_then(|slot| slot.key.as_ref());
        ids.insert_unique(hasher.hash_one(key), id, |id| key_of(id).map_or(0, |key| hasher.hash_one(key)));
    }

    /// It has another one, or none. Its number is not given to another instance before that.
    pub(super) fn remove(&mut self, key: &Key, id: Id) {
        if let Ok(entry) = self.ids.find_entry(self.hasher.hash_one(key), |other| *other == id) {
            entry.remove();
        }
    }
}
