//! Links: network interfaces as the kernel lists them.

use crate::net::MacAddr;
use crate::netlink::message::{Batch, DUMP, Malformed, Message};
use bitflags::bitflags;
use netlink_packet_core::{NlasIterator, ParseableParametrized};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{
    AfSpecInet, AfSpecInet6, AfSpecUnspec, InetDevConf, InfoData, InfoIpVlan, InfoMacVlan, InfoVrf,
    IpVlanFlags, IpVlanMode, LinkAttribute, LinkExtentMask, LinkHeader, LinkInfo, LinkMessage, MacVlanMode,
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
const ALIAS: u16 = 20;
const AF_SPEC: u16 = 26;
const GROUP: u16 = 27;
const LINK_NETNSID: u16 = 37;

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
    /// More of a macvlan or an ipvlan.
    pub mode: Option<Mode>,
    /// Index of the interface below (`eth0` of `eth0.5`); for a veth its peer's.
    pub lower: Option<u32>,
    /// That interface is in another namespace, where its index says nothing here.
    pub lower_is_elsewhere: bool,
    /// Its group.
    pub group: u32,
    /// What somebody has written down about it (`ip link set … alias`).
    pub alias: Option<String>,
    /// Index of the bridge, bond or VRF that it belongs to.
    pub controller: Option<u32>,
    /// This host forwards IPv6 packets that arrive there (`net.ipv6.conf.NAME.forwarding`).
    pub forwards_v6: bool,
    /// The routing table of a VRF.
    pub table: Option<u32>,
    /// Settings of IPv4 on it, in their order: `arp_ignore`, `arp_filter`, `arp_announce`, `promote_secondaries`.
    pub v4: [u32; 4],
}

/// How a macvlan or an ipvlan passes packets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// A macvlan of private mode: nothing passes between macvlans of an interface.
    PrivateMacvlan,
    /// An ipvlan of mode L2, with its flags (`IPVLAN_F_*`).
    IpvlanL2(u16),
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
        mode: None,
        lower: None,
        lower_is_elsewhere: false,
        group: 0,
        alias: None,
        controller: None,
        forwards_v6: false,
        v4: [0; 4],
        table: None,
    };
    for attribute in NlasIterator::new(message.payload.get(HEADER..).unwrap_or_default()) {
        let attribute = attribute.map_err(|_| Malformed)?;
        match attribute.kind() {
            ADDRESS | NAME | MTU | LINK | CONTROLLER | LINK_INFO | ALIAS | AF_SPEC | GROUP => {}
            LINK_NETNSID => {
                link.lower_is_elsewhere = true;
                continue;
            }
            _ => continue,
        }
        match LinkAttribute::parse_with_param(&attribute, AddressFamily::Unspec) {
            Ok(LinkAttribute::Address(bytes)) => link.mac = bytes.try_into().ok().map(MacAddr),
            Ok(LinkAttribute::IfName(name)) => link.name = name,
            Ok(LinkAttribute::Mtu(mtu)) => link.mtu = mtu,
            Ok(LinkAttribute::Link(index)) => link.lower = Some(index).filter(|&index| index != 0),
            Ok(LinkAttribute::Controller(index)) => link.controller = Some(index).filter(|&index| index != 0),
            Ok(LinkAttribute::LinkInfo(infos)) => {
                for info in infos {
                    match info {
                        LinkInfo::Kind(kind) => link.kind = Some(kind.to_string()),
                        LinkInfo::Data(InfoData::Vrf(data)) => {
                            link.table = data.iter().find_map(|part| match part {
                                InfoVrf::TableId(table) => Some(*table),
                                _ => None,
                            });
                        }
                        LinkInfo::Data(data) => link.mode = mode(&data),
                        _ => {}
                    }
                }
            }
            Ok(LinkAttribute::IfAlias(alias)) => link.alias = Some(alias),
            Ok(LinkAttribute::Group(group)) => link.group = group,
            Ok(LinkAttribute::AfSpecUnspec(families)) => {
                link.forwards_v6 = forwards_v6(&families);
                link.v4 = v4(&families).unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok((!link.name.is_empty()).then_some(link))
}

fn mode(data: &InfoData) -> Option<Mode> {
    match data {
        InfoData::MacVlan(all) => {
            let is_private = all.iter().any(|a| matches!(a, InfoMacVlan::Mode(MacVlanMode::Private)));
            is_private.then_some(Mode::PrivateMacvlan)
        }
        InfoData::IpVlan(all) => {
            let is_l2 = all.iter().any(|a| matches!(a, InfoIpVlan::Mode(IpVlanMode::L2)));
            let flags = all.iter().find_map(|a| match a {
                InfoIpVlan::Flags(flags) => Some(flags.bits()),
                _ => None,
            });
            is_l2.then_some(Mode::IpvlanL2(flags.unwrap_or(IpVlanFlags::empty().bits())))
        }
        _ => None,
    }
}

fn v4(families: &[AfSpecUnspec]) -> Option<[u32; 4]> {
    let conf: &InetDevConf = families.iter().find_map(|family| match family {
        AfSpecUnspec::Inet(attributes) => attributes.iter().find_map(|attribute| match attribute {
            AfSpecInet::DevConf(conf) => Some(conf),
            _ => None,
        }),
        _ => None,
    })?;
    let all = [conf.arp_ignore, conf.arpfilter, conf.arp_announce, conf.promote_secondaries];
    Some(all.map(|value| value.cast_unsigned()))
}

/// Without IPv6 on the interface nothing is said of it.
fn forwards_v6(families: &[AfSpecUnspec]) -> bool {
    let v6 = families.iter().find_map(|family| match family {
        AfSpecUnspec::Inet6(attributes) => Some(attributes),
        _ => None,
    });
    v6.into_iter().flatten().any(|a| matches!(a, AfSpecInet6::DevConf(conf) if conf.forwarding != 0))
}
