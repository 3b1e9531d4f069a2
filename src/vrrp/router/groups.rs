//! Sync groups: instances that change state together.
//!
//! A group is BACKUP, MASTER or FAULT, and so are all its members:
//!
//! - **FAULT** while one of them can't run. The others are held in it ([`Fault::Group`]), whatever they are themselves.
//! - **MASTER** only if every member is [willing](super::super::instance::Stance): its own master has been silent for too
//!   long, and nobody else has spoken since.
//! - **BACKUP** otherwise; one member that yields takes all with it.
//!
//! Who sets off a change acts first, then the others in the order of the list, and the group's own change is told last.
//! What a step costs follows from the members that change, not from how many groups there are; sets say who is at fault, who
//! is willing, so that a member's step costs nothing where the group's state stays. What a member does in a state stands
//! in [`super::super::instance`].

use super::{Router, ShownGroup};
use crate::time::Instant;
use crate::vrrp::config::Notify;
use crate::vrrp::event::{Action, Actions, Fault, Name, Report, StateKind};
use crate::vrrp::instance::Stance;
use crate::vrrp::kernel::Id;
use crate::vrrp::notice::{News, Notice, State, Subject};
use crate::vrrp::packet::PRIORITY_OWNER;
use crate::vrrp::rare::Rare;
use crate::vrrp::shared::Shared;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// A group's other members announce their addresses no more often than this, however many adverts ask for it.
const ANNOUNCED: Duration = Duration::from_secs(1);

/// A group's number: its name may be in use by another one after a reload.
pub(super) type GroupId = u32;

/// All groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    /// In the order in which they became known.
    all: BTreeMap<GroupId, Group>,
    next_id: GroupId,
    of: HashMap<Id, GroupId>,
    /// Groups that a reload or the end took away, and their last states: told of behind everything else.
    gone: Vec<Gone>,
}

/// A group that is no more.
#[derive(Clone, Debug)]
struct Gone {
    name: Name,
    told: StateKind,
    members: Shared<[Name]>,
    notify: Rare<Notify>,
}

#[derive(Clone, Debug, PartialEq)]
struct Group {
    name: Name,
    /// Who is told of it.
    notify: Rare<Notify>,
    /// In the order of the list.
    members: Shared<[Id]>,
    state: StateKind,
    /// The state that was told last.
    told: StateKind,
    /// Members that are to be added yet, or of which it is not known yet whether they can run.
    awaited: BTreeSet<Id>,
    /// Members of which files or processes are being read: a moment that the others wait for, so that nobody fails with a
    /// priority that is wrong.
    reading: BTreeSet<Id>,
    /// Members that can't run, for a reason of their own.
    faulty: BTreeSet<Id>,
    willing: BTreeSet<Id>,
    /// When the members were last made to announce their addresses because one of them had heard another master.
    announced_at: Option<Instant>,
}

/// A group of a configuration.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: Name,
    pub(super) members: Vec<Id>,
    pub(super) notify: Rare<Notify>,
}

/// What a member's group says to its coming up.
#[derive(Debug)]
pub(super) enum Leave {
    /// It follows from its own faults alone.
    Granted,
    /// Not yet.
    Later,
    /// It can't run, for this reason.
    Held(Fault),
}

impl Groups {
    /// The name of the group that an instance is in.
    pub(super) fn name_of(&self, id: Id) -> Option<&Name> {
        self.of(id).map(|group| &group.name)
    }

    pub(super) fn is_member(&self, id: Id) -> bool {
        self.of.contains_key(&id)
    }

    fn of(&self, id: Id) -> Option<&Group> {
        self.all.get(self.of.get(&id)?)
    }

    fn of_mut(&mut self, id: Id) -> Option<&mut Group> {
        self.all.get_mut(self.of.get(&id)?)
    }

    /// The group that a member is in is the master: whoever joins it becomes one.
    pub(super) fn is_master(&self, id: Id) -> bool {
        self.of(id).is_some_and(|group| group.state == StateKind::Master)
    }

    /// The group that a member is in runs: whoever joins it waits for nothing that is only tracked.
    pub(super) fn runs(&self, id: Id) -> bool {
        self.of(id).is_some_and(|group| matches!(group.state, StateKind::Backup | StateKind::Master))
    }

