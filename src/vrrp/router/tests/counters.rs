//! Each counter counts what it is for, and nothing else.

use super::*;
use crate::vrrp::config::Auth;
use crate::vrrp::packet::Centis;
use crate::vrrp::stats::{Discarded, Malformed, RouterStats, Seldom, Stats};
use crate::wire::internet_checksum;

const PEER: &str = "10.0.0.250";

/// An advert for VRID 1 as it reaches eth0.
fn at_eth0(payload: Vec<u8>, source: &str, destination: &str) -> Event<'static> {
    let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
    Event::Received(Received::on(IfIndex(2), source, destination, 255, payload))
}

fn encoded(priority: u8, address: [u8; 4], body: Body) -> Vec<u8> {
    let addresses = [IpAddr::from(address)].into();
    let advert = Advert { vrid: Vrid::new(1).unwrap(), priority, addresses, body };
    advert.encode(PEER.parse().unwrap(), "224.0.0.18".parse().unwrap())
}

fn v2(interval: u8, auth: Authentication) -> Body {
    Body::V2 { interval: Secs(interval), auth }
}

/// The counters of the router, and of its one instance, after this event.
fn counted(
    change: impl FnOnce(&mut config::Instance),
    up: bool,
    event: Event<'static>,
) -> (RouterStats, Stats) {
    let (mut router, mut out) = (Router::default(), vec![]);
    let mut only = instance("1", 1, 100);
    change(&mut only);
    handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
    handle(&mut router, START, config(vec![only]), &mut out);
    if !up {
        handle(&mut router, START, link(false, &["10.0.0.251/24"]), &mut out);
    }
    handle(&mut router, START, event, &mut out);
    (*router.stats(), router.instance("1").unwrap().stats().clone())
}

#[test]
fn each_reason_to_refuse_an_advert_has_its_counter() {
    let none = Discarded::default();
    let fine = || advert(1, 90);
    let to_us = |payload| at_eth0(payload, PEER, "224.0.0.18");
    let password = |text| Authentication::Pass(text);
    let mut altered = fine();
    altered[2] ^= 1;
    let of_instance = [
        (Discarded { checksum: 1, ..none }, to_us(altered)),
        (Discarded { own_packet: 1, ..none }, at_eth0(fine(), "10.0.0.251", "224.0.0.18")),
        (Discarded { destination: 1, ..none }, at_eth0(fine(), PEER, "224.0.0.99")),
        (Discarded { ttl: 1, ..none }, received(fine(), PEER, 254)),
        (
            Discarded { version: 1, ..none },
            to_us(encoded(90, [10, 0, 0, 1], Body::V3 { interval: Centis(100) })),
        ),
        (
            Discarded { auth_type: 1, ..none },
            to_us(encoded(90, [10, 0, 0, 1], v2(1, password(*b"himitsu\0")))),
        ),
        (Discarded { interval: 1, ..none }, to_us(encoded(90, [10, 0, 0, 1], v2(2, Authentication::None)))),
        (Discarded { addresses: 1, ..none }, to_us(encoded(90, [10, 0, 0, 9], v2(1, Authentication::None)))),
    ];
    for (expected, event) in of_instance {
        let (router, instance) = counted(|_| (), true, event);
        assert_eq!((*instance.discarded, instance.discarded.total()), (expected, 1));
        assert_eq!((router, instance.adverts_received), (RouterStats::default(), 0));
    }
    let (_, wrong) = counted(
        |instance| instance.auth = Some(Auth::Pass(*b"geheim\0\0")),
        true,
        to_us(encoded(90, [10, 0, 0, 1], v2(1, password(*b"himitsu\0")))),
    );
    assert_eq!(wrong.discarded, Discarded { auth_failure: 1, ..none });
    let owner = |instance: &mut config::Instance| {
        instance.priority = 255;
        instance.policy.owner_ignore_adverts = true;
    };
    let (_, ignored) = counted(owner, true, to_us(fine()));
    assert_eq!(ignored.discarded, Discarded { owner_ignores: 1, ..none });
    let (_, down) = counted(|_| (), false, to_us(fine()));
    assert_eq!(down.discarded, Discarded { not_running: 1, ..none });

    // What no instance hears of.
    let (router, instance) = counted(|_| (), true, to_us(advert(9, 90)));
    assert_eq!(router.discarded, Discarded { unknown_vrid: 1, ..none });
    assert_eq!(instance.discarded, none);
}

#[test]
fn each_way_to_be_malformed_has_its_counter() {
    let none = Malformed::default();
    let changed = |at: usize, byte: u8| {
        let mut bytes = advert(1, 90);
        bytes[at] = byte;
        bytes[6..8].fill(0);
        let sum = internet_checksum(&[&bytes]).to_be_bytes();
        bytes[6..8].copy_from_slice(&sum);
        bytes
    };
    let cases = [
        (Malformed { length: 1, ..none }, advert(1, 90)[..10].to_vec()),
        (Malformed { version: 1, ..none }, changed(0, 0x41)),
        (Malformed { r#type: 1, ..none }, changed(0, 0x22)),
        (Malformed { interval: 1, ..none }, changed(5, 0)),
    ];
    for (expected, bytes) in cases {
        let (router, instance) = counted(|_| (), true, received(bytes, PEER, 255));
        assert_eq!((*instance.malformed, instance.malformed.total()), (expected, 1));
        assert_eq!((router, instance.adverts_received), (RouterStats::default(), 0));
    }
    // Whose it is, can't be told.
    let (router, instance) = counted(|_| (), true, received(changed(1, 0), PEER, 255));
    assert_eq!(router.malformed, Malformed { vrid: 1, ..none });
    assert_eq!(instance, Stats::default());
}

#[test]
fn the_life_of_a_master_is_counted() {
    let (mut router, mut out) = (router(1), vec![]);
    let count = |router: &Router| router.instance("1").unwrap().stats().clone();
    assert_eq!(count(&router), Stats::default());
    let elected = START + Duration::from_secs(4);
    timeout(&mut router, elected, &mut out);
    assert_eq!(count(&router), Stats { adverts_sent: 1, became_master: 1, ..Stats::default() });
    handle(&mut router, elected, received(advert(1, 200), PEER, 255), &mut out);
    let expected = Stats {
        adverts_sent: 1,
        became_master: 1,
        adverts_received: 1,
        seldom: Seldom { released_master: 1, ..Seldom::default() }.into(),
        ..Stats::default()
    };
    assert_eq!(count(&router), expected);
    handle(&mut router, elected, received(advert(1, 0), PEER, 255), &mut out);
    let seldom = Seldom { released_master: 1, priority_zero_received: 1, ..Seldom::default() };
    let expected = Stats { adverts_received: 2, seldom: seldom.into(), ..expected };
    assert_eq!(count(&router), expected);
}
