//! `virtual_server` and `real_server`.

use super::checker::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HTTP_GET, MISC_CHECK, PING_CHECK, SMTP_CHECK, SSL_GET, TCP_CHECK,
    UDP_CHECK,
};
use super::service::{AGENT_CHECK, GRPC_CHECK, LDAP_CHECK, MYSQL_CHECK, PGSQL_CHECK, REDIS_CHECK};
use super::track::COMMAND;
use super::{Arg, Block, Kind, MAX_U32, arg, block, expected, integer, line, optional, timer};

/// The kernel's schedulers that keepalived takes.
pub(super) const SCHEDULERS: &[&str] =
    &["rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"];
/// The greatest weight of a server in the kernel.
const MAX_WEIGHT: u64 = i32::MAX as u64;
/// What follows from a check that is not run yet.
const WITHOUT: &str = "real servers are treated as if they had no such check";
const METHOD: &[Arg] =
    &[arg("NAT | DR | TUN", Kind::Choice(&["NAT", "DR", "TUN"])), optional("TUNNEL", Kind::Special)];
const DAMPING: &[Arg] =
    &[expected("COUNT", integer(2, 1000)), expected("SECONDS", timer(1)), optional("HOLD", timer(1))];
const BOOL: &[Arg] = &[optional("BOOL", Kind::Bool)];

/// In `virtual_server`.
pub(super) static VIRTUAL_SERVER: Block = Block {
    name: "virtual_server",
    keywords: &[
        line("alpha", &[], "servers count as failed until their checks first pass"),
        line(
            "connect_timeout",
            &[arg("SECONDS", Kind::Timer { min_us: 1, max_us: MAX_U32 })],
            "how long a connection may take",
        )
        .default("5"),
        line("delay_before_retry", &[arg("SECONDS", timer(0))], "time before a failed check is tried again")
            .default("1 for TCP_CHECK"),
        line("delay_loop", &[arg("SECONDS", timer(1))], "time between two checks").default("60"),
        line(
            "drain_time",
            &[arg("SECONDS", timer(0))],
            "a server that goes stays at weight 0 for so long, for the connections that it has",
        )
        .ours()
        .default("0"),
        line(
            "fall",
            &[arg("COUNT", integer(1, MAX_U32))],
            "so many tries in a row must fail: one more than retry",
        )
        .ours()
        .default("retry and one"),
        line("flag-1", &[], "first flag of the scheduler"),
        line("flag-2", &[], "second flag of the scheduler"),
        line("flag-3", &[], "third flag of the scheduler"),
        line(
            "flap_damping",
            DAMPING,
            "a server that goes down so often within this time is held back when it could come back",
        )
        .ours()
        .default("none; HOLD as long as SECONDS"),
        line("ha_suspend", &[], "no checks while the service's address is not set on this machine"),
        line("hashed", &[], "accepted, and of no effect, as in keepalived"),
        line(
            "hysteresis",
            &[arg("WEIGHT", integer(0, MAX_U32))],
            "how far above or below the quorum the state changes",
        )
        .default("0"),
        line("inhibit_on_failure", &[], "a failed server gets weight 0 instead of being removed"),
        line(
            "ip_family",
            &[arg("FAMILY", Kind::Choice(&["inet", "inet6"]))],
            "address family of a service by firewall mark",
        )
        .default("that of its real servers"),
        line("lb_algo", &[arg("SCHEDULER", Kind::Choice(SCHEDULERS))], "how connections are spread")
            .synonym_of("lvs_sched")
            .default("wlc"),
        line("lb_kind", METHOD, "how packets reach the real servers").synonym_of("lvs_method").default("NAT"),
        line("lvs_method", METHOD, "how packets reach the real servers").default("NAT"),
        line("lvs_sched", &[arg("SCHEDULER", Kind::Choice(SCHEDULERS))], "how connections are spread")
            .default("wlc"),
        line("mh-fallback", &[], "scheduler mh: another server where the chosen one is down").since("2.0.20"),
        line("mh-port", &[], "scheduler mh: the client's port counts too").since("2.0.20"),
        line("omega", &[], "at shutdown, act as if every server had failed"),
        line("ops", &[], "schedule each packet alone; UDP only"),
        line("persistence_engine", &[arg("NAME", Kind::Text)], "what identifies a client: sip"),
        line(
            "persistence_granularity",
            &[arg("NETMASK", Kind::Special)],
            "which clients count as one: a netmask (IPv4) or prefix length (IPv6)",
        )
        .default("each alone"),
        line(
            "persistence_timeout",
            &[optional("SECONDS", integer(1, 31 * 86_400))],
            "how long a client stays with its server",
        )
        .default("none; 360 without a number"),
        line(
            "protocol",
            &[arg("PROTOCOL", Kind::ChoiceAnyCase(&["TCP", "UDP", "SCTP"]))],
            "transport protocol",
        )
        .default("UDP"),
        line(
            "quorum",
            &[arg("WEIGHT", integer(1, MAX_U32))],
            "total weight of live servers that makes the service live",
        )
        .default("1"),
        line("quorum_down", COMMAND, "run when the quorum is lost").command(),
        line("quorum_up", COMMAND, "run when the quorum is gained").command(),
        block(
            "real_server",
            &[arg("ADDRESS", Kind::Special), optional("PORT", Kind::Special)],
            &REAL_SERVER,
            "a server that does the work",
        ),
        line("retry", &[arg("COUNT", integer(1, MAX_U32))], "further tries before a check counts as failed")
            .default("as the checker"),
        line(
            "rise",
            &[arg("COUNT", integer(1, MAX_U32))],
            "so many checks in a row must pass for a server that is down to come back",
        )
        .ours()
        .default("1"),
        line("sh-fallback", &[], "scheduler sh: another server where the chosen one is down"),
        line("sh-port", &[], "scheduler sh: the client's port counts too"),
        line(
            "slow_start",
            &[arg("SECONDS", timer(0))],
            "a server that comes back has its weight raised for so long, step by step; one that is set by hand meanwhile lasts until the next step",
        )
        .ours()
        .default("0"),
        line("smtp_alert", BOOL, "mail when the quorum is gained or lost").default("as global_defs, else no"),
        line("snmp_name", &[expected("NAME", Kind::Text)], "what SNMP calls it besides").read(),
        line(
            "sorry_server",
            &[arg("ADDRESS", Kind::Special), optional("PORT", Kind::Special)],
            "takes the traffic while the quorum is lost",
        ),
        line("sorry_server_inhibit", &[], "the sorry server stays in the table at weight 0"),
        line("sorry_server_lvs_method", METHOD, "how packets reach the sorry server").default("lvs_method"),
        line("virtualhost", &[expected("HOST", Kind::Text)], "which host HTTP_GET and SSL_GET ask for")
            .default("none"),
        line("warmup", &[arg("SECONDS", timer(0))], "the first check comes at a random moment of this long")
            .default("delay_loop"),
        line("weight", &[arg("WEIGHT", integer(1, MAX_WEIGHT))], "weight of real servers that name none")
            .default("1"),
    ],
};

