//! Forwarding: by masquerading, by direct routing, to the director itself, and through tunnels of each kind, with
//! IPv4 and IPv6 inside and outside.

use super::lacks;
use super::network::Network;
use super::packet::{GUE_PORT, layers};
use crate::support::{Capture, Lab, Test, wait_for};
use socket2::Protocol;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The client's addresses: servers answer the first two directly, the others through the director.
const DIRECT: [&str; 2] = ["10.7.16.1", "fd07:10::1"];
const ROUTED: [&str; 2] = ["10.7.32.1", "fd07:20::1"];

/// A service with one server: how the table names the server, what the server gets and sees.
struct Row {
    /// The service's address: `10.7.3.N` or `fd07:3::N`, port 80.
    service: &'static str,
    /// The words that add the server.
    server: &'static str,
    /// Where the client's packet comes from.
    from: &'static str,
    /// The modules that the server needs to read what it gets.
    needs: &'static [&'static str],
    /// What reaches the server's `eth0`, as [`layers`] tells it.
    wire: &'static str,
    /// The address that the server is spoken to by.
    local: &'static str,
}

pub(super) fn tests() -> impl Iterator<Item = Test> {
    let plain = Test::new("traffic::nat_and_direct_routing", |lab: &Lab| run(lab, PLAIN));
    let tunnels = Test::new("traffic::tunnels", |lab: &Lab| run(lab, TUNNELS));
    [plain, tunnels].into_iter()
}

const PLAIN: &[Row] = &[
    Row {
        service: "10.7.3.1",
        server: "-r 10.7.2.11:8080 -m",
        from: ROUTED[0],
        needs: &[],
        wire: "10.7.32.1 > 10.7.2.11 | tcp 8080",
        local: "10.7.2.11:8080",
    },
    Row {
        service: "fd07:3::1",
        server: "-r [fd07:2::11]:8080 -m",
        from: ROUTED[1],
        needs: &[],
        wire: "fd07:20::1 > fd07:2::11 | tcp 8080",
        local: "[fd07:2::11]:8080",
    },
    // The director itself, by whatever method: packets stay there.
    Row {
        service: "10.7.3.3",
        server: "-r 10.7.1.1 -g",
        from: DIRECT[0],
        needs: &[],
        wire: "10.7.16.1 > 10.7.3.3 | tcp 80",
        local: "10.7.3.3:80",
    },
    Row {
        service: "fd07:3::3",
        server: "-r [fd07:2::1]:80 -i",
        from: ROUTED[1],
        needs: &[],
        wire: "fd07:20::1 > fd07:3::3 | tcp 80",
        local: "[fd07:3::3]:80",
    },
    // ipvsadm's default, and the port of the service.
    Row {
        service: "10.7.3.2",
        server: "-r 10.7.2.11",
        from: DIRECT[0],
        needs: &[],
        wire: "10.7.16.1 > 10.7.3.2 | tcp 80",
        local: "10.7.3.2:80",
    },
    Row {
        service: "fd07:3::2",
        server: "-r [fd07:2::11]:80 -g",
        from: DIRECT[1],
        needs: &[],
        wire: "fd07:10::1 > fd07:3::2 | tcp 80",
        local: "[fd07:3::2]:80",
    },
];

const IPIP: &[&str] = &["ipip"];
const SIT: &[&str] = &["sit"];
const IP6: &[&str] = &["ip6_tunnel"];
const GRE: &[&str] = &["ip_gre"];
const GRE6: &[&str] = &["ip6_gre"];
const GUE: &[&str] = &["fou", "ipip"];
const GUE_SIT: &[&str] = &["fou", "sit"];
const GUE6: &[&str] = &["fou6", "ip6_tunnel"];

macro_rules! tunnel {
    ($service:literal, $server:literal, $needs:expr, $wire:literal) => {
        Row {
            service: $service,
            server: $server,
            from: if is_v6($service) { DIRECT[1] } else { DIRECT[0] },
            needs: $needs,
            wire: $wire,
            local: "",
        }
    };
}

const fn is_v6(address: &str) -> bool {
    address.as_bytes()[0] == b'f'
}

