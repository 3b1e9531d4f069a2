//! Virtual routers in stories that users of keepalived told: each is played with keepalived and with vipd, and both
//! have to end in the same way; a peer of the other program watches where there is one.

mod groups;

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Capture, Director, Frame, Host, Lab, Test, Worker, holds, wait_for};
use std::collections::BTreeSet;
use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

type Story = fn(&Lab, Implementation);

pub(crate) fn tests() -> Vec<Test> {
    let both: [(&str, Story); 7] = [
        ("the_interface_of_an_address_is_lost_and_the_peer_takes_over", other_interface),
        ("a_new_name_is_no_failover", renamed),
        ("a_change_of_interface_says_goodbye_on_the_old_one", moved),
        ("a_reload_sets_a_new_label", labelled),
        ("an_interface_with_another_name_keeps_no_virtual_address", other_name),
        ("one_link_of_a_sync_group_fails_and_all_of_it_moves", groups::one_link_fails),
        ("a_start_is_delayed", groups::late_start),
    ];
    let both = [Keepalived, Vipd].into_iter().flat_map(|program| both.map(|story| (program, story)));
    let both = both.map(|(program, (name, story))| {
        Test::new(format!("vrrp::{program}::{name}"), move |lab: &Lab| story(lab, program))
    });
    let ours = [
        // keepalived takes the only address away at start and then has none to speak from.
        Test::new("vrrp::the_owner_keeps_the_systems_own_address", owner),
        Test::new("vrrp::the_successor_of_a_killed_worker_keeps_the_addresses", respawned),
        Test::new("vrrp::the_successor_of_a_killed_worker_keeps_a_vmac_of_ipv6", respawned_on_vmac),
        Test::new("vrrp::what_a_killed_run_has_left_and_no_line_names_is_removed", abandoned),
        Test::new("vrrp::an_address_that_was_taken_is_set_again_and_said", taken),
        Test::new("vrrp::another_ethernet_address_is_announced", another_mac),
        Test::new("vrrp::interfaces_beyond_the_soft_limit_of_files", many_interfaces),
    ];
    let cut = [(4, 1000, 237), (4, 9000, 254), (6, 1500, 89), (6, 9000, 254)];
    let cut = [Keepalived, Vipd].into_iter().flat_map(|master| cut.map(|mtu| (master, mtu)));
    let cut = cut.map(|(master, (family, mtu_of_link, advertised))| {
        Test::new(
            format!("vrrp::{master}::adverts_are_cut_to_mtu_{mtu_of_link}_in_ipv{family}"),
            move |lab: &Lab| {
                mtu(lab, master, Mtu { family, mtu: mtu_of_link, advertised });
            },
        )
    });
    both.chain(ours).chain(cut).collect()
}

fn instance(name: &str, interface: &str, priority: u8, addresses: &[&str]) -> String {
    let addresses: String = addresses.iter().map(|a| format!("    {a}\n")).collect();
    format!(
        "vrrp_instance {name} {{\n  state BACKUP\n  interface {interface}\n  virtual_router_id 7\n  priority {priority}\n  \
         advert_int 1\n  virtual_ipaddress {{\n{addresses}  }}\n}}\n"
    )
}

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &[])
}

fn other_interface(lab: &Lab, program: Implementation) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    for host in [&one, &two] {
        host.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    }
    let addresses = ["10.0.0.100/24", "10.1.0.100/24 dev eth1"];
    let capture = Capture::start(&two);
    let _first = start(program, &one, &instance("VI", "eth0", 150, &addresses));
    holds(&one, "10.1.0.100", true);
    let _second = start(Keepalived, &two, &instance("VI", "eth0", 100, &addresses));
    one.run("ip link set far1 down");
    holds(&one, "10.0.0.100", false);
    holds(&two, "10.1.0.100", true);
    capture.wait_advert("an advert of priority 0", Duration::ZERO, LIMIT, |a| a.priority == 0);
    one.run("ip link set far1 up");
    holds(&one, "10.1.0.100", true);
    holds(&two, "10.0.0.100", false);
}

fn owner(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let capture = Capture::start(&one);
    let director = start(Vipd, &one, &instance("VI", "eth0", 255, &["10.0.0.1/24"]));
    let (at, _) = capture.wait_advert("an advert", Duration::ZERO, LIMIT, |a| a.priority == 255);
    one.run("ip link set eth0 down");
    wait_for("the fault in the log", LIMIT, || {
        let log = director.process().log();
        if log.contains("FAULT STATE") { Ok(()) } else { Err(log) }
    });
    holds(&one, "10.0.0.1", true);
    one.run("ip link set eth0 up");
    capture.wait_advert("an advert after the link came back", at + Duration::from_secs(1), LIMIT, |a| {
        a.priority == 255
    });
    director.terminate();
    holds(&one, "10.0.0.1", true);
}

