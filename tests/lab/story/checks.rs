//! What each kind of check makes of good and bad answers.

use super::services::{Does, accepts, mail, names, replies, silent, web};
use super::stage::Stage;
use super::{Story, at, rs, server, story, vip, vs};

pub(super) const STORIES: &[Story] = &[
    story("tcp", |stage| {
        let ends = || Some(accepts());
        checked(stage, &[("TCP_CHECK {\n}", ends(), None), ("TCP_CHECK {\n retry 1\n}", ends(), None)]);
    }),
    story("mail_servers", |stage| {
        let good = || mail("220 ready", "250 ok");
        checked(
            stage,
            &[
                ("SMTP_CHECK {\n helo_name me.example\n}", Some(good()), Some(mail("220 ready", "550 no"))),
                ("SMTP_CHECK {\n}", Some(good()), Some(mail("421 busy", "250 ok"))),
                ("SMTP_CHECK {\n}", Some(good()), Some(mail("what", "250 ok"))),
                ("SMTP_CHECK {\n}", Some(good()), Some(silent())),
            ],
        );
    }),
    story("name_servers", |stage| {
        let named = "DNS_CHECK {\n type AAAA\n name www.example\n}";
        checked(
            stage,
            &[
                (named, Some(names(0)), Some(names(2))),
                ("DNS_CHECK {\n}", Some(names(0)), Some(names(3))),
                ("DNS_CHECK {\n type TXT\n}", Some(names(0)), Some(replies(None))),
                ("DNS_CHECK {\n type A\n}", Some(names(0)), None),
            ],
        );
    }),
    story("datagrams", |stage| {
        let pong = || Some(replies(Some("pong")));
        checked(
            stage,
            &[
                (
                    "UDP_CHECK {\n payload 70696e67\n require_reply 706f6e67\n}",
                    pong(),
                    Some(replies(Some("what"))),
                ),
                ("UDP_CHECK {\n require_reply\n}", pong(), Some(replies(None))),
                ("UDP_CHECK {\n}", Some(replies(None)), None),
                (
                    "UDP_CHECK {\n require_reply 706f6e67\n min_reply_length 3\n max_reply_length 5\n}",
                    pong(),
                    Some(replies(Some("too long"))),
                ),
            ],
        );
    }),
    story("who_hangs_is_down", |stage| {
        let page = || Some(web(&[("", "200 hello")]));
        checked(
            stage,
            &[
                ("HTTP_GET {\n url {\n path /\n }\n}", page(), Some(silent())),
                ("HTTP_GET {\n url {\n path /\n }\n}", page(), Some(accepts())),
                ("HTTP_GET {\n url {\n path /\n }\n}", page(), None),
            ],
        );
    }),
    story("pings", pings),
    story("programs", programs),
    story("programs_that_give_weights", weights),
    story("a_program_that_hangs", hanging),
    story("a_file_takes_a_server_away", file),
    story("files_give_weights", file_weights),
    story("several_checks_of_a_server", several),
    story("a_retry_is_enough", retries),
    story("ipv6", ipv6),
];

/// A check, the service that it is content with, and the one that it is not: none, if its port is to be closed.
pub(super) type Case<'a> = (&'a str, Option<Does>, Option<Does>);

/// The first server fails, then all of them; they come back, the first one last.
pub(super) fn checked(stage: &mut Stage<'_>, cases: &[Case<'_>]) {
    let servers: String = (1..).zip(cases).map(|(n, (check, ..))| server(n, check)).collect();
    checked_as(stage, cases, &vip("", &servers));
}

/// The same, with this configuration.
pub(super) fn checked_as(stage: &mut Stage<'_>, cases: &[Case<'_>], config: &str) {
    let turn = |stage: &mut Stage<'_>, n: u8, does: &Option<Does>| match does {
        Some(does) => stage.serve(&at(n), does.clone()),
        None => stage.ends(&at(n)),
    };
    for (n, (_, good, _)) in (1..).zip(cases) {
        turn(stage, n, good);
    }
    stage.start(config);
    stage.told(&vs("UP"));
    stage.pause("up");
    for (n, (_, _, bad)) in (1..).zip(cases) {
        turn(stage, n, bad);
        if n == 1 {
            stage.told(&rs(1, "DOWN"));
            stage.pause("one is down");
        }
    }
    stage.told(&vs("DOWN"));
    stage.pause("all are");
    for (n, (_, good, _)) in (1..).zip(cases).skip(1) {
        turn(stage, n, good);
    }
    stage.told(&rs(2, "UP"));
    turn(stage, 1, &cases[0].1);
    stage.told(&rs(1, "UP"));
    stage.pause("up again");
}

