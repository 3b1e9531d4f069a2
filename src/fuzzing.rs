//! Every decoder of bytes from outside, as the tests that make up bytes call it: with what must hold whatever the bytes
//! are, and real bytes to begin with. Not for use by anything else.
//!
//! A decoder never panics and always ends. What it takes for valid it reads the same again from what we write.
//! `fuzz/` runs them for long; the test below for seconds.

use crate::conf::{self, Config};
use crate::daemon::message::{self, same_again};
use crate::ipvs::attributes::{decode, encode};
use crate::ipvs::format::CommandLine;
use crate::ipvs::grammar;
use crate::ipvs::membership::{proc, sockopt};
use crate::ipvs::model::{Protocol, ServiceKey};
use crate::ipvs::names::Numeric;
use crate::ipvs::operation::Operation;
use crate::ipvs::rules::Rules;
use crate::net::Family;
use crate::netlink::{self, Batch, Messages};
use crate::vrrp::event::IfIndex;
use crate::vrrp::garp::{self, Forwarding, Frame};
use crate::vrrp::packet::trailer::{self, Trailer, is_signed};
use crate::vrrp::packet::{Advert, ah};
use crate::wire::internet_checksum;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

mod answers;

/// A decoder under test.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    /// What to call it.
    pub name: &'static str,
    /// Panics where the bytes break what must hold.
    pub check: fn(&[u8]),
    /// Bytes that are, or were, real.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const DECODERS: &[Decoder] = &[
    Decoder { name: "advert", check: advert, seeds: adverts },
    Decoder { name: "claim", check: claim, seeds: claims },
    Decoder { name: "ah", check: ah, seeds: ahs },
    Decoder { name: "trailer", check: trailer, seeds: trailers },
    Decoder { name: "answers", check: answers::check, seeds: answers::seeds },
    Decoder { name: "netlink", check: netlink, seeds: netlink_messages },
    Decoder { name: "ipvs", check: ipvs, seeds: ipvs_messages },
    Decoder { name: "proc", check: proc, seeds: proc_texts },
    Decoder { name: "sockopt", check: sockopt, seeds: sockopt_answers },
    Decoder { name: "rules", check: rules, seeds: rule_texts },
    Decoder { name: "message", check: message::check, seeds: message::seeds },
    Decoder { name: "config", check: same_again::<Config>, seeds: configurations },
];

/// Calls the decoder of this name.
///
/// # Panics
/// There is none, or the bytes break what must hold.
pub fn check(name: &str, bytes: &[u8]) {
    let decoder = DECODERS.iter().find(|decoder| decoder.name == name).expect("the name of a decoder");
    (decoder.check)(bytes);
}

/// Pieces that mean something to one of them: numbers at the ends of their ranges, lengths, signs, words.
#[must_use]
pub fn words() -> Vec<Vec<u8>> {
    let numbers = [0_u32, 1, 4, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    let texts = [
        "-A",
        "-a",
        "-t",
        "-u",
        "-f",
        "-r",
        "-s",
        "-p",
        "-M",
        "-i",
        "-m",
        "-w",
        "-b",
        "--pe",
        "wlc",
        "sip",
        "192.0.2.1:80",
        "[2001:db8::1]:80",
        "#",
        "->",
        "TCP",
        "UDP",
        "SCTP",
        "FWM",
        "C0000201:0050",
        " ",
        "\n",
        "\0",
        "-",
        "--tun-type",
        "gue",
        "--tun-port",
    ];
    let mut words: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    words.extend(numbers.iter().flat_map(|n| [n.to_ne_bytes().to_vec(), n.to_be_bytes()[2..].to_vec()]));
    words.extend([vec![0xff; 10], vec![0x80; 10], vec![0x16; 16]]);
    words
}

/// As it came from any of three senders, also with the checksum that lets it pass.
fn advert(bytes: &[u8]) {
    let v4 = (IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1)), IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)));
    let v6 = ("fe80::ff:fe00:1".parse().map(IpAddr::V6), "ff02::12".parse().map(IpAddr::V6));
    let v6 = (v6.0.unwrap_or(v4.0), v6.1.unwrap_or(v4.1));
    for (source, destination) in [v4, v6] {
        let mut summed = bytes.to_vec();
        if let Some(sum) = summed.get_mut(6..8) {
            sum.fill(0);
            let sum = checksum(bytes.first().map_or(0, |first| first >> 4), source, destination, &summed);
            summed[6..8].copy_from_slice(&sum.to_be_bytes());
        }
        for bytes in [bytes, &summed] {
            if let Ok(advert) = Advert::decode(bytes, source, destination) {
                let written = advert.encode(source, destination);
                assert_eq!(Advert::decode(&written, source, destination), Ok(advert));
            }
        }
    }
}

