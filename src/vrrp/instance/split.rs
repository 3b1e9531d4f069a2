//! Split brain: whether another router is the master, too, or will be, and when that is over.
//!
//! An election may leave two masters for a moment. What lasts longer than a backup waits for a master is no election:
//!
//! - a **rival** that hears this master, and should have yielded, goes on to advertise: its adverts get here, ours don't
//!   get there;
//! - another master is **not believed**: another password, or a configuration that differs, which its first advert tells,
//!   also to a backup, which will be master beside it;
//! - another host **claims** an address: it announces it, or answers when it is asked, which a master does once it has
//!   been one for that long.
//!
//! Each is told once ([`Report::Split`]; by a backup once more when it is master beside it), and its end once: the other
//! has fallen silent for twice that time and nobody answers for the addresses, is believed now, or this router is no
//! master any more. Silence alone says little: keepalived 2.2.7 stays master and sends nothing as long as it hears
//! adverts that it refuses. Then a master announces its addresses again, since neighbours may have believed the other.
//! Nothing here changes who is master. What is remembered is bounded, whoever sends what.

use super::{Instance, State};
use crate::net::MacAddr;
use crate::time::Instant;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Action, Actions, Discard, Name, Report, Sign};
use crate::vrrp::notice::News;
use crate::vrrp::shared::Shared;
use serde::{Deserialize, Serialize};
use std::mem::discriminant;
use std::net::IpAddr;
use std::time::Duration;
use thin_vec::ThinVec;

/// So many other routers are remembered, and so many hosts that claim addresses.
const OTHERS: usize = 4;
/// Elections of short intervals also take as long as a busy machine may sleep.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
/// Another router is told of no more often than this, whatever it says in between.
const PAUSE: Duration = Duration::from_secs(30);
/// A former master takes about so long to remove an address.
const REMOVED_IN: Duration = Duration::from_millis(1);
/// A host that claimed an address is asked again when it has said nothing for so long.
const ASKED_AGAIN: Duration = Duration::from_secs(10);
/// An answer takes no longer than this.
const ANSWERED_IN: Duration = Duration::from_secs(1);
/// Questions and answers may be lost: a host has given an address back when it has left so many unanswered.
const UNANSWERED: u8 = 4;

/// What an election takes at most.
#[derive(Clone, Copy)]
struct Patience {
    adverts: u32,
    skew: Duration,
}

impl Patience {
    /// With routers that speak so often.
    fn with(self, interval: Duration) -> Duration {
        (interval * self.adverts + self.skew).max(LEAST_PATIENCE)
    }
}

/// What is known of others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Split {
    others: ThinVec<Other>,
    claims: ThinVec<Claim>,
    /// A new master asks then whether others have its addresses; what was said before counts for nothing, since the
    /// former master may not have yielded yet.
    ask_at: Option<Instant>,
    /// It was told that there is a split, and not yet that it is over.
    told: bool,
}

/// Another router that advertises.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Other {
    source: IpAddr,
    what: What,
    /// The longer one of both intervals, as far as the other's is known.
    interval: Duration,
    /// Heard since then, without a longer pause.
    since: Instant,
    heard_at: Instant,
    told: bool,
    /// This router has been a master while that was heard.
    beside: bool,
    /// It has fallen silent, and then it was asked whether somebody answers for the addresses.
    asked_at: Option<Instant>,
    /// Not told of again before this time.
    quiet_until: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum What {
    Rival { theirs: u8 },
    Unbelieved(Discard),
}

impl What {
    /// The same trouble, whatever the numbers.
    fn is_like(self, other: What) -> bool {
        match (self, other) {
            (What::Rival { .. }, What::Rival { .. }) => true,
            (What::Unbelieved(one), What::Unbelieved(other)) => discriminant(&one) == discriminant(&other),
            _ => false,
        }
    }

    const fn is_difference(self) -> bool {
        matches!(self, What::Unbelieved(reason) if reason.is_difference())
    }
}

