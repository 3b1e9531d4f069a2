//! The probes: what a check does to find out whether a server answers. One file a probe, without I/O.
//!
//! An attempt is told what its socket saw and says how the probe ended. Sockets, and the source address, mark and
//! port they use, are the driver's business; how often to try and when to believe a failure is
//! [`super::checker`]'s.

pub mod agent;
mod ber;
#[cfg(feature = "tls")]
pub mod certificate;
pub mod dialogue;
pub mod dns;
pub mod file;
mod frames;
pub mod grpc;
pub mod http;
mod http2;
pub mod ldap;
mod lines;
pub mod misc;
pub mod mysql;
pub mod pgsql;
pub mod ping;
pub mod query;
pub mod redis;
pub mod smtp;
pub mod tcp;
#[cfg(feature = "tls")]
pub mod tls;
pub mod udp;

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The server answered as it should.
    Passed,
    /// The same, and the check says what the server is worth.
    Weighed(Weight),
    /// It did not: this counts against the server.
    Failed(Failure),
    /// This machine could not even try: that says nothing of the server, whose state stays.
    NotRun(Failure),
}

/// What a check says of its server's weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Weight {
    /// Nothing: that of the configuration holds.
    #[default]
    Configured,
    /// This is it, whatever the configuration says.
    Exactly(u32),
    /// So much more than the configuration says.
    Plus(i64),
    /// So many hundredths of what the configuration says, rounded up: who is worth anything keeps some traffic.
    Percent(u32),
}

impl Weight {
    /// What it adds to a configured weight. Where several checks weigh one server, all that they add is added.
    #[must_use]
    pub fn adds_to(self, configured: u32) -> i64 {
        match self {
            Weight::Configured => 0,
            Weight::Exactly(weight) => i64::from(weight) - i64::from(configured),
            Weight::Plus(more) => more,
            Weight::Percent(percent) => {
                let weight = (u64::from(configured) * u64::from(percent)).div_ceil(100);
                i64::try_from(weight).unwrap_or(i64::MAX) - i64::from(configured)
            }
        }
    }
}

/// Why a probe did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Nothing came within `connect_timeout`.
    Timeout,
    /// In words: what came is not what was expected.
    Reason(Box<str>),
    /// A system call failed.
    System {
        /// Which one.
        operation: Operation,
        /// Its error number.
        errno: i32,
    },
}

/// The steps of a probe, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Making the socket.
    Socket,
    /// Setting `fwmark` (`SO_MARK`).
    Mark,
    /// Using `bind_if` alone (`SO_BINDTODEVICE`).
    BindToDevice,
    /// Binding to `bindto` and `bind_port`.
    Bind,
    /// Connecting.
    Connect,
    /// Waiting for the connection to open.
    Wait,
    /// Sending what is asked.
    Send,
    /// Receiving the answer.
    Receive,
}

impl Failure {
    /// The connection broke with this error number while an answer was waited for.
    #[must_use]
    pub const fn broken(errno: i32) -> Failure {
        Failure::System { operation: Operation::Receive, errno }
    }
}

/// As much of what a server said as fits into a line of the log.
fn shown(bytes: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte).to_string(),
        _ => byte.escape_ascii().to_string(),
    };
    bytes.iter().take(200).map(letter).collect()
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operation::Socket => "create socket",
            Operation::Mark => "set fwmark",
            Operation::BindToDevice => "bind to interface",
            Operation::Bind => "bind",
            Operation::Connect => "connect",
            Operation::Wait => "wait for connection",
            Operation::Send => "send",
            Operation::Receive => "receive",
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Timeout => f.write_str("timeout"),
            Failure::Reason(reason) => f.write_str(reason),
            Failure::System { operation, errno } => {
                let reason = std::io::Error::from_raw_os_error(*errno).to_string();
                // The number behind it says nothing more.
                write!(f, "{operation}: {}", reason.split(" (os error ").next().unwrap_or_default())
            }
        }
    }
}