/// The servers' GRE devices take packets either with or without checksums: the second server's take those with.
#[rustfmt::skip]
const TUNNELS: &[Row] = &[
    tunnel!("10.7.3.10", "-r 10.7.2.11 -i", IPIP, "10.7.2.1 > 10.7.2.11 | 10.7.16.1 > 10.7.3.10 | tcp 80"),
    tunnel!("fd07:3::10", "-r 10.7.2.11 -i", SIT, "10.7.2.1 > 10.7.2.11 | fd07:10::1 > fd07:3::10 | tcp 80"),
    tunnel!("10.7.3.11", "-r [fd07:2::11]:80 -i", IP6, "fd07:2::1 > fd07:2::11 | 10.7.16.1 > 10.7.3.11 | tcp 80"),
    tunnel!("fd07:3::11", "-r [fd07:2::11]:80 -i --tun-type ipip", IP6,
        "fd07:2::1 > fd07:2::11 | fd07:10::1 > fd07:3::11 | tcp 80"),

    tunnel!("10.7.3.20", "-r 10.7.2.11 -i --tun-type gre", GRE,
        "10.7.2.1 > 10.7.2.11 | gre | 10.7.16.1 > 10.7.3.20 | tcp 80"),
    tunnel!("10.7.3.21", "-r 10.7.2.11 -i --tun-type gre --tun-nocsum", GRE,
        "10.7.2.1 > 10.7.2.11 | gre | 10.7.16.1 > 10.7.3.21 | tcp 80"),
    tunnel!("10.7.3.22", "-r 10.7.2.12 -i --tun-type gre --tun-csum", GRE,
        "10.7.2.1 > 10.7.2.12 | gre csum | 10.7.16.1 > 10.7.3.22 | tcp 80"),
    tunnel!("fd07:3::20", "-r 10.7.2.11 -i --tun-type gre", GRE,
        "10.7.2.1 > 10.7.2.11 | gre | fd07:10::1 > fd07:3::20 | tcp 80"),
    tunnel!("fd07:3::22", "-r 10.7.2.12 -i --tun-type gre --tun-csum", GRE,
        "10.7.2.1 > 10.7.2.12 | gre csum | fd07:10::1 > fd07:3::22 | tcp 80"),
    tunnel!("10.7.3.23", "-r [fd07:2::11]:80 -i --tun-type gre", GRE6,
        "fd07:2::1 > fd07:2::11 | gre | 10.7.16.1 > 10.7.3.23 | tcp 80"),
    tunnel!("10.7.3.24", "-r [fd07:2::12]:80 -i --tun-type gre --tun-csum", GRE6,
        "fd07:2::1 > fd07:2::12 | gre csum | 10.7.16.1 > 10.7.3.24 | tcp 80"),
    tunnel!("fd07:3::23", "-r [fd07:2::11]:80 -i --tun-type gre", GRE6,
        "fd07:2::1 > fd07:2::11 | gre | fd07:10::1 > fd07:3::23 | tcp 80"),
    tunnel!("fd07:3::24", "-r [fd07:2::12]:80 -i --tun-type gre --tun-csum", GRE6,
        "fd07:2::1 > fd07:2::12 | gre csum | fd07:10::1 > fd07:3::24 | tcp 80"),

    tunnel!("10.7.3.30", "-r 10.7.2.11 -i --tun-type gue --tun-port 6080", GUE,
        "10.7.2.1 > 10.7.2.11 | udp 6080 | gue | 10.7.16.1 > 10.7.3.30 | tcp 80"),
    tunnel!("10.7.3.31", "-r 10.7.2.11 -i --tun-type gue --tun-port 6080 --tun-nocsum", GUE,
        "10.7.2.1 > 10.7.2.11 | udp 6080 | gue | 10.7.16.1 > 10.7.3.31 | tcp 80"),
    tunnel!("10.7.3.32", "-r 10.7.2.11 -i --tun-type gue --tun-port 6080 --tun-csum", GUE,
        "10.7.2.1 > 10.7.2.11 | udp 6080 csum | gue | 10.7.16.1 > 10.7.3.32 | tcp 80"),
    tunnel!("10.7.3.33", "-r 10.7.2.11 -i --tun-type gue --tun-port 6080 --tun-remcsum", GUE,
        "10.7.2.1 > 10.7.2.11 | udp 6080 csum | gue remcsum | 10.7.16.1 > 10.7.3.33 | tcp 80"),
    tunnel!("fd07:3::30", "-r 10.7.2.11 -i --tun-type gue --tun-port 6080", GUE_SIT,
        "10.7.2.1 > 10.7.2.11 | udp 6080 | gue | fd07:10::1 > fd07:3::30 | tcp 80"),
    tunnel!("fd07:3::32", "-r 10.7.2.11 -i --tun-type gue --tun-port 6080 --tun-csum", GUE_SIT,
        "10.7.2.1 > 10.7.2.11 | udp 6080 csum | gue | fd07:10::1 > fd07:3::32 | tcp 80"),
    tunnel!("10.7.3.34", "-r [fd07:2::11]:80 -i --tun-type gue --tun-port 6080", GUE6,
        "fd07:2::1 > fd07:2::11 | udp 6080 | gue | 10.7.16.1 > 10.7.3.34 | tcp 80"),
    tunnel!("10.7.3.35", "-r [fd07:2::11]:80 -i --tun-type gue --tun-port 6080 --tun-csum", GUE6,
        "fd07:2::1 > fd07:2::11 | udp 6080 csum | gue | 10.7.16.1 > 10.7.3.35 | tcp 80"),
    tunnel!("fd07:3::34", "-r [fd07:2::11]:80 -i --tun-type gue --tun-port 6080", GUE6,
        "fd07:2::1 > fd07:2::11 | udp 6080 | gue | fd07:10::1 > fd07:3::34 | tcp 80"),
    tunnel!("fd07:3::35", "-r [fd07:2::11]:80 -i --tun-type gue --tun-port 6080 --tun-csum", GUE6,
        "fd07:2::1 > fd07:2::11 | udp 6080 csum | gue | fd07:10::1 > fd07:3::35 | tcp 80"),
    tunnel!("fd07:3::36", "-r [fd07:2::11]:80 -i --tun-type gue --tun-port 6080 --tun-remcsum", GUE6,
        "fd07:2::1 > fd07:2::11 | udp 6080 csum | gue remcsum | fd07:10::1 > fd07:3::36 | tcp 80"),
];

