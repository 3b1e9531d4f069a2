//! Links with their addresses, as the kernel has told of them.

use super::sources::{Place, Source, Sources};
use crate::net::{Family, IpNet, MacAddr};
use crate::vrrp::event::{Address, AddressState, IfIndex, Link, Name};
use crate::vrrp::rare::Rare;
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// All links.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Links {
    /// Boxed: a table has room for more than it holds.
    all: HashMap<IfIndex, Box<KnownLink>>,
    sources: Sources,
    indexes: HashMap<Name, IfIndex>,
    /// How many interfaces have an Ethernet address.
    macs: HashMap<MacAddr, usize>,
    /// Counts addresses in the order in which they became known.
    next_order: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct KnownLink {
    pub(super) link: Link,
    /// Mostly one for each address; the same address may be there with several prefix lengths.
    pub(super) addresses: HashMap<IpAddr, SmallVec<[Held; 1]>>,
    /// The first address that adverts can come from and that is not virtual.
    pub(super) v4: Option<Source>,
    pub(super) v6: Option<Source>,
}

/// An address that the kernel holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) prefix_len: u8,
    /// The other end of a point-to-point link.
    pub(super) peer: Rare<Option<IpAddr>>,
    order: u64,
    /// Set by this program.
    pub(super) ours: bool,
    /// The system's own: never removed.
    pub(super) foreign: bool,
    /// Nothing can leave from it yet.
    tentative: bool,
}

impl Links {
    /// The interface of that name.
    pub(super) fn index_of(&self, name: &str) -> Option<IfIndex> {
        self.indexes.get(name).copied()
    }

