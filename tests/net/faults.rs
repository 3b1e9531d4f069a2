//! What goes wrong around a router: news that the kernel drops, a queue that takes nothing, an interface that is deleted,
//! a machine that is held up, a clock that is set back, and floods of packets that nobody should believe. keepalived is the peer.

mod clock;
mod flood;

use super::VIPD;
use super::support::Implementation::{Keepalived, Vipd};
use super::support::{Capture, Director, Host, Lab, Test, Worker, descendants, wait_for};
use nix::sys::signal::{Signal, kill};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("faults::news_of_the_kernel_that_were_dropped_are_asked_for_again", news_dropped),
        Test::new("faults::a_queue_that_takes_nothing_is_survived", full_queue),
        Test::new("faults::adverts_that_a_link_refuses_leave_again_when_it_is_up", link_down),
        Test::new("faults::the_masters_interface_is_deleted_and_made_again", deleted),
        Test::new("faults::a_master_that_is_held_up_is_the_only_one_again", master_held_up),
        Test::new("faults::a_lower_master_that_is_held_up_gives_way", lower_master_held_up),
        Test::new("faults::a_backup_that_is_held_up_seizes_nothing", backup_held_up),
        Test::new("faults::a_clock_that_is_set_back_moves_nobody", clock::set_back),
        Test::new("faults::a_flood_moves_no_master", flood::master),
        Test::new("faults::a_flood_of_claims_moves_no_master", flood::claimed),
        Test::new("faults::a_flood_makes_no_backup_a_master", flood::backup),
    ]
}

const VIP: &str = "10.0.0.100";

fn config(priority: u8, more: &str) -> String {
    format!(
        "vrrp_instance VI {{\n  state BACKUP\n  interface eth0\n  virtual_router_id 7\n  priority {priority}\n  \
         advert_int 1\n{more}  virtual_ipaddress {{\n    {VIP}/24\n  }}\n}}\n"
    )
}

fn vipd(host: &Host, config: &str) -> Director {
    Director::start(Vipd, host, Path::new(VIPD), config, &["-P"])
}

fn keepalived(host: &Host, config: &str) -> Director {
    Director::start(Keepalived, host, Path::new(VIPD), config, &["-P"])
}

/// Waits until the host holds the address, or not.
#[track_caller]
fn holds(host: &Host, expected: bool) {
    wait_for(format_args!("{VIP} on {}: {expected}", host.name()), LIMIT, || {
        let shown = host.run("ip -o address show");
        if shown.contains(&format!(" {VIP}/")) == expected { Ok(()) } else { Err(shown) }
    });
}

/// Waits until the log has so many lines that hold this.
#[track_caller]
fn says(director: &Director, what: &str, times: usize) {
    wait_for(format_args!("{what}, {times} times"), LIMIT, || {
        let log = director.process().log();
        if log.matches(what).count() >= times { Ok(()) } else { Err(log) }
    });
}

fn count(director: &Director, what: &str) -> usize {
    director.process().log().matches(what).count()
}

/// Holds up all of a director's processes, or lets them go on.
fn signal_all(director: &Director, signal: Signal) {
    let parent = director.process().pid();
    for pid in [parent].into_iter().chain(descendants(parent)) {
        kill(pid, signal).unwrap_or_else(|error| panic!("send {signal} to {pid}: {error}"));
    }
}

/// Waits until the host answers a client's ping to the address, with its own Ethernet address.
#[track_caller]
fn serves(client: &Host, host: &Host) {
    wait_for(format_args!("{} to answer", host.name()), LIMIT, || {
        client.try_run(&format!("ping -c 1 -W 1 {VIP}"))?;
        let known = client.neighbour(VIP);
        if known == Some(host.mac().to_string()) { Ok(()) } else { Err(format!("{known:?}")) }
    });
}

