//! The daemon's own life: what it finds and leaves in the table, a worker that dies, and services that wait for their address.

use super::services::accepts;
use super::stage::Stage;
use super::{CHECK, Story, at, rs, server, service, story, vip, vs};
use crate::support::Worker;
use crate::support::story::{otherwise, unsaid};

pub(super) const STORIES: &[Story] = &[
    story("the_table_is_emptied_at_the_start", |stage| emptied(stage, "lvs_flush")),
    story("the_table_is_emptied_at_the_stop", |stage| emptied(stage, "lvs_flush_on_stop")),
    story("services_are_emptied_at_the_stop", |stage| emptied(stage, "lvs_flush_on_stop VS")),
    story("the_table_is_emptied_at_the_stop_and_programs_hear", |stage| {
        stage.globals("lvs_flush_on_stop");
        two(stage, &vip("omega", &(server(1, CHECK) + &server(2, CHECK))));
        stage.pause("up");
    }),
    story("a_worker_is_killed", |stage| {
        two(stage, &vip("", &(server(1, CHECK) + &server(2, CHECK))));
        stage.ends(&at(1));
        stage.told(&rs(1, "DOWN"));
        stage.pause("one is down");
        stage.director().kill_worker(Worker::Check);
        stage.pause("another worker");
        stage.ends(&at(2));
        stage.told(&rs(2, "DOWN"));
        stage.pause("both are down");
        stage.serve(&at(1), accepts());
        stage.told(&rs(1, "UP"));
        stage.pause("one is up");
    })
    // What is told already is not told again.
    .but_for(|program, text| unsaid(program, text, "another worker", &QUORUM_UP)),
    story("all_is_killed_and_started_again", |stage| {
        let config = vip("", &(server(1, CHECK) + &server(2, "weight 4\n TCP_CHECK {\n}")));
        two(stage, &config);
        stage.ends(&at(1));
        stage.told(&rs(1, "DOWN"));
        stage.pause("one is down");
        stage.kill();
        stage.pause("killed");
        stage.serve(&at(1), accepts());
        stage.start(&config);
        stage.holds("-r 10.98.0.1:80", true);
        stage.pause("started again");
    })
    // The quorum is there, and the server that was down comes back.
    .but_for(|program, text| {
        let [fifo, call] = QUORUM_UP;
        let text = otherwise(program, text, "started again", fifo, &format!("fifo: {}", rs(1, "UP")));
        otherwise(program, text, "started again", call, "call: up 10.98.0.1 80")
    }),
    story("checks_wait_for_the_address", |stage| {
        stage.start(&vip("ha_suspend", &(server(1, CHECK) + &server(2, ""))));
        stage.told(&vs("UP"));
        stage.pause("nobody looks");
        stage.run("ip address add 10.99.0.1/32 dev lo");
        stage.told(&rs(1, "DOWN"));
        stage.pause("down");
        stage.run("ip address del 10.99.0.1/32 dev lo");
        stage.serve(&at(1), accepts());
        stage.pause("nobody looks again");
        stage.run("ip address add 10.99.0.1/32 dev lo");
        stage.told(&rs(1, "UP"));
        stage.pause("up");
    }),
    story("alpha_servers_wait_for_the_address", |stage| {
        stage.serve(&at(1), accepts());
        let other = service("10.99.0.2 80", "", &server(1, CHECK));
        stage.start(&(vip("ha_suspend\n alpha", &server(1, CHECK)) + &other));
        stage.told("VS [10.99.0.2]:tcp:80 UP");
        stage.pause("nobody looks");
        stage.run("ip address add 10.99.0.1/32 dev lo");
        stage.told(&vs("UP"));
        stage.pause("up");
    }),
];

const QUORUM_UP: [&str; 2] = ["fifo: VS [10.99.0.1]:tcp:80 UP", "call: quorum_up 10.99.0.1 80"];

/// Starts with two servers that are up.
fn two(stage: &mut Stage<'_>, config: &str) {
    stage.serve(&at(1), accepts());
    stage.serve(&at(2), accepts());
    stage.start(config);
    stage.told(&vs("UP"));
}

/// There are entries of others; one that comes while it runs is added in the middle.
fn emptied(stage: &mut Stage<'_>, globals: &str) {
    stage.globals(globals);
    stage.run("ipvsadm -A -t 10.99.0.8:80 -s wlc");
    two(stage, &vip("", &(server(1, CHECK) + &server(2, CHECK))));
    stage.run("ipvsadm -A -t 10.99.0.9:80 -s wlc");
    stage.pause("up");
}
