//! Against what ipvsadm and the kernel really sent (`tests/vectors.txt`), read by another decoder, neli's.

use super::decode::Counters;
use super::encode::Query;
use super::number::{Command, CommandAttr, DestAttr, ServiceAttr, StatsAttr};
use super::{decode, encode};
use crate::ipvs::model::*;
use crate::ipvs::operation::Operation;
use crate::net::Family;
use crate::netlink::Batch;
use neli::consts::genl::NlAttrType;
use neli::genl::Genlmsghdr;
use neli::nl::Nlmsghdr;
use neli::types::{Buffer, GenlBuffer};
use neli::{FromBytes, FromBytesWithInput, ToBytes, TypeSize};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr};

const FAMILY_ID: u16 = 0x20;

/// A message, as neli reads it: its command, and each attribute by its path of numbers.
#[derive(Debug, PartialEq)]
struct Plain {
    command: u8,
    attributes: BTreeMap<(u16, u16), Vec<u8>>,
}

fn plain(payload: &[u8]) -> Plain {
    let mut cursor = Cursor::new(payload);
    let message = Genlmsghdr::<u8, CommandAttr>::from_bytes_with_input(&mut cursor, payload.len()).unwrap();
    assert_eq!(*message.version(), 1);
    let mut attributes = BTreeMap::new();
    for a in message.attrs().iter() {
        let kind = u16::from(a.nla_type().nla_type());
        match a.nla_type().nla_type() {
            CommandAttr::Service | CommandAttr::Dest | CommandAttr::Daemon => {
                for inner in a.get_attr_handle::<u16>().unwrap().iter() {
                    let inner_kind = *inner.nla_type().nla_type();
                    attributes.insert((kind, inner_kind), inner.nla_payload().as_ref().to_vec());
                }
            }
            _ => drop(attributes.insert((kind, 0), a.nla_payload().as_ref().to_vec())),
        }
    }
    Plain { command: *message.cmd(), attributes }
}

#[derive(Debug)]
struct Vector {
    arguments: &'static str,
    sent: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
}

