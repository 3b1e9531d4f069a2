//! `global_defs`, and the keywords at the top of the file that hold for the whole process.
//!
//! Each file below reads the keywords of one subject, and says of the others that they are not its own.

mod files;
mod firewall;
mod hooks;
mod lvs;
mod mail;
mod monitor;
mod netlink;
mod process;
mod scripts;
pub(super) mod sync_daemon;
mod top;
mod umask;
mod vrrp;

#[cfg(test)]
mod tests;

use super::{Lower, body};
use crate::conf::config::Config;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::schema::Kind;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use std::collections::HashMap;

/// Reads every `global_defs` block, and the top of the file.
pub(super) fn lower(cx: &mut Lower<'_, '_>, config: &mut Config) {
    top::lower(cx, config);
    let mut all = Reader::default();
    for statement in cx.top_level("global_defs").flat_map(body) {
        all.statement(cx, statement, config);
    }
    all.finish(cx, config);
}

/// What is only known once all blocks are read.
#[derive(Debug, Default)]
struct Reader {
    firsts: Firsts,
    vrrp: vrrp::Draft,
    firewall: firewall::Draft,
    mail: mail::Draft,
    smtp_alert: Option<bool>,
    smtp_alert_vrrp: Option<bool>,
    smtp_alert_checker: Option<bool>,
}

impl Reader {
    fn statement(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement, config: &mut Config) {
        let Some(keyword) = statement.keyword else { return };
        if let Some(better) = keyword.synonym_of
            && keyword.name != "vrrp_vmac_garp_intvl"
        {
            let message = format!("`{}` is an old spelling", keyword.name);
            let at = cx.words(statement).first().map_or(statement.span, |w| w.span);
            let diagnostic = Diagnostic::new(&codes::OLD_SPELLING, at, message);
            cx.sink.push(diagnostic.help(format!("write `{better}`")));
        }
        let global = &mut config.global;
        match keyword.canonical() {
            "router_id" => match cx.text(statement) {
                Some(word) => global.router_id = Some(word.text.to_string()),
                None => {
                    let message = "`router_id` names nothing; it has no effect";
                    cx.report(&codes::MISSING_NAME, statement.span, message);
                }
            },
            "smtp_alert" => put(&mut self.smtp_alert, cx.flag(statement)),
            "smtp_alert_vrrp" => put(&mut self.smtp_alert_vrrp, cx.flag(statement)),
            "smtp_alert_checker" => put(&mut self.smtp_alert_checker, cx.flag(statement)),
            "lvs_sync_daemon" => {
                if self.firsts.is_first(cx, statement, global.sync_daemon.is_some()) {
                    global.sync_daemon = sync_daemon::read(cx, statement);
                }
            }
            "random_seed" => put(&mut global.random_seed, cx.u32(statement)),
            name => {
                let firsts = &mut self.firsts;
                let _taken = process::read(cx, statement, name, &mut global.processes)
                    || scripts::read(cx, statement, name)
                    || hooks::read(cx, statement, name, &mut global.hooks, &mut global.fifos, firsts)
                    || mail::read(cx, statement, name, &mut global.mail, &mut self.mail)
                    || monitor::read(cx, statement, name, global, firsts)
                    || netlink::read(cx, statement, name, &mut global.netlink)
                    || self.firewall.read(cx, statement, name, &mut global.firewall, firsts)
                    || files::read(cx, statement, name, global, firsts)
                    || lvs::read(cx, statement, name, &mut config.check.settings)
                    || self.vrrp.read(cx, statement, name, &mut config.vrrp, firsts);
            }
        }
    }

    fn finish(self, cx: &mut Lower<'_, '_>, config: &mut Config) {
        self.mail.finish(cx, &mut config.global.mail);
        self.vrrp.finish(&mut config.vrrp.defaults);
        self.firewall.finish(&mut config.global.firewall);
        config.vrrp.defaults.smtp_alert = self.smtp_alert_vrrp.or(self.smtp_alert).unwrap_or_default();
        config.check.settings.smtp_alert = self.smtp_alert_checker.or(self.smtp_alert);
    }
}

/// Where keywords that count only once were given.
#[derive(Debug, Default)]
struct Firsts(HashMap<&'static str, Span>);

impl Firsts {
    /// Whether it is the first; reported where it isn't. `set` tells whether an earlier one had its effect.
    fn is_first(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement, set: bool) -> bool {
        let Some(keyword) = statement.keyword else { return false };
        match self.0.get(keyword.name) {
            Some(first) if set => {
                let message = format!("`{}` was given before; this one has no effect", keyword.name);
                let diagnostic = Diagnostic::new(&codes::GIVEN_TWICE, statement.span, message);
                cx.sink.push(diagnostic.also(*first, "this is the one that counts"));
                false
            }
            _ => {
                self.0.insert(keyword.name, statement.span);
                true
            }
        }
    }
}

impl Lower<'_, '_> {
    /// A whole number that may be negative.
    fn signed(&mut self, statement: &Statement) -> Option<i64> {
        self.no_more_arguments(statement);
        let (declared, word) = self.argument(statement, 0)?;
        let Kind::Signed { min, max } = declared.kind else { return None };
        self.signed_word(word, min, max)
    }

    /// A keyword without arguments: it is on by being there.
    fn present(&mut self, statement: &Statement) -> bool {
        self.no_more_arguments(statement);
        true
    }

    /// A name; keepalived passes over the line if anything follows it.
    fn only_text(&mut self, statement: &Statement) -> Option<String> {
        let word = self.argument(statement, 0)?.1;
        if let [_, _, extra, ..] = self.words(statement) {
            let name = statement.keyword.map_or("", |k| k.name);
            let last = self.words(statement).last().map_or(extra.span, |w| w.span);
            let message = format!("`{name}` takes one argument; with more it has no effect");
            let diagnostic = Diagnostic::new(&codes::TOO_MANY_ARGUMENTS, extra.span.to(last), message);
            self.sink.push(diagnostic.help("remove this, or put it all into double quotes"));
            return None;
        }
        if word.text.is_empty() {
            self.report(&codes::MISSING_VALUE, word.span, "this name is empty");
            return None;
        }
        Some(word.text.to_string())
    }

    /// Where the first argument stands.
    fn value_span(&self, statement: &Statement) -> Span {
        self.words(statement).get(1).map_or(statement.span, |word| word.span)
    }

    /// A name, as it is written.
    fn name(&mut self, statement: &Statement) -> Option<String> {
        self.text(statement).map(|word| word.text.to_string())
    }
}

/// Takes a value over if it could be read.
pub(super) fn set<T>(to: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *to = value;
    }
}

/// The same where nothing stands for the default.
fn put<T>(to: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *to = value;
    }
}

/// A count of gratuitous ARPs; 0 was allowed once, and means 1.
pub(super) fn repeat(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<u32> {
    let count = cx.u32(statement)?;
    if count == 0 {
        let name = statement.keyword.map_or("", |k| k.name);
        cx.report(
            &codes::ADJUSTED,
            cx.value_span(statement),
            format!("`{name}` must be greater than 0; it is taken as 1"),
        );
    }
    Some(count.max(1))
}
