//! The parent process: starts the workers, feeds them, restarts them, stops them.
//!
//! It decides nothing itself: signals, deaths and reports go to the [`Supervisor`], whose actions it carries out. One
//! thread, one `poll(2)`; no runtime, no lock, nothing that could fail while the workers do the work.

mod fifos;
mod hooks;
mod reload;
mod reporting;
mod workers;

use super::child::Child;
use super::exit::Exit;
use super::loader::{Loading, Read};
use super::message::{Order, Summary};
use super::options::Options;
use super::runner;
use super::supervisor::{Action, Supervisor};
use super::worker::{Dump, Kind, Quorums, TableState};
use crate::sys::clock;
use crate::sys::pidfile::PidFile;
use crate::sys::presence::Presence;
use crate::sys::process::DaemonEnd;
use crate::sys::readiness::Manager;
use crate::sys::signal::{self, SignalFd};
use crate::time::Instant;
use fifos::Fifos;
use hooks::Hook;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use reporting::Reporter;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use tracing::{error, info, warn};
use workers::title;

/// How long the launching process waits for the workers' first reports before it takes the start as done.
const LAUNCH_PATIENCE: Duration = Duration::from_secs(5);

/// The signals that the parent takes note of, and what `--signum` calls them.
#[must_use]
pub fn signals() -> Vec<(&'static str, libc::c_int)> {
    vec![
        ("STOP", libc::SIGTERM),
        ("RELOAD", libc::SIGHUP),
        ("DATA", libc::SIGUSR1),
        ("STATS", libc::SIGUSR2),
        ("STATS_CLEAR", libc::SIGRTMAX() - 1),
        ("JSON", libc::SIGRTMIN() + 2),
        ("TDATA", libc::SIGRTMAX()),
    ]
}

/// The signals that ask for files, and for which.
pub(super) fn dump_signals() -> [(libc::c_int, Dump); 4] {
    [
        (libc::SIGUSR1, Dump::Data),
        (libc::SIGUSR2, Dump::Stats),
        (libc::SIGRTMAX() - 1, Dump::StatsClear),
        (libc::SIGRTMIN() + 2, Dump::Json),
    ]
}

/// Blocks and collects every signal that the parent handles.
pub(super) fn collect_signals() -> io::Result<SignalFd> {
    let mut numbers: Vec<libc::c_int> = signals().into_iter().map(|(_, number)| number).collect();
    numbers.extend([libc::SIGINT, libc::SIGCHLD]);
    SignalFd::new(&numbers)
}

struct Worker {
    child: Child,
    /// Reports that it owes us: one for its start, one for each reload that it has been told of.
    owed: usize,
    /// Held for its drop: the file goes with the worker.
    _pid_file: Option<PidFile>,
}

pub(super) struct Parent {
    options: Options,
    signals: SignalFd,
    supervisor: Supervisor,
    workers: BTreeMap<Kind, Worker>,
    /// The present configuration, each worker's part.
    shared: BTreeMap<Kind, Rc<OwnedFd>>,
    /// The last configuration of each kind of worker, also of one that is not wanted any more.
    last: BTreeMap<Kind, Rc<OwnedFd>>,
    /// Those before it, of which services may still be in the kernel's table: no check worker has said since that it has
    /// carried out the last one.
    former: Vec<Rc<OwnedFd>>,
    /// A check worker has been given the last one.
    has_last_left: bool,
    /// A reload is under way: some workers have not reported yet that they have done it.
    reloading: bool,
    /// What the check worker last said of the IPVS table.
    table: Option<TableState>,
    /// The same of tracked virtual servers.
    quorums: Option<Quorums>,
    /// Runs scripts for the workers.
    runner: runner::Client,
    /// What workers write and others read.
    fifos: Fifos,
    /// What is known of the present configuration.
    present: Summary,
    /// The next one, while it is read.
    loading: Option<Loading>,
    /// Another reload was asked for meanwhile.
    reload_again: bool,
    /// All workers have ended: the status to end with once the scripts have, too.
    finishing: Option<Exit>,
    /// A script of the whole program that runs.
    hook: Option<Hook>,
    /// There is nothing more to be run.
    wound_up: bool,
    /// Until the end: others see that this one is there.
    presence: Option<Presence>,
    /// The launching process, while it waits, and for how long it may.
    launcher: Option<(DaemonEnd, Instant)>,
    /// Tells the service manager.
    reporter: Reporter,
}

