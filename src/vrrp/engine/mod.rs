//! The loop of the VRRP worker, without its sockets: reads, decides, acts, a little at a time.
//!
//! ```text
//!            ┌────────────────────── turn ──────────────────────┐
//!  sockets ─►│ receive ─► due deadlines ─► adverts out ─► a job │─► again at once, or at the next deadline
//!  netlink ─►│ (stamped)   (some)          (at once)        │ ▲ │
//!            └──────────────────────────────────────────────┼─┼─┘
//!                                                           ▼ │
//!                                     a slice of work, done beside the loop: addresses, then announcements
//! ```
//!
//! Four rules hold whatever the number of instances:
//!
//! - **Packets before timers.** A deadline fires only if everything that had arrived by then has been read.
//! - **Adverts wait for nothing** but other adverts: they leave in the turn that decides them. Addresses and
//!   announcements are queued (`work`); a slice of them at a time is a job, which the kernel may take as long for as it
//!   likes: the loop goes on.
//! - **Others hear of what is done.** A script that is told of a master finds its addresses set: notices wait for what
//!   their instance waits for, and a group's for those of its members.
//! - **Only a pause is a stall.** A deadline that passed while this loop was at work says nothing about the peer or the
//!   machine; one that passed while it should have been asleep does.
//!
//! The same loop runs in the daemon and in the simulation (`tests/sim`): [`Io`] is all it knows of the world.

pub mod io;
mod work;

pub use io::Io;

use super::event::{Action, Actions, Event, Listen, Name, Packet, Report};
use super::notice::Notice;
use super::router::{Router, STATICS};
use crate::time::Instant;
use std::collections::HashSet;
use std::time::Duration;
use work::Work;

/// So many deadlines fire in a turn: their adverts leave together.
const DEADLINES: usize = 64;

/// Somebody has set the wall clock, if it moved by more than this against the monotonic one.
const CLOCK_SET: Duration = Duration::from_millis(20);

/// A loop that wakes so much too late was held up. Less happens where others are at work, and moves no master of a
/// second's interval.
const HELD_UP: Duration = Duration::from_secs(1);

/// When to call [`Engine::turn`] again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At once.
    Again,
    /// Then, or when something can be read or a job ends; without a time, only then.
    At(Option<Instant>),
    /// Never: everything is stopped.
    Done,
}

/// The router and its queues.
#[derive(Debug)]
pub struct Engine {
    router: Router,
    work: Work,
    /// The loop has not slept since then.
    awake_since: Option<Instant>,
    /// It wanted to sleep no longer than until then.
    asleep_until: Option<Instant>,
    stopping: bool,
    /// The wall clock when the monotonic one began, as the router was told.
    epoch: Option<Duration>,
    /// Instances whose last advert did not leave: said once until one does.
    mute: HashSet<Name>,
    // Emptied in each turn; kept, so that a turn allocates nothing.
    actions: Actions,
    adverts: Vec<(Name, Packet)>,
    unlisten: Vec<Listen>,
    reports: Vec<(Option<Name>, Report)>,
    notices: Vec<Notice>,
}

impl Engine {
    /// For [`Router::new`].
    #[must_use]
    pub fn new(respawned: bool) -> Engine {
        Engine {
            router: Router::new(respawned),
            work: Work::default(),
            awake_since: None,
            asleep_until: None,
            stopping: false,
            epoch: None,
            mute: HashSet::new(),
            actions: Vec::new(),
            adverts: Vec::new(),
            unlisten: Vec::new(),
            reports: Vec::new(),
            notices: Vec::new(),
        }
    }

    /// The instances.
    #[must_use]
    pub const fn router(&self) -> &Router {
        &self.router
    }

    /// The counters of an instance begin again from nothing.
    pub fn clear_stats(&mut self, instance: &Name) {
        self.router.clear_stats(instance);
    }

