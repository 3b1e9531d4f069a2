//! Sockets and the kernel's news: carries out what the engine wants, and hears for it.
//!
//! All descriptors are in one [`Poll`]: a wake-up costs the same with one socket and with a thousand. One inbox serves
//! all sockets. Nothing is allocated for an advert that comes or leaves. What the kernel may take long for, addresses
//! above all, is the [`Writer`]'s.

use super::claims::Claims;
use super::firewall::Firewall;
use super::kernel;
use super::log::Log;
use super::notify::Notifier;
use super::programs::Programs;
use super::sockets::Sockets;
use super::standby::{self, Standby, Step};
use super::trackers::Trackers;
use super::writer::{Finished, Writer};
use crate::conf::Config;
use crate::daemon::buffers::grow;
use crate::daemon::worker::{FromWorker, Options};
use crate::netlink;
use crate::netlink::route::{self, Client, Monitor};
use crate::run::{Run, RunId, RunOutcome};
use crate::state::vrrp::Descriptors;
use crate::sys::clock;
use crate::sys::poll::Poll;
use crate::sys::raw::Inbox;
use crate::sys::scheduling;
use crate::sys::timer::Timer;
use crate::sys::wake::Wake;
use crate::time::Instant;
use crate::vrrp::config::{self, route::PROTOCOL_KEEPALIVED};
use crate::vrrp::engine::Io;
use crate::vrrp::event::{Change, Event, IfIndex, Listen, Name, Packet, Refusal, Report, Snapshot};
use crate::vrrp::garp::Frame;
use crate::vrrp::notice::Notice;
use crate::vrrp::shared::Shared;
use crate::vrrp::track::Watched;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tracing::info;

/// The kernel's news of so many links and addresses are heard in one go.
const NEWS: usize = 512;
/// Tokens of what is no VRRP socket.
const MONITOR: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
const WAKE: u64 = u64::MAX - 2;
const CLAIMS: [u64; 2] = [u64::MAX - 3, u64::MAX - 4];

/// The world of the worker: the clock, sockets, the kernel, programs, the log.
#[derive(Debug)]
pub(super) struct Network {
    poll: Poll,
    timer: Timer,
    /// The deadline that was slept for.
    deadline: Option<Instant>,
    standby: Standby,
    /// It slept, and the poll's last answer is as fresh as a new one.
    woken: bool,
    wake: Arc<Wake>,
    client: Client,
    monitor: Monitor,
    /// Routes with these protocol numbers are followed.
    protocols: BTreeSet<u8>,
    /// Rules are followed.
    rules: bool,
    /// What is to be followed from now on has not been read yet.
    is_blind: bool,
    /// The monitor is not read while the writer is at work: see [`Io::receive`].
    held: bool,
    writer: Writer,
    sockets: Sockets,
    claims: Claims,
    inbox: Inbox,
    programs: Programs,
    trackers: Trackers,
    log: Log,
    notifier: Notifier,
    /// Why the worker can't go on.
    broken: Option<super::Error>,
}

impl Network {
    /// It is woken by `wake`, too; the parent hears of programs that are to be run.
    pub(super) fn open(
        wake: Arc<Wake>,
        options: &Options,
        config: &Config,
        firewall: Firewall,
        notifier: Notifier,
        parent: &UnboundedSender<FromWorker>,
    ) -> Result<Network, super::Error> {
        let mut network = Network {
            poll: Poll::new()?,
            timer: Timer::new()?,
            deadline: None,
            standby: Standby::default(),
            woken: false,
            // Listening comes before asking: what changes in between is told.
            monitor: Monitor::open()?,
            protocols: BTreeSet::new(),
            rules: false,
            is_blind: false,
            held: false,
            client: Client::open()?,
            writer: Writer::start(Arc::clone(&wake), firewall, config.global.netlink.vrrp_cmd)?,
            programs: Programs::new(parent.clone()),
            trackers: Trackers::new(
                Arc::clone(&wake),
                options.respawned,
                config.global.netlink.process_monitor,
            ),
            wake,
            sockets: Sockets::default(),
            claims: Claims::new(CLAIMS),
            inbox: Inbox::new(),
            log: Log::new(options.log_detail),
            notifier,
            broken: None,
        };
        let buffers = &config.global.netlink;
        grow("vrrp_netlink_cmd_rcv_bufs", buffers.vrrp_cmd, &network.client);
        grow("vrrp_netlink_monitor_rcv_bufs", buffers.vrrp_monitor, &network.monitor);
        network.poll.add(&network.timer, TIMER)?;
        network.poll.add(&network.monitor, MONITOR)?;
        network.poll.add(&*network.wake, WAKE)?;
        Ok(network)
    }

    /// The numbers of the sockets that adverts come and go by.
    pub(super) fn descriptors(&self) -> Descriptors {
        self.sockets.descriptors()
    }

    /// All links and addresses, the routes that are followed or could be an earlier run's, and rules.
    pub(super) fn snapshot(&mut self) -> Result<Snapshot, netlink::Error> {
        let mut protocols = self.protocols.clone();
        protocols.insert(PROTOCOL_KEEPALIVED);
        self.is_blind = false;
        kernel::snapshot(&mut self.client, &protocols, true)
    }

