//! Where in the text a part of the [`Config`] stands.
//!
//! The `Config` knows no spans. Its parts are found again by what identifies them: instances by name, virtual and real
//! servers by the places of their blocks, which the lowering tells, and by address.

use crate::check::config::RealServer;
use crate::conf::lexer::Word;
use crate::conf::lower::Lowered;
use crate::conf::parser::BlockReader;
use crate::conf::source::Span;
use crate::conf::tree::{Statement, Tree};
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;

/// Where the blocks of a file are.
#[derive(Debug)]
pub(super) struct Index<'t, 's> {
    file: &'t Tree<'s>,
    instances: HashMap<&'t str, &'t Statement>,
    scripts: HashMap<&'t str, &'t Statement>,
    /// Of each virtual server, the place of its block among the statements of the top level.
    virtual_servers: &'t [usize],
    reader: RefCell<BlockReader<'s>>,
}

impl<'t, 's> Index<'t, 's> {
    pub(super) fn new(file: &'t Tree<'s>, lowered: &'t Lowered, config_id: Option<&'s str>) -> Index<'t, 's> {
        let mut index = Index {
            file,
            instances: HashMap::new(),
            scripts: HashMap::new(),
            virtual_servers: &lowered.virtual_servers,
            reader: RefCell::new(BlockReader::new(config_id)),
        };
        for statement in &file.statements {
            let Some(name) = file.words(statement).get(1) else { continue };
            if is(statement, "vrrp_instance") {
                // The second block of a name is left out.
                index.instances.entry(&name.text).or_insert(statement);
            } else if is(statement, "vrrp_script") {
                index.scripts.insert(&name.text, statement);
            }
        }
        index
    }
}

/// Finds statements: in the file, or in one of its blocks that is left in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places<'t, 's> {
    tree: &'t Tree<'s>,
    index: &'t Index<'t, 's>,
}

impl<'t, 's> Places<'t, 's> {
    /// In the file.
    pub(super) fn new(index: &'t Index<'t, 's>) -> Places<'t, 's> {
        Places { tree: index.file, index }
    }

    /// The statements of the file, wherever this looks for statements.
    pub(super) fn file(&self) -> Places<'t, 's> {
        Places::new(self.index)
    }

    /// Reads a statement of the top level with its block, be it left in the text or not.
    pub(super) fn with_block<R>(
        &self,
        statement: &'t Statement,
        read: impl FnOnce(&Places<'_, 's>, &Statement) -> R,
    ) -> R {
        let Some(body) = statement.body.as_ref().filter(|b| b.deferred) else {
            return read(&self.file(), statement);
        };
        let reader = &self.index.reader;
        let tree = reader.borrow_mut().tree(self.tree.text, statement, body.end);
        let places = Places { tree: &tree, index: self.index };
        let result = read(&places, tree.statements.first().unwrap_or(statement));
        reader.borrow_mut().done(tree);
        result
    }

    pub(super) fn words(&self, statement: &Statement) -> &'t [Word<'s>] {
        let tree: &'t Tree<'s> = self.tree;
        tree.words(statement)
    }

    /// The statements of the top level.
    pub(super) fn top(&self) -> &'t [Statement] {
        &self.index.file.statements
    }

    /// The block of a script.
    pub(super) fn script(&self, name: &str) -> Option<&'t Statement> {
        self.index.scripts.get(name).copied()
    }

    /// All statements of the top level with this keyword.
    pub(super) fn top_level(
        &self,
        name: &'static str,
    ) -> impl Iterator<Item = &'t Statement> + Clone + use<'t, 's> {
        self.top().iter().filter(move |s| is(s, name))
    }

    /// The block of an instance.
    pub(super) fn instance(&self, name: &str) -> Option<&'t Statement> {
        self.index.instances.get(name).copied()
    }

    /// The block of the virtual server at this index of the `Config`.
    pub(super) fn virtual_server(&self, index: usize) -> Option<&'t Statement> {
        self.index.virtual_servers.get(index).and_then(|place| self.index.file.statements.get(*place))
    }

    /// Whether the block at this place of the top level is that of this virtual server.
    pub(super) fn is_virtual_server(&self, index: usize, place: usize) -> bool {
        self.index.virtual_servers.get(index) == Some(&place)
    }

    /// The block of a real server within that of its virtual server.
    pub(super) fn real_server<'b>(
        &self,
        within: &'b Statement,
        server: &RealServer,
    ) -> Option<&'b Statement> {
        let is_it = |s: &&Statement| {
            let words = self.words(s);
            let port = words.get(2).and_then(|w| w.text.parse::<u16>().ok());
            address(words.get(1)) == Some(server.address.ip())
                && port.is_none_or(|p| p == server.address.port())
        };
        all(within, "real_server").find(is_it)
    }
}

fn address(word: Option<&Word<'_>>) -> Option<IpAddr> {
    word.and_then(|w| w.text.parse().ok())
}

/// Whether a statement has this keyword.
pub(super) fn is(statement: &Statement, name: &str) -> bool {
    statement.keyword.is_some_and(|k| k.canonical() == name)
}

/// The statements of a block, or the entries of a list.
pub(super) fn body(statement: &Statement) -> &[Statement] {
    let statements: &[Statement] = statement.body.as_ref().map_or(&[], |b| &b.statements);
    statements
}

/// The statements of a block with this keyword.
pub(super) fn all<'t>(block: &'t Statement, name: &'static str) -> impl Iterator<Item = &'t Statement> {
    body(block).iter().filter(move |s| is(s, name))
}

/// Where a block says this; else where the block begins.
pub(super) fn span(block: &Statement, name: &'static str) -> Span {
    all(block, name).last().map_or(block.span, |s| s.span)
}

/// The argument of a keyword in a block: of the last one, which counts.
pub(super) fn value<'t, 's>(
    places: &Places<'t, 's>,
    block: &Statement,
    name: &'static str,
) -> Option<&'t Word<'s>> {
    all(block, name).last().and_then(|s| places.words(s).get(1))
}

/// The same as a number.
pub(super) fn number(places: &Places<'_, '_>, block: &Statement, name: &'static str) -> Option<f64> {
    value(places, block, name)?.text.parse().ok()
}
