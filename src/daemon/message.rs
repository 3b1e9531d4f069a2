//! What goes over the socket between parent and worker, and how.
//!
//! Small messages (postcard) travel as they are; a configuration, of whatever size, in a sealed memory file that the
//! parent makes once for all workers. The bootstrap of a worker turns them into [`super::worker`]'s.

use super::dump::{Dump, Machine, Names};
use super::fifo::Which;
use super::scripts::Conditions;
use super::source::{Loaded, Source};
use super::worker::{FromWorker, Kind, Options, Quorums, TableState};
use crate::conf::Config;
use crate::conf::config::{Fifos, Hooks, Instancing};
use crate::run::{Run, RunId, RunOutcome};
use crate::state::keepalived::data::{self, Process};
use crate::state::settings::Settings;
use crate::sys::input::reason;
use crate::sys::{channel, log, memfd};
use crate::{check, vrrp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// The first argument of a worker's command line.
pub const WORKER_ARGUMENT: &str = "--worker";

/// The first message to a worker, with the configuration beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Start {
    /// What it is to be.
    pub(super) kind: Kind,
    /// The name that process lists show.
    pub(super) name: String,
    /// Its share of the command line.
    pub(super) options: Options,
    /// Where it logs to.
    pub(super) log: log::Settings,
}

/// Parent to worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Comes first, with the configuration.
    Start(Start),
    /// With the new configuration.
    Reload,
    /// Stop cleanly.
    Stop,
    /// A program that the worker wanted run has ended.
    RunEnded {
        /// Which.
        id: RunId,
        /// How.
        outcome: RunOutcome,
    },
    /// The state of the IPVS table.
    Table(TableState),
    /// The quorums of tracked virtual servers.
    Quorums(Quorums),
    /// Write a file of what is going on.
    Dump(Dump),
    /// To be written to, with the FIFO: before [`Order::Start`] those that are there then.
    Fifo(Which),
    /// There is none any more.
    NoFifo(Which),
    /// Before [`Order::Start`], with a configuration: what is in the kernel's table may be of that one.
    Former,
    /// Comes first, and is all: read a configuration.
    Load {
        /// The name that process lists show.
        name: String,
        /// From where.
        source: Source,
    },
    /// Comes first, to the process that runs scripts.
    Runner {
        /// The name that process lists show.
        name: String,
    },
    /// Run a program.
    Run {
        /// Which.
        run: Run,
        /// Under these conditions.
        conditions: Conditions,
    },
    /// End a run.
    CancelRun(RunId),
}

/// From the process that reads the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FromLoader {
    /// A worker's part is in the memory file beside this.
    Part(Kind),
    /// That is all.
    Done(Box<Summary>),
}

/// What the parent needs to know of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Summary {
    /// It can't be run, which ends the program with this status at start.
    pub(super) exit: Option<u8>,
    /// What was found in it, a line each, for the log.
    pub(super) findings: Vec<String>,
    /// Errors among that, without their places.
    pub(super) errors: Vec<String>,
    /// It says nothing at all.
    pub(super) is_empty: bool,
    /// Workers that have something to do.
    pub(super) work: BTreeSet<Kind>,
    /// `process_name`: what the parent is called.
    pub(super) process_name: Option<String>,
    /// `lvs_sync_daemon`: the VRRP process, too, has something for the kernel's IPVS to do.
    pub(super) synchronises: bool,
    /// `instance`, `net_namespace`, `use_pid_dir`: where the daemon lives.
    pub(super) instancing: Instancing,
    /// Under which conditions scripts run.
    pub(super) scripts: Conditions,
    /// `startup_script`, `shutdown_script`.
    pub(super) hooks: Hooks,
    /// `*notify_fifo*`
    pub(super) fifos: Fifos,
    /// `reload_as_keepalived`: errors are no reason to refuse the next one.
    pub(super) takes_errors: bool,
    /// `reload_check_config`: where the findings of a refused reload go too.
    pub(super) findings_file: Option<String>,
    /// Where `keepalived_parent.data` goes, and what stands in it.
    pub(super) data: (PathBuf, String),
}

impl Summary {
    /// Of a configuration that can be run.
    pub(super) fn of(loaded: &Loaded) -> Summary {
        let config = &loaded.config;
        let has_work = |kind: &Kind| match kind {
            Kind::Vrrp => !config.vrrp.instances.is_empty(),
            Kind::Check => !config.check.virtual_servers.is_empty(),
        };
        Summary {
            exit: None,
            findings: loaded.findings.clone(),
            errors: loaded.errors.clone(),
            is_empty: loaded.is_empty,
            work: [Kind::Vrrp, Kind::Check].into_iter().filter(has_work).collect(),
            process_name: config.global.processes.parent_name.clone(),
            synchronises: config.global.sync_daemon.is_some(),
            instancing: config.global.instancing.clone(),
            scripts: Conditions::of(&config.global),
            hooks: config.global.hooks.clone(),
            fifos: config.global.fifos.clone(),
            takes_errors: config.global.reload.as_keepalived && config.global.reload.check_config.is_none(),
            findings_file: config.global.reload.check_config.clone(),
            data: (
                Names::of(config).data(Process::Parent),
                data::parent(&Settings::of(config), &Machine::new()),
            ),
        }
    }
}

