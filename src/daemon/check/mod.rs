//! The check worker's driver: sockets, the clock and the kernel's table around [`crate::check::Balancer`].
//!
//! One loop, which does a bounded part of each kind of work at a time: the parent's words, outcomes of probes, probes
//! that are due, then the kernel's table, for all that these changed in one batch. Log lines come last, and only while
//! nothing else is to be done: a thousand servers that fail are out of the table before the first line says so. Probes
//! are tasks of this thread's runtime; `prober` has their sockets, `kernel` the table.
//!
//! At start, the table that is found is adopted: see [`crate::check::adopt`]. Services of the configuration belong to
//! this worker whole: what others have added to them is removed; services of others are never touched. A kernel
//! without IPVS is logged once and asked again later, and the parent is told; checks go on meanwhile, so that the table
//! is right when it can be written.

mod addresses;
mod dumps;
pub mod fetch;
mod files;
mod journal;
mod kernel;
mod marks;
mod notify;
mod ping_group;
mod prober;
mod programs;
mod shortage;
mod tls;

use super::scheduling::Scheduled;
use super::sync_daemon::{SyncDaemons, daemon};
use super::worker::{Control, FromWorker, Options, Quorums, TableState, ToWorker};
use crate::check::adopt::Found;
use crate::check::checker::Status;
use crate::check::config::{FlushOnStop, Probe, VirtualServer};
use crate::check::event::{Action, CheckReport, Event, Report, Subject};
use crate::check::probe::misc;
use crate::check::{self, Balancer};
use crate::conf::Config;
use crate::conf::config::Netlink;
use crate::ipvs::client::Client;
use crate::ipvs::model::DaemonState;
use crate::run::{RunId, RunOutcome};
use crate::sys::{clock, memory};
use crate::time::Instant;
use addresses::Addresses;
use dumps::Dumps;
use files::Files;
use journal::{Entry, Journal};
use kernel::{Heritage, Kernel};
use marks::Marks;
use notify::Notifier;
use ping_group::PingGroup;
use prober::{Finished, Prober};
use programs::Programs;
use shortage::Shortage;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::mpsc::error::TryRecvError;
use tracing::info;

/// Outcomes that are taken in before the kernel's table is written.
const OUTCOMES: usize = 1024;

/// Checks that are due within this time begin together, at its end: with thousands a second, each of them would wake the
/// worker up alone. That a server is dead is known within five milliseconds of when it could be.
const TOGETHER: Duration = Duration::from_millis(3);

/// Log lines that are written before anything else is looked at.
const LINES: usize = 256;

/// Servers that are told of one by one at the stop, which has its time.
const TOLD_AT_STOP: usize = 1000;

/// Runs the check worker until it is told to stop, or its parent is gone.
///
/// It needs a current-thread tokio runtime with I/O and time enabled, in the network namespace whose servers and
/// table are meant.
pub async fn run(config: Config, options: Options, mut control: Control) {
    let mut driver = Driver::start(config, &options, &mut control);
    driver.ready();
    let mut has_worked = true;
    while driver.obey(&mut control).is_continue() {
        has_worked = driver.turn(has_worked);
        if has_worked {
            // What has become ready meanwhile comes first.
            tokio::task::yield_now().await;
            continue;
        }
        let next = driver.next_timeout();
        tokio::select! {
            biased;
            message = control.inbox.recv() => {
                if driver.order(message).is_break() {
                    break;
                }
            }
            finished = driver.prober.finished() => driver.take_in(finished),
            () = driver.files.changed() => {}
            () = driver.addresses.changed() => {}
            () = sleep_until(next) => driver.scheduled.woke(next),
        }
    }
    driver.stop(&options);
}

struct Driver {
    balancer: Balancer,
    prober: Prober,
    shortage: Shortage,
    ping_group: PingGroup,
    files: Files,
    addresses: Addresses,
    programs: Programs,
    notifier: Notifier,
    dumps: Dumps,
    kernel: Kernel,
    marks: Marks,
    journal: Journal,
    sync_daemons: SyncDaemons,
    scheduled: Scheduled,
    parent: UnboundedSender<FromWorker>,
    flush_on_stop: FlushOnStop,
    /// What the parent was told of the table.
    reported: Option<TableState>,
    /// What it was told of the quorums of tracked virtual servers.
    quorums: Quorums,
    /// Some virtual server has gained or lost its quorum.
    is_quorum_news: bool,
    /// Kept, for what one call makes the next one needs too.
    actions: Vec<Action>,
    /// A configuration has taken effect, and what it took on its way is not given back yet.
    has_grown: bool,
}

