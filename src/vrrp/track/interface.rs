//! What the kernel says of a link's state, before anybody hears of it: changes that don't last are held back
//! (`interface_up_down_delays`), and what a driver does not tell is asked for (`linkbeat_interfaces`).
//!
//! ```text
//!   kernel's news ─► and the driver's word, where it is asked ─► delay of this direction ─► everybody
//! ```
//!
//! It changes nothing but [`Link::up`], and nothing at all of links that neither block names.

use crate::time::Instant;
use crate::vrrp::config::Config;
use crate::vrrp::config::interface::{LinkDelay, Linkbeat};
use crate::vrrp::event::{IfIndex, Link, Name};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// The links that are held back or asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// How long a link must be down, and up.
    delays: HashMap<Name, (Duration, Duration)>,
    /// The drivers' last words; none of a link that was not asked yet.
    polled: HashMap<Name, Option<bool>>,
    links: BTreeMap<IfIndex, Known>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// As the kernel says.
    link: Link,
    /// What everybody knows.
    shown: bool,
    /// It was up once: the first time counts at once, as in keepalived.
    seen_up: bool,
    /// When the other state will be shown, if it lasts.
    due: Option<Instant>,
}

/// The delays, [as they count](Config::effective_link_delay).
#[must_use]
pub fn delays(config: &Config) -> Vec<LinkDelay> {
    config.link_delays.iter().map(|delay| config.effective_link_delay(delay)).collect()
}

impl Gate {
    /// From now on these are held back and asked for. What is known of them stays known; what was held back of others is
    /// shown at once.
    pub fn configure(&mut self, now: Instant, delays: &[LinkDelay], linkbeat: &[Linkbeat]) {
        self.delays = delays.iter().map(|d| (Name::from(d.interface.as_str()), (d.down, d.up))).collect();
        let known = std::mem::take(&mut self.polled);
        self.polled = linkbeat
            .iter()
            .map(|beat| {
                let said = known.get(beat.interface.as_str()).copied().flatten();
                (Name::from(beat.interface.as_str()), said)
            })
            .collect();
        let as_told = |known: &Known| {
            let up = self.is_up(&known.link);
            (known.link.index, up, self.delay(&known.link, up), self.concerns(&known.link))
        };
        for (index, up, delay, concerned) in self.links.values().map(as_told).collect::<Vec<_>>() {
            if let Some(known) = self.links.get_mut(&index).filter(|known| known.shown != up) {
                known.due = Some(known.due.map_or(now + delay, |due| due.min(now + delay)));
            } else if !concerned {
                self.links.remove(&index);
            }
        }
    }

    /// Whether it is held back or asked for: by its name, or as a VMAC on such a one.
    fn concerns(&self, link: &Link) -> bool {
        self.polled.contains_key(&link.name) || self.delays_of(link).is_some()
    }

    /// How long it must be down, and up. A VMAC follows what it lies on.
    fn delays_of(&self, link: &Link) -> Option<(Duration, Duration)> {
        let below = || {
            let below = link.make.below.filter(|_| link.make.ours)?;
            self.delays.get(&self.links.get(&below)?.link.name)
        };
        self.delays.get(&link.name).or_else(below).copied()
    }

    fn delay(&self, link: &Link, up: bool) -> Duration {
        let (down_delay, up_delay) = self.delays_of(link).unwrap_or_default();
        if up { up_delay } else { down_delay }
    }

    /// By the kernel's word, and the driver's where it is asked.
    fn is_up(&self, link: &Link) -> bool {
        link.up && self.polled.get(&link.name).copied().flatten().unwrap_or(true)
    }

    /// The kernel's news: the link as everybody is to know it.
    pub fn link(&mut self, now: Instant, link: Link) -> Link {
        let index = link.index;
        if !self.concerns(&link) {
            // It had another name before, or a reload has let it go.
            self.links.remove(&index);
            return link;
        }
        match self.links.get_mut(&index) {
            Some(known) => known.link = link.clone(),
            None => {
                let up = self.is_up(&link);
                let known = Known { link: link.clone(), shown: up, seen_up: up, due: None };
                self.links.insert(index, known);
            }
        }
        self.look(now, index).unwrap_or(link)
    }

