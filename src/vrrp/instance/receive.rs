//! What an advert changes: whether it is believed (RFC 9568 §7.1), and what follows for a backup and for a master.

use super::send::old_sum;
use super::{Instance, State};
use crate::net::Family;
use crate::time::Instant;
use crate::vrrp::config::{Auth, OldChecksum, Peer, Version};
use crate::vrrp::event::{Actions, Discard, Received, Report, StateKind};
use crate::vrrp::notice::News;
use crate::vrrp::packet::{
    Advert, Authentication, Body, DecodeError, PRIORITY_OWNER, PRIORITY_STOP, Parsed, Secs, Sum, TTL,
};
use std::net::IpAddr;
use std::time::Duration;

/// Other routers' adverts are answered by announcements no more often than this, however many there are.
const ANSWER_ANNOUNCED: Duration = Duration::from_secs(1);

/// Why a packet changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::vrrp) enum Refused {
    /// It is no advert.
    Malformed(DecodeError),
    /// It is one, and not believed.
    Discarded(Discard),
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Refused {
        Refused::Malformed(error)
    }
}

impl From<Discard> for Refused {
    fn from(reason: Discard) -> Refused {
        Refused::Discarded(reason)
    }
}

impl Instance {
    /// A packet for this virtual router arrived. True if this router is the master and insisted on it: the other members
    /// of its sync group tell their neighbours, too, whose their addresses are.
    ///
    /// # Errors
    /// Why it is not believed.
    pub(in crate::vrrp) fn packet(
        &mut self,
        now: Instant,
        received: &Received<'_>,
        out: &mut Actions,
    ) -> Result<bool, Refused> {
        self.clock.now = now;
        let advert = match self.read(received, out) {
            Ok(advert) => advert,
            Err(refused) => {
                match refused {
                    Refused::Malformed(error) => self.stats.malformed.count(error),
                    Refused::Discarded(reason) => {
                        self.stats.discarded.count(reason);
                        self.hear_unbelieved(now, received.source, reason, out);
                    }
                }
                return Err(refused);
            }
        };
        self.stats.adverts_received += 1;
        self.believe_other(received.source, advert.priority == PRIORITY_STOP, out);
        let is_new = self.last_peer.replace(received.source) != Some(received.source);
        self.master_priority = advert.priority;
        if advert.priority == PRIORITY_STOP {
            self.stats.seldom.priority_zero_received += 1;
        }
        // What waited in the socket since before this router ran says nothing of the time since then.
        let now = now.max(self.up_since);
        match &self.state {
            State::Init | State::Fault => Ok(false),
            State::Backup { .. } => {
                if is_new || advert.priority != PRIORITY_OWNER {
                    self.own_again(out);
                }
                self.advert_as_backup(now, received.source, &advert, out);
                Ok(false)
            }
            State::Master { .. } => Ok(self.advert_as_master(now, received.source, &advert, out)),
        }
    }

    /// RFC 9568 §7.1.
    fn read<'a>(&mut self, received: &'a Received<'_>, out: &mut Actions) -> Result<Parsed<'a>, Refused> {
        let bytes = received.advert().unwrap_or_default();
        let advert = Advert::parse_front(bytes, self.config.family)?;
        self.check_end(&advert)?;
        let origin = self.origin.filter(|_| self.faults.is_empty()).ok_or(Discard::NotRunning)?;
        if received.source == origin.source {
            return Err(Discard::OwnPacket.into());
        }
        let ours = self.group().unwrap_or(origin.source);
        if received.destination != ours {
            return Err(Discard::Destination { ours, theirs: received.destination }.into());
        }
        self.check_way(received)?;
        self.check_sum(received, &advert, out)?;
        if self.config.policy.owner_ignore_adverts && self.priority.effective() == PRIORITY_OWNER {
            return Err(Discard::OwnerIgnores.into());
        }
        self.check_body(&advert)?;
        self.check_signature(received, &advert, out)?;
        // `skip_check_adv_addr`: a master that said the right ones once is believed.
        let is_known = matches!(self.state, State::Backup { .. }) && self.knows(received.source);
        if !(is_known && self.config.policy.skip_check_adv_addr)
            && let Some(difference) = advert.addresses.difference(&self.advertised)
        {
            let (ours, theirs) = (self.advertised.len(), advert.addresses.len());
            return Err(Discard::Addresses { difference, ours, theirs }.into());
        }
        Ok(advert)
    }

