//! `auth_hmac`: adverts signed with HMAC-SHA256, keepalived's extension of 2.4.

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of a key.
pub const LENGTH: RangeInclusive<usize> = 32..=64;

/// The bytes of a key as it is written: text, or pairs of digits behind `hex:`. None where these are wrong.
#[must_use]
pub fn decode(written: &[u8]) -> Option<Vec<u8>> {
    let Some(digits) = written.strip_prefix(b"hex:") else { return Some(written.to_vec()) };
    let value = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(value(high)? << 4 | value(low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

/// The `auth_hmac` block. It replaces `authentication`, and goes with both versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Hmac {
    /// `key`: each id once. All of them are believed.
    pub keys: Vec<Key>,
    /// `active_key`: the id of the key that signs; one of `keys`.
    pub active_key: u8,
    /// `anti_replay` and `time_window`.
    pub anti_replay: AntiReplay,
    /// `mode`.
    pub mode: Mode,
}

/// A line of `key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct Key {
    /// 1 to 255; part of the signed advert.
    pub id: u8,
    /// The secret, or where it is.
    pub secret: Secret,
}

/// Where a key's bytes are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Secret {
    /// In the configuration, as text or behind `hex:`: 32 to 64 bytes.
    Bytes(Vec<u8>),
    /// Behind `file:`: in a file that only the daemon may read, written as in the configuration.
    File(PathBuf),
}

/// Without the bytes.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Bytes(_) => f.write_str("Bytes(***)"),
            Secret::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

/// How an old advert that is sent again is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum AntiReplay {
    /// `time`: it must not be older than this; needs clocks that agree. `max(3 × advert_int, 5 s)` by default.
    Time(Duration),
    /// `monotonic`: its number must be greater than the last one.
    Monotonic,
}

/// Who signs, and who must have signed. A group changes over in this order: receive only, permissive, enforce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub enum Mode {
    /// `enforce`: all do.
    #[default]
    Enforce,
    /// `permissive`: we do; unsigned adverts are believed.
    Permissive,
    /// `receive-only`: we don't; unsigned adverts are believed.
    ReceiveOnly,
}
