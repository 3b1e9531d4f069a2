//! Mails about virtual routers: word for word those of keepalived; and what a mail server does that is down or slow.

mod tls;

use super::VIPD;
use super::support::Implementation::{self, Keepalived, Vipd};
use super::support::mailbox::{Manner, Talks, serve};
use super::support::{Director, Host, Lab, Test, wait_for};
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("mails::they_are_those_of_keepalived", they_are_those_of_keepalived),
        Test::new(
            "mails::a_server_that_is_down_and_then_slow_gets_them_later",
            a_server_that_is_down_and_then_slow_gets_them_later,
        ),
        Test::new("mails::what_the_server_refuses_for_good_is_said", refused),
        Test::new("mails::many_changes_are_one_mail_where_that_is_asked_for", digest),
        Test::new("mails::they_are_encrypted_for_the_right_server_only", tls::encrypted),
        Test::new("mails::what_keeps_them_from_being_encrypted_is_said", tls::refused),
    ]
}

fn config(more: &str) -> String {
    format!(
        "global_defs {{\n  router_id lb1\n  vrrp_garp_master_repeat 1\n  smtp_alert\n  smtp_server 127.0.0.1\n  \
         notification_email {{\n    a@example.com\n    b@example.com\n  }}\n{more}}}\n\
         vrrp_instance A {{\n  interface eth0\n  virtual_router_id 1\n  priority 150\n  advert_int 1\n  \
         virtual_ipaddress {{\n    10.0.0.100/24\n  }}\n}}\n"
    )
}

fn start(program: Implementation, host: &Host, config: &str) -> Director {
    Director::start(program, host, Path::new(VIPD), config, &[])
}

#[track_caller]
fn wait_mail(talks: &Talks, subject: &str, count: usize) {
    let subject = format!("Subject: [lb1] VRRP Instance A - {subject}\n");
    wait_for(format_args!("{count} times {subject}"), LIMIT, || {
        let talks = talks.lock().expect("no panic while held");
        if talks.iter().filter(|talk| talk.contains(&subject)).count() == count {
            Ok(())
        } else {
            Err(talks.join("\n"))
        }
    });
}

fn they_are_those_of_keepalived(lab: &Lab) {
    let play = |program: Implementation, name: &str, globals: &str| {
        let host = lab.host(name, "10.0.0.1/24");
        let talks = serve(&host, &[Manner::Takes]);
        let director = start(program, &host, &config(globals));
        wait_mail(&talks, "Entering BACKUP state", 1);
        wait_mail(&talks, "Entering MASTER state", 1);
        host.unplug();
        // Nobody may be told of it by mail.
        wait_for("a fault", LIMIT, || {
            let log = director.process().log();
            if log.contains("(A) Entering FAULT STATE") { Ok(()) } else { Err(log) }
        });
        let faults = usize::from(!globals.contains("no_email_faults"));
        wait_mail(&talks, "Entering FAULT state", faults);
        host.plug_in();
        wait_mail(&talks, "Entering MASTER state", 2);
        wait_mail(&talks, "Entering BACKUP state", 2);
        director.terminate();
        if program == Vipd {
            // keepalived's last mail is lost with its process.
            wait_mail(&talks, "Stopping", 1);
        }
        let talks = talks.lock().expect("no panic while held");
        // What is said of the same instance in the same second may arrive in any order with keepalived.
        let mut talks: Vec<String> = talks
            .iter()
            .filter(|talk| !talk.contains(" - Stopping\n"))
            .map(|talk| {
                // keepalived puts the name into the envelope, too, which mail servers refuse.
                let talk = talk.replace("MAIL FROM:<Router <lb@example.com>>", "MAIL FROM:<lb@example.com>");
                talk.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
            })
            .collect();
        talks.sort();
        talks
    };
    for (globals, one, two) in [
        ("", "one", "two"),
        (
            "  no_email_faults\n  notification_email_from \"Router <lb@example.com>\"\n  smtp_helo_name lb.example.com\n",
            "three",
            "four",
        ),
    ] {
        assert_eq!(play(Keepalived, one, globals), play(Vipd, two, globals));
    }
}

