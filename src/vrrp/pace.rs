//! The least time between two announcements: `vrrp_garp_interval`, `vrrp_gna_interval`, `garp_group`.
//!
//! A switch or a firewall that learns from announcements may lose those that come too fast. Who waits, and in which
//! order, is the engine's to decide.

use super::config::Config;
use super::event::Name;
use crate::net::Family;
use std::collections::HashMap;
use std::time::Duration;

/// All of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Paces {
    /// What interfaces have that are in no group: gratuitous ARPs, neighbour advertisements.
    default: [Duration; 2],
    groups: Vec<[Duration; 2]>,
    /// The group of an interface, and whether it shares the pace with the group's others.
    members: HashMap<Name, (usize, bool)>,
}

/// Whose pace it is: gratuitous ARPs and neighbour advertisements have one each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::vrrp) struct Lane {
    family: Family,
    of: Of,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Of {
    Interface(Name),
    /// `interfaces`: one link carries them all.
    Group(usize),
}

impl Paces {
    /// Those of a configuration.
    pub(super) fn new(config: &Config) -> Paces {
        let default = [config.defaults.garp_interval, config.defaults.gna_interval];
        let mut paces = Paces { default, ..Paces::default() };
        for (at, group) in config.garp_groups.iter().enumerate() {
            let [garp, gna] = default;
            paces.groups.push([group.garp_interval.unwrap_or(garp), group.gna_interval.unwrap_or(gna)]);
            for interface in &group.interfaces {
                paces.members.insert(interface.as_str().into(), (at, group.shared));
            }
        }
        paces
    }

    /// Whose pace announcements have that leave there, and the time between two of them; `None` where they are not held
    /// up.
    pub(super) fn of(&self, interface: &str, family: Family) -> Option<(Lane, Duration)> {
        let member = self.members.get(interface);
        let [garp, gna] = member.and_then(|(group, _)| self.groups.get(*group)).unwrap_or(&self.default);
        let pace = match family {
            Family::V4 => *garp,
            Family::V6 => *gna,
        };
        if pace.is_zero() {
            return None;
        }
        let of = match member {
            Some((group, true)) => Of::Group(*group),
            Some((_, false)) | None => Of::Interface(interface.into()),
        };
        Some((Lane { family, of }, pace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrrp::config::interface::GarpGroup;

    #[test]
    fn groups_come_before_the_default_and_share_if_they_say_so() {
        let ms = Duration::from_millis;
        let mut config = Config::default();
        config.defaults.garp_interval = ms(10);
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        config.garp_groups = vec![
            GarpGroup { garp_interval: Some(ms(20)), interfaces: names(&["a"]), ..GarpGroup::default() },
            GarpGroup {
                gna_interval: Some(ms(30)),
                interfaces: names(&["b", "c"]),
                shared: true,
                ..GarpGroup::default()
            },
        ];
        let paces = Paces::new(&config);
        let pace = |interface, family| paces.of(interface, family).map(|(_, pace)| pace);
        let lane = |interface, family| paces.of(interface, family).map(|(lane, _)| lane);
        assert_eq!(pace("a", Family::V4), Some(ms(20)));
        assert_eq!(pace("a", Family::V6), None);
        assert_eq!((pace("b", Family::V4), pace("c", Family::V6)), (Some(ms(10)), Some(ms(30))));
        assert_eq!(pace("d", Family::V4), Some(ms(10)));
        assert_eq!(lane("b", Family::V4), lane("c", Family::V4));
        assert_ne!(lane("b", Family::V4), lane("b", Family::V6));
        assert_ne!(lane("a", Family::V4), lane("d", Family::V4));
        assert_eq!(Paces::default().of("a", Family::V4), None);
    }
}
