//! What else decides where a packet goes: marks of the firewall, persistence, scheduling packet by packet, SCTP,
//! thresholds and a weight of zero.

use super::lacks;
use super::network::{Network, parse_answer};
use crate::support::{Lab, Test, wait_for};
use socket2::Protocol;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

type Story = fn(&Lab);

pub(super) fn tests() -> impl Iterator<Item = Test> {
    let stories: [(&str, Story); 6] = [
        ("firewall_marks", firewall_marks),
        ("persistence", persistence),
        ("one_packet_scheduling", one_packet_scheduling),
        ("sctp", sctp),
        ("thresholds", thresholds),
        ("quiescing", quiescing),
    ];
    stories.into_iter().map(|(name, story)| Test::new(format!("traffic::{name}"), story))
}

/// Rules that add servers s1, s2... to a service of either family.
fn servers(service: &str, count: usize, options: &str) -> String {
    let v6 = service.contains("fd07") || service.contains("-6");
    (1..=count).fold(String::new(), |rules, n| {
        let server = if v6 { format!("[fd07:2::1{n}]:0") } else { format!("10.7.2.1{n}:0") };
        // A server of a service with a port has that port, if it has none of its own.
        let server = match service.rsplit_once(':') {
            Some((_, port)) => server.replace(":0", &format!(":{}", port.split(' ').next().unwrap_or(port))),
            None => server,
        };
        format!("{rules}-a {service} -r {server} {options}\n")
    })
}

