//! Messages over a stream: a head of lines with `Content-Length`, an empty line, and so many bytes of JSON.
//!
//! What is no message is answered with an error, and the next one is read: an editor's bug costs it an answer, never
//! the server. No message makes the server take more than [`MAX_LENGTH`] bytes of memory.

use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, BufRead, Read, Write};

/// A message may be this long (64 MiB): the text of the largest document that an editor shows, and more.
const MAX_LENGTH: u64 = 64 << 20;

/// A line of a message's head may be this long.
const MAX_HEAD_LINE: u64 = 4096;

/// Error codes of JSON-RPC and of the protocol.
pub(super) const PARSE_ERROR: i32 = -32700;
pub(super) const INVALID_REQUEST: i32 = -32600;
pub(super) const METHOD_NOT_FOUND: i32 = -32601;
pub(super) const INVALID_PARAMS: i32 = -32602;
pub(super) const NOT_INITIALIZED: i32 = -32002;

/// What an editor sent.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// A request, which wants an answer.
    Request { id: Value, method: String, params: Value },
    /// A notification, which wants none.
    Notification { method: String, params: Value },
    /// An answer, though nothing is ever asked.
    Response,
    /// No message: the error to answer with.
    Malformed { code: i32, message: String },
}

/// The next message; `None` at the end of the stream.
///
/// # Errors
/// The stream can't be read.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let mut length = None;
    let mut lines = 0;
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(MAX_HEAD_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            // Empty lines between messages are no head.
            if lines == 0 {
                continue;
            }
            break;
        }
        lines += 1;
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("Content-Length")
        {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let Some(length) = length else {
        return Ok(Some(malformed(INVALID_REQUEST, "the message's head has no Content-Length")));
    };
    if length > MAX_LENGTH {
        io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        let message = format!("a message of {length} bytes: at most {MAX_LENGTH} are read");
        return Ok(Some(malformed(INVALID_REQUEST, &message)));
    }
    // Memory is taken as bytes arrive, not as they are announced.
    let mut body = Vec::new();
    if input.by_ref().take(length).read_to_end(&mut body)? as u64 != length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&body) {
        Ok(value) => message(value),
        Err(error) => malformed(PARSE_ERROR, &format!("not JSON: {error}")),
    }))
}

fn malformed(code: i32, message: &str) -> Incoming {
    Incoming::Malformed { code, message: message.to_owned() }
}

fn message(mut value: Value) -> Incoming {
    let id = value.get_mut("id").map(Value::take).filter(|id| !id.is_null());
    let params = value.get_mut("params").map(Value::take).unwrap_or_default();
    match (value.get("method").and_then(Value::as_str), id) {
        (Some(method), Some(id)) => Incoming::Request { id, method: method.to_owned(), params },
        (Some(method), None) => Incoming::Notification { method: method.to_owned(), params },
        (None, Some(_)) if value.get("result").is_some() || value.get("error").is_some() => {
            Incoming::Response
        }
        (None, _) => malformed(INVALID_REQUEST, "neither a request nor a notification"),
    }
}

/// The answer to a request.
pub(super) fn answer(id: &Value, result: impl Serialize) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// The answer to a request that can't be served; `id` is null where there is none.
pub(super) fn error(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// A notification to the editor.
pub(super) fn notification(method: &str, params: impl Serialize) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

/// Sends a message.
///
/// # Errors
/// The stream can't be written to.
pub(super) fn write(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let text = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Incoming> {
        let mut input = bytes;
        std::iter::from_fn(|| read(&mut input).unwrap()).collect()
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn requests_notifications_and_answers_are_told_apart() {
        let text = [
            framed(r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1}}"#),
            framed(r#"{"jsonrpc":"2.0","method":"b"}"#),
            framed(r#"{"jsonrpc":"2.0","id":7,"result":null}"#),
        ]
        .concat();
        let expected = [
            Incoming::Request { id: json!(1), method: "a".to_owned(), params: json!({ "x": 1 }) },
            Incoming::Notification { method: "b".to_owned(), params: Value::Null },
            Incoming::Response,
        ];
        assert_eq!(all(text.as_bytes()), expected);
    }

    #[test]
    fn the_next_message_is_read_behind_what_is_none() {
        let good = framed(r#"{"method":"b"}"#);
        for bad in [
            framed("{not json"),
            framed("[1, 2]"),
            framed("3"),
            framed(r#"{"id":1}"#),
            framed(""),
            "Content-Type: x\r\n\r\n".to_owned(),
            "Content-Length: -3\r\n\r\n".to_owned(),
            format!("X: {}\r\n\r\n", "y".repeat(10_000)),
        ] {
            let found = all(format!("{bad}{good}").as_bytes());
            assert!(matches!(found[0], Incoming::Malformed { .. }), "{bad}: {found:?}");
            let last = Incoming::Notification { method: "b".to_owned(), params: Value::Null };
            assert_eq!(found.last(), Some(&last), "{bad}");
        }
    }

    #[test]
    fn a_huge_length_takes_no_memory() {
        let text = format!("Content-Length: {}\r\n\r\n{{}}", u64::MAX);
        assert!(matches!(all(text.as_bytes())[..], [Incoming::Malformed { code: INVALID_REQUEST, .. }]));
        let text = format!("Content-Length: {MAX_LENGTH}\r\n\r\n{{}}");
        assert_eq!(all(text.as_bytes()), [], "the stream ends within the message");
        let long = "x".repeat(MAX_LENGTH as usize + 1);
        let text = format!("{}{}", framed(&long), framed(r#"{"method":"b"}"#));
        assert_eq!(all(text.as_bytes()).len(), 2);
    }
}
