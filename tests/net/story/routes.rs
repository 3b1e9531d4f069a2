//! Routes and rules: virtual and static ones.

use super::stage::Stage;
use super::tracking::instance;
use super::{Story, story};
use crate::support::story::{otherwise, unsaid};

pub(super) const STORIES: &[Story] = &[
    story("routes_come_and_go_with_the_master", routes),
    story("routes_over_ipv6", routes_v6),
    // 2.2.7 refuses a single port.
    story("rules_come_and_go_with_the_master", rules).but_for(|program, text| {
        otherwise(program, text, "*", "ipproto tcp dport", "ipproto tcp sport 1000 dport")
    }),
    story("static_ones_are_there_from_the_start", statics),
    // What was taken is set again; keepalived leaves the master state and enters it anew.
    story("a_route_that_was_taken", route_taken).but_for(|program, text| {
        unsaid(program, text, "a route was taken", &["fifo:", "call:", "adverts:", "announced:"])
    }),
    story("a_rule_that_was_taken", rule_taken).but_for(|program, text| {
        unsaid(program, text, "a rule was taken", &["fifo:", "call:", "adverts:", "announced:"])
    }),
    story("a_reload_changes_routes_and_rules", reload),
    // keepalived announces all addresses again.
    story("a_reload_takes_the_source_of_a_route", source_gone)
        .but_for(|program, text| unsaid(program, text, "without it", &["announced: 10.0.0.100 "])),
    story("a_link_of_routes_goes_down", link_down),
];

const ROUTES: &str = "virtual_routes {
        10.8.1.0/24 via 10.0.0.9
        10.8.2.0/24 dev eth0
        src 10.0.0.100 to 10.8.3.0/24 via 10.0.0.9 dev eth0 metric 50
        10.8.4.0/24 via 10.0.0.9 table 100 mtu 1400 advmss lock 1000 initcwnd 20 rto_min 200ms
        unreachable 10.8.5.0/24
        blackhole 10.8.6.0/24 metric 7
        prohibit 10.8.7.0/24 table 100
        10.8.8.0/24 nexthop via 10.0.0.9 dev eth0 weight 2 nexthop via 10.0.0.10 dev eth0 weight 3 onlink
        10.8.9.0/24 dev eth0 scope link proto static tos 16 realm 5
    }";

const RULES: &str = "virtual_rules {
        from 10.0.0.100 table 100 priority 500
        to 10.9.0.0/16 lookup 100 pref 501
        iif eth0 fwmark 5/0xff table 100 priority 502
        from 10.0.0.7 unreachable priority 503
        to 10.9.1.0/24 blackhole priority 504
        from 10.0.0.8 tos 16 table 100 priority 505 suppress_prefixlength 8
        from 10.0.0.9 ipproto tcp dport 80-90 sport 1000 table 100 priority 506
        uidrange 1000-2000 table 100 priority 507
        from 10.0.0.12 goto 600 priority 508
        from all table 100 priority 600
    }";

fn comes_and_goes(stage: &mut Stage<'_>, config: &str) {
    stage.start(config);
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    let rival = instance(200, "").replace("{notify}", "");
    stage.peer(&rival);
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.has("10.0.0.100", false);
    stage.pause("backup");
    stage.peer_stops();
    stage.has("10.0.0.100", true);
    stage.pause("master again");
}

fn routes(stage: &mut Stage<'_>) {
    comes_and_goes(stage, &instance(150, ROUTES));
}

fn routes_v6(stage: &mut Stage<'_>) {
    let v6 = |text: String| text.replace("10.0.0.100/24", "fe80::100/64\n        2001:db8::100/64");
    let routes = "virtual_routes {
        2001:db8:1::/48 via fe80::9 dev eth0
        2001:db8:2::/48 dev eth0 metric 99
        unreachable 2001:db8:3::/48 metric 10
        2001:db8:4::/48 via fe80::9 dev eth0 table 100 pref high mtu 1400
        2001:db8:5::/48 nexthop via fe80::9 dev eth0 weight 2 nexthop via fe80::10 dev eth0 weight 3
    }
    virtual_rules {
        from 2001:db8::100 table 100 priority 500
        to 2001:db8:9::/48 table 100 priority 501
    }";
    stage.start(&v6(instance(150, routes)));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
}