fn firewall_marks(lab: &Lab) {
    if lacks(&["sch_ingress", "cls_flower", "act_skbedit"]) {
        return;
    }
    let network = Network::new(lab, 2);
    let director = &network.director;
    director.run("tc qdisc add dev eth0 clsact");
    // Two addresses and all their ports are one service, of IPv4 and of IPv6.
    for (protocol, network) in [("ip", "10.7.3.0/30"), ("ipv6", "fd07:3::/126")] {
        let flower = format!("protocol {protocol} flower dst_ip {network} action skbedit mark 7");
        director.run(&format!("tc filter add dev eth0 ingress {flower}"));
    }
    network.restore(&format!(
        "-A -f 7 -s rr\n{}-A -f 7 -6 -s rr\n{}",
        servers("-f 7", 2, "-g"),
        servers("-f 7 -6", 2, "-g"),
    ));
    for [from, first, second] in
        [["10.7.16.1", "10.7.3.1:80", "10.7.3.2:8080"], ["fd07:10::1", "[fd07:3::1]:80", "[fd07:3::2]:8080"]]
    {
        let mut seen = Vec::new();
        for to in [first, second, first, second] {
            let talk = network.hold(from, to);
            assert_eq!(talk.local.to_string(), to, "the packet is as the client sent it");
            seen.push(talk.server);
        }
        assert!(seen == ["s1", "s2", "s1", "s2"] || seen == ["s2", "s1", "s2", "s1"], "{seen:?}");
    }
    // What bears no mark goes nowhere: the director itself has nobody who listens.
    let error = network.connect("10.7.16.1", "10.7.3.9:80").expect_err("no service");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

fn persistence(lab: &Lab) {
    let network = Network::new(lab, 3);
    for (n, options, clients, stays) in [
        // Each client by itself.
        (1, "-p 300", ["10.7.16.1", "10.7.16.2", "10.7.17.1"], [false, false]),
        // Each /24 together.
        (2, "-p 300 -M 255.255.255.0", ["10.7.16.1", "10.7.16.2", "10.7.17.1"], [true, false]),
        (3, "-p -M 255.255.240.0", ["10.7.16.1", "10.7.16.2", "10.7.17.1"], [true, true]),
        (4, "-p 300", ["fd07:10::1", "fd07:10::2", "fd07:10:1::1"], [false, false]),
        (5, "-p 300 -M 48", ["fd07:10::1", "fd07:10::2", "fd07:10:1::1"], [true, false]),
    ] {
        let service = if n < 4 { format!("10.7.3.{n}:80") } else { format!("[fd07:3::{n}]:80") };
        let rule = format!("-t {service}");
        network.restore(&format!("-A {rule} -s rr {options}\n{}", servers(&rule, 3, "-g")));
        let mut held: Vec<Vec<_>> = Vec::new();
        for client in clients {
            // Round robin would send each to another one.
            let talks: Vec<_> = (0..3).map(|_| network.hold(client, &service)).collect();
            assert!(talks.iter().all(|talk| talk.server == talks[0].server), "{options} {client}: {talks:?}");
            held.push(talks);
        }
        let same = [1, 2].map(|other| held[0][0].server == held[other][0].server);
        assert_eq!(same, stays, "{options}: the servers of {clients:?}");

        // The templates: one a client or net, each with the connections that it brought.
        let listed = network.ipvs(&format!("-Ln --persistent-conn {rule}"));
        let templates: u32 = listed
            .lines()
            .filter(|line| line.trim_start().starts_with("->"))
            .filter_map(|line| line.split_whitespace().nth(3)?.parse::<u32>().ok())
            .sum();
        let wanted = 3 - stays.iter().filter(|stays| **stays).count();
        assert_eq!(templates as usize, wanted, "{options}: {listed}");
        let connections = network.ipvs("-Lnc");
        let of_service = |line: &&str| line.contains(&service) && line.contains(":0 ");
        assert_eq!(connections.lines().filter(of_service).count(), wanted, "{options}: {connections}");
    }
}

/// A client's socket that always sends from one port.
struct Datagrams(UdpSocket);

impl Datagrams {
    fn new(network: &Network, from: &str, to: &str) -> Self {
        let socket = network.client.enter(|| {
            let socket = UdpSocket::bind((from, 4000))?;
            socket.connect(to)?;
            socket.set_read_timeout(Some(Duration::from_secs(10)))?;
            io::Result::Ok(socket)
        });
        Self(socket.unwrap_or_else(|error| panic!("{from} to {to}: {error}")))
    }

    /// Sends a datagram: who answers?
    fn ask(&self) -> String {
        let mut bytes = [0; 128];
        self.0.send(b"?").expect("send a datagram");
        let length = self.0.recv(&mut bytes).expect("an answer");
        let line = String::from_utf8_lossy(&bytes[..length]);
        parse_answer(&line).unwrap_or_else(|| panic!("the answer {line:?}")).0
    }
}

fn one_packet_scheduling(lab: &Lab) {
    let mut network = Network::new(lab, 2);
    let addresses = ["10.7.3.1:53", "10.7.3.2:53", "[fd07:3::1]:53", "[fd07:3::2]:53"];
    for server in network.servers.clone() {
        for address in addresses {
            network.listen_udp(&server, address.parse().expect("an address"));
        }
    }
    for (address, from, one_packet) in [
        (addresses[0], "10.7.16.1", "-o"),
        (addresses[1], "10.7.16.1", ""),
        (addresses[2], "fd07:10::1", "--ops"),
        (addresses[3], "fd07:10::1", ""),
    ] {
        let rule = format!("-u {address}");
        network.restore(&format!("-A {rule} -s rr {one_packet}\n{}", servers(&rule, 2, "-g")));
        let socket = Datagrams::new(&network, from, address);
        let seen: Vec<String> = (0..6).map(|_| socket.ask()).collect();
        let changes = seen.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert_eq!(changes, if one_packet.is_empty() { 0 } else { 5 }, "{address} {one_packet}: {seen:?}");
        // No connection is kept for a packet that is alone.
        let kept = network.ipvs("-Lnc").lines().filter(|line| line.contains(address)).count();
        assert_eq!(kept, usize::from(one_packet.is_empty()), "{address} {one_packet}");
    }
}

fn sctp(lab: &Lab) {
    if lacks(&["sctp"]) {
        return;
    }
    let mut network = Network::new(lab, 2);
    for server in network.servers.clone() {
        let last = server.name().replace('s', "1");
        // An endpoint at one address does not tell its peer of others, which the peer would try past the director.
        for address in [
            "10.7.3.1:80".to_owned(),
            "[fd07:3::1]:80".to_owned(),
            format!("10.7.2.{last}:80"),
            format!("[fd07:2::{last}]:80"),
        ] {
            let address: SocketAddr = address.parse().expect("an address");
            network.listen(&server, address, Protocol::from(libc::IPPROTO_SCTP));
        }
    }
    for (service, from, method, masquerades) in [
        ("10.7.3.1:80", "10.7.16.1", "-g", false),
        ("10.7.3.2:80", "10.7.32.1", "-m", true),
        ("[fd07:3::1]:80", "fd07:10::1", "-g", false),
        ("[fd07:3::2]:80", "fd07:20::1", "-m", true),
    ] {
        let rule = format!("--sctp-service {service}");
        network.restore(&format!("-A {rule} -s rr\n{}", servers(&rule, 2, method)));
        let mut seen: Vec<String> = Vec::new();
        for _ in 0..4 {
            let protocol = Protocol::from(libc::IPPROTO_SCTP);
            let mut talk = network
                .connect_with(protocol, from, service, Duration::from_secs(10))
                .unwrap_or_else(|error| panic!("{service} {method}: {error}"));
            assert_eq!(talk.local.to_string() != service, masquerades, "{service} {method}");
            assert_eq!(talk.ask().expect("an answer"), talk.server);
            seen.push(talk.server);
        }
        assert!(seen[0] != seen[1] && seen[0] == seen[2] && seen[1] == seen[3], "{service}: {seen:?}");
    }
}

fn thresholds(lab: &Lab) {
    let network = Network::new(lab, 2);
    let (from, service) = ("10.7.16.1", "10.7.3.1:80");
    // s1 takes no more than four, and then none until it has fewer than two.
    network.restore(&format!(
        "-A -t {service} -s rr\n-a -t {service} -r 10.7.2.11 -g -x 4 -y 2\n-a -t {service} -r 10.7.2.12 -g\n"
    ));
    let mut held: Vec<_> = (0..12).map(|_| network.hold(from, service)).collect();
    let on_first = |held: &[super::network::Talk]| held.iter().filter(|talk| talk.server == "s1").count();
    assert_eq!(on_first(&held), 4, "of {} connections", held.len());
    let listed = network.ipvs(&format!("-Ln --thresholds -t {service}"));
    let first: Vec<&str> = listed
        .lines()
        .find(|line| line.contains("10.7.2.11"))
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    assert_eq!(first[1..], ["10.7.2.11:80", "4", "2", "4", "0"], "{listed}");

    // What has ended counts for as long as the director remembers it: let that be a second.
    network.ipvs("--set 0 1 0");
    let end_one = |held: &mut Vec<super::network::Talk>| {
        let first = held.iter().position(|talk| talk.server == "s1").expect("one that s1 has");
        held.remove(first);
    };
    let wait_left = |left: u32| {
        wait_for(format_args!("s1 to have {left} connections"), Duration::from_secs(30), || {
            let listed = network.ipvs(&format!("-Ln -t {service}"));
            let words = listed.lines().find(|line| line.contains("10.7.2.11")).unwrap_or_default();
            let counts = words.split_whitespace().skip(4).filter_map(|word| word.parse::<u32>().ok());
            if counts.sum::<u32>() == left { Ok(()) } else { Err(listed) }
        });
    };
    end_one(&mut held);
    end_one(&mut held);
    wait_left(2);
    assert_eq!(network.answers(from, service, 4), ["s2"; 4], "not yet below the lower threshold");
    end_one(&mut held);
    wait_left(1);
    assert!(network.answers(from, service, 4).contains(&"s1".to_owned()), "below the lower threshold");
}

fn quiescing(lab: &Lab) {
    let network = Network::new(lab, 2);
    let (from, service) = ("10.7.16.1", "10.7.3.1:80");
    let rule = format!("-t {service}");
    network.restore(&format!("-A {rule} -s wlc\n{}", servers(&rule, 2, "-g")));
    let mut held: Vec<_> = (0..6).map(|_| network.hold(from, service)).collect();
    network.ipvs(&format!("-e {rule} -r 10.7.2.11:80 -g -w 0"));
    assert_eq!(network.answers(from, service, 6), ["s2"; 6], "no new connection");
    for talk in &mut held {
        assert_eq!(talk.ask().expect("an answer"), talk.server, "an old connection goes on");
    }
    assert_eq!(held.iter().filter(|talk| talk.server == "s1").count(), 3);
    let active = || network.ipvs(&format!("-Ln {rule}"));
    let listed = active();
    let of = |listed: &str, server: &str| -> Option<Vec<String>> {
        let line = listed.lines().find(|line| line.contains(server))?;
        Some(line.split_whitespace().skip(2).map(str::to_owned).collect())
    };
    assert_eq!(
        of(&listed, "10.7.2.11:80"),
        Some(["Route", "0", "3", "0"].map(str::to_owned).to_vec()),
        "{listed}"
    );
    // And back again.
    network.ipvs(&format!("-e {rule} -r 10.7.2.11:80 -g -w 1"));
    wait_for("s1 to get connections again", Duration::from_secs(10), || {
        let server = network.who(from, service);
        if server == "s1" { Ok(()) } else { Err(server) }
    });
}
