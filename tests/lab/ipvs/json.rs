//! `--json`: what a real kernel lists, held against the schema and against what was set.

use super::{Pair, Story};
use crate::VIPD;
use crate::support::{Host, wait_for};
use crate::validator::Validator;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::time::Duration;

pub(super) const STORIES: [(&str, Story); 2] =
    [("json_of_every_listing", json_of_every_listing), ("json_is_for_vipd_alone", json_is_for_vipd_alone)];

/// Everything that a service and a server can have.
const RULES: &str = "\
-A -t 10.9.0.3:80 -s sh -b sh-port
-a -t 10.9.0.3:80 -r 10.9.0.2:80 -g -w 7 -x 100 -y 50
-a -t 10.9.0.3:80 -r 10.9.0.77:80 -i -w 0 --tun-type gue --tun-port 6080 --tun-remcsum
-A -u 10.9.0.3:5060 -s rr -p 120 -M 255.255.255.0 --pe sip -o
-A -t [2001:db8::1]:443 -s mh -b mh-fallback -p 60 -M 64
-a -t [2001:db8::1]:443 -r [2001:db8::2]:443 -m
-a -t [2001:db8::1]:443 -r 10.9.0.77:443 -i --tun-type gre --tun-csum
-A -f 4294967295 -s wlc
-a -f 4294967295 -r 10.9.0.77:0 -i
-A -f 6 -6 -s nosuchname
-A -f 6 -6 -s lblc
--set 900 120 300
";

/// Runs `vipd ipvs` with these words.
fn vipd(host: &Host, line: &str, input: &str) -> Output {
    let mut command = host.command(VIPD);
    command.arg("ipvs").args(line.split_whitespace());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A listing does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A connection to `to` from this port.
fn connect_from(port: u16, to: &str) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into()).unwrap();
    socket.connect(&to.parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.into()
}

#[track_caller]
fn listed(host: &Host, schema: &Value, line: &str) -> Value {
    let output = vipd(host, line, "");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    Validator { root: schema }.check(schema, &value, line).unwrap_or_else(|error| panic!("{error}"));
    value
}

/// The service of this name.
#[track_caller]
fn named<'v>(list: &'v Value, name: &str) -> &'v Value {
    let found = list.as_array().unwrap().iter().find(|s| s["name"] == name);
    found.unwrap_or_else(|| panic!("{name} in {list:#}"))
}

fn json_of_every_listing(pair: &Pair) {
    let host = &pair.ours;
    let restored = vipd(host, "-R", RULES);
    let refused = String::from_utf8_lossy(&restored.stderr);
    assert!(refused.lines().count() == 1 && refused.starts_with("line 10:"), "{refused}");
    let schema: Value = serde_json::from_slice(&vipd(host, "schema", "").stdout).unwrap();

    // A connection that is there, over a service whose address is this host's and whose server is itself.
    host.run("ip address add 10.9.0.3/32 dev lo");
    let listener = host.enter(|| TcpListener::bind("10.9.0.3:80").unwrap());
    // By its port, as `sh` would send every eighth of any ports to the server of weight 0, which is to refuse it.
    let client = pair.theirs.enter(|| connect_from(40_000, "10.9.0.3:80"));
    let (mut server, _) = listener.accept().unwrap();
    server.write_all(b"hello").unwrap();

    // The kernel adds its counters up every other second.
    let counted =
        |table: &Value| named(&table["services"], "TCP 10.9.0.3:80")["counters"]["connections"] == 1;
    let table = wait_for("the connection to be counted", Duration::from_secs(30), || {
        let table = listed(host, &schema, "-L --json");
        if counted(&table) { Ok(table) } else { Err(format!("{table:#}")) }
    });
    assert_eq!((&table["listing"], &table["version"]), (&json!("table"), &json!(1)));
    let services = &table["services"];
    assert_eq!(services.as_array().map(Vec::len), Some(5), "{services:#}");
    let tcp = named(services, "TCP 10.9.0.3:80");
    assert_eq!(tcp["scheduler_flags"], json!(["sh-port"]));
    assert!(tcp["counters"]["incoming_bytes"].as_u64().unwrap() >= 100, "{tcp:#}");
    let own = named(&tcp["servers"], "10.9.0.2:80");
    assert_eq!((&own["forward"], &own["active_connections"]), (&json!("route"), &json!(1)));
    assert_eq!(
        (&own["weight"], &own["upper_threshold"], &own["lower_threshold"]),
        (&json!(7), &json!(100), &json!(50))
    );
    let other = named(&tcp["servers"], "10.9.0.77:80");
    assert_eq!(other["tunnel"], json!({ "kind": "gue", "port": 6080, "checksum": "remote" }));
    let udp = named(services, "UDP 10.9.0.3:5060");
    assert_eq!(udp["one_packet"], true);
    assert_eq!(
        udp["persistence"],
        json!({ "timeout": 120, "prefix_length": 24, "netmask": "255.255.255.0", "engine": "sip" })
    );
    let six = named(services, "TCP [2001:db8::1]:443");
    assert_eq!((&six["family"], &six["persistence"]["prefix_length"]), (&json!("ipv6"), &json!(64)));
    assert_eq!(named(&six["servers"], "10.9.0.77:443")["family"], "ipv4");
    assert_eq!(named(services, "FWM 4294967295")["fwmark"], 4_294_967_295u32);
    assert_eq!(named(services, "FWM 6 IPv6")["scheduler"], "lblc");

    // Columns change nothing; the rates may move.
    for line in
        ["--json", "-S --json", "-Ln --json --stats", "-L --rate --exact --json", "-L --nosort --json"]
    {
        let same = listed(host, &schema, line);
        for service in services.as_array().unwrap() {
            let again = named(&same["services"], service["name"].as_str().unwrap());
            assert_eq!(again["persistence"], service["persistence"], "{line}");
            assert_eq!(
                again["servers"].as_array().map(Vec::len),
                service["servers"].as_array().map(Vec::len)
            );
        }
    }
    let one = listed(host, &schema, "-L --json -t 10.9.0.3:80");
    assert_eq!(one["services"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["services"][0]["servers"].as_array().map(Vec::len), Some(2));

    let connections = listed(host, &schema, "-Lc --json");
    let connection = &connections["connections"][0];
    assert_eq!(connection["client"]["port"], client.local_addr().unwrap().port());
    assert_eq!(connection["service"], json!({ "address": "10.9.0.3", "port": 80 }));
    assert_eq!(connection["server"], json!({ "address": "10.9.0.2", "port": 80 }));
    assert_eq!(connection["state"], "ESTABLISHED");

    // Servers of both families and a daemon do not go together.
    let started = vipd(&pair.theirs, "--start-daemon backup --mcast-interface eth0 --syncid 9", "");
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let daemons = listed(&pair.theirs, &schema, "-L --daemon --json");
    assert_eq!(daemons["daemons"][0]["state"], "backup");
    assert_eq!(daemons["daemons"][0]["sync_id"], 9);
    let timeouts = listed(host, &schema, "-L --timeout --json");
    assert_eq!(timeouts["timeouts"], json!({ "tcp": 900, "tcp_fin": 120, "udp": 300 }));

    let missing = vipd(host, "-L --json -t 10.9.0.9:80", "");
    assert_eq!((missing.status.code(), missing.stdout.len()), (Some(1), 0));
}

fn json_is_for_vipd_alone(pair: &Pair) {
    for line in ["-L --json", "--json", "-L --jso", "-A -t 10.9.0.3:80 --json"] {
        pair.same("ipvsadm", line, "");
    }
    pair.same_tables("--json");
}
