//! The same stories with keepalived and with vipd: what mails, sets of nftables and the table hear of servers. What each kind
//! of check makes of good and bad answers is told in `servers`.

use super::{LIMIT, director, row, wait_row};
use crate::VIPD;
use crate::support::Implementation::{self, Keepalived, Vipd};
use crate::support::mailbox::{self, Manner};
use crate::support::{Director, Lab, Test, wait_for};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

type Story = fn(&Lab, Implementation);

pub(super) fn tests() -> Vec<Test> {
    let stories: [(&str, Story); 3] = [
        ("groups_are_one_mark_each_where_nftables_sets_it", marked),
        ("mails_tell_of_servers_and_quorums", mails),
        ("the_table_is_emptied_where_that_is_asked_for", emptied),
    ];
    let both = [Vipd, Keepalived].into_iter().flat_map(|daemon| {
        stories.map(|(name, story)| {
            Test::new(format!("check::{daemon}::{name}"), move |lab: &Lab| story(lab, daemon))
        })
    });
    both.collect()
}

fn web(client: TcpStream) {
    let mut lines = BufReader::new(&client).lines();
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let _ = write!(&client, "HTTP/1.0 200 OK\r\n\r\nhello");
}

/// Of the beginning, of a check and the quorum that goes with it, and of both coming back; `no_checker_emails` changes
/// nothing there.
fn mails(lab: &Lab, daemon: Implementation) {
    let host = director(lab);
    let talks = mailbox::serve(&host, &[Manner::Takes]);
    let listen = || host.enter(|| TcpListener::bind("127.0.0.1:1080")).expect("listen");
    let listener = listen();
    let config = "global_defs {\n router_id lb1\n smtp_server 127.0.0.1\n notification_email {\n a@example.com\n }\n \
                  smtp_alert_checker\n no_checker_emails\n}\n\
                  virtual_server 10.99.0.1 80 {\n delay_loop 1\n lvs_sched rr\n lvs_method DR\n protocol TCP\n\
                  real_server 10.98.0.1 80 {\n TCP_CHECK {\n connect_ip 127.0.0.1\n connect_port 1080\n retry 0\n \
                  warmup 0\n }\n }\n}\n";
    let director = Director::start(daemon, &host, Path::new(VIPD), config, &["-C"]);
    let mut seen = 0;
    let mut expect = |wanted: &[String]| {
        let mut mails = wait_for(format_args!("{wanted:?}"), LIMIT, || {
            let talks = talks.lock().expect("no panic while held");
            let line = |talk: &str, start: &str| {
                talk.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned()
            };
            let mail = |talk: &String| format!("{} {}", line(talk, "Subject: "), line(talk, "=> "));
            let new: Vec<String> = talks[seen..].iter().map(mail).collect();
            if new.len() == wanted.len() { Ok(new) } else { Err(format!("{new:#?}")) }
        });
        seen += mails.len();
        mails.sort_unstable();
        assert_eq!(mails, wanted);
    };
    let server = |text: &str| {
        format!(
            "Subject: [lb1] Realserver [10.98.0.1]:tcp:80 of virtual server [10.99.0.1]:tcp:80 - {text} <="
        )
    };
    let service = |text: &str| format!("Subject: [lb1] Virtualserver [10.99.0.1]:tcp:80 - {text} <=");
    expect(&[service("UP => Starting with quorum up 1+0=1 <= 1")]);
    drop(listener);
    expect(&[server("DOWN => TCP CHECK failed on service"), service("DOWN => Lost quorum 1+0=1 <= 0")]);
    let _back = listen();
    expect(&[server("UP => TCP CHECK succeed on service"), service("UP => Gained quorum 1+0=1 <= 1")]);
    director.terminate();
}

