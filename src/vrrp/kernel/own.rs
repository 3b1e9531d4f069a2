//! Interfaces of our own: which of them are wanted, and what is to be done about each.
//!
//! One that is there with the right base, kind and Ethernet address is taken as it is, whoever made it. One of that name
//! that differs makes room if it is a macvlan or ipvlan, and never otherwise: then the kernel's refusal is told.

use super::Kernel;
use crate::net::{Family, IpNet, MacAddr};
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::config::address::Lifetime;
use crate::vrrp::event::{
    Change, IfIndex, Link, LinkKind, Name, NewLink, OwnAddress, OwnKind, OwnLink, Refusal,
};
use crate::vrrp::overlay::below;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};

/// What is known of interfaces of our own beyond what the kernel tells.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Own {
    /// Those of former configurations that were not removed yet.
    former: HashMap<Name, OwnLink>,
    /// Those that an earlier run has left, and nobody wants.
    pub(super) abandoned: HashSet<IfIndex>,
    /// Just made: it is about to come up. With the number of the one that it replaces, until that is told to be gone.
    fresh: HashMap<Name, Option<IfIndex>>,
    /// The kernel did not make or remove it.
    refused: HashSet<Name>,
    /// What the last configuration wants otherwise than it is: until that is there, who runs on it waits.
    remade: HashSet<Name>,
}

/// What became of an interface of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vrrp) enum LinkOutcome {
    /// It was made.
    Made,
    /// It was removed.
    Removed,
    /// It is as it is wanted already.
    AsWanted,
    /// It was refused, and the last time, too.
    RefusedAgain,
    /// It was refused.
    Refused,
}

impl Own {
    pub(super) fn fresh(&self) -> impl Iterator<Item = &Name> {
        self.fresh.keys()
    }

    /// It is gone: one that was made meanwhile has another number, and its news follow.
    pub(super) fn gone(&mut self, name: &Name, index: Option<IfIndex>, wanted: &HashMap<Name, OwnLink>) {
        if let Some(index) = index {
            self.abandoned.remove(&index);
        }
        match self.fresh.get_mut(name) {
            // It was replaced, and its successor is about to come up.
            Some(before) if before.is_some() && *before == index => *before = None,
            _ => {
                if self.fresh.remove(name).is_some() {
                    // Somebody took it.
                    self.remade.remove(name);
                }
            }
        }
        // What was refused may succeed now on another interface below. That one of its name went is no reason: the kernel may
        // make it, refuse to set it up, and tell of its end; it is tried again in its time.
        self.refused.retain(|link| match wanted.get(link) {
            Some(own) => own.base != *name,
            None => link != name,
        });
    }
}

