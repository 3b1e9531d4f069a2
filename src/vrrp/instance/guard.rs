//! Signed adverts: `auth_type AH` and `auth_hmac`. What a sender numbers its adverts with, and which numbers are old.
//!
//! AH has one number for all routers, as in keepalived: each goes on from the greatest that it has sent or believed. Two
//! masters whose adverts cross say the same one, again and again; who has not heard it from the other believes it. Ours
//! are at least the seconds since 1970, so that they also grow over a restart. The numbers of `auth_hmac` are times, each
//! sender has its own.

use super::Instance;
use crate::net::Family;
use crate::time::Instant;
use crate::vrrp::config::hmac::{AntiReplay, Mode, Secret};
use crate::vrrp::config::{Auth, Hmac};
use crate::vrrp::event::{Actions, Discard, Protocol, Received, Report};
use crate::vrrp::packet::trailer::{self, Trailer};
use crate::vrrp::packet::{DecodeError, Parsed, Sum, TTL, ah};
use crate::vrrp::rare::usual;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// So many senders are remembered, or as many as there are peers: more routers are in no group.
const SENDERS: usize = 16;
/// The last number of AH: keepalived stops there.
const LAST: u32 = 0xffff_fffd;

usual!(Guard);

/// The time, as an instance was told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Clock {
    /// The wall clock when the monotonic one began.
    pub(super) epoch: Duration,
    /// The last moment that it was told of.
    pub(super) now: Instant,
}

impl Clock {
    fn utc(self) -> Duration {
        self.epoch + self.now.saturating_since(Instant::ZERO)
    }
}

/// What is remembered of numbers. A reload keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Guard {
    /// AH: the number of the last advert that was sent or believed.
    ah: u32,
    /// It was sent, and has not been heard from anybody.
    ah_is_ours: bool,
    /// `auth_hmac`: the number of the last advert that was sent.
    sent: u64,
    /// `auth_hmac`: the number of the last advert of each sender; the one that spoke last is the last.
    heard: Vec<(IpAddr, u64)>,
    /// A clock that drifts away was told of.
    told_drift: bool,
}

/// The numbers of the last adverts that were signed here.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::vrrp) struct Numbers {
    ah: u32,
    hmac: u64,
}

impl Guard {
    fn next_ah(&mut self, utc: Duration) -> u32 {
        let seconds = u32::try_from(utc.as_secs()).unwrap_or(LAST);
        self.ah = self.ah.saturating_add(1).max(seconds).min(LAST);
        self.ah_is_ours = true;
        self.ah
    }

    /// Whether the number is a new one; it is remembered.
    const fn is_new_ah(&mut self, theirs: u32) -> bool {
        let is_new = theirs > self.ah || (theirs == self.ah && self.ah_is_ours);
        if is_new {
            (self.ah, self.ah_is_ours) = (theirs, false);
        }
        is_new
    }

    /// The clock, or one more than the last. A clock that was set back further than the window begins anew: receivers
    /// would take nothing else.
    fn next_hmac(&mut self, utc: Duration, anti_replay: AntiReplay) -> u64 {
        let fraction = (u64::from(utc.subsec_nanos()) << 16) / 1_000_000_000;
        let clock = u64::from(seconds(utc)) << 32 | fraction << 16;
        let is_ahead = match anti_replay {
            AntiReplay::Time(window) => {
                let ahead = difference((self.sent >> 32) as u32, seconds(utc));
                ahead > i64::try_from(window.as_secs()).unwrap_or(i64::MAX)
            }
            AntiReplay::Monotonic => false,
        };
        self.sent = if is_after(clock, self.sent) || is_ahead { clock } else { self.sent.wrapping_add(1) };
        self.sent
    }

