//! Many datagrams in one system call: `sendmmsg(2)`, `recvmmsg(2)`, and control messages as bytes.

use super::clock;
use crate::time::Instant;
use nix::errno::Errno;
use std::fmt;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::time::Duration;

/// Datagrams that one system call sends; so many that come are read by one call.
const SENT: usize = 64;
const READ: usize = 32;
/// Bytes of a datagram that are kept; the longest VRRP packet (255 IPv6 addresses) has 4,088.
const CAPACITY: usize = 8 << 10;
/// Bytes of control messages: a packet-info, a hop limit, a time stamp, each with header and padding.
const CONTROL: usize = 128;
/// Bytes of a sender's address: `sockaddr_in6` has 28, `sockaddr_ll` 20.
const NAME: usize = 32;

/// Where a datagram goes.
#[derive(Clone, Copy)]
pub(crate) enum Name {
    In(libc::sockaddr_in),
    In6(libc::sockaddr_in6),
    Link(libc::sockaddr_ll),
}

impl Name {
    fn parts(&mut self) -> (*mut libc::c_void, usize) {
        match self {
            Name::In(name) => (ptr::from_mut(name).cast(), size_of_val(name)),
            Name::In6(name) => (ptr::from_mut(name).cast(), size_of_val(name)),
            Name::Link(name) => (ptr::from_mut(name).cast(), size_of_val(name)),
        }
    }
}

/// A datagram to send: two pieces in a row, and control messages.
pub(crate) struct Outgoing<'a> {
    pub(crate) name: Name,
    pub(crate) head: [u8; 20],
    /// How many bytes of `head` there are.
    pub(crate) head_len: usize,
    pub(crate) body: &'a [u8],
    pub(crate) control: Control,
}

/// Sends the datagrams without waiting or allocating; `failed` gets the index and error of each that did not go out.
/// One that fails does not stop those after it.
pub(crate) fn send<'a>(
    socket: RawFd,
    datagrams: impl IntoIterator<Item = Outgoing<'a>>,
    mut failed: impl FnMut(usize, Errno),
) {
    let mut datagrams = datagrams.into_iter().fuse();
    let mut base = 0;
    while let Some(first) = datagrams.next() {
        let mut first = Some(first);
        let mut chunk: [Option<Outgoing<'a>>; SENT] =
            std::array::from_fn(|_| first.take().or_else(|| datagrams.next()));
        base += send_chunk(socket, &mut chunk, |n, errno| failed(base + n, errno));
    }
}

/// Sends those that are there, which come first; how many they were.
#[allow(unsafe_code)]
fn send_chunk(
    socket: RawFd,
    chunk: &mut [Option<Outgoing<'_>>; SENT],
    mut failed: impl FnMut(usize, Errno),
) -> usize {
    let mut pieces = [[piece(ptr::null_mut(), 0); 2]; SENT];
    let mut headers = [no_header(); SENT];
    let mut count = 0;
    for ((datagram, pieces), header) in chunk.iter_mut().flatten().zip(&mut pieces).zip(&mut headers) {
        let Outgoing { name, head, head_len, body, control } = datagram;
        *pieces = [
            piece(head.as_mut_ptr(), (*head_len).min(head.len())),
            piece(body.as_ptr().cast_mut(), body.len()),
        ];
        fill_header(header, name.parts(), pieces, (control.bytes.as_mut_ptr(), control.len));
        count += 1;
    }
    let mut done = 0;
    while let Some(rest) = headers.get_mut(done..count).filter(|rest| !rest.is_empty()) {
        // SAFETY: `rest` are headers whose names, pieces and control messages lie in `chunk` and `pieces`, which are
        // borrowed mutably or owned here and are neither moved nor freed before the call returns. The kernel only
        // reads what they point to, and writes `msg_len` of the headers.
        let sent = unsafe {
            libc::sendmmsg(socket, rest.as_mut_ptr(), rest.len() as libc::c_uint, libc::MSG_DONTWAIT)
        };
        match Errno::result(sent) {
            // An error concerns the first datagram of the call: had others gone out, their number would be here.
            Err(Errno::EINTR) => {}
            Err(errno) => {
                failed(done, errno);
                done += 1;
            }
            Ok(n) => done += usize::try_from(n).unwrap_or_default().max(1),
        }
    }
    count
}

const fn piece(start: *mut u8, len: usize) -> libc::iovec {
    libc::iovec { iov_base: start.cast(), iov_len: len }
}

#[allow(unsafe_code)]
const fn no_header() -> libc::mmsghdr {
    // SAFETY: a message header is numbers and pointers; zeros are valid for all of them.
    unsafe { std::mem::zeroed() }
}

fn fill_header(
    header: &mut libc::mmsghdr,
    (name, name_len): (*mut libc::c_void, usize),
    pieces: &mut [libc::iovec],
    (control, control_len): (*mut u8, usize),
) {
    header.msg_hdr.msg_name = name;
    header.msg_hdr.msg_namelen = name_len as libc::socklen_t;
    header.msg_hdr.msg_iov = pieces.as_mut_ptr();
    header.msg_hdr.msg_iovlen = pieces.len() as _;
    if control_len > 0 {
        header.msg_hdr.msg_control = control.cast();
        header.msg_hdr.msg_controllen = control_len as _;
    }
}

/// A datagram that came.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    /// The sender's `sockaddr`.
    pub(crate) name: &'a [u8],
    /// The bytes, at most 8 KiB.
    pub(crate) bytes: &'a [u8],
    control: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// The data of the control message of that kind.
    pub(crate) fn control(&self, level: libc::c_int, kind: libc::c_int) -> Option<&'a [u8]> {
        Controls(self.control).find(|c| c.0 == level && c.1 == kind).map(|c| c.2)
    }

    /// The kernel's time stamp (`SO_TIMESTAMPNS`): a `timespec` of the wall clock.
    fn stamp(&self) -> Option<Duration> {
        const WORD: usize = size_of::<libc::c_long>();
        let data = self.control(libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS)?;
        let seconds = libc::c_long::from_ne_bytes(*data.first_chunk::<WORD>()?);
        let nanos = libc::c_long::from_ne_bytes(*data.get(WORD..)?.first_chunk::<WORD>()?);
        let nanos = u32::try_from(nanos).ok().filter(|&n| n < 1_000_000_000)?;
        Some(Duration::new(u64::try_from(seconds).ok()?, nanos))
    }
}

