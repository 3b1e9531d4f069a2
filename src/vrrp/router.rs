//! The virtual routers of this machine: finds the instance that a packet, an interface or a deadline concerns.
//!
//! It owns the [`Instance`]s and keeps their deadlines in order, so that a step costs the logarithm of their number.
//! Whatever can be asked of it goes through [`Router::handle`], [`Router::handle_timeout`] and, while a configuration
//! is being carried out, [`Router::step`]. What the kernel holds and should hold stands in `kernel`.

mod addresses;
mod by_vrid;
mod entries;
mod ground;
mod groups;
mod interfaces;
mod links;
mod listening;
mod lost;
mod receive;
mod reload;
mod removals;
mod resync;
mod shown;
mod startup;
mod statics;
mod strays;
mod tracking;

use super::config::{RxBuffers, VirtualAddress, Vrid};
use super::event::{Action, Actions, Entry, Event, IfIndex, Link, Listen, Name, Protocol, Table};
use super::instance::{Instance, Stance};
use super::kernel::{Id, Kernel};
use super::notice::Notice;
use super::overlay::Overlay;
use super::pace::Paces;
use super::rare::Rare;
use super::shared::Shared;
use super::stats::RouterStats;
use crate::net::{Family, IpNet};
use crate::time::Instant;
use groups::Groups;
use lost::{Lost, Thing};
use reload::Reload;
use removals::Removals;
pub use shown::{Place, ShownGroup, ShownInstance, ShownLink, ShownRest};
pub(super) use statics::NAME as STATICS;
use thin_vec::ThinVec;

use by_vrid::ByVrid;
use resync::Resync;
use startup::StartUp;
use statics::Statics;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use tracking::{Followed, Tracking};

/// What was refused is tried again after so long: addresses, and sockets.
const RETRY: Duration = Duration::from_secs(5);
/// What somebody removed, and the kernel did not take at once.
const SOON: Duration = Duration::from_secs(1);
/// So long the check process may take to say whether the table can be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// A socket: its interface, and what it hears.
type Socket = (Option<IfIndex>, Family, Protocol);

/// What adverts are told apart by before anything else: the socket's interface, and the virtual router.
type Key = (Option<IfIndex>, Family, Protocol, Vrid);

/// All virtual routers of one process.
#[derive(Clone, Debug, Default)]
pub struct Router {
    /// In the order of the configuration, so that what happens at once happens in that order.
    /// Boxed: a tree filled in ascending order is half empty.
    instances: BTreeMap<Id, Box<Slot>>,
    next_id: Id,
    by_name: HashMap<Name, Id>,
    /// Who listens to which VRID where; several where groups or peers tell them apart.
    by_vrid: ByVrid,
    /// Who speaks on an interface or has addresses there.
    by_interface: HashMap<Name, BTreeSet<Id>>,
    /// Whose configured source address is to be there: `track_src_ip`.
    by_source: HashMap<IpAddr, BTreeSet<Id>>,
    groups: Groups,
    kernel: Kernel,
    /// `garp_group` and the intervals of announcements.
    paces: Paces,
    /// How many instances listen there.
    listening: HashMap<Listen, usize>,
    /// How many bytes of a receive buffer instances ask for, where some do.
    buffers: HashMap<Socket, u32>,
    /// `vrrp_rx_bufs_policy`, `vrrp_rx_bufs_multiplier`
    buffer_policy: (RxBuffers, u32),
    /// Where nothing can be heard, and why.
    deaf: HashMap<Listen, Shared<str>>,
    tracking: Tracking,
    table: Table,
    /// The addresses of virtual servers.
    serving: BTreeSet<IpAddr>,
    /// One entry for each instance with a deadline: that deadline, or an earlier moment to look at it.
    deadlines: BinaryHeap<Reverse<(Instant, Id)>>,
    /// What is to be tried again, the first to come first.
    retries: VecDeque<(Instant, Retry)>,
    /// Addresses that the kernel refused: said once.
    refused: HashSet<(Name, IpNet)>,
    /// Routes and rules that it refused: said once.
    refused_entries: HashSet<Entry>,
    reload: Option<Reload>,
    statics: Statics,
    lost: Lost,
    removals: Removals,
    resync: Option<Resync>,
    /// The wall clock when the monotonic one began.
    epoch: Duration,
    /// `log_unknown_vrids`
    tells_strangers: bool,
    /// `dynamic_interfaces`
    awaits_interfaces: bool,
    startup: StartUp,
    /// The driver has been at work without a pause since then.
    awake_since: Instant,
    /// This process follows one that died: addresses in the kernel may be those of masters.
    respawned: bool,
    stats: RouterStats,
}

