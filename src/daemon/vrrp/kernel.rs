//! Between the words of rtnetlink and those of the engine: links, addresses, changes, refusals; `entries` has routes and
//! rules.

pub(super) mod entries;

use crate::netlink::route::{self, AddressChange, AddressFlags, Client, Mode, Problem};
use crate::netlink::{self, Failure};
use crate::sys::raw;
use crate::vrrp::config::address::Lifetime;
use crate::vrrp::config::route::Insert;
use crate::vrrp::config::{IpvlanMode, VirtualAddress};
use crate::vrrp::event::{
    Address, AddressState, Change, IfIndex, Link, LinkKind, Make, Refusal, Settings, Snapshot,
};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// By this number (`IFA_PROTO`) addresses that we set are known as ours: VRRP's protocol number.
const OURS: u8 = raw::PROTOCOL;

/// By this (`IFLA_IFALIAS`) interfaces that we made are known as ours, and to people.
pub(super) const ALIAS: &str = "vipd";

/// `IPVLAN_F_*`
pub(super) const PRIVATE: u16 = 1;
pub(super) const VEPA: u16 = 2;

/// All links and addresses, the routes with these protocol numbers, and rules.
pub(super) fn snapshot(
    client: &mut Client,
    protocols: &BTreeSet<u8>,
    rules: bool,
) -> Result<Snapshot, netlink::Error> {
    let links = client.links()?.into_iter().map(link).collect();
    let addresses = client.addresses(None)?.iter().map(address).collect();
    let routes = client.routes(protocols)?.iter().map(entries::found).collect();
    let rules = if rules { client.rules()? } else { Vec::new() };
    let rules = rules.iter().filter_map(entries::rule).collect();
    Ok(Snapshot { links, addresses, routes, rules })
}

/// A link in the engine's words.
pub(super) fn link(link: route::Link) -> Link {
    Link {
        index: IfIndex(link.index),
        up: link.is_up(),
        mtu: link.mtu,
        mac: link.mac,
        forwards: link.forwards_v6,
        make: make(&link),
        v4: {
            let [arp_ignore, arp_filter, arp_announce, promote_secondaries] = link.v4;
            Settings { arp_ignore, arp_filter, arp_announce, promote_secondaries }
        },
        table: link.table,
        name: link.name.into(),
    }
}

fn make(link: &route::Link) -> Make {
    let kind = match (link.kind.as_deref(), link.mode) {
        (Some("macvlan"), Some(Mode::PrivateMacvlan)) => LinkKind::PrivateMacvlan,
        (Some("macvlan"), _) => LinkKind::Macvlan,
        (Some("ipvlan"), Some(Mode::IpvlanL2(flags))) => LinkKind::IpvlanL2(match flags & (PRIVATE | VEPA) {
            PRIVATE => IpvlanMode::Private,
            VEPA => IpvlanMode::Vepa,
            _ => IpvlanMode::Bridge,
        }),
        (Some("ipvlan"), _) => LinkKind::Ipvlan,
        (Some("vrf"), _) => LinkKind::Vrf,
        _ => LinkKind::Other,
    };
    Make {
        kind,
        below: link.lower.filter(|_| !link.lower_is_elsewhere).map(IfIndex),
        controller: link.controller.map(IfIndex),
        group: link.group,
        ours: link.alias.as_deref() == Some(ALIAS),
    }
}

/// An address in the engine's words.
pub(super) fn address(address: &route::Address) -> Address {
    Address {
        interface: IfIndex(address.interface),
        net: address.net,
        peer: address.peer,
        state: state(address.flags),
        ours: address.protocol == OURS,
    }
}

/// An optimistic address (RFC 4429) is used while it is tentative.
fn state(flags: AddressFlags) -> AddressState {
    if flags.contains(AddressFlags::DADFAILED) {
        AddressState::Duplicate
    } else if flags.contains(AddressFlags::TENTATIVE) && !flags.contains(AddressFlags::OPTIMISTIC) {
        AddressState::Tentative
    } else {
        AddressState::Usable
    }
}

/// A change in the kernel's words; none for one of a link.
pub(super) fn change(change: &Change) -> Option<route::Change> {
    Some(match change {
        Change::Add { interface, address } => AddressChange::Add(kernel_address(interface.0, address)).into(),
        Change::Remove { interface, net, peer, .. } => {
            let mut address = route::Address::new(interface.0, *net);
            address.peer = *peer;
            AddressChange::Delete(address).into()
        }
        Change::AddRoute { route, place } => {
            let at = match route.insert {
                Insert::Prepend => route::Place::First,
                Insert::Append => route::Place::Last,
                Insert::Add => route::Place::Only,
            };
            route::Change::AddRoute(entries::kernel_route(route, place), at)
        }
        Change::RemoveRoute { route, place } => {
            route::Change::DeleteRoute(entries::kernel_route(route, place))
        }
        Change::AddRule { rule } => route::Change::AddRule(entries::kernel_rule(rule)),
        Change::RemoveRule { rule } => route::Change::DeleteRule(entries::kernel_rule(rule)),
        Change::AddLink(_)
        | Change::RemoveLink { .. }
        | Change::Set { .. }
        | Change::CheckReversePaths(_)
        | Change::Muzzle { .. }
        | Change::Shut { .. } => return None,
    })
}

/// Why not, in the engine's words.
pub(super) fn refusal(problem: Problem) -> Refusal {
    match problem {
        Problem::Exists => Refusal::Exists,
        Problem::NotThere => Refusal::NotThere,
        Problem::NoInterface => Refusal::NoInterface,
        Problem::Other(Failure::Unknown) => Refusal::NoMemory,
        Problem::Other(Failure::Refused(refusal))
            if matches!(refusal.errno, Errno::ENOMEM | Errno::ENOBUFS) =>
        {
            Refusal::NoMemory
        }
        other @ Problem::Other(_) => Refusal::Other(other.to_string().into()),
    }
}

/// As keepalived sets them: no duplicate address detection (the old master may still have the address).
fn kernel_address(index: u32, address: &VirtualAddress) -> route::Address {
    let mut kernel = route::Address::new(index, address.net);
    kernel.protocol = OURS;
    kernel.peer = *address.peer;
    let flags = &address.flags;
    kernel.flags.set(AddressFlags::HOMEADDRESS, flags.home);
    kernel.flags.set(AddressFlags::MANAGETEMPADDR, flags.manage_temporary);
    kernel.flags.set(AddressFlags::NOPREFIXROUTE, flags.no_prefix_route);
    kernel.flags.set(AddressFlags::MCAUTOJOIN, flags.autojoin);
    kernel.scope = address.scope;
    match address.net.address {
        IpAddr::V4(_) => {
            kernel.broadcast = address.broadcast.and_then(|b| match b {
                IpAddr::V4(b) => Some(b),
                IpAddr::V6(_) => None::<Ipv4Addr>,
            });
            kernel.label.clone_from(&address.label);
        }
        IpAddr::V6(_) => {
            kernel.flags.set(AddressFlags::NODAD, !flags.detect_duplicates);
            kernel.preferred_lifetime = match address.preferred_lft {
                Lifetime::Forever => None,
                Lifetime::Seconds(seconds) => Some(seconds),
            };
        }
    }
    kernel
}
