//! What the parser makes of the pieces: statements with their words and blocks, nothing judged yet.

use super::lexer::Word;
use super::schema::Keyword;
use super::source::Span;
use std::ops::Range;

/// One file's statements. Their words stand in one row, so that a statement needs no memory of its own for them.
#[derive(Debug)]
pub struct Tree<'s> {
    /// What it was made of.
    pub text: &'s str,
    /// All words in the order of the text.
    pub words: Vec<Word<'s>>,
    /// The statements of the top level.
    pub statements: Vec<Statement>,
}

impl<'s> Tree<'s> {
    /// A statement's words, its keyword first.
    #[must_use]
    pub fn words(&self, statement: &Statement) -> &[Word<'s>] {
        self.words.get(statement.words.start as usize..statement.words.end as usize).unwrap_or_default()
    }
}

/// A row of words, and the block behind it if there is one.
#[derive(Clone, Debug)]
pub struct Statement {
    /// What the schema knows of its first word; `None` for entries and for unknown keywords.
    pub keyword: Option<&'static Keyword>,
    /// Its words, as a range of [`Tree::words`].
    pub words: Range<u32>,
    /// From its first word to its last.
    pub span: Span,
    /// What stands in braces behind it.
    pub body: Option<Body>,
}

/// What stands between two braces.
#[derive(Clone, Debug)]
pub struct Body {
    /// Where it begins: the offset behind its `{`.
    pub start: u32,
    /// Its statements, or its entries.
    pub statements: Vec<Statement>,
    /// The `}` that ends it, or the place where the parser found that it must have ended; what opened it where the
    /// text ends before.
    pub end: Span,
    /// Its tree was dropped, and is made again by the parser's `BlockReader`: `statements` is empty.
    pub deferred: bool,
}
