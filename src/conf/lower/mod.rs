//! The tree to a [`Config`]: values read as the keyword table declares them, defaults resolved, meaning checked.
//!
//! What keepalived leaves out or corrects is left out or corrected here in the same way, and reported. Nothing asks
//! the system anything, apart from the caller's own answer on interfaces ([`super::LoadOptions`]).

mod args;
mod bfd;
mod checker;
mod command;
mod global;
mod group;
mod iproute;
mod notify;
mod real_server;
mod ssl;
mod sync;
mod track;
mod trackable;
mod tracked_server;
mod transition;
mod virtual_server;
mod vrrp;

#[cfg(test)]
mod tests;

use super::config::Config;
use super::lexer::Word;
use super::parser::BlockReader;
use super::sink::Sink;
use super::tree::{Statement, Tree};
use super::{InterfaceKind, LoadOptions};
use crate::check::config::Endpoint;
use crate::conf::diagnostic::{Code, Diagnostic, codes};
use crate::conf::source::Span;
use crate::vrrp::config::DynamicInterfaces;
use crate::vrrp::config::interface::Linkbeat;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What every part of the lowering needs at hand.
struct Lower<'t, 's> {
    tree: &'t Tree<'s>,
    sink: &'t mut Sink,
    options: &'t LoadOptions<'t>,
    scripts: command::Scripts,
    rule_priorities: iproute::Priorities,
    /// `dynamic_interfaces`
    dynamic_interfaces: bool,
    /// `net_namespace`: the interfaces are those of another network namespace than this one.
    elsewhere: bool,
    /// `iproute_etc_dir` and `iproute_usr_dir`.
    name_folders: [Option<String>; 2],
    /// Within an instance: the interfaces that are missing, some of which it may make itself.
    missing: Option<Vec<(Span, String)>>,
    /// Virtual servers that are tracked: by whom, their names, and where.
    tracked_servers: Vec<(String, String, Span)>,
}

/// What a tree means.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) config: Config,
    /// Of each virtual server, the place of its block among the statements of the top level.
    pub(super) virtual_servers: Vec<usize>,
}

/// Lowers one file's tree.
pub(super) fn lower(tree: &Tree<'_>, options: &LoadOptions<'_>, sink: &mut Sink) -> Lowered {
    let mut cx = Lower {
        tree,
        sink,
        options,
        scripts: command::Scripts::default(),
        rule_priorities: iproute::Priorities::default(),
        dynamic_interfaces: false,
        elsewhere: false,
        name_folders: [None, None],
        missing: None,
        tracked_servers: Vec::new(),
    };
    let mut config = Config::default();
    global::lower(&mut cx, &mut config);
    cx.dynamic_interfaces = config.vrrp.settings.dynamic_interfaces != DynamicInterfaces::No;
    cx.elsewhere = config.global.instancing.net_namespace.is_some();
    let defaults = config.vrrp.defaults.clone();
    let files = &config.global.files;
    cx.name_folders = [files.iproute_etc_dir.clone(), files.iproute_usr_dir.clone()];
    config.vrrp.statics = iproute::statics(&mut cx, &defaults.interface);
    iproute::interfaces(&mut cx, &mut config.vrrp);
    bfd::lower(&mut cx, &mut config.bfd);
    let trackable = trackable::lower(&mut cx, &mut config.vrrp);
    let members = sync::members(&cx);
    let tracks = vrrp::lower(&mut cx, &defaults, &trackable, &members, &mut config.vrrp);
    poll_interfaces(&mut config.vrrp, config.global.linkbeat_use_polling);
    iproute::cut_link_delays(&mut cx, &config.vrrp);
    global::sync_daemon::settle(&mut cx, &mut config);
    sync::lower(&mut cx, &defaults, &trackable, &tracks, &mut config.vrrp);
    config.check.ssl = ssl::lower(&mut cx);
    let groups = group::lower(&mut cx);
    let virtual_servers = {
        let marks_groups = config.global.firewall.ipvs.is_some();
        virtual_server::lower(&mut cx, &groups, &trackable, marks_groups, &mut config.check)
    };
    config.vrrp.serving = serving(&config.check);
    tracked_server::settle(&mut cx, &mut config);
    cx.check_script_security();
    config.global.scripts = cx.scripts.settings();
    Lowered { config, virtual_servers }
}

/// `linkbeat_use_polling`, of an instance or of all: its interface is one of `linkbeat_interfaces`.
fn poll_interfaces(config: &mut crate::vrrp::Config, all: bool) {
    let mut known: BTreeSet<String> = config.linkbeat.iter().map(|beat| beat.interface.clone()).collect();
    for instance in config.instances.iter().filter(|instance| all || instance.link.linkbeat_polling) {
        if let Some(interface) =
            instance.interface.as_deref().map(str::to_owned).filter(|name| known.insert(name.clone()))
        {
            config.linkbeat.push(Linkbeat { interface, poll: None });
        }
    }
}

/// The addresses of virtual servers, for the instances that hold them.
fn serving(check: &crate::check::Config) -> BTreeSet<IpAddr> {
    let endpoints = check.virtual_servers.iter().flat_map(|vs| &vs.endpoints);
    let address = |endpoint: &Endpoint| match endpoint {
        Endpoint::Address(address) => Some(address.ip()),
        Endpoint::Fwmark { .. } => None,
    };
    endpoints.filter_map(address).collect()
}

