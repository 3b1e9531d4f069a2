//! `-R --atomic`: all lines or none.
//!
//! The kernel has no transactions. So every line is read before the first change; the part of the table that the lines
//! touch is read too; and when the kernel refuses something, what was done before is undone.

use super::lines::{Change, change};
use super::{Session, Stop, hinted};
use crate::ipvs::client::{CHUNK, Failed};
use crate::ipvs::format::CommandLine;
use crate::ipvs::grammar;
use crate::ipvs::operation::Operation;
use crate::ipvs::undo::{self, Snapshot, Touched, undo};
use crate::netlink::Failure;
use std::collections::HashSet;
use std::io::Read;

/// The kernel refused a line; everything is as it was.
const UNDONE: u8 = 1;
/// Lines are wrong; nothing was changed.
const MISTAKES: u8 = 2;
/// The kernel refused a line, and then to undo what had been done.
const LEFT: u8 = 3;

impl Session {
    /// Carries out all lines of `input`, or none.
    pub(super) fn restore_atomically(&mut self, mut input: impl Read) -> Result<(), Stop> {
        let mut bytes = Vec::new();
        input
            .read_to_end(&mut bytes)
            .map_err(|e| Stop::new(MISTAKES, format!("read standard input: {e}")))?;
        let (lines, operations) = parse(&bytes)?;
        let before = self.snapshot(&Touched::by(&operations))?;
        let mut done: Vec<&Operation> = Vec::with_capacity(operations.len());
        for (n, chunk) in operations.chunks(CHUNK).enumerate() {
            let failed = self.client.execute(chunk);
            let refused: HashSet<usize> = failed.iter().map(|f| f.index).collect();
            done.extend(chunk.iter().enumerate().filter(|(i, _)| !refused.contains(i)).map(|(_, o)| o));
            if failed.is_empty() {
                continue;
            }
            for f in &failed {
                let line = lines.get(n * CHUNK + f.index).copied().unwrap_or_default();
                print_error!("line {line}: {f}");
            }
            return Err(self.go_back(&before, &done, &failed));
        }
        Ok(())
    }

    fn snapshot(&mut self, touched: &Touched) -> Result<Snapshot, Stop> {
        let mut snapshot =
            Snapshot { table: self.client.table_of(|key| touched.has(key))?, ..Snapshot::default() };
        if touched.timeouts() {
            snapshot.timeouts = self.client.timeouts()?;
        }
        if touched.daemons() {
            snapshot.daemons = self.client.daemons()?;
        }
        Ok(snapshot)
    }

    /// Undoes what was `done`, and tells how that went.
    fn go_back(&mut self, before: &Snapshot, done: &[&Operation], failed: &[Failed]) -> Stop {
        let unknown = failed.iter().filter(|f| f.failure == Failure::Unknown).map(|f| &f.operation);
        let mut unknown = unknown.peekable();
        let operations = if unknown.peek().is_none() {
            undo(before, done.iter().copied())
        } else {
            // Nobody knows what was done: only the kernel does.
            let touched = Touched::by(done.iter().copied().chain(unknown));
            match self.snapshot(&touched) {
                Ok(now) => now.back_to(&touched.of(before)),
                Err(stop) => {
                    let message = format!("not undone, as the table can't be read: {}", stop.message);
                    return Stop::new(LEFT, message);
                }
            }
        };
        let left = self.client.execute(&operations);
        if left.is_empty() {
            return Stop::new(UNDONE, "nothing was changed: what had been done is undone");
        }
        for f in &left {
            print_error!("not undone: {f}");
        }
        let commands: Vec<String> = left.iter().map(|f| CommandLine(&f.operation).to_string()).collect();
        let message =
            format!("to get back to the table that was, this is left to do:\n{}", commands.join("\n"));
        Stop::new(LEFT, message)
    }
}

/// The operations and the line of each. Every line that is wrong is told.
fn parse(bytes: &[u8]) -> Result<(Vec<u64>, Vec<Operation>), Stop> {
    let (mut lines, mut operations, mut wrong) = (Vec::new(), Vec::new(), 0);
    for (number, line) in (1..).zip(bytes.split(|&b| b == b'\n')) {
        let problem = match change(line) {
            Ok(Change::Nothing) => continue,
            Ok(Change::Operation(operation)) if undo::is_possible(&operation) => {
                lines.push(number);
                operations.push(operation);
                continue;
            }
            Ok(Change::Operation(_)) => "counters that are zeroed can't be brought back".to_owned(),
            Ok(Change::Other(_)) => "this command changes nothing".to_owned(),
            Err(error) => error.to_string(),
        };
        let problem = hinted(problem, grammar::hint_for_line(&grammar::text(line)));
        print_error!("line {number}: {problem}");
        wrong += 1;
    }
    match wrong {
        0 => Ok((lines, operations)),
        1 => Err(Stop::new(MISTAKES, "nothing was changed: a line is wrong")),
        n => Err(Stop::new(MISTAKES, format!("nothing was changed: {n} lines are wrong"))),
    }
}
