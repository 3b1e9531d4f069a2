//! Start, reload and stop: from the instances that are there to those that are wanted, a few at a time.
//!
//! What is no longer wanted goes first, so that what moved from one instance to another is free when it is set again.
//! A virtual router is recognised by what it is on the wire, not by its name.

use super::groups::{self, GroupId};
use super::interfaces;
use super::startup::Delays;
use super::tracking::Objects;
use super::{Router, Slot, Statics};
use crate::net::Family;
use crate::time::Instant;
use crate::vrrp::config::{self, Vrid};
use crate::vrrp::event::{Action, Actions, Entry, Name, Refusal, Reloaded, Report};
use crate::vrrp::instance::{Instance, Numbers};
use crate::vrrp::kernel::{Id, Wanted, WantedEntries};
use crate::vrrp::overlay::{Names, Overlay};
use crate::vrrp::pace::Paces;
use crate::vrrp::packet::PRIORITY_OWNER;
use crate::vrrp::spread::Spread;
use crate::vrrp::track::{self, Track};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use thin_vec::ThinVec;

/// So many instances are made, changed or removed at a time.
const STEP: usize = 16;
/// So many addresses are entered at a time.
const ADDRESSES: usize = 1024;

/// A virtual router on a network: its interface, family and VRID.
type Place = (Option<Name>, Family, Vrid);

/// What is left to do of a configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Reload {
    /// The configuration's addresses, until all are entered: the former one runs meanwhile.
    entering: Option<Entering>,
    gone: VecDeque<Id>,
    /// How those that went numbered signed adverts: who takes the place of one goes on from there.
    numbers: HashMap<Place, Numbers>,
    wanted: VecDeque<(Id, config::Instance)>,
    /// How many instances there will be.
    count: usize,
    /// Sync groups to be settled.
    groups: VecDeque<GroupId>,
    /// Interfaces of our own that they need.
    overlays: HashMap<Id, Overlay>,
    /// What the instances track, by their names.
    tracks: HashMap<String, Vec<Track>>,
    /// What is to be static, until it takes its place.
    statics: Option<Statics>,
    /// Statics are being set: instances wait.
    awaits_statics: bool,
    /// There was a configuration before.
    again: bool,
    /// It is the end: nothing is wanted any more.
    stopping: bool,
    /// `fifo_write_vrrp_states_on_reload`
    states_again: bool,
}

#[derive(Clone, Debug, Default)]
struct Entering {
    wanted: Wanted,
    entries: WantedEntries,
    /// The next instance, and the next of its addresses.
    instance: usize,
    address: usize,
    /// The next of its routes and rules.
    entry: usize,
    serving: BTreeSet<IpAddr>,
    awaits_interfaces: bool,
    tells_strangers: bool,
    groups: Vec<groups::Wanted>,
    delays: Delays,
    buffer_policy: (config::RxBuffers, u32),
    /// What names are made of; none once they are made.
    defaults: Option<config::Defaults>,
    objects: Objects,
}

impl Entering {
    /// Enters some addresses; true once all are.
    fn step(&mut self, instances: &VecDeque<(Id, config::Instance)>) -> bool {
        for _ in 0..ADDRESSES {
            let Some((id, instance)) = instances.get(self.instance) else { return true };
            let mut addresses = instance.addresses.iter().chain(instance.excluded.iter()).skip(self.address);
            match addresses.next() {
                Some(address) => {
                    let is_owner = instance.priority == PRIORITY_OWNER;
                    self.wanted.add(*id, is_owner, self.address, address);
                    if !instance.policy.accept && !is_owner {
                        self.wanted.shut(address);
                    }
                    self.address += 1;
                }
                None => {
                    let rule = || instance.rules.get(self.entry - instance.routes.len()).cloned();
                    let route = instance.routes.get(self.entry).cloned();
                    match route.map(Entry::route).or_else(|| rule().map(Entry::rule)) {
                        Some(entry) => {
                            self.entries.add(*id, &entry);
                            self.entry += 1;
                        }
                        None => {
                            self.instance += 1;
                            (self.address, self.entry) = (0, 0);
                        }
                    }
                }
            }
        }
        false
    }
}

/// What tells virtual routers apart before anything else: see [`Instance::same_router`], which decides.
type Key<'a> = (Option<&'a str>, crate::net::Family, config::Vrid);

fn key(config: &config::Instance) -> Key<'_> {
    (config.interface.as_deref(), config.family, config.vrid)
}

