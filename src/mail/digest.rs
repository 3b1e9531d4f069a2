//! Several mails as one: those that come within some seconds of the first are collected, and listed.
//!
//! One that stays alone leaves as it is, some seconds later: people have filters for its subject.

use super::Letter;
use crate::time::Instant;
use std::fmt::Write;
use std::time::Duration;

/// So many are listed; what is more is counted.
const MOST: usize = 10_000;

/// Mails that wait to become one.
#[derive(Debug, Default)]
pub struct Digest {
    /// When the first one came.
    since: Option<Instant>,
    /// Each with the time on the wall clock at which it was written.
    letters: Vec<(Duration, Letter)>,
    /// So many came behind them.
    unlisted: u64,
}

impl Digest {
    /// One more.
    pub fn take(&mut self, now: Instant, written: Duration, letter: Letter) {
        self.since.get_or_insert(now);
        if self.letters.len() < MOST {
            self.letters.push((written, letter));
        } else {
            self.unlisted += 1;
        }
    }

    /// When they are to leave that come within so long of the first.
    #[must_use]
    pub fn next_timeout(&self, within: Duration) -> Option<Instant> {
        self.since.map(|since| since + within)
    }

    /// All that came, as one mail; `date` writes a time. Nothing waits any more.
    pub fn finish(&mut self, date: impl Fn(Duration) -> String) -> Option<Letter> {
        let Digest { letters, unlisted, .. } = std::mem::take(self);
        let count = letters.len() as u64 + unlisted;
        let mut letters = letters.into_iter();
        let (written, first) = letters.next()?;
        if count == 1 {
            return Some(first);
        }
        let mut text = String::new();
        let subject = format!("{count} changes, the first: {}", first.subject);
        for (written, letter) in std::iter::once((written, first)).chain(letters) {
            // A String takes everything.
            let _ = writeln!(text, "{}: {}\n  {}", date(written), letter.subject, letter.text);
        }
        if unlisted > 0 {
            let _ = writeln!(text, "and {unlisted} more");
        }
        Some(Letter { subject, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(5);

    fn letter(name: &str) -> Letter {
        Letter { subject: format!("{name} - DOWN"), text: format!("=> {name} is down <=") }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(0) + Duration::from_secs(seconds)
    }

    fn date(written: Duration) -> String {
        format!("second {}", written.as_secs())
    }

    #[test]
    fn those_that_come_together_are_one_mail() {
        let mut digest = Digest::default();
        assert_eq!((digest.next_timeout(WITHIN), digest.finish(date)), (None, None));
        for (second, name) in [(100, "a"), (101, "b"), (104, "c")] {
            digest.take(at(second), Duration::from_secs(second + 1000), letter(name));
            assert_eq!(digest.next_timeout(WITHIN), Some(at(105)), "the first one decides");
        }
        let all = digest.finish(date).unwrap();
        assert_eq!(all.subject, "3 changes, the first: a - DOWN");
        assert_eq!(
            all.text,
            "second 1100: a - DOWN\n  => a is down <=\nsecond 1101: b - DOWN\n  => b is down <=\n\
             second 1104: c - DOWN\n  => c is down <=\n"
        );
        assert_eq!((digest.next_timeout(WITHIN), digest.finish(date)), (None, None));
    }

    #[test]
    fn one_that_stays_alone_is_what_it_was() {
        let mut digest = Digest::default();
        digest.take(at(100), Duration::ZERO, letter("a"));
        assert_eq!(digest.next_timeout(WITHIN), Some(at(105)));
        assert_eq!(digest.finish(date), Some(letter("a")));
        digest.take(at(200), Duration::ZERO, letter("b"));
        assert_eq!(digest.next_timeout(WITHIN), Some(at(205)));
        assert_eq!(digest.finish(date), Some(letter("b")));
    }

    #[test]
    fn the_list_has_an_end_and_none_is_forgotten() {
        let mut digest = Digest::default();
        for second in 0..12_345 {
            digest.take(at(100), Duration::from_secs(second), letter("a"));
        }
        let all = digest.finish(date).unwrap();
        assert_eq!(all.subject, "12345 changes, the first: a - DOWN");
        assert_eq!(all.text.matches("=> a is down <=").count(), MOST);
        assert!(all.text.ends_with("\nand 2345 more\n"));
    }
}
