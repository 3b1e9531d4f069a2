//! The parent process: starts the workers, feeds them, restarts them, stops them.
//!
//! It decides nothing itself: signals, deaths and reports go to the [`Supervisor`], whose actions it carries out. One
//! thread, one `poll(2)`; no runtime, no lock, nothing that could fail while the workers do the work.

use super::child::Child;
use super::exit::Exit;
use super::loader::{Loading, Read};
use super::message::{self, Order, Start, Summary};
use super::options::Options;
use super::reload;
use super::runner;
use super::source::Refused;
use super::supervisor::{Action, Ended, Supervisor};
use super::worker::{FromWorker, Kind, TableState};
use crate::ipvs::client::Client;
use crate::raw;
use crate::sys::pidfile::PidFile;
use crate::sys::process::DaemonEnd;
use crate::sys::signal::{self, SignalFd};
use crate::sys::{clock, input, output};
use crate::time::Instant;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;
use tracing::{debug, error, info, warn};

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
    /// A reload is under way: some workers have not reported yet that they have done it.
    reloading: bool,
    /// What the check worker last said of the IPVS table.
    table: Option<TableState>,
    /// Runs scripts for the workers.
    runner: runner::Client,
    /// What is known of the present configuration.
    present: Summary,
    /// The next one, while it is read.
    loading: Option<Loading>,
    /// Another reload was asked for meanwhile.
    reload_again: bool,
    /// All workers have ended: the status to end with once the scripts have, too.
    finishing: Option<Exit>,
    /// The launching process, while it waits, and for how long it may.
    launcher: Option<(DaemonEnd, Instant)>,
}

impl Parent {
    pub(super) fn new(options: Options, signals: SignalFd, launcher: Option<DaemonEnd>) -> Parent {
        Parent {
            supervisor: Supervisor::new(options.respawn, options.released()),
            options,
            signals,
            workers: BTreeMap::new(),
            shared: BTreeMap::new(),
            last: BTreeMap::new(),
            reloading: false,
            table: None,
            runner: runner::Client::default(),
            present: Summary::default(),
            loading: None,
            reload_again: false,
            finishing: None,
            launcher: launcher.map(|end| (end, clock::now() + LAUNCH_PATIENCE)),
        }
    }

