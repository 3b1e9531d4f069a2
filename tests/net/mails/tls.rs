//! `smtp_tls`: a server with certificates, which wants to know who sends.

use super::{Talks, config, start, wait_mail};
use crate::support::Implementation::Vipd;
use crate::support::{Director, Host, Lab, wait_for};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);
/// `\0lb\0open sesame`
const PASSWORD: &str = "open sesame";
const SAID: &str = "AUTH PLAIN AGxiAG9wZW4gc2VzYW1l";

/// Who says whose certificate is right.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let key = KeyPair::generate().expect("make a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("make a certificate").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// For a server of this name or address.
    fn certify(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("make a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        server(&params.signed_by(&key, &self.issuer).expect("make a certificate").pem(), &key)
    }
}

/// A server whose certificate is from itself, as `openssl req -x509` makes it; and that certificate.
fn signed_by_itself(name: &str) -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().expect("make a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).expect("make a certificate").pem();
    (server(&pem, &key), pem)
}

fn server(pem: &str, key: &KeyPair) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key");
    let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(server.expect("a server"))
}

/// How a connection is treated.
#[derive(Clone)]
enum Manner {
    /// It is encrypted from the beginning.
    Implicit(Arc<ServerConfig>),
    /// It is when the client asks for it.
    StartTls(Arc<ServerConfig>),
    /// It never is.
    Bare,
}

/// Serves on this port, each connection in the next manner, the last one for ever; with what was said encrypted, and in the
/// clear.
fn serve(host: &Host, port: u16, manners: Vec<Manner>) -> (Talks, Talks) {
    let listener = host.enter(|| TcpListener::bind(("127.0.0.1", port))).expect("listen");
    let (secret, clear) = (Talks::default(), Talks::default());
    let (to_secret, to_clear) = (Arc::clone(&secret), Arc::clone(&clear));
    std::thread::spawn(move || {
        for (at, connection) in listener.incoming().enumerate() {
            let (Ok(connection), Some(manner)) = (connection, manners.get(at).or(manners.last())) else {
                return;
            };
            let encrypted = |config: &Arc<ServerConfig>, stream| {
                StreamOwned::new(ServerConnection::new(Arc::clone(config)).expect("a connection"), stream)
            };
            // Who leaves in the middle is no matter.
            let _ = match manner {
                Manner::Implicit(config) => talk(encrypted(config, connection), true, None, &to_secret),
                Manner::Bare => talk(connection, true, None, &to_clear),
                Manner::StartTls(config) => {
                    let again = connection.try_clone().expect("a second handle");
                    match talk(connection, true, Some("STARTTLS"), &to_clear) {
                        Ok(true) => talk(encrypted(config, again), false, None, &to_secret),
                        other => other,
                    }
                }
            };
        }
    });
    (secret, clear)
}

/// One talk; true if the client asked for the extension.
fn talk(stream: impl Read + Write, greets: bool, offer: Option<&str>, talks: &Talks) -> io::Result<bool> {
    let mut stream = BufReader::new(stream);
    if greets {
        answer(&mut stream, "220 ready")?;
    }
    let (mut said, mut in_text) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let line = line.trim_end();
        said += &format!("{line}\n");
        match line {
            "." if in_text => {
                in_text = false;
                talks.lock().expect("no panic while held").push(said.clone());
                answer(&mut stream, "250 taken")?;
            }
            _ if in_text => {}
            "DATA" => {
                in_text = true;
                answer(&mut stream, "354 go on")?;
            }
            "QUIT" => {
                if !said.contains("\nDATA\n") {
                    talks.lock().expect("no panic while held").push(said);
                }
                answer(&mut stream, "221 bye")?;
                return Ok(false);
            }
            line if line.starts_with("EHLO") => {
                let offer = offer.unwrap_or("AUTH LOGIN PLAIN");
                answer(&mut stream, &format!("250-mail\r\n250-8BITMIME\r\n250 {offer}"))?;
            }
            line if offer == Some(line) => {
                talks.lock().expect("no panic while held").push(said);
                answer(&mut stream, "220 go ahead")?;
                return Ok(true);
            }
            line if line.starts_with("AUTH") => {
                answer(&mut stream, if line == SAID { "235 welcome" } else { "535 who are you" })?;
            }
            _ => answer(&mut stream, "250 ok")?,
        }
    }
}

