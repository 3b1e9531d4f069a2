//! `global_defs`.

use super::{Lower, body};
use crate::conf::config::Config;
use crate::conf::diagnostic::codes;
use crate::conf::tree::Statement;
use crate::vrrp::config::{Garp, Notify, Version};
use std::net::IpAddr;
use std::time::Duration;

/// The defaults that `global_defs` sets for `vrrp_instance` blocks, wherever they stand in the file.
#[derive(Debug, Default)]
pub(super) struct Globals {
    /// `vrrp_version`
    pub(super) version: Version,
    /// `vrrp_garp_*`; the lower-priority set follows the master set unless it is given.
    pub(super) garp: Garp,
    /// `vrrp_mcast_group4`
    pub(super) group4: Option<IpAddr>,
    /// `vrrp_mcast_group6`
    pub(super) group6: Option<IpAddr>,
    /// `smtp_alert_vrrp` (else `smtp_alert`) and `vrrp_notify_priority_changes`
    pub(super) notify: Notify,
}

/// Reads every `global_defs` block.
pub(super) fn lower(cx: &mut Lower<'_, '_>, config: &mut Config) -> Globals {
    let mut globals = Globals::default();
    let mut lower_delay: Option<Duration> = None;
    let mut lower_repeat: Option<u32> = None;
    let (mut smtp_alert, mut smtp_alert_vrrp) = (None, None);
    for statement in cx.top_level("global_defs").flat_map(body) {
        let Some(keyword) = statement.keyword else { continue };
        let garp = &mut globals.garp;
        match keyword.canonical() {
            "router_id" => router_id(cx, statement, config),
            "vrrp_version" => {
                if let Some(n) = cx.integer(statement) {
                    globals.version = if n == 3 { Version::V3 } else { Version::V2 };
                }
            }
            "vrrp_garp_master_delay" => set(&mut garp.master_delay, cx.seconds(statement)),
            "vrrp_garp_master_repeat" => set(&mut garp.master_repeat, repeat(cx, statement)),
            "vrrp_garp_master_refresh" => set(&mut garp.refresh, cx.seconds(statement)),
            "vrrp_garp_master_refresh_repeat" => set(&mut garp.refresh_repeat, repeat(cx, statement)),
            "vrrp_garp_lower_prio_delay" => lower_delay = cx.seconds(statement).or(lower_delay),
            "vrrp_garp_lower_prio_repeat" => lower_repeat = cx.u32(statement).or(lower_repeat),
            "vrrp_mcast_group4" => globals.group4 = multicast(cx, statement).or(globals.group4),
            "vrrp_mcast_group6" => globals.group6 = multicast(cx, statement).or(globals.group6),
            "enable_script_security" => {
                cx.no_more_arguments(statement);
                cx.scripts.security = true;
            }
            "smtp_alert" => smtp_alert = cx.flag(statement).or(smtp_alert),
            "smtp_alert_vrrp" => smtp_alert_vrrp = cx.flag(statement).or(smtp_alert_vrrp),
            "vrrp_notify_priority_changes" => {
                set(&mut globals.notify.priority_changes, cx.flag(statement));
            }
            "script_user" => script_user(cx, statement),
            _ => {}
        }
    }
    globals.notify.smtp_alert = smtp_alert_vrrp.or(smtp_alert).unwrap_or(false);
    globals.garp.lower_prio_delay = lower_delay.unwrap_or(globals.garp.master_delay);
    globals.garp.lower_prio_repeat = lower_repeat.unwrap_or(globals.garp.master_repeat);
    globals
}

fn script_user(cx: &mut Lower<'_, '_>, statement: &Statement) {
    match &cx.words(statement)[1..] {
        [] => cx.report(&codes::MISSING_NAME, statement.span, "`script_user` names nobody; it has no effect"),
        words => {
            let account = cx.account(words, &codes::UNKNOWN_USER);
            cx.scripts.user_failed |= account.is_none();
            cx.scripts.user = account.or(cx.scripts.user.take());
        }
    }
}

fn router_id(cx: &mut Lower<'_, '_>, statement: &Statement, config: &mut Config) {
    match cx.text(statement) {
        Some(word) => config.global.router_id = Some(word.text.to_string()),
        None => {
            cx.report(&codes::MISSING_NAME, statement.span, "`router_id` names nothing; it has no effect")
        }
    }
}

/// Takes a value over if it could be read.
pub(super) fn set<T>(to: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *to = value;
    }
}

/// A count of gratuitous ARPs; 0 was allowed once, and means 1.
pub(super) fn repeat(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<u32> {
    let count = cx.u32(statement)?;
    if count == 0 {
        let name = statement.keyword.map_or("", |k| k.name);
        cx.report(
            &codes::ADJUSTED,
            statement.span,
            format!("`{name}` must be greater than 0; it is taken as 1"),
        );
    }
    Some(count.max(1))
}

fn multicast(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<IpAddr> {
    let address = cx.address(statement)?;
    let span = cx.words(statement).get(1).map_or(statement.span, |w| w.span);
    if !address.is_multicast() {
        cx.report(&codes::BAD_ADDRESS, span, format!("{address} is not a multicast address"));
        return None;
    }
    if let IpAddr::V6(v6) = address
        && v6.octets()[1] & 0x0f != 2
    {
        cx.report(&codes::ADJUSTED, span, format!("{address} should be link-local multicast (ff02::/16)"));
    }
    Some(address)
}
