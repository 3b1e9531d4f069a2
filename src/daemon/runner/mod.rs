//! The process that runs programs of others: notify and track scripts, `MISC_CHECK`, quorum scripts.
//!
//! It keeps the privileges that scripts need and workers give up. The parent starts it when the first program is wanted
//! (`client`), passes on what workers ask, and tells them how it ended. `queue` decides what runs when. One thread, one
//! `poll(2)`: it forks, so nothing else may run in it.

mod client;
mod queue;

pub(super) use client::{Asker, Client, Outcome};

use super::exit::Exit;
use super::message::{self, Order, RunEnded};
use super::scripts::{Conditions, Found, find_to_run};
use crate::command::{Command, RunAs};
use crate::raw;
use crate::run::{Run, RunId, RunOutcome};
use crate::sys::clock;
use crate::sys::input::reason;
use crate::sys::signal::SignalFd;
use crate::sys::spawn::{Account, Executable, Program, spawn};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Gid, Group, Pid, Uid, User, getegid, geteuid, getgrouplist};
use queue::{Action, Queue};
use std::collections::{BTreeMap, VecDeque};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Runs what comes over `socket`, until told to stop or the parent is gone.
pub(super) fn main(socket: OwnedFd) -> Exit {
    // SIGINT and SIGHUP reach the whole process group of a terminal; what they mean is the parent's business.
    let collected = [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2];
    let signals = match SignalFd::new(&collected) {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("vipd: scripts can't be run: {}", reason(&error));
            return Exit::Software;
        }
    };
    let mut runner = Runner {
        socket: Some(socket),
        signals,
        queue: Queue::default(),
        pids: BTreeMap::new(),
        conditions: Conditions::default(),
        unsent: VecDeque::new(),
    };
    let mut actions = Vec::new();
    while !runner.queue.is_done() {
        if let Err(error) = runner.wait(&mut actions) {
            eprintln!("vipd: the process that runs scripts stops: {}", reason(&error));
            return Exit::Software;
        }
        runner.queue.handle_timeout(clock::now(), &mut actions);
        runner.perform(&mut actions);
    }
    // What the parent does not take now it does not wait for.
    runner.send();
    Exit::Ok
}

struct Runner {
    /// `None` once the parent is gone.
    socket: Option<OwnedFd>,
    signals: SignalFd,
    queue: Queue,
    pids: BTreeMap<RunId, Pid>,
    /// As they came with the last run.
    conditions: Conditions,
    unsent: VecDeque<RunEnded>,
}

impl Runner {
    fn wait(&mut self, actions: &mut Vec<Action>) -> io::Result<()> {
        let timeout = self.queue.next_timeout().map_or(PollTimeout::NONE, |due| {
            let left = due.saturating_since(clock::now()) + Duration::from_nanos(999_999);
            PollTimeout::try_from(left.as_millis()).unwrap_or(PollTimeout::MAX)
        });
        let mut files = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if let Some(socket) = &self.socket {
            let mut events = PollFlags::POLLIN;
            events.set(PollFlags::POLLOUT, !self.unsent.is_empty());
            files.push(PollFd::new(socket.as_fd(), events));
        }
        match poll(&mut files, timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let events = |at: usize| files.get(at).and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        let (signalled, socket) = (events(0), events(1));
        if signalled.contains(PollFlags::POLLIN) {
            while let Some(signal) = self.signals.read()? {
                match signal {
                    libc::SIGCHLD => self.reap(actions),
                    // The kernel's word that the parent is gone, or an administrator's.
                    libc::SIGTERM => self.queue.cancel_all(clock::now(), actions),
                    _ => {}
                }
            }
        }
        if socket.contains(PollFlags::POLLOUT) {
            self.send();
        }
        if socket.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR) {
            self.listen(actions);
        }
        Ok(())
    }

