//! The grammars of entries: options of addresses, routes and rules, which follow `ip address`, `ip route` and
//! `ip rule`.
//!
//! A grammar is a [`Block`] whose keywords stand behind one another on a line. The parser of entries takes the
//! arguments' kinds and ranges from here.

use super::{Arg, Block, Keyword, Kind, MAX_U32, Status, arg, integer, line, optional};

const DEVICE: &[Arg] = &[arg("INTERFACE", Kind::Interface)];
const ADDRESS: &[Arg] = &[arg("ADDRESS", Kind::Address(None))];
const NETWORK: &[Arg] = &[arg("NETWORK", Kind::Special)];
const U32: &[Arg] = &[arg("NUMBER", integer(0, MAX_U32))];
const ZERO_OR_ONE: &[Arg] = &[arg("NUMBER", integer(0, 1))];
const TIME: &[Arg] = &[LOCK, arg("TIME", Kind::Special)];
const LOCKABLE: &[Arg] = &[LOCK, arg("NUMBER", integer(0, MAX_U32))];
const LOCK: Arg = optional("lock", Kind::Choice(&["lock"]));
const TABLE: &[Arg] = &[arg("TABLE", Kind::Special)];
const FIELD: &[Arg] = &[arg("NUMBER | NAME", Kind::Special)];
const REALMS: &[Arg] = &[arg("[SOURCE/]DESTINATION", Kind::Special)];
const RANGE: &[Arg] = &[arg("FIRST-LAST", Kind::Special)];
const GROUP: &[Arg] = &[arg("NAME", Kind::Text)];

macro_rules! addresses {
    ($last:expr) => {
        &[
            line("-nodad", &[], "do duplicate address detection all the same (IPv6)"),
            line("autojoin", &[], "join the multicast group that the address is"),
            line(
                "brd",
                &[arg("ADDRESS | + | -", Kind::Special)],
                "broadcast address; + and - set or clear the host bits",
            ),
            line("broadcast", &[arg("ADDRESS | + | -", Kind::Special)], "broadcast address")
                .synonym_of("brd"),
            line("dev", DEVICE, "interface that has the address"),
            line("home", &[], "home address of Mobile IPv6"),
            line("label", &[arg("LABEL", Kind::Interface)], "alias name for old tools, as eth0:1 (IPv4)"),
            line("mngtmpaddr", &[], "template for temporary addresses (IPv6)"),
            line(
                "no_track",
                &[],
                "stay master when somebody deletes the address, or while its interface is down",
            ),
            line("noprefixroute", &[], "no route to the address's network comes with it"),
            line("peer", ADDRESS, "other end of a point-to-point link"),
            line(
                "preferred_lft",
                &[arg("SECONDS | forever", Kind::Special)],
                "how long it may be the source of new connections",
            )
            .default("forever; 0 for a /128"),
            line("scope", &[arg("SCOPE", Kind::Special)], "where the address is valid (IPv4)")
                .default("global"),
            $last,
        ]
    };
}

/// A line of `virtual_ipaddress` or `virtual_ipaddress_excluded`, behind its address.
pub(super) static VIRTUAL_ADDRESS: Block = Block {
    name: "ADDRESS[/PREFIX]",
    keywords: addresses!(line("use_vmac", &[], "on a VMAC of its own on that interface")),
};

/// A line of `static_ipaddress`, behind its address.
pub(super) static STATIC_ADDRESS: Block = Block {
    name: "ADDRESS[/PREFIX]",
    keywords: addresses!(line("track_group", GROUP, "instances that depend on the address")),
};

