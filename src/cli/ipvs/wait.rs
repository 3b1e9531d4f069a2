//! Spans of time as users write them, and waiting: for a moment, and for the signals that come before it.

use crate::sys::clock;
use crate::sys::signal::{self, SignalFd};
use crate::time::Instant;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::ffi::c_int;
use std::io;
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::time::Duration;

/// What is shorter would only keep the kernel busy; what is longer is a slip.
const SENSIBLE: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24 * 365);

/// A span of time in seconds, with a fraction if need be: more than 0.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    seconds_within(text, &SENSIBLE).ok_or_else(|| "a number of seconds, 0.01 or more, is expected".to_owned())
}

/// A span of time in seconds, if it is one of these.
pub(super) fn seconds_within(text: &str, spans: &RangeInclusive<Duration>) -> Option<Duration> {
    let span = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    span.filter(|span| spans.contains(span))
}

/// Collects those of `signals` that the launcher has not set to be ignored (nohup, a job of a script): these stay so.
pub(super) fn heed(signals: &[c_int]) -> io::Result<SignalFd> {
    let heeded: Vec<c_int> = signals.iter().copied().filter(|&signal| !signal::is_ignored(signal)).collect();
    SignalFd::new(&heeded)
}

/// Sleeps until the clock has reached `deadline`, or a signal came.
pub(super) fn sleep_until(deadline: Instant, signals: &SignalFd) -> io::Result<Option<c_int>> {
    loop {
        if let Some(signal) = signals.read()? {
            return Ok(Some(signal));
        }
        if clock::now() >= deadline {
            return Ok(None);
        }
        poll_until(Some(deadline), &mut [PollFd::new(signals.as_fd(), PollFlags::POLLIN)])?;
    }
}

/// Waits until one of `fds` is ready, or the clock has reached `deadline`, or for less long: callers look again.
pub(super) fn poll_until(deadline: Option<Instant>, fds: &mut [PollFd<'_>]) -> io::Result<()> {
    let timeout = deadline.map_or(PollTimeout::NONE, |deadline| {
        let rest = deadline - clock::now();
        // Whole milliseconds: the next one, not to spin before the deadline.
        let millis = if rest.is_zero() { 0 } else { rest.as_millis() + 1 };
        PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
    });
    match poll(fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::{Signal, raise};

    #[test]
    fn seconds_have_fractions_and_bounds() {
        assert_eq!(seconds("2"), Ok(Duration::from_secs(2)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for text in ["", "x", "0", "-1", "0.001", "nan", "inf", "1e300", "40000000", "2s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_signal_ends_the_sleep_and_a_moment_does() {
        let signals = heed(&[libc::SIGUSR1]).unwrap();
        raise(Signal::SIGUSR1).unwrap();
        let hours = clock::now() + Duration::from_hours(5);
        assert_eq!(sleep_until(hours, &signals).unwrap(), Some(libc::SIGUSR1));
        let soon = clock::now() + Duration::from_millis(5);
        assert_eq!(sleep_until(soon, &signals).unwrap(), None);
        assert!(clock::now() >= soon);
    }

    #[test]
    fn a_signal_that_is_ignored_stays_so() {
        // Rust's runtime ignores this one.
        let signals = heed(&[libc::SIGPIPE]).unwrap();
        raise(Signal::SIGPIPE).unwrap();
        assert_eq!(signals.read().unwrap(), None);
        assert!(signal::is_ignored(libc::SIGPIPE));
    }
}
