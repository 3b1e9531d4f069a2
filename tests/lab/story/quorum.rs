//! Quorums, sorry servers, and servers that are down from the beginning or stay in the table. Several virtual servers with the
//! same real servers play most stories at once, each with lines of its own.

use super::services::{accepts, web};
use super::stage::Stage;
use super::{CHECK, QUORUM_DOWN, SORRY, Story, at, rs, rs_of, server, service, story, vip, vs, vs_of};
use crate::support::story::unsaid;

pub(super) const STORIES: &[Story] = &[
    story("all_servers_go", |stage| {
        let inhibited_sorry = format!("{SORRY}\n sorry_server_inhibit");
        let kinds: [Kind<'_>; 9] = [
            ("", ""),
            ("", "inhibit_on_failure"),
            (SORRY, ""),
            (SORRY, "inhibit_on_failure"),
            (&inhibited_sorry, ""),
            (&inhibited_sorry, "inhibit_on_failure"),
            (&format!("{SORRY}\n sorry_server_lvs_method TUN"), ""),
            ("omega", ""),
            // More than there is: as much as there is, then.
            ("quorum 9", ""),
        ];
        down_and_up(stage, &kinds);
    }),
    story("quorums", |stage| {
        quorum(
            stage,
            &[
                "quorum 6",
                "quorum 6\n hysteresis 2",
                &format!("{SORRY}\n quorum 6"),
                &format!("{SORRY}\n quorum 6\n hysteresis 2"),
                &format!("{SORRY}\n sorry_server_inhibit\n quorum 4\n hysteresis 3"),
            ],
        );
    }),
    story("a_sorry_server_from_the_start", |stage| {
        stage.start(&vip(SORRY, &server(1, CHECK)));
        stage.told(&vs("DOWN"));
        stage.pause("down");
        stage.serve(&at(1), accepts());
        stage.told(&vs("UP"));
        stage.pause("up");
    }),
    story("alpha", alphas),
    story("alpha_of_web_servers", alpha_web),
    story("an_end_without_a_quorum", |stage| {
        with_two(stage, &[(&format!("omega\n {SORRY}"), "inhibit_on_failure")]);
        stage.ends(&at(1));
        stage.ends(&at(2));
        stage.told(&vs("DOWN"));
        stage.pause("down");
    })
    // Who hears of the quorum has heard that it is lost.
    .but_for(|program, text| unsaid(program, text, "stopped", QUORUM_DOWN)),
    story("servers_are_told_of_at_the_start", |stage| {
        stage.globals("rs_init_notifies");
        down_and_up(stage, &[("", ""), ("quorum 2", "inhibit_on_failure"), (SORRY, "")]);
    }),
    story("alpha_servers_are_told_of_at_the_start", |stage| {
        stage.globals("rs_init_notifies");
        alphas(stage);
    }),
    story("a_weight_of_0", weightless),
    story("no_server_is_checked", |stage| {
        stage.start(&vip("quorum 2\n omega", &(server(1, "") + &server(2, "weight 3"))));
        stage.told(&vs("UP"));
        stage.pause("up");
    }),
];

/// Lines of a virtual server, and of each of its real servers.
type Kind<'a> = (&'a str, &'a str);

/// Virtual server `n`, which begins with 1.
fn address(n: usize) -> String {
    format!("10.99.0.{n}")
}

/// A virtual server a kind, all with the real servers 1 and 2.
fn of_kinds(kinds: &[Kind<'_>]) -> String {
    let one = |(n, (lines, server_lines)): (usize, &Kind<'_>)| {
        let both = [1, 2].map(|n| server(n, &format!("{server_lines}\n {CHECK}"))).concat();
        service(&format!("{} 80", address(n)), lines, &both)
    };
    (1..).zip(kinds).map(one).collect()
}

/// All virtual servers have told this of real server `n`.
fn all_told(stage: &Stage<'_>, kinds: usize, n: u8, state: &str) {
    for vs in 1..=kinds {
        stage.told(&rs_of(n, &address(vs), state));
    }
}

/// Starts with two servers that are up.
fn with_two(stage: &mut Stage<'_>, kinds: &[Kind<'_>]) {
    stage.serve(&at(1), accepts());
    stage.serve(&at(2), accepts());
    stage.start(&of_kinds(kinds));
    (1..=kinds.len()).for_each(|n| stage.told(&vs_of(&address(n), "UP")));
    stage.pause("up");
}