    /// Whether a member may leave INIT or FAULT, by what is known of the others.
    pub(super) fn ask(&mut self, id: Id, faulty: bool, awaited: bool, reads: bool) -> Leave {
        let Some(group) = self.of_mut(id) else {
            return if awaited { Leave::Later } else { Leave::Granted };
        };
        let faulty = faulty && !awaited;
        put(&mut group.faulty, id, faulty);
        put(&mut group.awaited, id, awaited);
        put(&mut group.reading, id, reads);
        let others_are_faulty = group.faulty.len() > usize::from(faulty);
        if group.state == StateKind::Init && (!group.reading.is_empty() || others_are_faulty) {
            // They follow the group, in the order of its list.
            return Leave::Later;
        }
        if others_are_faulty {
            return Leave::Held(Fault::Group(group.name.clone()));
        }
        match group.state {
            _ if faulty => Leave::Granted,
            StateKind::Init => Leave::Later,
            StateKind::Fault if !group.awaited.is_empty() => Leave::Held(Fault::Group(group.name.clone())),
            _ if awaited => Leave::Later,
            StateKind::Fault | StateKind::Backup | StateKind::Master => Leave::Granted,
        }
    }
}

impl Group {
    /// The state that follows from its members. `all_own`: they are all owners of their addresses.
    fn due(&self, all_own: impl FnOnce() -> bool) -> StateKind {
        match self.state {
            StateKind::Init if !self.reading.is_empty() => self.state,
            _ if !self.faulty.is_empty() => StateKind::Fault,
            StateKind::Init | StateKind::Fault if !self.awaited.is_empty() => self.state,
            StateKind::Init | StateKind::Fault => {
                if all_own() {
                    StateKind::Master
                } else {
                    StateKind::Backup
                }
            }
            StateKind::Backup if self.willing.len() == self.members.len() => StateKind::Master,
            StateKind::Backup | StateKind::Master => self.state,
        }
    }
}

fn put(set: &mut BTreeSet<Id>, id: Id, is_in: bool) {
    if is_in {
        set.insert(id);
    } else if !set.is_empty() {
        set.remove(&id);
    }
}

impl Router {
    /// The groups of the configuration that begins to be carried out. Instances that it takes away are in none any more,
    /// those that it brings are awaited. Gives the groups, which have to be [settled](Router::settle_group).
    pub(super) fn regroup(&mut self, wanted: Vec<Wanted>) -> Vec<GroupId> {
        let former = std::mem::take(&mut self.groups.all);
        self.groups.of.clear();
        let mut known: HashMap<Name, (GroupId, Group)> =
            former.into_iter().map(|(id, group)| (group.name.clone(), (id, group))).collect();
        for Wanted { name, members, notify } in wanted {
            let (gid, former) = match known.remove(&name) {
                Some((gid, group)) => (gid, Some(group)),
                None => {
                    self.groups.next_id += 1;
                    (self.groups.next_id, None)
                }
            };
            let gone = self.groups.gone.iter().position(|gone| gone.name == name);
            let gone = gone.map(|at| self.groups.gone.swap_remove(at).told);
            let mut group = Group {
                name,
                notify,
                members: members.into(),
                state: former.as_ref().map_or(StateKind::Init, |group| group.state),
                told: former.as_ref().map(|group| group.told).or(gone).unwrap_or(StateKind::Init),
                awaited: BTreeSet::new(),
                reading: BTreeSet::new(),
                faulty: BTreeSet::new(),
                willing: BTreeSet::new(),
                announced_at: former.and_then(|group| group.announced_at),
            };
            for id in group.members.iter() {
                self.groups.of.insert(*id, gid);
                let Some(slot) = self.instances.get_mut(id) else {
                    group.awaited.insert(*id);
                    continue;
                };
                slot.stance = slot.instance.stance();
                put(&mut group.awaited, *id, slot.awaited || slot.stance.state == StateKind::Init);
                put(&mut group.faulty, *id, slot.faulty);
                put(&mut group.willing, *id, slot.stance.willing);
            }
            self.groups.all.insert(gid, group);
        }
        let mut gone: Vec<(GroupId, Group)> = known.into_values().collect();
        gone.sort_by_key(|(gid, _)| *gid);
        for (_, Group { name, told, members, notify, .. }) in gone {
            let members = self.names(&members);
            self.groups.gone.push(Gone { name, told, members, notify });
        }
        for (id, slot) in &mut self.instances {
            slot.instance.join_group(self.groups.of.contains_key(id));
        }
        self.groups.all.keys().copied().collect()
    }

    /// Brings the members that are there already together: all are what the least of them is. One that is new follows
    /// them, whatever it would be alone.
    pub(super) fn settle_group(&mut self, now: Instant, gid: GroupId, out: &mut Actions) {
        let Some(group) = self.groups.all.get(&gid) else { return };
        let states = || group.members.iter().filter_map(|id| Some(self.instances.get(id)?.stance.state));
        let all = |state| states().all(|other| other == state || other == StateKind::Init);
        // Those that are not there yet are no hindrance.
        let is_in_fault =
            |id| self.instances.get(id).is_some_and(|slot| slot.stance.state == StateKind::Fault);
        let awaits = group.awaited.iter().any(is_in_fault);
        let state = if all(StateKind::Init) {
            StateKind::Init
        } else if !group.faulty.is_empty() || all(StateKind::Fault) || awaits {
            StateKind::Fault
        } else if all(StateKind::Master) {
            StateKind::Master
        } else {
            // Whoever was held in FAULT elsewhere and can run would be a backup, too.
            StateKind::Backup
        };
        self.enter(now, gid, None, state, out);
        self.follow(now, gid, None, out);
    }

