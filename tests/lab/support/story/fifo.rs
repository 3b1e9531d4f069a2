//! A FIFO that is there before any daemon, and what was written to it. Nothing is lost over a restart or a reload.

use nix::poll::{PollFd, PollFlags};
use nix::sys::stat::Mode;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

pub(super) struct Fifo {
    lines: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fifo {
    pub(super) fn make(path: &Path) -> Self {
        nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o644)).expect("make a FIFO");
        // Opened for writing as well: it has no end then.
        let mut file: File = File::options()
            .read(true)
            .write(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(path)
            .expect("open a FIFO");
        let (lines, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (lines, stop) = (Arc::clone(&lines), Arc::clone(&stop));
            move || {
                let (mut room, mut rest) = ([0; 4096], String::new());
                while !stop.load(Ordering::Relaxed) {
                    // The stop is looked at now and then.
                    let mut waits = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
                    if nix::poll::poll(&mut waits, 100_u16).is_ok_and(|ready| ready > 0)
                        && let Ok(count) = file.read(&mut room)
                    {
                        rest.push_str(&String::from_utf8_lossy(&room[..count]));
                    }
                    while let Some((line, more)) = rest.split_once('\n') {
                        lines.lock().expect("no panic while held").push(line.to_owned());
                        rest = more.to_owned();
                    }
                }
            }
        });
        Self { lines, stop, thread: Some(thread) }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic while held").clone()
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
