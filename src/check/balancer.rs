//! The balancer: every checker and every virtual server, and the wires between them.
//!
//! Checkers that are configured alike run once, whatever number of servers they stand for. Deadlines are in a heap,
//! so that what is due is found without looking at what is not. A reload compares: what did not change keeps its
//! state and its schedule, a check that has only another schedule keeps what it knows.
//!
//! A virtual server is identified by name, protocol and family, a real server by its address and port within it, a
//! checker by its whole configuration; positions and slots are this module's own.

use super::alert;
use super::checker::{self, Checker};
use super::event::{Action, CheckName, CheckReport, Event, ProbeId, Report};
use super::stats::Stats;
use super::target::Check;
use super::virtual_server::VirtualServer;
use crate::ipvs::model::{Dest, DestKey, Service, ServiceKey, Table};
use crate::time::Instant;
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::mem;
use std::net::IpAddr;

mod configure;
pub mod shown;
mod suspend;

pub use suspend::awaited;

/// Probes that one call of [`Balancer::handle_timeout`] starts at most: whoever drives it has other things to do too.
pub const STARTS: usize = 1024;

/// Everything that is checked and balanced.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    virtual_servers: Vec<VirtualServer>,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    /// Deadlines with the slot they belong to. An entry that is not its checker's deadline any more is void.
    deadlines: BinaryHeap<Reverse<(Instant, u32)>>,
    /// The same of virtual servers, by their places; void entries, too.
    terms: BinaryHeap<Reverse<(Instant, u32)>>,
    /// The virtual servers that a service belongs to, each with the place of the endpoint in it: one, or several that
    /// share a group's entry.
    services: HashMap<ServiceKey, Vec<(u32, u32)>>,
    /// The addresses that `ha_suspend` waits for, as far as they are set on this machine.
    here: HashSet<IpAddr>,
    random: Random,
    next_run: u64,
    stats: Stats,
}

/// Most checks stand for one server.
type Subscribers = SmallVec<[(u32, u32); 1]>;

#[derive(Clone, Debug)]
struct Slot {
    checker: Checker,
    /// The real servers that it stands for: place of the virtual server, place of the real server in it.
    subscribers: Subscribers,
    run: Option<u64>,
}

impl Balancer {
    /// An empty balancer; `seed` spreads the first checks.
    #[must_use]
    pub fn new(seed: u64) -> Balancer {
        Balancer { random: Random(seed), ..Balancer::default() }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, event: Event, actions: &mut Vec<Action>) {
        let (probe, outcome) = match event {
            Event::ProbeFinished { probe, outcome } => (probe, outcome),
            Event::Addresses(here) => {
                self.here = here;
                return self.suspend(&HashSet::new(), actions);
            }
        };
        let slot = self.slots.get_mut(probe.slot as usize).and_then(Option::as_mut);
        let Some(slot) = slot.filter(|slot| slot.run == Some(probe.run)) else {
            self.stats.late += 1;
            return;
        };
        self.stats.count_outcome(&outcome);
        if !slot.checker.check().settings.probe.is_watched() {
            slot.run = None;
        }
        let mut wants = Vec::new();
        slot.checker.handle(now, checker::Event::Finished(outcome), &mut wants);
        self.perform(now, probe.slot, wants, actions);
        self.discard_void_deadlines();
    }

    /// What the end of the worker means for those who are told of quorums, and of servers, where these go one by one.
    pub fn shut_down(&self, one_by_one: bool, actions: &mut Vec<Action>) {
        self.virtual_servers.iter().for_each(|vs| vs.shut_down(one_by_one, actions));
    }

