//! Addresses, routes and rules as the kernel holds them: each file is played with keepalived and then with vipd on the
//! same host, and `ip` has to show the same of both.

mod same;

use super::support::Implementation::Vipd;
use super::support::{Lab, Test, wait_for};
use same::{LIMIT, block, instance, same, shown, start, wait_changed};
use std::collections::BTreeSet;

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("routing::address_options_are_keepalived_s", address_options),
        Test::new("routing::ipv4_routes_are_keepalived_s", routes_v4),
        Test::new("routing::ipv6_routes_are_keepalived_s", routes_v6),
        Test::new("routing::rules_are_keepalived_s", rules),
        Test::new("routing::statics_are_keepalived_s", statics),
        Test::new("routing::statics_come_first_and_are_put_back", statics_first),
        Test::new("routing::what_can_t_be_set_again_is_a_fault", lost),
        Test::new("routing::what_somebody_removes_is_set_again", taken),
        Test::new("routing::what_a_killed_run_has_left_is_removed", left),
    ]
}

fn address_options(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    let v4 = block(
        "virtual_ipaddress_excluded",
        &[
            "10.1.0.1/24 brd + label eth0:1",
            "10.1.1.1/24 brd - scope link",
            "10.1.2.1/24 brd 10.1.2.200 dev eth1 no_track",
            "10.1.3.1/24 noprefixroute",
            "10.1.4.1 peer 10.1.4.2",
            "10.1.5.1 dev eth1 peer 10.9.5.2",
            "10.1.6.1/32 scope host",
            "10.1.7.1/24 preferred_lft 100",
            "10.1.99.1/24",
        ],
    );
    let set = same(&one, &instance(4, &v4), "10.1.99.1/24");
    let has = |part: &str| assert!(set.iter().any(|line| line.contains(part)), "{part}: {set:#?}");
    has("10.1.0.1/24 brd 10.1.0.255 scope global eth0:1");
    has("10.1.4.1 peer 10.1.4.2/32");
    has("noprefixroute");
    let v6 = block(
        "virtual_ipaddress_excluded",
        &[
            "2001:db8:1::1/64 noprefixroute",
            "2001:db8:2::1/64 home",
            "2001:db8:3::1/64 mngtmpaddr",
            "2001:db8:4::1/64 preferred_lft 1000",
            "2001:db8:5::1/64 preferred_lft 0",
            "2001:db8:6::1/128",
            "2001:db8:7::1/128 preferred_lft forever",
            "2001:db8:8::1 dev eth1 peer 2001:db8:8::2",
            "2001:db8:9::1/64 -nodad dev eth1",
            "ff15::7:1/64 autojoin",
            "2001:db8:99::1/64",
        ],
    );
    let set = same(&one, &instance(6, &v6), "2001:db8:99::1/64");
    let has = |part: &str| assert!(set.iter().any(|line| line.contains(part)), "{part}: {set:#?}");
    has("home");
    has("mngtmpaddr");
    has("2001:db8:8::1 peer 2001:db8:8::2/128");
}

