//! A listing against the membership. Pure.

use crate::ipvs::model::{DestEntry, DestKey};
use std::collections::{HashMap, HashSet};

/// A service just before it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeforeListing {
    /// The newest server.
    pub first: DestKey,
    /// How many there are, a moment later.
    pub count: usize,
}

impl BeforeListing {
    /// Whether nothing is hidden from a list that was made after this, and has none twice.
    ///
    /// What is added comes to the front. So where the same server is still there, nothing was added before the list
    /// began, and there were at most so many then; what is added later is not listed. A list that has so many lacks none.
    #[must_use]
    pub fn shows_complete(&self, list: &[DestEntry]) -> bool {
        list.len() == self.count && list.first().is_some_and(|d| d.dest.key == self.first)
    }
}

/// The `members` that the listing lacks.
#[must_use]
pub fn missing(list: &[DestEntry], members: &[DestKey]) -> HashSet<DestKey> {
    // Mostly nobody removes anything.
    if list.iter().map(|d| &d.dest.key).eq(members) {
        return HashSet::new();
    }
    let present: HashSet<DestKey> = list.iter().map(|d| d.dest.key).collect();
    members.iter().copied().filter(|key| !present.contains(key)).collect()
}

/// Sorts a listing that was completed as the membership is; servers that are gone meanwhile come last.
pub fn put_in_order(list: &mut [DestEntry], members: &[DestKey]) {
    let places: HashMap<DestKey, usize> = members.iter().copied().zip(0..).collect();
    list.sort_by_key(|d| places.get(&d.dest.key).copied().unwrap_or(usize::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::model::Stats;
    use crate::ipvs::testing::{dest, listed_dest};

    fn list(servers: &[u8]) -> Vec<DestEntry> {
        servers.iter().map(|&n| listed_dest(dest(n, 1), Stats::default())).collect()
    }

    fn keys(servers: &[u8]) -> Vec<DestKey> {
        list(servers).iter().map(|d| d.dest.key).collect()
    }

    #[test]
    fn who_was_hidden_is_missing_and_who_is_gone_is_not() {
        assert_eq!(missing(&list(&[3, 2, 1]), &keys(&[3, 2, 1])), HashSet::new());
        assert_eq!(missing(&list(&[3, 2, 1]), &keys(&[3, 1])), HashSet::new());
        assert_eq!(missing(&list(&[4, 1]), &keys(&[4, 3, 2, 1])), keys(&[2, 3]).into_iter().collect());
        assert_eq!(missing(&list(&[2, 1]), &keys(&[])), HashSet::new());
    }

    #[test]
    fn a_list_is_whole_where_nothing_was_added_before_it_and_the_number_is_right() {
        let before = BeforeListing { first: dest(3, 1).key, count: 3 };
        assert!(before.shows_complete(&list(&[3, 2, 1])));
        assert!(!before.shows_complete(&list(&[3, 1])), "one is gone, or hidden");
        assert!(!before.shows_complete(&list(&[4, 3, 1])), "one is new, another hidden");
        assert!(!before.shows_complete(&list(&[])));
    }

    #[test]
    fn what_was_found_later_gets_its_place() {
        let mut completed = list(&[5, 4, 1, 3]);
        put_in_order(&mut completed, &keys(&[5, 3, 1]));
        assert_eq!(completed, list(&[5, 3, 1, 4]));
    }
}
