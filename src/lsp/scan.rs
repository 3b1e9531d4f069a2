//! The statements of a text as it is written: before anything is expanded, and while it is being typed.
//!
//! `conf` reads what a configuration means, and for that expands it; an editor asks about what stands there. Conditions
//! (`@id`) and sequences (`~SEQ(…)`) at the start of a line are passed over, so that what they stand before is read
//! whatever they say; definitions (`$NAME=…`) are kept apart.

use crate::conf::lexer::{Lexer, Piece, Word, strip_definition};
use crate::conf::schema::{Block, Keyword, ROOT, Shape};
use crate::conf::source::Sources;
use std::ops::Range;

/// What stands in braces.
#[derive(Clone, Copy, Debug)]
pub(super) enum Context {
    /// Keywords.
    Keywords(&'static Block),
    /// Entries of this keyword.
    Entries(&'static Keyword),
    /// The block of a keyword that nobody knows.
    Unknown,
}

/// One word, and its bytes in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spanned {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

/// A row of words.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// At least one.
    pub(super) words: Vec<Spanned>,
    pub(super) keyword: Option<&'static Keyword>,
    /// The statement whose block this one is in.
    pub(super) parent: Option<usize>,
    /// What lies between its braces, to the end of the text if the second is missing.
    pub(super) body: Option<Range<usize>>,
}

impl Statement {
    pub(super) fn span(&self) -> Range<usize> {
        let end = self.words.last().map_or(0, |w| w.span.end);
        self.words.first().map_or(0..end, |w| w.span.start..end)
    }

    /// Its keyword, and what stands behind it.
    pub(super) fn title(&self) -> String {
        self.words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// `$NAME=value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) name: Spanned,
    /// All of it, with the lines on which it goes on.
    pub(super) value: Range<usize>,
}

/// A text's statements, in its order.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) statements: Vec<Statement>,
    pub(super) definitions: Vec<Definition>,
    /// The text with definitions, conditions and sequences blanked out: the same offsets.
    pub(super) plain: String,
}

impl Scan {
    pub(super) fn new(text: &str) -> Scan {
        let (plain, definitions) = blank_out(text);
        let mut sources = Sources::new();
        let file = sources.add("", plain.clone());
        let mut scan = Scan { statements: Vec::new(), definitions, plain };
        let mut stack: Vec<Option<usize>> = Vec::new();
        let mut words = Vec::new();
        let mut lexer = Lexer::new(&scan.plain, file, None);
        let mut last: Option<usize> = None;
        while let Some(piece) = lexer.next(&mut words) {
            match piece {
                Piece::Words { .. } => {
                    let row: Vec<Spanned> = words.drain(..).map(|w| spanned(w, text)).collect();
                    let Some(name) = row.first().map(|w| w.text.as_str()) else { continue };
                    leave(&mut scan.statements, &mut stack, name, row[0].span.start);
                    let keyword = match context(&scan.statements, stack.last().copied()) {
                        Context::Keywords(block) => block.find(name),
                        Context::Entries(_) | Context::Unknown => None,
                    };
                    let parent = stack.last().copied().flatten();
                    last = Some(scan.statements.len());
                    scan.statements.push(Statement { words: row, keyword, parent, body: None });
                }
                Piece::Open(span) => {
                    let opened = last.take();
                    if let Some(statement) = opened.and_then(|i| scan.statements.get_mut(i)) {
                        statement.body = Some(span.end as usize..scan.plain.len());
                    }
                    // A brace of its own: what it holds belongs to the block around it.
                    stack.push(opened.or(stack.last().copied().flatten()));
                }
                Piece::Close(span) => {
                    last = None;
                    let closed = stack.pop().flatten();
                    let outer = stack.last().copied().flatten();
                    if let Some(i) = closed.filter(|_| closed != outer) {
                        end(&mut scan.statements, i, span.start as usize);
                    }
                }
            }
        }
        scan
    }

    /// The statement whose block a place is in.
    pub(super) fn around(&self, offset: usize) -> Option<usize> {
        let inside = |s: &Statement| s.body.as_ref().is_some_and(|b| b.start <= offset && offset <= b.end);
        self.statements.iter().rposition(inside)
    }

    /// What may stand in the block of a statement; the top of the file without one.
    pub(super) fn context(&self, around: Option<usize>) -> Context {
        context(&self.statements, Some(around))
    }

