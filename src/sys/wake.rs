//! Waking a thread that waits for descriptors: `eventfd(2)`.

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// A descriptor that can be read once somebody called [`Wake::wake`], until [`Wake::clear`].
#[derive(Debug)]
pub(crate) struct Wake(EventFd);

impl Wake {
    /// # Errors
    /// Those of `eventfd(2)`: descriptors or memory exhausted.
    pub(crate) fn new() -> io::Result<Wake> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        Ok(Wake(EventFd::from_flags(flags)?))
    }

    /// Makes it readable, from any thread. What was prepared before is seen by whoever wakes up.
    pub(crate) fn wake(&self) {
        // It fails only where 2^64 - 2 calls are not cleared yet, and then it is readable.
        let _ = self.0.write(1);
    }

    /// Makes it wait for the next call.
    ///
    /// # Errors
    /// Those of `read(2)`; none is expected.
    pub(crate) fn clear(&self) -> io::Result<()> {
        match self.0.read() {
            Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::poll::Poll;
    use std::sync::Arc;

    #[test]
    fn a_thread_that_waits_is_woken_once_however_often_it_was_called() {
        let wake = Arc::new(Wake::new().unwrap());
        let mut poll = Poll::new().unwrap();
        poll.add(&*wake, 5).unwrap();
        assert_eq!(poll.ready_now().unwrap().iter().count(), 0);
        let far = Arc::clone(&wake);
        let thread = std::thread::spawn(move || (0..3).for_each(|_| far.wake()));
        assert_eq!(poll.wait().unwrap().iter().collect::<Vec<_>>(), [5]);
        thread.join().unwrap();
        wake.clear().unwrap();
        assert_eq!(poll.ready_now().unwrap().iter().count(), 0);
        wake.clear().unwrap();
    }
}
