//! What waits to be done: addresses to be changed, announcements to be sent.
//!
//! Each instance has a queue, so that its announcements follow its addresses; a slice takes a little of many queues in
//! turn, so that a takeover of ten thousand addresses does not keep that of one waiting. How many addresses a slice
//! changes follows from how long the kernel took for the last ones: on a crowded link each takes longer.
//!
//! Queues are bounded by what the configuration names, not by how often something asks: a wish for addresses that are
//! in the queue already is merged with it. What is done depends on what is wanted at that moment.

use super::Io;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Actions, AddressList, Change, Name, Refusal, Report};
use crate::vrrp::garp::Frame;
use crate::vrrp::kernel::Outcome;
use crate::vrrp::router::Router;
use crate::vrrp::shared::Shared;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Frames a slice: one system call.
const FRAMES: usize = 64;
/// Addresses a slice looks at, whether there is something to do about them or not.
const LOOKS: usize = 1024;
/// Queues a slice looks at.
const QUEUES: usize = 256;
/// The most changes a slice.
const MOST_CHANGES: usize = 256;
/// The kernel's time for the changes of a slice: above the one fewer follow, below the other more.
const SLOW: Duration = Duration::from_micros(800);
const FAST: Duration = Duration::from_micros(250);

/// The queues.
#[derive(Debug)]
pub(super) struct Work {
    queues: HashMap<Name, Queue>,
    /// Whose turn it is.
    turns: VecDeque<Name>,
    /// How many queues have changes in them.
    changing: usize,
    /// How many changes the next slice makes.
    batch: usize,
    changes: Vec<Change>,
    frames: Vec<Frame>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    /// What came of the addresses so far.
    done: Done,
}

#[derive(Debug)]
struct Item {
    addresses: Shared<[VirtualAddress]>,
    /// The next address to look at.
    at: usize,
    /// How many are left to look at, round and round.
    left: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Apply,
    Announce,
}

/// Addresses that something happened to since the last report.
#[derive(Debug, Default)]
struct Done {
    set: Option<AddressList>,
    removed: Option<AddressList>,
    leftovers: Option<AddressList>,
}

impl Default for Work {
    fn default() -> Self {
        Work {
            queues: HashMap::new(),
            turns: VecDeque::new(),
            changing: 0,
            batch: MOST_CHANGES / 8,
            changes: Vec::new(),
            frames: Vec::new(),
        }
    }
}

