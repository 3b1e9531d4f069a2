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

/// When a datagram arrived that the kernel stamped with `stamp` (`SO_TIMESTAMPNS`: wall-clock time since 1970).
///
/// The wall clock may have been set in between, so the answer is held between `earliest` (the caller knows that the
/// datagram was not there yet: its last read had emptied the socket) and now.
#[must_use]
pub fn received_at(stamp: Duration, earliest: Instant) -> Instant {
    let wall = Duration::from_nanos(nanos(ClockId::CLOCK_REALTIME));
    let now = now();
    (now - wall.saturating_sub(stamp)).clamp(earliest.min(now), now)
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
    fn a_stamp_is_never_older_than_the_caller_allows_nor_in_the_future() {
        let earliest = now();
        assert_eq!(received_at(Duration::ZERO, earliest), earliest);
        let late = received_at(Duration::MAX, earliest);
        assert!(earliest <= late && late <= now());
    }
}
