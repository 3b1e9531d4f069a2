//! VMACs: links with the virtual router's own Ethernet address, each story with keepalived and with vipd.

mod changes;
mod found;

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Capture, Director, Host, Lab, Test, wait_for};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

type Story = fn(&Lab, Implementation);

pub(crate) fn tests() -> Vec<Test> {
    let both: [(&str, Story); 10] = [
        ("links_and_addresses", links_and_addresses),
        ("frames_carry_its_address", frames),
        ("adverts_of_the_base", transmit_on_base),
        ("a_link_taken_by_hand_is_made_again", taken),
        ("the_base_comes_back", base_comes_back),
        ("the_filter_is_that_of_keepalived", filter),
        ("secondary_addresses_outlive_their_primary_one", promote),
        ("one_vrid_on_an_interface_and_a_macvlan_of_it_is_refused", on_macvlan),
        ("a_macvlan_of_another_namespace_is_no_duplicate", on_macvlan_of_elsewhere),
        ("interfaces_elsewhere_are_announced_on_again_and_again", extra),
    ];
    let both = [Keepalived, Vipd].into_iter().flat_map(|program| both.map(|story| (program, story)));
    let both = both.map(|(program, (name, story))| {
        Test::new(format!("vmac::{program}::{name}"), move |lab: &Lab| story(lab, program))
    });
    let ours = [
        Test::new("vmac::what_a_killed_director_left_is_used", found::left),
        Test::new("vmac::addresses_that_are_not_accepted_are_shut", shut),
        Test::new("vmac::a_table_is_called_as_the_configuration_says", named_table),
        Test::new("vmac::the_kernel_reports_no_local_groups", no_reports),
        Test::new("vmac::router_advertisements_give_it_no_address", deaf_to_routers),
        Test::new(
            "vmac::one_whose_ethernet_address_is_another_s_is_tried_again_in_its_time",
            found::occupied,
        ),
        Test::new("vmac::a_reload_makes_and_removes_links", reload),
        Test::new("vmac::a_switch_learns_who_is_the_master", failover),
    ];
    both.chain(ours).chain(changes::tests()).collect()
}

/// An instance with VRID 51 and these lines more.
fn instance(name: &str, priority: u8, more: &str, addresses: &[&str]) -> String {
    let addresses: String = addresses.iter().map(|a| format!("    {a}\n")).collect();
    format!(
        "vrrp_instance {name} {{\n  interface eth0\n  virtual_router_id 51\n  priority {priority}\n  advert_int 1\n  \
         {more}\n  virtual_ipaddress {{\n{addresses}  }}\n}}\n"
    )
}

/// VRID 51 on `eth0`, and on another interface.
fn twice(other: &str) -> String {
    let second =
        instance("B", 150, "", &["10.0.9.100/24"]).replace("interface eth0", &format!("interface {other}"));
    instance("A", 150, "", &["10.0.0.100/24"]) + &second
}

/// They would hear each other.
fn on_macvlan(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    one.run("ip link add mv0 link eth0 type macvlan mode bridge");
    one.run("ip link set mv0 up");
    one.run("ip address add 10.0.9.2/24 dev mv0");
    let director = start(program, &one, &twice("mv0"));
    director.process().wait_exit(LIMIT);
    let log = director.process().log();
    let said = log.lines().find(|line| line.contains("both use")).unwrap_or_else(|| panic!("{log}"));
    assert!(said.contains("eth0"), "{said}");
    assert!(!one.has_address("10.0.0.100") && !one.has_address("10.0.9.100"));
}

/// What it is on top of has the index there that `eth0` has here.
fn on_macvlan_of_elsewhere(lab: &Lab, program: Implementation) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let index = |host: &Host| host.run("ip -o link show eth0").split(':').next().map(str::to_owned);
    assert_eq!(index(&one), index(&two));
    two.run("ip link add mx link eth0 type macvlan mode bridge");
    two.run(&format!("ip link set mx netns {}", one.namespace()));
    one.run("ip link set mx up");
    one.run("ip address add 10.0.9.2/24 dev mx");
    let director = start(program, &one, &twice("mx"));
    // Through the switch they do hear each other, and only one is the master.
    wait_for("a master", LIMIT, || {
        let is_master = one.has_address("10.0.0.100") || one.has_address("10.0.9.100");
        if is_master { Ok(()) } else { Err(director.process().log()) }
    });
    assert!(!director.process().log().contains("both use"));
}

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &[])
}

