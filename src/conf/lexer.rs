//! The lexical layer: a file's text as pieces, each a row of words or one brace, every word with its span.
//!
//! keepalived's language is made of lines. Both keepalived and this decide what a line means in this order:
//!
//! 1. Blanks at both ends go; `#` or `!` begins a comment anywhere outside `"…"`; `\#` and `\!` are these characters.
//! 2. `@id rest` is `rest` where the configuration's id is `id`, and nothing elsewhere; `@^id` the reverse.
//! 3. Braces outside `"…"` are pieces of their own, wherever they stand: `foo{bar}` is four pieces.
//! 4. What lies between is split at blanks; `"a b"` is one word without its quotes, even where it touches others.
//!
//! A backslash at the end continues a line only in `$NAME=` definitions. Single quotes and escapes mean something
//! only to keywords that take command lines: [`split_quoted`] reads these.

use super::expand::written::{Condition, Line, Lines, Role, parameter_at, strip_comment};
use super::source::{FileId, Span};
use crate::raw;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{anychar, char, one_of, satisfy};
use nom::combinator::{map, opt, recognize};
use nom::sequence::preceded;
use nom::{IResult, Parser};
use std::borrow::Cow;
use std::ops::Range;

#[cfg(test)]
mod tests;

/// One word of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'s> {
    /// Its value: quotes and escapes resolved.
    pub text: Cow<'s, str>,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// What the text is made of. Words are kept by the lexer until [`Lexer::next`] is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A row of words; it is empty only where a backslash stands alone.
    Words {
        /// From the first word's start to the last one's end.
        span: Span,
        /// Where a `"` opens that is not closed on this line.
        open_quote: Option<Span>,
        /// A backslash that ends the line.
        backslash: Option<Span>,
    },
    /// `{`
    Open(Span),
    /// `}`
    Close(Span),
}

/// Cuts a text into pieces.
#[derive(Debug)]
pub struct Lexer<'s> {
    text: &'s str,
    file: FileId,
    config_id: Option<&'s str>,
    /// The lines that are still to be read, where the text is read as it is written.
    written: Option<Lines<'s>>,
    /// What is left of the line at hand, comment and blanks at its end removed.
    line: &'s str,
    /// Offset of `line`.
    at: usize,
    /// Offset of the next line.
    next_line: usize,
    /// The line may hold `\#` or `\!`.
    escapes: bool,
    backslash: Option<Span>,
}

/// What a byte is to the lexer, in bits. All that it looks for is ASCII: bytes will do.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let members: [(u8, &[u8]); 6] = [
        (BLANK, b" \t\x0b\x0c\r"),
        (NEWLINE, b"\n"),
        (QUOTE, b"\""),
        (BRACE, b"{}"),
        (COMMENT, b"#!"),
        (BACKSLASH, b"\\"),
    ];
    let mut i = 0;
    while i < members.len() {
        let (bit, mut bytes) = members[i];
        while let [first, rest @ ..] = bytes {
            class[*first as usize] |= bit;
            bytes = rest;
        }
        i += 1;
    }
    class
};
const BLANK: u8 = 1;
const NEWLINE: u8 = 2;
const QUOTE: u8 = 4;
const BRACE: u8 = 8;
const COMMENT: u8 = 16;
const BACKSLASH: u8 = 32;

/// The offset of the first byte of these classes; the text's length if there is none.
fn find(text: &str, classes: u8) -> usize {
    text.bytes().position(|b| CLASS[usize::from(b)] & classes != 0).unwrap_or(text.len())
}

/// The text from its first byte on that is no blank.
fn skip_blanks(text: &str) -> &str {
    let blanks = text.bytes().take_while(|b| CLASS[usize::from(*b)] & BLANK != 0).count();
    &text[blanks..]
}

