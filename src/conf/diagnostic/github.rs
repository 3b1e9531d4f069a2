//! Diagnostics as workflow commands of GitHub Actions: each becomes an annotation at its line.
//!
//! The form, `::error file=F,line=N,…::MESSAGE`, and what is to be escaped in it, are those of GitHub's "Workflow
//! commands" reference.

use super::report::{PrintedSpan, Report};
use super::{Diagnostic, Severity};
use crate::conf::source::Sources;
use std::fmt::Write as _;

/// A line a finding.
#[must_use]
pub fn render(reports: &[Report<'_>]) -> String {
    let mut text = String::new();
    for report in reports {
        for diagnostic in report.diagnostics {
            command(&mut text, diagnostic, report.sources);
        }
    }
    text
}

fn command(text: &mut String, diagnostic: &Diagnostic, sources: &Sources) {
    let level = match diagnostic.code.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "notice",
    };
    let place = PrintedSpan::of(&diagnostic.primary, sources);
    let _ = write!(text, "::{level} file={}", property(place.file));
    if let Some((start, end)) = place.range {
        let _ = write!(text, ",line={},endLine={}", start.line, end.line);
        // GitHub refuses columns for what spans lines.
        if start.line == end.line {
            let _ = write!(text, ",col={},endColumn={}", start.column, end.column);
        }
    }
    let _ = write!(text, ",title={}::{}", property(diagnostic.code.id), data(&diagnostic.message));
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, "%0Ahelp: {}", data(help));
    }
    text.push('\n');
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
