//! Reloads.

use super::stage::Stage;
use super::tracking::{instance, rival};
use super::{Story, story};

pub(super) const STORIES: &[Story] = &[
    story("a_reload_that_changes_nothing", nothing),
    story("a_reload_that_changes_everything", everything),
    story("a_reload_removes_a_master", removes),
    story("a_reload_removes_a_master_and_says_so", removes_and_says_so),
    story("a_reload_adds_an_instance", adds),
    story("a_reload_gives_another_name", renames),
    story("a_reload_gives_the_only_instance_another_vrid", another_vrid),
    story("a_reload_writes_the_states_again", states_again),
    story("a_reload_of_a_backup_with_a_better_priority", better_priority),
    story("a_reload_adds_a_script_that_fails", adds_script),
    story("a_reload_while_a_tracked_interface_is_missing", tracked_is_missing),
];

fn second() -> String {
    instance(150, "")
        .replace("VI", "SECOND")
        .replace("virtual_router_id 7", "virtual_router_id 8")
        .replace("10.0.0.100", "10.0.0.108")
}

fn nothing(stage: &mut Stage<'_>) {
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.reload(&instance(150, ""));
    stage.pause("reloaded");
}

fn everything(stage: &mut Stage<'_>) {
    stage.start(&(instance(150, "") + &second()));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.told("INSTANCE \"SECOND\" MASTER 150");
    stage.peer(&rival(120));
    stage.pause("master");
    let other = instance(90, "garp_master_repeat 1").replace("advert_int 1", "advert_int 2");
    let third = second().replace("SECOND", "THIRD").replace("virtual_router_id 8", "virtual_router_id 9");
    stage.reload(&(other + &third));
    stage.told("INSTANCE \"THIRD\" MASTER 150");
    stage.pause("another interval, an instance more and one less");
}

/// Nobody else listens there: it has to hear all the same.
fn another_vrid(stage: &mut Stage<'_>) {
    let other = |text: String| text.replace("virtual_router_id 7", "virtual_router_id 17");
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.reload(&other(instance(150, "")));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.has("10.0.0.100", true);
    stage.pause("master of another virtual router");
    stage.peer(&other(rival(200)));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.has("10.0.0.100", false);
    stage.peer_has("10.0.0.100", true);
    stage.pause("a better one is heard");
    stage.peer_stops();
    stage.has("10.0.0.100", true);
    stage.pause("and its end");
}

fn removes(stage: &mut Stage<'_>) {
    stage.start(&(instance(150, "") + &second()));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.told("INSTANCE \"SECOND\" MASTER 150");
    stage.pause("master");
    stage.reload(&instance(150, ""));
    stage.has("10.0.0.108", false);
    stage.pause("one less");
}

fn removes_and_says_so(stage: &mut Stage<'_>) {
    let second = second().replace("{notify}", "{notify}\n    notify_deleted {dir}notify_deleted");
    stage.start(&(instance(150, "") + &second));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.told("INSTANCE \"SECOND\" MASTER 150");
    stage.pause("master");
    stage.reload(&instance(150, ""));
    stage.has("10.0.0.108", false);
    stage.pause("one less");
}

fn adds(stage: &mut Stage<'_>) {
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.reload(&(instance(150, "") + &second()));
    stage.told("INSTANCE \"SECOND\" MASTER 150");
    stage.pause("one more");
}

fn renames(stage: &mut Stage<'_>) {
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.reload(&instance(150, "").replace("VI", "OTHER"));
    stage.pause("another name");
}

fn states_again(stage: &mut Stage<'_>) {
    stage.globals("fifo_write_vrrp_states_on_reload");
    let group = "vrrp_sync_group G {\n group {\n VI\n SECOND\n }\n}\n";
    stage.start(&(group.to_owned() + &instance(150, "") + &second()));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.told("INSTANCE \"SECOND\" MASTER 150");
    stage.peer(&(rival(200) + &second().replace("150", "200").replace("{notify}", "")));
    stage.has("10.0.0.108", false);
    stage.has("10.0.0.100", false);
    stage.pause("backup");
    stage.reload(&(group.to_owned() + &instance(150, "") + &second()));
    stage.pause("reloaded");
}

fn better_priority(stage: &mut Stage<'_>) {
    stage.peer(&rival(180));
    stage.peer_has("10.0.0.100", true);
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.pause("backup");
    stage.reload(&instance(200, ""));
    stage.told("INSTANCE \"VI\" MASTER 200");
    stage.peer_has("10.0.0.100", false);
    stage.pause("master");
}

fn adds_script(stage: &mut Stage<'_>) {
    stage.script("check", "test ! -e {dir}down");
    stage.write("down", "");
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    let script = "vrrp_script check {\n script {dir}check\n interval 1\n}\n";
    stage.reload(&(script.to_owned() + &instance(150, "track_script {\n check\n }")));
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("fault");
    stage.remove("down");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master again");
    stage.reload(&(script.to_owned() + &instance(150, "track_script {\n check\n }")));
    stage.pause("the same again");
}

/// It stays tracked: it is a fault until it is up again, and once more when it goes down.
fn tracked_is_missing(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    let config = instance(150, "track_interface {\n eth1\n }");
    stage.start(&config);
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.run("ip link del eth1");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("deleted");
    stage.reload(&config);
    stage.pause("reloaded");
    stage.connect("eth1", "10.1.0.1/24");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("made again");
    stage.run("ip link set eth1 down");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("down");
}
