use super::*;
use crate::sys::packet::Listener;
use crate::sys::testing::{in_namespace_async, ip, ip_json, readable, soon, up, veth};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn packet<'a>(source: IpAddr, destination: impl Into<IpAddr>, payload: &'a [u8]) -> Packet<'a> {
    Packet { source, destination: destination.into(), ttl: Some(TTL), id: 0, payload }
}

fn send_all<'a>(socket: &Socket, packets: impl IntoIterator<Item = Packet<'a>>) -> Vec<(usize, SendProblem)> {
    let mut failed = Vec::new();
    socket.send_many(packets, |index, problem| failed.push((index, problem)));
    failed
}

#[derive(Debug, PartialEq)]
struct Seen {
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    payload: Vec<u8>,
}

async fn receive(socket: &mut Socket, count: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    soon("packets", async {
        while seen.len() < count {
            readable(socket).await;
            socket.drain(&mut Inbox::new(), |r| seen.push(copy(r))).unwrap();
        }
    })
    .await;
    seen
}

fn copy(r: Received<'_>) -> Seen {
    Seen { source: r.source, destination: r.destination, ttl: r.ttl, payload: r.payload.to_vec() }
}

fn seen(source: &str, group: impl Into<IpAddr>, payload: &[u8]) -> Seen {
    Seen { source: address(source), destination: group.into(), ttl: 255, payload: payload.to_vec() }
}

#[test]
fn ipv4_adverts_of_any_source_reach_the_group_with_ttl_255() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        let sender = Socket::open(Family::V4, eth0).unwrap();
        let mut receiver = Socket::open(Family::V4, eth1).unwrap();
        receiver.join(GROUP_V4.into()).unwrap();
        receiver.join(GROUP_V4.into()).unwrap();
        // No interface has any address: the sources are the instances' own.
        let before = clock::now();
        assert_eq!(
            send_all(
                &sender,
                [
                    packet(address("192.0.2.1"), GROUP_V4, b"one"),
                    packet(address("198.51.100.7"), GROUP_V4, b"two!"),
                ],
            ),
            []
        );
        let mut times = Vec::new();
        let mut got = Vec::new();
        soon("packets", async {
            while got.len() < 2 {
                readable(&receiver).await;
                receiver
                    .drain(&mut Inbox::new(), |r| {
                        times.push(r.at);
                        got.push(copy(r));
                    })
                    .unwrap();
            }
        })
        .await;
        assert_eq!(got, [seen("192.0.2.1", GROUP_V4, b"one"), seen("198.51.100.7", GROUP_V4, b"two!")]);
        assert!(times.iter().all(|&at| before <= at && at <= clock::now()));
    });
}

#[test]
fn ipv6_adverts_reach_the_group_with_hop_limit_255() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        ip("addr add fe80::1/64 dev eth0 nodad");
        let sender = Socket::open(Family::V6, eth0).unwrap();
        let mut receiver = Socket::open(Family::V6, eth1).unwrap();
        receiver.join(GROUP_V6.into()).unwrap();
        // The second source is no address of this host.
        assert_eq!(
            send_all(
                &sender,
                [
                    packet(address("fe80::1"), GROUP_V6, b"one"),
                    packet(address("fe80::77"), GROUP_V6, b"two!")
                ],
            ),
            []
        );
        let got = receive(&mut receiver, 2).await;
        assert_eq!(got, [seen("fe80::1", GROUP_V6, b"one"), seen("fe80::77", GROUP_V6, b"two!")]);
    });
}

#[test]
fn a_packet_of_another_hop_count_is_given_with_it() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        ip("addr add fe80::1/64 dev eth0 nodad");
        let sender = Socket::open(Family::V6, eth0).unwrap();
        let mut receiver = Socket::open(Family::V6, eth1).unwrap();
        receiver.join(GROUP_V6.into()).unwrap();
        sender.send(Packet { ttl: Some(254), ..packet(address("fe80::1"), GROUP_V6, b"far") }).unwrap();
        assert_eq!(receive(&mut receiver, 1).await[0].ttl, 254);
    });
}

#[test]
fn neither_our_own_packets_nor_those_of_other_groups_or_interfaces_come_back() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        let other_group = Ipv4Addr::new(224, 0, 0, 118);
        let mut own = Socket::open(Family::V4, eth0).unwrap();
        own.join(GROUP_V4.into()).unwrap();
        let mut peer = Socket::open(Family::V4, eth1).unwrap();
        peer.join(GROUP_V4.into()).unwrap();
        // Another socket of this host has joined the other group: that must not open it for all.
        let mut third = Socket::open(Family::V4, eth1).unwrap();
        third.join(other_group.into()).unwrap();
        let source = address("192.0.2.1");
        let packets = [other_group, GROUP_V4].map(|group| packet(source, group, b"x"));
        assert_eq!(send_all(&own, packets), []);
        assert_eq!(receive(&mut peer, 1).await, [seen("192.0.2.1", GROUP_V4, b"x")]);
        assert_eq!(receive(&mut third, 1).await, [seen("192.0.2.1", other_group, b"x")]);
        own.drain(&mut Inbox::new(), |r| panic!("our own packet came back: {r:?}")).unwrap();

        peer.leave(GROUP_V4.into());
        peer.join(other_group.into()).unwrap();
        assert_eq!(send_all(&own, packets), []);
        assert_eq!(receive(&mut peer, 1).await, [seen("192.0.2.1", other_group, b"x")]);
    });
}

