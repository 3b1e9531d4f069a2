//! Every order of events, within a bound: two and three routers, the real [`Router`], on a network that loses adverts and
//! links. Where the simulation (`tests/sim`) tells stories of all kinds, this leaves none out of its few.
//!
//! Adverts of an instant arrive, or are lost, in any order, before or after the timers of that instant. Time goes on when
//! nothing is left to do at its present moment, to the next timer. States that differ only by the clock are the same, so
//! that all there are can be visited.
//!
//! What must hold is in [`Setup::properties`]. `VIPD_MODEL_LOSSES=4 cargo test --test model -- --nocapture` allows more
//! losses, `VIPD_MODEL_FAILURES=2` more links that fail.
#![allow(clippy::unwrap_used, reason = "a test")]

use stateright::{Checker, Model, Property};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use vipd::net::{IpNet, MacAddr};
use vipd::time::Instant;
use vipd::vrrp::config::{Config, Garp, Instance, SyncGroup, Tracking, Version, VirtualAddress, Vrid};
use vipd::vrrp::event::{
    Address, AddressState, Event, IfIndex, Link, Make, Received, Settings, Snapshot, StateKind,
};
use vipd::vrrp::packet::TTL;
use vipd::vrrp::rare::Rare;
use vipd::vrrp::{Action, Actions, Router};

/// Instants are at least this, and nothing else in a state is.
const START: Instant = Instant::from_nanos(1_000_000_000_000);
const INTERVAL: Duration = Duration::from_secs(1);
/// Once so long nothing was lost and no link has changed, the best router is the only master: the longest down timer, and
/// the advert by which a worse one learns of it.
const QUIET: Duration = Duration::from_secs(5);
/// What happened longer ago makes no difference: an answer is limited by a quarter of the interval.
const PAST: Duration = Duration::from_secs(1);

/// What is explored.
#[derive(Clone, Debug)]
struct Setup {
    /// One a node. Skew times are a quarter, a half and three quarters of a second.
    priorities: Vec<u8>,
    /// Each node has an instance on each of these; two are in a sync group.
    links: usize,
    nopreempt: bool,
    /// So many adverts may be lost, and so many links may fail.
    losses: u8,
    failures: u8,
}

#[derive(Clone, Debug)]
struct World {
    now: Instant,
    nodes: Vec<Arc<Node>>,
    /// Adverts that are to arrive at this instant.
    flying: Vec<Advert>,
    quiet_since: Instant,
    losses: u8,
    failures: u8,
}

#[derive(Clone, Debug)]
struct Node {
    router: Router,
    up: Vec<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Advert {
    from: usize,
    to: usize,
    link: usize,
    bytes: Vec<u8>,
}

/// A world, and what of it makes a difference.
#[derive(Clone)]
struct State {
    world: World,
    key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The nth of those that fly.
    Arrive(usize),
    Lose(usize),
    /// A node does what is due.
    Fire(usize),
    /// A node's link fails, or works again.
    Fail(usize, usize),
    Heal(usize, usize),
    /// Time goes on.
    Wait,
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        self.key == other.key
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, quiet since {:?}: ", self.world.now, self.world.quiet_since)?;
        for node in &self.world.nodes {
            write!(f, "{:?} ", node.states())?;
        }
        write!(f, "flying {:?}", self.world.flying)
    }
}

const fn index(link: usize) -> IfIndex {
    IfIndex(link as u32 + 2)
}

fn source(node: usize, link: usize) -> IpAddr {
    Ipv4Addr::new(10, link as u8, 0, node as u8 + 1).into()
}

fn link(at: usize, up: bool) -> Link {
    Link {
        name: format!("eth{at}").as_str().into(),
        index: index(at),
        up,
        mtu: 1500,
        mac: Some(MacAddr([2; 6])),
        forwards: false,
        table: None,
        make: Make::default(),
        v4: Settings::default(),
    }
}

impl Node {
    fn new(setup: &Setup, at: usize) -> Node {
        let mut router = Router::new(false);
        let instance = |link: usize| Instance {
            version: Version::V3,
            priority: setup.priorities[at],
            advert_int: INTERVAL,
            nopreempt: setup.nopreempt,
            addresses: vec![VirtualAddress::new(
                IpNet::host(Ipv4Addr::new(10, link as u8, 0, 100).into()),
                format!("eth{link}"),
            )],
            garp: Garp { master_delay: Duration::ZERO, lower_prio_repeat: 0, ..Garp::default() }.into(),
            ..Instance::new(format!("VI_{link}"), format!("eth{link}"), Vrid::new(link as u8 + 51).unwrap())
        };
        let group = SyncGroup {
            name: "G".into(),
            instances: (0..setup.links).map(|link| format!("VI_{link}")).collect(),
            tracking: Tracking::default(),
            tracking_weight: false,
            notify: Rare::default(),
        };
        let config = Config {
            instances: (0..setup.links).map(instance).collect(),
            sync_groups: if setup.links > 1 { vec![group] } else { vec![] },
            ..Config::default()
        };
        let snapshot = Snapshot {
            links: (0..setup.links).map(|at| link(at, true)).collect(),
            addresses: (0..setup.links)
                .map(|link| Address {
                    interface: index(link),
                    net: IpNet { address: source(at, link), prefix_len: 24 },
                    peer: None,
                    state: AddressState::Usable,
                    ours: false,
                })
                .collect(),
            routes: Vec::new(),
            rules: Vec::new(),
        };
        for event in [Event::Snapshot(Box::new(snapshot)), Event::Config(Box::new(config))] {
            router.handle(START, event, &mut vec![]);
            while router.step(START, &mut vec![]) {}
        }
        Node { router, up: vec![true; setup.links] }
    }