fn checksum(version: u8, source: IpAddr, destination: IpAddr, bytes: &[u8]) -> u16 {
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    match (version, source, destination) {
        (3, IpAddr::V4(s), IpAddr::V4(d)) => {
            internet_checksum(&[&s.octets(), &d.octets(), &[0, 112], &len[2..], bytes])
        }
        (3, IpAddr::V6(s), IpAddr::V6(d)) => {
            internet_checksum(&[&s.octets(), &d.octets(), &len, &[0, 0, 0, 112], bytes])
        }
        _ => internet_checksum(&[bytes]),
    }
}

fn adverts() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../tests/vectors/vrrp/keepalived-2.2.7-v2-pass.bin").to_vec(),
        include_bytes!("../tests/vectors/vrrp/keepalived-2.2.7-v3-ipv4.bin").to_vec(),
        include_bytes!("../tests/vectors/vrrp/keepalived-2.2.7-v3-ipv6.bin").to_vec(),
    ]
}

/// A claim is read the same again from the announcement that we make of it.
fn claim(bytes: &[u8]) {
    if let Some((address, mac)) = garp::claim(bytes) {
        let again = Frame::new(IfIndex(1), address, mac, Forwarding::Host);
        assert_eq!(garp::claim(again.bytes()), Some((address, mac)));
    }
    // The same, as an ICMPv6 socket gives it: without the headers before it.
    let message = bytes.get(54..).unwrap_or(bytes);
    if let Some((address, mac)) = garp::advertised(message) {
        let again = Frame::new(IfIndex(1), address, mac, Forwarding::Router);
        let again = again.bytes().get(54..).unwrap_or_default();
        assert_eq!(garp::advertised(again), Some((address, mac)));
    }
}

fn claims() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../tests/vectors/vrrp/keepalived-2.2.7-garp.bin").to_vec(),
        include_bytes!("../tests/vectors/vrrp/keepalived-2.2.7-na.bin").to_vec(),
    ]
}

/// An authentication header: as it came, and signed by us behind each IP header that could stand before it.
fn ah(bytes: &[u8]) {
    let key = b"himitsu\0";
    let (front, payload) = bytes.split_at(bytes.len().min(20));
    for way in [ah::Way::Multicast, ah::Way::Unicast] {
        let _ = ah::open(key, way, front, payload);
        let mut sealed = payload.to_vec();
        let (source, destination) = (Ipv4Addr::new(10, 9, 0, 1), Ipv4Addr::new(224, 0, 0, 18));
        let ip = ah::ip_header(source, destination, 255, 1, payload.len());
        ah::seal(key, way, 7, &ip, &mut sealed);
        let opened = ah::open(key, way, &ip, &sealed);
        assert_eq!(opened.is_ok(), sealed.len() >= ah::HEADER_LEN);
        assert!(opened.is_err() || opened == Ok(7));
    }
}

fn ahs() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../tests/vectors/vrrp/keepalived-2.2.7-ah-multicast.bin").to_vec(),
        include_bytes!("../tests/vectors/vrrp/keepalived-2.2.7-ah-unicast.bin").to_vec(),
    ]
}

