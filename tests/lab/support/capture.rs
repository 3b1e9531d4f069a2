//! Captures what passes a host's `eth0`, with the kernel's own time of each frame.
//!
//! Decodes only what tests ask for (ARP, VRRP over IPv4), by itself and not with the code under test. For all else
//! there is tshark, which reads the file that [`Capture::save`] writes.

use super::host::{Host, Mac};
use super::wait::{Waited, wait_for};
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimestampns, RxqOvfl};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};
use std::fs::File;
use std::io::{self, BufWriter, IoSliceMut, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Room for frames that nobody has read yet, bytes.
const ROOM: usize = 64 << 20;

/// A running capture. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Capture {
    frames: Arc<Mutex<Vec<Frame>>>,
    /// So many frames had no room: what was captured is not all.
    lost: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A frame as it was on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// When the kernel saw it, since the epoch.
    pub(crate) at: Duration,
    pub(crate) bytes: Vec<u8>,
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arp {
    /// 1 for a request, 2 for a reply.
    pub(crate) operation: u16,
    pub(crate) sender_mac: Mac,
    pub(crate) sender: Ipv4Addr,
    pub(crate) target: Ipv4Addr,
}

impl Arp {
    /// Does it announce its sender's own address?
    pub(crate) fn is_gratuitous(&self) -> bool {
        self.sender == self.target
    }
}

/// A VRRP advertisement over IPv4, and what its IP header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Advert {
    pub(crate) source: Ipv4Addr,
    pub(crate) ttl: u8,
    pub(crate) version: u8,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    pub(crate) addresses: Vec<Ipv4Addr>,
}

impl Capture {
    /// Begins to capture; what passes from now on is in it.
    pub(crate) fn start(host: &Host) -> Self {
        Self::start_on(host, "eth0")
    }

    /// Begins to capture on another of the host's interfaces.
    pub(crate) fn start_on(host: &Host, interface: &str) -> Self {
        let socket =
            host.enter(|| open(nix::net::if_::if_nametoindex(interface).expect("the interface is there")));
        let frames: Arc<Mutex<Vec<Frame>>> = Arc::default();
        let lost = Arc::new(AtomicU32::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (frames, lost, stop) = (Arc::clone(&frames), Arc::clone(&lost), Arc::clone(&stop));
            move || {
                let mut room = vec![0; 65536];
                while !stop.load(Ordering::Relaxed) {
                    if let Some((frame, missed)) = receive(&socket, &mut room) {
                        lost.fetch_max(missed, Ordering::Relaxed);
                        frames.lock().expect("no panic while held").push(frame);
                    }
                }
            }
        });
        Self { frames, lost, stop, thread: Some(thread) }
    }

    /// What was captured so far.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        assert_eq!(self.lost.load(Ordering::Relaxed), 0, "the capture has lost frames");
        self.frames.lock().expect("no panic while held").clone()
    }

    /// The advertisements so far.
    pub(crate) fn adverts(&self) -> Vec<(Duration, Advert)> {
        self.frames().iter().filter_map(|frame| Some((frame.at, frame.advert()?))).collect()
    }

    /// The gratuitous ARPs so far.
    pub(crate) fn gratuitous_arps(&self) -> Vec<(Duration, Arp)> {
        let arps = self.frames().into_iter().filter_map(|frame| Some((frame.at, frame.arp()?)));
        arps.filter(|(_, arp)| arp.is_gratuitous()).collect()
    }

    /// Waits for an advertisement that `wanted` accepts, among those after the time `since`.
    #[track_caller]
    pub(crate) fn wait_advert(
        &self,
        what: &str,
        since: Duration,
        limit: Duration,
        wanted: impl Fn(&Advert) -> bool,
    ) -> (Duration, Advert) {
        wait_for(what, limit, || -> Waited<_> {
            let adverts = self.adverts();
            let last = adverts.last().cloned();
            let found = adverts.into_iter().find(|(at, advert)| *at > since && wanted(advert));
            found.ok_or_else(|| {
                last.map_or("no advert at all".into(), |(at, advert)| format!("{advert:?} at {at:?}"))
            })
        })
    }

    /// Writes what was captured as a file in libpcap's format.
    pub(crate) fn save(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        // Magic for times in nanoseconds, version 2.4, zone, accuracy, longest frame, Ethernet.
        for word in [0xa1b2_3c4d_u32, 4 << 16 | 2, 0, 0, 65535, 1] {
            file.write_all(&word.to_ne_bytes())?;
        }
        for frame in self.frames() {
            let length = u32::try_from(frame.bytes.len()).expect("a frame is short");
            let seconds = u32::try_from(frame.at.as_secs()).unwrap_or(u32::MAX);
            for word in [seconds, frame.at.subsec_nanos(), length, length] {
                file.write_all(&word.to_ne_bytes())?;
            }
            file.write_all(&frame.bytes)?;
        }
        file.flush()
    }
}

/// A capture that nobody reads while it runs: it takes no processor from what it looks at.
#[derive(Debug)]
pub(crate) struct Unread(Socket);

