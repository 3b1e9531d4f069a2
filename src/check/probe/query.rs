//! A question in one datagram, and what comes back: an answer, an error message of the network (ICMP), or nothing.
//!
//! Nothing here is a socket. Who has it sends the question, and tells the query what it hears until that is an outcome.

use super::Failure;
use std::fmt;

/// What an ICMP message said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The server, or its port, can't be reached (type 3 of ICMP, 1 of ICMPv6); with the error number of it.
    Unreachable(i32),
    /// Anything else.
    Other(i32),
}

/// One question.
pub trait Query: fmt::Debug {
    /// What is sent.
    fn question(&self) -> &[u8];

    /// What a datagram of the server means; `None` where it is no answer to this question.
    fn hear(&mut self, datagram: &[u8]) -> Option<Result<(), Failure>>;

    /// What an error message means.
    fn refused(&mut self, refusal: Refusal) -> Result<(), Failure> {
        let (Refusal::Unreachable(errno) | Refusal::Other(errno)) = refusal;
        Err(Failure::broken(errno))
    }

    /// What it means that nothing came within `connect_timeout`.
    fn silence(&mut self) -> Result<(), Failure> {
        Err(Failure::Timeout)
    }
}

/// What keepalived sends where nothing is said: its words again and again, as far as `N` bytes go. Servers that know them
/// know a check.
pub(super) const fn filler<const N: usize>() -> [u8; N] {
    let words = *b"keepalived check - ";
    let mut bytes = [0; N];
    let mut i = 0;
    while i < N {
        bytes[i] = words[i % words.len()];
        i += 1;
    }
    bytes
}
