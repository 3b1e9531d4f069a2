//! Duels: each kind of advert between keepalived and vipd, both ways round. The one of the higher priority is the master
//! while it is there, the other takes over when it leaves, and gives way when it is back.

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Capture, Director, Frame, Host, Lab, Test, wait_for};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// A way to speak: lines of an instance of the router with the first address, whose peer has the second.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    lines: fn(ours: &str, theirs: &str) -> String,
    address: &'static str,
    peers: Peers,
}

/// Where the two are.
#[derive(Clone, Copy, PartialEq)]
enum Peers {
    Ipv4,
    Ipv6,
    /// A router is between them, and vipd is told of no interface; keepalived 2.2.7 has to be.
    Routed,
}

const V4: &str = "192.0.2.100/32 dev eth0";
const V6: &str = "2001:db8::100/64";

const WAYS: &[Way] = &[
    Way { name: "version_2", lines: |_, _| on_eth0("version 2"), address: V4, peers: Peers::Ipv4 },
    Way { name: "pass", lines: |_, _| on_eth0(&auth("PASS")), address: V4, peers: Peers::Ipv4 },
    Way { name: "ah", lines: |_, _| on_eth0(&auth("AH")), address: V4, peers: Peers::Ipv4 },
    Way {
        name: "unicast_ah",
        lines: |ours, theirs| on_eth0(&(unicast(ours, theirs) + "\n  " + &auth("AH"))),
        address: V4,
        peers: Peers::Ipv4,
    },
    Way { name: "version_3", lines: |_, _| on_eth0("version 3"), address: V4, peers: Peers::Ipv4 },
    Way {
        name: "another_group",
        lines: |_, _| on_eth0("version 3\n  mcast_dst_ip 224.0.0.99"),
        address: V4,
        peers: Peers::Ipv4,
    },
    Way {
        name: "ipv6",
        lines: |_, _| on_eth0("version 3"),
        address: "fe80::100/64\n    2001:db8::100/64",
        peers: Peers::Ipv6,
    },
    Way {
        name: "unicast_version_2",
        lines: |ours, theirs| on_eth0(&unicast(ours, theirs)),
        address: V4,
        peers: Peers::Ipv4,
    },
    Way {
        name: "unicast_with_the_interfaces_address",
        lines: |_, theirs| on_eth0(&format!("version 3\n  unicast_peer {{\n    {theirs}\n  }}")),
        address: V4,
        peers: Peers::Ipv4,
    },
    Way {
        name: "unicast_with_the_old_checksum",
        lines: |ours, theirs| on_eth0(&(unicast(ours, theirs) + "\n  version 3\n  old_unicast_checksum")),
        address: V4,
        peers: Peers::Ipv4,
    },
    Way {
        name: "unicast_ipv6",
        lines: |ours, theirs| on_eth0(&unicast(ours, theirs)),
        address: V6,
        peers: Peers::Ipv6,
    },
    Way {
        name: "unicast_through_a_router_without_an_interface",
        lines: |ours, theirs| {
            format!(
                "interface eth0\n  version 3\n  check_unicast_src\n  unicast_src_ip {ours}\n  unicast_peer {{\n    {theirs} min_ttl 254 \
                 max_ttl 254\n  }}"
            )
        },
        address: V4,
        peers: Peers::Routed,
    },
];

fn on_eth0(lines: &str) -> String {
    format!("interface eth0\n  {lines}")
}

fn unicast(ours: &str, theirs: &str) -> String {
    format!("unicast_src_ip {ours}\n  unicast_peer {{\n    {theirs}\n  }}")
}

fn auth(kind: &str) -> String {
    format!("version 2\n  authentication {{\n    auth_type {kind}\n    auth_pass himitsu\n  }}")
}

pub(crate) fn tests() -> Vec<Test> {
    let both = |way: &'static Way| [Keepalived, Vipd].map(|first| (way, first));
    let tests = WAYS.iter().flat_map(both).map(|(way, first)| {
        let name = format!("peers::{}::{first}_first", way.name);
        Test::new(name, move |lab: &Lab| duel(lab, way, first))
    });
    tests.collect()
}

fn config(program: Implementation, way: &Way, priority: u8, (ours, theirs): (&str, &str)) -> String {
    let mut lines = (way.lines)(ours, theirs);
    if way.peers == Peers::Routed && program == Vipd {
        lines = lines.replace("interface eth0\n", "");
    }
    format!(
        "vrrp_instance VI {{\n  state BACKUP\n  virtual_router_id 7\n  priority {priority}\n  advert_int 1\n  \
         garp_master_repeat 1\n  garp_master_delay 0\n  {}\n  virtual_ipaddress {{\n    {}\n  }}\n}}\n",
        lines, way.address
    )
}

