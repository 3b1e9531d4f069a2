//! The probes under way: connections and what is said over them in a list, datagrams as tasks of this thread's runtime; as many
//! at once as there are descriptors for.
//!
//! What an answer means is decided in [`crate::check::probe`].

mod alone;
mod connections;
mod conversation;
mod datagram;
mod plan;
mod ports;
mod service;
mod socket;

use super::tls::Tls;
use crate::check::config::{self, Config, Probe};
use crate::check::event::ProbeId;
use crate::check::probe::Outcome;
use crate::check::probe::dialogue::Dialogue;
use crate::check::probe::dns::Dns;
use crate::check::probe::ping::Ping;
use crate::check::probe::query::Query;
use crate::check::probe::smtp::Smtp;
use crate::check::probe::udp::Udp;
use crate::check::target::Check;
use crate::net::Family;
use crate::sys::{clock, process};
use crate::time::Instant;
pub(super) use alone::talk;
use connections::Connections;
use plan::Plan;
use service::Passwords;
use socket::Kind;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

/// Descriptors that are left for everything else.
const RESERVE: u64 = 64;

/// A probe that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) probe: ProbeId,
    pub(super) outcome: Outcome,
}

/// All probes under way.
pub(super) struct Prober {
    connections: Connections,
    tasks: JoinSet<Finished>,
    running: HashMap<ProbeId, AbortHandle>,
    /// A place for each descriptor; who finds none waits, and its time does not run yet.
    places: Arc<Semaphore>,
    /// By the place of the check.
    plans: HashMap<u32, Plan>,
    tls: Tls,
    passwords: Passwords,
    /// For numbers that nobody can guess.
    random: RandomState,
    numbers: u64,
}

impl Prober {
    pub(super) fn new() -> Prober {
        let places =
            usize::try_from(process::open_many_files().saturating_sub(RESERVE)).unwrap_or(usize::MAX);
        let places = Arc::new(Semaphore::new(places.clamp(16, Semaphore::MAX_PERMITS)));
        Prober {
            connections: Connections::new(Arc::clone(&places)),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            places,
            plans: HashMap::new(),
            tls: Tls::default(),
            passwords: Passwords::default(),
            random: RandomState::new(),
            numbers: 0,
        }
    }

    /// Another configuration holds from now on: no check is known any more. What is under way ends as it began.
    pub(super) fn configure(&mut self, config: &Config) {
        self.plans.clear();
        self.connections.configure();
        self.passwords = Passwords::default();
        let settings = |check: &config::Checker| match &check.probe {
            Probe::Http(http) => http.tls.as_ref().map(|tls| tls.verify),
            _ => None,
        };
        let verify = config.checks().filter_map(settings).reduce(|any, verify| any || verify);
        self.tls = verify.map_or_else(Tls::default, |verify| Tls::load(&config.ssl, verify));
    }

    /// Starts a probe; `page` is the one to ask for, where the check has several.
    pub(super) fn start(&mut self, now: Instant, probe: ProbeId, check: &Check, page: usize) {
        let dialogue: Option<Box<dyn Dialogue>> = match &check.settings.probe {
            Probe::Tcp => None,
            Probe::Smtp { helo_name } => Some(Box::new(Smtp::new(helo_name))),
            Probe::Dns(dns) => {
                let query = Dns::new(dns, self.number() as u16);
                return self.ask(probe, check, Kind::Udp, query);
            }
            Probe::Udp(udp) => return self.ask(probe, check, Kind::Udp, Udp::new(udp)),
            Probe::Ping => {
                let family = Family::of(check.to.ip());
                let query = Ping::new(family, self.number() as u16);
                return self.ask(probe, check, Kind::Ping, query);
            }
            // Somebody else runs it.
            Probe::Misc(_) | Probe::File(_) | Probe::Bfd { .. } => {
                return self.connections.finish(probe, Outcome::Passed);
            }
            _ => {
                let number = self.number();
                let plan = self.plans.entry(probe.check());
                let plan = plan.or_insert_with(|| Plan::new(check, &self.tls, &mut self.passwords));
                match plan.dialogue(check, page, number) {
                    Ok(dialogue) => Some(dialogue),
                    Err(failure) => return self.connections.finish(probe, Outcome::NotRun(failure)),
                }
            }
        };
        self.connections.start(now, probe, check, dialogue);
    }

    /// Another one each time, that nobody can guess.
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.random.hash_one(self.numbers)
    }

    /// Sends a datagram, and waits for what comes back.
    fn ask(&mut self, probe: ProbeId, check: &Check, kind: Kind, mut query: impl Query + Send + 'static) {
        let (check, places) = (check.clone(), Arc::clone(&self.places));
        let task = self.tasks.spawn(async move {
            // The semaphore is never closed; without a place the probe would run all the same.
            let _place = places.acquire().await;
            let outcome = datagram::ask(check.to, &check.settings.connect, kind, &mut query).await;
            Finished { probe, outcome }
        });
        self.running.insert(probe, task);
    }

    pub(super) fn cancel(&mut self, probe: ProbeId) {
        self.connections.cancel(probe);
        if let Some(task) = self.running.remove(&probe) {
            task.abort();
        }
    }

    /// The next probe to end; never, while none is under way. Dropping the future loses nothing.
    pub(super) async fn finished(&mut self) -> Finished {
        loop {
            if let Some(finished) = self.try_finished() {
                return finished;
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next() => {
                    if let Some(finished) = self.ended(ended) {
                        return finished;
                    }
                }
                () = self.connections.changed() => self.look(clock::now()),
            }
        }
    }

    /// Takes in what has happened, and what is due.
    pub(super) fn look(&mut self, now: Instant) {
        self.connections.look(now);
    }

    /// Whether something is to be looked at, even if nothing has happened.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.has_more() || self.next_timeout().is_some_and(|at| at <= now)
    }

    /// Whether to look again at once, when others have had their turn.
    pub(super) fn has_more(&self) -> bool {
        self.connections.has_more()
    }

    /// When to look even if nothing has happened.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.connections.next_timeout()
    }

    /// A probe that has ended already.
    pub(super) fn try_finished(&mut self) -> Option<Finished> {
        if let Some(finished) = self.connections.try_finished() {
            return Some(finished);
        }
        while let Some(ended) = self.tasks.try_join_next() {
            if let Some(finished) = self.ended(ended) {
                return Some(finished);
            }
        }
        None
    }

    fn ended(&mut self, ended: Result<Finished, tokio::task::JoinError>) -> Option<Finished> {
        match ended {
            Ok(finished) => {
                self.running.remove(&finished.probe);
                Some(finished)
            }
            Err(error) => match error.try_into_panic() {
                // A bug: better a worker that is started anew than a check that never runs again.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => None,
            },
        }
    }
}

#[cfg(test)]
mod answers;
#[cfg(test)]
mod tests;
