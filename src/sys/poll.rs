//! One wait for many descriptors: `epoll(7)`, level-triggered, for a tokio runtime.
//!
//! tokio would wake a task for each descriptor. A worker with a thousand sockets has one task that wants to know which
//! of them have something: it sleeps on the epoll instance itself, and then asks it once.

use super::ready::Ready;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// The descriptors of a worker, each under a token that its owner chose.
pub struct Poll {
    epoll: Ready<Raw>,
    /// A place for each descriptor: one call tells of all of them.
    events: Vec<EpollEvent>,
    registered: usize,
}

/// `Epoll` has its descriptor as a field; tokio asks for `AsRawFd`.
struct Raw(Epoll);

impl AsRawFd for Raw {
    fn as_raw_fd(&self) -> RawFd {
        self.0.0.as_raw_fd()
    }
}

impl From<Raw> for OwnedFd {
    fn from(raw: Raw) -> OwnedFd {
        raw.0.0
    }
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poll").field("registered", &self.registered).finish_non_exhaustive()
    }
}

impl Poll {
    /// Without descriptors. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// Those of `epoll_create1(2)`: descriptors or memory exhausted.
    pub fn new() -> io::Result<Poll> {
        let epoll = Ready::new(Raw(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))?;
        Ok(Poll { epoll, events: Vec::new(), registered: 0 })
    }

    /// From now on tells of this descriptor, too, while there is something to read or an error in it. One that is
    /// closed leaves by itself, unless it was duplicated; [`Poll::remove`] is for those that go on living.
    ///
    /// # Errors
    /// Those of `epoll_ctl(2)`: a descriptor that can't be waited for, or is there already; the limit of watches.
    pub fn add(&mut self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        self.epoll.get().0.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
        self.registered += 1;
        if self.events.len() < self.registered {
            self.events.resize(self.registered.next_power_of_two().max(8), EpollEvent::empty());
        }
        Ok(())
    }

    /// Tells no more of this descriptor.
    ///
    /// # Errors
    /// Those of `epoll_ctl(2)`: it is not there.
    pub fn remove(&mut self, fd: &impl AsFd) -> io::Result<()> {
        self.epoll.get().0.delete(fd)?;
        self.registered = self.registered.saturating_sub(1);
        Ok(())
    }

    /// The tokens of all descriptors that are ready now, without waiting: one system call, whatever their number. One
    /// that its owner does not read empty is among those of the next call as well.
    ///
    /// # Errors
    /// Those of `epoll_wait(2)`; none is expected.
    pub fn ready_now(&mut self) -> io::Result<Tokens<'_>> {
        let found = match self.epoll.get().0.wait(&mut self.events, EpollTimeout::ZERO) {
            Ok(found) => found,
            Err(nix::errno::Errno::EINTR) => {
                self.epoll.more();
                0
            }
            Err(errno) => return Err(errno.into()),
        };
        Ok(Tokens { events: self.events.get(..found).unwrap_or_default() })
    }

    /// Waits until something becomes ready; [`Poll::ready_now`] must follow, and what it names must be read empty, or
    /// be told of by [`Poll::more`]: the wait is for news. Cancel-safe.
    ///
    /// # Errors
    /// The runtime is being shut down.
    pub async fn ready(&self) -> io::Result<()> {
        self.epoll.wait().await
    }

    /// The next wait is not to sleep: not everything that was ready was read empty.
    pub fn more(&self) {
        self.epoll.more();
    }
}

/// Tokens of descriptors that are ready.
#[derive(Clone, Copy)]
pub struct Tokens<'a> {
    events: &'a [EpollEvent],
}

impl fmt::Debug for Tokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Tokens<'_> {
    /// Each of them once.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.events.iter().map(EpollEvent::data)
    }

    /// Whether this one is among them.
    #[must_use]
    pub fn contains(&self, token: u64) -> bool {
        self.iter().any(|ready| ready == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::soon;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    fn run<F: Future>(f: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(f)
    }

    fn ready(poll: &mut Poll) -> Vec<u64> {
        let mut tokens: Vec<_> = poll.ready_now().unwrap().iter().collect();
        tokens.sort_unstable();
        tokens
    }

    fn pairs(count: usize) -> (Vec<UnixStream>, Vec<UnixStream>) {
        (0..count).map(|_| UnixStream::pair().unwrap()).unzip()
    }

    #[test]
    fn one_call_names_every_ready_one_of_many_until_it_is_read() {
        run(async {
            let (mut near, mut far) = pairs(300);
            let mut poll = Poll::new().unwrap();
            for (token, fd) in near.iter().enumerate() {
                poll.add(fd, token as u64).unwrap();
            }
            assert!(ready(&mut poll).is_empty());
            for far in &mut far {
                far.write_all(b"x").unwrap();
            }
            soon("the news", poll.ready()).await.unwrap();
            let all: Vec<u64> = (0..300).collect();
            assert_eq!(ready(&mut poll), all);
            for near in &mut near[1..] {
                near.read_exact(&mut [0]).unwrap();
            }
            assert_eq!(ready(&mut poll), [0], "it was not read");
            assert_eq!(ready(&mut poll), [0]);

            poll.remove(&near[0]).unwrap();
            assert!(ready(&mut poll).is_empty());
            drop(near.pop());
            far[1].write_all(b"x").unwrap();
            assert_eq!(ready(&mut poll), [1]);
        });
    }

    #[test]
    fn the_wait_ends_at_each_news_and_sleeps_in_between_unless_something_was_left() {
        run(async {
            let (mut near, mut far) = pairs(2);
            let mut poll = Poll::new().unwrap();
            poll.add(&near[0], 7).unwrap();
            poll.add(&near[1], 9).unwrap();
            for round in 0..20 {
                let at = round % 2;
                far[at].write_all(b"x").unwrap();
                soon("the news", poll.ready()).await.unwrap();
                assert_eq!(ready(&mut poll), [[7, 9][at]]);
                near[at].read_exact(&mut [0]).unwrap();
            }
            let slept = tokio::time::timeout(Duration::from_millis(20), poll.ready()).await;
            assert!(slept.is_err(), "nothing came");

            far[0].write_all(b"xy").unwrap();
            soon("the news", poll.ready()).await.unwrap();
            near[0].read_exact(&mut [0]).unwrap();
            poll.more();
            soon("what was left", poll.ready()).await.unwrap();
            assert_eq!(ready(&mut poll), [7]);
        });
    }
}
