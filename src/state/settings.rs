//! What a configuration says beside instances and virtual servers, kept for those who show it.

use crate::check;
use crate::conf::Config;
use crate::conf::config::Global;
use crate::vrrp;

/// What was asked for of the whole program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `global_defs`, but for what one domain alone needs.
    pub global: Global,
    /// The VRRP worker's; the instances are not here.
    pub vrrp: vrrp::Config,
    /// The check worker's.
    pub check: check::config::Settings,
    /// `SSL`: what its checks show and trust; without the key's password.
    pub ssl: check::config::Ssl,
}

impl Settings {
    /// Of a configuration. What is large in it is not copied.
    #[must_use]
    pub fn of(config: &Config) -> Settings {
        let vrrp::Config {
            instances: _,
            defaults,
            settings,
            sync_groups,
            track_groups,
            scripts,
            track_files,
            track_processes,
            statics,
            garp_groups,
            link_delays,
            linkbeat,
            serving: _,
        } = &config.vrrp;
        Settings {
            global: config.global.clone(),
            vrrp: vrrp::Config {
                instances: Vec::new(),
                defaults: defaults.clone(),
                settings: settings.clone(),
                sync_groups: sync_groups.clone(),
                track_groups: track_groups.clone(),
                scripts: scripts.clone(),
                track_files: track_files.clone(),
                track_processes: track_processes.clone(),
                statics: statics.clone(),
                garp_groups: garp_groups.clone(),
                link_delays: link_delays.clone(),
                linkbeat: linkbeat.clone(),
                serving: Default::default(),
            },
            check: config.check.settings.clone(),
            ssl: check::config::Ssl {
                password: config.check.ssl.password.as_ref().map(|_| "********".to_owned()),
                ..config.check.ssl.clone()
            },
        }
    }
}
