//! Virtual servers, real servers, and their checks.

use crate::check::balancer::shown::{Shown, ShownChecker};
use crate::check::checker::Status;
use crate::check::config::{self, Checker as Settings, Password, Probe};
use crate::check::virtual_server;
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;

/// What stands for a secret.
const MASKED: &str = "********";

/// Everything that the check worker knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Check {
    /// In the order of the configuration.
    pub virtual_servers: Vec<VirtualServer>,
}

/// A virtual server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct VirtualServer {
    /// What was asked for. Real servers, with their checks, stand below.
    pub config: config::VirtualServer,
    /// There is weight enough.
    pub has_quorum: bool,
    /// The sorry server has the traffic.
    pub sorry_serves: bool,
    /// The weight of the servers that live.
    pub live_weight: u64,
    /// In the order of the configuration.
    pub real_servers: Vec<RealServer>,
}

/// A real server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct RealServer {
    /// What was asked for.
    pub config: config::RealServer,
    /// As logs name it.
    pub name: String,
    /// None of its checks fails, and it is not held back.
    pub is_up: bool,
    /// The weight that it has while it is up: what checks add is in it.
    pub weight: u32,
    /// The weight that it should have in the kernel's table; none where it should not be there.
    pub wanted_weight: Option<u32>,
    /// Its checks.
    pub checkers: Vec<Checker>,
}

/// A check of a real server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Checker {
    /// What it does, and when. Secrets are masked.
    pub settings: Settings,
    /// It passes, or is taken to.
    pub is_up: bool,
    /// It has told something by itself.
    pub has_run: bool,
    /// What it adds to the server's weight.
    pub adds: i64,
    /// Failed tries in a row that were not believed yet.
    pub tries: u32,
    /// `ha_suspend`: nobody is asked.
    pub is_suspended: bool,
}

impl Check {
    /// Of what the worker has copied.
    #[must_use]
    pub fn of(shown: Shown) -> Check {
        let mut virtual_servers: Vec<VirtualServer> = shown.virtual_servers.iter().map(of_one).collect();
        for checker in &shown.checkers {
            for (vs, rs) in &checker.subscribers {
                let Some(vs) = virtual_servers.get_mut(*vs as usize) else { continue };
                if let Some(rs) = vs.real_servers.get_mut(*rs as usize) {
                    rs.checkers.push(of_checker(checker, rs.config.weight));
                }
            }
        }
        Check { virtual_servers }
    }
}

fn of_one(vs: &virtual_server::VirtualServer) -> VirtualServer {
    let real_servers = vs.config().real_servers.iter().enumerate().map(|(place, rs)| {
        let endpoint = vs.config().endpoints.first();
        let wanted = endpoint.and_then(|e| vs.dest(*e, e.dest_key(rs.forward, rs.address)));
        RealServer {
            config: rs.clone(),
            name: vs.server_name(rs.address).to_string(),
            is_up: vs.server_status(place) == Status::Up,
            weight: vs.server_weight(place),
            wanted_weight: wanted.map(|dest| dest.weight),
            checkers: Vec::new(),
        }
    });
    VirtualServer {
        has_quorum: vs.quorum() == Status::Up,
        sorry_serves: vs.sorry_active(),
        live_weight: vs.live_weight(),
        real_servers: real_servers.collect(),
        config: config::VirtualServer { real_servers: Vec::new(), ..vs.config().clone() },
    }
}

/// Nothing that anybody could log in with leaves.
fn mask(probe: &mut Probe) {
    let login = match probe {
        Probe::Mysql(mysql) => &mut mysql.login,
        Probe::Pgsql(pgsql) => &mut pgsql.login,
        Probe::Ldap(ldap) => &mut ldap.login,
        Probe::Redis(redis) => &mut redis.login,
        _ => return,
    };
    if let Some(Password::Text(text)) = &mut login.password {
        *text = MASKED.into();
    }
}

fn of_checker(shown: &ShownChecker, configured: u32) -> Checker {
    let to = shown.check.to;
    let schedule = shown.check.settings.schedule;
    let (connect, mut probe) = (shown.check.settings.connect.clone(), shown.check.settings.probe.clone());
    mask(&mut probe);
    Checker {
        settings: Settings { to, schedule, connect, probe },
        is_up: shown.status == Status::Up,
        has_run: shown.has_run,
        adds: shown.weight.adds_to(configured),
        tries: shown.tries,
        is_suspended: shown.is_suspended,
    }
}
