//! ipvsadm's listings, byte for byte: tables, rules (`-S`), timeouts, daemons, connections. Pure: values in, text out.
//!
//! One deviation, on purpose: ipvsadm shows the counters of servers modulo 2³²; here they are whole.

mod command;
mod line;
mod sort;

pub use command::{CommandLine, Rule};
pub use sort::{sort_dests, sort_reading, sort_services};

use crate::ipvs::connection::Connection;
use crate::ipvs::grammar::Columns;
use crate::ipvs::model::{
    Daemon, Dest, DestEntry, Forward, Info, Netmask, Protocol, Service, ServiceEntry, ServiceFlags,
    ServiceKey, Stats, Timeouts, Tunnel, TunnelFlags, TunnelKind,
};
use crate::ipvs::names::Names;
use crate::net::Family;
use line::Line;
use std::io::{self, Write};
use std::net::IpAddr;

/// How services and servers are written.
#[derive(Clone, Copy)]
pub struct Style<'a> {
    /// As command lines that `-R` reads, or with these columns.
    pub form: Form,
    /// Large numbers in full.
    pub exact: bool,
    /// Who knows the names; `None` writes numbers.
    pub names: Option<&'a dyn Names>,
}

/// Rules or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `-S`
    Rules,
    /// `-L`
    Table(Columns),
}

/// The first line of the whole table.
///
/// # Errors
/// What writing gives; so for all functions here.
pub fn version(out: &mut impl Write, info: &Info) -> io::Result<()> {
    let [_, major, minor, patch] = info.version.to_be_bytes();
    writeln!(out, "IP Virtual Server version {major}.{minor}.{patch} (size={})", info.conn_tab_size)
}

/// The titles of the columns.
#[allow(clippy::missing_errors_doc)]
pub fn title(out: &mut impl Write, columns: Columns) -> io::Result<()> {
    const LEFT: &str = "Prot LocalAddress:Port";
    const RIGHT: &str = "  -> RemoteAddress:Port";
    match columns {
        Columns::Stats => writeln!(
            out,
            "{LEFT:<33} {:>8} {:>8} {:>8} {:>8} {:>8}\n{RIGHT}",
            "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"
        ),
        Columns::Rate => writeln!(
            out,
            "{LEFT:<33} {:>8} {:>8} {:>8} {:>8} {:>8}\n{RIGHT}",
            "CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"
        ),
        Columns::Thresholds => writeln!(
            out,
            "{LEFT:<33} {:<10} {:<10} {:<10} {:<10}\n{RIGHT}",
            "Uthreshold", "Lthreshold", "ActiveConn", "InActConn"
        ),
        Columns::PersistentConn => writeln!(
            out,
            "{LEFT:<33} {:<9} {:<11} {:<10} {:<10}\n{RIGHT}",
            "Weight", "PersistConn", "ActiveConn", "InActConn"
        ),
        Columns::TunnelInfo => writeln!(
            out,
            "{LEFT} Scheduler Flags\n{RIGHT}           Forward TunnelInfo    Weight ActiveConn InActConn"
        ),
        Columns::Default => {
            writeln!(out, "{LEFT} Scheduler Flags\n{RIGHT}           Forward Weight ActiveConn InActConn")
        }
    }
}

/// A service and its servers.
#[allow(clippy::missing_errors_doc)]
pub fn service(
    out: &mut impl Write,
    entry: &ServiceEntry,
    dests: &[DestEntry],
    style: Style<'_>,
) -> io::Result<()> {
    let service = &entry.service;
    let line = &mut Line::new();
    match style.form {
        Form::Rules => {
            let name = rule_name(&service.key, style.names);
            rule(out, &name, service)?;
            dests.iter().try_for_each(|d| {
                dest_rule(line, &name, &service.key, &d.dest, style.names);
                line.finish(out)
            })
        }
        Form::Table(columns) => {
            let name = table_name(&service.key, style.names);
            let figures = match columns {
                Columns::Stats => Some(totals(&entry.stats)),
                Columns::Rate => Some(rates(&entry.stats)),
                _ => None,
            };
            match figures {
                Some(figures) => {
                    line.text(&name).pad(0, 33);
                    numbers(line, &figures, style.exact);
                    line.finish(out)?;
                }
                None => service_line(out, &name, service)?,
            }
            dests.iter().try_for_each(|d| {
                dest_line(line, &service.key, d, columns, style);
                line.finish(out)
            })
        }
    }
}

