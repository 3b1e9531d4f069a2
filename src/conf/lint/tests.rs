use crate::conf::diagnostic::Severity;
use crate::conf::{Lints, LoadOptions, Loaded, load_text};

const PAIR: &str = "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 7\n    priority 150\n    \
                    advert_int 2\n    virtual_ipaddress {\n        10.0.0.1/24\n        10.0.0.2/24\n    }\n}\n";

pub(super) fn linted(text: &str, lints: Lints<'_>) -> Loaded {
    load_text("keepalived.conf", text, &LoadOptions { lints: Some(lints), ..LoadOptions::default() })
}

/// Codes with the text that each points at.
fn advice(loaded: &Loaded) -> Vec<(&'static str, &str)> {
    loaded
        .diagnostics
        .iter()
        .filter(|d| d.code.id.starts_with("V08"))
        .map(|d| (d.code.id, loaded.sources.text(d.primary.span)))
        .collect()
}

fn against(own: &str, other: &str) -> Vec<String> {
    let other = load_text("b.conf", other, &LoadOptions::default()).config.unwrap();
    let loaded = linted(own, Lints { against: Some(("b.conf", &other)), ..Lints::default() });
    let pair = loaded.diagnostics.iter().filter(|d| ("V0845".."V0860").contains(&d.code.id));
    pair.map(|d| format!("{} {}", d.code.id, d.message)).collect()
}

#[test]
fn what_is_said_well_gets_no_advice() {
    assert_eq!(advice(&linted(PAIR, Lints::default())), []);
    let text = "virtual_server 10.0.0.1 80 {\n delay_loop 6\n lvs_sched rr\n lvs_method DR\n protocol TCP\n quorum 1\n\
                sorry_server 10.0.0.9 80\n real_server 10.0.0.2 80 {\n TCP_CHECK {\n }\n }\n \
                real_server 10.0.0.3 80 {\n TCP_CHECK {\n }\n }\n}\n";
    assert_eq!(advice(&linted(text, Lints::default())), []);
}

#[test]
fn a_virtual_router_gets_its_advice_at_the_place() {
    let text = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 7\n authentication {\n auth_type PASS\n \
                auth_pass x\n }\n virtual_ipaddress {\n 10.0.0.1\n 10.0.0.2/24\n 10.0.0.3 dev eth1\n }\n}\n";
    let loaded = linted(text, Lints::default());
    assert_eq!(
        advice(&loaded),
        [("V0802", "vrrp_instance VI_1"), ("V0803", "authentication"), ("V0801", "10.0.0.1")]
    );
    assert!(loaded.diagnostics[2].message.contains("10.0.0.1 (and 1 more) has no prefix length: /32"));
    assert_eq!(loaded.test_status(), 0, "advice is not keepalived's");
}

#[test]
fn services_by_group_and_by_mark_get_their_advice() {
    let server = |service: &str| {
        format!(
            "virtual_server {service} {{\n delay_loop 6\n lvs_sched rr\n lvs_method DR\n real_server 10.0.0.2 {{\n }}\n}}\n"
        )
    };
    let groups = "virtual_server_group G {\n fwmark 1\n}\nvirtual_server_group H {\n fwmark 2\n}\n";
    let text = [groups, &server("group H"), &server("group G"), &server("fwmark 3")].concat();
    let loaded = linted(&text, Lints::default());
    let lines = loaded.diagnostics.iter().filter(|d| d.code.id == "V0830");
    let lines: Vec<u32> = lines.map(|d| loaded.sources.location(d.primary.span).line).collect();
    assert_eq!(lines, [11, 18, 25], "{:?}", loaded.diagnostics);
}

#[test]
fn a_sync_group_moves_together() {
    let instance = |name: &str, vrid: u8, interval: u8| {
        PAIR.replace("VI_1", name)
            .replace("id 7", &format!("id {vrid}"))
            .replace("advert_int 2", &format!("advert_int {interval}"))
            .replace("10.0.0.", &format!("10.0.{vrid}."))
    };
    let group = "vrrp_sync_group G {\n group {\n A\n B\n }\n}\n";
    let same = [&instance("A", 1, 1), &instance("B", 2, 1), group].map(ToString::to_string).concat();
    assert_eq!(advice(&linted(&same, Lints::default())), []);
    let differs = [&instance("A", 1, 1), &instance("B", 2, 3), group].map(ToString::to_string).concat();
    assert_eq!(advice(&linted(&differs, Lints::default())), [("V0804", "B")]);
}

