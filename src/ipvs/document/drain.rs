//! The lines of `drain --json`.

use super::{ServerId, ServiceId, VERSION};
use crate::ipvs::drain::{self, OnTimeout, Outcome, Then};
use crate::ipvs::model::{DestKey, ServiceKey};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// A line that `vipd ipvs drain --json` prints: how far it is, and at last how it ended.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Drain {
    /// The server was read.
    Progress {
        /// What all lines have.
        #[serde(flatten)]
        line: Line,
        /// Connections that have to end.
        left: u32,
        /// The most of them that there were at once.
        most: u32,
        /// Connections in an established state.
        active_connections: u32,
        /// Other connections.
        inactive_connections: u32,
        /// Clients that stay with this server (persistence templates).
        persistent_connections: u32,
        /// By how many a second `left` sinks, of late.
        rate: f64,
        /// Seconds until the last one has ended if they go on ending so; null where they do not.
        eta: Option<f64>,
    },
    /// The end: no connection is left.
    Drained {
        /// What all lines have.
        #[serde(flatten)]
        line: Line,
        /// What became of the server: it was `removed`, or `kept` with weight 0.
        then: After,
    },
    /// The end: connections were left when the time was up.
    TimedOut {
        /// What all lines have.
        #[serde(flatten)]
        line: Line,
        /// So many.
        left: u32,
        /// What became of the server.
        then: After,
        /// Its weight before.
        former_weight: u32,
    },
    /// The end: a signal came, and the server has its former weight again.
    Interrupted {
        /// What all lines have.
        #[serde(flatten)]
        line: Line,
        /// What became of the server: `restored`.
        then: After,
        /// Its weight before, and now.
        former_weight: u32,
    },
    /// The end: someone else gave the server a weight, which it keeps.
    WeightChanged {
        /// What all lines have.
        #[serde(flatten)]
        line: Line,
        /// The weight that it was given.
        weight: u32,
    },
    /// The end: someone else removed the server, or its service.
    Gone {
        /// What all lines have.
        #[serde(flatten)]
        line: Line,
    },
}

/// What all lines of a drain have.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Line {
    /// Of this format.
    version: u32,
    /// Whose server is drained.
    service: ServiceId,
    /// The server that is drained.
    server: ServerId,
    /// Seconds since the drain began.
    elapsed: f64,
}

/// What became of a server.
#[derive(Clone, Copy, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// It is not in the table any more.
    Removed,
    /// It has weight 0.
    Kept,
    /// It has its former weight again.
    Restored,
}

impl Line {
    /// Of a drain of this server that began so long ago.
    #[must_use]
    pub fn new(service: &ServiceKey, server: &DestKey, elapsed: Duration) -> Line {
        Line { version: VERSION, service: service.into(), server: server.into(), elapsed: seconds(elapsed) }
    }

    /// How far it is.
    #[must_use]
    pub fn progress(self, progress: &drain::Progress) -> Drain {
        Drain::Progress {
            line: self,
            left: progress.left,
            most: progress.most,
            active_connections: progress.active,
            inactive_connections: progress.inactive,
            persistent_connections: progress.persistent,
            rate: (progress.rate * 1000.0).round() / 1000.0,
            eta: progress.eta.map(seconds),
        }
    }

    /// How it ended.
    #[must_use]
    pub fn end(self, outcome: Outcome) -> Drain {
        let line = self;
        match outcome {
            Outcome::Drained(Then::Remove) => Drain::Drained { line, then: After::Removed },
            Outcome::Drained(Then::Keep) => Drain::Drained { line, then: After::Kept },
            Outcome::TimedOut { left, then, weight } => {
                let then = match then {
                    OnTimeout::Restore => After::Restored,
                    OnTimeout::Keep => After::Kept,
                    OnTimeout::Remove => After::Removed,
                };
                Drain::TimedOut { line, left, then, former_weight: weight }
            }
            Outcome::Interrupted { weight } => {
                Drain::Interrupted { line, then: After::Restored, former_weight: weight }
            }
            Outcome::WeightChanged { weight } => Drain::WeightChanged { line, weight },
            Outcome::Gone => Drain::Gone { line },
        }
    }
}

/// Milliseconds are as good as it gets.
fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1000.0
}
