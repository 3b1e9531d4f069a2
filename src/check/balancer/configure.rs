//! Start and reload: from the balancer as it is to the balancer that a configuration asks for.
//!
//! First every check of the configuration is placed: which of them are the same, which are already here, what a new
//! one may assume. Then slots are kept, dropped and filled, and at last the virtual servers follow one another by
//! their identity.

use super::{Balancer, Slot, Subscribers};
use crate::check::adopt::{Found, leaves_at_once};
use crate::check::checker::{Checker, Status};
use crate::check::config::{self, Config, Connect, Probe, RealServer};
use crate::check::event::{Action, ProbeId};
use crate::check::probe::Weight;
use crate::check::target::{Check, CheckId, Shared};
use crate::check::virtual_server::{AtStart, Server, Start, VirtualServer};
use crate::ipvs::model::Protocol;
use crate::net::Family;
use crate::time::Instant;
use std::cell::LazyCell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::mem;
use std::net::SocketAddr;

/// A check of the configuration, and the real server that it is for: place of the virtual server, place in it.
struct Asked {
    check: Check,
    of: (u32, u32),
}

/// The checks of a configuration, and what becomes of each.
struct Placement {
    wanted: Vec<Wanted>,
    /// For every check in the order of the configuration, its place in `wanted`.
    order: Vec<u32>,
}

/// One check that is wanted, by one server or many.
struct Wanted {
    origin: Origin,
    /// The real servers that it stands for.
    subscribers: Subscribers,
    /// What is known of the servers of a new one, where anything is; in doubt, that they are up.
    presumed: Option<Status>,
    /// Others have heard of it.
    was_told: bool,
    /// What it is taken to say of its server's weight.
    weight: Weight,
}

enum Origin {
    /// It is in this slot already, and stays as it is.
    Kept(u32),
    /// The same target was checked on another schedule.
    Follows(Box<Checker>),
    /// Nothing is known of its target.
    New(Check),
}

/// What a check says of the servers that it stands for; without a check, that they are up.
#[derive(Clone, Copy)]
struct Verdict {
    is_up: bool,
    has_run: bool,
    weight: Weight,
}

impl Verdict {
    fn of(checker: &Checker) -> Verdict {
        let is_up = checker.status() == Status::Up;
        Verdict { is_up, has_run: checker.has_run(), weight: checker.weight() }
    }
}

impl Default for Verdict {
    fn default() -> Verdict {
        Verdict { is_up: true, has_run: false, weight: Weight::Configured }
    }
}

impl Balancer {
    /// Makes `config` what is wanted, from the start or on a reload. `found` is the table of the kernel when the
    /// worker starts, and empty later. Checks that can't be run yet are left out. Afterwards any service may be
    /// another one, or gone: no [`Action::ServiceChanged`] is given, compare [`Balancer::desired`] instead.
    pub fn configure(&mut self, now: Instant, mut config: Config, found: &Found, actions: &mut Vec<Action>) {
        let asked = self.take_checks(&mut config);
        let predecessors = self.predecessors(&config);
        let placement = self.place(now, &config, &asked, &predecessors, found);
        self.drop_unwanted(&placement, actions);
        let (servers, new) = self.fill_slots(now, &config, &asked, placement);
        self.replace_virtual_servers(now, config, &predecessors, servers, found, actions);
        self.suspend(&new.iter().copied().collect(), actions);
        for index in new {
            self.tell_suspension(index as usize, true, actions);
        }
        self.index_services();
        let slots = self.slots.iter().zip(0u32..);
        self.deadlines =
            slots.filter_map(|(s, i)| Some(Reverse((s.as_ref()?.checker.next_timeout()?, i)))).collect();
        let services = self.virtual_servers.iter().zip(0u32..);
        self.terms = services.filter_map(|(vs, i)| Some(Reverse((vs.next_timeout()?, i)))).collect();
    }

    /// For every virtual server of `config`, the place of the one that it follows.
    fn predecessors(&self, config: &Config) -> Vec<Option<usize>> {
        let old = identities(self.virtual_servers.iter().map(VirtualServer::config)).enumerate();
        let old: HashMap<Identity<'_>, usize> = old.map(|(place, identity)| (identity, place)).collect();
        identities(config.virtual_servers.iter()).map(|identity| old.get(&identity).copied()).collect()
    }

