//! What an instance waits for: addresses, routes and rules to be looked at, announcements, and what came of them so far.

use super::tell::Tells;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{AddressList, Entry, EntryList, Refusal, Report};
use crate::vrrp::kernel::Outcome;
use crate::vrrp::shared::Shared;
use std::collections::VecDeque;

/// Single addresses that wait are one item, up to so many.
const GATHERED: usize = 1024;
/// Among so many of them an address that comes again is found.
const LOOKED_BACK: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) items: VecDeque<Item>,
    /// What is told, and behind which of the wishes for addresses.
    pub(super) tells: Tells,
    /// What came of the addresses so far.
    pub(super) done: Done,
}

#[derive(Debug)]
pub(super) struct Item {
    list: List,
    /// Each address is looked at so many times.
    rounds: usize,
    /// The next address to look at.
    at: usize,
    /// How many are left to look at, round and round.
    pub(super) left: usize,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum List {
    Addresses(ListOf<VirtualAddress>),
    Entries(ListOf<Entry>),
}

#[derive(Debug)]
pub(super) enum ListOf<T> {
    Whole(Shared<[T]>),
    /// Of news that came one by one: somebody removes ten thousand addresses, each of which is to be set again.
    Gathered(Vec<T>),
}

/// What is looked at.
#[derive(Debug)]
pub(super) enum Thing {
    Address(VirtualAddress),
    Entry(Entry),
}

/// What can be in a list.
pub(super) trait Listed: Clone + PartialEq {
    /// A list of such things, where the list is one.
    fn of(list: &mut List) -> Option<&mut ListOf<Self>>;
    fn list(list: ListOf<Self>) -> List;
}

impl Listed for VirtualAddress {
    fn of(list: &mut List) -> Option<&mut ListOf<Self>> {
        if let List::Addresses(list) = list { Some(list) } else { None }
    }

    fn list(list: ListOf<Self>) -> List {
        List::Addresses(list)
    }
}

impl Listed for Entry {
    fn of(list: &mut List) -> Option<&mut ListOf<Self>> {
        if let List::Entries(list) = list { Some(list) } else { None }
    }

    fn list(list: ListOf<Self>) -> List {
        List::Entries(list)
    }
}

impl<T: Clone> ListOf<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            ListOf::Whole(list) => list,
            ListOf::Gathered(list) => list,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Apply,
    Announce,
    /// Ask whether others have them.
    Probe,
}

/// What something happened to since the last report.
#[derive(Debug, Default)]
pub(super) struct Done {
    entries: DoneEntries,
    set: Option<AddressList>,
    removed: Option<AddressList>,
    leftovers: Option<AddressList>,
    /// Those that were to be set, or not, and why they were not.
    refused: Vec<(bool, Refusal, AddressList)>,
}

/// The same for routes and rules.
#[derive(Debug, Default)]
struct DoneEntries {
    set: EntryList,
    removed: EntryList,
    leftovers: EntryList,
    refused: Vec<(bool, Refusal, EntryList)>,
}

impl Queue {
    pub(super) fn has_changes(&self) -> bool {
        self.items.iter().any(|item| item.kind == Kind::Apply)
    }

    /// How many wishes for addresses wait.
    pub(super) fn wishes(&self) -> u64 {
        self.items.iter().filter(|item| item.kind == Kind::Apply).count() as u64
    }

    /// Which item's things are announced or asked about now, and how many of them: the first item's; or, where the first
    /// one's addresses are still being set and the next announces the same ones, of those that were looked at.
    pub(super) fn ready_to_say(&self) -> Option<(usize, usize)> {
        let (first, next) = (self.items.front()?, self.items.get(1));
        if first.kind != Kind::Apply {
            return Some((0, first.left));
        }
        let next = next.filter(|next| next.kind == Kind::Announce && next.is_of_those_of(first))?;
        let ready = first.first_round()?.saturating_sub(next.first_round()?);
        (ready > 0).then_some((1, ready))
    }

