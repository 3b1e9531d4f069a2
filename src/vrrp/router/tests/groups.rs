//! Sync groups: members go together, in keepalived's order, and a reload of groups makes nothing flap.

use super::*;

/// When the down timers of backups of priority 100 have run out.
const DOWN: Duration = Duration::from_secs(4);

fn on(name: &str, vrid: u8, interface: &str, priority: u8) -> config::Instance {
    let net = format!("10.0.0.{vrid}/24").parse().unwrap();
    config::Instance {
        priority,
        addresses: vec![VirtualAddress::new(net, interface)],
        ..config::Instance::new(name, interface, Vrid::new(vrid).unwrap())
    }
}

fn grouped(instances: Vec<config::Instance>, groups: &[(&str, &[&str])]) -> Event<'static> {
    let sync_groups = groups
        .iter()
        .map(|(name, members)| config::SyncGroup {
            name: (*name).to_owned(),
            instances: members.iter().map(|&member| member.to_owned()).collect(),
            tracking: config::Tracking::default(),
            tracking_weight: false,
            notify: Rare::default(),
        })
        .collect();
    Event::Config(Box::new(config::Config { instances, sync_groups, ..config::Config::default() }))
}

/// A on eth0, B on eth1, C on eth0.
fn abc() -> Vec<config::Instance> {
    vec![on("A", 1, "eth0", 100), on("B", 2, "eth1", 100), on("C", 3, "eth0", 100)]
}

fn net(eth1: bool) -> Event<'static> {
    links(&[
        (named_link("eth0", 2, true), &["10.0.0.251/24"]),
        (named_link("eth1", 3, eth1), &["10.1.0.251/24"]),
    ])
}

struct Test {
    router: Router,
    now: Instant,
    out: Actions,
}

impl Test {
    fn new(instances: Vec<config::Instance>, groups: &[(&str, &[&str])]) -> Test {
        let mut test = Test { router: Router::default(), now: START, out: vec![] };
        test.handle(net(true));
        test.handle(grouped(instances, groups));
        test
    }

    /// G of A and B, beside C, all of them masters.
    fn masters() -> Test {
        let mut test = Test::new(abc(), &[("G", &["A", "B"])]);
        test.wait(DOWN);
        test.told();
        assert_eq!(test.states(), "A Master, B Master, C Master, G Master");
        test
    }

    fn handle(&mut self, event: Event<'_>) {
        let mut out = vec![];
        handle(&mut self.router, self.now, event, &mut out);
        self.out.extend(out);
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.router.next_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            let mut out = vec![];
            timeout(&mut self.router, self.now, &mut out);
            self.out.extend(out);
        }
        self.now = end;
    }

    fn advert(&mut self, vrid: u8, priority: u8) {
        let interface = IfIndex(if vrid == 2 { 3 } else { 2 });
        let Event::Received(received) = received(advert(vrid, priority), "10.0.0.250", 255) else { return };
        self.handle(Event::Received(Received { interface: Some(interface), ..received }));
    }

    fn states(&self) -> String {
        let instances = self.router.instances().map(|i| format!("{} {:?}", i.name(), i.state()));
        let groups = self.router.groups().map(|(name, state)| format!("{name} {state:?}"));
        instances.chain(groups).collect::<Vec<_>>().join(", ")
    }

    /// What was said and sent since the last time.
    fn told(&mut self) -> Vec<String> {
        let told = |action| match action {
            Action::Advertise { instance, packet } => Some(format!("{instance} says {}", packet.bytes()[2])),
            Action::Report { instance: Some(name), report: Report::Entered { to, .. } } => {
                Some(format!("{name} {to:?}"))
            }
            Action::Report { report: Report::GroupSyncing { group, to }, .. } => {
                Some(format!("{group} syncing {to:?}"))
            }
            Action::Report { report: Report::GroupEntered { group, to, .. }, .. } => {
                Some(format!("{group} {to:?}"))
            }
            Action::Announce { instance, rounds, .. } => Some(format!("{instance} announces x{rounds}")),
            _ => None,
        };
        self.out.drain(..).filter_map(told).collect()
    }

    /// Changes of state alone.
    fn changes(&mut self) -> Vec<String> {
        let told = self.told();
        told.into_iter().filter(|line| !line.contains("says") && !line.contains("announces")).collect()
    }
}

