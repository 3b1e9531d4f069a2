//! How long `vipd ipvs apply` takes to change one server of a large table, against a bare reading of that table; and what
//! it costs to add a table again after it was removed, against adding it first.
//!
//! `cargo bench --bench ipvs_apply [-- SERVICESxSERVERS...]`, by default 1000x10 and 1000x100. Where this kernel has no
//! IPVS, or you are not root, it runs in the lab's guest (`tests/lab/vm`): there, only the ratios count.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

#[path = "ipvs/mod.rs"]
mod ipvs;

use ipvs::{fresh, operations, text};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};
use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vipd::ipvs::client::Client;
use vipd::ipvs::model::ServiceKey;
use vipd::ipvs::operation::Operation;
use vipd::netlink::{Socket, genl};

/// Runs of each.
const ROUNDS: usize = 5;
/// Larger tables are not added again after a bare flush.
const PATIENCE: usize = 20_000;

fn main() {
    let sizes: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    ipvs::in_the_lab(&sizes);
    let sizes = if sizes.is_empty() { vec!["1000x10".to_owned(), "1000x100".to_owned()] } else { sizes };
    for size in sizes {
        let (services, servers) = size.split_once('x').expect("SERVICESxSERVERS");
        let operations = operations(services.parse().unwrap(), servers.parse().unwrap());
        println!("{services} services x {servers} servers");
        apply(&operations);
        again(&operations);
    }
}

/// The middle one, in seconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// Runs `vipd ipvs` with these arguments and this file as its standard input.
fn vipd(arguments: &[&str], input: &std::path::Path) -> Duration {
    let stdin = Stdio::from(File::open(input).unwrap());
    let start = Instant::now();
    let status =
        Command::new(env!("CARGO_BIN_EXE_vipd")).arg("ipvs").args(arguments).stdin(stdin).status().unwrap();
    let time = start.elapsed();
    assert!(status.success());
    time
}

fn apply(operations: &[Operation]) {
    let mut changed = operations.to_vec();
    let Some(Operation::AddDest(_, dest)) = changed.last_mut() else { unreachable!() };
    dest.weight += 1;
    let files = [operations, &changed].map(|operations| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text(operations)).unwrap();
        file
    });
    let times = std::sync::Mutex::new([const { Vec::new() }; 3]);
    let work = || {
        assert_eq!(Client::open().unwrap().execute(operations), []);
        for round in 0..ROUNDS {
            let bare = read_bare(operations);
            let start = Instant::now();
            let table = Client::open().unwrap().table().unwrap();
            let client = start.elapsed();
            drop(table);
            let apply = vipd(&["apply", "-"], files[(round + 1) % 2].path());
            let mut times = times.lock().unwrap();
            for (times, time) in times.iter_mut().zip([bare, client, apply]) {
                times.push(time);
            }
        }
        Duration::ZERO
    };
    fresh(&work, operations, &mut Vec::new());
    let [bare, client, apply] = times.into_inner().unwrap().map(median);
    for (name, time) in [("bare reading", bare), ("client's", client), ("apply, one changed", apply)] {
        println!("  {name:<26} {time:>9.4} s  {:>7.2} x bare", time / bare);
    }
}

fn again(operations: &[Operation]) {
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), text(operations)).unwrap();
    let nothing = tempfile::NamedTempFile::new().unwrap();
    let clear = || assert!(!vipd(&["-C"], nothing.path()).is_zero());
    let flush = || assert_eq!(Client::open().unwrap().execute(&[Operation::Flush]), []);
    let remove = || assert!(!vipd(&["apply", "-"], nothing.path()).is_zero());
    let ways: [(&str, &(dyn Fn() + Sync)); 3] = [
        ("again after vipd's -C", &clear),
        ("again after apply", &remove),
        ("again after a bare flush", &flush),
    ];
    let restore = || vipd(&["-R"], rules.path());
    let mut kept = Vec::new();
    let first = median((0..3).map(|_| fresh(&restore, operations, &mut kept)).collect());
    println!("  {:<26} {first:>9.4} s", "-R into nothing");
    // What takes long grows with the square.
    for (name, remove) in ways.into_iter().take(if operations.len() > PATIENCE { 2 } else { 3 }) {
        let work = || {
            restore();
            remove();
            restore()
        };
        let time = fresh(&work, operations, &mut kept).as_secs_f64();
        println!("  {name:<26} {time:>9.4} s  {:>7.2} x first", time / first);
    }
}

/// Asks for the services, then for the servers of each, and looks at nothing but where each dump ends: the bound.
fn read_bare(operations: &[Operation]) -> Duration {
    const DUMP: u16 = 0x301;
    let mut resolver = Socket::open(vipd::netlink::Protocol::Generic).unwrap();
    let family = genl::resolve(&mut resolver, "IPVS").unwrap().id;
    let requests: Vec<Vec<u8>> = std::iter::once(request(family, DUMP, 4, None))
        .chain(operations.iter().filter_map(|operation| match operation {
            Operation::AddService(s) => Some(request(family, DUMP, 8, Some(&s.key))),
            _ => None,
        }))
        .collect();
    let start = Instant::now();
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket: OwnedFd =
        socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkGeneric).unwrap();
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
    let mut answer = vec![0; 64 << 10];
    for bytes in requests {
        assert_eq!(send(socket.as_raw_fd(), &bytes, MsgFlags::empty()), Ok(bytes.len()));
        loop {
            let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
            // NLMSG_DONE comes in a datagram of its own, or as the last message of one.
            let mut at = 0;
            let mut kind = 0;
            while at + 16 <= len {
                kind = u16::from_ne_bytes([answer[at + 4], answer[at + 5]]);
                let len = u32::from_ne_bytes(answer[at..at + 4].try_into().unwrap());
                at += (len as usize).next_multiple_of(4);
            }
            assert_ne!(kind, 2, "refused");
            if kind == 3 {
                break;
            }
        }
    }
    start.elapsed()
}

/// A request for a dump, written by hand (`linux/ip_vs.h`): nothing of the client's is in the bound.
fn request(family: u16, flags: u16, command: u8, service: Option<&ServiceKey>) -> Vec<u8> {
    let mut out = vec![0; 20];
    if let Some(ServiceKey::Address { address: IpAddr::V4(address), port, .. }) = service {
        let mut nest = Vec::new();
        for (kind, value) in [
            (1u16, 2u16.to_ne_bytes().to_vec()),
            (2, 6u16.to_ne_bytes().to_vec()),
            (3, [&address.octets()[..], &[0; 12]].concat()),
            (4, port.to_be_bytes().to_vec()),
        ] {
            nest.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
            nest.extend_from_slice(&kind.to_ne_bytes());
            nest.extend_from_slice(&value);
            nest.resize(nest.len().next_multiple_of(4), 0);
        }
        out.extend_from_slice(&(nest.len() as u16 + 4).to_ne_bytes());
        out.extend_from_slice(&0x8001u16.to_ne_bytes());
        out.extend_from_slice(&nest);
    }
    let len = out.len() as u32;
    out[..4].copy_from_slice(&len.to_ne_bytes());
    out[4..6].copy_from_slice(&family.to_ne_bytes());
    out[6..8].copy_from_slice(&flags.to_ne_bytes());
    out[8..12].copy_from_slice(&1u32.to_ne_bytes());
    out[16..18].copy_from_slice(&[command, 1]);
    out
}
