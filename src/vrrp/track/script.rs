//! `vrrp_script`: when a script runs, and what its runs have shown.
//!
//! Runs are asked for ([`Action::Run`]) and end ([`Scripts::ended`]); nothing is executed here. A script never runs twice at
//! a time. keepalived counts from 0 to rise + fall − 1, and so does this:
//!
//! ```text
//!       success: one up, from rise − 1 on to the top         failure: one down, from rise on to 0
//!   0 ─────────── rise − 1 │ rise ────────── rise + fall − 1
//!          down            │              up
//! ```
//!
//! It begins at rise − 1, so that the first run decides; with `init_fail` at 0.

use super::Standing;
use crate::run::{Limit, Run, RunId, RunOutcome};
use crate::time::Instant;
use crate::vrrp::config;
use crate::vrrp::event::{Action, Actions, Name, Report, ScriptReport};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// `interval 0` is no reason to do nothing else.
const SHORTEST: Duration = Duration::from_millis(10);

/// All scripts that somebody follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scripts {
    all: BTreeMap<Name, Script>,
    /// When each is to run next.
    due: BTreeSet<(Instant, Name)>,
    /// What runs.
    runs: HashMap<RunId, Name>,
    /// Runs so far.
    count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Script {
    config: config::Script,
    counter: u32,
    standing: Standing,
    /// This command has not run to its end yet.
    fresh: bool,
    run: Option<RunId>,
    /// Its time came while it ran.
    skipped: bool,
    /// So did that of the run before; it was said then.
    is_slow: bool,
    at: Instant,
    /// The last exit status.
    status: u8,
    /// That it can't be run was said.
    said: bool,
}

/// A script, as others are shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownScript {
    /// What was asked for.
    pub config: config::Script,
    /// What its runs have shown.
    pub standing: Standing,
    /// keepalived's count: see the module.
    pub counter: u32,
    /// It runs now.
    pub runs: bool,
    /// The last exit status.
    pub status: u8,
}

impl Scripts {
    /// From now on these are to run. One whose command is the same goes on as it was; what another command shows replaces
    /// what the last one showed when its first run has ended.
    pub fn configure(&mut self, now: Instant, wanted: Vec<config::Script>, out: &mut Actions) {
        let mut before = std::mem::take(&mut self.all);
        self.due.clear();
        for config in wanted {
            let name = Name::from(config.name.as_str());
            let script = match before.remove(&name) {
                Some(known) if known.config.command == config.command => known.keep(now, config, &name, out),
                Some(known) => {
                    self.cancel(known.run, out);
                    Script { standing: known.standing, ..Script::new(now, config) }
                }
                None => Script::new(now, config),
            };
            self.due.insert((script.at, name.clone()));
            self.all.insert(name, script);
        }
        for gone in before.into_values() {
            self.cancel(gone.run, out);
        }
    }

    fn cancel(&mut self, run: Option<RunId>, out: &mut Actions) {
        if let Some(id) = run {
            self.runs.remove(&id);
            out.push(Action::CancelRun(id));
        }
    }

    /// How a script stands.
    #[must_use]
    pub fn standing(&self, name: &str) -> Standing {
        self.all.get(name).map_or(Standing::Unknown, |script| script.standing)
    }

    /// All of them, by name.
    #[must_use]
    pub fn show(&self) -> Vec<ShownScript> {
        let shown = self.all.values().map(|script| ShownScript {
            config: script.config.clone(),
            standing: script.standing,
            counter: script.counter,
            runs: script.run.is_some(),
            status: script.status,
        });
        shown.collect()
    }

