//! How real servers come and go: `slow_start`, `drain_time`, `flap_damping`, of a real server or of all of a virtual one.

use super::Lower;
use crate::check::config::{Damping, Transition};
use crate::conf::diagnostic::codes;
use crate::conf::tree::Statement;
use std::time::Duration;

/// What a block says of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Draft {
    slow_start: Option<Duration>,
    drain_time: Option<Duration>,
    damping: Option<Damping>,
}

impl Draft {
    /// Takes a statement that belongs here; `false` if it is another one.
    pub(super) fn statement(&mut self, cx: &mut Lower<'_, '_>, name: &str, statement: &Statement) -> bool {
        match name {
            "slow_start" => self.slow_start = cx.timer(statement).or(self.slow_start),
            "drain_time" => self.drain_time = cx.timer(statement).or(self.drain_time),
            "flap_damping" => self.damping = damping(cx, statement).or(self.damping),
            _ => return false,
        }
        true
    }

    /// With what the virtual server says where this one says nothing; `None` if everything happens at once.
    pub(super) fn within(self, outer: Draft) -> Option<Box<Transition>> {
        let transition = Transition {
            slow_start: self.slow_start.or(outer.slow_start).unwrap_or_default(),
            drain_time: self.drain_time.or(outer.drain_time).unwrap_or_default(),
            damping: self.damping.or(outer.damping),
        };
        (!transition.is_immediate()).then(|| Box::new(transition))
    }
}

fn damping(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<Damping> {
    let (count, within, hold) = match cx.words(statement) {
        [_, count, within] => (count, within, within),
        [_, count, within, hold] => (count, within, hold),
        _ => {
            let message =
                "`flap_damping` needs a number of failures and a time in seconds: `flap_damping 3 60`";
            cx.report(&codes::MISSING_VALUE, statement.span, message);
            return None;
        }
    };
    let mut time = |word| cx.timer_word(word, 1, TIME_MAX_US);
    let (within, hold) = (time(within)?, time(hold)?);
    let count = u32::try_from(cx.integer_word(count, 2, 1000)?).ok()?;
    Some(Damping { count, within, hold })
}

/// As of other times of checks.
const TIME_MAX_US: u64 = i64::MAX as u64;
