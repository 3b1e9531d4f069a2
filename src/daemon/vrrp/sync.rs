//! `lvs_sync_daemon` with an instance: its master sends the connections that the kernel balances, a backup takes them in.

use crate::conf::Config;
use crate::conf::config::SyncDaemon;
use crate::daemon::sync_daemon::{SyncDaemons, daemon};
use crate::ipvs::model::DaemonState;
use crate::vrrp::Router;

/// The daemon that follows, if one does.
#[derive(Debug)]
pub(super) struct Sync {
    config: Option<SyncDaemon>,
    /// What it was last told: the configuration has not changed since.
    role: Option<DaemonState>,
    daemons: SyncDaemons,
}

impl Sync {
    pub(super) fn new(config: &Config) -> Sync {
        let mut sync = Sync { config: None, role: None, daemons: SyncDaemons::default() };
        sync.configure(config);
        sync
    }

    /// From now on it is this one.
    pub(super) fn configure(&mut self, config: &Config) {
        self.config = config.global.sync_daemon.clone().filter(|daemon| daemon.instance.is_some());
        self.role = None;
        if self.config.is_none() {
            self.daemons.want(Vec::new());
        }
    }

    /// Looks at the instance. One that a predecessor of this process left as master, and that still has its addresses, has
    /// its connections, too.
    pub(super) fn follow(&mut self, router: &Router) {
        let Some(config) = &self.config else { return };
        let Some(instance) = config.instance.as_deref().and_then(|name| router.instance(name)) else {
            return;
        };
        let role = if instance.wants_addresses() { DaemonState::Master } else { DaemonState::Backup };
        if self.role.replace(role) != Some(role) {
            self.daemons.want(vec![daemon(config, role)]);
        }
    }

    /// The end: nothing is synchronised any more.
    pub(super) fn finish(&mut self) {
        self.daemons.finish(self.config.is_some());
    }
}
