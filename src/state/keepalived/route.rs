//! Routes and rules, as keepalived writes them.

use super::address::{net, put};
use super::number::short;
use crate::net::{Family, IpNet};
use crate::vrrp::config::route::{
    Encap, Insert, Metric, MetricValue, NextHop, Realms, Route, RouteKind, TABLE_MAIN,
};
use crate::vrrp::config::rule::{Rule, RuleAction, Span};
use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::net::IpAddr;

/// `prepend 10.9.0.0/24 via inet 10.1.0.254 dev eth0 proto 18`
pub(super) fn route(route: &Route) -> String {
    let mut line = match route.insert {
        Insert::Prepend => "prepend",
        Insert::Add => "add",
        Insert::Append => "append",
    }
    .to_owned();
    if route.kind != RouteKind::Unicast {
        put(&mut line, format_args!("{}", route.kind));
    }
    match route.destination.prefix_len {
        0 => put(&mut line, format_args!("default")),
        _ => put(&mut line, format_args!("{}", text(&route.destination))),
    }
    if let Some(from) = &route.from {
        put(&mut line, format_args!("from {}", text(from)));
    }
    option(&mut line, "src", route.preferred_source);
    option(&mut line, "tos", route.tos);
    if let Some(encap) = &route.next_hop.encap {
        put_encap(&mut line, encap);
    }
    put_way(&mut line, &route.next_hop);
    if route.table != TABLE_MAIN {
        put(&mut line, format_args!("table {}", route.table));
    }
    option(&mut line, "proto", route.protocol);
    option(&mut line, "scope", route.scope);
    option(&mut line, "metric", route.metric);
    if route.next_hop.onlink && route.family == Family::V4 {
        put(&mut line, format_args!("onlink"));
    }
    put_realms(&mut line, route.next_hop.realms);
    if let Some(seconds) = route.expires {
        put(&mut line, format_args!("expires {seconds}sec"));
    }
    if let Some(algorithm) = &route.congestion_control {
        put(
            &mut line,
            format_args!("congctl {}{}", algorithm.name, if algorithm.locked { "lock " } else { "" }),
        );
    }
    put_metrics(&mut line, route);
    for hop in &route.next_hops {
        put(&mut line, format_args!("nexthop"));
        put_way(&mut line, hop);
        option(&mut line, "weight", hop.weight);
        if hop.onlink {
            put(&mut line, format_args!("onlink"));
        }
        put_realms(&mut line, hop.realms);
        if let Some(encap) = &hop.encap {
            put_encap(&mut line, encap);
        }
    }
    if !route.tracked {
        put(&mut line, format_args!("no_track"));
    }
    line
}

fn option(line: &mut String, word: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        put(line, format_args!("{word} {value}"));
    }
}

fn text(of: &IpNet) -> String {
    net(of.address, of.prefix_len)
}

fn put_way(line: &mut String, hop: &NextHop) {
    if let Some(via) = hop.via {
        let family = if matches!(via, IpAddr::V6(_)) { "inet6" } else { "inet" };
        put(line, format_args!("via {family} {via}"));
    }
    option(line, "dev", hop.interface.as_deref());
}

fn put_realms(line: &mut String, realms: Option<Realms>) {
    match realms {
        None => {}
        Some(Realms { source: Some(source), destination }) => {
            put(line, format_args!("realms {source}/{destination}"));
        }
        Some(Realms { source: None, destination }) => put(line, format_args!("realm {destination}")),
    }
}

/// In keepalived's order, which is not the kernel's.
fn put_metrics(line: &mut String, route: &Route) {
    let metrics = &route.metrics;
    put_time(line, metrics, Metric::Rtt, "rtt", 8.0);
    put_time(line, metrics, Metric::RttVar, "rttvar", 4.0);
    put_time(line, metrics, Metric::RtoMin, "rto_min", 1.0);
    if route.ecn {
        put(line, format_args!("features ecn"));
    }
    // Of some, keepalived says whether they are locked.
    for (metric, word, says_lock) in [
        (Metric::Mtu, "mtu", true),
        (Metric::Window, "window", false),
        (Metric::SsThresh, "ssthresh", true),
        (Metric::Cwnd, "cwnd", true),
        (Metric::AdvMss, "advmss", true),
        (Metric::Reordering, "reordering", true),
        (Metric::HopLimit, "hoplimit", false),
        (Metric::InitCwnd, "initcwnd", false),
        (Metric::InitRwnd, "initrwnd", false),
        (Metric::QuickAck, "quickack", false),
    ] {
        if let Some(MetricValue { value, locked }) = metrics.get(&metric) {
            let lock = if *locked && says_lock { "lock " } else { "" };
            put(line, format_args!("{word} {lock}{value}"));
        }
    }
    if let Some(preference) = route.router_preference {
        // RFC 4191 §2.1
        let word = match preference {
            0 => "medium",
            1 => "high",
            3 => "low",
            _ => "unknown",
        };
        put(line, format_args!("pref {word}"));
    }
    if let Some(MetricValue { value, .. }) = metrics.get(&Metric::FastOpenNoCookie) {
        put(line, format_args!("fastopen_no_cookie {value}"));
    }
    if let Some(propagates) = route.ttl_propagate {
        put(line, format_args!("ttl-propagate {}", if propagates { "enabled" } else { "disabled" }));
    }
}

