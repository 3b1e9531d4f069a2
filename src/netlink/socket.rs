//! The socket: carries batches of requests and dumps to the kernel and their answers back.
//!
//! Calls block, but not for long: the kernel carries requests out within `send`, so the answers are there when it
//! returns. Every wait is bounded all the same. A socket belongs to the network namespace of the thread that opened
//! it, and is for requests alone: notifications have sockets of their own, so that they can't crowd out answers.

use super::message::{Batch, DUMP_INTERRUPTED, KIND_DONE, KIND_ERROR, KIND_NOOP, KIND_OVERRUN};
use super::message::{Malformed, Message, Messages};
use super::reply::{Failed, Failure, Refusal, Tally, done, refusal};
use crate::sys::{clock, sockopt};
use crate::time::Instant;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, getsockname, recvmsg, send,
    socket,
};
use std::fmt;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// Requests a send, where the receive buffer has room for as many refusals.
const MAX_REQUESTS: usize = 512;
/// Bytes a send.
const MAX_BYTES: usize = 128 << 10;
/// What one refusal takes of the receive buffer at most (the kernel counts its bookkeeping too).
const REFUSAL_COST: usize = 2 << 10;
/// The longest datagram the kernel makes for a dump is 32 KiB.
pub(super) const DATAGRAM: usize = 64 << 10;
/// How long the kernel may take for an answer before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// The netlink protocols in use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `NETLINK_ROUTE`: links, addresses, routes, rules.
    Route,
    /// `NETLINK_NETFILTER`: nftables.
    Netfilter,
    /// `NETLINK_GENERIC`: IPVS and others, by family name.
    Generic,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Route => "rtnetlink",
            Protocol::Generic => "generic netlink",
            Protocol::Netfilter => "nfnetlink",
        })
    }
}

/// Why a request or a dump came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No socket.
    #[error("open a {protocol} socket: {}", errno.desc())]
    Open {
        /// Which one.
        protocol: Protocol,
        /// Why.
        #[source]
        errno: Errno,
    },
    /// The kernel did not take the request.
    #[error("send a netlink request: {}", .0.desc())]
    Send(#[source] Errno),
    /// Reading failed.
    #[error("read a netlink answer: {}", .0.desc())]
    Receive(#[source] Errno),
    /// The kernel refused the request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer did not come, or was lost.
    #[error("the kernel did not answer a netlink request")]
    NoAnswer,
    /// The kernel sent what is no netlink message, or lacks what it must have.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

impl Error {
    /// The error number behind it, where there is one.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        match self {
            Error::Open { errno, .. } | Error::Send(errno) | Error::Receive(errno) => Some(*errno),
            Error::Refused(refusal) => Some(refusal.errno),
            Error::NoAnswer | Error::Malformed(_) => None,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure {
            Failure::Refused(refusal) => Error::Refused(refusal),
            Failure::NotSent(errno) => Error::Send(errno),
            Failure::Unknown => Error::NoAnswer,
        }
    }
}

/// Whether what a dump gave was true at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Consistency {
    /// It was: it came in one part.
    Whole,
    /// It came in several, and the kernel has not said that the table changed in between: rtnetlink would have, IPVS
    /// never does.
    Parts,
    /// The table changed in between (`NLM_F_DUMP_INTR`), or a part was lost: objects may be missing or old. Dump
    /// again where that matters.
    Interrupted,
}

/// A socket for requests.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    port: u32,
    sequence: u32,
    /// The limits of a send.
    max_requests: usize,
    max_bytes: usize,
    datagram: Vec<u8>,
    patience: Duration,
}

/// What reading gave.
pub(super) enum Read {
    /// A datagram of the kernel of so many bytes.
    Datagram(usize),
    /// The kernel dropped something.
    Lost,
    /// There is nothing to read now.
    Empty,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    ///
    /// # Errors
    /// [`Error::Open`]: the protocol is not in this kernel, or descriptors are exhausted.
    pub fn open(protocol: Protocol) -> Result<Socket, Error> {
        let (fd, port) = open(protocol, 0).map_err(|errno| Error::Open { protocol, errno })?;
        Ok(Socket::over(fd, port))
    }

