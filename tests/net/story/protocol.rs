//! Elections, and the ways to speak.

use super::stage::Stage;
use super::tracking::{instance, rival};
use super::{Story, story};
use crate::support::story::{otherwise, unsaid};

pub(super) const STORIES: &[Story] = &[
    story("alone_and_stopped", alone),
    story("the_better_comes_and_goes", better_comes_and_goes),
    story("the_better_comes_and_dies", better_comes_and_dies),
    story("a_better_backup_does_not_preempt", nopreempt),
    story("preemption_is_delayed", preempt_delay),
    // 2.2.7 tells of BACKUP first.
    story("the_owner_takes_over_at_once", owner).but_for(|program, text| {
        let backup =
            ["fifo: INSTANCE \"VI\" BACKUP", "call: notify: INSTANCE VI BACKUP", "call: notify_backup"];
        unsaid(program, text, "*", &backup)
    }),
    story("two_halves_of_a_network_meet_again", two_masters),
    // keepalived announces the instance's own source when it leaves FAULT.
    story("unicast_over_ipv4", unicast_v4)
        .but_for(|program, text| unsaid(program, text, "master again", &["announced: 10.0.0.1 "])),
    // 2.2.7 leaves the addresses where they are.
    story("a_reload_gives_a_unicast_master_a_vmac", unicast_gets_a_vmac).but_for(|program, text| {
        let pause = "with a VMAC";
        let text = unsaid(program, text, pause, &["address: eth0 10.0.0.100"]);
        let (last, moved) =
            ("address: eth0 fe80::ff:fe00:1/64 scope link", "address: vrrp.7 10.0.0.100/24 scope global");
        let text = otherwise(program, text, pause, last, &format!("{last}\n{moved}"));
        let (first, told) = ("link: lo up", "announced: 10.0.0.100 from 00:00:5e:00:01:07 2 times");
        otherwise(program, text, pause, first, &format!("{told}\n{first}"))
    }),
    story("unicast_over_ipv6", unicast_v6)
        .but_for(|program, text| unsaid(program, text, "master again", &["announced: 2001:db8::1 "])),
    story("passwords", passwords),
    story("an_authentication_header", authentication_header),
    story("version_3_over_ipv4", version_3),
    story("version_3_over_ipv6", version_3_over_ipv6),
    story("strict_mode", strict),
    story("strict_mode_drops_what_departs_from_the_rfc", strict_drops),
    story("strict_mode_of_one_instance_over_ipv6", strict_v6),
    story("another_group_and_source", other_group),
    story("a_startup_delay", startup_delay),
];

fn alone(stage: &mut Stage<'_>) {
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.pause("master");
    stage.stop();
    stage.pause("stopped");
}

fn master_then_rival(stage: &mut Stage<'_>, own: &str, rival: &str) {
    stage.start(own);
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.peer(rival);
    stage.peer_has("10.0.0.100", true);
    stage.has("10.0.0.100", false);
    stage.pause("backup");
}

fn better_comes_and_goes(stage: &mut Stage<'_>) {
    master_then_rival(stage, &instance(150, ""), &rival(200));
    stage.peer_stops();
    stage.has("10.0.0.100", true);
    stage.pause("master again");
}

fn better_comes_and_dies(stage: &mut Stage<'_>) {
    master_then_rival(stage, &instance(150, ""), &rival(200));
    stage.peer_dies();
    stage.has("10.0.0.100", true);
    stage.pause("master again");
}

fn nopreempt(stage: &mut Stage<'_>) {
    stage.peer(&rival(120));
    stage.peer_has("10.0.0.100", true);
    stage.start(&instance(150, "nopreempt"));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.pause("backup, though better");
    stage.peer_stops();
    stage.has("10.0.0.100", true);
    stage.pause("master");
}

