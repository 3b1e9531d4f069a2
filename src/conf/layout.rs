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
//! Of the lexer's rules it holds those on comments, quotes and braces. What does not fit them ([`Unbalanced`]) is not
//! formatted: there indentation would only hide the mistake. Lines with conditions that follow one another are read as
//! alternatives, so that each may open (or end) the same block.

use super::lexer::{strip_comment, strip_definition};
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
    bytes.split(|b| *b == b'\n').any(|line| line.trim_ascii_start().starts_with(b"@"))
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
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        if in_definition {
            writer.raw(line);
            let line = split(line);
            // Nothing on a line ends no definition for every reader: the next line stays as it is, too.
            in_definition = line.goes_on || line.code.is_empty();
            continue;
        }
        let line = split(line);
        let goes_on = std::mem::replace(&mut continues, line.backslash);
        let condition = condition(line.code);
        if let Some((id, _)) = condition {
            writer.begin_alternative(id);
        } else if !line.code.is_empty() || line.backslash {
            writer.end_alternatives(line_number)?;
        }
        if line.code.is_empty() && !line.backslash {
            match line.comment {
                Some(comment) => writer.comment(comment),
                None => writer.empty(),
            }
        } else if is_definition(condition.map_or(line.code, |(_, rest)| rest)) {
            writer.line(line.whole);
            (in_definition, continues) = (line.goes_on, false);
        } else if goes_on || line.backslash || !is_plain(line.code) {
            let braces = braces(line.code);
            writer.rough(line.whole, &braces, line_number)?;
        } else {
            let tokens = tokens(line.code);
            if moves_a_line_start(&tokens) {
                writer.rough(line.whole, &braces(line.code), line_number)?;
            } else {
                writer.tokens(&tokens, line.comment, line_number)?;
            }
        }
    }
    writer.end_alternatives(text.lines().count())?;
    writer.finish()
}

/// `@id rest`, or `@^id rest`.
fn condition(code: &str) -> Option<(&str, &str)> {
    let (id, rest) = code.strip_prefix('@')?.split_once([' ', '\t'])?;
    Some((id, rest.trim_start_matches([' ', '\t'])))
}

/// A line without the blanks around it, and what it consists of.
#[derive(Clone, Copy, Debug)]
struct Line<'s> {
    whole: &'s str,
    /// Without comment and the blanks before it.
    code: &'s str,
    /// From its `#` or `!` on.
    comment: Option<&'s str>,
    /// The code ends in a backslash, which is no part of it.
    backslash: bool,
    /// It is followed by another, if it is the line of a definition.
    goes_on: bool,
}

/// As the lexer does it.
fn split(line: &str) -> Line<'_> {
    let blanks = [' ', '\t', '\r'];
    let whole = line.trim_end_matches(blanks).trim_start_matches([' ', '\t']);
    // A backslash takes the next character's meaning, a blank's too.
    let unended = line.trim_end_matches('\r').trim_start_matches([' ', '\t']);
    let (code, backslash) = strip_comment(unended);
    let behind = unended[backslash.map_or(code.len(), |b| b + 1)..].trim_matches(blanks);
    let comment = (!behind.is_empty()).then_some(behind);
    let whole = if comment.is_none() && unended.contains('\\') { unended } else { whole };
    let goes_on = strip_definition(unended).1.is_some();
    Line { whole, code: code.trim_end_matches(blanks), comment, backslash: backslash.is_some(), goes_on }
}

/// `$NAME=value`: blanks in it, and what braces it holds, are the parameter's.
fn is_definition(code: &str) -> bool {
    let name = |rest: &str| rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let Some(rest) = code.strip_prefix('$') else { return false };
    name(rest).is_some_and(|end| end > 0 && rest[end..].trim_start_matches([' ', '\t']).starts_with('='))
}

/// Whether blanks in a line are nothing but separators.
fn is_plain(code: &str) -> bool {
    let special = |c: char| matches!(c, '$' | '~' | '\\' | '\'' | '@') || (c.is_control() && c != '\t');
    let quotes = code.bytes().filter(|&b| b == b'"').count();
    !code.contains(special) && quotes % 2 == 0 && !is_include(code)
}

fn is_include(code: &str) -> bool {
    code.starts_with("include")
}

