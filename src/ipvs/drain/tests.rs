//! Drains in simulated time.

use super::*;
use crate::ipvs::model::{Forward, Netmask, Service, Stats};
use crate::net::Family;

const SERVER: &str = "10.0.0.5:80";

fn key(text: &str) -> DestKey {
    let address: std::net::SocketAddr = text.parse().unwrap();
    DestKey { address: address.ip(), port: address.port() }
}

fn service(protocol: Protocol) -> ServiceEntry {
    let service = Service {
        key: ServiceKey::Address { protocol, address: "10.0.0.1".parse().unwrap(), port: 80 },
        scheduler: "wlc".into(),
        flags: ServiceFlags::empty(),
        timeout: 0,
        netmask: Netmask::host(Family::V4),
        pe_name: None,
    };
    ServiceEntry { service, stats: Stats::default() }
}

fn server(text: &str, weight: u32, active: u32, inactive: u32) -> DestEntry {
    let dest = Dest {
        key: key(text),
        forward: Forward::DirectRoute,
        weight,
        upper_threshold: 500,
        lower_threshold: 0,
    };
    DestEntry {
        dest,
        active_conns: active,
        inactive_conns: inactive,
        persistent_conns: 0,
        stats: Stats::default(),
    }
}

fn options() -> Options {
    Options {
        then: Then::Remove,
        timeout: None,
        on_timeout: OnTimeout::Restore,
        interval: Duration::from_secs(1),
        wait_for: WaitFor::Active,
        force: false,
    }
}

/// A director whose table the machine's operations change.
struct World {
    now: Instant,
    server: Option<DestEntry>,
    drain: Drain,
    /// What was done and said, in order.
    told: Vec<Action>,
}

impl World {
    fn begin(protocol: Protocol, server: DestEntry, options: Options) -> World {
        let others = self::server("10.0.0.6:80", 1, 0, 0);
        let now = Instant::from_nanos(5_000_000_000);
        let (drain, actions) =
            Drain::begin(now, &service(protocol), &[others, server], server.dest.key, options).unwrap();
        let mut world = World { now, server: Some(server), drain, told: Vec::new() };
        world.perform(actions);
        world
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in &actions {
            match action {
                Action::Execute(Operation::EditDest(_, dest)) => self.server.as_mut().unwrap().dest = *dest,
                Action::Execute(Operation::DeleteDest(_, of)) => {
                    assert_eq!(self.server.take().unwrap().dest.key, *of);
                }
                Action::Execute(other) => panic!("unexpected: {other}"),
                Action::Report(_) | Action::End(_) => {}
            }
        }
        self.told.extend(actions);
    }

    /// The next reading, at its time, with so many active connections.
    fn read(&mut self, active: u32) {
        if let Some(server) = &mut self.server {
            server.active_conns = active;
        }
        assert!(self.drain.next_timeout() > self.now, "time stands still");
        self.now = self.drain.next_timeout();
        let actions = self.drain.handle(self.now, Event::Reading(self.server));
        self.perform(actions);
    }

    fn interrupt(&mut self) {
        let actions = self.drain.handle(self.now, Event::Interrupted(self.server));
        self.perform(actions);
    }

    fn outcome(&self) -> Option<Outcome> {
        self.told.iter().find_map(|action| match action {
            Action::End(outcome) => Some(*outcome),
            _ => None,
        })
    }

    fn operations(&self) -> usize {
        self.told.iter().filter(|action| matches!(action, Action::Execute(_))).count()
    }

    fn weight(&self) -> Option<u32> {
        Some(self.server?.dest.weight)
    }

    fn progress(&self) -> Progress {
        let reports = self.told.iter().rev().find_map(|action| match action {
            Action::Report(progress) => Some(*progress),
            _ => None,
        });
        reports.expect("a report")
    }
}

#[test]
fn a_server_is_removed_when_its_last_connection_ends() {
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 3, 9), options());
    assert_eq!(world.weight(), Some(0));
    for active in [3, 2, 1] {
        world.read(active);
        assert_eq!((world.outcome(), world.weight()), (None, Some(0)));
    }
    world.read(0);
    assert_eq!(world.outcome(), Some(Outcome::Drained(Then::Remove)));
    assert_eq!(world.server, None);
    assert_eq!(world.operations(), 2);
}

