//! `vipd fmt`: the canonical layout of a configuration file, whose meaning does not change.
//!
//! - four blanks for each block around a line, one blank between words, `{` behind its keyword, `}` alone;
//! - at most one empty line at a time, none where a block begins or ends, line ends as on Unix;
//! - comments stay where they are, and keep their words.
//!
//! It works on the text, not on what it means, so that a file with includes and macros is formatted as it stands. Of
//! some lines only the indentation changes, since blanks in them may count: with parameters (`$X`), sequences
//! (`~SEQ`), conditions (`@id`), backslashes or single quotes, with a quote left open, and `include`. Definitions over
//! several lines stay as they are altogether.
//!
//! Lines, words and braces are read by the parser's own readers ([`Lines`], [`Lexer`]). Where
//! braces don't go together ([`Unbalanced`]), nothing is formatted: indentation would only hide the mistake. Lines with conditions that follow one another are read as
//! alternatives, so that each may open (or end) the same block.

use super::expand::written::{Condition, Line, Lines, Role, is_include};
use super::lexer::{Lexer, Piece};
use super::source::FileId;
use std::borrow::Cow;
use std::collections::HashMap;

#[cfg(test)]
mod tests;

const INDENT: usize = 4;
/// Deeper than any keyword nests: what is beyond this is not indented any further.
const MAX_INDENT: usize = 32;

/// The first line at which the braces of a file don't go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unbalanced {
    /// A `}` without a `{` before it.
    #[error("line {line}: this `}}` ends no block")]
    Close {
        /// The line, from 1.
        line: usize,
    },
    /// A `{` without a `}` behind it.
    #[error("line {line}: the block that begins here does not end")]
    Open {
        /// The line, from 1.
        line: usize,
    },
    /// Before this line, as many blocks are open as the configuration's id decides.
    #[error(
        "line {line}: the lines with `@` before this leave other blocks open for one id than for another"
    )]
    Conditional {
        /// The line, from 1.
        line: usize,
    },
}

/// Whether a file has lines that begin with `@id`: what it says depends on the configuration's id.
#[must_use]
pub fn has_conditions(bytes: &[u8]) -> bool {
    Lines::new(&String::from_utf8_lossy(bytes)).any(|line| line.condition.is_some())
}

/// What Windows editors write before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Formats a file's bytes. They may be of any encoding that holds ASCII: other bytes stay as they are, apart from a
/// byte order mark at the start, which goes. One that is part of the text stays so, behind one that is none.
///
/// # Errors
/// The braces don't go together.
pub fn format_bytes(bytes: &[u8]) -> Result<Vec<u8>, Unbalanced> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut formatted = match std::str::from_utf8(bytes) {
        Ok(text) => format(text).map(String::into_bytes)?,
        Err(_) => {
            // A character a byte, and back: only ASCII is looked at.
            let text: String = bytes.iter().map(|&b| char::from(b)).collect();
            format(&text)?.chars().map(|c| c as u8).collect()
        }
    };
    if formatted.starts_with(BYTE_ORDER_MARK) {
        formatted.splice(..0, BYTE_ORDER_MARK.iter().copied());
    }
    Ok(formatted)
}

/// Formats a text.
///
/// # Errors
/// The braces don't go together.
pub fn format(text: &str) -> Result<String, Unbalanced> {
    let mut writer = Writer::default();
    let mut in_definition = false;
    let mut continues = false;
    let mut line_number = 0;
    for line in Lines::new(text) {
        line_number += 1;
        let is_empty = line.code().trim_end_matches(BLANKS).is_empty();
        if in_definition {
            writer.raw(line.text);
            // Versions of keepalived differ in whether an empty line ends a definition: the next line stays, too.
            in_definition = line.goes_on() || is_empty;
            continue;
        }
        let goes_on = std::mem::replace(&mut continues, line.backslash.is_some());
        let is_empty = is_empty && line.backslash.is_none();
        if is_empty {
            // Without its condition, if it had one: that of nothing is none.
            match comment(&line) {
                Some(comment) => writer.line(comment),
                None => writer.empty(),
            }
            continue;
        }
        match line.condition {
            Some(condition) => writer.begin_alternative(condition),
            None => writer.end_alternatives(line_number)?,
        }
        let behind = line.clone().without_sequences();
        if let Role::Definition { .. } = behind.role {
            writer.line(whole(&line));
            (in_definition, continues) = (line.role != Role::Statement && line.backslash.is_some(), false);
            continue;
        }
        let (tokens, quote_is_open) = tokens(&behind);
        let is_plain = is_plain(&line) && !quote_is_open && !makes_a_directive(&tokens);
        if goes_on || line.backslash.is_some() || !is_plain {
            writer.rough(&line, &tokens, line_number)?;
        } else {
            writer.tokens(&tokens, comment(&line), line_number)?;
        }
    }
    writer.end_alternatives(line_number)?;
    writer.finish()
}

