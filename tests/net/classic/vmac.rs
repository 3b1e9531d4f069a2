//! A virtual router with an Ethernet address of its own: a switch that is a bridge learns where it is.

use super::*;

const VIP: &str = "192.0.2.50";
const VMAC: &str = "00:00:5e:00:01:32";

pub(super) fn bridge(lab: &Lab, programs: Programs) {
    let (one, two) = (lab.host("router1", "192.0.2.2/24"), lab.host("router2", "192.0.2.3/24"));
    let client = lab.host("client", "192.0.2.9/24");
    for (router, program) in [(&one, programs.0), (&two, programs.1)] {
        if program == Keepalived {
            router.sysctl("ipv4.conf.eth0.arp_announce", "2");
        }
    }
    let configs = [example("vmac.conf", &[]), example("vmac.conf", &[SECOND])];
    let (first, second) = start_both(programs, (&one, &two), VIP, configs.clone());
    let is_behind = |host: &Host| {
        wait_for(format_args!("the bridge to see it behind {}", host.name()), LIMIT, || {
            let table = lab.switch(&["bridge", "fdb", "show", "br", "br0"]);
            let line = table.lines().find(|line| line.starts_with(VMAC)).unwrap_or_default();
            if line.contains(&format!("dev {} ", host.name())) { Ok(()) } else { Err(table) }
        });
        wait_for("an answer", LIMIT, || client.try_run(&format!("ping -c 1 -W 1 {VIP}")));
        client.run(&format!("ping -c 5 -i 0.2 -W 5 {VIP}"));
        assert_eq!(client.neighbour(VIP).as_deref(), Some(VMAC), "the client keeps what it knows");
    };
    is_behind(&one);
    first.terminate();
    is_behind(&two);
    let first = start(programs.0, &one, &configs[0]);
    is_behind(&one);
    // Without a goodbye, and with the cable.
    first.kill();
    one.unplug();
    is_behind(&two);
    let log = second.process().log();
    assert!(!log.contains("FAULT"), "{log}");
}
