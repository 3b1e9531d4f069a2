//! Routes and rules: which are wanted, and which of those the kernel holds.
//!
//! Only what a configuration names is remembered, whatever else the kernel tells: a router has a million routes of other
//! programs. A route is known again by what the kernel tells of it ([`FoundRoute::is`]), a rule by all that it says.
//!
//! The kernel is silent about IPv4 routes that it drops because their interface went down, or an address that they need
//! went: those are in doubt then ([`Routing::doubt`]). Who wants them sets them again, which does nothing to one that is
//! there after all, and who does not removes them.

use super::links::Links;
use super::{Id, Outcome, STATICS};
use crate::net::{Family, IpNet};
use crate::vrrp::config::route::{PROTOCOL_KEEPALIVED, Route};
use crate::vrrp::config::rule::Rule;
use crate::vrrp::event::routing::{self, Entry, EntryList, FoundRoute, RoutePlace};
use crate::vrrp::event::{Change, IfIndex, Refusal};
use crate::vrrp::shared::Shared;
use std::collections::HashMap;
use std::collections::hash_map;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// What makes an entry the same in the kernel: not who watches it, nor where among others it was put.
#[derive(Clone, Debug)]
struct Same(Entry);

impl PartialEq for Same {
    fn eq(&self, other: &Same) -> bool {
        match (&self.0, &other.0) {
            (Entry::Route(a), Entry::Route(b)) => {
                a == b
                    || (a.destination == b.destination
                        && **a == Route { tracked: a.tracked, insert: a.insert, ..Route::clone(b) })
            }
            (Entry::Rule(a), Entry::Rule(b)) => {
                let (tracked, protocol) = (a.tracked, a.protocol);
                a == b || (a.priority == b.priority && **a == Rule { tracked, protocol, ..Rule::clone(b) })
            }
            _ => false,
        }
    }
}

impl Eq for Same {}

impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Entry::Route(route) => {
                (0, route.destination, route.table, route.metric, &route.next_hop).hash(state)
            }
            Entry::Rule(rule) => (1, rule.family, rule.priority, rule.from, rule.to, rule.action).hash(state),
        }
    }
}

/// By this the news of a route finds the lines that it may be.
type Key = (Family, IpNet, u32);

/// An entry that the kernel holds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Held {
    /// This program has set it, or one before it: the protocol number says so.
    ours: bool,
    /// The interface that it leads to.
    interface: Option<IfIndex>,
    /// The kernel may have dropped it without a word.
    in_doubt: bool,
}

/// Who is configured with which routes and rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::vrrp) struct WantedEntries {
    by: HashMap<Same, Vec<Id>>,
}

impl WantedEntries {
    /// It is configured with this one.
    pub(in crate::vrrp) fn add(&mut self, id: Id, entry: &Entry) {
        let ids = self.by.entry(Same(entry.clone())).or_insert_with(|| Vec::with_capacity(1));
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
}

/// Routes and rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Routing {
    wanted: WantedEntries,
    held: Holding,
    /// Routes of the configuration, and of the one before where the kernel still holds them.
    by_key: HashMap<Key, Vec<Shared<Route>>>,
    /// Those of them that go with an address.
    by_source: HashMap<IpAddr, Vec<Shared<Route>>>,
    /// What was told before there was a configuration, and has not been found in one.
    unclaimed: Found,
    is_configured: bool,
}

/// What the kernel holds, of what is configured.
pub(super) type HeldEntries = Holding;

/// See [`HeldEntries`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Holding(HashMap<Same, Held>);

/// Routes and rules that the kernel has told of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    pub(super) routes: Vec<FoundRoute>,
    pub(super) rules: Vec<Rule>,
}

impl Routing {
    /// Who is configured with the entry.
    pub(super) fn configured_with(&self, entry: &Entry) -> &[Id] {
        self.wanted.by.get(&Same(entry.clone())).map_or(&[], Vec::as_slice)
    }

