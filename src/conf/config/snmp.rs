//! SNMP.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Which tables are offered, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Snmp {
    /// `snmp_socket`: the master agent's; `unix:/var/agentx/master` without.
    pub socket: Option<String>,
    /// `enable_snmp_vrrp` (once `enable_snmp_keepalived`): keepalived's own table of VRRP.
    pub vrrp: bool,
    /// `enable_snmp_checker`: keepalived's own table of virtual servers.
    pub checker: bool,
    /// `enable_snmp_rfcv2`: RFC 2787.
    pub rfc_v2: bool,
    /// `enable_snmp_rfcv3`: RFC 6527.
    pub rfc_v3: bool,
    /// `enable_traps`.
    pub traps: bool,
    /// `snmp_vs_stats_update_interval`: how old a virtual server's counters may be.
    pub vs_stats_interval: Duration,
    /// `snmp_rs_stats_update_interval`: the same of a real server; that of virtual servers without.
    pub rs_stats_interval: Option<Duration>,
}

impl Default for Snmp {
    /// keepalived's defaults.
    fn default() -> Self {
        Snmp {
            socket: None,
            vrrp: false,
            checker: false,
            rfc_v2: false,
            rfc_v3: false,
            traps: false,
            vs_stats_interval: Duration::from_secs(5),
            rs_stats_interval: None,
        }
    }
}
