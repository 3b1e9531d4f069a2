//! Which services are meant: by protocol, prefix and port of their address, or by firewall mark.

use crate::ipvs::model::{Protocol, ServiceKey};
use crate::net::Family;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Some services of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selector {
    /// `[tcp:|udp:|sctp:]ADDRESS[/LENGTH]`, `[tcp:|udp:|sctp:]ADDRESS:PORT`
    Address {
        /// Only this protocol.
        protocol: Option<Protocol>,
        /// Addresses that agree with this one…
        address: IpAddr,
        /// … in so many bits.
        bits: u8,
        /// Only this port.
        port: Option<u16>,
    },
    /// `fwmark:MARK`, of either family.
    Fwmark(u32),
}

/// What is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected [tcp:|udp:|sctp:]ADDRESS[/LENGTH], [tcp:|udp:|sctp:]ADDRESS:PORT (IPv6: [ADDRESS]:PORT) or fwmark:MARK"
)]
pub struct NoSelector;

impl Selector {
    /// Whether the service is one of those meant.
    #[must_use]
    pub fn selects(&self, key: &ServiceKey) -> bool {
        match (*self, *key) {
            (Selector::Fwmark(wanted), ServiceKey::Fwmark { mark, .. }) => mark == wanted,
            (
                Selector::Address { protocol, address, bits, port },
                ServiceKey::Address { protocol: its_protocol, address: its_address, port: its_port },
            ) => {
                protocol.is_none_or(|p| p == its_protocol)
                    && port.is_none_or(|p| p == its_port)
                    && agree(address, its_address, bits)
            }
            _ => false,
        }
    }
}

/// Whether a service is selected by one of `selectors`; without any, every service is.
#[must_use]
pub fn selected(selectors: &[Selector], key: &ServiceKey) -> bool {
    selectors.is_empty() || selectors.iter().any(|s| s.selects(key))
}

/// Whether two addresses are of one family and agree in their first `bits` bits.
fn agree(a: IpAddr, b: IpAddr, bits: u8) -> bool {
    let (difference, width) = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
        _ => return false,
    };
    let ignored: u32 = width - u32::from(bits).min(width);
    difference.checked_shr(ignored).unwrap_or(0) == 0
}

impl FromStr for Selector {
    type Err = NoSelector;

    fn from_str(text: &str) -> Result<Selector, NoSelector> {
        let (protocol, rest) = match text.split_once(':') {
            Some(("tcp", rest)) => (Some(Protocol::Tcp), rest),
            Some(("udp", rest)) => (Some(Protocol::Udp), rest),
            Some(("sctp", rest)) => (Some(Protocol::Sctp), rest),
            Some(("fwmark", mark)) => {
                return mark.parse().ok().filter(|&m| m > 0).map(Selector::Fwmark).ok_or(NoSelector);
            }
            _ => (None, text),
        };
        let whole = |address: IpAddr| Family::of(address).bits();
        let bare = rest.strip_prefix('[').and_then(|r| r.strip_suffix(']')).unwrap_or(rest);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Selector::Address { protocol, address, bits: whole(address), port: None });
        }
        if let Ok(place) = rest.parse::<SocketAddr>() {
            let (address, port) = (place.ip(), Some(place.port()));
            return Ok(Selector::Address { protocol, address, bits: whole(address), port });
        }
        let (address, bits) = rest.split_once('/').ok_or(NoSelector)?;
        let address: IpAddr = address.parse().map_err(|_| NoSelector)?;
        let bits = bits.parse().ok().filter(|&b| b <= whole(address)).ok_or(NoSelector)?;
        Ok(Selector::Address { protocol, address, bits, port: None })
    }
}

/// As it is read.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Selector::Fwmark(mark) => write!(f, "fwmark:{mark}"),
            Selector::Address { protocol, address, bits, port } => {
                if let Some(protocol) = protocol {
                    write!(f, "{}:", protocol.to_string().to_ascii_lowercase())?;
                }
                match port {
                    Some(port) => SocketAddr::new(address, port).fmt(f),
                    None => write!(f, "{address}/{bits}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(protocol: Protocol, place: &str) -> ServiceKey {
        let place: SocketAddr = place.parse().unwrap();
        ServiceKey::Address { protocol, address: place.ip(), port: place.port() }
    }

    #[test]
    fn by_prefix_protocol_port_and_mark() {
        let web = key(Protocol::Tcp, "10.1.2.3:80");
        let dns = key(Protocol::Udp, "[2001:db8::1]:53");
        let mark = |family| ServiceKey::Fwmark { mark: 5, family };
        for (text, selects) in [
            ("tcp:10.0.0.0/8", [true, false, false]),
            ("udp:10.0.0.0/8", [false, false, false]),
            ("10.1.2.3", [true, false, false]),
            ("10.1.2.2/31", [true, false, false]),
            ("10.1.2.2", [false, false, false]),
            ("10.1.2.3:80", [true, false, false]),
            ("10.1.2.3:443", [false, false, false]),
            ("0.0.0.0/0", [true, false, false]),
            ("::/0", [false, true, false]),
            ("2001:db8::/32", [false, true, false]),
            ("udp:[2001:db8::1]", [false, true, false]),
            ("udp:[2001:db8::1]:53", [false, true, false]),
            ("tcp:[2001:db8::1]:53", [false, false, false]),
            ("fwmark:5", [false, false, true]),
            ("fwmark:6", [false, false, false]),
        ] {
            let selector: Selector = text.parse().unwrap();
            let found = [web, dns, mark(Family::V6)].map(|k| selector.selects(&k));
            assert_eq!(found, selects, "{text}");
            assert_eq!(selector.to_string().parse(), Ok(selector), "{text}");
        }
        assert!("fwmark:5".parse::<Selector>().unwrap().selects(&mark(Family::V4)));
    }

    #[test]
    fn what_is_none() {
        for text in
            ["", "tcp", "tcp:", "10.0.0.0/33", "::/129", "fwmark:0", "fwmark:x", "icmp:1.1.1.1", "web:80"]
        {
            assert_eq!(text.parse::<Selector>(), Err(NoSelector), "{text}");
        }
    }

    #[test]
    fn without_any_all_are_meant() {
        assert!(selected(&[], &ServiceKey::Fwmark { mark: 1, family: Family::V4 }));
    }
}
