//! Connections, as `-L -c` lists them.

use crate::ipvs::connection;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;

/// A connection, or a client that stays with its server (a persistence template: state `NONE`, port of the client 0).
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
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
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Endpoint {
    /// The address; of a template by firewall mark, the mark as an IPv4 address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

/// What a persistence engine knows.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
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
