//! What tells the neighbourhood where a virtual address lives now: gratuitous ARP and unsolicited neighbour
//! advertisements, as whole Ethernet frames.
//!
//! Bytes only; when they go out is decided by [`super::instance`], how by the driver. Both follow keepalived to the
//! byte: the ARP is a request (RFC 5227 §3 recommends that form, and old switches and servers take it) whose target
//! hardware address is all ones, the neighbour advertisement (RFC 4861 §4.4) comes from the virtual address itself
//! with the override flag set.

use crate::net::MacAddr;
use crate::wire::internet_checksum;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const NEXT_HEADER_ICMPV6: u8 = 58;
/// `ff02::1`, all nodes of the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Where Ethernet sends it (RFC 2464 §7).
const ALL_NODES_MAC: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 1]);

/// Whether the sender of a neighbour advertisement forwards packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// A host: the R flag is clear.
    Host,
    /// A router: the R flag is set; hosts that had it as default router would drop it otherwise.
    Router,
}

/// The frame that announces `address` at `mac`: ARP or neighbour advertisement, by its family.
#[must_use]
pub fn frame(address: IpAddr, mac: MacAddr, forwarding: Forwarding) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => gratuitous_arp(a, mac),
        IpAddr::V6(a) => neighbour_advert(a, mac, forwarding),
    }
}

/// A gratuitous ARP request (RFC 826, RFC 5227 §3) for `address`, broadcast.
#[must_use]
pub fn gratuitous_arp(address: Ipv4Addr, mac: MacAddr) -> Vec<u8> {
    let mut frame = Vec::with_capacity(42);
    ethernet(&mut frame, MacAddr::BROADCAST, mac, ETHERTYPE_ARP);
    // Ethernet, IPv4, their address lengths, request.
    frame.extend([0, 1, 0x08, 0x00, 6, 4, 0, 1]);
    frame.extend(mac.0);
    frame.extend(address.octets());
    frame.extend(MacAddr::BROADCAST.0);
    frame.extend(address.octets());
    frame
}

/// An unsolicited neighbour advertisement (RFC 4861 §7.2.6) for `address`, to all nodes.
#[must_use]
pub fn neighbour_advert(address: Ipv6Addr, mac: MacAddr, forwarding: Forwarding) -> Vec<u8> {
    const ICMP_LEN: u8 = 32;
    let flags = match forwarding {
        Forwarding::Host => 0x20,
        Forwarding::Router => 0xa0,
    };
    let mut icmp = Vec::with_capacity(ICMP_LEN.into());
    icmp.extend([136, 0, 0, 0, flags, 0, 0, 0]);
    icmp.extend(address.octets());
    // Option: target link-layer address, one unit of eight bytes.
    icmp.extend([2, 1]);
    icmp.extend(mac.0);
    let pseudo = [0, 0, 0, ICMP_LEN, 0, 0, 0, NEXT_HEADER_ICMPV6];
    let sum = internet_checksum(&[&address.octets(), &ALL_NODES.octets(), &pseudo, &icmp]);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());

    let mut frame = Vec::with_capacity(86);
    ethernet(&mut frame, ALL_NODES_MAC, mac, ETHERTYPE_IPV6);
    frame.extend([0x60, 0, 0, 0, 0, ICMP_LEN, NEXT_HEADER_ICMPV6, 255]);
    frame.extend(address.octets());
    frame.extend(ALL_NODES.octets());
    frame.extend(icmp);
    frame
}

fn ethernet(frame: &mut Vec<u8>, destination: MacAddr, source: MacAddr, ethertype: u16) {
    frame.extend(destination.0);
    frame.extend(source.0);
    frame.extend(ethertype.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use pnet_packet::icmpv6::ndp::{NdpOptionTypes, NeighborAdvertPacket};
    use pnet_packet::{Packet as _, arp::ArpPacket};

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    #[test]
    fn frames_are_those_of_keepalived() {
        let arp = include_bytes!("../../tests/vectors/vrrp/keepalived-2.2.7-garp.bin");
        assert_eq!(frame("10.9.0.230".parse().unwrap(), MAC, Forwarding::Host), arp);
        let na = include_bytes!("../../tests/vectors/vrrp/keepalived-2.2.7-na.bin");
        assert_eq!(frame("2001:db8::230".parse().unwrap(), MAC, Forwarding::Host), na);
    }

    #[test]
    fn another_reader_understands_them() {
        let address: Ipv4Addr = "192.0.2.9".parse().unwrap();
        let bytes = gratuitous_arp(address, MAC);
        let arp = ArpPacket::new(&bytes[14..]).unwrap();
        assert_eq!((arp.get_sender_proto_addr(), arp.get_target_proto_addr()), (address, address));
        assert_eq!(arp.get_sender_hw_addr().octets(), MAC.0);

        let address: Ipv6Addr = "fe80::9".parse().unwrap();
        let bytes = neighbour_advert(address, MAC, Forwarding::Router);
        let na = NeighborAdvertPacket::new(&bytes[54..]).unwrap();
        assert_eq!(na.get_target_addr(), address);
        assert_eq!(na.get_flags(), 0xa0, "router, override");
        let option = &na.get_options()[0];
        assert_eq!((option.option_type, &option.data[..]), (NdpOptionTypes::TargetLLAddr, &MAC.0[..]));
        let sum = pnet_packet::icmpv6::checksum(
            &pnet_packet::icmpv6::Icmpv6Packet::new(&bytes[54..]).unwrap(),
            &address,
            &ALL_NODES,
        );
        assert_eq!(na.get_checksum(), sum);
        assert_eq!(na.packet().len(), 32);
    }
}
