//! `LVS Topology`: virtual servers and their real servers. Delays stand with the checks: here, keepalived shows what each block
//! has of its own, which is not kept.

use super::{Host, Text, command, upper_on_off, yes_no};
use crate::check::config::{self, Endpoint};
use crate::check::event::ServerName;
use crate::command::Command;
use crate::ipvs::model::{Forward, Netmask, Protocol, ServiceFlags, TunnelFlags, TunnelKind};
use crate::net::Family;
use crate::state::check::{RealServer, VirtualServer};
use std::net::SocketAddr;

pub(super) fn put(text: &mut Text, vs: &VirtualServer, host: &dyn Host) {
    let config = &vs.config;
    put_group(text, config);
    text.line(format_args!(" ------< Virtual server >------"));
    match config.endpoints.first() {
        _ if is_group(config) => text.line(format_args!(" VS GROUP = {}", config.name)),
        Some(Endpoint::Address(address)) => {
            text.line(format_args!(" VS VIP = {}, VPORT = {}", address.ip(), address.port()));
        }
        Some(Endpoint::Fwmark { mark, .. }) => text.line(format_args!(" VS FWMARK = {mark}")),
        None => {}
    }
    if let Some(name) = &config.snmp_name {
        text.line(format_args!("   SNMP name = '{name}'"));
    }
    let families = |family| config.endpoints.iter().any(|endpoint| endpoint.family() == family);
    text.line(format_args!(
        "   Address family = {}",
        match (families(Family::V4), families(Family::V6)) {
            (true, true) => "IPv4 & IPv6",
            (false, true) => "inet6",
            _ => "inet",
        }
    ));
    put_scheduler(text, config);
    put_persistence(text, config);
    let protocol = match (config.endpoints.first(), config.protocol) {
        (Some(Endpoint::Fwmark { .. }), _) => "none",
        (_, Protocol::Tcp) => "TCP",
        (_, Protocol::Udp) => "UDP",
        (_, Protocol::Sctp) => "SCTP",
    };
    text.line(format_args!("   protocol = {protocol}"));
    text.line(format_args!("   alpha is {}", upper_on_off(config.alpha)));
    text.line(format_args!("   omega is {}", upper_on_off(config.omega)));
    // What the block says of all of its servers is theirs by now.
    let inhibits =
        !vs.real_servers.is_empty() && vs.real_servers.iter().all(|rs| rs.config.inhibit_on_failure);
    text.line(format_args!("   Inhibit on failure is {}", upper_on_off(inhibits)));
    text.line(format_args!("   quorum = {}, hysteresis = {}", config.quorum, config.hysteresis));
    for (what, script) in [("up", &config.quorum_up), ("down", &config.quorum_down)] {
        put_script(text, &format!("   Quorum {what}"), script.as_deref(), host);
    }
    if config.ha_suspend {
        text.line(format_args!("   Using HA suspend"));
    }
    text.line(format_args!("   Using smtp notification = {}", yes_no(config.smtp_alert)));
    if let Some(sorry) = &config.sorry_server {
        let is_twice = vs.real_servers.iter().any(|rs| rs.config.address == sorry.address);
        let twice = if is_twice { "(duplicates rs) " } else { "" };
        text.line(format_args!("   sorry server {twice}= {}", name(sorry.address, config)));
        text.line(format_args!("     forwarding method = {}", forwarding(sorry.forward)));
        text.line(format_args!("     Inhibit on failure is {}", upper_on_off(sorry.inhibit)));
    }
    text.line(format_args!("   quorum_state_up = {}", u8::from(vs.has_quorum)));
    vs.real_servers.iter().for_each(|rs| put_real_server(text, rs, host));
}

/// A block that names a group is called after it.
fn is_group(config: &config::VirtualServer) -> bool {
    match config.endpoints.first() {
        Some(Endpoint::Address(address)) => config.by_mark || config.name != name(*address, config),
        Some(Endpoint::Fwmark { .. }) => config.name.starts_with('['),
        None => true,
    }
}

fn name(address: SocketAddr, config: &config::VirtualServer) -> String {
    ServerName { address, protocol: Some(config.protocol) }.to_string()
}

fn put_group(text: &mut Text, config: &config::VirtualServer) {
    if !is_group(config) {
        return;
    }
    let has = |family| {
        let of_service = config.endpoints.iter().any(|endpoint| endpoint.family() == family);
        of_service || config.marked.iter().any(|address| Family::of(address.ip()) == family)
    };
    let (v4, v6) = (yes_no(has(Family::V4)), yes_no(has(Family::V6)));
    text.line(format_args!(" ------< Virtual server group >------"));
    let group = config.name.rsplit_once(':').map_or(&*config.name, |(group, _)| group);
    let group = group.trim_start_matches('[').trim_end_matches(']');
    text.line(format_args!(" Virtual Server Group = {group}, IPv4 = {v4}, IPv6 = {v6}"));
    let addresses = config.endpoints.iter().filter_map(|endpoint| match endpoint {
        Endpoint::Address(address) => Some(address),
        Endpoint::Fwmark { .. } => None,
    });
    for address in addresses.chain(&config.marked) {
        text.line(format_args!("   VIP = {}, VPORT = {}", address.ip(), address.port()));
    }
    for endpoint in &config.endpoints {
        if let Endpoint::Fwmark { mark, family } = endpoint {
            let family = if *family == Family::V4 { "IPv4" } else { "IPv6" };
            text.line(format_args!("   FWMARK = {mark} {family}"));
        }
    }
}

