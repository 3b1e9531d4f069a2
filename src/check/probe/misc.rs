//! `MISC_CHECK`: a program decides, by its exit status.
//!
//! | status | with `misc_dynamic` | without |
//! |---|---|---|
//! | 0 | passed, at the configured weight | passed |
//! | 1 | failed | failed |
//! | 2 to 255 | passed, at a weight of two less than it | failed |
//!
//! A program that is ended by a signal, or takes longer than `misc_timeout`, has failed. One that could not be run says
//! nothing of its server.

use super::{Failure, Outcome, Weight};
use crate::check::config::Misc;
use crate::run::RunOutcome;

/// What the end of the program means.
#[must_use]
pub fn outcome(config: &Misc, ended: &RunOutcome) -> Outcome {
    match ended {
        RunOutcome::Exited(0) => Outcome::Passed,
        RunOutcome::Exited(status @ 2..) if config.dynamic => {
            Outcome::Weighed(Weight::Exactly(u32::from(*status) - 2))
        }
        RunOutcome::Exited(_) | RunOutcome::Signalled(_) | RunOutcome::TimedOut => {
            Outcome::Failed(Failure::Reason(ended.to_string().into()))
        }
        RunOutcome::Cancelled | RunOutcome::Failed(_) => {
            Outcome::NotRun(Failure::Reason(ended.to_string().into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use std::time::Duration;

    fn of(dynamic: bool, ended: RunOutcome) -> Outcome {
        let command = Command { argv: vec!["/bin/true".into()], run_as: None };
        outcome(&Misc { command, dynamic, timeout: Duration::from_secs(1) }, &ended)
    }

    #[test]
    fn a_status_is_a_verdict_or_a_weight() {
        let failed = |words: &str| Outcome::Failed(Failure::Reason(words.into()));
        for dynamic in [false, true] {
            assert_eq!(of(dynamic, RunOutcome::Exited(0)), Outcome::Passed);
            assert_eq!(of(dynamic, RunOutcome::Exited(1)), failed("exited with status 1"));
            assert_eq!(of(dynamic, RunOutcome::Signalled(9)), failed("due to signal 9"));
            assert_eq!(of(dynamic, RunOutcome::TimedOut), failed("timed out"));
        }
        assert_eq!(of(false, RunOutcome::Exited(2)), failed("exited with status 2"));
        assert_eq!(of(true, RunOutcome::Exited(2)), Outcome::Weighed(Weight::Exactly(0)));
        assert_eq!(of(true, RunOutcome::Exited(255)), Outcome::Weighed(Weight::Exactly(253)));
    }

    #[test]
    fn what_could_not_be_run_says_nothing_of_the_server() {
        for ended in [RunOutcome::Cancelled, RunOutcome::Failed("no such user".to_owned())] {
            assert!(matches!(of(true, ended), Outcome::NotRun(_)));
        }
    }
}