/// An advert and the trailer of `auth_hmac`: as they came, and signed by us.
fn trailer(bytes: &[u8]) {
    let (key, source) = ([1; 32], IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1)));
    if let Ok(advert) = Advert::parse_front(bytes, Family::V4) {
        assert_eq!([advert.bytes, advert.behind].concat(), advert.whole);
        let _ = Trailer::parse(advert.behind);
    }
    let _ = is_signed(&key, source, bytes);
    let mut signed = bytes.to_vec();
    let said = Trailer { key: 1, sequence: 7 };
    said.write(&key, source, &mut signed);
    if let Some(trailer) = signed.last_chunk::<{ trailer::LEN }>() {
        assert_eq!(Trailer::parse(trailer), Some(said));
        assert!(is_signed(&key, source, &signed) || signed.len() < 8 + trailer::LEN);
    }
}

fn trailers() -> Vec<Vec<u8>> {
    let signed = |advert: Vec<u8>| {
        let mut bytes = [advert, vec![0; trailer::LEN]].concat();
        let source = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));
        Trailer { key: 1, sequence: 1_700_000_000 << 32 }.write(&[1; 32], source, &mut bytes);
        bytes
    };
    adverts().into_iter().map(signed).collect()
}

/// As a datagram of notifications, and as the answer to a batch.
fn netlink(bytes: &[u8]) {
    let mut seen = 0;
    for message in Messages::new(bytes) {
        let Ok(message) = message else { break };
        seen += 1;
        let _ = netlink::route::read_any(&message);
        let _ = netlink::genl::read(&message);
    }
    assert!(seen <= bytes.len() / 16, "a message has a header");
    netlink::check_answer(bytes);
}

fn netlink_messages() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../tests/vectors/netlink/links.bin").to_vec(),
        include_bytes!("../tests/vectors/netlink/addresses.bin").to_vec(),
        include_bytes!("../tests/vectors/netlink/family.bin").to_vec(),
        include_bytes!("../tests/vectors/netlink/refusal.bin").to_vec(),
    ]
}

/// As each of the messages that IPVS lists.
fn ipvs(payload: &[u8]) {
    let _ = decode::timeouts(payload);
    let _ = decode::info(payload);
    if let Ok(daemon) = decode::daemon(payload) {
        let again = decode::daemon(&request(&Operation::StartDaemon(daemon.clone())));
        assert_eq!(again.map(|again| again.state), Ok(daemon.state));
    }
    if let Ok(entry) = decode::service(payload) {
        let again = decode::service(&request(&Operation::AddService(entry.service.clone())));
        assert_eq!(again.map(|again| again.service.key), Ok(entry.service.key));
    }
    let key = ServiceKey::Fwmark { mark: 1, family: Family::V4 };
    for family in [Family::V4, Family::V6] {
        let _ = decode::dest(payload, family, decode::Counters::Leave);
        if let Ok(entry) = decode::dest(payload, family, decode::Counters::Read) {
            let written = request(&Operation::AddDest(key, entry.dest));
            let again = decode::dest(&written, family, decode::Counters::Leave);
            // The counters are the kernel's alone.
            assert!(again.is_err() || again.is_ok_and(|again| again.dest == entry.dest));
        }
    }
}

/// A request without its netlink header.
fn request(operation: &Operation) -> Vec<u8> {
    let mut batch = Batch::new();
    encode::operation(&mut batch, 0x20, operation);
    batch.range(0, 1).get(16..).unwrap_or_default().to_vec()
}

/// What ipvsadm and the kernel said to each other.
fn ipvs_messages() -> Vec<Vec<u8>> {
    let text = include_str!("ipvs/attributes/tests/vectors.txt");
    let hex = |digits: &str| {
        let bytes = digits.as_bytes().chunks_exact(2).filter_map(|pair| str::from_utf8(pair).ok());
        bytes.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
    };
    text.lines().filter_map(|line| line.strip_prefix("< ").or(line.strip_prefix("> "))).map(hex).collect()
}

