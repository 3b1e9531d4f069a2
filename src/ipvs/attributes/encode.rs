//! Requests: operations and queries as messages of a batch.

use super::VERSION;
use super::number::{Command, CommandAttr, DaemonAttr, DestAttr, ServiceAttr};
use crate::ipvs::model::{
    Daemon, DaemonState, Dest, DestKey, Forward, Netmask, Service, ServiceKey, Tunnel, TunnelKind,
};
use crate::ipvs::operation::Operation;
use crate::net::Family;
use crate::netlink::message::{self, Batch, Request};
use std::net::IpAddr;

/// What one asks the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// All services (a dump).
    Services,
    /// One service.
    Service(ServiceKey),
    /// The destinations of a service (a dump).
    Dests(ServiceKey),
    /// Connection timeouts.
    Timeouts,
    /// Synchronisation daemons (a dump).
    Daemons,
    /// Version and size of the connection table.
    Info,
}

/// Appends a request that changes something; `family` is the id of generic netlink's IPVS family.
pub fn operation(batch: &mut Batch, family: u16, operation: &Operation) {
    let command = match operation {
        Operation::AddService(_) => Command::NewService,
        Operation::EditService(_) => Command::SetService,
        Operation::DeleteService(_) => Command::DelService,
        Operation::AddDest(..) => Command::NewDest,
        Operation::EditDest(..) => Command::SetDest,
        Operation::DeleteDest(..) => Command::DelDest,
        Operation::Flush => Command::Flush,
        Operation::Zero(_) => Command::Zero,
        Operation::SetTimeouts(_) => Command::SetConfig,
        Operation::StartDaemon(_) => Command::NewDaemon,
        Operation::StopDaemon(_) => Command::DelDaemon,
    };
    let request = &mut batch.begin_generic(family, 0, u8::from(command), VERSION);
    match operation {
        Operation::AddService(service) | Operation::EditService(service) => put_service(request, service),
        Operation::DeleteService(key) | Operation::Zero(Some(key)) => put_service_key(request, key),
        Operation::AddDest(key, dest) | Operation::EditDest(key, dest) => put_dest(request, key, dest),
        Operation::DeleteDest(key, dest) => {
            put_service_key(request, key);
            request.nested(u16::from(CommandAttr::Dest), |r| put_dest_key(r, dest));
        }
        Operation::Flush | Operation::Zero(None) => {}
        Operation::SetTimeouts(timeouts) => {
            request
                .attr_u32(u16::from(CommandAttr::TimeoutTcp), timeouts.tcp)
                .attr_u32(u16::from(CommandAttr::TimeoutTcpFin), timeouts.tcp_fin)
                .attr_u32(u16::from(CommandAttr::TimeoutUdp), timeouts.udp);
        }
        Operation::StartDaemon(daemon) => {
            request.nested(u16::from(CommandAttr::Daemon), |r| put_daemon(r, daemon));
        }
        Operation::StopDaemon(state) => {
            request.nested(u16::from(CommandAttr::Daemon), |r| put_state(r, *state));
        }
    }
}

/// Appends a request that asks something.
pub fn query(batch: &mut Batch, family: u16, query: &Query) {
    let (command, flags) = match query {
        Query::Services => (Command::GetService, message::DUMP),
        Query::Service(_) => (Command::GetService, 0),
        Query::Dests(_) => (Command::GetDest, message::DUMP),
        Query::Timeouts => (Command::GetConfig, 0),
        Query::Daemons => (Command::GetDaemon, message::DUMP),
        Query::Info => (Command::GetInfo, 0),
    };
    let request = &mut batch.begin_generic(family, flags, u8::from(command), VERSION);
    if let Query::Service(key) | Query::Dests(key) = query {
        put_service_key(request, key);
    }
}

fn put_service_key(request: &mut Request<'_>, key: &ServiceKey) {
    request.nested(u16::from(CommandAttr::Service), |r| put_identity(r, key));
}

fn put_service(request: &mut Request<'_>, service: &Service) {
    request.nested(u16::from(CommandAttr::Service), |r| {
        put_identity(r, &service.key);
        r.attr_str(u16::from(ServiceAttr::SchedName), &service.scheduler);
        if let Some(name) = &service.pe_name {
            r.attr_str(u16::from(ServiceAttr::PeName), name);
        }
        // struct ip_vs_flags: the flags, and which of them are meant.
        let mut flags = [0xff; 8];
        flags[..4].copy_from_slice(&service.flags.bits().to_ne_bytes());
        r.attr(u16::from(ServiceAttr::Flags), &flags);
        r.attr_u32(u16::from(ServiceAttr::Timeout), service.timeout);
        match service.netmask {
            Netmask::Mask(mask) => r.attr(u16::from(ServiceAttr::Netmask), &mask.octets()),
            Netmask::Prefix(bits) => r.attr_u32(u16::from(ServiceAttr::Netmask), u32::from(bits)),
        };
    });
}

