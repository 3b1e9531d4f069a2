//! Where adverts are signed: wrong keys, an attacker who repeats and changes what he hears, and masters that speak at once.

use super::{Event, Story, Trouble};
use crate::check;
use crate::io::Advert;
use crate::random::Random;
use crate::seal::{self, Sealing};
use std::time::Duration;

impl Story {
    /// Keys that nobody else has, and an attacker: he stays when all else is well.
    pub(super) fn plan_attacks(&mut self, length: u64) {
        let Some(sealing) = self.options.sealing() else { return };
        let mut random = Random::new(self.seed ^ 0xa77a_c4e6);
        let stays = sealing != Sealing::Time && random.percent(50);
        if self.options.blackout {
            self.plan_blackout(length);
        }
        for router in 0..self.options.routers.len() {
            if self.options.routers[router].sealing.is_none() {
                continue;
            }
            for _ in 0..random.within(0, 2) {
                let at = random.within(0, self.nodes.len() as u64 - 1) as usize;
                let delay = Duration::from_nanos(random.within(0, length));
                let key = Trouble::Key(at, router, random.percent(70));
                self.push(self.now + delay, Event::Trouble(key));
            }
            for _ in 0..random.within(0, 30) {
                let forged = random.percent(30).then(|| random.pick(&[0, 254]));
                // Others would take him for a router that does not yield.
                let length = if stays && forged.is_none() { length * 2 } else { length };
                let delay = Duration::from_nanos(random.within(length / 8, length));
                let nth = random.within(0, 1000);
                self.push(self.now + delay, Event::Trouble(Trouble::Repeat(router, nth, forged)));
            }
        }
    }

    /// All lose their power at once, and find themselves alone: the network is whole again when all are masters.
    fn plan_blackout(&mut self, length: u64) {
        let election = self.options.longest_interval() * 4 + Duration::from_secs(1);
        let at = self.now + Duration::from_nanos(length).saturating_sub(election);
        for node in 0..self.nodes.len() {
            let links = (0..self.options.links).map(|link| Trouble::LinkUp(node, link));
            let troubles = [Trouble::Isolate(node, true), Trouble::LosePower(node)].into_iter();
            for trouble in troubles.chain(links).chain([Trouble::Start(node, false)]) {
                self.push(at, Event::Trouble(trouble));
            }
        }
    }

    /// Everybody hears the attacker.
    pub(super) fn attack(&mut self, router: usize, nth: u64, priority: Option<u8>) {
        // What somebody said while not all could hear him, and not since, nobody can know to be old.
        let masters = check::masters(&self.nodes, router);
        let speaks = |source| masters.iter().any(|&at| self.nodes[at].address(router) == source);
        // After a blackout nobody remembers the numbers that were said before it.
        let (healed_at, blackout) = (self.healed_at, self.options.blackout);
        let may_be_known = |advert: &Advert| {
            healed_at.is_none_or(|healed_at| speaks(advert.source) && (!blackout || advert.sent >= healed_at))
        };
        let vrid = crate::node::vrid(router).get();
        let Some(advert) = self.tape.play(vrid, nth, may_be_known) else { return };
        let advert = match priority {
            Some(priority) => seal::forge(advert, priority),
            None => advert.clone(),
        };
        for to in 0..self.nodes.len() {
            self.push(self.now + Duration::from_micros(nth), Event::Arrive(to, advert.clone()));
        }
    }
}
