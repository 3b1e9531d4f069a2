//! Probes that meet every kind of answer, and programs that hear of it.

use super::{Worker, check_of, director, listen, loaded, local, row, server, service, wait_row};
use crate::support::{Lab, Table, Test};
use std::net::IpAddr;
use vipd::check::config::{Endpoint, SorryServer};
use vipd::daemon::worker::{FromWorker, Options, ToWorker};
use vipd::ipvs::model::Forward;
use vipd::net::Family;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("check::servers_come_and_go", servers_come_and_go),
        Test::new("check::a_silent_server_times_out", a_silent_server_times_out),
        Test::new("check::probes_use_their_mark_and_source", probes_use_their_mark_and_source),
        Test::new("check::the_named_port_is_checked", the_named_port_is_checked),
        Test::new("check::a_program_and_a_file_decide_on_weights", a_program_and_a_file_decide_on_weights),
        Test::new("check::programs_hear_of_servers_and_quorums", programs_hear_of_servers_and_quorums),
    ]
}

fn servers_come_and_go(lab: &Lab) {
    let host = director(lab);
    let (first, second) = (listen(&host, local(1001)), listen(&host, local(1002)));
    let mut inhibited = server(1, vec![check_of(local(1001))]);
    inhibited.inhibit_on_failure = true;
    let mut vs = service(1, vec![inhibited, server(2, vec![check_of(local(1002))]), server(3, vec![])]);
    vs.real_servers[2].weight = 5;
    vs.endpoints.push(Endpoint::Fwmark { mark: 7, family: Family::V4 });
    let mut sorry = service(2, vec![server(2, vec![check_of(local(1002))])]);
    sorry.sorry_server = Some(SorryServer {
        address: ([10, 98, 0, 9], 80).into(),
        forward: Forward::DirectRoute,
        inhibit: false,
    });

    let worker = Worker::start(&host, vec![vs, sorry], Options::default());
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1", "3/5"]);
    drop((first, second));
    wait_row(&host, "10.99.0.1:80", &["1/0", "3/5"]);
    wait_row(&host, "7", &["1/0", "3/5"]);
    wait_row(&host, "10.99.0.2:80", &["9/1"]);
    let _back = listen(&host, local(1002));
    wait_row(&host, "10.99.0.1:80", &["1/0", "2/1", "3/5"]);
    wait_row(&host, "10.99.0.2:80", &["2/1"]);
    worker.stop();
    assert!(Table::of(&host).expect("a table").is_empty());
}

fn a_silent_server_times_out(lab: &Lab) {
    let host = director(lab);
    // On the link, but nobody answers for it.
    let silent = ([10, 98, 0, 77], 80).into();
    let worker = Worker::start(
        &host,
        vec![service(1, vec![server(1, vec![check_of(silent)]), server(2, vec![])])],
        Options::default(),
    );
    wait_row(&host, "10.99.0.1:80", &["2/1"]);
    worker.stop();
}

fn probes_use_their_mark_and_source(lab: &Lab) {
    let host = director(lab);
    let real = lab.host("server", "10.98.0.1/24");
    real.run("ip address add 10.97.0.1/32 dev lo");
    host.run("ip address add 10.98.0.253/24 dev eth0");
    real.run("ip rule add from 10.97.0.1 to 10.98.0.254 prohibit");
    let listener = listen(&real, ([10, 97, 0, 1], 80).into());
    // Only what bears the mark finds the way, and only the second address is answered.
    host.run("ip route add 10.97.0.1/32 via 10.98.0.1 table 97");
    host.run("ip rule add fwmark 97 table 97");

    let good = |mark, from: &str| {
        let mut check = check_of(([10, 97, 0, 1], 80).into());
        check.schedule.alpha = true;
        check.connect.fwmark = mark;
        check.connect.bind_address = Some(from.parse::<IpAddr>().expect("an address"));
        check
    };
    let worker = Worker::start(
        &host,
        vec![
            service(1, vec![server(1, vec![good(97, "10.98.0.253")])]),
            service(2, vec![server(1, vec![good(0, "10.98.0.253")]), server(9, vec![])]),
            service(3, vec![server(1, vec![good(97, "10.98.0.254")]), server(9, vec![])]),
        ],
        Options::default(),
    );
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    assert_eq!(listener.accept().expect("a connection").1.ip().to_string(), "10.98.0.253");
    assert_eq!(row(&host, "10.99.0.2:80"), Ok(vec!["9/1".into()]), "without the mark there is no route");
    assert_eq!(row(&host, "10.99.0.3:80"), Ok(vec!["9/1".into()]), "the other source gets no answer");
    worker.stop();
}

