//! What a configuration says of BFD: the `bfd_instance` blocks, every default resolved.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// Every session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Config {
    /// The `bfd_instance` blocks in the order of the file; names are unique.
    pub instances: Vec<Instance>,
}

/// One `bfd_instance` block: a session with a neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Instance {
    /// The block's name, up to 31 bytes.
    pub name: String,
    /// `neighbor_ip`: with whom.
    pub neighbor: IpAddr,
    /// `source_ip`: from which address of ours.
    pub source: Option<IpAddr>,
    /// `min_rx`: least interval between packets that we can receive.
    pub min_rx: Duration,
    /// `min_tx`: least interval between packets that we would send.
    pub min_tx: Duration,
    /// `idle_tx`: interval between packets while the session is not up.
    pub idle_tx: Duration,
    /// `multiplier`: after so many missing packets the session is down.
    pub multiplier: u8,
    /// `passive`: wait for the neighbour's first packet.
    pub passive: bool,
    /// `ttl` or `hoplimit` of what is sent: 255 (IPv4) or 64 (IPv6) unless given.
    pub ttl: u8,
    /// `max_hops`: how many routers may lie in between, by the TTL of what comes in; `None` does not look at it.
    pub max_hops: Option<u8>,
    /// `multihop`: several hops apart (RFC 5883), on port 4784.
    pub multihop: bool,
    /// `weight`: what the session counts for instances that track it without a weight of their own.
    pub weight: Weight,
    /// Whether VRRP hears of it: unless only `checker` is given.
    pub for_vrrp: bool,
    /// Whether checkers hear of it: unless only `vrrp` is given.
    pub for_checkers: bool,
}

impl Instance {
    /// A session with keepalived's defaults.
    #[must_use]
    pub fn new(name: impl Into<String>, neighbor: IpAddr) -> Instance {
        Instance {
            name: name.into(),
            neighbor,
            source: None,
            min_rx: Duration::from_millis(10),
            min_tx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: 5,
            passive: false,
            ttl: default_ttl(neighbor),
            max_hops: Some(0),
            multihop: false,
            weight: Weight::default(),
            for_vrrp: true,
            for_checkers: true,
        }
    }
}

/// The TTL (255) or hop limit (64) of a session that sets none.
#[must_use]
pub const fn default_ttl(neighbor: IpAddr) -> u8 {
    match neighbor {
        IpAddr::V4(_) => 255,
        IpAddr::V6(_) => 64,
    }
}

/// `weight`: what is added to a priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Weight {
    /// −253 to 253; 0 puts the instance into fault state.
    pub value: i16,
    /// `reverse`: the other way round.
    pub reversed: bool,
}
