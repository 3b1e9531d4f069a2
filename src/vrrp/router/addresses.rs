//! The instances' addresses in the kernel: what is missing, what the engine is to change, what became of it.

use super::{RETRY, Retry, Router, SOON, Thing, statics};
use crate::net::{Family, IpNet, MacAddr};
use crate::time::Instant;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Action, Actions, Address, AddressList, Change, IfIndex, Name, Refusal, Report};
use crate::vrrp::garp::Frame;
use crate::vrrp::kernel::{Id, News, Outcome, STATICS};
use crate::vrrp::pace::Lane;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

impl Router {
    pub(super) fn address(&mut self, now: Instant, address: Address, out: &mut Actions) {
        if self.lost.is_any()
            && let Some(name) = self.kernel.name_of(address.interface)
        {
            let known = VirtualAddress::new(address.net, &*name);
            match self.kernel.configured_with(&known).iter().any(|(id, _)| *id != STATICS) {
                true => self.regain_routes_from(now, address.net.address, out),
                false => self.regain_on(now, &name, out),
            }
        }
        let news = self.kernel.address(address);
        self.source_changed(now, &news, out);
        self.needed_source_changed(now, address.net.address, out);
    }

    pub(super) fn address_gone(&mut self, now: Instant, interface: IfIndex, net: IpNet, out: &mut Actions) {
        let news = self.kernel.address_gone(interface, net);
        self.source_changed(now, &news, out);
        self.needed_source_changed(now, net.address, out);
        if let Some(name) = self.kernel.name_of(interface)
            && self.kernel.is_own_address(&name, net.address)
        {
            self.interface_changed(now, &name, out);
        }
        match self.removals.concern(interface, net) {
            true => self.set_dropped_by_us(out),
            false => self.set_dropped(out),
        }
        for (id, at) in news.taken_from {
            if id == STATICS {
                if let Some(address) = self.static_address(at, net).cloned() {
                    self.note_taken(Thing::Address(address.clone()));
                    Self::static_address_taken(address, out);
                }
                continue;
            }
            let Some(slot) = self.instances.get(&id) else { continue };
            let address = slot.instance.addresses().get(at).filter(|address| address.net == net);
            let Some(address) = address.filter(|_| slot.instance.wants_addresses()) else { continue };
            if !self.removals.concern(interface, net) {
                let taken = AddressList::one(net, address.interface.as_str().into());
                let report = Report::AddressesTaken(taken);
                out.push(Action::Report { instance: Some(slot.instance.name().clone()), report });
            }
            let address = address.clone();
            slot.instance.addresses_missing([address.clone()].into(), out);
            self.note_taken(Thing::Address(address));
        }
    }

    /// The neighbours know the virtual addresses there by another Ethernet address.
    pub(super) fn mac_changed(&self, interface: &Name, mac: MacAddr, out: &mut Actions) {
        let ids = self.by_interface.get(interface).into_iter().flatten();
        for slot in ids.filter_map(|id| self.instances.get(id)) {
            slot.instance.mac_changed(interface, mac, out);
        }
    }

    fn source_changed(&mut self, now: Instant, news: &News, out: &mut Actions) {
        if let Some(name) = &news.source_changed {
            self.source_changed_on(now, name, out);
        }
    }

    pub(super) fn source_changed_on(&mut self, now: Instant, name: &str, out: &mut Actions) {
        let ids: Vec<Id> = self.by_interface.get(name).into_iter().flatten().copied().collect();
        for id in ids {
            self.set_missing_links(id, out);
            self.find_ground(now, id, out);
        }
    }

    fn needed_source_changed(&mut self, now: Instant, source: IpAddr, out: &mut Actions) {
        if self.by_source.is_empty() {
            return;
        }
        let ids: Vec<Id> = self.by_source.get(&source).into_iter().flatten().copied().collect();
        for id in ids {
            self.find_ground(now, id, out);
        }
    }

    /// Sets what an instance wants and the kernel does not hold.
    pub(super) fn set_missing(&mut self, id: Id, out: &mut Actions) {
        let Some(slot) = self.instances.get(&id).filter(|slot| slot.instance.wants_addresses()) else {
            return;
        };
        let missing: Vec<VirtualAddress> =
            slot.instance.addresses().iter().filter(|a| !self.kernel.holds(a)).cloned().collect();
        if !missing.is_empty() {
            slot.instance.addresses_missing(missing.into(), out);
        }
    }

    /// What has to be done in the kernel about an address, at this moment.
    pub fn plan(&self, address: &VirtualAddress, out: &mut Vec<Change>) {
        self.kernel.plan(address, |id| self.wants(id), out);
    }

