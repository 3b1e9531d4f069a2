//! One virtual router: the state machine of RFC 9568 §6.4, with keepalived's ways where they differ.
//!
//! ```text
//!                     ┌───────────────┐  interface and address there   ┌───────────────┐
//!        start ──────►│     Fault     ├───────────────────────────────►│    Backup     │
//!                     └───────▲───────┘                                └──┬─────────▲──┘
//!                             │ interface or address gone     master silent│         │ a better
//!                             │                               for master-down       │ advert
//!                             │                                        ┌──▼─────────┴──┐
//!                             └────────────────────────────────────────┤    Master     │
//!                                                                      └───────────────┘
//! ```
//!
//! It decides when to advertise, which adverts to believe, when the addresses are wanted and announced. Which packet
//! belongs to it, where its adverts leave, and what keeps it from running, the [`super::router`] tells it; nothing is
//! done here, everything becomes an [`Action`].
//!
//! keepalived's ways: an instance starts as backup whatever `state` says, the address owner takes over at once; an advert
//! goes out before the addresses are set, so that the old master drops them before the first gratuitous ARP. A member of a
//! sync group does not take over by itself: it is willing to, and `router::groups` says when all do.

mod change;
mod extra;
mod ground;
mod guard;
mod kernel;
mod owner;
mod priority;
mod receive;
mod send;
mod shown;
mod split;
mod timeout;

use super::config::{self, Version, VirtualAddress};
use super::event::{Action, Actions, Entry, Fault, Name, Packet, Protocol, Report, StateKind};
use super::notice::{self, News, Notice, Subject};
use super::packet::{PRIORITY_STOP, Sum};
use super::priority::Priority;
use super::rare::{Rare, usual};
use super::shared::Shared;
use super::spread::Spread;
use super::stats::Stats;
use crate::net::Family;
use crate::time::Instant;
pub(super) use guard::Numbers;
use guard::{Clock, Guard};
use owner::Rival;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;
use timeout::Vanishing;

pub(super) use ground::Ground;
pub use ground::Origin;
pub(in crate::vrrp) use receive::Refused;
use send::first_sum;
pub use shown::Master;
use split::Split;

/// How a member stands to what its sync group may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stance {
    pub(super) state: StateKind,
    /// It is the master, or would be if it were alone.
    pub(super) willing: bool,
}

usual!(Shared<[Entry]>);
usual!(Shared<[VirtualAddress]>);

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Without its addresses, routes and rules, which are below: there are thousands in some.
    config: config::Instance,
    /// So many of the addresses are to be in adverts: `virtual_ipaddress`.
    in_adverts: usize,
    /// As they stand in the advert: as many of `virtual_ipaddress` as fit.
    advertised: Shared<[IpAddr]>,
    /// So many fitted at first: all routers of a VRID must list the same, also while an MTU is changed on one after the
    /// other.
    fits: Option<usize>,
    /// All that are wanted in the kernel while master.
    addresses: Shared<[VirtualAddress]>,
    /// `virtual_routes`
    routes: Rare<Shared<[Entry]>>,
    /// `virtual_rules`
    rules: Rare<Shared<[Entry]>>,
    /// Those that are announced again and again: `garp_extra_if`.
    extra: Rare<Shared<[VirtualAddress]>>,
    /// How checksums of version 3 are made over IPv4: as configured, or as a peer makes them.
    sum: Sum,
    /// An advert was believed whose checksum is without the pseudo-header: said once.
    heard_plain_sum: bool,
    priority: Priority,
    /// The master's interval (RFC 9568 §6.1: Active_Adver_Interval): in version 3 the last master's word.
    master_interval: Duration,
    /// Where the last advert came from that was believed.
    last_peer: Option<IpAddr>,
    /// And its priority.
    master_priority: u8,
    origin: Option<Origin>,
    faults: BTreeSet<Fault>,
    /// It is a member of a sync group: it becomes master when the group does.
    in_group: bool,
    /// How its adverts are kept apart from those of the others.
    spread: Spread,
    /// When it began to run, at start or after its last fault.
    up_since: Instant,
    /// When it came into its state.
    since: Instant,
    state: State,
    vanishing: Vanishing,
    split: Split,
    clock: Clock,
    guard: Rare<Guard>,
    stats: Stats,
    /// The advert that was sent last, and its priority: the next one mostly is the same. Not a part of the state.
    #[serde(skip)]
    encoded: Option<(u8, Packet)>,
}

