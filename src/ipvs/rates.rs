//! What happened between two readings of the table: rates from counters, and what is new, gone or changed. Pure.
//!
//! The kernel's own rates are averages over some seconds that follow slowly; these are what was counted between the
//! readings, divided by the time. [`Watch`] does this over many readings, however close.

mod watch;

pub use watch::Watch;

use crate::ipvs::model::{DestEntry, Reading, ServiceEntry, Stats};
use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Connections, packets and bytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Connections scheduled a second.
    pub cps: f64,
    /// Incoming packets a second.
    pub inpps: f64,
    /// Outgoing packets a second.
    pub outpps: f64,
    /// Incoming bytes a second.
    pub inbps: f64,
    /// Outgoing bytes a second.
    pub outbps: f64,
}

impl Rates {
    /// The rates by which `before` became `after` within `elapsed`; all 0 where no time has passed.
    ///
    /// Counters that began again from 0 in between (`-Z`, or the service or server was made anew) have what they
    /// counted since then: the least that it can have been.
    #[must_use]
    pub fn between(before: &Stats, after: &Stats, elapsed: Duration) -> Rates {
        let counted = differences(before, after).unwrap_or(counters(after));
        let seconds = elapsed.as_secs_f64();
        let [cps, inpps, outpps, inbps, outbps] =
            counted.map(|n| if seconds > 0.0 { n as f64 / seconds } else { 0.0 });
        Rates { cps, inpps, outpps, inbps, outbps }
    }

    /// The kernel's own averages: what there is to know after one reading.
    #[must_use]
    pub fn of_kernel(stats: &Stats) -> Rates {
        let [cps, inpps, outpps, inbps, outbps] =
            [stats.cps, stats.inpps, stats.outpps, stats.inbps, stats.outbps].map(|n| n as f64);
        Rates { cps, inpps, outpps, inbps, outbps }
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Rates::default()
    }
}

/// Whether the counters began again from 0 between `before` and `after`.
#[must_use]
pub fn reset(before: &Stats, after: &Stats) -> bool {
    differences(before, after).is_none()
}

const fn counters(s: &Stats) -> [u64; 5] {
    [s.conns, s.inpkts, s.outpkts, s.inbytes, s.outbytes]
}

/// What was counted; `None` where a counter went back.
fn differences(before: &Stats, after: &Stats) -> Option<[u64; 5]> {
    // Before Linux 4.1, all but the bytes are 32 bits wide. One of them that passes its end goes back alone, and by
    // far; counters that begin again take the bytes with them.
    let bytes_grew = after.inbytes >= before.inbytes && after.outbytes >= before.outbytes;
    let mut differences = [0; 5];
    for ((difference, before), after) in differences.iter_mut().zip(counters(before)).zip(counters(after)) {
        *difference = match after.checked_sub(before) {
            Some(difference) => difference,
            None => {
                let wrapped = after.wrapping_sub(before) & u64::from(u32::MAX);
                let possible = bytes_grew && before <= u64::from(u32::MAX) && wrapped < 1 << 31;
                possible.then_some(wrapped)?
            }
        };
    }
    Some(differences)
}

/// How an object of the later reading stands to the earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change {
    /// Set as it was, or there is no earlier reading.
    #[default]
    None,
    /// It was not there.
    New,
    /// It is set in another way: scheduler, weight, forwarding method, ….
    Changed,
    /// It is not there any more.
    Gone,
}

/// A service or a destination in the light of two readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed<'a, T> {
    /// As the later reading has it; as the earlier one, where it is gone.
    pub entry: &'a T,
    /// What became of it.
    pub change: Change,
    /// Its counters began again from 0.
    pub reset: bool,
    /// `None` where it is gone, or not known yet: there is no earlier reading.
    pub rates: Option<Rates>,
}

impl<T> Observed<'_, T> {
    /// Whether it is as it was, and nothing was counted.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.change == Change::None && !self.reset && self.rates.is_none_or(|rates| rates.is_zero())
    }
}

/// A service and its destinations in the light of two readings.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedService<'a> {
    /// The service.
    pub service: Observed<'a, ServiceEntry>,
    /// Its destinations, those that are gone where they were.
    pub dests: Vec<Observed<'a, DestEntry>>,
}