    /// All names.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.indexes.keys()
    }

    pub(super) fn get(&self, index: IfIndex) -> Option<&KnownLink> {
        self.all.get(&index).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, index: IfIndex) -> Option<&mut KnownLink> {
        self.all.get_mut(&index).map(Box::as_mut)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &KnownLink> {
        self.all.values().map(Box::as_ref)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut KnownLink> {
        self.all.values_mut().map(Box::as_mut)
    }

    /// All of them by their numbers, each with its addresses in the order in which they became known, but for those that this
    /// program has set.
    pub(super) fn show(&self) -> Vec<(Link, Vec<IpAddr>)> {
        let shown = self.all.values().map(|known| {
            let of_all = known.addresses.iter().flat_map(|(address, held)| {
                held.iter().filter(|held| !held.ours).map(|held| (held.order, *address))
            });
            let mut addresses: Vec<(u64, IpAddr)> = of_all.collect();
            addresses.sort_unstable();
            (known.link.clone(), addresses.into_iter().map(|(_, address)| address).collect())
        });
        let mut shown: Vec<(Link, Vec<IpAddr>)> = shown.collect();
        shown.sort_by_key(|(link, _)| link.index);
        shown
    }

    /// A link as it is now. Gives the names of the interfaces that this concerns.
    pub(super) fn link(&mut self, link: Link) -> Vec<Name> {
        let mut names = vec![link.name.clone()];
        if let Some(known) = self.all.get(&link.index) {
            if known.link == link {
                return Vec::new();
            }
            let old = known.link.name.clone();
            if old != link.name {
                self.forget_name(&old, link.index);
                names.push(old);
            }
        }
        if let Some(other) = self.indexes.insert(link.name.clone(), link.index)
            && other != link.index
        {
            // Another interface of the same name, and nobody said that the first one went.
            let gone = self.all.remove(&other);
            self.sources.forget(other);
            self.forget_mac(gone.and_then(|known| known.link.mac));
        }
        if let Some(mac) = link.mac {
            *self.macs.entry(mac).or_default() += 1;
        }
        match self.all.get_mut(&link.index) {
            Some(known) => {
                let old = std::mem::replace(&mut known.link, link);
                self.forget_mac(old.mac);
            }
            None => drop(self.all.insert(link.index, Box::new(KnownLink::new(link)))),
        }
        names
    }

    /// Whether an interface has that Ethernet address.
    pub(super) fn has_mac(&self, mac: MacAddr) -> bool {
        self.macs.contains_key(&mac)
    }

    fn forget_mac(&mut self, mac: Option<MacAddr>) {
        let Some(mac) = mac else { return };
        if let Some(count) = self.macs.get_mut(&mac) {
            *count -= 1;
            if *count == 0 {
                self.macs.remove(&mac);
            }
        }
    }

    /// A link is gone, with its addresses. Gives its name.
    pub(super) fn gone(&mut self, index: IfIndex) -> Option<Name> {
        let Link { name, mac, .. } = self.all.remove(&index)?.link;
        self.sources.forget(index);
        self.forget_mac(mac);
        self.forget_name(&name, index);
        Some(name)
    }

    fn forget_name(&mut self, name: &Name, index: IfIndex) {
        if self.indexes.get(name) == Some(&index) {
            self.indexes.remove(name);
        }
    }

    /// An address as it is now. `is_owned`: an owner is configured with it. True if adverts of some instances may have
    /// another source by it.
    pub(super) fn address(
        &mut self,
        address: &Address,
        is_owned: bool,
        virtual_addresses: &HashSet<IpAddr>,
    ) -> bool {
        let &Address { interface, net, peer, state, ours } = address;
        let order = self.next_order;
        self.next_order += 1;
        let Some(known) = self.all.get_mut(&interface) else { return false };
        let all = known.addresses.entry(net.address).or_default();
        let tentative = state == AddressState::Tentative;
        let mut was_tentative = tentative;
        let order = match all.iter_mut().find(|held| held.prefix_len == net.prefix_len) {
            Some(held) => {
                held.ours |= ours;
                held.peer = peer.into();
                was_tentative = std::mem::replace(&mut held.tentative, tentative);
                held.order
            }
            None => {
                let prefix_len = net.prefix_len;
                let foreign = is_owned && !ours;
                all.push(Held { prefix_len, peer: peer.into(), order, ours, foreign, tentative });
                order
            }
        };
        let is_virtual = virtual_addresses.contains(&net.address);
        let changed = match Place::of(interface, net.address) {
            Some(place) if state != AddressState::Duplicate => {
                let first_real = known.first_real_mut(place);
                self.sources.add(place, (order, net.address), is_virtual, first_real)
            }
            Some(place) => self.sources.remove(place, order, virtual_addresses, known.first_real_mut(place)),
            None => false,
        };
        changed || (was_tentative != tentative && (is_owned || !is_virtual))
    }

    /// An address is gone: whether it was known, and whether adverts may have another source by it.
    pub(super) fn address_gone(
        &mut self,
        interface: IfIndex,
        net: IpNet,
        virtual_addresses: &HashSet<IpAddr>,
    ) -> (bool, bool) {
        let Some(known) = self.all.get_mut(&interface) else { return (false, false) };
        let Some(all) = known.addresses.get_mut(&net.address) else { return (false, false) };
        let Some(at) = all.iter().position(|held| held.prefix_len == net.prefix_len) else {
            return (false, false);
        };
        let held = all.swap_remove(at);
        if all.is_empty() {
            known.addresses.remove(&net.address);
        }
        let changed = Place::of(interface, net.address).is_some_and(|place| {
            self.sources.remove(place, held.order, virtual_addresses, known.first_real_mut(place))
        });
        (true, changed)
    }

    /// The first address that adverts of the family can come from, virtual or not.
    pub(super) fn first_source(&self, interface: IfIndex, family: Family) -> Option<IpAddr> {
        self.sources.first(Place(interface, family)).map(|(_, address)| address)
    }

    /// Others are virtual now. Gives the links whose first real address changed by it.
    pub(super) fn find_first_real(&mut self, virtual_addresses: &HashSet<IpAddr>) -> Vec<Name> {
        let Links { all, sources, .. } = self;
        let mut changed = Vec::new();
        for known in all.values_mut() {
            let of = |family| sources.first_real(Place(known.link.index, family), virtual_addresses);
            let found = [of(Family::V4), of(Family::V6)];
            if found != [known.v4, known.v6] {
                [known.v4, known.v6] = found;
                changed.push(known.link.name.clone());
            }
        }
        changed
    }

    pub(super) fn held(&self, interface: IfIndex, net: IpNet) -> Option<Held> {
        self.all.get(&interface)?.held(net)
    }

    pub(super) fn held_mut(&mut self, interface: IfIndex, net: IpNet) -> Option<&mut Held> {
        let all = self.all.get_mut(&interface)?.addresses.get_mut(&net.address)?;
        all.iter_mut().find(|held| held.prefix_len == net.prefix_len)
    }
}

impl KnownLink {
    fn new(link: Link) -> KnownLink {
        KnownLink { link, addresses: HashMap::new(), v4: None, v6: None }
    }

    const fn first_real_mut(&mut self, Place(_, family): Place) -> &mut Option<Source> {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }

    pub(super) fn held(&self, net: IpNet) -> Option<Held> {
        self.addresses.get(&net.address)?.iter().find(|held| held.prefix_len == net.prefix_len).cloned()
    }

    /// Whether the address is there, and nothing can leave from it yet.
    pub(super) fn is_tentative(&self, address: IpAddr) -> bool {
        let all = self.addresses.get(&address).map_or(&[][..], SmallVec::as_slice);
        !all.is_empty() && all.iter().all(|held| held.tentative)
    }

    /// Whether an address with another prefix length than configured is the system's own, as far as can be told: without
    /// it the interface would have none. A host's address of its own is seldom a /128.
    pub(super) fn needs(&self, address: IpAddr, held: &Held) -> bool {
        !held.ours
            && match address {
                IpAddr::V4(_) => self.v4.is_none_or(|(_, real)| real == address),
                IpAddr::V6(_) => held.prefix_len < 128,
            }
    }
}
