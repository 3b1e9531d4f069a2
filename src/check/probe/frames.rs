//! Messages within a stream, each with its length at its front.

use super::Failure;
use super::dialogue::{Heard, Step};

/// No message that is waited for is longer.
const LONGEST: usize = 256 * 1024;

/// No answer has more of them.
const MOST: u32 = 10_000;

/// What came, until a message is whole.
#[derive(Debug, Default)]
pub(super) struct Frames {
    kept: Vec<u8>,
    taken: u32,
    /// How it went, once the goodbye is said; an answer to that is waited for, whatever it is.
    outcome: Option<Result<(), Failure>>,
}

impl Frames {
    /// More has come.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    /// The next message, once it is whole. `length` says how long it is, from its first bytes; `None` while too few
    /// are there.
    pub(super) fn next(
        &mut self,
        length: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let failed = |what: &str| Err(Failure::Reason(what.into()));
        let Some(length) = length(&self.kept) else { return Ok(None) };
        if length > LONGEST {
            return failed("a message of the server is too long");
        }
        // A message of no length would never end.
        if length == 0 || self.kept.len() < length {
            return Ok(None);
        }
        self.taken += 1;
        if self.taken > MOST {
            return failed("the server's answer does not end");
        }
        let rest = self.kept.split_off(length);
        Ok(Some(std::mem::replace(&mut self.kept, rest)))
    }

    /// It went so, and the server is told goodbye.
    pub(super) fn leave(&mut self, outcome: Result<(), Failure>, goodbye: Vec<u8>) -> Step {
        self.outcome = Some(outcome);
        Step::Say(goodbye)
    }
}

/// A dialogue in messages.
pub(super) trait Framed {
    /// What came.
    fn frames(&mut self) -> &mut Frames;

    /// How long a message is, from its first bytes; `None` while too few are there.
    fn length(bytes: &[u8]) -> Option<usize>;

    /// What a message means; `None`: more of them belong to the answer.
    fn take(&mut self, message: &[u8]) -> Result<Option<Step>, Failure>;

    /// What is to be done about a failure: to end it, or to say goodbye first.
    fn failed(&mut self, failure: Failure) -> Step;
}

/// What such a dialogue makes of what it hears.
pub(super) fn hear(dialogue: &mut impl Framed, heard: Heard<'_>) -> Step {
    if let Some(outcome) = &dialogue.frames().outcome {
        return Step::End(outcome.clone());
    }
    match heard {
        Heard::Bytes(bytes) => dialogue.frames().extend(bytes),
        Heard::End => return Step::fail("the server ended the connection"),
        Heard::Broken(errno) => return Step::End(Err(Failure::broken(errno))),
    }
    next_step(dialogue)
}

fn next_step<D: Framed>(dialogue: &mut D) -> Step {
    loop {
        let step = match dialogue.frames().next(D::length) {
            Ok(Some(message)) => dialogue.take(&message),
            Ok(None) => return Step::Listen,
            Err(failure) => Err(failure),
        };
        match step {
            Ok(None) => {}
            Ok(Some(step)) => return step,
            Err(failure) => return dialogue.failed(failure),
        }
    }
}
