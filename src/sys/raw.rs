//! Raw IP sockets for VRRP: one for each interface, family and protocol, whatever the number of instances on it, and one
//! without an interface for unicast that the routes lead.
//!
//! A socket sends packets whose source address each instance chooses (`mcast_src_ip`, which need not be an address of
//! this host), and gives what came in with all that RFC 9568 §7.1 wants checked. What the packets mean is `vrrp`'s.
//!
//! IPv4 headers are written here (`IP_HDRINCL`: the only way to a foreign source address); IPv6 headers by the
//! kernel, which leaves the VRRP checksum to us.

use super::clock;
use super::datagrams::{self, Control, Drained, Incoming, Name, Outgoing};
use super::sockopt;
use crate::net::Family;
use crate::time::Instant;
use nix::errno::Errno;
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

pub use super::datagrams::Inbox;

/// The IP protocol number of VRRP (RFC 9568 §5.1.1.4).
pub const PROTOCOL: u8 = 112;
/// The TTL or hop limit that every VRRP packet must have (§5.1.1.3).
pub const TTL: u8 = 255;
/// `224.0.0.18`, VRRP's group (§5.1.1.2).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// `ff02::12`, VRRP's group (§5.1.2.2).
pub const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);
/// The IP protocol number of the authentication header (RFC 4302), which carries VRRP with `auth_type AH`.
pub const PROTOCOL_AH: u8 = 51;
/// Internetwork control (`IPTOS_PREC_INTERNETCONTROL`), as keepalived marks its packets.
const TRAFFIC_CLASS: u8 = 0xc0;
/// `TC_PRIO_CONTROL`: before everything else in the interface's queue.
const PRIORITY: libc::c_int = 7;
/// `SO_BINDTOIFINDEX` of `include/uapi/asm-generic/socket.h`: unlike a name, an index can't come to mean another
/// interface.
const SO_BINDTOIFINDEX: libc::c_int = 62;
/// Options without which a socket is of no use: name, number, value.
const REQUIRED_V4: &[(&str, libc::c_int, libc::c_int)] = &[
    ("IP_HDRINCL", libc::IP_HDRINCL, 1),
    ("IP_MULTICAST_LOOP", libc::IP_MULTICAST_LOOP, 0),
    ("IP_MULTICAST_ALL", libc::IP_MULTICAST_ALL, 0),
];
const REQUIRED_V6: &[(&str, libc::c_int, libc::c_int)] = &[
    ("IPV6_RECVPKTINFO", libc::IPV6_RECVPKTINFO, 1),
    ("IPV6_RECVHOPLIMIT", libc::IPV6_RECVHOPLIMIT, 1),
    ("IPV6_MULTICAST_LOOP", libc::IPV6_MULTICAST_LOOP, 0),
    ("IPV6_TCLASS", libc::IPV6_TCLASS, TRAFFIC_CLASS as libc::c_int),
];
/// Bytes of an IPv4 header without options.
const IPV4_HEADER: usize = 20;

/// Why there is no socket, or why it does not work any more. After [`Error::is_gone`] it is of no use: open another
/// one when the interface is back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A step of opening failed.
    #[error("open a VRRP socket on {}: {step}: {}", way(*interface), errno.desc())]
    Open {
        /// The interface's index; 0 for none.
        interface: u32,
        /// What was tried.
        step: &'static str,
        /// Why not.
        #[source]
        errno: Errno,
    },
    /// The interface did not join a multicast group.
    #[error("join {group} on {}: {}", way(*interface), errno.desc())]
    Join {
        /// The interface's index; 0 for none.
        interface: u32,
        /// The group.
        group: IpAddr,
        /// Why not.
        #[source]
        errno: Errno,
    },
    /// Reading failed.
    #[error("read from the VRRP socket on {}: {}", way(*interface), errno.desc())]
    Receive {
        /// The interface's index; 0 for none.
        interface: u32,
        /// Why.
        #[source]
        errno: Errno,
    },
}

fn way(interface: u32) -> String {
    if interface == 0 { "no interface".to_owned() } else { format!("interface {interface}") }
}

