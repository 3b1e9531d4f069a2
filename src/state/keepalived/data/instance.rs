//! An instance below `VRRP Topology`.

use super::{Host, Text, address, on_off, route, yes_no};
use crate::net::Family;
use crate::state::keepalived::number::short;
use crate::state::vrrp::{Instance, State, Vrrp};
use crate::state::{Moment, vrrp};
use crate::vrrp::config::hmac::{AntiReplay, Hmac, Mode};
use crate::vrrp::config::{self, Auth, IpvlanMode, OldChecksum, Tracked, Unicast, Version, VirtualAddress};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(super) fn put(text: &mut Text, vrrp: &Vrrp, instance: &Instance, host: &dyn Host) {
    let config = &instance.config;
    text.line(format_args!(" VRRP Instance = {}", config.name));
    key(text, "VRRP Version", config.version.number());
    if let Some(group) = &instance.group {
        key(text, "Sync group", group);
    }
    if config.family == Family::V6 {
        text.line(format_args!("   Using Native IPv6"));
    }
    put_state(text, instance, host);
    put_interface(text, vrrp, instance);
    put_pace(text, instance);
    put_priority(text, instance);
    put_auth(text, config);
    if let Some(bytes) = config.link.receive_buffer {
        key(text, "Kernel rx buffer size", bytes);
    }
    put_addresses(text, instance);
    if let Some(unicast) = unicast(config) {
        put_unicast(text, config, unicast);
    }
    match &instance.socket {
        Some(vrrp::Socket { descriptor, .. }) => {
            text.line(format_args!("   fd_in {descriptor}, fd_out {descriptor}"));
        }
        None => text.line(format_args!("   No sockets allocated")),
    }
    text.list("Virtual Routes", &config.routes.iter().map(route::route).collect::<Vec<_>>());
    text.list("Virtual Rules", &config.rules.iter().map(route::rule).collect::<Vec<_>>());
    put_tracking(text, &config.tracking, "Tracked processes");
    put_notify(text, &config.notify, host);
}

fn key(text: &mut Text, name: &str, value: impl std::fmt::Display) {
    text.line(format_args!("   {name} = {value}"));
}

pub(super) const fn state(state: State) -> &'static str {
    match state {
        State::Init => "INIT",
        State::Backup => "BACKUP",
        State::Master => "MASTER",
        State::Fault => "FAULT",
    }
}

/// The settings of unicast, where it is used.
fn unicast(config: &config::Instance) -> Option<&Unicast> {
    config.unicast.as_deref().filter(|unicast| !unicast.peers.is_empty() || unicast.fault_without_peers)
}

