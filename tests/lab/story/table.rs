//! What the kernel is given: groups, methods, flags, thresholds, and services that share servers.

use super::services::accepts;
use super::stage::Stage;
use super::{CHECK, Story, at, real_server, rs, server, service, story, vip, vs};
use crate::support::story::unsaid;

pub(super) const STORIES: &[Story] = &[
    story("groups", groups),
    story("a_group_for_two_protocols", group_for_two_protocols),
    story("a_reload_changes_a_group", |stage| {
        let members = ["10.99.0.1 80\n 10.99.0.2 80", "10.99.0.2 80\n 10.99.0.4-5 80"];
        reloaded_group(stage, members, "-A -t 10.99.0.5:80");
    })
    .but_for(|program, text| {
        let text = unsaid(program, text, "stopped", &["table: "]);
        let gone = &["table: -A -t 10.99.0.1:80"];
        ["other members", "up again"].iter().fold(text, |text, pause| unsaid(program, text, pause, gone))
    }),
    story("a_mark", |stage| {
        stage.serve(&at(1), accepts());
        let checked = real_server("10.98.0.1 0", "TCP_CHECK {\n connect_port 80\n}");
        stage.start(&service("fwmark 5", "", &checked));
        stage.told("VS FWM 5 UP");
        stage.pause("up");
        stage.ends(&at(1));
        stage.told("VS FWM 5 DOWN");
        stage.pause("down");
    }),
    story("several_services_of_one_server", |stage| {
        stage.serve(&at(1), accepts());
        stage.serve(&at(2), accepts());
        let servers = server(1, CHECK) + &server(2, CHECK);
        let inhibited = server(1, &format!("inhibit_on_failure\n {CHECK}")) + &server(2, "");
        let others = service("10.99.0.2 80", "lvs_sched wlc", &server(1, CHECK))
            + &service("10.99.0.3 80", "quorum 2", &inhibited);
        stage.start(&(vip("", &servers) + &others));
        stage.told(&vs("UP"));
        stage.pause("up");
        stage.ends(&at(1));
        stage.told(&rs(1, "DOWN"));
        stage.told("VS [10.99.0.2]:tcp:80 DOWN");
        stage.told("VS [10.99.0.3]:tcp:80 DOWN");
        stage.pause("down");
        stage.serve(&at(1), accepts());
        stage.told(&rs(1, "UP"));
        stage.told("VS [10.99.0.2]:tcp:80 UP");
        stage.told("VS [10.99.0.3]:tcp:80 UP");
        stage.pause("up again");
    }),
    story("how_services_schedule", |stage| {
        let of = |n: u8, lines: &str| service(&format!("10.99.0.{n} 80"), lines, &server(1, ""));
        let config = [
            vip("persistence_timeout 50", &server(1, "")),
            of(2, "persistence_timeout 60\n persistence_granularity 255.255.255.0"),
            of(3, "persistence_granularity 255.255.0.0"),
            of(4, "persistence_timeout"),
            of(5, "lvs_sched sh\n sh-port"),
            of(6, "lvs_sched sh\n sh-port\n sh-fallback"),
            of(7, "lvs_sched mh\n mh-port"),
            of(8, "lvs_sched mh\n mh-fallback"),
            of(9, "lvs_sched wlc\n flag-1\n flag-3"),
            of(10, "lvs_sched ovf"),
            of(11, "lvs_sched lblc"),
            service("10.99.0.12 53", "protocol UDP\n lvs_sched rr\n ops", &server(1, "")),
            service("10.99.0.13 80", "protocol SCTP\n lvs_sched sed", &server(1, "")),
            service(
                "10.99.0.14 5060",
                "protocol UDP\n ops\n persistence_engine sip\n persistence_timeout 30",
                &server(1, ""),
            ),
            service(
                "fd99::1 80",
                "persistence_timeout 60\n persistence_granularity 64",
                &real_server("fd98::1 80", ""),
            ),
        ];
        shown(stage, &config.concat());
    }),
    story("how_servers_are_reached", |stage| {
        let tunnels = [
            server(1, "lvs_method TUN"),
            server(2, "lvs_method TUN type ipip"),
            server(3, "lvs_method TUN type gue port 6080"),
            server(4, "lvs_method TUN type gue port 6080 nocsum"),
            server(5, "lvs_method TUN type gue port 6080 csum"),
            server(6, "lvs_method TUN type gue port 6080 remcsum"),
            server(7, "lvs_method TUN type gre"),
            server(8, "lvs_method TUN type gre csum"),
            server(9, "lvs_method NAT"),
        ];
        let of_service = server(1, "") + &server(2, "lvs_method DR");
        let limits = [
            server(1, "uthreshold 100"),
            server(2, "uthreshold 100\n lthreshold 50"),
            server(3, "weight 65535"),
            server(4, "weight 0"),
        ];
        let config = vip("", &tunnels.concat())
            + &service("10.99.0.2 80", "lvs_method TUN type gre csum", &of_service)
            + &service("10.99.0.3 80", "lvs_method NAT", &real_server("10.98.0.1 8080", ""))
            + &service("10.99.0.4 80", "lvs_sched wrr", &limits.concat());
        shown(stage, &config);
    }),
    story("entries_of_others_stay", |stage| {
        stage.run("ipvsadm -A -t 10.99.0.8:80 -s wlc");
        stage.run("ipvsadm -a -t 10.99.0.8:80 -r 10.98.0.7:80 -g");
        stage.serve(&at(1), accepts());
        stage.start(&vip("", &server(1, CHECK)));
        stage.told(&vs("UP"));
        stage.pause("up");
        stage.reload(&vip("", &server(1, &format!("weight 2\n {CHECK}"))));
        stage.holds("-w 2", true);
        stage.pause("reloaded");
    }),
];

