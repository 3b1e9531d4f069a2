//! Listings where random commands do not reach: names of hosts and services, and what traffic leaves.

use super::{ATTEMPTS, Pair, Story};
use crate::support::{Host, wait_for};
use std::fs::File;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

pub(super) const STORIES: [(&str, Story); 2] = [
    ("names_as_ipvsadm", names_as_ipvsadm),
    ("listings_of_traffic_as_ipvsadm", listings_of_traffic_as_ipvsadm),
];

/// Asserts that vipd prints what ipvsadm prints, in ipvsadm's namespace; gives it. `under` makes the command.
#[track_caller]
fn same_listing(pair: &Pair, arguments: &str, under: impl Fn(PathBuf) -> Command) -> String {
    let run = |program: PathBuf| {
        let output = under(program).args(arguments.split_whitespace()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).lines().map(without_timer).collect::<String>();
        (output.status.code(), text)
    };
    let both = || [run("ipvsadm".into()), run(pair.programs.join("ipvsadm"))];
    let mut outcomes = both();
    // Rates and states move on between the two.
    for _ in 0..ATTEMPTS {
        if outcomes[0] == outcomes[1] {
            break;
        }
        outcomes = both();
    }
    let [theirs, ours] = outcomes;
    assert_eq!(ours, theirs, "ipvsadm {arguments}");
    ours.1
}

/// A line; of a connection's, the digits of its timer as zeros.
fn without_timer(line: &str) -> String {
    match line.split_at_checked(4).zip(line.get(4..9)) {
        Some(((protocol, _), timer)) if timer.as_bytes().get(2) == Some(&b':') => {
            let timer = timer.replace(|c: char| c.is_ascii_digit(), "0");
            format!("{protocol}{timer}{}\n", line.get(9..).unwrap_or_default())
        }
        _ => format!("{line}\n"),
    }
}

const HOSTS: &str = "\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
192.0.2.1 vip.example.org vip
192.0.2.2 b123456789c123456789d1234567
192.0.2.3 c123456789d123456789e12345678
192.0.2.4 a-very-long-host-name.that-goes-on-and-on.and-on-and.on.example.com
10.0.0.1 web1.example.com web1
10.0.0.2 a-very-long-host-name.that-goes-on-and-on.and-on-and.on.example.com
2001:db8::1 v6.example.com
2001:db8::2 a-very-long-host-name.that-goes-on-and-on.and-on-and.on.example.com
::ffff:10.0.0.3 mapped
fe80::1 linklocal
";

const SERVICES: &str = "\
http 80/tcp www
domain 53/tcp
domain 53/udp
sip 5060/udp
only-sctp 80/sctp
a-service-with-a-name-of-its-own 4711/tcp
";

fn names_as_ipvsadm(pair: &Pair) {
    let [hosts, services] = [("hosts", HOSTS), ("services", SERVICES)].map(|(name, text)| {
        let path = pair.theirs.file(name);
        std::fs::write(&path, text).unwrap();
        path
    });
    let under = |host: &Host, program: PathBuf| {
        let mut command = host.command("unshare");
        let script =
            "mount --bind \"$1\" /etc/hosts && mount --bind \"$2\" /etc/services && shift 2 && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script, "sh"]).args([&hosts, &services, &program]);
        command
    };
    let rules = "\
-A -t vip:http
-A -u vip:sip -p 5 --pe sip
-A --sctp-service vip:only-sctp
-A -t vip:domain -p 5 -M vip
-A -t 192.0.2.2:4711
-A -t 192.0.2.3:4711
-A -t 192.0.2.4:www
-A -t [2001:db8::1]:http
-A -t [2001:db8::2]:a-service-with-a-name-of-its-own
-A -f 5
-A -t ip6-localhost:80
-A -t mapped:80
-a -t vip:http -r web1
-a -t vip:http -r web1.example.com:4711 -m
-a -t vip:http -r a-very-long-host-name.that-goes-on-and-on.and-on-and.on.example.com -i
-a -t vip:http -r [2001:db8::2]:80 -i --tun-type gre
-a -f 5 -r web1:http
-a -f 5 -r 10.0.0.2:http
-a -t [2001:db8::1]:http -r [fe80::1]:http
-a -t [2001:db8::1]:http -r [2001:db8::2]:http
-a -t [2001:db8::1]:http -r [::1]:4711 -m
";
    let programs = [(&pair.theirs, PathBuf::from("ipvsadm")), (&pair.ours, pair.programs.join("ipvsadm"))];
    let file = pair.theirs.file("rules");
    std::fs::write(&file, rules).unwrap();
    let outcomes = programs.each_ref().map(|(host, program)| {
        let input = File::open(&file).unwrap();
        let output = under(host, program.clone()).arg("-R").stdin(input).output().unwrap();
        // A line for each rule that the kernel refuses.
        (output.status.code(), String::from_utf8_lossy(&output.stderr).lines().count())
    });
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0].0, Some(0));
    for arguments in [
        "-A -t VIP:HTTP",
        "-A -t vip:sip",
        "-A -u vip:http",
        "-A --sctp-service vip:http",
        "-A -t v6.example.com:80",
        "-A -t linklocal:80",
        "-A -t nobody:80",
        "-A -t vip.:80",
        "-A -t vip:4711 -p 5 -M v6.example.com",
    ] {
        for (host, program) in &programs {
            let output = under(host, program.clone()).args(arguments.split(' ')).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{program:?} {arguments}");
        }
    }
    pair.same_tables("names");
    for arguments in [
        "",
        "-L",
        "-S",
        "-Ln",
        "-L --stats",
        "-L --rate",
        "-L --thresholds",
        "-L --persistent-conn",
        "-L --tun-info",
        "-L --exact --stats --nosort",
        "-L -t vip:http",
        "-L -t [2001:db8::1]:http",
        "-L -f 5",
    ] {
        let text = same_listing(pair, arguments, |program| under(&pair.theirs, program));
        assert_eq!(text.contains(".example."), arguments != "-Ln", "{arguments}: {text}");
    }
}