impl Error {
    /// Whether the interface has been deleted.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        let (Error::Open { errno, .. } | Error::Join { errno, .. } | Error::Receive { errno, .. }) = self;
        matches!(errno, Errno::ENODEV | Errno::ENXIO)
    }
}

/// Why a packet was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendProblem {
    /// The interface is down: sending works again once it is up.
    #[error("the interface is down, or no route leads there by it")]
    Down,
    /// The interface has been deleted: the socket, or the index, is of no use any more.
    #[error("the interface does not exist any more")]
    Gone,
    /// No route leads there.
    #[error("no route leads there")]
    NoRoute,
    /// The queue is full: a later packet may pass.
    #[error("the interface's queue is full")]
    Busy,
    /// Something else: the source address, the length, a firewall.
    #[error("{}", .0.desc())]
    Refused(Errno),
}

impl SendProblem {
    pub(super) const fn of(errno: Errno) -> SendProblem {
        match errno {
            Errno::ENETDOWN | Errno::ENETUNREACH => SendProblem::Down,
            Errno::ENODEV | Errno::ENXIO => SendProblem::Gone,
            Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM => SendProblem::Busy,
            other => SendProblem::Refused(other),
        }
    }
}

/// A packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Source address, of the socket's family.
    pub source: IpAddr,
    /// Destination: a multicast group, or a peer.
    pub destination: IpAddr,
    /// TTL or hop limit; without one, 255 in IPv4 and the kernel's default in IPv6.
    pub ttl: Option<u8>,
    /// IPv4's identification; the kernel fills in 0.
    pub id: u16,
    /// What follows the IP header.
    pub payload: &'a [u8],
}

/// A packet that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<'a> {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit on arrival.
    pub ttl: u8,
    /// When the kernel got it, however late we read it.
    pub at: Instant,
    /// The IPv4 header; empty in IPv6.
    pub header: &'a [u8],
    /// What follows the IP header.
    pub payload: &'a [u8],
}

/// A socket on one interface, or on none, for one family.
#[derive(Debug)]
pub struct Socket {
    socket: socket2::Socket,
    family: Family,
    protocol: u8,
    /// 0 for none.
    interface: u32,
    /// A moment before the socket was last seen empty: what comes out of it later came later.
    emptied: Instant,
}

impl Socket {
    /// Opens a socket for VRRP on the interface with that index, see [`Socket::open_for`].
    ///
    /// # Errors
    /// [`Error::Open`]: the interface is gone, or `CAP_NET_RAW` is missing.
    pub fn open(family: Family, interface: u32) -> Result<Socket, Error> {
        Socket::open_for(family, PROTOCOL, Some(interface))
    }

    /// Opens a socket on the interface with that index in the calling thread's network namespace; it has joined no
    /// group yet. The interface may be down. One without an interface hears what is sent to this host, wherever it
    /// arrives, and sends by the routes; one on a VRF's does the same within that VRF.
    ///
    /// # Errors
    /// [`Error::Open`]: the interface is gone, or `CAP_NET_RAW` is missing.
    pub fn open_for(family: Family, protocol: u8, interface: Option<u32>) -> Result<Socket, Error> {
        // No packet can have come before this.
        let emptied = clock::now();
        let socket = open(family, protocol, interface).map_err(|(step, e)| Error::Open {
            interface: interface.unwrap_or(0),
            step,
            errno: errno_of(&e),
        })?;
        Ok(Socket { socket, family, protocol, interface: interface.unwrap_or(0), emptied })
    }

    /// Joins a multicast group; having joined already is fine. Membership lasts while the interface exists, up or
    /// down.
    ///
    /// # Errors
    /// [`Error::Join`]
    pub fn join(&self, group: IpAddr) -> Result<(), Error> {
        let joined = match group {
            IpAddr::V4(g) => {
                self.socket.join_multicast_v4_n(&g, &InterfaceIndexOrAddress::Index(self.interface))
            }
            IpAddr::V6(g) => self.socket.join_multicast_v6(&g, self.interface),
        };
        match joined.as_ref().map_err(errno_of) {
            Ok(()) | Err(Errno::EADDRINUSE) => Ok(()),
            Err(errno) => Err(Error::Join { interface: self.interface, group, errno }),
        }
    }