#[derive(Clone, Debug, PartialEq)]
enum Retry {
    Addresses {
        instance: Name,
        addresses: Vec<VirtualAddress>,
    },
    Entries {
        instance: Name,
        entries: Vec<Entry>,
    },
    /// Those that depend on it look at what keeps them from running.
    Depend(Thing),
    /// What could not be set again is to be tried.
    Regain(Thing),
    /// Adverts on this interface may have another source.
    Sourced(Name),
    Listen(Listen),
    Table,
    Begin,
    /// An interface of our own was made, and should be up by now.
    Fresh(Name),
    /// Those who use an interface are to look at it once more.
    Ground(Name),
    /// An interface of our own was not made, or not removed.
    Link {
        instance: Name,
        link: Name,
    },
}

#[derive(Clone, Debug, PartialEq)]
struct Slot {
    instance: Instance,
    /// The valid entry in `deadlines`.
    queued: Option<Instant>,
    /// Its entry in `by_vrid`.
    key: Option<Key>,
    /// Where it listens.
    listen: Option<Listen>,
    /// How many bytes of a receive buffer it asks for there.
    buffer: u32,
    /// Interfaces of its addresses, other than its own, whose loss is its fault; and whether they were there once. One
    /// that never was keeps nobody from running, unless `dynamic_interfaces` promises that it comes.
    tracked: ThinVec<(Name, bool)>,
    /// It can't run, for a reason of its own.
    faulty: bool,
    /// Whether it can run is not known yet.
    awaited: bool,
    /// It was said that the interface below its VMAC has an address that it owns.
    owned_below: bool,
    /// How it stood to its sync group when that looked last.
    stance: Stance,
    /// Interfaces of our own that it uses.
    overlay: Rare<Overlay>,
    /// What it tracks, or its group.
    follows: ThinVec<Followed>,
}

impl Router {
    /// No instances yet. With `respawned`, a process before this one died and may have left addresses of masters.
    #[must_use]
    pub fn new(respawned: bool) -> Router {
        Router { respawned, ..Router::default() }
    }

