//! The kernel's words for its IPVS table: services, destinations, and what identifies each.
//!
//! Plain values; `attributes` puts them on the wire, `plan` compares them, `format` prints them.
//! Names and numbers follow the kernel's `include/uapi/linux/ip_vs.h`.

use crate::net::Family;
use bitflags::bitflags;
#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// What identifies a service in the kernel's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServiceKey {
    /// By protocol, address and port.
    Address {
        /// Transport protocol.
        protocol: Protocol,
        /// Virtual address.
        address: IpAddr,
        /// Virtual port; 0 is every port, with persistence only.
        port: u16,
    },
    /// By firewall mark.
    Fwmark {
        /// The mark, not 0.
        mark: u32,
        /// The family of the packets that are meant.
        family: Family,
    },
}

impl ServiceKey {
    /// The family of the packets that the service takes.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            ServiceKey::Address { address, .. } => Family::of(*address),
            ServiceKey::Fwmark { family, .. } => *family,
        }
    }
}

/// As ipvsadm lists it: `TCP 192.0.2.1:80`, `UDP [2001:db8::1]:53`, `FWM 5`, `FWM 5 IPv6`.
impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ServiceKey::Address { protocol, address, port } => {
                write!(f, "{protocol} {}", SocketAddr::new(address, port))
            }
            ServiceKey::Fwmark { mark, family: Family::V4 } => write!(f, "FWM {mark}"),
            ServiceKey::Fwmark { mark, family: Family::V6 } => write!(f, "FWM {mark} IPv6"),
        }
    }
}

/// Transport protocols that IPVS balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Protocol {
    /// `IPPROTO_TCP`
    Tcp,
    /// `IPPROTO_UDP`
    Udp,
    /// `IPPROTO_SCTP`
    Sctp,
}

impl Protocol {
    /// `IPPROTO_*`
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Sctp => 132,
        }
    }

    /// The protocol of a number, if IPVS balances it.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Protocol> {
        match number {
            6 => Some(Protocol::Tcp),
            17 => Some(Protocol::Udp),
            132 => Some(Protocol::Sctp),
            _ => None,
        }
    }
}

/// `TCP`, `UDP`, `SCTP`
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        })
    }
}

bitflags! {
    /// `IP_VS_SVC_F_*`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct ServiceFlags: u32 {
        /// A client stays with its server.
        const PERSISTENT = 0x1;
        /// Set by the kernel: the service is in its hash table.
        const HASHED = 0x2;
        /// Each packet is scheduled alone (`--ops`).
        const ONE_PACKET = 0x4;
        /// Scheduler flag 1: `flag-1`, `sh-fallback`, `mh-fallback`.
        const SCHED1 = 0x8;
        /// Scheduler flag 2: `flag-2`, `sh-port`, `mh-port`.
        const SCHED2 = 0x10;
        /// Scheduler flag 3: `flag-3`.
        const SCHED3 = 0x20;
    }
}

/// A virtual service and how it schedules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Service {
    /// Its identity.
    pub key: ServiceKey,
    /// Scheduler name: `rr`, `wlc`, …; the kernel decides what exists.
    pub scheduler: String,
    /// Flags, without [`ServiceFlags::HASHED`], which is the kernel's own.
    pub flags: ServiceFlags,
    /// Persistence timeout in seconds; 0 without persistence.
    pub timeout: u32,
    /// Persistence granularity: the part of a client's address that must be equal to count as one client.
    pub netmask: Netmask,
    /// Persistence engine: `sip` or none.
    pub pe_name: Option<String>,
}

/// Persistence granularity, in the kernel's two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Netmask {
    /// IPv4: any mask, also one with holes.
    Mask(Ipv4Addr),
    /// IPv6: a prefix length of 1 to 128.
    Prefix(u8),
}

impl Netmask {
    /// Every client counts alone: 255.255.255.255 or /128.
    #[must_use]
    pub const fn host(family: Family) -> Netmask {
        Netmask::from_prefix(family, family.bits())
    }

    /// The mask of a prefix length; more bits than the family has count as all.
    #[must_use]
    pub const fn from_prefix(family: Family, bits: u8) -> Netmask {
        match family {
            Family::V4 if bits >= 32 => Netmask::Mask(Ipv4Addr::BROADCAST),
            Family::V4 => Netmask::Mask(Ipv4Addr::from_bits(!(u32::MAX >> bits))),
            Family::V6 if bits >= 128 => Netmask::Prefix(128),
            Family::V6 => Netmask::Prefix(bits),
        }
    }
}

/// What identifies a destination within its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DestKey {
    /// Real server's address; the family may differ from the service's with tunnels.
    pub address: IpAddr,
    /// Real server's port.
    pub port: u16,
}

/// `10.0.0.1:80`, `[2001:db8::1]:80`
impl fmt::Display for DestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

/// How packets reach a destination (`IP_VS_CONN_F_FWD_MASK`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Forward {
    /// `-m`: addresses are rewritten.
    #[default]
    Masq,
    /// To the director itself; the kernel chooses it for local addresses.
    Local,
    /// `-i`: encapsulated.
    Tunnel(Tunnel),
    /// `-g`: same packet, another MAC address (DR).
    DirectRoute,
    /// To a cache, transparently; read from old tables only.
    Bypass,
}

