//! Sync groups on two links, with keepalived as the peer: one link of the master fails, and both instances move.

use super::*;

/// Two routers that meet on eth0 and, over a switch of its own, on eth1.
fn on_two_links(lab: &Lab) -> (Host, Host) {
    let (one, two) = (lab.host("one", "10.0.0.1/24"), lab.host("two", "10.0.0.2/24"));
    let switch = lab.host("other", "10.0.0.3/24");
    switch.configure(&["link add br1 type bridge", "link set br1 up"]);
    for (host, address) in [(&one, "10.1.0.1/24"), (&two, "10.1.0.2/24")] {
        let port = host.name();
        switch.configure(&[
            &format!("link add {port} type veth peer name eth1 netns {}", host.namespace()),
            &format!("link set {port} master br1"),
            &format!("link set {port} up"),
        ]);
        host.configure(&[&format!("address add {address} dev eth1"), "link set eth1 up"]);
    }
    (one, two)
}

fn group(priority: u8) -> String {
    let instance = |name: &str, interface: &str, vrid: u8| {
        format!(
            "vrrp_instance {name} {{\n  interface {interface}\n  virtual_router_id {vrid}\n  priority {priority}\n  \
             virtual_ipaddress {{\n    10.{vrid}.0.100/24\n  }}\n}}\n"
        )
    };
    let instances = instance("VI_1", "eth0", 7) + &instance("VI_2", "eth1", 8);
    format!("{instances}vrrp_sync_group G {{\n  group {{\n    VI_1\n    VI_2\n  }}\n}}\n")
}

pub(super) fn one_link_fails(lab: &Lab, program: Implementation) {
    let (one, two) = on_two_links(lab);
    let capture = Capture::start(&two);
    let first = start(program, &one, &group(150));
    for address in ["10.7.0.100", "10.8.0.100"] {
        holds(&one, address, true);
    }
    let second = start(Keepalived, &two, &group(100));
    wait_for("the peer to listen", LIMIT, || {
        let log = second.process().log();
        if log.contains("BACKUP STATE") { Ok(()) } else { Err(log) }
    });
    one.run("ip link set eth1 down");
    for address in ["10.7.0.100", "10.8.0.100"] {
        holds(&one, address, false);
        holds(&two, address, true);
    }
    // eth0 works: its instance says that it leaves.
    capture.wait_advert("an advert of priority 0", Duration::ZERO, LIMIT, |a| a.priority == 0);
    let log = first.process().log();
    assert!(log.contains("VRRP_Group(G) Syncing instances to FAULT state"), "{log}");
    one.run("ip link set eth1 up");
    for address in ["10.7.0.100", "10.8.0.100"] {
        holds(&two, address, false);
        holds(&one, address, true);
    }
    let zeros = capture.adverts().iter().filter(|(_, a)| a.priority == 0).count();
    // Whoever leaves to a better one says nothing; and each in FAULT says it once.
    assert_eq!(zeros, 1, "{:?}", capture.adverts());
    let log = first.process().log();
    for state in ["BACKUP", "MASTER"] {
        assert!(log.contains(&format!("VRRP_Group(G) Syncing instances to {state} state")), "{log}");
    }
    for state in ["BACKUP", "MASTER", "FAULT"] {
        for instance in ["VI_1", "VI_2"] {
            assert!(
                log.contains(&format!("({instance}) Entering {state} STATE")),
                "{instance} {state}: {log}"
            );
        }
    }
}

pub(super) fn late_start(lab: &Lab, program: Implementation) {
    let (one, _two) = on_two_links(lab);
    let capture = Capture::start(&one);
    let config = "global_defs {\n  vrrp_startup_delay 2\n}\n".to_owned() + &group(254);
    let director = start(program, &one, &config);
    let told = |what: &str| {
        wait_for(format_args!("`{what}` in the log"), LIMIT, || {
            let log = director.process().log();
            if log.contains(what) { Ok(()) } else { Err(log) }
        });
    };
    told("Delaying startup for 2 seconds");
    // The delay, and three intervals after it.
    let (at, _) = capture.wait_advert("an advert", Duration::ZERO, LIMIT, |_| true);
    assert!(at > Duration::from_secs(5), "{at:?}");
    told("VRRP_Group(G) Syncing instances to MASTER state");
    holds(&one, "10.8.0.100", true);
}
