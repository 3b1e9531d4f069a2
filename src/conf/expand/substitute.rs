//! The machine's work on parameters and sequences: what a use is replaced by, and the rounds of `~SEQ` and `~LST`.
//!
//! Replacement is late and recursive, as keepalived's: a value is looked into when it is used. What stands behind a use
//! decides whether it is one, even where the use ends a value: `$A` is replaced before a blank, not before a dot.

use super::machine::{Machine, Stop};
use super::origin::{Cause, FilePlace, FrameId, Line};
use super::parameter::{Text, Use, Value, use_at};
use super::sequence::{self, Sequence};
use super::written::{indent, is_blank};
use crate::conf::diagnostic::{Code, Diagnostic, codes};
use crate::raw;
use std::env;
use std::fs;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::rc::Rc;

/// Lines that follow, and what led to them.
pub(super) type Following = (Rc<[Text]>, FrameId);

/// A line whose parameters are replaced.
#[derive(Debug)]
pub(super) struct Substituted {
    pub(super) line: Line<'static>,
    /// The other lines of values of several lines, the outermost first.
    pub(super) following: Vec<Following>,
    changed: bool,
    uses: usize,
    /// A value begins with a sequence: what follows waits for its rounds.
    stopped: bool,
}

/// A value, ready to be put in.
enum Replacement {
    Lines(Rc<[Text]>),
    Text(Text),
}

/// Why a line can't be replaced; it is reported already.
enum Broken {
    /// The line is left out.
    Line,
    /// The work ends.
    All(Stop),
}