    /// Adds a wish, which is merged with one that waits already.
    pub(super) fn push<T: Listed>(&mut self, kind: Kind, things: &Shared<[T]>, rounds: usize) {
        // An announcement, or a question, follows the addresses that were asked for before it: one that waits ahead of them does not count.
        let ahead = match kind {
            Kind::Apply => 0,
            Kind::Announce | Kind::Probe => {
                self.items.iter().rposition(|i| i.kind == Kind::Apply).map_or(0, |at| at + 1)
            }
        };
        let mut behind = self.items.iter_mut().skip(ahead).rev().filter(|item| item.kind == kind);
        let merged = match &**things {
            [one] => behind.next().is_some_and(|last| last.gather(one, rounds)),
            _ => behind.find_map(|item| item.repeat(things, rounds)).is_some(),
        };
        if !merged {
            self.items.push_back(Item::new(kind, things, rounds));
        }
    }
}

impl Item {
    fn new<T: Listed>(kind: Kind, things: &Shared<[T]>, rounds: usize) -> Item {
        let left = things.len().saturating_mul(rounds);
        let list = match &**things {
            [one] => ListOf::Gathered(vec![one.clone()]),
            _ => ListOf::Whole(things.clone()),
        };
        Item { list: T::list(list), rounds, at: 0, left, kind }
    }

    /// Sees that all of these are looked at once more, if they are its own.
    fn repeat<T: Listed>(&mut self, things: &Shared<[T]>, rounds: usize) -> Option<()> {
        let ListOf::Whole(mine) = T::of(&mut self.list)? else { return None };
        (mine == things).then(|| self.left = self.left.max(things.len().saturating_mul(rounds)))
    }

    /// Takes another one in; false if it has begun with those that it has, or there are too many.
    fn gather<T: Listed>(&mut self, one: &T, rounds: usize) -> bool {
        let Some(ListOf::Gathered(mine)) = T::of(&mut self.list) else { return false };
        if mine.as_slice() == std::slice::from_ref(one) {
            self.left = self.left.max(rounds);
            return true;
        }
        let untouched = self.at == 0 && self.left == mine.len() * self.rounds;
        if !untouched || rounds != self.rounds || mine.len() >= GATHERED {
            return false;
        }
        if !mine.iter().rev().take(LOOKED_BACK).any(|other| other == one) {
            mine.push(one.clone());
            self.left += rounds;
        }
        true
    }

    /// How many it has looked at in its first round; none if that is over, or it has begun anew.
    fn first_round(&self) -> Option<usize> {
        (self.left + self.at == self.len() * self.rounds).then_some(self.at)
    }

    /// Whether both are of one list of addresses.
    fn is_of_those_of(&self, other: &Item) -> bool {
        match (&self.list, &other.list) {
            (List::Addresses(ListOf::Whole(mine)), List::Addresses(ListOf::Whole(others))) => mine.is(others),
            _ => false,
        }
    }

    fn len(&self) -> usize {
        match &self.list {
            List::Addresses(list) => list.as_slice().len(),
            List::Entries(list) => list.as_slice().len(),
        }
    }

    pub(super) fn next(&mut self) -> Option<Thing> {
        self.left = self.left.checked_sub(1)?;
        let (thing, len) = match &self.list {
            List::Addresses(list) => {
                let list = list.as_slice();
                (Thing::Address(list.get(self.at)?.clone()), list.len())
            }
            List::Entries(list) => {
                let list = list.as_slice();
                (Thing::Entry(list.get(self.at)?.clone()), list.len())
            }
        };
        self.at = (self.at + 1) % len;
        Some(thing)
    }

    /// The address that was taken last is to be looked at again.
    pub(super) fn put_back(&mut self) {
        self.at = self.at.checked_sub(1).unwrap_or(self.len().saturating_sub(1));
        self.left += 1;
    }
}

