//! One seed's story: the heap of what is to happen, and what happens.

mod attack;
mod hosts;
mod plan;
mod trouble;

use crate::check;
use crate::io::Advert;
use crate::net::Net;
use crate::node::Node;
use crate::options::{Options, VirtualRouter};
use crate::random::Random;
use crate::seal::{Sealing, Tape};
use hosts::Host;
pub(crate) use hosts::Said;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::net::IpAddr;
use std::time::Duration;
use trouble::Trouble;
use vipd::net::MacAddr;
use vipd::time::Instant;
use vipd::vrrp::event::StateKind;

/// No story needs so many events.
const ENOUGH: u64 = 3_000_000;
/// What was refused is tried again after so long, by the router; the world may refuse it until then.
const RETRY: Duration = Duration::from_secs(5);
/// Another master counts as one for at least so long, also where a pause lets it be heard late; [`Story::rest`] has the
/// time of those with long intervals.
const SILENCE: Duration = Duration::from_secs(5);
/// A host that does not answer any more has given the address back after so long.
const UNCLAIMED: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Story {
    seed: u64,
    random: Random,
    options: Options,
    nodes: Vec<Node>,
    net: Net,
    now: Instant,
    /// By time, then by order of entry.
    heap: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    entries: u64,
    happened: u64,
    /// For each node, the time of the latest entry for its turn.
    entered: Vec<Option<Instant>>,
    tell: bool,
    record: Option<Vec<String>>,
    /// Since when a virtual router has more than one master, once the network is whole, and how many.
    rivals_since: Vec<Option<(Instant, usize)>>,
    /// Since when the network is whole.
    healed_at: Option<Instant>,
    /// What the attacker has heard.
    tape: Tape,
    /// Hosts with addresses of virtual routers, and which of them have gone for good.
    hosts: Vec<Host>,
    gone: BTreeSet<usize>,
}

/// Ordered only because the heap asks for it: no two entries have the same number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrive(usize, Advert),
    Turn(usize),
    /// Node, segment: who says that he has an address.
    Claim(usize, usize, IpAddr, MacAddr),
    Trouble(Trouble),
}

impl Story {
    pub(crate) fn new(seed: u64, options: Options) -> Story {
        let nodes: Vec<Node> = (0..options.nodes.len())
            .map(|at| Node::new(at, &options, Random::new(seed ^ (at as u64 + 1) << 48)))
            .collect();
        Story {
            seed,
            random: Random::new(seed),
            net: Net::new(&options),
            entered: vec![None; nodes.len()],
            nodes,
            rivals_since: vec![None; options.routers.len()],
            healed_at: None,
            tape: Tape::default(),
            hosts: vec![],
            gone: BTreeSet::new(),
            options,
            // Some way into the clock's life, as on a real machine.
            now: Instant::from_nanos(1_000_000_000_000),
            heap: BinaryHeap::new(),
            entries: 0,
            happened: 0,
            tell: false,
            record: None,
        }
    }

    pub(crate) fn tell(&mut self) {
        self.tell = true;
        println!("{:#?}", self.options);
        self.listen_to_nodes();
    }

    pub(crate) fn record(&mut self) {
        self.record = Some(vec![]);
        self.listen_to_nodes();
    }

    fn listen_to_nodes(&mut self) {
        for node in &mut self.nodes {
            node.world.tell = Some(vec![]);
        }
    }

    pub(crate) fn recorded(self) -> Vec<String> {
        self.record.unwrap_or_default()
    }

    /// Runs to the end: how often a node became master, or what went wrong.
    pub(crate) fn run(&mut self) -> Result<u64, String> {
        let bad = self.options.bad;
        self.plan_troubles(bad);
        self.run_until(self.now + bad, false)?;

        self.heal();
        let rest = self.rest();
        self.run_until(self.now + rest, true)?;
        self.check_end()?;
        // What was refused before has been tried again by now.
        for at in 0..self.nodes.len() {
            self.nodes[at].world.forget_refusals();
            check::addresses_follow_state(&mut self.nodes[at])
                .map_err(|wrong| self.wrong(&format!("node {at}: {wrong}")))?;
        }

        let count = self.options.routers.len();
        let masters: Vec<_> = (0..count).map(|router| check::masters(&self.nodes, router)).collect();
        let transitions = self.transitions();
        self.run_until(self.now + self.options.longest_interval() * 10, true)?;
        self.check_end()?;
        let later = self.transitions();
        if (0..count).any(|router| check::masters(&self.nodes, router) != masters[router])
            || later != transitions
        {
            return Err(self.wrong("it does not come to rest"));
        }
        self.end()?;
        Ok(later)
    }

