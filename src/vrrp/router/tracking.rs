//! What instances track: who follows which object, how the objects stand, and what that means to the instances.
//!
//! The arithmetic is [`crate::vrrp::track`]'s. Here an object's news find the instances that follow it, which then look at
//! their ground anew: priority first, then faults.

use super::{Router, ShownRest, Slot};
use crate::run::{RunId, RunOutcome};
use crate::time::Instant;
use crate::vrrp::config;
use crate::vrrp::config::interface::LinkDelay;
use crate::vrrp::config::{Script, TrackFile, Weight};
use crate::vrrp::event::{Action, Actions, Fault, Link, Name, Report, StateKind};
use crate::vrrp::kernel::Id;
use crate::vrrp::shared::Shared;
use crate::vrrp::track::interface::{self, Gate};
use crate::vrrp::track::process::Processes;
use crate::vrrp::track::script::Scripts;
use crate::vrrp::track::{Effect, Kind, Object, Standing, Track, Watched};
use std::collections::{BTreeSet, HashMap, HashSet};

/// All that is tracked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tracking {
    /// Who follows an object.
    followers: HashMap<Object, BTreeSet<Id>>,
    pub(super) gate: Gate,
    scripts: Scripts,
    files: HashMap<Name, Option<i64>>,
    processes: Processes,
    bfds: HashMap<Name, bool>,
    /// Of virtual servers, whether they have their quorum.
    quorums: HashMap<Name, bool>,
    /// What was asked to be looked at.
    watched: Watched,
}

/// What an instance follows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Followed {
    track: Track,
    /// It was there once, as far as this process knows. An interface that never was keeps nobody from running, unless
    /// `dynamic_interfaces` promises that it comes.
    seen: bool,
}

impl Tracking {
    /// When [`Router::fire_tracking`] has something to do.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let of = [self.gate.next_timeout(), self.scripts.next_timeout(), self.processes.next_timeout()];
        of.into_iter().flatten().min()
    }

    /// Adds scripts, processes, and the numbers in files to what others are shown.
    pub(super) fn show(&self, rest: &mut ShownRest) {
        rest.files = self.files.iter().map(|(name, number)| (name.clone(), *number)).collect();
        rest.files.sort();
        (rest.scripts, rest.processes) = (self.scripts.show(), self.processes.show());
    }

    /// How an object stands that is no interface.
    fn standing(&self, object: &Object) -> Standing {
        match object.kind {
            Kind::Script => self.scripts.standing(&object.name),
            Kind::File => self.files.get(&object.name).copied().flatten().into(),
            Kind::Process => self.processes.standing(&object.name),
            Kind::Bfd => self.bfds.get(&object.name).copied().into(),
            Kind::VirtualServer => self.quorums.get(&object.name).copied().into(),
            Kind::Interface => Standing::Unknown,
        }
    }
}

/// What keeps an instance from running of what it tracks.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    pub(super) faults: BTreeSet<Fault>,
    /// Files that do: what their numbers come to.
    statuses: Vec<(Object, i64)>,
}

impl Weighed {
    /// More of a fault, in words.
    pub(super) fn detail(&self, object: &Object) -> Option<Shared<str>> {
        let status = self.statuses.iter().find(|(known, _)| known == object);
        status.map(|(_, status)| status.to_string().into())
    }
}

/// What a configuration says of objects that can be tracked, of those that are.
#[derive(Clone, Debug, Default)]
pub(super) struct Objects {
    link_delays: Vec<LinkDelay>,
    scripts: Vec<Script>,
    watched: Watched,
}

impl Objects {
    pub(super) fn of(config: &mut config::Config, tracks: &HashMap<String, Vec<Track>>) -> Objects {
        let tracked: HashSet<&Object> = tracks.values().flatten().map(|track| &track.object).collect();
        let is_tracked = |kind, name: &str| tracked.contains(&Object::new(kind, name));
        let mut objects = Objects {
            link_delays: interface::delays(config),
            scripts: std::mem::take(&mut config.scripts),
            watched: Watched {
                files: std::mem::take(&mut config.track_files),
                processes: std::mem::take(&mut config.track_processes),
                linkbeat: std::mem::take(&mut config.linkbeat),
            },
        };
        objects.scripts.retain(|script| is_tracked(Kind::Script, &script.name));
        objects.watched.files.retain(|file| is_tracked(Kind::File, &file.name));
        objects.watched.processes.retain(|process| is_tracked(Kind::Process, &process.name));
        objects
    }
}

