//! What waits to be done: addresses to be changed, announcements to be sent.
//!
//! Each instance has a queue, so that its announcements follow its addresses; a job takes a little of many queues in
//! turn, so that a takeover of ten thousand addresses does not keep that of one waiting, nor the news of a link. How many
//! addresses a job changes follows from how long the kernel took for the last ones: on a crowded link each takes longer.
//!
//! Queues are bounded by what the configuration names, not by how often something asks: a wish for addresses that are
//! in the queue already is merged with it. What is done depends on what is wanted at that moment.

mod lanes;
mod links;
mod queue;
mod tell;

use super::Io;
use crate::time::Instant;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{AddressList, Change, Entry, EntryList, Name, Refusal};
use crate::vrrp::garp::Frame;
use crate::vrrp::router::Router;
use crate::vrrp::shared::Shared;
use lanes::Lanes;
use links::LinkQueue;
use queue::{Kind, Listed, Queue, Thing};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Frames a job: a few system calls.
const FRAMES: usize = 256;
/// Addresses that are looked at for a job, whether there is something to do about them or not.
const LOOKS: usize = 1024;
/// Queues that are looked at for a job.
const QUEUES: usize = 256;
/// The most changes a job.
const MOST_CHANGES: usize = 256;
/// The time of a job with changes: above it the next has fewer, below a third of it more. Many a kernel lets nothing else
/// run on that processor meanwhile, this program's adverts among it.
const SHORT: Duration = Duration::from_millis(1);
/// The same where nothing is due for [`QUIET`]: each job costs two threads' waking.
const LONG: Duration = Duration::from_millis(3);
const QUIET: Duration = Duration::from_millis(10);
/// And then so many changes may be made before the news of links and addresses are read.
const UNHEARD: usize = 2048;

/// The queues.
#[derive(Debug)]
pub(super) struct Work {
    queues: HashMap<Name, Queue>,
    /// Interfaces of our own: before all addresses.
    links: LinkQueue,
    /// Whose turn it is.
    turns: VecDeque<Name>,
    /// Notices of groups.
    groups: tell::Groups,
    /// How many queues have changes in them.
    changing: usize,
    /// How many changes the next job makes.
    batch: usize,
    job: Job,
    frames: Vec<Frame>,
    lanes: Lanes,
    /// So many changes were made since the kernel's news were read.
    unheard: usize,
    /// So many queues were looked at, one after the other, that could do nothing now.
    idle: usize,
}

/// What is being done.
#[derive(Debug, Default)]
struct Job {
    under_way: bool,
    /// How long its changes may take.
    time: Duration,
    /// Interfaces are among the changes.
    has_links: bool,
    changes: Vec<Change>,
    /// Whose the changes are: up to that one.
    owners: Vec<(Name, usize)>,
    /// Whose wish for addresses ends with this job.
    finished: Vec<Name>,
}

impl Default for Work {
    fn default() -> Self {
        Work {
            queues: HashMap::new(),
            links: LinkQueue::default(),
            turns: VecDeque::new(),
            groups: tell::Groups::default(),
            changing: 0,
            batch: MOST_CHANGES / 8,
            job: Job::default(),
            frames: Vec::new(),
            lanes: Lanes::default(),
            unheard: 0,
            idle: 0,
        }
    }
}

