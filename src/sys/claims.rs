//! Hears which addresses other hosts say to have: ARP packets and neighbour advertisements, on all interfaces of a network
//! namespace.
//!
//! One socket a family, however many interfaces and addresses there are. A filter in the kernel lets in what may be about
//! one of the addresses that are asked for, and nothing else: a busy network wakes nobody up. ARP comes by a packet socket
//! for that protocol alone, which packets of others don't pass; neighbour advertisements by an ICMPv6 socket, since a
//! packet socket would see each packet of IPv6. What the bytes mean is `vrrp::garp`'s.

use super::clock;
use super::datagrams::Inbox;
use super::packet::OpenError;
use super::raw::errno_of;
use super::sockopt;
use crate::net::Family;
use crate::time::Instant;
use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};

/// What waits in a socket: a flood is cut off by the kernel, and costs nobody the time for more than this.
const BUFFER: libc::c_int = 32 << 10;
/// Ranges of addresses that a filter tells apart: addresses close to each other are one.
const RANGES: usize = 64;
/// The sender's address in a frame with an ARP packet (RFC 826).
const ARP_SENDER: u32 = 28;
/// The last four bytes of the target in a neighbour advertisement (RFC 4861 §4.4).
const TARGET_END: u32 = 20;
/// Its type.
const NEIGHBOUR_ADVERT: u32 = 136;
/// `ICMPV6_FILTER` of `include/uapi/linux/icmpv6.h`.
const ICMPV6_FILTER: libc::c_int = 1;
const ETHERTYPE_ARP: i32 = 0x0806;

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A frame with an ARP packet.
    Arp(&'a [u8]),
    /// A neighbour advertisement that no router passed on: its ICMPv6 message.
    NeighbourAdvert(&'a [u8]),
}

/// A socket that hears claims of one family.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    family: Family,
    emptied: Instant,
}

impl Listener {
    /// Opens it in the calling thread's network namespace; it hears claims of these addresses, and may hear others.
    ///
    /// # Errors
    /// `CAP_NET_RAW` is missing, or the kernel has no such sockets.
    pub fn open(family: Family, addresses: &[IpAddr]) -> Result<Listener, OpenError> {
        let emptied = clock::now();
        let raw = Type::RAW.nonblocking().cloexec();
        let failed = |error: io::Error| OpenError(errno_of(&error));
        let socket = match family {
            // It hears nothing until it is bound.
            Family::V4 => Socket::new(Domain::PACKET, raw, None).map_err(failed)?,
            Family::V6 => {
                let socket = Socket::new(Domain::IPV6, raw, Some(Protocol::ICMPV6)).map_err(failed)?;
                let mut blocked = [0xff; 32];
                let place = NEIGHBOUR_ADVERT as usize / 32 * 4;
                let word = !(1_u32 << (NEIGHBOUR_ADVERT % 32));
                blocked[place..place + 4].copy_from_slice(&word.to_ne_bytes());
                sockopt::set_bytes(&socket, libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked)
                    .map_err(OpenError)?;
                for option in [libc::IPV6_RECVPKTINFO, libc::IPV6_RECVHOPLIMIT] {
                    sockopt::set(&socket, libc::IPPROTO_IPV6, option, 1).map_err(OpenError)?;
                }
                socket
            }
        };
        sockopt::receive_buffer(&socket, Some(BUFFER));
        let _ = sockopt::set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
        let listener = Listener { socket, family, emptied };
        listener.watch(addresses).map_err(OpenError)?;
        if family == Family::V4 {
            super::packet::bind_all(&listener.socket, ETHERTYPE_ARP as u16).map_err(OpenError)?;
        }
        Ok(listener)
    }

    /// From now on it hears claims of these addresses.
    ///
    /// # Errors
    /// The kernel has no memory for the filter.
    pub fn watch(&self, addresses: &[IpAddr]) -> Result<(), Errno> {
        let mut ends: Vec<u32> = addresses
            .iter()
            .filter(|address| Family::of(**address) == self.family)
            .map(|address| match address {
                IpAddr::V4(address) => address.to_bits(),
                IpAddr::V6(address) => address.to_bits() as u32,
            })
            .collect();
        ends.sort_unstable();
        let place = match self.family {
            Family::V4 => ARP_SENDER,
            Family::V6 => TARGET_END,
        };
        sockopt::attach_filter(&self.socket, &program(place, &ranges(&ends)))
    }

