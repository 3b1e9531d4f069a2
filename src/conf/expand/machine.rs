//! The machine that reads files line by line, defines, replaces, repeats and includes, and writes what is left.
//!
//! What a line is, is decided in keepalived's order: a condition, a definition, a sequence, a line with parameters, an
//! include, text. It never goes deeper than [`Limits::depth`], and each line that it writes or works on is counted.

use super::include::{self, Checks};
use super::limits::{ALL_BYTES, Limits};
use super::origin::{Cause, FilePlace, Frame, FrameId, Frames, Line, Origin};
use super::output::{Findings, Output};
use super::parameter::{self, Definition, PREDEFINED, Text, Value};
use super::random::Random;
use super::written::{self, Role, indent, is_blank, strip_comment};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::source::{FileId, Source, Sources, Span};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The expansion ends here: a limit is reached, which is reported already.
#[derive(Debug)]
pub(super) struct Stop;

/// A file that an include found.
pub(super) type Included = (PathBuf, FileId);

/// A file that is being read.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) id: FileId,
    pub(super) directory: PathBuf,
}

/// A definition over several lines that is being read.
struct OpenDefinition {
    /// `None` where its condition does not hold.
    name: Option<Rc<str>>,
    lines: Vec<Text>,
    start: FilePlace,
    length: usize,
    /// The last backslash.
    goes_on: FilePlace,
}

/// The outcome of a line's condition.
enum Condition {
    /// There is none.
    None,
    /// It does not hold.
    Fails,
    /// It holds for what begins here.
    Holds(usize),
}

/// The state of an expansion.
#[derive(Debug)]
pub(super) struct Machine<'a> {
    pub(super) sources: &'a mut Sources,
    /// The start of the first file, for findings without a place of their own.
    pub(super) start: Span,
    pub(super) config_id: Option<&'a str>,
    pub(super) limits: Limits,
    pub(super) definitions: HashMap<Rc<str>, Definition>,
    pub(super) frames: Frames,
    pub(super) files: Vec<OpenFile>,
    pub(super) checks: Checks,
    pub(super) random: Random,
    pub(super) output: Output,
    pub(super) findings: Findings,
    /// What each include found, in their order: a second run finds the same.
    pub(super) journal: Vec<Vec<Included>>,
    /// The next include's place in the journal, on a second run.
    pub(super) replayed: Option<usize>,
    pub(super) included: usize,
    /// Files by their path without links.
    pub(super) known: HashMap<PathBuf, FileId>,
    definitions_made: u64,
    lines_left: u64,
    pub(super) nested_uses_left: u64,
    bytes_allowed: u64,
}

