//! What instances inherit, and the settings of the VRRP process.

use super::super::Lower;
use super::{Firsts, put, repeat, set};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::tree::Statement;
use crate::vrrp::config::{
    Config, Defaults, DynamicInterfaces, Garp, GarpExtraIf, RxBuffers, Settings, Version,
};
use std::net::IpAddr;
use std::time::Duration;

/// The longest interval of `vrrp_garp_extra_if` in seconds: a day.
const MAX_EXTRA_IF: u64 = 86_400;

/// What follows other settings unless it is given.
#[derive(Debug, Default)]
pub(super) struct Draft {
    lower_prio_delay: Option<Duration>,
    lower_prio_repeat: Option<u32>,
    vmac_prefix: Option<String>,
}

impl Draft {
    /// Whether the keyword belongs here; if so, it is read.
    pub(super) fn read(
        &mut self,
        cx: &mut Lower<'_, '_>,
        statement: &Statement,
        name: &str,
        config: &mut Config,
        firsts: &mut Firsts,
    ) -> bool {
        self.garp(cx, statement, name, &mut config.defaults)
            || inherited(cx, statement, name, &mut config.defaults)
            || self.vmac(cx, statement, name, &mut config.defaults, firsts)
            || of_the_process(cx, statement, name, &mut config.settings)
    }

    /// Resolves what follows other settings.
    pub(super) fn finish(self, defaults: &mut Defaults) {
        let garp = &mut defaults.garp;
        garp.lower_prio_delay = self.lower_prio_delay.unwrap_or(garp.master_delay);
        garp.lower_prio_repeat = self.lower_prio_repeat.unwrap_or(garp.master_repeat);
        set(&mut defaults.vmac_prefix, self.vmac_prefix);
    }

    fn garp(
        &mut self,
        cx: &mut Lower<'_, '_>,
        statement: &Statement,
        name: &str,
        defaults: &mut Defaults,
    ) -> bool {
        let garp = &mut defaults.garp;
        match name {
            "vrrp_garp_master_delay" => set(&mut garp.master_delay, cx.seconds(statement)),
            "vrrp_garp_master_repeat" => set(&mut garp.master_repeat, repeat(cx, statement)),
            "vrrp_garp_master_refresh" => set(&mut garp.refresh, cx.seconds(statement)),
            "vrrp_garp_master_refresh_repeat" => set(&mut garp.refresh_repeat, repeat(cx, statement)),
            "vrrp_garp_lower_prio_delay" => put(&mut self.lower_prio_delay, cx.seconds(statement)),
            "vrrp_garp_lower_prio_repeat" => put(&mut self.lower_prio_repeat, cx.u32(statement)),
            "vrrp_min_garp" => {
                if cx.flag(statement) == Some(true) {
                    least(garp);
                }
            }
            "vrrp_garp_interval" => set(&mut defaults.garp_interval, cx.timer(statement)),
            "vrrp_gna_interval" => set(&mut defaults.gna_interval, cx.timer(statement)),
            "vrrp_garp_extra_if" => extra_if(cx, statement, &mut defaults.garp_extra_if),
            _ => return false,
        }
        true
    }

    fn vmac(
        &mut self,
        cx: &mut Lower<'_, '_>,
        statement: &Statement,
        name: &str,
        defaults: &mut Defaults,
        firsts: &mut Firsts,
    ) -> bool {
        let to = match name {
            "vmac_prefix" => &mut self.vmac_prefix,
            "vmac_addr_prefix" => &mut defaults.vmac_addr_prefix,
            _ => return false,
        };
        if let Some(prefix) = cx.name(statement)
            && firsts.is_first(cx, statement, to.is_some())
        {
            *to = Some(prefix);
        }
        true
    }
}

/// `vrrp_min_garp`: what still has its default becomes the least; what was set before it, or is after it, stays.
fn least(garp: &mut Garp) {
    let default = Garp::default();
    if garp.master_repeat == default.master_repeat {
        garp.master_repeat = 1;
    }
    if garp.refresh_repeat == default.refresh_repeat {
        garp.refresh_repeat = 0;
    }
    if garp.master_delay == default.master_delay {
        garp.master_delay = Duration::ZERO;
    }
}

/// `[all] SECONDS`; one that can't be read leaves the line without effect.
fn extra_if(cx: &mut Lower<'_, '_>, statement: &Statement, to: &mut Option<GarpExtraIf>) {
    let words = cx.words(statement);
    if let (Some(keyword), Some(word)) = (statement.keyword, words.first())
        && let Some(better) = keyword.synonym_of
    {
        let message = format!("`{}` is an old spelling", keyword.name);
        let diagnostic = Diagnostic::new(&codes::DEPRECATED, word.span, message);
        cx.sink.push(diagnostic.help(format!("write `{better}`")));
    }
    let (mut all, mut seconds) = (false, None);
    for word in words.iter().skip(1) {
        if word.text == "all" {
            all = true;
        } else {
            seconds = cx.integer_word(word, 1, MAX_EXTRA_IF);
            if seconds.is_none() {
                return;
            }
        }
    }
    match seconds {
        Some(seconds) => *to = Some(GarpExtraIf { interval: Duration::from_secs(seconds), all }),
        None => {
            let message = "the time is missing: how often gratuitous ARPs are repeated, in seconds";
            cx.report(&codes::MISSING_VALUE, statement.span, message);
        }
    }
}

