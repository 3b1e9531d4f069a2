//! What the kernel has refused: what it was about, and how it is told, once.

use super::Kernel;
use crate::ipvs::client::Failed;
use crate::ipvs::model::ServiceKey;
use crate::ipvs::operation::Operation;
use crate::netlink::Failure;
use nix::errno::Errno;
use std::collections::HashSet;
use tracing::{error, warn};

/// Refusals that are logged one by one; more are only counted.
const LOGGED_REFUSALS: usize = 10;

impl Kernel {
    pub(super) fn log_refusals(&mut self, refused: &[Failed]) {
        let errors: Vec<String> = causes(refused).map(Failed::to_string).collect();
        for error in errors.iter().take(LOGGED_REFUSALS) {
            self.log_once(error.clone());
        }
        if let Some(more) = errors.len().checked_sub(LOGGED_REFUSALS).filter(|&n| n > 0) {
            self.log_once(format!("the kernel refused {more} further changes of the IPVS table"));
        }
    }

    /// Logs an error, unless it was logged already.
    pub(super) fn log_once(&mut self, error: String) {
        if !self.logged.contains(&error) {
            error!("{error}");
            self.logged.insert(error);
        }
    }
}

/// Tells of services that were there before any of us made them.
pub(super) fn log_taken(taken: &[ServiceKey]) {
    for key in taken.iter().take(LOGGED_REFUSALS) {
        warn!(
            "{key} is in the IPVS table already: it becomes what the configuration says, servers of others go"
        );
    }
    if let Some(more) = taken.len().checked_sub(LOGGED_REFUSALS).filter(|&n| n > 0) {
        warn!(
            "{more} further services are in the IPVS table already, and become what the configuration says"
        );
    }
}

/// What was refused for a reason of its own: where a service is not added, neither are all its servers, and that need
/// not be told of each.
fn causes(refused: &[Failed]) -> impl Iterator<Item = &Failed> {
    let added = |failed: &Failed| match &failed.operation {
        Operation::AddService(service) => Some(service.key),
        _ => None,
    };
    let services: HashSet<ServiceKey> = refused.iter().filter_map(added).collect();
    refused
        .iter()
        .filter(move |f| !matches!(&f.operation, Operation::AddDest(key, _) if services.contains(key)))
}

/// What was refused because something is there, or is not there, against what was known: somebody else has changed it.
/// What the kernel would refuse in any table (a scheduler that it does not have) is none of that.
pub(super) fn drifted(refused: &[Failed]) -> impl Iterator<Item = &Failed> {
    causes(refused).filter(|failed| match (&failed.operation, failed.errno()) {
        // It is not known what has become of it.
        (_, None) => true,
        (Operation::AddService(_), Some(errno)) => errno == Errno::EEXIST,
        (Operation::EditService(_) | Operation::DeleteService(_), Some(errno)) => errno == Errno::ESRCH,
        (Operation::AddDest(..), Some(errno)) => matches!(errno, Errno::EEXIST | Errno::ESRCH),
        (Operation::EditDest(..) | Operation::DeleteDest(..), Some(errno)) => {
            matches!(errno, Errno::ENOENT | Errno::ESRCH)
        }
        _ => false,
    })
}

/// The services that something was refused of, each once.
pub(super) fn services_of(refused: &[Failed]) -> Vec<ServiceKey> {
    let mut seen = HashSet::new();
    refused.iter().filter_map(|f| service(&f.operation)).filter(|key| seen.insert(*key)).collect()
}

/// The service that an operation is about.
fn service(operation: &Operation) -> Option<ServiceKey> {
    match operation {
        Operation::AddService(service) | Operation::EditService(service) => Some(service.key),
        Operation::DeleteService(key)
        | Operation::AddDest(key, _)
        | Operation::EditDest(key, _)
        | Operation::DeleteDest(key, _) => Some(*key),
        _ => None,
    }
}

/// What was to be removed is not there, which is what was wanted.
pub(super) fn is_gone_already(failed: &Failed) -> bool {
    let Failure::Refused(refusal) = &failed.failure else { return false };
    match failed.operation {
        Operation::DeleteService(_) => refusal.errno == Errno::ESRCH,
        // ESRCH would be a service that is not there.
        Operation::DeleteDest(..) => refusal.errno == Errno::ENOENT,
        _ => false,
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