fn put_state(text: &mut Text, instance: &Instance, host: &dyn Host) {
    let config = &instance.config;
    key(text, "State", state(instance.state));
    if instance.state == State::Backup {
        let nobody = match config.family {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let master = instance.master.as_ref();
        key(text, "Master router", master.map_or(nobody, |master| master.address));
        key(text, "Master priority", master.map_or(0, |master| master.priority));
        if config.version == Version::V3 {
            let interval = master.map_or(config.advert_int, |master| master.advert_int);
            key(text, "Master advert int", format_args!("{:.2} sec", interval.as_secs_f64()));
        }
    }
    put_flags(text, config);
    key(text, "Wantstate", state(instance.wanted));
    key(text, "Number of config faults", 0);
    key(text, "Number of interface and track script faults", instance.faults.len());
    key(text, "Number of track scripts init", instance.awaited);
    let moment = |moment: Moment| {
        let (seconds, micros) = (moment.0.as_secs(), moment.0.subsec_micros());
        let date = host.date(moment);
        // The fraction stands behind the seconds.
        let (before, year) = date.rsplit_once(' ').unwrap_or((&date, ""));
        format!("{seconds}.{micros:06} ({before}.{micros:06} {year})")
    };
    key(text, "Last transition", moment(instance.since));
    match instance.deadline {
        Some(at) => key(text, "Read timeout", moment(at)),
        None => key(text, "Read timeout", "DISABLED"),
    }
    key(text, "Master down timer", format_args!("{} usecs", instance.master_down_interval.as_micros()));
}

fn put_flags(text: &mut Text, config: &config::Instance) {
    let link = &config.link;
    let has_any = config.unicast.is_some()
        || link.vmac.is_some()
        || link.ipvlan.is_some()
        || link.vmac_for_addresses
        || link.transmit_on_base
        || link.ignore_faults
        || link.promote_secondaries
        || config.source.is_some()
        || config.nopreempt
        || config.policy.skip_check_adv_addr;
    if !has_any {
        return text.line(format_args!("   Flags: none"));
    }
    text.line(format_args!("   Flags:"));
    match (unicast(config), &config.unicast) {
        (Some(_), _) => text.item("Using unicast"),
        (None, Some(_)) => text.item("Unicast config option specified but using multicast"),
        (None, None) => {}
    }
    if config.unicast.as_ref().is_some_and(|unicast| unicast.fault_without_peers) {
        text.item("If unicast go to fault state if no peers");
    }
}

fn put_interface(text: &mut Text, vrrp: &Vrrp, instance: &Instance) {
    let config = &instance.config;
    let link = &config.link;
    let own = link.own_name();
    let is_up = own.and_then(|name| vrrp.link(name)).is_some_and(|link| link.up);
    let name = own.unwrap_or_default();
    if let Some(vmac) = &link.vmac {
        let base = link.transmit_on_base;
        text.line(format_args!("   Use VMAC, i/f name {name}, is_up = {is_up}, xmit_base = {base}"));
        if let Some(mac) = vmac.mac {
            text.line(format_args!("     MAC = {mac}"));
        }
    }
    if link.vmac_for_addresses {
        text.line(format_args!("   Use VMAC for VIPs on other interfaces"));
    } else if let Some(ipvlan) = &link.ipvlan {
        let address = ipvlan.address.map(|net| format!(", i/f address = {}", net.address));
        let kind = match ipvlan.mode {
            IpvlanMode::Bridge => "bridge",
            IpvlanMode::Private => "private",
            IpvlanMode::Vepa => "vepa",
        };
        text.line(format_args!(
            "   Use IPVLAN, i/f {name}, is_up = {is_up}{}, type {kind}",
            address.unwrap_or_default()
        ));
    }
    let base = config.interface.as_deref();
    match own {
        Some(own) => {
            let kind = if link.vmac.is_some() { "vmac" } else { "ipvlan" };
            let transmit = if link.transmit_on_base { ", xmit base i/f" } else { "" };
            let base = base.unwrap_or("(unknown)");
            key(text, "Interface", format_args!("{own}, {kind} on {base}{transmit}"));
        }
        None => key(text, "Interface", base.unwrap_or("not configured")),
    }
    if let Some(vrf) = &link.vrf {
        key(text, "VRF", vrf);
    }
    for (is_so, line) in [
        (link.ignore_faults, "VRRP interface tracking disabled"),
        (config.policy.skip_check_adv_addr, "Skip checking advert IP addresses"),
        (config.policy.strict, "Enforcing strict VRRP compliance"),
    ] {
        if is_so {
            text.line(format_args!("   {line}"));
        }
    }
    let source = instance.source.map_or_else(|| "(none)".to_owned(), |source| source.to_string());
    let of_file = if config.source.is_some() { " (from configuration)" } else { "" };
    key(text, "Using src_ip", format_args!("{source}{of_file}"));
    if unicast(config).is_none() {
        let group = config.group();
        match config.family {
            Family::V4 => text.line(format_args!("   Multicast address {group}")),
            Family::V6 => {
                let index = instance.socket.as_ref().and_then(|socket| socket.interface.as_deref());
                let index = index.and_then(|name| vrrp.link(name)).map_or(0, |link| link.index);
                text.line(format_args!("   Multicast address {group}, ifindex {index}"));
            }
        }
    }
}

fn put_pace(text: &mut Text, instance: &Instance) {
    let config = &instance.config;
    let (garp, policy) = (&config.garp, &config.policy);
    key(text, "Gratuitous ARP delay", garp.master_delay.as_secs());
    key(text, "Gratuitous ARP repeat", garp.master_repeat);
    key(text, "Gratuitous ARP refresh", garp.refresh.as_secs());
    key(text, "Gratuitous ARP refresh repeat", garp.refresh_repeat);
    key(text, "Gratuitous ARP lower priority delay", garp.lower_prio_delay.as_secs());
    key(text, "Gratuitous ARP lower priority repeat", garp.lower_prio_repeat);
    key(text, "Down timer adverts", policy.down_timer_adverts);
    if let Some(extra) = config.link.garp_extra.filter(|extra| extra.interval.as_secs() > 0) {
        let what = if extra.all { "i/f" } else { "VMAC" };
        key(text, &format!("Gratuitous ARP for each secondary {what}"), extra.interval.as_secs());
    }
    key(text, "Send advert after receive lower priority advert", !policy.lower_prio_no_advert);
    key(text, "Send advert after receive higher priority advert", policy.higher_prio_send_advert);
}

fn put_priority(text: &mut Text, instance: &Instance) {
    let config = &instance.config;
    key(text, "Virtual Router ID", config.vrid);
    key(text, "Priority", instance.priority.configured);
    key(text, "Effective priority", instance.priority.effective);
    key(text, "Total priority", instance.priority.total);
    match config.version {
        Version::V2 => key(text, "Advert interval", format_args!("{} sec", config.advert_int.as_secs())),
        Version::V3 => {
            key(text, "Advert interval", format_args!("{} milli-sec", config.advert_int.as_millis()));
        }
    }
    if instance.state == State::Backup && config.version == Version::V3 {
        let interval = instance.master.as_ref().map_or(config.advert_int, |master| master.advert_int);
        key(text, "Master advert interval", format_args!("{} milli-sec", interval.as_millis()));
    }
    key(text, "Accept", on_off(config.policy.accept));
    key(text, "Preempt", on_off(!config.nopreempt));
    if !config.preempt_delay.is_zero() {
        let delay = short(config.preempt_delay.as_secs_f64());
        key(text, "Preempt delay", format_args!("{delay} secs"));
    }
    key(text, "Promote_secondaries", on_off(config.link.promote_secondaries));
}

fn put_auth(text: &mut Text, config: &config::Instance) {
    match &config.auth {
        Some(Auth::Pass(_)) => {
            key(text, "Authentication type", "SIMPLE_PASSWORD");
            key(text, "Password", "********");
        }
        Some(Auth::Ah(_)) => key(text, "Authentication type", "IPSEC_AH"),
        None if config.version == Version::V2 => key(text, "Authentication type", "none"),
        None => {}
    }
    if let Some(hmac) = &config.hmac {
        put_hmac(text, hmac);
    }
}

/// Only keepalived 2.4 has it.
fn put_hmac(text: &mut Text, hmac: &Hmac) {
    let Hmac { keys, active_key, anti_replay, mode } = hmac;
    key(text, "Authentication extension", "HMAC-SHA256-128");
    text.item(&format!("Keys = {}, active key id = {active_key}", keys.len()));
    let mode = match mode {
        Mode::Enforce => "enforce",
        Mode::Permissive => "permissive",
        Mode::ReceiveOnly => "receive-only",
    };
    text.item(&format!("Mode = {mode}"));
    text.item(&match anti_replay {
        AntiReplay::Time(window) => format!("Anti replay = time, window = {} sec", window.as_secs()),
        AntiReplay::Monotonic => "Anti replay = monotonic".to_owned(),
    });
}

fn put_addresses(text: &mut Text, instance: &Instance) {
    let config = &instance.config;
    let lines = |addresses: &[VirtualAddress], held: &[bool]| -> Vec<String> {
        address::lines(addresses, held, config).collect()
    };
    if !config.addresses.is_empty() {
        text.line(format_args!("   Virtual IP ({}):", config.addresses.len()));
        lines(&config.addresses, &instance.held.addresses).iter().for_each(|line| text.item(line));
    }
    text.list("Virtual IP Excluded", &lines(&config.excluded, &instance.held.excluded));
}

fn put_unicast(text: &mut Text, config: &config::Instance, unicast: &Unicast) {
    // What the kernel takes for IPv6 is not known here.
    let usual = (config.family == Family::V4).then_some(255);
    if let Some(ttl) = unicast.ttl.or(usual) {
        key(text, "Unicast TTL", ttl);
    }
    text.line(format_args!("   Check unicast src : {}", yes_no(unicast.check_source)));
    text.line(format_args!("   Unicast Peer :"));
    for peer in &unicast.peers {
        text.item(&format!("{} min_ttl {} max_ttl {}", peer.address, peer.min_ttl, peer.max_ttl));
    }
    let compatibility = match unicast.old_checksum {
        OldChecksum::Detect => "no",
        OldChecksum::Always => "config",
        OldChecksum::Never => "never",
    };
    key(text, "Unicast checksum compatibility", compatibility);
}

fn reverse(tracked: &Tracked) -> &'static str {
    if tracked.weight.reverse { " reverse" } else { "" }
}

