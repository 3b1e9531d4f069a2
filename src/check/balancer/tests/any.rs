//! Checks and reloads in any order: what always holds.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Deadline,
    Finish(usize, u8),
    Reload(Box<Config>),
}

fn any_config() -> impl Strategy<Value = Config> {
    let server = (11u8..15, 0u32..3, any::<bool>(), 0u8..3, any::<bool>()).prop_map(
        |(host, weight, inhibit, checks, alpha)| {
            let mut rs = server(host);
            (rs.weight, rs.inhibit_on_failure) = (weight, inhibit);
            let ports = [80, 443].into_iter().take(checks.into());
            rs.checkers = ports.map(|p| check(SocketAddr::from(([192, 0, 2, host], p)))).collect();
            rs.checkers.iter_mut().for_each(|c| c.schedule.alpha = alpha);
            rs
        },
    );
    let vs = (1u8..4, proptest::collection::vec(server, 0..4), 0u32..4, 0u32..2, any::<bool>()).prop_map(
        |(host, mut servers, quorum, hysteresis, with_sorry)| {
            let mut seen = HashSet::new();
            servers.retain(|rs| seen.insert(rs.address));
            let mut vs = virtual_server(host, servers);
            (vs.quorum, vs.hysteresis) = (quorum, hysteresis);
            vs.sorry_server = sorry("192.0.2.99:80", false).filter(|_| with_sorry);
            vs
        },
    );
    proptest::collection::vec(vs, 0..4).prop_map(|mut list| {
        let mut seen = HashSet::new();
        list.retain(|vs| seen.insert(vs.name.clone()));
        config(list)
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Deadline),
        8 => (any::<usize>(), 0u8..3).prop_map(|(place, outcome)| Step::Finish(place, outcome)),
        1 => any_config().prop_map(|config| Step::Reload(Box::new(config))),
    ]
}

proptest! {
    /// Through checks and reloads in any order: every change of the table is announced; servers are up exactly while
    /// all their checks are; every checker has a probe under way or a deadline ahead; a successor would change
    /// nothing that matters.
    #[test]
    fn announced_changes_are_the_whole_truth(
        first in any_config(),
        steps in proptest::collection::vec(any_step(), 0..60),
    ) {
        let mut b = Bench::new(first);
        for step in steps {
            match step {
                Step::Deadline => { b.step(); }
                Step::Finish(place, outcome) if !b.running.is_empty() => {
                    let outcome = [Outcome::Passed, REFUSED, Outcome::NotRun(Failure::Timeout)][usize::from(outcome)].clone();
                    b.finish(place % b.running.len(), outcome);
                }
                Step::Finish(..) => {}
                Step::Reload(config) => b.reload(*config),
            }
            let desired: HashMap<_, _> =
                b.balancer.desired().services.into_iter().map(|row| (row.0.key, row)).collect();
            prop_assert_eq!(&b.table, &desired);

            let mut failed: HashMap<(u32, u32), u32> = HashMap::new();
            for slot in b.balancer.slots.iter().flatten() {
                prop_assert!(slot.run.is_some() != slot.checker.next_timeout().is_some());
                for &rs in &slot.subscribers {
                    *failed.entry(rs).or_default() += u32::from(slot.checker.status() == Status::Down);
                }
            }
            for (i, vs) in b.balancer.virtual_servers.iter().enumerate() {
                for j in 0..vs.config().real_servers.len() {
                    let down = failed.get(&(i as u32, j as u32)).is_some_and(|&n| n > 0);
                    prop_assert_eq!(vs.server_status(j) == Status::Down, down);
                }
            }
            let waiting = b.balancer.checkers().filter_map(Checker::next_timeout).min();
            prop_assert_eq!(b.balancer.next_timeout(), waiting);
            prop_assert_eq!(b.running.len(), b.balancer.slots.iter().flatten().filter(|s| s.run.is_some()).count());
        }
    }
}
