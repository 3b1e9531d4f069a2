//! Routes and rules between the configuration's words and rtnetlink's.

use crate::netlink::route::{self, Hop};
use crate::vrrp::config::route::{
    Encap, Metric, NextHop, PROTOCOL_KEEPALIVED, Realms, Route, RouteKind, TABLE_MAIN,
};
use crate::vrrp::config::rule::{Mark, Rule, RuleAction, Span, Suppress};
use crate::vrrp::event::{FoundRoute, IfIndex, RoutePlace, Way};

/// `LWTUNNEL_ENCAP_*`
const MPLS: u16 = 1;
const IP: u16 = 2;
const ILA: u16 = 3;
const IP6: u16 = 4;
/// `LWTUNNEL_IP_*`, and those of IPv6.
const IP_ID: u16 = 1;
const IP_DST: u16 = 2;
const IP_SRC: u16 = 3;
const IP_TTL: u16 = 4;
const IP_TOS: u16 = 5;
const IP_FLAGS: u16 = 6;
/// `RTAX_FEATURES`, `RTAX_FEATURE_ECN`
const FEATURES: u16 = 12;
const ECN: u32 = 1;
/// `FR_ACT_*`
const TO_TABLE: u8 = 1;
const GOTO: u8 = 2;
const NOP: u8 = 3;
const BLACKHOLE: u8 = 6;
const UNREACHABLE: u8 = 7;
const PROHIBIT: u8 = 8;

/// A route in the kernel's words.
pub(super) fn kernel_route(route: &Route, place: &RoutePlace) -> route::Route {
    let protocol = route.protocol.unwrap_or(PROTOCOL_KEEPALIVED);
    let mut kernel = route::Route::new(route.destination, protocol);
    kernel.family = route.family;
    kernel.source = route.from.filter(|net| net.prefix_len > 0);
    kernel.table = place.table;
    kernel.kind = kind_number(route.kind);
    kernel.scope = route.scope.unwrap_or(0);
    kernel.tos = route.tos.unwrap_or(0);
    kernel.metric = route.metric.unwrap_or(0);
    kernel.preferred_source = route.preferred_source;
    kernel.hop = hop(&route.next_hop, place.interface);
    let interfaces = place.next_hops.iter().copied().chain(std::iter::repeat(None));
    kernel.hops = route.next_hops.iter().zip(interfaces).map(|(way, index)| hop(way, index)).collect();
    kernel.expires = route.expires;
    for (metric, value) in &route.metrics {
        let number = metric_number(*metric);
        kernel.metrics.push((number, value.value));
        if value.locked {
            kernel.locked |= 1 << number;
        }
    }
    if route.ecn {
        kernel.metrics.push((FEATURES, ECN));
    }
    if let Some(algorithm) = &route.congestion_control {
        kernel.congestion_control = Some(algorithm.name.clone());
        if algorithm.locked {
            kernel.locked |= 1 << CC_ALGO;
        }
    }
    kernel.preference = route.router_preference;
    kernel.ttl_propagate = route.ttl_propagate;
    kernel
}

/// `RTAX_CC_ALGO`
const CC_ALGO: u16 = 16;

fn hop(way: &NextHop, interface: Option<IfIndex>) -> Hop {
    Hop {
        gateway: way.via,
        interface: interface.map_or(0, |index| index.0),
        weight: way.weight.and_then(|weight| u8::try_from(weight.saturating_sub(1)).ok()).unwrap_or(0),
        onlink: way.onlink,
        realms: way.realms.map_or(0, realms_number),
        encap: way.encap.as_ref().map(encap),
    }
}

fn realms_number(realms: Realms) -> u32 {
    u32::from(realms.source.unwrap_or(0)) << 16 | u32::from(realms.destination)
}

