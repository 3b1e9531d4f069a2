//! Ethernet frames, ready made, on any interface: gratuitous ARP and neighbour advertisements.
//!
//! One [`Sender`] serves all interfaces of a network namespace. The bytes come from `vrrp::garp`.

use super::clock;
use super::datagrams::{self, Control, Drained, Inbox, Name, Outgoing};
use super::raw::{SendProblem, errno_of};
use super::ready::Ready;
use super::sockopt;
use crate::time::Instant;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Bytes of an Ethernet header.
const HEADER: usize = 14;

/// No socket for frames.
#[derive(Debug, thiserror::Error)]
#[error("open a packet socket: {}", .0.desc())]
pub struct OpenError(#[source] pub Errno);

/// A frame to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Index of the interface.
    pub interface: u32,
    /// From the destination address on, without checksum; at least the 14 bytes of the header.
    pub bytes: &'a [u8],
}

/// Sends frames on the interfaces of one network namespace.
#[derive(Debug)]
pub struct Sender {
    socket: OwnedFd,
}

impl Sender {
    /// Opens a sender in the calling thread's network namespace.
    ///
    /// # Errors
    /// `CAP_NET_RAW` is missing, or the kernel has no packet sockets.
    pub fn open() -> Result<Sender, OpenError> {
        let socket = open().map_err(OpenError)?;
        sockopt::enlarge_buffers(&socket);
        Ok(Sender { socket })
    }

    /// Sends one frame, without waiting.
    ///
    /// # Errors
    /// [`SendProblem`]
    pub fn send(&self, frame: Frame<'_>) -> Result<(), SendProblem> {
        let mut outcome = Ok(());
        self.send_many([frame], |_, problem| outcome = Err(problem));
        outcome
    }

    /// Sends frames in their order, in as few system calls as possible and without waiting or allocating; `failed`
    /// gets the index of each that did not go out.
    pub fn send_many<'a>(
        &self,
        frames: impl IntoIterator<Item = Frame<'a>>,
        mut failed: impl FnMut(usize, SendProblem),
    ) {
        let outgoing = frames.into_iter().map(|frame| Outgoing {
            name: Name::Link(link_name(frame.interface, ethertype(frame.bytes))),
            head: [0; 20],
            head_len: 0,
            body: frame.bytes,
            control: Control::NONE,
        });
        datagrams::send(self.socket.as_raw_fd(), outgoing, |index, errno| {
            failed(index, SendProblem::of(errno));
        });
    }
}

/// Hears every frame of one type that arrives on an interface: for measuring and for tests.
#[derive(Debug)]
pub struct Listener {
    socket: Ready<OwnedFd>,
    inbox: Inbox,
    emptied: Instant,
}

impl Listener {
    /// Listens on the interface with that index for frames of that Ethernet type (`0x0806` is ARP, 3 is every one,
    /// our own included). Must be called within a tokio runtime.
    ///
    /// # Errors
    /// `CAP_NET_RAW` is missing, the interface does not exist, or the kernel has no packet sockets.
    pub fn open(interface: u32, ethertype: u16) -> Result<Listener, OpenError> {
        let emptied = clock::now();
        let socket = open().map_err(OpenError)?;
        let _ = sockopt::set(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1);
        sockopt::enlarge_buffers(&socket);
        bind(&socket, link_name(interface, ethertype)).map_err(OpenError)?;
        let socket = Ready::new(socket).map_err(|e| OpenError(errno_of(&e)))?;
        Ok(Listener { socket, inbox: Inbox::new(), emptied })
    }

    /// Waits until there may be frames; [`Listener::drain`] must follow. Cancel-safe.
    ///
    /// # Errors
    /// The runtime is being shut down.
    pub async fn ready(&self) -> io::Result<()> {
        self.socket.wait().await
    }

    /// Gives every frame that has come by now to `each`, with the moment of its arrival, without waiting.
    ///
    /// # Errors
    /// Those of `recvmmsg(2)`: `ENETDOWN` once, after the interface went down.
    pub fn drain(&mut self, mut each: impl FnMut(&[u8], Instant)) -> io::Result<()> {
        let drained =
            self.inbox.drain(self.socket.get(), self.emptied, |incoming, at| each(incoming.bytes, at))?;
        match drained {
            Drained::Empty { since } => self.emptied = since,
            Drained::More => self.socket.more(),
        }
        Ok(())
    }
}

/// A packet socket that hears nothing until it is bound: protocol 0.
fn open() -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    socket(AddressFamily::Packet, SockType::Raw, flags, None)
}

fn link_name(interface: u32, ethertype: u16) -> libc::sockaddr_ll {
    libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::c_ushort,
        sll_protocol: ethertype.to_be(),
        sll_ifindex: libc::c_int::try_from(interface).unwrap_or_default(),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    }
}

