//! Keeps the adverts of many masters from being due all at once.
//!
//! Instances that become master together (at start, or when the other director dies) would advertise together from then
//! on: a burst that is longer than a tick of the kernel's scheduler may be interrupted in its middle, the rest is late,
//! and a receiver's buffer must hold all of it. So a timer that is set from the present, rather than in step with
//! the last advert, may end earlier: by at most a quarter of the interval, never later. RFC 9568 §6.4.2 (355) asks for the whole
//! interval; see `docs/differences.md`. Few instances are not touched.

use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// So many adverts are due in a millisecond; twice as many where places fall together.
const IN_A_MILLISECOND: u64 = 64;
/// In nanoseconds.
const MILLISECOND: u64 = 1_000_000;

/// How an instance's first interval is shortened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spread {
    /// All instances have room in so many milliseconds.
    window: u16,
    /// Its place in there, in 65536ths. Some successive instances share one: they mostly are on the same interface, and their
    /// adverts leave by one system call. The places of successive ones are far apart, and those of any number even.
    place: u16,
}

impl Spread {
    /// That of the `nth` instance of `count`.
    pub(super) fn of(nth: u64, count: usize) -> Spread {
        /// The golden section of 65536.
        const STEP: u64 = 40_503;
        let window = u64::try_from(count).unwrap_or(u64::MAX) / IN_A_MILLISECOND;
        let place = (nth / IN_A_MILLISECOND).wrapping_mul(STEP) & u64::from(u16::MAX);
        let narrow = |n: u64| u16::try_from(n).unwrap_or(u16::MAX);
        Spread { window: narrow(window), place: narrow(place) }
    }

    /// When the next advert is due if the last one leaves now.
    pub(super) fn next(self, now: Instant, interval: Duration) -> Instant {
        let next = now + interval;
        let Some(earlier) = self.earlier(interval) else { return next };
        // Due in the same millisecond is due at the same moment: one wake-up for all of them.
        let whole = Instant::from_nanos(next.as_nanos().next_multiple_of(MILLISECOND));
        whole - earlier
    }

    /// By so much that interval is shorter at most.
    pub(super) fn most(self, interval: Duration) -> Duration {
        self.earlier(interval).unwrap_or_default()
    }

    /// `None`: the interval is kept.
    fn earlier(self, interval: Duration) -> Option<Duration> {
        let room = u64::try_from(interval.as_millis() / 4).unwrap_or(u64::MAX);
        let window = u64::from(self.window).min(room);
        // At least one, as the whole millisecond is the next one.
        (window > 1).then(|| Duration::from_millis(1 + ((window * u64::from(self.place)) >> 16)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const NOW: Instant = Instant::from_nanos(1_234_567_891);

    #[test]
    fn a_thousand_are_not_due_at_once() {
        let interval = Duration::from_millis(100);
        let mut due: BTreeMap<Instant, usize> = BTreeMap::new();
        for nth in 0..1000 {
            *due.entry(Spread::of(nth, 1000).next(NOW, interval)).or_default() += 1;
        }
        assert!(due.len() > 12, "{due:?}");
        assert!(due.values().all(|count| *count <= 128), "{due:?}");
    }

    #[test]
    fn few_keep_their_interval_to_the_nanosecond() {
        let interval = Duration::from_millis(100);
        for nth in 0..127 {
            assert_eq!(Spread::of(nth, 127).next(NOW, interval), NOW + interval);
        }
        assert_eq!(Spread::default().next(NOW, interval), NOW + interval);
    }

    #[test]
    fn never_later_and_at_most_a_quarter_earlier() {
        for (ms, count) in
            [10, 100, 1000, 255_000].into_iter().flat_map(|ms| [50, 1000, 65_025].map(|c| (ms, c)))
        {
            let interval = Duration::from_millis(ms);
            for nth in 0..1000 {
                let next = Spread::of(nth, count).next(NOW, interval);
                assert!(next <= NOW + interval && next >= NOW + interval * 3 / 4, "{nth} {ms} {next:?}");
            }
        }
    }
}
