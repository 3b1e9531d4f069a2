//! The first and last steps of a worker process: from an executed binary to a running driver, and out again.
//!
//! The parent executes the program again with [`WORKER_ARGUMENT`] and a socket for standard input; the first message there says
//! what to be. A worker stops when told to, on `SIGTERM`, and when the parent is gone, however that came about.

use super::exit::Exit;
use super::fifo::{Fifos, Which};
use super::message::{self, Order, Start, WORKER_ARGUMENT};
use super::parent;
use super::scheduling::Scheduled;
use super::worker::{Control, FromWorker, Kind, ToWorker};
use crate::check::config::VirtualServer;
use crate::conf::Config;
use crate::ipvs::model::ServiceKey;
use crate::sys::caps::{self, Capability};
use crate::sys::input::reason;
use crate::sys::ready::Ready;
use crate::sys::writable::Writable;
use crate::sys::{self, log, memory, process, scheduling, seccomp};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

/// How long the last reports may take to leave.
const LAST_REPORTS: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs the worker that the parent asks for; does not return before it has ended.
#[must_use]
pub fn main() -> Exit {
    // Among them those that the parent collects, and only its workers' masks inherit.
    sys::signal::ignore_strangers();
    let started = process::take_stdin().map_err(message::Error::from).and_then(|socket| {
        process::stop_with_parent()?;
        let mut before = Before::default();
        loop {
            match message::receive_order(socket.as_fd())? {
                Some((Order::Fifo(which), Some(file))) => before.fifos.push((which, File::from(file))),
                Some((Order::Former, config)) => before.remember(config)?,
                first => return Ok((socket, first, before)),
            }
        }
    });
    let (socket, start, config, before) = match started {
        Ok((socket, Some((Order::Start(start), config)), before)) => (socket, start, config, before),
        Ok((socket, Some((Order::Runner { name }, _)), _)) => {
            process::set_name(&name);
            return super::runner::main(socket);
        }
        Ok((socket, Some((Order::Load { name, source }, _)), _)) => {
            process::set_name(&name);
            return super::loader::main(&socket, &source);
        }
        // The parent died, or stops before we began.
        Ok((_, None | Some((Order::Stop, _)), _)) => return Exit::Ok,
        Ok((_, Some(_), _)) => return Exit::Software,
        Err(error) => {
            eprintln!(
                "vipd starts its workers itself; {WORKER_ARGUMENT} is not for the command line ({error})"
            );
            return Exit::Software;
        }
    };
    process::set_name(&start.name);
    memory::keep_no_unused();
    if let Err(error) = log::start(&start.log) {
        let file = start.log.file.as_deref().unwrap_or(Path::new("")).display();
        error!("log file {file}: {}: this process has none", reason(&error));
    }
    let _flushed = log::FlushAtEnd;
    abort_on_panic();
    let outcome = message::read_config(config).map_err(|error| (Exit::Software, error.to_string())).and_then(
        |mut config| {
            // Nothing is executed here: programs of others are the runner's.
            process::gain_nothing_by_executing().map_err(|error| (Exit::Fatal, error.to_string()))?;
            let (needed, useful) = capabilities(start.kind);
            let useful = [useful, &scheduling::allow_later()].concat();
            let mut scheduled = Scheduled::default();
            let processes = &config.global.processes;
            let process = match start.kind {
                Kind::Vrrp => &processes.vrrp,
                Kind::Check => &processes.checker,
            };
            scheduled.configure(process, processes);
            if start.kind == Kind::Vrrp {
                super::vrrp::write_first_files(&mut config.vrrp, start.options.respawned);
            }
            caps::keep_only(needed, &useful).map_err(|error| (Exit::Permission, error.to_string()))?;
            if let Err(error) = seccomp::confine() {
                warn!("{error}. Going on with all of them");
            }
            log::write_in_background();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| (Exit::Fatal, error.to_string()))?;
            let exit = runtime.block_on(serve(start, config, socket, before, scheduled));
            // Whatever still runs in the background has nothing more to say.
            runtime.shutdown_background();
            Ok(exit)
        },
    );
    outcome.unwrap_or_else(|(exit, reason)| {
        error!("{reason}");
        exit
    })
}

/// What comes before the start.
#[derive(Default)]
struct Before {
    /// FIFOs that are open already.
    fifos: Vec<(Which, File)>,
    /// Services of former configurations.
    services: Vec<ServiceKey>,
}