fn pings(stage: &mut Stage<'_>) {
    stage.run("ip address add 10.97.0.1/32 dev lo");
    let ping = |n, at: &str| server(n, &format!("PING_CHECK {{\n connect_ip {at}\n}}"));
    stage.start(&vip("", &(ping(1, "10.97.0.1") + &ping(2, "10.98.0.2") + &ping(3, "10.97.0.3"))));
    stage.told(&rs(3, "DOWN"));
    stage.pause("one does not answer");
    stage.run("ip address del 10.97.0.1/32 dev lo");
    stage.told(&rs(1, "DOWN"));
    stage.run("ip address add 10.97.0.3/32 dev lo");
    stage.told(&rs(3, "UP"));
    stage.pause("another one does not");
}

/// What the program of a check finds in the file `verdict` of its server is what it ends with.
fn program(stage: &Stage<'_>) {
    stage.script("check", "read status <{dir}verdict$1\n[ $status = hang ] && exec sleep 1000\nexit $status");
}

fn programs(stage: &mut Stage<'_>) {
    program(stage);
    let check = |n| server(n, &format!("MISC_CHECK {{\n misc_path \"{{dir}}check {n}\"\n}}"));
    for (n, status) in [(1, "0"), (2, "0"), (3, "1")] {
        stage.write(&format!("verdict{n}"), status);
    }
    stage.start(&vip("", &(check(1) + &check(2) + &check(3))));
    stage.told(&rs(3, "DOWN"));
    stage.pause("one fails");
    stage.write("verdict1", "2");
    stage.write("verdict2", "255");
    stage.told(&vs("DOWN"));
    stage.pause("all fail");
    stage.write("verdict1", "0");
    stage.told(&vs("UP"));
    stage.pause("one is up");
}

fn weights(stage: &mut Stage<'_>) {
    program(stage);
    let check = |n, weight: u8| {
        server(
            n,
            &format!("weight {weight}\n MISC_CHECK {{\n misc_path \"{{dir}}check {n}\"\n misc_dynamic\n}}"),
        )
    };
    for (n, status) in [(1, "0"), (2, "12")] {
        stage.write(&format!("verdict{n}"), status);
    }
    stage.start(&vip("lvs_sched wrr\n quorum 9", &(check(1, 5) + &check(2, 5))));
    stage.holds("-r 10.98.0.2:80 -g -w 10", true);
    stage.pause("weighed");
    stage.write("verdict2", "2");
    stage.told(&vs("DOWN"));
    stage.pause("weight 0");
    stage.write("verdict2", "1");
    stage.told(&rs(2, "DOWN"));
    stage.write("verdict1", "255");
    stage.told(&vs("UP"));
    stage.pause("one fails, one has much");
    stage.write("verdict2", "0");
    stage.told(&rs(2, "UP"));
    stage.pause("as configured");
}

fn hanging(stage: &mut Stage<'_>) {
    program(stage);
    let check =
        |n| server(n, &format!("MISC_CHECK {{\n misc_path \"{{dir}}check {n}\"\n misc_timeout 1\n}}"));
    stage.write("verdict1", "0");
    stage.write("verdict2", "0");
    stage.start(&vip("", &(check(1) + &check(2))));
    stage.told(&vs("UP"));
    stage.pause("up");
    stage.write("verdict1", "hang");
    stage.told(&rs(1, "DOWN"));
    stage.pause("one hangs");
    stage.write("verdict1", "0");
    stage.told(&rs(1, "UP"));
    stage.pause("up again");
}

