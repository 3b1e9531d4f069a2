//! A node's routes and rules: they come and go with what the kernel does to links and addresses, of which it says little.

use std::collections::BTreeMap;
use std::net::IpAddr;
use vipd::net::Family;
use vipd::vrrp::config::route::{PROTOCOL_KEEPALIVED, Route};
use vipd::vrrp::event::routing::metric;
use vipd::vrrp::event::{Change, Entry, Event, FoundRoute, IfIndex, Refusal, RoutePlace, Way};

/// What the kernel holds, by what it is called in a log.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    held: BTreeMap<String, Held>,
}

#[derive(Clone, Debug)]
enum Held {
    Route(FoundRoute),
    Rule(Box<vipd::vrrp::config::rule::Rule>),
}

impl Held {
    fn event(self, is_there: bool) -> Event<'static> {
        match (self, is_there) {
            (Held::Route(route), true) => Event::Route(route),
            (Held::Route(route), false) => Event::RouteGone(route),
            (Held::Rule(rule), true) => Event::Rule(rule),
            (Held::Rule(rule), false) => Event::RuleGone(rule),
        }
    }
}

fn found(route: &Route, place: &RoutePlace) -> FoundRoute {
    FoundRoute {
        family: route.family,
        destination: route.destination,
        from: route.from,
        table: place.table,
        kind: route.kind,
        protocol: PROTOCOL_KEEPALIVED,
        scope: 0,
        tos: 0,
        metric: metric(route),
        preferred_source: route.preferred_source,
        ways: vec![Way { via: route.next_hop.via, interface: place.interface }],
    }
}

impl Routing {
    /// Makes a change; gives the news of it.
    pub(crate) fn change(
        &mut self,
        change: &Change,
        up: impl Fn(IfIndex) -> Option<bool>,
        has: impl Fn(IpAddr) -> bool,
    ) -> Result<Event<'static>, Refusal> {
        let entry = change.entry().expect("a route or rule");
        let name = entry.to_string();
        if !change.adds() {
            return self.held.remove(&name).map(|held| held.event(false)).ok_or(Refusal::NotThere);
        }
        let held = match (&entry, change) {
            (Entry::Route(route), Change::AddRoute { place, .. }) => {
                match place.interface.map(up) {
                    Some(None) => return Err(Refusal::NoInterface),
                    Some(Some(false)) => return Err(Refusal::Other("network is down".into())),
                    Some(Some(true)) | None => {}
                }
                if route.preferred_source.is_some_and(|source| !has(source)) {
                    return Err(Refusal::Other("invalid argument".into()));
                }
                Held::Route(found(route, place))
            }
            (Entry::Rule(rule), _) => Held::Rule(Box::new((**rule).clone())),
            (Entry::Route(_), _) => unreachable!("a route without a place"),
        };
        if self.held.contains_key(&name) {
            return Err(Refusal::Exists);
        }
        self.held.insert(name, held.clone());
        Ok(held.event(true))
    }

    /// An interface went down: the kernel says something of IPv6 routes only.
    pub(crate) fn link_down(&mut self, index: IfIndex) -> Vec<Event<'static>> {
        let on_it = |held: &Held| matches!(held, Held::Route(r) if r.ways[0].interface == Some(index));
        let gone: Vec<_> = self.held.extract_if(.., |_, held| on_it(held)).map(|(_, held)| held).collect();
        let said = gone.into_iter().filter(|held| matches!(held, Held::Route(r) if r.family == Family::V6));
        said.map(|held| held.event(false)).collect()
    }

    /// An address went, the last of IPv4 on the interface perhaps: the kernel says nothing.
    pub(crate) fn address_gone(&mut self, index: IfIndex, address: IpAddr, was_last: bool) {
        self.held.retain(|_, held| match held {
            Held::Route(route) if address.is_ipv4() && route.family == Family::V4 => {
                let on_it = was_last && route.ways[0].interface == Some(index);
                route.preferred_source != Some(address) && !on_it
            }
            _ => true,
        });
    }

    /// Somebody removes one.
    pub(crate) fn take(&mut self, nth: usize) -> Option<Event<'static>> {
        let name = self.held.keys().nth(nth % self.held.len().max(1))?.clone();
        self.held.remove(&name).map(|held| held.event(false))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.held.keys()
    }

    /// Everything.
    pub(crate) fn all(&self) -> (Vec<FoundRoute>, Vec<vipd::vrrp::config::rule::Rule>) {
        let (mut routes, mut rules) = (Vec::new(), Vec::new());
        for held in self.held.values().cloned() {
            match held {
                Held::Route(route) => routes.push(route),
                Held::Rule(rule) => rules.push(*rule),
            }
        }
        (routes, rules)
    }

    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }
}
