//! Between the words of rtnetlink and those of the engine: links, addresses, changes, refusals.

use crate::netlink;
use crate::netlink::route::{self, AddressChange, AddressFlags, AddressProblem, Client, Mode};
use crate::sys::raw;
use crate::vrrp::config::address::Lifetime;
use crate::vrrp::config::{IpvlanMode, VirtualAddress};
use crate::vrrp::event::{Address, Change, IfIndex, Link, LinkKind, Make, Refusal, Settings, Snapshot};
use std::net::{IpAddr, Ipv4Addr};

/// By this number (`IFA_PROTO`) addresses that we set are known as ours: VRRP's protocol number.
const OURS: u8 = raw::PROTOCOL;

/// `IPVLAN_F_*`
pub(super) const PRIVATE: u16 = 1;
pub(super) const VEPA: u16 = 2;

/// All links and addresses.
pub(super) fn snapshot(client: &mut Client) -> Result<Snapshot, netlink::Error> {
    let links = client.links()?.into_iter().map(link).collect();
    let addresses = client.addresses(None)?.iter().map(address).collect();
    Ok(Snapshot { links, addresses })
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
            let [arp_ignore, arp_filter, promote_secondaries] = link.v4;
            Settings { arp_ignore, arp_filter, promote_secondaries }
        },
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
    }
}

/// An address in the engine's words.
pub(super) fn address(address: &route::Address) -> Address {
    Address {
        interface: IfIndex(address.interface),
        net: address.net,
        usable: !address.flags.intersects(AddressFlags::TENTATIVE | AddressFlags::DADFAILED),
        ours: address.protocol == OURS,
    }
}

/// A change in the kernel's words; none for one of a link.
pub(super) fn change(change: &Change) -> Option<AddressChange> {
    match change {
        Change::Add { interface, address } => Some(AddressChange::Add(kernel_address(interface.0, address))),
        Change::Remove { interface, net, .. } => {
            Some(AddressChange::Delete(route::Address::new(interface.0, *net)))
        }
        Change::AddLink(_)
        | Change::RemoveLink { .. }
        | Change::Set { .. }
        | Change::CheckReversePaths(_)
        | Change::Muzzle { .. }
        | Change::Shut { .. } => None,
    }
}

/// Why not, in the engine's words.
pub(super) fn refusal(problem: AddressProblem) -> Refusal {
    match problem {
        AddressProblem::Exists => Refusal::Exists,
        AddressProblem::NotThere => Refusal::NotThere,
        AddressProblem::NoInterface => Refusal::NoInterface,
        other @ AddressProblem::Other(_) => Refusal::Other(other.to_string().into()),
    }
}

/// As keepalived sets them: no duplicate address detection (the old master may still have the address), and an
/// IPv6 /128 is not for the host's own connections.
fn kernel_address(index: u32, address: &VirtualAddress) -> route::Address {
    let mut kernel = route::Address::new(index, address.net);
    kernel.scope = address.scope;
    kernel.protocol = OURS;
    match address.net.address {
        IpAddr::V4(_) => {
            kernel.broadcast = address.broadcast.and_then(|b| match b {
                IpAddr::V4(b) => Some(b),
                IpAddr::V6(_) => None::<Ipv4Addr>,
            });
            kernel.label.clone_from(&address.label);
        }
        IpAddr::V6(_) => {
            kernel.flags = AddressFlags::NODAD;
            if let Lifetime::Seconds(seconds) = address.preferred_lft {
                kernel.preferred_lifetime = Some(seconds);
            }
        }
    }
    kernel
}
