use super::*;
use crate::netlink::message::Message;
use crate::netlink::reply::Failure;
use crate::sys::sockopt;
use crate::sys::testing::{in_namespace, in_namespace_async, ip, ip_json, readable, soon};
use std::net::IpAddr;
use std::os::fd::AsFd;

fn client_with_veth() -> (Client, Link) {
    ip("link add eth0 address 02:00:00:00:00:01 mtu 1400 type veth peer name eth1");
    ip("link set eth1 up");
    ip("link set eth0 up");
    let mut client = Client::open().unwrap();
    let link = client.link("eth0").unwrap().unwrap();
    (client, link)
}

/// What became of the changes that were not made.
fn change(client: &mut Client, changes: &[AddressChange]) -> Vec<(usize, Problem)> {
    let changes: Vec<Change> = changes.iter().cloned().map(Change::from).collect();
    let mut failed = Vec::new();
    client.change(&changes, |index, problem| failed.push((index, problem)));
    failed
}

fn v(interface: u32, net: &str) -> Address {
    Address::new(interface, net.parse().unwrap())
}

/// What `ip -j addr show` says of eth0's addresses (without the link-local ones that the kernel makes itself).
fn seen() -> Vec<String> {
    let shown = ip_json("addr show dev eth0");
    let all = shown[0]["addr_info"].as_array().unwrap();
    let texts = all.iter().map(|a| format!("{}/{}", a["local"].as_str().unwrap(), a["prefixlen"]));
    texts.filter(|t| !t.starts_with("fe80")).collect()
}

#[test]
fn links_are_what_ip_shows() {
    in_namespace(|| {
        let (mut client, eth0) = client_with_veth();
        let shown = &ip_json("-d link show dev eth0")[0];
        assert_eq!(shown["ifindex"], eth0.index);
        assert_eq!(shown["address"], eth0.mac.unwrap().to_string());
        assert_eq!((shown["mtu"].as_u64(), eth0.mtu), (Some(1400), 1400));
        assert_eq!(eth0.kind.as_deref(), Some("veth"));
        assert!(eth0.is_up() && eth0.flags.contains(LinkFlags::LOWER_UP | LinkFlags::MULTICAST));

        let links = client.links().unwrap();
        assert_eq!(links.len(), ip_json("link show").as_array().unwrap().len());
        assert!(links.contains(&eth0));
        let eth1 = links.iter().find(|l| l.name == "eth1").unwrap();
        assert_eq!((eth0.lower, eth1.lower), (Some(eth1.index), Some(eth0.index)));

        ip("link set eth1 down");
        let eth0 = client.link("eth0").unwrap().unwrap();
        assert!(
            !eth0.is_up() && eth0.flags.contains(LinkFlags::UP) && !eth0.flags.contains(LinkFlags::LOWER_UP)
        );

        assert_eq!(client.link("eth7").unwrap(), None);
        assert_eq!(client.link("a-name-that-is-too-long-for-the-kernel").unwrap(), None);
        assert_eq!(client.link("").unwrap(), None);
    });
}

