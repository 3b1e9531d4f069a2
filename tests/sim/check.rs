//! What must be true of a node at rest, and of all of them in the end.

use crate::io::World;
use crate::node::Node;
use std::collections::BTreeSet;
use std::net::IpAddr;
use vipd::net::IpNet;
use vipd::vrrp::config::VirtualAddress;
use vipd::vrrp::event::{IfIndex, StateKind};
use vipd::vrrp::{Instance, Router};

/// A node that has nothing left to do holds the addresses of the instances that want them, and no others; those of
/// masters have been announced.
pub(crate) fn addresses_follow_state(node: &mut Node) -> Result<(), String> {
    let changed =
        std::mem::take(&mut node.world.kernel.changed) | std::mem::take(&mut node.world.watch.changed);
    if !changed {
        return Ok(());
    }
    let world = &node.world;
    // An interface of its own has the address that adverts come from.
    let is_virtual = |(index, net): &(IfIndex, IpNet)| {
        !(world.kernel.is_own_link(*index)
            && matches!(net.address, IpAddr::V6(a) if a.is_unicast_link_local()))
    };
    let held: BTreeSet<(IfIndex, IpNet)> = world.kernel.not_systems().filter(is_virtual).collect();
    let Some(engine) = node.engine() else {
        if let Some(name) = world.kernel.routing.names().find(|name| !world.refused_entries.contains(*name)) {
            return Err(format!("stopped, and holds {name}"));
        }
        if let Some((_, name)) =
            world.kernel.own_links().find(|(_, name)| !world.refused_links.contains(*name))
        {
            return Err(format!("stopped, and {name} is there"));
        }
        let left = held.iter().find(|held| !world.refused.contains(held));
        return left.map_or(Ok(()), |(_, net)| Err(format!("stopped, and holds {net}")));
    };
    if !engine.is_settled() {
        return Err("sleeps, though not everything is done".into());
    }
    if let Some(untold) = world.watch.untold() {
        return Err(format!("{untold}, and nobody was told"));
    }
    // What a predecessor left may be a part of what is wanted: a backup keeps it, and adds nothing.
    let (wanted, to_hold) = wanted(node, engine.router());
    let missing = to_hold
        .iter()
        .find(|(index, net)| !world.kernel.holds(*index, *net) && !world.refused.contains(&(*index, *net)));
    if let Some((_, net)) = missing {
        return Err(format!("{net} is not there: {:?}", states(engine.router())));
    }
    let left = held.iter().find(|held| {
        !wanted.contains(held) && !world.refused.contains(held) && !may_stay(world, engine.router(), held)
    });
    if let Some((_, net)) = left {
        return Err(format!("{net} is there: {:?}", states(engine.router())));
    }
    entries_follow_state(world, engine.router())?;
    links_follow_state(world, engine.router())?;
    let unheard = to_hold.iter().find(|(index, net)| world.unannounced.contains(&(*index, net.address)));
    unheard.map_or(Ok(()), |(_, net)| Err(format!("{net} was set and never announced")))
}

/// Somebody else has set it, and no instance is configured with it there; or it is on an interface that is not to be removed.
fn may_stay(world: &World, router: &Router, (index, net): &(IfIndex, IpNet)) -> bool {
    let Some(name) = world.kernel.name(*index) else { return false };
    let is_it = |address: &VirtualAddress| address.net == *net && *address.interface == **name;
    let is_configured = router.instances().any(|instance| instance.addresses().iter().any(is_it));
    world.refused_links.contains(&**name) || !(is_configured || world.kernel.is_ours(*index, *net))
}

/// No route or rule of an instance without its master; and a master has all of its own.
fn entries_follow_state(world: &World, router: &Router) -> Result<(), String> {
    let (mut wanted, mut masters) = (BTreeSet::new(), BTreeSet::new());
    for instance in router.instances().filter(|instance| keeps(world, instance)) {
        let names = instance.entries().map(ToString::to_string);
        match instance.state() {
            StateKind::Master => masters.extend(names),
            _ => wanted.extend(names),
        }
    }
    let held: BTreeSet<String> = world.kernel.routing.names().cloned().collect();
    let is_refused = |name: &&String| world.refused_entries.contains(*name);
    if let Some(name) = masters.difference(&held).find(|name| !is_refused(name)) {
        return Err(format!("{name} is not there: {:?}", states(router)));
    }
    wanted.extend(masters);
    match held.difference(&wanted).find(|name| !is_refused(name)) {
        Some(name) => Err(format!("{name} is there: {:?}", states(router))),
        None => Ok(()),
    }
}

