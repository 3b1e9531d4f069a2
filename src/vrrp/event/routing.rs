//! Routes and rules between the machines and the kernel.

use super::{IfIndex, list};
use crate::net::{Family, IpNet};
use crate::vrrp::config::route::{PROTOCOL_KEEPALIVED, Route, RouteKind};
use crate::vrrp::config::rule::{Mark, Rule, RuleAction};
use crate::vrrp::shared::Shared;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// A route or a rule that is configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Entry {
    /// A line of `virtual_routes` or `static_routes`.
    Route(Shared<Route>),
    /// A line of `virtual_rules` or `static_rules`, in the form in which the kernel tells of it.
    Rule(Shared<Rule>),
}

impl Entry {
    /// For this line.
    #[must_use]
    pub fn route(route: Route) -> Entry {
        Entry::Route(std::sync::Arc::new(route).into())
    }

    /// For this line.
    #[must_use]
    pub fn rule(rule: Rule) -> Entry {
        Entry::Rule(std::sync::Arc::new(told(rule)).into())
    }

    /// Not `no_track`.
    #[must_use]
    pub fn is_tracked(&self) -> bool {
        match self {
            Entry::Route(route) => route.tracked,
            Entry::Rule(rule) => rule.tracked,
        }
    }

    /// By this number those who set it are told apart.
    #[must_use]
    pub fn protocol(&self) -> u8 {
        let protocol = match self {
            Entry::Route(route) => route.protocol,
            Entry::Rule(rule) => rule.protocol,
        };
        protocol.unwrap_or(PROTOCOL_KEEPALIVED)
    }

    /// Interfaces that it names.
    pub fn interfaces(&self) -> impl Iterator<Item = &str> {
        let (route, rule) = match self {
            Entry::Route(route) => (Some(route), None),
            Entry::Rule(rule) => (None, Some(rule)),
        };
        let of_route = route.into_iter().flat_map(|route| {
            let hops = route.next_hops.iter().filter_map(|hop| hop.interface.as_deref());
            [route.next_hop.interface.as_deref(), route.vrf.as_deref()].into_iter().flatten().chain(hops)
        });
        let of_rule = rule.into_iter().flat_map(|rule| {
            [rule.input_interface.as_deref(), rule.output_interface.as_deref()].into_iter().flatten()
        });
        of_route.chain(of_rule)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Route(route) => write!(f, "route {route}"),
            Entry::Rule(rule) => write!(f, "rule {rule}"),
        }
    }
}

/// A rule as the kernel tells of it: what is everything, or nothing, is left out.
#[must_use]
pub fn told(mut rule: Rule) -> Rule {
    let some = |net: &mut IpNet| net.prefix_len > 0;
    rule.from = rule.from.take_if(some);
    rule.to = rule.to.take_if(some);
    rule.tos = rule.tos.filter(|tos| *tos != 0);
    rule.ip_protocol = rule.ip_protocol.filter(|number| *number != 0);
    rule.tunnel_id = rule.tunnel_id.filter(|id| *id != 0);
    rule.mark = rule.mark.and_then(|mark| match mark {
        Mark { value: 0, mask: None | Some(0) } => None,
        Mark { value, mask: None } => Some(Mark { value, mask: Some(u32::MAX) }),
        mark => Some(mark),
    });
    if let RuleAction::Table { realms, .. } | RuleAction::L3mdev { realms, .. } = &mut rule.action {
        if let Some(realms) = realms {
            realms.source = realms.source.filter(|source| *source != 0);
        }
        *realms = realms.take_if(|realms| realms.source.is_some() || realms.destination != 0);
    }
    rule.protocol = rule.protocol.or(Some(PROTOCOL_KEEPALIVED));
    rule
}

/// The kernel's numbers of what a route names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutePlace {
    /// The table: that of the VRF, where it is in one.
    pub table: u32,
    /// The interface of the one way.
    pub interface: Option<IfIndex>,
    /// The interfaces of several ways.
    pub next_hops: Vec<Option<IfIndex>>,
}

/// A route that the kernel has: what tells it apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRoute {
    /// Of its addresses.
    pub family: Family,
    /// Where to.
    pub destination: IpNet,
    /// Where from (IPv6).
    pub from: Option<IpNet>,
    /// The table it stands in.
    pub table: u32,
    /// What becomes of a packet.
    pub kind: RouteKind,
    /// Who set it.
    pub protocol: u8,
    /// How far the destination is (IPv4).
    pub scope: u8,
    /// Type of service (IPv4).
    pub tos: u8,
    /// The least is taken.
    pub metric: u32,
    /// Source of connections that begin here.
    pub preferred_source: Option<IpAddr>,
    /// Gateways and interfaces.
    pub ways: Vec<Way>,
}