    fn states(&self) -> Vec<StateKind> {
        self.router.instances().map(|instance| instance.state()).collect()
    }

    /// It can run: with a group, if all its links work.
    fn works(&self) -> bool {
        self.up.iter().all(|up| *up)
    }

    /// What makes a difference for its future: neither counters nor the clock.
    fn key(&self, now: Instant, key: &mut String) {
        use fmt::Write;
        for instance in self.router.instances() {
            let mut value = serde_json::to_value(instance).unwrap();
            for part in ["state", "faults", "priority", "master_interval", "in_group"] {
                forget_clock(&mut value[part], now);
                write!(key, "{}", value[part]).unwrap();
            }
        }
        write!(key, "{:?}{:?}", self.router.groups().next(), self.up).unwrap();
    }
}

/// Instants become relative to the present one.
fn forget_clock(value: &mut serde_json::Value, now: Instant) {
    match value {
        serde_json::Value::Number(number) => {
            if let Some(at) = number.as_u64().filter(|at| *at >= START.as_nanos()) {
                let at = Instant::from_nanos(at).as_nanos() as i64 - now.as_nanos() as i64;
                *value = at.max(-(PAST.as_nanos() as i64)).into();
            }
        }
        serde_json::Value::Array(all) => all.iter_mut().for_each(|value| forget_clock(value, now)),
        serde_json::Value::Object(all) => all.values_mut().for_each(|value| forget_clock(value, now)),
        _ => {}
    }
}

impl State {
    fn new(mut world: World) -> State {
        use fmt::Write;
        world.flying.sort();
        let mut key = String::new();
        for node in &world.nodes {
            node.key(world.now, &mut key);
        }
        let quiet = (world.now - world.quiet_since).min(QUIET);
        write!(key, "{:?}{quiet:?}{}{}", world.flying, world.losses, world.failures).unwrap();
        State { world, key }
    }

    fn is_quiet(&self) -> bool {
        self.world.now - self.world.quiet_since >= QUIET
    }

    fn all(&self, holds: impl Fn(&Node) -> bool) -> bool {
        self.world.nodes.iter().all(|node| holds(node))
    }

    /// Who is master on a link.
    fn masters(&self, link: usize) -> Vec<usize> {
        let is_master = |at: &usize| self.world.nodes[*at].states()[link] == StateKind::Master;
        (0..self.world.nodes.len()).filter(is_master).collect()
    }
}

impl World {
    /// A node does something, and its adverts leave.
    fn act(&mut self, at: usize, act: impl FnOnce(&mut Node, Instant, &mut Actions)) {
        let mut out = vec![];
        let node = Arc::make_mut(&mut self.nodes[at]);
        act(node, self.now, &mut out);
        let up = node.up.clone();
        for action in out {
            let Action::Advertise { packet, .. } = action else { continue };
            let link = packet.interface.unwrap().0 as usize - 2;
            for to in (0..self.nodes.len()).filter(|to| *to != at && up[link] && self.nodes[*to].up[link]) {
                self.flying.push(Advert { from: at, to, link, bytes: packet.bytes().to_vec() });
            }
        }
    }

    fn set_link(&mut self, at: usize, on: usize, up: bool) {
        self.quiet_since = self.now;
        self.flying.retain(|advert| up || (advert.to, advert.link) != (at, on));
        self.act(at, |node, now, out| {
            node.up[on] = up;
            node.router.handle(now, Event::Link(link(on, up)), out);
        });
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.nodes.iter().filter_map(|node| node.router.next_timeout()).min()
    }
}

