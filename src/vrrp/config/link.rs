//! The instance's link: what it minds of its interface, and the links that are made on top of it.

use super::defaults::GarpExtraIf;
use crate::net::{IpNet, MacAddr};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an instance does with its interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Link {
    /// `vrf`: the VRF of unicast adverts where no interface is named.
    pub vrf: Option<String>,
    /// `use_vmac`: a macvlan with the virtual router's own MAC address.
    pub vmac: Option<Vmac>,
    /// `use_ipvlan`: an ipvlan.
    pub ipvlan: Option<Ipvlan>,
    /// `use_vmac_addr`: a macvlan for each virtual address away from the instance's interface, too.
    pub vmac_for_addresses: bool,
    /// `vmac_xmit_base`: adverts use the interface below the macvlan or ipvlan.
    pub transmit_on_base: bool,
    /// `garp_extra_if`: gratuitous ARPs are repeated on interfaces other than the instance's.
    pub garp_extra: Option<GarpExtraIf>,
    /// `dont_track_primary`: the interface may go down without consequences.
    pub ignore_faults: bool,
    /// `track_src_ip`: no FAULT without, and FAULT once it is gone: the source address that is configured.
    pub track_source: bool,
    /// `promote_secondaries`: the kernel keeps secondary addresses when their primary one goes.
    pub promote_secondaries: bool,
    /// `linkbeat_use_polling` (deprecated): ask the driver for its link state at intervals.
    pub linkbeat_polling: bool,
    /// `lvs_sync_daemon_interface` (deprecated): where IPVS connections are synchronised while master.
    pub lvs_sync_interface: Option<String>,
    /// `kernel_rx_buf_size`: bytes of the receive buffer.
    pub receive_buffer: Option<u32>,
}

impl Link {
    /// The name of the link of its own, where it has one and its name is given (or was found: `vrrp::overlay`).
    #[must_use]
    pub fn own_name(&self) -> Option<&str> {
        let vmac = self.vmac.as_ref().and_then(|vmac| vmac.name.as_deref());
        vmac.or_else(|| self.ipvlan.as_ref().and_then(|ipvlan| ipvlan.name.as_deref()))
    }
}

/// `use_vmac [NAME] [MAC] [group GROUP] [netlink_notify_msg]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Vmac {
    /// The link's name; made of `vmac_prefix` and the VRID otherwise.
    pub name: Option<String>,
    /// Its address; 00:00:5e:00:01:VRID (IPv6: 00:00:5e:00:02:VRID) otherwise.
    pub mac: Option<MacAddr>,
    /// The link's group, as the kernel numbers it.
    pub group: Option<u32>,
    /// `netlink_notify_msg`: the kernel tells neighbours of the addresses when the link changes.
    pub notify_neighbours: bool,
}

/// `use_ipvlan [NAME] [ADDRESS] [bridge|private|vepa] [group GROUP]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Ipvlan {
    /// The link's name; made of `vmac_prefix` and the VRID otherwise.
    pub name: Option<String>,
    /// The link's own address: needed for IPv4, link-local otherwise.
    pub address: Option<IpNet>,
    /// Whom it may talk to.
    pub mode: IpvlanMode,
    /// The link's group, as the kernel numbers it.
    pub group: Option<u32>,
}

/// The flags of an ipvlan of mode L2 (`if_link.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum IpvlanMode {
    /// Other ipvlans of the interface, too.
    #[default]
    Bridge,
    /// No other ipvlan of the interface.
    Private,
    /// Other ipvlans through the switch.
    Vepa,
}
