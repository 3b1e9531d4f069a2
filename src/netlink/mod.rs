//! Netlink: one engine for every family of messages.
//!
//! [`message`] writes requests into one buffer and reads what comes back; `reply` (pure) matches answers to
//! requests; [`socket`] carries them to the kernel and back, batches and dumps; [`genl`] finds generic netlink
//! families by name; [`route`] is rtnetlink: links, addresses, routes, rules; [`nftables`] is the packet filter;
//! [`connector`] tells of processes.
//!
//! What the messages of a family mean is known to the family's own room: IPVS in `ipvs`.

pub mod connector;
pub mod genl;
pub mod message;
pub mod nftables;
mod reply;
pub mod route;
pub mod socket;

pub(crate) use message::Messages;
pub use message::{Batch, Request};
pub use reply::{Failed, Failure, Refusal};
pub use socket::{Consistency, Error, Protocol, Socket, grow_receive_buffer, set_receive_buffer};

/// Reads bytes as the answer to three requests, for the tests that make up bytes.
pub(crate) fn check_answer(datagram: &[u8]) {
    let number =
        |at: usize| datagram.get(at..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_ne_bytes(*b));
    // Those of the first message: most of what is made up would be nobody's answer.
    let mut answers = reply::Tally::new(0, 3, number(8), number(12));
    answers.read(datagram, &mut |index, _| assert!(index < 3));
    let mut failed = Vec::new();
    answers.finish(&mut failed);
    assert!(failed.iter().all(|failed| failed.index < 3));
    assert!(failed.is_sorted_by(|a, b| a.index < b.index));
}