impl Router {
    /// Whether a configuration is being carried out.
    #[must_use]
    pub const fn is_reloading(&self) -> bool {
        self.reload.is_some()
    }

    /// Begins with a configuration. One that was not carried out to its end is forgotten.
    pub(super) fn configure(&mut self, mut config: config::Config) {
        let tracks = track::resolve(&config);
        let objects = Objects::of(&mut config, &tracks);
        let again = !self.instances.is_empty();
        self.paces = Paces::new(&config);
        let mut known: HashMap<Key<'_>, Vec<Id>> = HashMap::new();
        for (&id, slot) in &self.instances {
            known.entry(key(slot.instance.config())).or_default().push(id);
        }
        let statics = Some(Statics::new(&config));
        let mut wanted = VecDeque::with_capacity(config.instances.len());
        let mut kept = BTreeSet::new();
        for instance in config.instances {
            let same = |id: &&Id| {
                !kept.contains(*id)
                    && self.instances.get(id).is_some_and(|slot| slot.instance.same_router(&instance))
            };
            let named = |id: &&Id| {
                self.instances.get(id).is_some_and(|slot| **slot.instance.name() == *instance.name)
            };
            let ids = known.get(&key(&instance)).map_or(&[][..], Vec::as_slice);
            let id = ids.iter().filter(same).find(named).or_else(|| ids.iter().find(same)).copied();
            let id = id.unwrap_or_else(|| {
                self.next_id += 1;
                self.next_id
            });
            kept.insert(id);
            wanted.push_back((id, instance));
        }
        let by_name: HashMap<&str, Id> =
            wanted.iter().map(|(id, i): &(Id, config::Instance)| (i.name.as_str(), *id)).collect();
        let sync = |group: &config::SyncGroup| groups::Wanted {
            name: group.name.as_str().into(),
            members: group.instances.iter().filter_map(|name| by_name.get(name.as_str()).copied()).collect(),
            notify: group.notify.clone(),
        };
        let sync_groups = config.sync_groups.iter().map(sync).filter(|group| !group.members.is_empty());
        let gone = self.instances.keys().copied().filter(|id| !kept.contains(id)).collect();
        let mut entering = Entering {
            serving: config.serving,
            awaits_interfaces: config.settings.dynamic_interfaces != config::DynamicInterfaces::default(),
            tells_strangers: config.settings.log_unknown_vrids,
            groups: sync_groups.collect(),
            delays: Delays::of(&config.settings),
            buffer_policy: (config.settings.rx_buffers, config.settings.rx_buffers_multiplier),
            defaults: Some(config.defaults),
            objects,
            ..Entering::default()
        };
        entering.wanted.igmp_is_off = config.settings.disable_local_igmp;
        let states_again = again && config.settings.fifo_states_on_reload;
        let entering = Some(entering);
        let numbers = self.reload.take().map(|reload| reload.numbers).unwrap_or_default();
        self.reload = Some(Reload {
            numbers,
            entering,
            gone,
            count: wanted.len(),
            wanted,
            tracks,
            statics,
            again,
            states_again,
            ..Reload::default()
        });
    }

    pub(super) fn stop(&mut self) {
        self.configure(config::Config::default());
        if let Some(reload) = &mut self.reload {
            reload.stopping = true;
        }
    }