impl Parent {
    pub(super) fn new(
        options: Options,
        signals: SignalFd,
        launcher: Option<DaemonEnd>,
        manager: Option<Manager>,
    ) -> Parent {
        Parent {
            supervisor: Supervisor::new(options.respawn, options.released()),
            options,
            signals,
            workers: BTreeMap::new(),
            shared: BTreeMap::new(),
            last: BTreeMap::new(),
            former: Vec::new(),
            has_last_left: false,
            reloading: false,
            table: None,
            quorums: None,
            runner: runner::Client::default(),
            fifos: Fifos::default(),
            present: Summary::default(),
            loading: None,
            reload_again: false,
            finishing: None,
            hook: None,
            wound_up: false,
            presence: None,
            launcher: launcher.map(|end| (end, clock::now() + LAUNCH_PATIENCE)),
            reporter: Reporter::new(manager),
        }
    }

    /// Runs a configuration until a signal or an error ends it; all workers have ended then.
    pub(super) fn run(mut self, first: Read) -> Exit {
        let mut actions = Vec::new();
        self.adopt(first);
        if !self.run_hook(Hook::Startup, &mut actions) {
            self.configure(&mut actions);
        }
        loop {
            if let Some(exit) = self.perform(&mut actions) {
                if let Some((launcher, _)) = self.launcher.take() {
                    launcher.report(exit.code(), "it stopped while it started: its log says why");
                }
                return exit;
            }
            if let Err(error) = self.wait(&mut actions) {
                error!("{error}");
                self.supervisor.stop(clock::now(), Exit::Software, &mut actions);
            }
            let now = clock::now();
            self.supervisor.handle_timeout(now, &mut actions);
            self.runner.handle_timeout(now);
            if let Some(loading) = &mut self.loading {
                loading.handle_timeout(now);
            }
            if self.launcher.as_ref().is_some_and(|(_, patience)| *patience <= now) {
                self.release_launcher("still starting: see its log");
            }
        }
    }

    /// Waits until something happens or is due, and tells the supervisor.
    fn wait(&mut self, actions: &mut Vec<Action>) -> io::Result<()> {
        let now = clock::now();
        let launcher = self.launcher.as_ref().map(|(_, patience)| *patience);
        let loading = self.loading.as_ref().and_then(Loading::next_timeout);
        let due = [self.supervisor.next_timeout(), self.runner.next_timeout(), launcher, loading];
        let due = due.into_iter().flatten().min();
        // Rounded up: waking a moment early would only mean to wait again.
        let timeout = due.map_or(PollTimeout::NONE, |due| {
            let left = due.saturating_since(now) + Duration::from_nanos(999_999);
            PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX)
        });
        let mut kinds = Vec::new();
        let mut files = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        for (&kind, worker) in &self.workers {
            if let Some((socket, events)) = worker.child.interest() {
                kinds.push(kind);
                files.push(PollFd::new(socket, events));
            }
        }
        let runner = self.runner.interest().map(|(socket, events)| {
            files.push(PollFd::new(socket, events));
            files.len() - 1
        });
        let loading = self.loading.as_ref().and_then(Loading::interest).map(|(socket, events)| {
            files.push(PollFd::new(socket, events));
            files.len() - 1
        });
        match poll(&mut files, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let events = |file: &PollFd<'_>| file.revents().unwrap_or(PollFlags::empty());
        let signalled = events(&files[0]).contains(PollFlags::POLLIN);
        let runner = runner.map_or(PollFlags::empty(), |at| events(&files[at]));
        let loading = loading.map_or(PollFlags::empty(), |at| events(&files[at]));
        let ready: Vec<(Kind, PollFlags)> =
            kinds.into_iter().zip(&files[1..]).map(|(kind, file)| (kind, events(file))).collect();
        for (kind, events) in ready {
            if events.contains(PollFlags::POLLOUT) {
                self.flush(kind);
            }
            if events.contains(PollFlags::POLLIN) {
                self.listen(kind, actions);
            }
        }
        if runner.contains(PollFlags::POLLOUT) {
            self.runner.flush();
        }
        if runner.intersects(PollFlags::POLLIN | PollFlags::POLLHUP)
            && let Some(outcome) = self.runner.listen()
        {
            self.answer(outcome, actions);
        }
        if !loading.is_empty()
            && let Some(loading) = &mut self.loading
        {
            loading.listen();
        }
        // One at a time: what a signal makes the supervisor want belongs to the configuration of that moment.
        if signalled && let Some(signal) = self.signals.read()? {
            self.signal(signal, actions);
        }
        Ok(())
    }