#[test]
fn a_virtual_server_gets_its_advice_at_the_place() {
    let text = "virtual_server 10.0.0.1 80 {\n lvs_sched rr\n lvs_method DR\n protocol TCP\n quorum 2\n\
                sorry_server 10.0.0.3 80\n real_server 10.0.0.2 80 {\n TCP_CHECK {\n }\n }\n \
                real_server 10.0.0.3 80 {\n weight 1\n }\n}\n";
    assert_eq!(
        advice(&linted(text, Lints::default())),
        [
            ("V0831", "virtual_server 10.0.0.1 80"),
            ("V0832", "quorum 2"),
            ("V0833", "sorry_server 10.0.0.3 80"),
            ("V0830", "real_server 10.0.0.3 80"),
        ]
    );
}

#[test]
fn services_of_one_address_are_told_apart_by_their_order() {
    let service = |protocol: &str, rest: &str| {
        format!(
            "virtual_server 10.0.0.1 53 {{\n lvs_sched rr\n lvs_method DR\n protocol {protocol}\n {rest}\n \
             real_server 10.0.0.2 53 {{\n TCP_CHECK {{\n }}\n }}\n}}\n"
        )
    };
    let text = service("TCP", "delay_loop 5") + &service("UDP", "");
    let loaded = linted(&text, Lints::default());
    let hints: Vec<_> = loaded.diagnostics.iter().filter(|d| d.code.id == "V0831").collect();
    assert_eq!(hints.len(), 1);
    assert!(hints[0].primary.span.start > 0, "the second block");
}

#[test]
fn directors_that_fit_together_are_not_talked_about() {
    assert_eq!(against(PAIR, &PAIR.replace("priority 150", "priority 100")), Vec::<String>::new());
    // Names and interfaces are each machine's own.
    let other = PAIR.replace("VI_1", "web").replace("eth0", "ens3").replace("150", "100");
    assert_eq!(against(PAIR, &other), Vec::<String>::new());
}

#[test]
fn what_must_be_equal_and_what_must_differ_is_said() {
    let other = PAIR
        .replace("id 7", "id 8")
        .replace("advert_int 2", "advert_int 1\n authentication {\n auth_type PASS\n auth_pass secret\n }")
        .replace("10.0.0.2/24", "10.0.0.3/24");
    let said = against(PAIR, &other);
    assert_eq!(
        said,
        [
            "V0849 (VI_1) authentication differs from b.conf",
            "V0846 (VI_1) virtual_router_id 7 is 8 in b.conf",
            "V0851 (VI_1) priority 150 is the same in b.conf",
            "V0848 (VI_1) advert_int 2 is 1 in b.conf",
            "V0850 (VI_1) virtual_ipaddress: 10.0.0.2/24 here, 10.0.0.3/24 in b.conf",
        ]
    );
    assert!(!said.concat().contains("secret"));
}

#[test]
fn an_instance_of_one_director_alone_is_named_on_either_side() {
    let two = PAIR.to_owned() + &PAIR.replace("VI_1", "VI_2").replace("id 7", "id 8");
    let one = PAIR.replace("priority 150", "priority 100");
    assert_eq!(
        against(&two, &one),
        ["V0845 (VI_2) no instance of b.conf has virtual_router_id 8, nor this name"]
    );
    assert_eq!(
        against(&one, &two),
        ["V0845 (VI_2) of b.conf, with virtual_router_id 8, has no partner in this file"]
    );
}

/// An instance with some lines more.
fn instance(lines: &str) -> String {
    PAIR.replace("    advert_int 2\n", &format!("{lines}\n"))
}

/// A virtual server with some lines more, and one real server.
fn service(lines: &str, real: &str) -> String {
    format!(
        "virtual_server 10.0.0.1 80 {{\ndelay_loop 6\nlvs_sched rr\nlvs_method DR\nprotocol TCP\n{lines}\n\
         real_server 10.0.9.2 80 {{\n{real}\n}}\n}}\n"
    )
}

