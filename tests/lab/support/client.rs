//! A client: asks a service who answers, once or all the time.

use super::host::Host;
use socket2::{Domain, Socket, Type};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Asks services of the lab; each answers with the name of the server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    host: Host,
    ports: Arc<Ports>,
}

/// The ports that requests come from, in turn. A director remembers a connection long after it ended and gives a new
/// one from the same port to the same server: with ports at random, a share would now and then be off by one.
#[derive(Debug)]
struct Ports(AtomicU16);

impl Ports {
    /// Below those that the kernel gives out on its own.
    const RANGE: Range<u16> = 1024..32_768;

    fn next(&self) -> u16 {
        let turn = self.0.fetch_add(1, Ordering::Relaxed) % (Self::RANGE.end - Self::RANGE.start);
        Self::RANGE.start + turn
    }
}

impl Client {
    pub(crate) fn new(host: &Host) -> Self {
        Self { host: host.clone(), ports: Arc::new(Ports(AtomicU16::new(0))) }
    }

    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// One request: the name of the server that answered.
    pub(crate) fn request(&self, service: SocketAddr) -> io::Result<String> {
        self.host.enter(|| request(&self.ports, service, Duration::from_secs(2)))
    }

    /// Begins to send requests, one after another.
    pub(crate) fn stream(&self, service: SocketAddr) -> Stream {
        let (shared, host, ports) = (Arc::new(Shared::default()), self.host.clone(), Arc::clone(&self.ports));
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                host.join_namespace();
                while !shared.stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let answer = request(&ports, service, Stream::PATIENCE);
                    shared
                        .answers
                        .lock()
                        .expect("no panic while held")
                        .push(Answer { start, server: answer.ok() });
                    shared.more.notify_all();
                    thread::sleep(Stream::EVERY.saturating_sub(start.elapsed()));
                }
            }
        });
        Stream { shared, thread: Some(thread) }
    }
}

fn request(ports: &Ports, service: SocketAddr, patience: Duration) -> io::Result<String> {
    let socket = Socket::new(Domain::for_address(service), Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, ports.next())).into())?;
    socket.connect_timeout(&service.into(), patience)?;
    let mut connection = TcpStream::from(socket);
    connection.set_read_timeout(Some(patience))?;
    let mut name = String::new();
    connection.read_to_string(&mut name)?;
    Ok(name.trim().to_owned())
}

/// Requests that follow one another, until it is dropped.
#[derive(Debug)]
pub(crate) struct Stream {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    answers: Mutex<Vec<Answer>>,
    more: Condvar,
}

/// What became of one request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) start: Instant,
    /// The server's name, unless there was no answer in time.
    pub(crate) server: Option<String>,
}

impl Stream {
    /// The next request starts so long after the last one, if that one was answered.
    const EVERY: Duration = Duration::from_millis(10);
    /// A request without an answer is given up after so long.
    const PATIENCE: Duration = Duration::from_millis(100);

    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.shared.answers.lock().expect("no panic while held").clone()
    }

    /// Waits until a request that started after `since` was answered.
    #[track_caller]
    pub(crate) fn wait_answer(&self, since: Instant, limit: Duration) -> Answer {
        let answers = self.shared.answers.lock().expect("no panic while held");
        let answered = |answer: &Answer| answer.start > since && answer.server.is_some();
        let (answers, _) = self
            .shared
            .more
            .wait_timeout_while(answers, limit, |answers| !answers.iter().rev().any(answered))
            .expect("no panic while held");
        let found = answers.iter().find(|answer| answered(answer)).cloned();
        found.unwrap_or_else(|| {
            panic!("waited {limit:?} in vain for an answer; the last: {:?}", answers.last())
        })
    }

    /// The longest time between the starts of two answered requests: how long a client saw no service.
    pub(crate) fn longest_outage(&self) -> Duration {
        let answers = self.answers();
        let mut starts = answers.iter().filter(|answer| answer.server.is_some()).map(|answer| answer.start);
        let Some(mut last) = starts.next() else { return Duration::MAX };
        let mut longest = Duration::ZERO;
        for start in starts {
            longest = longest.max(start - last);
            last = start;
        }
        longest
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
