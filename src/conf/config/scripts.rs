//! Under which conditions scripts run.

use crate::command::RunAs;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `enable_script_security` and `script_user`. What each script runs as stands with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Scripts {
    /// `enable_script_security`: what would run as root, and others than root can write to, does not run.
    pub security: bool,
    /// `script_user`: who runs what names nobody; `keepalived_script` if there is such a user, else the daemon's own.
    pub user: Option<RunAs>,
    /// `set_supplementary_groups`: scripts get the other groups of their user too.
    pub supplementary_groups: bool,
}
