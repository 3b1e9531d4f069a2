//! The command line: a file a subcommand, each no more than its arguments and one call into the library.

pub mod check;

use std::process::ExitCode;

/// Runs the personality that the program's name and first argument ask for.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