    /// Carries out a part of what was told anew, and then of the configuration; false once nothing is left.
    pub fn step(&mut self, now: Instant, out: &mut Actions) -> bool {
        if self.relearn_step(now, out) {
            return true;
        }
        self.name_links();
        if let Some(reload) = &mut self.reload
            && let Some(entering) = &mut reload.entering
        {
            if !entering.step(&reload.wanted) {
                return true;
            }
            let stopping = reload.stopping;
            if let Some(mut entered) = reload.entering.take() {
                if let Some(statics) = &reload.statics {
                    statics.enter(&mut entered.wanted, &mut entered.entries);
                }
                self.configure_objects(now, entered.objects, out);
                self.serving = entered.serving;
                self.tells_strangers = entered.tells_strangers;
                self.awaits_interfaces = entered.awaits_interfaces;
                self.buffer_policy = entered.buffer_policy;
                let starts = self.kernel.is_new() && !stopping;
                // Interfaces whose source changed belong to instances that are looked at anyway, or are gone.
                self.kernel.configure(entered.wanted);
                if starts {
                    self.remove_abandoned(out);
                }
                if let Some(strangers) = self.kernel.configure_entries(entered.entries) {
                    let report = Report::Strangers(strangers);
                    out.push(Action::Report { instance: None, report });
                }
                if !stopping {
                    self.delay(now, entered.delays, out);
                }
                let groups = self.regroup(entered.groups);
                if let Some(reload) = &mut self.reload {
                    reload.groups = groups.into();
                }
            }
        }
        if let Some(reload) = &mut self.reload
            && !reload.stopping
            && let Some(statics) = reload.statics.take()
        {
            let any = self.replace_statics(statics, out);
            if let Some(reload) = &mut self.reload {
                reload.awaits_statics = any;
            }
        }
        if self.awaits_statics() {
            return false;
        }
        for _ in 0..STEP {
            let Some(reload) = &mut self.reload else { return false };
            let (again, stopping, states_again) = (reload.again, reload.stopping, reload.states_again);
            if let Some(id) = reload.gone.pop_front() {
                self.remove(id, stopping, out);
            } else if let Some(group) = reload.groups.pop_front() {
                let told = self.told_of_group(group);
                self.settle_group(now, group, out);
                if states_again && self.told_of_group(group) == told {
                    out.extend(self.still_group(group).map(Action::Notify));
                }
            } else if let Some((id, config)) = reload.wanted.pop_front() {
                let tracks = reload.tracks.remove(&*config.name).unwrap_or_default();
                match self.instances.contains_key(&id) {
                    true => self.reconfigure(now, id, config, tracks, states_again, out),
                    false => self.add(now, id, config, tracks, again, out),
                }
            } else if let Some(none) = reload.statics.take() {
                // The end: they go last.
                self.replace_statics(none, out);
            } else {
                self.reload = None;
                self.tell_gone_groups(out);
                // From now on an address in the kernel is no heritage.
                self.respawned = false;
            }
            self.settle_deadlines();
        }
        self.reload.is_some()
    }

    /// Decides which interfaces of our own the instances need. What is there is known by now.
    fn name_links(&mut self) {
        let Some(reload) = &mut self.reload else { return };
        let Some(entering) = &mut reload.entering else { return };
        let Some(defaults) = entering.defaults.take() else { return };
        let needs_some = reload.wanted.iter().any(|(_, instance)| {
            let all = || instance.addresses.iter().chain(instance.excluded.iter());
            let link = &instance.link;
            link.vmac.is_some()
                || link.ipvlan.is_some()
                || link.vmac_for_addresses
                || link.promote_secondaries
                || all().any(|address| address.use_vmac)
        });
        if !needs_some {
            return;
        }
        let instances = reload.wanted.iter().map(|(_, instance)| instance);
        let mut names = Names::new(&defaults, self.kernel.links(), self.kernel.own_links(), instances);
        for (id, instance) in &mut reload.wanted {
            let overlay = names.overlay(instance);
            overlay.links().for_each(|link| entering.wanted.add_link(link));
            overlay.promotes.iter().for_each(|name| entering.wanted.promote(name));
            if overlay != Overlay::default() {
                reload.overlays.insert(*id, overlay);
            }
        }
    }

    /// Whether instances wait for statics to be set.
    #[must_use]
    pub fn awaits_statics(&self) -> bool {
        self.reload.as_ref().is_some_and(|reload| reload.awaits_statics)
    }

    /// All statics have been looked at.
    pub fn statics_done(&mut self) {
        if let Some(reload) = &mut self.reload {
            reload.awaits_statics = false;
        }
    }

