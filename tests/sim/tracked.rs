//! What a node's instances track, beside its engine: scripts that run for a while and end well or badly, files with numbers.
//! And what the engine has been told of it, by which a priority and a fault can be judged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use vipd::run::{Run, RunId, RunOutcome};
use vipd::time::Instant;
use vipd::vrrp::Router;
use vipd::vrrp::config::{Script, TrackFile, Weight};
use vipd::vrrp::event::{Event, Fault, StateKind};
use vipd::vrrp::track::Watched;

/// What a virtual router tracks, on all nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tracking {
    /// A script of this weight, run so often.
    pub(crate) script: Option<(Weight, Duration)>,
    /// A file, weight 1.
    pub(crate) file: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Tracked {
    /// Scripts that fail, by the numbers of their virtual routers.
    failing: BTreeSet<usize>,
    numbers: BTreeMap<usize, i64>,
    /// Virtual routers that the configuration has.
    present: BTreeMap<usize, Tracking>,
    watched: BTreeSet<usize>,
    /// What will be told, and when.
    coming: Vec<(Instant, usize, Coming)>,
    /// How the last run of a script that was told ended, and the last number.
    scripts: BTreeMap<usize, bool>,
    files: BTreeMap<usize, i64>,
    /// What a file that is a fault leaves of a priority: its last number that was none.
    left: BTreeMap<usize, i64>,
}

/// A file with this number, of weight 1, is a fault.
const FAULT: i64 = -254;

#[derive(Clone, Debug)]
enum Coming {
    RunEnded(RunId, RunOutcome),
    Number(i64),
}

pub(crate) fn script(router: usize, (weight, interval): (Weight, Duration)) -> Script {
    Script {
        name: format!("S_{router}"),
        command: vipd::command::Command { argv: vec![router.to_string()], run_as: None },
        interval,
        timeout: None,
        weight,
        rise: 1,
        fall: 1,
        init_fail: false,
    }
}

pub(crate) fn file(router: usize) -> TrackFile {
    TrackFile {
        name: format!("F_{router}"),
        path: format!("/run/{router}").into(),
        weight: Weight { value: 1, reverse: false },
        init: None,
    }
}

impl Tracked {
    pub(crate) fn set_script(&mut self, router: usize, works: bool) {
        if works {
            self.failing.remove(&router);
        } else {
            self.failing.insert(router);
        }
    }

    pub(crate) fn set_number(&mut self, now: Instant, router: usize, number: i64) {
        self.numbers.insert(router, number);
        if self.watched.contains(&router) {
            self.coming.push((now, router, Coming::Number(number)));
        }
    }

    /// A configuration with these virtual routers is about to be carried out.
    pub(crate) fn configured(&mut self, present: BTreeMap<usize, Tracking>) {
        self.scripts.retain(|router, _| present.contains_key(router));
        self.files.retain(|router, _| present.contains_key(router));
        self.left.retain(|router, _| present.contains_key(router));
        self.present = present;
    }

    /// Another instance takes its place: what a file that is a fault has left of the former one's priority is gone.
    pub(crate) fn replaced(&mut self, router: usize) {
        if self.files.get(&router) == Some(&FAULT) {
            self.left.remove(&router);
        }
    }

    /// What a virtual router's priority is changed by, as far as was told.
    pub(crate) fn weight(&self, router: usize) -> i64 {
        let weight = self.present.get(&router).and_then(|tracking| tracking.script);
        let script = weight.and_then(|(Weight { value, .. }, _)| match self.scripts.get(&router)? {
            true => Some(i64::from(value.max(0))),
            false => Some(i64::from(value.min(0))),
        });
        script.unwrap_or(0) + self.left.get(&router).copied().unwrap_or(0)
    }

    /// The process is gone, and its scripts with it.
    pub(crate) fn close(&mut self) {
        self.coming.clear();
        self.watched.clear();
        self.scripts.clear();
        self.files.clear();
        self.left.clear();
    }

