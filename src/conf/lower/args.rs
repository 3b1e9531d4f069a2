//! Reading a statement's arguments as its keyword declares them. What can't be read is reported, and `None`.

use super::Lower;
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::lexer::Word;
use crate::conf::number::decimal;
use crate::conf::schema::{Arg, Kind};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::Family;
use crate::raw;
use std::net::IpAddr;
use std::time::Duration;

/// The longest name of an interface in bytes (`IFNAMSIZ` without its NUL).
const MAX_INTERFACE_NAME: usize = 15;

impl<'t, 's> Lower<'t, 's> {
    /// What the table declares of an argument, and the word that stands for it. A required one that is missing is
    /// reported; keepalived gives up there.
    pub(super) fn argument(
        &mut self,
        statement: &Statement,
        index: usize,
    ) -> Option<(&'static Arg, &'t Word<'s>)> {
        let keyword = statement.keyword?;
        let declared = keyword.args.get(index)?;
        match self.words(statement).get(index + 1) {
            Some(word) => Some((declared, word)),
            None => {
                if declared.required {
                    let message = format!("`{}` needs {}", keyword.name, article(declared));
                    let gives_up = declared.gives_up;
                    let code = if gives_up { &codes::MISSING_ARGUMENT } else { &codes::MISSING_VALUE };
                    self.report(code, statement.span, message);
                }
                None
            }
        }
    }

    /// Reports arguments beyond those declared; keepalived passes over them in silence.
    pub(super) fn no_more_arguments(&mut self, statement: &Statement) {
        let Some(keyword) = statement.keyword else { return };
        if keyword.args.iter().any(|a| matches!(a.kind, Kind::Special)) {
            return;
        }
        let words = self.words(statement);
        if let (Some(extra), Some(last)) = (words.get(keyword.args.len() + 1), words.last()) {
            let message = match keyword.args.len() {
                0 => format!("`{}` takes no argument; this has no effect", keyword.name),
                n => format!("`{}` takes {n} argument{}; this has no effect", keyword.name, plural(n)),
            };
            self.report(&codes::EXTRA_ARGUMENT, extra.span.to(last.span), message);
        }
    }

    /// Reports words beyond a number of arguments that the table can't count.
    pub(super) fn no_words_behind(&mut self, statement: &Statement, arguments: usize) {
        let words = self.words(statement);
        if let (Some(extra), Some(last)) = (words.get(arguments + 1), words.last()) {
            let name = statement.keyword.map_or("", |k| k.name);
            let message =
                format!("`{name}` takes {arguments} argument{}; this has no effect", plural(arguments));
            self.report(&codes::EXTRA_ARGUMENT, extra.span.to(last.span), message);
        }
    }

    /// Any word.
    pub(super) fn text(&mut self, statement: &Statement) -> Option<&'t Word<'s>> {
        self.no_more_arguments(statement);
        self.argument(statement, 0).map(|(_, word)| word)
    }

    /// A whole number within its range.
    pub(super) fn integer(&mut self, statement: &Statement) -> Option<u64> {
        self.no_more_arguments(statement);
        let (declared, word) = self.argument(statement, 0)?;
        let Kind::Integer { min, max } = declared.kind else { return None };
        self.integer_word(word, min, max)
    }

    /// [`Lower::integer`] where the table's range is within `u32`.
    pub(super) fn u32(&mut self, statement: &Statement) -> Option<u32> {
        self.integer(statement).and_then(|n| u32::try_from(n).ok())
    }