/// Adds what the servers need to read each kind of tunnel.
pub(super) fn receive_tunnels(network: &Network) {
    for (n, server) in network.servers.iter().enumerate() {
        let last = n + 11;
        let checksums = if n == 1 { " icsum" } else { "" };
        for (modules, lines) in [
            (IPIP, vec!["link set tunl0 up".to_owned()]),
            (SIT, vec!["link set sit0 up".to_owned()]),
            (
                IP6,
                vec![
                    format!("link add any6 type ip6tnl mode any local fd07:2::{last} remote any"),
                    "link set any6 up".to_owned(),
                ],
            ),
            (
                GRE,
                vec![
                    format!("link add gre4 type gre local 10.7.2.{last} remote any{checksums}"),
                    "link set gre4 up".to_owned(),
                ],
            ),
            (
                GRE6,
                vec![
                    format!("link add gre6 type ip6gre local fd07:2::{last} remote any{checksums}"),
                    "link set gre6 up".to_owned(),
                ],
            ),
            (GUE, vec![format!("fou add port {GUE_PORT} gue"), format!("fou add port {GUE_PORT} gue -6")]),
        ] {
            if !lacks(modules) {
                server.configure(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
    }
}

fn run(lab: &Lab, rows: &[Row]) {
    let mut network = Network::new(lab, 2);
    let tunnels = rows.iter().any(|row| !row.needs.is_empty());
    if tunnels {
        receive_tunnels(&network);
    }
    // The hosts that may be servers: s1, s2, and the director.
    let director = network.director.clone();
    network.listen(&director, SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 80), Protocol::TCP);
    let hosts = [&network.servers[..], &[director]].concat();
    let captures: Vec<Capture> = hosts.iter().map(Capture::start).collect();
    for row in rows {
        let service = SocketAddr::new(row.service.parse::<IpAddr>().expect("an address"), 80);
        if lacks(row.needs) {
            continue;
        }
        network.ipvs(&format!("-A -t {service} -s rr"));
        network.ipvs(&format!("-a -t {service} {}", row.server));

        let talk = network.connect(row.from, &service.to_string());
        let which = match row.server {
            server if server.contains("10.7.1.1 ") || server.contains("::1]") => 2,
            server => usize::from(server.contains("12")),
        };
        // What reached the server says more than that no answer came.
        let seen =
            wait_for(format_args!("{service} {}: {talk:?}", row.server), Duration::from_secs(10), || {
                let seen: Vec<String> = captures[which].frames().iter().filter_map(layers).collect();
                if seen.iter().any(|layers| layers == row.wire) {
                    Ok(seen)
                } else {
                    Err(format!("{seen:#?}"))
                }
            });
        let mut talk = talk.unwrap_or_else(|error| panic!("{service} {}: {error}; {seen:#?}", row.server));
        assert_eq!(talk.peer, talk.own, "{service} {}: the client, as the server sees it", row.server);
        let local = if row.local.is_empty() { service.to_string() } else { row.local.to_owned() };
        assert_eq!(talk.local.to_string(), local, "{service} {}", row.server);
        assert_eq!(talk.server, hosts[which].name(), "{service} {}", row.server);
        // There and back again on the same connection.
        assert_eq!(talk.ask().expect("an answer"), talk.server, "{service} {}", row.server);
        let listed = network.ipvs(&format!("-Ln -t {service}"));
        assert!(
            listed.lines().last().is_some_and(|line| line.ends_with(" 1          0         ")),
            "{listed}"
        );
    }
}
