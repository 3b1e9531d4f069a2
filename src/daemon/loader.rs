//! Reading the configuration in a process of its own: a file that crashes the reader, fills its memory or keeps it busy
//! for ever costs a message, and neither the parent nor a worker.
//!
//! [`main`] is that process: it gets where to read from, and answers with each worker's part in a memory file and with
//! what it has found. [`Loading`] is the parent's side at a reload, [`at_start`] before there is anything else to do.
//! The parent never looks into what was read.

use super::child::Child;
use super::exit::Exit;
use super::message::{self, FromLoader, Order, Summary};
use super::source::{Refused, Source};
use super::worker::Kind;
use crate::sys::caps::{self, Capability};
use crate::sys::input::reason;
use crate::sys::signal::{self, SignalFd};
use crate::sys::{clock, memory, seccomp};
use crate::time::Instant;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

/// How long a configuration may take to read: a million real servers take a tenth of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Of the machine's memory, the reader gets so much: 3/4.
const MEMORY_SHARE: (u64, u64) = (3, 4);

/// A configuration, and what it names, need not be root's own: what of these there is, it keeps.
const READS_ALL: &[Capability] = &[Capability::CAP_DAC_READ_SEARCH, Capability::CAP_DAC_OVERRIDE];

/// What was read, ready to be handed to workers.
#[derive(Debug)]
pub(super) struct Read {
    /// Each worker's part.
    pub(super) parts: BTreeMap<Kind, Rc<OwnedFd>>,
    /// The rest that the parent needs to know.
    pub(super) summary: Summary,
}

/// The process that reads, from its first order on.
pub(super) fn main(socket: &OwnedFd, source: &Source) -> Exit {
    memory::end_first_when_short();
    // Workers say so where they can't be confined; here it is no reason not to read.
    let _ = caps::keep_only(&[], READS_ALL);
    let _ = seccomp::confine();
    if let Some(bytes) = memory::of_the_machine() {
        let (share, of) = MEMORY_SHARE;
        let _ = memory::limit(bytes / of * share);
    }
    let answered = match source.load() {
        Ok(loaded) => answer(socket.as_fd(), &loaded),
        Err(Refused { exit, findings }) => {
            let summary = Summary { exit: Some(exit.code()), findings, ..Summary::default() };
            message::send_from_loader(socket.as_fd(), &FromLoader::Done(summary.into()), None)
        }
    };
    match answered {
        Ok(()) => Exit::Ok,
        // The parent says what it means that nothing came.
        Err(_) => Exit::Software,
    }
}

fn answer(socket: BorrowedFd<'_>, loaded: &super::Loaded) -> Result<(), message::Error> {
    for kind in [Kind::Vrrp, Kind::Check] {
        let part = message::share(&loaded.config, kind)?;
        message::send_from_loader(socket, &FromLoader::Part(kind), Some(part.as_fd()))?;
    }
    message::send_from_loader(socket, &FromLoader::Done(Summary::of(loaded).into()), None)
}

/// A configuration that is being read.
#[derive(Debug)]
pub(super) struct Loading {
    child: Child,
    deadline: Instant,
    parts: BTreeMap<Kind, Rc<OwnedFd>>,
    summary: Option<Summary>,
    /// It was killed for taking too long.
    expired: bool,
}

impl Loading {
    /// Starts to read.
    ///
    /// # Errors
    /// There is no process for it: why, in words.
    pub(super) fn start(program: &str, source: &Source) -> Result<Loading, String> {
        let start = || -> Result<Child, message::Error> {
            let mut child = Child::start(program, &[OsStr::new("config"), source.file.as_os_str()])?;
            match child.tell(Order::Load { name: program.to_owned(), source: source.clone() }, None) {
                // It died before it could read: its end tells how.
                Err(message::Error::Socket(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(child),
                told => told.map(|()| child),
            }
        };
        let child = start().map_err(|error| match error {
            message::Error::Socket(error) => {
                format!("no process to read the configuration: {}", reason(&error))
            }
            error => format!("no process to read the configuration: {error}"),
        })?;
        Ok(Loading::of(child, clock::now()))
    }

    fn of(child: Child, now: Instant) -> Loading {
        let deadline = now + PATIENCE;
        Loading { child, deadline, parts: BTreeMap::new(), summary: None, expired: false }
    }

    /// What to wait for.
    pub(super) fn interest(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        self.child.socket().map(|socket| (socket, PollFlags::POLLIN))
    }

    /// Whether this process reads.
    pub(super) fn is(&self, pid: Pid) -> bool {
        self.child.pid() == pid
    }

    /// When [`Loading::handle_timeout`] wants to be called.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        (!self.expired).then_some(self.deadline)
    }

    /// Ends a process that takes too long.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if !self.expired && self.deadline <= now {
            self.expired = true;
            self.cancel();
        }
    }

    /// Takes in what has come.
    pub(super) fn listen(&mut self) {
        let Some(socket) = self.child.socket() else { return };
        match message::receive_from_loader(socket) {
            Ok(Some((FromLoader::Part(kind), Some(part)))) => drop(self.parts.insert(kind, Rc::new(part))),
            Ok(Some((FromLoader::Done(summary), _))) => self.summary = Some(*summary),
            Ok(None | Some((FromLoader::Part(_), None))) | Err(_) => self.child.close(),
        }
    }

    /// Nobody waits for it any more.
    pub(super) fn cancel(&self) {
        self.child.signal(Signal::SIGKILL);
    }

    /// The process has ended: what came of it.
    ///
    /// # Errors
    /// The configuration can't be run, or was not read.
    pub(super) fn finish(mut self, status: WaitStatus) -> Result<Read, Refused> {
        // What it has sent is there.
        while self.summary.is_none() && self.child.socket().is_some() {
            self.listen();
        }
        match self.summary {
            Some(summary) => match summary.exit {
                None if self.parts.len() == 2 => Ok(Read { parts: self.parts, summary }),
                None => Err(unread("what it has read did not arrive".to_owned())),
                Some(code) => Err(Refused { exit: Exit::from_code(code), findings: summary.findings }),
            },
            None if self.expired => {
                Err(unread(format!("it took longer than {} seconds, and was ended", PATIENCE.as_secs())))
            }
            None => Err(unread(how(status))),
        }
    }
}

