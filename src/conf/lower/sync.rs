//! `vrrp_sync_group` and `track_group`: which instances belong together, and what that rules out.
//!
//! Instances depend on their group (weights, `notify_priority_changes`) and groups on their instances, so groups are
//! read twice: [`members`] before the instances, [`lower`] after them.

use super::track::{Line, Owner, Tracks, What};
use super::trackable::Trackable;
use super::{Lower, body, notify};
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::conf::lexer::Word;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::{Config, Defaults, InitialState, Instance, Notify, SyncGroup, TrackGroup};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

#[cfg(test)]
mod tests;

/// What an instance takes over from its sync group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'t> {
    /// The group's name.
    pub(super) group: &'t str,
    /// Where the group names the instance.
    pub(super) at: Span,
    /// `sync_group_tracking_weight`
    pub(super) weights: bool,
    /// `notify_priority_changes`
    pub(super) priority_changes: Option<bool>,
}

/// The sync groups' instances, by name.
pub(super) type Members<'t> = HashMap<&'t str, Member<'t>>;

/// The sync group of each instance. Errors are reported by [`lower`], not here.
pub(super) fn members<'t>(cx: &Lower<'t, '_>) -> Members<'t> {
    let mut members = Members::new();
    for statement in cx.top_level("vrrp_sync_group") {
        let Some(name) = cx.words(statement).get(1) else { continue };
        let keyword = |s: &&Statement, name: &str| s.keyword.is_some_and(|k| k.canonical() == name);
        let find = |name: &str| body(statement).iter().find(|s| keyword(s, name));
        let weights = find("sync_group_tracking_weight").is_some();
        let changes = body(statement).iter().filter(|s| keyword(s, "notify_priority_changes"));
        let priority_changes = changes.filter_map(|s| switch(cx.words(s).get(1))).next_back();
        let lines = find("group").map(body).unwrap_or_default();
        for word in lines.iter().flat_map(|line| cx.words(line)) {
            let member = Member { group: &name.text, at: word.span, weights, priority_changes };
            members.entry(&word.text).or_insert(member);
        }
    }
    members
}

fn switch(word: Option<&Word<'_>>) -> Option<bool> {
    match word.map(|w| w.text.as_ref()) {
        None | Some("true" | "on" | "yes") => Some(true),
        Some("false" | "off" | "no") => Some(false),
        Some(_) => None,
    }
}

/// The instances as groups see them.
struct Instances<'c> {
    /// Those of the `Config`.
    usable: HashMap<&'c str, &'c Instance>,
    /// Every block's name, also of those that can't be used.
    named: HashMap<&'c str, ()>,
}

/// Reads every `vrrp_sync_group` and `track_group` block; the instances are known. `tracks` are their lines.
pub(super) fn lower(
    cx: &mut Lower<'_, '_>,
    globals: &Defaults,
    known: &Trackable,
    tracks: &HashMap<String, Tracks>,
    config: &mut Config,
) {
    let blocks = cx.top_level("vrrp_instance").filter_map(|s| cx.words(s).get(1));
    let instances = Instances {
        usable: config.instances.iter().map(|i| (i.name.as_str(), i)).collect(),
        named: blocks.map(|w| (w.text.as_ref(), ())).collect(),
    };
    let mut names = HashMap::new();
    let mut taken = HashMap::new();
    let mut groups = Vec::new();
    let scripts = cx.scripts_so_far();
    for (place, statement) in cx.top_level_places("vrrp_sync_group") {
        let Some(name) = cx.group_name(statement, &mut names) else { continue };
        let owner = Owner { name: &name.text, place };
        let group = Draft::read(cx, globals, known, owner, statement);
        groups.extend(group.finish(cx, name, &instances, tracks, &mut taken));
    }
    if instances.named.is_empty() {
        // VRRP does not start, and runs nothing.
        cx.forget_scripts_since(scripts);
    }
    let mut names = HashMap::new();
    let mut track_groups = Vec::new();
    for statement in cx.top_level("track_group") {
        let Some(name) = cx.group_name(statement, &mut names) else { continue };
        track_groups.extend(track_group(cx, name, statement, &instances));
    }
    config.sync_groups = groups;
    config.track_groups = track_groups;
}

/// A sync group while its block is read.
struct Draft<'t, 's> {
    /// The words of its `group` block.
    members: Option<Vec<&'t Word<'s>>>,
    tracks: Tracks,
    notify: Notify,
    group: SyncGroup,
}

