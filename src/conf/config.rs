//! The contract between the language in front and the machines behind: one typed value for the whole file.
//!
//! What one domain alone needs stands with it (`vrrp::Config`, `check::Config`); what belongs to the process or to
//! several stands in [`Global`], by subject.

mod dbus;
mod files;
mod firewall;
mod hooks;
mod mail;
mod netlink;
mod process;
mod reload;
mod scripts;
mod snmp;
mod sync_daemon;

pub use dbus::Dbus;
pub use files::{Files, JsonVersion};
pub use firewall::{Firewall, Ipsets, Iptables, Nftables, NftablesIpvs};
pub use hooks::{Fifo, Fifos, Hooks};
pub use mail::{Mail, SmtpLogin, SmtpPassword, SmtpServer, SmtpTls};
pub use netlink::{Buffer, Netlink};
pub use process::{Instancing, IpvsNamespace, Process, Processes};
pub use reload::Reload;
pub use scripts::Scripts;
pub use snmp::Snmp;
pub use sync_daemon::SyncDaemon;

use crate::{bfd, check, vrrp};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a configuration means, every default resolved. Each domain owns its part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Config {
    /// `global_defs` that concern the process as a whole.
    pub global: Global,
    /// `vrrp_*` blocks.
    pub vrrp: vrrp::Config,
    /// `virtual_server*` blocks.
    pub check: check::Config,
    /// `bfd_instance` blocks.
    pub bfd: bfd::Config,
}

/// `global_defs`, and the keywords at the top of the file, that no single domain owns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Global {
    /// `router_id`: this machine's name in logs and mails; the host name if the file has none.
    pub router_id: Option<String>,
    /// `instance`, `net_namespace` and the like: how several of us live on one machine.
    pub instancing: Instancing,
    /// Names, priorities and limits of the processes.
    pub processes: Processes,
    /// `notification_email*`, `smtp_*`.
    pub mail: Mail,
    /// `enable_snmp_*`, `snmp_*`.
    pub snmp: Snmp,
    /// `enable_dbus`, `dbus_*`.
    pub dbus: Dbus,
    /// `startup_script`, `shutdown_script`.
    pub hooks: Hooks,
    /// `*notify_fifo*`.
    pub fifos: Fifos,
    /// `*_rcv_bufs`.
    pub netlink: Netlink,
    /// `nftables*`, `vrrp_iptables`, `vrrp_ipsets`.
    pub firewall: Firewall,
    /// `reload_*`.
    pub reload: Reload,
    /// `lvs_sync_daemon`, or `lvs_sync_daemon_interface` of an instance.
    pub sync_daemon: Option<SyncDaemon>,
    /// `enable_script_security`, `script_user`.
    pub scripts: Scripts,
    /// Where files are read and written, and how.
    pub files: Files,
    /// `linkbeat_use_polling`: ask the drivers for the link's state instead of listening to netlink.
    pub linkbeat_use_polling: bool,
    /// `random_seed`: what `${_RANDOM}` starts from; the time without.
    pub random_seed: Option<u32>,
}