#[test]
fn addresses_come_and_go_in_one_batch() {
    in_namespace(|| {
        let (mut client, link) = client_with_veth();
        let eth0 = link.index;
        let mut labelled = v(eth0, "192.0.2.2/24");
        labelled.label = Some("eth0:1".to_owned());
        labelled.broadcast = Some([192, 0, 2, 255].into());
        let mut scoped = v(eth0, "198.51.100.1/32");
        scoped.scope = 253;
        let mut nodad = v(eth0, "2001:db8::1/64");
        nodad.flags = AddressFlags::NODAD;
        let mut deprecated = v(eth0, "2001:db8::2/128");
        deprecated.flags = AddressFlags::NODAD;
        deprecated.preferred_lifetime = Some(0);
        let mut peer = v(eth0, "203.0.113.1/32");
        peer.peer = Some("203.0.113.2".parse::<IpAddr>().unwrap());
        let wanted = [v(eth0, "192.0.2.1/24"), labelled, scoped, peer, nodad, deprecated];
        let adds: Vec<_> = wanted.iter().cloned().map(AddressChange::Add).collect();
        assert_eq!(change(&mut client, &adds), []);

        let mut texts = seen();
        texts.sort();
        let expected = [
            "192.0.2.1/24",
            "192.0.2.2/24",
            "198.51.100.1/32",
            "2001:db8::1/64",
            "2001:db8::2/128",
            "203.0.113.1/32",
        ];
        assert_eq!(texts, expected);
        let shown = ip_json("addr show dev eth0");
        let shown = shown[0]["addr_info"].as_array().unwrap();
        let find = |local: &str| shown.iter().find(|a| a["local"] == local).unwrap();
        assert_eq!(find("192.0.2.2")["label"], "eth0:1");
        assert_eq!(find("192.0.2.2")["broadcast"], "192.0.2.255");
        assert_eq!(find("198.51.100.1")["scope"], "link");
        assert_eq!(find("203.0.113.1")["address"], "203.0.113.2");
        assert_eq!(find("2001:db8::1")["nodad"], true);
        assert_eq!(find("2001:db8::2")["deprecated"], true);

        // Our own reading says the same, but for what the kernel adds.
        let listed = client.addresses(Some(eth0)).unwrap();
        for want in &wanted {
            let got = listed.iter().find(|a| a.net == want.net).unwrap();
            assert!(got.flags.contains(want.flags), "{got:?}");
            assert_eq!(
                (&got.peer, &got.broadcast, got.scope, got.preferred_lifetime),
                (&want.peer, &want.broadcast, want.scope, want.preferred_lifetime)
            );
            if want.label.is_some() {
                assert_eq!(got.label, want.label);
            }
        }
        assert!(client.addresses(None).unwrap().iter().any(|a| a.interface != eth0));
        assert_eq!(client.addresses(Some(9999)).unwrap(), []);

        let deletes: Vec<_> = wanted.iter().rev().cloned().map(AddressChange::Delete).collect();
        assert_eq!(change(&mut client, &deletes), []);
        assert_eq!(seen(), Vec::<String>::new());
    });
}

#[test]
fn an_address_remembers_who_set_it() {
    in_namespace(|| {
        let (mut client, link) = client_with_veth();
        for (net, family) in [("192.0.2.1/24", "-4"), ("2001:db8::1/64", "-6")] {
            let mut ours = v(link.index, net);
            ours.protocol = 112;
            assert_eq!(change(&mut client, &[AddressChange::Add(ours.clone())]), []);
            ip(&format!(
                "address add {} dev eth0",
                if family == "-4" { "192.0.2.2/24" } else { "2001:db8::2/64" }
            ));
            let listed = client.addresses(Some(link.index)).unwrap();
            let marked: Vec<_> = listed.iter().filter(|a| a.protocol == 112).map(|a| a.net).collect();
            assert_eq!(marked, [ours.net], "{listed:?}");
            // Whoever set it, it is identified by what it is.
            assert_eq!(change(&mut client, &[AddressChange::Delete(v(link.index, net))]), []);
        }
    });
}

#[test]
fn a_link_tells_whether_it_forwards_and_the_monitor_when_that_changes() {
    in_namespace_async(|| async {
        let (mut client, eth0) = client_with_veth();
        let file = "/proc/sys/net/ipv6/conf/eth0/forwarding";
        std::fs::write(file, "0").unwrap();
        let mut monitor = Monitor::open().unwrap();
        assert!(!client.link("eth0").unwrap().unwrap().forwards_v6);
        std::fs::write(file, "1").unwrap();
        assert!(client.link_at(eth0.index).unwrap().unwrap().forwards_v6);
        assert!(client.links().unwrap().iter().any(|l| l.index == eth0.index && l.forwards_v6));
        for forwards_v6 in [true, false] {
            std::fs::write(file, if forwards_v6 { "1" } else { "0" }).unwrap();
            let told = Event::Forwarding { interface: eth0.index, forwards_v6 };
            until(&mut monitor, "forwarding", |e| *e == told).await;
        }
        // Settings of all interfaces are told for each of them, and nothing else is made of them.
        std::fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1").unwrap();
        let told = Event::Forwarding { interface: eth0.index, forwards_v6: true };
        let events = until(&mut monitor, "forwarding of all", |e| *e == told).await;
        let known: Vec<u32> = client.links().unwrap().iter().map(|l| l.index).collect();
        assert!(events.iter().all(|e| match e {
            Event::Forwarding { interface, .. } => known.contains(interface),
            _ => true,
        }));
        assert_eq!(client.link_at(9999).unwrap(), None);
    });
}

