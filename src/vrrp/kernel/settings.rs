//! Settings of IPv4 on interfaces that are not our own: what VMACs need below them, and `promote_secondaries`.
//!
//! What was there before is kept, and put back once nobody needs ours any more. The kernel tells of a change of these
//! only along with others of the interface, so one that somebody makes by hand may stay unseen.

use super::Kernel;
use crate::vrrp::event::{Change, IfIndex, Name, Refusal, Setting};
use std::collections::{BTreeMap, HashMap};

/// What was there before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings {
    saved: HashMap<IfIndex, BTreeMap<Setting, u32>>,
    /// The check of reverse paths is switched off for all interfaces together.
    unchecked: bool,
}

impl Settings {
    pub(super) fn gone(&mut self, index: IfIndex) {
        self.saved.remove(&index);
    }
}

impl Kernel {
    fn wanted_settings(&self, name: &str) -> BTreeMap<Setting, u32> {
        let mut wanted = BTreeMap::new();
        // The interface below must not answer for the addresses of a VMAC, with its own Ethernet address.
        if self.wanted.bases.contains(name) {
            wanted.extend([(Setting::ArpIgnore, 1), (Setting::ArpFilter, 1)]);
            // Nor must its requests say that such an address is at its own.
            wanted.insert(Setting::ArpAnnounce, 2);
        }
        if self.wanted.promoting.contains(name) {
            wanted.insert(Setting::PromoteSecondaries, 1);
        }
        wanted
    }

    /// What is to be done about the settings of an interface.
    pub(super) fn plan_settings(&self, name: &Name, out: &mut Vec<Change>) {
        let unchecked = !self.wanted.bases.is_empty();
        if unchecked != self.settings.unchecked {
            out.push(Change::CheckReversePaths(!unchecked));
        }
        let Some(link) = self.link_named(name) else { return };
        let wanted = self.wanted_settings(name);
        let saved = self.settings.saved.get(&link.index);
        let mut values: BTreeMap<Setting, u32> = saved.into_iter().flatten().map(|(s, v)| (*s, *v)).collect();
        values.retain(|setting, _| !wanted.contains_key(setting));
        // What is as it is wanted from the beginning is not put back either.
        let missing = wanted.into_iter().filter(|(setting, value)| link.v4.get(*setting) != *value);
        values.extend(missing.filter(|(setting, _)| !saved.is_some_and(|saved| saved.contains_key(setting))));
        if !values.is_empty() {
            let values: Vec<(Setting, u32)> = values.into_iter().collect();
            out.push(Change::Set { interface: link.index, name: name.clone(), settings: values.into() });
        }
    }

    /// Takes in what became of it.
    pub(super) fn settings_changed(&mut self, change: &Change, refusal: Option<&Refusal>) {
        match change {
            // Refused or not: it is said where it happens, and not tried again.
            Change::CheckReversePaths(check) => self.settings.unchecked = !check,
            Change::Set { interface, name, settings } if refusal.is_none() => {
                let wanted = self.wanted_settings(name);
                let Some(known) = self.links.get_mut(*interface) else { return };
                let saved = self.settings.saved.entry(*interface).or_default();
                for &(setting, value) in settings.iter() {
                    let before = known.link.v4.get(setting);
                    known.link.v4.set(setting, value);
                    match wanted.contains_key(&setting) {
                        true => drop(saved.entry(setting).or_insert(before)),
                        false => drop(saved.remove(&setting)),
                    }
                }
                if saved.is_empty() {
                    self.settings.saved.remove(interface);
                }
            }
            _ => {}
        }
    }
}
