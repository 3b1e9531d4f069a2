//! A machine in the simulation: the daemon's engine, its world, and what a person tells it.

mod config;
mod links;
mod setting;

use crate::io::{Advert, World};
use crate::old_order::OldOrder;
use crate::options::Options;
use crate::random::Random;
use crate::watch::{self, Watch};
pub(crate) use config::Edit;
use config::Setting;
pub(crate) use setting::vrid;
use setting::{instance, source};
use std::net::IpAddr;
use std::time::Duration;
use vipd::net::MacAddr;
use vipd::time::Instant;
use vipd::vrrp::Engine;
use vipd::vrrp::config::Instance;
use vipd::vrrp::engine::Next;
use vipd::vrrp::event::{Event, StateKind, Table};

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Control {
    Config,
    Table,
    Stop,
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

    /// Whether a configuration is not carried out yet that the parent has told: it may make it believe others.
    pub(crate) fn is_reloading(&self) -> bool {
        !self.inbox.is_empty() || self.world.watch.reloading
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
                        if watch.is_replaced(at, instance) {
                            tracked.replaced(at);
                        }
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