    /// Runs the part in which anything may happen, with nodes that work in the order of old: how often one of them took a
    /// master for silent whose adverts had come in time.
    pub(crate) fn seizures_in_old_order(&mut self) -> u64 {
        self.nodes.iter_mut().for_each(Node::work_in_old_order);
        self.plan_troubles(self.options.bad);
        let end = self.now + self.options.bad;
        // Whatever else is wrong with them does not end the story.
        while self.now < end {
            let _ = self.run_until(end, false);
            if self.happened > ENOUGH {
                break;
            }
        }
        self.nodes.iter().map(|node| node.world.watch.seizures).sum()
    }

    /// How long it may take until nothing changes any more, once everything is whole.
    fn rest(&self) -> Duration {
        // A paused node runs again within twelve intervals. Then: silence of a master that died in the bad part, the
        // caution after a pause, preempt_delay and one more election.
        let interval = self.options.longest_interval();
        let preempt = self.options.routers.iter().map(|r| r.preempt_delay).max().unwrap_or_default();
        let failures = self.options.failures;
        let retry = if failures.change + failures.listen > 0 { RETRY + interval * 8 } else { Duration::ZERO };
        let skew = Duration::from_secs(if interval >= Duration::from_secs(1) { 1 } else { 0 });
        // The members of a group wait for each other.
        let elections = if self.options.groups.is_empty() { 4 } else { 8 };
        self.options.startup_delay * 2
            + (interval * 4 + skew) * elections
            + interval * 8
            + preempt
            + retry
            + self.options.all_addresses() * 3
            + self.options.longest_tracking()
            + if self.options.hosts > 0 { UNCLAIMED } else { Duration::ZERO }
    }

    fn transitions(&self) -> u64 {
        self.nodes.iter().map(Node::became_master).sum()
    }

    fn check_end(&self) -> Result<(), String> {
        for router in 0..self.options.routers.len() {
            check::one_master(&self.nodes, router).map_err(|wrong| self.wrong(&wrong))?;
            let takes_part =
                |node: &Node| matches!(node.state(router), StateKind::Backup | StateKind::Master);
            if let Some(at) = self.nodes.iter().position(|node| !takes_part(node)) {
                let state = self.nodes[at].state(router);
                return Err(self.wrong(&format!("node {at} takes no part in {router}: {state:?}")));
            }
        }
        self.check_hosts()?;
        // One master is no split, and everybody notices that once the others have been silent for long enough.
        let silent = self.healed_at.is_some_and(|at| self.now > at + SILENCE);
        for (at, node) in self.nodes.iter().enumerate().filter(|_| silent) {
            // As long as a host answers, the others may be silent masters.
            let claimed = |router| node.world.watch.claims.iter().any(|(of, _)| *of == router);
            if let Some((router, source)) = node.world.watch.rivals.keys().find(|(of, _)| !claimed(*of)) {
                return Err(self.wrong(&format!("node {at} still takes {source} for a master of {router}")));
            }
        }
        Ok(())
    }

    /// Every node is stopped: nothing of it remains.
    fn end(&mut self) -> Result<(), String> {
        for at in 0..self.nodes.len() {
            self.say(|| format!("{at} is stopped"));
            self.nodes[at].stop(self.now);
            self.schedule(at);
        }
        let enough = self.options.all_addresses() * 3 + self.options.longest_turn() * 20;
        self.run_until(self.now + enough, false)?;
        if let Some(at) = self.nodes.iter().position(Node::is_running) {
            return Err(self.wrong(&format!("{at} does not stop")));
        }
        Ok(())
    }

    fn run_until(&mut self, end: Instant, whole: bool) -> Result<(), String> {
        while let Some(Reverse((at, ..))) = self.heap.peek()
            && *at <= end
        {
            let Some(Reverse((at, _, event))) = self.heap.pop() else { break };
            self.now = at;
            self.happened += 1;
            if self.happened > ENOUGH {
                return Err(self.wrong("adverts answer adverts without end"));
            }
            self.happen(event)?;
            if whole {
                self.check_rivals()?;
            }
        }
        self.now = end;
        Ok(())
    }

