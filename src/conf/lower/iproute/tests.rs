use crate::conf::schema::{Block, Kind};
use crate::conf::{Config, LoadOptions, NameFolders, load_text};
use crate::net::{Family, NameTable};
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::config::address::Lifetime;
use crate::vrrp::config::route::{Encap, Insert, Metric, MetricValue, NextHop, Realms, Route, RouteKind};
use crate::vrrp::config::rule::{self, Mark, Rule, RuleAction, Suppress};
use proptest::prelude::*;

/// The names of a machine that has some of its own.
fn name(_: NameFolders<'_>, table: NameTable, name: &str) -> Option<u32> {
    match (table, name) {
        (NameTable::Tables, "small") => Some(100),
        (NameTable::Protocols, "ours") => Some(200),
        (NameTable::Realms, "cosmos") => Some(0),
        (NameTable::Realms, "PQA") => Some(20),
        (NameTable::Fields, "AF11") => Some(0x28),
        (NameTable::Groups, "default") => Some(0),
        _ => None,
    }
}

/// What reading them gives, and what is said of them. That a group's instance is not defined is another subject.
fn load(text: &str) -> (Config, Vec<&'static str>) {
    let loaded = load_text("test", text, &LoadOptions { names: Some(&name), ..LoadOptions::default() });
    let found =
        loaded.diagnostics.iter().map(|d| d.code.id).filter(|id| !matches!(*id, "V0901" | "V0622")).collect();
    (loaded.config.unwrap_or_default(), found)
}

fn address(line: &str) -> (Option<VirtualAddress>, Vec<&'static str>) {
    let (mut config, found) = load(&format!("static_ipaddress {{\n{line}\n}}"));
    (config.vrrp.statics.addresses.pop().map(|a| a.item), found)
}

fn route(line: &str) -> (Option<Route>, Vec<&'static str>) {
    let (mut config, found) = load(&format!("static_routes {{\n{line}\n}}"));
    (config.vrrp.statics.routes.pop().map(|r| r.item), found)
}

fn rule(line: &str) -> (Option<Rule>, Vec<&'static str>) {
    let (mut config, found) = load(&format!("static_rules {{\n{line}\n}}"));
    (config.vrrp.statics.rules.pop().map(|r| r.item), found)
}

#[test]
fn an_address_has_what_its_options_say() {
    let (is, found) = address(
        "10.0.0.1 dev eth1 scope link label eth1:1 peer 10.0.0.2 home -nodad mngtmpaddr noprefixroute autojoin \
         no_track preferred_lft 60",
    );
    assert_eq!(found, [""; 0]);
    let mut wanted = VirtualAddress::new("10.0.0.1/32".parse().unwrap(), "eth1");
    (wanted.scope, wanted.label, wanted.peer) =
        (253, Some("eth1:1".into()).into(), Some("10.0.0.2".parse().unwrap()).into());
    let flags = &mut wanted.flags;
    (flags.home, flags.detect_duplicates, flags.manage_temporary) = (true, true, true);
    (flags.no_prefix_route, flags.autojoin) = (true, true);
    (wanted.tracked, wanted.preferred_lft) = (false, Lifetime::Seconds(60));
    assert_eq!(is, Some(wanted));
}

#[test]
fn an_address_without_options_has_keepalived_s_defaults() {
    let of = |line: &str| address(line).0.map(|a| (a.interface, a.preferred_lft)).unwrap();
    assert_eq!(of("10.0.0.1"), ("eth0".into(), Lifetime::Forever));
    assert_eq!(of("2001:db8::1/64 dev x"), ("x".into(), Lifetime::Forever));
    assert_eq!(of("2001:db8::1"), ("eth0".into(), Lifetime::Seconds(0)));
    assert_eq!(of("2001:db8::1 preferred_lft forever").1, Lifetime::Forever);
}

#[test]
fn broadcast_addresses_are_worked_out() {
    let of = |line: &str| address(line).0.and_then(|a| *a.broadcast).map(|b| b.to_string());
    assert_eq!(of("10.0.0.1/24 brd +").as_deref(), Some("10.0.0.255"));
    assert_eq!(of("10.0.0.1/24 broadcast -").as_deref(), Some("10.0.0.0"));
    assert_eq!(of("10.0.0.1/24 brd 10.0.0.7").as_deref(), Some("10.0.0.7"));
    assert_eq!(address("10.0.0.1/31 brd +").1, ["V0206"]);
    assert_eq!(address("2001:db8::1 brd +"), (None, vec!["V0205"]));
}