fn routes_v4(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    one.configure(&["address add 10.7.0.1/24 dev eth1"]);
    let lines = [
        "10.20.0.0/16 via 10.0.0.2 dev eth0",
        "10.21.0.0/16 dev eth1",
        "10.22.0.0/16 via 10.7.0.2 dev eth1 src 10.0.0.99 metric 7",
        "10.23.0.0/16 via 10.7.0.2 dev eth1 table 300 scope link no_track",
        "10.24.0.0/16 dev eth1 scope link table 12",
        "blackhole 10.25.0.0/16 no_track",
        "unreachable 10.26.0.0/16 metric 3 no_track",
        "prohibit 10.27.0.0/16 no_track",
        "throw 10.28.0.0/16 table 12 no_track",
        "10.29.0.0/16 via 10.9.9.9 dev eth1 onlink",
        "10.30.0.0/16 via 10.0.0.3 dev eth0 mtu lock 1400 advmss 1300 window 20000",
        "10.31.0.0/16 via 10.0.0.3 dev eth0 hoplimit 9 initcwnd 20 initrwnd 30 rto_min 300ms cwnd lock 40",
        "10.32.0.0/16 via 10.0.0.3 dev eth0 ssthresh 50 reordering 5 quickack 1 features ecn",
        "10.32.1.0/24 via 10.0.0.3 dev eth0 rtt 2400 rttvar lock 1.5s rto_min 250",
        // Each less than the least that keepalived gives.
        "10.32.2.0/24 via 10.0.0.3 dev eth0 rtt 102 rttvar 103ms rto_min 0.1s",
        "10.33.0.0/16 via 10.0.0.3 dev eth0 congctl lock cubic fastopen_no_cookie 1",
        "10.34.0.0/16 via 10.0.0.3 dev eth0 protocol 77 no_track",
        "10.35.0.0/16 via 10.0.0.3 dev eth0 tos 0x10",
        "10.36.0.0/16 no_track nexthop via 10.0.0.4 dev eth0 weight 3 nexthop via 10.7.0.4 dev eth1 weight 256",
        "10.37.0.0/16 no_track nexthop via 10.0.0.4 dev eth0 nexthop via 10.9.0.4 dev eth1 onlink",
        "10.38.0.0/16 via inet6 fe80::5 dev eth1",
        "default via 10.0.0.2 dev eth0 metric 900",
        "local 10.40.0.0/24 dev lo no_track",
        "10.41.0.1 via 10.0.0.2 no_track",
        "10.42.0.0/16 encap ip id 5 dst 10.0.0.9 src 10.0.0.1 tos 16 ttl 64 via 10.0.0.2 dev eth0",
        "10.43.0.0/16 encap ip6 id 6 dst 2001:db8::9 hoplimit 60 tc 32 via 10.0.0.2 dev eth0",
        "10.99.0.0/16 via 10.0.0.2 dev eth0",
    ];
    same(&one, &instance(4, &block("virtual_routes", &lines)), "10.99.0.0/16");
}

fn routes_v6(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    one.configure(&["address add 2001:db8::1/64 dev eth0", "address add 2001:db8:7::1/64 dev eth1"]);
    let lines = [
        "2001:db8:20::/48 via 2001:db8::2 dev eth0",
        "2001:db8:21::/48 dev eth1 metric 5",
        "2001:db8:22::/48 via fe80::2 dev eth1 src 2001:db8::1 pref high",
        "2001:db8:23::/48 via 2001:db8:7::2 dev eth1 table 300",
        "blackhole 2001:db8:25::/48 no_track",
        "unreachable 2001:db8:26::/48 metric 3 no_track",
        "2001:db8:27::/48 from 2001:db8:77::/48 via 2001:db8::2 dev eth0",
        "2001:db8:28::/48 via 2001:db8::2 dev eth0 expires 1000",
        "2001:db8:29::/48 via 2001:db8::2 dev eth0 mtu lock 1400 hoplimit 7 advmss 1200 pref low",
        "2001:db8:30::/48 no_track nexthop via 2001:db8::4 dev eth0 weight 3 nexthop via 2001:db8:7::4 dev eth1",
        "2001:db8:31::/48 encap ip6 dst 2001:db8::9 hoplimit 60 tc 32 flags 0 via 2001:db8::2 dev eth0",
        "default6 via 2001:db8::2 dev eth0 metric 900",
        "2001:db8:99::/48 via 2001:db8::2 dev eth0",
    ];
    same(&one, &instance(6, &block("virtual_routes", &lines)), "2001:db8:99::/48");
}

fn rules(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let lines = [
        "from 10.1.0.0/16 table 100 priority 100",
        "not from 10.1.0.0/16 to 10.2.0.0/16 table 300 priority 101",
        "to 10.3.0.0/16 tos 0x10 table 100 priority 102",
        "from all fwmark 5 table 100 priority 103",
        "fwmark 5/0xff table 100 priority 104",
        "iif eth0 table 100 priority 105",
        "oif eth0 table 100 priority 106",
        "from 10.4.0.0/16 blackhole priority 107",
        "from 10.4.0.0/16 unreachable priority 108",
        "from 10.4.0.0/16 prohibit priority 109",
        "from 10.4.0.0/16 nop priority 110",
        "from 10.4.0.0/16 goto 200 priority 111",
        "from 10.5.0.0/16 table 100 suppress_prefixlength 8 suppress_ifgroup 3 priority 112",
        "uidrange 100-200 table 100 priority 113",
        "ipproto tcp sport 100-200 dport 80-80 table 100 priority 114",
        "from 10.6.0.0/16 l3mdev priority 115",
        "from 10.7.0.0/16 table 100 realms 3/4 priority 116",
        "from 10.8.0.0/16 tunnel-id 77 table 100 priority 117",
        "from 10.9.0.0/16 table 100 protocol 99 no_track priority 118",
        "from 2001:db8:1::/48 to 2001:db8:2::/48 table 100 priority 119",
        "iif eth0 ipproto udp dport 53-53 table 301 priority 120 inet6",
        "from 10.99.0.0/16 table 100 priority 200",
    ];
    same(&one, &instance(4, &block("virtual_rules", &lines)), "10.99.0.0/16");
}