/// A host that says that it has addresses of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claim {
    mac: MacAddr,
    /// The first one.
    address: IpAddr,
    interface: Name,
    /// So many questions since it was heard.
    unanswered: u8,
    /// When it is asked again, or has not answered the last question.
    ask_at: Instant,
}

impl Other {
    /// When it has been silent for long enough.
    fn silent_at(&self, patience: Patience) -> Instant {
        self.heard_at + patience.with(self.interval) * 2
    }
}

impl Claim {
    fn sign(&self) -> Sign {
        Sign::Claim { address: self.address, mac: self.mac, interface: self.interface.clone() }
    }
}

impl Split {
    /// When something is to be done.
    fn next_timeout(&self, patience: Patience) -> Option<Instant> {
        let silent = self.others.iter().filter_map(|other| match other.asked_at {
            _ if !other.told => Some(other.silent_at(patience).max(other.quiet_until)),
            None => Some(other.silent_at(patience)).max(self.ask_at),
            Some(asked_at) if self.claims.is_empty() => {
                Some(other.silent_at(patience).max(asked_at + ANSWERED_IN))
            }
            Some(_) => None,
        });
        let claims = self.claims.iter().map(|claim| claim.ask_at);
        silent.chain(claims).chain(self.ask_at).min()
    }
}

impl Instance {
    fn patience(&self) -> Patience {
        Patience { adverts: u32::from(self.config.policy.down_timer_adverts), skew: self.skew() }
    }

    /// When this has something to do.
    pub(super) fn split_timeout(&self) -> Option<Instant> {
        self.split.next_timeout(self.patience())
    }

    /// It has become the master: asks for its addresses when the former one must have given them back.
    pub(super) fn expect_peace(&mut self, now: Instant, out: &mut Actions) {
        let count = u32::try_from(self.addresses.len()).unwrap_or(u32::MAX);
        let removed = now + self.patience().with(self.config.advert_int) + REMOVED_IN * count;
        self.split.ask_at = Some(removed);
        // Those that were not believed before are other masters from now on.
        let mut others = std::mem::take(&mut self.split.others);
        for other in &mut others {
            other.since = if other.told { other.since } else { now };
            other.asked_at = None;
            if !std::mem::replace(&mut other.beside, true) && other.told {
                // What was to be feared has come.
                out.push(self.report(Report::Split(self.sign_of(other))));
            }
        }
        self.split.others = others;
    }

    /// This master has insisted on it against a router of lower priority, which hears that and should yield.
    pub(super) fn hear_rival(
        &mut self,
        now: Instant,
        source: IpAddr,
        theirs: u8,
        interval: Duration,
        out: &mut Actions,
    ) {
        self.hear_other(now, source, What::Rival { theirs }, interval, out);
    }

    /// An advert was refused.
    pub(super) fn hear_unbelieved(
        &mut self,
        now: Instant,
        source: IpAddr,
        reason: Discard,
        out: &mut Actions,
    ) {
        if !reason.is_of_master() {
            return;
        }
        let interval = match reason {
            Discard::Interval { theirs, .. } => theirs,
            _ => Duration::ZERO,
        };
        self.hear_other(now, source, What::Unbelieved(reason), interval, out);
    }

    /// Whether it was told that adverts from there are refused for this reason.
    pub(in crate::vrrp) fn has_told_of(&self, source: IpAddr, reason: Discard) -> bool {
        let what = What::Unbelieved(reason);
        self.split.others.iter().any(|other| other.told && other.source == source && other.what.is_like(what))
    }