/// The same numbers as keepalived 2.2.7 makes of them.
fn a_program_and_a_file_decide_on_weights(lab: &Lab) {
    let host = director(lab);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("f");
    std::fs::write(&file, "3\n").expect("write");
    let check = |rs: u8, lines: &str| format!("real_server 10.98.0.{rs} 80 {{\nweight 5\n{lines}\n}}\n");
    let text = format!(
        "track_file F {{\nfile {}\nweight 2\n}}\n\
         virtual_server 10.99.0.1 80 {{\nprotocol TCP\nlb_kind DR\nlb_algo wrr\ndelay_loop 1\n{}{}{}{}}}\n",
        file.display(),
        check(1, "MISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic\nwarmup 0\nuser root\n}"),
        check(2, "FILE_CHECK {\ntrack_file F\n}"),
        check(3, "FILE_CHECK {\ntrack_file F\nweight 0\n}"),
        check(4, "FILE_CHECK {\ntrack_file F\nweight 1 reverse\n}"),
    );
    let mut worker = Worker::start(&host, loaded(&text), Options::default());
    wait_row(&host, "10.99.0.1:80", &["1/5", "2/11", "4/2"]);
    let run = worker.run();
    assert_eq!(run.command.argv, ["/bin/true"]);
    worker.ended(&run, 9);
    wait_row(&host, "10.99.0.1:80", &["1/7", "2/11", "4/2"]);
    std::fs::write(&file, "-9").expect("write");
    wait_row(&host, "10.99.0.1:80", &["1/7", "2/0", "4/14"]);
    // As a careful program replaces it.
    let other = directory.path().join("new");
    std::fs::write(&other, "0\n").expect("write");
    std::fs::rename(&other, &file).expect("rename");
    wait_row(&host, "10.99.0.1:80", &["1/7", "2/5", "3/5", "4/5"]);
    let run = worker.run();
    worker.ended(&run, 1);
    wait_row(&host, "10.99.0.1:80", &["2/5", "3/5", "4/5"]);
    std::fs::remove_file(&file).expect("remove");
    let run = worker.run();
    worker.ended(&run, 0);
    wait_row(&host, "10.99.0.1:80", &["1/5", "2/5", "3/5", "4/5"]);
    worker.stop();
}

/// In the order in which it happens, and after the kernel has it; with omega, at the end too.
fn programs_hear_of_servers_and_quorums(lab: &Lab) {
    let host = director(lab);
    let listener = listen(&host, local(1001));
    let text = "virtual_server 10.99.0.1 80 {\nprotocol TCP\nlb_kind DR\nlb_algo rr\ndelay_loop 1\nomega\n\
                quorum_up /bin/echo\nquorum_down /bin/false\n\
                real_server 10.98.0.1 80 {\nnotify_up /bin/ls\nnotify_down /bin/cat\n\
                TCP_CHECK {\nconnect_ip 127.0.0.1\nconnect_port 1001\nwarmup 0\nretry 0\n}\n}\n}\n";
    let mut worker = Worker::start(&host, loaded(text), Options::default());
    let mut expect = |program: &str| {
        let run = worker.run();
        assert_eq!(run.command.program(), program);
        assert_eq!(
            run.turn.as_ref().map(|turn| turn.owner.as_str()),
            Some("[10.99.0.1]:tcp:80"),
            "one after another"
        );
        worker.ended(&run, 0);
    };
    expect("/bin/echo");
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    drop(listener);
    expect("/bin/cat");
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec![]), "the kernel comes first");
    expect("/bin/false");
    let _back = listen(&host, local(1001));
    expect("/bin/ls");
    assert_eq!(row(&host, "10.99.0.1:80"), Ok(vec!["1/1".into()]), "the kernel comes first");
    expect("/bin/echo");
    let Worker { inbox, mut outbox, thread } = worker;
    inbox.send(ToWorker::Stop).expect("it runs");
    thread.join().expect("no panic");
    let last: Vec<String> = std::iter::from_fn(|| outbox.blocking_recv())
        .filter_map(|m| if let FromWorker::Run(run) = m { Some(run.command.to_string()) } else { None })
        .collect();
    assert_eq!(last, ["/bin/cat", "/bin/false"]);
}

/// As a user writes it: the check goes to the port that the real server names, and the kernel gets that of the service.
fn the_named_port_is_checked(lab: &Lab) {
    let host = director(lab);
    host.run("ip address add 10.98.0.1/32 dev lo");
    let text = "virtual_server fwmark 3 {\n lb_kind DR\n lb_algo rr\n delay_loop 1\n warmup 0\n alpha\n\
                real_server 10.98.0.1 8080 {\n  TCP_CHECK {\n   connect_timeout 1\n  }\n }\n}\n\
                virtual_server 10.99.0.1 80 {\n protocol TCP\n lb_kind TUN\n lb_algo rr\n delay_loop 1\n warmup 0\n alpha\n\
                real_server 10.98.0.1 8080 {\n  TCP_CHECK {\n   connect_timeout 1\n  }\n }\n}\n";
    let _listener = listen(&host, ([10, 98, 0, 1], 8080).into());
    let worker = Worker::start(&host, loaded(text), Options::default());
    wait_row(&host, "3", &["1/1"]);
    wait_row(&host, "10.99.0.1:80", &["1/1"]);
    let saved = host.run("ipvsadm -Sn");
    assert!(saved.contains("-a -f 3 -r 10.98.0.1:0 -g") && saved.contains("-r 10.98.0.1:80 -i"), "{saved}");
    worker.stop();
}
