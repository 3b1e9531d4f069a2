//! The network between the nodes: delay, loss, repetition, and who can't hear whom.

use crate::options::Options;
use crate::random::Random;
use std::collections::BTreeSet;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Net {
    max_delay: Duration,
    loss: u64,
    repeat: u64,
    /// (from, to): nothing gets through. One direction alone is possible.
    cut: BTreeSet<(usize, usize)>,
}

impl Net {
    pub(crate) fn new(options: &Options) -> Net {
        let Options { max_delay, loss, repeat, .. } = *options;
        Net { max_delay, loss, repeat, cut: BTreeSet::new() }
    }

    /// When the copies of a packet arrive.
    pub(crate) fn carry(&self, from: usize, to: usize, random: &mut Random) -> Vec<Duration> {
        if self.cut.contains(&(from, to)) || random.percent(self.loss) {
            return vec![];
        }
        let copies = 1 + u64::from(random.percent(self.repeat));
        let nanos = self.max_delay.as_nanos() as u64;
        (0..copies).map(|_| Duration::from_nanos(random.within(1000.min(nanos), nanos))).collect()
    }

    pub(crate) fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cut.contains(&(from, to))
    }

    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    pub(crate) fn mend(&mut self) {
        self.cut.clear();
    }

    /// From now on everything arrives, once.
    pub(crate) fn heal(&mut self) {
        self.mend();
        (self.loss, self.repeat) = (0, 0);
    }
}
