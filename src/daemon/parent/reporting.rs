//! What the service manager hears of the daemon: it has started, reloads, has reloaded, stops.

use crate::sys::input::reason;
use crate::sys::readiness::{Manager, Stage, VARIABLE};
use tracing::{debug, warn};

/// Tells a service manager each stage once, if there is one that wants to know.
#[derive(Debug, Default)]
pub(super) struct Reporter {
    manager: Option<Manager>,
    /// Where the manager believes us to be; `None` while we start.
    stage: Option<Stage>,
    /// It could not be told, and that was said.
    failed: bool,
}

impl Reporter {
    pub(super) fn new(manager: Option<Manager>) -> Reporter {
        Reporter { manager, ..Reporter::default() }
    }

    /// All workers run.
    pub(super) fn started(&mut self) {
        self.tell(Stage::Ready);
    }

    /// A configuration begins to be read. One during the start is part of it; one after another is news, since the manager
    /// may have asked for it only now.
    pub(super) fn reloads(&mut self) {
        if matches!(self.stage, Some(Stage::Ready | Stage::Reloading)) {
            self.tell(Stage::Reloading);
        }
    }

    /// No reload is under way, however the last one went.
    pub(super) fn settled(&mut self) {
        if self.stage == Some(Stage::Reloading) {
            self.tell(Stage::Ready);
        }
    }

    pub(super) fn stops(&mut self) {
        if self.stage != Some(Stage::Stopping) {
            self.tell(Stage::Stopping);
        }
    }

    fn tell(&mut self, stage: Stage) {
        self.stage = Some(stage);
        let Some(Err(error)) = self.manager.as_ref().map(|manager| manager.tell(stage)) else { return };
        let reason = reason(&error);
        if std::mem::replace(&mut self.failed, true) {
            debug!("{VARIABLE}: {reason}");
        } else {
            warn!("{VARIABLE}: {reason}: the service manager can't be told of {stage:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_is_told_between_start_and_stop_alone() {
        let mut reporter = Reporter::default();
        let mut stages = Vec::new();
        let steps: [fn(&mut Reporter); 10] = [
            Reporter::reloads,
            Reporter::settled,
            Reporter::started,
            Reporter::settled,
            Reporter::reloads,
            Reporter::settled,
            Reporter::stops,
            Reporter::reloads,
            Reporter::settled,
            Reporter::stops,
        ];
        for step in steps {
            step(&mut reporter);
            stages.push(reporter.stage);
        }
        let [ready, reloading, stopping] = [Stage::Ready, Stage::Reloading, Stage::Stopping].map(Some);
        assert_eq!(
            stages,
            [None, None, ready, ready, reloading, ready, stopping, stopping, stopping, stopping]
        );
    }
}
