//! No allocation for an advert that comes or leaves, once everything runs: not in the engine, not in the sockets. Counted
//! by the allocator itself.

#![allow(clippy::unwrap_used, reason = "a world that can not be made fails the test")]

use nix::sched::{CloneFlags, unshare};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;
use vipd::net::{Family, MacAddr};
use vipd::run::{Run, RunId};
use vipd::sys::raw::{self, Inbox, Socket};
use vipd::sys::{packet, poll::Poll, timer::Timer};
use vipd::time::Instant;
use vipd::vrrp::Engine;
use vipd::vrrp::config::{self, Instance, Version, VirtualAddress, Vrid};
use vipd::vrrp::engine::{Io, Next};
use vipd::vrrp::event::{
    Address, AddressState, Change, Event, IfIndex, Link, Listen, Make, Name, Packet, Received, Refusal,
    Report, Settings, Snapshot, StateKind,
};
use vipd::vrrp::garp::Frame;
use vipd::vrrp::notice::Notice;
use vipd::vrrp::packet::{Advert, Body, Centis};
use vipd::vrrp::shared::Shared;
use vipd::vrrp::track::Watched;

/// The system's allocator, which counts for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends allocates no more that matters.
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every call goes to the system's allocator as it is; the counter is a plain number of the thread's own, made
// without allocating.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often this thread allocates meanwhile.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn ip(args: &str) {
    let out = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(out.status.success(), "ip {args}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Two ends of a cable in a network namespace of the thread's own, and root of a user namespace where it is not root.
/// False where another process, started for that, has done the test.
fn cable() -> bool {
    if !nix::unistd::geteuid().is_root() {
        let mut again = Command::new("unshare");
        again.args(["--user", "--map-root-user", "--"]).arg(std::env::current_exe().unwrap());
        again.args(["--exact", std::thread::current().name().unwrap()]);
        assert!(again.status().unwrap().success(), "needs root, or user namespaces (unshare --user)");
        return false;
    }
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    ip("link add near type veth peer name far");
    for end in ["near", "far"] {
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/accept_dad"), "0").unwrap();
        ip(&format!("link set {end} up"));
    }
    ip("addr add fe80::1/64 dev near nodad");
    true
}

fn index(name: &str) -> u32 {
    nix::net::if_::if_nametoindex(name).unwrap()
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1, 2, 3]))) > 0);
    assert_eq!(allocations(|| ()), 0);
}

/// A world that has a link and an address, in which everything succeeds.
struct World {
    now: Instant,
    arrivals: VecDeque<(Instant, Vec<u8>)>,
    sent: usize,
}

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

impl Io for World {
    fn now(&mut self) -> Instant {
        self.now
    }

    fn utc(&mut self) -> Duration {
        Duration::from_secs(1_700_000_000)
    }

