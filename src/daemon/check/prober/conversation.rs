//! One connection of a check, from its first packet to the end of what is said over it. It never waits: who has many of them
//! tells it what its socket is ready for, and when its time is up.
//!
//! A connection is closed as keepalived closes it, with an ordinary FIN: servers log a reset as an error more often
//! than a connection that says nothing. Only where `bind_port` fixes the source port it is reset, because the port
//! would be taken by the old connection (TIME_WAIT) for a minute otherwise, and the next check could not run; and with
//! `half_open`, where the server's program does not hear of it at all.

use super::ports::EphemeralPorts;
use super::socket::{self, errno};
use crate::check::config::Connect;
use crate::check::probe::dialogue::{Dialogue, Heard, Step};
use crate::check::probe::tcp::{Attempt, Event};
use crate::check::probe::{Failure, Operation, Outcome};
use crate::sys::poll::Readiness;
use crate::time::Instant;
use socket2::Socket;
use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// So many times `connect_timeout` a whole dialogue may take: keepalived waits as long for each piece of an answer, and
/// for any number of pieces.
const PATIENCE: u32 = 10;

/// What is read at once.
pub(super) const PIECE: usize = 16 * 1024;

/// Pieces that are read before others have their turn.
const PIECES: usize = 4;

/// A connection, and what is said over it.
pub(super) struct Conversation<'a> {
    socket: Socket,
    to: SocketAddr,
    timeout: Duration,
    /// `bind_port`: nothing may be left of it.
    has_port: bool,
    /// It may be connected to itself.
    may_be_alone: bool,
    stage: Stage,
    /// Nothing, of `TCP_CHECK`.
    dialogue: Option<Box<dyn Dialogue + 'a>>,
    /// What of the last words has not gone yet.
    unsent: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Stage {
    Opening(Attempt),
    Talking {
        /// When this step of the dialogue has taken too long.
        deadline: Instant,
        /// When all of it has.
        last: Instant,
    },
}

/// How it goes on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Once the socket is ready again.
    Waits,
    /// There is more to be read already.
    Reads,
    /// It is over.
    Ended(Outcome),
}

impl<'a> Conversation<'a> {
    /// A connection on its way.
    ///
    /// # Errors
    /// What becomes of a check whose connection can't be tried.
    pub(super) fn begin(
        now: Instant,
        to: SocketAddr,
        connect: &Connect,
        dialogue: Option<Box<dyn Dialogue + 'a>>,
        ports: &EphemeralPorts,
    ) -> Result<Conversation<'a>, Outcome> {
        let attempt = Attempt::start(now, connect.timeout);
        let socket = socket::connecting(to, connect)
            .map_err(|(operation, error)| attempt.handle(Event::Error { operation, errno: errno(&error) }))?;
        Ok(Conversation {
            socket,
            to,
            timeout: connect.timeout,
            has_port: connect.bind_port.is_some(),
            may_be_alone: ports.may_be_met(to, connect),
            stage: Stage::Opening(attempt),
            dialogue,
            unsent: Vec::new(),
        })
    }

    /// Whether more is to come over it than that it opens.
    pub(super) const fn has_dialogue(&self) -> bool {
        self.dialogue.is_some()
    }

    /// Whether it goes on once the socket takes more, and not before.
    pub(super) fn waits_to_send(&self) -> bool {
        matches!(self.stage, Stage::Opening(_)) || !self.unsent.is_empty()
    }

    /// When to call [`Conversation::handle_timeout`]; it never becomes earlier.
    pub(super) const fn next_timeout(&self) -> Instant {
        match self.stage {
            Stage::Opening(attempt) => attempt.next_timeout(),
            Stage::Talking { deadline, .. } => deadline,
        }
    }

    /// The outcome, if its time is up.
    pub(super) fn handle_timeout(&self, now: Instant) -> Option<Outcome> {
        match self.stage {
            Stage::Opening(attempt) => attempt.handle_timeout(now),
            Stage::Talking { deadline, .. } => (now >= deadline).then_some(Outcome::Failed(Failure::Timeout)),
        }
    }

    /// Goes on as far as the socket is ready; `piece` is room for what is read.
    pub(super) fn go_on(&mut self, now: Instant, ready: Readiness, piece: &mut [u8]) -> Next {
        let ended = match self.stage {
            Stage::Opening(attempt) => self.opened(now, attempt, ready.is_wrong),
            Stage::Talking { .. } => self.send(),
        };
        if let Err(outcome) = ended {
            return Next::Ended(outcome);
        }
        if !ready.is_readable && !ready.is_wrong {
            return Next::Waits;
        }
        for _ in 0..PIECES {
            match self.read(now, piece) {
                Ok(Some(length)) if length < piece.len() && !ready.has_ended && !ready.is_wrong => {
                    // All that there was; more of it, or the end, is told of.
                    return Next::Waits;
                }
                Ok(Some(_)) => {}
                Ok(None) => return Next::Waits,
                Err(outcome) => return Next::Ended(outcome),
            }
        }
        Next::Reads
    }

    /// The connection is open, or can't be.
    fn opened(&mut self, now: Instant, attempt: Attempt, is_wrong: bool) -> Result<(), Outcome> {
        if is_wrong && let Ok(Some(error)) | Err(error) = self.socket.take_error() {
            return Err(attempt.handle(Event::Refused { errno: errno(&error) }));
        }
        if self.may_be_alone && self.is_connected_to_itself() {
            return Err(attempt.handle(Event::Refused { errno: libc::ECONNREFUSED }));
        }
        if self.has_port {
            // Where that fails, the next check says that its port is taken.
            let _ = self.socket.set_linger(Some(Duration::ZERO));
        }
        let Some(dialogue) = &mut self.dialogue else { return Err(attempt.handle(Event::Connected)) };
        let step = dialogue.begin();
        let last = now + self.timeout.saturating_mul(PATIENCE);
        self.stage = Stage::Talking { deadline: now, last };
        self.follow(now, step)
    }

    fn is_connected_to_itself(&self) -> bool {
        let from = self.socket.local_addr().ok();
        from.and_then(|from| from.as_socket()).is_some_and(|from| from == self.to)
    }

    /// Does what the dialogue says.
    fn follow(&mut self, now: Instant, step: Step) -> Result<(), Outcome> {
        if let Stage::Talking { deadline, last } = &mut self.stage {
            *deadline = (*last).min(now + self.timeout);
        }
        match step {
            Step::End(Ok(())) => {
                Err(self.dialogue.as_ref().map_or(Outcome::Passed, |dialogue| dialogue.passed()))
            }
            Step::End(Err(failure)) => Err(Outcome::Failed(failure)),
            Step::Listen => Ok(()),
            Step::Say(bytes) => {
                match self.unsent.is_empty() {
                    true => self.unsent = bytes,
                    false => self.unsent.extend(bytes),
                }
                self.send()
            }
        }
    }

    fn send(&mut self) -> Result<(), Outcome> {
        while !self.unsent.is_empty() {
            match self.socket.send(&self.unsent) {
                Ok(sent) if sent >= self.unsent.len() => self.unsent = Vec::new(),
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let failure = Failure::System { operation: Operation::Send, errno: errno(&error) };
                    return Err(Outcome::Failed(failure));
                }
            }
        }
        Ok(())
    }

    /// Hears one piece; how long it was, or that there is none now.
    fn read(&mut self, now: Instant, piece: &mut [u8]) -> Result<Option<usize>, Outcome> {
        let Some(dialogue) = &mut self.dialogue else { return Ok(None) };
        let mut socket = &self.socket;
        let (length, heard) = match socket.read(piece) {
            Ok(0) => (0, Heard::End),
            Ok(length) => (length, Heard::Bytes(piece.get(..length).unwrap_or_default())),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Some(piece.len())),
            Err(error) => (0, Heard::Broken(errno(&error))),
        };
        let step = dialogue.hear(heard);
        self.follow(now, step)?;
        // Behind its end there is nothing to read.
        Ok((length > 0).then_some(length))
    }
}

