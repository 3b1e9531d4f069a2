//! The kernel's news of processes: `NETLINK_CONNECTOR`, and its part `CN_IDX_PROC` (`linux/cn_proc.h`).
//!
//! ```text
//!   nlmsghdr ─ cn_msg { idx, val, seq, ack, len, flags } ─ proc_event { what, cpu, time, … }
//! ```
//!
//! The kernel only answers in the first network namespace, and only those who are in the first namespaces of processes
//! and users: elsewhere [`Monitor::open`] fails, or gets no answer.

use super::message::Messages;
use super::socket::{Read, read};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, NetlinkAddr, bind, send};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// `CN_IDX_PROC` and `CN_VAL_PROC`; the group has the number's bit.
const PROC: u32 = 1;
/// `PROC_CN_MCAST_LISTEN`
const LISTEN: u32 = 1;
/// Of `cn_msg`, and of `proc_event` without what follows.
const HEADER: usize = 20;
const EVENT: usize = 16;
/// A datagram holds one event.
const DATAGRAM: usize = 4096;
/// How long the kernel may take to say that we listen.
const PATIENCE: Duration = Duration::from_secs(1);

/// What happened to a process. Threads are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A process made another, which is the same as itself until it executes something.
    Fork {
        /// The first.
        parent: u32,
        /// The new one.
        child: u32,
    },
    /// It is another program now, or has another name.
    Changed(u32),
    /// It has ended.
    Exit(u32),
    /// News were lost: anything may be otherwise.
    Lost,
}

/// A subscription.
#[derive(Debug)]
pub struct Monitor {
    fd: OwnedFd,
    datagram: Vec<u8>,
}

