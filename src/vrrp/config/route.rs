//! Routes: lines of `virtual_routes` and `static_routes`, with the kernel's numbers in them.

use crate::net::{Family, IpNet};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The protocol number by which keepalived knows its own routes and rules (`RTPROT_KEEPALIVED`).
pub const PROTOCOL_KEEPALIVED: u8 = 18;

/// The main routing table (`RT_TABLE_MAIN`).
pub const TABLE_MAIN: u32 = 254;

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Route {
    /// Of all its addresses.
    pub family: Family,
    /// What becomes of a packet that it matches.
    pub kind: RouteKind,
    /// `to`: where to; prefix length 0 is the default route.
    pub destination: IpNet,
    /// `from`: only for packets from there (IPv6).
    pub from: Option<IpNet>,
    /// `src`: source address for connections that begin here.
    pub preferred_source: Option<IpAddr>,
    /// `via` and `dev`, with all that belongs to them.
    pub next_hop: NextHop,
    /// `nexthop …` (and `or`): several ways, shared by weight.
    pub next_hops: Vec<NextHop>,
    /// `table`, by its number.
    pub table: u32,
    /// `vrf`: the table of this VRF device instead.
    pub vrf: Option<String>,
    /// `protocol`: who set it; 18 (keepalived) where the route is tracked.
    pub protocol: Option<u8>,
    /// `scope` as the kernel numbers it; 0 global.
    pub scope: Option<u8>,
    /// `tos`.
    pub tos: Option<u8>,
    /// `metric`, `priority` or `preference`.
    pub metric: Option<u32>,
    /// `expires`: removed by the kernel after so many seconds (IPv6).
    pub expires: Option<u32>,
    /// `mtu`, `advmss`, `rtt` and their like.
    pub metrics: BTreeMap<Metric, MetricValue>,
    /// `congctl`: algorithm of congestion control.
    pub congestion_control: Option<CongestionControl>,
    /// `features ecn`.
    pub ecn: bool,
    /// `pref`: preference of the router (IPv6), as RFC 4191 numbers it.
    pub router_preference: Option<u8>,
    /// `ttl-propagate`: MPLS labels take over the packet's TTL.
    pub ttl_propagate: Option<bool>,
    /// `add`, `append`, `prepend`: which place among routes to the same destination.
    pub insert: Insert,
    /// Not `no_track`: the instance leaves master state when somebody deletes the route.
    pub tracked: bool,
}

impl Route {
    /// A route without options.
    #[must_use]
    pub fn new(destination: IpNet) -> Route {
        Route {
            family: Family::of(destination.address),
            kind: RouteKind::Unicast,
            destination,
            from: None,
            preferred_source: None,
            next_hop: NextHop::default(),
            next_hops: Vec::new(),
            table: TABLE_MAIN,
            vrf: None,
            protocol: Some(PROTOCOL_KEEPALIVED),
            scope: None,
            tos: None,
            metric: None,
            expires: None,
            metrics: BTreeMap::new(),
            congestion_control: None,
            ecn: false,
            router_preference: None,
            ttl_propagate: None,
            insert: Insert::Prepend,
            tracked: true,
        }
    }
}

/// The type of a route (`RTN_*`, `rtnetlink.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum RouteKind {
    /// Sent on.
    Unicast,
    /// Ours.
    Local,
    /// Received as broadcast, sent as broadcast.
    Broadcast,
    /// Received as broadcast, sent as unicast.
    Anycast,
    /// To a group.
    Multicast,
    /// Dropped in silence.
    Blackhole,
    /// Answered with host unreachable.
    Unreachable,
    /// Answered with administratively prohibited.
    Prohibit,
    /// The look-up goes on in another table.
    Throw,
    /// Address translation; the kernel no longer does it.
    Nat,
    /// Resolved by a program; the kernel does not do it.
    XResolve,
    /// By its number.
    Other(u8),
}

/// Where a packet goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct NextHop {
    /// `via`: the gateway.
    pub via: Option<IpAddr>,
    /// `dev`.
    pub interface: Option<String>,
    /// `weight`, 1 to 256: the share of this way among several.
    pub weight: Option<u16>,
    /// `onlink`: the gateway is reached on this link, whatever the prefix says.
    pub onlink: bool,
    /// `realms` (IPv4).
    pub realms: Option<Realms>,
    /// `encap`: into which header it is packed.
    pub encap: Option<Encap>,
}

/// Realms of routing, for accounting and policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Realms {
    /// Of the source; `None` where only one realm is given.
    pub source: Option<u16>,
    /// Of the destination.
    pub destination: u16,
}

/// Where among routes to the same destination a new one is put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Insert {
    /// Before them; keepalived's default.
    #[default]
    Prepend,
    /// Only if there is none, as `ip route add`.
    Add,
    /// Behind them.
    Append,
}

/// A number that goes with a route (`RTAX_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Metric {
    /// Bytes of the largest packet.
    Mtu,
    /// Bytes of the largest TCP window that is advertised.
    Window,
    /// Round-trip time in 1/8 ms.
    Rtt,
    /// Its variance in 1/4 ms.
    RttVar,
    /// Threshold of slow start in segments.
    SsThresh,
    /// Bound of the congestion window in segments.
    Cwnd,
    /// Bytes of the largest TCP segment that is advertised.
    AdvMss,
    /// Segments that may arrive out of order.
    Reordering,
    /// Time to live of what is sent.
    HopLimit,
    /// Congestion window at the start, in segments.
    InitCwnd,
    /// Least retransmission timeout in milliseconds.
    RtoMin,
    /// Receive window at the start, in segments.
    InitRwnd,
    /// 1: acknowledge at once.
    QuickAck,
    /// 1: TCP fast open without a cookie.
    FastOpenNoCookie,
}

/// The value of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct MetricValue {
    /// In the metric's unit.
    pub value: u32,
    /// `lock`: the kernel does not change it.
    pub locked: bool,
}

/// `congctl`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct CongestionControl {
    /// The algorithm's name.
    pub name: String,
    /// `lock`: no socket chooses another one.
    pub locked: bool,
}

/// A header around each packet of a route (`LWTUNNEL_ENCAP_*`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Encap {
    /// `encap ip`
    Ip {
        /// Key of the tunnel.
        id: Option<u64>,
        /// Where to.
        destination: Option<Ipv4Addr>,
        /// Where from.
        source: Option<Ipv4Addr>,
        /// Type of service.
        tos: Option<u8>,
        /// Time to live.
        ttl: Option<u8>,
        /// Flags of the tunnel.
        flags: Option<u16>,
    },
    /// `encap ip6`
    Ip6 {
        /// Key of the tunnel.
        id: Option<u64>,
        /// Where to.
        destination: Option<Ipv6Addr>,
        /// Where from.
        source: Option<Ipv6Addr>,
        /// Traffic class.
        traffic_class: Option<u8>,
        /// Hop limit.
        hop_limit: Option<u8>,
        /// Flags of the tunnel.
        flags: Option<u16>,
    },
    /// `encap mpls`: labels, outermost first.
    Mpls(Vec<u32>),
    /// `encap ila`: the locator that replaces the first half of the address.
    Ila(u64),
}
