//! Who tracks what with which weight: from the configuration's blocks to one list an instance.
//!
//! That weights are left out (sync groups without `sync_group_tracking_weight`, address owners) the configuration's
//! reader has seen to; what is left here is that a sync group's trackers are those of each of its instances.

use super::{Kind, Object};
use crate::vrrp::config::{Config, Tracking, Weight};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// An object that an instance tracks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// What is tracked.
    pub object: Object,
    /// What it means.
    pub weight: Weight,
}

/// What each instance tracks, by the instance's name; those that track nothing are left out. What an instance and its
/// group both track counts once: with the group's weight, unless the instance says weight 0 (keepalived's
/// `add_vrrp_to_track_script` and its like). So it is with an instance's own interface, which it follows without a weight.
#[must_use]
pub fn resolve(config: &Config) -> HashMap<String, Vec<Track>> {
    let mut all: HashMap<String, Vec<Track>> = HashMap::new();
    for instance in &config.instances {
        let tracks = tracks(&instance.tracking);
        if !tracks.is_empty() {
            all.insert(instance.name.to_string(), tracks);
        }
    }
    let mut follows = HashMap::new();
    if config.sync_groups.iter().any(|group| !group.tracking.interfaces.is_empty()) {
        let following = config.instances.iter().filter(|instance| !instance.link.ignore_faults);
        follows = following.map(|instance| (&*instance.name, instance.interface.as_deref())).collect();
    }
    for group in &config.sync_groups {
        let of_group = tracks(&group.tracking);
        if of_group.is_empty() {
            continue;
        }
        for name in &group.instances {
            let interface = follows.get(name.as_str()).copied().flatten();
            let is_own = |object: &Object| object.kind == Kind::Interface && Some(&*object.name) == interface;
            let mut of_group = of_group.iter().filter(|track| !is_own(&track.object)).peekable();
            if of_group.peek().is_none() {
                continue;
            }
            let own = all.entry(name.clone()).or_default();
            for track in of_group {
                match own.iter_mut().find(|known| known.object == track.object) {
                    Some(known) if known.weight.value == 0 => {}
                    Some(known) => known.weight = track.weight,
                    None => own.push(track.clone()),
                }
            }
        }
    }
    all
}

fn tracks(tracking: &Tracking) -> Vec<Track> {
    let Tracking { interfaces, scripts, files, processes, bfds, virtual_servers } = tracking;
    let kinds = [
        (Kind::Interface, interfaces),
        (Kind::Script, scripts),
        (Kind::File, files),
        (Kind::Process, processes),
        (Kind::Bfd, bfds),
        (Kind::VirtualServer, virtual_servers),
    ];
    let mut tracks: Vec<Track> = Vec::new();
    for (kind, list) in kinds {
        for tracked in list {
            let object = Object::new(kind, tracked.name.as_str());
            // Of two lines the first counts.
            if !tracks.iter().any(|known| known.object == object) {
                tracks.push(Track { object, weight: tracked.weight });
            }
        }
    }
    tracks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vrrp::config::{Instance, Notify, SyncGroup, Tracked, Vrid};

    fn weight(value: i16, reverse: bool) -> Weight {
        Weight { value, reverse }
    }

    fn tracked(name: &str, value: i16) -> Tracked {
        Tracked { name: name.to_owned(), weight: weight(value, false) }
    }

    #[test]
    fn a_group_tracks_for_each_of_its_instances_and_weight_0_of_an_instance_stays() {
        let mut instances: Vec<Instance> =
            ["A", "B", "C"].map(|name| Instance::new(name, "eth0", Vrid::new(1).unwrap())).into();
        instances[0].tracking.scripts = vec![tracked("S", 5), tracked("S", 6)];
        instances[1].tracking.scripts = vec![tracked("S", 0)];
        instances[1].tracking.files = vec![tracked("S", 7)];
        let group = SyncGroup {
            name: "G".to_owned(),
            instances: vec!["A".to_owned(), "B".to_owned()],
            tracking: Tracking {
                scripts: vec![Tracked { name: "S".to_owned(), weight: weight(9, true) }],
                interfaces: vec![tracked("eth7", 0)],
                ..Tracking::default()
            },
            tracking_weight: true,
            notify: Notify::default().into(),
        };
        let config = Config { instances, sync_groups: vec![group], ..Config::default() };
        let resolved = resolve(&config);
        let of = |name: &str| -> Vec<(Object, Weight)> {
            resolved.get(name).into_iter().flatten().map(|t| (t.object.clone(), t.weight)).collect()
        };
        let script = Object::new(Kind::Script, "S");
        let interface = Object::new(Kind::Interface, "eth7");
        assert_eq!(of("A"), [(script.clone(), weight(9, true)), (interface.clone(), weight(0, false))]);
        assert_eq!(
            of("B"),
            [
                (script, weight(0, false)),
                (Object::new(Kind::File, "S"), weight(7, false)),
                (interface, weight(0, false))
            ]
        );
        assert_eq!(of("C"), []);
    }

    #[test]
    fn a_groups_weight_of_an_interface_is_none_of_a_member_that_follows_it_as_its_own() {
        let member = |name: &str, interface: &str| Instance::new(name, interface, Vrid::new(1).unwrap());
        let mut indifferent = member("C", "eth1");
        indifferent.link.ignore_faults = true;
        let group = SyncGroup {
            name: "G".to_owned(),
            instances: ["A", "B", "C"].map(str::to_owned).into(),
            tracking: Tracking { interfaces: vec![tracked("eth1", 5)], ..Tracking::default() },
            tracking_weight: false,
            notify: Notify::default().into(),
        };
        let instances = vec![member("A", "eth0"), member("B", "eth1"), indifferent];
        let config = Config { instances, sync_groups: vec![group], ..Config::default() };
        let resolved = resolve(&config);
        let track = Track { object: Object::new(Kind::Interface, "eth1"), weight: weight(5, false) };
        let mut members: Vec<_> = resolved.iter().collect();
        members.sort_by_key(|(name, _)| name.as_str());
        let one = vec![track];
        assert_eq!(members, [(&"A".to_owned(), &one), (&"C".to_owned(), &one)], "C has dont_track_primary");
    }
}
