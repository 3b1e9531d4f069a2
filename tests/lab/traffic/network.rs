//! The network of the traffic tests, and what its hosts say to each other.
//!
//! ```text
//!   client                      director                     servers s1, s2, s3
//!   10.7.1.10   fd07:1::10      10.7.1.1    fd07:1::1        10.7.2.11 ...   fd07:2::11 ...
//!   10.7.16/20  fd07:10::/32    10.7.2.1    fd07:2::1        10.7.3/24  fd07:3::/64, the services'
//!   10.7.32/20  fd07:20::/32    10.7.3/24   fd07:3::/64
//!      |                           |                            |
//!   ---+---------------------------+----------------------------+---
//! ```
//!
//! The client reaches everything through the director. Servers answer its first range (`10.7.16/20`) directly, as
//! direct routing and tunnels want it, and its second range through the director, as masquerading wants it.

use crate::VIPD;
use crate::support::{Host, Lab};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Where the servers listen, besides port 80: for services whose servers have another port.
pub(super) const OTHER_PORT: u16 = 8080;

/// How long a client waits for an answer on an emulated machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a server looks whether it is to end.
const BREATH: Duration = Duration::from_millis(100);

pub(super) struct Network {
    pub(super) client: Host,
    pub(super) director: Host,
    pub(super) servers: Vec<Host>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// The port of the next connection. A director remembers one long after it ended and would send another one
    /// from the same port to the same server.
    port: AtomicU16,
}

impl Network {
    pub(super) fn new(lab: &Lab, servers: u8) -> Self {
        let client = lab.host("client", "10.7.1.10/24");
        client.configure(&[
            "link set eth0 addrgenmode none",
            "address add fe80::10/64 dev eth0 nodad",
            "address add fd07:1::10/64 dev eth0 nodad",
            "route add default via 10.7.1.1",
            "route add ::/0 via fd07:1::1",
            "route add local 10.7.16.0/20 dev lo",
            "route add local 10.7.32.0/20 dev lo",
            "route add local fd07:10::/32 dev lo",
            "route add local fd07:20::/32 dev lo",
        ]);
        client.sysctl("ipv6.ip_nonlocal_bind", "1");
        let director = lab.host("director", "10.7.1.1/24");
        for key in ["ipv4.conf.all.send_redirects", "ipv4.conf.eth0.send_redirects"] {
            director.sysctl(key, "0");
        }
        for key in ["ipv4.ip_forward", "ipv6.conf.all.forwarding"] {
            director.sysctl(key, "1");
        }
        director.configure(&[
            "link set eth0 addrgenmode none",
            "address add fe80::1/64 dev eth0 nodad",
            "address add 10.7.2.1/24 dev eth0",
            "address add fd07:1::1/64 dev eth0 nodad",
            "address add fd07:2::1/64 dev eth0 nodad",
            "route add local 10.7.3.0/24 dev lo",
            "route add local fd07:3::/64 dev lo",
            "route add 10.7.16.0/20 via 10.7.1.10",
            "route add 10.7.32.0/20 via 10.7.1.10",
            "route add fd07:10::/32 via fd07:1::10",
            "route add fd07:20::/32 via fd07:1::10",
        ]);
        let mut network = Self {
            client,
            director,
            servers: Vec::new(),
            stop: Arc::default(),
            threads: Vec::new(),
            port: AtomicU16::new(1024),
        };
        for n in 1..=servers {
            network.add_server(lab, n);
        }
        network
    }

    fn add_server(&mut self, lab: &Lab, n: u8) {
        let last = 10 + n;
        let host = lab.host(&format!("s{n}"), &format!("10.7.2.{last}/24"));
        host.sysctl("ipv6.conf.eth0.accept_redirects", "0");
        host.sysctl("ipv6.ip_nonlocal_bind", "1");
        host.configure(&[
            "link set eth0 addrgenmode none",
            &format!("address add fe80::{last}/64 dev eth0 nodad"),
            &format!("address add fd07:2::{last}/64 dev eth0 nodad"),
            "route add local 10.7.3.0/24 dev lo",
            "route add local fd07:3::/64 dev lo",
            "route add 10.7.1.10 dev eth0",
            "route add fd07:1::10 dev eth0",
            "route add 10.7.16.0/20 via 10.7.1.10",
            "route add fd07:10::/32 via fd07:1::10",
            "route add default via 10.7.2.1",
            "route add ::/0 via fd07:2::1",
        ]);
        for port in [80, OTHER_PORT] {
            self.listen(&host, SocketAddr::new("::".parse().expect("an address"), port), Protocol::TCP);
        }
        self.servers.push(host);
    }