impl Driver {
    fn start(mut config: Config, options: &Options, control: &mut Control) -> Driver {
        let parent = control.outbox.clone();
        let mut driver = Driver {
            balancer: Balancer::new(RandomState::new().hash_one(0)),
            prober: Prober::new(),
            shortage: Shortage::default(),
            ping_group: PingGroup::default(),
            files: Files::default(),
            addresses: Addresses::default(),
            programs: Programs::new(parent.clone()),
            notifier: Notifier::new(control.fifos.clone()),
            dumps: Dumps::default(),
            kernel: Kernel::new(Client::open),
            marks: Marks::default(),
            journal: Journal::default(),
            sync_daemons: SyncDaemons::default(),
            scheduled: std::mem::take(&mut control.scheduled),
            parent,
            flush_on_stop: FlushOnStop::default(),
            reported: None,
            quorums: Quorums::default(),
            is_quorum_news: false,
            actions: Vec::new(),
            has_grown: false,
        };
        let now = clock::now();
        driver.marks.give(&config.global.firewall, &mut config.check);
        driver.synchronise(&config);
        driver.notifier.configure(&config);
        driver.dumps.configure(&config);
        driver.make_room(&config.global.netlink);
        let keys = config.check.virtual_servers.iter().flat_map(VirtualServer::keys);
        // Those that are wanted no more go.
        let former = std::mem::take(&mut control.former);
        driver.look_for_addresses(&config.check);
        driver.prepare(&config.check);
        driver.set_up_table(&config.check);
        if config.check.settings.flush && !options.respawned {
            driver.kernel.flush(now);
        }
        // With another configuration, it can't be told who has set what.
        let heritage = (options.respawned && former.is_empty()).then(|| Heritage::of(&config.check));
        let table = driver.kernel.read_at_start(now, keys.chain(former), options.respawned);
        let table = match &heritage {
            Some(heritage) => heritage.told(table),
            None => table,
        };
        let found = Found::new(&table, options.respawned);
        driver.balancer.configure(now, config.check, &found, &mut driver.actions);
        if let Some(heritage) = &heritage {
            driver.kernel.inherit(heritage, &driver.balancer);
        }
        driver.look_at_files(now);
        driver.kernel.replace(now, &driver.balancer);
        driver.marks.apply(now);
        driver
    }

    fn reload(&mut self, mut config: Config) {
        let now = clock::now();
        self.marks.give(&config.global.firewall, &mut config.check);
        self.scheduled.configure(&config.global.processes.checker, &config.global.processes);
        self.synchronise(&config);
        self.notifier.configure(&config);
        self.dumps.configure(&config);
        self.make_room(&config.global.netlink);
        self.look_for_addresses(&config.check);
        self.prepare(&config.check);
        self.set_up_table(&config.check);
        self.balancer.configure(now, config.check, &Found::default(), &mut self.actions);
        self.look_at_files(now);
        self.kernel.reload(now, &self.balancer);
        self.marks.apply(now);
    }

    /// Of answers and news that wait on the kernel's sockets.
    fn make_room(&mut self, buffers: &Netlink) {
        self.kernel.set_buffer(buffers.lvs_cmd);
        self.addresses.set_buffer(buffers.lvs_monitor);
    }

    /// `ha_suspend`: which of the addresses are here, before anything is asked of their servers.
    fn look_for_addresses(&mut self, config: &check::Config) {
        if let Some(here) = self.addresses.ask_for(check::awaited(&config.virtual_servers).collect()) {
            self.balancer.know_addresses(here);
        }
    }

    /// Makes ready what checks need of this machine.
    fn prepare(&mut self, config: &check::Config) {
        self.ping_group.allow(config.checks().any(|check| matches!(check.probe, Probe::Ping)));
        self.prober.configure(config);
        self.shortage.forget_checks();
    }

    /// Takes in what holds for the kernel's table as a whole.
    fn set_up_table(&mut self, config: &check::Config) {
        self.kernel.set_timeouts(clock::now(), config.settings.timeouts);
        self.kernel.set_watch(&config.settings);
        self.flush_on_stop = config.settings.flush_on_stop;
    }