    /// A member has acted: the others follow it where they have to.
    pub(super) fn synchronise(&mut self, now: Instant, id: Id, out: &mut Actions) {
        let Some(slot) = self.instances.get_mut(&id).filter(|slot| slot.instance.is_in_group()) else {
            return;
        };
        let stance = slot.instance.stance();
        if slot.stance == stance {
            return;
        }
        self.note_stance(id, stance);
        let Some(&gid) = self.groups.of.get(&id) else { return };
        if stance.state == StateKind::Backup && self.groups.is_master(id) {
            self.enter(now, gid, Some(id), StateKind::Backup, out);
        }
        self.follow(now, gid, Some(id), out);
    }

    /// What is known of a member's ground has changed.
    pub(super) fn synchronise_ground(&mut self, now: Instant, id: Id, out: &mut Actions) {
        if let Some(&gid) = self.groups.of.get(&id) {
            self.synchronise(now, id, out);
            self.follow(now, gid, Some(id), out);
        }
    }

    /// The group goes where its members are due. Those that follow may find that they can't run themselves.
    fn follow(&mut self, now: Instant, gid: GroupId, by: Option<Id>, out: &mut Actions) {
        loop {
            let Some(group) = self.groups.all.get(&gid) else { return };
            let due = group.due(|| self.all_own(group));
            let from = group.state;
            if due == from {
                return;
            }
            if due == StateKind::Master && from == StateKind::Backup && !self.are_sure(now, gid, out) {
                continue;
            }
            // At start nobody sets it off.
            let by = by.filter(|_| from != StateKind::Init);
            self.enter(now, gid, by, due, out);
        }
    }

    /// Before a group takes over, its members do what is due: after a pause, one that was willing before it may have to
    /// listen once more. False if that has changed anything.
    fn are_sure(&mut self, now: Instant, gid: GroupId, out: &mut Actions) -> bool {
        let Some(members) = self.groups.all.get(&gid).map(|group| group.members.clone()) else { return true };
        let awake_since = self.awake_since;
        let mut are_sure = true;
        for &id in members.iter() {
            let Some(slot) = self.instances.get_mut(&id) else { continue };
            if slot.instance.next_timeout().is_some_and(|at| at <= now) {
                slot.instance.handle_timeout(now, awake_since, out);
                let stance = slot.instance.stance();
                if stance != slot.stance {
                    are_sure = false;
                    self.note_stance(id, stance);
                }
                self.reschedule(id);
            }
        }
        are_sure
    }

    fn all_own(&self, group: &Group) -> bool {
        let owns = |id| {
            self.instances.get(id).is_some_and(|slot| slot.instance.priority().effective() == PRIORITY_OWNER)
        };
        group.members.iter().all(owns)
    }

    /// Whether an instance that comes up does so as the master.
    pub(super) fn leads(&self, id: Id) -> bool {
        let Some(slot) = self.instances.get(&id) else { return false };
        match self.groups.of(id) {
            None => slot.instance.priority().effective() == PRIORITY_OWNER,
            Some(group) => match group.state {
                StateKind::Master => true,
                StateKind::Backup => false,
                StateKind::Init | StateKind::Fault => self.all_own(group),
            },
        }
    }

    fn enter(&mut self, now: Instant, gid: GroupId, by: Option<Id>, to: StateKind, out: &mut Actions) {
        let Some(group) = self.groups.all.get_mut(&gid) else { return };
        let from = std::mem::replace(&mut group.state, to);
        let told = if to == StateKind::Init { to } else { std::mem::replace(&mut group.told, to) };
        let (group, members, notify) = (group.name.clone(), group.members.clone(), group.notify.clone());
        let entered = Report::GroupEntered { group: group.clone(), from: told, to };
        let news = (told != to).then_some(Action::Report { instance: None, report: entered });
        let notice = to.told().filter(|_| told != to).map(|state| {
            let members = self.names(&members);
            Action::Notify(notice(&group, News::Entered(state), members, notify))
        });
        let news: Vec<Action> = news.into_iter().chain(notice).collect();
        let first = from == StateKind::Init && to == StateKind::Backup;
        if first {
            out.extend(news.clone());
        }
        if let Some(id) = by {
            self.bring(now, id, to, out);
        }
        if from != to && from != StateKind::Init {
            out.push(Action::Report { instance: None, report: Report::GroupSyncing { group, to } });
        }
        for id in members.iter().filter(|id| Some(**id) != by) {
            self.bring(now, *id, to, out);
        }
        if !first {
            out.extend(news);
        }
    }