/// Waits until an interface shows something, or does not, with all its details.
#[track_caller]
fn shows(host: &Host, interface: &str, text: &str, expected: bool) {
    wait_for(format_args!("{interface} on {}: {text}: {expected}", host.name()), LIMIT, || {
        let shown = host.try_run(&format!("ip -d address show dev {interface}")).unwrap_or_default();
        if shown.contains(text) == expected { Ok(()) } else { Err(host.run("ip -d address show")) }
    });
}

/// What there is of interfaces: name, base, Ethernet address, kind, addresses; without what says when.
fn interfaces(host: &Host) -> Vec<String> {
    let all = host.run("ip -d -o link show");
    let links = all.lines().map(|line| {
        let name = line.split(": ").nth(1).unwrap_or_default();
        let after = |word: &str| line.split(word).nth(1).and_then(|rest| rest.split_whitespace().next());
        let kind = if line.contains("macvlan mode private") { "private macvlan" } else { "other" };
        let state = after("> mtu").and(after(" state ")).unwrap_or_default();
        format!("{name} {kind} {} {state}", after("link/ether ").unwrap_or_default())
    });
    let addresses = host.run("ip -o address show");
    let addresses = addresses.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let words: Vec<&str> = words.into_iter().take_while(|word| *word != "\\").collect();
        words.join(" ")
    });
    let mut all: Vec<String> = links.chain(addresses).collect();
    all.sort();
    all
}

const BOTH: [&str; 2] = ["V4", "V6"];

fn both(more: &str) -> String {
    let v4 = instance(BOTH[0], 150, more, &["10.0.0.100/24", "10.0.0.101/24"]);
    v4 + &instance(BOTH[1], 150, more, &["fe80::51/64", "2001:db8::51/64"])
}

fn setting(host: &Host, family: &str, name: &str) -> String {
    host.run(&format!("cat /proc/sys/net/{family}/conf/{name}")).trim().to_owned()
}

/// Links, addresses and settings are those that keepalived makes.
fn links_and_addresses(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    shows(&one, "eth0", "fe80::ff:fe00:1/64 scope link", true);
    shows(&one, "eth0", "tentative", false);
    one.run("sysctl -q -w net.ipv4.conf.all.rp_filter=2");
    let before = interfaces(&one);
    let below = ["arp_ignore", "arp_filter", "rp_filter"].map(|name| format!("eth0/{name}"));
    let values = || below.clone().map(|name| setting(&one, "ipv4", &name));
    assert_eq!(values(), ["0", "0", "0"]);
    let director = start(program, &one, &both("use_vmac"));
    shows(&one, "vrrp.51", "10.0.0.101/24", true);
    shows(&one, "vrrp6.51", "2001:db8::51/64", true);
    let expected = [
        "eth0 inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0",
        "eth0 inet6 fe80::ff:fe00:1/64 scope link",
        "vrrp.51 inet 10.0.0.100/24 scope global vrrp.51",
        "vrrp.51 inet 10.0.0.101/24 scope global secondary vrrp.51",
        "vrrp.51@eth0 private macvlan 00:00:5e:00:01:33 UP",
        "vrrp6.51 inet6 2001:db8::51/64 scope global nodad",
        "vrrp6.51 inet6 fe80::51/64 scope link nodad",
        "vrrp6.51 inet6 fe80::ff:fe00:1/64 scope link nodad deprecated",
        "vrrp6.51@eth0 private macvlan 00:00:5e:00:02:33 UP",
    ];
    let shown = interfaces(&one);
    for line in expected {
        let is_there = shown.iter().any(|shown| shown.starts_with(line) || line.starts_with("eth0 inet "));
        assert!(is_there, "{line} is not among {shown:#?}");
    }
    // What holds for all interfaces together is moved to each of those that are no VMACs.
    assert_eq!(
        (values(), setting(&one, "ipv4", "all/rp_filter").as_str()),
        (["1", "1", "2"].map(str::to_owned), "0")
    );
    for (name, value) in [
        ("vrrp.51/arp_ignore", "1"),
        ("vrrp.51/accept_local", "1"),
        ("vrrp.51/rp_filter", "0"),
        ("vrrp.51/promote_secondaries", "1"),
    ] {
        assert_eq!(setting(&one, "ipv4", name), value, "{name}");
    }
    assert_eq!(setting(&one, "ipv6", "vrrp.51/disable_ipv6"), "1");
    let announces = if program == Vipd { "2" } else { "0" };
    assert_eq!(setting(&one, "ipv4", "eth0/arp_announce"), announces);
    assert_eq!(setting(&one, "ipv6", "vrrp6.51/disable_ipv6"), "0");
    director.terminate();
    assert_eq!(interfaces(&one), before);
    assert_eq!(setting(&one, "ipv4", "all/rp_filter"), "2");
    if program == Vipd {
        // keepalived 2.2.7 leaves the settings for ARP.
        assert_eq!(values(), ["0", "0", "0"]);
    }
}

