//! Routes, rules, addresses' options, interface groups and BFD sessions (V07xx).

use super::Reason;

pub(super) const REASONS: &[Reason] = &[
    ("V0701", "One family is settled by the first address or word that tells it. The entry is left out."),
    (
        "V0702",
        "The destination is an address with its prefix length, `default`, or a type with one of them, as `blackhole 10.0.0.0/8`.",
    ),
    (
        "V0703",
        "keepalived watches only routes that name their interface. If somebody deletes this one, the instance stays master without it.",
    ),
    (
        "V0704",
        "By the protocol keepalived knows its own routes and rules. `no_track` gives up watching them, and leaves the protocol alone.",
    ),
    ("V0705", "The route is set without the encapsulation: packets go out as they are."),
    ("V0706", "`or` is keepalived's own old form of what iproute2 calls `nexthop`. Use one of them."),
    ("V0707", "A point-to-point address has neither a network nor a broadcast address of its own."),
    (
        "V0708",
        "keepalived looks for the group when it reads the line: the track_group block must stand before it. It watches what is on an interface, so the entry must name one.",
    ),
    ("V0709", "A rule that matches and then does nothing is left out."),
    ("V0710", "A rule does one thing. Write a second rule."),
    (
        "V0711",
        "Rules without a priority get one, from 16384 downward in the order of the file: each new rule comes before all others.",
    ),
    ("V0712", "The kernel goes forward only: the target's priority is greater than the rule's own."),
    (
        "V0713",
        "Realms and suppressors say something about the route that a table gives. The rule is left out.",
    ),
    (
        "V0714",
        "Which of them is tried first depends on the order in which they are set, and that changes with each failover.",
    ),
    ("V0715", "An interface is in one group, and a group has at least one interval."),
    ("V0716", "The group is for no interface, and has no effect."),
    ("V0717", "A line is INTERFACE DOWN [UP]: seconds, with decimals, up to 255."),
    ("V0718", "The session is left out. Sessions with one neighbour differ in their source_ip."),
    ("V0719", "A session is with somebody: without neighbor_ip the block is left out."),
    ("V0720", "source_ip and neighbor_ip are of one family. The block is left out."),
    ("V0721", "BFD finds a failure within multiplier × interval; above ten seconds VRRP itself is faster."),
    ("V0722", "The line has no effect; it is not waited for an interface of that name."),
];
