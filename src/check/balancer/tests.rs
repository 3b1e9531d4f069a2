//! Timelines of a balancer: what it probes when, what reloads keep, what it adopts, and that it announces every change.

use super::*;
use crate::check::Config;
use crate::check::adopt::Found;
use crate::check::checker::Status;
use crate::check::config;
use crate::check::event::Notice;
use crate::check::probe::{Failure, Operation, Outcome, Weight};
use crate::check::testing::{address, check, server, short, sorry, virtual_server};
use crate::command::Command;
use std::time::Duration;

mod adopted;
mod any;
mod told;

const REFUSED: Outcome =
    Outcome::Failed(Failure::System { operation: Operation::Connect, errno: libc::ECONNREFUSED });

fn ms(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// A balancer, and a driver that performs what it wants in its head.
struct Bench {
    balancer: Balancer,
    now: Instant,
    running: Vec<(ProbeId, SocketAddr)>,
    told: Vec<String>,
    /// The kernel's table as it is when only announced changes are applied.
    table: HashMap<ServiceKey, (Service, Vec<Dest>)>,
}

use std::net::SocketAddr;

impl Bench {
    fn new(config: Config) -> Bench {
        Bench::adopting(config, &Found::default())
    }

    fn adopting(config: Config, found: &Found) -> Bench {
        let (balancer, now) = (Balancer::new(1), Instant::ZERO);
        let mut b = Bench { balancer, now, running: Vec::new(), told: Vec::new(), table: HashMap::new() };
        b.configure(config, found);
        b
    }

    fn reload(&mut self, config: Config) {
        self.told.clear();
        self.configure(config, &Found::default());
    }

    fn configure(&mut self, config: Config, found: &Found) {
        let mut actions = Vec::new();
        self.balancer.configure(self.now, config, found, &mut actions);
        self.perform(actions);
        self.table = self.balancer.desired().services.into_iter().map(|row| (row.0.key, row)).collect();
    }

    fn perform(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::StartProbe(probe) => {
                    let to = self.balancer.check(probe).expect("it was asked for just now").to;
                    self.running.push((probe, to));
                }
                Action::CancelProbe(probe) => {
                    let before = self.running.len();
                    self.running.retain(|(p, _)| *p != probe);
                    assert_eq!(self.running.len(), before - 1, "only what runs is cancelled");
                }
                Action::ServiceChanged(key) => {
                    let row = self.balancer.service(key).expect("a service of ours");
                    self.table.insert(key, row);
                }
                Action::DestChanged(key, dest) => {
                    let wanted = self.balancer.dest(key, dest);
                    let whole = self.balancer.service(key).expect("a service of ours").1;
                    assert_eq!(wanted, whole.iter().find(|d| d.key == dest).copied());
                    let held = &mut self.table.get_mut(&key).expect("a service of ours").1;
                    held.retain(|d| d.key != dest);
                    held.extend(wanted);
                    held.sort_by_key(|d| whole.iter().position(|w| w.key == d.key));
                }
                Action::Report(n) => self.told.push(n.to_string()),
                Action::Notify(Notice { vs, program: Some(command), .. }) => {
                    self.told.push(format!("{vs} runs {command}"));
                }
                Action::Notify(_) | Action::Mail(_) => {}
            }
        }
    }

    /// Moves to the next deadline; false if there is none.
    fn step(&mut self) -> bool {
        let Some(at) = self.balancer.next_timeout() else { return false };
        self.now = self.now.max(at);
        let mut actions = Vec::new();
        self.balancer.handle_timeout(self.now, &mut actions);
        assert!(!actions.is_empty(), "no wake-up for nothing");
        self.perform(actions);
        true
    }

    fn finish(&mut self, place: usize, outcome: Outcome) {
        let (probe, _) = self.running.remove(place);
        let mut actions = Vec::new();
        self.balancer.handle(self.now, Event::ProbeFinished { probe, outcome }, &mut actions);
        self.perform(actions);
    }

    /// Runs until `end`, each probe ending at once as `answer` says for its target.
    fn run_until(&mut self, end: Instant, answer: impl Fn(SocketAddr) -> Outcome) {
        while self.balancer.next_timeout().is_some_and(|at| at <= end) {
            self.step();
            while let Some(&(_, to)) = self.running.first() {
                self.finish(0, answer(to));
            }
        }
        self.now = self.now.max(end);
    }

    fn row(&self, vs: usize) -> Vec<String> {
        let config = self.balancer.virtual_servers()[vs].config();
        short(&self.table[&config.endpoints[0].key(config.protocol)].1)
    }
}