/// What a plain line consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'s> {
    /// Words with one blank between them.
    Words(Cow<'s, str>),
    Open,
    Close,
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = code;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let end = find_brace(rest).unwrap_or(rest.len());
        let words = rest[..end].trim_end_matches([' ', '\t']);
        if !words.is_empty() {
            tokens.push(Token::Words(single_blanks(words)));
        }
        match rest.as_bytes().get(end) {
            None => return tokens,
            Some(b'{') => tokens.push(Token::Open),
            Some(_) => tokens.push(Token::Close),
        }
        rest = &rest[end + 1..];
    }
}

fn braces(code: &str) -> Vec<Token<'_>> {
    let mut tokens = tokens(code);
    tokens.retain(|t| !matches!(t, Token::Words(_)));
    tokens
}

/// The first brace outside `"…"` and outside `${…}`.
fn find_brace(line: &str) -> Option<usize> {
    let bytes = line.as_bytes();
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        match b {
            b'{' | b'}' => return Some(i),
            b'"' => i += 1 + line[i + 1..].find('"')?,
            b'$' if bytes.get(i + 1) == Some(&b'{') => i += 1 + line[i + 1..].find('}')?,
            _ => {}
        }
        i += 1;
    }
    None
}

/// One blank for each row of blanks outside `"…"`.
fn single_blanks(words: &str) -> Cow<'_, str> {
    let mut quoted = false;
    let mut blank = false;
    let mut text = String::with_capacity(words.len());
    for c in words.chars() {
        quoted ^= c == '"';
        match c {
            ' ' | '\t' if !quoted => blank = true,
            c => {
                if std::mem::replace(&mut blank, false) {
                    text.push(' ');
                }
                text.push(c);
            }
        }
    }
    if text == words { Cow::Borrowed(words) } else { Cow::Owned(text) }
}

/// Whether cutting the line would put words at a line's start that mean something else there.
fn moves_a_line_start(tokens: &[Token<'_>]) -> bool {
    tokens.iter().skip(1).any(|t| matches!(t, Token::Words(words) if is_include(words)))
}

/// Lines with conditions that follow one another.
#[derive(Debug, Default)]
struct Alternatives {
    /// What was open before the first.
    before: Vec<usize>,
    /// What is open behind the last line of each id.
    by_id: HashMap<String, Vec<usize>>,
    /// The id of the line at hand.
    id: String,
}

/// The lines written so far.
#[derive(Debug, Default)]
struct Writer {
    lines: Vec<String>,
    /// How many of them stay as they are: up to the end of a definition of several lines.
    kept: usize,
    /// Where each open block begins.
    open: Vec<usize>,
    alternatives: Option<Alternatives>,
    /// The last line with something on it is words that a `{` may follow; the offset of its comment, if it has one.
    joinable: Option<Option<usize>>,
    /// The last line ends in a `{`.
    at_start: bool,
}

impl Writer {
    fn indent(&self, depth: usize) -> String {
        " ".repeat(INDENT * depth.min(MAX_INDENT))
    }

    fn push(&mut self, depth: usize, text: &str) {
        self.joinable = None;
        self.at_start = false;
        self.lines.push(self.indent(depth) + text);
    }

    /// A line of this id follows: what is open is what its own lines have left open.
    fn begin_alternative(&mut self, id: &str) {
        match &mut self.alternatives {
            Some(alternatives) => {
                let open = std::mem::take(&mut self.open);
                alternatives.by_id.insert(std::mem::replace(&mut alternatives.id, id.to_owned()), open);
                self.open = alternatives.by_id.remove(id).unwrap_or_else(|| alternatives.before.clone());
            }
            None => {
                let (before, id) = (self.open.clone(), id.to_owned());
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

    fn comment(&mut self, text: &str) {
        self.line(text);
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
    fn rough(&mut self, text: &str, braces: &[Token<'_>], line: usize) -> Result<(), Unbalanced> {
        let closes_first = matches!(braces.first(), Some(Token::Close))
            && condition(text).map_or(text, |(_, rest)| rest).starts_with('}');
        let depth = self.open.len().saturating_sub(usize::from(closes_first));
        self.push(depth, text);
        for brace in braces {
            match brace {
                Token::Open => self.open.push(line),
                _ => drop(self.open.pop().ok_or(Unbalanced::Close { line })?),
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
