use super::*;
use crate::ipvs::model::{
    Dest, DestKey, Forward, Netmask, Protocol, Service, ServiceFlags, Tunnel, TunnelFlags, TunnelKind,
};
use crate::ipvs::names::Numeric;
use crate::net::Family;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

/// A resolver of two names.
struct Some2;

impl Names for Some2 {
    fn address(&self, host: &str) -> Option<Ipv4Addr> {
        (host == "web").then_some(Ipv4Addr::new(192, 0, 2, 7))
    }
    fn port(&self, service: &str, protocol: Protocol) -> Option<u16> {
        (service == "http" && protocol == Protocol::Tcp).then_some(80)
    }
    fn host(&self, _: IpAddr) -> Option<String> {
        None
    }
    fn service(&self, _: u16, _: Protocol) -> Option<String> {
        None
    }
}

fn read(line: &str) -> Result<Command, Error> {
    parse_line(line, &Some2).map(|command| command.expect("a command"))
}

#[track_caller]
fn operation(line: &str) -> Operation {
    match read(line) {
        Ok(Command::Execute(operation)) => operation,
        other => panic!("{line}: {other:?}"),
    }
}

#[track_caller]
fn refused(line: &str, status: u8) {
    match read(line) {
        Err(error) => assert_eq!(error.exit_status(), status, "{line}: {error}"),
        Ok(command) => panic!("{line}: {command:?}"),
    }
}

fn tcp(address: &str, port: u16) -> ServiceKey {
    ServiceKey::Address { protocol: Protocol::Tcp, address: address.parse().unwrap(), port }
}

fn service(key: ServiceKey) -> Service {
    Service {
        key,
        scheduler: "wlc".into(),
        flags: ServiceFlags::empty(),
        timeout: 0,
        netmask: Netmask::host(key.family()),
        pe_name: None,
    }
}

fn dest(address: &str, port: u16) -> Dest {
    let key = DestKey { address: address.parse().unwrap(), port };
    Dest { key, forward: Forward::DirectRoute, weight: 1, upper_threshold: 0, lower_threshold: 0 }
}

#[test]
fn services_with_their_options() {
    let plain = service(tcp("192.0.2.1", 80));
    assert_eq!(operation("-A -t 192.0.2.1:80"), Operation::AddService(plain.clone()));
    // popt's ways to write the same.
    for line in [
        "ipvsadm -A -t192.0.2.1:80",
        "-At=192.0.2.1:80 -s wlc",
        "--add-service --tcp-service=192.0.2.1:80",
        "--add-service --tcp-service 192.0.2.1:0x50",
        "-A -t 192.0.2.1:http",
    ] {
        match line.contains("0x50") {
            true => refused(line, 2),
            false => assert_eq!(operation(line), Operation::AddService(plain.clone()), "{line}"),
        }
    }
    assert_eq!(operation("-D -t web:80"), Operation::DeleteService(tcp("192.0.2.7", 80)));
    assert_eq!(
        operation("-E -u [2001:db8::1]:53 -s sh -b sh-port,sh-fallback -p -M 64 --pe sip -o"),
        Operation::EditService(Service {
            scheduler: "sh".into(),
            flags: ServiceFlags::PERSISTENT
                | ServiceFlags::ONE_PACKET
                | ServiceFlags::SCHED1
                | ServiceFlags::SCHED2,
            timeout: 360,
            netmask: Netmask::Prefix(64),
            pe_name: Some("sip".into()),
            ..service(ServiceKey::Address {
                protocol: Protocol::Udp,
                address: "2001:db8::1".parse().unwrap(),
                port: 53
            })
        })
    );
    let mark = ServiceKey::Fwmark { mark: 5, family: Family::V6 };
    assert_eq!(operation("-A -f 5 -6"), Operation::AddService(service(mark)));
}

