//! Health checks and virtual servers: when to probe, what a result means, what the kernel's table should hold.
//!
//! ```text
//!  Config ──► balancer ──┬─ checker (a check's schedule and status) ◄── probe (what an answer means)
//!                        └─ virtual_server (quorum, sorry server)   ──► rows of the kernel's table
//! ```
//!
//! [`Balancer`] is what a driver holds: it owns every checker and virtual server, asks for probes, takes in their
//! outcomes, and says what the table should hold. `event` has what it is told, what it wants done and what there is to
//! tell, `sentence` and `alert` the words for that, `stats` what it counts. Nothing here opens a socket or reads a clock; `daemon` drives it.

pub mod adopt;
mod alert;
pub mod balancer;
pub mod checker;
pub mod config;
pub mod event;
pub mod probe;
mod sentence;
pub mod stats;
pub mod target;
pub mod virtual_server;

#[cfg(test)]
pub(crate) mod testing;

pub use balancer::{Balancer, awaited};
pub use config::Config;
