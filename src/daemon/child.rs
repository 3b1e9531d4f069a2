//! Another process of this program, as the parent sees it: its number, the socket to it, what it has not been told yet.

use super::message::{self, Order};
use super::outbox::Outbox;
use crate::sys::{channel, readiness};
use nix::libc;
use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::rc::Rc;

/// A process that has been started and not been waited for.
#[derive(Debug)]
pub(super) struct Child {
    pid: Pid,
    /// `None` once the process has closed its end: it is ending, and SIGCHLD tells when it has.
    socket: Option<OwnedFd>,
    outbox: Outbox,
}

impl Child {
    /// Executes the program again under the name `program`; `words` are what process lists show of its purpose.
    ///
    /// # Errors
    /// The kernel's: no process, memory or file descriptor left.
    pub(super) fn start(program: &str, words: &[&OsStr]) -> io::Result<Child> {
        let (socket, theirs) = channel::pair()?;
        // Its standard input is its control socket: the one file that it inherits besides the console.
        let child = Command::new("/proc/self/exe")
            .arg0(program)
            .arg(message::WORKER_ARGUMENT)
            .args(words)
            // The parent alone speaks to the service manager: neither workers nor the scripts of the runner.
            .env_remove(readiness::VARIABLE)
            .stdin(theirs)
            .spawn()?;
        let pid = Pid::from_raw(libc::pid_t::try_from(child.id()).unwrap_or(libc::pid_t::MAX));
        Ok(Child { pid, socket: Some(socket), outbox: Outbox::default() })
    }

    /// A process that a test has started.
    #[cfg(test)]
    pub(super) fn of(pid: u32, socket: OwnedFd) -> Child {
        Child { pid: Pid::from_raw(pid.cast_signed()), socket: Some(socket), outbox: Outbox::default() }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Tells it something, at once or as soon as it reads.
    ///
    /// # Errors
    /// [`message::Error::Socket`] with `BrokenPipe` where it is gone; others are the kernel's.
    pub(super) fn tell(&mut self, order: Order, config: Option<Rc<OwnedFd>>) -> Result<(), message::Error> {
        if self.socket.is_none() {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        }
        self.outbox.push(order, config);
        self.flush()
    }

    /// Tells it what has been waiting.
    ///
    /// # Errors
    /// As [`Child::tell`].
    pub(super) fn flush(&mut self) -> Result<(), message::Error> {
        match &self.socket {
            Some(socket) => self.outbox.flush(socket.as_fd()),
            None => Ok(()),
        }
    }

    /// What to wait for.
    pub(super) fn interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let mut events = PollFlags::POLLIN;
        events.set(PollFlags::POLLOUT, !self.outbox.is_empty());
        self.socket.as_ref().map(|socket| (socket.as_fd(), events))
    }

    /// The socket, until the other end is closed.
    pub(super) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// The other end is closed, or can't be understood: nothing more is heard of it or told to it.
    pub(super) fn close(&mut self) {
        self.socket = None;
    }

    /// Whether a reload waits to be told.
    pub(super) fn has_reload_waiting(&self) -> bool {
        self.outbox.has_reload()
    }

    pub(super) fn signal(&self, signal: Signal) {
        // A process that is gone already has not been waited for, so the number is still its own.
        let _ = nix::sys::signal::kill(self.pid, signal);
    }
}
