//! Which instances an interface concerns: those that speak there, have addresses, routes or rules there, or track it.

use super::{Router, statics};
use crate::vrrp::config;
use crate::vrrp::event::{Entry, Name};
use crate::vrrp::instance::Instance;
use crate::vrrp::kernel::Id;
use crate::vrrp::overlay::Overlay;
use std::collections::{BTreeSet, HashMap};
use thin_vec::ThinVec;

impl Router {
    /// The instance is one of those that its interfaces concern.
    pub(super) fn list(&mut self, id: Id, instance: &Instance, overlay: &Overlay) {
        for name in interfaces_of(instance, overlay) {
            match self.by_interface.get_mut(name) {
                Some(ids) => drop(ids.insert(id)),
                None => drop(self.by_interface.insert(name.into(), [id].into())),
            }
        }
        if let Some(source) = instance.config().needed_source() {
            self.by_source.entry(source).or_default().insert(id);
        }
    }

    /// Interfaces that it tracks now, in the place of those it tracked before.
    pub(super) fn list_tracked(&mut self, id: Id, before: &[(Name, bool)]) {
        let slot = self.instances.get(&id);
        let others = slot.map(|slot| interfaces_of(&slot.instance, &slot.overlay)).unwrap_or_default();
        for (name, _) in before.iter().filter(|(name, _)| !others.contains(&**name)) {
            if let Some(ids) = self.by_interface.get_mut(name) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_interface.remove(name);
                }
            }
        }
        for (name, _) in slot.into_iter().flat_map(|slot| &slot.tracked) {
            self.by_interface.entry(name.clone()).or_default().insert(id);
        }
    }

    /// It is one of them no more.
    pub(super) fn unlist(&mut self, id: Id, instance: &Instance, overlay: &Overlay) {
        for name in interfaces_of(instance, overlay) {
            if let Some(ids) = self.by_interface.get_mut(name) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_interface.remove(name);
                }
            }
        }
        if let Some(source) = instance.config().needed_source()
            && let Some(ids) = self.by_source.get_mut(&source)
        {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_source.remove(&source);
            }
        }
    }

    /// Interfaces of addresses, routes and rules, and of statics of its track groups, other than the instance's own, that it
    /// can't be master without. `no_track` takes one out.
    pub(super) fn tracked(&self, instance: &Instance, overlay: &Overlay) -> ThinVec<(Name, bool)> {
        let own = [instance.config().interface.as_deref(), overlay.own.as_ref().map(|own| &*own.name)];
        let addresses = instance.addresses().iter().filter(|address| address.tracked);
        let entries = instance.entries().filter(|entry| entry.is_tracked()).flat_map(statics::tracked);
        let statics = self.statics.interfaces_of(instance.name());
        let names = addresses.map(|address| address.interface.as_str()).chain(entries).chain(statics);
        let names: BTreeSet<&str> = names.filter(|name| !own.contains(&Some(*name))).collect();
        names.into_iter().map(|name| (name.into(), false)).collect()
    }
}

fn interfaces_of<'a>(instance: &'a Instance, overlay: &'a Overlay) -> BTreeSet<&'a str> {
    let config = instance.config();
    let addresses = instance.addresses().iter().map(|a| a.interface.as_str());
    let entries = instance.entries().flat_map(Entry::interfaces);
    let links = overlay.links().flat_map(|link| [&*link.name, &*link.base]);
    addresses.chain(entries).chain(config.way()).chain(links).collect()
}

/// An interface's name is kept once, however many instances and addresses are on it.
pub(super) fn share_names(known: &HashMap<Name, BTreeSet<Id>>, config: &mut config::Instance) {
    if let Some(name) = &mut config.interface
        && let Some((same, _)) = known.get_key_value(&**name)
    {
        *name = same.clone();
    }
    let own = &config.interface;
    for address in config.addresses.iter_mut().chain(config.excluded.iter_mut()) {
        let same = own.iter().find(|own| **own == address.interface);
        if let Some(same) = same.or_else(|| known.get_key_value(&*address.interface).map(|(same, _)| same)) {
            address.interface = same.clone();
        }
    }
}
