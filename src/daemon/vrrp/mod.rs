//! The VRRP worker's edge: sockets, the clock and the kernel around [`crate::vrrp::Engine`].
//!
//! Several threads, so that adverts wait for nothing: the engine's own sleeps in one system call until the parent, a
//! packet, the kernel's news, a deadline or a job's end wakes it; the `writer` changes addresses and sends announcements,
//! and waits for the kernel where it must; that of `trackers` looks at files and processes, where any are tracked; the
//! runtime's talks with the parent. `network` has the sockets (`claims` those for ARP and neighbour advertisements) and
//! carries out what the engine asks for, `log` puts its reports into words, `notify` tells scripts, FIFOs and mail readers,
//! `sync` lets the kernel's connections follow an instance.

mod claims;
mod dumps;
mod firewall;
mod igmp;
mod kernel;
mod keys;
mod leisure;
mod limit;
mod links;
mod log;
mod network;
mod notify;
mod programs;
mod sockets;
mod standby;
mod sync;
mod trackers;
mod writer;

pub(in crate::daemon) use trackers::write_first_files;

use super::fifo::Fifos;
use super::scheduling::Scheduled;
use super::worker::{Control, FromWorker, Options, TableState, ToWorker};
use crate::conf::Config;
use crate::netlink;
use crate::sys::memory;
use crate::sys::presence;
use crate::sys::process::open_many_files;
use crate::sys::scheduling::ask_for_short_turns;
use crate::sys::wake::Wake;
use crate::sys::{self, clock, packet, timer};
use crate::vrrp::Engine;
use crate::vrrp::engine::Io;
use crate::vrrp::engine::Next;
use crate::vrrp::event::{Event, Table};
use dumps::Dumps;
use firewall::Firewall;
use igmp::LocalIgmp;
use leisure::Leisure;
use network::Network;
use notify::Notifier;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;
use sync::Sync;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tracing::{debug, warn};

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
/// It needs a tokio runtime with I/O enabled, in the network namespace whose interfaces are meant.
///
/// # Errors
/// The kernel refuses what nothing works without: rtnetlink, packet sockets, timers, threads.
pub async fn run(config: Config, options: Options, control: Control) -> Result<(), Error> {
    let Control { mut inbox, outbox, fifos, scheduled, former: _ } = control;
    let wake = Arc::new(Wake::new()?);
    let (to_engine, orders) = channel();
    let (ended, mut end) = oneshot::channel();
    let engines = Arc::clone(&wake);
    std::thread::Builder::new().name("vrrp".to_owned()).spawn(move || {
        let _ = ended.send(drive(config, &options, &orders, &outbox, engines, fifos, scheduled));
    })?;
    let forward = async {
        while let Some(message) = inbox.recv().await {
            if to_engine.send(message).is_err() {
                break;
            }
            wake.wake();
        }
        // The parent is gone, which means the same as its word to stop.
        drop(to_engine);
        wake.wake();
    };
    tokio::select! {
        ended = &mut end => return ended.map_err(io::Error::other)?,
        () = forward => {}
    }
    end.await.map_err(io::Error::other)?
}

