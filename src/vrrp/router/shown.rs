//! What others are shown of the router: copies, of some instances at a time, so that no advert waits for them.

use super::{Id, Router};
use crate::vrrp::event::{Entry, Link, Listen, Name, StateKind};
use crate::vrrp::instance::Instance;
use crate::vrrp::track::process::ShownProcess;
use crate::vrrp::track::script::ShownScript;
use std::net::IpAddr;
use std::ops::Bound;

/// So many addresses, routes and rules are looked up as long as the copy of an instance takes, about.
const LOOK_UPS: usize = 4;

/// An instance, and what the router knows beside it.
#[derive(Clone, Debug)]
pub struct ShownInstance {
    /// A copy of it.
    pub instance: Instance,
    /// Its sync group.
    pub group: Option<Name>,
    /// Which of [its addresses](Instance::addresses) the kernel holds, in their order.
    pub held_addresses: Vec<bool>,
    /// Which of [its routes](Instance::routes).
    pub held_routes: Vec<bool>,
    /// Which of [its rules](Instance::rules).
    pub held_rules: Vec<bool>,
    /// Where it hears adverts, if it does.
    pub listen: Option<Listen>,
}

/// An interface of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownLink {
    /// What is known of it.
    pub link: Link,
    /// Its addresses, in the order in which they became known.
    pub addresses: Vec<IpAddr>,
}

/// A sync group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownGroup {
    /// Its name.
    pub name: Name,
    /// Its state.
    pub state: StateKind,
    /// Its instances, in the order of the configuration.
    pub members: Vec<Name>,
    /// So many of them can't run.
    pub faulty: usize,
    /// Of so many it is not known yet whether they can.
    pub awaited: usize,
}

/// What is shown beside the instances.
#[derive(Clone, Debug, Default)]
pub struct ShownRest {
    /// In the order in which they became known.
    pub groups: Vec<ShownGroup>,
    /// Those that somebody tracks, by name.
    pub scripts: Vec<ShownScript>,
    /// The same.
    pub processes: Vec<ShownProcess>,
    /// Tracked files by name, and the numbers in them.
    pub files: Vec<(Name, Option<i64>)>,
    /// By their numbers.
    pub links: Vec<ShownLink>,
    /// Which static addresses the kernel holds, in their order.
    pub held_statics: Vec<bool>,
}

/// How far a copy of the instances has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(Option<Id>);

impl Router {
    /// Copies the next instances behind `place`, in the order of the configuration, as many as take about the time of
    /// `count` small ones; at least one, and none at the end.
    #[must_use]
    pub fn show_some(&self, place: &mut Place, count: usize) -> Vec<ShownInstance> {
        let mut shown = Vec::new();
        let mut cost = 0;
        let after = place.0.map_or(Bound::Unbounded, Bound::Excluded);
        for (id, slot) in self.instances.range((after, Bound::Unbounded)) {
            if cost >= count {
                break;
            }
            let instance = slot.instance.clone();
            let entries = |list: &[Entry]| list.iter().map(|entry| self.kernel.holds_entry(entry)).collect();
            let one = ShownInstance {
                group: self.groups.name_of(*id).cloned(),
                held_addresses: instance.addresses().iter().map(|a| self.kernel.holds(a)).collect(),
                held_routes: entries(instance.routes()),
                held_rules: entries(instance.rules()),
                listen: slot.listen,
                instance,
            };
            cost += 1 + (one.held_addresses.len() + one.held_routes.len() + one.held_rules.len()) / LOOK_UPS;
            shown.push(one);
            place.0 = Some(*id);
        }
        shown
    }

    /// Copies what there is beside the instances.
    #[must_use]
    pub fn show_rest(&self) -> ShownRest {
        let links = self.kernel.show_links().into_iter();
        let mut rest = ShownRest {
            groups: self.show_groups(),
            links: links.map(|(link, addresses)| ShownLink { link, addresses }).collect(),
            held_statics: self.statics.addresses.iter().map(|a| self.kernel.holds(a)).collect(),
            ..ShownRest::default()
        };
        self.tracking.show(&mut rest);
        rest
    }

    /// An instance counts from nothing again.
    pub fn clear_stats(&mut self, name: &Name) {
        if let Some(slot) = self.by_name.get(name).and_then(|id| self.instances.get_mut(id)) {
            slot.instance.clear_stats();
        }
    }
}
