//! What the kernel should hold of a virtual server.

use super::*;
use std::collections::HashSet;

#[test]
fn each_endpoint_of_a_group_gets_the_ports_it_needs() {
    let mut config = virtual_server(1, vec![server(11), server(12)]);
    config.real_servers[1].forward = Forward::Masq;
    config.endpoints = vec![
        Endpoint::Address(address("10.0.0.1:90")),
        Endpoint::Address(address("[2001:db8::1]:91")),
        Endpoint::Fwmark { mark: 7, family: Family::V4 },
    ];
    (config.persistence_timeout, config.persistence_granularity) = (300, None);
    let vs = start(config);
    let row = |i: usize| {
        let (service, dests) = vs.row(vs.config().endpoints[i]);
        assert!(service.flags.contains(ServiceFlags::PERSISTENT));
        (service.netmask, dests.iter().map(|d| d.key.port).collect::<Vec<_>>())
    };
    assert_eq!(row(0), (Netmask::host(Family::V4), vec![90, 80]));
    assert_eq!(row(1), (Netmask::host(Family::V6), vec![91, 80]));
    assert_eq!(row(2), (Netmask::host(Family::V4), vec![0, 80]));
}

#[test]
fn two_ports_of_one_server_are_one_destination_by_direct_routing() {
    let mut config = virtual_server(1, vec![server(11), server(11)]);
    config.real_servers[1].address.set_port(81);
    config.real_servers[0].inhibit_on_failure = true;
    let mut vs = start(config);
    assert_eq!(row(&vs), ["11/1"]);
    vs.check_changed(Instant::ZERO, 0, Status::Down, None, &mut Vec::new());
    assert_eq!(row(&vs), ["11/1"], "port 81 is still alive");
}

proptest! {
    /// Servers that are one destination to the kernel, by whatever methods and ports: it is there once, and the same for who
    /// asks for it alone.
    #[test]
    fn no_destination_is_there_twice(
        servers in proptest::collection::vec((11u8..14, 80u16..82, any::<bool>(), 0u32..2), 0..6),
        sorry_server in proptest::option::of(any::<bool>()),
    ) {
        let servers = servers.into_iter().map(|(host, port, masquerades, weight)| {
            let forward = if masquerades { Forward::Masq } else { Forward::DirectRoute };
            let mut rs = config::RealServer { forward, weight, ..server(host) };
            rs.address.set_port(port);
            rs
        });
        let mut config = virtual_server(1, servers.collect());
        config.sorry_server = sorry_server.and_then(|inhibit| sorry("192.0.2.11:80", inhibit));
        let endpoint = config.endpoints[0];
        let keys: HashSet<_> =
            config.real_servers.iter().map(|rs| endpoint.dest_key(rs.forward, rs.address)).collect();
        let vs = start(config);
        let dests = vs.row(endpoint).1;
        let held: HashSet<_> = dests.iter().map(|dest| dest.key).collect();
        prop_assert_eq!(held.len(), dests.len());
        prop_assert!(vs.sorry_active() || held.is_superset(&keys));
        for dest in dests {
            prop_assert_eq!(vs.dest(endpoint, dest.key), Some(dest));
        }
    }
}