impl Monitor {
    /// Subscribes, and waits for the kernel to say so.
    ///
    /// # Errors
    /// The kernel's: it speaks in the first network namespace alone (`ECONNREFUSED`), to those who may (`EPERM`), where
    /// they are in the first namespace of processes (`ETIMEDOUT` otherwise).
    #[allow(unsafe_code)]
    pub fn open() -> io::Result<Monitor> {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: it takes numbers, and gives a descriptor or -1.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_CONNECTOR) };
        Errno::result(fd)?;
        // SAFETY: nobody else has this descriptor.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        bind(std::os::fd::AsRawFd::as_raw_fd(&fd), &NetlinkAddr::new(0, PROC))?;
        send(std::os::fd::AsRawFd::as_raw_fd(&fd), &subscription(), MsgFlags::empty())?;
        let mut monitor = Monitor { fd, datagram: vec![0; DATAGRAM] };
        monitor.wait_for_answer()?;
        Ok(monitor)
    }

    fn wait_for_answer(&mut self) -> io::Result<()> {
        let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
        loop {
            let mut files = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
            match poll(&mut files, patience) {
                Ok(0) => return Err(Errno::ETIMEDOUT.into()),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            match read(&self.fd, &mut self.datagram)? {
                Read::Datagram(len) => {
                    let datagram = self.datagram.get(..len).unwrap_or_default();
                    match payloads(datagram).find_map(answer) {
                        Some(0) => return Ok(()),
                        Some(number) => return Err(Errno::from_raw(number).into()),
                        // Somebody else listens already: news come before the answer.
                        None => {}
                    }
                }
                Read::Lost | Read::Empty => {}
            }
        }
    }

    /// How many bytes of news wait at most (`process_monitor_rcv_bufs`); `force`: beyond the system's limit.
    ///
    /// # Errors
    /// Those of `setsockopt(2)`.
    pub fn set_buffer(&self, bytes: u32, force: bool) -> io::Result<()> {
        super::set_receive_buffer(&self.fd, bytes, force)
    }

    /// Gives what has come, without waiting, at most so many. True if there may be more.
    ///
    /// # Errors
    /// Those of `recvmsg(2)`.
    pub fn drain(&mut self, most: usize, mut each: impl FnMut(Event)) -> io::Result<bool> {
        for _ in 0..most {
            match read(&self.fd, &mut self.datagram)? {
                Read::Empty => return Ok(false),
                Read::Lost => each(Event::Lost),
                Read::Datagram(len) => {
                    payloads(self.datagram.get(..len).unwrap_or_default())
                        .filter_map(event)
                        .for_each(&mut each);
                }
            }
        }
        Ok(true)
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// "Listen", in its three wrappings.
fn subscription() -> Vec<u8> {
    let len = u16::try_from(size_of_val(&LISTEN)).unwrap_or_default();
    let mut bytes = Vec::new();
    // `nlmsghdr`: its length, NLMSG_DONE, no flags, number and port.
    bytes.extend((16 + HEADER as u32 + u32::from(len)).to_ne_bytes());
    bytes.extend([3_u16, 0].map(u16::to_ne_bytes).concat());
    bytes.extend([0_u32, 0].map(u32::to_ne_bytes).concat());
    // `cn_msg`
    bytes.extend([PROC, PROC, 0, 0].map(u32::to_ne_bytes).concat());
    bytes.extend([len, 0].map(u16::to_ne_bytes).concat());
    bytes.extend(LISTEN.to_ne_bytes());
    bytes
}

/// The `proc_event`s in a datagram.
fn payloads(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    Messages::new(datagram).map_while(Result::ok).filter_map(|message| {
        let payload = message.payload;
        ((number(payload, 0)?, number(payload, 4)?) == (PROC, PROC)).then_some(payload.get(HEADER..)?)
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// `PROC_EVENT_NONE`: the answer to a subscription, an error number or 0.
fn answer(event: &[u8]) -> Option<i32> {
    let error = number(event, EVENT)?;
    (number(event, 0)? == 0).then(|| i32::from_ne_bytes(error.to_ne_bytes()).abs())
}

fn event(event: &[u8]) -> Option<Event> {
    let field = |at: usize| number(event, EVENT + 4 * at);
    // A thread has another number than its process.
    let process = || Some(field(0)?).filter(|pid| field(1) == Some(*pid));
    match number(event, 0)? {
        // PROC_EVENT_FORK: parent's thread, parent, child's thread, child.
        0x1 => {
            let (parent, child) = (field(1)?, field(3)?);
            (field(2)? == child).then_some(Event::Fork { parent, child })
        }
        // PROC_EVENT_EXEC: any thread may do it, and is the process then.
        0x2 => Some(Event::Changed(field(1)?)),
        // PROC_EVENT_COMM
        0x200 => process().map(Event::Changed),
        // PROC_EVENT_EXIT
        0x8000_0000 => process().map(Event::Exit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::sockopt;
    use std::process::{Command, Stdio};

    /// An event as the kernel wraps it (`proc_event` of Linux 6.1 on x86-64).
    fn datagram(what: u32, fields: &[u32]) -> Vec<u8> {
        let mut event: Vec<u8> = [what, 3, 0x1122_3344, 0x5566_7788].map(u32::to_ne_bytes).concat();
        event.extend(fields.iter().flat_map(|field| field.to_ne_bytes()));
        event.resize(40, 0);
        let mut bytes = (16 + 20 + 40_u32).to_ne_bytes().to_vec();
        bytes.extend([3_u16.to_ne_bytes(), [0; 2]].concat());
        bytes.extend([0; 8]);
        bytes.extend([1_u32, 1, 77, 0].map(u32::to_ne_bytes).concat());
        bytes.extend([40_u16, 0].map(u16::to_ne_bytes).concat());
        bytes.extend(event);
        bytes
    }

    fn read(what: u32, fields: &[u32]) -> Vec<Event> {
        payloads(&datagram(what, fields)).filter_map(event).collect()
    }

    #[test]
    fn processes_are_told_of_and_threads_are_not() {
        assert_eq!(read(1, &[11, 10, 20, 20]), [Event::Fork { parent: 10, child: 20 }]);
        assert_eq!(read(1, &[10, 10, 21, 10]), [], "a new thread");
        assert_eq!(read(2, &[20, 20]), [Event::Changed(20)]);
        assert_eq!(read(0x200, &[20, 20, 0x6e69_676e]), [Event::Changed(20)]);
        assert_eq!(read(0x200, &[21, 20, 0x6e69_676e]), []);
        assert_eq!(read(0x8000_0000, &[20, 20, 0, 17]), [Event::Exit(20)]);
        assert_eq!(read(0x8000_0000, &[21, 20, 0, 17]), []);
        assert_eq!(read(0x4, &[20, 20, 0, 0]), []);
        assert_eq!(payloads(&datagram(0, &[1])).find_map(answer), Some(1));
        assert_eq!(payloads(&datagram(0, &[0])).find_map(answer), Some(0));
        assert_eq!(payloads(&datagram(2, &[1, 1])).find_map(answer), None);
    }

    #[test]
    fn the_buffer_of_the_kernels_news_is_as_configured() {
        let (fd, _far) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let monitor = Monitor { fd: fd.into(), datagram: vec![] };
        monitor.set_buffer(65_536, false).unwrap();
        let bytes = sockopt::get(&monitor, libc::SOL_SOCKET, libc::SO_RCVBUF).unwrap();
        assert_eq!(bytes, 2 * 65_536, "the kernel's bookkeeping is in it");
    }

    #[test]
    fn what_is_cut_says_nothing() {
        let whole = datagram(2, &[20, 20]);
        for len in 0..whole.len() {
            let _ = payloads(&whole[..len]).filter_map(event).count();
        }
    }

    /// Only where the kernel speaks: as root, in the first namespaces.
    #[test]
    fn a_process_is_heard_of_from_its_fork_to_its_exit() {
        let Ok(mut monitor) = Monitor::open() else {
            eprintln!("skipped: the kernel does not tell of processes here");
            return;
        };
        let child = Command::new("true").stdout(Stdio::null()).spawn();
        let mut child = child.unwrap();
        child.wait().unwrap();
        let pid = child.id();
        let mut heard = vec![];
        for _ in 0..100 {
            monitor.drain(1000, |event| heard.push(event)).unwrap();
            if heard.contains(&Event::Exit(pid)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let of_child = heard.into_iter().filter(|event| match event {
            Event::Fork { child, .. } => *child == pid,
            Event::Changed(changed) => *changed == pid,
            Event::Exit(gone) => *gone == pid,
            Event::Lost => false,
        });
        let of_child: Vec<Event> = of_child.collect();
        assert!(matches!(of_child.first(), Some(Event::Fork { .. })), "{of_child:?}");
        assert!(of_child.contains(&Event::Changed(pid)), "{of_child:?}");
        assert_eq!(of_child.last(), Some(&Event::Exit(pid)));
    }
}
