//! `track_virtual_server`: which virtual server a name means. It is the one of `snmp_name`, or that of logs, as
//! `[192.0.2.1]:tcp:80`, `[GROUP]:0` or `FWM 5`.

use super::Lower;
use crate::check::config::VirtualServer;
use crate::conf::Config;
use crate::conf::diagnostic::{Diagnostic, codes, did_you_mean};
use crate::vrrp::config::Tracking;
use std::collections::HashMap;

/// Finds all that are tracked: they are called as logs call them from then on, and the check process tells of them. Lines
/// that name none are reported and left out.
pub(super) fn settle(cx: &mut Lower<'_, '_>, config: &mut Config) {
    let tracked = std::mem::take(&mut cx.tracked_servers);
    if tracked.is_empty() {
        return;
    }
    let mut names: HashMap<String, String> = HashMap::new();
    for vs in &config.check.virtual_servers {
        for name in names_of(vs) {
            names.entry(name.to_owned()).or_insert_with(|| vs.name.clone());
        }
    }
    for (owner, name, span) in tracked {
        if names.contains_key(&name) {
            continue;
        }
        let message = format!("({owner}) virtual server `{name}` is not defined; it is not tracked");
        let diagnostic = Diagnostic::new(&codes::UNKNOWN_REFERENCE, span, message);
        let help = match did_you_mean(&name, names.keys().map(String::as_str)) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "write its `snmp_name`, or its name in logs, as [192.0.2.1]:tcp:80".to_owned(),
        };
        cx.sink.push(diagnostic.help(help));
    }
    let virtual_servers = &mut config.check.virtual_servers;
    let mut settle = |tracking: &mut Tracking| {
        tracking.virtual_servers.retain_mut(|tracked| {
            let Some(name) = names.get(&tracked.name) else { return false };
            tracked.name.clone_from(name);
            virtual_servers.iter_mut().filter(|vs| vs.name == *name).for_each(|vs| vs.is_tracked = true);
            true
        });
    };
    for instance in &mut config.vrrp.instances {
        // Most track nothing, and have no room for it.
        if !instance.tracking.virtual_servers.is_empty() {
            settle(&mut instance.tracking);
        }
    }
    config.vrrp.sync_groups.iter_mut().for_each(|group| settle(&mut group.tracking));
}

fn names_of(vs: &VirtualServer) -> impl Iterator<Item = &str> {
    vs.snmp_name.as_deref().into_iter().chain([vs.name.as_str()])
}