impl Forward {
    /// ipvsadm's word for it in listings: `Masq`, `Route`, ….
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Forward::Masq => "Masq",
            Forward::Local => "Local",
            Forward::Tunnel(_) => "Tunnel",
            Forward::DirectRoute => "Route",
            Forward::Bypass => "Bypass",
        }
    }
}

/// The encapsulation of [`Forward::Tunnel`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Tunnel {
    /// Encapsulation.
    pub kind: TunnelKind,
    /// UDP port of GUE; 0 otherwise.
    pub port: u16,
    /// `IP_VS_TUNNEL_ENCAP_FLAG_*`.
    pub flags: TunnelFlags,
}

/// `IP_VS_CONN_F_TUNNEL_TYPE_*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum TunnelKind {
    /// IP in IP.
    #[default]
    Ipip,
    /// Generic UDP encapsulation.
    Gue,
    /// GRE.
    Gre,
}

bitflags! {
    /// `IP_VS_TUNNEL_ENCAP_FLAG_*`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct TunnelFlags: u16 {
        /// Checksum in the outer header.
        const CSUM = 0x1;
        /// Remote checksum offload.
        const REMCSUM = 0x2;
    }
}

/// A real server as the kernel's table holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dest {
    /// Its identity within the service.
    pub key: DestKey,
    /// Forwarding method.
    pub forward: Forward,
    /// 0 takes no new connections; the kernel refuses more than `i32::MAX`.
    pub weight: u32,
    /// Connections above which no new one is given to it; 0 for no limit.
    pub upper_threshold: u32,
    /// Connections below which it takes new ones again.
    pub lower_threshold: u32,
}

/// A table as one wants it: each service with its destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Services, and the destinations of each, in the order they are (or were) made in; keys are unique.
    pub services: Vec<(Service, Vec<Dest>)>,
}

/// Counters and rates of a service or a destination (`IPVS_STATS_ATTR_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Connections scheduled.
    pub conns: u64,
    /// Incoming packets.
    pub inpkts: u64,
    /// Outgoing packets.
    pub outpkts: u64,
    /// Incoming bytes.
    pub inbytes: u64,
    /// Outgoing bytes.
    pub outbytes: u64,
    /// Connections a second.
    pub cps: u64,
    /// Incoming packets a second.
    pub inpps: u64,
    /// Outgoing packets a second.
    pub outpps: u64,
    /// Incoming bytes a second.
    pub inbps: u64,
    /// Outgoing bytes a second.
    pub outbps: u64,
}

/// A service as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEntry {
    /// The service.
    pub service: Service,
    /// Its counters.
    pub stats: Stats,
}

/// A destination as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestEntry {
    /// The destination.
    pub dest: Dest,
    /// Connections in an established state.
    pub active_conns: u32,
    /// Other connections.
    pub inactive_conns: u32,
    /// Persistence templates.
    pub persistent_conns: u32,
    /// Its counters.
    pub stats: Stats,
}

/// The table as the kernel lists it at a moment: each service with its destinations; keys are unique.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Services and the destinations of each, in the kernel's order or as somebody sorted them.
    pub services: Vec<(ServiceEntry, Vec<DestEntry>)>,
}

/// What a synchronisation daemon does (`IP_VS_STATE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DaemonState {
    /// Sends connections to the group.
    Master,
    /// Takes connections from the group.
    Backup,
}

/// `master`, `backup`
impl fmt::Display for DaemonState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DaemonState::Master => "master",
            DaemonState::Backup => "backup",
        })
    }
}

/// A connection synchronisation daemon (a kernel thread); what is `None` is left to the kernel's default.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Daemon {
    /// Master or backup.
    pub state: DaemonState,
    /// Name of the multicast interface.
    pub interface: String,
    /// Only messages with the same id are taken; a backup with 0 takes all. At most 255.
    pub sync_id: u32,
    /// Longest message (UDP payload) in bytes.
    pub sync_maxlen: Option<u16>,
    /// Multicast group; 224.0.0.81 by default.
    pub group: Option<IpAddr>,
    /// UDP port; 8848 by default.
    pub port: Option<u16>,
    /// Time to live of the messages; 1 by default.
    pub ttl: Option<u8>,
}

/// Connection timeouts in seconds; to the kernel, 0 means "leave as it is".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Established TCP connections.
    pub tcp: u32,
    /// TCP connections after a FIN.
    pub tcp_fin: u32,
    /// UDP.
    pub udp: u32,
}

/// What the kernel says of its IPVS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Version, a byte a part: 0x010201 is 1.2.1.
    pub version: u32,
    /// Buckets of the connection table.
    pub conn_tab_size: u32,
}

/// Flags are written as their names with `|` between them.
#[cfg(feature = "schema")]
fn flags_schema() -> Schema {
    json_schema!({ "type": "string", "description": "names of flags, with ` | ` between them" })
}

#[cfg(feature = "schema")]
impl JsonSchema for ServiceFlags {
    fn schema_name() -> Cow<'static, str> {
        "ServiceFlags".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        flags_schema()
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for TunnelFlags {
    fn schema_name() -> Cow<'static, str> {
        "TunnelFlags".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        flags_schema()
    }
}
