//! D-Bus.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `enable_dbus` and its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Dbus {
    /// `enable_dbus`.
    pub enabled: bool,
    /// `dbus_service_name`.
    pub service_name: String,
    /// `dbus_no_interface_name`: stands in the path of instances without an interface.
    pub no_interface_name: String,
}

impl Default for Dbus {
    /// keepalived's defaults.
    fn default() -> Self {
        Dbus {
            enabled: false,
            service_name: "org.keepalived.Vrrp1".to_owned(),
            no_interface_name: "none".to_owned(),
        }
    }
}
