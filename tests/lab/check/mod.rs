//! The check worker on a real kernel: probes that meet every kind of answer, and the table as ipvsadm reads it.
//!
//! The driver runs in a thread of this process that lives on a host of the lab, with a configuration made by hand:
//! what the language can say of it is tested elsewhere.

mod daemon;
mod dumps;
mod faults;
mod hostile;
mod probes;
pub(crate) mod servers;
mod table;
mod verdicts;

use crate::support::{Host, Lab, Table, Test, wait_for};
use nix::unistd::Pid;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use vipd::check::config::{Checker, Connect, Endpoint, Probe, RealServer, Schedule, VirtualServer};
use vipd::conf::Config;
use vipd::daemon::check;
use vipd::daemon::worker::{Control, FromWorker, Options, TableState, ToWorker};
use vipd::ipvs::model::{Forward, Protocol};
use vipd::run::{Run, RunOutcome};

/// Longer than any check of these tests takes, its first one included.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn tests() -> Vec<Test> {
    let all = [
        daemon::tests(),
        dumps::tests(),
        faults::tests(),
        hostile::tests(),
        probes::tests(),
        table::tests(),
        verdicts::tests(),
    ];
    all.into_iter().flatten().collect()
}

/// The driver, on a host.
struct Worker {
    inbox: UnboundedSender<ToWorker>,
    outbox: UnboundedReceiver<FromWorker>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start(host: &Host, virtual_servers: Vec<VirtualServer>, options: Options) -> Worker {
        Worker::begin(host, config(virtual_servers), options)
    }

    fn begin(host: &Host, config: Config, options: Options) -> Worker {
        let (to_worker, inbox) = unbounded_channel();
        let (outbox, from_worker) = unbounded_channel();
        let host = host.clone();
        let thread = std::thread::spawn(move || {
            host.join_namespace();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(check::run(config, options, Control::new(inbox, outbox)));
        });
        let mut worker = Worker { inbox: to_worker, outbox: from_worker, thread };
        worker.ready();
        worker
    }

    fn ready(&mut self) {
        assert_eq!(self.outbox.blocking_recv(), Some(FromWorker::Table(TableState::Writable)));
        assert_eq!(self.outbox.blocking_recv(), Some(FromWorker::Ready));
    }

    fn reload(&mut self, virtual_servers: Vec<VirtualServer>) {
        self.change(config(virtual_servers));
    }

    fn change(&mut self, config: Config) {
        self.inbox.send(ToWorker::Reload(Box::new(config))).expect("it runs");
        assert_eq!(self.outbox.blocking_recv(), Some(FromWorker::Ready));
    }

    /// The next program that it wants run.
    fn run(&mut self) -> Run {
        loop {
            match self.outbox.blocking_recv() {
                Some(FromWorker::Run(run)) => return run,
                Some(_) => {}
                None => panic!("it ended"),
            }
        }
    }

    fn ended(&self, run: &Run, status: u8) {
        let outcome = RunOutcome::Exited(status);
        self.inbox.send(ToWorker::RunEnded { id: run.id, outcome }).expect("it runs");
    }

    fn stop(self) {
        self.inbox.send(ToWorker::Stop).expect("it runs");
        self.thread.join().expect("no panic");
    }
}

fn config(virtual_servers: Vec<VirtualServer>) -> Config {
    Config { check: vipd::check::Config { virtual_servers, ..Default::default() }, ..Config::default() }
}

fn loaded(text: &str) -> Vec<VirtualServer> {
    let loaded = vipd::conf::load_text("k.conf", text.to_owned(), &vipd::conf::LoadOptions::default());
    loaded.config.expect("a configuration").check.virtual_servers
}

/// `10.99.0.<n>:80` by round robin.
fn service(n: u8, real_servers: Vec<RealServer>) -> VirtualServer {
    let endpoint = Endpoint::Address(([10, 99, 0, n], 80).into());
    VirtualServer {
        scheduler: "rr".into(),
        real_servers,
        ..VirtualServer::new(format!("[10.99.0.{n}]:tcp:80"), endpoint, Protocol::Tcp)
    }
}

/// `10.98.0.<n>:80`, by direct routing.
fn server(n: u8, checkers: Vec<Checker>) -> RealServer {
    let address = ([10, 98, 0, n], 80).into();
    RealServer { forward: Forward::DirectRoute, checkers, ..RealServer::new(address) }
}

/// A check each 200 ms.
fn check_of(to: SocketAddr) -> Checker {
    let fast = Duration::from_millis(200);
    let schedule = Schedule { delay_loop: fast, delay_before_retry: fast, warmup: fast, ..Schedule::DEFAULT };
    let connect = Connect { timeout: Duration::from_millis(500), ..Connect::DEFAULT };
    Checker { schedule, connect, ..Checker::new(to, Probe::Tcp) }
}

/// A shell script of this host's.
fn script(host: &Host, name: &str, text: &str) -> PathBuf {
    let path = host.file(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("write a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("make it executable");
    path
}

fn director(lab: &Lab) -> Host {
    lab.host("director", "10.98.0.254/24")
}

/// A server's process, on the host itself.
fn listen(host: &Host, at: SocketAddr) -> TcpListener {
    host.enter(|| TcpListener::bind(at)).expect("listen")
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// A service's servers as `last number/weight`, in order.
fn row(host: &Host, service: &str) -> Result<Vec<String>, String> {
    let table = Table::of(host)?;
    let service = table.services.iter().find(|s| s.address == service).ok_or_else(|| table.to_string())?;
    let mut servers: Vec<_> = service
        .servers
        .iter()
        .map(|s| format!("{}/{}", s.address.split(['.', ':']).nth(3).unwrap_or_default(), s.weight))
        .collect();
    servers.sort();
    Ok(servers)
}

#[track_caller]
fn wait_row(host: &Host, service: &str, servers: &[&str]) {
    wait_for(format_args!("{service} to have {servers:?}"), LIMIT, || match row(host, service)? {
        row if row == servers => Ok(()),
        row => Err(format!("{row:?}")),
    });
}

/// A number that the kernel tells of a process, as `Threads`.
#[track_caller]
fn status(process: Pid, name: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("it lives");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// The most memory that a process has had so far, in kB.
#[track_caller]
fn memory(process: Pid) -> u64 {
    status(process, "VmHWM")
}
