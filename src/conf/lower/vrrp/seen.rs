//! What no two instances may share: a name; interface, family, VRID and group.

use super::super::Lower;
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::net::Family;
use crate::vrrp::config::Vrid;
use std::collections::HashMap;
use std::net::IpAddr;

/// What tells virtual routers apart: interface, family, VRID, and where their adverts go.
type OnTheWire = (String, Family, u8, Option<IpAddr>);

/// Who was seen already.
#[derive(Debug, Default)]
pub(super) struct Seen {
    names: HashMap<String, Span>,
    routers: HashMap<OnTheWire, (String, Span)>,
}

impl Seen {
    /// Whether the name is a new one; said where it isn't.
    pub(super) fn is_new_name(&mut self, cx: &mut Lower<'_, '_>, word: &Word<'_>) -> bool {
        if let Some(first) = self.names.get(word.text.as_ref()) {
            let message = format!("vrrp_instance `{}` is already defined; this one is left out", word.text);
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_INSTANCE, word.span, message);
            cx.sink.push(diagnostic.also(*first, "first defined here"));
            return false;
        }
        self.names.insert(word.text.to_string(), word.span);
        true
    }

    /// Whether the virtual router is a new one; said where it isn't.
    pub(super) fn is_new_router(
        &mut self,
        cx: &mut Lower<'_, '_>,
        name: &str,
        interface: &str,
        family: Family,
        (vrid, vrid_at): (Vrid, Span),
        group: Option<IpAddr>,
    ) -> bool {
        let key = (interface.to_owned(), family, vrid.get(), group);
        if let Some((other, first)) = self.routers.get(&key) {
            let message = format!("({name}) and ({other}) both use virtual_router_id {vrid} on {interface}");
            let diagnostic = Diagnostic::new(&codes::DUPLICATE_VRID, vrid_at, message);
            cx.sink.push(diagnostic.also(*first, "first used here"));
            return false;
        }
        self.routers.insert(key, (name.to_owned(), vrid_at));
        true
    }
}
