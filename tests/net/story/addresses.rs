//! Virtual addresses with their options, and what happens to them and to their interfaces.

use super::stage::Stage;
use super::tracking::{instance, rival};
use super::{Story, story};
use crate::support::story::{otherwise, unsaid};

pub(super) const STORIES: &[Story] = &[
    story("addresses_with_options", options),
    story("excluded_addresses_and_other_interfaces", excluded),
    // keepalived announces what it could not set.
    story("an_address_that_the_kernel_refuses", refused)
        .but_for(|program, text| unsaid(program, text, "master", &["announced: 10.0.0.101 "])),
    // The address is set again, and announced; keepalived leaves the master state and enters it anew.
    story("an_address_that_was_taken", taken).but_for(|program, text| {
        let said = ["fifo:", "call:", "adverts:"];
        let text = unsaid(program, text, "the address was taken", &said);
        otherwise(program, text, "the address was taken", "100 4 times", "100 2 times")
    }),
    story("an_interface_is_deleted_and_made_again", deleted_and_made_again),
    story("an_interface_comes_back_as_another_kind", comes_back_as_another_kind),
    story("an_interface_comes_later", comes_later),
    // keepalived leaves the settings that its VMAC needed there.
    story("an_interface_gets_another_name", gets_another_name).but_for(|program, text| {
        let text = otherwise(program, text, "master", "eth1 ipv4 arp_announce 0", "eth1 ipv4 arp_announce 2");
        let text = otherwise(program, text, "*", "eth9 ipv4 arp_filter 1", "eth9 ipv4 arp_filter 0");
        otherwise(program, text, "*", "eth9 ipv4 arp_ignore 1", "eth9 ipv4 arp_ignore 0")
    }),
    story("secondaries_stay_when_their_primary_goes", promote_secondaries),
    story("announcements_again_and_again", refresh),
];

fn with(addresses: &str) -> String {
    instance(150, "").replace("10.0.0.100/24\n", addresses)
}

fn options(stage: &mut Stage<'_>) {
    stage.start(&with(
        "10.0.0.100/24 label eth0:vip
        10.5.2.1/24 brd + scope link
        10.0.0.102/24 brd - dev eth0
        10.0.0.103/32 brd 10.0.0.255 scope host
        10.0.0.104 peer 10.0.9.9/32
        10.5.0.1/24 noprefixroute
        10.5.1.1/24 preferred_lft 0
",
    ));
    stage.has("10.5.1.1", true);
    stage.pause("master");
}

fn excluded(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    let more = "virtual_ipaddress_excluded {
        10.0.0.110/24
        10.1.0.110/24 dev eth1
        2001:db8::110/64 dev eth1
        2001:db8::111/64 dev eth0 nodad preferred_lft 0
        2001:db8::112/128 dev eth0 home
    }";
    stage.start(&instance(150, more));
    stage.has("2001:db8::112", true);
    stage.pause("master");
    stage.peer(&rival(200));
    stage.has("2001:db8::112", false);
    stage.has("10.0.0.100", false);
    stage.pause("backup");
}

fn refused(stage: &mut Stage<'_>) {
    // One of the same network and a wider scope is there already.
    stage.start(&with("10.0.0.100/24\n 10.0.0.101/24 scope link\n"));
    stage.has("10.0.0.100", true);
    stage.pause("master");
}

fn taken(stage: &mut Stage<'_>) {
    stage.start(&instance(150, ""));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.run("ip address del 10.0.0.100/24 dev eth0");
    stage.pause("the address was taken");
}

fn deleted_and_made_again(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    stage.globals("dynamic_interfaces");
    stage.start(&instance(150, "").replace("eth0", "eth1").replace("10.0.0.100", "10.1.0.100"));
    stage.has("10.1.0.100", true);
    stage.pause("master");
    stage.run("ip link del eth1");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("deleted");
    stage.connect("eth1", "10.1.0.1/24");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("made again");
}

/// `allow_if_changes`: what was a cable comes back on top of another interface.
fn comes_back_as_another_kind(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    stage.network("eth2", "10.2.0.1/24", "10.2.0.2/24");
    stage.globals("dynamic_interfaces allow_if_changes");
    stage.start(&instance(150, "").replace("eth0", "eth1").replace("10.0.0.100", "10.1.0.100"));
    stage.has("10.1.0.100", true);
    stage.pause("a cable");
    let on_top_of = |stage: &mut Stage<'_>, base: &str| {
        stage.run("ip link del eth1");
        stage.told("INSTANCE \"VI\" FAULT 150");
        stage.pause("deleted");
        stage
            .run(&format!("ip link add eth1 link {base} address 02:00:00:00:01:01 type macvlan mode bridge"));
        stage.run("ip address add 10.1.0.1/24 dev eth1");
        stage.run("ip link set eth1 up");
        stage.told("INSTANCE \"VI\" MASTER 150");
        stage.has("10.1.0.100", true);
        stage.pause(&format!("on top of {base}"));
    };
    on_top_of(stage, "eth0");
    on_top_of(stage, "eth2");
}

fn comes_later(stage: &mut Stage<'_>) {
    stage.globals("dynamic_interfaces");
    stage.start(&instance(150, "").replace("eth0", "eth1").replace("10.0.0.100", "10.1.0.100"));
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("there is no interface");
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("it came");
}

fn promote_secondaries(stage: &mut Stage<'_>) {
    stage.with_sysctls();
    stage.one.sysctl("ipv4.conf.eth0.promote_secondaries", "0");
    let addresses = "10.5.0.1/24
        10.5.0.2/24
        10.5.0.3/24
";
    let config = |addresses: &str| instance(150, "promote_secondaries").replace("10.0.0.100/24\n", addresses);
    stage.start(&config(addresses));
    stage.has("10.5.0.3", true);
    stage.pause("master");
    stage.reload(&config("10.5.0.2/24\n        10.5.0.3/24\n"));
    stage.has("10.5.0.1", false);
    stage.pause("the first is gone");
}

fn refresh(stage: &mut Stage<'_>) {
    let more =
        "garp_master_delay 0\n garp_master_repeat 3\n garp_master_refresh 60\n garp_master_refresh_repeat 2";
    stage.start(&instance(150, more));
    stage.has("10.0.0.100", true);
    stage.pause("master");
}

/// keepalived's VMAC does not come back to life when the interface has its name again.
fn gets_another_name(stage: &mut Stage<'_>) {
    stage.network("eth1", "10.1.0.1/24", "10.1.0.2/24");
    stage.with_sysctls();
    let vmac = instance(150, "use_vmac vrrp.7\n virtual_routes {\n 10.8.1.0/24 via 10.1.0.9 dev eth1\n }");
    let plain = instance(150, "virtual_routes {\n 10.8.2.0/24 dev eth1 scope link\n }")
        .replace("VI", "PLAIN")
        .replace("virtual_router_id 7", "virtual_router_id 8")
        .replace("10.0.0.100", "10.1.0.108");
    let elsewhere =
        |text: String| text.replace("interface eth0", "interface eth1").replace("10.0.0.", "10.1.0.");
    stage.start(&(elsewhere(vmac) + &elsewhere(plain)));
    stage.has("10.1.0.100", true);
    stage.has("10.1.0.108", true);
    stage.pause("master");
    stage.run("ip link set eth1 name eth9");
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.told("INSTANCE \"PLAIN\" FAULT 150");
    stage.pause("eth1 is eth9");
}