/// Connection timeouts.
#[allow(clippy::missing_errors_doc)]
pub fn timeouts(out: &mut impl Write, t: &Timeouts) -> io::Result<()> {
    writeln!(out, "Timeout (tcp tcpfin udp): {} {} {}", t.tcp, t.tcp_fin, t.udp)
}

/// A synchronisation daemon.
#[allow(clippy::missing_errors_doc)]
pub fn daemon(out: &mut impl Write, d: &Daemon) -> io::Result<()> {
    write!(out, "{} sync daemon (mcast={}, syncid={}", d.state, d.interface, d.sync_id)?;
    if let Some(len) = d.sync_maxlen {
        write!(out, ", maxlen={len}")?;
    }
    if let Some(group) = d.group {
        write!(out, ", group={group}")?;
    }
    if let Some(port) = d.port {
        write!(out, ", port={port}")?;
    }
    if let Some(ttl) = d.ttl {
        write!(out, ", ttl={ttl}")?;
    }
    writeln!(out, ")")
}

/// The titles above connections.
#[allow(clippy::missing_errors_doc)]
pub fn connections_title(out: &mut impl Write, columns: Columns) -> io::Result<()> {
    writeln!(out, "IPVS connection entries")?;
    write!(out, "pro expire {:<11} {:<18} {:<18} ", "state", "source", "virtual")?;
    match columns {
        Columns::PersistentConn => writeln!(out, "{:<18} {:<16} pe_data", "destination", "pe name"),
        _ => writeln!(out, "destination"),
    }
}

