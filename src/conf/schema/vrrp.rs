//! `vrrp_instance`, and what it refers to: sync groups, scripts, tracked files and processes.

use super::iproute::{VIRTUAL_ADDRESS, VIRTUAL_ROUTE, VIRTUAL_RULE};
use super::track::{DELETED, flag, notify, tracks};
use super::{Arg, Block, Kind, MAX_U32, SECOND_US, arg, block, entries, integer, line, optional};

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
        line("garp_interval", &[arg("SECONDS", GARP_INTERVAL)], "least time between two gratuitous ARPs"),
        line(
            "gna_interval",
            &[arg("SECONDS", GARP_INTERVAL)],
            "least time between two neighbour advertisements",
        ),
        line("interface", &[arg("INTERFACE", Kind::Interface)], "interface it is for"),
        entries("interfaces", &[], "interfaces that share the pace"),
    ],
};

/// In `vrrp_instance`.
pub(super) static VRRP_INSTANCE: Block = Block {
    name: "vrrp_instance",
    keywords: &[
        line("accept", &[], "take packets to the virtual addresses without owning them").default("yes, unless in strict mode"),
        line(
            "advert_int",
            &[arg("SECONDS", Kind::Timer { min_us: SECOND_US / 100, max_us: 255 * SECOND_US })],
            "time between adverts: whole seconds in version 2, hundredths in version 3",
        )
        .default("1"),
        block("auth_hmac", &[], &AUTH_HMAC, "signs adverts with HMAC-SHA256, in place of authentication").since("2.4.0"),
        block("authentication", &[], &AUTHENTICATION, "password of the adverts, version 2 only"),
        line("check_unicast_src", &[], "believe adverts only if they come from a unicast peer").since("2.1.0").default("vrrp_check_unicast_src"),
        line("debug", &[arg("LEVEL", integer(0, 4))], "accepted, and of no effect, as in keepalived"),
        line("dont_track_primary", &[], "the interface may go down without consequences"),
        line("down_timer_adverts", &[arg("ADVERTS", integer(1, 100))], "so many adverts missed, and the master counts as down; equal on all routers").since("2.2.3").default("vrrp_down_timer_adverts, or 3"),
        line("garp_extra_if", &[arg("[all] SECONDS", Kind::Special)], "repeat gratuitous ARPs on VMACs (all: on all interfaces) away from the instance's; 0 to 86400, 0: never").since("2.2.3").default("vrrp_garp_extra_if"),
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
        line("higher_prio_send_advert", &[optional("BOOL", Kind::Bool)], "answer an advert of higher priority with a last one before becoming backup").default("vrrp_higher_prio_send_advert"),
        line("interface", &[arg("INTERFACE", Kind::Interface)], "where adverts are sent and received"),
        line("kernel_rx_buf_size", &[arg("BYTES", Kind::Special)], "size of the receive buffer").since("2.0.3").default("vrrp_rx_bufs_policy"),
        line("linkbeat_use_polling", &[], "deprecated: ask the driver for its link state; use linkbeat_interfaces"),
        line("lower_prio_no_advert", &[optional("BOOL", Kind::Bool)], "don't answer an advert of lower priority").default("vrrp_lower_prio_no_advert"),
        line("lvs_sync_daemon_interface", &[arg("INTERFACE", Kind::Interface)], "deprecated: where IPVS connections are synchronised while master; use lvs_sync_daemon"),
        line("mcast_dst_ip", &[arg("ADDRESS", Kind::Address(None))], "destination address of adverts").since("2.2.5")
            .default("vrrp_mcast_group4 or vrrp_mcast_group6"),
        line("mcast_src_ip", &[arg("ADDRESS", Kind::Address(None))], "source address of adverts")
            .default("the interface's first address"),
        line("native_ipv6", &[], "IPv6 and version 3, whatever the addresses say; not needed any more"),
        line("no_accept", &[], "drop packets to the virtual addresses, unless the priority is 255"),
        line("no_virtual_ipaddress", &[], "having no virtual address is meant").since("2.2.8"),
        line("nopreempt", &[], "leave a working master of lower priority alone"),
        notify("notify", "every transition: type, name, state and priority are added to the arguments"),
        notify("notify_backup", "run at the transition to backup"),
        line("notify_deleted", DELETED, "run when a reload drops the instance, instead of notify_fault").since("2.1.0")
            .command(),
        notify("notify_fault", "run at the transition to fault"),
        notify("notify_master", "run at the transition to master"),
        notify("notify_master_rx_lower_pri", "run when a master sees an advert of lower priority").since("2.0.6"),
        flag(
            "notify_priority_changes",
            "vrrp_notify_priority_changes",
            "changes of the priority are told too",
        ),
        notify("notify_stop", "run when the daemon stops"),
        line("old_unicast_checksum", &[optional("MODE", Kind::Choice(&["never"]))], "checksum of version 3 over unicast as keepalived made it up to 1.3.6; never: don't look for it"),
        line("owner_ignore_adverts", &[optional("BOOL", Kind::Bool)], "with priority 255: don't read adverts").since("2.3.3").default("vrrp_owner_ignore_adverts"),
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
        line("promote_secondaries", &[], "the kernel keeps secondary addresses when their primary one goes"),
        line("skip_check_adv_addr", &[optional("BOOL", Kind::Bool)], "compare the addresses in the first advert of a master only").default("vrrp_skip_check_adv_addr"),
        flag("smtp_alert", "smtp_alert_vrrp", "a mail for each transition"),
        line(
            "state",
            &[arg("STATE", Kind::Choice(&["MASTER", "BACKUP"]))],
            "which state is asked for at start",
        )
        .default("BACKUP, or MASTER with priority 255"),
        line("strict_mode", &[optional("BOOL", Kind::Bool)], "keep to the RFC, and switch off what departs from it").default("vrrp_strict"),
        line("thread_timer_expired", &[optional("PRIORITY", integer(1, 254))], "the old name of timer_expired_backup").since("2.3.2").synonym_of("timer_expired_backup"),
        line("timer_expired_backup", &[optional("PRIORITY", integer(1, 254))], "with nopreempt: become backup after being held up for so long that a router of this priority took over").since("2.2.8").default("254"),
        tracks("track_bfd", "BFD sessions to follow: NAME [weight N [reverse|noreverse]]").read(),
        tracks("track_file", "files to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_interface", "interfaces to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_process", "processes to follow: NAME [weight N [reverse|noreverse]]"),
        tracks("track_script", "scripts to follow: NAME [weight N [reverse|noreverse]]"),
        line("track_src_ip", &[], "FAULT while the configured source address is missing").since("2.0.0"),
        tracks("track_virtual_server", "virtual servers to follow, by snmp_name or their names in logs: NAME [weight N [reverse|noreverse]]").ours(),
        line("unicast_fault_no_peer", &[], "FAULT instead of multicast where there is no unicast peer").since("2.2.5"),
        entries("unicast_peer", &[], "where adverts go instead of a group: ADDRESS [min_ttl 0-255] [max_ttl 0-255]"),
        line("unicast_src_ip", &[arg("ADDRESS", Kind::Address(None))], "source address of unicast adverts").default("the interface's first address"),
        line("unicast_ttl", &[arg("TTL", integer(0, 255))], "TTL of unicast adverts").since("2.1.0").default("255; IPv6: the kernel's"),
        line("use_ipvlan", &[optional("[NAME] [ADDRESS] [bridge|private|vepa] [group GROUP]", Kind::Special)], "use an ipvlan on top of the interface; IPv4 needs its address").since("2.0.17"),
        line("use_vmac", &[optional("[NAME] [MAC] [group GROUP] [netlink_notify_msg]", Kind::Special)], "use a macvlan with the virtual router's own MAC address"),
        line("use_vmac_addr", &[], "a macvlan for each virtual address away from the instance's interface, too").since("2.2.0"),
        line("v3_checksum_as_v2", &[optional("BOOL", Kind::Bool)], "leave the pseudo header out of IPv4 checksums in version 3").default("v3_checksum_as_v2 of global_defs"),
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
        entries("virtual_routes", &[], "routes that the master has").grammar(&VIRTUAL_ROUTE),
        entries("virtual_rules", &[], "routing rules that the master has").grammar(&VIRTUAL_RULE),
        line("vmac_garp_intvl", &[arg("[all] SECONDS", Kind::Special)], "the old name of garp_extra_if").since("2.2.0").synonym_of("garp_extra_if"),
        line("vmac_xmit_base", &[], "send and receive adverts on the interface below the macvlan or ipvlan"),
        line("vrf", &[arg("INTERFACE", Kind::Interface)], "the VRF of unicast adverts where no interface is named").since("2.2.5"),
    ],
};

