use crate::check::config::{Endpoint, VirtualServer};
use crate::conf::diagnostic::codes;
use crate::conf::{Config, InterfaceKind, LoadOptions, load_text};
use crate::ipvs::model::{Forward, Netmask, Protocol, ServiceFlags, Tunnel, TunnelFlags, TunnelKind};
use crate::net::Family;
use crate::vrrp::config::{Auth, InitialState, Instance, Version};
use std::time::Duration;

fn load(text: &str) -> (Option<Config>, Vec<&'static str>) {
    let loaded = load_text("test", text, &LoadOptions::default());
    (loaded.config, loaded.diagnostics.iter().map(|d| d.code.id).collect())
}

fn instance(lines: &str) -> (Instance, Vec<&'static str>) {
    // Version 3 can't be without.
    let none = if lines.contains("virtual_ipaddress {") { "" } else { "no_virtual_ipaddress" };
    let (config, found) = load(&format!(
        "vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\n{lines}\n{none}\nvirtual_ipaddress_excluded {{\n10.9.9.9\n}}\n}}"
    ));
    (config.unwrap().vrrp.instances.remove(0), found)
}

fn server(line: &str, lines: &str, real: &str) -> (VirtualServer, Vec<&'static str>) {
    let (config, found) = load(&format!(
        "virtual_server_group G {{\n10.0.0.1 80\n10.0.0.2-4 81\n10.0.1.0/30\nfwmark 7\n}}\n\
         virtual_server_group ONE {{\n10.0.0.8 443\n10.0.0.9-11 443\nfwmark 8\n}}\n\
         virtual_server {line} {{\nlvs_sched rr\nlvs_method NAT\n{lines}\n{real}\n}}"
    ));
    (config.unwrap().check.virtual_servers.remove(0), found)
}

mod checks;
mod twice;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_instance_without_more_has_keepalived_s_defaults() {
    let (v, found) = instance("");
    assert_eq!(found, [""; 0]);
    assert_eq!((v.state, v.priority, v.version), (InitialState::Backup, 100, Version::V2));
    assert_eq!((v.advert_int, v.auth, v.nopreempt, v.preempt_delay), (SECOND, None, false, Duration::ZERO));
    assert_eq!(v.garp, crate::vrrp::config::Garp::default());
    assert_eq!((v.source, v.mcast_dst_ip), (None, None));
}

#[test]
fn state_and_priority_follow_from_each_other() {
    let is = |lines, state, priority| {
        let (v, _) = instance(lines);
        assert_eq!((v.state, v.priority), (state, priority), "{lines}");
    };
    is("state MASTER", InitialState::Master, 255);
    is("priority 255", InitialState::Master, 255);
    is("state MASTER\npriority 150", InitialState::Master, 150);
    is("priority 0", InitialState::Backup, 100);
    is("state MASTER\nstate BACKUP\npriority 9", InitialState::Master, 9);
}

#[test]
fn advert_int_is_rounded_to_what_the_version_can_say() {
    let is = |lines, ms, codes: &[&str]| {
        let (v, found) = instance(lines);
        assert_eq!((v.advert_int, found.as_slice()), (Duration::from_millis(ms), codes), "{lines}");
    };
    is("advert_int 3", 3000, &[]);
    is("advert_int 0.1", 1000, &["V0210"]);
    is("advert_int 1.5", 2000, &["V0210"]);
    is("version 3\nadvert_int 0.01", 10, &[]);
    is("version 3\nadvert_int 1.234", 1230, &["V0210"]);
    is("version 3\nadvert_int 60", 40_950, &["V0210"]);
    is("advert_int 0.001", 1000, &["V0204"]);
    is("advert_int 256", 1000, &["V0204"]);
}

#[test]
fn an_ipv6_instance_speaks_version_3() {
    let text = |more| {
        format!(
            "global_defs {{\nvrrp_version 2\nvrrp_mcast_group6 ff02::99\n}}\nvrrp_instance V {{\ninterface eth0\n\
             virtual_router_id 1\n{more}\nvirtual_ipaddress {{\nfe80::1/64\n2001:db8::1/64\n10.0.0.1\n}}\n}}"
        )
    };
    let (config, found) = load(&text(""));
    let v = config.unwrap().vrrp.instances.remove(0);
    assert_eq!(found, ["V0306"], "the IPv4 address is left out");
    assert_eq!((v.version, v.addresses.len()), (Version::V3, 2));
    assert_eq!(v.mcast_dst_ip, Some("ff02::99".parse().unwrap()));
}