fn ethertype(frame: &[u8]) -> u16 {
    match frame.first_chunk::<HEADER>() {
        Some([.., high, low]) => u16::from_be_bytes([*high, *low]),
        None => 0,
    }
}

/// Hears frames of that Ethernet type on all interfaces from now on.
pub(super) fn bind_all(socket: &impl AsRawFd, ethertype: u16) -> Result<(), Errno> {
    bind(socket, link_name(0, ethertype))
}

#[allow(unsafe_code)]
fn bind(socket: &impl AsRawFd, name: libc::sockaddr_ll) -> Result<(), Errno> {
    // SAFETY: the kernel reads the size of a `sockaddr_ll` from a pointer to one that outlives the call.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const name).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::{in_namespace_async, index, ip, soon, veth};

    /// A gratuitous ARP for 192.0.2.1 at 02:00:00:00:00:01, as RFC 826 lays it out.
    const ARP: [u8; 42] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, // Ethernet
        0, 1, 8, 0, 6, 4, 0, 1, // request
        2, 0, 0, 0, 0, 1, 192, 0, 2, 1, // sender
        0, 0, 0, 0, 0, 0, 192, 0, 2, 1, // target
    ];

    #[test]
    fn frames_reach_the_other_end_byte_for_byte_in_order_and_stamped() {
        in_namespace_async(|| async {
            let (eth0, eth1) = veth("eth0", "eth1");
            let sender = Sender::open().unwrap();
            let mut listener = Listener::open(eth1, 0x0806).unwrap();
            let frames: Vec<[u8; 42]> = (0..100)
                .map(|n| {
                    let mut f = ARP;
                    f[31] = n;
                    f[41] = n;
                    f
                })
                .collect();
            let before = clock::now();
            let queue = frames.iter().map(|bytes| Frame { interface: eth0, bytes });
            sender.send_many(queue, |at, problem| panic!("frame {at}: {problem}"));
            let after = clock::now();
            let mut got = Vec::new();
            soon("frames", async {
                while got.len() < frames.len() {
                    listener.ready().await.unwrap();
                    listener
                        .drain(|bytes, at| {
                            got.push(bytes.to_vec());
                            assert!(before <= at && at <= clock::now(), "{before:?} {at:?} {after:?}");
                        })
                        .unwrap();
                }
            })
            .await;
            assert!(got.iter().zip(&frames).all(|(got, sent)| got == sent), "{got:?}");
        });
    }

    #[test]
    fn the_neighbour_table_of_the_other_end_follows_a_gratuitous_arp() {
        in_namespace_async(|| async {
            let (eth0, _) = veth("eth0", "eth1");
            ip("addr add 192.0.2.9/24 dev eth1");
            ip("neigh add 192.0.2.1 lladdr 02:00:00:00:00:99 nud stale dev eth1");
            // The first gratuitous ARPs after an update may be held back (`locktime`).
            std::fs::write("/proc/sys/net/ipv4/neigh/eth1/locktime", "0").unwrap();
            Sender::open().unwrap().send(Frame { interface: eth0, bytes: &ARP }).unwrap();
            soon("the neighbour's new address", async {
                while !ip("neigh show 192.0.2.1 dev eth1").contains("02:00:00:00:00:01") {
                    tokio::task::yield_now().await;
                }
            })
            .await;
        });
    }

    #[test]
    fn a_frame_that_can_not_go_out_says_why_and_the_others_go() {
        in_namespace_async(|| async {
            let (eth0, eth1) = veth("eth0", "eth1");
            ip("link add eth2 type veth peer name eth3");
            let eth2 = index("eth2");
            let sender = Sender::open().unwrap();
            let mut listener = Listener::open(eth1, 0x0806).unwrap();
            let long = vec![0; 3000];
            let frame = |interface, bytes| Frame { interface, bytes };
            let frames = [
                frame(eth2, &ARP),
                frame(9999, &ARP),
                frame(eth0, &ARP[..13]),
                frame(eth0, &long),
                frame(eth0, &ARP),
            ];
            let mut problems = Vec::new();
            sender.send_many(frames, |index, problem| problems.push((index, problem)));
            let expected = [
                (0, SendProblem::Down),
                (1, SendProblem::Gone),
                (2, SendProblem::Refused(Errno::EINVAL)),
                (3, SendProblem::Refused(Errno::EMSGSIZE)),
            ];
            assert_eq!(problems, expected);
            soon("the good one", listener.ready()).await.unwrap();
            let mut got = Vec::new();
            listener.drain(|bytes, _| got.push(bytes.to_vec())).unwrap();
            assert_eq!(got, [ARP]);
        });
    }
}