fn listings_of_traffic_as_ipvsadm(pair: &Pair) {
    let (director, client) = (&pair.theirs, &pair.ours);
    director.run("ip address add fd00:9::1/64 dev eth0 nodad");
    client.run("ip address add fd00:9::2/64 dev eth0 nodad");
    // The director is its own real server: nothing needs to be routed.
    for arguments in [
        "-A -t 10.9.0.1:80 -s rr -p 300 -M 255.255.255.0",
        "-a -t 10.9.0.1:80 -r 10.9.0.1:80 -x 1000 -y 10",
        "-A -t [fd00:9::1]:80 -s rr -p 100",
        "-a -t [fd00:9::1]:80 -r [fd00:9::1]:80",
        "-A -u 10.9.0.1:5060 -s rr -p 60 --pe sip",
        "-a -u 10.9.0.1:5060 -r 10.9.0.1:5060 -m",
    ] {
        director.run(&format!("ipvsadm {arguments}"));
    }
    let (listener, datagrams) =
        director.enter(|| (TcpListener::bind("[::]:80").unwrap(), UdpSocket::bind("0.0.0.0:5060").unwrap()));
    let open: Vec<TcpStream> = client.enter(|| {
        let connect = |address: &str| {
            wait_for("a connection", Duration::from_secs(60), || {
                TcpStream::connect(address).map_err(|e| e.to_string())
            })
        };
        let mut open: Vec<TcpStream> =
            ["10.9.0.1:80", "10.9.0.1:80", "[fd00:9::1]:80", "10.9.0.1:80"].map(connect).into();
        for stream in &mut open {
            stream.write_all(&[b'x'; 30_000]).unwrap();
        }
        // One that ends.
        drop(open.pop());
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for call in ["first@10.9.0.2", "second@10.9.0.2"] {
            let message = format!(
                "REGISTER sip:10.9.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.0.2:5060\r\nCall-ID: {call}\r\n\r\n"
            );
            socket.send_to(message.as_bytes(), "10.9.0.1:5060").unwrap();
        }
        open
    });
    let list = |arguments: &str| same_listing(pair, arguments, |program| director.command(program));
    let connections = list("-L -c -n");
    for part in ["ESTABLISHED 10.9.0.2:", "[fd00:9::2]:", "UDP         10.9.0.2:", "ASSURED     10.9.0.0:0"] {
        assert!(connections.contains(part), "{part} in {connections}");
    }
    let with_engine = list("-L -n -c --persistent-conn");
    assert!(with_engine.contains("sip                first@10.9.0.2"), "{with_engine}");
    for arguments in [
        "-Lc",
        "-Lcn --sort",
        "-Lc --nosort --exact",
        "-Ln",
        "-Ln --stats",
        "-Ln --stats --exact",
        "-Ln --rate",
        "-Ln --rate --exact",
        "-Ln --thresholds",
        "-Ln --persistent-conn",
        "-L -t 10.9.0.1:http --stats",
        "-L -u 10.9.0.1:5060 --rate",
    ] {
        list(arguments);
    }
    let stats = list("-Ln --stats --exact -t 10.9.0.1:80");
    assert!(
        stats.lines().nth(2).unwrap().split_whitespace().nth(2) == Some("3"),
        "three connections: {stats}"
    );
    drop((listener, datagrams, open));
}
