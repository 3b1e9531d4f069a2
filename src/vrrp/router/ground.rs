//! What an instance runs on: where its adverts leave, where it listens, and what keeps it from running.
//!
//! What follows from it, the instance decides.

use super::groups::Leave;
use super::{Router, Slot};
use crate::net::Family;
use crate::time::Instant;
use crate::vrrp::event::{
    Action, Actions, Fault, IfIndex, Link, Listen, Name, OwnKind, OwnLink, Report, StateKind, Table,
};
use crate::vrrp::instance::{Ground, Origin};
use crate::vrrp::kernel::Id;
use crate::vrrp::overlay::below;
use crate::vrrp::packet::PRIORITY_OWNER;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The MTU of a way that no interface says.
const USUAL_MTU: u32 = 1500;

/// The interfaces that an instance speaks by.
struct Ways<'a> {
    /// That of the configuration.
    base: Option<Name>,
    /// One of our own on top of it.
    over: Option<&'a OwnLink>,
    /// The same, if adverts leave there.
    speaks_over: Option<&'a OwnLink>,
    /// Where adverts leave; none without an interface.
    own: Option<Name>,
    /// That one, if it is there.
    link: Option<&'a Link>,
}

impl Router {
    /// Finds out where an instance's adverts leave, where it listens, and what keeps it from running.
    pub(super) fn find_ground(&mut self, now: Instant, id: Id, out: &mut Actions) {
        self.set_ground(now, id, out);
        self.synchronise_ground(now, id, out);
    }

    /// The same, without what follows for its sync group.
    pub(super) fn set_ground(&mut self, now: Instant, id: Id, out: &mut Actions) {
        if self.is_moving(id) {
            self.listen(id, None, None, out);
            if let Some(slot) = self.instances.get_mut(&id) {
                slot.instance.lose_origin();
            }
            return;
        }
        let mut weighed = self.weigh(id, out);
        let mut faults = std::mem::take(&mut weighed.faults);
        if self.lost.is_any() {
            faults.extend(self.lost_faults(id));
        }
        let leads = self.leads(id);
        let awaits_links = self.awaits_links(id);
        let expects = self.expects_interfaces();
        let Some(slot) = self.instances.get_mut(&id) else { return };
        for (name, seen) in &mut slot.tracked {
            *seen |= expects || self.kernel.link_named(name).is_some();
        }
        let Some(slot) = self.instances.get(&id) else { return };
        let serves = || slot.instance.addresses().iter().any(|a| self.serving.contains(&a.net.address));
        let config = slot.instance.config();
        let (family, vrid) = (config.family, config.vrid);
        let ways = self.ways(slot);
        let origin = self.origin(slot, &ways);
        let below = self.owned_below(slot, &ways);
        let protocol = slot.instance.protocol();
        let place = match &ways.own {
            None => Some(None),
            Some(_) => ways.link.map(|link| Some(link.index)),
        };
        let listen =
            place.map(|interface| Listen { interface, family, protocol, group: slot.instance.group() });
        let is_deaf = listen.is_some_and(|listen| self.deaf.contains_key(&listen));
        self.add_faults(id, slot, &ways, origin.as_ref(), is_deaf, &mut faults);
        if matches!(self.table, Table::Unavailable(_)) && serves() {
            faults.insert(Fault::NoTable);
        }
        let inherits = self.respawned
            && (slot.instance.addresses().iter().any(|a| self.kernel.holds(a))
                || slot.instance.entries().any(|entry| self.kernel.holds_entry(entry)));
        let is_init = slot.instance.state() == StateKind::Init;
        let is_down = is_init || slot.instance.state() == StateKind::Fault;
        let is_awaited = |fault: &Fault| matches!(fault, Fault::Awaited(_));
        if inherits || self.groups.runs(id) {
            // Its predecessor ran, or its group does: so does it, until it learns that it should not.
            faults.retain(|fault| !is_awaited(fault));
        }
        // Files and processes are read at once: whoever starts knows them all.
        let reads = is_init && faults.iter().any(Fault::is_reading);
        let unknown = reads || is_init && !faults.is_empty() && faults.iter().all(is_awaited);
        if unknown {
            faults.clear();
        }
        let no_table = self.table == Table::Pending && is_init && serves();
        let too_early = leads && faults.is_empty() && is_down && self.startup.is_delayed(now);
        let awaited = no_table || too_early || awaits_links || unknown;
        if !awaits_links {
            self.listen(id, listen, place.map(|interface| (interface, family, protocol, vrid)), out);
        }
        let faulty = !faults.is_empty() && !awaited;
        match self.groups.ask(id, faulty, awaited, reads) {
            Leave::Granted => {}
            Leave::Later => {
                if let Some(slot) = self.instances.get_mut(&id) {
                    (slot.faulty, slot.awaited) = (faulty, awaited);
                    if !no_table && !self.respawned {
                        // What a predecessor left does not wait.
                        slot.instance.give_back(out);
                    }
                }
                return;
            }
            Leave::Held(fault) => drop(faults.insert(fault)),
        }
        let begin = self.startup.begin(now);
        let (deaf, table) = (&self.deaf, &self.table);
        let Some(slot) = self.instances.get_mut(&id) else { return };
        let detail = |fault: &Fault| match (fault, table) {
            (Fault::Deaf(_), _) => listen.and_then(|listen| deaf.get(&listen)).cloned(),
            (Fault::NoTable, Table::Unavailable(reason)) => Some(reason.clone()),
            (Fault::Tracked(object), _) => weighed.detail(object),
            _ => None,
        };
        (slot.faulty, slot.awaited) = (faulty, awaited);
        if std::mem::replace(&mut slot.owned_below, below.is_some()) != below.is_some() {
            let name = slot.instance.name();
            out.extend(below.map(|report| Action::Report { instance: Some(name.clone()), report }));
        }
        slot.instance.set_ground(now, Ground { origin, faults, inherits, begin, leads }, detail, out);
        let (policy, multiplier) = self.buffer_policy;
        let buffer = slot.instance.receive_buffer(policy, multiplier);
        self.set_buffer(id, buffer, out);
        self.reschedule(id);
    }

