//! Where the body of an answer ends (RFC 9112 §6.3).

use super::chunks::Chunks;
use super::head::Head;

/// Where it ends.
#[derive(Debug)]
pub(super) enum End {
    /// With the connection.
    Connection,
    /// After so many more bytes.
    After(u64),
    /// With the last chunk.
    Chunks(Chunks),
}

impl End {
    /// As the head says.
    pub(super) fn of(head: &Head) -> End {
        match head.length {
            _ if head.has_no_body() => End::After(0),
            Some(length) => End::After(length),
            None if head.chunked => End::Chunks(Chunks::default()),
            None => End::Connection,
        }
    }

    /// Those of the bytes that came which belong to the body, and whether it ends behind them.
    pub(super) fn take<'b>(&mut self, bytes: &'b [u8]) -> (&'b [u8], bool) {
        match self {
            End::Connection => (bytes, false),
            End::After(left) => {
                let taken = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= taken as u64;
                (bytes.get(..taken).unwrap_or(bytes), *left == 0)
            }
            End::Chunks(chunks) => match chunks.find_end(bytes) {
                Some(taken) => (bytes.get(..taken).unwrap_or(bytes), true),
                None => (bytes, false),
            },
        }
    }
}
