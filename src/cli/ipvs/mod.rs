//! `vipd ipvs`, which is also `ipvsadm`, `ipvsadm-save` and `ipvsadm-restore`: the same arguments, output, exit
//! status and effect as ipvsadm 1.31.
//!
//! `-R` reads and sends at once: up to 512 lines become one system call, and an error is reported with its line.
//!
//! What goes beyond ipvsadm (subcommands, more options of -R, -L and -S) is there as `vipd ipvs` only.

mod apply;
mod diff;
mod drain;
mod figure;
mod lines;
mod listing;
mod restore;
#[cfg(feature = "schema")]
mod schema;
mod script;
mod stdout;
mod subcommand;
#[cfg(feature = "tui")]
mod top;
mod transaction;
mod view;
mod wait;
mod watch;

pub(super) use subcommand::Args;

use crate::ipvs::client::{self, Client};
use crate::ipvs::grammar::{self, Columns, Command, Listing, Subject};
use crate::ipvs::model::{Info, Protocol};
use crate::ipvs::names::Names;
use crate::ipvs::operation::Operation;
use crate::sys::{names, signal};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::ffi::{OsString, c_int};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::sync::LazyLock;

/// What `--version` prints: the version whose behaviour this is, in the words that scripts look for.
const VERSION: &str = "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)";
/// What is listed where nothing is asked for.
const WHOLE_TABLE: Listing =
    Listing { subject: Subject::All, columns: Columns::Default, numeric: false, exact: false, sorted: true };
/// What ipvsadm's -1 looks like from outside.
const FAILED: u8 = 255;
/// What a shell makes of a program that `SIGPIPE` has ended.
const NOBODY_READS: u8 = 128 + libc::SIGPIPE as u8;

/// Runs the arguments of `vipd ipvs`: a subcommand, a command of ipvsadm with options that ipvsadm lacks, or ipvsadm's.
#[must_use]
pub(super) fn run_vipd(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    subcommand::run(&arguments)
        .or_else(|| restore::run(&arguments))
        .or_else(|| view::run(&arguments))
        .unwrap_or_else(|| run_as(Name::Vipd, arguments.into_iter()))
}

/// Which of the two names a command of ipvsadm was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// Messages may say more than ipvsadm's.
    Vipd,
    Ipvsadm,
}

impl Name {
    /// The hint that belongs to a message.
    fn hint(self, hint: impl FnOnce() -> Option<String>) -> Option<String> {
        if self == Name::Vipd { hint() } else { None }
    }
}

/// A message with what may be the reason.
fn hinted(message: String, hint: Option<String>) -> String {
    match hint {
        Some(hint) if !message.is_empty() => format!("{message}; {hint}"),
        _ => message,
    }
}

/// Runs ipvsadm's arguments (without the program's name).
#[must_use]
pub(super) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    run_as(Name::Ipvsadm, arguments)
}

fn run_as(name: Name, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<String> = arguments.map(|a| a.to_string_lossy().into_owned()).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command = match &words[..] {
        [] => Ok(Command::List(WHOLE_TABLE)),
        words => grammar::parse(words, &SystemNames),
    };
    // Help needs no kernel.
    let status = match command {
        Ok(Command::Help | Command::Version) => command.map(|c| explain(&c)).unwrap_or(Ok(())),
        command => Session::open().and_then(|mut session| match command {
            Ok(Command::Restore) => session.restore(restore::Mode::Ipvsadm, name),
            Ok(command) => session.carry_out(command),
            Err(error) => Err(Stop::new(error.exit_status(), error.to_string())),
        }),
    };
    finish(status.map_err(|stop| {
        let hint = name.hint(|| grammar::hint(words));
        Stop { message: hinted(stop.message, hint), ..stop }
    }))
}

/// Runs `ipvsadm-save`: `-n` is its only option.
#[must_use]
pub(super) fn save(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut numeric = false;
    for argument in arguments {
        match argument.as_encoded_bytes() {
            b"-n" => numeric = true,
            [b'-', ..] => {
                return finish_script(Err(Stop::new(
                    1,
                    "ipvsadm-save writes the IPVS table to standard output; -n: numbers instead of names",
                )));
            }
            _ => {}
        }
    }
    finish_script(Session::open().and_then(|mut session| session.carry_out(Command::Save { numeric })))
}

