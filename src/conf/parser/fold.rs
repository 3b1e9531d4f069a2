//! Blocks that a file may have ten thousands of are left in the text once nothing is wrong with them, and read again
//! one after the other: a tree takes ten times the memory of its text.

use super::scratch::Scratch;
use super::{Frame, Parser};
use crate::conf::lexer::{Lexer, Word};
use crate::conf::sink::Sink;
use crate::conf::source::{FileId, Span};
use crate::conf::tree::{Statement, Tree};

/// Their keywords.
const FOLDED: [&str; 2] = ["virtual_server", "vrrp_instance"];

/// Parses one file, and keeps no tree of blocks that are folded; [`Unfold`] makes the tree of one.
#[must_use]
pub(in crate::conf) fn parse_folded<'s>(
    text: &'s str,
    file: FileId,
    config_id: Option<&'s str>,
    sink: &mut Sink,
) -> Tree<'s> {
    let mut parser = Parser::new(text, Lexer::new(text, file, config_id), Scratch::default(), sink);
    parser.folds = true;
    parser.run().0
}

/// Makes the trees of folded blocks, one at a time.
#[derive(Debug, Default)]
pub(in crate::conf) struct Unfold<'s> {
    config_id: Option<&'s str>,
    /// Room for the words of the next one.
    words: Vec<Word<'s>>,
    scratch: Scratch,
}

impl<'s> Unfold<'s> {
    /// `config_id` is the one that the file was parsed with.
    pub(in crate::conf) fn new(config_id: Option<&'s str>) -> Unfold<'s> {
        Unfold { config_id, ..Unfold::default() }
    }

    /// The tree of a block that is folded, which ends at `end`; it has this one statement.
    pub(in crate::conf) fn tree(&mut self, text: &'s str, statement: &Statement, end: Span) -> Tree<'s> {
        let span = statement.span;
        let mut muted = Sink::muted(span.file);
        let lexer = Lexer::within(text, span.start as usize..end.end as usize, span.file, self.config_id);
        let mut parser = Parser::new(text, lexer, std::mem::take(&mut self.scratch), &mut muted);
        parser.words = std::mem::take(&mut self.words);
        let (tree, scratch) = parser.run();
        self.scratch = scratch;
        tree
    }

    /// Takes back the room of a tree that nobody needs any more.
    pub(in crate::conf) fn done(&mut self, tree: Tree<'s>) {
        self.words = tree.words;
        self.words.clear();
        self.scratch.take_back(tree.statements);
    }
}

impl Parser<'_, '_> {
    /// Leaves a block of the top level in the text, if nothing is wrong with it.
    pub(super) fn fold(&mut self, frame: &mut Frame) -> bool {
        let clean = self.sink.problems() == self.problems_before && self.misaligned.is_none();
        let outer = self.stack.first().and_then(|top| top.statements.last());
        let Some(statement) = outer.filter(|_| self.folds && clean && !frame.anonymous) else { return false };
        let of_many = statement.keyword.is_some_and(|k| FOLDED.contains(&k.name));
        if of_many {
            self.words.truncate(statement.words.end as usize);
            self.scratch.take_back(std::mem::take(&mut frame.statements));
        }
        of_many
    }
}
