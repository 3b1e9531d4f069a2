//! What the router finds for a packet, an interface, a reload; and that garbage changes nothing.

use super::super::event::{
    Address, AddressList, AddressState, Change, Discard, Fault, Link, LinkKind, Make, Received, Refusal,
    Reloaded, Report, Settings, Snapshot, StateKind,
};
use super::super::packet::{Advert, Authentication, Body, Secs};
use super::*;
use crate::net::MacAddr;
use crate::vrrp::config;
use crate::vrrp::kernel::Outcome;
use crate::vrrp::track;
use proptest::prelude::*;
use std::time::Duration;

mod addresses;
mod counters;
mod entries;
mod groups;
mod links;
mod spread;
mod startup;
mod strays;
mod tracking;
mod unicast;

const START: Instant = Instant::from_nanos(1_000_000_000);

fn instance(name: &str, vrid: u8, priority: u8) -> config::Instance {
    let net = format!("10.0.0.{vrid}/24").parse().unwrap();
    config::Instance {
        priority,
        addresses: vec![VirtualAddress::new(net, "eth0")],
        ..config::Instance::new(name, "eth0", Vrid::new(vrid).unwrap())
    }
}

fn config(instances: Vec<config::Instance>) -> Event<'static> {
    Event::Config(Box::new(config::Config { instances, ..config::Config::default() }))
}

/// An instance of IPv6 with a VMAC, and that as it is made on `eth0`.
fn with_vmac_v6() -> (config::Instance, Link) {
    let mut instance = instance("VI", 51, 100);
    instance.link.vmac = Some(config::Vmac::default());
    (instance.family, instance.version) = (Family::V6, config::Version::V3);
    instance.addresses = vec![VirtualAddress::new("fe80::51/64".parse().unwrap(), "eth0")];
    let kind = LinkKind::PrivateMacvlan;
    let vmac = Link {
        mac: Some(MacAddr([0, 0, 0x5e, 0, 2, 51])),
        make: Make { kind, below: Some(IfIndex(2)), ours: true, ..Make::default() },
        ..named_link("vrrp.51", 3, true)
    };
    (instance, vmac)
}

fn named_link(name: &str, index: u32, up: bool) -> Link {
    Link {
        name: name.into(),
        index: IfIndex(index),
        up,
        mtu: 1500,
        mac: Some(MacAddr([2; 6])),
        forwards: false,
        make: Make::default(),
        v4: Settings::default(),
        table: None,
    }
}

fn address_event(index: u32, net: &str) -> Event<'static> {
    let net = net.parse().unwrap();
    Event::Address(Address {
        interface: IfIndex(index),
        net,
        peer: None,
        state: AddressState::Usable,
        ours: false,
    })
}

/// eth0 as it is now, with nothing but these addresses.
fn link(up: bool, addresses: &[&str]) -> Event<'static> {
    links(&[(named_link("eth0", 2, up), addresses)])
}

fn links(all: &[(Link, &[&str])]) -> Event<'static> {
    let mut snapshot = Snapshot::default();
    for (link, addresses) in all {
        let interface = link.index;
        snapshot.links.push(link.clone());
        snapshot.addresses.extend(addresses.iter().map(|net| Address {
            interface,
            net: net.parse().unwrap(),
            peer: None,
            state: AddressState::Usable,
            ours: false,
        }));
    }
    Event::Snapshot(Box::new(snapshot))
}

fn received(payload: Vec<u8>, source: &str, ttl: u8) -> Event<'static> {
    let (source, destination) = (source.parse().unwrap(), "224.0.0.18".parse().unwrap());
    Event::Received(Received::on(IfIndex(2), source, destination, ttl, payload))
}

/// Takes an event in, and all that follows from it, on a kernel that does what it is asked.
fn handle(router: &mut Router, now: Instant, event: Event<'_>, out: &mut Actions) {
    router.handle(now, event, out);
    while router.step(now, out) {}
    obey(router, now, out);
}

