//! `keepalived.json`: what SIGRTMIN+2 writes (`kill -s $(keepalived --signum=JSON)`). Compact, one line; `/` is written
//! `\/`, numbers with a fraction by C's `%g`, the last transition by `%f`: programs compare texts.

use super::number::short;
use super::{address, command, route};
use crate::conf::config::JsonVersion;
use crate::state::vrrp::{Counters, Instance, Process, State, Vrrp};
use crate::vrrp::config::{Auth, ParameterMatch, Version};
use std::fmt::{Display, Write as _};
use std::time::Duration;

/// The whole file.
#[must_use]
pub fn text(vrrp: &Vrrp, version: JsonVersion) -> String {
    let instances = list(vrrp.instances.iter().map(|instance| {
        let mut object = Object::default();
        object.put("data", data(vrrp, instance)).put("stats", stats(&instance.counters));
        object.end()
    }));
    let text = match version {
        JsonVersion::V1 => instances,
        JsonVersion::V2 => {
            let mut object = Object::default();
            object.put("vrrp", instances);
            if !vrrp.processes.is_empty() {
                object.put("track_process", list(vrrp.processes.iter().map(process)));
            }
            object.end()
        }
    };
    text + "\n"
}

fn data(vrrp: &Vrrp, instance: &Instance) -> String {
    let config = &instance.config;
    let (garp, policy, link, notify) = (&*config.garp, &config.policy, &*config.link, &*config.notify);
    let mut object = Object::default();
    object
        .text("iname", &config.name)
        .flag("dont_track_primary", link.ignore_faults)
        .flag("skip_check_adv_addr", policy.skip_check_adv_addr)
        .flag("strict_mode", policy.strict)
        .text("vmac_ifname", link.own_name().unwrap_or_default());
    // That of its own link, where it has one, as with keepalived.
    if let Some(interface) = link.own_name().or(config.interface.as_deref()) {
        object.text("ifp_ifname", interface);
    }
    object
        .put("master_priority", instance.master.as_ref().map_or(0, |master| master.priority))
        .put("last_transition", format_args!("{:.6}", instance.since.seconds()))
        .put("garp_delay", seconds(garp.master_delay))
        .put("garp_refresh", garp.refresh.as_secs())
        .put("garp_rep", garp.master_repeat)
        .put("garp_refresh_rep", garp.refresh_repeat)
        .put("garp_lower_prio_delay", garp.lower_prio_delay.as_secs())
        .put("garp_lower_prio_rep", garp.lower_prio_repeat)
        .flag("lower_prio_no_advert", policy.lower_prio_no_advert)
        .flag("higher_prio_send_advert", policy.higher_prio_send_advert)
        .put("vrid", config.vrid)
        .put("base_priority", instance.priority.configured)
        .put("effective_priority", instance.priority.effective)
        .put("vipset", instance.state == State::Master)
        .put("promote_secondaries", link.promote_secondaries)
        .put("adver_int", seconds(config.advert_int))
        .put(
            "master_adver_int",
            seconds(instance.master.as_ref().map_or(config.advert_int, |m| m.advert_int)),
        )
        .flag("accept", policy.accept)
        .put("nopreempt", config.nopreempt)
        .put("preempt_delay", config.preempt_delay.as_secs())
        .put("state", number(instance.state))
        .put("wantstate", number(instance.wanted))
        .put("version", config.version.number())
        .put("smtp_alert", notify.smtp_alert)
        .put("notify_deleted", notify.at_deletion);
    for (key, script) in [
        ("script_backup", &notify.backup),
        ("script_master", &notify.master),
        ("script_fault", &notify.fault),
        ("script_stop", &notify.stop),
        ("script_deleted", &notify.deleted),
        ("script", &notify.any),
        ("script_master_rx_lower_pri", &notify.master_rx_lower_pri),
    ] {
        if let Some(script) = script {
            object.text(key, &command(script));
        }
    }
    let held = &instance.held;
    let scripts = config
        .tracking
        .scripts
        .iter()
        .filter_map(|tracked| vrrp.scripts.iter().find(|script| script.config.name == tracked.name));
    object
        .texts("vips", address::lines(&config.addresses, &held.addresses, config))
        .texts("evips", address::lines(&config.excluded, &held.excluded, config))
        .texts("vroutes", config.routes.iter().map(route::route))
        .texts("vrules", config.rules.iter().map(route::rule))
        .texts("track_ifp", config.tracking.interfaces.iter().map(|tracked| tracked.name.clone()))
        .texts("track_script", scripts.map(|script| command(&script.config.command)))
        .texts("track_process", config.tracking.processes.iter().map(|tracked| tracked.name.clone()));
    let (kind, is_secret) = match &config.auth {
        None => (0, false),
        Some(Auth::Pass(_)) => (1, true),
        Some(Auth::Ah(_)) => (2, true),
    };
    object.put("auth_type", kind);
    if is_secret && config.version == Version::V2 {
        object.text("auth_data", "********");
    }
    object.end()
}

