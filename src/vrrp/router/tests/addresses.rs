//! The instances' addresses in the kernel: set, put back, left alone, tried again.

use super::*;

#[test]
fn a_virtual_address_left_behind_is_no_source() {
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, link(true, &["10.0.0.1/24", "10.0.0.251/24"]), &mut out);
    handle(&mut router, START, config(vec![instance("VI", 1, 100)]), &mut out);
    timeout(&mut router, START + Duration::from_secs(4), &mut out);
    let source = out
        .iter()
        .find_map(|a| if let Action::Advertise { packet, .. } = a { Some(packet.source) } else { None });
    assert_eq!(source, Some("10.0.0.251".parse().unwrap()));
}

/// An instance of IPv6 with these addresses.
fn v6(addresses: &[&str]) -> config::Instance {
    config::Instance {
        family: Family::V6,
        version: config::Version::V3,
        addresses: addresses.iter().map(|net| VirtualAddress::new(net.parse().unwrap(), "eth0")).collect(),
        ..instance("VI", 1, 100)
    }
}

#[test]
fn ipv6_speaks_from_a_link_local_address_and_from_no_other() {
    for (addresses, expected) in [
        (&["2001:db8::1/64", "fe80::51/64", "fe80::1/64"][..], Some("fe80::1")),
        (&["2001:db8::1/64", "fe80::51/64"][..], None),
    ] {
        let (mut router, mut out) = (Router::default(), vec![]);
        handle(&mut router, START, link(true, addresses), &mut out);
        handle(&mut router, START, config(vec![v6(&["fe80::51/64"])]), &mut out);
        timeout(&mut router, START + Duration::from_secs(4), &mut out);
        let sources: Vec<String> = out
            .iter()
            .filter_map(|a| match a {
                Action::Advertise { packet, .. } => Some(packet.source.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(sources, expected.map(str::to_owned).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_neighbour_advertisement_says_whether_this_host_forwards() {
    for forwards in [false, true] {
        let (mut router, mut out) = (Router::default(), vec![]);
        let eth0 = Link { forwards, ..named_link("eth0", 2, true) };
        handle(&mut router, START, links(&[(eth0, &["fe80::1/64"])]), &mut out);
        let one = v6(&["fe80::51/64", "2001:db8::51/64"]);
        handle(&mut router, START, config(vec![one.clone()]), &mut out);
        timeout(&mut router, START + Duration::from_secs(4), &mut out);
        let frame = router.frame("VI", &one.addresses[1]).unwrap();
        // Behind the headers of Ethernet and IPv6: the type, and the flags; then the target, and its Ethernet address.
        let (kind, flags) = (frame.bytes()[54], frame.bytes()[58]);
        assert_eq!((kind, flags), (136, if forwards { 0b1010_0000 } else { 0b0010_0000 }));
        let target: std::net::Ipv6Addr = "2001:db8::51".parse().unwrap();
        assert_eq!(frame.bytes()[62..], [&target.octets()[..], &[2, 1, 2, 2, 2, 2, 2, 2]].concat());
    }
}

#[test]
fn nothing_is_announced_before_it_is_set() {
    let (mut router, mut out) = (router(1), vec![]);
    let address = instance("1", 1, 100).addresses.remove(0);
    let now = START + Duration::from_secs(4);
    router.handle_timeout(now, now, &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    assert_eq!(router.frame("1", &address), None);
    obey(&mut router, now, &mut out);
    assert!(router.frame("1", &address).is_some());
}

/// `no_accept`, and an owner that says so, too.
#[test]
fn a_master_without_accept_mode_is_shut_unless_it_owns_the_addresses() {
    for (priority, accept, is_shut) in [(100, true, false), (100, false, true), (255, false, false)] {
        let (mut router, mut out) = (Router::default(), vec![]);
        let mut one = instance("VI", 1, priority);
        one.policy.accept = accept;
        let address = one.addresses[0].clone();
        handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
        // Nothing is carried out: what is shut already would not be asked for again.
        router.handle(START, config(vec![one]), &mut out);
        while router.step(START, &mut out) {}
        let shuts = |router: &Router| {
            planned(router, &address).iter().any(|change| matches!(change, Change::Shut { on: true, .. }))
        };
        assert!(!shuts(&router), "a backup has nothing to shut");
        let now = START + Duration::from_secs(4);
        router.handle_timeout(now, now, &mut out);
        assert_eq!(states(&router), [StateKind::Master]);
        assert_eq!(shuts(&router), is_shut, "{priority} {accept}");
    }
}

/// Instance 1 is master, 2 is backup of another router.
fn master_and_backup() -> (Router, Instant) {
    let mut router = router(2);
    let mut out = vec![];
    let now = START + Duration::from_secs(3);
    handle(&mut router, now, received(advert(2, 200), "10.0.0.250", 255), &mut out);
    timeout(&mut router, now + Duration::from_secs(1), &mut out);
    (router, now)
}

#[test]
fn an_address_removed_by_hand_is_set_again_by_the_master_only() {
    let (mut router, now) = master_and_backup();
    let mut out = vec![];
    for net in ["10.0.0.1/24", "10.0.0.2/24"] {
        let gone = Event::AddressGone { interface: IfIndex(2), net: net.parse().unwrap() };
        router.handle(now, gone, &mut out);
    }
    assert_eq!(applied(&out), ["1"]);
    let taken = AddressList::one("10.0.0.1/24".parse().unwrap(), "eth0".into());
    assert!(reports(&out).contains(&&Report::AddressesTaken(taken)));
    obey(&mut router, now, &mut out);
    out.clear();
    // News of what this program did itself are no news.
    handle(&mut router, now, address_event(2, "10.0.0.1/24"), &mut out);
    assert_eq!(out, []);
}

/// With the first address of a network the kernel removes the others, too.
#[test]
fn an_address_that_goes_with_one_that_is_removed_is_set_again_and_nobody_is_blamed() {
    let (mut router, now) = master_and_backup();
    let remove = |net: &str| Change::Remove {
        interface: IfIndex(2),
        name: "eth0".into(),
        net: net.parse().unwrap(),
        peer: None,
    };
    let gone = || Event::AddressGone { interface: IfIndex(2), net: "10.0.0.1/24".parse().unwrap() };
    let blames =
        |out: &Actions| reports(out).iter().any(|report| matches!(report, Report::AddressesTaken(_)));
    // Another network, and the same one.
    for (net, blamed) in [("10.0.1.9/24", true), ("10.0.0.9/25", true), ("10.0.0.9/24", false)] {
        let mut out = vec![];
        router.changes_begin(&[remove(net)]);
        router.handle(now, gone(), &mut out);
        assert_eq!(applied(&out), ["1"]);
        assert_eq!(blames(&out), blamed, "{net}");
        obey(&mut router, now, &mut out);
        router.changes_are_over();
    }
    let mut out = vec![];
    router.handle(now, gone(), &mut out);
    assert!(blames(&out), "it was long ago");
}

#[test]
fn after_lost_news_a_master_sets_what_is_missing_and_a_backup_removes_what_is_left() {
    let (mut router, now) = master_and_backup();
    let mut out = vec![];
    handle(&mut router, now, link(true, &["10.0.0.251/24"]), &mut out);
    assert_eq!(applied(&out), ["1"]);
    assert_eq!(states(&router), [StateKind::Master, StateKind::Backup]);
    assert!(router.kernel.holds(&instance("1", 1, 100).addresses[0]));
}

#[test]
fn what_is_told_anew_is_taken_in_by_steps_and_news_wait_for_it() {
    let now = START + Duration::from_millis(4500);
    for news_follow in [false, true] {
        let mut router = router(1);
        let mut out = vec![];
        timeout(&mut router, START + Duration::from_secs(4), &mut out);
        let address = instance("1", 1, 100).addresses.remove(0);
        assert!(router.kernel.holds(&address));
        out.clear();
        // The system has many addresses, and ours is not among them.
        let many: Vec<String> = (0..3000).map(|n| format!("10.3.{}.{}/32", n / 250, n % 250)).collect();
        let all: Vec<&str> = ["10.0.0.251/24"].into_iter().chain(many.iter().map(String::as_str)).collect();
        router.handle(now, link(true, &all), &mut out);
        if news_follow {
            router.handle(now, address_event(2, "10.0.0.1/24"), &mut out);
        }
        for _ in 0..5 {
            assert!(router.step(now, &mut out));
            assert!(router.kernel.holds(&address), "what was known is in force");
        }
        router.handle(now, received(advert(1, 90), "10.0.0.250", 255), &mut out);
        assert_eq!(adverts(&out), [("1".to_owned(), 100)], "adverts are answered meanwhile");
        out.clear();
        while router.step(now, &mut out) {}
        assert_eq!(applied(&out), ["1"], "it was gone in between");
        assert_eq!(planned(&router, &address).is_empty(), news_follow, "somebody has set it since");
        assert_eq!(states(&router), [StateKind::Master]);
    }
}

/// An instance that speaks on eth0 and has its address on eth1.
fn elsewhere() -> (Router, Vec<VirtualAddress>) {
    let mut config_of_one = instance("1", 1, 100);
    config_of_one.addresses[0].interface = "eth1".into();
    let addresses = config_of_one.addresses.clone();
    let router = master_beside_eth1(config_of_one);
    (router, addresses)
}

#[test]
fn an_interface_that_only_has_addresses_gets_them_again_when_it_was_replaced() {
    let (mut router, addresses) = elsewhere();
    let mut out = vec![];
    handle(&mut router, START, Event::Link(named_link("eth1", 4, true)), &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    assert_eq!(applied(&out), ["1"]);
    assert!(router.kernel.holds(&addresses[0]));
}

#[test]
fn the_interface_of_an_address_is_watched_as_the_own_one() {
    for (lost, fault) in [
        (Event::Link(named_link("eth1", 3, false)), Fault::InterfaceDown("eth1".into())),
        (Event::LinkGone(IfIndex(3)), Fault::NoInterface("eth1".into())),
    ] {
        let (mut router, addresses) = elsewhere();
        let mut out = vec![];
        handle(&mut router, START, lost, &mut out);
        assert_eq!(states(&router), [StateKind::Fault]);
        assert!(reports(&out).contains(&&Report::Faulty { fault, detail: None }));
        assert_eq!(adverts(&out), [("1".into(), 0)], "eth0 works: the next master need not wait");
        assert!(!router.kernel.holds(&addresses[0]));
        handle(&mut router, START, Event::Link(named_link("eth1", 5, true)), &mut out);
        assert_eq!(states(&router), [StateKind::Backup]);
    }
}

#[test]
fn what_the_system_has_set_is_never_removed_and_a_leftover_is() {
    // The owner's address is the system's own, the other one a predecessor's, even with another prefix length.
    let mut owner = instance("1", 1, 255);
    owner.source = Some("10.0.0.251".parse().unwrap());
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, link(true, &["10.0.0.1/24", "10.0.0.251/24", "10.0.0.2/32"]), &mut out);
    let other = instance("2", 2, 100);
    handle(&mut router, START, config(vec![owner.clone(), other.clone()]), &mut out);
    assert_eq!(states(&router), [StateKind::Master, StateKind::Backup]);
    let leftover = VirtualAddress::new("10.0.0.2/32".parse().unwrap(), "eth0");
    assert!(!router.kernel.holds(&leftover));
    for event in [Event::Link(named_link("eth0", 2, false)), Event::Link(named_link("eth0", 2, true))] {
        handle(&mut router, START, event, &mut out);
        assert!(router.kernel.holds(&owner.addresses[0]));
    }
    assert_eq!(states(&router)[0], StateKind::Master);
    handle(&mut router, START, Event::Stop, &mut out);
    assert!(router.kernel.holds(&owner.addresses[0]));
}

#[test]
fn an_owner_removes_what_it_has_set_itself() {
    let mut owner = instance("1", 1, 255);
    owner.source = Some("10.0.0.251".parse().unwrap());
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
    handle(&mut router, START, config(vec![owner.clone()]), &mut out);
    assert!(router.kernel.holds(&owner.addresses[0]));
    handle(&mut router, START, Event::Stop, &mut out);
    assert!(!router.kernel.holds(&owner.addresses[0]));
}

#[test]
fn an_address_that_is_refused_is_reported_once_and_tried_again_while_master() {
    let mut router = router(1);
    let mut out = vec![];
    let mut now = START + Duration::from_secs(4);
    router.handle_timeout(now, now, &mut out);
    let address = instance("1", 1, 100).addresses[0].clone();
    let mut refused = 0;
    for _ in 0..3 {
        out.clear();
        for change in planned(&router, &address) {
            let refusal = Refusal::Other("no room".into());
            let outcome = router.changed(now, &"1".into(), change, Some(&refusal));
            assert!(matches!(outcome, Outcome::Refused { .. }));
            refused += usize::from(outcome == Outcome::Refused { again: false });
        }
        now += RETRY;
        out.clear();
        router.handle_timeout(now, now, &mut out);
        assert_eq!(applied(&out), ["1"]);
    }
    assert_eq!(refused, 1);
    obey(&mut router, now, &mut out);
    assert!(router.kernel.holds(&address));
}

#[test]
fn an_address_that_the_kernel_keeps_is_removed_later_even_if_its_instance_is_gone() {
    let mut router = router(1);
    let mut out = vec![];
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    let address = instance("1", 1, 100).addresses[0].clone();
    assert!(router.kernel.holds(&address));
    out.clear();
    router.handle(now, config(vec![]), &mut out);
    while router.step(now, &mut out) {}
    for change in planned(&router, &address) {
        router.changed(now, &"1".into(), change, Some(&Refusal::Other("no memory".into())));
    }
    assert!(router.kernel.holds(&address));
    assert_eq!(router.next_timeout(), Some(now + RETRY));
    out.clear();
    timeout(&mut router, now + RETRY, &mut out);
    assert!(!router.kernel.holds(&address));
}

#[test]
fn an_owners_address_that_appears_during_a_reload_is_the_systems() {
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
    let mut owner = instance("1", 1, 255);
    owner.source = Some("10.0.0.251".parse().unwrap());
    // The news come before the first step.
    router.handle(START, config(vec![owner.clone()]), &mut out);
    router.handle(START, address_event(2, "10.0.0.1/24"), &mut out);
    while router.step(START, &mut out) {}
    handle(&mut router, START, Event::Stop, &mut out);
    assert!(router.kernel.holds(&owner.addresses[0]));
}

#[test]
fn an_owners_address_that_somebody_set_just_before_the_stop_is_the_systems() {
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
    let owner = instance("1", 1, 255);
    handle(&mut router, START, config(vec![owner.clone()]), &mut out);
    let address = &owner.addresses[0];
    // The job that sets it is under way, the program is told to stop, and then the job's end says that it was there.
    let change = Change::Add { interface: IfIndex(2), address: address.clone() };
    router.kernel.address_gone(IfIndex(2), address.net);
    router.handle(START, Event::Stop, &mut out);
    while router.step(START, &mut out) {}
    router.changed(START, &"1".into(), change, Some(&Refusal::Exists));
    assert_eq!(planned(&router, address), []);
    assert!(router.kernel.holds(address));
}

#[test]
fn news_of_an_address_do_not_look_at_the_others() {
    let nets: Vec<String> = (0..10_000).map(|n| format!("10.7.{}.{}/32", n / 250, n % 250 + 1)).collect();
    let mut config_of_many = instance("1", 1, 100);
    config_of_many.excluded =
        nets.iter().map(|net| VirtualAddress::new(net.parse().unwrap(), "eth0")).collect();
    let mut router = router(0);
    let mut out = vec![];
    handle(&mut router, START, config(vec![config_of_many]), &mut out);
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    out.clear();
    handle(&mut router, now, address_event(2, "10.99.0.1/24"), &mut out);
    handle(
        &mut router,
        now,
        Event::AddressGone { interface: IfIndex(2), net: "10.99.0.1/24".parse().unwrap() },
        &mut out,
    );
    assert_eq!(out, [], "nobody is concerned");
}

#[test]
fn what_the_system_needs_stays_whatever_its_prefix_length() {
    let with = |net: &str, priority| {
        let addresses = vec![VirtualAddress::new(net.parse().unwrap(), "eth0")];
        config::Instance { addresses, ..instance("1", 1, priority) }
    };
    let held =
        |router: &Router, net: &str| router.kernel.holds(&VirtualAddress::new(net.parse().unwrap(), "eth0"));
    // An owner's, and the only address of a host that is no owner.
    for (priority, there) in [(255, &["10.0.0.1/24", "10.0.0.251/24"][..]), (100, &["10.0.0.1/24"])] {
        let mut router = Router::default();
        let mut out = vec![];
        handle(&mut router, START, link(true, there), &mut out);
        handle(&mut router, START, config(vec![with("10.0.0.1/32", priority)]), &mut out);
        timeout(&mut router, START + Duration::from_secs(4), &mut out);
        handle(&mut router, START + Duration::from_secs(4), Event::Stop, &mut out);
        assert!(held(&router, "10.0.0.1/24"), "{priority}");
        assert!(!held(&router, "10.0.0.1/32"), "{priority}");
    }
    // What was there when a reload named it, unless the reload means that very one.
    for (net, stays) in [("10.0.0.50/24", false), ("10.0.0.50/32", true)] {
        let mut router = Router::default();
        let mut out = vec![];
        handle(&mut router, START, link(true, &["10.0.0.251/24", "10.0.0.50/24"]), &mut out);
        handle(&mut router, START, config(vec![instance("1", 1, 100)]), &mut out);
        timeout(&mut router, START + Duration::from_secs(4), &mut out);
        handle(&mut router, START + Duration::from_secs(5), config(vec![with(net, 100)]), &mut out);
        handle(&mut router, START + Duration::from_secs(6), Event::Stop, &mut out);
        assert_eq!(held(&router, "10.0.0.50/24"), stays, "{net}");
        assert!(!held(&router, "10.0.0.1/24") && !held(&router, "10.0.0.50/32"), "{net}");
        assert!(!reports(&out).contains(&&Report::Reloaded(Reloaded::Removed)), "a stop is no reload");
    }
}

#[test]
fn an_interface_that_gets_another_name_loses_what_was_set_for_the_former_one() {
    let mut router = router(2);
    let mut out = vec![];
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    // Set by another daemon of this program.
    let net = "10.0.0.77/24".parse().unwrap();
    let (interface, peer, state) = (IfIndex(2), None, AddressState::Usable);
    handle(&mut router, now, Event::Address(Address { interface, net, peer, state, ours: true }), &mut out);
    let nets = ["10.0.0.1/24", "10.0.0.2/24"].map(|net| net.parse().unwrap());
    for (name, owners) in [("tmp", &["1", "2", "1", "2"][..]), ("eth1", &[])] {
        out.clear();
        handle(&mut router, now, Event::Link(named_link(name, 2, true)), &mut out);
        assert!(nets.iter().all(|net| !router.kernel.holds(&VirtualAddress::new(*net, name))));
        for others in ["10.0.0.251/24", "10.0.0.77/24"] {
            assert!(router.kernel.holds(&VirtualAddress::new(others.parse().unwrap(), name)), "{others}");
        }
        assert_eq!(applied(&out), owners, "the fault's, and what is on the interface still");
    }
    assert_eq!(states(&router), [StateKind::Fault, StateKind::Fault]);
}

#[test]
fn an_address_with_another_label_is_set_anew() {
    let labelled = |label: &str| {
        let mut one = instance("1", 1, 100);
        one.addresses[0].label = Some(label.into()).into();
        one
    };
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
    handle(&mut router, START, config(vec![labelled("eth0:1")]), &mut out);
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    out.clear();
    router.handle(now, config(vec![labelled("eth0:2")]), &mut out);
    while router.step(now, &mut out) {}
    let address = labelled("eth0:2").addresses.remove(0);
    let (interface, net) = (IfIndex(2), address.net);
    let remove = Change::Remove { interface, name: "eth0".into(), net, peer: None };
    assert_eq!(planned(&router, &address), std::slice::from_ref(&remove));
    assert_eq!(router.changed(now, &"1".into(), remove, None), Outcome::ToBeSetAnew);
    out.clear();
    // The kernel's word of it comes before the next change, and is no news.
    handle(&mut router, now, Event::AddressGone { interface, net }, &mut out);
    assert_eq!(out, []);
    router.fire(now, now, 1, &mut out);
    assert_eq!(applied(&out), ["1"]);
    assert_eq!(planned(&router, &address), [Change::Add { interface, address: address.clone() }]);
    obey(&mut router, now, &mut out);
    assert_eq!(planned(&router, &address), []);
}

/// Duplicate address detection takes a second or two after an interface came up. The instance runs meanwhile, as with
/// keepalived, and its first advert leaves as soon as the kernel lets it.
#[test]
fn a_tentative_source_is_no_fault_and_adverts_leave_once_it_is_usable() {
    let source = |state| {
        let net = "fe80::1/64".parse().unwrap();
        Event::Address(Address { interface: IfIndex(2), net, peer: None, state, ours: false })
    };
    let mut v6 = instance("VI", 1, 100);
    (v6.family, v6.version) = (Family::V6, config::Version::V3);
    v6.addresses = vec![VirtualAddress::new("fe80::51/64".parse().unwrap(), "eth0")];
    let mut router = Router::default();
    let mut out = vec![];
    handle(&mut router, START, link(true, &[]), &mut out);
    handle(&mut router, START, source(AddressState::Tentative), &mut out);
    handle(&mut router, START, config(vec![v6]), &mut out);
    assert_eq!(states(&router), [StateKind::Backup]);
    let mut now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    assert_eq!(adverts(&out), []);
    now += Duration::from_millis(300);
    handle(&mut router, now, source(AddressState::Usable), &mut out);
    assert_eq!(adverts(&out), [("VI".to_owned(), 100)]);
    assert_eq!(router.next_timeout(), Some(now + Duration::from_secs(1)));
    out.clear();
    handle(&mut router, now, source(AddressState::Duplicate), &mut out);
    assert_eq!(states(&router), [StateKind::Fault], "nothing could ever leave from there");
}

/// What another host says of an address counts where a settled master has it, and nowhere else; no interface of this host is
/// another host.
#[test]
fn a_claim_concerns_the_master_that_holds_the_address_there() {
    let own = MacAddr([2; 6]);
    let foreign = MacAddr([2, 0, 0, 0, 0, 9]);
    let mut router = master_beside_eth1(instance("VI", 7, 100));
    let now = START + Duration::from_secs(9);
    let mut out = vec![];
    timeout(&mut router, now, &mut out);
    assert!(
        out.iter().any(|action| matches!(action, Action::Probe { .. })),
        "it asks who else has them: {out:?}"
    );
    let mut tell = |interface, address: &str, mac| {
        let mut out = vec![];
        let claimed =
            Event::Claimed { interface: IfIndex(interface), address: address.parse().unwrap(), mac };
        handle(&mut router, now, claimed, &mut out);
        reports(&out).iter().any(|report| matches!(report, Report::Split(_)))
    };
    assert!(!tell(2, "10.0.0.7", own), "sent by this host");
    assert!(!tell(3, "10.0.0.7", foreign), "nobody has it there");
    assert!(!tell(2, "10.0.0.8", foreign), "nobody has it");
    assert!(!tell(2, "10.0.0.251", foreign), "it is not virtual");
    assert!(tell(2, "10.0.0.7", foreign));
    assert!(!tell(2, "10.0.0.7", foreign), "once");
    assert_eq!(router.instance("VI").map(|i| i.stats().seldom.foreign_claims), Some(2));
    // An interface may get another Ethernet address, and its former one is somebody else's.
    let mut link = named_link("eth1", 3, true);
    link.mac = Some(foreign);
    handle(&mut router, now, Event::Link(link), &mut vec![]);
    let claimed =
        Event::Claimed { interface: IfIndex(2), address: "10.0.0.7".parse().unwrap(), mac: foreign };
    handle(&mut router, now, claimed, &mut vec![]);
    assert_eq!(router.instance("VI").map(|i| i.stats().seldom.foreign_claims), Some(2));
}

#[test]
fn a_master_announces_its_addresses_with_another_ethernet_address() {
    let (mut router, mut out) = (Router::new(false), Vec::new());
    let with_mac = |mac: u8| {
        Event::Link(Link { mac: Some(MacAddr([2, 0, 0, 0, 0, mac])), ..named_link("eth0", 2, true) })
    };
    handle(&mut router, START, with_mac(1), &mut out);
    handle(&mut router, START, address_event(2, "10.0.0.200/24"), &mut out);
    handle(&mut router, START, config(vec![instance("1", 1, 100)]), &mut out);
    out.clear();
    handle(&mut router, START, with_mac(2), &mut out);
    assert_eq!(out, [], "a backup has nothing to say");
    let now = START + Duration::from_secs(4);
    timeout(&mut router, now, &mut out);
    out.clear();
    handle(&mut router, now, with_mac(2), &mut out);
    assert_eq!(out, []);
    handle(&mut router, now, with_mac(3), &mut out);
    assert!(matches!(&out[..], [Action::Report { .. }, Action::Announce { .. }]), "{out:?}");
}

#[test]
fn a_reload_makes_an_owner_of_the_only_address_another_master_and_it_goes_on() {
    let mut only = instance("1", 1, 255);
    only.addresses = vec![VirtualAddress::new("10.0.0.251/24".parse().unwrap(), "eth0")];
    let (mut router, mut out) = (Router::default(), vec![]);
    handle(&mut router, START, link(true, &["10.0.0.251/24"]), &mut out);
    handle(&mut router, START, config(vec![only.clone()]), &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    out.clear();
    only.priority = 100;
    handle(&mut router, START, config(vec![only]), &mut out);
    timeout(&mut router, START + Duration::from_secs(1), &mut out);
    assert_eq!(states(&router), [StateKind::Master]);
    assert!(adverts(&out).iter().all(|(_, priority)| *priority == 100), "{:?}", adverts(&out));
    // Without it, there is no place to speak from.
    handle(&mut router, START + Duration::from_secs(1), link(true, &[]), &mut out);
    assert_eq!(states(&router), [StateKind::Fault]);
}
