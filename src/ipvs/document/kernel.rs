//! What the kernel's IPVS has beside its table: version, synchronisation daemons, timeouts.

use crate::ipvs::model::{self, DaemonState};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;

/// What the kernel says of its IPVS.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
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

/// A synchronisation daemon.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
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
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
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
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
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
