//! Waiting for descriptors in a tokio runtime.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a non-blocking descriptor for reading with the present tokio runtime.
///
/// # Errors
/// Those of `epoll_ctl(2)`: a descriptor that can't be waited for, or memory exhausted.
#[allow(unsafe_code)]
pub(crate) fn readable<T: AsRawFd + Into<OwnedFd>>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: what can be turned into an `OwnedFd` owns one valid descriptor for as long as it lives; `AsyncFd` takes
    // it, and gives it back only after it has deregistered the descriptor. Nobody in this crate replaces the
    // descriptor inside through `get_mut`.
    unsafe { AsyncFd::register_with_interest(owner, Interest::READABLE) }.map_err(Into::into)
}
