//! `mail.conf`: clients in the servers' own network are greeted through the virtual address; a server that is ill gets no
//! new ones and keeps those that it has. And why it is not NAT, as the file and README say.

use super::*;
use crate::support::Capture;
use crate::traffic::packet::layers;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Ipv4Addr;

const SERVICE: &str = "TCP 192.0.2.25:25";

const ALL: [(&str, u32); 2] = [("192.0.2.61:25", 1), ("192.0.2.62:25", 1)];

/// A real Exim, which turns clients away while the file of [`ill`] is there.
fn exim(lab: &Lab, host: &Host) -> Process {
    let folder = folder(lab, host);
    // Without one it would make one first, which takes it a while.
    let own = rcgen::generate_simple_self_signed(vec!["mail.example.com".to_owned()]).expect("a certificate");
    fs::write(folder.join("certificate"), own.cert.pem()).expect("write a certificate");
    fs::write(folder.join("key"), own.signing_key.serialize_pem()).expect("write a key");
    let config = format!(
        "spool_directory = {0}\nlog_file_path = {0}/%slog\nkeep_environment =\ntls_advertise_hosts =\n\
         tls_certificate = {0}/certificate\ntls_privatekey = {0}/key\ntls_dhparam = none\n\
         primary_hostname = {1}.example.com\nsmtp_banner = $primary_hostname ESMTP\n\
         acl_smtp_connect = ${{if exists{{{2}}}{{busy}}{{free}}}}\n\
         begin acl\nfree:\n  accept\nbusy:\n  deny message = busy\n",
        folder.display(),
        host.name(),
        host.file("ill").display()
    );
    let file = host.file("exim.conf");
    fs::write(&file, config).expect("write Exim's configuration");
    let process = host.start("exim", host.command("exim4").arg("-bdf").arg("-C").arg(&file));
    listens(host, 25);
    process
}

/// A client that talks to a mail server.
struct Talk {
    stream: BufReader<TcpStream>,
    /// Who greeted.
    server: String,
}

impl Talk {
    fn start(client: &Host, from: [u8; 4], patience: Duration) -> io::Result<Talk> {
        let socket = client.enter(|| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            socket.bind(&SocketAddr::from((from, 0)).into())?;
            socket.connect_timeout(&SocketAddr::from(([192, 0, 2, 25], 25)).into(), patience)?;
            io::Result::Ok(socket)
        })?;
        socket.set_read_timeout(Some(patience))?;
        let mut talk = Talk { stream: BufReader::new(socket.into()), server: String::new() };
        let greeting = talk.hear()?;
        let name = greeting.strip_prefix("220 ").and_then(|rest| rest.split('.').next());
        talk.server = name.ok_or_else(|| io::Error::other(greeting.clone()))?.to_owned();
        Ok(talk)
    }

    fn hear(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line)
    }

    /// The answer to a line.
    #[track_caller]
    fn says(&mut self, line: &str) -> String {
        let said = write!(self.stream.get_mut(), "{line}\r\n").and_then(|()| self.hear());
        said.unwrap_or_else(|error| panic!("{line}: {error}"))
    }
}

/// A client of the servers' network is greeted.
#[track_caller]
fn greeted(client: &Host) -> Talk {
    let talk = Talk::start(client, [192, 0, 2, 100], Duration::from_secs(10));
    talk.unwrap_or_else(|error| panic!("no greeting: {error}"))
}

/// The client, the director, and the mail servers, each of which is made ready by `prepare`.
fn office(lab: &Lab, prepare: impl Fn(&Host)) -> (Host, Host, [(Host, Process); 2]) {
    let client = lab.host("client", "192.0.2.100/24");
    let director = lab.host("director", "192.0.2.2/24");
    let servers = [("mail1", 61), ("mail2", 62)].map(|(name, n)| {
        let host = lab.host(name, &format!("192.0.2.{n}/24"));
        prepare(&host);
        let process = exim(lab, &host);
        (host, process)
    });
    (client, director, servers)
}

const QUICK: [(&str, &str); 2] =
    [("delay_loop 10", "delay_loop 1"), ("delay_before_retry 2", "delay_before_retry 1")];

pub(super) fn plays(lab: &Lab) {
    let (client, director, [(mail1, first), (mail2, _second)]) =
        office(lab, |server| prepare_for_dr(server, "192.0.2.25"));
    let _director = start(&director, &example("mail.conf", &QUICK), "192.0.2.25");
    serves(&director, SERVICE, &ALL);

    // Each goes to who has fewer.
    let mut talks = [greeted(&client), greeted(&client)];
    talks.sort_by(|one, other| one.server.cmp(&other.server));
    assert_eq!(talks.each_ref().map(|talk| talk.server.as_str()), ["mail1", "mail2"]);

    ill(&mail1, true);
    serves(&director, SERVICE, &[(ALL[0].0, 0), ALL[1]]);
    assert_eq!(greeted(&client).server, "mail2");
    assert_eq!(greeted(&client).server, "mail2");
    // What is on its way goes on.
    let said = talks[0].says("HELO office.example.com");
    assert!(said.starts_with("250 mail1.example.com"), "{said}");
    assert!(talks[0].says("QUIT").starts_with("221 "));

    ill(&mail1, false);
    serves(&director, SERVICE, &ALL);
    ill(&mail2, true);
    serves(&director, SERVICE, &[ALL[0], (ALL[1].0, 0)]);
    assert_eq!(greeted(&client).server, "mail1");

    // Nobody is left: who calls is not answered.
    drop(first);
    serves(&director, SERVICE, &ALL.map(|(server, _)| (server, 0)));
    let refused = Talk::start(&client, [192, 0, 2, 100], Duration::from_secs(1)).map(|talk| talk.server);
    assert!(refused.is_err(), "{refused:?}");
}

/// The same file with NAT serves those behind the router, and not the office.
pub(super) fn by_nat(lab: &Lab) {
    // Answers have to come back through the director.
    let (client, director, _servers) =
        office(lab, |server| server.configure(&["route add default via 192.0.2.25"]));
    director.sysctl("ipv4.ip_forward", "1");
    director.configure(&["route add default via 192.0.2.1"]);
    let world = lab.host("router", "192.0.2.1/24");
    world.configure(&["address add 203.0.113.7/32 dev lo"]);
    let changes = [&QUICK[..], &[("lvs_method DR", "lvs_method NAT")]].concat();
    let _director = start(&director, &example("mail.conf", &changes), "192.0.2.25");
    serves(&director, SERVICE, &ALL);

    let talk = Talk::start(&world, [203, 0, 113, 7], Duration::from_secs(10)).expect("a greeting");
    assert!(talk.server.starts_with("mail"), "{}", talk.server);

    let capture = Capture::start(&client);
    let from = Ipv4Addr::new(192, 0, 2, 100);
    let refused = Talk::start(&client, from.octets(), Duration::from_secs(5)).map(|talk| talk.server);
    assert_eq!(refused.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
    // The server has answered, by itself.
    let seen: Vec<String> = capture.frames().iter().filter_map(layers).collect();
    let answer = seen.iter().any(|layers| {
        ALL.iter()
            .any(|(server, _)| layers.starts_with(&format!("{} > {from} | tcp", server.replace(":25", ""))))
    });
    assert!(answer, "{seen:#?}");
}