fn rules(stage: &mut Stage<'_>) {
    comes_and_goes(stage, &instance(150, RULES));
}

fn statics(stage: &mut Stage<'_>) {
    let statics = "static_ipaddress {
    10.0.0.50/24 dev eth0 label eth0:st
    10.4.0.1/32 dev eth0
    2001:db8:4::1/64 dev eth0
}
static_routes {
    10.7.0.0/24 via 10.0.0.9 dev eth0
    unreachable 10.7.1.0/24
    2001:db8:7::/48 via fe80::9 dev eth0
}
static_rules {
    from 10.7.0.0/24 table 100 priority 400
    from 2001:db8:7::/48 table 100 priority 401
}
";
    stage.start(&(statics.to_owned() + &instance(150, "")));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    let fewer = statics
        .replace("10.4.0.1/32 dev eth0", "10.4.0.2/32 dev eth0")
        .replace("unreachable 10.7.1.0/24", "blackhole 10.7.2.0/24")
        .replace("priority 401", "priority 402");
    stage.reload(&(fewer + &instance(150, "")));
    stage.has("10.4.0.2", true);
    stage.pause("changed");
}

const FEW: &str = "virtual_routes {
        10.8.1.0/24 via 10.0.0.9 dev eth0
        unreachable 10.8.5.0/24
    }
    virtual_rules {
        from 10.0.0.100 table 100 priority 500
        to 10.9.0.0/16 table 100 priority 501
    }";

fn master(stage: &mut Stage<'_>) {
    stage.start(&instance(150, FEW));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
}

fn route_taken(stage: &mut Stage<'_>) {
    master(stage);
    stage.run("ip route del 10.8.1.0/24");
    stage.pause("a route was taken");
}

fn rule_taken(stage: &mut Stage<'_>) {
    master(stage);
    stage.run("ip rule del priority 500");
    stage.pause("a rule was taken");
}

fn reload(stage: &mut Stage<'_>) {
    master(stage);
    let other = FEW
        .replace("10.8.1.0/24 via 10.0.0.9", "10.8.1.0/24 via 10.0.0.10")
        .replace("unreachable 10.8.5.0/24", "10.8.6.0/24 dev eth0 metric 3")
        .replace("priority 501", "priority 502");
    stage.reload(&instance(150, &other));
    stage.shows("ip route show", "10.8.6.0/24", true);
    stage.pause("changed");
    stage.reload(&instance(150, ""));
    stage.shows("ip rule", "500:", false);
    stage.pause("none");
}

/// The kernel removes the route with its source, and can't set it again: the instance goes on without it.
fn source_gone(stage: &mut Stage<'_>) {
    let routes = "virtual_routes {
        10.8.1.0/24 via 10.0.0.9 src 10.0.0.102
        10.8.2.0/24 via 10.0.0.9 src 10.0.0.100
    }
    promote_secondaries";
    let config = |second: &str| {
        let addresses = format!("10.0.0.100/24\n        {second}/24\n");
        instance(150, routes).replace("10.0.0.100/24\n", &addresses)
    };
    stage.start(&config("10.0.0.102"));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.reload(&config("10.0.0.103"));
    stage.has("10.0.0.103", true);
    stage.shows("ip route show", "10.8.1.0/24", false);
    stage.pause("without it");
}

fn link_down(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    let routes = "virtual_routes {\n 10.8.1.0/24 via 10.1.0.9 dev eth1\n }";
    stage.start(&instance(150, routes));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.run("ip link set eth1 down");
    stage.pause("eth1 is down");
    stage.run("ip link set eth1 up");
    stage.shows("ip route show", "10.8.1.0/24", true);
    stage.pause("eth1 is up");
}
