//! `web-farm.conf`: NAT between two interfaces, weights, checks of a page, the sorry server, and a pair of directors whose
//! two addresses move together.

use super::*;

const SERVICE: &str = "TCP 192.0.2.80:80";

/// Six requests, each by a connection of its own.
const SIX: &str = "http://192.0.2.80/[1-6]";

/// Two of three are web2's. Servers see the client's own address.
const SHARES: [(&str, usize); 2] = [("web1 192.0.2.100", 2), ("web2 192.0.2.100", 4)];

pub(super) fn plays(lab: &Lab) {
    let client = lab.host("client", "192.0.2.100/24");
    let masquerading = blocks(&readme("A web farm"));
    assert_eq!(masquerading.len(), 1, "{masquerading:?}");
    let directors = [("director1", 2), ("director2", 3)].map(|(name, n)| {
        let host = lab.host(name, &format!("192.0.2.{n}/24"));
        host.connect_further("eth1", &format!("10.0.0.{n}/24"));
        host.sysctl("ipv4.ip_forward", "1");
        types(&host, &masquerading[0]);
        host
    });
    let servers = [("web1", 11), ("web2", 12), ("sorry", 20)].map(|(name, n)| {
        let host = lab.lonely_host(name);
        host.connect_further("eth1", &format!("10.0.0.{n}/24"));
        host.configure(&["route add default via 10.0.0.1"]);
        // Others' pages are in order, whatever becomes of this one's.
        let process = web_server(lab, &host, "if ($host != www.example.com) { return 200; }");
        (host, process)
    });
    let [(web1, _), (web2, _), _] = &servers;

    let quick = ("delay_loop 5", "delay_loop 1");
    let [first, second] = &directors;
    let _first = start(first, &example("web-farm.conf", &[quick]), "192.0.2.80");
    let config = example("web-farm.conf", &[quick, ("priority 150", "priority 100")]);
    let _second = Director::start(Vipd, second, Path::new(VIPD), &config, &[]);
    holds(first, "10.0.0.1", true);

    let all = [("10.0.0.11:80", 1), ("10.0.0.12:80", 2)];
    serves(first, SERVICE, &all);
    assert_eq!(counted(&curl(&client, SIX)), SHARES.into());

    ill(web1, true);
    serves(first, SERVICE, &all[1..]);
    assert_eq!(counted(&curl(&client, SIX)), [("web2 192.0.2.100", 6)].into());
    ill(web2, true);
    serves(first, SERVICE, &[("10.0.0.20:80", 1)]);
    assert_eq!(counted(&curl(&client, SIX)), [("sorry 192.0.2.100", 6)].into());
    [web1, web2].into_iter().for_each(|server| ill(server, false));
    serves(first, SERVICE, &all);
    assert_eq!(counted(&curl(&client, SIX)), SHARES.into());

    // Servers reach others by themselves, as the director.
    let _elsewhere = web_server(lab, &client, "");
    assert_eq!(curl(web1, "http://192.0.2.100/"), ["client 192.0.2.2"]);

    // The cable to the servers goes: the clients' address moves, too, or they would be sent to where nothing goes on.
    first.unplug_from("eth1");
    holds(second, "10.0.0.1", true);
    holds(second, "192.0.2.80", true);
    holds(first, "192.0.2.80", false);
    serves(second, SERVICE, &all);
    assert_eq!(counted(&curl(&client, SIX)), SHARES.into());
}
