//! What an advert changes: whether it is believed (RFC 9568 §7.1), and what follows for a backup and for a master.

use super::{Instance, State};
use crate::time::Instant;
use crate::vrrp::config::{Auth, Version};
use crate::vrrp::event::{Actions, Discard, Received, Report};
use crate::vrrp::packet::{Advert, Authentication, Body, PRIORITY_OWNER, PRIORITY_STOP, Secs};
use std::net::IpAddr;

impl Instance {
    /// An advert for this virtual router arrived.
    ///
    /// # Errors
    /// Why it is not believed.
    pub(in crate::vrrp) fn advert(
        &mut self,
        now: Instant,
        received: &Received,
        advert: &Advert,
        out: &mut Actions,
    ) -> Result<(), Discard> {
        let checked = self.check(received, advert);
        if let Err(reason) = checked {
            self.stats.discarded.count(reason);
            return checked;
        }
        self.stats.adverts_received += 1;
        if advert.priority == PRIORITY_STOP {
            self.stats.priority_zero_received += 1;
        }
        match &self.state {
            State::Init | State::Fault(_) => {}
            State::Backup { preempt_at, .. } => {
                let preempt_at = *preempt_at;
                self.advert_as_backup(now, preempt_at, received.source, advert, out);
            }
            State::Master { .. } => self.advert_as_master(now, received.source, advert, out),
        }
        Ok(())
    }

    /// RFC 9568 §7.1, after what [`Advert::decode`] and the router saw to.
    fn check(&self, received: &Received, advert: &Advert) -> Result<(), Discard> {
        let port = self.port.ok_or(Discard::NotRunning)?;
        if received.source == port.source {
            return Err(Discard::OwnPacket);
        }
        if received.destination != self.destination() {
            return Err(Discard::Destination);
        }
        match (&advert.body, self.config.version) {
            (Body::V2 { interval, auth }, Version::V2) => {
                match (auth, &self.config.auth) {
                    (Authentication::None, None) => {}
                    (Authentication::Pass(theirs), Some(Auth::Pass(ours))) => {
                        if theirs != ours {
                            return Err(Discard::AuthFailure);
                        }
                    }
                    _ => return Err(Discard::AuthType),
                }
                if *interval != Secs::from(self.config.advert_int) {
                    let (ours, theirs) = (self.config.advert_int, (*interval).into());
                    return Err(Discard::Interval { ours, theirs });
                }
            }
            (Body::V3 { .. }, Version::V3) => {}
            _ => return Err(Discard::Version),
        }
        let known = |a: &IpAddr| advert.addresses.contains(a);
        if advert.addresses.len() != self.listed.len() || !self.listed.iter().all(known) {
            return Err(Discard::Addresses);
        }
        Ok(())
    }

    /// RFC 9568 §6.4.2 (420 and after).
    fn advert_as_backup(
        &mut self,
        now: Instant,
        preempt_at: Option<Instant>,
        source: IpAddr,
        advert: &Advert,
        out: &mut Actions,
    ) {
        if advert.priority == PRIORITY_STOP {
            self.state = State::Backup { master_down_at: now + self.skew(), preempt_at };
            out.push(self.report(Report::PriorityZeroReceived));
            return;
        }
        // `preempt_delay` runs from the first advert of a lower priority, as in keepalived.
        let delay = self.config.preempt_delay;
        let better = advert.priority >= self.priority;
        let preempt_at = match preempt_at {
            _ if better || self.config.nopreempt || delay.is_zero() => None,
            Some(at) => Some(at),
            None => {
                out.push(self.report(Report::PreemptDelayed(delay)));
                Some(now + delay)
            }
        };
        if better || self.config.nopreempt || preempt_at.is_some_and(|at| now < at) {
            self.learn_interval(advert, out);
            self.state = State::Backup { master_down_at: now + self.master_down_interval(), preempt_at };
        } else {
            // The timer keeps running: silence of those who count is what matters.
            let ours = self.priority;
            out.push(self.report(Report::LowerPriority { source, theirs: advert.priority, ours }));
        }
    }

    /// RFC 9568 §6.4.3 (705 and after).
    fn advert_as_master(&mut self, now: Instant, source: IpAddr, advert: &Advert, out: &mut Actions) {
        let Some(port) = self.port else { return };
        let (theirs, ours) = (advert.priority, self.priority);
        if theirs == PRIORITY_STOP {
            self.advertise_now(now, out);
            out.push(self.report(Report::PriorityZeroReceived));
            return;
        }
        if theirs == PRIORITY_OWNER && ours == PRIORITY_OWNER {
            // Both can't be right; keepalived steps aside for good, whichever address is higher.
            self.priority = PRIORITY_OWNER - 1;
            out.push(self.report(Report::OwnerConflict { source }));
        }
        if (theirs, source) > (self.priority, port.source) {
            self.learn_interval(advert, out);
            self.stats.released_master += 1;
            out.push(self.remove(&self.addresses));
            out.push(self.report(Report::HigherPriority { source, theirs, ours }));
            self.become_backup(now, out);
            return;
        }
        // The other one must hear at once whose the addresses are, and who believed it must learn better.
        self.advertise_now(now, out);
        let garp = self.config.garp;
        if garp.lower_prio_repeat > 0 {
            out.push(self.announce(&self.addresses, garp.lower_prio_repeat));
            if let State::Master { lower_prio_announce_at: at @ None, .. } = &mut self.state {
                *at = (!garp.lower_prio_delay.is_zero()).then(|| now + garp.lower_prio_delay);
            }
        }
        out.push(self.report(Report::LowerPriority { source, theirs, ours }));
    }

    /// RFC 9568 §6.4.2: a backup follows the master's interval. In version 2 both are the same.
    fn learn_interval(&mut self, advert: &Advert, out: &mut Actions) {
        let Body::V3 { interval } = advert.body else { return };
        let (old, new) = (self.master_interval, interval.into());
        if old != new {
            self.master_interval = new;
            out.push(self.report(Report::IntervalLearnt { old, new }));
        }
    }
}
