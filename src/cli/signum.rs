//! `--signum=SIGFUNC`: which signal asks the daemon for what.

use crate::daemon::signals;
use std::process::ExitCode;

/// Prints the signal's number, as keepalived does.
pub(super) fn print(function: &str) -> ExitCode {
    match signals().into_iter().find(|(name, _)| *name == function) {
        Some((_, number)) => {
            println!("{number}");
            ExitCode::SUCCESS
        }
        None => {
            print_error!("Unknown sigfunc {function}");
            ExitCode::FAILURE
        }
    }
}
