//! `-R` and `ipvsadm-restore`: operations to the kernel in lots, errors back to their lines.
//!
//! As with ipvsadm, a line that the kernel refuses, or with an option that does not exist, stops none of the others;
//! any other mistake ends the run there, with everything before it done. The exit status is the last line's.
//! With `--keep-going` no mistake ends the run, and the end tells which lines failed; `--atomic` is `transaction`'s.

use super::lines::{Item, Lines, Wrong};
use super::{FAILED, Name, Session, Stop, explain, finish, hinted, script, utf8};
use crate::ipvs::format;
use crate::ipvs::grammar::Command;
use crate::ipvs::model::ServiceEntry;
use crate::ipvs::operation::Operation;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::process::ExitCode;

/// Exit status of `--keep-going` where lines failed.
const SOME_FAILED: u8 = 1;

/// What becomes of the other lines when one fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As with ipvsadm.
    Ipvsadm,
    /// They are carried out.
    KeepGoing,
    /// None is carried out.
    Atomic,
}

/// Runs `-R` with the options that ipvsadm does not have, which are taken in full only; `None` where `arguments` are
/// anything else.
pub(super) fn run(arguments: &[OsString]) -> Option<ExitCode> {
    let (command, options) = arguments.split_first()?;
    if command != "-R" && command != "--restore" {
        return None;
    }
    let mode = |option: &OsString| match option.to_str() {
        Some("--keep-going") => Some(Mode::KeepGoing),
        Some("--atomic") => Some(Mode::Atomic),
        _ => None,
    };
    let mut modes = options.iter().map(mode).collect::<Option<Vec<Mode>>>()?;
    modes.dedup();
    let mode = match modes[..] {
        [] => return None,
        [mode] => mode,
        _ => return Some(finish(Err(Stop::new(2, "--atomic and --keep-going exclude each other")))),
    };
    Some(finish(Session::open().and_then(|mut session| match mode {
        Mode::Atomic => session.restore_atomically(io::stdin().lock()),
        mode => session.restore(mode, Name::Vipd),
    })))
}

impl Session {
    /// Carries out the lines of standard input as they come.
    pub(super) fn restore(&mut self, mode: Mode, name: Name) -> Result<(), Stop> {
        let lines = Lines::of_standard_input(name)?;
        Run::new(self, mode).carry_out(lines)
    }

    /// Reads all of `input`, clears the table, and carries out what the script ipvsadm-restore would hand on.
    pub(super) fn replace(&mut self, mut input: impl Read) -> Result<(), Stop> {
        let mut text = Vec::new();
        input.read_to_end(&mut text).map_err(|e| Stop::new(1, format!("read standard input: {e}")))?;
        let input = script::handed_on(&text, utf8());
        if input.binary {
            print_error!("standard input is no text: what is not has no effect");
        }
        if let Err(stop) = self.clear() {
            print_error!("{}", stop.message);
        }
        Run::new(self, Mode::Ipvsadm).carry_out(Lines::of(input.text)?)
    }

    /// Clears the table, the services that a listing has last first.
    ///
    /// The kernel clears in the order of its hash table. What it removes it keeps for up to two minutes in one list, the
    /// newest first, and searches that for each server that is added. So what comes back in the order of a listing would
    /// be found far behind the front of it, all of it each time; like this, it is at the front.
    pub(super) fn clear(&mut self) -> Result<(), Stop> {
        // Where this fails, so does clearing, and tells why.
        let mut services = self.client.services().unwrap_or_default();
        format::sort_services(&mut services);
        let delete = |entry: &ServiceEntry| Operation::DeleteService(entry.service.key);
        let mut operations: Vec<Operation> = services.iter().rev().map(delete).collect();
        // And what others have added in the meantime; that they have removed something is no failure.
        operations.push(Operation::Flush);
        match self.client.execute(&operations).pop() {
            Some(failed) if failed.operation == Operation::Flush => {
                Err(Stop::new(FAILED, failed.to_string()))
            }
            _ => Ok(()),
        }
    }
}

