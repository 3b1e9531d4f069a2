//! A thread that changes addresses, routes and rules, sends announcements and reads the kernel's state anew: what may have
//! to wait for the kernel's lock, or takes long because there is much of it, while adverts leave in time.
//!
//! One job after the other. It decides nothing: the engine plans a job, and hears what became of it.

use super::firewall::Firewall;
use super::{kernel, links};
use crate::conf::config::Buffer;
use crate::daemon::buffers::grow;
use crate::netlink;
use crate::netlink::route::{self, Client};
use crate::sys::clock;
use crate::sys::packet;
use crate::sys::raw::SendProblem;
use crate::sys::wake::Wake;
use crate::time::Instant;
use crate::vrrp::event::{Change, Refusal, Snapshot};
use crate::vrrp::garp::Frame;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

/// Its stack holds no addresses.
const STACK: usize = 256 * 1024;

/// The engine's end.
#[derive(Debug)]
pub(super) struct Writer {
    orders: Sender<Order>,
    results: Receiver<Outcome>,
    /// Orders without an outcome.
    waiting: usize,
    /// A job whose end nobody has asked for yet.
    done: Option<Job>,
    /// Room for the next job.
    spare: Job,
}

/// How a job ended.
#[derive(Debug)]
pub(super) struct Finished {
    /// How long its addresses took.
    pub(super) took: Duration,
    /// How many of its frames did not leave, and why the last of them did not.
    pub(super) unsent: Option<(usize, SendProblem)>,
}

#[derive(Debug, Default)]
struct Job {
    /// Interfaces first.
    links: Vec<(usize, Change)>,
    changes: Vec<route::Change>,
    /// Where the changes of addresses stand among all.
    places: Vec<usize>,
    refused: Vec<(usize, Refusal)>,
    took: Duration,
    frames: Vec<Frame>,
    unsent: Option<(usize, SendProblem)>,
}

#[derive(Debug)]
enum Order {
    Write(Job),
    Snapshot(BTreeSet<u8>),
    StandBy(Instant),
}

#[derive(Debug)]
enum Outcome {
    Written(Job),
    Snapshot(Result<Snapshot, netlink::Error>),
}

impl Writer {
    /// Starts the thread, in the present network namespace. It calls `wake` whenever there is an outcome, and ends with
    /// the writer.
    pub(super) fn start(wake: Arc<Wake>, firewall: Firewall, buffer: Buffer) -> Result<Writer, super::Error> {
        let (orders, inbox) = channel();
        let (outbox, results) = channel();
        let mut hands = Hands {
            client: Client::open()?,
            frames: packet::Sender::open()?,
            paths: links::ReversePaths::default(),
            firewall,
        };
        grow("vrrp_netlink_cmd_rcv_bufs", buffer, &hands.client);
        thread::Builder::new().name("addresses".to_owned()).stack_size(STACK).spawn(move || {
            let mut standing_by = None;
            while let Some(order) = next(&inbox, standing_by) {
                let sent = outbox.send(match order {
                    Order::Write(mut job) => {
                        hands.write(&mut job);
                        Outcome::Written(job)
                    }
                    Order::Snapshot(protocols) => {
                        Outcome::Snapshot(kernel::snapshot(&mut hands.client, &protocols, true))
                    }
                    Order::StandBy(until) => {
                        standing_by = Some(until);
                        continue;
                    }
                });
                if sent.is_err() {
                    return;
                }
                wake.wake();
            }
        })?;
        Ok(Writer { orders, results, waiting: 0, done: None, spare: Job::default() })
    }

    /// Whether an order has no outcome yet, or a job's end was not asked for.
    pub(super) const fn is_at_work(&self) -> bool {
        self.waiting > 0 || self.done.is_some()
    }

    /// Orders a job.
    pub(super) fn order(&mut self, changes: &[Change], frames: &[Frame]) -> io::Result<()> {
        let mut job = std::mem::take(&mut self.spare);
        for (at, change) in changes.iter().enumerate() {
            match kernel::change(change) {
                Some(change) => {
                    job.changes.push(change);
                    job.places.push(at);
                }
                None => job.links.push((at, change.clone())),
            }
        }
        job.frames.extend_from_slice(frames);
        self.send(Order::Write(job))
    }

