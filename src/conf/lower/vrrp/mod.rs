//! `vrrp_instance`: settings, defaults that depend on each other, and what instances must not share.
//!
//! A [`draft::Draft`] gathers what the block says; [`finish`] makes an instance of it once all is known. The other
//! files have one subject each.

mod addresses;
mod auth;
mod draft;
mod finish;
mod garp;
mod hmac;
mod identity;
mod link;
mod policy;
mod routing;
mod settings;
mod state;
mod timing;
mod tracking;
mod unicast;
mod unique;
mod vmac;

use super::sync::Members;
use super::track::{Owner, Tracks};
use super::trackable::Trackable;
use super::{Lower, body, notify};
use crate::conf::diagnostic::codes;
use crate::conf::tree::Statement;
use crate::vrrp::config::{Config, Defaults, Instance};
use draft::Draft;
use std::collections::HashMap;
use unique::Unique;

/// Reads every `vrrp_instance` block. What the instances of sync groups track is handed back: the groups are read next.
pub(super) fn lower(
    cx: &mut Lower<'_, '_>,
    globals: &Defaults,
    trackable: &Trackable,
    members: &Members<'_>,
    config: &mut Config,
) -> HashMap<String, Tracks> {
    let mut reader =
        Reader { globals, trackable, members, unique: Unique::default(), of_members: HashMap::new() };
    let mut blocks = cx.blocks();
    for (place, statement) in cx.top_level_places("vrrp_instance") {
        cx.with_block(&mut blocks, statement, |cx, statement| {
            config.instances.extend(reader.instance(cx, place, statement));
        });
    }
    config.instances.shrink_to_fit();
    reader.of_members
}

/// What all instances are read with.
struct Reader<'a> {
    globals: &'a Defaults,
    trackable: &'a Trackable,
    members: &'a Members<'a>,
    unique: Unique,
    of_members: HashMap<String, Tracks>,
}

impl Reader<'_> {
    fn instance(&mut self, cx: &mut Lower<'_, '_>, place: usize, statement: &Statement) -> Option<Instance> {
        let words = cx.words(statement);
        let Some(word) = words.get(1) else {
            cx.report(&codes::MISSING_NAME, statement.span, "`vrrp_instance` must have a name");
            return None;
        };
        if let (Some(extra), Some(last)) = (words.get(2), words.last()) {
            let message = "`vrrp_instance` has one name; the block is left out";
            cx.report(&codes::BAD_NAME, extra.span.to(last.span), message);
            return None;
        }
        if !self.unique.is_new_name(cx, word) {
            return None;
        }
        let member = self.members.get(word.text.as_ref());
        let mut draft = Draft::new(word.text.to_string(), word.span, self.globals);
        let mut notify = notify::defaults(self.globals);
        if let Some(changes) = member.and_then(|m| m.priority_changes) {
            notify.priority_changes = changes;
        }
        let (mut named, mut tracks) = (notify::Named::default(), Tracks::default());
        let owner = Owner { name: &word.text, place };
        cx.missing = Some(Vec::new());
        for statement in body(statement) {
            draft.statement(cx, statement);
            notify::statement(cx, statement, &mut notify, &mut named);
            tracks.statement(cx, owner, statement, self.trackable);
        }
        for (span, name) in cx.missing.take().into_iter().flatten() {
            if !draft.makes_interface(&name, &self.globals.vmac_prefix) {
                cx.interface_is_missing(span, &name);
            }
        }
        let mut instance = draft.finish(cx, self.globals, &mut self.unique)?;
        tracking::settle(cx, &instance, member, &mut tracks);
        instance.tracking = tracks.tracking().into();
        instance.notify = notify.into();
        if member.is_some() {
            self.of_members.insert(instance.name.to_string(), tracks);
        }
        Some(instance)
    }
}
