//! Sync groups.

use super::stage::Stage;
use super::{Story, story};
use crate::support::story::{otherwise, unsaid};

pub(super) const STORIES: &[Story] = &[
    story("a_group_follows_the_member_that_lost_its_link", member_loses_its_link),
    story("a_group_follows_the_peers_higher_priority", mixed_priorities),
    story("a_group_becomes_master_only_as_a_whole", as_a_whole),
    story("a_script_of_a_member_fails_the_group", script_of_a_member),
    story("a_script_of_the_group_fails_the_group", script_of_the_group),
    story("a_group_with_tracking_weight", tracking_weight),
    story("a_member_tracks_an_interface_with_a_weight", weight_of_a_member),
    story("a_groups_weight_of_an_interface_spares_the_member_on_it", interface_of_a_member),
    // keepalived makes the whole group BACKUP first.
    story("a_member_of_a_group_is_added_and_removed", member_added_and_removed).but_for(|program, text| {
        let pause = "three members";
        let others =
            ["fifo: GROUP", "fifo: INSTANCE \"VI_0\"", "fifo: INSTANCE \"VI_1\"", "call: notify: GROUP"];
        let text = unsaid(program, text, pause, &others);
        let calls = ["call: notify: INSTANCE VI_0", "call: notify: INSTANCE VI_1", "call: notify_"];
        let text = unsaid(program, text, pause, &calls);
        let third =
            ["fifo: INSTANCE \"VI_2\" BACKUP", "call: notify: INSTANCE VI_2 BACKUP", "announced: 10.0.0.100"];
        let text = unsaid(program, text, pause, &third);
        let call = "call: notify: INSTANCE VI_2 MASTER 150";
        otherwise(program, text, pause, call, &format!("{call}\ncall: notify_master: "))
    }),
    story("a_group_of_three_at_stop", three_at_stop),
];

fn instance(n: u8, priority: u8, more: &str) -> String {
    format!(
        "vrrp_instance VI_{n} {{
    state BACKUP
    interface eth{n}
    virtual_router_id {}
    priority {priority}
    advert_int 1
    {{notify}}
    virtual_ipaddress {{
        10.{n}.0.100/24
    }}
    {more}
}}
",
        n + 10
    )
}

fn rivals(priorities: [u8; 2]) -> String {
    let [first, second] = priorities;
    (instance(0, first, "") + &instance(1, second, "")).replace("{notify}", "")
        + "vrrp_sync_group G {\n group {\n VI_0\n VI_1\n }\n}\n"
}

fn group(more: &str) -> String {
    format!(
        "vrrp_sync_group G {{\n    group {{\n        VI_0\n        VI_1\n    }}\n    {{notify}}\n    {more}\n}}\n"
    )
}

fn cable(stage: &Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
}

fn start(stage: &mut Stage<'_>, config: &str) {
    cable(stage);
    stage.start(config);
    stage.has("10.0.0.100", true);
    stage.has("10.1.0.100", true);
}

/// keepalived says that it ignores the weight, and counts it.
fn weight_of_a_member(stage: &mut Stage<'_>) {
    stage.network("eth2", "10.2.0.1/24", "10.2.0.2/24");
    let members = instance(0, 150, "track_interface {\n eth2 weight -60\n }") + &instance(1, 150, "");
    start(stage, &(group("") + &members));
    stage.pause("master");
    stage.run("ip link set eth2 down");
    stage.pause("eth2 is down");
    stage.run("ip link set eth2 up");
    stage.pause("eth2 is up");
}

fn interface_of_a_member(stage: &mut Stage<'_>) {
    let members = instance(0, 150, "") + &instance(1, 140, "");
    start(stage, &(group("track_interface {\n eth1 weight 5\n }") + &members));
    stage.pause("master");
}

fn member_loses_its_link(stage: &mut Stage<'_>) {
    start(stage, &(group("") + &instance(0, 150, "") + &instance(1, 150, "")));
    stage.peer(&rivals([120, 120]));
    stage.pause("master");
    stage.run("ip link set eth1 down");
    stage.told("GROUP \"G\" FAULT 0");
    stage.peer_has("10.0.0.100", true);
    stage.pause("eth1 is down");
    stage.run("ip link set eth1 up");
    stage.told("GROUP \"G\" MASTER 0");
    stage.peer_has("10.0.0.100", false);
    stage.peer_has("10.1.0.100", false);
    stage.pause("eth1 is up");
}

