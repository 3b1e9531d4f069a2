//! The kernel's IPVS table: its model, its generic-netlink form, the plan from one table to another, the client.
//!
//! | file | what it is for |
//! |---|---|
//! | [`model`] | services, destinations, statistics as values |
//! | [`operation`] | one change of the kernel's IPVS as a value |
//! | [`attributes`] | both on the wire: `linux/ip_vs.h` |
//! | [`sync`] | from the sync daemons that run to those that should |
//! | [`plan`] | the least list of operations from one table to another |
//! | [`undo`] | the way back from what was done |
//! | [`mod@diff`] | two tables beside each other |
//! | [`grammar`] | ipvsadm's arguments |
//! | [`rules`] | a whole table in ipvsadm's language |
//! | [`select`] | which services are meant |
//! | [`mod@format`] | ipvsadm's listings |
//! | [`document`] | listings as JSON |
//! | [`membership`] | which servers a service has, by other interfaces of the kernel |
//! | [`connection`] | a line of the kernel's list of connections |
//! | [`names`] | host and service names, for both |
//! | [`rates`] | what happened between two readings of the table |
//! | [`client`] | operations and listings through a netlink socket, pipelined |
//! | [`drain`] | takes a server out without cutting connections |

pub mod attributes;
pub mod client;
pub mod connection;
pub mod diff;
pub mod document;
pub mod drain;
pub mod format;
pub mod grammar;
pub mod membership;
pub mod model;
pub mod names;
pub mod operation;
pub mod plan;
pub mod rates;
pub mod rules;
pub mod select;
pub mod sync;
pub mod undo;

#[cfg(test)]
pub(crate) mod testing;
