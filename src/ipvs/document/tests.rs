use super::*;
use crate::ipvs::connection;
use crate::ipvs::model::{
    self, Dest, DestEntry, DestKey, Forward, Info, Netmask, ServiceEntry, ServiceFlags, ServiceKey, Stats,
    TunnelFlags,
};
use crate::ipvs::names::Numeric;
use crate::ipvs::plan::plan;
use crate::ipvs::rules::Rules;
use crate::net;
use std::net::Ipv4Addr;

fn stats() -> Stats {
    Stats {
        conns: 1,
        inpkts: u64::MAX,
        outpkts: 3,
        inbytes: 1 << 60,
        outbytes: 5,
        cps: 6,
        inpps: 7,
        outpps: 8,
        inbps: 9,
        outbps: 10,
    }
}

fn entry(key: ServiceKey, scheduler: &str, flags: ServiceFlags, netmask: Netmask) -> ServiceEntry {
    let (scheduler, timeout) = (scheduler.to_owned(), 300);
    let service = model::Service { key, scheduler, flags, timeout, netmask, pe_name: Some("sip".into()) };
    ServiceEntry { service, stats: stats() }
}

fn by_address(protocol: model::Protocol, address: &str) -> ServiceKey {
    ServiceKey::Address { protocol, address: address.parse().unwrap(), port: 80 }
}

fn dest(address: &str, forward: Forward) -> DestEntry {
    DestEntry {
        dest: Dest {
            key: DestKey { address: address.parse().unwrap(), port: 8080 },
            forward,
            weight: 5,
            upper_threshold: 100,
            lower_threshold: 10,
        },
        active_conns: 1,
        inactive_conns: 2,
        persistent_conns: 3,
        stats: stats(),
    }
}

fn written(services: &[(ServiceEntry, Vec<DestEntry>)]) -> Value {
    let mut text = Vec::new();
    let mut table = Table::begin(&mut text, &Info { version: 0x01_0201, conn_tab_size: 4096 }).unwrap();
    for (entry, dests) in services {
        table.service(&mut text, entry, dests).unwrap();
    }
    table.end(&mut text).unwrap();
    assert_eq!(text.iter().filter(|&&b| b == b'\n').count(), 1 + services.len().min(1) + services.len());
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn every_field_of_a_service_and_its_server_is_there() {
    let service = entry(
        by_address(model::Protocol::Udp, "192.0.2.1"),
        "sh",
        ServiceFlags::PERSISTENT | ServiceFlags::ONE_PACKET | ServiceFlags::SCHED2,
        Netmask::from_prefix(net::Family::V4, 24),
    );
    let tunnel = model::Tunnel { kind: model::TunnelKind::Gue, port: 6080, flags: TunnelFlags::CSUM };
    let counters = json!({
        "connections": 1, "incoming_packets": u64::MAX, "outgoing_packets": 3,
        "incoming_bytes": 1_152_921_504_606_846_976u64, "outgoing_bytes": 5,
    });
    let rates = json!({
        "connections": 6, "incoming_packets": 7, "outgoing_packets": 8,
        "incoming_bytes": 9, "outgoing_bytes": 10,
    });
    assert_eq!(
        written(&[(service, vec![dest("2001:db8::1", Forward::Tunnel(tunnel))])]),
        json!({
            "listing": "table",
            "version": 1,
            "kernel": { "version": "1.2.1", "connection_table_size": 4096 },
            "services": [{
                "name": "UDP 192.0.2.1:80",
                "protocol": "udp", "address": "192.0.2.1", "port": 80, "fwmark": null, "family": "ipv4",
                "scheduler": "sh", "scheduler_flags": ["sh-port"], "one_packet": true,
                "persistence": {
                    "timeout": 300, "prefix_length": 24, "netmask": "255.255.255.0", "engine": "sip",
                },
                "counters": counters, "rates": rates,
                "servers": [{
                    "name": "[2001:db8::1]:8080",
                    "address": "2001:db8::1", "port": 8080, "family": "ipv6",
                    "forward": "tunnel",
                    "tunnel": { "kind": "gue", "port": 6080, "checksum": "full" },
                    "weight": 5, "upper_threshold": 100, "lower_threshold": 10,
                    "active_connections": 1, "inactive_connections": 2, "persistent_connections": 3,
                    "counters": counters, "rates": rates,
                }],
            }],
        })
    );
}

#[test]
fn what_a_service_does_not_have_is_null() {
    let mark = ServiceKey::Fwmark { mark: 0xffff_ffff, family: net::Family::V6 };
    let service = entry(mark, "mh", ServiceFlags::SCHED1 | ServiceFlags::SCHED3, Netmask::Prefix(128));
    let value = written(&[(service, vec![dest("10.0.0.1", Forward::DirectRoute)])]);
    let service = &value["services"][0];
    assert_eq!(service["name"], "FWM 4294967295 IPv6");
    assert_eq!(service["fwmark"], 4_294_967_295u32);
    assert_eq!(service["family"], "ipv6");
    assert_eq!(service["scheduler_flags"], json!(["mh-fallback", "flag-3"]));
    for field in ["protocol", "address", "port", "persistence"] {
        assert_eq!(service.get(field), Some(&Value::Null), "{field}");
    }
    assert_eq!(service["servers"][0]["forward"], "route");
    assert_eq!(service["servers"][0].get("tunnel"), Some(&Value::Null));
}

#[test]
fn masks_have_a_prefix_length_where_they_have_no_holes() {
    let mask = |netmask| {
        let key = by_address(model::Protocol::Tcp, "192.0.2.1");
        let value = written(&[(entry(key, "rr", ServiceFlags::PERSISTENT, netmask), vec![])]);
        let persistence = &value["services"][0]["persistence"];
        (persistence["prefix_length"].clone(), persistence["netmask"].clone())
    };
    assert_eq!(mask(Netmask::Mask(Ipv4Addr::BROADCAST)), (json!(32), json!("255.255.255.255")));
    assert_eq!(mask(Netmask::Mask(Ipv4Addr::UNSPECIFIED)), (json!(0), json!("0.0.0.0")));
    assert_eq!(mask(Netmask::Mask(Ipv4Addr::new(255, 0, 255, 0))), (Value::Null, json!("255.0.255.0")));
    assert_eq!(mask(Netmask::Prefix(64)), (json!(64), Value::Null));
}

#[test]
fn an_empty_table_and_one_of_several_services_are_whole_documents() {
    assert_eq!(written(&[])["services"], json!([]));
    let service = |n: u8| {
        let key = by_address(model::Protocol::Tcp, &format!("192.0.2.{n}"));
        (entry(key, "rr", ServiceFlags::empty(), Netmask::host(net::Family::V4)), vec![])
    };
    let value = written(&[service(1), service(2), service(3)]);
    assert_eq!(value["services"].as_array().map(Vec::len), Some(3));
}

#[test]
fn connections_with_and_without_an_engine() {
    let mut text = Vec::new();
    let mut list = Connections::begin(&mut text).unwrap();
    for line in [
        "TCP 0A000001 C221 C0000201 01BB 0A000002 01BB ESTABLISHED     857",
        "UDP 2001:0db8:0000:0000:0000:0000:0000:0001 0000 2001:db8::2 13C4 2001:db8::3 13C4 UDP 60 sip abc@example",
        "no connection",
    ] {
        if let Some(connection) = connection::Connection::parse(line) {
            list.connection(&mut text, &(&connection).into()).unwrap();
        }
    }
    list.end(&mut text).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&text).unwrap(),
        json!({
            "listing": "connections",
            "version": 1,
            "connections": [
                {
                    "protocol": "tcp",
                    "client": { "address": "10.0.0.1", "port": 49697 },
                    "service": { "address": "192.0.2.1", "port": 443 },
                    "server": { "address": "10.0.0.2", "port": 443 },
                    "state": "ESTABLISHED", "expires": 857, "engine": null,
                },
                {
                    "protocol": "udp",
                    "client": { "address": "2001:db8::1", "port": 0 },
                    "service": { "address": "2001:db8::2", "port": 5060 },
                    "server": { "address": "2001:db8::3", "port": 5060 },
                    "state": "UDP", "expires": 60, "engine": { "name": "sip", "data": "abc@example" },
                },
            ],
        })
    );
}