impl<'t, 's> Draft<'t, 's> {
    fn read(
        cx: &mut Lower<'t, 's>,
        globals: &Defaults,
        known: &Trackable,
        owner: Owner<'_>,
        statement: &'t Statement,
    ) -> Draft<'t, 's> {
        let group = SyncGroup {
            name: owner.name.to_owned(),
            instances: Vec::new(),
            tracking: Default::default(),
            tracking_weight: false,
            notify: Default::default(),
        };
        let notify = notify::defaults(globals);
        let mut draft = Draft { members: None, tracks: Tracks::default(), notify, group };
        let mut named = notify::Named::default();
        for statement in body(statement) {
            match statement.keyword.map_or("", |k| k.name) {
                "group" => draft.members = cx.members_of_group(statement, draft.members.take()),
                "global_tracking" => {
                    cx.no_more_arguments(statement);
                    let message = format!("({}) global_tracking is deprecated", owner.name);
                    let diagnostic = Diagnostic::new(&codes::DEPRECATED, statement.span, message);
                    cx.sink.push(diagnostic.help("write `sync_group_tracking_weight`"));
                    draft.group.tracking_weight = true;
                }
                "sync_group_tracking_weight" => {
                    cx.no_more_arguments(statement);
                    draft.group.tracking_weight = true;
                }
                _ => {
                    notify::statement(cx, statement, &mut draft.notify, &mut named);
                    draft.tracks.statement(cx, owner, statement, known);
                }
            }
        }
        draft
    }

    fn finish(
        mut self,
        cx: &mut Lower<'t, 's>,
        name: &Word<'_>,
        instances: &Instances<'_>,
        tracks: &HashMap<String, Tracks>,
        taken: &mut HashMap<&'t str, Span>,
    ) -> Option<SyncGroup> {
        let words = cx.some_members(name, self.members.take(), "sync group")?;
        let mut members: Vec<(&Instance, Span)> = Vec::new();
        let mut cut_short = false;
        for word in words {
            let Some(instance) = cx.member(name, word, instances, &codes::UNKNOWN_MEMBER, &mut cut_short)
            else {
                continue;
            };
            match taken.entry(word.text.as_ref()) {
                Entry::Vacant(free) => drop(free.insert(word.span)),
                Entry::Occupied(first) => {
                    let message =
                        format!("({}) `{}` is in a sync group already; it is left out", name.text, word.text);
                    let diagnostic = Diagnostic::new(&codes::TWO_SYNC_GROUPS, word.span, message);
                    cx.sink.push(diagnostic.also(*first.get(), "listed here"));
                    continue;
                }
            }
            members.push((instance, word.span));
        }
        match members.as_slice() {
            // The reason is reported already, for the group or for its instances.
            [] => return None,
            [(only, at)] if !cut_short => {
                let message = format!(
                    "({}) a sync group of one: `{}` has none to change state with",
                    name.text, only.name
                );
                cx.report(&codes::GROUP_OF_ONE, *at, message);
            }
            _ => {}
        }
        let owners_only = |m: &(&Instance, Span)| m.0.priority == 255 && m.0.state == InitialState::Master;
        let other =
            members.iter().find(|m| !owners_only(m)).filter(|_| members.first().is_some_and(owners_only));
        if let (Some((other, at)), Some((owner, owner_at))) = (other, members.first()) {
            let message = format!(
                "({}) `{}` owns its addresses and `{}` does not: the group can't work",
                name.text, owner.name, other.name
            );
            let diagnostic = Diagnostic::new(&codes::MIXED_OWNERS, *at, message);
            cx.sink.push(diagnostic.also(*owner_at, "this one has priority 255"));
        }
        if let Some((owner, _)) = members.iter().find(|m| m.0.priority == 255) {
            clear_weights(cx, name, &owner.name, &mut self.tracks.lines);
        }
        for (member, _) in &members {
            tracked_twice(cx, member, &self.tracks, tracks.get(&*member.name));
        }
        self.group.instances = members.iter().map(|(i, _)| i.name.to_string()).collect();
        self.group.tracking = self.tracks.tracking();
        self.group.notify = self.notify.into();
        Some(self.group)
    }
}

/// The owner of the addresses has one priority only.
fn clear_weights(cx: &mut Lower<'_, '_>, group: &Word<'_>, owner: &str, lines: &mut [Line]) {
    for line in lines.iter_mut().filter(|l| l.tracked.weight.value != 0) {
        let (what, name) = (line.what.name(), &line.tracked.name);
        let message = format!(
            "({}) no weight for {what} `{name}`: `{owner}` has priority 255; it is taken as 0",
            group.text
        );
        cx.report(&codes::WEIGHT_IGNORED, line.at, message);
        line.tracked.weight.value = 0;
    }
}

/// What a member tracks itself, or follows as its own interface, and its group too.
fn tracked_twice(cx: &mut Lower<'_, '_>, member: &Instance, group: &Tracks, own: Option<&Tracks>) {
    for line in &group.lines {
        let name = &line.tracked.name;
        let first = own.and_then(|own| own.find(line.what, name));
        let follows = !member.link.ignore_faults && Some(name.as_str()) == member.interface.as_deref();
        let own_interface = line.what == What::Interface && follows;
        if first.is_none() && !own_interface {
            continue;
        }
        let code =
            if line.what == What::Interface { &codes::TRACKED_TWICE } else { &codes::TRACKED_BY_GROUP };
        let what = line.what.name();
        let why = if own_interface {
            "is its own interface, which it follows anyway; remove this line"
        } else {
            "is tracked by it too; remove one of the two"
        };
        let message = format!("({}) {what} `{name}` of its sync group {why}", member.name);
        let mut diagnostic = Diagnostic::new(code, line.at, message);
        if let Some(first) = first {
            diagnostic = diagnostic.also(first, "the instance tracks it here");
        }
        cx.sink.push(diagnostic);
    }
}