/// In seconds from one second on; so many of the metric's units are a millisecond.
fn put_time(
    line: &mut String,
    metrics: &BTreeMap<Metric, MetricValue>,
    metric: Metric,
    word: &str,
    units: f64,
) {
    let Some(MetricValue { value, locked }) = metrics.get(&metric) else { return };
    let milliseconds = f64::from(*value) / units;
    // Two blanks, as keepalived has them.
    let lock = if *locked { "  lock" } else { "" };
    match milliseconds >= 1000.0 {
        true => put(line, format_args!("{word}{lock} {}s", short(milliseconds / 1000.0))),
        false => put(line, format_args!("{word}{lock} {}ms", short(milliseconds))),
    }
}

fn put_encap(line: &mut String, encap: &Encap) {
    match encap {
        Encap::Ip { id, destination, source, tos, ttl, flags } => {
            put(line, format_args!("encap ip"));
            option(line, "id", *id);
            option(line, "dst", *destination);
            option(line, "src", *source);
            option(line, "tos", *tos);
            option(line, "ttl", *ttl);
            option(line, "flags", flags.map(|flags| format!("{flags:#x}")));
        }
        Encap::Ip6 { id, destination, source, traffic_class, hop_limit, flags } => {
            put(line, format_args!("encap ip6"));
            option(line, "id", *id);
            option(line, "dst", *destination);
            option(line, "src", *source);
            option(line, "tc", *traffic_class);
            option(line, "hoplimit", *hop_limit);
            option(line, "flags", flags.map(|flags| format!("{flags:#x}")));
        }
        Encap::Mpls(labels) => {
            put(line, format_args!("encap mpls"));
            for (n, label) in labels.iter().enumerate() {
                // As the entry of the label stack that the kernel is given (RFC 3032 §2.1), in hexadecimal.
                let entry = label << 12 | u32::from(n + 1 == labels.len()) << 8;
                let _ = write!(line, "{}{entry:x}", if n == 0 { " " } else { "/" });
            }
        }
        Encap::Ila(locator) => put(line, format_args!("encap ila {locator}")),
    }
}

/// `from 10.9.0.0/24 priority 50 tos 0x0 protocol 18 lookup 100`
pub(super) fn rule(rule: &Rule) -> String {
    let mut line = String::new();
    if rule.family == Family::V6 && rule.from.is_none() && rule.to.is_none() {
        put(&mut line, format_args!("inet6"));
    }
    if rule.inverted {
        put(&mut line, format_args!("not"));
    }
    put(&mut line, format_args!("from {}", rule.from.as_ref().map_or_else(|| "all".to_owned(), text)));
    option(&mut line, "to", rule.to.as_ref().map(text));
    put(&mut line, format_args!("priority {}", rule.priority));
    put(&mut line, format_args!("tos {:#x}", rule.tos.unwrap_or(0)));
    if let Some(mark) = rule.mark {
        put(&mut line, format_args!("fwmark {:#x}", mark.value));
        if let Some(mask) = mark.mask.filter(|mask| *mask != u32::MAX) {
            let _ = write!(line, "/{mask:#x}");
        }
    }
    option(&mut line, "iif", rule.input_interface.as_deref());
    option(&mut line, "oif", rule.output_interface.as_deref());
    let (unless, realms, l3mdev) = match &rule.action {
        RuleAction::Table { unless, realms, .. } => (*unless, *realms, false),
        RuleAction::L3mdev { unless, realms } => (*unless, *realms, true),
        _ => Default::default(),
    };
    option(&mut line, "suppress_prefixlen", unless.prefix_len);
    option(&mut line, "suppress_ifgroup", unless.group);
    option(&mut line, "tunnel-id", rule.tunnel_id);
    option(&mut line, "uidrange", rule.users.map(span));
    if l3mdev {
        put(&mut line, format_args!("l3mdev"));
    }
    option(&mut line, "protocol", rule.protocol);
    option(&mut line, "ipproto", rule.ip_protocol);
    option(&mut line, "sport", rule.source_ports.map(span));
    option(&mut line, "dport", rule.destination_ports.map(span));
    if let Some(Realms { source, destination }) = realms {
        put(&mut line, format_args!("realms {}/{destination}", source.unwrap_or(0)));
    }
    match &rule.action {
        RuleAction::Table { table, .. } => put(&mut line, format_args!("lookup {table}")),
        RuleAction::L3mdev { .. } => put(&mut line, format_args!("lookup 0")),
        RuleAction::Goto(target) => put(&mut line, format_args!("goto {target}")),
        RuleAction::Nop => put(&mut line, format_args!("nop")),
        RuleAction::Blackhole => put(&mut line, format_args!("type blackhole")),
        RuleAction::Unreachable => put(&mut line, format_args!("type unreachable")),
        RuleAction::Prohibit => put(&mut line, format_args!("type prohibit")),
    }
    if !rule.tracked {
        put(&mut line, format_args!("no_track"));
    }
    line
}

fn span<T: Display>(span: Span<T>) -> String {
    format!("{}-{}", span.first, span.last)
}
