//! Split brain: another master, or another host with the same address, is told of once, and so is its end. The others are
//! real: keepalived that can't hear, or means something else, and hosts on which somebody has set the address.

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::{Capture, Director, Host, Lab, Test, holds, wait_for};
use std::fs;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(40);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("split::a_keepalived_that_hears_nothing_is_told_of_and_so_is_its_end", deaf),
        Test::new("split::a_keepalived_with_another_password_is_found_by_its_address", password),
        Test::new("split::a_keepalived_with_other_addresses_is_told_of_at_once", addresses),
        Test::new("split::a_keepalived_that_refuses_adverts_is_silent_and_still_a_master", silent),
        Test::new("split::a_host_that_has_the_address_is_found", foreign),
        Test::new("split::a_host_that_announces_the_address_is_found", announced),
        Test::new("split::interfaces_of_this_host_are_not_foreign", own),
    ]
}

fn instance(priority: u8, more: &str, addresses: &str) -> String {
    format!(
        "vrrp_instance VI {{\n  interface eth0\n  virtual_router_id 7\n  priority {priority}\n  advert_int 1\n  {more}\n  \
         virtual_ipaddress {{\n    {addresses}\n  }}\n}}\n"
    )
}

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &[])
}

/// Waits until the log has this so many times.
#[track_caller]
fn says(director: &Director, what: &str, count: usize) {
    wait_for(format_args!("{count} times {what:?}"), LIMIT, || {
        let log = director.process().log();
        if log.matches(what).count() == count { Ok(()) } else { Err(log) }
    });
}

/// Its adverts reach the better master, and it does not hear that one's.
fn deaf(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    two.run("nft add table ip t");
    two.run("nft add chain ip t in { type filter hook input priority 0 ; }");
    two.run("nft add rule ip t in ip protocol 112 drop");
    let fifo = one.file("fifo");
    let globals = format!(
        "global_defs {{\n  script_user root\n  vrrp_notify_fifo {}\n  vrrp_notify_split_brain\n}}\n",
        fifo.display()
    );
    let notify = one.file("told");
    let script = one.file("notify");
    fs::write(&script, format!("#!/bin/sh\necho $* >>{}\n", notify.display())).expect("write a script");
    one.run(&format!("chmod 755 {}", script.display()));
    // It announces its addresses when it is over, and not with each answer.
    let more = format!("garp_lower_prio_repeat 0\n  notify {}", script.display());
    let config = format!("{globals}{}", instance(150, &more, "10.0.0.100/24"));
    let director = start(Vipd, &one, &config);
    holds(&one, "10.0.0.100", true);
    let _other = start(Keepalived, &two, &instance(100, "", "10.0.0.100/24"));
    holds(&two, "10.0.0.100", true);
    let split = "(VI) split brain: 10.0.0.2 keeps advertising as master with priority 100 (ours 150)";
    says(&director, split, 1);
    let mac = two.mac();
    says(&director, &format!("(VI) split brain: {mac} on eth0 answers for 10.0.0.100"), 1);
    let capture = Capture::start(&two);
    two.run("nft flush ruleset");
    holds(&two, "10.0.0.100", false);
    says(&director, "(VI) split brain is over: 10.0.0.2", 1);
    wait_for("announcements once it is over", LIMIT, || match capture.gratuitous_arps().len() {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    });
    assert_eq!(director.process().log().matches(split).count(), 1);
    wait_for("scripts", LIMIT, || {
        let told = fs::read_to_string(&notify).unwrap_or_default();
        if told.contains("INSTANCE VI SPLIT_BRAIN 150\n") { Ok(()) } else { Err(told) }
    });
}

/// keepalived 2.2.7 says nothing after its first advert, as long as it hears adverts that it does not believe.
fn password(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let with = |word: &str| format!("authentication {{\n auth_type PASS\n auth_pass {word}\n }}");
    let director = start(Vipd, &one, &instance(150, &with("right"), "10.0.0.100/24"));
    holds(&one, "10.0.0.100", true);
    let _other = start(Keepalived, &two, &instance(100, &with("wrong"), "10.0.0.100/24"));
    holds(&two, "10.0.0.100", true);
    says(&director, "(VI) advert from 10.0.0.2 discarded: received an invalid passwd!", 1);
    let split = format!("(VI) split brain: {} on eth0 answers for 10.0.0.100", two.mac());
    says(&director, &split, 1);
}

