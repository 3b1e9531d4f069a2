//! Bidirectional Forwarding Detection (RFC 5880): so far what a configuration says of it.

pub mod config;

pub use config::Config;
