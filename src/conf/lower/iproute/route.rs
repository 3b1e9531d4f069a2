//! A line of `virtual_routes` or `static_routes`: `[TYPE] NETWORK` and its options, in any order.

use super::super::Lower;
use super::track_group::TrackGroups;
use super::values::Network;
use super::{Entry, encap, nexthop};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::lexer::Word;
use crate::conf::schema::{Block, Keyword};
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::net::{Family, NameTable};
use crate::vrrp::config::route::{
    CongestionControl, Insert, Metric, MetricValue, NextHop, PROTOCOL_KEEPALIVED, Route, RouteKind,
};

/// Reads one line, with its track group if it may have one; `None` where keepalived leaves the route out.
pub(in crate::conf::lower) fn lower(
    cx: &mut Lower<'_, '_>,
    grammar: &'static Block,
    line: &Statement,
    groups: Option<&TrackGroups>,
) -> Option<(Route, Option<String>)> {
    let mut entry = Entry::new(cx, line, "route");
    let mut draft = Draft {
        route: Route::new(Network::Any.net(Family::V4)),
        destination: None,
        from: None,
        protocol: None,
        or: None,
        track_group: None,
    };
    draft.route.protocol = None;
    while let Some(word) = entry.take() {
        match grammar.find(&word.text) {
            Some(keyword) => draft.option(&mut entry, word, keyword, groups)?,
            None => draft.destination(&mut entry, word, grammar)?,
        }
    }
    draft.finish(&mut entry)
}

struct Draft {
    route: Route,
    destination: Option<(Network, Span)>,
    from: Option<Network>,
    protocol: Option<Span>,
    or: Option<Span>,
    track_group: Option<(String, Span)>,
}

impl Draft {
    fn option(
        &mut self,
        entry: &mut Entry<'_, '_, '_>,
        word: &Word<'_>,
        keyword: &'static Keyword,
        groups: Option<&TrackGroups>,
    ) -> Option<()> {
        if !matches!(keyword.name, "to" | "or" | "nexthop" | "track_group") {
            entry.once(keyword, word.span);
        }
        let route = &mut self.route;
        match keyword.canonical() {
            "inet" => entry.family_word(word, Family::V4)?,
            "inet6" => entry.family_word(word, Family::V6)?,
            "to" => {
                let word = entry.value(word)?;
                self.typed_destination(entry, word)?;
            }
            "src" => route.preferred_source = Some(entry.address(word)?),
            "from" => {
                let value = entry.value(word)?;
                let network = entry.network(value)?;
                if !matches!(network, Network::Net(net) if net.address.is_ipv6()) {
                    return entry.refuse(&codes::ENTRY_FAMILY, value.span, "`from` is for IPv6 routes only");
                }
                self.from = Some(network);
            }
            "via" => {
                if keyword.name == "gw" {
                    let diagnostic =
                        Diagnostic::new(&codes::OLD_OPTION, word.span, "`gw` is an old spelling of `via`");
                    entry.cx.sink.push(diagnostic.help("write `via`").instead("via"));
                }
                route.next_hop.via = Some(entry.gateway(word)?);
            }
            "dev" => route.next_hop.interface = Some(entry.interface(word)?),
            "onlink" => route.next_hop.onlink = true,
            "realms" => route.next_hop.realms = Some(entry.realms(word)?),
            "encap" => route.next_hop.encap = encap::lower(entry, word).or(route.next_hop.encap.take()),
            "nexthop" => self.next_hops(entry, word)?,
            "or" => self.or(entry, word)?,
            "table" => route.table = entry.name(word, NameTable::Tables)?,
            "vrf" => route.vrf = Some(entry.interface(word)?),
            "protocol" => {
                route.protocol = entry.name(word, NameTable::Protocols)?.try_into().ok();
                self.protocol = Some(word.span);
            }
            "scope" => route.scope = entry.name(word, NameTable::Scopes)?.try_into().ok(),
            "tos" => route.tos = Some(entry.field(word)?),
            "metric" => route.metric = Some(entry.u32(word, keyword)?),
            "expires" => {
                entry.settle(Family::V6, word.span)?;
                route.expires = Some(entry.u32(word, keyword)?);
            }
            "features" => {
                let value = entry.value(word)?;
                match value.text.as_ref() {
                    "ecn" => route.ecn = true,
                    _ => entry.cx.bad_choice(value, "feature", &["ecn"]),
                }
            }
            "congctl" => {
                let locked = entry.take_if("lock");
                let name = entry.value(word)?.text.to_string();
                route.congestion_control = Some(CongestionControl { name, locked });
            }
            "pref" => {
                entry.settle(Family::V6, word.span)?;
                route.router_preference = Some(preference(entry, word)?);
            }
            "ttl-propagate" => {
                let value = entry.value(word)?;
                match value.text.as_ref() {
                    "enabled" => route.ttl_propagate = Some(true),
                    "disabled" => route.ttl_propagate = Some(false),
                    _ => entry.cx.bad_choice(value, "setting of ttl-propagate", &["enabled", "disabled"]),
                }
            }
            "add" => route.insert = Insert::Add,
            "append" => route.insert = Insert::Append,
            "prepend" => route.insert = Insert::Prepend,
            "no_track" => route.tracked = false,
            "as" => {
                entry.take_if("to");
                entry.value(word)?;
                let message = "`as` is for MPLS only; it has no effect";
                entry.cx.report(&codes::OPTION_WITHOUT_EFFECT, word.span, message);
            }
            "track_group" => {
                let value = entry.value(word)?;
                if let Some(groups) = groups {
                    groups.choose(entry, word, value, &mut self.track_group);
                }
            }
            _ => self.metric(entry, word, keyword)?,
        }
        Some(())
    }

