//! What the router finds for a packet, an interface, a reload; and that garbage changes nothing.

use super::super::event::StateKind;
use super::super::packet::{Authentication, Body, Secs};
use super::*;
use proptest::prelude::*;
use std::time::Duration;

const START: Instant = Instant::from_nanos(1_000_000_000);

fn instance(name: &str, vrid: u8, priority: u8) -> config::Instance {
    let net = format!("10.0.0.{vrid}/24").parse().unwrap();
    config::Instance {
        priority,
        addresses: vec![VirtualAddress::new(net, "eth0")],
        ..config::Instance::new(name, "eth0", Vrid::new(vrid).unwrap())
    }
}

fn config(instances: Vec<config::Instance>) -> Event {
    Event::Config(Box::new(config::Config { instances, ..config::Config::default() }))
}

fn link(up: bool, addresses: &[&str]) -> Event {
    let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Event::Link(Link { name: "eth0".into(), index: IfIndex(2), up, addresses })
}

fn received(payload: Vec<u8>, source: &str, ttl: u8) -> Event {
    let (source, destination) = (source.parse().unwrap(), "224.0.0.18".parse().unwrap());
    Event::Received(Received { interface: IfIndex(2), source, destination, ttl, payload })
}

fn advert(vrid: u8, priority: u8) -> Vec<u8> {
    let advert = Advert {
        vrid: Vrid::new(vrid).unwrap(),
        priority,
        addresses: [IpAddr::from([10, 0, 0, vrid])].into(),
        body: Body::V2 { interval: Secs(1), auth: Authentication::None },
    };
    advert.encode("10.0.0.250".parse().unwrap(), "224.0.0.18".parse().unwrap())
}

/// A router with `n` backups on eth0, VRIDs and names from 1.
fn router(n: u8) -> Router {
    let mut router = Router::default();
    let mut out = vec![];
    router.handle(START, link(true, &["10.0.0.251/24"]), &mut out);
    let all = (1..=n).map(|vrid| instance(&vrid.to_string(), vrid, 100)).collect();
    router.handle(START, config(all), &mut out);
    router
}

fn states(router: &Router) -> Vec<StateKind> {
    router.instances().map(Instance::state).collect()
}

fn reports(out: &[Action]) -> Vec<&Report> {
    out.iter()
        .filter_map(|a| if let Action::Report { report, .. } = a { Some(report) } else { None })
        .collect()
}

#[test]
fn an_advert_concerns_its_vrid_only() {
    let mut router = router(3);
    let later = START + Duration::from_secs(3);
    let mut out = vec![];
    router.handle(later, received(advert(2, 200), "10.0.0.250", 255), &mut out);
    assert_eq!(out, []);
    router.handle_timeout(later + Duration::from_secs(1), &mut out);
    assert_eq!(states(&router), [StateKind::Master, StateKind::Backup, StateKind::Master]);
    assert_eq!(router.instance("2").map(|i| i.stats().adverts_received), Some(1));
}

#[test]
fn adverts_of_strangers_and_from_afar_are_refused() {
    let mut router = router(1);
    let mut out = vec![];
    router.handle(START, received(advert(1, 200), "10.0.0.250", 254), &mut out);
    router.handle(START, received(advert(9, 200), "10.0.0.250", 255), &mut out);
    let source = "10.0.0.250".parse().unwrap();
    assert_eq!(
        reports(&out),
        [
            &Report::Discarded { source, reason: Discard::Ttl(254) },
            &Report::Discarded { source, reason: Discard::UnknownVrid(9) }
        ]
    );
    assert_eq!((router.stats().discarded.ttl, router.stats().discarded.unknown_vrid), (1, 1));
}