fn config(virtual_servers: Vec<crate::check::config::VirtualServer>) -> Config {
    Config { virtual_servers, ..Config::default() }
}

fn fails(host: u8) -> impl Fn(SocketAddr) -> Outcome {
    move |to| if to.ip() == std::net::IpAddr::from([192, 0, 2, host]) { REFUSED } else { Outcome::Passed }
}

#[test]
fn a_setting_for_all_checks_has_each_failed_try_logged() {
    for log_all_failures in [false, true] {
        let settings = config::Settings { log_all_failures, ..Default::default() };
        let virtual_servers = vec![virtual_server(1, vec![server(11)])];
        let config = Config { virtual_servers, settings, ..Default::default() };
        let mut balancer = Balancer::new(0);
        balancer.configure(Instant::ZERO, config, &Found::default(), &mut Vec::new());
        let is_so =
            |checker: &Checker| checker.check().settings.schedule.log_all_failures == log_all_failures;
        assert!(balancer.checkers().all(is_so) && balancer.checkers().count() == 1);
    }
}

#[test]
fn a_dead_server_leaves_the_table_and_returns() {
    let mut b = Bench::new(config(vec![virtual_server(1, vec![server(11), server(12)])]));
    assert_eq!(b.row(0), ["11/1", "12/1"], "servers are assumed up");
    b.run_until(ms(5000), |_| Outcome::Passed);
    b.run_until(ms(9500), fails(11));
    assert_eq!(b.row(0), ["12/1"], "3 s and one retry of 1 s");
    b.told.clear();
    b.run_until(ms(13000), |_| Outcome::Passed);
    assert_eq!(b.row(0), ["11/1", "12/1"]);
    assert_eq!(
        b.told,
        [
            "TCP connection to [192.0.2.11]:tcp:80 success.",
            "Adding service [192.0.2.11]:tcp:80 to VS [10.0.0.1]:tcp:80",
        ]
    );
}

#[test]
fn identical_checks_run_once_for_all_their_services() {
    let servers = || vec![server(11), server(12)];
    let mut b = Bench::new(config((1..=50).map(|i| virtual_server(i, servers())).collect()));
    assert_eq!(b.balancer.checkers().count(), 2);
    b.told.clear();
    b.run_until(ms(4000), fails(11));
    assert!((0..50).all(|vs| b.row(vs) == ["12/1"]));
    let check_lines = b.told.iter().filter(|l| l.starts_with("TCP_CHECK on service [192.0.2.11]")).count();
    assert_eq!(check_lines, 1, "one line a server, not one a service");
}

#[test]
fn a_new_service_tells_of_a_server_that_is_known_to_be_down() {
    let told_by = |host| {
        let notify_down = Some(Box::new(Command { argv: vec![format!("/{host}")], run_as: None }));
        config::RealServer { notify_down, ..server(host) }
    };
    let before = config(vec![virtual_server(1, vec![told_by(11), told_by(12)])]);
    let mut b = Bench::new(before.clone());
    b.run_until(ms(9500), fails(11));
    let mut after = before;
    after.virtual_servers[0].real_servers.push(told_by(13));
    after.virtual_servers.push(virtual_server(2, vec![told_by(11), told_by(12)]));
    b.reload(after);
    let told: Vec<_> = b.told.iter().filter(|line| line.contains("runs")).collect();
    assert_eq!(told, ["[10.0.0.2]:tcp:80 runs /11"], "the first service's programs have heard of it");
    assert_eq!(b.row(1), ["12/1"]);
}

