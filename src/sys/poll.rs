//! One wait for many descriptors: `epoll(7)`, level-triggered, for a thread that has nothing else to do.
//!
//! tokio would wake a task for each descriptor, and ask the kernel twice. A worker with a thousand sockets and deadlines
//! of milliseconds sleeps in the one system call that says which of them have something.

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// The descriptors of a thread, each under a token that its owner chose.
pub struct Poll {
    epoll: Epoll,
    /// A place for each descriptor: one call tells of all of them.
    events: Vec<EpollEvent>,
    /// So many of the events are of the last call.
    found: usize,
    registered: usize,
}

impl fmt::Debug for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poll").field("registered", &self.registered).finish_non_exhaustive()
    }
}

impl Poll {
    /// Without descriptors.
    ///
    /// # Errors
    /// Those of `epoll_create1(2)`: descriptors or memory exhausted.
    pub fn new() -> io::Result<Poll> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Poll { epoll, events: Vec::new(), found: 0, registered: 0 })
    }

    /// From now on tells of this descriptor, too, while there is something to read or an error in it. One that is
    /// closed leaves by itself, unless it was duplicated; [`Poll::remove`] is for those that go on living.
    ///
    /// # Errors
    /// Those of `epoll_ctl(2)`: a descriptor that can't be waited for, or is there already; the limit of watches.
    pub fn add(&mut self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        self.register(fd, EpollFlags::EPOLLIN, token)
    }

    /// From now on tells, once, that this descriptor can be written to or has an error: of a socket that connects, that it is
    /// connected or can't be. Who closes it says so with [`Poll::has_left`].
    ///
    /// # Errors
    /// As of [`Poll::add`].
    pub fn add_writer(&mut self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        self.register(fd, EpollFlags::EPOLLOUT | EpollFlags::EPOLLET, token)
    }

    /// The same, and besides, each time more has come: that there is something to read, or that the other side has ended.
    /// What is not read at once is not told of again.
    ///
    /// # Errors
    /// As of [`Poll::add`].
    pub fn add_stream(&mut self, fd: &impl AsFd, token: u64) -> io::Result<()> {
        let both = EpollFlags::EPOLLOUT | EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP;
        self.register(fd, both | EpollFlags::EPOLLET, token)
    }

    /// A descriptor was closed that was added.
    pub fn has_left(&mut self) {
        self.registered = self.registered.saturating_sub(1);
    }

    /// A descriptor of the same poll, to be waited for elsewhere: it can be read while another one is ready.
    ///
    /// # Errors
    /// Those of `fcntl(2)`: descriptors exhausted.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        self.epoll.0.try_clone()
    }

    fn register(&mut self, fd: &impl AsFd, flags: EpollFlags, token: u64) -> io::Result<()> {
        self.epoll.add(fd, EpollEvent::new(flags, token))?;
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
        self.epoll.delete(fd)?;
        self.registered = self.registered.saturating_sub(1);
        Ok(())
    }

    /// Does not tell of what can be read there, or does again. An error is told of all the same.
    ///
    /// # Errors
    /// Those of `epoll_ctl(2)`: it is not there.
    pub fn hold(&mut self, fd: &impl AsFd, token: u64, held: bool) -> io::Result<()> {
        let flags = if held { EpollFlags::empty() } else { EpollFlags::EPOLLIN };
        Ok(self.epoll.modify(fd, &mut EpollEvent::new(flags, token))?)
    }

    /// The tokens of all descriptors that are ready now, without waiting: one system call, whatever their number. One
    /// that its owner does not read empty is among those of the next call as well.
    ///
    /// # Errors
    /// Those of `epoll_wait(2)`; none is expected.
    pub fn ready_now(&mut self) -> io::Result<Tokens<'_>> {
        self.ask(EpollTimeout::ZERO)
    }

    /// Waits until something is ready, and gives the tokens; none after a signal.
    ///
    /// # Errors
    /// As of [`Poll::ready_now`].
    pub fn wait(&mut self) -> io::Result<Tokens<'_>> {
        self.ask(EpollTimeout::NONE)
    }

    /// The tokens of the last call.
    #[must_use]
    pub fn last(&self) -> Tokens<'_> {
        Tokens { events: self.events.get(..self.found).unwrap_or_default() }
    }

    fn ask(&mut self, timeout: EpollTimeout) -> io::Result<Tokens<'_>> {
        self.found = 0;
        self.found = match self.epoll.wait(&mut self.events, timeout) {
            Ok(found) => found,
            Err(nix::errno::Errno::EINTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
        Ok(self.last())
    }
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Readiness {
    /// There is an error in it, or both sides are gone.
    pub is_wrong: bool,
    /// There is something to read, or its end.
    pub is_readable: bool,
    /// The other side says no more.
    pub has_ended: bool,
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

    /// The same, with what each of them is ready for.
    pub fn states(&self) -> impl Iterator<Item = (u64, Readiness)> + '_ {
        let state = |flags: EpollFlags| Readiness {
            is_wrong: flags.intersects(EpollFlags::EPOLLERR | EpollFlags::EPOLLHUP),
            is_readable: flags.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP),
            has_ended: flags.contains(EpollFlags::EPOLLRDHUP),
        };
        self.events.iter().map(move |event| (event.data(), state(event.events())))
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
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    fn tokens(tokens: Tokens<'_>) -> Vec<u64> {
        let mut tokens: Vec<_> = tokens.iter().collect();
        tokens.sort_unstable();
        tokens
    }

    fn pairs(count: usize) -> (Vec<UnixStream>, Vec<UnixStream>) {
        (0..count).map(|_| UnixStream::pair().unwrap()).unzip()
    }

    #[test]
    fn one_call_names_every_ready_one_of_many_until_it_is_read() {
        let (mut near, mut far) = pairs(300);
        let mut poll = Poll::new().unwrap();
        for (token, fd) in near.iter().enumerate() {
            poll.add(fd, token as u64).unwrap();
        }
        assert!(tokens(poll.ready_now().unwrap()).is_empty());
        for far in &mut far {
            far.write_all(b"x").unwrap();
        }
        let all: Vec<u64> = (0..300).collect();
        assert_eq!(tokens(poll.wait().unwrap()), all);
        assert_eq!(tokens(poll.last()), all);
        for near in &mut near[1..] {
            near.read_exact(&mut [0]).unwrap();
        }
        assert_eq!(tokens(poll.ready_now().unwrap()), [0], "it was not read");
        assert_eq!(tokens(poll.wait().unwrap()), [0]);

        poll.remove(&near[0]).unwrap();
        assert!(tokens(poll.ready_now().unwrap()).is_empty());
        assert!(tokens(poll.last()).is_empty());
        drop(near.pop());
        far[1].write_all(b"x").unwrap();
        assert_eq!(tokens(poll.ready_now().unwrap()), [1]);
    }

    #[test]
    fn a_connection_that_opens_or_can_not_is_told_of_once() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let shut = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut poll = Poll::new().unwrap();
        let connect = |to: std::net::SocketAddr| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&to.into());
            socket
        };
        let sockets = [connect(open), connect(shut)];
        for (socket, token) in sockets.iter().zip([4, 5]) {
            poll.add_writer(socket, token).unwrap();
        }
        let mut told = Vec::new();
        while told.len() < 2 {
            told.extend(poll.wait().unwrap().states());
        }
        told.sort_unstable_by_key(|(token, _)| *token);
        let told: Vec<_> = told.into_iter().map(|(token, state)| (token, state.is_wrong)).collect();
        assert_eq!(told, [(4, false), (5, true)]);
        assert!(tokens(poll.ready_now().unwrap()).is_empty());
        drop(sockets);
        poll.has_left();
        poll.has_left();
        assert_eq!(poll.registered, 0);
    }

    #[test]
    fn a_stream_is_told_of_each_time_more_comes() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut poll = Poll::new().unwrap();
        poll.add_stream(&near, 3).unwrap();
        let told = |poll: &mut Poll| poll.ready_now().unwrap().states().collect::<Vec<_>>();
        assert_eq!(told(&mut poll), [(3, Readiness::default())], "it can be written to");
        assert_eq!(told(&mut poll), []);
        let readable = Readiness { is_readable: true, ..Readiness::default() };
        for _ in 0..2 {
            far.write_all(b"x").unwrap();
            assert_eq!(told(&mut poll), [(3, readable)]);
            assert_eq!(told(&mut poll), [], "once");
        }
        far.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(told(&mut poll), [(3, Readiness { has_ended: true, ..readable })]);
    }

    #[test]
    fn the_wait_ends_at_news_and_what_is_held_is_none() {
        let (near, mut far) = pairs(2);
        let mut poll = Poll::new().unwrap();
        poll.add(&near[0], 7).unwrap();
        poll.add(&near[1], 9).unwrap();
        far[0].write_all(b"x").unwrap();
        assert_eq!(tokens(poll.wait().unwrap()), [7]);
        poll.hold(&near[0], 7, true).unwrap();
        assert!(tokens(poll.ready_now().unwrap()).is_empty());
        let mut other = far.pop().unwrap();
        let thread = std::thread::spawn(move || {
            other.write_all(b"x").unwrap();
            other
        });
        assert_eq!(tokens(poll.wait().unwrap()), [9]);
        let _open = thread.join().unwrap();
        poll.hold(&near[0], 7, false).unwrap();
        assert_eq!(tokens(poll.ready_now().unwrap()), [7, 9]);
    }
}
