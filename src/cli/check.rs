//! `vipd check`: what is wrong with a configuration, all of it in one run. And the same as `keepalived -t`.

use super::explain;
use crate::conf::diagnostic::render::{self, Colour};
use crate::conf::diagnostic::report::Report;
use crate::conf::diagnostic::{Code, Diagnostic, Severity, Verdict, codes, github, json, keepalived, sarif};
use crate::conf::source::MAX_FILE_BYTES;
use crate::conf::{self, Config, Lints, LoadOptions, Loaded, NameFolders};
use crate::sys::cloud;
use crate::sys::iproute2::Names;
use crate::sys::names::node_name;
use clap::{Parser, ValueEnum};
use std::collections::HashSet;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where keepalived looks for its configuration.
pub const DEFAULT_FILE: &str = "/etc/keepalived/keepalived.conf";

/// The folder of this machine's own configuration.
const HERE: &str = "/etc/keepalived";

/// What findings call standard input; its includes are relative to the working directory.
const INPUT: &str = "standard input";

/// More than this is not read of it: a quarter of what a file may have, since it may be of any encoding.
const MAX_INPUT: u64 = MAX_FILE_BYTES / 4;

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
    /// Configuration files, each on its own; `-` is standard input
    #[arg(default_value = DEFAULT_FILE)]
    files: Vec<PathBuf>,
    /// Read the lines that begin with @ID [default: the first part of the node's name]
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
    /// How findings are printed: text on standard error, the others on standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 1 for these too
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// The other director's configuration: says what should be equal in both, or should differ
    #[arg(long, value_name = "OTHER")]
    against: Option<PathBuf>,
    /// Say nothing of these codes of vipd's own: `--allow V0803,V0834`. What keepalived reports is always said
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = own_code)]
    allow: Vec<&'static Code>,
    /// No advice: only what is wrong
    #[arg(long)]
    no_hints: bool,
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
    let id = args.config_id.clone().or_else(node_name);
    let names = Names::new();
    let number =
        |folders: NameFolders<'_>, table, name: &str| names.number(folders.etc, folders.usr, table, name);
    let options = LoadOptions { config_id: id.as_deref(), names: Some(&number), ..LoadOptions::default() };
    let other = match args.against.as_deref().map(|file| director(file, &options)).transpose() {
        Ok(other) => other,
        Err(status) => return ExitCode::from(status),
    };
    let against = other.as_ref().map(|(name, config)| (name.as_str(), config));
    let input = if args.files.iter().any(|file| is_input(file)) {
        match read_input() {
            Ok(bytes) => bytes,
            Err(error) => {
                print_error!("vipd check: standard input can't be read: {error}");
                return ExitCode::from(UNREAD);
            }
        }
    } else {
        Vec::new()
    };
    let load = |file: &Path| {
        // What lies there is meant for this machine.
        let cloud = if file.starts_with(HERE) { cloud::name() } else { None };
        // Without advice a file is read in much less memory.
        let wanted = !args.no_hints || against.is_some();
        let lints = wanted.then_some(Lints { hints: !args.no_hints, against, cloud });
        let options = LoadOptions { lints, ..options };
        let mut loaded = match is_input(file) {
            true => conf::load_text(INPUT, input.as_slice(), &options),
            false => conf::load(file, &options),
        };
        let allowed = |d: &Diagnostic| args.allow.iter().any(|code| std::ptr::eq(*code, d.code));
        loaded.diagnostics.retain(|d| !allowed(d));
        loaded
    };
    if args.format == Format::Text {
        let colour = colour();
        let mut worst = CLEAN;
        // A file at a time: a person sees the first findings while the rest is read.
        for (i, file) in args.files.iter().enumerate() {
            let loaded = load(file);
            print_text(file, &loaded, colour);
            worst = worst.max(status(&loaded, args.fails_from()));
            if i + 1 == args.files.len() {
                leave(loaded);
            }
        }
        return ExitCode::from(worst);
    }
    let loaded: Vec<(String, Loaded)> =
        args.files.iter().map(|f| (f.to_string_lossy().into_owned(), load(f))).collect();
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
        print_error!("vipd check: write the report: {error}");
        return ExitCode::from(UNREAD);
    }
    let status = loaded.iter().map(|(_, l)| status(l, args.fails_from()));
    ExitCode::from(status.max().unwrap_or(CLEAN))
}

/// Whether a file of the command line is standard input.
fn is_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn read_input() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(io::Error::other(format!("it is larger than {} MiB", MAX_INPUT >> 20)));
    }
    Ok(bytes)
}

/// The process ends with this: to give back a large configuration piece by piece would only take time.
fn leave(loaded: Loaded) {
    std::mem::forget(loaded);
}

/// A code that can be allowed: keepalived says nothing of it.
fn own_code(id: &str) -> Result<&'static Code, String> {
    match codes::find(&id.to_ascii_uppercase()) {
        Some(code) if code.verdict == Verdict::Silent => Ok(code),
        Some(_) => Err("keepalived reports this itself: correct it".to_owned()),
        None => Err("there is no such code".to_owned()),
    }
}

/// The configuration of the other director; said where it is none, with the exit status.
fn director(file: &Path, options: &LoadOptions<'_>) -> Result<(String, Config), u8> {
    let loaded = conf::load(file, options);
    let unread = loaded.is_unread();
    let name = file.to_string_lossy().into_owned();
    let status = if unread { UNREAD } else { FOUND };
    match loaded.config {
        Some(config) if !unread => Ok((name, config)),
        _ => {
            let shown = conf::source::printable(&name);
            print_error!("vipd check: {shown} can't be compared with: `vipd check {shown}` says why");
            Err(status)
        }
    }
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
    let mut text = String::new();
    let mut explained = HashSet::new();
    for diagnostic in &loaded.diagnostics {
        // Advice is explained where it is given first; a file has the same things many times over.
        text.push_str(&match diagnostic.code.severity {
            Severity::Hint if !explained.insert(diagnostic.code.id) => {
                render::brief(diagnostic, &loaded.sources, colour)
            }
            _ => render::rich(diagnostic, &loaded.sources, colour),
        });
        text.push('\n');
    }
    text.push_str(&summary(file, loaded));
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn summary(file: &Path, loaded: &Loaded) -> String {
    let file = if is_input(file) { INPUT.to_owned() } else { file.display().to_string() };
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
    let text = keepalived::text(&file.to_string_lossy(), &loaded.diagnostics, &loaded.sources);
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
    let status = loaded.test_status();
    leave(loaded);
    ExitCode::from(status)
}
