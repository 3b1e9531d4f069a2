//! The clock: the one place that reads it.
//!
//! Everything that decides takes an [`Instant`] as an argument; drivers get it here.

use crate::time::Instant;
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The present moment of `CLOCK_MONOTONIC`.
#[must_use]
pub fn now() -> Instant {
    Instant::from_nanos(nanos(ClockId::CLOCK_MONOTONIC))
}

/// The wall clock, since 1970: to tell people the time, never to measure it.
#[must_use]
pub fn wall() -> Duration {
    Duration::from_nanos(nanos(ClockId::CLOCK_REALTIME))
}

/// A moment of the wall clock, as mails have it (RFC 5322 §3.3).
#[must_use]
pub fn mail_date(wall: Duration) -> String {
    super::log::mail_date(wall.as_secs().try_into().unwrap_or_default())
}

/// A moment of the wall clock in the zone of this machine: `Tue Dec  1 00:04:28 2026`.
#[must_use]
pub fn local_date(wall: Duration) -> String {
    super::log::date(wall.as_secs().try_into().unwrap_or_default())
}

/// The monotonic clock and the wall clock (since 1970) at the same moment, to turn the kernel's time stamps into
/// instants. Of use for a moment only: the wall clock may be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The monotonic clock.
    pub(crate) now: Instant,
    wall: Duration,
}

impl Sample {
    /// Reads both clocks; again where we were interrupted in between.
    pub(crate) fn take() -> Sample {
        const ATTEMPTS: usize = 4;
        const APART: Duration = Duration::from_micros(20);
        let read = || {
            let sample = Sample { now: now(), wall: wall() };
            (sample, now() - sample.now)
        };
        let mut last = read();
        for _ in 1..ATTEMPTS {
            if last.1 <= APART {
                break;
            }
            last = read();
        }
        last.0
    }

    /// The instant at which the wall clock showed `stamp`.
    pub(crate) fn instant_of(&self, stamp: Duration) -> Instant {
        // Only one of the two differences is not zero.
        self.now + stamp.saturating_sub(self.wall) - self.wall.saturating_sub(stamp)
    }
}

fn nanos(clock: ClockId) -> u64 {
    // Both clocks exist on every Linux, and neither can be before its own start.
    clock_gettime(clock).map_or(0, |t| {
        let (seconds, nanos) = (t.tv_sec().unsigned_abs(), t.tv_nsec().unsigned_abs());
        seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_forward_from_a_sensible_place() {
        let first = now();
        assert!(first > Instant::ZERO);
        assert!(now() >= first);
    }

    #[test]
    fn a_stamp_before_or_after_the_sample_becomes_its_moment() {
        let (before, first, after) = (now(), Sample::take(), now());
        assert!(before <= first.now && first.now <= after);
        std::thread::yield_now();
        let second = Sample::take();
        let slack = Duration::from_millis(1);
        for (sample, other) in [(first, second), (second, first)] {
            let at = sample.instant_of(other.wall);
            assert!(other.now - slack <= at && at <= other.now + slack, "{sample:?} {other:?} {at:?}");
        }
        assert_eq!(first.instant_of(Duration::ZERO), first.now - first.wall);
        assert_eq!(first.instant_of(Duration::MAX), Instant::from_nanos(u64::MAX));
    }
}
