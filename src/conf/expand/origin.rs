//! Where text comes from: lines under expansion carry pieces, each with its place in a file and what led to it.
//!
//! What led to it are frames: an include, the use of a parameter, a round of a sequence. A frame lives as long as the
//! work on what it leads to, so there are never more of them than the work is deep, plus the uses on one line.

use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, Label};
use crate::conf::source::{FileId, Span};
use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

/// No diagnostic lists more places than this; the innermost ones are kept.
const MAX_NOTES: usize = 8;

/// Where text stands in a file, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FilePlace {
    pub(super) file: FileId,
    pub(super) start: u32,
}

impl FilePlace {
    /// The place of what stands `bytes` further on.
    pub(super) fn after(self, bytes: usize) -> FilePlace {
        FilePlace { start: self.start + bytes as u32, ..self }
    }

    pub(super) fn span(self, length: usize) -> Span {
        Span { file: self.file, start: self.start, end: self.start + length as u32 }
    }
}

/// Why text is read.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    /// It stands in the first file.
    Root,
    /// `include`.
    Include,
    /// `$NAME`: this definition of it, and where its value stands.
    Parameter { name: Rc<str>, definition: u64, value: Option<Span> },
    /// A round of `~SEQ` or `~LST`, with the variables and their values.
    Round { names: Rc<str>, values: Rc<str> },
}

/// One step on the way to a text.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) parent: FrameId,
    pub(super) cause: Cause,
    /// The directive, or the parameter's use.
    pub(super) span: Option<Span>,
}

/// A frame within [`Frames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FrameId(u32);

/// The frames in use: a tree in one vector, cut back when the work on a line is done.
#[derive(Debug)]
pub(super) struct Frames {
    frames: Vec<Frame>,
}

impl Frames {
    pub(super) const ROOT: FrameId = FrameId(0);

    pub(super) fn new() -> Frames {
        Frames { frames: vec![Frame { parent: Frames::ROOT, cause: Cause::Root, span: None }] }
    }

    pub(super) fn push(&mut self, frame: Frame) -> FrameId {
        self.frames.push(frame);
        FrameId(self.frames.len() as u32 - 1)
    }

    /// How many there are, for [`Frames::cut`].
    pub(super) fn mark(&self) -> usize {
        self.frames.len()
    }

    /// Forgets all that came after the mark.
    pub(super) fn cut(&mut self, mark: usize) {
        self.frames.truncate(mark.max(1));
    }

    pub(super) fn get(&self, id: FrameId) -> &Frame {
        &self.frames[id.0 as usize]
    }

    /// A frame and those that led to it, the root left out.
    pub(super) fn chain(&self, from: FrameId) -> impl Iterator<Item = &Frame> {
        let step = |id: FrameId| (id != Frames::ROOT).then_some(id);
        std::iter::successors(step(from), move |id| step(self.get(*id).parent)).map(|id| self.get(id))
    }

    /// The frame right below `above` on the way to `id`; `None` where `id` is `above`, or not below it.
    fn below(&self, id: FrameId, above: FrameId) -> Option<FrameId> {
        let mut id = id;
        while id > above {
            let parent = self.get(id).parent;
            if parent == above {
                return Some(id);
            }
            id = parent;
        }
        None
    }

    fn common(&self, a: FrameId, b: FrameId) -> FrameId {
        let (mut a, mut b) = (a, b);
        // A parent is always older than what it leads to.
        while a != b {
            if a > b { a = self.get(a).parent } else { b = self.get(b).parent }
        }
        a
    }
}

/// Text of one origin within a [`Line`]: from `at` to the next piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    at: u32,
    /// `None` where it stands in no file: a number of a sequence, an environment variable.
    place: Option<FilePlace>,
    frame: FrameId,
}

/// A line on its way to the parser.
#[derive(Clone, Debug)]
pub(super) struct Line<'t> {
    pub(super) text: Cow<'t, str>,
    pieces: Vec<Piece>,
}

impl<'t> Line<'t> {
    /// A line that stands in one piece.
    pub(super) fn new(text: &'t str, place: Option<FilePlace>, frame: FrameId) -> Line<'t> {
        Line { text: Cow::Borrowed(text), pieces: vec![Piece { at: 0, place, frame }] }
    }

    /// Nothing yet.
    pub(super) fn empty() -> Line<'static> {
        Line { text: Cow::Borrowed(""), pieces: Vec::new() }
    }

    fn index(&self, at: usize) -> usize {
        self.pieces.partition_point(|p| p.at as usize <= at).saturating_sub(1)
    }

    fn piece(&self, at: usize) -> Option<Piece> {
        self.pieces.get(self.index(at)).copied()
    }

    /// What led to the text at an offset.
    pub(super) fn frame(&self, at: usize) -> FrameId {
        self.piece(at).map_or(Frames::ROOT, |p| p.frame)
    }

    /// Where the text at an offset stands, if it stands in a file.
    pub(super) fn place(&self, at: usize) -> Option<FilePlace> {
        let piece = self.piece(at)?;
        Some(piece.place?.after(at - piece.at as usize))
    }

    /// A part of it that stands in one piece.
    pub(super) fn span(&self, range: Range<usize>) -> Option<Span> {
        let last = range.end.saturating_sub(1).max(range.start);
        let same = self.index(range.start) == self.index(last);
        self.place(range.start).filter(|_| same).map(|p| p.span(range.len()))
    }

