//! The VRRP worker's edge: sockets, the clock and the kernel around [`crate::vrrp::Engine`].
//!
//! The loop itself is the engine's. Here it is woken: by the parent, by a packet or the kernel's news, by a deadline.
//! `network` has the sockets and carries out what the engine asks for, `log` puts its reports into words.

mod limit;
mod log;
mod network;

use super::worker::{Control, FromWorker, Options, TableState, ToWorker};
use crate::conf::Config;
use crate::netlink;
use crate::sys::timer;
use crate::sys::{clock, packet};
use crate::vrrp::Engine;
use crate::vrrp::engine::Next;
use crate::vrrp::event::{Event, Table};
use network::Network;
use std::io;
use std::time::Duration;
use tokio::sync::mpsc::error::TryRecvError;
use tracing::warn;

/// Why the worker can't go on. Trouble with one interface or address is never among them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection to rtnetlink, or no answer of it.
    #[error("VRRP: links and addresses: {0}")]
    Netlink(#[from] netlink::Error),
    /// No socket for gratuitous ARPs.
    #[error("VRRP: {0}")]
    Frames(#[from] packet::OpenError),
    /// The event loop does not work.
    #[error("VRRP: event loop: {0}")]
    Loop(#[from] io::Error),
}

/// Runs the VRRP worker until it is told to stop, or its parent is gone.
///
/// It needs a current-thread tokio runtime with I/O enabled, in the network namespace whose interfaces are meant.
///
/// # Errors
/// The kernel refuses what nothing works without: rtnetlink, packet sockets, timers.
pub async fn run(config: Config, options: Options, mut control: Control) -> Result<(), Error> {
    if let Err(error) = timer::set_slack(Duration::from_nanos(1)) {
        warn!(%error, "deadlines may be met late");
    }
    let mut network = Network::open()?;
    let mut engine = Engine::new(options.respawned);
    engine.handle(clock::now(), Event::Snapshot(Box::new(network.snapshot()?)));
    engine.handle(clock::now(), Event::Config(Box::new(config.vrrp)));
    // The parent waits to hear of each configuration that it is carried out.
    let mut unsettled: u32 = 1;
    loop {
        let next = engine.turn(&mut network);
        network.check()?;
        if unsettled > 0 && engine.is_settled() {
            for _ in 0..std::mem::take(&mut unsettled) {
                let _ = control.outbox.send(FromWorker::Ready);
            }
        }
        let message = match next {
            Next::Done => return Ok(()),
            Next::Again => match control.inbox.try_recv() {
                Ok(message) => Some(Some(message)),
                Err(TryRecvError::Disconnected) => Some(None),
                Err(TryRecvError::Empty) => {
                    // The runtime must see its descriptors now and then, or the parent is never heard.
                    tokio::task::yield_now().await;
                    None
                }
            },
            Next::At(deadline) => {
                tokio::select! {
                    biased;
                    message = control.inbox.recv() => Some(message),
                    ready = network.ready(deadline) => {
                        ready?;
                        None
                    }
                }
            }
        };
        match message {
            None => {}
            Some(Some(ToWorker::Reload(config))) => {
                engine.handle(clock::now(), Event::Config(Box::new(config.vrrp)));
                unsettled += 1;
            }
            Some(Some(ToWorker::Table(state))) => {
                engine.handle(clock::now(), Event::Table(table(state)));
            }
            // No instance runs programs yet.
            Some(Some(ToWorker::RunEnded { .. })) => {}
            Some(Some(ToWorker::Stop) | None) => {
                if options.dont_release_vrrp {
                    return Ok(());
                }
                engine.handle(clock::now(), Event::Stop);
            }
        }
    }
}

fn table(state: TableState) -> Table {
    match state {
        TableState::Writable => Table::Writable,
        TableState::Unavailable { reason } => Table::Unavailable(reason.into()),
    }
}

#[cfg(test)]
mod tests;