fn answer<S: Read + Write>(stream: &mut BufReader<S>, text: &str) -> io::Result<()> {
    write!(stream.get_mut(), "{text}\r\n")?;
    stream.get_mut().flush()
}

fn says(director: &Director, what: &str) {
    wait_for(format_args!("the log to say {what}"), LIMIT, || {
        let log = director.process().log();
        if log.contains(what) { Ok(()) } else { Err(log) }
    });
}

pub(super) fn encrypted(lab: &Lab) {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let (itself, its_own) = signed_by_itself("127.0.0.1");
    for (word, port, name) in [("tls", 465, "one"), ("starttls", 25, "two"), ("tls", 465, "three")] {
        let (right, wrong, trusted) = if name == "three" {
            (itself.clone(), signed_by_itself("127.0.0.1").0, &its_own)
        } else {
            (known.certify("127.0.0.1"), unknown.certify("127.0.0.1"), &known.pem)
        };
        let host = lab.host(name, "10.0.0.1/24");
        let (password, authorities) = (host.file("password"), host.file("authorities.pem"));
        fs::write(&password, format!("{PASSWORD}\n")).expect("write a file");
        fs::write(&authorities, trusted).expect("write a file");
        let manner = |config| if port == 465 { Manner::Implicit(config) } else { Manner::StartTls(config) };
        let manners = vec![manner(wrong), manner(right)];
        let (talks, clear) = serve(&host, port, manners);
        let lines = format!(
            "  smtp_tls {word}\n  smtp_ca_file {}\n  smtp_user lb\n  smtp_password file:{}\n",
            authorities.display(),
            password.display()
        );
        let director = start(Vipd, &host, &config(&lines));
        let refused = "its certificate is from nobody who is trusted here (smtp_ca_file): trying again in 5s";
        says(&director, &format!("mail server 127.0.0.1 port {port}: {refused}"));
        wait_mail(&talks, "Entering MASTER state", 1);
        wait_mail(&talks, "Entering BACKUP state", 1);
        director.terminate();
        wait_mail(&talks, "Stopping", 1);
        let log = director.process().log();
        assert_eq!(log.matches("mail server").count(), 1, "one line for the one refusal: {log}");
        assert!(!log.contains(PASSWORD) && !log.contains(SAID), "{log}");
        let talks = talks.lock().expect("no panic while held");
        assert!(talks.iter().all(|talk| talk.contains(&format!("\n{SAID}\nMAIL FROM:"))), "{talks:#?}");
        for talk in clear.lock().expect("no panic while held").iter() {
            let all: Vec<&str> = talk.lines().collect();
            assert!(matches!(all[..], [hello, "STARTTLS"] if hello.starts_with("EHLO ")), "{talk}");
        }
    }
}

pub(super) fn refused(lab: &Lab) {
    let authority = Authority::new("known");
    let right = authority.certify("127.0.0.1");
    let cases = [
        ("starttls", "open", Manner::Bare, "the server does not offer STARTTLS (smtp_tls)"),
        ("tls", "open", Manner::Bare, "it does not answer with TLS (smtp_tls)"),
        (
            "tls",
            "open",
            Manner::Implicit(authority.certify("mail.example.com")),
            "its certificate is for another name than smtp_server has",
        ),
        ("tls", "wrong", Manner::Implicit(right), "the server answered 535 to AUTH"),
    ];
    for (at, (word, password, manner, reason)) in cases.into_iter().enumerate() {
        let host = lab.host(["one", "two", "three", "four"][at], &format!("10.0.0.{}/24", at + 1));
        let authorities = host.file("authorities.pem");
        fs::write(&authorities, &authority.pem).expect("write a file");
        let port = if word == "tls" { 465 } else { 25 };
        let (secret, clear) = serve(&host, port, vec![manner]);
        let lines = format!(
            "  smtp_tls {word}\n  smtp_ca_file {}\n  smtp_user lb\n  smtp_password {password}\n",
            authorities.display()
        );
        let director = start(Vipd, &host, &config(&lines));
        says(&director, &format!("mail server 127.0.0.1 port {port}: {reason}: trying again in 5s"));
        director.terminate();
        let talks = [secret, clear].map(|talks| talks.lock().expect("no panic while held").join("\n"));
        assert!(talks.iter().all(|talks| !talks.contains("MAIL FROM")), "{talks:?}");
    }
}
