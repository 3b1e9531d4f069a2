//! What `vipd ipvs` has beyond ipvsadm: subcommands. A first word that names one is one; whatever else stands there is
//! ipvsadm's language. Under ipvsadm's names there are none.

#[cfg(feature = "schema")]
use super::schema;
#[cfg(feature = "tui")]
use super::top;
use super::{Stop, apply, diff, drain, finish};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand as Subcommands};
use std::ffi::OsString;
use std::process::ExitCode;

/// The kernel's table of virtual services: the arguments of ipvsadm (-h), and more commands (help)
///
/// Without a subcommand these are the arguments of ipvsadm(8): the same options, output, exit status and effect.
#[derive(Debug, Parser)]
#[command(
    name = "vipd ipvs",
    disable_help_flag = true,
    after_help = BEYOND,
    override_usage = "vipd ipvs [IPVSADM'S ARGUMENTS]\n       vipd ipvs <COMMAND>"
)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    subcommand: Option<Subcommand>,
}

/// Options that ipvsadm's commands do not have in ipvsadm; written out in full, and only as `vipd ipvs`.
const BEYOND: &str = "\
Options beyond ipvsadm's, to be written out in full:
  -L, -S --json    The listing, with its other options, as JSON: all that the kernel tells, unrounded (vipd ipvs schema)
  -L --watch [SECONDS]  The listing again and again (every 2 seconds), with what has changed since the reading before: \
rates, each server's share of its service, what came and went. In place on a terminal, else as lines of JSON. \
Exit status: that of the listing; 0 after Ctrl-C, 128+N when ended by another signal N
  -R --atomic      All lines of standard input or none: every line is read before the first change, and where the kernel \
refuses one, what was done is undone. Exit status: 0 done; 1 refused, and all is as it was; 2 lines are wrong, nothing \
was changed; 3 refused, and it could not be undone: what is left to do is printed
  -R --keep-going  Carry out every line that can be; the end tells which ones failed. Exit status: 0 all are done, 1 \
some failed";

/// A subcommand, each in a file of its name.
#[derive(Debug, Subcommands)]
enum Subcommand {
    Apply(apply::Args),
    Diff(diff::Args),
    Drain(drain::Args),
    #[cfg(feature = "tui")]
    Top(top::Args),
    #[cfg(feature = "schema")]
    Schema(schema::Args),
}

impl Subcommand {
    fn run(self) -> Result<(), Stop> {
        match self {
            Subcommand::Apply(args) => apply::run(&args),
            Subcommand::Diff(args) => diff::run(&args),
            Subcommand::Drain(args) => drain::run(&args),
            #[cfg(feature = "tui")]
            Subcommand::Top(args) => top::run(&args),
            #[cfg(feature = "schema")]
            Subcommand::Schema(args) => schema::run(&args),
        }
    }
}

/// Runs the subcommand that the first word names; `None` where it names none.
pub(super) fn run(arguments: &[OsString]) -> Option<ExitCode> {
    // Before clap is asked, which takes its time to get ready.
    let name = arguments.first()?.to_str().filter(|name| !name.starts_with('-'))?;
    let mut command = Args::command();
    if name != "help" && command.find_subcommand(name).is_none() {
        return None;
    }
    // clap's first word is the program's.
    let words = std::iter::once("vipd ipvs".into()).chain(arguments.iter().cloned());
    let parsed = command.try_get_matches_from_mut(words).and_then(|m| Args::from_arg_matches(&m));
    Some(match parsed {
        Ok(Args { subcommand: Some(subcommand) }) => finish(subcommand.run()),
        Ok(Args { subcommand: None }) => ExitCode::SUCCESS,
        Err(error) => crate::cli::usage_error(&error, 2),
    })
}
