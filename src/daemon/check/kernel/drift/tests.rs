//! What is made of a table that is not as it was left.

use super::*;
use crate::check::adopt::Found;
use crate::check::config::Config;
use crate::check::testing::{server, virtual_server};
use crate::ipvs::testing::{dest, key, service};
use crate::time::Instant;

fn table(services: &[u8], dests: &[u8]) -> Table {
    let services = services
        .iter()
        .map(|n| (service(key(*n), "rr"), dests.iter().map(|n| dest(*n, 1)).collect()))
        .collect();
    Table { services }
}

fn known(left: &Table) -> Known {
    let mut known = Known::default();
    for (service, dests) in left.services.clone() {
        known.insert(service, dests);
    }
    known
}

/// The drift of `found` from two services with the servers 1 to 3, 9 of which are wanted besides.
fn find(found: &mut Table) -> Drift {
    let left = known(&table(&[0, 1], &[1, 2, 3]));
    Drift::find(
        &left,
        found,
        &HashSet::from([key(0), key(1)]),
        |_| true,
        |_, wanted| *wanted == dest(9, 0).key,
    )
}

#[test]
fn what_others_have_changed_is_counted() {
    let said = |found: &Table| find(&mut found.clone()).counts();
    assert_eq!(said(&table(&[0, 1], &[1, 2, 3])), None);
    assert_eq!(said(&Table::default()).unwrap(), "2 services and 6 servers differ", "cleared");
    assert_eq!(said(&table(&[0, 1], &[1, 2])).unwrap(), "2 servers differ", "removed");
    assert_eq!(said(&table(&[0, 1], &[1, 2, 3, 4])), None, "added");
    let mut edited = table(&[0, 1], &[1, 2, 3]);
    edited.services[0].1[0].upper_threshold += 1;
    assert_eq!(said(&edited).unwrap(), "1 server differs", "edited");
    edited.services[1].0.scheduler = "wlc".to_owned();
    assert_eq!(said(&edited).unwrap(), "1 service and 1 server differ", "both");
    assert_eq!(said(&table(&[0], &[1, 2, 3])).unwrap(), "1 service and 3 servers differ", "one service");
    let keys = HashSet::from([key(0), key(1)]);
    let left = known(&table(&[0, 1], &[1, 2, 3]));
    let missed = Drift::find(&left, &mut Table::default(), &keys, |ours| *ours == key(1), |_, _| false);
    assert_eq!(
        missed.counts().unwrap(),
        "1 service and 3 servers differ",
        "the other one is not wanted any more"
    );
    let nothing_left = Drift::find(
        &Known::default(),
        &mut table(&[0], &[1]),
        &HashSet::from([key(0)]),
        |_| true,
        |_, _| false,
    );
    assert_eq!(nothing_left, Drift::default());
}

#[test]
fn servers_of_others_leave_the_table_and_those_that_are_wanted_stay_in_it() {
    let mut found = table(&[0], &[1, 4, 2, 3, 9]);
    let drift = find(&mut found);
    assert_eq!(drift.added, [(key(0), dest(4, 0).key)]);
    assert_eq!(found, table(&[0], &[1, 2, 3, 9]));
}

#[test]
fn of_what_is_in_doubt_only_its_servers_are_known() {
    let mut left = known(&table(&[0], &[1, 2]));
    left.doubt(&key(0));
    let mut found = table(&[0], &[1, 4]);
    found.services[0].1[0].weight = 7;
    let drift = Drift::find(&left, &mut found, &HashSet::from([key(0)]), |_| true, |_, _| false);
    assert_eq!((drift.counts(), drift.weights, drift.added.len()), (None, vec![], 1));
}

/// A balancer of one service with one server.
fn balancer(weight: u32) -> (Balancer, ServiceKey, Dest) {
    let mut balancer = Balancer::new(0);
    let mut server = server(11);
    server.weight = weight;
    let config = Config { virtual_servers: vec![virtual_server(1, vec![server])], ..Config::default() };
    balancer.configure(Instant::ZERO, config, &Found::default(), &mut Vec::new());
    let (service, dests) = balancer.desired().services.remove(0);
    (balancer, service.key, dests[0])
}

#[test]
fn a_weight_that_was_set_by_hand_holds_until_another_one_is_wanted() {
    let mut hands = Hands::default();
    let (wants_one, key, left) = balancer(1);
    let set = |left: Dest, weight| Drift { weights: vec![(key, left, weight)], ..Drift::default() };
    let weight = |hands: &mut Hands, balancer: &Balancer| {
        let dest = hands.dest(balancer, key, left.key).unwrap();
        assert_eq!(hands.row(balancer, key).unwrap().1, [dest]);
        dest.weight
    };
    hands.take_in(&set(left, 7), &wants_one);
    assert_eq!(weight(&mut hands, &wants_one), 7);
    hands.take_in(&set(Dest { weight: 7, ..left }, 9), &wants_one);
    assert_eq!(weight(&mut hands, &wants_one), 9, "set again");
    let (wants_two, ..) = balancer(2);
    assert_eq!(weight(&mut hands, &wants_two), 2, "the next change");
    assert_eq!(weight(&mut hands, &wants_one), 1, "and it is forgotten");
    hands.take_in(&set(left, 7), &wants_two);
    assert_eq!(weight(&mut hands, &wants_two), 2, "what changes anyway is written");
    hands.take_in(&set(left, 7), &wants_one);
    hands.take_in(&set(Dest { weight: 7, ..left }, 1), &wants_one);
    assert!(hands.weights.is_empty(), "set back");
    hands.take_in(&set(left, 7), &wants_one);
    hands.keep(|_| false);
    assert_eq!(weight(&mut hands, &wants_one), 1, "the service was gone meanwhile");
}