#[test]
fn all_but_the_weight_stays() {
    let before = server(SERVER, 7, 3, 0);
    let world = World::begin(Protocol::Tcp, before, options());
    assert_eq!(world.server.unwrap().dest, Dest { weight: 0, ..before.dest });
}

#[test]
fn a_server_that_is_kept_stays_with_weight_0() {
    let keep = Options { then: Then::Keep, ..options() };
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 1, 0), keep);
    world.read(0);
    assert_eq!(world.outcome(), Some(Outcome::Drained(Then::Keep)));
    assert_eq!(world.weight(), Some(0));
    assert_eq!(world.operations(), 1);
}

#[test]
fn a_connection_that_is_being_opened_has_a_second_to_show_up() {
    let often = Options { interval: Duration::from_millis(300), ..options() };
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 0, 1), often);
    world.read(0);
    world.read(0);
    assert_eq!(world.outcome(), None, "after 0.6 s");
    world.read(1);
    world.read(0);
    assert_eq!(world.outcome(), Some(Outcome::Drained(Then::Remove)), "after 1.2 s");
}

#[test]
fn what_udp_has_is_inactive_and_counts() {
    let mut world = World::begin(Protocol::Udp, server(SERVER, 7, 0, 2), options());
    world.read(0);
    assert_eq!((world.outcome(), world.progress().left), (None, 2));
    world.server.as_mut().unwrap().inactive_conns = 0;
    world.read(0);
    assert_eq!(world.outcome(), Some(Outcome::Drained(Then::Remove)));
}

#[test]
fn what_a_firewall_mark_has_of_udp_counts_when_asked_for() {
    let mut service = service(Protocol::Tcp);
    service.service.key = ServiceKey::Fwmark { mark: 5, family: Family::V4 };
    let dests = [server(SERVER, 7, 0, 2), server("10.0.0.6:80", 1, 0, 0)];
    let drained = [WaitFor::Active, WaitFor::All].map(|wait_for| {
        let options = Options { wait_for, ..options() };
        let (mut drain, _) = Drain::begin(Instant::ZERO, &service, &dests, key(SERVER), options).unwrap();
        let reading = server(SERVER, 0, 0, 2);
        let actions = drain.handle(Instant::ZERO + Drain::SETTLE, Event::Reading(Some(reading)));
        let cut = may_cut_udp(&service.service.key, wait_for, &reading);
        (actions.contains(&Action::End(Outcome::Drained(Then::Remove))), cut)
    });
    assert_eq!(drained, [(true, true), (false, false)]);
    let by_address =
        ServiceKey::Address { protocol: Protocol::Tcp, address: "192.0.2.1".parse().unwrap(), port: 80 };
    assert!(!may_cut_udp(&by_address, WaitFor::Active, &dests[0]), "these are being opened or closed");
    assert!(!may_cut_udp(&service.service.key, WaitFor::Active, &dests[1]));
}

#[test]
fn closing_connections_count_when_asked_for() {
    let all = Options { wait_for: WaitFor::All, ..options() };
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 1, 4), all);
    world.read(0);
    assert_eq!((world.outcome(), world.progress().left), (None, 4));
}

#[test]
fn the_former_weight_comes_back_when_time_is_up() {
    let short = Options { timeout: Some(Duration::from_millis(2500)), ..options() };
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 3, 0), short);
    world.read(3);
    world.read(2);
    assert_eq!(world.outcome(), None);
    world.read(2);
    let outcome = Outcome::TimedOut { left: 2, then: OnTimeout::Restore, weight: 7 };
    assert_eq!((world.outcome(), world.weight()), (Some(outcome), Some(7)));
    assert_eq!(world.now, Instant::from_nanos(7_500_000_000), "at the deadline, not at the next reading");
}

#[test]
fn when_time_is_up_one_may_keep_or_remove() {
    let (keep, remove) = (OnTimeout::Keep, OnTimeout::Remove);
    for (on_timeout, weight) in [(keep, Some(0)), (remove, None)] {
        let short = Options { timeout: Some(Duration::from_secs(1)), on_timeout, ..options() };
        let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 3, 0), short);
        world.read(3);
        assert_eq!(world.outcome(), Some(Outcome::TimedOut { left: 3, then: on_timeout, weight: 7 }));
        assert_eq!(world.weight(), weight);
    }
}

