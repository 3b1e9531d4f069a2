//! Routes and rules as `ip route` and `ip rule` show them: for the log.

use super::route::{NextHop, Route, RouteKind, TABLE_MAIN};
use super::rule::{Rule, RuleAction};
use crate::net::IpNet;
use std::fmt;

/// A network; `default` for everything, an address alone where it is one.
struct Net(IpNet);

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IpNet { address, prefix_len } = self.0;
        match prefix_len {
            0 => f.write_str("default"),
            len if len == crate::net::Family::of(address).bits() => write!(f, "{address}"),
            len => write!(f, "{address}/{len}"),
        }
    }
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RouteKind::Unicast => "unicast",
            RouteKind::Local => "local",
            RouteKind::Broadcast => "broadcast",
            RouteKind::Anycast => "anycast",
            RouteKind::Multicast => "multicast",
            RouteKind::Blackhole => "blackhole",
            RouteKind::Unreachable => "unreachable",
            RouteKind::Prohibit => "prohibit",
            RouteKind::Throw => "throw",
            RouteKind::Nat => "nat",
            RouteKind::XResolve => "xresolve",
            RouteKind::Other(number) => return write!(f, "{number}"),
        })
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(gateway) = self.via {
            write!(f, " via {gateway}")?;
        }
        if let Some(interface) = &self.interface {
            write!(f, " dev {interface}")?;
        }
        Ok(())
    }
}

/// What tells it apart from others; metrics and the like are left out.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != RouteKind::Unicast {
            write!(f, "{} ", self.kind)?;
        }
        write!(f, "{}", Net(self.destination))?;
        if let Some(from) = self.from {
            write!(f, " from {}", Net(from))?;
        }
        if let Some(tos) = self.tos {
            write!(f, " tos {tos:#x}")?;
        }
        write!(f, "{}", self.next_hop)?;
        for hop in &self.next_hops {
            write!(f, " nexthop{hop}")?;
        }
        match &self.vrf {
            Some(vrf) => write!(f, " vrf {vrf}")?,
            None if self.table != TABLE_MAIN => write!(f, " table {}", self.table)?,
            None => {}
        }
        if let Some(source) = self.preferred_source {
            write!(f, " src {source}")?;
        }
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.priority)?;
        if self.inverted {
            f.write_str(" not")?;
        }
        match self.from {
            Some(from) => write!(f, " from {}", Net(from))?,
            None => f.write_str(" from all")?,
        }
        if let Some(to) = self.to {
            write!(f, " to {}", Net(to))?;
        }
        if let Some(tos) = self.tos {
            write!(f, " tos {tos:#x}")?;
        }
        if let Some(mark) = self.mark {
            write!(f, " fwmark {:#x}", mark.value)?;
            if let Some(mask) = mark.mask {
                write!(f, "/{mask:#x}")?;
            }
        }
        if let Some(name) = &self.input_interface {
            write!(f, " iif {name}")?;
        }
        if let Some(name) = &self.output_interface {
            write!(f, " oif {name}")?;
        }
        if let Some(users) = self.users {
            write!(f, " uidrange {}-{}", users.first, users.last)?;
        }
        if let Some(number) = self.ip_protocol {
            write!(f, " ipproto {number}")?;
        }
        for (word, ports) in [("sport", self.source_ports), ("dport", self.destination_ports)] {
            match ports {
                Some(ports) if ports.first == ports.last => write!(f, " {word} {}", ports.first)?,
                Some(ports) => write!(f, " {word} {}-{}", ports.first, ports.last)?,
                None => {}
            }
        }
        if let Some(id) = self.tunnel_id {
            write!(f, " tun_id {id}")?;
        }
        match self.action {
            RuleAction::Table { table, .. } => write!(f, " lookup {table}"),
            RuleAction::L3mdev { .. } => f.write_str(" lookup [l3mdev-table]"),
            RuleAction::Goto(priority) => write!(f, " goto {priority}"),
            RuleAction::Nop => f.write_str(" nop"),
            RuleAction::Blackhole => f.write_str(" blackhole"),
            RuleAction::Unreachable => f.write_str(" unreachable"),
            RuleAction::Prohibit => f.write_str(" prohibit"),
        }
    }
}