const CHECK: &str = "TCP_CHECK {\n}";

/// Lints, each with a text that is all right without the line in question, and the place that it points at.
fn cases() -> Vec<(&'static str, String, &'static str)> {
    let pass = |word: &str| instance(&format!("authentication {{\nauth_type PASS\nauth_pass {word}\n}}"));
    let script = |lines: &str| {
        format!("vrrp_script s {{\nscript /bin/true\n{lines}\n}}\n") + &instance("track_script {\ns\n}")
    };
    let command = |command: &str| instance(&format!("notify_master {command}"));
    vec![
        ("V0806", instance("").replace("150", "255"), "priority 255"),
        ("V0807", pass("1111"), "1111"),
        ("V0808", instance("").replace("id 7", "id 51"), "51"),
        (
            "V0808",
            "global_defs {\nsmtp_server 127.0.0.1\nnotification_email {\nfailover@firewall.loc\n}\n}\n"
                .into(),
            "failover@firewall.loc",
        ),
        ("V0809", instance("advert_int 20"), "advert_int 20"),
        (
            "V0810",
            instance("") + &instance("").replace("VI_1", "VI_2").replace("id 7", "id 8"),
            "10.0.0.1/24",
        ),
        ("V0811", instance("").replace("10.0.0.1/24", "10.0.0.0/24"), "10.0.0.0/24"),
        ("V0811", instance("").replace("10.0.0.1/24", "10.0.0.255/24"), "10.0.0.255/24"),
        ("V0812", instance("mcast_src_ip 10.0.0.1"), "10.0.0.1"),
        ("V0813", instance("unicast_src_ip 10.0.0.8\nunicast_peer {\n10.0.0.8\n}"), "10.0.0.8"),
        ("V0814", "global_defs {\nvrrp_strict\n}\n".to_owned() + &instance(""), "vrrp_strict"),
        (
            "V0815",
            "static_ipaddress {\n10.0.0.8/24 dev eth0\n}\n".to_owned()
                + &instance("").replace("10.0.0.2/24", "10.0.1.2/24"),
            "10.0.1.2/24",
        ),
        ("V0816", instance("unicast_peer {\n10.0.0.9\n}"), "unicast_peer"),
        ("V0817", instance("notify_master /bin/n\nnotify_backup /bin/n"), "notify_backup /bin/n"),
        (
            "V0828",
            "global_defs {\nenable_script_security\n}\n".to_owned() + &script(""),
            "enable_script_security",
        ),
        ("V0829", "global_defs {\nnotification_email {\nme@example.net\n}\n}\n".into(), "notification_email"),
        (
            "V0842",
            service("", "HTTP_GET {\nurl {\npath /\nstatus_code 200\n}\n}").replace(" 80 ", " 443 "),
            "HTTP_GET",
        ),
        ("V0843", service("", CHECK).replace("protocol TCP", "protocol UDP"), "TCP_CHECK"),
        ("V0820", "vrrp_script s {\nscript /bin/true\n}\n".into(), "s"),
        ("V0821", script("interval 10\nfall 3"), "interval 10"),
        ("V0822", script("interval 2\ntimeout 5"), "timeout 5"),
        ("V0823", command("notify.sh"), "notify.sh"),
        ("V0824", command("\"/bin/a && /bin/b\""), "notify_master \"/bin/a && /bin/b\""),
        (
            "V0825",
            script("").replace("/bin/true", "\"/usr/bin/killall -0 haproxy\""),
            "\"/usr/bin/killall -0 haproxy\"",
        ),
        ("V0826", script("weight 120"), "track_script"),
        ("V0827", instance("smtp_alert"), "smtp_alert"),
        ("V0830", service("", "weight 1"), "real_server 10.0.9.2 80"),
        ("V0831", service("", CHECK).replace("delay_loop 6", ""), "virtual_server 10.0.0.1 80"),
        ("V0833", service("sorry_server 10.0.9.2 80", CHECK), "sorry_server 10.0.9.2 80"),
        ("V0834", service("", CHECK).replace("DR", "NAT"), "lvs_method NAT"),
        ("V0835", service("persistence_timeout 90000", CHECK), "persistence_timeout 90000"),
        ("V0836", service("", "TCP_CHECK {\nconnect_timeout 7\n}"), "connect_timeout 7"),
        ("V0837", service("", "weight 0\nTCP_CHECK {\n}"), "weight 0"),
        (
            "V0838",
            service(&format!("real_server 10.0.9.3 80 {{\nweight 3\n{CHECK}\n}}"), CHECK),
            "lvs_sched rr",
        ),
        ("V0839", service("", CHECK).replace("10.0.9.2", "10.0.0.1"), "real_server 10.0.0.1 80"),
        (
            "V0840",
            instance("") + &service("", CHECK).replace("10.0.0.1", "10.0.0.7"),
            "virtual_server 10.0.0.7 80",
        ),
        ("V0841", service("", "TCP_CHECK {\nconnect_port 81\n}"), "81"),
    ]
}

