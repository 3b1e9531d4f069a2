//! Host and service names, as ipvsadm's arguments take them and its listings print them.
//!
//! Who knows the names is the caller's business: grammar and format stay pure.

use crate::ipvs::model::Protocol;
use std::net::{IpAddr, Ipv4Addr};

/// Name services in both directions. `None` is always an answer: then numbers are used, or the argument is refused.
pub trait Names {
    /// The IPv4 address of a host name.
    fn address(&self, host: &str) -> Option<Ipv4Addr>;
    /// The port of a service name (`http`).
    fn port(&self, service: &str, protocol: Protocol) -> Option<u16>;
    /// The name of an address.
    fn host(&self, address: IpAddr) -> Option<String>;
    /// The service name of a port.
    fn service(&self, port: u16, protocol: Protocol) -> Option<String>;
    /// Whether the environment wants options to end at the first other word (`POSIXLY_CORRECT`, `POSIX_ME_HARDER`),
    /// as popt has it.
    fn options_first(&self) -> bool {
        false
    }
}

/// Knows no names: numbers only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Numeric;

impl Names for Numeric {
    fn address(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }
    fn port(&self, _: &str, _: Protocol) -> Option<u16> {
        None
    }
    fn host(&self, _: IpAddr) -> Option<String> {
        None
    }
    fn service(&self, _: u16, _: Protocol) -> Option<String> {
        None
    }
}
