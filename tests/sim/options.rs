//! What a seed decides before the story begins: how many nodes, how they are configured, how bad the network is.

use crate::random::Random;
use std::time::Duration;
use vipd::vrrp::config::Version;

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) version: Version,
    pub(crate) advert_int: Duration,
    /// One a node.
    pub(crate) nodes: Vec<Node>,
    /// A packet takes at most so long.
    pub(crate) max_delay: Duration,
    /// Packets lost and repeated, in a hundred, while the network is bad.
    pub(crate) loss: u64,
    pub(crate) repeat: u64,
    /// How many bad things happen.
    pub(crate) troubles: u64,
    /// How long the bad part lasts, in advertisement intervals.
    pub(crate) bad_intervals: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) priority: u8,
    pub(crate) nopreempt: bool,
    pub(crate) preempt_delay: Duration,
}

impl Options {
    pub(crate) fn from_seed(seed: u64) -> Options {
        let mut random = Random::new(!seed);
        let version = random.pick(&[Version::V2, Version::V3]);
        let advert_int = match version {
            Version::V2 => Duration::from_secs(random.within(1, 2)),
            Version::V3 => Duration::from_millis(random.pick(&[10, 50, 100, 1000])),
        };
        let nopreempt = random.percent(20);
        let delayed = random.percent(20);
        let owner = random.percent(10);
        let nodes = (0..random.within(2, 5))
            .map(|at| Node {
                // Equal priorities are frequent: addresses decide.
                priority: if owner && at == 0 { 255 } else { random.within(1, 8) as u8 * 30 },
                nopreempt: nopreempt && !(owner && at == 0),
                preempt_delay: if delayed && !nopreempt { advert_int * 5 } else { Duration::ZERO },
            })
            .collect();
        Options {
            version,
            advert_int,
            nodes,
            max_delay: advert_int / random.pick(&[100, 20, 8]),
            loss: random.pick(&[0, 5, 30]),
            repeat: random.pick(&[0, 10]),
            troubles: random.within(0, 12),
            bad_intervals: random.within(10, 60),
        }
    }
}
