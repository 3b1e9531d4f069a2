//! `TCP_CHECK`: the server passes if a connection to it opens within `connect_timeout`.
//!
//! Nothing is sent, and nothing that the server sends is waited for.

use super::{Failure, Operation, Outcome};
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One connection attempt, from its start to its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    deadline: Instant,
}

/// What the socket saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The connection is open.
    Connected,
    /// A system call failed before anything was under way.
    Error {
        /// Which one.
        operation: Operation,
        /// Its error number.
        errno: i32,
    },
    /// The attempt that was under way has ended with this error (`SO_ERROR`): refused, reset, unreachable.
    Refused {
        /// Its error number.
        errno: i32,
    },
}

impl Attempt {
    /// An attempt that begins now.
    #[must_use]
    pub fn start(now: Instant, timeout: Duration) -> Attempt {
        Attempt { deadline: now + timeout }
    }

    /// When to call [`Attempt::handle_timeout`].
    #[must_use]
    pub const fn next_timeout(&self) -> Instant {
        self.deadline
    }

    /// What the event means. An open connection passes even when it is noticed after the deadline: whoever was late
    /// then was this process, not the server.
    #[must_use]
    pub fn handle(&self, event: Event) -> Outcome {
        match event {
            Event::Connected => Outcome::Passed,
            Event::Refused { errno } => Outcome::Failed(refusal(errno)),
            Event::Error { operation: Operation::Connect, errno } if is_answer(errno) => {
                Outcome::Failed(refusal(errno))
            }
            Event::Error { operation, errno } => Outcome::NotRun(Failure::System { operation, errno }),
        }
    }

    /// The outcome once the deadline has passed.
    #[must_use]
    pub fn handle_timeout(&self, now: Instant) -> Option<Outcome> {
        (now >= self.deadline).then_some(Outcome::Failed(Failure::Timeout))
    }
}

fn refusal(errno: i32) -> Failure {
    match errno {
        // The kernel gave up before `connect_timeout` did.
        libc::ETIMEDOUT => Failure::Timeout,
        _ => Failure::System { operation: Operation::Connect, errno },
    }
}

/// Whether an error of `connect` itself is the network's or the server's no. Every other one (no free port, a local
/// firewall, a bad address) is this machine's own, and must not take servers down; keepalived draws the line at the
/// same place.
#[must_use]
pub fn is_answer(errno: i32) -> bool {
    matches!(
        errno,
        libc::ECONNREFUSED
            | libc::ECONNRESET
            | libc::ECONNABORTED
            | libc::EHOSTUNREACH
            | libc::EHOSTDOWN
            | libc::ENETUNREACH
            | libc::ENETDOWN
            | libc::ETIMEDOUT
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(event: Event) -> Outcome {
        Attempt::start(Instant::ZERO, Duration::from_secs(3)).handle(event)
    }

    #[test]
    fn passes_when_connected_even_if_noticed_late() {
        assert_eq!(outcome(Event::Connected), Outcome::Passed);
    }

    #[test]
    fn fails_at_the_deadline_and_not_before() {
        let attempt = Attempt::start(Instant::ZERO, Duration::from_secs(3));
        assert_eq!(attempt.handle_timeout(attempt.next_timeout() - Duration::from_nanos(1)), None);
        assert_eq!(attempt.handle_timeout(attempt.next_timeout()), Some(Outcome::Failed(Failure::Timeout)));
    }

    #[test]
    fn what_the_network_answers_counts_against_the_server() {
        for errno in [libc::ECONNREFUSED, libc::EHOSTUNREACH, libc::ENETUNREACH, libc::ECONNRESET] {
            let failure = Failure::System { operation: Operation::Connect, errno };
            assert_eq!(outcome(Event::Refused { errno }), Outcome::Failed(failure.clone()));
            let at_once = Event::Error { operation: Operation::Connect, errno };
            assert_eq!(outcome(at_once), Outcome::Failed(failure));
        }
        assert_eq!(outcome(Event::Refused { errno: libc::ETIMEDOUT }), Outcome::Failed(Failure::Timeout));
        // An IPv6 router's "administratively prohibited".
        assert!(matches!(outcome(Event::Refused { errno: libc::EACCES }), Outcome::Failed(_)));
    }

    #[test]
    fn our_own_trouble_does_not() {
        for (operation, errno) in [
            (Operation::Socket, libc::EMFILE),
            (Operation::Mark, libc::EPERM),
            (Operation::Bind, libc::EADDRNOTAVAIL),
            (Operation::Bind, libc::EADDRINUSE),
            (Operation::Connect, libc::EADDRNOTAVAIL),
            (Operation::Connect, libc::EPERM),
        ] {
            let event = Event::Error { operation, errno };
            assert_eq!(outcome(event), Outcome::NotRun(Failure::System { operation, errno }));
        }
    }

    #[test]
    fn failures_read_well() {
        let refused = Failure::System { operation: Operation::Connect, errno: libc::ECONNREFUSED };
        assert_eq!(refused.to_string(), "connect: Connection refused");
        assert_eq!(Failure::Timeout.to_string(), "timeout");
    }
}