/// keepalived's numbers of states.
const fn number(state: State) -> u8 {
    match state {
        State::Init => 0,
        State::Backup => 1,
        State::Master => 2,
        State::Fault => 3,
    }
}

fn stats(counters: &Counters) -> String {
    let mut object = Object::default();
    for (key, count) in [
        ("advert_rcvd", counters.advert_rcvd),
        ("advert_sent", counters.advert_sent),
        ("become_master", counters.become_master),
        ("release_master", counters.release_master),
        ("packet_len_err", counters.packet_len_err),
        ("advert_interval_err", counters.advert_interval_err),
        ("ip_ttl_err", counters.ip_ttl_err),
        ("invalid_type_rcvd", counters.invalid_type_rcvd),
        ("addr_list_err", counters.addr_list_err),
        ("invalid_authtype", counters.invalid_authtype),
        ("authtype_mismatch", counters.authtype_mismatch),
        ("auth_failure", counters.auth_failure),
        ("auth_ext_missing", counters.auth_ext_missing),
        ("auth_ext_malformed", counters.auth_ext_malformed),
        ("auth_ext_unknown_key", counters.auth_ext_unknown_key),
        ("auth_ext_invalid_hmac", counters.auth_ext_invalid_hmac),
        ("auth_ext_stale", counters.auth_ext_stale),
        ("auth_ext_replay", counters.auth_ext_replay),
        ("pri_zero_rcvd", counters.pri_zero_rcvd),
        ("pri_zero_sent", counters.pri_zero_sent),
    ] {
        object.put(key, count);
    }
    object.end()
}

fn process(process: &Process) -> String {
    let config = &process.config;
    let mut object = Object::default();
    object.text("process", &config.name);
    if let Some(parameters) = &config.parameters {
        object.text("parameters", &parameters.words.join(" "));
    }
    let compare = match config.parameters.as_ref().map(|parameters| parameters.compare) {
        None => "none",
        Some(ParameterMatch::Exact) => "exact",
        Some(ParameterMatch::Partial) => "partial",
        Some(ParameterMatch::Initial) => "initial",
    };
    object.text("param_match", compare).put("min_processes", config.quorum);
    if let Some(most) = config.quorum_max {
        object.put("max_processes", most);
    }
    // What waits is an end, where the quorum is there.
    let has_quorum = process.has_quorum.unwrap_or(false);
    let weight = if config.weight.reverse { -config.weight.value } else { config.weight.value };
    object
        .put("current_processes", process.count.unwrap_or(0))
        .put("have_quorum", has_quorum)
        .put("weight", weight)
        .put("terminate_delay", seconds(config.terminate_delay))
        .put("fork_delay", seconds(config.fork_delay))
        .put("fork_delay_timer_running", process.waits && !has_quorum)
        .put("terminate_delay_timer_running", process.waits && has_quorum)
        .put("full_command", config.full_command);
    object.end()
}

/// An object that is being written.
#[derive(Default)]
struct Object(String);

impl Object {
    fn put(&mut self, key: &str, value: impl Display) -> &mut Object {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        let _ = write!(self.0, "\"{key}\":{value}");
        self
    }

    fn text(&mut self, key: &str, value: &str) -> &mut Object {
        self.put(key, quoted(value))
    }

    fn flag(&mut self, key: &str, value: bool) -> &mut Object {
        self.put(key, u8::from(value))
    }

    /// Left out where there are none.
    fn texts(&mut self, key: &str, values: impl Iterator<Item = String>) -> &mut Object {
        let mut values = values.map(|value| quoted(&value)).peekable();
        match values.peek() {
            None => self,
            Some(_) => self.put(key, list(values)),
        }
    }

    fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(","))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\u{c}' => quoted.push_str("\\f"),
            '\u{8}' => quoted.push_str("\\b"),
            '\\' | '"' | '/' => quoted.extend(['\\', letter]),
            other if other < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(other));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn seconds(time: Duration) -> String {
    short(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_have_a_backslash() {
        assert_eq!(quoted("10.0.0.1/24 \"a\\b\"\t\u{1}ä"), "\"10.0.0.1\\/24 \\\"a\\\\b\\\"\\t\\u0001ä\"");
    }
}
