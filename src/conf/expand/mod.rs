//! Expansion: includes, conditions, parameters and sequences, before the lexer sees the text.
//!
//! **A file without any of these costs one search** ([`needed`]): the lexer borrows its words from the file itself, and
//! every span is a place in it. Otherwise the expansion writes one text, as if the author had written it all out, and
//! takes it in as a file of its own; lexer, parser and all that follows work on that file and know of nothing else.
//!
//! **Where a piece of that text came from is not kept.** The example of keepalived's manual page makes 65,024 instances
//! of one; a map of origins would be larger than the text. Expansion is repeatable (files are kept, the random seed
//! too), so [`Expansion::resolve`] does it once more when diagnostics point into its text, and asks for the origin of
//! just those places while each line with its pieces is at hand. A clean configuration never pays for it.
//!
//! So a diagnostic ends at the place that its author can change: the word in the file, the value in the definition;
//! the uses, sequences and includes that led there become its further places. What a macro does wrong each time that
//! it is used is said once.
//!
//! What keepalived leaves open or never ends on is decided here: a parameter that leads back to itself, files that
//! include each other, and whatever goes beyond its limits are one diagnostic each, and no configuration is run.
//! Conditions hold before includes and definitions too, which keepalived's manual advises against.

mod files;
mod glob;
mod include;
mod limits;
mod machine;
mod origin;
mod output;
mod parameter;
mod random;
mod sequence;
mod substitute;
pub mod written;

#[cfg(test)]
mod tests;

use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, Verdict, codes};
use crate::conf::sink::Sink;
use crate::conf::source::{FileId, Sources, Span};
use include::Checks;
pub use include::{CHECK_WORDS, CheckProblem, check_problem};
pub use limits::Limits;
use machine::{Included, Machine};
use memchr::{memchr2, memmem};
use origin::{Frames, Origin};
use output::{Found, Output, Watch};
use random::Random;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The files that the pattern of an `include` stands for, relative to the folder of the file that it is in.
#[must_use]
pub fn files_of(pattern: &str, folder: &Path) -> Vec<PathBuf> {
    glob::find(pattern, folder).paths.iter().map(|path| folder.join(path)).collect()
}

/// Whether a text has anything to expand.
#[must_use]
pub fn needed(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Searches that find nothing are faster than a look at each line.
    (memchr2(b'$', b'~', bytes).is_some() || memmem::find(bytes, b"include").is_some())
        && text.lines().any(line_needs)
}

fn line_needs(line: &str) -> bool {
    let mut body = line.trim_start_matches(written::is_blank);
    if let Some((_, offset)) = written::Condition::read(body) {
        body = &body[offset..];
    }
    let starts = match body.as_bytes().first() {
        Some(b'$') => parameter::defines(body).is_some(),
        Some(b'~') => body.starts_with("~SEQ") || body.starts_with("~LST"),
        Some(b'i') => include::directive(body).is_some(),
        _ => false,
    };
    starts || body.contains("${_") || body.contains("$_")
}

/// What came of an expansion.
#[derive(Debug)]
pub struct Expansion {
    /// The file that was expanded.
    main: FileId,
    /// The text, as a file of its own.
    text: FileId,
    seed: u32,
    limits: Limits,
    journal: Vec<Vec<Included>>,
    found: Found,
    complete: bool,
    lines: Vec<Origin>,
}

/// What an expansion depends on, apart from the files.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// `-i`: decides the lines that begin with `@`.
    pub config_id: Option<&'a str>,
    /// `-e`: each include demands its files.
    pub all_files: bool,
    /// How far it may go.
    pub limits: Limits,
}

/// Expands a file.
#[must_use]
pub fn expand(sources: &mut Sources, file: FileId, options: Options<'_>) -> Expansion {
    run(sources, file, options, Output::text())
}

/// Expands a file, and keeps where each line comes from, for [`Expansion::origins`].
#[must_use]
pub fn expand_with_origins(sources: &mut Sources, file: FileId, options: Options<'_>) -> Expansion {
    run(sources, file, options, Output::text_with_origins())
}

fn run(sources: &mut Sources, file: FileId, options: Options<'_>, output: Output) -> Expansion {
    let Options { config_id, all_files, limits } = options;
    let seed = Random::any_seed();
    let name = sources.get(file).name().to_owned();
    let mut machine = Machine::new(sources, start_of(file), config_id, limits, seed, output);
    if all_files {
        machine.checks = Checks::ALL;
    }
    if let Ok(real) = fs::canonicalize(&name) {
        machine.known.insert(real, file);
    }
    let complete = machine.file(file, Path::new(&name), Frames::ROOT, 0).is_ok();
    let Machine { output, findings, journal, .. } = machine;
    let (text, _, lines) = output.finish();
    let text = sources.add_text(name, if complete { text } else { String::new() });
    Expansion { main: file, text, seed, limits, journal, found: findings.finish(), complete, lines }
}

fn start_of(file: FileId) -> Span {
    Span { file, start: 0, end: 0 }
}

impl Expansion {
    /// The text, as a file of its own; it is empty where the expansion went beyond its limits.
    #[must_use]
    pub fn text(&self) -> FileId {
        self.text
    }

    /// Whether it came to its end.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The gravest of keepalived's verdicts on what was found during the expansion.
    #[must_use]
    pub fn worst(&self) -> Option<Verdict> {
        self.found.worst
    }

