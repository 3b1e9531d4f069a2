//! The kernel's links and addresses: what is there, what instances want, and the changes between the two.
//!
//! One path for everything: start, takeover, release, an address that somebody took, a reload, what a predecessor left
//! behind. Each step looks at single addresses, found by hashing, so that the news of one address costs the same on a
//! link with ten thousand. Who is master is not known here; the router is asked ("does this instance want its
//! addresses now?"). Nothing is changed here either: [`Kernel::plan`] says what to do, [`Kernel::changed`] hears what
//! became of it.
//!
//! What was there before this program is not its own: the address of an owner (priority 255) that the system had set
//! is never removed. An address of any other instance that is there at start was left by a predecessor, as keepalived
//! sees it, and is removed while the instance is not master.

mod wanted;

pub(super) use wanted::Wanted;

use super::config::VirtualAddress;
use super::event::{Address, Change, IfIndex, Link, Name, Refusal, Snapshot};
use super::garp::{Forwarding, Frame};
use crate::net::{Family, IpNet};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

/// An instance's number within the router: never used twice.
pub(super) type Id = u64;

/// Links and addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kernel {
    links: HashMap<IfIndex, KnownLink>,
    indexes: HashMap<Name, IfIndex>,
    wanted: Wanted,
    /// What owners had in the configuration before: an address that the system set then may become known only now.
    formerly_owned: HashSet<(Name, IpNet)>,
    /// Counts addresses in the order in which they became known.
    next_order: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct KnownLink {
    link: Link,
    /// Mostly one for each address; the same address may be there with several prefix lengths.
    addresses: HashMap<IpAddr, Vec<Held>>,
    v4: Sources,
    v6: Sources,
}

/// An address that the kernel holds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    prefix_len: u8,
    order: u64,
    /// Set by this program.
    ours: bool,
    /// The system's own: never removed.
    foreign: bool,
}

/// The addresses of one family that adverts can come from, in the kernel's order.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sources {
    all: BTreeMap<u64, IpAddr>,
    /// The first that is not virtual.
    first_real: Option<(u64, IpAddr)>,
}

/// What the news of an address mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct News {
    /// Instances may have another source for their adverts on this interface.
    pub(super) source_changed: Option<Name>,
    /// It was there, nobody here removed it, and these instances are configured with it.
    pub(super) taken_from: Vec<(Id, usize)>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The address was set.
    Set,
    /// It was removed; this program had set it.
    Removed,
    /// It was removed; it had been there before.
    LeftoverRemoved,
    /// The kernel holds already what is wanted.
    AsWanted,
    /// It was refused.
    Refused {
        /// It was the last time, too.
        again: bool,
    },
}

impl Kernel {
    /// Takes everything anew. Gives the interfaces that are known now, or were.
    pub(super) fn replace(&mut self, snapshot: Snapshot) -> HashSet<Name> {
        let old = std::mem::take(&mut self.links);
        let mut names: HashSet<Name> = self.indexes.drain().map(|(name, _)| name).collect();
        for link in snapshot.links {
            names.insert(link.name.clone());
            self.link(link);
        }
        for mut address in snapshot.addresses {
            // Kernels before 5.18 keep no mark.
            let known = old.get(&address.interface).and_then(|link| link.held(address.net));
            address.ours |= known.is_some_and(|held| held.ours);
            self.address(address);
            if let Some(held) = self.held_mut(address.interface, address.net) {
                held.foreign |= known.is_some_and(|held| held.foreign);
            }
        }
        names
    }

    /// A link as it is now. Gives the names of the interfaces that this concerns.
    pub(super) fn link(&mut self, link: Link) -> Vec<Name> {
        let mut names = vec![link.name.clone()];
        if let Some(known) = self.links.get(&link.index) {
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
            self.links.remove(&other);
        }
        match self.links.get_mut(&link.index) {
            Some(known) => known.link = link,
            None => drop(self.links.insert(link.index, KnownLink::new(link))),
        }
        names
    }

    /// A link is gone, with its addresses. Gives its name.
    pub(super) fn link_gone(&mut self, index: IfIndex) -> Option<Name> {
        let name = self.links.remove(&index)?.link.name;
        self.forget_name(&name, index);
        Some(name)
    }

    fn forget_name(&mut self, name: &Name, index: IfIndex) {
        if self.indexes.get(name) == Some(&index) {
            self.indexes.remove(name);
        }
    }

