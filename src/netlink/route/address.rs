//! Addresses of interfaces: listing, adding, deleting.

use crate::net::{Family, IpNet};
use crate::netlink::message::{Batch, CREATE, DUMP, EXCLUSIVE, Malformed, Message};
use bitflags::bitflags;
use netlink_packet_core::{NlasIterator, Parseable};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags as WireFlags, AddressHeader, AddressMessage, AddressProtocol,
    AddressScope, CacheInfo,
};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// `RTM_NEWADDR`, `RTM_DELADDR`, `RTM_GETADDR`
pub(super) const NEW: u16 = 20;
pub(super) const DELETE: u16 = 21;
const GET: u16 = 22;
/// Length of `ifaddrmsg`.
const HEADER: usize = 8;
/// `IFA_LABEL`
const LABEL: u16 = 3;
/// `INFINITY_LIFE_TIME`
const FOREVER: u32 = u32::MAX;

bitflags! {
    /// `IFA_F_*` of `include/uapi/linux/if_addr.h`; others are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct AddressFlags: u32 {
        /// IPv4: not the first of its subnet here. IPv6: temporary.
        const SECONDARY = 0x1;
        /// IPv6: no duplicate address detection, usable at once.
        const NODAD = 0x2;
        /// IPv6: used while duplicate address detection still runs.
        const OPTIMISTIC = 0x4;
        /// IPv6: another host has it.
        const DADFAILED = 0x8;
        /// IPv6: the home address of a mobile node.
        const HOMEADDRESS = 0x10;
        /// Not chosen as a source for new connections.
        const DEPRECATED = 0x20;
        /// IPv6: duplicate address detection runs.
        const TENTATIVE = 0x40;
        /// Has no lifetime.
        const PERMANENT = 0x80;
        /// IPv6: temporary addresses are made after it.
        const MANAGETEMPADDR = 0x100;
        /// Its prefix gets no route.
        const NOPREFIXROUTE = 0x200;
        /// A multicast address whose group the kernel joins.
        const MCAUTOJOIN = 0x400;
        const _ = !0;
    }
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The interface's index.
    pub interface: u32,
    /// The address and its prefix length.
    pub net: IpNet,
    /// The other end, where it is not within the prefix (`ip address add … peer`).
    pub peer: Option<IpAddr>,
    /// IPv4: the broadcast address.
    pub broadcast: Option<Ipv4Addr>,
    /// How far it is valid: 0 everywhere, 253 on the link, 254 in the host.
    pub scope: u8,
    /// IPv4: its label; the kernel gives it the interface's name where none is asked for.
    pub label: Option<String>,
    /// Flags; the kernel adds its own.
    pub flags: AddressFlags,
    /// Seconds for which it is preferred as a source address; 0 makes it deprecated, `None` is for ever.
    pub preferred_lifetime: Option<u32>,
    /// Who set it (`IFA_PROTO`), as a number by which programs tell their own; 0 where nobody said so. Kernels before
    /// 5.18 do not remember it.
    pub protocol: u8,
}

impl Address {
    /// An address as `ip address add NET dev …` sets it.
    #[must_use]
    pub const fn new(interface: u32, net: IpNet) -> Address {
        Address {
            interface,
            net,
            peer: None,
            broadcast: None,
            scope: 0,
            label: None,
            flags: AddressFlags::empty(),
            preferred_lifetime: None,
            protocol: 0,
        }
    }
}

/// One change to the kernel's addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AddressChange {
    /// Adds it; one that is there already is [`super::Problem::Exists`].
    Add(Address),
    /// Deletes it, identified by interface, address and prefix length; one that is not there is
    /// [`super::Problem::NotThere`]. With the first IPv4 address of a subnet its secondary addresses go too, unless
    /// the interface's `promote_secondaries` is set.
    Delete(Address),
}

impl AddressChange {
    /// The address that it is about.
    #[must_use]
    pub const fn address(&self) -> &Address {
        match self {
            AddressChange::Add(address) | AddressChange::Delete(address) => address,
        }
    }
}

