//! What a worker's driver sees of the parent: its configuration, its options, a channel each way.
//!
//! The driver knows nothing of processes, memfds or sockets: the bootstrap that re-executed the binary connects
//! these channels, and a test can hold the other end itself.

use crate::conf::Config;
use serde::{Deserialize, Serialize};
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
}

/// What a worker tells the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker {
    /// Everything that start-up or a reload asks of the kernel has been done or reported.
    Ready,
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
    /// The process follows one that died: what it finds in the kernel may be its predecessor's.
    pub respawned: bool,
}

/// A worker's line to the parent.
#[derive(Debug)]
pub struct Control {
    /// Messages of the parent in their order; closed when the parent is gone, which means [`ToWorker::Stop`].
    pub inbox: UnboundedReceiver<ToWorker>,
    /// Messages to the parent; a closed channel is no error.
    pub outbox: UnboundedSender<FromWorker>,
}
