//! The whole of a listing against ipvsadm's is compared in the lab; here is what a kernel at rest does not show.

use super::*;
use crate::ipvs::model::DestKey;
use std::net::Ipv4Addr;

struct Known;

impl Names for Known {
    fn address(&self, _: &str) -> Option<Ipv4Addr> {
        None
    }
    fn port(&self, _: &str, _: Protocol) -> Option<u16> {
        None
    }
    fn host(&self, address: IpAddr) -> Option<String> {
        Some(format!("a-host-with-quite-a-long-name-{}.example.com", if address.is_ipv4() { 4 } else { 6 }))
    }
    fn service(&self, port: u16, protocol: Protocol) -> Option<String> {
        (port == 80 && protocol == Protocol::Tcp).then(|| "http".to_owned())
    }
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn entry(key: ServiceKey) -> ServiceEntry {
    let service = Service {
        key,
        scheduler: "rr".into(),
        flags: ServiceFlags::empty(),
        timeout: 0,
        netmask: Netmask::host(key.family()),
        pe_name: None,
    };
    ServiceEntry { service, stats: Stats::default() }
}

fn tcp(address: &str) -> ServiceEntry {
    entry(ServiceKey::Address { protocol: Protocol::Tcp, address: address.parse().unwrap(), port: 80 })
}

fn dest(address: &str) -> DestEntry {
    DestEntry {
        dest: Dest {
            key: DestKey { address: address.parse().unwrap(), port: 80 },
            forward: Forward::Masq,
            weight: 1,
            upper_threshold: 7,
            lower_threshold: 3,
        },
        active_conns: 12,
        inactive_conns: 345,
        persistent_conns: 6,
        stats: Stats::default(),
    }
}

fn table(columns: Columns) -> Style<'static> {
    Style { form: Form::Table(columns), exact: false, names: None }
}

#[test]
fn large_numbers_are_cut_to_their_column_or_written_in_full() {
    let row = [0, 99_999_999, 100_000_000, 999_999_999, 1_000_000_000, 100_000_000_000, 100_000_000_000_000];
    let written = |exact| {
        let mut line = Line::new();
        numbers(&mut line, &row, exact);
        line.into_text()
    };
    assert_eq!(written(false), "        0 99999999  100000K  999999K    1000M     100G     100T");
    assert_eq!(
        written(true),
        "        0 99999999 100000000 999999999 1000000000 100000000000 100000000000000"
    );
}

#[test]
fn rows_of_each_kind() {
    let mut d = dest("10.0.0.1");
    d.stats = Stats {
        conns: 1,
        inpkts: 2,
        outpkts: 3,
        inbytes: 4,
        outbytes: 5,
        cps: 6,
        inpps: 7,
        outpps: 8,
        inbps: 9,
        outbps: 1 << 33,
    };
    let rows = |columns| written(|out| service(out, &tcp("192.0.2.1"), &[d], table(columns)));
    assert_eq!(
        rows(Columns::Default),
        "TCP  192.0.2.1:80 rr\n  -> 10.0.0.1:80                  Masq    1      12         345       \n"
    );
    assert_eq!(
        rows(Columns::Stats),
        "TCP  192.0.2.1:80                        0        0        0        0        0\n  \
         -> 10.0.0.1:80                         1        2        3        4        5\n"
    );
    assert_eq!(
        rows(Columns::Rate),
        "TCP  192.0.2.1:80                        0        0        0        0        0\n  \
         -> 10.0.0.1:80                         6        7        8        9    8589M\n"
    );
    assert_eq!(
        rows(Columns::Thresholds),
        "TCP  192.0.2.1:80 rr\n  -> 10.0.0.1:80                  7          3          12         345       \n"
    );
    assert_eq!(
        rows(Columns::PersistentConn),
        "TCP  192.0.2.1:80 rr\n  -> 10.0.0.1:80                  1         6           12         345       \n"
    );
}

