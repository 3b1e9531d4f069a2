//! `auth_hmac` between two of ours: who believes whom, in each mode; and adverts that somebody recorded and sends again.

use super::VIPD;
use super::support::Implementation::Vipd;
use super::support::{Capture, Director, Host, Lab, Test, wait_for};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("hmac::one_key_makes_one_master_and_another_key_two", keys),
        Test::new("hmac::modes_say_whose_adverts_are_believed", modes),
        Test::new("hmac::what_was_recorded_is_not_believed_again_by_its_time", |lab| replayed(lab, "time")),
        Test::new("hmac::what_was_recorded_is_not_believed_again_by_its_number", |lab| {
            replayed(lab, "monotonic")
        }),
    ]
}

const RIGHT: &str =
    "key 1 hex:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n active_key 1\n";
const WRONG: &str =
    "key 1 hex:ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n active_key 1\n";

fn signed(priority: u8, hmac: &str) -> String {
    plain(priority, &format!("  auth_hmac {{\n {hmac}  }}\n"))
}

fn plain(priority: u8, more: &str) -> String {
    format!(
        "vrrp_instance VI {{\n  interface eth0\n  virtual_router_id 7\n  version 3\n  priority {priority}\n  advert_int 1\n\
         {more}  virtual_ipaddress {{\n    10.0.0.100/24\n  }}\n}}\n"
    )
}

fn start(host: &Host, config: &str) -> Director {
    Director::start(Vipd, host, Path::new(VIPD), config, &[])
}

#[track_caller]
fn holds(host: &Host, expected: bool) {
    wait_for(format_args!("10.0.0.100 on {}: {expected}", host.name()), LIMIT, || {
        if host.has_address("10.0.0.100") == expected {
            Ok(())
        } else {
            Err(format!("{:?}", host.addresses()))
        }
    });
}

#[track_caller]
fn says(director: &Director, what: &str) {
    wait_for(what, LIMIT, || {
        let log = director.process().log();
        if log.contains(what) { Ok(()) } else { Err(log) }
    });
}

/// As a listener hears, which has nothing else to do with it.
#[track_caller]
fn goes_on_to_speak(listener: &Host, priority: u8) {
    let capture = Capture::start(listener);
    wait_for("five more adverts", LIMIT, || {
        let adverts = capture.adverts();
        let count = adverts.iter().filter(|(_, advert)| advert.priority == priority).count();
        if count >= 5 { Ok(()) } else { Err(format!("{count}")) }
    });
}

fn keys(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let better = start(&one, &signed(150, RIGHT));
    holds(&one, true);
    let worse = start(&two, &signed(100, WRONG));
    holds(&two, true);
    says(&better, "split brain: 10.0.0.2 advertises as master too, and is not believed");
    says(&worse, "split brain: 10.0.0.1 advertises as master too, and is not believed");
    for director in [&better, &worse] {
        assert!(!director.process().log().contains("0001020304"), "a secret in the log");
    }
    // The right key: the better one is believed.
    worse.reload(&signed(100, RIGHT));
    holds(&two, false);
    says(&better, "split brain is over: 10.0.0.2");
    better.terminate();
    holds(&two, true);
}

/// What the one that is master means, and the better one that starts behind it: whether that is believed.
fn modes(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let with = |mode: &str| format!("{RIGHT} mode {mode}\n");
    let master = start(&one, &signed(100, &with("enforce")));
    holds(&one, true);
    for (mode, theirs, believed) in [
        ("enforce", "unsigned", false),
        ("permissive", "unsigned", true),
        ("permissive", "wrong", false),
        ("receive-only", "unsigned", true),
        ("receive-only", "signed", true),
        ("enforce", "signed", true),
    ] {
        master.reload(&signed(100, &with(mode)));
        holds(&one, true);
        let other = start(
            &two,
            &match theirs {
                "unsigned" => plain(150, ""),
                "wrong" => signed(150, WRONG),
                _ => signed(150, &with("permissive")),
            },
        );
        holds(&two, true);
        if believed {
            holds(&one, false);
        } else {
            goes_on_to_speak(&two, 100);
            assert!(one.has_address("10.0.0.100"), "{mode}, {theirs}");
        }
        other.terminate();
        holds(&two, false);
        holds(&one, true);
    }
}

/// A third host sends what it heard of the better master, which has gone.
fn replayed(lab: &Lab, anti_replay: &str) {
    let (one, two, third) =
        (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"), lab.host("third", "10.0.0.3/24"));
    let hmac = format!("{RIGHT} anti_replay {anti_replay}\n");
    let better = start(&one, &signed(150, &hmac));
    holds(&one, true);
    let worse = start(&two, &signed(100, &hmac));
    let capture = Capture::start(&third);
    says(&worse, "Entering BACKUP STATE");
    wait_for("three adverts", LIMIT, || match capture.adverts().len() {
        3.. => Ok(()),
        few => Err(format!("{few}")),
    });
    better.terminate();
    holds(&two, true);
    let frames = capture.frames();
    let adverts = frames.iter().filter(|f| f.advert().is_some_and(|advert| advert.priority == 150));
    let hex: Vec<String> =
        adverts.map(|f| f.bytes.iter().map(|byte| format!("{byte:02x}")).collect()).collect();
    let mut resend = third.command("python3");
    resend.arg("-c").arg(RESEND).args(&hex);
    let _resends = third.start("resend", &mut resend);
    says(&worse, "advert from 10.0.0.1 discarded");
    // The recorded ones make it no backup.
    goes_on_to_speak(&third, 100);
    assert!(two.has_address("10.0.0.100"));
    assert_eq!(worse.process().log().matches("Entering BACKUP STATE").count(), 1);
    worse.terminate();
}

const RESEND: &str = r"
import socket, sys, time
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
for _ in range(20):
    for frame in sys.argv[1:]:
        s.send(bytes.fromhex(frame))
    time.sleep(0.3)
";