/// A state and the deadlines that it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Init,
    Fault,
    Backup {
        /// When the master counts as gone.
        master_down_at: Instant,
        /// `preempt_delay` runs until then: a master of lower priority is respected for so long.
        preempt_at: Option<Instant>,
        /// The kernel still holds the addresses of this process's predecessor, which was the master: they stay until
        /// another router speaks, or this one takes over.
        inherited: bool,
        /// A member of a sync group whose master was silent for too long, and no other has been heard since: the others
        /// must want it, too.
        willing: bool,
    },
    Master {
        /// The next advert.
        advert_at: Instant,
        /// `garp_master_delay`: the second set of announcements.
        second_announce_at: Option<Instant>,
        /// `garp_lower_prio_delay`: the set after a lower priority was heard.
        lower_prio_announce_at: Option<Instant>,
        /// `garp_master_refresh`.
        refresh_at: Option<Instant>,
        /// `garp_extra_if`.
        extra_at: Option<Instant>,
        /// When another router's advert was last answered, and when with announcements.
        answered_at: Option<Instant>,
        answer_announced_at: Option<Instant>,
        /// Another owner of the addresses.
        rival: Option<Rival>,
        /// When others were last told that an advert of lower priority was heard.
        lower_told_at: Option<Instant>,
    },
}

impl Instance {
    /// An instance that has not started yet.
    #[must_use]
    pub fn new(mut config: config::Instance) -> Instance {
        let (addresses, excluded) =
            (std::mem::take(&mut config.addresses), std::mem::take(&mut config.excluded).into_inner());
        let routes = std::mem::take(&mut config.routes)
            .into_inner()
            .into_iter()
            .map(Entry::route)
            .collect::<Shared<[Entry]>>();
        let rules = std::mem::take(&mut config.rules)
            .into_inner()
            .into_iter()
            .map(Entry::rule)
            .collect::<Shared<[Entry]>>();
        let (in_adverts, advertised) = (addresses.len(), addresses.iter().map(|a| a.net.address).collect());
        let addresses: Shared<[VirtualAddress]> = addresses.into_iter().chain(excluded).collect();
        Instance {
            routes: routes.into(),
            rules: rules.into(),
            in_adverts,
            advertised,
            extra: extra::addresses(&config, &addresses).into(),
            addresses,
            fits: None,
            sum: first_sum(&config),
            heard_plain_sum: false,
            priority: Priority::new(config.priority),
            master_interval: config.advert_int,
            last_peer: None,
            master_priority: 0,
            origin: None,
            faults: BTreeSet::new(),
            in_group: false,
            spread: Spread::default(),
            up_since: Instant::default(),
            since: Instant::default(),
            state: State::Init,
            vanishing: Vanishing::default(),
            split: Split::default(),
            clock: Clock::default(),
            guard: Rare::default(),
            stats: Stats::default(),
            encoded: None,
            config,
        }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.config.name
    }

    /// What was asked for, but for the [addresses](Instance::addresses) and [entries](Instance::entries).
    #[must_use]
    pub const fn config(&self) -> &config::Instance {
        &self.config
    }

    /// Whether this is what was asked for.
    #[must_use]
    pub fn is_configured_as(&self, config: &mut config::Instance) -> bool {
        // Its lists are put aside meanwhile: a copy of them may be large.
        let (addresses, excluded) =
            (std::mem::take(&mut config.addresses), std::mem::take(&mut config.excluded));
        let (routes, rules) = (std::mem::take(&mut config.routes), std::mem::take(&mut config.rules));
        let same = *config == self.config
            && self.has_entries(&routes, &rules)
            && addresses.len() == self.in_adverts
            && addresses.iter().chain(excluded.iter()).eq(self.addresses.iter());
        (config.addresses, config.excluded) = (addresses, excluded);
        (config.routes, config.rules) = (routes, rules);
        same
    }

