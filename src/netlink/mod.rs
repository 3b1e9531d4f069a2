//! Netlink: one engine for every family of messages.
//!
//! [`message`] writes requests into one buffer and reads what comes back; `reply` (pure) matches answers to
//! requests; [`socket`] carries them to the kernel and back, batches and dumps; [`genl`] finds generic netlink
//! families by name; [`route`] is rtnetlink: links and addresses.
//!
//! What the messages of a family mean is known to the family's own room: IPVS in `ipvs`.

pub mod genl;
pub mod message;
mod reply;
pub mod route;
pub mod socket;

pub use message::{Batch, Request};
pub use reply::{Failed, Failure, Refusal};
pub use socket::{Consistency, Error, Protocol, Socket};
