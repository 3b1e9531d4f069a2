//! Diagnostics as JSON: vipd's own format, stable and documented in `docs/check-json.md`.
//!
//! Fields may be added within one [`VERSION`]; none goes away or changes its meaning.

use super::report::{PrintedSpan, Report};
use super::{Diagnostic, Severity, advice};
use crate::conf::source::Sources;
use serde::Serialize;

/// The format's version.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    read: bool,
    errors: usize,
    warnings: usize,
    hints: usize,
    diagnostics: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    link: Option<String>,
    at: At<'a>,
    related: Vec<At<'a>>,
}

#[derive(Serialize)]
struct At<'a> {
    file: &'a str,
    start: Option<Position>,
    end: Option<Position>,
    label: Option<&'a str>,
}

#[derive(Serialize)]
struct Position {
    line: u32,
    column: u32,
}

/// One JSON document for all files, with a line end behind it.
///
/// # Errors
/// None that serde_json knows for such data; passed on rather than hidden.
pub fn render(reports: &[Report<'_>]) -> Result<String, serde_json::Error> {
    let document = Document { version: VERSION, files: reports.iter().map(file).collect() };
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

fn file<'a>(report: &Report<'a>) -> File<'a> {
    File {
        file: report.name,
        read: report.read,
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        hints: report.count(Severity::Hint),
        diagnostics: report.diagnostics.iter().map(|d| finding(d, report.sources)).collect(),
    }
}

fn finding<'a>(diagnostic: &'a Diagnostic, sources: &'a Sources) -> Finding<'a> {
    Finding {
        code: diagnostic.code.id,
        severity: diagnostic.code.severity.name(),
        message: &diagnostic.message,
        help: diagnostic.help.as_deref(),
        link: advice::link(diagnostic.code),
        at: at(PrintedSpan::of(&diagnostic.primary, sources)),
        related: diagnostic.secondary.iter().map(|l| at(PrintedSpan::of(l, sources))).collect(),
    }
}

fn at(place: PrintedSpan<'_>) -> At<'_> {
    let (start, end) = place.range.unzip();
    let position = |l: crate::conf::source::Location| Position { line: l.line, column: l.column };
    At {
        file: place.file,
        start: start.map(position),
        end: end.map(position),
        label: (!place.label.is_empty()).then_some(place.label),
    }
}