fn addresses(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let _other = start(Keepalived, &two, &instance(200, "", "10.0.0.100/24\n    10.0.0.101/24"));
    holds(&two, "10.0.0.101", true);
    let director = start(Vipd, &one, &instance(150, "", "10.0.0.100/24"));
    // Nothing is split yet.
    says(
        &director,
        "(VI) 10.0.0.2 advertises as master, and is not believed: this router will become master beside it: the addresses",
        1,
    );
    let split = "(VI) split brain: 10.0.0.2 advertises as master too, and is not believed: the addresses differ from those \
                 configured here: 10.0.0.101 is not configured here (ours 1, received 2)";
    says(&director, split, 1);
    holds(&one, "10.0.0.100", true);
    // The right list: the other is believed, and is the better one.
    director.reload(&instance(150, "", "10.0.0.100/24\n    10.0.0.101/24"));
    holds(&one, "10.0.0.100", false);
    says(&director, "(VI) split brain is over: 10.0.0.2", 1);
    assert_eq!(director.process().log().matches(split).count(), 1);
}

/// keepalived 2.2.7 says nothing as long as it hears adverts with other addresses, and keeps its own.
fn silent(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let other = start(Keepalived, &two, &instance(200, "", "10.0.0.100/24\n    10.0.0.101/24"));
    holds(&two, "10.0.0.101", true);
    let director = start(Vipd, &one, &instance(150, "", "10.0.0.100/24"));
    says(&director, "(VI) split brain: 10.0.0.2 advertises as master too", 1);
    says(&director, &format!("(VI) split brain: {} on eth0 answers for 10.0.0.100", two.mac()), 1);
    let capture = Capture::start(&one);
    wait_for("twenty adverts", LIMIT, || match capture.adverts().len() {
        20.. => Ok(()),
        few => Err(format!("{few}")),
    });
    let theirs = capture.adverts().iter().filter(|(_, advert)| advert.priority == 200).count();
    assert!(theirs < 3, "it is not silent: {theirs}");
    assert!(!director.process().log().contains("is over"), "{}", director.process().log());
    holds(&two, "10.0.0.100", true);
    other.terminate();
    holds(&two, "10.0.0.100", false);
    says(&director, "(VI) split brain is over: 10.0.0.2", 1);
    says(&director, &format!("(VI) split brain is over: {}", two.mac()), 1);
}

/// Somebody has set the address on another host, which says nothing of itself: it is asked.
fn foreign(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    two.run("ip address add 10.0.0.100/24 dev eth0");
    two.run("ip address add 2001:db8::100/64 dev eth0 nodad");
    one.run("ip address add 2001:db8::1/64 dev eth0 nodad");
    let v6 = instance(150, "", "2001:db8::100/64").replace(" VI ", " V6 ").replace("_id 7", "_id 8");
    let director = start(Vipd, &one, &format!("{}{v6}", instance(150, "", "10.0.0.100/24")));
    holds(&one, "10.0.0.100", true);
    let mac = two.mac();
    for (name, address) in [("VI", "10.0.0.100"), ("V6", "2001:db8::100")] {
        let split = format!(
            "({name}) split brain: {mac} on eth0 answers for {address}, and is none of this host's interfaces"
        );
        says(&director, &split, 1);
    }
}

fn announced(lab: &Lab) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let director = start(Vipd, &one, &instance(150, "", "10.0.0.100/24"));
    holds(&one, "10.0.0.100", true);
    two.run("ip address add 10.0.0.100/24 dev eth0");
    let split = format!("(VI) split brain: {} on eth0 answers for 10.0.0.100", two.mac());
    wait_for("the other host to be told of", LIMIT, || {
        two.run(&format!("{VIPD} garp -c 1 -I eth0 10.0.0.100"));
        let log = director.process().log();
        if log.matches(&split).count() == 1 { Ok(()) } else { Err(log) }
    });
}

/// The Ethernet address of a VMAC, and of what lies below it.
fn own(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let capture = Capture::start(&one);
    let director = start(Vipd, &one, &instance(150, "use_vmac\n  garp_master_refresh 1", "10.0.0.100/24"));
    holds(&one, "10.0.0.100", true);
    wait_for("announcements after it was asked", LIMIT, || {
        let frames = capture.frames();
        let asked =
            frames.iter().position(|frame| frame.arp().is_some_and(|arp| arp.sender.is_unspecified()));
        let behind = frames.iter().skip(asked.unwrap_or(frames.len()));
        let count = behind.filter(|frame| frame.arp().is_some_and(|arp| arp.is_gratuitous())).count();
        if count > 2 { Ok(()) } else { Err(format!("{count}")) }
    });
    assert!(!director.process().log().contains("split brain"));
}
