//! A node's kernel: links and their addresses, which outlive the process, and the news that it sends of them.

use crate::routing::Routing;
use crate::watch::Router;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::net::IpAddr;
use vipd::net::{Family, IpNet, MacAddr};
use vipd::vrrp::event::{
    Address, AddressState, Change, Event, IfIndex, Link, LinkKind, Make, Name, NewLink, OwnKind, Refusal,
    Settings, Snapshot,
};

/// More news than this are lost, unless somebody reads them.
const NEWS: usize = 600;

#[derive(Debug)]
pub(crate) struct Kernel {
    /// Which node's it is.
    at: u8,
    links: BTreeMap<IfIndex, Interface>,
    pub(crate) routing: Routing,
    next_index: u32,
    next_order: u64,
    pub(crate) news: VecDeque<Event<'static>>,
    /// Some were lost.
    pub(crate) overrun: bool,
    /// Something changed since somebody last asked.
    pub(crate) changed: bool,
    /// What somebody took, and nobody has set again.
    pub(crate) taken: HashSet<(IfIndex, IpNet)>,
}

#[derive(Debug)]
struct Interface {
    slot: usize,
    name: Name,
    up: bool,
    /// What it lies on, and what it is, for one that was made.
    over: Option<(IfIndex, OwnKind)>,
    v4: Settings,
    addresses: BTreeMap<(IpAddr, u8), Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    order: u64,
    ours: bool,
    /// Set by the system at boot.
    system: bool,
}

pub(crate) fn link_name(slot: usize) -> String {
    format!("eth{slot}")
}

impl Kernel {
    pub(crate) fn new(at: usize) -> Kernel {
        Kernel {
            at: at as u8,
            links: BTreeMap::new(),
            routing: Routing::default(),
            next_index: 2,
            next_order: 0,
            news: VecDeque::new(),
            overrun: false,
            changed: true,
            taken: HashSet::new(),
        }
    }

    fn tell(&mut self, event: Event<'static>) {
        self.changed = true;
        if self.news.len() >= NEWS {
            self.overrun = true;
            self.news.clear();
        }
        if !self.overrun {
            self.news.push_back(event);
        }
    }

    pub(crate) fn index(&self, slot: usize) -> Option<IfIndex> {
        let hardware = |link: &Interface| link.slot == slot && link.over.is_none();
        self.links.iter().find(|(_, link)| hardware(link)).map(|(index, _)| *index)
    }

    /// Where a virtual router's addresses belong: the interface of its own, if it has one.
    pub(crate) fn place(&self, router: &Router) -> Option<IfIndex> {
        match router.own_link() {
            Some(name) => self.own_links().find(|(_, own)| ***own == *name).map(|(index, _)| index),
            None => self.index(router.link),
        }
    }

    /// What was made on top of others.
    pub(crate) fn own_links(&self) -> impl Iterator<Item = (IfIndex, &Name)> {
        let own = self.links.iter().filter(|(_, link)| link.over.is_some());
        own.map(|(index, link)| (*index, &link.name))
    }

    pub(crate) fn is_own_link(&self, index: IfIndex) -> bool {
        self.links.get(&index).is_some_and(|link| link.over.is_some())
    }

    /// An interface and what was made on top of it.
    pub(crate) fn indexes(&self, slot: usize) -> Vec<IfIndex> {
        self.links.iter().filter(|(_, link)| link.slot == slot).map(|(index, _)| *index).collect()
    }

    /// Whether packets with this source may leave there: IPv4 takes any address of the host.
    pub(crate) fn holds_source(&self, index: IfIndex, source: IpAddr) -> bool {
        match Family::of(source) {
            Family::V4 => self.links.keys().any(|index| self.holds_address(*index, source)),
            Family::V6 => self.holds_address(index, source),
        }
    }

    pub(crate) fn slot(&self, index: IfIndex) -> Option<usize> {
        self.links.get(&index).map(|link| link.slot)
    }

    /// An interface with that address.
    pub(crate) fn with_address(&self, address: IpAddr) -> Option<IfIndex> {
        self.links.keys().copied().find(|index| self.holds_address(*index, address))
    }

    pub(crate) fn is_up(&self, index: IfIndex) -> bool {
        let Some(link) = self.links.get(&index) else { return false };
        link.up && link.over.is_none_or(|(base, _)| self.is_up(base))
    }

