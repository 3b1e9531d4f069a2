//! What an earlier run has left.

use super::*;
use crate::vrrp::config::route::Route;
use crate::vrrp::event::{Entry, LinkKind, RoutePlace};

fn left(net: &str, ours: bool) -> Address {
    Address {
        interface: IfIndex(2),
        net: net.parse().unwrap(),
        peer: None,
        state: AddressState::Usable,
        ours,
    }
}

#[test]
fn a_static_address_of_an_earlier_run_is_named_and_stays() {
    let (mut router, mut out) = (Router::default(), vec![]);
    let mut snapshot = Snapshot::default();
    snapshot.links.push(named_link("eth0", 2, true));
    snapshot.addresses = vec![left("10.0.0.251/24", false), left("10.0.0.7/24", true)];
    handle(&mut router, START, Event::Snapshot(Box::new(snapshot)), &mut out);
    let item = VirtualAddress::new("10.0.0.7/24".parse().unwrap(), "eth0");
    let addresses = vec![config::statics::Static { item: item.clone(), track_group: None }];
    let statics = config::statics::Statics { addresses, ..Default::default() };
    let config =
        config::Config { instances: vec![instance("1", 1, 100)], statics, ..config::Config::default() };
    handle(&mut router, START, Event::Config(Box::new(config)), &mut out);
    let abandoned = |report: &&Report| matches!(report, Report::Abandoned(_));
    assert_eq!(reports(&out).into_iter().find(abandoned), None);
    assert!(router.kernel.holds(&item));
}

