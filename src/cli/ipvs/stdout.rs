//! What standard output can show.

use std::env;
use std::io::{self, IsTerminal};

/// Whether it is a terminal on which what stands there can be overwritten.
pub(super) fn is_screen() -> bool {
    io::stdout().is_terminal() && env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Whether nobody has said that colours are not wanted (no-color.org).
pub(super) fn colours_are_wanted() -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
