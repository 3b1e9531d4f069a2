//! Addresses that the kernel removes by itself, because this program has removed another one: with the first IPv4 address
//! of a network go all others of that network (unless `promote_secondaries` is set). They are set again like those that
//! somebody removed, but nobody did.

use super::Router;
use crate::net::IpNet;
use crate::vrrp::event::{Change, IfIndex};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

/// An interface, and a network of it.
type Network = (IfIndex, Ipv4Addr, u8);

/// Networks of which an address is removed now.
#[derive(Clone, Debug, Default)]
pub(super) struct Removals(HashSet<Network>);

impl Removals {
    pub(super) fn concern(&self, interface: IfIndex, net: IpNet) -> bool {
        !self.0.is_empty() && network(interface, net).is_some_and(|network| self.0.contains(&network))
    }
}

impl Router {
    /// These changes are about to be made.
    pub(in crate::vrrp) fn changes_begin(&mut self, changes: &[Change]) {
        self.removals.0.extend(changes.iter().filter_map(|change| match change {
            Change::Remove { interface, net, .. } => network(*interface, *net),
            _ => None,
        }));
    }

    /// No change is under way, and the kernel's news of the last ones have been read.
    pub(in crate::vrrp) fn changes_are_over(&mut self) {
        if !self.removals.0.is_empty() {
            self.removals = Removals::default();
        }
    }
}

fn network(interface: IfIndex, net: IpNet) -> Option<Network> {
    let IpAddr::V4(address) = net.address else { return None };
    let host_bits = 32_u8.saturating_sub(net.prefix_len);
    let mask = u32::MAX.checked_shl(host_bits.into()).unwrap_or_default();
    Some((interface, Ipv4Addr::from_bits(address.to_bits() & mask), net.prefix_len))
}