#[test]
fn mistakes_in_addresses_are_found() {
    let found = |line: &str, codes: &[&str], stays: bool| {
        let (address, found) = address(line);
        assert_eq!((found.as_slice(), address.is_some()), (codes, stays), "{line}");
    };
    found("10.0.0.1/24 foo bar baz home foo", &["V0221", "V0221"], true);
    found("10.0.0.1/24 peer 10.0.0.2", &["V0707"], true);
    found("10.0.0.1 peer 10.0.0.2 brd +", &["V0707"], true);
    found("10.0.0.1 peer 10.0.0.2 peer 10.0.0.3", &["V0707"], true);
    found("10.0.0.1 peer 2001:db8::1", &["V0701"], true);
    found("10.0.0.1 peer 10.0.0.2/24", &["V0205"], true);
    found("10.0.0.1 peer", &["V0205"], false);
    found("10.0.0.1 scope nix", &["V0222"], true);
    found("10.0.0.1 preferred_lft x", &["V0203"], true);
    found("10.0.0.1 dev a dev b", &["V0205"], false);
    found("10.0.0.1 label sixteencharacter", &["V0208"], false);
    found("10.0.0.1 use_vmac", &["V0221"], true);
    found("10.0.0.1 track_group G", &["V0708"], true);
    found("2001:db8::1 scope link label x", &["V0210"], true);
    found("10.0.0.1/40", &["V0206"], true);
    found("dev eth0 10.0.0.1", &["V0205"], false);
}

#[test]
fn a_route_has_what_its_options_say() {
    let (is, found) = route(
        "blackhole 10.1.0.0/16 via 10.0.0.1 src 10.0.0.9 dev eth1 onlink table small protocol ours scope link \
         tos AF11 metric 5 realms PQA/0x14 mtu lock 1400 advmss 101 rtt 1602 rttvar 205ms rto_min 1.5s window 105 \
         cwnd 106 ssthresh lock 107 reordering 104 hoplimit 100 initcwnd 109 initrwnd 110 quickack 1 \
         fastopen_no_cookie 1 congctl lock cubic features ecn ttl-propagate disabled append no_track vrf blue",
    );
    assert_eq!(found, [""; 0]);
    let is = is.unwrap();
    assert_eq!((is.kind, is.family), (RouteKind::Blackhole, Family::V4));
    assert_eq!(is.destination, "10.1.0.0/16".parse().unwrap());
    let hop = NextHop {
        via: Some("10.0.0.1".parse().unwrap()),
        interface: Some("eth1".into()),
        onlink: true,
        realms: Some(Realms { source: Some(20), destination: 20 }),
        ..NextHop::default()
    };
    assert_eq!(is.next_hop, hop);
    assert_eq!(
        (is.table, is.protocol, is.scope, is.tos, is.metric),
        (100, Some(200), Some(253), Some(0x28), Some(5))
    );
    assert_eq!((is.preferred_source, is.vrf.as_deref()), (Some("10.0.0.9".parse().unwrap()), Some("blue")));
    let metric = |m: Metric| is.metrics.get(&m).map(|v| (v.value, v.locked));
    assert_eq!(metric(Metric::Mtu), Some((1400, true)));
    assert_eq!(metric(Metric::AdvMss), Some((101, false)));
    assert_eq!(metric(Metric::Rtt), Some((1602, false)));
    assert_eq!(metric(Metric::RttVar), Some((820, false)));
    assert_eq!(metric(Metric::RtoMin), Some((1500, false)));
    assert_eq!(metric(Metric::SsThresh), Some((107, true)));
    assert_eq!(is.metrics.len(), 14);
    let congestion = is.congestion_control.clone().map(|c| (c.name, c.locked));
    assert_eq!(congestion, Some(("cubic".into(), true)));
    assert_eq!((is.ecn, is.ttl_propagate, is.insert, is.tracked), (true, Some(false), Insert::Append, false));
}

