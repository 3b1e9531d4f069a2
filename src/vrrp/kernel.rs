//! The kernel's links, addresses, routes and rules: what is there, what instances want, and the changes between the two.
//!
//! One path for everything: start, takeover, release, an address that somebody took, a reload, what a predecessor left
//! behind. Each step looks at single addresses, found by hashing, so that the news of one address costs the same on a
//! link with ten thousand. Who is master is not known here; the router is asked ("does this instance want its
//! addresses now?"). Nothing is changed here either: [`Kernel::plan`] says what to do, [`Kernel::changed`] hears what
//! became of it.
//!
//! What was there before this program is not its own: the address of an owner (priority 255) that the system had set
//! is never removed, whatever its prefix length, nor one that was there when a reload named it with another prefix
//! length, nor the only one that an interface has. Any other that is there at start was left by a predecessor, as
//! keepalived sees it, and is removed while the instance is not master.

mod links;
mod own;
mod routing;
mod settings;
mod shields;
mod sources;
mod strays;
mod wanted;

pub(super) use own::LinkOutcome;
pub(super) use routing::WantedEntries;
pub(super) use wanted::Wanted;

use super::config::VirtualAddress;
use super::config::rule::Rule;
use super::event::{
    Address, AddressState, Change, Entry, EntryList, FoundRoute, IfIndex, Link, Name, Refusal, Snapshot,
};
use super::garp::{Forwarding, Frame};
use crate::net::{Family, IpNet, MacAddr};
use links::Links;
use own::Own;
use routing::{Found, HeldEntries, Routing};
use settings::Settings;
use shields::Shields;
use smallvec::SmallVec;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// An instance's number within the router: never used twice.
pub(super) type Id = u64;

/// Whose the static addresses, routes and rules are.
pub(super) const STATICS: Id = 0;

/// Links, addresses, routes and rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kernel {
    links: Links,
    wanted: Wanted,
    own: Own,
    settings: Settings,
    shields: Shields,
    /// What owners had in the configuration before: an address that the system set then may become known only now.
    formerly_owned: HashMap<Name, HashSet<IpAddr>>,
    /// There was a configuration before this one.
    is_reloaded: bool,
    /// Addresses that are there with another label, scope or the like than a reload asks for: they are set anew.
    outdated: HashSet<(IfIndex, IpNet)>,
    routing: Routing,
    /// Routes that the kernel has dropped by itself.
    dropped: Vec<Entry>,
    /// Interfaces where adverts may have another source by what this program did.
    resourced: Vec<Name>,
}

