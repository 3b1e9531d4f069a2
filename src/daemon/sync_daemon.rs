//! Runs the kernel's daemons that share the table of connections with another director (`lvs_sync_daemon`), by a thread
//! of its own: the kernel waits for them to end, and may have to load its module first.
//!
//! The VRRP process lets them follow an instance: the master sends its connections, a backup takes them in. The check
//! process runs both where no instance is named. What is refused is tried again.

use crate::conf::config::SyncDaemon;
use crate::ipvs::client::{Client, Error};
use crate::ipvs::model::{Daemon, DaemonState};
use crate::ipvs::operation::Operation;
use crate::ipvs::sync::plan;
use std::collections::BTreeSet;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tracing::{info, warn};

const STACK: usize = 256 * 1024;

/// What was refused is tried again after so long.
const RETRY: Duration = Duration::from_secs(5);

/// So long the end may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A handle of the thread, which there is once somebody wants something of it.
#[derive(Debug, Default)]
pub(super) struct SyncDaemons {
    orders: Option<Sender<Order>>,
    wanted: Vec<Daemon>,
}

#[derive(Debug)]
enum Order {
    Want(Vec<Daemon>),
    /// Say when what was wanted before has been tried.
    Finish(Sender<()>),
}

/// The daemon of the configuration, in one of its two roles.
pub(super) fn daemon(config: &SyncDaemon, state: DaemonState) -> Daemon {
    Daemon {
        state,
        interface: config.interface.clone(),
        sync_id: u32::from(config.id.unwrap_or_default()),
        sync_maxlen: config.maxlen,
        group: config.group,
        port: config.port,
        ttl: config.ttl,
    }
}

impl SyncDaemons {
    /// From now on these are wanted. Somebody who never wanted any leaves alone those of others.
    pub(super) fn want(&mut self, wanted: Vec<Daemon>) {
        if self.wanted == wanted {
            return;
        }
        if self.orders.is_none() {
            self.orders = start().inspect_err(|error| warn!(%error, "IPVS sync daemon")).ok();
        }
        self.wanted.clone_from(&wanted);
        if let Some(orders) = &self.orders {
            // It ends with us alone.
            let _ = orders.send(Order::Want(wanted));
        }
    }

    /// Stops them, and waits for it, but not for long. Where they are `ours` by the configuration, also those that a
    /// predecessor of this process has left.
    pub(super) fn finish(&mut self, ours: bool) {
        if ours && self.orders.is_none() {
            self.orders = start().ok();
        }
        if let Some(orders) = &self.orders {
            let _ = orders.send(Order::Want(Vec::new()));
        }
        let Some(orders) = self.orders.take() else { return };
        let (done, finished) = channel();
        let _ = orders.send(Order::Finish(done));
        if finished.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            warn!("IPVS sync daemon: the kernel has not stopped it in time");
        }
    }
}

fn start() -> io::Result<Sender<Order>> {
    let (orders, inbox) = channel();
    std::thread::Builder::new()
        .name("sync daemon".to_owned())
        .stack_size(STACK)
        .spawn(move || Hands::default().run(&inbox))?;
    Ok(orders)
}

/// The thread's own.
#[derive(Default)]
struct Hands {
    client: Option<Client>,
    /// What it has started, and nobody has stopped as far as it knows.
    started: Vec<Daemon>,
    wanted: Vec<Daemon>,
    /// What was wrong the last time, which is said once.
    wrong: BTreeSet<String>,
}

impl Hands {
    fn run(&mut self, inbox: &Receiver<Order>) {
        loop {
            let order = match self.wrong.is_empty() {
                true => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => inbox.recv_timeout(RETRY),
            };
            match order {
                Ok(Order::Want(wanted)) => self.wanted = wanted,
                Ok(Order::Finish(done)) => {
                    let _ = done.send(());
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let wrong = match self.change() {
                Ok(refused) => refused,
                Err(error) => {
                    self.client = None;
                    [error.to_string()].into()
                }
            };
            for reason in wrong.difference(&self.wrong) {
                warn!("IPVS sync daemon: {reason}");
            }
            self.wrong = wrong;
        }
    }

    /// Makes what runs what is wanted; gives what was refused.
    fn change(&mut self) -> Result<BTreeSet<String>, Error> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(Client::open()?),
        };
        let operations = plan(&client.daemons()?, &self.started, &self.wanted);
        let refused = client.execute(&operations);
        for (at, operation) in operations.iter().enumerate() {
            let failed = refused.iter().any(|failed| failed.index == at);
            match operation {
                Operation::StopDaemon(state) => self.started.retain(|one| one.state != *state),
                Operation::StartDaemon(daemon) if !failed => {
                    info!(
                        "IPVS sync daemon: {} on {}, id {}",
                        daemon.state, daemon.interface, daemon.sync_id
                    );
                    self.started.retain(|one| one.state != daemon.state);
                    self.started.push(daemon.clone());
                }
                _ => {}
            }
        }
        Ok(refused.iter().map(ToString::to_string).collect())
    }
}