    /// Whether the link is down by the kernel's word, and nobody is told yet.
    pub fn hides_fall(&self, index: IfIndex) -> bool {
        self.links.get(&index).is_some_and(|known| known.shown && !known.link.up)
    }

    /// A link that everybody knows already, of an interface that is named now.
    pub fn adopt(&mut self, link: &Link) {
        if self.concerns(link) && !self.links.contains_key(&link.index) {
            let known = Known { link: link.clone(), shown: link.up, seen_up: link.up, due: None };
            self.links.insert(link.index, known);
        }
    }

    /// A link is gone.
    pub fn gone(&mut self, index: IfIndex) {
        self.links.remove(&index);
    }

    /// Everything is told anew: what is not among these is gone.
    pub fn retain(&mut self, links: &[Link]) {
        if !self.links.is_empty() {
            let there: BTreeSet<IfIndex> = links.iter().map(|link| link.index).collect();
            self.links.retain(|index, _| there.contains(index));
        }
    }

    /// The driver's word. Gives the link if that changes what everybody knows.
    pub fn polled(&mut self, now: Instant, name: &str, up: bool) -> Option<Link> {
        *self.polled.get_mut(name)? = Some(up);
        let index = self.links.values().find(|known| *known.link.name == *name)?.link.index;
        let before = self.links.get(&index)?.shown;
        self.look(now, index).filter(|link| link.up != before)
    }

