//! Links: network interfaces as the kernel lists them.

use crate::net::MacAddr;
use crate::netlink::message::{Batch, DUMP, Malformed, Message};
use bitflags::bitflags;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::LinkHeader;
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
const EXT_MASK: u16 = 29;
/// `IFLA_INFO_KIND`
const INFO_KIND: u16 = 1;
/// `RTEXT_FILTER_SKIP_STATS`: statistics are most of a link's message, and nobody reads them here.
const SKIP_STATS: u32 = 1 << 3;

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
    batch.begin(GET, DUMP).emit(&LinkHeader::default()).attr_u32(EXT_MASK, SKIP_STATS);
}

/// Asks for the link `name`.
pub(super) fn get(batch: &mut Batch, name: &str) {
    batch.begin(GET, 0).emit(&LinkHeader::default()).attr_u32(EXT_MASK, SKIP_STATS).attr_str(NAME, name);
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
    };
    for attribute in message.attributes(HEADER)? {
        let attribute = attribute?;
        match attribute.kind {
            ADDRESS => link.mac = attribute.array().map(MacAddr),
            NAME => link.name = attribute.str().unwrap_or_default().to_owned(),
            MTU => link.mtu = attribute.u32().unwrap_or_default(),
            LINK => link.lower = attribute.u32().filter(|&index| index != 0),
            CONTROLLER => link.controller = attribute.u32().filter(|&index| index != 0),
            LINK_INFO => {
                let mut infos = attribute.nested().map_while(Result::ok);
                link.kind = infos.find(|a| a.kind == INFO_KIND).and_then(|a| a.str()).map(str::to_owned);
            }
            _ => {}
        }
    }
    Ok((!link.name.is_empty()).then_some(link))
}
