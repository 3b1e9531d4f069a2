//! What services and servers have counted.

use crate::ipvs::model;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;

/// Numbers of connections, packets and bytes; as rates, a second.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
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

impl Counters {
    /// What was counted.
    pub(super) const fn counted(s: &model::Stats) -> Counters {
        Counters {
            connections: s.conns,
            incoming_packets: s.inpkts,
            outgoing_packets: s.outpkts,
            incoming_bytes: s.inbytes,
            outgoing_bytes: s.outbytes,
        }
    }

    /// The kernel's averages a second.
    pub(super) const fn averages(s: &model::Stats) -> Counters {
        Counters {
            connections: s.cps,
            incoming_packets: s.inpps,
            outgoing_packets: s.outpps,
            incoming_bytes: s.inbps,
            outgoing_bytes: s.outbps,
        }
    }
}
