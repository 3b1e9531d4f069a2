//! What becomes of the table: its own services and those of others, at a start, a reload, a mishap.

use super::{LIMIT, Worker, check_of, config, director, listen, local, row, server, service, wait_row};
use crate::support::{Host, Lab, Table, Test, wait_for};
use std::collections::BTreeSet;
use std::net::TcpStream;
use std::time::Duration;
use vipd::check::Balancer;
use vipd::check::adopt::Found;
use vipd::check::config::{Endpoint, RealServer, Settings, VirtualServer};
use vipd::daemon::worker::Options;
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{Forward, Netmask, Protocol, ServiceFlags, Tunnel, TunnelFlags, TunnelKind};
use vipd::ipvs::plan::plan;
use vipd::net::Family;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("check::others_services_stay", others_services_stay),
        Test::new("check::a_reload_changes_what_changed", a_reload_changes_what_changed),
        Test::new("check::a_successor_adopts_the_table", a_successor_adopts_the_table),
        Test::new("check::what_is_written_reads_back_the_same", what_is_written_reads_back_the_same),
        Test::new("check::a_cleared_table_is_healed", a_cleared_table_is_healed),
        Test::new("check::a_reload_heals_what_others_did", a_reload_heals_what_others_did),
        Test::new(
            "check::a_reload_looks_at_large_tables_behind_it",
            a_reload_looks_at_large_tables_behind_it,
        ),
        Test::new("check::what_others_have_set_by_hand_holds", what_others_have_set_by_hand_holds),
        Test::new(
            "check::what_others_have_removed_comes_back_by_itself",
            what_others_have_removed_comes_back_by_itself,
        ),
        Test::new("check::a_refused_service_hinders_no_other", a_refused_service_hinders_no_other),
        Test::new("check::a_thousand_services_go_at_once", a_thousand_services_go_at_once),
    ]
}

fn others_services_stay(lab: &Lab) {
    let host = director(lab);
    for line in [
        "-A -t 203.0.113.1:99 -s wlc",
        "-a -t 203.0.113.1:99 -r 10.98.0.1 -m",
        "-A -t 10.99.0.1:80 -s wlc",
        "-a -t 10.99.0.1:80 -r 10.98.0.44 -m",
    ] {
        host.run(&format!("ipvsadm {line}"));
    }
    let worker = Worker::start(&host, vec![service(1, vec![server(1, vec![])])], Options::default());
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec!["1/1".into()]), "a service of ours is ours whole");
    assert_eq!(row(&host, "203.0.113.1:99"), Ok(vec!["1/1".into()]));
    assert!(host.run("ipvsadm -Sn").contains("-A -t 10.99.0.1:80 -s rr"));
    worker.stop();
    assert_eq!(
        host.run("ipvsadm -Sn").trim(),
        "-A -t 203.0.113.1:99 -s wlc\n-a -t 203.0.113.1:99 -r 10.98.0.1:99 -m -w 1"
    );
}

/// Connections that a service and its servers have had since they were made.
fn connections(host: &Host, service: &str) -> Vec<String> {
    let text = host.run("ipvsadm -Ln --stats --exact");
    let mut lines = text.lines().skip_while(|l| !l.starts_with(&format!("TCP  {service}")));
    let head = lines.next().into_iter();
    let counted = head.chain(lines.take_while(|l| l.trim_start().starts_with("->")));
    let mut counts: Vec<_> =
        counted.map(|l| l.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ")).collect();
    counts.sort();
    counts
}

/// How many connections within a host were refused and accepted since it exists.
fn connects(host: &Host) -> (u64, u64) {
    let text = host.run("cat /proc/net/snmp");
    let mut tcp = text.lines().filter_map(|l| l.strip_prefix("Tcp: ")).map(str::split_whitespace);
    let (names, values) = tcp.next().zip(tcp.next()).expect("names and values");
    let counters: Vec<_> = names.zip(values).collect();
    let counter = |wanted| {
        let found = counters.iter().find(|(name, _)| *name == wanted).expect("a counter");
        found.1.parse().expect("a number")
    };
    (counter("AttemptFails"), counter("PassiveOpens"))
}

fn a_reload_changes_what_changed(lab: &Lab) {
    let host = director(lab);
    host.run("ip address add 10.99.0.1/32 dev lo");
    let _listener = listen(&host, local(1001));
    let first = |weight| {
        let mut second = server(2, vec![check_of(local(1001))]);
        second.weight = weight;
        service(1, vec![server(1, vec![]), second])
    };
    let mut worker =
        Worker::start(&host, vec![first(1), service(2, vec![server(1, vec![])])], Options::default());
    // Nobody needs to answer: the kernel counts what it schedules.
    host.enter(|| {
        for _ in 0..4 {
            let _ = TcpStream::connect_timeout(&([10, 99, 0, 1], 80).into(), Duration::from_millis(50));
        }
    });
    // What a listing shows is renewed every two seconds.
    let before = wait_for("the connections to be counted", LIMIT, || {
        let counted = connections(&host, "10.99.0.1:80");
        if counted == ["10.98.0.1:80 2", "10.98.0.2:80 2", "10.99.0.1:80 4"] {
            Ok(counted)
        } else {
            Err(format!("{counted:?}"))
        }
    });

    worker.reload(vec![first(3), service(3, vec![server(4, vec![])])]);
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec!["1/1".into(), "2/3".into()]));
    assert_eq!(row(&host, "10.99.0.3:80"), Ok(vec!["4/1".into()]));
    assert!(row(&host, "10.99.0.2:80").is_err(), "what is no longer wanted is gone");
    assert_eq!(connections(&host, "10.99.0.1:80"), before, "what stayed was not made anew");
    worker.stop();
    assert!(Table::of(&host).expect("a table").is_empty());
}

