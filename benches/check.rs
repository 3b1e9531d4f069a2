//! What the check worker costs on a table of 100,000 servers, against reading and writing that table by the client: to
//! start, to reload with one change, until what others have removed is back behind a reload, to take 1,000 servers out that
//! fail at once, and to start again onto the table that was left.
//!
//! `cargo bench --bench check [-- SERVICESxSERVERS...]`, by default 10x10000. Where this kernel has no IPVS, or you are
//! not root, it runs in the lab's guest (`tests/lab/vm`): there, only the ratios count.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is what this is")]
#![allow(clippy::unwrap_used, reason = "what fails here ends the measurement")]

#[path = "ipvs/mod.rs"]
mod ipvs;

use ipvs::enter_new_namespace;
use std::net::Ipv4Addr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use vipd::check::config::{Checker, Endpoint, Misc, Probe, RealServer, Schedule, VirtualServer};
use vipd::command::Command;
use vipd::conf::Config;
use vipd::daemon::check;
use vipd::daemon::worker::{Control, FromWorker, Options, ToWorker};
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{Dest, DestKey, Forward, Protocol, ServiceKey};
use vipd::ipvs::operation::Operation;
use vipd::run::{Run, RunOutcome};

/// Servers that fail at once; with more services, one of each.
const DEATHS: u32 = 1000;

/// How many of a service's servers are checked, and fail.
fn checked(services: u32) -> u32 {
    (DEATHS / services).max(1)
}

fn main() {
    let arguments = ipvs::arguments();
    ipvs::in_the_lab(&arguments);
    for (services, servers) in ipvs::sizes(arguments, &["10x10000"]) {
        println!("{services} services x {servers} servers, {} of them checked", services * checked(services));
        measure(services, servers);
    }
}

fn command(program: &str) -> Command {
    Command { argv: vec![program.to_owned()], run_as: None }
}

/// The checked servers are spread over all services, and each service is told when the last of its own is gone.
fn config(services: u32, servers: u32, weight: u32) -> Config {
    let checked = checked(services);
    let virtual_server = |s: u32| {
        let address = |n: u32| (Ipv4Addr::from_bits(0x0a00_0000 + s * servers + n), 80).into();
        let endpoint = Endpoint::Address((Ipv4Addr::from_bits(0xac10_0000 + s), 80).into());
        let mut vs = VirtualServer::new(format!("service {s}"), endpoint, Protocol::Tcp);
        vs.real_servers = (0..servers)
            .map(|n| RealServer { forward: Forward::DirectRoute, ..RealServer::new(address(n)) })
            .collect();
        for rs in vs.real_servers.iter_mut().take(checked as usize) {
            let misc =
                Misc { command: command("/bin/true"), dynamic: false, timeout: Duration::from_secs(60) };
            let schedule = Schedule { warmup: Duration::ZERO, retry: 0, ..Schedule::DEFAULT };
            rs.checkers = vec![Checker { schedule, ..Checker::new(rs.address, Probe::Misc(Box::new(misc))) }];
        }
        vs.quorum = servers - checked + 1;
        vs.quorum_down = Some(Box::new(command("/bin/false")));
        vs
    };
    let mut config = Config::default();
    config.check.virtual_servers = (0..services).map(virtual_server).collect();
    config.check.virtual_servers[0].real_servers.last_mut().unwrap().weight = weight;
    config
}

struct Parent {
    to_worker: UnboundedSender<ToWorker>,
    from_worker: UnboundedReceiver<FromWorker>,
}

impl Parent {
    fn ready(&mut self) {
        while self.from_worker.blocking_recv().unwrap() != FromWorker::Ready {}
    }

    fn runs(&mut self, program: &str, count: u32) -> Vec<Run> {
        let mut runs = Vec::new();
        while runs.len() < count as usize {
            if let FromWorker::Run(run) = self.from_worker.blocking_recv().unwrap()
                && run.command.program() == program
            {
                runs.push(run);
            }
        }
        runs
    }
}

