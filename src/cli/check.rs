//! `vipd check`: what is wrong with a configuration, all of it in one run. And the same as `keepalived -t`.

use super::explain;
use crate::conf::diagnostic::render::{self, Colour};
use crate::conf::diagnostic::report::Report;
use crate::conf::diagnostic::{Severity, github, json, sarif};
use crate::conf::{self, LoadOptions, Loaded};
use clap::{Parser, ValueEnum};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where keepalived looks for its configuration.
pub const DEFAULT_FILE: &str = "/etc/keepalived/keepalived.conf";

/// Exit status of a clean check.
const CLEAN: u8 = 0;
/// Exit status where something was found that counts.
const FOUND: u8 = 1;
/// Exit status where a file can't be read.
const UNREAD: u8 = 2;

/// Check configurations without starting anything
///
/// Exit status: 0 nothing wrong (there may be warnings and hints), 1 errors (or what --deny counts as such), 2 a file
/// can't be read, or the arguments are wrong.
#[derive(Debug, Parser)]
pub struct Args {
    /// Configuration files, each on its own
    #[arg(default_value = DEFAULT_FILE)]
    files: Vec<PathBuf>,
    /// Read the lines that begin with @ID
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
    /// How findings are printed: text on standard error, the others on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 1 for these too
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// Say what a code is about, and why it matters
    #[arg(long, value_name = "CODE", exclusive = true)]
    explain: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// With excerpts, for people
    Text,
    /// vipd's own, stable JSON
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Warnings
    Warnings,
    /// Warnings and hints
    Hints,
}

impl Args {
    /// The least severe finding that makes the check fail.
    fn fails_from(&self) -> Severity {
        match self.deny {
            None => Severity::Error,
            Some(Deny::Warnings) => Severity::Warning,
            Some(Deny::Hints) => Severity::Hint,
        }
    }
}

/// Runs `vipd check`.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    if let Some(code) = &args.explain {
        return explain::code(code);
    }
    let options = LoadOptions { config_id: args.config_id.as_deref(), ..LoadOptions::default() };
    if args.format == Format::Text {
        let colour = colour();
        // A file at a time: a person sees the first findings while the rest is read.
        let status = args.files.iter().map(|file| {
            let loaded = conf::load(file, &options);
            print_text(file, &loaded, colour);
            status(&loaded, args.fails_from())
        });
        return ExitCode::from(status.max().unwrap_or(CLEAN));
    }
    let loaded: Vec<(String, Loaded)> =
        args.files.iter().map(|f| (f.to_string_lossy().into_owned(), conf::load(f, &options))).collect();
    let reports: Vec<Report<'_>> = loaded
        .iter()
        .map(|(name, l)| Report {
            name,
            read: !l.is_unread(),
            diagnostics: &l.diagnostics,
            sources: &l.sources,
        })
        .collect();
    let text = match args.format {
        Format::Json => json::render(&reports),
        Format::Sarif => sarif::render(&reports),
        Format::Github | Format::Text => Ok(github::render(&reports)),
    };
    let printed = text.map_err(io::Error::from).and_then(|text| io::stdout().write_all(text.as_bytes()));
    if let Err(error) = printed {
        // A report that is cut off must not pass for a clean one.
        eprintln!("vipd check: write the report: {error}");
        return ExitCode::from(UNREAD);
    }
    let status = loaded.iter().map(|(_, l)| status(l, args.fails_from()));
    ExitCode::from(status.max().unwrap_or(CLEAN))
}

/// Colours only where a person looks, and has not asked for none (no-color.org).
fn colour() -> Colour {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && io::stderr().is_terminal() { Colour::Always } else { Colour::Never }
}

fn status(loaded: &Loaded, fails_from: Severity) -> u8 {
    if loaded.is_unread() {
        UNREAD
    } else if loaded.diagnostics.iter().any(|d| d.code.severity >= fails_from) {
        FOUND
    } else {
        CLEAN
    }
}

fn print_text(file: &Path, loaded: &Loaded, colour: Colour) {
    let mut text: String =
        loaded.diagnostics.iter().map(|d| render::rich(d, &loaded.sources, colour) + "\n").collect();
    text.push_str(&summary(file, loaded));
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
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