fn vectors() -> Vec<Vector> {
    let mut vectors: Vec<Vector> = Vec::new();
    let hex = |s: &str| {
        (0..s.len()).step_by(2).map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    let (_, lines) = include_str!("tests/vectors.txt").split_once("\n\n").unwrap();
    for line in lines.lines() {
        match (line.split_once(' ').unwrap(), vectors.last_mut()) {
            (("#", arguments), _) => {
                vectors.push(Vector { arguments, sent: Vec::new(), received: Vec::new() });
            }
            ((">", bytes), Some(vector)) => vector.sent.push(hex(bytes)),
            (("<", bytes), Some(vector)) => vector.received.push(hex(bytes)),
            other => panic!("{other:?}"),
        }
    }
    vectors
}

fn vector(arguments: &str) -> Vector {
    vectors().into_iter().find(|v| v.arguments == arguments).unwrap_or_else(|| panic!("{arguments}"))
}

/// The request as it goes out, without its netlink header.
fn encoded(write: impl FnOnce(&mut Batch)) -> Vec<u8> {
    let mut batch = Batch::new();
    write(&mut batch);
    assert_eq!(batch.len(), 1);
    batch.seal(0, 1, 7, true);
    let bytes = batch.range(0, 1);
    let header = Nlmsghdr::<u16, Buffer>::from_bytes(&mut Cursor::new(bytes)).unwrap();
    assert_eq!((*header.nl_type(), *header.nl_len() as usize), (FAMILY_ID, bytes.len()));
    bytes[16..].to_vec()
}

fn ip(s: &str) -> IpAddr {
    s.parse().unwrap()
}

fn address(protocol: Protocol, address: &str, port: u16) -> ServiceKey {
    ServiceKey::Address { protocol, address: ip(address), port }
}

fn tcp() -> ServiceKey {
    address(Protocol::Tcp, "192.0.2.1", 80)
}

const MARK: ServiceKey = ServiceKey::Fwmark { mark: 5, family: Family::V6 };

fn service(key: ServiceKey, scheduler: &str) -> Service {
    Service {
        key,
        scheduler: scheduler.to_owned(),
        flags: ServiceFlags::empty(),
        timeout: 0,
        netmask: Netmask::host(key.family()),
        pe_name: None,
    }
}

fn dest(address: &str, port: u16, forward: Forward) -> Dest {
    let key = DestKey { address: ip(address), port };
    Dest { key, forward, weight: 1, upper_threshold: 0, lower_threshold: 0 }
}

fn tunnel(kind: TunnelKind, port: u16, flags: TunnelFlags) -> Forward {
    Forward::Tunnel(Tunnel { kind, port, flags })
}

fn services() -> [Service; 4] {
    [
        Service { flags: ServiceFlags::PERSISTENT, timeout: 30, ..service(tcp(), "rr") },
        Service {
            flags: ServiceFlags::PERSISTENT | ServiceFlags::ONE_PACKET,
            timeout: 60,
            netmask: Netmask::Mask(Ipv4Addr::new(255, 255, 255, 0)),
            pe_name: Some("sip".into()),
            ..service(address(Protocol::Udp, "192.0.2.1", 5060), "rr")
        },
        Service {
            flags: ServiceFlags::PERSISTENT | ServiceFlags::SCHED1 | ServiceFlags::SCHED2,
            timeout: 100,
            netmask: Netmask::Prefix(64),
            ..service(address(Protocol::Udp, "2001:db8::1", 53), "sh")
        },
        Service { flags: ServiceFlags::ONE_PACKET, ..service(MARK, "rr") },
    ]
}

fn dests() -> [Dest; 4] {
    [
        dest("2001:db8::99", 80, tunnel(TunnelKind::Gre, 0, TunnelFlags::CSUM)),
        dest("10.0.0.2", 80, tunnel(TunnelKind::Gue, 6080, TunnelFlags::REMCSUM)),
        Dest {
            weight: 3,
            upper_threshold: 100,
            lower_threshold: 50,
            ..dest("10.0.0.1", 8080, Forward::Masq)
        },
        dest("2001:db8::7", 443, Forward::DirectRoute),
    ]
}

fn daemons() -> [Daemon; 2] {
    let master = Daemon {
        state: DaemonState::Master,
        interface: "mc0".into(),
        sync_id: 7,
        sync_maxlen: Some(1400),
        group: Some(ip("224.0.0.99")),
        port: Some(9000),
        ttl: Some(3),
    };
    let backup = Daemon {
        state: DaemonState::Backup,
        interface: "mc0".into(),
        sync_id: 8,
        sync_maxlen: None,
        group: None,
        port: None,
        ttl: None,
    };
    [master, backup]
}

fn operations() -> Vec<(&'static str, Operation)> {
    let [edited, sip, sh, mark] = services();
    let [gre, gue, masq, direct] = dests();
    let [master, backup] = daemons();
    vec![
        ("-A -t 192.0.2.1:80 -s wlc", Operation::AddService(service(tcp(), "wlc"))),
        ("-A -u [2001:db8::1]:53 -s sh -b sh-port,sh-fallback -p 100 -M 64", Operation::AddService(sh)),
        ("-A -f 5 -6 -s rr -o", Operation::AddService(mark)),
        ("-A -u 192.0.2.1:5060 -s rr -p 60 -M 255.255.255.0 --pe sip -o", Operation::AddService(sip)),
        ("-E -t 192.0.2.1:80 -s rr -p 30", Operation::EditService(edited)),
        ("-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3 -x 100 -y 50", Operation::AddDest(tcp(), masq)),
        (
            "-a -t 192.0.2.1:80 -r 10.0.0.2 -i --tun-type gue --tun-port 6080 --tun-remcsum",
            Operation::AddDest(tcp(), gue),
        ),
        (
            "-a -t 192.0.2.1:80 -r [2001:db8::99]:80 -i --tun-type gre --tun-csum",
            Operation::AddDest(tcp(), gre),
        ),
        ("-a -f 5 -6 -r [2001:db8::7]:443 -g", Operation::AddDest(MARK, direct)),
        (
            "-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 0",
            Operation::EditDest(tcp(), Dest { weight: 0, ..dest("10.0.0.1", 8080, Forward::Masq) }),
        ),
        ("-d -t 192.0.2.1:80 -r 10.0.0.1:8080", Operation::DeleteDest(tcp(), masq.key)),
        ("--set 100 20 30", Operation::SetTimeouts(Timeouts { tcp: 100, tcp_fin: 20, udp: 30 })),
        (
            "--start-daemon master --mcast-interface mc0 --syncid 7 --sync-maxlen 1400 --mcast-group 224.0.0.99 \
             --mcast-port 9000 --mcast-ttl 3",
            Operation::StartDaemon(master),
        ),
        ("--start-daemon backup --mcast-interface mc0 --syncid 8", Operation::StartDaemon(backup)),
        ("--stop-daemon master", Operation::StopDaemon(DaemonState::Master)),
        ("-Z -t 192.0.2.1:80", Operation::Zero(Some(tcp()))),
        ("-Z", Operation::Zero(None)),
        ("-D -f 5 -6", Operation::DeleteService(MARK)),
        ("-C", Operation::Flush),
    ]
}

#[test]
fn requests_say_what_ipvsadm_s_say() {
    for (arguments, operation) in operations() {
        let vector = vector(arguments);
        let [theirs] = &vector.sent[..] else { panic!("{arguments}") };
        let theirs = plain(theirs);
        let ours = plain(&encoded(|b| encode::operation(b, FAMILY_ID, &operation)));
        assert_eq!(ours.command, theirs.command, "{arguments}");
        for (kind, value) in &ours.attributes {
            assert_eq!(Some(value), theirs.attributes.get(kind), "attribute {kind:?} of {arguments}");
        }
        // What we leave out is what the kernel does not read there, or takes for zero.
        let key = |n: ServiceAttr| (u16::from(CommandAttr::Service), u16::from(n));
        let only_keys = !matches!(operation, Operation::AddService(_) | Operation::EditService(_));
        let unread = |kind: &(u16, u16)| {
            only_keys && *kind >= key(ServiceAttr::SchedName) && *kind <= key(ServiceAttr::Netmask)
                || matches!(operation, Operation::DeleteDest(..)) && kind.0 == u16::from(CommandAttr::Dest)
                || matches!(operation, Operation::StopDaemon(_))
        };
        for (kind, value) in theirs.attributes.iter().filter(|(kind, _)| !ours.attributes.contains_key(kind))
        {
            assert!(unread(kind) || value.iter().all(|&b| b == 0), "no attribute {kind:?} in {arguments}");
        }
    }
    let asked = &vector("-L -n").sent;
    let queries = [Query::Services, Query::Dests(tcp()), Query::Dests(services()[1].key)];
    for (query, theirs) in queries.iter().zip(asked) {
        assert_eq!(plain(&encoded(|b| encode::query(b, FAMILY_ID, query))), plain(theirs), "{query:?}");
    }
    let info = encoded(|b| encode::query(b, FAMILY_ID, &Query::Info));
    assert_eq!(info, vector("(any)").sent[0]);
    let timeouts = encoded(|b| encode::query(b, FAMILY_ID, &Query::Timeouts));
    assert_eq!(timeouts, vector("-L --timeout").sent[0]);
    let daemons = encoded(|b| encode::query(b, FAMILY_ID, &Query::Daemons));
    assert_eq!(daemons, vector("-L --daemon").sent[0]);
}

#[test]
fn the_kernel_s_answers_are_read() {
    let (list, other): (Vec<_>, Vec<_>) =
        vector("-L -n").received.into_iter().partition(|m| m[0] == u8::from(Command::NewService));
    let read: Vec<Service> = list.iter().map(|m| decode::service(m).unwrap().service).collect();
    assert_eq!(read, services());
    let read: Vec<Dest> =
        other.iter().map(|m| decode::dest(m, Family::V4, Counters::Leave).unwrap().dest).collect();
    assert_eq!(read, dests());

    let timeouts = decode::timeouts(&vector("-L --timeout").received[0]);
    assert_eq!(timeouts, Ok(Timeouts { tcp: 100, tcp_fin: 20, udp: 30 }));
    let info = decode::info(&vector("(any)").received[0]);
    assert_eq!(info, Ok(Info { version: 0x0001_0201, conn_tab_size: 4096 }));
    let read: Vec<Daemon> =
        vector("-L --daemon").received.iter().map(|m| decode::daemon(m).unwrap()).collect();
    let [master, backup] = daemons();
    // The kernel fills in what was left to it.
    let filled = Daemon {
        sync_maxlen: Some(1472),
        group: Some(ip("224.0.0.81")),
        port: Some(8848),
        ttl: Some(1),
        ..backup
    };
    assert_eq!(read, [master, filled]);
}

/// An attribute written by neli.
fn attribute<T: NlAttrType + TypeSize + ToBytes>(kind: T, payload: &[u8]) -> Vec<u8> {
    let attr = neli::genl::NlattrBuilder::default()
        .nla_type(neli::genl::AttrTypeBuilder::default().nla_type(kind).build().unwrap())
        .nla_payload(Buffer::from(payload))
        .build()
        .unwrap();
    let mut cursor = Cursor::new(Vec::new());
    [attr].into_iter().collect::<GenlBuffer<T, Buffer>>().to_bytes(&mut cursor).unwrap();
    cursor.into_inner()
}

#[test]
fn counters_are_read_in_both_widths() {
    let recorded = &vector("-L -n").received;
    let message = recorded.iter().find(|m| m[0] == u8::from(Command::NewDest)).unwrap();
    let counters = [
        StatsAttr::Conns,
        StatsAttr::InPkts,
        StatsAttr::OutPkts,
        StatsAttr::InBytes,
        StatsAttr::OutBytes,
        StatsAttr::Cps,
        StatsAttr::InPps,
        StatsAttr::OutPps,
        StatsAttr::InBps,
        StatsAttr::OutBps,
    ];
    let expected = |base: u64| Stats {
        conns: base + 1,
        inpkts: base + 2,
        outpkts: base + 3,
        inbytes: base + 4,
        outbytes: base + 5,
        cps: base + 6,
        inpps: base + 7,
        outpps: base + 8,
        inbps: base + 9,
        outbps: base + 10,
    };
    let wide = |base: u64| -> Vec<u8> {
        counters
            .iter()
            .flat_map(|c| attribute(*c, &(base + u64::from(u16::from(*c))).to_ne_bytes()))
            .collect()
    };
    let narrow: Vec<u8> =
        counters.iter().flat_map(|c| attribute(*c, &u32::from(u16::from(*c)).to_ne_bytes())).collect();

    // A destination with only the counters replaced; the 64-bit ones win wherever they stand.
    let base = 1 << 40;
    for (blocks, expected) in [
        (vec![(DestAttr::Stats, narrow.clone())], expected(0)),
        (vec![(DestAttr::Stats, narrow.clone()), (DestAttr::Stats64, wide(base))], expected(base)),
        (vec![(DestAttr::Stats64, wide(base)), (DestAttr::Stats, narrow)], expected(base)),
    ] {
        let mut inner = Vec::new();
        for (kind, value) in plain(message).attributes.into_iter().map(|((_, k), v)| (k, v)) {
            if ![DestAttr::Stats, DestAttr::Stats64].map(u16::from).contains(&kind) {
                inner.extend(attribute(DestAttr::from(kind), &value));
            }
        }
        for (kind, value) in blocks {
            inner.extend(attribute(kind, &value));
        }
        let mut bytes = message[..4].to_vec();
        bytes.extend(attribute(CommandAttr::Dest, &inner));
        assert_eq!(decode::dest(&bytes, Family::V4, Counters::Read).unwrap().stats, expected);
        assert_eq!(decode::dest(&bytes, Family::V4, Counters::Leave).unwrap().stats, Stats::default());
    }
}

/// Reads `message` with every decoder: what comes does not matter, that it comes back does.
fn read_as_everything(message: &[u8]) {
    let _ = decode::service(message);
    let _ = decode::dest(message, Family::V6, Counters::Read);
    let _ = decode::daemon(message);
    let _ = decode::timeouts(message);
    let _ = decode::info(message);
}

#[test]
fn bytes_cut_or_flipped_are_refused_or_read_and_never_panic() {
    for message in vectors().into_iter().flat_map(|v| v.received) {
        for cut in 0..message.len() {
            read_as_everything(&message[..cut]);
        }
        for at in 0..message.len() {
            for bit in 0..8 {
                let mut other = message.clone();
                other[at] ^= 1 << bit;
                read_as_everything(&other);
            }
        }
    }
    let whole = &vector("-L -n").received[0];
    assert_eq!(decode::service(&whole[..whole.len() - 1]), Err(decode::DecodeError::Malformed));
    assert_eq!(
        decode::dest(whole, Family::V4, Counters::Read),
        Err(decode::DecodeError::Missing("destination"))
    );
    assert_eq!(decode::info(&[0x0e, 1, 0, 0]), Err(decode::DecodeError::Missing("version")));
}
