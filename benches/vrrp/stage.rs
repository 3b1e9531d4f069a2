//! Two hosts with cables between them, a program under measurement on the first, and what its processes use.

use crate::support::{Host, Lab, Process, descendants};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// A program under measurement.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) command: Vec<OsString>,
}

/// `router` and `peer`, with cables from `e0` to `e0`, `e1` to `e1` and so on: 10.x.y.1 and .2.
pub(crate) struct Stage {
    pub(crate) router: Host,
    pub(crate) peer: Host,
    _lab: Lab,
}

/// The network of a cable.
pub(crate) fn network(cable: usize, host: u8) -> Ipv4Addr {
    let [_, _, high, low] = u32::try_from(cable).unwrap().to_be_bytes();
    Ipv4Addr::new(10, high, low, host)
}

impl Stage {
    pub(crate) fn new(cables: usize) -> Stage {
        let lab = Lab::new();
        let (router, peer) = (lab.host("router", "192.168.9.1/24"), lab.host("peer", "192.168.9.2/24"));
        for (host, number) in [(&router, 1), (&peer, 2)] {
            let mut lines = Vec::new();
            for cable in 0..cables {
                if number == 1 {
                    lines.push(format!(
                        "link add e{cable} type veth peer name e{cable} netns {}",
                        peer.namespace()
                    ));
                }
                lines.push(format!("link set e{cable} up"));
                lines.push(format!("address add {}/24 dev e{cable}", network(cable, number)));
            }
            host.configure(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Stage { router, peer, _lab: lab }
    }

    pub(crate) fn start(&self, program: &Program, config: &str) -> Process {
        start_on(&self.router, program, config)
    }
}

/// Starts a program under measurement.
pub(crate) fn start_on(host: &Host, program: &Program, config: &str) -> Process {
    let file = host.file("keepalived.conf");
    fs::write(&file, config).expect("write the configuration");
    let mut command = host.command(&program.command[0]);
    command.args(&program.command[1..]).args(["-n", "-l", "-P", "-f"]).arg(file);
    for (option, name) in [("-p", "main.pid"), ("-r", "vrrp.pid"), ("-c", "check.pid")] {
        command.arg(option).arg(host.file(name));
    }
    host.start("router", &mut command)
}

/// Processor time of all threads of all its processes, by the scheduler's own clock: that of `/proc/PID/stat` counts
/// ticks, and adverts that come at the rate of the ticks are seen by each of them or by none.
pub(crate) fn processor_time(process: &Process) -> Duration {
    let mut nanos = 0;
    for pid in processes(process) {
        for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            nanos += text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Duration::from_nanos(nanos)
}

/// Resident memory of all its processes, MiB.
pub(crate) fn memory(process: &Process) -> f64 {
    let of = |pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0)
    };
    processes(process).into_iter().map(of).sum::<f64>() / 1024.0
}

/// It and all that descend from it.
pub(crate) fn processes(process: &Process) -> Vec<nix::unistd::Pid> {
    let mut all = descendants(process.pid());
    all.push(process.pid());
    all.sort_unstable();
    all.dedup();
    all
}

/// An instance in a configuration.
pub(crate) struct Instance {
    pub(crate) name: String,
    pub(crate) interface: String,
    pub(crate) vrid: u8,
    pub(crate) priority: u8,
    pub(crate) version: u8,
    pub(crate) advert_int: &'static str,
    /// The first of them is in adverts.
    pub(crate) addresses: Vec<IpAddr>,
    /// So many are in adverts.
    pub(crate) advertised: usize,
}

impl Instance {
    pub(crate) fn text(&self) -> String {
        let Instance { name, interface, vrid, priority, version, advert_int, addresses, advertised } = self;
        let mut text = format!(
            "vrrp_instance {name} {{\n interface {interface}\n state BACKUP\n virtual_router_id {vrid}\n \
             priority {priority}\n version {version}\n advert_int {advert_int}\n virtual_ipaddress {{\n"
        );
        for (at, address) in addresses.iter().enumerate() {
            if at == *advertised {
                text += " }\n virtual_ipaddress_excluded {\n";
            }
            writeln!(text, "  {address}/32").expect("a text takes all");
        }
        text + " }\n}\n"
    }
}

/// So many addresses that nobody else has.
pub(crate) fn addresses(count: usize) -> Vec<IpAddr> {
    let address = |n: usize| {
        let [_, _, high, low] = u32::try_from(n + 1).unwrap().to_be_bytes();
        Ipv4Addr::new(100, 64, high, low).into()
    };
    (0..count).map(address).collect()
}
