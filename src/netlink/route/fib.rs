//! Routes: listing, adding, deleting. What a route is called here follows `include/uapi/linux/rtnetlink.h`.
//!
//! Attributes are written and read one by one: the kernel's numbers are the configuration's own, and types of a library in
//! between would only have to be filled and emptied.

use crate::net::{Family, IpNet};
use crate::netlink::message::{Attribute, Batch, CREATE, DUMP, EXCLUSIVE, Malformed, Message, Request};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `RTM_NEWROUTE`, `RTM_DELROUTE`, `RTM_GETROUTE`
pub(super) const NEW: u16 = 24;
pub(super) const DELETE: u16 = 25;
const GET: u16 = 26;
/// `NLM_F_APPEND`
const APPEND: u16 = 0x800;
/// Length of `rtmsg`, and where in it the protocol stands.
const HEADER: usize = 12;
pub(super) const PROTOCOL_AT: usize = 5;
/// Length of `rtnexthop`.
const HOP_HEADER: usize = 8;

/// `RTA_*`
const DST: u16 = 1;
const SRC: u16 = 2;
const OIF: u16 = 4;
const GATEWAY: u16 = 5;
const PRIORITY: u16 = 6;
const PREFSRC: u16 = 7;
const METRICS: u16 = 8;
const MULTIPATH: u16 = 9;
const FLOW: u16 = 11;
const TABLE: u16 = 15;
const VIA: u16 = 18;
const PREF: u16 = 20;
const ENCAP_TYPE: u16 = 21;
const ENCAP: u16 = 22;
const EXPIRES: u16 = 23;
const TTL_PROPAGATE: u16 = 26;
/// `RTAX_LOCK`, `RTAX_CC_ALGO`
const LOCK: u16 = 1;
const CC_ALGO: u16 = 16;
/// `RTNH_F_ONLINK`
const ONLINK: u8 = 4;
/// `RT_SCOPE_NOWHERE`: a deletion with it does not ask for the scope.
const NOWHERE: u8 = 255;
/// `RTM_F_CLONED`: an entry of the cache, no route.
const CLONED: u32 = 0x200;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// Of its addresses.
    pub family: Family,
    /// Where to.
    pub destination: IpNet,
    /// IPv6: where from.
    pub source: Option<IpNet>,
    /// The table it stands in.
    pub table: u32,
    /// `RTN_*`; 0 in a deletion is any.
    pub kind: u8,
    /// `RTPROT_*`: who set it.
    pub protocol: u8,
    /// `RT_SCOPE_*`
    pub scope: u8,
    /// Type of service (IPv4).
    pub tos: u8,
    /// The least is taken. 0 in IPv6 becomes 1024.
    pub metric: u32,
    /// Source of connections that begin here.
    pub preferred_source: Option<IpAddr>,
    /// The one way.
    pub hop: Hop,
    /// Several ways.
    pub hops: Vec<Hop>,
    /// Seconds until the kernel removes it (IPv6).
    pub expires: Option<u32>,
    /// `RTAX_*` with their values.
    pub metrics: Vec<(u16, u32)>,
    /// Which metrics the kernel must not change: bit n for `RTAX_*` n.
    pub locked: u32,
    /// Algorithm of congestion control.
    pub congestion_control: Option<String>,
    /// Preference of the router (IPv6), as RFC 4191 numbers it.
    pub preference: Option<u8>,
    /// MPLS labels take over the packet's TTL.
    pub ttl_propagate: Option<bool>,
}

/// A way of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hop {
    /// The next router.
    pub gateway: Option<IpAddr>,
    /// Index of the interface; 0 is none.
    pub interface: u32,
    /// Its share among several, less one.
    pub weight: u8,
    /// The gateway is on this link, whatever the prefix says.
    pub onlink: bool,
    /// The source's realm above, the destination's below (IPv4).
    pub realms: u32,
    /// The header that each packet gets.
    pub encap: Option<Encap>,
}

/// A header around packets: `LWTUNNEL_ENCAP_*`, and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Encap {
    /// Which one.
    pub kind: u16,
    /// Its attributes, as they are sent.
    pub attributes: Vec<(u16, Vec<u8>)>,
}

/// Which place a new route gets among those with the same destination, type of service and metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    /// Before them.
    First,
    /// Behind them.
    Last,
    /// Only if there is none.
    Only,
}

