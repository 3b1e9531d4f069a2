//! Reload.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a new configuration is taken over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Reload {
    /// `reload_as_keepalived`: what can be read of a file with errors is carried out.
    pub as_keepalived: bool,
    /// `reload_check_config`: check the file first, and stay with what runs if it is faulty; what is wrong is
    /// written to this file.
    pub check_config: Option<String>,
    /// `reload_time_file`: a file that holds the time of the next reload.
    pub time_file: Option<String>,
    /// `reload_repeat`: that file stays, and counts again the next day.
    pub repeat: bool,
    /// `reload_file`: exists while a reload is under way; empty for keepalived's own name.
    pub file: Option<String>,
}
