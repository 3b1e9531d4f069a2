//! keepalived's own forms of what is going on: files that other programs read.
//!
//! Sections, keys, their order and their words are keepalived's; what it keeps to itself is not here (`docs/differences.md`).

mod address;
pub mod data;
pub mod json;
mod number;
mod route;
pub mod stats;

use crate::command::Command;

/// A program with its arguments: `'/bin/notify' 'a b'`.
fn command(command: &Command) -> String {
    command.argv.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
}
