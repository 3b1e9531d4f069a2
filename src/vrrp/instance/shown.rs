//! What others are shown of an instance.

use super::{Instance, State};
use crate::time::Instant;
use crate::vrrp::event::{Entry, StateKind};
use crate::vrrp::packet::PRIORITY_OWNER;
use crate::vrrp::shared::Shared;
use std::net::IpAddr;
use std::time::Duration;

/// The router that an instance takes for the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Master {
    /// Where its adverts come from.
    pub address: IpAddr,
    /// What the last one of them said.
    pub priority: u8,
}

impl Instance {
    /// The state that it is on its way to: what it would be if it were in no sync group.
    #[must_use]
    pub fn wanted_state(&self) -> StateKind {
        match self.state {
            State::Init if self.priority.base() == PRIORITY_OWNER => StateKind::Master,
            State::Init | State::Backup { willing: false, .. } => StateKind::Backup,
            State::Fault => StateKind::Fault,
            State::Backup { willing: true, .. } | State::Master { .. } => StateKind::Master,
        }
    }

    /// Since when it is in its state, since 1970; when it was made, where it has never been in another one.
    #[must_use]
    pub fn last_transition(&self) -> Duration {
        self.clock.at(self.since)
    }

    /// When its next deadline is, since 1970: as backup, when the master counts as gone; as master, the next advert.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let at = match self.state {
            State::Init | State::Fault => return None,
            State::Backup { master_down_at, .. } => master_down_at,
            State::Master { advert_at, .. } => advert_at,
        };
        Some(self.clock.at(at))
    }

    /// Who spoke last among those that it believed; none before it has heard anybody.
    #[must_use]
    pub fn master(&self) -> Option<Master> {
        Some(Master { address: self.last_peer?, priority: self.master_priority })
    }

    /// The interval of the master's adverts, as far as it is known: its own as master.
    #[must_use]
    pub const fn master_interval(&self) -> Duration {
        self.master_interval
    }

    /// Where its adverts come from, as far as that is known.
    #[must_use]
    pub fn source_address(&self) -> Option<IpAddr> {
        self.source()
    }

    /// How many of [its addresses](Instance::addresses), the first ones, are `virtual_ipaddress`.
    #[must_use]
    pub const fn in_adverts(&self) -> usize {
        self.in_adverts
    }

    /// `virtual_routes`
    #[must_use]
    pub fn routes(&self) -> &Shared<[Entry]> {
        &self.routes
    }

    /// `virtual_rules`
    #[must_use]
    pub fn rules(&self) -> &Shared<[Entry]> {
        &self.rules
    }

    /// Counts from nothing again.
    pub(in crate::vrrp) fn clear_stats(&mut self) {
        self.stats = Default::default();
    }
}

impl super::Clock {
    /// A moment of the monotonic clock, since 1970.
    fn at(self, moment: Instant) -> Duration {
        self.epoch + moment.saturating_since(Instant::ZERO)
    }
}
