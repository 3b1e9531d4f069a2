//! Routes, rules and statics: when they are wanted, and what follows when the kernel loses or refuses them.

use super::*;
use crate::vrrp::config::interface::LinkDelay;
use crate::vrrp::config::route::Route;
use crate::vrrp::config::statics::{Static, Statics};
use crate::vrrp::event::{Entry, FoundRoute, RoutePlace, Way, routing};

fn route(net: &str) -> Route {
    let mut route = Route::new(net.parse().unwrap());
    route.next_hop.interface = Some("eth0".to_owned());
    route
}

fn found(net: &str) -> FoundRoute {
    let route = route(net);
    FoundRoute {
        family: route.family,
        destination: route.destination,
        from: None,
        table: route.table,
        kind: route.kind,
        protocol: 18,
        scope: 0,
        tos: 0,
        metric: routing::metric(&route),
        preferred_source: None,
        ways: vec![Way { via: None, interface: Some(IfIndex(2)) }],
    }
}

fn change(net: &str, add: bool) -> Change {
    let place = RoutePlace { table: 254, interface: Some(IfIndex(2)), next_hops: Vec::new() };
    let Entry::Route(route) = Entry::route(route(net)) else { unreachable!() };
    if add { Change::AddRoute { route, place } } else { Change::RemoveRoute { route, place } }
}

fn with_route(name: &str, priority: u8, net: &str) -> config::Instance {
    config::Instance { routes: vec![route(net)].into(), ..instance(name, 1, priority) }
}

fn planned(router: &Router, net: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    router.plan_entry(&Entry::route(route(net)), &mut changes);
    changes
}

fn master(net: &str) -> (Router, Actions) {
    let (mut router, mut out) = (Router::new(false), Vec::new());
    handle(&mut router, START, link(true, &["10.0.0.200/24"]), &mut out);
    handle(&mut router, START, config(vec![with_route("1", 100, net)]), &mut out);
    timeout(&mut router, START + Duration::from_secs(4), &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Master);
    (router, out)
}

#[test]
fn a_master_has_its_routes_and_a_backup_has_not() {
    let net = "10.9.0.0/16";
    let (mut router, mut out) = master(net);
    let kinds: Vec<_> = out
        .iter()
        .filter_map(|action| match action {
            Action::Apply { .. } => Some("addresses"),
            Action::ApplyEntries { .. } => Some("routes"),
            Action::Announce { .. } => Some("announcements"),
            _ => None,
        })
        .collect();
    // As a backup it looks whether a predecessor has left some.
    assert_eq!(kinds, ["routes", "addresses", "addresses", "routes", "announcements"]);
    let now = START + Duration::from_secs(4);
    assert_eq!(planned(&router, net), [change(net, true)]);
    assert_eq!(router.changed(now, &"1".into(), change(net, true), None), Outcome::Set);
    assert_eq!(planned(&router, net), []);
    out.clear();
    // Somebody removes it: it is set again, and said.
    handle(&mut router, now, Event::RouteGone(found(net)), &mut out);
    assert!(matches!(&out[..], [Action::Report { .. }, Action::ApplyEntries { .. }]), "{out:?}");
    assert_eq!(planned(&router, net), [change(net, true)]);
    handle(&mut router, now, Event::Route(found(net)), &mut out);
    assert_eq!(planned(&router, net), []);
    // A reload takes it away, and another one comes.
    let other = "10.8.0.0/16";
    out.clear();
    router.handle(now, config(vec![with_route("1", 100, other)]), &mut out);
    while router.step(now, &mut out) {}
    assert_eq!(planned(&router, net), [change(net, false)]);
    assert_eq!(router.changed(now, &"1".into(), change(net, false), None), Outcome::Removed);
    assert_eq!((planned(&router, net), planned(&router, other)), (vec![], vec![change(other, true)]));
}

#[test]
fn what_a_run_before_has_left_goes_and_what_is_strange_stays() {
    let (mut router, mut out) = (Router::new(false), Vec::new());
    let mut snapshot = Snapshot { links: vec![named_link("eth0", 2, true)], ..Snapshot::default() };
    snapshot.routes = vec![found("10.9.0.0/16"), found("10.7.0.0/16")];
    handle(&mut router, START, Event::Snapshot(Box::new(snapshot)), &mut out);
    handle(&mut router, START, address_event(2, "10.0.0.200/24"), &mut out);
    handle(&mut router, START, config(vec![with_route("1", 100, "10.9.0.0/16")]), &mut out);
    let strangers = out.iter().find_map(|action| match action {
        Action::Report { instance: None, report: Report::Strangers(list) } => Some(list.to_string()),
        _ => None,
    });
    assert_eq!(strangers.as_deref(), Some("route 10.7.0.0/16"));
    assert_eq!(planned(&router, "10.9.0.0/16"), [change("10.9.0.0/16", false)]);
}

