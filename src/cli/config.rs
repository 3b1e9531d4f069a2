//! `vipd config`: what a configuration means, with every default, as data.

use super::check::DEFAULT_FILE;
use crate::conf::diagnostic::{Severity, render};
#[cfg(feature = "schema")]
use crate::conf::json_schema;
use crate::conf::{self, LoadOptions, NameFolders, redact};
use crate::raw;
use crate::sys::iproute2::Names;
use clap::Parser;
use serde_json::Value;
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
    #[cfg_attr(feature = "schema", arg(long, required_unless_present = "schema"))]
    #[cfg_attr(not(feature = "schema"), arg(long, required = true))]
    json: bool,
    /// Print the JSON Schema of that JSON instead, which is the same for every file
    #[cfg(feature = "schema")]
    #[arg(long, exclusive = true)]
    schema: bool,
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
    #[cfg(feature = "schema")]
    if args.schema {
        return print(&json_schema::schema());
    }
    debug_assert!(args.json, "clap asks for it");
    let names = Names::new();
    let number =
        |folders: NameFolders<'_>, table, name: &str| names.number(folders.etc, folders.usr, table, name);
    let options =
        LoadOptions { config_id: args.config_id.as_deref(), names: Some(&number), ..LoadOptions::default() };
    let loaded = conf::load(&args.file, &options);
    for diagnostic in loaded.diagnostics.iter().filter(|d| d.code.severity == Severity::Error) {
        print_error!("{}", render::line(diagnostic, &loaded.sources));
    }
    let Some(config) = &loaded.config else {
        return ExitCode::from(if loaded.is_unread() { 2 } else { 1 });
    };
    let value =
        if args.show_secrets { redact::with_secrets(config) } else { redact::without_secrets(config) };
    match value {
        Ok(value) => print(&value),
        Err(error) => failed(&error.into()),
    }
}

fn print(value: &Value) -> ExitCode {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from);
    match text.and_then(|text| writeln!(io::stdout(), "{}", raw::shown(&text))) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads it may well stop early.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &io::Error) -> ExitCode {
    print_error!("vipd config: {error}");
    ExitCode::from(2)
}
