//! `UDP_CHECK`, and bytes in hexadecimal.

use super::connect::Common;
use crate::check::config::{Reply, Udp};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lower::{Lower, body, end_of};
use crate::conf::source::Span;
use crate::conf::tree::Statement;

/// The default of `max_reply_length`.
const MAX_REPLY_LENGTH: u16 = 255;

/// Reads the block.
pub(super) fn lower(cx: &mut Lower<'_, '_>, statement: &Statement, common: &mut Common) -> Udp {
    let mut payload = None;
    let mut reply: Option<Bytes> = None;
    let mut min_length: (u16, Option<Span>) = (0, None);
    let mut max_length: (u16, Option<Span>) = (MAX_REPLY_LENGTH, None);
    for statement in body(statement) {
        let Some(keyword) = statement.keyword else { continue };
        match keyword.canonical() {
            "payload" => {
                if cx.words(statement).len() == 1 {
                    cx.report(&codes::MISSING_VALUE, statement.span, "`payload` needs bytes in hexadecimal");
                } else if let Some(bytes) = bytes(cx, statement, false) {
                    payload = Some(bytes.data);
                }
            }
            "require_reply" => {
                let has_pattern = cx.words(statement).len() > 1;
                let given = has_pattern.then(|| bytes(cx, statement, true)).flatten();
                reply = Some(given.or(reply).unwrap_or_default());
            }
            "min_reply_length" => {
                if let Some(n) = cx.integer(statement) {
                    min_length = (n as u16, Some(statement.span));
                }
            }
            "max_reply_length" => {
                if let Some(n) = cx.integer(statement) {
                    max_length = (n as u16, Some(statement.span));
                }
            }
            name => {
                common.statement(cx, name, statement);
            }
        }
    }
    let ((min_length, min_at), (max_length, max_at)) = (min_length, max_length);
    if min_length > max_length {
        let message = format!(
            "no answer can pass: `min_reply_length {min_length}` is above `max_reply_length {max_length}`"
        );
        let mut diagnostic = Diagnostic::new(&codes::OUT_OF_RANGE, end_of(statement), message);
        for at in [min_at, max_at].into_iter().flatten() {
            diagnostic = diagnostic.also(at, "given here");
        }
        cx.sink.push(diagnostic);
    }
    let reply = reply.map(|Bytes { data, mask }| Reply { data, mask, min_length, max_length });
    Udp { payload, reply }
}

#[derive(Debug, Default)]
struct Bytes {
    data: Vec<u8>,
    mask: Vec<u8>,
}

/// The statement's words after the first as bytes: two digits each, or one where a blank follows; `X`, where it may
/// stand, for a digit that does not count.
fn bytes(cx: &mut Lower<'_, '_>, statement: &Statement, wildcards: bool) -> Option<Bytes> {
    let mut bytes = Bytes::default();
    for word in cx.words(statement).iter().skip(1) {
        for part in word.text.split([' ', '\t']).filter(|p| !p.is_empty()) {
            let mut digits = part.chars().peekable();
            while digits.peek().is_some() {
                let (mut value, mut mask) = (0_u8, 0_u8);
                for digit in digits.by_ref().take(2) {
                    let (v, m) = match digit.to_digit(16) {
                        Some(v) => (v as u8, 0xf),
                        None if wildcards && digit.eq_ignore_ascii_case(&'x') => (0, 0),
                        None => {
                            let message = format!("`{digit}` is no hexadecimal digit");
                            cx.report(&codes::BAD_NUMBER, word.span, message);
                            return None;
                        }
                    };
                    value = value << 4 | v;
                    mask = mask << 4 | m;
                }
                // A lone digit is a byte of its own: its upper half is 0.
                let lone = part.chars().count() % 2 == 1 && digits.peek().is_none();
                bytes.data.push(value);
                bytes.mask.push(if lone { mask | 0xf0 } else { mask });
            }
        }
    }
    if bytes.data.is_empty() {
        cx.report(&codes::BAD_NUMBER, statement.span, "there is no hexadecimal digit in this");
        return None;
    }
    Some(bytes)
}