fn put_identity(request: &mut Request<'_>, key: &ServiceKey) {
    request.attr_u16(u16::from(ServiceAttr::Af), af(key.family()));
    match *key {
        ServiceKey::Address { protocol, address, port } => request
            .attr_u16(u16::from(ServiceAttr::Protocol), protocol.number())
            .attr(u16::from(ServiceAttr::Addr), &address_bytes(address))
            .attr_be16(u16::from(ServiceAttr::Port), port),
        ServiceKey::Fwmark { mark, .. } => request.attr_u32(u16::from(ServiceAttr::Fwmark), mark),
    };
}

fn put_dest(request: &mut Request<'_>, service: &ServiceKey, dest: &Dest) {
    put_service_key(request, service);
    request.nested(u16::from(CommandAttr::Dest), |r| {
        put_dest_key(r, &dest.key);
        r.attr_u32(u16::from(DestAttr::FwdMethod), forward_number(dest.forward))
            .attr_u32(u16::from(DestAttr::Weight), dest.weight)
            .attr_u32(u16::from(DestAttr::UThresh), dest.upper_threshold)
            .attr_u32(u16::from(DestAttr::LThresh), dest.lower_threshold);
        if let Forward::Tunnel(tunnel) = dest.forward
            && tunnel != Tunnel::default()
        {
            r.attr_u8(u16::from(DestAttr::TunType), tunnel_number(tunnel.kind))
                .attr_be16(u16::from(DestAttr::TunPort), tunnel.port)
                .attr_u16(u16::from(DestAttr::TunFlags), tunnel.flags.bits());
        }
    });
}

fn put_dest_key(request: &mut Request<'_>, key: &DestKey) {
    request
        .attr_u16(u16::from(DestAttr::AddrFamily), af(Family::of(key.address)))
        .attr(u16::from(DestAttr::Addr), &address_bytes(key.address))
        .attr_be16(u16::from(DestAttr::Port), key.port);
}

fn put_daemon(request: &mut Request<'_>, daemon: &Daemon) {
    put_state(request, daemon.state);
    request
        .attr_str(u16::from(DaemonAttr::McastIfn), &daemon.interface)
        .attr_u32(u16::from(DaemonAttr::SyncId), daemon.sync_id);
    if let Some(len) = daemon.sync_maxlen {
        request.attr_u16(u16::from(DaemonAttr::SyncMaxlen), len);
    }
    match daemon.group {
        Some(IpAddr::V4(a)) => drop(request.attr(u16::from(DaemonAttr::McastGroup), &a.octets())),
        Some(IpAddr::V6(a)) => drop(request.attr(u16::from(DaemonAttr::McastGroup6), &a.octets())),
        None => {}
    }
    if let Some(port) = daemon.port {
        // The one port that the kernel takes in the machine's order.
        request.attr_u16(u16::from(DaemonAttr::McastPort), port);
    }
    if let Some(ttl) = daemon.ttl {
        request.attr_u8(u16::from(DaemonAttr::McastTtl), ttl);
    }
}

fn put_state(request: &mut Request<'_>, state: DaemonState) {
    let number = match state {
        DaemonState::Master => 1,
        DaemonState::Backup => 2,
    };
    request.attr_u32(u16::from(DaemonAttr::State), number);
}

/// `AF_INET`, `AF_INET6`
fn af(family: Family) -> u16 {
    match family {
        Family::V4 => libc::AF_INET as u16,
        Family::V6 => libc::AF_INET6 as u16,
    }
}

/// `union nf_inet_addr`: IPv4 in the first four bytes.
fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(a) => {
            let [a, b, c, d] = a.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        IpAddr::V6(a) => a.octets(),
    }
}

/// `IP_VS_CONN_F_FWD_MASK`
const fn forward_number(forward: Forward) -> u32 {
    match forward {
        Forward::Masq => 0,
        Forward::Local => 1,
        Forward::Tunnel(_) => 2,
        Forward::DirectRoute => 3,
        Forward::Bypass => 4,
    }
}

/// `IP_VS_CONN_F_TUNNEL_TYPE_*`
const fn tunnel_number(kind: TunnelKind) -> u8 {
    match kind {
        TunnelKind::Ipip => 0,
        TunnelKind::Gue => 1,
        TunnelKind::Gre => 2,
    }
}