    pub(crate) fn run(&mut self, now: Instant, run: Run, takes: Duration) {
        let router: usize = run.command.program().parse().unwrap();
        let outcome = RunOutcome::Exited(u8::from(self.failing.contains(&router)));
        self.coming.push((now + takes, router, Coming::RunEnded(run.id, outcome)));
    }

    pub(crate) fn cancel(&mut self, now: Instant, id: RunId) {
        for (at, _, coming) in &mut self.coming {
            if matches!(coming, Coming::RunEnded(running, _) if *running == id) {
                (*at, *coming) = (now, Coming::RunEnded(id, RunOutcome::Cancelled));
            }
        }
    }

    pub(crate) fn watch(&mut self, now: Instant, watched: &Watched) {
        let all: BTreeSet<usize> =
            watched.files.iter().filter_map(|file| crate::watch::index(&file.name)).collect();
        for &router in all.difference(&self.watched) {
            let number = self.numbers.get(&router).copied().unwrap_or_default();
            self.coming.push((now, router, Coming::Number(number)));
        }
        self.files.retain(|router, _| all.contains(router));
        self.left.retain(|router, _| all.contains(router));
        self.watched = all;
    }

    /// When something is to be told.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.coming.iter().map(|(at, ..)| *at).min()
    }

    /// What is to be told at `now`.
    pub(crate) fn take(&mut self, now: Instant) -> Vec<Event<'static>> {
        let due = self.coming.extract_if(.., |(at, ..)| *at <= now).collect::<Vec<_>>();
        let tell = |(_, router, coming)| match coming {
            Coming::RunEnded(id, outcome) => {
                if outcome != RunOutcome::Cancelled && self.present.contains_key(&router) {
                    self.scripts.insert(router, outcome.is_success());
                }
                Event::RunEnded { id, outcome }
            }
            Coming::Number(number) => {
                if self.watched.contains(&router) {
                    self.files.insert(router, number);
                    if number != FAULT {
                        self.left.insert(router, number);
                    }
                }
                Event::File { name: file(router).name.as_str().into(), number }
            }
        };
        due.into_iter().map(tell).collect()
    }

    /// The priority in force is the configured one and what is tracked; what fails without a weight is a fault, and nothing
    /// else that is tracked is.
    pub(crate) fn check(
        &self,
        router: &Router,
        tracking: impl Fn(usize) -> Option<Tracking>,
    ) -> Result<(), String> {
        for instance in router.instances() {
            let Some(at) = crate::watch::index(instance.name()) else { continue };
            let Some(Tracking { script, file }) = tracking(at) else { continue };
            let (mut sum, mut fails) = (i64::from(instance.priority().base()), false);
            if let Some((Weight { value, .. }, _)) = script {
                match self.scripts.get(&at) {
                    None => continue,
                    Some(true) => sum += i64::from(value.max(0)),
                    Some(false) if value == 0 => fails = true,
                    Some(false) => sum += i64::from(value.min(0)),
                }
            }
            if file {
                let Some(number) = self.files.get(&at) else { continue };
                fails |= *number == FAULT;
                sum += self.left.get(&at).copied().unwrap_or(0);
            }
            let (expected, found) = (sum.clamp(1, 254), i64::from(instance.priority().effective()));
            if (script.is_some() || file) && expected != found {
                return Err(format!("{}: the priority is {found}, expected {expected}", instance.name()));
            }
            let tracked = |fault: &Fault| matches!(fault, Fault::Tracked(_) | Fault::Awaited(_));
            let is_fault = instance.faults().iter().any(tracked);
            if is_fault != fails || (fails && instance.state() != StateKind::Fault) {
                let (state, faults) = (instance.state(), instance.faults());
                return Err(format!(
                    "{}: what it tracks fails: {fails}; {state:?} {faults:?}",
                    instance.name()
                ));
            }
        }
        Ok(())
    }
}
