//! What must be true of what a node says and does, at the moment when it does it.

mod router;

use crate::io::Advert;
use crate::seal::Verdict;
pub(crate) use router::Router;
use router::{Patience, in_force};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use vipd::net::{IpNet, MacAddr};
use vipd::time::Instant;
use vipd::vrrp::config::{Instance, Version};
use vipd::vrrp::event::{Name, Reloaded, Report, Sign, StateKind};
use vipd::vrrp::notice::{News, Notice, State, Subject};

/// A node, seen from outside.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) routers: Vec<Router>,
    turn: Instant,
    /// Which one it is.
    node: u8,
    /// The first thing that went wrong.
    pub(crate) wrong: Option<String>,
    /// How often an instance became master though it had no reason to.
    pub(crate) seizures: u64,
    longest_turn: Duration,
    /// A deadline that passes after a turn began is met in the next.
    longest_silence: Duration,
    /// The process stands still, or did before this turn: until when, and for how long.
    paused: Option<(Instant, Duration)>,
    /// Its loop was asleep when the last pause began.
    was_asleep: bool,
    /// The process before this one died, its addresses may be there.
    pub(crate) respawned: bool,
    pub(crate) changed: bool,
    pub(crate) stopping: bool,
    /// A configuration is being carried out.
    pub(crate) reloading: bool,
    /// What others are to be told of sync groups.
    untold_groups: BTreeMap<Name, VecDeque<State>>,
    /// The other routers that a split brain was told of, and not yet that it is over.
    pub(crate) rivals: BTreeMap<(usize, IpAddr), bool>,
    /// The other hosts that were told to have addresses of a virtual router, and not yet that they have not.
    pub(crate) claims: BTreeSet<(usize, MacAddr)>,
    /// Whoever said that he has an address.
    pub(crate) macs: BTreeSet<MacAddr>,
    /// `vrrp_startup_delay` is not over, as far as was said, and until when.
    delayed: bool,
    delayed_until: Instant,
}

impl Watch {
    pub(crate) fn new(
        node: usize,
        routers: Vec<Router>,
        longest_turn: Duration,
        longest_silence: Duration,
    ) -> Watch {
        Watch {
            routers,
            turn: Instant::ZERO,
            node: node as u8,
            wrong: None,
            seizures: 0,
            longest_turn,
            longest_silence,
            paused: None,
            was_asleep: false,
            respawned: false,
            changed: true,
            stopping: false,
            reloading: false,
            untold_groups: BTreeMap::new(),
            rivals: BTreeMap::new(),
            claims: BTreeSet::new(),
            macs: BTreeSet::new(),
            delayed: false,
            delayed_until: Instant::ZERO,
        }
    }

    pub(crate) fn wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    pub(crate) fn begin_turn(&mut self, now: Instant) {
        self.turn = now;
        self.routers.iter_mut().for_each(|router| router.brought_forward = Duration::ZERO);
        let Some((end, length)) = self.paused.filter(|_| self.was_asleep) else { return };
        self.was_asleep = false;
        // A deadline that passed long before the end of the pause tells nothing: another interval does.
        for router in self.routers.iter_mut().filter(|r| r.state == StateKind::Backup) {
            let Some(Patience { until, interval, .. }) = router.patience else { continue };
            let longest = interval.max(router.config.advert_int);
            // One that waits for its sync group has set the same time again.
            let begin = end - length;
            let until = if until < begin { begin + longest * 3 + router.skew(longest) } else { until };
            if end - until > longest * 5 + router.skew(interval) * 2 {
                router.patience = Some(Patience::new(now, now + interval + router.skew(interval), interval));
            }
        }
    }

    /// The process does not run from `at`, for so long; `asleep` says whether its loop had nothing to do.
    pub(crate) fn pause(&mut self, at: Instant, length: Duration, asleep: bool) {
        self.paused = Some((at + length, length));
        self.was_asleep = asleep;
        for router in &mut self.routers {
            router.spoke_at = None;
        }
    }