    fn hear_other(
        &mut self,
        now: Instant,
        source: IpAddr,
        what: What,
        interval: Duration,
        out: &mut Actions,
    ) {
        let interval = interval.max(self.config.advert_int);
        let patience = self.patience().with(interval);
        let master = matches!(self.state, State::Master { .. });
        let others = &mut self.split.others;
        let new = Other {
            source,
            what,
            interval,
            since: now,
            heard_at: now,
            told: false,
            beside: master,
            asked_at: None,
            quiet_until: now,
        };
        let at = match others.iter().position(|other| other.source == source) {
            Some(at) => at,
            None if others.len() < OTHERS => {
                others.push(new);
                others.len() - 1
            }
            // Who was heard least lately, and has nothing to be remembered for.
            None => {
                let all = others.iter().enumerate();
                let all = all.filter(|(_, other)| !other.told && now >= other.quiet_until);
                let Some((at, _)) = all.min_by_key(|(_, other)| other.heard_at) else { return };
                if let Some(place) = others.get_mut(at) {
                    *place = new;
                }
                at
            }
        };
        let Some(other) = others.get_mut(at) else { return };
        let is_like = other.what.is_like(what);
        if other.told && !is_like {
            // One trouble at a time.
            return;
        }
        if !other.told && (!is_like || now.saturating_since(other.heard_at) > patience) {
            other.since = now;
        }
        (other.what, other.interval, other.heard_at, other.asked_at) = (what, interval, now, None);
        let lasts = master && now.saturating_since(other.since) >= patience;
        if !other.told && now >= other.quiet_until && (what.is_difference() || lasts) {
            (other.told, other.quiet_until, other.beside) = (true, now + PAUSE, master);
            let other = *other;
            self.tell_split(self.sign_of(&other), out);
        }
    }

    fn sign_of(&self, other: &Other) -> Sign {
        let Other { source, beside, .. } = *other;
        match other.what {
            What::Rival { theirs } => Sign::Rival { source, theirs, ours: self.priority.effective() },
            What::Unbelieved(reason) => Sign::Unbelieved { source, reason, beside },
        }
    }

    /// An advert was believed: whatever was wrong with its sender's is right now. One that leaves is no rival any more.
    pub(super) fn believe_other(&mut self, source: IpAddr, leaves: bool, out: &mut Actions) {
        if self.split.others.is_empty() {
            return;
        }
        let is_over =
            |other: &Other| other.source == source && (leaves || matches!(other.what, What::Unbelieved(_)));
        self.end_others(is_over, out);
    }

    /// Another host says that it has an address of this instance.
    pub(in crate::vrrp) fn hear_claim(
        &mut self,
        now: Instant,
        interface: &Name,
        address: IpAddr,
        mac: MacAddr,
        out: &mut Actions,
    ) {
        if !matches!(self.state, State::Master { .. }) || self.split.ask_at.is_some() {
            return;
        }
        self.stats.seldom.foreign_claims += 1;
        let claims = &mut self.split.claims;
        if let Some(claim) = claims.iter_mut().find(|claim| claim.mac == mac) {
            (claim.unanswered, claim.ask_at) = (0, now + ASKED_AGAIN);
            return;
        }
        if claims.len() >= OTHERS {
            return;
        }
        let ask_at = now + ASKED_AGAIN;
        let claim = Claim { mac, address, interface: interface.clone(), unanswered: 0, ask_at };
        let sign = claim.sign();
        claims.push(claim);
        self.tell_split(sign, out);
    }

    fn tell_split(&mut self, sign: Sign, out: &mut Actions) {
        self.stats.seldom.splits += 1;
        out.push(self.report(Report::Split(sign)));
        if !std::mem::replace(&mut self.split.told, true) && self.config.notify.split_brain {
            out.push(self.notify(News::SplitBrain));
        }
    }

    fn end_others(&mut self, is_over: impl Fn(&Other) -> bool, out: &mut Actions) {
        let now = self.clock.now;
        let mut others = std::mem::take(&mut self.split.others);
        let mut announces = false;
        others.retain_mut(|other| {
            if !is_over(other) {
                return true;
            }
            if std::mem::replace(&mut other.told, false) {
                announces = true;
                let sign = self.sign_of(other);
                out.push(self.report(Report::SplitOver(sign)));
            }
            (other.since, other.asked_at) = (now, None);
            now < other.quiet_until
        });
        self.split.others = others;
        self.announce_peace(announces, out);
    }

