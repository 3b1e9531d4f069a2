//! What is plainly wrong with a regular expression: brackets, repetitions, a lone backslash. The whole language of PCRE2
//! is not judged here.

/// What is wrong, in a few words; `None` where nothing plain is.
pub(super) fn malformed(pattern: &str) -> Option<&'static str> {
    let mut chars = pattern.chars().peekable();
    let mut open = 0_u32;
    // Whether what comes before can be repeated.
    let mut repeatable = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                None => return Some("ends in a lone backslash"),
                // Everything up to `\E` stands for itself.
                Some('Q') => {
                    let mut before = ' ';
                    for c in chars.by_ref() {
                        if before == '\\' && c == 'E' {
                            break;
                        }
                        before = c;
                    }
                    repeatable = true;
                }
                Some(_) => repeatable = true,
            },
            '[' => {
                chars.next_if_eq(&'^');
                // A bracket in the first place stands for itself.
                chars.next_if_eq(&']');
                if !class(&mut chars) {
                    return Some("has a `[` without its `]`");
                }
                repeatable = true;
            }
            '(' => {
                open += 1;
                repeatable = false;
                // `(?...)`: an option, a comment or a kind of group; `(*...)`: a verb.
                if chars.next_if(|c| matches!(c, '?' | '*')).is_some() && chars.next_if_eq(&'#').is_some() {
                    chars.by_ref().find(|c| *c == ')')?;
                    open -= 1;
                }
            }
            ')' => match open.checked_sub(1) {
                Some(left) => (open, repeatable) = (left, true),
                None => return Some("has a `)` without its `(`"),
            },
            '|' => repeatable = false,
            '*' | '+' | '?' if !repeatable => return Some("repeats nothing"),
            // A second sign makes the repetition greedy or not: `+?`, `*+`.
            '*' | '+' | '?' => {
                chars.next_if(|c| matches!(c, '?' | '+'));
            }
            _ => repeatable = true,
        }
    }
    (open > 0).then_some("has a `(` without its `)`")
}

/// Passes over what stands in square brackets; `false` if it does not end.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    while let Some(c) = chars.next() {
        match c {
            ']' => return true,
            '\\' => {
                chars.next();
            }
            '[' if chars.peek() == Some(&':') => {
                // `[:alpha:]`
                let mut before = ' ';
                for c in chars.by_ref() {
                    if before == ':' && c == ']' {
                        break;
                    }
                    before = c;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::malformed;

    #[test]
    fn what_is_well_formed_passes() {
        for good in [
            "",
            "ok",
            "a|b",
            "(a|b)+?",
            "[^]a]*",
            "[]]",
            "[[:alpha:]]+",
            r"\(",
            r"\Q(*\E",
            "(?i)ok",
            "(?:a)?",
            "a{2,3}",
            "(?#comment() a",
            "(*UTF8)a",
            r"[\]]",
            "a++",
            "x*+",
        ] {
            assert_eq!(malformed(good), None, "{good}");
        }
    }

    #[test]
    fn what_is_not_is_named() {
        for (bad, why) in [
            ("a(b", "has a `(` without its `)`"),
            ("a)b", "has a `)` without its `(`"),
            ("[a", "has a `[` without its `]`"),
            ("[[:alpha:]", "has a `[` without its `]`"),
            (r"a\", "ends in a lone backslash"),
            ("*a", "repeats nothing"),
            ("(+a)", "repeats nothing"),
            ("a|?", "repeats nothing"),
        ] {
            assert_eq!(malformed(bad), Some(why), "{bad}");
        }
    }
}