impl<'s> Lexer<'s> {
    /// A lexer at the start of a text. `config_id` decides the lines that begin with `@`.
    #[must_use]
    pub fn new(text: &'s str, file: FileId, config_id: Option<&'s str>) -> Lexer<'s> {
        Lexer {
            text,
            file,
            config_id,
            written: None,
            line: "",
            at: 0,
            next_line: 0,
            escapes: false,
            backslash: None,
        }
    }

    /// A lexer for a text as it is written, before anything is expanded. Definitions are passed over, and conditions
    /// and sequences before statements whatever they say; `${NAME}` is part of its word.
    #[must_use]
    pub fn written(text: &'s str, file: FileId) -> Lexer<'s> {
        Lexer { written: Some(Lines::new(text)), ..Lexer::new(text, file, None) }
    }

    /// As [`Lexer::written`], for what is left of one line: spans are offsets from where that begins.
    #[must_use]
    pub fn written_line(line: &Line<'s>, file: FileId) -> Lexer<'s> {
        let mut lexer = Lexer { written: Some(Lines::new("")), ..Lexer::new("", file, None) };
        lexer.begin(0, line);
        lexer
    }

    /// A lexer for a part of a text, which begins with a word.
    pub(super) fn within(
        text: &'s str,
        part: Range<usize>,
        file: FileId,
        config_id: Option<&'s str>,
    ) -> Lexer<'s> {
        let text = text.get(..part.end).unwrap_or(text);
        Lexer { next_line: part.start, ..Lexer::new(text, file, config_id) }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }

    /// The next piece; its words, if it has any, are put behind those that `words` holds.
    pub fn next(&mut self, words: &mut Vec<Word<'s>>) -> Option<Piece> {
        loop {
            self.skip(self.line.len() - skip_blanks(self.line).len());
            match self.line.as_bytes().first() {
                // A backslash alone: its reader must see that the line goes on.
                None if self.backslash.is_some() => return Some(self.row(words)),
                None if !self.read_line() => return None,
                None => {}
                Some(b'{') => return Some(Piece::Open(self.brace())),
                Some(b'}') => return Some(Piece::Close(self.brace())),
                Some(_) => return Some(self.row(words)),
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.line = &self.line[bytes..];
        self.at += bytes;
    }

    fn brace(&mut self) -> Span {
        let span = self.span(self.at, self.at + 1);
        self.skip(1);
        span
    }

    /// The words up to the next brace or the end of the line. An open quote hides all that follows it.
    fn row(&mut self, words: &mut Vec<Word<'s>>) -> Piece {
        let mut span = self.span(self.at, self.at);
        let first = words.len();
        let mut open_quote = None;
        loop {
            self.skip(self.line.len() - skip_blanks(self.line).len());
            let start = self.at;
            let (text, length) = match self.line.as_bytes().first() {
                None | Some(b'{' | b'}') => break,
                Some(b'"') => match self.line[1..].find('"') {
                    Some(end) => (Cow::Borrowed(&self.line[1..end + 1]), end + 2),
                    None => {
                        open_quote = Some(self.span(start, start + 1));
                        (Cow::Borrowed(&self.line[1..]), self.line.len())
                    }
                },
                Some(_) => {
                    let end = self.word_end();
                    let text = &self.line[..end];
                    (if self.escapes { unescape_comment_signs(text) } else { Cow::Borrowed(text) }, end)
                }
            };
            self.skip(length);
            if words.len() == first {
                span.start = start as u32;
            }
            span.end = self.at as u32;
            words.push(Word { text, span: self.span(start, self.at) });
        }
        let backslash = if self.line.is_empty() { self.backslash.take() } else { None };
        Piece::Words { span, open_quote, backslash }
    }

    /// Where the word ends that the line begins with.
    fn word_end(&self) -> usize {
        let mut end = find(self.line, BLANK | QUOTE | BRACE);
        if self.written.is_none() {
            return end;
        }
        while self.line[end..].starts_with('{')
            && let Some(dollar) = end.checked_sub(1)
            && let Some((used, _)) = parameter_at(self.line, dollar)
        {
            end = used.end + find(&self.line[used.end..], BLANK | QUOTE | BRACE);
        }
        end
    }

    fn begin(&mut self, at: usize, line: &Line<'s>) {
        self.line = line.code();
        self.at = at;
        self.escapes = true;
        let behind = |backslash: usize| at + backslash - line.code.start;
        self.backslash = line.backslash.map(|b| self.span(behind(b), behind(b) + 1));
    }

    /// As [`Lexer::read_line`], for a text as it is written.
    fn read_written_line(&mut self) -> bool {
        while let Some(line) = self.written.as_mut().and_then(Iterator::next) {
            let line = line.without_sequences();
            if line.role == Role::Statement && (!line.code.is_empty() || line.backslash.is_some()) {
                self.begin(line.at + line.code.start, &line);
                return true;
            }
        }
        false
    }

    /// Goes to the next line that has something on it; `false` at the end of the text.
    fn read_line(&mut self) -> bool {
        if self.written.is_some() {
            return self.read_written_line();
        }
        loop {
            if self.next_line >= self.text.len() {
                return false;
            }
            let rest = &self.text[self.next_line..];
            self.at = self.next_line;
            let plain = find(rest, NEWLINE | QUOTE | COMMENT | BACKSLASH);
            let is_plain = matches!(rest.as_bytes().get(plain), None | Some(b'\n'));
            let length =
                if is_plain { plain } else { rest[plain..].find('\n').map_or(rest.len(), |n| plain + n) };
            self.next_line += (length + 1).min(rest.len());
            self.line = rest[..length].trim_end_matches('\r');
            self.backslash = None;
            self.escapes = !is_plain;
            self.skip(self.line.len() - self.line.trim_start_matches([' ', '\t']).len());
            if !is_plain {
                let (code, backslash) = strip_comment(self.line);
                self.line = code;
                self.backslash = backslash.map(|i| self.span(self.at + i, self.at + i + 1));
            }
            self.line = self.line.trim_end_matches([' ', '\t']);
            if self.line.starts_with('@') {
                self.condition();
            }
            if !self.line.is_empty() || self.backslash.is_some() {
                return true;
            }
        }
    }

    /// `@id rest`: leaves `rest`, or nothing.
    fn condition(&mut self) {
        match Condition::read(self.line) {
            Some((condition, offset)) if condition.holds(self.config_id) => self.skip(offset),
            _ => self.skip(self.line.len()),
        }
    }
}

fn unescape_comment_signs(text: &str) -> Cow<'_, str> {
    if text.contains("\\#") || text.contains("\\!") {
        Cow::Owned(text.replace("\\#", "#").replace("\\!", "!"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A command line with a quote that is not closed, or a backslash at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenQuote {
    /// The quote, or the backslash.
    pub span: Span,
}

/// What becomes of `\` in a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// They are resolved: the words are those of the command.
    Resolve,
    /// They stay, and hide quotes and blanks: a word of the line is split once more.
    Keep,
}

/// Splits a row as keywords do that take command lines: `"…"` and `'…'` hold words together, and `\` escapes,
/// within quotes and without: `\a \b \E \f \n \r \t \v`, `\nnn` (octal), `\xXX`, `\cC` (control), others literal.
/// Bytes of escapes that are no UTF-8 stay what they are: [`raw`].
///
/// The command is one word of its line, and split again: escapes are kept the first time, and resolved the second.
pub fn split_quoted(text: &str, span: Span, escapes: Escapes) -> Result<Vec<Word<'static>>, OpenQuote> {
    let at = |rest: &str| span.start + (text.len() - rest.len()) as u32;
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = skip_blanks(rest);
        if rest.is_empty() {
            return Ok(words);
        }
        let start = at(rest);
        // Escapes are bytes: several of them may make one letter.
        let mut bytes = Vec::new();
        let mut quote: Option<(char, u32)> = None;
        while let Some(c) = rest.chars().next() {
            match (c, quote) {
                ('\\', _) => {
                    let here = at(rest);
                    let open = OpenQuote { span: Span { file: span.file, start: here, end: here + 1 } };
                    rest = match escapes {
                        Escapes::Resolve => resolve(rest, &mut bytes).ok_or(open)?,
                        Escapes::Keep if rest.len() == 1 => return Err(open),
                        Escapes::Keep => {
                            let end = rest.char_indices().nth(2).map_or(rest.len(), |(i, _)| i);
                            bytes.extend_from_slice(&rest.as_bytes()[..end]);
                            &rest[end..]
                        }
                    };
                    continue;
                }
                (c, Some((q, _))) if c == q => quote = None,
                ('"' | '\'', None) => quote = Some((c, at(rest))),
                (' ' | '\t' | '\x0b' | '\x0c' | '\r' | '\n', None) => break,
                (c, _) => push(&mut bytes, c),
            }
            rest = &rest[c.len_utf8()..];
        }
        if let Some((_, start)) = quote {
            return Err(OpenQuote { span: Span { file: span.file, start, end: start + 1 } });
        }
        let text = Cow::Owned(raw::text(bytes));
        words.push(Word { text, span: Span { file: span.file, start, end: at(rest) } });
    }
}

/// The value of a word whose escapes were kept ([`Escapes::Keep`]).
#[must_use]
pub fn resolve_escapes(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(left) = resolve_one(rest, &mut bytes) {
        rest = left;
    }
    raw::text(bytes)
}

/// The part of a word with escapes that stands for this byte of its value ([`resolve_escapes`]); the word's end if the
/// value is shorter.
#[must_use]
pub fn escaped_at(text: &str, byte: usize) -> Range<usize> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(left) = resolve_one(rest, &mut bytes) {
        if bytes.len() > byte {
            return text.len() - rest.len()..text.len() - left.len();
        }
        rest = left;
    }
    text.len()..text.len()
}

/// What stands behind the first character or escape, whose bytes are put behind those that are there.
fn resolve_one<'t>(text: &'t str, bytes: &mut Vec<u8>) -> Option<&'t str> {
    let c = text.chars().next()?;
    match resolve(text, bytes) {
        Some(left) if c == '\\' => Some(left),
        _ => {
            push(bytes, c);
            Some(&text[c.len_utf8()..])
        }
    }
}

