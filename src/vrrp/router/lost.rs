//! What somebody removed and the kernel does not take again: a fault of the instances that track it, so that another
//! router serves.
//!
//! It is tried again when something of its interface changes, and after a while that doubles each time in vain. Statics are
//! tried all the time, since they don't depend on the instances' states.

use super::{Retry, Router};
use crate::time::Instant;
use crate::vrrp::config::VirtualAddress;
use crate::vrrp::event::{Actions, Entry, Fault, Refusal};
use crate::vrrp::kernel::{Id, STATICS};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// The first time it is left alone for so long, and at most for so long.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);

/// What can be lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    Address(VirtualAddress),
    Entry(Entry),
}

impl Thing {
    fn is_on(&self, interface: &str) -> bool {
        match self {
            Thing::Address(address) => *address.interface == *interface,
            Thing::Entry(entry) => entry.interfaces().any(|name| name == interface),
        }
    }

    fn is_tracked(&self) -> bool {
        match self {
            Thing::Address(address) => address.tracked,
            Thing::Entry(entry) => entry.is_tracked(),
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Thing::Address(address) => write!(f, "address {} on {}", address.net, address.interface),
            Thing::Entry(entry) => write!(f, "{entry}"),
        }
    }
}

/// What is lost. Mostly nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Lost {
    /// Somebody removed it, and it has not been set again since.
    taken: HashSet<Thing>,
    /// It can't be set again, tried so often.
    lost: HashMap<Thing, u32>,
    /// How often it could not be set again.
    tried: HashMap<Thing, u32>,
}

impl Lost {
    /// Whether something is.
    pub(super) fn is_any(&self) -> bool {
        !self.lost.is_empty()
    }
}

impl Router {
    /// Somebody removed it.
    pub(super) fn note_taken(&mut self, thing: Thing) {
        if thing.is_tracked() {
            self.lost.taken.insert(thing);
        }
    }

    /// Takes in whether it could be set. True if it is to be tried again soon: it may need something else that was removed
    /// together with it.
    pub(super) fn note_set(&mut self, now: Instant, thing: &Thing, refusal: Option<&Refusal>) -> bool {
        let Lost { taken, lost, tried } = &mut self.lost;
        if taken.is_empty() || !taken.contains(thing) {
            return false;
        }
        match refusal {
            Some(Refusal::Other(_)) => {
                let times = tried.entry(thing.clone()).or_default();
                *times += 1;
                if *times == 1 {
                    return true;
                }
                if lost.insert(thing.clone(), *times).is_none() {
                    let wait = FIRST.saturating_mul(1 << (*times - 2).min(10)).min(LONGEST);
                    self.retries.push_front((now, Retry::Depend(thing.clone())));
                    let behind = self.retries.partition_point(|(at, _)| *at <= now + wait);
                    self.retries.insert(behind, (now + wait, Retry::Regain(thing.clone())));
                }
            }
            None | Some(Refusal::Exists) => {
                taken.remove(thing);
                tried.remove(thing);
                if lost.remove(thing).is_some() {
                    self.retries.push_front((now, Retry::Depend(thing.clone())));
                }
            }
            Some(Refusal::NotThere | Refusal::NoInterface | Refusal::NoMemory) => {}
        }
        false
    }

    /// Those that depend on it look at what keeps them from running.
    pub(super) fn look_at_dependents(&mut self, now: Instant, thing: &Thing, out: &mut Actions) {
        for id in self.dependents(thing) {
            self.find_ground(now, id, out);
        }
    }

    /// It is to be tried again.
    pub(super) fn regain(&mut self, now: Instant, thing: &Thing, out: &mut Actions) {
        let is_static = |ids: &[Id]| ids.contains(&STATICS);
        let stays = match thing {
            Thing::Address(address) => {
                self.kernel.configured_with(address).iter().any(|(id, _)| *id == STATICS)
            }
            Thing::Entry(entry) => is_static(self.kernel.entry_configured_with(entry)),
        };
        // A static one is tried all the time: it is gained when it is set.
        if !stays && self.lost.lost.remove(thing).is_some() {
            self.look_at_dependents(now, thing, out);
        }
    }

    /// Something of an interface changed: what is lost there is to be tried again.
    pub(super) fn regain_on(&mut self, now: Instant, interface: &str, out: &mut Actions) {
        if !self.lost.is_any() {
            return;
        }
        let on_it: Vec<Thing> = self.lost.lost.keys().filter(|t| t.is_on(interface)).cloned().collect();
        for thing in on_it {
            self.lost.tried.remove(&thing);
            self.regain(now, &thing, out);
        }
    }

    /// A virtual address came. That of the instances that lack something is no reason to try it again: they come and go
    /// with their states, for ever. Only what goes with the address itself can be set by now.
    pub(super) fn regain_routes_from(&mut self, now: Instant, source: IpAddr, out: &mut Actions) {
        let goes_with_it = |thing: &&Thing| match thing {
            Thing::Entry(Entry::Route(route)) => route.preferred_source == Some(source),
            _ => false,
        };
        let routes: Vec<Thing> = self.lost.lost.keys().filter(goes_with_it).cloned().collect();
        for thing in routes {
            self.lost.tried.remove(&thing);
            self.regain(now, &thing, out);
        }
    }

    /// What an instance lacks.
    pub(super) fn lost_faults(&self, id: Id) -> impl Iterator<Item = Fault> {
        let mine = self.lost.lost.keys().filter(move |thing| self.dependents(thing).contains(&id));
        mine.map(|thing| Fault::NotSet(thing.to_string().into()))
    }

    fn dependents(&self, thing: &Thing) -> Vec<Id> {
        let (ids, names): (Vec<Id>, _) = match thing {
            Thing::Address(address) => {
                let ids = self.kernel.configured_with(address).iter().map(|(id, _)| *id);
                (ids.collect(), self.statics.depend_on_address(address))
            }
            Thing::Entry(entry) => {
                (self.kernel.entry_configured_with(entry).to_vec(), self.statics.depend_on_entry(entry))
            }
        };
        let by_group = names.iter().filter_map(|name| self.by_name.get(name)).copied();
        ids.into_iter().filter(|id| *id != STATICS).chain(by_group).collect()
    }
}
