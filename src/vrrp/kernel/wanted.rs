//! Who is configured with which addresses: made while the former configuration still runs, and then put in its place.

use super::Id;
use crate::net::{Family, IpNet};
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Name, OwnAddress, OwnKind, OwnLink};
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// Who is configured with an address, and as which of its addresses: mostly one.
pub(super) type Users = SmallVec<[(Id, usize); 1]>;

/// The addresses of a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::vrrp) struct Wanted {
    /// Who is configured with an address on an interface, and as which of its addresses.
    by_interface: HashMap<Name, HashMap<IpNet, Users>>,
    /// What owners have, with whatever prefix length.
    owned: HashMap<Name, HashSet<IpAddr>>,
    /// All addresses of instances: none of them is a source for adverts, save the owner's.
    pub(super) virtual_addresses: HashSet<IpAddr>,
    /// Interfaces of our own.
    pub(super) links: HashMap<Name, OwnLink>,
    /// Interfaces below VMACs of IPv4.
    pub(super) bases: HashSet<Name>,
    /// Interfaces that keep secondary addresses.
    pub(super) promoting: HashSet<Name>,
    /// Addresses that are not accepted, by interface.
    pub(super) not_accepted: HashSet<(Name, IpAddr)>,
    /// `disable_local_igmp`: there are no reports that would have to be kept back.
    pub(in crate::vrrp) igmp_is_off: bool,
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
        nets.entry(address.net).or_default().push((id, at));
    }

    /// An instance needs this interface. Several may need one: it serves all of them.
    pub(in crate::vrrp) fn add_link(&mut self, link: &OwnLink) {
        match self.links.get_mut(&link.name) {
            Some(known) => {
                known.v4 |= link.v4;
                known.v6 |= link.v6;
                known.notify |= link.notify;
                known.group = known.group.or(link.group);
                if known.address == OwnAddress::None {
                    known.address = link.address;
                }
            }
            None => drop(self.links.insert(link.name.clone(), link.clone())),
        }
        if link.v4 && matches!(link.kind, OwnKind::Macvlan(_)) {
            self.bases.insert(link.base.clone());
        }
    }

    /// Packets to the address are not for this host (`no_accept`).
    pub(in crate::vrrp) fn shut(&mut self, address: &VirtualAddress) {
        self.not_accepted.insert((address.interface.as_str().into(), address.net.address));
    }

    /// An instance wants secondary addresses of this interface to outlive their primary one.
    pub(in crate::vrrp) fn promote(&mut self, interface: &str) {
        self.promoting.insert(interface.into());
    }

    /// The same for one that is not virtual: adverts may come from it, and it stays if the system had set it.
    pub(in crate::vrrp) fn add_static(&mut self, id: Id, at: usize, address: &VirtualAddress) {
        let interface = address.interface.as_str();
        self.owned.entry(interface.into()).or_default().insert(address.net.address);
        let nets = self.by_interface.entry(interface.into()).or_default();
        nets.entry(address.net).or_default().push((id, at));
    }

    /// Who is configured with the addresses of an interface.
    pub(super) fn on(&self, interface: &str) -> Option<&HashMap<IpNet, Users>> {
        self.by_interface.get(interface)
    }

    /// Who is configured with the address, and as which of its addresses.
    pub(super) fn by(&self, interface: &str, net: &IpNet) -> &[(Id, usize)] {
        self.on(interface).and_then(|nets| nets.get(net)).map_or(&[], SmallVec::as_slice)
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

    /// What owners are configured with, and the interfaces of our own.
    pub(super) fn into_parts(self) -> (HashMap<Name, HashSet<IpAddr>>, HashMap<Name, OwnLink>) {
        (self.owned, self.links)
    }
}
