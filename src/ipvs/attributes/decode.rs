//! Replies: what the kernel lists, as values.
//!
//! Each function takes a message's payload behind its netlink header. Nothing here panics, whatever the bytes.

use super::number::{CommandAttr, DaemonAttr, DestAttr, InfoAttr, ServiceAttr};
use crate::ipvs::model::{
    Daemon, DaemonState, Dest, DestEntry, DestKey, Forward, Info, Netmask, Protocol, Service, ServiceEntry,
    ServiceFlags, ServiceKey, Stats, Timeouts, Tunnel, TunnelFlags, TunnelKind,
};
use crate::net::Family;
use crate::netlink::message::{Attribute, Attributes, ByKind, Malformed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Length of `genlmsghdr`.
const GENERIC_HEADER: usize = 4;

/// Why a reply could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Lengths that contradict each other.
    #[error("attributes do not fit into their message")]
    Malformed,
    /// An attribute that must be there is not, or has another length.
    #[error("no {0}")]
    Missing(&'static str),
    /// A value that this program does not know.
    #[error("unknown {0} {1}")]
    Unknown(&'static str, u32),
}

impl From<Malformed> for DecodeError {
    fn from(_: Malformed) -> DecodeError {
        DecodeError::Malformed
    }
}

/// Whether a listing needs the counters of its servers: reading them takes as long as the rest of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// They are read.
    Read,
    /// They are left at 0.
    Leave,
}

type Result<T> = std::result::Result<T, DecodeError>;

/// A message of [`super::encode::Query::Services`] or [`super::encode::Query::Service`].
pub fn service(payload: &[u8]) -> Result<ServiceEntry> {
    let found = ByKind::<13>::new(command(payload, CommandAttr::Service, "service")?)?;
    let a = |kind: ServiceAttr| found.get(kind);
    let family = family(need(a(ServiceAttr::Af), Attribute::u16, "address family")?)?;
    let key = match a(ServiceAttr::Fwmark).and_then(|a| a.u32()) {
        Some(mark) if mark != 0 => ServiceKey::Fwmark { mark, family },
        _ => {
            let number = need(a(ServiceAttr::Protocol), Attribute::u16, "protocol")?;
            ServiceKey::Address {
                protocol: Protocol::from_number(number)
                    .ok_or(DecodeError::Unknown("protocol", u32::from(number)))?,
                address: address(family, need(a(ServiceAttr::Addr), Attribute::array, "address")?),
                port: need(a(ServiceAttr::Port), Attribute::be16, "port")?,
            }
        }
    };
    let netmask: [u8; 4] = need(a(ServiceAttr::Netmask), Attribute::array, "netmask")?;
    let [f0, f1, f2, f3, m0, m1, m2, m3] = need(a(ServiceAttr::Flags), Attribute::array, "flags")?;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]) & u32::from_ne_bytes([m0, m1, m2, m3]);
    Ok(ServiceEntry {
        service: Service {
            key,
            scheduler: need(a(ServiceAttr::SchedName), text, "scheduler")?,
            flags: ServiceFlags::from_bits_retain(flags).difference(ServiceFlags::HASHED),
            timeout: need(a(ServiceAttr::Timeout), Attribute::u32, "timeout")?,
            netmask: match family {
                Family::V4 => Netmask::Mask(Ipv4Addr::from(netmask)),
                Family::V6 => Netmask::Prefix(u32::from_ne_bytes(netmask).try_into().unwrap_or(u8::MAX)),
            },
            pe_name: a(ServiceAttr::PeName).as_ref().and_then(text).filter(|name| !name.is_empty()),
        },
        stats: stats(a(ServiceAttr::Stats64).or(a(ServiceAttr::Stats)))?,
    })
}

