//! `global_defs`.

use super::{Arg, Block, Kind, MAX_U32, SECOND_US, arg, entries, expected, integer, line, optional, signed};
use crate::net::Family;

/// A user, and a group that is not the user's own.
pub(super) const ACCOUNT: &[Arg] = &[optional("USER", Kind::Text), optional("GROUP", Kind::Text)];
const SECONDS: &[Arg] = &[arg("SECONDS", integer(0, MAX_U32 / SECOND_US))];
const REFRESH: &[Arg] = &[arg("SECONDS", integer(0, MAX_U32))];
const COUNT: &[Arg] = &[arg("COUNT", integer(0, MAX_U32))];
const LOWER_COUNT: &[Arg] = &[arg("COUNT", integer(0, i32::MAX as u64))];
const NONE: &[Arg] = &[];
const BOOL: &[Arg] = &[optional("BOOL", Kind::Bool)];
const COMMAND: &[Arg] =
    &[expected("COMMAND", Kind::Text), optional("USER", Kind::Text), optional("GROUP", Kind::Text)];
const FIFO: &[Arg] =
    &[expected("PATH", Kind::Text), optional("USER", Kind::Text), optional("GROUP", Kind::Text)];
const TIMEOUT: &[Arg] = &[expected("SECONDS", integer(1, 1000))];
const NAME: &[Arg] = &[arg("NAME", Kind::Text)];
const EXPECTED_NAME: &[Arg] = &[expected("NAME", Kind::Text)];
const FILE: &[Arg] = &[expected("FILE", Kind::Text)];
const OPTIONAL_FILE: &[Arg] = &[optional("FILE", Kind::Text)];
const DIRECTORY: &[Arg] = &[expected("DIRECTORY", Kind::Text)];
const BYTES: &[Arg] = &[expected("BYTES", integer(0, MAX_U32))];
const NICE: &[Arg] = &[expected("NICE", signed(-20, 19))];
const REAL_TIME: &[Arg] = &[expected("PRIORITY", signed(1, 99))];
const CPUS: &[Arg] = &[expected("CPU...", Kind::Special)];
const RTTIME: &[Arg] = &[arg("MICROSECONDS", integer(1, MAX_U32))];
const GAP: &[Arg] = &[arg("SECONDS", Kind::Timer { min_us: 1, max_us: MAX_U32 })];
const DELAY: &[Arg] = &[arg("SECONDS", Kind::Timer { min_us: 1000, max_us: MAX_U32 })];
const STATISTICS: &[Arg] = &[arg("SECONDS", Kind::Timer { min_us: 1000, max_us: 30 * SECOND_US })];
const CHAIN_PRIORITY: &[Arg] = &[arg("PRIORITY", signed(i32::MIN as i64, i32::MAX as i64))];
const TABLE: &[Arg] = &[optional("TABLE", Kind::Text)];
const EXTRA_IF: &[Arg] = &[expected("[all] SECONDS", Kind::Special)];

const NICE_HELP: &str = "nice value of the process; below 0 it runs before others";
const REAL_TIME_HELP: &str = "real-time priority of the process, 1 to 99 (SCHED_RR)";
const RTTIME_HELP: &str = "CPU time between two blocking calls under real-time scheduling";
const NO_SWAP_HELP: &str = "keep the process's memory in memory";
const CPUS_HELP: &str = "the processors that the process may run on";
const FORCE_HELP: &str = "go beyond net.core.rmem_max";
const BUFFER_HELP: &str = "receive buffer of this netlink socket";

