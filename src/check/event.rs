//! What the machines are told, what they want done, and what there is to tell of checks, servers and quorums.
//!
//! Reports are values: log lines are made of them (`sentence`), and so will be mails and lines for FIFOs. At
//! which level they are logged is the driver's choice.

use super::config::{Probe, Url};
use super::probe::{Failure, Outcome};
use super::target::Check;
use crate::command::Command;
use crate::ipvs::model::{DestKey, Protocol, ServiceKey};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A probe under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProbeId {
    pub(super) slot: u32,
    pub(super) run: u64,
}

impl ProbeId {
    /// The number of its check: the same for each of its probes, until a reload.
    #[must_use]
    pub const fn check(self) -> u32 {
        self.slot
    }
}

/// What happens to a balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A probe has ended, or what is watched was looked at; one that was cancelled may still come in, and is ignored.
    ProbeFinished {
        /// Which one.
        probe: ProbeId,
        /// How.
        outcome: Outcome,
    },
    /// These addresses of services are set on this machine now: `ha_suspend`.
    Addresses(HashSet<IpAddr>),
}

/// What a balancer wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Start the probe that [`super::Balancer::check`] says.
    StartProbe(ProbeId),
    /// End a probe; its outcome does not matter any more.
    CancelProbe(ProbeId),
    /// [`super::Balancer::service`] gives another answer for this service now.
    ServiceChanged(ServiceKey),
    /// [`super::Balancer::dest`] gives another answer for this destination now.
    DestChanged(ServiceKey, DestKey),
    /// Something worth telling.
    Report(Report),
    /// Tell whoever wants to know: the programs of one virtual server one after another.
    Notify(Notice),
    /// Send this mail about a check.
    Mail(Alert),
}

/// What programs and the readers of FIFOs are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The virtual server's name.
    pub vs: String,
    /// What it is about.
    pub subject: Subject,
    /// Whether it takes traffic; of a virtual server, whether the quorum is there.
    pub up: bool,
    /// The program that wants to know, if there is one.
    pub program: Option<Box<Command>>,
    /// The mail about it, where one is asked for.
    pub mail: Option<Box<Alert>>,
}

/// A mail, without what the daemon puts before its subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// It tells of a check whose real server is as it was, which `no_checker_emails` keeps back.
    pub is_of_check_alone: bool,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The virtual server itself.
    VirtualServer,
    /// One of its real servers.
    RealServer(ServerName),
}

impl Notice {
    /// The line for FIFOs, with its end.
    #[must_use]
    pub fn fifo_line(&self) -> String {
        let Notice { vs, subject, up, .. } = self;
        let state = if *up { "UP" } else { "DOWN" };
        match subject {
            Subject::VirtualServer => format!("VS {vs} {state}\n"),
            Subject::RealServer(server) => format!("RS {server} {vs} {state}\n"),
        }
    }
}

/// What a checker has to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckReport {
    /// The server answered, for the first time or again.
    Succeeded,
    /// The check failed for good.
    Failed {
        /// Tries behind the first one.
        retries: u32,
        /// What the last of them met.
        failure: Failure,
    },
    /// One try failed, and others follow (`log_all_failures`).
    TryFailed {
        /// Failed tries before it.
        tries: u32,
        /// Tries behind the first one.
        retries: u32,
        /// What it met.
        failure: Failure,
    },
    /// A page came as it should, of a server that is down.
    PagePassed {
        /// Its place among those of the check.
        page: usize,
    },
    /// The probe could not be run.
    NotRun(Failure),
}

/// A real server as logs name it: `[192.0.2.11]:tcp:3306`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServerName {
    /// `real_server`'s address and port.
    pub address: SocketAddr,
    /// The virtual server's protocol; `None` where firewall marks alone decide.
    pub protocol: Option<Protocol>,
}

