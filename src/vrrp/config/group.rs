//! Groups of instances: those that change state together, and those that static addresses and routes follow.

use super::{Notify, Tracking};
use crate::vrrp::rare::Rare;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One `vrrp_sync_group` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SyncGroup {
    /// The block's name.
    pub name: String,
    /// `group`: the instances, by name; each is in no other sync group.
    pub instances: Vec<String>,
    /// `track_*`: what the states or the priorities of all its instances depend on.
    pub tracking: Tracking,
    /// `sync_group_tracking_weight`: weights change the priorities of its instances. Without it, what an instance
    /// tracks with a weight is not tracked.
    pub tracking_weight: bool,
    /// `notify*` and `smtp_alert`: who is told of the group's transitions.
    #[cfg_attr(feature = "schema", schemars(with = "Notify"))]
    pub notify: Rare<Notify>,
}

/// One `track_group` block: static addresses, routes and rules can follow the state of its instances' interfaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct TrackGroup {
    /// The block's name.
    pub name: String,
    /// `group`: the instances, by name.
    pub instances: Vec<String>,
}