/// Thousands of changes while the worker is held up: more than the kernel keeps for it. Those that matter are among them.
fn news_dropped(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&["link add eth1 type veth peer name far1", "link set eth1 up", "link set far1 up"]);
    let director = vipd(&one, &config(150, "  track_interface {\n    eth1\n  }\n"));
    holds(&one, true);
    let worker = director.worker(Worker::Vrrp);
    // Of all sockets, since they were opened.
    let mut dropped = 0;
    let mut unseen = |change: &str| {
        kill(worker, Signal::SIGSTOP).expect("hold the worker up");
        one.run(change);
        let half = |word: &str| -> String {
            let address = |n| format!("address {word} 10.9.{}.{}/32 dev lo\n", n / 250, n % 250 + 1);
            (0..5000).map(address).collect()
        };
        let lines = half("add") + &half("delete");
        dropped = wait_for("news that are dropped", LIMIT, || {
            let mut ip = one.command("ip");
            let mut ip = ip.args(["-batch", "-"]).stdin(Stdio::piped()).spawn().expect("start ip");
            ip.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("write to ip");
            assert!(ip.wait().expect("wait for ip").success());
            let sockets = one.run("cat /proc/net/netlink");
            let drops = |line: &str| -> Option<u64> {
                let fields: Vec<&str> = line.split_whitespace().collect();
                // Protocol 0 is that of links and addresses.
                if fields.get(1) == Some(&"0") { fields.get(8)?.parse().ok() } else { None }
            };
            let now: u64 = sockets.lines().filter_map(drops).sum();
            if now > dropped { Ok(now) } else { Err(sockets) }
        });
        kill(worker, Signal::SIGCONT).expect("let it go on");
    };
    unseen(&format!("ip address delete {VIP}/24 dev eth0"));
    holds(&one, true);
    says(&director, &format!("(VI) set {VIP}/24 on eth0"), 2);
    says(&director, "Netlink: Receive buffer overrun on monitor socket", 1);
    unseen("ip link set far1 down");
    says(&director, "Entering FAULT STATE", 1);
    holds(&one, false);
    unseen("ip link set far1 up");
    says(&director, "Entering MASTER STATE", 2);
    holds(&one, true);
    assert_eq!(director.worker(Worker::Vrrp), worker, "the worker went on");
}

/// Nothing leaves the master for a while: adverts and announcements are dropped where they would be queued.
fn full_queue(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let client = lab.host("client", "10.0.0.9/24");
    one.run("tc qdisc add dev eth0 root pfifo limit 0");
    let ours = vipd(&one, &config(150, ""));
    says(&ours, "Entering MASTER STATE", 1);
    says(&ours, "announcements were not sent", 1);
    let theirs = keepalived(&two, &config(100, ""));
    says(&theirs, "Entering MASTER STATE", 1);
    serves(&client, &two);
    one.run("tc qdisc del dev eth0 root");
    holds(&two, false);
    serves(&client, &one);
    let log = ours.process().log();
    assert!(log.matches("not sent").count() < 20, "{log}");
    assert_eq!((count(&ours, "Entering MASTER STATE"), count(&ours, "BACKUP STATE")), (1, 1), "{log}");
    // The same with a master that is at work.
    one.run("tc qdisc add dev eth0 root pfifo limit 0");
    holds(&two, true);
    one.run("tc qdisc del dev eth0 root");
    holds(&two, false);
    serves(&client, &one);
    assert_eq!(count(&ours, "Starting VRRP child process"), 1, "{}", ours.process().log());
}

/// An instance that does not track its interface stays what it is while that is down, and its adverts are refused
/// (ENETDOWN). Who reads the log finds one line for each time; the adverts leave again as soon as they can.
fn link_down(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let client = lab.host("client", "10.0.0.9/24");
    let ours = vipd(&one, &config(150, "  dont_track_primary\n"));
    holds(&one, true);
    let theirs = keepalived(&two, &config(100, ""));
    says(&theirs, "Entering BACKUP STATE", 1);
    let refused = "(VI) advert not sent: the interface is down";
    for round in 1..=2 {
        one.run("ip link set eth0 down");
        says(&ours, refused, round);
        says(&theirs, "Entering MASTER STATE", round);
        // The peer speaks for as long as five of our adverts are refused.
        five_seconds(&two);
        holds(&one, true);
        one.run("ip link set eth0 up");
        says(&theirs, "Entering BACKUP STATE", round + 1);
        holds(&two, false);
        serves(&client, &one);
        let log = ours.process().log();
        assert_eq!(log.matches("advert not sent").count(), round, "one line for each time: {log}");
        assert!(log.matches("not sent").count() <= 2 * round, "and one for announcements: {log}");
        assert_eq!((count(&ours, "Entering MASTER STATE"), count(&ours, "FAULT")), (1, 0), "{log}");
    }
    assert_eq!(count(&ours, "Starting VRRP child process"), 1, "{}", ours.process().log());
}

