//! What the check machines count.

use super::notice::Notice;
use super::probe::Outcome;
use serde::{Deserialize, Serialize};

/// The counters of a pool, since it was made.
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

    pub(super) fn count_notice(&mut self, notice: &Notice) {
        let counter = match notice {
            Notice::ServerUp { .. } => &mut self.servers_up,
            Notice::ServerDown { .. } => &mut self.servers_down,
            Notice::WeightChanged { .. } => &mut self.weights_changed,
            Notice::QuorumGained { .. } => &mut self.quorums_gained,
            Notice::QuorumLost { .. } => &mut self.quorums_lost,
            _ => return,
        };
        *counter += 1;
    }
}
