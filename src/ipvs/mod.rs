//! The kernel's IPVS table: its model, its generic-netlink form, the plan from one table to another, the client.

pub mod model;