/// Runs `ipvsadm-restore`: reads everything, clears the table, then carries out the lines that are no comments.
#[must_use]
pub(super) fn restore() -> ExitCode {
    finish_script(Session::open().and_then(|mut session| session.replace(io::stdin().lock())))
}

fn finish(result: Result<(), Stop>) -> ExitCode {
    if result.as_ref().is_err_and(|stop| stop.status == NOBODY_READS) {
        signal::die_of(Signal::SIGPIPE);
    }
    finish_script(result)
}

/// As a shell script ends, which no signal kills that kills its last program.
fn finish_script(result: Result<(), Stop>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            if !stop.message.is_empty() {
                print_error!("{}", stop.message);
            }
            ExitCode::from(stop.status)
        }
    }
}

/// The end, with an exit status and what is to be said to standard error.
#[derive(Debug)]
struct Stop {
    status: u8,
    message: String,
}

impl Stop {
    fn new(status: u8, message: impl Into<String>) -> Stop {
        Stop { status, message: message.into() }
    }

    /// As a shell tells that a signal has ended a program.
    fn by_signal(signal: c_int, message: impl Into<String>) -> Stop {
        Stop::new(128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)), message)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        match error.kind() {
            // As if the signal had ended it.
            io::ErrorKind::BrokenPipe => Stop::by_signal(libc::SIGPIPE, ""),
            _ => Stop::new(1, format!("write the listing: {error}")),
        }
    }
}

impl From<client::Error> for Stop {
    fn from(error: client::Error) -> Stop {
        let message = match error.errno() {
            Some(Errno::ESRCH) => "no such service".to_owned(),
            _ => chain(error),
        };
        Stop::new(1, message)
    }
}

/// An error and its causes on one line.
fn chain(error: client::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// Columns and rows of the terminal on standard output, where that is one.
fn terminal_size() -> Option<(u16, u16)> {
    terminal_size::terminal_size().map(|(width, height)| (width.0, height.0))
}

/// A connection to the kernel, and what it said of itself.
struct Session {
    client: Client,
    info: Info,
}

impl Session {
    fn open() -> Result<Session, Stop> {
        let open = || {
            let mut client = Client::open_or_load()?;
            let info = client.info()?;
            Ok(Session { client, info })
        };
        open().map_err(|error: client::Error| Stop::new(2, chain(error)))
    }

    fn carry_out(&mut self, command: Command) -> Result<(), Stop> {
        match command {
            Command::Execute(Operation::Flush) => self.clear(),
            Command::Execute(operation) => match self.client.execute([&operation]).into_iter().next() {
                None => Ok(()),
                Some(failed) => Err(Stop::new(FAILED, failed.to_string())),
            },
            Command::List(listing) => self.list(&listing),
            Command::Save { numeric } => self.save(numeric),
            Command::Restore => Err(Stop::new(FAILED, "-R within -R")),
            Command::Help | Command::Version => explain(&command),
        }
    }
}

fn explain(command: &Command) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    writeln!(out, "{VERSION}")?;
    if *command == Command::Help {
        out.write_all(grammar::HELP.as_bytes())?;
    }
    Ok(())
}

/// Whether the locale's characters are UTF-8.
fn utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    locale.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"))
}

/// What the system's resolver knows.
struct SystemNames;

fn names_unless(numeric: bool) -> Option<&'static dyn Names> {
    if numeric { None } else { Some(&SystemNames) }
}

const fn resolver_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    }
}

impl Names for SystemNames {
    fn address(&self, host: &str) -> Option<Ipv4Addr> {
        names::address(host)
    }
    fn port(&self, service: &str, protocol: Protocol) -> Option<u16> {
        names::port(service, resolver_name(protocol))
    }
    fn host(&self, address: IpAddr) -> Option<String> {
        names::host(address)
    }
    fn service(&self, port: u16, protocol: Protocol) -> Option<String> {
        names::service(port, resolver_name(protocol))
    }
    fn options_first(&self) -> bool {
        // Asked for each line of -R.
        static ANSWER: LazyLock<bool> = LazyLock::new(|| {
            ["POSIXLY_CORRECT", "POSIX_ME_HARDER"].iter().any(|name| std::env::var_os(name).is_some())
        });
        *ANSWER
    }
}