/// The kernel would make an address of the virtual router's Ethernet address, on the master and all backups the same.
fn deaf_to_routers(lab: &Lab) {
    let (one, router) = (lab.host("one", "10.0.0.1/24"), lab.host("router", "10.0.0.2/24"));
    let config = instance("V", 150, "version 3\n  use_vmac", &["fe80::51/64", "2001:db8::51/64"]);
    let director = start(Vipd, &one, &config);
    shows(&one, "vrrp.51", "2001:db8::51", true);
    let mut advertise = router.command("python3");
    advertise.arg("-c").arg(ROUTER_ADVERTISEMENTS);
    let _router = router.start("router", &mut advertise);
    shows(&one, "eth0", "2001:db8:66:", true);
    assert_eq!(setting(&one, "ipv6", "vrrp.51/accept_ra"), "0");
    let all = one.run("ip -6 -o address show") + &one.run("ip -6 route show");
    let made = all.lines().filter(|line| line.contains("vrrp.51"));
    let made: Vec<&str> =
        made.filter(|line| line.contains("2001:db8:66:") || line.contains("default")).collect();
    assert_eq!(made, Vec::<&str>::new());
    director.terminate();
}

/// Router advertisements for 2001:db8:66::/64, of which hosts make addresses.
const ROUTER_ADVERTISEMENTS: &str = r"
import socket, struct, time
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
index = socket.if_nametoindex('eth0')
advert = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0)
prefix = struct.pack('!BBBBIII', 3, 4, 64, 0xc0, 86400, 14400, 0) + socket.inet_pton(socket.AF_INET6, '2001:db8:66::')
while True:
    try:
        s.sendto(advert + prefix, ('ff02::1', 0, 0, index))
    except OSError:
        pass  # its own address is not there yet
    time.sleep(0.2)
";

/// Sources of Ethernet frames with adverts and gratuitous ARPs.
fn sources(capture: &Capture) -> (Vec<[u8; 6]>, Vec<[u8; 6]>) {
    let (mut adverts, mut arps) = (vec![], vec![]);
    for frame in capture.frames() {
        let bytes = &frame.bytes;
        let Some(source) = bytes.get(6..12).and_then(|b| b.first_chunk::<6>()) else { continue };
        match (bytes.get(12..14), bytes.get(23)) {
            (Some([0x08, 0x00]), Some(112)) => adverts.push(*source),
            // Announcements are for whoever listens.
            (Some([0x08, 0x06]), _) if bytes.get(..6) == Some(&[0xff; 6]) => arps.push(*source),
            _ => {}
        }
    }
    (adverts, arps)
}

/// Which Ethernet address an ARP reply gives for 10.0.0.100.
fn answer(frame: &[u8]) -> Option<[u8; 6]> {
    let is_reply = frame.get(12..14)? == [0x08, 0x06] && frame.get(20..22)? == [0, 2];
    let is_of_it = frame.get(28..32)? == [10, 0, 0, 100];
    (is_reply && is_of_it).then(|| frame.get(22..28)?.first_chunk().copied()).flatten()
}

const VIRTUAL: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];

