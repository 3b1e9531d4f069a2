//! `startup_script` and `shutdown_script`: the one runs before the first worker is started, the other after the last one
//! and all notifications have ended. How they end changes nothing else.

use super::Parent;
use crate::daemon::runner::{self, Asker};
use crate::daemon::supervisor::Action;
use crate::run::{Limit, Run, RunId, RunOutcome};
use crate::sys::clock;
use std::fmt;
use tracing::{debug, warn};

/// A script of the whole program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    Startup,
    Shutdown,
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hook::Startup => "startup script",
            Hook::Shutdown => "shutdown script",
        })
    }
}

impl Parent {
    /// Workers wait for the script of the start.
    pub(super) fn is_starting_up(&self) -> bool {
        self.hook == Some(Hook::Startup)
    }

    /// Has the script run that the present configuration names. Returns whether there is one, which runs now.
    pub(super) fn run_hook(&mut self, hook: Hook, actions: &mut Vec<Action>) -> bool {
        let hooks = &self.present.hooks;
        let (command, timeout) = match hook {
            Hook::Startup => (&hooks.startup, hooks.startup_timeout),
            Hook::Shutdown => (&hooks.shutdown, hooks.shutdown_timeout),
        };
        let Some(command) = command.clone() else { return false };
        debug!("Running {hook} {}", command.program());
        let run = Run { id: RunId(0), turn: None, command, limit: Some(Limit::new(timeout)) };
        self.hook = Some(hook);
        let conditions = self.present.scripts;
        if let Err(refused) = self.runner.run(&self.options.program, Asker::Parent, run, conditions) {
            self.hook_ended(&refused.outcome, actions);
        }
        // One that could not begin has ended, and what waits for it goes on already.
        self.hook.is_some() || hook == Hook::Startup
    }

    /// Goes on with what waited for the script.
    pub(super) fn hook_ended(&mut self, outcome: &RunOutcome, actions: &mut Vec<Action>) {
        let Some(hook) = self.hook.take() else { return };
        match outcome {
            RunOutcome::Exited(0) => debug!("{hook} succeeded"),
            RunOutcome::Cancelled => debug!("{hook} cancelled"),
            failure => warn!("{hook} failed ({failure}): going on without"),
        }
        if hook == Hook::Startup {
            self.configure(actions);
        }
    }

    /// All workers have ended: lets the scripts end, then runs the last one. `true` once that is done.
    pub(super) fn wind_up(&mut self) -> bool {
        self.close_fifos();
        if self.hook == Some(Hook::Shutdown) || !self.runner.stop(clock::now()) {
            return false;
        }
        if self.wound_up {
            return true;
        }
        self.wound_up = true;
        // The other one takes no more.
        self.runner = runner::Client::default();
        !self.run_hook(Hook::Shutdown, &mut Vec::new())
    }
}
