//! Virtual MAC addresses.

use super::Implementation;
use super::stage::Stage;
use super::tracking::{instance, rival};
use super::{Story, story};
use crate::support::story::otherwise;

pub(super) const STORIES: &[Story] = &[
    story("a_vmac", vmac).but_for(given_back),
    story("a_vmac_with_a_name_and_an_address", named).but_for(given_back),
    story("a_vmac_whose_adverts_leave_below", transmit_on_base).but_for(given_back),
    // 2.2.7 lets it answer for the addresses of the interface below, 2.4 does not. Both let it believe router
    // advertisements.
    story("a_vmac_over_ipv6", vmac_v6).but_for(|program, text| {
        let text = otherwise(program, text, "*", "vrrp.7 ipv4 arp_ignore 0", "vrrp.7 ipv4 arp_ignore 1");
        otherwise(program, text, "*", "vrrp.7 ipv6 accept_ra 1", "vrrp.7 ipv6 accept_ra 0")
    }),
    story("a_vmac_that_was_deleted", deleted),
    story("a_vmac_of_an_address_elsewhere", of_an_address),
    story("a_vmac_whose_base_loses_its_carrier", base_without_carrier),
    story("a_vmac_over_a_reload", reload),
];

/// 2.2.7 leaves the interface below as it has set it, and its requests name any address.
fn given_back(program: Implementation, text: String) -> String {
    let announce =
        |text, pause| otherwise(program, text, pause, "eth0 ipv4 arp_announce 0", "eth0 ipv4 arp_announce 2");
    let text = ["master", "backup", "master again"].into_iter().fold(text, announce);
    let text = otherwise(program, text, "stopped", "eth0 ipv4 arp_filter 1", "eth0 ipv4 arp_filter 0");
    otherwise(program, text, "stopped", "eth0 ipv4 arp_ignore 1", "eth0 ipv4 arp_ignore 0")
}

fn comes_and_goes(stage: &mut Stage<'_>, config: &str) {
    stage.with_sysctls();
    stage.start(config);
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.peer(&rival(200));
    stage.peer_has("10.0.0.100", true);
    stage.has("10.0.0.100", false);
    stage.pause("backup");
    stage.peer_stops();
    stage.has("10.0.0.100", true);
    stage.pause("master again");
}

fn vmac(stage: &mut Stage<'_>) {
    comes_and_goes(stage, &instance(150, "use_vmac"));
}

fn named(stage: &mut Stage<'_>) {
    comes_and_goes(stage, &instance(150, "use_vmac macvip 02:11:22:33:44:55"));
}

fn transmit_on_base(stage: &mut Stage<'_>) {
    comes_and_goes(stage, &instance(150, "use_vmac vrrp.x\n vmac_xmit_base"));
}

fn vmac_v6(stage: &mut Stage<'_>) {
    let v6 = |text: String| text.replace("10.0.0.100/24", "fe80::100/64\n        2001:db8::100/64");
    stage.with_sysctls();
    stage.start(&v6(instance(150, "use_vmac")));
    stage.has("2001:db8::100", true);
    stage.pause("master");
    stage.peer(&v6(rival(200)));
    stage.has("2001:db8::100", false);
    stage.pause("backup");
}

fn deleted(stage: &mut Stage<'_>) {
    stage.start(&instance(150, "use_vmac vrrp.7"));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.run("ip link del vrrp.7");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("deleted");
}

fn of_an_address(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    let more = "use_vmac\n use_vmac_addr\n virtual_ipaddress_excluded {\n 10.1.0.110/24 dev eth1\n }";
    stage.start(&instance(150, more));
    stage.has("10.1.0.110", true);
    stage.pause("master");
}

fn base_without_carrier(stage: &mut Stage<'_>) {
    stage.start(&instance(150, "use_vmac"));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.one.unplug();
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("no carrier");
    stage.one.plug_in();
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("carrier again");
}

fn reload(stage: &mut Stage<'_>) {
    stage.start(&instance(150, "use_vmac vrrp.7"));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.reload(&instance(140, "use_vmac vrrp.7").replace("10.0.0.100", "10.0.0.101"));
    stage.has("10.0.0.101", true);
    stage.pause("other priority and address");
    stage.reload(&instance(140, "").replace("10.0.0.100", "10.0.0.101"));
    stage.shows("ip link", "vrrp.7", false);
    stage.has("10.0.0.101", true);
    stage.pause("no VMAC");
}
