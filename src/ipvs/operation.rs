//! One change of the kernel's IPVS, as a value: what a plan consists of, what the client sends, what logs name.

use crate::ipvs::model::{Daemon, DaemonState, Dest, DestKey, Service, ServiceKey, Timeouts};
use nix::errno::Errno;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A request that changes something (`IPVS_CMD_*`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// `IPVS_CMD_NEW_SERVICE`
    AddService(Service),
    /// `IPVS_CMD_SET_SERVICE`: everything but the key.
    EditService(Service),
    /// `IPVS_CMD_DEL_SERVICE`, with all its destinations.
    DeleteService(ServiceKey),
    /// `IPVS_CMD_NEW_DEST`
    AddDest(ServiceKey, Dest),
    /// `IPVS_CMD_SET_DEST`: everything but the key.
    EditDest(ServiceKey, Dest),
    /// `IPVS_CMD_DEL_DEST`
    DeleteDest(ServiceKey, DestKey),
    /// `IPVS_CMD_FLUSH`: the whole table.
    Flush,
    /// `IPVS_CMD_ZERO`: the counters of one service, or all.
    Zero(Option<ServiceKey>),
    /// `IPVS_CMD_SET_CONFIG`
    SetTimeouts(Timeouts),
    /// `IPVS_CMD_NEW_DAEMON`
    StartDaemon(Daemon),
    /// `IPVS_CMD_DEL_DAEMON`
    StopDaemon(DaemonState),
}

impl Operation {
    /// The service that it changes, where it is about one.
    #[must_use]
    pub const fn service(&self) -> Option<ServiceKey> {
        match self {
            Operation::AddService(s) | Operation::EditService(s) => Some(s.key),
            Operation::DeleteService(key)
            | Operation::AddDest(key, _)
            | Operation::EditDest(key, _)
            | Operation::DeleteDest(key, _)
            | Operation::Zero(Some(key)) => Some(*key),
            Operation::Flush
            | Operation::Zero(None)
            | Operation::SetTimeouts(_)
            | Operation::StartDaemon(_)
            | Operation::StopDaemon(_) => None,
        }
    }

    /// What the kernel means by refusing this operation with `errno`.
    #[must_use]
    pub fn reason(&self, errno: Errno) -> &'static str {
        use Operation::{
            AddDest, AddService, DeleteDest, DeleteService, EditDest, EditService, StartDaemon, StopDaemon,
            Zero,
        };
        match (self, errno) {
            (AddService(_), Errno::EEXIST) => "the service exists already",
            (AddService(_) | EditService(_), Errno::ENOENT) => {
                "this kernel has no such scheduler or persistence engine"
            }
            (EditService(_) | DeleteService(_) | Zero(_), Errno::ESRCH)
            | (AddDest(..) | EditDest(..) | DeleteDest(..), Errno::ESRCH) => "no such service",
            (AddDest(..), Errno::EEXIST) => "the server exists already",
            (EditDest(..) | DeleteDest(..), Errno::ENOENT) => "no such server",
            (StartDaemon(_), Errno::EEXIST) => "such a daemon runs already",
            (StartDaemon(_), Errno::ENODEV) => "no such interface",
            (StopDaemon(_), Errno::ESRCH) => "no such daemon runs",
            (AddDest(..) | EditDest(..), Errno::ERANGE) => {
                "the lower threshold is above the upper one (lthreshold, uthreshold)"
            }
            (_, Errno::EPERM) => "not permitted: IPVS needs CAP_NET_ADMIN",
            (_, Errno::EINVAL) => {
                "the kernel finds it invalid (an address that is not unicast, a sync daemon next to \
                mixed address families, …)"
            }
            (_, Errno::EAFNOSUPPORT) => "this kernel's IPVS lacks the address family",
            _ => errno.desc(),
        }
    }
}

/// The operation and its object: `add server 10.0.0.1:80 to service TCP 192.0.2.1:80`.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::AddService(s) => write!(f, "add service {}", s.key),
            Operation::EditService(s) => write!(f, "edit service {}", s.key),
            Operation::DeleteService(key) => write!(f, "delete service {key}"),
            Operation::AddDest(key, d) => write!(f, "add server {} to service {key}", d.key),
            Operation::EditDest(key, d) => write!(f, "edit server {} of service {key}", d.key),
            Operation::DeleteDest(key, d) => write!(f, "delete server {d} of service {key}"),
            Operation::Flush => f.write_str("clear the IPVS table"),
            Operation::Zero(Some(key)) => write!(f, "zero the counters of service {key}"),
            Operation::Zero(None) => f.write_str("zero all IPVS counters"),
            Operation::SetTimeouts(_) => f.write_str("set the IPVS timeouts"),
            Operation::StartDaemon(d) => write!(f, "start the {} sync daemon on {}", d.state, d.interface),
            Operation::StopDaemon(state) => write!(f, "stop the {state} sync daemon"),
        }
    }
}