impl Done {
    pub(super) fn count(&mut self, outcome: Outcome, add: bool, list: AddressList, refusal: Option<Refusal>) {
        let mine = match (outcome, refusal) {
            (Outcome::Set, _) => &mut self.set,
            (Outcome::Removed, _) => &mut self.removed,
            (Outcome::LeftoverRemoved, _) => &mut self.leftovers,
            (Outcome::Refused { again: false }, Some(refusal)) => {
                return self.count_refused(add, refusal, list);
            }
            (Outcome::AsWanted | Outcome::ToBeSetAnew | Outcome::Refused { .. }, _) => return,
        };
        add_to(mine, Some(list));
    }

    /// The same for a route or rule.
    pub(super) fn count_entry(
        &mut self,
        outcome: Outcome,
        add: bool,
        list: EntryList,
        refusal: Option<Refusal>,
    ) {
        match (outcome, refusal) {
            (Outcome::Set, _) => self.entries.set.add(list),
            (Outcome::Removed, _) => self.entries.removed.add(list),
            (Outcome::LeftoverRemoved, _) => self.entries.leftovers.add(list),
            (Outcome::Refused { again: false }, Some(refusal)) => {
                self.entries.count_refused(add, refusal, list);
            }
            (Outcome::AsWanted | Outcome::ToBeSetAnew | Outcome::Refused { .. }, _) => {}
        }
    }

    fn count_refused(&mut self, add: bool, refusal: Refusal, list: AddressList) {
        match self.refused.iter_mut().find(|(to_set, why, _)| *to_set == add && *why == refusal) {
            Some((_, _, mine)) => mine.add(list),
            None => self.refused.push((add, refusal, list)),
        }
    }

    pub(super) fn add(&mut self, other: Done) {
        self.entries.add(other.entries);
        add_to(&mut self.set, other.set);
        add_to(&mut self.removed, other.removed);
        add_to(&mut self.leftovers, other.leftovers);
        other.refused.into_iter().for_each(|(add, refusal, list)| self.count_refused(add, refusal, list));
    }

    pub(super) fn reports(self) -> impl Iterator<Item = Report> {
        let done = [
            self.removed.map(Report::AddressesRemoved),
            self.leftovers.map(Report::LeftoversRemoved),
            self.set.map(Report::AddressesSet),
        ];
        let refused = self.refused.into_iter();
        let refused =
            refused.map(|(add, refusal, addresses)| Report::AddressesRefused { add, addresses, refusal });
        done.into_iter().flatten().chain(refused).chain(self.entries.reports())
    }
}

impl DoneEntries {
    fn count_refused(&mut self, add: bool, refusal: Refusal, list: EntryList) {
        match self.refused.iter_mut().find(|(to_set, why, _)| *to_set == add && *why == refusal) {
            Some((_, _, mine)) => mine.add(list),
            None => self.refused.push((add, refusal, list)),
        }
    }

    fn add(&mut self, other: DoneEntries) {
        self.set.add(other.set);
        self.removed.add(other.removed);
        self.leftovers.add(other.leftovers);
        other.refused.into_iter().for_each(|(add, refusal, list)| self.count_refused(add, refusal, list));
    }

    fn reports(self) -> impl Iterator<Item = Report> {
        let done = [
            (self.removed.count() > 0).then_some(Report::EntriesRemoved(self.removed)),
            (self.leftovers.count() > 0).then_some(Report::EntryLeftoversRemoved(self.leftovers)),
            (self.set.count() > 0).then_some(Report::EntriesSet(self.set)),
        ];
        let refused = self.refused.into_iter();
        let refused = refused.map(|(add, refusal, entries)| Report::EntriesRefused { add, entries, refusal });
        done.into_iter().flatten().chain(refused)
    }
}

fn add_to(mine: &mut Option<AddressList>, other: Option<AddressList>) {
    match (mine, other) {
        (Some(mine), Some(other)) => mine.add(other),
        (mine, other) => *mine = mine.take().or(other),
    }
}
