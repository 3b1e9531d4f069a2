//! What real servers offer, on addresses of the host itself: each service does to its clients what a story says, and may
//! be told to do something else at any time.

use crate::support::Host;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};

/// What is done with a connection. That a client leaves in the middle is no matter.
pub(super) type Talk = Arc<dyn Fn(TcpStream) -> io::Result<()> + Send + Sync>;

/// What is answered to a datagram.
pub(super) type Reply = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// What a service does.
#[derive(Clone)]
pub(super) enum Does {
    Talks(Talk),
    Replies(Reply),
}

/// A service at work. Dropping it closes its port.
pub(super) struct Service {
    does: Arc<Mutex<Does>>,
    stop: Arc<AtomicBool>,
    wake: Box<dyn Fn() + Send>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    pub(super) fn start(host: &Host, at: SocketAddr, does: Does) -> Service {
        let is_stream = matches!(does, Does::Talks(_));
        let (does, stop) = (Arc::new(Mutex::new(does)), Arc::<AtomicBool>::default());
        let (theirs, stopped) = (Arc::clone(&does), Arc::clone(&stop));
        let now = move || theirs.lock().expect("no panic while held").clone();
        let stopped = move || stopped.load(Ordering::SeqCst);
        let (wake, thread): (Box<dyn Fn() + Send>, _) = if is_stream {
            let listener = host.enter(|| TcpListener::bind(at)).expect("listen");
            let handle = listener.as_raw_fd();
            let thread = thread::spawn(move || {
                while let Ok((client, _)) = listener.accept() {
                    if let Does::Talks(talk) = now() {
                        thread::spawn(move || talk(client));
                    }
                }
            });
            // Ends accept(2) with an error. The listener is its thread's, which is waited for behind this.
            (
                Box::new(move || {
                    let _ = nix::sys::socket::shutdown(handle, nix::sys::socket::Shutdown::Both);
                }),
                thread,
            )
        } else {
            let socket = host.enter(|| UdpSocket::bind(at)).expect("bind");
            let own = socket.try_clone().expect("a second handle");
            let thread = thread::spawn(move || {
                let mut room = [0; 2048];
                while let Ok((length, client)) = socket.recv_from(&mut room) {
                    if stopped() {
                        return;
                    }
                    if let Does::Replies(reply) = now()
                        && let Some(answer) = reply(&room[..length])
                    {
                        let _ = socket.send_to(&answer, client);
                    }
                }
            });
            (Box::new(move || drop(own.send_to(&[], at))), thread)
        };
        Service { does, stop, wake, thread: Some(thread) }
    }

    /// It does something else from the next client on.
    pub(super) fn change(&self, does: Does) {
        *self.does.lock().expect("no panic while held") = does;
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        (self.wake)();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Takes a connection and closes it.
pub(super) fn accepts() -> Does {
    Does::Talks(Arc::new(|client| client.shutdown(Shutdown::Both)))
}

/// Takes a connection, and says nothing until the client leaves.
pub(super) fn silent() -> Does {
    Does::Talks(Arc::new(|mut client| io::copy(&mut client, &mut io::sink()).map(drop)))
}

/// Answers requests of HTTP: the first of these whose key is somewhere in the head of the request; the key `SNI: NAME` is
/// for the name of the handshake, and an empty one for all. An answer is a status and the page (`200 hello`), or a whole
/// one with its head. What nothing is said of, is not found.
pub(super) fn web(answers: &[(&str, &str)]) -> Does {
    let answers = Answers::of(answers);
    Does::Talks(Arc::new(move |client| answers.give("", client).map(drop)))
}

/// The same, over TLS.
pub(super) fn tls(answers: &[(&str, &str)]) -> Does {
    let answers = Answers::of(answers);
    Does::Talks(Arc::new(move |client| {
        let connection = ServerConnection::new(certificate()).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, client);
        // The name is known behind the handshake.
        stream.flush()?;
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let name = stream.conn.server_name().map(|name| format!("SNI: {name}\r\n")).unwrap_or_default();
        let mut stream = answers.give(&name, stream)?;
        stream.conn.send_close_notify();
        stream.flush()
    }))
}

struct Answers(Vec<(String, String)>);

impl Answers {
    fn of(answers: &[(&str, &str)]) -> Answers {
        let whole = |answer: &str| match answer.split_once(' ') {
            Some((status, page)) if !answer.starts_with("HTTP/") => {
                format!("HTTP/1.0 {status} Said\r\n\r\n{page}")
            }
            _ => answer.to_owned(),
        };
        Answers(answers.iter().map(|(key, answer)| ((*key).to_owned(), whole(answer))).collect())
    }

    /// Reads a request, answers it, and gives the stream back.
    fn give<S: Read + Write>(&self, before: &str, stream: S) -> io::Result<S> {
        let mut stream = BufReader::new(stream);
        let mut head = before.to_owned();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                break;
            }
        }
        let answer = self.0.iter().find(|(key, _)| head.contains(key.as_str()));
        let answer = answer.map_or("HTTP/1.0 404 Not there\r\n\r\n", |(_, answer)| answer);
        let mut stream = stream.into_inner();
        stream.write_all(answer.as_bytes())?;
        stream.flush()?;
        Ok(stream)
    }
}

/// A server's certificate, from itself; made once, since it takes a while.
fn certificate() -> Arc<ServerConfig> {
    static CONFIG: OnceLock<Arc<ServerConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| {
        let key = KeyPair::generate().expect("make a key");
        let params = CertificateParams::new(vec!["www.example".to_owned()]).expect("a name");
        let certificate = params.self_signed(&key).expect("make a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.expect("a server"))
    }))
}

/// A mail server that greets so, and answers so to `HELO`.
pub(super) fn mail(greeting: &'static str, hello: &'static str) -> Does {
    Does::Talks(Arc::new(move |client| {
        let mut lines = BufReader::new(&client).lines();
        write!(&client, "{greeting}\r\n")?;
        while let Some(line) = lines.next().transpose()? {
            let answer = if line.starts_with("QUIT") { "221 bye" } else { hello };
            write!(&client, "{answer}\r\n")?;
        }
        Ok(())
    }))
}

/// A name server whose answers have this code (0: it is there; 2: it failed; 3: there is no such name).
pub(super) fn names(code: u8) -> Does {
    Does::Replies(Arc::new(move |query| {
        Some([query.get(..2)?, &[0x81, 0x80 | code], query.get(4..)?].concat())
    }))
}

/// Answers each datagram so, or with nothing.
pub(super) fn replies(answer: Option<&'static str>) -> Does {
    Does::Replies(Arc::new(move |_| answer.map(|answer| answer.as_bytes().to_vec())))
}