#[test]
fn an_interface_that_goes_down_comes_back_and_one_that_is_deleted_needs_a_new_socket() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        let sender = Socket::open(Family::V4, eth0).unwrap();
        let mut receiver = Socket::open(Family::V4, eth1).unwrap();
        receiver.join(GROUP_V4.into()).unwrap();
        let source = address("192.0.2.1");
        let packet = packet(source, GROUP_V4, b"x");

        ip("link set eth0 down");
        ip("link set eth1 down");
        assert_eq!(sender.send(packet), Err(SendProblem::Down));
        receiver.drain(&mut Inbox::new(), |_| ()).unwrap();
        up(&["eth0", "eth1"]);
        assert_eq!(sender.send(packet), Ok(()));
        assert_eq!(
            receive(&mut receiver, 1).await.len(),
            1,
            "membership outlives the interface's being down"
        );

        ip("link del eth0");
        assert_eq!(sender.send(packet), Err(SendProblem::Gone));
        receiver.drain(&mut Inbox::new(), |_| ()).unwrap();
        let error = Socket::open(Family::V4, eth0).unwrap_err();
        assert!(error.is_gone(), "{error:?}");

        let (eth0, eth1) = veth("eth0", "eth1");
        let sender = Socket::open(Family::V4, eth0).unwrap();
        let mut receiver = Socket::open(Family::V4, eth1).unwrap();
        receiver.join(GROUP_V4.into()).unwrap();
        assert_eq!(sender.send(packet), Ok(()));
        assert_eq!(receive(&mut receiver, 1).await.len(), 1);
    });
}

#[test]
fn addresses_of_the_wrong_family_and_long_packets_are_refused_alone() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        let mut receiver = Socket::open(Family::V4, eth1).unwrap();
        receiver.join(GROUP_V4.into()).unwrap();
        let sender = Socket::open(Family::V4, eth0).unwrap();
        let (v4, v6) = (address("192.0.2.1"), address("fe80::1"));
        let long = vec![0; 3000];
        let packets = [
            packet(v6, GROUP_V4, b"x"),
            packet(v6, GROUP_V6, b"x"),
            packet(v4, GROUP_V4, &long),
            packet(v4, GROUP_V4, b"good"),
        ];
        let failures = send_all(&sender, packets);
        assert_eq!(failures.iter().map(|f| f.0).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(failures.iter().all(|f| matches!(f.1, SendProblem::Refused(_))), "{failures:?}");
        assert_eq!(receive(&mut receiver, 1).await, [seen("192.0.2.1", GROUP_V4, b"good")]);

        let six = Socket::open(Family::V6, eth0).unwrap();
        assert_eq!(send_all(&six, [packet(v4, GROUP_V4, b"x")]).len(), 1);
    });
}

#[test]
fn what_comes_from_the_network_is_cut_to_what_the_header_says_and_never_panics() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        let mut receiver = Socket::open(Family::V4, eth1).unwrap();
        receiver.join(GROUP_V4.into()).unwrap();
        // With IP options in the header: the payload begins behind them. Sent as a whole frame.
        let mut frame = vec![1, 0, 0x5e, 0, 0, 18, 2, 0, 0, 0, 0, 1, 8, 0];
        let mut header =
            vec![0x46, 0, 0, 28, 0, 0, 0, 0, 255, PROTOCOL, 0, 0, 192, 0, 2, 1, 224, 0, 0, 18, 1, 1, 1, 0];
        let sum = crate::wire::internet_checksum(&[&header]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        frame.extend(header);
        // Behind the packet's end: Ethernet padding.
        frame.extend(*b"VRRPpadding");
        let sender = crate::sys::packet::Sender::open().unwrap();
        sender.send(crate::sys::packet::Frame { interface: eth0, bytes: &frame }).unwrap();
        assert_eq!(receive(&mut receiver, 1).await, [seen("192.0.2.1", GROUP_V4, b"VRRP")]);
    });
}

