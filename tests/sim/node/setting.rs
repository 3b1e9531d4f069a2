//! Virtual routers as the configuration of a node has them.

use crate::kernel::link_name;
use crate::options::Options;
use crate::seal;
use crate::tracked::{self, Tracking};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vipd::net::{Family, IpNet};
use vipd::vrrp::config::route::Route;
use vipd::vrrp::config::rule::{Rule, RuleAction};
use vipd::vrrp::config::{Auth, Instance, Link, Tracked, Version, VirtualAddress, Vmac, Vrid};

/// The address of a node on an interface.
pub(super) fn source(at: usize, slot: usize, family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::new(10, slot as u8, 0, at as u8 + 1).into(),
        Family::V6 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, slot as u16, at as u16 + 1).into(),
    }
}

pub(super) fn instance(options: &Options, at: usize, priority: u8) -> Instance {
    let router = &options.routers[at];
    let interface = link_name(router.link);
    let address = |k: usize| {
        let address: IpAddr = match router.family {
            Family::V4 => Ipv4Addr::new(10, 100 + at as u8, (k / 200) as u8, (k % 200) as u8 + 1).into(),
            Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, at as u16, 0, 0, 0, 0, k as u16 + 1).into(),
        };
        VirtualAddress::new(IpNet::host(address), interface.as_str())
    };
    let mut instance = Instance {
        family: router.family,
        priority,
        version: router.version,
        advert_int: router.interval,
        auth: (router.version == Version::V2).then_some(Auth::Pass(*b"himitsu\0")),
        addresses: (0..router.advertised).map(address).collect(),
        excluded: (router.advertised..router.advertised + router.excluded).map(address).collect(),
        routes: routes(router.family, at, &interface, address(0).net.address).into(),
        rules: rules(router.family, at).into(),
        nopreempt: router.nopreempt,
        preempt_delay: router.preempt_delay,
        tracking: tracking(at, router.tracking).into(),
        link: Link { vmac: router.vmac.then(Vmac::default), ..Link::default() }.into(),
        ..Instance::new(format!("VI_{at}"), interface.as_str(), vrid(at))
    };
    if let Some(sealing) = router.sealing {
        seal::seal(&mut instance, sealing, false);
    }
    instance
}

pub(crate) const fn vrid(at: usize) -> Vrid {
    Vrid::new(at as u8 + 51).unwrap()
}

fn tracking(at: usize, tracking: Tracking) -> vipd::vrrp::config::Tracking {
    let script = tracking.script.map(|script| tracked::script(at, script));
    let file = tracking.file.then(|| tracked::file(at));
    vipd::vrrp::config::Tracking {
        scripts: script.into_iter().map(|s| Tracked { name: s.name, weight: s.weight }).collect(),
        files: file.into_iter().map(|f| Tracked { name: f.name, weight: f.weight }).collect(),
        ..Default::default()
    }
}

/// Some have a route, and some of those one that goes with an address of theirs.
fn routes(family: Family, at: usize, interface: &str, source: IpAddr) -> Vec<Route> {
    let address = match family {
        Family::V4 => Ipv4Addr::new(10, 200, at as u8, 0).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0xff, at as u16, 0, 0, 0, 0).into(),
    };
    let prefix_len = family.bits() - 8;
    let mut route = Route::new(IpNet { address, prefix_len });
    route.next_hop.interface = Some(interface.to_owned());
    route.preferred_source = at.is_multiple_of(4).then_some(source);
    if at.is_multiple_of(2) { vec![route] } else { Vec::new() }
}

/// Some have a rule.
fn rules(family: Family, at: usize) -> Vec<Rule> {
    let rule = Rule::new(family, 100 + at as u32, RuleAction::Blackhole);
    if at.is_multiple_of(3) { vec![rule] } else { Vec::new() }
}
