//! `vipd ipvs diff`: what differs between two tables.

use super::apply::{kernel, read, shown};
use super::stdout::colours_are_wanted;
use super::{Stop, apply};
use crate::ipvs::diff::{self, Side};
use crate::ipvs::model::Table;
use crate::ipvs::plan::plan;
use crate::ipvs::select::Selector;
use clap::Parser;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Show what differs between two tables
///
/// Each is a file in the language that `vipd ipvs -S` writes, or the word kernel for the kernel's table, or - for standard
/// input. The order of services and servers makes no difference. The output is a unified diff of their rules, in the
/// order of their addresses. Exit status: 0 they are the same, 1 they differ, 2 one of them can't be read.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The first table (-)
    old: PathBuf,
    /// The second table (+)
    new: PathBuf,
    /// Compare these services only: tcp:10.0.0.0/8, udp:[2001:db8::1]:53, 192.0.2.1, fwmark:5; may be given several
    /// times
    #[arg(long, value_name = "SELECTOR")]
    only: Vec<Selector>,
    /// Print the operations that make the first table the second as JSON, in the order in which vipd ipvs apply carries
    /// them out (vipd ipvs schema)
    #[arg(long)]
    json: bool,
}

/// Runs `vipd ipvs diff`.
pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let (old, new) = (table(&args.old, &args.only)?, table(&args.new, &args.only)?);
    if args.json {
        let owned = apply::owned(&old);
        return apply::show_json(&old, &plan(&old, &new, &owned));
    }
    let lines = diff::lines(&old, &new);
    let hunks = diff::hunks(&lines);
    if hunks.is_empty() {
        return Ok(());
    }
    let stdout = io::stdout();
    let colour = stdout.is_terminal() && colours_are_wanted();
    let paint = |code: &'static str| if colour { code } else { "" };
    let (red, green, cyan, bold, plain) =
        (paint("\x1b[31m"), paint("\x1b[32m"), paint("\x1b[36m"), paint("\x1b[1m"), paint("\x1b[0m"));
    let mut out = BufWriter::new(stdout.lock());
    writeln!(out, "{bold}--- {}{plain}", shown(&args.old))?;
    writeln!(out, "{bold}+++ {}{plain}", shown(&args.new))?;
    for (head, range) in hunks {
        writeln!(out, "{cyan}{head}{plain}")?;
        for line in lines.get(range).unwrap_or_default() {
            match line.side {
                Side::Both => writeln!(out, "{line}")?,
                Side::Old => writeln!(out, "{red}{line}{plain}")?,
                Side::New => writeln!(out, "{green}{line}{plain}")?,
            }
        }
    }
    out.flush()?;
    Err(Stop::new(apply::DIFFERS, ""))
}

fn table(name: &Path, only: &[Selector]) -> Result<Table, Stop> {
    if name.as_os_str() == "kernel" {
        return Ok(kernel(only)?.1);
    }
    Ok(read(name, only)?.table)
}