    /// From now on it follows what this configuration names. Where that is more than before, [`Network::is_blind`] until
    /// everything was read anew, which is ordered with `read`.
    pub(super) fn follow(&mut self, config: &config::Config, read: bool) -> Result<(), super::Error> {
        let (protocols, rules) = (config.route_protocols(), config.has_rules());
        let more = !protocols.is_subset(&self.protocols) || (rules && !self.rules);
        if more {
            // What is no longer wanted is still followed: it may have to be removed first.
            self.protocols.extend(protocols);
            self.rules |= rules;
            self.monitor.follow_routing(&self.protocols, self.rules)?;
        }
        if more && read {
            self.is_blind = true;
            self.writer.order_snapshot(self.protocols.clone())?;
        }
        Ok(())
    }

    /// Whether what the next configuration names was not read yet.
    pub(super) const fn is_blind(&self) -> bool {
        self.is_blind
    }

    /// Another configuration, as far as it says how others are told.
    pub(super) fn configure(&mut self, config: &Config) {
        self.notifier.configure(config);
        self.claims.configure(config, &mut self.poll);
    }

    /// Waits until what was told last has left, but not for long.
    pub(super) fn finish(&self) {
        self.notifier.finish();
    }

    /// Takes in how a program of this worker's ended.
    pub(super) fn run_ended(&mut self, id: RunId, outcome: &RunOutcome) {
        let _ = self.notifier.ended(id, outcome);
    }

    /// What made it useless, if something did.
    pub(super) fn check(&mut self) -> Result<(), super::Error> {
        self.broken.take().map_or(Ok(()), Err)
    }

    /// Waits until something may have come, or until then.
    ///
    /// An idle processor takes a tenth of a millisecond or more to wake. Where an instance takes over then, this thread and
    /// the one that sets addresses wake a little earlier and stand by, until its first addresses are announced.
    pub(super) fn sleep(&mut self, until: Option<Instant>, takes_over: bool) -> io::Result<()> {
        let at_work = self.writer.is_at_work();
        match self.standby.step(clock::now(), until.filter(|_| takes_over), at_work) {
            Step::SleepUntil(early) => {
                self.timer.set(Some(early))?;
                self.poll.wait()?;
            }
            // Two threads that stay awake on one processor would keep each other waiting.
            Step::StandBy(at) if scheduling::has_several_processors() => {
                self.writer.stand_by(at + standby::AFTER)?;
                self.stay_awake(at)?;
            }
            Step::Await(end) if scheduling::has_several_processors() => {
                self.stay_awake(until.map_or(end, |until| until.min(end)))?;
            }
            Step::Sleep | Step::StandBy(_) | Step::Await(_) => {
                self.timer.set(until)?;
                self.poll.wait()?;
            }
        }
        self.deadline = until;
        self.woken = true;
        Ok(())
    }

    /// Whether it stays awake for the end of a job: all else can wait for so long.
    pub(super) fn stands_by(&self) -> bool {
        let awaits = self.standby.awaits(clock::now(), self.writer.is_at_work());
        awaits.is_some() && scheduling::has_several_processors()
    }

