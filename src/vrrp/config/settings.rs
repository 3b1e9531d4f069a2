//! What `global_defs` says of the VRRP process as a whole.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Settings of the VRRP process that belong to no instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Settings {
    /// `vrrp_startup_delay`: instances begin so long after the start; zero for at once.
    pub startup_delay: Duration,
    /// `vrrp_delay_after_boot`: instances begin no sooner than so long after the machine came up.
    pub delay_after_boot: Duration,
    /// `log_unknown_vrids`: log adverts of routers that no instance is part of.
    pub log_unknown_vrids: bool,
    /// `dynamic_interfaces`: whether interfaces may be missing, or change.
    pub dynamic_interfaces: DynamicInterfaces,
    /// `disable_local_igmp`: tell the kernel not to report membership of 224.0.0.0/24.
    pub disable_local_igmp: bool,
    /// `no_email_faults`: no mail about instances in FAULT.
    pub no_email_faults: bool,
    /// `fifo_write_vrrp_states_on_reload`: write every state to the FIFOs again after a reload.
    pub fifo_states_on_reload: bool,
    /// `vrrp_rx_bufs_policy`: how large the receive buffers of adverts are.
    pub rx_buffers: RxBuffers,
    /// `vrrp_rx_bufs_multiplier`: how many adverts of each instance they hold.
    pub rx_buffers_multiplier: u32,
}

/// `dynamic_interfaces`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum DynamicInterfaces {
    /// Every interface named must be there at start.
    #[default]
    No,
    /// They may come and go.
    Yes,
    /// `allow_if_changes`: they may also come back as another kind of interface.
    AllowChanges,
}

/// `vrrp_rx_bufs_policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum RxBuffers {
    /// What the system gives.
    #[default]
    System,
    /// `MTU`: the interface's MTU, times the multiplier, for each instance.
    Mtu,
    /// `ADVERT`: the size of its advert, times the multiplier, for each instance.
    Advert,
    /// So many bytes.
    Bytes(u32),
}

impl Default for Settings {
    /// keepalived's defaults.
    fn default() -> Self {
        Settings {
            startup_delay: Duration::ZERO,
            delay_after_boot: Duration::ZERO,
            log_unknown_vrids: false,
            dynamic_interfaces: DynamicInterfaces::No,
            disable_local_igmp: false,
            no_email_faults: false,
            fifo_states_on_reload: false,
            rx_buffers: RxBuffers::System,
            rx_buffers_multiplier: 3,
        }
    }
}