impl Before {
    fn remember(&mut self, config: Option<OwnedFd>) -> Result<(), message::Error> {
        let config = message::read_config(config)?;
        let keys = config.check.virtual_servers.iter().flat_map(VirtualServer::keys);
        self.services.extend(keys);
        Ok(())
    }
}

/// The capabilities of a worker: those that it needs, and those that it keeps where it was given them. They are the same
/// whatever its configuration says: a reload may ask for what the start did not, and what has been given up can't be
/// had again.
pub(super) fn capabilities(kind: Kind) -> (&'static [Capability], &'static [Capability]) {
    match kind {
        // Addresses and multicast; raw sockets for adverts and gratuitous ARP; tracked files and keys that are others'.
        Kind::Vrrp => {
            (&[Capability::CAP_NET_ADMIN, Capability::CAP_NET_RAW], &[Capability::CAP_DAC_READ_SEARCH])
        }
        // The IPVS table, firewall marks on probes; probes from ports below 1024 (`bind_port`).
        Kind::Check => (&[Capability::CAP_NET_ADMIN], &[Capability::CAP_NET_BIND_SERVICE]),
    }
}

/// Makes a panic one log line and the end of this process (with a core dump where `-m` allows it), whichever task or
/// thread it happened in: the parent starts a fresh one.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        error!("this is a bug of vipd, please report it: panicked at {place}: {text}");
        log::flush();
        std::process::abort();
    }));
}

/// Connects the driver's channels with the parent, and runs it.
async fn serve(start: Start, config: Config, socket: OwnedFd, before: Before, scheduled: Scheduled) -> Exit {
    let fifos = match Fifos::start() {
        Ok(fifos) => fifos,
        Err(error) => {
            error!(%error, "no thread for the FIFOs");
            return Exit::Fatal;
        }
    };
    before.fifos.into_iter().for_each(|(which, file)| fifos.open(which, file));
    let (to_driver, inbox) = unbounded_channel();
    let (outbox, from_driver) = unbounded_channel();
    let reporter = match connect(start.kind, socket, to_driver, from_driver, fifos.clone()) {
        Ok(reporter) => reporter,
        Err(error) => {
            error!(%error, "the control socket can't be used");
            return Exit::Fatal;
        }
    };
    let former = before.services;
    let control = Control { fifos: fifos.clone(), scheduled, former, ..Control::new(inbox, outbox) };
    let exit = match start.kind {
        Kind::Check => {
            super::check::run(config, start.options, control).await;
            Exit::Ok
        }
        Kind::Vrrp => match super::vrrp::run(config, start.options, control).await {
            Ok(()) => Exit::Ok,
            Err(error) => {
                error!("{error}");
                // Worth another try, by a fresh process and after the respawn's delay: a virtual router that has
                // run must not be given up for good over what the kernel once refused.
                Exit::Software
            }
        },
    };
    // What was reported last, a program to run among it, is to arrive; a parent that reads nothing is not waited for.
    let _ = tokio::time::timeout(LAST_REPORTS, reporter).await;
    fifos.finish(LAST_REPORTS);
    exit
}

fn connect(
    kind: Kind,
    socket: OwnedFd,
    to_driver: UnboundedSender<ToWorker>,
    from_driver: UnboundedReceiver<FromWorker>,
    fifos: Fifos,
) -> io::Result<JoinHandle<Writable>> {
    fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let reports = socket.try_clone()?;
    let orders = Ready::new(socket)?;
    let mut term = signal(SignalKind::terminate())?;
    // These reach the whole process group of a terminal; what they mean is the parent's business.
    let others = [SignalKind::interrupt(), SignalKind::hangup()];
    others.into_iter().try_for_each(|kind| signal(kind).map(drop))?;
    let dumps = parent::dump_signals().into_iter().map(|(number, dump)| {
        let mut signals = signal(SignalKind::from_raw(number))?;
        let to_driver = to_driver.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && to_driver.send(ToWorker::Dump(dump)).is_ok() {}
        });
        Ok(())
    });
    dumps.collect::<io::Result<()>>()?;
    // The parent has blocked what it handles, and its workers inherit that.
    sys::signal::unblock_all()?;

    // It would end the process; `*_rlimit_rttime` is meant as a warning.
    let mut overworked = signal(SignalKind::from_raw(nix::libc::SIGXCPU))?;
    tokio::spawn(async move {
        while overworked.recv().await.is_some() {
            let (title, keyword) = match kind {
                Kind::Vrrp => ("VRRP", "vrrp"),
                Kind::Check => ("Check", "checker"),
            };
            let more = format_args!("{keyword}_rlimit_rttime may need to be increased");
            info!("{title} process has used too much CPU time, {more}");
        }
    });
    let stop = to_driver.clone();
    tokio::spawn(async move {
        while term.recv().await.is_some() {
            let _ = stop.send(ToWorker::Stop);
        }
    });
    tokio::spawn(async move {
        if let Err(error) = listen(&orders, &to_driver, &fifos).await {
            error!(%error, "stopping: the parent can't be understood");
        }
        // The parent is gone. Keeping the sender would keep the driver waiting for it.
        let _ = to_driver.send(ToWorker::Stop);
    });
    Ok(tokio::spawn(report(Writable::new(reports)?, from_driver)))
}