fn inherited(cx: &mut Lower<'_, '_>, statement: &Statement, name: &str, defaults: &mut Defaults) -> bool {
    match name {
        "vrrp_version" => {
            let version = cx.integer(statement).map(|n| if n == 3 { Version::V3 } else { Version::V2 });
            set(&mut defaults.version, version);
        }
        "vrrp_strict" => set(&mut defaults.policy.strict, cx.flag(statement)),
        "vrrp_mcast_group4" => {
            if let Some(IpAddr::V4(group)) = multicast(cx, statement) {
                defaults.mcast_group4 = Some(group);
            }
        }
        "vrrp_mcast_group6" => {
            if let Some(IpAddr::V6(group)) = multicast(cx, statement) {
                defaults.mcast_group6 = Some(group);
            }
        }
        "vrrp_down_timer_adverts" => {
            let count = cx.integer(statement).and_then(|n| u8::try_from(n).ok());
            set(&mut defaults.policy.down_timer_adverts, count);
        }
        "vrrp_lower_prio_no_advert" => set(&mut defaults.policy.lower_prio_no_advert, cx.flag(statement)),
        "vrrp_higher_prio_send_advert" => {
            set(&mut defaults.policy.higher_prio_send_advert, cx.flag(statement))
        }
        "vrrp_owner_ignore_adverts" => set(&mut defaults.policy.owner_ignore_adverts, cx.flag(statement)),
        "vrrp_check_unicast_src" => defaults.check_unicast_src = cx.present(statement),
        "vrrp_skip_check_adv_addr" => set(&mut defaults.policy.skip_check_adv_addr, cx.flag(statement)),
        "v3_checksum_as_v2" => defaults.policy.v3_checksum_as_v2 = cx.present(statement),
        "vrrp_notify_priority_changes" => set(&mut defaults.notify_priority_changes, cx.flag(statement)),
        "vrrp_notify_split_brain" => set(&mut defaults.notify_split_brain, cx.flag(statement)),
        "default_interface" => {
            set(&mut defaults.interface, cx.interface(statement).map(|word| word.text.to_string()));
        }
        _ => return false,
    }
    true
}

fn of_the_process(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    name: &str,
    settings: &mut Settings,
) -> bool {
    match name {
        // Of several, the longest counts.
        "vrrp_startup_delay" => {
            let delay = cx.timer(statement).unwrap_or_default();
            settings.startup_delay = settings.startup_delay.max(delay);
        }
        "vrrp_delay_after_boot" => {
            let delay = cx.timer(statement).unwrap_or_default();
            settings.delay_after_boot = settings.delay_after_boot.max(delay);
        }
        "log_unknown_vrids" => settings.log_unknown_vrids = cx.present(statement),
        "dynamic_interfaces" => {
            let given = cx.words(statement).len() > 1;
            settings.dynamic_interfaces = match cx.choice(statement).filter(|_| given) {
                Some(_) => DynamicInterfaces::AllowChanges,
                None => DynamicInterfaces::Yes,
            };
        }
        "disable_local_igmp" => settings.disable_local_igmp = cx.present(statement),
        "no_email_faults" => settings.no_email_faults = cx.present(statement),
        "fifo_write_vrrp_states_on_reload" => settings.fifo_states_on_reload = cx.present(statement),
        "vrrp_rx_bufs_policy" => set(&mut settings.rx_buffers, rx_buffers(cx, statement)),
        "vrrp_rx_bufs_multiplier" => {
            if cx.only_text(statement).is_some() {
                set(&mut settings.rx_buffers_multiplier, cx.u32(statement));
            }
        }
        _ => return false,
    }
    true
}

/// `MTU`, `ADVERT` or a number of bytes; a number goes before a policy, and `MTU` before `ADVERT`.
fn rx_buffers(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<RxBuffers> {
    cx.argument(statement, 0)?;
    let mut taken: Option<RxBuffers> = None;
    for word in cx.words(statement).iter().skip(1) {
        let value = if word.text.eq_ignore_ascii_case("MTU") {
            RxBuffers::Mtu
        } else if word.text.eq_ignore_ascii_case("ADVERT") {
            RxBuffers::Advert
        } else if word.text.starts_with(|c: char| c.is_ascii_digit()) {
            RxBuffers::Bytes(u32::try_from(cx.integer_word(word, 0, u32::MAX.into())?).ok()?)
        } else {
            cx.bad_choice(word, "policy of receive buffers", &["MTU", "ADVERT", "a number of bytes"]);
            return taken;
        };
        let Some(before) = taken else {
            taken = Some(value);
            continue;
        };
        cx.report(
            &codes::GIVEN_TWICE,
            word.span,
            "`vrrp_rx_bufs_policy` takes one of MTU, ADVERT and a number",
        );
        if matches!(value, RxBuffers::Bytes(_)) || (value == RxBuffers::Mtu && before == RxBuffers::Advert) {
            taken = Some(value);
        }
    }
    taken
}

fn multicast(cx: &mut Lower<'_, '_>, statement: &Statement) -> Option<IpAddr> {
    let address = cx.address(statement)?;
    let at = cx.value_span(statement);
    if !address.is_multicast() {
        cx.report(&codes::BAD_ADDRESS, at, format!("{address} is not a multicast address"));
        return None;
    }
    if let IpAddr::V6(v6) = address
        && v6.octets()[1] & 0x0f != 2
    {
        cx.report(&codes::ADJUSTED, at, format!("{address} should be link-local multicast (ff02::/16)"));
    }
    Some(address)
}
