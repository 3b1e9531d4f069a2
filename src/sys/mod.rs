//! The operating system: clock, raw sockets, processes, capabilities, logs. With `netlink`, the only room that
//! does I/O for the others, and the only one with `unsafe`.

pub mod caps;
pub mod channel;
pub mod claims;
pub mod clock;
pub mod cloud;
mod datagrams;
pub mod fifo;
pub mod input;
pub mod iproute2;
pub mod kmod;
pub(crate) mod linkbeat;
pub mod log;
pub mod memfd;
pub mod memory;
pub mod mtu;
pub mod names;
pub mod namespace;
pub mod output;
pub mod packet;
pub mod pattern;
pub mod pidfile;
pub mod poll;
pub mod presence;
pub mod process;
pub(crate) mod procfs;
pub mod raw;
pub mod readiness;
pub(crate) mod ready;
pub mod replace;
pub mod scheduling;
pub mod seccomp;
pub mod settings;
pub mod signal;
pub(crate) mod sockopt;
pub mod spawn;
#[cfg(test)]
pub(crate) mod testing;
pub mod timer;
pub(crate) mod wake;
pub(crate) mod watch;
pub(crate) mod writable;
