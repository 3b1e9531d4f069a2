//! HTTP/2 (RFC 9113) as far as a check needs it: one request on the only stream of a connection, and the parts of its
//! answer in their order.
//!
//! ```text
//!  preface, SETTINGS, HEADERS ──► SETTINGS (acknowledged), HEADERS, DATA …, the last of them ends the stream
//! ```
//!
//! No table of headers is kept: what is sent is written out (RFC 7541 §6.2.2), and of an answer's headers only the status is
//! read, which is the first of them. What the parts mean is up to [`super::http`] and [`super::grpc`].

use super::Failure;
use super::dialogue::Step;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames.
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// Their flags: of an acknowledgement, of the last one of a stream, of headers that are whole, of padding, of five bytes
/// that nobody uses any more.
pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;
pub(super) const PRIORITY: u8 = 0x20;

/// The only stream.
pub(super) const STREAM: u32 = 1;

/// No frame may be longer unless its reader says so (`SETTINGS_MAX_FRAME_SIZE`).
const LONGEST_FRAME: usize = 16 * 1024;

/// No headers of an answer are longer.
const LONGEST_HEADERS: usize = 64 * 1024;

/// No answer has more frames that bring nothing of its body.
const MOST_EMPTY: u32 = 10_000;

/// What a connection begins with until nothing else is said, and the most that may be said.
const FIRST_WINDOW: u32 = 65_535;
const LARGEST_WINDOW: u32 = 0x7fff_ffff;

/// How much of an answer may be on its way before its reader says that he has taken some of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// So many bytes, and no more will ever be taken.
    Bytes(u16),
    /// More than is ever taken: TCP limits what is on its way, and the reader how much that is in all.
    Unlimited,
}

