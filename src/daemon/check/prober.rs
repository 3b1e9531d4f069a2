//! The sockets of probes: a task each on this thread's runtime, and as many at once as there are descriptors for.
//!
//! What an answer means is decided in [`crate::check::probe`].
//!
//! A connection is closed as keepalived closes it, with an ordinary FIN: servers log a reset as an error more often
//! than a connection that says nothing. Only where `bind_port` fixes the source port it is reset, because the port
//! would be taken by the old connection (TIME_WAIT) for a minute otherwise, and the next check could not run.

use crate::check::config::{Checker, Connect, Probe};
use crate::check::event::ProbeId;
use crate::check::probe::tcp::{Attempt, Event};
use crate::check::probe::{Operation, Outcome};
use crate::sys::{clock, process};
use socket2::{Domain, SockRef, Socket, Type};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{AbortHandle, JoinSet};

/// Descriptors that are left for everything else.
const RESERVE: u64 = 64;

/// A probe that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) probe: ProbeId,
    pub(super) outcome: Outcome,
}

/// All probes under way.
pub(super) struct Prober {
    tasks: JoinSet<Finished>,
    running: HashMap<ProbeId, AbortHandle>,
    /// A place for each descriptor; who finds none waits, and its time does not run yet.
    places: Arc<Semaphore>,
}

impl Prober {
    pub(super) fn new() -> Prober {
        let places =
            usize::try_from(process::open_many_files().saturating_sub(RESERVE)).unwrap_or(usize::MAX);
        let places = Arc::new(Semaphore::new(places.clamp(16, Semaphore::MAX_PERMITS)));
        Prober { tasks: JoinSet::new(), running: HashMap::new(), places }
    }

    pub(super) fn start(&mut self, probe: ProbeId, check: &Checker) {
        let places = Arc::clone(&self.places);
        // The balancer starts no other: a server without checks that can be run counts as up.
        let connect = matches!(check.probe, Probe::Tcp).then(|| check.connect.clone());
        let task = self.tasks.spawn(async move {
            // The semaphore is never closed; without a place the probe would run all the same.
            let _place = places.acquire().await;
            let outcome = match connect {
                Some(connect) => tcp(&connect).await,
                None => Outcome::Passed,
            };
            Finished { probe, outcome }
        });
        self.running.insert(probe, task);
    }

    pub(super) fn cancel(&mut self, probe: ProbeId) {
        if let Some(task) = self.running.remove(&probe) {
            task.abort();
        }
    }

    /// The next probe to end; never, while none is under way. Dropping the future loses nothing.
    pub(super) async fn finished(&mut self) -> Finished {
        loop {
            match self.tasks.join_next().await {
                Some(ended) => {
                    if let Some(finished) = self.ended(ended) {
                        return finished;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// A probe that has ended already.
    pub(super) fn try_finished(&mut self) -> Option<Finished> {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Some(finished) = self.ended(ended) {
                return Some(finished);
            }
        }
        None
    }

    fn ended(&mut self, ended: Result<Finished, tokio::task::JoinError>) -> Option<Finished> {
        match ended {
            Ok(finished) => {
                self.running.remove(&finished.probe);
                Some(finished)
            }
            Err(error) => match error.try_into_panic() {
                // A bug: better a worker that is started anew than a check that never runs again.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => None,
            },
        }
    }
}

/// A `TCP_CHECK`.
pub(super) async fn tcp(connect: &Connect) -> Outcome {
    let attempt = Attempt::start(clock::now(), connect.timeout);
    let stream = match open(connect) {
        Ok(stream) => stream,
        Err((operation, error)) => return attempt.handle(Event::Error { operation, errno: errno(&error) }),
    };
    let mut connected = pin!(connected(stream, connect));
    loop {
        let left = attempt.next_timeout().saturating_since(clock::now());
        tokio::select! {
            biased;
            event = &mut connected => return attempt.handle(event),
            () = tokio::time::sleep(left) => {
                if let Some(outcome) = attempt.handle_timeout(clock::now()) {
                    return outcome;
                }
            }
        }
    }
}

/// A socket on its way to the server.
fn open(connect: &Connect) -> Result<TcpStream, (Operation, io::Error)> {
    let at = |operation| move |error| (operation, error);
    let socket = Socket::new(
        Domain::for_address(connect.to),
        Type::STREAM.nonblocking(),
        Some(socket2::Protocol::TCP),
    )
    .map_err(at(Operation::Socket))?;
    if connect.fwmark != 0 {
        socket.set_mark(connect.fwmark).map_err(at(Operation::Mark))?;
    }
    if connect.bind_address.is_some() || connect.bind_port.is_some() {
        let any = match connect.to {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let port = connect.bind_port.unwrap_or(0);
        if port != 0 {
            socket.set_reuse_address(true).map_err(at(Operation::Bind))?;
        }
        let from = SocketAddr::new(connect.bind_address.unwrap_or(any), port);
        socket.bind(&from.into()).map_err(at(Operation::Bind))?;
    }
    match socket.connect(&connect.to.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err((Operation::Connect, error)),
        _ => Ok(socket.into()),
    }
}

/// Waits until the connection is open, and closes it.
async fn connected(stream: TcpStream, connect: &Connect) -> Event {
    let waited = async {
        let stream = tokio::net::TcpStream::from_std(stream)?;
        stream.writable().await?;
        io::Result::Ok(stream)
    };
    let stream = match waited.await {
        Ok(stream) => stream,
        Err(error) => return Event::Error { operation: Operation::Wait, errno: errno(&error) },
    };
    match stream.take_error() {
        Ok(None) => {}
        Ok(Some(error)) | Err(error) => return Event::Refused { errno: errno(&error) },
    }
    // A port of the ephemeral range on this very machine, with nobody listening, can be connected to itself.
    if stream.local_addr().is_ok_and(|from| from == connect.to) {
        return Event::Refused { errno: libc::ECONNREFUSED };
    }
    if connect.bind_port.is_some() {
        // Where it fails, the next check says that its port is taken.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    Event::Connected
}

fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

#[cfg(test)]
mod tests;
