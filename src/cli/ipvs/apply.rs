//! `vipd ipvs apply`: the kernel's table becomes what a file says.

use super::{Session, Stop, SystemNames};
use crate::ipvs::client::{Client, Failed};
use crate::ipvs::document::Document;
use crate::ipvs::format::CommandLine;
use crate::ipvs::model::{Forward, ServiceKey, Table};
use crate::ipvs::operation::Operation;
use crate::ipvs::plan::{self, plan};
use crate::ipvs::rules::{Lines, Rules};
use crate::ipvs::select::{self, Selector};
use crate::netlink::Failure;
use crate::sys::input;
use clap::Parser;
use nix::errno::Errno;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;

/// There is something to do (`--dry-run`); tables differ.
pub(super) const DIFFERS: u8 = 1;
/// Nothing was done: a file that can't be read, mistakes in it, no IPVS.
const TROUBLE: u8 = 2;
/// The kernel refused some operations; the others are done.
const REFUSED: u8 = 3;
/// How often the table is read, where another program changes it between reading and writing.
const ATTEMPTS: usize = 3;

/// Make the kernel's table what a file says
///
/// The file is in the language that `vipd ipvs -S` writes: -A for each service, -a for each of its servers; blank lines
/// and lines that begin with # mean nothing. It is the whole table: what it has not is removed. Only what differs is
/// changed, so that connections and counters of everything else stay, in an order that leaves no service without
/// servers. Nothing is changed while the file has mistakes. Exit status: 0 done, or nothing to do; 1 with --dry-run: there
/// is something to do; 2 nothing was done, for a reason that is told; 3 the kernel refused some of it, and the rest is
/// done.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The wanted table; - for standard input
    file: PathBuf,
    /// Print what would be done, as arguments of ipvsadm, a line each, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: print it as JSON, with what each operation changes (vipd ipvs schema)
    #[arg(long, requires = "dry_run")]
    json: bool,
    /// Leave all other services alone, in the file and in the kernel: tcp:10.0.0.0/8, udp:[2001:db8::1]:53, 192.0.2.1,
    /// fwmark:5; may be given several times
    #[arg(long, value_name = "SELECTOR")]
    only: Vec<Selector>,
}

/// Runs `vipd ipvs apply`.
pub(super) fn run(args: &Args) -> Result<(), Stop> {
    // Reading the file and asking the kernel go on side by side.
    let (desired, actual) = thread::scope(|scope| {
        let desired = scope.spawn(|| read(&args.file, &args.only));
        let actual = kernel(&args.only);
        (desired.join(), actual)
    });
    let rules = desired.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let (mut client, mut actual) = actual?;
    for attempt in 1.. {
        let operations = plan(&actual, &rules.table, &owned(&actual));
        if args.dry_run {
            return match args.json {
                true => show_json(&actual, &operations),
                false => show(&operations),
            };
        }
        let outcome = carry_out(&mut client, &operations);
        if outcome.failed.is_empty() {
            break;
        }
        if attempt == ATTEMPTS || !outcome.failed.iter().any(is_stale) {
            return Err(tell(&outcome, &operations, &rules, &args.file));
        }
        actual = table(&mut client, &args.only)?;
    }
    Ok(())
}

/// All services of a table, in the order in which a plan takes them to have been made.
pub(super) fn owned(table: &Table) -> Vec<ServiceKey> {
    let mut keys: Vec<ServiceKey> = table.services.iter().map(|(service, _)| service.key).collect();
    // Nobody knows that order; should they come back, this one is likely.
    keys.sort_unstable();
    keys
}

fn trouble(message: impl Into<String>) -> Stop {
    Stop::new(TROUBLE, message)
}

/// No file larger than this is read (1 GiB): a table of a million servers has a tenth of it.
const MAX_BYTES: u64 = 1 << 30;

/// What a file is called in messages.
pub(super) fn shown(file: &Path) -> Cow<'_, str> {
    if file.as_os_str() == "-" { "standard input".into() } else { file.to_string_lossy() }
}