    /// Jobs will come until then: the thread is awake, so that it begins at once.
    pub(super) fn stand_by(&self, until: Instant) -> io::Result<()> {
        self.orders.send(Order::StandBy(until)).map_err(|_| gone())
    }

    /// Orders that everything be read; of routes, those with these protocol numbers.
    pub(super) fn order_snapshot(&mut self, protocols: BTreeSet<u8>) -> io::Result<()> {
        self.send(Order::Snapshot(protocols))
    }

    fn send(&mut self, order: Order) -> io::Result<()> {
        self.waiting += 1;
        self.orders.send(order).map_err(|_| gone())
    }

    /// What was read, once.
    pub(super) fn snapshot(&mut self) -> Result<Option<Snapshot>, super::Error> {
        while self.waiting > 0 && self.done.is_none() {
            match self.results.try_recv() {
                Ok(Outcome::Written(job)) => {
                    self.waiting -= 1;
                    self.done = Some(job);
                }
                Ok(Outcome::Snapshot(snapshot)) => {
                    self.waiting -= 1;
                    return Ok(Some(snapshot?));
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(gone().into()),
            }
        }
        Ok(None)
    }

    /// The end of the job, once.
    pub(super) fn finished(&mut self, refused: &mut dyn FnMut(usize, Refusal)) -> Option<Finished> {
        let mut job = self.done.take()?;
        for (index, refusal) in job.refused.drain(..) {
            refused(index, refusal);
        }
        let finished = Finished { took: job.took, unsent: job.unsent.take() };
        job.links.clear();
        job.changes.clear();
        job.places.clear();
        job.frames.clear();
        self.spare = job;
        Some(finished)
    }
}

/// The next order. Awake until that moment, asleep afterwards; `None` at the end.
fn next(inbox: &Receiver<Order>, awake_until: Option<Instant>) -> Option<Order> {
    while awake_until.is_some_and(|until| clock::now() < until) {
        match inbox.try_recv() {
            Ok(order) => return Some(order),
            Err(TryRecvError::Empty) => std::thread::yield_now(),
            Err(TryRecvError::Disconnected) => return None,
        }
    }
    inbox.recv().ok()
}

fn gone() -> io::Error {
    io::Error::other("the thread that changes addresses has ended")
}

/// The thread's own.
struct Hands {
    client: Client,
    frames: packet::Sender,
    paths: links::ReversePaths,
    firewall: Firewall,
}

impl Hands {
    fn write(&mut self, job: &mut Job) {
        let Hands { client, frames: sender, paths, firewall } = self;
        let Job { links, changes, places, refused, took, frames, unsent } = job;
        let mut send = || {
            let outgoing =
                frames.iter().map(|f| packet::Frame { interface: f.interface.0, bytes: f.bytes() });
            sender.send_many(outgoing, |_, problem| {
                *unsent = Some((unsent.map_or(0, |(count, _)| count) + 1, problem));
            });
        };
        let changes_nothing = changes.is_empty();
        let start = clock::now();
        // What belongs to the packet filter is done at once as far as it stands together.
        let is_shield = |change: &Change| matches!(change, Change::Muzzle { .. } | Change::Shut { .. });
        for run in links.chunk_by(|(_, a), (_, b)| is_shield(a) && is_shield(b)) {
            match run {
                [(at, change)] if !is_shield(change) => {
                    if let Err(refusal) = links::change(client, paths, change) {
                        refused.push((*at, refusal));
                    }
                }
                run => firewall.apply(run.iter().map(|(_, change)| change)),
            }
        }
        let mut change = || {
            client.change(changes, |index, problem| {
                refused.extend(places.get(index).map(|at| (*at, kernel::refusal(problem))));
            });
            *took = clock::now() - start;
        };
        if changes_nothing {
            *took = clock::now() - start;
            return send();
        }
        if frames.is_empty() {
            return change();
        }
        // Those are of addresses that are set: neither has to wait for the other.
        let began = thread::scope(|scope| {
            let beside = thread::Builder::new().name("announcements".to_owned()).stack_size(STACK);
            let began = beside.spawn_scoped(scope, &mut send).is_ok();
            change();
            began
        });
        if !began {
            send();
        }
    }
}