fn a_server_that_is_down_and_then_slow_gets_them_later(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let director = start(Vipd, &host, &config("  smtp_connect_timeout 1\n"));
    let said = |text: &str| {
        wait_for(format_args!("the log to say {text}"), LIMIT, || {
            let log = director.process().log();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    };
    said("mail server 127.0.0.1 port 25: Connection refused: trying again in 5s");
    let talks = serve(&host, &[Manner::Silent, Manner::Takes]);
    wait_for("the address, whatever the mail server does", LIMIT, || {
        if host.has_address("10.0.0.100") { Ok(()) } else { Err(director.process().log()) }
    });
    said("mail server 127.0.0.1 port 25: no answer in time: trying again in 30s");
    // The stop does not wait for the pause.
    let took = director.terminate();
    assert!(took < Duration::from_secs(4), "{took:?}");
    for subject in ["Entering BACKUP state", "Entering MASTER state", "Stopping"] {
        wait_mail(&talks, subject, 1);
    }
    let talks = talks.lock().expect("no panic while held").join("\n");
    let at = |subject: &str| talks.find(subject);
    assert!(at("BACKUP") < at("MASTER") && at("MASTER") < at("Stopping"), "in their order: {talks}");
}

fn refused(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let talks = serve(&host, &[Manner::Refuses, Manner::Takes]);
    let director = start(Vipd, &host, &config(""));
    wait_mail(&talks, "Entering MASTER state", 1);
    let log = director.process().log();
    let line =
        "the server answered 550 to RCPT: the mail \"[lb1] VRRP Instance A - Entering BACKUP state\" is lost";
    assert!(log.contains(line), "{log}");
    director.terminate();
}

/// `smtp_alert_digest`: mails of both workers, of a reload that ends it, and at a stop.
fn digest(lab: &Lab) {
    const SERVERS: usize = 40;
    let host = lab.host("one", "10.0.0.1/24");
    let talks = serve(&host, &[Manner::Takes]);
    let mut servers = String::new();
    for port in 0..SERVERS {
        servers += &format!(
            "  real_server 127.0.0.1 {} {{\n    TCP_CHECK {{\n      connect_timeout 1\n    }}\n  }}\n",
            9000 + port
        );
    }
    let config = |digest: &str| {
        format!(
            "{}virtual_server 10.0.0.200 80 {{\n  protocol TCP\n  lvs_method NAT\n  delay_loop 1\n  warmup 0\n  retry 0\n\
             {servers}}}\n",
            config(digest)
        )
    };
    let director = start(Vipd, &host, &config("  smtp_alert_digest 5\n"));
    let subjects = |words: &str| {
        let talks = talks.lock().expect("no panic while held");
        talks.iter().filter(|talk| talk.contains(words)).cloned().collect::<Vec<_>>()
    };
    let first = format!("Subject: [lb1] {SERVERS} changes, the first: Realserver [127.0.0.1]:tcp:");
    wait_for("one mail of all servers", LIMIT, || match subjects(&first)[..] {
        [_] => Ok(()),
        _ => Err(talks.lock().expect("no panic while held").join("\n")),
    });
    let mail = subjects(&first).remove(0);
    for port in 0..SERVERS {
        let subject = format!("Realserver [127.0.0.1]:tcp:{} of virtual server", 9000 + port);
        assert!(mail.contains(&subject), "{subject} in {mail}");
    }
    assert_eq!(mail.matches("\n  => ").count(), SERVERS, "{mail}");
    // Instances are told of in their own.
    let vrrp = "Subject: [lb1] 2 changes, the first: VRRP Instance A - Entering BACKUP state\n";
    wait_for("one mail of the instance", LIMIT, || match subjects(vrrp)[..] {
        [ref mail] if mail.contains(": VRRP Instance A - Entering MASTER state\n") => Ok(()),
        _ => Err(talks.lock().expect("no panic while held").join("\n")),
    });
    assert_eq!(talks.lock().expect("no panic while held").len(), 2);
    // What waits at a stop leaves at once; alone, it is the mail that it always was.
    director.reload(&config("  smtp_alert_digest 3600\n"));
    let took = director.terminate();
    assert!(took < Duration::from_secs(4), "{took:?}");
    wait_mail(&talks, "Stopping", 1);
}
