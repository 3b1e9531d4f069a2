//! What is said about a configuration: a code, a severity, a phrase, places in the text, and help.
//!
//! A diagnostic is data; [`render`] makes text of it, and [`json`], [`sarif`] and [`github`] what programs read. All
//! codes stand in one table, [`codes`]; [`explain`] says why each matters.

pub mod advice;
pub mod codes;
pub mod explain;
pub mod github;
pub mod json;
pub mod keepalived;
pub mod render;
pub mod report;
pub mod sarif;

#[cfg(test)]
mod tests;

use crate::conf::source::Span;
use crate::raw;
use std::borrow::Cow;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Advice: nothing is wrong.
    Hint,
    /// It works, though probably not as its author thinks.
    Warning,
    /// What stands there can't be carried out.
    Error,
}

impl Severity {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// What keepalived itself does on such a finding. It decides the exit status of `keepalived -t`, and whether there
/// is a configuration to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Says nothing: the finding is vipd's own.
    Silent,
    /// Reports an interface that does not exist, and leaves the line out. Status 4 where nothing else is found.
    Interface,
    /// Reports it, leaves the line out or corrects it, and goes on. Status 5.
    Reports,
    /// Reports a violation of script security. Status 6.
    Security,
    /// Reports it, and would not run with it. Status 5.
    Refuses,
    /// Lacks a file that must be there, and would not run. Status 6.
    Lacks,
    /// Ends at once. Status 2.
    GivesUp,
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable: `V0101`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What keepalived does about it.
    pub verdict: Verdict,
    /// One line on what it is about.
    pub summary: &'static str,
}

/// A place, and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// A few words; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: &'static Code,
    /// One phrase, lower case, no full stop; names in backquotes.
    pub message: String,
    /// The place that is to be changed.
    pub primary: Label,
    /// Other places that explain it: "first defined here".
    pub secondary: Vec<Label>,
    /// What to do: "did you mean `TCP_CHECK`?".
    pub help: Option<String>,
    /// Which line keepalived names for it: scripts compare them.
    pub keepalived_line: KeepalivedLine,
    /// What stands at the primary place when it is put right, where that is certain: editors offer it.
    pub instead: Option<String>,
}

/// The line that keepalived names for a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepalivedLine {
    /// That of the primary place.
    Here,
    /// Another: what a block lacks is found at its end.
    At(Span),
    /// None: it finds it after the whole file is read.
    Nowhere,
}

impl Diagnostic {
    /// A finding at a place.
    #[must_use]
    pub fn new(code: &'static Code, span: Span, message: impl Into<String>) -> Diagnostic {
        let primary = Label { span, text: String::new() };
        Diagnostic {
            code,
            message: shown(message),
            primary,
            secondary: Vec::new(),
            help: None,
            keepalived_line: keepalived::usual(code),
            instead: None,
        }
    }

    /// With the line that keepalived names, if it is another.
    #[must_use]
    pub fn keepalived_line(mut self, line: KeepalivedLine) -> Diagnostic {
        self.keepalived_line = line;
        self
    }

    /// With words at the place itself.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = shown(text);
        self
    }

    /// With another place.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { span, text: shown(text) });
        self
    }

    /// With advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(shown(text));
        self
    }

    /// With what to write at the primary place instead; `help` says it to those without an editor.
    #[must_use]
    pub fn instead(mut self, text: impl Into<String>) -> Diagnostic {
        self.instead = Some(shown(text));
        self
    }

    /// With the word that was probably meant at the primary place.
    #[must_use]
    pub fn did_you_mean(self, word: &str) -> Diagnostic {
        self.help(format!("did you mean `{word}`?")).instead(word)
    }
}

/// What is said has words of the file in it, and is for people.
fn shown(text: impl Into<String>) -> String {
    let text = text.into();
    match raw::shown(&text) {
        Cow::Owned(shown) => shown,
        Cow::Borrowed(_) => text,
    }
}

/// The candidate that `word` is most probably a misspelling of; of two as close, the first by name.
#[must_use]
pub fn did_you_mean<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    let allowed = match length {
        0..=2 => 0,
        3..=4 => 1,
        5..=9 => 2,
        _ => 3,
    };
    let bytes = bytes_in(&lower);
    candidates
        // Most are too far away to be worth the comparison: by their length, or by what they are made of, where one
        // change puts in one byte at most and takes one out. Names that are not ASCII have more bytes than letters.
        .filter(|c| !c.is_ascii() || c.len().abs_diff(length) <= allowed)
        .filter(|c| !c.is_ascii() || (bytes ^ bytes_in(c)).count_ones() as usize <= 2 * allowed)
        .map(|c| (strsim::osa_distance(&lower, &c.to_lowercase()), c))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, c)| (distance, c))
        .map(|(_, c)| c)
}

/// Which bytes a word has in it, of small letters and capitals alike: a bit for each.
fn bytes_in(word: &str) -> u128 {
    word.bytes()
        .fold(0, |bits, byte| bits | 1_u128.checked_shl(byte.to_ascii_lowercase().into()).unwrap_or(0))
}
