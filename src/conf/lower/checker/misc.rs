//! `MISC_CHECK`: a program decides.

use super::connect::Common;
use crate::check::config::Misc;
use crate::command::Command;
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::lower::command::Use;
use crate::conf::lower::global::set;
use crate::conf::lower::{Lower, body, end_of};
use crate::conf::tree::Statement;
use std::time::Duration;

/// A `MISC_CHECK` block, which may leave its time open.
#[derive(Debug)]
pub(super) struct MiscDraft {
    command: Command,
    dynamic: bool,
    timeout: Duration,
}

/// Reads the block; `None` without a program that can be run.
pub(super) fn lower(cx: &mut Lower<'_, '_>, block: &Statement, common: &mut Common) -> Option<MiscDraft> {
    let mut line = None;
    let (mut account, mut is_complete) = (None, true);
    let (mut dynamic, mut timeout) = (false, Duration::ZERO);
    let mut is_named = false;
    for statement in body(block) {
        let Some(keyword) = statement.keyword else { continue };
        match keyword.canonical() {
            "misc_path" => {
                is_named = true;
                if let Some((_, word)) = cx.argument(statement, 0) {
                    cx.all_in_one_word(statement);
                    line = cx.argv(word).map(|argv| (argv, word.span));
                }
            }
            "misc_timeout" => set(&mut timeout, cx.seconds(statement)),
            "misc_dynamic" => {
                cx.no_more_arguments(statement);
                dynamic = true;
            }
            "user" => {
                cx.no_more_arguments(statement);
                if cx.argument(statement, 0).is_some() {
                    let words = cx.words(statement);
                    account = cx.account(words.get(1..).unwrap_or_default(), &codes::UNKNOWN_USER);
                    is_complete &= account.is_some();
                }
            }
            name @ ("bind_if" | "bind_port" | "bindto" | "connect_ip" | "connect_port"
            | "connect_timeout" | "fwmark") => {
                // Read although it has no effect, so that a wrong value is reported.
                Common::new(common.server()).statement(cx, name, statement);
                let message = format!("`{name}` has no effect: MISC_CHECK makes no connection of its own");
                cx.report(&codes::NOT_APPLICABLE, statement.span, message);
            }
            name => {
                common.statement(cx, name, statement);
            }
        }
    }
    if !is_named {
        let message = "this check names no program to run; it is left out";
        let diagnostic = Diagnostic::new(&codes::INCOMPLETE, end_of(block), message);
        cx.sink.push(
            diagnostic.also(block.span, "of this check").help("add `misc_path`, with the command in quotes"),
        );
    }
    let (argv, at) = line?;
    if !is_complete {
        return None;
    }
    let run_as = match account {
        Some(account) => Some(account),
        None => cx.default_account(block.span, KeepalivedLine::At(end_of(block)))?,
    };
    let command = Command { argv, run_as };
    cx.may_run(&command, at, Use::Notify).then_some(MiscDraft { command, dynamic, timeout })
}

impl MiscDraft {
    /// With the virtual server's `delay_loop`, which is the default of the time that a program may take.
    pub(super) fn finish(self, delay_loop: Duration) -> Misc {
        let MiscDraft { command, dynamic, timeout } = self;
        let timeout = if timeout.is_zero() { delay_loop } else { timeout };
        Misc { command, dynamic, timeout }
    }
}
