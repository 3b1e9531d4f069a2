//! Unicast: who is heard where, from whom, and through how many routers; several instances of one VRID.

use super::*;
use crate::vrrp::config::rule::{Rule, RuleAction, Suppress};
use crate::vrrp::config::{OldChecksum, Peer, Unicast, Version};
use crate::vrrp::packet::{Centis, Sum};

const OURS: &str = "10.0.0.251";
const PEER: &str = "10.0.0.250";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn peer(address: &str) -> Peer {
    Peer { address: ip(address), min_ttl: 0, max_ttl: 255 }
}

/// An instance that speaks to these.
fn unicast(name: &str, vrid: u8, peers: &[&str]) -> config::Instance {
    let unicast = Unicast { peers: peers.iter().map(|p| peer(p)).collect(), ..Unicast::default() };
    config::Instance { unicast: Some(Box::new(unicast)), ..instance(name, vrid, 100) }
}

fn without_interface(name: &str, vrid: u8, source: &str, peers: &[&str]) -> config::Instance {
    config::Instance { interface: None, source: Some(ip(source)), ..unicast(name, vrid, peers) }
}

fn change(mut instance: config::Instance, change: impl FnOnce(&mut Unicast)) -> config::Instance {
    change(instance.unicast.as_mut().unwrap());
    instance
}

fn start(instances: Vec<config::Instance>) -> (Router, Actions) {
    let (mut router, mut out) = (router(0), vec![]);
    handle(&mut router, START, config(instances), &mut out);
    (router, out)
}

/// `lo` with this address.
fn add_to_lo(router: &mut Router, net: &str) {
    handle(router, START, Event::Link(named_link("lo", 1, true)), &mut vec![]);
    handle(router, START, address_event(1, net), &mut vec![]);
}

/// An advert of version 2 for VRID 1.
fn from(interface: Option<u32>, source: &str, destination: &str, ttl: u8) -> Event<'static> {
    let payload = advert(1, 200).into();
    let (protocol, header) = (Protocol::Vrrp, b""[..].into());
    let (source, destination) = (ip(source), ip(destination));
    let interface = interface.map(IfIndex);
    Event::Received(Received { interface, source, destination, ttl, protocol, header, payload })
}

fn believed(router: &Router, name: &str) -> u64 {
    router.instance(name).unwrap().stats().adverts_received
}

fn listens(out: &[Action]) -> Vec<Listen> {
    out.iter().filter_map(|a| if let Action::Listen(l) = a { Some(*l) } else { None }).collect()
}

fn first_packet(router: &mut Router) -> super::super::super::event::Packet {
    let mut out = vec![];
    timeout(router, START + Duration::from_secs(4), &mut out);
    let packets = out.into_iter().filter_map(|a| match a {
        Action::Advertise { packet, .. } => Some(packet),
        _ => None,
    });
    packets.last().unwrap()
}

#[test]
fn unicast_is_heard_without_a_group_and_sent_to_each_peer() {
    let (mut router, out) = start(vec![unicast("1", 1, &[PEER, "10.0.0.249"])]);
    let (family, protocol) = (Family::V4, Protocol::Vrrp);
    let listen = Listen { interface: Some(IfIndex(2)), family, protocol, group: None };
    assert_eq!(listens(&out), [listen]);
    let packet = first_packet(&mut router);
    assert_eq!((packet.interface, packet.source, packet.ttl), (Some(IfIndex(2)), ip(OURS), None));
    let to: Vec<IpAddr> = packet.copies.iter().map(|copy| copy.destination).collect();
    assert_eq!(to, [ip(PEER), ip("10.0.0.249")]);
    handle(&mut router, START, from(Some(2), PEER, OURS, 64), &mut vec![]);
    assert_eq!(believed(&router, "1"), 1, "whatever its TTL");
    handle(&mut router, START, from(Some(2), PEER, "224.0.0.18", 255), &mut vec![]);
    handle(&mut router, START, from(Some(2), PEER, "10.0.0.252", 255), &mut vec![]);
    assert_eq!(router.instance("1").unwrap().stats().discarded.destination, 2);
}

