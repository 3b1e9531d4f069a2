//! What there is to tell of checks, servers and quorums: values first, and sentences in keepalived's words.
//!
//! Who logs them, and at which level, is the driver's choice; notify scripts and mails will start from the same
//! values. The sentences are those that people grep for, so they are not to be polished.

use super::checker::Report;
use super::config::Probe;
use super::probe::Failure;
use crate::ipvs::model::Protocol;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// A real server as logs name it: `[192.0.2.11]:tcp:3306`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServerName {
    /// `real_server`'s address and port.
    pub address: SocketAddr,
    /// The virtual server's protocol; `None` where firewall marks alone decide.
    pub protocol: Option<Protocol>,
}

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

/// A check as logs name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// `TCP_CHECK`
    Tcp,
    /// `MISC_CHECK` of this program.
    Misc(Box<str>),
    /// `FILE_CHECK` of this `track_file`.
    File(Box<str>),
}

impl Subject {
    /// That of a configured probe; `None` for those that are not run yet.
    #[must_use]
    pub fn of(probe: &Probe) -> Option<Subject> {
        match probe {
            Probe::Tcp => Some(Subject::Tcp),
            Probe::Misc(misc) => Some(Subject::Misc(misc.command.program().into())),
            Probe::File(file) => Some(Subject::File(file.track_file.clone())),
            _ => None,
        }
    }
}

/// Something that happened. `vs` is the virtual server's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // The fields mean the same throughout.
pub enum Notice {
    /// A check begins.
    Activated { server: ServerName, vs: String },
    /// A check has something to tell.
    Check { subject: Subject, server: ServerName, vs: String, report: Report },
    /// A server takes traffic (again).
    ServerUp { server: ServerName, vs: String, inhibit: bool },
    /// A server takes no traffic any more.
    ServerDown { server: ServerName, vs: String, inhibit: bool },
    /// A reload or a check has changed a server's weight.
    WeightChanged { server: ServerName, vs: String, from: u32, to: u32, up: bool },
    /// A reload no longer names a server.
    ServerGone { server: ServerName, vs: String },
    /// A reload no longer names a virtual server.
    VirtualServerGone { vs: String },
    /// Enough weight is alive.
    QuorumGained { vs: String, quorum: u32, hysteresis: u32, weight: u64 },
    /// Not enough weight is alive; `starting` when it is found so at start or reload.
    QuorumLost { vs: String, quorum: u32, hysteresis: u32, weight: u64, starting: bool },
    /// The sorry server takes the traffic, and no other server does.
    SorryUp { server: ServerName, vs: String, inhibit: bool },
    /// The real servers take the traffic again.
    SorryDown { server: ServerName, vs: String, inhibit: bool },
}

