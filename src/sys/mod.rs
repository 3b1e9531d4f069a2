//! The operating system: clock, raw sockets, processes, capabilities, logs. With `netlink`, the only room that
//! does I/O for the others, and the only one with `unsafe`.

pub mod clock;
pub(crate) mod ready;
pub(crate) mod sockopt;
#[cfg(test)]
pub(crate) mod testing;
pub mod timer;