fn encap(encap: &Encap) -> route::Encap {
    let mut attributes: Vec<(u16, Vec<u8>)> = Vec::new();
    let kind = match encap {
        Encap::Ip { id, destination, source, tos, ttl, flags } => {
            attributes.extend(id.map(|id| (IP_ID, id.to_be_bytes().to_vec())));
            attributes.extend(destination.map(|ip| (IP_DST, ip.octets().to_vec())));
            attributes.extend(source.map(|ip| (IP_SRC, ip.octets().to_vec())));
            attributes.extend(tos.map(|tos| (IP_TOS, vec![tos])));
            attributes.extend(ttl.map(|ttl| (IP_TTL, vec![ttl])));
            attributes.extend(flags.map(|flags| (IP_FLAGS, flags.to_ne_bytes().to_vec())));
            IP
        }
        Encap::Ip6 { id, destination, source, traffic_class, hop_limit, flags } => {
            attributes.extend(id.map(|id| (IP_ID, id.to_be_bytes().to_vec())));
            attributes.extend(destination.map(|ip| (IP_DST, ip.octets().to_vec())));
            attributes.extend(source.map(|ip| (IP_SRC, ip.octets().to_vec())));
            // `LWTUNNEL_IP6_HOPLIMIT` is where IPv4 has the TTL, `LWTUNNEL_IP6_TC` where it has the type of service.
            attributes.extend(traffic_class.map(|class| (IP_TOS, vec![class])));
            attributes.extend(hop_limit.map(|limit| (IP_TTL, vec![limit])));
            attributes.extend(flags.map(|flags| (IP_FLAGS, flags.to_ne_bytes().to_vec())));
            IP6
        }
        Encap::Mpls(labels) => {
            // `MPLS_IPTUNNEL_DST`: 20 bits of label each, and the last one has the bottom of the stack (RFC 3032 §2.1).
            let bottom = labels.len().saturating_sub(1);
            let entry = |(at, label): (usize, &u32)| label << 12 | u32::from(at == bottom) << 8;
            let stack = labels.iter().enumerate().flat_map(|entry_of| entry(entry_of).to_be_bytes());
            attributes.push((1, stack.collect()));
            MPLS
        }
        Encap::Ila(locator) => {
            // `ILA_ATTR_LOCATOR`: in network order, which the number is in already.
            attributes.push((1, locator.to_be_bytes().to_vec()));
            ILA
        }
    };
    route::Encap { kind, attributes }
}

const fn metric_number(metric: Metric) -> u16 {
    match metric {
        Metric::Mtu => 2,
        Metric::Window => 3,
        Metric::Rtt => 4,
        Metric::RttVar => 5,
        Metric::SsThresh => 6,
        Metric::Cwnd => 7,
        Metric::AdvMss => 8,
        Metric::Reordering => 9,
        Metric::HopLimit => 10,
        Metric::InitCwnd => 11,
        Metric::RtoMin => 13,
        Metric::InitRwnd => 14,
        Metric::QuickAck => 15,
        Metric::FastOpenNoCookie => 17,
    }
}

const fn kind_number(kind: RouteKind) -> u8 {
    match kind {
        RouteKind::Unicast => 1,
        RouteKind::Local => 2,
        RouteKind::Broadcast => 3,
        RouteKind::Anycast => 4,
        RouteKind::Multicast => 5,
        RouteKind::Blackhole => 6,
        RouteKind::Unreachable => 7,
        RouteKind::Prohibit => 8,
        RouteKind::Throw => 9,
        RouteKind::Nat => 10,
        RouteKind::XResolve => 11,
        RouteKind::Other(number) => number,
    }
}

const fn kind_of(number: u8) -> RouteKind {
    match number {
        1 => RouteKind::Unicast,
        2 => RouteKind::Local,
        3 => RouteKind::Broadcast,
        4 => RouteKind::Anycast,
        5 => RouteKind::Multicast,
        6 => RouteKind::Blackhole,
        7 => RouteKind::Unreachable,
        8 => RouteKind::Prohibit,
        9 => RouteKind::Throw,
        10 => RouteKind::Nat,
        11 => RouteKind::XResolve,
        number => RouteKind::Other(number),
    }
}

/// A route that the kernel has, in the engine's words.
pub(in crate::daemon::vrrp) fn found(route: &route::Route) -> FoundRoute {
    let index = |index: u32| (index != 0).then_some(IfIndex(index));
    let way = |hop: &Hop| Way { via: hop.gateway, interface: index(hop.interface) };
    let ways = match route.hops.as_slice() {
        [] if route.hop.interface == 0 && route.hop.gateway.is_none() => Vec::new(),
        [] => vec![way(&route.hop)],
        hops => hops.iter().map(way).collect(),
    };
    FoundRoute {
        family: route.family,
        destination: route.destination,
        from: route.source,
        table: route.table,
        kind: kind_of(route.kind),
        protocol: route.protocol,
        scope: route.scope,
        tos: route.tos,
        metric: route.metric,
        preferred_source: route.preferred_source,
        ways,
    }
}

