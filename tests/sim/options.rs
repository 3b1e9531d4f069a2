//! What a seed decides before the story begins: virtual routers, nodes, how long things take, how bad the network is.

use crate::random::Random;
use crate::seal::Sealing;
use crate::tracked::Tracking;
use std::time::Duration;
use vipd::net::Family;
use vipd::vrrp::config::{Version, Weight};

#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// How many interfaces each node has: the segments of the network.
    pub(crate) links: usize,
    pub(crate) routers: Vec<VirtualRouter>,
    /// Sync groups: their members, each in one at most. Some virtual routers are in none.
    pub(crate) groups: Vec<Vec<usize>>,
    pub(crate) nodes: Vec<Node>,
    /// A packet takes at most so long.
    pub(crate) max_delay: Duration,
    /// Packets lost and repeated, in a hundred, while the network is bad.
    pub(crate) loss: u64,
    pub(crate) repeat: u64,
    /// How many bad things happen.
    pub(crate) troubles: u64,
    /// The bad part ends with a blackout.
    pub(crate) blackout: bool,
    /// How long the bad part lasts.
    pub(crate) bad: Duration,
    /// What goes wrong by itself in the bad part.
    pub(crate) failures: Failures,
    /// The first virtual router's addresses serve virtual servers.
    pub(crate) serving: bool,
    /// `vrrp_startup_delay`
    pub(crate) startup_delay: Duration,
    /// So many other hosts have an address of a virtual router for a while.
    pub(crate) hosts: usize,
}

/// The same on all nodes, until a reload says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct VirtualRouter {
    pub(crate) link: usize,
    pub(crate) family: Family,
    pub(crate) version: Version,
    pub(crate) interval: Duration,
    pub(crate) advertised: usize,
    pub(crate) excluded: usize,
    /// The first node owns its first address: the system has set it there.
    pub(crate) owned: bool,
    pub(crate) nopreempt: bool,
    pub(crate) preempt_delay: Duration,
    pub(crate) tracking: Tracking,
    pub(crate) sealing: Option<Sealing>,
    /// `use_vmac`
    pub(crate) vmac: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// One a virtual router.
    pub(crate) priorities: Vec<u8>,
    pub(crate) costs: Costs,
}

/// How long a call takes.
#[derive(Clone, Debug)]
pub(crate) struct Costs {
    pub(crate) packet: Duration,
    pub(crate) advert: Duration,
    pub(crate) change: Duration,
    /// More for each address that is on the link already, in nanoseconds.
    pub(crate) crowd_nanos: u64,
    pub(crate) frame: Duration,
    pub(crate) report: Duration,
    /// The timer's latency, at most.
    pub(crate) late: Duration,
}

/// In a thousand calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failures {
    pub(crate) send: u64,
    pub(crate) change: u64,
    pub(crate) listen: u64,
    /// Calls that take much longer, and how long.
    pub(crate) slow: u64,
    pub(crate) slowness: Duration,
}

/// So many adverts leave in one turn.
const ADVERTS: u32 = 64;
/// Reports of a turn, and packets that came meanwhile.
const SOME: u32 = 40;

impl Costs {
    fn random(random: &mut Random) -> Costs {
        let micros = |random: &mut Random, most| Duration::from_micros(random.within(0, most));
        Costs {
            packet: micros(random, 8),
            advert: micros(random, 15),
            change: micros(random, 60),
            crowd_nanos: random.pick(&[0, 0, 20, 100]),
            frame: micros(random, 8),
            report: micros(random, 8),
            late: micros(random, 60),
        }
    }
}

impl Options {
    pub(crate) fn from_seed(seed: u64) -> Options {
        let mut random = Random::new(!seed);
        let mut options = match random.within(1, 100) {
            1..=45 => Options::plain(&mut random),
            46..=50 => Options::crossed(&mut random),
            51..=72 => Options::several(&mut random),
            73..=92 => Options::grouped(&mut random),
            _ => Options::crowded(&mut random),
        };
        options.track(&mut Random::new(seed ^ 0x7_2ac4));
        options.seal(&mut Random::new(seed ^ 0x5ea1));
        options.give_macs(&mut Random::new(seed ^ 0x3ac5));
        options.invite(&mut Random::new(seed ^ 0x905_7500));
        options
    }

