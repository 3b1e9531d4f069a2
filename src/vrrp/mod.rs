//! VRRP (RFC 9568, RFC 3768): configuration, packets, and the virtual router as a pure machine.
//!
//! Nothing here opens a socket or reads a clock; `daemon::vrrp` drives it. Start with [`event`]: what goes in and what
//! comes out. [`Router`] owns the [`Instance`]s; an instance is the state machine of RFC 9568 §6.

pub mod config;
pub mod event;
pub mod garp;
pub mod instance;
pub mod packet;
pub mod router;
pub mod shared;
pub mod stats;

pub use config::Config;
pub use event::{Action, Actions, Event};
pub use instance::Instance;
pub use router::Router;