/// As `/proc/net/ip_vs`.
fn proc(bytes: &[u8]) {
    let _ = proc::Checksums::read(bytes);
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    for key in [
        ServiceKey::Address { protocol: Protocol::Tcp, address, port: 80 },
        ServiceKey::Address { protocol: Protocol::Udp, address: Ipv6Addr::LOCALHOST.into(), port: 53 },
        ServiceKey::Fwmark { mark: 10, family: Family::V6 },
    ] {
        let Ok(lists) = proc::servers(bytes, &key) else { continue };
        assert!(lists.iter().flatten().count() <= bytes.len() / 4);
    }
}

fn proc_texts() -> Vec<Vec<u8>> {
    let text = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> \
                RemoteAddress:Port Forward Weight ActiveConn InActConn\nTCP  C0000201:0050 rr persistent 300 \
                FFFFFFFF\n  -> 0A000003:0050      Route   1      0          0         \nUDP  \
                [0000:0000:0000:0000:0000:0000:0000:0001]:0035 wlc  ops\n  -> \
                [2001:0db8:0000:0000:0000:0000:0000:0002]:0035      Tunnel  1      0          0         \nFWM  \
                0000000A wlc \n  -> 0A000004:0000      Route   1      0          0         \n";
    vec![text.as_bytes().to_vec()]
}

/// As the kernel's answer to `IP_VS_SO_GET_DESTS`.
fn sockopt(bytes: &[u8]) {
    let first = sockopt::first(bytes);
    if let Some(servers) = sockopt::servers(bytes) {
        assert_eq!(servers.first().copied(), first);
        assert!(servers.iter().all(|server| !server.address.is_unspecified()));
    }
}

fn sockopt_answers() -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    let service = ServiceKey::Fwmark { mark: 5, family: Family::V4 };
    let answer = sockopt::question(&mut bytes, &service, 3);
    for (server, at) in [(1, 24), (2, 120)] {
        answer[at..at + 6].copy_from_slice(&[10, 0, 0, server, 0, 80]);
    }
    vec![answer.to_vec()]
}

/// As lines of `-R`, and as a whole table.
fn rules(bytes: &[u8]) {
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let text = grammar::text(line);
        if let Err(misplaced) = grammar::parse_line_located(&text, &Numeric) {
            assert!(misplaced.at <= text.len());
        }
        let _ = grammar::hint_for_line(&text);
    }
    let Ok(rules) = Rules::parse(bytes, &Numeric) else { return };
    let mut text = String::new();
    for (service, dests) in &rules.table.services {
        text += &format!("{}\n", CommandLine(&Operation::AddService(service.clone())));
        for dest in dests {
            text += &format!("{}\n", CommandLine(&Operation::AddDest(service.key, *dest)));
        }
    }
    let again = Rules::parse(text.as_bytes(), &Numeric).map(|again| again.table);
    assert_eq!(again, Ok(rules.table), "{text}");
}

fn rule_texts() -> Vec<Vec<u8>> {
    let table = "# web\n-A -t 192.0.2.1:80 -s wlc -p 300 -M 255.255.255.0\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1 \
                 -x 9 -y 2\n-A -u [2001:db8::1]:53 -s sh -b sh-fallback,sh-port --ops\n-a -u [2001:db8::1]:53 -r \
                 [2001:db8::2]:53 -g -w 3\n-A -f 5 -s rr\n-a -f 5 -r 10.0.0.9 -i --tun-type gue --tun-port 6080 \
                 --tun-csum\n-A --sctp-service 192.0.2.2:5060 -s mh --pe sip -p\n";
    let others = "-C\n-D -t 192.0.2.1:80\n-d -f 5 -r 10.0.0.9\n-Z\n-E -f 5 -s wrr\nipvsadm --set 900 120 300\n\
                  --start-daemon master --mcast-interface eth0 --syncid 5 --sync-maxlen 1400 --mcast-group ff02::5\n";
    vec![table.as_bytes().to_vec(), others.as_bytes().to_vec()]
}