/// What a request begins with: its own settings, and headers of one line each.
pub(super) fn request(window: Window, fields: &[(&[u8], &[u8])], ends: bool) -> Vec<u8> {
    let bytes = match window {
        Window::Bytes(bytes) => u32::from(bytes),
        Window::Unlimited => LARGEST_WINDOW,
    };
    // No table of headers; nothing is to be pushed; the window of a stream.
    let settings = [&b"\0\x01\0\0\0\0\0\x02\0\0\0\0\0\x04"[..], &bytes.to_be_bytes()].concat();
    let flags = if ends { END_HEADERS | END_STREAM } else { END_HEADERS };
    let mut request = PREFACE.to_vec();
    request.extend(frame(SETTINGS, 0, 0, &settings));
    if window == Window::Unlimited {
        request.extend(frame(WINDOW_UPDATE, 0, 0, &(LARGEST_WINDOW - FIRST_WINDOW).to_be_bytes()));
    }
    request.extend(frame(HEADERS, flags, STREAM, &headers(fields)));
    request
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

fn headers(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
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
pub(super) fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A part of the answer, and whether it is the last one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Headers, still packed: those at the front, or trailers.
    Headers(&'a [u8], bool),
    /// Some of the body, which may be nothing.
    Data(&'a [u8], bool),
}

/// What comes of a connection after its request.
#[derive(Debug, Default)]
pub(super) struct Connection {
    kept: Vec<u8>,
    /// So much of `kept` is done with.
    at: usize,
    has_settings: bool,
    headers: Vec<u8>,
    /// Headers have begun that are not whole; whether the stream ends with them.
    unfinished: Option<bool>,
    empty: u32,
    /// What is to be said before anything else is listened to.
    said: Vec<u8>,
}

impl Connection {
    /// More has come.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.kept.drain(..self.at);
        self.at = 0;
        self.kept.extend_from_slice(bytes);
    }

    /// What is to be done once there are no more parts.
    pub(super) fn wait(&mut self) -> Step {
        match std::mem::take(&mut self.said) {
            said if said.is_empty() => Step::Listen,
            said => Step::Say(said),
        }
    }

    /// The next part of the answer, if it is there.
    pub(super) fn next(&mut self) -> Result<Option<Part<'_>>, Failure> {
        loop {
            let rest = self.kept.get(self.at..).unwrap_or_default();
            let Some((&[a, b, c, kind, flags, d, e, f, g], rest)) = rest.split_first_chunk() else {
                return Ok(None);
            };
            // A server that speaks another protocol is not waited for.
            if !self.has_settings && kind != SETTINGS {
                return Err(no_http2());
            }
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            if length > LONGEST_FRAME {
                return failed("a frame of the server is too long");
            }
            let Some(payload) = rest.get(..length) else { return Ok(None) };
            let start = self.at + 9;
            self.at = start + length;
            let stream = u32::from_be_bytes([d & 0x7f, e, f, g]);
            if self.unfinished.is_some() != (kind == CONTINUATION) {
                return Err(no_http2());
            }
            let ends = flags & END_STREAM != 0;
            if kind == DATA {
                check_stream(stream)?;
                let skipped = skipped(flags & PADDED, payload).ok_or_else(no_http2)?;
                let (start, end) = (start + skipped.0, self.at - skipped.1);
                if start == end && !ends {
                    self.count_empty()?;
                }
                return Ok(Some(Part::Data(self.kept.get(start..end).unwrap_or_default(), ends)));
            }
            match kind {
                HEADERS | CONTINUATION => {
                    check_stream(stream)?;
                    if kind == HEADERS {
                        self.headers.clear();
                        self.unfinished = Some(ends);
                    }
                    let flags = if kind == HEADERS { flags } else { flags & END_HEADERS };
                    let skipped = skipped(flags, payload).ok_or_else(no_http2)?;
                    let block = payload.get(skipped.0..length - skipped.1).unwrap_or_default();
                    self.headers.extend_from_slice(block);
                    if self.headers.len() > LONGEST_HEADERS {
                        return failed("the head of the answer does not end");
                    }
                }
                SETTINGS if stream != 0 || !length.is_multiple_of(6) => return Err(no_http2()),
                SETTINGS if flags & ACK == 0 => {
                    self.has_settings = true;
                    self.said.extend(frame(SETTINGS, ACK, 0, &[]));
                }
                // An acknowledgement of settings that have not come.
                SETTINGS if !self.has_settings => return Err(no_http2()),
                PING if length != 8 => return Err(no_http2()),
                PING if flags & ACK == 0 => {
                    let answer = frame(PING, ACK, 0, payload);
                    self.said.extend(answer);
                }
                // What is being answered goes on, if it says so (RFC 9113 §6.8).
                GOAWAY if number(payload, 4) == 0 && number(payload, 0) & LARGEST_WINDOW >= STREAM => {}
                GOAWAY => {
                    return failed(format!("the server ends the connection with {}", error(payload, 4)));
                }
                RST_STREAM => {
                    check_stream(stream)?;
                    return failed(format!("the server ends the request with {}", error(payload, 0)));
                }
                PUSH_PROMISE => return Err(no_http2()),
                // What is said of windows and priorities, and what is not known, changes nothing.
                _ => {}
            }
            self.count_empty()?;
            if matches!(kind, HEADERS | CONTINUATION)
                && flags & END_HEADERS != 0
                && let Some(ends) = self.unfinished.take()
            {
                return Ok(Some(Part::Headers(&self.headers, ends)));
            }
        }
    }

    fn count_empty(&mut self) -> Result<(), Failure> {
        self.empty += 1;
        if self.empty > MOST_EMPTY { failed("the server's answer does not end") } else { Ok(()) }
    }
}

fn check_stream(stream: u32) -> Result<(), Failure> {
    if stream == STREAM { Ok(()) } else { failed("the server answers what nobody has asked for") }
}

/// How much of a frame of headers or data, by its flags, is something else: in front, and behind.
fn skipped(flags: u8, payload: &[u8]) -> Option<(usize, usize)> {
    let (mut front, mut behind) = (0, 0);
    if flags & PADDED != 0 {
        (front, behind) = (1, usize::from(*payload.first()?));
    }
    if flags & PRIORITY != 0 {
        front += 5;
    }
    (front + behind <= payload.len()).then_some((front, behind))
}

/// The four bytes behind the first `skipped`.
fn number(payload: &[u8], skipped: usize) -> u32 {
    let bytes = payload.get(skipped..).and_then(|rest| rest.first_chunk());
    bytes.copied().map_or(0, u32::from_be_bytes)
}

/// An error by its number, and its name (RFC 9113 §7).
fn error(payload: &[u8], skipped: usize) -> String {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    let number = number(payload, skipped);
    let name = usize::try_from(number).ok().and_then(|at| NAMES.get(at));
    name.map_or_else(|| format!("error {number}"), |name| format!("error {number} ({name})"))
}

fn no_http2() -> Failure {
    Failure::Reason("the answer is no HTTP/2".into())
}

fn failed<T>(reason: impl Into<Box<str>>) -> Result<T, Failure> {
    Err(Failure::Reason(reason.into()))
}

/// `:status`, which is the first of an answer's headers, or none.
pub(super) fn status(mut block: &[u8]) -> Option<u16> {
    loop {
        let (&first, rest) = block.split_first()?;
        match first {
            // The seven that stand in the static table (RFC 7541, appendix A).
            0x88..=0x8e => {
                const TABLE: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
                return TABLE.get(usize::from(first - 0x88)).copied();
            }
            // What size the table of headers has from now on: nothing is kept in it.
            0x20..=0x3f => block = if first == 0x3f { behind_varint(rest)? } else { rest },
            // To be kept or not, by its name's number in the static table, or with its name.
            0x48..=0x4e | 0x08..=0x0e | 0x18..=0x1e => return digits(rest),
            0x40 | 0x00 | 0x10 => {
                let name = rest.strip_prefix(b"\x07:status");
                return digits(name.or_else(|| rest.strip_prefix(b"\x85\xb8\x84\x8d\x36\xa3"))?);
            }
            _ => return None,
        }
    }
}

fn behind_varint(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    bytes.get(end + 1..)
}

/// Three digits as a value: as they are, or in Huffman's code (RFC 7541, appendix B).
fn digits(value: &[u8]) -> Option<u16> {
    let (&length, text) = value.split_first()?;
    let text = text.get(..usize::from(length & 0x7f))?;
    let mut digits = Vec::with_capacity(3);
    if length & 0x80 == 0 {
        digits.extend(text.iter().take(4).map(|byte| byte.wrapping_sub(b'0')));
    } else {
        // No more than three times six bits, and less than a byte of ones behind them.
        let [a, b, c] = [0, 1, 2].map(|at| text.get(at).copied().unwrap_or(0xff));
        let bits = u32::from_be_bytes([a, b, c, 0xff]);
        let mut at = 0;
        while digits.len() < 3 {
            let code = (bits << at) >> 26;
            let (digit, length) = match code {
                0..6 => ((code >> 1) as u8, 5),
                0b01_1001..=0b01_1111 => (code as u8 - 0b01_1001 + 3, 6),
                _ => return None,
            };
            digits.push(digit);
            at += length;
        }
        let is_all = text.len() == usize::div_ceil(at, 8) && (bits << at) >> at == u32::MAX >> at;
        is_all.then_some(())?;
    }
    match digits[..] {
        [a @ 0..=9, b @ 0..=9, c @ 0..=9] => Some(u16::from(a) * 100 + u16::from(b) * 10 + u16::from(c)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