fn preempt_delay(stage: &mut Stage<'_>) {
    stage.peer(&rival(120));
    stage.peer_has("10.0.0.100", true);
    stage.start(&instance(150, "preempt_delay 3"));
    stage.told("INSTANCE \"VI\" BACKUP 150");
    stage.pause("it waits");
    stage.has("10.0.0.100", true);
    stage.pause("master");
}

fn owner(stage: &mut Stage<'_>) {
    stage.peer(&rival(120));
    stage.peer_has("10.0.0.100", true);
    stage.start(&instance(255, ""));
    stage.has("10.0.0.100", true);
    stage.peer_has("10.0.0.100", false);
    stage.pause("master");
    stage.one.unplug();
    stage.told("INSTANCE \"VI\" FAULT 255");
    stage.pause("fault");
    stage.one.plug_in();
    stage.told("INSTANCE \"VI\" MASTER 255");
    stage.pause("master again");
}

fn two_masters(stage: &mut Stage<'_>) {
    stage.start(&instance(150, "notify_master_rx_lower_pri {dir}other"));
    stage.has("10.0.0.100", true);
    stage.peer(&rival(120));
    stage.pause("master");
    stage.part();
    stage.peer_has("10.0.0.100", true);
    stage.pause("two masters");
    stage.join();
    stage.peer_has("10.0.0.100", false);
    stage.pause("one master");
}

fn unicast(
    stage: &mut Stage<'_>,
    config: impl Fn(u8, &str, &str) -> String,
    ones: &str,
    twos: &str,
    vip: &str,
) {
    stage.start(&config(150, ones, twos));
    stage.has(vip, true);
    stage.peer(&config(120, twos, ones).replace("{notify}", ""));
    stage.pause("master");
    stage.one.unplug();
    stage.peer_has(vip, true);
    stage.told("INSTANCE \"VI\" FAULT 150");
    stage.pause("no carrier");
    stage.one.plug_in();
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.peer_has(vip, false);
    stage.pause("master again");
}

fn unicast_v4(stage: &mut Stage<'_>) {
    let config = |priority, own: &str, other: &str| {
        instance(priority, &format!("unicast_src_ip {own}\n unicast_peer {{\n {other}\n }}"))
    };
    unicast(stage, config, "10.0.0.1", "10.0.0.2", "10.0.0.100");
}

fn unicast_gets_a_vmac(stage: &mut Stage<'_>) {
    let config = |more: &str| {
        let unicast = "unicast_src_ip 10.0.0.1\n unicast_peer {\n 10.0.0.2\n }";
        instance(150, &format!("{unicast}\n {more}"))
    };
    stage.start(&config(""));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.reload(&config("use_vmac"));
    stage.shows("ip link", "vrrp.7", true);
    stage.pause("with a VMAC");
}

fn unicast_v6(stage: &mut Stage<'_>) {
    for (host, address) in [(&stage.one, "2001:db8::1/64"), (&stage.two, "2001:db8::2/64")] {
        host.run(&format!("ip address add {address} dev eth0 nodad"));
    }
    let config = |priority, own: &str, other: &str| {
        let peers = format!("unicast_src_ip {own}\n unicast_peer {{\n {other}\n }}");
        instance(priority, &peers).replace("10.0.0.100/24", "2001:db8::100/64")
    };
    unicast(stage, config, "2001:db8::1", "2001:db8::2", "2001:db8::100");
}

fn passwords(stage: &mut Stage<'_>) {
    let with = |word: &str| format!("authentication {{\n auth_type PASS\n auth_pass {word}\n }}");
    let rival = |word: &str| instance(200, &with(word)).replace("{notify}", "");
    stage.start(&instance(150, &with("secret")));
    stage.has("10.0.0.100", true);
    stage.peer(&rival("other"));
    stage.peer_has("10.0.0.100", true);
    stage.pause("another password");
    stage.peer_stops();
    stage.peer(&rival("secret"));
    stage.peer_has("10.0.0.100", true);
    stage.has("10.0.0.100", false);
    stage.pause("the same password");
}

