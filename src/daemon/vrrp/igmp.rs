//! `disable_local_igmp`: while we run, the kernel reports no membership of 224.0.0.0/24 (`igmp_link_local_mcast_reports`).

use crate::sys::settings;
use crate::vrrp::config::Settings;
use tracing::info;

const REPORTS: &str = "igmp_link_local_mcast_reports";

/// The kernel's setting, until this is dropped.
#[derive(Debug)]
pub(super) struct LocalIgmp {
    /// It was on before.
    was_on: bool,
}

impl LocalIgmp {
    /// Switches reports off, if the configuration says so. Where that fails, it is as if it did not.
    pub(super) fn switch_off(wanted: &mut Settings) -> LocalIgmp {
        let mut this = LocalIgmp { was_on: false };
        if !wanted.disable_local_igmp {
            return this;
        }
        let done = settings::read_v4_whole(REPORTS).and_then(|value| match value {
            0 => Ok(false),
            _ => settings::write_v4_whole(REPORTS, "0").map(|()| true),
        });
        match done {
            Ok(was_on) => this.was_on = was_on,
            Err(error) => {
                info!("disable_local_igmp has no effect: {error}");
                wanted.disable_local_igmp = false;
            }
        }
        this
    }
}

impl Drop for LocalIgmp {
    fn drop(&mut self) {
        if self.was_on
            && let Err(error) = settings::write_v4_whole(REPORTS, "1")
        {
            info!("reports of IGMP stay switched off: {error}");
        }
    }
}
