//! `garp_*`: counts and delays of gratuitous ARPs.

use super::super::Lower;
use super::super::global::{repeat, set};
use super::settings::Given;
use crate::conf::source::Span;
use crate::conf::tree::Statement;
use crate::vrrp::config::Garp;
use std::time::Duration;

/// One of the `garp_master_*` keywords.
pub(super) fn statement(cx: &mut Lower<'_, '_>, keyword: &str, statement: &Statement, garp: &mut Garp) {
    match keyword {
        "garp_master_delay" => set(&mut garp.master_delay, cx.seconds(statement)),
        "garp_master_repeat" => set(&mut garp.master_repeat, repeat(cx, statement)),
        "garp_master_refresh" => set(&mut garp.refresh, cx.seconds(statement)),
        "garp_master_refresh_repeat" => set(&mut garp.refresh_repeat, repeat(cx, statement)),
        _ => {}
    }
}

/// How announcements are repeated after an advert of lower priority. Never in strict mode.
pub(super) fn finish(
    garp: Garp,
    delay: Given<Duration>,
    repeat: Given<u32>,
    strict: bool,
) -> (Garp, Vec<Span>) {
    if !strict {
        let lower_prio_delay = delay.map_or(garp.lower_prio_delay, |(d, _)| d);
        let lower_prio_repeat = repeat.map_or(garp.lower_prio_repeat, |(n, _)| n);
        return (Garp { lower_prio_delay, lower_prio_repeat, ..garp }, Vec::new());
    }
    let delayed = delay.filter(|(d, _)| !d.is_zero()).map(|(_, at)| at);
    let repeated = repeat.filter(|(n, _)| *n > 0).map(|(_, at)| at);
    let garp = Garp { lower_prio_delay: Duration::ZERO, lower_prio_repeat: 0, ..garp };
    (garp, delayed.into_iter().chain(repeated).collect())
}
