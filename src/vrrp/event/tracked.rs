//! What is tracked, as far as events and actions speak of it. What it means is `track`'s to say.

use super::Name;
use crate::run::RunOutcome;
use crate::vrrp::config::interface::Linkbeat;
use crate::vrrp::config::{TrackFile, TrackProcess};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is tracked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its name: that of the interface, or of the block that describes it.
    pub name: Name,
}

/// The kinds of things that can be tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// `track_interface`.
    Interface,
    /// `track_script`.
    Script,
    /// `track_file`.
    File,
    /// `track_process`.
    Process,
    /// `track_bfd`.
    Bfd,
    /// `track_virtual_server`.
    VirtualServer,
}

/// What somebody has to look at for the machines: they look at nothing themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Files with numbers.
    pub files: Vec<TrackFile>,
    /// Processes to be counted.
    pub processes: Vec<TrackProcess>,
    /// Interfaces whose drivers are asked.
    pub linkbeat: Vec<Linkbeat>,
}

/// What is worth telling of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScriptReport {
    /// Its exit status is another one.
    Returns(u8),
    /// It is up.
    Succeeded,
    /// It is down, by this end of its last run.
    Failed(RunOutcome),
    /// It is to run, and still does.
    Busy,
    /// It can't be run: why, in words. Said once until it can.
    NotRun(String),
    /// A reload leaves it as it stood.
    Kept {
        /// It was up.
        up: bool,
    },
}

impl Object {
    /// An object of this kind and name.
    #[must_use]
    pub fn new(kind: Kind, name: impl Into<Name>) -> Object {
        Object { kind, name: name.into() }
    }

    /// It is known as soon as it has been read, which takes a moment at most.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        matches!(self.kind, Kind::File | Kind::Process)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Interface => "interface",
            Kind::Script => "script",
            Kind::File => "tracked file",
            Kind::Process => "tracked process",
            Kind::Bfd => "BFD session",
            Kind::VirtualServer => "virtual server",
        };
        write!(f, "{kind} {}", self.name)
    }
}