#[test]
fn adverts_of_many_instances_take_one_call_and_all_arrive() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        let sender = Socket::open(Family::V4, eth0).unwrap();
        let mut receiver = Socket::open(Family::V4, eth1).unwrap();
        receiver.join(GROUP_V4.into()).unwrap();
        let payloads: Vec<[u8; 2]> = (0..1000_u16).map(u16::to_be_bytes).collect();
        let source = address("192.0.2.1");
        let packets = payloads.iter().map(|payload| packet(source, GROUP_V4, payload));
        assert_eq!(send_all(&sender, packets), []);
        let got = receive(&mut receiver, 1000).await;
        assert!(got.iter().zip(&payloads).all(|(seen, sent)| seen.payload == sent));
    });
}

#[test]
fn headers_on_the_wire_are_those_of_keepalived() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        ip("addr add fe80::1/64 dev eth0 nodad");
        let mut wire = Listener::open(eth1, 3).unwrap();
        let payload = b"advert";
        let v4 = packet(address("192.0.2.1"), GROUP_V4, payload);
        let v6 = packet(address("fe80::1"), GROUP_V6, payload);
        Socket::open(Family::V4, eth0).unwrap().send(v4).unwrap();
        Socket::open(Family::V6, eth0).unwrap().send(v6).unwrap();
        let (mut four, mut six) = (None, None);
        soon("frames", async {
            while four.is_none() || six.is_none() {
                wire.ready().await.unwrap();
                wire.drain(|frame, _| {
                    // Neighbour discovery and the like is of no interest.
                    if frame[12..14] == [0x08, 0x00] && frame[14 + 9] == PROTOCOL {
                        four = Some(frame.to_vec());
                    } else if frame[12..14] == [0x86, 0xdd] && frame[14 + 6] == PROTOCOL {
                        six = Some(frame.to_vec());
                    }
                })
                .unwrap();
            }
        })
        .await;
        let (four, six) = (four.unwrap(), six.unwrap());
        // RFC 1112 §6.4, RFC 2464 §7: the groups' Ethernet addresses.
        assert_eq!(four[..6], [0x01, 0x00, 0x5e, 0, 0, 0x12]);
        assert_eq!(six[..6], [0x33, 0x33, 0, 0, 0, 0x12]);
        let header = &four[14..34];
        assert_eq!(crate::wire::internet_checksum(&[header]), 0);
        assert_eq!((header[0], header[1], header[8]), (0x45, 0xc0, 255));
        assert_eq!((&header[2..4], &header[6..8]), (&[0, 26][..], &[0, 0][..]));
        assert_eq!(four[34..], *payload);
        // Version 6, traffic class 0xc0 (then the kernel's flow label), six bytes of payload, hop limit 255.
        assert_eq!((six[14], six[15] & 0xf0, &six[18..20], six[21]), (0x6c, 0, &[0, 6][..], 255));
        assert_eq!(six[54..], *payload);
    });
}

#[test]
fn a_peer_alone_is_reached_with_the_ttl_that_was_asked_for() {
    in_namespace_async(|| async {
        let (eth0, eth1) = veth("eth0", "eth1");
        ip("addr add 192.0.2.1/24 dev eth0");
        ip("addr add 192.0.2.2/24 dev eth1");
        ip("addr add fe80::1/64 dev eth0 nodad");
        ip("addr add fe80::2/64 dev eth1 nodad");
        for (file, value) in [("accept_local", "1"), ("rp_filter", "0")] {
            std::fs::write(format!("/proc/sys/net/ipv4/conf/eth1/{file}"), value).unwrap();
        }
        // Both ends are this host's: no other way leads out than by saying where the peer lives.
        ip("route del local 192.0.2.2 table local");
        // The kernel makes that of IPv6 a little after the address.
        soon("a local route", async {
            while ip("-6 route show table local fe80::2").is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        ip("route del local fe80::2 table local");
        let shown = ip_json("link show dev eth1");
        let far = shown[0]["address"].as_str().unwrap();
        ip(&format!("neigh replace 192.0.2.2 lladdr {far} dev eth0"));
        ip(&format!("neigh replace fe80::2 lladdr {far} dev eth0"));
        let mut wire = Listener::open(eth1, 3).unwrap();
        let v4 = Packet { ttl: Some(7), ..packet(address("192.0.2.1"), address("192.0.2.2"), b"four") };
        let v6 = Packet { ttl: Some(9), ..packet(address("fe80::1"), address("fe80::2"), b"six") };
        Socket::open(Family::V4, eth0).unwrap().send(v4).unwrap();
        Socket::open(Family::V6, eth0).unwrap().send(v6).unwrap();
        let (mut four, mut six) = (None, None);
        soon("frames", async {
            while four.is_none() || six.is_none() {
                wire.ready().await.unwrap();
                wire.drain(|frame, _| {
                    if frame.ends_with(b"four") {
                        four = Some(frame[14 + 8]);
                    } else if frame.ends_with(b"six") {
                        six = Some(frame[14 + 7]);
                    }
                })
                .unwrap();
            }
        })
        .await;
        assert_eq!((four, six), (Some(7), Some(9)));
    });
}
