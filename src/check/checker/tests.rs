//! Timelines of one check: what it starts and says at which moment.

use super::*;
use crate::check::config::{Probe, Schedule};
use crate::check::probe::Operation;
use proptest::prelude::*;

mod pages;

fn schedule() -> Schedule {
    let three_seconds = Duration::from_secs(3);
    Schedule { delay_loop: three_seconds, warmup: three_seconds, ..Schedule::DEFAULT }
}

fn config(schedule: Schedule) -> config::Checker {
    let to = "192.0.2.11:3306".parse().unwrap();
    config::Checker { schedule, ..config::Checker::new(to, Probe::Tcp) }
}

const REFUSED: Failure = Failure::System { operation: Operation::Connect, errno: libc::ECONNREFUSED };

/// A checker and its clock, in milliseconds.
struct Bench {
    checker: Checker,
    now: Instant,
}

fn ms(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

impl Bench {
    fn new(schedule: Schedule, status: Status) -> Bench {
        Bench { checker: Checker::new(config(schedule).into(), status, ms(1000)), now: Instant::ZERO }
    }

    /// Nothing happens before `at`, and a probe starts there.
    fn starts_at(&mut self, at: u64) {
        let mut actions = Vec::new();
        self.checker.handle_timeout(ms(at) - Duration::from_nanos(1), &mut actions);
        assert_eq!(actions, [], "too early");
        assert_eq!(self.checker.next_timeout(), Some(ms(at)));
        self.checker.handle_timeout(ms(at), &mut actions);
        assert_eq!(actions, [Action::Start]);
        assert_eq!(self.checker.next_timeout(), None, "one probe at a time");
        self.now = ms(at);
    }

    fn ends_at(&mut self, at: u64, outcome: Outcome) -> Vec<Action> {
        let mut actions = Vec::new();
        self.checker.handle(ms(at), Event::Finished(outcome), &mut actions);
        actions
    }
}

#[test]
fn a_passing_check_runs_delay_loop_after_its_end() {
    let mut b = Bench::new(schedule(), Status::Up);
    b.starts_at(1000);
    assert_eq!(b.ends_at(1200, Outcome::Passed), [Action::Report(CheckReport::Succeeded)]);
    b.starts_at(4200);
    assert_eq!(b.ends_at(4201, Outcome::Passed), []);
    b.starts_at(7201);
}

#[test]
fn a_server_goes_down_after_its_retries_and_comes_up_at_the_first_pass() {
    let mut b = Bench::new(schedule(), Status::Up);
    b.starts_at(1000);
    b.ends_at(1000, Outcome::Passed);
    b.starts_at(4000);
    assert_eq!(b.ends_at(4000, Outcome::Failed(REFUSED)), []);
    b.starts_at(5000);
    let failed = CheckReport::Failed { retries: 1, failure: REFUSED };
    assert_eq!(
        b.ends_at(5000, Outcome::Failed(REFUSED)),
        [Action::Report(failed), Action::Changed(Status::Down)]
    );
    b.starts_at(8000);
    assert_eq!(b.ends_at(8000, Outcome::Failed(REFUSED)), [], "down is said once");
    b.starts_at(11000);
    assert_eq!(
        b.ends_at(11000, Outcome::Passed),
        [Action::Report(CheckReport::Succeeded), Action::Changed(Status::Up)]
    );
    b.starts_at(14000);
}

#[test]
fn a_pass_forgets_earlier_failures() {
    let mut b = Bench::new(Schedule { retry: 2, ..schedule() }, Status::Up);
    b.starts_at(1000);
    b.ends_at(1000, Outcome::Passed);
    b.starts_at(4000);
    b.ends_at(4000, Outcome::Failed(REFUSED));
    b.starts_at(5000);
    b.ends_at(5000, Outcome::Failed(REFUSED));
    b.starts_at(6000);
    assert_eq!(b.ends_at(6000, Outcome::Passed), []);
    b.starts_at(9000);
    assert_eq!(b.ends_at(9000, Outcome::Failed(REFUSED)), []);
    b.starts_at(10000);
    assert_eq!(b.ends_at(10000, Outcome::Failed(REFUSED)), []);
    b.starts_at(11000);
    assert_eq!(b.ends_at(11000, Outcome::Failed(REFUSED)).len(), 2);
}

#[test]
fn the_very_first_failure_is_believed_at_once() {
    let mut b = Bench::new(Schedule { retry: 5, ..schedule() }, Status::Up);
    b.starts_at(1000);
    let failed = CheckReport::Failed { retries: 0, failure: Failure::Timeout };
    assert_eq!(
        b.ends_at(4000, Outcome::Failed(Failure::Timeout)),
        [Action::Report(failed), Action::Changed(Status::Down)]
    );
    b.starts_at(7000);
}

#[test]
fn an_alpha_check_starts_down_and_says_so_when_it_fails() {
    let mut b = Bench::new(Schedule { alpha: true, ..schedule() }, Status::Down);
    b.starts_at(1000);
    let failed = CheckReport::Failed { retries: 0, failure: REFUSED };
    assert_eq!(b.ends_at(1000, Outcome::Failed(REFUSED)), [Action::Report(failed), Action::FoundDown]);
    b.starts_at(4000);
    assert_eq!(b.ends_at(4000, Outcome::Failed(REFUSED)), []);
    b.starts_at(7000);
    assert_eq!(
        b.ends_at(7000, Outcome::Passed),
        [Action::Report(CheckReport::Succeeded), Action::Changed(Status::Up)]
    );
}

#[test]
fn log_all_failures_reports_each_try() {
    let mut b = Bench::new(Schedule { log_all_failures: true, ..schedule() }, Status::Up);
    b.starts_at(1000);
    b.ends_at(1000, Outcome::Passed);
    b.starts_at(4000);
    assert_eq!(
        b.ends_at(4000, Outcome::Failed(REFUSED)),
        [Action::Report(CheckReport::TryFailed { tries: 0, retries: 1, failure: REFUSED })]
    );
}

#[test]
fn a_probe_that_could_not_run_changes_nothing_and_is_said_once() {
    let emfile = Failure::System { operation: Operation::Socket, errno: libc::EMFILE };
    let mut b = Bench::new(schedule(), Status::Up);
    b.starts_at(1000);
    b.ends_at(1000, Outcome::Passed);
    b.starts_at(4000);
    assert_eq!(
        b.ends_at(4000, Outcome::NotRun(emfile.clone())),
        [Action::Report(CheckReport::NotRun(emfile.clone()))]
    );
    b.starts_at(7000);
    assert_eq!(b.ends_at(7000, Outcome::NotRun(emfile.clone())), []);
    b.starts_at(10000);
    assert_eq!(b.ends_at(10000, Outcome::Passed), []);
    b.starts_at(13000);
    assert_eq!(
        b.ends_at(13000, Outcome::NotRun(emfile.clone())),
        [Action::Report(CheckReport::NotRun(emfile.clone()))]
    );
}

#[test]
fn an_outcome_that_nothing_asked_for_is_ignored() {
    let mut b = Bench::new(schedule(), Status::Up);
    let before = b.checker.clone();
    assert_eq!(b.ends_at(500, Outcome::Failed(REFUSED)), []);
    assert_eq!(b.checker, before);
}

#[test]
fn the_first_probe_comes_within_a_second_and_the_warmup() {
    let s = schedule();
    assert_eq!(Checker::first_probe(Instant::ZERO, &s, 0), ms(1000));
    assert_eq!(Checker::first_probe(Instant::ZERO, &s, 1 << 31), ms(2500));
    assert!(Checker::first_probe(Instant::ZERO, &s, u32::MAX) < ms(4000));
    let none = Schedule { warmup: Duration::ZERO, ..s };
    assert_eq!(Checker::first_probe(Instant::ZERO, &none, u32::MAX), ms(1000));
}

#[test]
fn a_new_schedule_keeps_what_is_known() {
    let mut b = Bench::new(Schedule { retry: 3, ..schedule() }, Status::Up);
    b.starts_at(1000);
    b.ends_at(1000, Outcome::Passed);
    b.starts_at(4000);
    b.ends_at(4000, Outcome::Failed(REFUSED));
    b.starts_at(5000);
    b.ends_at(5000, Outcome::Failed(REFUSED));
    // Two tries are gone; with one retry left in the configuration, the next failure decides.
    b.checker = b.checker.rescheduled(ms(5100), config(schedule()).into());
    b.starts_at(6000);
    assert_eq!(b.ends_at(6000, Outcome::Failed(REFUSED)).len(), 2);
    // A longer loop does not postpone what was due; a shorter one counts from now.
    b.checker = b
        .checker
        .rescheduled(ms(6500), config(Schedule { delay_loop: Duration::from_secs(60), ..schedule() }).into());
    assert_eq!(b.checker.next_timeout(), Some(ms(9000)));
    b.checker = b
        .checker
        .rescheduled(ms(7000), config(Schedule { delay_loop: Duration::from_secs(1), ..schedule() }).into());
    assert_eq!(b.checker.next_timeout(), Some(ms(8000)));
}

proptest! {
    /// Whatever the outcomes: down only after one failure more than `retry` in a row (the first of all excepted), up
    /// at each pass, `Changed` exactly when the status changes, and always either a probe or a deadline ahead.
    #[test]
    fn status_follows_the_outcomes(
        outcomes in proptest::collection::vec((0u8..3, 0u64..5000), 1..60),
        retry in 0u32..4,
        alpha in any::<bool>(),
    ) {
        let schedule = Schedule { retry, alpha, ..schedule() };
        let start = if alpha { Status::Down } else { Status::Up };
        let mut checker = Checker::new(config(schedule).into(), start, ms(1000));
        let (mut expected, mut in_a_row, mut any) = (start, 0, false);
        for (kind, took) in outcomes {
            let mut actions = Vec::new();
            let due = checker.next_timeout().expect("a deadline while it waits");
            checker.handle_timeout(due, &mut actions);
            prop_assert_eq!(&actions, &vec![Action::Start]);
            actions.clear();
            let before = expected;
            let outcome = match kind {
                0 => { (expected, in_a_row, any) = (Status::Up, 0, true); Outcome::Passed }
                1 => {
                    in_a_row += 1;
                    if in_a_row > retry || !any { (expected, in_a_row) = (Status::Down, 0); }
                    any = true;
                    Outcome::Failed(REFUSED)
                }
                _ => Outcome::NotRun(Failure::Timeout),
            };
            let end = due + Duration::from_millis(took);
            checker.handle(end, Event::Finished(outcome), &mut actions);
            prop_assert_eq!(checker.status(), expected);
            prop_assert_eq!(actions.contains(&Action::Changed(expected)), before != expected);
            prop_assert!(checker.next_timeout().is_some_and(|at| at >= end + schedule.delay_before_retry));
        }
    }
}

fn of(probe: Probe) -> Bench {
    let mut b = Bench::new(schedule(), Status::Up);
    b.checker = Checker::new(config::Checker { probe, ..config(schedule()) }.into(), Status::Up, ms(1000));
    b
}

#[test]
fn a_weight_is_announced_where_it_changes() {
    let mut b = Bench::new(schedule(), Status::Up);
    let weighed = |from, to| Action::Weighed { from, to };
    let (configured, seven, more) = (Weight::Configured, Weight::Exactly(7), Weight::Plus(-2));
    b.starts_at(1000);
    assert_eq!(
        b.ends_at(1000, Outcome::Weighed(seven)),
        [Action::Report(CheckReport::Succeeded), weighed(configured, seven)]
    );
    b.starts_at(4000);
    assert_eq!(b.ends_at(4000, Outcome::Weighed(seven)), []);
    b.starts_at(7000);
    assert_eq!(b.ends_at(7000, Outcome::Weighed(more)), [weighed(seven, more)]);
    b.starts_at(10_000);
    assert_eq!(b.ends_at(10_000, Outcome::Passed), [weighed(more, configured)]);
}

#[test]
fn a_program_starts_at_even_intervals_but_never_before_the_last_one_has_ended() {
    let command = crate::command::Command { argv: vec!["/bin/true".into()], run_as: None };
    let misc = config::Misc { command, dynamic: false, timeout: Duration::from_secs(60) };
    let mut b = of(Probe::Misc(Box::new(misc)));
    b.starts_at(1000);
    b.ends_at(2500, Outcome::Passed);
    b.starts_at(4000);
    b.ends_at(9000, Outcome::Passed);
    b.starts_at(9000);
}

#[test]
fn what_is_watched_has_no_schedule_and_no_second_try() {
    let weight = config::TrackWeight { weight: 1, reverse: false };
    let file = config::FileCheck { track_file: "F".into(), path: "/run/f".into(), weight };
    let mut b = of(Probe::File(file));
    b.starts_at(1000);
    assert_eq!(b.ends_at(1001, Outcome::Passed), [], "as it should be: no news");
    assert_eq!(b.checker.next_timeout(), None);
    let failed = CheckReport::Failed { retries: 0, failure: REFUSED };
    assert_eq!(
        b.ends_at(1002, Outcome::Failed(REFUSED)),
        [Action::Report(failed), Action::Changed(Status::Down)]
    );
    assert_eq!(b.ends_at(1003, Outcome::Failed(REFUSED)), []);
    assert_eq!(
        b.ends_at(1004, Outcome::Passed),
        [Action::Report(CheckReport::Succeeded), Action::Changed(Status::Up)]
    );
    assert_eq!(b.checker.next_timeout(), None);
}

#[test]
fn a_server_rises_when_so_many_checks_in_a_row_have_passed() {
    let mut b = Bench::new(Schedule { rise: 3, ..schedule() }, Status::Down);
    b.starts_at(1000);
    assert_eq!(b.ends_at(1000, Outcome::Passed), []);
    b.starts_at(4000);
    assert_eq!(b.ends_at(4000, Outcome::Passed), []);
    b.starts_at(7000);
    b.ends_at(7000, Outcome::Failed(REFUSED));
    for at in [10_000, 13_000] {
        b.starts_at(at);
        assert_eq!(b.ends_at(at, Outcome::Passed), [], "they begin anew");
    }
    b.starts_at(16_000);
    assert_eq!(
        b.ends_at(16_000, Outcome::Passed),
        [Action::Report(CheckReport::Succeeded), Action::Changed(Status::Up)]
    );
    b.starts_at(19_000);
    assert_eq!(b.ends_at(19_000, Outcome::Passed), [], "and it is up as ever");
}

#[test]
fn checks_that_were_late_together_do_not_stay_together() {
    let mut delayed = [Bench::new(schedule(), Status::Up), Bench::new(schedule(), Status::Up)];
    delayed[1].checker = Checker::new(config(schedule()).into(), Status::Up, ms(1100));
    for b in &mut delayed {
        let mut actions = Vec::new();
        b.checker.handle_timeout(ms(1300), &mut actions);
        assert_eq!(actions, [Action::Start]);
        b.ends_at(1310, Outcome::Passed);
    }
    // Three seconds behind the end, had they begun in time.
    assert_eq!(delayed.each_ref().map(|b| b.checker.next_timeout()), [Some(ms(4010)), Some(ms(4110))]);
    // A process that stood still for long makes up for half a delay at most.
    let mut b = Bench::new(schedule(), Status::Up);
    b.checker.handle_timeout(ms(60_000), &mut Vec::new());
    b.ends_at(60_010, Outcome::Passed);
    assert_eq!(b.checker.next_timeout(), Some(ms(61_510)));
}
