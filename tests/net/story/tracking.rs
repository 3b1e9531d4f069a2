//! What is tracked: scripts, files, interfaces; with and without weight. Not processes: keepalived hears of them only in
//! the machine's first network namespace, where no test may work.

use super::stage::Stage;
use super::{Story, story};
use crate::support::story::otherwise;

pub(super) const STORIES: &[Story] = &[
    story("a_script_without_weight_fails_and_succeeds", script_without_weight),
    story("a_script_fails_from_the_start", script_fails_from_the_start),
    story("a_script_of_negative_weight_gives_the_peer_its_turn", script_of_negative_weight),
    story("a_script_of_positive_weight_keeps_mastership", script_of_positive_weight),
    story("a_script_of_reversed_weight", script_of_reversed_weight),
    story("a_script_without_weight_reversed", script_without_weight_reversed),
    story("a_script_rises_and_falls_slowly", script_rises_and_falls_slowly),
    story("a_script_that_hangs_has_failed", script_that_hangs),
    story("an_interface_without_weight_goes_down", interface_without_weight),
    story("an_interface_with_weight_goes_down", interface_with_weight),
    story("an_interface_of_reversed_weight_goes_down", interface_of_reversed_weight),
    story("an_interface_of_an_address_has_no_weight", interface_of_an_address),
    // The number of a file that is no fault any more changes the priority, which is told.
    story("a_file_changes_the_priority", file_changes_the_priority).but_for(|program, text| {
        let (theirs, ours) = ("BACKUP 140", "BACKUP_PRIORITY 140\nfifo: INSTANCE \"VI\" BACKUP 140");
        let theirs = format!("fifo: INSTANCE \"VI\" {theirs}");
        otherwise(program, text, "-5 in the file", &theirs, &format!("fifo: INSTANCE \"VI\" {ours}"))
    }),
    story("a_file_of_weight_0_is_a_fault", file_of_weight_0),
    story("the_own_cable_is_pulled", own_cable),
    story("the_own_link_is_set_down", own_link),
    story("the_own_link_does_not_count", own_link_does_not_count),
    story("a_link_flaps_within_its_delays", link_delays),
    story("a_link_flaps_below_a_vmac_within_its_delays", link_delays_of_a_vmac),
    story("changes_of_the_priority_are_told", changes_are_told),
    story("several_files_make_the_priority_at_start", several_files_at_start),
];

/// An instance of VRID 7 with 10.0.0.100.
pub(super) fn instance(priority: u8, more: &str) -> String {
    format!(
        "vrrp_instance VI {{
    state BACKUP
    interface eth0
    virtual_router_id 7
    priority {priority}
    advert_int 1
    {{notify}}
    virtual_ipaddress {{
        10.0.0.100/24
    }}
    {more}
}}
"
    )
}

/// The same on the other host.
pub(super) fn rival(priority: u8) -> String {
    instance(priority, "").replace("{notify}", "")
}

/// A script that fails while the file `down` is there.
fn script(options: &str) -> String {
    format!("vrrp_script check {{\n    script {{dir}}check\n    interval 1\n    {options}\n}}\n")
}

fn prepare(stage: &Stage<'_>) {
    stage.script("check", "test ! -e {dir}down");
}

fn script_without_weight(stage: &mut Stage<'_>) {
    prepare(stage);
    stage.start(&(script("") + &instance(150, "track_script {\n check\n }")));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.write("down", "");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("the script fails");
    stage.remove("down");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("the script succeeds");
}

fn script_fails_from_the_start(stage: &mut Stage<'_>) {
    prepare(stage);
    stage.write("down", "");
    stage.start(&(script("") + &instance(150, "track_script {\n check\n }")));
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("it fails");
    stage.remove("down");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("it succeeds");
}

fn with_rival(stage: &mut Stage<'_>, script: &str, tracking: &str) {
    prepare(stage);
    stage.start(&(script.to_owned() + &instance(150, tracking)));
    stage.has("10.0.0.100", true);
    stage.peer(&rival(120));
    stage.pause("the script succeeds");
    stage.write("down", "");
    stage.peer_has("10.0.0.100", true);
    stage.has("10.0.0.100", false);
    stage.pause("the script fails");
    stage.remove("down");
    stage.has("10.0.0.100", true);
    stage.pause("the script succeeds again");
}

