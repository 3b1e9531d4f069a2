//! Which request failed: matching the kernel's answers to a batch by sequence number. Pure.
//!
//! In a batch only the last request of each send asks to be acknowledged. The kernel carries requests out in their
//! order and answers every failing one, so once the last one's answer is there, silence about the others means
//! success — unless an answer was lost, which the kernel tells (`ENOBUFS`): then silence means nothing, and the
//! silent ones are [`Failure::Unknown`].

use super::message::{
    HEADER, KIND_DONE, KIND_ERROR, KIND_NOOP, KIND_OVERRUN, Malformed, Message, Messages, align,
};
use nix::errno::Errno;
use std::fmt;

/// `NLM_F_CAPPED`: of the failed request only the header is repeated.
const CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`: attributes follow.
const ACK_TLVS: u16 = 0x200;
/// `NLMSGERR_ATTR_MSG`
const ATTR_MSG: u16 = 1;

/// A request of a batch that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its index in the batch.
    pub index: usize,
    /// Why.
    pub failure: Failure,
}

/// Why a request did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The kernel refused it; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The kernel's answer was lost or did not come: it may have been carried out or not. Only asking for the
    /// present state (a dump) can tell.
    #[error("the kernel's answer was lost")]
    Unknown,
    /// It never reached the kernel.
    #[error("not sent: {}", .0.desc())]
    NotSent(Errno),
}

/// The kernel's refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number.
    pub errno: Errno,
    /// The kernel's explanation, where it gave one.
    pub explanation: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.errno.desc())?;
        match &self.explanation {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

/// What an `NLMSG_ERROR` says: `Ok(None)` is an acknowledgement.
pub(crate) fn refusal(message: &Message<'_>) -> Result<Option<Refusal>, Malformed> {
    let code = i32::from_ne_bytes(*message.payload.first_chunk().ok_or(Malformed)?);
    Ok(refusal_of(code, || explanation(message)))
}

fn refusal_of(code: i32, explanation: impl FnOnce() -> Option<String>) -> Option<Refusal> {
    (code != 0).then(|| Refusal { errno: Errno::from_raw(code.saturating_neg()), explanation: explanation() })
}

/// What the payload of an `NLMSG_DONE` says: the dump's own error, with recent kernels.
pub(crate) fn done(message: &Message<'_>) -> Option<Refusal> {
    let code = message.payload.first_chunk().map_or(0, |c| i32::from_ne_bytes(*c));
    // A positive number is a count that some dumps leave behind.
    refusal_of(code.min(0), || None)
}

/// The extended acknowledgement's text (`NETLINK_EXT_ACK`).
fn explanation(message: &Message<'_>) -> Option<String> {
    if message.flags & ACK_TLVS == 0 {
        return None;
    }
    let request_len = match message.flags & CAPPED {
        0 => u32::from_ne_bytes(*message.payload.get(4..)?.first_chunk()?) as usize,
        _ => HEADER,
    };
    let attributes = message.attributes(4_usize.saturating_add(align(request_len))).ok()?;
    let text = attributes.flatten().find(|a| a.kind == ATTR_MSG)?;
    Some(String::from_utf8_lossy(text.payload).trim_end_matches('\0').to_owned())
}

/// The answers to one send of requests.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Index in the batch, and sequence number, of the first request.
    first: usize,
    sequence: u32,
    count: usize,
    /// Our socket's port.
    port: u32,
    /// The last request has its answer.
    complete: bool,
    /// An answer may have been lost.
    lost: bool,
    refused: Vec<(usize, Refusal)>,
}

impl Tally {
    /// Waits for answers to `count` requests, the first of them `first` in its batch.
    pub(crate) fn new(first: usize, count: usize, sequence: u32, port: u32) -> Tally {
        Tally { first, sequence, count, port, complete: false, lost: false, refused: Vec::new() }
    }

    /// Whether every answer that will come has come.
    pub(crate) fn complete(&self) -> bool {
        self.complete
    }

    /// Notes that the kernel dropped something that was meant for us.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
    }

    /// Whether something was dropped.
    pub(crate) fn lost(&self) -> bool {
        self.lost
    }

    /// Reads a datagram; objects in it that answer a request go to `object` with the request's index.
    pub(crate) fn read(&mut self, datagram: &[u8], object: &mut dyn FnMut(usize, Message<'_>)) {
        for message in Messages::new(datagram) {
            let Ok(message) = message else {
                self.lost = true;
                return;
            };
            // What answers somebody or something else, such as a request given up earlier, does not concern us.
            let n = message.sequence.wrapping_sub(self.sequence) as usize;
            if message.port != self.port || n >= self.count {
                continue;
            }
            match message.kind {
                KIND_ERROR => self.answer(n, refusal(&message)),
                KIND_OVERRUN => self.lost = true,
                KIND_NOOP | KIND_DONE => {}
                _ => object(self.first + n, message),
            }
        }
    }

    fn answer(&mut self, n: usize, answer: Result<Option<Refusal>, Malformed>) {
        match answer {
            Ok(Some(refusal)) => self.refused.push((n, refusal)),
            Ok(None) => {}
            Err(Malformed) => {
                self.lost = true;
                return;
            }
        }
        if n + 1 == self.count {
            self.complete = true;
        }
    }

    /// Appends what failed, by ascending index. Without the last answer, or with a loss, the silent ones are
    /// unknown; but the last one is known to be fine if its acknowledgement came.
    pub(crate) fn finish(mut self, failed: &mut Vec<Failed>) {
        self.refused.sort_by_key(|(n, _)| *n);
        self.refused.dedup_by_key(|(n, _)| *n);
        let silence_is_success = self.complete && !self.lost;
        let mut refused = self.refused.into_iter().peekable();
        let mut push = |n: usize, failure| failed.push(Failed { index: self.first + n, failure });
        if silence_is_success {
            refused.for_each(|(n, refusal)| push(n, Failure::Refused(refusal)));
            return;
        }
        for n in 0..self.count {
            match refused.next_if(|(m, _)| *m == n) {
                Some((_, refusal)) => push(n, Failure::Refused(refusal)),
                None if self.complete && n + 1 == self.count => {}
                None => push(n, Failure::Unknown),
            }
        }
    }
}

#[cfg(test)]
mod tests;
