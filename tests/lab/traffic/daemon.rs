//! Traffic through a table that the daemon has made of its configuration: each forwarding method, with IPv4 and IPv6, TCP,
//! UDP and SCTP; and persistence.

use super::lacks;
use super::methods::receive_tunnels;
use super::network::{Network, parse_answer};
use crate::VIPD;
use crate::support::{Director, Implementation::Vipd, Lab, Test, wait_for};
use socket2::Protocol;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn tests() -> impl Iterator<Item = Test> {
    [
        Test::new("traffic::of_the_daemon_by_each_method", methods),
        Test::new("traffic::of_the_daemon_that_persists", persists),
    ]
    .into_iter()
}

/// How packets reach the servers: number N of the services' addresses `10.7.3.N` and `fd07:3::N`, `lvs_method` for both
/// servers, and the modules that each family needs.
struct Method {
    number: u8,
    lines: [&'static str; 2],
    needs: [&'static [&'static str]; 2],
}

/// The second server's GRE device takes packets with checksums.
const METHODS: [Method; 5] = [
    Method { number: 1, lines: ["NAT", "NAT"], needs: [&[], &[]] },
    Method { number: 2, lines: ["DR", "DR"], needs: [&[], &[]] },
    Method { number: 3, lines: ["TUN", "TUN type ipip"], needs: [&["ipip"], &["ip6_tunnel"]] },
    Method {
        number: 4,
        lines: ["TUN type gue port 6080", "TUN type gue port 6080 csum"],
        needs: [&["fou", "ipip"], &["fou6", "ip6_tunnel"]],
    },
    Method { number: 5, lines: ["TUN type gre", "TUN type gre csum"], needs: [&["ip_gre"], &["ip6_gre"]] },
];

/// As a configuration calls them, with the port of their services.
const PROTOCOLS: [(&str, u16); 3] = [("TCP", 80), ("UDP", 53), ("SCTP", 80)];

fn service(number: u8, is_v6: bool, port: u16) -> SocketAddr {
    let number = u16::from(number);
    if is_v6 {
        (Ipv6Addr::new(0xfd07, 3, 0, 0, 0, 0, 0, number), port).into()
    } else {
        (Ipv4Addr::new(10, 7, 3, number as u8), port).into()
    }
}

/// An address of server 1 or 2 itself, as its interface has it.
fn of_server(n: u8, is_v6: bool, port: u16) -> SocketAddr {
    let text = if is_v6 { format!("fd07:2::1{n}") } else { format!("10.7.2.1{n}") };
    SocketAddr::new(text.parse().expect("an address"), port)
}

/// In a configuration.
fn words(address: SocketAddr) -> String {
    format!("{} {}", address.ip(), address.port())
}

/// TCP is checked; a server is in the table once its check has passed.
fn config(of: SocketAddr, protocol: &str, lines: &str, methods: &[&str]) -> String {
    let server = |(n, method): (u8, &&str)| {
        let check = if protocol == "TCP" { "alpha\nTCP_CHECK {\nconnect_timeout 5\n}\n" } else { "" };
        let at = words(of_server(n, of.is_ipv6(), of.port()));
        format!("real_server {at} {{\nlvs_method {method}\n{check}}}\n")
    };
    let servers: String = (1..).zip(methods).map(server).collect();
    format!(
        "virtual_server {} {{\nprotocol {protocol}\nlvs_sched rr\ndelay_loop 2\nwarmup 0\n{lines}\n{servers}}}\n",
        words(of)
    )
}

/// Starts it, and waits until so many servers are in the table.
#[track_caller]
fn start(network: &Network, config: &str, servers: usize) -> Director {
    let director = Director::start(Vipd, &network.director, Path::new(VIPD), config, &["-C"]);
    wait_for(format_args!("{servers} servers"), LIMIT, || {
        let listed = network.ipvs("-Ln");
        let count = listed
            .lines()
            .filter(|line| line.trim_start().starts_with("-> ") && !line.contains("Remote"))
            .count();
        if count == servers { Ok(()) } else { Err(listed) }
    });
    director
}