    /// A part of it as a line of its own.
    pub(super) fn part(&self, range: Range<usize>) -> Line<'_> {
        let from = self.index(range.start);
        let to = self.pieces.partition_point(|p| (p.at as usize) < range.end).max(from + 1);
        let moved = |p: &Piece| {
            let cut = range.start.saturating_sub(p.at as usize);
            let at = (p.at as usize).saturating_sub(range.start) as u32;
            Piece { at, place: p.place.map(|place| place.after(cut)), frame: p.frame }
        };
        let pieces = self.pieces.get(from..to).unwrap_or_default().iter().map(moved).collect();
        Line { text: Cow::Borrowed(&self.text[range]), pieces }
    }

    /// Adds text of one origin.
    pub(super) fn push(&mut self, text: &str, place: Option<FilePlace>, frame: FrameId) {
        if !text.is_empty() {
            self.pieces.push(Piece { at: self.text.len() as u32, place, frame });
            self.text.to_mut().push_str(text);
        }
    }

    /// Adds a part of another line.
    pub(super) fn push_part(&mut self, line: &Line<'_>, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let offset = self.text.len() as u32;
        let part = line.part(range);
        self.pieces.extend(part.pieces.iter().map(|p| Piece { at: p.at + offset, ..*p }));
        self.text.to_mut().push_str(&part.text);
    }

    /// Puts the frame `to` in the place of `from`.
    pub(super) fn reframe(&mut self, from: FrameId, to: FrameId) {
        for piece in self.pieces.iter_mut().filter(|p| p.frame == from) {
            piece.frame = to;
        }
    }

    /// Where the author wrote what stands in `range`, and how it came here.
    ///
    /// The place is the innermost text that holds all of it: of `10.0.${NUM}.300` the whole word, where it is written;
    /// of `$VIP` alone the value, where that is written; of the number of a sequence the parameter's use.
    pub(super) fn resolve(&self, frames: &Frames, range: Range<usize>) -> Origin {
        let last = range.end.saturating_sub(1).max(range.start);
        let (Some(first), Some(end)) = (self.piece(range.start), self.piece(last)) else {
            return Origin::default();
        };
        let mut common = frames.common(first.frame, end.frame);
        let span = loop {
            let start = self.seen_from(frames, common, range.start);
            let end = self.seen_from(frames, common, last);
            match (start, end) {
                (Some(start), Some(end)) if start.file == end.file && start.start <= end.end => {
                    let end = if range.is_empty() { start.start } else { end.end };
                    break Some(Span { end, ..start });
                }
                _ if common == Frames::ROOT => break None,
                _ => common = frames.get(common).parent,
            }
        };
        let mut values = Vec::new();
        let pieces = self.pieces.get(self.index(range.start)..=self.index(last)).unwrap_or_default();
        for piece in pieces.iter().filter(|p| p.frame != common) {
            let below = frames.below(piece.frame, common).map(|id| frames.get(id));
            if let Some(Frame { cause: Cause::Parameter { name, value: Some(value), .. }, .. }) = below
                && !frames.chain(common).any(|f| f.span == Some(*value))
            {
                note(&mut values, *value, format!("`${name}` is set here"));
            }
        }
        let mut path = Vec::new();
        let (mut used, mut included) = (None, false);
        for frame in frames.chain(common) {
            let Some(span) = frame.span else { continue };
            match &frame.cause {
                Cause::Root => {}
                Cause::Include => {
                    included = true;
                    note(&mut path, span, "included from here".to_owned());
                }
                Cause::Parameter { name, .. } => {
                    if !included {
                        used = Some(span);
                    }
                    note(&mut path, span, format!("expanded from `${name}` here"));
                }
                Cause::Round { names, values } => {
                    note(&mut path, span, format!("sequence here, with {names} = {values}"));
                }
            }
        }
        Origin { span, used, values, path }
    }

    /// The text at an offset as it is written in the text that `frame` leads to: itself, or the use of a parameter.
    fn seen_from(&self, frames: &Frames, frame: FrameId, at: usize) -> Option<Span> {
        let piece = self.piece(at)?;
        match frames.below(piece.frame, frame) {
            Some(below) => frames.get(below).span,
            None => {
                let char = self.text.get(at..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8);
                Some(piece.place?.after(at - piece.at as usize).span(char))
            }
        }
    }
}

/// A place in a file, and the places that led to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// `None` where it stands in no file at all.
    pub(super) span: Option<Span>,
    /// The line that used the parameter whose value this is.
    pub(super) used: Option<Span>,
    /// The values put into it.
    pub(super) values: Vec<Label>,
    /// Uses, sequences and includes, the innermost first.
    pub(super) path: Vec<Label>,
}

/// One place more, unless there are enough, or it is known.
fn note(notes: &mut Vec<Label>, span: Span, text: String) {
    if notes.len() < MAX_NOTES && notes.iter().all(|l| l.span != span) {
        notes.push(Label { span, text });
    }
}

impl Origin {
    /// The line of a file that was read when this came: keepalived knows no other.
    pub(super) fn line(&self) -> Option<Span> {
        self.used.or(self.span)
    }

    /// Points a diagnostic here: its place, and the places that led to it behind those it has.
    pub(super) fn point(self, diagnostic: &mut Diagnostic) {
        if let Some(span) = self.span {
            diagnostic.primary.span = span;
        }
        if let (KeepalivedLine::Here, Some(used)) = (diagnostic.keepalived_line, self.used) {
            diagnostic.keepalived_line = KeepalivedLine::At(used);
        }
        for note in self.values.into_iter().chain(self.path) {
            let known = diagnostic.secondary.iter().any(|l| l.span == note.span && l.text == note.text);
            if !known && note.span != diagnostic.primary.span {
                diagnostic.secondary.push(note);
            }
        }
    }
}
