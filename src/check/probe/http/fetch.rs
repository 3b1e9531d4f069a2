//! A page as it comes, whatever its status: what `genhash` shows of it. The digest is that of [`super::Exchange`].

use super::LONGEST_BODY;
use super::end::End;
use super::head::Head;
use crate::check::probe::Failure;
use crate::check::probe::dialogue::{Dialogue, Heard, Step};
use md5::{Digest, Md5};

/// One request, and its answer.
#[derive(Debug)]
pub struct Fetch {
    request: Vec<u8>,
    /// What came of the head; all of it, once there is a body.
    head: Vec<u8>,
    end: Option<End>,
    length: u64,
    digest: Md5,
    /// What came of the body, if it is to be kept.
    body: Option<Vec<u8>>,
}

/// What has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The head, with the empty line at its end.
    pub head: Vec<u8>,
    /// The body as it came over the wire, if it was to be kept.
    pub body: Option<Vec<u8>>,
    /// The MD5 sum of the body.
    pub digest: [u8; 16],
}

impl Fetch {
    /// Sends this request; the body is only digested, or kept as well.
    #[must_use]
    pub fn new(request: &[u8], keeps_body: bool) -> Fetch {
        Fetch {
            request: request.to_vec(),
            head: Vec::new(),
            end: None,
            length: 0,
            digest: Md5::new(),
            body: keeps_body.then(Vec::new),
        }
    }

    /// What has come, once the dialogue has ended well.
    #[must_use]
    pub fn answer(self) -> Answer {
        Answer { head: self.head, body: self.body, digest: self.digest.finalize().into() }
    }

    fn take(&mut self, bytes: &[u8]) -> Step {
        let Some(end) = &mut self.end else { return self.take_head(bytes) };
        let (bytes, is_end) = end.take(bytes);
        self.length += bytes.len() as u64;
        self.digest.update(bytes);
        if let Some(body) = &mut self.body {
            body.extend_from_slice(bytes);
        }
        match self.length > LONGEST_BODY {
            _ if is_end => Step::End(Ok(())),
            true => Step::fail("the answer does not end"),
            false => Step::Listen,
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> Step {
        let (head, rest) = match Head::collect(&mut self.head, bytes) {
            Ok(found) => found,
            Err(step) => return step,
        };
        self.end = Some(End::of(&head));
        self.take(&rest)
    }
}

impl Dialogue for Fetch {
    fn begin(&mut self) -> Step {
        Step::Say(std::mem::take(&mut self.request))
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        match heard {
            Heard::Bytes(bytes) => self.take(bytes),
            Heard::End if self.end.is_some() => Step::End(Ok(())),
            // genhash's words, for a head that ends too early as well.
            Heard::End => Step::fail("no data received from remote webserver"),
            Heard::Broken(errno) => Step::End(Err(Failure::broken(errno))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::probe::dialogue::play;

    /// What comes of an answer, however it is cut.
    fn of(server: &str) -> Result<(String, String, [u8; 16]), String> {
        let mut all: Vec<_> = [1, 3, 1000]
            .into_iter()
            .map(|size| {
                let mut fetch = Fetch::new(b"GET /", true);
                let (said, outcome) = play(&mut fetch, server.as_bytes(), size);
                assert_eq!(said, b"GET /");
                outcome.map_err(|failure| failure.to_string())?;
                let Answer { head, body, digest } = fetch.answer();
                let text = |bytes| String::from_utf8(bytes).unwrap();
                Ok((text(head), text(body.unwrap()), digest))
            })
            .collect();
        all.dedup();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn head_and_body_come_apart_whatever_the_status() {
        let digest = |body: &str| Md5::digest(body.as_bytes()).into();
        for (head, body, behind) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "hello\n", ""),
            ("HTTP/1.1 404 Not Found\r\n\r\n", "nothing", ""),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hello", " world"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "!"),
            ("no HTTP\r\n\r\n", "", ""),
        ] {
            let expected = Ok((head.to_owned(), body.to_owned(), digest(body)));
            assert_eq!(of(&format!("{head}{body}{behind}")), expected);
        }
    }

    #[test]
    fn what_has_no_head_is_no_page() {
        for answer in ["", "HTTP/1.1 200 OK\r\nA:"] {
            assert_eq!(of(answer), Err("no data received from remote webserver".to_owned()));
        }
        assert_eq!(of(&"x".repeat(100_000)), Err("the head of the answer does not end".to_owned()));
    }
}
