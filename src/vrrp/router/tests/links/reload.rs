//! Reloads that make, change and remove interfaces of our own.

use super::*;

#[test]
fn a_reload_makes_and_removes_what_it_must() {
    let mut b = master();
    // The same again: nothing happens.
    b.handle(config(vec![with_vmac()]));
    assert!(b.told().is_empty());
    let mut named = with_vmac();
    named.link.vmac = Some(Vmac { name: Some("vip".into()), ..Vmac::default() });
    b.handle(config(vec![named]));
    let told = b.told();
    let at = |what: &str| told.iter().position(|t| t == what).unwrap_or_else(|| panic!("{what} in {told:?}"));
    assert!(at("-vrrp.51") < at("+vip"), "{told:?}");
    // Without one it is another virtual router.
    b.handle(config(vec![instance("VI", 51, 150)]));
    let told = b.told();
    assert!(told.contains(&"-vip".to_owned()) && told.contains(&"Backup".to_owned()), "{told:?}");
    assert!(b.router.kernel.link_named("vip").is_none());
}

#[test]
fn one_that_takes_the_place_of_another_of_its_name_is_no_fault() {
    let named = |vrid: u8| {
        let mut instance = config::Instance { vrid: Vrid::new(vrid).unwrap(), ..with_vmac() };
        instance.link.vmac = Some(Vmac { name: Some("vip".into()), ..Vmac::default() });
        config(vec![instance])
    };
    let mut b = Bench::new();
    b.news = Some(vec![]);
    b.handle(link(true, &[SOURCE]));
    b.handle(named(51));
    assert_eq!(b.told(), ["+vip", "Backup"]);
    b.handle(named(52));
    let told = b.told();
    assert!(
        told.contains(&"+vip".to_owned()) && told.last().is_some_and(|last| last == "Backup"),
        "{told:?}"
    );
    assert!(!told.contains(&"Fault".to_owned()), "{told:?}");
    b.after(Duration::from_secs(4));
    assert_eq!(b.told(), ["MasterDown", "Master"]);
}

/// The instances that run on them go on, and what is told of an interface is told of the one whose it is.
#[test]
fn names_may_be_given_and_exchanged_by_a_reload() {
    let named = |names: [&str; 2]| {
        let instances = [("A", 51), ("B", 52)].into_iter().zip(names).map(|((instance, vrid), name)| {
            let vrid = Vrid::new(vrid).unwrap();
            let mut instance = config::Instance { name: instance.into(), vrid, ..with_vmac() };
            instance.link.vmac = Some(Vmac { name: Some(name.into()), ..Vmac::default() });
            instance
        });
        config(instances.collect())
    };
    for news in [None, Some(vec![])] {
        let mut b = Bench { news, there: Some(vec![]), ..Bench::new() };
        b.handle(link(true, &[SOURCE]));
        b.handle(named(["a", "b"]));
        b.after(Duration::from_secs(4));
        b.told();
        let mut before = ["a", "b"];
        for names in [["b", "a"], ["b", "c"], ["c", "b"], ["d", "e"]] {
            b.handle(named(names));
            let mut of_links = vec![];
            for action in &b.out {
                match action {
                    Action::Report { instance: Some(of), report: Report::LinkMade(name) } => {
                        of_links.push(format!("{of}+{name}"));
                    }
                    Action::Report { instance: Some(of), report: Report::LinkRemoved(name) } => {
                        of_links.push(format!("{of}-{name}"));
                    }
                    _ => {}
                }
            }
            of_links.sort();
            let mut expected = vec![];
            for (at, of) in ["A", "B"].into_iter().enumerate().filter(|(at, _)| before[*at] != names[*at]) {
                expected.extend([format!("{of}+{}", names[at]), format!("{of}-{}", before[at])]);
            }
            assert_eq!(of_links, expected, "{before:?} to {names:?}");
            let told = b.told();
            let changes = ["Init", "Fault", "Backup", "Master"];
            assert!(!told.iter().any(|told| changes.contains(&&**told)), "{told:?}");
            for (instance, name) in b.router.instances().zip(names) {
                assert_eq!(instance.state(), StateKind::Master);
                assert!(
                    b.router
                        .kernel
                        .holds(&VirtualAddress { interface: name.into(), ..instance.addresses()[0].clone() })
                );
            }
            // They are heard, and hear.
            b.out.clear();
            b.after(Duration::from_secs(1));
            let speak = b.out.iter().filter_map(|action| match action {
                Action::Advertise { packet, .. } => packet.interface,
                _ => None,
            });
            let mut speak: Vec<_> = speak.collect();
            speak.dedup();
            assert_eq!(speak, names.map(|name| b.index(name)));
            let mut listens: Vec<_> =
                b.router.listening.keys().filter_map(|listen| listen.interface).collect();
            listens.sort();
            let mut expected = names.map(|name| b.index(name));
            expected.sort();
            assert_eq!(listens, expected);
            before = names;
        }
    }
}

