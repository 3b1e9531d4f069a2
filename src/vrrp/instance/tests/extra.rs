//! `garp_extra_if`.

use super::*;
use crate::vrrp::config::{GarpExtraIf, Link, Vmac};

/// Addresses at home, on a VMAC on `eth1`, twice on `eth2`.
fn with(all: bool) -> config::Instance {
    let on = |text: &str, interface: &str| VirtualAddress::new(text.parse().unwrap(), interface);
    let on_vmac = VirtualAddress { use_vmac: true, ..on("10.1.0.100/24", "vrrp.51") };
    let mut config = config::Instance {
        addresses: vec![on("10.0.0.100/24", "eth0"), on_vmac],
        excluded: vec![on("10.2.0.100/24", "eth2"), on("10.2.0.101/24", "eth2")].into(),
        garp: Garp { master_delay: ms(0), ..Garp::default() }.into(),
        ..config(150)
    };
    config.link.garp_extra = Some(GarpExtraIf { interval: ms(10_000), all });
    config
}

fn announced(b: &Bench) -> Vec<Vec<String>> {
    let lists = b.out.iter().filter_map(|action| match action {
        Action::Announce { addresses, rounds: 1, .. } => Some(addresses),
        _ => None,
    });
    lists.map(|list| list.iter().map(|a| a.net.address.to_string()).collect()).collect()
}

#[test]
fn one_address_of_each_other_interface_is_announced_again_and_again() {
    for (all, expected) in [(false, &["10.1.0.100"] as &[_]), (true, &["10.1.0.100", "10.2.0.100"])] {
        let mut b = Bench::master(with(all));
        b.run(ms(20_500));
        assert_eq!(announced(&b), [expected, expected], "all: {all}");
    }
}

#[test]
fn nobody_announces_without_an_interface_elsewhere_nor_as_backup() {
    let mut plain = with(false);
    plain.addresses.truncate(1);
    let mut b = Bench::master(plain);
    b.run(ms(20_500));
    assert_eq!(announced(&b), [[""; 0]; 0]);
    let mut b = Bench::master(with(true));
    assert_eq!(b.hear(LOWER, 200), Ok(()));
    b.done();
    for _ in 0..20 {
        b.run(ms(1000));
        assert_eq!(b.hear(LOWER, 200), Ok(()));
    }
    assert_eq!(announced(&b), [[""; 0]; 0]);
}

#[test]
fn on_the_own_interface_adverts_do_it_unless_they_leave_below() {
    for (on_base, expected) in [(false, &[] as &[&str]), (true, &["10.0.0.100"])] {
        let mut config = with(false);
        config.addresses.iter_mut().for_each(|address| address.interface = "vrrp.51".into());
        config.link.vmac = Some(Vmac { name: Some("vrrp.51".to_owned()), ..Vmac::default() });
        config.link.transmit_on_base = on_base;
        let mut b = Bench::master(config);
        b.run(ms(10_500));
        assert_eq!(announced(&b).concat(), expected, "on base: {on_base}");
    }
}

#[test]
fn a_reload_begins_and_ends_it() {
    let mut b = Bench::master(config::Instance { link: Link::default().into(), ..with(true) });
    let reconfigure = |b: &mut Bench, config| drop(b.instance.reconfigure(b.now, config, &mut b.out));
    reconfigure(&mut b, with(true));
    b.run(ms(10_500));
    assert_eq!(announced(&b).len(), 1);
    reconfigure(&mut b, config::Instance { link: Link::default().into(), ..with(true) });
    b.run(ms(30_000));
    assert_eq!(announced(&b).len(), 1);
}