    fn receive(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> bool {
        while let Some((at, bytes)) = self.arrivals.front().filter(|(at, _)| *at <= self.now) {
            let (source, group) = (SOURCE.into(), raw::GROUP_V4.into());
            let received = Received::on(IfIndex(2), source, group, raw::TTL, bytes.as_slice());
            sink(*at, Event::Received(received));
            // Freeing is no allocation.
            self.arrivals.pop_front();
        }
        false
    }

    fn listen(&mut self, _: Listen) -> Result<(), Shared<str>> {
        Ok(())
    }

    fn set_buffer(&mut self, _: Listen, _: u32) {}

    fn unlisten(&mut self, _: Listen) {}

    fn send(&mut self, adverts: &[(Name, Packet)], _: &mut dyn FnMut(usize, Shared<str>)) {
        self.sent += adverts.len();
    }

    fn start(&mut self, _: &[Change], _: &[Frame]) {}

    fn finished(&mut self, _: &mut dyn FnMut(usize, Refusal)) -> Option<Duration> {
        Some(Duration::ZERO)
    }

    fn notify(&mut self, _: &Notice) {}

    fn run(&mut self, _: Run) {}

    fn cancel_run(&mut self, _: RunId) {}

    fn watch(&mut self, _: Watched) {}

    fn report(&mut self, _: Option<&Name>, _: &Report) {}
}

fn instance(vrid: u8) -> Instance {
    let address = format!("10.0.0.{vrid}/24").parse().unwrap();
    Instance {
        version: Version::V3,
        advert_int: Duration::from_millis(100),
        addresses: vec![VirtualAddress::new(address, "eth0")],
        ..Instance::new(format!("VI_{vrid}"), "eth0", Vrid::new(vrid).unwrap())
    }
}

fn run(engine: &mut Engine, world: &mut World, until: Instant) {
    while world.now < until {
        match engine.turn(world) {
            Next::Again => world.now += Duration::from_micros(5),
            Next::At(at) => {
                let arrival = world.arrivals.front().map(|(at, _)| *at);
                let next = at.into_iter().chain(arrival).min().unwrap_or(until);
                world.now = world.now.max(next).min(until);
            }
            Next::Done => unreachable!("nobody stops it"),
        }
    }
}

#[test]
fn the_engine_of_masters_and_backups_runs_without_allocating() {
    // 100 masters, and 100 backups whose master is somewhere else.
    const EACH: u8 = 100;
    let start = Instant::from_nanos(1_000_000_000);
    let mut world = World { now: start, arrivals: VecDeque::new(), sent: 0 };
    for round in 0..400 {
        for vrid in EACH + 1..=2 * EACH {
            let at = start + Duration::from_millis(50 * round) + Duration::from_micros(50 * u64::from(vrid));
            let advert = Advert {
                vrid: Vrid::new(vrid).unwrap(),
                priority: 200,
                addresses: [Ipv4Addr::new(10, 0, 0, vrid).into()].into(),
                body: Body::V3 { interval: Centis::from(Duration::from_millis(100)) },
            };
            world.arrivals.push_back((at, advert.encode(SOURCE.into(), raw::GROUP_V4.into())));
        }
    }
    let mut engine = Engine::new(false);
    let (index, name, mac) = (IfIndex(2), "eth0".into(), Some(MacAddr([2; 6])));
    let link = Link {
        name,
        index,
        up: true,
        mtu: 1500,
        mac,
        forwards: false,
        table: None,
        make: Make::default(),
        v4: Settings::default(),
    };
    let net = "192.0.2.1/24".parse().unwrap();
    let address = Address { interface: index, net, peer: None, state: AddressState::Usable, ours: false };
    let snapshot = Snapshot { links: vec![link], addresses: vec![address], ..Snapshot::default() };
    engine.handle(start, Event::Snapshot(Box::new(snapshot)));
    let instances = (1..=2 * EACH).map(instance).collect();
    let config = config::Config { instances, ..config::Config::default() };
    engine.handle(start, Event::Config(Box::new(config)));
    // The takeovers, and the announcements that follow them after a while.
    run(&mut engine, &mut world, start + Duration::from_secs(10));
    let count = |state| engine.router().instances().filter(|i| i.state() == state).count();
    assert_eq!((count(StateKind::Master), count(StateKind::Backup)), (100, 100));

    let (sent, waiting) = (world.sent, world.arrivals.len());
    let until = world.now + Duration::from_secs(9);
    let allocated = allocations(|| run(&mut engine, &mut world, until));
    assert!(world.sent - sent > 8_500, "masters speak: {}", world.sent - sent);
    assert!(waiting - world.arrivals.len() > 17_000, "backups hear");
    assert_eq!(allocated, 0, "allocations for 9,000 adverts that leave and 18,000 that come");
}

#[test]
fn adverts_and_frames_leave_and_come_without_allocating() {
    if !cable() {
        return;
    }
    let (near, far) = (index("near"), index("far"));
    let groups: [(Family, IpAddr, IpAddr); 2] = [
        (Family::V4, Ipv4Addr::new(192, 0, 2, 1).into(), raw::GROUP_V4.into()),
        (Family::V6, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(), raw::GROUP_V6.into()),
    ];
    let mut inbox = Inbox::new();
    let mut poll = Poll::new().unwrap();
    let mut timer = Timer::new().unwrap();
    poll.add(&timer, 0).unwrap();
    for (family, source, group) in groups {
        let sender = Socket::open(family, near).unwrap();
        let mut receiver = Socket::open(family, far).unwrap();
        receiver.join(group).unwrap();
        poll.add(&receiver, 1).unwrap();
        let payload = [0x31; 20];
        let packets = || {
            (0..150).map(|_| raw::Packet {
                source,
                destination: group,
                ttl: Some(raw::TTL),
                id: 0,
                payload: &payload,
            })
        };
        let mut received = 0;
        // The first ones find a kernel that has not set everything up.
        while received == 0 {
            sender.send_many(packets(), |_, _| ());
            receiver.drain(&mut inbox, |_| received += 1).unwrap();
        }
        while receiver.drain(&mut inbox, |_| ()).unwrap() || is_readable(&receiver) {}

        let sending = allocations(|| sender.send_many(packets(), |at, problem| panic!("{at}: {problem}")));
        assert_eq!(sending, 0, "{family:?}: allocations for 150 packets that leave");
        received = 0;
        let mut receiving = 0;
        while received < 150 {
            receiving += allocations(|| {
                timer.set(Some(vipd::sys::clock::now())).unwrap();
                let tokens = poll.ready_now().unwrap();
                assert!(tokens.iter().count() <= 2);
                let ready = tokens.contains(1);
                timer.take_expiry().unwrap();
                if ready {
                    receiver
                        .drain(&mut inbox, |packet| received += usize::from(packet.payload == payload))
                        .unwrap();
                }
            });
        }
        assert_eq!(receiving, 0, "{family:?}: allocations for 150 packets that come");
        poll.remove(&receiver).unwrap();
    }

    let frames = packet::Sender::open().unwrap();
    let bytes = [0xff; 60];
    let queue = (0..150).map(|_| packet::Frame { interface: near, bytes: &bytes });
    let sending = allocations(|| frames.send_many(queue, |at, problem| panic!("{at}: {problem}")));
    assert_eq!(sending, 0, "allocations for 150 frames");
}

fn is_readable(socket: &impl AsFd) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).unwrap() > 0
}
