//! `GRPC_CHECK`: `grpc.health.v1.Health/Check` says SERVING, over HTTP/2 without TLS.
//!
//! ```text
//!  preface, SETTINGS, HEADERS, DATA ──► SETTINGS (acknowledged), HEADERS, DATA: the status, HEADERS: the end
//! ```
//!
//! It is one request, which needs little of HTTP/2 (RFC 9113): what is sent of headers is written out, without a table
//! (RFC 7541 §6.2.2), and of those that come none counts. What passes is the status alone; an answer without one is that
//! of a server which knows no such service, or nothing of this protocol.

use super::Failure;
use super::dialogue::{Dialogue, Heard, Step};
use super::frames::Frames;
use crate::check::config;
use crate::raw;
use std::net::SocketAddr;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// Their flags: of an acknowledgement, of the last one of a stream, of headers that are whole, of padding.
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// No table of headers is kept; nothing is to be pushed; so many bytes may come.
const OUR_SETTINGS: &[u8] = b"\0\x01\0\0\0\0\0\x02\0\0\0\0\0\x04\0\0\x10\0";

/// The only stream.
const STREAM: u32 = 1;

/// No answer is longer.
const LONGEST: usize = 4096;

/// One request with its answer.
#[derive(Debug)]
pub struct Grpc {
    request: Vec<u8>,
    frames: Frames,
    has_settings: bool,
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
        let request = [
            PREFACE.to_vec(),
            frame(SETTINGS, 0, 0, OUR_SETTINGS),
            frame(HEADERS, END_HEADERS, STREAM, &headers(&raw::bytes(&host))),
            frame(DATA, END_STREAM, STREAM, &[&[0], &length[..], &message].concat()),
        ];
        Grpc { request: request.concat(), frames: Frames::default(), has_settings: false, answer: Vec::new() }
    }

    /// What a whole frame means; `None`: more have to come.
    fn take(&mut self, frame: &[u8]) -> Result<Option<Step>, Failure> {
        let failed = |reason: String| Err(Failure::Reason(reason.into()));
        let (&[_, _, _, kind, flags, a, b, c, d], payload) =
            frame.split_first_chunk().ok_or_else(no_http2)?;
        let stream = u32::from_be_bytes([a & 0x7f, b, c, d]);
        if !self.has_settings && kind != SETTINGS {
            return Err(no_http2());
        }
        match kind {
            SETTINGS if flags & ACK == 0 => {
                self.has_settings = true;
                Ok(Some(Step::Say(self::frame(SETTINGS, ACK, 0, &[]))))
            }
            PING if flags & ACK == 0 => Ok(Some(Step::Say(self::frame(PING, ACK, 0, payload)))),
            GOAWAY => failed(format!("the server ends the connection with error {}", number(payload, 4))),
            RST_STREAM if stream == STREAM => {
                failed(format!("the server ends the request with error {}", number(payload, 0)))
            }
            DATA if stream == STREAM => {
                let data = if flags & PADDED == 0 { Some(payload) } else { unpadded(payload) };
                self.answer.extend_from_slice(data.ok_or_else(no_http2)?);
                match self.answer.len() > LONGEST {
                    true => failed("the server's answer does not end".to_owned()),
                    false => Ok(self.ends(flags)),
                }
            }
            HEADERS if stream == STREAM => Ok(self.ends(flags)),
            _ => Ok(None),
        }
    }

    fn ends(&self, flags: u8) -> Option<Step> {
        (flags & END_STREAM != 0).then(|| Step::End(is_serving(&self.answer)))
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

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// That of a frame.
fn length(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [a, b, c, ..] => usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).ok().map(|length| length + 9),
        _ => None,
    }
}

/// What is between the length of the padding and the padding.
fn unpadded(payload: &[u8]) -> Option<&[u8]> {
    let (padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(usize::from(*padding))?)
}

/// The four bytes behind the first `skipped`.
fn number(payload: &[u8], skipped: usize) -> u32 {
    let bytes = payload.get(skipped..).and_then(|rest| rest.first_chunk());
    bytes.copied().map_or(0, u32::from_be_bytes)
}

fn headers(host: &[u8]) -> Vec<u8> {
    let fields: [(&[u8], &[u8]); 6] = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/grpc.health.v1.Health/Check"),
        (b":authority", host),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        // To be kept by nobody.
        block.push(0);
        for text in [name, value] {
            block.extend(integer(text.len()));
            block.extend_from_slice(text);
        }
    }
    block
}

/// A number in seven bits, and more bytes if it needs them (RFC 7541 §5.1).
fn integer(number: usize) -> Vec<u8> {
    match u8::try_from(number) {
        Ok(short @ 0..=126) => vec![short],
        _ => [vec![0x7f], varint(number - 127)].concat(),
    }
}

/// Seven bits a byte, the lowest first.
fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn no_http2() -> Failure {
    Failure::Reason("the answer is no HTTP/2".into())
}

impl Dialogue for Grpc {
    fn begin(&mut self) -> Step {
        Step::Say(std::mem::take(&mut self.request))
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        match heard {
            Heard::Bytes(bytes) => self.frames.extend(bytes),
            Heard::End => return Step::fail("the server ended the connection"),
            Heard::Broken(errno) => return Step::End(Err(Failure::broken(errno))),
        }
        // Acknowledgements of one piece leave together.
        let mut said = Vec::new();
        loop {
            let step = match self.frames.next(length) {
                Ok(Some(frame)) => self.take(&frame),
                Ok(None) if said.is_empty() => return Step::Listen,
                Ok(None) => return Step::Say(said),
                Err(failure) => Err(failure),
            };
            match step {
                Ok(None) => {}
                Ok(Some(Step::Say(more))) => said.extend(more),
                Ok(Some(step)) => return step,
                Err(failure) => return Step::End(Err(failure)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::probe::dialogue::play_turns;

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
        let request = [
            PREFACE,
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
                "the server ends the connection with error 11",
            ),
            (
                [GREETING, &frame(RST_STREAM, 0, 1, b"\0\0\0\x07")].concat(),
                "the server ends the request with error 7",
            ),
            (frame(PING, 0, 0, &[0; 8]), "the answer is no HTTP/2"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "a message of the server is too long"),
            (Vec::new(), "the server ended the connection"),
        ] {
            assert_eq!(of(&nobody, &[&turn]).1, Err(reason.to_owned()));
        }
    }
}
