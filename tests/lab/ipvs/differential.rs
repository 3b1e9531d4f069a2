//! Random command lines, run with ipvsadm in one namespace and with vipd in another: exit status, output and the
//! resulting table must be the same after each.
//!
//! `VIPD_SEED` and `VIPD_COMMANDS` are the first seed and the number of commands (of all seeds together):
//! `VIPD_SEED=100 VIPD_COMMANDS=10000 cargo test --test lab -- ipvs::random`.

use super::generator::{Generator, Line, Program};
use super::{ATTEMPTS, Pair, by_service, shrink};
use crate::VIPD;
use crate::support::{Host, Lab, Test, yield_to_others};
use std::ffi::OsStr;
use std::fmt::{self, Debug, Write as _};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;
use vipd::ipvs::client::Client;
use vipd::ipvs::model::{Daemon, DaemonState, Dest, Service, Timeouts};
use vipd::ipvs::operation::Operation;

/// So many seeds run side by side, each with namespaces of its own.
const SEEDS: u64 = 4;
/// Commands of all seeds together.
const COMMANDS: u64 = 3000;
/// Commands between two empty tables.
const EPISODE: usize = 40;
/// A program that runs longer hangs.
const PATIENCE: Duration = Duration::from_secs(300);
/// A seed ends after so many differences.
const ENOUGH: usize = 8;

pub(super) fn tests() -> Vec<Test> {
    let first = parameter("VIPD_SEED", 1);
    let commands = parameter("VIPD_COMMANDS", COMMANDS) / SEEDS;
    let test = |n| {
        let name = format!("ipvs::random_commands_as_ipvsadm_{n}");
        Test::new(name, move |lab: &Lab| random_commands(&Pair::new(lab), first + n, commands))
    };
    (0..SEEDS).map(test).collect()
}

fn parameter(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|e| panic!("{name}={text}: {e}")),
        Err(_) => default,
    }
}

fn random_commands(pair: &Pair, seed: u64, commands: u64) {
    yield_to_others();
    thread::scope(|scope| {
        let seat = |host: &Host, programs: Option<PathBuf>| {
            let (jobs, queue) = channel();
            let (host, seat) = (host.clone(), Seat { jobs });
            scope.spawn(move || {
                host.join_namespace();
                work(programs.as_deref(), &queue);
            });
            seat
        };
        let table = Bench {
            theirs: seat(&pair.theirs, None),
            ours: seat(&pair.ours, Some(pair.programs.clone())),
            guest: seat(&pair.theirs, Some(pair.programs.clone())),
        };
        let mut report = String::new();
        let mut found = 0;
        let mut generator = Generator::new(seed);
        let (mut run, mut lines) = (0, 0);
        while run < commands && found < ENOUGH {
            table.reset();
            let mut history: Vec<Line> = Vec::new();
            for _ in 0..EPISODE.min((commands - run) as usize) {
                let line = generator.line();
                run += 1;
                lines += line.commands();
                history.push(line);
                let last = history.last().expect("just pushed");
                if let Err(first) = table.compare(last) {
                    found += 1;
                    let shortest = shrink::shrink(history, |lines| table.differs(lines).is_some());
                    // Once more, for the message.
                    let difference = table
                        .differs(&shortest)
                        .unwrap_or_else(|| format!("it did not come again; at first it was: {first}"));
                    let script = shrink::script(&shortest);
                    write!(report, "\nseed {seed}, command {run}:\n{script}{difference}").expect("a string");
                    break;
                }
            }
        }
        assert!(
            found == 0,
            "{found} differences in {run} runs ({lines} command lines) of seed {seed}{report}"
        );
    });
}

/// A thread in a namespace that runs programs there.
struct Seat {
    jobs: Sender<Job>,
}

enum Job {
    Run(Line, Sender<Outcome>),
    Read(Sender<State>),
    Reset(Sender<()>),
}

impl Seat {
    fn ask<T>(&self, job: impl FnOnce(Sender<T>) -> Job) -> Receiver<T> {
        let (sender, receiver) = channel();
        self.jobs.send(job(sender)).expect("the seat is taken");
        receiver
    }
}

/// Two namespaces, and vipd as a guest in ipvsadm's.
struct Bench {
    theirs: Seat,
    ours: Seat,
    guest: Seat,
}

impl Bench {
    /// Empties both tables, ends both daemons.
    fn reset(&self) {
        let both = [&self.theirs, &self.ours].map(|seat| seat.ask(Job::Reset));
        both.iter().for_each(|done| done.recv().expect("an answer"));
    }

    /// What differs at the end of these runs, from the beginning.
    fn differs(&self, lines: &[Line]) -> Option<String> {
        self.reset();
        let (last, before) = lines.split_last()?;
        before.iter().for_each(|line| drop(self.both(line)));
        self.compare(last).err()
    }

    fn both(&self, line: &Line) -> [Outcome; 2] {
        // Who only lists can do so where ipvsadm does, and find the kernel's lists in the same order.
        let ours = if line.lists() { &self.guest } else { &self.ours };
        let answers = [&self.theirs, ours].map(|seat| seat.ask(|to| Job::Run(line.clone(), to)));
        answers.map(|answer| match answer.recv_timeout(PATIENCE) {
            Ok(outcome) => outcome,
            Err(error) => panic!("{error}: {}", shrink::script(std::slice::from_ref(line))),
        })
    }