#[test]
fn an_ipv6_route_has_options_of_its_own() {
    let (is, found) =
        route("2001:db8::/64 from 2001:db8:1::/48 dev e via inet6 fe80::1 pref high expires 60");
    assert_eq!(found, [""; 0]);
    let is = is.unwrap();
    assert_eq!((is.family, is.router_preference, is.expires), (Family::V6, Some(1), Some(60)));
    assert_eq!((is.protocol, is.tracked), (Some(18), true));
    assert_eq!(is.from, Some("2001:db8:1::/48".parse().unwrap()));
    let (default, found) = route("default via fe80::1 dev e");
    assert_eq!((default.map(|r| r.destination), found), (Some("::/0".parse().unwrap()), vec![]));
    let (default, found) = route("inet6 default dev e");
    assert_eq!((default.map(|r| r.destination), found), (Some("::/0".parse().unwrap()), vec!["V0224"]));
    assert_eq!(route("default dev e inet6").1, [""; 0]);
}

#[test]
fn next_hops_share_a_route() {
    let (is, found) = route(
        "10.0.0.0/8 dev e table 6909 nexthop via 10.1.1.1 dev wlan0 onlink weight 1 nexthop via 10.1.1.2 dev wlan1 \
         weight 256 realms 7 encap mpls 16/17",
    );
    assert_eq!(found, [""; 0]);
    let hops = is.unwrap().next_hops;
    assert_eq!(hops.len(), 2);
    assert_eq!((hops[0].weight, hops[0].onlink, hops[1].weight), (Some(1), true, Some(256)));
    assert_eq!(hops[1].encap, Some(Encap::Mpls(vec![16, 17])));
    let (is, found) = route("10.0.0.0/8 via 10.1.1.1 or 10.1.1.2 dev e");
    assert_eq!(found, ["V0225"]);
    let is = is.unwrap();
    assert_eq!(is.next_hop.via, None);
    assert_eq!(
        is.next_hops.iter().filter_map(|h| h.via).map(|a| a.to_string()).collect::<Vec<_>>(),
        ["10.1.1.1", "10.1.1.2"]
    );
}

#[test]
fn packets_are_packed_into_other_headers() {
    let of = |encap: &str| {
        let (route, found) = route(&format!("10.0.0.0/8 dev e encap {encap} mtu 1400"));
        assert_eq!(found, [""; 0], "{encap}");
        let route = route.unwrap();
        assert_eq!(route.metrics.get(&Metric::Mtu), Some(&MetricValue { value: 1400, locked: false }));
        route.next_hop.encap.unwrap()
    };
    let ip = Encap::Ip {
        id: Some(5),
        destination: Some("10.0.0.1".parse().unwrap()),
        source: Some("10.0.0.2".parse().unwrap()),
        tos: Some(4),
        ttl: Some(5),
        flags: Some(6),
    };
    assert_eq!(of("ip id 5 dst 10.0.0.1 src 10.0.0.2 tos 4 ttl 5 flags 6"), ip);
    let ip6 = Encap::Ip6 {
        id: Some(5),
        destination: Some("2001:db8::1".parse().unwrap()),
        source: Some("2001:db8::2".parse().unwrap()),
        traffic_class: Some(4),
        hop_limit: Some(5),
        flags: Some(6),
    };
    assert_eq!(of("ip6 id 5 dst 2001:db8::1 src 2001:db8::2 tc 4 hoplimit 5 flags 6"), ip6);
    assert_eq!(of("ila 2001:db8:1:2"), Encap::Ila(0x2001_0db8_0001_0002));
    assert_eq!(of("mpls 100"), Encap::Mpls(vec![100]));
}