/// How the reader ended that has said nothing.
fn how(status: WaitStatus) -> String {
    match status {
        WaitStatus::Signaled(_, Signal::SIGKILL, _) => {
            "it was killed (signal 9): the machine may be out of memory".to_owned()
        }
        WaitStatus::Signaled(_, Signal::SIGABRT, _) => {
            "it ran out of memory, or this is a bug of vipd (signal 6)".to_owned()
        }
        WaitStatus::Signaled(_, by, _) => {
            let number = by as libc::c_int;
            format!(
                "it crashed (signal {number}, {}): this is a bug of vipd, please report it",
                signal::name(number)
            )
        }
        WaitStatus::Exited(_, code) => format!("it ended with status {code}"),
        other => format!("it ended in a way that is not known ({other:?})"),
    }
}

fn unread(how: String) -> Refused {
    let finding = format!("the process that reads the configuration has failed: {how}");
    Refused { exit: Exit::Software, findings: vec![finding] }
}

/// Reads the first configuration. `None` where a signal asked to stop meanwhile.
///
/// # Errors
/// The configuration can't be run, or was not read.
pub(super) fn at_start(program: &str, source: &Source, signals: &SignalFd) -> Result<Option<Read>, Refused> {
    let mut loading = Loading::start(program, source)
        .map_err(|reason| Refused { exit: Exit::Software, findings: vec![reason] })?;
    let failed = |error: io::Error| unread(reason(&error));
    loop {
        let timeout = loading.next_timeout().map_or(PollTimeout::NONE, |due| {
            let left = due.saturating_since(clock::now()).as_millis() + 1;
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        let mut files = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        files.extend(loading.interest().map(|(socket, events)| PollFd::new(socket, events)));
        match poll(&mut files, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(failed(error.into())),
        }
        let ready = |at: usize| files.get(at).and_then(PollFd::any).unwrap_or(false);
        let (signalled, spoken) = (ready(0), ready(1));
        if spoken {
            loading.listen();
        }
        loading.handle_timeout(clock::now());
        while signalled && let Some(number) = signals.read().map_err(failed)? {
            match number {
                libc::SIGTERM | libc::SIGINT => {
                    loading.cancel();
                    let _ = waitpid(loading.child.pid(), None);
                    return Ok(None);
                }
                libc::SIGCHLD => match waitpid(loading.child.pid(), Some(WaitPidFlag::WNOHANG)) {
                    Ok(WaitStatus::StillAlive) => {}
                    Ok(status) => return loading.finish(status).map(Some),
                    Err(error) => return Err(failed(error.into())),
                },
                // There is nothing yet that could be reloaded or dumped.
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::channel;
    use std::process::{Child as Process, Command};

    /// A process that reads and says nothing, since the beginning of time.
    fn hangs() -> (Process, Loading) {
        let (ours, theirs) = channel::pair().unwrap();
        let process = Command::new("sleep").arg("1000").stdin(theirs).spawn().unwrap();
        let child = Child::of(process.id(), ours);
        (process, Loading::of(child, Instant::ZERO))
    }

    #[test]
    fn one_that_hangs_is_ended_when_its_time_is_up() {
        let (mut process, mut loading) = hangs();
        let due = Instant::ZERO + Duration::from_secs(120);
        assert_eq!(loading.next_timeout(), Some(due));
        loading.handle_timeout(due - Duration::from_nanos(1));
        assert_eq!(process.try_wait().unwrap(), None);
        loading.handle_timeout(due);
        assert_eq!(loading.next_timeout(), None);
        let pid = loading.child.pid();
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Signaled(pid, Signal::SIGKILL, false)));
        let refused = loading.finish(WaitStatus::Signaled(pid, Signal::SIGKILL, false)).unwrap_err();
        assert_eq!(refused.exit, Exit::Software);
        assert_eq!(
            refused.findings,
            [
                "the process that reads the configuration has failed: it took longer than 120 seconds, and was ended"
            ]
        );
    }

    #[test]
    fn each_end_has_its_words() {
        let pid = Pid::from_raw(1);
        let said = |signal| how(WaitStatus::Signaled(pid, signal, false));
        assert!(said(Signal::SIGKILL).contains("out of memory"));
        assert!(said(Signal::SIGABRT).contains("out of memory"));
        assert_eq!(
            said(Signal::SIGSEGV),
            "it crashed (signal 11, SIGSEGV): this is a bug of vipd, please report it"
        );
        assert_eq!(how(WaitStatus::Exited(pid, 70)), "it ended with status 70");
    }
}