fn script_of_negative_weight(stage: &mut Stage<'_>) {
    with_rival(stage, &script("weight -50"), "track_script {\n check\n }");
}

fn script_of_positive_weight(stage: &mut Stage<'_>) {
    with_rival(stage, &script(""), "priority 100\n track_script {\n check weight 50\n }");
}

fn script_of_reversed_weight(stage: &mut Stage<'_>) {
    prepare(stage);
    stage.write("down", "");
    stage.start(&(script("") + &instance(150, "track_script {\n check weight 50 reverse\n }")));
    stage.has("10.0.0.100", true);
    stage.peer(&rival(120));
    stage.pause("the script fails");
    stage.remove("down");
    stage.peer_has("10.0.0.100", true);
    stage.has("10.0.0.100", false);
    stage.pause("the script succeeds");
}

fn script_without_weight_reversed(stage: &mut Stage<'_>) {
    prepare(stage);
    stage.write("down", "");
    stage.start(&(script("") + &instance(150, "track_script {\n check weight 0 reverse\n }")));
    stage.has("10.0.0.100", true);
    stage.pause("the script fails, which is good");
    stage.remove("down");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("the script succeeds, which is bad");
}

fn script_rises_and_falls_slowly(stage: &mut Stage<'_>) {
    prepare(stage);
    stage.start(
        &(script("rise 2\n fall 3\n weight 10")
            + &instance(150, "track_script {\n check\n }\n notify_priority_changes")),
    );
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.write("down", "");
    stage.told("INSTANCE \"VI\" MASTER_PRIORITY 150");
    stage.pause("it fell");
    stage.remove("down");
    stage.told("INSTANCE \"VI\" MASTER_PRIORITY 160");
    stage.pause("it rose");
}

fn script_that_hangs(stage: &mut Stage<'_>) {
    stage.script("check", "test ! -e {dir}down || exec sleep 60");
    stage.start(&(script("timeout 1") + &instance(150, "track_script {\n check\n }")));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.write("down", "");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("the script hangs");
    stage.remove("down");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("the script succeeds");
}

fn interface_of_an_address(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    let more =
        "virtual_ipaddress_excluded {\n 10.1.0.100/24 dev eth1\n }\n track_interface {\n eth1 weight 50\n }";
    stage.start(&instance(100, more));
    stage.has("10.1.0.100", true);
    stage.peer(&rival(120));
    stage.has("10.0.0.100", false);
    stage.pause("the peer is better");
    stage.peer_stops();
    stage.has("10.0.0.100", true);
    stage.run("ip link set eth1 down");
    stage.told("INSTANCE \"VI\" FAULT 100");
    stage.pause("eth1 is down");
}

fn interface_without_weight(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    stage.start(&instance(150, "track_interface {\n eth1\n }"));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.run("ip link set eth1 down");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("eth1 is down");
    stage.run("ip link set eth1 up");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("eth1 is up");
    stage.one.unplug_from("eth1");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("eth1 has no carrier");
}

fn interface_with_weight(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    stage.start(&instance(150, "track_interface {\n eth1 weight -50\n }"));
    stage.has("10.0.0.100", true);
    stage.peer(&rival(120));
    stage.pause("master");
    stage.run("ip link set eth1 down");
    stage.peer_has("10.0.0.100", true);
    stage.has("10.0.0.100", false);
    stage.pause("eth1 is down");
    stage.run("ip link set eth1 up");
    stage.has("10.0.0.100", true);
    stage.pause("eth1 is up");
}

fn interface_of_reversed_weight(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    stage.start(&instance(100, "track_interface {\n eth1 weight 50 reverse\n }\n notify_priority_changes"));
    stage.has("10.0.0.100", true);
    stage.pause("eth1 is up");
    stage.run("ip link set eth1 down");
    stage.told("INSTANCE \"VI\" MASTER_PRIORITY 100");
    stage.pause("eth1 is down");
}

const FILE: &str = "track_file watched {\n    file {dir}watched\n}\n";

fn file_changes_the_priority(stage: &mut Stage<'_>) {
    stage.write("watched", "0\n");
    let tracked = "track_file {\n watched weight 2\n }\n notify_priority_changes";
    stage.start(&(FILE.to_owned() + &instance(150, tracked)));
    stage.has("10.0.0.100", true);
    stage.pause("0 in the file");
    stage.write("watched", "20\n");
    stage.told("INSTANCE \"VI\" MASTER_PRIORITY 190");
    stage.pause("20 in the file");
    stage.write("watched", "-300\n");
    stage.told("INSTANCE \"VI\" FAULT 190");
    stage.pause("-300 in the file");
    stage.write("watched", "-5\n");
    stage.told("INSTANCE \"VI\" MASTER 140");
    stage.pause("-5 in the file");
    stage.remove("watched");
    stage.told("INSTANCE \"VI\" MASTER_PRIORITY 150");
    stage.pause("no file");
}

