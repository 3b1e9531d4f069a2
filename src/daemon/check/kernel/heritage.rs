//! What a worker that died knew of others' hands: a successor that follows with the same configuration finds it in the
//! table. Weights that nothing but a hand can have set, and servers that the configuration does not name, stay.

use super::Kernel;
use super::drift::Drift;
use crate::check::Balancer;
use crate::check::config::{Config, Probe, RealServer, VirtualServer};
use crate::ipvs::model::{DestKey, ServiceKey, Table};
use std::collections::HashMap;

/// What may be concluded from a server's weight in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// Nothing: a check or time may have set it.
    Moves,
    /// One that is not the configured one is a hand's; 0 may mean that it was down or drained.
    Fixed,
    /// One that is not the configured one is a hand's.
    FixedWithZero,
}

/// The servers that a configuration names, as the kernel knows them.
#[derive(Debug)]
pub(in super::super) struct Heritage(HashMap<(ServiceKey, DestKey), Weight>);

impl Heritage {
    /// Of the configuration that the process before this one had.
    pub(in super::super) fn of(config: &Config) -> Heritage {
        let mut all = HashMap::new();
        for vs in &config.virtual_servers {
            for endpoint in &vs.endpoints {
                let key = endpoint.key(vs.protocol);
                for rs in &vs.real_servers {
                    let dest = (key, endpoint.dest_key(rs.forward, rs.address));
                    let weight = weight(vs, rs);
                    // Two servers that are one to the kernel: whichever of them was meant.
                    all.entry(dest).and_modify(|known| *known = Weight::Moves).or_insert(weight);
                }
                if let Some(sorry) = &vs.sorry_server {
                    all.insert((key, endpoint.dest_key(sorry.forward, sorry.address)), Weight::Moves);
                }
            }
        }
        Heritage(all)
    }

    /// The table as it tells of servers' states: one that a hand has set to 0 is not down.
    pub(in super::super) fn told(&self, mut table: Table) -> Table {
        for (service, dests) in &mut table.services {
            for dest in dests.iter_mut().filter(|dest| dest.weight == 0) {
                if self.0.get(&(service.key, dest.key)) == Some(&Weight::FixedWithZero) {
                    dest.weight = 1;
                }
            }
        }
        table
    }
}

fn weight(vs: &VirtualServer, rs: &RealServer) -> Weight {
    let moves = |probe: &Probe| probe.weighs() || matches!(probe, Probe::File(_));
    let ramps = rs.transition.as_ref().is_some_and(|transition| !transition.slow_start.is_zero());
    let drains = rs.transition.as_ref().is_some_and(|transition| !transition.drain_time.is_zero());
    if ramps || rs.backup || rs.checkers.iter().any(|checker| moves(&checker.probe)) {
        return Weight::Moves;
    }
    match rs.inhibit_on_failure || drains || vs.sorry_server.is_some() {
        true => Weight::Fixed,
        false => Weight::FixedWithZero,
    }
}

impl Kernel {
    /// Takes over what others have set by hand, as it stands in the table that was read at the start.
    pub(in super::super) fn inherit(&mut self, heritage: &Heritage, balancer: &Balancer) {
        let mut drift = Drift::default();
        for key in &self.owned {
            for found in self.known.dests(key) {
                match heritage.0.get(&(*key, found.key)) {
                    // What a reload took out of the configuration may have been drained.
                    None if found.weight > 0 => drift.add(*key, found.key),
                    None | Some(Weight::Moves) => {}
                    Some(Weight::Fixed) if found.weight == 0 => {}
                    Some(_) => {
                        let wanted =
                            balancer.dest(*key, found.key).filter(|wanted| wanted.weight != found.weight);
                        if let Some(wanted) = wanted {
                            drift.weigh(*key, wanted, found.weight);
                        }
                    }
                }
            }
        }
        for (key, dest) in drift.added() {
            self.known.set_dest(key, *dest, None);
        }
        self.hands.take_in(&drift, balancer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::config::{Checker, Transition};
    use crate::check::testing::{server, sorry, virtual_server};
    use crate::ipvs::testing::{dest, key, service};
    use std::time::Duration;

    #[test]
    fn only_a_weight_that_nothing_else_sets_is_a_hands() {
        let weight = |change: &dyn Fn(&mut VirtualServer, &mut RealServer)| {
            let (mut vs, mut rs) = (virtual_server(1, vec![]), server(11));
            change(&mut vs, &mut rs);
            super::weight(&vs, &rs)
        };
        let transition = |slow_start, drain_time| {
            let (slow_start, drain_time) = (Duration::from_secs(slow_start), Duration::from_secs(drain_time));
            Some(Box::new(Transition { slow_start, drain_time, damping: None }))
        };
        assert_eq!(weight(&|_, _| {}), Weight::FixedWithZero);
        assert_eq!(weight(&|_, rs| rs.inhibit_on_failure = true), Weight::Fixed);
        assert_eq!(weight(&|_, rs| rs.transition = transition(0, 5)), Weight::Fixed);
        assert_eq!(weight(&|vs, _| vs.sorry_server = sorry("192.0.2.99:80", false)), Weight::Fixed);
        assert_eq!(weight(&|_, rs| rs.transition = transition(5, 0)), Weight::Moves);
        assert_eq!(weight(&|_, rs| rs.backup = true), Weight::Moves);
        let agent = |rs: &mut RealServer| {
            rs.checkers.push(Checker::new(rs.address, Probe::Agent(Box::default())));
        };
        assert_eq!(weight(&|_, rs| agent(rs)), Weight::Moves);
    }

    #[test]
    fn a_server_that_is_set_to_0_is_not_taken_to_be_down() {
        let heritage = |of: Weight| Heritage([((key(0), dest(1, 0).key), of)].into());
        let found = Table { services: vec![(service(key(0), "rr"), vec![dest(1, 0), dest(2, 0)])] };
        let weights = |of: Weight| -> Vec<u32> {
            heritage(of).told(found.clone()).services[0].1.iter().map(|dest| dest.weight).collect()
        };
        assert_eq!(weights(Weight::FixedWithZero), [1, 0]);
        assert_eq!(weights(Weight::Fixed), [0, 0]);
        assert_eq!(weights(Weight::Moves), [0, 0]);
    }
}
