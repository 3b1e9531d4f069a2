//! What takes time: weights that are raised, servers that drain, that are held back, and backup servers; by examples, and
//! in any history against a model that knows no actions and no queue of deadlines.

use super::*;
use crate::check::config::{Damping, RealServer, Transition};
use std::time::Duration;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn at(n: u64) -> Instant {
    Instant::ZERO + seconds(n)
}

fn with(transition: Transition, server: RealServer) -> RealServer {
    RealServer { transition: Some(Box::new(transition)), ..server }
}

fn backup(host: u8) -> RealServer {
    RealServer { backup: true, ..server(host) }
}

/// What is told of a check that changes its status.
fn turn(vs: &mut VirtualServer, now: Instant, server: usize, status: Status) -> Vec<String> {
    let mut actions = Vec::new();
    vs.check_changed(now, server, status, None, &mut actions);
    told(actions)
}

/// Lets time pass; returns what is told. Whatever changes is announced.
fn pass(vs: &mut VirtualServer, until: Instant) -> Vec<String> {
    let mut actions = Vec::new();
    while let Some(at) = vs.next_timeout().filter(|at| *at <= until) {
        let (before, first) = (row(vs), actions.len());
        vs.handle_timeout(at, &mut actions);
        assert!(row(vs) == before || announced(&actions[first..]), "changes are announced");
    }
    told(actions)
}

#[test]
fn the_weight_of_a_server_that_comes_back_is_raised() {
    let slow = Transition { slow_start: seconds(20), ..Transition::default() };
    let servers = vec![with(slow, RealServer { weight: 100, ..server(11) }), with(slow, server(12))];
    let mut vs = start(virtual_server(1, servers));
    assert_eq!(row(&vs), ["11/100", "12/1"], "at start there is no time to lose");
    for i in [0, 1] {
        turn(&mut vs, at(10), i, Status::Down);
    }
    for i in [0, 1] {
        turn(&mut vs, at(20), i, Status::Up);
    }
    assert_eq!(row(&vs), ["11/5", "12/1"]);
    assert_eq!(vs.live_weight(), 101, "for the quorum it counts whole");
    assert_eq!(pass(&mut vs, at(21)), Vec::<String>::new());
    assert_eq!(row(&vs), ["11/10", "12/1"]);
    pass(&mut vs, at(38));
    assert_eq!(row(&vs), ["11/95", "12/1"]);
    pass(&mut vs, at(39));
    assert_eq!((row(&vs), vs.next_timeout()), (vec!["11/100".into(), "12/1".into()], None));
    turn(&mut vs, at(40), 0, Status::Down);
    turn(&mut vs, at(50), 0, Status::Up);
    turn(&mut vs, at(55), 0, Status::Down);
    assert_eq!((row(&vs), vs.next_timeout()), (vec!["12/1".into()], None), "it went meanwhile");
}

#[test]
fn a_server_that_goes_drains_for_a_while() {
    let drain = Transition { drain_time: seconds(10), ..Transition::default() };
    let config = virtual_server(1, vec![with(drain, server(11)), with(drain, server(12)), server(13)]);
    let mut vs = start(config.clone());
    turn(&mut vs, at(1), 0, Status::Down);
    assert_eq!(row(&vs), ["11/0", "12/1", "13/1"]);
    turn(&mut vs, at(6), 0, Status::Up);
    turn(&mut vs, at(7), 0, Status::Down);
    pass(&mut vs, at(16));
    assert_eq!(row(&vs), ["11/0", "12/1", "13/1"], "from the last time that it went");
    pass(&mut vs, at(17));
    assert_eq!(row(&vs), ["12/1", "13/1"]);

    let next = config::VirtualServer { real_servers: vec![server(13)], ..config.clone() };
    let mut vs = vs.reload(at(20), next, failing(&[0]), AtStart::Silent, &mut Vec::new());
    assert_eq!(row(&vs), ["13/1", "12/0"], "one that a reload takes away, but none that was gone");
    let key = vs.config().endpoints[0].dest_key(Forward::DirectRoute, address("192.0.2.12:80"));
    assert_eq!(vs.dest(vs.config().endpoints[0], key).map(|dest| dest.weight), Some(0));
    pass(&mut vs, at(29));
    let mut back = vs.clone().reload(at(29), config, failing(&[1, 0, 0]), AtStart::Silent, &mut Vec::new());
    assert_eq!((row(&back), back.next_timeout()), (vec!["12/1".into(), "13/1".into()], None), "it is back");
    pass(&mut back, at(99));
    pass(&mut vs, at(30));
    assert_eq!((row(&vs), vs.next_timeout()), (vec!["13/1".into()], None));
}

