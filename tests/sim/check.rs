//! What must be true.

use crate::node::{Node, virtual_addresses};
use vipd::vrrp::event::StateKind;

/// At any moment: a node's addresses are set exactly while it is master. A process that crashed can't remove them.
pub(crate) fn addresses_follow_state(at: usize, node: &Node) -> Result<(), String> {
    if !node.is_running() {
        return Ok(());
    }
    let expected = match node.state() {
        StateKind::Master => virtual_addresses(),
        _ => Default::default(),
    };
    if node.kernel == expected {
        Ok(())
    } else {
        Err(format!("node {at} is {:?} and holds {:?}", node.state(), node.kernel))
    }
}

/// The masters.
pub(crate) fn masters(nodes: &[Node]) -> Vec<usize> {
    (0..nodes.len()).filter(|&at| nodes[at].state() == StateKind::Master).collect()
}

/// Once the network is whole and the protocol's time has passed.
pub(crate) fn one_master(nodes: &[Node]) -> Result<(), String> {
    let masters = masters(nodes);
    let [master] = masters[..] else {
        return Err(format!("masters: {masters:?}, expected one"));
    };
    let best = (0..nodes.len()).max_by_key(|&at| (nodes[at].priority(), nodes[at].address()));
    let best = best.ok_or("no nodes")?;
    // Equal priorities don't preempt: any of them may be the one. Without preemption, any node at all.
    if nodes[best].priority() != nodes[master].priority() && !nodes[best].nopreempt() {
        return Err(format!(
            "node {master} (priority {}) is master, node {best} (priority {}) is better",
            nodes[master].priority(),
            nodes[best].priority()
        ));
    }
    let holders: Vec<usize> = (0..nodes.len()).filter(|&at| !nodes[at].kernel.is_empty()).collect();
    if holders == [master] {
        Ok(())
    } else {
        Err(format!("addresses are at {holders:?}, the master is {master}"))
    }
}