#[test]
fn mistakes_in_routes_are_found() {
    let found = |line: &str, codes: &[&str], stays: bool| {
        let (route, found) = route(line);
        assert_eq!((found.as_slice(), route.is_some()), (codes, stays), "{line}");
    };
    found("10.0.0.0/24 via 10.1.1.1 dev e foo", &["V0221"], false);
    found("10.0.0.0/24 via", &["V0201"], false);
    found("10.0.0.0/24 mtu lock", &["V0201"], false);
    found("10.0.0.0/24 via 2001:db8::1", &["V0701"], false);
    found("10.0.0.0/24 hoplimit lock 3", &["V0203"], false);
    found("10.0.0.0/33 dev e", &["V0206"], true);
    found("10.0.0.0/24 gw 10.1.1.1 dev e", &["V0225"], true);
    found("10.0.0.0/24 table nosuch dev e", &["V0222"], false);
    found("10.0.0.0/24 via 10.1.1.1", &["V0703"], true);
    found("dev e", &["V0702"], false);
    found("10.0.0.0/24 dev e protocol bird", &["V0704"], true);
    found("10.0.0.0/24 dev e encap", &["V0705"], true);
    found("10.0.0.0/24 dev e encap ip ttl 3", &["V0705"], true);
    found("10.0.0.0/24 dev e encap ip6 src ::1", &["V0705"], true);
    found("10.0.0.0/24 dev e encap ip dst 10.0.0.1 ttl", &["V0705"], true);
    found("10.0.0.0/24 dev e encap mpls 1048576", &["V0705"], true);
    found("10.0.0.0/24 dev e encap mpls 1/2/3", &["V0705"], true);
    found("10.0.0.0/24 dev e encap ila 1:2:3", &["V0705"], true);
    found("10.0.0.0/24 dev e rtt 100us", &["V0203"], false);
    found("10.0.0.0/24 dev e rtt 1e3", &["V0203"], false);
    found("10.0.0.0/24 dev e rtt 200s", &["V0210"], true);
    found("10.0.0.0/24 dev e rtt 10000000", &["V0204"], false);
    found("10.0.0.0/24 dev e rtt 1.2345s", &["V0210"], true);
    found("10.0.0.0/24 dev e rtt 1599", &["V0210"], true);
    found("10.0.0.0/24 dev e rtt 1600 rttvar 800 rto_min 200", &[], true);
    found("10.0.0.0/24 dev e rto_min 0.1999s", &["V0210"], true);
    found("10.0.0.0/24 dev e nexthop via 10.1.1.1 weight 300", &["V0204"], true);
    found("10.0.0.0/24 dev e nexthop via 10.1.1.1 weight 0", &["V0204"], true);
    found("10.0.0.0/24 dev e nexthop via 10.1.1.1 foo", &["V0221"], true);
    found("10.0.0.0/24 dev e features foo", &["V0207"], true);
    found("10.0.0.0/24 dev e quickack 2", &["V0204"], false);
    found("10.0.0.0/24 dev e ttl-propagate on", &["V0207"], true);
    found("10.0.0.0/24 dev e pref high", &["V0701"], false);
    found("2001:db8::/64 dev e pref foo", &["V0207"], false);
    found("2001:db8::/64 dev e realms 3", &["V0701"], false);
    found("10.0.0.0/24 dev e as to 10.0.0.3", &["V0227"], true);
    found("from 10.0.0.0/8 to 10.1.0.0/16 dev e", &["V0701"], false);
    found("10.0.0.0/24 dev e or 10.0.0.1 nexthop via 10.0.0.2", &["V0225", "V0706"], false);
    found("10.0.0.0/24 10.1.0.0/24 dev e", &["V0223"], true);
    found("10.0.0.0/24 via 10.0.0.1/24 dev e", &["V0205"], false);
    found("10.0.0.0/24 dev e track_group G", &["V0708"], true);
    found("10.0.0.0/24 dev e metric 1 priority 2", &["V0223"], true);
}

#[test]
fn a_rule_has_what_its_options_say() {
    let (is, found) = rule(
        "not from 10.0.0.0/8 to 10.1.0.0/16 iif eth0 oif eth1 tos AF11 fwmark 24/0xff ipproto UDP sport 10-20 \
         dport 20-30 uidrange 1000-1999 tunnel-id 7 protocol 12 no_track priority 0x10 table small realms PQA/3 \
         suppress_prefixlength 24 suppress_ifgroup default",
    );
    assert_eq!(found, [""; 0]);
    let wanted = Rule {
        family: Family::V4,
        priority: 16,
        inverted: true,
        from: Some("10.0.0.0/8".parse().unwrap()),
        to: Some("10.1.0.0/16".parse().unwrap()),
        input_interface: Some("eth0".into()),
        output_interface: Some("eth1".into()),
        tos: Some(0x28),
        mark: Some(Mark { value: 24, mask: Some(0xff) }),
        ip_protocol: Some(17),
        source_ports: Some(rule::Span { first: 10, last: 20 }),
        destination_ports: Some(rule::Span { first: 20, last: 30 }),
        users: Some(rule::Span { first: 1000, last: 1999 }),
        tunnel_id: Some(7),
        protocol: Some(12),
        action: RuleAction::Table {
            table: 100,
            unless: Suppress { prefix_len: Some(24), group: Some(0) },
            realms: Some(Realms { source: Some(20), destination: 3 }),
        },
        tracked: false,
    };
    assert_eq!(is, Some(wanted));
}