/// In `global_defs`.
pub(super) static GLOBAL_DEFS: Block = Block {
    name: "global_defs",
    keywords: &[
        line("bfd_cpu_affinity", CPUS, CPUS_HELP).since("2.0.17").default("all").read(),
        line("bfd_no_swap", NONE, NO_SWAP_HELP).since("2.0.0").read(),
        line("bfd_priority", NICE, NICE_HELP).since("2.0.0").default("0").read(),
        line("bfd_process_name", NAME, "name of the BFD process, up to 15 bytes").since("2.0.16").read(),
        line("bfd_rlimit_rtime", RTTIME, RTTIME_HELP).since("2.0.0").synonym_of("bfd_rlimit_rttime").read(),
        line("bfd_rlimit_rttime", RTTIME, RTTIME_HELP).since("2.1.0").default("10000").read(),
        line("bfd_rt_priority", REAL_TIME, REAL_TIME_HELP).since("2.0.0").read(),
        line("checker_cpu_affinity", CPUS, CPUS_HELP).since("2.0.17").default("all"),
        line("checker_log_all_failures", BOOL, "log each failed try of a check, not only the last")
            .since("2.0.11"),
        line("checker_no_swap", NONE, NO_SWAP_HELP),
        line("checker_priority", NICE, NICE_HELP).default("0"),
        line("checker_process_name", NAME, "name of the check process, up to 15 bytes").since("2.2.0"),
        line("checker_rlimit_rtime", RTTIME, RTTIME_HELP).since("2.0.0").synonym_of("checker_rlimit_rttime"),
        line("checker_rlimit_rttime", RTTIME, RTTIME_HELP).since("2.1.0").default("10000"),
        line("checker_rt_priority", REAL_TIME, REAL_TIME_HELP).since("2.0.0"),
        line(
            "config_save_dir",
            &[arg("DIRECTORY", Kind::Text)],
            "where the state and the configuration are saved around each reload",
        )
        .since("2.2.3")
        .read(),
        line("data_use_instance", BOOL, "names of dumps hold the instance's and the namespace's")
            .since("2.2.3"),
        line("dbus_no_interface_name", EXPECTED_NAME, "stands for the interface of instances that have none")
            .since("2.3.0")
            .default("none")
            .read(),
        line("dbus_service_name", EXPECTED_NAME, "name of the D-Bus service")
            .default("org.keepalived.Vrrp1")
            .read(),
        line(
            "default_interface",
            &[expected("INTERFACE", Kind::Interface)],
            "where static addresses go that name no interface",
        )
        .default("eth0")
        .read(),
        line("disable_local_igmp", NONE, "the kernel does not report membership of 224.0.0.0/24")
            .since("2.2.0"),
        line(
            "dynamic_interfaces",
            &[optional("OPTION", Kind::Choice(&["allow_if_changes"]))],
            "interfaces may be missing at start, come and go",
        )
        .since("2.0.0"),
        line("enable_dbus", NONE, "offer the D-Bus interface").read(),
        line(
            "enable_script_security",
            &[],
            "scripts that run as root and that others could change do not run",
        ),
        line("enable_snmp_checker", NONE, "offer keepalived's SNMP table of virtual servers").read(),
        line("enable_snmp_keepalived", NONE, "offer keepalived's SNMP table of VRRP")
            .synonym_of("enable_snmp_vrrp")
            .read(),
        line("enable_snmp_rfc", NONE, "offer the SNMP tables of RFC 2787 and RFC 6527").read(),
        line("enable_snmp_rfcv2", NONE, "offer the SNMP table of RFC 2787").read(),
        line("enable_snmp_rfcv3", NONE, "offer the SNMP table of RFC 6527").read(),
        line("enable_snmp_vrrp", NONE, "offer keepalived's SNMP table of VRRP").since("2.0.0").read(),
        line("enable_traps", NONE, "send SNMP traps").read(),
        line(
            "fifo_write_vrrp_states_on_reload",
            NONE,
            "write the states of all instances to the FIFOs after a reload",
        )
        .since("2.2.5"),
        line(
            "include_check",
            &[optional("[+|-]read|match|wildcard_match|brace_match ...", Kind::Special)],
            "what of an include must be there; all of it without a word",
        )
        .since("2.2.0"),
        line("iproute_etc_dir", DIRECTORY, "names of tables and protocols as the administrator set them")
            .since("2.3.2")
            .default("/etc/iproute2")
            .read(),
        line("iproute_usr_dir", DIRECTORY, "names of tables and protocols as they were delivered")
            .since("2.3.2")
            .default("/usr/share/iproute2")
            .read(),
        line("json_dump_file", FILE, "where the state goes as JSON").since("2.3.3"),
        line("json_version", &[expected("VERSION", integer(1, 2))], "layout of the state as JSON")
            .since("2.2.8")
            .default("1"),
        line("log_unknown_vrids", NONE, "log adverts of virtual routers that no instance is part of")
            .since("2.0.16"),
        line(
            "lvs_drift",
            BOOL,
            "put back what others remove or change in our virtual servers of the kernel's table",
        )
        .ours()
        .default("yes"),
        line("lvs_drift_interval", TIMEOUT, "how often the kernel's table is looked at for that")
            .ours()
            .default("60"),
        line("lvs_flush", NONE, "empty the kernel's IPVS table at start"),
        line(
            "lvs_flush_on_stop",
            &[optional("EXTENT", Kind::Choice(&["VS"]))],
            "empty the kernel's IPVS table at the end; VS: only this file's virtual servers",
        )
        .since("2.2.0"),
        line(
            "lvs_flush_onstop",
            &[optional("EXTENT", Kind::Choice(&["VS"]))],
            "empty the kernel's IPVS table at the end; VS: only this file's virtual servers",
        )
        .since("2.0.15")
        .synonym_of("lvs_flush_on_stop"),
        line("lvs_netlink_cmd_rcv_bufs", BYTES, BUFFER_HELP).since("2.0.0").default("the kernel's"),
        line("lvs_netlink_cmd_rcv_bufs_force", BOOL, FORCE_HELP).since("2.0.0"),
        line("lvs_netlink_monitor_rcv_bufs", BYTES, BUFFER_HELP).since("2.0.0").default("the kernel's"),
        line("lvs_netlink_monitor_rcv_bufs_force", BOOL, FORCE_HELP).since("2.0.0"),
        line("lvs_notify_fifo", FIFO, "a FIFO for what happens to virtual and real servers"),
        line("lvs_notify_fifo_script", COMMAND, "is started to read lvs_notify_fifo").command(),
        line("lvs_process_name", NAME, "name of the check process, up to 15 bytes")
            .since("2.0.16")
            .synonym_of("checker_process_name"),
        line(
            "lvs_sync_daemon",
            &[
                expected("INTERFACE", Kind::Special),
                optional(
                    "[inst INSTANCE] [id ID] [maxlen BYTES] [port PORT] [ttl TTL] [group ADDRESS]",
                    Kind::Special,
                ),
            ],
            "share the table of connections with another director",
        ),
        line(
            "lvs_timeouts",
            &[expected("[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]", Kind::Special)],
            "how long the kernel remembers idle connections",
        ),
        line(
            "max_auto_priority",
            &[optional("PRIORITY", signed(-1, 99))],
            "how far a process that runs late may raise its real-time priority; -1: nor warn",
        )
        .since("2.1.0")
        .default("0: not at all"),
        line(
            "min_auto_priority_delay",
            &[expected("MICROSECONDS", integer(1, 10_000_000))],
            "how late a process must run to raise its priority",
        )
        .since("2.1.0")
        .default("1000000"),
        line("nftables", TABLE, "use nftables, with this table").since("2.0.11").default("keepalived"),
        line("nftables_counters", NONE, "rules count their packets").since("2.0.11"),
        line("nftables_ifindex", NONE, "sets hold indexes of interfaces, not names").since("2.0.11"),
        line("nftables_ipvs", TABLE, "set the firewall marks of groups with nftables, in this table")
            .since("2.2.2")
            .default("keepalived_ipvs"),
        line("nftables_ipvs_priority", CHAIN_PRIORITY, "priority of the chains of nftables_ipvs")
            .since("2.2.2")
            .default("-1"),
        line(
            "nftables_ipvs_start_fwmark",
            &[arg("MARK", integer(1, MAX_U32))],
            "the first mark that nftables_ipvs gives to a group",
        )
        .since("2.2.2")
        .default("1000"),
        line("nftables_priority", CHAIN_PRIORITY, "priority of the chains of nftables")
            .since("2.0.11")
            .default("-1"),
        line("no_checker_emails", BOOL, "no mail for each check, only for real servers").since("2.0.0"),
        line("no_email_faults", NONE, "no mail about instances in FAULT").since("2.0.0"),
        entries("notification_email", NONE, "whom mails go to, an address a line"),
        line("notification_email_from", &[expected("ADDRESS", Kind::Text)], "whom mails come from")
            .default("root@ and the host name"),
        line("notify_fifo", FIFO, "a FIFO for all that happens"),
        line("notify_fifo_script", COMMAND, "is started to read notify_fifo").command(),
        line("process_monitor_rcv_bufs", BYTES, "receive buffer of the news of processes")
            .since("2.0.11")
            .default("the kernel's"),
        line("process_monitor_rcv_bufs_force", BOOL, FORCE_HELP).since("2.0.11"),
        line("process_name", NAME, "name of the parent process, up to 15 bytes").since("2.0.16"),
        line("process_names", NONE, "name the processes keepalived_vrrp, keepalived_lvs and keepalived_bfd")
            .since("2.0.16"),
        line("random_seed", &[arg("SEED", integer(0, MAX_U32))], "what ${_RANDOM} begins with")
            .since("2.0.15")
            .default("the time")
            .read(),
        line(
            "reload_as_keepalived",
            NONE,
            "carry out what can be read of a file with errors, unless there is reload_check_config",
        )
        .ours()
        .default("the reload is refused as a whole"),
        line(
            "reload_check_config",
            OPTIONAL_FILE,
            "check the file before a reload; what is wrong goes to this file",
        )
        .since("2.2.0")
        .default("/dev/null"),
        line("reload_file", OPTIONAL_FILE, "a file that is there while a reload is under way")
            .since("2.2.0")
            .read(),
        line("reload_repeat", NONE, "the time in reload_time_file counts every day").since("2.1.0").read(),
        line("reload_time_file", FILE, "a file that holds the time of the next reload").since("2.1.0").read(),
        line("router_id", &[optional("NAME", Kind::Text)], "this machine's name in logs and mails")
            .default("the host name"),
        line("rs_init_notifies", BOOL, "run the notify scripts of real servers at start too").since("2.0.0"),
        line("script_user", ACCOUNT, "who runs scripts that name nobody").default("keepalived_script"),
        line("set_supplementary_groups", BOOL, "scripts get the other groups of their user too"),
        line("shutdown_script", COMMAND, "is run after the last process has ended").since("2.1.0").command(),
        line("shutdown_script_timeout", TIMEOUT, "how long shutdown_script may take")
            .since("2.1.0")
            .default("10"),
        line("smtp_alert", BOOL, "mail at each change, wherever smtp_alert is not said").default("off"),
        line("smtp_alert_checker", BOOL, "mail when a real server comes or goes")
            .since("2.0.0")
            .default("smtp_alert"),
        line(
            "smtp_alert_digest",
            &[arg("SECONDS", integer(1, 86_400))],
            "changes within so many seconds of the first are told in one mail, those of instances and those of servers each",
        )
        .ours()
        .default("a mail each"),
        line("smtp_alert_vrrp", BOOL, "mail when an instance changes its state")
            .since("2.0.0")
            .default("smtp_alert"),
        line("smtp_ca_file", FILE, "certificates (PEM) of whom the mail server's has to be from, or itself")
            .ours()
            .default("the system's"),
        line("smtp_connect_timeout", SECONDS, "how long the mail server may take to answer").default("30"),
        line("smtp_helo_name", &[optional("NAME", Kind::Text)], "whom the mail server is greeted as")
            .default("the host name"),
        line(
            "smtp_password",
            &[arg("PASSWORD", Kind::Text)],
            "the password of smtp_user; file:PATH is the first line of a file",
        )
        .ours(),
        line(
            "smtp_server",
            &[arg("HOST", Kind::Text), optional("PORT", integer(1, 65_535))],
            "who takes the mails; 25 is its port, 465 with smtp_tls tls",
        ),
        line(
            "smtp_tls",
            &[arg("WHEN", Kind::Choice(&["off", "starttls", "tls"]))],
            "encrypt mails on their way to the server: after STARTTLS, or from the first byte on",
        )
        .ours()
        .default("off"),
        line("smtp_user", &[arg("NAME", Kind::Text)], "who logs in at the mail server; needs smtp_tls")
            .ours(),
        line("snmp_rs_stats_update_interval", STATISTICS, "how old the counters of real servers may be")
            .since("2.3.0")
            .default("snmp_vs_stats_update_interval")
            .read(),
        line("snmp_socket", &[expected("SOCKET", Kind::Text)], "where the SNMP master agent listens")
            .default("unix:/var/agentx/master")
            .read(),
        line("snmp_vs_stats_update_interval", STATISTICS, "how old the counters of virtual servers may be")
            .since("2.3.0")
            .default("5")
            .read(),
        line("startup_script", COMMAND, "is run before the first process is started")
            .since("2.1.0")
            .command(),
        line("startup_script_timeout", TIMEOUT, "how long startup_script may take")
            .since("2.1.0")
            .default("10"),
        line("state_dump_file", FILE, "where SIGUSR1 writes the state").since("2.3.3"),
        line("stats_dump_file", FILE, "where SIGUSR2 writes the counters").since("2.3.3"),
        line("tmp_config_directory", DIRECTORY, "where a copy of the configuration is held")
            .since("2.2.0")
            .default("in memory")
            .read(),
        line("umask", &[arg("NUMBER | BIT|BIT...", Kind::Special)], "umask of the files that are made")
            .since("2.0.9")
            .default("IXUSR | IRWXG | IRWXO")
            .read(),
        line("use_symlink_paths", BOOL, "leave symbolic links in the paths of scripts").since("2.3.0"),
        line("v3_checksum_as_v2", NONE, "leave the pseudo header out of IPv4 checksums of version 3"),
        line(
            "vmac_addr_prefix",
            &[arg("PREFIX", Kind::Text)],
            "how VMAC interfaces of addresses elsewhere are called",
        )
        .since("2.2.0")
        .default("vmac_prefix"),
        line("vmac_prefix", &[arg("PREFIX", Kind::Text)], "how VMAC interfaces are called")
            .since("2.2.0")
            .default("vrrp"),
        line("vrrp_check_unicast_src", NONE, "adverts by unicast count only from the peers"),
        line("vrrp_cpu_affinity", CPUS, CPUS_HELP).since("2.0.17").default("all"),
        line("vrrp_delay_after_boot", DELAY, "instances begin no sooner than so long after the boot")
            .since("2.4.0"),
        line(
            "vrrp_down_timer_adverts",
            &[arg("COUNT", integer(1, 100))],
            "down_timer_adverts of instances that name none",
        )
        .since("2.2.3")
        .default("3"),
        line("vrrp_garp_extra_if", EXTRA_IF, "repeat gratuitous ARPs on other interfaces of the addresses")
            .since("2.2.3"),
        line("vrrp_garp_interval", GAP, "the least time between two gratuitous ARPs on an interface")
            .default("0"),
        line("vrrp_garp_lower_prio_delay", SECONDS, "garp_lower_prio_delay of instances that name none")
            .default("vrrp_garp_master_delay"),
        line(
            "vrrp_garp_lower_prio_repeat",
            LOWER_COUNT,
            "garp_lower_prio_repeat of instances that name none",
        )
        .default("vrrp_garp_master_repeat"),
        line("vrrp_garp_master_delay", SECONDS, "garp_master_delay of instances that name none").default("5"),
        line("vrrp_garp_master_refresh", REFRESH, "garp_master_refresh of instances that name none")
            .default("0: never"),
        line(
            "vrrp_garp_master_refresh_repeat",
            COUNT,
            "garp_master_refresh_repeat of instances that name none",
        )
        .default("1"),
        line("vrrp_garp_master_repeat", COUNT, "garp_master_repeat of instances that name none").default("5"),
        line("vrrp_gna_interval", GAP, "the least time between two neighbour advertisements on an interface")
            .default("0"),
        line("vrrp_higher_prio_send_advert", BOOL, "answer an advert of higher priority with a last one"),
        line(
            "vrrp_ipsets",
            &[optional("NAME...", Kind::Special)],
            "names of up to six ipsets; none: iptables without ipsets",
        ),
        line(
            "vrrp_iptables",
            &[optional("INPUT", Kind::Text), optional("OUTPUT", Kind::Text)],
            "use iptables, with these chains",
        )
        .default("INPUT and OUTPUT"),
        line("vrrp_lower_prio_no_advert", BOOL, "leave an advert of lower priority without an answer"),
        line(
            "vrrp_mcast_group4",
            &[arg("ADDRESS", Kind::Address(Some(Family::V4)))],
            "where IPv4 adverts are sent to",
        )
        .default("224.0.0.18"),
        line(
            "vrrp_mcast_group6",
            &[arg("ADDRESS", Kind::Address(Some(Family::V6)))],
            "where IPv6 adverts are sent to",
        )
        .default("ff02::12"),
        line("vrrp_min_garp", BOOL, "one gratuitous ARP at a transition, and no second set").since("2.0.12"),
        line("vrrp_netlink_cmd_rcv_bufs", BYTES, BUFFER_HELP).since("2.0.0").default("the kernel's"),
        line("vrrp_netlink_cmd_rcv_bufs_force", BOOL, FORCE_HELP).since("2.0.0"),
        line("vrrp_netlink_monitor_rcv_bufs", BYTES, BUFFER_HELP).since("2.0.0").default("the kernel's"),
        line("vrrp_netlink_monitor_rcv_bufs_force", BOOL, FORCE_HELP).since("2.0.0"),
        line("vrrp_no_swap", NONE, NO_SWAP_HELP),
        line("vrrp_notify_fifo", FIFO, "a FIFO for what happens to instances and sync groups"),
        line("vrrp_notify_fifo_script", COMMAND, "is started to read vrrp_notify_fifo").command(),
        line("vrrp_notify_priority_changes", BOOL, "write each change of priority to the FIFOs")
            .since("2.0.16"),
        line(
            "vrrp_notify_split_brain",
            BOOL,
            "tell FIFOs and notify scripts when another master is seen (SPLIT_BRAIN) and when it is gone \
             (SPLIT_BRAIN_OVER)",
        )
        .ours(),
        line("vrrp_owner_ignore_adverts", BOOL, "the address owner does not listen to adverts")
            .since("2.3.3"),
        line("vrrp_priority", NICE, NICE_HELP).default("0"),
        line("vrrp_process_name", NAME, "name of the VRRP process, up to 15 bytes").since("2.0.16"),
        line("vrrp_rlimit_rtime", RTTIME, RTTIME_HELP).since("2.0.0").synonym_of("vrrp_rlimit_rttime"),
        line("vrrp_rlimit_rttime", RTTIME, RTTIME_HELP).since("2.1.0").default("10000"),
        line("vrrp_rt_priority", REAL_TIME, REAL_TIME_HELP).since("2.0.0"),
        line(
            "vrrp_rx_bufs_multiplier",
            &[expected("COUNT", integer(1, MAX_U32))],
            "how many adverts of each instance the receive buffers hold",
        )
        .since("2.0.3")
        .default("3"),
        line(
            "vrrp_rx_bufs_policy",
            &[expected("MTU | ADVERT | BYTES", Kind::Special)],
            "how large the receive buffers of adverts are",
        )
        .since("2.0.3")
        .default("the kernel's"),
        line("vrrp_skip_check_adv_addr", BOOL, "compare the addresses of a master's first advert only"),
        line("vrrp_startup_delay", DELAY, "instances begin so long after the start").since("2.0.14"),
        line("vrrp_strict", BOOL, "keep to the RFC, and refuse what it does not know"),
        line("vrrp_version", &[arg("VERSION", integer(2, 3))], "version of instances that name none")
            .default("2"),
        line("vrrp_vmac_garp_intvl", EXTRA_IF, "repeat gratuitous ARPs on other interfaces of the addresses")
            .since("2.2.0")
            .synonym_of("vrrp_garp_extra_if"),
    ],
};
