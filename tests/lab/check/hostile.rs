//! Checks that meet what was made to exhaust them: answers without an end, programs that hang, no descriptors, no route.
//! What is up stays up, what is down is told once, and the worker stays as small as it was.

use super::{director, listen, local, memory, row, script, status, wait_row};
use crate::VIPD;
use crate::support::{Director, Host, Implementation::Vipd, Lab, Table, Test, Worker, wait_for};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// For hundreds of programs or gigabytes, on an emulated machine that runs other tests too.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn tests() -> Vec<Test> {
    vec![
        Test::new("check::hostile::answers_without_an_end_cost_no_memory", endless_answers),
        Test::new("check::hostile::hundreds_of_programs_that_hang_are_ended", hanging_programs),
        Test::new("check::hostile::few_descriptors_take_no_server_down", few_descriptors),
        Test::new("check::hostile::no_descriptors_take_no_server_down", no_descriptors),
        Test::new("check::hostile::a_network_that_is_unreachable_is_told_once", unreachable_network),
    ]
}

fn service(n: u8, more: &str, servers: &str) -> String {
    format!(
        "virtual_server 10.99.0.{n} 80 {{\n lvs_sched rr\n lvs_method DR\n protocol TCP\n warmup 0\n{more}\n\
         {servers}}}\n"
    )
}

fn server(n: u8, check: &str) -> String {
    format!(" real_server 10.98.0.{n} 80 {{\n  {check}\n }}\n")
}

/// Asks port 1001 of this host, at one of its own addresses.
fn tcp(ip: &str, more: &str) -> String {
    format!("TCP_CHECK {{\n connect_ip {ip}\n connect_port 1001\n connect_timeout 5\n retry 0\n {more}\n }}")
}

/// The lines of the log that contain `what`.
fn told(director: &Director, what: &str) -> Vec<String> {
    director.process().log().lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
}

/// A listener at port 1001 that counts its clients and lets them go.
fn counting(host: &Host) -> Arc<AtomicUsize> {
    let listener = listen(host, ([0, 0, 0, 0], 1001).into());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for _client in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    count
}

/// Waits until so many more clients were counted.
#[track_caller]
fn wait_more(count: &AtomicUsize, more: usize) {
    let before = count.load(Ordering::Relaxed);
    wait_for(format_args!("{more} more checks"), PATIENCE, || match count.load(Ordering::Relaxed) - before {
        seen if seen >= more => Ok(()),
        seen => Err(seen.to_string()),
    });
}

/// What each client gets: a beginning, and then this again and again, as long as it takes.
fn pour(host: &Host, port: u16, begin: &'static str, again: &'static str) {
    let listener: TcpListener = listen(host, local(port));
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let more = again.repeat(65_536 / again.len());
                let mut request = [0; 16];
                // A greeting waits for nothing.
                let mut heard =
                    |client: &mut TcpStream| begin.is_empty() || client.read(&mut request).is_ok();
                if heard(&mut client) && client.write_all(begin.as_bytes()).is_ok() {
                    while client.write_all(more.as_bytes()).is_ok() {}
                }
            });
        }
    });
}