/// Asks for the addresses of an interface, or of all (0).
pub(super) fn dump(batch: &mut Batch, interface: u32) {
    let mut message = AddressMessage::default();
    message.header.index = interface;
    batch.begin(GET, DUMP).emit(&message);
}

/// Asks for a change.
pub(super) fn change(batch: &mut Batch, change: &AddressChange) {
    let address = change.address();
    let mut message = AddressMessage::default();
    message.header.family = match Family::of(address.net.address) {
        Family::V4 => AddressFamily::Inet,
        Family::V6 => AddressFamily::Inet6,
    };
    message.header.prefix_len = address.net.prefix_len;
    message.header.index = address.interface;
    message.attributes = vec![
        AddressAttribute::Local(address.net.address),
        AddressAttribute::Address(address.peer.unwrap_or(address.net.address)),
    ];
    let (kind, flags) = match change {
        AddressChange::Delete(_) => (DELETE, 0),
        AddressChange::Add(_) => {
            message.header.scope = AddressScope::from(address.scope);
            if let Some(broadcast) = address.broadcast {
                message.attributes.push(AddressAttribute::Broadcast(broadcast));
            }
            if !address.flags.is_empty() {
                let flags = WireFlags::from_bits_retain(address.flags.bits());
                message.attributes.push(AddressAttribute::Flags(flags));
            }
            if let Some(seconds) = address.preferred_lifetime {
                let mut lifetimes = CacheInfo::default();
                (lifetimes.ifa_preferred, lifetimes.ifa_valid) = (seconds, FOREVER);
                message.attributes.push(AddressAttribute::CacheInfo(lifetimes));
            }
            // Not for a deletion: nobody knows what later kernels will make of it there.
            if address.protocol != 0 {
                message.attributes.push(AddressAttribute::Protocol(AddressProtocol::from(address.protocol)));
            }
            (NEW, CREATE | EXCLUSIVE)
        }
    };
    let mut request = batch.begin(kind, flags);
    request.emit(&message);
    // The one attribute of any length, so not through the library, which does not look at the length. A deletion
    // with a label would spare the address that has another.
    if let (AddressChange::Add(_), Some(label)) = (change, &address.label) {
        request.attr_str(LABEL, label);
    }
}

/// Reads an `RTM_NEWADDR` or `RTM_DELADDR`; `None` for one of another family than IPv4 and IPv6.
///
/// One attribute at a time: one that only a later kernel sends, or sends otherwise, must not hide the address.
pub(super) fn read(message: &Message<'_>) -> Result<Option<Address>, Malformed> {
    let header = AddressHeader::parse(message.payload).map_err(|_| Malformed)?;
    if !matches!(header.family, AddressFamily::Inet | AddressFamily::Inet6) {
        return Ok(None);
    }
    let (mut near, mut far) = (None, None);
    let unspecified = IpNet::host(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let mut address = Address::new(header.index, unspecified);
    address.scope = header.scope.into();
    address.flags = AddressFlags::from_bits_retain(header.flags.bits().into());
    for attribute in NlasIterator::new(message.payload.get(HEADER..).unwrap_or_default()) {
        match AddressAttribute::parse(&attribute.map_err(|_| Malformed)?) {
            Ok(AddressAttribute::Local(ip)) => near = Some(ip),
            Ok(AddressAttribute::Address(ip)) => far = Some(ip),
            Ok(AddressAttribute::Broadcast(ip)) => address.broadcast = Some(ip),
            Ok(AddressAttribute::Label(label)) => address.label = Some(label),
            Ok(AddressAttribute::Flags(flags)) => {
                address.flags = AddressFlags::from_bits_retain(flags.bits());
            }
            Ok(AddressAttribute::CacheInfo(lifetimes)) => {
                address.preferred_lifetime = Some(lifetimes.ifa_preferred).filter(|&s| s != FOREVER);
            }
            Ok(AddressAttribute::Protocol(protocol)) => address.protocol = protocol.into(),
            _ => {}
        }
    }
    // IPv6 has a local address only where there is a peer.
    let local = near.or(far).ok_or(Malformed)?;
    address.net = IpNet { address: local, prefix_len: header.prefix_len };
    address.peer = far.filter(|&far| far != local);
    Ok(Some(address))
}