    pub(super) fn holds(&self, entry: &Entry) -> bool {
        self.held.0.get(&Same(entry.clone())).is_some_and(|held| !held.in_doubt)
    }

    /// From now on these are wanted. Gives what the kernel had at start under this program's number, and nobody wants.
    pub(super) fn configure(&mut self, wanted: WantedEntries, links: &Links) -> Option<EntryList> {
        self.wanted = wanted;
        (self.by_key, self.by_source) = (HashMap::new(), HashMap::new());
        for Same(entry) in self.wanted.by.keys().chain(self.held.0.keys()) {
            let Entry::Route(route) = entry else { continue };
            let routes = self.by_key.entry(key(route)).or_insert_with(|| Vec::with_capacity(1));
            if !routes.contains(route) {
                routes.push(route.clone());
                if let Some(source) = route.preferred_source {
                    self.by_source.entry(source).or_default().push(route.clone());
                }
            }
        }
        if std::mem::replace(&mut self.is_configured, true) {
            return None;
        }
        let mut strangers = EntryList::default();
        let Found { routes, rules } = std::mem::take(&mut self.unclaimed);
        let mut held = std::mem::take(&mut self.held);
        for route in routes {
            if !self.found_route(&route, links, &mut held) && route.protocol == PROTOCOL_KEEPALIVED {
                strangers.add(EntryList::found(&route));
            }
        }
        for rule in rules {
            if !self.found_rule(&rule, &mut held) && rule.protocol == Some(PROTOCOL_KEEPALIVED) {
                strangers.add(EntryList::one(&Entry::rule(rule)));
            }
        }
        self.held = held;
        (strangers.count() > 0).then_some(strangers)
    }

    /// Takes in so many of what is told anew; true once there are no more. Before there is a configuration nothing can be
    /// said of them.
    pub(super) fn relearn_some(
        &self,
        found: &mut Found,
        links: &Links,
        held: &mut Holding,
        count: usize,
    ) -> bool {
        if !self.is_configured {
            return true;
        }
        let Found { routes, rules } = found;
        for route in routes.drain(routes.len().saturating_sub(count)..) {
            self.found_route(&route, links, held);
        }
        for rule in rules.drain(rules.len().saturating_sub(count)..) {
            self.found_rule(&rule, held);
        }
        routes.is_empty() && rules.is_empty()
    }

    /// From now on this is what the kernel holds.
    pub(super) fn replace(&mut self, held: Holding, unclaimed: Found) {
        let old = std::mem::replace(&mut self.held, held);
        for (same, new) in &mut self.held.0 {
            new.ours |= old.0.get(same).is_some_and(|old| old.ours);
        }
        self.unclaimed = unclaimed;
    }

    /// A route is there.
    pub(super) fn route(&mut self, found: &FoundRoute, links: &Links) {
        let mut held = std::mem::take(&mut self.held);
        self.found_route(found, links, &mut held);
        self.held = held;
    }

    /// A rule is there.
    pub(super) fn rule(&mut self, found: &Rule) {
        let mut held = std::mem::take(&mut self.held);
        self.found_rule(found, &mut held);
        self.held = held;
    }

    /// A route is gone: those of the lines that it was.
    pub(super) fn route_gone(&mut self, found: &FoundRoute, links: &Links) -> Vec<Entry> {
        let lines = self.lines(found, links);
        lines.into_iter().filter(|line| self.held.0.remove(&Same(line.clone())).is_some()).collect()
    }

    /// A rule is gone: the line that it was.
    pub(super) fn rule_gone(&mut self, found: &Rule) -> Vec<Entry> {
        let line = self.line(found).filter(|line| self.held.0.remove(&Same(line.clone())).is_some());
        line.into_iter().collect()
    }

    fn found_route(&self, found: &FoundRoute, links: &Links, held: &mut Holding) -> bool {
        let lines = self.lines(found, links);
        let is_known = !lines.is_empty();
        let interface = found.ways.first().and_then(|way| way.interface);
        for line in lines {
            held.insert(line, found.protocol == PROTOCOL_KEEPALIVED, interface);
        }
        is_known
    }

