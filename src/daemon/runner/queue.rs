//! Which programs run and which wait, when one has had its time, what is told of its end.
//!
//! A plain value that starts nothing and reads no clock; [`super`] carries its actions out.
//!
//! ```text
//!   asked for ──(nothing of an earlier step runs)──► Running ──ended──► told
//!       │                                        │ limit, or called off: SIGTERM
//!       └─► waits for its turn                   └──► Ending ──(a while)──► SIGKILL
//! ```

use crate::run::{Run, RunId, RunOutcome, Turn};
use crate::time::Instant;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// So many runs of one owner may wait; who asks for more has an owner that changes faster than its scripts can follow.
const MOST_WAITING: usize = 1000;

/// So long a program keeps those of the next step waiting. keepalived lets none of them wait: one that never ends must
/// not keep its owner from telling more.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same at the stop: its scripts are the last ones.
const STOP_PATIENCE: Duration = Duration::from_secs(1);

/// How long what runs at the stop may go on.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(5);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Start this program.
    Start(Run),
    /// Ask its process group to end.
    Term(RunId),
    /// End its process group.
    Kill(RunId),
    /// Tell how it ended.
    Tell(RunId, RunOutcome),
}

#[derive(Clone, Debug)]
enum State {
    Running {
        term_at: Option<Instant>,
    },
    /// It was told to end; `kill_at` is `None` once it has been killed.
    Ending {
        kill_at: Option<Instant>,
        outcome: RunOutcome,
    },
}

#[derive(Clone, Debug)]
struct Active {
    turn: Option<Turn>,
    /// Until then others wait for it; `None` once they don't.
    holds_until: Option<Instant>,
    kill_after: Duration,
    state: State,
}

impl Active {
    fn is_of(&self, owner: &str) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.owner == owner)
    }

    /// Whether a run with this turn has to wait for it.
    fn holds(&self, now: Instant, other: &Turn) -> bool {
        let before =
            self.turn.as_ref().is_some_and(|turn| turn.owner == other.owner && turn.step != other.step);
        before && self.holds_until.is_some_and(|at| at > now)
    }
}

/// All runs that are not over.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    active: BTreeMap<RunId, Active>,
    /// By owner: behind those that run.
    waiting: HashMap<String, VecDeque<Run>>,
    stop_at: Option<Instant>,
}

impl Queue {
    /// A program is wanted.
    pub(super) fn ask(&mut self, now: Instant, run: Run, actions: &mut Vec<Action>) {
        let refused = |reason: &str| Action::Tell(run.id, RunOutcome::Failed(reason.to_owned()));
        if self.stop_at.is_some() {
            return actions.push(refused("vipd is stopping"));
        }
        let held = |turn: &&Turn| {
            self.waiting.contains_key(&turn.owner)
                || self.active.values().any(|active| active.holds(now, turn))
        };
        match run.turn.as_ref().filter(held).map(|turn| turn.owner.clone()) {
            None => self.start(now, run, actions),
            Some(owner) => {
                let waiting = self.waiting.entry(owner).or_default();
                if waiting.len() >= MOST_WAITING {
                    return actions.push(refused("too many scripts wait for the one that runs"));
                }
                waiting.push_back(run);
            }
        }
    }

    /// A run is not wanted any more.
    pub(super) fn cancel(&mut self, now: Instant, id: RunId, actions: &mut Vec<Action>) {
        if self.active.contains_key(&id) {
            return self.end(now, id, RunOutcome::Cancelled, actions);
        }
        let place = |(owner, runs): (&String, &VecDeque<Run>)| {
            runs.iter().position(|run| run.id == id).map(|at| (owner.clone(), at))
        };
        let Some((owner, at)) = self.waiting.iter().find_map(place) else { return };
        if let Some(runs) = self.waiting.get_mut(&owner) {
            runs.remove(at);
        }
        actions.push(Action::Tell(id, RunOutcome::Cancelled));
        self.advance(now, &owner, actions);
    }

    /// A program has ended, or could not be started.
    pub(super) fn ended(&mut self, now: Instant, id: RunId, how: RunOutcome, actions: &mut Vec<Action>) {
        let Some(active) = self.active.remove(&id) else { return };
        let outcome = match active.state {
            State::Running { .. } => how,
            State::Ending { outcome, .. } => outcome,
        };
        actions.push(Action::Tell(id, outcome));
        if let Some(turn) = active.turn {
            self.advance(now, &turn.owner, actions);
        }
    }