fn mixed_priorities(stage: &mut Stage<'_>) {
    start(stage, &(group("") + &instance(0, 150, "") + &instance(1, 100, "")));
    stage.pause("alone");
    stage.peer(&rivals([120, 120]));
    stage.pause("the peer is better for one member");
    stage.peer_stops();
    stage.peer(&rivals([200, 120]));
    stage.peer_has("10.1.0.100", true);
    stage.peer_has("10.0.0.100", true);
    stage.has("10.1.0.100", false);
    stage.has("10.0.0.100", false);
    stage.pause("the peer is better for both");
    stage.peer_stops();
    stage.told("GROUP \"G\" MASTER 0");
    stage.pause("alone again");
}

fn as_a_whole(stage: &mut Stage<'_>) {
    cable(stage);
    // The peer has but one of the two virtual routers, and is better there.
    stage.peer(&instance(1, 200, "").replace("{notify}", ""));
    stage.peer_has("10.1.0.100", true);
    stage.start(&(group("") + &instance(0, 150, "") + &instance(1, 150, "")));
    stage.told("INSTANCE \"VI_1\" BACKUP 150");
    stage.pause("one member could be master, the other not");
    stage.peer_stops();
    stage.told("GROUP \"G\" MASTER 0");
    stage.pause("both can");
}

const TRACKS: &str = "track_script {\n check\n }";

fn script_of_a_member(stage: &mut Stage<'_>) {
    script(stage, group("") + &instance(0, 150, TRACKS) + &instance(1, 150, ""));
}

fn script_of_the_group(stage: &mut Stage<'_>) {
    script(stage, group(TRACKS) + &instance(0, 150, "") + &instance(1, 150, ""));
}

/// A script that somebody tracks fails, and succeeds again.
fn script(stage: &mut Stage<'_>, config: String) {
    stage.script("check", "test ! -e {dir}down");
    let script = "vrrp_script check {\n script {dir}check\n interval 1\n}\n";
    start(stage, &(script.to_owned() + &config));
    stage.pause("master");
    stage.write("down", "");
    stage.told("GROUP \"G\" FAULT 0");
    stage.pause("the script fails");
    stage.remove("down");
    stage.told("GROUP \"G\" MASTER 0");
    stage.pause("the script succeeds");
}

fn tracking_weight(stage: &mut Stage<'_>) {
    stage.script("check", "test ! -e {dir}down");
    let script = "vrrp_script check {\n script {dir}check\n interval 1\n weight -60\n}\n";
    let members = instance(0, 150, "track_script {\n check\n }") + &instance(1, 150, "");
    start(stage, &(script.to_owned() + &group("sync_group_tracking_weight") + &members));
    stage.peer(&rivals([120, 160]));
    stage.pause("master");
    stage.write("down", "");
    stage.told("GROUP \"G\" BACKUP 0");
    stage.peer_has("10.0.0.100", true);
    stage.peer_has("10.1.0.100", true);
    stage.pause("the script fails");
    stage.remove("down");
    // The peer is better for the other member: the group can't be master before the peer goes.
    stage.pause("the script succeeds");
    stage.peer_stops();
    stage.told("GROUP \"G\" MASTER 0");
    stage.pause("alone");
}

fn member_added_and_removed(stage: &mut Stage<'_>) {
    let members = instance(0, 150, "") + &instance(1, 150, "");
    start(stage, &(group("") + &members));
    stage.pause("two members");
    let third = instance(2, 150, "").replace("eth2", "eth0").replace("10.2.0", "10.0.2");
    let larger = group("").replace("VI_1\n", "VI_1\n        VI_2\n");
    stage.reload(&(larger + &members + &third));
    stage.has("10.0.2.100", true);
    stage.told("INSTANCE \"VI_2\" MASTER 150");
    stage.pause("three members");
    stage.reload(&(group("") + &members));
    stage.has("10.0.2.100", false);
    stage.pause("two members again");
}

fn three_at_stop(stage: &mut Stage<'_>) {
    let third = instance(2, 150, "").replace("eth2", "eth0").replace("10.2.0", "10.0.2");
    let larger = group("").replace("VI_1\n", "VI_1\n        VI_2\n");
    start(stage, &(larger + &instance(0, 150, "") + &instance(1, 150, "") + &third));
    stage.has("10.0.2.100", true);
    stage.peer(&rivals([120, 120]));
    stage.pause("master");
    stage.stop();
    stage.peer_has("10.0.0.100", true);
    stage.pause("stopped");
}