impl Model for Setup {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(World {
            now: START,
            nodes: (0..self.priorities.len()).map(|at| Arc::new(Node::new(self, at))).collect(),
            flying: vec![],
            quiet_since: START,
            losses: 0,
            failures: 0,
        })]
    }

    fn actions(&self, State { world, .. }: &State, steps: &mut Vec<Step>) {
        let due = |node: &Node| node.router.next_timeout().is_some_and(|at| at <= world.now);
        for (at, node) in world.nodes.iter().enumerate() {
            steps.extend(due(node).then_some(Step::Fire(at)));
            for (link, up) in node.up.iter().enumerate() {
                if !up {
                    steps.push(Step::Heal(at, link));
                } else if world.failures < self.failures {
                    steps.push(Step::Fail(at, link));
                }
            }
        }
        for at in 0..world.flying.len() {
            steps.push(Step::Arrive(at));
            steps.extend((world.losses < self.losses).then_some(Step::Lose(at)));
        }
        if world.flying.is_empty() && !world.nodes.iter().any(|node| due(node)) {
            steps.extend(world.next_timeout().map(|_| Step::Wait));
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut world = state.world.clone();
        match step {
            Step::Arrive(at) => {
                let Advert { from, to, link, bytes } = world.flying.remove(at);
                world.act(to, |node, now, out| {
                    let group = Ipv4Addr::new(224, 0, 0, 18).into();
                    let received = Received::on(index(link), source(from, link), group, TTL, bytes);
                    node.router.handle(now, Event::Received(received), out);
                });
            }
            Step::Lose(at) => {
                world.flying.remove(at);
                world.losses += 1;
                world.quiet_since = world.now;
            }
            Step::Fire(at) => world.act(at, |node, now, out| node.router.handle_timeout(now, now, out)),
            Step::Fail(at, link) => {
                world.failures += 1;
                world.set_link(at, link, false);
            }
            Step::Heal(at, link) => world.set_link(at, link, true),
            Step::Wait => world.now = world.next_timeout()?,
        }
        Some(State::new(world))
    }

    fn properties(&self) -> Vec<Property<Setup>> {
        vec![
            Property::always(
                "once all is quiet, the best router that works is the only master",
                |setup: &Setup, state: &State| {
                    let works = |at: &usize| state.world.nodes[*at].works();
                    let best =
                        (0..setup.priorities.len()).filter(works).max_by_key(|at| setup.priorities[*at]);
                    let is_right = |masters: Vec<usize>| match (setup.nopreempt, best) {
                        (false, best) => masters == Vec::from_iter(best),
                        (true, best) => masters.len() == usize::from(best.is_some()),
                    };
                    !state.is_quiet() || (0..setup.links).all(|link| is_right(state.masters(link)))
                },
            ),
            Property::always(
                "the members of a sync group are in the same state, and so is it",
                |_, state: &State| {
                    state.all(|node| {
                        let states = node.states();
                        let group = node.router.groups().next().map_or(states[0], |(_, state)| state);
                        states.iter().all(|state| *state == group)
                    })
                },
            ),
            Property::always("nobody runs on a link that does not work", |_, state: &State| {
                state.all(|node| node.states().iter().all(|s| (*s == StateKind::Fault) != node.works()))
            }),
            Property::always("a master wants its addresses, and nobody else does", |_, state: &State| {
                state.all(|node| {
                    node.router
                        .instances()
                        .all(|instance| instance.wants_addresses() == (instance.state() == StateKind::Master))
                })
            }),
            // What is never seen proves nothing.
            Property::sometimes("two are masters", |_, state: &State| state.masters(0).len() > 1),
            Property::sometimes("the worst is the master in quiet", |setup: &Setup, state: &State| {
                let last = setup.priorities.len() - 1;
                state.masters(0) == [last] && (state.is_quiet() || !state.world.nodes[0].works())
            }),
        ]
    }
}

fn bound(name: &str, usual: u8) -> u8 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap())
}

fn explore(name: &str, setup: Setup) {
    let losses = bound("VIPD_MODEL_LOSSES", setup.losses);
    let failures = bound("VIPD_MODEL_FAILURES", setup.failures);
    let setup = Setup { losses, failures, ..setup };
    let checker = setup.clone().checker().threads(2).spawn_bfs().join();
    println!(
        "{name}: {} states, {} steps deep, {setup:?}",
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

#[test]
fn two_routers() {
    explore(
        "two routers",
        Setup { priorities: vec![192, 128], links: 1, nopreempt: false, losses: 6, failures: 1 },
    );
}

#[test]
fn two_routers_that_do_not_preempt() {
    explore(
        "two routers, nopreempt",
        Setup { priorities: vec![192, 128], links: 1, nopreempt: true, losses: 6, failures: 1 },
    );
}

#[test]
fn three_routers() {
    explore(
        "three routers",
        Setup { priorities: vec![192, 128, 64], links: 1, nopreempt: false, losses: 4, failures: 1 },
    );
}

#[test]
fn two_routers_with_a_sync_group() {
    explore(
        "two routers with a group of two",
        Setup { priorities: vec![192, 128], links: 2, nopreempt: false, losses: 3, failures: 1 },
    );
}