fn frames(lab: &Lab, program: Implementation) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let capture = Capture::start(&two);
    let _director = start(program, &one, &instance("V4", 150, "use_vmac", &["10.0.0.100/24"]));
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    let (adverts, arps) = wait_for("adverts and announcements", LIMIT, || {
        let (adverts, arps) = sources(&capture);
        if adverts.len() >= 2 && arps.len() >= 5 { Ok((adverts, arps)) } else { Err(String::new()) }
    });
    assert!(adverts.iter().chain(&arps).all(|mac| *mac == VIRTUAL), "{adverts:?} {arps:?}");
    let advert = capture.adverts().into_iter().next().expect("an advert").1;
    assert_eq!(advert.priority, 150);
    // Whoever asks for the address hears of the virtual router, not of the machine.
    two.run("ping -c 1 -W 5 10.0.0.100");
    let answers: Vec<[u8; 6]> = capture.frames().iter().filter_map(|f| answer(&f.bytes)).collect();
    assert!(!answers.is_empty() && answers.iter().all(|mac| *mac == VIRTUAL), "{answers:?}");
    // The machine's own address is the machine's.
    two.run("ping -c 1 -W 5 10.0.0.1");
    let neighbours = two.run("ip neighbour show 10.0.0.1");
    assert!(neighbours.contains(&one.mac().to_string()), "{neighbours}");
}

fn transmit_on_base(lab: &Lab, program: Implementation) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let capture = Capture::start(&two);
    let config = instance("V4", 150, "use_vmac vip\n  vmac_xmit_base", &["10.0.0.100/24"]);
    let _director = start(program, &one, &config);
    shows(&one, "vip", "10.0.0.100/24", true);
    let (adverts, arps) = wait_for("adverts and announcements", LIMIT, || {
        let (adverts, arps) = sources(&capture);
        if adverts.len() >= 2 && arps.len() >= 5 { Ok((adverts, arps)) } else { Err(String::new()) }
    });
    assert!(adverts.iter().all(|mac| *mac == one.mac().0), "{adverts:?}");
    assert!(arps.iter().all(|mac| *mac == VIRTUAL), "{arps:?}");
}

fn taken(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let director = start(program, &one, &instance("V4", 150, "use_vmac", &["10.0.0.100/24"]));
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    one.run("ip link delete vrrp.51");
    wait_for("the fault in the log", LIMIT, || {
        let log = director.process().log();
        if log.contains("Entering FAULT STATE") { Ok(()) } else { Err(log) }
    });
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    shows(&one, "vrrp.51", "macvlan mode private", true);
}

fn base_comes_back(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let make = [
        "link add eth1 type veth peer name far1",
        "link set eth1 up",
        "link set far1 up",
        "address add 10.1.0.1/24 dev eth1",
    ];
    one.configure(&make);
    let config = instance("V4", 150, "use_vmac", &["10.1.0.100/24"]).replace("eth0", "eth1");
    let _director = start(program, &one, &format!("global_defs {{\n  dynamic_interfaces\n}}\n{config}"));
    shows(&one, "vrrp.51", "10.1.0.100/24", true);
    one.run("ip link delete eth1");
    shows(&one, "vrrp.51", "vrrp.51", false);
    one.configure(&make);
    shows(&one, "vrrp.51", "10.1.0.100/24", true);
    shows(&one, "vrrp.51", "vrrp.51@eth1", true);
}

/// The first address of the network is taken by hand: the others would go with it.
fn promote(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let before = setting(&one, "ipv4", "eth0/promote_secondaries");
    assert_eq!(before, "0");
    let addresses = ["10.9.0.100/24", "10.9.0.101/24 no_track", "10.9.0.102/24 no_track"];
    let director = start(program, &one, &instance("V4", 150, "promote_secondaries", &addresses));
    shows(&one, "eth0", "10.9.0.102/24", true);
    assert_eq!(setting(&one, "ipv4", "eth0/promote_secondaries"), "1");
    director.terminate();
    shows(&one, "eth0", "10.9.0", false);
    if program == Vipd {
        // keepalived 2.2.7 leaves it.
        assert_eq!(setting(&one, "ipv4", "eth0/promote_secondaries"), before);
    }
}

fn reload(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let director = start(Vipd, &one, &instance("V4", 150, "", &["10.0.0.100/24"]));
    shows(&one, "eth0", "10.0.0.100/24", true);
    director.reload(&instance("V4", 150, "use_vmac", &["10.0.0.100/24"]));
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    shows(&one, "eth0", "10.0.0.100/24", false);
    director.reload(&instance("V4", 150, "use_vmac vip", &["10.0.0.100/24"]));
    shows(&one, "vip", "10.0.0.100/24", true);
    shows(&one, "vrrp.51", "vrrp.51", false);
    director.reload(&instance("V4", 150, "", &["10.0.0.100/24"]));
    shows(&one, "eth0", "10.0.0.100/24", true);
    shows(&one, "vip", "vip", false);
}

