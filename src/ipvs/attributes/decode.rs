//! Replies: what the kernel lists, as values.
//!
//! Each function takes a message's payload behind its netlink header. Nothing here panics, whatever the bytes.

use super::number::{CommandAttr, DaemonAttr, DestAttr, InfoAttr, ServiceAttr, StatsAttr};
use crate::ipvs::model::{
    Daemon, DaemonState, Dest, DestEntry, DestKey, Forward, Info, Netmask, Protocol, Service, ServiceEntry,
    ServiceFlags, ServiceKey, Stats, Timeouts, Tunnel, TunnelFlags, TunnelKind,
};
use crate::net::Family;
use crate::netlink::message::{Attribute, Attributes, Malformed};
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

type Result<T> = std::result::Result<T, DecodeError>;

/// A message of [`super::encode::Query::Services`] or [`super::encode::Query::Service`].
pub fn service(payload: &[u8]) -> Result<ServiceEntry> {
    let mut raw = RawService::default();
    for a in command(payload, CommandAttr::Service, "service")? {
        let a = a?;
        match ServiceAttr::from(a.kind) {
            ServiceAttr::Af => raw.af = a.u16(),
            ServiceAttr::Protocol => raw.protocol = a.u16(),
            ServiceAttr::Addr => raw.address = a.array(),
            ServiceAttr::Port => raw.port = a.be16(),
            ServiceAttr::Fwmark => raw.fwmark = a.u32(),
            ServiceAttr::SchedName => raw.scheduler = text(&a),
            ServiceAttr::Flags => raw.flags = a.array::<8>(),
            ServiceAttr::Timeout => raw.timeout = a.u32(),
            ServiceAttr::Netmask => raw.netmask = a.array(),
            ServiceAttr::PeName => raw.pe_name = text(&a).filter(|name| !name.is_empty()),
            ServiceAttr::Stats => raw.stats = raw.stats.or(Some(a)),
            ServiceAttr::Stats64 => raw.stats = Some(a),
            _ => {}
        }
    }
    raw.build()
}

/// A message of [`super::encode::Query::Dests`]; `family` is the service's, which is the destination's too unless
/// the kernel says otherwise.
pub fn dest(payload: &[u8], family: Family) -> Result<DestEntry> {
    let mut raw = RawDest::default();
    for a in command(payload, CommandAttr::Dest, "destination")? {
        let a = a?;
        match DestAttr::from(a.kind) {
            DestAttr::Addr => raw.address = a.array(),
            DestAttr::Port => raw.port = a.be16(),
            DestAttr::FwdMethod => raw.forward = a.u32(),
            DestAttr::Weight => raw.weight = a.u32(),
            DestAttr::UThresh => raw.upper = a.u32(),
            DestAttr::LThresh => raw.lower = a.u32(),
            DestAttr::ActiveConns => raw.active = a.u32(),
            DestAttr::InactConns => raw.inactive = a.u32(),
            DestAttr::PersistConns => raw.persistent = a.u32(),
            DestAttr::AddrFamily => raw.af = a.u16(),
            DestAttr::TunType => raw.tunnel_kind = a.u8().unwrap_or(0),
            DestAttr::TunPort => raw.tunnel_port = a.be16().unwrap_or(0),
            DestAttr::TunFlags => raw.tunnel_flags = a.u16().unwrap_or(0),
            DestAttr::Stats => raw.stats = raw.stats.or(Some(a)),
            DestAttr::Stats64 => raw.stats = Some(a),
            _ => {}
        }
    }
    raw.build(family)
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

#[derive(Default)]
struct RawService<'a> {
    af: Option<u16>,
    protocol: Option<u16>,
    address: Option<[u8; 16]>,
    port: Option<u16>,
    fwmark: Option<u32>,
    scheduler: Option<String>,
    flags: Option<[u8; 8]>,
    timeout: Option<u32>,
    netmask: Option<[u8; 4]>,
    pe_name: Option<String>,
    stats: Option<Attribute<'a>>,
}

