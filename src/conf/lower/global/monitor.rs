//! SNMP and D-Bus.

use super::super::Lower;
use super::{Firsts, put, set};
use crate::conf::config::Global;
use crate::conf::tree::Statement;

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    name: &str,
    global: &mut Global,
    firsts: &mut Firsts,
) -> bool {
    let (snmp, dbus) = (&mut global.snmp, &mut global.dbus);
    match name {
        "snmp_socket" => {
            if let Some(socket) = cx.only_text(statement)
                && firsts.is_first(cx, statement, snmp.socket.is_some())
            {
                snmp.socket = Some(socket);
            }
        }
        "enable_snmp_vrrp" => snmp.vrrp = cx.present(statement),
        "enable_snmp_checker" => snmp.checker = cx.present(statement),
        "enable_snmp_rfc" => {
            let on = cx.present(statement);
            (snmp.rfc_v2, snmp.rfc_v3) = (on, on);
        }
        "enable_snmp_rfcv2" => snmp.rfc_v2 = cx.present(statement),
        "enable_snmp_rfcv3" => snmp.rfc_v3 = cx.present(statement),
        "enable_traps" => snmp.traps = cx.present(statement),
        "snmp_vs_stats_update_interval" => set(&mut snmp.vs_stats_interval, cx.timer(statement)),
        "snmp_rs_stats_update_interval" => put(&mut snmp.rs_stats_interval, cx.timer(statement)),
        "enable_dbus" => dbus.enabled = cx.present(statement),
        "dbus_service_name" => set(&mut dbus.service_name, cx.name(statement)),
        "dbus_no_interface_name" => set(&mut dbus.no_interface_name, cx.name(statement)),
        _ => return false,
    }
    true
}
