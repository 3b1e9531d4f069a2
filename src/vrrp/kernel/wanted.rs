//! Who is configured with which addresses: made while the former configuration still runs, and then put in its place.

use super::Id;
use crate::net::{Family, IpNet};
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::Name;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// The addresses of a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::vrrp) struct Wanted {
    /// Who is configured with an address on an interface, and as which of its addresses.
    by_interface: HashMap<Name, HashMap<IpNet, Vec<(Id, usize)>>>,
    /// What owners have, with whatever prefix length.
    owned: HashMap<Name, HashSet<IpAddr>>,
    /// All addresses of instances: none of them is a source for adverts, save the owner's.
    pub(super) virtual_addresses: HashSet<IpAddr>,
}

impl Wanted {
    /// The instance is configured with this as one of its addresses.
    pub(in crate::vrrp) fn add(&mut self, id: Id, is_owner: bool, at: usize, address: &VirtualAddress) {
        let interface = address.interface.as_str();
        if is_owner {
            self.owned.entry(interface.into()).or_default().insert(address.net.address);
        }
        self.virtual_addresses.insert(address.net.address);
        let nets = match self.by_interface.get_mut(interface) {
            Some(nets) => nets,
            None => self.by_interface.entry(interface.into()).or_default(),
        };
        // Mostly there is one.
        nets.entry(address.net).or_insert_with(|| Vec::with_capacity(1)).push((id, at));
    }

    /// Who is configured with the addresses of an interface.
    pub(super) fn on(&self, interface: &str) -> Option<&HashMap<IpNet, Vec<(Id, usize)>>> {
        self.by_interface.get(interface)
    }

    /// Who is configured with the address, and as which of its addresses.
    pub(super) fn by(&self, interface: &str, net: &IpNet) -> &[(Id, usize)] {
        self.on(interface).and_then(|nets| nets.get(net)).map_or(&[], Vec::as_slice)
    }

    /// Whether the address is configured there, with whatever prefix length.
    pub(super) fn has(&self, interface: &str, address: IpAddr) -> bool {
        let longest = Family::of(address).bits();
        self.virtual_addresses.contains(&address)
            && self.on(interface).is_some_and(|nets| {
                (0..=longest).any(|prefix_len| nets.contains_key(&IpNet { address, prefix_len }))
            })
    }

    /// Whether an owner (priority 255) is configured with the address: what the system has set of it is never removed.
    pub(super) fn is_owned(&self, interface: &str, address: IpAddr) -> bool {
        !self.owned.is_empty() && self.owned.get(interface).is_some_and(|owned| owned.contains(&address))
    }

    /// What owners are configured with.
    pub(super) fn into_owned(self) -> HashMap<Name, HashSet<IpAddr>> {
        self.owned
    }
}
