//! What an interface has to do with the one that it is on top of.

use super::*;

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
