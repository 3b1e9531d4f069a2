//! A thread that looks at what is tracked: files, processes, the drivers of interfaces. It is started by the first of them.
//!
//! It only says what it sees; what that means is decided in [`crate::vrrp::track`]. Reading a file or all of `/proc` may
//! take its time, which adverts have not.

mod files;
mod linkbeat;
mod processes;

pub(in crate::daemon) use files::write_first as write_first_files;

use crate::conf::config::Buffer;
use crate::sys::clock;
use crate::sys::poll::Poll;
use crate::sys::timer::Timer;
use crate::sys::wake::Wake;
use crate::vrrp::event::Event;
use crate::vrrp::track::Watched;
use files::Files;
use linkbeat::Drivers;
use processes::Processes;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use tracing::error;

/// Its stack holds no files.
const STACK: usize = 256 * 1024;

const TIMER: u64 = 0;
const WAKE: u64 = 1;
const FILES: u64 = 2;
const PROCESSES: u64 = 3;

/// The engine's end.
#[derive(Debug)]
pub(super) struct Trackers {
    /// The engine's.
    wake: Arc<Wake>,
    respawned: bool,
    /// `process_monitor_rcv_bufs`
    process_buffer: Buffer,
    thread: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    orders: Sender<Watched>,
    /// The thread's.
    wake: Arc<Wake>,
    seen: Receiver<Event<'static>>,
}

impl Trackers {
    /// Nothing is looked at yet. `wake` is called whenever something was seen. With `respawned`, files hold their numbers
    /// already.
    pub(super) const fn new(wake: Arc<Wake>, respawned: bool, process_buffer: Buffer) -> Trackers {
        Trackers { wake, respawned, process_buffer, thread: None }
    }

    /// From now on these are looked at.
    pub(super) fn watch(&mut self, watched: Watched) -> io::Result<()> {
        let thread = match &mut self.thread {
            Some(thread) => thread,
            None if watched == Watched::default() => return Ok(()),
            none => none.insert(start(Arc::clone(&self.wake), self.respawned, self.process_buffer)?),
        };
        thread.orders.send(watched).map_err(|_| gone())?;
        thread.wake.wake();
        Ok(())
    }

    /// What was seen, one after the other.
    pub(super) fn seen(&self) -> io::Result<Option<Event<'static>>> {
        match self.thread.as_ref().map(|thread| thread.seen.try_recv()) {
            Some(Ok(event)) => Ok(Some(event)),
            Some(Err(TryRecvError::Disconnected)) => Err(gone()),
            Some(Err(TryRecvError::Empty)) | None => Ok(None),
        }
    }
}

impl Drop for Trackers {
    fn drop(&mut self) {
        if let Some(Thread { orders, wake, .. }) = self.thread.take() {
            drop(orders);
            wake.wake();
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that looks at what is tracked has ended")
}

fn start(engine: Arc<Wake>, respawned: bool, process_buffer: Buffer) -> io::Result<Thread> {
    let (orders, inbox) = channel();
    let (outbox, seen) = channel();
    let wake = Arc::new(Wake::new()?);
    let mut looker = Looker {
        poll: Poll::new()?,
        timer: Timer::new()?,
        wake: Arc::clone(&wake),
        files: Files::new(respawned),
        watches_files: false,
        drivers: Drivers::default(),
        processes: Processes::new(process_buffer),
        watches_processes: false,
    };
    looker.poll.add(&looker.timer, TIMER)?;
    looker.poll.add(&*looker.wake, WAKE)?;
    std::thread::Builder::new().name("trackers".to_owned()).stack_size(STACK).spawn(move || {
        if let Err(error) = looker.run(&inbox, &outbox, &engine) {
            error!(%error, "what is tracked can't be looked at any more");
        }
        // Whoever waits for it is to learn that it has ended.
        drop(outbox);
        engine.wake();
    })?;
    Ok(Thread { orders, wake, seen })
}

/// The thread's own.
struct Looker {
    poll: Poll,
    timer: Timer,
    wake: Arc<Wake>,
    files: Files,
    /// The files' watcher is in the poll.
    watches_files: bool,
    drivers: Drivers,
    processes: Processes,
    /// The kernel's news of them are in the poll.
    watches_processes: bool,
}

impl Looker {
    fn run(
        &mut self,
        inbox: &Receiver<Watched>,
        outbox: &Sender<Event<'static>>,
        engine: &Wake,
    ) -> io::Result<()> {
        loop {
            let mut seen = Vec::new();
            loop {
                match inbox.try_recv() {
                    Ok(watched) => self.watch(watched, &mut seen),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return Ok(()),
                }
            }
            let now = clock::now();
            self.files.look(now, &mut seen);
            self.drivers.handle_timeout(now, &mut seen);
            self.processes.look(now, &mut seen);
            if !seen.is_empty() {
                for event in seen {
                    if outbox.send(event).is_err() {
                        return Ok(());
                    }
                }
                engine.wake();
            }
            if let Some(watcher) = self.files.watcher().filter(|_| !self.watches_files) {
                self.poll.add(watcher, FILES)?;
                self.watches_files = true;
            }
            match self.processes.monitor() {
                Some(monitor) if !self.watches_processes => {
                    self.poll.add(monitor, PROCESSES)?;
                    self.watches_processes = true;
                }
                Some(_) => {}
                // Closed, it left the poll by itself.
                None => self.watches_processes = false,
            }
            let next =
                [self.files.next_timeout(), self.drivers.next_timeout(), self.processes.next_timeout()];
            self.timer.set(next.into_iter().flatten().min())?;
            let woken = self.poll.wait()?;
            let (timer, wake) = (woken.contains(TIMER), woken.contains(WAKE));
            if timer {
                self.timer.take_expiry()?;
            }
            if wake {
                self.wake.clear()?;
            }
        }
    }

    fn watch(&mut self, watched: Watched, seen: &mut Vec<Event<'static>>) {
        let now = clock::now();
        let Watched { files, processes, linkbeat } = watched;
        self.files.watch(now, files, seen);
        self.processes.watch(now, processes, seen);
        self.drivers.watch(now, linkbeat);
    }
}