impl<'t, 's> Lower<'t, 's> {
    fn words(&self, statement: &Statement) -> &'t [Word<'s>] {
        self.tree.words(statement)
    }

    fn report(&mut self, code: &'static Code, span: Span, message: impl Into<String>) {
        self.sink.push(Diagnostic::new(code, span, message));
    }

    /// All statements of the top level with this keyword.
    fn top_level(&self, name: &'static str) -> impl Iterator<Item = &'t Statement> + use<'t> {
        let is_it = move |s: &&'t Statement| s.keyword.is_some_and(|k| k.name == name);
        let statements: &'t [Statement] = &self.tree.statements;
        statements.iter().filter(is_it)
    }

    /// The same, with their places in the file: keepalived looks names up in this order.
    fn top_level_places(&self, name: &'static str) -> impl Iterator<Item = (usize, &'t Statement)> + use<'t> {
        let is_it = move |(_, s): &(usize, &'t Statement)| s.keyword.is_some_and(|k| k.name == name);
        let statements: &'t [Statement] = &self.tree.statements;
        statements.iter().enumerate().filter(is_it)
    }

    /// What the machine says of an interface. With `dynamic_interfaces` one that is missing may come; those of
    /// another network namespace can't be seen from here.
    fn ask_interface(&self, name: &str) -> Option<InterfaceKind> {
        let missing_is_fine =
            |kind: &InterfaceKind| !(self.dynamic_interfaces && *kind == InterfaceKind::Missing);
        let ask = self.options.interfaces.filter(|_| !self.elsewhere)?;
        ask(name).filter(missing_is_fine)
    }

    /// The interface whose network a macvlan sends to.
    fn base_of(&self, interface: &str) -> Option<String> {
        let ask = self.options.bases.filter(|_| !self.elsewhere)?;
        ask(interface)
    }

    /// What [`Lower::with_block`] needs.
    fn blocks(&self) -> BlockReader<'t> {
        BlockReader::new(self.options.config_id)
    }

    /// Reads a statement with the block that is left in the text for now, as large files have them in thousands.
    fn with_block(
        &mut self,
        blocks: &mut BlockReader<'t>,
        statement: &Statement,
        read: impl FnOnce(&mut Lower<'_, '_>, &Statement),
    ) {
        let Some(body) = statement.body.as_ref().filter(|b| b.deferred) else { return read(self, statement) };
        let tree = blocks.tree(self.tree.text, statement, body.end);
        let mut cx = Lower {
            tree: &tree,
            sink: self.sink,
            options: self.options,
            scripts: std::mem::take(&mut self.scripts),
            rule_priorities: std::mem::take(&mut self.rule_priorities),
            dynamic_interfaces: self.dynamic_interfaces,
            elsewhere: self.elsewhere,
            name_folders: std::mem::take(&mut self.name_folders),
            missing: self.missing.take(),
            tracked_servers: std::mem::take(&mut self.tracked_servers),
        };
        if let Some(statement) = tree.statements.first() {
            read(&mut cx, statement);
        }
        self.scripts = cx.scripts;
        self.rule_priorities = cx.rule_priorities;
        self.name_folders = cx.name_folders;
        self.missing = cx.missing;
        self.tracked_servers = cx.tracked_servers;
        blocks.done(tree);
    }

    /// Whether the machine has this interface; reported if not. Without a way to ask, every one exists.
    fn interface_exists(&mut self, word: &Word<'_>) -> bool {
        self.interface_exists_or(&codes::NO_SUCH_INTERFACE, word)
    }

    /// Reports one that the machine does not have, for what is set as soon as it appears.
    fn interface_may_come(&mut self, word: &Word<'_>) {
        if matches!(self.ask_interface(&word.text), Some(InterfaceKind::Missing)) {
            match &mut self.missing {
                Some(missing) => missing.push((word.span, word.text.to_string())),
                None => self.interface_is_missing(word.span, &word.text),
            }
        }
    }

    /// The same for one that is tracked: until it appears nobody knows of it.
    fn tracked_interface_may_come(&mut self, word: &Word<'_>) {
        if matches!(self.ask_interface(&word.text), Some(InterfaceKind::Missing)) {
            let message =
                format!("interface `{}` doesn't exist; it is tracked from when it appears", word.text);
            self.report(&codes::NO_SUCH_INTERFACE, word.span, message);
        }
    }

    fn interface_is_missing(&mut self, span: Span, name: &str) {
        let message = format!("interface `{name}` doesn't exist; what needs it is set when it appears");
        self.report(&codes::NO_SUCH_INTERFACE, span, message);
    }

    /// The same, reported with this code.
    fn interface_exists_or(&mut self, code: &'static Code, word: &Word<'_>) -> bool {
        let exists = !matches!(self.ask_interface(&word.text), Some(InterfaceKind::Missing));
        if !exists {
            self.report(code, word.span, format!("interface `{}` doesn't exist", word.text));
        }
        exists
    }
}

/// Where a block ends: keepalived judges a block as a whole there, and names that line.
fn end_of(statement: &Statement) -> Span {
    statement.body.as_ref().map_or(statement.span, |b| b.end)
}

/// The statements of a block's body.
fn body(statement: &Statement) -> &[Statement] {
    let statements: &[Statement] = statement.body.as_ref().map_or(&[], |b| &b.statements);
    statements
}
