//! What a balancer takes over from a table that is there before it.

use super::*;
use crate::check::config::{Agent, Probe};

fn left_by(b: &Bench) -> Table {
    Table { services: b.table.values().cloned().collect() }
}

#[test]
fn a_successor_adopts_the_table_without_a_change() {
    let mut first = virtual_server(1, vec![server(11), server(12)]);
    first.real_servers[0].inhibit_on_failure = true;
    let second = virtual_server(2, vec![server(11), server(13)]);
    let mut third = virtual_server(3, vec![server(11)]);
    third.sorry_server = sorry("192.0.2.99:80", false);
    let mut c = config(vec![first, second, third]);
    for vs in &mut c.virtual_servers {
        for rs in &mut vs.real_servers {
            rs.checkers[0].schedule.alpha = rs.address == address("192.0.2.12:80");
        }
    }
    let mut b = Bench::new(c.clone());
    b.run_until(ms(4000), fails(11));
    assert_eq!(
        (b.row(0), b.row(1), b.row(2)),
        (vec!["11/0".into(), "12/1".into()], vec!["13/1".into()], vec!["99/1".into()])
    );

    let heir = Bench::adopting(c, &Found::new(&left_by(&b), true));
    assert_eq!(heir.balancer.desired(), b.balancer.desired());
    assert_eq!(heir.balancer.next_timeout(), Some(Instant::ZERO), "what was down is checked at once");
}

#[test]
fn a_foreign_service_tells_nothing_of_our_servers() {
    let c = config(vec![virtual_server(1, vec![server(11)])]);
    let mut found = Bench::new(c.clone()).balancer.desired();
    found.services[0].1[0].key.address = std::net::IpAddr::from([203, 0, 113, 1]);
    assert_eq!(Bench::adopting(c.clone(), &Found::new(&found, false)).row(0), ["11/1"]);
    assert_eq!(Bench::adopting(c, &Found::new(&found, true)).row(0), [""; 0]);
}

/// As HAProxy's agents do, and scripts of `misc_dynamic`: what one said last holds until it says something else.
#[test]
fn a_weight_that_a_check_gave_stays_until_it_gives_another_one() {
    let mut rs = server(11);
    rs.weight = 10;
    rs.checkers[0].probe = Probe::Agent(Box::new(Agent { send: None }));
    let c = config(vec![virtual_server(1, vec![rs])]);
    let mut b = Bench::new(c.clone());
    b.run_until(ms(4000), |_| Outcome::Weighed(Weight::Percent(20)));
    assert_eq!(b.row(0), ["11/2"]);
    let mut heir = Bench::adopting(c.clone(), &Found::new(&left_by(&b), true));
    assert_eq!(heir.row(0), ["11/2"]);
    heir.run_until(ms(4000), |_| Outcome::Weighed(Weight::Percent(20)));
    assert_eq!(heir.row(0), ["11/2"]);
    assert!(!heir.told.iter().any(|told| told.contains("weight")), "{:?}", heir.told);
    heir.run_until(ms(9000), |_| Outcome::Weighed(Weight::Percent(100)));
    assert_eq!(heir.row(0), ["11/10"]);
}

/// Of servers that the sorry server stands in for, the table does not say which of them were up.
#[test]
fn servers_behind_the_sorry_server_are_not_told_to_have_come() {
    let mut vs = virtual_server(1, vec![server(11), server(12)]);
    (vs.quorum, vs.sorry_server) = (2, sorry("192.0.2.99:80", false));
    let c = config(vec![vs]);
    let mut b = Bench::new(c.clone());
    b.run_until(ms(4000), fails(12));
    assert_eq!(b.row(0), ["99/1"]);
    let mut heir = Bench::adopting(c, &Found::new(&left_by(&b), true));
    heir.run_until(ms(4000), fails(12));
    assert_eq!(heir.row(0), ["99/1"]);
    let is_told = |told: &String| told.starts_with("Adding service") || told.contains("runs");
    assert!(!heir.told.iter().any(is_told), "{:?}", heir.told);
}

/// Weight 0 that an agent or a program has said is no failure: a server that is down is not in the table.
#[test]
fn a_server_that_a_check_has_weighed_to_nothing_is_up() {
    let mut rs = server(11);
    rs.weight = 10;
    rs.checkers.push(rs.checkers[0].clone());
    rs.checkers[1].probe = Probe::Agent(Box::new(Agent { send: None }));
    let c = config(vec![virtual_server(1, vec![rs.clone(), server(12)])]);
    let mut b = Bench::new(c.clone());
    b.run_until(ms(4000), |to| match to.ip() == address("192.0.2.11:80").ip() {
        true => Outcome::Weighed(Weight::Exactly(0)),
        false => Outcome::Passed,
    });
    assert_eq!(b.row(0), ["11/0", "12/1"]);
    let heir = Bench::adopting(c, &Found::new(&left_by(&b), true));
    assert_eq!(heir.row(0), ["11/0", "12/1"]);
    assert_eq!(heir.balancer.virtual_servers()[0].server_status(0), Status::Up);
}

/// An entry that may be the sorry server's or the real server's, which has the same address.
#[test]
fn a_sorry_server_that_is_a_real_server_too_is_known_by_the_weights() {
    let mut vs = virtual_server(1, vec![server(11), server(12)]);
    vs.real_servers.iter_mut().for_each(|rs| rs.weight = 10);
    (vs.quorum, vs.sorry_server) = (15, sorry("192.0.2.12:80", false));
    let c = config(vec![vs]);
    for dead in [11, 12] {
        let mut b = Bench::new(c.clone());
        b.run_until(ms(4000), fails(dead));
        assert_eq!(b.row(0), ["12/1"]);
        let mut heir = Bench::adopting(c.clone(), &Found::new(&left_by(&b), true));
        assert_eq!(heir.row(0), ["12/1"], "{dead}");
        heir.run_until(ms(4000), fails(dead));
        assert_eq!(heir.row(0), ["12/1"], "{dead}");
        assert!(!heir.told.iter().any(|told| told.contains("quorum")), "{:?}", heir.told);
    }
    let b = Bench::new(c.clone());
    let heir = Bench::adopting(c, &Found::new(&left_by(&b), true));
    assert_eq!(heir.row(0), ["11/10", "12/10"]);
}
