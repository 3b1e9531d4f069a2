//! What a check of some files found, as the machine-readable formats take it: each file with its findings, and each
//! place as people count it.

use super::{Diagnostic, Label, Severity};
use crate::conf::source::{Location, Sources, Span};

/// One checked file.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The path as the user wrote it.
    pub name: &'a str,
    /// Whether it could be read, and was text.
    pub read: bool,
    /// What was found in it, and in the files that it includes.
    pub diagnostics: &'a [Diagnostic],
    /// The texts that the findings point into.
    pub sources: &'a Sources,
}

impl Report<'_> {
    /// How many findings are of this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|d| d.code.severity == severity).count()
    }
}

/// A finding's place, ready to be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PrintedSpan<'a> {
    /// The path of the file.
    pub(super) file: &'a str,
    /// First character, and the one behind the last; `None` where the finding is about the file as a whole.
    pub(super) range: Option<(Location, Location)>,
    /// A few words about it; may be empty.
    pub(super) label: &'a str,
}

impl<'a> PrintedSpan<'a> {
    pub(super) fn of(label: &'a Label, sources: &'a Sources) -> PrintedSpan<'a> {
        let source = sources.get(label.span.file);
        let range = (!source.text().is_empty()).then(|| {
            let Span { start, end, .. } = label.span;
            (source.location(start), source.location(end.max(start)))
        });
        PrintedSpan { file: source.name(), range, label: &label.text }
    }
}
