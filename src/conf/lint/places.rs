//! Where in the text a part of the [`Config`] stands.
//!
//! The `Config` knows no spans. Its parts are found again by what identifies them: instances by name, virtual and real
//! servers by address and by their order, which is that of the text.

use crate::check::config::{Endpoint, RealServer, VirtualServer};
use crate::conf::config::Config;
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::conf::tree::{Statement, Tree};
use std::collections::HashMap;
use std::net::IpAddr;

/// Finds statements.
#[derive(Debug)]
pub(super) struct Places<'t, 's> {
    tree: &'t Tree<'s>,
    instances: HashMap<&'t str, &'t Statement>,
    scripts: HashMap<&'t str, &'t Statement>,
    /// As many as there are virtual servers; `None` for one that can't be told from others.
    virtual_servers: Vec<Option<&'t Statement>>,
}

impl<'t, 's> Places<'t, 's> {
    pub(super) fn new(tree: &'t Tree<'s>, config: &Config) -> Places<'t, 's> {
        let mut places =
            Places { tree, instances: HashMap::new(), scripts: HashMap::new(), virtual_servers: Vec::new() };
        for statement in places.top_level("vrrp_instance") {
            if let Some(name) = places.words(statement).get(1) {
                // The second block of a name is left out.
                places.instances.entry(&name.text).or_insert(statement);
            }
        }
        for statement in places.top_level("vrrp_script") {
            if let Some(name) = places.words(statement).get(1) {
                places.scripts.insert(&name.text, statement);
            }
        }
        let mut statements = places.top_level("virtual_server");
        let found: Vec<_> = config
            .check
            .virtual_servers
            .iter()
            .map(|server| {
                let mut ahead = statements.clone();
                let found = ahead.find(|s| is_server(places.words(s), server))?;
                statements = ahead;
                Some(found)
            })
            .collect();
        places.virtual_servers = found;
        places
    }

    pub(super) fn words(&self, statement: &Statement) -> &'t [Word<'s>] {
        let tree: &'t Tree<'s> = self.tree;
        tree.words(statement)
    }

    /// The statements of the top level.
    pub(super) fn top(&self) -> &'t [Statement] {
        &self.tree.statements
    }

    /// The block of a script.
    pub(super) fn script(&self, name: &str) -> Option<&'t Statement> {
        self.scripts.get(name).copied()
    }

    /// All statements of the top level with this keyword.
    pub(super) fn top_level(
        &self,
        name: &'static str,
    ) -> impl Iterator<Item = &'t Statement> + Clone + use<'t, 's> {
        let statements: &'t [Statement] = &self.tree.statements;
        statements.iter().filter(move |s| is(s, name))
    }

    /// The block of an instance.
    pub(super) fn instance(&self, name: &str) -> Option<&'t Statement> {
        self.instances.get(name).copied()
    }

    /// The block of the virtual server at this index of the `Config`.
    pub(super) fn virtual_server(&self, index: usize) -> Option<&'t Statement> {
        self.virtual_servers.get(index).copied().flatten()
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

fn is_server(words: &[Word<'_>], server: &VirtualServer) -> bool {
    let number = |w: Option<&Word<'_>>| w.and_then(|w| w.text.parse::<u32>().ok());
    match (words.get(1).map(|w| w.text.as_ref()), server.endpoints.first()) {
        (Some("group"), _) => words.get(2).is_some_and(|name| name.text == server.name.as_str()),
        (Some("fwmark"), Some(Endpoint::Fwmark { mark, .. })) => number(words.get(2)) == Some(*mark),
        (Some(_), Some(Endpoint::Address(at))) => {
            address(words.get(1)) == Some(at.ip())
                && number(words.get(2)).unwrap_or(0) == u32::from(at.port())
        }
        _ => false,
    }
}

fn address(word: Option<&Word<'_>>) -> Option<IpAddr> {
    word.and_then(|w| w.text.parse().ok())
}

fn is(statement: &Statement, name: &str) -> bool {
    statement.keyword.is_some_and(|k| k.canonical() == name)
}

/// The statements of a block, or the entries of a list.
pub(super) fn body(statement: &Statement) -> &[Statement] {
    statement.body.as_ref().map_or(&[], |b| &b.statements)
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