    /// Runs a configuration until a signal or an error ends it; all workers have ended then.
    pub(super) fn run(mut self, first: Read) -> Exit {
        let mut actions = Vec::new();
        self.adopt(first, &mut actions);
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

    /// Makes a configuration the present one.
    fn adopt(&mut self, Read { mut parts, summary }: Read, actions: &mut Vec<Action>) {
        let wanted = self.options.wanted(&summary.work);
        if wanted.is_empty() {
            warn!("Warning - {} has no configuration to run", self.options.program);
        }
        parts.retain(|kind, _| wanted.contains(kind));
        self.last.extend(parts.iter().map(|(kind, part)| (*kind, Rc::clone(part))));
        self.shared = parts;
        self.present = summary;
        self.supervisor.configure(clock::now(), wanted, actions);
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
            self.answer(outcome);
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

    /// Tells a worker what it was too busy to read until now.
    fn flush(&mut self, kind: Kind) {
        if let Some(worker) = self.workers.get_mut(&kind)
            && let Err(error) = worker.child.flush()
        {
            // It has died: SIGCHLD tells the rest.
            debug!(%error, "{} child process({})", title(kind), worker.child.pid());
            worker.child.close();
        }
    }

    fn listen(&mut self, kind: Kind, actions: &mut Vec<Action>) {
        let Some(worker) = self.workers.get_mut(&kind) else { return };
        let Some(socket) = worker.child.socket() else { return };
        match message::receive_report(socket) {
            Ok(Some(FromWorker::Ready)) => {
                worker.owed = worker.owed.saturating_sub(1);
                self.supervisor.ready(kind, actions);
                self.check_reloaded();
            }
            Ok(Some(FromWorker::Table(state))) => {
                self.tell(Kind::Vrrp, Order::Table(state.clone()));
                self.table = Some(state);
            }
            Ok(Some(FromWorker::Run(run))) => {
                let groups = self.present.supplementary_groups;
                if let Err(refused) = self.runner.run(&self.options.program, kind, run, groups) {
                    self.answer(refused);
                }
            }
            Ok(Some(FromWorker::CancelRun(id))) => self.runner.cancel(kind, id),
            Ok(None) => worker.child.close(),
            Err(error) => {
                let pid = worker.child.pid();
                error!(%error, "{} child process({pid}) can't be understood: killing it", title(kind));
                worker.child.close();
                worker.child.signal(Signal::SIGKILL);
            }
        }
    }

    /// Tells a worker how a script of its own has ended.
    fn answer(&mut self, runner::Outcome { kind, id, outcome }: runner::Outcome) {
        self.tell(kind, Order::RunEnded { id, outcome });
    }

    /// Says when every worker has done all reloads.
    fn check_reloaded(&mut self) {
        let done =
            |(kind, worker): (&Kind, &Worker)| worker.owed == 0 && !self.supervisor.is_stopping_worker(*kind);
        if self.reloading && self.workers.iter().all(done) {
            self.reloading = false;
            info!("Reload complete");
        }
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
            other => {
                let function =
                    signals().into_iter().find(|(_, number)| *number == other).map_or("", |(name, _)| name);
                warn!("{} ({function}) has no effect in this version", signal::name(other));
            }
        }
    }

    fn reload(&mut self) {
        if self.supervisor.is_stopping() {
            return;
        }
        if self.loading.is_some() {
            // What is being read may be older than what was meant.
            self.reload_again = true;
            return;
        }
        info!("Reloading ...");
        match Loading::start(&self.options.program, &self.options.source) {
            Ok(loading) => self.loading = Some(loading),
            Err(reason) => self.refuse_reload(&[reason], ""),
        }
    }

    /// The process that read the configuration has ended.
    fn loaded(&mut self, outcome: Result<Read, Refused>, actions: &mut Vec<Action>) {
        if self.supervisor.is_stopping() {
            return;
        }
        match outcome {
            Ok(read) => match reload::refusal(&self.present, &read.summary) {
                Some(reason) => self.refuse_reload(&read.summary.findings, &reason),
                None => {
                    read.summary.findings.iter().for_each(|finding| warn!("{finding}"));
                    self.adopt(read, actions);
                    self.reloading = true;
                }
            },
            Err(Refused { findings, .. }) => self.refuse_reload(&findings, ""),
        }
        if std::mem::take(&mut self.reload_again) {
            self.reload();
        }
    }

    fn refuse_reload(&self, findings: &[String], reason: &str) {
        findings.iter().for_each(|finding| error!("{finding}"));
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        error!("Reload refused: the configuration before it stays in force{reason}");
        if let Some(file) = &self.present.findings_file
            && let Err(error) = output::append(&raw::path(file), &findings.join("\n"))
        {
            warn!("reload_check_config: {file}: {}", input::reason(&error));
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
                self.answer(outcome);
            }
            return;
        }
        let ours = |(_, worker): &(&Kind, &Worker)| Some(worker.child.pid()) == status.pid();
        let Some((&kind, _)) = self.workers.iter().find(ours) else { return };
        let Some(pid) = self.workers.remove(&kind).map(|worker| worker.child.pid()) else { return };
        self.runner.worker_ended(kind);
        if kind == Kind::Check {
            // Its successor will say what it finds.
            self.table = None;
        }
        let stopping = self.supervisor.is_stopping();
        let how = match status {
            WaitStatus::Exited(_, code) => match Exit::permanent(code) {
                Some(exit) => {
                    error!("pid {pid} exited with permanent error {}. Terminating", exit.word());
                    Ended::Permanent(exit)
                }
                None => {
                    if code != 0 {
                        error!("pid {pid} exited with status {code}");
                    }
                    Ended::Died
                }
            },
            WaitStatus::Signaled(_, by, _) => {
                error!("pid {pid} exited due to signal {} ({by})", by as libc::c_int);
                Ended::Crashed
            }
            _ => Ended::Died,
        };
        let now = clock::now();
        let expected = self.supervisor.is_stopping_worker(kind);
        self.supervisor.ended(now, kind, how, actions);
        if matches!(how, Ended::Died | Ended::Crashed) && !stopping && !expected {
            let what = if self.options.respawn { "Respawning" } else { "Exiting" };
            error!("{} child process({pid}) died: {what}", title(kind));
            if let Some(at) = self.supervisor.respawn_at(kind) {
                let delay = at.saturating_since(now).as_secs();
                warn!("Restart of {} process delayed {delay} seconds to limit respawn rate", title(kind));
            }
        }
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
                        if let Err(error) = self.order(kind, Order::Stop, None) {
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
                        self.release_launcher("");
                    }
                    Action::Finish(exit) => self.finishing = Some(exit),
                }
            }
        }
        self.check_reloaded();
        self.finishing.filter(|_| self.runner.stop(clock::now()))
    }

    fn not_started(&mut self, kind: Kind, error: &message::Error, actions: &mut Vec<Action>) {
        error!(%error, "{} child process can't be started", title(kind));
        self.workers.remove(&kind);
        self.supervisor.ended(clock::now(), kind, Ended::Died, actions);
    }

    fn spawn(
        &mut self,
        kind: Kind,
        respawned: bool,
        config: Option<Rc<OwnedFd>>,
    ) -> Result<(), message::Error> {
        let name = match kind {
            Kind::Vrrp => "vrrp",
            Kind::Check => "check",
        };
        if kind == Kind::Check {
            Client::begin_to_load();
        }
        let words = [OsStr::new(name), self.options.source.file.as_os_str()];
        let child = Child::start(&self.options.program, &words)?;
        let pid = child.pid();
        info!("Starting {} child process, pid={pid}", title(kind));
        let mode = self.options.pid_file_mode();
        let pid_file = self.options.worker_pid_files.get(&kind).and_then(|path| {
            let id = pid.as_raw().unsigned_abs();
            PidFile::create(path, id, mode).inspect_err(|error| warn!("{error}: going on without it")).ok()
        });
        self.workers.insert(kind, Worker { child, owed: 1, _pid_file: pid_file });
        let start = Order::Start(Start {
            kind,
            name: self.options.program.clone(),
            options: super::worker::Options { respawned, ..self.options.worker.clone() },
            log: self.options.worker_log(kind),
        });
        let started = self.order(kind, start, config);
        if let (Kind::Vrrp, Some(state)) = (kind, &self.table) {
            self.tell(kind, Order::Table(state.clone()));
        }
        started.or_else(|error| match error {
            // It died before it could read: SIGCHLD tells the rest.
            message::Error::Socket(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            error => {
                self.signal_worker(kind, Signal::SIGKILL);
                Err(error)
            }
        })
    }

    /// Hands a worker the present configuration; one that is not wanted any more has none.
    fn reload_worker(&mut self, kind: Kind) {
        let Some(config) = self.shared.get(&kind).cloned() else { return };
        let Some(worker) = self.workers.get_mut(&kind) else { return };
        // One that still waits is replaced.
        let counted = worker.child.has_reload_waiting();
        match worker.child.tell(Order::Reload, Some(config)) {
            Ok(()) => worker.owed += usize::from(!counted),
            // It is ending, and will be started again with this configuration.
            Err(error) => warn!(%error, "{} child process can't be told of the reload", title(kind)),
        }
    }

    fn order(&mut self, kind: Kind, order: Order, config: Option<Rc<OwnedFd>>) -> Result<(), message::Error> {
        match self.workers.get_mut(&kind) {
            Some(worker) => worker.child.tell(order, config),
            None => Ok(()),
        }
    }

    /// News for a worker; one that is ending does not need them.
    fn tell(&mut self, kind: Kind, order: Order) {
        if let Err(error) = self.order(kind, order, None) {
            debug!(%error, "{} child process can't be told", title(kind));
        }
    }

    fn signal_worker(&self, kind: Kind, signal: Signal) {
        if let Some(worker) = self.workers.get(&kind) {
            worker.child.signal(signal);
        }
    }

    fn release_launcher(&mut self, text: &str) {
        if let Some((launcher, _)) = self.launcher.take() {
            launcher.report(Exit::Ok.code(), text);
        }
    }
}

/// keepalived's name of a worker in log lines.
fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Vrrp => "VRRP",
        Kind::Check => "Healthcheck",
    }
}