    /// The interface of the configuration, and the one of our own on top of it, where there is one.
    fn ways<'a>(&'a self, slot: &'a Slot) -> Ways<'a> {
        let config = slot.instance.config();
        let base: Option<Name> = config.way().map(Into::into);
        let over = slot.overlay.own.as_ref();
        let speaks_over = over.filter(|_| !config.link.transmit_on_base);
        let own = speaks_over.map_or_else(|| base.clone(), |over| Some(over.name.clone()));
        let link = own.as_deref().and_then(|name| self.kernel.link_named(name));
        Ways { base, over, speaks_over, own, link }
    }

    /// Whether its owner would answer for one of its addresses with two Ethernet addresses: RFC 9568 §8.1.2.
    fn owned_below(&self, slot: &Slot, ways: &Ways<'_>) -> Option<Report> {
        let over = ways.over.filter(|over| matches!(over.kind, OwnKind::Macvlan(_)))?;
        if slot.instance.config().priority != PRIORITY_OWNER {
            return None;
        }
        let below = self.kernel.link_named(&over.base)?.index;
        let on_it = slot.instance.addresses().iter().filter(|address| *address.interface == *over.name);
        let mut addresses = on_it.map(|address| address.net.address);
        let address = addresses.find(|address| self.kernel.has_address(Some(below), *address))?;
        Some(Report::OwnedBelow { interface: over.base.clone(), address })
    }

    /// Where its adverts leave, if they can.
    fn origin(&self, slot: &Slot, ways: &Ways<'_>) -> Option<Origin> {
        let config = slot.instance.config();
        let owner = config.priority == PRIORITY_OWNER;
        if ways.own.is_none() {
            // Without an interface the routes decide.
            let source = config.source?;
            return Some(Origin { interface: None, source, mtu: USUAL_MTU, ready: true });
        }
        let link = ways.link?;
        let source = match (ways.speaks_over, config.source) {
            (Some(over), source) if config.family == Family::V6 || source.is_none() => {
                self.kernel.own_source(over, config.family, owner)
            }
            (_, Some(source)) => Some(source),
            (_, None) => {
                let source = self.kernel.source(link.index, config.family, owner);
                source.or_else(|| self.source_of_master(slot, link.index))
            }
        }?;
        let mtu = if config.interface.is_some() { link.mtu } else { USUAL_MTU };
        let ready = self.kernel.can_send_from(link.index, source);
        Some(Origin { interface: Some(link.index), source, mtu, ready })
    }

    /// A reload made the address that a master speaks from a virtual one: it goes on with it as long as it is there.
    fn source_of_master(&self, slot: &Slot, interface: IfIndex) -> Option<IpAddr> {
        let source = slot.instance.source().filter(|_| slot.instance.state() == StateKind::Master)?;
        let goes_on = self.kernel.is_virtual(source) && self.kernel.has_address(Some(interface), source);
        goes_on.then_some(source)
    }

