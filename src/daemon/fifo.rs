//! The lines of a worker for those who read FIFOs: written by a thread of its own, so that nobody waits for a reader.
//!
//! The parent makes and opens the FIFOs, since a worker may not, and hands them over (`Order::Fifo`). A line that finds the
//! pipe full waits here, up to a bound; what finds no room is counted, and said.

use crate::sys::input::reason;
use crate::sys::wake::Wake;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tracing::warn;

/// So many bytes wait for a reader: with the pipe's own 64 KiB, several changes of thousands of instances.
const MOST_WAITING: usize = 1 << 20;

/// Up to so many bytes are written by one call as a whole, whoever else writes (`PIPE_BUF`).
const AT_ONCE: usize = 4096;

/// The thread's stack holds no lines.
const STACK: usize = 128 * 1024;

/// Which FIFO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Which {
    /// `notify_fifo`: for lines of all workers.
    All,
    /// `vrrp_notify_fifo`
    Vrrp,
    /// `lvs_notify_fifo`
    Lvs,
}

impl Which {
    /// As keepalived's log calls it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Which::All => "notify fifo",
            Which::Vrrp => "vrrp notify fifo",
            Which::Lvs => "lvs notify fifo",
        }
    }
}

/// Where lines are put. Without a thread (the default), nowhere.
#[derive(Clone, Debug, Default)]
pub struct Fifos(Option<(Sender<Order>, Arc<Wake>)>);

#[derive(Debug)]
enum Order {
    Open(Which, File),
    Close(Which),
    Line(Vec<u8>),
    /// Say when nothing waits any more.
    Finish(Sender<()>),
}

impl Fifos {
    /// Starts the thread; it ends with the last of its handles.
    ///
    /// # Errors
    /// The kernel's: no thread or descriptor left.
    pub(super) fn start() -> io::Result<Fifos> {
        let wake = Arc::new(Wake::new()?);
        let (orders, inbox) = channel();
        let theirs = Arc::clone(&wake);
        std::thread::Builder::new().name("fifos".to_owned()).stack_size(STACK).spawn(move || {
            let mut writer = Writer { open: BTreeMap::new(), finish: Vec::new() };
            writer.run(&inbox, &theirs);
        })?;
        Ok(Fifos(Some((orders, wake))))
    }

    fn order(&self, order: Order) {
        let Some((orders, wake)) = &self.0 else { return };
        // Fails when the thread is gone: it ends with us alone.
        let _ = orders.send(order);
        wake.wake();
    }

    /// From now on lines go there, too.
    pub(super) fn open(&self, which: Which, file: File) {
        self.order(Order::Open(which, file));
    }

    /// There is no such FIFO any more.
    pub(super) fn close(&self, which: Which) {
        self.order(Order::Close(which));
    }

    /// A line for all FIFOs.
    pub(super) fn line(&self, line: Vec<u8>) {
        self.order(Order::Line(line));
    }

    /// Waits until the readers have taken in what there was to say, but not for long.
    pub(super) fn finish(&self, patience: Duration) {
        let (done, finished) = channel();
        self.order(Order::Finish(done));
        let _ = finished.recv_timeout(patience);
    }
}

impl Drop for Fifos {
    fn drop(&mut self) {
        if let Some((_, wake)) = self.0.take() {
            // The sender is gone: the thread looks, and ends if it was the last.
            wake.wake();
        }
    }
}

struct Writer {
    open: BTreeMap<Which, Pipe>,
    finish: Vec<Sender<()>>,
}

impl Writer {
    fn run(&mut self, inbox: &Receiver<Order>, wake: &Wake) {
        loop {
            if wake.clear().is_err() {
                return;
            }
            loop {
                match inbox.try_recv() {
                    Ok(order) => self.obey(order),
                    Err(std::sync::mpsc::TryRecvError::Empty) => break,
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                }
            }
            self.open.iter_mut().for_each(|(which, pipe)| pipe.flush(*which));
            if self.open.values().all(|pipe| pipe.waiting.is_empty()) {
                // Who asked may have given up.
                for done in self.finish.drain(..) {
                    let _ = done.send(());
                }
            }
            let mut files = vec![PollFd::new(wake.as_fd(), PollFlags::POLLIN)];
            let full = self.open.values().filter(|pipe| !pipe.waiting.is_empty());
            files.extend(full.map(|pipe| PollFd::new(pipe.file.as_fd(), PollFlags::POLLOUT)));
            // Interrupted: it looks again.
            let _ = poll(&mut files, PollTimeout::NONE);
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Open(which, file) => drop(self.open.insert(which, Pipe::new(file))),
            Order::Close(which) => drop(self.open.remove(&which)),
            Order::Line(line) => self.open.iter_mut().for_each(|(which, pipe)| pipe.line(*which, &line)),
            Order::Finish(done) => self.finish.push(done),
        }
    }
}

