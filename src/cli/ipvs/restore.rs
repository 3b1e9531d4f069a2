//! `-R` and `ipvsadm-restore`: lines to operations, operations to the kernel in lots, errors back to their lines.
//!
//! As with ipvsadm, a line that the kernel refuses, or with an option that does not exist, stops none of the others;
//! any other mistake ends the run there, with everything before it done. The exit status is the last line's.

use super::{FAILED, Session, Stop, SystemNames, explain};
use crate::ipvs::client::CHUNK;
use crate::ipvs::grammar::{self, Command};
use crate::ipvs::operation::Operation;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::Read;
use std::os::fd::AsFd;

/// Bytes read at once.
const READ: usize = 64 << 10;

impl Session {
    /// Carries out the lines of `input` as they come. What was read is carried out before waiting for more, so that
    /// whoever feeds line after line sees each take effect.
    pub(super) fn restore(&mut self, input: &mut (impl Read + AsFd)) -> Result<(), Stop> {
        let mut run = Run::new(self);
        let mut buffer = Vec::new();
        let mut chunk = vec![0; READ];
        loop {
            if !readable(input) {
                run.flush();
            }
            let read =
                input.read(&mut chunk).map_err(|e| Stop::new(1, format!("read standard input: {e}")))?;
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
        run.line(&buffer)?;
        run.finish()
    }

    /// Reads all of `input`, clears the table, and carries out the lines that do not begin with `#`.
    pub(super) fn replace(&mut self, mut input: impl Read) -> Result<(), Stop> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(|e| Stop::new(1, format!("read standard input: {e}")))?;
        for failed in self.client.execute([&Operation::Flush]) {
            eprintln!("{failed}");
        }
        let mut run = Run::new(self);
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
    /// Number of the last line, from 1.
    number: u64,
    /// Operations not yet sent, each with its line.
    pending: Vec<(u64, Operation)>,
    /// Exit status of the last line that was carried out.
    status: u8,
}

impl<'a> Run<'a> {
    fn new(session: &'a mut Session) -> Run<'a> {
        Run { session, number: 0, pending: Vec::with_capacity(CHUNK), status: 0 }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Stop> {
        self.number += 1;
        let command = match grammar::parse_line(&String::from_utf8_lossy(line), &SystemNames) {
            Ok(None) => return Ok(()),
            Ok(Some(Command::Execute(operation))) => {
                self.pending.push((self.number, operation));
                if self.pending.len() >= CHUNK {
                    self.flush();
                }
                return Ok(());
            }
            Ok(Some(command)) => Ok(command),
            Err(error) => Err(error),
        };
        self.flush();
        match command {
            Ok(command @ (Command::Help | Command::Version)) => {
                explain(&command)?;
                Err(Stop::new(0, ""))
            }
            Ok(command) => {
                self.status = 0;
                self.session.carry_out(command)
            }
            Err(error) if error.restore_continues() => {
                eprintln!("line {}: {error}", self.number);
                self.status = error.exit_status();
                Ok(())
            }
            Err(error) => Err(Stop::new(error.exit_status(), format!("line {}: {error}", self.number))),
        }
    }

    /// Sends what is pending, and reports what failed of it.
    fn flush(&mut self) {
        let Some(last) = self.pending.len().checked_sub(1) else { return };
        self.status = 0;
        for failed in self.session.client.execute(self.pending.iter().map(|(_, operation)| operation)) {
            let number = self.pending.get(failed.index).map_or(self.number, |(number, _)| *number);
            eprintln!("line {number}: {failed}");
            if failed.index == last {
                self.status = FAILED;
            }
        }
        self.pending.clear();
    }

    fn finish(mut self) -> Result<(), Stop> {
        self.flush();
        match self.status {
            0 => Ok(()),
            status => Err(Stop::new(status, "")),
        }
    }
}