/// The rules in a file, of the selected services; every mistake in them is told.
pub(super) fn read(file: &Path, only: &[Selector]) -> Result<Rules, Stop> {
    let name = shown(file);
    let bytes = if file.as_os_str() == "-" {
        input::stream(io::stdin().lock(), MAX_BYTES)
    } else {
        input::file_or_descriptor(file, MAX_BYTES)
    };
    let bytes = bytes.map_err(|e| trouble(format!("read {name}: {e}")))?;
    let mut rules = Rules::parse(&bytes, &SystemNames).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(|m| format!("{name}:{m}")).collect();
        trouble(lines.join("\n"))
    })?;
    if !only.is_empty() {
        rules.retain(|key| select::selected(only, key));
    }
    Ok(rules)
}

/// The selected part of the kernel's table, as rules would describe it.
pub(super) fn kernel(only: &[Selector]) -> Result<(Client, Table), Stop> {
    let mut client = Session::open()?.client;
    let table = table(&mut client, only)?;
    Ok((client, table))
}

fn table(client: &mut Client, only: &[Selector]) -> Result<Table, Stop> {
    let table = client.table_of(|key| select::selected(only, key));
    let mut table = table.map_err(|e| trouble(super::chain(e)))?;
    for dest in table.services.iter_mut().flat_map(|(_, dests)| dests) {
        // What rules can't say, and -S writes as -g.
        if matches!(dest.forward, Forward::Local | Forward::Bypass) {
            dest.forward = Forward::DirectRoute;
        }
    }
    Ok(table)
}

fn show(operations: &[Operation]) -> Result<(), Stop> {
    let mut out = BufWriter::new(io::stdout().lock());
    for operation in operations {
        writeln!(out, "{}", CommandLine(operation))?;
    }
    out.flush()?;
    if operations.is_empty() { Ok(()) } else { Err(Stop::new(DIFFERS, "")) }
}

/// What `operations` would make of `before`, as JSON.
pub(super) fn show_json(before: &Table, operations: &[Operation]) -> Result<(), Stop> {
    let mut out = BufWriter::new(io::stdout().lock());
    serde_json::to_writer(&mut out, &Document::operations(before, operations)).map_err(io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    if operations.is_empty() { Ok(()) } else { Err(Stop::new(DIFFERS, "")) }
}

/// How operations were carried out.
struct Outcome {
    failed: Vec<Failed>,
    /// What was not tried, as it needs what failed.
    held: Vec<Operation>,
}

/// Removes something from a service only where everything that was to be added to it is there.
fn carry_out(client: &mut Client, operations: &[Operation]) -> Outcome {
    let (additions, removals) = operations.split_at(plan::removals_start(operations));
    let mut failed = client.execute(additions);
    let incomplete: HashSet<ServiceKey> = failed.iter().filter_map(|f| f.operation.service()).collect();
    let (removals, held): (Vec<&Operation>, Vec<&Operation>) =
        removals.iter().partition(|o| o.service().is_none_or(|key| !incomplete.contains(&key)));
    failed.extend(client.execute(removals.iter().copied()));
    Outcome { failed, held: held.into_iter().cloned().collect() }
}

/// Whether the operation would not have been planned had the table been read later: another program was there first, or
/// its answer was lost.
fn is_stale(failed: &Failed) -> bool {
    use Operation::{AddDest, AddService, DeleteDest, DeleteService, EditDest, EditService};
    match (&failed.operation, failed.errno()) {
        (_, None) => failed.failure == Failure::Unknown,
        (AddService(_) | AddDest(..), Some(Errno::EEXIST))
        | (EditDest(..) | DeleteDest(..), Some(Errno::ENOENT))
        | (EditService(_) | DeleteService(_), Some(Errno::ESRCH))
        | (AddDest(..) | EditDest(..) | DeleteDest(..), Some(Errno::ESRCH)) => true,
        _ => false,
    }
}

/// Tells what was not done.
fn tell(outcome: &Outcome, operations: &[Operation], rules: &Rules, file: &Path) -> Stop {
    let lines = rules.index();
    for f in &outcome.failed {
        print_error!("{}{f}", place(file, &lines, &f.operation));
    }
    for operation in &outcome.held {
        print_error!("not done, since something else of its service was refused: {operation}");
    }
    let left = outcome.failed.len() + outcome.held.len();
    Stop::new(REFUSED, format!("{left} of {} operations are not done, the others are", operations.len()))
}

/// `FILE:LINE: `, where a line asked for it.
fn place(file: &Path, lines: &Lines, operation: &Operation) -> String {
    lines.of(operation).map(|line| format!("{}:{line}: ", shown(file))).unwrap_or_default()
}