impl<'a> Machine<'a> {
    pub(super) fn new(
        sources: &'a mut Sources,
        start: Span,
        config_id: Option<&'a str>,
        limits: Limits,
        seed: u32,
        output: Output,
    ) -> Machine<'a> {
        let mut machine = Machine {
            sources,
            start,
            config_id,
            limits,
            definitions: HashMap::new(),
            frames: Frames::new(),
            files: Vec::new(),
            checks: Checks::NONE,
            random: Random::new(seed),
            output,
            findings: Findings::default(),
            journal: Vec::new(),
            replayed: None,
            included: 0,
            known: HashMap::new(),
            definitions_made: 0,
            lines_left: limits.lines,
            nested_uses_left: limits.nested_uses,
            bytes_allowed: limits.bytes,
        };
        for (name, value) in PREDEFINED {
            machine.define(Rc::from(name), value);
        }
        machine
    }

    /// Reads a whole file.
    pub(super) fn file(&mut self, id: FileId, path: &Path, frame: FrameId, depth: usize) -> Result<(), Stop> {
        let source = self.sources.share(id);
        let length = source.text().len() as u64;
        self.bytes_allowed = self.bytes_allowed.saturating_add(2 * length).min(ALL_BYTES);
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        self.files.push(OpenFile { id, directory });
        let checks = self.checks;
        let result = self.lines(&source, id, frame, depth);
        self.checks = checks;
        self.files.pop();
        result
    }

    fn lines(&mut self, source: &Source, file: FileId, frame: FrameId, depth: usize) -> Result<(), Stop> {
        let mut open: Option<OpenDefinition> = None;
        for line in written::Lines::new(source.text()) {
            let place = FilePlace { file, start: line.at as u32 };
            match &line.role {
                Role::Empty => {}
                Role::CutsDefinition => {
                    if let Some(definition) = open.take() {
                        self.ended_by_empty_line(&definition, frame);
                        self.end_definition(definition);
                    }
                }
                Role::Continued => {
                    let Some(mut definition) = open.take() else { continue };
                    if !line.code.is_empty() {
                        let text = Rc::from(&line.text[..line.code.end]);
                        definition.lines.push(Text { text, place: Some(place) });
                    }
                    if let Some(backslash) = line.backslash {
                        definition.goes_on = place.after(backslash);
                    }
                    match line.backslash.is_some() || line.code.is_empty() {
                        true => open = Some(definition),
                        false => self.end_definition(definition),
                    }
                }
                Role::Definition { name } if line.backslash.is_some() => {
                    open = Some(self.begin_definition(&line, name.clone(), place));
                }
                Role::Definition { .. } | Role::Statement => {
                    let end = line.backslash.map_or(line.code.end, |b| b + 1);
                    self.line(&Line::new(&line.text[..end], Some(place), frame), depth, false)?;
                }
            }
        }
        if let Some(definition) = open {
            self.end_definition(definition);
        }
        Ok(())
    }

    fn begin_definition(
        &self,
        line: &written::Line<'_>,
        name: Range<usize>,
        place: FilePlace,
    ) -> OpenDefinition {
        // Where its condition does not hold, its lines go with it.
        let holds = line.condition.is_none_or(|condition| condition.holds(self.config_id));
        let value = name.end + 1;
        let value = value + indent(&line.text[value..line.code.end]);
        let mut lines = Vec::new();
        if value < line.code.end {
            let text = Rc::from(&line.text[value..line.code.end]);
            lines.push(Text { text, place: Some(place.after(value)) });
        }
        OpenDefinition {
            length: name.len() + 1,
            start: place.after(line.code.start),
            name: holds.then(|| Rc::from(&line.text[name])),
            lines,
            goes_on: place.after(line.backslash.unwrap_or(line.code.end)),
        }
    }

    fn end_definition(&mut self, definition: OpenDefinition) {
        let Some(name) = definition.name else { return };
        let mut lines = definition.lines;
        let value = match lines.len() {
            0 => Value::Line(Text { text: Rc::from(""), place: Some(definition.start) }),
            1 => Value::Line(lines.remove(0)),
            _ => Value::Lines(Rc::from(lines)),
        };
        self.define(name, value);
    }

    fn ended_by_empty_line(&mut self, definition: &OpenDefinition, frame: FrameId) {
        let Some(name) = &definition.name else { return };
        let message =
            format!("the definition of `${name}` goes on here, but the empty line that follows ends it");
        let diagnostic = Diagnostic::new(&codes::DEFINITION_ENDED, self.start, message)
            .also(definition.start.span(definition.length), "the definition begins here")
            .help("remove the empty line, or the backslash before it");
        let line = Line::new("\\", Some(definition.goes_on), frame);
        self.report_at(&line, 0, 1, diagnostic);
    }

    /// Gives a name a value.
    pub(super) fn define(&mut self, name: Rc<str>, value: Value) {
        self.definitions_made += 1;
        let definition = Definition { id: self.definitions_made, value };
        self.definitions.insert(name, definition);
    }

    /// Reads one line. `generated`: it comes from a parameter or a sequence, and counts towards the limit.
    pub(super) fn line(&mut self, line: &Line<'_>, depth: usize, generated: bool) -> Result<(), Stop> {
        if generated {
            self.lines_left = self.lines_left.saturating_sub(1);
        }
        if self.lines_left == 0 {
            let message = format!("this expands to more than {} lines", self.limits.lines);
            return Err(self.stop(line, message));
        }
        if depth > self.limits.depth {
            let message = format!("includes, parameters and sequences within each other, {depth} deep");
            return Err(self.stop(line, message));
        }
        let mark = self.frames.mark();
        let result = self.read(line, depth);
        self.frames.cut(mark);
        result
    }

    fn read(&mut self, line: &Line<'_>, depth: usize) -> Result<(), Stop> {
        let at = indent(&line.text);
        match self.condition(&line.text[at..]) {
            Condition::None => self.read_unconditional(line, depth, false),
            Condition::Fails => Ok(()),
            Condition::Holds(offset) => {
                self.read_unconditional(&line.part(at + offset..line.text.len()), depth, false)
            }
        }
    }

    /// `replaced`: its parameters are replaced already.
    fn read_unconditional(&mut self, line: &Line<'_>, depth: usize, replaced: bool) -> Result<(), Stop> {
        let at = indent(&line.text);
        let body = &line.text[at..];
        if let Some(length) = parameter::defines(body) {
            self.define_line(line, at, length);
            return Ok(());
        }
        if body.starts_with("~SEQ") || body.starts_with("~LST") {
            return self.sequence(line, at, depth);
        }
        if !replaced
            && body.contains('$')
            && let Some(substituted) = self.substituted(line, depth)?
        {
            // A value can begin a comment.
            let (code, backslash) = strip_comment(&substituted.line.text);
            let end = backslash.map_or(code.len(), |b| b + 1);
            let uncommented = match end < substituted.line.text.len() {
                true => Some(substituted.line.part(0..end)),
                false => None,
            };
            let new = uncommented.as_ref().unwrap_or(&substituted.line);
            let at = indent(&new.text);
            match self.condition(&new.text[at..]) {
                Condition::None => self.read_unconditional(new, depth, true)?,
                Condition::Fails => {}
                Condition::Holds(offset) => {
                    self.read_unconditional(&new.part(at + offset..new.text.len()), depth, true)?;
                }
            }
            // The innermost goes first.
            for (lines, frame) in substituted.following.into_iter().rev() {
                for text in lines.iter().skip(1) {
                    self.line(&Line::new(&text.text, text.place, frame), depth + 1, true)?;
                }
            }
            return Ok(());
        }
        match include::directive(body) {
            Some((checks, pattern)) => self.include(line, at..line.text.len(), at + pattern, checks, depth),
            None => self.emit(line),
        }
    }

    fn condition(&self, body: &str) -> Condition {
        if !body.starts_with('@') {
            return Condition::None;
        }
        match written::Condition::read(body) {
            Some((condition, offset)) if condition.holds(self.config_id) => Condition::Holds(offset),
            _ => Condition::Fails,
        }
    }

    /// `$NAME=value` on one line.
    fn define_line(&mut self, line: &Line<'_>, at: usize, length: usize) {
        let name: Rc<str> = Rc::from(&line.text[at + 1..at + 1 + length]);
        let value = at + length + 2;
        let value = value + indent(&line.text[value..]);
        let text = line.text[value..].trim_end_matches(is_blank);
        // Where the value is itself put together, its first part stands for all of it.
        let place = line.span(value..value + text.len()).map(|s| FilePlace { file: s.file, start: s.start });
        self.define(name, Value::Line(Text { text: Rc::from(text), place }));
    }

    /// Writes a line that is left as it is.
    fn emit(&mut self, line: &Line<'_>) -> Result<(), Stop> {
        let body = line.text.trim_matches(is_blank);
        if let Some(options) = body.strip_prefix("include_check")
            && (options.is_empty() || options.starts_with(is_blank))
        {
            self.checks = self.checks.changed_by(options);
        }
        if let Some(seed) = body.strip_prefix("random_seed").and_then(|s| s.trim().parse().ok()) {
            self.random = Random::new(seed);
        }
        if self.output.length() + line.text.len() as u64 >= self.bytes_allowed {
            let message = format!("this expands to more than {} MiB", self.output.length() >> 20);
            return Err(self.stop(line, message));
        }
        if !body.is_empty() {
            self.output.line(line, &self.frames);
        }
        Ok(())
    }

    /// A frame that led to what comes, within the text at an offset of a line.
    pub(super) fn enter(&mut self, line: &Line<'_>, at: Range<usize>, cause: Cause) -> FrameId {
        let frame = Frame { parent: line.frame(at.start), cause, span: line.span(at) };
        self.frames.push(frame)
    }

    /// Reports what is wrong with a part of a line, at the place where that is written.
    pub(super) fn report_at(&mut self, line: &Line<'_>, start: usize, end: usize, diagnostic: Diagnostic) {
        let origin: Origin = line.resolve(&self.frames, start..end);
        self.findings.push(self.output.length(), origin, diagnostic);
    }

    pub(super) fn stop(&mut self, line: &Line<'_>, message: String) -> Stop {
        let origin = line.resolve(&self.frames, indent(&line.text)..line.text.len());
        let diagnostic = Diagnostic::new(&codes::EXPANSION_TOO_LARGE, self.start, message)
            .help("that is beyond all that a machine can carry out: look for parameters or files that use each other");
        self.findings.push(self.output.length(), origin, diagnostic);
        Stop
    }
}
