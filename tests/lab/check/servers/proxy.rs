//! What stands between a check and a real server, and spoils what the server says, each in a way of its own.

use crate::support::Host;
use nix::sys::socket::{self, Shutdown as Which};
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What it does with a client. Numbers are bytes of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Passes,
    /// Takes the client and says nothing.
    Hangs,
    /// Says so much and then nothing more.
    Stalls(usize),
    /// Its port is closed.
    Refuses,
    /// Resets the connection at once.
    Resets,
    /// Says so much and ends.
    Cuts(usize),
    /// Says so much and resets the connection.
    Tears(usize),
    /// Says so much byte by byte.
    ByteByByte(usize),
    /// Pauses several times at the beginning: longer than a check waits for anything, taken together.
    IsSlow,
    /// Spoils the byte with this number.
    Garbles(usize),
}

/// A pause of one that is slow, and how many there are.
const PAUSE: Duration = Duration::from_millis(900);
const PAUSES: usize = 4;
/// Between two of them so much is said.
const PIECE: usize = 50;

/// A server that says nothing more is given up after so long: longer than any check waits.
const PATIENCE: Duration = Duration::from_secs(8);

/// Clients so far, by the director that they came from.
pub(super) type Served = [AtomicU32; 2];

/// What tasks of a proxy share.
struct Shared {
    upstream: SocketAddr,
    manner: Mutex<Manner>,
    served: Served,
    directors: [IpAddr; 2],
}

impl Shared {
    fn manner(&self) -> Manner {
        *self.manner.lock().expect("no panic while held")
    }

    fn count(&self, client: SocketAddr) {
        for (director, served) in self.directors.iter().zip(&self.served) {
            if *director == client.ip() {
                served.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

/// A proxy at a port of its host. Dropping it closes the port.
pub(super) struct Proxy {
    host: Host,
    port: u16,
    datagrams: bool,
    shared: Arc<Shared>,
    door: Option<Door>,
}

/// Its open port.
struct Door {
    closes: Box<dyn Fn() + Send>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Door {
    fn drop(&mut self) {
        (self.closes)();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Proxy {
    /// In front of what is at this other port of the host.
    #[track_caller]
    pub(super) fn start(
        host: &Host,
        port: u16,
        upstream: u16,
        datagrams: bool,
        directors: [IpAddr; 2],
    ) -> Proxy {
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, upstream));
        let manner = Mutex::new(Manner::Passes);
        let shared = Arc::new(Shared { upstream, manner, served: Served::default(), directors });
        let mut proxy = Proxy { host: host.clone(), port, datagrams, shared, door: None };
        proxy.does(Manner::Passes);
        proxy
    }

    /// It does this from the next client on.
    #[track_caller]
    pub(super) fn does(&mut self, manner: Manner) {
        *self.shared.manner.lock().expect("no panic while held") = manner;
        if manner == Manner::Refuses {
            self.door = None;
        } else if self.door.is_none() {
            self.door = Some(if self.datagrams { self.datagrams() } else { self.streams() });
        }
    }

    pub(super) fn served(&self) -> [u32; 2] {
        self.shared.served.each_ref().map(|served| served.load(Ordering::SeqCst))
    }

    #[track_caller]
    fn streams(&self) -> Door {
        let at = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.port));
        let listener = self.host.enter(|| TcpListener::bind(at)).expect("listen");
        let handle = listener.as_raw_fd();
        let (host, shared) = (self.host.clone(), Arc::clone(&self.shared));
        let thread = thread::spawn(move || {
            host.join_namespace();
            while let Ok((client, from)) = listener.accept() {
                shared.count(from);
                let shared = Arc::clone(&shared);
                // That somebody leaves in the middle is no matter. A thread is in the namespace of the one that starts it.
                thread::spawn(move || stream(client, &shared));
            }
        });
        // Ends accept(2) with an error. The listener is its thread's, which is waited for behind this.
        let closes = Box::new(move || {
            let _ = socket::shutdown(handle, Which::Both);
        });
        Door { closes, thread: Some(thread) }
    }

    #[track_caller]
    fn datagrams(&self) -> Door {
        let at = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.port));
        let socket = Arc::new(self.host.enter(|| UdpSocket::bind(at)).expect("bind"));
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("set a timeout");
        let (host, shared, stop) =
            (self.host.clone(), Arc::clone(&self.shared), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            host.join_namespace();
            let mut room = [0; 2048];
            while !stopped.load(Ordering::SeqCst) {
                let Ok((length, from)) = socket.recv_from(&mut room) else { continue };
                shared.count(from);
                let (shared, socket, question) =
                    (Arc::clone(&shared), Arc::clone(&socket), room[..length].to_vec());
                let answer = move || {
                    let answer = datagram(&question, &shared)?;
                    socket.send_to(&answer, from)
                };
                thread::spawn(answer);
            }
        });
        Door { closes: Box::new(move || stop.store(true, Ordering::SeqCst)), thread: Some(thread) }
    }
}

