//! How a real server comes and goes, beyond what keepalived knows: `slow_start`, `drain_time`, `flap_damping`.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What happens between up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Transition {
    /// `slow_start`: a server that comes back has its weight raised for so long; 0: at once.
    pub slow_start: Duration,
    /// `drain_time`: a server that goes stays in the table for so long, at weight 0, for the connections that it has.
    pub drain_time: Duration,
    /// `flap_damping`
    pub damping: Option<Damping>,
}

/// `flap_damping COUNT SECONDS [HOLD]`: who goes down so often comes back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Damping {
    /// Failures that are too many
    pub count: u32,
    /// within this time.
    pub within: Duration,
    /// How long it is held back.
    pub hold: Duration,
}

impl Transition {
    /// Whether it says anything.
    #[must_use]
    pub fn is_immediate(&self) -> bool {
        *self == Transition::default()
    }
}