    fn link(&self, index: IfIndex) -> Option<Link> {
        let link = self.links.get(&index)?;
        Some(Link {
            name: link.name.clone(),
            index,
            up: self.is_up(index),
            mtu: 1500,
            mac: Some(match link.over {
                Some((_, OwnKind::Macvlan(mac))) => mac,
                _ => MacAddr([2, self.at, 0, 0, 0, index.0 as u8]),
            }),
            forwards: false,
            make: Make {
                kind: match link.over {
                    None => LinkKind::Other,
                    Some((_, OwnKind::Macvlan(_))) => LinkKind::PrivateMacvlan,
                    Some((_, OwnKind::Ipvlan(mode))) => LinkKind::IpvlanL2(mode),
                },
                below: link.over.map(|(base, _)| base),
                ours: link.over.is_some(),
                ..Make::default()
            },
            v4: link.v4,
            table: None,
        })
    }

    fn tell_link(&mut self, index: IfIndex) {
        if let Some(link) = self.link(index) {
            self.tell(Event::Link(link));
        }
    }

    /// An interface appears, with a number that was never used, and with the system's addresses.
    pub(crate) fn add_link(&mut self, slot: usize, system: &[IpNet]) {
        let index = IfIndex(self.next_index);
        self.next_index += 1;
        self.links.insert(
            index,
            Interface {
                slot,
                name: link_name(slot).as_str().into(),
                up: true,
                over: None,
                v4: Settings::default(),
                addresses: BTreeMap::new(),
            },
        );
        self.tell_link(index);
        for net in system {
            let _ = self.add(index, *net, false, true);
        }
    }

    pub(crate) fn remove_link(&mut self, slot: usize) {
        let Some(index) = self.index(slot) else { return };
        for above in self.above(index) {
            self.take_link(above);
        }
        self.take_link(index);
    }

    /// What was made on top of it.
    fn above(&self, index: IfIndex) -> Vec<IfIndex> {
        let over = |link: &Interface| link.over.is_some_and(|(base, _)| base == index);
        self.links.iter().filter(|(_, link)| over(link)).map(|(index, _)| *index).collect()
    }

    /// An interface is made on top of another.
    fn make_link(&mut self, new: &NewLink) -> Result<(), Refusal> {
        let slot = self.slot(new.base).ok_or(Refusal::NoInterface)?;
        let (name, over) = (new.link.name.clone(), Some((new.base, new.link.kind)));
        if self.links.values().any(|link| link.name == name || link.over == over) {
            return Err(Refusal::Exists);
        }
        let index = IfIndex(self.next_index);
        self.next_index += 1;
        self.links.insert(
            index,
            Interface { slot, name, up: false, over, v4: Settings::default(), addresses: BTreeMap::new() },
        );
        self.tell_link(index);
        self.links.get_mut(&index).unwrap().up = true;
        self.tell_link(index);
        Ok(())
    }

    pub(crate) fn take_link(&mut self, index: IfIndex) {
        let all: Vec<_> = self.links[&index].addresses.keys().copied().collect();
        for (address, prefix_len) in all {
            let _ = self.remove(index, IpNet { address, prefix_len });
        }
        self.links.remove(&index);
        for event in self.routing.link_down(index) {
            self.tell(event);
        }
        self.tell(Event::LinkGone(index));
    }

    /// Carrier comes and goes; set down by hand, a link also loses its IPv6 addresses.
    pub(crate) fn set_link(&mut self, slot: usize, up: bool, by_hand: bool, system: &[IpNet]) {
        let Some(index) = self.index(slot) else { return };
        let link = self.links.get_mut(&index).unwrap();
        link.up = up;
        let v6: Vec<_> =
            link.addresses.keys().copied().filter(|(a, _)| Family::of(*a) == Family::V6).collect();
        self.tell_link(index);
        for above in self.above(index) {
            self.tell_link(above);
        }
        if by_hand && !up {
            for event in self.routing.link_down(index) {
                self.tell(event);
            }
            for (address, prefix_len) in v6 {
                let _ = self.remove(index, IpNet { address, prefix_len });
            }
        }
        if up {
            for net in system.iter().filter(|net| Family::of(net.address) == Family::V6) {
                let _ = self.add(index, *net, false, true);
            }
        }
    }

    fn add(&mut self, index: IfIndex, net: IpNet, ours: bool, system: bool) -> Result<(), Refusal> {
        let order = self.next_order;
        let link = self.links.get_mut(&index).ok_or(Refusal::NoInterface)?;
        let key = (net.address, net.prefix_len);
        if link.addresses.contains_key(&key) {
            return Err(Refusal::Exists);
        }
        self.next_order += 1;
        link.addresses.insert(key, Held { order, ours, system });
        self.taken.remove(&(index, net));
        self.tell(Event::Address(Address {
            interface: index,
            net,
            peer: None,
            state: AddressState::Usable,
            ours,
        }));
        Ok(())
    }

    pub(crate) fn remove(&mut self, index: IfIndex, net: IpNet) -> Result<(), Refusal> {
        let link = self.links.get_mut(&index).ok_or(Refusal::NoInterface)?;
        link.addresses.remove(&(net.address, net.prefix_len)).ok_or(Refusal::NotThere)?;
        let was_last = !link.addresses.keys().any(|(address, _)| address.is_ipv4());
        self.routing.address_gone(index, net.address, was_last);
        self.tell(Event::AddressGone { interface: index, net });
        Ok(())
    }

