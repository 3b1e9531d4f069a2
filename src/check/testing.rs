//! Configurations for the tests of this room and of its driver.

use super::config::{Checker, Connect, Endpoint, Probe, RealServer, Schedule, SorryServer, VirtualServer};
use crate::ipvs::model::{Dest, Forward, Protocol, ServiceFlags};
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) fn address(s: &str) -> SocketAddr {
    s.parse().unwrap()
}

/// `192.0.2.<host>:80`, checked every 3 s by TCP.
pub(crate) fn server(host: u8) -> RealServer {
    let address = SocketAddr::from(([192, 0, 2, host], 80));
    RealServer {
        address,
        forward: Forward::DirectRoute,
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
        inhibit_on_failure: false,
        alpha: false,
        checkers: vec![check(address)],
    }
}

pub(crate) fn check(to: SocketAddr) -> Checker {
    Checker {
        schedule: Schedule {
            delay_loop: Duration::from_secs(3),
            retry: 1,
            delay_before_retry: Duration::from_secs(1),
            warmup: Duration::from_secs(3),
            alpha: false,
            log_all_failures: false,
        },
        connect: Connect {
            to,
            bind_address: None,
            bind_port: None,
            timeout: Duration::from_secs(3),
            fwmark: 0,
        },
        probe: Probe::Tcp,
    }
}

/// `10.0.0.<host>:80` by round robin.
pub(crate) fn virtual_server(host: u8, real_servers: Vec<RealServer>) -> VirtualServer {
    VirtualServer {
        name: format!("[10.0.0.{host}]:tcp:80"),
        endpoints: vec![Endpoint::Address(SocketAddr::from(([10, 0, 0, host], 80)))],
        protocol: Protocol::Tcp,
        scheduler: "rr".into(),
        flags: ServiceFlags::empty(),
        persistence_timeout: 0,
        persistence_granularity: None,
        persistence_engine: None,
        quorum: 1,
        hysteresis: 0,
        alpha: false,
        omega: false,
        sorry_server: None,
        real_servers,
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
