//! Settings of the check process.

use super::super::Lower;
use super::set;
use crate::check::config::{FlushOnStop, Settings, Timeouts};
use crate::conf::diagnostic::codes;
use crate::conf::tree::Statement;

/// The longest time that the kernel's table of connections takes, in seconds: 31 days.
const MAX_TIMEOUT: u64 = 31 * 86_400;

/// Whether the keyword belongs here; if so, it is read.
pub(super) fn read(
    cx: &mut Lower<'_, '_>,
    statement: &Statement,
    name: &str,
    settings: &mut Settings,
) -> bool {
    match name {
        "lvs_timeouts" => timeouts(cx, statement, &mut settings.timeouts),
        "lvs_drift" => settings.leave_drift = cx.flag(statement) == Some(false),
        "lvs_drift_interval" => {
            settings.drift_interval = cx.seconds(statement).or(settings.drift_interval);
        }
        "lvs_flush" => settings.flush = cx.present(statement),
        "lvs_flush_on_stop" => {
            let given = cx.words(statement).len() > 1;
            match (given, cx.choice(statement)) {
                (false, _) => settings.flush_on_stop = FlushOnStop::Everything,
                (true, Some(_)) => settings.flush_on_stop = FlushOnStop::VirtualServers,
                (true, None) => {}
            }
        }
        "no_checker_emails" => set(&mut settings.no_checker_emails, cx.flag(statement)),
        "checker_log_all_failures" => set(&mut settings.log_all_failures, cx.flag(statement)),
        "rs_init_notifies" => set(&mut settings.rs_init_notifies, cx.flag(statement)),
        _ => return false,
    }
    true
}

fn timeouts(cx: &mut Lower<'_, '_>, statement: &Statement, timeouts: &mut Timeouts) {
    let words = cx.words(statement);
    if words.len() < 3 {
        let message = "`lvs_timeouts` needs tcp, tcpfin or udp, each with its seconds";
        cx.report(&codes::MISSING_VALUE, statement.span, message);
        return;
    }
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        let to = match word.text.as_ref() {
            "tcp" => &mut timeouts.tcp,
            "tcpfin" => &mut timeouts.tcp_fin,
            "udp" => &mut timeouts.udp,
            _ => {
                cx.bad_choice(word, "kind of connection", &["tcp", "tcpfin", "udp"]);
                // What follows is its value.
                if rest.as_slice().first().is_some_and(|w| w.text.bytes().all(|b| b.is_ascii_digit())) {
                    rest.next();
                }
                continue;
            }
        };
        match rest.next() {
            None => cx.report(&codes::MISSING_VALUE, word.span, format!("`{}` has no seconds", word.text)),
            Some(seconds) => {
                if let Some(n) = cx.integer_word(seconds, 0, MAX_TIMEOUT) {
                    *to = u32::try_from(n).ok();
                }
            }
        }
    }
}
