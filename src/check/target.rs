//! One check as the balancer keeps it: whom it checks, and how. The checks of most servers differ in whom they check alone, so
//! that the rest is there once for all of them, however many they are.

use super::config::{self, Connect, Probe, Schedule};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

/// Whom a check goes to, and what it does there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Check {
    /// `connect_ip` and `connect_port`, else the real server's.
    pub to: SocketAddr,
    /// What others may have in common with it.
    pub settings: Arc<CheckSettings>,
}

/// What a check does, and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CheckSettings {
    /// When it runs, and how often it may fail.
    pub schedule: Schedule,
    /// Where it connects from.
    pub connect: Connect,
    /// What it does there.
    pub probe: Probe,
}

impl From<config::Checker> for Check {
    fn from(check: config::Checker) -> Check {
        let config::Checker { to, schedule, connect, probe } = check;
        Check { to, settings: Arc::new(CheckSettings { schedule, connect, probe }) }
    }
}

/// The same check, of those whose settings come from one [`Shared`]; cheap to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CheckId {
    to: SocketAddr,
    settings: *const CheckSettings,
}

impl Check {
    pub(super) fn id(&self) -> CheckId {
        CheckId { to: self.to, settings: Arc::as_ptr(&self.settings) }
    }
}

/// Settings, each of them once.
#[derive(Debug, Default)]
pub(super) struct Shared(HashSet<Arc<CheckSettings>>);

impl Shared {
    /// Takes in those of a check that is here already.
    pub(super) fn keep(&mut self, check: &Check) {
        self.0.insert(Arc::clone(&check.settings));
    }

    /// A check of a configuration.
    pub(super) fn share(&mut self, check: config::Checker) -> Check {
        let config::Checker { to, schedule, connect, probe } = check;
        let settings = CheckSettings { schedule, connect, probe };
        let settings = match self.0.get(&settings) {
            Some(settings) => Arc::clone(settings),
            None => {
                let settings = Arc::new(settings);
                self.0.insert(Arc::clone(&settings));
                settings
            }
        };
        Check { to, settings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_kept_once() {
        let check = |to: &str, port| {
            let mut check = config::Checker::new(to.parse().unwrap(), Probe::Tcp);
            check.connect.bind_port = port;
            check
        };
        let mut shared = Shared::default();
        let [one, same, other, another] = [
            ("192.0.2.1:80", None),
            ("192.0.2.1:80", None),
            ("192.0.2.2:80", None),
            ("192.0.2.1:80", Some(7)),
        ]
        .map(|(to, port)| shared.share(check(to, port)));
        assert_eq!(one.id(), same.id());
        assert!(Arc::ptr_eq(&one.settings, &other.settings));
        assert_ne!(one.id(), other.id());
        assert_ne!(one.id(), another.id());
    }
}
