//! One seed's story: the heap of what is to happen, and what happens.

use crate::check;
use crate::net::Net;
use crate::node::{Node, Packet};
use crate::options::Options;
use crate::random::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;
use vipd::time::Instant;

/// No story needs so many happenings: a thousand intervals of five nodes are some ten thousand.
const ENOUGH: u64 = 100_000;

#[derive(Debug)]
pub(crate) struct Story {
    random: Random,
    options: Options,
    nodes: Vec<Node>,
    net: Net,
    now: Instant,
    /// By time, then by order of entry.
    heap: BinaryHeap<Reverse<(Instant, u64, Happening)>>,
    entries: u64,
    happened: u64,
    tell: bool,
    record: Option<Vec<String>>,
    /// Since when there is more than one master, once the network is whole.
    rivals_since: Option<Instant>,
}

/// Ordered only because the heap asks for it: no two entries have the same number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrive { at: usize, source: std::net::IpAddr, destination: std::net::IpAddr, payload: Vec<u8> },
    Wake { at: usize },
    Trouble(Trouble),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Crash(usize),
    LosePower(usize),
    Stop(usize),
    Start(usize),
    LinkDown(usize),
    LinkUp(usize),
    Stall(usize, Duration),
    /// One side hears nothing of the other; the second number says whether the other way is cut too.
    Isolate(usize, bool),
    Mend,
    Reload(usize, u8),
}

impl Story {
    pub(crate) fn new(seed: u64, options: Options) -> Story {
        let nodes = (0..options.nodes.len()).map(|at| Node::new(at, &options)).collect();
        Story {
            random: Random::new(seed),
            net: Net::new(&options),
            nodes,
            options,
            // Some way into the clock's life, as on a real machine.
            now: Instant::from_nanos(1_000_000_000_000),
            heap: BinaryHeap::new(),
            entries: 0,
            happened: 0,
            tell: false,
            record: None,
            rivals_since: None,
        }
    }

    pub(crate) fn tell(&mut self) {
        self.tell = true;
        println!("{:#?}", self.options);
    }

    pub(crate) fn record(&mut self) {
        self.record = Some(vec![]);
    }

    pub(crate) fn recorded(self) -> Vec<String> {
        self.record.unwrap_or_default()
    }

    /// Runs to the end: how often a node became master, or what went wrong.
    pub(crate) fn run(&mut self) -> Result<u64, String> {
        let bad = self.options.advert_int * self.options.bad_intervals as u32;
        self.plan_troubles(bad);
        self.run_until(self.now + bad, false)?;

        self.heal();
        // A stalled node runs again within a master-down time. Then: silence of a master that died in the bad part, the
        // caution after a stall, preempt_delay and one more election.
        let master_down = self.nodes[0].master_down();
        let converged = master_down * 4 + self.options.advert_int * 8;
        self.run_until(self.now + converged, true)?;
        check::one_master(&self.nodes).map_err(|wrong| self.wrong(&wrong))?;

        let masters = check::masters(&self.nodes);
        let transitions: u64 = self.nodes.iter().map(|n| n.became_master).sum();
        self.run_until(self.now + master_down * 5, true)?;
        check::one_master(&self.nodes).map_err(|wrong| self.wrong(&wrong))?;
        let later: u64 = self.nodes.iter().map(|n| n.became_master).sum();
        if check::masters(&self.nodes) != masters || later != transitions {
            return Err(self.wrong("it does not come to rest"));
        }
        Ok(later)
    }

    fn plan_troubles(&mut self, bad: Duration) {
        let length = bad.as_nanos() as u64;
        for at in 0..self.nodes.len() {
            let delay = self.random.within(0, length / 4);
            self.push(Duration::from_nanos(delay), Happening::Trouble(Trouble::Start(at)));
        }
        for _ in 0..self.options.troubles {
            let delay = Duration::from_nanos(self.random.within(0, length));
            let at = self.random.within(0, self.nodes.len() as u64 - 1) as usize;
            let stall = Duration::from_nanos(self.random.within(1, length / 4));
            let trouble = match self.random.within(0, 11) {
                0 => Trouble::Crash(at),
                1 => Trouble::LosePower(at),
                2 => Trouble::Stop(at),
                3 | 4 => Trouble::Start(at),
                5 => Trouble::LinkDown(at),
                6 => Trouble::LinkUp(at),
                7 => Trouble::Stall(at, stall),
                8 => Trouble::Isolate(at, true),
                9 => Trouble::Isolate(at, false),
                10 => Trouble::Mend,
                _ => Trouble::Reload(at, self.random.within(1, 8) as u8 * 30),
            };
            self.push(delay, Happening::Trouble(trouble));
        }
    }

    fn heal(&mut self) {
        self.say(|| "the network is whole".into());
        self.net.heal();
        for at in 0..self.nodes.len() {
            if !self.nodes[at].link_is_up() {
                self.trouble(Trouble::LinkUp(at));
            }
            if !self.nodes[at].is_running() {
                self.trouble(Trouble::Start(at));
            }
        }
    }

