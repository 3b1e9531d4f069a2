//! What an instance tracks, held against its own settings and its sync group.

use super::super::Lower;
use super::super::sync::Member;
use super::super::track::{Line, Tracks, What};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::vrrp::config::Instance;

/// Leaves out what can't be tracked, as keepalived does.
pub(super) fn settle(
    cx: &mut Lower<'_, '_>,
    instance: &Instance,
    member: Option<&Member<'_>>,
    tracks: &mut Tracks,
) {
    tracks.lines.retain(|line| !is_own_interface(cx, instance, line));
    tracks.lines.iter_mut().for_each(|line| drop_weight_of_needed(cx, instance, line));
    let grouped = member.filter(|m| !m.weights);
    if grouped.is_none() && instance.priority != 255 {
        return;
    }
    // Processes keep their weights: keepalived does not look at them here.
    tracks.lines.retain_mut(|line| {
        if line.tracked.weight.value == 0 || line.what == What::Process {
            return true;
        }
        let effect = match line.what {
            // keepalived says that it ignores the weight, and counts it. With weight 0, an interface that goes down would be
            // a fault of the whole group.
            What::Interface if grouped.is_some() => Effect::None,
            // 1 is a file's default.
            What::File if line.tracked.weight.value == 1 => Effect::WithoutWeight,
            _ => Effect::NotTracked,
        };
        weight_ignored(cx, instance, grouped, line, effect);
        if effect != Effect::None {
            line.tracked.weight.value = 0;
        }
        effect != Effect::NotTracked
    });
}

/// What becomes of a line with a weight that can't count.
#[derive(Clone, Copy, PartialEq)]
enum Effect {
    None,
    WithoutWeight,
    NotTracked,
}

/// An instance follows its own interface anyway.
fn is_own_interface(cx: &mut Lower<'_, '_>, instance: &Instance, line: &Line) -> bool {
    let own =
        line.what == What::Interface && Some(line.tracked.name.as_str()) == instance.interface.as_deref();
    if own {
        let (name, interface) = (&instance.name, &line.tracked.name);
        let message =
            format!("({name}) {interface} is the instance's own interface, which it follows anyway");
        cx.report(&codes::TRACK_OWN_INTERFACE, line.at, message);
    }
    own
}

/// Where an address, a route or a rule is on the interface, it is a fault when that goes down, and no weight counts.
fn drop_weight_of_needed(cx: &mut Lower<'_, '_>, instance: &Instance, line: &mut Line) {
    let (name, weight) = (&line.tracked.name, &mut line.tracked.weight.value);
    if line.what != What::Interface || *weight == 0 {
        return;
    }
    let Instance { addresses, excluded, routes, rules, .. } = instance;
    let mut addresses = addresses.iter().chain(excluded.iter()).filter(|address| address.tracked);
    let of = |interface: &Option<String>| interface.as_deref() == Some(name);
    let what = if addresses.any(|address| *address.interface == **name) {
        "an address"
    } else if routes.iter().any(|route| route.tracked && of(&route.next_hop.interface)) {
        "a route"
    } else if rules
        .iter()
        .any(|rule| rule.tracked && (of(&rule.input_interface) || of(&rule.output_interface)))
    {
        "a rule"
    } else {
        return;
    };
    let message = format!(
        "({}) the weight of interface `{name}` has no effect: {what} of the instance is on it, so that it is a fault when it goes down",
        instance.name
    );
    // Nothing more is said of it.
    *weight = 0;
    let help =
        "leave the weight out, or write `no_track` behind what is on it: then the interface only weighs";
    cx.sink.push(Diagnostic::new(&codes::WEIGHT_OF_NEEDED, line.at, message).help(help));
}

fn weight_ignored(
    cx: &mut Lower<'_, '_>,
    instance: &Instance,
    grouped: Option<&Member<'_>>,
    line: &Line,
    effect: Effect,
) {
    let (what, name) = (line.what.name(), &line.tracked.name);
    let why = match grouped {
        Some(member) => format!("`{}` is in the sync group {}", instance.name, member.group),
        None => format!("`{}` has priority 255", instance.name),
    };
    let effect = match effect {
        Effect::None => "it counts all the same, though keepalived says that it does not",
        Effect::WithoutWeight => "its weight is taken as 0",
        Effect::NotTracked => "it is not tracked",
    };
    let message = format!("({}) {what} `{name}` has a weight, and {why}: {effect}", instance.name);
    let mut diagnostic = Diagnostic::new(&codes::WEIGHT_IGNORED, line.at, message);
    if let Some(member) = grouped {
        let help = "write `sync_group_tracking_weight` into the group, track it there, or give it `weight 0`";
        diagnostic = diagnostic.also(member.at, "the group names it here").help(help);
    }
    cx.sink.push(diagnostic);
}
