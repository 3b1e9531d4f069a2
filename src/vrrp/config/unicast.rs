//! Adverts to named routers instead of a group.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// `unicast_peer` and the other `unicast_*` keywords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Unicast {
    /// `unicast_peer`: where adverts go, each address once. Empty only with `fault_without_peers`.
    pub peers: Vec<Peer>,
    /// `unicast_fault_no_peer`: with no peer left the instance is in FAULT, instead of falling back on multicast.
    pub fault_without_peers: bool,
    /// `unicast_ttl`: of the adverts sent. 255 for IPv4, what the kernel takes for IPv6, unless it is given.
    pub ttl: Option<u8>,
    /// `check_unicast_src`, global `vrrp_check_unicast_src`, or a peer with limits: only peers are believed.
    pub check_source: bool,
    /// `old_unicast_checksum`.
    pub old_checksum: OldChecksum,
}

/// A line of `unicast_peer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Peer {
    /// Its address, of the instance's family.
    pub address: IpAddr,
    /// `min_ttl`: adverts that arrive with less are discarded; 0 by default.
    pub min_ttl: u8,
    /// `max_ttl`: adverts that arrive with more are discarded; 255 by default.
    pub max_ttl: u8,
}

/// How checksums of version 3 are made over unicast: keepalived up to 1.3.6 left the pseudo header's addresses out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum OldChecksum {
    /// As in the RFC, and the old way once a peer was seen to use it.
    #[default]
    Detect,
    /// `old_unicast_checksum`: the old way.
    Always,
    /// `old_unicast_checksum never`: as in the RFC.
    Never,
}