/// Both servers go, one after the other, and one comes back.
fn down_and_up(stage: &mut Stage<'_>, kinds: &[Kind<'_>]) {
    with_two(stage, kinds);
    stage.ends(&at(1));
    all_told(stage, kinds.len(), 1, "DOWN");
    stage.pause("one is down");
    stage.ends(&at(2));
    all_told(stage, kinds.len(), 2, "DOWN");
    stage.pause("both are");
    stage.serve(&at(2), accepts());
    all_told(stage, kinds.len(), 2, "UP");
    stage.pause("one is up");
}

/// Servers of weight 3, 3 and 4 go and come back, one by one.
fn quorum(stage: &mut Stage<'_>, kinds: &[&str]) {
    let weights = [(1, 3), (2, 3), (3, 4)];
    let servers = weights.map(|(n, weight)| server(n, &format!("weight {weight}\n {CHECK}"))).concat();
    for (n, _) in weights {
        stage.serve(&at(n), accepts());
    }
    let one = |(n, lines): (usize, &&str)| {
        service(&format!("{} 80", address(n)), &format!("lvs_sched wrr\n {lines}"), &servers)
    };
    stage.start(&(1..).zip(kinds).map(one).collect::<String>());
    (1..=kinds.len()).for_each(|n| stage.told(&vs_of(&address(n), "UP")));
    for (n, left) in [(3, 6), (2, 3)] {
        stage.ends(&at(n));
        all_told(stage, kinds.len(), n, "DOWN");
        stage.pause(&format!("{left} is left"));
    }
    for (n, there) in [(2, 6), (3, 10)] {
        stage.serve(&at(n), accepts());
        all_told(stage, kinds.len(), n, "UP");
        stage.pause(&format!("{there} is there"));
    }
}

/// One serves from the start, the other one later.
fn alphas(stage: &mut Stage<'_>) {
    let with_sorry = format!("alpha\n {SORRY}");
    let kinds = [
        ("alpha", ""),
        ("alpha", "inhibit_on_failure"),
        (&with_sorry, ""),
        (&with_sorry, "inhibit_on_failure"),
    ];
    stage.serve(&at(1), accepts());
    stage.start(&of_kinds(&kinds));
    all_told(stage, kinds.len(), 1, "UP");
    all_told(stage, kinds.len(), 2, "DOWN");
    stage.pause("one is up");
    stage.serve(&at(2), accepts());
    all_told(stage, kinds.len(), 2, "UP");
    stage.ends(&at(1));
    all_told(stage, kinds.len(), 1, "DOWN");
    stage.pause("the other one is");
}

fn alpha_web(stage: &mut Stage<'_>) {
    let check = "HTTP_GET {\n url {\n path /\n status_code 200\n }\n}";
    stage.serve(&at(1), web(&[("", "200 hello")]));
    stage.serve(&at(2), web(&[("", "503 busy")]));
    stage.start(&vip("alpha", &(server(1, check) + &server(2, check) + &server(3, check))));
    stage.told(&rs(1, "UP"));
    stage.pause("one is up");
    stage.serve(&at(2), web(&[("", "200 hello")]));
    stage.told(&rs(2, "UP"));
    stage.pause("two are");
}

fn weightless(stage: &mut Stage<'_>) {
    stage.serve(&at(1), accepts());
    stage.serve(&at(2), accepts());
    let servers = server(1, &format!("weight 0\n {CHECK}")) + &server(2, CHECK);
    stage.start(&vip("lvs_sched wrr", &servers));
    stage.told(&vs("UP"));
    stage.pause("up");
    stage.ends(&at(2));
    stage.told(&vs("DOWN"));
    stage.ends(&at(1));
    stage.told(&rs(1, "DOWN"));
    stage.pause("down");
    stage.serve(&at(1), accepts());
    stage.told(&rs(1, "UP"));
    stage.pause("one is up, and takes nothing");
}
