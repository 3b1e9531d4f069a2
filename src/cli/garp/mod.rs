//! `vipd garp`: tells the neighbourhood once where addresses are, for scripts that move addresses themselves. It takes
//! the command lines of `send_arp` and `arping` as well. The daemon announces its virtual addresses on its own.

mod plan;
mod send;

use clap::Parser;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// What the command line asks for can't be done; the status of `arping`.
const FAILED: u8 = 2;

/// Announce addresses once: gratuitous ARP, and unsolicited neighbour advertisements for IPv6
///
/// Neighbours that have one of the addresses in their tables take the new place from it. For scripts that move
/// addresses: vipd run announces its own.
///
/// In place of addresses it takes what send_arp takes: "IP MAC TARGET-IP TARGET-MAC" (a reply), or
/// "[-i MS] [-r COUNT] [-p PIDFILE] INTERFACE IP MAC|auto BROADCAST NETMASK". Of arping's options it knows -U, -A, -D,
/// -c, -I, -s, -w, -q, and passes over -b and -f.
///
/// Exit status: 0 announced (with -D: nobody has it), 1 somebody else has one of the addresses, 2 it could not be done.
#[derive(Debug, Parser)]
#[command(args_override_self = true)]
pub(super) struct Args {
    /// Interface [default: the one that has the address]
    #[arg(short = 'I', long, value_name = "INTERFACE")]
    interface: Option<String>,
    /// Interface; or, a number of milliseconds: --interval, as send_arp has it
    #[arg(short = 'i', value_name = "INTERFACE|MS", hide_short_help = true)]
    interface_or_interval: Option<String>,
    /// How many times each address is announced
    #[arg(short = 'c', long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// The same, as send_arp has it
    #[arg(short = 'r', value_name = "COUNT", hide_short_help = true, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    repeat: Option<u32>,
    /// Time between two rounds, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0.2", value_parser = seconds)]
    interval: Duration,
    /// ARP requests, which every neighbour understands (the default)
    #[arg(short = 'U', long = "request", overrides_with = "reply")]
    request: bool,
    /// ARP replies
    #[arg(short = 'A', long = "reply")]
    reply: bool,
    /// Ask first whether somebody else has one of the addresses, and announce nothing then
    #[arg(long)]
    check: bool,
    /// Ask only
    #[arg(short = 'D', long)]
    check_only: bool,
    /// How long an answer to --check is waited for, in seconds
    #[arg(short = 'w', long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    wait: Duration,
    /// Announce this address; the address on the command line is told of it (arping)
    #[arg(short = 's', long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// MAC address that neighbours are to learn [default: the interface's]
    #[arg(long, value_name = "MAC")]
    mac: Option<String>,
    /// Write the process's number there, and remove the file at the end
    #[arg(short = 'p', long, value_name = "FILE")]
    pid_file: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short = 'q', long)]
    quiet: bool,
    /// Of no effect: announcements are broadcast
    #[arg(short = 'b', hide = true)]
    broadcast: bool,
    /// Of no effect: a check ends with the first answer
    #[arg(short = 'f', hide = true)]
    first: bool,
    /// Addresses, or what send_arp takes
    #[arg(required = true, value_name = "ADDRESS")]
    words: Vec<String>,
}

/// A name of the program: `send_arp`.
pub(super) fn send_arp(arguments: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
    Args::try_parse_from(arguments)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "a number of seconds, such as 0.2, is expected".to_owned())?;
    match number {
        0.0..=3600.0 => Ok(Duration::from_secs_f64(number)),
        _ => Err("0 to 3600 seconds are possible".to_owned()),
    }
}

/// Runs `vipd garp`.
#[must_use]
pub(super) fn run(args: &Args) -> ExitCode {
    let outcome = plan::Plan::of(args).and_then(|plan| send::send(&plan));
    match outcome {
        Ok(send::Outcome::Done) => ExitCode::SUCCESS,
        Ok(send::Outcome::Taken) => ExitCode::FAILURE,
        Err(error) => {
            print_error!("{error}");
            ExitCode::from(FAILED)
        }
    }
}
