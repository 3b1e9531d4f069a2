//! `tunnel.conf`: servers at another site, behind a router, by IP in IP and by GUE; their answers go straight home.

use super::*;
use crate::support::Capture;
use crate::traffic::{lacks, packet::layers};

const SERVICE: &str = "TCP 192.0.2.80:80";

pub(super) fn plays(lab: &Lab) {
    if lacks(&["ipip", "fou"]) {
        return;
    }
    let client = lab.host("client", "192.0.2.100/24");
    let director = lab.host("director", "192.0.2.2/24");
    director.configure(&["route add default via 192.0.2.1"]);
    let router = lab.host("router", "192.0.2.1/24");
    router.connect_further("eth1", "198.51.100.1/24");
    router.sysctl("ipv4.ip_forward", "1");
    let told = blocks(&readme("Another site"));
    let [of_ipip, of_gue] = &told[..] else { panic!("{told:?}") };
    let servers = [("web1", 11), ("web2", 12)].map(|(name, n)| {
        let host = lab.lonely_host(name);
        host.connect_further("eth1", &format!("198.51.100.{n}/24"));
        host.configure(&["route add default via 198.51.100.1"]);
        types(&host, of_ipip);
        if name == "web2" {
            types(&host, of_gue);
        }
        let process = web_server(lab, &host, "");
        (host, process)
    });
    let _director =
        start(&director, &example("tunnel.conf", &[("delay_loop 5", "delay_loop 1")]), "192.0.2.80");
    serves(&director, SERVICE, &[("198.51.100.11:80", 1), ("198.51.100.12:80", 1)]);

    // Both answer, whom they see is the client, and no answer has passed the director.
    let [at_director, at_client] = [&director, &client].map(Capture::start);
    let at_servers = servers.each_ref().map(|(host, _)| Capture::start_on(host, "eth1"));
    let answers = curl(&client, "http://192.0.2.80/[1-6]");
    assert_eq!(counted(&answers), [("web1 192.0.2.100", 3), ("web2 192.0.2.100", 3)].into());
    let seen = |capture: &Capture| -> Vec<String> { capture.frames().iter().filter_map(layers).collect() };
    let answer = "192.0.2.80 > 192.0.2.100 | tcp ";
    let home = seen(&at_client);
    assert!(home.iter().any(|layers| layers.starts_with(answer)), "{home:#?}");
    let passed = seen(&at_director);
    assert!(!passed.iter().any(|layers| layers.contains(answer)), "{passed:#?}");
    for (capture, request) in at_servers.iter().zip([
        "192.0.2.2 > 198.51.100.11 | 192.0.2.100 > 192.0.2.80 | tcp 80",
        "192.0.2.2 > 198.51.100.12 | udp 6080 | gue | 192.0.2.100 > 192.0.2.80 | tcp 80",
    ]) {
        let arrived = seen(capture);
        assert!(arrived.iter().any(|layers| layers == request), "{request}: {arrived:#?}");
    }

    let [(web1, _), (web2, _)] = &servers;
    ill(web1, true);
    serves(&director, SERVICE, &[("198.51.100.11:80", 0), ("198.51.100.12:80", 1)]);
    assert_eq!(counted(&curl(&client, "http://192.0.2.80/[1-3]")), [("web2 192.0.2.100", 3)].into());
    ill(web1, false);
    ill(web2, true);
    serves(&director, SERVICE, &[("198.51.100.11:80", 1), ("198.51.100.12:80", 0)]);
    assert_eq!(counted(&curl(&client, "http://192.0.2.80/[1-3]")), [("web1 192.0.2.100", 3)].into());
}