impl Router {
    /// From now on these objects are there to be tracked.
    pub(super) fn configure_objects(&mut self, now: Instant, objects: Objects, out: &mut Actions) {
        let Objects { link_delays, scripts, watched } = objects;
        let tracking = &mut self.tracking;
        tracking.gate.configure(now, &link_delays, &watched.linkbeat);
        // A VMAC follows what it lies on, which must be known by then.
        let is_ours = |link: &&Link| link.make.ours;
        let others = self.kernel.links().filter(|link| !is_ours(link));
        for link in others.chain(self.kernel.links().filter(is_ours)) {
            tracking.gate.adopt(link);
        }
        tracking.scripts.configure(now, scripts, out);
        // The same file holds the same number.
        let same = |file: &&TrackFile| {
            tracking.watched.files.iter().any(|known| (&known.name, &known.path) == (&file.name, &file.path))
        };
        let files = watched.files.iter().map(|file| {
            let known = Some(file).filter(same).and_then(|file| tracking.files.get(file.name.as_str()));
            (Name::from(file.name.as_str()), known.copied().flatten())
        });
        tracking.files = files.collect();
        tracking.processes.configure(watched.processes.clone());
        for (process, gained) in tracking.processes.reconfigured(now) {
            self.quorum_changed(now, process, gained, out);
        }
        if self.tracking.watched != watched {
            self.tracking.watched = watched.clone();
            out.push(Action::Watch(Box::new(watched)));
        }
    }

