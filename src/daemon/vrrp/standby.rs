//! When to be awake before a moment that must not be missed: a takeover.
//!
//! A backup whose master speaks never comes near that moment, so this costs nothing as long as all is well. Nothing is
//! decided here about takeovers, and nothing is done: [`super::network`] sleeps and stays awake.

use crate::time::Instant;
use std::time::Duration;

/// So long before it: what an idle processor takes to wake, and some.
const BEFORE: Duration = Duration::from_micros(400);
/// The thread that sets addresses is awake for so long after it.
pub(super) const AFTER: Duration = Duration::from_micros(400);
/// Instances that take over one soon after the other keep the processor awake by themselves.
const PAUSE: Duration = Duration::from_millis(20);

/// What to do until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Sleep, as for any other moment.
    Sleep,
    /// Sleep until then, and ask again.
    SleepUntil(Instant),
    /// Stay awake until then.
    StandBy(Instant),
}

/// When this was done last.
#[derive(Debug, Default)]
pub(super) struct Standby {
    last: Option<Instant>,
}

impl Standby {
    /// What to do at `now`, where somebody takes over at `at`.
    pub(super) fn step(&mut self, now: Instant, at: Option<Instant>) -> Step {
        let Some(at) = at.filter(|at| now < *at) else { return Step::Sleep };
        if self.last.is_some_and(|last| at.saturating_since(last) < PAUSE) {
            return Step::Sleep;
        }
        let early = at - BEFORE;
        if now < early {
            return Step::SleepUntil(early);
        }
        self.last = Some(at);
        Step::StandBy(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_awake_shortly_before_a_takeover_and_not_again_for_the_next_ones() {
        let at = Instant::ZERO + Duration::from_secs(1);
        let early = at - BEFORE;
        let mut standby = Standby::default();
        assert_eq!(standby.step(Instant::ZERO, None), Step::Sleep);
        assert_eq!(standby.step(Instant::ZERO, Some(at)), Step::SleepUntil(early));
        assert_eq!(standby.step(early, Some(at)), Step::StandBy(at));
        assert_eq!(standby.step(at, Some(at)), Step::Sleep, "it is due");
        assert_eq!(standby.step(at, Some(at + PAUSE / 2)), Step::Sleep);
        assert_eq!(standby.step(at, Some(at + PAUSE)), Step::SleepUntil(at + PAUSE - BEFORE));
    }
}