fn timeout(router: &mut Router, now: Instant, out: &mut Actions) {
    router.handle_timeout(now, now, out);
    obey(router, now, out);
}

/// Makes the changes that the actions from the last call on ask for.
fn obey(router: &mut Router, now: Instant, out: &mut Actions) {
    let wanted: Vec<(Name, Shared<[VirtualAddress]>)> = out
        .iter()
        .filter_map(|a| match a {
            Action::Apply { instance, addresses } => Some((instance.clone(), addresses.clone())),
            _ => None,
        })
        .collect();
    for (instance, addresses) in wanted {
        for address in addresses.iter() {
            for change in planned(router, address) {
                router.changed(now, &instance, change, None);
            }
        }
    }
}

fn planned(router: &Router, address: &VirtualAddress) -> Vec<Change> {
    let mut changes = vec![];
    router.plan(address, &mut changes);
    changes
}

fn adverts(out: &[Action]) -> Vec<(String, u8)> {
    out.iter()
        .filter_map(|a| match a {
            Action::Advertise { instance, packet } => Some((instance.to_string(), packet.bytes()[2])),
            _ => None,
        })
        .collect()
}

fn applied(out: &[Action]) -> Vec<&str> {
    out.iter()
        .filter_map(|a| if let Action::Apply { instance, .. } = a { Some(&**instance) } else { None })
        .collect()
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
    handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
    let all = (1..=n).map(|vrid| instance(&vrid.to_string(), vrid, 100)).collect();
    handle(&mut router, START, config(all), &mut out);
    router
}