#[test]
fn the_last_connection_may_end_at_the_deadline() {
    let short = Options { timeout: Some(Duration::from_millis(200)), ..options() };
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 1, 0), short);
    world.read(0);
    assert_eq!(world.outcome(), Some(Outcome::Drained(Then::Remove)));
}

#[test]
fn interrupted_the_former_weight_comes_back() {
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 3, 0), options());
    world.read(3);
    // Another program may have changed a limit meanwhile: that stays.
    world.server.as_mut().unwrap().dest.upper_threshold = 20;
    world.interrupt();
    assert_eq!(world.outcome(), Some(Outcome::Interrupted { weight: 7 }));
    assert_eq!(world.weight(), Some(7));
    assert_eq!(world.server.unwrap().dest.upper_threshold, 20);
}

#[test]
fn a_weight_that_someone_else_sets_stays() {
    for interrupted in [false, true] {
        let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 3, 0), options());
        world.server.as_mut().unwrap().dest.weight = 4;
        if interrupted {
            world.interrupt()
        } else {
            world.read(3)
        }
        assert_eq!(world.outcome(), Some(Outcome::WeightChanged { weight: 4 }));
        assert_eq!((world.weight(), world.operations()), (Some(4), 1));
    }
}

#[test]
fn a_server_that_someone_else_removes_is_gone() {
    for interrupted in [false, true] {
        let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 3, 0), options());
        world.server = None;
        if interrupted {
            world.interrupt()
        } else {
            world.read(3)
        }
        assert_eq!((world.outcome(), world.operations()), (Some(Outcome::Gone), 1));
    }
}

#[test]
fn a_server_of_weight_0_is_only_waited_for() {
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 0, 3, 0), options());
    assert_eq!(world.operations(), 0);
    world.interrupt();
    assert_eq!((world.weight(), world.operations()), (Some(0), 0));
}

#[test]
fn the_last_server_with_a_weight_needs_force() {
    let (last, idle) = (server(SERVER, 1, 3, 0), server("10.0.0.6:80", 0, 0, 0));
    let begin = |server: DestEntry, options| {
        Drain::begin(Instant::ZERO, &service(Protocol::Tcp), &[idle, server], server.dest.key, options)
            .map(|(_, actions)| actions.len())
    };
    let refusal = begin(last, options()).unwrap_err();
    assert!(matches!(refusal, Refusal::LastServer { .. }));
    assert!(
        refusal.to_string().starts_with("10.0.0.5:80 is the only server of TCP 10.0.0.1:80 with a weight")
    );
    assert_eq!(begin(last, Options { force: true, ..options() }), Ok(2));
    // It takes none already.
    assert_eq!(begin(server(SERVER, 0, 3, 0), options()), Ok(1));
}

#[test]
fn a_server_that_is_not_there_is_refused() {
    let refusal =
        Drain::begin(Instant::ZERO, &service(Protocol::Tcp), &[], key(SERVER), options()).unwrap_err();
    assert_eq!(refusal.to_string(), "service TCP 10.0.0.1:80 has no server 10.0.0.5:80");
}

#[test]
fn the_end_is_estimated_from_the_last_half_minute() {
    let mut world = World::begin(Protocol::Tcp, server(SERVER, 7, 100, 0), options());
    assert_eq!((world.progress().rate, world.progress().eta), (0.0, None));
    for active in [98, 96, 94, 92] {
        world.read(active);
    }
    let progress = world.progress();
    assert_eq!((progress.left, progress.most), (92, 100));
    assert_eq!((progress.rate, progress.eta), (2.0, Some(Duration::from_secs(46))));
    // Nothing ends for long: what was before is no measure any more.
    for _ in 0..40 {
        world.read(92);
    }
    assert_eq!((world.progress().rate, world.progress().eta), (0.0, None));
    // Clients of a persistent service come back.
    world.read(120);
    assert_eq!((world.progress().most, world.progress().rate), (120, 0.0));
}
