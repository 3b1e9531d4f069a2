//! Health checks and virtual servers: when to probe, what a result means, what the kernel's table should hold.
//!
//! ```text
//!  Config ──► pool ──┬─ checker (a check's schedule and status) ◄── probe (what an answer means)
//!                    └─ virtual_server (quorum, sorry server)   ──► rows of the kernel's table
//! ```
//!
//! [`Pool`] is what a driver holds: it owns every checker and virtual server, asks for probes, takes in their
//! outcomes, and says what the table should hold. Nothing here opens a socket or reads a clock; `daemon` drives it.

pub mod adopt;
pub mod checker;
pub mod config;
pub mod notice;
pub mod pool;
pub mod probe;
pub mod stats;
pub mod virtual_server;

#[cfg(test)]
pub(crate) mod testing;

pub use config::Config;
pub use pool::Pool;
