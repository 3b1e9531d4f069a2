//! Who says of which address that it is his: read from ARP packets and neighbour advertisements of others.

use crate::net::MacAddr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ETHERNET: usize = 14;
const IPV6: usize = 40;
const ICMPV6: u8 = 58;
const NEIGHBOUR_ADVERT: u8 = 136;
/// Target link-layer address (RFC 4861 §4.6.1).
const TARGET_ADDRESS: u8 = 2;

/// The address that the sender of a frame says to have, and his MAC address. `None` for frames that say nothing of
/// that kind, a probe (RFC 5227) among them, or are cut off.
#[must_use]
pub fn claim(frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
    let payload = frame.get(ETHERNET..)?;
    match frame.get(12..ETHERNET)? {
        [0x08, 0x06] => arp(payload),
        [0x86, 0xdd] => neighbour_advert(frame, payload),
        _ => None,
    }
}

/// RFC 826: for Ethernet and IPv4, request or reply; both tell the sender's address.
fn arp(arp: &[u8]) -> Option<(IpAddr, MacAddr)> {
    if arp.get(..6)? != [0, 1, 8, 0, 6, 4] || !matches!(arp.get(6..8)?, [0, 1 | 2]) {
        return None;
    }
    let mac = MacAddr(*arp.get(8..)?.first_chunk()?);
    let address = Ipv4Addr::from(*arp.get(14..)?.first_chunk::<4>()?);
    (!address.is_unspecified()).then_some((address.into(), mac))
}

/// RFC 4861 §4.4. Without its option the sender of the frame is meant. The hop limit must be 255: no router passed it on.
fn neighbour_advert(frame: &[u8], ip: &[u8]) -> Option<(IpAddr, MacAddr)> {
    let [ICMPV6, 255] = *ip.get(6..8)? else { return None };
    let len = usize::from(u16::from_be_bytes(*ip.get(4..)?.first_chunk()?));
    let icmp = ip.get(IPV6..)?.get(..len)?;
    let (target, mac) = message(icmp)?;
    Some((target, mac.or_else(|| Some(MacAddr(*frame.get(6..)?.first_chunk()?)))?))
}

/// The same of a neighbour advertisement's ICMPv6 message alone, whose sender nobody knows: without its option it says
/// nothing. Whoever has it has looked at its hop limit and its checksum.
#[must_use]
pub fn advertised(icmp: &[u8]) -> Option<(IpAddr, MacAddr)> {
    let (target, mac) = message(icmp)?;
    Some((target, mac?))
}

fn message(icmp: &[u8]) -> Option<(IpAddr, Option<MacAddr>)> {
    if icmp.get(..2)? != [NEIGHBOUR_ADVERT, 0] {
        return None;
    }
    let target = Ipv6Addr::from(*icmp.get(8..)?.first_chunk::<16>()?);
    let mut mac = None;
    let mut options = icmp.get(24..)?;
    while let [kind, units, ..] = *options {
        let option = options.get(..usize::from(units) * 8).filter(|option| !option.is_empty())?;
        if kind == TARGET_ADDRESS {
            mac = Some(MacAddr(*option.get(2..)?.first_chunk()?));
        }
        options = options.get(option.len()..)?;
    }
    Some((target.into(), mac))
}

#[cfg(test)]
mod tests {
    use super::super::{Arp, Forwarding, Frame};
    use super::*;
    use crate::vrrp::event::IfIndex;
    use proptest::prelude::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    #[test]
    fn announcements_are_claims_and_probes_are_none() {
        for address in ["192.0.2.9", "2001:db8::9"] {
            let address: IpAddr = address.parse().unwrap();
            let announcement = Frame::new(IfIndex(1), address, MAC, Forwarding::Host);
            assert_eq!(claim(announcement.bytes()), Some((address, MAC)));
            assert_eq!(claim(Frame::probe(IfIndex(1), address, MAC).bytes()), None);
        }
        let reply =
            Arp { operation: super::super::Operation::Reply, ..Arp::gratuitous([192, 0, 2, 9].into(), MAC) };
        let reply = Frame::arp(IfIndex(1), &reply);
        assert_eq!(claim(reply.bytes()), Some(([192, 0, 2, 9].into(), MAC)));
    }

    /// A host's answer to a probe: from its own address, with the solicited address and its option; and without it.
    #[test]
    fn the_option_says_whose_it_is_and_the_sender_where_there_is_none() {
        let address: IpAddr = "2001:db8::9".parse().unwrap();
        let mut bytes = Frame::new(IfIndex(1), address, MAC, Forwarding::Host).bytes().to_vec();
        bytes[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        assert_eq!(claim(&bytes), Some((address, MAC)));
        bytes.truncate(bytes.len() - 8);
        bytes[19] -= 8;
        assert_eq!(claim(&bytes), Some((address, MacAddr([2, 0, 0, 0, 0, 7]))));
        bytes[21] = 254;
        assert_eq!(claim(&bytes), None, "it came through a router");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(mut bytes in prop::collection::vec(any::<u8>(), 0..120), kind in 0..3) {
            let kind: &[u8] = match kind {
                0 => &[0x08, 0x06],
                1 => &[0x86, 0xdd],
                _ => &[],
            };
            if let Some(place) = bytes.get_mut(12..12 + kind.len()) {
                place.copy_from_slice(kind);
            }
            let _ = claim(&bytes);
            let whole = bytes.get(54..).and_then(advertised);
            prop_assert!(whole.is_none_or(|(address, _)| address.is_ipv6()));
        }
    }
}