    fn run_until(&mut self, end: Instant, whole: bool) -> Result<(), String> {
        while let Some(Reverse((at, ..))) = self.heap.peek()
            && *at <= end
        {
            let Some(Reverse((at, _, happening))) = self.heap.pop() else { break };
            self.now = at;
            self.happened += 1;
            if self.happened > ENOUGH {
                return Err(self.wrong("adverts answer adverts without end"));
            }
            self.happen(happening);
            for (at, node) in self.nodes.iter().enumerate() {
                check::addresses_follow_state(at, node).map_err(|wrong| self.wrong(&wrong))?;
            }
            if whole {
                self.check_rivals()?;
            }
        }
        self.now = end;
        Ok(())
    }

    /// Two masters of a whole network hear each other at the worse one's or the better one's next advert.
    fn check_rivals(&mut self) -> Result<(), String> {
        let masters = check::masters(&self.nodes);
        // One that does not run can't step down.
        let awake = masters.iter().filter(|&&at| self.nodes[at].stalled_until.is_none()).count();
        if awake < 2 {
            self.rivals_since = None;
            return Ok(());
        }
        let since = *self.rivals_since.get_or_insert(self.now);
        let allowed = self.options.advert_int + self.options.max_delay * 2;
        if self.now - since > allowed {
            return Err(
                self.wrong(&format!("{masters:?} have been masters together for {:?}", self.now - since))
            );
        }
        Ok(())
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { at, source, destination, payload } => {
                self.say(|| format!("{at} hears {source}, priority {:?}", payload.get(2)));
                let sent = self.nodes[at].receive(self.now, Packet { source, destination, payload });
                self.send(at, sent);
                self.schedule(at);
            }
            Happening::Wake { at } => {
                // Another entry may have been enough: the clock decides, not the entry.
                if self.nodes[at].next_timeout().is_some_and(|due| due <= self.now) {
                    let sent = self.nodes[at].wake(self.now);
                    self.send(at, sent);
                    self.schedule(at);
                }
            }
            Happening::Trouble(trouble) => self.trouble(trouble),
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.say(|| format!("{trouble:?}"));
        let now = self.now;
        let (at, sent) = match trouble {
            Trouble::Crash(at) => {
                self.nodes[at].crash();
                (at, vec![])
            }
            Trouble::LosePower(at) => {
                self.nodes[at].lose_power();
                (at, vec![])
            }
            Trouble::Stop(at) => (at, self.nodes[at].stop(now)),
            Trouble::Start(at) if self.nodes[at].is_running() => return,
            Trouble::Start(at) => (at, self.nodes[at].start(now)),
            Trouble::LinkDown(at) => (at, self.nodes[at].set_link(now, false)),
            Trouble::LinkUp(at) => (at, self.nodes[at].set_link(now, true)),
            Trouble::Stall(at, length) => {
                if self.nodes[at].is_running() {
                    self.nodes[at].stalled_until = Some(now + length.min(self.nodes[at].master_down() * 3));
                }
                (at, vec![])
            }
            Trouble::Isolate(at, both) => {
                for other in (0..self.nodes.len()).filter(|&other| other != at) {
                    self.net.cut(other, at);
                    if both {
                        self.net.cut(at, other);
                    }
                }
                return;
            }
            Trouble::Mend => return self.net.mend(),
            Trouble::Reload(at, priority) => (at, self.nodes[at].reload(now, priority)),
        };
        self.send(at, sent);
        self.schedule(at);
    }

    fn send(&mut self, from: usize, packets: Vec<Packet>) {
        for packet in packets {
            self.say(|| format!("{from} says priority {:?}", packet.payload.get(2)));
            for to in (0..self.nodes.len()).filter(|&to| to != from) {
                for delay in self.net.carry(from, to, &mut self.random) {
                    let Packet { source, destination, payload } = packet.clone();
                    self.push(delay, Happening::Arrive { at: to, source, destination, payload });
                }
            }
        }
    }

    fn schedule(&mut self, at: usize) {
        if let Some(due) = self.nodes[at].next_timeout() {
            self.push(due - self.now, Happening::Wake { at });
        }
    }

    fn push(&mut self, delay: Duration, happening: Happening) {
        self.entries += 1;
        self.heap.push(Reverse((self.now + delay, self.entries, happening)));
    }

    fn say(&mut self, what: impl Fn() -> String) {
        if self.tell {
            let states: Vec<String> = self.nodes.iter().map(|n| format!("{:?}", n.state())).collect();
            println!("{:?} {} [{}]", self.now, what(), states.join(" "));
        }
        if let Some(record) = &mut self.record {
            record.push(format!("{:?} {}", self.now, what()));
        }
    }

    fn wrong(&self, what: &str) -> String {
        format!("at {:?}: {what}\nwith {:?}", self.now, self.options)
    }
}
