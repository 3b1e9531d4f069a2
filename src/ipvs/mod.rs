//! The kernel's IPVS table: its model, its generic-netlink form, the plan from one table to another, the client.
//!
//! | file | what it is for |
//! |---|---|
//! | [`model`] | services, destinations, statistics as values |
//! | [`operation`] | one change of the kernel's IPVS as a value |
//! | [`plan`] | the least list of operations from one table to another |

pub mod model;
pub mod operation;
pub mod plan;
