//! A machine in the simulation: the daemon's engine, its world, and what a person tells it.

mod setting;

use crate::io::{Advert, World};
use crate::old_order::OldOrder;
use crate::options::Options;
use crate::random::Random;
use crate::seal::{self, Sealing};
use crate::tracked::{self, Tracking};
use crate::watch::{self, Watch};
pub(crate) use setting::vrid;
use setting::{instance, source};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use vipd::net::{Family, IpNet, MacAddr};
use vipd::time::Instant;
use vipd::vrrp::Engine;
use vipd::vrrp::config::{Config, Instance, Settings, SyncGroup, Version};
use vipd::vrrp::engine::Next;
use vipd::vrrp::event::{Event, IfIndex, StateKind, Table};
use vipd::vrrp::rare::Rare;

#[derive(Debug)]
pub(crate) struct Node {
    at: usize,
    serving: bool,
    startup_delay: Duration,
    settings: Vec<Setting>,
    /// The instances as they were in the beginning.
    originals: Vec<Instance>,
    /// None while it is crashed or stopped.
    driver: Option<Driver>,
    /// It does its work in the order of old.
    old_order: bool,
    pub(crate) world: World,
    /// When the loop goes on.
    pub(crate) turn_at: Option<Instant>,
    /// The last turn takes until then.
    busy_until: Instant,
    /// Then the loop goes to sleep.
    asleep: bool,
    /// What the parent says, and nobody has read yet.
    inbox: Vec<Control>,
    /// It does not run until then; whether packets wait in its socket meanwhile.
    paused: Option<(Instant, bool)>,
    table: Table,
    /// It is to start again once it has stopped.
    restart: bool,
}

/// What runs in the process.
#[derive(Debug)]
enum Driver {
    Engine(Box<Engine>),
    OldOrder(Box<OldOrder>),
}

impl Driver {
    fn handle(&mut self, now: Instant, event: Event<'_>) {
        match self {
            Driver::Engine(engine) => engine.handle(now, event),
            Driver::OldOrder(old) => old.handle(now, event),
        }
    }
}

/// A virtual router in this node's configuration.
#[derive(Clone, Debug)]
struct Setting {
    instance: Instance,
    link: usize,
    present: bool,
    /// Its sync group.
    group: Option<usize>,
    tracking: Tracking,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    Config,
    Table,
    Stop,
}

/// What a reload changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edit {
    Priority(u8),
    /// So many of the addresses in adverts, and all of the others or none.
    Addresses(usize, bool),
    Interval(Duration),
    Rename,
    Remove,
    Add,
    /// Its sync group: another, or none.
    Group(Option<usize>),
}

impl Node {
    pub(crate) fn new(at: usize, options: &Options, random: Random) -> Node {
        let node = &options.nodes[at];
        let settings: Vec<Setting> = (0..options.routers.len())
            .map(|router| Setting {
                instance: instance(options, router, node.priorities[router]),
                link: options.routers[router].link,
                present: true,
                group: options.group_of(router),
                tracking: options.routers[router].tracking,
            })
            .collect();
        let routers = settings
            .iter()
            .map(|s| watch::Router::new(s.instance.clone(), source(at, s.link, s.instance.family), s.link))
            .collect();
        let watch = Watch::new(at, routers, options.longest_turn(), options.longest_silence());
        let mut this = Node {
            at,
            serving: options.serving,
            startup_delay: options.startup_delay,
            originals: settings.iter().map(|s| s.instance.clone()).collect(),
            settings,
            driver: None,
            old_order: false,
            world: World::new(at, random, node.costs.clone(), options, watch),
            turn_at: None,
            busy_until: Instant::ZERO,
            asleep: false,
            inbox: vec![],
            paused: None,
            table: Table::Writable,
            restart: false,
        };
        for slot in 0..options.links {
            let system = this.system_addresses(slot);
            this.world.kernel.add_link(slot, &system);
        }
        this
    }

    /// What the system sets on an interface at boot.
    fn system_addresses(&self, slot: usize) -> Vec<IpNet> {
        let real = [Family::V4, Family::V6]
            .map(|family| IpNet { address: source(self.at, slot, family), prefix_len: 24 });
        let owned = self.settings.iter().filter(|s| s.instance.priority == 255 && s.link == slot);
        real.into_iter().chain(owned.map(|s| s.instance.addresses[0].net)).collect()
    }

