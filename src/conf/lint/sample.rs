//! What was left as it stands in keepalived's own sample file, and in every tutorial since.

use super::places::{Places, all, body, is};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::sink::Sink;
use crate::conf::tree::Statement;

/// The sample's values: block, keyword, value.
const VALUES: &[(&str, &str, &str)] = &[
    ("global_defs", "router_id", "LVS_DEVEL"),
    ("global_defs", "smtp_server", "192.168.200.1"),
    ("global_defs", "notification_email_from", "Alexandre.Cassen@firewall.loc"),
    ("vrrp_instance", "virtual_router_id", "51"),
];

/// The recipients in keepalived's sample, who don't exist.
const RECIPIENTS: &str = "@firewall.loc";

pub(super) fn advise(places: &Places<'_, '_>, block: &Statement, sink: &mut Sink) {
    for (_, keyword, value) in VALUES.iter().filter(|(name, ..)| is(block, name)) {
        for statement in all(block, keyword) {
            if let Some(word) = places.words(statement).get(1).filter(|w| w.text == *value) {
                report(places, statement, word, sink);
            }
        }
    }
    if is(block, "global_defs") {
        for entry in all(block, "notification_email").flat_map(body) {
            if let Some(word) = places.words(entry).first().filter(|w| w.text.ends_with(RECIPIENTS)) {
                report(places, entry, word, sink);
            }
        }
    }
}

fn report(places: &Places<'_, '_>, statement: &Statement, word: &Word<'_>, sink: &mut Sink) {
    let what = places.words(statement).first().map_or("", |w| w.text.as_ref());
    let message = match what == word.text {
        true => format!("`{}` is from keepalived's sample file", word.text),
        false => format!("`{what} {}` is from keepalived's sample file", word.text),
    };
    let help = match what {
        "virtual_router_id" => "choose a number that no other virtual router on this network has",
        "router_id" => "name this machine, or remove the line: its host name is taken then",
        _ => "write your own",
    };
    sink.push(Diagnostic::new(&codes::LINT_SAMPLE, word.span, message).help(help));
}
