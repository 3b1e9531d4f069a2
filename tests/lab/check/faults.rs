//! A kernel that refuses, and a second writer of the table: what is wanted gets there in the end, the other services
//! notice nothing, and the log says why, once.

use super::{LIMIT, director, listen, local, row, wait_row};
use crate::VIPD;
use crate::support::{Director, Host, Implementation::Vipd, Lab, Test, Worker, wait_for};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{Protocol, ServiceKey};
use vipd::ipvs::operation::Operation;

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("check::faults::a_scheduler_that_is_not_there_is_told_once", missing_scheduler),
        Test::new("check::faults::servers_that_others_add_first_become_ours", added_by_others),
        Test::new(
            "check::faults::a_service_that_others_remove_again_and_again_comes_back",
            removed_by_others,
        ),
    ]
}

/// A service on 10.99.0.`n`, port 80.
fn service(n: u8, scheduler: &str, servers: &str) -> String {
    format!(
        "virtual_server 10.99.0.{n} 80 {{\n delay_loop 1\n lvs_sched {scheduler}\n lvs_method DR\n protocol TCP\n \
         warmup 0\n{servers}}}\n"
    )
}

fn server(n: u8, weight: u32, check: &str) -> String {
    format!(" real_server 10.98.0.{n} 80 {{\n  weight {weight}\n  {check}\n }}\n")
}

/// On this host's port 1001.
const CHECK: &str =
    "TCP_CHECK {\n connect_ip 127.0.0.1\n connect_port 1001\n connect_timeout 5\n retry 0\n }";

/// What is told of a table that somebody else has changed.
const DRIFTED: &str = "the IPVS table is not as it was left";

fn start(host: &Host, config: &str) -> Director {
    Director::start(Vipd, host, Path::new(VIPD), config, &["-C"])
}

/// Lines of the log that contain `what`.
fn told(director: &Director, what: &str) -> Vec<String> {
    let log = director.process().log();
    log.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
}

/// Lines of what the kernel has refused and the worker has left for later.
fn undone(director: &Director) -> Vec<String> {
    let mut lines = told(director, "service TCP ");
    lines.retain(|line| !line.contains(DRIFTED));
    lines
}

const NONE: Vec<String> = Vec::new();

#[track_caller]
fn wait_told(director: &Director, what: &str) {
    wait_for(format_args!("{what:?} in the log"), LIMIT, || match told(director, what)[..] {
        [] => Err(director.process().log()),
        _ => Ok(()),
    });
}

/// Each reload tries again: a module may have come with it.
fn missing_scheduler(lab: &Lab) {
    let host = director(lab);
    if host.try_run("modinfo ip_vs_twos").is_ok() {
        println!("This kernel has every scheduler: what happens without one is not tested.");
        return;
    }
    let listener = listen(&host, local(1001));
    let config = |scheduler: &str, weight: u32| {
        let refused = service(1, scheduler, &(server(1, 1, "") + &server(2, 1, "")));
        refused + &service(2, "rr", &(server(1, 1, CHECK) + &server(2, weight, "")))
    };
    let director = start(&host, &config("twos", 1));
    wait_row(&host, "10.99.0.2:80", &["1/1", "2/1"]);
    let refusal = "add service TCP 10.99.0.1:80: this kernel has no such scheduler";
    wait_told(&director, refusal);
    for weight in 2..6 {
        director.reload(&config("twos", weight));
        wait_row(&host, "10.99.0.2:80", &["1/1", &format!("2/{weight}")]);
    }
    drop(listener);
    wait_row(&host, "10.99.0.2:80", &["2/5"]);
    assert!(row(&host, "10.99.0.1:80").is_err(), "it can't be there");
    assert_eq!(told(&director, refusal).len(), 1, "{}", director.process().log());
    assert_eq!(undone(&director).len(), 1, "and nothing else is told of it: {:#?}", undone(&director));
    assert_eq!(told(&director, DRIFTED), NONE, "nobody else has changed anything");
    director.reload(&config("wlc", 5));
    wait_row(&host, "10.99.0.1:80", &["1/1", "2/1"]);
    wait_told(&director, "the IPVS table is as it should be");
    director.terminate();
}

