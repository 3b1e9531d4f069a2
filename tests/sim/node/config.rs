//! A node's configuration file, and how a person edits it.

use super::setting::instance;
use super::{Control, Node};
use crate::options::Options;
use crate::seal::{self, Sealing};
use crate::tracked::{self, Tracking};
use std::collections::BTreeSet;
use std::time::Duration;
use vipd::time::Instant;
use vipd::vrrp::config::{Config, Instance, Link, Settings, SyncGroup, Version, Vmac};
use vipd::vrrp::rare::Rare;

/// A virtual router in this node's configuration.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) instance: Instance,
    pub(super) link: usize,
    pub(super) present: bool,
    /// Its sync group.
    pub(super) group: Option<usize>,
    pub(super) tracking: Tracking,
}

/// What a reload changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edit {
    Priority(u8),
    /// So many of the addresses in adverts, and all of the others or none.
    Addresses(usize, bool),
    Interval(Duration),
    Rename,
    Remove,
    Add,
    /// The only one of its link: where it was not there, it takes the place of those that were.
    Alone,
    /// Its sync group: another, or none.
    Group(Option<usize>),
    /// `use_vmac`, or not any more.
    Vmac,
}

impl Node {
    pub(super) fn config(&self) -> Config {
        let present = self.settings.iter().filter(|s| s.present);
        let all = || self.settings.iter().enumerate();
        let serving = self.settings.iter().take(usize::from(self.serving));
        Config {
            instances: present.map(|s| s.instance.clone()).collect(),
            sync_groups: self.sync_groups(),
            scripts: all().filter_map(|(at, s)| Some(tracked::script(at, s.tracking.script?))).collect(),
            track_files: all().filter(|(_, s)| s.tracking.file).map(|(at, _)| tracked::file(at)).collect(),
            settings: Settings { startup_delay: self.startup_delay, ..Settings::default() },
            serving: serving.flat_map(|s| &s.instance.addresses).map(|a| a.net.address).collect(),
            ..Config::default()
        }
    }

    pub(crate) fn sync_groups(&self) -> Vec<SyncGroup> {
        let groups: BTreeSet<usize> = self.settings.iter().filter_map(|s| s.group).collect();
        let members = |group| {
            let present = self.settings.iter().filter(move |s| s.present && s.group == Some(group));
            present.map(|s| s.instance.name.to_string()).collect::<Vec<_>>()
        };
        let group = |group| SyncGroup {
            name: format!("G{group}"),
            instances: members(group),
            tracking: Default::default(),
            tracking_weight: false,
            notify: Rare::default(),
        };
        groups.into_iter().map(group).filter(|group| !group.instances.is_empty()).collect()
    }

    pub(crate) fn edit(&mut self, now: Instant, router: usize, edit: Edit, options: &Options) {
        let setting = &mut self.settings[router];
        let whole = instance(options, router, setting.instance.priority);
        match edit {
            Edit::Priority(priority) => {
                let group = options.group_of(router);
                for (at, setting) in self.settings.iter_mut().enumerate() {
                    let is_meant = at == router || group.is_some() && options.group_of(at) == group;
                    if is_meant && setting.instance.priority != 255 {
                        setting.instance.priority = priority;
                    }
                }
            }
            Edit::Addresses(count, excluded) => {
                setting.instance.addresses = whole.addresses;
                setting.instance.addresses.truncate(count.max(1));
                setting.instance.excluded = if excluded { whole.excluded } else { vec![].into() };
            }
            Edit::Interval(interval) if setting.instance.version == Version::V3 => {
                setting.instance.advert_int = interval;
            }
            Edit::Interval(_) => {}
            Edit::Rename => setting.instance.name = format!("{}_b", setting.instance.name).into(),
            Edit::Remove => setting.present = false,
            Edit::Add => setting.present = true,
            Edit::Alone => {
                let link = options.routers[router].link;
                for (at, setting) in self.settings.iter_mut().enumerate() {
                    setting.present = at == router || setting.present && options.routers[at].link != link;
                }
            }
            Edit::Group(group) => setting.group = group,
            Edit::Vmac => {
                let vmac = setting.instance.link.vmac.is_none().then(Vmac::default);
                setting.instance.link = Link { vmac, ..Link::default() }.into();
            }
        }
        self.say(now, Control::Config);
    }

    /// All that nodes must agree on is as it was in the beginning.
    pub(crate) fn whole(&mut self, now: Instant, options: &Options) {
        for router in 0..self.settings.len() {
            let whole = instance(options, router, 1);
            let setting = &mut self.settings[router];
            (setting.instance.addresses, setting.instance.excluded) = (whole.addresses, whole.excluded);
            setting.instance.link = whole.link;
            setting.present = true;
            setting.group = options.group_of(router);
            (setting.instance.auth, setting.instance.hmac) = (whole.auth, whole.hmac);
        }
        self.say(now, Control::Config);
    }

    /// Its key is another one, or the one of all again.
    pub(crate) fn set_key(&mut self, now: Instant, router: usize, sealing: Sealing, foreign: bool) {
        seal::seal(&mut self.settings[router].instance, sealing, foreign);
        self.say(now, Control::Config);
    }
}
