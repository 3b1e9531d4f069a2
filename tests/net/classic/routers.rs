//! Two routers between two networks: both sides of the active one are at the same place.

use super::*;

/// ```text
///   server 192.0.2.254 ─── eth0 [router1] eth1 ─── client 10.0.0.9
///   (and 198.51.100.1) ─── eth0 [router2] eth1 ───
/// ```
pub(super) fn pair(lab: &Lab, programs: Programs) {
    let server = lab.host("server", "192.0.2.254/24");
    server.configure(&["address add 198.51.100.1/32 dev lo", "route add 10.0.0.0/24 via 192.0.2.1"]);
    let (one, two) = (lab.host("router1", "192.0.2.2/24"), lab.host("router2", "192.0.2.3/24"));
    let client = lab.host("client", "203.0.113.9/24");
    for (host, address) in [(&one, "10.0.0.2/24"), (&two, "10.0.0.3/24"), (&client, "10.0.0.9/24")] {
        host.connect_further("eth1", address);
    }
    client.configure(&["link set eth0 down", "route add default via 10.0.0.1"]);
    for router in [&one, &two] {
        router.sysctl("ipv4.ip_forward", "1");
    }
    let _haproxy = haproxy(&server, Path::new("/usr/sbin/haproxy"));
    let url = "http://198.51.100.1/";
    let both = ["192.0.2.1", "10.0.0.1"];
    let configs = [example("router-pair.conf", &[]), example("router-pair.conf", &[SECOND])];
    let (first, _second) = start_both(programs, (&one, &two), both[1], configs.clone());
    let at = |active: &Host, passive: &Host| {
        for address in both {
            holds(active, address, true);
            holds(passive, address, false);
        }
        for (host, expected) in [(active, true), (passive, false)] {
            wait_for(format_args!("the route out on {}: {expected}", host.name()), LIMIT, || {
                let shown = host.run("ip route show default");
                if shown.contains("via 192.0.2.254") == expected { Ok(()) } else { Err(shown) }
            });
        }
        answers(&client, url, &server);
        client.run("ping -c 1 -W 5 198.51.100.1");
    };
    at(&one, &two);
    // The inner link fails: the outer address goes as well, although its link works.
    one.unplug_from("eth1");
    at(&two, &one);
    one.plug_in_at("eth1");
    at(&one, &two);
    // The outer one.
    one.unplug();
    at(&two, &one);
    one.plug_in();
    at(&one, &two);
    first.terminate();
    at(&two, &one);
}