    pub(crate) fn died(&mut self) {
        (self.stopping, self.delayed) = (false, false);
        self.paused = None;
        self.untold_groups.clear();
        self.rivals.clear();
        self.claims.clear();
        self.macs.clear();
        for router in &mut self.routers {
            router.state = StateKind::Init;
            (router.patience, router.spoke_at) = (None, None);
            (router.said_zero, router.was_master) = (false, false);
            router.untold.clear();
            router.leaving = None;
            router.ledger.forget();
            router.effective = router.config.priority;
        }
        self.changed = true;
    }

    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        for router in &mut self.routers {
            router.was_master = router.state == StateKind::Master;
        }
    }

    /// Masters that left without a word, where their link works.
    pub(crate) fn check_farewell(&mut self, works: impl Fn(&Router) -> bool) {
        let silent = self.routers.iter().find(|r| r.was_master && !r.said_zero && works(r));
        if let Some(router) = silent {
            let wrong = format!("{} stopped as master and did not say priority 0", router.config.name);
            self.wrong(wrong);
        }
    }

    /// Whether this configuration makes another virtual router of it: with an interface of its own, or without.
    pub(crate) fn is_replaced(&self, at: usize, config: &Instance) -> bool {
        self.routers[at].config.link.vmac != config.link.vmac
    }

    /// Another configuration: what it changed was not heard in adverts. What is tracked adds so much to the priority.
    pub(crate) fn reconfigured(
        &mut self,
        at: usize,
        config: Instance,
        present: bool,
        grouped: bool,
        weights: i64,
    ) {
        let replaced = self.is_replaced(at, &config);
        let router = &mut self.routers[at];
        router.replaced |= replaced;
        if replaced && router.config.name != config.name {
            router.leaving = Some((router.config.name.clone(), std::mem::take(&mut router.untold)));
        }
        router.grouped |= grouped;
        router.challenged = true;
        router.effective = in_force(config.priority, weights);
        router.former = Some(router.addresses().collect());
        (router.config, router.present) = (config, present);
        (router.patience, router.spoke_at) = (None, None);
        self.changed = true;
    }

    /// An owner has the address.
    pub(crate) fn owns(&self, net: IpNet) -> bool {
        let mut owners = self.routers.iter().filter(|router| router.config.priority == 255);
        owners.any(|r| r.config.addresses.iter().chain(r.config.excluded.iter()).any(|a| a.net == net))
    }

    /// Somebody has set the wall clock, in the middle of what has come.
    pub(crate) fn clock_set(&mut self) {
        for router in self.routers.iter_mut().filter(|router| router.config.hmac.is_some()) {
            (router.patience, router.challenged) = (None, true);
            router.ledger.clock_was_set = true;
        }
    }

    /// An advert is in the socket, and the wall clock shows so many seconds.
    pub(crate) fn delivered(&mut self, now: Instant, advert: &Advert, utc: u64) {
        // Whoever was paused hears later that the delay is over, and all that came since.
        if self.delayed && now < self.delayed_until {
            return;
        }
        let sure = !self.reloading;
        let payload = advert.vrrp();
        let found = self.routers.iter_mut().find(|r| {
            r.link == advert.link
                && r.config.vrid.get() == payload[1]
                && (r.config.unicast.is_some() || r.config.group() == advert.destination)
        });
        let Some(router) = found else { return };
        // Who hears himself hears an echo.
        if advert.source == router.source || !matches!(router.state, StateKind::Backup | StateKind::Master) {
            return;
        }
        let config = &router.config;
        let ours = router.effective;
        let (priority, count) = (payload[2], usize::from(payload[3]));
        let interval = match config.version {
            Version::V2 => Duration::from_secs(payload[5].into()),
            Version::V3 => {
                Duration::from_millis(10 * u64::from(u16::from_be_bytes([payload[4], payload[5]]) & 0xfff))
            }
        };
        if config.version == Version::V2 && interval != config.advert_int {
            return;
        }
        match router.ledger.judge(config, advert, utc, sure) {
            Verdict::Believed => {}
            Verdict::Refused => return,
            Verdict::Unknown => {
                (router.patience, router.challenged) = (None, true);
                return;
            }
        }
        if count != config.addresses.len() {
            return;
        }
        router.challenged = true;
        if priority == 0 {
            // Also one that was master when this came: what is in the socket may make it a backup first.
            router.patience = None;
            return;
        }
        let better = match router.state {
            StateKind::Backup => priority >= ours,
            _ => (priority, advert.source) > (ours, router.source),
        };
        let counts = better || (config.nopreempt && router.state == StateKind::Backup);
        let counts_for_backup = router.state == StateKind::Master && (priority >= ours || config.nopreempt);
        if !counts && (counts_for_backup || !config.preempt_delay.is_zero()) {
            // A worse one may be respected for a while, and teaches its interval meanwhile. So does one that a master
            // would not mind, if a better one that came before it has made this a backup.
            router.patience = None;
        }
        if counts {
            let until = now + interval * 3 + router.skew(interval);
            router.patience = Some(Patience::new(now, until, interval));
        }
    }

    /// An advert is about to leave.
    pub(crate) fn advertised(&mut self, now: Instant, name: &Name, priority: u8, payload: &[u8]) {
        let longest = self.longest_silence;
        let Some(at) = index(name) else { return };
        let router = &mut self.routers[at];
        router.ledger.sent(&router.config, payload);
        if priority == 0 {
            let again = std::mem::replace(&mut router.said_zero, true);
            if again {
                self.wrong(format!("{name} says priority 0 more than once"));
            }
            return;
        }
        router.said_zero = false;
        let spoke_at = router.spoke_at.replace(now);
        let silent = spoke_at.map_or(Duration::ZERO, |at| now - at);
        // The first one leaves before the state is reported.
        if router.state == StateKind::Master && silent > router.config.advert_int + longest {
            self.wrong(format!("{name} was silent for {silent:?} as master"));
        }
    }

    /// What is tracked adds so much to the instance's priority.
    pub(crate) fn reported(&mut self, instance: Option<&Name>, report: &Report, weights: i64) {
        match report {
            Report::StartDelayed(delay) => {
                self.delayed = true;
                self.delayed_until = self.turn + *delay;
            }
            Report::StartDelayOver => self.delayed = false,
            Report::GroupEntered { group, to, .. } => {
                let state = to.told().unwrap_or(State::Stop);
                self.untold_groups.entry(group.clone()).or_default().push_back(state);
            }
            _ => {}
        }
        let Some((name, at)) = instance.and_then(|name| Some((name, index(name)?))) else { return };
        match report {
            Report::PriorityChanged { to, .. } => self.routers[at].set_effective(*to),
            Report::Entered { from, to } => self.entered(name, at, *from, *to),
            Report::MasterDown => self.waited(name, at),
            Report::Stalled { late } => {
                self.wait_on(at);
                let longest = self.paused.map_or(Duration::ZERO, |(_, length)| length);
                let longest = longest + self.routers[at].brought_forward;
                if self.paused.is_none() || *late > longest + self.longest_turn {
                    self.wrong(format!("{name} says that it stood still for {late:?}, it was {longest:?}"));
                }
            }
            // What was to be feared may have come.
            Report::Split(sign @ (Sign::Rival { source, .. } | Sign::Unbelieved { source, .. }))
                if self
                    .rivals
                    .insert((at, *source), sign.is_split())
                    .is_some_and(|was| was || !sign.is_split()) =>
            {
                self.wrong(format!("{name} tells of {source} once more, and it is not over"));
            }
            Report::SplitOver(Sign::Rival { source, .. } | Sign::Unbelieved { source, .. })
                if self.rivals.remove(&(at, *source)).is_none() =>
            {
                self.wrong(format!("{name} tells of the end of {source}, which it has not told of"));
            }
            Report::Split(Sign::Claim { address, mac, .. }) => self.claimed(name, at, *address, *mac),
            Report::SplitOver(Sign::Claim { mac, .. }) if !self.claims.remove(&(at, *mac)) => {
                self.wrong(format!("{name} tells of the end of {mac}, which it has not told of"));
            }
            // The deadline that runs stays as the configuration before has set it. What was told meanwhile changed the
            // priority before.
            Report::Reloaded(Reloaded::Changed(_)) => {
                let router = &mut self.routers[at];
                (router.patience, router.former) = (None, None);
                router.effective = in_force(router.config.priority, weights);
            }
            Report::Reloaded(Reloaded::Added) => self.routers[at].replaced = false,
            Report::Reloaded(Reloaded::Removed) => {
                let router = &mut self.routers[at];
                match router.replaced {
                    true => router.ledger.pass_on(),
                    false => router.ledger.forget(),
                }
                self.rivals.retain(|(router, _), _| *router != at);
                self.claims.retain(|(router, _)| *router != at);
                let router = &self.routers[at];
                if router.present && !router.replaced && !self.stopping {
                    self.wrong(format!("{name} was removed, the configuration has it"));
                }
            }
            _ => {}
        }
    }

    /// Another host is told to have an address: only a master tells, once, of hosts that have said so, and never of himself.
    fn claimed(&mut self, name: &Name, at: usize, address: IpAddr, mac: MacAddr) {
        let router = &self.routers[at];
        let is_its = router.addresses().any(|net| net.address == address);
        let (is_master, is_own) = (
            router.state == StateKind::Master,
            mac.0[..2] == [2, self.node] || router.own_mac() == Some(mac),
        );
        let is_new = self.claims.insert((at, mac));
        if !is_new || !is_its || !is_master || is_own || !self.macs.contains(&mac) {
            self.wrong(format!(
                "{name} tells that {mac} has {address}: new {is_new}, its {is_its}, master {is_master}, own {is_own}"
            ));
        }
    }

    /// Who was not told of.
    pub(crate) fn untold(&self) -> Option<String> {
        let left = |router: &Router| router.leaving.as_ref().is_some_and(|(_, states)| !states.is_empty());
        let router = self.routers.iter().find(|router| !router.untold.is_empty() || left(router));
        let router = router.map(|router| {
            format!("{} has become {:?} {:?}", router.config.name, router.untold, router.leaving)
        });
        let group = self.untold_groups.iter().find(|(_, states)| !states.is_empty());
        router.or(group.map(|(name, states)| format!("{name} has become {states:?}")))
    }

    /// Others are told of each change, in its order. Gives the virtual router that they are told is master, and is.
    pub(crate) fn told(&mut self, notice: &Notice) -> Option<&Router> {
        let News::Entered(state) = notice.news else { return None };
        if let Subject::Group { .. } = notice.subject {
            let expected = self.untold_groups.get_mut(&notice.name).and_then(VecDeque::pop_front);
            if expected != Some(state) {
                self.wrong(format!("{} is told to be {state:?}, it should be {expected:?}", notice.name));
            }
            return None;
        }
        let at = index(&notice.name)?;
        let expected = self.routers[at].untold_of(&notice.name).pop_front();
        // One that never started hears of the end, too.
        let is_end = expected.is_none() && state == State::Stop && self.stopping;
        if expected != Some(state) && !is_end {
            self.wrong(format!("{} is told to be {state:?}, it should be {expected:?}", notice.name));
        }
        let router = &self.routers[at];
        // It may have been another one since, and be master once more.
        let is_last = router.untold.is_empty();
        (state == State::Master && router.state == StateKind::Master && is_last).then_some(router)
    }

    /// After a pause, it listens for an interval more.
    fn wait_on(&mut self, at: usize) {
        let turn = self.turn;
        let router = &mut self.routers[at];
        if let Some(Patience { interval, .. }) = router.patience.filter(|_| router.state == StateKind::Backup)
        {
            let until = turn + interval + router.skew(interval);
            router.patience = Some(Patience::new(turn, until, interval));
        }
    }

    /// The master is said to be silent.
    fn waited(&mut self, name: &Name, at: usize) {
        let turn = self.turn;
        let router = &mut self.routers[at];
        let owner = router.config.priority == 255;
        let Some(patience) = &mut router.patience else { return };
        let Patience { since, until, .. } = *patience;
        patience.over = true;
        if turn < until && !owner {
            self.seizures += 1;
            self.wrong(format!(
                "{name} seizes the addresses at {turn:?}: it should have listened from {since:?} until {until:?}"
            ));
        }
    }

    fn entered(&mut self, name: &Name, at: usize, from: StateKind, to: StateKind) {
        self.changed = true;
        let (turn, stopping, respawned) = (self.turn, self.stopping, self.respawned);
        let router = &mut self.routers[at];
        let mut wrong = None;
        if router.state != from {
            wrong = Some(format!("{name} goes from {from:?} to {to:?}, it was {:?}", router.state));
        }
        router.state = to;
        router.untold_of(name).extend(match (to.told(), from) {
            (Some(state), _) => Some(state),
            (None, _) if stopping => Some(State::Stop),
            (None, StateKind::Fault) => None,
            (None, _) => Some(State::Deleted),
        });
        // Who steps down has heard that somebody better speaks.
        router.was_master &= !matches!(to, StateKind::Backup | StateKind::Fault);
        let owner = router.config.priority == 255;
        match to {
            StateKind::Master => {
                router.became_master += 1;
                let former = router.former.as_ref();
                let is_promised = |net: &IpNet| former.is_none_or(|former| former.contains(net));
                router.promised = router.addresses().filter(is_promised).collect();
                if self.delayed && turn < self.delayed_until {
                    wrong = Some(format!("{name} is master before the delay of the start is over"));
                }
                router.challenged = self.reloading;
                // Deadlines are judged by the time at which the turn began.
                if let Some(Patience { since, until, .. }) = router.patience.take()
                    && turn < until
                    && !owner
                {
                    self.seizures += 1;
                    wrong = Some(format!(
                        "{name} seizes the addresses at {turn:?}: it should have listened from {since:?} until \
                         {until:?}"
                    ));
                }
            }
            StateKind::Backup if matches!(from, StateKind::Init | StateKind::Fault) => {
                let interval = router.config.advert_int;
                // Its time runs from the end of the delay.
                let delayed = self.delayed;
                let intervals = if respawned { 1 } else { 3 };
                let until = turn + interval * intervals + router.skew(interval);
                router.patience = (!delayed).then_some(Patience::new(turn, until, interval));
                router.spoke_at = None;
            }
            StateKind::Backup => {
                router.spoke_at = None;
                if !router.challenged && !router.grouped {
                    wrong = Some(format!("{name} yields, and nobody who counts has spoken"));
                }
            }
            StateKind::Init => {
                if router.present && !router.replaced && !stopping {
                    wrong = Some(format!("{name} stopped, the configuration has it"));
                }
                (router.patience, router.spoke_at) = (None, None);
            }
            StateKind::Fault => (router.patience, router.spoke_at) = (None, None),
        }
        if let Some(wrong) = wrong {
            self.wrong(wrong);
        }
    }
}

/// Which virtual router an instance is, whatever follows its number.
pub(crate) fn index(name: &str) -> Option<usize> {
    name.split('_').nth(1)?.parse().ok()
}