#[test]
fn global_defaults_reach_every_instance() {
    let (config, found) = load(
        "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\ngarp_master_repeat 2\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n\
         global_defs {\nrouter_id lb1\nvrrp_version 3\nvrrp_garp_master_delay 9\nvrrp_garp_master_repeat 0\n\
         vrrp_garp_master_refresh 60\nvrrp_garp_lower_prio_repeat 3\nvrrp_mcast_group4 224.0.0.99\n}",
    );
    let config = config.unwrap();
    assert_eq!(found, ["V0210"], "a repeat of 0 is taken as 1");
    assert_eq!(config.global.router_id.as_deref(), Some("lb1"));
    let v = &config.vrrp.instances[0];
    assert_eq!((v.version, v.mcast_dst_ip), (Version::V3, Some("224.0.0.99".parse().unwrap())));
    assert_eq!((v.garp.master_delay, v.garp.master_repeat), (9 * SECOND, 2));
    assert_eq!((v.garp.refresh, v.garp.refresh_repeat), (60 * SECOND, 1));
    assert_eq!((v.garp.lower_prio_delay, v.garp.lower_prio_repeat), (9 * SECOND, 3));
}

#[test]
fn authentication_belongs_to_version_2() {
    let auth = |lines: &str| {
        let (v, found) = instance(lines);
        (v.auth, found)
    };
    let block = |body: &str| format!("authentication {{\n{body}\n}}");
    let pass = block("auth_type PASS\nauth_pass secret12345");
    assert_eq!(auth(&pass), (Some(Auth::Pass(*b"secret12")), vec!["V0309"]));
    assert_eq!(auth(&block("auth_type PASS")), (None, vec!["V0310"]));
    assert_eq!(auth(&block("auth_pass secret")), (None, vec![]));
    assert_eq!(auth(&block("auth_type AH\nauth_pass secret")), (Some(Auth::Ah(*b"secret\0\0")), vec![]));
    assert_eq!(auth(&format!("version 3\n{}", block("auth_type PASS\nauth_pass a"))), (None, vec!["V0310"]));
    let (master, found) =
        instance(&format!("state MASTER\npriority 150\n{}", block("auth_type AH\nauth_pass secret")));
    assert_eq!((master.state, found), (InitialState::Backup, vec!["V0308"]), "it must hear one first");
}

#[test]
fn a_virtual_address_has_options() {
    let (v, found) = instance(
        "virtual_ipaddress {\n10.0.0.1\n10.0.0.2/24 brd + dev eth1 scope link label eth1:vip\n\
         10.0.0.3/24 broadcast 10.0.0.77\n10.0.0.4/24 brd -\n10.0.0.5 dev eth0 no_track\n10.0.0.6/32 brd +\n}",
    );
    assert_eq!(found, ["V0206"]);
    let shown: Vec<_> = v
        .addresses
        .iter()
        .map(|a| format!("{} {} {:?} {} {:?}", a.net, a.interface, a.broadcast, a.scope, a.label.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            "10.0.0.1/32 eth0 None 0 None",
            "10.0.0.2/24 eth1 Some(10.0.0.255) 253 Some(\"eth1:vip\")",
            "10.0.0.3/24 eth0 Some(10.0.0.77) 0 None",
            "10.0.0.4/24 eth0 Some(10.0.0.0) 0 None",
            "10.0.0.5/32 eth0 None 0 None",
            "10.0.0.6/32 eth0 None 0 None",
        ]
    );
}

#[test]
fn one_vrid_serves_both_families_and_other_interfaces() {
    let block = |name: &str, interface: &str, vip: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface {interface}\nvirtual_router_id 7\nvirtual_ipaddress {{\n{vip}\n}}\n}}\n"
        )
    };
    let three =
        block("A", "eth0", "10.0.0.1") + &block("B", "eth0", "fe80::1") + &block("C", "eth1", "10.0.0.2");
    let (config, found) = load(&three);
    assert_eq!((config.map(|c| c.vrrp.instances.len()), found), (Some(3), vec![]));
    let (config, found) = load(&(three + &block("D", "eth1", "10.0.0.9")));
    assert_eq!((config, found), (None, vec!["V0305"]));
}