/// The engine's thread.
fn drive(
    mut config: Config,
    options: &Options,
    orders: &Receiver<ToWorker>,
    outbox: &UnboundedSender<FromWorker>,
    wake: Arc<Wake>,
    fifos: Fifos,
    mut scheduled: Scheduled,
) -> Result<(), Error> {
    // A socket for each interface.
    open_many_files();
    if let Err(error) = timer::set_slack(Duration::from_nanos(1)) {
        warn!(%error, "deadlines may be met late");
    }
    ask_for_short_turns();
    sys::log::collect();
    // Until the end: the filter is not needed meanwhile.
    let _igmp = LocalIgmp::switch_off(&mut config.vrrp.settings);
    let igmp_is_off = config.vrrp.settings.disable_local_igmp;
    let notifier = Notifier::new(outbox.clone(), fifos)?;
    let mut network = Network::open(wake, options, &config, Firewall::new(&config), notifier, outbox)?;
    network.configure(&config);
    let mut sync = Sync::new(&config);
    let mut dumps = Dumps::default();
    dumps.configure(&config);
    let mut engine = Engine::new(options.respawned);
    network.follow(&config.vrrp, false)?;
    let mut snapshot = network.snapshot()?;
    if !is_alone(options) {
        // The marks say that one of us has set the address, and not which one.
        snapshot.addresses.iter_mut().for_each(|address| address.ours = false);
        snapshot.links.iter_mut().for_each(|link| link.make.ours = false);
    }
    engine.handle(clock::now(), Event::Snapshot(Box::new(snapshot)));
    if options.awaits_table {
        engine.handle(clock::now(), Event::Table(Table::Pending));
    }
    keys::read(&mut config.vrrp);
    engine.handle(clock::now(), Event::Config(Box::new(config.vrrp)));
    // The parent waits to hear of each configuration that it is carried out.
    let mut unsettled: u32 = 1;
    let mut stopping = false;
    // A configuration that names what has to be read first.
    let mut waiting = None;
    let mut leisure = Leisure::default();
    loop {
        let next = engine.turn(&mut network);
        network.check()?;
        sync.follow(engine.router());
        if let Some(config) = waiting.take_if(|_| !stopping && !network.is_blind()) {
            engine.handle(clock::now(), Event::Config(config));
            continue;
        }
        if unsettled > 0 && waiting.is_none() && engine.is_settled() {
            for _ in 0..std::mem::take(&mut unsettled) {
                let _ = outbox.send(FromWorker::Ready);
            }
        }
        if !network.stands_by() {
            sys::log::deliver();
        }
        let message = match orders.try_recv() {
            _ if next == Next::Done => {
                sync.finish();
                network.finish();
                return Ok(());
            }
            Ok(message) => message,
            Err(TryRecvError::Disconnected) if !stopping => ToWorker::Stop,
            Err(_) => {
                let is_copying = dumps.go_on(&mut engine, || network.descriptors());
                if let Next::At(deadline) = next
                    && !is_copying
                {
                    if leisure.begins(clock::now(), deadline) {
                        engine.tidy();
                        memory::return_unused();
                    }
                    let takes_over = deadline.is_some_and(|at| engine.router().takes_over_at(at));
                    network.sleep(deadline, takes_over)?;
                    scheduled.woke(deadline);
                } else {
                    leisure.worked();
                }
                continue;
            }
        };
        match message {
            // Nothing is wanted any more.
            ToWorker::Reload(_) | ToWorker::Table(_) | ToWorker::Quorums(_) | ToWorker::Stop if stopping => {}
            ToWorker::Dump(dump) => dumps.ask(dump),
            ToWorker::Reload(mut config) => {
                network.configure(&config);
                sync.configure(&config);
                dumps.configure(&config);
                scheduled.configure(&config.global.processes.vrrp, &config.global.processes);
                ask_for_short_turns();
                keys::read(&mut config.vrrp);
                // It stays what it was at start.
                config.vrrp.settings.disable_local_igmp = igmp_is_off;
                network.follow(&config.vrrp, true)?;
                // One that waits already has not been carried out, and this one takes its place.
                waiting = Some(Box::new(config.vrrp));
                unsettled += 1;
                continue;
            }
            ToWorker::Table(state) => engine.handle(clock::now(), Event::Table(table(state))),
            ToWorker::Quorums(quorums) => {
                let quorums = quorums.into_iter().map(|(name, up)| (name.as_str().into(), up)).collect();
                engine.handle(clock::now(), Event::Quorums(quorums));
            }
            ToWorker::RunEnded { id, outcome } => match network.ended(id, &outcome) {
                Some(event) => engine.handle(clock::now(), event),
                None => network.run_ended(id, &outcome),
            },
            ToWorker::Stop if options.dont_release_vrrp => {
                engine.router().farewells().for_each(|notice| network.notify(&notice));
                sync.finish();
                network.finish();
                return Ok(());
            }
            ToWorker::Stop => {
                stopping = true;
                engine.handle(clock::now(), Event::Stop);
            }
        }
    }
}

/// Whether no other daemon of this program moves virtual addresses here. What can't be known is no.
fn is_alone(options: &Options) -> bool {
    let Some(name) = &options.presence else { return false };
    presence::others_than(name).map(|others| !others).unwrap_or_else(|error| {
        debug!(%error, "addresses that an earlier run may have left are not looked for");
        false
    })
}

fn table(state: TableState) -> Table {
    match state {
        TableState::Writable => Table::Writable,
        TableState::Unavailable { reason } => Table::Unavailable(reason.into()),
    }
}

#[cfg(test)]
mod tests;
