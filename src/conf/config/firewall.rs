//! Firewall: how addresses that we don't accept are closed, and how marks are set for virtual servers.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// nftables, iptables and ipsets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Firewall {
    /// `nftables`: the VRRP process's table.
    pub nftables: Option<Nftables>,
    /// `nftables_ipvs`: the check process's table.
    pub ipvs: Option<NftablesIpvs>,
    /// `nftables_counters`: each rule counts.
    pub counters: bool,
    /// `vrrp_iptables`.
    pub iptables: Option<Iptables>,
    /// `vrrp_ipsets`.
    pub ipsets: Ipsets,
}

/// `nftables [TABLE]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Nftables {
    /// Its name; it is ours alone.
    pub table: String,
    /// `nftables_priority` of its chains.
    pub priority: i32,
    /// `nftables_ifindex`: sets hold indexes of interfaces, not names.
    pub ifindex: bool,
}

/// `nftables_ipvs [TABLE]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct NftablesIpvs {
    /// Its name; it is ours alone.
    pub table: String,
    /// `nftables_ipvs_priority` of its chains.
    pub priority: i32,
    /// `nftables_ipvs_start_fwmark`: the first mark that is given to a group.
    pub start_fwmark: u32,
}

/// `vrrp_iptables [IN [OUT]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Iptables {
    /// The chain of arriving packets.
    pub input: String,
    /// The chain of leaving packets, if they are to be filtered.
    pub output: Option<String>,
}

/// `vrrp_ipsets`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Ipsets {
    /// Used where iptables is.
    #[default]
    Default,
    /// `vrrp_ipsets` without a name: not used.
    Off,
    /// Their names: IPv4 addresses, IPv6 addresses, IPv6 addresses with interfaces, IGMP, MLD, neighbour discovery.
    Named([String; 6]),
}
