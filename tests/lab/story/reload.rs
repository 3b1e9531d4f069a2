//! Reloads: what changes in the table, and what is told of it. Several virtual servers play most stories at once.

use super::services::{accepts, web};
use super::stage::Stage;
use super::{CHECK, QUORUM_DOWN, SORRY, Story, at, rs, rs_of, server, service, story, vip, vs, vs_of};
use crate::support::Implementation;
use crate::support::story::{otherwise, unsaid};

pub(super) const STORIES: &[Story] = &[
    story("a_reload_changes_servers", |stage| {
        let of =
            |number: u8, lines: &str, servers: &str| service(&format!("10.99.0.{number} 80"), lines, servers);
        let weights =
            |[first, second, third]: [u32; 3]| weighed(1, first) + &weighed(2, second) + &weighed(3, third);
        let limits = |limits: &str| both(&format!("{limits}\n weight 2"));
        let before = [
            vip("lvs_sched wrr", &weights([1, 2, 3])),
            of(2, "lvs_method DR", &both("")),
            of(3, "", &both("")),
            of(4, "", &limits("uthreshold 100\n lthreshold 50")),
        ];
        let after = [
            vip("lvs_sched wrr", &weights([10, 0, 30])),
            of(2, "lvs_method TUN", &both("weight 2")),
            of(3, "", &(both("") + &weighed(3, 3))),
            of(4, "", &limits("uthreshold 200\n lthreshold 20")),
        ];
        reloaded(stage, &before.concat(), &after.concat(), "-t 10.99.0.3:80 -r 10.98.0.3:80");
        stage.ends(&at(1));
        stage.told(&rs(1, "DOWN"));
        stage.pause("one is down");
    })
    // keepalived has the former ones until a server is added anew.
    .but_for(|program, text| {
        let of_before = |text, pause| otherwise(program, text, pause, "-x 100 -y 50", "-x 200 -y 20");
        of_before(of_before(text, "reloaded"), "one is down")
    }),
    story("a_reload_changes_how_services_schedule", |stage| {
        let of = |all: [&str; 4]| -> String {
            let one = |(n, lines)| service(&format!("10.99.0.{n} 80"), lines, &both(""));
            (1..).zip(all).map(one).collect()
        };
        let before = [
            "lvs_sched rr",
            "lvs_sched rr\n persistence_timeout 60",
            "lvs_sched sh\n sh-port",
            "lvs_sched rr",
        ];
        let after = [
            "lvs_sched wlc\n persistence_timeout 60",
            "lvs_sched rr",
            "lvs_sched sh\n sh-port\n sh-fallback",
            "lvs_sched mh\n persistence_timeout 90\n persistence_granularity 255.255.255.0",
        ];
        reloaded(stage, &of(before), &of(after), "-s mh");
        stage.reload(&of(before));
        stage.holds("-s mh", false);
        stage.pause("and back");
    }),
    story("a_reload_brings_servers_that_are_down", |stage| {
        started(stage, &vip("", &both("")));
        let alpha = server(5, "inhibit_on_failure\n TCP_CHECK {\n alpha\n}");
        stage.reload(&vip("", &(both("") + &server(4, CHECK) + &alpha)));
        stage.told(&rs(4, "DOWN"));
        stage.told(&rs(5, "DOWN"));
        stage.pause("reloaded");
        stage.serve(&at(4), accepts());
        stage.serve(&at(5), accepts());
        stage.told(&rs(4, "UP"));
        stage.told(&rs(5, "UP"));
        stage.pause("up");
    }),
    story("a_reload_takes_a_server_away", |stage| {
        let (before, after) = (both("") + &weighed(3, 1), both("weight 2"));
        reloaded(stage, &vip("quorum 3", &before), &vip("quorum 2", &after), "-w 2");
    })
    .but_for(quorum_of_before),
    story("a_reload_takes_all_but_one_away", |stage| {
        reloaded(stage, &vip("", &both("")), &vip("", &weighed(3, 2)), "-w 2");
        stage.ends(&at(3));
        stage.told(&vs("DOWN"));
        stage.pause("down");
    })
    .but_for(quorum_of_before),
    story("a_reload_while_a_server_is_down", |stage| {
        let inhibited = "inhibit_on_failure";
        let kinds = [("", ""), (inhibited, inhibited), ("", inhibited), (inhibited, "")];
        let of = |weight: &str, lines: [&str; 4]| -> String {
            let one = |(n, lines): (u8, &str)| {
                service(&format!("10.99.0.{n} 80"), "", &both(&format!("{weight}\n {lines}")))
            };
            (1..).zip(lines).map(one).collect()
        };
        started(stage, &of("", kinds.map(|(before, _)| before)));
        let all_told = |stage: &Stage<'_>, state: &str| {
            (1..=4).for_each(|n| stage.told(&rs_of(1, &format!("10.99.0.{n}"), state)));
        };
        stage.ends(&at(1));
        all_told(stage, "DOWN");
        stage.pause("one is down");
        stage.reload(&of("weight 3", kinds.map(|(_, after)| after)));
        stage.holds("-r 10.98.0.2:80 -g -w 3", true);
        stage.pause("reloaded");
        stage.serve(&at(1), accepts());
        all_told(stage, "UP");
        stage.pause("up again");
    }),
    story("a_reload_changes_the_quorum", |stage| {
        started(stage, &vip("quorum 1", &(weighed(1, 1) + &weighed(2, 1))));
        stage.ends(&at(1));
        stage.told(&rs(1, "DOWN"));
        stage.reload(&vip("quorum 5", &(weighed(1, 2) + &weighed(2, 3))));
        stage.told(&vs("DOWN"));
        stage.pause("too few");
        stage.reload(&vip("quorum 4", &(weighed(1, 2) + &weighed(2, 4))));
        stage.told(&vs("UP"));
        stage.pause("enough");
    }),
    story("a_reload_while_sorry_servers_serve", sorry),
    story("a_reload_changes_a_check", |stage| {
        stage.serve(&at(1), web(&[("GET /good ", "200 hello")]));
        stage.serve(&at(2), web(&[("GET /good ", "200 hello")]));
        let check = |path: &str| {
            let check = format!("HTTP_GET {{\n url {{\n path /{path}\n status_code 200\n }}\n}}");
            [1, 2].map(|n| server(n, &check)).concat()
        };
        stage.start(&vip("", &check("good")));
        stage.told(&vs("UP"));
        stage.pause("up");
        stage.reload(&vip("", &check("bad")));
        stage.told(&vs("DOWN"));
        stage.pause("down");
        stage.reload(&vip("lvs_sched wrr", &check("good")));
        stage.told(&vs("UP"));
        stage.pause("up again");
    }),
    story("a_reload_takes_checks_away", |stage| {
        stage.start(&vip("", &both("")));
        stage.told(&vs("DOWN"));
        stage.pause("down");
        stage.reload(&vip("", &(server(1, "") + &server(2, ""))));
        stage.told(&vs("UP"));
        stage.pause("unchecked");
    }),
    story("a_reload_adds_a_check_that_fails", |stage| {
        started(stage, &vip("", &both("")));
        let more = "TCP_CHECK {\n connect_port 81\n}";
        stage.reload(&vip("", &(server(1, &format!("{CHECK}\n {more}")) + &weighed(2, 1))));
        stage.told(&rs(1, "DOWN"));
        stage.pause("down");
        stage.reload(&vip("", &(weighed(1, 2) + &weighed(2, 1))));
        stage.told(&rs(1, "UP"));
        stage.pause("up");
    }),
    story("a_reload_exchanges_virtual_servers", |stage| {
        let inhibited = both("") + &server(4, &format!("inhibit_on_failure\n {CHECK}"));
        let before = [
            vip("", &both("")),
            service("10.99.0.2 80", "", &inhibited),
            service("10.99.0.3 80", SORRY, &server(4, CHECK)),
            service("10.99.0.4 80", "", &server(4, CHECK)),
        ];
        let after = vip("", &both("")) + &service("10.99.0.5 80", "", &inhibited);
        reloaded(stage, &before.concat(), &after, "-A -t 10.99.0.5:80");
    }),
];