/// In `vrrp_instance / auth_hmac`.
pub(super) static AUTH_HMAC: Block = Block {
    name: "auth_hmac",
    keywords: &[
        line("active_key", &[arg("ID", integer(1, 255))], "which key signs").since("2.4.0"),
        line(
            "anti_replay",
            &[arg("MODE", Kind::Choice(&["time", "monotonic"]))],
            "time: adverts have an age, clocks must agree; monotonic: their numbers must grow",
        )
        .since("2.4.0")
        .default("time"),
        line(
            "key",
            &[arg("ID", integer(1, 255)), arg("KEY", Kind::Special)],
            "32 to 64 bytes as text, hex:DIGITS or file:PATH; several for a change of keys",
        ),
        line(
            "mode",
            &[arg("MODE", Kind::Choice(&["enforce", "permissive", "receive-only"]))],
            "permissive: believe unsigned adverts; receive-only: and send unsigned ones",
        )
        .since("2.4.0")
        .default("enforce"),
        line("time_window", &[arg("SECONDS", integer(1, 300))], "the greatest age of an advert")
            .since("2.4.0")
            .default("3 × advert_int, at least 5"),
    ],
};

/// In `vrrp_instance / authentication`.
pub(super) static AUTHENTICATION: Block = Block {
    name: "authentication",
    keywords: &[
        line("auth_pass", &[arg("PASSWORD", Kind::Text)], "up to eight characters"),
        line(
            "auth_type",
            &[arg("TYPE", Kind::Choice(&["PASS", "AH"]))],
            "PASS: a password in clear text; AH: a digest by HMAC-MD5",
        ),
    ],
};
