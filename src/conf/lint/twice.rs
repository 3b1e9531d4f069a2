//! Advice on settings that a block gives twice: the last one counts, in silence.

use super::places::{Places, body};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::schema::{Keyword, Shape};
use crate::conf::sink::Sink;
use crate::conf::tree::Statement;
use std::collections::HashMap;

/// Blocks in which each line with a value sets one thing.
const BLOCKS: &[&str] = &[
    "AGENT_CHECK",
    "BFD_CHECK",
    "DNS_CHECK",
    "FILE_CHECK",
    "GRPC_CHECK",
    "HTTP_GET",
    "LDAP_CHECK",
    "MISC_CHECK",
    "MYSQL_CHECK",
    "PGSQL_CHECK",
    "PING_CHECK",
    "REDIS_CHECK",
    "SMTP_CHECK",
    "SSL",
    "SSL_GET",
    "TCP_CHECK",
    "UDP_CHECK",
    "authentication",
    "bfd_instance",
    "global_defs",
    "host",
    "real_server",
    "url",
    "virtual_server",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_track_file",
    "vrrp_track_process",
];

/// Lines that add to what others say, or change it from there on.
const ADDING: &[&str] = &["include_check", "status_code"];

/// Looks at a block of the top level, and at the blocks in it.
pub(super) fn advise(places: &Places<'_, '_>, block: &Statement, sink: &mut Sink) {
    let mut blocks = vec![block];
    while let Some(block) = blocks.pop() {
        if block.keyword.is_some_and(|k| BLOCKS.contains(&k.canonical())) {
            lines(places, block, sink);
            blocks.extend(body(block).iter().filter(|s| s.body.is_some()));
        }
    }
}

fn lines(places: &Places<'_, '_>, block: &Statement, sink: &mut Sink) {
    let mut last: HashMap<&str, &Statement> = HashMap::new();
    let has_value = |s: &Statement| places.words(s).len() > 1;
    for statement in body(block) {
        let is_setting = |k: &&Keyword| matches!(k.shape, Shape::Line) && !ADDING.contains(&k.name);
        let Some(keyword) = statement.keyword.filter(is_setting) else { continue };
        // `fall` is one more than `retry`.
        let sets = if keyword.canonical() == "fall" { "retry" } else { keyword.canonical() };
        let Some(before) = last.insert(sets, statement) else { continue };
        // A second line that has no effect was reported as such.
        if !(has_value(before) || has_value(statement)) || sink.has_problem_at(statement.span) {
            continue;
        }
        let other = before.keyword.map_or("", |before| before.name);
        let message = match other == keyword.name {
            true => format!("`{other}` is given twice in this block: this one has no effect"),
            false => format!("`{other}` and `{}` set the same thing: this one has no effect", keyword.name),
        };
        let diagnostic = Diagnostic::new(&codes::LINT_TWICE, before.span, message);
        let diagnostic = diagnostic.also(statement.span, "this one counts");
        sink.push(diagnostic.help("remove one of the two"));
    }
}