#[test]
fn who_gives_way_to_the_sorry_server_drains_too() {
    let drain = Transition { drain_time: seconds(10), ..Transition::default() };
    let mut config = virtual_server(1, vec![with(drain, server(11)), with(drain, server(12)), server(13)]);
    (config.quorum, config.sorry_server) = (3, sorry("192.0.2.99:80", false));
    let mut vs = start(config);
    turn(&mut vs, at(1), 2, Status::Down);
    assert_eq!(row(&vs), ["11/0", "12/0", "99/1"], "the live ones have connections");
    turn(&mut vs, at(5), 2, Status::Up);
    assert_eq!((row(&vs), vs.next_timeout()), (vec!["11/1".into(), "12/1".into(), "13/1".into()], None));
    turn(&mut vs, at(6), 2, Status::Down);
    pass(&mut vs, at(16));
    assert_eq!((row(&vs), vs.next_timeout()), (vec!["99/1".into()], None));
    turn(&mut vs, at(17), 0, Status::Down);
    turn(&mut vs, at(19), 0, Status::Up);
    pass(&mut vs, at(26));
    assert_eq!(row(&vs), ["11/0", "99/1"], "up again, and not called: what it has goes on to drain");
    pass(&mut vs, at(27));
    assert_eq!((row(&vs), vs.next_timeout()), (vec!["99/1".into()], None));
}

/// What a worker that follows another one finds in the table goes on.
#[test]
fn what_was_under_way_goes_on_with_another_worker() {
    let both = Transition { drain_time: seconds(10), slow_start: seconds(20), damping: None };
    let found = |failed, found| Server { failed, found: Some(found), ..Server::default() };
    let adopted = |servers: Vec<Server>| {
        let mut config = virtual_server(1, vec![with(both, server(11)), with(both, server(12))]);
        config.real_servers.iter_mut().for_each(|rs| rs.weight = 100);
        let start = Start::Adopted { sorry: false };
        VirtualServer::new(at(100), config, servers, start, AtStart::Silent, &mut Vec::new())
    };
    let mut vs = adopted(vec![found(0, 30), found(1, 0)]);
    assert_eq!(row(&vs), ["11/30", "12/0"]);
    pass(&mut vs, at(101));
    assert_eq!(row(&vs), ["11/35", "12/0"], "a step a second");
    pass(&mut vs, at(109));
    assert_eq!(row(&vs), ["11/75", "12/0"]);
    pass(&mut vs, at(114));
    assert_eq!((row(&vs), vs.next_timeout()), (vec!["11/100".into()], None));
    let vs = adopted(vec![found(0, 100), Server::default()]);
    assert_eq!((row(&vs), vs.next_timeout()), (vec!["11/100".into(), "12/100".into()], None), "nothing was");
}

