//! Static addresses, routes and rules: set before any instance begins, put back when somebody removes them, and removed at
//! the end, behind the instances' own. Instances of a track group depend on the interfaces of its statics.

use super::Router;
use crate::vrrp::config::route::Route;
use crate::vrrp::config::rule::Rule;
use crate::vrrp::config::statics::{self, Static};
use crate::vrrp::config::{Config, VirtualAddress};
use crate::vrrp::event::{Action, Actions, AddressList, Entry, Name, Report};
use crate::vrrp::kernel::{STATICS, Wanted, WantedEntries};
use crate::vrrp::shared::Shared;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Who has them, in the log and among what waits to be done. No instance is called so: a configuration is read line by
/// line, so that no word of it has a line break. The log leaves it out.
pub(in crate::vrrp) const NAME: &str = "static\n";

/// What is static now.
#[derive(Clone, Debug, Default)]
pub(super) struct Statics {
    pub(super) addresses: Shared<[VirtualAddress]>,
    pub(super) routes: Shared<[Entry]>,
    pub(super) rules: Shared<[Entry]>,
    /// Interfaces that an instance depends on by a track group.
    interfaces: HashMap<Name, BTreeSet<Name>>,
    /// Instances that depend on a thing by a track group.
    dependents: Dependents,
}

/// By what was set, the names of instances.
#[derive(Clone, Debug, Default)]
struct Dependents {
    addresses: HashMap<VirtualAddress, Vec<Name>>,
    entries: HashMap<Entry, Vec<Name>>,
}

impl Statics {
    pub(super) fn new(config: &Config) -> Statics {
        let statics::Statics { addresses, routes, rules } = &config.statics;
        let groups: BTreeMap<&str, Vec<Name>> = config
            .track_groups
            .iter()
            .map(|group| (&*group.name, group.instances.iter().map(|name| name.as_str().into()).collect()))
            .collect();
        let members = |group: &Option<String>| -> &[Name] {
            group.as_deref().and_then(|group| groups.get(group)).map_or(&[], Vec::as_slice)
        };
        let mut made = Statics::default();
        for Static { item, track_group } in addresses.iter().filter(|address| address.item.tracked) {
            let members = members(track_group);
            made.track(members, [item.interface.as_str()].into_iter());
            if !members.is_empty() {
                made.dependents.addresses.insert(item.clone(), members.to_vec());
            }
        }
        let route = |route: &Static<Route>| (Entry::route(route.item.clone()), route.track_group.clone());
        let rule = |rule: &Static<Rule>| (Entry::rule(rule.item.clone()), rule.track_group.clone());
        let entries = routes.iter().map(route).chain(rules.iter().map(rule));
        for (entry, track_group) in entries.filter(|(entry, _)| entry.is_tracked()) {
            let members = members(&track_group);
            made.track(members, tracked(&entry));
            if !members.is_empty() {
                made.dependents.entries.insert(entry, members.to_vec());
            }
        }
        made.addresses = addresses.iter().map(|address| address.item.clone()).collect();
        made.routes = routes.iter().map(|entry| route(entry).0).collect();
        made.rules = rules.iter().map(|entry| rule(entry).0).collect();
        made
    }

    fn track<'a>(&mut self, members: &[Name], interfaces: impl Iterator<Item = &'a str>) {
        let interfaces: Vec<&str> = interfaces.collect();
        for member in members {
            let mine = self.interfaces.entry(member.clone()).or_default();
            mine.extend(interfaces.iter().map(|name| Name::from(*name)));
        }
    }

    /// Enters them among what is wanted. What the system had set before stays when they go.
    pub(super) fn enter(&self, wanted: &mut Wanted, entries: &mut WantedEntries) {
        for (at, address) in self.addresses.iter().enumerate() {
            wanted.add_static(STATICS, at, address);
        }
        for entry in self.entries() {
            entries.add(STATICS, entry);
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.routes.iter().chain(self.rules.iter())
    }

    /// Interfaces that an instance depends on by its track groups.
    pub(super) fn interfaces_of(&self, instance: &Name) -> impl Iterator<Item = &str> {
        self.interfaces.get(instance).into_iter().flatten().map(|name| &**name)
    }

    /// Instances that depend on a static address.
    pub(super) fn depend_on_address(&self, address: &VirtualAddress) -> &[Name] {
        self.dependents.addresses.get(address).map_or(&[], Vec::as_slice)
    }

    /// Instances that depend on a static route or rule.
    pub(super) fn depend_on_entry(&self, entry: &Entry) -> &[Name] {
        self.dependents.entries.get(entry).map_or(&[], Vec::as_slice)
    }
}

