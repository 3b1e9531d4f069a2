//! The head of an answer: the status, and where the body ends.

use crate::check::probe::dialogue::Step;

/// No head of an answer is longer.
const LONGEST_HEAD: usize = 64 * 1024;

/// What of a head counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// `None`: the first line has none.
    pub(super) status: Option<u16>,
    /// `Content-Length`
    pub(super) length: Option<u64>,
    /// `Transfer-Encoding: chunked`
    pub(super) chunked: bool,
    /// Its size in bytes, with the empty line.
    pub(super) size: usize,
}

impl Head {
    /// Reads a head, once its end is there; it is not before byte `known`.
    pub(super) fn read(bytes: &[u8], known: usize) -> Option<Head> {
        let end = known + memchr::memmem::find(bytes.get(known..)?, b"\r\n\r\n")?;
        let mut lines = bytes.get(..end)?.split(|&b| b == b'\n').map(|line| line.trim_ascii_end());
        let status = lines.next().and_then(status);
        let mut head = Head { status, length: None, chunked: false, size: end + 4 };
        for line in lines {
            let mut parts = line.splitn(2, |&b| b == b':');
            let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
            let value = value.trim_ascii();
            if name.eq_ignore_ascii_case(b"content-length") && head.length.is_none() {
                head.length = number(value);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                let mut codings = value.split(|&b| b == b',');
                head.chunked =
                    codings.next_back().is_some_and(|c| c.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            }
        }
        if head.chunked {
            head.length = None;
        }
        Some(head)
    }

    /// Collects what comes in `kept` until a head is there, which stays in it; gives the head, and what came behind it.
    /// Before that, what is to be done next.
    pub(super) fn collect(kept: &mut Vec<u8>, bytes: &[u8]) -> Result<(Head, Vec<u8>), Step> {
        // The end of the head may have begun in what came before.
        let known = kept.len().saturating_sub(3);
        kept.extend_from_slice(bytes);
        match Head::read(kept, known) {
            Some(head) => Ok((head, kept.split_off(head.size))),
            None if kept.len() > LONGEST_HEAD => Err(Step::fail("the head of the answer does not end")),
            None => Err(Step::Listen),
        }
    }

    /// Whether nothing follows (RFC 9112 §6.3).
    pub(super) const fn has_no_body(&self) -> bool {
        matches!(self.status, Some(204 | 304)) || matches!(self.length, Some(0))
    }
}

/// The three digits behind the first blank; a phrase may follow.
fn status(line: &[u8]) -> Option<u16> {
    let code = line.get(line.iter().position(|&b| b == b' ')? + 1..)?;
    let (digits, rest) = code.split_at_checked(3)?;
    (rest.first().is_none_or(|&b| b == b' ')).then(|| number(digits))?.and_then(|n| u16::try_from(n).ok())
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(text).ok())??;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(Option<u16>, Option<u64>, bool)> {
        Head::read(text.as_bytes(), 0).map(|head| (head.status, head.length, head.chunked))
    }

    #[test]
    fn status_and_length_are_found() {
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\n"), Some((Some(200), None, false)));
        assert_eq!(read("HTTP/1.1 200\r\n\r\n"), Some((Some(200), None, false)), "no phrase");
        assert_eq!(read("ICY 200 OK\r\n\r\n"), Some((Some(200), None, false)));
        for line in
            ["HTTP/1.1 2000 OK", "HTTP/1.1 20 OK", "HTTP/1.1  200 OK", "HTTP/1.1", "", "HTTP/1.1 +20 OK"]
        {
            assert_eq!(read(&format!("{line}\r\n\r\n")), Some((None, None, false)), "{line:?}");
        }
        let length = |header: &str| read(&format!("HTTP/1.1 200 OK\r\n{header}\r\n\r\n")).unwrap();
        assert_eq!(length("Content-Length: 12"), (Some(200), Some(12), false));
        assert_eq!(length("content-length:12 \r\nA: b"), (Some(200), Some(12), false));
        for header in ["Content-Length: -1", "Content-Length: 1 2", "X-Content-Length: 1", "Content-Length"] {
            assert_eq!(length(header).1, None, "{header}");
        }
        assert_eq!(length("Content-Length: 99999999999999999999").1, None);
        assert_eq!(length("Transfer-Encoding: gzip, Chunked\r\nContent-Length: 1"), (Some(200), None, true));
        assert!(!length("Transfer-Encoding: chunked, gzip").2);
    }

    #[test]
    fn it_ends_with_an_empty_line() {
        assert_eq!(read("HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(read("HTTP/1.1 200 OK\n\n"), None);
        assert_eq!(Head::read(b"HTTP/1.1 200 OK\r\n\r\nbody", 14).unwrap().size, 19);
        assert_eq!(Head::read(b"", 0), None);
    }
}