    /// What keeps it from running, of its interfaces, its source, its peers and its keys.
    fn add_faults(
        &self,
        id: Id,
        slot: &Slot,
        ways: &Ways<'_>,
        origin: Option<&Origin>,
        is_deaf: bool,
        faults: &mut BTreeSet<Fault>,
    ) {
        let config = slot.instance.config();
        let Ways { base, over, own, link, .. } = ways;
        for name in [base.as_ref(), over.map(|over| &over.name)].into_iter().flatten() {
            if own.as_ref() == Some(name) {
                continue;
            }
            match self.kernel.link_named(name) {
                None => drop(faults.insert(Fault::NoInterface(name.clone()))),
                Some(link) if !self.kernel.is_link_up(link) && !config.link.ignore_faults => {
                    faults.insert(Fault::InterfaceDown(name.clone()));
                }
                Some(_) => {}
            }
        }
        match (own, link) {
            (None, _) if is_deaf => drop(faults.insert(Fault::Deaf("any".into()))),
            (None, _) => {}
            (Some(own), None) => drop(faults.insert(Fault::NoInterface(own.clone()))),
            (Some(own), Some(link)) if !self.kernel.is_link_up(link) && !config.link.ignore_faults => {
                faults.insert(Fault::InterfaceDown(own.clone()));
            }
            (Some(own), Some(_)) => {
                if is_deaf {
                    faults.insert(Fault::Deaf(own.clone()));
                }
                if origin.is_none() {
                    faults.insert(Fault::NoAddress(own.clone()));
                }
            }
        }
        if let Some(source) = config.needed_source() {
            let is_on = |name: &Option<Name>| {
                let link = name.as_deref().and_then(|name| self.kernel.link_named(name));
                (link.is_some() || name.is_none())
                    && self.kernel.has_address(link.map(|link| link.index), source)
            };
            // Without `track_src_ip` it may be on any: what is sent to an address of this host is heard.
            let is_elsewhere = || !config.link.track_source && self.kernel.has_address(None, source);
            if ![own, base].into_iter().any(is_on) && !is_elsewhere() {
                faults.insert(Fault::NoSource(source));
            }
        }
        if config.unicast.as_ref().is_some_and(|unicast| unicast.peers.is_empty()) {
            faults.insert(Fault::NoPeer);
        }
        faults.extend(slot.instance.missing_key().map(Fault::NoKey));
        faults.extend(self.same_vrid(id, slot).map(Fault::SameVrid));
        for (name, _) in slot.tracked.iter().filter(|(_, seen)| *seen) {
            match self.kernel.link_named(name) {
                None => drop(faults.insert(Fault::NoInterface(name.clone()))),
                Some(link) if !self.kernel.is_link_up(link) => {
                    faults.insert(Fault::InterfaceDown(name.clone()));
                }
                Some(_) => {}
            }
        }
    }

    /// Who has the same VRID on the interface that this one's is on top of, or on top of the same. A configuration that
    /// says so is refused; this is for an interface that came later. Of two, the one that runs goes on.
    fn same_vrid(&self, id: Id, slot: &Slot) -> Option<Name> {
        let network = |slot: &Slot| {
            let config = slot.instance.config();
            let name = config.interface.as_deref().filter(|_| config.unicast.is_none())?;
            let link = self.kernel.link_named(name)?;
            Some((below(link)?, link.index))
        };
        let router = |slot: &Slot| {
            let config = slot.instance.config();
            (config.vrid, config.family, slot.instance.group())
        };
        let (ours, index) = network(slot)?;
        if ours == index {
            return None;
        }
        let yields = |other: &Slot| other.instance.faults().iter().any(|f| matches!(f, Fault::SameVrid(_)));
        let runs = |slot: &Slot| matches!(slot.instance.state(), StateKind::Backup | StateKind::Master);
        let goes_first = |other_id: Id, other: &Slot| match network(other) {
            Some((theirs, index)) if theirs == ours && router(other) == router(slot) && !yields(other) => {
                index == ours || (!runs(other), other_id) < (!runs(slot), id)
            }
            _ => false,
        };
        let mut others = self.instances.iter().filter(|(other, _)| **other != id);
        let other = others.find(|(other_id, other)| goes_first(**other_id, other));
        other.map(|(_, other)| other.instance.name().clone())
    }
}
