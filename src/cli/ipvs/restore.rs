//! `-R` and `ipvsadm-restore`: lines to operations, operations to the kernel in lots, errors back to their lines.
//!
//! As with ipvsadm, a line that the kernel refuses, or with an option that does not exist, stops none of the others;
//! any other mistake ends the run there, with everything before it done. The exit status is the last line's.
//! With `--keep-going` no mistake ends the run, and the end tells which lines failed; `--atomic` is `transaction`'s.

use super::{FAILED, Session, Stop, SystemNames, explain, finish};
use crate::ipvs::client::CHUNK;
use crate::ipvs::grammar::{self, Command};
use crate::ipvs::operation::Operation;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::ExitCode;

/// Exit status of `--keep-going` where lines failed.
const SOME_FAILED: u8 = 1;
/// Bytes read at once.
const READ: usize = 64 << 10;

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
    let input = &mut io::stdin().lock();
    Some(finish(Session::open().and_then(|mut session| match mode {
        Mode::Atomic => session.restore_atomically(input),
        mode => session.restore(input, mode),
    })))
}

/// What a line asks for.
pub(super) enum Change {
    /// It is blank.
    Nothing,
    /// A change.
    Operation(Operation),
    /// A command that changes nothing.
    Other(Command),
}

/// Reads a line.
pub(super) fn change(line: &[u8]) -> Result<Change, grammar::Error> {
    Ok(match grammar::parse_line(&String::from_utf8_lossy(line), &SystemNames)? {
        None => Change::Nothing,
        Some(Command::Execute(operation)) => Change::Operation(operation),
        Some(command) => Change::Other(command),
    })
}

impl Session {
    /// Carries out the lines of `input` as they come. What was read is carried out before waiting for more, so that
    /// whoever feeds line after line sees each take effect.
    pub(super) fn restore(&mut self, input: &mut (impl Read + AsFd), mode: Mode) -> Result<(), Stop> {
        let mut run = Run::new(self, mode);
        let mut buffer = Vec::new();
        let mut chunk = vec![0; READ];
        loop {
            if !readable(input) {
                run.flush();
            }
            // What can't be read ends the input, and ipvsadm's status does not tell.
            let read = input.read(&mut chunk).unwrap_or_else(|error| {
                eprintln!("read standard input: {error}");
                0
            });
            if read == 0 {
                break;
            }
            buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
            let complete = buffer.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            for line in buffer.get(..complete).unwrap_or_default().split_inclusive(|&b| b == b'\n') {
                run.line(line)?;
            }
            buffer.drain(..complete);
        }
        if grammar::last_line_counts(&buffer) {
            run.line(&buffer)?;
        }
        run.finish()
    }

    /// Reads all of `input`, clears the table, and carries out the lines that do not begin with `#`.
    pub(super) fn replace(&mut self, mut input: impl Read) -> Result<(), Stop> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(|e| Stop::new(1, format!("read standard input: {e}")))?;
        for failed in self.client.execute([&Operation::Flush]) {
            eprintln!("{failed}");
        }
        let mut run = Run::new(self, Mode::Ipvsadm);
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            run.line(if line.starts_with(b"#") { b"" } else { line })?;
        }
        run.finish()
    }
}

/// Whether reading gives something, or the end, at once; true where that can't be told.
fn readable(input: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO) != Ok(0)
}

/// A run over lines.
struct Run<'a> {
    session: &'a mut Session,
    mode: Mode,
    /// Number of the last line, from 1.
    number: u64,
    /// Operations not yet sent, each with its line.
    pending: Vec<(u64, Operation)>,
    /// Lines that failed.
    failed: Vec<u64>,
    /// Exit status of the last line that was carried out.
    status: u8,
}

impl<'a> Run<'a> {
    fn new(session: &'a mut Session, mode: Mode) -> Run<'a> {
        Run { session, mode, number: 0, pending: Vec::with_capacity(CHUNK), failed: Vec::new(), status: 0 }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Stop> {
        self.number += 1;
        let other = match change(line) {
            Ok(Change::Nothing) => return Ok(()),
            Ok(Change::Operation(operation)) => {
                self.pending.push((self.number, operation));
                if self.pending.len() >= CHUNK {
                    self.flush();
                }
                return Ok(());
            }
            Ok(Change::Other(command)) => Ok(command),
            Err(error) => Err(error),
        };
        self.flush();
        let number = self.number;
        let stop = match other {
            Ok(command @ (Command::Help | Command::Version)) => {
                explain(&command)?;
                return Err(Stop::new(0, ""));
            }
            Ok(command) => {
                self.status = 0;
                match self.session.carry_out(command) {
                    Ok(()) => return Ok(()),
                    Err(stop) if self.mode == Mode::KeepGoing && !stop.message.is_empty() => {
                        Stop::new(stop.status, format!("line {number}: {}", stop.message))
                    }
                    Err(stop) => return Err(stop),
                }
            }
            Err(error) => {
                let stop = Stop::new(error.exit_status(), format!("line {number}: {error}"));
                if self.mode != Mode::KeepGoing && !error.restore_continues() {
                    return Err(stop);
                }
                stop
            }
        };
        eprintln!("{}", stop.message);
        self.failed.push(number);
        self.status = stop.status;
        Ok(())
    }

    /// Sends what is pending, and reports what failed of it.
    fn flush(&mut self) {
        let Some(last) = self.pending.len().checked_sub(1) else { return };
        self.status = 0;
        for failed in self.session.client.execute(self.pending.iter().map(|(_, operation)| operation)) {
            let number = self.pending.get(failed.index).map_or(self.number, |(number, _)| *number);
            eprintln!("line {number}: {failed}");
            self.failed.push(number);
            if failed.index == last {
                self.status = FAILED;
            }
        }
        self.pending.clear();
    }

    fn finish(mut self) -> Result<(), Stop> {
        self.flush();
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