impl RawService<'_> {
    fn build(self) -> Result<ServiceEntry> {
        let family = family(self.af.ok_or(DecodeError::Missing("address family"))?)?;
        let key = match self.fwmark {
            Some(mark) if mark != 0 => ServiceKey::Fwmark { mark, family },
            _ => {
                let number = self.protocol.ok_or(DecodeError::Missing("protocol"))?;
                ServiceKey::Address {
                    protocol: Protocol::from_number(number)
                        .ok_or(DecodeError::Unknown("protocol", u32::from(number)))?,
                    address: address(family, self.address.ok_or(DecodeError::Missing("address"))?),
                    port: self.port.ok_or(DecodeError::Missing("port"))?,
                }
            }
        };
        let netmask = self.netmask.ok_or(DecodeError::Missing("netmask"))?;
        let [f0, f1, f2, f3, m0, m1, m2, m3] = self.flags.ok_or(DecodeError::Missing("flags"))?;
        let flags = u32::from_ne_bytes([f0, f1, f2, f3]) & u32::from_ne_bytes([m0, m1, m2, m3]);
        Ok(ServiceEntry {
            service: Service {
                key,
                scheduler: self.scheduler.ok_or(DecodeError::Missing("scheduler"))?,
                flags: ServiceFlags::from_bits_retain(flags).difference(ServiceFlags::HASHED),
                timeout: self.timeout.ok_or(DecodeError::Missing("timeout"))?,
                netmask: match family {
                    Family::V4 => Netmask::Mask(Ipv4Addr::from(netmask)),
                    Family::V6 => Netmask::Prefix(u32::from_ne_bytes(netmask).try_into().unwrap_or(u8::MAX)),
                },
                pe_name: self.pe_name,
            },
            stats: stats(self.stats)?,
        })
    }
}

#[derive(Default)]
struct RawDest<'a> {
    af: Option<u16>,
    address: Option<[u8; 16]>,
    port: Option<u16>,
    forward: Option<u32>,
    weight: Option<u32>,
    upper: Option<u32>,
    lower: Option<u32>,
    active: Option<u32>,
    inactive: Option<u32>,
    persistent: Option<u32>,
    tunnel_kind: u8,
    tunnel_port: u16,
    tunnel_flags: u16,
    stats: Option<Attribute<'a>>,
}

impl RawDest<'_> {
    fn build(self, service: Family) -> Result<DestEntry> {
        let family = self.af.map_or(Ok(service), family)?;
        let forward = match self.forward.ok_or(DecodeError::Missing("forwarding method"))? & 7 {
            0 => Forward::Masq,
            1 => Forward::Local,
            2 => Forward::Tunnel(Tunnel {
                kind: match self.tunnel_kind {
                    0 => TunnelKind::Ipip,
                    1 => TunnelKind::Gue,
                    2 => TunnelKind::Gre,
                    n => return Err(DecodeError::Unknown("tunnel type", u32::from(n))),
                },
                port: self.tunnel_port,
                flags: TunnelFlags::from_bits_retain(self.tunnel_flags),
            }),
            3 => Forward::DirectRoute,
            4 => Forward::Bypass,
            n => return Err(DecodeError::Unknown("forwarding method", n)),
        };
        Ok(DestEntry {
            dest: Dest {
                key: DestKey {
                    address: address(family, self.address.ok_or(DecodeError::Missing("address"))?),
                    port: self.port.ok_or(DecodeError::Missing("port"))?,
                },
                forward,
                weight: self.weight.ok_or(DecodeError::Missing("weight"))?,
                upper_threshold: self.upper.ok_or(DecodeError::Missing("upper threshold"))?,
                lower_threshold: self.lower.ok_or(DecodeError::Missing("lower threshold"))?,
            },
            active_conns: self.active.ok_or(DecodeError::Missing("number of active connections"))?,
            inactive_conns: self.inactive.ok_or(DecodeError::Missing("number of inactive connections"))?,
            persistent_conns: self
                .persistent
                .ok_or(DecodeError::Missing("number of persistent connections"))?,
            stats: stats(self.stats)?,
        })
    }
}

/// Both forms: 64-bit everywhere, or (before Linux 4.1) 64-bit for bytes only.
fn stats(attribute: Option<Attribute<'_>>) -> Result<Stats> {
    let mut stats = Stats::default();
    for a in attribute.iter().flat_map(Attribute::nested) {
        let a = a?;
        let field = match StatsAttr::from(a.kind) {
            StatsAttr::Conns => &mut stats.conns,
            StatsAttr::InPkts => &mut stats.inpkts,
            StatsAttr::OutPkts => &mut stats.outpkts,
            StatsAttr::InBytes => &mut stats.inbytes,
            StatsAttr::OutBytes => &mut stats.outbytes,
            StatsAttr::Cps => &mut stats.cps,
            StatsAttr::InPps => &mut stats.inpps,
            StatsAttr::OutPps => &mut stats.outpps,
            StatsAttr::InBps => &mut stats.inbps,
            StatsAttr::OutBps => &mut stats.outbps,
            _ => continue,
        };
        *field = a.u64().or_else(|| a.u32().map(u64::from)).ok_or(DecodeError::Missing("counter"))?;
    }
    Ok(stats)
}
