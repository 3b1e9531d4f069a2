//! A program that somebody wants run: notify and track scripts, `MISC_CHECK`, quorum scripts; and how it ended.
//!
//! Plain data: the machines ask and hear, one process of the daemon does it (`daemon::runner`).

use crate::command::Command;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Names a run among those that one worker has asked for; a number is not given out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(pub u64);

/// A program, and the conditions that it runs under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What its end is reported by.
    pub id: RunId,
    /// Its place in an order. `None`: at once, whatever else runs.
    pub turn: Option<Turn>,
    /// The program with all its arguments, and who runs it.
    pub command: Command,
    /// How it is ended where it takes too long; `None` lets it run for as long as it likes.
    pub limit: Option<Limit>,
}

/// The place of a run among those of its owner.
///
/// Those of one step are started together; those of the next step once these have ended, but for a program that goes on
/// for long: it keeps nobody waiting for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Turn {
    /// Whose: an instance, a virtual server.
    pub owner: String,
    /// What has happened to it; runs of one step are asked for one after the other.
    pub step: u64,
    /// What of the owner it tells of: a virtual server's real server, say; nothing where it is the owner itself. At the stop,
    /// what a later step tells anew of the same is not run.
    pub subject: Option<String>,
}

/// How long a program may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// After so long, its process group is sent `SIGTERM`.
    pub term_after: Duration,
    /// And so long after that, `SIGKILL`.
    pub kill_after: Duration,
}

impl Limit {
    /// What a program has between `SIGTERM` and `SIGKILL` where nothing else is said.
    pub const GRACE: Duration = Duration::from_secs(2);

    /// `SIGTERM` after `time`, `SIGKILL` [`Limit::GRACE`] later.
    #[must_use]
    pub const fn new(time: Duration) -> Limit {
        Limit { term_after: time, kill_after: Limit::GRACE }
    }
}

/// How a run ended. It is told once the program has ended, so that a script never runs twice at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunOutcome {
    /// By itself, with this status: 0 to 255.
    Exited(u8),
    /// By a signal of this number, that was not ours.
    Signalled(i32),
    /// By us, since it took longer than its [`Limit`].
    TimedOut,
    /// It was called off: while it waited, or by us while it ran.
    Cancelled,
    /// It was not run, or nobody knows how it ended: why, in words.
    Failed(String),
}

impl RunOutcome {
    /// Whether it ended by itself with status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        *self == RunOutcome::Exited(0)
    }
}

impl fmt::Display for RunOutcome {
    /// As keepalived's log lines have it in parentheses: `exited with status 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunOutcome::Exited(status) => write!(f, "exited with status {status}"),
            RunOutcome::Signalled(number) => write!(f, "due to signal {number}"),
            RunOutcome::TimedOut => f.write_str("timed out"),
            RunOutcome::Cancelled => f.write_str("cancelled"),
            RunOutcome::Failed(reason) => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_status_0_is_success() {
        assert!(RunOutcome::Exited(0).is_success());
        for other in [
            RunOutcome::Exited(1),
            RunOutcome::Signalled(15),
            RunOutcome::TimedOut,
            RunOutcome::Cancelled,
            RunOutcome::Failed("no such user".to_owned()),
        ] {
            assert!(!other.is_success(), "{other}");
        }
    }

    #[test]
    fn outcomes_read_as_keepalived_says_them() {
        assert_eq!(RunOutcome::Exited(3).to_string(), "exited with status 3");
        assert_eq!(RunOutcome::Signalled(9).to_string(), "due to signal 9");
        assert_eq!(RunOutcome::TimedOut.to_string(), "timed out");
    }
}