/// Everything as it was told anew, on its way in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Relearnt {
    links: Links,
    /// The next address.
    at: usize,
    addresses: Vec<Address>,
    found: Found,
    held: HeldEntries,
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
    /// It was removed, and is to be set as it is wanted now.
    ToBeSetAnew,
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
    /// Begins to take everything anew. What was known before is in force until [`Kernel::replace`].
    pub(super) fn relearn(snapshot: Snapshot) -> Relearnt {
        let mut links = Links::default();
        for link in snapshot.links {
            links.link(link);
        }
        let found = Found { routes: snapshot.routes, rules: snapshot.rules };
        Relearnt { links, at: 0, addresses: snapshot.addresses, found, held: HeldEntries::default() }
    }

    /// Takes in so many addresses, and then routes and rules; true once there are no more.
    pub(super) fn relearn_some(&self, new: &mut Relearnt, count: usize) -> bool {
        let Relearnt { links, at, addresses, found, held } = new;
        for address in addresses.iter_mut().skip(*at).take(count) {
            let (interface, net) = (address.interface, address.net);
            // Kernels before 5.18 keep no mark.
            let known = self.links.held(interface, net);
            address.ours |= known.as_ref().is_some_and(|held| held.ours);
            let name = links.get(interface).map(|known| &known.link.name);
            let is_owned = name.is_some_and(|name| self.is_owned(name, net.address));
            links.address(address, is_owned, &self.wanted.virtual_addresses);
            if let Some(held) = links.held_mut(interface, net) {
                held.foreign |= known.is_some_and(|held| held.foreign);
            }
            *at += 1;
        }
        *at >= addresses.len() && self.routing.relearn_some(found, links, held, count)
    }

    /// All interfaces by their numbers, each with its addresses in the order in which they became known.
    pub(super) fn show_links(&self) -> Vec<(Link, Vec<IpAddr>)> {
        self.links.show()
    }

    /// From now on the new is in force. Gives the interfaces that are known now, or were.
    pub(super) fn replace(&mut self, new: Relearnt) -> HashSet<Name> {
        let old = std::mem::replace(&mut self.links, new.links);
        let links = old.iter().map(|known| &known.link);
        for link in links.filter(|link| self.links.get(link.index).is_none()) {
            self.own.gone(&link.name, Some(link.index), &self.wanted.links);
            self.settings.gone(link.index);
        }
        // One that was made, and gone before anybody told of it.
        let fresh: Vec<Name> = self.own.fresh().cloned().collect();
        for name in fresh.iter().filter(|name| self.links.index_of(name).is_none()) {
            self.own.gone(name, None, &self.wanted.links);
        }
        self.routing.replace(new.held, new.found);
        old.names().chain(self.links.names()).cloned().collect()
    }

    /// A link as it is now. Gives the names of the interfaces that this concerns.
    pub(super) fn link(&mut self, link: Link) -> Vec<Name> {
        if !link.up {
            // They are set again when it is up.
            self.routing.doubt(link.index, false);
        }
        self.links.link(link)
    }

    /// A link was down: the kernel may have dropped its routes. Gives those.
    pub(super) fn lose_routes(&mut self, index: IfIndex) -> Vec<Entry> {
        self.routing.doubt(index, false)
    }

    /// A link is gone, with its addresses. Gives its name.
    pub(super) fn link_gone(&mut self, index: IfIndex) -> Option<Name> {
        self.routing.forget(index);
        let name = self.links.gone(index)?;
        self.own.gone(&name, Some(index), &self.wanted.links);
        self.settings.gone(index);
        Some(name)
    }

    /// The address is to be set anew where it is there.
    pub(super) fn outdate(&mut self, address: &VirtualAddress) {
        if let Some(index) = self.links.index_of(&address.interface)
            && self.links.held(index, address.net).is_some_and(|held| !held.foreign)
        {
            self.outdated.insert((index, address.net));
        }
    }

    fn is_owned(&self, name: &str, address: IpAddr) -> bool {
        let formerly = self.formerly_owned.get(name);
        self.wanted.is_owned(name, address) || formerly.is_some_and(|owned| owned.contains(&address))
    }

    /// An address as it is now.
    pub(super) fn address(&mut self, address: Address) -> News {
        let Some(known) = self.links.get(address.interface) else { return News::default() };
        let name = known.link.name.clone();
        let is_owned = self.is_owned(&name, address.net.address);
        let changed = self.links.address(&address, is_owned, &self.wanted.virtual_addresses);
        News { source_changed: changed.then_some(name), taken_from: Vec::new() }
    }

    /// An address is gone.
    pub(super) fn address_gone(&mut self, interface: IfIndex, net: IpNet) -> News {
        let Some(name) = self.links.get(interface).map(|known| known.link.name.clone()) else {
            return News::default();
        };
        let (was_held, changed) = self.links.address_gone(interface, net, &self.wanted.virtual_addresses);
        self.drop_routes(interface, net.address);
        let configured = if was_held { self.wanted.by(&name, &net) } else { &[] };
        News { taken_from: configured.to_vec(), source_changed: changed.then_some(name) }
    }

    /// From now on these are the addresses of instances. Gives the interfaces whose source of adverts changed by it.
    pub(super) fn configure(&mut self, wanted: Wanted) -> Vec<Name> {
        let former = std::mem::replace(&mut self.wanted, wanted);
        let again = std::mem::replace(&mut self.is_reloaded, true);
        for known in self.links.iter_mut() {
            let name = &known.link.name;
            for (address, all) in &mut known.addresses {
                for held in all.iter_mut().filter(|held| !held.ours) {
                    let net = IpNet { address: *address, prefix_len: held.prefix_len };
                    // At start it may be what a predecessor left. One that was there when a reload named it is not ours,
                    // unless the reload means that very one.
                    let is_new = || {
                        self.wanted.has(name, *address)
                            && self.wanted.by(name, &net).is_empty()
                            && !former.has(name, *address)
                    };
                    held.foreign |= self.wanted.is_owned(name, *address) || (again && is_new());
                }
            }
        }
        let (owned, links) = former.into_parts();
        self.formerly_owned = owned;
        self.forget_own_links(links);
        self.links.find_first_real(&self.wanted.virtual_addresses)
    }

    /// The link of that name.
    pub(super) fn link_named(&self, name: &str) -> Option<&Link> {
        let index = self.links.index_of(name)?;
        self.links.get(index).map(|known| &known.link)
    }

    /// Its Ethernet address.
    pub(super) fn mac_of(&self, index: IfIndex) -> Option<MacAddr> {
        self.links.get(index)?.link.mac
    }

    /// The interface's name.
    pub(super) fn name_of(&self, index: IfIndex) -> Option<Name> {
        self.links.get(index).map(|known| known.link.name.clone())
    }

    /// Where adverts on the interface can come from: its first real address of the family (link-local in IPv6, RFC 9568
    /// §5.1.2.1). The owner's addresses are real.
    pub(super) fn source(&self, interface: IfIndex, family: Family, owner: bool) -> Option<IpAddr> {
        let known = self.links.get(interface)?;
        let real = match family {
            Family::V4 => known.v4,
            Family::V6 => known.v6,
        };
        let real = real.map(|(_, address)| address);
        real.or_else(|| self.links.first_source(interface, family).filter(|_| owner))
    }

    /// Whether adverts can leave from an address of that interface; one that is not there may be another interface's.
    pub(super) fn can_send_from(&self, interface: IfIndex, address: IpAddr) -> bool {
        self.links.get(interface).is_none_or(|known| !known.is_tentative(address))
    }

    /// Whether some instance is configured with the address.
    pub(super) fn is_virtual(&self, address: IpAddr) -> bool {
        self.wanted.virtual_addresses.contains(&address)
    }

    /// Whether the address is on that interface; without one, on any.
    pub(super) fn has_address(&self, interface: Option<IfIndex>, address: IpAddr) -> bool {
        match interface {
            Some(index) => self.links.get(index).is_some_and(|known| known.addresses.contains_key(&address)),
            None => self.links.iter().any(|known| known.addresses.contains_key(&address)),
        }
    }

    /// Who is configured with the address on that interface, and as which of its addresses.
    pub(super) fn configured_with(&self, address: &VirtualAddress) -> &[(Id, usize)] {
        self.wanted.by(&address.interface, &address.net)
    }

    /// Whether the kernel holds the address where it belongs.
    pub(super) fn holds(&self, address: &VirtualAddress) -> bool {
        let index = self.links.index_of(&address.interface);
        index.and_then(|index| self.links.held(index, address.net)).is_some()
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
        self.plan_shut(address, |net| self.is_wanted_by(name, net, &wants_addresses), out);
        let Some((index, nets)) = self.links.index_of(name).map(|index| (index, self.wanted.on(name))) else {
            return;
        };
        let Some(known) = self.links.get(index) else { return };
        let is_wanted = |net: &IpNet| {
            let by = nets.and_then(|nets| nets.get(net));
            by.is_some_and(|by| by.iter().any(|(id, _)| wants_addresses(*id)))
        };
        let held = known.addresses.get(&address.net.address).map_or(&[][..], SmallVec::as_slice);
        if is_wanted(&address.net) {
            let place = (index, address.net);
            let held = held.iter().find(|held| held.prefix_len == address.net.prefix_len);
            match held {
                None => out.push(Change::Add { interface: index, address: address.clone() }),
                Some(held) if !self.outdated.is_empty() && self.outdated.contains(&place) => {
                    out.push(Change::Remove {
                        interface: index,
                        name: known.link.name.clone(),
                        net: address.net,
                        peer: *held.peer,
                    });
                }
                Some(_) => {}
            }
            return;
        }
        for held in held.iter().filter(|held| !held.foreign) {
            let net = IpNet { prefix_len: held.prefix_len, ..address.net };
            if net == address.net || !(is_wanted(&net) || known.needs(net.address, held)) {
                let (name, peer) = (known.link.name.clone(), *held.peer);
                out.push(Change::Remove { interface: index, name, net, peer });
            }
        }
    }

    /// Takes in what became of a change.
    pub(super) fn changed(&mut self, change: &Change, refusal: Option<&Refusal>) -> Outcome {
        match (change, refusal) {
            (Change::Add { interface, address }, None | Some(Refusal::Exists)) => {
                let ours = refusal.is_none();
                let (interface, net, peer) = (*interface, address.net, *address.peer);
                let news = self.address(Address { interface, net, peer, state: AddressState::Usable, ours });
                self.resourced.extend(news.source_changed.filter(|name| self.is_static(name, &net)));
                if ours { Outcome::Set } else { Outcome::AsWanted }
            }
            (Change::Remove { interface, net, .. }, None | Some(Refusal::NotThere)) => {
                let ours = self.links.held(*interface, *net).is_some_and(|held| held.ours);
                let (_, changed) = self.links.address_gone(*interface, *net, &self.wanted.virtual_addresses);
                let known = self.links.get(*interface).filter(|_| changed);
                let name = known.map(|known| known.link.name.clone());
                self.resourced.extend(name.filter(|_| !self.wanted.virtual_addresses.contains(&net.address)));
                self.drop_routes(*interface, net.address);
                if self.outdated.remove(&(*interface, *net)) {
                    return Outcome::ToBeSetAnew;
                }
                match refusal {
                    Some(_) => Outcome::AsWanted,
                    None if ours => Outcome::Removed,
                    None => Outcome::LeftoverRemoved,
                }
            }
            (Change::Remove { .. }, Some(Refusal::NoInterface)) => Outcome::AsWanted,
            // Not an address: see [`Kernel::link_changed`].
            (
                Change::AddLink(_)
                | Change::RemoveLink { .. }
                | Change::Set { .. }
                | Change::CheckReversePaths(_)
                | Change::Muzzle { .. }
                | Change::Shut { .. },
                None,
            ) => Outcome::AsWanted,
            (
                Change::AddRoute { .. }
                | Change::RemoveRoute { .. }
                | Change::AddRule { .. }
                | Change::RemoveRule { .. },
                _,
            ) => self.routing.changed(change, refusal),
            _ => Outcome::Refused { again: false },
        }
    }

    /// An address is gone: the kernel says nothing of the IPv4 routes that it drops then.
    fn drop_routes(&mut self, interface: IfIndex, address: IpAddr) {
        if address.is_ipv6() {
            return;
        }
        self.dropped.extend(self.routing.doubt_source(address));
        if self.links.first_source(interface, Family::V4).is_none() {
            self.dropped.extend(self.routing.doubt(interface, true));
        }
    }

    fn is_static(&self, name: &str, net: &IpNet) -> bool {
        self.wanted.by(name, net).iter().any(|(id, _)| *id == STATICS)
    }

    /// Interfaces where adverts may have another source by a change that was made, since this was last asked.
    pub(super) fn take_resourced(&mut self) -> Vec<Name> {
        std::mem::take(&mut self.resourced)
    }

    /// Routes that the kernel has dropped by itself since this was last asked.
    pub(super) fn take_dropped(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.dropped)
    }

    /// A route is there.
    pub(super) fn route(&mut self, route: &FoundRoute) {
        self.routing.route(route, &self.links);
    }

    /// A route is gone: the lines of the configuration that it was.
    pub(super) fn route_gone(&mut self, route: &FoundRoute) -> Vec<Entry> {
        self.routing.route_gone(route, &self.links)
    }

    /// A rule is there.
    pub(super) fn rule(&mut self, rule: &Rule) {
        self.routing.rule(rule);
    }

    /// A rule is gone: the line of the configuration that it was.
    pub(super) fn rule_gone(&mut self, rule: &Rule) -> Vec<Entry> {
        self.routing.rule_gone(rule)
    }

    /// From now on these are the routes and rules of instances. Gives what the kernel had at start under this program's
    /// number, and nobody wants.
    pub(super) fn configure_entries(&mut self, wanted: WantedEntries) -> Option<EntryList> {
        self.routing.configure(wanted, &self.links)
    }

    /// Who is configured with the route or rule.
    pub(super) fn entry_configured_with(&self, entry: &Entry) -> &[Id] {
        self.routing.configured_with(entry)
    }

    /// Whether the kernel holds the route or rule.
    pub(super) fn holds_entry(&self, entry: &Entry) -> bool {
        self.routing.holds(entry)
    }

    /// What has to be done about this route or rule.
    pub(super) fn plan_entry(&self, entry: &Entry, wants: impl Fn(Id) -> bool, out: &mut Vec<Change>) {
        self.routing.plan(entry, &self.links, wants, out);
    }

    /// The frame that asks whether another host has the address.
    pub(super) fn probe(&self, address: &VirtualAddress) -> Option<Frame> {
        let known = self.links.get(self.links.index_of(&address.interface)?)?;
        known.held(address.net)?;
        Some(Frame::probe(known.link.index, address.net.address, known.link.mac?))
    }

    /// Whether an interface of this host has that Ethernet address.
    pub(super) fn is_own_mac(&self, mac: MacAddr) -> bool {
        self.links.has_mac(mac)
    }

    /// The instances that are configured with an address which is on that interface.
    pub(super) fn holders(&self, interface: IfIndex, address: IpAddr) -> Vec<Id> {
        let Some(known) = self.links.get(interface) else { return Vec::new() };
        let all = known.addresses.get(&address).map_or(&[][..], SmallVec::as_slice);
        let nets = all.iter().map(|held| IpNet { address, prefix_len: held.prefix_len });
        nets.flat_map(|net| self.wanted.by(&known.link.name, &net)).map(|(id, _)| *id).collect()
    }

    /// The frame that announces the address; none where the interface is missing, or nobody could hear it.
    pub(super) fn frame(&self, address: &VirtualAddress) -> Option<Frame> {
        let known = self.links.get(self.links.index_of(&address.interface)?)?;
        known.held(address.net)?;
        let role = if known.link.forwards { Forwarding::Router } else { Forwarding::Host };
        Some(Frame::new(known.link.index, address.net.address, known.link.mac?, role))
    }
}
