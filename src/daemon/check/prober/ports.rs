//! The ports that the kernel gives to connections that ask for none: one of them, on this very machine and with nobody
//! listening, can be connected to itself. Not to ask each connection for that spares a system call a check.

use crate::check::config::Connect;
use crate::sys::settings;
use std::net::SocketAddr;
use std::ops::RangeInclusive;

/// `net.ipv4.ip_local_port_range`, which holds for IPv6, too.
#[derive(Debug)]
pub(super) struct EphemeralPorts(RangeInclusive<u16>);

impl EphemeralPorts {
    /// Those of this network namespace, as they are now.
    pub(super) fn read() -> EphemeralPorts {
        settings::read_v4_range("ip_local_port_range").map_or(EphemeralPorts::UNKNOWN, EphemeralPorts)
    }

    /// Any port may be one.
    pub(super) const UNKNOWN: EphemeralPorts = EphemeralPorts(0..=u16::MAX);

    /// Whether a connection there may turn out to be one to itself.
    pub(super) fn may_be_met(&self, to: SocketAddr, connect: &Connect) -> bool {
        match connect.bind_port {
            Some(from) if from != 0 => from == to.port(),
            _ => self.0.contains(&to.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_port_that_the_kernel_or_the_check_gives_can_be_met() {
        let ports = EphemeralPorts(32768..=60999);
        let met = |port, bind_port| {
            let connect = Connect { bind_port, ..Connect::DEFAULT };
            ports.may_be_met(([192, 0, 2, 1], port).into(), &connect)
        };
        assert_eq!(
            [80, 32767, 32768, 60999, 61000].map(|port| met(port, None)),
            [false, false, true, true, false]
        );
        assert_eq!([80, 40000].map(|port| met(port, Some(80))), [true, false]);
        assert!(met(40000, Some(0)));
        assert!(EphemeralPorts::UNKNOWN.may_be_met(([192, 0, 2, 1], 80).into(), &Connect::DEFAULT));
    }

    #[test]
    fn this_namespace_has_some() {
        let EphemeralPorts(range) = EphemeralPorts::read();
        let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        assert_eq!(
            text.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            [range.start(), range.end()].map(u16::to_string)
        );
    }
}
