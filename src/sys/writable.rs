//! Waiting until a socket can be written, in a tokio runtime.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A non-blocking socket that is written to, and no more than that.
#[derive(Debug)]
pub(crate) struct Writable(AsyncFd<OwnedFd>);

impl Writable {
    /// Registers the socket with the present tokio runtime.
    ///
    /// # Errors
    /// Those of `epoll_ctl(2)`: a descriptor that can't be waited for, or memory exhausted.
    #[allow(unsafe_code)]
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Writable> {
        // SAFETY: an `OwnedFd` owns one valid descriptor for as long as it lives, it is lent for calls only, and
        // `AsyncFd` deregisters it before it is closed.
        let fd = unsafe { AsyncFd::register_with_interest(socket, Interest::WRITABLE) }?;
        Ok(Writable(fd))
    }

    /// Calls `write` until it does anything but fail with `WouldBlock`, waiting in between until there is room.
    pub(crate) async fn write<T>(
        &self,
        mut write: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let mut ready = self.0.writable().await?;
            match write(self.0.get_ref().as_fd()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                done => return done,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::channel;

    #[tokio::test(flavor = "current_thread")]
    async fn a_reader_that_is_slow_gets_everything() {
        let (writer, reader) = channel::pair().unwrap();
        let writable = Writable::new(writer).unwrap();
        let slow = std::thread::spawn(move || {
            (0..2_000_u32).all(|n| {
                let (message, _) = channel::receive(reader.as_fd()).unwrap().unwrap();
                message == n.to_le_bytes()
            })
        });
        for n in 0..2_000_u32 {
            writable.write(|socket| channel::send(socket, &n.to_le_bytes(), None)).await.unwrap();
        }
        assert!(slow.join().unwrap());
    }
}