impl Unread {
    /// Begins to capture on an interface of a host.
    pub(crate) fn start_on(host: &Host, interface: &str) -> Self {
        Self(host.enter(|| open(nix::net::if_::if_nametoindex(interface).expect("the interface is there"))))
    }

    /// Ends it; the advertisements that passed.
    pub(crate) fn adverts(self) -> Vec<(Duration, Advert)> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock that is set");
        let mut room = vec![0; 65536];
        let mut adverts = Vec::new();
        // What comes while this reads is not read.
        while let Some((frame, missed)) = receive(&self.0, &mut room).filter(|(frame, _)| frame.at <= now) {
            assert_eq!(missed, 0, "the capture has lost frames");
            adverts.extend(frame.advert().map(|advert| (frame.at, advert)));
        }
        adverts
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A socket that gets the frames of this interface alone: those of others would fill it.
fn open(interface: u32) -> Socket {
    // Without a protocol nothing comes before it is bound.
    let socket = Socket::new(Domain::PACKET, Type::RAW, None).expect("a packet socket");
    setsockopt(&socket, RcvBufForce, &ROOM).expect("make room");
    setsockopt(&socket, ReceiveTimestampns, &true).expect("ask for times");
    setsockopt(&socket, RxqOvfl, &1).expect("ask for losses");
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("set a timeout");
    socket.bind(&everything_on(interface)).expect("bind to the interface");
    socket
}

#[allow(unsafe_code)]
fn everything_on(interface: u32) -> SockAddr {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a `sockaddr_ll` is of integers, and all zeros is a valid one.
    let name = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    name.sll_family = u16::try_from(libc::AF_PACKET).expect("a family");
    name.sll_protocol = u16::try_from(libc::ETH_P_ALL).expect("an ethertype").to_be();
    name.sll_ifindex = i32::try_from(interface).expect("an index");
    let length = u32::try_from(size_of::<libc::sockaddr_ll>()).expect("an address is short");
    // SAFETY: the storage holds a `sockaddr_ll`, of that length.
    unsafe { SockAddr::new(storage, length) }
}

/// The next frame, unless none comes in time, and how many were lost so far.
fn receive(socket: &Socket, room: &mut [u8]) -> Option<(Frame, u32)> {
    let mut control = nix::cmsg_space!(libc::timespec, u32);
    let mut parts = [IoSliceMut::new(room)];
    let message =
        recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty()).ok()?;
    let (mut at, mut lost) = (None, 0);
    for control in message.cmsgs().ok()? {
        match control {
            ControlMessageOwned::ScmTimestampns(time) => at = Some(Duration::from(time)),
            ControlMessageOwned::RxqOvfl(count) => lost = count,
            _ => {}
        }
    }
    let length = message.bytes;
    Some((Frame { at: at?, bytes: room.get(..length)?.to_vec() }, lost))
}

impl Frame {
    /// The ethertype and what follows it.
    fn payload(&self) -> Option<(u16, &[u8])> {
        Some((u16::from_be_bytes(self.bytes.get(12..14)?.try_into().ok()?), self.bytes.get(14..)?))
    }

    /// The hardware address that sent it.
    pub(crate) fn source(&self) -> Option<Mac> {
        Some(Mac(self.bytes.get(6..12)?.try_into().ok()?))
    }

    pub(crate) fn arp(&self) -> Option<Arp> {
        let (0x0806, arp) = self.payload()? else { return None };
        let address = |at: usize| Some(Ipv4Addr::from(<[u8; 4]>::try_from(arp.get(at..at + 4)?).ok()?));
        Some(Arp {
            operation: u16::from_be_bytes(arp.get(6..8)?.try_into().ok()?),
            sender_mac: Mac(arp.get(8..14)?.try_into().ok()?),
            sender: address(14)?,
            target: address(24)?,
        })
    }

    pub(crate) fn advert(&self) -> Option<Advert> {
        let (0x0800, ip) = self.payload()? else { return None };
        let total = usize::from(u16::from_be_bytes(ip.get(2..4)?.try_into().ok()?));
        let mut vrrp = ip.get(usize::from(ip[0] & 15) * 4..total)?;
        match ip.get(9)? {
            112 => {}
            // An authentication header (RFC 2402) has its own length, in words, less two.
            51 if *vrrp.first()? == 112 => vrrp = vrrp.get((usize::from(*vrrp.get(1)?) + 2) * 4..)?,
            _ => return None,
        }
        let (&count, version) = (vrrp.get(3)?, vrrp.first()? >> 4);
        let list = vrrp.get(8..8 + usize::from(count) * 4)?;
        Some(Advert {
            source: Ipv4Addr::from(<[u8; 4]>::try_from(ip.get(12..16)?).ok()?),
            ttl: ip[8],
            version,
            vrid: *vrrp.get(1)?,
            priority: *vrrp.get(2)?,
            addresses: list.chunks_exact(4).map(|a| Ipv4Addr::new(a[0], a[1], a[2], a[3])).collect(),
        })
    }
}
