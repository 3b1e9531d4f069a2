//! Links: network interfaces as the kernel lists them.

use crate::net::MacAddr;
use crate::netlink::message::{Batch, DUMP, Malformed, Message};
use bitflags::bitflags;
use netlink_packet_core::{NlasIterator, ParseableParametrized};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, LinkAttribute, LinkExtentMask, LinkHeader, LinkInfo, LinkMessage,
};
use serde::{Deserialize, Serialize};

/// `RTM_NEWLINK`, `RTM_DELLINK`, `RTM_GETLINK`
pub(super) const NEW: u16 = 16;
pub(super) const DELETE: u16 = 17;
const GET: u16 = 18;

/// Length of `ifinfomsg`.
const HEADER: usize = 16;
/// `IFLA_*` (`include/uapi/linux/if_link.h`).
const ADDRESS: u16 = 1;
const NAME: u16 = 3;
const MTU: u16 = 4;
const LINK: u16 = 5;
const CONTROLLER: u16 = 10;
const LINK_INFO: u16 = 18;
const AF_SPEC: u16 = 26;

bitflags! {
    /// `IFF_*` of `include/uapi/linux/if.h`, those that matter here; others are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct LinkFlags: u32 {
        /// Set up by the administrator.
        const UP = 0x1;
        /// Has a broadcast address.
        const BROADCAST = 0x2;
        /// Loopback.
        const LOOPBACK = 0x8;
        /// Has one peer.
        const POINTOPOINT = 0x10;
        /// Operational: up, and its lower layers too.
        const RUNNING = 0x40;
        /// Does no ARP.
        const NOARP = 0x80;
        /// Can do multicast.
        const MULTICAST = 0x1000;
        /// Has a carrier.
        const LOWER_UP = 0x1_0000;
        const _ = !0;
    }
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// Its number: its identity until it is deleted. Names can change.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its Ethernet address; `None` where it has none or one of another length.
    pub mac: Option<MacAddr>,
    /// Its state.
    pub flags: LinkFlags,
    /// Bytes a packet may have.
    pub mtu: u32,
    /// What made it: `veth`, `vlan`, `macvlan`, …; `None` for hardware.
    pub kind: Option<String>,
    /// Index of the interface below (`eth0` of `eth0.5`); for a veth its peer's, perhaps in another namespace.
    pub lower: Option<u32>,
    /// Index of the bridge, bond or VRF that it belongs to.
    pub controller: Option<u32>,
    /// This host forwards IPv6 packets that arrive there (`net.ipv6.conf.NAME.forwarding`).
    pub forwards_v6: bool,
}

impl Link {
    /// Whether packets can pass: up, and operational (keepalived asks the same two flags).
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.flags.contains(LinkFlags::UP) && self.flags.contains(LinkFlags::RUNNING)
    }
}

/// Asks for every link.
pub(super) fn dump(batch: &mut Batch) {
    batch.begin(GET, DUMP).emit(&request());
}

/// Asks for the link `name`.
pub(super) fn get(batch: &mut Batch, name: &str) {
    // Of any length, so not through the library, which does not look at the length.
    batch.begin(GET, 0).emit(&request()).attr_str(NAME, name);
}

/// Asks for the link with that index.
pub(super) fn get_index(batch: &mut Batch, index: u32) {
    let mut message = request();
    message.header.index = index;
    batch.begin(GET, 0).emit(&message);
}

/// Statistics are most of a link's message, and nobody reads them here.
fn request() -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes = vec![LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats])];
    message
}

/// Reads an `RTM_NEWLINK` or `RTM_DELLINK`; `None` for one that says nothing of a link's being: a bridge's word about
/// a port (its deletion only means that the port left the bridge), a wireless event.
///
/// Only what is needed is looked at, one attribute at a time: a driver's unusual attribute must not hide the link.
pub(super) fn read(message: &Message<'_>) -> Result<Option<Link>, Malformed> {
    let header = LinkHeader::parse(message.payload).map_err(|_| Malformed)?;
    if header.interface_family != AddressFamily::Unspec {
        return Ok(None);
    }
    let mut link = Link {
        index: header.index,
        name: String::new(),
        mac: None,
        flags: LinkFlags::from_bits_retain(header.flags.bits()),
        mtu: 0,
        kind: None,
        lower: None,
        controller: None,
        forwards_v6: false,
    };
    for attribute in NlasIterator::new(message.payload.get(HEADER..).unwrap_or_default()) {
        let attribute = attribute.map_err(|_| Malformed)?;
        if !matches!(attribute.kind(), ADDRESS | NAME | MTU | LINK | CONTROLLER | LINK_INFO | AF_SPEC) {
            continue;
        }
        match LinkAttribute::parse_with_param(&attribute, AddressFamily::Unspec) {
            Ok(LinkAttribute::Address(bytes)) => link.mac = bytes.try_into().ok().map(MacAddr),
            Ok(LinkAttribute::IfName(name)) => link.name = name,
            Ok(LinkAttribute::Mtu(mtu)) => link.mtu = mtu,
            Ok(LinkAttribute::Link(index)) => link.lower = Some(index).filter(|&index| index != 0),
            Ok(LinkAttribute::Controller(index)) => link.controller = Some(index).filter(|&index| index != 0),
            Ok(LinkAttribute::LinkInfo(infos)) => {
                link.kind = infos.into_iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            Ok(LinkAttribute::AfSpecUnspec(families)) => link.forwards_v6 = forwards_v6(&families),
            _ => {}
        }
    }
    Ok((!link.name.is_empty()).then_some(link))
}

/// Without IPv6 on the interface nothing is said of it.
fn forwards_v6(families: &[AfSpecUnspec]) -> bool {
    let v6 = families.iter().find_map(|family| match family {
        AfSpecUnspec::Inet6(attributes) => Some(attributes),
        _ => None,
    });
    v6.into_iter().flatten().any(|a| matches!(a, AfSpecInet6::DevConf(conf) if conf.forwarding != 0))
}