    /// When [`Scripts::fire`] has something to do.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Runs the script that is due first, if one is at `now`.
    pub fn fire(&mut self, now: Instant, out: &mut Actions) -> bool {
        if self.next_timeout().is_none_or(|at| at > now) {
            return false;
        }
        let Some((_, name)) = self.due.pop_first() else { return false };
        let Some(script) = self.all.get_mut(&name) else { return true };
        let interval = script.config.interval.max(SHORTEST);
        let next = script.at + interval;
        script.at = if next > now { next } else { now + interval };
        self.due.insert((script.at, name.clone()));
        if script.run.is_some() {
            script.skipped = true;
            if !std::mem::replace(&mut script.is_slow, true) {
                out.push(report(&name, ScriptReport::Busy));
            }
            return true;
        }
        self.count += 1;
        let id = RunId(self.count);
        script.run = Some(id);
        let limit = Some(Limit::new(script.config.timeout.unwrap_or(interval)));
        out.push(Action::Run(Run { id, turn: None, command: script.config.command.clone(), limit }));
        self.runs.insert(id, name);
        true
    }

    /// A run has ended. Gives the script, if it stands otherwise by it.
    pub fn ended(&mut self, id: RunId, outcome: RunOutcome, out: &mut Actions) -> Option<Name> {
        let name = self.runs.remove(&id)?;
        let script = self.all.get_mut(&name)?;
        script.run = None;
        let skipped = std::mem::take(&mut script.skipped);
        script.is_slow &= skipped;
        if skipped && outcome == RunOutcome::TimedOut {
            // It hung: the run that was left out is made up for, as it counts how soon enough of them have failed.
            self.due.remove(&(script.at, name.clone()));
            script.at = script.at - script.config.interval.max(SHORTEST);
            self.due.insert((script.at, name.clone()));
        }
        let before = script.standing;
        for told in script.ended(outcome) {
            out.push(report(&name, told));
        }
        (script.standing != before).then_some(name)
    }
}

fn report(script: &Name, what: ScriptReport) -> Action {
    Action::Report { instance: None, report: Report::Script { script: script.clone(), what } }
}

impl Script {
    fn new(now: Instant, config: config::Script) -> Script {
        let (counter, standing) = match config.init_fail {
            true => (0, Standing::Down),
            false => (config.rise.saturating_sub(1), Standing::Unknown),
        };
        let fresh = !config.init_fail;
        Script {
            config,
            counter,
            standing,
            fresh,
            run: None,
            skipped: false,
            is_slow: false,
            at: now,
            status: 0,
            said: false,
        }
    }

    /// The same command with other numbers: as far from its limits as it was.
    fn keep(self, now: Instant, config: config::Script, name: &Name, out: &mut Actions) -> Script {
        let old = &self.config;
        let (rise, top) = (config.rise, (config.rise + config.fall).saturating_sub(1));
        let counter = match self.counter {
            _ if self.fresh => rise.saturating_sub(1),
            0 => 0,
            low if low < old.rise => rise.saturating_sub(old.rise - low),
            high if high + 1 == old.rise + old.fall => top,
            high => (rise + high - old.rise).min(top),
        };
        if !self.fresh {
            out.push(report(name, ScriptReport::Kept { up: self.standing == Standing::Up }));
        }
        Script { counter, at: self.at.min(now + config.interval.max(SHORTEST)), config, ..self }
    }

