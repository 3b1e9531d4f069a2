//! Virtual services.

use super::{Counters, Server, Watched};
use crate::ipvs::model::{self, Netmask, ServiceFlags, ServiceKey};
use crate::net;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::net::{IpAddr, Ipv4Addr};

/// An address family.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4
    Ipv4,
    /// IPv6
    Ipv6,
}

impl From<net::Family> for Family {
    fn from(family: net::Family) -> Family {
        match family {
            net::Family::V4 => Family::Ipv4,
            net::Family::V6 => Family::Ipv6,
        }
    }
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl From<model::Protocol> for Protocol {
    fn from(protocol: model::Protocol) -> Protocol {
        match protocol {
            model::Protocol::Tcp => Protocol::Tcp,
            model::Protocol::Udp => Protocol::Udp,
            model::Protocol::Sctp => Protocol::Sctp,
        }
    }
}

/// What identifies a virtual service: protocol, address and port, or a firewall mark.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ServiceId {
    /// What it is called in listings: `TCP 192.0.2.1:80`, `UDP [2001:db8::1]:53`, `FWM 5`, `FWM 5 IPv6`.
    pub name: String,
    /// Null for one by firewall mark.
    pub protocol: Option<Protocol>,
    /// Virtual address; null for one by firewall mark.
    pub address: Option<IpAddr>,
    /// Virtual port, 0 for all; null for one by firewall mark.
    pub port: Option<u16>,
    /// Firewall mark; null for one by address.
    pub fwmark: Option<u32>,
    /// Of the packets that it takes.
    pub family: Family,
}

impl From<&ServiceKey> for ServiceId {
    fn from(key: &ServiceKey) -> ServiceId {
        let (protocol, address, port, fwmark) = match *key {
            ServiceKey::Address { protocol, address, port } => {
                (Some(protocol.into()), Some(address), Some(port), None)
            }
            ServiceKey::Fwmark { mark, .. } => (None, None, None, Some(mark)),
        };
        ServiceId { name: key.to_string(), protocol, address, port, fwmark, family: key.family().into() }
    }
}

/// How a service is set.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ServiceSettings {
    /// Name of the scheduler: `rr`, `wlc`, ….
    pub scheduler: String,
    /// Flags of the scheduler, by the names that `-b` takes.
    pub scheduler_flags: Vec<String>,
    /// Each packet is scheduled alone (`--ops`).
    pub one_packet: bool,
    /// A client stays with its server; null without.
    pub persistence: Option<Persistence>,
}

impl From<&model::Service> for ServiceSettings {
    fn from(service: &model::Service) -> ServiceSettings {
        ServiceSettings {
            scheduler: service.scheduler.clone(),
            scheduler_flags: scheduler_flags(service),
            one_packet: service.flags.contains(ServiceFlags::ONE_PACKET),
            persistence: service.flags.contains(ServiceFlags::PERSISTENT).then(|| Persistence::of(service)),
        }
    }
}

/// A virtual service: by protocol, address and port, or by firewall mark.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Service {
    /// Which one.
    #[serde(flatten)]
    pub id: ServiceId,
    /// How it is set.
    #[serde(flatten)]
    pub settings: ServiceSettings,
    /// What was counted since it was made or set to zero.
    pub counters: Counters,
    /// The kernel's averages a second, over some seconds.
    pub rates: Counters,
    /// With `--watch`, what became of it; otherwise not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watched: Option<Watched>,
    /// Its servers in the listing's order.
    pub servers: Vec<Server>,
}

impl Service {
    /// The service with its servers.
    #[must_use]
    pub fn new(entry: &model::ServiceEntry, dests: &[model::DestEntry]) -> Service {
        Service {
            id: (&entry.service.key).into(),
            settings: (&entry.service).into(),
            counters: Counters::counted(&entry.stats),
            rates: Counters::averages(&entry.stats),
            watched: None,
            servers: dests.iter().map(Server::from).collect(),
        }
    }
}

/// The scheduler's flags by its own names for them, where it has some.
fn scheduler_flags(service: &model::Service) -> Vec<String> {
    let names = match service.scheduler.as_str() {
        "sh" => ["sh-fallback", "sh-port", "flag-3"],
        "mh" => ["mh-fallback", "mh-port", "flag-3"],
        _ => ["flag-1", "flag-2", "flag-3"],
    };
    let all = ServiceFlags::SCHED1 | ServiceFlags::SCHED2 | ServiceFlags::SCHED3;
    let set = names.into_iter().zip(all.iter()).filter(|(_, flag)| service.flags.contains(*flag));
    set.map(|(name, _)| name.to_owned()).collect()
}

/// How a client stays with its server.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Persistence {
    /// For so many seconds after its last connection.
    pub timeout: u32,
    /// Bits of a client's address that must be equal to count as one client; null for a mask with holes.
    pub prefix_length: Option<u8>,
    /// The same as an IPv4 mask; null for IPv6.
    pub netmask: Option<Ipv4Addr>,
    /// Persistence engine: `sip`; null for the client's address alone.
    pub engine: Option<String>,
}

impl Persistence {
    fn of(service: &model::Service) -> Persistence {
        let (prefix_length, netmask) = match service.netmask {
            Netmask::Mask(mask) => {
                let bits = mask.to_bits();
                let ones = bits.leading_ones();
                ((bits.count_ones() == ones).then_some(ones as u8), Some(mask))
            }
            Netmask::Prefix(bits) => (Some(bits), None),
        };
        Persistence { timeout: service.timeout, prefix_length, netmask, engine: service.pe_name.clone() }
    }
}
