//! The advertisement of VRRP on the wire: versions 2 and 3, encode, decode, checksum.
//!
//! Read RFC 9568 §5 (version 3) and RFC 3768 §5 (version 2) first. This file knows what is well formed; whether a
//! well-formed advert is believed is the business of [`super::instance`]. What stands below IP (TTL, addresses)
//! travels beside the bytes, see [`super::event::Received`].
//!
//! Version 2, IPv4 only:
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Version| Type  | Virtual Rtr ID|   Priority    | Count IP Addrs|
//! |   Auth Type   |   Adver Int   |          Checksum             |
//! |                         IP Address (n)                        |
//! |                     Authentication Data (8)                   |
//! ```
//!
//! Version 3, both families; the checksum covers a pseudo-header (RFC 5798 §5.2.8; RFC 9568 has none over IPv4, see
//! [`Sum`]):
//!
//! ```text
//! |Version| Type  | Virtual Rtr ID|   Priority    |  Count IP Addr|
//! |(rsvd) |     Max Adver Int     |          Checksum             |
//! |                       IPvX Address (n)                        |
//! ```

mod addresses;
pub mod ah;
mod sum;
pub mod trailer;

pub use addresses::{Addresses, Difference};
pub use sum::Sum;

use super::config::{Version, Vrid};
use super::shared::Shared;
use crate::net::Family;
use crate::wire::Reader;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// The IP protocol number of VRRP.
pub const PROTOCOL: u8 = 112;

/// The TTL or hop limit every advert carries and must arrive with (RFC 9568 §5.1.1.3, §5.1.2.3).
pub const TTL: u8 = 255;

/// The priority of the address owner (RFC 9568 §5.2.4).
pub const PRIORITY_OWNER: u8 = 255;

/// The priority that says "I am leaving" (RFC 9568 §5.2.4).
pub const PRIORITY_STOP: u8 = 0;

/// The one packet type there is.
const TYPE_ADVERTISEMENT: u8 = 1;
const HEADER_LEN: usize = 8;
const ETHERNET_HEADER_LEN: usize = 14;
const AUTH_LEN: usize = 8;
const AUTH_NONE: u8 = 0;
const AUTH_PASS: u8 = 1;
const AUTH_AH: u8 = 2;

/// An advertisement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advert {
    /// Which virtual router it speaks for.
    pub vrid: Vrid,
    /// The sender's priority; 0 says that it leaves.
    pub priority: u8,
    /// The virtual addresses in their order, all of one family. Not more than 255 fit.
    pub addresses: Shared<[IpAddr]>,
    /// What differs between the versions.
    pub body: Body,
}

/// The part of an advertisement that differs between the versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// RFC 3768.
    V2 {
        /// The sender's interval in seconds.
        interval: Secs,
        /// What it shows for itself.
        auth: Authentication,
    },
    /// RFC 9568.
    V3 {
        /// The sender's interval in hundredths of a second.
        interval: Centis,
    },
}

impl Body {
    /// The version on the wire.
    #[must_use]
    pub const fn version(&self) -> Version {
        match self {
            Body::V2 { .. } => Version::V2,
            Body::V3 { .. } => Version::V3,
        }
    }
}

/// An interval as version 2 carries it: whole seconds, 1 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Secs(pub u8);

impl From<Duration> for Secs {
    /// Cuts off what the field can't carry.
    fn from(d: Duration) -> Secs {
        Secs(u8::try_from(d.as_secs()).unwrap_or(u8::MAX).max(1))
    }
}

impl From<Secs> for Duration {
    fn from(s: Secs) -> Duration {
        Duration::from_secs(s.0.into())
    }
}

/// An interval as version 3 carries it: hundredths of a second, 1 to 4095.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Centis(pub u16);

impl Centis {
    /// The field has twelve bits.
    const MAX: u16 = 0x0fff;
}

impl From<Duration> for Centis {
    /// Cuts off what the field can't carry.
    fn from(d: Duration) -> Centis {
        Centis(u16::try_from(d.as_millis() / 10).unwrap_or(Centis::MAX).clamp(1, Centis::MAX))
    }
}

impl From<Centis> for Duration {
    fn from(c: Centis) -> Duration {
        Duration::from_millis(u64::from(c.0) * 10)
    }
}

/// The authentication of version 2, as it stands in the packet.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authentication {
    /// Type 0. The eight bytes at the end carry nothing.
    None,
    /// Type 1, a password in clear text, padded with zeros (RFC 2338 §5.3.6.2).
    Pass([u8; 8]),
    /// Type 2: an IPsec authentication header stands before the packet, see [`ah`].
    Ah,
    /// A type that this program doesn't speak.
    Other(u8),
}