    /// Some virtual routers track something. No owner does: nothing changes its priority.
    fn track(&mut self, random: &mut Random) {
        for router in self.routers.iter_mut().filter(|router| !router.owned) {
            if random.percent(35) {
                // Up adds nothing: in the end priorities are the configured ones.
                let weight = Weight { value: random.pick(&[0, 0, -20, -70, -200]), reverse: false };
                let interval = router.interval * random.pick(&[1, 3]) + Duration::from_millis(20);
                router.tracking.script = Some((weight, interval));
            }
            router.tracking.file = random.percent(25);
        }
    }

    /// Some stories have virtual routers that sign their adverts, all in the same way.
    fn seal(&mut self, random: &mut Random) {
        if self.blackout || !random.percent(30) {
            return;
        }
        let sealing = random.pick(&[Sealing::Ah, Sealing::Ah, Sealing::Monotonic, Sealing::Time]);
        for router in self.routers.iter_mut().filter(|_| random.percent(70)) {
            if sealing == Sealing::Ah {
                // AH goes with version 2 alone.
                if router.family == Family::V6 || router.interval < Duration::from_secs(1) {
                    continue;
                }
                router.version = Version::V2;
            }
            router.sealing = Some(sealing);
        }
        if sealing == Sealing::Ah && random.percent(60) {
            self.black_out();
        }
    }

    /// All nodes lose their power at once, and find themselves alone. Of equal priority, they become masters at the same
    /// moment: their adverts cross, and go on to do so.
    fn black_out(&mut self) {
        self.blackout = true;
        for priorities in self.nodes.iter_mut().map(|node| &mut node.priorities) {
            priorities.iter_mut().filter(|priority| **priority != 255).for_each(|priority| *priority = 90);
        }
    }

    /// Some virtual routers have an interface of their own. No owner does: the system has set its address elsewhere.
    fn give_macs(&mut self, random: &mut Random) {
        if random.percent(20) {
            for router in self.routers.iter_mut().filter(|router| !router.owned) {
                router.vmac = random.percent(70);
            }
        }
    }

    /// Other hosts, where little enough is said while they are waited for.
    fn invite(&mut self, random: &mut Random) {
        let hertz: f64 = self.routers.iter().map(|router| 1.0 / router.interval.as_secs_f64()).sum();
        if random.percent(6) && hertz <= 120.0 && self.all_addresses() < Duration::from_secs(1) {
            self.hosts = random.within(1, 3) as usize;
        }
    }

    /// How the story's routers sign, those that do.
    pub(crate) fn sealing(&self) -> Option<Sealing> {
        self.routers.iter().find_map(|router| router.sealing)
    }

    /// How long what is tracked may stand as it did after everything is whole.
    pub(crate) fn longest_tracking(&self) -> Duration {
        let intervals = self.routers.iter().filter_map(|router| Some(router.tracking.script?.1));
        intervals.max().unwrap_or_default() * 2
    }

    /// Only stories of this kind: see [`Options::crowded`].
    pub(crate) fn crowded_from_seed(seed: u64) -> Options {
        Options::crowded(&mut Random::new(!seed))
    }

    /// One virtual router.
    fn plain(random: &mut Random) -> Options {
        let router = VirtualRouter::random(random, 1, None);
        Options::around(random, 1, vec![router], vec![])
    }

    /// One virtual router with `auth_type AH`, whose masters' adverts cross.
    fn crossed(random: &mut Random) -> Options {
        let mut router = VirtualRouter::random(random, 1, Some(&[1000]));
        (router.family, router.version, router.owned) = (Family::V4, Version::V2, false);
        router.sealing = Some(Sealing::Ah);
        let mut options = Options::around(random, 1, vec![router], vec![]);
        options.black_out();
        options
    }