    /// How far it came, and from whom. The TTL of unicast is checked only where a peer's limits are.
    fn check_way(&self, received: &Received<'_>) -> Result<(), Discard> {
        let Some(unicast) = &self.config.unicast else {
            return if received.ttl == TTL { Ok(()) } else { Err(Discard::Ttl(received.ttl)) };
        };
        if !unicast.check_source {
            return Ok(());
        }
        let peer = unicast.peers.iter().find(|peer| peer.address == received.source);
        let Peer { min_ttl: min, max_ttl: max, .. } = *peer.ok_or(Discard::UnknownPeer)?;
        if (min..=max).contains(&received.ttl) {
            Ok(())
        } else {
            Err(Discard::TtlRange { received: received.ttl, min, max })
        }
    }

    /// The checksum that this router makes, another right one, or that of an old peer, whose way is taken over.
    fn check_sum(
        &mut self,
        received: &Received<'_>,
        advert: &Parsed<'_>,
        out: &mut Actions,
    ) -> Result<(), Discard> {
        let is_right = |sum| advert.check_sum(sum, received.source, received.destination);
        if is_right(self.sum).is_ok()
            || (self.sum != Sum::PseudoHeader && is_right(Sum::PseudoHeader).is_ok())
        {
            return Ok(());
        }
        let is_ipv4 = (self.config.version, self.config.family) == (Version::V3, Family::V4);
        if is_ipv4 && is_right(Sum::AsV2).is_ok() {
            // RFC 9568 §5.2.8 leaves the pseudo-header out, RFC 5798 did not: both are about.
            if !std::mem::replace(&mut self.heard_plain_sum, true) {
                out.push(self.report(Report::PlainChecksum { from: received.source }));
            }
            return Ok(());
        }
        let unicast = self.config.unicast.as_ref();
        if unicast.is_none_or(|u| u.old_checksum != OldChecksum::Detect || self.sum != Sum::PseudoHeader) {
            return Err(Discard::Checksum);
        }
        let old = old_sum(&self.config);
        is_right(old).map_err(|_| Discard::Checksum)?;
        self.sum = old;
        self.encoded = None;
        out.push(self.report(Report::OldChecksum));
        Ok(())
    }

    /// What differs between the versions.
    fn check_body(&self, advert: &Parsed<'_>) -> Result<(), Discard> {
        match (&advert.body, self.config.version) {
            (Body::V2 { interval, auth }, Version::V2) => {
                match (auth, &self.config.auth) {
                    (Authentication::None, None) | (Authentication::Ah, Some(Auth::Ah(_))) => {}
                    (Authentication::Pass(theirs), Some(Auth::Pass(ours))) => {
                        if theirs != ours {
                            return Err(Discard::AuthFailure);
                        }
                    }
                    (theirs, ours) => {
                        let ours = match ours {
                            None => 0,
                            Some(Auth::Pass(_)) => 1,
                            Some(Auth::Ah(_)) => 2,
                        };
                        return Err(Discard::AuthType { ours, theirs: theirs.kind() });
                    }
                }
                if *interval != Secs::from(self.config.advert_int) {
                    let (ours, theirs) = (self.config.advert_int, (*interval).into());
                    return Err(Discard::Interval { ours, theirs });
                }
                Ok(())
            }
            (Body::V3 { .. }, Version::V3) => Ok(()),
            (theirs, ours) => {
                Err(Discard::Version { ours: ours.number(), theirs: theirs.version().number() })
            }
        }
    }

    /// RFC 9568 §6.4.2 (420 and after).
    fn advert_as_backup(&mut self, now: Instant, source: IpAddr, advert: &Parsed<'_>, out: &mut Actions) {
        let State::Backup { master_down_at, preempt_at, inherited, willing } = self.state else { return };
        if advert.priority == PRIORITY_STOP {
            let master_down_at = now + self.skew();
            self.state = State::Backup { master_down_at, preempt_at, inherited, willing };
            out.push(self.report(Report::PriorityZeroReceived(StateKind::Backup)));
            return;
        }
        if inherited {
            // Somebody took over from this process's predecessor.
            self.state = State::Backup { master_down_at, preempt_at, inherited: false, willing };
            self.apply_all(out);
        }
        // `preempt_delay` runs from the first advert of a lower priority, as in keepalived.
        let delay = self.config.preempt_delay;
        let better = advert.priority >= self.priority.effective();
        let preempt_at = match preempt_at {
            _ if better || self.config.nopreempt || delay.is_zero() => None,
            Some(at) => Some(at),
            None => {
                out.push(self.report(Report::PreemptDelayed(delay)));
                Some(now + delay)
            }
        };
        if better || self.config.nopreempt || preempt_at.is_some_and(|at| now < at) {
            self.learn_interval(now, advert, out);
            let master_down_at = now + self.master_down_interval();
            self.state = State::Backup { master_down_at, preempt_at, inherited: false, willing: false };
        } else {
            // The timer keeps running: silence of those who count is what matters.
            let (theirs, ours) = (advert.priority, self.priority.effective());
            out.push(self.report(Report::LowerPriority { state: StateKind::Backup, source, theirs, ours }));
        }
    }

