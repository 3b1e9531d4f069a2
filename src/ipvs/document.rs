//! The JSON of listings: stable types for programs, each field of the kernel's under a name that is written out.
//! docs/ipvs-json.md tells what they mean. Pure; long tables are written service by service.

mod changes;
mod write;

pub use changes::{Change, Measured, Watched};
pub use write::{Connections, Table};

use crate::ipvs::connection;
use crate::ipvs::model::{self, DaemonState, Forward, Netmask, ServiceFlags, ServiceKey, TunnelFlags};
use crate::net;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

/// The version of these documents: fields may be added within one, and none goes away or changes its meaning.
pub const VERSION: u32 = 1;

/// What a listing prints.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "listing", rename_all = "lowercase")]
pub enum Document {
    /// `-L`, with any columns, and `-S`: the table, or one service of it.
    Table {
        /// Of this format.
        version: u32,
        /// What the kernel says of its IPVS.
        kernel: Kernel,
        /// The services in the listing's order.
        services: Vec<Service>,
    },
    /// A reading of `-L --watch`: what changed, or was counted, since the one before.
    Changes {
        /// Of this format.
        version: u32,
        /// When it was read: seconds since 1970.
        time: f64,
        /// Seconds since the reading before; null for the first one, which has everything.
        elapsed: Option<f64>,
        /// Services of which something changed, each with those of its servers of which something changed.
        services: Vec<Service>,
    },
    /// `-L -c`
    Connections {
        /// Of this format.
        version: u32,
        /// The connections in the kernel's order.
        connections: Vec<Connection>,
    },
    /// `-L --daemon`
    Daemons {
        /// Of this format.
        version: u32,
        /// The synchronisation daemons that run: at most a master and a backup.
        daemons: Vec<Daemon>,
    },
    /// `-L --timeout`
    Timeouts {
        /// Of this format.
        version: u32,
        /// Timeouts of connections.
        timeouts: Timeouts,
    },
}

/// The JSON Schema (draft 2020-12) of what listings print.
#[must_use]
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = Value::from(generator.into_root_schema_for::<Document>());
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".to_owned(), json!("a listing of vipd ipvs"));
    }
    schema
}

/// What the kernel says of its IPVS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Kernel {
    /// Its version: `1.2.1`.
    pub version: String,
    /// Buckets of the table of connections.
    pub connection_table_size: u32,
}

impl From<&model::Info> for Kernel {
    fn from(info: &model::Info) -> Kernel {
        let [_, major, minor, patch] = info.version.to_be_bytes();
        Kernel { version: format!("{major}.{minor}.{patch}"), connection_table_size: info.conn_tab_size }
    }
}

/// An address family.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
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

/// A virtual service: by protocol, address and port, or by firewall mark.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Service {
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
    /// Name of the scheduler: `rr`, `wlc`, ….
    pub scheduler: String,
    /// Flags of the scheduler, by the names that `-b` takes.
    pub scheduler_flags: Vec<String>,
    /// Each packet is scheduled alone (`--ops`).
    pub one_packet: bool,
    /// A client stays with its server; null without.
    pub persistence: Option<Persistence>,
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
        let service = &entry.service;
        let (protocol, address, port, fwmark) = match service.key {
            ServiceKey::Address { protocol, address, port } => {
                (Some(protocol.into()), Some(address), Some(port), None)
            }
            ServiceKey::Fwmark { mark, .. } => (None, None, None, Some(mark)),
        };
        let (counters, rates) = counters(&entry.stats);
        Service {
            name: service.key.to_string(),
            protocol,
            address,
            port,
            fwmark,
            family: service.key.family().into(),
            scheduler: service.scheduler.clone(),
            scheduler_flags: scheduler_flags(service),
            one_packet: service.flags.contains(ServiceFlags::ONE_PACKET),
            persistence: service.flags.contains(ServiceFlags::PERSISTENT).then(|| Persistence::of(service)),
            counters,
            rates,
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
#[derive(Clone, Debug, Serialize, JsonSchema)]
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

/// A real server of a service.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Server {
    /// `10.0.0.1:80`, `[2001:db8::1]:80`
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Of its address, which differs from the service's with some tunnels.
    pub family: Family,
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
        let dest = &entry.dest;
        let (forward, tunnel) = match dest.forward {
            Forward::Masq => (Method::Masq, None),
            Forward::Local => (Method::Local, None),
            Forward::Tunnel(tunnel) => (Method::Tunnel, Some(tunnel.into())),
            Forward::DirectRoute => (Method::Route, None),
            Forward::Bypass => (Method::Bypass, None),
        };
        let (counters, rates) = counters(&entry.stats);
        Server {
            name: dest.key.to_string(),
            address: dest.key.address,
            port: dest.key.port,
            family: net::Family::of(dest.key.address).into(),
            forward,
            tunnel,
            weight: dest.weight,
            upper_threshold: dest.upper_threshold,
            lower_threshold: dest.lower_threshold,
            active_connections: entry.active_conns,
            inactive_connections: entry.inactive_conns,
            persistent_connections: entry.persistent_conns,
            counters,
            rates,
            watched: None,
        }
    }
}

