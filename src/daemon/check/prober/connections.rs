//! `TCP_CHECK`: connections that open, thousands at once. There is nothing to say over them, so each is a few words in a
//! list instead of a task, and one system call tells of all that have opened.
//!
//! What an open connection means is decided in [`crate::check::probe::tcp`]; how it is closed, in `stream`.

use super::Finished;
use super::socket::{self, errno};
use super::stream::{close_at_once, is_connected_to_itself};
use crate::check::config::Connect;
use crate::check::event::ProbeId;
use crate::check::probe::Operation;
use crate::check::probe::tcp::{Attempt, Event};
use crate::sys::poll::Poll;
use crate::sys::ready::Ready;
use crate::time::Instant;
use socket2::Socket;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The connections that are to open.
pub(super) struct Connections {
    /// Made with the first one; and the same, to be waited for.
    poll: Option<(Poll, Ready<OwnedFd>)>,
    opening: Vec<Option<Opening>>,
    free: Vec<u32>,
    places: HashMap<ProbeId, u32>,
    deadlines: BTreeSet<(Instant, u32)>,
    /// Those that no descriptor is left for.
    waiting: VecDeque<(ProbeId, Connect)>,
    finished: VecDeque<Finished>,
    /// A place for each descriptor.
    descriptors: Arc<Semaphore>,
}

/// A connection that is to open.
struct Opening {
    probe: ProbeId,
    socket: Socket,
    attempt: Attempt,
    to: SocketAddr,
    /// `bind_port`: nothing may be left of it.
    has_port: bool,
    _descriptor: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(descriptors: Arc<Semaphore>) -> Connections {
        Connections {
            poll: None,
            opening: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            deadlines: BTreeSet::new(),
            waiting: VecDeque::new(),
            finished: VecDeque::new(),
            descriptors,
        }
    }

    /// Starts one; without a descriptor for it, its time does not run yet.
    pub(super) fn start(&mut self, now: Instant, probe: ProbeId, connect: &Connect) {
        let Ok(descriptor) = Arc::clone(&self.descriptors).try_acquire_owned() else {
            self.waiting.push_back((probe, connect.clone()));
            return;
        };
        let attempt = Attempt::start(now, connect.timeout);
        if let Err((operation, error)) = self.begin(probe, connect, attempt, descriptor) {
            let outcome = attempt.handle(Event::Error { operation, errno: errno(&error) });
            self.finished.push_back(Finished { probe, outcome });
        }
    }

    fn begin(
        &mut self,
        probe: ProbeId,
        connect: &Connect,
        attempt: Attempt,
        descriptor: OwnedSemaphorePermit,
    ) -> Result<(), socket::Failed> {
        let at = |operation| move |error| (operation, error);
        let poll = match &mut self.poll {
            Some((poll, _)) => poll,
            none => &mut none.insert(poll().map_err(at(Operation::Wait))?).0,
        };
        let socket = socket::connecting(connect)?;
        let place = self.free.pop().unwrap_or_else(|| {
            self.opening.push(None);
            (self.opening.len() - 1) as u32
        });
        if let Err(error) = poll.add_writer(&socket, place.into()) {
            self.free.push(place);
            return Err((Operation::Wait, error));
        }
        self.deadlines.insert((attempt.next_timeout(), place));
        self.places.insert(probe, place);
        let (to, has_port) = (connect.to, connect.bind_port.is_some());
        let opening = Opening { probe, socket, attempt, to, has_port, _descriptor: descriptor };
        if let Some(slot) = self.opening.get_mut(place as usize) {
            *slot = Some(opening);
        }
        Ok(())
    }

    /// Forgets one.
    pub(super) fn cancel(&mut self, probe: ProbeId) {
        self.waiting.retain(|(waiting, _)| *waiting != probe);
        self.finished.retain(|finished| finished.probe != probe);
        if let Some(place) = self.places.get(&probe).copied() {
            drop(self.remove(place));
        }
    }

    /// Takes in which ones have opened, or can't.
    pub(super) fn look(&mut self, now: Instant) {
        if !self.places.is_empty()
            && let Some((poll, _)) = &mut self.poll
        {
            let told: Vec<(u64, bool)> =
                poll.ready_now().map(|tokens| tokens.states().collect()).unwrap_or_default();
            for (token, is_wrong) in told {
                if let Some(opening) = u32::try_from(token).ok().and_then(|place| self.remove(place)) {
                    let outcome = opening.attempt.handle(opening.event(is_wrong));
                    self.finished.push_back(Finished { probe: opening.probe, outcome });
                }
            }
        }
        while let Some(&(at, place)) = self.deadlines.first().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(at, place));
            if let Some(opening) = self.remove(place)
                && let Some(outcome) = opening.attempt.handle_timeout(now)
            {
                self.finished.push_back(Finished { probe: opening.probe, outcome });
            }
        }
        while self.descriptors.available_permits() > 0
            && let Some((probe, connect)) = self.waiting.pop_front()
        {
            self.start(now, probe, &connect);
        }
    }

    /// When to look even if nothing has opened.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// One that has come to an end.
    pub(super) fn try_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Something has opened; never, while nothing is under way. Dropping the future loses nothing.
    pub(super) async fn changed(&self) {
        match &self.poll {
            Some((_, ready)) if ready.wait().await.is_ok() => {}
            _ => std::future::pending().await,
        }
    }

    fn remove(&mut self, place: u32) -> Option<Opening> {
        let opening = self.opening.get_mut(place as usize)?.take()?;
        self.free.push(place);
        self.places.remove(&opening.probe);
        self.deadlines.remove(&(opening.attempt.next_timeout(), place));
        if let Some((poll, _)) = &mut self.poll {
            poll.has_left();
        }
        Some(opening)
    }
}

impl Opening {
    /// What became of it.
    fn event(&self, is_wrong: bool) -> Event {
        if is_wrong && let Ok(Some(error)) | Err(error) = self.socket.take_error() {
            return Event::Refused { errno: errno(&error) };
        }
        if is_connected_to_itself(&self.socket, self.to) {
            return Event::Refused { errno: libc::ECONNREFUSED };
        }
        if self.has_port {
            close_at_once(&self.socket);
        }
        Event::Connected
    }
}

fn poll() -> io::Result<(Poll, Ready<OwnedFd>)> {
    let poll = Poll::new()?;
    let ready = Ready::new(poll.descriptor()?)?;
    Ok((poll, ready))
}