    /// Waits until something has come, or until then, without sleep.
    fn stay_awake(&mut self, until: Instant) -> io::Result<()> {
        while self.poll.ready_now()?.iter().next().is_none() && clock::now() < until {
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Asks which descriptors have something, unless that was said a moment ago. Where a deadline has passed since, it
    /// is asked again: packets come before timers.
    fn look(&mut self, now: Instant) -> io::Result<()> {
        if !std::mem::take(&mut self.woken) || self.deadline.is_some_and(|at| at <= now) {
            self.poll.ready_now()?;
        }
        Ok(())
    }

    /// A program has ended: what the engine is to hear.
    pub(super) fn ended(&mut self, id: RunId, outcome: &RunOutcome) -> Option<Event<'static>> {
        self.programs.ended(id, outcome)
    }

    /// Hears of the other threads' results.
    fn hear_threads(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> Result<(), super::Error> {
        if let Some(snapshot) = self.writer.snapshot()? {
            self.is_blind = false;
            sink(clock::now(), Event::Snapshot(Box::new(snapshot)));
        }
        while let Some(event) = self.trackers.seen()? {
            sink(clock::now(), event);
        }
        if self.held && !self.writer.is_at_work() {
            self.held = false;
            self.poll.hold(&self.monitor, MONITOR, false)?;
            self.woken = false;
        }
        Ok(())
    }
}

impl Io for Network {
    fn now(&mut self) -> Instant {
        clock::now()
    }

    fn utc(&mut self) -> Duration {
        clock::wall()
    }

    fn receive(&mut self, sink: &mut dyn FnMut(Instant, Event<'_>)) -> bool {
        let now = clock::now();
        self.log.tick(now);
        // The writer first: where it has ended its job, the news that waited for it are read in this turn.
        let heard = self.hear_threads(sink);
        if let Err(error) = heard.and_then(|()| Ok(self.look(now)?)) {
            self.broken = Some(error);
            return false;
        }
        let Network {
            poll,
            timer,
            wake,
            client,
            monitor,
            protocols,
            held,
            writer,
            sockets,
            claims,
            inbox,
            broken,
            ..
        } = self;
        let (mut more, mut to_hold) = (false, false);
        for token in poll.last().iter() {
            match token {
                // It only wakes: who asked for it looks at the clock.
                TIMER => {
                    if let Err(error) = timer.take_expiry() {
                        *broken = Some(error.into());
                    }
                }
                WAKE => {
                    if let Err(error) = wake.clear() {
                        *broken = Some(error.into());
                    }
                }
                MONITOR if writer.is_at_work() => to_hold = !*held,
                MONITOR => match follow(monitor, client, writer, protocols, sink) {
                    Ok(left) => more |= left,
                    Err(error) => *broken = Some(error),
                },
                token if CLAIMS.contains(&token) => more |= claims.drain(token, inbox, sink),
                _ => more |= sockets.drain(token, inbox, sink),
            }
        }
        if to_hold {
            *held = true;
            if let Err(error) = poll.hold(monitor, MONITOR, true) {
                *broken = Some(error.into());
            }
        }
        more
    }

    fn listen(&mut self, listen: Listen) -> Result<(), Shared<str>> {
        self.sockets.listen(&mut self.poll, listen)
    }

    fn set_buffer(&mut self, listen: Listen, bytes: u32) {
        self.sockets.set_buffer(listen, bytes);
    }

    fn unlisten(&mut self, listen: Listen) {
        self.sockets.unlisten(&mut self.poll, listen);
    }

    fn send(&mut self, adverts: &[(Name, Packet)], failed: &mut dyn FnMut(usize, Shared<str>)) {
        self.sockets.send(adverts, failed);
    }

    fn start(&mut self, changes: &[Change], frames: &[Frame]) {
        self.log.announced(frames);
        if let Err(error) = self.writer.order(changes, frames) {
            self.broken = Some(error.into());
        }
    }

    fn finished(&mut self, refused: &mut dyn FnMut(usize, Refusal)) -> Option<Duration> {
        let Finished { took, unsent } = self.writer.finished(refused)?;
        if let Some((count, problem)) = unsent {
            self.log.announcements_not_sent(count, problem, clock::now());
        }
        Some(took)
    }

    fn notify(&mut self, notice: &Notice) {
        self.notifier.notify(notice);
    }

    fn run(&mut self, run: Run) {
        self.programs.run(run);
    }

    fn cancel_run(&mut self, id: RunId) {
        self.programs.cancel(id);
    }

    fn watch(&mut self, watched: Watched) {
        if let Err(error) = self.trackers.watch(watched) {
            self.broken = Some(error.into());
        }
    }

    fn report(&mut self, instance: Option<&Name>, report: &Report) {
        self.log.report(instance, report, clock::now());
    }
}

/// Gives the kernel's news; true if there are more. Where some were lost, the writer is to ask for everything.
fn follow(
    monitor: &mut Monitor,
    client: &mut Client,
    writer: &mut Writer,
    protocols: &BTreeSet<u8>,
    sink: &mut dyn FnMut(Instant, Event<'_>),
) -> Result<bool, super::Error> {
    let mut failed = Ok(());
    let mut lost = false;
    let more = monitor.drain(NEWS, |event| {
        let event = match event {
            route::Event::Link(l) => Ok(Some(Event::Link(kernel::link(l)))),
            route::Event::LinkGone(l) => Ok(Some(Event::LinkGone(IfIndex(l.index)))),
            // A rare event, and the engine takes links as a whole.
            route::Event::Forwarding { interface, .. } => {
                client.link_at(interface).map(|found| found.map(|l| Event::Link(kernel::link(l))))
            }
            route::Event::Address(a) => Ok(Some(Event::Address(kernel::address(&a)))),
            route::Event::AddressGone(a) => {
                Ok(Some(Event::AddressGone { interface: IfIndex(a.interface), net: a.net }))
            }
            route::Event::Route(r) => Ok(Some(Event::Route(kernel::entries::found(&r)))),
            route::Event::RouteGone(r) => Ok(Some(Event::RouteGone(kernel::entries::found(&r)))),
            route::Event::Rule(r) => Ok(kernel::entries::rule(&r).map(|r| Event::Rule(Box::new(r)))),
            route::Event::RuleGone(r) => Ok(kernel::entries::rule(&r).map(|r| Event::RuleGone(Box::new(r)))),
            route::Event::Resync => {
                lost = true;
                Ok(None)
            }
        };
        match event {
            Ok(Some(event)) => sink(clock::now(), event),
            Ok(None) => {}
            Err(error) => failed = Err(error),
        }
    })?;
    failed?;
    if lost {
        // keepalived's line, by which people look for it.
        info!("Netlink: Receive buffer overrun on monitor socket - (No buffer space available)");
        info!("  - asking the kernel for all links, addresses, routes and rules again");
        writer.order_snapshot(protocols.clone())?;
    }
    Ok(more && !lost)
}
