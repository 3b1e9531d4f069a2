//! Adverts of many masters.

use super::*;
use std::collections::BTreeMap;

const INTERVAL: Duration = Duration::from_millis(100);

/// When which instances advertise, from `from` on for `time`.
fn heard(router: &mut Router, from: Instant, time: Duration) -> BTreeMap<Instant, Vec<String>> {
    let mut heard = BTreeMap::new();
    while let Some(at) = router.next_timeout().filter(|at| *at < from + time) {
        let mut out = vec![];
        timeout(router, at, &mut out);
        let names: Vec<_> = adverts(&out).into_iter().map(|(name, _)| name).collect();
        // Something else may be due.
        if !names.is_empty() {
            heard.insert(at, names);
        }
    }
    heard
}

/// Masters, with an advert each, and since when.
fn masters(count: u8) -> (Router, Instant) {
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
    let fast = |vrid: u8| config::Instance {
        version: config::Version::V3,
        advert_int: INTERVAL,
        ..instance(&vrid.to_string(), vrid, 100)
    };
    handle(&mut router, START, config((1..=count).map(fast).collect()), &mut out);
    let start = router.next_timeout().unwrap();
    timeout(&mut router, start, &mut out);
    assert_eq!(adverts(&out).len(), usize::from(count));
    (router, start)
}

#[test]
fn of_many_that_took_over_at_once_are_brought_apart_and_keep_their_interval() {
    let (mut router, start) = masters(250);
    let first = heard(&mut router, start, INTERVAL);
    assert_eq!(first.values().map(Vec::len).sum::<usize>(), 250, "each within its interval");
    assert!(first.keys().all(|at| *at >= start + INTERVAL * 3 / 4), "{:?}", first.keys());
    assert!(first.values().all(|due| due.len() <= 128), "{:?}", first.values().map(Vec::len));
    assert!(first.len() >= 3, "{:?}", first.values().map(Vec::len));
    for round in 1..20 {
        let later: BTreeMap<_, _> =
            first.iter().map(|(at, due)| (*at + INTERVAL * round, due.clone())).collect();
        assert_eq!(heard(&mut router, start, INTERVAL * (round + 1)), later);
    }
}

#[test]
fn of_few_keep_their_interval_from_the_first_one_on() {
    let (mut router, start) = masters(127);
    let heard = heard(&mut router, start, INTERVAL * 2);
    assert_eq!(heard.keys().copied().collect::<Vec<_>>(), [start + INTERVAL]);
}

#[test]
fn brought_together_by_a_pause_they_are_brought_apart_again() {
    let (mut router, start) = masters(250);
    let woken = start + Duration::from_secs(20);
    let mut out = vec![];
    timeout(&mut router, woken, &mut out);
    assert_eq!(adverts(&out).len(), 250);
    let heard = heard(&mut router, woken, INTERVAL * 2);
    assert!(heard.values().all(|due| due.len() <= 128), "{:?}", heard.values().map(Vec::len));
}
