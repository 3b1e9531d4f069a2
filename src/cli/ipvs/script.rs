//! What the script ipvsadm-restore, which is `grep -v '^#'` and `echo`, hands on of its input to `-R`. Pure.

/// What comes through, and whether something does not for being no text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HandedOn {
    /// In lines that have their numbers: what does not come through is blank.
    pub(super) text: Vec<u8>,
    /// `grep` tells this to standard error.
    pub(super) binary: bool,
}

/// What comes through of `text`; `utf8` is whether the locale takes text for UTF-8.
pub(super) fn handed_on(text: &[u8], utf8: bool) -> HandedOn {
    if text.contains(&0) {
        return HandedOn { text: Vec::new(), binary: true };
    }
    let (mut handed_on, mut kept) = (Vec::with_capacity(text.len()), Vec::new());
    let mut binary = false;
    for line in text.split(|&b| b == b'\n') {
        let comment = line.starts_with(b"#");
        let broken = !comment && utf8 && std::str::from_utf8(line).is_err();
        binary |= broken;
        if !comment && !broken {
            handed_on.extend_from_slice(line);
            kept.push(line);
        }
        handed_on.push(b'\n');
    }
    while kept.last().is_some_and(|line| line.is_empty()) {
        kept.pop();
    }
    if let [only] = kept[..]
        && is_option_of_echo(only)
    {
        handed_on.clear();
    }
    HandedOn { text: handed_on, binary }
}

/// Which prints nothing then: `-E`, an option of ipvsadm too.
fn is_option_of_echo(line: &[u8]) -> bool {
    matches!(line, [b'-', letters @ ..] if !letters.is_empty() && letters.iter().all(|b| b"neE".contains(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &[u8], utf8: bool) -> (String, bool) {
        let HandedOn { text, binary } = handed_on(text, utf8);
        (String::from_utf8_lossy(&text).into_owned(), binary)
    }

    #[test]
    fn comments_and_what_is_no_text_are_blank() {
        assert_eq!(text(b"#x\n-C\n #y\n-L", true), ("\n-C\n #y\n-L\n".into(), false));
        assert_eq!(text(b"-C\n-L \xe9\n# \xe9\n-C \xc3\xa9\n", true), ("-C\n\n\n-C é\n\n".into(), true));
        assert_eq!(text(b"-C\n-L \xe9\n", false), ("-C\n-L \u{fffd}\n\n".into(), false));
        assert_eq!(text(b"-C\n\0\n-C\n", false), (String::new(), true));
    }

    #[test]
    fn what_echo_takes_for_an_option_is_not_printed() {
        for alone in ["-e", "-n\n\n", "-E\n", "-neE", "# x\n-E\n"] {
            assert_eq!(text(alone.as_bytes(), true), (String::new(), false), "{alone:?}");
        }
        for printed in ["-", "-e x", "\n-e", " -e", "-e\n-e", "-L"] {
            assert_eq!(text(printed.as_bytes(), true), (format!("{printed}\n"), false));
        }
    }
}
