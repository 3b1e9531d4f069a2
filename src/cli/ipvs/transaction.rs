//! `-R --atomic`: all lines or none.
//!
//! The kernel has no transactions. So every line is read before the first change; the part of the table that the lines
//! touch is read too; and when the kernel refuses something, what was done before is undone.

use super::lines::{Change, change};
use super::{Session, Stop};
use crate::ipvs::client::{CHUNK, Failed};
use crate::ipvs::format::CommandLine;
use crate::ipvs::model::ServiceKey;
use crate::ipvs::operation::Operation;
use crate::ipvs::plan::plan;
use crate::ipvs::undo::{self, Before, undo};
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
        let before = self.before(&operations)?;
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
                complain!("line {line}: {f}");
            }
            return Err(self.go_back(&before, &done, &failed));
        }
        Ok(())
    }

    /// What is there now of what `operations` touch.
    fn before(&mut self, operations: &[Operation]) -> Result<Before, Stop> {
        let everything = operations.iter().any(|o| matches!(o, Operation::Flush));
        let touched: HashSet<ServiceKey> = operations.iter().filter_map(Operation::service).collect();
        let mut before = Before {
            table: self.client.table_of(|key| everything || touched.contains(key))?,
            ..Before::default()
        };
        if operations.iter().any(|o| matches!(o, Operation::SetTimeouts(_))) {
            before.timeouts = self.client.timeouts()?;
        }
        if operations.iter().any(|o| matches!(o, Operation::StartDaemon(_) | Operation::StopDaemon(_))) {
            before.daemons = self.client.daemons()?;
        }
        Ok(before)
    }

    /// Undoes what was `done`, and tells how that went.
    fn go_back(&mut self, before: &Before, done: &[&Operation], failed: &[Failed]) -> Stop {
        let mut operations = undo(before, done.iter().copied());
        if failed.iter().any(|f| f.failure == Failure::Unknown) {
            // Nobody knows what was done: only the kernel does.
            let touched: HashSet<ServiceKey> = done
                .iter()
                .copied()
                .chain(failed.iter().map(|f| &f.operation))
                .filter_map(|o| o.service())
                .collect();
            let now = match self.client.table_of(|key| touched.contains(key)) {
                Ok(now) => now,
                Err(error) => {
                    return Stop::new(
                        LEFT,
                        format!("not undone, as the table can't be read: {}", super::chain(error)),
                    );
                }
            };
            let present: Vec<ServiceKey> = now.services.iter().map(|(s, _)| s.key).collect();
            operations.retain(|o| o.service().is_none());
            operations.splice(..0, plan(&now, &before.table, &present));
        }
        let left = self.client.execute(&operations);
        if left.is_empty() {
            return Stop::new(UNDONE, "nothing was changed: what had been done is undone");
        }
        for f in &left {
            complain!("not undone: {f}");
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
        complain!("line {number}: {problem}");
        wrong += 1;
    }
    match wrong {
        0 => Ok((lines, operations)),
        1 => Err(Stop::new(MISTAKES, "nothing was changed: a line is wrong")),
        n => Err(Stop::new(MISTAKES, format!("nothing was changed: {n} lines are wrong"))),
    }
}