#[test]
fn what_can_t_be_set_again_is_a_fault_until_something_changes() {
    let net = "10.9.0.0/16";
    let (mut router, mut out) = master(net);
    let now = START + Duration::from_secs(4);
    let refused = Refusal::Other("network is unreachable".into());
    // At the takeover it is none: the instance does what it can.
    router.changed(now, &"1".into(), change(net, true), Some(&refused));
    timeout(&mut router, now, &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Master);
    router.changed(now, &"1".into(), change(net, true), None);
    handle(&mut router, now, Event::RouteGone(found(net)), &mut out);
    router.changed(now, &"1".into(), change(net, true), Some(&Refusal::NoMemory));
    timeout(&mut router, now, &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Master);
    // It may only lack what was removed together with it.
    router.changed(now, &"1".into(), change(net, true), Some(&refused));
    timeout(&mut router, now, &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Master);
    router.changed(now, &"1".into(), change(net, true), Some(&refused));
    timeout(&mut router, now, &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Fault);
    let later = now + Duration::from_secs(59);
    timeout(&mut router, later, &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Fault);
    timeout(&mut router, later + Duration::from_secs(2), &mut out);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Backup);
}

#[test]
fn a_route_that_went_with_what_a_reload_removes_is_no_fault() {
    let (net, now) = ("10.9.0.0/16", START + Duration::from_secs(4));
    let (mut router, mut out) = master(net);
    router.changed(now, &"1".into(), change(net, true), None);
    let removed: IpNet = "10.0.0.77/24".parse().unwrap();
    let name = "eth0".into();
    router.changes_begin(&[Change::Remove { interface: IfIndex(2), name, net: removed, peer: None }]);
    out.clear();
    handle(&mut router, now, Event::RouteGone(found(net)), &mut out);
    assert!(matches!(&out[..], [Action::ApplyEntries { .. }]), "nobody removed it: {out:?}");
    let refused = Refusal::Other("invalid argument".into());
    for _ in 0..4 {
        router.changed(now, &"1".into(), change(net, true), Some(&refused));
        timeout(&mut router, now, &mut out);
        assert_eq!(router.instance("1").unwrap().state(), StateKind::Master);
    }
    router.changes_are_over();
    router.changed(now, &"1".into(), change(net, true), None);
    out.clear();
    handle(&mut router, now, Event::RouteGone(found(net)), &mut out);
    assert!(matches!(&out[..], [Action::Report { .. }, Action::ApplyEntries { .. }]), "{out:?}");
}

#[test]
fn its_own_addresses_are_no_reason_to_try_a_lost_route_again() {
    let (net, now) = ("10.9.0.0/16", START + Duration::from_secs(4));
    let (mut router, mut out) = master(net);
    router.changed(now, &"1".into(), change(net, true), None);
    handle(&mut router, now, Event::RouteGone(found(net)), &mut out);
    for _ in 0..2 {
        let refused = Refusal::Other("network is unreachable".into());
        router.changed(now, &"1".into(), change(net, true), Some(&refused));
        timeout(&mut router, now, &mut out);
    }
    let state = |router: &Router| router.instance("1").unwrap().state();
    assert_eq!(state(&router), StateKind::Fault);
    // The kernel tells of them again when it promotes one.
    let own = instance("1", 1, 100).addresses[0].net.to_string();
    handle(&mut router, now, address_event(2, &own), &mut out);
    timeout(&mut router, now, &mut out);
    assert_eq!(state(&router), StateKind::Fault);
    handle(&mut router, now, address_event(2, "10.0.0.201/24"), &mut out);
    timeout(&mut router, now, &mut out);
    assert_eq!(state(&router), StateKind::Backup);
}

