//! The top of a file, and `SSL`.

use super::bfd::BFD_INSTANCE;
use super::global::GLOBAL_DEFS;
use super::iproute::{STATIC_ADDRESS, STATIC_ROUTE, STATIC_RULE};
use super::sync::{TRACK_GROUP, VRRP_SYNC_GROUP};
use super::track::{TRACK_FILE, VRRP_SCRIPT, VRRP_TRACK_PROCESS};
use super::virtual_server::VIRTUAL_SERVER;
use super::vrrp::{GARP_GROUP, VRRP_INSTANCE};
use super::{Arg, Block, Kind, MAX_U32, arg, block, entries, expected, integer, line, optional};

const PATTERN: &[Arg] = &[arg("PATTERN", Kind::Text)];
const NAME: &[Arg] = &[arg("NAME", Kind::Text)];

/// The top of a file.
pub static ROOT: Block = Block {
    name: "",
    keywords: &[
        block("SSL", &[], &SSL, "certificates for the checks that use TLS"),
        block("bfd_instance", &[arg("NAME", Kind::Text)], &BFD_INSTANCE, "a BFD session with a neighbour")
            .since("2.0.0")
            .read(),
        line(
            "child_wait_time",
            &[arg("SECONDS", integer(0, MAX_U32))],
            "how long the parent waits for its processes to end",
        )
        .since("2.0.0")
        .default("5")
        .read(),
        block("garp_group", &[], &GARP_GROUP, "a pace for gratuitous ARPs and neighbour advertisements"),
        block("global_defs", &[], &GLOBAL_DEFS, "settings of the process, and defaults"),
        line("include", PATTERN, "read another file here; one that is missing is passed over"),
        line("includea", PATTERN, "include, and whatever is missing is an error"),
        line("includeb", PATTERN, "include, and each name of a brace must exist"),
        line("includem", PATTERN, "include, and a name without wildcards must exist"),
        line("includer", PATTERN, "include, and what is found must be readable"),
        line("includew", PATTERN, "include, and something must match"),
        line(
            "instance",
            &[expected("NAME", Kind::Text)],
            "one of several on this machine; part of the names of files",
        ),
        entries(
            "interface_up_down_delays",
            &[],
            "lines of INTERFACE DOWN [UP]: seconds that a change must last to count, up to 255",
        )
        .since("2.2.3"),
        entries(
            "linkbeat_interfaces",
            &[],
            "lines of INTERFACE [MII | ETHTOOL | IOCTL]: interfaces whose state is asked for",
        )
        .since("2.0.13"),
        line("linkbeat_use_polling", &[], "ask the drivers for the state of links"),
        line("namespace_with_ipsets", &[], "ipsets in a namespace even before Linux 3.13").read(),
        line("net_namespace", &[expected("NAME", Kind::Text)], "the network namespace to run in"),
        line(
            "net_namespace_ipvs",
            &[optional("NAME", Kind::Text)],
            "where the IPVS table is written; without a name where the program was started",
        )
        .since("2.1.0")
        .read_so("the table is written in the network namespace of all the rest"),
        entries("static_ipaddress", &[], "addresses that are set at start and stay").grammar(&STATIC_ADDRESS),
        entries("static_routes", &[], "routes that are set at start and stay").grammar(&STATIC_ROUTE),
        entries("static_rules", &[], "routing rules that are set at start and stay").grammar(&STATIC_RULE),
        block("track_file", NAME, &TRACK_FILE, "a file with a number that changes priorities"),
        block(
            "track_group",
            NAME,
            &TRACK_GROUP,
            "instances that depend on static addresses, routes and rules",
        )
        .since("2.0.3"),
        line("use_pid_dir", &[], "pid files stand in /run/keepalived"),
        block(
            "virtual_server",
            &[arg("ADDRESS | fwmark | group", Kind::Special), optional("PORT | MARK | NAME", Kind::Special)],
            &VIRTUAL_SERVER,
            "a service, and who does its work",
        ),
        entries(
            "virtual_server_group",
            &[arg("NAME", Kind::Text)],
            "addresses and firewall marks that share real servers",
        ),
        block("vrrp_instance", &[arg("NAME", Kind::Text)], &VRRP_INSTANCE, "a virtual router"),
        block("vrrp_script", NAME, &VRRP_SCRIPT, "a script whose success priorities depend on"),
        block("vrrp_sync_group", NAME, &VRRP_SYNC_GROUP, "instances that change state together"),
        block("vrrp_track_file", NAME, &TRACK_FILE, "deprecated: write track_file")
            .since("2.0.0")
            .synonym_of("track_file"),
        block("vrrp_track_process", NAME, &VRRP_TRACK_PROCESS, "processes whose number priorities depend on")
            .since("2.0.11"),
    ],
};

/// In `SSL`.
pub(super) static SSL: Block = Block {
    name: "SSL",
    keywords: &[
        line(
            "ca",
            &[expected("FILE", Kind::Text)],
            "certificates of the authorities that `verify_certificate` trusts",
        )
        .default("the system's"),
        line("certificate", &[expected("FILE", Kind::Text)], "the certificate that checks show"),
        line("key", &[expected("FILE", Kind::Text)], "the key of the certificate"),
        line("password", &[expected("PASSWORD", Kind::Text)], "the password of the key"),
    ],
};
