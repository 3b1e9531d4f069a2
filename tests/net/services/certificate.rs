//! `certificate_expiry` of `SSL_GET`.

use super::{Check, LIMIT, watch};
use crate::support::{Lab, wait_for};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

/// A server whose certificate ends in so many days.
fn config(days: u64) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("make a key");
    let mut params = CertificateParams::new(vec!["www.example".to_owned()]).expect("a name");
    // An hour more, which nobody counts.
    params.not_after = (SystemTime::now() + Duration::from_secs(days * 86_400 + 3600)).into();
    let certificate = CertificateDer::from(params.self_signed(&key).expect("make a certificate"));
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(server.expect("a server"))
}

pub(super) fn is_told_once(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let served = [(8001, 5), (8002, 50)].map(|(port, days)| {
        let served = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&served);
        let listener = host.enter(|| TcpListener::bind(("127.0.0.1", port))).expect("listen");
        let config = config(days);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                let server = ServerConnection::new(Arc::clone(&config)).expect("a connection");
                let mut stream = StreamOwned::new(server, connection);
                // Who leaves in the middle is no matter.
                let _ = stream.read(&mut [0; 1000]);
                let _ = stream
                    .write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .and_then(|()| stream.flush());
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        served
    });
    let lines = "certificate_expiry 14\nurl {\npath /\n}";
    let checks: [Check<'_>; 3] =
        [("SSL_GET", lines, 8001), ("SSL_GET", lines, 8002), ("SSL_GET", "url {\npath /\n}", 8001)];
    let director = watch(&host, &checks);
    wait_for("all of them to pass", LIMIT, || {
        let log = director.process().log();
        if log.matches("succeed on service").count() == 3 { Ok(()) } else { Err(log) }
    });
    let before = served.each_ref().map(|served| served.load(Ordering::SeqCst));
    wait_for("further checks of either server", LIMIT, || {
        let now = served.each_ref().map(|served| served.load(Ordering::SeqCst));
        if now.iter().zip(before).all(|(now, before)| *now >= before + 4) {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    });
    let log = director.process().log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("the certificate of")).collect();
    assert!(matches!(told[..], [line] if line.contains("[127.0.0.1]:8001 ends in 5 days")), "{log}");
    director.terminate();
}