/// 254 addresses on an interface of this MTU: so many are in adverts, and the other program, as backup, believes them.
#[derive(Clone, Copy)]
struct Mtu {
    family: u8,
    mtu: usize,
    advertised: u8,
}

fn mtu(lab: &Lab, master: Implementation, Mtu { family, mtu, advertised }: Mtu) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    for host in [&one, &two] {
        host.run(&format!("ip link set eth0 mtu {mtu}"));
    }
    let address = |n: usize| match (family, n) {
        (4, _) => format!("10.0.7.{n}/32"),
        // RFC 9568 §5.2.9: the first one is link-local.
        (_, 1) => "fe80::7:1/64".to_owned(),
        (_, n) => format!("2001:db8:7::{n:x}/128"),
    };
    let addresses: Vec<String> = (1..=254).map(address).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let capture = Capture::start(&two);
    // When, from whom, and how many addresses.
    let adverts = || -> Vec<(Duration, Vec<u8>, u8)> {
        let advert = |frame: &Frame| {
            let bytes = &frame.bytes;
            let (protocol, source, count) = match bytes.get(12..14)? {
                [0x08, 0x00] => (bytes.get(23)?, bytes.get(26..30)?, bytes.get(37)?),
                [0x86, 0xdd] => (bytes.get(20)?, bytes.get(22..38)?, bytes.get(57)?),
                _ => return None,
            };
            (*protocol == 112).then(|| (frame.at, source.to_vec(), *count))
        };
        capture.frames().iter().filter_map(advert).collect()
    };
    let backup = match master {
        Keepalived => Vipd,
        Vipd => Keepalived,
    };
    // keepalived is silent while it announces: the fewer announcements the better.
    let config = |priority| {
        let globals = "global_defs {\n  vrrp_garp_master_repeat 1\n  vrrp_garp_master_delay 0\n}\n";
        globals.to_owned() + &instance("VI", "eth0", priority, &addresses)
    };
    let _first = start(master, &one, &config(150));
    holds(&one, address(254).split_once('/').expect("a prefix").0, true);
    let first = wait_for("an advert", LIMIT, || adverts().first().cloned().ok_or_else(String::new));
    assert_eq!(first.2, advertised);
    // On a busy machine keepalived's announcements take seconds: the other one is to hear adverts from its start on.
    wait_for("adverts that go on", LIMIT, || match adverts() {
        sent if sent.len() > 2 => Ok(()),
        sent => Err(format!("{} so far", sent.len())),
    });
    let second = start(backup, &two, &config(100));
    let start = adverts().last().map_or(first.0, |(at, ..)| *at);
    // Six seconds of adverts: the backup has come up and would have taken over by then.
    wait_for("a later advert", LIMIT, || {
        let later = adverts().iter().any(|(at, ..)| *at > start + Duration::from_secs(6));
        if later { Ok(()) } else { Err(second.process().log()) }
    });
    let senders: BTreeSet<_> = adverts().into_iter().map(|(_, source, _)| source).collect();
    assert_eq!(senders.len(), 1, "{senders:?}");
    let log = second.process().log();
    assert!(log.contains("Entering BACKUP STATE") && !log.contains("MASTER STATE"), "{log}");
}

fn renamed(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let capture = Capture::start(&one);
    let director = start(program, &one, &instance("VI", "eth0", 150, &["10.0.0.100/24"]));
    holds(&one, "10.0.0.100", true);
    let (at, _) = capture.wait_advert("an advert", Duration::ZERO, LIMIT, |_| true);
    let removals = removals(&one);
    director.reload(&instance("OTHER", "eth0", 150, &["10.0.0.100/24"]));
    capture.wait_advert("adverts after it", at + Duration::from_secs(4), LIMIT, |_| true);
    let adverts = capture.adverts();
    assert!(adverts.iter().all(|(_, a)| a.priority == 150), "{adverts:?}");
    let longest = adverts.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap_or_default();
    assert!(longest < Duration::from_secs(3), "the backups would have taken over: {longest:?}");
    assert_eq!(removals(), "");
}

