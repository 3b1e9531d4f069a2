//! Diagnostics as text: with excerpts for people at a terminal, and in keepalived's one line for logs.

use super::{Diagnostic, Label, Severity, advice};
use crate::conf::source::{Sources, Span, printable};
use crate::raw;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::fmt::Write as _;
use std::ops::Range;

/// Whether escape sequences for colours may be used: the caller knows whether a person looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// ANSI colours.
    Always,
}

/// No excerpt is longer than this: long lines are cut around the place, places far apart are shown apart.
const MAX_EXCERPT_BYTES: usize = 2000;

/// As rustc shows it: message, excerpt, underlined place, help.
#[must_use]
pub fn rich(diagnostic: &Diagnostic, sources: &Sources, colour: Colour) -> String {
    let level = match diagnostic.code.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::NOTE.with_name("hint"),
    };
    let message = printable(&diagnostic.message);
    let mut group = Group::with_title(level.primary_title(message).id(diagnostic.code.id));
    let primary = &diagnostic.primary;
    if sources.get(primary.span.file).text().is_empty() {
        group = group.element(Origin::path(printable(sources.get(primary.span.file).name())));
    } else {
        let (near, far): (Vec<_>, Vec<_>) =
            diagnostic.secondary.iter().partition(|l| shown_together(sources, primary.span, l.span));
        let mut places = vec![(primary, AnnotationKind::Primary)];
        places.extend(near.into_iter().map(|l| (l, AnnotationKind::Context)));
        group = group.element(excerpt(sources, &places));
        for label in far {
            group = group.element(excerpt(sources, &[(label, AnnotationKind::Context)]));
        }
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(printable(help)));
    }
    if let (Some(why), Some(link)) = (advice::reason(diagnostic.code), advice::link(diagnostic.code)) {
        group = group.element(Level::NOTE.message(wrapped(why)));
        group = group.element(Level::NOTE.with_name("see").message(link));
    }
    let renderer = match colour {
        Colour::Never => Renderer::plain(),
        Colour::Always => Renderer::styled(),
    };
    let mut text = renderer.render(&[group]);
    text.push('\n');
    text
}

/// In one line: for what was explained before.
#[must_use]
pub fn brief(diagnostic: &Diagnostic, sources: &Sources, colour: Colour) -> String {
    let span = diagnostic.primary.span;
    let file = sources.get(span.file);
    let at = sources.location(span);
    let (bold, plain) = if colour == Colour::Always { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    format!(
        "{bold}{}[{}]{plain}: {} ({}:{}:{})\n",
        diagnostic.code.severity.name(),
        diagnostic.code.id,
        printable(&diagnostic.message),
        printable(file.name()),
        at.line,
        at.column
    )
}

/// A text in lines that fit beside an excerpt.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 90;
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

fn shown_together(sources: &Sources, a: Span, b: Span) -> bool {
    a.file == b.file && {
        let text = sources.get(a.file).text();
        let all = a.start.min(b.start) as usize..a.end.max(b.end) as usize;
        lines_around(text, all).len() <= MAX_EXCERPT_BYTES
    }
}

/// The lines of some places of one file, made harmless, with the places moved accordingly.
fn excerpt<'a>(
    sources: &'a Sources,
    places: &[(&'a Label, AnnotationKind)],
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let file = sources.get(places[0].0.span.file);
    let text = file.text();
    let from = places.iter().map(|(l, _)| l.span.start as usize).min().unwrap_or(0);
    let to = places.iter().map(|(l, _)| l.span.end as usize).max().unwrap_or(from);
    let mut region = lines_around(text, from..to);
    if region.len() > MAX_EXCERPT_BYTES {
        region.start = floor(text, region.start.max(from.saturating_sub(MAX_EXCERPT_BYTES / 20)));
        region.end = floor(text, (from + MAX_EXCERPT_BYTES / 20).min(region.end));
    }
    let mut shown = String::with_capacity(region.len());
    let mut ranges: Vec<Range<usize>> = vec![0..0; places.len()];
    for (i, c) in text[region.clone()].char_indices() {
        mark(&mut ranges, places, region.start + i, shown.len());
        push_harmless(&mut shown, c);
    }
    mark(&mut ranges, places, region.end, shown.len());
    let line = file.location(region.start as u32).line as usize;
    let mut snippet = Snippet::source(shown).line_start(line).path(printable(file.name()));
    for ((label, kind), range) in places.iter().zip(ranges) {
        let range = range.start..range.end.max(range.start);
        let annotation = kind.span(range);
        snippet = snippet.annotation(match label.text.as_str() {
            "" => annotation,
            words => annotation.label(printable(words)),
        });
    }
    snippet
}

/// Notes in `ranges` the places that begin or end at `offset`, which is shown at `at`.
fn mark(ranges: &mut [Range<usize>], places: &[(&Label, AnnotationKind)], offset: usize, at: usize) {
    for (range, (label, _)) in ranges.iter_mut().zip(places) {
        if label.span.start as usize >= offset {
            range.start = at;
        }
        if label.span.end as usize >= offset {
            range.end = at;
        }
    }
}

/// The whole lines that a range touches, without the last line's end.
fn lines_around(text: &str, range: Range<usize>) -> Range<usize> {
    let start = floor(text, range.start);
    let last = floor(text, range.end.saturating_sub(1).max(start));
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let line_end = text[last..].find('\n').map_or(text.len(), |i| last + i);
    line_start..line_end.max(line_start)
}

/// The nearest character boundary at or before an offset.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Tabs become spaces, other control characters a picture of themselves: a file must not steer the terminal.
fn push_harmless(shown: &mut String, c: char) {
    match raw::letter(c) {
        '\n' => shown.push('\n'),
        '\t' => shown.push_str("    "),
        '\r' => {}
        '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
        '\u{7f}' => shown.push('\u{2421}'),
        c if c.is_control() => shown.push('\u{fffd}'),
        c => shown.push(c),
    }
}

/// As keepalived logs it: `(FILE: Line N) message`.
#[must_use]
pub fn line(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let span = diagnostic.primary.span;
    let file = sources.get(span.file);
    let name = printable(file.name());
    if file.text().is_empty() {
        return format!("({name}) {}", sentence(diagnostic));
    }
    format!("({name}: Line {}) {}", sources.location(span).line, sentence(diagnostic))
}

/// Message and help in one line, without the signs of Markdown.
pub(super) fn sentence(diagnostic: &Diagnostic) -> String {
    let message = diagnostic.message.replace('`', "'");
    let mut rest = message.chars();
    let first = rest.next().map(|c| c.to_ascii_uppercase());
    let mut text = String::from_iter(first);
    let _ = write!(text, "{}", printable(rest.as_str()));
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, " - {}", printable(&help.replace('`', "'")));
    }
    text
}