#[test]
fn short_documents_carry_their_kind_and_version() {
    let timeouts = model::Timeouts { tcp: 900, tcp_fin: 120, udp: 300 };
    let document = Document::Timeouts { version: VERSION, timeouts: timeouts.into() };
    assert_eq!(
        serde_json::to_value(document).unwrap(),
        json!({ "listing": "timeouts", "version": 1, "timeouts": { "tcp": 900, "tcp_fin": 120, "udp": 300 } })
    );
}

/// `-A` and `-a` lines as a table.
fn table(text: &str) -> model::Table {
    Rules::parse(text.as_bytes(), &Numeric).unwrap().table
}

#[test]
fn operations_tell_what_they_change() {
    let old = table(
        "-A -t 192.0.2.1:80 -s wlc
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m
-A -f 5
-a -f 5 -r 10.0.0.9:0 -g
",
    );
    let new = table(
        "-A -t 192.0.2.1:80 -s sh -p 300
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 7
-A -u [2001:db8::1]:53 -s rr
-a -u [2001:db8::1]:53 -r [2001:db8::5]:53 -m
",
    );
    let owned: Vec<ServiceKey> = old.services.iter().map(|(service, _)| service.key).collect();
    let document = serde_json::to_value(Document::operations(&old, &plan(&old, &new, &owned))).unwrap();
    let service = |name: &str, protocol: &str, address: &str, port: u16, family: &str| {
        json!({
            "name": name, "protocol": protocol, "address": address, "port": port, "fwmark": null,
            "family": family,
        })
    };
    let web = service("TCP 192.0.2.1:80", "tcp", "192.0.2.1", 80, "ipv4");
    let dns = service("UDP [2001:db8::1]:53", "udp", "2001:db8::1", 53, "ipv6");
    let mark = json!({
        "name": "FWM 5", "protocol": null, "address": null, "port": null, "fwmark": 5, "family": "ipv4",
    });
    let server = |name: &str, address: &str, port: u16, family: &str| json!({ "name": name, "address": address, "port": port, "family": family });
    let settings = |scheduler: &str| json!({ "scheduler": scheduler, "scheduler_flags": [], "one_packet": false, "persistence": null });
    let by = |forward: &str, weight: u32| {
        json!({
            "forward": forward, "tunnel": null, "weight": weight, "upper_threshold": 0, "lower_threshold": 0,
        })
    };
    let mut persistent = settings("sh");
    persistent["persistence"] =
        json!({ "timeout": 300, "prefix_length": 32, "netmask": "255.255.255.255", "engine": null });
    let mut tunnel = by("tunnel", 7);
    tunnel["tunnel"] = json!({ "kind": "ipip", "port": null, "checksum": "none" });
    let one = server("10.0.0.1:80", "10.0.0.1", 80, "ipv4");
    let two = server("10.0.0.2:80", "10.0.0.2", 80, "ipv4");
    let six = server("[2001:db8::5]:53", "2001:db8::5", 53, "ipv6");
    assert_eq!(
        document,
        json!({
            "listing": "operations",
            "version": 1,
            "operations": [
                {
                    "operation": "add_service", "command": "-A -u [2001:db8::1]:53 -s rr",
                    "service": dns, "after": settings("rr"),
                },
                {
                    "operation": "add_server", "command": "-a -u [2001:db8::1]:53 -r [2001:db8::5]:53 -m -w 1",
                    "service": dns, "server": six, "after": by("masq", 1),
                },
                {
                    "operation": "edit_service", "command": "-E -t 192.0.2.1:80 -s sh -p 300",
                    "service": web, "before": settings("wlc"), "after": persistent,
                },
                {
                    "operation": "edit_server", "command": "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 7",
                    "service": web, "server": one, "before": by("masq", 1), "after": tunnel,
                },
                {
                    "operation": "delete_server", "command": "-d -t 192.0.2.1:80 -r 10.0.0.2:80",
                    "service": web, "server": two, "before": by("masq", 1),
                },
                {
                    "operation": "delete_service", "command": "-D -f 5",
                    "service": mark, "before": settings("wlc"),
                    "servers": [server("10.0.0.9:0", "10.0.0.9", 0, "ipv4")],
                },
            ],
        })
    );
}

