//! Rules of policy routing: lines of `virtual_rules` and `static_rules`, with the kernel's numbers in them.

use super::route::Realms;
use crate::net::{Family, IpNet};
#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One rule: what it matches, and what is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Rule {
    /// Of the packets it is for.
    pub family: Family,
    /// `priority`: rules are tried in this order, the least first.
    pub priority: u32,
    /// `not`: for packets that do not match.
    pub inverted: bool,
    /// `from`: source; `None` is any.
    pub from: Option<IpNet>,
    /// `to`: destination; `None` is any.
    pub to: Option<IpNet>,
    /// `iif` (`dev`): interface it came in by; `lo` for what begins here.
    pub input_interface: Option<String>,
    /// `oif`: interface that the socket is bound to.
    pub output_interface: Option<String>,
    /// `tos`.
    pub tos: Option<u8>,
    /// `fwmark`.
    pub mark: Option<Mark>,
    /// `ipproto`: protocol number of the packet.
    pub ip_protocol: Option<u8>,
    /// `sport`.
    pub source_ports: Option<Span<u16>>,
    /// `dport`.
    pub destination_ports: Option<Span<u16>>,
    /// `uidrange`: users who own the socket.
    pub users: Option<Span<u32>>,
    /// `tunnel-id`: key of the tunnel it came through.
    pub tunnel_id: Option<u64>,
    /// `protocol`: who set the rule; 18 (keepalived) where it is tracked.
    pub protocol: Option<u8>,
    /// What is done.
    pub action: RuleAction,
    /// Not `no_track`: the instance leaves master state when somebody deletes the rule.
    pub tracked: bool,
}

impl Rule {
    /// A rule for all packets of the family.
    #[must_use]
    pub const fn new(family: Family, priority: u32, action: RuleAction) -> Rule {
        Rule {
            family,
            priority,
            inverted: false,
            from: None,
            to: None,
            input_interface: None,
            output_interface: None,
            tos: None,
            mark: None,
            ip_protocol: None,
            source_ports: None,
            destination_ports: None,
            users: None,
            tunnel_id: None,
            protocol: None,
            action,
            tracked: true,
        }
    }
}

/// A firewall mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Mark {
    /// The mark.
    pub value: u32,
    /// The bits of it that count; `None` is all.
    pub mask: Option<u32>,
}

/// From a number to a number, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Span<T> {
    /// The first.
    pub first: T,
    /// The last.
    pub last: T,
}

/// What a rule does (`FR_ACT_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum RuleAction {
    /// `table`: look there for a route.
    Table {
        /// By its number.
        table: u32,
        /// What it finds there is not taken if this applies.
        unless: Suppress,
        /// `realms` of the packet (IPv4).
        realms: Option<Realms>,
    },
    /// `l3mdev`: look in the table of the packet's VRF.
    L3mdev {
        /// What it finds there is not taken if this applies.
        unless: Suppress,
        /// `realms` of the packet (IPv4).
        realms: Option<Realms>,
    },
    /// `goto`: go on at the rule of this priority.
    Goto(u32),
    /// `nop`: go on with the next rule.
    Nop,
    /// `blackhole`: drop in silence.
    Blackhole,
    /// `unreachable`: answer with network unreachable.
    Unreachable,
    /// `prohibit`: answer with administratively prohibited.
    Prohibit,
}

/// Routes that a rule passes over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Suppress {
    /// `suppress_prefixlength`: of this prefix length or a shorter one.
    pub prefix_len: Option<u32>,
    /// `suppress_ifgroup`: to an interface of this group.
    pub group: Option<u32>,
}
