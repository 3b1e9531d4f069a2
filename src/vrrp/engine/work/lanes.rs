//! When the next announcement may leave, where there is a least time between two.

use crate::time::Instant;
use crate::vrrp::pace::Lane;
use std::collections::HashMap;
use std::time::Duration;

/// The lanes that are closed for now.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    closed_until: HashMap<Lane, Instant>,
}

impl Lanes {
    /// Opens those whose time has come; true if there was one.
    pub(super) fn open(&mut self, now: Instant) -> bool {
        let before = self.closed_until.len();
        self.closed_until.retain(|_, until| *until > now);
        self.closed_until.len() < before
    }

    /// True if an announcement may leave; the lane is closed behind it.
    pub(super) fn pass(&mut self, now: Instant, (lane, pace): (Lane, Duration)) -> bool {
        if self.closed_until.contains_key(&lane) {
            return false;
        }
        self.closed_until.insert(lane, now + pace);
        true
    }

    /// When the first one opens.
    pub(super) fn next(&self) -> Option<Instant> {
        self.closed_until.values().min().copied()
    }
}