    /// `lvs_sync_daemon` without an instance: both daemons run.
    fn synchronise(&mut self, config: &Config) {
        let both = |config: &_| [DaemonState::Master, DaemonState::Backup].map(|state| daemon(config, state));
        let config = config.global.sync_daemon.as_ref().filter(|daemon| daemon.instance.is_none());
        self.sync_daemons.want(config.map_or_else(Vec::new, |config| both(config).into()));
    }

    /// Starts what is due at once, and takes in what files say: it holds from the first write of the table on.
    fn look_at_files(&mut self, now: Instant) {
        self.balancer.handle_timeout(now, &mut self.actions);
        self.perform();
        while let Some(found) = self.files.try_found(now) {
            self.take_in(found);
        }
        self.perform();
    }

    /// Tells the parent that what it asked for is done.
    fn ready(&mut self) {
        self.has_grown = true;
        self.report_table();
        self.report_quorums();
        let _ = self.parent.send(FromWorker::Ready);
    }

    /// Tells the parent of the table, if there is anything new.
    fn report_table(&mut self) {
        let state = self.kernel.state();
        if self.reported.as_ref() != Some(&state) {
            self.reported = Some(state.clone());
            let _ = self.parent.send(FromWorker::Table(state));
        }
    }

    /// Tells the parent which of the tracked virtual servers have their quorum, if there is anything new. Where several
    /// are called alike, all of them need it.
    fn report_quorums(&mut self) {
        let mut quorums = Quorums::default();
        for vs in self.balancer.virtual_servers().iter().filter(|vs| vs.config().is_tracked) {
            let has_quorum = vs.quorum() == Status::Up;
            quorums
                .entry(vs.config().name.clone())
                .and_modify(|all| *all &= has_quorum)
                .or_insert(has_quorum);
        }
        if self.quorums != quorums {
            self.quorums.clone_from(&quorums);
            let _ = self.parent.send(FromWorker::Quorums(quorums));
        }
    }

