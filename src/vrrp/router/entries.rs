//! The instances' routes and rules in the kernel: what is missing, what the engine is to change, what became of it.

use super::{Retry, Router, Thing, statics};
use crate::time::Instant;
use crate::vrrp::config::rule::Rule;
use crate::vrrp::event::{
    Action, Actions, Change, Entry, EntryList, FoundRoute, IfIndex, Name, Refusal, Report,
};
use crate::vrrp::kernel::{Id, Outcome, STATICS};
use crate::vrrp::shared::Shared;
use std::collections::BTreeMap;
use std::net::IpAddr;

impl Router {
    /// Whether what this id has is wanted in the kernel.
    pub(super) fn wants(&self, id: Id) -> bool {
        id == STATICS || self.instances.get(&id).is_some_and(|slot| slot.instance.wants_addresses())
    }

    /// A route is gone: somebody removed it, or the kernel did, because of a removal of our own.
    pub(super) fn route_gone(&mut self, route: &FoundRoute, out: &mut Actions) {
        let gone = self.kernel.route_gone(route);
        if !self.removals.concern_route(route) {
            self.note_entries_taken(&gone, out);
        }
        self.set_again(&gone, out);
    }

    /// Somebody removed a rule.
    pub(super) fn rule_gone(&mut self, rule: &Rule, out: &mut Actions) {
        let gone = self.kernel.rule_gone(rule);
        self.note_entries_taken(&gone, out);
        self.set_again(&gone, out);
    }

    fn note_entries_taken(&mut self, taken: &[Entry], out: &mut Actions) {
        for (id, entries) in self.by_owner(taken) {
            for entry in entries {
                let instance = self.instances.get(&id).map(|slot| slot.instance.name().clone());
                let report = Report::EntriesTaken(EntryList::one(&entry));
                out.push(Action::Report { instance, report });
                self.note_taken(Thing::Entry(entry));
            }
        }
    }

    /// The kernel dropped routes by itself, with an address that somebody removed: they are lost if they can't be set again.
    pub(super) fn set_dropped(&mut self, out: &mut Actions) {
        let dropped = self.kernel.take_dropped();
        for entry in self.by_owner(&dropped).into_values().flatten() {
            self.note_taken(Thing::Entry(entry));
        }
        self.set_again(&dropped, out);
    }

    /// The kernel dropped routes by itself, with an address that this program removed: the configuration wants it so.
    pub(super) fn set_dropped_by_us(&mut self, out: &mut Actions) {
        let dropped = self.kernel.take_dropped();
        self.set_again(&dropped, out);
    }

    /// A link was down for so short a time that nobody was told: its routes may be lost.
    pub(super) fn set_lost_on(&mut self, link: IfIndex, out: &mut Actions) {
        let lost = self.kernel.lose_routes(link);
        self.set_again(&lost, out);
    }

    /// Whoever wants them sets them again.
    fn set_again(&self, entries: &[Entry], out: &mut Actions) {
        for (id, entries) in self.by_owner(entries) {
            self.set_entries(id, &entries.into(), out);
        }
    }

    /// Asks that these be set, which are wanted by whom the id is.
    fn set_entries(&self, id: Id, entries: &Shared<[Entry]>, out: &mut Actions) {
        match self.instances.get(&id) {
            Some(slot) => slot.instance.entries_missing(entries, out),
            None => statics::apply_entries(entries, out),
        }
    }

    /// Those of the entries that somebody wants now, by who does.
    fn by_owner(&self, entries: &[Entry]) -> BTreeMap<Id, Vec<Entry>> {
        let mut wanted: BTreeMap<Id, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            for &id in self.kernel.entry_configured_with(entry).iter().filter(|id| self.wants(**id)) {
                wanted.entry(id).or_default().push(entry.clone());
            }
        }
        wanted
    }

    /// Sets what an instance wants and the kernel does not hold.
    pub(super) fn set_missing_entries(&self, id: Id, out: &mut Actions) {
        let Some(slot) = self.instances.get(&id).filter(|_| self.wants(id)) else { return };
        let missing: Vec<Entry> =
            slot.instance.entries().filter(|entry| !self.kernel.holds_entry(entry)).cloned().collect();
        if !missing.is_empty() {
            slot.instance.entries_missing(&missing.into(), out);
        }
    }

    /// What has to be done in the kernel about a route or rule, at this moment.
    pub fn plan_entry(&self, entry: &Entry, out: &mut Vec<Change>) {
        self.kernel.plan_entry(entry, |id| self.wants(id), out);
    }

    /// Takes in what became of a change of a route or rule. One that was refused is tried
    /// again then.
    pub(super) fn entry_changed(
        &mut self,
        again: Instant,
        instance: &Name,
        entry: Entry,
        outcome: Outcome,
        refusal: Option<&Refusal>,
    ) -> Outcome {
        if !matches!(outcome, Outcome::Refused { .. }) || refusal.is_none() {
            self.refused_entries.remove(&entry);
            return outcome;
        }
        self.retry_entry(again, instance, entry.clone());
        Outcome::Refused { again: !self.refused_entries.insert(entry) }
    }

    /// It is a route that goes with an address, and the kernel refused that one: it is tried again by itself.
    pub(super) fn waits_for_an_address(&self, entry: &Entry) -> bool {
        let Entry::Route(route) = entry else { return false };
        let is_refused = |source| self.refused.iter().any(|(_, net)| net.address == source);
        route.preferred_source.is_some_and(is_refused)
    }

    /// An address is there: routes that were refused for want of it are tried again.
    pub(super) fn retry_refused_for(&mut self, now: Instant, instance: &Name, address: IpAddr) {
        if self.refused_entries.is_empty() {
            return;
        }
        let needs_it =
            |entry: &&Entry| matches!(entry, Entry::Route(r) if r.preferred_source == Some(address));
        let refused: Vec<Entry> = self.refused_entries.iter().filter(needs_it).cloned().collect();
        refused.into_iter().for_each(|entry| self.retry_entry(now, instance, entry));
    }

    /// Those of a job that are to be tried again are tried together.
    pub(super) fn retry_entry(&mut self, at: Instant, instance: &Name, entry: Entry) {
        let behind = self.retries.partition_point(|(other, _)| *other <= at);
        match behind.checked_sub(1).and_then(|last| self.retries.get_mut(last)) {
            Some((last, Retry::Entries { instance: other, entries })) if *last == at && other == instance => {
                entries.push(entry);
            }
            _ => {
                let (instance, entries) = (instance.clone(), vec![entry]);
                self.retries.insert(behind, (at, Retry::Entries { instance, entries }));
            }
        }
    }

    /// Whoever wants them by now sets them.
    pub(super) fn try_entries_again(&self, instance: Name, mut entries: Vec<Entry>, out: &mut Actions) {
        for (id, wanted) in self.by_owner(&entries) {
            entries.retain(|entry| !wanted.contains(entry));
            self.set_entries(id, &wanted.into(), out);
        }
        if !entries.is_empty() {
            out.push(Action::ApplyEntries { instance, entries: entries.into() });
        }
    }
}