#[test]
fn a_rule_has_one_action() {
    let of = |action: &str| {
        let (rule, found) = rule(&format!("from all {action} priority 5"));
        (rule.map(|r| r.action), found)
    };
    assert_eq!(of("goto 6"), (Some(RuleAction::Goto(6)), vec![]));
    assert_eq!(of("nop"), (Some(RuleAction::Nop), vec![]));
    assert_eq!(of("blackhole"), (Some(RuleAction::Blackhole), vec![]));
    assert_eq!(of("type prohibit"), (Some(RuleAction::Prohibit), vec![]));
    assert_eq!(of("7"), (Some(RuleAction::Unreachable), vec![]));
    assert!(matches!(of("l3mdev").0, Some(RuleAction::L3mdev { .. })));
    assert!(matches!(of("lookup main").0, Some(RuleAction::Table { table: 254, .. })));
}

#[test]
fn mistakes_in_rules_are_found() {
    let found = |line: &str, codes: &[&str], stays: bool| {
        let (rule, found) = rule(line);
        assert_eq!((found.as_slice(), rule.is_some()), (codes, stays), "{line}");
    };
    found("from 10.0.0.0/24 table 1", &["V0711"], true);
    found("from 10.0.0.0/24 priority 100", &["V0709"], false);
    found("from 10.0.0.0/24 table 0 priority 1", &["V0204"], false);
    found("from 10.0.0.0/24 table 1 priority 1 ip_proto UDP", &["V0221"], false);
    found("from 10.0.0.0/24 table 1 priority 1 ipproto foo", &["V0207"], true);
    found("from 10.0.0.0/24 table 1 priority 1 sport 10", &["V0228"], true);
    found("from 10.0.0.0/24 table 1 priority 1 sport x-y", &["V0228"], true);
    found("from 10.0.0.0/24 table 1 priority 1 sport 20-10", &["V0229"], true);
    found("from 10.0.0.0/24 table 1 priority", &["V0201"], false);
    found("from 10.0.0.0/24 table 1 priority x", &["V0203"], false);
    found("from 10.0.0.0/24 to 2001:db8::/64 table 1 priority 1", &["V0701"], false);
    found("from 10.0.0.0/24 goto 50 priority 104", &["V0712"], false);
    found("from 10.0.0.0/24 goto 150", &["V0712"], false);
    found("from 10.0.0.0/24 table 1 nop priority 1", &["V0710"], false);
    found("from 10.0.0.0/24 unicast priority 1", &["V0709"], false);
    found("from 10.0.0.0/24 nop priority 1 realms 3", &["V0713"], false);
    found("from 10.0.0.0/24 table nix priority 1", &["V0222"], false);
    found("from 10.0.0.0/24 table 1 priority 1 suppress_ifgroup nix", &["V0222"], false);
    found("from 10.0.0.0/24 table 1 priority 1 fwmark x", &["V0203"], false);
    found("uidrange 5 table 1 priority 1", &["V0203"], false);
    found("from 2001:db8::/64 table 1 priority 1 realms 3", &["V0701"], false);
    found("from 10.0.0.0/24 table 1 priority 1 protocol bird", &["V0203"], true);
    found("from 10.0.0.0/24 table 1 priority 1 protocol 12", &["V0704"], true);
    found("from 10.0.0.0/24 table 1 priority 1 priority 2", &["V0223"], true);
    found("10.0.0.0/24 table 1 priority 1", &["V0221"], false);
}