    /// Has `host` answer connections to `address`.
    pub(super) fn listen(&mut self, host: &Host, address: SocketAddr, protocol: Protocol) {
        let listener = host.enter(|| {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(protocol))?;
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(1024)?;
            socket.set_read_timeout(Some(BREATH))?;
            io::Result::Ok(socket)
        });
        let listener = listener.unwrap_or_else(|e| panic!("listen at {address} on {}: {e}", host.name()));
        let (name, stop) = (host.name().to_owned(), Arc::clone(&self.stop));
        self.threads.push(thread::spawn(move || {
            let mut served = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let Ok((socket, _)) = listener.accept() else { continue };
                let (name, stop) = (name.clone(), Arc::clone(&stop));
                served.push(thread::spawn(move || serve(socket, &name, &stop)));
            }
            served.into_iter().for_each(|thread| {
                let _ = thread.join();
            });
        }));
    }

    /// Has `host` answer datagrams to `address`.
    pub(super) fn listen_udp(&mut self, host: &Host, address: SocketAddr) {
        let socket = host.enter(|| std::net::UdpSocket::bind(address));
        let socket = socket.unwrap_or_else(|e| panic!("bind {address} on {}: {e}", host.name()));
        socket.set_read_timeout(Some(BREATH)).expect("set a timeout");
        let (name, stop) = (host.name().to_owned(), Arc::clone(&self.stop));
        self.threads.push(thread::spawn(move || {
            let mut bytes = [0; 64];
            while !stop.load(Ordering::Relaxed) {
                let Ok((_, peer)) = socket.recv_from(&mut bytes) else { continue };
                let _ = socket.send_to(format!("{name} {address} {peer}\n").as_bytes(), peer);
            }
        }));
    }

    /// Runs `vipd ipvs` with these words on the director, and gives what it prints.
    #[track_caller]
    pub(super) fn ipvs(&self, words: &str) -> String {
        self.director.run(&format!("{VIPD} ipvs {words}"))
    }

    /// Runs `vipd ipvs -R` on the director with these lines.
    #[track_caller]
    pub(super) fn restore(&self, lines: &str) {
        let mut command = self.director.command(VIPD);
        command.args(["ipvs", "-R"]).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start vipd");
        let written = child.stdin.take().expect("it is piped").write_all(lines.as_bytes());
        let output = child.wait_with_output().expect("wait for vipd");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(written.is_ok() && output.status.success() && said.is_empty(), "{lines}{said}");
    }

    fn next_port(&self) -> u16 {
        1024 + self.port.fetch_add(1, Ordering::Relaxed) % 30_000
    }

    /// Connects from an address of the client and reads the answer.
    pub(super) fn connect(&self, from: &str, to: &str) -> io::Result<Talk> {
        self.connect_with(Protocol::TCP, from, to, PATIENCE)
    }

    pub(super) fn connect_with(
        &self,
        protocol: Protocol,
        from: &str,
        to: &str,
        patience: Duration,
    ) -> io::Result<Talk> {
        let from: IpAddr = from.parse().expect("an address");
        let to: SocketAddr = to.parse().expect("an address and a port");
        let socket = self.client.enter(|| {
            let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(protocol))?;
            socket.bind(&SocketAddr::new(from, self.next_port()).into())?;
            socket.connect_timeout(&to.into(), patience)?;
            io::Result::Ok(socket)
        })?;
        socket.set_read_timeout(Some(patience))?;
        Talk::new(socket)
    }

    /// The name of the server that answers a connection from this address, which then ends.
    #[track_caller]
    pub(super) fn who(&self, from: &str, to: &str) -> String {
        self.connect(from, to).unwrap_or_else(|error| panic!("{from} to {to}: {error}")).server
    }

    /// The names of the servers that answer so many connections in turn, each of which ends at once.
    #[track_caller]
    pub(super) fn answers(&self, from: &str, to: &str, count: usize) -> Vec<String> {
        (0..count).map(|_| self.who(from, to)).collect()
    }

    /// Connects and stays connected.
    #[track_caller]
    pub(super) fn hold(&self, from: &str, to: &str) -> Talk {
        self.connect(from, to).unwrap_or_else(|error| panic!("{from} to {to}: {error}"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// A connection of the client's, answered.
#[derive(Debug)]
pub(super) struct Talk {
    stream: BufReader<TcpStream>,
    pub(super) server: String,
    /// The server's end of the connection, as the server sees it.
    pub(super) local: SocketAddr,
    /// The client's end, as the server sees it.
    pub(super) peer: SocketAddr,
    /// The client's end, as the client sees it.
    pub(super) own: SocketAddr,
}

impl Talk {
    fn new(socket: Socket) -> io::Result<Self> {
        let own = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::InvalidData)?;
        // SCTP's sockets of this kind read and write alike.
        let mut stream = BufReader::new(TcpStream::from(socket));
        let (server, local, peer) = answer(&mut stream)?;
        Ok(Self { stream, server, local, peer, own })
    }

    /// Asks again on the same connection: who answers?
    pub(super) fn ask(&mut self) -> io::Result<String> {
        self.stream.get_mut().write_all(b"?\n")?;
        Ok(answer(&mut self.stream)?.0)
    }
}

fn answer(stream: &mut impl BufRead) -> io::Result<(String, SocketAddr, SocketAddr)> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    parse_answer(&line).ok_or_else(|| io::Error::other(format!("the answer {line:?}")))
}

/// The server's name, its own end and the client's.
pub(super) fn parse_answer(line: &str) -> Option<(String, SocketAddr, SocketAddr)> {
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    Some((name, words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

/// Answers at once, and then each time it is spoken to, until the client closes.
fn serve(socket: Socket, name: &str, stop: &AtomicBool) {
    let ends = (socket.local_addr(), socket.peer_addr());
    let (Ok(local), Ok(peer)) = ends else { return };
    let (Some(local), Some(peer)) = (local.as_socket(), peer.as_socket()) else { return };
    let plain = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
    let line = format!("{name} {} {}\n", plain(local), plain(peer));
    // Accepted with the listener's timeout or without one, by system.
    let _ = socket.set_read_timeout(Some(BREATH));
    let mut stream = BufReader::new(TcpStream::from(socket));
    let mut asked = String::new();
    loop {
        if stream.get_mut().write_all(line.as_bytes()).is_err() {
            return;
        }
        asked.clear();
        loop {
            match stream.read_line(&mut asked) {
                Ok(0) => return,
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !stop.load(Ordering::Relaxed) => {}
                Err(_) => return,
            }
        }
    }
}
