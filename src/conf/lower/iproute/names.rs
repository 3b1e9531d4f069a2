//! Names of tables, protocols, scopes, realms and groups: numbers stand for themselves, the caller's machine knows
//! the names of `/etc/iproute2`, and the names that every machine has are here.

use super::super::Lower;
use crate::conf::NameFolders;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::net::NameTable;

const TABLES: &[(&str, u32)] = &[("default", 253), ("local", 255), ("main", 254)];

/// Scopes by name, as the kernel numbers them (`rtnetlink.h`).
const SCOPES: &[(&str, u32)] =
    &[("global", 0), ("host", 254), ("link", 253), ("nowhere", 255), ("site", 200)];

/// Protocols by name, as the kernel numbers them (`rtnetlink.h`).
const PROTOCOLS: &[(&str, u32)] = &[
    ("babel", 42),
    ("bird", 12),
    ("boot", 3),
    ("dhcp", 16),
    ("dnrouted", 13),
    ("gated", 8),
    ("kernel", 2),
    ("mrt", 10),
    ("none", 0),
    ("ntk", 15),
    ("ra", 9),
    ("redirect", 1),
    ("static", 4),
    ("xorp", 14),
    ("zebra", 11),
];

impl Lower<'_, '_> {
    /// A name or a number of one of iproute2's tables.
    pub(super) fn named(&mut self, word: &Word<'_>, table: NameTable, consequence: &str) -> Option<u32> {
        let found = self.lookup(&word.text, table);
        if found.is_none() {
            let what = what(table);
            let file = table.file();
            let message = format!("`{}` is no {what}; {consequence}", word.text);
            let mut diagnostic = Diagnostic::new(&codes::UNKNOWN_NAME, word.span, message)
                .label(format!("expected a number up to {}, or a name", table.max()));
            if crate::conf::number::unsigned(&word.text).is_none() {
                let own: Vec<&str> = built_in(table).iter().map(|(name, _)| *name).collect();
                diagnostic = match crate::conf::diagnostic::did_you_mean(&word.text, own.into_iter()) {
                    Some(close) => diagnostic.did_you_mean(close),
                    None => diagnostic.help(format!(
                        "write its number, or name it in /etc/iproute2/{file} of each machine"
                    )),
                };
            }
            self.sink.push(diagnostic);
        }
        found
    }

    /// [`Lower::named`] without a word about what is not found.
    pub(super) fn lookup(&self, text: &str, table: NameTable) -> Option<u32> {
        if let Some(number) = crate::conf::number::unsigned(text) {
            return u32::try_from(number).ok().filter(|n| *n <= table.max());
        }
        let [etc, usr] = &self.name_folders;
        let folders = NameFolders { etc: etc.as_deref(), usr: usr.as_deref() };
        let asked =
            self.options.names.and_then(|ask| ask(folders, table, text)).filter(|n| *n <= table.max());
        asked.or_else(|| built_in(table).iter().find(|(name, _)| *name == text).map(|(_, n)| *n))
    }
}

fn built_in(table: NameTable) -> &'static [(&'static str, u32)] {
    match table {
        NameTable::Tables => TABLES,
        NameTable::Scopes => SCOPES,
        NameTable::Protocols => PROTOCOLS,
        NameTable::Realms | NameTable::Fields | NameTable::Groups => &[],
    }
}

fn what(table: NameTable) -> &'static str {
    match table {
        NameTable::Tables => "routing table",
        NameTable::Scopes => "scope",
        NameTable::Protocols => "routing protocol",
        NameTable::Realms => "realm",
        NameTable::Fields => "type of service",
        NameTable::Groups => "group of interfaces",
    }
}
