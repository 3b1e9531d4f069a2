//! The parent process, its workers, and the drivers that carry out what the machines decide.
//!
//! [`start`] is the daemon: it reads the configuration, becomes the parent, and ends with it. [`worker_main`] is what
//! the parent executes. `supervisor` decides, `parent` acts; `bootstrap` turns a process into a worker; `message`
//! is what they say to each other, [`worker`] what a driver sees of it. `loader` reads the configuration in a process of
//! its own, `reload` decides whether it may take the place of the one that runs, `runner` runs scripts, `fifo` writes
//! a worker's lines to who reads them, `mail` sends its mails, `sync_daemon` has the kernel share its connections,
//! `scheduling` sets priorities of workers.

mod bootstrap;
mod buffers;
#[cfg(feature = "tls")]
mod certificates;
pub mod check;
mod child;
pub(crate) mod dump;
mod exit;
pub mod fifo;
mod loader;
mod mail;
pub(crate) mod message;
mod options;
mod outbox;
mod parent;
mod paths;
mod place;
mod reload;
mod runner;
pub mod scheduling;
mod scripts;
mod source;
mod start;
mod supervisor;
mod sync_daemon;
pub mod vrrp;
pub mod worker;

pub use bootstrap::main as worker_main;
pub use exit::Exit;
pub use message::WORKER_ARGUMENT;
pub use options::Options;
pub use parent::signals;
pub use source::{Loaded, Refused, Source};
pub use start::start;
