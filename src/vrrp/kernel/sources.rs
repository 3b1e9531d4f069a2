//! What adverts can come from: the addresses of each link in the kernel's order, and the first that is not virtual.
//!
//! One tree for all links: thousands of links have two or three such addresses each.

use crate::net::Family;
use crate::vrrp::event::IfIndex;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

/// The addresses of all links, by when they became known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sources(BTreeMap<(IfIndex, Family, u64), IpAddr>);

/// Where it stands in the kernel's order, and the address.
pub(super) type Source = (u64, IpAddr);

/// The addresses of one family on one link.
#[derive(Clone, Copy)]
pub(super) struct Place(pub(super) IfIndex, pub(super) Family);

impl Place {
    /// `None` for an address that no advert comes from: in IPv6 it is a link-local one.
    pub(super) fn of(interface: IfIndex, address: IpAddr) -> Option<Place> {
        match address {
            IpAddr::V4(_) => Some(Place(interface, Family::V4)),
            IpAddr::V6(a) if a.is_unicast_link_local() => Some(Place(interface, Family::V6)),
            IpAddr::V6(_) => None,
        }
    }
}

impl Sources {
    fn on(&self, Place(interface, family): Place) -> impl Iterator<Item = Source> {
        let all = (interface, family, 0)..=(interface, family, u64::MAX);
        self.0.range(all).map(|((_, _, order), address)| (*order, *address))
    }

    /// The first address of all, virtual or not.
    pub(super) fn first(&self, place: Place) -> Option<Source> {
        self.on(place).next()
    }

    /// The first that is not virtual.
    pub(super) fn first_real(&self, place: Place, virtual_addresses: &HashSet<IpAddr>) -> Option<Source> {
        self.on(place).find(|(_, address)| !virtual_addresses.contains(address))
    }

    /// Whether another address is the first real one now, or the first of all.
    pub(super) fn add(
        &mut self,
        place: Place,
        (order, address): Source,
        is_virtual: bool,
        first_real: &mut Option<Source>,
    ) -> bool {
        let is_only = self.first(place).is_none();
        self.0.insert((place.0, place.1, order), address);
        if !is_virtual && first_real.is_none_or(|(known, _)| order < known) {
            return first_real.replace((order, address)) != Some((order, address));
        }
        is_only
    }

    /// The same for one that is gone.
    pub(super) fn remove(
        &mut self,
        place: Place,
        order: u64,
        virtual_addresses: &HashSet<IpAddr>,
        first_real: &mut Option<Source>,
    ) -> bool {
        let was_first = self.first(place).is_some_and(|(first, _)| first == order);
        self.0.remove(&(place.0, place.1, order));
        match first_real {
            Some((first, _)) if *first == order => {
                *first_real = self.first_real(place, virtual_addresses);
                true
            }
            Some(_) => false,
            None => was_first,
        }
    }

    /// The link is gone.
    pub(super) fn forget(&mut self, interface: IfIndex) {
        for family in [Family::V4, Family::V6] {
            let orders: Vec<u64> = self.on(Place(interface, family)).map(|(order, _)| order).collect();
            for order in orders {
                self.0.remove(&(interface, family, order));
            }
        }
    }
}