    /// With the kernel at the other end, or a test.
    pub(crate) fn over(fd: OwnedFd, port: u32) -> Socket {
        let mut socket = Socket {
            fd,
            port,
            sequence: 1,
            max_requests: MAX_REQUESTS,
            max_bytes: MAX_BYTES,
            datagram: vec![0; DATAGRAM],
            patience: PATIENCE,
        };
        socket.fit_limits();
        socket
    }

    /// Keeps a send within what the buffers really are: all of its refusals must fit the one for receiving.
    fn fit_limits(&mut self) {
        let size = |name| {
            sockopt::get(&self.fd, libc::SOL_SOCKET, name)
                .map_or(0, |n| usize::try_from(n).unwrap_or_default())
        };
        let (receive, send) = (size(libc::SO_RCVBUF), size(libc::SO_SNDBUF));
        self.max_requests = (receive / REFUSAL_COST).clamp(1, MAX_REQUESTS);
        self.max_bytes = (send / 2).clamp(4 << 10, MAX_BYTES);
    }

    /// Carries out the requests in their order and tells which ones did not succeed, by ascending index: none means
    /// that all did. A request that fails does not stop those after it.
    ///
    /// Where an answer is lost the requests concerned are [`Failure::Unknown`]: they are neither repeated (a second
    /// `add` would fail falsely) nor taken for done. That can only happen when the kernel runs out of memory, since
    /// a send never holds more requests than refusals fit the receive buffer.
    pub fn execute(&mut self, batch: &mut Batch) -> Vec<Failed> {
        self.query(batch, |_, _| {})
    }