/// `nftables_ipvs`: a group is one service of the table, and its clients are served at each address and port; through a
/// reload, too, that changes the group.
fn marked(lab: &Lab, daemon: Implementation) {
    let host = director(lab);
    let client = lab.host("client", "10.98.0.50/24");
    let server = lab.host("server", "10.98.0.1/24");
    server.run("ip route add default via 10.98.0.254");
    client.run("ip route add 10.99.0.0/24 via 10.98.0.254");
    host.sysctl("ipv4.ip_forward", "1");
    host.sysctl("ipv4.vs.conntrack", "1");
    // What comes back must pass the director again.
    host.run("nft add table ip nat");
    host.run("nft add chain ip nat post { type nat hook postrouting priority 100 ; }");
    host.run("nft add rule ip nat post masquerade");
    for n in 1..=5 {
        host.run(&format!("ip address add 10.99.0.{n}/32 dev lo"));
    }
    let listener = server.enter(|| TcpListener::bind("10.98.0.1:1080")).expect("listen");
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || web(client));
        }
    });
    let drift = if daemon == Implementation::Vipd { "lvs_drift_interval 1" } else { "" };
    let config = |group: &str| {
        format!(
            "global_defs {{\n nftables_ipvs marks\n nftables_ipvs_start_fwmark 500\n {drift}\n}}\n\
             virtual_server_group web {{\n {group}\n}}\n\
             virtual_server group web {{\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n \
             real_server 10.98.0.1 1080 {{\n }}\n}}\n"
        )
    };
    let is_served = |address: &str, expected: bool| {
        wait_for(format_args!("{address} to be served: {expected}"), LIMIT, || {
            let address = address.parse().expect("an address");
            let connected = client.enter(|| TcpStream::connect_timeout(&address, Duration::from_secs(1)));
            if connected.is_ok() == expected {
                Ok(())
            } else {
                Err(format!("{connected:?}\n{}", host.run("nft list ruleset")))
            }
        });
    };
    let group = "10.99.0.1-3 80\n 10.99.0.4 8080";
    let director = Director::start(daemon, &host, Path::new(VIPD), &config(group), &["-C"]);
    wait_for("one service of a mark", LIMIT, || {
        let table = host.run("ipvsadm -Sn");
        let wanted = "-A -f 500 -s rr\n-a -f 500 -r 10.98.0.1:1080 -m -w 1\n";
        if table == wanted { Ok(()) } else { Err(table) }
    });
    for address in ["10.99.0.1:80", "10.99.0.3:80", "10.99.0.4:8080"] {
        is_served(address, true);
    }
    is_served("10.99.0.4:80", false);
    director.reload(&config("10.99.0.2-3 80\n 10.99.0.5 80"));
    for (address, expected) in [("10.99.0.5:80", true), ("10.99.0.1:80", false), ("10.99.0.2:80", true)] {
        is_served(address, expected);
    }
    assert!(host.run("ipvsadm -Sn").starts_with("-A -f 500 -s rr\n"));
    if daemon == Implementation::Vipd {
        // What somebody else removes is put back: after a while, and by a reload.
        host.run("nft delete table ip marks");
        is_served("10.99.0.5:80", true);
        let log = director.process().log();
        assert!(log.contains("somebody else has removed the table marks: it is made again"), "{log}");
        director.reload(&config("10.99.0.2-3 80\n 10.99.0.5 80").replace("_interval 1", "_interval 1000"));
        is_served("10.99.0.5:80", true);
        host.run("nft delete table ip marks");
        director.reload(&config("10.99.0.2-3 80\n 10.99.0.5 80").replace("_interval 1", "_interval 999"));
        is_served("10.99.0.5:80", true);
    }
    director.terminate();
    assert!(!host.run("nft list ruleset").contains("marks"), "nothing is left");
}

/// `lvs_flush`, `lvs_flush_on_stop`, `lvs_timeouts`.
fn emptied(lab: &Lab, daemon: Implementation) {
    let host = director(lab);
    host.run("ipvsadm -A -t 10.99.0.9:80 -s rr");
    let own = host.run("ipvsadm -L --timeout");
    let config = |timeouts: &str| {
        format!(
            "global_defs {{\n lvs_flush\n lvs_flush_on_stop\n lvs_timeouts {timeouts}\n}}\n\
             virtual_server 10.99.0.1 80 {{\n lvs_sched rr\n lvs_method DR\n protocol TCP\n \
             real_server 10.98.0.1 80 {{\n }}\n}}\n"
        )
    };
    let first = config("tcp 100 tcpfin 50 udp 60");
    let director = Director::start(daemon, &host, Path::new(VIPD), &first, &["-C"]);
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    assert!(row(&host, "10.99.0.9:80").is_err(), "what others had there is gone");
    let timeouts = host.run("ipvsadm -L --timeout");
    assert!(timeouts.contains("100 50 60"), "{timeouts}");
    // What is not named any more is the kernel's own again.
    director.reload(&config("tcp 101"));
    let words: Vec<&str> = own.split_whitespace().rev().take(2).collect();
    wait_for("the kernel's own timeouts", LIMIT, || {
        let timeouts = host.run("ipvsadm -L --timeout");
        let wanted = format!("101 {} {}", words[1], words[0]);
        if timeouts.contains(&wanted) { Ok(()) } else { Err(timeouts) }
    });
    host.run("ipvsadm -A -t 10.99.0.9:80 -s rr");
    director.terminate();
    assert_eq!(host.run("ipvsadm -Sn"), "", "and at the end all is");
    assert_eq!(host.run("ipvsadm -L --timeout"), own);
}