/// Whether a socket has been emptied.
pub(crate) enum Drained {
    /// It has: what comes out of it later arrived after `since`.
    Empty { since: Instant },
    /// There may be more in it.
    More,
}

/// Room for datagrams that come: one serves any number of sockets, one after the other.
pub struct Inbox {
    slots: Vec<Slot>,
    /// [`CAPACITY`] bytes a slot: in one piece, of which the kernel gives memory where a datagram is written.
    bytes: Vec<u8>,
}

impl fmt::Debug for Inbox {
    /// Without the bytes: they are of no meaning between two calls.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("slots", &self.slots.len()).finish()
    }
}

#[derive(Clone)]
struct Slot {
    control: [u8; CONTROL],
    name: [u8; NAME],
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Inbox {
    /// All the memory that receiving takes: 264 KiB.
    #[must_use]
    pub fn new() -> Inbox {
        let slot = Slot { control: [0; CONTROL], name: [0; NAME] };
        Inbox { slots: vec![slot; READ], bytes: vec![0; READ * CAPACITY] }
    }

    /// Gives the datagrams in the socket to `each`, with the time of their arrival and without waiting, and tells
    /// whether it is empty now. It is not when more come than can be read: what has arrived by now is read in any
    /// case, but a flood does not keep the caller here. No datagram can have arrived before `earliest`.
    pub(crate) fn drain(
        &mut self,
        socket: &impl AsRawFd,
        earliest: Instant,
        mut each: impl FnMut(Incoming<'_>, Instant),
    ) -> Result<Drained, Errno> {
        let clocks = clock::Sample::take();
        let start = clocks.now;
        let mut newest = Instant::ZERO;
        while newest <= start {
            let received = self.receive(socket.as_raw_fd(), &mut |now, incoming| {
                // The wall clock may have been set in between: hold its word to what is known.
                let arrived = incoming.stamp().map_or(now, |stamp| clocks.instant_of(stamp));
                newest = arrived.clamp(earliest.min(now), now);
                each(incoming, newest);
            });
            match received {
                // It was empty before all places were taken: no need to ask again.
                Ok(received) if received < self.slots.len() => return Ok(Drained::Empty { since: start }),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Ok(Drained::Empty { since: start }),
                Err(errno) => return Err(errno),
            }
        }
        Ok(Drained::More)
    }

    /// How many were there, of as many as there are slots. They had come by the time that `each` gets with them.
    // `msg_controllen` is a usize with glibc and a u32 with musl.
    #[allow(unsafe_code, clippy::unnecessary_cast)]
    fn receive(
        &mut self,
        socket: RawFd,
        each: &mut impl FnMut(Instant, Incoming<'_>),
    ) -> Result<usize, Errno> {
        let mut pieces = [[piece(ptr::null_mut(), 0)]; READ];
        let mut headers = [no_header(); READ];
        let places = self.slots.iter_mut().zip(self.bytes.chunks_exact_mut(CAPACITY));
        for (((slot, bytes), pieces), header) in places.zip(&mut pieces).zip(&mut headers) {
            *pieces = [piece(bytes.as_mut_ptr(), bytes.len())];
            let name = (slot.name.as_mut_ptr().cast(), slot.name.len());
            fill_header(header, name, pieces, (slot.control.as_mut_ptr(), slot.control.len()));
        }
        // SAFETY: the headers' pieces, names and control buffers lie in `pieces`, `self.slots` and `self.bytes`, which are
        // borrowed mutably; none is moved or freed before the call returns, and the lengths are the buffers' own.
        let received = unsafe {
            libc::recvmmsg(
                socket,
                headers.as_mut_ptr(),
                headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let received = usize::try_from(Errno::result(received)?).unwrap_or_default();
        let now = clock::now();
        let places = self.slots.iter().zip(self.bytes.chunks_exact(CAPACITY));
        for ((slot, bytes), header) in places.zip(&headers).take(received) {
            let (len, name_len) = (header.msg_len as usize, header.msg_hdr.msg_namelen as usize);
            let control_len = header.msg_hdr.msg_controllen as usize;
            let incoming = Incoming {
                name: slot.name.get(..name_len).unwrap_or(&slot.name),
                bytes: bytes.get(..len).unwrap_or(bytes),
                control: slot.control.get(..control_len).unwrap_or(&slot.control),
            };
            each(now, incoming);
        }
        Ok(received)
    }
}

/// `CMSG_ALIGN`
const fn align(len: usize) -> usize {
    len.next_multiple_of(size_of::<usize>())
}

const CONTROL_HEADER: usize = align(size_of::<libc::cmsghdr>());

/// Bytes of the control messages of a datagram that is sent: an IPv6 packet-info and a hop limit.
const CONTROL_SENT: usize = 2 * CONTROL_HEADER + align(20) + align(4);

/// Control messages as the kernel reads them: `cmsghdr`, data, padding, in a row.
#[derive(Clone, Copy)]
pub(crate) struct Control {
    bytes: [u8; CONTROL_SENT],
    len: usize,
}

impl Control {
    pub(crate) const NONE: Control = Control { bytes: [0; CONTROL_SENT], len: 0 };

    /// One more. Where there is no room for it, none: no caller sends more than fits.
    pub(crate) fn with(mut self, level: libc::c_int, kind: libc::c_int, data: &[u8]) -> Control {
        let Some(place) =
            self.bytes.get_mut(self.len..).filter(|p| p.len() >= CONTROL_HEADER + align(data.len()))
        else {
            debug_assert!(false, "more control messages than ever are sent");
            return self;
        };
        let parts: [&[u8]; 3] =
            [&(CONTROL_HEADER + data.len()).to_ne_bytes(), &level.to_ne_bytes(), &kind.to_ne_bytes()];
        let header = place.iter_mut().zip(parts.iter().copied().flatten());
        header.for_each(|(byte, value)| *byte = *value);
        place.iter_mut().skip(CONTROL_HEADER).zip(data).for_each(|(byte, value)| *byte = *value);
        self.len += CONTROL_HEADER + align(data.len());
        self
    }
}

/// Level, type and data of each control message; ends at what is none.
struct Controls<'a>(&'a [u8]);

impl<'a> Iterator for Controls<'a> {
    type Item = (libc::c_int, libc::c_int, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const WORD: usize = size_of::<usize>();
        let bytes = std::mem::take(&mut self.0);
        let len = usize::from_ne_bytes(*bytes.first_chunk()?);
        let level = libc::c_int::from_ne_bytes(*bytes.get(WORD..)?.first_chunk()?);
        let kind = libc::c_int::from_ne_bytes(*bytes.get(WORD + 4..)?.first_chunk()?);
        let data = bytes.get(CONTROL_HEADER..len)?;
        self.0 = len.checked_next_multiple_of(WORD).and_then(|next| bytes.get(next..)).unwrap_or_default();
        Some((level, kind, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sockopt;
    use std::net::{Ipv4Addr, UdpSocket};

    #[test]
    fn control_messages_are_read_as_written_and_cuts_end_the_reading() {
        let written = Control::NONE.with(1, 2, b"abc").with(3, 4, b"12345678");
        let bytes = &written.bytes[..written.len];
        let all: Vec<_> = Controls(bytes).collect();
        assert_eq!(all, [(1, 2, &b"abc"[..]), (3, 4, &b"12345678"[..])]);
        for cut in 0..bytes.len() {
            let _ = Controls(&bytes[..cut]).count();
        }
        for position in 0..bytes.len() {
            for value in [0, 1, 15, 17, 0x7f, 0xff] {
                let mut broken = bytes.to_vec();
                broken[position] = value;
                let _ = Controls(&broken).count();
            }
        }
    }

    fn to(port: u16, head: [u8; 20], body: &[u8]) -> Outgoing<'_> {
        let name = Name::In(libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: port.to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be() },
            sin_zero: [0; 8],
        });
        Outgoing { name, head, head_len: 3, body, control: Control::NONE }
    }

    #[test]
    fn more_datagrams_than_fit_one_call_arrive_and_failures_are_named() {
        let (from, at) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        at.set_nonblocking(true).unwrap();
        let port = at.local_addr().unwrap().port();
        let too_long = vec![0; 70_000];
        let bodies: Vec<Vec<u8>> = (0..150_u8).map(|n| vec![n; 5]).collect();
        let datagrams = bodies.iter().enumerate().map(|(n, body)| {
            to(port, [b'h'; 20], if n == 0 || n == 70 || n == 149 { &too_long } else { body })
        });
        let mut failed = Vec::new();
        send(from.as_raw_fd(), datagrams, |n, errno| failed.push((n, errno)));
        assert_eq!(failed, [(0, Errno::EMSGSIZE), (70, Errno::EMSGSIZE), (149, Errno::EMSGSIZE)]);

        let mut got = Vec::new();
        let mut inbox = Inbox::new();
        // Without time stamps each full batch looks newer than the call.
        while let Drained::More = inbox
            .drain(&at, Instant::ZERO, |d, _| {
                assert_eq!(d.bytes[..3], *b"hhh");
                assert_eq!(d.name[2..4], from.local_addr().unwrap().port().to_be_bytes());
                got.push(d.bytes[3]);
            })
            .unwrap()
        {}
        let expected: Vec<u8> = (0..150).filter(|n| ![0, 70, 149].contains(n)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn what_has_arrived_is_read_whole_and_a_flood_is_not_followed() {
        let (from, at) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        at.set_nonblocking(true).unwrap();
        sockopt::set(&at, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1).unwrap();
        let port = at.local_addr().unwrap().port();
        let earliest = clock::now();
        let send_one = || send(from.as_raw_fd(), [to(port, [0; 20], b"x")], |_, errno| panic!("{errno}"));
        let mut inbox = Inbox::new();
        // The kernel begins to stamp arrivals a little later than it is asked to; until then it stamps the reading.
        let mut stamping = false;
        while !stamping {
            send_one();
            let sent = clock::now();
            inbox.drain(&at, earliest, |_, arrived| stamping = arrived <= sent).unwrap();
        }
        (0..100).for_each(|_| send_one());
        // Every one that is read brings another: read until empty, this would never end.
        let mut read = 0;
        let drained = inbox.drain(&at, earliest, |_, arrived| {
            read += 1;
            assert!(earliest <= arrived && arrived <= clock::now());
            send_one();
        });
        assert!(matches!(drained, Ok(Drained::More)));
        assert!((100..100 + 2 * READ).contains(&read), "{read}");
    }
}
