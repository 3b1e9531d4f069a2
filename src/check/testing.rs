//! Configurations for the tests of this module and of its driver.

use super::config::{Checker, Connect, Endpoint, Probe, RealServer, Schedule, SorryServer, VirtualServer};
use crate::ipvs::model::{Dest, Forward, Protocol};
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) fn address(s: &str) -> SocketAddr {
    s.parse().unwrap()
}

/// `192.0.2.<host>:80`, checked every 3 s by TCP.
pub(crate) fn server(host: u8) -> RealServer {
    let address = SocketAddr::from(([192, 0, 2, host], 80));
    RealServer { forward: Forward::DirectRoute, checkers: vec![check(address)], ..RealServer::new(address) }
}

pub(crate) fn check(to: SocketAddr) -> Checker {
    let schedule =
        Schedule { delay_loop: Duration::from_secs(3), warmup: Duration::from_secs(3), ..Schedule::DEFAULT };
    let connect = Connect { timeout: Duration::from_secs(3), ..Connect::DEFAULT };
    Checker { schedule, connect, ..Checker::new(to, Probe::Tcp) }
}

/// `10.0.0.<host>:80` by round robin.
pub(crate) fn virtual_server(host: u8, real_servers: Vec<RealServer>) -> VirtualServer {
    let endpoint = Endpoint::Address(SocketAddr::from(([10, 0, 0, host], 80)));
    let name = format!("[10.0.0.{host}]:tcp:80");
    VirtualServer {
        scheduler: "rr".into(),
        real_servers,
        ..VirtualServer::new(name, endpoint, Protocol::Tcp)
    }
}

pub(crate) fn sorry(s: &str, inhibit: bool) -> Option<SorryServer> {
    Some(SorryServer { address: address(s), forward: Forward::DirectRoute, inhibit })
}

/// Destinations as `host/weight`, the last number of the address standing for it.
pub(crate) fn short(dests: &[Dest]) -> Vec<String> {
    let host = |d: &Dest| d.key.address.to_string().rsplit(['.', ':']).next().unwrap_or_default().to_string();
    dests.iter().map(|d| format!("{}/{}", host(d), d.weight)).collect()
}
