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
//! It decides when to advertise, which adverts to believe, when the addresses are set and announced. Which packet
//! belongs to it, and which interface and source address it has, the [`super::router`] tells it; nothing is done
//! here, everything becomes an [`Action`].
//!
//! keepalived's ways: an instance starts as backup whatever `state` says, the address owner takes over at once; an advert
//! goes out before the addresses are set, so that the old master drops them before the first gratuitous ARP.

mod receive;

use super::config::{self, Auth, Version, VirtualAddress};
use super::event::{Action, Actions, Fault, IfIndex, Name, Report, StateKind};
use super::packet::{Advert, Authentication, Body, Centis, PRIORITY_OWNER, PRIORITY_STOP, Secs};
use super::shared::Shared;
use super::stats::Stats;
use crate::net::Family;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// Addresses that the kernel refused are tried again after so long.
const RETRY: Duration = Duration::from_secs(5);

/// How many intervals a master may be silent (RFC 9568 §6.1: Active_Down_Interval).
const DOWN_INTERVALS: u32 = 3;

/// Where an instance speaks and listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The interface.
    pub interface: IfIndex,
    /// Where its adverts come from: it breaks ties between equal priorities.
    pub source: IpAddr,
}

/// One virtual router.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    name: Name,
    config: config::Instance,
    /// As they stand in the advert.
    listed: Shared<[IpAddr]>,
    /// All that are set while master.
    addresses: Shared<[VirtualAddress]>,
    /// The priority in force.
    priority: u8,
    /// The master's interval (RFC 9568 §6.1: Active_Adver_Interval): in version 3 the last master's word.
    master_interval: Duration,
    port: Option<Port>,
    state: State,
    stats: Stats,
}

/// A state and the deadlines that it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Init,
    Fault(Fault),
    Backup {
        /// When the master counts as gone.
        master_down_at: Instant,
        /// `preempt_delay` runs until then: a master of lower priority is respected for so long.
        preempt_at: Option<Instant>,
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
        /// Addresses that the kernel refused, and when to try again.
        retry: Option<(Instant, Shared<[VirtualAddress]>)>,
    },
}

impl Instance {
    /// An instance that has not started yet.
    #[must_use]
    pub fn new(config: config::Instance) -> Instance {
        Instance {
            name: config.name.as_str().into(),
            listed: config.addresses.iter().map(|a| a.net.address).collect(),
            addresses: config.addresses.iter().chain(&config.excluded).cloned().collect(),
            priority: config.priority,
            master_interval: config.advert_int,
            port: None,
            state: State::Init,
            stats: Stats::default(),
            config,
        }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What was asked for.
    #[must_use]
    pub const fn config(&self) -> &config::Instance {
        &self.config
    }

    /// The family of its adverts.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.config.family
    }

