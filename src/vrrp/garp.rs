//! What tells the neighbourhood where a virtual address lives now: gratuitous ARP and unsolicited neighbour
//! advertisements, as whole Ethernet frames.
//!
//! Also what asks whether an address is in use, and who answers ([`claim`]).
//!
//! Bytes only; when they go out is decided by [`super::instance`], how by the driver. Both follow keepalived to the
//! byte: the ARP is a request (RFC 5227 §3 recommends that form, and old switches and servers take it) whose target
//! hardware address is all ones, the neighbour advertisement (RFC 4861 §4.4) comes from the virtual address itself
//! with the override flag set.

mod claim;

pub use claim::{advertised, claim};

use super::event::IfIndex;
use crate::net::MacAddr;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket};
use pnet_packet::ethernet::{EtherType, EtherTypes, MutableEthernetPacket};
use pnet_packet::icmpv6::ndp::{
    MutableNeighborAdvertPacket, MutableNeighborSolicitPacket, NdpOptionTypes, NeighborAdvertFlags,
};
use pnet_packet::icmpv6::{Icmpv6Packet, Icmpv6Types, checksum};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::MutableIpv6Packet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `ff02::1`, all nodes of the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// Where Ethernet sends it (RFC 2464 §7).
const ALL_NODES_MAC: MacAddr = MacAddr([0x33, 0x33, 0, 0, 0, 1]);
const ETHERNET: usize = 14;
const IPV6: usize = 40;
const ARP: usize = 28;
/// A neighbour advertisement with one option: the target's link-layer address.
const ADVERT: usize = 32;
/// A neighbour solicitation without options.
const SOLICIT: usize = 24;
const LONGEST: usize = ETHERNET + IPV6 + ADVERT;

/// Whether the sender of a neighbour advertisement forwards packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// A host: the R flag is clear.
    Host,
    /// A router: the R flag is set; hosts that had it as default router would drop it otherwise.
    Router,
}

/// What an ARP packet is (RFC 826: ar$op).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has it.
    Reply,
}

/// An ARP packet for IPv4 over Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Request or reply: neighbours learn from both.
    pub operation: Operation,
    /// Who says so.
    pub sender: (MacAddr, Ipv4Addr),
    /// Who is asked, or told.
    pub target: (MacAddr, Ipv4Addr),
    /// Where Ethernet sends it.
    pub destination: MacAddr,
}

impl Arp {
    /// What keepalived sends: a request (RFC 5227 §3) for one's own address, broadcast.
    #[must_use]
    pub const fn gratuitous(address: Ipv4Addr, mac: MacAddr) -> Arp {
        Arp {
            operation: Operation::Request,
            sender: (mac, address),
            target: (MacAddr::BROADCAST, address),
            destination: MacAddr::BROADCAST,
        }
    }

    /// Asks whether somebody has the address, without saying that we do (RFC 5227 §2.1.1).
    #[must_use]
    pub const fn probe(address: Ipv4Addr, mac: MacAddr) -> Arp {
        Arp {
            operation: Operation::Request,
            sender: (mac, Ipv4Addr::UNSPECIFIED),
            target: (MacAddr([0; 6]), address),
            destination: MacAddr::BROADCAST,
        }
    }
}

/// A whole Ethernet frame, and where it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The interface.
    pub interface: IfIndex,
    len: usize,
    bytes: [u8; LONGEST],
}

impl Frame {
    /// The frame that announces `address` at `mac`: ARP or neighbour advertisement, by its family.
    #[must_use]
    pub fn new(interface: IfIndex, address: IpAddr, mac: MacAddr, forwarding: Forwarding) -> Frame {
        Frame::made(interface, |bytes| match address {
            IpAddr::V4(a) => arp(bytes, &Arp::gratuitous(a, mac)),
            IpAddr::V6(a) => neighbour_advert(bytes, a, mac, forwarding),
        })
    }

    /// Any ARP packet.
    #[must_use]
    pub fn arp(interface: IfIndex, packet: &Arp) -> Frame {
        Frame::made(interface, |bytes| arp(bytes, packet))
    }

    /// The frame that asks whether somebody has `address`, from the interface with that MAC address: an ARP probe, or the
    /// neighbour solicitation of duplicate address detection (RFC 4862 §5.4.2). [`claim`] reads the answers.
    #[must_use]
    pub fn probe(interface: IfIndex, address: IpAddr, mac: MacAddr) -> Frame {
        Frame::made(interface, |bytes| match address {
            IpAddr::V4(a) => arp(bytes, &Arp::probe(a, mac)),
            IpAddr::V6(a) => neighbour_solicit(bytes, a, mac),
        })
    }

    fn made(interface: IfIndex, fill: impl FnOnce(&mut [u8; LONGEST]) -> Option<usize>) -> Frame {
        let mut frame = Frame { interface, len: 0, bytes: [0; LONGEST] };
        // The buffer is long enough for all of them.
        frame.len = fill(&mut frame.bytes).unwrap_or(0);
        frame
    }

