//! Whether a regular expression matches a body that comes in pieces.
//!
//! Only so much of the body is kept as a match may begin in, and as it may look back to.

use super::page::Regex;
use crate::sys::pattern::{Found, Pattern};
use std::sync::Arc;

/// So much is collected before it is searched.
const SEARCHED_AT_ONCE: usize = 64 * 1024;

/// What may become a match is kept up to this size; keepalived keeps 4 KiB.
const MOST_KEPT: usize = 1024 * 1024;

/// A search through a body, of which only the end is kept.
#[derive(Debug)]
pub(super) struct Search {
    regex: Arc<Regex>,
    /// The last part of what came.
    kept: Vec<u8>,
    /// So much came before it.
    dropped: u64,
    /// No match begins before this byte of the body.
    from: u64,
    /// How much is to be there before it is searched.
    enough: usize,
    /// What was found, once that is certain.
    found: Option<Result<bool, String>>,
}

impl Search {
    /// Nothing has come yet.
    pub(super) fn new(regex: &Arc<Regex>) -> Search {
        let (regex, from) = (Arc::clone(regex), regex.min_offset);
        Search { regex, kept: Vec::new(), dropped: 0, from, enough: SEARCHED_AT_ONCE, found: None }
    }

    /// Takes in what came.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.found.is_none() {
            self.kept.extend_from_slice(bytes);
            if self.kept.len() >= self.enough {
                self.look(true);
            }
        }
    }

    /// Whether there is a match in all that came.
    pub(super) fn finish(mut self) -> Result<bool, String> {
        if self.found.is_none() {
            self.look(false);
        }
        self.found.unwrap_or(Ok(false))
    }

    /// Searches what is kept, and forgets what no match can begin in.
    fn look(&mut self, more: bool) {
        let regex = Arc::clone(&self.regex);
        let pattern = &regex.pattern;
        // A character that has not come whole is no character.
        let whole = if more && pattern.is_utf() { whole_characters(&self.kept) } else { self.kept.len() };
        let subject = self.kept.get(..whole).unwrap_or_default();
        let behind = self.dropped + whole as u64;
        if regex.max_offset.is_some_and(|most| self.from > most) {
            self.found = Some(Ok(false));
            return;
        }
        let start = usize::try_from(self.from.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        let may_begin_at = match find(pattern, subject, start, more) {
            Err(error) => {
                self.found = Some(Err(error));
                return;
            }
            Ok(Found::Match(at)) => {
                let at = self.dropped + at as u64;
                self.found = Some(Ok(regex.max_offset.is_none_or(|most| at <= most)));
                return;
            }
            // What would be kept is too much.
            Ok(Found::Partial(at)) if subject.len() - at.min(subject.len()) > MOST_KEPT => behind,
            Ok(Found::Partial(at)) => self.dropped + at as u64,
            Ok(Found::Nothing) => behind,
        };
        self.from = self.from.max(may_begin_at);
        // A byte, or character, more than it looks back to: what is kept must not look like the beginning of the body.
        let back = pattern.lookbehind() + if pattern.is_utf() { 4 } else { 1 };
        let needed = self.from.min(behind).saturating_sub(back as u64);
        let mut drop = usize::try_from(needed.saturating_sub(self.dropped)).unwrap_or(whole).min(whole);
        if pattern.is_utf() {
            // As far back as to the beginning of a character.
            while drop > 0 && self.kept.get(drop).is_some_and(|b| b & 0xc0 == 0x80) {
                drop -= 1;
            }
        }
        self.kept.drain(..drop);
        self.dropped += drop as u64;
        // What is kept is searched again once there is as much more: all in all that is linear.
        self.enough = SEARCHED_AT_ONCE.max(self.kept.len() * 2);
    }
}

/// A search must not begin within a character; where the offset says so, it begins with the next one.
fn find(pattern: &Pattern, subject: &[u8], start: usize, more: bool) -> Result<Found, String> {
    let is_within = |at: &usize| pattern.is_utf() && subject.get(*at).is_some_and(|b| b & 0xc0 == 0x80);
    let start = (start..).find(|at| !is_within(at)).unwrap_or(start);
    pattern.find(subject, start, more)
}