/// A connection: a line of `/proc/net/ip_vs_conn` behind its title. What is no such line is passed over.
#[allow(clippy::missing_errors_doc)]
pub fn connection(
    out: &mut impl Write,
    line: &str,
    columns: Columns,
    names: Option<&dyn Names>,
) -> io::Result<()> {
    let Some(c) = Connection::parse(line) else { return Ok(()) };
    let protocol =
        [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter().find(|p| p.to_string() == c.protocol);
    let place = |(address, port)| place(address, port, protocol, names);
    let expires = format!("{:02}:{:02}", c.expires / 60, c.expires % 60);
    let (client, service, server) = (place(c.client), place(c.service), place(c.server));
    write!(out, "{:<3} {expires:<6} {:<11} {client:<18} {service:<18} ", c.protocol, c.state)?;
    match (columns, c.engine) {
        (Columns::PersistentConn, Some((name, data))) => writeln!(out, "{server:<16} {name:<18} {data}"),
        _ => writeln!(out, "{server}"),
    }
}

/// The longest `ADDRESS:PORT` that ipvsadm writes, in bytes.
const PLACE_MAX: usize = 59;

/// `192.0.2.1:80`, `[2001:db8::1]:80`, `web.example:http`
fn place(address: IpAddr, port: u16, protocol: Option<Protocol>, names: Option<&dyn Names>) -> String {
    let mut line = Line::new();
    write_place(&mut line, address, port, protocol, names);
    line.into_text()
}

fn write_place(
    line: &mut Line,
    address: IpAddr,
    port: u16,
    protocol: Option<Protocol>,
    names: Option<&dyn Names>,
) {
    let start = line.end();
    if address.is_ipv6() {
        line.text("[");
    }
    match names.and_then(|n| n.host(address)) {
        Some(host) => line.text(&host),
        None => line.address(address),
    };
    line.text(if address.is_ipv6() { "]:" } else { ":" });
    match names.zip(protocol).and_then(|(n, protocol)| n.service(port, protocol)) {
        Some(service) => line.text(&service),
        None => line.number(port.into()),
    };
    line.cut(start, PLACE_MAX);
}

fn rule_name(key: &ServiceKey, names: Option<&dyn Names>) -> String {
    match *key {
        ServiceKey::Address { protocol, address, port } => {
            let option = match protocol {
                Protocol::Tcp => "-t",
                Protocol::Udp => "-u",
                Protocol::Sctp => "--sctp-service",
            };
            format!("{option} {}", place(address, port, Some(protocol), names))
        }
        // The mark as a signed number, which -R does not read; but neither does ipvsadm's.
        ServiceKey::Fwmark { mark, family: Family::V4 } => format!("-f {}", mark.cast_signed()),
        ServiceKey::Fwmark { mark, family: Family::V6 } => format!("-f {} -6", mark.cast_signed()),
    }
}

fn table_name(key: &ServiceKey, names: Option<&dyn Names>) -> String {
    match *key {
        ServiceKey::Address { protocol, address, port } => {
            let mut name =
                format!("{:<4} {}", protocol.to_string(), place(address, port, Some(protocol), names));
            if address.is_ipv4() {
                name.truncate(name.floor_char_boundary(33));
            }
            name
        }
        ServiceKey::Fwmark { mark, family: Family::V4 } => format!("FWM  {}", mark.cast_signed()),
        ServiceKey::Fwmark { mark, family: Family::V6 } => format!("FWM  {} IPv6", mark.cast_signed()),
    }
}

fn rule(out: &mut impl Write, name: &str, service: &Service) -> io::Result<()> {
    write!(out, "-A {name} -s {}", service.scheduler)?;
    if service.flags.contains(ServiceFlags::PERSISTENT) {
        write!(out, " -p {}", service.timeout)?;
        netmask(out, " -M ", service)?;
    }
    if let Some(name) = &service.pe_name {
        write!(out, " --pe {name}")?;
    }
    if service.flags.contains(ServiceFlags::ONE_PACKET) {
        write!(out, " -o")?;
    }
    if let Some(flags) = scheduler_flags(service) {
        write!(out, " -b {flags}")?;
    }
    writeln!(out)
}

fn service_line(out: &mut impl Write, name: &str, service: &Service) -> io::Result<()> {
    write!(out, "{name} {}", service.scheduler)?;
    if let Some(flags) = scheduler_flags(service) {
        write!(out, " ({flags})")?;
    }
    if service.flags.contains(ServiceFlags::PERSISTENT) {
        write!(out, " persistent {}", service.timeout)?;
        netmask(out, " mask ", service)?;
        if let Some(name) = &service.pe_name {
            write!(out, " pe {name}")?;
        }
    }
    if service.flags.contains(ServiceFlags::ONE_PACKET) {
        write!(out, " ops")?;
    }
    writeln!(out)
}

fn netmask(out: &mut impl Write, before: &str, service: &Service) -> io::Result<()> {
    match service.netmask {
        whole if whole == Netmask::host(service.key.family()) => Ok(()),
        Netmask::Mask(mask) => write!(out, "{before}{mask}"),
        Netmask::Prefix(bits) => write!(out, "{before}{bits}"),
    }
}

/// The scheduler's flags by their names; `Some("")` where there are some but this scheduler names none of them.
fn scheduler_flags(service: &Service) -> Option<String> {
    let all = ServiceFlags::SCHED1 | ServiceFlags::SCHED2 | ServiceFlags::SCHED3;
    if !service.flags.intersects(all) {
        return None;
    }
    let names = match service.scheduler.as_str() {
        "sh" => ["sh-fallback", "sh-port", ""],
        "mh" => ["mh-fallback", "mh-port", ""],
        _ => ["flag-1", "flag-2", "flag-3"],
    };
    let set =
        names.into_iter().zip(all.iter()).filter(|(n, flag)| !n.is_empty() && service.flags.contains(*flag));
    Some(set.map(|(name, _)| name).collect::<Vec<_>>().join(","))
}

fn dest_place(line: &mut Line, service: &ServiceKey, dest: &Dest, names: Option<&dyn Names>) {
    let protocol = match service {
        ServiceKey::Address { protocol, .. } => Some(*protocol),
        ServiceKey::Fwmark { .. } => None,
    };
    write_place(line, dest.key.address, dest.key.port, protocol, names);
}

fn dest_rule(line: &mut Line, name: &str, service: &ServiceKey, dest: &Dest, names: Option<&dyn Names>) {
    let method = match dest.forward {
        Forward::Masq => " -m -w ",
        Forward::Tunnel(_) => " -i -w ",
        Forward::Local | Forward::DirectRoute | Forward::Bypass => " -g -w ",
    };
    line.text("-a ").text(name).text(" -r ");
    dest_place(line, service, dest, names);
    line.text(method);
    signed(line, dest.weight, 0);
    if let Forward::Tunnel(tunnel) = dest.forward {
        line.text(" --tun-type ").text(tunnel_name(tunnel.kind));
        if tunnel.kind == TunnelKind::Gue {
            line.text(" --tun-port ").number(tunnel.port.into());
        }
        if tunnel.kind != TunnelKind::Ipip {
            line.text(match tunnel.flags {
                TunnelFlags::CSUM => " --tun-csum",
                TunnelFlags::REMCSUM => " --tun-remcsum",
                _ => " --tun-nocsum",
            });
        }
    }
}

fn dest_line(line: &mut Line, service: &ServiceKey, entry: &DestEntry, columns: Columns, style: Style<'_>) {
    let dest = &entry.dest;
    line.text("  -> ");
    let start = line.end();
    dest_place(line, service, dest, style.names);
    if dest.key.address.is_ipv4() {
        line.cut(start, 28);
    }
    line.pad(start, 28);
    let (active, inactive) = (entry.active_conns.into(), entry.inactive_conns.into());
    match columns {
        Columns::Stats => return numbers(line, &totals(&entry.stats), style.exact),
        Columns::Rate => {
            let [cps, inpps, outpps, bytes @ ..] = rates(&entry.stats);
            for n in [cps, inpps, outpps] {
                line.text(" ").right(n, 8);
            }
            return numbers(line, &bytes, style.exact);
        }
        Columns::Thresholds => {
            line.left(dest.upper_threshold.into(), 10).left(dest.lower_threshold.into(), 10);
        }
        Columns::PersistentConn => {
            line.left(dest.weight.into(), 9).left(entry.persistent_conns.into(), 11);
        }
        Columns::TunnelInfo => {
            line.column(dest.forward.name(), 7).column(&tunnel_info(dest.forward), 13).text(" ");
            signed(line, dest.weight, 6);
        }
        Columns::Default => {
            line.column(dest.forward.name(), 7).text(" ");
            signed(line, dest.weight, 6);
        }
    }
    line.left(active, 10).left(inactive, 10);
}

/// A weight as ipvsadm takes it: signed.
fn signed(line: &mut Line, weight: u32, width: usize) {
    let start = line.end();
    if weight.cast_signed() < 0 {
        line.text("-");
    }
    line.number(weight.cast_signed().unsigned_abs().into()).pad(start, width);
}

const fn tunnel_name(kind: TunnelKind) -> &'static str {
    match kind {
        TunnelKind::Ipip => "ipip",
        TunnelKind::Gue => "gue",
        TunnelKind::Gre => "gre",
    }
}

