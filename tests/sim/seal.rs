//! Signed adverts: who signs how, and which of those that reach a node are to be believed.
//!
//! Beside routers that have a wrong key for a while there is an attacker: he repeats what he has heard, and changes it.

use crate::io::Advert;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use vipd::time::Instant;
use vipd::vrrp::config::hmac::{AntiReplay, Key, Mode, Secret};
use vipd::vrrp::config::{Auth, Hmac, Instance};
use vipd::vrrp::event::Protocol;
use vipd::vrrp::packet::trailer::{self, Trailer};
use vipd::vrrp::packet::{TTL, ah};

/// How the routers of a story sign, those that do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sealing {
    /// `auth_type AH`
    Ah,
    /// `auth_hmac`, `anti_replay monotonic`
    Monotonic,
    /// `auth_hmac`, `anti_replay time`
    Time,
}

const WINDOW: Duration = Duration::from_secs(5);

/// Has the instance sign its adverts: with the key of all others, or with one that nobody else has.
pub(crate) fn seal(instance: &mut Instance, sealing: Sealing, foreign: bool) {
    let anti_replay = match sealing {
        Sealing::Ah => {
            instance.auth = Some(Auth::Ah(if foreign { *b"geheim\0\0" } else { *b"himitsu\0" }));
            return;
        }
        Sealing::Monotonic => AntiReplay::Monotonic,
        Sealing::Time => AntiReplay::Time(WINDOW),
    };
    let secret = Secret::Bytes(vec![if foreign { 2 } else { 1 }; 32]);
    instance.auth = None;
    instance.hmac = Some(Box::new(Hmac {
        keys: vec![Key { id: 1, secret }],
        active_key: 1,
        anti_replay,
        mode: Mode::Enforce,
    }));
}

/// Whether an advert counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Believed,
    Refused,
    /// What was said before it may not have been taken in.
    Unknown,
}

/// What a node's instance has heard and sent of signed adverts.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// AH: the greatest number that was sent or believed.
    number: u32,
    /// AH: it was sent, and nobody else's of that number has been heard.
    unheard: bool,
    /// AH: the greatest that may have been believed.
    doubtful: u32,
    /// When what was believed of a sender had been sent, and its number: what was sent later has a greater one.
    heard: BTreeMap<IpAddr, (Instant, u64)>,
    /// The node's clock was set.
    pub(crate) clock_was_set: bool,
}

impl Ledger {
    /// The instance says something.
    pub(crate) fn sent(&mut self, config: &Instance, payload: &[u8]) {
        if let (Some(Auth::Ah(_)), Some(number)) = (&config.auth, number(payload)) {
            (self.number, self.unheard) = (self.number.max(number), true);
        }
    }

    /// Whether an advert that arrives when a node's clock shows `utc` counts. `sure`: the instance has the key of `config`.
    pub(crate) fn judge(&mut self, config: &Instance, advert: &Advert, utc: u64, sure: bool) -> Verdict {
        let verdict = match (&config.auth, &config.hmac) {
            (Some(Auth::Ah(key)), _) => self.judge_ah(key, advert, sure),
            (_, Some(hmac)) => self.judge_hmac(hmac, advert, utc),
            _ => Verdict::Believed,
        };
        if sure { verdict } else { Verdict::Unknown }
    }

    fn judge_ah(&mut self, key: &[u8; 8], advert: &Advert, sure: bool) -> Verdict {
        let Advert { source: IpAddr::V4(source), destination: IpAddr::V4(destination), .. } = *advert else {
            return Verdict::Refused;
        };
        let header = ah::ip_header(source, destination, TTL, advert.id, advert.payload.len());
        let opened = ah::open(key, ah::Way::Multicast, &header, &advert.payload);
        match (opened, number(&advert.payload)) {
            (_, Some(number)) if !sure => {
                self.doubtful = self.doubtful.max(number);
                Verdict::Unknown
            }
            (Err(_), _) => Verdict::Refused,
            (Ok(number), _) if number < self.number || number == self.number && !self.unheard => {
                Verdict::Refused
            }
            (Ok(number), _) if number <= self.doubtful => Verdict::Unknown,
            (Ok(number), _) => {
                (self.number, self.unheard) = (number, false);
                Verdict::Believed
            }
        }
    }