/// A message of [`super::encode::Query::Dests`]; the family is its service's, which is the destination's too unless
/// the kernel says otherwise.
pub fn dest(payload: &[u8], service: Family, counters: Counters) -> Result<DestEntry> {
    let found = ByKind::<16>::new(command(payload, CommandAttr::Dest, "destination")?)?;
    let a = |kind: DestAttr| found.get(kind);
    let family = a(DestAttr::AddrFamily).and_then(|a| a.u16()).map_or(Ok(service), family)?;
    let number = |kind, name| need(a(kind), Attribute::u32, name);
    let forward = match number(DestAttr::FwdMethod, "forwarding method")? & 7 {
        0 => Forward::Masq,
        1 => Forward::Local,
        2 => Forward::Tunnel(Tunnel {
            kind: match a(DestAttr::TunType).and_then(|a| a.u8()).unwrap_or(0) {
                0 => TunnelKind::Ipip,
                1 => TunnelKind::Gue,
                2 => TunnelKind::Gre,
                n => return Err(DecodeError::Unknown("tunnel type", u32::from(n))),
            },
            port: a(DestAttr::TunPort).and_then(|a| a.be16()).unwrap_or(0),
            flags: TunnelFlags::from_bits_retain(a(DestAttr::TunFlags).and_then(|a| a.u16()).unwrap_or(0)),
        }),
        3 => Forward::DirectRoute,
        4 => Forward::Bypass,
        n => return Err(DecodeError::Unknown("forwarding method", n)),
    };
    Ok(DestEntry {
        dest: Dest {
            key: DestKey {
                address: address(family, need(a(DestAttr::Addr), Attribute::array, "address")?),
                port: need(a(DestAttr::Port), Attribute::be16, "port")?,
            },
            forward,
            weight: number(DestAttr::Weight, "weight")?,
            upper_threshold: number(DestAttr::UThresh, "upper threshold")?,
            lower_threshold: number(DestAttr::LThresh, "lower threshold")?,
        },
        active_conns: number(DestAttr::ActiveConns, "number of active connections")?,
        inactive_conns: number(DestAttr::InactConns, "number of inactive connections")?,
        persistent_conns: number(DestAttr::PersistConns, "number of persistent connections")?,
        stats: match counters {
            Counters::Read => stats(a(DestAttr::Stats64).or(a(DestAttr::Stats)))?,
            Counters::Leave => Stats::default(),
        },
    })
}

/// A message of [`super::encode::Query::Timeouts`].
pub fn timeouts(payload: &[u8]) -> Result<Timeouts> {
    let mut timeouts = Timeouts::default();
    for a in attributes(payload)? {
        let a = a?;
        match CommandAttr::from(a.kind) {
            CommandAttr::TimeoutTcp => timeouts.tcp = a.u32().ok_or(DecodeError::Missing("TCP timeout"))?,
            CommandAttr::TimeoutTcpFin => {
                timeouts.tcp_fin = a.u32().ok_or(DecodeError::Missing("TCP FIN timeout"))?;
            }
            CommandAttr::TimeoutUdp => timeouts.udp = a.u32().ok_or(DecodeError::Missing("UDP timeout"))?,
            _ => {}
        }
    }
    Ok(timeouts)
}

/// A message of [`super::encode::Query::Info`].
pub fn info(payload: &[u8]) -> Result<Info> {
    let (mut version, mut size) = (None, None);
    for a in attributes(payload)? {
        let a = a?;
        match InfoAttr::from(a.kind) {
            InfoAttr::Version => version = a.u32(),
            InfoAttr::ConnTabSize => size = a.u32(),
            _ => {}
        }
    }
    Ok(Info {
        version: version.ok_or(DecodeError::Missing("version"))?,
        conn_tab_size: size.ok_or(DecodeError::Missing("size of the connection table"))?,
    })
}

