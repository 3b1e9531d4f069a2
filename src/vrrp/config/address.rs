//! Addresses that are set on interfaces: lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and
//! `static_ipaddress`.

use super::Name;
use crate::net::{Family, IpNet};
use crate::vrrp::rare::Rare;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct VirtualAddress {
    /// The address with its prefix length (/32 or /128 where the file names none).
    pub net: IpNet,
    /// `dev`: the instance's interface unless the line names another.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub interface: Name,
    /// `brd`: `None` sets none.
    #[cfg_attr(feature = "schema", schemars(with = "Option<IpAddr>"))]
    pub broadcast: Rare<Option<IpAddr>>,
    /// `scope` as the kernel numbers it: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// `label`: alias name, shown as `eth0:label` by old tools.
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub label: Rare<Option<String>>,
    /// `peer`: the other end of a point-to-point link.
    #[cfg_attr(feature = "schema", schemars(with = "Option<IpAddr>"))]
    pub peer: Rare<Option<IpAddr>>,
    /// Flags of the kernel's address.
    pub flags: AddressFlags,
    /// `preferred_lft`: how long the address may be the source of new connections.
    pub preferred_lft: Lifetime,
    /// Not `no_track`: the instance leaves master state when somebody deletes the address.
    pub tracked: bool,
    /// `use_vmac`: on a VMAC of its own on the interface that `dev` names.
    pub use_vmac: bool,
}

impl VirtualAddress {
    /// An address on an interface, everything else as keepalived has it without options.
    #[must_use]
    pub fn new(net: IpNet, interface: impl Into<Name>) -> VirtualAddress {
        VirtualAddress {
            net,
            interface: interface.into(),
            broadcast: Rare::default(),
            scope: 0,
            label: Rare::default(),
            peer: Rare::default(),
            flags: AddressFlags::default(),
            preferred_lft: Lifetime::default_of(net),
            tracked: true,
            use_vmac: false,
        }
    }
}

/// Flags of an address (`if_addr.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct AddressFlags {
    /// `home`: the home address of Mobile IPv6 (`IFA_F_HOMEADDRESS`).
    pub home: bool,
    /// `-nodad`: duplicate address detection is done all the same; keepalived sets VIPs with `IFA_F_NODAD`.
    pub detect_duplicates: bool,
    /// `mngtmpaddr`: template for temporary addresses (`IFA_F_MANAGETEMPADDR`).
    pub manage_temporary: bool,
    /// `noprefixroute`: no route to its network comes with it (`IFA_F_NOPREFIXROUTE`).
    pub no_prefix_route: bool,
    /// `autojoin`: a multicast address that the kernel joins (`IFA_F_MCAUTOJOIN`).
    pub autojoin: bool,
}

/// How long an address is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Lifetime {
    /// For ever.
    Forever,
    /// So many seconds; 0 makes it deprecated from the beginning.
    Seconds(u32),
}

impl Lifetime {
    /// Without `preferred_lft`: an IPv6 address that stands alone (/128) is deprecated, so that the router does not
    /// take it as the source of its own connections.
    #[must_use]
    pub fn default_of(net: IpNet) -> Lifetime {
        match Family::of(net.address) {
            Family::V6 if net.prefix_len == Family::V6.bits() => Lifetime::Seconds(0),
            Family::V4 | Family::V6 => Lifetime::Forever,
        }
    }
}
