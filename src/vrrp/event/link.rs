//! Interfaces: those that are there, and those that this program makes on top of them.

use super::{IfIndex, Name};
use crate::net::{IpNet, MacAddr};
use crate::vrrp::config::IpvlanMode;
use serde::{Deserialize, Serialize};

/// An interface as far as VRRP cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its name: what a configuration calls it.
    pub name: Name,
    /// Its number.
    pub index: IfIndex,
    /// Up, with carrier.
    pub up: bool,
    /// The longest IP packet that it carries, in bytes.
    pub mtu: u32,
    /// Its Ethernet address; without one there is nobody to announce anything to.
    pub mac: Option<MacAddr>,
    /// This host forwards IPv6 that arrives there.
    pub forwards: bool,
    /// The routing table of a VRF.
    #[serde(default)]
    pub table: Option<u32>,
    /// What it is made of.
    #[serde(default)]
    pub make: Make,
    /// Settings of IPv4 on it.
    #[serde(default)]
    pub v4: Settings,
}

/// Settings of IPv4 on an interface (`net.ipv4.conf.NAME.*`), as far as they matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `arp_ignore`
    pub arp_ignore: u32,
    /// `arp_filter`
    pub arp_filter: u32,
    /// `arp_announce`
    #[serde(default)]
    pub arp_announce: u32,
    /// `promote_secondaries`
    pub promote_secondaries: u32,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Setting {
    /// `arp_ignore`: which ARP requests are answered; 1: those for the interface's own addresses.
    ArpIgnore,
    /// `arp_filter`: whether only the interface answers by which the answer's address is reached.
    ArpFilter,
    /// `arp_announce`: whose address a request names as its sender; 2: one of the interface's own.
    ArpAnnounce,
    /// `promote_secondaries`: whether secondary addresses outlive their primary one.
    PromoteSecondaries,
}

impl Settings {
    /// The value of one.
    #[must_use]
    pub const fn get(&self, setting: Setting) -> u32 {
        match setting {
            Setting::ArpIgnore => self.arp_ignore,
            Setting::ArpFilter => self.arp_filter,
            Setting::ArpAnnounce => self.arp_announce,
            Setting::PromoteSecondaries => self.promote_secondaries,
        }
    }

    /// Notes another value.
    pub const fn set(&mut self, setting: Setting, value: u32) {
        match setting {
            Setting::ArpIgnore => self.arp_ignore = value,
            Setting::ArpFilter => self.arp_filter = value,
            Setting::ArpAnnounce => self.arp_announce = value,
            Setting::PromoteSecondaries => self.promote_secondaries = value,
        }
    }
}

/// What an interface is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Make {
    /// Its kind, as far as it matters.
    pub kind: LinkKind,
    /// The interface that it lies on, where that is in this namespace.
    pub below: Option<IfIndex>,
    /// The bridge, bond or VRF that it belongs to.
    pub controller: Option<IfIndex>,
    /// Its group (`ip link set … group`).
    pub group: u32,
    /// It carries our mark: this program made it, now or before it was restarted.
    #[serde(default)]
    pub ours: bool,
}

/// A kind of interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkKind {
    /// None of the others.
    #[default]
    Other,
    /// A macvlan of private mode: what VMACs are.
    PrivateMacvlan,
    /// A macvlan of another mode.
    Macvlan,
    /// An ipvlan of mode L2, with its flags.
    IpvlanL2(IpvlanMode),
    /// Another ipvlan.
    Ipvlan,
    /// A VRF.
    Vrf,
}

impl LinkKind {
    /// Whether it may be removed to make room for one of ours: it holds nothing that can't be made again.
    #[must_use]
    pub const fn is_overlay(self) -> bool {
        matches!(
            self,
            LinkKind::PrivateMacvlan | LinkKind::Macvlan | LinkKind::IpvlanL2(_) | LinkKind::Ipvlan
        )
    }
}

/// An interface that this program makes for an instance: a VMAC (`use_vmac`), or an ipvlan (`use_ipvlan`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnLink {
    /// Its name.
    pub name: Name,
    /// The name of the interface that it lies on.
    pub base: Name,
    /// What it is.
    pub kind: OwnKind,
    /// Its group; that of the interface below where it is `None`.
    pub group: Option<u32>,
    /// IPv4 virtual addresses live on it: it answers for them, and for nothing else.
    pub v4: bool,
    /// IPv6 is switched on: there are IPv6 addresses on it.
    pub v6: bool,
    /// The address that adverts come from, set as long as the interface is there.
    pub address: OwnAddress,
    /// `netlink_notify_msg`: whoever follows the interface below is told of it once more when this one was made or
    /// removed: some drivers become promiscuous without a word.
    pub notify: bool,
}

/// The kind of an interface of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OwnKind {
    /// A macvlan of private mode with this Ethernet address.
    Macvlan(MacAddr),
    /// An ipvlan of mode L2.
    Ipvlan(IpvlanMode),
}

/// The address of an interface of our own that is no virtual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OwnAddress {
    /// None: adverts of IPv4 come from the address of the interface below.
    None,
    /// The link-local one of the interface below, or one made of its Ethernet address (RFC 9568 §7.4: never one made of
    /// the virtual router's).
    LinkLocalOfBase,
    /// This one.
    Fixed(IpNet),
}
