//! What is going on, as plain values: what every surface shows, whether a file of keepalived's or an answer to a question.
//!
//! A worker copies what its machines know ([`crate::vrrp::router::ShownInstance`]); here it becomes what others are told. It
//! asks nobody and holds no secrets. [`keepalived`] has keepalived's own forms.

pub mod check;
pub mod keepalived;
pub mod settings;
pub mod vrrp;

use serde::{Serialize, Serializer};
use std::time::Duration;

/// A moment, as the time since 1970 (UTC). Written in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transparent))]
pub struct Moment(#[cfg_attr(feature = "schema", schemars(with = "f64"))] pub Duration);

impl Moment {
    /// Seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0.as_secs_f64()
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.seconds())
    }
}
