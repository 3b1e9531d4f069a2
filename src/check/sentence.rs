//! Reports in keepalived's words. They are those that people search their logs for, so they are not to be polished.

use super::event::{CheckName, CheckReport, PageTest, Report, ServerName};
use super::probe::{Failure, Operation};
use crate::ipvs::model::Protocol;
use std::fmt;

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            None => "none",
            Some(Protocol::Tcp) => "tcp",
            Some(Protocol::Udp) => "udp",
            Some(Protocol::Sctp) => "sctp",
        };
        write!(f, "[{}]:{protocol}:{}", self.address.ip(), self.address.port())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Activated { server, vs } => {
                write!(f, "Activating healthchecker for service {server} for VS {vs}")
            }
            Report::Suspended { server, vs, starting } => {
                let what = if *starting { "Deactivating" } else { "Suspending" };
                write!(f, "{what} healthchecker for service {server} for VS {vs}")
            }
            Report::Check { check, server, vs, report } => check_sentence(f, check, *server, vs, report),
            Report::ServerUp { server, vs, inhibit: false } => {
                write!(f, "Adding service {server} to VS {vs}")
            }
            Report::ServerUp { server, vs, inhibit: true } => {
                write!(f, "Enabling service {server} of VS {vs}")
            }
            Report::ServerDown { server, vs, inhibit: false } => {
                write!(f, "Removing service {server} from VS {vs}")
            }
            Report::ServerDown { server, vs, inhibit: true } => {
                write!(f, "Disabling service {server} of VS {vs}")
            }
            Report::WeightChanged { server, vs, from, to, up } => {
                let state = if *up { "active" } else { "inactive" };
                write!(f, "Changing weight from {from} to {to} for {state} service {server} of VS {vs}")
            }
            Report::ServerGone { server, vs } => {
                write!(f, "service {server} no longer exist in VS {vs}")
            }
            Report::ServerRemoved { server, vs, inhibited } => {
                write!(f, "Removing {}service {server} from VS {vs}", if_inhibited(*inhibited))
            }
            Report::ServerShutDown { server, vs, inhibited } => {
                write!(f, "Shutting down {}service {server} from VS {vs}", if_inhibited(*inhibited))
            }
            Report::VirtualServerGone { vs } => write!(f, "Removing Virtual Server {vs}"),
            Report::QuorumGained { vs, quorum, hysteresis, weight } => {
                let threshold = u64::from(*quorum) + u64::from(*hysteresis);
                write!(f, "Gained quorum {quorum}+{hysteresis}={threshold} <= {weight} for VS {vs}")
            }
            Report::QuorumLost { vs, quorum, hysteresis, weight, starting } => {
                let what = if *starting { "Starting with quorum down" } else { "Lost quorum" };
                let threshold = quorum.saturating_sub(*hysteresis);
                write!(f, "{what} {quorum}-{hysteresis}={threshold} > {weight} for VS {vs}")
            }
            Report::ServerHeld { server, vs, count, within, hold } => {
                let (within, hold) = (within.as_secs(), hold.as_secs());
                write!(
                    f,
                    "{server} of VS {vs} went down {count} times within {within} s: it is held back for {hold} s \
                     (flap_damping)"
                )
            }
            Report::Backups { vs, serve: true, weight } => {
                write!(f, "Backup servers of VS {vs} take traffic: the weight of the others is {weight}")
            }
            Report::Backups { vs, serve: false, weight } => {
                write!(f, "Backup servers of VS {vs} wait again: the weight of the others is {weight}")
            }
            Report::SorryUp { server, vs, inhibit } => {
                let what = if *inhibit { "Enabling" } else { "Adding" };
                write!(f, "{what} sorry server {server} to VS {vs}")
            }
            Report::SorryDown { server, vs, inhibit } => {
                let what = if *inhibit { "Disabling" } else { "Removing" };
                write!(f, "{what} sorry server {server} from VS {vs}")
            }
        }
    }
}

/// What a check has to tell.
fn check_sentence(
    f: &mut fmt::Formatter<'_>,
    check: &CheckName,
    server: ServerName,
    vs: &str,
    report: &CheckReport,
) -> fmt::Result {
    let (kind, succeeded) = match check {
        CheckName::Tcp => ("TCP_CHECK", "TCP connection to {} success."),
        CheckName::Http { tls: false, .. } => ("HTTP_CHECK", "Remote Web server {} succeed on service."),
        CheckName::Http { tls: true, .. } => ("SSL_CHECK", "Remote Web server {} succeed on service."),
        CheckName::Smtp(_) => ("SMTP_CHECK", "Remote SMTP server {} succeed on service."),
        CheckName::Dns => ("DNS_CHECK", "DNS_CHECK ({}) success."),
        CheckName::Udp => ("UDP_CHECK", "UDP connection to {} success."),
        CheckName::Ping => ("ICMP CHECK", "ICMP connection to {} success."),
        // Ours: keepalived has no words for them.
        CheckName::Service(keyword) => (&**keyword, ""),
        CheckName::Misc(program) => return misc_sentence(f, program, server, vs, report),
        CheckName::File(file) => return tracked_sentence(f, ("tracked file", file), server, report),
        CheckName::Bfd(name) => return tracked_sentence(f, ("BFD instance", name), server, report),
    };
    match report {
        CheckReport::Succeeded if matches!(check, CheckName::Service(_)) => {
            write!(f, "{kind} ({server}) success.")
        }
        CheckReport::Succeeded => f.write_str(&succeeded.replace("{}", &server.to_string())),
        CheckReport::Failed { retries: count, failure } => {
            match check {
                // keepalived tells what the last try met.
                CheckName::Smtp(_) | CheckName::Dns => f.write_str(&try_sentence(check, server, failure))?,
                CheckName::Ping if *count > 0 => write!(f, "{kind} on service {server} of {vs} failed")?,
                _ => write!(f, "{kind} on service {server} failed")?,
            }
            if *count > 0 { write!(f, " after {}.", retries(*count)) } else { f.write_str(".") }
        }
        CheckReport::TryFailed { failure, .. } => write!(f, "{}.", try_sentence(check, server, failure)),
        CheckReport::PagePassed { page } => {
            let CheckName::Http { pages, .. } = check else { return Ok(()) };
            let (test, path) = pages.get(*page).map_or((PageTest::Status, ""), |(test, path)| (*test, path));
            let what = match test {
                PageTest::Status => "HTTP status code",
                PageTest::Digest => "MD5 digest",
                PageTest::Regex => "Regex match",
            };
            write!(f, "{what} success to {server} url({path}).")
        }
        CheckReport::NotRun(_) => write!(f, "{kind} on service {server} could not run. Rescheduling."),
    }
}

