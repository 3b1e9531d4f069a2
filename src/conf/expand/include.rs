//! `include` and its variants: the directive, and what `include_check` makes an error.

/// What makes an include that fails an error. Without any, keepalived goes on as if the line were not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Checks(u8);

impl Checks {
    pub(super) const NONE: Checks = Checks(0);
    /// A file that can't be read, a directory, an executable.
    pub(super) const READABLE: Checks = Checks(1);
    /// No file of a name without wildcards.
    pub(super) const MATCH: Checks = Checks(2);
    /// No file that fits the wildcards.
    pub(super) const WILDCARD_MATCH: Checks = Checks(4);
    /// A file missing of those that braces name.
    pub(super) const BRACE_MATCH: Checks = Checks(8);
    pub(super) const ALL: Checks = Checks(15);

    pub(super) fn contains(self, check: Checks) -> bool {
        self.0 & check.0 != 0
    }

    pub(super) const fn and(self, more: Checks) -> Checks {
        Checks(self.0 | more.0)
    }

    /// After `include_check options`, as keepalived reads it: without options all checks; `+` and `-` add and take
    /// away; one word without a sign, the first, stands for itself and `read`.
    pub(super) fn changed_by(self, options: &str) -> Checks {
        if options.trim().is_empty() {
            return Checks::ALL;
        }
        let mut checks = self;
        for (i, word) in options.split_ascii_whitespace().enumerate() {
            checks = match (i, CheckWord::read(word)) {
                (_, CheckWord { sign: Some(Sign::Plus), check: Some(check) }) => checks.and(check),
                (_, CheckWord { sign: Some(Sign::Minus), check: Some(check) }) => Checks(checks.0 & !check.0),
                (0, CheckWord { sign: None, check }) => {
                    check.map_or(Checks::NONE, |check| check.and(Checks::READABLE))
                }
                _ => checks,
            };
        }
        checks
    }
}

/// The words that `include_check` takes, apart from their signs.
pub const CHECK_WORDS: [&str; 4] = ["read", "match", "wildcard_match", "brace_match"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

/// One word of `include_check`.
#[derive(Clone, Copy, Debug)]
struct CheckWord {
    sign: Option<Sign>,
    check: Option<Checks>,
}

impl CheckWord {
    fn read(word: &str) -> CheckWord {
        let (sign, name) = match word.as_bytes().first() {
            Some(b'+') => (Some(Sign::Plus), &word[1..]),
            Some(b'-') => (Some(Sign::Minus), &word[1..]),
            _ => (None, word),
        };
        let checks = [Checks::READABLE, Checks::MATCH, Checks::WILDCARD_MATCH, Checks::BRACE_MATCH];
        let check = CHECK_WORDS.iter().zip(checks).find(|(w, _)| **w == name).map(|(_, check)| check);
        CheckWord { sign, check }
    }
}

/// What is wrong with a word of `include_check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckProblem {
    /// Only the first may stand without a sign; this has no effect.
    Unsigned,
    /// It is none of [`CHECK_WORDS`].
    Unknown,
}

/// What is wrong with the word at this index among those of `include_check`.
#[must_use]
pub fn check_problem(index: usize, word: &str) -> Option<CheckProblem> {
    let read = CheckWord::read(word);
    match (read.sign, read.check) {
        (None, _) if index > 0 => Some(CheckProblem::Unsigned),
        (_, None) => Some(CheckProblem::Unknown),
        _ => None,
    }
}

/// `include PATTERN` at the start of a text: what the variant checks, and the offset of the pattern, which may be
/// missing.
pub(super) fn directive(text: &str) -> Option<(Checks, usize)> {
    let rest = text.strip_prefix("include")?;
    let (letter, rest) = match rest.as_bytes() {
        [] | [b' ' | b'\t', ..] => (None, rest),
        [letter] | [letter, b' ' | b'\t', ..] => (Some(letter), &rest[1..]),
        _ => return None,
    };
    let checks = match letter {
        None => Checks::NONE,
        Some(b'r') => Checks::READABLE,
        Some(b'm') => Checks::READABLE.and(Checks::MATCH),
        Some(b'w') => Checks::READABLE.and(Checks::MATCH).and(Checks::WILDCARD_MATCH),
        Some(b'b') => Checks::READABLE.and(Checks::BRACE_MATCH),
        Some(b'a') => Checks::ALL,
        Some(_) => return None,
    };
    Some((checks, text.len() - rest.trim_start_matches([' ', '\t']).len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_six_variants() {
        assert_eq!(directive("include a"), Some((Checks::NONE, 8)));
        assert_eq!(directive("includer\t a*"), Some((Checks::READABLE, 10)));
        assert_eq!(directive("includea a").map(|d| d.0), Some(Checks::ALL));
        assert_eq!(directive("include"), Some((Checks::NONE, 7)));
        assert_eq!(directive("includer"), Some((Checks::READABLE, 8)));
        for text in ["includes a", "include_check", "xinclude a", "includes"] {
            assert_eq!(directive(text), None, "{text}");
        }
    }

    #[test]
    fn options_add_and_remove() {
        let read_and_match = Checks::READABLE.and(Checks::MATCH);
        assert_eq!(Checks::NONE.changed_by(""), Checks::ALL);
        assert_eq!(Checks::NONE.changed_by("+match"), Checks::MATCH);
        assert_eq!(Checks::ALL.changed_by("match"), read_and_match);
        assert_eq!(Checks::ALL.changed_by("read"), Checks::READABLE);
        assert_eq!(Checks::ALL.changed_by("match wildcard_match"), read_and_match);
        assert_eq!(Checks::NONE.changed_by("match +brace_match"), read_and_match.and(Checks::BRACE_MATCH));
        assert_eq!(Checks::ALL.changed_by("-brace_match -wildcard_match"), read_and_match);
        assert_eq!(Checks::ALL.changed_by("-read"), Checks(14));
        assert_eq!(read_and_match.changed_by("nonsense"), Checks::NONE);
        assert_eq!(read_and_match.changed_by("-nonsense"), read_and_match);
    }

    #[test]
    fn what_keepalived_reports_of_options_is_known() {
        assert_eq!(check_problem(0, "read"), None);
        assert_eq!(check_problem(1, "+match"), None);
        assert_eq!(check_problem(1, "match"), Some(CheckProblem::Unsigned));
        assert_eq!(check_problem(0, "readable"), Some(CheckProblem::Unknown));
        assert_eq!(check_problem(2, "-"), Some(CheckProblem::Unknown));
    }
}
