//! `ha_suspend`: a check rests while none of the virtual servers that it is for has its address on this machine.

use super::{Balancer, Slot};
use crate::check::config::{Endpoint, VirtualServer};
use crate::check::event::{Action, Report};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

/// The addresses that matter: those of services whose checks rest without them.
pub fn awaited(virtual_servers: &[VirtualServer]) -> impl Iterator<Item = IpAddr> {
    virtual_servers.iter().filter(|vs| vs.ha_suspend).flat_map(addresses)
}

impl Balancer {
    /// The addresses that are here, for the configuration that is about to come: see [`crate::check::event::Event::Addresses`].
    pub fn know_addresses(&mut self, here: HashSet<IpAddr>) {
        self.here = here;
    }

    /// Suspends checks, and lets others go on; says so of those that are not `new`.
    pub(super) fn suspend(&mut self, new: &HashSet<u32>, actions: &mut Vec<Action>) {
        for index in 0..self.slots.len() {
            let rests = self.rests(index);
            let Some(slot) = self.slots.get_mut(index).and_then(Option::as_mut) else { continue };
            let before = slot.checker.is_suspended();
            slot.checker.suspend(rests);
            if slot.checker.is_suspended() == before {
                continue;
            }
            if let Some(at) = slot.checker.next_timeout() {
                self.deadlines.push(Reverse((at, index as u32)));
            }
            if !new.contains(&(index as u32)) {
                self.tell_suspension(index, false, actions);
            }
        }
        self.discard_void_deadlines();
    }

    /// Whether there is no virtual server that its check is of use to.
    pub(super) fn rests(&self, index: usize) -> bool {
        let Some(Slot { subscribers, .. }) = self.slots.get(index).and_then(Option::as_ref) else {
            return false;
        };
        subscribers.iter().all(|&(vs, _)| {
            let config = self.virtual_servers.get(vs as usize).map(|vs| vs.config());
            config.is_some_and(|config| {
                config.ha_suspend && !addresses(config).any(|address| self.here.contains(&address))
            })
        })
    }

    /// Says that a check goes on, or rests.
    pub(super) fn tell_suspension(&self, index: usize, starting: bool, actions: &mut Vec<Action>) {
        let Some(slot) = self.slots.get(index).and_then(Option::as_ref) else { return };
        for &(vs, rs) in &slot.subscribers {
            if let Some(vs) = self.virtual_servers.get(vs as usize)
                && let Some(rs) = vs.config().real_servers.get(rs as usize)
            {
                let (server, vs) = (vs.server_name(rs.address), vs.config().name.clone());
                actions.push(Action::Report(match slot.checker.is_suspended() {
                    false => Report::Activated { server, vs },
                    true => Report::Suspended { server, vs, starting },
                }));
            }
        }
    }
}

fn addresses(config: &VirtualServer) -> impl Iterator<Item = IpAddr> {
    config.endpoints.iter().filter_map(address).chain(config.marked.iter().map(SocketAddr::ip))
}

fn address(endpoint: &Endpoint) -> Option<IpAddr> {
    match endpoint {
        Endpoint::Address(address) => Some(address.ip()),
        Endpoint::Fwmark { .. } => None,
    }
}