    /// Takes the checks out of a configuration, with settings that are there once; those that can't be run are left out.
    fn take_checks(&self, config: &mut Config) -> Vec<Asked> {
        let mut shared = Shared::default();
        self.slots.iter().flatten().for_each(|slot| shared.keep(slot.checker.check()));
        let mut asked = Vec::with_capacity(config.checks().count());
        for (vs, vs_place) in config.virtual_servers.iter_mut().zip(0u32..) {
            for (rs, rs_place) in vs.real_servers.iter_mut().zip(0u32..) {
                for mut check in mem::take(&mut rs.checkers) {
                    if check.probe.is_carried_out() {
                        check.schedule.log_all_failures |= config.settings.log_all_failures;
                        asked.push(Asked { check: shared.share(check), of: (vs_place, rs_place) });
                    }
                }
            }
        }
        asked
    }

    fn place(
        &self,
        now: Instant,
        config: &Config,
        asked: &[Asked],
        predecessors: &[Option<usize>],
        found: &Found,
    ) -> Placement {
        let mut alike: HashMap<CheckId, u32> = HashMap::new();
        for (slot, index) in self.slots.iter().zip(0u32..) {
            if let Some(Slot { checker, .. }) = slot {
                alike.insert(checker.check().id(), index);
            }
        }
        // Mostly, no check is another one, and nobody asks for it.
        let same_target = LazyCell::new(|| {
            let checkers = self.slots.iter().flatten().map(|slot| &slot.checker);
            checkers.map(|c| (target(c.check()), c)).collect::<HashMap<_, _>>()
        });
        let mut places: HashMap<CheckId, u32> = HashMap::with_capacity(asked.len());
        let mut placement = Placement { wanted: Vec::new(), order: Vec::with_capacity(asked.len()) };
        let mut known = (u32::MAX, Known::Nothing);
        let weighed = asked.iter().filter(|asked| asked.check.settings.probe.weighs());
        let weighed: HashSet<(u32, u32)> = weighed.map(|asked| asked.of).collect();
        for Asked { check, of: (vs_place, rs_place) } in asked {
            let Some(vs) = config.virtual_servers.get(*vs_place as usize) else { continue };
            let place = *places.entry(check.id()).or_insert_with(|| {
                let origin = match alike.get(&check.id()) {
                    Some(&slot) => Origin::Kept(slot),
                    None => match same_target.get(&target(check)) {
                        Some(c) => Origin::Follows(Box::new(c.rescheduled(now, check.clone()))),
                        None => Origin::New(check.clone()),
                    },
                };
                placement.wanted.push(Wanted {
                    origin,
                    subscribers: Subscribers::new(),
                    presumed: None,
                    was_told: false,
                    weight: Weight::Configured,
                });
                (placement.wanted.len() - 1) as u32
            });
            placement.order.push(place);
            let Some(wanted) = placement.wanted.get_mut(place as usize) else { continue };
            wanted.subscribers.push((*vs_place, *rs_place));
            if matches!(wanted.origin, Origin::New(_))
                && let Some(rs) = vs.real_servers.get(*rs_place as usize)
            {
                if known.0 != *vs_place {
                    let before = predecessors.get(*vs_place as usize).copied().flatten();
                    let before = before.and_then(|place| self.virtual_servers.get(place));
                    known = (*vs_place, Known::of(vs, before, found));
                }
                let status = known.1.status(rs, weighed.contains(&(*vs_place, *rs_place)));
                // Who shares it may have another weight.
                wanted.weight = match wanted.subscribers.len() {
                    1 if check.settings.probe.weighs() => known.1.weight(rs),
                    _ => Weight::Configured,
                };
                wanted.was_told |= status == Some(Status::Down) && known.1.was_told();
                wanted.presumed = match (wanted.presumed, status) {
                    (Some(Status::Up), _) | (_, Some(Status::Up)) => Some(Status::Up),
                    (known, None) => known,
                    (_, known) => known,
                };
            }
        }
        placement
    }

