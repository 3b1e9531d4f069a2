//! Receive buffers of netlink sockets (`*_rcv_bufs`).

use crate::conf::config::Buffer;
use crate::netlink;
use std::os::fd::AsFd;
use tracing::warn;

/// Makes room for as much as the configuration says.
pub(super) fn grow(keyword: &str, Buffer { bytes, force }: Buffer, socket: &impl AsFd) {
    if let Some(Err(error)) = bytes.map(|bytes| netlink::grow_receive_buffer(socket, bytes, force)) {
        warn!(%error, "{keyword} can't be set");
    }
}
