//! The virtual routers of this machine: finds the instance that a packet, an interface or a deadline concerns.
//!
//! It owns the [`Instance`]s and keeps their deadlines in order, so that a step costs the logarithm of their number.
//! Whatever can be asked of it goes through [`Router::handle`] and [`Router::handle_timeout`].

use super::config::{self, VirtualAddress, Vrid};
use super::event::{Action, Actions, Discard, Event, Fault, IfIndex, Link, Name, Received, Report};
use super::instance::{Instance, Port};
use super::packet::{Advert, PRIORITY_OWNER, TTL};
use super::stats::RouterStats;
use crate::net::Family;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

/// An instance's number within the router: never used twice.
type Id = u64;

/// All virtual routers of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Router {
    /// In the order of the configuration, so that what happens at once happens in that order.
    instances: BTreeMap<Id, Slot>,
    next_id: Id,
    by_name: HashMap<Name, Id>,
    /// Who listens to which VRID where. An instance without an interface has no entry.
    by_vrid: HashMap<(IfIndex, Family, Vrid), Id>,
    /// Who speaks on an interface or has addresses there.
    by_interface: HashMap<Name, BTreeSet<Id>>,
    links: HashMap<Name, Link>,
    deadlines: BTreeSet<(Instant, Id)>,
    /// All addresses that instances set: none of them is a source for adverts, save the owner's.
    virtual_addresses: HashSet<IpAddr>,
    stats: RouterStats,
}

#[derive(Clone, Debug, PartialEq)]
struct Slot {
    instance: Instance,
    /// Its entry in `deadlines`.
    deadline: Option<Instant>,
    /// Its entry in `by_vrid`.
    key: Option<(IfIndex, Family, Vrid)>,
}

