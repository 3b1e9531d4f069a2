//! The probes: what a check does to find out whether a server answers. One file a probe, its dialogue pure.
//!
//! A dialogue is told what its socket saw and says how the probe ended. Sockets, and the source address, mark and
//! port they use, are the driver's business; how often to try and when to believe a failure is
//! [`super::checker`]'s.

pub mod tcp;

use super::config::Probe;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kinds of probes, as they are named in logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// `TCP_CHECK`
    Tcp,
}

impl Kind {
    /// The kind of a configured probe; `None` for those that are not run yet.
    #[must_use]
    pub const fn of(probe: &Probe) -> Option<Kind> {
        match probe {
            Probe::Tcp => Some(Kind::Tcp),
            _ => None,
        }
    }
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The server answered as it should.
    Passed,
    /// It did not: this counts against the server.
    Failed(Failure),
    /// This machine could not even try: that says nothing of the server, whose state stays.
    NotRun(Failure),
}

/// Why a probe did not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Nothing came within `connect_timeout`.
    Timeout,
    /// A system call failed.
    System {
        /// Which one.
        operation: Operation,
        /// Its error number.
        errno: i32,
    },
}

/// The steps of opening a connection, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Making the socket.
    Socket,
    /// Setting `fwmark` (`SO_MARK`).
    Mark,
    /// Binding to `bindto` and `bind_port`.
    Bind,
    /// Connecting.
    Connect,
    /// Waiting for the connection to open.
    Wait,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Socket => "create socket",
            Operation::Mark => "set fwmark",
            Operation::Bind => "bind",
            Operation::Connect => "connect",
            Operation::Wait => "wait for connection",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Timeout => f.write_str("timeout"),
            Failure::System { operation, errno } => {
                write!(f, "{operation}: {}", std::io::Error::from_raw_os_error(*errno))
            }
        }
    }
}