#[test]
fn a_unicast_ttl_is_sent_and_without_one_255_or_the_kernels() {
    let config = change(unicast("1", 1, &[PEER]), |unicast| unicast.ttl = Some(3));
    let (mut router, _) = start(vec![config]);
    assert_eq!(first_packet(&mut router).ttl, Some(3));
    let (mut router, _) = start(vec![unicast("1", 1, &[PEER])]);
    assert_eq!(first_packet(&mut router).ttl, None, "the socket knows");
}

#[test]
fn each_copy_has_the_checksum_of_its_destination() {
    let mut config = unicast("1", 1, &[PEER, "10.0.0.249"]);
    config.version = Version::V3;
    let (mut router, _) = start(vec![config]);
    for copy in first_packet(&mut router).copies.iter() {
        assert!(Advert::decode(&copy.bytes, ip(OURS), copy.destination).is_ok());
    }
}

#[test]
fn without_an_interface_the_routes_decide_and_nothing_but_the_source_is_needed() {
    let mut config = without_interface("1", 1, "192.0.2.1", &["198.51.100.1"]);
    config.addresses[0].tracked = false;
    let (mut router, out) = start(vec![config]);
    assert_eq!(listens(&out)[0].interface, None);
    let with_lo =
        [(named_link("eth0", 2, false), &[][..]), (named_link("lo", 1, true), &["192.0.2.1/32"][..])];
    handle(&mut router, START, links(&with_lo), &mut vec![]);
    assert_eq!(states(&router), [StateKind::Backup]);
    let packet = first_packet(&mut router);
    assert_eq!((packet.interface, packet.source), (None, ip("192.0.2.1")));
    handle(&mut router, START, from(None, "198.51.100.1", "192.0.2.1", 60), &mut vec![]);
    assert_eq!(believed(&router, "1"), 1);
}