    /// Gives what has come, with the index of the interface that heard it, without waiting; true if there may be more.
    ///
    /// # Errors
    /// Those of `recvmmsg(2)`: `ENETDOWN` once, after an interface went down.
    pub fn drain(
        &mut self,
        inbox: &mut Inbox,
        mut each: impl FnMut(Instant, u32, Heard<'_>),
    ) -> io::Result<bool> {
        let family = self.family;
        let drained = inbox.drain(&self.socket, self.emptied, |incoming, at| match family {
            Family::V4 => {
                // `sockaddr_ll`: family, protocol, index.
                let index = incoming.name.get(4..).and_then(<[u8]>::first_chunk);
                if let Some(index) = index {
                    each(at, u32::from_ne_bytes(*index), Heard::Arp(incoming.bytes));
                }
            }
            Family::V6 => {
                let limit = incoming.control(libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT);
                let limit =
                    limit.and_then(<[u8]>::first_chunk).map(|bytes| libc::c_int::from_ne_bytes(*bytes));
                let info = incoming.control(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO);
                let index = info.and_then(|info| info.get(16..)).and_then(<[u8]>::first_chunk);
                if let (Some(255), Some(index)) = (limit, index) {
                    each(at, u32::from_ne_bytes(*index), Heard::NeighbourAdvert(incoming.bytes));
                }
            }
        })?;
        Ok(match drained {
            super::datagrams::Drained::Empty { since } => {
                self.emptied = since;
                false
            }
            super::datagrams::Drained::More => true,
        })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Not more ranges than a filter has room for, which have all of these sorted numbers in them, and as few others as can be.
fn ranges(sorted: &[u32]) -> Vec<(u32, u32)> {
    let mut gaps: Vec<(u32, usize)> = sorted
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| match pair {
            [a, b] if b - a > 1 => Some((b - a, at)),
            _ => None,
        })
        .collect();
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    gaps.truncate(RANGES - 1);
    let mut cuts: Vec<usize> = gaps.into_iter().map(|(_, at)| at + 1).collect();
    cuts.sort_unstable();
    let mut rest = sorted;
    let mut taken = 0;
    let mut ranges = Vec::with_capacity(cuts.len() + 1);
    for cut in cuts.into_iter().chain([sorted.len()]) {
        let (range, behind) = rest.split_at(cut - taken);
        if let (Some(first), Some(last)) = (range.first(), range.last()) {
            ranges.push((*first, *last));
        }
        (rest, taken) = (behind, cut);
    }
    ranges
}

/// A classic BPF program that lets a packet in if the 32 bits at `place` are in one of these ranges.
fn program(place: u32, ranges: &[(u32, u32)]) -> Vec<libc::sock_filter> {
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let drop = || step(libc::BPF_RET | libc::BPF_K, 0, 0, 0);
    let jump = |test: u32, jt, jf, k| step(libc::BPF_JMP | test | libc::BPF_K, jt, jf, k);
    let mut program = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, place)];
    for (first, last) in ranges {
        // Below the first of an ascending row: in none of those that follow.
        program.push(jump(libc::BPF_JGE, 1, 0, *first));
        program.push(drop());
        program.push(jump(libc::BPF_JGT, 1, 0, *last));
        program.push(step(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX));
    }
    program.push(drop());
    program
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::packet::{Frame, Sender};
    use crate::sys::testing::{in_namespace, ip, veth};

    /// keepalived's announcements of 10.9.0.230 and 2001:db8::230.
    const ARP: &[u8] = include_bytes!("../../tests/vectors/vrrp/keepalived-2.2.7-garp.bin");
    const NA: &[u8] = include_bytes!("../../tests/vectors/vrrp/keepalived-2.2.7-na.bin");

    #[test]
    fn ranges_have_all_in_them_and_the_widest_gaps_between_them() {
        assert_eq!(ranges(&[]), []);
        assert_eq!(ranges(&[5]), [(5, 5)]);
        assert_eq!(ranges(&[5, 5, 6, 9, 10, 200]), [(5, 6), (9, 10), (200, 200)]);
        let many: Vec<u32> = (0..10_000).map(|n| n * 10 + if n > 5000 { 1_000_000 } else { 0 }).collect();
        let found = ranges(&many);
        assert_eq!(found.len(), RANGES);
        assert!(many.iter().all(|n| found.iter().any(|(a, b)| (a..=b).contains(&n))));
        assert!(!found.iter().any(|(a, b)| (a..=b).contains(&&500_000)));
        assert!(program(0, &found).len() < 4096);
    }

    #[test]
    fn claims_of_the_addresses_are_heard_with_their_interface_and_no_others() {
        in_namespace(|| {
            let (near, far) = veth("eth0", "eth1");
            // The kernel takes no advertisement without an address of that family.
            ip("address add 2001:db8::1/64 dev eth0 nodad");
            let sender = Sender::open().unwrap();
            let mut inbox = Inbox::new();
            for (frame, place, mine, message) in [(ARP, 31, "10.9.0.230", 0), (NA, 77, "2001:db8::230", 54)] {
                let mine: IpAddr = mine.parse().unwrap();
                let mut listener = Listener::open(Family::of(mine), &[mine]).unwrap();
                let mut other = frame.to_vec();
                other[place] ^= 1;
                let mut heard = Vec::new();
                let limit = clock::now() + std::time::Duration::from_secs(10);
                while heard.is_empty() && clock::now() < limit {
                    for bytes in [&other, frame] {
                        sender.send(Frame { interface: far, bytes }).unwrap();
                    }
                    let drained = listener.drain(&mut inbox, |_, index, what| {
                        let (Heard::Arp(bytes) | Heard::NeighbourAdvert(bytes)) = what;
                        heard.push((index, bytes.to_vec()));
                    });
                    drained.unwrap();
                }
                assert!(!heard.is_empty(), "{mine}");
                let expected = (near, frame[message..].to_vec());
                assert!(heard.iter().all(|heard| *heard == expected), "{heard:?}");
                // Others from now on.
                listener.watch(&["10.9.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap()]).unwrap();
                listener.drain(&mut inbox, |_, _, _| {}).unwrap();
                sender.send(Frame { interface: far, bytes: frame }).unwrap();
                let mut late = 0;
                listener.drain(&mut inbox, |_, _, _| late += 1).unwrap();
                assert_eq!(late, 0);
            }
        });
    }
}