/// As keepalived: they would hear each other.
#[test]
fn one_vrid_on_an_interface_and_on_a_macvlan_of_it_is_refused() {
    let base = |name: &str| matches!(name, "mv0" | "mv1").then(|| "eth0".to_owned());
    let options = LoadOptions { bases: Some(&base), ..LoadOptions::default() };
    let found = |first: &str, second: &str| {
        let second = vrrp_on(second).replace("_instance V", "_instance W").replace("10.0.0.1", "10.0.0.2");
        let loaded = load_text("test", vrrp_on(first) + &second, &options);
        loaded.diagnostics.first().map(|d| format!("{} {}", d.code.id, d.message))
    };
    let both = "V0305 (W) and (V) both use virtual_router_id 1 on eth0";
    assert_eq!(found("eth0", "mv0"), Some(format!("{both}, which mv0 is on top of")));
    assert_eq!(found("mv0", "mv1"), Some(format!("{both}, which mv1 is on top of")));
    assert_eq!(found("mv0", "eth0"), Some(both.to_owned()));
    assert_eq!(found("mv0", "eth1"), None);
    assert_eq!(found("mx", "eth0"), None, "its base is in another network namespace");
}

#[test]
fn an_instance_makes_its_own_interface() {
    let ask = |name: &str| {
        Some(if name == "eth0" { InterfaceKind::Usable { mtu: 1500 } } else { InterfaceKind::Missing })
    };
    let options = LoadOptions { interfaces: Some(&ask), ..LoadOptions::default() };
    let found = |global: &str, before: &str, dev: &str, behind: &str| {
        let text = format!(
            "global_defs {{\n{global}\n}}\nvrrp_instance V {{\n{before}\ninterface eth0\nvirtual_ipaddress {{\n10.0.0.1/24\n}}\n\
             virtual_routes {{\n10.1.0.0/16 dev {dev}\n}}\nvirtual_rules {{\nfrom 10.1.0.1 iif {dev} table 7\n}}\n\
             virtual_router_id 51\n{behind}\n}}\n"
        );
        let loaded = load_text("keepalived.conf", text, &options);
        loaded.diagnostics.iter().filter(|d| d.code.id == codes::NO_SUCH_INTERFACE.id).count()
    };
    for (global, line, dev) in [
        ("", "use_vmac", "vrrp.51"),
        ("", "use_vmac", "vrrp6.51"),
        ("vmac_prefix v", "use_vmac", "v.51"),
        ("", "use_vmac vip", "vip"),
        ("", "use_ipvlan", "vrrp.51"),
    ] {
        assert_eq!(found(global, line, dev, ""), 0, "{line} {dev}");
        assert_eq!(found(global, "", dev, line), 0, "{line} {dev}");
        assert_eq!(found(global, "", dev, ""), 2, "{line} {dev}");
    }
    assert_eq!(found("", "use_vmac vip", "vrrp.51", ""), 2);
    assert_eq!(found("", "use_vmac", "vrrp.52", ""), 2);
}

#[test]
fn interfaces_are_asked_for_where_somebody_knows() {
    let ask = |name: &str| {
        Some(match name {
            "lo" => InterfaceKind::Loopback,
            "eth0" => InterfaceKind::Usable { mtu: 1500 },
            _ => InterfaceKind::Missing,
        })
    };
    let options = LoadOptions { interfaces: Some(&ask), ..LoadOptions::default() };
    let found = |interface: &str, dev: &str| {
        let text = format!(
            "vrrp_instance V {{\ninterface {interface}\nvirtual_router_id 1\nvirtual_ipaddress {{\n10.0.0.1 dev {dev}\n}}\n}}"
        );
        load_text("test", text, &options).diagnostics.iter().map(|d| d.code.id).collect::<Vec<_>>()
    };
    assert_eq!(found("eth0", "eth0"), [""; 0]);
    assert_eq!(found("eth1", "eth0"), ["V0312"]);
    assert_eq!(found("lo", "eth0"), ["V0314"]);
    assert_eq!(found("eth0", "eth9"), ["V0312"]);
    let elsewhere = format!("net_namespace blue\n{}", vrrp_on("eth1"));
    let loaded = load_text("test", elsewhere, &options);
    assert!(loaded.diagnostics.iter().all(|d| d.code.id == "V0901"), "{:?}", loaded.diagnostics);
}