    fn signal(&mut self, number: libc::c_int, actions: &mut Vec<Action>) {
        match number {
            libc::SIGTERM | libc::SIGINT => {
                if !self.supervisor.is_stopping() {
                    info!("Stopping");
                }
                if let Some(loading) = self.loading.take() {
                    loading.cancel();
                }
                self.supervisor.stop(clock::now(), Exit::Ok, actions);
            }
            libc::SIGHUP => self.reload(),
            libc::SIGCHLD => self.reap(actions),
            other => match dump_signals().into_iter().find(|(number, _)| *number == other) {
                Some((_, dump)) => {
                    if dump == Dump::Data {
                        info!("Printing parent data for process({}) on signal", std::process::id());
                        let (path, text) = &self.present.data;
                        super::dump::write(path, text);
                        self.tell(Kind::Check, Order::Dump(dump));
                    }
                    self.tell(Kind::Vrrp, Order::Dump(dump));
                }
                None => {
                    let named = signals().into_iter().find(|(_, number)| *number == other);
                    let function = named.map_or("", |(name, _)| name);
                    warn!("{} ({function}) has no effect in this version", signal::name(other));
                }
            },
        }
    }

    /// Collects every process that has ended: as process 1 of a container also those that are not ours.
    fn reap(&mut self, actions: &mut Vec<Action>) {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(_) => return,
                Ok(status) => self.ended(status, actions),
            }
        }
    }

    fn ended(&mut self, status: WaitStatus, actions: &mut Vec<Action>) {
        let pid = status.pid();
        if let Some(loading) = self.loading.take_if(|loading| pid.is_some_and(|pid| loading.is(pid))) {
            return self.loaded(loading.finish(status), actions);
        }
        if pid.is_some_and(|pid| self.runner.is(pid)) {
            for outcome in self.runner.ended() {
                self.answer(outcome, actions);
            }
            if !self.supervisor.is_stopping() {
                self.read_fifos_again();
            }
            return;
        }
        self.worker_ended(status, actions);
    }

    /// Carries out the supervisor's actions, also those that follow from them; the status once all is done.
    fn perform(&mut self, actions: &mut Vec<Action>) -> Option<Exit> {
        while !actions.is_empty() {
            for action in std::mem::take(actions) {
                match action {
                    Action::Spawn { kind, respawned } => {
                        let config = self.shared.get(&kind).cloned();
                        if let Err(error) = self.spawn(kind, respawned, config) {
                            self.not_started(kind, &error, actions);
                        }
                    }
                    Action::CleanUp(kind) => {
                        warn!("{} child process left things behind: taking them away", title(kind));
                        let config = self.last.get(&kind).cloned();
                        // As at a first start: nothing that it finds is taken over.
                        match self.spawn(kind, false, config) {
                            Ok(()) => self.tell(kind, Order::Stop),
                            Err(error) => self.not_started(kind, &error, actions),
                        }
                    }
                    Action::Reload(kind) => self.reload_worker(kind),
                    Action::Stop(kind) => {
                        // One that ends by itself, say because it got our signal too, need not be told.
                        if let Err(error) = self.order(kind, Order::Stop, None)
                            && !error.is_of_a_dead_peer()
                        {
                            warn!(%error, "{} child process can't be told to stop", title(kind));
                            self.signal_worker(kind, Signal::SIGTERM);
                        }
                    }
                    Action::Kill(kind) => {
                        error!("{} child process did not stop in time: killing it", title(kind));
                        self.signal_worker(kind, Signal::SIGKILL);
                    }
                    Action::Started => {
                        info!("Startup complete");
                        // Before the process that it knows ends.
                        self.reporter.started();
                        self.release_launcher("");
                    }
                    Action::Finish(exit) => self.finishing = Some(exit),
                }
            }
        }
        self.check_reloaded();
        if self.supervisor.is_stopping() {
            self.reporter.stops();
        } else if self.loading.is_none() && !self.reloading {
            self.reporter.settled();
        }
        self.finishing.filter(|_| self.wind_up())
    }

    fn release_launcher(&mut self, text: &str) {
        if let Some((launcher, _)) = self.launcher.take() {
            launcher.report(Exit::Ok.code(), text);
        }
    }
}
