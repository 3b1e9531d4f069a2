//! Who runs scripts, and which.

use super::super::Lower;
use crate::conf::diagnostic::codes;
use crate::conf::tree::Statement;

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(cx: &mut Lower<'_, '_>, statement: &Statement, name: &str) -> bool {
    match name {
        "enable_script_security" => cx.scripts.security = cx.present(statement),
        "set_supplementary_groups" => {
            let on = cx.flag(statement);
            super::set(&mut cx.scripts.supplementary_groups, on);
        }
        "script_user" => script_user(cx, statement),
        _ => return false,
    }
    true
}

fn script_user(cx: &mut Lower<'_, '_>, statement: &Statement) {
    match &cx.words(statement)[1..] {
        [] => cx.report(&codes::MISSING_NAME, statement.span, "`script_user` names nobody; it has no effect"),
        words => {
            let account = cx.account(words, &codes::UNKNOWN_USER);
            cx.scripts.user_failed |= account.is_none();
            cx.scripts.user = account.or(cx.scripts.user.take());
        }
    }
}