/// What stands behind the escape that a text begins with, whose bytes are put behind those that are there.
fn resolve<'t>(text: &'t str, bytes: &mut Vec<u8>) -> Option<&'t str> {
    let (left, c) = escape(text).ok()?;
    match u8::try_from(c) {
        Ok(byte) if !is_itself(text) => bytes.push(byte),
        _ => push(bytes, c),
    }
    Some(left)
}

/// Whether the character behind the backslash is not ASCII, so that it stands for itself.
fn is_itself(escape: &str) -> bool {
    escape.chars().nth(1).is_some_and(|c| !c.is_ascii())
}

fn push(bytes: &mut Vec<u8>, c: char) {
    match raw::byte(c) {
        Some(byte) => bytes.push(byte),
        None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// One escape, its backslash included.
fn escape(input: &str) -> IResult<&str, char> {
    let number =
        |radix| move |digits: &str| char::from(u32::from_str_radix(digits, radix).unwrap_or(0) as u8);
    let is_octal = |c: char| c.is_digit(8);
    // Of any number of digits the last two count.
    let hex_byte = |digits: &str| number(16)(&digits[digits.len().saturating_sub(2)..]);
    let hex = preceded(char('x'), map(take_while1(|c: char| c.is_ascii_hexdigit()), hex_byte));
    let control = preceded(char('c'), map(satisfy(|c| c.is_ascii()), |c| char::from(c as u8 & 0x1f)));
    let octal =
        map(recognize((satisfy(is_octal), opt(satisfy(is_octal)), opt(satisfy(is_octal)))), number(8));
    let letter = map(one_of("abEfnrtv"), |c| match c {
        'a' => '\x07',
        'b' => '\x08',
        'E' => '\x1b',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        _ => '\x0b',
    });
    preceded(tag("\\"), alt((hex, control, octal, letter, anychar))).parse(input)
}