    /// The family of its adverts.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.config.family
    }

    /// Where its adverts come from, as far as that is known.
    pub(in crate::vrrp) fn source(&self) -> Option<IpAddr> {
        self.origin.as_ref().map(|origin| origin.source)
    }

    /// The state it is in.
    #[must_use]
    pub const fn state(&self) -> StateKind {
        match self.state {
            State::Init => StateKind::Init,
            State::Fault => StateKind::Fault,
            State::Backup { .. } => StateKind::Backup,
            State::Master { .. } => StateKind::Master,
        }
    }

    /// What keeps it from running.
    #[must_use]
    pub const fn faults(&self) -> &BTreeSet<Fault> {
        &self.faults
    }

    /// The configured priority, the one in force, and why they differ.
    #[must_use]
    pub const fn priority(&self) -> &Priority {
        &self.priority
    }

    /// What it has counted.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// All addresses that it sets while master.
    #[must_use]
    pub const fn addresses(&self) -> &Shared<[VirtualAddress]> {
        &self.addresses
    }

    /// Whether the kernel should hold its addresses, routes and rules.
    #[must_use]
    pub const fn wants_addresses(&self) -> bool {
        matches!(self.state, State::Master { .. } | State::Backup { inherited: true, .. })
    }

    /// The group its adverts go to; none with unicast.
    #[must_use]
    pub fn group(&self) -> Option<IpAddr> {
        self.config.unicast.is_none().then(|| self.config.group())
    }

    /// What its adverts travel in.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match self.ah_key() {
            Some(_) => Protocol::Ah,
            None => Protocol::Vrrp,
        }
    }

    /// Whether adverts for it are sent there: to its group, or to the source of its own.
    pub(in crate::vrrp) fn hears(&self, destination: IpAddr) -> bool {
        self.group().or(self.origin.map(|origin| origin.source)) == Some(destination)
    }

    /// Whether it sends unicast adverts there.
    pub(in crate::vrrp) fn has_peer(&self, address: IpAddr) -> bool {
        self.config.unicast.as_ref().is_some_and(|u| u.peers.iter().any(|peer| peer.address == address))
    }

    /// Whether the last advert that was believed came from there.
    pub(in crate::vrrp) fn knows(&self, source: IpAddr) -> bool {
        self.last_peer == Some(source)
    }

    /// The silence after which a backup takes over (RFC 9568 §6.1: Active_Down_Interval); `down_timer_adverts` says how
    /// many intervals it has.
    #[must_use]
    pub fn master_down_interval(&self) -> Duration {
        self.master_interval * u32::from(self.config.policy.down_timer_adverts) + self.skew()
    }

    /// RFC 9568 §6.1 Skew_Time; RFC 3768 §6.1 has it in fractions of a second, whatever the interval.
    #[must_use]
    pub fn skew(&self) -> Duration {
        self.skew_of(self.priority.effective())
    }

    fn skew_of(&self, priority: u8) -> Duration {
        let whole = match self.config.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => self.master_interval,
        };
        whole * (256 - u32::from(priority)) / 256
    }

    /// Whether it is a member of a sync group.
    pub(super) const fn is_in_group(&self) -> bool {
        self.in_group
    }

    /// It is a member of a sync group from now on, or of none.
    pub(super) const fn join_group(&mut self, in_group: bool) {
        self.in_group = in_group;
    }

    /// How its adverts are kept apart from those of the others from now on.
    pub(super) const fn set_spread(&mut self, spread: Spread) {
        self.spread = spread;
    }

    /// How it stands to what its sync group may do.
    pub(super) const fn stance(&self) -> Stance {
        let willing = matches!(self.state, State::Master { .. } | State::Backup { willing: true, .. });
        Stance { state: self.state(), willing }
    }

    /// Its sync group becomes master.
    pub(super) fn lead_with_group(&mut self, now: Instant, out: &mut Actions) {
        self.clock.now = now;
        if matches!(self.state, State::Backup { .. }) {
            self.take_over(now, out);
        }
    }

    /// Its sync group becomes backup. The others of its virtual router hear of it from the new master: keepalived's members
    /// don't say priority 0 either.
    pub(super) fn yield_with_group(&mut self, now: Instant, out: &mut Actions) {
        self.clock.now = now;
        if matches!(self.state, State::Master { .. }) {
            self.yield_mastership(now, out);
        }
    }

    /// An advert did not leave. The others will notice; the link's state tells the cause.
    pub(super) fn advert_refused(&mut self) {
        self.stats.seldom.adverts_refused += 1;
    }

    /// Addresses of this instance are to be put into the kernel again: somebody took them, or it refused them before.
    pub(super) fn addresses_missing(&self, missing: Shared<[VirtualAddress]>, out: &mut Actions) {
        if self.wants_addresses() {
            out.push(self.apply(&missing));
            out.push(self.announce(&missing, self.config.garp.master_repeat));
        }
    }

    /// RFC 9568 §6.4.3 (660): a master says that it leaves, then gives the addresses back.
    pub(super) fn stop(&mut self, out: &mut Actions) {
        let had = self.wants_addresses();
        let master = matches!(self.state, State::Master { .. });
        if master {
            self.advertise(self.origin, PRIORITY_STOP, out);
            self.stats.seldom.released_master += 1;
            out.push(self.report(Report::PriorityZeroSent));
        }
        self.enter(State::Init, out);
        if had {
            self.apply_all(out);
        }
    }

    fn become_backup(&mut self, now: Instant, out: &mut Actions) {
        let master_down_at = now + self.master_down_interval();
        let state = State::Backup { master_down_at, preempt_at: None, inherited: false, willing: false };
        self.enter(state, out);
    }

    /// A master leaves it to another one.
    fn yield_mastership(&mut self, now: Instant, out: &mut Actions) {
        self.stats.seldom.released_master += 1;
        self.become_backup(now, out);
        self.apply_all(out);
    }

    /// RFC 9568 §6.4.2 (345): the advert goes first, so that the old master drops the addresses before they are set.
    fn become_master(&mut self, now: Instant, out: &mut Actions) {
        let garp = *self.config.garp;
        let later = |d: Duration| (!d.is_zero()).then(|| now + d);
        self.own_again(out);
        self.advertise(self.origin, self.priority.effective(), out);
        self.master_interval = self.config.advert_int;
        self.stats.became_master += 1;
        let state = State::Master {
            advert_at: self.spread.next(now, self.config.advert_int),
            second_announce_at: later(garp.master_delay),
            lower_prio_announce_at: None,
            refresh_at: later(garp.refresh),
            extra_at: extra::next(now, &self.config, &self.extra),
            answered_at: None,
            answer_announced_at: None,
            rival: None,
            lower_told_at: None,
        };
        self.enter(state, out);
        self.expect_peace(now, out);
        self.apply_all(out);
        out.push(self.announce(&self.addresses, garp.master_repeat));
    }

    fn enter(&mut self, state: State, out: &mut Actions) {
        let from = self.state();
        self.state = state;
        let to = self.state();
        if from != to {
            self.since = self.clock.now;
            out.push(self.report(Report::Entered { from, to }));
            if let Some(state) = to.told() {
                out.push(self.notify(News::Entered(state)));
            }
            if to != StateKind::Master {
                self.forget_split(to == StateKind::Backup, out);
            }
        }
    }

    /// What is told of its end: that the daemon stops, or that a reload drops it.
    pub(super) fn farewell(&self, stopping: bool) -> Option<Notice> {
        let news = match (stopping, self.state()) {
            (true, _) => notice::State::Stop,
            // Who has been told of a fault has heard it already.
            (false, StateKind::Init | StateKind::Fault) if !self.config.notify.at_deletion => return None,
            (false, _) => notice::State::Deleted,
        };
        Some(self.notice(News::Entered(news)))
    }

    /// What is told of it where its state is to be said once more.
    pub(super) fn still(&self) -> Option<Notice> {
        Some(self.notice(News::Still(self.state().told()?)))
    }

    fn notify(&self, news: News) -> Action {
        Action::Notify(self.notice(news))
    }

    fn notice(&self, news: News) -> Notice {
        Notice {
            subject: Subject::Instance,
            name: self.config.name.clone(),
            news,
            priority: self.priority.effective(),
            to: self.config.notify.clone(),
        }
    }

    fn apply(&self, addresses: &Shared<[VirtualAddress]>) -> Action {
        Action::Apply { instance: self.config.name.clone(), addresses: addresses.clone() }
    }

    fn announce(&self, addresses: &Shared<[VirtualAddress]>, rounds: u32) -> Action {
        Action::Announce { instance: self.config.name.clone(), addresses: addresses.clone(), rounds }
    }

    fn report(&self, report: Report) -> Action {
        Action::Report { instance: Some(self.config.name.clone()), report }
    }
}

#[cfg(test)]
mod tests;