    /// Somebody else sets it; an owner's address is the system's then.
    pub(crate) fn take(&mut self, index: IfIndex, net: IpNet) {
        if self.remove(index, net).is_ok() {
            self.taken.insert((index, net));
        }
    }

    pub(crate) fn add_by_hand(&mut self, index: IfIndex, net: IpNet, owned: bool) {
        let _ = self.add(index, net, false, owned);
    }

    pub(crate) fn change(&mut self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::Add { interface, address } => self.add(*interface, address.net, true, false),
            Change::Remove { interface, net, .. } => self.remove(*interface, *net),
            Change::AddLink(new) => self.make_link(new),
            Change::Set { interface, settings, .. } => {
                let link = self.links.get_mut(interface).ok_or(Refusal::NoInterface)?;
                settings.iter().for_each(|(setting, value)| link.v4.set(*setting, *value));
                Ok(())
            }
            Change::CheckReversePaths(_) | Change::Muzzle { .. } | Change::Shut { .. } => Ok(()),
            Change::RemoveLink { interface, .. } => {
                self.links.get(interface).and_then(|link| link.over).ok_or(Refusal::NoInterface)?;
                self.take_link(*interface);
                Ok(())
            }
            _ => {
                let links = &self.links;
                let up = |index| links.get(&index).map(|link| link.up);
                let has = |address| {
                    links
                        .values()
                        .any(|link| link.addresses.range((address, 0)..=(address, 255)).next().is_some())
                };
                let event = self.routing.change(change, up, has)?;
                self.tell(event);
                Ok(())
            }
        }
    }

    pub(crate) fn count(&self, index: IfIndex) -> usize {
        self.links.get(&index).map_or(0, |link| link.addresses.len())
    }

    pub(crate) fn holds(&self, index: IfIndex, net: IpNet) -> bool {
        self.links.get(&index).is_some_and(|l| l.addresses.contains_key(&(net.address, net.prefix_len)))
    }

    pub(crate) fn holds_address(&self, index: IfIndex, address: IpAddr) -> bool {
        let Some(link) = self.links.get(&index) else { return false };
        link.addresses.range((address, 0)..=(address, 255)).next().is_some()
    }

    pub(crate) fn is_system(&self, index: IfIndex, net: IpNet) -> bool {
        let held = self.links.get(&index).and_then(|l| l.addresses.get(&(net.address, net.prefix_len)));
        held.is_some_and(|held| held.system)
    }

    /// The daemon has set it.
    pub(crate) fn is_ours(&self, index: IfIndex, net: IpNet) -> bool {
        let held = self.links.get(&index).and_then(|l| l.addresses.get(&(net.address, net.prefix_len)));
        held.is_some_and(|held| held.ours)
    }

    pub(crate) fn name(&self, index: IfIndex) -> Option<&Name> {
        self.links.get(&index).map(|link| &link.name)
    }

    /// All addresses but the system's.
    pub(crate) fn not_systems(&self) -> impl Iterator<Item = (IfIndex, IpNet)> {
        self.links.iter().flat_map(|(index, link)| {
            let others = link.addresses.iter().filter(|(_, held)| !held.system);
            others.map(|((address, prefix_len), _)| {
                (*index, IpNet { address: *address, prefix_len: *prefix_len })
            })
        })
    }

    /// Somebody removes a route or rule.
    pub(crate) fn take_entry(&mut self, nth: usize) {
        if let Some(event) = self.routing.take(nth) {
            self.tell(event);
        }
    }

    /// The machine loses its power: what was not the system's is gone.
    pub(crate) fn lose_power(&mut self) {
        self.links.retain(|_, link| link.over.is_none());
        for link in self.links.values_mut() {
            link.addresses.retain(|_, held| held.system);
        }
        self.routing.clear();
        self.changed = true;
    }

    /// Everything; news until now are in it.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.news.clear();
        self.overrun = false;
        let mut addresses: Vec<(u64, Address)> = Vec::new();
        for (&interface, link) in &self.links {
            for (&(address, prefix_len), held) in &link.addresses {
                let net = IpNet { address, prefix_len };
                addresses.push((
                    held.order,
                    Address { interface, net, peer: None, state: AddressState::Usable, ours: held.ours },
                ));
            }
        }
        addresses.sort_by_key(|(order, _)| *order);
        let (routes, rules) = self.routing.all();
        Snapshot {
            links: self.links.keys().filter_map(|index| self.link(*index)).collect(),
            addresses: addresses.into_iter().map(|(_, address)| address).collect(),
            routes,
            rules,
        }
    }
}