#[test]
fn long_names_are_cut_in_tables_of_ipv4_and_never_in_rules() {
    let style = Style { names: Some(&Known), ..table(Columns::Default) };
    let line = |address| written(|out| service(out, &tcp(address), &[], style));
    assert_eq!(line("192.0.2.1"), "TCP  a-host-with-quite-a-long-nam rr\n");
    assert_eq!(line("2001:db8::1"), "TCP  [a-host-with-quite-a-long-name-6.example.com]:http rr\n");
    let d = written(|out| service(out, &tcp("192.0.2.1"), &[dest("10.0.0.1")], style));
    assert_eq!(
        d.lines().last(),
        Some("  -> a-host-with-quite-a-long-nam Masq    1      12         345       ")
    );
    let rules = Style { form: Form::Rules, ..style };
    let rule = written(|out| service(out, &tcp("192.0.2.1"), &[], rules));
    assert_eq!(rule, "-A -t a-host-with-quite-a-long-name-4.example.com:http -s rr\n");
    // Firewall marks have no protocol, so their servers' ports have no names.
    let mark = entry(ServiceKey::Fwmark { mark: u32::MAX, family: Family::V4 });
    let marked = written(|out| service(out, &mark, &[dest("2001:db8::1")], rules));
    let server = "[a-host-with-quite-a-long-name-6.example.com]:80";
    assert_eq!(marked, format!("-A -f -1 -s rr\n-a -f -1 -r {server} -m -w 1\n"));
}

#[test]
fn connections_in_both_of_the_kernel_s_forms() {
    let written = |line, columns| written(|out| connection(out, line, columns, None));
    assert_eq!(
        written("TCP C0000201 04D2 C0000202 0050 0A000001 0050 ESTABLISHED     892\n", Columns::Default),
        "TCP 14:52  ESTABLISHED 192.0.2.1:1234     192.0.2.2:80       10.0.0.1:80\n"
    );
    let six = "UDP 2001:0db8:0000:0000:0000:0000:0000:0001 04D2 2001:0db8:0000:0000:0000:0000:0000:0002 0035 \
               0A000001 0035 UDP  60 sip abc@example\n";
    assert_eq!(
        written(six, Columns::PersistentConn),
        "UDP 01:00  UDP         [2001:db8::1]:1234 [2001:db8::2]:53   10.0.0.1:53      sip                abc@example\n"
    );
    assert_eq!(
        written(six, Columns::Default),
        "UDP 01:00  UDP         [2001:db8::1]:1234 [2001:db8::2]:53   10.0.0.1:53\n"
    );
    assert_eq!(written("garbage\n", Columns::Default), "");
}

#[test]
fn addresses_are_compared_by_the_sign_of_their_difference() {
    let sorted = |addresses: &[&str]| {
        let mut dests: Vec<DestEntry> = addresses.iter().map(|a| dest(a)).collect();
        sort_dests(&mut dests);
        dests.iter().map(|d| d.dest.key.address.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(sorted(&["10.0.0.9", "10.0.0.10", "10.0.0.1"]), ["10.0.0.1", "10.0.0.9", "10.0.0.10"]);
    // 220 - 10 does not fit 31 bits: it counts as less, as it does for ipvsadm.
    assert_eq!(sorted(&["10.0.0.1", "220.0.0.1"]), ["220.0.0.1", "10.0.0.1"]);
    // Which makes a circle of these three: each order stays as it comes.
    let circle = ["10.0.0.1", "100.0.0.1", "200.0.0.1"];
    for turn in 0..3 {
        let mut addresses = circle;
        addresses.rotate_left(turn);
        assert_eq!(sorted(&addresses), addresses);
    }

    let mut services: Vec<ServiceEntry> =
        ["2001:db8::1", "10.0.0.2", "10.0.0.1"].iter().map(|a| tcp(a)).collect();
    services.push(entry(ServiceKey::Fwmark { mark: 1, family: Family::V4 }));
    services.push(entry(ServiceKey::Fwmark { mark: u32::MAX, family: Family::V4 }));
    sort_services(&mut services);
    let names: Vec<String> = services.iter().map(|s| table_name(&s.service.key, None)).collect();
    assert_eq!(names, ["FWM  -1", "TCP  10.0.0.1:80", "TCP  10.0.0.2:80", "TCP  [2001:db8::1]:80", "FWM  1"]);
}