    fn metric(
        &mut self,
        entry: &mut Entry<'_, '_, '_>,
        word: &Word<'_>,
        keyword: &'static Keyword,
    ) -> Option<()> {
        let (metric, per_ms) = match keyword.name {
            "mtu" => (Metric::Mtu, None),
            "window" => (Metric::Window, None),
            "rtt" => (Metric::Rtt, Some(8)),
            "rttvar" => (Metric::RttVar, Some(4)),
            "rto_min" => (Metric::RtoMin, Some(1)),
            "ssthresh" => (Metric::SsThresh, None),
            "cwnd" => (Metric::Cwnd, None),
            "advmss" => (Metric::AdvMss, None),
            "reordering" => (Metric::Reordering, None),
            "hoplimit" => (Metric::HopLimit, None),
            "initcwnd" => (Metric::InitCwnd, None),
            "initrwnd" => (Metric::InitRwnd, None),
            "quickack" => (Metric::QuickAck, None),
            "fastopen_no_cookie" => (Metric::FastOpenNoCookie, None),
            _ => return Some(()),
        };
        let locked = keyword.args.len() > 1 && entry.take_if("lock");
        let value = match per_ms {
            Some(per_ms) => entry.time(word, per_ms)?,
            None => entry.u32(word, keyword)?,
        };
        self.route.metrics.insert(metric, MetricValue { value, locked });
        Some(())
    }

    /// A word that is no option: a type, with the destination behind it, or the destination.
    fn destination(
        &mut self,
        entry: &mut Entry<'_, '_, '_>,
        word: &Word<'_>,
        grammar: &'static Block,
    ) -> Option<()> {
        let is_network = matches!(word.text.as_ref(), "default" | "any" | "all" | "default6")
            || word.text.contains([':', '.', '/'])
            || kind(&word.text).is_some();
        if !is_network {
            entry.unknown(word, grammar, "the route is left out");
            return None;
        }
        self.typed_destination(entry, word)
    }

    fn typed_destination(&mut self, entry: &mut Entry<'_, '_, '_>, word: &Word<'_>) -> Option<()> {
        let mut at = word.span;
        let network = match kind(&word.text) {
            Some(kind) => {
                self.route.kind = kind;
                let word = entry.value(word)?;
                at = word.span;
                entry.network(word)?
            }
            None => entry.network(word)?,
        };
        if let Some((_, first)) = self.destination.replace((network, at)) {
            let message = "a second destination; the first one is passed over";
            let diagnostic = Diagnostic::new(&codes::REPEATED_OPTION, at, message);
            entry.cx.sink.push(diagnostic.also(first, "the first one"));
        }
        Some(())
    }

