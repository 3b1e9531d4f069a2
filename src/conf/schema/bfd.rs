//! `bfd_instance`.

use super::{Arg, Block, Kind, arg, integer, line, optional};

/// Milliseconds with up to three decimals.
const MILLISECONDS: &[Arg] = &[arg("MILLISECONDS", Kind::Special)];

/// In `bfd_instance`.
pub(super) static BFD_INSTANCE: Block = Block {
    name: "bfd_instance",
    keywords: &[
        line("checker", &[], "only checkers hear of its state").since("2.0.0").read(),
        line("hoplimit", &[arg("HOPS", integer(1, 255))], "hop limit of what is sent (IPv6)")
            .since("2.0.0")
            .default("64")
            .read(),
        line("idle_tx", MILLISECONDS, "interval between packets while it is not up, from 1000 up")
            .since("2.0.0")
            .default("1000")
            .read(),
        line(
            "max_hops",
            &[arg("HOPS", Kind::Special)],
            "how many hops a packet may have come, -1 to 255; -1 and 255 allow any",
        )
        .since("2.0.0")
        .default("0")
        .read(),
        line("min_rx", MILLISECONDS, "least interval between packets that we receive, from 1 up")
            .since("2.0.0")
            .default("10")
            .read(),
        line("min_tx", MILLISECONDS, "least interval between packets that we send, from 1 up")
            .since("2.0.0")
            .default("10")
            .read(),
        line("multihop", &[optional("BOOL", Kind::Bool)], "the neighbour is several hops away (RFC 5883)")
            .since("2.2.8")
            .read(),
        line("multiplier", &[arg("NUMBER", integer(1, 255))], "missing packets after which it is down")
            .since("2.0.0")
            .default("5")
            .read(),
        line("neighbor_ip", &[arg("ADDRESS", Kind::Address(None))], "address of the neighbour")
            .since("2.0.0")
            .read(),
        line("neighbour_ip", &[arg("ADDRESS", Kind::Address(None))], "address of the neighbour")
            .since("2.0.0")
            .synonym_of("neighbor_ip")
            .read(),
        line("passive", &[], "wait for the neighbour's first packet").since("2.0.0").read(),
        line("source_ip", &[arg("ADDRESS", Kind::Address(None))], "our address").since("2.0.0").read(),
        line("ttl", &[arg("HOPS", integer(1, 255))], "time to live of what is sent (IPv4)")
            .since("2.0.0")
            .default("255")
            .read(),
        line("vrrp", &[], "only VRRP hears of its state").since("2.0.0").read(),
        line(
            "weight",
            &[arg("WEIGHT", Kind::Special), optional("reverse", Kind::Choice(&["reverse"]))],
            "what it counts for instances that track it, -253 to 253",
        )
        .default("0")
        .read(),
    ],
};