    fn end_claims(&mut self, is_over: impl Fn(&Claim) -> bool, out: &mut Actions) {
        let mut claims = std::mem::take(&mut self.split.claims);
        let mut announces = false;
        for claim in claims.extract_if(.., |claim| is_over(claim)) {
            announces = true;
            out.push(self.report(Report::SplitOver(claim.sign())));
        }
        self.split.claims = claims;
        self.announce_peace(announces, out);
    }

    /// Something is over. Neighbours may have learnt the wrong place meanwhile.
    fn announce_peace(&mut self, announces: bool, out: &mut Actions) {
        if announces && matches!(self.state, State::Master { .. }) {
            out.push(self.announce(&self.addresses, self.config.garp.master_repeat));
        }
        let lasts = !self.split.claims.is_empty() || self.split.others.iter().any(|other| other.told);
        if self.split.told && !lasts {
            self.split.told = false;
            if self.config.notify.split_brain {
                out.push(self.notify(News::SplitOver));
            }
        }
    }

    /// A split brain may end now. Neighbours may have learnt the wrong place.
    pub(super) fn announce_in_split(&self, out: &mut Actions) {
        if self.split.told {
            out.push(self.announce(&self.addresses, self.config.garp.master_repeat));
        }
    }

    /// It is no master any more, or does not run: nobody can be master beside it. A configuration that differs still does.
    pub(super) fn forget_split(&mut self, runs: bool, out: &mut Actions) {
        self.split.ask_at = None;
        if !self.split.others.is_empty() {
            self.end_others(|other| !(runs && other.what.is_difference()), out);
        }
        if !self.split.claims.is_empty() {
            self.end_claims(|_| true, out);
        }
    }

    /// Does what is due.
    pub(super) fn watch_split(&mut self, now: Instant, out: &mut Actions) {
        if self.split_timeout().is_none_or(|at| now < at) {
            return;
        }
        self.end_claims(|claim| now >= claim.ask_at && claim.unanswered >= UNANSWERED, out);
        let mut asks = self.split.ask_at.take_if(|at| now >= *at).is_some();
        asks |= self.doubt_silence(now);
        if asks {
            out.push(self.ask(self.addresses.clone()));
        }
        self.end_silence(now, out);
        let mut asked = Vec::new();
        for claim in self.split.claims.iter_mut().filter(|claim| now >= claim.ask_at) {
            (claim.unanswered, claim.ask_at) = (claim.unanswered + 1, now + ANSWERED_IN);
            asked.extend(self.addresses.iter().find(|a| a.net.address == claim.address).cloned());
        }
        if !asked.is_empty() {
            out.push(self.ask(asked.into()));
        }
    }

    /// Others have fallen silent. A master wants to know whether somebody answers for its addresses: gives true if it is to
    /// ask for all of them. Whoever has claimed one before is asked for that one.
    fn doubt_silence(&mut self, now: Instant) -> bool {
        let patience = self.patience();
        if !matches!(self.state, State::Master { .. }) || self.split.ask_at.is_some() {
            return false;
        }
        let mut doubts = false;
        for other in self.split.others.iter_mut().filter(|other| other.told && other.asked_at.is_none()) {
            if now >= other.silent_at(patience) {
                (other.asked_at, doubts) = (Some(now), true);
            }
        }
        for claim in self.split.claims.iter_mut().filter(|_| doubts) {
            claim.ask_at = claim.ask_at.min(now);
        }
        doubts && self.split.claims.is_empty()
    }

    /// Others have been silent for long enough, and nobody has answered for the addresses of a master.
    fn end_silence(&mut self, now: Instant, out: &mut Actions) {
        let patience = self.patience();
        let master = matches!(self.state, State::Master { .. });
        let claimed = !self.split.claims.is_empty();
        let unanswered = |asked_at: Instant| !claimed && now >= asked_at + ANSWERED_IN;
        let is_over = |other: &Other| {
            let believed = !master || !other.told || other.asked_at.is_some_and(unanswered);
            believed && now >= other.silent_at(patience)
        };
        self.end_others(is_over, out);
    }

    fn ask(&self, addresses: Shared<[VirtualAddress]>) -> Action {
        Action::Probe { instance: self.config.name.clone(), addresses }
    }
}