/// A run over lines.
struct Run<'a> {
    session: &'a mut Session,
    mode: Mode,
    /// Lines that failed.
    failed: Vec<u64>,
    /// Exit status of the last line that was carried out.
    status: u8,
}

impl<'a> Run<'a> {
    const fn new(session: &'a mut Session, mode: Mode) -> Run<'a> {
        Run { session, mode, failed: Vec::new(), status: 0 }
    }

    fn carry_out(mut self, mut lines: Lines) -> Result<(), Stop> {
        while let Some(item) = lines.next() {
            match item {
                Item::Lot(lot) => self.lot(&lot),
                Item::Clear(line) => {
                    let cleared = self.session.clear();
                    self.status = 0;
                    if let Err(stop) = cleared {
                        self.fail(line, &stop);
                    }
                }
                Item::Other(line, command) => self.other(line, command)?,
                // That ends the input, and ipvsadm's status does not tell.
                Item::Unreadable(error) => print_error!("read standard input: {error}"),
            }
        }
        lines.finish();
        self.finish()
    }

    /// Sends operations, and reports what failed of them.
    fn lot(&mut self, lot: &[(u64, Operation)]) {
        self.status = 0;
        for failed in self.session.client.execute(lot.iter().map(|(_, operation)| operation)) {
            let line = lot.get(failed.index).map_or(0, |(line, _)| *line);
            print_error!("line {line}: {failed}");
            self.failed.push(line);
            if failed.index + 1 == lot.len() {
                self.status = FAILED;
            }
        }
    }

    fn other(&mut self, line: u64, command: Result<Command, Wrong>) -> Result<(), Stop> {
        let keep_going = self.mode == Mode::KeepGoing;
        match command {
            Ok(command @ (Command::Help | Command::Version)) => {
                explain(&command)?;
                return Err(Stop::new(0, ""));
            }
            Ok(command) => {
                self.status = 0;
                match self.session.carry_out(command) {
                    Ok(()) => {}
                    Err(stop) if keep_going && !stop.message.is_empty() => self.fail(line, &stop),
                    Err(stop) => return Err(stop),
                }
            }
            Err(Wrong { error, hint }) => {
                let goes_on = keep_going || error.restore_continues();
                let stop = Stop::new(error.exit_status(), hinted(error.to_string(), hint));
                if !goes_on {
                    return Err(Stop::new(stop.status, format!("line {line}: {}", stop.message)));
                }
                self.fail(line, &stop);
            }
        }
        Ok(())
    }

    fn fail(&mut self, line: u64, stop: &Stop) {
        print_error!("line {line}: {}", stop.message);
        self.failed.push(line);
        self.status = stop.status;
    }

    fn finish(self) -> Result<(), Stop> {
        match (self.mode, &self.failed[..]) {
            (Mode::KeepGoing, []) => Ok(()),
            (Mode::KeepGoing, [line]) => Err(Stop::new(SOME_FAILED, format!("line {line} failed"))),
            (Mode::KeepGoing, lines) => {
                let text = format!("{} lines failed: {}", lines.len(), ranges(lines));
                Err(Stop::new(SOME_FAILED, text))
            }
            _ if self.status == 0 => Ok(()),
            _ => Err(Stop::new(self.status, "")),
        }
    }
}

/// Ascending numbers: `1, 5-7, 9`.
fn ranges(numbers: &[u64]) -> String {
    let mut text = String::new();
    for run in numbers.chunk_by(|a, b| a + 1 == *b) {
        let ([first], last) = run.split_at(1) else { continue };
        let separator = if text.is_empty() { "" } else { ", " };
        // A string takes everything.
        let _ = match last.last() {
            None => write!(text, "{separator}{first}"),
            Some(last) => write!(text, "{separator}{first}-{last}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn numbers_in_a_row_are_one_range() {
        assert_eq!(ranges(&[1, 5, 6, 7, 9, 10]), "1, 5-7, 9-10");
        assert_eq!(ranges(&[3]), "3");
    }
}