    fn judge_hmac(&mut self, hmac: &Hmac, advert: &Advert, utc: u64) -> Verdict {
        let bytes = &advert.payload;
        let Secret::Bytes(secret) = &hmac.keys[0].secret else { return Verdict::Refused };
        let behind = bytes.len().checked_sub(trailer::LEN).and_then(|at| bytes.get(at..));
        let Some(trailer) = behind.and_then(Trailer::parse) else { return Verdict::Refused };
        let ahead = utc.abs_diff(trailer.sequence >> 32);
        let is_stale = matches!(hmac.anti_replay, AntiReplay::Time(window) if ahead > window.as_secs());
        let this = (advert.sent, trailer.sequence);
        // Two may leave at the same moment.
        let is_old = self.heard.get(&advert.source).is_some_and(|last| this <= *last);
        if is_stale || !trailer::is_signed(secret, advert.source, bytes) {
            return Verdict::Refused;
        }
        if is_old {
            // What was heard before by another clock forbids nothing.
            let forgets = self.clock_was_set && matches!(hmac.anti_replay, AntiReplay::Time(_));
            return if forgets { Verdict::Unknown } else { Verdict::Refused };
        }
        self.heard.insert(advert.source, this);
        Verdict::Believed
    }

    /// Another instance takes its place: AH has one number for all that is sent and heard.
    pub(crate) fn pass_on(&mut self) {
        self.heard.clear();
        self.unheard = true;
    }

    /// The process or the instance is gone.
    pub(crate) fn forget(&mut self) {
        *self = Ledger { clock_was_set: self.clock_was_set, ..Ledger::default() };
    }
}

fn number(payload: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(payload.get(8..12)?.try_into().ok()?))
}

/// The same advert with another priority, by somebody who can add up, and has no key.
pub(crate) fn forge(advert: &Advert, priority: u8) -> Advert {
    let mut forged = advert.clone();
    let at = match advert.protocol {
        Protocol::Ah => ah::HEADER_LEN,
        Protocol::Vrrp => 0,
    };
    let Some(bytes) = forged.payload.get_mut(at..) else { return forged };
    let word = |bytes: &[u8], at: usize| u32::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let (before, sum) = (word(bytes, 2), word(bytes, 6));
    bytes[2] = priority;
    // RFC 1624: the sum without the old word and with the new one.
    let mut sum = (!sum & 0xffff) + (!before & 0xffff) + word(bytes, 2);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    bytes[6..8].copy_from_slice(&(!sum as u16).to_be_bytes());
    forged
}

/// What the attacker has heard.
#[derive(Debug, Default)]
pub(crate) struct Tape(BTreeMap<u8, Vec<Advert>>);

/// He remembers so many of a virtual router.
const LENGTH: usize = 12;

impl Tape {
    /// Takes an advert down in the place of the `nth` older one.
    pub(crate) fn hear(&mut self, advert: &Advert, nth: u64) {
        let Some(vrid) = advert.vrrp().get(1) else { return };
        let heard = self.0.entry(*vrid).or_default();
        if heard.len() < LENGTH {
            heard.push(advert.clone());
        } else {
            heard[nth as usize % LENGTH] = advert.clone();
        }
    }

    /// The nth of a virtual router, of these.
    pub(crate) fn play(&self, vrid: u8, nth: u64, of: impl Fn(&Advert) -> bool) -> Option<&Advert> {
        let all: Vec<&Advert> = self.0.get(&vrid)?.iter().filter(|advert| of(advert)).collect();
        all.get(nth as usize % all.len().max(1)).copied()
    }
}
