//! A sync group below `VRRP Sync groups`.

use super::{Host, Text, instance, yes_no};
use crate::state::settings::Settings;
use crate::state::vrrp::Group;

pub(super) fn put(text: &mut Text, settings: &Settings, group: &Group, host: &dyn Host) {
    let Group { name, state, members, faulty, awaited } = group;
    text.line(format_args!(" VRRP Sync Group = {name}, {}", instance::state(*state)));
    text.line(format_args!("   Num member fault {faulty}, num member init {awaited}"));
    text.list("VRRP member instances", members);
    let Some(config) = settings.vrrp.sync_groups.iter().find(|config| config.name == *name) else { return };
    if config.tracking_weight {
        text.line(format_args!("   sync group tracking weight set"));
    }
    let notify = &config.notify;
    text.line(format_args!("   Using smtp notification = {}", yes_no(notify.smtp_alert)));
    if notify.priority_changes {
        text.line(format_args!("   Notify priority changes = yes"));
    }
    instance::put_tracking(text, &config.tracking, "Tracked process");
    for (what, script) in [
        ("Backup", &notify.backup),
        ("Master", &notify.master),
        ("Fault", &notify.fault),
        ("Stop", &notify.stop),
        ("Generic", &notify.any),
    ] {
        text.script(what, script.as_deref(), host);
    }
}