/// A check worker in a thread of its own, and how it is told things.
fn worker(config: Config) -> (Parent, JoinHandle<()>) {
    let (to_worker, inbox) = unbounded_channel();
    let (outbox, from_worker) = unbounded_channel();
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let control = Control::new(inbox, outbox);
        let options = Options { dont_release_ipvs: true, ..Options::default() };
        runtime.block_on(check::run(config, options, control));
    });
    (Parent { to_worker, from_worker }, worker)
}

fn measure(services: u32, servers: u32) {
    let written = std::thread::spawn(move || {
        enter_new_namespace();
        let operations = ipvs::operations(services, servers);
        let start = Instant::now();
        assert!(Client::open().unwrap().execute(&operations).is_empty());
        start.elapsed()
    });
    let written = written.join().unwrap();
    // All live in one namespace: the workers' threads are made by the one that reads.
    let measurement = std::thread::spawn(move || {
        enter_new_namespace();
        let start = Instant::now();
        let (mut parent, thread) = worker(config(services, servers, 1));
        parent.ready();
        let started = start.elapsed();
        let mut client = Client::open().unwrap();
        let mut reading = || {
            let start = Instant::now();
            let table = client.table().unwrap();
            (start.elapsed(), table.services.iter().map(|(_, dests)| dests.len()).sum::<usize>())
        };
        let (read, count) = reading();
        assert_eq!(count, (services * servers) as usize);

        let deaths = services * checked(services);
        let runs = parent.runs("/bin/true", deaths);
        let start = Instant::now();
        for run in &runs {
            let outcome = RunOutcome::Exited(1);
            parent.to_worker.send(ToWorker::RunEnded { id: run.id, outcome }).unwrap();
        }
        parent.runs("/bin/false", services);
        let died = start.elapsed();
        assert_eq!(reading().1, (services * servers - deaths) as usize);

        let changed = config(services, servers, 2);
        let start = Instant::now();
        parent.to_worker.send(ToWorker::Reload(Box::new(changed))).unwrap();
        parent.ready();
        let reloaded = start.elapsed();

        let same = config(services, servers, 2);
        let mended =
            mended(services, servers, || parent.to_worker.send(ToWorker::Reload(Box::new(same))).unwrap());
        parent.to_worker.send(ToWorker::Stop).unwrap();
        thread.join().unwrap();

        let same = config(services, servers, 2);
        let start = Instant::now();
        let (mut parent, thread) = worker(same);
        parent.ready();
        let again = start.elapsed();
        parent.to_worker.send(ToWorker::Stop).unwrap();
        thread.join().unwrap();
        let lines = [
            ("reading by the client", read),
            ("writing by the client", written),
            ("start", started),
            ("reload, one changed", reloaded),
            ("others' change is back", mended),
            ("all deaths at once", died),
            ("start onto it again", again),
        ];
        for (name, time) in lines {
            let (time, read) = (time.as_secs_f64(), read.as_secs_f64());
            println!("  {name:<26} {time:>9.4} s  {:>7.2} x reading", time / read);
        }
    });
    measurement.join().unwrap();
}

/// How long it takes from a reload until a server is back that others have removed of the service that is looked at last.
fn mended(services: u32, servers: u32, reload: impl FnOnce()) -> Duration {
    let mut client = Client::open().unwrap();
    let address = Ipv4Addr::from_bits(0xac10_0000 + services - 1).into();
    let key = ServiceKey::Address { protocol: Protocol::Tcp, address, port: 80 };
    let server = Ipv4Addr::from_bits(0x0a00_0000 + services * servers - 1).into();
    let dest = DestKey { address: server, port: 80 };
    assert!(client.execute(&[Operation::DeleteDest(key, dest)]).is_empty());
    let start = Instant::now();
    reload();
    // It is there exactly when it can't be removed twice: one request, where reading could be 10,000 servers.
    while !client.execute(&[Operation::DeleteDest(key, dest)]).is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let elapsed = start.elapsed();
    let (forward, weight) = (Forward::DirectRoute, 1);
    let dest = Dest { key: dest, forward, weight, upper_threshold: 0, lower_threshold: 0 };
    assert!(client.execute(&[Operation::AddDest(key, dest)]).is_empty());
    elapsed
}
