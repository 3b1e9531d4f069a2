//! The keywords of an instance as they are given, subject by subject, before they are resolved.

use crate::conf::source::Span;
use crate::vrrp::config::{self, OldChecksum, Peer, hmac};
use std::collections::HashMap;
use std::net::IpAddr;

/// A value, and where it was given.
pub(super) type Given<T> = Option<(T, Span)>;

/// The `unicast_*` keywords.
#[derive(Debug, Default)]
pub(super) struct Unicast {
    /// The first keyword that asks for unicast.
    pub(super) asked: Option<Span>,
    pub(super) peers: Vec<Peer>,
    pub(super) peers_at: HashMap<IpAddr, Span>,
    /// An unusable peer was reported: no second report if no other is left.
    pub(super) bad_peer: bool,
    pub(super) fault_without_peers: bool,
    pub(super) ttl: Given<u8>,
    pub(super) check_source: bool,
    pub(super) old_checksum: OldChecksum,
}

/// The keywords on the interface, and on links on top of it.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) link: config::Link,
    pub(super) vrf_at: Option<Span>,
    pub(super) vmac_at: Option<Span>,
    pub(super) mac_at: Option<Span>,
    pub(super) ipvlan_at: Option<Span>,
    /// Where the macvlan or the ipvlan got its name.
    pub(super) name_at: Option<Span>,
    pub(super) transmit_at: Option<Span>,
    pub(super) promote_at: Option<Span>,
    pub(super) track_source_at: Option<Span>,
}

impl Link {
    /// Before any keyword is read.
    pub(super) fn inherited(defaults: &config::Defaults) -> Link {
        let link = config::Link { garp_extra: defaults.garp_extra_if, ..config::Link::default() };
        Link { link, ..Link::default() }
    }
}

/// How other routers' adverts are dealt with.
#[derive(Debug, Default)]
pub(super) struct Policy {
    pub(super) strict: Option<bool>,
    pub(super) accept: Given<bool>,
    pub(super) down_timer_adverts: Given<u8>,
    pub(super) lower_prio_no_advert: Given<bool>,
    pub(super) higher_prio_send_advert: Given<bool>,
    pub(super) owner_ignore_adverts: Given<bool>,
    pub(super) skip_check_adv_addr: Option<bool>,
    pub(super) v3_checksum_as_v2: Option<bool>,
    pub(super) timer_expired_backup: Given<u8>,
}

/// The `auth_hmac` block.
#[derive(Debug)]
pub(super) struct Hmac {
    pub(super) at: Span,
    pub(super) keys: Vec<hmac::Key>,
    pub(super) keys_at: HashMap<u8, Span>,
    pub(super) active_key: Given<u8>,
    pub(super) monotonic: bool,
    /// Seconds.
    pub(super) time_window: Option<u64>,
    pub(super) mode: hmac::Mode,
    pub(super) mode_at: Span,
}
