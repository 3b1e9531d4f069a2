//! ipvsadm's options in their spellings, grouped by what they go with.

/// An option as it may be written.
pub(super) struct Spelling {
    pub(super) short: Option<&'static str>,
    pub(super) long: &'static str,
    pub(super) value: Option<Value>,
}

/// What an option's value is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Service,
    Mark,
    Scheduler,
    Timeout,
    Netmask,
    Server,
    Weight,
    Threshold,
    Interface,
    SyncId,
    Engine,
    Flags,
    Group,
    Port,
    Ttl,
    Maxlen,
    Tunnel,
    State,
}

pub(super) const fn plain(short: Option<&'static str>, long: &'static str) -> Spelling {
    Spelling { short, long, value: None }
}

pub(super) const fn with(short: Option<&'static str>, long: &'static str, value: Value) -> Spelling {
    Spelling { short, long, value: Some(value) }
}

pub(super) const TCP: Spelling = with(Some("t"), "tcp-service", Value::Service);
pub(super) const UDP: Spelling = with(Some("u"), "udp-service", Value::Service);
pub(super) const SCTP: Spelling = with(None, "sctp-service", Value::Service);
pub(super) const MARK: Spelling = with(Some("f"), "fwmark-service", Value::Mark);
pub(super) const IPV6: Spelling = plain(Some("6"), "ipv6");
pub(super) const SERVER: Spelling = with(Some("r"), "real-server", Value::Server);
pub(super) const NUMERIC: Spelling = plain(Some("n"), "numeric");
pub(super) const FORWARDS: [Spelling; 3] =
    [plain(Some("m"), "masquerading"), plain(Some("g"), "gatewaying"), plain(Some("i"), "ipip")];

pub(super) const OF_SERVICES: [Spelling; 6] = [
    with(Some("s"), "scheduler", Value::Scheduler),
    with(Some("p"), "persistent", Value::Timeout),
    with(Some("M"), "netmask", Value::Netmask),
    plain(Some("o"), "ops"),
    with(None, "pe", Value::Engine),
    with(Some("b"), "sched-flags", Value::Flags),
];
pub(super) const OF_SERVERS: [Spelling; 3] = [
    with(Some("w"), "weight", Value::Weight),
    with(Some("x"), "u-threshold", Value::Threshold),
    with(Some("y"), "l-threshold", Value::Threshold),
];
pub(super) const OF_TUNNELS: [Spelling; 5] = [
    with(None, "tun-type", Value::Tunnel),
    with(None, "tun-port", Value::Port),
    plain(None, "tun-nocsum"),
    plain(None, "tun-csum"),
    plain(None, "tun-remcsum"),
];
pub(super) const OF_LISTS: [Spelling; 13] = [
    NUMERIC,
    plain(Some("c"), "connection"),
    plain(None, "timeout"),
    plain(None, "daemon"),
    plain(None, "stats"),
    plain(None, "rate"),
    plain(Some("X"), "exact"),
    plain(None, "thresholds"),
    plain(None, "persistent-conn"),
    plain(None, "tun-info"),
    plain(None, "sort"),
    plain(None, "nosort"),
    with(None, "syncid", Value::SyncId),
];
pub(super) const OF_DAEMONS: [Spelling; 6] = [
    with(None, "mcast-interface", Value::Interface),
    with(None, "syncid", Value::SyncId),
    with(None, "sync-maxlen", Value::Maxlen),
    with(None, "mcast-group", Value::Group),
    with(None, "mcast-port", Value::Port),
    with(None, "mcast-ttl", Value::Ttl),
];
pub(super) const COMMANDS: [Spelling; 17] = [
    plain(Some("A"), "add-service"),
    plain(Some("E"), "edit-service"),
    plain(Some("D"), "delete-service"),
    plain(Some("C"), "clear"),
    plain(Some("R"), "restore"),
    plain(Some("S"), "save"),
    plain(Some("a"), "add-server"),
    plain(Some("e"), "edit-server"),
    plain(Some("d"), "delete-server"),
    plain(Some("L"), "list"),
    plain(Some("l"), "list"),
    plain(Some("Z"), "zero"),
    plain(None, "set"),
    with(None, "start-daemon", Value::State),
    with(None, "stop-daemon", Value::State),
    plain(Some("h"), "help"),
    plain(Some("v"), "version"),
];

pub(super) fn command(long: &str) -> &'static Spelling {
    COMMANDS.iter().find(|c| c.long == long).expect("a command")
}
