//! Mails about real servers and quorums, in keepalived's words: people have filters for them.

use super::checker::Status;
use super::config::Probe;
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
pub(super) fn text_of(probe: &Probe, status: Status, failure: Option<&Failure>) -> Option<String> {
    let up = status == Status::Up;
    let succeed = if up { "succeed" } else { "failed" };
    Some(match probe {
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
        probe @ (Probe::Agent(_)
        | Probe::Mysql(_)
        | Probe::Pgsql(_)
        | Probe::Ldap(_)
        | Probe::Grpc(_)
        | Probe::Redis(_)) => {
            format!("{} {succeed} on service", probe.service().unwrap_or_default())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::config::Misc;
    use crate::command::Command;
    use std::time::Duration;

    /// Words of keepalived 2.2.7's source; the lab compares those of TCP and of quorums with its mails.
    #[test]
    fn each_kind_of_check_has_its_words() {
        let misc = Misc {
            command: Command { argv: vec!["/m".into()], run_as: None },
            dynamic: false,
            timeout: Duration::from_secs(1),
        };
        let misc = || Probe::Misc(Box::new(misc.clone()));
        let smtp = || Probe::Smtp { helo_name: "me".into() };
        let reason = |words: &str| Failure::Reason(words.into());
        let (up, down) = (Status::Up, Status::Down);
        for (probe, status, failure, words) in [
            (Probe::Ping, up, None, "ICMP CHECK succeed on service"),
            (Probe::Ping, down, Some(Failure::Timeout), "ICMP CHECK failed on service"),
            (smtp(), up, None, "CHECK succeed on service"),
            (smtp(), down, Some(reason("greeting is `421`")), "CHECK failed on service : greeting is `421`"),
            (smtp(), down, None, "CHECK failed on service"),
            (misc(), up, None, "MISC CHECK succeeded on service"),
            (misc(), down, Some(reason("timed out")), "MISC CHECK timed out on service"),
            (misc(), down, Some(reason("exited with status 1")), "MISC CHECK failed on service"),
            (Probe::Bfd { name: "b".into() }, down, None, "BFD CHECK b failed on service"),
        ] {
            assert_eq!(text_of(&probe, status, failure.as_ref()).as_deref(), Some(words));
        }
    }
}
