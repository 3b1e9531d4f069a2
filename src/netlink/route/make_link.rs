//! Making links on top of others, and removing them.
//!
//! A new link is addressed by its name until it is up: no answer has to be read for its index.

use super::link::{DELETE, NEW};
use crate::net::MacAddr;
use crate::netlink::message::{Batch, CREATE, EXCLUSIVE, Request};
use serde::{Deserialize, Serialize};

/// `IFLA_*` (`include/uapi/linux/if_link.h`).
const ADDRESS: u16 = 1;
const NAME: u16 = 3;
const LINK: u16 = 5;
const CONTROLLER: u16 = 10;
const LINK_INFO: u16 = 18;
const ALIAS: u16 = 20;
const AF_SPEC: u16 = 26;
const GROUP: u16 = 27;
/// `IFLA_INFO_*`
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
/// `IFLA_MACVLAN_MODE`, and `MACVLAN_MODE_PRIVATE`
const MACVLAN_MODE: u16 = 1;
const PRIVATE: u32 = 1;
/// `IFLA_IPVLAN_MODE` with `IPVLAN_MODE_L2`, and `IFLA_IPVLAN_FLAGS`
const IPVLAN_MODE: u16 = 1;
const L2: u16 = 0;
const IPVLAN_FLAGS: u16 = 2;
/// `AF_INET`, `AF_INET6` as attributes of `IFLA_AF_SPEC`
const V4: u16 = 2;
const V6: u16 = 10;
/// `IFLA_INET_CONF`
const V4_CONF: u16 = 1;
/// `IFLA_INET6_ADDR_GEN_MODE`, and `IN6_ADDR_GEN_MODE_NONE`
const GENERATION: u16 = 8;
const NO_GENERATION: u8 = 1;
/// `IFF_UP`
const UP: u32 = 1;

/// A link to be made on top of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewLink {
    /// Its name.
    pub name: String,
    /// The index of the link below.
    pub below: u32,
    /// What it is to be.
    pub kind: NewKind,
    /// The index of the VRF, bridge or bond that it is to belong to.
    pub controller: Option<u32>,
    /// Its group.
    pub group: u32,
    /// Who has made it, for people and for those who come later.
    pub alias: &'static str,
    /// Settings of IPv4 on it, in the order in which they are made.
    pub v4: Vec<(V4Setting, u32)>,
}

/// What a link on top of another can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NewKind {
    /// A macvlan of private mode with this Ethernet address. IPv6 makes no address of that (RFC 9568 §7.4).
    PrivateMacvlan(MacAddr),
    /// An ipvlan of mode L2 with these flags (`IPVLAN_F_*`).
    IpvlanL2(u16),
}

/// Settings of IPv4 on an interface (`net.ipv4.conf.NAME.*`), by their numbers (`IPV4_DEVCONF_*`,
/// `include/uapi/linux/ip.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u16)]
pub enum V4Setting {
    /// `rp_filter`
    RpFilter = 8,
    /// `arp_filter`
    ArpFilter = 13,
    /// `arp_announce`
    ArpAnnounce = 18,
    /// `arp_ignore`
    ArpIgnore = 19,
    /// `promote_secondaries`
    PromoteSecondaries = 20,
    /// `accept_local`
    AcceptLocal = 23,
}

/// Asks for the link: made, set, and (by [`up`]) set up last.
pub(super) fn make(batch: &mut Batch, new: &NewLink) {
    let mut request = begin(batch, NEW, CREATE | EXCLUSIVE, 0, 0);
    request.attr_str(NAME, &new.name).attr_u32(LINK, new.below).attr_u32(GROUP, new.group);
    if let Some(controller) = new.controller {
        request.attr_u32(CONTROLLER, controller);
    }
    if let NewKind::PrivateMacvlan(mac) = new.kind {
        request.attr(ADDRESS, &mac.0);
    }
    request.nested(LINK_INFO, |info| {
        match new.kind {
            NewKind::PrivateMacvlan(_) => info.attr_str(INFO_KIND, "macvlan").nested(INFO_DATA, |data| {
                data.attr_u32(MACVLAN_MODE, PRIVATE);
            }),
            NewKind::IpvlanL2(flags) => info.attr_str(INFO_KIND, "ipvlan").nested(INFO_DATA, |data| {
                data.attr_u16(IPVLAN_MODE, L2).attr_u16(IPVLAN_FLAGS, flags);
            }),
        };
    });
    // The kernel takes neither while it makes the link.
    let mut settings = begin_named(batch, &new.name, 0);
    settings.attr_str(ALIAS, new.alias);
    if !new.v4.is_empty() {
        v4_settings(&mut settings, &new.v4);
    }
    if let NewKind::PrivateMacvlan(_) = new.kind {
        // The kernel looks at it only once the link is there, and too late once it is up.
        begin_named(batch, &new.name, 0).nested(AF_SPEC, |families| {
            families.nested(V6, |v6| {
                v6.attr_u8(GENERATION, NO_GENERATION);
            });
        });
    }
}

/// Asks for the link to be set up.
pub(super) fn up(batch: &mut Batch, name: &str) {
    begin_named(batch, name, UP);
}

/// Asks for the link to be removed.
pub(super) fn delete(batch: &mut Batch, index: u32) {
    begin(batch, DELETE, 0, index, 0);
}

/// Asks for settings of IPv4 on a link.
pub(super) fn set_v4(batch: &mut Batch, index: u32, settings: &[(V4Setting, u32)]) {
    v4_settings(&mut begin(batch, NEW, 0, index, 0), settings);
}

/// Asks for the group to be set.
pub(super) fn set_group(batch: &mut Batch, index: u32, group: u32) {
    begin(batch, NEW, 0, index, 0).attr_u32(GROUP, group);
}

fn v4_settings(request: &mut Request<'_>, settings: &[(V4Setting, u32)]) {
    request.nested(AF_SPEC, |families| {
        families.nested(V4, |v4| {
            v4.nested(V4_CONF, |conf| {
                for &(setting, value) in settings {
                    conf.attr_u32(setting as u16, value);
                }
            });
        });
    });
}

fn begin_named<'a>(batch: &'a mut Batch, name: &str, flags: u32) -> Request<'a> {
    let mut request = begin(batch, NEW, 0, 0, flags);
    request.attr_str(NAME, name);
    request
}

/// `struct ifinfomsg`: family, type, index, flags and which of them are meant.
fn begin(batch: &mut Batch, kind: u16, message_flags: u16, index: u32, flags: u32) -> Request<'_> {
    let mut request = batch.begin(kind, message_flags);
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&flags.to_ne_bytes());
    request.bytes(&header);
    request
}
