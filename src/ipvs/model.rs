//! The kernel's words for its IPVS table: services, destinations, and what identifies each.
//!
//! Plain values; `attributes` puts them on the wire, `plan` compares them, `format` prints them.
//! Names and numbers follow the kernel's `include/uapi/linux/ip_vs.h`.

use crate::net::Family;
use bitflags::bitflags;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

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

/// Transport protocols that IPVS balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protocol {
    /// `IPPROTO_TCP`
    Tcp,
    /// `IPPROTO_UDP`
    Udp,
    /// `IPPROTO_SCTP`
    Sctp,
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
    /// Persistence granularity: prefix length of the client addresses that count as one (32 or 128: each alone).
    pub netmask: u8,
    /// Persistence engine: `sip` or none.
    pub pe_name: Option<String>,
}

/// What identifies a destination within its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DestKey {
    /// Real server's address; the family may differ from the service's with tunnels.
    pub address: IpAddr,
    /// Real server's port.
    pub port: u16,
}

/// How packets reach a destination (`IP_VS_CONN_F_FWD_MASK`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// The encapsulation of [`Forward::Tunnel`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// 0 takes no new connections.
    pub weight: u32,
    /// Connections above which no new one is given to it; 0 for no limit.
    pub upper_threshold: u32,
    /// Connections below which it takes new ones again.
    pub lower_threshold: u32,
}

/// A table as one wants it: each service with its destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Services in the order they are to be made in; keys are unique.
    pub services: Vec<(Service, Vec<Dest>)>,
}
