//! Waiting until a descriptor can be read, in a tokio runtime.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A non-blocking descriptor whose owner reads it whenever it likes, until it is empty.
///
/// tokio's own `try_io` only reads after its reactor has seen the descriptor ready; a driver that drains its sockets
/// because a timer fired must not miss what came in at the same moment.
#[derive(Debug)]
pub(crate) struct Ready<T: AsRawFd> {
    fd: AsyncFd<T>,
    /// The reader stopped before the descriptor was empty.
    more: AtomicBool,
}

impl<T: AsRawFd + Into<OwnedFd>> Ready<T> {
    /// Registers the descriptor with the present tokio runtime.
    ///
    /// # Errors
    /// Those of `epoll_ctl(2)`: a descriptor that can't be waited for, or memory exhausted.
    #[allow(unsafe_code)]
    pub(crate) fn new(owner: T) -> io::Result<Ready<T>> {
        // SAFETY: what can be turned into an `OwnedFd` owns one valid descriptor for as long as it lives, and it is
        // never replaced: `get` gives it out for reading only, and `AsyncFd` deregisters it before it is closed.
        let fd = unsafe { AsyncFd::register_with_interest(owner, Interest::READABLE) }?;
        Ok(Ready { fd, more: AtomicBool::new(false) })
    }
}

impl<T: AsRawFd> Ready<T> {
    /// Waits until there may be something to read; the caller must then read until `EAGAIN` or tell of
    /// [`Ready::more`], or the next wait may sleep on what was left. Cancel-safe.
    pub(crate) async fn wait(&self) -> io::Result<()> {
        if !self.more.swap(false, Ordering::Relaxed) {
            // Cleared before reading: what arrives from here on raises it again.
            self.fd.readable().await?.clear_ready();
        }
        Ok(())
    }

    /// The next wait is not to sleep: not everything was read.
    pub(crate) fn more(&self) {
        self.more.store(true, Ordering::Relaxed);
    }

    /// The descriptor's owner.
    pub(crate) fn get(&self) -> &T {
        self.fd.get_ref()
    }
}