    /// Leaves a multicast group; not having joined it is fine.
    pub fn leave(&self, group: IpAddr) {
        let _ = match group {
            IpAddr::V4(g) => {
                self.socket.leave_multicast_v4_n(&g, &InterfaceIndexOrAddress::Index(self.interface))
            }
            IpAddr::V6(g) => self.socket.leave_multicast_v6(&g, self.interface),
        };
    }

    /// So many bytes may wait in it (the kernel doubles the number for its bookkeeping); without a number, as many as
    /// when it was opened.
    pub fn set_receive_buffer(&self, bytes: Option<u32>) {
        sockopt::receive_buffer(&self.socket, bytes.and_then(|n| libc::c_int::try_from(n).ok()));
    }

    /// The family it was opened for.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The index of its interface; 0 for none.
    #[must_use]
    pub const fn interface(&self) -> u32 {
        self.interface
    }

    /// Gives every packet that has come by now to `each`, in their order, without waiting. True if there may be more:
    /// a flood is not followed. `inbox` may serve any number of sockets.
    ///
    /// # Errors
    /// [`Error::Receive`]
    pub fn drain(&mut self, inbox: &mut Inbox, mut each: impl FnMut(Received<'_>)) -> Result<bool, Error> {
        let family = self.family;
        let drained = inbox.drain(&self.socket, self.emptied, |incoming, at| {
            let received = match family {
                Family::V4 => received_v4(&incoming, at),
                Family::V6 => received_v6(&incoming, at),
            };
            if let Some(received) = received {
                each(received);
            }
        });
        match drained.map_err(|errno| Error::Receive { interface: self.interface, errno })? {
            Drained::Empty { since } => {
                self.emptied = since;
                Ok(false)
            }
            Drained::More => Ok(true),
        }
    }

    /// Sends one packet, without waiting.
    ///
    /// # Errors
    /// [`SendProblem`]
    pub fn send(&self, packet: Packet<'_>) -> Result<(), SendProblem> {
        let mut outcome = Ok(());
        self.send_many([packet], |_, problem| outcome = Err(problem));
        outcome
    }

    /// Sends packets in their order, in as few system calls as possible and without waiting or allocating; `failed`
    /// gets the index of each that did not go out.
    pub fn send_many<'a>(
        &self,
        packets: impl IntoIterator<Item = Packet<'a>>,
        mut failed: impl FnMut(usize, SendProblem),
    ) {
        let outgoing = packets.into_iter().map(|packet| match (packet.source, packet.destination) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.outgoing_v6(source, destination, &packet),
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                outgoing_v4(self.protocol, source, destination, &packet)
            }
            // Addresses of two families: nothing that the kernel could take for a packet.
            _ => Outgoing {
                name: name_v4(Ipv4Addr::UNSPECIFIED),
                head: [0; IPV4_HEADER],
                head_len: 0,
                body: &[],
                control: Control::NONE,
            },
        });
        datagrams::send(self.socket.as_raw_fd(), outgoing, |index, errno| {
            let problem = match errno {
                Errno::ENETUNREACH | Errno::EHOSTUNREACH if self.interface == 0 => SendProblem::NoRoute,
                errno => SendProblem::of(errno),
            };
            failed(index, problem);
        });
    }

    fn outgoing_v6<'a>(&self, source: Ipv6Addr, destination: Ipv6Addr, packet: &Packet<'a>) -> Outgoing<'a> {
        let mut packet_info = [0; 20];
        packet_info[..16].copy_from_slice(&source.octets());
        packet_info[16..].copy_from_slice(&self.interface.to_ne_bytes());
        let mut control = Control::NONE.with(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &packet_info);
        if let Some(ttl) = packet.ttl {
            let limit = libc::c_int::from(ttl).to_ne_bytes();
            control = control.with(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, &limit);
        }
        Outgoing {
            name: Name::In6(libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: 0,
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr { s6_addr: destination.octets() },
                sin6_scope_id: self.interface,
            }),
            head: [0; IPV4_HEADER],
            head_len: 0,
            body: packet.payload,
            control,
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A socket with all of its options; or the step that failed, and why.
fn open(
    family: Family,
    protocol: u8,
    interface: Option<u32>,
) -> Result<socket2::Socket, (&'static str, io::Error)> {
    let domain = match family {
        Family::V4 => Domain::IPV4,
        Family::V6 => Domain::IPV6,
    };
    let protocol = Protocol::from(i32::from(protocol));
    let socket = socket2::Socket::new(domain, Type::RAW.nonblocking().cloexec(), Some(protocol))
        .map_err(|e| ("create", e))?;
    if let Some(interface) = interface {
        let index = libc::c_int::try_from(interface).unwrap_or_default();
        sockopt::set(&socket, libc::SOL_SOCKET, SO_BINDTOIFINDEX, index)
            .map_err(|errno| ("bind to the interface", errno.into()))?;
        // The kernel binds to an interface that does not exist, and has no name of it.
        socket.device().map_err(|error| ("find the interface", error))?;
    }
    let (level, required) = match family {
        Family::V4 => (libc::IPPROTO_IP, REQUIRED_V4),
        Family::V6 => (libc::IPPROTO_IPV6, REQUIRED_V6),
    };
    for &(step, name, value) in required {
        sockopt::set(&socket, level, name, value).map_err(|errno| (step, errno.into()))?;
    }
    // What only makes it better: a queue's front, time stamps, sources that are not ours, our groups only.
    let _ = sockopt::set(&socket, libc::SOL_SOCKET, libc::SO_PRIORITY, PRIORITY);
    let _ = sockopt::set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
    if family == Family::V6 {
        let _ = sockopt::set(&socket, level, libc::IPV6_FREEBIND, 1);
        let _ = sockopt::set(&socket, level, libc::IPV6_MULTICAST_ALL, 0);
    }
    sockopt::enlarge_buffers(&socket);
    Ok(socket)
}