/// `gue:6080:+c`, in the 15 bytes that ipvsadm has for it.
fn tunnel_info(forward: Forward) -> String {
    let Forward::Tunnel(Tunnel { kind, port, flags }) = forward else { return "n/a".into() };
    let checksum = match flags {
        TunnelFlags::CSUM => "+c",
        TunnelFlags::REMCSUM => "r+c",
        _ => "-c",
    };
    match kind {
        TunnelKind::Ipip => "ipip".into(),
        TunnelKind::Gue => format!("gue:{port}:{checksum}"),
        TunnelKind::Gre => format!("gre:{checksum}"),
    }
}

const fn totals(s: &Stats) -> [u64; 5] {
    [s.conns, s.inpkts, s.outpkts, s.inbytes, s.outbytes]
}

const fn rates(s: &Stats) -> [u64; 5] {
    [s.cps, s.inpps, s.outpps, s.inbps, s.outbps]
}

/// Nine columns each; from 100 million on in thousands (K), millions (M), …, or in full and as wide as it takes.
fn numbers(line: &mut Line, numbers: &[u64], exact: bool) {
    for &n in numbers {
        match n {
            0..=99_999_999 => line.right(n, 9),
            _ if exact => line.text(" ").number(n),
            100_000_000..=999_999_999 => line.right(n / 1000, 8).text("K"),
            1_000_000_000..=99_999_999_999 => line.right(n / 1_000_000, 8).text("M"),
            100_000_000_000..=99_999_999_999_999 => line.right(n / 1_000_000_000, 8).text("G"),
            _ => line.right(n / 1_000_000_000_000, 8).text("T"),
        };
    }
}

#[cfg(test)]
mod tests;