    /// RFC 9568 §6.4.3 (705 and after).
    fn advert_as_master(
        &mut self,
        now: Instant,
        source: IpAddr,
        advert: &Parsed<'_>,
        out: &mut Actions,
    ) -> bool {
        let Some(origin) = self.origin else { return false };
        if self.overslept(now, out) {
            self.advert_as_backup(now, source, advert, out);
            return false;
        }
        let (theirs, ours) = (advert.priority, self.priority.effective());
        if theirs == PRIORITY_STOP {
            self.answer(now, out);
            out.push(self.report(Report::PriorityZeroReceived(StateKind::Master)));
            return false;
        }
        if theirs == PRIORITY_OWNER && ours == PRIORITY_OWNER {
            self.hear_owner(now, source, advert, out);
        }
        if (theirs, source) > (self.priority.effective(), origin.source) {
            if self.config.policy.higher_prio_send_advert {
                self.advertise(self.origin, self.priority.effective(), out);
            }
            self.learn_interval(now, advert, out);
            out.push(self.report(Report::HigherPriority { source, theirs, ours }));
            self.yield_mastership(now, out);
            return false;
        }
        // The other one must hear at once whose the addresses are, and who believed it must learn better.
        if !self.config.policy.lower_prio_no_advert {
            self.answer(now, out);
        }
        out.push(self.report(Report::LowerPriority { state: StateKind::Master, source, theirs, ours }));
        self.announce_answer(now, out);
        self.tell_of_lower(now, out);
        let interval = match &advert.body {
            Body::V2 { interval, .. } => (*interval).into(),
            Body::V3 { interval } => (*interval).into(),
        };
        self.hear_rival(now, source, theirs, interval, out);
        true
    }

    /// An advert out of turn. One that answered less than a quarter of the interval ago answers this one too, so that a
    /// flood gets no flood back. So does the regular one where it is due: after a pause, adverts that came in all that time are
    /// read at once.
    fn answer(&mut self, now: Instant, out: &mut Actions) {
        let pause = self.config.advert_int / 4;
        let State::Master { answered_at, advert_at, .. } = &mut self.state else { return };
        if answered_at.is_some_and(|at| now < at + pause) || now >= *advert_at {
            return;
        }
        *answered_at = Some(now);
        self.advertise_now(now, out);
    }

    /// `notify_master_rx_lower_pri`. A router that speaks by its interval is told of each time, a flood is not.
    fn tell_of_lower(&mut self, now: Instant, out: &mut Actions) {
        let pause = self.config.advert_int / 4;
        let State::Master { lower_told_at, .. } = &mut self.state else { return };
        if lower_told_at.is_none_or(|at| now >= at + pause) {
            *lower_told_at = Some(now);
            out.push(self.notify(News::MasterRxLowerPri));
        }
    }

    /// The neighbours may believe that the addresses are another router's.
    pub(in crate::vrrp) fn announce_answer(&mut self, now: Instant, out: &mut Actions) {
        let garp = *self.config.garp;
        let State::Master { lower_prio_announce_at, answer_announced_at, .. } = &mut self.state else {
            return;
        };
        if garp.lower_prio_repeat == 0 {
            return;
        }
        if lower_prio_announce_at.is_none() && !garp.lower_prio_delay.is_zero() {
            *lower_prio_announce_at = Some(now + garp.lower_prio_delay);
        }
        if answer_announced_at.is_none_or(|at| now >= at + ANSWER_ANNOUNCED) {
            *answer_announced_at = Some(now);
            out.push(self.announce(&self.addresses, garp.lower_prio_repeat));
        }
    }

    /// RFC 9568 §6.4.2: a backup follows the master's interval. In version 2 both are the same.
    fn learn_interval(&mut self, now: Instant, advert: &Parsed<'_>, out: &mut Actions) {
        let Body::V3 { interval } = advert.body else { return };
        let (old, mut new) = (self.master_interval, Duration::from(interval));
        if self.vanishing.patient_until.is_some_and(|until| now < until) {
            new = new.max(self.config.advert_int);
        }
        if old != new {
            self.master_interval = new;
            out.push(self.report(Report::IntervalLearnt { old, new }));
        }
    }
}