impl Machine<'_> {
    /// The line with its parameters replaced; `None` if it has none.
    pub(super) fn substituted(&mut self, line: &Line<'_>, depth: usize) -> Result<Option<Substituted>, Stop> {
        let mut done = Substituted {
            line: Line::empty(),
            following: Vec::new(),
            changed: false,
            uses: 0,
            stopped: false,
        };
        match self.substitute(line, None, &mut done, depth) {
            Ok(()) => Ok(done.changed.then_some(done)),
            Err(Broken::Line) => {
                done.line = Line::empty();
                done.following.clear();
                Ok(Some(done))
            }
            Err(Broken::All(stop)) => Err(stop),
        }
    }

    fn broken(&mut self, line: &Line<'_>, at: &Range<usize>, code: &'static Code, message: String) -> Broken {
        let diagnostic = Diagnostic::new(code, self.start, message);
        self.report_at(line, at.start, at.end, diagnostic);
        Broken::Line
    }

    fn substitute(
        &mut self,
        line: &Line<'_>,
        next: Option<u8>,
        done: &mut Substituted,
        depth: usize,
    ) -> Result<(), Broken> {
        let text: &str = &line.text;
        let (mut copied, mut from) = (0, 0);
        while let Some(offset) = text[from..].find('$') {
            let at = from + offset;
            from = at + 1;
            let Some(found) = use_at(text, at, next) else { continue };
            let after = text.as_bytes().get(found.range.end).copied().or(next);
            let Some((id, replacement)) = self.replacement(line, &found, after) else { continue };
            let Use { range, name, .. } = found;
            let leads_back =
                |cause: &Cause| matches!(cause, Cause::Parameter { definition, .. } if *definition == id);
            if self.frames.chain(line.frame(at)).any(|f| leads_back(&f.cause)) {
                let message = format!("`${name}` leads back to itself: this line can't be replaced");
                return Err(self.broken(line, &range, &codes::PARAMETER_CYCLE, message));
            }
            done.uses += 1;
            if depth > self.limits.depth || done.uses > self.limits.line_uses {
                let message = "too many parameters are replaced within each other here".to_owned();
                return Err(self.broken(line, &range, &codes::LINE_TOO_LONG, message));
            }
            done.changed = true;
            done.line.push_part(line, copied..at);
            copied = range.end;
            from = range.end;
            let value = match &replacement {
                Replacement::Text(text) => Some(text),
                Replacement::Lines(lines) => lines.first(),
            };
            let value_span = value.and_then(|v| Some(v.place?.span(v.text.len())));
            let cause = Cause::Parameter { name: Rc::from(name), definition: id, value: value_span };
            let frame = self.enter(line, range.clone(), cause);
            if let Replacement::Lines(lines) = &replacement {
                done.following.push((Rc::clone(lines), frame));
            }
            let Some(value) = value else { continue };
            if value.text.trim_start_matches(is_blank).starts_with('~') {
                done.line.push(&value.text, value.place, frame);
                done.stopped = true;
            } else if value.text.contains('$') {
                if self.nested_uses_left == 0 {
                    let most = self.limits.nested_uses;
                    let message = format!("this replaces more than {most} parameters within each other");
                    return Err(Broken::All(self.stop(line, message)));
                }
                self.nested_uses_left -= 1;
                let inner = Line::new(&value.text, value.place, frame);
                self.substitute(&inner, after, done, depth + 1)?;
            } else {
                done.line.push(&value.text, value.place, frame);
            }
            if done.line.text.len() > self.limits.line_bytes {
                let message = format!("replaced, this line is longer than {} bytes", self.limits.line_bytes);
                return Err(self.broken(line, &range, &codes::LINE_TOO_LONG, message));
            }
            if done.stopped {
                break;
            }
        }
        done.line.push_part(line, copied..text.len());
        Ok(())
    }

    /// What a use is replaced by, with the definition's number; `None` if it stays.
    fn replacement(
        &mut self,
        line: &Line<'_>,
        found: &Use<'_>,
        after: Option<u8>,
    ) -> Option<(u64, Replacement)> {
        let definition = self.definitions.get(found.name)?;
        let id = definition.id;
        let value = definition.value.clone();
        if !found.ends {
            // A definition of this name, at the start of a value.
            if after == Some(b'=') {
                return None;
            }
            let message =
                format!("`${}` is not replaced here: only a blank, `,` or `)` may follow it", found.name);
            let help = format!("write `${{{}}}`", found.name);
            self.not_replaced(line, &found.range, message, &help);
            return None;
        }
        let count = found.arguments.split_ascii_whitespace().count();
        if !value.arguments().contains(&count) {
            let message = match value {
                Value::Environment => "`${_ENV NAME}` takes the name of one variable",
                Value::Random => "`${_RANDOM MIN MAX}` takes at most two numbers",
                // keepalived says nothing of it either.
                _ => return None,
            };
            let diagnostic = Diagnostic::new(&codes::PARAMETER_ARGUMENTS, self.start, message);
            self.report_at(line, found.range.start, found.range.end, diagnostic);
            return None;
        }
        let made = |text: &str| Replacement::Text(Text { text: Rc::from(text), place: None });
        let replacement = match value {
            Value::Line(text) => Replacement::Text(text),
            Value::Lines(_) if after.is_some() => {
                let message = format!(
                    "`${}` has several lines: it is replaced at the end of a line only, not here",
                    found.name
                );
                self.not_replaced(line, &found.range, message, "put what follows on a line of its own");
                return None;
            }
            Value::Lines(lines) => Replacement::Lines(lines),
            Value::Directory => made(&self.directory()),
            Value::Instance => made(self.config_id?),
            Value::Random => made(&self.random_number(line, found)?),
            Value::Environment => made(&environment(found.arguments)),
            Value::CommentSign(sign) => made(&sign.to_string()),
        };
        Some((id, replacement))
    }

    fn not_replaced(&mut self, line: &Line<'_>, at: &Range<usize>, message: String, help: &str) {
        let diagnostic = Diagnostic::new(&codes::NOT_REPLACED, self.start, message).help(help);
        self.report_at(line, at.start, at.end, diagnostic);
    }

    /// The directory of the file at hand, without links, as `getcwd(3)` has it.
    fn directory(&self) -> String {
        let directory = self.files.last().map_or(Path::new(""), |f| &f.directory);
        let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let real = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
        raw::text(real.into_os_string().into_vec())
    }

    fn random_number(&mut self, line: &Line<'_>, found: &Use<'_>) -> Option<String> {
        let mut bounds = [0, 32767];
        for (bound, text) in bounds.iter_mut().zip(found.arguments.split_ascii_whitespace()) {
            match text.parse::<u32>() {
                Ok(number) => *bound = u64::from(number),
                Err(_) => {
                    let message = format!("`{text}` is not a number: `${{_RANDOM MIN MAX}}` is not replaced");
                    let diagnostic = Diagnostic::new(&codes::PARAMETER_ARGUMENTS, self.start, message);
                    self.report_at(line, found.range.start, found.range.end, diagnostic);
                    return None;
                }
            }
        }
        let [min, max] = bounds;
        if min > max {
            let message = format!("`${{_RANDOM}}`: {min} is above {max}, and is taken");
            let diagnostic = Diagnostic::new(&codes::PARAMETER_ARGUMENTS, self.start, message);
            self.report_at(line, found.range.start, found.range.end, diagnostic);
        }
        Some(self.random.between(min, max.max(min)).to_string())
    }

    /// `~SEQ(…) rest`, `~LST(…) rest`: the rest once for each round.
    pub(super) fn sequence(&mut self, line: &Line<'_>, at: usize, depth: usize) -> Result<(), Stop> {
        let body = &line.text[at..];
        let read = if body.starts_with("~LST") {
            sequence::list(body).map_err(|w| (w.range, w.message))
        } else {
            self.numbers(line, at)
        };
        let (sequence, end) = match read {
            Ok(read) => read,
            Err((range, message)) => {
                let diagnostic = Diagnostic::new(&codes::BAD_SEQUENCE, self.start, message)
                    .help("write `~SEQ(NAME, first, step, last) text` or `~LST(NAME, value, value) text`");
                let range = range.start.min(body.len())..range.end.min(body.len());
                self.report_at(line, at + range.start, at + range.end, diagnostic);
                return Ok(());
            }
        };
        let rest = at + end + indent(&body[end..]);
        let mut rest = line.part(rest..line.text.len());
        let head = at..at + end;
        match sequence {
            Sequence::Numbers { name, start, step, end, hexadecimal } => {
                let mut number = start;
                while if step > 0 { number <= end } else { number >= end } {
                    let shown = if hexadecimal { format!("{number:x}") } else { number.to_string() };
                    let value: Rc<str> = Rc::from(shown);
                    let text = Text { text: Rc::clone(&value), place: None };
                    self.define(Rc::clone(&name), Value::Line(text));
                    self.round(line, head.clone(), &mut rest, Rc::clone(&name), value, depth)?;
                    match number.checked_add(step) {
                        Some(next) => number = next,
                        None => break,
                    }
                }
            }
            Sequence::List { names, rounds } => {
                let all_names: Rc<str> = Rc::from(names.join(", "));
                for round in rounds {
                    let mut values = round.iter().map(|r| at + r.start..at + r.end);
                    let mut shown = Vec::new();
                    for name in &names {
                        // A missing value is empty.
                        let range = values.next().unwrap_or(at..at);
                        let place =
                            line.span(range.clone()).map(|s| FilePlace { file: s.file, start: s.start });
                        let text: Rc<str> = Rc::from(&line.text[range]);
                        shown.push(Rc::clone(&text));
                        self.define(Rc::clone(name), Value::Line(Text { text, place }));
                    }
                    let values = Rc::from(shown.join(", "));
                    self.round(line, head.clone(), &mut rest, Rc::clone(&all_names), values, depth)?;
                }
            }
        }
        Ok(())
    }

    fn round(
        &mut self,
        line: &Line<'_>,
        head: Range<usize>,
        rest: &mut Line<'_>,
        names: Rc<str>,
        values: Rc<str>,
        depth: usize,
    ) -> Result<(), Stop> {
        let mark = self.frames.mark();
        let frame = self.enter(line, head.clone(), Cause::Round { names, values });
        // Needed in the first round only: later ones have their frames at the same index.
        rest.reframe(line.frame(head.start), frame);
        let result = self.line(rest, depth + 1, true);
        self.frames.cut(mark);
        if self.output.is_done() { Err(Stop) } else { result }
    }

    /// A `~SEQ` with the parameters in its numbers replaced, and the offset behind it.
    fn numbers(&mut self, line: &Line<'_>, at: usize) -> Result<(Sequence, usize), (Range<usize>, String)> {
        let body = &line.text[at..];
        let head = sequence::numbers_head(body).map_err(|w| (w.range, w.message))?;
        let written = line.part(at + head.numbers.start..at + head.numbers.end);
        let too_much = |Stop| (head.numbers.clone(), "too many parameters are replaced here".to_owned());
        let replaced = self.substituted(&written, 0).map_err(too_much)?;
        let text = replaced.as_ref().map_or(&written.text, |s| &s.line.text);
        let sequence = sequence::numbers(&body[head.name.clone()], head.hexadecimal, text);
        Ok((sequence.map_err(|message| (head.numbers.clone(), message))?, head.end))
    }
}

/// A variable of the environment on one line; nothing if it is not set.
fn environment(name: &str) -> String {
    let value = env::var_os(name).unwrap_or_default();
    raw::text(value.into_vec()).replace(['\n', '\r', '\0'], " ")
}
