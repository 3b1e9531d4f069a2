//! The command line: a file a subcommand, each no more than its arguments and one call into the library.
//!
//! The program answers to its name: `keepalived` takes keepalived's flags, `ipvsadm` (and `ipvsadm-save`,
//! `ipvsadm-restore`) ipvsadm's, `send_arp` and `genhash` their own, and `vipd`, or any other name, has subcommands.

/// Like `eprintln!`, which panics where standard error is a full disk or a pipe that nobody reads: then nobody is told,
/// and the exit status is what it would have been.
macro_rules! print_error {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let text = format!($($text)*);
        let _ = writeln!(std::io::stderr(), "{}", crate::sys::log::without_error_numbers(&text));
    }};
}

pub mod check;
mod complete;
mod completions;
mod config;
mod expand;
mod explain;
mod fmt;
mod garp;
mod genhash;
mod ipvs;
#[cfg(feature = "lsp")]
mod lsp;
mod run;
mod signum;

use crate::daemon;
use crate::sys::signal;
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

const VERSION: &str = concat!("vipd v", env!("CARGO_PKG_VERSION"));

/// Virtual IPs with VRRP and Linux virtual servers with health checks: keepalived.conf and ipvsadm, in one program.
#[derive(Debug, Parser)]
#[command(
    name = "vipd",
    disable_version_flag = true,
    args_override_self = true,
    infer_long_args = true,
    arg_required_else_help = true,
    subcommand_required = false
)]
struct Vipd {
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: virtual routers, virtual servers, health checks
    #[command(disable_version_flag = true, args_override_self = true)]
    Run(Box<run::Flags>),
    Check(check::Args),
    Config(config::Args),
    Explain(explain::Args),
    #[cfg(feature = "lsp")]
    Lsp(lsp::Args),
    Fmt(fmt::Args),
    Expand(expand::Args),
    Garp(garp::Args),
    Genhash(genhash::Args),
    // clap has it for the help alone: its arguments are ipvsadm's own language.
    Ipvs(ipvs::Args),
    Completions(completions::Args),
}

/// Virtual IPs with VRRP and Linux virtual servers with health checks: vipd with keepalived's command line.
#[derive(Debug, Parser)]
#[command(
    name = "keepalived",
    disable_version_flag = true,
    args_override_self = true,
    infer_long_args = true
)]
struct Keepalived {
    /// Print the version
    #[arg(short = 'v', long)]
    version: bool,
    #[command(flatten)]
    flags: run::Flags,
}

/// The command line of `vipd`, for manual pages.
#[must_use]
pub fn command() -> clap::Command {
    Vipd::command()
}

/// Runs the personality that the program's name and first argument ask for.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.get(1).is_some_and(|first| first == daemon::WORKER_ARGUMENT) {
        return daemon::worker_main().into();
    }
    let program = arguments.first().map(Path::new).and_then(Path::file_name).unwrap_or(OsStr::new("vipd"));
    let program = program.to_string_lossy().into_owned();
    if program == "keepalived" || arguments.get(1).is_some_and(|command| command == "run") {
        // Reading the command line takes its time.
        signal::hold_hangups();
    }
    match program.as_str() {
        "ipvsadm" => ipvs::run(arguments.into_iter().skip(1)),
        "ipvsadm-save" => ipvs::save(arguments.into_iter().skip(1)),
        "ipvsadm-restore" => ipvs::restore(),
        "send_arp" => match garp::send_arp(arguments) {
            Ok(args) => garp::run(&args),
            Err(error) => usage_error(&error, 2),
        },
        "genhash" => as_genhash(arguments),
        // keepalived's way to it.
        "keepalived" if arguments.get(1).is_some_and(|word| word == "-T" || word == "--genhash") => {
            signal::let_hangups_through();
            as_genhash(std::iter::once("genhash".into()).chain(arguments.into_iter().skip(2)))
        }
        "keepalived" => keepalived(&program, &run::attach_values(&arguments)),
        _ if arguments.get(1).is_some_and(|command| command == complete::WORD) => {
            complete::run(arguments.into_iter().skip(2))
        }
        _ if arguments.get(1).is_some_and(|command| command == "ipvs") => {
            ipvs::run_vipd(arguments.into_iter().skip(2))
        }
        _ if arguments.get(1).is_some_and(|command| command == "run") => {
            vipd(&program, &run::attach_values(&arguments))
        }
        _ => vipd(&program, &arguments),
    }
}

fn as_genhash(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match genhash::parse(arguments) {
        Ok(args) => genhash::run(args),
        // genhash's status for a command line that it does not understand.
        Err(error) => usage_error(&error, 1),
    }
}

fn keepalived(program: &str, arguments: &[OsString]) -> ExitCode {
    match Keepalived::try_parse_from(arguments) {
        Ok(Keepalived { version: true, .. }) => {
            // Where keepalived prints it, and where scripts read it.
            print_error!("{VERSION}");
            ExitCode::SUCCESS
        }
        Ok(Keepalived { flags, .. }) => run::run(program, &flags),
        // keepalived's status for a command line that it does not understand.
        Err(error) => usage_error(&error, 1),
    }
}

fn vipd(program: &str, arguments: &[OsString]) -> ExitCode {
    match Vipd::try_parse_from(arguments) {
        Ok(Vipd { version: true, .. }) => {
            println!("{VERSION}");
            ExitCode::SUCCESS
        }
        Ok(Vipd { command: Some(Command::Run(flags)), .. }) => run::run(program, &flags),
        Ok(Vipd { command: Some(Command::Check(arguments)), .. }) => check::run(&arguments),
        Ok(Vipd { command: Some(Command::Config(arguments)), .. }) => config::run(&arguments),
        Ok(Vipd { command: Some(Command::Explain(arguments)), .. }) => explain::run(&arguments),
        #[cfg(feature = "lsp")]
        Ok(Vipd { command: Some(Command::Lsp(arguments)), .. }) => lsp::run(&arguments),
        Ok(Vipd { command: Some(Command::Fmt(arguments)), .. }) => fmt::run(&arguments),
        Ok(Vipd { command: Some(Command::Expand(arguments)), .. }) => expand::run(&arguments),
        Ok(Vipd { command: Some(Command::Garp(arguments)), .. }) => garp::run(&arguments),
        Ok(Vipd { command: Some(Command::Genhash(arguments)), .. }) => genhash::run(arguments),
        // `vipd ipvs` has been taken before.
        Ok(Vipd { command: Some(Command::Completions(arguments)), .. }) => completions::run(&arguments),
        Ok(Vipd { command: Some(Command::Ipvs(_)) | None, .. }) => ExitCode::SUCCESS,
        Err(error) => usage_error(&error, 2),
    }
}

/// Prints what clap has to say: help on stdout, an error on stderr.
fn usage_error(error: &clap::Error, status: u8) -> ExitCode {
    // Nobody is left to tell where that fails.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(status) } else { ExitCode::SUCCESS }
}
