//! Whole checks against servers on loopback that say what a test wants.

use crate::check::config::{
    Checker, Connect, Dns, DnsRecord, Http, HttpProtocol, Misc, Probe, Reply, Ssl, Tls as TlsConfig, Udp, Url,
};
use crate::check::probe::{Failure, Operation, Outcome};
use crate::command::Command;
use crate::daemon::check::ping_group::PingGroup;
use crate::daemon::check::tls::Tls;
use crate::sys::testing::{in_namespace_async, ip};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

const LOCAL: &str = "127.0.0.1:0";

fn check(to: SocketAddr, probe: Probe) -> Checker {
    let connect = Connect { timeout: Duration::from_millis(300), ..Connect::DEFAULT };
    Checker { connect, ..Checker::new(to, probe) }
}

async fn run(check: &Checker) -> Outcome {
    super::tests::run(check, Tls::default()).await
}

/// A server that treats its one client so.
fn serve(client: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(LOCAL).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || client(listener.accept().unwrap().0));
    address
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            break;
        }
        request.extend(byte);
    }
    String::from_utf8(request).unwrap()
}

fn url() -> Url {
    let (path, status_codes) = ("/".into(), vec![(200, 299)]);
    Url { path, virtual_host: None, status_codes, digest: None, regex: None, tls_compliant: false }
}

fn http(tls: Option<TlsConfig>) -> Probe {
    Probe::Http(Box::new(Http { tls, protocol: HttpProtocol::V10, fast_recovery: false, urls: vec![url()] }))
}

fn failed(reason: &str) -> Outcome {
    Outcome::Failed(Failure::Reason(reason.into()))
}

const TIMEOUT: Outcome = Outcome::Failed(Failure::Timeout);

#[tokio::test]
async fn a_page_comes_byte_by_byte() {
    let server = serve(|mut stream| {
        assert!(read_request(&mut stream).starts_with("GET / HTTP/1.0\r\n"));
        stream.set_nodelay(true).unwrap();
        for byte in b"HTTP/1.0 200 OK\r\n\r\nhello" {
            stream.write_all(&[*byte]).unwrap();
        }
    });
    assert_eq!(run(&check(server, http(None))).await, Outcome::Passed);
}

#[tokio::test]
async fn a_server_that_keeps_the_connection_passes_all_the_same() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let server = serve(move |mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        let _ = wait.recv();
    });
    assert_eq!(run(&check(server, http(None))).await, Outcome::Passed);
    drop(done);
}