/// A server that stands back for the sorry server, or waits as a backup, may have been up all the time.
#[test]
fn who_was_perhaps_up_is_not_told_to_have_come() {
    let mut config = virtual_server(1, vec![server(11), server(12), server(13)]);
    (config.quorum, config.sorry_server) = (3, sorry("192.0.2.99:80", false));
    let unclear = Server { failed: 1, is_unclear: true, ..Server::default() };
    let start = Start::Adopted { sorry: true };
    let mut vs = VirtualServer::new(at(0), config, vec![unclear; 3], start, AtStart::Silent, &mut Vec::new());
    assert_eq!(turn(&mut vs, at(1), 0, Status::Up), Vec::<String>::new());
    // One that is told to be down will be told to come.
    vs.found_down(2, &mut Vec::new());
    assert!(turn(&mut vs, at(2), 0, Status::Down)[0].starts_with("Removing service [192.0.2.11]"));
    assert!(turn(&mut vs, at(3), 0, Status::Up)[0].starts_with("Adding service [192.0.2.11]"));
    assert_eq!(turn(&mut vs, at(4), 1, Status::Up), Vec::<String>::new());
    assert!(turn(&mut vs, at(5), 2, Status::Up)[0].starts_with("Adding service [192.0.2.13]"));
    assert_eq!(row(&vs), ["11/1", "12/1", "13/1"]);
}

#[test]
fn who_goes_down_too_often_is_held_back() {
    let damping = Some(Damping { count: 2, within: seconds(60), hold: seconds(30) });
    let damped = Transition { damping, ..Transition::default() };
    let mut vs = start(virtual_server(1, vec![with(damped, server(11))]));
    turn(&mut vs, at(1), 0, Status::Down);
    turn(&mut vs, at(2), 0, Status::Up);
    assert_eq!(row(&vs), ["11/1"]);
    turn(&mut vs, at(3), 0, Status::Down);
    assert_eq!(
        turn(&mut vs, at(4), 0, Status::Up),
        [
            "[192.0.2.11]:tcp:80 of VS [10.0.0.1]:tcp:80 went down 2 times within 60 s: it is held back for 30 s (flap_damping)"
        ]
    );
    assert_eq!((row(&vs), vs.server_status(0)), (vec![], Status::Down));
    let config = vs.config().clone();
    let mut vs = vs.reload(at(10), config, failing(&[0]), AtStart::Silent, &mut Vec::new());
    assert_eq!(row(&vs), Vec::<String>::new(), "through a reload");
    assert_eq!(pass(&mut vs, at(33)), Vec::<String>::new());
    assert_eq!(
        pass(&mut vs, at(34)),
        [
            "Adding service [192.0.2.11]:tcp:80 to VS [10.0.0.1]:tcp:80",
            "Gained quorum 1+0=1 <= 1 for VS [10.0.0.1]:tcp:80"
        ]
    );
    turn(&mut vs, at(63), 0, Status::Down);
    turn(&mut vs, at(64), 0, Status::Up);
    assert_eq!(row(&vs), ["11/1"], "the first ones are forgotten");
}

#[test]
fn backup_servers_serve_while_too_few_others_live() {
    let mut config = virtual_server(1, vec![server(11), server(12), server(13), backup(21), backup(22)]);
    (config.quorum, config.sorry_server) = (2, sorry("192.0.2.99:80", false));
    let mut vs = start(config);
    assert_eq!((row(&vs), vs.live_weight()), (vec!["11/1".into(), "12/1".into(), "13/1".into()], 3));
    turn(&mut vs, at(1), 0, Status::Down);
    assert_eq!(
        turn(&mut vs, at(2), 1, Status::Down)[1..],
        ["Backup servers of VS [10.0.0.1]:tcp:80 take traffic: the weight of the others is 1"]
    );
    assert_eq!((row(&vs), vs.quorum()), (vec!["13/1".into(), "21/1".into(), "22/1".into()], Status::Up));
    turn(&mut vs, at(3), 3, Status::Down);
    turn(&mut vs, at(3), 4, Status::Down);
    assert_eq!((row(&vs), vs.quorum()), (vec!["99/1".into()], Status::Down), "too few of all");
    turn(&mut vs, at(4), 4, Status::Up);
    assert_eq!((row(&vs), vs.quorum()), (vec!["13/1".into(), "22/1".into()], Status::Up));
    assert_eq!(
        turn(&mut vs, at(5), 0, Status::Up)[1..],
        ["Backup servers of VS [10.0.0.1]:tcp:80 wait again: the weight of the others is 2"]
    );
    assert_eq!(row(&vs), ["11/1", "13/1"]);
}

