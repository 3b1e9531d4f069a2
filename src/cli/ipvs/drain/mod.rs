//! `vipd ipvs drain`: drives [`crate::ipvs::drain`] with the kernel's table, signals and the clock.

mod args;
mod progress;

pub(super) use args::Args;

use super::Stop;
use super::figure::number_of;
use super::wait::{heed, sleep_until};
use crate::ipvs::client::Client;
use crate::ipvs::drain::{self, Action, Drain, Event, Outcome, WaitFor};
use crate::ipvs::model::{DestEntry, DestKey, ServiceEntry, ServiceKey};
use crate::ipvs::operation::Operation;
use crate::sys::clock;
use crate::sys::signal::SignalFd;
use nix::errno::Errno;
use progress::Display;
use std::ffi::c_int;
use std::fs;

const KERNEL: u8 = 1;
const USAGE: u8 = 2;
const TIMED_OUT: u8 = 3;
const SOMEONE_ELSE: u8 = 4;
const LAST_SERVER: u8 = 5;

/// Drains a server.
pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let (service, server) = args.target()?;
    let signals = heed(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP])
        .map_err(|error| Stop::new(KERNEL, format!("collect signals: {error}")))?;
    let mut client = Client::open_or_load()?;
    let entry = client.service(&service).map_err(|error| match error.errno() {
        Some(Errno::ESRCH) => Stop::new(KERNEL, format!("there is no service {service}")),
        _ => error.into(),
    })?;
    let dests = client.dests(&service)?;
    let (drain, actions) = Drain::begin(clock::now(), &entry, &dests, server, args.options())
        .map_err(|refusal| Stop::new(refusal_status(refusal), refusal.to_string()))?;
    let display = Display::new(args.json, service, server);
    for warning in warnings(&entry, &dests, server, args.options().wait_for) {
        display.warn(&warning);
    }
    let last = dests.into_iter().find(|dest| dest.dest.key == server);
    Driver { client, service, server, drain, display, last }.run(actions, &signals)
}

/// What the user may not expect of draining this server.
fn warnings(entry: &ServiceEntry, dests: &[DestEntry], server: DestKey, wait_for: WaitFor) -> Vec<String> {
    let service = entry.service.key;
    let (drained, others): (Vec<&DestEntry>, Vec<&DestEntry>) =
        dests.iter().partition(|dest| dest.dest.key == server);
    let mut warnings = Vec::new();
    for dest in drained {
        if drain::clients_return(entry, dest) && templates_live() {
            warnings.push(format!(
                "{service} is persistent: it goes on leading {} that it remembers to {server}, until they stay away \
                 for {} s; sysctl net.ipv4.vs.expire_quiescent_template=1 makes it forget them",
                number_of(dest.persistent_conns, "client"),
                entry.service.timeout
            ));
        }
        if drain::may_cut_udp(&service, wait_for, dest) {
            warnings.push(format!(
                "{server} has {}, which --inactive waits for; without it, those of UDP are cut",
                number_of(dest.inactive_conns, "inactive connection")
            ));
        }
    }
    if others.iter().all(|other| other.dest.weight == 0) {
        warnings.push(format!("no server of {service} takes new connections from now on"));
    }
    warnings
}

const fn refusal_status(refusal: drain::Refusal) -> u8 {
    match refusal {
        drain::Refusal::NoServer { .. } => KERNEL,
        drain::Refusal::LastServer { .. } => LAST_SERVER,
    }
}

/// Whether the kernel follows a template to a server of weight 0.
fn templates_live() -> bool {
    let sysctl = fs::read_to_string("/proc/sys/net/ipv4/vs/expire_quiescent_template");
    sysctl.map_or(true, |text| text.trim() == "0")
}

struct Driver {
    client: Client,
    service: ServiceKey,
    server: DestKey,
    drain: Drain,
    display: Display,
    /// The server as it was read last.
    last: Option<DestEntry>,
}

impl Driver {
    fn run(mut self, actions: Vec<Action>, signals: &SignalFd) -> Result<(), Stop> {
        let outcome = self.perform(actions).and_then(|end| match end {
            Some(outcome) => Ok((outcome, None)),
            None => self.wait(signals),
        });
        let (outcome, signal) = outcome.map_err(|error| self.undo(error))?;
        self.display.end(clock::now(), outcome);
        let message = progress::message(self.service, self.server, outcome);
        match (outcome, signal) {
            (Outcome::Drained(_), _) => Ok(()),
            (_, Some(signal)) => Err(Stop::by_signal(signal, message)),
            (Outcome::TimedOut { .. }, None) => Err(Stop::new(TIMED_OUT, message)),
            (_, None) => Err(Stop::new(SOMEONE_ELSE, message)),
        }
    }

    /// Reads and obeys until the end; and the signal that brought it about.
    fn wait(&mut self, signals: &SignalFd) -> Result<(Outcome, Option<c_int>), Stop> {
        loop {
            let signal = sleep_until(self.drain.next_timeout(), signals)
                .map_err(|error| Stop::new(KERNEL, format!("wait for a signal: {error}")))?;
            let dests = self.client.dests(&self.service)?;
            let reading = dests.into_iter().find(|dest| dest.dest.key == self.server);
            self.last = reading;
            let event = if signal.is_some() { Event::Interrupted(reading) } else { Event::Reading(reading) };
            let actions = self.drain.handle(clock::now(), event);
            if let Some(outcome) = self.perform(actions)? {
                return Ok((outcome, signal));
            }
        }
    }

    fn perform(&mut self, actions: Vec<Action>) -> Result<Option<Outcome>, Stop> {
        let mut end = None;
        for action in actions {
            match action {
                Action::Execute(operation) => {
                    if let Some(failed) = self.client.execute([&operation]).into_iter().next() {
                        return Err(Stop::new(KERNEL, failed.to_string()));
                    }
                    if let (Operation::EditDest(_, dest), Some(last)) = (operation, &mut self.last) {
                        last.dest = dest;
                    }
                }
                Action::Report(progress) => self.display.report(clock::now(), &progress),
                Action::End(outcome) => end = Some(outcome),
            }
        }
        Ok(end)
    }

    /// Something went wrong: the server gets its weight back before the end.
    fn undo(&mut self, error: Stop) -> Stop {
        self.display.clear();
        let actions = self.drain.handle(clock::now(), Event::Interrupted(self.last));
        match self.perform(actions) {
            Ok(_) => error,
            Err(second) => Stop::new(
                error.status,
                format!("{}\nand the former weight is not restored: {}", error.message, second.message),
            ),
        }
    }
}
