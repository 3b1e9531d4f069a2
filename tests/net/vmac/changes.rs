//! What changes while VMACs are in use: their names, the interfaces around them, addresses that name them.

use super::*;

pub(super) fn tests() -> Vec<Test> {
    let both = [Keepalived, Vipd].into_iter().map(|program| {
        Test::new(
            format!("vmac::{program}::a_macvlan_that_comes_later_to_the_same_vrid_is_a_fault"),
            move |lab: &Lab| late_macvlan(lab, program),
        )
    });
    let ours = [
        Test::new("vmac::names_are_exchanged_by_a_reload", exchange),
        Test::new("vmac::an_address_of_ipv6_may_be_on_one_of_ipv4", ipv6_on_one_of_ipv4),
        Test::new("vmac::an_owners_address_below_is_told_of", owned_below),
    ];
    both.chain(ours).collect()
}

fn logged(director: &Director, text: &str, times: usize) {
    wait_for(format_args!("{times} times {text:?}"), LIMIT, || {
        let log = director.process().log();
        if log.matches(text).count() == times { Ok(()) } else { Err(log) }
    });
}

/// Nobody loses its addresses by it, and each line is of the instance that it is about.
fn exchange(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let config = |a: &str, b: &str| {
        let first = instance("A", 150, &format!("use_vmac {a}"), &["10.0.0.100/24"]);
        let second = instance("B", 150, &format!("use_vmac {b}"), &["10.0.0.101/24"]);
        first + &second.replace("virtual_router_id 51", "virtual_router_id 52")
    };
    let director = start(Vipd, &one, &config("a", "b"));
    shows(&one, "a", "10.0.0.100/24", true);
    shows(&one, "b", "10.0.0.101/24", true);
    director.reload(&config("b", "a"));
    shows(&one, "b", "10.0.0.100/24", true);
    shows(&one, "a", "10.0.0.101/24", true);
    shows(&one, "b", "00:00:5e:00:01:33", true);
    for (name, before, now) in [("A", "a", "b"), ("B", "b", "a")] {
        logged(&director, &format!("({name}) Success removing VMAC interface {before}"), 1);
        logged(&director, &format!("({name}): Success creating VMAC interface {now}"), 1);
    }
    director.reload(&config("c", "a"));
    shows(&one, "c", "10.0.0.100/24", true);
    let log = director.process().log();
    assert_eq!(log.matches("Entering MASTER STATE").count(), 2, "{log}");
    assert_eq!(log.matches("Entering BACKUP STATE").count(), 2, "{log}");
    assert!(!log.contains("FAULT") && !log.contains("Unable"), "{log}");
}

/// At start the configuration is refused.
fn late_macvlan(lab: &Lab, program: Implementation) {
    let one = lab.host("one", "10.0.0.1/24");
    let config = format!("global_defs {{\n  dynamic_interfaces\n}}\n{}", twice("mv0"));
    let capture = Capture::start(&one);
    let director = start(program, &one, &config);
    shows(&one, "eth0", "10.0.0.100/24", true);
    one.run("ip link add mv0 link eth0 type macvlan mode bridge");
    one.run("ip link set mv0 up");
    one.run("ip address add 10.0.9.2/24 dev mv0");
    logged(&director, "VRID conflict", 1);
    // Longer than a backup waits for its master: the other goes on alone.
    let last = |capture: &Capture| capture.adverts().last().map_or(Duration::ZERO, |(at, _)| *at);
    let later = last(&capture) + Duration::from_secs(5);
    capture.wait_advert("adverts of the first", later, LIMIT, |_| true);
    assert!(one.has_address("10.0.0.100") && !one.has_address("10.0.9.100"));
    logged(&director, "VRID conflict", 1);
}

/// keepalived refuses a device that it has not made yet.
fn ipv6_on_one_of_ipv4(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    let excluded = "use_vmac\n  virtual_ipaddress_excluded {\n    2001:db8::51/64 dev vrrp.51\n  }\n  \
                    virtual_routes {\n    10.9.0.0/16 dev vrrp.51\n  }";
    let director = start(Vipd, &one, &instance("V", 150, excluded, &["10.0.0.100/24"]));
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    shows(&one, "vrrp.51", "2001:db8::51/64", true);
    // Groups are listened to by the interface below.
    let rules = ruleset(&one).join("\n");
    assert!(rules.contains("mld"), "{rules}");
    let log = director.process().log();
    assert!(!log.contains("doesn't exist") && !log.contains("can't set"), "{log}");
    director.terminate();
    assert!(!one.has_address("2001:db8::51"));
}

/// RFC 9568 §8.1.2.
fn owned_below(lab: &Lab) {
    let one = lab.host("one", "10.0.0.100/24");
    let director = start(Vipd, &one, &instance("V", 255, "use_vmac", &["10.0.0.100/24"]));
    logged(&director, "(V) 10.0.0.100 is set on eth0, too", 1);
    shows(&one, "vrrp.51", "10.0.0.100/24", true);
    logged(&director, "(V) 10.0.0.100 is set on eth0, too", 1);
}
