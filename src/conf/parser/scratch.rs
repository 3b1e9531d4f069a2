//! What a parser needs and the next one can have: room, and keywords that were looked up.

use super::recent::Recent;
use crate::conf::tree::Statement;

#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) recent: Recent,
    /// Room for the statements of blocks.
    rows: Vec<Vec<Statement>>,
}

impl Scratch {
    /// Room for the statements of a block.
    pub(super) fn rows(&mut self) -> Vec<Statement> {
        self.rows.pop().unwrap_or_default()
    }

    /// Takes back the room of statements that nobody needs any more, and that of their blocks. They nest no deeper than
    /// the parser lets them.
    pub(super) fn take_back(&mut self, mut statements: Vec<Statement>) {
        for body in statements.drain(..).filter_map(|s| s.body) {
            self.take_back(body.statements);
        }
        if statements.capacity() > 0 {
            self.rows.push(statements);
        }
    }
}