    fn config(&self) -> Config {
        let present = self.settings.iter().filter(|s| s.present);
        let all = || self.settings.iter().enumerate();
        let serving = self.settings.iter().take(usize::from(self.serving));
        Config {
            instances: present.map(|s| s.instance.clone()).collect(),
            sync_groups: self.sync_groups(),
            scripts: all().filter_map(|(at, s)| Some(tracked::script(at, s.tracking.script?))).collect(),
            track_files: all().filter(|(_, s)| s.tracking.file).map(|(at, _)| tracked::file(at)).collect(),
            settings: Settings { startup_delay: self.startup_delay, ..Settings::default() },
            serving: serving.flat_map(|s| &s.instance.addresses).map(|a| a.net.address).collect(),
            ..Config::default()
        }
    }

    pub(crate) fn sync_groups(&self) -> Vec<SyncGroup> {
        let groups: BTreeSet<usize> = self.settings.iter().filter_map(|s| s.group).collect();
        let members = |group| {
            let present = self.settings.iter().filter(move |s| s.present && s.group == Some(group));
            present.map(|s| s.instance.name.to_string()).collect::<Vec<_>>()
        };
        let group = |group| SyncGroup {
            name: format!("G{group}"),
            instances: members(group),
            tracking: Default::default(),
            tracking_weight: false,
            notify: Rare::default(),
        };
        groups.into_iter().map(group).filter(|group| !group.instances.is_empty()).collect()
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.driver.is_some()
    }

    pub(crate) const fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    pub(crate) const fn engine(&self) -> Option<&Engine> {
        match &self.driver {
            Some(Driver::Engine(engine)) => Some(engine),
            Some(Driver::OldOrder(_)) | None => None,
        }
    }

    pub(crate) const fn work_in_old_order(&mut self) {
        self.old_order = true;
    }

    pub(crate) fn state(&self, router: usize) -> StateKind {
        self.world.watch.routers[router].state
    }

    pub(crate) fn instance(&self, router: usize) -> &Instance {
        &self.settings[router].instance
    }

    pub(crate) fn address(&self, router: usize) -> IpAddr {
        let setting = &self.settings[router];
        source(self.at, setting.link, setting.instance.family)
    }

    pub(crate) fn became_master(&self) -> u64 {
        self.world.watch.routers.iter().map(|r| r.became_master).sum()
    }

    /// The process starts; the one before it may have crashed. One that is about to end is followed by another.
    pub(crate) fn start(&mut self, now: Instant, respawned: bool) {
        if self.driver.is_some() {
            self.restart |= self.is_stopping();
            return;
        }
        self.restart = false;
        // Whoever starts it has put the file right.
        for (setting, original) in self.settings.iter_mut().zip(&self.originals) {
            setting.present = true;
            // Nobody knows the addresses that a predecessor left and the file does not name any more.
            setting.instance.addresses.clone_from(&original.addresses);
            setting.instance.excluded.clone_from(&original.excluded);
        }
        let mut driver = match self.old_order {
            true => Driver::OldOrder(Box::new(OldOrder::new(respawned))),
            false => Driver::Engine(Box::new(Engine::new(respawned))),
        };
        self.world.watch.respawned = respawned;
        driver.handle(now, Event::Snapshot(Box::new(self.world.kernel.snapshot())));
        self.driver = Some(driver);
        self.inbox = vec![Control::Table, Control::Config];
        self.turn_at = Some(now);
        self.busy_until = now;
        self.asleep = false;
    }

    /// The process dies; the kernel keeps the addresses.
    pub(crate) fn crash(&mut self) {
        self.driver = None;
        self.inbox.clear();
        self.paused = None;
        self.turn_at = None;
        self.world.close();
    }

    /// The whole machine dies.
    pub(crate) fn lose_power(&mut self) {
        self.crash();
        self.world.kernel.lose_power();
        self.world.refused.clear();
        self.world.refused_entries.clear();
        self.world.refused_links.clear();
        self.table = Table::Writable;
    }

    pub(crate) fn stop(&mut self, now: Instant) {
        self.say(now, Control::Stop);
    }

    fn is_stopping(&self) -> bool {
        self.world.watch.stopping || self.inbox.contains(&Control::Stop)
    }

    fn say(&mut self, now: Instant, control: Control) {
        if self.driver.is_some() {
            self.inbox.push(control);
            self.wake(now);
        }
    }

    /// Reads what the parent has said.
    fn obey(&mut self) {
        for control in std::mem::take(&mut self.inbox) {
            let config = self.config();
            let Some(driver) = &mut self.driver else { return };
            let watch = &mut self.world.watch;
            if watch.stopping {
                return;
            }
            let event = match control {
                Control::Config => {
                    watch.reloading = true;
                    let tracked = &mut self.world.tracked;
                    let present = self.settings.iter().enumerate().filter(|(_, s)| s.present);
                    tracked.configured(present.map(|(at, s)| (at, s.tracking)).collect());
                    for (at, Setting { instance, present, group, .. }) in self.settings.iter().enumerate() {
                        let (grouped, weight) = (group.is_some(), tracked.weight(at));
                        watch.reconfigured(at, instance.clone(), *present, grouped, weight);
                    }
                    Event::Config(Box::new(config))
                }
                Control::Table => Event::Table(self.table.clone()),
                Control::Stop => {
                    watch.stop();
                    Event::Stop
                }
            };
            driver.handle(self.world.now, event);
        }
    }