fn a_successor_adopts_the_table(lab: &Lab) {
    let host = director(lab);
    let _alive = listen(&host, local(1001));
    let mut inhibited = server(1, vec![check_of(local(1002))]);
    inhibited.inhibit_on_failure = true;
    let mut alpha = server(3, vec![check_of(local(1001))]);
    alpha.checkers[0].schedule.alpha = true;
    let config = vec![service(1, vec![inhibited, server(2, vec![check_of(local(1002))]), alpha])];
    // A worker that is killed cannot clean up: nor does this one.
    let dies = Options { dont_release_ipvs: true, ..Options::default() };
    let worker = Worker::start(&host, config.clone(), dies);
    wait_row(&host, "10.99.0.1:80", &["1/0", "3/1"]);
    worker.stop();
    // ipvsadm lists a service again and again while other tests change the tables of their namespaces.
    let listed = || host.run("ipvsadm -Sn").lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let left = listed();

    let (refused, accepted) = connects(&host);
    let respawned = Options { respawned: true, ..Options::default() };
    let worker = Worker::start(&host, config, respawned);
    // Two checks fail with two tries each, one succeeds: until they have run anew, and as long again.
    wait_for("the checks to have run twice", LIMIT, || {
        assert_eq!(listed(), left, "nothing changes at any moment");
        match connects(&host) {
            (r, a) if r >= refused + 8 && a >= accepted + 2 => Ok(()),
            seen => Err(format!("{seen:?} after {:?}", (refused, accepted))),
        }
    });
    let _returned = listen(&host, local(1002));
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1", "3/1"]);
    worker.stop();
}

/// Otherwise each start would write what is there already.
fn what_is_written_reads_back_the_same(lab: &Lab) {
    let host = director(lab);
    let udp = |mut vs: VirtualServer| {
        vs.protocol = Protocol::Udp;
        vs.name = format!("{} UDP", vs.name);
        vs
    };
    let mut methods = service(1, (1..=5).map(|n| server(n, vec![])).collect());
    methods.real_servers[1].forward = Forward::Masq;
    methods.real_servers[1].address.set_port(8080);
    methods.real_servers[2].forward = Forward::Tunnel(Tunnel::default());
    methods.real_servers[3].forward =
        Forward::Tunnel(Tunnel { kind: TunnelKind::Gue, port: 6080, flags: TunnelFlags::CSUM });
    // The director itself.
    methods.real_servers[4].address = ([10, 98, 0, 254], 80).into();
    methods.real_servers[0].weight = 65535;
    (methods.real_servers[0].upper_threshold, methods.real_servers[0].lower_threshold) = (100, 50);
    let mut persistent = service(2, vec![server(1, vec![])]);
    (persistent.persistence_timeout, persistent.persistence_granularity) =
        (300, Some(Netmask::from_prefix(Family::V4, 24)));
    let mut flags = service(3, vec![server(1, vec![])]);
    (flags.scheduler, flags.flags) = ("sh".into(), ServiceFlags::SCHED1 | ServiceFlags::SCHED2);
    let mut one_packet = udp(service(4, vec![server(1, vec![])]));
    one_packet.flags = ServiceFlags::ONE_PACKET;
    let mut sip = udp(service(5, vec![server(1, vec![])]));
    (sip.persistence_timeout, sip.persistence_engine) = (60, Some("sip".into()));
    let mut group = service(6, vec![server(1, vec![])]);
    group.real_servers[0].address = "[2001:db8::11]:80".parse().expect("an address");
    (group.persistence_timeout, group.persistence_granularity) =
        (60, Some(Netmask::from_prefix(Family::V6, 64)));
    group.endpoints = vec![
        Endpoint::Address("[2001:db8::1]:80".parse().expect("an address")),
        Endpoint::Fwmark { mark: 6, family: Family::V6 },
    ];
    let mut all_ports = service(7, vec![server(1, vec![])]);
    all_ports.endpoints = vec![Endpoint::Address(([10, 99, 0, 7], 0).into())];
    all_ports.persistence_timeout = 60;

    let all = vec![methods, persistent, flags, one_packet, sip, group, all_ports];
    let mut balancer = Balancer::new(0);
    let wanted = config(all.clone()).check;
    balancer.configure(vipd::time::Instant::ZERO, wanted, &Found::default(), &mut Vec::new());
    let worker = Worker::start(&host, all, Options::default());
    let actual = host.enter(|| Client::open().and_then(|mut client| client.table())).expect("a table");
    assert_eq!(actual.services.len(), balancer.desired().services.len());
    assert_eq!(plan(&actual, &balancer.desired(), &[]), []);
    worker.stop();
}

