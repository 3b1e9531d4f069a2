//! What is to go wrong in a story, and when.

use super::{Event, Story, Trouble};
use crate::node::Edit;
use crate::random::Random;
use crate::seal::Sealing;
use std::time::Duration;

impl Story {
    pub(super) fn plan_troubles(&mut self, bad: Duration) {
        let length = bad.as_nanos() as u64;
        for at in 0..self.nodes.len() {
            let delay = self.random.within(0, length / 4);
            self.push(self.now + Duration::from_nanos(delay), Event::Trouble(Trouble::Start(at, false)));
        }
        for _ in 0..self.options.troubles {
            let delay = Duration::from_nanos(self.random.within(0, length));
            let trouble = self.trouble_at_random(length);
            if let Trouble::Reload(at, router, Edit::Alone) = trouble {
                // Later another one of its link takes its place.
                let link = self.options.routers[router].link;
                let same = |other: &usize| *other != router && self.options.routers[*other].link == link;
                if let Some(other) = (0..self.options.routers.len()).find(same) {
                    let later = Duration::from_nanos(self.random.within(delay.as_nanos() as u64, length));
                    self.push(self.now + later, Event::Trouble(Trouble::Reload(at, other, Edit::Alone)));
                }
            }
            if let Trouble::Reload(at, ..) = trouble
                && self.random.percent(40)
            {
                // One reload changes several things.
                for _ in 0..self.random.within(1, 6) {
                    let more = self.reload_at_random(at);
                    self.push(self.now + delay, Event::Trouble(more));
                }
            }
            self.push(self.now + delay, Event::Trouble(trouble));
        }
        self.plan_tracking(length);
        self.plan_clocks(length);
        self.plan_attacks(length);
        self.plan_hosts(length);
        self.plan_deletions(length);
        self.plan_edits_between_runs(length);
    }

    /// A run is killed, the file is edited, and the next run finds what the first has left.
    fn plan_edits_between_runs(&mut self, length: u64) {
        let mut random = Random::new(self.seed ^ 0xed17_ed00);
        if !random.percent(30) {
            return;
        }
        let at = random.within(0, self.nodes.len() as u64 - 1) as usize;
        let delay = Duration::from_nanos(random.within(length / 4, length));
        self.push(self.now + delay, Event::Trouble(Trouble::Crash(at)));
        for _ in 0..random.within(1, 4) {
            let router = random.within(0, self.options.routers.len() as u64 - 1) as usize;
            let edit = match random.within(0, 2) {
                0 => Edit::Remove,
                1 if self.options.has_vmacs() => Edit::Vmac,
                _ => Edit::Addresses(1, false),
            };
            self.push(self.now + delay, Event::Trouble(Trouble::Reload(at, router, edit)));
        }
        self.push(self.now + delay, Event::Trouble(Trouble::Start(at, false)));
    }

    /// Clocks are set, now by an hour and now by half a year, beside everything else.
    fn plan_clocks(&mut self, length: u64) {
        let mut random = Random::new(self.seed ^ 0x71c7_0c10);
        for at in 0..self.nodes.len() {
            for _ in 0..random.within(0, 3) {
                let by: i64 = random.pick(&[-3600, 3600, -1, 1, -15_000_000, 15_000_000]);
                let by = match self.options.sealing() {
                    // Numbers that grow by clocks need clocks that do.
                    Some(Sealing::Monotonic) => by.abs(),
                    // Neither now in the window and then not.
                    Some(Sealing::Time) => by.clamp(-7200, 7200) + by.signum() * 60,
                    Some(Sealing::Ah) | None => by,
                };
                let delay = Duration::from_nanos(random.within(0, length));
                self.push(self.now + delay, Event::Trouble(Trouble::Clock(at, by)));
            }
        }
    }

    /// Somebody deletes interfaces of the daemon's own.
    fn plan_deletions(&mut self, length: u64) {
        let mut random = Random::new(self.seed ^ 0xde1e_7e00);
        if !self.options.has_vmacs() {
            return;
        }
        for at in 0..self.nodes.len() {
            for _ in 0..random.within(0, 3) {
                let delay = Duration::from_nanos(random.within(0, length));
                let take = Trouble::TakeLink(at, random.within(0, 100) as usize, random.percent(30));
                self.push(self.now + delay, Event::Trouble(take));
            }
        }
    }

    /// What is tracked changes, beside everything else, and with random numbers of its own.
    fn plan_tracking(&mut self, length: u64) {
        let mut random = Random::new(self.seed ^ 0x5c81_9700);
        for at in 0..self.nodes.len() {
            for router in 0..self.options.routers.len() {
                let tracking = self.options.routers[router].tracking;
                for _ in 0..random.within(0, 6) {
                    let trouble = match random.percent(50) {
                        true => Trouble::Script(at, router, random.percent(50)),
                        false => Trouble::Number(at, router, random.pick(&[0, 40, -30, -100, -254])),
                    };
                    let delay = Duration::from_nanos(random.within(0, length));
                    let is_tracked = match trouble {
                        Trouble::Script(..) => tracking.script.is_some(),
                        _ => tracking.file,
                    };
                    if is_tracked {
                        self.push(self.now + delay, Event::Trouble(trouble));
                    }
                }
            }
        }
    }

    fn trouble_at_random(&mut self, length: u64) -> Trouble {
        let random = &mut self.random;
        let at = random.within(0, self.nodes.len() as u64 - 1) as usize;
        let link = random.within(0, self.options.links as u64 - 1) as usize;
        match random.within(0, 19) {
            0 => Trouble::Crash(at),
            1 => Trouble::LosePower(at),
            2 => Trouble::Stop(at),
            3 | 4 => Trouble::Start(at, false),
            5 | 6 => Trouble::Start(at, true),
            7 => Trouble::LinkDown(at, link, random.percent(50)),
            8 => Trouble::LinkUp(at, link),
            9 => Trouble::LinkGone(at, link),
            10 | 11 => {
                let length = Duration::from_nanos(random.within(1, length / 4));
                Trouble::Pause(at, length, random.percent(60))
            }
            12 => Trouble::Isolate(at, true),
            13 => Trouble::Isolate(at, false),
            14 => Trouble::Mend,
            15 => Trouble::TakeAddress(at, random.within(0, 5000) as usize, random.percent(30)),
            16 => Trouble::Table(at, random.percent(50)),
            _ => self.reload_at_random(at),
        }
    }

    fn reload_at_random(&mut self, at: usize) -> Trouble {
        let random = &mut self.random;
        let router = random.within(0, self.options.routers.len() as u64 - 1) as usize;
        let groups = self.options.groups.len() as u64;
        let edit = match random.within(0, if groups > 0 { 12 } else { 9 }) {
            0 | 1 => Edit::Priority(random.within(1, 8) as u8 * 30),
            2 => Edit::Addresses(random.within(1, 3) as usize, random.percent(50)),
            3 => Edit::Interval(self.options.routers[router].interval * random.pick(&[1, 2, 3])),
            4 => Edit::Rename,
            5 => Edit::Remove,
            6 => Edit::Alone,
            7 if self.options.has_vmacs() => Edit::Vmac,
            10 => Edit::Group(None),
            11 | 12 => Edit::Group(Some(random.within(0, groups - 1) as usize)),
            _ => Edit::Add,
        };
        Trouble::Reload(at, router, edit)
    }
}
