//! `vipd expand`: a configuration as the parser sees it.

use super::check::DEFAULT_FILE;
use super::fmt::harmless;
use crate::conf::diagnostic::render::{self, Colour};
use crate::conf::diagnostic::{Diagnostic, Severity};
use crate::conf::expand::{self, Expansion, Options};
use crate::conf::source::{Sources, Span, printable};
use crate::raw;
use crate::sys::names::node_name;
use clap::Parser;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Print a configuration as the parser sees it: includes, conditions, parameters and sequences carried out
///
/// Exit status: 0 done, 1 something could not be expanded, 2 the file can't be read.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Configuration file
    #[arg(default_value = DEFAULT_FILE)]
    file: PathBuf,
    /// Read the lines that begin with @ID [default: the first part of the node's name]
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
    /// Put in front of each line where it is written: FILE:LINE, and the lines that led there, innermost first
    #[arg(long)]
    with_origin: bool,
}

/// Runs `vipd expand`: the text on standard output, what is wrong with it on standard error.
pub(super) fn run(args: &Args) -> ExitCode {
    let mut sources = Sources::new();
    let (file, read) = sources.read_named(&args.file);
    if let Err(error) = read {
        print_error!("vipd: configuration file {} can't be read: {error}", args.file.display());
        return ExitCode::from(2);
    }
    let id = args.config_id.clone().or_else(node_name);
    let expand = if args.with_origin { expand::expand_with_origins } else { expand::expand };
    let expansion = expand(&mut sources, file, Options { config_id: id.as_deref(), ..Options::default() });
    let written = write_text(&sources, &expansion, args.with_origin);
    let (left_out, _) = expansion.sink().finish();
    let diagnostics = expansion.resolve(&mut sources, id.as_deref(), left_out);
    report(&sources, &diagnostics);
    match written {
        // Whoever reads it may well stop early.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            print_error!("vipd: writing the expanded text: {error}");
            ExitCode::from(2)
        }
        _ => ExitCode::from(u8::from(diagnostics.iter().any(|d| d.code.severity == Severity::Error))),
    }
}

fn write_text(sources: &Sources, expansion: &Expansion, with_origin: bool) -> io::Result<()> {
    let stdout = io::stdout();
    // For programs as it is; on a terminal, no byte of a file may give orders.
    let shown = |bytes: Vec<u8>| if stdout.is_terminal() { harmless(&bytes) } else { bytes };
    let mut out = BufWriter::new(stdout.lock());
    let text = sources.get(expansion.text()).text();
    if with_origin {
        for (line, (span, notes)) in text.lines().zip(expansion.origins()) {
            let mut places: Vec<_> = span.into_iter().chain(notes).map(|s| place(sources, s)).collect();
            places.dedup();
            write!(out, "{}\t", places.join(" < "))?;
            let mut line = raw::bytes(line).into_owned();
            line.push(b'\n');
            out.write_all(&shown(line))?;
        }
    } else {
        out.write_all(&shown(raw::bytes(text).into_owned()))?;
    }
    out.flush()
}

fn place(sources: &Sources, span: Span) -> String {
    format!("{}:{}", printable(sources.get(span.file).name()), sources.location(span).line)
}

fn report(sources: &Sources, diagnostics: &[Diagnostic]) {
    let colour = if io::stderr().is_terminal() { Colour::Always } else { Colour::Never };
    let text: String = diagnostics.iter().map(|d| render::rich(d, sources, colour) + "\n").collect();
    // Nobody is left to tell when standard error is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}
