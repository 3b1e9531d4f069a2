//! Scripts around the life of the whole program, and FIFOs that others read its news from.

use crate::command::{Command, RunAs};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `startup_script` and `shutdown_script`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Hooks {
    /// `startup_script`: before the first process is started.
    pub startup: Option<Command>,
    /// `startup_script_timeout`: then it is ended.
    pub startup_timeout: Duration,
    /// `shutdown_script`: after the last process has ended.
    pub shutdown: Option<Command>,
    /// `shutdown_script_timeout`: then it is ended.
    pub shutdown_timeout: Duration,
}

impl Default for Hooks {
    /// keepalived's defaults.
    fn default() -> Self {
        let ten = Duration::from_secs(10);
        Hooks { startup: None, startup_timeout: ten, shutdown: None, shutdown_timeout: ten }
    }
}

/// `*notify_fifo*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Fifos {
    /// `notify_fifo`: all that happens.
    pub all: Fifo,
    /// `vrrp_notify_fifo`: what happens to instances and sync groups.
    pub vrrp: Fifo,
    /// `lvs_notify_fifo`: what happens to virtual and real servers.
    pub lvs: Fifo,
}

/// A FIFO.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Fifo {
    /// Its path; without one there is none.
    pub path: Option<String>,
    /// Whose it is; as with scripts that name nobody.
    pub owner: Option<RunAs>,
    /// `*_script`: is started with the path behind its arguments, and reads it.
    pub reader: Option<Command>,
}
