//! The priority of an instance: the configured one, what has changed it, and the one in force.
//!
//! Nothing here decides who is master.

use super::packet::PRIORITY_OWNER;
use super::track::Object;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What changes a priority.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// Another router says that it owns the addresses, too, and does not yield: this one does.
    OwnersConflict,
    /// Something that the instance tracks.
    Tracked(Object),
}

/// A configured priority and the weights that change it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priority {
    base: u8,
    causes: BTreeMap<Cause, i16>,
    effective: u8,
}

impl Priority {
    /// The configured one, unchanged.
    #[must_use]
    pub const fn new(base: u8) -> Priority {
        Priority { base, causes: BTreeMap::new(), effective: base }
    }

    /// The configured one.
    #[must_use]
    pub const fn base(&self) -> u8 {
        self.base
    }

    /// The one in force: what adverts say. Weights are added to the configured one, and the sum stays between 1 and 254:
    /// no weight makes an owner, or a router that leaves.
    #[must_use]
    pub const fn effective(&self) -> u8 {
        self.effective
    }

    /// Why the one in force is not the configured one.
    pub fn causes(&self) -> impl Iterator<Item = (&Cause, i16)> {
        self.causes.iter().map(|(cause, weight)| (cause, *weight))
    }

    /// By how much this, which is tracked, changes it.
    #[must_use]
    pub fn tracked(&self, object: &Object) -> Option<i16> {
        let is_it = |cause: &Cause| matches!(cause, Cause::Tracked(tracked) if tracked == object);
        self.causes.iter().find(|(cause, _)| is_it(cause)).map(|(_, weight)| *weight)
    }

    /// From now on this changes it by so much; 0 takes the cause away.
    pub fn set(&mut self, cause: Cause, weight: i16) {
        if weight == 0 {
            self.causes.remove(&cause);
        } else {
            self.causes.insert(cause, weight);
        }
        self.sum_up();
    }

    /// From now on what is tracked changes it by these, and nothing else that is tracked does. An owner's never moves.
    pub fn track<'a>(&mut self, weights: impl Iterator<Item = (&'a Object, i16)>) {
        self.causes.retain(|cause, _| !matches!(cause, Cause::Tracked(_)));
        if self.base != PRIORITY_OWNER {
            let weights = weights.filter(|(_, weight)| *weight != 0);
            self.causes.extend(weights.map(|(object, weight)| (Cause::Tracked(object.clone()), weight)));
        }
        self.sum_up();
    }

    /// Another one is configured. What is tracked counts for it as it did for the last.
    pub fn configure(&mut self, base: u8) {
        self.base = base;
        self.causes.retain(|cause, _| matches!(cause, Cause::Tracked(_)) && base != PRIORITY_OWNER);
        self.sum_up();
    }

    fn sum_up(&mut self) {
        let sum: i32 = self.causes.values().map(|weight| i32::from(*weight)).sum();
        self.effective = match self.causes.is_empty() {
            true => self.base,
            // In the range by the clamp.
            false => u8::try_from((i32::from(self.base) + sum).clamp(1, i32::from(PRIORITY_OWNER) - 1))
                .unwrap_or(self.base),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrrp::track::Kind;

    #[test]
    fn weights_change_what_is_in_force_within_the_range() {
        for (base, weight, effective) in [(255, -1, 254), (100, -150, 1), (100, 250, 254), (100, 20, 120)] {
            let mut priority = Priority::new(base);
            assert_eq!((priority.effective(), priority.causes().count()), (base, 0));
            priority.set(Cause::OwnersConflict, weight);
            assert_eq!((priority.base(), priority.effective()), (base, effective));
            assert_eq!(priority.causes().collect::<Vec<_>>(), [(&Cause::OwnersConflict, weight)]);
            priority.set(Cause::OwnersConflict, 0);
            assert_eq!(priority, Priority::new(base));
        }
    }

    #[test]
    fn what_is_tracked_adds_up_before_it_is_cut_and_outlives_a_reload() {
        let objects = ["A", "B", "C"].map(|name| Object::new(Kind::Script, name));
        let mut priority = Priority::new(100);
        priority.track(objects.iter().zip([200, -100, 0]));
        assert_eq!((priority.effective(), priority.causes().count()), (200, 2));
        assert_eq!(objects.each_ref().map(|object| priority.tracked(object)), [Some(200), Some(-100), None]);
        priority.track(objects.iter().zip([200, 0, 20]));
        assert_eq!(priority.effective(), 254);
        priority.configure(1);
        assert_eq!(priority.effective(), 221);
        priority.track(objects.iter().zip([-253, -253, 20]));
        assert_eq!(priority.effective(), 1);
        priority.configure(255);
        assert_eq!(priority, Priority::new(255));
        priority.track(objects.iter().zip([-50, 0, 0]));
        assert_eq!(priority, Priority::new(255), "the owner's never moves");
    }
}
