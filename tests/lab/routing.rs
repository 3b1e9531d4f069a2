//! Routes and rules that not every kernel has: realms, MPLS, VRFs. As those of `tests/net/routing.rs`.

#[path = "../net/routing/same.rs"]
mod same;

use crate::support::Implementation::Vipd;
use crate::support::{Lab, Test, wait_for};
use same::{LIMIT, block, instance, same, start};

pub(crate) fn tests() -> Vec<Test> {
    vec![Test::new("routing::realms_mpls_and_vrfs_are_keepalived_s", rare)]
}

fn rare(lab: &Lab) {
    let one = lab.host("one", "10.0.0.1/24");
    one.run("modprobe -a mpls_iptunnel vrf dummy");
    one.configure(&[
        "link add blue type vrf table 77",
        "link set blue up",
        "link add eth1 type dummy",
        "link set eth1 master blue up",
        "address add 10.8.0.1/24 dev eth1",
        "link add eth2 type dummy",
        "link set eth2 up",
    ]);
    let routes = [
        "10.20.0.0/16 via 10.0.0.2 dev eth0 realms 3/4",
        "10.21.0.0/16 via 10.0.0.2 dev eth0 realms 7",
        "10.22.0.0/16 via 10.8.0.2 dev eth1 vrf blue",
        "10.23.0.0/16 dev eth1 vrf blue metric 5",
        "unreachable 10.24.0.0/16 vrf blue no_track",
        "10.25.0.0/16 encap mpls 100 via 10.0.0.2 dev eth0",
        "10.26.0.0/16 encap mpls 100/200 via 10.0.0.2 dev eth0",
        "10.27.0.0/16 no_track nexthop via 10.0.0.2 dev eth0 realms 5/6 nexthop via 10.0.0.3 dev eth0",
        "10.28.0.0/16 dev eth2",
        "10.99.0.0/16 via 10.0.0.2 dev eth0",
    ];
    let rules = [
        "from 10.6.0.0/16 l3mdev priority 115",
        "iif blue table 300 priority 116",
        "oif eth2 table 300 priority 117",
        "from 10.7.0.0/16 table 100 realms 3/4 priority 118",
        "from 10.8.0.0/16 table 100 realms 9 priority 119",
        "from 10.99.0.0/16 table 100 priority 200",
    ];
    let blocks = block("virtual_routes", &routes) + &block("virtual_rules", &rules);
    let set = same(&one, &instance(4, &blocks), "-4 rule 200:");
    // keepalived leaves the label out.
    let hops =
        "10.29.0.0/16 no_track nexthop via 10.0.0.2 dev eth0 nexthop via 10.0.0.3 dev eth0 encap mpls 44";
    let director = start(Vipd, &one, &instance(4, &block("virtual_routes", &[hops])));
    wait_for("the label of a next hop", LIMIT, || {
        let shown = one.run("ip route show 10.29.0.0/16");
        if shown.contains("encap mpls  44 via 10.0.0.3") { Ok(()) } else { Err(shown) }
    });
    director.terminate();
    let all = ["realms 3/4", "realm 7", "encap mpls 100/200", "table 77", "l3mdev"];
    for text in all {
        assert!(set.iter().any(|line| line.contains(text)), "no {text} in {set:#?}");
    }
}
