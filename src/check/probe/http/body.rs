//! The body of an answer: where it ends, its digest, and whether the regular expression matches.
//!
//! What is digested and searched is what comes over the wire, the frames of chunks and all, as in keepalived.

use super::end::End;
use super::head::Head;
use super::page::Page;
use super::search::Search;
use crate::check::probe::Failure;
use md5::{Digest, Md5};

/// What came of a body.
#[derive(Debug)]
pub(super) struct Body {
    page: Page,
    end: End,
    /// So many bytes came.
    length: u64,
    digest: Option<Md5>,
    search: Option<Search>,
}

impl Body {
    /// Nothing has come yet.
    pub(super) fn new(page: &Page, head: &Head) -> Body {
        let end = End::of(head);
        let search = page.regex().map(Search::new);
        let digest = page.digest().map(|_| Md5::new());
        Body { page: page.clone(), end, length: 0, digest, search }
    }

    /// How many bytes have come.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Takes in what came; whether that was the end.
    pub(super) fn take(&mut self, bytes: &[u8]) -> bool {
        let (bytes, is_end) = self.end.take(bytes);
        self.length += bytes.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        if let Some(search) = &mut self.search {
            search.take(bytes);
        }
        is_end
    }

    /// The whole of it is there.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let failed = |reason: String| Err(Failure::Reason(reason.into()));
        if let (Some(digest), Some(expected)) = (self.digest, self.page.digest()) {
            let found: [u8; 16] = digest.finalize().into();
            if found != expected {
                return failed(format!("MD5 digest {}", Hex(&found)));
            }
        }
        let (Some(search), Some(regex)) = (self.search, self.page.regex()) else { return Ok(()) };
        match search.finish() {
            Ok(found) if found != regex.no_match => Ok(()),
            Ok(true) => failed("the regular expression matches".to_owned()),
            Ok(false) => failed("the regular expression does not match".to_owned()),
            Err(error) => failed(format!("the regular expression: {error}")),
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
