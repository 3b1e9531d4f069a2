//! Probes over TCP: a connection, and the dialogue over it.
//!
//! A connection is closed as keepalived closes it, with an ordinary FIN: servers log a reset as an error more often
//! than a connection that says nothing. Only where `bind_port` fixes the source port it is reset, because the port
//! would be taken by the old connection (TIME_WAIT) for a minute otherwise, and the next check could not run.

use super::socket::{self, errno};
use crate::check::config::Connect;
use crate::check::probe::dialogue::{Dialogue, Heard, Step};
use crate::check::probe::tcp::{Attempt, Event};
use crate::check::probe::{Failure, Operation, Outcome};
use crate::sys::clock;
use crate::time::Instant;
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::pin::pin;
use std::time::Duration;
use tokio::io::Interest;

/// So many times `connect_timeout` a whole dialogue may take: keepalived waits as long for each piece of an answer, and
/// for any number of pieces.
const PATIENCE: u32 = 10;

/// What is read at once.
const PIECE: usize = 16 * 1024;

/// A dialogue over a connection.
pub(in super::super) async fn talk(connect: &Connect, dialogue: &mut (dyn Dialogue + Send)) -> Outcome {
    let stream = match opened(connect).await {
        Ok(stream) => stream,
        Err(outcome) => return outcome,
    };
    let last = clock::now() + connect.timeout.saturating_mul(PATIENCE);
    let mut step = dialogue.begin();
    loop {
        let deadline = last.min(clock::now() + connect.timeout);
        match step {
            Step::End(Ok(())) => return Outcome::Passed,
            Step::End(Err(failure)) => return Outcome::Failed(failure),
            Step::Listen => {}
            Step::Say(bytes) => match within(deadline, send(&stream, &bytes)).await {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    let operation = Operation::Send;
                    return Outcome::Failed(Failure::System { operation, errno: errno(&error) });
                }
                None => return Outcome::Failed(Failure::Timeout),
            },
        }
        step = loop {
            match within(deadline, stream.ready(Interest::READABLE)).await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break dialogue.hear(Heard::Broken(errno(&error))),
                None => return Outcome::Failed(Failure::Timeout),
            }
            let mut piece = [0; PIECE];
            match stream.try_read(&mut piece) {
                Ok(0) => break dialogue.hear(Heard::End),
                Ok(length) => {
                    break dialogue.hear(Heard::Bytes(piece.get(..length).unwrap_or_default()));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => break dialogue.hear(Heard::Broken(errno(&error))),
            }
        };
    }
}

async fn send(stream: &tokio::net::TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What the future gives, unless it takes longer.
pub(super) async fn within<T>(deadline: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    loop {
        let left = deadline.saturating_since(clock::now());
        tokio::select! {
            biased;
            given = &mut future => return Some(given),
            () = tokio::time::sleep(left) => {
                if clock::now() >= deadline {
                    return None;
                }
            }
        }
    }
}

/// A connection, or why there is none.
async fn opened(connect: &Connect) -> Result<tokio::net::TcpStream, Outcome> {
    let attempt = Attempt::start(clock::now(), connect.timeout);
    let failed = |event| Err(attempt.handle(event));
    let stream = match socket::connecting(connect) {
        Ok(socket) => socket.into(),
        Err((operation, error)) => return failed(Event::Error { operation, errno: errno(&error) }),
    };
    match within(attempt.next_timeout(), connected(stream, connect)).await {
        Some(Ok(stream)) => Ok(stream),
        Some(Err(event)) => failed(event),
        None => Err(attempt.handle_timeout(clock::now()).unwrap_or(Outcome::Failed(Failure::Timeout))),
    }
}

/// Waits until the connection is open.
async fn connected(stream: TcpStream, connect: &Connect) -> Result<tokio::net::TcpStream, Event> {
    let waited = async {
        let stream = tokio::net::TcpStream::from_std(stream)?;
        stream.writable().await?;
        io::Result::Ok(stream)
    };
    let stream = match waited.await {
        Ok(stream) => stream,
        Err(error) => return Err(Event::Error { operation: Operation::Wait, errno: errno(&error) }),
    };
    match stream.take_error() {
        Ok(None) => {}
        Ok(Some(error)) | Err(error) => return Err(Event::Refused { errno: errno(&error) }),
    }
    if is_connected_to_itself(&stream, connect.to) {
        return Err(Event::Refused { errno: libc::ECONNREFUSED });
    }
    if connect.bind_port.is_some() {
        close_at_once(&stream);
    }
    Ok(stream)
}

/// A port of the ephemeral range on this very machine, with nobody listening, can be connected to itself.
pub(super) fn is_connected_to_itself(stream: &impl AsFd, to: SocketAddr) -> bool {
    let from = SockRef::from(stream).local_addr().ok();
    from.and_then(|from| from.as_socket()).is_some_and(|from| from == to)
}

/// Its end is a reset: nothing is left of it. Where that fails, the next check says that its port is taken.
pub(super) fn close_at_once(stream: &impl AsFd) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