/// What one try met.
fn try_sentence(check: &CheckName, server: ServerName, failure: &Failure) -> String {
    let timeout = *failure == Failure::Timeout;
    let connecting = matches!(failure, Failure::System { operation: Operation::Connect, .. });
    let says = |words: &str| matches!(failure, Failure::Reason(reason) if reason.starts_with(words));
    match check {
        CheckName::Tcp if timeout => format!("TCP connection to {server} timeout"),
        CheckName::Tcp => format!("TCP connection to {server} failed"),
        CheckName::Udp if says("the answer") => format!("UDP check to {server} reply data mismatch"),
        CheckName::Udp => format!("UDP connection to {server} failed"),
        CheckName::Service(keyword) if timeout => format!("{keyword} ({server}) timeout"),
        CheckName::Service(keyword) => format!("{keyword} ({server}) failed"),
        CheckName::Ping if timeout => format!("ICMP connection to address {server} timeout"),
        CheckName::Ping => format!("ICMP connection to {server} failed"),
        CheckName::Dns if timeout => format!("DNS_CHECK ({server}) read timeout from socket"),
        CheckName::Dns if says("the answer") => format!("DNS_CHECK ({server}) read error occurred"),
        CheckName::Dns => format!("DNS_CHECK ({server}) failed to read socket"),
        CheckName::Smtp(to) => {
            let what = match failure {
                Failure::Timeout => "Read timeout from",
                _ if connecting => "Error connecting to",
                _ if says("greeting") => "Bad greeting banner from",
                _ if says("answer to HELO") => "Bad HELO response from",
                _ => "Read failure from",
            };
            format!("SMTP_CHECK {what} server [{}]:{}", to.ip(), to.port())
        }
        _ => {
            let what = match failure {
                Failure::Timeout => "Timeout WEB read",
                _ if connecting => "Error connecting",
                _ if says("HTTP status code") => "HTTP status code error to",
                _ if says("MD5 digest") => "MD5 digest error to",
                _ if says("the regular expression") => "Regex match failed",
                _ if says("no data") => "Read, no data received from ",
                _ if says("TLS") => "SSL handshake/communication error connecting to",
                _ => "Read error with",
            };
            format!("{what} server {server}")
        }
    }
}

fn misc_sentence(
    f: &mut fmt::Formatter<'_>,
    program: &str,
    server: ServerName,
    vs: &str,
    report: &CheckReport,
) -> fmt::Result {
    write!(f, "Misc check for [{server} VS {vs}] by [{program}] ")?;
    match report {
        CheckReport::Succeeded | CheckReport::PagePassed { .. } => write!(f, "succeeded."),
        CheckReport::Failed { retries: 0, failure } => write!(f, "failed with retry disabled ({failure})."),
        CheckReport::Failed { retries: count, failure } => {
            write!(f, "failed after {} ({failure}).", retries(*count))
        }
        CheckReport::TryFailed { tries: 0, retries: count, failure } => {
            write!(f, "failed, will do {} ({failure}).", retries(*count))
        }
        CheckReport::TryFailed { tries, retries, failure } => {
            write!(f, "failed on retry {tries}/{retries} ({failure}).")
        }
        CheckReport::NotRun(_) => write!(f, "could not run. Rescheduling."),
    }
}

/// Of what is watched all the time.
fn tracked_sentence(
    f: &mut fmt::Formatter<'_>,
    (kind, name): (&str, &str),
    server: ServerName,
    report: &CheckReport,
) -> fmt::Result {
    write!(f, "({server}): {kind} {name} ")?;
    f.write_str(match report {
        CheckReport::Succeeded | CheckReport::PagePassed { .. } => "leaving FAULT state",
        CheckReport::NotRun(_) => "can't be watched",
        CheckReport::Failed { .. } | CheckReport::TryFailed { .. } => "now FAULT state",
    })
}

fn if_inhibited(inhibited: bool) -> &'static str {
    if inhibited { "(inhibited) " } else { "" }
}

/// Without a singular, as keepalived says it, and as it is searched for.
fn retries(n: u32) -> String {
    format!("{n} retries")
}

#[cfg(test)]
mod tests;