/// Nothing is checked: what the configuration says is in the table until the end.
fn shown(stage: &mut Stage<'_>, config: &str) {
    stage.start(config);
    stage.told(&vs("UP"));
    stage.pause("up");
}

/// The group `name` with these members.
fn members(name: &str, members: &str) -> String {
    format!("virtual_server_group {name} {{\n {members}\n}}\n")
}

/// Groups of all kinds, whose servers fail and come back.
fn groups(stage: &mut Stage<'_>) {
    let kinds = [
        ("10.99.0.1 80\n 10.99.0.2 80\n 10.99.0.3 8080", "", ""),
        ("10.99.1.1-3 80\n 10.99.1.9 80", "", "inhibit_on_failure"),
        ("fwmark 7\n fwmark 8", "", ""),
        ("fwmark 9\n 10.99.2.1-2 80\n 10.99.3.1 443", "", ""),
        ("fwmark 10\n 10.99.4.1-2 80", "sorry_server 10.98.0.9 80", ""),
    ];
    let mut config = members("V6", "fd99::1 80\n fd99::10-12 80")
        + &service("group V6", "", &real_server("fd98::1 80", ""));
    for (n, (of, lines, server_lines)) in (1..).zip(kinds) {
        let servers = server(1, &format!("{server_lines}\n {CHECK}")) + &server(2, CHECK);
        config += &(members(&format!("G{n}"), of) + &service(&format!("group G{n}"), lines, &servers));
    }
    let told = |stage: &Stage<'_>, state: &str| {
        for n in 1..=kinds.len() {
            stage.told(&format!("VS [G{n}]:0 {state}"));
        }
    };
    stage.serve(&at(1), accepts());
    stage.serve(&at(2), accepts());
    stage.start(&config);
    told(stage, "UP");
    stage.pause("up");
    stage.ends(&at(1));
    stage.ends(&at(2));
    told(stage, "DOWN");
    stage.pause("down");
    stage.serve(&at(1), accepts());
    told(stage, "UP");
    stage.pause("up again");
}

fn group_for_two_protocols(stage: &mut Stage<'_>) {
    let servers = |lines: &str| real_server("10.98.0.1 53", lines) + &real_server("10.98.0.2 53", "");
    let tcp = service("group G", "protocol TCP", &servers(CHECK));
    let udp = service("group G", "protocol UDP\n lvs_sched wlc", &servers(""));
    stage.serve("10.98.0.1:53", accepts());
    stage.start(&(members("G", "10.99.0.1-2 53") + &tcp + &udp));
    stage.told("VS [G]:1 UP");
    stage.pause("up");
    stage.ends("10.98.0.1:53");
    stage.told("RS [10.98.0.1]:tcp:53 [G]:0 DOWN");
    stage.pause("one is down");
}

/// A reload that changes who is in a group, while one of two servers is down, which comes back.
fn reloaded_group(stage: &mut Stage<'_>, lists: [&str; 2], rule: &str) {
    let [before, after] = lists.map(|list| {
        let servers = server(1, CHECK) + &server(2, CHECK);
        members("G", list) + &service("group G", "", &servers)
    });
    stage.serve(&at(1), accepts());
    stage.start(&before);
    stage.told("RS [10.98.0.2]:tcp:80 [G]:0 DOWN");
    stage.pause("up");
    stage.reload(&after);
    stage.holds(rule, true);
    stage.pause("other members");
    stage.serve(&at(2), accepts());
    stage.holds("-r 10.98.0.2:80 -g -w 1", true);
    stage.pause("up again");
}