    /// Starts those of an owner whose turn it is.
    fn advance(&mut self, now: Instant, owner: &str, actions: &mut Vec<Action>) {
        while let Some(next) = self.waiting.get_mut(owner) {
            let held = |run: &Run| {
                run.turn
                    .as_ref()
                    .is_some_and(|turn| self.active.values().any(|active| active.holds(now, turn)))
            };
            let Some(run) = next.pop_front_if(|run| !held(run)) else { break };
            self.start(now, run, actions);
        }
        if self.waiting.get(owner).is_some_and(VecDeque::is_empty) {
            self.waiting.remove(owner);
        }
    }

    /// Whether a run is being ended: what its program has left behind is to be killed then.
    pub(super) fn is_ending(&self, id: RunId) -> bool {
        matches!(self.active.get(&id), Some(Active { state: State::Ending { .. }, .. }))
    }

    /// No more runs are taken in. Of those that wait, none runs that a later step of the same owner and subject replaces:
    /// what they would tell of has passed, and that nothing runs any more must be told in time. Those that somebody's order depends
    /// on have [`STOP_GRACE`] to end, those without a limit, which wait for what they read to end, have [`STOP_PATIENCE`].
    /// The others are called off.
    pub(super) fn stop(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.stop_at.is_some() {
            return;
        }
        self.stop_at = Some(now + STOP_GRACE);
        for runs in self.waiting.values_mut() {
            let turns = runs.iter().filter_map(|run| run.turn.as_ref());
            let last: HashMap<Option<String>, u64> =
                turns.map(|turn| (turn.subject.clone(), turn.step)).collect();
            runs.retain(|run| {
                let gone = run.turn.as_ref().is_some_and(|turn| last.get(&turn.subject) != Some(&turn.step));
                if gone {
                    actions.push(Action::Tell(run.id, RunOutcome::Cancelled));
                }
                !gone
            });
        }
        let mut checks = Vec::new();
        for (id, active) in &mut self.active {
            active.holds_until = active.holds_until.map(|at| at.min(now + STOP_PATIENCE));
            match (&active.turn, &mut active.state) {
                (None, State::Running { term_at: term_at @ None }) => *term_at = Some(now + STOP_PATIENCE),
                (None, _) => checks.push(*id),
                (Some(_), _) => {}
            }
        }
        for id in checks {
            self.end(now, id, RunOutcome::Cancelled, actions);
        }
    }

    /// Everything is called off.
    pub(super) fn cancel_all(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.stop_at.get_or_insert(now);
        for run in std::mem::take(&mut self.waiting).into_values().flatten() {
            actions.push(Action::Tell(run.id, RunOutcome::Cancelled));
        }
        let all: Vec<RunId> = self.active.keys().copied().collect();
        for id in all {
            self.end(now, id, RunOutcome::Cancelled, actions);
        }
    }

    /// Whether nothing runs any more after a stop.
    pub(super) fn is_done(&self) -> bool {
        self.stop_at.is_some() && self.active.is_empty()
    }

    /// Does what has become due.
    pub(super) fn handle_timeout(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.stop_at.is_some_and(|at| at <= now) && !self.active.is_empty() {
            self.cancel_all(now, actions);
        }
        let mut released = Vec::new();
        for active in self.active.values_mut() {
            if active.holds_until.take_if(|at| *at <= now).is_some() {
                released.extend(active.turn.as_ref().map(|turn| turn.owner.clone()));
            }
        }
        for owner in released {
            self.advance(now, &owner, actions);
        }
        let due: Vec<RunId> = self
            .active
            .iter()
            .filter(|(_, active)| deadline(active).is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            match self.active.get_mut(&id).map(|active| &mut active.state) {
                Some(State::Ending { kill_at, .. }) => {
                    *kill_at = None;
                    actions.push(Action::Kill(id));
                }
                Some(State::Running { .. }) => self.end(now, id, RunOutcome::TimedOut, actions),
                None => {}
            }
        }
    }