    /// Its bytes, from the Ethernet header on.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// An ARP packet (RFC 826). Gives its length.
fn arp(bytes: &mut [u8; LONGEST], packet: &Arp) -> Option<usize> {
    ethernet(bytes, packet.destination, packet.sender.0, EtherTypes::Arp)?;
    let mut arp = MutableArpPacket::new(bytes.get_mut(ETHERNET..)?)?;
    arp.set_hardware_type(ArpHardwareTypes::Ethernet);
    arp.set_protocol_type(EtherTypes::Ipv4);
    arp.set_hw_addr_len(6);
    arp.set_proto_addr_len(4);
    arp.set_operation(match packet.operation {
        Operation::Request => ArpOperations::Request,
        Operation::Reply => ArpOperations::Reply,
    });
    arp.set_sender_hw_addr(pnet(packet.sender.0));
    arp.set_sender_proto_addr(packet.sender.1);
    arp.set_target_hw_addr(pnet(packet.target.0));
    arp.set_target_proto_addr(packet.target.1);
    Some(ETHERNET + ARP)
}

/// A neighbour solicitation from nobody, to the group of those whose address ends like this one (RFC 4291 §2.7.1).
/// Gives its length.
fn neighbour_solicit(bytes: &mut [u8; LONGEST], address: Ipv6Addr, mac: MacAddr) -> Option<usize> {
    let [.., x, y, z] = address.octets();
    let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, x, y, z]);
    ethernet(bytes, MacAddr([0x33, 0x33, 0xff, x, y, z]), mac, EtherTypes::Ipv6)?;
    icmp_header(bytes, Ipv6Addr::UNSPECIFIED, group, SOLICIT)?;
    let icmp = bytes.get_mut(ETHERNET + IPV6..ETHERNET + IPV6 + SOLICIT)?;
    let mut solicit = MutableNeighborSolicitPacket::new(icmp)?;
    solicit.set_icmpv6_type(Icmpv6Types::NeighborSolicit);
    solicit.set_target_addr(address);
    let icmp = bytes.get(ETHERNET + IPV6..ETHERNET + IPV6 + SOLICIT)?;
    let sum = checksum(&Icmpv6Packet::new(icmp)?, &Ipv6Addr::UNSPECIFIED, &group);
    MutableNeighborSolicitPacket::new(bytes.get_mut(ETHERNET + IPV6..)?)?.set_checksum(sum);
    Some(ETHERNET + IPV6 + SOLICIT)
}

/// The IPv6 header of a message of neighbour discovery.
fn icmp_header(bytes: &mut [u8; LONGEST], source: Ipv6Addr, destination: Ipv6Addr, len: usize) -> Option<()> {
    let mut ip = MutableIpv6Packet::new(bytes.get_mut(ETHERNET..)?)?;
    ip.set_version(6);
    ip.set_payload_length(u16::try_from(len).ok()?);
    ip.set_next_header(IpNextHeaderProtocols::Icmpv6);
    ip.set_hop_limit(255);
    ip.set_source(source);
    ip.set_destination(destination);
    Some(())
}

/// An unsolicited neighbour advertisement (RFC 4861 §7.2.6) for `address`, to all nodes. Gives its length.
fn neighbour_advert(
    bytes: &mut [u8; LONGEST],
    address: Ipv6Addr,
    mac: MacAddr,
    forwarding: Forwarding,
) -> Option<usize> {
    ethernet(bytes, ALL_NODES_MAC, mac, EtherTypes::Ipv6)?;
    icmp_header(bytes, address, ALL_NODES, ADVERT)?;
    let icmp = bytes.get_mut(ETHERNET + IPV6..)?;
    let mut advert = MutableNeighborAdvertPacket::new(icmp)?;
    advert.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
    advert.set_flags(match forwarding {
        Forwarding::Host => NeighborAdvertFlags::Override,
        Forwarding::Router => NeighborAdvertFlags::Override | NeighborAdvertFlags::Router,
    });
    advert.set_target_addr(address);
    // One unit of eight bytes: type, length, address.
    let option = advert.get_options_raw_mut();
    option.first_chunk_mut::<2>()?.copy_from_slice(&[NdpOptionTypes::TargetLLAddr.0, 1]);
    option.get_mut(2..8)?.copy_from_slice(&mac.0);
    let sum = checksum(&Icmpv6Packet::new(bytes.get(ETHERNET + IPV6..)?)?, &address, &ALL_NODES);
    MutableNeighborAdvertPacket::new(bytes.get_mut(ETHERNET + IPV6..)?)?.set_checksum(sum);
    Some(LONGEST)
}

fn ethernet(
    bytes: &mut [u8; LONGEST],
    destination: MacAddr,
    source: MacAddr,
    ethertype: EtherType,
) -> Option<()> {
    let mut frame = MutableEthernetPacket::new(bytes)?;
    frame.set_destination(pnet(destination));
    frame.set_source(pnet(source));
    frame.set_ethertype(ethertype);
    Some(())
}

fn pnet(mac: MacAddr) -> pnet_base::MacAddr {
    mac.0.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pnet_packet::icmpv6::ndp::{NdpOptionTypes, NeighborAdvertPacket};
    use pnet_packet::{Packet as _, arp::ArpPacket};

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    fn frame(address: &str, forwarding: Forwarding) -> Frame {
        Frame::new(IfIndex(2), address.parse().unwrap(), MAC, forwarding)
    }

    #[test]
    fn frames_are_those_of_keepalived() {
        let arp = include_bytes!("../../tests/vectors/vrrp/keepalived-2.2.7-garp.bin");
        assert_eq!(frame("10.9.0.230", Forwarding::Host).bytes(), arp);
        let na = include_bytes!("../../tests/vectors/vrrp/keepalived-2.2.7-na.bin");
        assert_eq!(frame("2001:db8::230", Forwarding::Host).bytes(), na);
    }

    #[test]
    fn another_reader_understands_them() {
        let address: Ipv4Addr = "192.0.2.9".parse().unwrap();
        let bytes = frame("192.0.2.9", Forwarding::Host).bytes().to_vec();
        let arp = ArpPacket::new(&bytes[14..]).unwrap();
        assert_eq!((arp.get_sender_proto_addr(), arp.get_target_proto_addr()), (address, address));
        assert_eq!(arp.get_sender_hw_addr().octets(), MAC.0);

        let address: Ipv6Addr = "fe80::9".parse().unwrap();
        let bytes = frame("fe80::9", Forwarding::Router).bytes().to_vec();
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
