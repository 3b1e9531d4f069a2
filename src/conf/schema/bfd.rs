//! `bfd_instance`.

use super::{Block, known};

/// In `bfd_instance`.
pub(super) static BFD_INSTANCE: Block = Block {
    name: "bfd_instance",
    keywords: &[
        known("checker"),
        known("hoplimit"),
        known("idle_tx"),
        known("max_hops"),
        known("min_rx"),
        known("min_tx"),
        known("multihop"),
        known("multiplier"),
        known("neighbor_ip"),
        known("neighbour_ip"),
        known("passive"),
        known("source_ip"),
        known("ttl"),
        known("vrrp"),
        known("weight"),
    ],
};