/// How packets reach a server.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Checksum {
    /// `--tun-nocsum`
    None,
    /// `--tun-csum`
    Full,
    /// `--tun-remcsum`
    Remote,
}

/// Numbers of connections, packets and bytes; as rates, a second.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Counters {
    /// Connections scheduled.
    pub connections: u64,
    /// From clients.
    pub incoming_packets: u64,
    /// To clients; with `route` and `tunnel` they do not come by here.
    pub outgoing_packets: u64,
    /// From clients.
    pub incoming_bytes: u64,
    /// To clients.
    pub outgoing_bytes: u64,
}

/// What was counted, and the rates.
const fn counters(s: &model::Stats) -> (Counters, Counters) {
    let counters = Counters {
        connections: s.conns,
        incoming_packets: s.inpkts,
        outgoing_packets: s.outpkts,
        incoming_bytes: s.inbytes,
        outgoing_bytes: s.outbytes,
    };
    let rates = Counters {
        connections: s.cps,
        incoming_packets: s.inpps,
        outgoing_packets: s.outpps,
        incoming_bytes: s.inbps,
        outgoing_bytes: s.outbps,
    };
    (counters, rates)
}

/// A connection, or a client that stays with its server (a persistence template: state `NONE`, port of the client 0).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Connection {
    /// `tcp`, `udp`, `sctp`, or `ip` for a template of a service by firewall mark.
    pub protocol: String,
    /// Where it comes from.
    pub client: Endpoint,
    /// The address of the service.
    pub service: Endpoint,
    /// The server that has it.
    pub server: Endpoint,
    /// The kernel's name for its state: `ESTABLISHED`, `FIN_WAIT`, `UDP`, ….
    pub state: String,
    /// Seconds until it is forgotten unless more comes.
    pub expires: u32,
    /// The persistence engine's name and what it knows the client by; null without.
    pub engine: Option<Engine>,
}

/// An address and a port.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Endpoint {
    /// The address; of a template by firewall mark, the mark as an IPv4 address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

/// What a persistence engine knows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Engine {
    /// `sip`
    pub name: String,
    /// What it knows the client by: of SIP, the Call-ID.
    pub data: String,
}

impl From<&connection::Connection<'_>> for Connection {
    fn from(c: &connection::Connection<'_>) -> Connection {
        let endpoint = |(address, port)| Endpoint { address, port };
        Connection {
            protocol: c.protocol.to_ascii_lowercase(),
            client: endpoint(c.client),
            service: endpoint(c.service),
            server: endpoint(c.server),
            state: c.state.to_owned(),
            expires: c.expires,
            engine: c.engine.map(|(name, data)| Engine { name: name.to_owned(), data: data.to_owned() }),
        }
    }
}

/// A synchronisation daemon.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Daemon {
    /// What it does with connections.
    pub state: State,
    /// Name of the multicast interface.
    pub interface: String,
    /// Only messages with the same id are taken; a backup with 0 takes all.
    pub sync_id: u32,
    /// Longest message (UDP payload) in bytes.
    pub sync_maxlen: Option<u16>,
    /// Multicast group.
    pub group: Option<IpAddr>,
    /// UDP port.
    pub port: Option<u16>,
    /// Time to live of the messages.
    pub ttl: Option<u8>,
}

/// What a synchronisation daemon does.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Sends connections to the group.
    Master,
    /// Takes connections from the group.
    Backup,
}

impl From<&model::Daemon> for Daemon {
    fn from(d: &model::Daemon) -> Daemon {
        Daemon {
            state: match d.state {
                DaemonState::Master => State::Master,
                DaemonState::Backup => State::Backup,
            },
            interface: d.interface.clone(),
            sync_id: d.sync_id,
            sync_maxlen: d.sync_maxlen,
            group: d.group,
            port: d.port,
            ttl: d.ttl,
        }
    }
}

/// Timeouts of connections in seconds.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Timeouts {
    /// Established TCP connections.
    pub tcp: u32,
    /// TCP connections after a FIN.
    pub tcp_fin: u32,
    /// UDP.
    pub udp: u32,
}

impl From<model::Timeouts> for Timeouts {
    fn from(t: model::Timeouts) -> Timeouts {
        Timeouts { tcp: t.tcp, tcp_fin: t.tcp_fin, udp: t.udp }
    }
}

#[cfg(test)]
mod tests;
