//! Where checks go, how often, and which services a group makes.

use super::*;

#[test]
fn a_schedule_comes_from_the_check_the_real_server_or_the_virtual_server() {
    let real = "real_server 10.0.0.9 {\nretry 4\ndelay_loop 7\nTCP_CHECK {\ndelay_loop 8\nconnect_port 99\n}\nTCP_CHECK {\n}\n}\n\
                real_server 10.0.0.10 8080 {\nalpha\nTCP_CHECK {\nalpha no\nretry 0\nconnect_ip 10.1.1.1\nbindto 10.1.1.2\n\
                bind_port 1024\nfwmark 3\nlog_all_failures\n}\n}";
    let lines =
        "protocol TCP\ndelay_loop 6\nwarmup 0\ndelay_before_retry 2.5\nconnect_timeout 4\nretry 2\nweight 5";
    let (v, found) = server("10.0.0.1 80", lines, real);
    assert_eq!(found, [""; 0]);
    let [a, b] = v.real_servers.as_slice() else { panic!() };
    assert_eq!((a.address.port(), a.weight, a.alpha), (80, 5, false));
    assert_eq!(a.checkers[0].to, "10.0.0.9:99".parse().unwrap());
    assert_eq!((a.checkers[0].schedule.delay_loop, a.checkers[0].schedule.retry), (8 * SECOND, 4));
    assert_eq!((a.checkers[1].schedule.delay_loop, a.checkers[1].to), (7 * SECOND, a.address));
    assert_eq!((b.address.port(), b.alpha), (8080, true));
    let check = &b.checkers[0];
    assert_eq!(
        (check.schedule.retry, check.schedule.alpha, check.schedule.log_all_failures),
        (0, false, true)
    );
    assert_eq!(check.schedule.warmup, Duration::ZERO);
    assert_eq!(check.schedule.delay_before_retry, Duration::from_millis(2500));
    assert_eq!((check.to, check.connect.timeout), ("10.1.1.1:8080".parse().unwrap(), 4 * SECOND));
    assert_eq!(
        (check.connect.bind_address, check.connect.bind_port),
        (Some("10.1.1.2".parse().unwrap()), Some(1024))
    );
    assert_eq!(check.connect.fwmark, 3);
}

#[test]
fn a_group_is_a_service_for_each_of_its_entries() {
    let (v, found) = server("group G", "protocol UDP\nops", "real_server 10.0.0.9 {\n}");
    assert_eq!(found, ["V0414"], "10.0.1.0/30 has no port");
    assert_eq!((v.name.as_str(), v.persistence_timeout), ("[G]:0", 360));
    assert_eq!(v.flags, ServiceFlags::ONE_PACKET);
    let shown: Vec<String> = v
        .endpoints
        .iter()
        .map(|e| match e {
            Endpoint::Address(address) => address.to_string(),
            Endpoint::Fwmark { mark, family } => format!("{mark} {family:?}"),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "10.0.0.1:80",
            "10.0.0.2:81",
            "10.0.0.3:81",
            "10.0.0.4:81",
            "10.0.1.0:0",
            "10.0.1.1:0",
            "10.0.1.2:0",
            "10.0.1.3:0",
            "7 V4"
        ]
    );
}

#[test]
fn a_firewall_mark_has_no_protocol_and_no_ports() {
    let real = "real_server 2001:db8::9 80 {\nlvs_method DR\n}";
    let (v, found) = server("fwmark 5", "protocol TCP", real);
    assert_eq!(found, ["V0410", "V0415"]);
    assert_eq!((v.name.as_str(), v.real_servers[0].address.port()), ("FWM 5", 0));
    let Some(Endpoint::Fwmark { mark: 5, family: Family::V6 }) = v.endpoints.first() else { panic!() };
}

/// Beside the port in the kernel, where checks go; those that have no port to go to are said and left out. All but the
/// fourth and fifth as keepalived 2.2.7 has it, which connects to port 0 there.
#[test]
fn a_check_goes_to_the_port_that_its_server_names_and_never_to_port_0() {
    for (service, method, named, kernel, checked, expected) in [
        ("fwmark 5", "DR", "80", 0, Some(80), vec!["V0415"]),
        ("fwmark 5", "TUN", "80", 0, Some(80), vec!["V0415"]),
        ("fwmark 5", "NAT", "80", 80, Some(80), vec![]),
        ("fwmark 5", "DR", "", 0, None, vec!["V0430"]),
        ("10.0.0.1 80", "DR", "", 80, Some(80), vec![]),
        ("10.0.0.1 80", "DR", "8080", 80, Some(8080), vec!["V0415"]),
        ("10.0.0.1 80", "TUN", "8080", 80, Some(8080), vec!["V0415"]),
        ("10.0.0.1 80", "NAT", "8080", 8080, Some(8080), vec![]),
        ("10.0.0.1 0", "DR", "8080", 0, Some(8080), vec!["V0415"]),
        ("10.0.0.1 0", "NAT", "8080", 8080, Some(8080), vec![]),
        ("10.0.0.1", "NAT", "", 0, None, vec!["V0430"]),
        ("group G", "DR", "80", 80, Some(80), vec!["V0415"]),
        ("group G", "TUN", "", 0, None, vec!["V0430"]),
        ("group ONE", "DR", "", 0, Some(443), vec![]),
        ("group ONE", "NAT", "", 0, Some(443), vec![]),
    ] {
        let real = format!("real_server 10.0.0.9 {named} {{\nlvs_method {method}\nTCP_CHECK {{\n}}\n}}");
        let (mut v, found) = server(service, "persistence_timeout 50\nlvs_sched rr", &real);
        let found: Vec<&str> = found.into_iter().filter(|code| *code != "V0409").collect();
        let real = v.real_servers.remove(0);
        assert_eq!(found, expected, "{service} {method} {named}");
        assert_eq!(real.address.port(), kernel, "{service} {method} {named}");
        let to = real.checkers.first().map(|check| check.to.port());
        assert_eq!(to, checked, "{service} {method} {named}");
    }
}

#[test]
fn only_checks_that_have_no_port_at_all_are_left_out() {
    let real = "real_server 10.0.0.9 {\nlvs_method DR\nTCP_CHECK {\nconnect_port 81\n}\nTCP_CHECK {\n}\n\
                PING_CHECK {\n}\nSMTP_CHECK {\nhost {\nconnect_port 25\n}\nhost {\n}\n}\n}";
    let (v, found) = server("fwmark 5", "", real);
    let found: Vec<&str> = found.into_iter().filter(|code| *code != "V0901").collect();
    assert_eq!(found, ["V0430", "V0430"]);
    let ports: Vec<u16> = v.real_servers[0].checkers.iter().map(|c| c.to.port()).collect();
    assert_eq!(ports, [81, 0, 25], "TCP, PING, SMTP");
}
