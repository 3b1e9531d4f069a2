//! What a configuration says of virtual servers: the `virtual_server` blocks, every default resolved.
//!
//! `conf::lower` writes it, the check worker reads it. It holds nothing of the text it came from.

mod probe;
mod service;
mod settings;
mod transition;

pub use probe::{
    Dns, DnsRecord, FileCheck, Http, HttpProtocol, Misc, Probe, Regex, Reply, Tls, TrackWeight, Udp, Url,
};
pub use service::{Agent, Grpc, Ldap, Login, Mysql, Password, Pgsql, PgsqlRole, Redis, RedisRole};
pub use settings::{FlushOnStop, Settings, Timeouts};
pub use transition::{Damping, Transition};

use crate::command::Command;
use crate::ipvs::model::{DestKey, Forward, Netmask, Protocol, ServiceFlags, ServiceKey};
use crate::net::Family;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Everything the check worker runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Config {
    /// The `virtual_server` blocks in the order of the file.
    pub virtual_servers: Vec<VirtualServer>,
    /// The `SSL` block.
    pub ssl: Ssl,
    /// What belongs to no virtual server.
    pub settings: Settings,
}

impl Config {
    /// All checks, of one real server after another.
    pub fn checks(&self) -> impl Iterator<Item = &Checker> {
        let servers = self.virtual_servers.iter().flat_map(|vs| &vs.real_servers);
        servers.flat_map(|server| &server.checkers)
    }
}

/// `SSL`: what the checks that use TLS show and trust.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Ssl {
    /// `ca`: a file of certificates.
    pub ca: Option<String>,
    /// `certificate`: a file.
    pub certificate: Option<String>,
    /// `key`: a file.
    pub key: Option<String>,
    /// `password` of the key.
    pub password: Option<String>,
}

/// One `virtual_server` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct VirtualServer {
    /// What it is called in logs, as in keepalived's: `[192.0.2.1]:tcp:80`, `FWM 5`, or `[GROUP]:0` with the block's
    /// number among those of the group.
    pub name: String,
    /// The kernel services it stands for: one, or one for each entry of its `virtual_server_group`.
    pub endpoints: Vec<Endpoint>,
    /// `nftables_ipvs`: the addresses of its group shall be one firewall mark in the kernel's table.
    pub by_mark: bool,
    /// Those that are: they are no endpoints any more.
    pub marked: Vec<SocketAddr>,
    /// `protocol`; meaningless for firewall marks.
    pub protocol: Protocol,
    /// `lvs_sched` / `lb_algo`.
    pub scheduler: String,
    /// Service flags: `ops`, `sh-port`, … ; persistence follows from `persistence_timeout`.
    pub flags: ServiceFlags,
    /// `persistence_timeout` in seconds; 0 for none.
    pub persistence_timeout: u32,
    /// `persistence_granularity`; `None`: each client address alone, whatever its family.
    pub persistence_granularity: Option<Netmask>,
    /// `persistence_engine`.
    pub persistence_engine: Option<String>,
    /// `quorum`: the total weight of live servers that makes the service live.
    pub quorum: u32,
    /// `hysteresis`: how far above or below the quorum its state changes.
    pub hysteresis: u32,
    /// `alpha`: every server starts as failed, and is added when its checks first pass.
    pub alpha: bool,
    /// `omega`: at shutdown, act as if every server had failed.
    pub omega: bool,
    /// `ha_suspend`: no checks while its address is not set on this machine.
    pub ha_suspend: bool,
    /// `quorum_up`: run when the quorum is gained.
    pub quorum_up: Option<Box<Command>>,
    /// `quorum_down`: run when the quorum is lost.
    pub quorum_down: Option<Box<Command>>,
    /// `smtp_alert`: mail when the quorum is gained or lost.
    pub smtp_alert: bool,
    /// `snmp_name`: what SNMP calls it besides.
    pub snmp_name: Option<Box<str>>,
    /// `track_virtual_server` of some instance or sync group: these are told of its quorum.
    pub is_tracked: bool,
    /// `sorry_server`: takes the traffic while the quorum is lost.
    pub sorry_server: Option<SorryServer>,
    /// `real_server` blocks; address and port are unique.
    pub real_servers: Vec<RealServer>,
}

impl VirtualServer {
    /// The kernel's services that it is made of.
    pub fn keys(&self) -> impl Iterator<Item = ServiceKey> {
        self.endpoints.iter().map(|endpoint| endpoint.key(self.protocol))
    }

    /// A service as keepalived makes it of a block that says nothing but its `protocol`: spread by `wlc`, live while
    /// one server of weight 1 is.
    #[must_use]
    pub fn new(name: impl Into<String>, endpoint: Endpoint, protocol: Protocol) -> VirtualServer {
        VirtualServer {
            name: name.into(),
            endpoints: vec![endpoint],
            by_mark: false,
            marked: Vec::new(),
            protocol,
            scheduler: "wlc".to_owned(),
            flags: ServiceFlags::empty(),
            persistence_timeout: 0,
            persistence_granularity: None,
            persistence_engine: None,
            quorum: 1,
            hysteresis: 0,
            alpha: false,
            omega: false,
            ha_suspend: false,
            quorum_up: None,
            quorum_down: None,
            smtp_alert: false,
            snmp_name: None,
            is_tracked: false,
            sorry_server: None,
            real_servers: Vec::new(),
        }
    }
}

/// One kernel service of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Endpoint {
    /// An address and port; a range of the file is one entry an address.
    Address(SocketAddr),
    /// A firewall mark.
    Fwmark {
        /// The mark.
        mark: u32,
        /// The family of the packets.
        family: Family,
    },
}

