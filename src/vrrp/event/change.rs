//! What the kernel is to change, and why it did not.

use super::{Entry, IfIndex, Name, OwnLink, RoutePlace, Setting};
use crate::net::IpNet;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::config::route::Route;
use crate::vrrp::config::rule::Rule;
use crate::vrrp::shared::Shared;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One change of the kernel's addresses, routes, rules or links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Set it.
    Add {
        /// Where.
        interface: IfIndex,
        /// What.
        address: VirtualAddress,
    },
    /// Remove it.
    Remove {
        /// Where.
        interface: IfIndex,
        /// The interface's name.
        name: Name,
        /// What.
        net: IpNet,
        /// The other end that it has: without it the kernel does not find the address.
        peer: Option<IpAddr>,
    },
    /// Make an interface.
    AddLink(Box<NewLink>),
    /// Remove one that lies on top of another.
    RemoveLink {
        /// Which.
        interface: IfIndex,
        /// Its name.
        name: Name,
        /// The interface below is to be told of again.
        notify: Option<IfIndex>,
    },
    /// Set settings of IPv4 on an interface.
    Set {
        /// Which interface.
        interface: IfIndex,
        /// Its name.
        name: Name,
        /// Which settings, and their values.
        settings: Shared<[(Setting, u32)]>,
    },
    /// Check the reverse path of packets as it was before, or on each interface by its own setting alone: a VMAC takes
    /// packets that would be answered elsewhere, and the setting of all interfaces together would rule that out.
    CheckReversePaths(bool),
    /// Keep IGMP, MLD and router solicitations from leaving by an interface of our own, or no more: reports of groups leave
    /// by the interface below instead.
    Muzzle {
        /// Its name.
        name: Name,
        /// Which.
        interface: IfIndex,
        /// The interface below.
        below: IfIndex,
        /// IGMP.
        v4: bool,
        /// MLD and router solicitations.
        v6: bool,
        /// From now on, or no more.
        on: bool,
    },
    /// Keep packets from an address that is not accepted (`no_accept`), or no more.
    Shut {
        /// The name of its interface.
        name: Name,
        /// Which.
        address: IpAddr,
        /// Only there, where the address is one of that link alone.
        interface: Option<IfIndex>,
        /// From now on, or no more.
        on: bool,
    },
    /// Add a route.
    AddRoute {
        /// Which.
        route: Shared<Route>,
        /// Where.
        place: RoutePlace,
    },
    /// Remove a route.
    RemoveRoute {
        /// Which.
        route: Shared<Route>,
        /// Where.
        place: RoutePlace,
    },
    /// Add a rule.
    AddRule {
        /// Which.
        rule: Shared<Rule>,
    },
    /// Remove a rule.
    RemoveRule {
        /// Which.
        rule: Shared<Rule>,
    },
}

impl Change {
    /// Whether it sets something.
    #[must_use]
    pub const fn adds(&self) -> bool {
        matches!(self, Change::Add { .. } | Change::AddRoute { .. } | Change::AddRule { .. })
    }

    /// The route or rule that it is about.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        match self {
            Change::AddRoute { route, .. } | Change::RemoveRoute { route, .. } => {
                Some(Entry::Route(route.clone()))
            }
            Change::AddRule { rule } | Change::RemoveRule { rule } => Some(Entry::Rule(rule.clone())),
            _ => None,
        }
    }
}

/// An interface to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLink {
    /// What it is to be.
    pub link: OwnLink,
    /// The interface below.
    pub base: IfIndex,
    /// The VRF that it is to belong to.
    pub vrf: Option<IfIndex>,
    /// Its group.
    pub group: u32,
}

/// Why the kernel did not make a [`Change`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// It is there already.
    #[error("it is there already")]
    Exists,
    /// It is not there.
    #[error("it is not there")]
    NotThere,
    /// The interface is not there any more.
    #[error("the interface does not exist any more")]
    NoInterface,
    /// The kernel had no memory for it: no fault of what was asked for.
    #[error("the kernel is out of memory")]
    NoMemory,
    /// Anything else, in words.
    #[error("{0}")]
    Other(Shared<str>),
}