    fn found_rule(&self, found: &Rule, held: &mut Holding) -> bool {
        let line = self.line(found);
        let is_known = line.is_some();
        if let Some(line) = line {
            held.insert(line, found.protocol == Some(PROTOCOL_KEEPALIVED), None);
        }
        is_known
    }

    /// The lines of the configuration that a route may be.
    fn lines(&self, found: &FoundRoute, links: &Links) -> Vec<Entry> {
        let routes = self.by_key.get(&(found.family, found.destination, found.metric));
        let is_it = |route: &&Shared<Route>| place(route, links).is_some_and(|place| found.is(route, &place));
        routes.into_iter().flatten().filter(is_it).map(|route| Entry::Route(route.clone())).collect()
    }

    /// The line of the configuration that a rule is.
    fn line(&self, found: &Rule) -> Option<Entry> {
        let same = Same(Entry::rule(found.clone()));
        let wanted = self.wanted.by.get_key_value(&same).map(|(same, _)| same);
        let Same(line) = wanted.or_else(|| self.held.0.get_key_value(&same).map(|(same, _)| same))?;
        // Kernels before 4.17 don't remember who set it.
        let is_it = found.protocol.is_none_or(|number| number == line.protocol());
        is_it.then(|| line.clone())
    }

    /// What has to be done about the entry. Nothing where an interface that a route names is missing.
    pub(super) fn plan(
        &self,
        entry: &Entry,
        links: &Links,
        wants: impl Fn(Id) -> bool,
        out: &mut Vec<Change>,
    ) {
        let same = Same(entry.clone());
        let ids = self.wanted.by.get(&same).map_or(&[][..], Vec::as_slice);
        let mut held = self.held.0.get(&same);
        if let Some((route, place)) = held.and_then(|held| stranded(entry, held, links)) {
            out.push(Change::RemoveRoute { route, place });
            held = None;
        }
        match (ids.iter().any(|id| wants(*id)), held) {
            (true, None | Some(Held { in_doubt: true, .. })) => match entry {
                Entry::Route(route) => out.extend(
                    place(route, links).map(|place| Change::AddRoute { route: route.clone(), place }),
                ),
                Entry::Rule(rule) => out.push(Change::AddRule { rule: rule.clone() }),
            },
            // What was there before this program is not its own to remove from the statics.
            (false, Some(held)) if held.ours || !ids.contains(&STATICS) => match entry {
                Entry::Route(route) => out.extend(
                    place(route, links).map(|place| Change::RemoveRoute { route: route.clone(), place }),
                ),
                Entry::Rule(rule) => out.push(Change::RemoveRule { rule: rule.clone() }),
            },
            _ => {}
        }
    }

    /// Takes in what became of a change.
    pub(super) fn changed(&mut self, change: &Change, refusal: Option<&Refusal>) -> Outcome {
        let (entry, adds, interface) = match change {
            Change::AddRoute { route, place } => (Entry::Route(route.clone()), true, place.interface),
            Change::AddRule { rule } => (Entry::Rule(rule.clone()), true, None),
            Change::RemoveRoute { route, .. } => (Entry::Route(route.clone()), false, None),
            Change::RemoveRule { rule } => (Entry::Rule(rule.clone()), false, None),
            _ => return Outcome::AsWanted,
        };
        match (adds, refusal) {
            (true, None | Some(Refusal::Exists)) => {
                let ours = refusal.is_none();
                self.held.insert(entry, ours, interface);
                if ours { Outcome::Set } else { Outcome::AsWanted }
            }
            (false, None | Some(Refusal::NotThere | Refusal::NoInterface)) => {
                let held = self.held.0.remove(&Same(entry));
                match (refusal, held) {
                    (None, Some(Held { ours: false, .. })) => Outcome::LeftoverRemoved,
                    (None, _) => Outcome::Removed,
                    (Some(_), _) => Outcome::AsWanted,
                }
            }
            _ => Outcome::Refused { again: false },
        }
    }

