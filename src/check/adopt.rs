//! What a table that is already in the kernel tells of the servers, when a worker starts.
//!
//! A worker that follows one that died, or a daemon that was stopped with `-I`, finds its predecessor's table. To
//! assume every server up, as keepalived does, would give traffic to servers that are known to be dead until their
//! checks fail again; to assume them down would take the service away. So what is found is believed until the first
//! check says otherwise: a server with a weight is up, one with weight 0 or without an entry is down (and checked at
//! once). A service that holds none of our servers was made by someone else, and tells nothing, unless the worker is
//! known to follow one that died: then all of them had failed.

use super::checker::Status;
use super::config::{Endpoint, RealServer, VirtualServer};
use crate::ipvs::model::{DestKey, Forward, ServiceKey, Table};
use std::collections::HashMap;
use std::net::SocketAddr;

/// A kernel's table as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    services: HashMap<ServiceKey, HashMap<DestKey, u32>>,
    respawned: bool,
}

impl Found {
    /// Takes in a table; `respawned`: this process follows one that died.
    #[must_use]
    pub fn new(table: &Table, respawned: bool) -> Found {
        let services = table
            .services
            .iter()
            .map(|(s, dests)| (s.key, dests.iter().map(|d| (d.key, d.weight)).collect()))
            .collect();
        Found { services, respawned }
    }

    /// What is found of one virtual server; `None` if nothing can be concluded.
    #[must_use]
    pub fn of(&self, vs: &VirtualServer) -> Option<FoundServer<'_>> {
        let services: Vec<_> =
            vs.endpoints.iter().filter_map(|&e| Some((e, self.services.get(&e.key(vs.protocol))?))).collect();
        let mut found = FoundServer { services, sorry: None };
        found.sorry = vs.sorry_server.map(|sorry| sorry.address).filter(|_| found.is_left_to_sorry(vs));
        if found.services.is_empty() {
            return None;
        }
        let ours = |forward, address| found.weight(forward, address).is_some();
        let known = self.respawned
            || vs.sorry_server.is_some_and(|s| ours(s.forward, s.address))
            || vs.real_servers.iter().any(|rs| ours(rs.forward, rs.address));
        known.then_some(found)
    }
}

/// The weight of a sorry server that serves.
const SORRY_WEIGHT: u32 = 1;

/// Whether a server that is down is taken out of the table, without time to drain.
pub(super) fn leaves_at_once(rs: &RealServer) -> bool {
    let drains = rs.transition.as_ref().is_some_and(|transition| !transition.drain_time.is_zero());
    !rs.inhibit_on_failure && !drains
}

/// The services of one virtual server as they were found.
#[derive(Clone, Debug)]
pub struct FoundServer<'a> {
    services: Vec<(Endpoint, &'a HashMap<DestKey, u32>)>,
    /// The sorry server's address, if it has the traffic.
    sorry: Option<SocketAddr>,
}

impl FoundServer<'_> {
    /// The status that a real server seems to have had; `is_weighed`: a check of it says which weight it has.
    #[must_use]
    pub fn status(&self, rs: &RealServer, is_weighed: bool) -> Status {
        match self.weight(rs.forward, rs.address) {
            // The entry is the sorry server's.
            Some(_) if self.sorry == Some(rs.address) => Status::Down,
            // One that is down would not be there.
            Some(0) if is_weighed && leaves_at_once(rs) => Status::Up,
            Some(0) if rs.weight > 0 => Status::Down,
            Some(_) => Status::Up,
            None => Status::Down,
        }
    }

    /// What the server's entry leaves open: it is not there, or has no weight, since others serve instead, whether it was up
    /// or not.
    #[must_use]
    pub fn is_unclear(&self, rs: &RealServer) -> bool {
        self.status(rs, false) == Status::Down && (rs.backup || self.sorry())
    }

    /// Its weight, if it has an entry.
    #[must_use]
    pub fn weight_of(&self, rs: &RealServer) -> Option<u32> {
        self.weight(rs.forward, rs.address)
    }

    /// Whether the sorry server has the traffic.
    #[must_use]
    pub const fn sorry(&self) -> bool {
        self.sorry.is_some()
    }

    fn is_left_to_sorry(&self, vs: &VirtualServer) -> bool {
        let Some(sorry) = vs.sorry_server else { return false };
        let Some(weight) = self.weight(sorry.forward, sorry.address).filter(|weight| *weight > 0) else {
            return false;
        };
        // Where it is a real server too, its entry does not say which of the two it is, but others do, and its weight.
        let mut others = vs.real_servers.iter().filter(|rs| rs.address != sorry.address);
        vs.real_servers.iter().find(|rs| rs.address == sorry.address).is_none_or(|same| {
            let would_do = u64::from(same.weight) >= u64::from(vs.quorum.saturating_sub(vs.hysteresis));
            weight == SORRY_WEIGHT
                && (same.weight != SORRY_WEIGHT || !would_do)
                && others.all(|rs| self.weight(rs.forward, rs.address).is_none_or(|weight| weight == 0))
        })
    }

    /// The highest weight that a server has in any of the services.
    fn weight(&self, forward: Forward, address: SocketAddr) -> Option<u32> {
        self.services.iter().filter_map(|(e, dests)| dests.get(&e.dest_key(forward, address)).copied()).max()
    }
}