fn track_group<'t, 's>(
    cx: &mut Lower<'t, 's>,
    name: &Word<'_>,
    statement: &'t Statement,
    instances: &Instances<'_>,
) -> Option<TrackGroup> {
    let mut words = None;
    for statement in body(statement).iter().filter(|s| s.keyword.is_some()) {
        words = cx.members_of_group(statement, words);
    }
    let mut cut_short = false;
    let words = cx.some_members(name, words, "track group")?;
    let found = |word: &&Word<'_>| {
        let member = cx.member(name, word, instances, &codes::UNKNOWN_TRACK_MEMBER, &mut cut_short);
        member.map(|i| i.name.to_string())
    };
    let instances: Vec<String> = words.iter().filter_map(found).collect();
    (!instances.is_empty()).then(|| TrackGroup { name: name.text.to_string(), instances })
}

impl<'t, 's> Lower<'t, 's> {
    /// A group's name, if it is a new one.
    fn group_name(
        &mut self,
        statement: &'t Statement,
        names: &mut HashMap<&'t str, Span>,
    ) -> Option<&'t Word<'s>> {
        let keyword = statement.keyword.map_or("", |k| k.name);
        let words = self.words(statement);
        let Some(name) = words.get(1) else {
            self.report(&codes::MISSING_NAME, statement.span, format!("`{keyword}` must have a name"));
            return None;
        };
        if let (Some(extra), Some(last)) = (words.get(2), words.last()) {
            let message = format!("`{keyword}` has one name; the block is left out");
            self.report(&codes::BAD_NAME, extra.span.to(last.span), message);
            return None;
        }
        match names.entry(name.text.as_ref()) {
            Entry::Vacant(new) => {
                new.insert(name.span);
                Some(name)
            }
            Entry::Occupied(first) => {
                let message = format!("{keyword} `{}` is already defined; this one is left out", name.text);
                let diagnostic = Diagnostic::new(&codes::DUPLICATE_SYNC_GROUP, name.span, message);
                self.sink.push(diagnostic.also(*first.get(), "first defined here"));
                None
            }
        }
    }

    /// The words of a `group` block; the first one counts.
    fn members_of_group(
        &mut self,
        statement: &'t Statement,
        first: Option<Vec<&'t Word<'s>>>,
    ) -> Option<Vec<&'t Word<'s>>> {
        if first.is_some() {
            self.given_already(statement);
            return first;
        }
        self.no_more_arguments(statement);
        Some(body(statement).iter().flat_map(|line| self.words(line)).collect())
    }

    /// A group without members is left out.
    fn some_members(
        &mut self,
        name: &Word<'_>,
        words: Option<Vec<&'t Word<'s>>>,
        what: &str,
    ) -> Option<Vec<&'t Word<'s>>> {
        let (code, why) = match &words {
            // keepalived only logs it.
            None if what == "track group" => (&codes::UNKNOWN_TRACK_MEMBER, "has no `group` block"),
            None => (&codes::EMPTY_SYNC_GROUP, "has no `group` block"),
            Some(words) if words.is_empty() => (&codes::EMPTY_SYNC_GROUP, "has an empty `group` block"),
            Some(_) => return words,
        };
        let message = format!("({}) the {what} {why}; it is left out", name.text);
        let diagnostic = Diagnostic::new(code, name.span, message);
        self.sink.push(diagnostic.help("name its instances in a `group` block"));
        None
    }

    /// A member by its name. One whose block can't be used has its own report; the group is `cut_short` then.
    fn member<'c>(
        &mut self,
        group: &Word<'_>,
        word: &Word<'_>,
        instances: &Instances<'c>,
        code: &'static crate::conf::diagnostic::Code,
        cut_short: &mut bool,
    ) -> Option<&'c Instance> {
        if let Some(instance) = instances.usable.get(word.text.as_ref()) {
            return Some(instance);
        }
        *cut_short = true;
        if instances.named.contains_key(word.text.as_ref()) {
            return None;
        }
        let message = format!("({}) there is no vrrp_instance `{}`; it is left out", group.text, word.text);
        let mut diagnostic = Diagnostic::new(code, word.span, message);
        if !self.sink.is_full()
            && let Some(close) = did_you_mean(&word.text, instances.named.keys().copied())
        {
            diagnostic = diagnostic.help(format!("did you mean `{close}`?"));
        }
        self.sink.push(diagnostic);
        None
    }
}