/// A way of a route that the kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The gateway.
    pub via: Option<IpAddr>,
    /// The interface.
    pub interface: Option<IfIndex>,
}

/// Metric of an IPv6 route that names none (`IP6_RT_PRIO_USER`).
const METRIC_V6: u32 = 1024;

/// The metric that the kernel gives to a route.
#[must_use]
pub fn metric(route: &Route) -> u32 {
    match (route.family, route.metric) {
        (Family::V6, None | Some(0)) => METRIC_V6,
        (_, metric) => metric.unwrap_or(0),
    }
}

impl FoundRoute {
    /// Whether it is what a line of the configuration asks for. A way whose interface the line leaves open may have any.
    #[must_use]
    pub fn is(&self, route: &Route, place: &RoutePlace) -> bool {
        let v4 = self.family == Family::V4;
        let has = |way: &Way, via: Option<IpAddr>, interface: Option<IfIndex>| {
            way.via == via && (interface.is_none() || way.interface == interface)
        };
        let ways = match route.next_hops.as_slice() {
            [] => match self.ways.as_slice() {
                [] => route.next_hop.via.is_none() && place.interface.is_none(),
                [way] => has(way, route.next_hop.via, place.interface),
                _ => false,
            },
            hops => {
                let interfaces = place.next_hops.iter().copied().chain(std::iter::repeat(None));
                self.ways.len() == hops.len()
                    && hops
                        .iter()
                        .zip(interfaces)
                        .all(|(hop, interface)| self.ways.iter().any(|way| has(way, hop.via, interface)))
            }
        };
        ways && self.family == route.family
            && self.destination == route.destination
            && self.from == route.from.filter(|net| net.prefix_len > 0)
            && self.table == place.table
            && self.kind == route.kind
            && self.protocol == route.protocol.unwrap_or(PROTOCOL_KEEPALIVED)
            && self.metric == metric(route)
            && self.preferred_source == route.preferred_source
            && (!v4 || (self.scope == route.scope.unwrap_or(0) && self.tos == route.tos.unwrap_or(0)))
    }
}

/// As one looks for it in the configuration.
impl fmt::Display for FoundRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut route = Route::new(self.destination);
        (route.kind, route.table, route.from) = (self.kind, self.table, self.from);
        route.metric = Some(self.metric).filter(|metric| *metric != 0 && *metric != METRIC_V6);
        if let [way] = self.ways.as_slice() {
            route.next_hop.via = way.via;
        }
        write!(f, "{route}")
    }
}

/// Routes and rules that something happened to: how many, and some of them by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryList {
    routes: u32,
    rules: u32,
    named: Vec<Shared<str>>,
}

impl EntryList {
    /// One.
    #[must_use]
    pub fn one(entry: &Entry) -> EntryList {
        match entry {
            Entry::Route(route) => EntryList { routes: 1, rules: 0, named: vec![route.to_string().into()] },
            Entry::Rule(rule) => EntryList { routes: 0, rules: 1, named: vec![rule.to_string().into()] },
        }
    }

    /// A route that no line asks for.
    #[must_use]
    pub fn found(route: &FoundRoute) -> EntryList {
        EntryList { routes: 1, rules: 0, named: vec![route.to_string().into()] }
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.routes + self.rules
    }

    /// These, too.
    pub fn add(&mut self, others: EntryList) {
        self.routes += others.routes;
        self.rules += others.rules;
        let room = list::NAMED.saturating_sub(self.named.len());
        self.named.extend(others.named.into_iter().take(room));
    }
}

impl fmt::Display for EntryList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.routes, self.rules) {
            (1, 0) => f.write_str("route ")?,
            (0, 1) => f.write_str("rule ")?,
            (routes, 0) => write!(f, "{routes} routes: ")?,
            (0, rules) => write!(f, "{rules} rules: ")?,
            (routes, rules) => write!(f, "routes and rules ({routes} and {rules}): ")?,
        }
        for (at, name) in self.named.iter().enumerate() {
            write!(f, "{}{name}", if at == 0 { "" } else { ", " })?;
        }
        match self.count() as usize - self.named.len() {
            0 => Ok(()),
            more => write!(f, ", and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests;