fn duel(lab: &Lab, way: &Way, first: Implementation) {
    let far = if way.peers == Peers::Routed { "10.0.1.2/24" } else { "10.0.0.2/24" };
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", far));
    let addresses = match way.peers {
        Peers::Ipv4 => ("10.0.0.1", "10.0.0.2"),
        Peers::Ipv6 => {
            one.configure(&["address add 2001:db8::1/64 dev eth0 nodad"]);
            two.configure(&["address add 2001:db8::2/64 dev eth0 nodad"]);
            ("2001:db8::1", "2001:db8::2")
        }
        Peers::Routed => {
            let router = lab.host("router", "10.0.0.254/24");
            router.configure(&["address add 10.0.1.254/24 dev eth0"]);
            for key in ["ipv4.conf.all.send_redirects", "ipv4.conf.eth0.send_redirects"] {
                router.sysctl(key, "0");
            }
            router.sysctl("ipv4.ip_forward", "1");
            one.configure(&["route add default via 10.0.0.254"]);
            two.configure(&["route add default via 10.0.1.254"]);
            ("10.0.0.1", "10.0.1.2")
        }
    };
    let second = if first == Vipd { Keepalived } else { Vipd };
    let start =
        |program, host: &Host, config: &str| Director::start(program, host, Path::new(VIPD), config, &[]);
    let better = config(first, way, 150, addresses);
    let worse = config(second, way, 100, (addresses.1, addresses.0));
    let capture = Capture::start(&one);
    let master = start(first, &one, &better);
    holds(&one, true);
    let backup = start(second, &two, &worse);
    says(&backup, "Entering BACKUP STATE", 1);
    // It would have taken over by then.
    let before = adverts(&capture, &one);
    wait_for("five more adverts", LIMIT, || {
        let more = adverts(&capture, &one) - before;
        if more >= 5 { Ok(()) } else { Err(format!("{more}")) }
    });
    let log = backup.process().log();
    assert!(!log.contains("Entering MASTER STATE"), "{log}");
    master.terminate();
    holds(&two, true);
    let _master = start(first, &one, &better);
    holds(&one, true);
    says(&backup, "Entering BACKUP STATE", 2);
    holds(&two, false);
    tshark_reads(&capture, &one.file("adverts.pcap"), way.name.contains("old_checksum"));
}

/// Another decoder finds nothing wrong with the adverts that passed.
pub(super) fn tshark_reads(capture: &Capture, file: &Path, old_checksum: bool) {
    capture.save(file).expect("write what was captured");
    let fields = ["ip.src", "ipv6.src", "vrrp.checksum.status", "_ws.malformed", "vrrp.prio"];
    let mut tshark = std::process::Command::new("tshark");
    tshark.arg("-r").arg(file).args([
        "-n",
        "-Y",
        "vrrp and not icmp and not icmpv6",
        "-T",
        "fields",
        "-E",
        "separator=|",
    ]);
    let output = tshark.args(fields.iter().flat_map(|field| ["-e", *field])).output().expect("run tshark");
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('|').collect()).collect();
    let senders: BTreeSet<_> = lines.iter().map(|fields| (fields[0], fields[1])).collect();
    assert!(!senders.is_empty(), "no adverts");
    let is_fine = |fields: &Vec<&str>| (old_checksum || fields[2] == "1") && fields[3].is_empty();
    assert!(lines.iter().all(is_fine), "{fields:?}: {text}");
}

/// How many adverts this host has sent.
fn adverts(capture: &Capture, host: &Host) -> usize {
    let is_advert = |frame: &Frame| {
        let next = match frame.bytes.get(12..14) {
            Some([0x08, 0x00]) => frame.bytes.get(23),
            Some([0x86, 0xdd]) => frame.bytes.get(20),
            _ => None,
        };
        frame.source() == Some(host.mac()) && matches!(next, Some(112 | 51))
    };
    capture.frames().iter().filter(|frame| is_advert(frame)).count()
}

#[track_caller]
fn says(director: &Director, what: &str, times: usize) {
    wait_for(format_args!("{what}, {times} times"), LIMIT, || {
        let log = director.process().log();
        if log.matches(what).count() >= times { Ok(()) } else { Err(log) }
    });
}

#[track_caller]
fn holds(host: &Host, expected: bool) {
    wait_for(format_args!("the address on {}: {expected}", host.name()), LIMIT, || {
        let shown = host.run("ip -o address show dev eth0");
        let held = shown.contains("192.0.2.100/") || shown.contains("2001:db8::100/");
        if held == expected { Ok(()) } else { Err(shown) }
    });
}
