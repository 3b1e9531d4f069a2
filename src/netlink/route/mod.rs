//! rtnetlink: the kernel's links and addresses, as values; changing addresses; being told of changes.
//!
//! [`Client`] asks and changes, [`Monitor`] listens. To follow the state, open the monitor first, then ask: whatever
//! changes in between is told. An object lives in a file of its own (`link`, `address`) with its type, its reading
//! and its requests; routes and rules will be two more.
//!
//! netlink-packet-route encodes and decodes; attributes of any length (names, labels) are written by
//! [`crate::netlink::Request`], which checks them.

mod address;
mod client;
mod link;
mod make_link;
mod monitor;
mod netconf;

pub use address::{Address, AddressChange, AddressFlags, AddressProblem};
pub use client::Client;
pub use link::{Link, LinkFlags, Mode};
pub use make_link::{NewKind, NewLink, V4Setting};
pub use monitor::{Event, Monitor};

#[cfg(test)]
mod tests;

/// Reads a message as each object of this family, for the tests that make up bytes.
pub(crate) fn read_any(message: &super::message::Message<'_>) -> Result<(), super::message::Malformed> {
    // What is no message of its kind may be malformed to it.
    let _ = netconf::read(message);
    link::read(message).map(drop).and(address::read(message).map(drop))
}