    fn listen(&mut self, actions: &mut Vec<Action>) {
        let Some(socket) = self.socket.as_ref().map(AsFd::as_fd) else { return };
        let now = clock::now();
        match message::receive_order(socket) {
            Ok(Some((Order::Run { run, conditions }, _))) => {
                self.conditions = conditions;
                self.queue.ask(now, run, actions);
            }
            Ok(Some((Order::CancelRun(id), _))) => self.queue.cancel(now, id, actions),
            Ok(Some((Order::Stop, _))) => self.queue.stop(now, actions),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                self.socket = None;
                self.queue.cancel_all(now, actions);
            }
        }
    }

    /// Carries out the actions, also those that follow from them.
    fn perform(&mut self, actions: &mut Vec<Action>) {
        while !actions.is_empty() {
            for action in std::mem::take(actions) {
                match action {
                    Action::Start(run) => match start(&run, self.conditions) {
                        Ok(pid) => drop(self.pids.insert(run.id, pid)),
                        Err(failure) => {
                            let outcome = RunOutcome::Failed(failure);
                            self.queue.ended(clock::now(), run.id, outcome, actions);
                        }
                    },
                    Action::Term(id) => self.signal(id, Signal::SIGTERM),
                    Action::Kill(id) => self.signal(id, Signal::SIGKILL),
                    Action::Tell(id, outcome) => {
                        self.unsent.push_back(RunEnded { id, outcome });
                    }
                }
            }
        }
        self.send();
    }

    fn signal(&self, id: RunId, signal: Signal) {
        if let Some(pid) = self.pids.get(&id) {
            // It leads its group, and has not been waited for: the number is still its own.
            let _ = killpg(*pid, signal);
        }
    }

    /// Collects every program that has ended.
    fn reap(&mut self, actions: &mut Vec<Action>) {
        let looking = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        while let Ok(status) = waitid(Id::All, looking) {
            let Some(pid) = status.pid() else { return };
            let run = self.pids.iter().find(|(_, started)| **started == pid).map(|(id, _)| *id);
            if run.is_some_and(|id| self.queue.is_ending(id)) {
                // What it has left of its group. Until it is collected, nobody else's group can have this number.
                let _ = killpg(pid, Signal::SIGKILL);
            }
            let _ = waitpid(pid, None);
            let Some(id) = run else { continue };
            self.pids.remove(&id);
            let outcome = match status {
                WaitStatus::Exited(_, status) => RunOutcome::Exited(status.to_le_bytes()[0]),
                WaitStatus::Signaled(_, signal, _) => RunOutcome::Signalled(signal as i32),
                other => RunOutcome::Failed(format!("ended in a way that is not known ({other:?})")),
            };
            self.queue.ended(clock::now(), id, outcome, actions);
        }
    }

    /// Tells the parent what it has room for.
    fn send(&mut self) {
        let Some(socket) = self.socket.as_ref().map(AsFd::as_fd) else { return self.unsent.clear() };
        while let Some(ended) = self.unsent.front() {
            match send(socket, ended) {
                Ok(true) => drop(self.unsent.pop_front()),
                Ok(false) => return,
                // The parent is gone: the other direction notices.
                Err(_) => return self.unsent.clear(),
            }
        }
    }
}

/// `false` where the socket is full.
fn send(socket: BorrowedFd<'_>, ended: &RunEnded) -> io::Result<bool> {
    match message::send_run_ended(socket, ended) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        sent => sent.map(|()| true),
    }
}

/// Starts a program; why that is not possible, in words.
fn start(run: &Run, conditions: Conditions) -> Result<Pid, String> {
    let groups = conditions.supplementary_groups;
    let account = run.command.run_as.as_ref().map(|run_as| account(run_as, groups)).transpose()?;
    let ids = account.as_ref().map_or((geteuid(), getegid()), |account| (account.uid, account.gid));
    let program = program(&run.command, ids, conditions)?;
    spawn(&program, account.as_ref()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{} is not there, or its interpreter", run.command.program()),
        _ => format!("can't be started: {}", reason(&error)),
    })
}

fn program(command: &Command, account: (Uid, Gid), conditions: Conditions) -> Result<Program, String> {
    if let Some(file) = command.program().strip_prefix('<').filter(|_| command.only_opens_a_file()) {
        return Ok(Program::OpenFile(raw::bytes(file.trim_start_matches([' ', '\t'])).into_owned()));
    }
    let file = match find_to_run(command.program(), account, conditions)? {
        Found::Path(path) => Executable::Path(path),
        Found::File(file) => Executable::File(file),
    };
    let words = command.argv.iter().map(|word| raw::bytes(word).into_owned()).collect();
    Ok(Program::Execute(file, words))
}

/// The numbers behind the names, as they are now.
pub(super) fn account(run_as: &RunAs, supplementary_groups: bool) -> Result<Account, String> {
    let unknown = || format!("there is no user {} any more", run_as.user);
    let user = User::from_name(&run_as.user).ok().flatten().ok_or_else(unknown)?;
    let gid = match &run_as.group {
        None => user.gid,
        Some(name) => {
            let unknown = || format!("there is no group {name} any more");
            Group::from_name(name).ok().flatten().ok_or_else(unknown)?.gid
        }
    };
    let groups = match supplementary_groups {
        true => CString::new(run_as.user.as_str()).ok().and_then(|name| getgrouplist(&name, gid).ok()),
        false => None,
    };
    Ok(Account { uid: user.uid, gid, groups: groups.unwrap_or_else(|| vec![gid]) })
}

#[cfg(test)]
mod tests;