const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// A line without the blanks around it.
fn whole<'s>(line: &Line<'s>) -> &'s str {
    let text = line.text.trim_start_matches([' ', '\t']);
    // A backslash takes the next character's meaning, a blank's too.
    let ends_in_comment = comment(line).is_some() || !text.contains('\\');
    if ends_in_comment { text.trim_end_matches(BLANKS) } else { text }
}

fn comment<'s>(line: &Line<'s>) -> Option<&'s str> {
    Some(line.text.get(line.comment()?..)?.trim_end_matches(BLANKS))
}

/// Whether blanks in a line are nothing but separators.
fn is_plain(line: &Line<'_>) -> bool {
    let special = |c: char| matches!(c, '$' | '~' | '\\' | '\'' | '@') || (c.is_control() && c != '\t');
    let code = line.code().trim_end_matches(BLANKS);
    line.condition.is_none() && !code.contains(special) && !is_include(code)
}

/// What a plain line consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'s> {
    /// Words with one blank between them.
    Words(Cow<'s, str>),
    Open,
    Close,
}

/// Words and braces of a statement, and whether a quote is left open.
fn tokens<'s>(line: &Line<'s>) -> (Vec<Token<'s>>, bool) {
    let code = line.code();
    let mut lexer = Lexer::written_line(line, FileId::ALONE);
    let mut tokens = Vec::new();
    let mut quote_is_open = false;
    let mut words = Vec::new();
    while let Some(piece) = lexer.next(&mut words) {
        tokens.push(match piece {
            Piece::Open(_) => Token::Open,
            Piece::Close(_) => Token::Close,
            Piece::Words { span, open_quote, .. } => {
                quote_is_open |= open_quote.is_some();
                let mut text = String::with_capacity(span.range().len());
                let mut end = span.start;
                for word in words.drain(..) {
                    if end < word.span.start {
                        text.push(' ');
                    }
                    text.push_str(&code[word.span.range()]);
                    end = word.span.end;
                }
                match &code[span.range()] {
                    written if written == text => Token::Words(Cow::Borrowed(written)),
                    _ => Token::Words(Cow::Owned(text)),
                }
            }
        });
    }
    (tokens, quote_is_open)
}

/// Whether cutting the line would make a directive of words that are none where they stand, as in `include{`.
fn makes_a_directive(tokens: &[Token<'_>]) -> bool {
    let is_new = |(i, token): (usize, &Token<'_>)| match token {
        Token::Words(words) => is_include(words) || (i > 0 && words.starts_with("random_seed")),
        Token::Open | Token::Close => false,
    };
    tokens.iter().enumerate().any(is_new)
}

/// Lines with conditions that follow one another.
#[derive(Debug)]
struct Alternatives<'s> {
    /// What was open before the first.
    before: Vec<usize>,
    /// What is open behind the last line of each id.
    by_id: HashMap<Condition<'s>, Vec<usize>>,
    /// The id of the line at hand.
    id: Condition<'s>,
}

/// The lines written so far.
#[derive(Debug, Default)]
struct Writer<'s> {
    lines: Vec<String>,
    /// How many of them stay as they are: up to the end of a definition of several lines.
    kept: usize,
    /// Where each open block begins.
    open: Vec<usize>,
    alternatives: Option<Alternatives<'s>>,
    /// The last line with something on it is words that a `{` may follow; the offset of its comment, if it has one.
    joinable: Option<Option<usize>>,
    /// The last line ends in a `{`.
    at_start: bool,
}