impl Route {
    /// A route to that network in the main table, with the protocol number.
    #[must_use]
    pub const fn new(destination: IpNet, protocol: u8) -> Route {
        Route {
            family: Family::of(destination.address),
            destination,
            source: None,
            table: 254,
            kind: 1,
            protocol,
            scope: 0,
            tos: 0,
            metric: 0,
            preferred_source: None,
            hop: Hop { gateway: None, interface: 0, weight: 0, onlink: false, realms: 0, encap: None },
            hops: Vec::new(),
            expires: None,
            metrics: Vec::new(),
            locked: 0,
            congestion_control: None,
            preference: None,
            ttl_propagate: None,
        }
    }
}

/// Asks for the routes of a protocol number; kernels before 4.20 give all.
pub(super) fn dump(batch: &mut Batch, family: Family, protocol: u8) {
    let mut header = [0; HEADER];
    header[0] = number(family);
    header[PROTOCOL_AT] = protocol;
    batch.begin(GET, DUMP).bytes(&header);
}

/// Asks that the route be added.
pub(super) fn add(batch: &mut Batch, route: &Route, place: Place) {
    let flags = CREATE
        | match place {
            Place::First => 0,
            Place::Last => APPEND,
            Place::Only => EXCLUSIVE,
        };
    write(&mut batch.begin(NEW, flags), route, route.scope);
}

/// Asks that a route be deleted: the first that has everything that this one has, but for the scope.
pub(super) fn delete(batch: &mut Batch, route: &Route) {
    write(&mut batch.begin(DELETE, 0), route, NOWHERE);
}

fn write(request: &mut Request<'_>, route: &Route, scope: u8) {
    let source_len = route.source.map_or(0, |net| net.prefix_len);
    let flags = if route.hop.onlink { u32::from(ONLINK) } else { 0 };
    let table = u8::try_from(route.table).unwrap_or(0);
    let mut header = [
        number(route.family),
        route.destination.prefix_len,
        source_len,
        route.tos,
        table,
        route.protocol,
        scope,
        route.kind,
        0,
        0,
        0,
        0,
    ];
    header[8..].copy_from_slice(&flags.to_ne_bytes());
    request.bytes(&header);
    if table == 0 {
        request.attr_u32(TABLE, route.table);
    }
    if route.destination.prefix_len > 0 {
        address(request, DST, route.destination.address);
    }
    if let Some(net) = route.source {
        address(request, SRC, net.address);
    }
    if let Some(source) = route.preferred_source {
        address(request, PREFSRC, source);
    }
    way(request, &route.hop, route.family);
    if route.hop.interface != 0 {
        request.attr_u32(OIF, route.hop.interface);
    }
    if route.metric != 0 {
        request.attr_u32(PRIORITY, route.metric);
    }
    if let Some(seconds) = route.expires {
        request.attr_u32(EXPIRES, seconds);
    }
    if let Some(preference) = route.preference {
        request.attr_u8(PREF, preference);
    }
    if let Some(propagate) = route.ttl_propagate {
        request.attr_u8(TTL_PROPAGATE, propagate.into());
    }
    if !route.metrics.is_empty() || route.congestion_control.is_some() {
        request.nested(METRICS, |inner| {
            for (kind, value) in &route.metrics {
                inner.attr_u32(*kind, *value);
            }
            if let Some(name) = &route.congestion_control {
                inner.attr_str(CC_ALGO, name);
            }
            if route.locked != 0 {
                inner.attr_u32(LOCK, route.locked);
            }
        });
    }
    if !route.hops.is_empty() {
        request.nested(MULTIPATH, |inner| {
            for hop in &route.hops {
                let mut header = [0; HOP_HEADER];
                header[2] = if hop.onlink { ONLINK } else { 0 };
                header[3] = hop.weight;
                header[4..].copy_from_slice(&hop.interface.to_ne_bytes());
                inner.measured(&header, |inner| way(inner, hop, route.family));
            }
        });
    }
}

/// Gateway, realms and encapsulation.
fn way(request: &mut Request<'_>, hop: &Hop, family: Family) {
    match hop.gateway {
        Some(gateway) if Family::of(gateway) == family => address(request, GATEWAY, gateway),
        Some(gateway) => {
            let mut via = u16::from(number(Family::of(gateway))).to_ne_bytes().to_vec();
            match gateway {
                IpAddr::V4(ip) => via.extend(ip.octets()),
                IpAddr::V6(ip) => via.extend(ip.octets()),
            }
            request.attr(VIA, &via);
        }
        None => {}
    }
    if hop.realms != 0 {
        request.attr_u32(FLOW, hop.realms);
    }
    if let Some(encap) = &hop.encap {
        request.nested(ENCAP, |inner| {
            for (kind, payload) in &encap.attributes {
                inner.attr(*kind, payload);
            }
        });
        request.attr_u16(ENCAP_TYPE, encap.kind);
    }
}