/// From the process that runs scripts: one of them has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunEnded {
    /// Which.
    pub(super) id: RunId,
    /// How.
    pub(super) outcome: RunOutcome,
}

/// Why a message can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The socket failed.
    #[error("control socket: {}", reason(.0))]
    Socket(#[from] io::Error),
    /// It can't be read: the two ends are not of the same program.
    #[error("control message: {0}")]
    Decode(#[from] postcard::Error),
    /// An order that needs a configuration came without one.
    #[error("control message without its configuration")]
    NoConfig,
}

impl Error {
    /// The process at the other end has ended, or is about to: its end will be told, and says more.
    pub(super) fn is_of_a_dead_peer(&self) -> bool {
        matches!(self, Error::Socket(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset))
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        match error {
            Error::Socket(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// What a worker needs of a configuration, ready to be handed over.
///
/// # Errors
/// The kernel's, where it has no memory or no file descriptor left.
pub(super) fn share(config: &Config, kind: Kind) -> Result<OwnedFd, Error> {
    // Each worker gets its own part, and what is said of the others as a whole, which it shows: the check worker has no
    // business with the VRRP passwords.
    let part = match kind {
        Kind::Vrrp => {
            let settings = config.check.settings.clone();
            Config { check: check::Config { settings, ..Default::default() }, ..config.clone() }
        }
        Kind::Check => {
            let (defaults, settings) = (config.vrrp.defaults.clone(), config.vrrp.settings.clone());
            Config { vrrp: vrrp::Config { defaults, settings, ..Default::default() }, ..config.clone() }
        }
    };
    Ok(memfd::sealed("vipd-config", &postcard::to_stdvec(&part)?)?)
}

/// Sends an order and, with those that need one, a configuration.
///
/// # Errors
/// [`channel::send`]'s.
pub(super) fn send_order(
    socket: BorrowedFd<'_>,
    order: &Order,
    config: Option<BorrowedFd<'_>>,
) -> Result<(), Error> {
    match config {
        Some(config) => Ok(channel::send(socket, &postcard::to_stdvec(order)?, Some(config))?),
        None => send(socket, order),
    }
}

/// The next order; `None` when the parent is gone.
///
/// # Errors
/// [`channel::receive`]'s, and [`Error::Decode`].
pub(super) fn receive_order(socket: BorrowedFd<'_>) -> Result<Option<(Order, Option<OwnedFd>)>, Error> {
    receive(socket)
}

/// The configuration that came with an order.
///
/// # Errors
/// [`Error::NoConfig`] where none came; the memory file's.
pub(super) fn read_config(attached: Option<OwnedFd>) -> Result<Config, Error> {
    let file = attached.ok_or(Error::NoConfig)?;
    Ok(postcard::from_bytes(&memfd::read(file.as_fd())?)?)
}

/// Sends a worker's report.
///
/// # Errors
/// [`channel::send`]'s.
pub(super) fn send_report(socket: BorrowedFd<'_>, report: &FromWorker) -> io::Result<()> {
    Ok(send(socket, report)?)
}

/// The next report of a worker; `None` when it is gone.
///
/// # Errors
/// [`channel::receive`]'s, and [`Error::Decode`].
pub(super) fn receive_report(socket: BorrowedFd<'_>) -> Result<Option<FromWorker>, Error> {
    Ok(receive(socket)?.map(|(report, _)| report))
}

/// Says what was read, with a worker's part of it.
///
/// # Errors
/// [`channel::send`]'s.
pub(super) fn send_from_loader(
    socket: BorrowedFd<'_>,
    message: &FromLoader,
    part: Option<BorrowedFd<'_>>,
) -> Result<(), Error> {
    match part {
        Some(part) => Ok(channel::send(socket, &postcard::to_stdvec(message)?, Some(part))?),
        None => send(socket, message),
    }
}

/// The next message of the process that reads the configuration; `None` when it is gone.
///
/// # Errors
/// [`channel::receive`]'s, and [`Error::Decode`].
pub(super) fn receive_from_loader(
    socket: BorrowedFd<'_>,
) -> Result<Option<(FromLoader, Option<OwnedFd>)>, Error> {
    receive(socket)
}

/// Says that a script has ended.
///
/// # Errors
/// [`channel::send`]'s.
pub(super) fn send_run_ended(socket: BorrowedFd<'_>, ended: &RunEnded) -> io::Result<()> {
    Ok(send(socket, ended)?)
}

/// The next script that has ended; `None` when the process that runs them is gone.
///
/// # Errors
/// [`channel::receive`]'s, and [`Error::Decode`].
pub(super) fn receive_run_ended(socket: BorrowedFd<'_>) -> Result<Option<RunEnded>, Error> {
    Ok(receive(socket)?.map(|(ended, _)| ended))
}

/// Stands for a message that is too long for the socket: it is in the memory file beside this. No message begins so,
/// since no enumeration here has so many variants.
const IN_FILE: u8 = 0xff;

/// Sends a message, in a memory file where it is long: a script may have any number of arguments.
fn send<T: Serialize>(socket: BorrowedFd<'_>, message: &T) -> Result<(), Error> {
    let bytes = postcard::to_stdvec(message)?;
    if bytes.len() <= channel::MAX_MESSAGE {
        return Ok(channel::send(socket, &bytes, None)?);
    }
    let file = memfd::sealed("vipd-message", &bytes)?;
    Ok(channel::send(socket, &[IN_FILE], Some(file.as_fd()))?)
}

fn receive<T: DeserializeOwned>(socket: BorrowedFd<'_>) -> Result<Option<(T, Option<OwnedFd>)>, Error> {
    let Some((bytes, attached)) = channel::receive(socket)? else { return Ok(None) };
    match (bytes.as_slice(), attached) {
        ([IN_FILE], Some(file)) => Ok(Some((postcard::from_bytes(&memfd::read(file.as_fd())?)?, None))),
        (bytes, attached) => Ok(Some((postcard::from_bytes(bytes)?, attached))),
    }
}

/// What is read of the bytes is written, and read from there, the same.
pub(crate) fn same_again<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(value) = postcard::from_bytes::<T>(bytes) else { return };
    let written = postcard::to_stdvec(&value).expect("what was read can be written");
    let again = postcard::from_bytes::<T>(&written).expect("what was written can be read");
    assert!(postcard::to_stdvec(&again).is_ok_and(|again| again == written));
}

/// Reads bytes as whatever goes over the socket, for the tests that make up bytes.
pub(crate) fn check(bytes: &[u8]) {
    same_again::<Order>(bytes);
    same_again::<FromWorker>(bytes);
}

/// Messages for [`check`] to begin with.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let start = Start {
        kind: Kind::Check,
        name: "vipd".to_owned(),
        options: Options::default(),
        log: log::Settings {
            tag: "vipd".to_owned(),
            file: Some("/tmp/log".into()),
            ..log::Settings::default()
        },
    };
    let table = || TableState::Unavailable { reason: "no module".to_owned() };
    let quorums = || Quorums::from([("[10.0.0.1]:tcp:80".to_owned(), true)]);
    let orders =
        [Order::Start(start), Order::Reload, Order::Stop, Order::Table(table()), Order::Quorums(quorums())];
    let reports = [
        FromWorker::Ready,
        FromWorker::CancelRun(RunId(300)),
        FromWorker::Table(table()),
        FromWorker::Quorums(quorums()),
    ];
    let orders = orders.iter().map(postcard::to_stdvec);
    orders.chain(reports.iter().map(postcard::to_stdvec)).filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    /// A configuration whose encoding is about `size` bytes long.
    fn config(size: usize) -> Config {
        let mut config = Config::default();
        config.global.router_id = Some("r".repeat(size));
        config
    }

    #[test]
    fn a_configuration_of_any_size_arrives_with_its_order() {
        let (parent, worker) = channel::pair().unwrap();
        for size in [0, 1, channel::MAX_MESSAGE, 10_000_000] {
            let config = config(size);
            let shared = share(&config, Kind::Vrrp).unwrap();
            send_order(parent.as_fd(), &Order::Reload, Some(shared.as_fd())).unwrap();
            let (order, attached) = receive_order(worker.as_fd()).unwrap().unwrap();
            assert_eq!(order, Order::Reload);
            assert!(read_config(attached).unwrap() == config, "{size} bytes");
        }
    }

    #[test]
    fn reports_come_back_and_then_the_end() {
        let (parent, worker) = channel::pair().unwrap();
        send_report(worker.as_fd(), &FromWorker::Ready).unwrap();
        drop(worker);
        assert_eq!(receive_report(parent.as_fd()).unwrap(), Some(FromWorker::Ready));
        assert_eq!(receive_report(parent.as_fd()).unwrap(), None);
    }

    #[test]
    fn a_program_with_any_number_of_arguments_arrives() {
        let (parent, worker) = channel::pair().unwrap();
        for size in [1, channel::MAX_MESSAGE - 8, channel::MAX_MESSAGE, 200_000] {
            let command = Command { argv: vec!["/bin/true".to_owned(), "a".repeat(size)], run_as: None };
            let run = Run { id: RunId(7), turn: None, command, limit: None };
            send_report(worker.as_fd(), &FromWorker::Run(run.clone())).unwrap();
            let report = receive_report(parent.as_fd()).unwrap();
            assert!(report == Some(FromWorker::Run(run)), "{size} bytes");
        }
    }

    #[test]
    fn rubbish_is_an_error() {
        let (parent, worker) = channel::pair().unwrap();
        channel::send(worker.as_fd(), &[0xff; 9], None).unwrap();
        assert!(matches!(receive_report(parent.as_fd()), Err(Error::Decode(_))));
        assert!(matches!(read_config(None), Err(Error::NoConfig)));
    }
}
