//! A conversation over a stream of bytes: what is said, and what an answer means.
//!
//! Nothing here is a stream. Who has the connection tells the dialogue what it hears, and does what the dialogue says
//! next; that may come in pieces of any size.

use super::{Failure, Outcome};
use std::fmt;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this, then listen.
    Say(Vec<u8>),
    /// Listen on.
    Listen,
    /// It is over, and the server passed or not.
    End(Result<(), Failure>),
}

impl Step {
    /// It is over: what came is not what was expected, in these words.
    #[must_use]
    pub fn fail(reason: impl Into<Box<str>>) -> Step {
        Step::End(Err(Failure::Reason(reason.into())))
    }
}

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Some bytes, one at least.
    Bytes(&'a [u8]),
    /// The server has ended its side of the connection.
    End,
    /// The connection broke with this error number.
    Broken(i32),
}

/// One conversation, from the open connection to its outcome.
pub trait Dialogue: fmt::Debug {
    /// What comes first.
    fn begin(&mut self) -> Step;

    /// What follows from what was heard. Behind [`Step::End`] nothing more is asked.
    fn hear(&mut self, heard: Heard<'_>) -> Step;

    /// What it means for the server that it has passed.
    fn passed(&self) -> Outcome {
        Outcome::Passed
    }
}

impl<D: Dialogue + ?Sized> Dialogue for &mut D {
    fn begin(&mut self) -> Step {
        (**self).begin()
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        (**self).hear(heard)
    }

    fn passed(&self) -> Outcome {
        (**self).passed()
    }
}

/// Plays a dialogue against what a server says, cut into pieces of `size` bytes; what was said, and the outcome. For
/// tests and fuzzing.
pub fn play(dialogue: &mut dyn Dialogue, server: &[u8], size: usize) -> (Vec<u8>, Result<(), Failure>) {
    play_turns(dialogue, &[server], size)
}

/// The same with a server that waits until it is asked: no piece holds parts of two turns.
pub fn play_turns(
    dialogue: &mut dyn Dialogue,
    turns: &[&[u8]],
    size: usize,
) -> (Vec<u8>, Result<(), Failure>) {
    let mut said = Vec::new();
    let mut pieces = turns.iter().flat_map(|turn| turn.chunks(size.max(1)));
    let mut step = dialogue.begin();
    loop {
        match step {
            Step::Say(bytes) => said.extend(bytes),
            Step::Listen => {}
            Step::End(outcome) => return (said, outcome),
        }
        step = match pieces.next() {
            Some(piece) => dialogue.hear(Heard::Bytes(piece)),
            None => match dialogue.hear(Heard::End) {
                Step::End(outcome) => return (said, outcome),
                _ => return (said, Err(Failure::Timeout)),
            },
        };
    }
}
