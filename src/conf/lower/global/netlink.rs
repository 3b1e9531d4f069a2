//! Receive buffers of netlink sockets.

use super::super::Lower;
use super::set;
use crate::conf::config::Netlink;
use crate::conf::tree::Statement;

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(cx: &mut Lower<'_, '_>, statement: &Statement, name: &str, netlink: &mut Netlink) -> bool {
    let (of, force) = match name.strip_suffix("_force") {
        Some(of) => (of, true),
        None => (name, false),
    };
    let buffer = match of {
        "vrrp_netlink_cmd_rcv_bufs" => &mut netlink.vrrp_cmd,
        "vrrp_netlink_monitor_rcv_bufs" => &mut netlink.vrrp_monitor,
        "lvs_netlink_cmd_rcv_bufs" => &mut netlink.lvs_cmd,
        "lvs_netlink_monitor_rcv_bufs" => &mut netlink.lvs_monitor,
        "process_monitor_rcv_bufs" => &mut netlink.process_monitor,
        _ => return false,
    };
    if force {
        set(&mut buffer.force, cx.flag(statement));
    } else if let Some(bytes) = cx.u32(statement).filter(|&bytes| bytes > 0) {
        buffer.bytes = Some(bytes);
    }
    true
}