    pub(crate) fn edit(&mut self, now: Instant, router: usize, edit: Edit, options: &Options) {
        let setting = &mut self.settings[router];
        let whole = instance(options, router, setting.instance.priority);
        match edit {
            Edit::Priority(priority) => {
                let group = options.group_of(router);
                for (at, setting) in self.settings.iter_mut().enumerate() {
                    let is_meant = at == router || group.is_some() && options.group_of(at) == group;
                    if is_meant && setting.instance.priority != 255 {
                        setting.instance.priority = priority;
                    }
                }
            }
            Edit::Addresses(count, excluded) => {
                setting.instance.addresses = whole.addresses;
                setting.instance.addresses.truncate(count.max(1));
                setting.instance.excluded = if excluded { whole.excluded } else { vec![].into() };
            }
            Edit::Interval(interval) if setting.instance.version == Version::V3 => {
                setting.instance.advert_int = interval;
            }
            Edit::Interval(_) => {}
            Edit::Rename => setting.instance.name = format!("{}_b", setting.instance.name).into(),
            Edit::Remove => setting.present = false,
            Edit::Add => setting.present = true,
            Edit::Group(group) => setting.group = group,
        }
        self.say(now, Control::Config);
    }

    /// All that nodes must agree on is as it was in the beginning.
    pub(crate) fn whole(&mut self, now: Instant, options: &Options) {
        for router in 0..self.settings.len() {
            let whole = instance(options, router, 1);
            let setting = &mut self.settings[router];
            (setting.instance.addresses, setting.instance.excluded) = (whole.addresses, whole.excluded);
            setting.present = true;
            setting.group = options.group_of(router);
            (setting.instance.auth, setting.instance.hmac) = (whole.auth, whole.hmac);
        }
        self.say(now, Control::Config);
    }

    /// Its key is another one, or the one of all again.
    pub(crate) fn set_key(&mut self, now: Instant, router: usize, sealing: Sealing, foreign: bool) {
        seal::seal(&mut self.settings[router].instance, sealing, foreign);
        self.say(now, Control::Config);
    }

    pub(crate) fn set_clock(&mut self, by: i64) {
        self.world.clock_set_by = by;
        self.world.watch.clock_set();
    }

    pub(crate) fn set_table(&mut self, now: Instant, writable: bool) {
        self.table = if writable { Table::Writable } else { Table::Unavailable("no IPVS".into()) };
        self.say(now, Control::Table);
    }

    /// A script of a virtual router fails, or does not.
    pub(crate) fn set_script(&mut self, router: usize, works: bool) {
        self.world.tracked.set_script(router, works);
    }

    /// Somebody writes a number into the file of a virtual router.
    pub(crate) fn set_number(&mut self, now: Instant, router: usize, number: i64) {
        self.world.tracked.set_number(now, router, number);
        self.wake(now);
    }

    /// How often another host was heard that has an address of a virtual router.
    pub(crate) fn foreign_claims(&self, router: usize) -> Option<u64> {
        let instance = self.engine()?.router().instance(&self.settings[router].instance.name)?;
        Some(instance.stats().seldom.foreign_claims)
    }

    /// What is tracked means what it should.
    pub(crate) fn check_tracking(&self) -> Result<(), String> {
        let Some(engine) = self.engine().filter(|engine| engine.is_settled()) else { return Ok(()) };
        // What it tracks waits for the interface of its own, which is about to be complete.
        let refused = |index| self.world.refused.iter().any(|(at, _)| *at == index);
        let is_made = |at: usize| {
            let router = &self.world.watch.routers[at];
            router.own_link().is_none()
                || self.world.kernel.place(router).is_some_and(|index| !refused(index))
        };
        self.world.tracked.check(engine.router(), |at| is_made(at).then_some(self.settings[at].tracking))
    }

    pub(crate) fn set_link(&mut self, now: Instant, slot: usize, up: bool, by_hand: bool) {
        let system = self.system_addresses(slot);
        if self.world.kernel.index(slot).is_none() && up {
            self.world.kernel.add_link(slot, &system);
        } else {
            self.world.kernel.set_link(slot, up, by_hand, &system);
        }
        self.wake(now);
    }

