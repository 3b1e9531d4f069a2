//! The programs that this worker wants run: the parent runs them, and says how they ended. See [`crate::run`].

use crate::daemon::worker::FromWorker;
use crate::run::{Run, RunId, RunOutcome};
use crate::vrrp::event::Event;
use std::collections::HashMap;
use tokio::sync::mpsc::UnboundedSender;

/// Those of `notify` have the numbers below.
const FIRST: u64 = 1 << 40;

/// Runs that the parent was asked for: its numbers, and those of who wants them.
#[derive(Debug)]
pub(super) struct Programs {
    parent: UnboundedSender<FromWorker>,
    next: u64,
    /// Those of the engine.
    tracked: HashMap<RunId, RunId>,
    numbers: HashMap<RunId, RunId>,
}

impl Programs {
    pub(super) fn new(parent: UnboundedSender<FromWorker>) -> Programs {
        Programs { parent, next: FIRST, tracked: HashMap::new(), numbers: HashMap::new() }
    }

    /// Asks for a program of the engine.
    pub(super) fn run(&mut self, run: Run) {
        let id = self.number();
        self.tracked.insert(id, run.id);
        self.numbers.insert(run.id, id);
        self.ask(Run { id, ..run });
    }

    /// Ends a program of the engine.
    pub(super) fn cancel(&mut self, id: RunId) {
        if let Some(id) = self.numbers.get(&id) {
            let _ = self.parent.send(FromWorker::CancelRun(*id));
        }
    }

    /// A program has ended: what the engine is to hear, if it was its.
    pub(super) fn ended(&mut self, id: RunId, outcome: &RunOutcome) -> Option<Event<'static>> {
        let id = self.tracked.remove(&id)?;
        self.numbers.remove(&id);
        Some(Event::RunEnded { id, outcome: outcome.clone() })
    }

    fn number(&mut self) -> RunId {
        self.next += 1;
        RunId(self.next)
    }

    fn ask(&self, run: Run) {
        let _ = self.parent.send(FromWorker::Run(run));
    }
}
