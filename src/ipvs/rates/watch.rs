//! A table over many readings: each one in the light of the one before, with rates that are true to how the kernel
//! counts.
//!
//! The kernel adds up what its processors counted every other second; in between, a counter that is read stands
//! still. Whoever reads more often would see the traffic of two seconds in one reading and none in those around it.
//! So rates go from one change of the counters to the next, and are not known before the first one.

use super::{Change, ObservedService, Rates, compare};
use crate::ipvs::model::{DestKey, Reading, ServiceKey, Stats};
use crate::time::Instant;
use std::collections::HashMap;
use std::time::Duration;

/// How often the kernel adds up (`ip_vs_est.c`).
const TICK: Duration = Duration::from_secs(2);
/// Counters that stand still for longer than this have nothing to count; the kernel may be late by as much.
const STILL: Duration = Duration::from_millis(2500);

/// What is watched: a service, or a destination of it.
type Key = (ServiceKey, Option<DestKey>);

/// Follows a table.
#[derive(Debug, Default)]
pub struct Watch {
    before: Option<Reading>,
    after: Option<Reading>,
    read: Instant,
    meters: HashMap<Key, Meter>,
}

impl Watch {
    /// The next reading, made at `now`, in the light of those before; in its order.
    pub fn observe(&mut self, now: Instant, reading: Reading) -> Vec<ObservedService<'_>> {
        self.before = self.after.replace(reading);
        let elapsed = now.saturating_since(self.read);
        self.read = now;
        let Some(after) = &self.after else { return Vec::new() };
        let mut observed = compare(self.before.as_ref(), after, elapsed);
        let mut meters = HashMap::with_capacity(self.meters.len());
        let known = &self.meters;
        let mut follow = |key: Key, change: Change, stats: &Stats, rates: &mut Option<Rates>| {
            if change == Change::Gone {
                return;
            }
            let meter = Meter::follow(known.get(&key), now, *stats, *rates);
            *rates = meter.rates;
            meters.insert(key, meter);
        };
        for ObservedService { service, dests } in &mut observed {
            let key = service.entry.service.key;
            follow((key, None), service.change, &service.entry.stats, &mut service.rates);
            for dest in dests {
                let key = (key, Some(dest.entry.dest.key));
                follow(key, dest.change, &dest.entry.stats, &mut dest.rates);
            }
        }
        self.meters = meters;
        observed
    }
}

/// The counters of one object.
#[derive(Clone, Copy, Debug)]
struct Meter {
    /// As they were when they changed last, or were observed first.
    stats: Stats,
    /// When that was.
    since: Instant,
    /// From the change before to the last one; 0 where they stand still, and nothing until either has been observed.
    rates: Option<Rates>,
}

impl Meter {
    fn follow(before: Option<&Meter>, now: Instant, stats: Stats, rates: Option<Rates>) -> Meter {
        let Some(before) = before else {
            return Meter { stats, since: now, rates };
        };
        let span = now.saturating_since(before.since);
        // The kernel's averages sink after the last packet too: they don't count as a change.
        if counted(&before.stats) != counted(&stats) {
            // What comes at once was counted within a tick.
            let span = span.max(TICK);
            Meter { stats, since: now, rates: Some(Rates::between(&before.stats, &stats, span)) }
        } else if span <= STILL {
            *before
        } else {
            Meter { stats, since: now, rates: Some(Rates::default()) }
        }
    }
}

const fn counted(s: &Stats) -> [u64; 5] {
    [s.conns, s.inpkts, s.outpkts, s.inbytes, s.outbytes]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::testing::{self, key, listed, service};

    /// A reading of one service that has scheduled so many connections.
    fn reading(conns: u64) -> Reading {
        let (mut entry, dests) = listed(service(key(1), "wlc"), Vec::new());
        entry.stats = Stats { conns, cps: conns % 7, ..Stats::default() };
        testing::reading(vec![(entry, dests)])
    }

    /// Connections a second at each reading, of a service that gets 100 a second, which the kernel adds up every
    /// other second; from the `stop`th second on it gets none.
    fn rates(period_ms: u64, offset_ms: u64, stop: u64) -> Vec<f64> {
        let mut watch = Watch::default();
        let times = (0..).map(|n| offset_ms + n * period_ms).take_while(|at| *at < 20_000);
        times
            .map(|at| {
                let ticks = (at / 2000).min(stop / 2);
                let observed = watch.observe(Instant::from_nanos(at * 1_000_000), reading(ticks * 200));
                observed.first().and_then(|s| s.service.rates).map_or(-1.0, |r| r.cps)
            })
            .collect()
    }

    #[test]
    fn steady_traffic_has_a_steady_rate_however_often_it_is_read() {
        for period in [100, 250, 500, 1000, 2000, 3000, 4000, 5000] {
            for offset in [0, 1, 70, 499, 1999] {
                let rates = rates(period, offset, 100);
                assert_eq!(rates.first(), Some(&-1.0), "nothing is known at first");
                // The first tick after the first reading is the first one that can be observed.
                let known = rates.iter().skip(1 + 2000_usize.div_ceil(period as usize));
                for rate in known {
                    let slack = if period > 2000 { 34.0 } else { 5.1 };
                    assert!((rate - 100.0).abs() <= slack, "every {period} ms from {offset}: {rates:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_known_before_the_kernel_adds_up() {
        for period in [50, 100, 250, 500, 1000] {
            // The first reading is just after a tick: none comes for two seconds.
            let rates = rates(period, 1, 100);
            let unknown = rates.iter().take_while(|rate| **rate == -1.0).count() as u64;
            assert_eq!(unknown, 2000_u64.div_ceil(period), "every {period} ms: {rates:?}");
        }
        // What counts nothing is known to once the kernel must have added up.
        let idle = rates(500, 1, 0);
        assert_eq!(idle.iter().position(|rate| *rate == 0.0), Some(6), "{idle:?}");
        assert!(idle.iter().skip(6).all(|rate| *rate == 0.0), "{idle:?}");
    }

    #[test]
    fn what_has_stopped_has_none_soon() {
        for period in [100, 500, 2000, 5000] {
            let rates = rates(period, 30, 10);
            assert_eq!(rates.last(), Some(&0.0), "{period}: {rates:?}");
            let still = rates.iter().rev().take_while(|rate| **rate == 0.0).count() as u64 * period;
            assert!(still >= 10_000_u64.saturating_sub(2500 + 2 * period), "{period}: {rates:?}");
        }
    }

    #[test]
    fn counters_that_begin_again_have_what_they_counted_since() {
        let mut watch = Watch::default();
        let mut at = |seconds: u64, conns| {
            let observed = watch.observe(Instant::from_nanos(seconds * 1_000_000_000), reading(conns));
            let service = &observed.first().expect("one").service;
            (service.reset, service.rates.map(|r| r.cps))
        };
        assert_eq!(at(0, 1000), (false, None));
        assert_eq!(at(2, 1010), (false, Some(5.0)));
        assert_eq!(at(4, 6), (true, Some(3.0)));
        assert_eq!(at(6, 8), (false, Some(1.0)));
    }
}
