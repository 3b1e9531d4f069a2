//! What somebody else has done to this worker's services, and what of that stays: servers that were added by hand are
//! not ours, and a weight that was set by hand holds until the next change of that server, as with keepalived. All else is
//! put back by whoever has looked.

use super::known::Known;
use crate::check::Balancer;
use crate::ipvs::model::{Dest, DestKey, Service, ServiceKey, Table};
use std::collections::{HashMap, HashSet};
use std::ops::AddAssign;
use tracing::{info, warn};

/// Weights and servers that are logged one by one; more are only counted.
const LOGGED: usize = 10;

/// How a table differs from the one that was left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Drift {
    /// Services that are missing, or other ones.
    services: usize,
    /// Servers that are missing, or other ones.
    servers: usize,
    /// Servers as they were left, with the weight that they have.
    weights: Vec<(ServiceKey, Dest, u32)>,
    /// Servers that were not left there.
    added: Vec<(ServiceKey, DestKey)>,
}

impl Drift {
    /// Compares the table with what is known of these services. What others have added leaves the table, but for what
    /// `wanted` wants; that a service is missing counts where it still `is_ours`.
    pub(super) fn find(
        known: &Known,
        table: &mut Table,
        keys: &HashSet<ServiceKey>,
        is_ours: impl Fn(&ServiceKey) -> bool,
        wanted: impl Fn(&ServiceKey, &DestKey) -> bool,
    ) -> Drift {
        let mut drift = Drift::default();
        let listed: HashSet<ServiceKey> = table.services.iter().map(|(service, _)| service.key).collect();
        let is_missed = |key: &&ServiceKey| known.service(key).is_some() && is_ours(key);
        for key in keys.difference(&listed).filter(is_missed) {
            drift.services += 1;
            drift.servers += known.dests(key).count();
        }
        for (service, dests) in &mut table.services {
            let key = service.key;
            if !known.has(&key) {
                continue;
            }
            let is_certain = known.service(&key).is_some();
            drift.services += usize::from(known.service(&key).is_some_and(|left| left != service));
            let mut found = 0;
            dests.retain(|dest| {
                let Some(left) = known.dest(&key, &dest.key) else {
                    let is_wanted = wanted(&key, &dest.key);
                    if !is_wanted {
                        drift.added.push((key, dest.key));
                    }
                    return is_wanted;
                };
                found += 1;
                if is_certain && left != *dest {
                    match (Dest { weight: dest.weight, ..left }) == *dest {
                        true => drift.weights.push((key, left, dest.weight)),
                        false => drift.servers += 1,
                    }
                }
                true
            });
            if is_certain {
                drift.servers += known.dests(&key).count() - found;
            }
        }
        drift
    }

    /// A server of others is there.
    pub(super) fn add(&mut self, key: ServiceKey, server: DestKey) {
        self.added.push((key, server));
    }

    /// A server, as it is wanted, has another weight.
    pub(super) fn weigh(&mut self, key: ServiceKey, wanted: Dest, set: u32) {
        self.weights.push((key, wanted, set));
    }

    /// Servers of others.
    pub(super) fn added(&self) -> &[(ServiceKey, DestKey)] {
        &self.added
    }

    /// Tells of what is put back.
    pub(super) fn log(&self) {
        if let Some(counts) = self.counts() {
            warn!(
                "somebody else has changed the IPVS table: {counts}; what the configuration says holds again"
            );
        }
    }

    fn counts(&self) -> Option<String> {
        let counted = |(count, what): (usize, &str)| match count {
            0 => None,
            1 => Some(format!("1 {what}")),
            _ => Some(format!("{count} {what}s")),
        };
        let counts: Vec<String> =
            [(self.services, "service"), (self.servers, "server")].into_iter().filter_map(counted).collect();
        let verb = if self.services + self.servers == 1 { "differs" } else { "differ" };
        (!counts.is_empty()).then(|| format!("{} {verb}", counts.join(" and ")))
    }
}

impl AddAssign for Drift {
    fn add_assign(&mut self, other: Drift) {
        self.services += other.services;
        self.servers += other.servers;
        self.weights.extend(other.weights);
        self.added.extend(other.added);
    }
}

/// What others have done and what stays so.
#[derive(Default)]
pub(super) struct Hands {
    weights: HashMap<(ServiceKey, DestKey), Held>,
    /// Servers of others in our services.
    added: HashSet<(ServiceKey, DestKey)>,
}

/// A weight that holds as long as the same one is wanted.
struct Held {
    wanted: u32,
    set: u32,
}

impl Hands {
    /// Takes in what was found, and logs what is new of it.
    pub(super) fn take_in(&mut self, drift: &Drift, balancer: &Balancer) {
        let mut lines = Vec::new();
        for (key, left, set) in &drift.weights {
            let held = self.weights.get(&(*key, left.key));
            let wanted = held.map_or(left.weight, |held| held.wanted);
            // One that is to change anyway is written.
            if balancer.dest(*key, left.key).is_none_or(|dest| dest.weight != wanted) {
                continue;
            }
            let server = left.key;
            lines.push(format!(
                "somebody else has changed the weight of {server} of {key} from {} to {set}: that holds until the next \
                 change of this server",
                left.weight
            ));
            if *set == wanted {
                self.weights.remove(&(*key, server));
            } else {
                self.weights.insert((*key, server), Held { wanted, set: *set });
            }
        }
        for (key, server) in &drift.added {
            if self.added.insert((*key, *server)) {
                lines.push(format!("somebody else has added {server} to {key}: it is left alone"));
            }
        }
        for line in lines.iter().take(LOGGED) {
            info!("{line}");
        }
        if let Some(more) = lines.len().checked_sub(LOGGED).filter(|&more| more > 0) {
            info!("somebody else has changed {more} further servers");
        }
    }

    /// What the kernel should hold of a service.
    pub(super) fn row(&mut self, balancer: &Balancer, key: ServiceKey) -> Option<(Service, Vec<Dest>)> {
        let (service, mut dests) = balancer.service(key)?;
        if !self.weights.is_empty() {
            dests.iter_mut().for_each(|dest| self.hold(key, dest));
        }
        Some((service, dests))
    }

    /// What the kernel should hold of a server.
    pub(super) fn dest(&mut self, balancer: &Balancer, key: ServiceKey, dest: DestKey) -> Option<Dest> {
        let wanted = balancer.dest(key, dest);
        match wanted {
            Some(mut dest) => {
                self.hold(key, &mut dest);
                Some(dest)
            }
            None => {
                self.weights.remove(&(key, dest));
                None
            }
        }
    }

    fn hold(&mut self, key: ServiceKey, dest: &mut Dest) {
        match self.weights.get(&(key, dest.key)) {
            Some(held) if held.wanted == dest.weight => dest.weight = held.set,
            Some(_) => drop(self.weights.remove(&(key, dest.key))),
            None => {}
        }
    }

    /// Forgets what was in services that are not ours any more.
    pub(super) fn keep(&mut self, is_ours: impl Fn(&ServiceKey) -> bool) {
        self.weights.retain(|(key, _), _| is_ours(key));
        self.added.retain(|(key, _)| is_ours(key));
    }
}

#[cfg(test)]
mod tests;
