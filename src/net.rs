//! The small network values that every room speaks of: MAC addresses, addresses with a prefix length,
//! and what the tables of names for routing are called.
//!
//! Plain data with text forms; nothing here asks the system anything.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// A 48-bit Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`
    pub const BROADCAST: MacAddr = MacAddr([0xff; 6]);
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The address family of a service, an instance, an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Family {
    /// IPv4 (`AF_INET`).
    V4,
    /// IPv6 (`AF_INET6`).
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// Bits in an address of this family: 32 or 128.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

/// An address and its prefix length, as `ip address` shows it: `192.0.2.1/24`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct IpNet {
    /// The address itself, host bits kept.
    pub address: IpAddr,
    /// Bits of the prefix: 0 to 32, or to 128.
    pub prefix_len: u8,
}

impl IpNet {
    /// The address alone: /32 or /128.
    #[must_use]
    pub const fn host(address: IpAddr) -> IpNet {
        IpNet { address, prefix_len: Family::of(address).bits() }
    }
}

impl fmt::Display for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

impl fmt::Debug for IpNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The tables of names in `/etc/iproute2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NameTable {
    /// Routing tables.
    Tables,
    /// Routing protocols: who sets a route.
    Protocols,
    /// Scopes of addresses and routes.
    Scopes,
    /// Realms of routing.
    Realms,
    /// Types of service.
    Fields,
    /// Groups of interfaces.
    Groups,
}

impl NameTable {
    /// Every one.
    pub const ALL: [NameTable; 6] = [
        NameTable::Tables,
        NameTable::Protocols,
        NameTable::Scopes,
        NameTable::Realms,
        NameTable::Fields,
        NameTable::Groups,
    ];

    /// The file's name.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            NameTable::Tables => "rt_tables",
            NameTable::Protocols => "rt_protos",
            NameTable::Scopes => "rt_scopes",
            NameTable::Realms => "rt_realms",
            NameTable::Fields => "rt_dsfield",
            NameTable::Groups => "group",
        }
    }

    /// The greatest number.
    #[must_use]
    pub const fn max(self) -> u32 {
        match self {
            NameTable::Tables => u32::MAX,
            NameTable::Groups => i32::MAX as u32,
            NameTable::Protocols | NameTable::Scopes | NameTable::Realms | NameTable::Fields => 255,
        }
    }
}

/// Why a text is not an [`IpNet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IpNetError {
    /// What stands before the slash is neither an IPv4 nor an IPv6 address.
    #[error("not an IPv4 or IPv6 address")]
    Address,
    /// What stands behind the slash is no number from 0 to the family's bits.
    #[error("not a prefix length of this address family")]
    Prefix,
}

impl FromStr for IpNet {
    type Err = IpNetError;

    fn from_str(s: &str) -> Result<IpNet, IpNetError> {
        let (address, prefix) = match s.split_once('/') {
            Some((a, p)) => (a, Some(p)),
            None => (s, None),
        };
        let address: IpAddr = address.parse().map_err(|_| IpNetError::Address)?;
        let bits = Family::of(address).bits();
        let prefix_len = match prefix {
            None => bits,
            Some(p) => p.parse().ok().filter(|&n| n <= bits).ok_or(IpNetError::Prefix)?,
        };
        Ok(IpNet { address, prefix_len })
    }
}

/// An IPv4 address as `inet_aton` reads it: one to four parts, each decimal, octal (`0`) or hexadecimal (`0x`), the
/// last one filling what is left.
#[must_use]
pub fn aton(text: &str) -> Option<Ipv4Addr> {
    // The usual form, in which both readings agree.
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let text = text.split(|c: char| c.is_ascii_whitespace() || c == '\u{b}').next().unwrap_or_default();
    let parts: Vec<u64> = text.split('.').map(part).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|&p| p > 0xff) {
        return None;
    }
    if *last >> (32 - 8 * leading.len()) != 0 {
        return None;
    }
    let high = leading.iter().zip([24, 16, 8]).map(|(p, shift)| p << shift).sum::<u64>();
    u32::try_from(high | last).ok().map(Ipv4Addr::from_bits)
}

fn part(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    // from_str_radix would take a sign.
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok().filter(|&n| n <= u64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ip_net_reads_what_it_prints() {
        for s in ["192.0.2.1/24", "192.0.2.1/32", "2001:db8::1/64"] {
            assert_eq!(s.parse::<IpNet>().map(|n| n.to_string()), Ok(s.to_string()));
        }
        assert_eq!("192.0.2.1".parse::<IpNet>().map(|n| n.prefix_len), Ok(32));
        assert_eq!("192.0.2.1/33".parse::<IpNet>(), Err(IpNetError::Prefix));
        assert_eq!("192.0.2/24".parse::<IpNet>(), Err(IpNetError::Address));
        assert_eq!(MacAddr([0, 0, 0x5e, 0, 1, 230]).to_string(), "00:00:5e:00:01:e6");
    }

    #[test]
    fn addresses_are_read_as_the_c_library_reads_them() {
        for (text, expected) in [
            ("1.2.3.4", Some([1, 2, 3, 4])),
            ("0x7f.1", Some([127, 0, 0, 1])),
            ("010.1.1.1", Some([8, 1, 1, 1])),
            ("1.2.3", Some([1, 2, 0, 3])),
            ("1.256", Some([1, 0, 1, 0])),
            ("4294967295", Some([255, 255, 255, 255])),
            ("1.2.3.4 x", Some([1, 2, 3, 4])),
            ("4294967296", None),
            ("1.2.3.4.5", None),
            ("256.1", None),
            ("08", None),
            ("0x", None),
            ("1..2", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(aton(text), expected.map(Ipv4Addr::from), "{text:?}");
        }
    }
}
