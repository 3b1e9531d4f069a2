//! What `global_defs` says of the check process as a whole.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings of the check process that belong to no virtual server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Settings {
    /// `lvs_timeouts`: what the kernel's connection table is told at start.
    pub timeouts: Timeouts,
    /// `lvs_flush`: empty the kernel's table at start.
    pub flush: bool,
    /// `lvs_flush_on_stop`: how the table is left behind.
    pub flush_on_stop: FlushOnStop,
    /// `lvs_drift off`: what others change in our services of the kernel's table is not looked for.
    pub leave_drift: bool,
    /// `lvs_drift_interval`: how often it is looked for; once a minute where nothing is said.
    pub drift_interval: Option<Duration>,
    /// `smtp_alert_checker`, else `smtp_alert`: what holds where a virtual or real server says nothing of mails.
    pub smtp_alert: Option<bool>,
    /// `no_checker_emails`: no mail for each checker, only for real servers.
    pub no_checker_emails: bool,
    /// `checker_log_all_failures`: log every failed try, not only the last.
    pub log_all_failures: bool,
    /// `rs_init_notifies`: run the notify scripts of real servers at start too.
    pub rs_init_notifies: bool,
}

/// `lvs_timeouts`, in seconds; `None` leaves the kernel's as it is, and so does 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Timeouts {
    /// `tcp`: idle connections.
    pub tcp: Option<u32>,
    /// `tcpfin`: connections after a FIN.
    pub tcp_fin: Option<u32>,
    /// `udp`.
    pub udp: Option<u32>,
}

/// `lvs_flush_on_stop`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum FlushOnStop {
    /// Remove what the file configures, server by server.
    #[default]
    Each,
    /// `VS`: remove the virtual servers of the file, each with its servers at once.
    VirtualServers,
    /// Empty the whole table.
    Everything,
}
