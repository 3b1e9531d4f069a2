//! When to be awake around a moment that must not be missed: a takeover.
//!
//! A backup whose master speaks never comes near that moment, so this costs nothing as long as all is well. Nothing is
//! decided here about takeovers, and nothing is done: [`super::network`] sleeps and stays awake.

use crate::time::Instant;
use std::time::Duration;

/// So long before it: what an idle processor takes to wake, and some.
const BEFORE: Duration = Duration::from_micros(400);
/// And for so long after it: the first addresses are set and announced by then.
pub(super) const AFTER: Duration = Duration::from_micros(600);
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
    /// Stay awake for the end of a job, but not longer than that.
    Await(Instant),
}

/// When this was done last.
#[derive(Debug, Default)]
pub(super) struct Standby {
    last: Option<Instant>,
}

impl Standby {
    /// What to do at `now`, where somebody takes over at `at`. `at_work`: a job is under way.
    pub(super) fn step(&mut self, now: Instant, at: Option<Instant>, at_work: bool) -> Step {
        if let Some(end) = self.awaits(now, at_work) {
            return Step::Await(end);
        }
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

    /// Until when it stays awake for the job that is under way, if one is.
    pub(super) fn awaits(&self, now: Instant, at_work: bool) -> Option<Instant> {
        self.last.map(|last| last + AFTER).filter(|end| at_work && now < *end)
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
        assert_eq!(standby.step(Instant::ZERO, None, false), Step::Sleep);
        assert_eq!(standby.step(Instant::ZERO, Some(at), true), Step::SleepUntil(early));
        assert_eq!(standby.step(early, Some(at), false), Step::StandBy(at));
        assert_eq!(standby.step(at, Some(at), false), Step::Sleep, "it is due");
        assert_eq!(standby.step(at, None, true), Step::Await(at + AFTER), "its addresses are being set");
        assert_eq!(standby.step(at + AFTER, None, true), Step::Sleep, "that takes long");
        assert_eq!(standby.step(at, Some(at + PAUSE / 2), false), Step::Sleep);
        assert_eq!(standby.step(at, Some(at + PAUSE), false), Step::SleepUntil(at + PAUSE - BEFORE));
    }
}
