//! Whom an instance or a sync group tells of its transitions.

use crate::command::Command;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `notify*` keywords and `smtp_alert`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Notify {
    /// `notify_master`: at the transition to master.
    pub master: Option<Box<Command>>,
    /// `notify_backup`: at the transition to backup.
    pub backup: Option<Box<Command>>,
    /// `notify_fault`: at the transition to fault.
    pub fault: Option<Box<Command>>,
    /// `notify_stop`: when the daemon stops.
    pub stop: Option<Box<Command>>,
    /// `notify_deleted`: a reload that drops the instance is told as such, not as a fault.
    pub at_deletion: bool,
    /// `notify_deleted COMMAND`: run then.
    pub deleted: Option<Box<Command>>,
    /// `notify_master_rx_lower_pri`: a master saw an advert of lower priority.
    pub master_rx_lower_pri: Option<Box<Command>>,
    /// `notify`: every transition, with type, name, state and priority behind its own arguments.
    pub any: Option<Box<Command>>,
    /// `notify_priority_changes`: changes of the priority go to the FIFOs too.
    pub priority_changes: bool,
    /// `vrrp_notify_split_brain`: the FIFOs and `notify` are told of a split brain, and of its end.
    pub split_brain: bool,
    /// `smtp_alert`: a mail for each transition.
    pub smtp_alert: bool,
}