/// The switch has learnt at which port the virtual router's Ethernet address is: it has to learn anew.
fn failover(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let client = lab.host("client", "10.0.0.9/24");
    let config = |priority| instance("V4", priority, "use_vmac", &["10.0.0.100/24"]);
    let first = start(Vipd, &one, &config(150));
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    let second = start(Keepalived, &two, &config(100));
    wait_for("the backup", LIMIT, || {
        let log = second.process().log();
        if log.contains("Entering BACKUP STATE") { Ok(()) } else { Err(log) }
    });
    client.run("ping -c 1 -W 5 10.0.0.100");
    first.terminate();
    shows(&two, "vrrp.51", "10.0.0.100/24", true);
    client.run("ping -c 3 -i 0.2 -W 5 10.0.0.100");
    // Back again: a better router preempts.
    let _first = start(Vipd, &one, &config(150));
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    shows(&two, "vrrp.51", "10.0.0.100/24", false);
    wait_for("an answer", LIMIT, || client.try_run("ping -c 1 -W 1 10.0.0.100"));
    assert!(!second.process().log().contains("FAULT"), "{}", second.process().log());
}

/// What the packet filter has, without what differs from run to run.
fn ruleset(host: &Host) -> Vec<String> {
    let text = host.run("nft list ruleset");
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect()
}

/// As keepalived makes it: addresses are shut while master, IGMP and MLD leave by the base.
fn filter(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let director = start(program, &one, &both("use_vmac\n  no_accept"));
    shows(&one, "vrrp.51", "10.0.0.101/24", true);
    shows(&one, "vrrp6.51", "2001:db8::51/64", true);
    let rules = wait_for("the addresses in the filter", LIMIT, || {
        let rules = ruleset(&one);
        let all = ["elements = { 10.0.0.100, 10.0.0.101 }", "elements = { 2001:db8::51 }"];
        let is_there = |wanted: &&str| rules.iter().any(|line| line == wanted);
        if all.iter().all(is_there) { Ok(rules) } else { Err(rules.join("\n")) }
    });
    let expected = [
        "table ip keepalived {",
        "table ip6 keepalived {",
        "elements = { \"vrrp.51\" : \"eth0\" }",
        "elements = { \"vrrp6.51\" : \"eth0\" }",
        "elements = { fe80::51 . \"vrrp6.51\" }",
        "type filter hook output priority filter - 1; policy accept;",
        "type filter hook input priority filter - 1; policy accept;",
        "ip protocol igmp meta oifkind \"macvlan\" dup to ip daddr device oif map @vmac_map drop",
        "ip saddr @vips drop",
        "ip daddr @vips drop",
        "icmpv6 type mld2-listener-report meta oifkind \"macvlan\" dup to ip6 daddr device oif map @vmac_map drop",
        "icmpv6 type nd-router-solicit meta oifkind \"macvlan\" oif @vmac_set drop",
        "ip6 saddr fe80::/10 goto out_link_local",
        "ip6 daddr fe80::/10 goto in_link_local",
        "ip6 saddr @vips drop",
        "ip6 daddr @vips drop",
        "ip6 daddr . iif @vips_link_local drop",
        "ip6 saddr . oif @vips_link_local drop",
    ];
    for line in expected {
        assert!(rules.iter().any(|rule| rule == line), "{line} is not in {rules:#?}");
    }
    // Without neighbour discovery nobody could find the router: keepalived has both types in a set.
    let as_a_set = rules.iter().any(|rule| rule == "icmpv6 type @neighbor-discovery accept");
    let each = ["solicit", "advert"].map(|kind| format!("icmpv6 type nd-neighbor-{kind} accept"));
    assert!(as_a_set || each.iter().all(|line| rules.contains(line)), "{rules:#?}");
    director.terminate();
    assert_eq!(ruleset(&one), Vec::<String>::new());
}

