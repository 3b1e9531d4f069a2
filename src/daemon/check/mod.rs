//! The check worker's driver: sockets, the clock and the kernel's table around [`crate::check::Pool`].
//!
//! One loop: take in what has come (the parent's words, outcomes of probes), let the pool start what is due, then
//! bring the services that changed into the kernel, all of them in one go. Probes are tasks of this thread's runtime;
//! `prober` has their sockets, `kernel` the table.
//!
//! At start, the table that is found is adopted: see [`crate::check::adopt`]. Services of the configuration belong to
//! this worker whole: what others have added to them is removed; services of others are never touched. A kernel
//! without IPVS is said once and asked again later; checks go on meanwhile, so that the table is right when it can
//! be written.

mod kernel;
mod prober;

use super::worker::{Control, FromWorker, Options, ToWorker};
use crate::check::adopt::Found;
use crate::check::notice::Notice;
use crate::check::pool::{Action, Event, Pool};
use crate::conf::Config;
use crate::ipvs::client::Client;
use crate::sys::clock;
use crate::time::Instant;
use kernel::Kernel;
use prober::{Finished, Prober};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Runs the check worker until it is told to stop, or its parent is gone.
///
/// It needs a current-thread tokio runtime with I/O and time enabled, in the network namespace whose servers and
/// table are meant.
pub async fn run(config: Config, options: Options, mut control: Control) {
    let mut driver = Driver::start(config, &options);
    let _ = control.outbox.send(FromWorker::Ready);
    loop {
        let next = driver.next_timeout();
        tokio::select! {
            biased;
            message = control.inbox.recv() => match message {
                Some(ToWorker::Reload(config)) => {
                    driver.reload(*config);
                    let _ = control.outbox.send(FromWorker::Ready);
                }
                Some(ToWorker::RunEnded { .. } | ToWorker::Table(_)) => {}
                Some(ToWorker::Stop) | None => break,
            },
            finished = driver.prober.finished() => driver.take_in(finished),
            () = sleep_until(next) => {}
        }
        driver.turn();
    }
    driver.stop(&options);
}

struct Driver {
    pool: Pool,
    prober: Prober,
    kernel: Kernel,
    /// Kept, for what one call makes the next one needs too.
    actions: Vec<Action>,
}

impl Driver {
    fn start(config: Config, options: &Options) -> Driver {
        let mut driver = Driver {
            pool: Pool::new(RandomState::new().hash_one(0)),
            prober: Prober::new(),
            kernel: Kernel::new(Client::open_or_load),
            actions: Vec::new(),
        };
        let now = clock::now();
        let keys = config
            .check
            .virtual_servers
            .iter()
            .flat_map(|vs| vs.endpoints.iter().map(|endpoint| endpoint.key(vs.protocol)));
        let table = driver.kernel.read_at_start(now, keys);
        let found = Found::new(&table, options.respawned);
        driver.pool.configure(now, config.check, &found, &mut driver.actions);
        driver.perform();
        driver.kernel.replace(now, &driver.pool);
        driver
    }

    fn reload(&mut self, config: Config) {
        let now = clock::now();
        self.pool.configure(now, config.check, &Found::default(), &mut self.actions);
        self.perform();
        self.kernel.replace(now, &self.pool);
    }

    /// Takes in one outcome, and every other that is there already.
    fn take_in(&mut self, first: Finished) {
        let now = clock::now();
        let mut next = Some(first);
        while let Some(Finished { probe, outcome }) = next {
            self.pool.handle(now, Event::ProbeFinished { probe, outcome }, &mut self.actions);
            next = self.prober.try_finished();
        }
        self.perform();
    }

    /// Starts what is due, and brings what has changed into the kernel.
    fn turn(&mut self) {
        let now = clock::now();
        if self.pool.next_timeout().is_some_and(|at| at <= now) {
            self.pool.handle_timeout(now, &mut self.actions);
            self.perform();
        }
        self.kernel.apply(now, &self.pool);
    }

    fn next_timeout(&self) -> Option<Instant> {
        [self.pool.next_timeout(), self.kernel.next_timeout()].into_iter().flatten().min()
    }

    fn perform(&mut self) {
        for action in self.actions.drain(..) {
            match action {
                Action::StartProbe { probe, connect, what } => self.prober.start(probe, connect, what),
                Action::CancelProbe(probe) => self.prober.cancel(probe),
                Action::ServiceChanged(key) => self.kernel.mark(key),
                Action::Notice(notice) => log(&notice),
            }
        }
    }

    fn stop(self, options: &Options) {
        if !options.dont_release_ipvs {
            self.kernel.release();
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep(at.saturating_since(clock::now())).await,
        None => std::future::pending().await,
    }
}

fn log(notice: &Notice) {
    match notice.failure() {
        Some(failure) => tracing::info!(reason = %failure, "{notice}"),
        None => tracing::info!("{notice}"),
    }
}

/// The delay before the n-th attempt in a row: a second, then twice as long each time, up to a minute.
fn backoff(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.min(6)).min(Duration::from_secs(60))
}
