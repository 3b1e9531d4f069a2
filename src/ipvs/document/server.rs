//! Real servers of services, and how packets reach them.

use super::{Counters, Family, Watched};
use crate::ipvs::model::{self, Forward, TunnelFlags};
use crate::net;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;

/// What identifies a server within its service.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ServerId {
    /// `10.0.0.1:80`, `[2001:db8::1]:80`
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Of its address, which differs from the service's with some tunnels.
    pub family: Family,
}

impl From<&model::DestKey> for ServerId {
    fn from(key: &model::DestKey) -> ServerId {
        let family = net::Family::of(key.address).into();
        ServerId { name: key.to_string(), address: key.address, port: key.port, family }
    }
}

/// How a server is set.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct ServerSettings {
    /// How packets reach it.
    pub forward: Method,
    /// The encapsulation; null for other methods.
    pub tunnel: Option<Tunnel>,
    /// 0 takes no new connections.
    pub weight: u32,
    /// Connections above which it gets no new one; 0 for no limit.
    pub upper_threshold: u32,
    /// Connections below which it gets new ones again; 0 for three quarters of the upper threshold.
    pub lower_threshold: u32,
}

impl From<&model::Dest> for ServerSettings {
    fn from(dest: &model::Dest) -> ServerSettings {
        let (forward, tunnel) = match dest.forward {
            Forward::Masq => (Method::Masq, None),
            Forward::Local => (Method::Local, None),
            Forward::Tunnel(tunnel) => (Method::Tunnel, Some(tunnel.into())),
            Forward::DirectRoute => (Method::Route, None),
            Forward::Bypass => (Method::Bypass, None),
        };
        ServerSettings {
            forward,
            tunnel,
            weight: dest.weight,
            upper_threshold: dest.upper_threshold,
            lower_threshold: dest.lower_threshold,
        }
    }
}

/// A real server of a service.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Server {
    /// Which one.
    #[serde(flatten)]
    pub id: ServerId,
    /// How it is set.
    #[serde(flatten)]
    pub settings: ServerSettings,
    /// Connections in an established state.
    pub active_connections: u32,
    /// Other connections.
    pub inactive_connections: u32,
    /// Clients that stay with this server (persistence templates).
    pub persistent_connections: u32,
    /// What was counted since it was made or set to zero.
    pub counters: Counters,
    /// The kernel's averages a second, over some seconds.
    pub rates: Counters,
    /// With `--watch`, what became of it; otherwise not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watched: Option<Watched>,
}

impl From<&model::DestEntry> for Server {
    fn from(entry: &model::DestEntry) -> Server {
        Server {
            id: (&entry.dest.key).into(),
            settings: (&entry.dest).into(),
            active_connections: entry.active_conns,
            inactive_connections: entry.inactive_conns,
            persistent_connections: entry.persistent_conns,
            counters: Counters::counted(&entry.stats),
            rates: Counters::averages(&entry.stats),
            watched: None,
        }
    }
}

/// How packets reach a server.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// `-m`: addresses are rewritten.
    Masq,
    /// `-g`: the same packet to another MAC address.
    Route,
    /// `-i`: encapsulated.
    Tunnel,
    /// To this machine itself; the kernel's choice for local addresses.
    Local,
    /// To a cache, transparently.
    Bypass,
}

/// An encapsulation.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Tunnel {
    /// Which one.
    pub kind: TunnelKind,
    /// UDP port of GUE; null for others.
    pub port: Option<u16>,
    /// Checksums of the outer header.
    pub checksum: Checksum,
}

impl From<model::Tunnel> for Tunnel {
    fn from(tunnel: model::Tunnel) -> Tunnel {
        Tunnel {
            kind: match tunnel.kind {
                model::TunnelKind::Ipip => TunnelKind::Ipip,
                model::TunnelKind::Gue => TunnelKind::Gue,
                model::TunnelKind::Gre => TunnelKind::Gre,
            },
            port: (tunnel.kind == model::TunnelKind::Gue).then_some(tunnel.port),
            checksum: if tunnel.flags.contains(TunnelFlags::REMCSUM) {
                Checksum::Remote
            } else if tunnel.flags.contains(TunnelFlags::CSUM) {
                Checksum::Full
            } else {
                Checksum::None
            },
        }
    }
}

/// Encapsulations.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TunnelKind {
    /// IP in IP.
    Ipip,
    /// Generic UDP encapsulation.
    Gue,
    /// GRE.
    Gre,
}

/// Checksums of tunnels.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Checksum {
    /// `--tun-nocsum`
    None,
    /// `--tun-csum`
    Full,
    /// `--tun-remcsum`
    Remote,
}