/// An instance that runs has the interface of its own; no other one is there.
fn links_follow_state(world: &World, router: &Router) -> Result<(), String> {
    let (mut wanted, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for instance in router.instances() {
        let at = crate::watch::index(instance.name());
        let Some(name) = at.and_then(|at| world.watch.routers[at].own_link()) else { continue };
        if matches!(instance.state(), StateKind::Backup | StateKind::Master) {
            needed.insert(name.clone());
        }
        wanted.insert(name);
    }
    // One on which somebody else has set an address is his.
    let is_used = |index: IfIndex| {
        let mut others = world.kernel.not_systems().filter(|(at, _)| *at == index);
        others.any(|(index, net)| !world.kernel.is_ours(index, net))
    };
    let own = world.kernel.own_links().filter(|(index, name)| wanted.contains(&***name) || !is_used(*index));
    let held: BTreeSet<String> = own.map(|(_, name)| name.to_string()).collect();
    let is_refused = |name: &&String| world.refused_links.contains(name.as_str());
    if let Some(name) = needed.difference(&held).find(|name| !is_refused(name)) {
        return Err(format!("{name} is not there: {:?}", states(router)));
    }
    match held.difference(&wanted).find(|name| !is_refused(name)) {
        Some(name) => Err(format!("{name} is there: {:?}", states(router))),
        None => Ok(()),
    }
}

/// What is the instance's may be there: it wants it, or a predecessor's that has not begun yet.
fn keeps(world: &World, instance: &Instance) -> bool {
    instance.wants_addresses() || world.watch.respawned && instance.state() == StateKind::Init
}

type Addresses = BTreeSet<(IfIndex, IpNet)>;

/// All addresses that are wanted, and those of masters.
fn wanted(node: &Node, router: &Router) -> (Addresses, Addresses) {
    let (mut all, mut masters) = (Addresses::new(), Addresses::new());
    for instance in router.instances().filter(|instance| keeps(&node.world, instance)) {
        let at = crate::watch::index(instance.name());
        let place = at.and_then(|at| node.world.kernel.place(&node.world.watch.routers[at]));
        let Some(index) = place else { continue };
        let addresses = instance.addresses().iter().map(|address| (index, address.net));
        if instance.state() == StateKind::Master {
            masters.extend(addresses.clone());
        }
        all.extend(addresses);
    }
    (all, masters)
}

fn states(router: &Router) -> Vec<(String, StateKind)> {
    router.instances().map(|instance| (instance.name().to_string(), instance.state())).collect()
}

/// The members of a sync group are in the same state, and so is the group, whenever no reload is under way: they become
/// masters together, and none is one while another is in FAULT.
pub(crate) fn groups_go_together(node: &Node) -> Result<(), String> {
    let Some(engine) = node.engine().filter(|_| !node.world.watch.reloading && !node.world.watch.stopping)
    else {
        return Ok(());
    };
    let router = engine.router();
    let of = |name: &str| router.groups().find(|(group, _)| ***group == *name).map(|(_, state)| state);
    // A new one waits for the interface of its own.
    let makes_link = |name: &str| {
        crate::watch::index(name).is_some_and(|at| node.world.watch.routers[at].own_link().is_some())
    };
    let takes_part =
        |instance: &&Instance| instance.state() != StateKind::Init || !makes_link(instance.name());
    for group in node.sync_groups() {
        let states = group.instances.iter().filter_map(|name| router.instance(name)).filter(takes_part);
        let states: BTreeSet<StateKind> = states.map(|instance| instance.state()).collect();
        if states.len() > 1 || states.first().is_some_and(|state| Some(*state) != of(&group.name)) {
            return Err(format!("{} is {:?}: {:?}", group.name, of(&group.name), self::states(router)));
        }
    }
    Ok(())
}

/// Who is master of a virtual router.
pub(crate) fn masters(nodes: &[Node], router: usize) -> Vec<usize> {
    (0..nodes.len()).filter(|&at| nodes[at].state(router) == StateKind::Master).collect()
}

/// Once the network is whole and the protocol's time has passed: the best one.
pub(crate) fn one_master(nodes: &[Node], router: usize) -> Result<(), String> {
    let masters = masters(nodes, router);
    let [master] = masters[..] else {
        return Err(format!("masters of {router}: {masters:?}, expected one"));
    };
    let priority = |at: usize| nodes[at].instance(router).priority;
    let best = (0..nodes.len()).max_by_key(|&at| (priority(at), nodes[at].address(router)));
    let best = best.ok_or("no nodes")?;
    // Equal priorities don't preempt: any of them may be the one. Without preemption, any node at all.
    if priority(best) != priority(master) && !nodes[best].instance(router).nopreempt {
        return Err(format!(
            "of {router}, node {master} (priority {}) is master, node {best} (priority {}) is better",
            priority(master),
            priority(best)
        ));
    }
    Ok(())
}