/// keepalived looks whether the former quorum is there without the servers that go, whatever the new one is.
fn quorum_of_before(program: Implementation, text: String) -> String {
    unsaid(program, text, "reloaded", QUORUM_DOWN)
}

fn weighed(n: u8, weight: u32) -> String {
    server(n, &format!("weight {weight}\n {CHECK}"))
}

fn both(lines: &str) -> String {
    [1, 2].map(|n| server(n, &format!("{lines}\n {CHECK}"))).concat()
}

/// Starts with this; servers 1 to 3 serve.
fn started(stage: &mut Stage<'_>, config: &str) {
    for n in 1..=3 {
        stage.serve(&at(n), accepts());
    }
    stage.start(config);
    stage.told(&vs("UP"));
    stage.pause("up");
}

/// From one configuration to the other, which is there once the table has this rule.
fn reloaded(stage: &mut Stage<'_>, from: &str, to: &str, rule: &str) {
    started(stage, from);
    stage.reload(to);
    stage.holds(rule, true);
    stage.pause("reloaded");
}

/// Three sorry servers serve when a reload leaves one, changes one and takes one away, and brings one where there was none; then a
/// server comes back.
fn sorry(stage: &mut Stage<'_>) {
    let of = |lines: [&str; 4], weight: u8| -> String {
        let one = |(n, lines)| service(&format!("10.99.0.{n} 80"), lines, &both(&format!("weight {weight}")));
        (1..).zip(lines).map(one).collect()
    };
    let all_told = |stage: &Stage<'_>, state: &str| {
        (1..=4).for_each(|n| stage.told(&vs_of(&format!("10.99.0.{n}"), state)));
    };
    stage.start(&of([SORRY, SORRY, SORRY, ""], 1));
    all_told(stage, "DOWN");
    stage.pause("down");
    stage.reload(&of([SORRY, "sorry_server 10.98.0.8 80", "", SORRY], 5));
    stage.holds("-r 10.98.0.8:80", true);
    stage.holds("-t 10.99.0.4:80 -r 10.98.0.9:80", true);
    stage.pause("reloaded");
    stage.serve(&at(1), accepts());
    all_told(stage, "UP");
    stage.pause("up");
}
