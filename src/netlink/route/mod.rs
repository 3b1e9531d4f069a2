//! rtnetlink: the kernel's links, addresses, routes and rules, as values; changing them; being told of changes.
//!
//! [`Client`] asks and changes, [`Monitor`] listens. To follow the state, open the monitor first, then ask: whatever
//! changes in between is told. An object lives in a file of its own (`link`, `address`, `fib`, `rule`) with its type, its reading
//! and its requests.
//!
//! netlink-packet-route encodes and decodes links and addresses; attributes of any length (names, labels) are written by
//! [`crate::netlink::Request`], which checks them.

mod address;
mod change;
mod client;
mod fib;
mod filter;
mod link;
mod make_link;
mod monitor;
mod netconf;
mod rule;

pub use address::{Address, AddressChange, AddressFlags};
pub use change::{Change, Problem};
pub use client::Client;
pub use fib::{Encap, Hop, Place, Route};
pub use link::{Link, LinkFlags, Mode};
pub use make_link::{NewKind, NewLink, V4Setting};
pub use monitor::{Event, Monitor};
pub use rule::Rule;

#[cfg(test)]
mod tests;

/// Reads a message as each object of this family, for the tests that make up bytes.
pub(crate) fn read_any(message: &super::message::Message<'_>) -> Result<(), super::message::Malformed> {
    // What is no message of its kind may be malformed to it.
    let _ = netconf::read(message);
    let _ = (fib::read(message), rule::read(message));
    link::read(message).map(drop).and(address::read(message).map(drop))
}