    /// Where to gather what is found in the text: bounded together with what was found on the way to it.
    #[must_use]
    pub fn sink(&self) -> Sink {
        Sink::behind(self.text, self.found.list.len(), self.found.left_out)
    }

    /// Where each line of the text comes from, and the places that led to it, innermost first.
    pub fn origins(&self) -> impl Iterator<Item = (Option<Span>, Vec<Span>)> {
        self.lines.iter().map(|o| (o.span, o.path.iter().map(|n| n.span).collect()))
    }

    /// Points diagnostics at what the author wrote, and adds those of the expansion itself, in the order of the text.
    #[must_use]
    pub fn resolve(
        self,
        sources: &mut Sources,
        config_id: Option<&str>,
        diagnostics: Vec<Diagnostic>,
    ) -> Vec<Diagnostic> {
        let inside = |span: Span| span.file == self.text;
        let spans = |d: &Diagnostic| {
            let line = if let KeepalivedLine::At(span) = d.keepalived_line { Some(span) } else { None };
            let secondary = d.secondary.iter().map(|l| l.span);
            std::iter::once(d.primary.span).chain(line).chain(secondary).collect::<Vec<_>>()
        };
        let mut wanted: Vec<Span> = diagnostics.iter().flat_map(spans).filter(|s| inside(*s)).collect();
        wanted.sort_by_key(|s| (s.start, s.end));
        wanted.dedup();
        let origins =
            if wanted.is_empty() { HashMap::new() } else { self.origins_of(sources, config_id, &wanted) };

        let mut all = self.found.list;
        let found = all.len();
        let start = start_of(self.main);
        for mut diagnostic in diagnostics {
            let position =
                if inside(diagnostic.primary.span) { diagnostic.primary.span.start.into() } else { 0 };
            for label in &mut diagnostic.secondary {
                if inside(label.span) {
                    label.span = origins.get(&label.span).and_then(|o| o.span).unwrap_or(start);
                }
            }
            if let KeepalivedLine::At(span) = &mut diagnostic.keepalived_line
                && inside(*span)
            {
                *span = origins.get(span).and_then(Origin::line).unwrap_or(start);
            }
            if inside(diagnostic.primary.span) {
                let origin = origins.get(&diagnostic.primary.span).cloned();
                diagnostic.primary.span = start;
                if let Some(origin) = origin {
                    origin.point(&mut diagnostic);
                }
            }
            all.push((position, diagnostic));
        }
        let mut all = say_once(all, found);
        all.sort_by_key(|(position, d)| (std::ptr::eq(d.code, &codes::TOO_MANY), *position));
        all.into_iter().map(|(_, d)| d).collect()
    }

    /// Expands once more, and asks for some origins on the way.
    fn origins_of(
        &self,
        sources: &mut Sources,
        config_id: Option<&str>,
        wanted: &[Span],
    ) -> HashMap<Span, Origin> {
        let watch = |s: &Span| Watch { range: s.start.into()..s.end.into(), origin: None };
        let output = Output::watching(wanted.iter().map(watch).collect());
        let name = sources.get(self.main).name().to_owned();
        let start = start_of(self.main);
        let mut machine = Machine::new(sources, start, config_id, self.limits, self.seed, output);
        machine.journal.clone_from(&self.journal);
        machine.replayed = Some(0);
        // It ends early when all is known.
        let _ = machine.file(self.main, Path::new(&name), Frames::ROOT, 0);
        let (_, watches, _) = machine.output.finish();
        let known = |(span, watch): (&Span, Watch)| Some((*span, watch.origin?));
        wanted.iter().zip(watches).filter_map(known).collect()
    }
}

/// Of the same finding at the same place, come to in several ways, the first is kept, and the others are counted: where
/// they say the same, or where the same lines led there in another round of a sequence. The first `apart` are left as
/// they are.
fn say_once(all: Vec<(u64, Diagnostic)>, apart: usize) -> Vec<(u64, Diagnostic)> {
    let mut same_message: HashMap<(&'static str, Span, String), usize> = HashMap::new();
    let mut same_way: HashMap<(&'static str, Span, Vec<Span>), usize> = HashMap::new();
    let mut kept: Vec<(u64, Diagnostic, u64)> = Vec::new();
    for (i, (position, diagnostic)) in all.into_iter().enumerate() {
        if i >= apart && !diagnostic.secondary.is_empty() {
            let (code, span) = (diagnostic.code.id, diagnostic.primary.span);
            let message = (code, span, diagnostic.message.clone());
            let way = (code, span, diagnostic.secondary.iter().map(|label| label.span).collect());
            if let Some(at) = same_message.get(&message).or_else(|| same_way.get(&way)) {
                kept[*at].2 += 1;
                continue;
            }
            same_message.insert(message, kept.len());
            same_way.insert(way, kept.len());
        }
        kept.push((position, diagnostic, 0));
    }
    let with_count = |(position, mut diagnostic, more): (u64, Diagnostic, u64)| {
        if more > 0 {
            let times = if more == 1 { "time".to_owned() } else { "times".to_owned() };
            let count = format!("expanded {more} more {times} with the same outcome");
            diagnostic.help = Some(match diagnostic.help {
                Some(help) => format!("{help} ({count})"),
                None => count,
            });
        }
        (position, diagnostic)
    };
    kept.into_iter().map(with_count).collect()
}