pub(super) fn address(request: &mut Request<'_>, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(ip) => request.attr(kind, &ip.octets()),
        IpAddr::V6(ip) => request.attr(kind, &ip.octets()),
    };
}

/// `AF_INET`, `AF_INET6`
pub(super) const fn number(family: Family) -> u8 {
    match family {
        Family::V4 => libc::AF_INET as u8,
        Family::V6 => libc::AF_INET6 as u8,
    }
}

pub(super) fn family(number: u8) -> Option<Family> {
    match i32::from(number) {
        libc::AF_INET => Some(Family::V4),
        libc::AF_INET6 => Some(Family::V6),
        _ => None,
    }
}

/// The address of an attribute.
pub(super) fn ip(attribute: &Attribute<'_>) -> Option<IpAddr> {
    match attribute.payload.len() {
        4 => attribute.array::<4>().map(|b| Ipv4Addr::from(b).into()),
        16 => attribute.array::<16>().map(|b| Ipv6Addr::from(b).into()),
        _ => None,
    }
}

/// Every address of a family.
pub(super) const fn any(family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

/// Reads an `RTM_NEWROUTE` or `RTM_DELROUTE`, without its metrics, headers and lifetime; `None` for another family, or an
/// entry of the cache.
pub(super) fn read(message: &Message<'_>) -> Result<Option<Route>, Malformed> {
    let header: &[u8; HEADER] = message.payload.first_chunk().ok_or(Malformed)?;
    let [of, to_len, from_len, tos, table, protocol, scope, kind, flags @ ..] = *header;
    let flags = u32::from_ne_bytes(flags);
    let Some(family) = family(of).filter(|_| flags & CLONED == 0) else { return Ok(None) };
    let any = any(family);
    let mut route = Route::new(IpNet { address: any, prefix_len: to_len }, protocol);
    route.table = table.into();
    (route.scope, route.kind, route.tos) = (scope, kind, tos);
    route.source = (from_len > 0).then_some(IpNet { address: any, prefix_len: from_len });
    route.hop.onlink = flags & u32::from(ONLINK) != 0;
    for attribute in message.attributes(HEADER)? {
        let attribute = attribute?;
        match attribute.kind {
            DST => route.destination.address = ip(&attribute).ok_or(Malformed)?,
            SRC => {
                if let Some(net) = &mut route.source {
                    net.address = ip(&attribute).ok_or(Malformed)?;
                }
            }
            PREFSRC => route.preferred_source = ip(&attribute),
            OIF => route.hop.interface = attribute.u32().ok_or(Malformed)?,
            GATEWAY | VIA => route.hop.gateway = gateway(&attribute),
            PRIORITY => route.metric = attribute.u32().ok_or(Malformed)?,
            TABLE => route.table = attribute.u32().ok_or(Malformed)?,
            FLOW => route.hop.realms = attribute.u32().unwrap_or_default(),
            MULTIPATH => route.hops = hops(attribute.payload)?,
            _ => {}
        }
    }
    Ok(Some(route))
}

fn gateway(attribute: &Attribute<'_>) -> Option<IpAddr> {
    match attribute.kind {
        GATEWAY => ip(attribute),
        // The family stands before it.
        _ => ip(&Attribute { kind: VIA, payload: attribute.payload.get(2..)? }),
    }
}

fn hops(mut bytes: &[u8]) -> Result<Vec<Hop>, Malformed> {
    let mut hops = Vec::new();
    while let Some(header) = bytes.first_chunk::<HOP_HEADER>() {
        let [l0, l1, flags, weight, index @ ..] = *header;
        let len = usize::from(u16::from_ne_bytes([l0, l1]));
        let inner = bytes.get(HOP_HEADER..len).ok_or(Malformed)?;
        let mut hop = Hop {
            interface: u32::from_ne_bytes(index),
            weight,
            onlink: flags & ONLINK != 0,
            ..Hop::default()
        };
        for attribute in (Attribute { kind: MULTIPATH, payload: inner }).nested() {
            let attribute = attribute?;
            match attribute.kind {
                GATEWAY | VIA => hop.gateway = gateway(&attribute),
                FLOW => hop.realms = attribute.u32().unwrap_or_default(),
                _ => {}
            }
        }
        hops.push(hop);
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(hops)
}