    /// The instances, in the order of the configuration.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values().map(|slot| &slot.instance)
    }

    /// An instance by name.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<&Instance> {
        let id = self.by_name.get(name)?;
        self.instances.get(id).map(|slot| &slot.instance)
    }

    /// What is told at the end of the daemon where nothing is taken back.
    pub fn farewells(&self) -> impl Iterator<Item = Notice> {
        self.instances().filter_map(|instance| instance.farewell(true)).chain(self.group_farewells())
    }

    /// What belongs to no instance.
    #[must_use]
    pub const fn stats(&self) -> &RouterStats {
        &self.stats
    }

    /// When [`Router::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let deadline = self.deadlines.peek().map(|Reverse((at, _))| *at);
        let retry = self.retries.front().map(|(at, _)| *at);
        let tracking = self.tracking.next_timeout();
        deadline.into_iter().chain(retry).chain(tracking).min()
    }

    /// Whether an instance takes over at that moment, the next one when something is to be done: unless its master is heard
    /// until then.
    #[must_use]
    pub fn takes_over_at(&self, at: Instant) -> bool {
        let first = self.deadlines.peek().filter(|Reverse((first, _))| *first == at);
        let slot = first.and_then(|Reverse((_, id))| self.instances.get(id));
        slot.is_some_and(|slot| slot.instance.takes_over_at(at))
    }

    /// Takes in what happened at `now`. Deadlines that have passed by then are not looked at: a packet counts before
    /// the timer that waits for it.
    pub fn handle(&mut self, now: Instant, event: Event<'_>, out: &mut Actions) {
        if let Some(event) = self.put_off(event) {
            self.take_in(now, event, out);
        }
        self.settle_deadlines();
    }

    fn take_in(&mut self, now: Instant, event: Event<'_>, out: &mut Actions) {
        match event {
            Event::Received(received) => self.received(now, &received, out),
            Event::Config(config) => self.configure(*config),
            Event::Snapshot(snapshot) => self.relearn(now, *snapshot),
            Event::Link(link) => {
                let (index, is_back) = (link.index, link.up && self.tracking.gate.hides_fall(link.index));
                let link = self.tracking.gate.link(now, link);
                self.take_link(now, link, out);
                if is_back {
                    self.set_lost_on(index, out);
                }
            }
            Event::Linkbeat { interface, up } => self.linkbeat(now, &interface, up, out),
            Event::RunEnded { id, outcome } => self.run_ended(now, id, outcome, out),
            Event::File { name, number } => self.file_read(now, name, number, out),
            Event::Processes { name, count } => self.processes_counted(now, name, count, out),
            Event::Claimed { interface, address, mac } => self.claimed(now, interface, address, mac, out),
            Event::Bfd { name, up } => self.bfd_changed(now, name, up, out),
            Event::Quorums(quorums) => self.quorums_told(now, quorums, out),
            Event::LinkGone(index) => {
                self.tracking.gate.gone(index);
                if let Some(name) = self.kernel.link_gone(index) {
                    self.interface_changed(now, &name, out);
                }
            }
            Event::Address(address) => self.address(now, address, out),
            Event::AddressGone { interface, net } => self.address_gone(now, interface, net, out),
            Event::Clock { epoch } => {
                self.epoch = epoch;
                self.instances.values_mut().for_each(|slot| slot.instance.set_epoch(epoch));
            }
            Event::Route(route) => self.kernel.route(&route),
            Event::RouteGone(route) => self.route_gone(&route, out),
            Event::Rule(rule) => self.kernel.rule(&rule),
            Event::RuleGone(rule) => self.rule_gone(&rule, out),
            Event::AdvertRefused { instance } => {
                if let Some(slot) = self.by_name.get(&instance).and_then(|id| self.instances.get_mut(id)) {
                    slot.instance.advert_refused();
                }
            }
            Event::ListenRefused { listen, reason } => self.listen_refused(now, listen, reason, out),
            Event::Table(table) => {
                if table == Table::Pending {
                    self.retry(now + PATIENCE, Retry::Table);
                }
                self.set_table(now, table, out);
            }
            Event::Stop => self.stop(),
        }
    }

    /// Does everything that is due at `now`. See [`Instance::handle_timeout`] for `awake_since`.
    pub fn handle_timeout(&mut self, now: Instant, awake_since: Instant, out: &mut Actions) {
        while self.fire(now, awake_since, usize::MAX, out) > 0 {}
    }

    /// Does at most `limit` of the things that are due at `now`, and gives their number.
    pub fn fire(&mut self, now: Instant, awake_since: Instant, limit: usize, out: &mut Actions) -> usize {
        let mut fired = 0;
        self.awake_since = awake_since;
        while fired < limit {
            if let Some((_, retry)) = self.retries.pop_front_if(|(at, _)| *at <= now) {
                self.try_again(now, retry, out);
            } else if self.fire_tracking(now, out) {
                self.settle_deadlines();
            } else if let Some(&Reverse((at, id))) = self.deadlines.peek()
                && at <= now
            {
                let Some(slot) = self.instances.get_mut(&id) else { break };
                slot.instance.handle_timeout(now, awake_since, out);
                if slot.instance.is_in_group() {
                    self.synchronise(now, id, out);
                }
                self.settle_deadlines();
            } else {
                break;
            }
            fired += 1;
        }
        fired
    }

    fn ids(&self) -> Vec<Id> {
        self.instances.keys().copied().collect()
    }

    /// Sees that the instance's deadline has an entry that is not later. An earlier one stays: most deadlines only move
    /// away, and an entry for each move would have to be made and thrown away.
    fn reschedule(&mut self, id: Id) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        if let Some(next) = slot.instance.next_timeout()
            && slot.queued.is_none_or(|queued| next < queued)
        {
            slot.queued = Some(next);
            self.deadlines.push(Reverse((next, id)));
        }
    }

    /// Makes the first entry a true one, so that nobody wakes up for nothing.
    fn settle_deadlines(&mut self) {
        while let Some(mut first) = self.deadlines.peek_mut() {
            let Reverse((at, id)) = *first;
            let slot = self.instances.get_mut(&id).filter(|slot| slot.queued == Some(at));
            let Some(slot) = slot else {
                std::collections::binary_heap::PeekMut::pop(first);
                continue;
            };
            match slot.instance.next_timeout() {
                Some(next) if next <= at => return,
                Some(next) => {
                    slot.queued = Some(next);
                    *first = Reverse((next, id));
                }
                None => {
                    slot.queued = None;
                    std::collections::binary_heap::PeekMut::pop(first);
                }
            }
        }
    }

    /// A link as everybody is to know it.
    fn take_link(&mut self, now: Instant, link: Link, out: &mut Actions) {
        let (index, mac) = (link.index, link.mac);
        let mac_before = self.kernel.mac_of(index);
        let names = self.kernel.link(link);
        for name in &names {
            self.interface_changed(now, name, out);
            self.retry_former_link(now, name);
        }
        if let ([name], Some(before), Some(mac)) = (names.as_slice(), mac_before, mac)
            && before != mac
        {
            self.mac_changed(name, mac, out);
        }
        if let [_, former] = names.as_slice() {
            self.remove_stranded(index, former, out);
        }
    }

    /// An interface came, changed or went: who speaks there or has addresses there looks at it anew.
    fn interface_changed(&mut self, now: Instant, name: &Name, out: &mut Actions) {
        self.regain_on(now, name, out);
        for id in self.concerned_by(name) {
            self.set_missing_links(id, out);
            self.find_ground(now, id, out);
            // Its addresses went with another interface of that name.
            self.set_missing(id, out);
            self.set_missing_entries(id, out);
        }
        self.set_missing_statics(Some(name), out);
    }

    fn set_table(&mut self, now: Instant, table: Table, out: &mut Actions) {
        self.table = table;
        for id in self.ids() {
            self.find_ground(now, id, out);
        }
    }

    fn try_again(&mut self, now: Instant, retry: Retry, out: &mut Actions) {
        match retry {
            Retry::Table if self.table == Table::Pending => {
                let reason = "the check process has not said yet whether it can";
                self.set_table(now, Table::Unavailable(reason.into()), out);
            }
            Retry::Table => {}
            Retry::Begin => self.end_delay(now, out),
            Retry::Listen(listen) => {
                if self.deaf.contains_key(&listen) {
                    out.push(Action::Listen(listen));
                }
            }
            Retry::Addresses { instance, addresses } => self.try_addresses_again(instance, addresses, out),
            link @ (Retry::Fresh(_) | Retry::Ground(_) | Retry::Link { .. }) => {
                self.try_link_again(now, link, out);
            }
            Retry::Depend(thing) => self.look_at_dependents(now, &thing, out),
            Retry::Regain(thing) => self.regain(now, &thing, out),
            Retry::Sourced(name) => self.source_changed_on(now, &name, out),
            Retry::Entries { instance, entries } => self.try_entries_again(instance, entries, out),
        }
    }
}

#[cfg(test)]
mod tests;