macro_rules! routes {
    ($($track_group:expr)?) => {
        &[
            line("add", &[], "only if there is no such route, as `ip route add`"),
            line("advmss", LOCKABLE, "largest TCP segment that is advertised, in bytes"),
            line("append", &[], "behind other routes to the same destination"),
            line("as", NETWORK, "for MPLS only; it has no effect"),
            line("congctl", &[LOCK, arg("NAME", Kind::Text)], "algorithm of congestion control"),
            line("cwnd", LOCKABLE, "bound of the congestion window, in segments"),
            line("dev", DEVICE, "interface it leads to"),
            line("dsfield", FIELD, "type of service of the packets it is for (IPv4)").synonym_of("tos"),
            line("encap", &[arg("TYPE", Kind::Choice(&["ip", "ip6", "mpls", "ila"])), arg("...", Kind::Special)], "pack each packet into another header"),
            line("expires", &[arg("SECONDS", integer(0, MAX_U32))], "removed after so long (IPv6)"),
            line("fastopen_no_cookie", ZERO_OR_ONE, "1: TCP fast open without a cookie"),
            line("features", &[arg("FEATURE", Kind::Choice(&["ecn"]))], "ecn: explicit congestion notification"),
            line("from", NETWORK, "only for packets from there (IPv6)"),
            line("gw", ADDRESS, "gateway").synonym_of("via"),
            line("hoplimit", &[arg("HOPS", integer(0, 255))], "time to live of what is sent"),
            line("inet", &[], "the route is an IPv4 one"),
            line("inet6", &[], "the route is an IPv6 one"),
            line("initcwnd", U32, "congestion window at the start, in segments"),
            line("initrwnd", U32, "receive window at the start, in segments"),
            line("metric", U32, "the least is taken among routes to the same destination"),
            line("mtu", LOCKABLE, "largest packet, in bytes"),
            line("nexthop", &[arg("...", Kind::Special)], "one of several ways; the last options of a line"),
            line("no_track", &[], "stay master when somebody deletes the route"),
            line("oif", DEVICE, "interface it leads to").synonym_of("dev"),
            line("onlink", &[], "the gateway is on this link, whatever the prefix says (IPv4)"),
            line("or", ADDRESS, "a second gateway; better `nexthop`"),
            line("pref", &[arg("low | medium | high | NUMBER", Kind::Special)], "preference of the router (IPv6)"),
            line("preference", U32, "the least is taken").synonym_of("metric"),
            line("prepend", &[], "before other routes to the same destination, the default"),
            line("priority", U32, "the least is taken").synonym_of("metric"),
            line("protocol", &[arg("PROTOCOL", Kind::Special)], "who set it; only with no_track").default("keepalived (18)"),
            line("quickack", ZERO_OR_ONE, "1: acknowledge at once"),
            line("realms", REALMS, "realms of routing (IPv4)"),
            line("reordering", LOCKABLE, "segments that may arrive out of order"),
            line("rto_min", TIME, "least retransmission timeout: milliseconds, or a number with s or ms"),
            line("rtt", TIME, "round-trip time: eighths of milliseconds, or a number with s or ms"),
            line("rttvar", TIME, "variance of the round-trip time: quarters of milliseconds, or a number with s or ms"),
            line("scope", &[arg("SCOPE", Kind::Special)], "where the destination is (IPv4)").default("global"),
            line("src", ADDRESS, "source address for connections that begin here"),
            line("ssthresh", LOCKABLE, "threshold of slow start, in segments"),
            line("table", TABLE, "the table it stands in, by name or number").default("main"),
            line("to", NETWORK, "destination; the word `to` may be left out"),
            line("tos", FIELD, "type of service of the packets it is for (IPv4)"),
            $($track_group,)?
            line("ttl-propagate", &[arg("enabled | disabled", Kind::Choice(&["enabled", "disabled"]))], "MPLS labels take over the packet's TTL"),
            line("via", &[optional("inet | inet6", Kind::Choice(&["inet", "inet6"])), arg("ADDRESS", Kind::Address(None))], "gateway"),
            line("vrf", &[arg("DEVICE", Kind::Interface)], "into the table of this VRF"),
            line("window", U32, "largest TCP window that is advertised, in bytes"),
        ]
    };
}

/// A line of `virtual_routes`.
pub(super) static VIRTUAL_ROUTE: Block = Block { name: "[TYPE] NETWORK", keywords: routes!() };

/// A line of `static_routes`.
pub(super) static STATIC_ROUTE: Block = Block {
    name: "[TYPE] NETWORK",
    keywords: routes!(line("track_group", GROUP, "instances that depend on the route")),
};

/// Behind `nexthop`.
pub(in crate::conf) static NEXT_HOP: Block = Block {
    name: "nexthop",
    keywords: &[
        line("as", NETWORK, "address translation; the kernel no longer has it"),
        line("dev", DEVICE, "interface it leads to"),
        line(
            "encap",
            &[arg("TYPE", Kind::Choice(&["ip", "ip6", "mpls", "ila"])), arg("...", Kind::Special)],
            "pack each packet into another header",
        ),
        line("nexthop", &[arg("...", Kind::Special)], "one more way"),
        line("onlink", &[], "the gateway is on this link, whatever the prefix says (IPv4)"),
        line("realms", REALMS, "realms of routing (IPv4)"),
        line(
            "via",
            &[
                optional("inet | inet6", Kind::Choice(&["inet", "inet6"])),
                arg("ADDRESS", Kind::Address(None)),
            ],
            "gateway",
        ),
        line("weight", &[arg("WEIGHT", integer(1, 256))], "its share among the ways").default("1"),
    ],
};

const ID: Keyword = line("id", &[arg("ID", integer(0, u64::MAX))], "key of the tunnel");
const FLAGS: Keyword = line("flags", &[arg("FLAGS", integer(0, 0xffff))], "flags of the tunnel");

/// Behind `encap ip`.
pub(in crate::conf) static ENCAP_IP: Block = Block {
    name: "encap ip",
    keywords: &[
        line("dst", &[arg("ADDRESS", Kind::Address(Some(crate::net::Family::V4)))], "where to"),
        FLAGS,
        ID,
        line("src", &[arg("ADDRESS", Kind::Address(Some(crate::net::Family::V4)))], "where from"),
        line("tos", FIELD, "type of service"),
        line("ttl", &[arg("HOPS", integer(0, 255))], "time to live"),
    ],
};

