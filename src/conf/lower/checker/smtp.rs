//! `SMTP_CHECK`; its deprecated `host` blocks make one check each.

use super::connect::Common;
use super::{Defaults, Outer};
use crate::check::config::{Checker, Probe};
use crate::conf::lower::{Lower, body};
use crate::conf::tree::Statement;
use std::net::IpAddr;

/// keepalived's default of `helo_name`.
const HELO_NAME: &str = "smtpchecker.keepalived.org";

/// A `SMTP_CHECK` block.
#[derive(Debug)]
pub(super) struct SmtpDraft {
    helo_name: Box<str>,
    hosts: Vec<Common>,
}

/// Reads the block.
pub(super) fn lower(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    common: &mut Common,
    server: IpAddr,
) -> SmtpDraft {
    let mut draft = SmtpDraft { helo_name: HELO_NAME.into(), hosts: Vec::new() };
    for statement in body(statement) {
        let Some(keyword) = statement.keyword else { continue };
        match keyword.canonical() {
            "helo_name" => {
                if let Some(word) = cx.text(statement) {
                    draft.helo_name = word.text.as_ref().into();
                }
            }
            "host" => {
                let mut host = Common::new(server);
                host.only(cx, statement);
                if host.reaches_link_local(cx, statement) {
                    draft.hosts.push(host);
                }
            }
            name => {
                common.statement(cx, name, statement);
            }
        }
    }
    draft
}

impl SmtpDraft {
    /// One check for the block itself, unless only its hosts say where to connect to, and one for each host.
    pub(super) fn finish(
        self,
        common: Common,
        defaults: Defaults,
        outer: Outer<'_>,
        checkers: &mut Vec<Checker>,
    ) {
        let SmtpDraft { helo_name, hosts } = self;
        let own = hosts.is_empty() || common.says_where();
        for mut host in hosts {
            host.takes_schedule_from(&common);
            let probe = Probe::Smtp { helo_name: helo_name.clone() };
            checkers.push(host.checker(outer, defaults, probe));
        }
        if own {
            checkers.push(common.checker(outer, defaults, Probe::Smtp { helo_name }));
        }
    }
}
