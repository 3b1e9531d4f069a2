//! How long it takes to list a table, and how much memory: the client, `vipd ipvs -Ln` and `-Sn`, `ipvsadm -Ln` and
//! `-Sn` against a bare reader of the same messages: one socket, the services, then the servers of each, its bytes
//! counted and not looked at.
//!
//! `cargo bench --bench ipvs_read [-- SERVICESxSERVERS...]`, by default 1000x10, 1000x100 and 10x10000. Where this
//! kernel has no IPVS, or you are not root, it runs in the lab's guest (`tests/lab/vm`): there, only the ratios count.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, socket,
};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{Dest, DestKey, Forward, Netmask, Protocol, Service, ServiceFlags, ServiceKey};
use vipd::ipvs::operation::Operation;
use vipd::net::Family;
use vipd::netlink::{Socket, genl};

/// Runs of each.
const ROUNDS: usize = 7;
/// ipvsadm is slow: it lists larger tables less often.
const PATIENCE: u32 = 20_000;
/// The first argument of the run that only measures the memory of another program.
const PEAK: &str = "peak-memory-of";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if let [mark, program, rest @ ..] = &arguments[..]
        && mark == PEAK
    {
        let status = Command::new(program).args(rest).stdout(Stdio::null()).status().unwrap();
        assert!(status.success());
        println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss());
        return;
    }
    let here = nix::unistd::geteuid().is_root() && Client::open_or_load().is_ok();
    if !here {
        let vm = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/vm");
        let mut command = Command::new(vm);
        command
            .args(["-t", "1800", "-m", "4096", "--"])
            .arg(std::env::current_exe().unwrap())
            .args(&arguments);
        panic!("start the lab's guest: {}", command.exec());
    }
    let sizes = if arguments.is_empty() {
        ["1000x10", "1000x100", "10x10000"].map(str::to_owned).into()
    } else {
        arguments
    };
    for size in sizes {
        let (services, servers) = size.split_once('x').expect("SERVICESxSERVERS");
        measure(services.parse().unwrap(), servers.parse().unwrap());
    }
}

fn measure(services: u32, servers: u32) {
    // A table of its own; the one before goes with its namespace.
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    // Without any route, no address counts as unicast to the kernel.
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    let mut client = Client::open().unwrap();
    assert_eq!(client.execute(&operations(services, servers)), []);
    let family =
        genl::resolve(&mut Socket::open(vipd::netlink::Protocol::Generic).unwrap(), "IPVS").unwrap().id;
    println!("{services} services x {servers} servers");

    let run = |program: &str, arguments: &[&str]| {
        let start = Instant::now();
        assert!(Command::new(program).args(arguments).stdout(Stdio::null()).status().unwrap().success());
        start.elapsed()
    };
    let bare = || {
        let start = Instant::now();
        let (bytes, messages) = read_bare(family, services);
        let time = start.elapsed();
        assert!(bytes > 100 * u64::from(services * servers), "{bytes} bytes in {messages} datagrams");
        time
    };
    let client = || {
        let start = Instant::now();
        let reading = Client::open().unwrap().reading().unwrap();
        let time = start.elapsed();
        assert_eq!(reading.services.len(), services as usize);
        assert!(reading.services.iter().all(|(_, dests)| dests.len() == servers as usize));
        black_box(reading);
        time
    };
    let vipd = env!("CARGO_BIN_EXE_vipd");
    let listings: [(&str, &str, &[&str]); 4] = [
        ("vipd ipvs -Ln", vipd, &["ipvs", "-Ln"]),
        ("vipd ipvs -Sn", vipd, &["ipvs", "-Sn"]),
        ("ipvsadm -Ln", "ipvsadm", &["-Ln"]),
        ("ipvsadm -Sn", "ipvsadm", &["-Sn"]),
    ];
    let mut times = [const { Vec::new() }; 6];
    let slow = if services * servers > PATIENCE { 3 } else { ROUNDS };
    // In turns, so that whatever else the machine does meets all alike.
    for round in 0..ROUNDS {
        let [bare_times, client_times, listing_times @ ..] = &mut times;
        bare_times.push(bare());
        client_times.push(client());
        for ((name, program, arguments), times) in listings.iter().zip(listing_times) {
            if round < slow || !name.starts_with("ipvsadm") {
                times.push(run(program, arguments));
            }
        }
    }
    let times = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    let line = |name: &str, time: Duration, memory: &str| {
        let ratio = time.as_secs_f64() / times[0].as_secs_f64();
        println!("  {name:<14} {:>9.4} s  {ratio:>6.2} x bare {memory}", time.as_secs_f64());
    };
    line("bare", times[0], "");
    line("client", times[1], "");
    for ((name, program, arguments), time) in listings.iter().zip(&times[2..]) {
        line(name, *time, &format!("{:>8} KiB", peak(program, arguments)));
    }
}