fn deleted(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.9.0.1/24"), lab.host("two", "10.9.0.2/24"));
    let client = lab.host("client", "10.9.0.9/24");
    for (host, address) in [(&one, "10.0.0.1/24"), (&two, "10.0.0.2/24"), (&client, "10.0.0.9/24")] {
        host.connect_further("eth1", address);
    }
    let on_eth1 = |priority| config(priority, "").replace("eth0", "eth1");
    let ours = vipd(&one, &on_eth1(150));
    holds(&one, true);
    let theirs = keepalived(&two, &on_eth1(100));
    says(&theirs, "Entering BACKUP STATE", 1);
    let answers = || wait_for("an answer", LIMIT, || client.try_run(&format!("ping -c 1 -W 1 {VIP}")));
    for round in 1..=2 {
        one.run("ip link delete eth1");
        says(&ours, "Entering FAULT STATE", round);
        holds(&two, true);
        answers();
        one.connect_further("eth1", "10.0.0.1/24");
        holds(&one, true);
        holds(&two, false);
        answers();
    }
    assert_eq!(count(&ours, "Starting VRRP child process"), 1, "{}", ours.process().log());
}

/// A line for each pause, with milliseconds.
#[track_caller]
fn tells_pauses(director: &Director, pauses: usize) {
    let before = "VRRP was held up for ";
    says(director, before, pauses);
    let log = director.process().log();
    for (at, _) in log.match_indices(before) {
        let seconds = log[at + before.len()..].split_once(" s: was").expect("the length").0;
        let (whole, millis) = seconds.split_once('.').expect("a fraction");
        assert!(whole.parse::<u32>().is_ok() && millis.len() == 3, "{log}");
    }
}

/// For five seconds it neither speaks nor hears; meanwhile the peer takes over. The better one is the master again.
fn master_held_up(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let client = lab.host("client", "10.0.0.9/24");
    let ours = vipd(&one, &config(150, ""));
    holds(&one, true);
    let theirs = keepalived(&two, &config(100, ""));
    says(&theirs, "Entering BACKUP STATE", 1);
    serves(&client, &one);
    signal_all(&ours, Signal::SIGSTOP);
    says(&theirs, "Entering MASTER STATE", 1);
    // Its kernel holds the address still, and answers: who is asked at that moment is not known.
    five_seconds(&two);
    signal_all(&ours, Signal::SIGCONT);
    says(&theirs, "Entering BACKUP STATE", 2);
    holds(&two, false);
    holds(&one, true);
    serves(&client, &one);
    tells_pauses(&ours, 1);
}

/// The peer is better, but would not have preempted: once it is the master, it stays so.
fn lower_master_held_up(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let client = lab.host("client", "10.0.0.9/24");
    let ours = vipd(&one, &config(100, ""));
    holds(&one, true);
    let theirs = keepalived(&two, &config(150, "  nopreempt\n"));
    says(&theirs, "Entering BACKUP STATE", 1);
    signal_all(&ours, Signal::SIGSTOP);
    says(&theirs, "Entering MASTER STATE", 1);
    five_seconds(&two);
    signal_all(&ours, Signal::SIGCONT);
    says(&ours, "Entering BACKUP STATE", 2);
    holds(&one, false);
    holds(&two, true);
    serves(&client, &two);
    tells_pauses(&ours, 1);
    assert_eq!(count(&theirs, "Entering BACKUP STATE"), 1, "{}", theirs.process().log());
}

/// It has heard nothing for five seconds because it did not listen: the master's adverts were there.
fn backup_held_up(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let theirs = keepalived(&two, &config(150, ""));
    says(&theirs, "Entering MASTER STATE", 1);
    let ours = vipd(&one, &config(100, ""));
    says(&ours, "Entering BACKUP STATE", 1);
    for _ in 0..2 {
        signal_all(&ours, Signal::SIGSTOP);
        five_seconds(&two);
        signal_all(&ours, Signal::SIGCONT);
        five_seconds(&two);
    }
    assert_eq!(count(&ours, "MASTER STATE"), 0, "{}", ours.process().log());
    holds(&one, false);
    tells_pauses(&ours, 2);
}

/// Waits for as many adverts of this host as a master of one a second sends in five seconds.
#[track_caller]
fn five_seconds(master: &Host) {
    let capture = Capture::start(master);
    wait_for("five adverts", LIMIT, || {
        let count = capture.adverts().iter().filter(|(_, advert)| advert.priority > 0).count();
        if count > 5 { Ok(()) } else { Err(format!("{count}")) }
    });
}