/// A router with eth0 and eth1, whose only instance is master.
fn master_beside_eth1(instance: config::Instance) -> Router {
    let mut router = Router::default();
    let mut out = vec![];
    let both = links(&[
        (named_link("eth0", 2, true), &["10.0.0.251/24"]),
        (named_link("eth1", 3, true), &["10.1.0.251/24"]),
    ]);
    handle(&mut router, START, both, &mut out);
    handle(&mut router, START, config(vec![instance]), &mut out);
    timeout(&mut router, START + Duration::from_secs(4), &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
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
    handle(&mut router, later, received(advert(2, 200), "10.0.0.250", 255), &mut out);
    assert_eq!(out, []);
    timeout(&mut router, later + Duration::from_secs(1), &mut out);
    assert_eq!(states(&router), [StateKind::Master, StateKind::Backup, StateKind::Master]);
    assert_eq!(router.instance("2").map(|i| i.stats().adverts_received), Some(1));
}

#[test]
fn adverts_of_strangers_and_from_afar_are_refused() {
    let mut router = router(1);
    let mut out = vec![];
    handle(&mut router, START, received(advert(1, 200), "10.0.0.250", 254), &mut out);
    handle(&mut router, START, received(advert(9, 200), "10.0.0.250", 255), &mut out);
    let source = "10.0.0.250".parse().unwrap();
    assert_eq!(reports(&out), [&Report::Discarded { source, is_known: false, reason: Discard::Ttl(254) }]);
    let discarded = &router.instance("1").unwrap().stats().discarded;
    assert_eq!((discarded.ttl, router.stats().discarded.unknown_vrid), (1, 1));
    // `log_unknown_vrids`
    router.tells_strangers = true;
    out.clear();
    handle(&mut router, START, received(advert(9, 200), "10.0.0.250", 255), &mut out);
    let reason = Discard::UnknownVrid(9);
    assert_eq!(reports(&out), [&Report::Discarded { source, is_known: false, reason }]);
}

#[test]
fn a_missing_interface_is_a_fault_until_it_appears() {
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, config(vec![instance("VI", 1, 100)]), &mut out);
    let faults = |out: &[Action]| -> Vec<Fault> {
        let fault = |report: &&Report| match report {
            Report::Faulty { fault, .. } => Some(fault.clone()),
            _ => None,
        };
        reports(out).iter().filter_map(fault).collect()
    };
    assert_eq!(faults(&out), [Fault::NoInterface("eth0".into())]);
    assert_eq!(router.next_timeout(), None);
    out.clear();
    handle(&mut router, START, link(false, &["10.0.0.251/24"]), &mut out);
    assert_eq!(faults(&out), [Fault::InterfaceDown("eth0".into())]);
    handle(&mut router, START, link(true, &[]), &mut out);
    assert_eq!(states(&router), [StateKind::Fault]);
    handle(&mut router, START, address_event(2, "10.0.0.251/24"), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    handle(&mut router, START, Event::LinkGone(IfIndex(2)), &mut out);
    assert_eq!(states(&router), [StateKind::Fault]);
    // It comes back as another interface of the same name.
    handle(&mut router, START, Event::Link(named_link("eth0", 7, true)), &mut out);
    handle(&mut router, START, address_event(7, "10.0.0.251/24"), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    out.clear();
    handle(&mut router, START, received(advert(1, 200), "10.0.0.250", 255), &mut out);
    assert_eq!(router.stats().discarded.unknown_vrid, 1, "the old index is nobody's");
}

#[test]
fn an_interface_that_was_replaced_unseen_begins_anew() {
    // A driver that was busy hears only of the new one, and never heard that the address had been set.
    let mut router = router(1);
    let mut out = vec![];
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    handle(&mut router, now, Event::Link(named_link("eth0", 7, true)), &mut out);
    handle(&mut router, now, address_event(7, "10.0.0.251/24"), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    out.clear();
    timeout(&mut router, now + Duration::from_secs(4), &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    let leaves_there =
        |a: &Action| matches!(a, Action::Advertise { packet, .. } if packet.interface == Some(IfIndex(7)));
    assert!(out.iter().any(leaves_there));
    assert_eq!(applied(&out), ["1"]);
}

#[test]
fn a_socket_that_can_not_be_opened_is_a_fault_until_it_can() {
    let mut router = router(2);
    let mut out = vec![];
    let group = "224.0.0.18".parse().unwrap();
    let listen = Listen {
        interface: Some(IfIndex(2)),
        family: Family::V4,
        protocol: Protocol::Vrrp,
        group: Some(group),
    };
    let refused = || Event::ListenRefused { listen, reason: "no memory".into() };
    handle(&mut router, START, refused(), &mut out);
    assert_eq!(states(&router), [StateKind::Fault; 2]);
    let detail = Some("no memory".into());
    let fault = Fault::Deaf("eth0".into());
    assert!(reports(&out).contains(&&Report::Faulty { fault, detail }));
    let mut now = START;
    for _ in 0..2 {
        now += RETRY;
        out.clear();
        timeout(&mut router, now, &mut out);
        assert_eq!(out, [Action::Listen(listen)]);
        out.clear();
        handle(&mut router, now, refused(), &mut out);
        assert_eq!(out, [], "said once");
    }
    router.listens(now, listen, &mut out);
    assert_eq!(states(&router), [StateKind::Backup; 2]);
}

#[test]
fn instances_whose_addresses_serve_virtual_servers_wait_for_the_table() {
    let serving = ["10.0.0.1".parse().unwrap()].into();
    let instances = vec![instance("1", 1, 100), instance("2", 2, 100)];
    let event = Event::Config(Box::new(config::Config { instances, serving, ..config::Config::default() }));
    let mut router = router(0);
    let mut out = vec![];
    handle(&mut router, START, Event::Table(Table::Unavailable("no ip_vs".into())), &mut out);
    handle(&mut router, START, event, &mut out);
    assert_eq!(states(&router), [StateKind::Fault, StateKind::Backup]);
    let detail = Some("no ip_vs".into());
    assert!(reports(&out).contains(&&Report::Faulty { fault: Fault::NoTable, detail }));
    handle(&mut router, START, Event::Table(Table::Writable), &mut out);
    assert_eq!(states(&router), [StateKind::Backup, StateKind::Backup]);
}

#[test]
fn while_nobody_knows_of_the_table_such_instances_say_nothing() {
    let serving = ["10.0.0.1".parse().unwrap()].into();
    let instances = vec![instance("1", 1, 255), instance("2", 2, 100)];
    let event = Event::Config(Box::new(config::Config { instances, serving, ..config::Config::default() }));
    let unavailable = Event::Table(Table::Unavailable("no ip_vs".into()));
    for (news, state) in [
        (Some(Event::Table(Table::Writable)), StateKind::Master),
        (Some(unavailable), StateKind::Fault),
        (None, StateKind::Fault),
    ] {
        let mut router = router(0);
        let mut out = vec![];
        handle(&mut router, START, Event::Table(Table::Pending), &mut out);
        handle(&mut router, START, event.clone(), &mut out);
        timeout(&mut router, START + Duration::from_secs(4), &mut out);
        assert_eq!(states(&router), [StateKind::Init, StateKind::Master]);
        assert!(adverts(&out).iter().all(|(name, _)| name == "2"), "{out:?}");
        match news {
            Some(news) => handle(&mut router, START + Duration::from_secs(4), news, &mut out),
            None => timeout(&mut router, START + Duration::from_secs(6), &mut out),
        }
        assert_eq!(states(&router)[0], state);
        assert_eq!(adverts(&out).iter().any(|(name, _)| name == "1"), state == StateKind::Master);
    }
}

#[test]
fn a_renamed_instance_is_the_same_virtual_router() {
    let mut router = router(2);
    let mut out = vec![];
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    out.clear();
    // The two even exchange their names.
    let new = vec![instance("2", 1, 100), instance("other", 2, 100)];
    handle(&mut router, now, config(new), &mut out);
    assert_eq!(states(&router), [StateKind::Master, StateKind::Master]);
    assert_eq!(adverts(&out), [("2".into(), 100), ("other".into(), 100)], "no priority 0");
    assert_eq!(router.instance("2").map(|i| i.config().vrid.get()), Some(1));
    assert_eq!(router.instance("1"), None);
    assert!(reports(&out).contains(&&Report::Renamed { to: "other".into() }));
}

#[test]
fn a_change_of_version_or_source_or_group_keeps_the_master() {
    let changes: [fn(&mut config::Instance); 3] = [
        |c| c.version = config::Version::V3,
        |c| c.source = Some("10.0.0.77".parse().unwrap()),
        |c| c.mcast_dst_ip = Some("224.0.0.99".parse().unwrap()),
    ];
    for change in changes {
        let mut router = router(1);
        let mut out = vec![];
        let now = START + Duration::from_secs(4);
        timeout(&mut router, now, &mut out);
        out.clear();
        let mut changed = instance("1", 1, 100);
        change(&mut changed);
        handle(&mut router, now, config(vec![changed]), &mut out);
        assert_eq!(states(&router), [StateKind::Master]);
        assert!(adverts(&out).iter().all(|(_, priority)| *priority == 100), "{out:?}");
    }
}

#[test]
fn a_change_of_interface_says_goodbye_where_it_was() {
    let mut router = master_beside_eth1(instance("1", 1, 100));
    let mut out = vec![];
    let moved = config::Instance { interface: Some("eth1".into()), ..instance("1", 1, 100) };
    handle(&mut router, START, config(vec![moved]), &mut out);
    let goodbye = out.iter().position(
        |a| matches!(a, Action::Advertise { packet, .. } if packet.bytes()[2] == 0 && packet.interface == Some(IfIndex(2))),
    );
    let closed = out.iter().position(|a| matches!(a, Action::Unlisten(l) if l.interface == Some(IfIndex(2))));
    assert!(goodbye.unwrap() < closed.unwrap());
    assert_eq!(states(&router), [StateKind::Backup]);
}

#[test]
fn adverts_of_one_vrid_in_two_groups_reach_their_own_instance() {
    let group: IpAddr = "224.0.0.99".parse().unwrap();
    let other = config::Instance { mcast_dst_ip: Some(group), ..instance("2", 1, 100) };
    let mut router = router(0);
    let mut out = vec![];
    handle(&mut router, START, config(vec![instance("1", 1, 100), other]), &mut out);
    let payload = Advert::decode(&advert(1, 200), "10.0.0.250".parse().unwrap(), group).unwrap();
    let payload = payload.encode("10.0.0.250".parse().unwrap(), group);
    let source = "10.0.0.250".parse().unwrap();
    let received = Received::on(IfIndex(2), source, group, 255, payload);
    handle(&mut router, START, Event::Received(received), &mut out);
    let believed = |name: &str| router.instance(name).map(|i| i.stats().adverts_received);
    assert_eq!((believed("1"), believed("2")), (Some(0), Some(1)));
}

#[test]
fn a_reload_touches_only_what_changed() {
    let mut router = router(4);
    let mut out = vec![];
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    out.clear();
    let schedule = router.instance("1").and_then(Instance::next_timeout);
    // 2 is gone, 3 has moved to another VRID, 5 is new.
    let new =
        vec![instance("1", 1, 100), instance("3", 33, 100), instance("4", 4, 90), instance("5", 5, 100)];
    let later = now + Duration::from_millis(500);
    handle(&mut router, later, config(new), &mut out);
    assert_eq!(adverts(&out), [("2".into(), 0), ("3".into(), 0), ("4".into(), 90)]);
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
    timeout(&mut router, START + Duration::from_secs(4), &mut out);
    out.clear();
    handle(&mut router, START, Event::Stop, &mut out);
    assert_eq!(adverts(&out), [("1".into(), 0), ("2".into(), 0)]);
    assert_eq!(applied(&out), ["1", "2"]);
    assert!(!router.kernel.holds(&instance("1", 1, 100).addresses[0]));
    assert_eq!((router.next_timeout(), router.instances().count()), (None, 0));
}

#[test]
fn a_step_does_not_look_at_every_instance() {
    // Not a measurement: only deadlines that are due are taken from the queue.
    let mut router = router(250);
    let mut out = vec![];
    for vrid in 1..=249 {
        handle(
            &mut router,
            START + Duration::from_secs(1),
            received(advert(vrid, 200), "10.0.0.250", 255),
            &mut out,
        );
    }
    timeout(&mut router, START + Duration::from_secs(4), &mut out);
    assert_eq!(out.iter().filter(|a| matches!(a, Action::Advertise { .. })).count(), 1);
    assert_eq!(router.deadlines.len(), 250);
}

/// Everything a router knows but its counters.
#[derive(Debug, PartialEq)]
struct Mind {
    states: Vec<StateKind>,
    timeouts: Vec<Option<Instant>>,
    next: Option<Instant>,
}

fn mind(router: &Router) -> Mind {
    let timeouts = router.instances().map(Instance::next_timeout).collect();
    Mind { states: states(router), timeouts, next: router.next_timeout() }
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
            handle(&mut router, START + Duration::from_secs(1), received(packet, "10.0.0.250", 255), &mut out);
        }
        prop_assert_eq!(mind(&router), before);
        let per_instance: u64 =
            router.instances().map(|i| i.stats().discarded.total() + i.stats().malformed.total()).sum();
        let counted = router.stats().malformed.total() + router.stats().discarded.total() + per_instance;
        prop_assert_eq!(counted, packets.len() as u64);
        prop_assert_eq!(reports(&out).len(), packets.len());
    }
}

#[test]
fn what_happened_can_be_recorded_and_replayed() {
    let run = |events: Vec<Event<'_>>| {
        let (mut router, mut out) = (Router::default(), vec![]);
        for event in events {
            handle(&mut router, START, event, &mut out);
        }
        timeout(&mut router, START + Duration::from_secs(4), &mut out);
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
