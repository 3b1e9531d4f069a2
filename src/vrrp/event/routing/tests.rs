use super::*;
use crate::vrrp::config::route::{NextHop, Realms, TABLE_MAIN};
use crate::vrrp::config::rule::Suppress;

fn route(text: &str) -> Route {
    Route::new(text.parse().unwrap())
}

fn found(route: &Route, place: &RoutePlace) -> FoundRoute {
    let way = |hop: &NextHop, interface| Way { via: hop.via, interface };
    let ways = match route.next_hops.as_slice() {
        [] => vec![way(&route.next_hop, place.interface.or(Some(IfIndex(9))))],
        hops => hops.iter().zip(&place.next_hops).map(|(hop, at)| way(hop, *at)).rev().collect(),
    };
    FoundRoute {
        family: route.family,
        destination: route.destination,
        from: route.from,
        table: place.table,
        kind: route.kind,
        protocol: 18,
        scope: route.scope.unwrap_or(0),
        tos: route.tos.unwrap_or(0),
        metric: metric(route),
        preferred_source: route.preferred_source,
        ways,
    }
}

#[test]
fn a_route_is_known_by_what_the_kernel_tells_of_it() {
    let place = RoutePlace { table: TABLE_MAIN, interface: Some(IfIndex(2)), next_hops: Vec::new() };
    let mut wanted = route("10.1.0.0/16");
    wanted.next_hop.via = Some("10.0.0.1".parse().unwrap());
    let real = found(&wanted, &place);
    assert!(real.is(&wanted, &place));
    type Change = fn(&mut FoundRoute);
    let others: [Change; 8] = [
        |r| r.protocol = 4,
        |r| r.table = 7,
        |r| r.metric = 1,
        |r| r.tos = 8,
        |r| r.scope = 253,
        |r| r.kind = RouteKind::Local,
        |r| r.ways[0].via = None,
        |r| r.ways[0].interface = Some(IfIndex(3)),
    ];
    for change in others {
        let mut other = real.clone();
        change(&mut other);
        assert!(!other.is(&wanted, &place), "{other:?}");
    }
    // Where the line leaves the interface open, the kernel finds one.
    let open = RoutePlace { interface: None, ..place };
    assert!(found(&wanted, &open).is(&wanted, &open));
    // IPv6 routes have a metric in any case, and no scope.
    let v6 = route("2001:db8::/32");
    let mut real = found(&v6, &open);
    real.scope = 253;
    assert!(real.metric == 1024 && real.is(&v6, &open));
}

#[test]
fn several_ways_come_in_any_order() {
    let mut wanted = route("0.0.0.0/0");
    let hop = |via: &str| NextHop { via: Some(via.parse().unwrap()), ..NextHop::default() };
    wanted.next_hops = vec![hop("10.0.0.1"), hop("10.0.1.1")];
    let next_hops = vec![Some(IfIndex(2)), Some(IfIndex(3))];
    let place = RoutePlace { table: TABLE_MAIN, interface: None, next_hops };
    let real = found(&wanted, &place);
    assert!(real.is(&wanted, &place));
    let mut less = real.clone();
    less.ways.pop();
    assert!(!less.is(&wanted, &place));
    assert_eq!(wanted.to_string(), "default nexthop via 10.0.0.1 nexthop via 10.0.1.1");
}

#[test]
fn a_rule_is_written_as_the_kernel_tells_of_it() {
    let net = |text: &str| text.parse().ok();
    let rule = Rule {
        family: Family::V4,
        priority: 100,
        inverted: true,
        from: net("0.0.0.0/0"),
        to: net("10.0.0.0/8"),
        input_interface: Some("eth0".to_owned()),
        output_interface: None,
        tos: Some(0),
        mark: Some(Mark { value: 7, mask: None }),
        ip_protocol: Some(0),
        source_ports: None,
        destination_ports: None,
        users: None,
        tunnel_id: Some(0),
        protocol: None,
        action: RuleAction::Table {
            table: 9,
            unless: Suppress::default(),
            realms: Some(Realms { source: Some(0), destination: 0 }),
        },
        tracked: true,
    };
    let told = told(rule.clone());
    assert_eq!((told.from, told.tos, told.ip_protocol, told.tunnel_id), (None, None, None, None));
    assert_eq!(told.mark, Some(Mark { value: 7, mask: Some(u32::MAX) }));
    assert!(matches!(told.action, RuleAction::Table { table: 9, realms: None, .. }));
    assert_eq!(super::told(told.clone()), told);
    let text = "rule 100: not from all to 10.0.0.0/8 fwmark 0x7/0xffffffff iif eth0 lookup 9";
    let entry = Entry::rule(rule);
    assert_eq!(entry.to_string(), text);
    let mut list = EntryList::one(&entry);
    list.add(EntryList::one(&Entry::route(route("10.0.0.0/8"))));
    assert_eq!(list.to_string(), format!("routes and rules (1 and 1): {}, 10.0.0.0/8", &text[5..]));
}