    /// Takes in what became of a change that was made for an instance. One that was refused is tried again.
    pub(in crate::vrrp) fn changed(
        &mut self,
        now: Instant,
        instance: &Name,
        change: Change,
        refusal: Option<&Refusal>,
    ) -> Outcome {
        let outcome = self.kernel.changed(&change, refusal);
        if let (Outcome::ToBeSetAnew, Change::Remove { name, net, .. }) = (outcome, &change) {
            self.retry_address(now, instance, VirtualAddress::new(*net, &**name));
        }
        if let (Outcome::Set, Change::Add { address, .. }) = (outcome, &change)
            && self.kernel.is_own_address(&address.interface, address.net.address)
        {
            // Adverts come from there.
            self.retry(now, Retry::Ground(address.interface.as_str().into()));
        }
        for name in self.kernel.take_resourced() {
            self.retries.push_front((now, Retry::Sourced(name)));
        }
        for entry in self.kernel.take_dropped() {
            self.retry_entry(now, instance, entry);
        }
        if let (Change::Add { address, .. }, None | Some(Refusal::Exists)) = (&change, refusal) {
            self.retry_refused_for(now, instance, address.net.address);
        }
        let mut wait = RETRY;
        if let Change::Add { address, .. } = &change
            && self.note_set(now, &Thing::Address(address.clone()), refusal)
        {
            wait = SOON;
        }
        if let Some(entry) = change.entry() {
            let counts = refusal.is_none() || !self.waits_for_an_address(&entry);
            if change.adds() && counts && self.note_set(now, &Thing::Entry(entry.clone()), refusal) {
                wait = SOON;
            }
            return self.entry_changed(now + wait, instance, entry, outcome, refusal);
        }
        let refused = matches!(outcome, Outcome::Refused { .. });
        if !refused && self.refused.is_empty() {
            return outcome;
        }
        let key = match &change {
            Change::Add { address, .. } => (Name::from(address.interface.as_str()), address.net),
            Change::Remove { name, net, .. } => (name.clone(), *net),
            _ => return outcome,
        };
        if !refused {
            self.refused.remove(&key);
            return outcome;
        }
        let address = match change {
            Change::Add { address, .. } => address,
            Change::Remove { name, net, .. } => VirtualAddress::new(net, &*name),
            _ => return outcome,
        };
        self.retry_address(now + wait, instance, address);
        Outcome::Refused { again: !self.refused.insert(key) }
    }

    /// Those of a job that are to be tried again are tried together.
    fn retry_address(&mut self, at: Instant, instance: &Name, address: VirtualAddress) {
        // The first to come first.
        let behind = self.retries.partition_point(|(other, _)| *other <= at);
        match behind.checked_sub(1).and_then(|last| self.retries.get_mut(last)) {
            Some((last, Retry::Addresses { instance: other, addresses }))
                if *last == at && other == instance =>
            {
                addresses.push(address);
            }
            _ => {
                let (instance, addresses) = (instance.clone(), vec![address]);
                self.retries.insert(behind, (at, Retry::Addresses { instance, addresses }));
            }
        }
    }

    /// Whoever wants them by now sets them: a reload may have given them another name, or another instance.
    pub(super) fn try_addresses_again(
        &mut self,
        instance: Name,
        mut addresses: Vec<VirtualAddress>,
        out: &mut Actions,
    ) {
        let mut wanted: BTreeMap<Id, Vec<VirtualAddress>> = BTreeMap::new();
        addresses.retain(|address| {
            let link: Name = address.interface.as_str().into();
            if self.kernel.is_address_of_own_link(&link, address.net) {
                // No virtual one: it goes with its interface.
                out.push(Action::ApplyLinks { instance: instance.clone(), links: [link].into() });
                return false;
            }
            let mut unwanted = true;
            for (id, at) in self.kernel.configured_with(address) {
                if let Some(configured) = self.static_address(*at, address.net).filter(|_| *id == STATICS) {
                    statics::apply(&[configured.clone()].into(), out);
                    unwanted = false;
                }
                let Some(slot) = self.instances.get(id) else { continue };
                let configured = slot.instance.addresses().get(*at).filter(|a| a.net == address.net);
                if let Some(configured) = configured.filter(|_| slot.instance.wants_addresses()) {
                    wanted.entry(*id).or_default().push(configured.clone());
                    unwanted = false;
                }
            }
            unwanted
        });
        for (id, addresses) in wanted {
            let Some(slot) = self.instances.get(&id) else { continue };
            slot.instance.addresses_missing(addresses.into(), out);
        }
        if !addresses.is_empty() {
            out.push(Action::Apply { instance, addresses: addresses.into() });
        }
    }

    /// Whose pace an address's announcements have; `None` where they are not held up.
    pub(in crate::vrrp) fn pace(&self, address: &VirtualAddress) -> Option<(Lane, Duration)> {
        // What is on a VMAC leaves by the interface below.
        let own = self.kernel.own_links().get(&*address.interface);
        let interface = own.map_or(&*address.interface, |own| &*own.base);
        self.paces.of(interface, Family::of(address.net.address))
    }

    /// The frame that asks whether another host has an address of an instance; none if it is not the instance's now.
    #[must_use]
    pub fn probe(&self, instance: &str, address: &VirtualAddress) -> Option<Frame> {
        let wants = self.instance(instance).is_some_and(|instance| instance.wants_addresses());
        self.kernel.probe(address).filter(|_| wants)
    }

    /// The frame that announces an address of an instance; none if it is not the instance's now.
    #[must_use]
    pub fn frame(&self, instance: &str, address: &VirtualAddress) -> Option<Frame> {
        let wants = self.instance(instance).is_some_and(|instance| instance.wants_addresses());
        self.kernel.frame(address).filter(|_| wants)
    }
}