fn file(stage: &mut Stage<'_>) {
    stage.write("f", "0\n");
    let config = "track_file F {\n file {dir}f\n weight 0\n}\n".to_owned()
        + &vip(
            "",
            &(server(1, "FILE_CHECK {\n track_file F\n}")
                + &server(2, "inhibit_on_failure\n FILE_CHECK {\n track_file F\n}")),
        );
    stage.start(&config);
    stage.told(&vs("UP"));
    stage.pause("up");
    stage.write("f", "1\n");
    stage.told(&vs("DOWN"));
    stage.pause("down");
    stage.write("f", "0\n");
    stage.told(&vs("UP"));
    stage.pause("up again");
}

fn file_weights(stage: &mut Stage<'_>) {
    stage.write("f", "3\n");
    let check = |n, lines: &str| server(n, &format!("weight 5\n FILE_CHECK {{\n track_file F\n {lines}\n}}"));
    let config = "track_file F {\n file {dir}f\n weight 2\n}\n".to_owned()
        + &vip(
            "lvs_sched wlc",
            &(check(1, "") + &check(2, "weight 1 reverse") + &check(3, "weight -1") + &server(4, "weight 7")),
        );
    stage.start(&config);
    stage.holds("-r 10.98.0.1:80 -g -w 11", true);
    stage.pause("3");
    stage.write("f", "-9\n");
    stage.holds("-r 10.98.0.2:80 -g -w 14", true);
    stage.pause("-9");
    stage.write("f", "300\n");
    stage.holds("-r 10.98.0.1:80 -g -w 605", true);
    stage.pause("300");
    stage.write("f", "0\n");
    stage.holds("-r 10.98.0.1:80 -g -w 5", true);
    stage.pause("0");
}

fn several(stage: &mut Stage<'_>) {
    program(stage);
    stage.write("verdict1", "0");
    let checks = "TCP_CHECK {\n}\n HTTP_GET {\n url {\n path /\n status_code 200\n }\n}\n \
                  MISC_CHECK {\n misc_path \"{dir}check 1\"\n}";
    stage.serve(&at(1), web(&[("", "200 hello")]));
    stage.serve(&at(2), accepts());
    stage.start(&vip("", &(server(1, checks) + &server(2, "TCP_CHECK {\n}"))));
    stage.told(&vs("UP"));
    stage.pause("up");
    stage.write("verdict1", "1");
    stage.told(&rs(1, "DOWN"));
    stage.pause("one check fails");
    stage.ends(&at(1));
    stage.pause("all do");
    stage.write("verdict1", "0");
    stage.pause("one does not any more");
    stage.serve(&at(1), web(&[("", "200 hello")]));
    stage.told(&rs(1, "UP"));
    stage.pause("up again");
}

/// A check that fails fewer times than it is tried says nothing.
fn retries(stage: &mut Stage<'_>) {
    // It fails each second time.
    stage.script("check", "if [ -e {dir}failed ]; then rm {dir}failed; exit 0; fi\n>{dir}failed\nexit 1");
    stage.write("failed", "");
    stage.serve(&at(2), accepts());
    let check = "MISC_CHECK {\n misc_path {dir}check\n retry 1\n}";
    stage.start(&vip("", &(server(1, check) + &server(2, "TCP_CHECK {\n retry 3\n}"))));
    stage.told(&vs("UP"));
    stage.pause("up");
    stage.ends(&at(2));
    stage.told(&rs(2, "DOWN"));
    stage.pause("after its retries");
}

fn ipv6(stage: &mut Stage<'_>) {
    let address = |n: u8| format!("fd98::{n}");
    let server = |n| super::real_server(&format!("{} 80", address(n)), "TCP_CHECK {\n}");
    let config = super::service("fd99::1 80", "", &(server(1) + &server(2)));
    for n in [1, 2] {
        stage.serve(&format!("[{}]:80", address(n)), accepts());
    }
    stage.start(&config);
    stage.told("VS [fd99::1]:tcp:80 UP");
    stage.pause("up");
    stage.ends("[fd98::1]:80");
    stage.told("RS [fd98::1]:tcp:80 [fd99::1]:tcp:80 DOWN");
    stage.pause("one is down");
}