    /// Empties the slots that nobody wants any more, and notes which are free.
    fn drop_unwanted(&mut self, placement: &Placement, actions: &mut Vec<Action>) {
        let origins = placement.wanted.iter().map(|w| &w.origin);
        let kept: HashSet<u32> =
            origins.filter_map(|o| if let Origin::Kept(slot) = o { Some(*slot) } else { None }).collect();
        self.free.clear();
        for (slot, index) in self.slots.iter_mut().zip(0u32..) {
            if !kept.contains(&index) {
                if let Some(run) = slot.take().and_then(|s| s.run) {
                    self.stats.probes_cancelled += 1;
                    actions.push(Action::CancelProbe(ProbeId { slot: index, run }));
                }
                self.free.push(index);
            }
        }
    }

    /// Gives every wanted check a slot. Returns what the checks say of every real server, and the slots of the new checks.
    fn fill_slots(
        &mut self,
        now: Instant,
        config: &Config,
        asked: &[Asked],
        placement: Placement,
    ) -> (Vec<Vec<Server>>, Vec<u32>) {
        let mut new = Vec::new();
        let room = placement.wanted.len().saturating_sub(self.slots.len());
        self.slots.reserve_exact(room);
        let settled = placement.wanted.into_iter().map(|wanted| self.settle(now, wanted, &mut new));
        let verdicts: Vec<Verdict> = settled.collect();
        let of_one = |vs: &config::VirtualServer| vec![Server::default(); vs.real_servers.len()];
        let mut servers: Vec<Vec<Server>> = config.virtual_servers.iter().map(of_one).collect();
        for (Asked { of: (vs, rs), .. }, place) in asked.iter().zip(placement.order) {
            let Some(&Verdict { is_up, has_run, weight }) = verdicts.get(place as usize) else { continue };
            let configured = config.virtual_servers.get(*vs as usize);
            let configured = configured.and_then(|vs| vs.real_servers.get(*rs as usize));
            let server = servers.get_mut(*vs as usize).and_then(|servers| servers.get_mut(*rs as usize));
            if let (Some(server), Some(configured)) = (server, configured) {
                server.failed += u32::from(!is_up);
                server.is_known_down |= !is_up && has_run;
                server.more = server.more.saturating_add(weight.adds_to(configured.weight));
            }
        }
        (servers, new)
    }

    /// Gives one wanted check its slot; returns what it says.
    fn settle(&mut self, now: Instant, wanted: Wanted, new: &mut Vec<u32>) -> Verdict {
        let Wanted { origin, subscribers, presumed, was_told, weight } = wanted;
        let (checker, is_new) = match origin {
            Origin::Kept(index) => {
                let slot = self.slots.get_mut(index as usize).and_then(Option::as_mut);
                return slot.map_or(Verdict::default(), |slot| {
                    slot.subscribers = subscribers;
                    Verdict::of(&slot.checker)
                });
            }
            Origin::Follows(checker) => (*checker, false),
            Origin::New(check) => {
                let assumed = if check.settings.schedule.alpha { Status::Down } else { Status::Up };
                let first = match presumed {
                    // Out of service until it passes: no time to lose.
                    Some(Status::Down) => now,
                    // Watched from the beginning.
                    _ if check.settings.probe.is_watched() => now,
                    _ => Checker::first_probe(now, &check.settings.schedule, self.random.next_u32()),
                };
                let checker = Checker::new(check, presumed.unwrap_or(assumed), first).with_weight(weight);
                (if was_told { checker.already_told() } else { checker }, true)
            }
        };
        let verdict = Verdict::of(&checker);
        let slot = Some(Slot { checker, subscribers, run: None });
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index as usize] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        if is_new {
            new.push(index);
        }
        verdict
    }

    fn replace_virtual_servers(
        &mut self,
        now: Instant,
        config: Config,
        predecessors: &[Option<usize>],
        servers: Vec<Vec<Server>>,
        found: &Found,
        actions: &mut Vec<Action>,
    ) {
        let first = actions.len();
        let at_start = if config.settings.rs_init_notifies { AtStart::Told } else { AtStart::Silent };
        let stays: HashSet<usize> = predecessors.iter().flatten().copied().collect();
        let mut old: Vec<Option<VirtualServer>> =
            mem::take(&mut self.virtual_servers).into_iter().map(Some).collect();
        for (place, vs) in old.iter().enumerate() {
            if let Some(vs) = vs.as_ref().filter(|_| !stays.contains(&place)) {
                vs.remove(actions);
            }
        }
        for ((config, before), servers) in config.virtual_servers.into_iter().zip(predecessors).zip(servers) {
            let before = before.and_then(|place| old.get_mut(place)).and_then(Option::take);
            let vs = match before {
                Some(old) => old.reload(now, config, servers, at_start, actions),
                None => {
                    let found = found.of(&config);
                    let mut servers = servers;
                    let start = match &found {
                        None => Start::Fresh,
                        Some(found) => {
                            for (server, rs) in servers.iter_mut().zip(&config.real_servers) {
                                server.is_unclear = found.is_unclear(rs);
                                server.found = found.weight_of(rs);
                            }
                            Start::Adopted { sorry: found.sorry() }
                        }
                    };
                    VirtualServer::new(now, config, servers, start, at_start, actions)
                }
            };
            self.virtual_servers.push(vs);
        }
        self.stats.count_reports(actions.get(first..).unwrap_or_default());
        // The whole table is compared afterwards.
        let is_told =
            |action: &Action| !matches!(action, Action::ServiceChanged(_) | Action::DestChanged(..));
        let told: Vec<Action> = actions.drain(first..).filter(is_told).collect();
        actions.extend(told);
    }

    fn index_services(&mut self) {
        self.services.clear();
        for (vs, place) in self.virtual_servers.iter().zip(0u32..) {
            for (endpoint, at) in vs.config().endpoints.iter().zip(0u32..) {
                let owners = self.services.entry(endpoint.key(vs.config().protocol)).or_default();
                if owners.last().is_none_or(|&(last, _)| last != place) {
                    owners.push((place, at));
                }
            }
        }
    }
}

