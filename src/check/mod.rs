//! Health checks and virtual servers: when to probe, what a result means, what the kernel's table should hold.
//!
//! Nothing here opens a socket or reads a clock; `daemon` drives it.

pub mod checker;
pub mod config;
pub mod probe;

pub use config::Config;