/// Why bytes are no VRRP advertisement. One variant is one rule of the RFC that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum DecodeError {
    /// "MUST verify that the received packet contains the complete VRRP packet (including fixed fields, IPvX
    /// addresses)" (RFC 9568 §7.1); in version 2 the authentication data as well.
    #[error("{got} bytes where the header promises {expected}")]
    Length {
        /// What the header promises, or the least a header has.
        expected: usize,
        /// What arrived.
        got: usize,
    },
    /// "MUST verify the VRRP version" (RFC 9568 §7.1): neither 2 nor 3, or version 2 over IPv6.
    #[error("version {0} is not spoken here")]
    Version(u8),
    /// "A packet with unknown type MUST be discarded" (RFC 9568 §5.2.2).
    #[error("type {0} is no advertisement")]
    Type(u8),
    /// "1-255" (RFC 9568 §5.2.3).
    #[error("virtual router 0 does not exist")]
    Vrid,
    /// "The minimum value is 1" (RFC 9568 §5.2.7; RFC 3768 §5.3.7).
    #[error("an advertisement interval of zero")]
    Interval,
    /// "MUST verify the VRRP checksum" (RFC 9568 §7.1).
    #[error("the checksum is wrong")]
    Checksum,
}

impl Advert {
    /// The packet's bytes from the VRRP header on. `source` and `destination` are those of the IP header that
    /// version 3 checks as well.
    #[must_use]
    pub fn encode(&self, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        self.encode_with(Sum::PseudoHeader, source, destination)
    }

    /// The same with a checksum of another kind.
    #[must_use]
    pub fn encode_with(&self, sum: Sum, source: IpAddr, destination: IpAddr) -> Vec<u8> {
        let count = u8::try_from(self.addresses.len()).unwrap_or(u8::MAX);
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.addresses.len() * 16 + AUTH_LEN);
        let version = self.body.version();
        bytes.extend([version.number() << 4 | TYPE_ADVERTISEMENT, self.vrid.get(), self.priority, count]);
        match &self.body {
            Body::V2 { interval, auth } => bytes.extend([auth.kind(), interval.0]),
            Body::V3 { interval } => bytes.extend((interval.0 & Centis::MAX).to_be_bytes()),
        }
        bytes.extend([0, 0]);
        for address in self.addresses.iter().take(count.into()) {
            match address {
                IpAddr::V4(a) => bytes.extend(a.octets()),
                IpAddr::V6(a) => bytes.extend(a.octets()),
            }
        }
        if let Body::V2 { auth, .. } = &self.body {
            bytes.extend(auth.data());
        }
        let sum = sum.of(version, source, destination, &bytes);
        bytes[6..8].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// [`Advert::parse`], kept.
    ///
    /// # Errors
    /// The first rule of the RFC that the bytes break.
    pub fn decode(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Result<Advert, DecodeError> {
        let Parsed { vrid, priority, addresses, body, .. } = Advert::parse(bytes, source, destination)?;
        Ok(Advert { vrid, priority, addresses: addresses.iter().collect(), body })
    }

    /// Reads the bytes from the VRRP header on, as they came from `source` to `destination`, without a copy.
    ///
    /// # Errors
    /// The first rule of the RFC that they break.
    pub fn parse(bytes: &[u8], source: IpAddr, destination: IpAddr) -> Result<Parsed<'_>, DecodeError> {
        let parsed = Advert::parse_front(bytes, Family::of(source))?;
        parsed.ends_here()?;
        parsed.check_sum(Sum::PseudoHeader, source, destination)?;
        Ok(parsed)
    }

    /// Whose advert it is, if it is one: both versions say so in the second byte.
    #[must_use]
    pub fn vrid_of(bytes: &[u8]) -> Option<Vrid> {
        bytes.get(1).copied().and_then(Vrid::new)
    }