    pub(crate) fn remove_link(&mut self, now: Instant, slot: usize) {
        if let Some(index) = self.world.kernel.index(slot) {
            self.world.kernel.remove_link(slot);
            self.forget_link(index);
        }
        self.wake(now);
    }

    /// Somebody deletes an interface that the daemon has made; the news may be lost.
    pub(crate) fn take_own_link(&mut self, now: Instant, nth: usize, lost: bool) {
        let own = self.world.kernel.own_links().map(|(index, _)| index).collect::<Vec<_>>();
        if let Some(index) = own.get(nth % own.len().max(1)) {
            self.world.kernel.take_link(*index);
            self.forget_link(*index);
        }
        if lost {
            self.world.kernel.news.clear();
            self.world.kernel.overrun = true;
        }
        self.wake(now);
    }

    fn forget_link(&mut self, index: IfIndex) {
        self.world.listens.retain(|listen| listen.interface != Some(index));
        self.world.refused.retain(|(at, _)| *at != index);
        self.world.unannounced.retain(|(at, _)| *at != index);
    }

    /// Somebody removes an address that the node holds; its news may be lost.
    pub(crate) fn take_address(&mut self, now: Instant, nth: usize, lost: bool) {
        if nth.is_multiple_of(3) {
            self.world.kernel.take_entry(nth);
        }
        let all: Vec<_> = self.world.kernel.not_systems().collect();
        if let Some((index, net)) = all.get(nth % all.len().max(1)) {
            self.world.kernel.take(*index, *net);
            self.world.unannounced.remove(&(*index, net.address));
        }
        if lost {
            self.world.kernel.news.clear();
            self.world.kernel.overrun = true;
        }
        self.wake(now);
    }

    pub(crate) fn pause(&mut self, now: Instant, length: Duration, hears: bool) {
        if self.driver.is_none() || self.paused.is_some() {
            return;
        }
        // A turn that has begun is taken to its end.
        let asleep = self.asleep;
        let begin = self.busy_until.max(now);
        let until = begin + length;
        self.paused = Some((until, hears));
        self.world.watch.pause(begin, length, asleep);
        self.turn_at = Some(until);
    }

    pub(crate) fn longest_pause(&self) -> Duration {
        let longest = self.settings.iter().map(|s| s.instance.advert_int * 12).max();
        longest.unwrap_or_default()
    }

    pub(crate) fn receive(&mut self, now: Instant, advert: Advert) {
        if self.driver.is_none() || self.paused.is_some_and(|(_, hears)| !hears) {
            return;
        }
        if self.world.deliver(now, advert) {
            self.wake(now);
        }
    }

    /// Somebody says whose an address is.
    pub(crate) fn hear_claim(&mut self, now: Instant, link: usize, address: IpAddr, mac: MacAddr) {
        if self.driver.is_none() || self.paused.is_some_and(|(_, hears)| !hears) {
            return;
        }
        if self.world.hear_claim(now, link, address, mac) {
            self.wake(now);
        }
    }

    /// Something can be read.
    fn wake(&mut self, now: Instant) {
        if self.driver.is_some() && self.paused.is_none() {
            let at = now.max(self.busy_until);
            self.turn_at = Some(self.turn_at.map_or(at, |planned| planned.min(at)));
        }
    }

    /// One round of the loop. Whether it goes to sleep now, with nothing left to read.
    pub(crate) fn turn(&mut self, now: Instant) -> bool {
        self.paused = None;
        self.world.begin_turn(now);
        self.obey();
        let Some(driver) = &mut self.driver else { return false };
        let next = match driver {
            Driver::Engine(engine) => engine.turn(&mut self.world),
            Driver::OldOrder(old) => old.turn(&mut self.world),
        };
        let end = self.world.now;
        let reloading = matches!(driver, Driver::Engine(engine) if engine.router().is_reloading());
        self.world.watch.reloading &= reloading;
        self.busy_until = end;
        let unread = self.world.has_news();
        let job_ends = self.world.job_ends();
        let told = self.world.tracked.next();
        self.asleep = matches!(next, Next::At(_));
        self.turn_at = match next {
            Next::Again => Some(end),
            Next::At(_) if unread => Some(end),
            Next::At(at) => at.into_iter().chain(job_ends).chain(told).min().map(|at| at.max(end)),
            Next::Done => {
                let World { watch, kernel, .. } = &mut self.world;
                watch.check_farewell(|router| kernel.place(router).is_some_and(|index| kernel.is_up(index)));
                self.crash();
                if self.restart {
                    self.start(end, false);
                    return false;
                }
                return true;
            }
        };
        self.asleep && !unread && job_ends.is_none()
    }
}
