//! The probes under way: connections alone (`TCP_CHECK`) in a list, all others as tasks of this thread's runtime; as many at
//! once as there are descriptors for.
//!
//! What an answer means is decided in [`crate::check::probe`].

mod connections;
mod datagram;
mod plan;
mod service;
mod socket;
mod stream;

use super::tls::Tls;
use crate::check::config::{Checker, Config, Probe};
use crate::check::event::ProbeId;
use crate::check::probe::Outcome;
use crate::sys::{clock, process};
use crate::time::Instant;
use connections::Connections;
use plan::Plan;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
pub(super) use stream::talk;
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
    plans: HashMap<u32, Arc<Plan>>,
    tls: Tls,
    /// For numbers that nobody can guess.
    random: RandomState,
    started: u64,
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
            random: RandomState::new(),
            started: 0,
        }
    }

    /// Another configuration holds from now on: no check is known any more. What is under way ends as it began.
    pub(super) fn configure(&mut self, config: &Config) {
        self.plans.clear();
        let settings = |check: &Checker| match &check.probe {
            Probe::Http(http) => http.tls.as_ref().map(|tls| tls.verify),
            _ => None,
        };
        let verify = config.checks().filter_map(settings).reduce(|any, verify| any || verify);
        self.tls = verify.map_or_else(Tls::default, |verify| Tls::load(&config.ssl, verify));
    }

    /// Starts a probe; `page` is the one to ask for, where the check has several.
    pub(super) fn start(&mut self, now: Instant, probe: ProbeId, check: &Checker, page: usize) {
        if check.probe == Probe::Tcp {
            return self.connections.start(now, probe, &check.connect);
        }
        let plan = self.plans.entry(probe.check()).or_insert_with(|| Arc::new(Plan::new(check, &self.tls)));
        let (plan, places) = (Arc::clone(plan), Arc::clone(&self.places));
        self.started += 1;
        let number = self.random.hash_one(self.started);
        let task = self.tasks.spawn(async move {
            // The semaphore is never closed; without a place the probe would run all the same.
            let _place = places.acquire().await;
            let outcome = plan.run(page, number).await;
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