    /// An address as it is now.
    pub(super) fn address(&mut self, address: Address) -> News {
        let Address { interface, net, usable, ours } = address;
        let order = self.next_order;
        self.next_order += 1;
        let Some(known) = self.links.get_mut(&interface) else { return News::default() };
        let name = &known.link.name;
        let owned = self.wanted.is_owned(name, &net)
            || (!self.formerly_owned.is_empty() && self.formerly_owned.contains(&(name.clone(), net)));
        let all = known.addresses.entry(net.address).or_default();
        let order = match all.iter_mut().find(|held| held.prefix_len == net.prefix_len) {
            Some(held) => {
                held.ours |= ours;
                held.order
            }
            None => {
                let prefix_len = net.prefix_len;
                all.push(Held { prefix_len, order, ours, foreign: owned && !ours });
                order
            }
        };
        let is_virtual = self.wanted.virtual_addresses.contains(&net.address);
        let changed = match known.sources_mut(net.address) {
            Some(sources) if usable => sources.add(order, net.address, is_virtual),
            Some(sources) => sources.remove(order, &self.wanted.virtual_addresses),
            None => false,
        };
        News { source_changed: changed.then(|| known.link.name.clone()), taken_from: Vec::new() }
    }

    /// An address is gone.
    pub(super) fn address_gone(&mut self, interface: IfIndex, net: IpNet) -> News {
        let Some(name) = self.links.get(&interface).map(|known| known.link.name.clone()) else {
            return News::default();
        };
        let (was_held, source_changed) = self.forget(interface, net);
        let configured = if was_held { self.wanted.by(&name, &net) } else { &[] };
        News { taken_from: configured.to_vec(), source_changed: source_changed.then_some(name) }
    }

    /// Removes an address from what is known: whether it was, and whether another one is the source of adverts now.
    fn forget(&mut self, interface: IfIndex, net: IpNet) -> (bool, bool) {
        let Some(known) = self.links.get_mut(&interface) else { return (false, false) };
        let Some(all) = known.addresses.get_mut(&net.address) else { return (false, false) };
        let Some(at) = all.iter().position(|held| held.prefix_len == net.prefix_len) else {
            return (false, false);
        };
        let held = all.swap_remove(at);
        if all.is_empty() {
            known.addresses.remove(&net.address);
        }
        let virtual_addresses = &self.wanted.virtual_addresses;
        let changed = known
            .sources_mut(net.address)
            .is_some_and(|sources| sources.remove(held.order, virtual_addresses));
        (true, changed)
    }

    fn held_mut(&mut self, interface: IfIndex, net: IpNet) -> Option<&mut Held> {
        let all = self.links.get_mut(&interface)?.addresses.get_mut(&net.address)?;
        all.iter_mut().find(|held| held.prefix_len == net.prefix_len)
    }

    /// From now on these are the addresses of instances. Gives the interfaces whose source of adverts changed by it.
    pub(super) fn configure(&mut self, wanted: Wanted) -> Vec<Name> {
        let former = std::mem::replace(&mut self.wanted, wanted);
        self.formerly_owned = former.owned().cloned().collect();
        let owned: Vec<(IfIndex, IpNet)> =
            self.wanted.owned().filter_map(|(name, net)| Some((*self.indexes.get(name)?, *net))).collect();
        for (index, net) in owned {
            if let Some(held) = self.held_mut(index, net) {
                held.foreign |= !held.ours;
            }
        }
        let virtual_addresses = &self.wanted.virtual_addresses;
        let mut changed = Vec::new();
        for known in self.links.values_mut() {
            let v4 = known.v4.find_first_real(virtual_addresses);
            if known.v6.find_first_real(virtual_addresses) || v4 {
                changed.push(known.link.name.clone());
            }
        }
        changed
    }

    /// The link of that name.
    pub(super) fn link_named(&self, name: &str) -> Option<&Link> {
        let index = self.indexes.get(name)?;
        self.links.get(index).map(|known| &known.link)
    }

    /// Where adverts on the interface can come from: its first real address of the family (link-local in IPv6, RFC 9568
    /// §5.1.2.1). The owner's addresses are real.
    pub(super) fn source(&self, interface: IfIndex, family: Family, owner: bool) -> Option<IpAddr> {
        let known = self.links.get(&interface)?;
        let sources = match family {
            Family::V4 => &known.v4,
            Family::V6 => &known.v6,
        };
        let real = sources.first_real.map(|(_, address)| address);
        real.or_else(|| sources.all.first_key_value().map(|(_, address)| *address).filter(|_| owner))
    }

    /// Who is configured with the address on that interface, and as which of its addresses.
    pub(super) fn configured_with(&self, address: &VirtualAddress) -> &[(Id, usize)] {
        self.wanted.by(&address.interface, &address.net)
    }

    /// Whether the kernel holds the address where it belongs.
    pub(super) fn holds(&self, address: &VirtualAddress) -> bool {
        let index = self.indexes.get(address.interface.as_str());
        index.and_then(|index| self.links.get(index)?.held(address.net)).is_some()
    }