impl<'s> Writer<'s> {
    fn indent(&self, depth: usize) -> String {
        " ".repeat(INDENT * depth.min(MAX_INDENT))
    }

    fn push(&mut self, depth: usize, text: &str) {
        self.joinable = None;
        self.at_start = false;
        self.lines.push(self.indent(depth) + text);
    }

    /// A line of this id follows: what is open is what its own lines have left open.
    fn begin_alternative(&mut self, id: Condition<'s>) {
        match &mut self.alternatives {
            Some(alternatives) => {
                let open = std::mem::take(&mut self.open);
                alternatives.by_id.insert(std::mem::replace(&mut alternatives.id, id), open);
                self.open = alternatives.by_id.remove(&id).unwrap_or_else(|| alternatives.before.clone());
            }
            None => {
                let before = self.open.clone();
                self.alternatives = Some(Alternatives { before, id, by_id: HashMap::new() });
            }
        }
    }

    /// A line for every id follows: those of the alternatives that open or end blocks must agree.
    fn end_alternatives(&mut self, line: usize) -> Result<(), Unbalanced> {
        let Some(Alternatives { before, by_id, .. }) = self.alternatives.take() else { return Ok(()) };
        let mut changed = by_id.into_values().filter(|open| *open != before);
        if self.open == before
            && let Some(open) = changed.next()
        {
            self.open = open;
        }
        match changed.all(|open| open.len() == self.open.len()) {
            true => Ok(()),
            false => Err(Unbalanced::Conditional { line }),
        }
    }

    fn line(&mut self, text: &str) {
        self.push(self.open.len(), text);
    }

    fn raw(&mut self, text: &str) {
        self.joinable = None;
        self.lines.push(text.trim_end_matches('\r').to_owned());
        self.kept = self.lines.len();
    }

    fn empty(&mut self) {
        let again = self.lines.last().is_none_or(String::is_empty);
        if !again && !self.at_start {
            self.lines.push(String::new());
        }
    }

    fn drop_empty(&mut self) {
        while self.lines.len() > self.kept && self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
    }

    /// A line as it is, indented as the blocks that it ends and begins ask for.
    fn rough(&mut self, line: &Line<'_>, tokens: &[Token<'_>], number: usize) -> Result<(), Unbalanced> {
        let depth = self.open.len().saturating_sub(usize::from(line.code().starts_with('}')));
        self.push(depth, whole(line));
        for token in tokens {
            match token {
                Token::Words(_) => {}
                Token::Open => self.open.push(number),
                Token::Close => drop(self.open.pop().ok_or(Unbalanced::Close { line: number })?),
            }
        }
        Ok(())
    }

    fn tokens(&mut self, tokens: &[Token<'_>], comment: Option<&str>, line: usize) -> Result<(), Unbalanced> {
        for token in tokens {
            match token {
                Token::Words(words) => {
                    self.line(words);
                    self.joinable = Some(None);
                }
                Token::Open => {
                    self.open_brace();
                    self.open.push(line);
                }
                Token::Close => {
                    self.open.pop().ok_or(Unbalanced::Close { line })?;
                    self.drop_empty();
                    self.line("}");
                }
            }
        }
        if let Some(comment) = comment
            && let Some(last) = self.lines.last_mut()
        {
            let at = last.len();
            last.push(' ');
            last.push_str(comment);
            self.joinable = self.joinable.map(|_| Some(at));
        }
        Ok(())
    }

    /// `{` behind the words before it, and before their comment.
    fn open_brace(&mut self) {
        match self.joinable.take() {
            None => self.line("{"),
            Some(comment) => {
                self.drop_empty();
                if let Some(last) = self.lines.last_mut() {
                    last.insert_str(comment.unwrap_or(last.len()), " {");
                }
            }
        }
        self.at_start = true;
    }

    fn finish(mut self) -> Result<String, Unbalanced> {
        if let Some(&line) = self.open.last() {
            return Err(Unbalanced::Open { line });
        }
        self.drop_empty();
        let mut text = self.lines.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        Ok(text)
    }
}