    fn remove(&mut self, id: Id, stopping: bool, out: &mut Actions) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        let farewell = slot.instance.farewell(stopping);
        slot.instance.stop(out);
        out.extend(farewell.map(Action::Notify));
        let name = slot.instance.name().clone();
        if !stopping {
            out.push(report(&name, Report::Reloaded(Reloaded::Removed)));
        }
        self.listen(id, None, None, out);
        self.track(id, Vec::new());
        let Some(slot) = self.instances.remove(&id) else { return };
        if let Some((reload, numbers)) = self.reload.as_mut().zip(slot.instance.numbers()) {
            reload.numbers.insert(place_of(slot.instance.config()), numbers);
        }
        self.list_tracked(id, &slot.tracked);
        self.forget_name(&name, id);
        self.unlist(id, &slot.instance, &slot.overlay);
        Router::drop_links(&name, &slot.overlay, out);
    }

    fn add(
        &mut self,
        now: Instant,
        id: Id,
        mut config: config::Instance,
        tracks: Vec<Track>,
        again: bool,
        out: &mut Actions,
    ) {
        interfaces::share_names(&self.by_interface, &mut config);
        let mut instance = Instance::new(config);
        instance.join_group(self.groups.is_member(id));
        instance.set_spread(self.spread_of(id));
        instance.set_epoch(self.epoch);
        let predecessor = self.reload.as_mut().and_then(|r| r.numbers.remove(&place_of(instance.config())));
        if let Some(numbers) = predecessor {
            instance.go_on_from(numbers);
        }
        let name = instance.name().clone();
        let overlay = self.take_overlay(id);
        if let Some(link) = overlay.taken.clone() {
            let refused = Report::LinkRefused { add: true, link, refusal: Refusal::Exists };
            out.push(report(&name, refused));
        }
        if again {
            out.push(report(&name, Report::Reloaded(Reloaded::Added)));
        }
        self.by_name.insert(name, id);
        self.list(id, &instance, &overlay);
        let tracked = self.tracked(&instance, &overlay);
        let stance = instance.stance();
        let (queued, key, listen, buffer, follows) = (None, None, None, 0, ThinVec::new());
        let (faulty, awaited, owned_below) = (false, false, false);
        let overlay = overlay.into();
        let slot = Slot {
            instance,
            queued,
            key,
            listen,
            buffer,
            tracked,
            faulty,
            awaited,
            owned_below,
            stance,
            overlay,
            follows,
        };
        self.instances.insert(id, Box::new(slot));
        self.set_missing_links(id, out);
        self.list_tracked(id, &[]);
        self.track(id, tracks);
        self.find_ground(now, id, out);
    }

    fn reconfigure(
        &mut self,
        now: Instant,
        id: Id,
        mut config: config::Instance,
        tracks: Vec<Track>,
        again: bool,
        out: &mut Actions,
    ) {
        // What it tracks counts first: a master's advert tells of everything at once.
        self.track(id, tracks);
        let _ = self.weigh(id, out);
        let overlay = self.take_overlay(id);
        let spread = self.spread_of(id);
        let Some(slot) = self.instances.get_mut(&id) else { return };
        slot.instance.set_spread(spread);
        let state = slot.instance.state();
        if !slot.instance.is_configured_as(&mut config) {
            interfaces::share_names(&self.by_interface, &mut config);
            let before = slot.instance.clone();
            let outdated = slot.instance.reconfigure(now, config, out);
            outdated.iter().for_each(|address| self.kernel.outdate(address));
            let after = slot.instance.clone();
            let old_overlay = std::mem::replace(&mut slot.overlay, overlay.clone().into());
            self.unlist(id, &before, &old_overlay);
            self.list(id, &after, &overlay);
            if old_overlay != overlay {
                Router::drop_links(after.name(), &old_overlay, out);
                self.set_missing_links(id, out);
            }
            if before.name() != after.name() {
                self.forget_name(before.name(), id);
                self.by_name.insert(after.name().clone(), id);
            }
        }
        if let Some(slot) = self.instances.get(&id) {
            let tracked = self.tracked(&slot.instance, &slot.overlay);
            let names =
                |tracked: &[(Name, bool)]| tracked.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            if let Some(slot) = self.instances.get_mut(&id).filter(|s| names(&s.tracked) != names(&tracked)) {
                let old = std::mem::replace(&mut slot.tracked, tracked);
                self.list_tracked(id, &old);
            }
        }
        self.await_addresses(now, id);
        self.find_ground(now, id, out);
        self.reschedule(id);
        // A state that it has entered meanwhile is told already.
        let instance = self.instances.get(&id).map(|slot| &slot.instance);
        if let Some(instance) = instance.filter(|instance| again && instance.state() == state) {
            out.extend(instance.still().map(Action::Notify));
        }
    }

    fn forget_name(&mut self, name: &Name, id: Id) {
        if self.by_name.get(name) == Some(&id) {
            self.by_name.remove(name);
        }
    }

    fn spread_of(&self, id: Id) -> Spread {
        Spread::of(id, self.reload.as_ref().map_or(0, |reload| reload.count))
    }

    fn take_overlay(&mut self, id: Id) -> Overlay {
        self.reload.as_mut().and_then(|reload| reload.overlays.remove(&id)).unwrap_or_default()
    }
}

fn report(instance: &Name, report: Report) -> Action {
    Action::Report { instance: Some(instance.clone()), report }
}

fn place_of(config: &config::Instance) -> Place {
    (config.interface.clone(), config.family, config.vrid)
}
