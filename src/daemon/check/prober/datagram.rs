//! Probes of one datagram: the question is sent, and what comes back is heard until that is an outcome.

use super::socket::{self, Kind, errno, not_sent};
use crate::check::config::Connect;
use crate::check::probe::query::{Query, Refusal};
use crate::check::probe::{Failure, Operation, Outcome};
use crate::sys::clock;
use crate::time::Instant;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::pin;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// No datagram is longer.
const LONGEST: usize = 64 * 1024;

/// A question to a server.
pub(super) async fn ask(to: SocketAddr, connect: &Connect, kind: Kind, query: &mut impl Query) -> Outcome {
    let deadline = clock::now() + connect.timeout;
    let socket = match send(to, connect, kind, query.question()) {
        Ok(socket) => socket,
        Err(failed) => return not_sent(failed),
    };
    let verdict = match within(deadline, answer(&socket, query)).await {
        Some(verdict) => verdict,
        None => query.silence(),
    };
    match verdict {
        Ok(()) => Outcome::Passed,
        Err(failure) => Outcome::Failed(failure),
    }
}

/// What the future gives, unless it takes longer.
async fn within<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    loop {
        let left = deadline.saturating_since(clock::now());
        tokio::select! {
            biased;
            given = &mut future => return Some(given),
            () = tokio::time::sleep(left) => {
                if clock::now() >= deadline {
                    return None;
                }
            }
        }
    }
}

/// Sends the question. Its buffer is empty: it goes, or fails, at once.
fn send(to: SocketAddr, connect: &Connect, kind: Kind, question: &[u8]) -> Result<UdpSocket, socket::Failed> {
    let at = |operation| move |error: io::Error| (operation, error);
    let socket = socket::open(to, connect, kind)?;
    let hears = match to {
        SocketAddr::V4(_) => setsockopt(&socket, Ipv4RecvErr, &true),
        SocketAddr::V6(_) => setsockopt(&socket, Ipv6RecvErr, &true),
    };
    hears.map_err(|error| (Operation::Socket, error.into()))?;
    socket.connect(&to.into()).map_err(at(Operation::Connect))?;
    let socket = UdpSocket::from_std(socket.into()).map_err(at(Operation::Wait))?;
    socket2::SockRef::from(&socket).send(question).map_err(at(Operation::Send))?;
    Ok(socket)
}

/// Hears what comes until it is an outcome.
async fn answer(socket: &UdpSocket, query: &mut impl Query) -> Result<(), Failure> {
    let broken = |error: io::Error| Failure::broken(errno(&error));
    loop {
        let ready = socket.ready(Interest::READABLE | Interest::ERROR).await.map_err(broken)?;
        // What the network said stands in a queue of its own.
        if ready.is_error() {
            match socket.try_io(Interest::ERROR, || refusal(socket)) {
                Ok(refusal) => return query.refused(refusal),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(broken(error)),
            }
        }
        let mut datagram = [0; LONGEST];
        match socket.try_recv(&mut datagram) {
            Ok(length) => {
                if let Some(verdict) = query.hear(datagram.get(..length).unwrap_or_default()) {
                    return verdict;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                let unsaid = Refusal::Unreachable(errno(&error));
                return query.refused(refusal(socket).unwrap_or(unsaid));
            }
        }
    }
}

/// What an ICMP message said.
///
/// # Errors
/// The kernel's: none came.
fn refusal(socket: &UdpSocket) -> io::Result<Refusal> {
    let mut rest = [0; 64];
    let mut buffers = [IoSliceMut::new(&mut rest)];
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let fd = socket.as_fd().as_raw_fd();
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(fd, &mut buffers, Some(&mut control), flags)?;
    let of = |error: libc::sock_extended_err, unreachable: (u8, u8)| {
        let errno = error.ee_errno as i32;
        match (error.ee_origin, error.ee_type) == unreachable {
            true => Refusal::Unreachable(errno),
            false => Refusal::Other(errno),
        }
    };
    let said = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv4RecvErr(error, _) => Some(of(error, (libc::SO_EE_ORIGIN_ICMP, 3))),
        ControlMessageOwned::Ipv6RecvErr(error, _) => Some(of(error, (libc::SO_EE_ORIGIN_ICMP6, 1))),
        _ => None,
    });
    Ok(said.unwrap_or(Refusal::Other(libc::EIO)))
}