#[test]
fn first_checks_are_spread_over_the_warmup() {
    let mut servers: Vec<_> = (1..=200).map(server).collect();
    servers.iter_mut().for_each(|rs| rs.weight = 1);
    let b = Bench::new(config(vec![virtual_server(1, servers)]));
    let mut firsts: Vec<_> = b.balancer.checkers().filter_map(Checker::next_timeout).collect();
    firsts.sort_unstable();
    assert!(firsts[0] >= ms(1000) && firsts[199] < ms(4000));
    let halves = firsts.iter().filter(|&&at| at < ms(2500)).count();
    assert!((60..140).contains(&halves), "{halves} of 200 in the first half");
}

#[test]
fn a_reload_keeps_state_and_schedule_of_what_did_not_change() {
    let before = config(vec![virtual_server(1, vec![server(11), server(12)])]);
    let mut b = Bench::new(before.clone());
    b.run_until(ms(4000), fails(11));
    let deadline = b.balancer.next_timeout();

    let mut after = before.clone();
    after.virtual_servers.push(virtual_server(2, vec![server(11), server(13)]));
    b.reload(after);
    assert_eq!(b.balancer.next_timeout(), deadline);
    assert_eq!(b.row(0), ["12/1"]);
    assert_eq!(b.row(1), ["13/1"], "what is known of a server holds for its new service too");
    assert!(!b.told.iter().any(|l| l.contains("192.0.2.12")), "{:?}", b.told);

    b.reload(before);
    assert_eq!(
        b.told,
        [
            "Removing Virtual Server [10.0.0.2]:tcp:80",
            "Removing service [192.0.2.13]:tcp:80 from VS [10.0.0.2]:tcp:80"
        ],
        "the other one was out already"
    );
    assert_eq!(b.balancer.checkers().count(), 2);
}

#[test]
fn a_probe_under_way_survives_a_reload_that_keeps_its_check() {
    let before = config(vec![virtual_server(1, vec![server(11)])]);
    let mut b = Bench::new(before.clone());
    b.step();
    assert_eq!(b.running.len(), 1);
    b.reload(before);
    assert_eq!(b.running.len(), 1);
    b.finish(0, REFUSED);
    assert_eq!(b.row(0), [""; 0]);
}

#[test]
fn a_removed_check_cancels_its_probe_and_ignores_its_late_outcome() {
    let mut b = Bench::new(config(vec![virtual_server(1, vec![server(11)])]));
    b.step();
    let (late, _) = b.running[0];
    b.reload(config(vec![virtual_server(1, vec![server(12)])]));
    assert_eq!(b.running, []);
    b.step();
    let mut actions = Vec::new();
    b.balancer.handle(b.now, Event::ProbeFinished { probe: late, outcome: REFUSED }, &mut actions);
    assert_eq!(actions, []);
    assert_eq!(b.row(0), ["12/1"]);
}

#[test]
fn a_new_schedule_keeps_what_the_check_knows() {
    let mut c = config(vec![virtual_server(1, vec![server(11), server(12)])]);
    let mut b = Bench::new(c.clone());
    b.run_until(ms(4000), fails(11));
    for rs in &mut c.virtual_servers[0].real_servers {
        rs.checkers[0].schedule.delay_loop = Duration::from_millis(500);
    }
    b.reload(c);
    assert_eq!(b.row(0), ["12/1"]);
    assert_eq!(b.told, [""; 0]);
    b.run_until(ms(4500), |_| Outcome::Passed);
    assert_eq!(b.row(0), ["11/1", "12/1"], "the shorter loop counts from the reload");
}

#[test]
fn a_changed_check_of_a_dead_server_must_pass_first_and_is_tried_at_once() {
    let mut c = config(vec![virtual_server(1, vec![server(11), server(12)])]);
    let mut b = Bench::new(c.clone());
    b.run_until(ms(4000), fails(11));
    for rs in &mut c.virtual_servers[0].real_servers {
        rs.checkers[0].to.set_port(8080);
    }
    b.reload(c);
    assert_eq!(b.row(0), ["12/1"]);
    assert_eq!(b.balancer.next_timeout(), Some(ms(4000)));
    b.run_until(ms(4000), |_| Outcome::Passed);
    assert_eq!(b.row(0), ["11/1", "12/1"]);
}