/// Bodies without a length and with one of a gigabyte, a head and a chunk's size and a greeting that never end.
fn endless_answers(lab: &Lab) {
    let host = director(lab);
    let gigabyte = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    let answers = [
        ("HTTP/1.1 200 OK\r\n\r\n", "hello "),
        (gigabyte, "hello "),
        ("HTTP/1.1 200 OK\r\n", "X-More: of it\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
        ("HTTP/1.1 200 ", "OK"),
    ];
    let tests = ["status_code 200", "digest 5d41402abc4b2a76b9719d911017c592", "regex hel+oo"];
    let at =
        |port: u16| format!("connect_ip 127.0.0.1\n connect_port {port}\n connect_timeout 1\n retry 0\n");
    let mut servers = String::new();
    let mut n = 1;
    for (port, (begin, again)) in (1080..).zip(answers) {
        pour(&host, port, begin, again);
        for test in tests {
            let url = format!("url {{\n path /\n {test}\n }}");
            servers += &server(n, &format!("HTTP_GET {{\n {}{url}\n }}", at(port)));
            n += 1;
        }
    }
    pour(&host, 1025, "", "220-more ");
    servers += &server(n, &format!("SMTP_CHECK {{\n {}}}", at(1025)));
    let listener = listen(&host, local(1001));
    // Each is asked once, and the one beside them all the time.
    let config = service(1, " delay_loop 600", &servers)
        + &service(2, " delay_loop 1", &(server(1, &tcp("127.0.0.1", "")) + &server(2, "")));
    let director = Director::start(Vipd, &host, Path::new(VIPD), &config, &["-C"]);
    wait_row(&host, "10.99.0.2:80", &["1/1", "2/1"]);
    let worker = director.worker(Worker::Check);
    let before = memory(worker);
    drop(listener);
    wait_row(&host, "10.99.0.2:80", &["2/1"]);
    wait_for("all of them to fail", PATIENCE, || match row(&host, "10.99.0.1:80")? {
        row if row.is_empty() => Ok(()),
        row => Err(format!("{row:?}")),
    });
    let _back = listen(&host, local(1001));
    wait_row(&host, "10.99.0.2:80", &["1/1", "2/1"]);
    assert_eq!(director.worker(Worker::Check), worker, "it lives");
    let most = memory(worker);
    assert!(most < before + 16 * 1024, "{most} kB after {before} kB");
    director.terminate();
}

/// Some end when told to, some leave a child behind that has to be ended, too, and some do not listen.
fn hanging_programs(lab: &Lab) {
    // No other program has this argument.
    const FOR_LONG: &str = "31536017";
    let host = director(lab);
    let programs = [
        script(&host, "obeys", &format!("exec sleep {FOR_LONG}")),
        script(&host, "has_a_child", &format!("sleep {FOR_LONG} &\nwait")),
        script(&host, "is_deaf", &format!("trap '' TERM\nsleep {FOR_LONG}\nsleep {FOR_LONG}")),
    ];
    // A check that is the same as another one runs once for both: no two have the same arguments.
    let check = |service: u8, n: u8| {
        let program = programs[if n.is_multiple_of(10) { 2 } else { usize::from(n % 2) }].display();
        let lines = format!("misc_path \"{program} {service} {n}\"\n misc_timeout 3\n user root\n retry 0\n");
        server(n, &format!("MISC_CHECK {{\n {lines} }}"))
    };
    let hanging =
        |n: u8| service(n, " delay_loop 600", &(1..=150).map(|rs| check(n, rs)).collect::<String>());
    let listener = listen(&host, local(1001));
    let config = hanging(1)
        + &hanging(2)
        + &service(3, " delay_loop 1", &(server(1, &tcp("127.0.0.1", "")) + &server(2, "")));
    let director = Director::start(Vipd, &host, Path::new(VIPD), &config, &["-C"]);
    wait_row(&host, "10.99.0.3:80", &["1/1", "2/1"]);
    let worker = director.worker(Worker::Check);
    let before = (memory(worker), status(worker, "Threads"));
    let hang = || {
        let processes = fs::read_dir("/proc").expect("read /proc").filter_map(Result::ok);
        let lines = processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| line.windows(FOR_LONG.len()).any(|part| part == FOR_LONG.as_bytes())).count()
    };
    wait_for("programs that hang", PATIENCE, || if hang() > 0 { Ok(()) } else { Err("none".to_owned()) });
    drop(listener);
    wait_row(&host, "10.99.0.3:80", &["2/1"]);
    for address in ["10.99.0.1:80", "10.99.0.2:80"] {
        wait_for(format_args!("all servers of {address} to fail"), PATIENCE, || match row(&host, address)? {
            row if row.is_empty() => Ok(()),
            row => Err(format!("{} left", row.len())),
        });
    }
    wait_for("the end of all programs", PATIENCE, || match hang() {
        0 => Ok(()),
        count => Err(count.to_string()),
    });
    let _back = listen(&host, local(1001));
    wait_row(&host, "10.99.0.3:80", &["1/1", "2/1"]);
    assert_eq!(director.worker(Worker::Check), worker, "it lives");
    let after = (memory(worker), status(worker, "Threads"));
    assert!(after.0 < before.0 + 8 * 1024 && after.1 <= before.1 + 1, "{after:?} after {before:?}");
    director.terminate();
}