    /// Runs the line on both sides; the error is what differs.
    fn compare(&self, line: &Line) -> Result<(), String> {
        let mut outcomes = self.both(line);
        if line.lists() {
            // Other tests change the list of services that the kernel walks for all namespaces.
            for _ in 0..ATTEMPTS {
                if difference(line, &outcomes).is_none() {
                    break;
                }
                outcomes = self.both(line);
            }
        }
        let mut text = difference(line, &outcomes).unwrap_or_default();
        if !line.lists() {
            let states = [&self.theirs, &self.ours].map(|seat| seat.ask(Job::Read));
            let [theirs, ours] = states.map(|state| state.recv().expect("an answer"));
            if theirs != ours {
                write!(text, "tables afterwards\n  ipvsadm: {theirs}\n  vipd:    {ours}").expect("a string");
            }
        }
        if text.is_empty() { Ok(()) } else { Err(text) }
    }
}

/// How a program ended, and what it said.
struct Outcome {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

/// Statuses are the same, output is the same, and either both complain or none does.
fn difference(line: &Line, [theirs, ours]: &[Outcome; 2]) -> Option<String> {
    // What kills ipvsadm (a null pointer) need not kill us, but we must not call it a success.
    let same_status = match theirs.status.signal() {
        Some(_) => !ours.status.success(),
        None => ours.status.code() == theirs.status.code(),
    };
    let shown = |outcome: &Outcome| {
        let text = String::from_utf8_lossy(&outcome.stdout).into_owned();
        match text.split_once("\nUsage:\n") {
            // The words of the help are our own.
            Some((version, _)) => format!("{version}\n(help)"),
            None if line.lists() => text,
            None => by_service(&text),
        }
    };
    let same_output = shown(theirs) == shown(ours);
    let same_complaint = theirs.stderr.is_empty() == ours.stderr.is_empty();
    (!(same_status && same_output && same_complaint))
        .then(|| format!("ipvsadm: {theirs:?}\nvipd:    {ours:?}\n"))
}

impl Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, err) = (String::from_utf8_lossy(&self.stdout), String::from_utf8_lossy(&self.stderr));
        write!(f, "{}, stdout {out:?}, stderr {err:?}", self.status)
    }
}

/// What a namespace's IPVS is.
#[derive(PartialEq, Eq)]
struct State {
    /// By their keys; the servers in the kernel's order.
    services: Vec<(Service, Vec<Dest>)>,
    timeouts: Timeouts,
    daemons: Vec<Daemon>,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (service, dests) in &self.services {
            write!(f, "\n    {service:?}")?;
            for dest in dests {
                write!(f, "\n      {dest:?}")?;
            }
        }
        writeln!(f, "\n    {:?} {:?}", self.timeouts, self.daemons)
    }
}

/// A seat's thread: `programs` is where vipd is called ipvsadm, `None` takes ipvsadm itself.
fn work(programs: Option<&Path>, queue: &Receiver<Job>) {
    let mut client = Client::open().expect("IPVS");
    for job in queue {
        // Who asked may have given up.
        match job {
            Job::Run(line, to) => {
                let _ = to.send(run(programs, &line));
            }
            Job::Read(to) => {
                let _ = to.send(read(&mut client));
            }
            Job::Reset(to) => {
                let stops = [DaemonState::Master, DaemonState::Backup].map(Operation::StopDaemon);
                client.execute(&stops);
                let timeouts = Timeouts { tcp: 900, tcp_fin: 120, udp: 300 };
                assert_eq!(client.execute(&[Operation::Flush, Operation::SetTimeouts(timeouts)]), []);
                let _ = to.send(());
            }
        }
    }
}

fn run(programs: Option<&Path>, line: &Line) -> Outcome {
    let name = line.program.name();
    let mut command = match programs {
        None => Command::new(name),
        Some(_) if line.subcommand && line.program == Program::Ipvsadm => {
            let mut command = Command::new(VIPD);
            command.arg("ipvs");
            command
        }
        Some(programs) => Command::new(programs.join(name)),
    };
    command.args(line.words.iter().map(|w| OsStr::from_bytes(w)));
    if line.posix {
        command.env("POSIXLY_CORRECT", "1");
    }
    command.env("LC_ALL", if line.utf8 { "C.UTF-8" } else { "C" });
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A program that refuses its arguments does not read.
    drop(child.stdin.take().expect("it is piped").write_all(&line.input));
    let output = child.wait_with_output().expect("wait for a child");
    Outcome { status: output.status, stdout: output.stdout, stderr: output.stderr }
}

fn read(client: &mut Client) -> State {
    let mut services = client.table().expect("the table").services;
    services.sort_by_key(|(service, _)| service.key);
    State {
        services,
        timeouts: client.timeouts().expect("the timeouts"),
        daemons: client.daemons().expect("the daemons"),
    }
}