    /// Whether the last configuration is carried out, and the kernel holds what followed from it, or refused it.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.router.is_relearning() && !self.router.is_reloading() && !self.work.has_changes()
    }

    /// Gives memory back that only much work needs: to be called when there is time.
    pub fn tidy(&mut self) {
        self.work.tidy();
        // A usual turn finds its room.
        self.actions.shrink_to(4 * DEADLINES);
        self.adverts.shrink_to(4 * DEADLINES);
        self.unlisten.shrink_to_fit();
        self.reports.shrink_to_fit();
        self.notices.shrink_to_fit();
    }

    /// Takes in what does not come through [`Io::receive`]: configurations, the end. What follows from it is done in the
    /// next turns.
    pub fn handle(&mut self, now: Instant, event: Event<'_>) {
        self.stopping |= matches!(event, Event::Stop);
        self.router.handle(now, event, &mut self.actions);
    }

    /// Does one round of everything.
    pub fn turn(&mut self, io: &mut impl Io) -> Next {
        // Before the sockets are read: what is due now was not kept from firing by a packet that came later.
        let now = io.now();
        let awake_since = *self.awake_since.get_or_insert(now);
        let late = self.asleep_until.take().map(|due| now.saturating_since(due));
        if let Some(late) = late.filter(|late| *late >= HELD_UP) {
            // Said even where it moves nothing: packets that came meanwhile may have set the deadlines anew.
            self.actions.push(Action::Report { instance: None, report: Report::HeldUp { late } });
        }
        let epoch = io.utc().saturating_sub(now.saturating_since(Instant::ZERO));
        if self.epoch.is_none_or(|known| known.abs_diff(epoch) > CLOCK_SET) {
            self.epoch = Some(epoch);
            self.router.handle(now, Event::Clock { epoch }, &mut self.actions);
        }
        let Engine { router, actions, .. } = self;
        let more = io.receive(&mut |at, event| router.handle(at, event, actions));
        self.act(now, io);
        let fired = self.router.fire(now, awake_since, DEADLINES, &mut self.actions);
        if self.router.awaits_statics() && !self.work.waits(STATICS) {
            self.router.statics_done();
        }
        let reloading = self.router.step(now, &mut self.actions);
        self.act(now, io);
        if !more && !self.work.is_changing() {
            self.router.changes_are_over();
        }
        // Changes are planned on what is there, not on what is about to be replaced.
        let worked = !self.router.is_relearning() && self.work.slice(now, &mut self.router, io);
        // Nothing may have had to be done about them.
        let statics_done = self.router.awaits_statics() && !self.work.waits(STATICS);
        if more || fired == DEADLINES || reloading || worked || statics_done {
            return Next::Again;
        }
        if self.stopping && self.work.is_empty() {
            return Next::Done;
        }
        let next = self.router.next_timeout().into_iter().chain(self.work.next_timeout()).min();
        if next.is_some_and(|at| at <= io.now()) {
            return Next::Again;
        }
        (self.awake_since, self.asleep_until) = (None, next);
        Next::At(next)
    }

    /// Carries out the actions: adverts at once, the rest later, in the order in which each instance wants it.
    fn act(&mut self, now: Instant, io: &mut impl Io) {
        while !self.actions.is_empty() {
            let mut actions = std::mem::take(&mut self.actions);
            for action in actions.drain(..) {
                match action {
                    Action::Listen(listen) => self.listen(now, listen, io),
                    Action::Buffer { listen, bytes } => io.set_buffer(listen, bytes),
                    Action::Run(run) => io.run(run),
                    Action::CancelRun(id) => io.cancel_run(id),
                    Action::Watch(watched) => io.watch(*watched),
                    Action::Unlisten(listen) => self.unlisten.push(listen),
                    Action::Advertise { instance, packet } => self.adverts.push((instance, packet)),
                    Action::Report { instance, report } => {
                        if let (Some(old), Report::Renamed { to }) = (&instance, &report) {
                            // What was decided before is queued by the old name, with the addresses that it waits for.
                            self.tell(io);
                            self.work.rename(old, to);
                        }
                        report_once(&mut self.reports, instance, report);
                    }
                    Action::Apply { instance, addresses } => self.work.apply(instance, &addresses),
                    Action::ApplyLinks { instance, links } => self.work.apply_links(&instance, &links),
                    Action::ApplyEntries { instance, entries } => self.work.apply_entries(instance, &entries),
                    Action::Announce { instance, addresses, rounds } => {
                        self.work.announce(instance, &addresses, rounds);
                    }
                    Action::Probe { instance, addresses } => self.work.probe(instance, &addresses),
                    Action::Notify(notice) => self.notices.push(notice),
                }
            }
            if self.actions.is_empty() {
                // Its room is used again.
                self.actions = actions;
            }
            self.advertise(now, io);
            for listen in self.unlisten.drain(..) {
                io.unlisten(listen);
            }
            self.tell(io);
        }
    }

    /// Listens there. If this turn has left the same place, that is done first, and before it whoever left says goodbye:
    /// left behind its new entry, the place would be lost.
    fn listen(&mut self, now: Instant, listen: Listen, io: &mut impl Io) {
        if self.unlisten.contains(&listen) {
            self.advertise(now, io);
            self.unlisten.retain(|left| *left != listen);
            io.unlisten(listen);
        }
        match io.listen(listen) {
            Ok(()) => self.router.listens(now, listen, &mut self.actions),
            Err(reason) => {
                self.router.handle(now, Event::ListenRefused { listen, reason }, &mut self.actions);
            }
        }
    }

    /// Reports first, then notices: behind all that was decided with them.
    fn tell(&mut self, io: &mut impl Io) {
        for (instance, report) in self.reports.drain(..) {
            io.report(instance.as_ref(), &report);
        }
        for notice in self.notices.drain(..) {
            self.work.tell(notice, io);
        }
    }

    fn advertise(&mut self, now: Instant, io: &mut impl Io) {
        if self.adverts.is_empty() {
            return;
        }
        let Engine { adverts, mute, reports, router, actions, .. } = self;
        let mut before = std::mem::take(mute);
        io.send(adverts, &mut |at, reason| {
            let Some((instance, _)) = adverts.get(at) else { return };
            router.handle(now, Event::AdvertRefused { instance: instance.clone() }, actions);
            if mute.insert(instance.clone()) && !before.contains(instance) {
                reports.push((Some(instance.clone()), Report::AdvertRefused { reason }));
            }
        });
        if !before.is_empty() {
            for (instance, _) in adverts.iter() {
                before.remove(instance);
            }
            mute.extend(before);
        }
        adverts.clear();
    }
}

/// Addresses, or routes and rules, of one instance that were taken one after the other are told of together.
fn report_once(reports: &mut Vec<(Option<Name>, Report)>, instance: Option<Name>, report: Report) {
    match (reports.last_mut(), report) {
        (Some((other, Report::AddressesTaken(list))), Report::AddressesTaken(more)) if *other == instance => {
            list.add(more);
        }
        (Some((other, Report::EntriesTaken(list))), Report::EntriesTaken(more)) if *other == instance => {
            list.add(more);
        }
        (_, report) => reports.push((instance, report)),
    }
}

#[cfg(test)]
mod tests;
