//! `genhash` beside keepalived's: the same digests and the same pages, of a server that answers in each way there is.

use super::VIPD;
use super::support::{Host, Lab, Test};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;
use std::sync::{Arc, Mutex};

const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("genhash::it_prints_what_keepaliveds_prints", prints),
        Test::new("genhash::a_page_that_does_not_come_is_told", fails),
    ]
}

/// Whatever is asked for on this port, what was asked is kept and this is said; then the connection ends.
fn serve(host: &Host, port: u16, answer: &'static str, tls: bool) -> Arc<Mutex<Vec<String>>> {
    let listener = host.enter(|| TcpListener::bind(("127.0.0.1", port))).expect("listen");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&asked);
    let config = tls.then(config);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(connection) = connection else { return };
            let (request, name) = match &config {
                None => (talk(connection, answer), None),
                Some(config) => {
                    let server = ServerConnection::new(Arc::clone(config)).expect("a connection");
                    let mut stream = StreamOwned::new(server, connection);
                    let request = talk(&mut stream, answer);
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                    (request, stream.conn.server_name().map(str::to_owned))
                }
            };
            keep.lock().expect("no panic while held").push(format!("{name:?} {request}"));
        }
    });
    asked
}

/// Who leaves in the middle is no matter.
fn talk(mut stream: impl Read + Write, answer: &str) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    // What is no request is answered at once.
    while request.first().is_none_or(|first| *first == b'G')
        && !request.ends_with(b"\r\n\r\n")
        && stream.read(&mut byte).is_ok_and(|read| read == 1)
    {
        request.extend(byte);
    }
    let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
    String::from_utf8_lossy(&request).into_owned()
}

fn config() -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("make a key");
    let params = CertificateParams::new(vec!["www.example".to_owned()]).expect("a name");
    let certificate = CertificateDer::from(params.self_signed(&key).expect("make a certificate"));
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    Arc::new(server.expect("a server"))
}

fn theirs(host: &Host, line: &str) -> Output {
    host.command("genhash").args(line.split(' ')).output().expect("genhash starts")
}

fn ours(host: &Host, line: &str) -> Output {
    host.command(VIPD).arg("genhash").args(line.split(' ')).output().expect("vipd starts")
}

/// All but how long it took.
fn shown(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match text.split_once("Global response time for ") {
        Some((before, behind)) => format!("{before}{}", behind.split(" = ").next().unwrap_or_default()),
        None => text,
    }
}

fn prints(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let missing =
        "HTTP/1.1 404 Not Found\r\nServer: x\r\n\r\nNothing here, \u{e4}nd more than a line of it.\n";
    for (at, (answer, tls)) in
        [(PAGE, false), (chunked, false), (missing, false), (PAGE, true)].into_iter().enumerate()
    {
        let port = 8000 + at as u16;
        let asked = serve(&host, port, answer, tls);
        let encrypted = if tls { "-S " } else { "" };
        let named = if tls { "-I " } else { "" };
        let lines = [
            format!("{encrypted}-s 127.0.0.1 -p {port} -u /page"),
            format!("{encrypted}-s 127.0.0.1 -p {port} -u /page -v"),
            format!("{encrypted}{named}-s 127.0.0.1 -p {port} -u /page?a=b -V www.example -P 1.1"),
            format!(
                "{encrypted}--server 127.0.0.1 --port {port} --url / --protocol 1.0c --timeout 9 --fwmark 3"
            ),
        ];
        for line in &lines {
            let (theirs, ours) = (theirs(&host, line), ours(&host, line));
            assert_eq!(shown(&ours), shown(&theirs), "{line}");
            assert!(
                ours.status.success() && ours.stderr.is_empty() && ours.stdout.len() > 32,
                "{line}: {ours:?}"
            );
        }
        let asked = asked.lock().expect("no panic while held");
        assert_eq!(asked.len(), 2 * lines.len());
        for pair in asked.chunks(2) {
            assert_eq!(pair[0], pair[1], "keepalived's, then ours");
        }
    }
    let names = |program: &str| host.command("sh").arg("-c").arg(program).output().expect("sh starts");
    let link = lab.dir().join("genhash");
    std::os::unix::fs::symlink(VIPD, &link).expect("make a link");
    let keepalived = lab.dir().join("keepalived");
    std::os::unix::fs::symlink(VIPD, &keepalived).expect("make a link");
    for program in [link.display().to_string(), format!("{} -T", keepalived.display())] {
        let output = names(&format!("{program} -s 127.0.0.1 -p 8000 -u /"));
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "b1946ac92492d2347c6235b4d2611184\n",
            "{program}"
        );
    }
}

/// keepalived's says something of it, mostly where the digest is expected, and ends with 0.
fn fails(lab: &Lab) {
    let host = lab.host("one", "10.0.0.1/24");
    serve(&host, 8001, "", false);
    serve(&host, 8002, "HTTP/1.1 200 OK\r\nContent-Le", false);
    serve(&host, 8003, PAGE, false);
    let silent = host.enter(|| TcpListener::bind("127.0.0.1:8004")).expect("listen");
    for (line, words) in [
        ("-p 8000", "Connection failed: connect: Connection refused\n"),
        ("-p 8001", "no data received from remote webserver\n"),
        ("-p 8002", "no data received from remote webserver\n"),
        ("-p 8003 -S", "TLS: "),
        ("-p 8004 -t 1", "Timeout: the server did not answer\n"),
    ] {
        let output = ours(&host, &format!("-s 127.0.0.1 -u / {line}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.starts_with(words) && errors.lines().count() == 1, "{line}: {errors}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{line}");
    }
    drop(silent);
}
