//! Waiting for a condition, with a message that says what was there instead when it did not come.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at. Each look is often a command of its own, and the processor may be emulated.
const EVERY: Duration = Duration::from_millis(50);

/// What a condition gives: the value waited for, or a description of what was there instead.
pub(crate) type Waited<T> = Result<T, String>;

/// Calls `look` until it gives a value.
///
/// # Panics
/// When `limit` is over, with `what` and what was seen last.
#[track_caller]
pub(crate) fn wait_for<T>(what: impl Display, limit: Duration, look: impl FnMut() -> Waited<T>) -> T {
    wait_every(EVERY, what, limit, look)
}

/// The same with looks so far apart: for one that costs much.
///
/// # Panics
/// As of [`wait_for`].
#[track_caller]
pub(crate) fn wait_every<T>(
    every: Duration,
    what: impl Display,
    limit: Duration,
    mut look: impl FnMut() -> Waited<T>,
) -> T {
    let start = Instant::now();
    loop {
        let late = start.elapsed() >= limit;
        match look() {
            Ok(value) => return value,
            Err(seen) if late => panic!("waited {limit:?} in vain for {what}; seen last: {seen}"),
            Err(_) => thread::sleep(every),
        }
    }
}