/// The IPv4 header in front of a payload. The kernel fills in the checksum, and an identification of 0.
fn outgoing_v4<'a>(
    protocol: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    packet: &Packet<'a>,
) -> Outgoing<'a> {
    let mut head = [0; IPV4_HEADER];
    // Version 4, five words.
    head[0] = 0x45;
    head[1] = TRAFFIC_CLASS;
    let len = u16::try_from(IPV4_HEADER + packet.payload.len()).unwrap_or(u16::MAX);
    head[2..4].copy_from_slice(&len.to_be_bytes());
    head[4..6].copy_from_slice(&packet.id.to_be_bytes());
    head[8] = packet.ttl.unwrap_or(TTL);
    head[9] = protocol;
    head[12..16].copy_from_slice(&source.octets());
    head[16..20].copy_from_slice(&destination.octets());
    Outgoing {
        name: name_v4(destination),
        head,
        head_len: IPV4_HEADER,
        body: packet.payload,
        control: Control::NONE,
    }
}

fn name_v4(address: Ipv4Addr) -> Name {
    Name::In(libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) },
        sin_zero: [0; 8],
    })
}

/// A raw IPv4 socket gives the IP header too, which says everything.
fn received_v4<'a>(incoming: &Incoming<'a>, at: Instant) -> Option<Received<'a>> {
    let header: &[u8; IPV4_HEADER] = incoming.bytes.first_chunk()?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let [.., s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    Some(Received {
        source: Ipv4Addr::new(s0, s1, s2, s3).into(),
        destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
        ttl: header[8],
        at,
        header: incoming.bytes.get(..header_len.max(IPV4_HEADER))?,
        payload: incoming.bytes.get(header_len.max(IPV4_HEADER)..total_len.min(incoming.bytes.len()))?,
    })
}

fn received_v6<'a>(incoming: &Incoming<'a>, at: Instant) -> Option<Received<'a>> {
    let source: [u8; 16] = *incoming.name.get(8..)?.first_chunk()?;
    let destination: [u8; 16] = *incoming.control(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO)?.first_chunk()?;
    let hop_limit = incoming.control(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT)?;
    Some(Received {
        source: Ipv6Addr::from(source).into(),
        destination: Ipv6Addr::from(destination).into(),
        ttl: u8::try_from(i32::from_ne_bytes(*hop_limit.first_chunk()?)).ok()?,
        at,
        header: &[],
        payload: incoming.bytes,
    })
}

pub(super) fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}

#[cfg(test)]
mod tests;
