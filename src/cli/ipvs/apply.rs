//! `vipd ipvs apply`: the kernel's table becomes what a file says.

use super::{Session, Stop, SystemNames};
use crate::ipvs::client::Client;
use crate::ipvs::format::CommandLine;
use crate::ipvs::model::{Forward, ServiceKey, Table};
use crate::ipvs::operation::Operation;
use crate::ipvs::plan::{self, plan};
use crate::ipvs::rules::{Lines, Rules};
use crate::ipvs::select::{self, Selector};
use clap::Parser;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

/// There is something to do (`--dry-run`); tables differ.
pub(super) const DIFFERS: u8 = 1;
/// Nothing was done: a file that can't be read, mistakes in it, no IPVS.
const TROUBLE: u8 = 2;
/// The kernel refused some operations; the others are done.
const REFUSED: u8 = 3;

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
    /// Leave all other services alone, in the file and in the kernel: tcp:10.0.0.0/8, udp:[2001:db8::1]:53, 192.0.2.1,
    /// fwmark:5; may be given several times
    #[arg(long, value_name = "SELECTOR")]
    only: Vec<Selector>,
}

/// Runs `vipd ipvs apply`.
pub(super) fn run(args: &Args) -> Result<(), Stop> {
    // Reading the file and asking the kernel go on side by side.
    let (desired, actual) = thread::scope(|scope| {
        let desired = scope.spawn(|| read(&args.file));
        let actual = kernel(&args.only);
        (desired.join(), actual)
    });
    let mut rules = desired.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let (mut client, actual) = actual?;
    select::retain(&args.only, &mut rules.table);
    let mut present: Vec<ServiceKey> = actual.services.iter().map(|(service, _)| service.key).collect();
    // Nobody knows in which order they were made; should they come back, this one is likely.
    present.sort_unstable();
    let operations = plan(&actual, &rules.table, &present);
    match args.dry_run {
        true => show(&operations),
        false => carry_out(&mut client, &operations, &rules, &args.file),
    }
}

fn trouble(message: impl Into<String>) -> Stop {
    Stop::new(TROUBLE, message)
}

/// What a file is called in messages.
pub(super) fn shown(file: &Path) -> Cow<'_, str> {
    if file.as_os_str() == "-" { "standard input".into() } else { file.to_string_lossy() }
}

/// The rules in a file; every mistake in them is told.
pub(super) fn read(file: &Path) -> Result<Rules, Stop> {
    let name = shown(file);
    let bytes = if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    let bytes = bytes.map_err(|e| trouble(format!("read {name}: {e}")))?;
    Rules::parse(&bytes, &SystemNames).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(|m| format!("{name}:{m}")).collect();
        trouble(lines.join("\n"))
    })
}

/// The selected part of the kernel's table, as rules would describe it.
pub(super) fn kernel(only: &[Selector]) -> Result<(Client, Table), Stop> {
    let mut client = Session::open()?.client;
    let table = client.table_of(|key| select::selected(only, key));
    let mut table = table.map_err(|e| trouble(super::chain(e)))?;
    for dest in table.services.iter_mut().flat_map(|(_, dests)| dests) {
        // What rules can't say, and -S writes as -g.
        if matches!(dest.forward, Forward::Local | Forward::Bypass) {
            dest.forward = Forward::DirectRoute;
        }
    }
    Ok((client, table))
}

fn show(operations: &[Operation]) -> Result<(), Stop> {
    let mut out = BufWriter::new(io::stdout().lock());
    for operation in operations {
        writeln!(out, "{}", CommandLine(operation))?;
    }
    out.flush()?;
    if operations.is_empty() { Ok(()) } else { Err(Stop::new(DIFFERS, "")) }
}

/// What takes something away from a service is done only where all that was to be added to it is there.
fn carry_out(client: &mut Client, operations: &[Operation], rules: &Rules, file: &Path) -> Result<(), Stop> {
    let (giving, taking) = operations.split_at(plan::giving(operations));
    let failed = client.execute(giving);
    let incomplete: HashSet<ServiceKey> = failed.iter().filter_map(|f| f.operation.service()).collect();
    let (taking, held): (Vec<&Operation>, Vec<&Operation>) =
        taking.iter().partition(|o| o.service().is_none_or(|key| !incomplete.contains(&key)));
    let failed = [failed, client.execute(taking.iter().copied())].concat();
    if failed.is_empty() {
        return Ok(());
    }
    let lines = rules.index();
    let place = |operation: &Operation| place(file, &lines, operation);
    for f in &failed {
        eprintln!("{}{f}", place(&f.operation));
    }
    for operation in &held {
        eprintln!("not done, since something else of its service was refused: {operation}");
    }
    let left = failed.len() + held.len();
    Err(Stop::new(REFUSED, format!("{left} of {} operations are not done, the others are", operations.len())))
}

/// `FILE:LINE: `, where a line asked for it.
fn place(file: &Path, lines: &Lines, operation: &Operation) -> String {
    lines.of(operation).map(|line| format!("{}:{line}: ", shown(file))).unwrap_or_default()
}
