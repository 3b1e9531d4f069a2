//! What an instance does when time passes: a backup takes over, a master advertises and announces.

use super::{Instance, State, extra};
use crate::time::Instant;
use crate::vrrp::event::{Actions, Report};
use crate::vrrp::packet::PRIORITY_OWNER;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Masters that teach a short interval and fall silent, again and again: each makes two changes of state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vanishing {
    /// How many since `since`.
    times: u32,
    since: Instant,
    /// Until then the own interval is the least that is learnt.
    pub(super) patient_until: Option<Instant>,
}

impl Vanishing {
    /// So many...
    const TIMES: u32 = 3;
    /// ...within this time...
    const WITHIN: Duration = Duration::from_secs(10);
    /// ...make this router patient for so long.
    const PATIENCE: Duration = Duration::from_secs(60);
}

impl Instance {
    /// When [`Instance::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let own = match &self.state {
            State::Init | State::Fault => return None,
            State::Backup { master_down_at, .. } => Some(*master_down_at),
            State::Master {
                advert_at,
                second_announce_at,
                lower_prio_announce_at,
                refresh_at,
                extra_at,
                ..
            } => [*second_announce_at, *lower_prio_announce_at, *refresh_at, *extra_at]
                .into_iter()
                .flatten()
                .chain([*advert_at])
                .min(),
        };
        own.into_iter().chain(self.split_timeout()).min()
    }

    /// Whether it takes over then, if its master is silent until then.
    pub(in crate::vrrp) fn takes_over_at(&self, at: Instant) -> bool {
        matches!(&self.state, State::Backup { master_down_at, .. } if *master_down_at == at)
    }

    /// Does what is due at `now`. `awake_since` is the time since when the driver has been at work without a pause: a
    /// deadline before it was missed because the process did not run, a later one because it was busy.
    pub fn handle_timeout(&mut self, now: Instant, awake_since: Instant, out: &mut Actions) {
        self.clock.now = now;
        if self.overslept(now, out) {
            return;
        }
        self.watch_split(now, out);
        match &self.state {
            State::Init | State::Fault => {}
            State::Backup { master_down_at, .. } => {
                if now >= *master_down_at {
                    let stalled = awake_since.saturating_since(*master_down_at);
                    self.master_down(now, stalled, out);
                }
            }
            State::Master { .. } => self.master_timeout(now, awake_since, out),
        }
    }

    /// `timer_expired_backup`: a master that has been silent for as long as a router of that priority waits must expect that
    /// it has taken over, and leaves the mastership to it. An advert tells by the time when the kernel received it.
    pub(super) fn overslept(&mut self, now: Instant, out: &mut Actions) -> bool {
        let State::Master { advert_at, .. } = self.state else { return false };
        let Some(priority) = self.config.policy.timer_expired_backup else { return false };
        let interval = self.config.advert_int;
        let adverts = u32::from(self.config.policy.down_timer_adverts);
        // The last advert left an interval before the next is due, or a bit less.
        let silent = (now + interval).saturating_since(advert_at + self.spread.most(interval));
        let patience = interval * adverts + self.skew_of(priority);
        if silent < patience {
            return false;
        }
        let late = silent - patience;
        out.push(self.report(Report::Overslept { late }));
        self.yield_mastership(now, out);
        true
    }

    fn master_down(&mut self, now: Instant, stalled: Duration, out: &mut Actions) {
        let next = now + self.master_interval + self.skew();
        let long = self.master_down_interval();
        let State::Backup { master_down_at, inherited, willing, .. } = &mut self.state else { return };
        if stalled > long && self.priority.effective() != PRIORITY_OWNER {
            // Nobody read the socket for that long, and a full one drops the newest: what looks like the master's silence
            // may be our own deafness. One interval more tells.
            (*master_down_at, *willing) = (next, false);
            out.push(self.report(Report::Stalled { late: stalled }));
            return;
        }
        if self.in_group {
            // What a predecessor left stays for no longer than the others may need to want it, too.
            let released = *willing && std::mem::take(inherited);
            (*master_down_at, *willing) = (now + long, true);
            out.push(self.report(Report::MasterDown));
            if released {
                self.apply_all(out);
            }
            return;
        }
        out.push(self.report(Report::MasterDown));
        self.take_over(now, out);
    }

    /// A backup becomes master, because the former one is silent.
    pub(super) fn take_over(&mut self, now: Instant, out: &mut Actions) {
        self.count_vanished_master(now, out);
        self.become_master(now, out);
    }

    /// See [`Vanishing`]. Only an interval that was learnt, and is shorter than ours, can make this router change its state
    /// more often than it would by itself.
    fn count_vanished_master(&mut self, now: Instant, out: &mut Actions) {
        if self.master_interval >= self.config.advert_int {
            return;
        }
        let vanishing = &mut self.vanishing;
        if now - vanishing.since > Vanishing::WITHIN {
            (vanishing.times, vanishing.since) = (0, now);
        }
        vanishing.times += 1;
        if vanishing.times >= Vanishing::TIMES {
            let times = std::mem::take(&mut vanishing.times);
            vanishing.patient_until = Some(now + Vanishing::PATIENCE);
            self.stats.seldom.masters_vanished += 1;
            let interval = self.config.advert_int;
            out.push(self.report(Report::MastersVanish { times, interval }));
        }
    }

    fn master_timeout(&mut self, now: Instant, awake_since: Instant, out: &mut Actions) {
        let State::Master {
            advert_at, second_announce_at, lower_prio_announce_at, refresh_at, extra_at, ..
        } = &mut self.state
        else {
            return;
        };
        let garp = *self.config.garp;
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
        let extra_due = due(extra_at);
        if extra_due {
            *extra_at = extra::next(now, &self.config, &self.extra);
        }
        let stalled = awake_since.saturating_since(*advert_at);
        if now >= *advert_at {
            // In step with the last one, unless whole intervals were missed.
            let next = *advert_at + self.config.advert_int;
            *advert_at = if next > now { next } else { self.spread.next(now, self.config.advert_int) };
            self.advertise(self.origin, self.priority.effective(), out);
            self.warn_owner(now);
        }
        let patience = u32::from(self.config.policy.down_timer_adverts).saturating_sub(1).max(1);
        if stalled > self.config.advert_int * patience {
            // Somebody may have taken over while this process did not run, and the neighbours believe it. Its adverts, if
            // they got here, have been read before this; none of them beat us.
            rounds = rounds.max(garp.master_repeat);
            out.push(self.report(Report::Stalled { late: stalled }));
        }
        if rounds > 0 {
            out.push(self.announce(&self.addresses, rounds));
        } else if extra_due {
            out.push(self.announce(&self.extra, 1));
        }
    }
}