fn a_cleared_table_is_healed(lab: &Lab) {
    let host = director(lab);
    let listener = listen(&host, local(1001));
    let config =
        vec![service(1, vec![server(1, vec![check_of(local(1001))]), server(2, vec![])]), service(2, vec![])];
    let worker = Worker::start(&host, config, Options::default());
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1"]);
    host.run("ipvsadm -C");
    drop(listener);
    wait_row(&host, "10.99.0.1:80", &["2/1"]);
    assert_eq!(row(&host, "10.99.0.2:80"), Ok(vec![]), "the other service is back too");
    worker.stop();
}

/// Nothing of the configuration changes: what others did to the table is seen by reading it.
fn a_reload_heals_what_others_did(lab: &Lab) {
    let host = director(lab);
    let config = || vec![service(1, vec![server(1, vec![]), server(2, vec![])]), service(2, vec![])];
    let mut worker = Worker::start(&host, config(), Options::default());
    let wanted = host.run("ipvsadm -Sn");
    for damage in [
        "-C",
        "-D -t 10.99.0.2:80",
        "-d -t 10.99.0.1:80 -r 10.98.0.1:80",
        "-e -t 10.99.0.1:80 -r 10.98.0.2:80 -i -w 1",
        "-E -t 10.99.0.1:80 -s wlc",
    ] {
        host.run(&format!("ipvsadm {damage}"));
        assert_ne!(host.run("ipvsadm -Sn"), wanted, "{damage}");
        worker.reload(config());
        let lines = |text: String| -> Vec<String> {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(host.run("ipvsadm -Sn")), lines(wanted.clone()), "{damage}");
    }
    worker.stop();
}

/// More than one turn takes in: what is far behind comes back, too, without anybody having asked for looks.
fn a_reload_looks_at_large_tables_behind_it(lab: &Lab) {
    let host = director(lab);
    let config = || {
        let many = |n: u8| service(n, (1..=200).map(|n| server(n, vec![])).collect());
        let settings = Settings { leave_drift: true, ..Settings::default() };
        let virtual_servers = (1..=5).map(many).collect();
        let check = vipd::check::Config { virtual_servers, settings, ..Default::default() };
        vipd::conf::Config { check, ..Default::default() }
    };
    let mut worker = Worker::begin(&host, config(), Options::default());
    let lines = || -> BTreeSet<String> { host.run("ipvsadm -Sn").lines().map(str::to_owned).collect() };
    let wanted = lines();
    assert_eq!(wanted.len(), 5 * 201);
    for n in 1..=5 {
        host.run(&format!("ipvsadm -d -t 10.99.0.{n}:80 -r 10.98.0.200:80"));
    }
    worker.change(config());
    wait_for("what others have removed", LIMIT, || match wanted.difference(&lines()).count() {
        0 => Ok(()),
        missing => Err(format!("{missing} missing")),
    });
    worker.stop();
}

