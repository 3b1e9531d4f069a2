//! `GRPC_CHECK`: `grpc.health.v1.Health/Check` says SERVING, over HTTP/2 without TLS.
//!
//! ```text
//!  preface, SETTINGS, HEADERS, DATA ──► SETTINGS (acknowledged), HEADERS, DATA: the status, HEADERS: the end
//! ```
//!
//! What is sent and heard of HTTP/2 is `http2`'s. What passes is the status alone; an answer without one is that of
//! a server which knows no such service, or nothing of this protocol.

use super::Failure;
use super::dialogue::{Dialogue, Heard, Step};
use super::http2::{self, Connection, DATA, END_STREAM, Part, STREAM, Window, frame, varint};
use crate::check::config;
use crate::raw;
use std::net::SocketAddr;

/// No answer is longer.
const LONGEST: u16 = 4096;

/// One request with its answer.
#[derive(Debug)]
pub struct Grpc {
    request: Vec<u8>,
    connection: Connection,
    answer: Vec<u8>,
}

impl Grpc {
    /// A request to the server at `to`.
    #[must_use]
    pub fn new(check: &config::Grpc, to: SocketAddr) -> Grpc {
        let host = check.virtual_host.as_deref().map_or_else(|| to.to_string(), str::to_owned);
        let service = raw::bytes(check.service.as_deref().unwrap_or_default());
        let mut message = Vec::new();
        if !service.is_empty() {
            // The first field, of bytes.
            message.push(0x0a);
            message.extend(varint(service.len()));
            message.extend_from_slice(&service);
        }
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
        let host = raw::bytes(&host);
        let headers: [(&[u8], &[u8]); 6] = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", b"/grpc.health.v1.Health/Check"),
            (b":authority", &host),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ];
        let mut request = http2::request(Window::Bytes(LONGEST), &headers, false);
        request.extend(frame(DATA, END_STREAM, STREAM, &[&[0], &length[..], &message].concat()));
        Grpc { request, connection: Connection::default(), answer: Vec::new() }
    }

    fn take(&mut self) -> Result<Step, Failure> {
        loop {
            match self.connection.next()? {
                None => return Ok(self.connection.wait()),
                Some(Part::Data(bytes, ends)) => {
                    self.answer.extend_from_slice(bytes);
                    if self.answer.len() > usize::from(LONGEST) {
                        return Ok(Step::fail("the server's answer does not end"));
                    }
                    if ends {
                        return Ok(Step::End(is_serving(&self.answer)));
                    }
                }
                Some(Part::Headers(_, true)) => return Ok(Step::End(is_serving(&self.answer))),
                Some(Part::Headers(_, false)) => {}
            }
        }
    }
}

/// What the answer says: a message, of which the first field is the status.
fn is_serving(answer: &[u8]) -> Result<(), Failure> {
    let failed = |reason: &str| Err(Failure::Reason(reason.into()));
    match answer {
        [] => failed("the server tells no status: it knows no such service, or no grpc.health.v1"),
        [0, 0, 0, 0, 2, 0x08, 1] => Ok(()),
        // What is not written is 0.
        [0, 0, 0, 0, 0] | [0, 0, 0, 0, 2, 0x08, 0] => failed("the service's status is UNKNOWN"),
        [0, 0, 0, 0, 2, 0x08, 2] => failed("the service's status is NOT_SERVING"),
        [0, 0, 0, 0, 2, 0x08, 3] => failed("the service's status is SERVICE_UNKNOWN"),
        _ => failed("the server's answer is no status of grpc.health.v1"),
    }
}