#[test]
fn a_track_group_stands_before_what_names_it() {
    let group = "track_group G {\ngroup {\nV\n}\n}\n";
    let tracked = "static_ipaddress {\n10.0.0.1 dev e track_group G\n}\n";
    let (config, found) = load(&format!("{group}{tracked}"));
    assert_eq!((config.vrrp.statics.addresses[0].track_group.as_deref(), found), (Some("G"), vec![]));
    let (config, found) = load(&format!("{tracked}{group}"));
    assert_eq!((config.vrrp.statics.addresses[0].track_group.as_deref(), found), (None, vec!["V0708"]));
    let (_, found) =
        load(&format!("{group}static_routes {{\n10.0.0.0/8 via 10.0.0.1 no_track track_group G\n}}"));
    assert_eq!(found, ["V0708"]);
    let (_, found) = load(&format!("{group}static_rules {{\nfrom all nop priority 1 track_group G\n}}"));
    assert_eq!(found, ["V0708"]);
}

#[test]
fn garp_groups_delays_and_linkbeat_reach_the_config() {
    let (config, found) = load(
        "garp_group {\ngarp_interval 0.01\ngna_interval 0.5\ninterfaces {\neth0\neth1\n}\n}\n\
         interface_up_down_delays {\neth0 1 2\neth1 0.5\neth0 3\n}\nlinkbeat_interfaces {\neth0\neth1 ETHTOOL\n}",
    );
    assert_eq!(found, [""; 0]);
    let group = &config.vrrp.garp_groups[0];
    assert_eq!((group.interfaces.len(), group.shared), (2, true));
    let delays: Vec<_> =
        config.vrrp.link_delays.iter().map(|d| (d.down.as_millis(), d.up.as_millis())).collect();
    assert_eq!(delays, [(3000, 3000), (500, 500)]);
    assert_eq!(config.vrrp.linkbeat.len(), 2);
    let polled = |top: &str, inside: &str| {
        let instance = "interface eth1\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1/24\n}\n";
        let (config, _) = load(&format!("{top}\nvrrp_instance VI {{\n{instance}{inside}\n}}"));
        config.vrrp.linkbeat.into_iter().map(|beat| (beat.interface, beat.poll)).collect::<Vec<_>>()
    };
    let eth1 = |poll| vec![("eth1".to_owned(), poll)];
    assert_eq!(polled("", ""), []);
    assert_eq!(polled("linkbeat_use_polling", ""), eth1(None));
    assert_eq!(polled("", "linkbeat_use_polling"), eth1(None));
    let mii = "linkbeat_interfaces {\neth1 MII\n}";
    assert_eq!(polled(mii, "linkbeat_use_polling"), eth1(Some(crate::vrrp::config::interface::Poll::Mii)));
    let found = |text: &str| load(text).1;
    assert_eq!(found("garp_group {\ninterface eth0\n}"), ["V0715"]);
    assert_eq!(found("garp_group {\ngarp_interval 1\ninterfaces {\n}\n}"), ["V0716"]);
    assert_eq!(found("garp_group {\ngarp_interval 1\ninterfaces {\na\na\n}\n}"), ["V0715"]);
    assert_eq!(found("interface_up_down_delays {\neth0\n}"), ["V0717"]);
    assert_eq!(found("interface_up_down_delays {\neth0 300\n}"), ["V0204"]);
    assert_eq!(found("linkbeat_interfaces {\neth0 mii\n}"), ["V0207"]);
    assert_eq!(found("linkbeat_interfaces {\neth0 MII 3\n}"), ["V0221"]);
}

/// An argument that fits, for each kind and name of the grammars.
fn argument(option: &str, name: &str, kind: Kind) -> String {
    match (option, kind) {
        (_, Kind::Integer { min, .. }) => (min + 1).to_string(),
        (_, Kind::Interface) => "eth7".to_owned(),
        (_, Kind::Address(_)) => "10.0.0.7".to_owned(),
        (_, Kind::Text) => "G".to_owned(),
        ("encap", Kind::Choice(_)) => "mpls".to_owned(),
        (_, Kind::Choice(words)) => words[0].to_owned(),
        ("encap", _) => "100".to_owned(),
        ("preferred_lft", _) => "60".to_owned(),
        ("pref", _) => "high".to_owned(),
        ("from", _) if name == "ipv6" => "2001:db8:1::/48".to_owned(),
        ("from" | "to", _) => "10.7.0.0/16".to_owned(),
        ("nexthop", _) => "via 10.0.0.7".to_owned(),
        ("dport" | "sport" | "uidrange", _) => "7-8".to_owned(),
        ("type", _) => "nop".to_owned(),
        ("brd" | "broadcast", _) => "+".to_owned(),
        _ => "7".to_owned(),
    }
}

