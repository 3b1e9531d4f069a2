//! `UDP_CHECK`: a datagram is sent; the server fails if the network says that it can't be reached. Where an answer is
//! required, silence is a failure too, and so is an answer that is not as it should be.

use super::Failure;
use super::query::{Query, Refusal, filler};
use crate::check::config;

/// One datagram, and what comes back.
#[derive(Clone, Debug)]
pub struct Udp {
    config: config::Udp,
}

/// What is sent where `payload` says nothing.
static PAYLOAD: [u8; 32] = filler();

impl Udp {
    /// A datagram of this check.
    #[must_use]
    pub fn new(config: &config::Udp) -> Udp {
        Udp { config: config.clone() }
    }
}

impl Query for Udp {
    fn question(&self) -> &[u8] {
        self.config.payload.as_deref().unwrap_or(&PAYLOAD)
    }

    fn hear(&mut self, datagram: &[u8]) -> Option<Result<(), Failure>> {
        let Some(reply) = self.config.reply.as_ref().filter(|reply| !reply.data.is_empty()) else {
            return Some(Ok(()));
        };
        let length = usize::from(reply.min_length)..=usize::from(reply.max_length);
        if !length.contains(&datagram.len()) {
            return Some(Err(Failure::Reason(format!("the answer's length is {}", datagram.len()).into())));
        }
        let expected = reply.data.iter().zip(&reply.mask);
        let differs = |(byte, (data, mask)): (&u8, (&u8, &u8))| (byte ^ data) & mask != 0;
        Some(match datagram.iter().zip(expected).position(differs) {
            None => Ok(()),
            Some(at) => Err(Failure::Reason(format!("the answer differs at byte {at}").into())),
        })
    }

    fn refused(&mut self, refusal: Refusal) -> Result<(), Failure> {
        match refusal {
            Refusal::Unreachable(errno) => Err(Failure::broken(errno)),
            Refusal::Other(_) => Ok(()),
        }
    }

    fn silence(&mut self) -> Result<(), Failure> {
        match self.config.reply {
            Some(_) => Err(Failure::Timeout),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::config::Reply;

    fn requiring(data: &[u8], mask: &[u8]) -> config::Udp {
        let reply = Reply { data: data.to_vec(), mask: mask.to_vec(), min_length: 2, max_length: 4 };
        config::Udp { payload: Some(b"ping".to_vec()), reply: Some(reply) }
    }

    #[test]
    fn without_a_required_answer_only_the_network_can_say_no() {
        let config = config::Udp { payload: None, reply: None };
        let mut udp = Udp::new(&config);
        assert_eq!(udp.question(), b"keepalived check - keepalived ch");
        assert_eq!(udp.silence(), Ok(()));
        assert_eq!(udp.hear(b""), Some(Ok(())));
        assert_eq!(udp.hear(b"anything"), Some(Ok(())));
        let refused = libc::ECONNREFUSED;
        assert_eq!(udp.refused(Refusal::Unreachable(refused)), Err(Failure::broken(refused)));
        assert_eq!(udp.refused(Refusal::Other(libc::EHOSTUNREACH)), Ok(()));
    }

    #[test]
    fn a_required_answer_is_compared_as_far_as_both_go() {
        let config = requiring(b"abc", &[0xff, 0x0f, 0xff]);
        let mut udp = Udp::new(&config);
        assert_eq!(udp.question(), b"ping");
        assert_eq!(udp.silence(), Err(Failure::Timeout));
        assert_eq!(udp.hear(b"abcd"), Some(Ok(())));
        assert_eq!(udp.hear(b"arc"), Some(Ok(())), "half a byte does not count");
        assert_eq!(udp.hear(b"ab"), Some(Ok(())));
        let failed = |words: &str| Some(Err(Failure::Reason(words.into())));
        assert_eq!(udp.hear(b"acc"), failed("the answer differs at byte 1"));
        assert_eq!(udp.hear(b"a"), failed("the answer's length is 1"));
        assert_eq!(udp.hear(b"abcde"), failed("the answer's length is 5"));
    }

    /// keepalived looks at lengths only where it compares.
    #[test]
    fn any_answer_will_do_where_nothing_is_compared() {
        let config = requiring(b"", b"");
        let mut udp = Udp::new(&config);
        assert_eq!(udp.hear(b"longer than that"), Some(Ok(())));
        assert_eq!(udp.silence(), Err(Failure::Timeout));
    }
}
