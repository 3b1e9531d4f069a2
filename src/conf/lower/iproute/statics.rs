//! `static_ipaddress`, `static_routes`, `static_rules`.

use super::super::{Lower, body};
use super::track_group::TrackGroups;
use super::{address, route, rule};
use crate::conf::schema::Block;
use crate::conf::tree::Statement;
use crate::vrrp::config::statics::{Static, Statics};

/// Reads the three blocks. A static address that names no interface is on the default one.
pub(in crate::conf::lower) fn lower(cx: &mut Lower<'_, '_>, default_interface: &str) -> Statics {
    let groups = TrackGroups::collect(cx);
    for name in ["static_ipaddress", "static_routes", "static_rules"] {
        cx.top_level(name).for_each(|statement| cx.nothing_before_the_block(statement));
    }
    let mut statics = Statics::default();
    for (grammar, line) in lines(cx, "static_ipaddress") {
        let address = address::lower_static(cx, grammar, line, default_interface, &groups);
        statics.addresses.extend(address.map(|(item, track_group)| Static { item, track_group }));
    }
    for (grammar, line) in lines(cx, "static_routes") {
        let route = route::lower(cx, grammar, line, Some(&groups));
        statics.routes.extend(route.map(|(item, track_group)| Static { item, track_group }));
    }
    for (grammar, line) in lines(cx, "static_rules") {
        let rule = rule::lower(cx, grammar, line, Some(&groups));
        statics.rules.extend(rule.map(|(item, track_group)| Static { item, track_group }));
    }
    statics
}

/// The entries of all blocks of this name, and their grammar.
fn lines<'t>(cx: &Lower<'t, '_>, name: &'static str) -> Vec<(&'static Block, &'t Statement)> {
    let blocks =
        cx.top_level(name).filter_map(|s| s.keyword.and_then(|k| k.entry).map(|grammar| (grammar, s)));
    blocks.flat_map(|(grammar, s)| body(s).iter().map(move |line| (grammar, line))).collect()
}