/// A check as logs name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckName {
    /// `TCP_CHECK`
    Tcp,
    /// `HTTP_GET`, `SSL_GET`
    Http {
        /// `SSL_GET`
        tls: bool,
        /// What decides of each page, and its path.
        pages: Vec<(PageTest, Box<str>)>,
    },
    /// `SMTP_CHECK` of this server.
    Smtp(SocketAddr),
    /// `DNS_CHECK`
    Dns,
    /// `UDP_CHECK`
    Udp,
    /// `PING_CHECK`
    Ping,
    /// `MISC_CHECK` of this program.
    Misc(Box<str>),
    /// `FILE_CHECK` of this `track_file`.
    File(Box<str>),
    /// `BFD_CHECK` of this `bfd_instance`.
    Bfd(Box<str>),
    /// One that speaks a service's own protocol, by its keyword.
    Service(Box<str>),
}

/// What decides, behind all else, whether a page is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PageTest {
    /// Nothing but the status.
    Status,
    /// `digest`
    Digest,
    /// `regex`
    Regex,
}

impl CheckName {
    /// That of a configured check.
    #[must_use]
    pub fn of(check: &Check) -> CheckName {
        match &check.settings.probe {
            Probe::Tcp => CheckName::Tcp,
            Probe::Http(http) => CheckName::Http {
                tls: http.tls.is_some(),
                pages: http.urls.iter().map(|url| (PageTest::of(url), url.path.clone())).collect(),
            },
            Probe::Smtp { .. } => CheckName::Smtp(check.to),
            Probe::Dns(_) => CheckName::Dns,
            Probe::Udp(_) => CheckName::Udp,
            Probe::Ping => CheckName::Ping,
            Probe::Misc(misc) => CheckName::Misc(misc.command.program().into()),
            Probe::File(file) => CheckName::File(file.track_file.clone()),
            Probe::Bfd { name } => CheckName::Bfd(name.clone()),
            probe @ (Probe::Agent(_)
            | Probe::Mysql(_)
            | Probe::Pgsql(_)
            | Probe::Ldap(_)
            | Probe::Grpc(_)
            | Probe::Redis(_)) => CheckName::Service(probe.service().unwrap_or_default().into()),
        }
    }
}

impl PageTest {
    const fn of(url: &Url) -> PageTest {
        match url {
            Url { regex: Some(_), .. } => PageTest::Regex,
            Url { digest: Some(_), .. } => PageTest::Digest,
            _ => PageTest::Status,
        }
    }
}

/// Something that happened. `vs` is the virtual server's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // The fields mean the same throughout.
pub enum Report {
    /// A check begins.
    Activated { server: ServerName, vs: String },
    /// A check does not begin, or pauses: the service's address is not set here.
    Suspended { server: ServerName, vs: String, starting: bool },
    /// A check has something to tell.
    Check { check: CheckName, server: ServerName, vs: String, report: CheckReport },
    /// A server takes traffic (again).
    ServerUp { server: ServerName, vs: String, inhibit: bool },
    /// A server takes no traffic any more.
    ServerDown { server: ServerName, vs: String, inhibit: bool },
    /// A server whose checks pass again is held back: it went down too often.
    ServerHeld { server: ServerName, vs: String, count: u32, within: Duration, hold: Duration },
    /// The backup servers take traffic, or no more; `weight` is that of the others that are alive.
    Backups { vs: String, serve: bool, weight: u64 },
    /// A reload or a check has changed a server's weight.
    WeightChanged { server: ServerName, vs: String, from: u32, to: u32, up: bool },
    /// A reload no longer names a server.
    ServerGone { server: ServerName, vs: String },
    /// A server goes with its virtual server, which a reload no longer names.
    ServerRemoved { server: ServerName, vs: String, inhibited: bool },
    /// A server goes with the worker, which stops.
    ServerShutDown { server: ServerName, vs: String, inhibited: bool },
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

impl Report {
    /// What a probe met, where that is the reason of the report and its sentence does not say so itself.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Report::Check {
                check: CheckName::Misc(_),
                report: CheckReport::Failed { .. } | CheckReport::TryFailed { .. },
                ..
            } => None,
            Report::Check { report, .. } => match report {
                CheckReport::Failed { failure, .. }
                | CheckReport::TryFailed { failure, .. }
                | CheckReport::NotRun(failure) => Some(failure),
                CheckReport::Succeeded | CheckReport::PagePassed { .. } => None,
            },
            _ => None,
        }
    }
}