    /// Two masters of a whole network hear each other at the worse one's or the better one's next advert.
    fn check_rivals(&mut self) -> Result<(), String> {
        for router in 0..self.options.routers.len() {
            let masters = check::masters(&self.nodes, router);
            // One that does not run can't step down, nor one that does not know yet what all others do.
            let is_late = |at: usize| self.nodes[at].is_paused() || self.nodes[at].is_reloading();
            let awake = masters.iter().filter(|&&at| !is_late(at));
            let count = awake.count();
            if count < 2 {
                self.rivals_since[router] = None;
                continue;
            }
            let interval = masters.iter().map(|&at| self.nodes[at].instance(router).advert_int).max();
            // A number that is far behind others' is believed once it has gone on from one of theirs; and what is tracked
            // may make the worse one the better one meanwhile.
            let VirtualRouter { sealing, tracking, .. } = self.options.routers[router];
            let is_ah = sealing == Some(Sealing::Ah);
            let is_slow = is_ah || tracking.script.is_some() || tracking.file;
            let (since, before) = self.rivals_since[router].get_or_insert((self.now, count));
            // Of several that say the same number, a third one believes the first that it hears. One of them yields each time.
            if is_ah && count < *before {
                *since = self.now;
            }
            *before = count;
            let adverts = if is_slow { 2 } else { 1 };
            let allowed = interval.unwrap_or_default() * adverts
                + self.options.max_delay * 2
                + self.options.longest_turn() * 2;
            let together = self.now - *since;
            if together > allowed {
                return Err(self
                    .wrong(&format!("{masters:?} have been masters of {router} together for {together:?}")));
            }
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Arrive(at, advert) => {
                self.nodes[at].receive(self.now, advert);
                self.schedule(at);
            }
            // Another entry may have been enough: the node's clock decides, not the entry.
            Event::Turn(at) if self.nodes[at].turn_at == Some(self.now) => {
                self.entered[at] = None;
                return self.turn(at);
            }
            Event::Turn(_) => {}
            Event::Claim(at, link, address, mac) => {
                self.nodes[at].hear_claim(self.now, link, address, mac);
                self.schedule(at);
            }
            Event::Trouble(trouble) => self.trouble(trouble),
        }
        Ok(())
    }

    fn turn(&mut self, at: usize) -> Result<(), String> {
        let at_rest = self.nodes[at].turn(self.now);
        self.retell(at);
        for (when, advert) in std::mem::take(&mut self.nodes[at].world.sent) {
            self.send(at, when, &advert);
        }
        self.neighbourhood(at);
        self.schedule(at);
        if let Some(wrong) = self.nodes[at].world.watch.wrong.take() {
            return Err(self.wrong(&format!("node {at}: {wrong}")));
        }
        check::groups_go_together(&self.nodes[at])
            .map_err(|wrong| self.wrong(&format!("node {at}: {wrong}")))?;
        if at_rest {
            self.nodes[at].check_tracking().map_err(|wrong| self.wrong(&format!("node {at}: {wrong}")))?;
            check::addresses_follow_state(&mut self.nodes[at])
                .map_err(|wrong| self.wrong(&format!("node {at}: {wrong}")))?;
        }
        Ok(())
    }

    fn send(&mut self, from: usize, when: Instant, advert: &Advert) {
        if self.options.sealing().is_some() {
            self.tape.hear(advert, self.entries);
        }
        for to in (0..self.nodes.len()).filter(|&to| to != from) {
            for delay in self.net.carry(from, to, &mut self.random) {
                self.push(when + delay, Event::Arrive(to, advert.clone()));
            }
        }
    }

    fn schedule(&mut self, at: usize) {
        let due = self.nodes[at].turn_at;
        if let Some(due) = due.filter(|_| due != self.entered[at]) {
            self.entered[at] = Some(due);
            self.push(due, Event::Turn(at));
        }
    }

    fn push(&mut self, at: Instant, event: Event) {
        self.entries += 1;
        self.heap.push(Reverse((at, self.entries, event)));
    }

    fn say(&mut self, what: impl Fn() -> String) {
        if self.tell {
            println!("{:?} {}", self.now, what());
        }
        if let Some(record) = &mut self.record {
            record.push(format!("{:?} {}", self.now, what()));
        }
    }

    /// What a node did.
    fn retell(&mut self, at: usize) {
        let Some(told) = &mut self.nodes[at].world.tell else { return };
        for line in std::mem::take(told) {
            if self.tell {
                println!("{line} ({at})");
            }
            if let Some(record) = &mut self.record {
                record.push(format!("{line} ({at})"));
            }
        }
    }

    fn wrong(&self, what: &str) -> String {
        format!("at {:?}: {what}\nwith {:?}", self.now, self.options)
    }
}
