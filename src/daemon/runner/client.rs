//! The parent's side of the runner: who asked for what, and what they are told when the runner itself dies.

use crate::daemon::child::Child;
use crate::daemon::fifo::Which;
use crate::daemon::message::{self, Order};
use crate::daemon::scripts::Conditions;
use crate::daemon::worker::Kind;
use crate::run::{Run, RunId, RunOutcome, Turn};
use crate::time::Instant;
use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::time::Duration;
use tracing::{error, warn};

/// How long the runner has at the end: it lets notifications end, and kills what does not.
const STOP_GRACE: Duration = super::queue::STOP_GRACE.saturating_add(Duration::from_secs(3));

/// Who asks for a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon) enum Asker {
    Parent,
    Worker(Kind),
    /// For who reads a FIFO.
    Reader(Which),
}

/// An outcome for who asked.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::daemon) struct Outcome {
    pub(in crate::daemon) asker: Asker,
    pub(in crate::daemon) id: RunId,
    pub(in crate::daemon) outcome: RunOutcome,
}

/// What was asked for.
#[derive(Debug)]
struct Asked {
    asker: Asker,
    id: RunId,
    /// It is one of several in an order: it does not end with who asked.
    ordered: bool,
}

/// What the parent knows of the runner and its runs.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Client {
    child: Option<Child>,
    /// By the number that the runner knows them by: workers number their own from the beginning each time.
    runs: BTreeMap<RunId, Asked>,
    next: u64,
    stop_by: Option<Instant>,
}

impl Client {
    /// Passes on what a worker asks. The runner is started if there is none.
    ///
    /// # Errors
    /// What the worker is to be told instead.
    pub(in crate::daemon) fn run(
        &mut self,
        program: &str,
        asker: Asker,
        run: Run,
        conditions: Conditions,
    ) -> Result<(), Outcome> {
        let asked = run.id;
        let failed = |reason: String| Outcome { asker, id: asked, outcome: RunOutcome::Failed(reason) };
        if self.stop_by.is_some() {
            return Err(failed("vipd is stopping".to_owned()));
        }
        if self.child.is_none() {
            let child = Child::start(program, &[OsStr::new("scripts")]);
            let mut child = child.map_err(|error| failed(format!("no process to run it: {error}")))?;
            child
                .tell(Order::Runner { name: program.to_owned() }, None)
                .map_err(|e| failed(e.to_string()))?;
            self.child = Some(child);
        }
        let id = RunId(self.next);
        self.next += 1;
        let ordered = run.turn.is_some();
        // Owners of two workers are two, even of one name.
        let turn = run.turn.map(|turn| Turn { owner: format!("{asker:?} {}", turn.owner), ..turn });
        self.runs.insert(id, Asked { asker, id: asked, ordered });
        self.tell(Order::Run { run: Run { id, turn, ..run }, conditions });
        Ok(())
    }

    /// Passes on that who asked does not want a run any more.
    pub(in crate::daemon) fn cancel(&mut self, asker: Asker, id: RunId) {
        let its = |asked: &Asked| (asked.asker, asked.id) == (asker, id);
        let asked = self.runs.iter().find(|(_, asked)| its(asked));
        if let Some(id) = asked.map(|(id, _)| *id) {
            self.tell(Order::CancelRun(id));
        }
    }

    /// A worker has ended: its checks are nobody's any more. Its notifications are: what they tell has happened.
    pub(in crate::daemon) fn worker_ended(&mut self, kind: Kind) {
        let its: Vec<(RunId, bool)> = self
            .runs
            .iter()
            .filter(|(_, asked)| asked.asker == Asker::Worker(kind))
            .map(|(id, asked)| (*id, asked.ordered))
            .collect();
        for (id, ordered) in its {
            self.runs.remove(&id);
            if !ordered {
                self.tell(Order::CancelRun(id));
            }
        }
    }

    /// Reads one report of the runner.
    pub(in crate::daemon) fn listen(&mut self) -> Option<Outcome> {
        let child = self.child.as_mut()?;
        match message::receive_run_ended(child.socket()?) {
            Ok(Some(ended)) => {
                let asked = self.runs.remove(&ended.id)?;
                return Some(Outcome { asker: asked.asker, id: asked.id, outcome: ended.outcome });
            }
            Ok(None) => child.close(),
            Err(error) => {
                error!(%error, "the process that runs scripts can't be understood: killing it");
                child.close();
                child.signal(Signal::SIGKILL);
            }
        }
        None
    }

    /// What to wait for.
    pub(in crate::daemon) fn interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        self.child.as_ref().and_then(Child::interest)
    }

    /// Tells the runner what it had no time for.
    pub(in crate::daemon) fn flush(&mut self) {
        if let Some(child) = &mut self.child
            && child.flush().is_err()
        {
            child.close();
        }
    }

    /// Whether this process is the runner.
    pub(in crate::daemon) fn is(&self, pid: Pid) -> bool {
        self.child.as_ref().is_some_and(|child| child.pid() == pid)
    }

    /// The runner has ended. What it ran is answered; the next run starts another one.
    pub(in crate::daemon) fn ended(&mut self) -> Vec<Outcome> {
        self.child = None;
        if self.stop_by.is_none() {
            let lost = self.runs.len();
            let lost = match lost {
                1 => "1 script has failed with it".to_owned(),
                lost => format!("{lost} scripts have failed with it"),
            };
            warn!("the process that runs scripts has died: {lost}");
        }
        let lost = std::mem::take(&mut self.runs);
        let reason = "the process that runs scripts has died";
        lost.into_values()
            .map(|asked| Outcome {
                asker: asked.asker,
                id: asked.id,
                outcome: RunOutcome::Failed(reason.to_owned()),
            })
            .collect()
    }

    /// No more scripts: those of notifications may end. `true` once there is no runner left.
    pub(in crate::daemon) fn stop(&mut self, now: Instant) -> bool {
        let Some(child) = &mut self.child else { return true };
        if self.stop_by.is_none() {
            self.stop_by = Some(now + STOP_GRACE);
            if child.tell(Order::Stop, None).is_err() {
                child.signal(Signal::SIGKILL);
            }
        }
        false
    }

    /// When [`Client::handle_timeout`] wants to be called.
    pub(in crate::daemon) fn next_timeout(&self) -> Option<Instant> {
        self.stop_by.filter(|_| self.child.is_some())
    }

    /// A runner that does not stop is killed.
    pub(in crate::daemon) fn handle_timeout(&mut self, now: Instant) {
        if let Some(child) = &self.child
            && self.stop_by.is_some_and(|at| at <= now)
        {
            error!("the process that runs scripts did not stop in time: killing it");
            child.signal(Signal::SIGKILL);
            self.stop_by = Some(now + STOP_GRACE);
        }
    }

    fn tell(&mut self, order: Order) {
        if let Some(child) = &mut self.child
            && let Err(error) = child.tell(order, None)
        {
            // Its end answers what it was told.
            warn!(%error, "the process that runs scripts can't be told");
            child.close();
            child.signal(Signal::SIGKILL);
        }
    }
}
