//! Blocks of which a file may have tens of thousands are parsed, and their trees dropped if nothing is wrong with them:
//! a tree takes ten times the memory of its text. Who needs one parses it once more, one block after the other.

use super::scratch::Scratch;
use super::{Frame, Parser};
use crate::conf::lexer::{Lexer, Word};
use crate::conf::sink::Sink;
use crate::conf::source::{FileId, Span};
use crate::conf::tree::{Statement, Tree};

/// Their keywords.
const DEFERRED: [&str; 2] = ["virtual_server", "vrrp_instance"];

/// Parses one file, without the trees of deferred blocks; [`BlockReader`] makes the tree of one.
#[must_use]
pub(in crate::conf) fn parse_deferred<'s>(
    text: &'s str,
    file: FileId,
    config_id: Option<&'s str>,
    sink: &mut Sink,
) -> Tree<'s> {
    let mut parser = Parser::new(text, Lexer::new(text, file, config_id), Scratch::default(), sink);
    parser.defers = true;
    parser.run().0
}

/// Makes the trees of deferred blocks, one at a time.
#[derive(Debug, Default)]
pub(in crate::conf) struct BlockReader<'s> {
    config_id: Option<&'s str>,
    /// Memory for the words of the next one.
    words: Vec<Word<'s>>,
    scratch: Scratch,
}

impl<'s> BlockReader<'s> {
    /// `config_id` is the one that the file was parsed with.
    pub(in crate::conf) fn new(config_id: Option<&'s str>) -> BlockReader<'s> {
        BlockReader { config_id, ..BlockReader::default() }
    }

    /// The tree of a deferred block, which ends at `end`: one statement with its body.
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

    /// Takes back the memory of a tree that is not needed any more.
    pub(in crate::conf) fn done(&mut self, tree: Tree<'s>) {
        self.words = tree.words;
        self.words.clear();
        self.scratch.take_back(tree.statements);
    }
}

impl Parser<'_, '_> {
    /// Drops the tree of a block of the top level, if it is of a kind that is deferred and nothing is wrong with it.
    pub(super) fn defer(&mut self, frame: &mut Frame) -> bool {
        let clean = self.sink.problems() == self.problems_before && self.misaligned.is_none();
        let outer = self.stack.first().and_then(|top| top.statements.last());
        let Some(statement) = outer.filter(|_| self.defers && clean && !frame.anonymous) else {
            return false;
        };
        let of_many = statement.keyword.is_some_and(|k| DEFERRED.contains(&k.name));
        if of_many {
            self.words.truncate(statement.words.end as usize);
            self.scratch.take_back(std::mem::take(&mut frame.statements));
        }
        of_many
    }
}