#[test]
fn what_an_earlier_run_has_left_and_no_line_names_is_removed_at_start() {
    let mut router = Router::default();
    let mut out = vec![];
    let mut snapshot = Snapshot::default();
    snapshot.links.push(named_link("eth0", 2, true));
    snapshot.addresses = vec![
        left("10.0.0.251/24", false),
        left("10.0.0.7/24", true),
        left("10.0.0.8/32", true),
        left("10.0.0.9/32", false),
    ];
    let made = |name: &str, index, ours| {
        let kind = LinkKind::PrivateMacvlan;
        Link {
            make: Make { kind, below: Some(IfIndex(2)), ours, ..Make::default() },
            ..named_link(name, index, true)
        }
    };
    snapshot.links.extend([made("vrrp.8", 3, true), made("others", 4, false)]);
    snapshot.addresses.push(Address { interface: IfIndex(3), ..left("10.0.0.80/32", true) });
    handle(&mut router, START, Event::Snapshot(Box::new(snapshot)), &mut out);
    handle(&mut router, START, config(vec![instance("1", 1, 100)]), &mut out);
    let told: Vec<String> = reports(&out)
        .into_iter()
        .filter_map(|report| match report {
            Report::Abandoned(list) => Some(list.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["3 addresses: 10.0.0.7/24, 10.0.0.8/32 on eth0, 10.0.0.80/32 on vrrp.8"]);
    let links: Vec<_> = out
        .iter()
        .filter_map(|action| match action {
            Action::ApplyLinks { links, .. } => Some(links.to_vec()),
            _ => None,
        })
        .collect();
    assert_eq!(links, [[Name::from("vrrp.8")]]);
    let mut changes = Vec::new();
    router.plan_link(&"vrrp.8".into(), &mut changes);
    let removal = Change::RemoveLink { interface: IfIndex(3), name: "vrrp.8".into(), notify: None };
    assert_eq!(changes, [removal]);
    let there =
        |router: &Router, net: &str| router.kernel.holds(&VirtualAddress::new(net.parse().unwrap(), "eth0"));
    let nets = ["10.0.0.251/24", "10.0.0.7/24", "10.0.0.8/32", "10.0.0.9/32"];
    assert_eq!(nets.map(|net| there(&router, net)), [true, false, false, true]);
    out.clear();
    // What appears later with the mark is another program's.
    handle(&mut router, START, Event::Address(left("10.0.0.8/32", true)), &mut out);
    handle(&mut router, START, config(vec![instance("1", 1, 110)]), &mut out);
    assert!(there(&router, "10.0.0.8/32"));
}

/// Adverts of IPv6 come from a link-local address that no line of the configuration names.
#[test]
fn what_an_instance_speaks_from_is_no_stray() {
    let (one, vmac) = with_vmac_v6();
    // Another program may use what we have made.
    let used = Link {
        index: IfIndex(4),
        name: "vrrp.52".into(),
        mac: Some(MacAddr([0, 0, 0x5e, 0, 1, 52])),
        ..vmac.clone()
    };
    let mut snapshot =
        Snapshot { links: vec![named_link("eth0", 2, true), vmac, used], ..Snapshot::default() };
    snapshot.addresses = vec![
        left("fe80::1/64", false),
        Address { interface: IfIndex(3), ..left("fe80::1/64", true) },
        Address { interface: IfIndex(3), ..left("fe80::51/64", true) },
        Address { interface: IfIndex(3), ..left("2001:db8::9/64", true) },
        Address { interface: IfIndex(4), ..left("10.0.0.9/32", false) },
    ];
    let (mut router, mut out) = (Router::new(true), vec![]);
    handle(&mut router, START, Event::Snapshot(Box::new(snapshot)), &mut out);
    handle(&mut router, START, config(vec![one]), &mut out);
    let told: Vec<String> = reports(&out)
        .into_iter()
        .filter_map(|report| match report {
            Report::Abandoned(list) => Some(list.to_string()),
            Report::Faulty { fault, .. } => Some(format!("{fault:?}")),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["2001:db8::9/64 on vrrp.51"]);
    let is_removed = |action: &Action| match action {
        Action::ApplyLinks { links, .. } => links.contains(&"vrrp.52".into()),
        _ => false,
    };
    assert!(!out.iter().any(is_removed), "{out:?}");
}

/// Nobody else would remove it: the configuration's name leads elsewhere, or nowhere.
#[test]
fn what_was_set_on_an_interface_that_gets_another_name_goes() {
    let mut one = instance("VI", 51, 150);
    one.link.vmac = Some(config::Vmac::default());
    let mut route = Route::new("10.9.0.0/16".parse().unwrap());
    route.next_hop.interface = Some("eth0".to_owned());
    one.routes = vec![route.clone()].into();
    let (mut router, mut out) = (Router::default(), vec![]);
    handle(&mut router, START, link(true, &["10.0.0.1/24"]), &mut out);
    handle(&mut router, START, config(vec![one]), &mut out);
    let name: Name = "VI".into();
    let mut changes = Vec::new();
    router.plan_link(&"eth0".into(), &mut changes);
    router.plan_link(&"vrrp.51".into(), &mut changes);
    let settings = |change: &Change| matches!(change, Change::Set { name, .. } if **name == *"eth0");
    assert!(changes.iter().any(settings), "{changes:?}");
    for change in &changes {
        router.link_changed(START, &name, change, None);
    }
    let vmac = Link {
        mac: Some(MacAddr([0, 0, 0x5e, 0, 1, 51])),
        make: Make { kind: LinkKind::PrivateMacvlan, below: Some(IfIndex(2)), ours: true, ..Make::default() },
        ..named_link("vrrp.51", 3, true)
    };
    handle(&mut router, START, Event::Link(vmac), &mut out);
    let place = |index| RoutePlace { table: 254, interface: Some(IfIndex(index)), next_hops: vec![] };
    let Entry::Route(shared) = Entry::route(route) else { unreachable!() };
    let set = Change::AddRoute { route: shared.clone(), place: place(2) };
    assert_eq!(router.changed(START, &name, set, None), Outcome::Set);

    handle(&mut router, START, Event::Link(named_link("eth9", 2, true)), &mut out);
    changes.clear();
    router.plan_entry(&Entry::Route(shared.clone()), &mut changes);
    router.plan_link(&"vrrp.51".into(), &mut changes);
    router.plan_link(&"eth9".into(), &mut changes);
    let [route, vmac, settings] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(*route, Change::RemoveRoute { route: shared, place: place(2) });
    assert!(matches!(vmac, Change::RemoveLink { interface: IfIndex(3), .. }), "{vmac:?}");
    assert!(matches!(settings, Change::Set { interface: IfIndex(2), .. }), "{settings:?}");
    let asked = |name: &str| {
        out.iter().any(|action| match action {
            Action::ApplyLinks { links, .. } => links.contains(&name.into()),
            Action::ApplyEntries { .. } => name == "route",
            _ => false,
        })
    };
    assert!(asked("vrrp.51") && asked("eth9") && asked("route"), "{out:?}");
}