/// A FIFO, and the lines that it had no room for.
#[derive(Debug)]
struct Pipe {
    file: File,
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    lost: u64,
    failed: bool,
}

impl Pipe {
    fn new(file: File) -> Pipe {
        Pipe { file, waiting: VecDeque::new(), bytes: 0, lost: 0, failed: false }
    }

    fn line(&mut self, which: Which, line: &[u8]) {
        if self.waiting.is_empty() && self.write(which, line) {
            return;
        }
        if self.bytes + line.len() > MOST_WAITING {
            if self.lost == 0 {
                warn!(
                    "{}: nobody reads it, and {} bytes wait: further lines are lost",
                    which.title(),
                    self.bytes
                );
            }
            self.lost += 1;
            return;
        }
        self.bytes += line.len();
        self.waiting.push_back(line.to_vec());
    }

    fn flush(&mut self, which: Which) {
        while !self.waiting.is_empty() {
            let mut chunk = Vec::with_capacity(AT_ONCE);
            let mut count = 0;
            for line in &self.waiting {
                if count > 0 && chunk.len() + line.len() > AT_ONCE {
                    break;
                }
                chunk.extend_from_slice(line);
                count += 1;
            }
            if !self.write(which, &chunk) {
                return;
            }
            self.bytes -= chunk.len();
            self.waiting.drain(..count);
        }
        match std::mem::take(&mut self.lost) {
            0 => {}
            lost => warn!("{}: it is read again; {lost} lines were lost meanwhile", which.title()),
        }
    }

    /// Writes whole lines; false where there is no room now.
    fn write(&mut self, which: Which, lines: &[u8]) -> bool {
        match (&self.file).write_all(lines) {
            Ok(()) => self.failed = false,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => {
                if !std::mem::replace(&mut self.failed, true) {
                    warn!("{} write error: {}", which.title(), reason(&error));
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fifo::Fifo;
    use std::io::{BufRead, BufReader};
    use std::path::Path;

    fn open(fifos: &Fifos, which: Which, path: &Path) -> Fifo {
        let fifo = Fifo::open(path, None).unwrap();
        fifos.open(which, File::from(fifo.as_fd().try_clone_to_owned().unwrap()));
        fifo
    }

    #[test]
    fn a_reader_that_comes_late_gets_every_line_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let fifos = Fifos::start().unwrap();
        let paths = [dir.path().join("all"), dir.path().join("vrrp")];
        let _open = [open(&fifos, Which::All, &paths[0]), open(&fifos, Which::Vrrp, &paths[1])];
        // More than a pipe holds, less than is kept.
        for n in 0..10_000 {
            fifos.line(format!("INSTANCE \"VI_{n:05}\" MASTER 100\n").into_bytes());
        }
        for path in paths {
            let lines = BufReader::new(File::open(path).unwrap()).lines().take(10_000);
            for (n, line) in lines.enumerate() {
                assert_eq!(line.unwrap(), format!("INSTANCE \"VI_{n:05}\" MASTER 100"));
            }
        }
        fifos.finish(Duration::from_secs(10));
    }

    #[test]
    fn what_nobody_reads_is_bounded_and_keeps_nobody_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        let fifo = Fifo::open(&path, None).unwrap();
        let mut pipe = Pipe::new(File::from(fifo.as_fd().try_clone_to_owned().unwrap()));
        let line = [&[b'x'; 99][..], b"\n"].concat();
        for _ in 0..20_000 {
            pipe.line(Which::Vrrp, &line);
        }
        assert!(pipe.bytes <= MOST_WAITING && pipe.lost > 5_000, "{} {}", pipe.bytes, pipe.lost);
        // What was lost are the last ones; what is read afterwards is whole.
        let kept = 20_000 - pipe.lost as usize;
        let mut reader = BufReader::new(File::open(&path).unwrap());
        let mut text = Vec::new();
        for _ in 0..kept {
            pipe.flush(Which::Vrrp);
            text.clear();
            reader.read_until(b'\n', &mut text).unwrap();
            assert_eq!(text, line);
        }
        pipe.flush(Which::Vrrp);
        assert_eq!((pipe.lost, pipe.bytes), (0, 0));
    }
}
