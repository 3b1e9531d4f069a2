//! Mails about real servers and quorums, in keepalived's words: people have filters for them.

use super::checker::Status;
use super::config::{Checker, Probe};
use super::event::{Alert, ServerName};
use super::probe::Failure;

const fn word(up: bool) -> &'static str {
    if up { "UP" } else { "DOWN" }
}

impl Alert {
    /// About a real server that takes traffic, or does not.
    pub(super) fn of_server(server: ServerName, vs: &str, up: bool, text: &str) -> Alert {
        let subject = format!("Realserver {server} of virtual server {vs} - {}", word(up));
        Alert { subject, text: format!("=> {text} <="), is_of_check_alone: false }
    }

    /// About a quorum.
    pub(super) fn of_quorum(vs: &str, up: bool, text: &str) -> Alert {
        let subject = format!("Virtualserver {vs} - {}", word(up));
        Alert { subject, text: format!("=> {text} <="), is_of_check_alone: false }
    }
}

/// What a mail says of a check that has another status now; nothing for those that keepalived sends no mail of.
pub(super) fn text_of(check: &Checker, status: Status, failure: Option<&Failure>) -> Option<String> {
    let up = status == Status::Up;
    let succeed = if up { "succeed" } else { "failed" };
    Some(match &check.probe {
        Probe::Tcp => format!("TCP CHECK {succeed} on service"),
        Probe::Udp(_) => format!("UDP CHECK {succeed} on service"),
        Probe::Ping => format!("ICMP CHECK {succeed} on service"),
        Probe::Dns(_) => format!("DNS_CHECK: {succeed} on service"),
        Probe::Http(_) | Probe::Smtp { .. } if up => "CHECK succeed on service".to_owned(),
        Probe::Http(http) => {
            let kind = if http.tls.is_some() { "SSL" } else { "HTTP" };
            format!("CHECK failed on service : {kind} request failed")
        }
        Probe::Smtp { .. } => match failure {
            Some(failure) => format!("CHECK failed on service : {failure}"),
            None => "CHECK failed on service".to_owned(),
        },
        Probe::Misc(_) => {
            let timed_out = |f: &&Failure| matches!(f, Failure::Reason(reason) if **reason == *"timed out");
            let how = match failure {
                _ if up => "succeeded",
                failure if failure.as_ref().is_some_and(timed_out) => "timed out",
                _ => "failed",
            };
            format!("MISC CHECK {how} on service")
        }
        Probe::Bfd { name } => {
            format!("BFD CHECK {name} {} on service", if up { "succeeded" } else { "failed" })
        }
        Probe::File(_) => return None,
    })
}
