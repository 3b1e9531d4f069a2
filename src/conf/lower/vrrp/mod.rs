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
mod routing;
mod seen;
mod state;
mod timing;
mod tracking;

use super::sync::Members;
use super::track::{Owner, Tracks};
use super::trackable::Trackable;
use super::{Lower, body, notify};
use crate::conf::diagnostic::codes;
use crate::vrrp::config::{Config, Defaults};
use draft::Draft;
use seen::Seen;
use std::collections::HashMap;

/// Reads every `vrrp_instance` block. What the instances of sync groups track is handed back: the groups are read next.
pub(super) fn lower(
    cx: &mut Lower<'_, '_>,
    globals: &Defaults,
    trackable: &Trackable,
    members: &Members<'_>,
    config: &mut Config,
) -> HashMap<String, Tracks> {
    let mut of_members = HashMap::new();
    let mut seen = Seen::default();
    for (place, statement) in cx.top_level_places("vrrp_instance") {
        let Some(word) = cx.words(statement).get(1) else {
            cx.report(&codes::MISSING_NAME, statement.span, "`vrrp_instance` must have a name");
            continue;
        };
        if !seen.is_new_name(cx, word) {
            continue;
        }
        let member = members.get(word.text.as_ref());
        let mut draft = Draft::new(word.text.to_string(), word.span, globals);
        let mut notify = notify::defaults(globals);
        if let Some(told) = member.and_then(|m| m.priority_changes) {
            notify.priority_changes = told;
        }
        let mut tracks = Tracks::default();
        let owner = Owner { name: &word.text, place };
        for statement in body(statement) {
            draft.statement(cx, statement);
            notify::statement(cx, statement, &mut notify);
            tracks.statement(cx, owner, statement, trackable);
        }
        let Some(mut instance) = draft.finish(cx, globals, &mut seen) else { continue };
        tracking::settle(cx, &instance, member, &mut tracks);
        instance.tracking = tracks.tracking();
        instance.notify = notify;
        if member.is_some() {
            of_members.insert(instance.name.clone(), tracks);
        }
        config.instances.push(instance);
    }
    of_members
}