pub(super) fn put_tracking(text: &mut Text, tracking: &config::Tracking, processes: &str) {
    let lines = |all: &[Tracked], comma: &str| -> Vec<String> {
        let line = |one: &Tracked| format!("{}{comma} weight {}{}", one.name, one.weight.value, reverse(one));
        all.iter().map(line).collect()
    };
    text.list("Tracked interfaces", &lines(&tracking.interfaces, ""));
    text.list("Tracked scripts", &lines(&tracking.scripts, ""));
    text.list("Tracked files", &lines(&tracking.files, ","));
    text.list(processes, &lines(&tracking.processes, ","));
    text.list("Tracked BFDs", &lines(&tracking.bfds, ":"));
    text.list("Tracked virtual servers", &lines(&tracking.virtual_servers, ","));
}

fn put_notify(text: &mut Text, notify: &config::Notify, host: &dyn Host) {
    key(text, "Using smtp notification", yes_no(notify.smtp_alert));
    key(text, "Notify deleted", if notify.at_deletion { "Deleted" } else { "Fault" });
    for (what, script) in [
        ("Backup", &notify.backup),
        ("Master", &notify.master),
        ("Fault", &notify.fault),
        ("Stop", &notify.stop),
        ("Deleted", &notify.deleted),
        ("Generic", &notify.any),
        ("Master rx lower pri", &notify.master_rx_lower_pri),
    ] {
        text.script(what, script.as_deref(), host);
    }
    key(text, "Notify priority changes", notify.priority_changes);
}