async fn listen(
    socket: &Ready<OwnedFd>,
    to_driver: &UnboundedSender<ToWorker>,
    fifos: &Fifos,
) -> Result<(), message::Error> {
    loop {
        socket.wait().await?;
        loop {
            let (order, config) = match message::receive_order(socket.get().as_fd()) {
                Err(message::Error::Socket(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
                received => match received? {
                    Some(received) => received,
                    None => return Ok(()),
                },
            };
            let order = match order {
                Order::Stop => ToWorker::Stop,
                // A second start can't be: it is read as a reload.
                Order::Reload | Order::Start(_) => {
                    // A large one takes a while to read: adverts go out meanwhile.
                    let config = tokio::task::spawn_blocking(move || message::read_config(config));
                    ToWorker::Reload(Box::new(config.await.map_err(io::Error::from)??))
                }
                Order::RunEnded { id, outcome } => ToWorker::RunEnded { id, outcome },
                // These are another process's.
                Order::Load { .. }
                | Order::Runner { .. }
                | Order::Run { .. }
                | Order::CancelRun(_)
                | Order::Former => {
                    continue;
                }
                // Before the reload that names it.
                Order::Fifo(which) => {
                    config.into_iter().for_each(|file| fifos.open(which, file.into()));
                    continue;
                }
                Order::NoFifo(which) => {
                    fifos.close(which);
                    continue;
                }
                Order::Table(state) => ToWorker::Table(state),
                Order::Quorums(quorums) => ToWorker::Quorums(quorums),
                Order::Dump(dump) => ToWorker::Dump(dump),
            };
            if to_driver.send(order).is_err() {
                return Ok(());
            }
        }
    }
}

/// Sends what the driver has to say; a parent that is busy gets it later.
/// Sends reports until the driver has ended; returns the socket, since closing it looks like the end of the process.
async fn report(socket: Writable, mut from_driver: UnboundedReceiver<FromWorker>) -> Writable {
    while let Some(report) = from_driver.recv().await {
        // Fails when the parent is gone, which the other direction notices.
        let _ = socket.write(|socket| message::send_report(socket, &report)).await;
    }
    socket
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunId;
    use crate::sys::channel;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    #[tokio::test]
    async fn what_a_driver_reported_last_arrives() {
        let (parent, worker) = channel::pair().unwrap();
        let (outbox, from_driver) = unbounded_channel();
        let reports: Vec<FromWorker> = (0..50).map(|n| FromWorker::CancelRun(RunId(n))).collect();
        for report in &reports {
            outbox.send(report.clone()).unwrap();
        }
        drop(outbox);
        let _socket = report(Writable::new(worker).unwrap(), from_driver).await;
        for report in reports {
            assert_eq!(message::receive_report(parent.as_fd()).unwrap(), Some(report));
        }
    }

    #[test]
    fn a_panic_in_any_thread_is_logged_with_its_place_and_ends_the_process() {
        const CHILD: &str = "VIPD_TEST_PANICS";
        if std::env::var_os(CHILD).is_some() {
            let settings = log::Settings { console: true, ..log::Settings::default() };
            log::start(&settings).unwrap();
            abort_on_panic();
            let _ = std::thread::spawn(|| panic!("on purpose\nforged line")).join();
            return;
        }
        let this =
            "daemon::bootstrap::tests::a_panic_in_any_thread_is_logged_with_its_place_and_ends_the_process";
        let program = std::env::current_exe().unwrap();
        let output =
            Command::new(program).args(["--exact", this, "--nocapture"]).env(CHILD, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(nix::libc::SIGABRT), "{text}");
        assert!(text.contains("panicked at src/daemon/bootstrap.rs:"), "{text}");
        assert!(text.contains(": on purpose\\nforged line"), "{text}");
    }
}
