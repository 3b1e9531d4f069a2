//! The checksum of an advertisement, and the ways in which keepalived made it.

use super::PROTOCOL;
use crate::vrrp::config::Version;
use crate::wire::internet_checksum;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// What a checksum of version 3 over IPv4 covers; all others are as in the RFC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sum {
    /// A pseudo-header before the packet (RFC 5798 §5.2.8), as in keepalived.
    #[default]
    PseudoHeader,
    /// The packet alone, as version 2 does, and RFC 9568 §5.2.8: `v3_checksum_as_v2`.
    AsV2,
    /// A pseudo-header with this group as its destination, whatever the packet's is: keepalived before 1.3.7 over unicast,
    /// `old_unicast_checksum`.
    Group(Ipv4Addr),
}

impl Sum {
    /// Puts the checksum of these bytes into them.
    pub fn renew(self, version: Version, source: IpAddr, destination: IpAddr, bytes: &mut [u8]) {
        let Some(place) = bytes.get_mut(6..8) else { return };
        place.fill(0);
        let sum = self.of(version, source, destination, bytes).to_be_bytes();
        bytes.iter_mut().skip(6).zip(sum).for_each(|(to, from)| *to = from);
    }

    /// The checksum of these bytes; 0 if theirs is among them, and right.
    #[must_use]
    pub fn of(self, version: Version, source: IpAddr, destination: IpAddr, bytes: &[u8]) -> u16 {
        let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        let [high, low] = len.to_be_bytes();
        match (version, source, destination, self) {
            (Version::V3, IpAddr::V6(s), IpAddr::V6(d), _) => internet_checksum(&[
                &s.octets(),
                &d.octets(),
                &u32::from(len).to_be_bytes(),
                &[0, 0, 0, PROTOCOL],
                bytes,
            ]),
            (Version::V3, IpAddr::V4(s), IpAddr::V4(d), Sum::PseudoHeader)
            | (Version::V3, IpAddr::V4(s), _, Sum::Group(d)) => {
                internet_checksum(&[&s.octets(), &d.octets(), &[0, PROTOCOL, high, low], bytes])
            }
            _ => internet_checksum(&[bytes]),
        }
    }
}