#[test]
fn a_drain_takes_no_more_than_it_was_asked_to_and_loses_nothing() {
    in_namespace_async(|| async {
        let (mut client, eth0) = client_with_veth();
        let mut monitor = Monitor::open().unwrap();
        let nets: Vec<_> = (1..=20).map(|n| v(eth0.index, &format!("10.0.0.{n}/32"))).collect();
        let adds: Vec<_> = nets.iter().cloned().map(AddressChange::Add).collect();
        assert_eq!(change(&mut client, &adds), []);
        let mut told = Vec::new();
        loop {
            let before = told.len();
            let more = monitor.drain(7, |e| told.push(e)).unwrap();
            assert!(told.len() - before <= 7);
            if !more {
                break;
            }
        }
        let told = told.iter().filter_map(|e| match e {
            Event::Address(a) if a.interface == eth0.index && a.net.prefix_len == 32 => Some(a.net),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), nets.iter().map(|a| a.net).collect::<Vec<_>>());
    });
}

#[test]
fn each_failure_names_its_change_and_the_others_are_made() {
    in_namespace(|| {
        let (mut client, link) = client_with_veth();
        let eth0 = link.index;
        ip("addr add 192.0.2.1/24 dev eth0");
        let mut long_label = v(eth0, "192.0.2.7/24");
        long_label.label = Some("x".repeat(100_000));
        let mut impossible = v(eth0, "192.0.2.5/24");
        impossible.net.prefix_len = 99;
        let changes = [
            AddressChange::Add(v(eth0, "192.0.2.1/24")),
            AddressChange::Add(v(eth0, "192.0.2.2/24")),
            AddressChange::Delete(v(eth0, "192.0.2.3/24")),
            AddressChange::Delete(v(eth0, "2001:db8::3/64")),
            AddressChange::Add(v(9999, "192.0.2.4/24")),
            AddressChange::Delete(v(eth0, "192.0.2.2/25")),
            AddressChange::Add(impossible),
            AddressChange::Add(long_label),
            AddressChange::Add(v(eth0, "192.0.2.6/24")),
        ];
        let failures = change(&mut client, &changes);
        let problems: Vec<_> = failures.iter().map(|(index, problem)| (*index, problem)).collect();
        use Problem::{Exists, NoInterface, NotThere};
        assert_eq!(
            problems[..5],
            [(0, &Exists), (2, &NotThere), (3, &NotThere), (4, &NoInterface), (5, &NotThere)]
        );
        assert!(matches!(problems[5], (6, Problem::Other(Failure::Refused(_)))), "{problems:?}");
        assert!(matches!(problems[6], (7, Problem::Other(Failure::NotSent(_)))), "{problems:?}");
        assert_eq!(problems.len(), 7);
        assert_eq!(failures[0].1.to_string(), "it is already there");
        assert_eq!(seen(), ["192.0.2.1/24", "192.0.2.2/24", "192.0.2.6/24"]);
    });
}

/// Events until one is what is waited for; those before it.
async fn until(monitor: &mut Monitor, what: &str, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut events = Vec::new();
    soon(what, async {
        while !events.iter().any(&wanted) {
            readable(monitor).await;
            while monitor.drain(3, |e| events.push(e)).unwrap() {}
        }
    })
    .await;
    events
}

#[test]
fn the_monitor_tells_what_changes() {
    in_namespace_async(|| async {
        let mut monitor = Monitor::open().unwrap();
        let (mut client, eth0) = client_with_veth();
        until(&mut monitor, "the link", |e| matches!(e, Event::Link(l) if l.name == "eth0" && l.is_up()))
            .await;

        let address = v(eth0.index, "192.0.2.1/24");
        assert_eq!(change(&mut client, &[AddressChange::Add(address.clone())]), []);
        until(&mut monitor, "the address", |e| matches!(e, Event::Address(a) if a.net == address.net)).await;

        ip("link set eth1 down");
        until(
            &mut monitor,
            "no carrier",
            |e| matches!(e, Event::Link(l) if l.index == eth0.index && !l.is_up()),
        )
        .await;
        ip("link set eth1 up");
        until(&mut monitor, "carrier", |e| matches!(e, Event::Link(l) if l.index == eth0.index && l.is_up()))
            .await;

        assert_eq!(change(&mut client, &[AddressChange::Delete(address.clone())]), []);
        until(&mut monitor, "no address", |e| matches!(e, Event::AddressGone(a) if a.net == address.net))
            .await;

        // Leaving a bridge is no deletion of the link, though the kernel says RTM_DELLINK then.
        ip("link add br0 type bridge");
        ip("link set eth0 master br0");
        ip("link set eth0 nomaster");
        ip("link del br0");
        let br0 = |e: &Event| matches!(e, Event::LinkGone(l) if l.name == "br0");
        let events = until(&mut monitor, "the bridge's end", br0).await;
        assert!(!events.iter().any(|e| matches!(e, Event::LinkGone(l) if l.name == "eth0")), "{events:?}");

        ip("link del eth0");
        until(&mut monitor, "the end", |e| matches!(e, Event::LinkGone(l) if l.index == eth0.index)).await;
    });
}