    /// An interface is gone, and its routes with it.
    pub(super) fn forget(&mut self, interface: IfIndex) {
        self.held.0.retain(|_, held| held.interface != Some(interface));
    }

    /// What this program has set on an interface that had the name then which the configuration gives, and has another one
    /// now.
    pub(super) fn stranded(&self, interface: IfIndex, links: &Links) -> Vec<Entry> {
        let all = self.held.0.iter().filter(|(_, held)| held.interface == Some(interface));
        let stranded = all.filter(|(Same(entry), held)| stranded(entry, held, links).is_some());
        stranded.map(|(Same(entry), _)| entry.clone()).collect()
    }

    /// The kernel may have dropped the routes of an interface without a word. Gives those.
    pub(super) fn doubt(&mut self, interface: IfIndex, only_v4: bool) -> Vec<Entry> {
        let is_there = |entry: &Entry, held: &Held| match entry {
            Entry::Route(route) => {
                held.interface == Some(interface) && (route.family == Family::V4 || !only_v4)
            }
            Entry::Rule(_) => false,
        };
        let doubted = self.held.0.iter_mut().filter(|(Same(entry), held)| is_there(entry, held));
        doubted
            .map(|(Same(entry), held)| {
                held.in_doubt = true;
                entry.clone()
            })
            .collect()
    }

    /// The kernel has dropped the IPv4 routes that go with an address.
    pub(super) fn doubt_source(&mut self, address: IpAddr) -> Vec<Entry> {
        let routes = self.by_source.get(&address).into_iter().flatten();
        let lines = routes.map(|route| Entry::Route(route.clone()));
        let doubt = |line: &Entry| match self.held.0.get_mut(&Same(line.clone())) {
            Some(held) => !std::mem::replace(&mut held.in_doubt, true),
            None => false,
        };
        lines.filter(doubt).collect()
    }
}

impl Holding {
    fn insert(&mut self, entry: Entry, ours: bool, interface: Option<IfIndex>) {
        match self.0.entry(Same(entry)) {
            hash_map::Entry::Occupied(mut known) => {
                let held = known.get_mut();
                held.ours |= ours;
                held.interface = interface.or(held.interface);
                held.in_doubt = false;
            }
            hash_map::Entry::Vacant(free) => drop(free.insert(Held { ours, interface, in_doubt: false })),
        }
    }
}

fn key(route: &Route) -> Key {
    (route.family, route.destination, routing::metric(route))
}

/// Where a route is that leads to another interface by now than the one of the name that it was set with.
fn stranded(entry: &Entry, held: &Held, links: &Links) -> Option<(Shared<Route>, RoutePlace)> {
    let (Entry::Route(route), Some(interface)) = (entry, held.interface.filter(|_| held.ours)) else {
        return None;
    };
    let name = route.next_hop.interface.as_deref()?;
    let is_elsewhere = links.index_of(name) != Some(interface) && links.get(interface).is_some();
    let table = table_of(route, links).filter(|_| is_elsewhere)?;
    Some((route.clone(), RoutePlace { table, interface: Some(interface), next_hops: Vec::new() }))
}

/// The kernel's numbers of what a route names; `None` where an interface is missing.
fn place(route: &Route, links: &Links) -> Option<RoutePlace> {
    let index = |name: &Option<String>| match name {
        Some(name) => links.index_of(name).map(Some),
        None => Some(None),
    };
    let table = table_of(route, links)?;
    let next_hops = route.next_hops.iter().map(|hop| index(&hop.interface)).collect::<Option<_>>()?;
    Some(RoutePlace { table, interface: index(&route.next_hop.interface)?, next_hops })
}

fn table_of(route: &Route, links: &Links) -> Option<u32> {
    match &route.vrf {
        Some(vrf) => links.get(links.index_of(vrf)?)?.link.table,
        None => Some(route.table),
    }
}
