//! The order in which the program once did its work, kept to show that the simulation finds what was wrong with it: all
//! sockets are read, then every deadline that is due fires and everything that follows is done to its end, all addresses
//! included, before anything is read again. What looks like the master's silence then is this program's own work.

use crate::io::World;
use std::collections::VecDeque;
use vipd::time::Instant;
use vipd::vrrp::engine::{Io, Next};
use vipd::vrrp::event::{Action, Event, Name, Packet};
use vipd::vrrp::garp::Frame;
use vipd::vrrp::{Actions, Router};

/// Deadlines in a row.
const LOOPS: usize = 20;

#[derive(Debug)]
pub(crate) struct OldOrder {
    router: Router,
    actions: Actions,
    stopping: bool,
}

impl OldOrder {
    pub(crate) fn new(respawned: bool) -> OldOrder {
        OldOrder { router: Router::new(respawned), actions: Actions::new(), stopping: false }
    }

    pub(crate) fn handle(&mut self, now: Instant, event: Event<'_>) {
        self.stopping |= matches!(event, Event::Stop);
        self.router.handle(now, event, &mut self.actions);
        while self.router.step(now, &mut self.actions) {}
    }

    pub(crate) fn turn(&mut self, io: &mut World) -> Next {
        let OldOrder { router, actions, .. } = self;
        let more = io.receive(&mut |at, event| router.handle(at, event, actions));
        self.perform(io);
        // Where the work makes the next deadline late, and that makes work, it never ended.
        for _ in 0..LOOPS {
            let now = io.now();
            if self.router.next_timeout().is_none_or(|at| at > now) {
                break;
            }
            // Lateness alone told a pause: the loop's own work counted as one.
            self.router.handle_timeout(now, now, &mut self.actions);
            self.perform(io);
        }
        match self.router.next_timeout() {
            _ if more => Next::Again,
            _ if self.stopping => Next::Done,
            next => Next::At(next),
        }
    }

    /// By kind: adverts, addresses, announcements, reports.
    fn perform(&mut self, io: &mut World) {
        while !self.actions.is_empty() {
            let mut adverts: Vec<(Name, Packet)> = vec![];
            let (mut changes, mut announcements, mut reports) = (vec![], VecDeque::new(), vec![]);
            let mut notices = vec![];
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::Advertise { instance, packet } => adverts.push((instance, packet)),
                    Action::Apply { addresses, .. } => {
                        for address in addresses.iter() {
                            self.router.plan(address, &mut changes);
                        }
                    }
                    Action::ApplyLinks { links, .. } => {
                        links.iter().for_each(|link| self.router.plan_link(link, &mut changes));
                    }
                    Action::ApplyEntries { entries, .. } => {
                        for entry in entries.iter() {
                            self.router.plan_entry(entry, &mut changes);
                        }
                    }
                    Action::Probe { .. } => {}
                    Action::Announce { instance, addresses, rounds } => {
                        announcements.push_back((instance, addresses, rounds));
                    }
                    Action::Report { instance, report } => reports.push((instance, report)),
                    Action::Listen(listen) => {
                        let now = io.now();
                        match io.listen(listen) {
                            Ok(()) => self.router.listens(now, listen, &mut self.actions),
                            Err(reason) => {
                                let event = Event::ListenRefused { listen, reason };
                                self.router.handle(now, event, &mut self.actions);
                            }
                        }
                    }
                    Action::Buffer { .. } => {}
                    Action::Unlisten(listen) => io.unlisten(listen),
                    Action::Notify(notice) => notices.push(notice),
                    Action::Run(run) => io.run(run),
                    Action::CancelRun(id) => io.cancel_run(id),
                    Action::Watch(watched) => io.watch(*watched),
                }
            }
            io.send(&adverts, &mut |_, _| {});
            io.start(&changes, &[]);
            io.wait_for_job();
            for (instance, addresses, rounds) in announcements {
                for _ in 0..rounds {
                    let frames: Vec<Frame> = addresses
                        .iter()
                        .filter_map(|address| self.router.frame(&instance, address))
                        .collect();
                    io.start(&[], &frames);
                    io.wait_for_job();
                }
            }
            for (instance, report) in reports {
                io.report(instance.as_ref(), &report);
            }
            notices.iter().for_each(|notice| io.notify(notice));
        }
    }
}
