//! Groups of instances: `vrrp_sync_group` and `track_group`.

use super::track::{flag, notify, tracks};
use super::{Block, Keyword, entries, line};

const GROUP: Keyword = entries("group", &[], "the instances, by name");

/// In `track_group`.
pub(super) static TRACK_GROUP: Block = Block { name: "track_group", keywords: &[GROUP] };

/// In `vrrp_sync_group`.
pub(super) static VRRP_SYNC_GROUP: Block = Block {
    name: "vrrp_sync_group",
    keywords: &[
        line("global_tracking", &[], "deprecated: write sync_group_tracking_weight")
            .synonym_of("sync_group_tracking_weight"),
        GROUP,
        notify("notify", "every transition: type, name, state and priority are added to the arguments"),
        notify("notify_backup", "run at the transition to backup"),
        notify("notify_fault", "run at the transition to fault"),
        notify("notify_master", "run at the transition to master"),
        flag(
            "notify_priority_changes",
            "vrrp_notify_priority_changes",
            "changes of its instances' priorities are told too",
        ),
        notify("notify_stop", "run when the daemon stops"),
        flag("smtp_alert", "smtp_alert_vrrp", "a mail for each transition"),
        line("sync_group_tracking_weight", &[], "its instances may track with weights").since("2.0.0"),
        tracks("track_bfd", "BFD sessions to follow: NAME [weight N [reverse|noreverse]]").read(),
        tracks("track_file", "files to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_interface", "interfaces to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_process", "processes to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_script", "scripts to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_virtual_server", "virtual servers to follow, by snmp_name or their names in logs: NAME [weight N [reverse|noreverse]]").ours(),
    ],
};