#[test]
fn a_route_whose_address_was_refused_for_a_moment_is_no_fault() {
    let net = "10.9.0.0/16";
    let address = instance("1", 1, 100).addresses[0].clone();
    let source = Some(address.net.address);
    let with_source = Route { preferred_source: source, ..route(net) };
    let (mut router, mut out) = (Router::new(false), Vec::new());
    handle(&mut router, START, link(true, &["10.0.0.200/24"]), &mut out);
    let routes = vec![with_source.clone()];
    handle(
        &mut router,
        START,
        config(vec![config::Instance { routes: routes.into(), ..instance("1", 1, 100) }]),
        &mut out,
    );
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    let place = RoutePlace { table: 254, interface: Some(IfIndex(2)), next_hops: Vec::new() };
    let Entry::Route(shared) = Entry::route(with_source) else { unreachable!() };
    let set_route = Change::AddRoute { route: shared, place };
    let set_address = Change::Add { interface: IfIndex(2), address: address.clone() };
    let name = Name::from("1");
    router.changed(now, &name, set_address.clone(), None);
    router.changed(now, &name, set_route.clone(), None);
    // Somebody takes the address, and its route goes with it.
    let gone = Event::AddressGone { interface: IfIndex(2), net: address.net };
    handle(&mut router, now, gone, &mut out);
    handle(
        &mut router,
        now,
        Event::RouteGone(FoundRoute { preferred_source: source, ..found(net) }),
        &mut out,
    );
    router.changed(now, &name, set_address, Some(&Refusal::NoMemory));
    for _ in 0..4 {
        router.changed(now, &name, set_route.clone(), Some(&Refusal::Other("invalid argument".into())));
        timeout(&mut router, now, &mut out);
        assert_eq!(router.instance("1").unwrap().state(), StateKind::Master);
    }
}

#[test]
fn statics_come_before_instances_and_go_after_them() {
    let statics = Statics {
        addresses: vec![Static {
            item: VirtualAddress::new("10.0.0.200/24".parse().unwrap(), "eth0"),
            track_group: None,
        }],
        routes: vec![Static { item: route("10.9.0.0/16"), track_group: None }],
        rules: Vec::new(),
    };
    // What is static is not mistaken for what an instance of that name wants.
    let instances = vec![instance("1", 1, 100), instance("static", 2, 100)];
    let config = config::Config { instances, statics, ..config::Config::default() };
    let (mut router, mut out) = (Router::new(false), Vec::new());
    handle(&mut router, START, link(true, &[]), &mut out);
    router.handle(START, Event::Config(Box::new(config)), &mut out);
    while router.step(START, &mut out) {}
    assert!(router.awaits_statics() && router.instances().next().is_none());
    assert!(matches!(&out[..], [Action::Apply { .. }, Action::ApplyEntries { .. }]), "{out:?}");
    let Action::Apply { addresses, .. } = &out[0] else { unreachable!() };
    let mut changes = Vec::new();
    router.plan(&addresses[0], &mut changes);
    router.plan_entry(&Entry::route(route("10.9.0.0/16")), &mut changes);
    for change in changes {
        assert_eq!(router.changed(START, &STATICS.into(), change, None), Outcome::Set);
    }
    router.statics_done();
    out.clear();
    while router.step(START, &mut out) {}
    // It has a source for its adverts at once.
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Backup);
    out.clear();
    router.handle(START, Event::Stop, &mut out);
    while router.step(START, &mut out) {}
    let last = out.iter().rev().take(2).map(|action| matches!(action, Action::Apply { instance, .. } | Action::ApplyEntries { instance, .. } if **instance == *STATICS));
    assert_eq!(last.collect::<Vec<_>>(), [true, true], "{out:?}");
    assert_eq!(planned(&router, "10.9.0.0/16"), [change("10.9.0.0/16", false)]);
}

#[test]
fn routes_that_went_with_a_link_whose_fall_nobody_is_told_of_are_set_again() {
    let (net, second) = ("10.9.0.0/16", Duration::from_secs(1));
    let delay = LinkDelay { interface: "eth0".to_owned(), down: second, up: second };
    let config = config::Config {
        instances: vec![with_route("1", 100, net)],
        link_delays: vec![delay],
        ..config::Config::default()
    };
    let (mut router, mut out) = (Router::new(false), Vec::new());
    handle(&mut router, START, link(true, &["10.0.0.200/24"]), &mut out);
    handle(&mut router, START, Event::Config(Box::new(config)), &mut out);
    let now = START + second * 4;
    timeout(&mut router, now, &mut out);
    assert_eq!(router.changed(now, &"1".into(), change(net, true), None), Outcome::Set);
    out.clear();
    handle(&mut router, now, Event::Link(named_link("eth0", 2, false)), &mut out);
    assert_eq!(out, [], "it would be refused");
    handle(&mut router, now + second / 2, Event::Link(named_link("eth0", 2, true)), &mut out);
    assert!(matches!(&out[..], [Action::ApplyEntries { .. }]), "{out:?}");
    assert_eq!(planned(&router, net), [change(net, true)]);
    assert_eq!(router.instance("1").unwrap().state(), StateKind::Master);
}