#[test]
fn the_group_says_backup_first_at_start_and_master_last() {
    let mut test = Test::new(abc(), &[("G", &["B", "A"])]);
    assert_eq!(test.changes(), ["G Backup", "B Backup", "A Backup", "C Backup"]);
    test.wait(DOWN);
    assert_eq!(
        test.told(),
        [
            // A's time is over first, and it waits for B.
            "B says 100",
            "B Master",
            "B announces x5",
            "G syncing Master",
            "A says 100",
            "A Master",
            "A announces x5",
            "G Master",
            "C says 100",
            "C Master",
            "C announces x5",
        ]
    );
}

#[test]
fn a_group_is_master_only_if_all_want_to_be() {
    let mut test = Test::new(abc(), &[("G", &["A", "B"])]);
    for _ in 0..20 {
        test.wait(Duration::from_secs(1));
        test.advert(2, 200);
    }
    assert_eq!(test.states(), "A Backup, B Backup, C Master, G Backup");
    // The last that B heard lets it wait; A has waited for long.
    test.told();
    test.wait(DOWN);
    assert_eq!(test.changes(), ["B Master", "G syncing Master", "A Master", "G Master"]);
    // An advert takes the wish away.
    let mut test = Test::new(abc(), &[("G", &["A", "B"])]);
    test.wait(Duration::from_secs(3));
    test.advert(2, 200);
    test.wait(Duration::from_secs(1));
    test.advert(1, 200);
    test.wait(Duration::from_secs(3));
    assert_eq!(test.states(), "A Backup, B Backup, C Master, G Backup");
    test.wait(Duration::from_secs(1));
    assert_eq!(test.states(), "A Master, B Master, C Master, G Master");
}

#[test]
fn one_that_yields_takes_the_others_with_it_and_they_say_no_priority_0() {
    let mut test = Test::masters();
    test.advert(2, 200);
    assert_eq!(test.told(), ["B Backup", "G syncing Backup", "A Backup", "G Backup"]);
    assert_eq!(test.router.instance("A").map(|i| i.stats().seldom.released_master), Some(1));
}

#[test]
fn one_that_fails_takes_the_others_with_it_and_they_say_priority_0_once() {
    let mut test = Test::masters();
    test.handle(Event::Link(named_link("eth1", 3, false)));
    // B has no link to say it on.
    assert_eq!(test.told(), ["B Fault", "G syncing Fault", "A says 0", "A Fault", "G Fault"]);
    assert_eq!(test.router.instance("A").map(|i| i.stats().seldom.priority_zero_sent), Some(1));
    let held = [Fault::Group("G".into())];
    assert!(test.router.instance("A").is_some_and(|a| a.faults().iter().eq(&held)));
    assert_eq!(test.states(), "A Fault, B Fault, C Master, G Fault");
    // A's own fault, and its end: B's is left.
    test.handle(Event::Link(named_link("eth0", 2, false)));
    test.handle(Event::Link(named_link("eth0", 2, true)));
    test.told();
    assert_eq!(test.states(), "A Fault, B Fault, C Backup, G Fault");
    test.handle(Event::Link(named_link("eth1", 3, true)));
    assert_eq!(test.told(), ["B Backup", "G syncing Backup", "A Backup", "G Backup"]);
    test.wait(DOWN);
    assert_eq!(test.states(), "A Master, B Master, C Master, G Master");
}

#[test]
fn a_group_leaves_fault_when_the_last_fault_is_gone() {
    let mut test = Test::masters();
    test.handle(Event::Link(named_link("eth1", 3, false)));
    test.handle(Event::Link(named_link("eth0", 2, false)));
    test.handle(Event::Link(named_link("eth1", 3, true)));
    assert_eq!(test.states(), "A Fault, B Fault, C Fault, G Fault");
    test.told();
    test.handle(Event::Link(named_link("eth0", 2, true)));
    assert_eq!(test.changes(), ["A Backup", "G syncing Backup", "B Backup", "G Backup", "C Backup"]);
}

