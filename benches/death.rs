//! How soon a server that fails is out of the kernel's table: the time beyond what the configuration gives it. vipd and
//! keepalived in turns, one server with a TCP_CHECK (`delay_loop 1`, `connect_timeout 1`, `retry 0`) that refuses, or that
//! does not answer at all.
//!
//! `cargo bench --bench death [-- ROUNDS]`. Where this kernel has no IPVS, or you are not root, it runs in the lab's guest
//! (`tests/lab/vm`): there, only the ratios count.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

#[path = "ipvs/mod.rs"]
mod ipvs;
#[path = "../tests/lab/support/mod.rs"]
mod support;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};
use support::{Director, Host, Implementation, guarded, wait_for};
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{Protocol, ServiceKey};

const VIPD: &str = env!("CARGO_BIN_EXE_vipd");

const DELAY_LOOP: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const CONFIG: &str = "virtual_server 10.99.0.1 80 {
    delay_loop 1
    lvs_sched rr
    lvs_method DR
    protocol TCP
    real_server 10.98.0.1 80 {
        inhibit_on_failure
        TCP_CHECK {
            connect_timeout 1
            retry 0
        }
    }
}
";
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 98, 0, 1)), 80);
const LIMIT: Duration = Duration::from_secs(20);

/// How the server fails.
#[derive(Clone, Copy, Debug)]
enum Death {
    Refuses,
    IsSilent,
}

fn main() -> ExitCode {
    // `cargo test --benches` calls it too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    ipvs::in_the_lab(&std::env::args().skip(1).collect::<Vec<_>>());
    let rounds: usize = ipvs::arguments().first().map_or(10, |rounds| rounds.parse().unwrap());
    for death in [Death::Refuses, Death::IsSilent] {
        println!("a server that {}", if matches!(death, Death::Refuses) { "refuses" } else { "is silent" });
        for program in [Implementation::Vipd, Implementation::Keepalived] {
            let mut times = Vec::new();
            let outcome = guarded(|lab| {
                let host = lab.lonely_host("director");
                // What is not here goes out of an interface that nobody is behind.
                for command in ["link add d0 type dummy", "addr add 10.98.0.254/24 dev d0", "link set d0 up"]
                {
                    host.run(&format!("ip {command}"));
                }
                times = measure(&host, program, death, rounds);
            });
            outcome.unwrap_or_else(|reason| panic!("{reason}"));
            times.sort();
            let [median, worst] = [times.len() / 2, times.len() - 1].map(|n| times[n].as_secs_f64() * 1e3);
            println!(
                "  {:<10} beyond its time: median {median:.1} ms, worst {worst:.1} ms",
                program.to_string()
            );
        }
    }
    ExitCode::SUCCESS
}

/// So many deaths, and how much later than configured each was in the table.
fn measure(host: &Host, program: Implementation, death: Death, rounds: usize) -> Vec<Duration> {
    let address = |verb: &str| host.run(&format!("ip address {verb} 10.98.0.1/32 dev lo"));
    address("add");
    let mut listener = Some(host.enter(|| TcpListener::bind(SERVER)).unwrap());
    let director = Director::start(program, host, Path::new(VIPD), CONFIG, &["-C"]);
    let mut client = host.enter(Client::open).unwrap();
    let mut times = Vec::new();
    for _ in 0..rounds {
        wait_for("the server's weight", LIMIT, || match weight(&mut client) {
            Some(1) => Ok(()),
            other => Err(format!("{other:?}")),
        });
        let server = listener.take().unwrap();
        // Two checks: the second is on the schedule.
        drop(server.accept().unwrap());
        drop(server.accept().unwrap());
        let checked = Instant::now();
        let expected = match death {
            Death::Refuses => DELAY_LOOP,
            Death::IsSilent => {
                address("del");
                DELAY_LOOP + CONNECT_TIMEOUT
            }
        };
        drop(server);
        while weight(&mut client) != Some(0) {
            assert!(checked.elapsed() < LIMIT, "{program} does not see it");
            thread::sleep(Duration::from_micros(200));
        }
        times.push(checked.elapsed().saturating_sub(expected));
        if matches!(death, Death::IsSilent) {
            address("add");
        }
        listener = Some(host.enter(|| TcpListener::bind(SERVER)).unwrap());
    }
    director.terminate();
    times
}

fn weight(client: &mut Client) -> Option<u32> {
    let address = Ipv4Addr::new(10, 99, 0, 1).into();
    let key = ServiceKey::Address { protocol: Protocol::Tcp, address, port: 80 };
    client.dests(&key).ok()?.first().map(|entry| entry.dest.weight)
}