#[test]
fn one_that_a_reload_gives_up_before_it_is_there_goes() {
    let named = |vrid: u8| {
        let mut one = config::Instance { vrid: config::Vrid::new(vrid).unwrap(), ..with_vmac() };
        one.link.vmac = Some(Vmac { name: Some("vm".to_owned()), ..Vmac::default() });
        one
    };
    let steps = 3;
    for at in 0..=steps {
        let mut b = Bench::new();
        b.handle(link(true, &[SOURCE]));
        b.handle(config(vec![named(51)]));
        b.news = Some(vec![]);
        handle(&mut b.router, b.now, config(vec![named(52)]), &mut b.out);
        let mut changes = vec![];
        b.router.plan_link(&"vm".into(), &mut changes);
        assert!(changes.len() <= steps, "{changes:?}");
        // The kernel is at work on them when the next reload comes.
        for (n, change) in changes.iter().enumerate() {
            if n == at {
                handle(&mut b.router, b.now, config(vec![]), &mut b.out);
            }
            b.change(&"VI".into(), change);
        }
        if at >= changes.len() {
            handle(&mut b.router, b.now, config(vec![]), &mut b.out);
        }
        b.settle();
        b.settle();
        assert_eq!(b.router.kernel.link_named("vm"), None, "at {at}");
    }
}

#[test]
fn one_that_gets_an_address_to_speak_from_is_no_fault() {
    let with = |on_base| {
        let mut one = with_vmac();
        (one.family, one.version) = (Family::V6, config::Version::V3);
        one.addresses = vec![VirtualAddress::new("fe80::51/64".parse().unwrap(), "eth0")];
        one.link.transmit_on_base = on_base;
        one
    };
    let mut b = Bench::new();
    b.handle(link(true, &["fe80::1/64"]));
    b.handle(config(vec![with(true)]));
    b.after(Duration::from_secs(4));
    b.told();
    b.handle(config(vec![with(false)]));
    assert_eq!(b.told(), ["Reloaded"]);
    b.after(Duration::from_secs(2));
    assert_eq!(b.told(), [""; 0]);
    assert!(b.router.kernel.holds(&VirtualAddress::new("fe80::1/64".parse().unwrap(), "vrrp.51")));
    assert_eq!(b.router.instance("VI").map(crate::vrrp::Instance::state), Some(StateKind::Master));
}

#[test]
fn one_whose_address_is_not_set_is_a_fault_before_long() {
    let (mut one, vmac) = with_vmac_v6();
    let mut b = Bench::new();
    b.handle(link(true, &["fe80::1/64"]));
    b.handle(Event::Link(vmac));
    let state = |b: &Bench| b.router.instance("VI").map(crate::vrrp::Instance::state);
    // Nobody does what the router asks for.
    for _ in 0..2 {
        handle(&mut b.router, b.now, config(vec![one.clone()]), &mut b.out);
        b.now += Duration::from_secs(2);
        timeout(&mut b.router, b.now, &mut b.out);
        assert_eq!(state(&b), Some(StateKind::Fault));
        one.advert_int *= 2;
    }
}

/// Its peers, its VRID and its interface say who a unicast router is: with a VMAC it is the same one.
#[test]
fn one_that_a_unicast_master_gets_is_no_fault() {
    let mut one = instance("VI", 51, 150);
    let peer = config::Peer { address: "10.0.0.250".parse().unwrap(), min_ttl: 0, max_ttl: 255 };
    one.unicast = Some(Box::new(config::Unicast { peers: vec![peer], ..config::Unicast::default() }));
    let holds = |b: &Bench| {
        let address = &b.router.instance("VI").unwrap().addresses()[0];
        let on = |name: &str| VirtualAddress { interface: name.into(), ..address.clone() };
        ["eth0", "vrrp.51"].into_iter().filter(|name| b.router.kernel.holds(&on(name))).collect::<Vec<_>>()
    };
    for xmit_base in [false, true] {
        for news in [None, Some(vec![])] {
            let mut b = Bench { news, ..Bench::new() };
            b.handle(link(true, &[SOURCE]));
            b.handle(config(vec![one.clone()]));
            b.after(Duration::from_secs(4));
            assert_eq!(b.told(), ["Backup", "MasterDown", "Master"]);
            let mut with = one.clone();
            with.link.vmac = Some(Vmac::default());
            with.link.transmit_on_base = xmit_base;
            b.handle(config(vec![with]));
            assert_eq!(b.told(), ["Reloaded", "+vrrp.51"], "{xmit_base}");
            assert_eq!(holds(&b), ["vrrp.51"], "{xmit_base}");
            b.handle(config(vec![one.clone()]));
            assert_eq!(b.told(), ["Reloaded", "-vrrp.51"], "{xmit_base}");
            assert_eq!(holds(&b), ["eth0"], "{xmit_base}");
        }
    }
}
