//! The words of each report, and that what a probe says finds its words.

use super::*;

#[test]
fn a_reason_is_said_once() {
    let server = ServerName { address: "10.9.0.11:80".parse().unwrap(), protocol: Some(Protocol::Tcp) };
    let failure = || Failure::Reason("exited with status 1".into());
    let said = |check, report| {
        let report = Report::Check { check, server, vs: "V".into(), report };
        (report.to_string().contains("exited with"), report.failure().is_some())
    };
    let failed = || CheckReport::Failed { retries: 0, failure: failure() };
    let tried = || CheckReport::TryFailed { tries: 0, retries: 2, failure: failure() };
    for report in [failed(), tried()] {
        assert_eq!(said(CheckName::Misc("/m".into()), report), (true, false));
    }
    for report in [failed(), tried(), CheckReport::NotRun(failure())] {
        assert_eq!(said(CheckName::Tcp, report), (false, true));
    }
    assert_eq!(said(CheckName::Misc("/m".into()), CheckReport::NotRun(failure())), (false, true));
}

/// Lines that keepalived 2.2.7 wrote in the same situations.
#[test]
fn the_words_are_keepaliveds() {
    let server = ServerName { address: "10.9.0.11:80".parse().unwrap(), protocol: Some(Protocol::Tcp) };
    let vs = "[10.9.0.1]:tcp:80".to_string();
    let check = |check, report| Report::Check { check, server, vs: vs.clone(), report };
    let failed = |retries| check(CheckName::Tcp, CheckReport::Failed { retries, failure: Failure::Timeout });
    let misc = |report| check(CheckName::Misc("/tmp/m2".into()), report);
    let exited = || Failure::Reason("exited with status 1".into());
    let group = "[G]:0".to_string();
    for (report, line) in [
        (
            Report::Activated { server, vs: vs.clone() },
            "Activating healthchecker for service [10.9.0.11]:tcp:80 for VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::Suspended { server, vs: vs.clone(), starting: false },
            "Suspending healthchecker for service [10.9.0.11]:tcp:80 for VS [10.9.0.1]:tcp:80",
        ),
        (failed(0), "TCP_CHECK on service [10.9.0.11]:tcp:80 failed."),
        (failed(1), "TCP_CHECK on service [10.9.0.11]:tcp:80 failed after 1 retries."),
        (failed(2), "TCP_CHECK on service [10.9.0.11]:tcp:80 failed after 2 retries."),
        (check(CheckName::Tcp, CheckReport::Succeeded), "TCP connection to [10.9.0.11]:tcp:80 success."),
        (
            misc(CheckReport::Succeeded),
            "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] succeeded.",
        ),
        (
            misc(CheckReport::TryFailed { tries: 0, retries: 2, failure: exited() }),
            "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] failed, will do 2 retries (exited with \
             status 1).",
        ),
        (
            misc(CheckReport::TryFailed { tries: 1, retries: 2, failure: exited() }),
            "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] failed on retry 1/2 (exited with \
             status 1).",
        ),
        (
            misc(CheckReport::Failed { retries: 2, failure: exited() }),
            "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] failed after 2 retries (exited with \
             status 1).",
        ),
        (
            misc(CheckReport::Failed { retries: 0, failure: exited() }),
            "Misc check for [[10.9.0.11]:tcp:80 VS [10.9.0.1]:tcp:80] by [/tmp/m2] failed with retry disabled (exited \
             with status 1).",
        ),
        (
            check(CheckName::File("F".into()), CheckReport::Succeeded),
            "([10.9.0.11]:tcp:80): tracked file F leaving FAULT state",
        ),
        (
            Report::ServerDown { server, vs: vs.clone(), inhibit: false },
            "Removing service [10.9.0.11]:tcp:80 from VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::ServerDown { server, vs: vs.clone(), inhibit: true },
            "Disabling service [10.9.0.11]:tcp:80 of VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::ServerUp { server, vs: vs.clone(), inhibit: false },
            "Adding service [10.9.0.11]:tcp:80 to VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::ServerUp { server, vs: vs.clone(), inhibit: true },
            "Enabling service [10.9.0.11]:tcp:80 of VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::WeightChanged { server, vs: vs.clone(), from: 2, to: 3, up: false },
            "Changing weight from 2 to 3 for inactive service [10.9.0.11]:tcp:80 of VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::QuorumGained { vs: group.clone(), quorum: 2, hysteresis: 1, weight: 3 },
            "Gained quorum 2+1=3 <= 3 for VS [G]:0",
        ),
        (
            Report::QuorumLost { vs: group, quorum: 2, hysteresis: 1, weight: 0, starting: false },
            "Lost quorum 2-1=1 > 0 for VS [G]:0",
        ),
        (
            Report::QuorumLost { vs: vs.clone(), quorum: 1, hysteresis: 0, weight: 0, starting: true },
            "Starting with quorum down 1-0=1 > 0 for VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::ServerShutDown { server, vs: vs.clone(), inhibited: false },
            "Shutting down service [10.9.0.11]:tcp:80 from VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::ServerRemoved { server, vs: vs.clone(), inhibited: true },
            "Removing (inhibited) service [10.9.0.11]:tcp:80 from VS [10.9.0.1]:tcp:80",
        ),
        (
            Report::SorryUp { server, vs, inhibit: false },
            "Adding sorry server [10.9.0.11]:tcp:80 to VS [10.9.0.1]:tcp:80",
        ),
    ] {
        assert_eq!(report.to_string(), line);
    }
}

