//! What one parser hands on to the next: memory, and keywords that were looked up.

use super::recent::Recent;
use crate::conf::tree::Statement;

#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) recent: Recent,
    /// Empty lists for the statements of blocks.
    statements: Vec<Vec<Statement>>,
}

impl Scratch {
    /// An empty list for the statements of a block.
    pub(super) fn statements(&mut self) -> Vec<Statement> {
        self.statements.pop().unwrap_or_default()
    }

    /// Takes back the memory of statements that are not needed any more, and of their blocks. The recursion is as deep as
    /// blocks nest, which the parser bounds.
    pub(super) fn take_back(&mut self, mut statements: Vec<Statement>) {
        for body in statements.drain(..).filter_map(|s| s.body) {
            self.take_back(body.statements);
        }
        if statements.capacity() > 0 {
            self.statements.push(statements);
        }
    }
}