fn labelled(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let with = |label: &str| instance("VI", "eth0", 150, &[&format!("10.0.0.100/24 label {label}")]);
    let shows = |label: &str| {
        wait_for(format_args!("label {label}"), LIMIT, || {
            let shown = one.run("ip -o -4 address show dev eth0");
            let is_there = shown.lines().any(|line| line.contains("10.0.0.100/24") && line.contains(label));
            if is_there { Ok(()) } else { Err(shown) }
        });
    };
    let director = start(program, &one, &with("eth0:1"));
    shows("eth0:1");
    director.reload(&with("eth0:2"));
    shows("eth0:2");
    assert!(!director.process().log().contains("somebody removed"), "{}", director.process().log());
}

fn other_name(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    let addresses = ["10.0.0.100/24", "10.0.0.101/24 dev eth1"];
    let _director = start(program, &one, &instance("VI", "eth0", 150, &addresses));
    holds(&one, "10.0.0.100", true);
    holds(&one, "10.0.0.101", true);
    one.run("ip link set eth1 name other");
    holds(&one, "10.0.0.101", false);
    holds(&one, "10.0.0.100", false);
}

/// Watches the addresses of a host: gives what was removed so far.
fn removals(host: &Host) -> impl Fn() -> String + use<> {
    let mut follow = host.command("ip");
    let monitor = host.start("ip monitor", follow.args(["-o", "monitor", "address"]));
    wait_for("ip monitor to follow", LIMIT, || {
        host.try_run("ip address replace 192.0.2.1/32 dev lo")?;
        let log = monitor.log();
        if log.contains("192.0.2.1") { Ok(()) } else { Err(log) }
    });
    move || {
        let log = monitor.log();
        log.lines().filter(|line| line.starts_with("Deleted")).collect::<Vec<_>>().join("\n")
    }
}

fn moved(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&[
        "link add eth1 type veth peer name far1",
        "link set eth1 up",
        "link set far1 up",
        "address add 10.1.0.1/24 dev eth1",
    ]);
    let capture = Capture::start(&one);
    let director = start(program, &one, &instance("VI", "eth0", 150, &["10.0.0.100/24"]));
    holds(&one, "10.0.0.100", true);
    director.reload(&instance("VI", "eth1", 150, &["10.0.0.100/24"]));
    capture.wait_advert("an advert of priority 0 on eth0", Duration::ZERO, LIMIT, |a| a.priority == 0);
    wait_for("the address on eth1", LIMIT, || {
        let shown = one.run("ip -o address show dev eth1");
        if shown.contains("10.0.0.100") { Ok(()) } else { Err(shown) }
    });
    assert!(!one.run("ip -o address show dev eth0").contains("10.0.0.100"));
}

fn respawned(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let capture = Capture::start(&one);
    let director = start(Vipd, &one, &instance("VI", "eth0", 150, &["10.0.0.100/24", "10.0.0.101/24"]));
    holds(&one, "10.0.0.101", true);
    let (at, _) = capture.wait_advert("an advert", Duration::ZERO, LIMIT, |_| true);
    let removals = removals(&one);
    director.kill_worker(Worker::Vrrp);
    capture
        .wait_advert("adverts of the successor", at + Duration::from_secs(5), LIMIT, |a| a.priority == 150);
    assert_eq!(removals(), "", "the addresses stayed");
    holds(&one, "10.0.0.101", true);
    director.terminate();
    holds(&one, "10.0.0.100", false);
}

fn respawned_on_vmac(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let config = instance("VI", "eth0", 150, &["fe80::100/64"])
        .replace("virtual_router_id 7", "virtual_router_id 7\n  version 3\n  use_vmac");
    let director = start(Vipd, &one, &config);
    holds(&one, "fe80::100", true);
    let removals = removals(&one);
    director.kill_worker(Worker::Vrrp);
    wait_for("the successor to be master", LIMIT, || {
        let log = director.process().log();
        let masters = log.matches("(VI) Entering MASTER STATE").count();
        if masters == 2 { Ok(()) } else { Err(log) }
    });
    assert_eq!(removals(), "", "the addresses stayed");
    let log = director.process().log();
    assert!(!log.contains("an earlier run") && !log.contains("FAULT"), "{log}");
}

