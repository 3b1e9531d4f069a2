//! Lines on their way to one output: a piece of memory between those who log and the thread that writes.
//!
//! Adding a line never waits for the output. What does not fit any more is counted, and the count is handed to the
//! writer behind the lines that came before the loss.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many bytes may wait for one output, besides those that are being written.
pub(super) const LIMIT: usize = 1 << 20;

/// The lines that wait, for one writer.
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    emptied: Condvar,
    limit: usize,
}

#[derive(Default)]
struct State {
    /// Whole lines, each with its end.
    lines: Vec<u8>,
    /// How many lines did not fit behind them.
    lost: u64,
    /// From the writer's beginning, the limit counts.
    is_limited: bool,
    /// The writer is at work with what it took.
    writing: bool,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Queue {
        Queue { state: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new(), limit }
    }

    /// Adds one line, which ends with a line feed, or counts it as lost. Before there is a writer all are kept: what a
    /// start has to say is as long as its configuration. The writer hears of it with [`Queue::wake`].
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state();
        let fits = state.lost == 0 && state.lines.len() + line.len() <= self.limit;
        if fits || !state.is_limited {
            state.lines.extend_from_slice(line);
        } else {
            state.lost += 1;
        }
    }

    /// Counts what is too much as lost, though no writer has begun yet.
    pub(super) fn limit_from_now(&self) {
        self.state().is_limited = true;
    }

    /// Lets the writer look.
    pub(super) fn wake(&self) {
        self.filled.notify_one();
    }

    /// For the writer: tells that what was taken before is written, waits for more, for as long as that takes or for
    /// `patience`, and exchanges it for `taken`, whose memory is used again. Returns how many lines were lost behind them.
    pub(super) fn take(&self, taken: &mut Vec<u8>, patience: Option<Duration>) -> u64 {
        taken.clear();
        // The memory of a long start is not kept.
        taken.shrink_to(self.limit);
        let mut state = self.state();
        state.is_limited = true;
        state.writing = false;
        self.emptied.notify_all();
        let nothing = |state: &mut State| state.lines.is_empty() && state.lost == 0;
        state = match patience {
            None => self.filled.wait_while(state, nothing).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.filled.wait_timeout_while(state, patience, nothing);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        std::mem::swap(&mut state.lines, taken);
        state.writing = true;
        std::mem::take(&mut state.lost)
    }

    /// Waits until everything is written, for at most `patience`; whether it is.
    pub(super) fn wait_until_written(&self, patience: Duration) -> bool {
        self.wake();
        let busy = |state: &mut State| state.writing || !state.lines.is_empty() || state.lost > 0;
        let waited = self.emptied.wait_timeout_while(self.state(), patience, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Forgets what waits: another process has it.
    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.lines.clear();
        state.lost = 0;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_behind_what_did() {
        let queue = Queue::new(8);
        let mut taken = Vec::new();
        queue.push(b"before\n");
        queue.push(b"a writer\n");
        assert_eq!(queue.take(&mut taken, None), 0);
        assert_eq!(taken, b"before\na writer\n", "all that was said before there was a writer");
        queue.push(b"one\n");
        queue.push(b"two\n");
        queue.push(b"three\n");
        // It would fit once there is room, but not behind the loss.
        queue.push(b"\n");
        assert_eq!(queue.take(&mut taken, None), 2);
        assert_eq!(taken, b"one\ntwo\n");
        queue.push(b"four\n");
        assert_eq!(queue.take(&mut taken, None), 0);
        assert_eq!(taken, b"four\n");
        assert_eq!((queue.take(&mut taken, Some(Duration::from_millis(1))), taken), (0, vec![]));
    }

    #[test]
    fn without_a_writer_all_is_kept_until_there_will_be_none() {
        let queue = Queue::new(8);
        queue.push(b"longer than that\n");
        queue.limit_from_now();
        queue.push(b"two\n");
        let mut taken = Vec::new();
        assert_eq!(queue.take(&mut taken, None), 1);
        assert_eq!(taken, b"longer than that\n");
    }

    #[test]
    fn waiting_ends_when_the_writer_comes_back_for_more() {
        let queue = Queue::new(8);
        assert!(queue.wait_until_written(Duration::ZERO), "nothing was said");
        queue.push(b"one\n");
        assert!(!queue.wait_until_written(Duration::ZERO));
        let mut taken = Vec::new();
        queue.take(&mut taken, None);
        assert!(!queue.wait_until_written(Duration::ZERO), "it is taken, but not written");
        std::thread::scope(|scope| {
            scope.spawn(|| queue.take(&mut taken, None));
            assert!(queue.wait_until_written(Duration::from_secs(60)));
            queue.push(b"end\n");
            queue.wake();
        });
    }
}