#[test]
fn the_order_of_options_counts_where_it_does_for_ipvsadm() {
    let netmask = |line| match operation(line) {
        Operation::AddService(service) => service.netmask,
        other => panic!("{other}"),
    };
    let mask = |a, b, c, d| Netmask::Mask(Ipv4Addr::new(a, b, c, d));
    assert_eq!(netmask("-A -t 1.2.3.4:80 -p 9 -M 255.0.255.0"), mask(255, 0, 255, 0));
    assert_eq!(netmask("-A -t 1.2.3.4:80 -p 9 -M 24"), mask(0, 0, 0, 24));
    assert_eq!(netmask("-A -M 24 -t [2001:db8::1]:80 -p 9"), Netmask::Prefix(128));
    assert_eq!(netmask("-A -f 1 -M 24 -6 -p 9"), Netmask::Prefix(128));
    assert_eq!(netmask("-A -f 1 -6 -M 24x -p 9"), Netmask::Prefix(24));
    refused("-A -6 -f 1", 2);
    // An int of the 64 bits that strtol gives.
    assert_eq!(netmask("-A -f 1 -6 -M 4294967297 -p 9"), Netmask::Prefix(1));
    assert_eq!(netmask("-A -f 1 -6 -M -9223372036854775807 -p 9"), Netmask::Prefix(1));
    refused("-A -f 1 -6 -M -9223372036854775808 -p 9", 2);
    refused("-A -f 1 -6 -M -9999999999999999999 -p 9", 2);

    // A server takes the port of the service named so far.
    let port = |line| match operation(line) {
        Operation::AddDest(_, dest) => dest.key.port,
        other => panic!("{other}"),
    };
    assert_eq!(port("-a -t 1.2.3.4:80 -r 10.0.0.1 -m"), 80);
    assert_eq!(port("-a -r 10.0.0.1 -t 1.2.3.4:80 -m"), 0);
    assert_eq!(port("-a -t 1.2.3.4:80 -r 10.0.0.1:99 -g"), 80);
    assert_eq!(port("-a -f 1 -r 10.0.0.1:99 -g"), 99);
    refused("-a -r 10.0.0.1:http -t 1.2.3.4:80 -m", 2);
}

#[test]
fn servers_with_their_options() {
    let key = tcp("192.0.2.1", 80);
    assert_eq!(
        operation("-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3 -x 100 -y 50"),
        Operation::AddDest(
            key,
            Dest {
                forward: Forward::Masq,
                weight: 3,
                upper_threshold: 100,
                lower_threshold: 50,
                ..dest("10.0.0.1", 8080)
            }
        )
    );
    let tunnel = Tunnel { kind: TunnelKind::Gue, port: 6080, flags: TunnelFlags::REMCSUM };
    assert_eq!(
        operation("-e -t 192.0.2.1:80 -r [2001:db8::2]:1 -i --tun-type gue --tun-port 6080 --tun-remcsum"),
        Operation::EditDest(key, Dest { forward: Forward::Tunnel(tunnel), ..dest("2001:db8::2", 80) })
    );
    assert_eq!(
        operation("-d -t 192.0.2.1:80 -r 10.0.0.1"),
        Operation::DeleteDest(key, dest("10.0.0.1", 80).key)
    );
}

#[test]
fn the_other_commands() {
    assert_eq!(operation("-C"), Operation::Flush);
    assert_eq!(operation("-Z"), Operation::Zero(None));
    assert_eq!(operation("-Z -t 0.0.0.0:0"), Operation::Zero(None));
    assert_eq!(operation("-Z -t 0.0.0.0:1"), Operation::Zero(Some(tcp("0.0.0.0", 1))));
    let timeouts = Timeouts { tcp: 900, tcp_fin: 0, udp: 300 };
    assert_eq!(operation("--set 900 0 300"), Operation::SetTimeouts(timeouts));
    assert_eq!(operation("--stop-daemon backup"), Operation::StopDaemon(DaemonState::Backup));
    let Operation::StartDaemon(daemon) = operation("--start-daemon=master --syncid 5") else { panic!() };
    assert_eq!((daemon.interface.as_str(), daemon.sync_id, daemon.group), ("eth0", 5, None));
    assert_eq!(read("-Sn"), Ok(Command::Save { numeric: true }));
    assert_eq!(read("-h -q"), Ok(Command::Help));
    assert_eq!(parse(&["-R"], &Numeric), Ok(Command::Restore));
    assert_eq!(parse_line(" \t\r\n", &Numeric), Ok(None));
    assert_eq!(parse_line("ipvsadm\n", &Numeric), Ok(None));
}

