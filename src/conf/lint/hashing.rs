//! Advice on schedulers that choose by an address: they go on choosing a server of weight 0, and refuse its clients.
//!
//! The kernel gives it its share of the table by which they choose: `sh` and `dh` whatever its weight, `mh` by the weight
//! that it had before. Whom they choose and find without weight is not replaced, but with `sh-fallback` and `mh-fallback`.

use super::places::{Places, span};
use crate::check::config::{RealServer, VirtualServer};
use crate::conf::diagnostic::{Diagnostic, codes};
use crate::conf::sink::Sink;
use crate::conf::tree::Statement;
use crate::ipvs::model::ServiceFlags;

/// Why a server stays in the table with weight 0, if it does.
fn stays(scheduler: &str, server: &RealServer) -> Option<&'static str> {
    let drains = server.transition.as_ref().is_some_and(|transition| !transition.drain_time.is_zero());
    match server {
        // `mh` never had another weight to choose it by.
        RealServer { weight: 0, .. } => (scheduler != "mh").then_some("has weight 0"),
        RealServer { checkers, .. } if checkers.is_empty() => None,
        RealServer { inhibit_on_failure: true, .. } => {
            Some("stays in the table with weight 0 while it is down (inhibit_on_failure)")
        }
        _ if drains => Some("stays in the table with weight 0 while it is drained (drain_time)"),
        _ => None,
    }
}

/// One hint a service.
pub(super) fn advise(places: &Places<'_, '_>, server: &VirtualServer, block: &Statement, sink: &mut Sink) {
    let scheduler = server.scheduler.as_str();
    let flag = match scheduler {
        "sh" => Some("sh-fallback"),
        "mh" => Some("mh-fallback"),
        "dh" => None,
        _ => return,
    };
    // Alone it has nobody to be replaced by.
    if (flag.is_some() && server.flags.contains(ServiceFlags::SCHED1)) || server.real_servers.len() < 2 {
        return;
    }
    let mut staying = server.real_servers.iter().filter_map(|real| Some((real, stays(scheduler, real)?)));
    let Some((first, why)) = staying.next() else { return };
    let others = match staying.count() {
        0 => String::new(),
        n => format!(" (as do {n} more)"),
    };
    let message = format!(
        "virtual server {}: real server {} {why}{others}: scheduler {scheduler} goes on choosing it, and its \
         clients are refused",
        server.name, first.address
    );
    let help = match flag {
        Some(flag) => format!("add `{flag}`: they go to another server"),
        None => "scheduler dh has no flag that sends them to another server: let servers leave the table, without \
                 inhibit_on_failure, drain_time and weight 0"
            .to_owned(),
    };
    let mut diagnostic = Diagnostic::new(&codes::LINT_HASHING, span(block, "lvs_sched"), message);
    if let Some(real) = places.real_server(block, first) {
        diagnostic = diagnostic.also(real.span, "this one");
    }
    sink.push(diagnostic.help(help));
}

#[cfg(test)]
mod tests {
    use super::super::tests::linted;
    use crate::conf::Lints;

    /// What is said of a service with two real servers, and what is advised.
    fn said(lines: &str, first: &str, second: &str) -> Vec<(String, String)> {
        let real = |n: u8, lines: &str| format!("real_server 10.0.1.{n} 80 {{\n {lines}\n}}\n");
        let text = format!(
            "virtual_server 10.0.0.1 80 {{\n delay_loop 6\n protocol TCP\n {lines}\n{}{}}}\n",
            real(1, first),
            real(2, second)
        );
        let loaded = linted(&text, Lints::default());
        let found = loaded.diagnostics.iter().filter(|d| d.code.id == "V0862");
        found.map(|d| (d.message.clone(), d.help.clone().unwrap_or_default().to_string())).collect()
    }

    const CHECK: &str = "TCP_CHECK {\n}";

    #[test]
    fn who_refuses_clients_of_servers_that_are_down_is_told() {
        let inhibited = format!("inhibit_on_failure\n{CHECK}");
        for scheduler in ["sh", "mh", "dh"] {
            let found = said(&format!("lvs_sched {scheduler}"), &inhibited, CHECK);
            let [(message, help)] = &found[..] else { panic!("{scheduler}: {found:?}") };
            assert_eq!(
                message,
                &format!(
                    "virtual server [10.0.0.1]:tcp:80: real server 10.0.1.1:80 stays in the table with weight 0 while it is \
                     down (inhibit_on_failure): scheduler {scheduler} goes on choosing it, and its clients are refused"
                )
            );
            let expected = if scheduler == "dh" { "no flag" } else { &format!("add `{scheduler}-fallback`") };
            assert!(help.contains(expected), "{help}");
        }
        // Of the whole service, and in another way.
        let all = said("lvs_sched sh\ninhibit_on_failure", CHECK, CHECK);
        assert!(all[0].0.contains("(as do 1 more)"), "{all:?}");
        let drained = said("lvs_sched mh", CHECK, &format!("drain_time 30\n{CHECK}"));
        assert!(drained[0].0.contains("10.0.1.2:80 stays in the table with weight 0 while it is drained"));
        let idle = said("lvs_sched sh", "weight 0", CHECK);
        assert!(idle[0].0.contains("10.0.1.1:80 has weight 0: scheduler sh"), "{idle:?}");
    }

    #[test]
    fn who_sends_them_elsewhere_is_not_told() {
        let inhibited = format!("inhibit_on_failure\n{CHECK}");
        for (lines, first, second) in [
            ("lvs_sched sh\nsh-fallback", &*inhibited, &*inhibited),
            ("lvs_sched mh\nmh-fallback", &inhibited, CHECK),
            ("lvs_sched rr", &inhibited, &inhibited),
            ("lvs_sched sh", CHECK, CHECK),
            // Nobody finds out that it is down.
            ("lvs_sched sh", "inhibit_on_failure", CHECK),
            ("lvs_sched mh", "weight 0", CHECK),
        ] {
            assert_eq!(said(lines, first, second), [], "{lines}");
        }
        let alone = "virtual_server 10.0.0.1 80 {\n lvs_sched sh\n real_server 10.0.1.1 80 {\n inhibit_on_failure\n \
                     TCP_CHECK {\n }\n }\n}\n";
        let loaded = linted(alone, Lints::default());
        assert!(loaded.diagnostics.iter().all(|d| d.code.id != "V0862"));
    }
}
