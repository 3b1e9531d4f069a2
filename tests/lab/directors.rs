//! Two directors, of vipd and keepalived in each combination: balancing, failing servers, failing masters.

use crate::VIPD;
use crate::support::Implementation::{Keepalived, Vipd};
use crate::support::{Capture, Director, Implementation, Lab, Scenario, Table, Test, Worker, wait_for};
use std::time::{Duration, Instant};

/// Two programs, that of the master first.
type Pair = [Implementation; 2];

/// What happens to a pair, on the network that was built for it.
type Story = fn(&Scenario, Pair);

const PAIRS: [Pair; 3] = [[Vipd, Vipd], [Vipd, Keepalived], [Keepalived, Vipd]];

/// A bound of the programs is given so much more: to look takes time too, on a machine that may be emulated.
const SLACK: Duration = Duration::from_secs(2);

pub(crate) fn tests() -> Vec<Test> {
    let stories: [(&str, Story); 7] = [
        ("balance", balance),
        ("server_dies_and_returns", server_dies_and_returns),
        ("master_is_killed_and_returns", master_is_killed_and_returns),
        ("master_is_terminated", master_is_terminated),
        ("higher_priority_preempts", higher_priority_preempts),
        ("check_worker_is_killed", check_worker_is_killed),
        ("vrrp_worker_is_killed", vrrp_worker_is_killed),
    ];
    let pairs = PAIRS.into_iter().flat_map(|pair| stories.map(|story| (pair, story)));
    pairs
        .map(|(pair, (name, story))| {
            let name = format!("directors::{}_{}::{name}", pair[0], pair[1]);
            Test::new(name, move |lab: &Lab| story(&Scenario::build(lab, VIPD), pair))
        })
        .collect()
}

/// Starts both and waits until the first is master, both tables are complete and the service answers.
#[track_caller]
fn start(scenario: &Scenario, pair: Pair) -> [Director; 2] {
    let directors = [scenario.start(0, pair[0]), scenario.start(1, pair[1])];
    scenario.wait_master(0);
    for which in [0, 1] {
        scenario.wait_weights(which, [1, 1], Scenario::CHECK_INTERVAL + SLACK);
    }
    directors
}

fn balance(scenario: &Scenario, pair: Pair) {
    let _directors = start(scenario, pair);
    assert_eq!(scenario.requests(4), [2, 2], "four requests, each server in turn");
}

fn server_dies_and_returns(scenario: &Scenario, pair: Pair) {
    let _directors = start(scenario, pair);
    scenario.servers[0].kill();
    for which in [0, 1] {
        scenario.wait_weights(which, [0, 1], 2 * Scenario::CHECK_INTERVAL + SLACK);
    }
    assert_eq!(scenario.requests(4), [0, 4], "no request goes to the server that is down");
    scenario.servers[0].restart();
    for which in [0, 1] {
        scenario.wait_weights(which, [1, 1], 2 * Scenario::CHECK_INTERVAL + SLACK);
    }
    assert_eq!(scenario.requests(4), [2, 2], "it has its share again");
}

fn master_is_killed_and_returns(scenario: &Scenario, pair: Pair) {
    let [master, _backup] = start(scenario, pair);
    scenario.learn_addresses();
    let stream = scenario.client.stream(Scenario::service());
    stream.wait_answer(Instant::now(), SLACK);

    master.kill();
    let killed = Instant::now();
    // The addresses stay on the dead master too: nobody was left to remove them.
    scenario.wait_addresses(1, true);
    stream.wait_answer(killed, Scenario::FAILOVER_LIMIT);
    scenario.wait_neighbours(1);
    drop(stream);
    assert_eq!(scenario.requests(4), [2, 2]);

    let _master = scenario.start(0, pair[0]);
    scenario.wait_master(0);
    scenario.wait_neighbours(0);
    scenario.wait_weights(0, [1, 1], Scenario::CHECK_INTERVAL + SLACK);
    assert_eq!(scenario.requests(4), [2, 2], "served by the old master again");
}

fn master_is_terminated(scenario: &Scenario, pair: Pair) {
    let [master, backup] = start(scenario, pair);
    scenario.learn_addresses();
    let capture = Capture::start(scenario.client.host());
    master.terminate();
    let left = master.host().addresses();
    assert_eq!(left, ["192.168.219.201/24"], "no virtual address is left");
    let table = Table::of(master.host()).expect("read the table");
    assert!(table.is_empty(), "the table is left: {table}");
    scenario.wait_addresses(1, true);
    scenario.wait_neighbours(1);
    assert_eq!(scenario.requests(4), [2, 2]);
    let goodbye = capture
        .wait_advert("an advert with priority 0", Duration::ZERO, SLACK, |advert| advert.priority == 0);
    assert_eq!(goodbye.1.source.to_string(), "192.168.219.201");

    backup.terminate();
    assert_eq!(backup.host().addresses(), ["192.168.219.202/24"]);
    let table = Table::of(backup.host()).expect("read the table");
    assert!(table.is_empty(), "the table is left: {table}");
}

fn higher_priority_preempts(scenario: &Scenario, pair: Pair) {
    let _backup = scenario.start(1, pair[1]);
    scenario.wait_master(1);
    scenario.learn_addresses();
    scenario.wait_neighbours(1);
    let _master = scenario.start(0, pair[0]);
    scenario.wait_master(0);
    scenario.wait_neighbours(0);
    scenario.wait_weights(0, [1, 1], Scenario::CHECK_INTERVAL + SLACK);
    assert_eq!(scenario.requests(4), [2, 2]);
}

/// The other half of the daemon does not notice, and the backup neither.
fn check_worker_is_killed(scenario: &Scenario, pair: Pair) {
    let [master, _backup] = start(scenario, pair);
    let capture = Capture::start(scenario.client.host());
    let vrrp = master.worker(Worker::Vrrp);
    master.kill_worker(Worker::Check);
    // The new worker really works: it finds a server that dies.
    scenario.servers[0].kill();
    scenario.wait_weights(0, [0, 1], 3 * Scenario::CHECK_INTERVAL + SLACK);
    scenario.servers[0].restart();
    scenario.wait_weights(0, [1, 1], 2 * Scenario::CHECK_INTERVAL + SLACK);
    assert_eq!(scenario.requests(4), [2, 2]);

    assert_eq!(master.worker(Worker::Vrrp), vrrp, "the vrrp worker is the same");
    scenario.wait_master(0);
    let senders: Vec<_> = capture.adverts().iter().map(|(_, advert)| advert.source.to_string()).collect();
    assert!(senders.len() >= 3 && senders.iter().all(|sender| sender == "192.168.219.201"), "{senders:?}");
}

/// Its successor takes the addresses over or back: in the end there is one master, the right one.
fn vrrp_worker_is_killed(scenario: &Scenario, pair: Pair) {
    let [master, _backup] = start(scenario, pair);
    scenario.learn_addresses();
    let check = master.worker(Worker::Check);
    master.kill_worker(Worker::Vrrp);
    wait_for("an advert of the new worker", Scenario::FAILOVER_LIMIT, {
        let capture = Capture::start(scenario.client.host());
        move || {
            let adverts = capture.adverts();
            let found = adverts.iter().any(|(_, advert)| advert.source.to_string() == "192.168.219.201");
            if found { Ok(()) } else { Err(format!("{adverts:?}")) }
        }
    });
    scenario.wait_master(0);
    scenario.wait_neighbours(0);
    assert_eq!(master.worker(Worker::Check), check, "the check worker is the same");
    scenario.wait_weights(0, [1, 1], SLACK);
    assert_eq!(scenario.requests(4), [2, 2]);
}
