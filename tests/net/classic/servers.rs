//! Web servers that stand in for each other: two addresses crossed, IPv6, and networks of their own.

use super::*;

/// Two servers, both with HAProxy, and a client.
struct Stage {
    one: Host,
    two: Host,
    client: Host,
    _servers: [Process; 2],
}

impl Stage {
    fn build(lab: &Lab) -> Stage {
        let (one, two) = (lab.host("web1", "192.0.2.11/24"), lab.host("web2", "192.0.2.12/24"));
        let client = lab.host("client", "192.0.2.100/24");
        let servers = [&one, &two].map(|host| haproxy(host, Path::new("/usr/sbin/haproxy")));
        Stage { one, two, client, _servers: servers }
    }
}

/// Each holds its own address, and the other's while that one is gone.
pub(super) fn round_robin(lab: &Lab, programs: Programs) {
    let Stage { one, two, client, _servers } = &Stage::build(lab);
    let (mine, its) = ("http://192.0.2.31/", "http://192.0.2.32/");
    let crossed = [
        ("priority 150", "priority <other>"),
        ("priority 100", "priority 150"),
        ("priority <other>", "priority 100"),
    ];
    let first = start(programs.0, one, &example("dns-round-robin.conf", &[]));
    let second = start(programs.1, two, &example("dns-round-robin.conf", &crossed));
    answers(client, mine, one);
    answers(client, its, two);
    holds(one, "192.0.2.32", false);
    holds(two, "192.0.2.31", false);
    // The power of the first one fails, without a goodbye: cable and all.
    first.kill();
    one.unplug();
    answers(client, mine, two);
    answers(client, its, two);
    client.run("ping -c 3 -i 0.2 -W 5 192.0.2.31");
    client.run("ping -c 3 -i 0.2 -W 5 192.0.2.32");
    // It comes back, as after a boot: without addresses.
    one.run("ip address flush dev eth0");
    one.configure(&["address add 192.0.2.11/24 dev eth0"]);
    one.plug_in();
    let first = start(programs.0, one, &example("dns-round-robin.conf", &[]));
    answers(client, mine, one);
    holds(two, "192.0.2.31", false);
    // The other way round, with a goodbye.
    second.terminate();
    answers(client, its, one);
    answers(client, mine, one);
    client.run("ping -c 3 -i 0.2 -W 5 192.0.2.32");
    drop(first);
}

/// The neighbours hear of each move by advertisements of ICMPv6.
pub(super) fn ipv6(lab: &Lab, programs: Programs) {
    let Stage { one, two, client, _servers } = &Stage::build(lab);
    for (host, n) in [(one, 1), (two, 2), (client, 100)] {
        host.configure(&[&format!("address add 2001:db8::{n:x}/64 dev eth0 nodad")]);
    }
    let url = "http://[2001:db8::60]/";
    let configs = [example("ipv6.conf", &[]), example("ipv6.conf", &[SECOND])];
    let (first, second) = start_both(programs, (one, two), "2001:db8::60", configs.clone());
    answers(client, url, one);
    // A host that only knows its gateway by the link-local address.
    let ping = |host: &Host| host.try_run("ping -6 -c 1 -W 1 fe80::60%eth0");
    wait_for("an answer", LIMIT, || ping(client));
    first.terminate();
    answers(client, url, two);
    wait_for("an answer", LIMIT, || ping(client));
    let knows = |mac: String| {
        wait_for(format_args!("the client to see it at {mac}"), LIMIT, || {
            let shown = client.run("ip -6 neighbour show 2001:db8::60");
            if shown.contains(&mac) { Ok(()) } else { Err(shown) }
        });
    };
    knows(two.mac().to_string());
    let first = start(programs.0, one, &configs[0]);
    // It has asked nobody: it was told.
    knows(one.mac().to_string());
    answers(client, url, one);
    holds(two, "2001:db8::60", false);
    holds(two, "fe80::60", false);
    // Silence, where there was no goodbye.
    first.kill();
    one.unplug();
    answers(client, url, two);
    drop(second);
}

/// Each in a network of its own; a script sends packets for the address to the master, and adverts cross the router.
pub(super) fn unicast(lab: &Lab, programs: Programs) {
    let (one, two) = (lab.host("server1", "10.1.0.11/24"), lab.host("server2", "10.2.0.12/24"));
    let router = lab.host("router", "10.1.0.254/24");
    router.configure(&["address add 10.2.0.254/24 dev eth0", "address add 192.0.2.129/25 dev eth0"]);
    for key in ["ipv4.conf.all.send_redirects", "ipv4.conf.eth0.send_redirects"] {
        router.sysctl(key, "0");
    }
    router.sysctl("ipv4.ip_forward", "1");
    one.configure(&["route add default via 10.1.0.254"]);
    two.configure(&["route add default via 10.2.0.254"]);
    let client = lab.host("client", "192.0.2.200/25");
    client.configure(&["route add default via 192.0.2.129"]);
    let _servers = [&one, &two].map(|host| haproxy(host, Path::new("/usr/sbin/haproxy")));
    let take = |host: &Host, own: &str| {
        let path = host.file("take-address");
        write_script(&path, &format!("exec ip -n {} route replace $1/32 via {own}", router.namespace()));
        path.display().to_string()
    };
    let take = [take(&one, "10.1.0.11"), take(&two, "10.2.0.12")];
    let script = "/usr/local/sbin/take-address";
    let ours = example("unicast.conf", &[(script, &take[0])]);
    let theirs = example(
        "unicast.conf",
        &[
            SECOND,
            (script, &take[1]),
            ("unicast_src_ip 10.1.0.11", "unicast_src_ip 10.2.0.12"),
            ("10.2.0.12 min_ttl", "10.1.0.11 min_ttl"),
        ],
    );
    let url = "http://192.0.2.70/";
    let (first, _second) = start_both(programs, (&one, &two), "192.0.2.70", [ours.clone(), theirs]);
    answers(&client, url, &one);
    first.terminate();
    answers(&client, url, &two);
    let first = start(programs.0, &one, &ours);
    answers(&client, url, &one);
    holds(&two, "192.0.2.70", false);
    first.kill();
    one.unplug();
    answers(&client, url, &two);
    client.run("ping -c 3 -i 0.2 -W 5 192.0.2.70");
}