/// A server as the model has it.
#[derive(Clone, Debug, Default)]
struct Model {
    has_failed: bool,
    downs: Vec<u64>,
    held_until: Option<u64>,
    is_up: bool,
    came: Option<u64>,
    drains_since: Option<u64>,
}

#[derive(Clone, Debug)]
struct Settings {
    weight: u32,
    is_backup: bool,
    inhibit: bool,
    slow_start: u64,
    drain_time: u64,
    damping: Option<(usize, u64, u64)>,
}

/// All of them, with what follows for the virtual server.
#[derive(Clone, Debug, Default)]
struct World {
    servers: Vec<Model>,
    backups_serve: bool,
    has_quorum: bool,
}

const QUORUM: u32 = 2;

impl World {
    fn weigh(&self, settings: &[Settings], is_backup: bool) -> u32 {
        let servers = self.servers.iter().zip(settings);
        servers.filter(|(m, s)| m.is_up && s.is_backup == is_backup).map(|(_, s)| s.weight).sum()
    }

    fn decide(&mut self, now: u64, settings: &[Settings]) {
        let primary = self.weigh(settings, false);
        let serve = settings.iter().any(|s| s.is_backup) && primary < QUORUM;
        if self.backups_serve && !serve {
            for (model, _) in self.servers.iter_mut().zip(settings).filter(|(m, s)| m.is_up && s.is_backup) {
                model.drains_since = Some(now);
            }
        } else if serve && !self.backups_serve {
            for (model, _) in self.servers.iter_mut().zip(settings).filter(|(m, s)| m.is_up && s.is_backup) {
                model.drains_since = None;
            }
        }
        self.backups_serve = serve;
        let all = primary + if serve { self.weigh(settings, true) } else { 0 };
        let had = std::mem::replace(&mut self.has_quorum, all >= QUORUM);
        let called =
            self.servers.iter_mut().zip(settings).filter(|(m, s)| m.is_up && (!s.is_backup || serve));
        for (model, _) in called.filter(|_| had != self.has_quorum) {
            // The sorry server takes the traffic from who has connections, or gives it back.
            model.drains_since = had.then_some(now);
        }
    }

    fn comes(&mut self, now: u64, i: usize, settings: &[Settings]) {
        let model = &mut self.servers[i];
        (model.is_up, model.came) = (true, Some(now));
        self.decide(now, settings);
        // Who does not serve all the same goes on draining.
        if self.has_quorum && (!settings[i].is_backup || self.backups_serve) {
            self.servers[i].drains_since = None;
        }
    }

    fn event(&mut self, now: u64, i: usize, passes: bool, settings: &[Settings]) {
        let (model, damping) = (&mut self.servers[i], settings[i].damping);
        model.has_failed = !passes;
        if !passes {
            model.downs.push(now);
            if model.is_up {
                (model.is_up, model.came, model.drains_since) = (false, None, Some(now));
                self.decide(now, settings);
            }
            return;
        }
        model.held_until = None;
        match damping {
            Some((count, within, hold))
                if model.downs.iter().filter(|down| **down + within > now).count() >= count =>
            {
                model.held_until = Some(now + hold);
            }
            _ => self.comes(now, i, settings),
        }
    }

    fn advance(&mut self, now: u64, settings: &[Settings]) {
        loop {
            let held = self.servers.iter().enumerate().filter_map(|(i, m)| Some((m.held_until?, i)));
            let Some((until, i)) = held.min().filter(|(until, _)| *until <= now) else { return };
            self.servers[i].held_until = None;
            if !self.servers[i].has_failed {
                self.comes(until, i, settings);
            }
        }
    }

