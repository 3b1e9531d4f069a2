//! What the check machines count.

use super::event::{Action, Report};
use super::probe::Outcome;
use serde::{Deserialize, Serialize};

/// The counters of a balancer, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Probes started, and files taken under watch.
    pub probes_started: u64,
    /// Probes called off.
    pub probes_cancelled: u64,
    /// Outcomes that passed.
    pub passed: u64,
    /// Outcomes that failed, believed or not.
    pub failed: u64,
    /// Probes that this machine could not run.
    pub not_run: u64,
    /// Outcomes of probes that had been called off.
    pub late: u64,
    /// Servers that took up traffic.
    pub servers_up: u64,
    /// Servers that were taken out.
    pub servers_down: u64,
    /// Weights that a check or a reload changed.
    pub weights_changed: u64,
    /// Quorums gained.
    pub quorums_gained: u64,
    /// Quorums lost, at start too.
    pub quorums_lost: u64,
}

impl Stats {
    pub(super) fn count_outcome(&mut self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Passed | Outcome::Weighed(_) => &mut self.passed,
            Outcome::Failed(_) => &mut self.failed,
            Outcome::NotRun(_) => &mut self.not_run,
        };
        *counter += 1;
    }

    /// Counts what was told of servers and quorums.
    pub(super) fn count_reports(&mut self, actions: &[Action]) {
        for action in actions {
            let Action::Report(report) = action else { continue };
            let counter = match report {
                Report::ServerUp { .. } => &mut self.servers_up,
                Report::ServerDown { .. } => &mut self.servers_down,
                Report::WeightChanged { .. } => &mut self.weights_changed,
                Report::QuorumGained { .. } => &mut self.quorums_gained,
                Report::QuorumLost { .. } => &mut self.quorums_lost,
                _ => continue,
            };
            *counter += 1;
        }
    }
}