#[test]
fn a_missing_interface_is_a_fault_until_it_appears() {
    let mut router = Router::default();
    let mut out = vec![];
    router.handle(START, config(vec![instance("VI", 1, 100)]), &mut out);
    assert!(reports(&out).contains(&&Report::Faulty(Fault::NoInterface)));
    assert_eq!(router.next_timeout(), None);
    out.clear();
    router.handle(START, link(false, &["10.0.0.251/24"]), &mut out);
    assert_eq!(reports(&out), [&Report::Faulty(Fault::InterfaceDown)]);
    router.handle(START, link(true, &[]), &mut out);
    assert_eq!(states(&router), [StateKind::Fault]);
    router.handle(START, link(true, &["10.0.0.251/24"]), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    router.handle(START, Event::LinkGone { name: "eth0".into() }, &mut out);
    assert_eq!(states(&router), [StateKind::Fault]);
    // It comes back as another interface of the same name.
    let again = Link {
        name: "eth0".into(),
        index: IfIndex(7),
        up: true,
        addresses: vec!["10.0.0.251/24".parse().unwrap()],
    };
    router.handle(START, Event::Link(again), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    out.clear();
    router.handle(START, received(advert(1, 200), "10.0.0.250", 255), &mut out);
    assert_eq!(router.stats().discarded.unknown_vrid, 1, "the old index is nobody's");
}

#[test]
fn a_virtual_address_left_behind_is_no_source() {
    let mut router = Router::default();
    let mut out = vec![];
    router.handle(START, link(true, &["10.0.0.1/24", "10.0.0.251/24"]), &mut out);
    router.handle(START, config(vec![instance("VI", 1, 100)]), &mut out);
    router.handle_timeout(START + Duration::from_secs(4), &mut out);
    let source =
        out.iter().find_map(|a| if let Action::Advertise { source, .. } = a { Some(*source) } else { None });
    assert_eq!(source, Some("10.0.0.251".parse().unwrap()));
}

#[test]
fn an_address_removed_by_hand_is_set_again_by_the_master_only() {
    let mut router = router(2);
    let mut out = vec![];
    let now = START + Duration::from_secs(3);
    router.handle(now, received(advert(2, 200), "10.0.0.250", 255), &mut out);
    router.handle_timeout(now + Duration::from_secs(1), &mut out);
    router.handle(now, link(true, &["10.0.0.251/24", "10.0.0.1/24", "10.0.0.2/24"]), &mut out);
    out.clear();
    router.handle(now, link(true, &["10.0.0.251/24"]), &mut out);
    let set: Vec<_> = out
        .iter()
        .filter_map(|a| if let Action::SetAddresses { instance, .. } = a { Some(&**instance) } else { None })
        .collect();
    assert_eq!(set, ["1"]);
}

#[test]
fn an_interface_that_was_replaced_unseen_begins_anew() {
    // A driver that was busy hears only of the new one, and never heard that the address had been set.
    let replaced = |name: &str| {
        let addresses = vec!["10.0.0.251/24".parse().unwrap()];
        Event::Link(Link { name: name.into(), index: IfIndex(7), up: true, addresses })
    };
    let mut router = router(1);
    let mut out = vec![];
    let now = START + Duration::from_secs(4);
    router.handle_timeout(now, &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    router.handle(now, replaced("eth0"), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    out.clear();
    router.handle_timeout(now + Duration::from_secs(4), &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    assert!(out.iter().any(|a| matches!(a, Action::Advertise { interface: IfIndex(7), .. })));
    assert!(out.iter().any(|a| matches!(a, Action::SetAddresses { .. })));
}

#[test]
fn an_interface_that_only_has_addresses_gets_them_again_when_it_was_replaced() {
    let elsewhere = |index: u32| {
        let addresses = vec!["10.1.0.251/24".parse().unwrap()];
        Event::Link(Link { name: "eth1".into(), index: IfIndex(index), up: true, addresses })
    };
    let mut config_of_one = instance("1", 1, 100);
    config_of_one.addresses[0].interface = "eth1".into();
    let mut router = router(0);
    let mut out = vec![];
    router.handle(START, elsewhere(3), &mut out);
    router.handle(START, config(vec![config_of_one]), &mut out);
    let now = START + Duration::from_secs(4);
    router.handle_timeout(now, &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    out.clear();
    router.handle(now, elsewhere(4), &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    assert!(out.iter().any(|a| matches!(a, Action::SetAddresses { .. })));
}

#[test]
fn a_reload_touches_only_what_changed() {
    let mut router = router(4);
    let mut out = vec![];
    let now = START + Duration::from_secs(4);
    router.handle_timeout(now, &mut out);
    out.clear();
    let schedule = router.instance("1").and_then(Instance::next_timeout);
    // 2 is gone, 3 has moved to another VRID, 5 is new.
    let new =
        vec![instance("1", 1, 100), instance("3", 33, 100), instance("4", 4, 90), instance("5", 5, 100)];
    let later = now + Duration::from_millis(500);
    router.handle(later, config(new), &mut out);
    let spoken: Vec<(String, u8)> = out
        .iter()
        .filter_map(|a| match a {
            Action::Advertise { instance, advert, .. } => Some((instance.to_string(), advert.priority)),
            _ => None,
        })
        .collect();
    assert_eq!(spoken, [("2".into(), 0), ("3".into(), 0), ("4".into(), 90)]);
    assert_eq!(router.instance("1").and_then(Instance::next_timeout), schedule);
    let state = |name: &str| router.instance(name).map(Instance::state);
    assert_eq!(state("1"), Some(StateKind::Master));
    assert_eq!(state("2"), None);
    assert_eq!(state("3"), Some(StateKind::Backup));
    assert_eq!(state("4"), Some(StateKind::Master));
    assert_eq!(state("5"), Some(StateKind::Backup));
}

#[test]
fn stop_takes_everything_back() {
    let mut router = router(2);
    let mut out = vec![];
    router.handle_timeout(START + Duration::from_secs(4), &mut out);
    out.clear();
    router.handle(START, Event::Stop, &mut out);
    let zeros = out.iter().filter(|a| matches!(a, Action::Advertise { advert, .. } if advert.priority == 0));
    assert_eq!(zeros.count(), 2);
    assert_eq!(out.iter().filter(|a| matches!(a, Action::RemoveAddresses { .. })).count(), 2);
    assert_eq!((router.next_timeout(), router.instances().count()), (None, 0));
}

#[test]
fn a_step_does_not_look_at_every_instance() {
    // Not a measurement: only deadlines that are due are taken from the queue.
    let mut router = router(250);
    let mut out = vec![];
    for vrid in 1..=249 {
        router.handle(
            START + Duration::from_secs(1),
            received(advert(vrid, 200), "10.0.0.250", 255),
            &mut out,
        );
    }
    router.handle_timeout(START + Duration::from_secs(4), &mut out);
    assert_eq!(out.iter().filter(|a| matches!(a, Action::Advertise { .. })).count(), 1);
    assert_eq!(router.deadlines.len(), 250);
}

/// Everything a router knows but its counters.
#[derive(Debug, PartialEq)]
struct Mind {
    states: Vec<StateKind>,
    timeouts: Vec<Option<Instant>>,
    deadlines: BTreeSet<(Instant, Id)>,
}

fn mind(router: &Router) -> Mind {
    let timeouts = router.instances().map(Instance::next_timeout).collect();
    Mind { states: states(router), timeouts, deadlines: router.deadlines.clone() }
}

proptest! {
    #[test]
    fn garbage_is_counted_and_changes_nothing(
        bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0..20usize, flip in (0..20usize, 1..=255u8),
    ) {
        let mut router = router(3);
        let before = mind(&router);
        let truncated = advert(1, 200)[..cut].to_vec();
        let mut flipped = advert(1, 200);
        flipped[flip.0] ^= flip.1;
        let mut out = vec![];
        let packets = [bytes, truncated, flipped];
        for packet in packets.clone() {
            router.handle(START + Duration::from_secs(1), received(packet, "10.0.0.250", 255), &mut out);
        }
        prop_assert_eq!(mind(&router), before);
        let per_instance: u64 = router.instances().map(|i| i.stats().discarded.total()).sum();
        let counted = router.stats().malformed.total() + router.stats().discarded.total() + per_instance;
        prop_assert_eq!(counted, packets.len() as u64);
        prop_assert_eq!(reports(&out).len(), packets.len());
    }
}

#[test]
fn what_happened_can_be_recorded_and_replayed() {
    let run = |events: Vec<Event>| {
        let (mut router, mut out) = (Router::default(), vec![]);
        for event in events {
            router.handle(START, event, &mut out);
        }
        router.handle_timeout(START + Duration::from_secs(4), &mut out);
        out
    };
    let events = vec![
        link(true, &["10.0.0.251/24"]),
        config(vec![instance("VI", 1, 100)]),
        received(advert(1, 0), "10.0.0.250", 255),
    ];
    let recorded = serde_json::to_string(&events).unwrap();
    let first = run(events);
    assert!(first.iter().any(|a| matches!(a, Action::Announce { .. })));
    let text = serde_json::to_string(&first).unwrap();
    assert_eq!(serde_json::from_str::<Actions>(&text).unwrap(), first);
    assert_eq!(run(serde_json::from_str(&recorded).unwrap()), first);
}
