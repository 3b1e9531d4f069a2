use super::*;
use crate::ipvs::model::ServiceKey;
use crate::ipvs::testing::{self, key, listed, listed_dest, reading};
use std::net::IpAddr;

fn stats(conns: u64, inpkts: u64, inbytes: u64) -> Stats {
    Stats { conns, inpkts, inbytes, ..Stats::default() }
}

fn service(n: u8, dests: Vec<DestEntry>) -> (ServiceEntry, Vec<DestEntry>) {
    listed(testing::service(key(n), "wlc"), dests)
}

fn dest(n: u8, weight: u32, stats: Stats) -> DestEntry {
    listed_dest(testing::dest(n, weight), stats)
}

/// A service's number, what became of it, and the same of its servers.
type Changes = (u8, Change, Vec<(u8, Change)>);

fn changes(observed: &[ObservedService<'_>]) -> Vec<Changes> {
    let last = |address: IpAddr| match address {
        IpAddr::V4(a) => a.octets()[3],
        IpAddr::V6(_) => unreachable!(),
    };
    let number = |key: ServiceKey| match key {
        ServiceKey::Address { address, .. } => last(address),
        ServiceKey::Fwmark { mark, .. } => mark as u8,
    };
    observed
        .iter()
        .map(|s| {
            let dests = s.dests.iter().map(|d| (last(d.entry.dest.key.address), d.change)).collect();
            (number(s.service.entry.service.key), s.service.change, dests)
        })
        .collect()
}

const TWO: Duration = Duration::from_secs(2);

#[test]
fn rates_are_differences_by_time() {
    let before =
        Stats { conns: 10, inpkts: 100, outpkts: 7, inbytes: 1000, outbytes: 70, ..Stats::default() };
    let after = Stats { conns: 13, inpkts: 100, outpkts: 9, inbytes: u64::MAX, outbytes: 71, ..before };
    let rates = Rates::between(&before, &after, TWO);
    let inbps = (u64::MAX - 1000) as f64 / 2.0;
    assert_eq!(rates, Rates { cps: 1.5, inpps: 0.0, outpps: 1.0, inbps, outbps: 0.5 });
    assert!(!rates.is_zero());
    assert!(Rates::between(&before, &before, TWO).is_zero());
    assert!(Rates::between(&before, &after, Duration::ZERO).is_zero(), "no division by zero");
}

#[test]
fn counters_that_begin_again_count_from_zero() {
    let (before, after) = (stats(1000, 5000, 400_000), stats(4, 20, 1600));
    assert!(reset(&before, &after));
    let rates = Rates::between(&before, &after, TWO);
    assert_eq!((rates.cps, rates.inpps, rates.inbps), (2.0, 10.0, 800.0));
    assert!(reset(&before, &Stats::default()));
    assert!(!reset(&before, &before));
    // One that went on counting all the same.
    assert!(reset(&stats(1000, 5000, 0), &stats(1, 6000, 0)));
}

#[test]
fn a_counter_of_32_bits_that_passes_its_end_is_no_reset() {
    let (before, after) = (stats(1, 0xffff_fff0, 400_000), stats(2, 0x10, 402_000));
    assert!(!reset(&before, &after));
    assert_eq!(Rates::between(&before, &after, TWO).inpps, 16.0);
    // With its bytes at 0, or with a counter of 64 bits, it is.
    assert!(reset(&before, &stats(0, 0x10, 1000)));
    assert!(reset(&stats(1, 0x1_0000_0000, 1), &stats(2, 0x10, 2)));
}

#[test]
fn the_first_reading_has_no_rates_and_nothing_new() {
    let only = reading(vec![service(1, vec![dest(1, 1, stats(5, 6, 7))])]);
    let observed = compare(None, &only, TWO);
    assert_eq!(changes(&observed), [(1, Change::None, vec![(1, Change::None)])]);
    assert_eq!((observed[0].service.rates, observed[0].dests[0].rates), (None, None));
    assert!(observed[0].service.is_idle());
}

#[test]
fn what_is_new_gone_and_changed_is_told_in_its_place() {
    let idle = |n| dest(n, 1, Stats::default());
    let mut rr = service(4, vec![]);
    let before = reading(vec![
        service(1, vec![idle(1)]),
        service(2, vec![idle(1), idle(2), idle(3), idle(4)]),
        service(3, vec![]),
        rr.clone(),
    ]);
    rr.0.service.scheduler = "rr".into();
    let after = reading(vec![
        service(2, vec![idle(1), dest(3, 0, Stats::default()), idle(4), idle(5)]),
        rr,
        service(5, vec![idle(9)]),
    ]);
    use Change::{Changed, Gone, New};
    assert_eq!(
        changes(&compare(Some(&before), &after, TWO)),
        [
            (1, Gone, vec![(1, Gone)]),
            (2, Change::None, vec![(1, Change::None), (2, Gone), (3, Changed), (4, Change::None), (5, New)]),
            (3, Gone, vec![]),
            (4, Changed, vec![]),
            (5, New, vec![(9, New)]),
        ]
    );
}

#[test]
fn what_is_new_counts_from_zero_and_what_is_gone_has_no_rates() {
    let before = reading(vec![service(1, vec![dest(1, 1, stats(5, 5, 5))])]);
    let after = reading(vec![service(1, vec![dest(2, 1, stats(8, 20, 900))])]);
    let observed = compare(Some(&before), &after, TWO);
    let rates: Vec<_> = observed[0].dests.iter().map(|d| d.rates.map(|r| r.cps)).collect();
    assert_eq!(rates, [None, Some(4.0)]);
    assert_eq!(observed[0].service.rates.map(|r| r.cps), Some(1.5));
    let again = compare(Some(&after), &after, TWO);
    assert!(again[0].service.is_idle() && again[0].dests[0].is_idle());
}

#[test]
fn servers_share_what_their_service_gets() {
    let at = |a, b, c| {
        let dests = [a, b, c].into_iter().zip(1..).map(|(n, d)| dest(d, 1, stats(0, n, 0)));
        reading(vec![service(1, dests.collect())])
    };
    let (before, after) = (at(10, 10, 10), at(13, 11, 10));
    let shares = |before, after| -> Vec<Option<f64>> {
        compare(before, after, TWO)[0].shares().map(|(_, share)| share).collect()
    };
    assert_eq!(shares(Some(&before), &after), [Some(0.75), Some(0.25), Some(0.0)]);
    assert_eq!(shares(Some(&after), &after), [None; 3], "nothing comes in");
    assert_eq!(shares(None, &after), [None; 3], "nothing is known");
    // What is gone has no part.
    let mut fewer = after.clone();
    fewer.services[0].1.remove(1);
    assert_eq!(shares(Some(&before), &fewer), [Some(1.0), None, Some(0.0)]);
}
