//! The checks over TCP that are under way, thousands at once: each is a place in a list instead of a task, and one system
//! call tells of all whose sockets are ready.
//!
//! What happens to one of them is in `conversation`.

use super::Finished;
use super::conversation::{Conversation, Next, PIECE};
use super::ports::EphemeralPorts;
use super::socket::errno;
use crate::check::event::ProbeId;
use crate::check::probe::dialogue::Dialogue;
use crate::check::probe::{Failure, Operation, Outcome};
use crate::check::target::Check;
use crate::sys::poll::{Poll, Readiness};
use crate::sys::ready::Ready;
use crate::time::Instant;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The connections under way.
pub(super) struct Connections {
    /// Made with the first one; and the same, to be waited for.
    poll: Option<(Poll, Ready<OwnedFd>)>,
    open: Vec<Option<Connection>>,
    free: Vec<u32>,
    places: HashMap<ProbeId, u32>,
    deadlines: BTreeSet<(Instant, u32)>,
    /// Those that have more to be read already.
    again: Vec<u32>,
    /// Those that no descriptor is left for.
    waiting: VecDeque<Waiting>,
    finished: VecDeque<Finished>,
    /// A place for each descriptor.
    descriptors: Arc<Semaphore>,
    ports: EphemeralPorts,
    /// Room for what is read and told, kept.
    piece: Box<[u8]>,
    told: Vec<(u64, Readiness)>,
}

struct Waiting {
    probe: ProbeId,
    check: Check,
    dialogue: Option<Box<dyn Dialogue>>,
}

struct Connection {
    probe: ProbeId,
    conversation: Conversation<'static>,
    /// Where it stands among the deadlines: its own is not earlier.
    looked_at: Instant,
    _descriptor: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(descriptors: Arc<Semaphore>) -> Connections {
        Connections {
            poll: None,
            open: Vec::new(),
            free: Vec::new(),
            places: HashMap::new(),
            deadlines: BTreeSet::new(),
            again: Vec::new(),
            waiting: VecDeque::new(),
            finished: VecDeque::new(),
            descriptors,
            ports: EphemeralPorts::UNKNOWN,
            piece: vec![0; PIECE].into(),
            told: Vec::new(),
        }
    }

    /// Takes in what this machine is like now.
    pub(super) fn configure(&mut self) {
        self.ports = EphemeralPorts::read();
    }

    /// Starts one, with what is to be said over it; without a descriptor for it, its time does not run yet.
    pub(super) fn start(
        &mut self,
        now: Instant,
        probe: ProbeId,
        check: &Check,
        dialogue: Option<Box<dyn Dialogue>>,
    ) {
        let Ok(descriptor) = Arc::clone(&self.descriptors).try_acquire_owned() else {
            self.waiting.push_back(Waiting { probe, check: check.clone(), dialogue });
            return;
        };
        let begun = Conversation::begin(now, check.to, &check.settings.connect, dialogue, &self.ports)
            .and_then(|conversation| self.insert(probe, conversation, descriptor));
        if let Err(outcome) = begun {
            self.finish(probe, outcome);
        }
    }

    /// A check that can't even be started has come to an end, too.
    pub(super) fn finish(&mut self, probe: ProbeId, outcome: Outcome) {
        self.finished.push_back(Finished { probe, outcome });
    }

