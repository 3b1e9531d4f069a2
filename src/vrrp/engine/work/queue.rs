//! What an instance waits for: addresses to be looked at, announcements, and what came of them so far.

use super::tell::Tells;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{AddressList, Refusal, Report};
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
enum List {
    Whole(Shared<[VirtualAddress]>),
    /// Of news that came one by one: somebody removes ten thousand addresses, each of which is to be set again.
    Gathered(Vec<VirtualAddress>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Apply,
    Announce,
}

/// Addresses that something happened to since the last report.
#[derive(Debug, Default)]
pub(super) struct Done {
    set: Option<AddressList>,
    removed: Option<AddressList>,
    leftovers: Option<AddressList>,
    /// Those that were to be set, or not, and why they were not.
    refused: Vec<(bool, Refusal, AddressList)>,
}

impl Queue {
    pub(super) fn has_changes(&self) -> bool {
        self.items.iter().any(|item| item.kind == Kind::Apply)
    }

    /// How many wishes for addresses wait.
    pub(super) fn wishes(&self) -> u64 {
        self.items.iter().filter(|item| item.kind == Kind::Apply).count() as u64
    }

    /// Adds a wish, which is merged with one that waits already.
    pub(super) fn push(&mut self, kind: Kind, addresses: &Shared<[VirtualAddress]>, rounds: usize) {
        // An announcement follows the addresses that were asked for before it: one that waits ahead of them does not count.
        let ahead = match kind {
            Kind::Apply => 0,
            Kind::Announce => self.items.iter().rposition(|i| i.kind == Kind::Apply).map_or(0, |at| at + 1),
        };
        let mut behind = self.items.iter_mut().skip(ahead).rev().filter(|item| item.kind == kind);
        let merged = match &**addresses {
            [one] => behind.next().is_some_and(|last| last.gather(one, rounds)),
            _ => behind.find_map(|item| item.repeat(addresses, rounds)).is_some(),
        };
        if !merged {
            self.items.push_back(Item::new(kind, addresses, rounds));
        }
    }
}

impl Item {
    fn new(kind: Kind, addresses: &Shared<[VirtualAddress]>, rounds: usize) -> Item {
        let left = addresses.len().saturating_mul(rounds);
        let list = match &**addresses {
            [one] => List::Gathered(vec![one.clone()]),
            _ => List::Whole(addresses.clone()),
        };
        Item { list, rounds, at: 0, left, kind }
    }

    /// Sees that all of these are looked at once more, if they are its own.
    fn repeat(&mut self, addresses: &Shared<[VirtualAddress]>, rounds: usize) -> Option<()> {
        let List::Whole(mine) = &self.list else { return None };
        (mine == addresses).then(|| self.left = self.left.max(addresses.len().saturating_mul(rounds)))
    }

    /// Takes another address in; false if it has begun with those that it has, or there are too many.
    fn gather(&mut self, one: &VirtualAddress, rounds: usize) -> bool {
        let List::Gathered(mine) = &mut self.list else { return false };
        if mine.as_slice() == std::slice::from_ref(one) {
            self.left = self.left.max(rounds);
            return true;
        }
        let untouched = self.at == 0 && self.left == mine.len() * self.rounds;
        if !untouched || rounds != self.rounds || mine.len() >= GATHERED {
            return false;
        }
        if !mine.iter().rev().take(LOOKED_BACK).any(|address| address == one) {
            mine.push(one.clone());
            self.left += rounds;
        }
        true
    }

    pub(super) fn next(&mut self) -> Option<VirtualAddress> {
        let list = match &self.list {
            List::Whole(list) => &**list,
            List::Gathered(list) => list,
        };
        self.left = self.left.checked_sub(1)?;
        let address = list.get(self.at)?.clone();
        self.at = (self.at + 1) % list.len();
        Some(address)
    }

    /// The address that was taken last is to be looked at again.
    pub(super) fn put_back(&mut self) {
        let len = match &self.list {
            List::Whole(list) => list.len(),
            List::Gathered(list) => list.len(),
        };
        self.at = self.at.checked_sub(1).unwrap_or(len.saturating_sub(1));
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

    fn count_refused(&mut self, add: bool, refusal: Refusal, list: AddressList) {
        match self.refused.iter_mut().find(|(to_set, why, _)| *to_set == add && *why == refusal) {
            Some((_, _, mine)) => mine.add(list),
            None => self.refused.push((add, refusal, list)),
        }
    }

    pub(super) fn add(&mut self, other: Done) {
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
        done.into_iter().flatten().chain(refused)
    }
}

fn add_to(mine: &mut Option<AddressList>, other: Option<AddressList>) {
    match (mine, other) {
        (Some(mine), Some(other)) => mine.add(other),
        (mine, other) => *mine = mine.take().or(other),
    }
}
