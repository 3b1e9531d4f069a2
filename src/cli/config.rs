//! `vipd config`: what a configuration means, with every default, as data.

use super::check::DEFAULT_FILE;
use crate::conf::diagnostic::{Severity, render};
use crate::conf::{self, LoadOptions, redact};
use clap::Parser;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Print what a configuration means, every default resolved, as JSON
///
/// Exit status: 0 printed, 1 the configuration would not run, 2 it can't be read or printed.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Configuration file
    #[arg(default_value = DEFAULT_FILE)]
    file: PathBuf,
    /// As JSON: the only format so far, so it must be said
    #[arg(long, required = true)]
    json: bool,
    /// Print passwords and keys as well
    #[arg(long)]
    show_secrets: bool,
    /// Read the lines that begin with @ID
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
}

/// Runs `vipd config`: JSON on standard output, errors (in one line each) on standard error.
#[must_use]
pub(super) fn run(args: &Args) -> ExitCode {
    debug_assert!(args.json, "clap asks for it");
    let options = LoadOptions { config_id: args.config_id.as_deref(), ..LoadOptions::default() };
    let loaded = conf::load(&args.file, &options);
    for diagnostic in loaded.diagnostics.iter().filter(|d| d.code.severity == Severity::Error) {
        eprintln!("{}", render::line(diagnostic, &loaded.sources));
    }
    let Some(config) = &loaded.config else {
        return ExitCode::from(if loaded.is_unread() { 2 } else { 1 });
    };
    let value =
        if args.show_secrets { redact::with_secrets(config) } else { redact::without_secrets(config) };
    let printed = value
        .and_then(|value| serde_json::to_string_pretty(&value))
        .map_err(io::Error::from)
        .and_then(|text| writeln!(io::stdout(), "{text}"));
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vipd config: {error}");
            ExitCode::from(2)
        }
    }
}