#[test]
fn netlink_buffers_are_at_least_as_large_as_is_asked_for() {
    crate::sys::testing::in_namespace(|| {
        let (client, monitor) = (Client::open().unwrap(), Monitor::open().unwrap());
        let room =
            |socket: &dyn AsFd| sockopt::get(&socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF).unwrap();
        let usual = room(&client);
        for socket in [&client as &dyn AsFd, &monitor] {
            crate::netlink::grow_receive_buffer(&socket.as_fd(), 65_536, true).unwrap();
            assert_eq!(room(socket), usual, "never less than usual");
            crate::netlink::grow_receive_buffer(&socket.as_fd(), 16 << 20, true).unwrap();
            assert_eq!(room(socket), 32 << 20);
        }
    });
}

#[test]
fn events_that_do_not_fit_become_a_resync() {
    in_namespace_async(|| async {
        let mut monitor = Monitor::open().unwrap();
        sockopt::set(&monitor.fd, libc::SOL_SOCKET, libc::SO_RCVBUF, 16 << 10).unwrap();
        let (mut client, eth0) = client_with_veth();
        let changes: Vec<_> = (0..500_u32)
            .map(|n| std::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into())
            .map(|ip: IpAddr| AddressChange::Add(Address::new(eth0.index, crate::net::IpNet::host(ip))))
            .collect();
        assert_eq!(change(&mut client, &changes), []);
        let events = until(&mut monitor, "a resync", |e| *e == Event::Resync).await;
        assert!(events.len() < changes.len());
        assert_eq!(events.last(), Some(&Event::Resync), "nothing older may follow");
        // The monitor goes on.
        assert!(!monitor.drain(1000, |_| ()).unwrap());
        ip("link set eth0 mtu 1300");
        until(&mut monitor, "the link", |e| matches!(e, Event::Link(l) if l.mtu == 1300)).await;
        assert_eq!(
            client.addresses(Some(eth0.index)).unwrap().iter().filter(|a| a.net.prefix_len == 32).count(),
            500
        );
    });
}

#[test]
fn reading_survives_every_cut_and_every_flipped_byte() {
    in_namespace(|| {
        let (mut client, _) = client_with_veth();
        ip("addr add 192.0.2.1/24 brd + dev eth0");
        // The bytes of real answers, taken apart by a raw dump.
        let mut recorded: Vec<(u16, Vec<u8>)> = Vec::new();
        let mut socket = crate::netlink::Socket::open(crate::netlink::Protocol::Route).unwrap();
        for request in [link::dump, |b: &mut crate::netlink::Batch| address::dump(b, 0)] {
            let mut batch = crate::netlink::Batch::new();
            request(&mut batch);
            let _ = socket.dump(&mut batch, |m| recorded.push((m.kind, m.payload.to_vec()))).unwrap();
        }
        assert!(recorded.len() > 5 && client.links().unwrap().len() == 3);
        let read = |kind: u16, payload: &[u8]| {
            let message = Message { kind, flags: 0, sequence: 0, port: 0, payload };
            match kind {
                link::NEW => link::read(&message).map(drop),
                _ => address::read(&message).map(drop),
            }
        };
        for (kind, bytes) in recorded {
            assert!(read(kind, &bytes).is_ok());
            for cut in 0..bytes.len() {
                let _ = read(kind, &bytes[..cut]);
            }
            for position in 0..bytes.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut broken = bytes.clone();
                    broken[position] ^= flip;
                    let _ = read(kind, &broken);
                }
            }
        }
    });
}