#[test]
fn a_drain_tells_how_far_it_is_and_how_it_ended() {
    use crate::ipvs::drain::{OnTimeout, Outcome, Progress, Then};
    use std::time::Duration;

    let service = ServiceKey::Fwmark { mark: 5, family: net::Family::V6 };
    let server = DestKey { address: "2001:db8::5".parse().unwrap(), port: 0 };
    let line = || Line::new(&service, &server, Duration::from_micros(75_012_345));
    // What all lines have, and these fields.
    let with = |fields: Value| {
        let mut line = json!({
            "version": 1,
            "service": {
                "name": "FWM 5 IPv6", "protocol": null, "address": null, "port": null, "fwmark": 5,
                "family": "ipv6",
            },
            "server": { "name": "[2001:db8::5]:0", "address": "2001:db8::5", "port": 0, "family": "ipv6" },
            "elapsed": 75.012,
        });
        line.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        line
    };
    let progress = Progress {
        elapsed: Duration::from_secs(75),
        left: 12,
        most: 40,
        active: 12,
        inactive: 7,
        persistent: 3,
        rate: 2.0 / 3.0,
        eta: Some(Duration::from_secs(24)),
    };
    assert_eq!(
        serde_json::to_value(line().progress(&progress)).unwrap(),
        with(json!({
            "event": "progress", "left": 12, "most": 40, "active_connections": 12, "inactive_connections": 7,
            "persistent_connections": 3, "rate": 0.667, "eta": 24.0,
        }))
    );
    let timed_out = |then| Outcome::TimedOut { left: 3, then, weight: 5 };
    let late = |then: &str| json!({ "event": "timed_out", "left": 3, "then": then, "former_weight": 5 });
    for (outcome, fields) in [
        (Outcome::Drained(Then::Remove), json!({ "event": "drained", "then": "removed" })),
        (Outcome::Drained(Then::Keep), json!({ "event": "drained", "then": "kept" })),
        (timed_out(OnTimeout::Restore), late("restored")),
        (timed_out(OnTimeout::Keep), late("kept")),
        (timed_out(OnTimeout::Remove), late("removed")),
        (
            Outcome::Interrupted { weight: 5 },
            json!({ "event": "interrupted", "then": "restored", "former_weight": 5 }),
        ),
        (Outcome::WeightChanged { weight: 4 }, json!({ "event": "weight_changed", "weight": 4 })),
        (Outcome::Gone, json!({ "event": "gone" })),
    ] {
        assert_eq!(serde_json::to_value(line().end(outcome)).unwrap(), with(fields));
    }
}
