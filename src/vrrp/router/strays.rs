//! What this program has set and made, and nobody wants where it is.

use super::Router;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Action, Actions, AddressList, Entry, IfIndex, Name, Report};
use crate::vrrp::kernel::Id;
use std::collections::BTreeMap;

impl Router {
    /// A run that was killed has left addresses and interfaces, and the configuration was changed since: nobody else would
    /// remove them.
    pub(super) fn remove_abandoned(&mut self, out: &mut Actions) {
        let (addresses, links) = self.kernel.abandon();
        let list = addresses.iter().map(|a| AddressList::one(a.net, a.interface.as_str().into()));
        if let Some(list) = list.reduce(|mut list, one| {
            list.add(one);
            list
        }) {
            out.push(Action::Report { instance: None, report: Report::Abandoned(list) });
        }
        for name in &links {
            out.push(Action::ApplyLinks { instance: owner_of(name), links: [name.clone()].into() });
        }
        let mut by_interface: BTreeMap<Name, Vec<VirtualAddress>> = BTreeMap::new();
        for address in addresses {
            let interface = Name::from(address.interface.as_str());
            // Addresses go with their interface.
            if !links.contains(&interface) {
                by_interface.entry(interface).or_default().push(address);
            }
        }
        for (interface, addresses) in by_interface {
            out.push(Action::Apply { instance: owner_of(&interface), addresses: addresses.into() });
        }
    }

    /// An interface has another name now: what was set there for the former one goes.
    pub(super) fn remove_stranded(&mut self, index: IfIndex, former: &Name, out: &mut Actions) {
        let name_of = |owner: Option<Id>| {
            let slot = owner.and_then(|id| self.instances.get(&id));
            slot.map_or_else(|| owner_of(former), |slot| slot.instance.name().clone())
        };
        let mut addresses: BTreeMap<Option<Id>, Vec<VirtualAddress>> = BTreeMap::new();
        for (owner, address) in self.kernel.stranded(index, former) {
            addresses.entry(owner).or_default().push(address);
        }
        for (owner, addresses) in addresses {
            out.push(Action::Apply { instance: name_of(owner), addresses: addresses.into() });
        }
        let mut routes: BTreeMap<Option<Id>, Vec<Entry>> = BTreeMap::new();
        for route in self.kernel.stranded_routes(index) {
            let owner = self.kernel.entry_configured_with(&route).first().copied();
            routes.entry(owner).or_default().push(route);
        }
        for (owner, routes) in routes {
            out.push(Action::ApplyEntries { instance: name_of(owner), entries: routes.into() });
        }
        // Its settings, which go back to what they were.
        if let Some(name) = self.kernel.name_of(index) {
            let mut changes = Vec::new();
            self.kernel.plan_link(&name, &mut changes);
            if !changes.is_empty() {
                out.push(Action::ApplyLinks { instance: owner_of(&name), links: [name].into() });
            }
        }
    }
}

/// Whose the work is that is about an interface alone. An instance may bear its name: see `statics::NAME`.
pub(super) fn owner_of(interface: &Name) -> Name {
    format!("{interface}\n").into()
}