fn authentication_header(stage: &mut Stage<'_>) {
    let with = "authentication {\n auth_type AH\n auth_pass secret\n }";
    let own = instance(150, with);
    master_then_rival(stage, &own, &instance(200, with).replace("{notify}", ""));
    stage.peer_stops();
    stage.has("10.0.0.100", true);
    stage.pause("master again");
}

fn version_3(stage: &mut Stage<'_>) {
    let own = instance(150, "version 3\n advert_int 0.5");
    // A backup takes the master's interval.
    let rival = instance(200, "version 3\n advert_int 0.2").replace("{notify}", "");
    master_then_rival(stage, &own, &rival);
    stage.peer_dies();
    stage.has("10.0.0.100", true);
    stage.pause("master again");
}

fn version_3_over_ipv6(stage: &mut Stage<'_>) {
    let v6 = |text: String| text.replace("10.0.0.100/24", "fe80::100/64\n        2001:db8::100/64");
    stage.start(&v6(instance(150, "")));
    stage.has("2001:db8::100", true);
    stage.pause("master");
    stage.peer(&v6(rival(200)));
    stage.peer_has("2001:db8::100", true);
    stage.has("2001:db8::100", false);
    stage.pause("backup");
    stage.peer_stops();
    stage.has("2001:db8::100", true);
    stage.pause("master again");
}

fn strict(stage: &mut Stage<'_>) {
    stage.globals("vrrp_strict\n vrrp_iptables");
    stage.start(&instance(150, "version 3"));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    stage.peer(&instance(200, "version 3").replace("{notify}", ""));
    stage.peer_has("10.0.0.100", true);
    stage.has("10.0.0.100", false);
    stage.pause("backup");
}

fn strict_drops(stage: &mut Stage<'_>) {
    stage.globals("vrrp_strict\n vrrp_iptables");
    let more = "state MASTER\n accept\n preempt_delay 5\n down_timer_adverts 9\n garp_lower_prio_repeat 3\n \
                authentication {\n auth_type PASS\n auth_pass secret\n }";
    stage.start(&instance(150, more));
    stage.has("10.0.0.100", true);
    stage.pause("master");
    // It has no password either, and is no better.
    stage.peer(&rival(100));
    stage.pause("a worse one");
    stage.peer_stops();
    stage.peer(&rival(200));
    stage.has("10.0.0.100", false);
    stage.pause("backup");
    stage.peer_dies();
    stage.has("10.0.0.100", true);
    stage.pause("master again");
}

fn strict_v6(stage: &mut Stage<'_>) {
    stage.globals("vrrp_iptables");
    let v6 = |text: String| text.replace("10.0.0.100/24", "2001:db8::100/64");
    stage.shows("ip -6 address show dev eth0 tentative", "inet6", false);
    stage.start(&v6(instance(150, "strict_mode\n version 2")));
    stage.has("2001:db8::100", true);
    stage.pause("master");
    stage.peer(&v6(rival(200)));
    stage.has("2001:db8::100", false);
    stage.pause("backup");
}

fn other_group(stage: &mut Stage<'_>) {
    stage.globals("vrrp_mcast_group4 224.0.0.99");
    stage.run("ip address add 10.0.0.11/24 dev eth0");
    let more = "mcast_src_ip 10.0.0.11";
    let rival = instance(200, "mcast_dst_ip 224.0.0.99").replace("{notify}", "");
    master_then_rival(stage, &instance(150, more), &rival);
}

fn startup_delay(stage: &mut Stage<'_>) {
    stage.globals("vrrp_startup_delay 3");
    stage.peer(&rival(120));
    stage.peer_has("10.0.0.100", true);
    stage.start(&instance(150, ""));
    stage.told("INSTANCE \"VI\" MASTER 150");
    stage.peer_has("10.0.0.100", false);
    stage.pause("master");
}