/// A weight, and servers that were added: through reloads and looks at the table, until something changes there.
fn what_others_have_set_by_hand_holds(lab: &Lab) {
    let host = director(lab);
    let listener = listen(&host, local(1001));
    let config = |weight: u32| {
        let server = |n, checks| RealServer { weight, ..server(n, checks) };
        let servers = vec![server(1, vec![check_of(local(1001))]), server(2, vec![])];
        let settings = Settings { drift_interval: Some(Duration::from_millis(100)), ..Settings::default() };
        let check = vipd::check::Config {
            virtual_servers: vec![service(1, servers)],
            settings,
            ..Default::default()
        };
        vipd::conf::Config { check, ..Default::default() }
    };
    let mut worker = Worker::begin(&host, config(1), Options::default());
    let at = "10.99.0.1:80";
    wait_row(&host, at, &["1/1", "2/1"]);
    for hand in ["-e -t 10.99.0.1:80 -r 10.98.0.1:80 -g -w 7", "-a -t 10.99.0.1:80 -r 10.98.0.3:80 -g -w 3"] {
        host.run(&format!("ipvsadm {hand}"));
    }
    let removed = || host.run("ipvsadm -d -t 10.99.0.1:80 -r 10.98.0.2:80");
    removed();
    wait_row(&host, at, &["1/7", "2/1", "3/3"]);
    worker.change(config(1));
    assert_eq!(row(&host, at), Ok(["1/7", "2/1", "3/3"].map(str::to_owned).to_vec()), "through a reload");
    drop(listener);
    wait_row(&host, at, &["2/1", "3/3"]);
    let _back = listen(&host, local(1001));
    wait_row(&host, at, &["1/1", "2/1", "3/3"]);
    host.run("ipvsadm -e -t 10.99.0.1:80 -r 10.98.0.1:80 -g -w 7");
    worker.change(config(2));
    wait_row(&host, at, &["1/2", "2/2", "3/3"]);
    let mut lets_be = config(2);
    lets_be.check.settings.leave_drift = true;
    worker.change(lets_be);
    removed();
    host.run("ipvsadm -e -t 10.99.0.1:80 -r 10.98.0.1:80 -g -w 7");
    worker.change(config(2));
    wait_row(&host, at, &["1/7", "2/2", "3/3"]);
    worker.stop();
}

/// All that is missing is seen by looking at the table now and then, and put back.
fn what_others_have_removed_comes_back_by_itself(lab: &Lab) {
    let host = director(lab);
    // More than one look takes in: each service waits for its turn.
    let many = |n: u8| service(n, (1..=100).map(|n| server(n, vec![])).collect());
    let settings = Settings { drift_interval: Some(Duration::from_millis(100)), ..Settings::default() };
    let check =
        vipd::check::Config { virtual_servers: (1..=3).map(many).collect(), settings, ..Default::default() };
    let worker = Worker::begin(&host, vipd::conf::Config { check, ..Default::default() }, Options::default());
    let lines = || -> BTreeSet<String> { host.run("ipvsadm -Sn").lines().map(str::to_owned).collect() };
    let wanted = lines();
    assert_eq!(wanted.len(), 3 * 101);
    host.run("ipvsadm -A -t 203.0.113.1:99 -s wlc");
    for damage in [
        "-D -t 10.99.0.2:80",
        "-d -t 10.99.0.1:80 -r 10.98.0.1:80",
        "-d -t 10.99.0.3:80 -r 10.98.0.100:80",
        "-e -t 10.99.0.1:80 -r 10.98.0.2:80 -i -w 1",
        "-E -t 10.99.0.2:80 -s wlc",
    ] {
        host.run(&format!("ipvsadm {damage}"));
        wait_for(format_args!("what is missing after {damage}"), LIMIT * 3, || {
            let found = lines();
            let missing: Vec<_> = wanted.difference(&found).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
        });
    }
    assert_eq!(lines().len(), wanted.len() + 1, "and what belongs to others is left alone");
    worker.stop();
}

fn a_refused_service_hinders_no_other(lab: &Lab) {
    let host = director(lab);
    let listener = listen(&host, local(1001));
    let good = || service(1, vec![server(1, vec![check_of(local(1001))]), server(2, vec![])]);
    let mut bad = service(2, vec![server(1, vec![])]);
    bad.scheduler = "nosuch".into();
    let mut worker = Worker::start(&host, vec![bad.clone(), good()], Options::default());
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1"]);
    drop(listener);
    wait_row(&host, "10.99.0.1:80", &["2/1"]);
    assert!(row(&host, "10.99.0.2:80").is_err());
    bad.scheduler = "rr".into();
    worker.reload(vec![bad, good()]);
    assert_eq!(row(&host, "10.99.0.2:80"), Ok(vec!["1/1".into()]));
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec!["2/1".into()]));
    worker.stop();
}

fn a_thousand_services_go_at_once(lab: &Lab) {
    let host = director(lab);
    host.run("ipvsadm -A -t 203.0.113.1:99 -s wlc");
    let many = (0..1000u16)
        .map(|n| {
            let mut vs = service(1, vec![server(1, vec![]), server(2, vec![])]);
            vs.name = format!("service {n}");
            vs.endpoints = vec![Endpoint::Address(([10, 99, 1, 1], 1000 + n).into())];
            vs
        })
        .collect();
    let worker = Worker::start(&host, many, Options::default());
    // The kernel has one table for all namespaces: what changes in another one while this one is listed can hide a
    // service, so one listing does not do.
    wait_for("1001 services", LIMIT, || match Table::of(&host)?.services.len() {
        1001 => Ok(()),
        count => Err(count.to_string()),
    });
    worker.stop();
    assert_eq!(host.run("ipvsadm -Sn").trim(), "-A -t 203.0.113.1:99 -s wlc");
}