fn put_scheduler(text: &mut Text, config: &config::VirtualServer) {
    let flag = |flag| if config.flags.contains(flag) { "enabled" } else { "disabled" };
    text.line(format_args!("   lvs_sched = {}", config.scheduler));
    text.line(format_args!("   Hashed = {}", flag(ServiceFlags::HASHED)));
    match &*config.scheduler {
        scheduler @ ("sh" | "mh") => {
            text.line(format_args!("   {scheduler}-port = {}", flag(ServiceFlags::SCHED2)));
            text.line(format_args!("   {scheduler}-fallback = {}", flag(ServiceFlags::SCHED1)));
        }
        _ => {
            text.line(format_args!("   flag-1 = {}", flag(ServiceFlags::SCHED1)));
            text.line(format_args!("   flag-2 = {}", flag(ServiceFlags::SCHED2)));
            text.line(format_args!("   flag-3 = {}", flag(ServiceFlags::SCHED3)));
        }
    }
    let ops = config.flags.contains(ServiceFlags::ONE_PACKET);
    let inactive = if ops && config.protocol != Protocol::Udp { " (inactive due to not UDP)" } else { "" };
    text.line(format_args!("   One packet scheduling = {}{inactive}", flag(ServiceFlags::ONE_PACKET)));
}

fn put_persistence(text: &mut Text, config: &config::VirtualServer) {
    if config.persistence_timeout > 0 {
        text.line(format_args!("   persistence timeout = {}", config.persistence_timeout));
    }
    match config.persistence_granularity {
        Some(Netmask::Mask(mask)) => text.line(format_args!("   persistence granularity = {mask}")),
        Some(Netmask::Prefix(len)) => text.line(format_args!("   persistence granularity = {len}")),
        None => {}
    }
}

fn put_script(text: &mut Text, what: &str, script: Option<&Command>, host: &dyn Host) {
    if let Some(script) = script {
        let account = host.account(script.run_as.as_ref());
        text.line(format_args!("{what} notify script = {}, uid:gid {account}", command(script)));
    }
}

fn forwarding(forward: Forward) -> String {
    match forward {
        Forward::Masq => "NAT".to_owned(),
        Forward::DirectRoute => "DR".to_owned(),
        Forward::Local | Forward::Bypass => forward.name().to_owned(),
        Forward::Tunnel(tunnel) => {
            let checksum =
                match (tunnel.flags.contains(TunnelFlags::CSUM), tunnel.flags.contains(TunnelFlags::REMCSUM))
                {
                    (true, _) => "checksum",
                    (false, true) => "remote checksum",
                    (false, false) => "no checksum",
                };
            match tunnel.kind {
                TunnelKind::Ipip => "TUN, type = IPIP".to_owned(),
                TunnelKind::Gue => format!("TUN, type = GUE, port = {}, {checksum}", tunnel.port),
                TunnelKind::Gre => format!("TUN, type = GRE, {checksum}"),
            }
        }
    }
}

fn put_real_server(text: &mut Text, rs: &RealServer, host: &dyn Host) {
    let config = &rs.config;
    let address = config.address;
    text.line(format_args!("   ------< Real server >------"));
    text.line(format_args!(
        "   RIP = {}, RPORT = {}, WEIGHT = {} EFF WEIGHT = {}",
        address.ip(),
        address.port(),
        rs.weight,
        rs.weight
    ));
    text.line(format_args!("   forwarding method = {}", forwarding(config.forward)));
    text.line(format_args!("   Alpha is {}", upper_on_off(config.alpha)));
    text.line(format_args!(
        "   connection limit range = {} -> {}",
        config.lower_threshold, config.upper_threshold
    ));
    text.line(format_args!("   Inhibit on failure is {}", upper_on_off(config.inhibit_on_failure)));
    put_script(text, "     RS up", config.notify_up.as_deref(), host);
    put_script(text, "     RS down", config.notify_down.as_deref(), host);
    if let Some(name) = &config.snmp_name {
        text.line(format_args!("   SNMP name = {name}"));
    }
    text.line(format_args!("   Using smtp notification = {}", yes_no(config.smtp_alert)));
    text.line(format_args!("   initial weight = {}", config.weight));
    text.line(format_args!("   effective weight = {}", rs.weight));
    text.line(format_args!("   alive = {}", u8::from(rs.is_up)));
    let failed = rs.checkers.iter().filter(|checker| !checker.is_up).count();
    text.line(format_args!("   num failed checkers = {failed}"));
    text.line(format_args!("   RS set = {}", u8::from(rs.wanted_weight.is_some())));
}