fn file_of_weight_0(stage: &mut Stage<'_>) {
    stage.write("watched", "0\n");
    stage.start(&(FILE.to_owned() + &instance(150, "track_file {\n watched weight 0\n }")));
    stage.has("10.0.0.100", true);
    stage.pause("0 in the file");
    stage.write("watched", "1\n");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("1 in the file");
    stage.write("watched", "0\n");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("0 in the file again");
}

fn own_cable(stage: &mut Stage<'_>) {
    stage.start(&instance(150, ""));
    stage.has("10.0.0.100", true);
    stage.peer(&rival(120));
    stage.pause("master");
    stage.one.unplug();
    stage.peer_has("10.0.0.100", true);
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("no carrier");
    stage.one.plug_in();
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.peer_has("10.0.0.100", false);
    stage.pause("carrier again");
}

fn own_link(stage: &mut Stage<'_>) {
    stage.start(&instance(150, ""));
    stage.has("10.0.0.100", true);
    stage.peer(&rival(120));
    stage.pause("master");
    stage.run("ip link set eth0 down");
    stage.peer_has("10.0.0.100", true);
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("down");
    stage.run("ip link set eth0 up");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.peer_has("10.0.0.100", false);
    stage.pause("up");
}

fn own_link_does_not_count(stage: &mut Stage<'_>) {
    stage.start(&instance(150, "dont_track_primary"));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.one.unplug();
    stage.pause("no carrier");
    stage.one.plug_in();
    stage.pause("carrier again");
}

fn link_delays(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    let delays = "interface_up_down_delays {\n    eth1 2 1\n}\n";
    stage.start(&(delays.to_owned() + &instance(150, "track_interface {\n eth1\n }")));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.run("ip link set eth1 down");
    stage.run("ip link set eth1 up");
    stage.pause("a short loss");
    stage.run("ip link set eth1 down");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("a long loss");
    stage.run("ip link set eth1 up");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("up again");
}

fn link_delays_of_a_vmac(stage: &mut Stage<'_>) {
    let delays = "interface_up_down_delays {\n    eth0 1.5 0.5\n}\n";
    stage.start(&(delays.to_owned() + &instance(150, "use_vmac vrrp.7")));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.one.unplug();
    stage.one.plug_in();
    stage.pause("a short loss");
    stage.one.unplug();
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("a long loss");
    stage.one.plug_in();
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.has("10.0.0.100", true);
    stage.pause("up again");
}

fn changes_are_told(stage: &mut Stage<'_>) {
    stage.write("watched", "0\n");
    let tracked = "track_file {\n watched\n }\n notify_priority_changes";
    stage.start(&(FILE.to_owned() + &instance(150, tracked)));
    stage.has("10.0.0.100", true);
    stage.peer(&rival(120));
    stage.pause("master");
    stage.write("watched", "-50\n");
    stage.peer_has("10.0.0.100", true);
    stage.has("10.0.0.100", false);
    stage.pause("backup");
    stage.write("watched", "-60\n");
    stage.told("INSTANCE \"VI\" BACKUP_PRIORITY 90");
    stage.pause("lower still");
    stage.write("watched", "200\n");
    stage.has("10.0.0.100", true);
    stage.pause("as high as can be");
}

fn several_files_at_start(stage: &mut Stage<'_>) {
    stage.write("watched", "5\n");
    stage.write("other_watched", "-10\n");
    let files =
        FILE.to_owned() + "vrrp_track_file other_watched {\n file {dir}other_watched\n weight 2\n }\n";
    let tracked = "track_file {\n watched weight 2\n other_watched\n }\n notify_priority_changes";
    stage.start(&(files + &instance(150, tracked)));
    stage.has("10.0.0.100", true);
    stage.pause("140 = 150 + 2 * 5 - 2 * 10");
    stage.write("watched", "10\n");
    stage.told("INSTANCE \"VI\" MASTER_PRIORITY 150");
    stage.pause("150");
}
