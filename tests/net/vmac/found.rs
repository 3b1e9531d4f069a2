//! VMACs where something is there already: one that an earlier run has left, or another's with the same Ethernet address.

use super::*;
use crate::support::holds;

pub(super) fn left(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&[
        "link add left link eth0 address 00:00:5e:00:01:33 type macvlan mode private",
        "link set left up",
        "address add 10.0.0.100/24 dev left",
    ]);
    let director = start(Vipd, &one, &instance("V4", 100, "use_vmac", &["10.0.0.100/24"]));
    wait_for("the start in the log", LIMIT, || {
        let log = director.process().log();
        if log.contains("Entering BACKUP STATE (init)") { Ok(()) } else { Err(log) }
    });
    shows(&one, "left", "10.0.0.100/24", false);
    shows(&one, "left", "10.0.0.100/24", true);
    assert!(!one.run("ip link show").contains("vrrp.51"));
    director.terminate();
    shows(&one, "left", "left", false);
}

pub(super) fn occupied(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.configure(&[
        "link add link eth0 other address 00:00:5e:00:01:33 type macvlan mode bridge",
        "link set other up",
    ]);
    let director = start(Vipd, &one, &instance("VI", 150, "use_vmac", &["10.0.0.100/24"]));
    wait_for("a fault", LIMIT, || {
        let log = director.process().log();
        if log.contains("(VI) Entering FAULT STATE") { Ok(()) } else { Err(log) }
    });
    one.configure(&["link delete other"]);
    holds(&one, "10.0.0.100", true);
    let log = director.process().log();
    assert_eq!(log.matches("Unable to create VMAC").count(), 1, "{log}");
}