impl Endpoint {
    /// Its identity in the kernel's table; a firewall mark has no protocol.
    #[must_use]
    pub const fn key(self, protocol: Protocol) -> ServiceKey {
        match self {
            Endpoint::Address(a) => ServiceKey::Address { protocol, address: a.ip(), port: a.port() },
            Endpoint::Fwmark { mark, family } => ServiceKey::Fwmark { mark, family },
        }
    }

    /// The family of the packets it takes.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Endpoint::Address(a) => Family::of(a.ip()),
            Endpoint::Fwmark { family, .. } => family,
        }
    }

    /// A server's identity below it. Only masquerading can change the port: with every other method packets reach
    /// the server at the endpoint's own port, and at 0, which is any, with a mark. So it is in keepalived.
    #[must_use]
    pub const fn dest_key(self, forward: Forward, server: SocketAddr) -> DestKey {
        let port = match (forward, self) {
            (Forward::Masq, _) => server.port(),
            (_, Endpoint::Address(a)) => a.port(),
            (_, Endpoint::Fwmark { .. }) => 0,
        };
        DestKey { address: server.ip(), port }
    }
}

/// `sorry_server IP PORT [METHOD]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct SorryServer {
    /// Address and port.
    pub address: SocketAddr,
    /// `sorry_server_lvs_method`, else the virtual server's `lvs_method`.
    pub forward: Forward,
    /// `sorry_server_inhibit`: stays in the table at weight 0 instead of being removed.
    pub inhibit: bool,
}

/// One `real_server` block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RealServer {
    /// Address and port: its identity within the virtual server.
    pub address: SocketAddr,
    /// `lvs_method`, else the virtual server's.
    pub forward: Forward,
    /// `weight`.
    pub weight: u32,
    /// `uthreshold`; 0 for none.
    pub upper_threshold: u32,
    /// `lthreshold`; 0 for none.
    pub lower_threshold: u32,
    /// `inhibit_on_failure`: a failed server stays in the table at weight 0 instead of being removed.
    pub inhibit_on_failure: bool,
    /// `alpha` of the real server, else the virtual server's.
    pub alpha: bool,
    /// `backup`: takes traffic while too few of the others live.
    pub backup: bool,
    /// How it comes and goes, where that takes time.
    pub transition: Option<Box<Transition>>,
    /// `notify_up`: run when it takes traffic (again).
    pub notify_up: Option<Box<Command>>,
    /// `notify_down`: run when it takes no traffic any more.
    pub notify_down: Option<Box<Command>>,
    /// `smtp_alert`: mail when it comes or goes.
    pub smtp_alert: bool,
    /// `snmp_name`: what SNMP calls it besides.
    pub snmp_name: Option<Box<str>>,
    /// Its checks: it is up while all of them pass.
    pub checkers: Vec<Checker>,
}

impl RealServer {
    /// A server as an empty block makes it: by masquerading, of weight 1, and never checked.
    #[must_use]
    pub const fn new(address: SocketAddr) -> RealServer {
        RealServer {
            address,
            forward: Forward::Masq,
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
            inhibit_on_failure: false,
            alpha: false,
            backup: false,
            transition: None,
            notify_up: None,
            notify_down: None,
            smtp_alert: true,
            snmp_name: None,
            checkers: Vec::new(),
        }
    }
}

/// One check of a real server: when, and what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Checker {
    /// `connect_ip` and `connect_port`, else the real server's: where it connects to.
    pub to: SocketAddr,
    /// When it runs, and how often it may fail.
    pub schedule: Schedule,
    /// From where, and how long it may take.
    pub connect: Connect,
    /// What it does there.
    pub probe: Probe,
}

impl Checker {
    /// A check of `to` with the schedule that most kinds have.
    #[must_use]
    pub const fn new(to: SocketAddr, probe: Probe) -> Checker {
        Checker { to, schedule: Schedule::DEFAULT, connect: Connect::DEFAULT, probe }
    }
}

/// When a check runs, resolved from checker, real server and virtual server, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Schedule {
    /// `delay_loop`: from the end of one check to the start of the next.
    pub delay_loop: Duration,
    /// `retry`: further tries before the check counts as failed.
    pub retry: u32,
    /// `delay_before_retry`: before each of these.
    pub delay_before_retry: Duration,
    /// `rise`: so many checks in a row must pass for a server that is down to come back.
    pub rise: u32,
    /// `warmup`: the first check comes at a random moment of this long.
    pub warmup: Duration,
    /// `alpha` as it holds for this checker: failed until it first passes.
    pub alpha: bool,
    /// `log_all_failures`: each failed try is logged, not just the change.
    pub log_all_failures: bool,
}

impl Schedule {
    /// What most kinds of checks do where nothing is said: once a minute, and once more a second after a failure.
    pub const DEFAULT: Schedule = Schedule {
        delay_loop: Duration::from_secs(60),
        retry: 1,
        delay_before_retry: Duration::from_secs(1),
        rise: 1,
        warmup: Duration::from_secs(60),
        alpha: false,
        log_all_failures: false,
    };
}

/// How a check connects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Connect {
    /// `bindto`: source address.
    pub bind_address: Option<IpAddr>,
    /// `bind_port`: source port.
    pub bind_port: Option<u16>,
    /// `bind_if`: the interface to use.
    pub bind_if: Option<Box<str>>,
    /// `connect_timeout`.
    pub timeout: Duration,
    /// `fwmark` on the check's packets; 0 for none.
    pub fwmark: u32,
    /// `half_open`: the connection is reset before the server's program hears of it.
    pub half_open: bool,
}

impl Connect {
    /// From wherever the kernel likes, within five seconds.
    pub const DEFAULT: Connect = Connect {
        bind_address: None,
        bind_port: None,
        bind_if: None,
        timeout: Duration::from_secs(5),
        fwmark: 0,
        half_open: false,
    };
}
