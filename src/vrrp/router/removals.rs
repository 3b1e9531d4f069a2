//! What the kernel removes by itself, because this program has removed an IPv4 address: with the first one of a network go
//! all others of that network (unless `promote_secondaries` is set); with each the routes that name it as their source, and
//! with the last one of an interface all routes there. They are set again like those that somebody removed, but nobody did.

use super::Router;
use crate::net::{Family, IpNet};
use crate::vrrp::event::{Change, FoundRoute, IfIndex};
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

    pub(super) fn concern_route(&self, route: &FoundRoute) -> bool {
        let is_on = |interface| route.ways.iter().any(|way| way.interface == Some(interface));
        let goes_with = |&(interface, _, prefix_len): &Network| {
            let source = route.preferred_source.map(|address| IpNet { address, prefix_len });
            is_on(interface) || source.is_some_and(|source| self.concern(interface, source))
        };
        route.family == Family::V4 && self.0.iter().any(goes_with)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrrp::config::route::RouteKind;
    use crate::vrrp::event::Way;

    #[test]
    fn routes_go_with_their_source_and_with_their_interface() {
        let network = network(IfIndex(2), "10.0.0.7/24".parse().unwrap()).unwrap();
        let removals = Removals(HashSet::from([network]));
        let route = |source: &str, interface| FoundRoute {
            family: Family::V4,
            destination: "10.9.0.0/16".parse().unwrap(),
            from: None,
            table: 254,
            kind: RouteKind::Unicast,
            protocol: 18,
            scope: 0,
            tos: 0,
            metric: 0,
            preferred_source: source.parse().ok(),
            ways: vec![Way { via: None, interface: Some(IfIndex(interface)) }],
        };
        assert!(removals.concern_route(&route("10.0.0.9", 3)));
        assert!(removals.concern_route(&route("", 2)));
        assert!(!removals.concern_route(&route("10.0.1.9", 3)));
        let v6 = FoundRoute { family: Family::V6, ..route("", 2) };
        assert!(!removals.concern_route(&v6), "the kernel leaves those");
        assert!(!Removals::default().concern_route(&route("10.0.0.9", 2)));
    }
}