/// In `virtual_server / real_server`.
pub(super) static REAL_SERVER: Block = Block {
    name: "real_server",
    keywords: &[
        block(
            "AGENT_CHECK",
            &[],
            &AGENT_CHECK,
            "passes while an agent says so, which may set the weight, too",
        )
        .ours(),
        block("BFD_CHECK", &[], &BFD_CHECK, "passes while the session of a bfd_instance is up")
            .since("2.0.0")
            .read_so(WITHOUT),
        block("DNS_CHECK", &[], &DNS_CHECK, "passes while a DNS query is answered"),
        block(
            "FILE_CHECK",
            &[],
            &FILE_CHECK,
            "the number in a file changes the weight, or counts as a failure",
        )
        .since("2.1.0"),
        block(
            "GRPC_CHECK",
            &[],
            &GRPC_CHECK,
            "passes while a gRPC server says that it serves (grpc.health.v1)",
        )
        .ours(),
        block("HTTP_GET", &[], &HTTP_GET, "passes while pages come as they should"),
        block("LDAP_CHECK", &[], &LDAP_CHECK, "passes while a directory takes a bind, and has an entry")
            .ours(),
        block("MISC_CHECK", &[], &MISC_CHECK, "passes while a program says so"),
        block(
            "MYSQL_CHECK",
            &[],
            &MYSQL_CHECK,
            "passes while MySQL or MariaDB greets; with a user, while it is as it should be",
        )
        .ours(),
        block(
            "PGSQL_CHECK",
            &[],
            &PGSQL_CHECK,
            "passes while PostgreSQL takes connections; with a user, while it lets him in and has a role",
        )
        .ours(),
        block("PING_CHECK", &[], &PING_CHECK, "passes while an echo request is answered").since("2.1.0"),
        block("REDIS_CHECK", &[], &REDIS_CHECK, "passes while Redis, Valkey or the like answers PING").ours(),
        block("SMTP_CHECK", &[], &SMTP_CHECK, "passes while a mail server answers HELO"),
        block("SSL_GET", &[], &SSL_GET, "passes while pages come as they should, over TLS"),
        block("TCP_CHECK", &[], &TCP_CHECK, "passes while a TCP connection opens"),
        block("UDP_CHECK", &[], &UDP_CHECK, "passes while no answer says that a UDP port is closed")
            .since("2.1.0"),
        line("alpha", BOOL, "it counts as failed until its checks first pass")
            .default("that of the virtual server"),
        line(
            "backup",
            BOOL,
            "it takes traffic while the other servers have not enough weight for the quorum",
        )
        .ours()
        .default("no"),
        line(
            "connect_timeout",
            &[arg("SECONDS", Kind::Timer { min_us: 1, max_us: MAX_U32 })],
            "how long a connection may take",
        )
        .default("that of the virtual server"),
        line("delay_before_retry", &[arg("SECONDS", timer(0))], "time before a failed check is tried again")
            .default("that of the virtual server"),
        line("delay_loop", &[arg("SECONDS", timer(1))], "time between two checks")
            .default("that of the virtual server"),
        line(
            "drain_time",
            &[arg("SECONDS", timer(0))],
            "a server that goes stays at weight 0 for so long, for the connections that it has",
        )
        .ours()
        .default("that of the virtual server"),
        line(
            "fall",
            &[arg("COUNT", integer(1, MAX_U32))],
            "so many tries in a row must fail: one more than retry",
        )
        .ours()
        .default("retry and one"),
        line(
            "flap_damping",
            DAMPING,
            "a server that goes down so often within this time is held back when it could come back",
        )
        .ours()
        .default("that of the virtual server; HOLD as long as SECONDS"),
        line("inhibit_on_failure", BOOL, "when failed, it gets weight 0 instead of being removed")
            .default("that of the virtual server"),
        line(
            "lthreshold",
            &[arg("CONNECTIONS", integer(0, MAX_U32))],
            "connections below which it takes new ones again",
        )
        .default("0"),
        line("lvs_method", METHOD, "how packets reach it").default("that of the virtual server"),
        line("notify_down", COMMAND, "run when it takes no traffic any more").command(),
        line("notify_up", COMMAND, "run when it takes traffic (again)").command(),
        line("retry", &[arg("COUNT", integer(1, MAX_U32))], "further tries before a check counts as failed")
            .default("that of the virtual server"),
        line(
            "rise",
            &[arg("COUNT", integer(1, MAX_U32))],
            "so many checks in a row must pass for a server that is down to come back",
        )
        .ours()
        .default("that of the virtual server"),
        line(
            "slow_start",
            &[arg("SECONDS", timer(0))],
            "a server that comes back has its weight raised for so long, step by step; one that is set by hand meanwhile lasts until the next step",
        )
        .ours()
        .default("that of the virtual server"),
        line("smtp_alert", BOOL, "mail when it comes or goes").default("as global_defs, else yes"),
        line("snmp_name", &[expected("NAME", Kind::Text)], "what SNMP calls it besides").read(),
        line(
            "uthreshold",
            &[arg("CONNECTIONS", integer(0, MAX_U32))],
            "connections above which it takes no new ones",
        )
        .default("0: no limit"),
        line("virtualhost", &[expected("HOST", Kind::Text)], "which host HTTP_GET and SSL_GET ask for")
            .default("that of the virtual server"),
        line("warmup", &[arg("SECONDS", timer(0))], "the first check comes at a random moment of this long")
            .default("that of the virtual server"),
        line(
            "weight",
            &[arg("WEIGHT", integer(0, MAX_WEIGHT))],
            "its share of the connections; 0 takes no new ones",
        )
        .default("that of the virtual server"),
    ],
};
