//! Whether a file that was read at a reload is one that somebody meant.
//!
//! keepalived carries out whatever it can read: of a file that is cut in its middle, the half. What runs is worth more than
//! that: a file with errors that were not there before is refused as a whole. Errors that the running configuration has
//! too don't count, since it came about in spite of them. Where the running configuration says `reload_as_keepalived`,
//! nothing is refused that can be run. What can't be changed while a daemon runs is refused in any case.

use super::message::Summary;
use super::place;
use std::collections::HashMap;

/// Why a configuration is not to take the place of the one that runs; `None` where nothing speaks against it.
#[must_use]
pub(super) fn refusal(running: &Summary, read: &Summary) -> Option<String> {
    if let Some(reason) = place::moved(&running.instancing, &read.instancing) {
        return Some(reason);
    }
    if running.takes_errors {
        return None;
    }
    if read.is_empty && !running.work.is_empty() {
        return Some("the file is empty".to_owned());
    }
    match new_errors(&running.errors, &read.errors) {
        0 => None,
        1 => Some("the file has an error that was not there before".to_owned()),
        n => Some(format!("the file has {n} errors that were not there before")),
    }
}

/// How many of these errors were not among those.
fn new_errors(before: &[String], now: &[String]) -> usize {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for error in before {
        *known.entry(error).or_default() += 1;
    }
    let is_new = |error: &&String| match known.get_mut(error.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    now.iter().filter(is_new).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::source::{Loaded, Source};
    use crate::daemon::worker::Kind;

    fn summary(errors: &[&str]) -> Summary {
        let errors = errors.iter().map(ToString::to_string).collect();
        Summary { errors, work: [Kind::Vrrp].into(), ..Summary::default() }
    }

    #[test]
    fn only_errors_that_are_new_count() {
        let none = summary(&[]);
        assert_eq!(refusal(&none, &none), None);
        assert_eq!(refusal(&summary(&["a", "b"]), &summary(&["a"])), None);
        assert_eq!(refusal(&summary(&["a"]), &summary(&["a"])), None);
        let one = Some("the file has an error that was not there before".to_owned());
        assert_eq!(refusal(&none, &summary(&["a"])), one);
        assert_eq!(refusal(&summary(&["a"]), &summary(&["a", "a"])), one, "a second one");
        let two = refusal(&summary(&["a"]), &summary(&["b", "a", "c"]));
        assert_eq!(two.unwrap(), "the file has 2 errors that were not there before");
    }

    #[test]
    fn an_empty_file_is_no_way_to_stop_everything() {
        let empty = Summary { is_empty: true, ..Summary::default() };
        assert_eq!(refusal(&summary(&[]), &empty).unwrap(), "the file is empty");
        assert_eq!(refusal(&Summary::default(), &empty), None, "nothing runs");
    }

    #[test]
    fn a_configuration_may_ask_for_reloads_as_keepalived_s() {
        let running = Summary { takes_errors: true, ..summary(&[]) };
        assert_eq!(refusal(&running, &summary(&["a"])), None);
        assert_eq!(refusal(&running, &Summary { is_empty: true, ..Summary::default() }), None);
        // The file that is read does not decide: it may not be what was meant.
        assert!(refusal(&summary(&[]), &Summary { takes_errors: true, ..summary(&["a"]) }).is_some());
    }

    #[test]
    fn a_daemon_stays_where_it_is() {
        use crate::conf::config::Instancing;
        let with = |namespace: &str, instance: &str| {
            let name = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
            let (net_namespace, instance) = (name(namespace), name(instance));
            let instancing = Instancing { net_namespace, instance, ..Instancing::default() };
            Summary { instancing, takes_errors: true, ..summary(&[]) }
        };
        assert_eq!(refusal(&with("blue", "one"), &with("blue", "one")), None);
        let moved = refusal(&with("", ""), &with("blue", "")).unwrap();
        assert_eq!(moved, "the network namespace can't be changed by a reload: a restart is needed");
        assert!(refusal(&with("blue", ""), &with("red", "")).is_some());
        assert!(
            refusal(&with("blue", "one"), &with("blue", "two")).unwrap().starts_with("the instance's name")
        );
    }

    /// What stands between a running configuration and a broken one.
    fn judged(before: &str, after: &str) -> Option<String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("k.conf");
        let source = Source { file: file.clone(), config_id: None, all_files: false, namespace: None };
        let read = |text: &str| -> Option<Loaded> {
            std::fs::write(&file, text).unwrap();
            source.load().ok()
        };
        let running = Summary::of(&read(before).unwrap());
        match read(after) {
            Some(loaded) => refusal(&running, &Summary::of(&loaded)),
            None => Some("it can't be run at all".to_owned()),
        }
    }

    #[test]
    fn files_that_would_take_away_what_runs_are_refused() {
        let vip = "vrrp_instance VI {\n interface lo0\n virtual_router_id 7\n virtual_ipaddress {\n  10.9.0.100/24\n \
                   10.9.0.101/24\n }\n}\n";
        let service = "virtual_server 10.9.0.100 8000 {\n lvs_sched rr\n lvs_method DR\n protocol TCP\n \
                       real_server 10.9.0.1 8000 {\n weight 1\n  TCP_CHECK {\n  }\n }\n}\n";
        let whole = format!("{service}{vip}");
        assert_eq!(judged(&whole, &whole), None);
        assert_eq!(judged(&whole, vip), None, "taken out as a whole: that was meant");
        assert_eq!(judged(&whole, &whole.replace("weight 1", "weight 2")), None);
        let broken = [
            whole[..whole.find("10.9.0.101").unwrap()].to_owned(),
            whole[..whole.find("TCP_CHECK").unwrap()].to_owned(),
            whole.replace("10.9.0.100 8000", "10.9.0.100:8000"),
            whole.replace("lvs_sched rr", "lvs_sched wrrr"),
            whole.replace("weight 1", "weight x"),
            whole.replace("real_server 10.9.0.1 8000", "real_server 10.9.0.1000 8000"),
            whole.replace("virtual_ipaddress", "virtual_ipadress"),
            String::new(),
        ];
        for text in broken {
            assert!(judged(&whole, &text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_the_machine_lacks_refuses_nothing() {
        let vip = "vrrp_instance VI {\n interface lo0\n virtual_router_id 7\n virtual_ipaddress {\n  10.9.0.100/24\n }\n";
        let has_lo0 = "global_defs {\n dynamic_interfaces\n}\n";
        let (missing, there) = (format!("{vip}}}\n"), format!("{has_lo0}{vip}}}\n"));
        let notified = |there: &str| there.replace(" virtual_r", " notify_master /bin/true\n virtual_r");
        assert_eq!(judged(&there, &notified(&there)), None, "no enable_script_security");
        assert_eq!(
            judged(&notified(&missing), &notified(&there)),
            None,
            "nor in front of it a missing interface"
        );
        let script = |path: &str, more: &str, weight: &str| {
            let tracked = format!(" track_script {{\n  s {weight}\n }}\n");
            format!("{has_lo0}vrrp_script s {{\n script {path}\n{more}}}\n{vip}{tracked}}}\n")
        };
        assert_eq!(judged(&there, &script("/nonexistent/x", "", "")), None);
        assert_eq!(judged(&there, &script("/bin", "", "")), None, "a directory");
        assert_eq!(judged(&there, &script("/bin/true", " user no-such-user\n", "")), None);
        // Nor does it hide what is wrong with the text.
        let wrong = "weight x";
        assert!(judged(&there, &script("/nonexistent/x", "", wrong)).is_some());
        assert_eq!(judged(&script("/nonexistent/x", "", wrong), &script("/bin/true", "", wrong)), None);
    }

    /// What a reload refuses, `vipd check` calls an error.
    #[test]
    fn errors_of_a_reload_are_those_of_a_check() {
        let vip = "vrrp_instance VI {\n interface lo0\n virtual_router_id 7\n virtual_ipaddress {\n  10.9.0.100/24\n }\n}\n";
        let check = |text: &str| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("k.conf");
            std::fs::write(&file, text).unwrap();
            let loaded = crate::conf::load(&file, &crate::conf::LoadOptions::default());
            loaded.count(crate::conf::diagnostic::Severity::Error)
        };
        for (line, errors) in [
            ("include missing.conf\n", 1),
            ("include missing*.conf\n", 0),
            ("include missing.conf # vipd: allow V0006\n", 0),
            ("vrrp_script s {\n script /nonexistent/x\n}\n", 0),
            (
                "vrrp_instance W {\n interface lo\n virtual_router_id 8\n virtual_ipaddress {\n  10.9.0.1/24\n }\n}\n",
                1,
            ),
        ] {
            let text = format!("{vip}{line}");
            assert_eq!(check(&text), errors, "{line}");
            assert_eq!(judged(vip, &text).is_some(), errors > 0, "{line}");
            assert_eq!(judged(&text, &text), None, "it was there before: {line}");
        }
    }
}