impl Dialogue for Grpc {
    fn begin(&mut self) -> Step {
        Step::Say(std::mem::take(&mut self.request))
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        match heard {
            Heard::Bytes(bytes) => self.connection.extend(bytes),
            Heard::End => return Step::fail("the server ended the connection"),
            Heard::Broken(errno) => return Step::End(Err(Failure::broken(errno))),
        }
        self.take().unwrap_or_else(|failure| Step::End(Err(failure)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::probe::dialogue::play_turns;
    use crate::check::probe::http2::{ACK, END_HEADERS, GOAWAY, HEADERS, PADDED, PING, RST_STREAM, SETTINGS};

    fn of(check: &config::Grpc, turns: &[&[u8]]) -> (Vec<u8>, Result<(), String>) {
        let to = "192.0.2.1:50051".parse().unwrap();
        let mut all: Vec<_> = [1, 3, 7, 10_000]
            .into_iter()
            .map(|size| {
                let (said, outcome) = play_turns(&mut Grpc::new(check, to), turns, size);
                (said, outcome.map_err(|failure| failure.to_string()))
            })
            .collect();
        // Whether something is acknowledged before the end is up to the pieces; what comes of it is not.
        assert!(all.iter().all(|(_, outcome)| *outcome == all[0].1), "{all:?}");
        all.remove(0)
    }

    /// What a server of Python's grpcio sends first.
    const GREETING: &[u8] =
        b"\0\0\x18\x04\0\0\0\0\0\0\x03\x7f\xff\xff\xff\0\x04\0\x40\0\0\0\x06\0\0\x20\0\xfe\x03\0\0\0\x01\
                              \0\0\x04\x08\0\0\0\0\0\0\x3f\0\x01\0\0\0\x04\x01\0\0\0\0";

    fn answer(message: &[u8]) -> Vec<u8> {
        let head = frame(HEADERS, END_HEADERS, STREAM, b"\x88");
        let end = frame(HEADERS, END_HEADERS | END_STREAM, STREAM, b"\0\x0bgrpc-status\x010");
        [GREETING, &head, &frame(DATA, 0, STREAM, message), &end].concat()
    }

    #[test]
    fn a_service_says_that_it_serves() {
        let check = config::Grpc { service: Some("shop".into()), virtual_host: Some("www.example".into()) };
        let (said, outcome) = of(&check, &[&answer(b"\0\0\0\0\x02\x08\x01")]);
        assert_eq!(outcome, Ok(()));
        let request: [&[u8]; 4] = [
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\0\0\x12\x04\0\0\0\0\0\0\x01\0\0\0\0\0\x02\0\0\0\0\0\x04\0\0\x10\0",
            b"\0\0\x84\x01\x04\0\0\0\x01\0\x07:method\x04POST\0\x07:scheme\x04http\0\x05:path\x1c/grpc.health.v1.Health/Check\
              \0\x0a:authority\x0bwww.example\0\x0ccontent-type\x10application/grpc\0\x02te\x08trailers",
            b"\0\0\x0b\0\x01\0\0\0\x01\0\0\0\0\x06\x0a\x04shop",
        ];
        let request = request.concat();
        assert_eq!(said.get(..request.len()), Some(&*request));
        let padded = frame(DATA, PADDED, STREAM, b"\x02\0\0\0\0\x02\x08\x01\0\0");
        let end = frame(DATA, END_STREAM, STREAM, &[]);
        let ping = frame(PING, 0, 0, b"12345678");
        let turns: [&[u8]; 3] = [GREETING, &ping, &[padded, end].concat()];
        let (said, outcome) = of(&config::Grpc::default(), &turns);
        assert_eq!(outcome, Ok(()));
        let acknowledged = [frame(SETTINGS, ACK, 0, &[]), frame(PING, ACK, 0, b"12345678")].concat();
        assert!(said.ends_with(&acknowledged));
        assert!(said.windows(15).any(|host| host == b"192.0.2.1:50051"));
    }

    #[test]
    fn any_other_status_is_a_failure() {
        let nobody = config::Grpc::default();
        for (turn, reason) in [
            (answer(b"\0\0\0\0\x02\x08\x02"), "the service's status is NOT_SERVING"),
            (answer(b"\0\0\0\0\x02\x08\x03"), "the service's status is SERVICE_UNKNOWN"),
            (answer(b"\0\0\0\0\0"), "the service's status is UNKNOWN"),
            (answer(b"\0\0\0\0\x01x"), "the server's answer is no status of grpc.health.v1"),
            (answer(b""), "the server tells no status: it knows no such service, or no grpc.health.v1"),
            (answer(&[0; 5000]), "the server's answer does not end"),
            (
                [GREETING, &frame(GOAWAY, 0, 0, b"\0\0\0\x01\0\0\0\x0b")].concat(),
                "the server ends the connection with error 11 (ENHANCE_YOUR_CALM)",
            ),
            (
                [GREETING, &frame(RST_STREAM, 0, 1, b"\0\0\0\x07")].concat(),
                "the server ends the request with error 7 (REFUSED_STREAM)",
            ),
            (frame(PING, 0, 0, &[0; 8]), "the answer is no HTTP/2"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "the answer is no HTTP/2"),
            (Vec::new(), "the server ended the connection"),
        ] {
            assert_eq!(of(&nobody, &[&turn]).1, Err(reason.to_owned()));
        }
    }
}