    fn row(&self, now: u64, settings: &[Settings]) -> Vec<String> {
        let mut rows = Vec::new();
        for (i, (m, s)) in self.servers.iter().zip(settings).enumerate() {
            let serves = m.is_up && self.has_quorum && (!s.is_backup || self.backups_serve);
            let weight = match m.came {
                // A step each twentieth of the time, from the first one on.
                Some(came) if now < came + s.slow_start => {
                    let steps = (now - came) * 20 / s.slow_start + 1;
                    (u64::from(s.weight) * steps / 20).max(u64::from(s.weight.min(1)))
                }
                _ => u64::from(s.weight),
            };
            let drains = m.drains_since.is_some_and(|since| now < since + s.drain_time);
            if serves {
                rows.push(format!("{}/{weight}", 11 + i));
            } else if s.inhibit || drains {
                rows.push(format!("{}/0", 11 + i));
            }
        }
        if !self.has_quorum {
            rows.push("99/1".to_owned());
        }
        rows
    }
}

fn settings() -> impl Strategy<Value = Settings> {
    let damping = proptest::option::of((2usize..4, 1u64..30, 1u64..30));
    let times = (prop_oneof![Just(0), Just(10u64), Just(20)], 0u64..10);
    (0u32..40, any::<bool>(), any::<bool>(), times, damping).prop_map(
        |(weight, is_backup, inhibit, (slow_start, drain_time), damping)| Settings {
            weight,
            is_backup,
            inhibit,
            slow_start,
            drain_time,
            damping,
        },
    )
}

impl Settings {
    fn server(&self, host: u8) -> RealServer {
        let damping = self.damping.map(|(count, within, hold)| Damping {
            count: count as u32,
            within: seconds(within),
            hold: seconds(hold),
        });
        let transition = Transition {
            slow_start: seconds(self.slow_start),
            drain_time: seconds(self.drain_time),
            damping,
        };
        let (weight, backup, inhibit_on_failure) = (self.weight, self.is_backup, self.inhibit);
        with(transition, RealServer { weight, backup, inhibit_on_failure, ..server(host) })
    }
}

proptest! {
    /// `PROPTEST_CASES=100000` tries so many.
    #[test]
    fn any_history_is_that_of_the_model(
        settings in proptest::collection::vec(settings(), 1..6),
        events in proptest::collection::vec((0usize..6, any::<bool>(), 0u64..12, any::<bool>()), 0..40),
    ) {
        let mut config = virtual_server(1, settings.iter().zip(11..).map(|(s, host)| s.server(host)).collect());
        (config.quorum, config.sorry_server) = (QUORUM, sorry("192.0.2.99:80", false));
        let mut vs = start(config.clone());
        let servers = vec![Model { is_up: true, ..Model::default() }; settings.len()];
        let mut world = World { servers, ..World::default() };
        world.decide(0, &settings);
        let mut now = 0;
        for (i, passes, later, reloads) in events {
            now += later;
            pass(&mut vs, at(now));
            world.advance(now, &settings);
            if let Some(model) = world.servers.get(i)
                && model.has_failed == passes
            {
                let status = if passes { Status::Up } else { Status::Down };
                vs.check_changed(at(now), i, status, None, &mut Vec::new());
                world.event(now, i, passes, &settings);
            }
            if reloads {
                let failed: Vec<u32> = world.servers.iter().map(|model| u32::from(model.has_failed)).collect();
                let mut actions = Vec::new();
                vs = vs.reload(at(now), config.clone(), failing(&failed), AtStart::Silent, &mut actions);
                prop_assert_eq!(told(actions), Vec::<String>::new());
            }
            prop_assert_eq!(row(&vs), world.row(now, &settings), "{} {:?}", now, world);
            prop_assert_eq!(vs.quorum() == Status::Up, world.has_quorum);
        }
    }
}