/// Each option of a grammar, with arguments, alone behind `base`; what it makes of the item, and what is said.
fn each_option<T: PartialEq + std::fmt::Debug>(
    grammar: &Block,
    base: impl Fn(&str) -> &'static str,
    read: impl Fn(&str) -> (Option<T>, Vec<&'static str>),
    without_effect: &[&str],
) {
    for option in grammar.keywords {
        let base = base(option.name);
        let family = if base.contains(':') { "ipv6" } else { "" };
        let wanted = option.args.iter().filter(|a| a.required);
        let words: Vec<String> = wanted.map(|a| argument(option.name, family, a.kind)).collect();
        let line = format!("{base} {} {}", option.name, words.join(" "));
        let (plain, _) = read(base);
        let (with, found) = read(&line);
        let old: &[&str] = match option.name {
            "gw" | "or" => &["V0225"],
            "as" => &["V0227"],
            "track_group" => &["V0708"],
            // Any number is taken, but not as it is.
            "rtt" | "rttvar" | "rto_min" => &["V0210"],
            _ => &[],
        };
        assert_eq!(found, old, "{line}");
        assert!(with.is_some(), "{line}");
        assert_eq!(with == plain, without_effect.contains(&option.name), "{line}");
    }
}

#[test]
fn every_option_of_an_address_reaches_the_config() {
    let grammar = crate::conf::schema::iproute::grammars()[1];
    let base = |option: &str| match option {
        "peer" => "10.0.0.1",
        _ => "10.0.0.1/24",
    };
    each_option(grammar, base, address, &["track_group"]);
}

#[test]
fn every_option_of_a_route_reaches_the_config() {
    let grammar = crate::conf::schema::iproute::grammars()[3];
    let base = |option: &str| match option {
        "from" | "pref" | "expires" | "inet6" => "2001:db8::/64 dev e",
        "to" => "dev e",
        "protocol" => "10.0.0.0/8 dev e no_track",
        "dev" | "oif" => "10.0.0.0/8 via 10.0.0.1 no_track",
        _ => "10.0.0.0/8 dev e",
    };
    each_option(grammar, base, route, &["track_group", "as", "inet", "inet6", "prepend"]);
}

#[test]
fn every_option_of_a_rule_reaches_the_config() {
    let grammar = crate::conf::schema::iproute::grammars()[8];
    let base = |option: &str| match option {
        "blackhole" | "goto" | "l3mdev" | "lookup" | "nop" | "prohibit" | "table" | "type"
        | "unreachable" => "priority 6",
        "order" | "preference" | "priority" => "from 10.0.0.0/8 table 1 no_track",
        "protocol" => "table 1 priority 6 no_track",
        _ => "table 1 priority 6",
    };
    let read = |line: &str| rule(&line.replace("goto 1", "goto 9"));
    each_option(grammar, base, read, &["track_group", "inet"]);
}

/// Words of all grammars, and some that are none.
fn words() -> impl Strategy<Value = String> {
    let grammar =
        crate::conf::schema::iproute::grammars().into_iter().flat_map(|g| g.keywords).map(|k| k.name);
    let words: Vec<&str> = grammar
        .chain([
            "lock",
            "ip",
            "ip6",
            "mpls",
            "ila",
            "10.0.0.0/8",
            "::/0",
            "default",
            "0x10",
            "-1",
            "1-2",
            "é",
            "1.5s",
        ])
        .collect();
    proptest::collection::vec(
        prop_oneof![9 => proptest::sample::select(words).prop_map(str::to_owned), 1 => "\\PC{1,8}"],
        0..24,
    )
    .prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_row_of_words_is_too_odd(line in words()) {
        let _ = load(&format!("static_ipaddress {{\n10.0.0.1 {line}\n}}"));
        let _ = load(&format!("static_routes {{\n{line}\n}}"));
        let _ = load(&format!("static_rules {{\n{line}\n}}"));
    }
}