#[test]
fn each_lint_says_what_it_is_for_and_nothing_else_does() {
    for (code, text, place) in cases() {
        let loaded = linted(&text, Lints::default());
        let said = advice(&loaded);
        let expected = said.iter().filter(|(id, _)| *id == code).collect::<Vec<_>>();
        assert!(expected.contains(&&(code, place)), "{code}: {said:?} of\n{text}");
        // A password is readable, whatever it is.
        let others: Vec<_> = said.iter().filter(|(id, _)| *id != code && *id != "V0803").collect();
        assert!(others.is_empty(), "{code}: {others:?} of\n{text}");
        assert!(
            loaded
                .diagnostics
                .iter()
                .all(|d| !d.code.id.starts_with("V08") || d.code.severity == Severity::Hint)
        );
    }
}

#[test]
fn multicast_is_talked_about_where_the_cloud_is_known() {
    let cloud = Lints { cloud: Some("Amazon EC2"), ..Lints::default() };
    assert_eq!(advice(&linted(PAIR, cloud)), [("V0805", "interface eth0")]);
    assert_eq!(advice(&linted(&instance("unicast_src_ip 10.0.0.8\nunicast_peer {\n10.0.0.9\n}"), cloud)), []);
}

#[test]
fn a_weight_must_be_worth_more_than_the_priorities_differ_by() {
    let own = |weight: i32| {
        format!("vrrp_script s {{\nscript /bin/true\nweight {weight}\n}}\n")
            + &instance("track_script {\ns\n}")
    };
    let other = instance("").replace("150", "100");
    assert_eq!(against(&own(-60), &other), Vec::<String>::new());
    let said = against(&own(-50), &other);
    assert!(said.iter().any(|m| m.starts_with("V0855 (VI_1) weight -50 of `s`")), "{said:?}");
}

#[test]
fn directors_should_not_both_claim_to_be_the_master() {
    let master = instance("state MASTER");
    let said = against(&master, &master.replace("150", "100"));
    assert_eq!(said, ["V0853 (VI_1) state MASTER here and in b.conf"]);
    let backup = instance("").replace("150", "100");
    assert_eq!(against(&instance("nopreempt"), &backup), Vec::<String>::new());
    let said = against(&instance(""), &instance("nopreempt").replace("150", "100"));
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("V0856 (VI_1) nopreempt stands only in b.conf"), "{said:?}");
}

#[test]
fn each_director_must_be_a_peer_of_the_other() {
    let director = |source: &str, peers: &str, priority: &str| {
        instance(&format!("unicast_src_ip {source}\nunicast_peer {{\n{peers}\n}}")).replace("150", priority)
    };
    let a = director("10.0.0.8", "10.0.0.9\n10.0.0.7", "150");
    assert_eq!(against(&a, &director("10.0.0.9", "10.0.0.8\n10.0.0.7", "100")), Vec::<String>::new());
    assert_eq!(
        against(&a, &director("10.0.0.9", "10.0.0.6", "100")),
        [
            "V0858 (VI_1) 10.0.0.8, from which this sends, is no unicast_peer in b.conf",
            "V0858 (VI_1) unicast_peer 10.0.0.7 is not in b.conf",
            "V0858 (VI_1) unicast_peer 10.0.0.6 of b.conf is not here",
        ]
    );
    assert_eq!(
        against(&a, &director("10.0.0.5", "10.0.0.8\n10.0.0.7\n10.0.0.9", "100")),
        ["V0858 (VI_1) 10.0.0.5, from which b.conf sends, is no unicast_peer"]
    );
    assert_eq!(
        against(&a, &instance("").replace("150", "100")),
        ["V0858 (VI_1) adverts go by unicast here, by multicast in b.conf"]
    );
}

