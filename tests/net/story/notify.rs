//! Who is told, and how.

use super::stage::Stage;
use super::tracking::{instance, rival};
use super::{Story, story};
use crate::support::story::otherwise;

pub(super) const STORIES: &[Story] = &[
    // 2.2.7 resolves escapes twice, and the quotes are gone the second time.
    story("scripts_have_arguments_and_quotes", arguments).but_for(|program, text| {
        otherwise(program, text, "*", "second and third fourth", "second and third \"fourth\"")
    }),
    story("only_some_transitions_have_a_script", some),
    story("a_fault_at_start", fault_at_start),
    story("a_script_that_lasts", lasting),
    story("killed_and_started_again", killed),
];

fn arguments(stage: &mut Stage<'_>) {
    let own = instance(150, "").replace(
        "{notify}",
        "notify \"{dir}notify first 'second and third' \\\"fourth\\\"\"
    notify_master \"{dir}notify_master a 'b c' d\"
    notify_backup {dir}notify_backup root
    notify_stop \"{dir}notify_stop 'it ends'\" root root",
    );
    stage.start(&own);
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.peer(&rival(200));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.pause("backup");
}

fn some(stage: &mut Stage<'_>) {
    stage.start(&instance(150, "").replace("{notify}", "notify_backup {dir}notify_backup"));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.peer(&rival(200));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.pause("backup");
}

fn fault_at_start(stage: &mut Stage<'_>) {
    stage.one.unplug();
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("fault");
    stage.one.plug_in();
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
}

fn lasting(stage: &mut Stage<'_>) {
    stage.script(
        "lasting",
        "echo \"notify_master: begins\" >>{dir}calls; sleep 1; echo \"notify_master: ends\" >>{dir}calls",
    );
    stage.start(
        &instance(150, "")
            .replace("notify_master {dir}notify_master", "")
            .replace("{notify}", "{notify}\n    notify_master {dir}lasting"),
    );
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.peer(&rival(200));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.pause("backup");
}

fn killed(stage: &mut Stage<'_>) {
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.kill();
    stage.pause("killed");
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("started again");
}