    /// Whether the number is a new one of that sender; it is remembered.
    fn is_new(
        &mut self,
        utc: Duration,
        source: IpAddr,
        sequence: u64,
        anti_replay: AntiReplay,
        senders: usize,
    ) -> bool {
        let utc = seconds(utc);
        let last = self.heard.iter().position(|(sender, _)| *sender == source);
        if let Some((_, last)) = last.and_then(|at| self.heard.get(at)) {
            // One outside the window only forbids what the window forbids already.
            let counts = match anti_replay {
                AntiReplay::Time(window) => is_within(difference(utc, (last >> 32) as u32), window),
                AntiReplay::Monotonic => true,
            };
            if counts && !is_after(sequence, *last) {
                return false;
            }
        }
        match last {
            Some(at) => drop(self.heard.remove(at)),
            None if self.heard.len() >= senders => drop(self.heard.remove(0)),
            None => {}
        }
        self.heard.push((source, sequence));
        true
    }
}

/// The wall clock's seconds as the wire has them.
const fn seconds(utc: Duration) -> u32 {
    utc.as_secs() as u32
}

/// `a - b`, also where the seconds have begun anew.
const fn difference(a: u32, b: u32) -> i64 {
    a.wrapping_sub(b) as i32 as i64
}

/// Serial number arithmetic (RFC 1982).
const fn is_after(a: u64, b: u64) -> bool {
    a.wrapping_sub(b) as i64 > 0
}

fn is_within(skew: i64, window: Duration) -> bool {
    skew.unsigned_abs() <= window.as_secs()
}

fn secret(hmac: &Hmac, id: u8) -> Option<&[u8]> {
    hmac.keys.iter().find(|key| key.id == id).and_then(|key| match &key.secret {
        Secret::Bytes(bytes) => Some(bytes.as_slice()),
        Secret::File(_) => None,
    })
}

impl Instance {
    /// The wall clock when the monotonic one began: at start, and when somebody has set it.
    pub(in crate::vrrp) const fn set_epoch(&mut self, epoch: Duration) {
        self.clock.epoch = epoch;
    }

    /// The key that its adverts are to be signed with, where it is not there.
    pub(in crate::vrrp) fn missing_key(&self) -> Option<u8> {
        let hmac = self.signs()?;
        secret(hmac, hmac.active_key).is_none().then_some(hmac.active_key)
    }

    fn signs(&self) -> Option<&Hmac> {
        self.config.hmac.as_deref().filter(|hmac| hmac.mode != Mode::ReceiveOnly)
    }

    pub(super) const fn ah_key(&self) -> Option<&[u8; 8]> {
        match &self.config.auth {
            Some(Auth::Ah(key)) => Some(key),
            _ => None,
        }
    }

    /// Who takes its place goes on from there: the clock alone may show the same moment once more.
    pub(in crate::vrrp) fn numbers(&self) -> Option<Numbers> {
        let numbers = Numbers { ah: self.guard.ah, hmac: self.guard.sent };
        (numbers != Numbers::default()).then_some(numbers)
    }

    /// It may take the place of one that signed its adverts with these.
    pub(in crate::vrrp) fn go_on_from(&mut self, numbers: Numbers) {
        if self.ah_key().is_some() || self.signs().is_some() {
            (self.guard.ah, self.guard.ah_is_ours, self.guard.sent) = (numbers.ah, true, numbers.hmac);
        }
    }

    /// Bytes before an advert and behind it, for what it is signed with.
    pub(super) fn extra(&self) -> (usize, usize) {
        let before = if self.ah_key().is_some() { ah::HEADER_LEN } else { 0 };
        let behind = if self.signs().is_some() { trailer::LEN } else { 0 };
        (before, behind)
    }

    fn way(&self) -> ah::Way {
        if self.config.unicast.is_some() { ah::Way::Unicast } else { ah::Way::Multicast }
    }

