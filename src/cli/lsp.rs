//! `vipd lsp`: the language server.

use crate::lsp;
use clap::Parser;
use std::process::ExitCode;

/// Serve an editor: the language server protocol on standard input and output
///
/// Exit status: 0 the editor said exit, 1 it went away without, or does not speak the protocol.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Accepted, as editors pass it: there is no other way
    #[arg(long)]
    stdio: bool,
}

/// Runs `vipd lsp`.
#[must_use]
pub(super) fn run(_: &Args) -> ExitCode {
    match lsp::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error!("vipd lsp: {error}");
            ExitCode::FAILURE
        }
    }
}
