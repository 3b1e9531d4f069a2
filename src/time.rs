//! Monotonic time as a plain value.
//!
//! The machines of this crate take `now` as an argument and keep deadlines in their state, so this type has
//! no `now()`: only [`crate::sys::clock`] can read the clock. Simulations make their own instants.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment of the monotonic clock (`CLOCK_MONOTONIC`), in nanoseconds since the clock's own start.
///
/// Kept as one more than them: so `Option<Instant>` takes no more room, and thousands of instances have many of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Instant(NonZeroU64);

impl Instant {
    /// The clock's start: where simulations begin.
    pub const ZERO: Instant = Instant(NonZeroU64::MIN);

    /// The instant `nanos` nanoseconds after the clock's start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Instant(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// Nanoseconds since the clock's start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0.get() - 1
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn saturating_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// The first multiple of `step`, counted from the clock's start, that is not before this.
    #[must_use]
    pub fn rounded_up(self, step: Duration) -> Instant {
        Instant::from_nanos(self.as_nanos().checked_next_multiple_of(nanos(step)).unwrap_or(u64::MAX))
    }
}

impl Default for Instant {
    fn default() -> Self {
        Instant::ZERO
    }
}

impl From<u64> for Instant {
    fn from(nanos: u64) -> Self {
        Instant::from_nanos(nanos)
    }
}

impl From<Instant> for u64 {
    fn from(instant: Instant) -> Self {
        instant.as_nanos()
    }
}

fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(d)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;
    fn sub(self, d: Duration) -> Instant {
        Instant::from_nanos(self.as_nanos().saturating_sub(nanos(d)))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.saturating_since(earlier)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}s", self.as_nanos() / 1_000_000_000, self.as_nanos() % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_recorded_as_nanoseconds_and_takes_the_room_of_a_number() {
        assert_eq!(size_of::<Option<Instant>>(), 8);
        let at = [Instant::ZERO, Instant::from_nanos(7)];
        assert_eq!(serde_json::to_string(&at).unwrap(), "[0,7]");
        assert_eq!(serde_json::from_str::<[Instant; 2]>("[0,7]").unwrap(), at);
    }

    #[test]
    fn an_instant_is_rounded_up_to_a_step() {
        let step = Duration::from_nanos(5);
        let rounded = [0, 1, 5, 6].map(|nanos| Instant::from_nanos(nanos).rounded_up(step).as_nanos());
        assert_eq!(rounded, [0, 5, 5, 10]);
        let late = Instant::from_nanos(u64::MAX);
        assert_eq!((late.rounded_up(step), late.rounded_up(Duration::ZERO)), (late, late));
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::from_nanos(u64::MAX) + Duration::from_secs(1), Instant::from_nanos(u64::MAX));
        assert_eq!(Instant::ZERO - Instant::from_nanos(5), Duration::ZERO);
        assert_eq!(Instant::from_nanos(7) - Instant::from_nanos(5), Duration::from_nanos(2));
    }
}