#[test]
fn a_fault_at_start_holds_all() {
    let mut test = Test { router: Router::default(), now: START, out: vec![] };
    test.handle(net(false));
    test.handle(grouped(abc(), &[("G", &["A", "B"])]));
    assert_eq!(test.changes(), ["B Fault", "A Fault", "G Fault", "C Backup"]);
    test.handle(Event::Link(named_link("eth1", 3, true)));
    assert_eq!(test.changes(), ["B Backup", "G syncing Backup", "A Backup", "G Backup"]);
}

#[test]
fn a_group_waits_until_each_member_knows_whether_it_can_run() {
    let serving = ["10.0.0.2".parse().unwrap()].into();
    let Event::Config(mut config) = grouped(abc(), &[("G", &["A", "B"])]) else { return };
    config.serving = serving;
    let mut test = Test { router: Router::default(), now: START, out: vec![] };
    test.handle(net(true));
    test.handle(Event::Table(Table::Pending));
    test.handle(Event::Config(config));
    assert_eq!(test.changes(), ["C Backup"]);
    assert_eq!(test.states(), "A Init, B Init, C Backup, G Init");
    test.handle(Event::Table(Table::Writable));
    assert_eq!(test.changes(), ["G Backup", "A Backup", "B Backup"]);
}

#[test]
fn owners_lead_at_once_if_all_members_are() {
    let own = |b| vec![on("A", 1, "eth0", 255), on("B", 2, "eth1", b)];
    let mut test = Test::new(own(255), &[("G", &["A", "B"])]);
    assert_eq!(test.changes(), ["A Master", "B Master", "G Master"]);
    let mut test = Test::new(own(100), &[("G", &["A", "B"])]);
    assert_eq!(test.changes(), ["G Backup", "A Backup", "B Backup"]);
    test.wait(DOWN);
    assert_eq!(test.changes(), ["B Master", "G syncing Master", "A Master", "G Master"]);
}

#[test]
fn a_lower_master_makes_all_members_announce_once_a_second() {
    let mut test = Test::masters();
    test.wait(Duration::from_secs(6));
    test.told();
    for _ in 0..4 {
        test.advert(1, 50);
    }
    let announced = |test: &mut Test| -> Vec<String> {
        test.told().into_iter().filter(|line| line.contains("announces")).collect()
    };
    assert_eq!(announced(&mut test), ["A announces x5", "B announces x5"]);
    // And once more, each after its delay.
    test.wait(Duration::from_secs(6));
    assert_eq!(announced(&mut test), ["A announces x5", "B announces x5"]);
}

#[test]
fn a_reload_that_leaves_a_group_as_it_is_changes_nothing() {
    let mut test = Test::masters();
    test.handle(grouped(abc(), &[("G", &["B", "A"])]));
    assert_eq!(test.told(), Vec::<String>::new());
}

#[test]
fn a_new_member_becomes_what_its_group_is() {
    let mut test = Test::masters();
    let mut more = abc();
    more.push(on("D", 4, "eth1", 100));
    test.handle(grouped(more, &[("G", &["A", "B", "C", "D"])]));
    assert_eq!(test.changes(), ["D Master"]);
    test.advert(1, 200);
    assert_eq!(
        test.changes(),
        ["A Backup", "G syncing Backup", "B Backup", "C Backup", "D Backup", "G Backup"]
    );
}

#[test]
fn a_new_member_that_can_not_run_takes_the_group_down() {
    let mut test = Test::masters();
    let mut more = abc();
    more.push(on("D", 4, "eth7", 100));
    test.handle(grouped(more, &[("G", &["A", "B", "D"])]));
    assert_eq!(test.changes(), ["D Fault", "G syncing Fault", "A Fault", "B Fault", "G Fault"]);
    test.handle(grouped(abc(), &[("G", &["A", "B"])]));
    assert_eq!(test.changes(), ["D Init", "G syncing Backup", "A Backup", "B Backup", "G Backup"]);
}