    /// The state it is in.
    #[must_use]
    pub const fn state(&self) -> StateKind {
        match self.state {
            State::Init => StateKind::Init,
            State::Fault(_) => StateKind::Fault,
            State::Backup { .. } => StateKind::Backup,
            State::Master { .. } => StateKind::Master,
        }
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

    /// The group its adverts go to.
    #[must_use]
    pub fn destination(&self) -> IpAddr {
        self.config.group()
    }

    /// When [`Instance::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Init | State::Fault(_) => None,
            State::Backup { master_down_at, .. } => Some(*master_down_at),
            State::Master { advert_at, second_announce_at, lower_prio_announce_at, refresh_at, retry } => {
                [*second_announce_at, *lower_prio_announce_at, *refresh_at, retry.as_ref().map(|(at, _)| *at)]
                    .into_iter()
                    .flatten()
                    .chain([*advert_at])
                    .min()
            }
        }
    }

    /// The silence after which a backup takes over (RFC 9568 §6.1: Active_Down_Interval).
    #[must_use]
    pub fn master_down_interval(&self) -> Duration {
        self.master_interval * DOWN_INTERVALS + self.skew()
    }

    /// RFC 9568 §6.1 Skew_Time; RFC 3768 §6.1 has it in fractions of a second, whatever the interval.
    #[must_use]
    pub fn skew(&self) -> Duration {
        let whole = match self.config.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => self.master_interval,
        };
        whole * (256 - u32::from(self.priority)) / 256
    }

    /// Its interface and source address, at start and whenever they change.
    pub(super) fn set_port(&mut self, now: Instant, port: Result<Port, Fault>, out: &mut Actions) {
        let old = std::mem::replace(&mut self.port, port.ok());
        match (port, &self.state) {
            (Ok(_), State::Init | State::Fault(_)) => self.come_up(now, out),
            (Ok(_), State::Backup { .. } | State::Master { .. }) => {}
            (Err(fault), State::Fault(known)) if fault == *known => {}
            (Err(fault), _) => self.fail(old, fault, out),
        }
    }

    /// RFC 9568 §6.4.1: the owner takes over at once, any other listens first.
    fn come_up(&mut self, now: Instant, out: &mut Actions) {
        self.master_interval = self.config.advert_int;
        if self.priority == PRIORITY_OWNER {
            self.become_master(now, out);
            return;
        }
        // What a predecessor may have left behind is not ours: another router may be the master.
        out.push(self.remove(&self.addresses));
        self.become_backup(now, out);
    }

    fn fail(&mut self, port: Option<Port>, fault: Fault, out: &mut Actions) {
        let was_master = matches!(self.state, State::Master { .. });
        if was_master && fault == Fault::NoAddress {
            // The interface still works: let the next master know.
            self.advertise(port, PRIORITY_STOP, out);
        }
        if was_master || matches!(self.state, State::Init) {
            out.push(self.remove(&self.addresses));
        }
        self.enter(State::Fault(fault), out);
        out.push(self.report(Report::Faulty(fault)));
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Actions) {
        match &self.state {
            State::Init | State::Fault(_) => {}
            State::Backup { master_down_at, preempt_at } => {
                if now >= *master_down_at {
                    let late = now - *master_down_at;
                    let preempt_at = *preempt_at;
                    self.master_down(now, late, preempt_at, out);
                }
            }
            State::Master { .. } => self.master_timeout(now, out),
        }
    }

    fn master_down(&mut self, now: Instant, late: Duration, preempt_at: Option<Instant>, out: &mut Actions) {
        if late > self.master_down_interval() && self.priority != PRIORITY_OWNER {
            // Nobody read the socket for that long, and a full one drops the newest: what looks like the master's silence
            // may be our own deafness. One interval more tells.
            let master_down_at = now + self.master_interval + self.skew();
            self.state = State::Backup { master_down_at, preempt_at };
            out.push(self.report(Report::Stalled { late }));
            return;
        }
        self.become_master(now, out);
    }

    fn master_timeout(&mut self, now: Instant, out: &mut Actions) {
        let State::Master { advert_at, second_announce_at, lower_prio_announce_at, refresh_at, retry } =
            &mut self.state
        else {
            return;
        };
        let garp = self.config.garp;
        let due = |at: &mut Option<Instant>| at.take_if(|at| now >= *at).is_some();
        let mut rounds = 0;
        if due(second_announce_at) {
            rounds = rounds.max(garp.master_repeat);
        }
        if due(lower_prio_announce_at) {
            rounds = rounds.max(garp.lower_prio_repeat);
        }
        if due(refresh_at) {
            rounds = rounds.max(garp.refresh_repeat);
            *refresh_at = Some(now + garp.refresh);
        }
        let retry = retry.take_if(|(at, _)| now >= *at).map(|(_, addresses)| addresses);
        let late = now - *advert_at;
        if now >= *advert_at {
            // In step with the last one, unless whole intervals were missed.
            let next = *advert_at + self.config.advert_int;
            *advert_at = if next > now { next } else { now + self.config.advert_int };
            self.advertise(self.port, self.priority, out);
        }
        if late > self.config.advert_int * (DOWN_INTERVALS - 1) {
            // Somebody may have taken over while this process did not run, and the neighbours believe it. Its adverts, if
            // they got here, have been read before this; none of them beat us.
            rounds = rounds.max(garp.master_repeat);
            out.push(self.report(Report::Stalled { late }));
        }
        if let Some(addresses) = retry {
            out.push(self.set(&addresses));
            out.push(self.announce(&addresses, garp.master_repeat));
        }
        if rounds > 0 {
            out.push(self.announce(&self.addresses, rounds));
        }
    }

    /// The kernel refused some addresses: the others serve, these are tried again later.
    pub(super) fn addresses_refused(&mut self, now: Instant, addresses: Vec<VirtualAddress>) {
        if let State::Master { retry, .. } = &mut self.state {
            *retry = Some((now + RETRY, addresses.into()));
        }
    }

    /// An advert did not leave. The others will notice; the link's state tells the cause.
    pub(super) fn advert_refused(&mut self) {
        self.stats.adverts_refused += 1;
    }

    /// Addresses of this instance were taken from an interface by someone else: a master sets them again.
    pub(super) fn addresses_lost(&mut self, lost: &[VirtualAddress], out: &mut Actions) {
        if matches!(self.state, State::Master { .. }) {
            let lost: Shared<[VirtualAddress]> = lost.into();
            out.push(self.set(&lost));
            out.push(self.announce(&lost, self.config.garp.master_repeat));
        }
    }

    /// A reload that leaves it the same virtual router (see [`Instance::same_router`]). The schedule of a running
    /// one goes on; a master stays master, and tells at once what changed.
    pub(super) fn reconfigure(&mut self, now: Instant, config: config::Instance, out: &mut Actions) {
        if config == self.config {
            return;
        }
        let mut new = Instance::new(config);
        let old_config = std::mem::replace(&mut self.config, new.config);
        let (old_interval, old_refresh) = (old_config.advert_int, old_config.garp.refresh);
        let old_priority = std::mem::replace(&mut self.priority, new.priority);
        let old_addresses = std::mem::replace(&mut self.addresses, new.addresses);
        self.listed = std::mem::replace(&mut new.listed, [].into());
        let own_interval = self.master_interval == old_interval || self.config.version == Version::V2;
        if own_interval {
            self.master_interval = self.config.advert_int;
        }
        let missing = |from: &[VirtualAddress], other: &[VirtualAddress]| -> Shared<[VirtualAddress]> {
            from.iter().filter(|a| !other.contains(a)).cloned().collect()
        };
        let (gone, added) =
            (missing(&old_addresses, &self.addresses), missing(&self.addresses, &old_addresses));
        let master_down_interval = self.master_down_interval();
        match &mut self.state {
            State::Init | State::Fault(_) => {}
            State::Backup { master_down_at, .. } => {
                if self.priority == PRIORITY_OWNER && old_priority != PRIORITY_OWNER {
                    self.become_master(now, out);
                } else if own_interval && old_interval != self.config.advert_int {
                    *master_down_at = now + master_down_interval;
                }
            }
            State::Master { retry, refresh_at, .. } => {
                if let Some((_, refused)) = retry {
                    *refused = refused.iter().filter(|a| self.addresses.contains(a)).cloned().collect();
                }
                let refresh = self.config.garp.refresh;
                if refresh != old_refresh {
                    *refresh_at = (!refresh.is_zero()).then(|| now + refresh);
                }
                if !gone.is_empty() {
                    out.push(self.remove(&gone));
                }
                self.advertise_now(now, out);
                if !added.is_empty() {
                    out.push(self.set(&added));
                    out.push(self.announce(&added, self.config.garp.master_repeat));
                }
            }
        }
    }

    /// Whether `config` describes the same virtual router: a reload then changes this one instead of replacing it.
    #[must_use]
    pub fn same_router(&self, config: &config::Instance) -> bool {
        let old = &self.config;
        (&old.interface, old.family, old.vrid, old.version)
            == (&config.interface, config.family, config.vrid, config.version)
            && (old.source, old.mcast_dst_ip) == (config.source, config.mcast_dst_ip)
    }

    /// RFC 9568 §6.4.3 (660): a master says that it leaves, then gives the addresses back.
    pub(super) fn stop(&mut self, out: &mut Actions) {
        if matches!(self.state, State::Master { .. }) {
            self.advertise(self.port, PRIORITY_STOP, out);
            self.stats.released_master += 1;
            out.push(self.remove(&self.addresses));
            out.push(self.report(Report::PriorityZeroSent));
        }
        self.state = State::Init;
    }

    fn become_backup(&mut self, now: Instant, out: &mut Actions) {
        let master_down_at = now + self.master_down_interval();
        self.enter(State::Backup { master_down_at, preempt_at: None }, out);
    }

    /// RFC 9568 §6.4.2 (345): advert, addresses, announcements; the talk about it last.
    fn become_master(&mut self, now: Instant, out: &mut Actions) {
        let garp = self.config.garp;
        let later = |d: Duration| (!d.is_zero()).then(|| now + d);
        let was_backup = matches!(self.state, State::Backup { .. });
        self.advertise(self.port, self.priority, out);
        self.master_interval = self.config.advert_int;
        self.stats.became_master += 1;
        out.push(self.set(&self.addresses));
        out.push(self.announce(&self.addresses, garp.master_repeat));
        if was_backup {
            out.push(self.report(Report::MasterDown));
        }
        let state = State::Master {
            advert_at: now + self.config.advert_int,
            second_announce_at: later(garp.master_delay),
            lower_prio_announce_at: None,
            refresh_at: later(garp.refresh),
            retry: None,
        };
        self.enter(state, out);
    }

    fn enter(&mut self, state: State, out: &mut Actions) {
        let from = self.state();
        self.state = state;
        let to = self.state();
        if from != to {
            out.push(self.report(Report::Entered { from, to }));
        }
    }

    /// Advertises out of turn; the next regular advert follows one interval later.
    fn advertise_now(&mut self, now: Instant, out: &mut Actions) {
        self.advertise(self.port, self.priority, out);
        if let State::Master { advert_at, .. } = &mut self.state {
            *advert_at = now + self.config.advert_int;
        }
    }

    fn advertise(&mut self, port: Option<Port>, priority: u8, out: &mut Actions) {
        let Some(port) = port else { return };
        self.stats.adverts_sent += 1;
        if priority == PRIORITY_STOP {
            self.stats.priority_zero_sent += 1;
        }
        out.push(Action::Advertise {
            instance: self.name.clone(),
            interface: port.interface,
            source: port.source,
            destination: self.destination(),
            advert: self.own_advert(priority),
        });
    }

    fn own_advert(&self, priority: u8) -> Advert {
        let interval = self.config.advert_int;
        let body = match self.config.version {
            Version::V2 => Body::V2 {
                interval: Secs::from(interval),
                auth: match self.config.auth {
                    None => Authentication::None,
                    Some(Auth::Pass(pass)) => Authentication::Pass(pass),
                },
            },
            Version::V3 => Body::V3 { interval: Centis::from(interval) },
        };
        Advert { vrid: self.config.vrid, priority, addresses: self.listed.clone(), body }
    }

    fn set(&self, addresses: &Shared<[VirtualAddress]>) -> Action {
        Action::SetAddresses { instance: self.name.clone(), addresses: addresses.clone() }
    }

    fn remove(&self, addresses: &Shared<[VirtualAddress]>) -> Action {
        Action::RemoveAddresses { instance: self.name.clone(), addresses: addresses.clone() }
    }

    fn announce(&self, addresses: &Shared<[VirtualAddress]>, rounds: u32) -> Action {
        Action::Announce { instance: self.name.clone(), addresses: addresses.clone(), rounds }
    }

    fn report(&self, report: Report) -> Action {
        Action::Report { instance: Some(self.name.clone()), report }
    }
}

#[cfg(test)]
mod tests;
