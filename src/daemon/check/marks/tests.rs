//! Which marks groups get, and what is to be in the maps. What the kernel does with it is tested in the lab.

use super::*;
use crate::check::testing::{address, server, virtual_server};

fn firewall() -> Firewall {
    let ipvs = NftablesIpvs { table: "t".to_owned(), priority: -1, start_fwmark: 500 };
    Firewall { ipvs: Some(ipvs), ..Firewall::default() }
}

/// A group of these addresses, balanced by this protocol.
fn group(name: &str, protocol: Protocol, addresses: &[&str]) -> VirtualServer {
    let endpoints = addresses.iter().map(|a| Endpoint::Address(address(a))).collect();
    let vs = virtual_server(1, vec![server(11)]);
    VirtualServer { name: name.to_owned(), protocol, endpoints, by_mark: true, ..vs }
}

fn give(marks: &mut Marks, virtual_servers: Vec<VirtualServer>) -> Vec<Vec<Endpoint>> {
    let mut config = check::Config { virtual_servers, ..check::Config::default() };
    marks.give(&firewall(), &mut config);
    config.virtual_servers.into_iter().map(|vs| vs.endpoints).collect()
}

const fn v4(mark: u32) -> Endpoint {
    Endpoint::Fwmark { mark, family: net::Family::V4 }
}

#[test]
fn a_group_keeps_its_mark_through_reloads_and_nobody_gets_one_that_is_in_use() {
    let mut marks = Marks::default();
    let web = || group("[web]:0", Protocol::Tcp, &["10.0.0.1:80", "10.0.0.2:80"]);
    let name = |protocol| group("[dns]:0", protocol, &["10.0.0.3:53"]);
    let mut by_hand = virtual_server(9, vec![server(11)]);
    by_hand.endpoints = vec![v4(501)];
    let given = give(&mut marks, vec![web(), name(Protocol::Tcp), name(Protocol::Udp), by_hand]);
    assert_eq!(given, [[v4(500)], [v4(502)], [v4(503)], [v4(501)]].map(Vec::from));
    let given =
        give(&mut marks, vec![group("[new]:0", Protocol::Tcp, &["10.0.0.9:80"]), name(Protocol::Udp), web()]);
    assert_eq!(given, [[v4(504)], [v4(503)], [v4(500)]].map(Vec::from));
}

#[test]
fn a_group_of_both_families_has_its_mark_in_either_and_keeps_marks_of_its_own() {
    let mut mixed = group("[mixed]:0", Protocol::Tcp, &["10.0.0.1:80", "[2001:db8::1]:80", "10.0.0.2:0"]);
    mixed.endpoints.push(v4(7));
    let mut marks = Marks::default();
    let v6 = Endpoint::Fwmark { mark: 500, family: net::Family::V6 };
    assert_eq!(give(&mut marks, vec![mixed]), [[v4(500), v6, v4(7)]]);
    let keys: Vec<(&[u8], u32)> = marks.wanted.iter().map(|(element, mark)| (&*element.key, *mark)).collect();
    let with_port =
        [&std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets()[..], &[0, 80, 0, 0]].concat();
    assert_eq!(keys, [(&[10, 0, 0, 2][..], 500), (&[10, 0, 0, 1, 0, 80, 0, 0], 500), (&with_port, 500)]);
    assert_eq!(
        maps(&marks.wanted),
        [
            (Family::V4, Protocol::Tcp, true),
            (Family::V6, Protocol::Tcp, true),
            (Family::V4, Protocol::Tcp, false)
        ],
        "what has a port is looked for first"
    );
}

#[test]
fn without_the_keyword_a_group_stays_as_it_is() {
    let mut config = check::Config {
        virtual_servers: vec![group("[web]:0", Protocol::Tcp, &["10.0.0.1:80"])],
        ..check::Config::default()
    };
    let before = config.clone();
    let mut marks = Marks::default();
    marks.give(&Firewall::default(), &mut config);
    assert_eq!((config, marks.wanted.is_empty()), (before, true));
    marks.apply(Instant::ZERO);
    assert_eq!(marks.next_timeout(), None, "the kernel is not asked");
}
