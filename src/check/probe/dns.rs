//! `DNS_CHECK`: a query is answered, and the answer says that all is well (RFC 1035 §4.1).
//!
//! Of the answer only its header counts, as in keepalived: a server that has no such record still answers, one that was
//! cut short (TC) too. What is behind the header is not looked at, so nothing in it can do harm.

use super::Failure;
use super::query::Query;
use crate::check::config;

/// The class of the Internet.
const IN: u16 = 1;

/// A bit of the header: this is an answer.
const QR: u8 = 0x80;

/// One query.
#[derive(Clone, Debug)]
pub struct Dns {
    question: Vec<u8>,
}

impl Dns {
    /// A query with this number, which should be hard to guess.
    #[must_use]
    pub fn new(config: &config::Dns, id: u16) -> Dns {
        let [high, low] = id.to_be_bytes();
        // Recursion is desired; one question.
        let mut question = vec![high, low, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in config.name.split('.').filter(|label| !label.is_empty()) {
            let label = label.as_bytes();
            // RFC 1035 §2.3.4: a label has 63 bytes at most.
            let label = label.get(..63).unwrap_or(label);
            question.push(label.len() as u8);
            question.extend_from_slice(label);
        }
        question.push(0);
        question.extend((config.record as u16).to_be_bytes());
        question.extend(IN.to_be_bytes());
        Dns { question }
    }
}

impl Query for Dns {
    fn question(&self) -> &[u8] {
        &self.question
    }

    fn hear(&mut self, datagram: &[u8]) -> Option<Result<(), Failure>> {
        let &[high, low, flags, more, _, _, _, _, _, _, _, _, ..] = datagram else { return None };
        if !self.question.starts_with(&[high, low]) || flags & QR == 0 {
            return None;
        }
        Some(match more & 0x0f {
            0 => Ok(()),
            code => Err(Failure::Reason(format!("the answer says {}", name_of(code)).into())),
        })
    }
}

/// RFC 1035 §4.1.1, RFC 2136 §2.2.
fn name_of(code: u8) -> String {
    match code {
        1 => "FORMERR".to_owned(),
        2 => "SERVFAIL".to_owned(),
        3 => "NXDOMAIN".to_owned(),
        4 => "NOTIMP".to_owned(),
        5 => "REFUSED".to_owned(),
        code => format!("rcode {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::config::DnsRecord;
    use proptest::prelude::*;

    fn query(name: &str, record: DnsRecord) -> Dns {
        Dns::new(&config::Dns { record, name: name.into() }, 0x1234)
    }

    fn answer(bytes: &[u8]) -> Option<Result<(), String>> {
        query("a", DnsRecord::A).hear(bytes).map(|outcome| outcome.map_err(|failure| failure.to_string()))
    }

    /// As keepalived 2.2.7 sends them.
    #[test]
    fn the_question_is_keepaliveds() {
        let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let of = |name, record| query(name, record).question().strip_prefix(&header).unwrap().to_vec();
        assert_eq!(of(".", DnsRecord::Soa), [0, 0, 6, 0, 1]);
        assert_eq!(of("www.example", DnsRecord::Aaaa), *b"\x03www\x07example\0\0\x1c\0\x01");
        assert_eq!(of("www.example.", DnsRecord::A), *b"\x03www\x07example\0\0\x01\0\x01");
        assert_eq!(of(&"x".repeat(100), DnsRecord::A)[0], 63);
    }

    #[test]
    fn the_header_of_the_answer_decides() {
        assert_eq!(answer(&[0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]), Some(Ok(())));
        assert_eq!(answer(&[0x12, 0x34, 0x83, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 7]), Some(Ok(())), "cut short");
        let failed = |words: &str| Some(Err(format!("the answer says {words}")));
        assert_eq!(answer(&[0x12, 0x34, 0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]), failed("NXDOMAIN"));
        assert_eq!(answer(&[0x12, 0x34, 0x81, 0x85, 0, 1, 0, 0, 0, 0, 0, 0]), failed("REFUSED"));
        assert_eq!(answer(&[0x12, 0x34, 0x81, 0x8f, 0, 1, 0, 0, 0, 0, 0, 0]), failed("rcode 15"));
    }

    #[test]
    fn what_is_no_answer_is_passed_over() {
        assert_eq!(answer(&[0x12, 0x35, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]), None, "another number");
        assert_eq!(answer(&[0x12, 0x34, 0x01, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]), None, "a question");
        assert_eq!(answer(&[0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0]), None, "too short");
        assert_eq!(answer(b""), None);
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange(datagram in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = answer(&datagram);
        }
    }
}