impl AsFd for Conversation<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::check::prober::talk;
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    /// More than any buffer takes at once.
    const MUCH: usize = 32 << 20;

    /// Says all of it, and passes once the server has said how much came.
    #[derive(Debug)]
    struct Speech;

    impl Dialogue for Speech {
        fn begin(&mut self) -> Step {
            Step::Say((0..MUCH).map(|n| n as u8).collect())
        }

        fn hear(&mut self, heard: Heard<'_>) -> Step {
            match heard {
                Heard::Bytes(b"ok") => Step::End(Ok(())),
                heard => Step::fail(format!("{heard:?}")),
            }
        }
    }

    #[test]
    fn what_no_buffer_takes_at_once_is_said_in_pieces() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let mut client = listener.accept().unwrap().0;
            let mut heard = vec![0; MUCH];
            client.read_exact(&mut heard).unwrap();
            assert!(heard.iter().enumerate().all(|(n, byte)| *byte == n as u8), "in its order");
            client.write_all(b"ok").unwrap();
        });
        let connect = Connect { timeout: Duration::from_secs(10), ..Connect::DEFAULT };
        assert_eq!(talk(address, &connect, &mut Speech), Outcome::Passed);
        server.join().unwrap();
    }

    /// As the list of connections drives it: told of each readiness once.
    #[test]
    fn the_rest_goes_when_the_socket_takes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connect, ports) = (Connect::DEFAULT, EphemeralPorts::UNKNOWN);
        let begun = Conversation::begin(Instant::ZERO, address, &connect, Some(Box::new(Speech)), &ports);
        let mut conversation = begun.unwrap();
        let mut poll = crate::sys::poll::Poll::new().unwrap();
        poll.add_stream(&conversation, 0).unwrap();
        let mut client = listener.accept().unwrap().0;
        let server = thread::spawn(move || {
            client.read_exact(&mut vec![0; MUCH]).unwrap();
            client.write_all(b"ok").unwrap();
        });
        let mut piece = vec![0; PIECE];
        let outcome = loop {
            let told: Vec<Readiness> = poll.wait().unwrap().states().map(|(_, ready)| ready).collect();
            let last = told.into_iter().map(|ready| conversation.go_on(Instant::ZERO, ready, &mut piece));
            if let Some(Next::Ended(outcome)) = last.last() {
                break outcome;
            }
        };
        assert_eq!(outcome, Outcome::Passed);
        server.join().unwrap();
    }
}