fn vrrp_on(interface: &str) -> String {
    format!(
        "vrrp_instance V {{\ninterface {interface}\nvirtual_router_id 1\nvirtual_ipaddress {{\n10.0.0.1\n}}\n}}\n"
    )
}

#[test]
fn the_interface_says_how_many_addresses_an_advert_lists() {
    let found_in = |version: &str, mtu: Option<u32>, addresses: &[String]| {
        let ask = |_: &str| mtu.map(|mtu| InterfaceKind::Usable { mtu });
        let options = LoadOptions { interfaces: Some(&ask), ..LoadOptions::default() };
        let text = vrrp_on("eth0").replace("10.0.0.1\n", &addresses.concat());
        let text = text.replace("virtual_ipaddress", &format!("{version}\nvirtual_ipaddress"));
        let loaded = load_text("test", text, &options);
        let said = loaded.diagnostics.iter().filter(|d| std::ptr::eq(d.code, &codes::TOO_MANY_ADDRESSES));
        said.map(|d| d.message.split(';').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let found = |mtu, addresses: &[String]| found_in("", mtu, addresses);
    let v4: Vec<String> = (1..=254).map(|n| format!("10.0.0.{n}/24\n")).collect();
    let v6: Vec<String> = (1..=254).map(|n| format!("fe80::{n:x}/64\n")).collect();
    let most = |count: u32, mtu: u32| {
        vec![format!("(V) an advert lists at most {count} addresses on an interface of MTU {mtu}")]
    };
    assert_eq!(found(Some(1000), &v4), most(237, 1000), "as keepalived has it");
    assert_eq!(found_in("version 3", Some(1000), &v4), most(239, 1000), "without a password");
    assert_eq!(found(Some(1500), &v4), [""; 0]);
    assert_eq!(found(None, &v6), most(89, 1500), "where nobody knows");
    assert_eq!(found(Some(1280), &v6), most(76, 1280));
    assert_eq!(found(Some(9000), &v6), [""; 0]);
}

#[test]
fn methods_and_their_tunnels() {
    let method = |text: &str| {
        let real = format!("real_server 10.0.0.9 {{\nlvs_method {text}\n}}");
        let (v, found) = server("10.0.0.1 80", "protocol TCP", &real);
        (v.real_servers[0].forward, found)
    };
    let tunnel = |kind, port, flags| Forward::Tunnel(Tunnel { kind, port, flags });
    assert_eq!(method("DR"), (Forward::DirectRoute, vec![]));
    assert_eq!(method("TUN"), (tunnel(TunnelKind::Ipip, 0, TunnelFlags::empty()), vec![]));
    assert_eq!(
        method("TUN type gue port 6080 csum"),
        (tunnel(TunnelKind::Gue, 6080, TunnelFlags::CSUM), vec![])
    );
    assert_eq!(method("TUN type gre"), (tunnel(TunnelKind::Gre, 0, TunnelFlags::empty()), vec![]));
    for wrong in [
        "TUN type gue",
        "TUN port 7",
        "TUN type ipip csum",
        "TUN type gre remcsum",
        "TUN type vxlan",
        "ROUTE",
    ] {
        assert_eq!(method(wrong), (Forward::Masq, vec!["V0207"]), "{wrong}");
    }
}

#[test]
fn ports_differ_with_nat_only() {
    let ports = |method: &str, port: &str| {
        let real = format!("real_server 10.0.0.9 {port} {{\nlvs_method {method}\n}}");
        let (v, found) = server("10.0.0.1 80", "protocol TCP\nsorry_server 10.0.0.77", &real);
        (v.real_servers[0].address.port(), v.sorry_server.unwrap().address.port(), found)
    };
    assert_eq!(ports("NAT", "8080"), (8080, 80, vec![]));
    assert_eq!(ports("NAT", "0"), (80, 80, vec![]));
    assert_eq!(ports("DR", "8080"), (80, 80, vec!["V0415"]));
}

#[test]
fn servers_that_the_kernel_has_once_are_told() {
    let twice = |method: &str| {
        let real = format!(
            "real_server 10.0.0.9 8080 {{\nlvs_method {method}\n}}\nreal_server 10.0.0.9 80 {{\nlvs_method {method}\n}}"
        );
        let (v, found) = server("10.0.0.1 80", "protocol TCP", &real);
        (v.real_servers.len(), found)
    };
    assert_eq!(twice("NAT"), (2, vec![]));
    // As in keepalived, both are there; their port, and that they are one.
    assert_eq!(twice("DR"), (2, vec!["V0415", "V0415"]));
}

#[test]
fn persistence_flags_quorum_and_sorry_server() {
    let lines = "protocol sctp\npersistence_timeout\npersistence_granularity 255.255.255.0\npersistence_engine sip\n\
                 lb_algo mh\nmh-port\nmh-fallback\nquorum 3\nhysteresis 1\nalpha\nomega\ninhibit_on_failure\n\
                 sorry_server 10.0.0.77 8080\nsorry_server_inhibit\nsorry_server_lvs_method DR";
    let real = "real_server 10.0.0.9 80 {\nweight 2\nuthreshold 10\nlthreshold 5\n}\n\
                real_server 10.0.0.10 80 {\ninhibit_on_failure no\nalpha off\n}";
    let (v, found) = server("10.0.0.1 80", lines, real);
    assert_eq!(found, ["V0415"], "the sorry server's port, since it is reached by DR");
    assert_eq!((v.protocol, v.scheduler.as_str()), (Protocol::Sctp, "mh"));
    assert_eq!(v.flags, ServiceFlags::SCHED1 | ServiceFlags::SCHED2);
    assert_eq!(
        (v.persistence_timeout, v.persistence_granularity),
        (360, Some(Netmask::from_prefix(Family::V4, 24)))
    );
    assert_eq!(v.persistence_engine.as_deref(), Some("sip"));
    assert_eq!((v.quorum, v.hysteresis, v.alpha, v.omega), (3, 1, true, true));
    let sorry = v.sorry_server.unwrap();
    assert_eq!((sorry.address.port(), sorry.forward, sorry.inhibit), (80, Forward::DirectRoute, true));
    let [a, b] = v.real_servers.as_slice() else { panic!() };
    assert_eq!((a.weight, a.upper_threshold, a.lower_threshold), (2, 10, 5));
    assert_eq!((a.inhibit_on_failure, a.alpha), (true, true));
    assert_eq!((b.inhibit_on_failure, b.alpha), (false, false));
}

#[test]
fn extra_words_are_hinted_at_as_keepalived_passes_over_them() {
    let (v, found) = instance("nopreempt 1\npriority 7 8");
    assert_eq!((v.nopreempt, v.priority, found), (true, 7, vec!["V0202", "V0202"]));
}

#[test]
fn keys_and_certificates_are_in_the_config() {
    let text = "SSL {\nca /etc/ca.pem\ncertificate /etc/a.pem\nkey /etc/a.key\npassword \"x y\"\n}";
    let (config, found) = load(text);
    assert_eq!(found, [""; 0]);
    let ssl = config.unwrap().check.ssl;
    assert_eq!((ssl.ca.as_deref(), ssl.certificate.as_deref()), (Some("/etc/ca.pem"), Some("/etc/a.pem")));
    assert_eq!((ssl.key.as_deref(), ssl.password.as_deref()), (Some("/etc/a.key"), Some("x y")));
    assert_eq!(load("SSL {\nca\n}").1, ["V0211"]);

    let (config, found) = load(&format!("{text}\nSSL {{\nkey b\nkey c\n}}"));
    assert_eq!(found, ["V0218", "V0218"]);
    let ssl = config.unwrap().check.ssl;
    assert_eq!((ssl.ca, ssl.key.as_deref()), (None, Some("c")), "nothing is left of the first block");
}

#[test]
fn blocks_of_one_group_are_numbered_in_their_logs() {
    let real = "real_server 10.0.1.1 {\n}";
    let block = |protocol| {
        format!("virtual_server group G {{\nlvs_sched rr\nlvs_method NAT\nprotocol {protocol}\n{real}\n}}\n")
    };
    let (config, found) =
        load(&format!("virtual_server_group G {{\n10.0.0.1 80\n}}\n{}{}", block("TCP"), block("UDP")));
    let names: Vec<String> = config.unwrap().check.virtual_servers.into_iter().map(|v| v.name).collect();
    assert_eq!((names, found), (vec!["[G]:0".to_owned(), "[G]:1".to_owned()], vec![]));
}

#[test]
fn flags_of_a_scheduler_stand_below_its_name() {
    let flags = |lines| {
        let (v, found) =
            server("10.0.0.1 80", &format!("protocol TCP\n{lines}"), "real_server 10.0.1.1 {\n}");
        (v.flags, found)
    };
    assert_eq!(
        flags("lvs_sched sh\nsh-port\nsh-fallback\nhashed"),
        (ServiceFlags::SCHED1 | ServiceFlags::SCHED2, vec![])
    );
    assert_eq!(flags("lvs_sched mh\nmh-port"), (ServiceFlags::SCHED2, vec![]));
    assert_eq!(flags("sh-port\nlvs_sched sh"), (ServiceFlags::empty(), vec!["V0413"]));
    assert_eq!(flags("hashed"), (ServiceFlags::empty(), vec!["V0413"]));
}

#[test]
fn a_group_and_its_servers_are_of_one_family() {
    let (v4, v6) = ("real_server 10.0.1.1 {\n}\n", "real_server 2001:db8::1 {\n}\n");
    let found = |entries: &str, method: &str, servers: &str| {
        let (config, found) = load(&format!(
            "virtual_server_group G {{\n{entries}\n}}\nvirtual_server group G {{\nlvs_sched rr\nlvs_method {method}\n\
             protocol TCP\npersistence_timeout\n{servers}}}"
        ));
        (config.unwrap().check.virtual_servers.len(), found)
    };
    assert_eq!(found("10.0.0.1 80", "NAT", v4), (1, vec![]));
    assert_eq!(found("10.0.0.1 80", "NAT", v6), (0, vec!["V0419"]));
    assert_eq!(found("2001:db8::2 80", "NAT", v4), (0, vec!["V0419"]));
    assert_eq!(found("10.0.0.1 80\n2001:db8::2 80", "NAT", v4), (0, vec!["V0419"]));
    assert_eq!(found("10.0.0.1 80\n2001:db8::2 80", "TUN", &format!("{v4}{v6}")), (1, vec![]));
    assert_eq!(found("10.0.0.1 80\nfwmark 3 inet6", "NAT", v4), (0, vec!["V0419"]));
    assert_eq!(found("10.0.0.1 80\nfwmark 3", "NAT", v4), (1, vec![]));
    assert_eq!(
        found("10.0.0.1 80\n10.0.0.1-4 80\nfwmark 3\nfwmark 3", "NAT", v4),
        (1, vec!["V0424", "V0424"])
    );
}

#[test]
fn a_sorry_server_that_works_is_inhibited_as_its_real_server() {
    let sorry = |lines: &str, real: &str| {
        let lines = format!("protocol TCP\nsorry_server 10.0.1.1 80\n{lines}");
        let (v, found) = server("10.0.0.1 80", &lines, &format!("real_server 10.0.1.1 80 {{\n{real}\n}}"));
        (v.sorry_server.unwrap().inhibit, found)
    };
    assert_eq!(sorry("", ""), (false, vec![]));
    assert_eq!(sorry("sorry_server_inhibit", ""), (false, vec!["V0422"]));
    assert_eq!(sorry("", "inhibit_on_failure"), (true, vec!["V0422"]));
    assert_eq!(sorry("sorry_server_inhibit\ninhibit_on_failure", ""), (true, vec![]));
}

#[test]
fn suspension_needs_addresses() {
    let suspended = |line: &str| {
        let (v, found) =
            server(line, "ha_suspend\nsmtp_alert no\nsnmp_name web", "real_server 10.0.1.1 {\n}");
        assert_eq!((v.smtp_alert, v.snmp_name.as_deref()), (false, Some("web")));
        (v.ha_suspend, found.contains(&"V0418"))
    };
    assert_eq!(suspended("10.0.0.1 80"), (true, false));
    assert_eq!(suspended("fwmark 3"), (false, true));
    assert_eq!(suspended("group G"), (false, true), "it has a mark");
}

#[test]
fn mails_of_servers_follow_the_globals() {
    let mails = |global: &str, service: &str, real: &str| {
        let (config, _) = load(&format!(
            "global_defs {{\n{global}\n}}\nvirtual_server 10.0.0.1 80 {{\nprotocol TCP\n{service}\n\
             real_server 10.0.1.1 80 {{\n{real}\n}}\n}}"
        ));
        let service = config.unwrap().check.virtual_servers.remove(0);
        (service.smtp_alert, service.real_servers[0].smtp_alert)
    };
    assert_eq!(mails("", "", ""), (false, true), "as keepalived has it");
    assert_eq!(mails("smtp_alert", "", ""), (true, true));
    assert_eq!(mails("smtp_alert\nsmtp_alert_checker no", "", ""), (false, false));
    assert_eq!(mails("smtp_alert_checker yes", "smtp_alert no", "smtp_alert off"), (false, false));
    assert_eq!(mails("smtp_alert_vrrp no", "smtp_alert", ""), (true, true));
}

#[test]
fn scripts_of_servers_and_quorums_are_in_the_config() {
    let real = "real_server 10.0.1.1 {\nnotify_up \"/bin/up 'a b'\" nobody\nnotify_down /bin/down\nnotify_down /bin/other\n}";
    let (v, found) =
        server("10.0.0.1 80", "protocol TCP\nquorum_up \"/bin/q up\"\nquorum_down /bin/qd", real);
    assert_eq!(found, ["V0605"], "the first one counts");
    let argv = |c: &Option<Box<crate::command::Command>>| c.as_ref().unwrap().argv.join("|");
    assert_eq!((argv(&v.quorum_up), argv(&v.quorum_down)), ("/bin/q|up".to_owned(), "/bin/qd".to_owned()));
    let rs = &v.real_servers[0];
    assert_eq!(
        (argv(&rs.notify_up), argv(&rs.notify_down)),
        ("/bin/up|a b".to_owned(), "/bin/down".to_owned())
    );
    assert_eq!(rs.notify_up.as_ref().unwrap().run_as.as_ref().unwrap().user, "nobody");
}

#[test]
fn a_netmask_may_be_one_number() {
    let granularity = |said: &str| {
        let lines = format!("protocol TCP\npersistence_granularity {said}");
        let (vs, found) = server("10.0.0.1 80", &lines, "real_server 10.0.0.9 80 {\n}");
        (vs.persistence_granularity, found)
    };
    let mask = |octets: [u8; 4]| Some(Netmask::Mask(octets.into()));
    assert_eq!(granularity("255.255.255.0"), (mask([255, 255, 255, 0]), vec![]));
    assert_eq!(granularity("0xffffff00"), (mask([255, 255, 255, 0]), vec![]));
    assert_eq!(granularity("24"), (mask([0, 0, 0, 24]), vec!["V0427"]));
    assert_eq!(granularity("255.255"), (mask([255, 0, 0, 255]), vec!["V0426"]));
    assert_eq!(granularity("/24"), (None, vec!["V0206"]));
}

#[test]
fn bytes_that_are_no_utf_8_are_kept() {
    let plain = b"vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nauthentication {\nauth_type PASS\n\
        auth_pass Z\xfcrich\n}\nnotify \"/bin/x \xe4 '\xc3\xa4\\xa1'\"\nvirtual_ipaddress {\n10.0.0.1/24\n}\n}\n";
    // The second goes through an expansion.
    let expanded = {
        let at = plain.windows(2).position(|w| w == b"Z\xfc").unwrap();
        [b"$A=Z\xfc\n".as_slice(), &plain[..at], b"${A}", &plain[at + 2..]].concat()
    };
    for bytes in [plain.to_vec(), expanded] {
        let loaded = load_text("test", bytes, &LoadOptions::default());
        let instance = loaded.config.unwrap().vrrp.instances.remove(0);
        assert_eq!(instance.auth, Some(Auth::Pass(*b"Z\xfcrich\0\0")));
        let notify = instance.notify.any.clone().unwrap();
        let argv: Vec<_> = notify.argv.iter().map(|a| crate::raw::bytes(a).into_owned()).collect();
        assert_eq!(argv, [b"/bin/x".as_slice(), b"\xe4", b"\xc3\xa4\xa1"]);
    }
}