/// Carries what both sides say until one is through with it.
fn stream(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let manner = shared.manner();
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(PATIENCE))?;
    match manner {
        Manner::Resets => return reset(&client),
        Manner::Hangs => return io::copy(&mut client, &mut io::sink()).map(drop),
        _ => {}
    }
    let mut server = TcpStream::connect(shared.upstream)?;
    server.set_read_timeout(Some(PATIENCE))?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let asking = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let said = say(&mut server, &mut client, manner);
    match manner {
        // It waits until the client leaves.
        Manner::Stalls(_) => {}
        // Only the other thread hears of it.
        Manner::Tears(_) => client.shutdown(Shutdown::Read)?,
        _ => client.shutdown(Shutdown::Both)?,
    }
    let _ = asking.join();
    if matches!(manner, Manner::Tears(_)) { reset(&client) } else { said }
}

/// Gives the client the server's answer, in this manner.
fn say(server: &mut TcpStream, client: &mut TcpStream, manner: Manner) -> io::Result<()> {
    let (mut room, mut said) = ([0; 4096], 0);
    loop {
        let count = server.read(&mut room)?;
        let mut piece = &mut room[..count];
        if count == 0 {
            return Ok(());
        }
        match manner {
            Manner::Cuts(end) | Manner::Tears(end) | Manner::Stalls(end) if end <= said + piece.len() => {
                client.write_all(&piece[..end - said])?;
                return Ok(());
            }
            Manner::ByteByByte(end) => {
                while said < end && !piece.is_empty() {
                    client.write_all(&piece[..1])?;
                    piece = &mut piece[1..];
                    said += 1;
                }
            }
            Manner::IsSlow => {
                while said < PAUSES * PIECE && !piece.is_empty() {
                    thread::sleep(PAUSE);
                    let length = PIECE.min(piece.len());
                    client.write_all(&piece[..length])?;
                    piece = &mut piece[length..];
                    said += PIECE;
                }
            }
            Manner::Garbles(at) if (said..said + piece.len()).contains(&at) => piece[at - said] ^= 0x15,
            _ => {}
        }
        client.write_all(piece)?;
        said += piece.len();
    }
}

/// What is closed behind this is reset.
fn reset(client: &TcpStream) -> io::Result<()> {
    SockRef::from(client).set_linger(Some(Duration::ZERO))
}

/// The answer to a datagram, if there is to be one.
fn datagram(question: &[u8], shared: &Shared) -> io::Result<Vec<u8>> {
    let manner = shared.manner();
    if manner == Manner::Hangs {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let server = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    server.set_read_timeout(Some(PATIENCE))?;
    server.connect(shared.upstream)?;
    server.send(question)?;
    let mut answer = vec![0; 2048];
    let length = server.recv(&mut answer)?;
    answer.truncate(length);
    match manner {
        Manner::Cuts(end) => answer.truncate(end),
        Manner::Garbles(at) if at < answer.len() => answer[at] ^= 0x15,
        Manner::IsSlow => thread::sleep(PAUSE),
        _ => {}
    }
    Ok(answer)
}