/// Behind `encap ip6`.
pub(in crate::conf) static ENCAP_IP6: Block = Block {
    name: "encap ip6",
    keywords: &[
        line("dst", &[arg("ADDRESS", Kind::Address(Some(crate::net::Family::V6)))], "where to"),
        FLAGS,
        line("hoplimit", &[arg("HOPS", integer(0, 255))], "time to live"),
        ID,
        line("src", &[arg("ADDRESS", Kind::Address(Some(crate::net::Family::V6)))], "where from"),
        line("tc", FIELD, "traffic class"),
    ],
};

macro_rules! rules {
    ($($track_group:expr)?) => {
        &[
            line("blackhole", &[], "drop in silence"),
            line("dev", DEVICE, "interface it came in by").synonym_of("iif"),
            line("dport", RANGE, "ports it goes to"),
            line("dsfield", FIELD, "type of service").synonym_of("tos"),
            line("from", NETWORK, "where it comes from"),
            line("fwmark", &[arg("MARK[/MASK]", Kind::Special)], "firewall mark"),
            line("goto", &[arg("PRIORITY", integer(0, MAX_U32))], "go on at the rule of this priority"),
            line("iif", DEVICE, "interface it came in by; lo for what begins here"),
            line("inet", &[], "the rule is an IPv4 one"),
            line("inet6", &[], "the rule is an IPv6 one"),
            line("ipproto", &[arg("NUMBER | NAME", Kind::Special)], "protocol of the packet"),
            line("l3mdev", &[], "look in the table of the packet's VRF"),
            line("lookup", TABLE, "look in this table").synonym_of("table"),
            line("no_track", &[], "stay master when somebody deletes the rule"),
            line("nop", &[], "go on with the next rule"),
            line("not", &[], "for packets that do not match"),
            line("oif", DEVICE, "interface that the socket is bound to"),
            line("order", U32, "place among the rules").synonym_of("preference"),
            line("preference", U32, "place among the rules, the least first"),
            line("priority", U32, "place among the rules").synonym_of("preference"),
            line("prohibit", &[], "answer with administratively prohibited"),
            line("protocol", &[arg("NUMBER", integer(0, 255))], "who set it; only with no_track").default("18"),
            line("realms", REALMS, "realms of routing (IPv4)"),
            line("sport", RANGE, "ports it comes from"),
            line("sup_group", FIELD, "pass over routes to interfaces of this group").synonym_of("suppress_ifgroup"),
            line("sup_pl", U31, "pass over routes of this prefix length").synonym_of("suppress_prefixlength"),
            line("suppress_ifgroup", FIELD, "pass over routes to interfaces of this group"),
            line("suppress_prefixlength", U31, "pass over routes of this prefix length or a shorter one"),
            line("table", TABLE, "look in this table, by name or number"),
            line("to", NETWORK, "where it goes to"),
            line("tos", FIELD, "type of service"),
            $($track_group,)?
            line("tunnel-id", &[arg("ID", integer(0, u64::MAX))], "key of the tunnel it came through"),
            line("type", &[arg("ACTION", Kind::Special)], "the action that follows; the word may be left out"),
            line("uidrange", RANGE, "users who own the socket"),
            line("unreachable", &[], "answer with network unreachable"),
        ]
    };
}

const U31: &[Arg] = &[arg("NUMBER", integer(0, i32::MAX as u64))];

/// A line of `virtual_rules`.
pub(super) static VIRTUAL_RULE: Block = Block { name: "[not]", keywords: rules!() };

/// A line of `static_rules`.
pub(super) static STATIC_RULE: Block = Block {
    name: "[not]",
    keywords: rules!(line("track_group", GROUP, "instances that depend on the rule")),
};

/// What a line of `virtual_routes` or `static_routes` has that no table of words can say: the types of routes.
pub const ROUTE_TYPES: &[&str] = &[
    "anycast",
    "blackhole",
    "brd",
    "broadcast",
    "local",
    "multicast",
    "nat",
    "prohibit",
    "throw",
    "unicast",
    "unreachable",
    "xresolve",
];

/// Every grammar.
#[cfg(test)]
pub(in crate::conf) fn grammars() -> [&'static Block; 9] {
    [
        &VIRTUAL_ADDRESS,
        &STATIC_ADDRESS,
        &VIRTUAL_ROUTE,
        &STATIC_ROUTE,
        &NEXT_HOP,
        &ENCAP_IP,
        &ENCAP_IP6,
        &VIRTUAL_RULE,
        &STATIC_RULE,
    ]
}

impl Keyword {
    /// The grammar of its entries.
    pub(super) const fn grammar(self, grammar: &'static Block) -> Keyword {
        Keyword { entry: Some(grammar), ..self }
    }

    /// Whether this option of an entry has its effect already.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.status == Status::Done
    }
}
