//! `memcached.conf`: each client finds what it has stored, and when its server dies it is served by another one, which
//! has nothing of it.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;

const SERVICE: &str = "TCP 192.0.2.50:11211";

/// The programs' machines.
const CLIENTS: std::ops::RangeInclusive<u8> = 100..=107;

/// Says these lines by a connection of its own, from an address of the client's, and gives what is answered until a line
/// that ends it.
#[track_caller]
fn say(client: &Host, from: u8, to: [u8; 4], lines: &str) -> String {
    let talk = || -> std::io::Result<String> {
        let socket = client.enter(|| {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
            socket.bind(&SocketAddr::from(([192, 0, 2, from], 0)).into())?;
            socket.connect_timeout(&SocketAddr::from((to, 11211)).into(), Duration::from_secs(10))?;
            std::io::Result::Ok(socket)
        })?;
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(lines.as_bytes())?;
        let mut said = String::new();
        let mut reader = BufReader::new(stream);
        loop {
            let start = said.len();
            if reader.read_line(&mut said)? == 0 || ["END\r\n", "STORED\r\n"].contains(&&said[start..]) {
                return Ok(said);
            }
        }
    };
    talk().unwrap_or_else(|error| panic!("192.0.2.{from} to {}: {error}", Ipv4Addr::from(to)))
}

/// All clients use the same key: each has its own value only where it meets its own server.
fn store(client: &Host, from: u8) {
    let value = format!("of {from}");
    let said = say(client, from, VIRTUAL, &format!("set key{from} 0 0 {}\r\n{value}\r\n", value.len()));
    assert_eq!(said, "STORED\r\n");
}

/// What a client finds at this address.
#[track_caller]
fn find(client: &Host, from: u8, at: [u8; 4]) -> Option<String> {
    let said = say(client, from, at, &format!("get key{from}\r\n"));
    let found = said.strip_suffix("END\r\n").unwrap_or_else(|| panic!("{said:?}"));
    found.lines().nth(1).map(str::to_owned)
}

const VIRTUAL: [u8; 4] = [192, 0, 2, 50];

pub(super) fn plays(lab: &Lab) {
    let client = lab.host("client", "192.0.2.100/24");
    let more = CLIENTS.skip(1).map(|n| format!("address add 192.0.2.{n}/24 dev eth0"));
    client.configure(&more.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>());
    let director = lab.host("director", "192.0.2.2/24");
    let mut servers = [51, 52, 53].map(|n| {
        let host = lab.host(&format!("memcached{}", n - 50), &format!("192.0.2.{n}/24"));
        prepare_for_dr(&host, "192.0.2.50");
        let mut command = host.command("memcached");
        command.args(["-u", "nobody", "-l", "0.0.0.0", "-m", "8", "-t", "1"]);
        let process = host.start("memcached", &mut command);
        listens(&host, 11211);
        (n, Some(process))
    });
    let config = example("memcached.conf", &[("delay_loop 3", "delay_loop 1")]);
    let _director = start(&director, &config, "192.0.2.50");
    let all = [("192.0.2.51:11211", 1), ("192.0.2.52:11211", 1), ("192.0.2.53:11211", 1)];
    serves(&director, SERVICE, &all);

    CLIENTS.for_each(|from| store(&client, from));
    // By other connections, as often as it likes.
    for from in CLIENTS.chain(CLIENTS) {
        assert_eq!(find(&client, from, VIRTUAL), Some(format!("of {from}")), "192.0.2.{from}");
    }
    // Who is at which server: each one is at one alone.
    let homes: BTreeMap<u8, u8> = CLIENTS
        .map(|from| {
            let has = |n: &u8| find(&client, from, [192, 0, 2, *n]).is_some();
            let homes: Vec<u8> = [51, 52, 53].into_iter().filter(has).collect();
            assert_eq!(homes.len(), 1, "192.0.2.{from}: {homes:?}");
            (from, homes[0])
        })
        .collect();
    let dead = homes[&100];
    assert!(homes.values().any(|home| *home != dead), "one has them all: {homes:?}");

    for (n, process) in &mut servers {
        if *n == dead {
            process.take();
        }
    }
    let left: Vec<_> = all.into_iter().filter(|(server, _)| !server.contains(&format!(".{dead}:"))).collect();
    serves(&director, SERVICE, &left);
    let (orphans, others): (Vec<u8>, Vec<u8>) = CLIENTS.partition(|from| homes[from] == dead);
    for from in orphans {
        assert_eq!(find(&client, from, VIRTUAL), None, "192.0.2.{from}");
        store(&client, from);
        assert_eq!(find(&client, from, VIRTUAL), Some(format!("of {from}")), "192.0.2.{from}");
    }
    // Hardly any of the others moves: with `sh` it would be most of them.
    let stay = others.iter().filter(|from| find(&client, **from, VIRTUAL).is_some()).count();
    assert!(stay + 1 >= others.len(), "{stay} of {} stay", others.len());
}
