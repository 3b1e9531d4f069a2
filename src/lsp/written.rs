//! The statements of a text as it is written: before anything is expanded, and while it is being typed.
//!
//! `conf` reads a configuration for what it means, and for that expands it; an editor asks about what stands there. The
//! parser is the same: this lays its tree out in the text's order, so that a place leads to its statement.

use crate::conf::expand::written::{Lines, Role};
use crate::conf::lexer::Word;
use crate::conf::parser;
use crate::conf::schema::{Block, Keyword, ROOT, Shape};
use crate::conf::tree::{self, Tree};
use std::borrow::Cow;
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
#[derive(Debug)]
pub(super) struct Written<'t> {
    pub(super) statements: Vec<Statement>,
    pub(super) definitions: Vec<Definition>,
    /// The text itself, with blanks for a byte order mark.
    pub(super) text: Cow<'t, str>,
}

impl<'t> Written<'t> {
    pub(super) fn new(text: &'t str) -> Written<'t> {
        let text = match text.strip_prefix('\u{feff}') {
            Some(rest) => Cow::Owned(format!("   {rest}")),
            None => Cow::Borrowed(text),
        };
        let tree = parser::parse_written(&text);
        let mut statements = Vec::new();
        lay_out(&tree, &tree.statements, None, &mut statements);
        drop(tree);
        Written { statements, definitions: definitions(&text), text }
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

fn lay_out(tree: &Tree<'_>, from: &[tree::Statement], parent: Option<usize>, to: &mut Vec<Statement>) {
    for statement in from {
        let at = to.len();
        let words = tree.words(statement).iter().map(spanned).collect();
        let body = statement.body.as_ref().map(|body| {
            // What is still open at the text's end has its end before its start.
            let end = if body.end.start < body.start { tree.text.len() } else { body.end.start as usize };
            body.start as usize..end
        });
        to.push(Statement { words, keyword: statement.keyword, parent, body });
        if let Some(body) = &statement.body {
            lay_out(tree, &body.statements, Some(at), to);
        }
    }
}

fn spanned(word: &Word<'_>) -> Spanned {
    Spanned { text: word.text.clone().into_owned(), span: word.span.range() }
}

fn definitions(text: &str) -> Vec<Definition> {
    let mut definitions: Vec<Definition> = Vec::new();
    for line in Lines::new(text).map(|line| line.without_sequences()) {
        let end = line.at + line.text.len();
        match (line.role, definitions.last_mut()) {
            (Role::Definition { name }, _) => {
                let word = line.text.get(name.clone()).unwrap_or_default().to_owned();
                let name = Spanned { text: word, span: line.at + name.start..line.at + name.end };
                definitions.push(Definition { name, value: line.at..end });
            }
            (Role::Continued, Some(last)) => last.value.end = end,
            _ => {}
        }
    }
    definitions
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