fn taken(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let director = start(Vipd, &one, &instance("VI", "eth0", 150, &["10.0.0.100/24"]));
    holds(&one, "10.0.0.100", true);
    one.run("ip address delete 10.0.0.100/24 dev eth0");
    wait_for("what happened to be said", LIMIT, || {
        let log = director.process().log();
        let told = log.contains("somebody removed 10.0.0.100/24 on eth0: setting it again");
        let set = log.matches("set 10.0.0.100/24 on eth0").count() == 2;
        if told && set { Ok(()) } else { Err(log) }
    });
    holds(&one, "10.0.0.100", true);
}

fn another_mac(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let director = start(Vipd, &one, &instance("VI", "eth0", 150, &["10.0.0.100/24"]));
    holds(&one, "10.0.0.100", true);
    let known = |mac: &'static str| {
        wait_for(format!("{mac} in the other host's table"), LIMIT, || {
            let table = two.run("ip neighbour show 10.0.0.100");
            if table.contains(mac) { Ok(()) } else { Err(format!("{table}\n{}", director.process().log())) }
        });
    };
    two.run("ping -c 1 -W 5 10.0.0.100");
    two.run("ip neighbour replace 10.0.0.100 dev eth0 lladdr 02:00:00:00:00:66 nud reachable");
    one.run("ip link set eth0 address 02:00:00:00:00:77");
    known("02:00:00:00:00:77");
    let said = "(VI) eth0 has another Ethernet address, 02:00:00:00:00:77: announcing the addresses again";
    assert!(director.process().log().contains(said), "{}", director.process().log());
}

/// Service managers set a low soft limit, and leave the hard one high.
fn many_interfaces(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let mut config = String::new();
    for n in 1..=60 {
        one.configure(&[
            &format!("link add e{n} type veth peer name f{n}"),
            &format!("link set f{n} up"),
            &format!("link set e{n} up"),
            &format!("address add 10.1.{n}.1/24 dev e{n}"),
        ]);
        config += &instance(&format!("V{n}"), &format!("e{n}"), 150, &[&format!("10.1.{n}.100/24")]);
    }
    fs::write(one.file("keepalived.conf"), config).expect("write the configuration");
    let mut command = one.command("prlimit");
    command.args(["--nofile=64:4096", VIPD, "run", "-n", "-l", "-P"]);
    command.arg("-f").arg(one.file("keepalived.conf")).arg("-p").arg(one.file("pid"));
    let vipd = one.start("vipd", command.arg("-r").arg(one.file("vrrp.pid")));
    wait_for("all to be masters", LIMIT, || {
        let shown = one.run("ip -o -4 address show");
        let there = shown.matches(".100/24").count();
        if there == 60 { Ok(()) } else { Err(format!("{there} of 60\n{}", vipd.log())) }
    });
}

fn abandoned(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let vmac = instance("V2", "eth0", 150, &["10.0.0.120/24"])
        .replace("virtual_router_id 7", "virtual_router_id 8\n  use_vmac");
    let first =
        start(Vipd, &one, &(instance("VI", "eth0", 150, &["10.0.0.100/24", "10.0.0.101/24"]) + &vmac));
    holds(&one, "10.0.0.101", true);
    holds(&one, "10.0.0.120", true);
    first.kill();
    one.run("ip address add 10.0.0.55/32 dev eth0");
    let changed = instance("VI", "eth0", 150, &["10.0.0.101/24"]);
    // Another one may be at work here, and it may be its.
    let name = SocketAddr::from_abstract_name("vipd/vrrp/of another").expect("a name");
    let other = one.enter(|| UnixDatagram::bind_addr(&name)).expect("a socket");
    let second = start(Vipd, &one, &changed);
    let masters = || second.process().log().matches("(VI) Entering MASTER STATE").count();
    wait_for("a master", LIMIT, || if masters() == 2 { Ok(()) } else { Err(second.process().log()) });
    holds(&one, "10.0.0.100", true);
    holds(&one, "10.0.0.120", true);
    assert!(!second.process().log().contains("found 10"), "{}", second.process().log());
    second.kill();
    drop(other);
    let third = start(Vipd, &one, &changed);
    holds(&one, "10.0.0.100", false);
    wait_for("the VMAC to be gone", LIMIT, || match one.run("ip -br link show") {
        links if links.contains("vrrp.8") => Err(links),
        _ => Ok(()),
    });
    let log = third.process().log();
    let found =
        "found 2 addresses: 10.0.0.100/24 on eth0, 10.0.0.120/24 on vrrp.8, which an earlier run has left";
    assert!(log.contains(found), "{log}");
    holds(&one, "10.0.0.101", true);
    assert!(one.has_address("10.0.0.55"), "it is somebody else's");
}