#[test]
fn a_service_of_one_director_alone_is_named() {
    let other = service("", CHECK).replace("10.0.0.1 80", "10.0.0.1 81");
    assert_eq!(
        against(&service("", CHECK), &other),
        [
            "V0857 virtual server [10.0.0.1]:tcp:81 of b.conf is not in this file",
            "V0857 virtual server [10.0.0.1]:tcp:80 is not in b.conf",
        ]
    );
}

#[test]
fn addresses_that_nobody_can_have_are_named() {
    let text = "vrrp_instance A {\n interface eth0\n virtual_router_id 7\n priority 101\n unicast_src_ip 0.0.0.0\n \
                unicast_peer {\n 127.0.0.1\n 224.0.0.18\n 10.0.0.9\n }\n virtual_ipaddress {\n 10.0.0.5/0\n \
                127.0.0.2/8\n 0.0.0.0/24\n 255.255.255.255/32\n 10.0.0.6/24\n }\n}\n";
    let loaded = linted(text, Lints::default());
    let found: Vec<_> = advice(&loaded).into_iter().filter(|(id, _)| *id == "V0811").collect();
    let words = ["127.0.0.1", "224.0.0.18", "10.0.0.5/0", "127.0.0.2/8", "0.0.0.0/24", "255.255.255.255/32"];
    let named: Vec<_> = found.iter().map(|(_, word)| *word).filter(|word| words.contains(word)).collect();
    assert_eq!(named, words, "{found:?}");
    assert!(found.iter().all(|(_, word)| !word.starts_with("10.0.0.9") && !word.starts_with("10.0.0.6")));

    let server = |method: &str| {
        format!(
            "virtual_server 10.0.0.1 80 {{\n delay_loop 6\n lvs_sched rr\n lvs_method {method}\n protocol TCP\n \
             real_server 127.0.0.1 80 {{\n TCP_CHECK {{\n }}\n }}\n real_server 0.0.0.0 80 {{\n TCP_CHECK {{\n }}\n }}\n}}\n"
        )
    };
    let named = |method: &str| {
        let loaded = linted(&server(method), Lints::default());
        let found = advice(&loaded).into_iter().filter(|(id, _)| *id == "V0811");
        found.map(|(_, word)| word.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(named("NAT"), ["127.0.0.1", "0.0.0.0"]);
    assert_eq!(named("DR"), ["0.0.0.0"], "this machine may be a server of its own");

    // Also where there is other advice on the same word; in groups, and where checks go.
    let text = "vrrp_instance A {\n interface eth0\n virtual_router_id 7\n virtual_ipaddress {\n 0.0.0.0\n }\n}\n\
                virtual_server_group g {\n 0.0.0.0-3 80\n 10.0.0.1-3 80\n fwmark 3\n}\n\
                virtual_server 10.0.0.1 80 {\n lvs_sched rr\n real_server 10.0.0.2 80 {\n TCP_CHECK {\n \
                connect_ip 224.0.0.5\n bindto 127.0.0.1\n }\n SMTP_CHECK {\n host {\n \
                connect_ip 255.255.255.255\n }\n }\n }\n}\n";
    let loaded = linted(text, Lints::default());
    let found: Vec<_> = advice(&loaded).into_iter().filter(|(id, _)| *id == "V0811").map(|f| f.1).collect();
    assert_eq!(found, ["0.0.0.0", "0.0.0.0-3", "224.0.0.5", "255.255.255.255"]);
}

#[test]
fn a_setting_given_twice_is_named_where_it_has_no_effect() {
    let text = PAIR.replace("    advert_int 2\n", "    advert_int 2\n    priority 120\n    advert_int 900\n");
    let loaded = linted(&text, Lints::default());
    let found: Vec<_> = loaded.diagnostics.iter().filter(|d| d.code.id == "V0844").collect();
    assert_eq!(found.len(), 1, "a second line that is wrong is reported as such");
    assert_eq!(loaded.sources.text(found[0].primary.span), "priority 150");
    assert_eq!(loaded.config.unwrap().vrrp.instances[0].priority, 120);
    let synonyms = "virtual_server 10.0.0.1 80 {\n lvs_method NAT\n lb_kind DR\n real_server 10.0.0.2 80 {\n weight 1\n \
                    weight 2\n inhibit_on_failure\n inhibit_on_failure\n }\n}\n";
    let loaded = linted(synonyms, Lints::default());
    let found: Vec<_> = advice(&loaded).into_iter().filter(|(id, _)| *id == "V0844").collect();
    assert_eq!(found, [("V0844", "lvs_method NAT"), ("V0844", "weight 1")]);
    let text = "virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80 {\n TCP_CHECK {\n fall 3\n retry 5\n }\n }\n}\n";
    let loaded = linted(text, Lints::default());
    let found: Vec<_> = loaded.diagnostics.iter().filter(|d| d.code.id == "V0844").collect();
    assert_eq!(found[0].message, "`fall` and `retry` set the same thing: this one has no effect");
    // In each kind of block, also where there is other advice on the line that counts.
    let text = "global_defs {\n router_id a\n router_id b\n include_check match\n include_check +read\n}\n\
                virtual_server 10.0.0.1 80 {\n real_server 10.0.0.2 80 {\n TCP_CHECK {\n connect_port 80\n \
                connect_port 81\n }\n HTTP_GET {\n url {\n path /\n path /b\n status_code 200\n \
                status_code 404\n }\n }\n }\n}\n";
    let loaded = linted(text, Lints::default());
    let found: Vec<_> = advice(&loaded).into_iter().filter(|(id, _)| *id == "V0844").map(|f| f.1).collect();
    assert_eq!(found, ["router_id a", "connect_port 80", "path /"]);
}

#[test]
fn adverts_that_not_every_network_carries_are_told_of() {
    let with = |count: usize| {
        let list: String = (0..count).map(|i| format!("  10.0.{}.{}/16\n", i / 200, i % 200 + 1)).collect();
        let text = format!(
            "vrrp_instance A {{\n interface eth0\n virtual_router_id 7\n priority 101\n virtual_ipaddress {{\n{list} }}\n}}\n"
        );
        advice(&linted(&text, Lints::default())).iter().any(|(id, _)| *id == "V0860")
    };
    assert!(!with(241) && with(242) && with(254));
}

#[test]
fn two_instances_that_use_one_parameter_get_their_findings_each() {
    let instance = |name: &str, id: u8| {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {id}\n priority 101\n virtual_ipaddress {{\n  $VIP\n }}\n}}\n"
        )
    };
    let text = format!("$VIP=10.0.0.1\n{}{}", instance("A", 1), instance("B", 2));
    let loaded = linted(&text, Lints::default());
    let found: Vec<_> = loaded.diagnostics.iter().filter(|d| d.code.id == "V0801").collect();
    assert_eq!(found.len(), 2);
    assert!(found[0].message.starts_with("(A) ") && found[1].message.starts_with("(B) "));
    assert!(found.iter().all(|d| !d.help.as_deref().unwrap_or_default().contains("expanded")));
}

#[test]
fn a_word_in_the_wrong_case_is_said_to_be_so() {
    let loaded = linted("virtual_server 10.0.0.1 80 {\n lb_kind nat\n}\n", Lints::default());
    let found = loaded.diagnostics.iter().find(|d| d.code.id == "V0207").unwrap();
    assert_eq!(found.message, "`nat` must be written `NAT`: capitals matter here");
    assert_eq!((found.help.as_deref(), found.instead.as_deref()), (None, Some("NAT")), "once is enough");
    let loaded = linted("virtual_server 10.0.0.1 80 {\n lb_kind masq\n}\n", Lints::default());
    let found = loaded.diagnostics.iter().find(|d| d.code.id == "V0207").unwrap();
    assert_eq!(found.message, "`masq` is none of NAT, DR, TUN");
}

#[test]
fn dynamic_interfaces_has_its_effect() {
    let text = "global_defs {\n dynamic_interfaces\n}\n";
    assert!(linted(text, Lints::default()).diagnostics.iter().all(|d| d.code.id != "V0901"));
}