/// A message of [`super::encode::Query::Daemons`].
pub fn daemon(payload: &[u8]) -> Result<Daemon> {
    let (mut state, mut interface, mut sync_id) = (None, None, None);
    let (mut sync_maxlen, mut group, mut port, mut ttl) = (None, None, None, None);
    for a in command(payload, CommandAttr::Daemon, "daemon")? {
        let a = a?;
        match DaemonAttr::from(a.kind) {
            DaemonAttr::State => state = a.u32(),
            DaemonAttr::McastIfn => interface = text(&a),
            DaemonAttr::SyncId => sync_id = a.u32(),
            DaemonAttr::SyncMaxlen => sync_maxlen = a.u16(),
            DaemonAttr::McastGroup => group = a.array().map(|b: [u8; 4]| IpAddr::from(b)),
            DaemonAttr::McastGroup6 => group = a.array().map(|b: [u8; 16]| IpAddr::from(b)),
            DaemonAttr::McastPort => port = a.u16(),
            DaemonAttr::McastTtl => ttl = a.u8(),
            _ => {}
        }
    }
    Ok(Daemon {
        state: match state.ok_or(DecodeError::Missing("state of the daemon"))? {
            1 => DaemonState::Master,
            2 => DaemonState::Backup,
            n => return Err(DecodeError::Unknown("state of the daemon", n)),
        },
        interface: interface.ok_or(DecodeError::Missing("interface of the daemon"))?,
        sync_id: sync_id.ok_or(DecodeError::Missing("sync id"))?,
        sync_maxlen: sync_maxlen.filter(|&n| n != 0),
        group,
        port: port.filter(|&n| n != 0),
        ttl: ttl.filter(|&n| n != 0),
    })
}

fn attributes(payload: &[u8]) -> Result<Attributes<'_>> {
    payload.get(GENERIC_HEADER..).map(Attributes::new).ok_or(DecodeError::Malformed)
}

/// The attributes within the command attribute `wanted`.
fn command<'a>(payload: &'a [u8], wanted: CommandAttr, name: &'static str) -> Result<Attributes<'a>> {
    let wanted = u16::from(wanted);
    for a in attributes(payload)? {
        let a = a?;
        if a.kind == wanted {
            return Ok(a.nested());
        }
    }
    Err(DecodeError::Missing(name))
}

fn text(a: &Attribute<'_>) -> Option<String> {
    a.str().map(str::to_owned)
}

fn family(af: u16) -> Result<Family> {
    match i32::from(af) {
        libc::AF_INET => Ok(Family::V4),
        libc::AF_INET6 => Ok(Family::V6),
        _ => Err(DecodeError::Unknown("address family", u32::from(af))),
    }
}

fn address(family: Family, bytes: [u8; 16]) -> IpAddr {
    let [a, b, c, d, ..] = bytes;
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        Family::V6 => IpAddr::V6(Ipv6Addr::from(bytes)),
    }
}

/// What `read` makes of an attribute that must be there.
fn need<'a, T>(
    attribute: Option<Attribute<'a>>,
    read: impl Fn(&Attribute<'a>) -> Option<T>,
    name: &'static str,
) -> Result<T> {
    attribute.as_ref().and_then(read).ok_or(DecodeError::Missing(name))
}

/// Both forms: 64-bit everywhere, or (before Linux 4.1) 64-bit for bytes only.
fn stats(attribute: Option<Attribute<'_>>) -> Result<Stats> {
    // Their numbers count up from 1 (`StatsAttr`), padding comes behind them.
    let mut counters = [0; 11];
    for a in attribute.iter().flat_map(Attribute::nested) {
        let a = a?;
        if let Some(counter) = counters.get_mut(usize::from(a.kind)) {
            *counter = a.u64().or_else(|| a.u32().map(u64::from)).ok_or(DecodeError::Missing("counter"))?;
        }
    }
    let [_, conns, inpkts, outpkts, inbytes, outbytes, cps, inpps, outpps, inbps, outbps] = counters;
    Ok(Stats { conns, inpkts, outpkts, inbytes, outbytes, cps, inpps, outpps, inbps, outbps })
}