#[test]
fn a_vrf_is_the_way_of_unicast_without_an_interface() {
    let mut config = without_interface("1", 1, "192.0.2.1", &["198.51.100.1"]);
    config.link.vrf = Some("red".to_owned());
    let (mut router, mut out) = start(vec![config]);
    assert_eq!(states(&router), [StateKind::Fault]);
    add_to_lo(&mut router, "192.0.2.1/32");
    handle(&mut router, START, Event::Link(named_link("red", 9, true)), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    assert_eq!(listens(&out)[0].interface, Some(IfIndex(9)));
    assert_eq!(first_packet(&mut router).interface, Some(IfIndex(9)));
}

#[test]
fn only_peers_are_believed_where_that_is_asked_and_within_their_ttls() {
    let config = change(unicast("1", 1, &[PEER]), |unicast| {
        unicast.check_source = true;
        (unicast.peers[0].min_ttl, unicast.peers[0].max_ttl) = (62, 64);
    });
    let (mut router, mut out) = start(vec![config]);
    for ttl in [61, 62, 64, 65] {
        handle(&mut router, START, from(Some(2), PEER, OURS, ttl), &mut out);
    }
    handle(&mut router, START, from(Some(2), "10.0.0.99", OURS, 64), &mut out);
    let stats = router.instance("1").unwrap().stats();
    let counted = (stats.adverts_received, stats.discarded.ttl_range, stats.discarded.unknown_peer);
    assert_eq!(counted, (2, 2, 1));
    let reason = Discard::TtlRange { received: 61, min: 62, max: 64 };
    let first = Report::Discarded { source: ip(PEER), is_known: false, reason };
    assert!(reports(&out).contains(&&first));
}

#[test]
fn instances_of_one_vrid_are_told_apart_by_source_and_by_peers() {
    let (mut router, _) = start(vec![
        unicast("a", 1, &["10.0.0.1"]),
        unicast("b", 1, &["10.0.0.2"]),
        without_interface("c", 1, "192.0.2.1", &["10.0.0.1"]),
        config::Instance { source: Some(ip("10.0.0.77")), ..unicast("d", 1, &["10.0.0.1"]) },
        instance("multicast", 1, 100),
    ]);
    add_to_lo(&mut router, "192.0.2.1/32");
    add_to_lo(&mut router, "10.0.0.77/32");
    let heard = [
        (Some(2), "10.0.0.1", OURS, "a"),
        (Some(2), "10.0.0.2", OURS, "b"),
        (None, "10.0.0.1", "192.0.2.1", "c"),
        (Some(2), "10.0.0.1", "10.0.0.77", "d"),
        (Some(2), "10.0.0.9", "224.0.0.18", "multicast"),
    ];
    for (interface, source, destination, name) in heard {
        let before = believed(&router, name);
        handle(&mut router, START, from(interface, source, destination, 255), &mut vec![]);
        assert_eq!(believed(&router, name), before + 1, "{name}");
    }
    let all: u64 = router.instances().map(|i| i.stats().adverts_received).sum();
    assert_eq!(all, 5);
    handle(&mut router, START, from(Some(2), "10.0.0.99", OURS, 255), &mut vec![]);
    assert_eq!(router.stats().discarded.unknown_vrid, 1, "of no peer");
    // The socket without an interface hears what is for others, too.
    let mut out = vec![];
    handle(&mut router, START, from(None, "10.0.0.2", OURS, 255), &mut out);
    assert_eq!((router.stats().discarded.unknown_vrid, reports(&out)), (1, vec![]));
    assert_eq!(router.instance("c").unwrap().stats().discarded.total(), 0);
}

#[test]
fn without_peers_there_is_a_fault_where_that_is_asked() {
    let config = change(unicast("1", 1, &[]), |unicast| unicast.fault_without_peers = true);
    let (mut router, mut out) = start(vec![config]);
    assert_eq!(states(&router), [StateKind::Fault]);
    assert!(reports(&out).contains(&&Report::Faulty { fault: Fault::NoPeer, detail: None }));
    handle(&mut router, START, super::config(vec![unicast("1", 1, &[PEER])]), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
}

#[test]
fn a_configured_source_is_tracked_where_that_is_asked() {
    let mut config = instance("1", 1, 100);
    config.source = Some(ip("10.0.0.77"));
    config.link.track_source = true;
    let (mut router, mut out) = start(vec![config.clone()]);
    assert_eq!(states(&router), [StateKind::Fault]);
    let fault = Fault::NoSource(ip("10.0.0.77"));
    assert!(reports(&out).contains(&&Report::Faulty { fault, detail: None }));
    handle(&mut router, START, address_event(2, "10.0.0.77/24"), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    let net = "10.0.0.77/24".parse().unwrap();
    handle(&mut router, START, Event::AddressGone { interface: IfIndex(2), net }, &mut out);
    assert_eq!(states(&router), [StateKind::Fault]);
    // Not tracked, it need not be there.
    config.link.track_source = false;
    handle(&mut router, START, super::config(vec![config]), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    assert!(router.by_source.is_empty());
}

/// Peers send their adverts there: without it nobody is heard.
#[test]
fn a_configured_source_of_unicast_is_waited_for_wherever_it_is() {
    let mut config = unicast("1", 1, &[PEER]);
    config.source = Some(ip("10.0.0.77"));
    let (mut router, mut out) = start(vec![config]);
    assert_eq!(states(&router), [StateKind::Fault]);
    let fault = Fault::NoSource(ip("10.0.0.77"));
    assert!(reports(&out).contains(&&Report::Faulty { fault, detail: None }));
    add_to_lo(&mut router, "10.0.0.77/32");
    assert_eq!(states(&router), [StateKind::Backup]);
    timeout(&mut router, START + Duration::from_secs(4), &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    let net = "10.0.0.77/32".parse().unwrap();
    handle(
        &mut router,
        START + Duration::from_secs(5),
        Event::AddressGone { interface: IfIndex(1), net },
        &mut out,
    );
    assert_eq!(states(&router), [StateKind::Fault]);
}

#[test]
fn a_change_of_the_source_address_changes_adverts_and_whom_they_are_for() {
    let (mut router, mut out) = start(vec![unicast("1", 1, &[PEER])]);
    handle(&mut router, START, address_event(2, "10.0.0.252/24"), &mut out);
    let net = "10.0.0.251/24".parse().unwrap();
    handle(&mut router, START, Event::AddressGone { interface: IfIndex(2), net }, &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    handle(&mut router, START, from(Some(2), PEER, "10.0.0.252", 64), &mut out);
    assert_eq!(believed(&router, "1"), 1);
    timeout(&mut router, START + Duration::from_secs(4), &mut out);
    let source = |a: &Action| match a {
        Action::Advertise { packet, .. } => Some(packet.source),
        _ => None,
    };
    assert_eq!(out.iter().find_map(source), Some(ip("10.0.0.252")));
}

/// An advert of version 3 of the peer for VRID 1, summed that way.
fn summed(sum: Sum) -> Event<'static> {
    let addresses = [ip("10.0.0.1")].into();
    let body = Body::V3 { interval: Centis(100) };
    let advert = Advert { vrid: Vrid::new(1).unwrap(), priority: 200, addresses, body };
    let payload = advert.encode_with(sum, ip(PEER), ip(OURS));
    Event::Received(Received::on(IfIndex(2), ip(PEER), ip(OURS), 64, payload))
}

#[test]
fn checksums_are_those_that_the_configuration_or_the_peer_says() {
    let old = Sum::Group("224.0.0.18".parse().unwrap());
    let detect = |_: &mut config::Instance| ();
    let always = |c: &mut config::Instance| c.unicast.as_mut().unwrap().old_checksum = OldChecksum::Always;
    let never = |c: &mut config::Instance| c.unicast.as_mut().unwrap().old_checksum = OldChecksum::Never;
    let as_v2 = |c: &mut config::Instance| c.policy.v3_checksum_as_v2 = true;
    type Setting = fn(&mut config::Instance);
    // Of the three ways, which are believed, and how it speaks itself after each.
    type Ways = [(Sum, bool, Sum); 3];
    let cases: [(Setting, Ways); 4] = [
        (
            detect,
            [
                (Sum::PseudoHeader, true, Sum::PseudoHeader),
                (Sum::AsV2, true, Sum::PseudoHeader),
                (old, true, old),
            ],
        ),
        (always, [(Sum::PseudoHeader, true, old), (Sum::AsV2, true, old), (old, true, old)]),
        (
            never,
            [
                (Sum::PseudoHeader, true, Sum::PseudoHeader),
                (Sum::AsV2, true, Sum::PseudoHeader),
                (old, false, Sum::PseudoHeader),
            ],
        ),
        (
            as_v2,
            [(Sum::PseudoHeader, true, Sum::AsV2), (Sum::AsV2, true, Sum::AsV2), (old, false, Sum::AsV2)],
        ),
    ];
    for (setting, ways) in cases {
        for (theirs, accepted, ours) in ways {
            let mut config = unicast("1", 1, &[PEER]);
            config.version = Version::V3;
            setting(&mut config);
            let (mut router, mut out) = start(vec![config]);
            handle(&mut router, START, summed(theirs), &mut out);
            assert_eq!(believed(&router, "1") == 1, accepted, "{theirs:?}");
            let says_so = reports(&out).contains(&&Report::OldChecksum);
            assert_eq!(
                says_so,
                ours == old
                    && theirs == old
                    && router.instance("1").is_some_and(|i| {
                        i.config().unicast.as_ref().unwrap().old_checksum == OldChecksum::Detect
                    })
            );
            let mut again = vec![];
            handle(&mut router, START, summed(theirs), &mut again);
            let told = |out: &[Action]| {
                reports(out).iter().filter(|report| matches!(report, Report::PlainChecksum { .. })).count()
            };
            let is_new = theirs == Sum::AsV2 && ours != Sum::AsV2;
            assert_eq!((told(&out), told(&again)), (usize::from(is_new), 0), "{theirs:?}: once");
            let packet = first_packet(&mut router);
            let advert = Advert::parse_front(packet.bytes(), Family::V4).unwrap();
            assert_eq!(advert.check_sum(ours, ip(OURS), ip(PEER)), Ok(()), "{theirs:?}");
        }
    }
}

#[test]
fn sockets_have_room_for_what_their_instances_ask_for() {
    use crate::vrrp::config::RxBuffers;
    let config = |policy, first: Option<u32>, instances: usize| {
        let mut all: Vec<_> = (1..=instances).map(|n| instance(&n.to_string(), n as u8, 100)).collect();
        all[0].link.receive_buffer = first;
        let settings = config::Settings { rx_buffers: policy, ..config::Settings::default() };
        Event::Config(Box::new(config::Config { instances: all, settings, ..config::Config::default() }))
    };
    let room = |out: &[Action]| {
        let mut room =
            out.iter().filter_map(|a| if let Action::Buffer { bytes, .. } = a { Some(*bytes) } else { None });
        room.next_back()
    };
    // IP header, VRRP header, an address, authentication.
    let advert = 20 + 8 + 4 + 8;
    let cases = [
        (RxBuffers::System, None, None),
        (RxBuffers::System, Some(5000), Some(5000)),
        (RxBuffers::Bytes(700), None, Some(1400)),
        (RxBuffers::Bytes(700), Some(5000), Some(5700)),
        (RxBuffers::Mtu, None, Some(2 * 3 * 1500)),
        (RxBuffers::Advert, None, Some(2 * 3 * advert)),
    ];
    for (policy, first, expected) in cases {
        let (mut router, mut out) = (router(0), vec![]);
        handle(&mut router, START, config(policy, first, 2), &mut out);
        assert_eq!(room(&out), expected, "{policy:?}");
        // The second one goes.
        handle(&mut router, START, config(policy, first, 1), &mut out);
        let rest = expected.map(|all| first.unwrap_or(all / 2));
        assert_eq!(room(&out), rest, "{policy:?}");
    }
}

/// What an instance without any interface wants is looked at, too, when the kernel's news were lost.
#[test]
fn rules_without_an_interface_are_looked_at_when_everything_is_told_anew() {
    let (source, destination) = ("10.0.0.251", "10.0.0.250");
    let rule = Rule { protocol: Some(18), ..some_rule() };
    let entry = Entry::rule(rule.clone());
    let alone = |priority| config::Instance {
        priority,
        addresses: vec![],
        rules: vec![rule.clone()].into(),
        ..without_interface("1", 1, source, &[destination])
    };
    let planned = |router: &Router| {
        let mut changes = Vec::new();
        router.plan_entry(&entry, &mut changes);
        changes
    };
    let asks = |out: &[Action]| out.iter().any(|a| matches!(a, Action::ApplyEntries { .. }));
    let told = |rules: Vec<Rule>| {
        let Event::Snapshot(mut snapshot) = link(true, &["10.0.0.251/24"]) else { unreachable!() };
        snapshot.rules = rules;
        Event::Snapshot(snapshot)
    };
    let mut router = Router::new(false);
    let mut out = vec![];
    handle(&mut router, START, told(vec![]), &mut out);
    handle(&mut router, START, config(vec![alone(100)]), &mut out);
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Master);
    let [add] = &planned(&router)[..] else { panic!("{:?}", planned(&router)) };
    router.changed(now, &"1".into(), add.clone(), None);
    out.clear();
    // It is there: nothing to do. It is gone: it is set again.
    handle(&mut router, now, told(vec![rule.clone()]), &mut out);
    assert!(!asks(&out) && planned(&router).is_empty(), "{out:?}");
    handle(&mut router, now, told(vec![]), &mut out);
    assert!(asks(&out), "{out:?}");
    assert!(matches!(&planned(&router)[..], [Change::AddRule { .. }]), "{:?}", planned(&router));
    // What a run before has left goes at once.
    let (mut router, mut out) = (Router::new(false), vec![]);
    handle(&mut router, START, told(vec![rule.clone()]), &mut out);
    handle(&mut router, START, config(vec![alone(100)]), &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Backup);
    assert!(asks(&out), "{out:?}");
    assert!(matches!(&planned(&router)[..], [Change::RemoveRule { .. }]), "{:?}", planned(&router));
}

fn some_rule() -> Rule {
    let action = RuleAction::Table { table: 100, unless: Suppress::default(), realms: None };
    Rule { from: Some("10.9.0.0/16".parse().unwrap()), ..Rule::new(Family::V4, 1000, action) }
}