#[test]
fn listings() {
    let all = Listing {
        subject: Subject::All,
        columns: Columns::Default,
        numeric: true,
        exact: false,
        sorted: true,
    };
    assert_eq!(read("-Ln"), Ok(Command::List(all)));
    assert_eq!(read("--list --sort -n --syncid 3"), Ok(Command::List(all)));
    let listing = Listing { columns: Columns::Stats, exact: true, sorted: false, ..all };
    assert_eq!(read("-l --rate --stats -n --exact --nosort"), Ok(Command::List(listing)));
    let one = Listing { subject: Subject::Service(tcp("192.0.2.1", 80)), ..all };
    assert_eq!(read("-L -t 192.0.2.1:80 -n"), Ok(Command::List(one)));
    let connections = Listing { subject: Subject::Connections, columns: Columns::PersistentConn, ..all };
    assert_eq!(read("-Lnc --persistent-conn"), Ok(Command::List(connections)));
    for line in [
        "-L -c -t 1.2.3.4:80",
        "-L --timeout --daemon",
        "-L --stats -c",
        "-L --persistent-conn --timeout",
        "-L --syncid 256",
    ] {
        refused(line, 2);
    }
}

#[test]
fn refusals_have_ipvsadm_s_exit_status() {
    for line in ["-q", "-nL", "-t 1.2.3.4:80", "foo", "-A -t", "-L -q", "-L --numeric=3", "-Ln --stat", "-R"]
    {
        refused(line, 255);
    }
    for line in [
        "-L foo",
        "-L -",
        "-L -- -n",
        "-L -n -n",
        "-Ll",
        "-A",
        "-A -t 1.2.3.4",
        "-A -t 1.2.3.4:80 -o",
        "-A -t 1.2.3.4:80 -r 10.0.0.1",
        "-A -t 1.2.3.4:80 -p 0",
        "-A -t 1.2.3.4:80 -p 2678401",
        "-A -t 1.2.3.4:70000",
        "-A -t 12345",
        "-A -t [2001:db8::1]",
        "-A -t 1.2.3.4:80 -b sh-port",
        "-A -t 1.2.3.4:80 -b ,",
        "-A -f 0",
        "-A -f 4294967296",
        "-a -t 1.2.3.4:80",
        "-a -t 1.2.3.4:80 -r [2001:db8::1]:80 -m",
        "-a -t 1.2.3.4:80 -r 10.0.0.1 -g -i",
        "-a -t 1.2.3.4:80 -r 10.0.0.1 -w -1",
        "-a -t 1.2.3.4:80 -r 10.0.0.1 -w 2147483648",
        "-a -t 1.2.3.4:80 -r 10.0.0.1 -g --tun-type gre",
        "-a -t 1.2.3.4:80 -r 10.0.0.1 -i --tun-type gue",
        "-a -t 1.2.3.4:80 -r 10.0.0.1 -i --tun-csum",
        "-a -t 1.2.3.4:80 -r 10.0.0.1 -i --tun-type gre --tun-csum --tun-nocsum",
        "-d -t 1.2.3.4:80 -r 10.0.0.1 -w 3",
        "--set 1 2",
        "--set 1 2 3 4",
        "--start-daemon foo",
        "--start-daemon master --mcast-group 10.0.0.1",
        "-C -n",
    ] {
        refused(line, 2);
    }
    assert!(read("-L -q").unwrap_err().restore_continues());
    assert!(!read("-q").unwrap_err().restore_continues());
}

/// Names that know nothing, where `POSIXLY_CORRECT` is set.
struct Posix;

impl Names for Posix {
    fn address(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }
    fn port(&self, _: &str, _: Protocol) -> Option<u16> {
        None
    }
    fn host(&self, _: IpAddr) -> Option<String> {
        None
    }
    fn service(&self, _: u16, _: Protocol) -> Option<String> {
        None
    }
    fn options_first(&self) -> bool {
        true
    }
}

