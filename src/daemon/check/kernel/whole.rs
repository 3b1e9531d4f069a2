//! What concerns the kernel's table as a whole, others' services and all.

use super::Kernel;
use crate::check::config;
use crate::conf::config::Buffer;
use crate::daemon::buffers;
use crate::ipvs::model::Timeouts;
use crate::ipvs::operation::Operation;
use crate::time::Instant;
use std::mem;
use tracing::error;

const CMD_BUFFER: &str = "lvs_netlink_cmd_rcv_bufs";

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
    /// had before; as soon as it can be asked to.
    pub(in super::super) fn set_timeouts(&mut self, now: Instant, wanted: config::Timeouts) {
        self.timeouts.wanted = wanted;
        self.timeouts.is_due = wanted != config::Timeouts::default() || self.timeouts.before.is_some();
        if self.timeouts.is_due && self.connect(now) {
            self.settle();
        }
    }

    /// At the end, idle connections are forgotten as they were before.
    pub(super) fn restore_timeouts(&mut self) {
        let Some(client) = &mut self.client else { return };
        let Some(before) = self.timeouts.before.take() else { return };
        for failed in client.execute(&[Operation::SetTimeouts(before)]) {
            error!("lvs_timeouts: {}", failed.failure);
        }
    }

    /// How much of the kernel's answers may wait (`lvs_netlink_cmd_rcv_bufs`).
    pub(in super::super) fn set_buffer(&mut self, buffer: Buffer) {
        self.buffer = buffer;
        if let Some(client) = &self.client {
            buffers::grow(CMD_BUFFER, buffer, client);
        }
    }

    /// Does what waited for a connection.
    pub(super) fn settle(&mut self) {
        let Some(client) = &mut self.client else { return };
        buffers::grow(CMD_BUFFER, self.buffer, client);
        let IdleTimeouts { wanted, before, is_due } = &mut self.timeouts;
        if !mem::take(is_due) {
            return;
        }
        let timeouts = if *wanted == config::Timeouts::default() {
            before.take().unwrap_or_default()
        } else {
            if before.is_none() {
                *before = client.timeouts().ok();
            }
            // 0 leaves one as it is.
            let own = before.unwrap_or_default();
            Timeouts {
                tcp: wanted.tcp.unwrap_or(own.tcp),
                tcp_fin: wanted.tcp_fin.unwrap_or(own.tcp_fin),
                udp: wanted.udp.unwrap_or(own.udp),
            }
        };
        for failed in client.execute(&[Operation::SetTimeouts(timeouts)]) {
            error!("lvs_timeouts: {}", failed.failure);
        }
    }
}

/// `lvs_timeouts`
#[derive(Default)]
pub(super) struct IdleTimeouts {
    wanted: config::Timeouts,
    /// The kernel's own, where others were set.
    before: Option<Timeouts>,
    /// The kernel is still to be asked.
    is_due: bool,
}
