//! Scripts around the life of the whole program, and FIFOs.

use super::super::Lower;
use super::{Firsts, set};
use crate::conf::config::{Fifo, Fifos, Hooks};
use crate::conf::diagnostic::{Diagnostic, KeepalivedLine, codes};
use crate::conf::tree::Statement;

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    name: &str,
    hooks: &mut Hooks,
    fifos: &mut Fifos,
    firsts: &mut Firsts,
) -> bool {
    match name {
        "startup_script_timeout" => set(&mut hooks.startup_timeout, cx.seconds(statement)),
        "shutdown_script_timeout" => set(&mut hooks.shutdown_timeout, cx.seconds(statement)),
        "startup_script" | "shutdown_script" => {
            let hook = if name == "startup_script" { &mut hooks.startup } else { &mut hooks.shutdown };
            if firsts.is_first(cx, statement, hook.is_some()) {
                *hook = cx.notify_command(statement);
            }
        }
        "notify_fifo" => fifo(cx, statement, &mut fifos.all, firsts),
        "vrrp_notify_fifo" => fifo(cx, statement, &mut fifos.vrrp, firsts),
        "lvs_notify_fifo" => fifo(cx, statement, &mut fifos.lvs, firsts),
        "notify_fifo_script" => reader(cx, statement, &mut fifos.all, firsts),
        "vrrp_notify_fifo_script" => reader(cx, statement, &mut fifos.vrrp, firsts),
        "lvs_notify_fifo_script" => reader(cx, statement, &mut fifos.lvs, firsts),
        _ => return false,
    }
    true
}

/// `PATH [USER [GROUP]]`; without an owner there is no FIFO.
fn fifo(cx: &mut Lower<'_, '_>, statement: &Statement, fifo: &mut Fifo, firsts: &mut Firsts) {
    let Some(word) = cx.text(statement) else { return };
    if !firsts.is_first(cx, statement, fifo.path.is_some()) {
        return;
    }
    let owner = match cx.words(statement).get(2..).unwrap_or_default() {
        [] => cx.default_account(statement.span, KeepalivedLine::Here),
        given => cx.account(given, &codes::SCRIPT_UNUSABLE).map(Some),
    };
    if let Some(owner) = owner {
        if !word.text.starts_with('/') {
            let keyword = statement.keyword.map_or("", |k| k.name);
            let message = format!(
                "`{}` is no absolute path: the FIFO is made where the daemon was started, and in the background in /",
                word.text
            );
            let diagnostic = Diagnostic::new(&codes::RELATIVE_FIFO, word.span, message);
            let help =
                format!("write the whole path: `{keyword} /run/{}`", word.text.trim_start_matches("./"));
            cx.sink.push(diagnostic.label("expected a path that begins with /").help(help));
        }
        (fifo.path, fifo.owner) = (Some(word.text.to_string()), owner);
    }
}

fn reader(cx: &mut Lower<'_, '_>, statement: &Statement, fifo: &mut Fifo, firsts: &mut Firsts) {
    if firsts.is_first(cx, statement, fifo.reader.is_some()) {
        fifo.reader = cx.notify_command(statement);
    }
}