/// A server that is down is not in the table, so that somebody else can add it; once it is up, it is as we want it.
fn added_by_others(lab: &Lab) {
    let host = director(lab);
    let servers = server(1, 1, CHECK) + &server(2, 1, "");
    let director = start(&host, &service(1, "rr", &servers));
    let address = "10.99.0.1:80";
    wait_row(&host, address, &["2/1"]);
    for (times, theirs) in [(1, "-g -w 9"), (2, "-i -w 9")] {
        host.run(&format!("ipvsadm -a -t {address} -r 10.98.0.1 {theirs}"));
        assert_eq!(row(&host, address), Ok(vec!["1/9".into(), "2/1".into()]));
        let listener = listen(&host, local(1001));
        wait_row(&host, address, &["1/1", "2/1"]);
        assert!(host.run("ipvsadm -Sn").contains("-r 10.98.0.1:80 -g -w 1"), "by direct routing");
        wait_for("why it was there", LIMIT, || match &told(&director, DRIFTED) {
            lines if lines.len() == times && lines.iter().all(|line| line.contains("exists already")) => {
                Ok(())
            }
            lines => Err(format!("{lines:#?}")),
        });
        drop(listener);
        wait_row(&host, address, &["2/1"]);
    }
    assert_eq!(undone(&director), NONE);
    director.terminate();
}

/// Two writers at once: one edits servers as fast as a file says so, the other one removes the service under its hands.
fn removed_by_others(lab: &Lab) {
    const REMOVALS: usize = 50;
    let host = director(lab);
    let file = host.file("weight");
    let tell = |weight: u32| {
        fs::write(host.file("new"), format!("{weight}\n")).expect("write the weight");
        fs::rename(host.file("new"), &file).expect("put it in its place");
    };
    tell(1);
    let check = "FILE_CHECK {\n track_file F\n weight 1\n }";
    let servers: String = (1..=5).map(|n| server(n, 1, check)).collect();
    let config = format!(
        "track_file F {{\n file {}\n}}\n{}{}",
        file.display(),
        service(1, "rr", &servers),
        service(2, "rr", &server(1, 1, ""))
    );
    let director = start(&host, &config);
    let expected = |weight: u32| -> Vec<String> { (1..=5).map(|n| format!("{n}/{weight}")).collect() };
    let wait = |weight: u32| {
        let expected = expected(weight);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        wait_row(&host, "10.99.0.1:80", &expected);
    };
    wait(2);
    let worker = director.worker(Worker::Check);
    let before = super::memory(worker);
    let key = ServiceKey::Address { protocol: Protocol::Tcp, address: [10, 99, 0, 1].into(), port: 80 };
    let mut weights = 100..;
    thread::scope(|scope| {
        let remover = scope.spawn(|| {
            host.join_namespace();
            let mut client = Client::open().expect("the table");
            let mut removed = 0;
            while removed < REMOVALS {
                // Refused where it is not back yet.
                removed += usize::from(client.execute(&[Operation::DeleteService(key)]).is_empty());
            }
        });
        while !remover.is_finished() {
            tell(weights.next().expect("they do not end"));
            // As an operator's program would, and slower than the table can be written.
            thread::yield_now();
        }
    });
    tell(10);
    wait(11);
    assert_eq!(row(&host, "10.99.0.2:80"), Ok(vec!["1/1".into()]), "the other service has seen nothing");
    assert_eq!(director.worker(Worker::Check), worker, "it lives");
    let drifted = told(&director, DRIFTED);
    assert!(!drifted.is_empty() && drifted.len() <= REMOVALS, "{drifted:#?}");
    let undone = undone(&director);
    let reasons: BTreeSet<_> =
        undone.iter().filter_map(|line| line.split_once(": ")).map(|(_, text)| text).collect();
    assert!(undone.len() <= REMOVALS && reasons.len() <= 10, "{undone:#?}");
    assert!(super::memory(worker) < before + 8 * 1024, "{} kB after {before} kB", super::memory(worker));
    director.terminate();
}
