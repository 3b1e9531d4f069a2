//! `vipd explain`: what a keyword of keepalived.conf means, or a code of `vipd check`.

use crate::conf::diagnostic::explain;
use crate::conf::schema::reference;
use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;

/// Say what a keyword of keepalived.conf means: where it stands, its arguments, units and default
///
/// Exit status: 0 explained, 1 there is no such keyword or code, 2 the arguments are wrong.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// A keyword (advert_int), or a code of vipd check (V0101)
    keyword: String,
}

/// Runs `vipd explain`.
#[must_use]
pub(super) fn run(args: &Args) -> ExitCode {
    if let Some(found) = explain::find(&args.keyword) {
        return print(&explain::text(found));
    }
    match reference::text(&args.keyword) {
        Ok(text) => print(&text),
        Err(close) => unknown("keyword", &args.keyword, close),
    }
}

/// `vipd check --explain CODE`.
#[must_use]
pub(super) fn code(id: &str) -> ExitCode {
    match explain::find(id) {
        Some(found) => print(&explain::text(found)),
        None => unknown("code", id, None),
    }
}

fn print(text: &str) -> ExitCode {
    // Nobody is left to tell where that fails.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn unknown(what: &str, name: &str, close: Option<&str>) -> ExitCode {
    match close {
        Some(close) => print_error!("there is no {what} `{name}`; did you mean `{close}`?"),
        None => print_error!("there is no {what} `{name}`"),
    }
    ExitCode::FAILURE
}