impl Work {
    /// Whether nothing waits, and no job is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty() && self.links.is_empty() && !self.job.under_way
    }

    /// Gives the memory of queues back that are not there any more.
    pub(super) fn tidy(&mut self) {
        self.queues.shrink_to_fit();
        self.turns.shrink_to_fit();
        let Job { changes, owners, finished, .. } = &mut self.job;
        changes.shrink_to_fit();
        owners.shrink_to_fit();
        finished.shrink_to_fit();
    }

    /// Whether something of whoever has that name waits, or is under way.
    pub(super) fn waits(&self, name: &str) -> bool {
        self.queues.contains_key(name)
    }

    /// Whether addresses are still to be changed.
    pub(super) fn has_changes(&self) -> bool {
        self.changing > 0 || !self.links.is_empty() || self.job.has_links
    }

    /// See [`crate::vrrp::Action::ApplyLinks`].
    pub(super) fn apply_links(&mut self, instance: &Name, links: &[Name]) {
        self.links.push(instance, links);
    }

    /// See [`crate::vrrp::Action::Apply`].
    pub(super) fn apply(&mut self, instance: Name, addresses: &Shared<[VirtualAddress]>) {
        self.push(instance, Kind::Apply, addresses, 1);
    }

    /// See [`crate::vrrp::Action::ApplyEntries`].
    pub(super) fn apply_entries(&mut self, instance: Name, entries: &Shared<[Entry]>) {
        self.push(instance, Kind::Apply, entries, 1);
    }

    /// See [`crate::vrrp::Action::Announce`].
    pub(super) fn announce(&mut self, instance: Name, addresses: &Shared<[VirtualAddress]>, rounds: u32) {
        self.push(instance, Kind::Announce, addresses, rounds as usize);
    }

    /// See [`crate::vrrp::Action::Probe`].
    pub(super) fn probe(&mut self, instance: Name, addresses: &Shared<[VirtualAddress]>) {
        self.push(instance, Kind::Probe, addresses, 1);
    }

    /// What an instance has waiting goes on under its new name. Whoever bore that name before has nothing to do with it: its
    /// own work comes first, so that nothing is lost.
    pub(super) fn rename(&mut self, old: &Name, new: &Name) {
        self.links.rename(old, new);
        let Some(queue) = self.queues.remove(old) else { return };
        let Job { owners, finished, .. } = &mut self.job;
        for (name, _) in owners.iter_mut().filter(|(name, _)| name == old) {
            *name = new.clone();
        }
        match self.queues.get_mut(new) {
            None => {
                self.queues.insert(new.clone(), queue);
                for name in self.turns.iter_mut().chain(finished).filter(|name| *name == old) {
                    *name = new.clone();
                }
            }
            Some(other) => {
                if queue.has_changes() && other.has_changes() {
                    self.changing -= 1;
                }
                let before = other.wishes();
                other.tells.append(queue.tells, before);
                other.items.extend(queue.items);
                other.done.add(queue.done);
                self.turns.retain(|name| name != old);
                finished.retain(|name| name != old);
            }
        }
    }

    fn push<T: Listed>(&mut self, instance: Name, kind: Kind, things: &Shared<[T]>, rounds: usize) {
        if things.is_empty() || rounds == 0 {
            return;
        }
        let queue = self.queues.entry(instance.clone()).or_default();
        if queue.items.is_empty() {
            self.turns.push_back(instance);
        }
        if kind == Kind::Apply && !queue.has_changes() {
            self.changing += 1;
        }
        queue.push(kind, things, rounds);
    }

    /// When [`Work::slice`] has something to do again, of all that waits for its time.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        if self.queues.is_empty() { None } else { self.lanes.next() }
    }

    /// Takes in the end of a job, or begins one; false if there was nothing to do, or a job is still under way.
    ///
    /// Both at once only where nothing is due soon: in between, the news of links and addresses are read, which takes as long
    /// for each address as the kernel takes for a third of it.
    pub(super) fn slice(&mut self, now: Instant, router: &mut Router, io: &mut impl Io) -> bool {
        if !self.job.under_way {
            self.unheard = 0;
            return self.begin(now, router, io);
        }
        let had_links = self.job.has_links;
        if !self.end(router, io) {
            return false;
        }
        // What is planned for an interface has to know whether it is there.
        let knows_links = !had_links && self.links.is_empty();
        if knows_links && self.unheard < UNHEARD && is_quiet(now, router) {
            self.begin(now, router, io);
        }
        true
    }

    /// Whether the kernel is at work for this one.
    pub(super) const fn is_changing(&self) -> bool {
        self.job.under_way
    }

    fn begin(&mut self, now: Instant, router: &mut Router, io: &mut impl Io) -> bool {
        if self.queues.is_empty() && self.links.is_empty() {
            return false;
        }
        if self.lanes.open(now) {
            self.idle = 0;
        }
        // Before the plan: what is in it is not set yet.
        self.gather_frames(now, router);
        let Work { links, queues, batch, job, .. } = self;
        let (waiting, changing) = (links.len(), self.changing);
        job.time = if is_quiet(now, router) { LONG } else { SHORT };
        links.plan(router, *batch, queues, &mut job.changes, &mut job.owners);
        job.has_links = !job.changes.is_empty();
        self.plan(router);
        if self.job.changes.is_empty() && self.frames.is_empty() {
            self.finish(io);
            // All that is left may have to wait for its time; but not an interface for addresses that are done now.
            let links_wait = self.links.len() == waiting && self.changing == changing;
            return self.idle < self.turns.len() || self.changing > 0 || !links_wait;
        }
        self.unheard += self.job.changes.len();
        router.changes_begin(&self.job.changes);
        io.start(&self.job.changes, &self.frames);
        self.frames.clear();
        self.job.under_way = true;
        true
    }

    fn end(&mut self, router: &mut Router, io: &mut impl Io) -> bool {
        let mut refusals: HashMap<usize, Refusal> = HashMap::new();
        let Some(took) = io.finished(&mut |at, refusal| drop(refusals.insert(at, refusal))) else {
            return false;
        };
        self.job.under_way = false;
        self.job.has_links = false;
        if !self.job.changes.is_empty() {
            self.changed(took, refusals, router, io);
        }
        self.finish(io);
        true
    }

    /// Plans changes for as many instances as the job has room for.
    fn plan(&mut self, router: &Router) {
        if self.changing == 0 {
            return;
        }
        let Job { changes, owners, finished, .. } = &mut self.job;
        let mut looks = LOOKS;
        for _ in 0..self.turns.len().min(QUEUES) {
            if changes.len() >= self.batch || looks == 0 {
                break;
            }
            let Some(name) = self.turns.pop_front() else { break };
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            // Before announcements that wait for their time: those look at what is set by then.
            if let Some(item) = queue.items.iter_mut().find(|item| item.kind == Kind::Apply) {
                while changes.len() < self.batch && looks > 0 {
                    match item.next() {
                        Some(Thing::Address(address)) => router.plan(&address, changes),
                        Some(Thing::Entry(entry)) => router.plan_entry(&entry, changes),
                        None => break,
                    }
                    looks -= 1;
                }
                owners.push((name.clone(), changes.len()));
                if item.left == 0 {
                    finished.push(name);
                    continue;
                }
            }
            self.turns.push_back(name);
        }
    }

    /// Hears what became of the changes.
    fn changed(
        &mut self,
        took: Duration,
        mut refusals: HashMap<usize, Refusal>,
        router: &mut Router,
        io: &mut impl Io,
    ) {
        let now = io.now();
        let Job { changes, owners, time, .. } = &mut self.job;
        if took > *time {
            self.batch = (self.batch / 2).max(1);
        } else if took < *time / 3 && changes.len() >= self.batch {
            self.batch = (self.batch * 2).min(MOST_CHANGES);
        }
        let mut owner = owners.iter();
        let mut current = owner.next();
        for (at, change) in changes.drain(..).enumerate() {
            while current.is_some_and(|(_, end)| at >= *end) {
                current = owner.next();
            }
            let Some((name, _)) = current else { break };
            let (add, refusal) = (change.adds(), refusals.remove(&at));
            if let Some(entry) = change.entry() {
                let outcome = router.changed(now, name, change, refusal.as_ref());
                let Some(queue) = self.queues.get_mut(name) else { continue };
                queue.done.count_entry(outcome, add, EntryList::one(&entry), refusal);
                continue;
            }
            let (net, interface) = match &change {
                Change::Add { address, .. } => (address.net, Name::from(address.interface.as_str())),
                Change::Remove { net, name, .. } => (*net, name.clone()),
                _ => {
                    let owner = router.owner_of_link(name, &change).unwrap_or(name).clone();
                    if let Some(report) = router.link_changed(now, name, &change, refusal.as_ref()) {
                        io.report(Some(&owner), &report);
                    }
                    continue;
                }
            };
            let outcome = router.changed(now, name, change, refusal.as_ref());
            let Some(queue) = self.queues.get_mut(name) else { continue };
            queue.done.count(outcome, add, AddressList::one(net, interface), refusal);
        }
    }

    /// Ends the wishes whose addresses have all been looked at.
    fn finish(&mut self, io: &mut impl Io) {
        self.job.owners.clear();
        let mut finished = std::mem::take(&mut self.job.finished);
        for name in finished.drain(..) {
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            // One that came again meanwhile begins anew.
            let first = queue.items.iter().position(|item| item.kind == Kind::Apply);
            if let Some(at) = first.filter(|at| queue.items.get(*at).is_some_and(|item| item.left == 0)) {
                queue.items.remove(at);
                if !queue.has_changes() {
                    self.changing -= 1;
                }
                for report in std::mem::take(&mut queue.done).reports() {
                    io.report(Some(&name), &report);
                }
                self.tell_due(&name, io);
            }
            if self.queues.get(&name).is_some_and(|queue| queue.items.is_empty()) {
                self.queues.remove(&name);
            } else {
                self.turns.push_back(name);
            }
        }
        // Its room is used again.
        self.job.finished = finished;
    }

    /// Makes announcements and probes of instances whose addresses are done.
    fn gather_frames(&mut self, now: Instant, router: &Router) {
        let mut looks = LOOKS;
        // Whoever has announced where there is a least time between two comes behind those that wait for it.
        let mut behind = Vec::new();
        for _ in 0..self.turns.len().min(QUEUES) {
            if self.frames.len() >= FRAMES || looks == 0 {
                break;
            }
            let Some(name) = self.turns.pop_front() else { break };
            let Some(queue) = self.queues.get_mut(&name) else { continue };
            let (mut waits, mut paced) = (false, false);
            if let Some((at, ready)) = queue.ready_to_say()
                && let Some(item) = queue.items.get_mut(at)
            {
                if at == 0 && !router.instance(&name).is_some_and(|instance| instance.wants_addresses()) {
                    item.left = 0;
                }
                let before = looks;
                for _ in 0..ready {
                    if self.frames.len() >= FRAMES || looks == 0 {
                        break;
                    }
                    let Some(Thing::Address(address)) = item.next() else { break };
                    let frame = match item.kind {
                        Kind::Probe => router.probe(&name, &address),
                        Kind::Announce | Kind::Apply => router.frame(&name, &address),
                    };
                    if frame.is_some()
                        && let Some(lane) = router.pace(&address)
                    {
                        if !self.lanes.pass(now, lane) {
                            item.put_back();
                            waits = at == 0 && looks == before;
                            break;
                        }
                        paced = true;
                    }
                    self.frames.extend(frame);
                    looks -= 1;
                }
                if at == 0 && item.left == 0 {
                    queue.items.pop_front();
                }
            }
            self.idle = if waits { self.idle + 1 } else { 0 };
            if queue.items.is_empty() {
                self.queues.remove(&name);
            } else if paced {
                behind.push(name);
            } else {
                self.turns.push_back(name);
            }
        }
        self.turns.extend(behind);
    }
}

/// Whether nothing is due for a while.
fn is_quiet(now: Instant, router: &Router) -> bool {
    router.next_timeout().is_none_or(|at| at > now + QUIET)
}