    /// A word as a whole number within a range.
    pub(super) fn integer_word(&mut self, word: &Word<'_>, min: u64, max: u64) -> Option<u64> {
        // As strtoul(3): blanks may stand before a number, not behind it.
        let text = word.text.trim_start();
        if text.is_empty() {
            return self.empty_number(word, min, max);
        }
        let digits = text.strip_prefix('+').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            let what = match text.strip_prefix('-').is_some_and(|d| d.parse::<u64>().is_ok()) {
                true => "a negative number",
                false => "not a whole number",
            };
            let message = format!("`{}` is {what}", word.text);
            let diagnostic = Diagnostic::new(&codes::BAD_NUMBER, word.span, message);
            self.sink.push(diagnostic.label(format!("expected {}", range(min, max))));
            return None;
        }
        match digits.parse::<u64>() {
            Ok(n) if (min..=max).contains(&n) => Some(n),
            _ => {
                let message = format!("`{}` is outside the range {min} to {max}", word.text);
                let diagnostic = Diagnostic::new(&codes::OUT_OF_RANGE, word.span, message);
                self.sink.push(diagnostic.label(format!("expected {}", range(min, max))));
                None
            }
        }
    }

    /// `""` where a number is wanted: keepalived takes it for 0.
    fn empty_number(&mut self, word: &Word<'_>, min: u64, max: u64) -> Option<u64> {
        if min > 0 {
            let message = format!("an empty word counts as 0, which is outside the range {min} to {max}");
            let diagnostic = Diagnostic::new(&codes::OUT_OF_RANGE, word.span, message);
            self.sink.push(diagnostic.label(format!("expected {}", range(min, max))));
            return None;
        }
        self.report(&codes::EMPTY_NUMBER, word.span, "an empty word counts as 0 here");
        Some(0)
    }

    /// A word as a whole number that may be negative.
    pub(super) fn signed_word(&mut self, word: &Word<'_>, min: i64, max: i64) -> Option<i64> {
        let text = word.text.trim_start();
        if text.is_empty() && min <= 0 {
            self.report(&codes::EMPTY_NUMBER, word.span, "an empty word counts as 0 here");
            return Some(0);
        }
        let (code, message) = match text.parse::<i64>() {
            Ok(n) if (min..=max).contains(&n) => return Some(n),
            Ok(_) => (&codes::OUT_OF_RANGE, format!("`{}` is outside the range {min} to {max}", word.text)),
            Err(_) => (&codes::BAD_NUMBER, format!("`{}` is not a whole number", word.text)),
        };
        let diagnostic = Diagnostic::new(code, word.span, message);
        self.sink.push(diagnostic.label(format!("expected a whole number from {min} to {max}")));
        None
    }

    /// Whole seconds.
    pub(super) fn seconds(&mut self, statement: &Statement) -> Option<Duration> {
        self.integer(statement).map(Duration::from_secs)
    }

    /// Seconds with up to six decimals.
    pub(super) fn timer(&mut self, statement: &Statement) -> Option<Duration> {
        self.no_more_arguments(statement);
        let (declared, word) = self.argument(statement, 0)?;
        let Kind::Timer { min_us, max_us } = declared.kind else { return None };
        self.timer_word(word, min_us, max_us)
    }

    /// A word as seconds with up to six decimals, within a range in microseconds.
    pub(super) fn timer_word(&mut self, word: &Word<'_>, min_us: u64, max_us: u64) -> Option<Duration> {
        let text = word.text.as_ref();
        let number = text.trim_start();
        let number = number.strip_prefix('+').unwrap_or(number);
        if matches!(number, "" | ".") && min_us == 0 {
            self.report(&codes::EMPTY_NUMBER, word.span, "a word without digits counts as 0 here");
            return Some(Duration::ZERO);
        }
        let Some(us) = microseconds(number) else {
            let message = format!("`{text}` is not a number of seconds");
            let mut diagnostic = Diagnostic::new(&codes::BAD_NUMBER, word.span, message)
                .label("expected seconds, with a decimal point where needed");
            if let Some(number) = unit_removed(text) {
                let help = format!("write `{number}`: the unit is always seconds");
                diagnostic = diagnostic.help(help).instead(number);
            }
            self.sink.push(diagnostic);
            return None;
        };
        let digits = text.split_once('.').map_or(0, |(_, d)| d.len());
        if digits > 6 {
            let message = format!("`{text}` has more decimals than the six that count");
            self.report(&codes::ADJUSTED, word.span, message);
        }
        if (min_us..=max_us).contains(&us) {
            return Some(Duration::from_micros(us));
        }
        let (least, greatest) = (plain_seconds(min_us), plain_seconds(max_us));
        let message = match us < min_us {
            true => format!("`{text}` is less than {least} seconds"),
            false => format!("`{text}` is more than {greatest} seconds"),
        };
        self.report(&codes::OUT_OF_RANGE, word.span, message);
        None
    }

    /// A flag with an optional word; it is on without one.
    pub(super) fn flag(&mut self, statement: &Statement) -> Option<bool> {
        self.no_more_arguments(statement);
        let Some((_, word)) = self.argument(statement, 0) else { return Some(true) };
        match word.text.as_ref() {
            "true" | "on" | "yes" => Some(true),
            "false" | "off" | "no" => Some(false),
            other => {
                let message = format!("`{other}` is neither yes nor no");
                let diagnostic = Diagnostic::new(&codes::BAD_CHOICE, word.span, message);
                self.sink.push(diagnostic.label("expected one of on, off, true, false, yes, no"));
                None
            }
        }
    }

    /// One of the words that the table allows: its position there.
    pub(super) fn choice(&mut self, statement: &Statement) -> Option<&'static str> {
        self.no_more_arguments(statement);
        let (declared, word) = self.argument(statement, 0)?;
        let (choices, any_case) = match declared.kind {
            Kind::Choice(choices) => (choices, false),
            Kind::ChoiceAnyCase(choices) => (choices, true),
            _ => return None,
        };
        let text = word.text.as_ref();
        let found = choices.iter().find(|c| **c == text || (any_case && c.eq_ignore_ascii_case(text)));
        if found.is_none() {
            self.bad_choice(word, declared.name, choices);
        }
        found.copied()
    }

    /// Reports a word that is none of those allowed.
    pub(super) fn bad_choice(&mut self, word: &Word<'_>, what: &str, choices: &[&'static str]) {
        let other_case = choices.iter().find(|c| c.eq_ignore_ascii_case(&word.text));
        let message = match other_case {
            Some(choice) => format!("`{}` must be written `{choice}`: capitals matter here", word.text),
            // The names of some arguments are the list of their words.
            None if what.contains('|') => format!("`{}` is none of {}", word.text, choices.join(", ")),
            None => format!("`{}` is no {}", word.text, what.to_lowercase()),
        };
        let mut diagnostic = Diagnostic::new(&codes::BAD_CHOICE, word.span, message)
            .label(format!("expected {}", one_of(choices)));
        if let Some(choice) = other_case {
            // The message has it already.
            diagnostic = diagnostic.instead(*choice);
        } else if let Some(close) = did_you_mean(&word.text, choices.iter().copied()) {
            diagnostic = diagnostic.did_you_mean(close);
        }
        self.sink.push(diagnostic);
    }

    /// An address, of the family that the table asks for.
    pub(super) fn address(&mut self, statement: &Statement) -> Option<IpAddr> {
        self.no_more_arguments(statement);
        let (declared, word) = self.argument(statement, 0)?;
        let Kind::Address(family) = declared.kind else { return None };
        self.address_word(word, family)
    }

    /// A word as an address. A prefix or a range behind it is passed over, as keepalived does.
    pub(super) fn address_word(&mut self, word: &Word<'_>, family: Option<Family>) -> Option<IpAddr> {
        let address = self.first_address(word, family)?;
        if let Some(at) = word.text.find(['-', '/']) {
            let rest = &word.text[at..];
            let start = word.span.end.saturating_sub(rest.len() as u32).max(word.span.start);
            let message = format!("`{rest}` has no effect: this is one address, {address}");
            self.report(&codes::ONE_ADDRESS, Span { start, ..word.span }, message);
        }
        Some(address)
    }

    /// The address that a word begins with; a range or a prefix length behind it is the caller's.
    pub(super) fn first_address(&mut self, word: &Word<'_>, family: Option<Family>) -> Option<IpAddr> {
        let text = word.text.split(['-', '/']).next().unwrap_or_default();
        let wanted = match family {
            None => "an IPv4 or IPv6 address",
            Some(Family::V4) => "an IPv4 address",
            Some(Family::V6) => "an IPv6 address",
        };
        match text.parse::<IpAddr>() {
            Ok(address) if family.is_none_or(|f| f == Family::of(address)) => Some(address),
            _ => {
                let message = format!("`{}` is not {wanted}", word.text);
                self.report(&codes::BAD_ADDRESS, word.span, message);
                None
            }
        }
    }

    /// The name of an interface.
    pub(super) fn interface(&mut self, statement: &Statement) -> Option<&'t Word<'s>> {
        let word = self.text(statement)?;
        self.interface_word(word)
    }

    /// A word as the name of an interface.
    pub(super) fn interface_word(&mut self, word: &'t Word<'s>) -> Option<&'t Word<'s>> {
        if raw::bytes(&word.text).len() > MAX_INTERFACE_NAME {
            let message =
                format!("`{}` is longer than the {MAX_INTERFACE_NAME} characters of a name", word.text);
            self.report(&codes::BAD_NAME, word.span, message);
            return None;
        }
        Some(word)
    }
}

