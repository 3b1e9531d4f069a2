//! `vrrp_instance`, and what it refers to: sync groups, scripts, tracked files and processes.

use super::iproute::{VIRTUAL_ADDRESS, VIRTUAL_ROUTE, VIRTUAL_RULE};
use super::track::{DELETED, flag, notify, tracks};
use super::{
    Arg, Block, Kind, MAX_U32, SECOND_US, arg, block, entries, integer, known, known_block, known_entries,
    line,
};

const SECONDS: &[Arg] = &[arg("SECONDS", integer(0, MAX_U32 / SECOND_US))];
const REFRESH: &[Arg] = &[arg("SECONDS", integer(0, MAX_U32))];
const COUNT: &[Arg] = &[arg("COUNT", integer(0, MAX_U32))];
const LOWER_COUNT: &[Arg] = &[arg("COUNT", integer(0, i32::MAX as u64))];

/// What keepalived holds in a signed number of microseconds.
const GARP_INTERVAL: Kind = Kind::Timer { min_us: 0, max_us: i32::MAX as u64 };

/// In `garp_group`.
pub(super) static GARP_GROUP: Block = Block {
    name: "garp_group",
    keywords: &[
        line("garp_interval", &[arg("SECONDS", GARP_INTERVAL)], "least time between two gratuitous ARPs")
            .read(),
        line(
            "gna_interval",
            &[arg("SECONDS", GARP_INTERVAL)],
            "least time between two neighbour advertisements",
        )
        .read(),
        line("interface", &[arg("INTERFACE", Kind::Interface)], "interface it is for").read(),
        entries("interfaces", &[], "interfaces that share the pace").read(),
    ],
};