/// As they reach a worker.
fn configurations() -> Vec<Vec<u8>> {
    let texts = [
        "vrrp_instance VI {\n interface eth0\n virtual_router_id 7\n priority 100\n advert_int 0.5\n version 3\n \
         virtual_ipaddress {\n  192.0.2.1/24 dev eth1 label eth1:1\n  192.0.2.2\n }\n notify_master \"/bin/true a\"\n}\n",
        "virtual_server 192.0.2.1 80 {\n lb_algo wlc\n lb_kind NAT\n protocol TCP\n sorry_server 10.0.0.9 80\n real_server \
         10.0.0.1 80 {\n  weight 3\n  TCP_CHECK {\n   connect_timeout 3\n   retry 2\n  }\n }\n}\n",
    ];
    let loaded = texts.iter().map(|text| conf::load_text("k.conf", *text, &conf::LoadOptions::default()));
    loaded.filter_map(|loaded| postcard::to_stdvec(&loaded.config?).ok()).collect()
}

#[cfg(test)]
#[path = "../fuzz/mutate.rs"]
mod mutate;

#[cfg(test)]
mod tests {
    use super::*;

    /// For each decoder; `make fuzz` runs them for long.
    const INPUTS: u64 = 3000;

    #[test]
    fn no_decoder_panics_whatever_the_bytes() {
        let words = words();
        for decoder in DECODERS {
            let seeds = (decoder.seeds)();
            assert!(!seeds.is_empty(), "{}", decoder.name);
            for seed in &seeds {
                (decoder.check)(seed);
                // Each beginning of it, since lengths are what decoders get wrong.
                (0..seed.len().min(600)).for_each(|end| (decoder.check)(&seed[..end]));
            }
            for number in 0..INPUTS {
                (decoder.check)(&mutate::text(number, &seeds, &words));
            }
        }
    }

    #[test]
    fn each_decoder_has_its_target() {
        let names: Vec<&str> = DECODERS.iter().map(|decoder| decoder.name).collect();
        assert!(include_str!("../Makefile").contains(&format!("\ndecoders := {}\n", names.join(" "))));
        let targets = include_str!("../fuzz/Cargo.toml");
        assert!(names.iter().all(|name| targets.contains(&format!("\nname = \"{name}\"\n"))));
    }

    #[test]
    fn seeds_are_real() {
        let v4 = (IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1)), IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18)));
        assert!(adverts()[..2].iter().all(|bytes| Advert::decode(bytes, v4.0, v4.1).is_ok()));
        let messages: Vec<Vec<u8>> = netlink_messages();
        let count = |bytes: &[u8]| Messages::new(bytes).take_while(Result::is_ok).count();
        assert!(count(&messages[0]) > 3 && count(&messages[1]) > 3 && count(&messages[2]) == 1);
        let entries = ipvs_messages();
        assert!(entries.iter().any(|bytes| decode::service(bytes).is_ok()));
        assert!(entries.iter().any(|bytes| decode::dest(bytes, Family::V4, decode::Counters::Read).is_ok()));
        assert_eq!(
            proc::servers(&proc_texts()[0][..], &ServiceKey::Fwmark { mark: 10, family: Family::V6 })
                .unwrap()
                .len(),
            1
        );
        assert_eq!(sockopt::servers(&sockopt_answers()[0]).unwrap().len(), 2);
        assert_eq!(Rules::parse(&rule_texts()[0], &Numeric).unwrap().table.services.len(), 4);
        assert_eq!(configurations().len(), 2);
        assert!(configurations().iter().all(|bytes| postcard::from_bytes::<Config>(bytes).is_ok()));
    }
}