    /// The statement that a place is in, and the word.
    pub(super) fn at(&self, offset: usize) -> Option<(usize, usize)> {
        let touches = |span: &Range<usize>| span.start <= offset && offset <= span.end;
        let found = self.statements.iter().rposition(|s| touches(&s.span()))?;
        let word = self.statements[found].words.iter().position(|w| touches(&w.span))?;
        Some((found, word))
    }
}

fn spanned(word: Word<'_>, text: &str) -> Spanned {
    let span = word.span.range();
    let masked = word.text.contains(MASK);
    let written = text.get(span.clone()).filter(|_| masked);
    Spanned { text: written.map_or_else(|| word.text.into_owned(), str::to_owned), span }
}

/// Stands for the braces of `${NAME}`, which are none of the blocks'.
const MASK: char = '\u{1}';

fn mask(line: &str, plain: &mut String) {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inner, behind)) = after.split_once('}') else { break };
        plain.push_str(before);
        plain.push('$');
        plain.push(MASK);
        plain.push_str(inner);
        plain.push(MASK);
        rest = behind;
    }
    plain.push_str(rest);
}

fn context(statements: &[Statement], around: Option<Option<usize>>) -> Context {
    match around.flatten().and_then(|i| statements.get(i)) {
        None => Context::Keywords(&ROOT),
        Some(Statement { keyword: Some(keyword), .. }) => match keyword.shape {
            Shape::Block(block) => Context::Keywords(block),
            Shape::Entries | Shape::Line => Context::Entries(keyword),
        },
        Some(Statement { keyword: None, .. }) => Context::Unknown,
    }
}

fn end(statements: &mut [Statement], i: usize, at: usize) {
    if let Some(body) = statements.get_mut(i).and_then(|s| s.body.as_mut()) {
        body.end = at.max(body.start);
    }
}

/// A keyword of the top level that opens a block, and that can't stand here, ends what lacks its brace.
fn leave(statements: &mut [Statement], stack: &mut Vec<Option<usize>>, name: &str, at: usize) {
    if ROOT.find(name).is_none_or(|k| matches!(k.shape, Shape::Line)) {
        return;
    }
    let stands_here = match context(statements, stack.last().copied()) {
        Context::Keywords(block) => block.find(name).is_some(),
        Context::Entries(_) | Context::Unknown => false,
    };
    if !stands_here {
        for i in stack.drain(..).flatten() {
            end(statements, i, at);
        }
    }
}

/// The definitions, and the text without them and without what stands before statements.
fn blank_out(text: &str) -> (String, Vec<Definition>) {
    let mut plain = String::with_capacity(text.len());
    let mut definitions: Vec<Definition> = Vec::new();
    let mut goes_on = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let (blanked, definition) = match goes_on {
            true => (content.len(), None),
            false => prefix(content),
        };
        let defines = goes_on || definition.is_some();
        if let Some(name) = definition {
            let span = at + name.start..at + name.end;
            let text = content.get(name).unwrap_or_default().to_owned();
            definitions.push(Definition { name: Spanned { text, span }, value: at..at + content.len() });
        } else if goes_on && let Some(last) = definitions.last_mut() {
            last.value.end = at + content.len();
        }
        goes_on = defines && continues_definition(content);
        plain.extend(std::iter::repeat_n(' ', blanked));
        mask(&line[blanked..], &mut plain);
        at += line.len();
    }
    (plain, definitions)
}

/// Whether a definition goes on behind one of its lines: a comment alone, or blanks, don't end it.
fn continues_definition(line: &str) -> bool {
    let (code, backslash) = strip_definition(line);
    backslash.is_some() || (!line.is_empty() && code.trim_start_matches([' ', '\t']).is_empty())
}

/// How many bytes at the start of a line stand before its statement; and the name that it defines.
fn prefix(line: &str) -> (usize, Option<Range<usize>>) {
    let mut rest = line.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if rest.starts_with('@') {
        rest = rest.find([' ', '\t']).map_or("", |end| rest[end..].trim_start());
    }
    while rest.starts_with("~SEQ") || rest.starts_with("~LST") {
        rest = rest.find(')').map_or("", |end| rest[end + 1..].trim_start());
    }
    let at = line.len() - rest.len();
    if let Some((name, _)) = rest.strip_prefix('$').and_then(|definition| definition.split_once('='))
        && !name.is_empty()
        && name.bytes().all(is_name)
    {
        return (line.len(), Some(at + 1..at + 1 + name.len()));
    }
    (at, None)
}

/// Whether a parameter's name may have this in it.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