impl Item {
    fn next(&mut self) -> Option<VirtualAddress> {
        self.left = self.left.checked_sub(1)?;
        let address = self.addresses.get(self.at)?.clone();
        self.at = (self.at + 1) % self.addresses.len();
        Some(address)
    }
}

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether addresses are still to be changed.
    pub(super) const fn has_changes(&self) -> bool {
        self.changing > 0
    }

    /// See [`crate::vrrp::Action::Apply`].
    pub(super) fn apply(&mut self, instance: Name, addresses: Shared<[VirtualAddress]>) {
        let left = addresses.len();
        self.push(instance, Kind::Apply, addresses, left);
    }

    /// See [`crate::vrrp::Action::Announce`].
    pub(super) fn announce(&mut self, instance: Name, addresses: Shared<[VirtualAddress]>, rounds: u32) {
        let left = addresses.len().saturating_mul(rounds as usize);
        self.push(instance, Kind::Announce, addresses, left);
    }

    /// What an instance has waiting goes on under its new name. Whoever bore that name before has nothing to do with it: its
    /// own work comes first, so that nothing is lost.
    pub(super) fn rename(&mut self, old: &Name, new: &Name) {
        let Some(queue) = self.queues.remove(old) else { return };
        match self.queues.get_mut(new) {
            None => {
                self.queues.insert(new.clone(), queue);
                for name in self.turns.iter_mut().filter(|name| *name == old) {
                    *name = new.clone();
                }
            }
            Some(other) => {
                let has_changes = |queue: &Queue| queue.items.iter().any(|item| item.kind == Kind::Apply);
                if has_changes(&queue) && has_changes(other) {
                    self.changing -= 1;
                }
                other.items.extend(queue.items);
                self.turns.retain(|name| name != old);
            }
        }
    }

    fn push(&mut self, instance: Name, kind: Kind, addresses: Shared<[VirtualAddress]>, left: usize) {
        if left == 0 {
            return;
        }
        let queue = self.queues.entry(instance.clone()).or_default();
        if queue.items.is_empty() {
            self.turns.push_back(instance);
        }
        // An announcement follows the addresses that were asked for before it: one that waits ahead of them does not count.
        let ahead = match kind {
            Kind::Apply => 0,
            Kind::Announce => {
                queue.items.iter().rposition(|item| item.kind == Kind::Apply).map_or(0, |at| at + 1)
            }
        };
        let mut behind = queue.items.iter_mut().skip(ahead);
        let waiting = behind.find(|item| item.kind == kind && item.addresses == addresses);
        match waiting {
            Some(item) => item.left = item.left.max(left),
            None => {
                if kind == Kind::Apply && !queue.items.iter().any(|item| item.kind == Kind::Apply) {
                    self.changing += 1;
                }
                queue.items.push_back(Item { addresses, at: 0, left, kind });
            }
        }
    }

    /// Does a part of what is waiting; false if there was nothing.
    pub(super) fn slice(&mut self, router: &mut Router, io: &mut impl Io, actions: &mut Actions) -> bool {
        if self.queues.is_empty() {
            return false;
        }
        self.change(router, io, actions);
        self.send(router, io);
        true
    }

    /// Plans changes for as many instances as the slice has room for, and makes them in one go.
    fn change(&mut self, router: &mut Router, io: &mut impl Io, actions: &mut Actions) {
        if self.changing == 0 {
            return;
        }
        let mut owners: Vec<(Name, usize)> = Vec::new();
        let mut finished: Vec<Name> = Vec::new();
        let mut looks = LOOKS;
        for _ in 0..self.turns.len().min(QUEUES) {
            if self.changes.len() >= self.batch || looks == 0 {
                break;
            }
            let Some(name) = self.turns.pop_front() else { break };
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            if let Some(item) = queue.items.front_mut().filter(|item| item.kind == Kind::Apply) {
                while self.changes.len() < self.batch && looks > 0 {
                    let Some(address) = item.next() else { break };
                    router.plan(&address, &mut self.changes);
                    looks -= 1;
                }
                owners.push((name.clone(), self.changes.len()));
                if item.left == 0 {
                    queue.items.pop_front();
                    finished.push(name.clone());
                }
            }
            if !queue.items.is_empty() {
                self.turns.push_back(name);
            }
        }
        if !self.changes.is_empty() {
            self.make(&owners, router, io, actions);
        }
        for name in finished {
            self.finish(&name, io);
        }
    }

    fn make(
        &mut self,
        owners: &[(Name, usize)],
        router: &mut Router,
        io: &mut impl Io,
        actions: &mut Actions,
    ) {
        let start = io.now();
        let mut refusals: HashMap<usize, Refusal> = HashMap::new();
        io.change(&self.changes, &mut |at, refusal| drop(refusals.insert(at, refusal)));
        let now = io.now();
        let took = now - start;
        if took > SLOW {
            self.batch = (self.batch / 2).max(1);
        } else if took < FAST && self.changes.len() >= self.batch {
            self.batch = (self.batch * 2).min(MOST_CHANGES);
        }
        let mut owner = owners.iter();
        let mut current = owner.next();
        for (at, change) in self.changes.drain(..).enumerate() {
            while current.is_some_and(|(_, end)| at >= *end) {
                current = owner.next();
            }
            let Some((name, _)) = current else { break };
            let (net, interface) = match &change {
                Change::Add { address, .. } => (address.net, Name::from(address.interface.as_str())),
                Change::Remove { net, name, .. } => (*net, name.clone()),
            };
            let outcome = router.changed(now, name, change, refusals.remove(&at), actions);
            let Some(queue) = self.queues.get_mut(name) else { continue };
            let list = match outcome {
                Outcome::Set => &mut queue.done.set,
                Outcome::Removed => &mut queue.done.removed,
                Outcome::LeftoverRemoved => &mut queue.done.leftovers,
                Outcome::AsWanted | Outcome::Refused => continue,
            };
            match list {
                Some(list) => list.count += 1,
                None => *list = Some(AddressList { count: 1, first: net, interface }),
            }
        }
    }

    /// All addresses of an item have been looked at.
    fn finish(&mut self, name: &Name, io: &mut impl Io) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        if !queue.items.iter().any(|item| item.kind == Kind::Apply) {
            self.changing -= 1;
        }
        let Done { set, removed, leftovers } = std::mem::take(&mut queue.done);
        let reports = [
            removed.map(Report::AddressesRemoved),
            leftovers.map(Report::LeftoversRemoved),
            set.map(Report::AddressesSet),
        ];
        for report in reports.into_iter().flatten() {
            io.report(Some(name), &report);
        }
        if queue.items.is_empty() {
            self.queues.remove(name);
        }
    }

    /// Sends announcements of instances whose addresses are done.
    fn send(&mut self, router: &Router, io: &mut impl Io) {
        let mut looks = LOOKS;
        for _ in 0..self.turns.len().min(QUEUES) {
            if self.frames.len() >= FRAMES || looks == 0 {
                break;
            }
            let Some(name) = self.turns.pop_front() else { break };
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            if let Some(item) = queue.items.front_mut().filter(|item| item.kind == Kind::Announce) {
                if !router.instance(&name).is_some_and(|instance| instance.wants_addresses()) {
                    item.left = 0;
                }
                while self.frames.len() < FRAMES && looks > 0 {
                    let Some(address) = item.next() else { break };
                    self.frames.extend(router.frame(&name, &address));
                    looks -= 1;
                }
                if item.left == 0 {
                    queue.items.pop_front();
                }
            }
            if queue.items.is_empty() {
                self.queues.remove(&name);
            } else {
                self.turns.push_back(name);
            }
        }
        if !self.frames.is_empty() {
            io.announce(&self.frames);
            self.frames.clear();
        }
    }
}