impl Notice {
    /// What a probe met, where that is the reason of the notice.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Notice::Check { report, .. } => match report {
                Report::Failed { failure, .. }
                | Report::TryFailed { failure, .. }
                | Report::NotRun(failure) => Some(failure),
                Report::Succeeded => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Activated { server, vs } => {
                write!(f, "Activating healthchecker for service {server} for VS {vs}")
            }
            Notice::Check { subject: Subject::Tcp, server, report, .. } => match report {
                Report::Succeeded => write!(f, "TCP connection to {server} success."),
                Report::Failed { retries: 0, .. } => write!(f, "TCP_CHECK on service {server} failed."),
                Report::Failed { retries, .. } => {
                    write!(f, "TCP_CHECK on service {server} failed after {retries} retries.")
                }
                Report::TryFailed { failure: Failure::Timeout, .. } => {
                    write!(f, "TCP connection to {server} timeout.")
                }
                Report::TryFailed { .. } => write!(f, "TCP connection to {server} failed."),
                Report::NotRun(_) => write!(f, "TCP_CHECK on service {server} could not run. Rescheduling."),
            },
            Notice::Check { subject: Subject::Misc(program), server, vs, report } => {
                write!(f, "Misc check for [{server} VS {vs}] by [{program}] ")?;
                match report {
                    Report::Succeeded => write!(f, "succeeded."),
                    Report::Failed { retries: 0, failure } => {
                        write!(f, "failed with retry disabled ({failure}).")
                    }
                    Report::Failed { retries, failure } => {
                        write!(f, "failed after {retries} retries ({failure}).")
                    }
                    Report::TryFailed { tries: 0, retries, failure } => {
                        write!(f, "failed, will do {retries} retries ({failure}).")
                    }
                    Report::TryFailed { tries, retries, failure } => {
                        write!(f, "failed on retry {tries}/{retries} ({failure}).")
                    }
                    Report::NotRun(_) => write!(f, "could not run. Rescheduling."),
                }
            }
            Notice::Check { subject: Subject::File(file), server, report, .. } => match report {
                Report::Succeeded => write!(f, "({server}): tracked file {file} leaving FAULT state"),
                Report::NotRun(_) => write!(f, "({server}): tracked file {file} can't be watched"),
                Report::Failed { .. } | Report::TryFailed { .. } => {
                    write!(f, "({server}): tracked file {file} now FAULT state")
                }
            },
            Notice::ServerUp { server, vs, inhibit: false } => {
                write!(f, "Adding service {server} to VS {vs}")
            }
            Notice::ServerUp { server, vs, inhibit: true } => {
                write!(f, "Enabling service {server} of VS {vs}")
            }
            Notice::ServerDown { server, vs, inhibit: false } => {
                write!(f, "Removing service {server} from VS {vs}")
            }
            Notice::ServerDown { server, vs, inhibit: true } => {
                write!(f, "Disabling service {server} of VS {vs}")
            }
            Notice::WeightChanged { server, vs, from, to, up } => {
                let state = if *up { "active" } else { "inactive" };
                write!(f, "Changing weight from {from} to {to} for {state} service {server} of VS {vs}")
            }
            Notice::ServerGone { server, vs } => {
                write!(f, "service {server} no longer exist in VS {vs}")
            }
            Notice::VirtualServerGone { vs } => write!(f, "Removing Virtual Server {vs}"),
            Notice::QuorumGained { vs, quorum, hysteresis, weight } => {
                let threshold = u64::from(*quorum) + u64::from(*hysteresis);
                write!(f, "Gained quorum {quorum}+{hysteresis}={threshold} <= {weight} for VS {vs}")
            }
            Notice::QuorumLost { vs, quorum, hysteresis, weight, starting } => {
                let what = if *starting { "Starting with quorum down" } else { "Lost quorum" };
                let threshold = quorum.saturating_sub(*hysteresis);
                write!(f, "{what} {quorum}-{hysteresis}={threshold} > {weight} for VS {vs}")
            }
            Notice::SorryUp { server, vs, inhibit } => {
                let what = if *inhibit { "Enabling" } else { "Adding" };
                write!(f, "{what} sorry server {server} to VS {vs}")
            }
            Notice::SorryDown { server, vs, inhibit } => {
                let what = if *inhibit { "Disabling" } else { "Removing" };
                write!(f, "{what} sorry server {server} from VS {vs}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that keepalived 2.2.7 wrote in the same situations.
    #[test]
    fn the_words_are_keepaliveds() {
        let server = ServerName { address: "10.9.0.11:80".parse().unwrap(), protocol: Some(Protocol::Tcp) };
        let vs = "[10.9.0.1]:tcp:80".to_string();
        let check = |subject, report| Notice::Check { subject, server, vs: vs.clone(), report };
        let failed = |retries| check(Subject::Tcp, Report::Failed { retries, failure: Failure::Timeout });
        let misc = |report| check(Subject::Misc("/tmp/m2".into()), report);
        let exited = || Failure::Reason("exited with status 1".into());
        let group = "[G]:0".to_string();
        for (notice, line) in [
            (
                Notice::Activated { server, vs: vs.clone() },
                "Activating healthchecker for service [10.9.0.11]:tcp:80 for VS [10.9.0.1]:tcp:80",
            ),
            (failed(0), "TCP_CHECK on service [10.9.0.11]:tcp:80 failed."),
            (failed(2), "TCP_CHECK on service [10.9.0.11]:tcp:80 failed after 2 retries."),
            (check(Subject::Tcp, Report::Succeeded), "TCP connection to [10.9.0.11]:tcp:80 success."),
            (
                misc(Report::Succeeded),
                "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] succeeded.",
            ),
            (
                misc(Report::TryFailed { tries: 0, retries: 2, failure: exited() }),
                "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] failed, will do 2 retries (exited with \
                 status 1).",
            ),
            (
                misc(Report::TryFailed { tries: 1, retries: 2, failure: exited() }),
                "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] failed on retry 1/2 (exited with \
                 status 1).",
            ),
            (
                misc(Report::Failed { retries: 2, failure: exited() }),
                "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] failed after 2 retries (exited with \
                 status 1).",
            ),
            (
                misc(Report::Failed { retries: 0, failure: exited() }),
                "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] failed with retry disabled (exited \
                 with status 1).",
            ),
            (
                check(Subject::File("F".into()), Report::Succeeded),
                "([10.9.0.11]:tcp:80): tracked file F leaving FAULT state",
            ),
            (
                Notice::ServerDown { server, vs: vs.clone(), inhibit: false },
                "Removing service [10.9.0.11]:tcp:80 from VS [10.9.0.1]:tcp:80",
            ),
            (
                Notice::ServerDown { server, vs: vs.clone(), inhibit: true },
                "Disabling service [10.9.0.11]:tcp:80 of VS [10.9.0.1]:tcp:80",
            ),
            (
                Notice::ServerUp { server, vs: vs.clone(), inhibit: false },
                "Adding service [10.9.0.11]:tcp:80 to VS [10.9.0.1]:tcp:80",
            ),
            (
                Notice::ServerUp { server, vs: vs.clone(), inhibit: true },
                "Enabling service [10.9.0.11]:tcp:80 of VS [10.9.0.1]:tcp:80",
            ),
            (
                Notice::WeightChanged { server, vs: vs.clone(), from: 2, to: 3, up: false },
                "Changing weight from 2 to 3 for inactive service [10.9.0.11]:tcp:80 of VS [10.9.0.1]:tcp:80",
            ),
            (
                Notice::QuorumGained { vs: group.clone(), quorum: 2, hysteresis: 1, weight: 3 },
                "Gained quorum 2+1=3 <= 3 for VS [G]:0",
            ),
            (
                Notice::QuorumLost { vs: group, quorum: 2, hysteresis: 1, weight: 0, starting: false },
                "Lost quorum 2-1=1 > 0 for VS [G]:0",
            ),
            (
                Notice::QuorumLost { vs: vs.clone(), quorum: 1, hysteresis: 0, weight: 0, starting: true },
                "Starting with quorum down 1-0=1 > 0 for VS [10.9.0.1]:tcp:80",
            ),
            (
                Notice::SorryUp { server, vs, inhibit: false },
                "Adding sorry server [10.9.0.11]:tcp:80 to VS [10.9.0.1]:tcp:80",
            ),
        ] {
            assert_eq!(notice.to_string(), line);
        }
    }
}