#[test]
fn with_posixly_correct_options_end_at_the_first_word() {
    let set = |names| parse(&["--set", "1", "2", "-3"], names);
    assert_eq!(set(&Numeric).unwrap_err().exit_status(), 255, "there is no option -3");
    assert_eq!(set(&Posix).unwrap_err().exit_status(), 2, "-3 is no timeout");
    assert_eq!(parse(&["x", "-L"], &Posix).unwrap_err().exit_status(), 255, "no command");
    assert_eq!(parse(&["x", "-L"], &Numeric).unwrap_err().exit_status(), 2, "one word too many");
    assert!(parse(&["-D", "-f", "5"], &Posix).is_ok(), "a value is no such word");
}

#[test]
fn the_end_of_the_input_drops_a_line_with_blanks() {
    for (line, counts) in [
        (&b"-C"[..], true),
        (b"-C ", true),
        (b"-C\r", true),
        (b"-C  ", false),
        (b"-C\t\r", false),
        (b" -C", true),
        (b"", true),
    ] {
        assert_eq!(last_line_counts(line), counts, "{line:?}");
    }
    assert_eq!(read("-C\0x -\0"), read("-C -"), "a zero byte ends a word");
    assert_eq!(read("ipvsadm\0x -C"), Ok(Command::Execute(Operation::Flush)));
    let long = |bytes| read(&format!("-A -t 192.0.2.1:80 -s {}", "x".repeat(bytes)));
    assert!(long(4096).is_ok());
    assert_eq!(long(4097), Err(Error::Invalid("unexpected argument x".into())));
}

proptest! {
    #[test]
    fn any_arguments_are_read_or_refused(
        words in prop::collection::vec(prop_oneof!["-{0,3}[a-zA-Z6=-]{0,12}", "\\PC{0,8}", "[0-9.:\\[\\]x]{0,20}"], 0..8),
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let _ = parse(&words, &Some2);
    }

    #[test]
    fn any_values_are_read_or_refused(option in "[a-zA-Z6]", value in "\\PC{0,40}", order in any::<bool>()) {
        for command in ["-A", "-a", "-L", "--start-daemon", "--set"] {
            let (service, other) = (["-t", "[2001:db8::1]:80"], [&format!("-{option}")[..], &value]);
            let (first, second) = if order { (service, other) } else { (other, service) };
            let _ = parse(&[&[command][..], &first, &second].concat(), &Some2);
        }
    }
}

#[test]
fn an_ipv6_address_and_a_port_without_brackets_get_a_hint() {
    for (line, right) in [
        ("-A -t 2001:db8::10:80", "[2001:db8::10]:80"),
        ("-D -u2001:db8::10:53", "[2001:db8::10]:53"),
        ("-A --tcp-service=2001:db8::10:30080 -s rr", "[2001:db8::10]:30080"),
        ("-A -t 2001:db8:0:0:0:0:0:10:443", "[2001:db8:0:0:0:0:0:10]:443"),
        ("-A -t fe80::1:http", "[fe80::1]:http"),
        ("-a -t [2001:db8::10]:80 -r 2001:db8::20:8080 -m", "[2001:db8::20]:8080"),
        ("ipvsadm -E -t ::1:80", "[::1]:80"),
    ] {
        let (_, port) = right.rsplit_once(':').unwrap();
        let expected = format!("if {port} is the port, write {right}");
        assert_eq!(hint_for_line(line).as_deref(), Some(expected.as_str()), "{line}");
    }
    for line in [
        "-A -t [2001:db8::10]:80",
        "-A -t 192.0.2.1:80",
        "-A -t 2001:db8::80",
        "-A -t 2001:db8:0:0:0:0:0:10",
        "-A -t 2001:db8::10:ff",
        "-A -t 2001:db8::10:0",
        "-A -f 5",
        "-",
        "",
    ] {
        assert_eq!(hint_for_line(line), None, "{line}");
    }
}