/// The most memory that a program had at once, in KiB.
fn peak(program: &str, arguments: &[&str]) -> u64 {
    let output =
        Command::new(std::env::current_exe().unwrap()).args([PEAK, program]).args(arguments).output();
    String::from_utf8(output.unwrap().stdout).unwrap().trim().parse().unwrap()
}

fn address(service: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0xac10_0000 + service)
}

fn operations(services: u32, servers: u32) -> Vec<Operation> {
    let mut operations = Vec::new();
    for s in 0..services {
        let key = ServiceKey::Address { protocol: Protocol::Tcp, address: IpAddr::V4(address(s)), port: 80 };
        operations.push(Operation::AddService(Service {
            key,
            scheduler: "wlc".into(),
            flags: ServiceFlags::empty(),
            timeout: 0,
            netmask: Netmask::host(Family::V4),
            pe_name: None,
        }));
        operations.extend((s * servers..(s + 1) * servers).map(|n| {
            let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
            let dest = Dest {
                key: DestKey { address, port: 80 },
                forward: Forward::DirectRoute,
                weight: 5,
                upper_threshold: 0,
                lower_threshold: 0,
            };
            Operation::AddDest(key, dest)
        }));
    }
    operations
}

/// Reads the services, then the servers of each: the bound. Gives the bytes and the datagrams.
fn read_bare(family: u16, services: u32) -> (u64, u64) {
    const GET_SERVICE: u8 = 4;
    const GET_DEST: u8 = 8;
    let socket: OwnedFd =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkGeneric)
            .unwrap();
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).unwrap();
    // As much as the kernel gives at once.
    let mut buffer = vec![0; 64 << 10];
    let (mut bytes, mut datagrams) = (0, 0);
    let mut dump = |request: &[u8]| {
        assert_eq!(send(socket.as_raw_fd(), request, MsgFlags::empty()), Ok(request.len()));
        loop {
            let len = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
            bytes += len as u64;
            datagrams += 1;
            if ends(&buffer[..len]) {
                break;
            }
        }
    };
    dump(&request(family, GET_SERVICE, None));
    for s in 0..services {
        dump(&request(family, GET_DEST, Some(address(s))));
    }
    (bytes, datagrams)
}

/// Whether a datagram ends its dump.
fn ends(mut datagram: &[u8]) -> bool {
    const DONE: u16 = 3;
    while let [l0, l1, l2, l3, k0, k1, ..] = *datagram {
        if u16::from_ne_bytes([k0, k1]) == DONE {
            return true;
        }
        let len = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        datagram = datagram.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    false
}

/// A dump's request, written by hand (`linux/ip_vs.h`).
fn request(family: u16, command: u8, service: Option<Ipv4Addr>) -> Vec<u8> {
    const REQUEST_DUMP: u16 = 0x301;
    let mut out = vec![0; 4];
    out.extend_from_slice(&family.to_ne_bytes());
    out.extend_from_slice(&REQUEST_DUMP.to_ne_bytes());
    out.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, command, 1, 0, 0]);
    if let Some(address) = service {
        let nest = out.len();
        out.extend_from_slice(&[0, 0, 1, 0x80]);
        attribute(&mut out, 1, &2u16.to_ne_bytes());
        attribute(&mut out, 2, &6u16.to_ne_bytes());
        let mut padded = [0; 16];
        padded[..4].copy_from_slice(&address.octets());
        attribute(&mut out, 3, &padded);
        attribute(&mut out, 4, &80u16.to_be_bytes());
        let len = (out.len() - nest) as u16;
        out[nest..nest + 2].copy_from_slice(&len.to_ne_bytes());
    }
    let len = out.len() as u32;
    out[..4].copy_from_slice(&len.to_ne_bytes());
    out
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}