    /// `or ADDRESS`: the gateway and this one as next hops.
    fn or(&mut self, entry: &mut Entry<'_, '_, '_>, word: &Word<'_>) -> Option<()> {
        let diagnostic = Diagnostic::new(&codes::OLD_OPTION, word.span, "`or` is an old form of `nexthop`");
        entry
            .cx
            .sink
            .push(diagnostic.help("write `nexthop via ADDRESS nexthop via ADDRESS` at the end of the line"));
        let address = entry.address(word)?;
        if let Some(first) = self.or {
            let message = "a second `or`; it has no effect";
            let diagnostic = Diagnostic::new(&codes::NEXT_HOPS, word.span, message);
            entry.cx.sink.push(diagnostic.also(first, "the first one"));
            return Some(());
        }
        self.or = Some(word.span);
        let first = NextHop { via: self.route.next_hop.via.take(), ..NextHop::default() };
        self.route.next_hops = vec![first, NextHop { via: Some(address), ..NextHop::default() }];
        Some(())
    }

    fn next_hops(&mut self, entry: &mut Entry<'_, '_, '_>, word: &Word<'_>) -> Option<()> {
        if let Some(or) = self.or {
            let message = "`nexthop` and `or` in one route; it is left out";
            let diagnostic = Diagnostic::new(&codes::NEXT_HOPS, word.span, message);
            entry.cx.sink.push(diagnostic.also(or, "`or` stands here"));
            return None;
        }
        nexthop::lower(entry, &mut self.route.next_hops);
        Some(())
    }

    fn finish(mut self, entry: &mut Entry<'_, '_, '_>) -> Option<(Route, Option<String>)> {
        let Some((destination, _)) = self.destination else {
            return entry.refuse(&codes::NO_DESTINATION, entry.line, "a route must have a destination");
        };
        let family = entry.family.map_or(Family::V4, |(family, _)| family);
        let route = &mut self.route;
        route.family = family;
        route.destination = destination.net(family);
        route.from = self.from.map(|from| from.net(family));
        if route.tracked {
            if let Some(span) = self.protocol
                && route.protocol != Some(PROTOCOL_KEEPALIVED)
            {
                let message = "a tracked route has the protocol keepalived (18); this one has no effect";
                let diagnostic = Diagnostic::new(&codes::PROTOCOL_RESET, span, message);
                entry.cx.sink.push(diagnostic.help("add `no_track` to keep it"));
            }
            route.protocol = Some(PROTOCOL_KEEPALIVED);
            if route.next_hop.interface.is_none() {
                let message = "a route without `dev` is not tracked";
                let diagnostic = Diagnostic::new(&codes::UNTRACKED, entry.line, message);
                let help = "add `dev INTERFACE` for the instance to notice when it is deleted, or `no_track`";
                entry.cx.sink.push(diagnostic.help(help));
                route.tracked = false;
            }
        }
        if let Some((_, span)) = self.track_group.take_if(|_| route.next_hop.interface.is_none()) {
            let message = "a static route without `dev` can't have a track_group; it has no effect";
            entry.cx.report(&codes::TRACK_GROUP, span, message);
        }
        Some((self.route, self.track_group.map(|(name, _)| name)))
    }
}

/// The preference of a router as RFC 4191 §2.1 numbers it.
fn preference(entry: &mut Entry<'_, '_, '_>, option: &Word<'_>) -> Option<u8> {
    let value = entry.value(option)?;
    match value.text.as_ref() {
        "low" => Some(3),
        "medium" => Some(0),
        "high" => Some(1),
        text if text.bytes().all(|b| b.is_ascii_digit()) => {
            entry.cx.integer_word(value, 0, 255).and_then(|n| u8::try_from(n).ok())
        }
        _ => {
            entry.cx.bad_choice(value, "preference of a router", &["low", "medium", "high"]);
            None
        }
    }
}

/// A type of routes, by name or number.
pub(super) fn kind(text: &str) -> Option<RouteKind> {
    Some(match text {
        "unicast" | "1" => RouteKind::Unicast,
        "local" | "2" => RouteKind::Local,
        "broadcast" | "brd" | "3" => RouteKind::Broadcast,
        "anycast" | "4" => RouteKind::Anycast,
        "multicast" | "5" => RouteKind::Multicast,
        "blackhole" | "6" => RouteKind::Blackhole,
        "unreachable" | "7" => RouteKind::Unreachable,
        "prohibit" | "8" => RouteKind::Prohibit,
        "throw" | "9" => RouteKind::Throw,
        "nat" | "10" => RouteKind::Nat,
        "xresolve" | "11" => RouteKind::XResolve,
        number => RouteKind::Other(crate::conf::number::unsigned(number).and_then(|n| u8::try_from(n).ok())?),
    })
}
