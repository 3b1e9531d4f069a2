//! What each kind of check is made of, and what decides where it says nothing.

use crate::check::config::{
    Checker, DnsRecord, FileCheck, Http, HttpProtocol, Password, Probe, RealServer, TrackWeight, Udp,
};
use crate::conf::diagnostic::codes;
use crate::conf::{LoadOptions, load_text};
use std::time::Duration;

/// The real server of a file with these lines in `virtual_server` and `real_server`, and what is reported: code and
/// line, that of `real_server` being 1.
fn load(vs: &str, rs: &str) -> (RealServer, Vec<(&'static str, u32)>) {
    let text = format!(
        "virtual_server 10.0.0.1 80 {{ \n lvs_sched rr \n lvs_method NAT \n protocol TCP \n {vs}\n\
         real_server 10.0.1.1 80 {{\n{rs}\n}} \n }}"
    );
    let zero = text[..text.find("real_server").unwrap()].lines().count() as u32;
    let loaded = load_text("test", text, &LoadOptions::default());
    let found = loaded.diagnostics.iter().filter(|d| !std::ptr::eq(d.code, &codes::NOT_CARRIED_OUT));
    let line = |d: &crate::conf::Diagnostic| loaded.sources.location(d.primary.span).line;
    let found = found.map(|d| (d.code.id, line(d) - zero)).collect();
    (loaded.config.unwrap().check.virtual_servers.remove(0).real_servers.remove(0), found)
}

/// The only check of a real server, which must be without fault.
fn check(rs: &str) -> Checker {
    let (mut server, found) = load("", rs);
    assert_eq!(found, [], "{rs}");
    assert_eq!(server.checkers.len(), 1, "{rs}");
    server.checkers.remove(0)
}

/// What is reported on a block of the real server.
fn found(rs: &str) -> Vec<(&'static str, u32)> {
    load("", rs).1
}

fn http(lines: &str) -> Http {
    let Probe::Http(http) = check(&format!("HTTP_GET {{\n{lines}\n}}")).probe else { panic!("{lines}") };
    *http
}

fn udp(lines: &str) -> Udp {
    let Probe::Udp(udp) = check(&format!("UDP_CHECK {{\n{lines}\n}}")).probe else { panic!("{lines}") };
    *udp
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_a_check_leaves_open_its_servers_decide_and_then_its_kind() {
    let timing = |vs: &str, rs: &str, check: &str| {
        let (server, found) = load(vs, &format!("{rs}\n{check}"));
        assert_eq!(found, [], "{vs} {rs} {check}");
        let s = server.checkers[0].schedule;
        (s.delay_loop.as_secs(), s.retry, s.delay_before_retry.as_secs(), s.warmup.as_secs())
    };
    assert_eq!(timing("", "", "TCP_CHECK {\n}"), (60, 1, 1, 60));
    assert_eq!(timing("", "", "DNS_CHECK {\n}"), (60, 3, 60, 60));
    assert_eq!(timing("", "", "HTTP_GET {\nurl {\npath /\n}\n}"), (60, 1, 3, 60));
    assert_eq!(timing("delay_loop 9\nretry 2", "", "DNS_CHECK {\n}"), (9, 2, 9, 9));
    assert_eq!(timing("delay_loop 9\nwarmup 8", "delay_loop 7", "DNS_CHECK {\n}"), (7, 3, 7, 8));
    assert_eq!(timing("retry 2", "retry 3", "TCP_CHECK {\nretry 0\ndelay_before_retry 5\n}"), (60, 0, 5, 60));

    let (server, _) =
        load("connect_timeout 2", "connect_timeout 1\nTCP_CHECK {\n}\nPING_CHECK {\nconnect_timeout 3\n}");
    assert_eq!(
        server.checkers.iter().map(|c| c.connect.timeout / 1000).collect::<Vec<_>>(),
        [SECOND / 1000, 3 * SECOND / 1000]
    );
}

#[test]
fn a_check_says_where_it_connects_to_and_from_where() {
    let check_there = check(
        "TCP_CHECK {\nconnect_ip 10.0.2.1\nconnect_port 81\nbindto 10.0.2.9\nbind_port 7\nbind_if eth1\nfwmark 3\n}",
    );
    let c = check_there.connect;
    assert_eq!(
        (check_there.to, c.bind_address),
        ("10.0.2.1:81".parse().unwrap(), Some("10.0.2.9".parse().unwrap()))
    );
    assert_eq!((c.bind_port, c.bind_if.as_deref(), c.fwmark), (Some(7), Some("eth1"), 3));
    assert_eq!(check("PING_CHECK {\n}").to, "10.0.1.1:80".parse().unwrap());
    assert_eq!(found("TCP_CHECK {\nconnect_ip fe80::1\n}"), [("V0213", 4)]);
    assert_eq!(found("TCP_CHECK {\nconnect_ip fe80::1\nbind_if eth0\n}"), []);
    assert_eq!(found("TCP_CHECK {\nconnect_ip 10.0.2.1\nbindto 2001:db8::1\n}"), [("V0205", 4)]);
}

#[test]
fn pages_take_the_host_of_whoever_names_one_last() {
    let hosts = |vs: &str, rs: &str, check: &str, url: &str| {
        let text = format!("{rs}\nHTTP_GET {{\n{check}\nurl {{\npath /\n{url}\n}}\n}}");
        let (server, found) = load(vs, &text);
        assert_eq!(found, []);
        let Probe::Http(http) = &server.checkers[0].probe else { panic!() };
        http.urls[0].virtual_host.as_deref().map(str::to_owned)
    };
    assert_eq!(hosts("", "", "", ""), None);
    assert_eq!(hosts("virtualhost a", "", "", "").as_deref(), Some("a"));
    assert_eq!(hosts("virtualhost a", "virtualhost b", "", "").as_deref(), Some("b"));
    assert_eq!(hosts("virtualhost a", "virtualhost b", "virtualhost c", "").as_deref(), Some("c"));
    assert_eq!(
        hosts("virtualhost a", "virtualhost b", "virtualhost c", "virtualhost d").as_deref(),
        Some("d")
    );
}

#[test]
fn a_page_says_what_must_come_back() {
    let h = http(
        "http_protocol 1.1\nfast_recovery\ntls_compliant\nurl {\npath /a\n}\nurl {\npath /b\nstatus_code 200 301-302\n\
         status_code 404\ndigest 640205b7b0fc66c1ea91c463fac6334d\ntls_compliant no\n}",
    );
    assert_eq!((h.tls, h.protocol, h.fast_recovery), (None, HttpProtocol::V11, true));
    let [a, b] = h.urls.as_slice() else { panic!() };
    assert_eq!((a.path.as_ref(), a.status_codes.as_slice(), a.digest), ("/a", [(200, 299)].as_slice(), None));
    assert_eq!((a.tls_compliant, b.tls_compliant), (true, false));
    assert_eq!(b.status_codes, [(200, 200), (301, 302), (404, 404)]);
    assert_eq!(b.digest.map(|d| (d[0], d[15])), Some((0x64, 0x4d)));
}

#[test]
fn a_regular_expression_has_options_in_whatever_order() {
    let h = http(
        "url {\npath /\nregex_no_match\nregex_options caseless dotall\nregex \"a b\"\nregex_min_offset 3\n\
         regex_max_offset 9\nregex_stack 1024 4096\n}",
    );
    let r = h.urls[0].regex.as_deref().unwrap();
    assert_eq!(
        (r.pattern.as_str(), r.no_match, r.options.as_slice()),
        ("a b", true, &["caseless".into(), "dotall".into()][..])
    );
    assert_eq!((r.min_offset, r.max_offset, r.stack), (3, Some(9), Some((1024, 4096))));
    assert!(http("url {\npath /\n}").urls[0].regex.is_none());
    let url = |lines| found(&format!("HTTP_GET {{\nurl {{\npath /\n{lines}\n}}\n}}"));
    assert_eq!(url("regex_no_match"), [("V0216", 5)]);
    assert_eq!(url("regex a\nregex_options caselss"), [("V0216", 6)]);
    assert_eq!(url(r#"regex "\\d+\\.\n""#), []);
    assert_eq!(url(r#"regex "v\d""#), [("V0429", 5)]);
    assert_eq!(url(r#"regex "\y\\y""#), [("V0423", 5)]);
    assert_eq!(url("regex a\nregex_max_offset 1\nregex_min_offset 2"), [("V0216", 6)]);
    assert_eq!(url("regex a\nregex_stack 2 1"), [("V0216", 6)]);
    assert_eq!(url("regex a\nregex_min_offset -1"), [("V0216", 6)]);
}

#[test]
fn a_check_of_pages_without_any_is_left_out() {
    let (server, found) = load("", "HTTP_GET {\nurl {\nstatus_code 200\n}\n}");
    assert_eq!((server.checkers.len(), found), (0, vec![("V0213", 5), ("V0213", 6)]));
}

#[test]
fn what_a_page_expects_is_judged() {
    let url = |line: &str| found(&format!("HTTP_GET {{\nurl {{\npath /\n{line}\n}}\n}}"));
    for code in ["99", "600", "200-199", "abc", "200-"] {
        assert_eq!(url(&format!("status_code {code}")), [("V0204", 5)], "{code}");
    }
    assert_eq!(url("digest 640205"), [("V0203", 5)]);
    assert_eq!(
        url("digest 640205b7b0fc66c1ea91c463fac6334d\ndigest 640205b7b0fc66c1ea91c463fac6334d"),
        [("V0214", 6)]
    );
    assert_eq!(found("HTTP_GET {\nnb_get_retry 2\nurl {\npath /\n}\n}"), [("V0212", 3)]);
}

#[test]
fn tls_may_name_the_host_in_its_handshake() {
    let c = check("SSL_GET {\nenable_sni\nsni_name www.example.com\nurl {\npath /\n}\n}");
    let Probe::Http(http) = c.probe else { panic!() };
    let tls = http.tls.unwrap();
    assert_eq!((tls.sni, tls.sni_name.as_deref()), (true, Some("www.example.com")));
}

#[test]
fn http_2_is_asked_for_over_tls_alone() {
    let text = |kind: &str| format!("{kind} {{\nhttp_protocol 2\nurl {{\npath /\n}}\n}}");
    let Probe::Http(http) = check(&text("SSL_GET")).probe else { panic!() };
    assert_eq!(http.protocol, HttpProtocol::V2);
    assert_eq!(found(&text("HTTP_GET")), [("V0207", 3)]);
}

#[test]
fn a_mail_check_may_stand_for_several_hosts() {
    let hosts = |lines: &str| {
        let (server, found) = load("", &format!("SMTP_CHECK {{\n{lines}\n}}"));
        assert_eq!(found, []);
        let of = |c: &Checker| match &c.probe {
            Probe::Smtp { helo_name } => (helo_name.to_string(), c.to.to_string(), c.schedule.retry),
            other => panic!("{other:?}"),
        };
        server.checkers.iter().map(of).collect::<Vec<_>>()
    };
    let default = "smtpchecker.keepalived.org".to_owned();
    assert_eq!(hosts(""), [(default.clone(), "10.0.1.1:80".to_owned(), 1)]);
    assert_eq!(
        hosts("helo_name me\nretry 4\nhost {\nconnect_port 25\n}\nhost {\nconnect_ip 10.0.1.2\n}"),
        [("me".to_owned(), "10.0.1.1:25".to_owned(), 4), ("me".to_owned(), "10.0.1.2:80".to_owned(), 4)]
    );
    assert_eq!(
        hosts("connect_port 26\nhost {\nconnect_port 25\n}"),
        [(default.clone(), "10.0.1.1:25".to_owned(), 1), (default, "10.0.1.1:26".to_owned(), 1)]
    );
}

#[test]
fn a_name_is_asked_for() {
    let dns = |lines: &str| {
        let Probe::Dns(dns) = check(&format!("DNS_CHECK {{\n{lines}\n}}")).probe else { panic!("{lines}") };
        (dns.record, dns.name.to_string())
    };
    assert_eq!(dns(""), (DnsRecord::Soa, ".".to_owned()));
    assert_eq!(dns("type aaaa\nname www.example.com"), (DnsRecord::Aaaa, "www.example.com".to_owned()));
    assert_eq!(found("DNS_CHECK {\ntype PTR\n}"), [("V0207", 3)]);
    assert_eq!(found("DNS_CHECK {\nname a..b\n}"), [("V0208", 3)]);
    assert_eq!(found("DNS_CHECK {\nname ab\nname cd\n}"), [("V0214", 4)]);
}

#[test]
fn a_datagram_is_written_in_hexadecimal() {
    assert_eq!(udp(""), Udp { payload: None, reply: None });
    let u = udp("payload 01fF \"2 3a\"\nrequire_reply 0X 5\nmin_reply_length 2\nmax_reply_length 9");
    assert_eq!(u.payload.as_deref(), Some([0x01, 0xff, 0x02, 0x3a].as_slice()));
    let reply = u.reply.unwrap();
    assert_eq!((reply.data, reply.mask), (vec![0x00, 0x05], vec![0xf0, 0xff]));
    assert_eq!((reply.min_length, reply.max_length), (2, 9));
    assert_eq!(udp("require_reply").reply.unwrap().max_length, 255);
    assert_eq!(found("UDP_CHECK {\npayload\n}"), [("V0211", 3)]);
    assert_eq!(found("UDP_CHECK {\npayload 0X\n}"), [("V0203", 3)]);
    assert_eq!(found("UDP_CHECK {\nrequire_reply \"\"\n}"), [("V0203", 3)]);
    assert_eq!(found("UDP_CHECK {\nmin_reply_length 300\nrequire_reply\n}"), [("V0204", 5)]);
}

#[test]
fn an_expression_that_is_not_well_formed_is_left_out() {
    let text = "HTTP_GET {\nurl {\npath /\nregex \"a(b\"\n}\n}";
    let (server, found) = load("", text);
    let Probe::Http(http) = &server.checkers[0].probe else { panic!() };
    assert_eq!((http.urls[0].regex.as_deref(), found), (None, vec![("V0423", 5)]));
}

#[test]
fn what_pcre2_refuses_is_shown_where_it_stopped() {
    let read = |regex: &str| {
        let text = format!(
            "virtual_server 10.0.0.1 80 {{\nlvs_sched rr\nreal_server 10.0.1.1 80 {{\nHTTP_GET {{\nurl {{\npath /\n{regex}\n}}\n}}\n}}\n}}\n"
        );
        let loaded = load_text("keepalived.conf", text, &LoadOptions::default());
        let found = loaded.diagnostics.iter().find(|d| d.code.id == "V0423");
        found.map(|d| (d.message.clone(), loaded.sources.text(d.primary.span).to_owned()))
    };
    let said = |why: &str, at: &str| {
        let message =
            format!("PCRE2 refuses this regular expression: {why}; the page is not compared with it");
        Some((message, at.to_owned()))
    };
    assert_eq!(read(r#"regex "x\\d[z-a]y""#), said("range out of order in character class", "-"));
    assert_eq!(read("regex (a"), said("missing closing parenthesis", "a"));
    assert_eq!(read(r#"regex "(\x41""#), said("missing closing parenthesis", r"\x41"));
    // Where quotes stand within the word, the whole of it.
    assert_eq!(read(r#"regex (a" b"c"#), said("missing closing parenthesis", r#"(a" b"c"#));
    assert_eq!(read("regex []\nregex_options allow_empty_class"), None);
}

/// The same with what stands at the top of the file, above it and below.
fn around(above: &str, rs: &str, below: &str) -> (Vec<Checker>, Vec<(&'static str, u32)>) {
    let text = format!(
        "{above}\nvirtual_server 10.0.0.1 80 {{\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.0.1.1 80 \
         {{\n{rs}\n}}\n}}\n{below}\n"
    );
    let zero = text[..text.find("real_server").unwrap()].lines().count() as u32;
    let loaded = load_text("test", text, &LoadOptions::default());
    let found = loaded.diagnostics.iter().filter(|d| d.code != &codes::NOT_CARRIED_OUT);
    let found = found
        .map(|d| (d.code.id, loaded.sources.location(d.primary.span).line.saturating_sub(zero)))
        .collect();
    (loaded.config.unwrap().check.virtual_servers.remove(0).real_servers.remove(0).checkers, found)
}

#[test]
fn a_file_is_watched_with_a_weight() {
    let file = "track_file F {\nfile /etc/hostname\n}\nvrrp_track_file G {\nfile /etc/hostname\n}\n\
                track_file H {\nfile /etc/hostname\nweight -7 reverse\n}";
    let check = |lines: &str| {
        let (mut checkers, found) = around(file, &format!("FILE_CHECK {{\n{lines}\n}}"), "");
        (checkers.pop().map(|c| c.probe), found)
    };
    let is = |lines: &str, name: &str, (weight, reverse): (i32, bool)| {
        let weight = TrackWeight { weight, reverse };
        let file = FileCheck { track_file: name.into(), path: "/etc/hostname".into(), weight };
        assert_eq!(check(lines), (Some(Probe::File(file)), vec![]), "{lines}");
    };
    is("track_file F", "F", (1, false));
    is("track_file H", "H", (-7, true));
    is("track_file G\nweight -5", "G", (-5, false));
    is("weight 2147483647 reverse\ntrack_file F", "F", (i32::MAX, true));
    is("weight 3 noreverse\ntrack_file F", "F", (3, false));
    assert_eq!(check("weight 3"), (None, vec![("V0213", 4)]));
    assert_eq!(check("track_file I"), (None, vec![("V0601", 3)]));
    assert_eq!(check("track_file F\nweight -2147483648").1, [("V0204", 4)]);
    assert_eq!(check("track_file F\nweight x").1, [("V0203", 4)]);
    assert_eq!(check("track_file F\nweight 1 backwards").1, [("V0207", 4)]);
    assert_eq!(check("track_file F\nweight").1, [("V0211", 4)]);
    let below = around("", "FILE_CHECK {\ntrack_file F\n}", file);
    assert_eq!(below, (vec![], vec![("V0601", 3)]), "keepalived reads from top to bottom");
}

#[test]
fn a_session_is_watched_by_its_name() {
    let instances = "bfd_instance A {\nneighbor_ip 10.0.0.2\n}\nbfd_instance B {\nneighbor_ip 10.0.0.3\n}";
    let check = |rs: &str| {
        let (checkers, found) = around(instances, rs, "");
        let names = checkers.into_iter().map(|c| match c.probe {
            Probe::Bfd { name } => (name.to_string(), c.schedule.alpha),
            other => panic!("{other:?}"),
        });
        (names.collect::<Vec<_>>(), found)
    };
    let bfd = |name: &str, alpha| (name.to_owned(), alpha);
    assert_eq!(
        check("BFD_CHECK {\nname A\n}\nBFD_CHECK {\nname B\nalpha\n}"),
        (vec![bfd("A", false), bfd("B", true)], vec![])
    );
    assert_eq!(
        check("BFD_CHECK {\nname A\n}\nBFD_CHECK {\nname A\n}"),
        (vec![bfd("A", false)], vec![("V0214", 6)])
    );
    assert_eq!(check("BFD_CHECK {\nname A\nname B\n}"), (vec![], vec![("V0214", 4)]));
    assert_eq!(check("BFD_CHECK {\nname C\n}"), (vec![], vec![("V0601", 3)]));
    assert_eq!(check("BFD_CHECK {\nname\n}"), (vec![], vec![("V0211", 3)]));
    assert_eq!(check("BFD_CHECK {\nname A B\n}"), (vec![], vec![("V0211", 3)]));
    assert_eq!(check("BFD_CHECK {\n}"), (vec![], vec![("V0213", 3)]));
}

#[test]
fn a_program_decides_within_its_time() {
    let misc = |vs: &str, lines: &str| {
        let (mut server, found) = load(vs, &format!("MISC_CHECK {{\n{lines}\n}}"));
        let check = server.checkers.pop().map(|c| (c.probe, c.schedule.retry));
        let check = check.map(|(probe, retry)| match probe {
            Probe::Misc(misc) => (misc.command.argv.join("|"), misc.dynamic, misc.timeout.as_secs(), retry),
            other => panic!("{other:?}"),
        });
        (check, found)
    };
    let is = |argv: &str, dynamic, timeout, retry| (Some((argv.to_owned(), dynamic, timeout, retry)), vec![]);
    assert_eq!(misc("", "misc_path /bin/true"), is("/bin/true", false, 60, 0));
    assert_eq!(
        misc("delay_loop 7", "misc_path \"/bin/true 'a b' c\"\ndelay_loop 3"),
        is("/bin/true|a b|c", false, 7, 0)
    );
    assert_eq!(
        misc("retry 2", "misc_dynamic\nmisc_timeout 4\nmisc_path /bin/true"),
        is("/bin/true", true, 4, 2)
    );
    assert_eq!(misc("", "misc_dynamic"), (None, vec![("V0213", 4)]));
    assert_eq!(misc("", "misc_path"), (None, vec![("V0211", 3)]));
    assert_eq!(misc("", "misc_path /bin/true\nmisc_timeout 4295").1, [("V0204", 4)]);
    assert_eq!(misc("", "misc_path /bin/true\nuser").1, [("V0211", 4)]);
    assert_eq!(misc("", "misc_path /bin/true\nconnect_port 81").1, [("V0215", 4)]);
    assert_eq!(misc("", "misc_path /bin/true\nconnect_port 0").1, [("V0215", 4), ("V0204", 4)]);
}

#[test]
fn a_program_of_a_check_runs_as_somebody() {
    let run_as = |lines: &str| {
        let Probe::Misc(misc) = check(&format!("MISC_CHECK {{\nmisc_path /bin/true\n{lines}\n}}")).probe
        else {
            panic!()
        };
        misc.command.run_as.map(|r| (r.user, r.group))
    };
    assert_eq!(run_as(""), None);
    assert_eq!(run_as("user nobody"), Some(("nobody".to_owned(), None)));
    assert_eq!(run_as("user nobody adm"), Some(("nobody".to_owned(), Some("adm".to_owned()))));
}

#[test]
fn who_logs_in_has_what_it_takes() {
    for right in [
        "REDIS_CHECK {\npassword x\n}",
        "REDIS_CHECK {\nuser u\npassword x\n}",
        "MYSQL_CHECK {\nuser u\n}",
        "PGSQL_CHECK {\nuser u\nrole primary\n}",
        "LDAP_CHECK {\nuser u\npassword x\n}",
    ] {
        assert!(found(right).is_empty(), "{right}");
    }
    for wrong in [
        "REDIS_CHECK {\nuser u\n}",
        "MYSQL_CHECK {\npassword x\n}",
        "MYSQL_CHECK {\nmax_lag 5\n}",
        "PGSQL_CHECK {\nrole primary\n}",
        "LDAP_CHECK {\nuser u\n}",
        "LDAP_CHECK {\npassword x\n}",
    ] {
        assert!(matches!(found(wrong)[..], [("V0213", _)]), "{wrong}");
    }
}

#[test]
fn a_password_may_stand_in_a_file_and_is_not_shown() {
    let of = |line: &str| {
        let c = check(&format!("REDIS_CHECK {{\npassword {line}\n}}"));
        let Probe::Redis(redis) = &c.probe else { panic!() };
        (redis.login.password.clone(), format!("{c:?}"))
    };
    let (password, shown) = of("himitsu");
    assert_eq!(password, Some(Password::Text("himitsu".into())));
    assert!(!shown.contains("himitsu"), "{shown}");
    assert_eq!(of("file:/etc/redis.pass").0, Some(Password::File("/etc/redis.pass".into())));
}
