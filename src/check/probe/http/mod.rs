//! `HTTP_GET` and `SSL_GET`: a page is asked for, and what comes back must be as it should.
//!
//! ```text
//!  Page (what is asked, what must come) ──► Exchange ── head: status, length ── body: digest, regex ──► outcome
//! ```
//!
//! An answer ends with the connection, as in keepalived, or before that where it says itself where it ends: servers that
//! keep connections open need no timeout.

mod body;
mod chunks;
mod end;
mod fetch;
mod head;
mod page;
mod search;
mod version2;

pub use fetch::{Answer, Fetch};
pub use page::Page;

use super::Failure;
use super::dialogue::{Dialogue, Heard, Step};
use super::http2::Connection;
use body::Body;
use head::Head;

/// No body is longer: nobody has a page like that checked, and whoever sends it never ends.
const LONGEST_BODY: u64 = 256 * 1024 * 1024;

/// One request with its answer.
#[derive(Debug)]
pub struct Exchange {
    page: Page,
    /// What came of the head.
    head: Vec<u8>,
    /// Once the head is there.
    body: Option<Body>,
    /// What is wrong with the head: the rest is heard all the same, since servers log a connection that is reset.
    wrong: Option<Failure>,
    /// Where HTTP/2 is spoken.
    http2: Option<Box<Connection>>,
}

impl Exchange {
    /// A request for a page.
    #[must_use]
    pub fn new(page: &Page) -> Exchange {
        let http2 = page.is_http2().then(Box::default);
        Exchange { page: page.clone(), head: Vec::new(), body: None, wrong: None, http2 }
    }

    fn take(&mut self, bytes: &[u8]) -> Step {
        let Some(body) = &mut self.body else { return self.take_head(bytes) };
        if body.take(bytes) {
            return Step::End(self.outcome());
        }
        match body.length() > LONGEST_BODY {
            true => Step::fail("the answer does not end"),
            false => Step::Listen,
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> Step {
        let (head, rest) = match Head::collect(&mut self.head, bytes) {
            Ok(found) => found,
            Err(step) => return step,
        };
        self.wrong = self.page.expects_status(head.status).err();
        self.body = Some(Body::new(&self.page, &head));
        self.take(&rest)
    }

    /// The answer has ended.
    fn outcome(&mut self) -> Result<(), Failure> {
        match self.body.take() {
            Some(_) if self.wrong.is_some() => self.wrong.take().map_or(Ok(()), Err),
            Some(body) => body.finish(),
            None if self.head.is_empty() => Err(Failure::Reason("no data received".into())),
            None => Err(Failure::Reason("the answer ends within its head".into())),
        }
    }
}

impl Dialogue for Exchange {
    fn begin(&mut self) -> Step {
        Step::Say(self.page.request().to_vec())
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        match heard {
            Heard::Bytes(bytes) if self.http2.is_some() => self.take_frames(bytes),
            Heard::Bytes(bytes) => self.take(bytes),
            Heard::End if self.http2.is_some() => Step::fail("the server ended the connection"),
            Heard::End => Step::End(self.outcome()),
            Heard::Broken(errno) => Step::End(Err(Failure::broken(errno))),
        }
    }
}

#[cfg(test)]
mod tests;