    /// Makes a member what its group is.
    fn bring(&mut self, now: Instant, id: Id, to: StateKind, out: &mut Actions) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        match (slot.instance.state(), to) {
            (StateKind::Master, StateKind::Backup) => slot.instance.yield_with_group(now, out),
            (StateKind::Backup, StateKind::Master) => slot.instance.lead_with_group(now, out),
            (StateKind::Fault, StateKind::Fault) | (_, StateKind::Init) => {}
            (StateKind::Init | StateKind::Fault, _) | (_, StateKind::Fault) => self.set_ground(now, id, out),
            (StateKind::Backup, StateKind::Backup) | (StateKind::Master, StateKind::Master) => {}
        }
        self.reschedule(id);
        let Some(slot) = self.instances.get(&id) else { return };
        let stance = slot.instance.stance();
        if stance != slot.stance {
            self.note_stance(id, stance);
        }
    }

    fn note_stance(&mut self, id: Id, stance: Stance) {
        if let Some(slot) = self.instances.get_mut(&id) {
            slot.stance = stance;
        }
        if let Some(group) = self.groups.of_mut(id) {
            put(&mut group.willing, id, stance.willing);
        }
    }

    /// A member has heard a master of a lower priority: after a split, the other members' peers may have fallen silent
    /// before anybody heard them, and their neighbours still believe them.
    pub(super) fn announce_group(&mut self, now: Instant, id: Id, out: &mut Actions) {
        let Some(group) = self.groups.of_mut(id) else { return };
        if group.announced_at.is_some_and(|at| now < at + ANNOUNCED) {
            return;
        }
        group.announced_at = Some(now);
        for other in group.members.clone().iter().filter(|other| **other != id) {
            if let Some(slot) = self.instances.get_mut(other) {
                slot.instance.announce_answer(now, out);
                self.reschedule(*other);
            }
        }
    }

    /// Groups that are no more are told of, behind the last instance.
    pub(super) fn tell_gone_groups(&mut self, out: &mut Actions) {
        for Gone { name, told, members, notify } in self.groups.gone.drain(..) {
            if told == StateKind::Init {
                continue;
            }
            let report = Report::GroupEntered { group: name.clone(), from: told, to: StateKind::Init };
            out.push(Action::Report { instance: None, report });
            out.push(Action::Notify(notice(&name, News::Entered(State::Stop), members, notify)));
        }
    }

    /// What is told of a group where its state is to be said once more.
    pub(super) fn still_group(&self, gid: GroupId) -> Option<Notice> {
        let group = self.groups.all.get(&gid)?;
        let news = News::Still(group.told.told()?);
        Some(notice(&group.name, news, self.names(&group.members), group.notify.clone()))
    }

    /// The state that was last told of a group.
    pub(super) fn told_of_group(&self, gid: GroupId) -> Option<StateKind> {
        self.groups.all.get(&gid).map(|group| group.told)
    }

    /// What is told of all groups at the end of the daemon.
    pub(super) fn group_farewells(&self) -> impl Iterator<Item = Notice> {
        let farewell = |group: &Group| {
            notice(&group.name, News::Entered(State::Stop), self.names(&group.members), group.notify.clone())
        };
        self.groups.all.values().map(farewell)
    }

    fn names(&self, members: &[Id]) -> Shared<[Name]> {
        members
            .iter()
            .filter_map(|id| self.instances.get(id))
            .map(|slot| slot.instance.name().clone())
            .collect()
    }

    /// The sync groups, as others are shown them.
    pub(super) fn show_groups(&self) -> Vec<ShownGroup> {
        let shown = self.groups.all.values().map(|group| ShownGroup {
            name: group.name.clone(),
            state: group.state,
            members: self.names(&group.members).iter().cloned().collect(),
            faulty: group.faulty.len(),
            awaited: group.awaited.len(),
        });
        shown.collect()
    }

    /// The sync groups: names and states, in the order in which they became known.
    pub fn groups(&self) -> impl Iterator<Item = (&Name, StateKind)> {
        self.groups.all.values().map(|group| (&group.name, group.state))
    }
}

fn notice(group: &Name, news: News, members: Shared<[Name]>, to: Rare<Notify>) -> Notice {
    Notice { subject: Subject::Group { members }, name: group.clone(), news, priority: 0, to }
}
