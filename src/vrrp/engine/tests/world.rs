//! A world in which every change of an address takes its time, and how it is driven.

use super::super::*;
use crate::net::MacAddr;
use crate::run::{Run, RunId};
use crate::vrrp::config::{self, Instance, Version, VirtualAddress, Vrid};
use crate::vrrp::event::{
    Address, AddressState, Change, IfIndex, Link, Make, Received, Refusal, Settings, Snapshot, StateKind,
};
use crate::vrrp::garp::{self, Frame};
use crate::vrrp::packet::{Advert, Body, Centis};
use crate::vrrp::shared::Shared;
use crate::vrrp::track::Watched;
use std::net::IpAddr;
use std::time::Duration;

pub(super) const START: Instant = Instant::from_nanos(1_000_000_000_000);

/// A kernel that takes `cost` for each address, and what was done in it.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) cost: Duration,
    pub(super) inbox: Vec<(Instant, Event<'static>)>,
    pub(super) done: Vec<(Instant, String)>,
    /// When the present job began, and when it ends.
    pub(super) job: Option<(Instant, Instant)>,
    pub(super) frames: usize,
    /// Which addresses were announced, in that order.
    pub(super) announced: Vec<(Instant, IpAddr)>,
    pub(super) most_changes: usize,
    pub(super) deaf: bool,
    pub(super) mute: bool,
    /// Where it listens: in one place as sockets do, once however often it was entered.
    pub(super) listens: HashSet<Listen>,
}

impl World {
    pub(super) fn new(cost: Duration) -> World {
        World {
            now: START,
            cost,
            inbox: vec![],
            done: vec![],
            job: None,
            frames: 0,
            announced: vec![],
            most_changes: 0,
            deaf: false,
            mute: false,
            listens: HashSet::new(),
        }
    }

    pub(super) fn note(&mut self, what: String) {
        self.done.push((self.now, what));
    }

    pub(super) fn times(&self, what: &str) -> Vec<Instant> {
        self.done.iter().filter(|(_, done)| done == what).map(|(at, _)| *at).collect()
    }

    pub(super) fn position(&self, what: &str) -> usize {
        self.done
            .iter()
            .position(|(_, done)| done == what)
            .unwrap_or_else(|| panic!("{what}: {:?}", self.done))
    }
}

impl Io for World {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn utc(&mut self) -> Duration {
        Duration::from_secs(1_700_000_000)
    }

