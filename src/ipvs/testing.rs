//! What the tests of this room and of its readers share: services and servers, small tables at random, and a table as
//! the kernel keeps it.

pub(crate) mod fake;

use crate::ipvs::model::{
    Dest, DestEntry, DestKey, Forward, Netmask, Protocol, Reading, Service, ServiceEntry, ServiceFlags,
    ServiceKey, Stats, Table,
};
use crate::ipvs::operation::Operation;
use crate::net::Family;
use proptest::prelude::*;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

pub(crate) fn key(n: u8) -> ServiceKey {
    match n {
        0..3 => ServiceKey::Address {
            protocol: Protocol::Tcp,
            address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)),
            port: 80,
        },
        _ => ServiceKey::Fwmark { mark: u32::from(n), family: Family::V6 },
    }
}

pub(crate) fn dest(n: u8, weight: u32) -> Dest {
    Dest {
        key: DestKey { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, n)), port: 80 },
        forward: Forward::DirectRoute,
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

pub(crate) fn service(key: ServiceKey, scheduler: &str) -> Service {
    Service {
        key,
        scheduler: scheduler.to_owned(),
        flags: ServiceFlags::empty(),
        timeout: 0,
        netmask: Netmask::host(key.family()),
        pe_name: None,
    }
}

/// A server as the kernel lists it, with no connections.
pub(crate) fn listed_dest(dest: Dest, stats: Stats) -> DestEntry {
    DestEntry { dest, active_conns: 0, inactive_conns: 0, persistent_conns: 0, stats }
}

/// A service as the kernel lists it, with its servers: what they have counted is what it has counted.
pub(crate) fn listed(service: Service, dests: Vec<DestEntry>) -> (ServiceEntry, Vec<DestEntry>) {
    let mut stats = Stats::default();
    for d in &dests {
        stats.conns += d.stats.conns;
        stats.inpkts += d.stats.inpkts;
        stats.inbytes += d.stats.inbytes;
    }
    (ServiceEntry { service, stats }, dests)
}

pub(crate) fn reading(services: Vec<(ServiceEntry, Vec<DestEntry>)>) -> Reading {
    Reading { services }
}

/// A table as the kernel keeps it: it refuses what the kernel refuses.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kernel(pub(super) Vec<(Service, Vec<Dest>)>);

impl Kernel {
    fn dests(&mut self, key: ServiceKey) -> &mut Vec<Dest> {
        &mut self.0.iter_mut().find(|(s, _)| s.key == key).expect("no such service").1
    }

    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::AddService(s) => {
                assert!(self.0.iter().all(|(old, _)| old.key != s.key), "service exists");
                self.0.push((s.clone(), Vec::new()));
            }
            Operation::EditService(s) => {
                self.0.iter_mut().find(|(old, _)| old.key == s.key).expect("no such service").0 = s.clone();
            }
            Operation::DeleteService(key) => {
                let at = self.0.iter().position(|(s, _)| s.key == *key).expect("no such service");
                self.0.remove(at);
            }
            Operation::AddDest(key, d) => {
                let dests = self.dests(*key);
                assert!(dests.iter().all(|old| old.key != d.key), "destination exists");
                dests.push(*d);
            }
            Operation::EditDest(key, d) => {
                *self.dests(*key).iter_mut().find(|old| old.key == d.key).expect("no such destination") = *d;
            }
            Operation::DeleteDest(key, d) => {
                let dests = self.dests(*key);
                let at = dests.iter().position(|old| old.key == *d).expect("no such destination");
                dests.remove(at);
            }
            Operation::Flush => self.0.clear(),
            other => panic!("not about the table: {other}"),
        }
    }

    /// Whether the kernel would carry it out.
    pub(super) fn accepts(&self, operation: &Operation) -> bool {
        let service = |key: &ServiceKey| self.0.iter().find(|(s, _)| s.key == *key);
        let has =
            |key: &ServiceKey, d: &DestKey| service(key).map(|(_, dests)| dests.iter().any(|o| o.key == *d));
        match operation {
            Operation::AddService(s) => service(&s.key).is_none(),
            Operation::EditService(s) => service(&s.key).is_some(),
            Operation::DeleteService(key) => service(key).is_some(),
            Operation::AddDest(key, d) => has(key, &d.key) == Some(false),
            Operation::EditDest(key, d) => has(key, &d.key) == Some(true),
            Operation::DeleteDest(key, d) => has(key, d) == Some(true),
            _ => true,
        }
    }

    /// Per service: whether it has servers, and whether one of them takes connections.
    pub(super) fn state(&self) -> HashMap<ServiceKey, (bool, bool)> {
        let state = |dests: &[Dest]| (!dests.is_empty(), dests.iter().any(|d| d.weight > 0));
        self.0.iter().map(|(s, dests)| (s.key, state(dests))).collect()
    }

    /// Without order: what the table means.
    pub(super) fn content(&self) -> HashMap<ServiceKey, (Service, HashMap<DestKey, Dest>)> {
        self.0
            .iter()
            .map(|(s, dests)| (s.key, (s.clone(), dests.iter().map(|d| (d.key, *d)).collect())))
            .collect()
    }
}

pub(super) fn tables() -> impl Strategy<Value = Table> {
    let dests = prop::collection::btree_map(0u8..6, 0u32..3, 0..6)
        .prop_map(|m| m.into_iter().map(|(n, weight)| dest(n, weight)).collect::<Vec<_>>())
        .prop_shuffle();
    let services =
        prop::collection::btree_map(0u8..6, (prop::sample::select(vec!["rr", "wlc"]), dests), 0..6);
    services
        .prop_map(|m| {
            m.into_iter().map(|(n, (sched, dests))| (service(key(n), sched), dests)).collect::<Vec<_>>()
        })
        .prop_shuffle()
        .prop_map(|services| Table { services })
}