    /// When [`Queue::handle_timeout`] wants to be called.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        // After the stop's deadline everything is being ended, and has deadlines of its own.
        let ending = |active: &Active| matches!(active.state, State::Ending { .. });
        let stop = self.stop_at.filter(|_| !self.active.values().all(ending));
        let awaited = self.waiting.keys().flat_map(|owner| self.active.values().filter(|a| a.is_of(owner)));
        let patience = awaited.filter_map(|active| active.holds_until);
        self.active.values().filter_map(deadline).chain(stop).chain(patience).min()
    }

    fn start(&mut self, now: Instant, run: Run, actions: &mut Vec<Action>) {
        let patience = if self.stop_at.is_some() { STOP_PATIENCE } else { PATIENCE };
        let active = Active {
            holds_until: run.turn.as_ref().map(|_| now + patience),
            turn: run.turn.clone(),
            kill_after: run.limit.map_or(crate::run::Limit::GRACE, |limit| limit.kill_after),
            state: State::Running { term_at: run.limit.map(|limit| now + limit.term_after) },
        };
        self.active.insert(run.id, active);
        actions.push(Action::Start(run));
    }

    /// Ends what runs; where it is being ended already, that goes on.
    fn end(&mut self, now: Instant, id: RunId, outcome: RunOutcome, actions: &mut Vec<Action>) {
        let Some(active) = self.active.get_mut(&id) else { return };
        if let State::Running { .. } = active.state {
            active.state = State::Ending { kill_at: Some(now + active.kill_after), outcome };
            actions.push(Action::Term(id));
        }
    }
}

