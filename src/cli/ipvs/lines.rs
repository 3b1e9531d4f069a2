//! The lines of `-R`: read and understood on a thread of their own, so that the kernel carries out one lot while the
//! next one is read. It works within the call that sends the lot, which takes about as long as reading does.

use super::{Name, Stop, SystemNames};
use crate::ipvs::client::CHUNK;
use crate::ipvs::grammar::{self, Command};
use crate::ipvs::operation::Operation;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

/// Bytes read at once.
const READ: usize = 64 << 10;
/// Lots that may wait for the kernel.
const WAITING: usize = 8;

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
    Ok(match grammar::parse_line(&grammar::text(line), &SystemNames)? {
        None => Change::Nothing,
        Some(Command::Execute(operation)) => Change::Operation(operation),
        Some(command) => Change::Other(command),
    })
}

/// What comes next.
pub(super) enum Item {
    /// Operations, each with the number of its line: at most as many as go to the kernel at once.
    Lot(Vec<(u64, Operation)>),
    /// `-C` in this line.
    Clear(u64),
    /// A line with another command, or a mistake.
    Other(u64, Result<Command, Wrong>),
    /// The input can't be read any further.
    Unreadable(io::Error),
}

/// A line that is no command.
pub(super) struct Wrong {
    pub(super) error: grammar::Error,
    /// What may be the reason.
    pub(super) hint: Option<String>,
}

/// Lines as they are read.
pub(super) struct Lines {
    items: Receiver<Item>,
    reader: JoinHandle<()>,
}

impl Lines {
    /// Of standard input. What was read is given before more is waited for, so that whoever feeds line after line sees
    /// each take effect.
    pub(super) fn of_standard_input(name: Name) -> Result<Lines, Stop> {
        Lines::start(name, |reader| reader.read(io::stdin()))
    }

    /// Of a text that ends with a newline.
    pub(super) fn of(text: Vec<u8>) -> Result<Lines, Stop> {
        Lines::start(Name::Ipvsadm, move |reader| {
            for line in text.split_inclusive(|&b| b == b'\n') {
                reader.line(line)?;
            }
            reader.send_lot()
        })
    }

    fn start(
        name: Name,
        read: impl FnOnce(&mut Reader) -> Result<(), NobodyListens> + Send + 'static,
    ) -> Result<Lines, Stop> {
        let (sender, items) = sync_channel(WAITING);
        let mut reader = Reader { name, items: sender, number: 0, lot: Vec::with_capacity(CHUNK) };
        let body = move || {
            // Who does not listen any more does not want to know either.
            let _ = read(&mut reader);
        };
        let reader = thread::Builder::new().name("lines".into()).spawn(body);
        Ok(Lines { items, reader: reader.map_err(|e| Stop::new(1, format!("start a thread: {e}")))? })
    }

    /// The next item; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Item> {
        self.items.recv().ok()
    }

    /// Must follow the end: a reader that broke down has not read to the end.
    pub(super) fn finish(self) {
        if let Err(panic) = self.reader.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

/// The other side has ended the run.
struct NobodyListens;

/// The reading side.
struct Reader {
    name: Name,
    items: SyncSender<Item>,
    /// Number of the last line, from 1.
    number: u64,
    lot: Vec<(u64, Operation)>,
}

impl Reader {
    fn read(&mut self, mut input: impl Read + AsFd) -> Result<(), NobodyListens> {
        let mut buffer = Vec::new();
        let mut chunk = vec![0; READ];
        loop {
            if !readable(&input) {
                self.send_lot()?;
            }
            let read = match input.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => {
                    self.send_lot()?;
                    return self.send(Item::Unreadable(error));
                }
            };
            let chunk = chunk.get(..read).unwrap_or_default();
            // Only in what is new: searching a long line again with each read takes the square of its length.
            let end = memchr::memrchr(b'\n', chunk).map(|at| buffer.len() + at + 1);
            buffer.extend_from_slice(chunk);
            let Some(complete) = end else { continue };
            for line in buffer.get(..complete).unwrap_or_default().split_inclusive(|&b| b == b'\n') {
                self.line(line)?;
            }
            buffer.drain(..complete);
        }
        if grammar::last_line_counts(&buffer) {
            self.line(&buffer)?;
        }
        self.send_lot()
    }

    fn line(&mut self, line: &[u8]) -> Result<(), NobodyListens> {
        self.number += 1;
        let item = match change(line) {
            Ok(Change::Nothing) => return Ok(()),
            Ok(Change::Operation(Operation::Flush)) => Item::Clear(self.number),
            Ok(Change::Operation(operation)) => {
                self.lot.push((self.number, operation));
                return if self.lot.len() < CHUNK { Ok(()) } else { self.send_lot() };
            }
            Ok(Change::Other(command)) => Item::Other(self.number, Ok(command)),
            Err(error) => {
                let hint = self.name.hint(|| grammar::hint_for_line(&grammar::text(line)));
                Item::Other(self.number, Err(Wrong { error, hint }))
            }
        };
        self.send_lot()?;
        self.send(item)
    }

    fn send_lot(&mut self) -> Result<(), NobodyListens> {
        if self.lot.is_empty() {
            return Ok(());
        }
        let lot = std::mem::replace(&mut self.lot, Vec::with_capacity(CHUNK));
        self.send(Item::Lot(lot))
    }

    fn send(&self, item: Item) -> Result<(), NobodyListens> {
        self.items.send(item).map_err(|_| NobodyListens)
    }
}

/// Whether reading gives something, or the end, at once; true where that can't be told.
fn readable(input: &impl AsFd) -> bool {
    let mut fds = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO) != Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    /// What each line is: the first number is its own.
    fn read(text: &[u8]) -> Vec<String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).unwrap();
        file.rewind().unwrap();
        let mut lines = Lines::start(Name::Vipd, |reader| reader.read(file)).unwrap();
        let mut all = Vec::new();
        while let Some(item) = lines.next() {
            match item {
                Item::Lot(lot) => {
                    all.extend(lot.iter().map(|(line, operation)| format!("{line} {operation}")))
                }
                Item::Clear(line) => all.push(format!("{line} clear")),
                Item::Other(line, Ok(command)) => all.push(format!("{line} {command:?}")),
                Item::Other(line, Err(wrong)) => all.push(format!("{line} wrong: {}", wrong.error)),
                Item::Unreadable(error) => all.push(error.to_string()),
            }
        }
        lines.finish();
        all
    }

    #[test]
    fn lines_longer_than_what_is_read_at_once_stay_whole() {
        let long = b" ".repeat(5 * READ);
        let text =
            [b"-C", &long[..], b"\n-D -f 1\n-D", &long, b"-f 2\n\n-D -f 3", &long, b"\n-D -f 4"].concat();
        assert_eq!(
            read(&text),
            [
                "1 clear",
                "2 delete service FWM 1",
                "3 delete service FWM 2",
                "5 delete service FWM 3",
                "6 delete service FWM 4"
            ]
        );
        assert_eq!(read(&b"a".repeat(3 * READ)), ["1 wrong: no command; try -h for help"]);
    }
}
