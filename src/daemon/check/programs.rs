//! The programs that this worker wants run: those of `MISC_CHECK`, whose end is an outcome, and those that hear of
//! servers and quorums. The parent runs them; see [`crate::run`].

use crate::check::config::Misc;
use crate::check::event::ProbeId;
use crate::command::Command;
use crate::daemon::worker::FromWorker;
use crate::run::{Limit, Run, RunId, RunOutcome, Turn};
use std::collections::HashMap;
use tokio::sync::mpsc::UnboundedSender;
use tracing::warn;

/// Runs that the parent was asked for.
pub(super) struct Programs {
    parent: UnboundedSender<FromWorker>,
    next: u64,
    checks: HashMap<RunId, ProbeId>,
    runs: HashMap<ProbeId, RunId>,
    /// Those that nobody waits for, by what they are called in logs.
    notified: HashMap<RunId, String>,
}

impl Programs {
    pub(super) fn new(parent: UnboundedSender<FromWorker>) -> Programs {
        let (checks, runs, notified) = (HashMap::new(), HashMap::new(), HashMap::new());
        Programs { parent, next: 0, checks, runs, notified }
    }

    /// Asks for the program of a check.
    pub(super) fn start(&mut self, probe: ProbeId, check: &Misc) {
        let id = self.ask(None, check.command.clone(), Some(Limit::new(check.timeout)));
        self.checks.insert(id, probe);
        self.runs.insert(probe, id);
    }

    pub(super) fn cancel(&mut self, probe: ProbeId) {
        if let Some(id) = self.runs.remove(&probe) {
            self.checks.remove(&id);
            let _ = self.parent.send(FromWorker::CancelRun(id));
        }
    }

    /// Asks for a program that is told of something; those of one virtual server run one after another. `subject` is its
    /// real server, where it is one that changed.
    pub(super) fn notify(&mut self, vs: String, subject: Option<String>, command: Command) {
        let name = command.program().to_owned();
        let turn = Turn { owner: vs, step: self.next, subject };
        let id = self.ask(Some(turn), command, None);
        self.notified.insert(id, name);
    }

    /// The check whose program has ended, if it was one.
    pub(super) fn ended(&mut self, id: RunId, outcome: &RunOutcome) -> Option<ProbeId> {
        if let Some(program) = self.notified.remove(&id) {
            if !outcome.is_success() {
                warn!("{program} {outcome}");
            }
            return None;
        }
        let probe = self.checks.remove(&id)?;
        self.runs.remove(&probe);
        Some(probe)
    }

    fn ask(&mut self, turn: Option<Turn>, command: Command, limit: Option<Limit>) -> RunId {
        self.next += 1;
        let id = RunId(self.next);
        let _ = self.parent.send(FromWorker::Run(Run { id, turn, command, limit }));
        id
    }
}
