//! `vrrp_instance`: settings, defaults that depend on each other, and what instances must not share.
//!
//! A [`draft::Draft`] gathers what the block says; [`finish`] makes an instance of it once all is known. The other
//! files have one subject each.

mod addresses;
mod auth;
mod draft;
mod finish;
mod garp;
mod identity;
mod seen;
mod state;
mod timing;
mod tracking;

use super::track::Owner;
use super::trackable::Trackable;
use super::{Lower, body, notify};
use crate::conf::diagnostic::codes;
use crate::vrrp::config::{Config, Defaults};
use draft::Draft;
use seen::Seen;

/// Reads every `vrrp_instance` block.
pub(super) fn lower(cx: &mut Lower<'_, '_>, globals: &Defaults, trackable: &Trackable, config: &mut Config) {
    let mut seen = Seen::default();
    for (place, statement) in cx.top_level_places("vrrp_instance") {
        let Some(word) = cx.words(statement).get(1) else {
            cx.report(&codes::MISSING_NAME, statement.span, "`vrrp_instance` must have a name");
            continue;
        };
        if !seen.is_new_name(cx, word) {
            continue;
        }
        let mut draft = Draft::new(word.text.to_string(), word.span, globals);
        for statement in body(statement) {
            draft.statement(cx, statement);
            let owner = Owner { name: &word.text, place };
            notify::statement(cx, statement, &mut draft.notify);
            draft.tracks.statement(cx, owner, statement, trackable);
        }
        config.instances.extend(draft.finish(cx, globals, &mut seen));
    }
}
