//! The contract between the language in front and the machines behind: one typed value for the whole file.

use crate::{check, vrrp};
use serde::{Deserialize, Serialize};

/// What a configuration means, every default resolved. Each domain owns its part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// `global_defs` that concern the process as a whole.
    pub global: Global,
    /// `vrrp_*` blocks.
    pub vrrp: vrrp::Config,
    /// `virtual_server*` blocks.
    pub check: check::Config,
}

/// `global_defs` that no single domain owns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Global {
    /// `router_id`: this machine's name in logs and mails; the host name if the file has none.
    pub router_id: Option<String>,
}
