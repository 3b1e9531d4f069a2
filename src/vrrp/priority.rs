//! The priority of an instance: the configured one, what has changed it, and the one in force.
//!
//! Nothing here decides who is master.

use super::packet::PRIORITY_OWNER;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What changes a priority.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// Another router says that it owns the addresses, too, and does not yield: this one does.
    OwnersConflict,
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

    /// From now on this changes it by so much; 0 takes the cause away.
    pub fn set(&mut self, cause: Cause, weight: i16) {
        if weight == 0 {
            self.causes.remove(&cause);
        } else {
            self.causes.insert(cause, weight);
        }
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
}
