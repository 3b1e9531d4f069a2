//! What an instance wants in the kernel besides its addresses: routes and rules; and in which order.

use super::{Instance, State};
use crate::net::MacAddr;
use crate::vrrp::config::route::Route;
use crate::vrrp::config::rule::Rule;
use crate::vrrp::event::{Action, Actions, Entry, Name, Report, routing};
use crate::vrrp::shared::Shared;
use std::collections::HashSet;

impl Instance {
    /// Its routes, and then its rules.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.routes.iter().chain(self.rules.iter())
    }

    /// Whether these are its routes and rules.
    pub(super) fn has_entries(&self, routes: &[Route], rules: &[Rule]) -> bool {
        let is_route = |(known, asked): (&Entry, &Route)| matches!(known, Entry::Route(r) if **r == *asked);
        let is_rule = |(known, asked): (&Entry, &Rule)| matches!(known, Entry::Rule(r) if **r == routing::told(asked.clone()));
        routes.len() == self.routes.len()
            && rules.len() == self.rules.len()
            && self.routes.iter().zip(routes).all(is_route)
            && self.rules.iter().zip(rules).all(is_rule)
    }

    /// Everything that it has is to be looked at. As keepalived: a master's addresses come first, since routes need them,
    /// and go last.
    pub(super) fn apply_all(&self, out: &mut Actions) {
        let addresses = self.apply(&self.addresses);
        if self.wants_addresses() {
            out.push(addresses);
            self.apply_entries(&self.routes, out);
            self.apply_entries(&self.rules, out);
        } else {
            self.apply_entries(&self.rules, out);
            self.apply_entries(&self.routes, out);
            out.push(addresses);
        }
    }

    pub(super) fn apply_entries(&self, entries: &Shared<[Entry]>, out: &mut Actions) {
        if !entries.is_empty() {
            let (instance, entries) = (self.config.name.clone(), entries.clone());
            out.push(Action::ApplyEntries { instance, entries });
        }
    }

    /// An interface has another Ethernet address: a master's virtual addresses there are announced with it.
    pub(in crate::vrrp) fn mac_changed(&self, interface: &Name, mac: MacAddr, out: &mut Actions) {
        if !matches!(self.state, State::Master { .. }) {
            return;
        }
        let there = self.addresses.iter().filter(|address| *address.interface == **interface);
        let there: Vec<_> = there.cloned().collect();
        if !there.is_empty() {
            out.push(self.report(Report::MacChanged { interface: interface.clone(), mac }));
            out.push(self.announce(&there.into(), self.config.garp.master_repeat));
        }
    }

    /// Routes and rules of this instance are to be set again: somebody took them, or the kernel refused them before.
    pub(in crate::vrrp) fn entries_missing(&self, missing: &Shared<[Entry]>, out: &mut Actions) {
        if self.wants_addresses() {
            self.apply_entries(missing, out);
        }
    }
}

/// Those of `from` that are not in `other`.
pub(super) fn missing(from: &[Entry], other: &[Entry]) -> Shared<[Entry]> {
    let other: HashSet<&Entry> = other.iter().collect();
    from.iter().filter(|entry| !other.contains(entry)).cloned().collect()
}
