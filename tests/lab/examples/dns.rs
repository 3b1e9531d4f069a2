//! `dns.conf`: each question for itself, by UDP; long answers by TCP; and a name server that is gone gets no more.

use super::*;
use std::io::{Read, Write};
use std::net::UdpSocket;

const SERVICES: [&str; 2] = ["UDP 192.0.2.53:53", "TCP 192.0.2.53:53"];

const VIRTUAL: ([u8; 4], u16) = ([192, 0, 2, 53], 53);

/// For an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What name servers know: a zone, and who they are.
fn unbound(lab: &Lab, host: &Host) -> Process {
    let own = host.addresses()[0].replace("/24", "");
    let config = format!(
        r#"server:
  chroot: ""
  username: ""
  directory: "{folder}"
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  interface: {own}
  interface: 192.0.2.53
  interface: 127.0.0.1
  access-control: 192.0.2.0/24 allow
  module-config: "iterator"
  local-zone: "example.com." static
  local-data: "example.com. SOA ns.example.com. admin.example.com. 1 3600 600 86400 60"
  local-data: "who.example.com. TXT {name}"
remote-control:
  control-enable: no
"#,
        folder = folder(lab, host).display(),
        name = host.name()
    );
    let file = host.file("unbound.conf");
    fs::write(&file, config).expect("write Unbound's configuration");
    let process = host.start("unbound", host.command("unbound").arg("-d").arg("-c").arg(&file));
    listens(host, 53);
    process
}

/// What is the text of who.example.com?
fn question(id: u8) -> Vec<u8> {
    let head = [0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let name = b"\x03who\x07example\x03com\0";
    [&head[..], name, &[0, 16, 0, 1]].concat()
}

/// The name server that says so.
#[track_caller]
fn who(id: u8, answer: &[u8]) -> String {
    assert_eq!((answer[1], answer[3] & 15), (id, 0), "the answer to question {id}: {answer:?}");
    // The only record's text is the last thing in it.
    let text = answer.len().checked_sub(3).map(|start| &answer[start..]);
    String::from_utf8_lossy(text.expect("a text")).into_owned()
}

/// Who answers each of so many questions that leave from the same port.
#[track_caller]
fn by_udp(client: &Host, count: u8) -> Vec<String> {
    let socket = client.enter(|| -> std::io::Result<UdpSocket> {
        let socket = UdpSocket::bind("192.0.2.100:0")?;
        // It takes no answer from another address.
        socket.connect(SocketAddr::from(VIRTUAL))?;
        Ok(socket)
    });
    let socket = socket.expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
    let ask = |id| {
        let mut bytes = [0; 512];
        socket.send(&question(id)).expect("send a question");
        let length = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("question {id}: {error}"));
        who(id, &bytes[..length])
    };
    (1..=count).map(ask).collect()
}

/// Who answers each of so many connections.
#[track_caller]
fn by_tcp(client: &Host, count: u8) -> Vec<String> {
    let ask = |id| -> std::io::Result<String> {
        let mut stream = client.enter(|| TcpStream::connect_timeout(&VIRTUAL.into(), PATIENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let question = question(id);
        stream.write_all(&[&[0, question.len() as u8][..], &question].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut answer)?;
        Ok(who(id, &answer))
    };
    (1..=count).map(|id| ask(id).unwrap_or_else(|error| panic!("connection {id}: {error}"))).collect()
}

pub(super) fn plays(lab: &Lab) {
    let client = lab.host("client", "192.0.2.100/24");
    let director = lab.host("director", "192.0.2.2/24");
    let [first, second] = [("ns1", 71), ("ns2", 72)].map(|(name, n)| {
        let host = lab.host(name, &format!("192.0.2.{n}/24"));
        prepare_for_dr(&host, "192.0.2.53");
        let process = unbound(lab, &host);
        (host, process)
    });
    let config = example("dns.conf", &[("delay_loop 3", "delay_loop 1")]);
    let _director = start(&director, &config, "192.0.2.53");
    let all = [("192.0.2.71:53", 1), ("192.0.2.72:53", 1)];
    SERVICES.into_iter().for_each(|service| serves(&director, service, &all));

    // Each question goes to another one than the question before it did.
    for (how, answers) in [("UDP", by_udp(&client, 6)), ("TCP", by_tcp(&client, 6))] {
        assert!(answers.windows(2).all(|pair| pair[0] != pair[1]), "by {how}: {answers:?}");
    }

    drop(second);
    SERVICES.into_iter().for_each(|service| serves(&director, service, &all[..1]));
    let one = BTreeMap::from([("ns1", 4)]);
    assert_eq!(counted(&by_udp(&client, 4)), one, "by UDP");
    assert_eq!(counted(&by_tcp(&client, 4)), one, "by TCP");
    drop(first);
}