    fn insert(
        &mut self,
        probe: ProbeId,
        conversation: Conversation<'static>,
        descriptor: OwnedSemaphorePermit,
    ) -> Result<(), Outcome> {
        let can_not_wait = |error: io::Error| {
            let failure = Failure::System { operation: Operation::Wait, errno: errno(&error) };
            Outcome::NotRun(failure)
        };
        let poll = match &mut self.poll {
            Some((poll, _)) => poll,
            none => &mut none.insert(poll().map_err(can_not_wait)?).0,
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.open.push(None);
            (self.open.len() - 1) as u32
        });
        let added = match conversation.has_dialogue() {
            true => poll.add_stream(&conversation, place.into()),
            false => poll.add_writer(&conversation, place.into()),
        };
        if let Err(error) = added {
            self.free.push(place);
            return Err(can_not_wait(error));
        }
        let looked_at = conversation.next_timeout();
        self.deadlines.insert((looked_at, place));
        self.places.insert(probe, place);
        let connection = Connection { probe, conversation, looked_at, _descriptor: descriptor };
        if let Some(slot) = self.open.get_mut(place as usize) {
            *slot = Some(connection);
        }
        Ok(())
    }

    /// Forgets one.
    pub(super) fn cancel(&mut self, probe: ProbeId) {
        self.waiting.retain(|waiting| waiting.probe != probe);
        self.finished.retain(|finished| finished.probe != probe);
        if let Some(place) = self.places.get(&probe).copied() {
            drop(self.remove(place));
        }
    }

    /// Goes on with those that are ready, and ends those whose time is up.
    pub(super) fn look(&mut self, now: Instant) {
        let mut told = std::mem::take(&mut self.told);
        if !self.places.is_empty()
            && let Some((poll, _)) = &mut self.poll
            && let Ok(tokens) = poll.ready_now()
        {
            told.extend(tokens.states());
        }
        let readable = Readiness { is_readable: true, has_ended: true, ..Readiness::default() };
        let again = std::mem::take(&mut self.again);
        told.extend(again.into_iter().map(|place| (place.into(), readable)));
        for (token, ready) in told.drain(..) {
            if let Ok(place) = u32::try_from(token) {
                self.go_on(now, place, ready);
            }
        }
        self.told = told;
        self.end_what_is_late(now);
        while self.descriptors.available_permits() > 0
            && let Some(Waiting { probe, check, dialogue }) = self.waiting.pop_front()
        {
            self.start(now, probe, &check, dialogue);
        }
    }

    fn go_on(&mut self, now: Instant, place: u32, ready: Readiness) {
        let connection = self.open.get_mut(place as usize).and_then(Option::as_mut);
        let Some(Connection { probe, conversation, .. }) = connection else { return };
        let probe = *probe;
        match conversation.go_on(now, ready, &mut self.piece) {
            Next::Waits => {}
            Next::Reads => self.again.push(place),
            Next::Ended(outcome) => {
                drop(self.remove(place));
                self.finish(probe, outcome);
            }
        }
    }

    fn end_what_is_late(&mut self, now: Instant) {
        while let Some(&(at, place)) = self.deadlines.first().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&(at, place));
            let connection = self.open.get_mut(place as usize).and_then(Option::as_mut);
            let Some(connection) = connection else { continue };
            let probe = connection.probe;
            match connection.conversation.handle_timeout(now) {
                Some(outcome) => {
                    drop(self.remove(place));
                    self.finish(probe, outcome);
                }
                // It has gone on meanwhile.
                None => {
                    connection.looked_at = connection.conversation.next_timeout();
                    self.deadlines.insert((connection.looked_at, place));
                }
            }
        }
    }

    /// Whether to look again at once, when others have had their turn.
    pub(super) fn has_more(&self) -> bool {
        !self.again.is_empty()
    }

    /// When to look even if nothing has become ready.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// One that has come to an end.
    pub(super) fn try_finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Some socket is ready; never, while nothing is under way. Dropping the future loses nothing.
    pub(super) async fn changed(&self) {
        match &self.poll {
            Some((_, ready)) if ready.wait().await.is_ok() => {}
            _ => std::future::pending().await,
        }
    }

    fn remove(&mut self, place: u32) -> Option<Connection> {
        let connection = self.open.get_mut(place as usize)?.take()?;
        self.free.push(place);
        self.again.retain(|again| *again != place);
        self.places.remove(&connection.probe);
        self.deadlines.remove(&(connection.looked_at, place));
        if let Some((poll, _)) = &mut self.poll {
            poll.has_left();
        }
        Some(connection)
    }
}

fn poll() -> io::Result<(Poll, Ready<OwnedFd>)> {
    let poll = Poll::new()?;
    let ready = Ready::new(poll.descriptor()?)?;
    Ok((poll, ready))
}
