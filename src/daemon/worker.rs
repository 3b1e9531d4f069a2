//! What a worker's driver sees of the parent: its configuration, its options, a channel each way.
//!
//! The driver knows nothing of processes, memfds or sockets: the bootstrap that re-executed the binary connects
//! these channels, and a test can hold the other end itself.

pub use super::dump::Dump;
use super::fifo::Fifos;
use super::scheduling::Scheduled;
use crate::conf::Config;
use crate::ipvs::model::ServiceKey;
use crate::run::{Run, RunId, RunOutcome};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

/// The parts of the daemon that run in processes of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// Virtual routers.
    Vrrp,
    /// Virtual servers and their health checks.
    Check,
}

/// What the parent tells a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// A reload: from now on this is what is wanted. What did not change must not be disturbed.
    Reload(Box<Config>),
    /// Stop cleanly: leave the network and the kernel as keepalived's options ask, then end.
    Stop,
    /// A program that this worker has asked for has ended, or will not be run. Comes once for each [`FromWorker::Run`].
    RunEnded {
        /// Which.
        id: RunId,
        /// How.
        outcome: RunOutcome,
    },
    /// To the VRRP worker: what the check worker last said of the IPVS table; a fresh process is told it again. Nothing
    /// is said while no check worker has said anything.
    Table(TableState),
    /// To the VRRP worker, in the same way: which of the tracked virtual servers have their quorum.
    Quorums(Quorums),
    /// Write a file of what is going on. It may come from the parent or from a signal to this process.
    Dump(Dump),
}

/// Virtual servers that instances or sync groups track (`track_virtual_server`), and whether they have their quorum.
pub type Quorums = BTreeMap<String, bool>;

/// What a worker tells the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker {
    /// Everything that start-up or a reload asks of the kernel has been done or reported: once for the start, and
    /// once for each reload.
    Ready,
    /// Run this program, and say how it ended ([`ToWorker::RunEnded`]).
    Run(Run),
    /// End a run, or forget it where it has not begun; its end is told all the same.
    CancelRun(RunId),
    /// From the check worker, whenever it changes: passed on to the VRRP worker.
    Table(TableState),
    /// The same.
    Quorums(Quorums),
}

/// Whether the kernel's IPVS table can hold what is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableState {
    /// It can, and does.
    Writable,
    /// It can't be written.
    Unavailable {
        /// Why, in words for a log line.
        reason: String,
    },
}

/// Command-line options that concern a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// `-D`: detailed log messages.
    pub log_detail: bool,
    /// `-V`: leave addresses in place at the end.
    pub dont_release_vrrp: bool,
    /// `-I`: leave the IPVS table in place at the end.
    pub dont_release_ipvs: bool,
    /// Another worker will say whether the IPVS table can be written.
    pub awaits_table: bool,
    /// The process follows one that died: what it finds in the kernel may be its predecessor's.
    pub respawned: bool,
    /// By this name others see the daemon in its network namespace, if they can.
    pub presence: Option<String>,
}

/// A worker's line to the parent.
#[derive(Debug)]
pub struct Control {
    /// Messages of the parent in their order; closed when the parent is gone, which means [`ToWorker::Stop`].
    pub inbox: UnboundedReceiver<ToWorker>,
    /// Messages to the parent; a closed channel is no error.
    pub outbox: UnboundedSender<FromWorker>,
    /// Where lines for others go.
    pub fifos: Fifos,
    /// Its name, priority, memory and processors.
    pub scheduled: Scheduled,
    /// To the check worker: services of former configurations, which may still be in the kernel.
    pub former: Vec<ServiceKey>,
}

impl Control {
    /// A line to whoever holds the other ends; nothing was there before.
    #[must_use]
    pub fn new(inbox: UnboundedReceiver<ToWorker>, outbox: UnboundedSender<FromWorker>) -> Control {
        Control {
            inbox,
            outbox,
            fifos: Fifos::default(),
            scheduled: Scheduled::default(),
            former: Vec::new(),
        }
    }
}
