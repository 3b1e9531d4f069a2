//! Messages within a stream, each with its length at its front.

use super::Failure;

/// No message that is waited for is longer.
const LONGEST: usize = 256 * 1024;

/// No answer has more of them.
const MOST: u32 = 10_000;

/// What came, until a message is whole.
#[derive(Debug, Default)]
pub(super) struct Frames {
    kept: Vec<u8>,
    taken: u32,
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
}