/// In `vrrp_instance`.
pub(super) static VRRP_INSTANCE: Block = Block {
    name: "vrrp_instance",
    keywords: &[
        known("accept"),
        line(
            "advert_int",
            &[arg("SECONDS", Kind::Timer { min_us: SECOND_US / 100, max_us: 255 * SECOND_US })],
            "time between adverts: whole seconds in version 2, hundredths in version 3",
        )
        .default("1"),
        known_block("auth_hmac", &AUTH_HMAC),
        block("authentication", &[], &AUTHENTICATION, "password of the adverts, version 2 only"),
        known("check_unicast_src"),
        line("debug", &[arg("LEVEL", integer(0, 4))], "accepted, and of no effect, as in keepalived"),
        known("dont_track_primary"),
        known("down_timer_adverts"),
        known("garp_extra_if"),
        line(
            "garp_lower_prio_delay",
            SECONDS,
            "when gratuitous ARPs are repeated after an advert of lower priority",
        )
        .default("garp_master_delay"),
        line(
            "garp_lower_prio_repeat",
            LOWER_COUNT,
            "how many gratuitous ARPs follow an advert of lower priority",
        )
        .default("garp_master_repeat"),
        line(
            "garp_master_delay",
            SECONDS,
            "when gratuitous ARPs are sent again after the transition to master",
        )
        .default("5"),
        line("garp_master_refresh", REFRESH, "how often a master repeats its gratuitous ARPs")
            .default("0: never"),
        line("garp_master_refresh_repeat", COUNT, "how many gratuitous ARPs a refresh sends").default("1"),
        line("garp_master_repeat", COUNT, "how many gratuitous ARPs are sent at a time").default("5"),
        known("higher_prio_send_advert"),
        line("interface", &[arg("INTERFACE", Kind::Interface)], "where adverts are sent and received"),
        known("kernel_rx_buf_size"),
        known("linkbeat_use_polling"),
        known("lower_prio_no_advert"),
        known("lvs_sync_daemon_interface"),
        line("mcast_dst_ip", &[arg("ADDRESS", Kind::Address(None))], "destination address of adverts")
            .default("vrrp_mcast_group4 or vrrp_mcast_group6"),
        line("mcast_src_ip", &[arg("ADDRESS", Kind::Address(None))], "source address of adverts")
            .default("the interface's first address"),
        known("native_ipv6"),
        known("no_accept"),
        known("no_virtual_ipaddress"),
        line("nopreempt", &[], "leave a working master of lower priority alone"),
        notify("notify", "every transition: type, name, state and priority are added to the arguments"),
        notify("notify_backup", "run at the transition to backup"),
        line("notify_deleted", DELETED, "run when a reload drops the instance, instead of notify_fault")
            .command()
            .read(),
        notify("notify_fault", "run at the transition to fault"),
        notify("notify_master", "run at the transition to master"),
        notify("notify_master_rx_lower_pri", "run when a master sees an advert of lower priority"),
        flag(
            "notify_priority_changes",
            "vrrp_notify_priority_changes",
            "changes of the priority are told too",
        ),
        notify("notify_stop", "run when the daemon stops"),
        known("old_unicast_checksum"),
        known("owner_ignore_adverts"),
        line("preempt", &[], "replace a master of lower priority").default("yes"),
        line(
            "preempt_delay",
            &[arg("SECONDS", Kind::Timer { min_us: 0, max_us: 1000 * SECOND_US })],
            "wait so long after start before a master of lower priority is replaced",
        )
        .default("0"),
        line(
            "priority",
            &[arg("PRIORITY", integer(1, 255))],
            "the highest becomes master; 255 owns the addresses",
        )
        .default("100, or 255 with state MASTER"),
        known("promote_secondaries"),
        known("skip_check_adv_addr"),
        flag("smtp_alert", "smtp_alert_vrrp", "a mail for each transition"),
        line(
            "state",
            &[arg("STATE", Kind::Choice(&["MASTER", "BACKUP"]))],
            "which state is asked for at start",
        )
        .default("BACKUP, or MASTER with priority 255"),
        known("strict_mode"),
        known("thread_timer_expired"),
        known("timer_expired_backup"),
        tracks("track_bfd", "BFD sessions to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_file", "files to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_interface", "interfaces to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_process", "processes to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_script", "scripts to follow: NAME [weight N [reverse|noreverse]]"),
        known("track_src_ip"),
        known("unicast_fault_no_peer"),
        known_entries("unicast_peer"),
        known("unicast_src_ip"),
        known("unicast_ttl"),
        known("use_ipvlan"),
        known("use_vmac"),
        known("use_vmac_addr"),
        known("v3_checksum_as_v2"),
        line("version", &[arg("VERSION", integer(2, 3))], "VRRP version, 2 or 3")
            .default("vrrp_version; 3 for IPv6"),
        entries("virtual_ipaddress", &[], "addresses that the master has, and that its adverts list")
            .grammar(&VIRTUAL_ADDRESS),
        entries("virtual_ipaddress_excluded", &[], "addresses that the master has, not listed in adverts")
            .grammar(&VIRTUAL_ADDRESS),
        line(
            "virtual_router_id",
            &[arg("ID", integer(1, 255))],
            "number of the virtual router, unique on its network",
        ),
        entries("virtual_routes", &[], "routes that the master has").grammar(&VIRTUAL_ROUTE).read(),
        entries("virtual_rules", &[], "routing rules that the master has").grammar(&VIRTUAL_RULE).read(),
        known("vmac_garp_intvl"),
        known("vmac_xmit_base"),
        known("vrf"),
    ],
};

/// In `vrrp_instance / auth_hmac`.
pub(super) static AUTH_HMAC: Block = Block {
    name: "auth_hmac",
    keywords: &[known("active_key"), known("anti_replay"), known("key"), known("mode"), known("time_window")],
};

/// In `vrrp_instance / authentication`.
pub(super) static AUTHENTICATION: Block = Block {
    name: "authentication",
    keywords: &[
        line("auth_pass", &[arg("PASSWORD", Kind::Text)], "up to eight characters"),
        line("auth_type", &[arg("TYPE", Kind::Choice(&["PASS", "AH"]))], "PASS: a password in clear text"),
    ],
};
