//! Clients that ask without a pause, through a masqueraded and a directly routed service, while the director is
//! reloaded, stopped and started again with `-I`, and its check worker is killed: no request fails.
//!
//! ```text
//!   client .50              director .254                server1 .1, server2 .2      10.98.0.0/24
//!   10.96.0.50              10.99.0.1, 10.99.0.2         10.99.0.2 on lo
//!      |                         |                            |
//!   ---+-------------------------+----------------------------+---
//! ```
//!
//! Servers answer 10.96.0.50 through the director, as masquerading wants it, and 10.98.0.50 directly.

use crate::VIPD;
use crate::support::{Director, Host, Implementation::Vipd, Lab, RealServer, Test, Worker, wait_for};
use socket2::{Domain, Socket, Type};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use vipd::ipvs::client::Client;

/// For what a daemon does, on an emulated machine that runs other tests too.
const LIMIT: Duration = Duration::from_secs(30);

const MASQUERADED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1)), 3306);
const ROUTED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 99, 0, 2)), 3306);

/// Rounds of reloads, a death and a restart.
const ROUNDS: u32 = 10;
const RELOADS: u32 = 5;

/// Threads that ask, for each of the two services.
const ASKERS: usize = 2;
/// How often each of them asks: all together 200 times a second.
const EVERY: Duration = Duration::from_millis(20);
/// Even where the machine is so busy that this rate is not kept, so many requests a second were made.
const LEAST: f64 = 20.0;
/// A table that is gone refuses at once; that a busy machine is late is no failure.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("load::no_request_fails_while_the_director_changes", no_request_fails)]
}

/// One asker's requests, until it is told to stop.
struct Asked {
    count: u32,
    slowest: Duration,
    failures: Vec<String>,
}

/// Those that ask.
struct Askers {
    stop: Arc<AtomicBool>,
    start: Instant,
    threads: Vec<JoinHandle<Asked>>,
}

impl Askers {
    fn start(client: &Host) -> Askers {
        let (stop, start) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let mut threads = Vec::new();
        for (from, to) in [([10, 96, 0, 50], MASQUERADED), ([10, 98, 0, 50], ROUTED)] {
            // A port of its own for each request: a director remembers connections long after they ended.
            let port = Arc::new(AtomicU16::new(1024));
            for _ in 0..ASKERS {
                let (client, stop, port) = (client.clone(), Arc::clone(&stop), Arc::clone(&port));
                threads.push(thread::spawn(move || {
                    client.join_namespace();
                    ask(&stop, start, to, || (from, port.fetch_add(1, Ordering::Relaxed)).into())
                }));
            }
        }
        Askers { stop, start, threads }
    }

    /// Ends them: what became of their requests, and how long they asked.
    fn stop(self) -> (Vec<Asked>, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let asked = self.threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        (asked, self.start.elapsed())
    }
}

fn ask(stop: &AtomicBool, start: Instant, to: SocketAddr, mut from: impl FnMut() -> SocketAddr) -> Asked {
    let mut asked = Asked { count: 0, slowest: Duration::ZERO, failures: Vec::new() };
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let (from, begin) = (from(), Instant::now());
        match request(from, to) {
            Ok(answer) if answer.starts_with("server") => {}
            other => asked.failures.push(format!("after {:?}, {from} to {to}: {other:?}", begin - start)),
        }
        asked.count += 1;
        asked.slowest = asked.slowest.max(begin.elapsed());
        // Who is late leaves requests out.
        next = (next + EVERY).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    asked
}

/// A connection of its own: what the server says until it closes.
fn request(from: SocketAddr, to: SocketAddr) -> io::Result<String> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&from.into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    let mut connection = TcpStream::from(socket);
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut name = String::new();
    connection.read_to_string(&mut name)?;
    Ok(name)
}

/// The network of the picture above.
fn network(lab: &Lab) -> (Host, Host, [RealServer; 2]) {
    let client = lab.host("client", "10.98.0.50/24");
    client.configure(&["address add 10.96.0.50/32 dev lo", "route add 10.99.0.0/24 via 10.98.0.254"]);
    let director = lab.host("director", "10.98.0.254/24");
    for key in ["ipv4.conf.all.send_redirects", "ipv4.conf.eth0.send_redirects"] {
        director.sysctl(key, "0");
    }
    director.sysctl("ipv4.ip_forward", "1");
    director.configure(&[
        "address add 10.99.0.1/32 dev lo",
        "address add 10.99.0.2/32 dev lo",
        "route add 10.96.0.50 via 10.98.0.50",
    ]);
    let servers = [1, 2].map(|n| {
        let host = lab.host(&format!("server{n}"), &format!("10.98.0.{n}/24"));
        host.configure(&["route add 10.96.0.50 via 10.98.0.254"]);
        RealServer::start(host, "10.99.0.2")
    });
    (client, director, servers)
}

