//! What an expansion writes, and what it finds: lines, the origins that were asked for, diagnostics.

use super::origin::{Frames, Line, Origin};
use crate::conf::diagnostic::{Diagnostic, Severity, Verdict, codes};
use crate::conf::sink::MAX_DIAGNOSTICS;
use crate::conf::source::Span;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

/// A part of the text whose origin is asked for.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) range: Range<u64>,
    pub(super) origin: Option<Origin>,
}

/// The text that is written. A first run keeps it; a second one, which looks for origins, only counts bytes.
#[derive(Debug, Default)]
pub(super) struct Output {
    text: String,
    length: u64,
    counts_only: bool,
    /// By their start.
    watches: Vec<Watch>,
    next_watch: usize,
    /// The origin of each line, where all are wanted.
    origins: Option<Vec<Origin>>,
}

impl Output {
    /// Text alone.
    pub(super) fn text() -> Output {
        Output::default()
    }

    /// Text, and where each line of it comes from.
    pub(super) fn text_with_origins() -> Output {
        Output { origins: Some(Vec::new()), ..Output::default() }
    }

    /// No text, but the origins of some places, which are sorted.
    pub(super) fn watching(watches: Vec<Watch>) -> Output {
        Output { counts_only: true, watches, ..Output::default() }
    }

    /// How many bytes were written.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether all origins that were asked for are known.
    pub(super) fn is_done(&self) -> bool {
        self.counts_only && self.next_watch >= self.watches.len()
    }

    /// Writes a line.
    pub(super) fn line(&mut self, line: &Line<'_>, frames: &Frames) {
        let start = self.length;
        self.length += line.text.len() as u64 + 1;
        if !self.counts_only {
            self.text.push_str(&line.text);
            self.text.push('\n');
        }
        while let Some(watch) = self.watches.get_mut(self.next_watch).filter(|w| w.range.start < self.length)
        {
            let within = |offset: u64| (offset.saturating_sub(start) as usize).min(line.text.len());
            watch.origin = Some(line.resolve(frames, within(watch.range.start)..within(watch.range.end)));
            self.next_watch += 1;
        }
        if let Some(origins) = &mut self.origins {
            origins.push(line.resolve(frames, 0..line.text.len()));
        }
    }

    /// All that was written.
    pub(super) fn finish(self) -> (String, Vec<Watch>, Vec<Origin>) {
        (self.text, self.watches, self.origins.unwrap_or_default())
    }
}

/// The findings of an expansion, whose number is bounded.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Each with the length of the output by then.
    list: Vec<(u64, Diagnostic)>,
    /// Where in the list each stands, and how often it was found again.
    by_place: HashMap<(&'static str, Span), Again>,
    left_out: u64,
    worst: Option<Verdict>,
}

/// All that an expansion found.
#[derive(Debug)]
pub(super) struct Found {
    /// Those that are shown, each with the length of the output by then.
    pub(super) list: Vec<(u64, Diagnostic)>,
    /// The number of problems that are not shown.
    pub(super) left_out: u64,
    /// The gravest of keepalived's verdicts on all of them.
    pub(super) worst: Option<Verdict>,
}

impl Findings {
    /// Adds a finding; one of the same kind at the same place is counted, since rounds of a sequence repeat it.
    pub(super) fn push(&mut self, at: u64, origin: Origin, mut diagnostic: Diagnostic) {
        origin.point(&mut diagnostic);
        match self.by_place.entry((diagnostic.code.id, diagnostic.primary.span)) {
            Entry::Occupied(mut again) => again.get_mut().times += 1,
            Entry::Vacant(new) => {
                // The finding that ends the expansion comes last, and is always shown.
                let ends = std::ptr::eq(diagnostic.code, &codes::EXPANSION_TOO_LARGE);
                let kept = ends || self.list.len() < MAX_DIAGNOSTICS;
                self.worst = self.worst.max(Some(diagnostic.code.verdict));
                new.insert(Again { place: kept.then_some(self.list.len()), times: 0 });
                if kept {
                    self.list.push((at, diagnostic));
                } else if diagnostic.code.severity > Severity::Hint {
                    self.left_out += 1;
                }
            }
        }
    }

    /// All of them, each with how often it came again.
    pub(super) fn finish(mut self) -> Found {
        for Again { place, times } in self.by_place.into_values().filter(|again| again.times > 0) {
            let Some((_, diagnostic)) = place.and_then(|place| self.list.get_mut(place)) else { continue };
            let plural = if times == 1 { "" } else { "s" };
            let again = format!("expanded {times} more time{plural} with the same outcome");
            diagnostic.help = Some(match diagnostic.help.take() {
                Some(help) => format!("{help} ({again})"),
                None => again,
            });
        }
        Found { list: self.list, left_out: self.left_out, worst: self.worst }
    }
}

/// How often a finding came again.
#[derive(Debug)]
struct Again {
    /// Its place in the list; `None` where it is not kept.
    place: Option<usize>,
    times: usize,
}