/// Interfaces whose loss counts: not those of several ways, of which one may be down.
pub(super) fn tracked(entry: &Entry) -> impl Iterator<Item = &str> {
    let names = match entry {
        Entry::Route(route) => [route.next_hop.interface.as_deref(), None],
        Entry::Rule(rule) => [rule.input_interface.as_deref(), rule.output_interface.as_deref()],
    };
    names.into_iter().flatten()
}

impl Router {
    /// Puts new statics in the place of the old. True if something may have to be done.
    pub(super) fn replace_statics(&mut self, new: Statics, out: &mut Actions) -> bool {
        let old = std::mem::replace(&mut self.statics, new);
        let new = &self.statics;
        let gone_entries = |old: &[Entry], new: &[Entry]| -> Shared<[Entry]> {
            let new: HashSet<&Entry> = new.iter().collect();
            old.iter().filter(|entry| !new.contains(entry)).cloned().collect()
        };
        let place = |address: &VirtualAddress| (address.interface.clone(), address.net);
        let places: HashSet<_> = new.addresses.iter().map(place).collect();
        let known: HashMap<_, _> = old.addresses.iter().map(|address| (place(address), address)).collect();
        for address in new.addresses.iter() {
            if known.get(&place(address)).is_some_and(|old| *old != address) {
                self.kernel.outdate(address);
            }
        }
        let gone: Vec<_> =
            old.addresses.iter().filter(|address| !places.contains(&place(address))).cloned().collect();
        apply_entries(&gone_entries(&old.rules, &new.rules), out);
        apply_entries(&gone_entries(&old.routes, &new.routes), out);
        apply(&gone.into(), out);
        apply(&new.addresses, out);
        apply_entries(&new.routes, out);
        apply_entries(&new.rules, out);
        let any = |statics: &Statics| !statics.addresses.is_empty() || statics.entries().next().is_some();
        any(&old) || any(new)
    }

    /// Statics that the kernel does not hold are set again: those on an interface, or all.
    pub(super) fn set_missing_statics(&self, interface: Option<&str>, out: &mut Actions) {
        let is_it = |name: &str| interface.is_none_or(|interface| interface == name);
        let on_it = self.statics.addresses.iter().filter(|address| is_it(&address.interface));
        let missing: Vec<_> = on_it.filter(|address| !self.kernel.holds(address)).cloned().collect();
        apply(&missing.into(), out);
        let on_it = |entry: &&Entry| interface.is_none() || entry.interfaces().any(is_it);
        for entries in [&self.statics.routes, &self.statics.rules] {
            let missing = entries.iter().filter(on_it).filter(|entry| !self.kernel.holds_entry(entry));
            apply_entries(&missing.cloned().collect(), out);
        }
    }

    /// The static address of that number, if it is still this one.
    pub(super) fn static_address(&self, at: usize, net: crate::net::IpNet) -> Option<&VirtualAddress> {
        self.statics.addresses.get(at).filter(|address| address.net == net)
    }

    /// Somebody removed a static address.
    pub(super) fn static_address_taken(address: VirtualAddress, out: &mut Actions) {
        let taken = AddressList::one(address.net, address.interface.as_str().into());
        out.push(Action::Report { instance: None, report: Report::AddressesTaken(taken) });
        apply(&[address].into(), out);
    }
}

/// Static addresses are to be looked at.
pub(super) fn apply(addresses: &Shared<[VirtualAddress]>, out: &mut Actions) {
    if !addresses.is_empty() {
        out.push(Action::Apply { instance: NAME.into(), addresses: addresses.clone() });
    }
}

/// Static routes or rules are to be looked at.
pub(super) fn apply_entries(entries: &Shared<[Entry]>, out: &mut Actions) {
    if !entries.is_empty() {
        out.push(Action::ApplyEntries { instance: NAME.into(), entries: entries.clone() });
    }
}