impl Router {
    /// The instances, in the order of the configuration.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values().map(|slot| &slot.instance)
    }

    /// An instance by name.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        let id = self.by_name.get(name)?;
        self.instances.get(id).map(|slot| &slot.instance)
    }

    /// What belongs to no instance.
    #[must_use]
    pub const fn stats(&self) -> &RouterStats {
        &self.stats
    }

    /// When [`Router::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Takes in what happened at `now`. Deadlines that have passed by then are not looked at: a packet counts before
    /// the timer that waits for it.
    pub fn handle(&mut self, now: Instant, event: Event, out: &mut Actions) {
        match event {
            Event::Config(config) => self.configure(now, *config, out),
            Event::Link(link) => self.link(now, link, out),
            Event::LinkGone { name } => {
                self.links.remove(&name);
                self.interface_changed(now, &name, out);
            }
            Event::Received(received) => self.received(now, &received, out),
            Event::AddressesRefused { instance, addresses } => {
                self.with(&instance, |i| i.addresses_refused(now, addresses));
            }
            Event::AdvertRefused { instance } => self.with(&instance, Instance::advert_refused),
            Event::Stop => self.configure(now, config::Config::default(), out),
        }
    }

    /// Does everything that is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Actions) {
        while let Some(&(at, id)) = self.deadlines.first() {
            if at > now {
                break;
            }
            let Some(slot) = self.instances.get_mut(&id) else {
                self.deadlines.pop_first();
                continue;
            };
            slot.instance.handle_timeout(now, out);
            self.reschedule(id);
        }
    }

    fn with(&mut self, name: &str, f: impl FnOnce(&mut Instance)) {
        if let Some(&id) = self.by_name.get(name)
            && let Some(slot) = self.instances.get_mut(&id)
        {
            f(&mut slot.instance);
            self.reschedule(id);
        }
    }

    fn reschedule(&mut self, id: Id) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        let next = slot.instance.next_timeout();
        if next != slot.deadline {
            if let Some(old) = slot.deadline {
                self.deadlines.remove(&(old, id));
            }
            if let Some(new) = next {
                self.deadlines.insert((new, id));
            }
            slot.deadline = next;
        }
    }

    fn received(&mut self, now: Instant, received: &Received, out: &mut Actions) {
        let source = received.source;
        let advert = match Advert::decode(&received.payload, source, received.destination) {
            Ok(advert) => advert,
            Err(error) => {
                self.stats.malformed.count(error);
                out.push(Action::Report { instance: None, report: Report::Malformed { source, error } });
                return;
            }
        };
        let key = (received.interface, Family::of(source), advert.vrid);
        let found = self.by_vrid.get(&key).and_then(|id| Some((*id, self.instances.get_mut(id)?)));
        let refused = match found {
            _ if received.ttl != TTL => Some((None, Discard::Ttl(received.ttl))),
            None => Some((None, Discard::UnknownVrid(advert.vrid.get()))),
            Some((id, slot)) => {
                let name = slot.instance.name().clone();
                let refused = slot.instance.advert(now, received, &advert, out).err();
                self.reschedule(id);
                refused.map(|reason| (Some(name), reason))
            }
        };
        if let Some((instance, reason)) = refused {
            if instance.is_none() {
                self.stats.discarded.count(reason);
            }
            out.push(Action::Report { instance, report: Report::Discarded { source, reason } });
        }
    }

    fn link(&mut self, now: Instant, link: Link, out: &mut Actions) {
        let name = link.name.clone();
        if self.links.get(&name).is_some_and(|old| old.index != link.index) {
            // Another interface of the same name, and nobody said that the first one went: what was set on it went too.
            self.links.remove(&name);
            self.interface_changed(now, &name, out);
        }
        let old = self.links.insert(name.clone(), link);
        self.interface_changed(now, &name, out);
        let (Some(new), Some(ids)) = (self.links.get(&name), self.by_interface.get(&name)) else { return };
        for id in ids {
            let Some(slot) = self.instances.get_mut(id) else { continue };
            let lost = |a: &&VirtualAddress| {
                let had = match &old {
                    Some(old) => old.addresses.contains(&a.net),
                    // Those that speak on it have begun anew; others only keep addresses there.
                    None => slot.instance.config().interface.as_deref() != Some(&*name),
                };
                *a.interface == *name && had && !new.addresses.contains(&a.net)
            };
            let lost: Vec<VirtualAddress> = slot.instance.addresses().iter().filter(lost).cloned().collect();
            if !lost.is_empty() {
                slot.instance.addresses_lost(&lost, out);
            }
        }
    }

    /// Gives the instances that speak on `name` their port anew.
    fn interface_changed(&mut self, now: Instant, name: &str, out: &mut Actions) {
        let ids: Vec<Id> = self.by_interface.get(name).into_iter().flatten().copied().collect();
        for id in ids {
            self.find_port(now, id, out);
        }
    }

    fn find_port(&mut self, now: Instant, id: Id, out: &mut Actions) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        let config = slot.instance.config();
        let link = config.interface.as_deref().and_then(|name| self.links.get(name));
        let port = match link {
            None => Err(Fault::NoInterface),
            Some(link) if !link.up => Err(Fault::InterfaceDown),
            Some(link) => source(&slot.instance, link, &self.virtual_addresses)
                .map(|source| Port { interface: link.index, source })
                .ok_or(Fault::NoAddress),
        };
        let key = link.map(|link| (link.index, slot.instance.family(), config.vrid));
        if key != slot.key {
            if let Some(old) = slot.key
                && self.by_vrid.get(&old) == Some(&id)
            {
                self.by_vrid.remove(&old);
            }
            if let Some(new) = key {
                self.by_vrid.insert(new, id);
            }
            slot.key = key;
        }
        slot.instance.set_port(now, port, out);
        self.reschedule(id);
    }

    /// Start, reload and stop: what is no longer wanted goes first, so that what moved from one instance to another is
    /// free when it is set again.
    fn configure(&mut self, now: Instant, config: config::Config, out: &mut Actions) {
        let mut wanted: HashMap<&str, &config::Instance> = HashMap::new();
        for instance in &config.instances {
            wanted.insert(&instance.name, instance);
        }
        let gone: Vec<Id> = self
            .instances
            .iter()
            .filter(|(_, slot)| {
                !wanted.get(&**slot.instance.name()).is_some_and(|c| slot.instance.same_router(c))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            self.remove(id, out);
        }
        self.virtual_addresses = wanted
            .values()
            .flat_map(|c| c.addresses.iter().chain(&c.excluded))
            .map(|a| a.net.address)
            .collect();
        for instance in config.instances {
            match self.by_name.get(instance.name.as_str()).copied() {
                Some(id) => self.reconfigure(now, id, instance, out),
                None => self.add(now, instance, out),
            }
        }
    }

    fn remove(&mut self, id: Id, out: &mut Actions) {
        let Some(mut slot) = self.instances.remove(&id) else { return };
        slot.instance.stop(out);
        self.by_name.remove(slot.instance.name());
        if let Some(deadline) = slot.deadline {
            self.deadlines.remove(&(deadline, id));
        }
        if let Some(key) = slot.key
            && self.by_vrid.get(&key) == Some(&id)
        {
            self.by_vrid.remove(&key);
        }
        self.unlist(id, &slot.instance);
    }

    fn add(&mut self, now: Instant, config: config::Instance, out: &mut Actions) {
        let id = self.next_id;
        self.next_id += 1;
        let instance = Instance::new(config);
        self.by_name.insert(instance.name().clone(), id);
        self.list(id, &instance);
        self.instances.insert(id, Slot { instance, deadline: None, key: None });
        self.find_port(now, id, out);
    }

    fn reconfigure(&mut self, now: Instant, id: Id, config: config::Instance, out: &mut Actions) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        if *slot.instance.config() != config {
            let before = slot.instance.clone();
            slot.instance.reconfigure(now, config, out);
            let after = slot.instance.clone();
            self.unlist(id, &before);
            self.list(id, &after);
        }
        self.find_port(now, id, out);
    }

    fn list(&mut self, id: Id, instance: &Instance) {
        for name in interfaces_of(instance) {
            self.by_interface.entry(name.into()).or_default().insert(id);
        }
    }

    fn unlist(&mut self, id: Id, instance: &Instance) {
        for name in interfaces_of(instance) {
            if let Some(ids) = self.by_interface.get_mut(name) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_interface.remove(name);
                }
            }
        }
    }
}

fn interfaces_of(instance: &Instance) -> BTreeSet<&str> {
    let config = instance.config();
    let addresses = instance.addresses().iter().map(|a| a.interface.as_str());
    addresses.chain(config.interface.as_deref()).collect()
}

/// Where an instance's adverts come from: `mcast_src_ip` or `unicast_src_ip`, or the interface's first real address of its family (link-local in
/// IPv6, RFC 9568 §5.1.2.1). The owner's addresses are real.
fn source(instance: &Instance, link: &Link, virtual_addresses: &HashSet<IpAddr>) -> Option<IpAddr> {
    let config = instance.config();
    if let Some(configured) = config.source {
        return Some(configured);
    }
    let owner = config.priority == PRIORITY_OWNER;
    let mut candidates =
        link.addresses.iter().map(|net| net.address).filter(|a| match (instance.family(), a) {
            (Family::V4, IpAddr::V4(_)) => true,
            (Family::V6, IpAddr::V6(a)) => a.is_unicast_link_local(),
            _ => false,
        });
    let real = candidates.clone().find(|a| !virtual_addresses.contains(a));
    real.or_else(|| candidates.find(|_| owner))
}

#[cfg(test)]
mod tests;