    /// From now on the instance follows these.
    pub(super) fn track(&mut self, id: Id, tracks: Vec<Track>) {
        let Some(slot) = self.instances.get_mut(&id) else { return };
        if slot.follows.iter().map(|followed| &followed.track).eq(&tracks) {
            return;
        }
        let before = std::mem::take(&mut slot.follows);
        for followed in &before {
            let object = &followed.track.object;
            if let Some(ids) = self.tracking.followers.get_mut(object) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.tracking.followers.remove(object);
                }
            }
        }
        for track in &tracks {
            self.tracking.followers.entry(track.object.clone()).or_default().insert(id);
        }
        let seen = |track: &Track| {
            before.iter().any(|followed| followed.seen && followed.track.object == track.object)
        };
        slot.follows = tracks.into_iter().map(|track| Followed { seen: seen(&track), track }).collect();
    }

    /// Those that speak on an interface, have addresses there, or track it.
    pub(super) fn concerned_by(&self, interface: &Name) -> BTreeSet<Id> {
        let object = Object { kind: Kind::Interface, name: interface.clone() };
        let followers = self.tracking.followers.get(&object);
        self.by_interface.get(interface).into_iter().chain(followers).flatten().copied().collect()
    }

    /// An object stands otherwise.
    fn object_changed(&mut self, now: Instant, object: &Object, out: &mut Actions) {
        let ids: Vec<Id> = self.tracking.followers.get(object).into_iter().flatten().copied().collect();
        for id in ids {
            self.find_ground(now, id, out);
        }
    }

    pub(super) fn bfd_changed(&mut self, now: Instant, name: Name, up: bool, out: &mut Actions) {
        if self.tracking.bfds.insert(name.clone(), up) != Some(up) {
            self.object_changed(now, &Object { kind: Kind::Bfd, name }, out);
        }
    }

    /// Which virtual servers have their quorum, of all that are tracked.
    pub(super) fn quorums_told(&mut self, now: Instant, quorums: HashMap<Name, bool>, out: &mut Actions) {
        let before = std::mem::replace(&mut self.tracking.quorums, quorums);
        let names: BTreeSet<Name> = before.keys().chain(self.tracking.quorums.keys()).cloned().collect();
        for name in names {
            if before.get(&name) != self.tracking.quorums.get(&name) {
                self.object_changed(now, &Object { kind: Kind::VirtualServer, name }, out);
            }
        }
    }

    /// The driver's word on a link.
    pub(super) fn linkbeat(&mut self, now: Instant, interface: &str, up: bool, out: &mut Actions) {
        if let Some(link) = self.tracking.gate.polled(now, interface, up) {
            self.take_link(now, link, out);
        }
    }

    pub(super) fn run_ended(&mut self, now: Instant, id: RunId, outcome: RunOutcome, out: &mut Actions) {
        if let Some(name) = self.tracking.scripts.ended(id, outcome, out) {
            self.object_changed(now, &Object { kind: Kind::Script, name }, out);
        }
    }

    pub(super) fn file_read(&mut self, now: Instant, name: Name, number: i64, out: &mut Actions) {
        // One that is followed no more may have been read a moment ago.
        let Some(known) = self.tracking.files.get_mut(&name) else { return };
        if known.replace(number) != Some(number) {
            self.object_changed(now, &Object { kind: Kind::File, name }, out);
        }
    }

    pub(super) fn processes_counted(&mut self, now: Instant, name: Name, count: u32, out: &mut Actions) {
        let at_start = self.tracking.processes.standing(&name) == Standing::Unknown;
        match self.tracking.processes.counted(now, &name, count) {
            // Nobody had it before, and nobody lost it.
            Some(_) if at_start => self.object_changed(now, &Object { kind: Kind::Process, name }, out),
            Some(gained) => self.quorum_changed(now, name, gained, out),
            None => {}
        }
    }

    fn quorum_changed(&mut self, now: Instant, process: Name, gained: bool, out: &mut Actions) {
        let report = Report::Quorum { process: process.clone(), gained };
        out.push(Action::Report { instance: None, report });
        self.object_changed(now, &Object { kind: Kind::Process, name: process }, out);
    }

    /// Does one thing that is due at `now`: a link or a quorum that has lasted, a script that is to run.
    pub(super) fn fire_tracking(&mut self, now: Instant, out: &mut Actions) -> bool {
        if self.tracking.next_timeout().is_none_or(|at| at > now) {
            return false;
        }
        if let Some(link) = self.tracking.gate.handle_timeout(now) {
            self.take_link(now, link, out);
        } else if let Some((process, gained)) = self.tracking.processes.handle_timeout(now) {
            self.quorum_changed(now, process, gained, out);
        } else {
            return self.tracking.scripts.fire(now, out);
        }
        true
    }

    /// Whether an interface that is missing is a fault though this process never saw it: the one that died may have.
    pub(super) const fn expects_interfaces(&self) -> bool {
        self.awaits_interfaces || self.respawned
    }

    /// Brings an instance's priority up to date, and gives the faults that follow from what it tracks. What is awaited
    /// keeps nobody from going on.
    pub(super) fn weigh(&mut self, id: Id, out: &mut Actions) -> Weighed {
        let Weighed { mut faults, mut statuses } = Weighed::default();
        let expects = self.expects_interfaces();
        let Some(slot) = self.instances.get_mut(&id) else { return Weighed::default() };
        if slot.follows.is_empty() && slot.instance.priority().causes().next().is_none() {
            return Weighed::default();
        }
        let Slot { instance, follows, tracked, .. } = &mut **slot;
        let runs = matches!(instance.state(), StateKind::Backup | StateKind::Master);
        let mut weights = Vec::with_capacity(follows.len());
        for Followed { track, seen } in follows {
            let object = &track.object;
            let link = self.kernel.link_named(&object.name).filter(|_| object.kind == Kind::Interface);
            let standing = match object.kind {
                Kind::Interface => {
                    *seen |= expects || link.is_some();
                    if *seen {
                        link.is_some_and(|link| self.kernel.is_link_up(link)).into()
                    } else {
                        Standing::Unknown
                    }
                }
                Kind::Script | Kind::File | Kind::Process | Kind::Bfd | Kind::VirtualServer => {
                    self.tracking.standing(object)
                }
            };
            // An interface that the instance can't be master without has no weight (keepalived's `add_vrrp_to_interface`).
            let is_needed =
                object.kind == Kind::Interface && tracked.iter().any(|(name, _)| *name == object.name);
            let weight = if is_needed { Weight::default() } else { track.weight };
            match Effect::of(object.kind, standing, weight) {
                Effect::Weight(weight) => weights.push((&track.object, weight)),
                Effect::Wait if runs => {}
                Effect::Wait => drop(faults.insert(Fault::Awaited(object.clone()))),
                Effect::Fault => {
                    let name = || object.name.clone();
                    if let Standing::Number(number) = standing {
                        statuses.push((object.clone(), weight.of(number)));
                        // What it changed before stays until it is no fault any more.
                        weights.extend(instance.priority().tracked(object).map(|old| (&track.object, old)));
                    }
                    faults.insert(match (object.kind, standing, link) {
                        (Kind::Interface, Standing::Down, None) => Fault::NoInterface(name()),
                        (Kind::Interface, Standing::Down, Some(_)) => Fault::InterfaceDown(name()),
                        _ => Fault::Tracked(object.clone()),
                    });
                }
            }
        }
        // What is read at once is told at once.
        if instance.state() != StateKind::Init || !faults.iter().any(Fault::is_reading) {
            instance.set_weights(weights.into_iter(), out);
        }
        Weighed { faults, statuses }
    }
}