/// Both services, whose first servers have this weight.
fn config(weight: u32) -> String {
    let server = |n: u8, weight: u32| {
        format!(
            " real_server 10.98.0.{n} 3306 {{\n  weight {weight}\n  TCP_CHECK {{\n   connect_timeout 20\n  }}\n }}\n"
        )
    };
    let service = |n: u8, method: &str| {
        format!(
            "virtual_server 10.99.0.{n} 3306 {{\n delay_loop 1\n lvs_sched wrr\n lvs_method {method}\n protocol TCP\n{}{}}}\n",
            server(1, weight),
            server(2, 2),
        )
    };
    service(1, "NAT") + &service(2, "DR")
}

fn no_request_fails(lab: &Lab) {
    let (client, host, _servers) = network(lab);
    let mut table = host.enter(Client::open).expect("the table");
    let mut wait_weight = |weight: u32| {
        wait_for(format_args!("weight {weight} of both first servers"), LIMIT, || {
            let table = table.table().map_err(|error| error.to_string())?;
            let weights: Vec<Vec<u32>> = table
                .services
                .iter()
                .map(|(_, dests)| dests.iter().map(|dest| dest.weight).collect())
                .collect();
            let are = |weights: &[u32]| matches!(weights, [a, b] if a.max(b) == &weight && a.min(b) == &2);
            if weights.len() == 2 && weights.iter().all(|w| are(w)) {
                Ok(())
            } else {
                Err(format!("{weights:?}"))
            }
        });
    };
    // `-I`: what is in the table stays there when the daemon ends.
    let start = |weight: u32| Director::start(Vipd, &host, Path::new(VIPD), &config(weight), &["-C", "-I"]);
    let mut weight = 3;
    let mut director = start(weight);
    wait_weight(weight);

    let askers = Askers::start(&client);
    for _ in 0..ROUNDS {
        for _ in 0..RELOADS {
            weight += 1;
            director.reload(&config(weight));
            wait_weight(weight);
        }
        director.kill_worker(Worker::Check);
        director.terminate();
        director = start(weight);
        // It takes signals from here on.
        director.worker(Worker::Check);
    }
    wait_weight(weight);
    let (asked, time) = askers.stop();

    let failures: Vec<_> = asked.iter().flat_map(|asked| &asked.failures).collect();
    let count: u32 = asked.iter().map(|asked| asked.count).sum();
    let rate = f64::from(count) / time.as_secs_f64();
    let slowest = asked.iter().map(|asked| asked.slowest).max().unwrap_or_default();
    assert!(
        failures.is_empty(),
        "{} of {count} requests failed: {:#?}",
        failures.len(),
        failures.iter().take(10)
    );
    assert!(rate > LEAST, "{count} requests in {time:?}, the slowest {slowest:?}");
    let log = director.process().log();
    for word in ["somebody else", "as it was left", "Removing", "failed"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
    counted(&host, asked.iter().map(|asked| asked.count).collect::<Vec<_>>().as_slice());
    director.terminate();
}

/// The kernel has counted each request for its service, which so was never made anew.
#[track_caller]
fn counted(host: &Host, asked: &[u32]) {
    let wanted: Vec<u32> = asked.chunks(ASKERS).map(|asked| asked.iter().sum()).collect();
    // The counters lag up to two seconds behind.
    wait_for(format_args!("{wanted:?} connections"), LIMIT, || {
        let text = host.run("ipvsadm -Ln --stats --exact");
        let count = |service: &SocketAddr| -> Option<u32> {
            let line = text.lines().find(|line| line.contains(&service.to_string()))?;
            line.split_whitespace().nth(2)?.parse().ok()
        };
        let counts: Vec<u32> = [MASQUERADED, ROUTED].iter().filter_map(count).collect();
        if counts == wanted { Ok(()) } else { Err(text) }
    });
}