    /// Reads the bytes from the VRRP header on, without their checksum; something may stand behind them.
    ///
    /// # Errors
    /// The first rule of the RFC that they break.
    pub fn parse_front(bytes: &[u8], family: Family) -> Result<Parsed<'_>, DecodeError> {
        let short = DecodeError::Length { expected: HEADER_LEN, got: bytes.len() };
        let mut r = Reader::new(bytes);
        let [version_type, vrid, priority, count] = r.array().ok_or(short)?;
        let interval: [u8; 2] = r.array().ok_or(short)?;
        r.u16().ok_or(short)?;
        let version = match (version_type >> 4, family) {
            (2, Family::V4) => Version::V2,
            (3, _) => Version::V3,
            (other, _) => return Err(DecodeError::Version(other)),
        };
        if version_type & 0x0f != TYPE_ADVERTISEMENT {
            return Err(DecodeError::Type(version_type & 0x0f));
        }
        let auth_len = if version == Version::V2 { AUTH_LEN } else { 0 };
        let addresses_len = usize::from(count) * usize::from(family.bits() / 8);
        let expected = HEADER_LEN + addresses_len + auth_len;
        let long = DecodeError::Length { expected, got: bytes.len() };
        let whole = bytes;
        let (bytes, behind) = bytes.split_at_checked(expected).ok_or(long)?;
        let vrid = Vrid::new(vrid).ok_or(DecodeError::Vrid)?;
        let (addresses, auth) = bytes.split_at_checked(HEADER_LEN + addresses_len).ok_or(short)?;
        let addresses = Addresses::new(family, addresses.get(HEADER_LEN..).ok_or(short)?);
        let body = match version {
            Version::V2 => {
                let data = *auth.first_chunk().ok_or(short)?;
                let auth = match interval[0] {
                    AUTH_NONE => Authentication::None,
                    AUTH_PASS => Authentication::Pass(data),
                    AUTH_AH => Authentication::Ah,
                    other => Authentication::Other(other),
                };
                Body::V2 { interval: Secs(interval[1]), auth }
            }
            Version::V3 => Body::V3 { interval: Centis(u16::from_be_bytes(interval) & Centis::MAX) },
        };
        match body {
            Body::V2 { interval: Secs(0), .. } | Body::V3 { interval: Centis(0) } => {
                Err(DecodeError::Interval)
            }
            _ => Ok(Parsed { vrid, priority, addresses, body, bytes, behind, whole }),
        }
    }

    /// How many addresses an advert has on a link of that MTU, in bytes. Both ends must reckon alike: as keepalived does,
    /// the Ethernet header is taken off the MTU too, so that the last few that would fit are left out.
    #[must_use]
    pub fn room(version: Version, family: Family, mtu: u32) -> usize {
        let (headers, address) = match family {
            Family::V4 => (ETHERNET_HEADER_LEN + 20, 4),
            Family::V6 => (ETHERNET_HEADER_LEN + 40, 16),
        };
        let auth = if version == Version::V2 { AUTH_LEN } else { 0 };
        let mtu = usize::try_from(mtu).unwrap_or(usize::MAX);
        (mtu.saturating_sub(headers + HEADER_LEN + auth) / address).min(u8::MAX.into())
    }
}

/// An advertisement in the bytes that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// Which virtual router it speaks for.
    pub vrid: Vrid,
    /// The sender's priority; 0 says that it leaves.
    pub priority: u8,
    /// The virtual addresses in their order.
    pub addresses: Addresses<'a>,
    /// What differs between the versions.
    pub body: Body,
    /// The advertisement's bytes.
    pub bytes: &'a [u8],
    /// What stands behind them.
    pub behind: &'a [u8],
    /// Both.
    pub whole: &'a [u8],
}

impl Parsed<'_> {
    /// Nothing may stand behind the advertisement.
    ///
    /// # Errors
    /// Something does.
    pub fn ends_here(&self) -> Result<(), DecodeError> {
        let expected = self.bytes.len();
        match self.behind.len() {
            0 => Ok(()),
            more => Err(DecodeError::Length { expected, got: expected + more }),
        }
    }

    /// Whether the checksum is right, if it is of that kind.
    ///
    /// # Errors
    /// It is not.
    pub fn check_sum(&self, kind: Sum, source: IpAddr, destination: IpAddr) -> Result<(), DecodeError> {
        // In IPv6 it covers what stands behind the advertisement, too: the kernel makes it so for keepalived.
        let summed = if source.is_ipv6() { self.whole } else { self.bytes };
        // The sum over a correct packet, its own checksum included, is zero.
        match kind.of(self.body.version(), source, destination, summed) {
            0 => Ok(()),
            _ => Err(DecodeError::Checksum),
        }
    }
}

/// Without the password.
impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Authentication::None => f.write_str("None"),
            Authentication::Pass(_) => f.write_str("Pass(***)"),
            Authentication::Ah => f.write_str("Ah"),
            Authentication::Other(kind) => f.debug_tuple("Other").field(kind).finish(),
        }
    }
}

impl Authentication {
    /// The type on the wire.
    #[must_use]
    pub const fn kind(self) -> u8 {
        match self {
            Authentication::None => AUTH_NONE,
            Authentication::Pass(_) => AUTH_PASS,
            Authentication::Ah => AUTH_AH,
            Authentication::Other(kind) => kind,
        }
    }

    const fn data(self) -> [u8; AUTH_LEN] {
        match self {
            Authentication::Pass(data) => data,
            Authentication::None | Authentication::Ah | Authentication::Other(_) => [0; AUTH_LEN],
        }
    }
}

#[cfg(test)]
mod tests;
