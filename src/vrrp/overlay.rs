//! Which interfaces of our own instances need, and how they are called: VMACs (`use_vmac`, `use_vmac_addr`) and ipvlans.
//!
//! Decided once for each configuration, before anything of it is carried out: from then on an address that belongs on a
//! VMAC names it as its interface, as if the file had. Making and removing them is `vrrp::kernel`'s.
//!
//! Names are keepalived's: the configured one; else that of a VMAC which is there already with the right base and
//! Ethernet address (an earlier run left it); else `PREFIX.VRID`, for IPv6 `PREFIX6.VRID` where that is taken, and then
//! `PREFIX1.VRID` and on.

use super::config::{self, Defaults, Vrid};
use super::event::{IfIndex, Link, LinkKind, Name, OwnAddress, OwnKind, OwnLink};
use super::rare::usual;
use crate::net::{Family, IpNet, MacAddr};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The longest name of an interface (`IFNAMSIZ` without its end).
const LONGEST: usize = 15;

/// The interfaces of our own that an instance needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Overlay {
    /// Its own: its adverts leave there, unless they use the interface below.
    pub(super) own: Option<OwnLink>,
    /// Those of addresses elsewhere.
    pub(super) others: Vec<OwnLink>,
    /// An interface whose settings follow from it: `promote_secondaries`.
    pub(super) promotes: Option<Name>,
    /// The configured name, if an interface of another kind bears it already.
    pub(super) taken: Option<Name>,
}

usual!(Overlay);

impl Overlay {
    pub(super) fn links(&self) -> impl Iterator<Item = &OwnLink> {
        self.own.iter().chain(&self.others)
    }

    /// The names of all interfaces that something is to be done about: those below first.
    pub(super) fn names(&self) -> impl DoubleEndedIterator<Item = &Name> {
        let links = || self.own.iter().chain(&self.others);
        let below = links().map(|link| &link.base).chain(&self.promotes);
        below.chain(links().map(|link| &link.name))
    }
}

/// The Ethernet address of a virtual router (RFC 9568 §7.3).
pub(super) const fn virtual_mac(family: Family, vrid: Vrid) -> MacAddr {
    let family = match family {
        Family::V4 => 1,
        Family::V6 => 2,
    };
    MacAddr([0x00, 0x00, 0x5e, 0x00, family, vrid.get()])
}

/// Gives interfaces their names, one instance after the other.
#[derive(Debug)]
pub(super) struct Names<'a> {
    defaults: &'a Defaults,
    /// What is there: by name, and VMACs by what they are.
    links: HashMap<&'a str, &'a Link>,
    vmacs: HashMap<(IfIndex, MacAddr), &'a Name>,
    /// What the configuration before this one has made.
    former: &'a HashMap<Name, OwnLink>,
    /// What this configuration names.
    taken: HashSet<Name>,
    /// What was decided: one VMAC for whoever needs the same.
    decided: HashMap<(Name, MacAddr), Name>,
}

