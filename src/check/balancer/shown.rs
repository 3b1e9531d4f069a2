//! What others are shown of the balancer: copies, of some of it at a time, so that no check waits for them.

use super::Balancer;
use crate::check::checker::Status;
use crate::check::probe::Weight;
use crate::check::target::Check;
use crate::check::virtual_server::VirtualServer;

/// A check, and for whom it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownChecker {
    /// Places of virtual servers in the configuration, and of real servers in them.
    pub subscribers: Vec<(u32, u32)>,
    /// What it does, and when.
    pub check: Check,
    /// What it holds to be true.
    pub status: Status,
    /// It has told something by itself.
    pub has_run: bool,
    /// What it says of the weight.
    pub weight: Weight,
    /// Failed probes in a row that were not believed yet.
    pub tries: u32,
    /// `ha_suspend`: nobody is asked.
    pub is_suspended: bool,
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    virtual_server: usize,
    slot: usize,
}

/// A part of a copy.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Virtual servers, in the order of the configuration.
    pub virtual_servers: Vec<VirtualServer>,
    /// Checks, in no order.
    pub checkers: Vec<ShownChecker>,
}

impl Balancer {
    /// Copies what follows behind `place`, of about so many real servers or checks; false at the end. What was copied before a
    /// configuration took effect does not fit to what is copied later.
    pub fn show_some(&self, place: &mut Place, count: usize, into: &mut Shown) -> bool {
        let mut cost = 0;
        while cost < count
            && let Some(vs) = self.virtual_servers.get(place.virtual_server)
        {
            cost += 1 + vs.config().real_servers.len();
            into.virtual_servers.push(vs.clone());
            place.virtual_server += 1;
        }
        while cost < count
            && let Some(slot) = self.slots.get(place.slot)
        {
            cost += 1;
            place.slot += 1;
            into.checkers.extend(slot.as_ref().map(|slot| ShownChecker {
                subscribers: slot.subscribers.to_vec(),
                check: slot.checker.check().clone(),
                status: slot.checker.status(),
                has_run: slot.checker.has_run(),
                weight: slot.checker.weight(),
                tries: slot.checker.tries(),
                is_suspended: slot.checker.is_suspended(),
            }));
        }
        place.virtual_server < self.virtual_servers.len() || place.slot < self.slots.len()
    }
}