/// How many bytes are left without a character at the end that is not whole.
fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.iter().rev().take(4).position(|b| b & 0xc0 != 0x80);
    let Some(back) = last else { return bytes.len() };
    let at = bytes.len() - back - 1;
    let size = match bytes.get(at) {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xff) => 4,
        _ => 1,
    };
    if back + 1 < size { at } else { bytes.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::pattern::OPTIONS;
    use proptest::prelude::*;

    fn regex(pattern: &str, option: &str, min_offset: u64, max_offset: Option<u64>) -> Arc<Regex> {
        let options = OPTIONS.iter().filter(|(name, _)| *name == option).map(|(_, bit)| bit).sum();
        let pattern = Pattern::new(pattern.as_bytes(), options, None).unwrap();
        Arc::new(Regex { pattern, no_match: false, min_offset, max_offset })
    }

    /// However the body is cut, and however little is enough to be searched.
    fn matches(regex: &Arc<Regex>, body: &[u8]) -> bool {
        let found: Vec<bool> = [1, 2, 3, 5, 100_000]
            .into_iter()
            .map(|size| {
                let mut search = Search { enough: size, ..Search::new(regex) };
                body.chunks(size).for_each(|piece| {
                    search.take(piece);
                    search.enough = search.enough.min(search.kept.len() + size);
                });
                search.finish().unwrap()
            })
            .collect();
        assert!(found.iter().all(|f| *f == found[0]), "{found:?}");
        found[0]
    }

    #[test]
    fn a_match_is_found_across_the_pieces() {
        let plain = |pattern: &str, body: &str| matches(&regex(pattern, "", 0, None), body.as_bytes());
        assert!(plain("status.*UP", "...status: is UP..."));
        assert!(!plain("status.*UP", "...status: is\nUP..."));
        assert!(plain("UP$", "is UP"), "at the very end");
        assert!(plain("UP$", "is UP\n"));
        assert!(!plain("UP$", "is UP "));
        assert!(plain(r"^is", "is UP"));
        assert!(!plain(r"^UP", "is UP"));
        assert!(plain(r"(?<=status: )UP", "status: UP"));
        assert!(!plain(r"(?<=status: )UP", "status:  UP"));
        assert!(plain(r"\bUP\b", "is UP."));
        assert!(!plain(r"\bUP\b", "CUP UPS"));
        assert!(plain("", ""));
        assert!(!plain("a", ""));
    }

    /// Offsets count from the beginning of the body, whatever the pieces.
    #[test]
    fn offsets_bound_where_a_match_begins() {
        let body = b"0123UP6789";
        let between = |min, max| matches(&regex("UP", "", min, max), body);
        assert!(between(4, Some(4)));
        assert!(between(0, Some(9)));
        assert!(!between(5, None));
        assert!(!between(0, Some(3)));
        assert!(!between(100, None));
        // What is before the first place may be looked back at.
        assert!(matches(&regex("(?<=3)UP", "", 4, None), body));
        // The first match counts, not any.
        assert!(!matches(&regex("[0-9]", "", 1, Some(0)), body));
    }

    #[test]
    fn characters_are_not_cut() {
        assert!(matches(&regex("ü.ö", "utf", 0, None), "aüxöb".as_bytes()));
        assert!(matches(&regex("(?<=ü)€", "utf", 0, None), "aü€b".as_bytes()));
        assert!(matches(&regex("€", "utf", 2, None), "ü€".as_bytes()));
        assert!(matches(&regex("€", "utf", 1, None), "ü€".as_bytes()), "from within a character");
        assert!(matches(&regex("😀$", "utf", 0, None), "x😀".as_bytes()));
    }

    #[test]
    fn a_text_that_is_no_text_is_told() {
        let regex = regex("a", "utf", 0, None);
        let mut search = Search::new(&regex);
        search.take(b"\xff\xff\xff\xff\xffa");
        assert!(search.finish().is_err());
    }

    #[test]
    fn no_more_is_kept_than_a_match_may_begin_in() {
        let filler = vec![b'x'; 1 << 20];
        let many = regex("x(?<=xxx)y", "", 0, None);
        let mut search = Search::new(&many);
        (0..8).for_each(|_| search.take(&filler));
        assert!(search.kept.capacity() < 4 << 20, "{}", search.kept.capacity());
        // What could become a match for ever is dropped at last.
        let endless = regex("x+y", "", 0, None);
        let mut search = Search::new(&endless);
        (0..8).for_each(|_| search.take(&filler));
        assert!(search.kept.capacity() < 8 << 20, "{}", search.kept.capacity());
        search.take(b"xy");
        assert_eq!(search.finish(), Ok(true));
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            body in "[ab\n]{0,40}",
            pattern in prop::sample::select(vec![
                "ab", "a+b", "^a", "b$", "(?<=a)b+", "a{3}", "(?m)^b$", "a.b", "(?s)a.*b.a", r"\Aab", r"ba\z", "(a|ab)b", r"\bb",
            ]),
            min in 0_u64..20,
            max in prop::option::of(0_u64..40),
        ) {
            let regex = regex(pattern, "", min, max);
            let at = match regex.pattern.find(body.as_bytes(), min as usize, false) {
                Ok(Found::Match(at)) => Some(at as u64),
                _ => None,
            };
            let expected = at.is_some_and(|at| max.is_none_or(|max| at <= max));
            prop_assert_eq!(matches(&regex, body.as_bytes()), expected);
        }
    }
}