    /// Does what the parent has asked for meanwhile.
    fn obey(&mut self, control: &mut Control) -> ControlFlow<()> {
        for _ in 0..OUTCOMES {
            match control.inbox.try_recv() {
                Ok(message) => self.order(Some(message))?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }

    fn order(&mut self, message: Option<ToWorker>) -> ControlFlow<()> {
        match message {
            Some(ToWorker::Reload(config)) => {
                self.reload(*config);
                self.ready();
                ControlFlow::Continue(())
            }
            Some(ToWorker::RunEnded { id, outcome }) => {
                self.run_ended(id, &outcome);
                ControlFlow::Continue(())
            }
            Some(ToWorker::Dump(dump)) => {
                self.dumps.ask(dump);
                ControlFlow::Continue(())
            }
            Some(ToWorker::Table(_) | ToWorker::Quorums(_)) => ControlFlow::Continue(()),
            Some(ToWorker::Stop) | None => ControlFlow::Break(()),
        }
    }

    fn run_ended(&mut self, id: RunId, outcome: &RunOutcome) {
        let Some(probe) = self.programs.ended(id, outcome) else { return };
        let Some(Probe::Misc(check)) = self.balancer.check(probe).map(|check| &check.settings.probe) else {
            return;
        };
        let outcome = misc::outcome(check, outcome);
        self.take_in(Finished { probe, outcome });
    }

    fn take_in(&mut self, Finished { probe, outcome }: Finished) {
        let now = clock::now();
        if let Some(news) = self.shortage.ended(now, probe.check(), &outcome) {
            news.tell();
        }
        self.balancer.handle(now, Event::ProbeFinished { probe, outcome }, &mut self.actions);
    }

    /// One part of everything that there is to do. Returns whether there may be more of it. Who has waited for sockets just
    /// now has not worked since, and need not ask for them again.
    fn turn(&mut self, has_worked: bool) -> bool {
        let now = clock::now();
        if has_worked || self.prober.is_due(now) {
            self.prober.look(now);
        }
        let mut taken = 0;
        while taken < OUTCOMES
            && let Some(finished) = self.prober.try_finished()
        {
            self.take_in(finished);
            taken += 1;
        }
        let now = clock::now();
        self.files.handle_timeout(now);
        if let Some(news) = self.shortage.handle_timeout(now) {
            news.tell();
        }
        while taken < OUTCOMES
            && let Some(found) = self.files.try_found(now)
        {
            self.take_in(found);
            taken += 1;
        }
        if let Some(here) = self.addresses.try_news() {
            self.balancer.handle(now, Event::Addresses(here), &mut self.actions);
        }
        let is_due = |balancer: &Balancer| balancer.next_timeout().is_some_and(|at| at <= now);
        if is_due(&self.balancer) {
            self.balancer.handle_timeout(now, &mut self.actions);
        }
        self.perform();
        self.kernel.apply(now, &self.balancer);
        self.marks.handle_timeout(now);
        self.report_table();
        if std::mem::take(&mut self.is_quorum_news) {
            self.report_quorums();
        }
        if taken > 0 || is_due(&self.balancer) || self.prober.has_more() {
            return true;
        }
        let has_more = self.tell(LINES, self.kernel.is_unavailable()) || self.dumps.go_on(&self.balancer);
        if !has_more && std::mem::take(&mut self.has_grown) {
            memory::return_unused();
            memory::return_unused_program();
        }
        has_more
    }

    /// Tells up to `count` things. Returns whether there are more.
    fn tell(&mut self, count: usize, is_table_unavailable: bool) -> bool {
        let Driver { journal, notifier, programs, .. } = self;
        journal.tell(count, is_table_unavailable, |entry| notifier.tell(entry, programs))
    }

    fn next_timeout(&self) -> Option<Instant> {
        [
            self.balancer.next_timeout().map(|at| at.rounded_up(TOGETHER)),
            self.prober.next_timeout(),
            self.kernel.next_timeout(),
            self.marks.next_timeout(),
            self.files.next_timeout(),
            self.shortage.next_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn perform(&mut self) {
        let now = clock::now();
        for action in self.actions.drain(..) {
            match action {
                Action::StartProbe(probe) => {
                    let Some(check) = self.balancer.check(probe) else { continue };
                    match &check.settings.probe {
                        Probe::Misc(misc) => self.programs.start(probe, misc),
                        Probe::File(file) => self.files.start(now, probe, file),
                        _ => self.prober.start(now, probe, check, self.balancer.page(probe)),
                    }
                }
                Action::CancelProbe(probe) => {
                    self.prober.cancel(probe);
                    self.programs.cancel(probe);
                    self.files.cancel(probe);
                }
                Action::Notify(notice) => {
                    self.is_quorum_news |= notice.subject == Subject::VirtualServer;
                    self.journal.push(Entry::Notice(notice));
                }
                Action::ServiceChanged(key) => self.kernel.mark(key),
                Action::DestChanged(key, dest) => self.kernel.mark_dest(key, dest),
                Action::Mail(alert) => self.journal.push(Entry::Mail(alert)),
                // Told for all of them at once.
                Action::Report(Report::Check { report: CheckReport::NotRun(failure), .. })
                    if shortage::is_meant(&failure) => {}
                Action::Report(report) => self.journal.push(Entry::Report(report)),
            }
        }
        self.actions.shrink_to(OUTCOMES);
    }

    fn stop(mut self, options: &Options) {
        let is_unavailable = self.kernel.is_unavailable();
        self.sync_daemons.finish(false);
        self.ping_group.allow(false);
        // What stays in the kernel is not gone.
        if !options.dont_release_ipvs {
            self.balancer.shut_down(self.flush_on_stop == FlushOnStop::Each, &mut self.actions);
            self.marks.release(clock::now());
            self.kernel.release(self.flush_on_stop);
        }
        let mut shut_down = 0;
        for action in std::mem::take(&mut self.actions) {
            match action {
                Action::Report(Report::ServerShutDown { .. }) if shut_down >= TOLD_AT_STOP => shut_down += 1,
                Action::Report(report @ Report::ServerShutDown { .. }) => {
                    shut_down += 1;
                    self.journal.push(Entry::Report(report));
                }
                Action::Notify(notice) => self.journal.push(Entry::Notice(notice)),
                Action::Report(report) => self.journal.push(Entry::Report(report)),
                Action::Mail(alert) => self.journal.push(Entry::Mail(alert)),
                _ => {}
            }
        }
        while self.tell(LINES, is_unavailable) {}
        if let Some(more) = shut_down.checked_sub(TOLD_AT_STOP).filter(|more| *more > 0) {
            info!("Shutting down {more} more services");
        }
        self.notifier.finish();
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep(at.saturating_since(clock::now())).await,
        None => std::future::pending().await,
    }
}

/// The delay before the n-th attempt in a row: a second, then twice as long each time, up to a minute.
fn backoff(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.min(6)).min(Duration::from_secs(60))
}
