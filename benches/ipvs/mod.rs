//! What the benchmarks of IPVS share: the lab, sizes, network namespaces, a table; and bare netlink in [`bare`].

#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]
#![allow(dead_code, reason = "each benchmark uses a part")]

pub(crate) mod bare;

use nix::sched::{CloneFlags, unshare};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{Dest, DestKey, Forward, Netmask, Protocol, Service, ServiceFlags, ServiceKey};
use vipd::ipvs::operation::Operation;
use vipd::net::Family;

/// Returns where this kernel has IPVS and the user is root; otherwise the program begins again in the lab's guest.
pub(crate) fn in_the_lab(arguments: &[String]) {
    if nix::unistd::geteuid().is_root() && Client::open_or_load().is_ok() {
        return;
    }
    let vm = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/vm");
    let mut command = Command::new(vm);
    command.args(["-t", "1800", "-m", "4096", "--"]).arg(std::env::current_exe().unwrap()).args(arguments);
    panic!("start the lab's guest: {}", command.exec());
}

/// The sizes that the command line asks for (`SERVICESxSERVERS`), or these.
pub(crate) fn sizes(arguments: Vec<String>, usual: &[&str]) -> Vec<(u32, u32)> {
    let sizes = if arguments.is_empty() { usual.iter().map(|&s| s.to_owned()).collect() } else { arguments };
    let parse = |size: String| {
        let (services, servers) = size.split_once('x').expect("SERVICESxSERVERS");
        (services.parse().unwrap(), servers.parse().unwrap())
    };
    sizes.into_iter().map(parse).collect()
}

/// The words of the command line that are not for cargo.
pub(crate) fn arguments() -> Vec<String> {
    std::env::args().skip(1).filter(|a| a != "--bench").collect()
}

/// This thread goes on in a network namespace of its own.
pub(crate) fn enter_new_namespace() {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    // Without any route, no address counts as unicast to the kernel.
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Runs `work` in a new network namespace, and checks that the table is there then.
pub(crate) fn fresh(
    work: &(dyn Fn() -> Duration + Sync),
    operations: &[Operation],
    kept: &mut Vec<File>,
) -> Duration {
    let (time, namespace) = thread::scope(|scope| {
        let measurement = scope.spawn(|| {
            enter_new_namespace();
            let time = work();
            let table = Client::open().unwrap().table().unwrap();
            let written: usize = table.services.iter().map(|(_, dests)| 1 + dests.len()).sum();
            assert_eq!(written, operations.len());
            (time, File::open("/proc/thread-self/ns/net").unwrap())
        });
        measurement.join().unwrap()
    });
    kept.push(namespace);
    time
}

pub(crate) fn operations(services: u32, servers: u32) -> Vec<Operation> {
    let mut operations = Vec::new();
    for s in 0..services {
        let address = IpAddr::V4(Ipv4Addr::from_bits(0xac10_0000 + s));
        let key = ServiceKey::Address { protocol: Protocol::Tcp, address, port: 80 };
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
            Operation::AddDest(
                key,
                Dest {
                    key: DestKey { address, port: 80 },
                    forward: Forward::DirectRoute,
                    weight: 5,
                    upper_threshold: 0,
                    lower_threshold: 0,
                },
            )
        }));
    }
    operations
}

/// The operations as command lines.
pub(crate) fn text(operations: &[Operation]) -> String {
    let line = |operation: &Operation| match operation {
        Operation::AddService(s) => {
            let ServiceKey::Address { address, port, .. } = s.key else { unreachable!() };
            format!("-A -t {address}:{port} -s {}\n", s.scheduler)
        }
        Operation::AddDest(ServiceKey::Address { address, port, .. }, d) => {
            format!("-a -t {address}:{port} -r {} -g -w {}\n", d.key, d.weight)
        }
        _ => unreachable!(),
    };
    operations.iter().map(line).collect()
}
