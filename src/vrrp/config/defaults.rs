//! What `global_defs` says for every instance that says nothing itself.

use super::{Garp, Policy, Version};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// The `vrrp_*` keywords of `global_defs` that instances inherit. Each [`super::Instance`] holds its own result;
/// these are kept for what is made later, and for those who show a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Defaults {
    /// `vrrp_version`.
    pub version: Version,
    /// `vrrp_strict` and what else an instance's policy is made of.
    pub policy: Policy,
    /// `vrrp_garp_master_*`, `vrrp_garp_lower_prio_*` and `vrrp_min_garp`, all resolved.
    pub garp: Garp,
    /// `vrrp_garp_interval`: the least time between two gratuitous ARPs on an interface; zero for none.
    pub garp_interval: Duration,
    /// `vrrp_gna_interval`: the same for neighbour advertisements.
    pub gna_interval: Duration,
    /// `vrrp_garp_extra_if`: repeat them on interfaces other than the instance's.
    pub garp_extra_if: Option<GarpExtraIf>,
    /// `vrrp_mcast_group4`: where IPv4 adverts go; 224.0.0.18 without.
    pub mcast_group4: Option<Ipv4Addr>,
    /// `vrrp_mcast_group6`: where IPv6 adverts go; ff02::12 without.
    pub mcast_group6: Option<Ipv6Addr>,
    /// `vrrp_check_unicast_src`: adverts count only if they come from a peer.
    pub check_unicast_src: bool,
    /// `vrrp_notify_priority_changes`: tell the FIFOs about each change of priority.
    pub notify_priority_changes: bool,
    /// `vrrp_notify_split_brain`: tell the FIFOs and `notify` about a split brain.
    pub notify_split_brain: bool,
    /// `smtp_alert_vrrp`, else `smtp_alert`: mail at each change of state.
    pub smtp_alert: bool,
    /// `default_interface`: where static addresses go that name no interface.
    pub interface: String,
    /// `vmac_prefix`: how the names of VMAC interfaces begin.
    pub vmac_prefix: String,
    /// `vmac_addr_prefix`: the same for addresses away from the instance's interface; else `vmac_prefix`.
    pub vmac_addr_prefix: Option<String>,
}

/// `vrrp_garp_extra_if [all] SECONDS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct GarpExtraIf {
    /// How often.
    pub interval: Duration,
    /// `all`: on every interface with addresses of the instance, not on VMACs alone.
    pub all: bool,
}

impl Default for Defaults {
    /// keepalived's defaults.
    fn default() -> Self {
        Defaults {
            version: Version::default(),
            policy: Policy::default(),
            garp: Garp::default(),
            garp_interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            garp_extra_if: None,
            mcast_group4: None,
            mcast_group6: None,
            check_unicast_src: false,
            notify_priority_changes: false,
            notify_split_brain: false,
            smtp_alert: false,
            interface: "eth0".to_owned(),
            vmac_prefix: "vrrp".to_owned(),
            vmac_addr_prefix: None,
        }
    }
}