/// Five services with a hundred servers each, which are all the same listener: each is asked at an address of its own,
/// since checks that are the same run once for all. They are down until a check has passed.
fn five_hundred() -> String {
    let server = |service: u8, n: u8| server(n, &tcp(&format!("127.1.{service}.{n}"), "alpha"));
    let servers = |service: u8| -> String { (1..=100).map(|n| server(service, n)).collect() };
    (1..=5).map(|n| service(n, " delay_loop 2", &servers(n))).collect()
}

/// Waits until all of them are up, and all were asked twice more; they still are up, and never were down.
#[track_caller]
fn stay_up(director: &Director, asked: &AtomicUsize) {
    let count = || -> Result<usize, String> {
        Ok(Table::of(director.host())?.services.iter().map(|service| service.servers.len()).sum())
    };
    let all_up = || {
        wait_for("five hundred servers", PATIENCE, || match count()? {
            500 => Ok(()),
            count => Err(count.to_string()),
        });
    };
    all_up();
    wait_more(asked, 1000);
    all_up();
    for word in ["failed", "timeout", "Removing"] {
        assert_eq!(told(director, word), Vec::<String>::new());
    }
}

/// The daemon is started with room for 80 descriptors, which it knows: some probes wait for others.
fn few_descriptors(lab: &Lab) {
    let host = director(lab);
    let asked = counting(&host);
    let program = script(&host, "vipd", &format!("ulimit -n 80\nexec {VIPD} \"$@\""));
    let director = Director::start(Vipd, &host, &program, &five_hundred(), &["-C"]);
    stay_up(&director, &asked);
    assert_eq!(told(&director, "could not run"), Vec::<String>::new());
    director.terminate();
}

/// The room is taken away while it runs: probes that find none are tried again. It is told once for all of them, and once
/// when there is room again.
fn no_descriptors(lab: &Lab) {
    let host = director(lab);
    let asked = counting(&host);
    let director = Director::start(Vipd, &host, Path::new(VIPD), &five_hundred(), &["-C"]);
    let worker = director.worker(Worker::Check);
    host.run(&format!("prlimit --pid {worker} --nofile=40:40"));
    stay_up(&director, &asked);
    let reasons = || told(&director, "could not run");
    let is_one = |lines: &[String]| matches!(lines, [line] if line.contains("Too many open files"));
    assert!(is_one(&reasons()), "{:#?}", reasons());
    assert_eq!(told(&director, "checks run again"), Vec::<String>::new());
    host.run(&format!("prlimit --pid {worker} --nofile=1024:1024"));
    wait_for("word that it is over", PATIENCE, || match &told(&director, "checks run again")[..] {
        [_] => Ok(()),
        lines => Err(format!("{lines:#?}")),
    });
    assert!(is_one(&reasons()), "{:#?}", reasons());
    assert_eq!(director.worker(Worker::Check), worker, "it lives");
    director.terminate();
}

/// Whose check is refused at once by this very machine, since there is no route, is down.
fn unreachable_network(lab: &Lab) {
    let host = director(lab);
    let asked = counting(&host);
    let check = "TCP_CHECK {\n connect_ip 203.0.113.1\n connect_port 80\n retry 2\n delay_before_retry 1\n }";
    let web = "HTTP_GET {\n connect_ip 203.0.113.1\n url {\n path /\n status_code 200\n }\n }";
    let servers = server(1, check) + &server(2, &tcp("127.0.0.1", "")) + &server(3, web);
    let config = service(1, " delay_loop 1", &servers);
    let director = Director::start(Vipd, &host, Path::new(VIPD), &config, &["-C"]);
    wait_row(&host, "10.99.0.1:80", &["2/1"]);
    wait_more(&asked, 5);
    let after = |n: u8| told(&director, &format!("[10.98.0.{n}]:tcp:80"));
    for n in [1, 3] {
        let removals: Vec<_> = after(n).into_iter().filter(|line| line.contains("Removing")).collect();
        assert_eq!(removals.len(), 1, "{removals:#?}");
    }
    let lines = [after(1), after(3)].concat();
    wait_more(&asked, 5);
    assert_eq!([after(1), after(3)].concat(), lines, "nothing more is told of what stays so");
    let reasons: Vec<_> = lines.iter().filter(|line| line.to_lowercase().contains("unreachable")).collect();
    assert!(!reasons.is_empty(), "why: {lines:#?}");
    director.terminate();
}
