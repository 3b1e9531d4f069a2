//! VRRP (RFC 9568, RFC 3768): configuration, packets, and the virtual router as a pure machine.
//!
//! Nothing here opens a socket or reads a clock; `daemon::vrrp` gives it both. Start with [`event`]: what goes in and
//! what comes out. [`Router`] owns the [`Instance`]s; an instance is the state machine of RFC 9568 §6. [`engine`] is the
//! loop around it, `kernel` the addresses that are wanted and those that are there, [`notice`] what others are told.

pub mod config;
pub mod engine;
pub mod event;
pub mod garp;
pub mod instance;
mod kernel;
pub mod notice;
mod overlay;
mod pace;
pub mod packet;
pub mod priority;
pub mod rare;
pub mod router;
pub mod shared;
mod spread;
pub mod stats;
pub mod track;

pub use config::Config;
pub use engine::Engine;
pub use event::{Action, Actions, Event};
pub use instance::Instance;
pub use notice::Notice;
pub use router::Router;