/// The filter has an effect, and what somebody flushes comes back with the next change.
fn shut(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let more = "use_vmac\n  no_accept";
    let director = start(Vipd, &one, &instance("V4", 150, more, &["10.0.0.100/24"]));
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    two.run("ping -c 1 -W 5 10.0.0.1");
    assert!(two.try_run("ping -c 1 -W 1 10.0.0.100").is_err(), "packets are dropped");
    one.run("nft flush ruleset");
    two.run("ping -c 1 -W 5 10.0.0.100");
    director.reload(&instance("V4", 150, more, &["10.0.0.100/24", "10.0.0.101/24"]));
    shows(&one, "vrrp.51", "10.0.0.101/24", true);
    wait_for("both addresses in the filter", LIMIT, || {
        let rules = ruleset(&one).join("\n");
        if rules.contains("10.0.0.100, 10.0.0.101") { Ok(()) } else { Err(rules) }
    });
    assert!(two.try_run("ping -c 1 -W 1 10.0.0.100").is_err(), "packets are dropped again");
    // Without VMAC and with accept, there is no filter.
    director.reload(&instance("V4", 150, "", &["10.0.0.100/24"]));
    shows(&one, "eth0", "10.0.0.100/24", true);
    two.run("ping -c 1 -W 5 10.0.0.100");
    wait_for("no filter", LIMIT, || {
        let rules = ruleset(&one).join("\n");
        if rules.is_empty() { Ok(()) } else { Err(rules) }
    });
}

fn named_table(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let globals =
        "global_defs {\n  nftables ours\n  nftables_priority 5\n  nftables_counters\n  vrrp_iptables\n}\n";
    let config = globals.to_owned() + &instance("V4", 150, "no_accept", &["10.0.0.100/24"]);
    let director = start(Vipd, &one, &config);
    shows(&one, "eth0", "10.0.0.100/24", true);
    let rules = ruleset(&one).join("\n");
    for part in
        ["table ip ours {", "hook input priority filter + 5", "ip daddr @vips counter packets 0 bytes 0 drop"]
    {
        assert!(rules.contains(part), "{part} is not in {rules}");
    }
    assert!(director.process().log().contains("iptables and ipsets are not used here"));
    director.terminate();
    assert_eq!(ruleset(&one), Vec::<String>::new());
}

fn no_reports(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let reports = || one.run("cat /proc/sys/net/ipv4/igmp_link_local_mcast_reports").trim().to_owned();
    assert_eq!(reports(), "1");
    let globals = "global_defs {\n  disable_local_igmp\n}\n";
    let director =
        start(Vipd, &one, &(globals.to_owned() + &instance("V4", 150, "use_vmac", &["10.0.0.100/24"])));
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    assert_eq!(reports(), "0");
    assert_eq!(ruleset(&one), Vec::<String>::new(), "there is nothing to be kept back");
    director.terminate();
    assert_eq!(reports(), "1");
}

/// `garp_extra_if`: one address of each interface elsewhere, again and again; without `all`, of VMACs alone.
fn extra(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    one.connect_further("eth1", "10.1.0.1/24");
    one.connect_further("eth2", "10.2.0.1/24");
    let captures = ["eth0", "eth1", "eth2"].map(|interface| Capture::start_on(&one, interface));
    let count = |at: usize, address: &str| {
        let arps = captures[at].gratuitous_arps();
        arps.iter().filter(|(_, arp)| arp.sender.to_string() == address).count()
    };
    let elsewhere = ["10.1.0.100/24 dev eth1", "10.1.0.101/24 dev eth1", "10.2.0.100/24 dev eth2 use_vmac"];
    let addresses = [&["10.0.0.100/24"], elsewhere.as_slice()].concat();
    let once = "garp_master_repeat 1\n  garp_master_delay 0\n  ";
    for (kind, plain) in [("", 1), ("all", 3)] {
        let config = instance("VI", 150, &format!("{once}garp_extra_if {kind} 1"), &addresses);
        let before = count(1, "10.1.0.100");
        let others =
            ["10.0.0.100", "10.1.0.101"].map(|address| count(usize::from(address != "10.0.0.100"), address));
        let vmac = count(2, "10.2.0.100");
        let director = start(program, &one, &config);
        wait_for(format_args!("announcements again with {program}, {kind:?}"), LIMIT, || {
            let counts = (count(1, "10.1.0.100") - before, count(2, "10.2.0.100") - vmac);
            if counts.0 >= plain && counts.1 >= 3 { Ok(()) } else { Err(format!("{counts:?}")) }
        });
        let more =
            ["10.0.0.100", "10.1.0.101"].map(|address| count(usize::from(address != "10.0.0.100"), address));
        assert_eq!([more[0] - others[0], more[1] - others[1]], [1, 1], "{kind:?}");
        if plain == 1 {
            assert_eq!(count(1, "10.1.0.100") - before, 1, "{kind:?}");
        }
        director.terminate();
    }
}