impl Kernel {
    /// Every interface.
    pub(in crate::vrrp) fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().map(|known| &known.link)
    }

    /// The interfaces of our own that are wanted now.
    pub(in crate::vrrp) const fn own_links(&self) -> &HashMap<Name, OwnLink> {
        &self.wanted.links
    }

    /// A configuration takes the place of the former one: what only that one wanted is to be removed.
    pub(super) fn forget_own_links(&mut self, former: HashMap<Name, OwnLink>) {
        // What is wanted otherwise may succeed, and is tried at once.
        let is_same =
            |name: &Name| former.get(name).is_some_and(|own| self.wanted.links.get(name) == Some(own));
        self.own.refused.retain(is_same);
        self.own.former.extend(former);
        self.own.former.retain(|name, _| !self.wanted.links.contains_key(name));
        let differs = |wanted: &&OwnLink| {
            !self.link_named(&wanted.name).is_some_and(|link| {
                self.is_as_wanted(wanted, link) && self.has_own_address(wanted, link.index)
            })
        };
        self.own.remade = self.wanted.links.values().filter(differs).map(|own| own.name.clone()).collect();
    }

    /// Whether a reload has it made anew: not yet, but soon.
    pub(in crate::vrrp) fn is_link_remade(&self, wanted: &OwnLink) -> bool {
        self.own.remade.contains(&wanted.name) && self.is_link_pending(wanted)
    }

    /// Whether it is there, and a reload gives it an address that adverts are to come from.
    pub(in crate::vrrp) fn is_link_readdressed(&self, wanted: &OwnLink) -> bool {
        self.own.remade.contains(&wanted.name)
            && self.link_named(&wanted.name).is_some_and(|link| self.is_as_wanted(wanted, link))
    }

    /// It is there, or will not be.
    pub(in crate::vrrp) fn link_was_remade(&mut self, name: &Name) {
        self.own.remade.remove(name);
    }

    /// Whether the interface is about to be made, or to come up: nothing is said of it until then.
    pub(in crate::vrrp) fn is_link_pending(&self, wanted: &OwnLink) -> bool {
        let (name, own) = (&wanted.name, &self.own);
        let Some(base) = self.link_named(&wanted.base) else { return false };
        if own.refused.contains(name) {
            return false;
        }
        match self.link_named(name) {
            Some(link) if self.is_as_wanted(wanted, link) => {
                let ready = self.has_own_address(wanted, link.index) && self.is_muzzled(wanted, link);
                (own.fresh.contains_key(name) || own.remade.contains(name)) && base.up && !ready
            }
            _ => true,
        }
    }

    /// Whether packets can pass. While one that was just made comes up, the interface below has the say.
    pub(in crate::vrrp) fn is_link_up(&self, link: &Link) -> bool {
        link.up
            || (self.own.fresh.contains_key(&link.name)
                && self
                    .wanted
                    .links
                    .get(&link.name)
                    .is_some_and(|wanted| self.link_named(&wanted.base).is_some_and(|base| base.up)))
    }

    /// Whether only a former configuration wants it: it is to be removed.
    pub(in crate::vrrp) fn is_former_link(&self, name: &Name) -> bool {
        self.own.former.contains_key(name)
    }

    /// Whether it was refused, and waits to be tried again.
    pub(in crate::vrrp) fn is_link_refused(&self, name: &Name) -> bool {
        self.own.refused.contains(name)
    }

    /// It has had the time to come up; true if it had not been waited for before.
    pub(in crate::vrrp) fn stop_waiting_for_link(&mut self, name: &Name) -> bool {
        let was_remade = self.own.remade.remove(name);
        self.own.fresh.remove(name).is_some() || was_remade
    }

    /// What is to be done about the interface of that name.
    pub(in crate::vrrp) fn plan_link(&self, name: &Name, out: &mut Vec<Change>) {
        let there = self.link_named(name);
        let Some(wanted) = self.wanted.links.get(name) else {
            self.plan_settings(name, out);
            self.plan_muzzle(name, None, out);
            let Some(link) = there else { return };
            let former = self.own.former.get(name);
            let former = former.filter(|own| self.is_as_wanted(own, link) || self.is_left_above(own, link));
            if former.is_some() || self.own.abandoned.contains(&link.index) {
                out.push(self.removal(link, former.is_some_and(|former| former.notify)));
            }
            return;
        };
        match there {
            Some(link) if self.is_as_wanted(wanted, link) => {
                self.plan_muzzle(name, Some((wanted, link)), out);
                self.plan_own_address(wanted, link.index, out);
            }
            there => {
                self.plan_muzzle(name, None, out);
                let Some(base) = self.link_named(&wanted.base) else {
                    let left = there.filter(|link| self.is_left_above(wanted, link));
                    out.extend(left.map(|link| self.removal(link, wanted.notify)));
                    return;
                };
                if self.own.fresh.contains_key(name) && there.is_none() {
                    return;
                }
                if let Some(link) = there.filter(|link| link.make.kind.is_overlay()) {
                    out.push(self.removal(link, false));
                }
                // No two of one interface have the same Ethernet address.
                if matches!(wanted.kind, OwnKind::Macvlan(mac) if self.links.has_mac(mac)) {
                    let others = self.own.former.keys().chain(self.wanted.links.keys());
                    let others = others.filter(|other| *other != name);
                    let others = others.filter_map(|other| self.link_named(other));
                    let same = others.filter(|other| self.is_as_wanted(wanted, other));
                    out.extend(same.map(|other| self.removal(other, false)));
                }
                let controller = base.make.controller.and_then(|index| self.links.get(index));
                let vrf = controller.filter(|known| known.link.make.kind == LinkKind::Vrf);
                out.push(Change::AddLink(Box::new(NewLink {
                    link: wanted.clone(),
                    base: base.index,
                    vrf: vrf.map(|known| known.link.index),
                    group: wanted.group.unwrap_or(base.make.group),
                })));
            }
        }
    }

    fn removal(&self, link: &Link, notify: bool) -> Change {
        let notify = link.make.below.filter(|_| notify);
        Change::RemoveLink { interface: link.index, name: link.name.clone(), notify }
    }

    fn is_as_wanted(&self, wanted: &OwnLink, link: &Link) -> bool {
        let lies_right = self.link_named(&wanted.base).is_some_and(|base| link.make.below == below(base));
        lies_right
            && match wanted.kind {
                OwnKind::Macvlan(mac) => link.make.kind == LinkKind::PrivateMacvlan && link.mac == Some(mac),
                OwnKind::Ipvlan(mode) => link.make.kind == LinkKind::IpvlanL2(mode),
            }
    }

    /// Whether it is one that this program made, and the interface below has another name now.
    fn is_left_above(&self, own: &OwnLink, link: &Link) -> bool {
        link.make.ours && link.make.kind.is_overlay() && self.link_named(&own.base).is_none()
    }

    /// Whether the interface of that number is the one that is wanted, whatever its name.
    pub(in crate::vrrp) fn is_link_of(&self, wanted: &OwnLink, index: IfIndex) -> bool {
        let is_it = |link: &Link| match wanted.kind {
            OwnKind::Macvlan(_) => self.is_as_wanted(wanted, link),
            OwnKind::Ipvlan(_) => link.name == wanted.name,
        };
        self.links.get(index).is_some_and(|known| is_it(&known.link))
    }

    /// The address that is set on it as long as it is there; none where it has none, or it can't be known yet.
    fn own_address(&self, wanted: &OwnLink) -> Option<IpNet> {
        match wanted.address {
            OwnAddress::None => None,
            OwnAddress::Fixed(net) => Some(net),
            OwnAddress::LinkLocalOfBase => {
                let base = self.link_named(&wanted.base)?;
                let real = self.source(base.index, Family::V6, false);
                let address = real.or_else(|| base.mac.map(|mac| IpAddr::V6(link_local(mac))))?;
                Some(IpNet { address, prefix_len: 64 })
            }
        }
    }

    fn has_own_address(&self, wanted: &OwnLink, index: IfIndex) -> bool {
        match wanted.address {
            OwnAddress::None => true,
            _ => self.own_address(wanted).is_some_and(|net| self.links.held(index, net).is_some()),
        }
    }

    fn plan_own_address(&self, wanted: &OwnLink, index: IfIndex, out: &mut Vec<Change>) {
        let Some(net) = self.own_address(wanted) else { return };
        let Some(known) = self.links.get(index).filter(|known| known.link.up) else { return };
        if wanted.address == OwnAddress::LinkLocalOfBase {
            // The base had another one before.
            for (&address, all) in &known.addresses {
                let is_link_local = matches!(address, IpAddr::V6(a) if a.is_unicast_link_local());
                if !is_link_local || address == net.address || self.wanted.has(&wanted.name, address) {
                    continue;
                }
                let nets =
                    all.iter().map(|held| (IpNet { address, prefix_len: held.prefix_len }, *held.peer));
                out.extend(nets.map(|(net, peer)| Change::Remove {
                    interface: index,
                    name: wanted.name.clone(),
                    net,
                    peer,
                }));
            }
        }
        if known.held(net).is_none() {
            let mut address = VirtualAddress::new(net, &*wanted.name);
            // Only adverts come from there.
            if Family::of(net.address) == Family::V6 {
                address.preferred_lft = Lifetime::Seconds(0);
            }
            out.push(Change::Add { interface: index, address });
        }
    }

    /// Where the adverts come from that leave by this interface; none until it has that address.
    pub(in crate::vrrp) fn own_source(
        &self,
        wanted: &OwnLink,
        family: Family,
        owner: bool,
    ) -> Option<IpAddr> {
        let link = self.link_named(&wanted.name)?;
        match (wanted.address, wanted.kind, family) {
            (OwnAddress::None, OwnKind::Ipvlan(_), Family::V6) => self.source(link.index, family, false),
            (OwnAddress::None, ..) => {
                let base = self.link_named(&wanted.base)?;
                self.source(base.index, family, owner)
            }
            _ => {
                let net = self.own_address(wanted)?;
                self.links.held(link.index, net).map(|_| net.address)
            }
        }
    }

    /// Whether adverts come from there: the address that is set on an interface of our own as long as that is there.
    pub(in crate::vrrp) fn is_address_of_own_link(&self, interface: &Name, net: IpNet) -> bool {
        self.wanted.links.get(interface).is_some_and(|wanted| self.own_address(wanted) == Some(net))
    }

    /// Whether this is the address of an interface of our own that is no virtual one.
    pub(in crate::vrrp) fn is_own_address(&self, interface: &str, address: IpAddr) -> bool {
        self.wanted.links.contains_key(interface) && !self.wanted.has(interface, address)
    }

    /// Whether it is one that adverts may come from which leave by that interface of our own.
    pub(super) fn is_speaking_address(&self, interface: &Name, address: IpAddr) -> bool {
        self.wanted.links.get(interface).is_some_and(|wanted| match wanted.address {
            OwnAddress::None => false,
            OwnAddress::Fixed(net) => net.address == address,
            OwnAddress::LinkLocalOfBase => matches!(address, IpAddr::V6(a) if a.is_unicast_link_local()),
        })
    }

    /// Takes in what became of an interface.
    pub(in crate::vrrp) fn link_changed(
        &mut self,
        change: &Change,
        refusal: Option<&Refusal>,
    ) -> Option<(Name, LinkOutcome)> {
        let own = &mut self.own;
        Some(match (change, refusal) {
            (Change::AddLink(new), None) => {
                let name = new.link.name.clone();
                own.refused.remove(&name);
                own.fresh.insert(name.clone(), self.links.index_of(&name));
                if !self.wanted.links.contains_key(&name) {
                    // A reload has come meanwhile.
                    own.former.insert(name.clone(), new.link.clone());
                }
                (name, LinkOutcome::Made)
            }
            (
                Change::RemoveLink { interface, name, .. },
                None | Some(Refusal::NotThere | Refusal::NoInterface),
            ) => {
                let name = name.clone();
                own.refused.remove(&name);
                // Its successor may be there already.
                if own.fresh.get(&name) != Some(&Some(*interface)) {
                    own.fresh.remove(&name);
                }
                let removed = refusal.is_none();
                if self.links.index_of(&name) == Some(*interface) && !self.wanted.links.contains_key(&name) {
                    own.former.remove(&name);
                }
                (name, if removed { LinkOutcome::Removed } else { LinkOutcome::AsWanted })
            }
            (Change::AddLink(new), Some(Refusal::Exists)) if own.fresh.contains_key(&new.link.name) => {
                (new.link.name.clone(), LinkOutcome::AsWanted)
            }
            (Change::AddLink(new), Some(_)) => self.refuse(new.link.name.clone()),
            (Change::RemoveLink { name, .. }, Some(_)) => self.refuse(name.clone()),
            (Change::Muzzle { .. } | Change::Shut { .. }, _) => {
                self.shields_changed(change);
                return None;
            }
            (Change::Set { .. } | Change::CheckReversePaths(_), _) => {
                self.settings_changed(change, refusal);
                return None;
            }
            (
                Change::Add { .. }
                | Change::Remove { .. }
                | Change::AddRoute { .. }
                | Change::RemoveRoute { .. }
                | Change::AddRule { .. }
                | Change::RemoveRule { .. },
                _,
            ) => return None,
        })
    }

    fn refuse(&mut self, name: Name) -> (Name, LinkOutcome) {
        let outcome = match self.own.refused.insert(name.clone()) {
            true => LinkOutcome::Refused,
            false => LinkOutcome::RefusedAgain,
        };
        (name, outcome)
    }
}

/// The link-local address that an interface makes of its Ethernet address (RFC 4291, appendix A).
fn link_local(MacAddr([a, b, c, d, e, f]): MacAddr) -> Ipv6Addr {
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}
