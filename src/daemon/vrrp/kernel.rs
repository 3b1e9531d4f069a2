//! Between the words of rtnetlink and those of the engine: links, addresses, changes, refusals.

use crate::netlink;
use crate::netlink::route::{self, AddressChange, AddressFlags, AddressProblem, Client};
use crate::sys::raw;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Address, Change, IfIndex, Link, Refusal, Snapshot};
use std::net::{IpAddr, Ipv4Addr};

/// By this number (`IFA_PROTO`) addresses that we set are known as ours: VRRP's protocol number.
const OURS: u8 = raw::PROTOCOL;

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
        name: link.name.into(),
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

/// A change in the kernel's words.
pub(super) fn change(change: &Change) -> AddressChange {
    match change {
        Change::Add { interface, address } => AddressChange::Add(kernel_address(interface.0, address)),
        Change::Remove { interface, net, .. } => {
            AddressChange::Delete(route::Address::new(interface.0, *net))
        }
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
            if address.net.prefix_len == 128 {
                kernel.preferred_lifetime = Some(0);
            }
        }
    }
    kernel
}
