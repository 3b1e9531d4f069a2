//! Gathers diagnostics while a configuration is read: a bounded number, and each keyword without effect once.

use super::diagnostic::{Code, Diagnostic, Severity, Verdict, codes};
use super::schema::Keyword;
use super::source::{FileId, Span};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// More are not shown, but counted.
pub(super) const MAX_DIAGNOSTICS: usize = 500;

/// Gathers diagnostics.
#[derive(Debug)]
pub struct Sink {
    file: FileId,
    list: Vec<Diagnostic>,
    /// How many are shown besides these.
    before: usize,
    left_out: u64,
    worst: Option<Verdict>,
    /// How often there was something wrong.
    problems: u64,
    /// Nothing is kept: this text is read for a second time.
    muted: bool,
    not_carried_out: HashMap<*const Keyword, (Span, u64)>,
}

impl Sink {
    /// Nothing to say yet about this file.
    #[must_use]
    pub fn new(file: FileId) -> Sink {
        Sink {
            file,
            list: Vec::new(),
            before: 0,
            left_out: 0,
            worst: None,
            problems: 0,
            muted: false,
            not_carried_out: HashMap::new(),
        }
    }

    /// For what comes after so many other findings, and after so many that are left out.
    pub(super) fn behind(file: FileId, before: usize, left_out: u64) -> Sink {
        Sink { before, left_out, ..Sink::new(file) }
    }

    /// For what is read a second time: it keeps nothing.
    pub(super) fn muted(file: FileId) -> Sink {
        Sink { muted: true, ..Sink::new(file) }
    }

    /// How much there was to say so far, keywords without effect apart.
    pub(super) fn problems(&self) -> u64 {
        self.problems
    }

    /// The file at hand.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Whether what comes now is not shown.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.muted || self.before + self.list.len() >= MAX_DIAGNOSTICS
    }

    /// Whether a finding of this kind is among those shown.
    #[must_use]
    pub fn has(&self, code: &'static Code) -> bool {
        self.list.iter().any(|d| std::ptr::eq(d.code, code))
    }

    /// Whether something wrong with this place, or a part of it, is among what is shown; advice does not count.
    pub(super) fn has_problem_at(&self, span: Span) -> bool {
        let is_within = |s: Span| s.file == span.file && span.start <= s.start && s.end <= span.end;
        self.list.iter().any(|d| d.code.severity > Severity::Hint && is_within(d.primary.span))
    }

    /// One more.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.muted {
            return;
        }
        self.problems += u64::from(!std::ptr::eq(diagnostic.code, &codes::NOT_CARRIED_OUT));
        self.worst = self.worst.max(Some(diagnostic.code.verdict));
        if !self.is_full() {
            self.list.push(diagnostic);
        } else if diagnostic.code.severity > Severity::Hint {
            self.left_out += 1;
        }
    }

    /// A keyword without effect: reported at its first place, where further ones are counted.
    pub fn not_carried_out(&mut self, keyword: &'static Keyword, span: Span) {
        if self.muted {
            return;
        }
        match self.not_carried_out.entry(std::ptr::from_ref(keyword)) {
            Entry::Occupied(mut seen) => seen.get_mut().1 += 1,
            Entry::Vacant(new) => {
                new.insert((span, 0));
                let message = format!(
                    "`{}` is known but not carried out yet by this version of vipd; {}",
                    keyword.name,
                    keyword.without.unwrap_or("it has no effect")
                );
                self.push(Diagnostic::new(&codes::NOT_CARRIED_OUT, span, message));
            }
        }
    }

    /// All findings in the order of the text, and the gravest of keepalived's verdicts on them.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Diagnostic>, Option<Verdict>) {
        let more: HashMap<Span, u64> = self.not_carried_out.into_values().collect();
        for diagnostic in self.list.iter_mut().filter(|d| std::ptr::eq(d.code, &codes::NOT_CARRIED_OUT)) {
            match more.get(&diagnostic.primary.span) {
                Some(1) => diagnostic.help = Some("and in one other place".to_owned()),
                Some(n) if *n > 1 => diagnostic.help = Some(format!("and in {n} other places")),
                _ => {}
            }
        }
        self.list.sort_by_key(|d| d.primary.span);
        if self.left_out > 0 {
            let end = Span { file: self.file, start: u32::MAX, end: u32::MAX };
            let last = self.list.last().map_or(end, |d| d.primary.span);
            let message = format!("{} more problems are not shown; correct these first", self.left_out);
            self.list.push(Diagnostic::new(&codes::TOO_MANY, last, message));
        }
        (self.list, self.worst)
    }
}