#[test]
fn groups_come_and_go_and_nothing_flaps() {
    let mut test = Test::masters();
    test.handle(grouped(abc(), &[]));
    assert_eq!(test.told(), ["G Init"]);
    test.handle(grouped(abc(), &[("H", &["A", "B", "C"])]));
    assert_eq!(test.told(), ["H Master"]);
    test.handle(grouped(abc(), &[("H", &["C"]), ("G", &["A", "B"])]));
    assert_eq!(test.told(), ["G Master"]);
    test.advert(1, 200);
    assert_eq!(test.changes(), ["A Backup", "G syncing Backup", "B Backup", "G Backup"]);
    // One BACKUP takes all with it, in a new group, too; and they are free to go when it ends.
    test.handle(grouped(abc(), &[("H", &["C", "A", "B"])]));
    assert_eq!(test.changes(), ["H syncing Backup", "C Backup", "H Backup", "G Init"]);
    test.handle(grouped(abc(), &[]));
    test.wait(DOWN);
    assert_eq!(test.states(), "A Master, B Master, C Master");
}

#[test]
fn who_is_held_is_free_when_a_reload_takes_the_faulty_one_out() {
    let mut test = Test::masters();
    test.handle(Event::Link(named_link("eth1", 3, false)));
    test.told();
    test.handle(grouped(abc(), &[("G", &["A", "C"])]));
    assert_eq!(test.states(), "A Backup, B Fault, C Backup, G Backup");
    test.wait(DOWN);
    assert_eq!(test.states(), "A Master, B Fault, C Master, G Master");
}

#[test]
fn a_member_that_is_removed_lets_the_others_lead() {
    let mut test = Test::new(abc(), &[("G", &["A", "B"])]);
    for _ in 0..5 {
        test.wait(Duration::from_secs(1));
        test.advert(2, 200);
    }
    test.told();
    test.handle(grouped(vec![on("A", 1, "eth0", 100), on("C", 3, "eth0", 100)], &[("G", &["A"])]));
    assert_eq!(test.changes(), ["B Init", "G syncing Master", "A Master", "G Master"]);
}

#[test]
fn groups_stop_behind_all_instances() {
    let mut test = Test::masters();
    test.handle(Event::Stop);
    assert_eq!(test.changes(), ["A Init", "B Init", "C Init", "G Init"]);
    assert_eq!(test.router.instances().count(), 0);
}

/// Whether groups are many or large, they cost what their members would cost alone.
#[test]
#[allow(clippy::disallowed_methods, reason = "it measures")]
fn many_groups_and_large_ones_take_time_in_proportion() {
    let steps = |count: u16, size: usize| {
        let instance = |n: u16| {
            let interface = format!("eth{}", n / 200);
            on(&format!("I{n}"), u8::try_from(n % 200 + 1).unwrap(), &interface, 100)
        };
        let names: Vec<String> = (0..count).map(|n| format!("I{n}")).collect();
        let members: Vec<&str> = names.iter().map(String::as_str).collect();
        let group_names: Vec<String> = (0..members.len().div_ceil(size)).map(|n| format!("G{n}")).collect();
        let groups: Vec<(&str, &[&str])> =
            group_names.iter().map(String::as_str).zip(members.chunks(size)).collect();
        let all: Vec<_> = (0..=count / 200)
            .map(|n| (named_link(&format!("eth{n}"), u32::from(n) + 2, true), &["10.0.0.251/24"][..]))
            .collect();
        let mut test = Test { router: Router::default(), now: START, out: vec![] };
        test.handle(links(&all));
        let begin = std::time::Instant::now();
        test.handle(grouped((0..count).map(instance).collect(), &groups));
        test.wait(DOWN);
        assert!(test.router.instances().all(|i| i.state() == StateKind::Master));
        // Each link of a large group fails after the other, and comes back.
        for up in [false, true] {
            for (link, _) in &all {
                test.handle(Event::Link(crate::vrrp::event::Link { up, ..link.clone() }));
            }
        }
        assert!(test.router.instances().all(|i| i.state() == StateKind::Backup));
        begin.elapsed()
    };
    let least = |size| (0..3).map(|_| steps(4000, size)).min().unwrap();
    let alone = least(1);
    for size in [4, 1000, 4000] {
        let grouped = least(size);
        println!("4000 instances in groups of {size}: {grouped:?}; each alone: {alone:?}");
        assert!(grouped < alone * 3, "groups of {size} take {grouped:?}, the same alone {alone:?}");
    }
}