/// A rule in the kernel's words.
pub(super) fn kernel_rule(rule: &Rule) -> route::Rule {
    let mut kernel = route::Rule::new(rule.family, rule.priority);
    let span = |span: Span<u16>| (span.first, span.last);
    kernel.inverted = rule.inverted;
    (kernel.source, kernel.destination) = (rule.from, rule.to);
    kernel.input.clone_from(&rule.input_interface);
    kernel.output.clone_from(&rule.output_interface);
    kernel.tos = rule.tos.unwrap_or(0);
    if let Some(Mark { value, mask }) = rule.mark {
        (kernel.mark, kernel.mask) = (value, mask);
    }
    kernel.ip_protocol = rule.ip_protocol.unwrap_or(0);
    kernel.source_ports = rule.source_ports.map(span);
    kernel.destination_ports = rule.destination_ports.map(span);
    kernel.users = rule.users.map(|users| (users.first, users.last));
    kernel.tunnel = rule.tunnel_id.unwrap_or(0);
    kernel.protocol = rule.protocol;
    kernel.action = match rule.action {
        RuleAction::Table { .. } | RuleAction::L3mdev { .. } => TO_TABLE,
        RuleAction::Goto(_) => GOTO,
        RuleAction::Nop => NOP,
        RuleAction::Blackhole => BLACKHOLE,
        RuleAction::Unreachable => UNREACHABLE,
        RuleAction::Prohibit => PROHIBIT,
    };
    match rule.action {
        RuleAction::Table { table, unless, realms } => {
            kernel.table = if table == 0 { TABLE_MAIN } else { table };
            look_up(&mut kernel, unless, realms);
        }
        RuleAction::L3mdev { unless, realms } => {
            kernel.l3mdev = true;
            look_up(&mut kernel, unless, realms);
        }
        RuleAction::Goto(priority) => kernel.goto = Some(priority),
        _ => {}
    }
    kernel
}

fn look_up(kernel: &mut route::Rule, unless: Suppress, realms: Option<Realms>) {
    (kernel.suppress_prefix, kernel.suppress_group) = (unless.prefix_len, unless.group);
    kernel.realms = realms.map_or(0, realms_number);
}

/// A rule that the kernel has, in the configuration's words; `None` for one that no configuration can have.
pub(in crate::daemon::vrrp) fn rule(kernel: &route::Rule) -> Option<Rule> {
    let unless = Suppress { prefix_len: kernel.suppress_prefix, group: kernel.suppress_group };
    let realms = (kernel.realms != 0).then(|| {
        let source = (kernel.realms >> 16) as u16;
        Realms { source: (source != 0).then_some(source), destination: kernel.realms as u16 }
    });
    let action = match kernel.action {
        TO_TABLE if kernel.l3mdev => RuleAction::L3mdev { unless, realms },
        TO_TABLE => RuleAction::Table { table: kernel.table, unless, realms },
        GOTO => RuleAction::Goto(kernel.goto?),
        NOP => RuleAction::Nop,
        BLACKHOLE => RuleAction::Blackhole,
        UNREACHABLE => RuleAction::Unreachable,
        PROHIBIT => RuleAction::Prohibit,
        _ => return None,
    };
    let some = |number: u8| (number != 0).then_some(number);
    let ports = |(first, last): (u16, u16)| Span { first, last };
    let masked = kernel.mark != 0 || kernel.mask.is_some_and(|mask| mask != 0);
    Some(Rule {
        family: kernel.family,
        priority: kernel.priority,
        inverted: kernel.inverted,
        from: kernel.source,
        to: kernel.destination,
        input_interface: kernel.input.clone(),
        output_interface: kernel.output.clone(),
        tos: some(kernel.tos),
        mark: masked.then_some(Mark { value: kernel.mark, mask: kernel.mask }),
        ip_protocol: some(kernel.ip_protocol),
        source_ports: kernel.source_ports.map(ports),
        destination_ports: kernel.destination_ports.map(ports),
        users: kernel.users.map(|(first, last)| Span { first, last }),
        tunnel_id: (kernel.tunnel != 0).then_some(kernel.tunnel),
        protocol: kernel.protocol,
        action,
        tracked: true,
    })
}