/// What is said of a try follows from what the probe itself says of it. Words of keepalived 2.2.7's source.
#[test]
fn each_kind_of_failure_has_its_words() {
    use crate::check::config::{self, HttpProtocol, Regex, Reply, Url};
    use crate::check::probe::dialogue::play;
    use crate::check::probe::dns::Dns;
    use crate::check::probe::http::{Exchange, Page};
    use crate::check::probe::query::Query;
    use crate::check::probe::smtp::Smtp;
    use crate::check::probe::udp::Udp;

    let to = "10.9.0.11:80".parse().unwrap();
    let server = ServerName { address: to, protocol: Some(Protocol::Tcp) };
    let tried = |check: &CheckName, failure| {
        let (check, vs) = (check.clone(), "V".to_owned());
        let report = CheckReport::TryFailed { tries: 0, retries: 1, failure };
        Report::Check { check, server, vs, report }.to_string()
    };
    let refused = || Failure::System { operation: Operation::Connect, errno: libc::ECONNREFUSED };
    let broken = || Failure::broken(libc::ECONNRESET);

    let http = CheckName::Http { tls: false, pages: Vec::new() };
    let regex = Regex {
        pattern: "x".to_owned(),
        no_match: false,
        options: Vec::new(),
        min_offset: 0,
        max_offset: None,
        stack: None,
    };
    let url = Url {
        path: "/".into(),
        virtual_host: None,
        status_codes: vec![(200, 200)],
        digest: None,
        regex: None,
        tls_compliant: false,
    };
    let page = |url: Url, answer: &str| {
        let page = Page::new(HttpProtocol::V10, &url, to);
        play(&mut Exchange::new(&page), answer.as_bytes(), 100).1.unwrap_err()
    };
    let good = "HTTP/1.0 200 OK\r\n\r\n";
    let name = "server [10.9.0.11]:tcp:80.";
    for (failure, words) in [
        (page(url.clone(), "HTTP/1.0 503 Busy\r\n\r\n"), "HTTP status code error to"),
        (page(url.clone(), ""), "Read, no data received from "),
        (page(Url { digest: Some([0; 16]), ..url.clone() }, good), "MD5 digest error to"),
        (page(Url { regex: Some(Box::new(regex)), ..url }, good), "Regex match failed"),
        (Failure::Timeout, "Timeout WEB read"),
        (refused(), "Error connecting"),
        (broken(), "Read error with"),
    ] {
        assert_eq!(tried(&http, failure), format!("{words} {name}"));
    }

    let smtp = CheckName::Smtp(to);
    let talk = |server: &str| play(&mut Smtp::new("me"), server.as_bytes(), 8).1.unwrap_err();
    for (failure, words) in [
        (talk("421 no\r\n"), "Bad greeting banner from"),
        (talk("220 ok\r\n550 no\r\n"), "Bad HELO response from"),
        (talk(""), "Read failure from"),
        (Failure::Timeout, "Read timeout from"),
        (refused(), "Error connecting to"),
    ] {
        assert_eq!(tried(&smtp, failure), format!("SMTP_CHECK {words} server [10.9.0.11]:80."));
    }

    let dns = config::Dns { record: config::DnsRecord::A, name: ".".into() };
    let nxdomain = Dns::new(&dns, 1).hear(&[0, 1, 0x81, 3, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap().unwrap_err();
    let reply = Reply { data: b"a".to_vec(), mask: vec![0xff], min_length: 1, max_length: 1 };
    let udp = config::Udp { payload: None, reply: Some(reply) };
    let answers = |bytes: &[u8]| Udp::new(&udp).hear(bytes).unwrap().unwrap_err();
    for (check, failure, line) in [
        (CheckName::Dns, nxdomain, "DNS_CHECK ([10.9.0.11]:tcp:80) read error occurred."),
        (CheckName::Dns, Failure::Timeout, "DNS_CHECK ([10.9.0.11]:tcp:80) read timeout from socket."),
        (CheckName::Dns, broken(), "DNS_CHECK ([10.9.0.11]:tcp:80) failed to read socket."),
        (CheckName::Udp, answers(b"b"), "UDP check to [10.9.0.11]:tcp:80 reply data mismatch."),
        (CheckName::Udp, answers(b"ab"), "UDP check to [10.9.0.11]:tcp:80 reply data mismatch."),
        (CheckName::Udp, broken(), "UDP connection to [10.9.0.11]:tcp:80 failed."),
        (CheckName::Ping, Failure::Timeout, "ICMP connection to address [10.9.0.11]:tcp:80 timeout."),
        (CheckName::Ping, broken(), "ICMP connection to [10.9.0.11]:tcp:80 failed."),
        (CheckName::Tcp, Failure::Timeout, "TCP connection to [10.9.0.11]:tcp:80 timeout."),
    ] {
        assert_eq!(tried(&check, failure), line);
    }
}

#[test]
fn the_end_of_a_check_is_told_in_the_words_of_its_kind() {
    let server = ServerName { address: "10.9.0.11:80".parse().unwrap(), protocol: Some(Protocol::Tcp) };
    let pages = vec![(PageTest::Regex, "/a".into()), (PageTest::Status, "/b".into())];
    let http = |tls| CheckName::Http { tls, pages: pages.clone() };
    let failed = |retries| CheckReport::Failed { retries, failure: Failure::Timeout };
    for (check, report, line) in [
        (http(false), failed(3), "HTTP_CHECK on service [10.9.0.11]:tcp:80 failed after 3 retries."),
        (http(true), failed(0), "SSL_CHECK on service [10.9.0.11]:tcp:80 failed."),
        (http(true), CheckReport::Succeeded, "Remote Web server [10.9.0.11]:tcp:80 succeed on service."),
        (
            http(false),
            CheckReport::PagePassed { page: 0 },
            "Regex match success to [10.9.0.11]:tcp:80 url(/a).",
        ),
        (
            http(false),
            CheckReport::PagePassed { page: 1 },
            "HTTP status code success to [10.9.0.11]:tcp:80 url(/b).",
        ),
        (CheckName::Ping, failed(2), "ICMP CHECK on service [10.9.0.11]:tcp:80 of V failed after 2 retries."),
        (CheckName::Ping, failed(0), "ICMP CHECK on service [10.9.0.11]:tcp:80 failed."),
        (
            CheckName::Dns,
            failed(3),
            "DNS_CHECK ([10.9.0.11]:tcp:80) read timeout from socket after 3 retries.",
        ),
        (CheckName::Smtp(server.address), failed(0), "SMTP_CHECK Read timeout from server [10.9.0.11]:80."),
        (
            CheckName::Service("REDIS_CHECK".into()),
            CheckReport::Succeeded,
            "REDIS_CHECK ([10.9.0.11]:tcp:80) success.",
        ),
        (
            CheckName::Service("REDIS_CHECK".into()),
            failed(1),
            "REDIS_CHECK on service [10.9.0.11]:tcp:80 failed after 1 retries.",
        ),
        (
            CheckName::Udp,
            CheckReport::NotRun(Failure::Timeout),
            "UDP_CHECK on service [10.9.0.11]:tcp:80 could not run. Rescheduling.",
        ),
    ] {
        assert_eq!(Report::Check { check, server, vs: "V".into(), report }.to_string(), line);
    }
}