#[tokio::test]
async fn silence_and_trickles_are_timeouts() {
    let server = serve(|mut stream| {
        // Until the client has had enough.
        while stream.read(&mut [0; 1000]).is_ok_and(|length| length > 0) {}
    });
    assert_eq!(run(&check(server, http(None))).await, TIMEOUT);
    // Each piece comes in time, and there is no end of them.
    let server = serve(|mut stream| {
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut slow = check(server, http(None));
    slow.connect.timeout = Duration::from_millis(60);
    assert_eq!(run(&slow).await, TIMEOUT);
}

#[tokio::test]
async fn a_reset_is_a_failure() {
    let server = serve(|mut stream| {
        read_request(&mut stream);
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let reset = Failure::System { operation: Operation::Receive, errno: libc::ECONNRESET };
    assert_eq!(run(&check(server, http(None))).await, Outcome::Failed(reset));
}

#[tokio::test]
async fn a_gigabyte_is_too_much_and_is_not_kept() {
    let server = serve(|mut stream| {
        read_request(&mut stream);
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
        let filler = vec![0; 1 << 20];
        while stream.write_all(&filler).is_ok() {}
    });
    let mut huge = check(server, http(None));
    huge.connect.timeout = Duration::from_secs(60);
    assert_eq!(run(&huge).await, failed("the answer does not end"));
}

#[tokio::test]
async fn a_mail_server_is_talked_to() {
    let server = serve(|mut stream| {
        stream.write_all(b"220-one\r\n").unwrap();
        stream.write_all(b"220 two\r\n").unwrap();
        let mut helo = [0; 9];
        stream.read_exact(&mut helo).unwrap();
        assert_eq!(&helo, b"HELO me\r\n");
        stream.write_all(b"250 hello\r\n").unwrap();
        let mut quit = [0; 6];
        stream.read_exact(&mut quit).unwrap();
        assert_eq!(&quit, b"QUIT\r\n");
        stream.write_all(b"221 bye\r\n").unwrap();
    });
    let smtp = || Probe::Smtp { helo_name: "me".into() };
    assert_eq!(run(&check(server, smtp())).await, Outcome::Passed);
    let server = serve(|mut stream| stream.write_all(b"554 no\r\n").unwrap());
    assert_eq!(run(&check(server, smtp())).await, failed("greeting is `554 no`"));
}

#[tokio::test]
async fn a_name_server_is_asked() {
    let answer = |flags: [u8; 2], id: u8| {
        let socket = UdpSocket::bind(LOCAL).unwrap();
        let address = socket.local_addr().unwrap();
        thread::spawn(move || {
            let mut query = [0; 512];
            let (length, client) = socket.recv_from(&mut query).unwrap();
            let mut reply = query[..length].to_vec();
            reply[2..4].copy_from_slice(&flags);
            reply[0] ^= id;
            socket.send_to(&reply, client).unwrap();
        });
        address
    };
    let dns = || Probe::Dns(Box::new(Dns { record: DnsRecord::A, name: "www.example".into() }));
    assert_eq!(run(&check(answer([0x81, 0x80], 0), dns())).await, Outcome::Passed);
    assert_eq!(run(&check(answer([0x81, 0x82], 0), dns())).await, failed("the answer says SERVFAIL"));
    assert_eq!(run(&check(answer([0x81, 0x80], 1), dns())).await, TIMEOUT, "an answer to something else");
}

#[tokio::test]
async fn a_closed_udp_port_says_no_and_silence_says_nothing() {
    let closed = UdpSocket::bind(LOCAL).unwrap().local_addr().unwrap();
    let udp = |reply| Probe::Udp(Box::new(Udp { payload: None, reply }));
    let refused = Failure::System { operation: Operation::Receive, errno: libc::ECONNREFUSED };
    assert_eq!(run(&check(closed, udp(None))).await, Outcome::Failed(refused.clone()));
    let dns = Probe::Dns(Box::new(Dns { record: DnsRecord::A, name: ".".into() }));
    assert_eq!(run(&check(closed, dns)).await, Outcome::Failed(refused));
    let silent = UdpSocket::bind(LOCAL).unwrap();
    let address = silent.local_addr().unwrap();
    assert_eq!(run(&check(address, udp(None))).await, Outcome::Passed);
    let any = Reply { data: Vec::new(), mask: Vec::new(), min_length: 0, max_length: 255 };
    assert_eq!(run(&check(address, udp(Some(any)))).await, TIMEOUT);
}

#[test]
fn an_echo_comes_back() {
    in_namespace_async(|| async {
        ip("link set lo up");
        let ping = |to: &str| check(to.parse().unwrap(), Probe::Ping);
        let not_allowed = run(&ping("127.0.0.1:0")).await;
        assert!(matches!(not_allowed, Outcome::NotRun(_)), "{not_allowed:?}");
        let mut group = PingGroup::default();
        group.allow(true);
        assert_eq!(run(&ping("127.0.0.1:0")).await, Outcome::Passed);
        assert_eq!(run(&ping("[::1]:0")).await, Outcome::Passed);
        ip("route add unreachable 192.0.2.0/24");
        assert!(matches!(run(&ping("192.0.2.1:0")).await, Outcome::Failed(_)));
        group.allow(false);
        assert!(matches!(run(&ping("127.0.0.1:0")).await, Outcome::NotRun(_)));
    });
}

#[test]
fn a_probe_leaves_by_the_interface_that_is_named() {
    in_namespace_async(|| async {
        ip("link set lo up");
        ip("link add d0 type veth peer name d1");
        ip("link set d0 up");
        let server = UdpSocket::bind(LOCAL).unwrap();
        let listener = TcpListener::bind(LOCAL).unwrap();
        let through = |interface: &str, to, probe| {
            let mut check = check(to, probe);
            check.connect.bind_if = Some(interface.into());
            check
        };
        let udp = || Probe::Udp(Box::new(Udp { payload: None, reply: None }));
        let (tcp_to, udp_to) = (listener.local_addr().unwrap(), server.local_addr().unwrap());
        assert_eq!(run(&through("lo", tcp_to, Probe::Tcp)).await, Outcome::Passed);
        assert_eq!(run(&through("lo", udp_to, udp())).await, Outcome::Passed);
        assert_ne!(run(&through("d0", tcp_to, Probe::Tcp)).await, Outcome::Passed);
        let missing = Failure::System { operation: Operation::BindToDevice, errno: libc::ENODEV };
        for check in [through("d9", tcp_to, Probe::Tcp), through("d9", udp_to, udp())] {
            assert_eq!(run(&check).await, Outcome::NotRun(missing.clone()));
        }
    });
}

#[tokio::test]
async fn what_others_run_is_not_run_here() {
    let command = Command { argv: vec!["/bin/false".into()], run_as: None };
    let misc = Misc { command, dynamic: false, timeout: Duration::from_secs(1) };
    let to = "192.0.2.1:1".parse().unwrap();
    assert_eq!(run(&check(to, Probe::Misc(Box::new(misc)))).await, Outcome::Passed);
}

#[cfg(feature = "tls")]
mod tls {
    use super::*;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};
    use std::fs;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, channel};

    type Pair = rcgen::CertifiedKey<rcgen::KeyPair>;

    fn pair() -> Pair {
        rcgen::generate_simple_self_signed(["whoever.example".to_owned()]).unwrap()
    }

    /// A web server, and what it was called in the handshake.
    fn web_server(answer: &'static [u8]) -> (SocketAddr, Receiver<Option<String>>) {
        web_server_of(pair(), answer)
    }

    fn web_server_of(pair: Pair, answer: &'static [u8]) -> (SocketAddr, Receiver<Option<String>>) {
        let (tell, told) = channel();
        let address = serve(move |stream| {
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der()));
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![pair.cert.der().clone()], key)
                .unwrap();
            let connection = ServerConnection::new(Arc::new(config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            tell.send(stream.conn.server_name().map(str::to_owned)).unwrap();
            let _ = stream.write_all(answer);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        });
        (address, told)
    }

    async fn ask(server: SocketAddr, tls: TlsConfig, ssl: &Ssl) -> Outcome {
        let mut check = check(server, http(Some(tls)));
        check.connect.timeout = Duration::from_secs(10);
        super::super::tests::run(&check, Tls::load(ssl, true)).await
    }

    #[tokio::test]
    async fn a_page_comes_over_tls_whoever_the_certificate_is_for() {
        let (server, told) = web_server(b"HTTP/1.0 200 OK\r\n\r\nhello");
        assert_eq!(ask(server, TlsConfig::default(), &Ssl::default()).await, Outcome::Passed);
        assert_eq!(told.recv().unwrap(), None);
        let (server, told) = web_server(b"HTTP/1.0 500 Oh\r\n\r\n");
        let named = TlsConfig {
            sni: true,
            sni_name: Some("www.example:443".into()),
            verify: false,
            certificate_expiry: None,
        };
        assert_eq!(ask(server, named, &Ssl::default()).await, failed("HTTP status code 500"));
        assert_eq!(told.recv().unwrap().as_deref(), Some("www.example"));
    }

    #[tokio::test]
    async fn a_certificate_that_can_not_be_read_keeps_checks_from_running() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cert.pem");
        let name = file.to_str().unwrap().to_owned();
        let ssl = Ssl { certificate: Some(name.clone()), ..Ssl::default() };
        let nowhere = "127.0.0.1:1".parse().unwrap();
        let Outcome::NotRun(failure) = ask(nowhere, TlsConfig::default(), &ssl).await else { panic!() };
        assert!(failure.to_string().starts_with(&name), "{failure}");
        let pair = rcgen::generate_simple_self_signed(["client".to_owned()]).unwrap();
        fs::write(&file, pair.cert.pem() + &pair.signing_key.serialize_pem()).unwrap();
        let (server, _told) = web_server(b"HTTP/1.0 200 OK\r\n\r\n");
        assert_eq!(ask(server, TlsConfig::default(), &ssl).await, Outcome::Passed);
    }

    #[tokio::test]
    async fn a_certificate_is_verified_where_that_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let ssl = Ssl { ca: Some(file.to_str().unwrap().to_owned()), ..Ssl::default() };
        let named = |name: &str| TlsConfig {
            sni: false,
            sni_name: Some(name.into()),
            verify: true,
            certificate_expiry: None,
        };
        let answer = b"HTTP/1.0 200 OK\r\n\r\n";
        let known = pair();
        fs::write(&file, known.cert.pem()).unwrap();
        let (server, told) = web_server_of(known, answer);
        assert_eq!(ask(server, named("whoever.example"), &ssl).await, Outcome::Passed);
        assert_eq!(told.recv().unwrap(), None, "no name was given");
        let (server, _told) = web_server(answer);
        let unknown = ask(server, named("whoever.example"), &ssl).await;
        assert!(
            matches!(&unknown, Outcome::Failed(why) if why.to_string().contains("certificate")),
            "{unknown:?}"
        );
        let another = pair();
        fs::write(&file, another.cert.pem()).unwrap();
        let (server, _told) = web_server_of(another, answer);
        let other = ask(server, named("www.example"), &ssl).await;
        assert!(matches!(&other, Outcome::Failed(why) if why.to_string().contains("name")), "{other:?}");
    }
}