    /// Starts probes that are due, at most [`STARTS`] of them.
    pub fn handle_timeout(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.handle_terms(now, actions);
        let mut wants = Vec::new();
        let mut starts = 0;
        while starts < STARTS
            && let Some(&Reverse((at, index))) = self.deadlines.peek()
            && at <= now
        {
            self.deadlines.pop();
            let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) else { continue };
            if slot.checker.next_timeout() == Some(at) {
                starts += 1;
                slot.checker.handle_timeout(now, &mut wants);
                self.perform(now, index, mem::take(&mut wants), actions);
            }
        }
        self.discard_void_deadlines();
    }

    /// When to call [`Balancer::handle_timeout`].
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let first = |heap: &BinaryHeap<Reverse<(Instant, u32)>>| heap.peek().map(|&Reverse((at, _))| at);
        [first(&self.deadlines), first(&self.terms)].into_iter().flatten().min()
    }

    /// Has virtual servers do what is due by time alone.
    fn handle_terms(&mut self, now: Instant, actions: &mut Vec<Action>) {
        while let Some(&Reverse((at, place))) = self.terms.peek()
            && at <= now
        {
            self.terms.pop();
            let vs = self.virtual_servers.get_mut(place as usize);
            let Some(vs) = vs.filter(|vs| vs.next_timeout() == Some(at)) else { continue };
            let before = actions.len();
            vs.handle_timeout(now, actions);
            self.stats.count_reports(actions.get(before..).unwrap_or_default());
            self.terms.extend(vs.next_timeout().map(|at| Reverse((at, place))));
        }
    }

    /// The virtual servers, in the order of the configuration.
    #[must_use]
    pub fn virtual_servers(&self) -> &[VirtualServer] {
        &self.virtual_servers
    }

    /// What it has counted.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// The checkers, each once.
    pub fn checkers(&self) -> impl Iterator<Item = &Checker> {
        self.slots.iter().flatten().map(|s| &s.checker)
    }

    /// What the kernel should hold for a service: `None` for one that is not ours.
    #[must_use]
    pub fn service(&self, key: ServiceKey) -> Option<(Service, Vec<Dest>)> {
        let mut rows = self.services.get(&key)?.iter().filter_map(|&(vs, endpoint)| {
            let vs = self.virtual_servers.get(vs as usize)?;
            Some(vs.row(*vs.config().endpoints.get(endpoint as usize)?))
        });
        let (service, mut dests) = rows.next()?;
        for (_, more) in rows {
            let held: HashSet<_> = dests.iter().map(|d| d.key).collect();
            dests.extend(more.into_iter().filter(|d| !held.contains(&d.key)));
        }
        Some((service, dests))
    }

    /// Whether a service is one of ours.
    #[must_use]
    pub fn has_service(&self, key: ServiceKey) -> bool {
        self.services.contains_key(&key)
    }

    /// What [`Balancer::service`] has of one destination, without a look at the others.
    #[must_use]
    pub fn dest(&self, key: ServiceKey, dest: DestKey) -> Option<Dest> {
        self.services.get(&key)?.iter().find_map(|&(vs, endpoint)| {
            let vs = self.virtual_servers.get(vs as usize)?;
            vs.dest(*vs.config().endpoints.get(endpoint as usize)?, dest)
        })
    }

    /// The check that a probe is for, as long as nobody has cancelled it.
    #[must_use]
    pub fn check(&self, probe: ProbeId) -> Option<&Check> {
        let slot = self.slots.get(probe.slot as usize)?.as_ref()?;
        (slot.run == Some(probe.run)).then(|| slot.checker.check())
    }

    /// Which page a probe asks for: see [`Checker::page`].
    #[must_use]
    pub fn page(&self, probe: ProbeId) -> usize {
        let slot = self.slots.get(probe.slot as usize).and_then(Option::as_ref);
        slot.map_or(0, |slot| slot.checker.page())
    }

    /// The services that are ours, in the order of the configuration.
    pub fn keys(&self) -> impl Iterator<Item = ServiceKey> {
        let mut seen = HashSet::with_capacity(self.services.len());
        self.virtual_servers
            .iter()
            .flat_map(|vs| vs.config().endpoints.iter().map(|e| e.key(vs.config().protocol)))
            .filter(move |key| seen.insert(*key))
    }

    /// Everything that the kernel should hold.
    #[must_use]
    pub fn desired(&self) -> Table {
        Table { services: self.keys().filter_map(|key| self.service(key)).collect() }
    }

    /// Carries out what a checker wants, as far as it stays in here.
    fn perform(&mut self, now: Instant, index: u32, wants: Vec<checker::Action>, actions: &mut Vec<Action>) {
        let Balancer { slots, virtual_servers, deadlines, terms, next_run, stats, .. } = self;
        let Some(slot) = slots.get_mut(index as usize).and_then(Option::as_mut) else { return };
        let before = actions.len();
        let mut met = None;
        for want in wants {
            match want {
                checker::Action::Start => {
                    *next_run += 1;
                    stats.probes_started += 1;
                    slot.run = Some(*next_run);
                    actions.push(Action::StartProbe(ProbeId { slot: index, run: *next_run }));
                }
                checker::Action::Changed(status) => {
                    let text = alert::text_of(&slot.checker.check().settings.probe, status, met.as_ref());
                    for &(place, rs) in &slot.subscribers {
                        if let Some(vs) = virtual_servers.get_mut(place as usize) {
                            vs.check_changed(now, rs as usize, status, text.as_deref(), actions);
                            terms.extend(vs.next_timeout().map(|at| Reverse((at, place))));
                        }
                    }
                }
                checker::Action::FoundDown => {
                    for &(vs, rs) in &slot.subscribers {
                        if let Some(vs) = virtual_servers.get_mut(vs as usize) {
                            vs.found_down(rs as usize, actions);
                        }
                    }
                }
                checker::Action::Weighed { from, to } => {
                    for &(place, rs) in &slot.subscribers {
                        let Some(vs) = virtual_servers.get_mut(place as usize) else { continue };
                        let server = rs as usize;
                        let configured = vs.config().real_servers.get(server).map_or(0, |rs| rs.weight);
                        let more = to.adds_to(configured) - from.adds_to(configured);
                        vs.weighed(now, server, more, actions);
                        terms.extend(vs.next_timeout().map(|at| Reverse((at, place))));
                    }
                }
                checker::Action::Report(report) => {
                    if let CheckReport::Failed { failure, .. } = &report {
                        met = Some(failure.clone());
                    }
                    let check = CheckName::of(slot.checker.check());
                    // One line a server, not one for each service that it is in.
                    let mut told = HashSet::new();
                    for &(vs, rs) in &slot.subscribers {
                        if let Some(vs) = virtual_servers.get(vs as usize)
                            && let Some(rs) = vs.config().real_servers.get(rs as usize)
                            && told.insert(vs.server_name(rs.address))
                        {
                            let (server, name) = (vs.server_name(rs.address), vs.config().name.clone());
                            let (check, report) = (check.clone(), report.clone());
                            actions.push(Action::Report(Report::Check { check, server, vs: name, report }));
                        }
                    }
                }
            }
        }
        stats.count_reports(actions.get(before..).unwrap_or_default());
        if let Some(at) = slot.checker.next_timeout() {
            deadlines.push(Reverse((at, index)));
        }
    }

    /// Keeps the first deadline a true one, so that nobody wakes up for nothing.
    fn discard_void_deadlines(&mut self) {
        while let Some(&Reverse((at, index))) = self.deadlines.peek() {
            let slot = self.slots.get(index as usize).and_then(Option::as_ref);
            if slot.is_some_and(|s| s.checker.next_timeout() == Some(at)) {
                break;
            }
            self.deadlines.pop();
        }
    }
}

/// SplitMix64: enough to spread checks, and the same for the same seed.
#[derive(Clone, Copy, Debug, Default)]
struct Random(u64);

impl Random {
    fn next_u32(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 32) as u32
    }
}

#[cfg(test)]
mod tests;