    /// When [`Gate::handle_timeout`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.links.values().filter_map(|known| known.due).min()
    }

    /// A link whose new state has lasted, if there is one at `now`.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Link> {
        let known = self.links.values_mut().find(|known| known.due.is_some_and(|at| at <= now))?;
        known.due = None;
        known.shown = !known.shown;
        known.seen_up |= known.shown;
        let link = Link { up: known.shown, ..known.link.clone() };
        if !self.concerns(&link) {
            self.links.remove(&link.index);
        }
        Some(link)
    }

    /// The link as everybody is to know it at `now`.
    fn look(&mut self, now: Instant, index: IfIndex) -> Option<Link> {
        let link = &self.links.get(&index)?.link;
        let up = self.is_up(link);
        let delay = self.delay(link, up);
        let known = self.links.get_mut(&index)?;
        if up == known.shown {
            known.due = None;
        } else if delay.is_zero() || !known.seen_up {
            known.due = None;
            known.shown = up;
        } else {
            // It changed before now: that moment counts.
            known.due.get_or_insert(now + delay);
        }
        known.seen_up |= known.shown;
        Some(Link { up: known.shown, ..known.link.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrrp::config::{Instance, Vrid};
    use crate::vrrp::event::{Make, Settings};
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn link(up: bool) -> Link {
        let (make, v4) = (Make::default(), Settings::default());
        let (name, index) = ("eth0".into(), IfIndex(2));
        Link { name, index, up, mtu: 1500, mac: None, forwards: false, make, v4, table: None }
    }

    fn delays(down: u64, up: u64) -> [LinkDelay; 1] {
        let (down, up) = (Duration::from_millis(down), Duration::from_millis(up));
        [LinkDelay { interface: "eth0".to_owned(), down, up }]
    }

    fn beat() -> [Linkbeat; 1] {
        [Linkbeat { interface: "eth0".to_owned(), poll: None }]
    }

    #[test]
    fn a_change_that_does_not_last_is_never_shown() {
        let mut gate = Gate::default();
        gate.configure(at(0), &delays(1000, 2000), &[]);
        assert!(gate.link(at(0), link(true)).up, "the first word counts at once");
        assert!(gate.link(at(100), link(false)).up);
        assert_eq!(gate.next_timeout(), Some(at(1100)));
        let other_mtu = Link { mtu: 1400, ..link(false) };
        assert_eq!(gate.link(at(500), other_mtu.clone()), Link { up: true, ..other_mtu });
        assert_eq!(gate.next_timeout(), Some(at(1100)), "it still counts from the first moment");
        assert!(gate.link(at(1000), link(true)).up);
        assert_eq!(gate.next_timeout(), None);
        assert!(gate.link(at(2000), link(false)).up);
        assert_eq!(gate.handle_timeout(at(2999)), None);
        assert_eq!(gate.handle_timeout(at(3000)), Some(link(false)));
        assert!(!gate.link(at(4000), link(true)).up);
        assert_eq!(gate.handle_timeout(at(6000)), Some(link(true)));
        assert_eq!(gate.next_timeout(), None);
    }

    #[test]
    fn delays_end_before_a_backup_that_hears_nothing_takes_over() {
        let mut instance = Instance::new("VI", "eth0", Vrid::new(1).unwrap());
        let mut cut = |adverts: u8, down, up| {
            instance.policy.down_timer_adverts = adverts;
            let config = Config {
                instances: vec![instance.clone()],
                link_delays: delays(down, up).into(),
                ..Config::default()
            };
            super::delays(&config).iter().map(|d| (d.down.as_millis(), d.up.as_millis())).next().unwrap()
        };
        assert_eq!(cut(3, 1900, 1999), (1900, 1999));
        assert_eq!(cut(3, 2000, 1900), (1996, 1900));
        assert_eq!(cut(3, 4000, 3000), (1996, 1996), "each by itself");
        assert_eq!(cut(1, 500, 700), (0, 0));
    }

    #[test]
    fn a_vmac_follows_the_delays_of_what_it_lies_on() {
        let make = |ours| Make { below: Some(IfIndex(2)), ours, ..Make::default() };
        let vmac = |ours, up| Link { name: "vrrp.7".into(), index: IfIndex(1), make: make(ours), ..link(up) };
        let mut gate = Gate::default();
        gate.configure(at(0), &delays(1000, 2000), &[]);
        gate.link(at(0), link(true));
        assert!(gate.link(at(0), vmac(true, true)).up);
        assert!(gate.link(at(100), vmac(true, false)).up);
        assert!(gate.hides_fall(IfIndex(1)));
        assert_eq!(gate.handle_timeout(at(1099)), None);
        assert_eq!(gate.handle_timeout(at(1100)), Some(vmac(true, false)));
        assert!(!gate.link(at(1200), vmac(true, true)).up);
        assert_eq!(gate.handle_timeout(at(3200)), Some(vmac(true, true)));
        // Another's macvlan has none.
        gate.gone(IfIndex(1));
        assert_eq!(gate.link(at(4000), vmac(false, true)), vmac(false, true));
        assert_eq!(gate.link(at(4000), vmac(false, false)), vmac(false, false));
    }

    #[test]
    fn a_vmac_follows_delays_that_come_later() {
        let make = Make { below: Some(IfIndex(2)), ours: true, ..Make::default() };
        let vmac = |up| Link { name: "vrrp.7".into(), index: IfIndex(1), make, ..link(up) };
        let mut gate = Gate::default();
        gate.configure(at(0), &delays(1000, 2000), &[]);
        for link in [&vmac(true), &link(true), &vmac(true), &link(true)] {
            gate.adopt(link);
        }
        assert!(gate.link(at(1), vmac(false)).up);
        assert_eq!(gate.handle_timeout(at(1001)), Some(vmac(false)));
    }

    #[test]
    fn delays_that_a_reload_takes_away_leave_nothing_behind() {
        let mut gate = Gate::default();
        gate.configure(at(0), &delays(1000, 1000), &[]);
        gate.link(at(0), link(true));
        // A fall that is held back is shown at once.
        assert!(gate.link(at(10), link(false)).up);
        gate.configure(at(20), &[], &[]);
        assert_eq!(gate.next_timeout(), Some(at(20)));
        assert_eq!(gate.handle_timeout(at(20)), Some(link(false)));
        assert_eq!(gate.next_timeout(), None);
        // What it was then means nothing when they come back.
        assert!(gate.link(at(30), link(true)).up);
        gate.configure(at(40), &delays(1000, 1000), &[]);
        gate.adopt(&link(true));
        let other_mtu = Link { mtu: 1400, ..link(true) };
        assert_eq!(gate.link(at(50), other_mtu.clone()), other_mtu);
        assert!(gate.link(at(60), link(false)).up);
        // A shorter one counts from the reload on, the one that runs goes on otherwise.
        gate.configure(at(70), &delays(500, 1000), &[]);
        assert_eq!(gate.next_timeout(), Some(at(570)));
        gate.configure(at(80), &delays(5000, 1000), &[]);
        assert_eq!(gate.next_timeout(), Some(at(570)));
    }

    #[test]
    fn a_link_that_was_never_up_comes_up_at_once() {
        let mut gate = Gate::default();
        gate.configure(at(0), &delays(1000, 1000), &[]);
        assert!(!gate.link(at(0), link(false)).up);
        assert!(gate.link(at(5), link(true)).up);
        assert!(gate.link(at(6), link(false)).up, "from then on it is delayed");
        gate.gone(IfIndex(2));
        assert_eq!(gate.next_timeout(), None);
    }

    #[test]
    fn a_driver_that_is_asked_can_only_say_that_it_is_down() {
        let mut gate = Gate::default();
        gate.configure(at(0), &[], &beat());
        assert!(gate.link(at(0), link(true)).up);
        assert_eq!(gate.polled(at(1), "eth0", true), None);
        assert_eq!(gate.polled(at(2), "eth0", false), Some(link(false)));
        assert!(!gate.link(at(3), link(true)).up);
        assert_eq!(gate.polled(at(4), "eth0", true), Some(link(true)));
        assert!(!gate.link(at(5), link(false)).up, "an interface that was set down is down");
        assert_eq!(gate.polled(at(6), "eth1", false), None);
        gate.configure(at(0), &delays(1000, 0), &beat());
        assert!(gate.link(at(7), link(true)).up);
        assert_eq!(gate.polled(at(8), "eth0", false), None, "it is delayed as well");
        assert_eq!(gate.handle_timeout(at(8) + SECOND), Some(link(false)));
    }

    #[test]
    fn links_that_no_block_names_pass_as_they_are() {
        let mut gate = Gate::default();
        assert_eq!(gate.link(at(0), link(true)), link(true));
        gate.configure(at(0), &delays(1000, 1000), &[]);
        let other = Link { name: "eth1".into(), index: IfIndex(3), ..link(false) };
        assert_eq!(gate.link(at(0), other.clone()), other);
        gate.adopt(&link(true));
        assert!(gate.link(at(1), link(false)).up, "it was known before it was named");
        let renamed = Link { name: "other".into(), ..link(false) };
        assert_eq!(gate.link(at(2), renamed.clone()), renamed);
        assert_eq!(gate.next_timeout(), None);
    }

    proptest! {
        /// What is shown is what the link has been for the whole delay of that direction.
        #[test]
        fn only_what_lasts_is_shown(changes in proptest::collection::vec((1u64..3000, any::<bool>()), 1..40)) {
            let (down, up) = (1000, 500);
            let mut gate = Gate::default();
            gate.configure(at(0), &delays(down, up), &[]);
            let mut now = at(0);
            let mut shown = gate.link(now, link(true)).up;
            let (mut real, mut since) = (true, now);
            for (wait, is_up) in changes {
                let next = now + Duration::from_millis(wait);
                while let Some(due) = gate.next_timeout().filter(|due| *due <= next) {
                    let link = gate.handle_timeout(due).unwrap();
                    prop_assert_eq!(link.up, real);
                    let delay = Duration::from_millis(if real { up } else { down });
                    prop_assert_eq!(due, since + delay);
                    prop_assert_ne!(link.up, shown);
                    shown = link.up;
                }
                now = next;
                if is_up != real {
                    (real, since) = (is_up, now);
                }
                prop_assert_eq!(gate.link(now, link(is_up)).up, shown);
            }
        }
    }
}