    /// Some virtual routers of all kinds, on some links: two to five, seldom up to fifty.
    fn several(random: &mut Random) -> Options {
        let links = random.within(1, 3) as usize;
        let millis: &[u64] = random.pick(&[&[10, 20, 30, 50][..], &[50, 100, 200], &[300, 1000, 2000]]);
        let count = if random.percent(4) { random.within(6, 50) } else { random.within(2, 5) };
        let routers = (0..count).map(|_| VirtualRouter::random(random, links, Some(millis))).collect();
        Options::around(random, links, routers, vec![])
    }

    /// Sync groups of two to five members, and some virtual routers in none.
    fn grouped(random: &mut Random) -> Options {
        let links = random.within(1, 3) as usize;
        let millis: &[u64] = random.pick(&[&[10, 20, 30, 50][..], &[50, 100, 200], &[300, 1000, 2000]]);
        let count = if random.percent(5) { random.within(9, 50) } else { random.within(2, 8) };
        let mut routers: Vec<_> =
            (0..count).map(|_| VirtualRouter::random(random, links, Some(millis))).collect();
        let mut groups = vec![];
        let mut next = 0;
        while routers.len() - next >= 2 {
            let size = random.within(2, 5).min((routers.len() - next) as u64) as usize;
            let members: Vec<usize> = (next..next + size).collect();
            // Members that disagree on who is the best, or may take over, have no master that all can agree on.
            let VirtualRouter { owned, nopreempt, .. } = routers[next];
            for router in &mut routers[next..next + size] {
                (router.owned, router.nopreempt) = (owned, nopreempt);
            }
            groups.push(members);
            next += size + usize::from(random.percent(30));
            next = next.min(routers.len());
        }
        Options::around(random, links, routers, groups)
    }

    /// Fast virtual routers beside one with many addresses, whose changes take their time.
    fn crowded(random: &mut Random) -> Options {
        let links = random.within(1, 2) as usize;
        let mut routers: Vec<_> =
            (0..random.within(1, 2)).map(|_| VirtualRouter::random(random, links, Some(&[10, 20]))).collect();
        let mut many = VirtualRouter::random(random, links, Some(&[20, 50, 100]));
        (many.advertised, many.excluded) = (10, random.pick(&[150, 300, 800, 2000]));
        routers.push(many);
        let mut options = Options::around(random, links, routers, vec![]);
        options.nodes.truncate(3);
        for node in &mut options.nodes {
            node.costs.change = Duration::from_micros(random.within(20, 300));
            node.costs.crowd_nanos = 20;
        }
        options
    }

    fn around(
        random: &mut Random,
        links: usize,
        mut routers: Vec<VirtualRouter>,
        groups: Vec<Vec<usize>>,
    ) -> Options {
        let nodes = (0..Options::nodes(random, routers.len()))
            .map(|at| {
                // Equal priorities are frequent: addresses decide.
                let mut priorities: Vec<u8> = routers
                    .iter()
                    .map(|router| if router.owned && at == 0 { 255 } else { random.within(1, 8) as u8 * 30 })
                    .collect();
                for members in &groups {
                    members.iter().for_each(|&member| priorities[member] = priorities[members[0]]);
                }
                Node { priorities, costs: Costs::random(random) }
            })
            .collect();
        let shortest = routers.iter().map(|router| router.interval).min().unwrap();
        let longest = routers.iter().map(|router| router.interval).max().unwrap();
        let failing = random.percent(25);
        let mut thousandth = |of: &[u64]| if failing { random.pick(of) } else { 0 };
        let failures = Failures {
            send: thousandth(&[0, 10, 100]),
            change: thousandth(&[0, 20, 200]),
            listen: thousandth(&[0, 0, 300]),
            slow: thousandth(&[0, 5, 20]),
            slowness: Duration::from_millis(random.within(1, 20)),
        };
        for router in &mut routers {
            if random.percent(15) && !router.nopreempt {
                router.preempt_delay = longest * 5;
            }
        }
        for members in &groups {
            let delay = routers[members[0]].preempt_delay;
            members.iter().for_each(|&member| routers[member].preempt_delay = delay);
        }
        Options {
            links,
            routers,
            groups,
            nodes,
            max_delay: shortest / random.pick(&[100, 20, 8]),
            loss: random.pick(&[0, 5, 30]),
            repeat: random.pick(&[0, 10]),
            troubles: random.within(0, 14),
            bad: longest * random.within(10, 60) as u32,
            failures,
            serving: random.percent(20),
            hosts: 0,
            blackout: false,
            startup_delay: if random.percent(12) {
                longest * random.within(1, 5) as u32
            } else {
                Duration::ZERO
            },
        }
    }