fn deadline(active: &Active) -> Option<Instant> {
    match active.state {
        State::Running { term_at } => term_at,
        State::Ending { kill_at, .. } => kill_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::run::Limit;
    use Action::{Kill, Start, Tell, Term};

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn run(id: u64, owner: Option<&str>, limit: Option<u64>) -> Run {
        Run {
            id: RunId(id),
            turn: owner.map(|owner| Turn { owner: owner.into(), step: id, subject: None }),
            command: Command { argv: vec![id.to_string()], run_as: None },
            limit: limit.map(|seconds| Limit::new(Duration::from_secs(seconds))),
        }
    }

    fn collect(f: impl FnOnce(&mut Vec<Action>)) -> Vec<Action> {
        let mut actions = Vec::new();
        f(&mut actions);
        actions
    }

    fn exited(status: u8) -> RunOutcome {
        RunOutcome::Exited(status)
    }

    #[test]
    fn runs_of_one_owner_keep_their_order_and_others_do_not_wait() {
        let mut queue = Queue::default();
        let [first, second, third] = [1, 2, 3].map(|id| run(id, Some("VI"), None));
        assert_eq!(collect(|a| queue.ask(at(0), first.clone(), a)), [Start(first)]);
        assert_eq!(collect(|a| queue.ask(at(0), second.clone(), a)), []);
        assert_eq!(collect(|a| queue.ask(at(0), third.clone(), a)), []);
        let other = run(4, Some("VI2"), None);
        assert_eq!(collect(|a| queue.ask(at(0), other.clone(), a)), [Start(other)]);
        let check = run(5, None, None);
        assert_eq!(collect(|a| queue.ask(at(0), check.clone(), a)), [Start(check)]);
        let ended = collect(|a| queue.ended(at(1), RunId(1), exited(1), a));
        assert_eq!(ended, [Tell(RunId(1), exited(1)), Start(second)]);
        let ended = collect(|a| queue.ended(at(1), RunId(2), RunOutcome::Failed("no".into()), a));
        assert_eq!(ended, [Tell(RunId(2), RunOutcome::Failed("no".into())), Start(third)]);
        assert_eq!(collect(|a| queue.ended(at(1), RunId(3), exited(0), a)), [Tell(RunId(3), exited(0))]);
        let again = run(6, Some("VI"), None);
        assert_eq!(collect(|a| queue.ask(at(2), again.clone(), a)), [Start(again)]);
    }

    #[test]
    fn those_of_one_step_run_together_and_the_next_step_waits_for_all_of_them() {
        let mut queue = Queue::default();
        let of_step = |id, step| Run {
            turn: Some(Turn { owner: "VI".into(), step, subject: None }),
            ..run(id, None, None)
        };
        assert_eq!(collect(|a| queue.ask(at(0), of_step(1, 1), a)), [Start(of_step(1, 1))]);
        assert_eq!(collect(|a| queue.ask(at(0), of_step(2, 1), a)), [Start(of_step(2, 1))]);
        assert_eq!(collect(|a| queue.ask(at(0), of_step(3, 2), a)), []);
        assert_eq!(collect(|a| queue.ask(at(0), of_step(4, 2), a)), []);
        assert_eq!(collect(|a| queue.ended(at(1), RunId(2), exited(0), a)), [Tell(RunId(2), exited(0))]);
        let ended = collect(|a| queue.ended(at(2), RunId(1), exited(0), a));
        assert_eq!(ended, [Tell(RunId(1), exited(0)), Start(of_step(3, 2)), Start(of_step(4, 2))]);
    }

    #[test]
    fn one_that_goes_on_for_long_keeps_nobody_waiting_for_ever() {
        let mut queue = Queue::default();
        let [hangs, next, last] = [1, 2, 3].map(|id| run(id, Some("VI"), None));
        collect(|a| queue.ask(at(0), hangs, a));
        assert_eq!(queue.next_timeout(), None, "nobody waits");
        collect(|a| queue.ask(at(4), next.clone(), a));
        assert_eq!(queue.next_timeout(), Some(at(10)));
        assert_eq!(collect(|a| queue.handle_timeout(at(10), a)), [Start(next)]);
        assert_eq!(collect(|a| queue.ask(at(12), last.clone(), a)), []);
        assert_eq!(queue.next_timeout(), Some(at(20)));
        let ended = collect(|a| queue.ended(at(13), RunId(2), exited(0), a));
        assert_eq!(ended, [Tell(RunId(2), exited(0)), Start(last)]);
    }

    #[test]
    fn what_takes_too_long_is_asked_to_end_and_then_killed() {
        let mut queue = Queue::default();
        collect(|a| queue.ask(at(0), run(1, None, Some(10)), a));
        assert_eq!(queue.next_timeout(), Some(at(10)));
        assert_eq!(collect(|a| queue.handle_timeout(at(9), a)), []);
        assert_eq!(collect(|a| queue.handle_timeout(at(10), a)), [Term(RunId(1))]);
        assert!(queue.is_ending(RunId(1)));
        assert_eq!(queue.next_timeout(), Some(at(12)));
        assert_eq!(collect(|a| queue.handle_timeout(at(12), a)), [Kill(RunId(1))]);
        assert_eq!(queue.next_timeout(), None);
        let ended = collect(|a| queue.ended(at(12), RunId(1), RunOutcome::Signalled(9), a));
        assert_eq!(ended, [Tell(RunId(1), RunOutcome::TimedOut)]);
    }

    #[test]
    fn a_run_is_called_off_whether_it_runs_or_waits() {
        let mut queue = Queue::default();
        for id in 1..=3 {
            collect(|a| queue.ask(at(0), run(id, Some("VI"), None), a));
        }
        let waiting = collect(|a| queue.cancel(at(1), RunId(2), a));
        assert_eq!(waiting, [Tell(RunId(2), RunOutcome::Cancelled)]);
        assert_eq!(collect(|a| queue.cancel(at(1), RunId(1), a)), [Term(RunId(1))]);
        assert_eq!(collect(|a| queue.cancel(at(1), RunId(1), a)), [], "once");
        assert_eq!(collect(|a| queue.cancel(at(1), RunId(9), a)), [], "nobody knows it");
        let ended = collect(|a| queue.ended(at(1), RunId(1), RunOutcome::Signalled(15), a));
        assert_eq!(ended, [Tell(RunId(1), RunOutcome::Cancelled), Start(run(3, Some("VI"), None))]);
    }

    #[test]
    fn an_owner_that_asks_without_end_is_refused() {
        let mut queue = Queue::default();
        for id in 0..=1000 {
            collect(|a| queue.ask(at(0), run(id, Some("VI"), None), a));
        }
        let refused = collect(|a| queue.ask(at(0), run(2000, Some("VI"), None), a));
        assert!(matches!(&refused[..], [Tell(RunId(2000), RunOutcome::Failed(_))]), "{refused:?}");
    }

    #[test]
    fn at_the_stop_the_last_step_of_an_owner_runs_and_none_that_waited_before_it() {
        let mut queue = Queue::default();
        let of_step = |id, step| Run {
            turn: Some(Turn { owner: "VI".into(), step, subject: None }),
            ..run(id, None, None)
        };
        for (id, step) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 4)] {
            collect(|a| queue.ask(at(0), of_step(id, step), a));
        }
        let dropped = [2, 3].map(|id| Tell(RunId(id), RunOutcome::Cancelled));
        assert_eq!(collect(|a| queue.stop(at(1), a)), dropped);
        assert_eq!(queue.next_timeout(), Some(at(2)));
        assert_eq!(collect(|a| queue.handle_timeout(at(2), a)), [Start(of_step(4, 4)), Start(of_step(5, 4))]);
    }

    #[test]
    fn at_the_stop_each_step_runs_that_tells_of_something_else() {
        let mut queue = Queue::default();
        let step = |id| Run {
            turn: Some(Turn { owner: "VS".into(), step: id, subject: Some(id.to_string()) }),
            ..run(id, None, None)
        };
        for id in 1..=4 {
            collect(|a| queue.ask(at(0), step(id), a));
        }
        assert_eq!(collect(|a| queue.stop(at(0), a)), []);
        for id in 1..4 {
            let next = collect(|a| queue.ended(at(0), RunId(id), exited(0), a));
            assert_eq!(next, [Tell(RunId(id), exited(0)), Start(step(id + 1))]);
        }
    }

    /// A virtual server's scripts: of each of its servers, and of its quorum, the last one runs.
    #[test]
    fn at_the_stop_what_was_told_anew_is_not_run() {
        let mut queue = Queue::default();
        let step = |id, subject: Option<&str>| Run {
            turn: Some(Turn { owner: "VS".into(), step: id, subject: subject.map(str::to_owned) }),
            ..run(id, None, None)
        };
        let told = [
            (1, Some("RS 1")),
            (2, None),
            (3, Some("RS 1")),
            (4, None),
            (5, Some("RS 2")),
            (6, Some("RS 1")),
            (7, None),
        ];
        for (id, subject) in told {
            collect(|a| queue.ask(at(0), step(id, subject), a));
        }
        let dropped = [2, 3, 4].map(|id| Tell(RunId(id), RunOutcome::Cancelled));
        assert_eq!(collect(|a| queue.stop(at(1), a)), dropped);
        let mut ended = 1;
        for (id, subject) in [(5, Some("RS 2")), (6, Some("RS 1")), (7, None)] {
            let next = collect(|a| queue.ended(at(1), RunId(ended), exited(0), a));
            assert_eq!(next, [Tell(RunId(ended), exited(0)), Start(step(id, subject))]);
            ended = id;
        }
    }

    #[test]
    fn a_stop_lets_notifications_end_but_not_for_ever() {
        let mut queue = Queue::default();
        collect(|a| queue.ask(at(0), run(1, Some("VI"), None), a));
        collect(|a| queue.ask(at(0), run(2, Some("VI"), None), a));
        collect(|a| queue.ask(at(0), run(5, Some("VI2"), None), a));
        collect(|a| queue.ask(at(0), run(6, Some("VI2"), None), a));
        collect(|a| queue.ask(at(0), run(3, None, Some(60)), a));
        // One that reads what others write has a moment.
        collect(|a| queue.ask(at(0), run(7, None, None), a));
        assert_eq!(collect(|a| queue.stop(at(1), a)), [Term(RunId(3))]);
        collect(|a| queue.ended(at(1), RunId(3), RunOutcome::Signalled(15), a));
        let ended = collect(|a| queue.ended(at(2), RunId(1), exited(0), a));
        assert_eq!(ended, [Tell(RunId(1), exited(0)), Start(run(2, Some("VI"), None))]);
        // The scripts of the end run, whatever hangs.
        let hanging = collect(|a| queue.handle_timeout(at(2), a));
        assert_eq!(hanging, [Start(run(6, Some("VI2"), None)), Term(RunId(7))]);
        collect(|a| queue.ended(at(2), RunId(7), RunOutcome::Signalled(15), a));
        collect(|a| queue.ended(at(2), RunId(5), exited(0), a));
        collect(|a| queue.ended(at(2), RunId(6), exited(0), a));
        let late = collect(|a| queue.ask(at(2), run(4, None, None), a));
        assert!(matches!(&late[..], [Tell(RunId(4), RunOutcome::Failed(_))]), "{late:?}");
        assert_eq!(queue.next_timeout(), Some(at(6)));
        assert_eq!(collect(|a| queue.handle_timeout(at(6), a)), [Term(RunId(2))]);
        assert_eq!(queue.next_timeout(), Some(at(8)));
        assert_eq!(collect(|a| queue.handle_timeout(at(8), a)), [Kill(RunId(2))]);
        assert!(!queue.is_done());
        collect(|a| queue.ended(at(8), RunId(2), RunOutcome::Signalled(9), a));
        assert!(queue.is_done());
    }
}
