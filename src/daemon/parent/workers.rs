//! The workers' processes: their start, what they say and are told, their end.

use super::{Parent, Worker};
use crate::daemon::child::Child;
use crate::daemon::exit::Exit;
use crate::daemon::message::{self, Order, Start};
use crate::daemon::supervisor::{Action, Ended};
use crate::daemon::worker::{FromWorker, Kind, Options};
use crate::daemon::{runner, runner::Asker};
use crate::ipvs::client::Client;
use crate::sys::pidfile::PidFile;
use crate::sys::presence::Presence;
use crate::sys::{self, clock};
use nix::libc;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tracing::{debug, error, info, warn};

impl Parent {
    /// Tells a worker what it was too busy to read until now.
    pub(super) fn flush(&mut self, kind: Kind) {
        if let Some(worker) = self.workers.get_mut(&kind)
            && let Err(error) = worker.child.flush()
        {
            debug!(%error, "{} child process({})", title(kind), worker.child.pid());
            // What one that has died has said last is still to be read: programs that are to be run are among that.
            if !error.is_of_a_dead_peer() {
                worker.child.close();
            }
        }
    }

    pub(super) fn listen(&mut self, kind: Kind, actions: &mut Vec<Action>) {
        let Some(worker) = self.workers.get_mut(&kind) else { return };
        let Some(socket) = worker.child.socket() else { return };
        match message::receive_report(socket) {
            Ok(Some(FromWorker::Ready)) => {
                worker.owed = worker.owed.saturating_sub(1);
                if kind == Kind::Check && worker.owed == 0 {
                    self.former.clear();
                }
                self.supervisor.ready(kind, actions);
                self.check_reloaded();
            }
            Ok(Some(FromWorker::Table(state))) => {
                self.tell(Kind::Vrrp, Order::Table(state.clone()));
                self.table = Some(state);
            }
            Ok(Some(FromWorker::Quorums(quorums))) => {
                self.tell(Kind::Vrrp, Order::Quorums(quorums.clone()));
                self.quorums = Some(quorums);
            }
            Ok(Some(FromWorker::Run(run))) => {
                let conditions = self.present.scripts;
                if let Err(refused) =
                    self.runner.run(&self.options.program, Asker::Worker(kind), run, conditions)
                {
                    self.answer(refused, actions);
                }
            }
            Ok(Some(FromWorker::CancelRun(id))) => self.runner.cancel(Asker::Worker(kind), id),
            Ok(None) => worker.child.close(),
            Err(error) => {
                let pid = worker.child.pid();
                error!(%error, "{} child process({pid}) can't be understood: killing it", title(kind));
                worker.child.close();
                worker.child.signal(Signal::SIGKILL);
            }
        }
    }

    /// Tells who asked for a script how it has ended.
    pub(super) fn answer(
        &mut self,
        runner::Outcome { asker, id, outcome }: runner::Outcome,
        actions: &mut Vec<Action>,
    ) {
        match asker {
            Asker::Worker(kind) => self.tell(kind, Order::RunEnded { id, outcome }),
            Asker::Parent => self.hook_ended(&outcome, actions),
            Asker::Reader(which) => self.reader_ended(which, id, &outcome),
        }
    }