/// Everything that a test of vipd alone sets.
fn some() -> String {
    let routes =
        block("virtual_routes", &["10.20.0.0/16 via 10.0.0.2 dev eth0", "2001:db8:20::/48 dev eth0"]);
    let rules =
        block("virtual_rules", &["from 10.1.0.0/16 table 100 priority 100", "iif eth0 table 7 priority 101"]);
    instance(4, &(routes + &rules))
}

fn taken(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let before = shown(&one);
    let director = start(Vipd, &one, &some());
    let all = wait_for("all of it", LIMIT, || {
        let set: BTreeSet<String> = shown(&one).difference(&before).cloned().collect();
        if set.iter().filter(|line| line.contains("keepalived")).count() == 4 {
            Ok(set)
        } else {
            Err(format!("{set:#?}"))
        }
    });
    for line in [
        "ip route del 10.20.0.0/16",
        "ip -6 route del 2001:db8:20::/48",
        "ip rule del priority 100",
        "ip rule del priority 101",
    ] {
        one.run(line);
        wait_changed(&one, &before, &all, Vipd);
    }
    // The kernel says nothing of IPv4 routes that go with their interface.
    one.run("ip link set eth0 down");
    one.run("ip link set eth0 up");
    wait_for("it to be set again", LIMIT, || {
        let now = shown(&one);
        let missing: Vec<_> = all.difference(&now).filter(|line| line.contains("keepalived")).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:#?}")) }
    });
    let log = director.process().log();
    for part in [
        "route 10.20.0.0/16 via 10.0.0.2 dev eth0: setting it again",
        "rule 100: from 10.1.0.0/16 lookup 100",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
}

/// A backup removes what a run that was killed has left, and says what else has its number.
fn left(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let before = shown(&one);
    let first = start(Vipd, &one, &some());
    let ours = || shown(&one).difference(&before).filter(|line| line.contains("keepalived")).count();
    let count = |expected: usize| {
        wait_for(format_args!("{expected} routes and rules"), LIMIT, || match ours() {
            count if count == expected => Ok(()),
            count => Err(count.to_string()),
        });
    };
    count(4);
    first.kill();
    one.run("ip route add 10.77.0.0/16 dev eth0 proto keepalived");
    let _master = start(Vipd, &two, &some().replace("priority 200", "priority 250"));
    wait_for("the other to be master", LIMIT, || {
        if two.has_address("10.0.0.99") { Ok(()) } else { Err("it is not".to_owned()) }
    });
    let second = start(Vipd, &one, &some());
    count(1);
    let log = second.process().log();
    assert!(log.contains("found route 10.77.0.0/16"), "{log}");
    assert!(log.contains("removed 2 rules") && log.contains("removed 2 routes"), "{log}");
}

/// A block at the top of the file.
fn top(name: &str, lines: &[&str]) -> String {
    block(name, lines).lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect()
}

fn statics(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    let addresses =
        ["10.8.0.1/24 dev eth1 brd + label eth1:1", "10.8.1.1/24 dev eth1", "2001:db8:8::1/64 dev eth1"];
    let routes = ["10.20.0.0/16 via 10.8.0.2 dev eth1", "10.21.0.0/16 via 10.8.0.2 dev eth1 src 10.8.1.1"];
    let rules = ["from 10.8.0.0/16 table 100 priority 100", "from 10.9.0.0/16 table 100 priority 101"];
    let config = top("static_ipaddress", &addresses)
        + &top("static_routes", &routes)
        + &top("static_rules", &rules)
        + &instance(4, &block("virtual_routes", &["10.99.0.0/16 via 10.0.0.2 dev eth0"]));
    let set = same(&one, &config, "10.99.0.0/16");
    assert!(set.iter().any(|line| line.contains("10.21.0.0/16")), "{set:#?}");
    // What was there before stays.
    one.run("ip address add 10.8.1.1/24 dev eth1");
    let before = shown(&one);
    let director = start(Vipd, &one, &config);
    wait_for("the last route", LIMIT, || {
        if shown(&one).iter().any(|line| line.contains("10.99.0.0/16")) {
            Ok(())
        } else {
            Err("no".to_owned())
        }
    });
    director.terminate();
    wait_changed(&one, &before, &BTreeSet::new(), Vipd);
}

fn statics_first(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    let with = |routes: &[&str]| {
        top("static_ipaddress", &["10.8.0.1/24 dev eth1"])
            + &top("static_routes", routes)
            + &instance(4, "").replace("eth0", "eth1")
    };
    let director = start(Vipd, &one, &with(&["10.20.0.0/16 via 10.8.0.2 dev eth1"]));
    let there = |part: &str, expected: bool| {
        wait_for(format_args!("{part}: {expected}"), LIMIT, || {
            let shown = shown(&one);
            let is = shown.iter().any(|line| line.contains(part));
            if is == expected { Ok(()) } else { Err(format!("{shown:#?}\n{}", director.process().log())) }
        });
    };
    there("10.0.0.99/32", true);
    let log = director.process().log();
    assert!(!log.contains("FAULT"), "the instance has its source address from the first: {log}");
    one.run("ip route del 10.20.0.0/16");
    there("10.20.0.0/16", true);
    // Its route goes with it, of which the kernel says nothing.
    one.run("ip address del 10.8.0.1/24 dev eth1");
    there("inet 10.8.0.1/24", true);
    there("10.20.0.0/16", true);
    let log = director.process().log();
    assert!(log.contains("Restoring deleted static route 10.20.0.0/16 via 10.8.0.2 dev eth1"), "{log}");
    assert!(log.contains("Restoring deleted static address 10.8.0.1/24 on eth1"), "{log}");
    director.reload(&with(&["10.21.0.0/16 via 10.8.0.2 dev eth1"]));
    there("10.21.0.0/16", true);
    there("10.20.0.0/16", false);
    // Its gateway can't be reached. Nobody has to be master for it.
    director.reload(&with(&["10.21.0.0/16 via 10.8.0.2 dev eth1", "10.22.0.0/16 via 10.77.0.1 dev eth1"]));
    wait_for("a refusal", LIMIT, || {
        let log = director.process().log();
        if log.contains("can't set static route 10.22.0.0/16 via 10.77.0.1 dev eth1: ") {
            Ok(())
        } else {
            Err(log)
        }
    });
    assert!(!director.process().log().contains("while master"), "{}", director.process().log());
    director.terminate();
    for part in ["10.21.0.0/16", "10.8.0.1", "10.0.0.99"] {
        assert!(!shown(&one).iter().any(|line| line.contains(part)), "{part}: {:#?}", shown(&one));
    }
}

/// A route whose gateway is not reachable any more: another router may have it.
fn lost(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    one.run("ip address add 10.7.0.1/24 dev eth1");
    let route = "10.20.0.0/16 via 10.7.0.2 dev eth1";
    let virtual_route = instance(4, &block("virtual_routes", &[route]));
    let static_route = top("track_group", &["group {", "VI_4", "}"]).replace("track_group", "track_group G")
        + &top("static_routes", &[&format!("{route} track_group G")])
        + &instance(4, "");
    for config in [virtual_route, static_route] {
        let director = start(Vipd, &one, &config);
        let master = |expected: bool| {
            wait_for(format_args!("master with its route: {expected}"), LIMIT, || {
                let has_route = shown(&one).iter().any(|line| line.contains("10.20.0.0/16"));
                let is = one.has_address("10.0.0.99");
                if is == expected && has_route == expected { Ok(()) } else { Err(director.process().log()) }
            });
        };
        master(true);
        one.run("ip address del 10.7.0.1/24 dev eth1");
        master(false);
        let log = director.process().log();
        assert!(
            log.contains("route 10.20.0.0/16 via 10.7.0.2 dev eth1 was removed and can't be set again"),
            "{log}"
        );
        one.run("ip address add 10.7.0.1/24 dev eth1");
        master(true);
    }
}