fn article(declared: &Arg) -> String {
    match declared.kind {
        Kind::Integer { min, max } => range(min, max),
        Kind::Signed { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Timer { .. } => "a number of seconds".to_owned(),
        Kind::Choice(choices) | Kind::ChoiceAnyCase(choices) => one_of(choices),
        Kind::Address(_) => "an address".to_owned(),
        Kind::Interface => "the name of an interface".to_owned(),
        Kind::Bool | Kind::Text | Kind::Special => format!("an argument: {}", declared.name),
    }
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn range(min: u64, max: u64) -> String {
    if max >= u64::from(u32::MAX) && min == 0 {
        return "a whole number".to_owned();
    }
    format!("a whole number from {min} to {max}")
}

fn one_of(choices: &[&str]) -> String {
    match choices {
        [one] => (*one).to_owned(),
        [a, b] => format!("{a} or {b}"),
        many => format!("one of {}", many.join(", ")),
    }
}

/// Seconds with decimals as microseconds; what is beyond six decimals is rounded.
fn microseconds(text: &str) -> Option<u64> {
    decimal(text, 6).map(|seconds| seconds.rounded)
}

/// `3s`, `500ms`, `1m` as the seconds that were meant.
fn unit_removed(text: &str) -> Option<String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let us = microseconds(number)?;
    let us = match &text[number.len()..] {
        "s" | "sec" | "secs" | "seconds" => us,
        "ms" => us / 1000,
        "m" | "min" => us.saturating_mul(60),
        "h" => us.saturating_mul(3600),
        _ => return None,
    };
    Some(plain_seconds(us))
}

fn plain_seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::config::VirtualServer;
    use crate::conf::{LoadOptions, load_text};

    #[test]
    fn seconds_with_decimals() {
        assert_eq!(microseconds("3"), Some(3_000_000));
        assert_eq!(microseconds("0.01"), Some(10_000));
        assert_eq!(microseconds(".5"), Some(500_000));
        assert_eq!(microseconds("2.7182818"), Some(2_718_282));
        assert_eq!(microseconds("99999999999999999999"), Some(u64::MAX));
        for bad in ["", ".", "-1", "1s", "1.2.3", "1e3", "0x10"] {
            assert_eq!(microseconds(bad), None, "{bad}");
        }
        assert_eq!(unit_removed("500ms").as_deref(), Some("0.5"));
        assert_eq!(unit_removed("3s").as_deref(), Some("3"));
        assert_eq!(unit_removed("3x"), None);
    }

    /// A virtual server that is complete but for these lines, and what is found in it.
    fn server(lines: &str, real: &str) -> (VirtualServer, Vec<&'static str>) {
        let text = format!(
            "virtual_server 10.0.0.1 80 {{\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n{lines}\n\
             real_server 10.0.0.9 80 {{\n{real}\n}}\n}}"
        );
        let loaded = load_text("test", text, &LoadOptions::default());
        let found = loaded.diagnostics.iter().map(|d| d.code.id).collect();
        (loaded.config.unwrap().check.virtual_servers.remove(0), found)
    }

    #[test]
    fn numbers_are_read_as_the_c_library_reads_them() {
        let timeout = |text: &str| {
            let (vs, found) = server("", &format!("uthreshold {text}"));
            (vs.real_servers[0].upper_threshold, found)
        };
        assert_eq!(timeout("+5"), (5, vec![]));
        assert_eq!(timeout("\" 5\""), (5, vec![]));
        assert_eq!(timeout("\"\""), (0, vec!["V0233"]));
        for bad in ["\"5 \"", "-5", "+", "5,", "0x5", "1.5"] {
            assert_eq!(timeout(bad), (0, vec!["V0203"]), "{bad}");
        }
        // Where 0 is not allowed, an empty value is not allowed either.
        let (_, found) = server("persistence_timeout \"\"", "");
        assert_eq!(found, ["V0204"]);

        let warmup = |text: &str| {
            let (vs, found) = server("", &format!("TCP_CHECK {{\nwarmup {text}\n}}"));
            (vs.real_servers[0].checkers[0].schedule.warmup, found)
        };
        assert_eq!(warmup("+1.5"), (Duration::from_millis(1500), vec![]));
        assert_eq!(warmup("\"\""), (Duration::ZERO, vec!["V0233"]));
        assert_eq!(warmup("."), (Duration::ZERO, vec!["V0233"]));
        assert_eq!(warmup("-1").1, ["V0203"]);
    }
}
