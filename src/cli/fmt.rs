//! `vipd fmt`: configuration files in their canonical layout.

use crate::conf::diagnostic::{codes, render};
use crate::conf::source::{MAX_FILE_BYTES, printable};
use crate::conf::{self, LoadOptions, layout};
use crate::sys::{input, replace};
use clap::Parser;
use similar::TextDiff;
use std::borrow::Cow;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const DONE: u8 = 0;
const WOULD_CHANGE: u8 = 1;
const FAILED: u8 = 2;

/// Bring configuration files into their canonical layout
///
/// Comments, includes, parameters and sequences stay; the meaning does not change. A file whose braces or quotes don't
/// go together is left alone. Exit status: 0 done (with --check: nothing to do), 1 --check found files that would
/// change, 2 a file can't be read, written or formatted.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Files, changed in place; - or none: from standard input to standard output
    files: Vec<PathBuf>,
    /// Change nothing, and show what would change as a diff
    #[arg(long)]
    check: bool,
}

/// Runs `vipd fmt`.
#[must_use]
pub(super) fn run(args: &Args) -> ExitCode {
    let standard_input = [PathBuf::from("-")];
    let files: &[PathBuf] = if args.files.is_empty() { &standard_input } else { &args.files };
    let worst = files.iter().map(|file| {
        let done = if file.as_os_str() == "-" { stream(args.check) } else { in_place(file, args.check) };
        done.unwrap_or_else(|error| {
            print_error!("vipd fmt: {}: {error}", shown(file));
            FAILED
        })
    });
    ExitCode::from(worst.max().unwrap_or(DONE))
}

/// The name of a file as it is printed.
fn shown(file: &Path) -> String {
    let name = if file.as_os_str() == "-" { "standard input".into() } else { file.to_string_lossy() };
    printable(&name).into_owned()
}

fn stream(check: bool) -> Result<u8, String> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    let formatted = format(Path::new("-"), &bytes)?;
    if check {
        return verdict(Path::new("-"), &bytes, &formatted);
    }
    let mut stdout = io::stdout();
    let formatted = if stdout.is_terminal() { harmless(&formatted) } else { formatted };
    stdout.write_all(&formatted).map_err(|e| e.to_string())?;
    Ok(DONE)
}

fn in_place(file: &Path, check: bool) -> Result<u8, String> {
    let bytes = match check {
        true => input::file_or_descriptor(file, MAX_FILE_BYTES),
        // What is written in place can be nothing but a file.
        false => input::file(file, MAX_FILE_BYTES),
    };
    let bytes = bytes.map_err(|e| e.to_string())?;
    let formatted = format(file, &bytes)?;
    if check {
        return verdict(file, &bytes, &formatted);
    }
    if formatted != bytes {
        replace::contents(file, &formatted).map_err(|e| e.to_string())?;
    }
    Ok(DONE)
}

fn verdict(file: &Path, old: &[u8], new: &[u8]) -> Result<u8, String> {
    if old == new {
        return Ok(DONE);
    }
    let diff = TextDiff::from_lines(old, new);
    let (name, now) = (shown(file), format!("{} (formatted)", shown(file)));
    let mut text = Vec::new();
    diff.unified_diff().header(&name, &now).to_writer(&mut text).map_err(|e| e.to_string())?;
    let mut stdout = io::stdout();
    // For `patch` as it is; on a terminal, no byte of a file may give orders.
    let text = if stdout.is_terminal() { Cow::Owned(harmless(&text)) } else { Cow::Borrowed(&text) };
    stdout.write_all(&text).map_err(|e| e.to_string())?;
    Ok(WOULD_CHANGE)
}

/// A text for a terminal: what would be an order to it is spelt out.
pub(super) fn harmless(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let line = |line: &str| {
        let parts: Vec<_> = line.split('\t').map(|part| printable(part).into_owned()).collect();
        parts.join("\t") + "\n"
    };
    text.split_terminator('\n').map(line).collect::<String>().into_bytes()
}

fn format(file: &Path, bytes: &[u8]) -> Result<Vec<u8>, String> {
    if bytes.contains(&0) {
        return Err("holds a NUL byte: it is not a configuration".to_owned());
    }
    let formatted = layout::format_bytes(bytes).map_err(|e| e.to_string())?;
    match syntax_error(file, bytes) {
        Some(error) => Err(format!("left as it is: {error}")),
        None => Ok(formatted),
    }
}

/// The first mistake in braces or quotes: indentation would dress it up. What depends on the configuration's id is
/// taken as it stands, since for one of its ids alone it need not be whole.
fn syntax_error(file: &Path, bytes: &[u8]) -> Option<String> {
    if layout::has_conditions(bytes) {
        return None;
    }
    let syntax = [
        &codes::MISSING_OPEN_BRACE,
        &codes::MISSING_CLOSE_BRACE,
        &codes::UNEXPECTED_OPEN_BRACE,
        &codes::UNEXPECTED_CLOSE_BRACE,
        &codes::UNTERMINATED_QUOTE,
        &codes::NESTED_TOO_DEEPLY,
    ];
    let name = file.to_string_lossy();
    let loaded = conf::load_text(&name, bytes, &LoadOptions::default());
    let own = loaded.sources.ids().next()?;
    let is_syntax = |code| syntax.iter().any(|known| std::ptr::eq(*known, code));
    let found = loaded.diagnostics.iter().find(|d| d.primary.span.file == own && is_syntax(d.code))?;
    Some(render::line(found, &loaded.sources))
}
