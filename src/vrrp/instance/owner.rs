//! Two routers that both say that they own the addresses (priority 255): a mistake in a configuration, and yet there must be
//! one master.
//!
//! As in keepalived: the one with the lower address yields at once. The other gives it two adverts and a little more than an
//! interval to do so, and yields with priority 254 if it is heard even then. It owns the addresses again once the other
//! says anything else, or nothing.

use super::{Instance, State};
use crate::time::Instant;
use crate::vrrp::event::{Actions, Report};
use crate::vrrp::packet::{Body, PRIORITY_OWNER, Parsed};
use crate::vrrp::priority::Cause;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// So many adverts of ours the other may hear before it yields.
const ADVERTS: u8 = 2;

/// Another owner of a lower address, as the master knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Rival {
    /// It has been heard: so many adverts of ours are to follow, and this is the longer one of the intervals.
    Heard { adverts: u8, interval: Duration },
    /// It must have fallen silent: one that is heard before this time does not yield.
    Warned { until: Instant },
}

impl Instance {
    /// Another owner was heard by this one, the master. What is left of it is a question of priorities and addresses.
    pub(super) fn hear_owner(
        &mut self,
        now: Instant,
        source: IpAddr,
        advert: &Parsed<'_>,
        out: &mut Actions,
    ) {
        let theirs = match &advert.body {
            Body::V2 { interval, .. } => (*interval).into(),
            Body::V3 { interval } => (*interval).into(),
        };
        let interval = self.config.advert_int.max(theirs);
        let is_higher = self.origin.is_some_and(|origin| source > origin.source);
        let State::Master { rival, .. } = &mut self.state else { return };
        match rival {
            _ if is_higher => {}
            Some(Rival::Warned { until }) if now < *until => {
                *rival = None;
                self.priority.set(Cause::OwnersConflict, -1);
                out.push(self.report(Report::OwnerPersists { source }));
                return;
            }
            Some(Rival::Heard { interval: known, .. }) => {
                *known = interval;
                return;
            }
            // The advert that answers this one is not counted.
            Some(Rival::Warned { .. }) | None => {
                *rival = Some(Rival::Heard { adverts: ADVERTS + 1, interval });
            }
        }
        out.push(self.report(Report::OwnerConflict { source }));
    }

    /// An advert of the master has left.
    pub(super) fn warn_owner(&mut self, now: Instant) {
        let State::Master { rival: Some(rival), .. } = &mut self.state else { return };
        if let Rival::Heard { adverts, interval } = rival {
            *adverts -= 1;
            if *adverts == 0 {
                *rival = Rival::Warned { until: now + *interval * 12 / 10 };
            }
        }
    }

    /// Owns the addresses again, if it did not any more.
    pub(super) fn own_again(&mut self, out: &mut Actions) {
        if self.priority.base() == PRIORITY_OWNER && self.priority.effective() != PRIORITY_OWNER {
            self.priority.set(Cause::OwnersConflict, 0);
            out.push(self.report(Report::OwnerRestored));
        }
    }
}
