//! One conversation alone, held to its end by a thread that waits for nothing else.

use super::conversation::{Conversation, Next, PIECE};
use super::ports::EphemeralPorts;
use crate::check::config::Connect;
use crate::check::probe::dialogue::Dialogue;
use crate::check::probe::{Failure, Operation, Outcome};
use crate::sys::clock;
use crate::sys::poll::Readiness;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::Duration;

/// A dialogue over a connection.
pub(in super::super) fn talk(to: SocketAddr, connect: &Connect, dialogue: &mut dyn Dialogue) -> Outcome {
    let (dialogue, ports) = (Some(Box::new(dialogue) as Box<dyn Dialogue + '_>), EphemeralPorts::UNKNOWN);
    let mut conversation = match Conversation::begin(clock::now(), to, connect, dialogue, &ports) {
        Ok(conversation) => conversation,
        Err(outcome) => return outcome,
    };
    let mut piece = vec![0; PIECE];
    loop {
        let ready = match wait(&conversation) {
            Ok(ready) => ready,
            Err(errno) => {
                return Outcome::NotRun(Failure::System { operation: Operation::Wait, errno: errno as i32 });
            }
        };
        let now = clock::now();
        let next = match ready {
            Some(ready) => conversation.go_on(now, ready, &mut piece),
            None => conversation.handle_timeout(now).map_or(Next::Waits, Next::Ended),
        };
        if let Next::Ended(outcome) = next {
            return outcome;
        }
    }
}

/// Waits until the socket is ready; `None`: for too long.
fn wait(conversation: &Conversation<'_>) -> nix::Result<Option<Readiness>> {
    let awaited = match conversation.waits_to_send() {
        true => PollFlags::POLLOUT,
        false => PollFlags::POLLIN,
    };
    let mut fds = [PollFd::new(conversation.as_fd(), awaited)];
    // Rounded up: it must not be asked again and again within the last millisecond.
    let left = conversation.next_timeout().saturating_since(clock::now()) + Duration::from_millis(1);
    match poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
        Ok(0) => return Ok(None),
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno),
    }
    let flags = fds.first().and_then(PollFd::revents).unwrap_or(PollFlags::empty());
    Ok(Some(Readiness {
        is_wrong: flags.intersects(PollFlags::POLLERR | PollFlags::POLLHUP),
        is_readable: flags.contains(PollFlags::POLLIN),
        has_ended: false,
    }))
}