/// What makes a virtual server the same one after a reload. A name alone does not: a group may serve TCP and UDP, a
/// mark IPv4 and IPv6; and what is still alike (one group, balanced twice) is counted in the order of the file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Identity<'a> {
    name: &'a str,
    protocol: Protocol,
    family: Option<Family>,
    nth: u32,
}

fn identities<'a>(
    virtual_servers: impl Iterator<Item = &'a config::VirtualServer>,
) -> impl Iterator<Item = Identity<'a>> {
    let mut alike: HashMap<Identity<'a>, u32> = HashMap::new();
    virtual_servers.map(move |vs| {
        let family = vs.endpoints.first().map(|endpoint| endpoint.family());
        let identity = Identity { name: &vs.name, protocol: vs.protocol, family, nth: 0 };
        let count = alike.entry(identity).or_insert(0);
        *count += 1;
        Identity { nth: *count, ..identity }
    })
}

/// What is checked, whatever the schedule.
fn target(check: &Check) -> (SocketAddr, &Connect, &Probe) {
    (check.to, &check.settings.connect, &check.settings.probe)
}

/// What is known of a virtual server's real servers before a configuration takes effect.
enum Known<'a> {
    Before(&'a VirtualServer, HashMap<SocketAddr, usize>),
    Found(crate::check::adopt::FoundServer<'a>),
    Nothing,
}

impl<'a> Known<'a> {
    fn of(vs: &config::VirtualServer, before: Option<&'a VirtualServer>, found: &'a Found) -> Known<'a> {
        if let Some(before) = before {
            let servers = before.config().real_servers.iter().enumerate();
            return Known::Before(before, servers.map(|(i, rs)| (rs.address, i)).collect());
        }
        found.of(vs).map_or(Known::Nothing, Known::Found)
    }

    /// Whether this process has told what is known. As with keepalived, one that follows another one tells it again.
    const fn was_told(&self) -> bool {
        matches!(self, Known::Before(..))
    }

    fn status(&self, rs: &RealServer, is_weighed: bool) -> Option<Status> {
        match self {
            Known::Before(vs, places) => places.get(&rs.address).map(|&place| vs.server_status(place)),
            Known::Found(found) => Some(found.status(rs, is_weighed)),
            Known::Nothing => None,
        }
    }

    /// What the only check that weighs this server seems to have said: it holds until it says something else.
    fn weight(&self, rs: &RealServer) -> Weight {
        let Known::Found(found) = self else { return Weight::Configured };
        match found.weight_of(rs) {
            Some(0) if !leaves_at_once(rs) => Weight::Configured,
            Some(weight) if weight != rs.weight => Weight::Exactly(weight),
            _ => Weight::Configured,
        }
    }
}