    /// Two to seven; fewer in most stories with many virtual routers, which take their time.
    fn nodes(random: &mut Random, routers: usize) -> u64 {
        let most = if routers == 1 || random.percent(25) { 7 } else { 3 };
        random.within(2, most)
    }

    pub(crate) fn group_of(&self, router: usize) -> Option<usize> {
        self.groups.iter().position(|members| members.contains(&router))
    }

    pub(crate) fn longest_interval(&self) -> Duration {
        self.routers.iter().map(|router| router.interval).max().unwrap()
    }

    /// How long one round of a node's loop may take.
    pub(crate) fn longest_turn(&self) -> Duration {
        let of = |node: &Node| {
            let costs = &node.costs;
            costs.packet * self.packets()
                + costs.advert * ADVERTS.min(2 * self.routers.len() as u32)
                + costs.report * self.packets()
                + costs.late
        };
        let usual = self.nodes.iter().map(of).max().unwrap_or_default();
        usual + self.slowness()
    }

    /// Whether there are interfaces of their own.
    pub(crate) fn has_vmacs(&self) -> bool {
        self.routers.iter().any(|router| router.vmac)
    }

    /// How many packets come in a turn: each interface of its own hears what is meant for the others.
    fn packets(&self) -> u32 {
        // A reload may give one to each.
        let own = if self.has_vmacs() { self.routers.len() as u32 } else { 0 };
        SOME * (4 + own) / 4
    }

    fn slowness(&self) -> Duration {
        if self.failures.slow > 0 { self.failures.slowness } else { Duration::ZERO }
    }

    /// How much longer than its interval a master may be silent: a turn, and what comes before the adverts in the next.
    pub(crate) fn longest_silence(&self) -> Duration {
        let of = |node: &Node| {
            (node.costs.packet + node.costs.report) * self.packets() + node.costs.advert * ADVERTS
        };
        self.longest_turn() + self.nodes.iter().map(of).max().unwrap_or_default() + self.slowness()
    }

    /// How long all the addresses of a node take, with the announcements.
    pub(crate) fn all_addresses(&self) -> Duration {
        let count: u32 = self.routers.iter().map(|r| (r.advertised + r.excluded) as u32).sum();
        let of = |node: &Node| {
            let change = node.costs.change + Duration::from_nanos(node.costs.crowd_nanos * u64::from(count));
            (change + node.costs.frame * 5) * count
        };
        self.nodes.iter().map(of).max().unwrap_or_default()
    }
}

impl VirtualRouter {
    fn random(random: &mut Random, links: usize, millis: Option<&[u64]>) -> VirtualRouter {
        let family = if random.percent(30) { Family::V6 } else { Family::V4 };
        let whole_seconds = millis.is_none_or(|millis| millis.iter().any(|ms| *ms >= 1000));
        let version = match family {
            Family::V4 if whole_seconds && random.percent(50) => Version::V2,
            Family::V4 | Family::V6 => Version::V3,
        };
        let interval = match version {
            Version::V2 => Duration::from_secs(random.within(1, 2)),
            Version::V3 => Duration::from_millis(random.pick(millis.unwrap_or(&[10, 50, 100, 1000]))),
        };
        let owned = random.percent(10);
        VirtualRouter {
            link: random.within(0, links as u64 - 1) as usize,
            family,
            version,
            interval,
            advertised: random.within(1, 3) as usize,
            excluded: random.within(0, 2) as usize,
            owned,
            nopreempt: !owned && random.percent(20),
            preempt_delay: Duration::ZERO,
            tracking: Tracking::default(),
            sealing: None,
            vmac: false,
        }
    }
}
