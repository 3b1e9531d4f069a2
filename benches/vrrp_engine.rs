//! The longest turn of the VRRP engine: so long can an advert be late because of this program's own work.
//!
//! `cargo bench --bench vrrp_engine`. No kernel and no sockets: jobs end at once, and news come as fast as they are
//! taken, 512 a turn, as in the daemon.
//!
//! | row | what happens |
//! |---|---|
//! | takeover | a backup of N addresses becomes master |
//! | release | it hears a better master |
//! | flush | somebody removes all addresses of a master |
//! | resync | news were lost: everything is told anew |
//! | reload | N instances with an address each, one of which changes its priority |
//! | copy | these are copied for a file of what is going on, 64 a turn |
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "it measures real time")]

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;
use vipd::net::{IpNet, MacAddr};
use vipd::run::{Run, RunId};
use vipd::sys::raw;
use vipd::time::Instant;
use vipd::vrrp::Engine;
use vipd::vrrp::config::{self, Instance, VirtualAddress, Vrid};
use vipd::vrrp::engine::{Io, Next};
use vipd::vrrp::event::{
    Address, AddressState, Change, Event, IfIndex, Link, Listen, Make, Name, Packet, Received, Refusal,
    Report, Settings, Snapshot, StateKind,
};
use vipd::vrrp::garp::Frame;
use vipd::vrrp::notice::Notice;
use vipd::vrrp::packet::{Advert, Authentication, Body, Secs};
use vipd::vrrp::router::Place;
use vipd::vrrp::shared::Shared;
use vipd::vrrp::track::Watched;

/// As `daemon::vrrp::network` takes them.
const NEWS: usize = 512;
/// As `daemon::vrrp::dumps` copies them.
const INSTANCES: usize = 64;
const ETH0: IfIndex = IfIndex(2);
const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

/// A world in which everything succeeds at once, and a clock that runs with the real one, but skips the waiting.
struct World {
    start: std::time::Instant,
    skipped: Duration,
    news: VecDeque<Event<'static>>,
    at_work: bool,
}

impl Io for World {
    fn now(&mut self) -> Instant {
        Instant::from_nanos(1_000_000_000) + self.start.elapsed() + self.skipped
    }

    fn utc(&mut self) -> Duration {
        Duration::from_secs(1_700_000_000)
    }

    fn receive(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> bool {
        if self.at_work {
            return false;
        }
        let now = self.now();
        for event in self.news.drain(..self.news.len().min(NEWS)) {
            sink(now, event);
        }
        !self.news.is_empty()
    }

    fn listen(&mut self, _: Listen) -> Result<(), Shared<str>> {
        Ok(())
    }

    fn set_buffer(&mut self, _: Listen, _: u32) {}

    fn unlisten(&mut self, _: Listen) {}

    fn send(&mut self, _: &[(Name, Packet)], _: &mut dyn FnMut(usize, Shared<str>)) {}

    fn start(&mut self, changes: &[Change], _: &[Frame]) {
        for change in changes {
            self.news.push_back(match change {
                Change::Add { interface, address } => {
                    let (interface, net) = (*interface, address.net);
                    Event::Address(Address {
                        interface,
                        net,
                        peer: None,
                        state: AddressState::Usable,
                        ours: true,
                    })
                }
                Change::Remove { interface, net, .. } => {
                    Event::AddressGone { interface: *interface, net: *net }
                }
                other => unreachable!("{other:?}: no instance here asks for it"),
            });
        }
        self.at_work = true;
    }

    fn finished(&mut self, _: &mut dyn FnMut(usize, Refusal)) -> Option<Duration> {
        std::mem::take(&mut self.at_work).then_some(Duration::from_micros(100))
    }

    fn notify(&mut self, _: &Notice) {}

    fn run(&mut self, _: Run) {}

    fn cancel_run(&mut self, _: RunId) {}

    fn watch(&mut self, _: Watched) {}

    fn report(&mut self, _: Option<&Name>, report: &Report) {
        std::hint::black_box(report);
    }
}

struct Stage {
    engine: Engine,
    world: World,
}

fn net(n: usize) -> IpNet {
    let [_, _, high, low] = u32::try_from(n + 1).unwrap().to_be_bytes();
    format!("100.64.{high}.{low}/32").parse().unwrap()
}

fn link() -> Link {
    let mac = Some(MacAddr([2; 6]));
    Link {
        name: "eth0".into(),
        index: ETH0,
        table: None,
        up: true,
        mtu: 1500,
        mac,
        forwards: false,
        make: Make::default(),
        v4: Settings::default(),
    }
}

fn held(net: IpNet, ours: bool) -> Address {
    Address { interface: ETH0, net, peer: None, state: AddressState::Usable, ours }
}

fn own() -> Address {
    held("192.0.2.1/24".parse().unwrap(), false)
}

/// One instance with so many addresses, of which the first is advertised.
fn large(count: usize) -> Instance {
    let mut all = (0..count).map(|n| VirtualAddress::new(net(n), "eth0"));
    Instance {
        addresses: all.by_ref().take(1).collect(),
        excluded: all.collect(),
        ..Instance::new("large", "eth0", Vrid::new(1).unwrap())
    }
}

fn many(count: usize, first_priority: u8) -> Vec<Instance> {
    let one = |n: usize| Instance {
        priority: if n == 0 { first_priority } else { 100 },
        addresses: vec![VirtualAddress::new(net(n), "eth0")],
        // VRIDs are unique on an interface: the others find none of theirs.
        ..Instance::new(
            format!("V{n}"),
            format!("eth{}", n / 255),
            Vrid::new(u8::try_from(n % 255).unwrap() + 1).unwrap(),
        )
    };
    (0..count).map(one).collect()
}

impl Stage {
    fn new(instances: Vec<Instance>) -> Stage {
        let world = World {
            start: std::time::Instant::now(),
            skipped: Duration::ZERO,
            news: VecDeque::new(),
            at_work: false,
        };
        let mut stage = Stage { engine: Engine::new(false), world };
        stage.tell(Event::Snapshot(Box::new(Snapshot {
            links: vec![link()],
            addresses: vec![own()],
            ..Snapshot::default()
        })));
        stage.configure(instances);
        stage.run(Duration::from_millis(100));
        stage
    }