    /// Like [`Socket::execute`], for requests that are answered with objects (a GET without
    /// [`super::message::DUMP`]): `object` gets
    /// each with the index of its request.
    pub fn query(&mut self, batch: &mut Batch, mut object: impl FnMut(usize, Message<'_>)) -> Vec<Failed> {
        let mut failed = Vec::new();
        let mut from = 0;
        // Less for the rest of this batch, when the kernel finds a send too long or is short of memory.
        let mut most = self.max_requests;
        while from < batch.len() {
            let to = self.end_of_send(batch, from, most);
            let sequence = self.reserve(to - from);
            batch.seal(from, to, sequence, true);
            match self.send(batch.range(from, to)) {
                Ok(()) => {}
                Err(Errno::EMSGSIZE | Errno::ENOBUFS | Errno::ENOMEM) if to - from > 1 => {
                    most = (to - from) / 2;
                    continue;
                }
                Err(errno @ Errno::EMSGSIZE) => {
                    // This request alone is too long; the others may not be.
                    failed.push(Failed { index: from, failure: Failure::NotSent(errno) });
                    from = to;
                    continue;
                }
                Err(errno) => {
                    not_sent(from, batch.len(), errno, &mut failed);
                    break;
                }
            }
            let mut tally = Tally::new(from, to - from, sequence, self.port);
            let answered = self.collect(&mut tally, &mut object);
            tally.finish(&mut failed);
            from = to;
            if let Err(errno) = answered {
                not_sent(from, batch.len(), errno, &mut failed);
                break;
            }
        }
        replace_oversized(batch.oversized(), &mut failed);
        failed
    }

    /// Where a send of at most `most` requests that begins with request `from` must end.
    fn end_of_send(&self, batch: &Batch, from: usize, most: usize) -> usize {
        let most = batch.len().min(from + most);
        let room = batch.start(from) + self.max_bytes;
        (from + 1..most).find(|&to| batch.start(to + 1) > room).unwrap_or(most)
    }

    /// Sends the batch at once, framed as a transaction: the first and the last message say where it begins and ends, and
    /// are not answered. The one before the last tells how it went, after those that failed.
    ///
    /// # Errors
    /// The first refusal; then nothing was done.
    pub fn transact(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let count = batch.len();
        let Some(last) = count.checked_sub(2) else { return Ok(()) };
        if let Some(&index) = batch.oversized().first() {
            debug_assert!(index < count, "an index of the batch");
            return Err(Error::Send(Errno::EMSGSIZE));
        }
        let sequence = self.reserve(count);
        batch.seal(0, count, sequence, false);
        batch.ask_answer(last);
        self.send(batch.range(0, count)).map_err(Error::Send)?;
        let mut tally = Tally::new(0, last + 1, sequence, self.port);
        self.collect(&mut tally, &mut |_, _| {}).map_err(Error::Receive)?;
        let mut failed = Vec::new();
        tally.finish(&mut failed);
        failed.into_iter().next().map_or(Ok(()), |first| Err(first.failure.into()))
    }

    /// Reads until the send's last answer has come. An error means that the kernel has gone silent.
    fn collect(
        &mut self,
        tally: &mut Tally,
        object: &mut dyn FnMut(usize, Message<'_>),
    ) -> Result<(), Errno> {
        let deadline = clock::now() + self.patience;
        while !tally.complete() {
            match self.read()? {
                Read::Datagram(len) => tally.read(&self.datagram[..len], object),
                Read::Lost => tally.lose(),
                // Nothing more will come: the requests were carried out within `send`.
                Read::Empty if tally.lost() => return Ok(()),
                Read::Empty => {
                    if !wait_readable(self.fd.as_fd(), deadline)? {
                        return Err(Errno::ETIMEDOUT);
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks for every object that the one request in `batch` describes (begun with [`super::message::DUMP`]), and gives each to `object` as it comes.
    ///
    /// # Errors
    /// The kernel's refusal, at the start or in the middle; no answer in time. What was given before that stays
    /// given.
    pub fn dump(
        &mut self,
        batch: &mut Batch,
        mut object: impl FnMut(Message<'_>),
    ) -> Result<Consistency, Error> {
        debug_assert_eq!(batch.len(), 1, "a dump is one request");
        let sequence = self.reserve(1);
        batch.seal(0, 1, sequence, false);
        self.send(batch.range(0, 1)).map_err(Error::Send)?;
        let mut consistency = Consistency::Whole;
        let mut objects = 0_usize;
        // The clock is read only where there is something to wait for: a long dump hardly ever waits.
        let mut deadline = None;
        loop {
            let len = match self.read().map_err(Error::Receive)? {
                Read::Datagram(len) => len,
                Read::Lost => {
                    consistency = Consistency::Interrupted;
                    continue;
                }
                Read::Empty => {
                    let deadline = *deadline.get_or_insert_with(|| clock::now() + self.patience);
                    if !wait_readable(self.fd.as_fd(), deadline).map_err(Error::Receive)? {
                        return Err(Error::NoAnswer);
                    }
                    continue;
                }
            };
            let before = objects;
            for message in Messages::new(&self.datagram[..len]) {
                let message = message?;
                if message.port != self.port || message.sequence != sequence {
                    continue;
                }
                deadline = None;
                if message.flags & DUMP_INTERRUPTED != 0 {
                    consistency = Consistency::Interrupted;
                }
                match message.kind {
                    KIND_NOOP => {}
                    KIND_OVERRUN => consistency = Consistency::Interrupted,
                    KIND_DONE => return done(&message).map_or(Ok(consistency), |r| Err(r.into())),
                    // An acknowledgement instead of a dump: the family has nothing to dump.
                    KIND_ERROR => return refusal(&message)?.map_or(Ok(consistency), |r| Err(r.into())),
                    _ => {
                        objects += 1;
                        if before > 0 && consistency == Consistency::Whole {
                            consistency = Consistency::Parts;
                        }
                        object(message);
                    }
                }
            }
        }
    }

    /// Sequence numbers for `count` requests. Answers to earlier ones are told apart from answers to these.
    fn reserve(&mut self, count: usize) -> u32 {
        let first = self.sequence;
        self.sequence = first.wrapping_add(count as u32);
        first
    }

    fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        // The kernel takes all of a netlink datagram or, with an error, nothing of it.
        retry_interrupted(|| send(self.fd.as_raw_fd(), bytes, MsgFlags::empty())).map(drop)
    }

    fn read(&mut self) -> Result<Read, Errno> {
        read(&self.fd, &mut self.datagram)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Opens a non-blocking socket that gets the notifications of `groups` (a bit mask); also its port.
pub(super) fn open(protocol: Protocol, groups: u32) -> Result<(OwnedFd, u32), Errno> {
    let number = match protocol {
        Protocol::Route => SockProtocol::NetlinkRoute,
        Protocol::Generic => SockProtocol::NetlinkGeneric,
        Protocol::Netfilter => SockProtocol::NetlinkNetFilter,
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, number)?;
    // What old kernels lack only makes errors less telling and dumps less strict.
    for name in [libc::NETLINK_CAP_ACK, libc::NETLINK_EXT_ACK, libc::NETLINK_GET_STRICT_CHK] {
        let _ = sockopt::set(&fd, libc::SOL_NETLINK, name, 1);
    }
    sockopt::enlarge_buffers(&fd);
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    let port = getsockname::<NetlinkAddr>(fd.as_raw_fd())?.pid();
    Ok((fd, port))
}

/// Reads one datagram of the kernel without waiting; what other processes send is thrown away.
pub(super) fn read(fd: &OwnedFd, buffer: &mut [u8]) -> Result<Read, Errno> {
    loop {
        let result = retry_interrupted(|| {
            let mut parts = [IoSliceMut::new(buffer)];
            let message = recvmsg::<NetlinkAddr>(fd.as_raw_fd(), &mut parts, None, MsgFlags::MSG_DONTWAIT)?;
            let from_kernel = is_tests(fd) || message.address.is_some_and(|a| a.pid() == 0);
            Ok((message.bytes, from_kernel, message.flags.contains(MsgFlags::MSG_TRUNC)))
        });
        match result {
            Ok((_, false, _)) => {}
            Ok((_, true, true)) | Err(Errno::ENOBUFS) => return Ok(Read::Lost),
            Ok((len, true, false)) => return Ok(Read::Datagram(len)),
            Err(Errno::EAGAIN) => return Ok(Read::Empty),
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether a test is at the other end, which has no address.
#[cfg(test)]
fn is_tests(fd: &OwnedFd) -> bool {
    sockopt::get(fd, libc::SOL_SOCKET, libc::SO_DOMAIN).is_ok_and(|domain| domain == libc::AF_UNIX)
}

#[cfg(not(test))]
const fn is_tests(_: &OwnedFd) -> bool {
    false
}

/// Waits until there is something to read; false when `deadline` has passed.
fn wait_readable(fd: BorrowedFd<'_>, deadline: Instant) -> Result<bool, Errno> {
    loop {
        let left = deadline.saturating_since(clock::now());
        if left.is_zero() {
            return Ok(false);
        }
        // Rounded up: waiting a little too long is better than spinning through the last millisecond.
        let millis = left.as_millis().saturating_add(1);
        let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], timeout) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno),
        }
    }
}

fn retry_interrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

fn not_sent(from: usize, to: usize, errno: Errno, failed: &mut Vec<Failed>) {
    failed.extend((from..to).map(|index| Failed { index, failure: Failure::NotSent(errno) }));
}

/// Requests that were too long to be written went out as messages that do nothing: whatever the kernel said of
/// those, they failed.
fn replace_oversized(oversized: &[usize], failed: &mut Vec<Failed>) {
    if oversized.is_empty() {
        return;
    }
    failed.retain(|f| oversized.binary_search(&f.index).is_err());
    failed
        .extend(oversized.iter().map(|&index| Failed { index, failure: Failure::NotSent(Errno::EMSGSIZE) }));
    failed.sort_by_key(|f| f.index);
}

/// The same, but never fewer than there is room for already: every socket has a large buffer from the start.
///
/// # Errors
/// Those of `setsockopt(2)`.
pub fn grow_receive_buffer(socket: &impl AsFd, bytes: u32, force: bool) -> io::Result<()> {
    // The kernel doubles the number for its bookkeeping.
    let room = sockopt::get(socket, libc::SOL_SOCKET, libc::SO_RCVBUF)? / 2;
    if u32::try_from(room).is_ok_and(|room| room >= bytes) {
        return Ok(());
    }
    set_receive_buffer(socket, bytes, force)
}

/// How many bytes of answers or news wait at most on a socket (`*_rcv_bufs`); `force`: beyond the system's limit.
///
/// # Errors
/// Those of `setsockopt(2)`.
pub fn set_receive_buffer(socket: &impl AsFd, bytes: u32, force: bool) -> io::Result<()> {
    let name = if force { libc::SO_RCVBUFFORCE } else { libc::SO_RCVBUF };
    Ok(sockopt::set(socket, libc::SOL_SOCKET, name, i32::try_from(bytes).unwrap_or(i32::MAX))?)
}

#[cfg(test)]
mod tests;
