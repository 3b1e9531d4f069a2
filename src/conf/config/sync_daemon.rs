//! `lvs_sync_daemon`: the VRRP process follows an instance with it, the check process runs it without one.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// `lvs_sync_daemon INTERFACE …`: the kernel's connection synchronisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SyncDaemon {
    /// Where the messages go out and come in.
    pub interface: String,
    /// `inst`: the `vrrp_instance` whose state decides between master and backup; both run without.
    pub instance: Option<String>,
    /// `id`: 0 to 255; the instance's VRID where the file has none, or 0.
    pub id: Option<u8>,
    /// `maxlen`: bytes of a message.
    pub maxlen: Option<u16>,
    /// `port`: 8848 without.
    pub port: Option<u16>,
    /// `ttl` of the messages.
    pub ttl: Option<u8>,
    /// `group`: 224.0.0.81 without.
    pub group: Option<IpAddr>,
}