fn methods(lab: &Lab) {
    let mut network = Network::new(lab, 2);
    receive_tunnels(&network);
    let has_sctp = !lacks(&["sctp"]);
    let (mut text, mut rows) = (String::new(), Vec::new());
    for method in &METHODS {
        for (is_v6, needs) in [false, true].into_iter().zip(method.needs) {
            for (protocol, port) in PROTOCOLS {
                if (protocol == "SCTP" && !has_sctp) || lacks(needs) {
                    continue;
                }
                let at = service(method.number, is_v6, port);
                text += &config(at, protocol, "", &method.lines);
                rows.push((method, at, protocol));
            }
        }
    }
    // TCP is served at any address already.
    for (host, n) in network.servers.clone().into_iter().zip(1..) {
        for (method, at, protocol) in &rows {
            let at = if method.number == 1 { of_server(n, at.is_ipv6(), at.port()) } else { *at };
            match *protocol {
                "UDP" => network.listen_udp(&host, at),
                "SCTP" => network.listen(&host, at, Protocol::from(libc::IPPROTO_SCTP)),
                _ => {}
            }
        }
    }
    let director = start(&network, &text, 2 * rows.len());
    for (method, at, protocol) in rows {
        // Masquerading wants answers to come back through the director.
        let from = match (method.number, at.is_ipv6()) {
            (1, false) => "10.7.32.1",
            (1, true) => "fd07:20::1",
            (_, false) => "10.7.16.1",
            (_, true) => "fd07:10::1",
        };
        let mut seen: Vec<String> = (0..2)
            .map(|_| {
                let answered = match protocol {
                    "UDP" => datagram(&network, from, at),
                    "SCTP" => stream(&network, Protocol::from(libc::IPPROTO_SCTP), from, at),
                    _ => stream(&network, Protocol::TCP, from, at),
                };
                answered.unwrap_or_else(|error| panic!("{} {protocol} {at}: {error}", method.lines[0]))
            })
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, ["s1", "s2"], "{} {protocol} {at}", method.lines[0]);
    }
    director.terminate();
    assert_eq!(network.ipvs("-Sn"), "", "nothing is left");
}

/// Who answers a connection, also the second time.
fn stream(network: &Network, protocol: Protocol, from: &str, to: SocketAddr) -> io::Result<String> {
    let mut talk = network.connect_with(protocol, from, &to.to_string(), Duration::from_secs(10))?;
    let again = talk.ask()?;
    assert_eq!(again, talk.server, "{to}");
    Ok(again)
}

/// Who answers a datagram, from a port of its own.
fn datagram(network: &Network, from: &str, to: SocketAddr) -> io::Result<String> {
    let socket = network.client.enter(|| {
        let socket = UdpSocket::bind((from, 0))?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        io::Result::Ok(socket)
    })?;
    socket.send(b"?")?;
    let mut bytes = [0; 128];
    let length = socket.recv(&mut bytes)?;
    let line = String::from_utf8_lossy(&bytes[..length]);
    parse_answer(&line).map(|(name, ..)| name).ok_or_else(|| io::Error::other(format!("the answer {line:?}")))
}

/// A client stays with its server, alone or with its net.
fn persists(lab: &Lab) {
    let network = Network::new(lab, 2);
    const V4: [&str; 3] = ["10.7.16.1", "10.7.16.2", "10.7.17.1"];
    const V6: [&str; 3] = ["fd07:10::1", "fd07:10::2", "fd07:10:1::1"];
    // Whether the second client is sent where the first one is, and the third.
    let services = [
        (1, "persistence_timeout 300", V4, [false, true]),
        (2, "persistence_timeout 300\npersistence_granularity 255.255.255.0", V4, [true, false]),
        (1, "persistence_timeout 300", V6, [false, true]),
        (2, "persistence_timeout 300\npersistence_granularity 48", V6, [true, false]),
    ];
    let at = |number: u8, clients: [&str; 3]| service(number, clients[0].contains(':'), 80);
    let text: String = services
        .iter()
        .map(|(number, lines, clients, _)| config(at(*number, *clients), "TCP", lines, &["DR", "DR"]))
        .collect();
    let director = start(&network, &text, 8);
    for (number, lines, clients, same) in services {
        let to = at(number, clients).to_string();
        let servers = clients.map(|from| {
            // Round robin would send each to another one.
            let answers = network.answers(from, &to, 3);
            assert!(answers.iter().all(|answer| *answer == answers[0]), "{lines} {from}: {answers:?}");
            answers[0].clone()
        });
        assert_eq!([1, 2].map(|n| servers[n] == servers[0]), same, "{lines}: {servers:?}");
    }
    director.terminate();
}
