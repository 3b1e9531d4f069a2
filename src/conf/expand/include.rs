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
    const ALL: Checks = Checks(15);

    pub(super) fn contains(self, check: Checks) -> bool {
        self.0 & check.0 != 0
    }

    pub(super) const fn and(self, more: Checks) -> Checks {
        Checks(self.0 | more.0)
    }

    /// After `include_check options`. Words that are no option change nothing; the keyword reports them.
    pub(super) fn changed_by(self, options: &str) -> Checks {
        let mut checks = self;
        let mut any = false;
        for option in options.split_ascii_whitespace() {
            let (sign, name) = match option.split_at_checked(1) {
                Some((sign @ ("+" | "-"), name)) => (sign, name),
                _ => ("", option),
            };
            let check = match name {
                "readable" => Checks::READABLE,
                "match" => Checks::MATCH.and(Checks::READABLE),
                "wildcard_match" => Checks::WILDCARD_MATCH.and(Checks::READABLE),
                "brace_match" => Checks::BRACE_MATCH.and(Checks::READABLE),
                _ => continue,
            };
            checks = match sign {
                "-" if check == Checks::READABLE => Checks(checks.0 & !check.0),
                // Each of the others stands for itself when it is taken away.
                "-" => Checks(checks.0 & !(check.0 & !Checks::READABLE.0)),
                "" if !any => check,
                _ => checks.and(check),
            };
            any = true;
        }
        if options.trim().is_empty() { Checks::ALL } else { checks }
    }
}

/// `include PATTERN` at the start of a text: what the variant checks, and the offset of the pattern.
pub(super) fn directive(text: &str) -> Option<(Checks, usize)> {
    let rest = text.strip_prefix("include")?;
    let (checks, rest) = match rest.as_bytes() {
        [b' ' | b'\t', ..] => (Checks::NONE, rest),
        [letter, b' ' | b'\t', ..] => {
            let checks = match letter {
                b'r' => Checks::READABLE,
                b'm' => Checks::READABLE.and(Checks::MATCH),
                b'w' => Checks::READABLE.and(Checks::MATCH).and(Checks::WILDCARD_MATCH),
                b'b' => Checks::READABLE.and(Checks::BRACE_MATCH),
                b'a' => Checks::ALL,
                _ => return None,
            };
            (checks, &rest[1..])
        }
        _ => return None,
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
        for text in ["include", "includes a", "include_check", "xinclude a", "includer"] {
            assert_eq!(directive(text), None, "{text}");
        }
    }

    #[test]
    fn options_add_and_remove() {
        let some = Checks::READABLE.and(Checks::MATCH);
        assert_eq!(Checks::NONE.changed_by(""), Checks::ALL);
        assert_eq!(Checks::NONE.changed_by("+match"), some);
        assert_eq!(Checks::ALL.changed_by("match"), some);
        assert_eq!(Checks::ALL.changed_by("match wildcard_match"), some.and(Checks::WILDCARD_MATCH));
        assert_eq!(Checks::ALL.changed_by("-brace_match -wildcard_match"), some);
        assert_eq!(some.changed_by("nonsense"), some);
    }
}