    /// What has to be done about this address. Nothing where the interface is missing: an address goes with it, and is
    /// set when it appears.
    pub(super) fn plan(
        &self,
        address: &VirtualAddress,
        wants_addresses: impl Fn(Id) -> bool,
        out: &mut Vec<Change>,
    ) {
        let name = address.interface.as_str();
        let Some((&index, nets)) = self.indexes.get(name).map(|index| (index, self.wanted.on(name))) else {
            return;
        };
        let Some(known) = self.links.get(&index) else { return };
        let is_wanted = |net: &IpNet| {
            let by = nets.and_then(|nets| nets.get(net));
            by.is_some_and(|by| by.iter().any(|(id, _)| wants_addresses(*id)))
        };
        let held = known.addresses.get(&address.net.address).map_or(&[][..], Vec::as_slice);
        if is_wanted(&address.net) {
            if !held.iter().any(|held| held.prefix_len == address.net.prefix_len) {
                out.push(Change::Add { interface: index, address: address.clone() });
            }
            return;
        }
        for held in held.iter().filter(|held| !held.foreign) {
            let net = IpNet { prefix_len: held.prefix_len, ..address.net };
            if net == address.net || !is_wanted(&net) {
                out.push(Change::Remove { interface: index, name: known.link.name.clone(), net });
            }
        }
    }

    /// Takes in what became of a change.
    pub(super) fn changed(&mut self, change: &Change, refusal: Option<&Refusal>) -> Outcome {
        match (change, refusal) {
            (Change::Add { interface, address }, None | Some(Refusal::Exists)) => {
                let ours = refusal.is_none();
                let (interface, net) = (*interface, address.net);
                self.address(Address { interface, net, usable: true, ours });
                if ours { Outcome::Set } else { Outcome::AsWanted }
            }
            (Change::Remove { interface, net, .. }, None | Some(Refusal::NotThere)) => {
                let ours = self.links.get(interface).and_then(|l| l.held(*net)).is_some_and(|held| held.ours);
                self.forget(*interface, *net);
                match refusal {
                    Some(_) => Outcome::AsWanted,
                    None if ours => Outcome::Removed,
                    None => Outcome::LeftoverRemoved,
                }
            }
            (Change::Remove { .. }, Some(Refusal::NoInterface)) => Outcome::AsWanted,
            _ => Outcome::Refused { again: false },
        }
    }

    /// The frame that announces the address; none where the interface is missing, or nobody could hear it.
    pub(super) fn frame(&self, address: &VirtualAddress) -> Option<Frame> {
        let known = self.links.get(self.indexes.get(address.interface.as_str())?)?;
        known.held(address.net)?;
        let role = if known.link.forwards { Forwarding::Router } else { Forwarding::Host };
        Some(Frame::new(known.link.index, address.net.address, known.link.mac?, role))
    }
}

impl KnownLink {
    fn new(link: Link) -> KnownLink {
        KnownLink { link, addresses: HashMap::new(), v4: Sources::default(), v6: Sources::default() }
    }

    fn held(&self, net: IpNet) -> Option<Held> {
        self.addresses.get(&net.address)?.iter().find(|held| held.prefix_len == net.prefix_len).copied()
    }

    fn sources_mut(&mut self, address: IpAddr) -> Option<&mut Sources> {
        match address {
            IpAddr::V4(_) => Some(&mut self.v4),
            IpAddr::V6(a) if a.is_unicast_link_local() => Some(&mut self.v6),
            IpAddr::V6(_) => None,
        }
    }
}

impl Sources {
    /// Whether another address is the first real one now, or the first of all.
    fn add(&mut self, order: u64, address: IpAddr, is_virtual: bool) -> bool {
        let first = self.all.is_empty();
        self.all.insert(order, address);
        if !is_virtual && self.first_real.is_none_or(|(known, _)| order < known) {
            let changed = self.first_real != Some((order, address));
            self.first_real = Some((order, address));
            return changed;
        }
        first
    }

    fn remove(&mut self, order: u64, virtual_addresses: &HashSet<IpAddr>) -> bool {
        let was_first = self.all.first_key_value().is_some_and(|(first, _)| *first == order);
        self.all.remove(&order);
        match self.first_real {
            Some((first, _)) if first == order => {
                self.first_real = None;
                self.find_first_real(virtual_addresses);
                true
            }
            Some(_) => false,
            None => was_first,
        }
    }

    fn find_first_real(&mut self, virtual_addresses: &HashSet<IpAddr>) -> bool {
        let mut real = self.all.iter().filter(|(_, address)| !virtual_addresses.contains(address));
        let found = real.next().map(|(order, address)| (*order, *address));
        std::mem::replace(&mut self.first_real, found) != found
    }
}