    /// Numbers and signs the advert that is about to leave.
    pub(super) fn seal(&mut self) {
        let (way, utc) = (self.way(), self.clock.utc());
        let Instance { encoded: Some((_, packet)), guard, config, .. } = self else { return };
        if let Some(Auth::Ah(key)) = &config.auth {
            let sequence = guard.next_ah(utc);
            // The digest covers it: it can't be left to the kernel.
            packet.id = (sequence as u16).max(1);
            for copy in packet.copies.make_mut() {
                let (IpAddr::V4(source), IpAddr::V4(destination)) = (packet.source, copy.destination) else {
                    continue;
                };
                let bytes = copy.bytes.make_mut();
                let ttl = packet.ttl.unwrap_or(TTL);
                let ip = ah::ip_header(source, destination, ttl, packet.id, bytes.len());
                ah::seal(key, way, sequence, &ip, bytes);
            }
        }
        if let Some(hmac) = config.hmac.as_ref().filter(|hmac| hmac.mode != Mode::ReceiveOnly)
            && let Some(secret) = secret(hmac, hmac.active_key)
        {
            let trailer = Trailer { key: hmac.active_key, sequence: guard.next_hmac(utc, hmac.anti_replay) };
            for copy in packet.copies.make_mut() {
                let bytes = copy.bytes.make_mut();
                trailer.write(secret, packet.source, bytes);
                // In IPv6 the checksum covers all that stands behind the IP header.
                if config.family == Family::V6 {
                    Sum::PseudoHeader.renew(config.version, packet.source, copy.destination, bytes);
                }
            }
        }
    }

    /// Whether a packet is signed as it should be, by whom it says, and not for the second time.
    pub(super) fn check_signature(
        &mut self,
        received: &Received<'_>,
        advert: &Parsed<'_>,
        out: &mut Actions,
    ) -> Result<(), Discard> {
        let (way, utc) = (self.way(), self.clock.utc());
        let Instance { guard, config, .. } = self;
        if let (Some(Auth::Ah(key)), Protocol::Ah) = (&config.auth, received.protocol) {
            let theirs = ah::open(key, way, &received.header, &received.payload).map_err(Discard::Ah)?;
            if !guard.is_new_ah(theirs) {
                return Err(Discard::AhReplayed { ours: guard.ah, theirs });
            }
        }
        let Some(hmac) = &config.hmac else { return Ok(()) };
        if advert.behind.is_empty() {
            return if hmac.mode == Mode::Enforce { Err(Discard::HmacMissing) } else { Ok(()) };
        }
        let trailer = Trailer::parse(advert.behind).ok_or(Discard::HmacMalformed)?;
        let mut drift = 0;
        // Before the digest, which costs more.
        if let AntiReplay::Time(window) = hmac.anti_replay {
            let skew = difference(seconds(utc), (trailer.sequence >> 32) as u32);
            if !is_within(skew, window) {
                return Err(Discard::HmacStale { skew, window });
            }
            drift = if is_within(skew, window / 2) { 0 } else { skew };
        }
        let secret = secret(hmac, trailer.key).ok_or(Discard::HmacUnknownKey(trailer.key))?;
        if !trailer::is_signed(secret, received.source, advert.whole) {
            return Err(Discard::HmacInvalid);
        }
        let peers = config.unicast.as_ref().map_or(0, |unicast| unicast.peers.len());
        if !guard.is_new(utc, received.source, trailer.sequence, hmac.anti_replay, peers.max(SENDERS)) {
            return Err(Discard::HmacReplayed);
        }
        let tells = drift != 0 && !guard.told_drift;
        guard.told_drift = drift != 0;
        if tells {
            out.push(self.report(Report::ClockDrift { source: received.source, skew: drift }));
        }
        Ok(())
    }

    /// What may stand behind an advert.
    pub(super) fn check_end(&self, advert: &Parsed<'_>) -> Result<(), DecodeError> {
        if self.config.hmac.is_some() && advert.behind.len() == trailer::LEN {
            return Ok(());
        }
        advert.ends_here()
    }
}

#[cfg(test)]
mod tests;