    fn configure(&mut self, instances: Vec<Instance>) {
        self.tell(Event::Config(Box::new(config::Config { instances, ..config::Config::default() })));
    }

    fn tell(&mut self, event: Event<'_>) {
        let now = self.world.now();
        self.engine.handle(now, event);
    }

    /// The longest turn, and the number of turns, until so much time has passed without work.
    fn run(&mut self, time: Duration) -> (Duration, usize) {
        let (mut longest, mut turns) = (Duration::ZERO, 0);
        let end = self.world.now() + time;
        loop {
            let before = std::time::Instant::now();
            let next = self.engine.turn(&mut self.world);
            longest = longest.max(before.elapsed());
            turns += 1;
            let now = self.world.now();
            match next {
                Next::At(_) if self.world.at_work || !self.world.news.is_empty() => {}
                Next::At(at) if now < end => {
                    let next = at.map_or(end, |at| at.min(end));
                    self.world.skipped += next.saturating_since(now);
                }
                Next::Again => {}
                Next::At(_) | Next::Done => return (longest, turns),
            }
        }
    }

    /// The longest turn, and the number of turns, in which all that others are shown is copied.
    fn copy(&self) -> (Duration, usize) {
        let (mut longest, mut turns, mut place) = (Duration::ZERO, 0, Place::default());
        loop {
            let before = std::time::Instant::now();
            let some = self.engine.router().show_some(&mut place, INSTANCES);
            if some.is_empty() {
                std::hint::black_box(self.engine.router().show_rest());
            }
            longest = longest.max(before.elapsed());
            turns += 1;
            if some.is_empty() {
                return (longest, turns);
            }
        }
    }

    fn state(&self) -> StateKind {
        self.engine.router().instances().next().unwrap().state()
    }
}

fn show(what: &str, count: usize, (longest, turns): (Duration, usize)) {
    println!("  {what:<9} {count:>6}: longest turn {:>7.3} ms, of {turns}", longest.as_secs_f64() * 1e3);
}

fn main() {
    // `cargo test --benches` and test runners that list call it too.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    for count in [200, 2000, 20_000] {
        let second = Duration::from_secs(1);
        let mut stage = Stage::new(vec![large(count)]);
        show("takeover", count, stage.run(second * 30));
        assert_eq!(stage.state(), StateKind::Master);

        let nets = (0..count).map(net);
        stage.world.news.extend(nets.clone().map(|net| Event::AddressGone { interface: ETH0, net }));
        show("flush", count, stage.run(second * 30));

        let addresses = nets.map(|net| held(net, true)).chain([own()]).collect();
        stage.world.news.push_back(Event::Snapshot(Box::new(Snapshot {
            links: vec![link()],
            addresses,
            ..Snapshot::default()
        })));
        show("resync", count, stage.run(second));

        let advert = Advert {
            vrid: Vrid::new(1).unwrap(),
            priority: 200,
            addresses: [net(0).address].into(),
            body: Body::V2 { interval: Secs(1), auth: Authentication::None },
        };
        let payload = advert.encode(SOURCE.into(), raw::GROUP_V4.into());
        let (source, destination) = (SOURCE.into(), raw::GROUP_V4.into());
        let received = Received::on(ETH0, source, destination, raw::TTL, payload);
        stage.world.news.push_back(Event::Received(received));
        show("release", count, stage.run(second / 2));
        assert_eq!(stage.state(), StateKind::Backup);

        let mut stage = Stage::new(many(count, 100));
        stage.configure(many(count, 101));
        show("reload", count, stage.run(second / 2));
        show("copy", count, stage.copy());
    }
}