    fn receive(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> bool {
        let (now, inbox) = (self.now, std::mem::take(&mut self.inbox));
        for (at, event) in inbox {
            let is_news = !matches!(event, Event::Received(_));
            if at <= now && !(is_news && self.job.is_some()) {
                sink(at, event);
            } else {
                self.inbox.push((at, event));
            }
        }
        false
    }

    fn listen(&mut self, listen: Listen) -> Result<(), Shared<str>> {
        if self.deaf {
            return Err("deaf".into());
        }
        self.listens.insert(listen);
        Ok(())
    }

    fn set_buffer(&mut self, _: Listen, _: u32) {}

    fn unlisten(&mut self, listen: Listen) {
        self.listens.remove(&listen);
        self.note(format!("unlisten {}", listen.interface.map_or(0, |i| i.0)));
    }

    fn send(&mut self, adverts: &[(Name, Packet)], failed: &mut dyn FnMut(usize, Shared<str>)) {
        for (at, (name, packet)) in adverts.iter().enumerate() {
            // Adverts leave by the socket that listens.
            if self.mute || self.listens.is_empty() {
                failed(at, "no route".into());
            } else {
                self.note(format!("{name} says {}", packet.bytes()[2]));
            }
        }
    }

    fn start(&mut self, changes: &[Change], frames: &[Frame]) {
        assert!(self.job.is_none(), "one job at a time");
        self.most_changes = self.most_changes.max(changes.len());
        let begin = self.now;
        for change in changes {
            self.now += self.cost;
            self.note(match change {
                Change::Add { address, .. } => format!("+{}", address.net),
                Change::Remove { net, .. } => format!("-{net}"),
                Change::AddLink(new) => format!("+{}", new.link.name),
                Change::RemoveLink { name, .. } => format!("-{name}"),
                other @ (Change::Set { .. }
                | Change::CheckReversePaths(_)
                | Change::Muzzle { .. }
                | Change::Shut { .. }) => format!("{other:?}"),
                other => format!("{}{}", if other.adds() { '+' } else { '-' }, other.entry().unwrap()),
            });
        }
        // Others ask.
        let claims = frames.iter().filter_map(|frame| garp::claim(frame.bytes()));
        let before = self.announced.len();
        self.announced.extend(claims.map(|(address, _)| (self.now, address)));
        if self.announced.len() > before {
            self.frames += self.announced.len() - before;
            self.note("announce".into());
        }
        // All that is the kernel's time, not the engine's.
        self.job = Some((begin, self.now));
        self.now = begin;
    }

    fn finished(&mut self, _: &mut dyn FnMut(usize, Refusal)) -> Option<Duration> {
        let (begin, end) = self.job.take_if(|(_, end)| *end <= self.now)?;
        Some(end - begin)
    }

    fn notify(&mut self, notice: &Notice) {
        self.note(notice.fifo_line().trim_end().to_owned());
    }

    fn run(&mut self, _: Run) {}

    fn cancel_run(&mut self, _: RunId) {}

    fn watch(&mut self, _: Watched) {}

    fn report(&mut self, instance: Option<&Name>, report: &Report) {
        self.note(match (instance, report) {
            (Some(name), Report::Entered { to, .. }) => format!("{name} {to:?}"),
            (_, other) => format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
        });
    }
}

pub(super) fn instance(name: &str, vrid: u8, interval: u64, addresses: usize) -> Instance {
    let address = |n: usize| {
        let net = format!("10.{vrid}.{}.{}/32", n / 250, n % 250 + 1).parse().unwrap();
        VirtualAddress::new(net, "eth0")
    };
    Instance {
        version: Version::V3,
        advert_int: Duration::from_millis(interval),
        addresses: vec![address(0)],
        excluded: (1..addresses).map(address).collect(),
        ..Instance::new(name, "eth0", Vrid::new(vrid).unwrap())
    }
}

pub(super) fn eth0(up: bool) -> Link {
    let (name, mac) = ("eth0".into(), Some(MacAddr([2; 6])));
    Link {
        name,
        index: IfIndex(2),
        up,
        mtu: 1500,
        mac,
        forwards: false,
        table: None,
        make: Make::default(),
        v4: Settings::default(),
    }
}

pub(super) fn start(world: &mut World, instances: Vec<Instance>) -> Engine {
    let mut engine = Engine::new(false);
    let net = "10.0.0.1/24".parse().unwrap();
    let address =
        Address { interface: IfIndex(2), net, peer: None, state: AddressState::Usable, ours: false };
    let snapshot = Snapshot { links: vec![eth0(true)], addresses: vec![address], ..Snapshot::default() };
    engine.handle(START, Event::Snapshot(Box::new(snapshot)));
    reload(&mut engine, world, instances);
    engine
}

pub(super) fn reload(engine: &mut Engine, world: &mut World, instances: Vec<Instance>) {
    let config = config::Config { instances, ..config::Config::default() };
    engine.handle(world.now, Event::Config(Box::new(config)));
}

/// Runs until then, sleeping where the engine says so.
pub(super) fn run(engine: &mut Engine, world: &mut World, until: Instant) {
    while world.now < until {
        match engine.turn(world) {
            // A turn without work takes its time, too.
            Next::Again => world.now += Duration::from_micros(5),
            Next::At(at) => {
                let job = world.job.map(|(_, end)| end);
                let can_be_read = |event: &Event<'_>| job.is_none() || matches!(event, Event::Received(_));
                let inbox = world.inbox.iter().filter(|(_, event)| can_be_read(event));
                let arrival = inbox.map(|(at, _)| *at).min();
                let next = at.into_iter().chain(arrival).chain(job).min().unwrap_or(until);
                world.now = world.now.max(next).min(until);
            }
            Next::Done => return,
        }
    }
}

pub(super) fn advert(at: Instant, instance: &Instance, priority: u8) -> (Instant, Event<'static>) {
    let (source, destination): (IpAddr, IpAddr) =
        ("10.0.0.9".parse().unwrap(), "224.0.0.18".parse().unwrap());
    let advert = Advert {
        vrid: instance.vrid,
        priority,
        addresses: instance.addresses.iter().map(|a| a.net.address).collect(),
        body: Body::V3 { interval: Centis::from(instance.advert_int) },
    };
    let payload = advert.encode(source, destination);
    let received = Received::on(IfIndex(2), source, destination, 255, payload);
    (at, Event::Received(received))
}

pub(super) fn state(engine: &Engine, name: &str) -> StateKind {
    engine.router().instance(name).map_or(StateKind::Init, |i| i.state())
}

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
