//! Against a server of rustls, in memory.

use super::*;
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ServerConnection;

/// Asks, and passes with the whole of the answer.
#[derive(Debug, Default)]
struct Asks {
    heard: Vec<u8>,
    enough: Option<usize>,
}

impl Dialogue for Asks {
    fn begin(&mut self) -> Step {
        Step::Say(b"question".to_vec())
    }

    fn hear(&mut self, heard: Heard<'_>) -> Step {
        match heard {
            Heard::Bytes(bytes) => {
                self.heard.extend_from_slice(bytes);
                match self.enough.is_some_and(|enough| self.heard.len() >= enough) {
                    true => Step::End(Ok(())),
                    false => Step::Listen,
                }
            }
            Heard::End if self.heard == b"answer" => Step::End(Ok(())),
            Heard::End => Step::fail(format!("{} bytes", self.heard.len())),
            Heard::Broken(errno) => Step::End(Err(Failure::broken(errno))),
        }
    }
}

fn client(needs_goodbye: bool, asks: Asks) -> Encrypted<Asks> {
    client_that_offers(&[], needs_goodbye, asks)
}

fn client_that_offers(protocols: &[&str], needs_goodbye: bool, asks: Asks) -> Encrypted<Asks> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TakesAll))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("www.example").unwrap();
    Encrypted::new(Arc::new(config), name, needs_goodbye, asks).unwrap()
}

fn server(versions: &[&'static rustls::SupportedProtocolVersion]) -> ServerConnection {
    server_that_speaks(&[], versions)
}

fn server_that_speaks(
    protocols: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConnection {
    let pair = rcgen::generate_simple_self_signed(["another.example".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    ServerConnection::new(Arc::new(config)).unwrap()
}

/// How a server ends.
#[derive(Clone, Copy, PartialEq)]
enum Goodbye {
    Said,
    Missing,
    Broken,
}

/// The outcome with a server that answers the question; everything comes in pieces of `size` bytes.
fn outcome(mut client: Encrypted<Asks>, mut server: ServerConnection, size: usize, goodbye: Goodbye) -> Step {
    let mut step = client.begin();
    let mut to_client: Vec<u8> = Vec::new();
    let mut asked = Vec::new();
    let mut has_answered = false;
    loop {
        match step {
            Step::Say(bytes) => {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    server.read_tls(&mut rest).unwrap();
                    if server.process_new_packets().is_err() {
                        break;
                    }
                }
                let _ = server.reader().read_to_end(&mut asked);
                if asked == b"question" && !has_answered {
                    has_answered = true;
                    server.writer().write_all(b"answer").unwrap();
                    if goodbye == Goodbye::Said {
                        server.send_close_notify();
                    }
                }
                while server.wants_write() {
                    server.write_tls(&mut to_client).unwrap();
                }
            }
            Step::Listen => {}
            end @ Step::End(_) => return end,
        }
        step = match to_client.is_empty() {
            false => {
                let piece: Vec<u8> = to_client.drain(..size.min(to_client.len())).collect();
                client.hear(Heard::Bytes(&piece))
            }
            true if goodbye == Goodbye::Broken => client.hear(Heard::Broken(libc::ECONNRESET)),
            true => client.hear(Heard::End),
        };
    }
}

const VERSIONS: [&[&rustls::SupportedProtocolVersion]; 2] =
    [&[&rustls::version::TLS12], &[&rustls::version::TLS13]];

#[test]
fn an_answer_comes_through_in_pieces_of_any_size() {
    for versions in VERSIONS {
        for size in [1, 7, 100, 100_000] {
            for goodbye in [Goodbye::Said, Goodbye::Missing, Goodbye::Broken] {
                let ended = outcome(client(false, Asks::default()), server(versions), size, goodbye);
                assert_eq!(ended, Step::End(Ok(())));
            }
        }
    }
}

#[test]
fn the_goodbye_is_waited_for_where_it_must_come() {
    for versions in VERSIONS {
        // The dialogue within needs no end of the connection, the one around it does.
        for enough in [None, Some(3)] {
            let of = |goodbye| {
                let asks = Asks { enough, ..Asks::default() };
                outcome(client(true, asks), server(versions), 100, goodbye)
            };
            assert_eq!(of(Goodbye::Said), Step::End(Ok(())));
            assert_eq!(of(Goodbye::Missing), Step::fail("TLS: the connection ended without a goodbye"));
            assert_eq!(of(Goodbye::Broken), Step::End(Err(Failure::broken(libc::ECONNRESET))));
        }
    }
}

#[test]
fn what_is_no_tls_is_a_failure() {
    for (answer, words) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "TLS: received corrupt message"),
        (b"", "TLS: the server ended the connection within the handshake"),
        // A fatal alert: handshake failure.
        (&[21, 3, 3, 0, 2, 2, 40], "forward secrecy"),
    ] {
        let mut client = client(false, Asks::default());
        client.begin();
        let mut step = if answer.is_empty() { Step::Listen } else { client.hear(Heard::Bytes(answer)) };
        if step == Step::Listen {
            step = client.hear(Heard::End);
        }
        let Step::End(Err(failure)) = step else { panic!("{step:?}") };
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

#[test]
fn a_protocol_that_is_offered_has_to_be_chosen() {
    let ended = |protocols: &[&str], versions| {
        let asks = Asks { enough: Some(6), ..Asks::default() };
        let client = client_that_offers(&["h2"], false, asks);
        outcome(client, server_that_speaks(protocols, versions), 100, Goodbye::Said)
    };
    for versions in VERSIONS {
        assert_eq!(ended(&["h2", "http/1.1"], versions), Step::End(Ok(())));
        // One that knows nothing of it answers in another protocol; one that does says no.
        for protocols in [&[][..], &["http/1.1"]] {
            assert_eq!(ended(protocols, versions), Step::fail(NOT_CHOSEN));
        }
    }
}
