//! What concerns the kernel's table as a whole, others' services and all.

use super::Kernel;
use crate::check::config;
use crate::ipvs::model::Timeouts;
use crate::ipvs::operation::Operation;
use crate::time::Instant;
use tracing::error;

impl Kernel {
    /// Empties the whole table, others' services and all (`lvs_flush`).
    pub(in super::super) fn flush(&mut self, now: Instant) {
        if !self.connect(now) {
            return;
        }
        let Some(client) = &mut self.client else { return };
        for failed in client.execute(&[Operation::Flush]) {
            error!("lvs_flush: {}", failed.failure);
        }
    }

    /// Lets the kernel forget idle connections after these times (`lvs_timeouts`), or, without any, after those that it
    /// had before.
    pub(in super::super) fn set_timeouts(&mut self, now: Instant, wanted: config::Timeouts) {
        let is_wanted = wanted != config::Timeouts::default();
        if !is_wanted && self.timeouts.is_none() || !self.connect(now) {
            return;
        }
        let Some(client) = &mut self.client else { return };
        let timeouts = if is_wanted {
            if self.timeouts.is_none() {
                self.timeouts = client.timeouts().ok();
            }
            let (tcp, tcp_fin, udp) = (wanted.tcp, wanted.tcp_fin, wanted.udp);
            // 0 leaves one as it is.
            Timeouts { tcp: tcp.unwrap_or(0), tcp_fin: tcp_fin.unwrap_or(0), udp: udp.unwrap_or(0) }
        } else {
            self.timeouts.take().unwrap_or_default()
        };
        for failed in client.execute(&[Operation::SetTimeouts(timeouts)]) {
            error!("lvs_timeouts: {}", failed.failure);
        }
    }
}
