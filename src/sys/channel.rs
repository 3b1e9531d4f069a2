//! The socket between parent and worker: whole messages in order, each with a file descriptor if it needs one.
//!
//! `SOCK_SEQPACKET`: a message arrives as one piece or not at all, and the other end's death reads as end of file.
//! What the messages mean is [`crate::daemon`]'s business. Messages are small; what may be long travels in a memory
//! file ([`super::memfd`]) beside the message.

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, sendmsg,
    socketpair,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 4096;

/// A connected pair of sockets, both closed on exec.
///
/// # Errors
/// The kernel's, where no file descriptor is left.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?)
}

/// Sends one message and, if there is one, a duplicate of a file descriptor; never waits.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] where the other end does not read, [`io::ErrorKind::BrokenPipe`] where it is gone.
pub fn send(socket: BorrowedFd<'_>, message: &[u8], attached: Option<BorrowedFd<'_>>) -> io::Result<()> {
    debug_assert!(!message.is_empty() && message.len() <= MAX_MESSAGE, "{} bytes", message.len());
    let fds: Vec<RawFd> = attached.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&fds)];
    let control = if fds.is_empty() { &rights[..0] } else { &rights[..] };
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    retry(|| sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(message)], control, flags, None))?;
    Ok(())
}

/// The next message with what was attached to it; `None` when the other end is gone. Waits on a blocking socket.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] where a non-blocking socket has nothing; else the kernel's.
pub fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<(Vec<u8>, Option<OwnedFd>)>> {
    let mut message = vec![0; MAX_MESSAGE];
    let mut control = cmsg_space!(RawFd);
    let mut pieces = [IoSliceMut::new(&mut message)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let (length, attached) = loop {
        match recvmsg::<()>(socket.as_raw_fd(), &mut pieces, Some(&mut control), flags) {
            // The other end died with something of ours unread: said once, before its own last words.
            Err(Errno::EINTR | Errno::ECONNRESET) => {}
            Err(error) => return Err(error.into()),
            Ok(received) => {
                let mut attached = Vec::new();
                for item in received.cmsgs()? {
                    if let ControlMessageOwned::ScmRights(fds) = item {
                        attached.extend(fds.into_iter().map(own));
                    }
                }
                break (received.bytes, attached);
            }
        }
    };
    if length == 0 {
        return Ok(None);
    }
    message.truncate(length);
    Ok(Some((message, attached.into_iter().next())))
}

#[allow(unsafe_code)]
fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just made this descriptor for this process (SCM_RIGHTS); nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memfd;
    use std::os::fd::AsFd;

    #[test]
    fn messages_keep_their_bounds_and_order_and_bring_their_file() {
        let (a, b) = pair().unwrap();
        let file = memfd::sealed("test", b"long").unwrap();
        send(a.as_fd(), b"first", None).unwrap();
        send(a.as_fd(), b"second", Some(file.as_fd())).unwrap();
        let (first, nothing) = receive(b.as_fd()).unwrap().unwrap();
        assert_eq!((first.as_slice(), nothing.is_none()), (&b"first"[..], true));
        let (second, attached) = receive(b.as_fd()).unwrap().unwrap();
        assert_eq!(second, b"second");
        assert_eq!(memfd::read(attached.unwrap().as_fd()).unwrap(), b"long");
    }

    #[test]
    fn the_other_ends_death_is_the_end() {
        let (a, b) = pair().unwrap();
        send(a.as_fd(), b"last words", None).unwrap();
        drop(a);
        assert_eq!(receive(b.as_fd()).unwrap().unwrap().0, b"last words");
        assert!(receive(b.as_fd()).unwrap().is_none());
        assert_eq!(send(b.as_fd(), b"?", None).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn unread_messages_of_ours_hide_neither_its_last_words_nor_its_death() {
        let (a, b) = pair().unwrap();
        send(b.as_fd(), b"never read", None).unwrap();
        send(a.as_fd(), b"last words", None).unwrap();
        drop(a);
        assert_eq!(receive(b.as_fd()).unwrap().unwrap().0, b"last words");
        assert!(receive(b.as_fd()).unwrap().is_none());
    }

    #[test]
    fn a_peer_that_does_not_read_never_blocks_the_sender() {
        let (a, _b) = pair().unwrap();
        let error = (0..100_000).find_map(|_| send(a.as_fd(), &[0; MAX_MESSAGE], None).err()).unwrap();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