impl ObservedService<'_> {
    /// The destinations, each with its part of the packets that come in for the service, from 0 to 1; `None` where it is
    /// not known, and for all where none come in.
    pub fn shares(&self) -> impl Iterator<Item = (&Observed<'_, DestEntry>, Option<f64>)> {
        let whole: f64 = self.dests.iter().filter_map(|dest| dest.rates).map(|rates| rates.inpps).sum();
        let share = move |rates: Rates| (whole > 0.0).then(|| rates.inpps / whole);
        self.dests.iter().map(move |dest| (dest, dest.rates.and_then(share)))
    }
}

/// The later reading in the light of the earlier one, in its order; what is gone stands behind what it stood behind.
#[must_use]
pub fn compare<'a>(
    before: Option<&'a Reading>,
    after: &'a Reading,
    elapsed: Duration,
) -> Vec<ObservedService<'a>> {
    let seen_dests = |before: Option<&'a [DestEntry]>, after: &'a [DestEntry]| {
        let dests = side_by_side(before.unwrap_or_default(), after, |d| d.dest.key);
        let observed = dests.into_iter().map(|(old, new)| {
            observed(old, new, before.is_some(), elapsed, |d| &d.stats, |old, new| old.dest == new.dest)
        });
        observed.flatten().collect()
    };
    let services = before.map_or(&[][..], |reading| &reading.services);
    side_by_side(services, &after.services, |(entry, _)| entry.service.key)
        .into_iter()
        .filter_map(|(old, new)| {
            let known = before.is_some();
            let same = |old: &ServiceEntry, new: &ServiceEntry| old.service == new.service;
            let service =
                observed(old.map(|(s, _)| s), new.map(|(s, _)| s), known, elapsed, |s| &s.stats, same)?;
            let (old, new) = (old.map(|(_, d)| &d[..]), new.map(|(_, d)| &d[..]));
            // All servers of a service that is new are new.
            let old = old.or(known.then_some(&[]));
            Some(ObservedService { service, dests: seen_dests(old, new.unwrap_or_default()) })
        })
        .collect()
}

fn observed<'a, T>(
    old: Option<&'a T>,
    new: Option<&'a T>,
    known: bool,
    elapsed: Duration,
    stats: impl Fn(&T) -> &Stats,
    same: impl Fn(&T, &T) -> bool,
) -> Option<Observed<'a, T>> {
    let none = Stats::default();
    Some(match (old, new) {
        (None, None) => return None,
        (Some(entry), None) => Observed { entry, change: Change::Gone, reset: false, rates: None },
        (None, Some(entry)) if !known => Observed { entry, change: Change::None, reset: false, rates: None },
        (None, Some(entry)) => Observed {
            entry,
            change: Change::New,
            reset: false,
            rates: Some(Rates::between(&none, stats(entry), elapsed)),
        },
        (Some(old), Some(entry)) => Observed {
            entry,
            change: if same(old, entry) { Change::None } else { Change::Changed },
            reset: reset(stats(old), stats(entry)),
            rates: Some(Rates::between(stats(old), stats(entry), elapsed)),
        },
    })
}

/// Each object of both lists once, with its form in either.
fn side_by_side<'a, T, K: Hash + Eq + Copy>(
    before: &'a [T],
    after: &'a [T],
    key: impl Fn(&T) -> K,
) -> Vec<(Option<&'a T>, Option<&'a T>)> {
    let mut remaining: HashMap<K, &T> = after.iter().map(|object| (key(object), object)).collect();
    let mut old: HashMap<K, &T> = HashMap::with_capacity(before.len());
    // What is gone, by what it stood behind.
    let mut gone: HashMap<Option<K>, Vec<&T>> = HashMap::new();
    let mut behind = None;
    for object in before {
        let key = key(object);
        if remaining.contains_key(&key) {
            old.insert(key, object);
            behind = Some(key);
        } else {
            gone.entry(behind).or_default().push(object);
        }
    }
    let mut list = Vec::with_capacity(after.len());
    let mut push_gone = |list: &mut Vec<_>, behind| {
        list.extend(gone.remove(&behind).into_iter().flatten().map(|object| (Some(object), None)));
    };
    push_gone(&mut list, None);
    for object in after {
        let key = key(object);
        if remaining.remove(&key).is_some() {
            list.push((old.get(&key).copied(), Some(object)));
            push_gone(&mut list, Some(key));
        }
    }
    list
}

#[cfg(test)]
mod tests;
