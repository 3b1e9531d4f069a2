//! What this machine has run out of, so that checks can't run: told once for all of them, and once when it is over.
//!
//! It is over when each check that could not run has run, and no other one was kept from it for a while: where some find
//! room and others none, which ones changes all the time. Servers stay as they are meanwhile, which [`crate::check`] sees
//! to.

use crate::check::probe::{Failure, Outcome};
use crate::time::Instant;
use std::collections::HashSet;
use std::time::Duration;
use tracing::{info, warn};

/// So long nobody may have been kept from running.
const QUIET: Duration = Duration::from_secs(10);

/// Whether it says that something of this machine has run out, whichever server is asked.
pub(super) const fn is_meant(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::System { errno: libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS, .. }
    )
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Checks can't run, for this reason.
    Begins(Failure),
    /// They run again; so many probes could not.
    Ends(u64),
}

impl News {
    /// Into the log.
    pub(super) fn tell(&self) {
        match self {
            News::Begins(reason) => {
                let advice = advice(reason);
                warn!(
                    "checks could not run: {reason}. Their servers stay as they are until they can{advice}"
                );
            }
            News::Ends(count) => info!("checks run again: {count} could not"),
        }
    }
}

/// What can be done about it.
const fn advice(reason: &Failure) -> &'static str {
    match reason {
        Failure::System { errno: libc::EMFILE, .. } => {
            "; the limit of open files of this process has to be raised (LimitNOFILE of systemd, ulimit -Hn)"
        }
        Failure::System { errno: libc::ENFILE, .. } => {
            "; the limit of open files of this machine has to be raised (sysctl fs.file-max)"
        }
        _ => "",
    }
}

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    /// The last time that it was met, while it lasts.
    last: Option<Instant>,
    /// The reasons that were told: few, since there are few errors, and few operations that meet them.
    told: Vec<Failure>,
    /// Checks that have not run since.
    waiting: HashSet<u32>,
    count: u64,
}

impl Shortage {
    /// How a probe of this check has ended; what there is to tell of it.
    pub(super) fn ended(&mut self, now: Instant, check: u32, outcome: &Outcome) -> Option<News> {
        let Outcome::NotRun(failure) = outcome else {
            self.waiting.remove(&check);
            return None;
        };
        if !is_meant(failure) {
            return None;
        }
        self.last = Some(now);
        self.count += 1;
        self.waiting.insert(check);
        if self.told.contains(failure) {
            return None;
        }
        self.told.push(failure.clone());
        Some(News::Begins(failure.clone()))
    }

    /// A reload: checks have other numbers, and those that still can't run are heard of again.
    pub(super) fn forget_checks(&mut self) {
        self.waiting.clear();
    }

    /// When it may be over.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.last.filter(|_| self.waiting.is_empty()).map(|last| last + QUIET)
    }

    /// Whether it is over.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<News> {
        self.next_timeout().filter(|at| *at <= now)?;
        Some(News::Ends(std::mem::take(self).count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::probe::Operation;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(0) + Duration::from_secs(seconds)
    }

    fn not_run(errno: i32) -> Outcome {
        Outcome::NotRun(failure(errno))
    }

    fn failure(errno: i32) -> Failure {
        Failure::System { operation: Operation::Socket, errno }
    }

    #[test]
    fn all_checks_are_told_of_at_once_and_when_all_have_run() {
        let mut shortage = Shortage::default();
        assert_eq!(shortage.next_timeout(), None);
        let begins = News::Begins(failure(libc::EMFILE));
        assert_eq!(shortage.ended(at(1), 1, &not_run(libc::EMFILE)), Some(begins));
        for second in 2..100 {
            // Whoever runs leaves others without.
            assert_eq!(shortage.ended(at(second), second as u32 % 7, &not_run(libc::EMFILE)), None);
            assert_eq!(shortage.ended(at(second), (second as u32 + 3) % 7, &Outcome::Passed), None);
            assert_eq!(shortage.handle_timeout(at(second)), None);
        }
        // Another reason is news.
        let other = News::Begins(failure(libc::ENOMEM));
        assert_eq!(shortage.ended(at(100), 1, &not_run(libc::ENOMEM)), Some(other));
        for check in 0..6 {
            assert_eq!(shortage.ended(at(101), check, &Outcome::Failed(Failure::Timeout)), None);
        }
        assert_eq!(
            (shortage.next_timeout(), shortage.handle_timeout(at(1000))),
            (None, None),
            "6 has not run"
        );
        shortage.ended(at(101), 6, &Outcome::Passed);
        assert_eq!(shortage.next_timeout(), Some(at(110)));
        assert_eq!(shortage.handle_timeout(at(109)), None);
        assert_eq!(shortage.handle_timeout(at(110)), Some(News::Ends(100)));
        assert_eq!((shortage.next_timeout(), shortage.handle_timeout(at(1000))), (None, None));
        // It may come back.
        assert!(shortage.ended(at(1001), 1, &not_run(libc::EMFILE)).is_some());
        shortage.forget_checks();
        assert_eq!(shortage.handle_timeout(at(1011)), Some(News::Ends(1)));
    }

    #[test]
    fn what_is_wrong_with_one_check_is_none() {
        let mut shortage = Shortage::default();
        for outcome in [
            not_run(libc::ENODEV),
            not_run(libc::EADDRINUSE),
            Outcome::NotRun(Failure::Reason("the password can't be read".into())),
            Outcome::Failed(failure(libc::ECONNREFUSED)),
        ] {
            assert_eq!(shortage.ended(at(1), 1, &outcome), None);
            assert_eq!(shortage.next_timeout(), None);
        }
    }
}
