//! Receive buffers of netlink sockets.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How large they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Netlink {
    /// `vrrp_netlink_cmd_rcv_bufs`: answers to the VRRP process.
    pub vrrp_cmd: Buffer,
    /// `vrrp_netlink_monitor_rcv_bufs`: news of links and addresses for the VRRP process.
    pub vrrp_monitor: Buffer,
    /// `lvs_netlink_cmd_rcv_bufs`: answers to the check process.
    pub lvs_cmd: Buffer,
    /// `lvs_netlink_monitor_rcv_bufs`: news of links and addresses for the check process.
    pub lvs_monitor: Buffer,
    /// `process_monitor_rcv_bufs`: news of processes, for `vrrp_track_process`.
    pub process_monitor: Buffer,
}

/// A receive buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Buffer {
    /// Bytes; `None` leaves the kernel's default.
    pub bytes: Option<u32>,
    /// `*_force`: beyond net.core.rmem_max too.
    pub force: bool,
}