    /// A process has ended that is neither the reader nor the runner.
    pub(super) fn worker_ended(&mut self, status: WaitStatus, actions: &mut Vec<Action>) {
        let ours = |(_, worker): &(&Kind, &Worker)| Some(worker.child.pid()) == status.pid();
        let Some((&kind, _)) = self.workers.iter().find(ours) else { return };
        // What it has said last is there: programs that are to hear of its end are among that.
        while self.workers.get(&kind).is_some_and(|worker| worker.child.socket().is_some()) {
            self.listen(kind, actions);
        }
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
        if kind == Kind::Check && expected && matches!(status, WaitStatus::Exited(_, 0)) {
            // It has taken everything away: what others make there from now on is theirs.
            self.former.clear();
            self.has_last_left = false;
        }
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

    pub(super) fn not_started(&mut self, kind: Kind, error: &message::Error, actions: &mut Vec<Action>) {
        error!(%error, "{} child process can't be started", title(kind));
        self.workers.remove(&kind);
        self.supervisor.ended(clock::now(), kind, Ended::Died, actions);
    }

    pub(super) fn spawn(
        &mut self,
        kind: Kind,
        respawned: bool,
        config: Option<Rc<OwnedFd>>,
    ) -> Result<(), message::Error> {
        let name = match kind {
            Kind::Vrrp => "vrrp",
            Kind::Check => "check",
        };
        if kind == Kind::Check || self.present.synchronises {
            Client::begin_to_load();
        }
        if kind == Kind::Vrrp && self.presence.is_none() {
            let failed = |error| debug!(%error, "other daemons do not see this one");
            self.presence = Presence::show().map_err(failed).ok();
        }
        let words = [OsStr::new(name), self.options.source.file.as_os_str()];
        let child = Child::start(&self.options.program, &words)?;
        let pid = child.pid();
        info!("Starting {} child process, pid={pid}", title(kind));
        let mode = self.options.pid_file_mode();
        let pid_file = self.options.worker_pid_files.get(&kind).and_then(|path| {
            let id = pid.as_raw().unsigned_abs();
            let file = PidFile::create(path, id, mode);
            match &file {
                Ok(file) => file.is_empty_for().iter().for_each(|reason| warn!("{reason}")),
                Err(error) => warn!("{error}: going on without it"),
            }
            file.ok()
        });
        self.workers.insert(kind, Worker { child, owed: 1, _pid_file: pid_file });
        let start = Order::Start(Start {
            kind,
            name: self.options.program.clone(),
            options: Options {
                awaits_table: self.table.is_none() && self.shared.contains_key(&Kind::Check),
                respawned,
                presence: self.presence.as_ref().map(|presence| presence.name().to_owned()),
                ..self.options.worker.clone()
            },
            log: self.options.worker_log(kind),
        });
        if !respawned {
            // The worker's lines stand behind ours. One that takes over from a dead one waits for nothing.
            sys::log::go_first();
        }
        for (which, file) in self.fifos_for(kind) {
            self.tell_with(kind, Order::Fifo(which), Some(file));
        }
        if kind == Kind::Check {
            self.has_last_left = true;
            for former in self.former.clone() {
                self.tell_with(kind, Order::Former, Some(former));
            }
        }
        let started = self.order(kind, start, config);
        if let (Kind::Vrrp, Some(state)) = (kind, &self.table) {
            self.tell(kind, Order::Table(state.clone()));
        }
        if let (Kind::Vrrp, Some(quorums)) = (kind, &self.quorums) {
            self.tell(kind, Order::Quorums(quorums.clone()));
        }
        match started {
            // It died before it could read: SIGCHLD tells the rest.
            Err(error) if !error.is_of_a_dead_peer() => {
                self.signal_worker(kind, Signal::SIGKILL);
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// Hands a worker the present configuration; one that is not wanted any more has none.
    pub(super) fn reload_worker(&mut self, kind: Kind) {
        let Some(config) = self.shared.get(&kind).cloned() else { return };
        let Some(worker) = self.workers.get_mut(&kind) else { return };
        // One that still waits is replaced.
        let counted = worker.child.has_reload_waiting();
        if kind == Kind::Check {
            self.has_last_left = true;
            if counted {
                // The one before never left.
                self.former.pop();
            }
        }
        match worker.child.tell(Order::Reload, Some(config)) {
            Ok(()) => worker.owed += usize::from(!counted),
            // It is ending, and will be started again with this configuration.
            Err(error) => warn!(%error, "{} child process can't be told of the reload", title(kind)),
        }
    }

    pub(super) fn order(
        &mut self,
        kind: Kind,
        order: Order,
        config: Option<Rc<OwnedFd>>,
    ) -> Result<(), message::Error> {
        match self.workers.get_mut(&kind) {
            Some(worker) => worker.child.tell(order, config),
            None => Ok(()),
        }
    }

    /// News for a worker; one that is ending does not need them.
    pub(super) fn tell(&mut self, kind: Kind, order: Order) {
        self.tell_with(kind, order, None);
    }

    /// The same with something attached.
    pub(super) fn tell_with(&mut self, kind: Kind, order: Order, attached: Option<Rc<OwnedFd>>) {
        if let Err(error) = self.order(kind, order, attached) {
            debug!(%error, "{} child process can't be told", title(kind));
        }
    }

    pub(super) fn signal_worker(&self, kind: Kind, signal: Signal) {
        if let Some(worker) = self.workers.get(&kind) {
            worker.child.signal(signal);
        }
    }
}

/// keepalived's name of a worker in log lines.
pub(super) fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Vrrp => "VRRP",
        Kind::Check => "Healthcheck",
    }
}
