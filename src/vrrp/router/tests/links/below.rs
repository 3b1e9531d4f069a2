//! What an interface has to do with the one that it is on top of.

use super::*;

/// RFC 9568 §8.1.2.
#[test]
fn an_owners_address_below_its_vmac_is_told_of_once() {
    let told = |priority: u8, below: &str| {
        let mut b = Bench::new();
        let mut one = with_vmac();
        one.priority = priority;
        b.handle(link(true, &[below]));
        b.handle(config(vec![one.clone()]));
        b.after(Duration::from_secs(4));
        b.handle(Event::Link(Link { mtu: 1400, ..named_link("eth0", 2, true) }));
        let is_it = |action: &&Action| {
            let expected =
                Report::OwnedBelow { interface: "eth0".into(), address: "10.0.0.51".parse().unwrap() };
            matches!(action, Action::Report { report, .. } if *report == expected)
        };
        b.out.iter().filter(is_it).count()
    };
    assert_eq!(told(255, "10.0.0.51/24"), 1);
    assert_eq!(told(255, SOURCE), 0);
    assert_eq!(told(254, "10.0.0.51/24"), 0);
}

/// As without a VMAC, its addresses are real ones.
#[test]
fn an_owner_speaks_by_its_vmac_from_the_only_address_that_it_has() {
    for (priority, state) in [(255, StateKind::Master), (254, StateKind::Fault)] {
        let mut b = Bench::new();
        let one = config::Instance { priority, ..with_vmac() };
        b.handle(link(true, &["10.0.0.51/24"]));
        b.handle(config(vec![one]));
        assert_eq!(b.router.instance("VI").map(crate::vrrp::Instance::state), Some(state));
    }
}

/// A configuration that says so at start is refused.
#[test]
fn a_macvlan_that_comes_later_to_the_same_vrid_is_a_fault() {
    let on = |name: &str, interface: &str, vrid: u8| {
        let mut one = instance(name, vrid, 150);
        one.interface = Some(interface.into());
        one.addresses[0].interface = interface.into();
        one
    };
    let macvlan = |name: &str, index: u32| {
        let make = Make { kind: LinkKind::Macvlan, below: Some(IfIndex(2)), ..Make::default() };
        Event::Link(Link { make, ..named_link(name, index, true) })
    };
    let mut b = Bench::new();
    b.handle(link(true, &[SOURCE]));
    b.handle(config(vec![on("A", "eth0", 51), on("B", "mv0", 51), on("C", "mv1", 52), on("D", "mv2", 52)]));
    b.told();
    let states = |b: &Bench| -> Vec<StateKind> { b.router.instances().map(|i| i.state()).collect() };
    use StateKind::{Backup, Fault};
    for (name, index, net) in
        [("mv0", 10, "10.0.9.2/24"), ("mv2", 12, "10.0.9.3/24"), ("mv1", 11, "10.0.9.4/24")]
    {
        b.handle(macvlan(name, index));
        b.handle(address_event(index, net));
    }
    // The first one that is there goes on.
    assert_eq!(states(&b), [Backup, Fault, Fault, Backup]);
    let told = b.told();
    let same: Vec<_> = told.iter().filter(|told| told.starts_with("SameVrid")).collect();
    assert_eq!(same, ["SameVrid(\"A\")", "SameVrid(\"D\")"], "{told:?}");
    b.handle(config(vec![on("A", "eth0", 53), on("B", "mv0", 51), on("C", "mv1", 54), on("D", "mv2", 52)]));
    assert_eq!(states(&b), [Backup; 4]);
}
