//! `virtual_routes` and `virtual_rules`.

use super::super::{Lower, body, iproute};
use super::draft::Draft;
use crate::conf::tree::Statement;

impl Draft {
    pub(super) fn virtual_routes(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        cx.nothing_before_the_block(statement);
        let Some(grammar) = statement.keyword.and_then(|k| k.entry) else { return };
        for line in body(statement) {
            self.routes.extend(iproute::route(cx, grammar, line, None).map(|(route, _)| route));
        }
    }

    pub(super) fn virtual_rules(&mut self, cx: &mut Lower<'_, '_>, statement: &Statement) {
        cx.nothing_before_the_block(statement);
        let Some(grammar) = statement.keyword.and_then(|k| k.entry) else { return };
        for line in body(statement) {
            self.rules.extend(iproute::rule(cx, grammar, line, None).map(|(rule, _)| rule));
        }
    }
}
