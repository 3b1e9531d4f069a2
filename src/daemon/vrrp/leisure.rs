//! When there is time to tidy up: some seconds after much work, with nothing to do for a while.

use crate::time::Instant;
use std::time::Duration;

/// So many turns without sleep are much work: a takeover of hundreds of addresses, a reload.
const MUCH: u32 = 64;
/// So long after it was seen: the same work may go on, as announcements do.
const PAUSE: Duration = Duration::from_secs(7);
/// Tidying up takes some milliseconds.
const WHILE: Duration = Duration::from_millis(50);

/// What has been done since the last time.
#[derive(Debug, Default)]
pub(super) struct Leisure {
    turns: u32,
    not_before: Option<Instant>,
}

impl Leisure {
    /// There was more to do.
    pub(super) const fn worked(&mut self) {
        self.turns = self.turns.saturating_add(1);
    }

    /// There is nothing to do until then. True if this is the time.
    pub(super) fn begins(&mut self, now: Instant, deadline: Option<Instant>) -> bool {
        if self.turns < MUCH {
            return false;
        }
        let not_before = *self.not_before.get_or_insert(now + PAUSE);
        let begins = now >= not_before && deadline.is_none_or(|deadline| deadline >= now + WHILE);
        if begins {
            *self = Leisure::default();
        }
        begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_once_some_seconds_after_much_work_and_not_before_a_deadline() {
        let start = Instant::ZERO;
        let (soon, later) = (Some(start + PAUSE + WHILE / 2), Some(start + PAUSE * 2));
        let mut leisure = Leisure::default();
        assert!(!leisure.begins(start + PAUSE, None), "nothing was done");
        (0..MUCH).for_each(|_| leisure.worked());
        assert!(!leisure.begins(start, None), "not at once");
        assert!(!leisure.begins(start + PAUSE, soon), "an advert is due");
        assert!(leisure.begins(start + PAUSE, later));
        assert!(!leisure.begins(start + PAUSE * 3, None), "once");
    }
}
