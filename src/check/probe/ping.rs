//! `PING_CHECK`: an echo request is answered (RFC 792, RFC 4443 §4).
//!
//! The kernel gives each socket a number of its own in the requests, fills in the checksum, and brings back the answers
//! to that number alone.

use super::Failure;
use super::query::{Query, filler};
use crate::net::Family;

/// So much is behind the header.
const PAYLOAD: usize = 128;

/// One echo request.
#[derive(Clone, Debug)]
pub struct Ping {
    request: [u8; 8 + PAYLOAD],
    reply: u8,
}

impl Ping {
    /// A request with this sequence number.
    #[must_use]
    pub fn new(family: Family, sequence: u16) -> Ping {
        let (request, reply) = match family {
            Family::V4 => (8, 0),
            Family::V6 => (128, 129),
        };
        let [high, low] = sequence.to_be_bytes();
        let header = [request, 0, 0, 0, 0, 0, high, low];
        let mut request = [0; 8 + PAYLOAD];
        let bytes = header.into_iter().chain(filler::<PAYLOAD>());
        request.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        Ping { request, reply }
    }
}

impl Query for Ping {
    fn question(&self) -> &[u8] {
        &self.request
    }

    fn hear(&mut self, datagram: &[u8]) -> Option<Result<(), Failure>> {
        let &[kind, _, _, _, _, _, high, low] = datagram.first_chunk::<8>()?;
        // An answer to the request before comes late: it says nothing of now.
        (kind == self.reply && self.request.get(6..8) == Some(&[high, low])).then_some(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_this_request_counts_and_no_other() {
        for (family, request, reply) in [(Family::V4, 8, 0), (Family::V6, 128, 129)] {
            let mut ping = Ping::new(family, 0x0102);
            assert_eq!(ping.question().len(), 136);
            assert_eq!(ping.question()[..12], [request, 0, 0, 0, 0, 0, 1, 2, b'k', b'e', b'e', b'p']);
            assert_eq!(ping.hear(&[reply, 0, 9, 9, 7, 7, 1, 2, b'k']), Some(Ok(())));
            assert_eq!(ping.hear(&[reply, 0, 9, 9, 7, 7, 1, 1]), None, "that of the request before");
            assert_eq!(ping.hear(&[request, 0, 9, 9, 7, 7, 1, 2]), None);
            assert_eq!(ping.hear(&[reply, 0, 9, 9, 7, 7, 1]), None);
            assert_eq!(ping.silence(), Err(Failure::Timeout));
        }
    }
}
