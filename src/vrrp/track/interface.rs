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
    /// From now on these are held back and asked for. What is known stays known.
    pub fn configure(&mut self, delays: &[LinkDelay], linkbeat: &[Linkbeat]) {
        self.delays = delays.iter().map(|d| (Name::from(d.interface.as_str()), (d.down, d.up))).collect();
        let known = std::mem::take(&mut self.polled);
        self.polled = linkbeat
            .iter()
            .map(|beat| {
                let said = known.get(beat.interface.as_str()).copied().flatten();
                (Name::from(beat.interface.as_str()), said)
            })
            .collect();
    }

    /// Whether any link is held back or asked for.
    fn is_open(&self) -> bool {
        self.delays.is_empty() && self.polled.is_empty()
    }

    /// The kernel's news: the link as everybody is to know it.
    pub fn link(&mut self, now: Instant, link: Link) -> Link {
        let concerned = self.delays.contains_key(&link.name) || self.polled.contains_key(&link.name);
        if !concerned && (self.is_open() || !self.links.contains_key(&link.index)) {
            return link;
        }
        if !concerned {
            // It had another name before, or a reload has let it go.
            self.links.remove(&link.index);
            return link;
        }
        let index = link.index;
        match self.links.get_mut(&index) {
            Some(known) => known.link = link.clone(),
            None => {
                let up = link.up && self.polled.get(&link.name).copied().flatten().unwrap_or(true);
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
        let concerned = self.delays.contains_key(&link.name) || self.polled.contains_key(&link.name);
        if concerned && !self.links.contains_key(&link.index) {
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
        Some(Link { up: known.shown, ..known.link.clone() })
    }

    /// The link as everybody is to know it at `now`.
    fn look(&mut self, now: Instant, index: IfIndex) -> Option<Link> {
        let known = self.links.get_mut(&index)?;
        let name = &known.link.name;
        let up = known.link.up && self.polled.get(name).copied().flatten().unwrap_or(true);
        let (down_delay, up_delay) = self.delays.get(name).copied().unwrap_or_default();
        let delay = if up { up_delay } else { down_delay };
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
        gate.configure(&delays(1000, 2000), &[]);
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
    fn a_link_that_was_never_up_comes_up_at_once() {
        let mut gate = Gate::default();
        gate.configure(&delays(1000, 1000), &[]);
        assert!(!gate.link(at(0), link(false)).up);
        assert!(gate.link(at(5), link(true)).up);
        assert!(gate.link(at(6), link(false)).up, "from then on it is delayed");
        gate.gone(IfIndex(2));
        assert_eq!(gate.next_timeout(), None);
    }

    #[test]
    fn a_driver_that_is_asked_can_only_say_that_it_is_down() {
        let mut gate = Gate::default();
        gate.configure(&[], &beat());
        assert!(gate.link(at(0), link(true)).up);
        assert_eq!(gate.polled(at(1), "eth0", true), None);
        assert_eq!(gate.polled(at(2), "eth0", false), Some(link(false)));
        assert!(!gate.link(at(3), link(true)).up);
        assert_eq!(gate.polled(at(4), "eth0", true), Some(link(true)));
        assert!(!gate.link(at(5), link(false)).up, "an interface that was set down is down");
        assert_eq!(gate.polled(at(6), "eth1", false), None);
        gate.configure(&delays(1000, 0), &beat());
        assert!(gate.link(at(7), link(true)).up);
        assert_eq!(gate.polled(at(8), "eth0", false), None, "it is delayed as well");
        assert_eq!(gate.handle_timeout(at(8) + SECOND), Some(link(false)));
    }

    #[test]
    fn links_that_no_block_names_pass_as_they_are() {
        let mut gate = Gate::default();
        assert_eq!(gate.link(at(0), link(true)), link(true));
        gate.configure(&delays(1000, 1000), &[]);
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
            gate.configure(&delays(down, up), &[]);
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
