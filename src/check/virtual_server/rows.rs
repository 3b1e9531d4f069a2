//! What the kernel should hold of a virtual server.

use super::VirtualServer;
use super::substitutes::is_called;
use crate::check::checker::Status;
use crate::check::config::{self, Endpoint};
use crate::ipvs::model::{Dest, DestKey, Forward, Netmask, Service, ServiceFlags};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::net::IpAddr;

impl VirtualServer {
    /// What the kernel should hold for one of its endpoints.
    #[must_use]
    pub fn row(&self, endpoint: Endpoint) -> (Service, Vec<Dest>) {
        let c = &self.config;
        let mut flags = c.flags;
        flags.remove(ServiceFlags::HASHED);
        flags.set(ServiceFlags::PERSISTENT, c.persistence_timeout > 0);
        let family = endpoint.family();
        let service = Service {
            key: endpoint.key(c.protocol),
            scheduler: c.scheduler.clone(),
            flags,
            timeout: c.persistence_timeout,
            netmask: match c.persistence_granularity {
                Some(mask) if c.persistence_timeout > 0 => mask,
                _ => Netmask::host(family),
            },
            pe_name: c.persistence_engine.clone().filter(|_| c.persistence_timeout > 0),
        };
        (service, self.dests(endpoint))
    }

    /// What the kernel should hold of one destination of one of its endpoints: what [`VirtualServer::row`] has of it,
    /// without a look at the others.
    #[must_use]
    pub fn dest(&self, endpoint: Endpoint, key: DestKey) -> Option<Dest> {
        let mut places: Vec<u32> = Vec::new();
        for masquerades in [true, false] {
            let identity = Identity { address: key.address, port: masquerades.then_some(key.port) };
            let first = self.identities.partition_point(|(i, _)| *i < identity);
            let alike = self.identities.iter().skip(first).take_while(|(i, _)| *i == identity);
            places.extend(alike.map(|(_, place)| *place));
        }
        places.sort_unstable();
        let mut dests = Dests::with_capacity(places.len() + 1);
        for place in places {
            dests.extend(self.real_dest(endpoint, place as usize).filter(|d| d.key == key));
        }
        dests.extend(self.sorry_dest(endpoint).filter(|d| d.key == key));
        self.leaving_dests(endpoint).filter(|d| d.key == key).for_each(|dest| dests.extend(Some(dest)));
        dests.list.pop()
    }

    fn dests(&self, endpoint: Endpoint) -> Vec<Dest> {
        let sorry = self.sorry_dest(endpoint);
        if sorry.is_none() && !self.terms.has_leaving() && are_distinct(&self.identities) {
            return (0..self.config.real_servers.len())
                .filter_map(|place| self.real_dest(endpoint, place))
                .collect();
        }
        let mut dests = Dests::with_capacity(self.config.real_servers.len() + 1);
        for place in 0..self.config.real_servers.len() {
            dests.extend(self.real_dest(endpoint, place));
        }
        dests.extend(sorry);
        self.leaving_dests(endpoint).for_each(|dest| dests.extend(Some(dest)));
        dests.list
    }

    /// A real server's own wish, whatever others share its destination.
    fn real_dest(&self, endpoint: Endpoint, place: usize) -> Option<Dest> {
        let rs = self.config.real_servers.get(place)?;
        let serves = self.server_status(place) == Status::Up && !self.sorry && is_called(rs, self.backups);
        let term = place as u32;
        (serves || rs.inhibit_on_failure || self.terms.is_draining(term)).then(|| Dest {
            key: endpoint.dest_key(rs.forward, rs.address),
            forward: rs.forward,
            weight: if serves { self.terms.ramped(term, self.server_weight(place)) } else { 0 },
            upper_threshold: rs.upper_threshold,
            lower_threshold: rs.lower_threshold,
        })
    }

    /// Servers that the configuration names no more, and that have time to drain.
    fn leaving_dests(&self, endpoint: Endpoint) -> impl Iterator<Item = Dest> {
        self.terms.leaving().map(move |server| Dest {
            key: endpoint.dest_key(server.forward, server.address),
            forward: server.forward,
            weight: 0,
            upper_threshold: 0,
            lower_threshold: 0,
        })
    }

    fn sorry_dest(&self, endpoint: Endpoint) -> Option<Dest> {
        let s = self.config.sorry_server?;
        let key = endpoint.dest_key(s.forward, s.address);
        let weight = u32::from(self.sorry);
        (self.sorry || s.inhibit).then_some(Dest {
            key,
            forward: s.forward,
            weight,
            upper_threshold: 0,
            lower_threshold: 0,
        })
    }
}

/// What the kernel knows a server as, as far as that is the same below every endpoint: only masquerading has a port of
/// its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Identity {
    address: IpAddr,
    port: Option<u16>,
}

pub(super) fn identities(config: &config::VirtualServer) -> Vec<(Identity, u32)> {
    let servers = config.real_servers.iter().zip(0..);
    let identity = |(rs, place): (&config::RealServer, u32)| {
        let port = (rs.forward == Forward::Masq).then_some(rs.address.port());
        (Identity { address: rs.address.ip(), port }, place)
    };
    let mut identities: Vec<(Identity, u32)> = servers.map(identity).collect();
    identities.sort_unstable();
    identities
}

/// Whether no two of them can be the same destination, below whatever endpoint.
fn are_distinct(sorted: &[(Identity, u32)]) -> bool {
    // Without a port of its own, one has the endpoint's, which may be that of the next one.
    let pairs = sorted.iter().zip(sorted.iter().skip(1));
    pairs.into_iter().all(|((a, _), (b, _))| a.address != b.address || (a.port.is_some() && a.port != b.port))
}

/// Destinations with unique keys. Two servers of the file can be the same destination (one address, two ports, direct
/// routing), and a sorry server can be a real server too: the one with a weight stands for both.
struct Dests {
    list: Vec<Dest>,
    places: HashMap<DestKey, usize>,
}

impl Dests {
    fn with_capacity(n: usize) -> Dests {
        Dests { list: Vec::with_capacity(n), places: HashMap::with_capacity(n) }
    }

    fn extend(&mut self, dest: Option<Dest>) {
        let Some(dest) = dest else { return };
        let place = *self.places.entry(dest.key).or_insert(self.list.len());
        match self.list.get_mut(place) {
            None => self.list.push(dest),
            Some(held) if held.weight == 0 && dest.weight > 0 => *held = dest,
            Some(_) => {}
        }
    }
}
