//! `vipd check`: what is wrong with a configuration, all of it in one run. And the same as `keepalived -t`.

use crate::conf::diagnostic::Severity;
use crate::conf::diagnostic::render::{self, Colour};
use crate::conf::{self, LoadOptions, Loaded};
use clap::Parser;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where keepalived looks for its configuration.
pub const DEFAULT_FILE: &str = "/etc/keepalived/keepalived.conf";

/// Check configurations without starting anything
///
/// Exit status: 0 nothing wrong (there may be warnings and hints), 1 errors, 2 a file can't be read.
#[derive(Debug, Parser)]
pub struct Args {
    /// Configuration files, each on its own
    #[arg(default_value = DEFAULT_FILE)]
    files: Vec<PathBuf>,
    /// Read the lines that begin with @ID
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
}

/// Runs `vipd check`: diagnostics with excerpts on standard error, and a line of summary.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let colour = if io::stderr().is_terminal() { Colour::Always } else { Colour::Never };
    let options = LoadOptions { config_id: args.config_id.as_deref(), interfaces: None };
    let worst = args.files.iter().map(|file| report(file, &options, colour)).max();
    ExitCode::from(worst.unwrap_or(0))
}

/// Checks one file; 0, 1 or 2 as the exit status says it.
fn report(file: &Path, options: &LoadOptions<'_>, colour: Colour) -> u8 {
    let loaded = conf::load(file, options);
    let mut text: String =
        loaded.diagnostics.iter().map(|d| render::rich(d, &loaded.sources, colour) + "\n").collect();
    text.push_str(&summary(file, &loaded));
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
    if loaded.is_unread() { 2 } else { u8::from(loaded.count(Severity::Error) > 0) }
}

fn summary(file: &Path, loaded: &Loaded) -> String {
    let file = file.display().to_string();
    let file = conf::source::printable(&file);
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Hint]
        .into_iter()
        .map(|severity| (loaded.count(severity), severity.name()))
        .filter(|(n, _)| *n > 0)
        .map(|(n, name)| format!("{n} {name}{}", if n == 1 { "" } else { "s" }))
        .collect();
    match counts.is_empty() {
        true => format!("{file}: no problems found\n"),
        false => format!("{file}: {}\n", counts.join(", ")),
    }
}

/// `keepalived -t`: each finding as keepalived writes it, `(FILE: Line N) …`, on standard error; its exit status.
#[must_use]
pub fn test(file: &Path, options: &LoadOptions<'_>) -> ExitCode {
    let loaded = conf::load(file, options);
    let mut text = String::new();
    for diagnostic in loaded.diagnostics.iter().filter(|d| d.code.severity > Severity::Hint) {
        text.push_str(&render::line(diagnostic, &loaded.sources));
        text.push('\n');
    }
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(loaded.test_status())
}