#[test]
fn a_server_without_checks_is_up() {
    let mut dead = server(11);
    let mut b = Bench::new(config(vec![virtual_server(1, vec![dead.clone()])]));
    b.run_until(ms(4000), fails(11));
    assert_eq!(b.row(0), [""; 0]);
    dead.checkers.clear();
    b.reload(config(vec![virtual_server(1, vec![dead])]));
    assert_eq!(b.row(0), ["11/1"]);
    assert_eq!(b.balancer.next_timeout(), None);
}

#[test]
fn an_alpha_server_waits_for_its_first_pass() {
    let mut rs = server(11);
    rs.checkers[0].schedule.alpha = true;
    let mut b = Bench::new(config(vec![virtual_server(1, vec![rs, server(12)])]));
    assert_eq!(b.row(0), ["12/1"]);
    b.run_until(ms(4000), |_| Outcome::Passed);
    assert_eq!(b.row(0), ["11/1", "12/1"]);
}

/// The table that a balancer left behind when it died.
#[test]
fn virtual_servers_that_share_an_endpoint_share_its_service() {
    let mut other = virtual_server(1, vec![server(12)]);
    other.name = "another".into();
    let mut b = Bench::new(config(vec![virtual_server(1, vec![server(11)]), other]));
    assert_eq!(b.row(0), ["11/1", "12/1"]);
    b.run_until(ms(4000), fails(12));
    assert_eq!(b.row(0), ["11/1"]);
    assert_eq!(b.balancer.desired().services.len(), 1);
}

#[test]
fn namesakes_are_told_apart_by_protocol_family_and_order() {
    use crate::check::config::Endpoint;
    use crate::ipvs::model::Protocol;
    use crate::net::Family;
    let group = |n: u8, protocol| {
        let mut vs = virtual_server(n, vec![server(10 + n)]);
        (vs.name, vs.protocol) = ("G".into(), protocol);
        vs
    };
    let mark = |n: u8, family| {
        let mut vs = group(n, Protocol::Tcp);
        vs.name = "FWM 7".into();
        vs.endpoints = vec![Endpoint::Fwmark { mark: 7, family }];
        vs
    };
    let (tcp, udp) = (group(1, Protocol::Tcp), group(2, Protocol::Udp));
    let (v4, v6) = (mark(3, Family::V4), mark(4, Family::V6));
    let mut b = Bench::new(config(vec![tcp.clone(), udp.clone(), v4.clone(), v6.clone()]));
    b.run_until(ms(4000), fails(11));
    b.reload(config(vec![udp.clone(), v6, tcp, v4.clone()]));
    assert_eq!(b.told, [""; 0], "only their order is another");
    b.reload(config(vec![v4, udp]));
    let gone: Vec<_> = b.told.iter().filter(|line| line.starts_with("Removing Virtual")).collect();
    assert_eq!(gone, ["Removing Virtual Server FWM 7", "Removing Virtual Server G"]);
}

type Change = fn(&mut Stats);

