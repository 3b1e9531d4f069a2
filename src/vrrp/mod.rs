//! VRRP (RFC 9568, RFC 3768): configuration, packets, and the virtual router as a pure machine.
//!
//! Nothing here opens a socket or reads a clock; `daemon` drives it.

pub mod config;

pub use config::Config;