    fn ended(&mut self, outcome: RunOutcome) -> Vec<ScriptReport> {
        let mut told = Vec::new();
        let config = &self.config;
        let success = outcome.is_success();
        match &outcome {
            RunOutcome::Exited(status) if *status != self.status => {
                self.status = *status;
                told.push(ScriptReport::Returns(*status));
            }
            RunOutcome::Exited(_) | RunOutcome::Signalled(_) | RunOutcome::TimedOut => {}
            RunOutcome::Cancelled => return told,
            RunOutcome::Failed(reason) => {
                // This machine's trouble says nothing of what the script looks at. Where nothing is known, keepalived takes it
                // for a success.
                if !std::mem::replace(&mut self.said, true) {
                    told.push(ScriptReport::NotRun(reason.clone()));
                }
                if self.standing == Standing::Unknown {
                    self.standing = Standing::Up;
                }
                return told;
            }
        }
        self.said = false;
        if success {
            if self.counter + 1 < config.rise {
                self.counter += 1;
            } else {
                if self.counter < config.rise {
                    self.standing = Standing::Up;
                    told.push(ScriptReport::Succeeded);
                }
                self.counter = (config.rise + config.fall).saturating_sub(1);
            }
        } else if self.counter > config.rise {
            self.counter -= 1;
        } else {
            if self.counter == config.rise || self.fresh {
                self.standing = Standing::Down;
                told.push(ScriptReport::Failed(outcome));
            }
            self.counter = 0;
        }
        self.fresh = false;
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::vrrp::config::Weight;
    use RunOutcome::{Exited, Failed, Signalled, TimedOut};
    use Standing::{Down, Unknown, Up};
    use proptest::prelude::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn script(rise: u32, fall: u32) -> config::Script {
        config::Script {
            name: "S".to_owned(),
            command: Command { argv: vec!["/bin/true".to_owned()], run_as: None },
            interval: Duration::from_secs(1),
            timeout: None,
            weight: Weight::default(),
            rise,
            fall,
            init_fail: false,
        }
    }

    fn started(config: config::Script) -> Scripts {
        let mut scripts = Scripts::default();
        scripts.configure(at(0), vec![config], &mut vec![]);
        scripts
    }

    fn fire(scripts: &mut Scripts, now: Instant) -> Actions {
        let mut out = vec![];
        while scripts.fire(now, &mut out) {}
        out
    }

    #[test]
    fn one_that_hangs_is_run_again_at_once_and_then_in_its_time() {
        let mut scripts = started(config::Script { timeout: Some(Duration::from_secs(2)), ..script(1, 2) });
        let runs = |scripts: &mut Scripts, ms| {
            let out = fire(scripts, at(ms));
            out.iter().find_map(|a| if let Action::Run(run) = a { Some(run.id) } else { None })
        };
        let first = runs(&mut scripts, 0).unwrap();
        assert_eq!((runs(&mut scripts, 1000), runs(&mut scripts, 2000)), (None, None));
        scripts.ended(first, TimedOut, &mut vec![]);
        let second = runs(&mut scripts, 2010).unwrap();
        scripts.ended(second, Exited(0), &mut vec![]);
        assert_eq!(runs(&mut scripts, 2900), None);
        let third = runs(&mut scripts, 3000).unwrap();
        // One that is slow and succeeds does not run without a pause.
        assert_eq!(runs(&mut scripts, 4000), None);
        scripts.ended(third, Exited(0), &mut vec![]);
        assert_eq!(runs(&mut scripts, 4500), None);
        assert!(runs(&mut scripts, 5000).is_some());
    }

    /// The next run ends so. Gives what is told.
    fn run(scripts: &mut Scripts, outcome: RunOutcome) -> Vec<ScriptReport> {
        let due = scripts.next_timeout().unwrap();
        let mut out = fire(scripts, due);
        let [Action::Run(run)] = &out[..] else { panic!("{out:?}") };
        let id = run.id;
        out.clear();
        scripts.ended(id, outcome, &mut out);
        told(&out)
    }

    fn told(out: &[Action]) -> Vec<ScriptReport> {
        out.iter()
            .filter_map(|action| match action {
                Action::Report { report: Report::Script { what, .. }, .. } => Some(what.clone()),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn the_first_run_decides_and_then_rise_and_fall_do() {
        let mut scripts = started(script(3, 2));
        assert_eq!(scripts.standing("S"), Unknown);
        assert_eq!(run(&mut scripts, Exited(0)), [ScriptReport::Succeeded]);
        assert_eq!(scripts.standing("S"), Up);
        assert_eq!(run(&mut scripts, Exited(7)), [ScriptReport::Returns(7)]);
        assert_eq!(run(&mut scripts, Exited(0)), [ScriptReport::Returns(0)]);
        assert_eq!(run(&mut scripts, TimedOut), []);
        assert_eq!(scripts.standing("S"), Up, "a success in between gives the whole margin back");
        assert_eq!(run(&mut scripts, Signalled(9)), [ScriptReport::Failed(Signalled(9))]);
        assert_eq!(scripts.standing("S"), Down);
        for _ in 0..2 {
            run(&mut scripts, Exited(0));
        }
        run(&mut scripts, Exited(1));
        for _ in 0..2 {
            run(&mut scripts, Exited(0));
            assert_eq!(scripts.standing("S"), Down);
        }
        assert_eq!(run(&mut scripts, Exited(0)), [ScriptReport::Succeeded]);

        let mut scripts = started(script(3, 2));
        assert_eq!(run(&mut scripts, Exited(1)), [ScriptReport::Returns(1), ScriptReport::Failed(Exited(1))]);
        assert_eq!(scripts.standing("S"), Down);
    }

    #[test]
    fn with_init_fail_it_is_down_until_it_has_risen() {
        let mut scripts = started(config::Script { init_fail: true, ..script(2, 1) });
        assert_eq!(scripts.standing("S"), Down);
        assert_eq!(run(&mut scripts, Exited(1)), [ScriptReport::Returns(1)]);
        run(&mut scripts, Exited(0));
        assert_eq!(scripts.standing("S"), Down);
        assert_eq!(run(&mut scripts, Exited(0)), [ScriptReport::Succeeded]);
    }

    #[test]
    fn it_runs_at_once_and_then_each_interval_but_never_twice_at_a_time() {
        let mut scripts = started(config::Script { timeout: Some(Duration::from_secs(5)), ..script(1, 1) });
        assert_eq!(scripts.next_timeout(), Some(at(0)));
        let out = fire(&mut scripts, at(30));
        let [Action::Run(run)] = &out[..] else { panic!("{out:?}") };
        assert_eq!((run.turn.clone(), run.limit), (None, Some(Limit::new(Duration::from_secs(5)))));
        let id = run.id;
        assert_eq!(scripts.next_timeout(), Some(at(1000)), "in step, however late it was");
        assert_eq!(told(&fire(&mut scripts, at(1000))), [ScriptReport::Busy]);
        assert_eq!(told(&fire(&mut scripts, at(5500))), [], "once is enough");
        assert_eq!(scripts.next_timeout(), Some(at(6500)));
        assert_eq!(scripts.ended(id, TimedOut, &mut vec![]), Some("S".into()));
        assert_eq!(scripts.ended(id, TimedOut, &mut vec![]), None, "once");
        let out = fire(&mut scripts, at(6500));
        let [Action::Run(run)] = &out[..] else { panic!("{out:?}") };
        assert_ne!(run.id, id);
    }

    #[test]
    fn that_it_takes_longer_than_its_interval_is_said_once_until_it_does_not() {
        let timeout = Some(Duration::from_secs(60));
        let mut scripts = started(config::Script { timeout, ..script(1, 1) });
        let mut said = vec![];
        let mut takes = |intervals: usize| {
            let due = scripts.next_timeout().unwrap();
            let out = fire(&mut scripts, due);
            let [Action::Run(run)] = &out[..] else { panic!("{out:?}") };
            let busy = (1..intervals).map(|_| {
                let due = scripts.next_timeout().unwrap();
                told(&fire(&mut scripts, due)).len()
            });
            said.push(busy.sum::<usize>());
            scripts.ended(run.id, Exited(0), &mut vec![]);
        };
        [3, 3, 2, 1, 4, 4].into_iter().for_each(&mut takes);
        assert_eq!(said, [1, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn one_that_can_not_be_run_changes_nothing_and_says_so_once() {
        let failed = || Failed("is not there".to_owned());
        let mut scripts = started(script(1, 1));
        assert_eq!(run(&mut scripts, failed()), [ScriptReport::NotRun("is not there".to_owned())]);
        assert_eq!(scripts.standing("S"), Up, "as in keepalived, where nothing is known");
        assert_eq!(run(&mut scripts, failed()), []);
        run(&mut scripts, Exited(1));
        assert_eq!(scripts.standing("S"), Down);
        assert_eq!(run(&mut scripts, failed()), [ScriptReport::NotRun("is not there".to_owned())]);
        assert_eq!(scripts.standing("S"), Down);
        let mut scripts = started(config::Script { init_fail: true, ..script(1, 1) });
        run(&mut scripts, failed());
        assert_eq!(scripts.standing("S"), Down);
    }

    #[test]
    fn a_reload_keeps_what_the_same_command_has_shown() {
        let mut scripts = started(script(3, 4));
        run(&mut scripts, Exited(0));
        run(&mut scripts, Exited(1));
        let mut out = vec![];
        let slower = config::Script { interval: Duration::from_secs(60), ..script(2, 5) };
        scripts.configure(at(1500), vec![slower], &mut out);
        assert_eq!(told(&out), [ScriptReport::Kept { up: true }]);
        assert_eq!(scripts.next_timeout(), Some(at(2000)));
        // Of the old four failures one had happened; keepalived counts on from the same height above rise.
        for _ in 0..2 {
            run(&mut scripts, Exited(1));
            assert_eq!(scripts.standing("S"), Up);
        }
        run(&mut scripts, Exited(1));
        assert_eq!(scripts.standing("S"), Down);
    }

    #[test]
    fn another_command_is_believed_from_its_first_run_on_and_what_nobody_follows_is_ended() {
        let mut scripts = started(script(2, 2));
        run(&mut scripts, Exited(0));
        let due = scripts.next_timeout().unwrap();
        let out = fire(&mut scripts, due);
        let [Action::Run(old)] = &out[..] else { panic!("{out:?}") };
        let mut changed = script(2, 2);
        changed.command.argv = vec!["/bin/false".to_owned()];
        let mut out = vec![];
        scripts.configure(at(1500), vec![changed], &mut out);
        assert_eq!(out, [Action::CancelRun(old.id)]);
        assert_eq!((scripts.standing("S"), scripts.next_timeout()), (Up, Some(at(1500))));
        assert_eq!(scripts.ended(old.id, RunOutcome::Cancelled, &mut vec![]), None);
        run(&mut scripts, Exited(1));
        assert_eq!(scripts.standing("S"), Down, "the first one decides");
        let out = fire(&mut scripts, at(2500));
        let [Action::Run(running)] = &out[..] else { panic!("{out:?}") };
        let mut out = vec![];
        scripts.configure(at(2600), vec![], &mut out);
        assert_eq!(out, [Action::CancelRun(running.id)]);
        assert_eq!(scripts.next_timeout(), None);
    }

    proptest! {
        /// The counter against what it stands for: so many of a kind in a row.
        #[test]
        fn it_changes_after_rise_successes_or_fall_failures_in_a_row(
            rise in 1u32..5,
            fall in 1u32..5,
            init_fail: bool,
            runs in proptest::collection::vec(any::<bool>(), 1..60),
        ) {
            let mut scripts = started(config::Script { init_fail, ..script(rise, fall) });
            let mut model = if init_fail { Down } else { Unknown };
            let mut in_a_row = 0;
            for success in runs {
                run(&mut scripts, Exited(u8::from(!success)));
                in_a_row = if Standing::from(success) == model { 0 } else { in_a_row + 1 };
                let enough = match model { Unknown => 1, Down => rise, _ => fall };
                if in_a_row == enough {
                    model = success.into();
                    in_a_row = 0;
                }
                prop_assert_eq!(scripts.standing("S"), model);
            }
        }
    }
}
