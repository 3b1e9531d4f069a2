//! How long it takes to write a table into the kernel: the client, `vipd ipvs -R` and `ipvsadm -R` against a bare
//! sender of the same messages, 512 a send, the last one acknowledged.
//!
//! `cargo bench --bench ipvs_write [-- SERVICESxSERVERS...]`, by default 1000x10 and 1000x100. Where this kernel has no
//! IPVS, or you are not root, it runs in the lab's guest (`tests/lab/vm`): there, only the ratios count.
//!
//! Each run has a network namespace of its own. The kernel keeps removed destinations for two minutes in a list of
//! the namespace and searches it for each one that is added: a table written a second time would measure that list.
//! The namespaces stay until the end of a size, so that no clean-up runs beside a measurement.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

#[path = "ipvs/mod.rs"]
mod ipvs;

use ipvs::{fresh, operations, text};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt,
    socket, sockopt,
};
use std::ffi::OsStr;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vipd::ipvs::client::Client;
use vipd::ipvs::model::ServiceKey;
use vipd::ipvs::operation::Operation;
use vipd::netlink::{Socket, genl};

/// Runs of each.
const ROUNDS: usize = 5;
/// ipvsadm is slow: it writes tables of more messages once.
const PATIENCE: usize = 20_000;
/// Messages a send.
const SEND: usize = 512;

fn main() {
    let sizes: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    ipvs::in_the_lab(&sizes);
    let sizes = if sizes.is_empty() { vec!["1000x10".to_owned(), "1000x100".to_owned()] } else { sizes };
    for size in sizes {
        let (services, servers) = size.split_once('x').expect("SERVICESxSERVERS");
        measure(services.parse().unwrap(), servers.parse().unwrap());
    }
}

fn measure(services: u32, servers: u32) {
    let operations = operations(services, servers);
    let messages = messages(&operations);
    let rules = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(rules.path(), text(&operations)).unwrap();
    let restore = |program: &OsStr, arguments: &[&str]| {
        let stdin = Stdio::from(File::open(rules.path()).unwrap());
        let start = Instant::now();
        let status = Command::new(program).args(arguments).stdin(stdin).status().unwrap();
        let time = start.elapsed();
        assert!(status.success());
        time
    };
    let slow = if operations.len() > PATIENCE { 1 } else { 3 };
    println!("{services} services x {servers} servers: {} messages", operations.len());
    let bare = || send_bare(&messages);
    let client = || {
        let start = Instant::now();
        let failed = Client::open().unwrap().execute(&operations);
        let time = start.elapsed();
        assert_eq!(failed, []);
        time
    };
    let vipd = || restore(OsStr::new(env!("CARGO_BIN_EXE_vipd")), &["ipvs", "-R"]);
    let ipvsadm = || restore(OsStr::new("ipvsadm"), &["-R"]);
    let writers: [&(dyn Fn() -> Duration + Sync); 4] = [&bare, &client, &vipd, &ipvsadm];
    let mut times = [const { Vec::new() }; 4];
    let mut kept = Vec::new();
    // In turns, so that whatever else the machine does meets all alike.
    for round in 0..ROUNDS {
        for (writer, times) in writers.iter().zip(&mut times).take(if round < slow { 4 } else { 3 }) {
            times.push(fresh(*writer, &operations, &mut kept));
        }
    }
    let [bare, client, vipd, ipvsadm] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    for (name, time) in [("bare", bare), ("client", client), ("vipd ipvs -R", vipd), ("ipvsadm -R", ipvsadm)]
    {
        let ratio = time.as_secs_f64() / bare.as_secs_f64();
        println!("  {name:<13} {:>9.4} s  {ratio:>7.2} x bare", time.as_secs_f64());
    }
    println!(
        "  client 1 : {:.1} ipvsadm, vipd 1 : {:.1} ipvsadm",
        share(ipvsadm, client),
        share(ipvsadm, vipd)
    );
}

fn share(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

/// The operations as messages, ready to be sent: each element one send, its last message asking for an answer.
fn messages(operations: &[Operation]) -> Vec<Vec<u8>> {
    let mut socket = Socket::open(vipd::netlink::Protocol::Generic).unwrap();
    let family = genl::resolve(&mut socket, "IPVS").unwrap().id;
    operations
        .chunks(SEND)
        .map(|chunk| {
            let mut bytes = Vec::new();
            for (n, operation) in chunk.iter().enumerate() {
                message(&mut bytes, family, n as u32 + 1, n + 1 == chunk.len(), operation);
            }
            bytes
        })
        .collect()
}

/// One message, written by hand (`linux/ip_vs.h`): nothing of the client's is in the bound.
fn message(out: &mut Vec<u8>, family: u16, sequence: u32, ack: bool, operation: &Operation) {
    let (command, key) = match operation {
        Operation::AddService(s) => (1, &s.key),
        Operation::AddDest(key, _) => (5, key),
        _ => unreachable!(),
    };
    let ServiceKey::Address { address: IpAddr::V4(address), port, .. } = key else { unreachable!() };
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&family.to_ne_bytes());
    out.extend_from_slice(&(if ack { 5u16 } else { 1 }).to_ne_bytes());
    out.extend_from_slice(&sequence.to_ne_bytes());
    out.extend_from_slice(&[0, 0, 0, 0, command, 1, 0, 0]);
    let nest = out.len();
    out.extend_from_slice(&[0, 0, 1, 0x80]);
    attribute(out, 1, &2u16.to_ne_bytes());
    attribute(out, 2, &6u16.to_ne_bytes());
    attribute(out, 3, &padded(*address));
    attribute(out, 4, &port.to_be_bytes());
    if let Operation::AddService(s) = operation {
        attribute(out, 6, format!("{}\0", s.scheduler).as_bytes());
        attribute(out, 7, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        attribute(out, 8, &0u32.to_ne_bytes());
        attribute(out, 9, &[0xff; 4]);
    }
    close(out, nest, 2);
    if let Operation::AddDest(_, d) = operation {
        let IpAddr::V4(address) = d.key.address else { unreachable!() };
        let nest = out.len();
        out.extend_from_slice(&[0, 0, 2, 0x80]);
        attribute(out, 11, &2u16.to_ne_bytes());
        attribute(out, 1, &padded(address));
        attribute(out, 2, &d.key.port.to_be_bytes());
        attribute(out, 3, &3u32.to_ne_bytes());
        attribute(out, 4, &d.weight.to_ne_bytes());
        attribute(out, 5, &0u32.to_ne_bytes());
        attribute(out, 6, &0u32.to_ne_bytes());
        close(out, nest, 2);
    }
    close(out, start, 4);
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Writes the length of what began at `start` into its first `width` bytes.
fn close(out: &mut [u8], start: usize, width: usize) {
    let len = (out.len() - start) as u32;
    out[start..start + width].copy_from_slice(&len.to_ne_bytes()[..width]);
}

fn padded(address: Ipv4Addr) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&address.octets());
    bytes
}

/// Sends, and waits for each send's answer: the bound.
fn send_bare(messages: &[Vec<u8>]) -> Duration {
    let start = Instant::now();
    let socket: OwnedFd =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkGeneric)
            .unwrap();
    setsockopt(&socket, sockopt::SndBuf, &(1 << 20)).unwrap();
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
    let mut answer = [0; 4096];
    for bytes in messages {
        assert_eq!(send(socket.as_raw_fd(), bytes, MsgFlags::empty()), Ok(bytes.len()));
        let len = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()).unwrap();
        assert_eq!(answer[16..20.min(len)], [0; 4], "the first answer is the last request's: no error");
    }
    start.elapsed()
}
