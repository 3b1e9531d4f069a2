//! `garp_*`: counts and delays of gratuitous ARPs.

use super::super::Lower;
use super::super::global::{repeat, set};
use crate::conf::tree::Statement;
use crate::vrrp::config::Garp;

/// One of the `garp_*` keywords.
pub(super) fn statement(cx: &mut Lower<'_, '_>, keyword: &str, statement: &Statement, garp: &mut Garp) {
    match keyword {
        "garp_master_delay" => set(&mut garp.master_delay, cx.seconds(statement)),
        "garp_master_repeat" => set(&mut garp.master_repeat, repeat(cx, statement)),
        "garp_master_refresh" => set(&mut garp.refresh, cx.seconds(statement)),
        "garp_master_refresh_repeat" => set(&mut garp.refresh_repeat, repeat(cx, statement)),
        "garp_lower_prio_delay" => set(&mut garp.lower_prio_delay, cx.seconds(statement)),
        "garp_lower_prio_repeat" => set(&mut garp.lower_prio_repeat, cx.u32(statement)),
        _ => {}
    }
}