#[test]
fn everything_that_happens_is_counted() {
    let mut second = server(12);
    second.weight = 4;
    let mut first = virtual_server(1, vec![server(11), second]);
    first.quorum = 4;
    let mut b = Bench::new(config(vec![first.clone()]));
    assert_eq!(b.balancer.stats(), Stats { quorums_gained: 1, ..Stats::default() });
    let mut expected = b.balancer.stats();
    let mut count = |b: &mut Bench, outcome: Outcome, change: Change| {
        while b.running.is_empty() {
            b.step();
            expected.probes_started += b.running.len() as u64;
        }
        let place = b.running.iter().position(|(_, to)| *to == address("192.0.2.12:80"));
        while let Some(other) = b.running.iter().position(|(_, to)| *to != address("192.0.2.12:80")) {
            b.finish(other, Outcome::Passed);
            expected.passed += 1;
        }
        if place.is_none() {
            return false;
        }
        b.finish(0, outcome);
        change(&mut expected);
        assert_eq!(b.balancer.stats(), expected);
        true
    };
    let steps: [(Outcome, Change); 5] = [
        (Outcome::Passed, |s| s.passed += 1),
        (Outcome::NotRun(Failure::Timeout), |s| s.not_run += 1),
        (REFUSED, |s| s.failed += 1),
        (REFUSED, |s| {
            s.failed += 1;
            s.servers_down += 1;
            s.quorums_lost += 1;
        }),
        (Outcome::Weighed(Weight::Exactly(7)), |s| {
            s.passed += 1;
            s.servers_up += 1;
            s.weights_changed += 1;
            s.quorums_gained += 1;
        }),
    ];
    for (outcome, change) in steps {
        while !count(&mut b, outcome.clone(), change) {}
    }
    // A reload that drops a server calls its probe off; its outcome comes too late.
    while !b.running.iter().any(|(_, to)| *to == address("192.0.2.12:80")) {
        while !b.running.is_empty() {
            b.finish(0, Outcome::Passed);
        }
        b.step();
    }
    let probe = b.running.iter().find(|(_, to)| *to == address("192.0.2.12:80")).unwrap().0;
    let before = b.balancer.stats();
    first.real_servers.pop();
    (first.quorum, first.real_servers[0].weight) = (1, 2);
    b.reload(config(vec![first]));
    b.balancer.handle(b.now, Event::ProbeFinished { probe, outcome: REFUSED }, &mut Vec::new());
    let expected =
        Stats { probes_cancelled: 1, late: 1, weights_changed: before.weights_changed + 1, ..before };
    assert_eq!(b.balancer.stats(), expected);
}

#[test]
fn checks_rest_while_the_services_address_is_elsewhere() {
    let suspended = |host, servers| crate::check::config::VirtualServer {
        ha_suspend: true,
        ..virtual_server(host, servers)
    };
    let here = |b: &mut Bench, hosts: &[u8]| {
        let addresses = hosts.iter().map(|host| std::net::IpAddr::from([10, 0, 0, *host])).collect();
        let mut actions = Vec::new();
        b.balancer.handle(b.now, Event::Addresses(addresses), &mut actions);
        b.perform(actions);
    };
    let servers = || vec![server(11), server(12)];
    let mut b = Bench::new(config(vec![suspended(1, servers())]));
    let deactivated = b.told.iter().filter(|line| line.starts_with("Deactivating healthchecker")).count();
    assert_eq!(deactivated, 2, "{:?}", b.told);
    let both = [suspended(1, vec![]), virtual_server(2, vec![])];
    assert_eq!(awaited(&both).collect::<Vec<_>>(), [std::net::IpAddr::from([10, 0, 0, 1])]);
    b.run_until(ms(20_000), |_| REFUSED);
    assert_eq!(b.row(0), ["11/1", "12/1"], "nobody has asked");
    b.told.clear();
    here(&mut b, &[1, 9]);
    assert!(b.told.iter().all(|line| line.starts_with("Activating healthchecker")), "{:?}", b.told);
    b.run_until(ms(20_000), fails(11));
    assert_eq!(b.row(0), ["12/1"], "at once");
    // What is known stays.
    here(&mut b, &[9]);
    b.run_until(ms(60_000), |_| Outcome::Passed);
    assert_eq!(b.row(0), ["12/1"]);
    here(&mut b, &[1]);
    b.run_until(ms(60_000), |_| Outcome::Passed);
    assert_eq!(b.row(0), ["11/1", "12/1"]);
    here(&mut b, &[]);
    // Another virtual server needs the same checks: they go on, as they do without `ha_suspend`.
    b.reload(config(vec![suspended(1, servers()), virtual_server(2, servers())]));
    b.run_until(ms(70_000), fails(12));
    assert_eq!([b.row(0), b.row(1)], [["11/1"], ["11/1"]]);
    b.reload(config(vec![suspended(1, servers()), suspended(2, servers())]));
    assert_eq!(b.balancer.next_timeout(), None);
    here(&mut b, &[2]);
    assert!(b.balancer.next_timeout().is_some());
}
