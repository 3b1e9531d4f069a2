//! What the packet filter is to do: it keeps packets from addresses that are not accepted (`no_accept`), and IGMP and MLD
//! from leaving by VMACs.
//!
//! A switch that hears the virtual router's Ethernet address from a backup sends the packets there; so the interface below
//! says which groups are listened to. Addresses are shut while they are set, as with keepalived: before that nobody can
//! reach them anyway.

use super::{Id, Kernel};
use crate::net::IpNet;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Change, IfIndex, Link, Name, OwnKind, OwnLink};
use std::collections::HashMap;
use std::net::IpAddr;

/// What the packet filter does now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shields {
    vmacs: HashMap<Name, Vmac>,
    /// Addresses that are shut, by interface; with its number where the address is one of that link alone.
    shut: HashMap<(Name, IpAddr), Option<IfIndex>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Vmac {
    index: IfIndex,
    below: IfIndex,
    v4: bool,
    v6: bool,
}

impl Kernel {
    /// Whether IGMP and MLD are kept from leaving by it.
    pub(super) fn is_muzzled(&self, wanted: &OwnLink, link: &Link) -> bool {
        self.muzzle(wanted, link) == self.shields.vmacs.get(&wanted.name).copied()
    }

    fn muzzle(&self, wanted: &OwnLink, link: &Link) -> Option<Vmac> {
        let (v4, v6) = (wanted.v4 && !self.wanted.igmp_is_off, wanted.v6);
        let below = link.make.below.filter(|_| matches!(wanted.kind, OwnKind::Macvlan(_)) && (v4 || v6))?;
        Some(Vmac { index: link.index, below, v4, v6 })
    }

    /// What is to be done about the packet filter for an interface of our own, which is there or not.
    pub(super) fn plan_muzzle(&self, name: &Name, there: Option<(&OwnLink, &Link)>, out: &mut Vec<Change>) {
        let now = self.shields.vmacs.get(name).copied();
        let wanted = there.and_then(|(wanted, link)| self.muzzle(wanted, link));
        if now == wanted {
            return;
        }
        let change = |Vmac { index, below, v4, v6 }, on| Change::Muzzle {
            name: name.clone(),
            interface: index,
            below,
            v4,
            v6,
            on,
        };
        out.extend(now.map(|vmac| change(vmac, false)));
        out.extend(wanted.map(|vmac| change(vmac, true)));
    }

    /// What is to be done about the packet filter for an address.
    pub(super) fn plan_shut(
        &self,
        address: &VirtualAddress,
        is_set_by: impl Fn(&IpNet) -> bool,
        out: &mut Vec<Change>,
    ) {
        if self.wanted.not_accepted.is_empty() && self.shields.shut.is_empty() {
            return;
        }
        let (key, ip) = ((Name::from(address.interface.as_str()), address.net.address), address.net.address);
        let shut = self.shields.shut.get(&key);
        let link = self.links.index_of(&address.interface);
        let wanted = self.wanted.not_accepted.contains(&key) && is_set_by(&address.net);
        let interface = match ip {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => link,
            _ => None,
        };
        let change = |interface, on| Change::Shut { name: key.0.clone(), address: ip, interface, on };
        match (shut, link) {
            (None, Some(_)) if wanted => out.push(change(interface, true)),
            (Some(before), _) if !wanted => out.push(change(*before, false)),
            (Some(before), Some(_)) if *before != interface => {
                out.push(change(*before, false));
                out.push(change(interface, true));
            }
            _ => {}
        }
    }

    /// Takes in what became of it. What was refused was said, and is not tried again by itself.
    pub(super) fn shields_changed(&mut self, change: &Change) {
        match change {
            Change::Muzzle { name, interface, below, v4, v6, on } => {
                let vmac = Vmac { index: *interface, below: *below, v4: *v4, v6: *v6 };
                match on {
                    true => drop(self.shields.vmacs.insert(name.clone(), vmac)),
                    false => drop(self.shields.vmacs.remove(name)),
                }
            }
            Change::Shut { name, address, interface, on } => {
                let key = (name.clone(), *address);
                match on {
                    true => drop(self.shields.shut.insert(key, *interface)),
                    false => drop(self.shields.shut.remove(&key)),
                }
            }
            _ => {}
        }
    }

    /// Whether some instance wants the address there.
    pub(super) fn is_wanted_by(&self, name: &str, net: &IpNet, wants: &impl Fn(Id) -> bool) -> bool {
        self.wanted.by(name, net).iter().any(|(id, _)| wants(*id))
    }
}