impl<'a> Names<'a> {
    pub(super) fn new<'b>(
        defaults: &'a Defaults,
        links: impl Iterator<Item = &'a Link>,
        former: &'a HashMap<Name, OwnLink>,
        instances: impl Iterator<Item = &'b config::Instance>,
    ) -> Names<'a> {
        let links: HashMap<&str, &Link> = links.map(|link| (&*link.name, link)).collect();
        let vmacs = links.values().filter(|link| link.make.kind == LinkKind::PrivateMacvlan);
        let vmacs = vmacs.filter_map(|link| Some(((link.make.below?, link.mac?), &link.name))).collect();
        let mut taken = HashSet::new();
        for instance in instances {
            let own = instance.link.own_name();
            taken.extend([own, instance.interface.as_deref()].into_iter().flatten().map(Name::from));
        }
        Names { defaults, links, vmacs, former, taken, decided: HashMap::new() }
    }

    /// What the instance needs. Its own interface's name, and those of its addresses, are written into it.
    pub(super) fn overlay(&mut self, instance: &mut config::Instance) -> Overlay {
        let mut overlay = Overlay::default();
        let Some(base) = instance.interface.clone() else { return overlay };
        overlay.promotes = instance.link.promote_secondaries.then(|| base.as_str().into());
        let (family, vrid, on_base) = (instance.family, instance.vrid, instance.link.transmit_on_base);
        let mut needs: BTreeMap<Name, OwnLink> = BTreeMap::new();
        let fixed_mac = instance.link.vmac.as_ref().and_then(|vmac| vmac.mac);
        let mac_of = |family| fixed_mac.unwrap_or(virtual_mac(family, vrid));
        if let Some(vmac) = &mut instance.link.vmac {
            let address = match (family, instance.source) {
                (Family::V6, _) if on_base => OwnAddress::None,
                (Family::V6, None) => OwnAddress::LinkLocalOfBase,
                (Family::V6, Some(source)) => OwnAddress::Fixed(IpNet { address: source, prefix_len: 64 }),
                (Family::V4, _) => OwnAddress::None,
            };
            let wish = vmac.name.as_deref();
            if let Some(name) = wish.filter(|name| self.is_foreign(name)) {
                overlay.taken = Some(name.into());
            }
            let prefix = &self.defaults.vmac_prefix;
            let name = self.macvlan(wish, prefix, &base, mac_of(family), family, vrid);
            vmac.name = Some(name.to_string());
            overlay.own = Some(OwnLink {
                name,
                base: base.as_str().into(),
                kind: OwnKind::Macvlan(mac_of(family)),
                group: vmac.group,
                v4: family == Family::V4,
                v6: family == Family::V6,
                address,
                notify: vmac.notify_neighbours,
            });
        } else if let Some(ipvlan) = &mut instance.link.ipvlan {
            let wish = ipvlan.name.as_deref().filter(|name| !self.is_foreign(name));
            let name = match wish {
                Some(name) => name.into(),
                None => self.new_name(&self.defaults.vmac_prefix, family, vrid, |known| {
                    known.make.kind == LinkKind::IpvlanL2(ipvlan.mode)
                }),
            };
            self.taken.insert(name.clone());
            ipvlan.name = Some(name.to_string());
            overlay.own = Some(OwnLink {
                name,
                base: base.as_str().into(),
                kind: OwnKind::Ipvlan(ipvlan.mode),
                group: ipvlan.group,
                v4: false,
                v6: family == Family::V6,
                address: ipvlan.address.map_or(OwnAddress::None, OwnAddress::Fixed),
                notify: false,
            });
        }
        let has_vmac = instance.link.vmac.is_some();
        for address in instance.addresses.iter_mut().chain(instance.excluded.iter_mut()) {
            let of = Family::of(address.net.address);
            if let Some(own) = overlay.own.as_mut().filter(|own| *own.name == *address.interface) {
                // Named as its device, whatever the instance's family: without IPv6 on it, the kernel would refuse it.
                own.v6 |= of == Family::V6;
                own.v4 |= of == Family::V4 && has_vmac;
                continue;
            }
            let at_home = address.interface == base;
            if at_home && has_vmac && of == family {
                if let Some(own) = &mut overlay.own {
                    own.v6 |= of == Family::V6;
                    address.interface = own.name.clone();
                }
                continue;
            }
            let elsewhere = !at_home || of != family;
            if !(address.use_vmac || instance.link.vmac_for_addresses && elsewhere) {
                continue;
            }
            let below = address.interface.clone();
            let prefix = self.defaults.vmac_addr_prefix.as_ref().unwrap_or(&self.defaults.vmac_prefix);
            let mac = mac_of(of);
            let name = self.macvlan(None, prefix, &below, mac, of, vrid);
            address.interface = name.clone();
            needs.entry(name.clone()).or_insert_with(|| OwnLink {
                name,
                base: below,
                kind: OwnKind::Macvlan(mac),
                group: None,
                v4: of == Family::V4,
                v6: of == Family::V6,
                address: match of {
                    Family::V4 => OwnAddress::None,
                    Family::V6 => OwnAddress::LinkLocalOfBase,
                },
                notify: false,
            });
        }
        overlay.others = needs.into_values().collect();
        overlay
    }

    fn macvlan(
        &mut self,
        wish: Option<&str>,
        prefix: &str,
        base: &str,
        mac: MacAddr,
        family: Family,
        vrid: Vrid,
    ) -> Name {
        let key = (Name::from(base), mac);
        if let Some(name) = self.decided.get(&key) {
            return name.clone();
        }
        let below = self.links.get(base).and_then(|link| below(link));
        let there = below.and_then(|below| self.vmacs.get(&(below, mac))).copied();
        let name = match (wish, there) {
            // One that an earlier run has left, under whatever name. What the last configuration made can be made anew.
            (Some(wish), Some(there)) if self.former.contains_key(there) => wish.into(),
            (_, Some(there)) => there.clone(),
            (Some(wish), None) if !self.is_foreign(wish) => wish.into(),
            (_, None) => self.new_name(prefix, family, vrid, |_| false),
        };
        self.taken.insert(name.clone());
        self.decided.insert(key, name.clone());
        name
    }

    /// An interface of that name is there, and nothing that could make room.
    fn is_foreign(&self, name: &str) -> bool {
        self.links.get(name).is_some_and(|link| !link.make.kind.is_overlay())
    }

    /// A name that nobody else has.
    fn new_name(&self, prefix: &str, family: Family, vrid: Vrid, is_ours: impl Fn(&Link) -> bool) -> Name {
        let name = |number: Option<u32>| -> Name {
            let end = format!("{}.{vrid}", number.map(|n| n.to_string()).unwrap_or_default());
            let room = LONGEST.saturating_sub(end.len());
            let prefix: String = prefix
                .chars()
                .scan(0, |len, c| {
                    *len += c.len_utf8();
                    (*len <= room).then_some(c)
                })
                .collect();
            (prefix + &end).as_str().into()
        };
        let numbers = match family {
            Family::V4 => [None, None],
            Family::V6 => [None, Some(6)],
        };
        let rest = (1..).filter(|n| family == Family::V4 || *n != 6).map(Some);
        let is_free = |name: &Name| {
            let known = self.links.get(&**name);
            !self.taken.contains(name) && known.is_none_or(|link| is_ours(link))
        };
        numbers.into_iter().chain(rest).map(name).find(is_free).unwrap_or_else(|| prefix.into())
    }
}

/// What an interface on top of this one lies on in truth: the kernel builds no macvlan on another one.
pub(super) const fn below(link: &Link) -> Option<IfIndex> {
    match link.make.kind {
        LinkKind::PrivateMacvlan | LinkKind::Macvlan | LinkKind::IpvlanL2(_) | LinkKind::Ipvlan => {
            link.make.below
        }
        LinkKind::Other | LinkKind::Vrf => Some(link.index),
    }
}

#[cfg(test)]
mod tests;
