//! The same page over HTTP/2: what comes back in frames. The body is what the frames hold.

use super::body::Body;
use super::head::Head;
use super::{Exchange, LONGEST_BODY};
use crate::check::probe::dialogue::Step;
use crate::check::probe::http2::{self, Part};

/// Where a body ends is not for its head to say.
const HEAD: Head = Head { status: None, length: None, chunked: false, size: 0 };

impl Exchange {
    pub(super) fn take_frames(&mut self, bytes: &[u8]) -> Step {
        let Some(connection) = &mut self.http2 else { return Step::Listen };
        connection.extend(bytes);
        loop {
            let ends = match connection.next() {
                Err(failure) => return Step::End(Err(failure)),
                Ok(None) => return connection.wait(),
                Ok(Some(Part::Data(bytes, ends))) => {
                    let Some(body) = &mut self.body else {
                        return Step::fail("the answer has a body before its head");
                    };
                    body.take(bytes);
                    if body.length() > LONGEST_BODY {
                        return Step::fail("the answer does not end");
                    }
                    ends
                }
                Ok(Some(Part::Headers(block, ends))) => match http2::status(block) {
                    // A notice that the answer is to come (RFC 9113 §8.1).
                    Some(100..=199) if self.body.is_none() && !ends => false,
                    status if self.body.is_none() => {
                        self.wrong = self.page.expects_status(status).err();
                        self.body = Some(Body::new(&self.page, &HEAD));
                        ends
                    }
                    // Trailers are the last that comes.
                    _ if ends => true,
                    _ => return Step::fail("the answer has two heads"),
                },
            };
            if ends {
                return Step::End(self.outcome());
            }
        }
    }
}
