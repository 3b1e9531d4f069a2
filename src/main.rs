//! Picks the personality by program name and subcommand; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    vipd::cli::main()
}
