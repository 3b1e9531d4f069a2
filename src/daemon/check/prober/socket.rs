//! Sockets of probes: made as the check says, and what their errors mean.

use crate::check::config::Connect;
use crate::check::probe::tcp::is_answer;
use crate::check::probe::{Failure, Operation, Outcome};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// A step that failed.
pub(super) type Failed = (Operation, io::Error);

/// What a probe speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tcp,
    Udp,
    Ping,
}

/// A socket that comes from where the check says. It does not block, and is not connected.
pub(super) fn open(to: SocketAddr, connect: &Connect, kind: Kind) -> Result<Socket, Failed> {
    let at = |operation| move |error| (operation, error);
    let (style, protocol) = match (kind, to) {
        (Kind::Tcp, _) => (Type::STREAM, Protocol::TCP),
        (Kind::Udp, _) => (Type::DGRAM, Protocol::UDP),
        (Kind::Ping, SocketAddr::V4(_)) => (Type::DGRAM, Protocol::ICMPV4),
        (Kind::Ping, SocketAddr::V6(_)) => (Type::DGRAM, Protocol::ICMPV6),
    };
    let socket = Socket::new(Domain::for_address(to), style.nonblocking(), Some(protocol))
        .map_err(at(Operation::Socket))?;
    if connect.fwmark != 0 {
        socket.set_mark(connect.fwmark).map_err(at(Operation::Mark))?;
    }
    if let Some(interface) = &connect.bind_if {
        socket.bind_device(Some(interface.as_bytes())).map_err(at(Operation::BindToDevice))?;
    }
    if connect.bind_address.is_some() || connect.bind_port.is_some() {
        let any = match to {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        // An echo request has no port.
        let port = connect.bind_port.filter(|_| kind != Kind::Ping).unwrap_or(0);
        if port != 0 {
            socket.set_reuse_address(true).map_err(at(Operation::Bind))?;
        }
        let from = SocketAddr::new(connect.bind_address.unwrap_or(any), port);
        socket.bind(&from.into()).map_err(at(Operation::Bind))?;
    }
    Ok(socket)
}

/// A socket on its way to the server.
pub(super) fn connecting(to: SocketAddr, connect: &Connect) -> Result<Socket, Failed> {
    let socket = open(to, connect, Kind::Tcp)?;
    if connect.half_open {
        // The kernel puts its last packet of the handshake off, and a reset takes its place. Where one of these fails, the
        // check is an ordinary one.
        let _ = socket.set_tcp_quickack(false);
        let _ = socket.set_linger(Some(Duration::ZERO));
    }
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err((Operation::Connect, error)),
        _ => Ok(socket),
    }
}

/// What it means that a datagram could not be sent.
pub(super) fn not_sent((operation, error): Failed) -> Outcome {
    let errno = errno(&error);
    let failure = Failure::System { operation, errno };
    match operation {
        Operation::Connect | Operation::Send if is_answer(errno) => Outcome::Failed(failure),
        _ => Outcome::NotRun(failure),
    }
}

pub(super) fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}
