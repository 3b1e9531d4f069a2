//! Timelines of the parent's decisions.

use super::*;
use Action::{CleanUp, Finish, Kill, Reload, Spawn, Started, Stop};
use Kind::{Check, Vrrp};

fn at(seconds: f64) -> Instant {
    Instant::ZERO + Duration::from_secs_f64(seconds)
}

fn collect(f: impl FnOnce(&mut Vec<Action>)) -> Vec<Action> {
    let mut actions = Vec::new();
    f(&mut actions);
    actions
}

fn fresh(kind: Kind) -> Action {
    Spawn { kind, respawned: false }
}

fn again(kind: Kind) -> Action {
    Spawn { kind, respawned: true }
}

/// A parent with both workers up since 0 s.
fn running(respawn: bool) -> Supervisor {
    let mut s = Supervisor::new(respawn, [Vrrp, Check].into());
    assert_eq!(collect(|a| s.configure(at(0.0), [Vrrp, Check].into(), a)), [fresh(Vrrp), fresh(Check)]);
    assert_eq!(collect(|a| s.ready(Check, a)), []);
    assert_eq!(collect(|a| s.ready(Vrrp, a)), [Started]);
    s
}

#[test]
fn a_stop_asks_all_at_once_and_ends_with_the_last() {
    let mut s = running(true);
    assert_eq!(collect(|a| s.stop(at(9.0), Exit::Ok, a)), [Stop(Vrrp), Stop(Check)]);
    assert_eq!(collect(|a| s.stop(at(9.1), Exit::Ok, a)), [], "a second request changes nothing");
    assert_eq!(collect(|a| s.configure(at(9.1), [Vrrp].into(), a)), [], "nor does a reload");
    assert_eq!(collect(|a| s.ended(at(9.2), Check, Ended::Died, a)), []);
    assert_eq!(collect(|a| s.ended(at(9.3), Vrrp, Ended::Permanent(Exit::Fatal), a)), [Finish(Exit::Ok)]);
}

#[test]
fn a_worker_that_does_not_stop_is_killed_once() {
    let mut s = running(true);
    collect(|a| s.stop(at(9.0), Exit::Ok, a));
    collect(|a| s.ended(at(9.0), Check, Ended::Died, a));
    assert_eq!(s.next_timeout(), Some(at(14.0)));
    assert_eq!(collect(|a| s.handle_timeout(at(13.9), a)), []);
    assert_eq!(collect(|a| s.handle_timeout(at(14.0), a)), [Kill(Vrrp)]);
    assert_eq!(s.next_timeout(), None);
    assert_eq!(collect(|a| s.handle_timeout(at(20.0), a)), []);
    assert_eq!(collect(|a| s.ended(at(20.0), Vrrp, Ended::Died, a)), [Finish(Exit::Ok)]);
}

#[test]
fn what_a_killed_worker_has_left_is_taken_away_once() {
    let mut s = running(true);
    collect(|a| s.stop(at(9.0), Exit::Ok, a));
    collect(|a| s.ended(at(9.0), Check, Ended::Died, a));
    assert_eq!(collect(|a| s.handle_timeout(at(14.0), a)), [Kill(Vrrp)]);
    assert_eq!(collect(|a| s.ended(at(14.0), Vrrp, Ended::Crashed, a)), [CleanUp(Vrrp)]);
    assert!(s.is_stopping_worker(Vrrp), "its end is no accident");
    assert_eq!(collect(|a| s.handle_timeout(at(19.0), a)), [Kill(Vrrp)], "it hangs as well");
    assert_eq!(collect(|a| s.ended(at(19.0), Vrrp, Ended::Crashed, a)), [Finish(Exit::Ok)]);
}

#[test]
fn a_worker_that_a_reload_made_superfluous_is_cleaned_up_after_too() {
    let mut s = running(true);
    collect(|a| s.configure(at(1.0), [Vrrp].into(), a));
    assert_eq!(collect(|a| s.ended(at(2.0), Check, Ended::Crashed, a)), [CleanUp(Check)]);
    collect(|a| s.configure(at(2.1), [Vrrp, Check].into(), a));
    assert_eq!(collect(|a| s.ended(at(2.2), Check, Ended::Died, a)), [fresh(Check)], "wanted again");
}

#[test]
fn what_is_to_stay_is_left() {
    let mut s = Supervisor::new(true, [Check].into());
    collect(|a| s.configure(at(0.0), [Vrrp].into(), a));
    collect(|a| s.stop(at(1.0), Exit::Ok, a));
    assert_eq!(collect(|a| s.ended(at(6.0), Vrrp, Ended::Crashed, a)), [Finish(Exit::Ok)]);
}

#[test]
fn a_death_is_healed_at_once_and_repeated_deaths_ever_later() {
    let mut s = running(true);
    let mut now = 5.0;
    assert_eq!(collect(|a| s.ended(at(now), Vrrp, Ended::Crashed, a)), [again(Vrrp)]);
    for delay in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
        assert_eq!(collect(|a| s.ended(at(now), Vrrp, Ended::Died, a)), []);
        assert_eq!(s.next_timeout(), Some(at(now + delay)));
        assert_eq!(s.respawn_at(Vrrp), s.next_timeout());
        now += delay;
        assert_eq!(collect(|a| s.handle_timeout(at(now), a)), [again(Vrrp)]);
    }
    // A minute of health makes it forget.
    assert_eq!(collect(|a| s.ended(at(now + 60.0), Vrrp, Ended::Died, a)), [again(Vrrp)]);
    assert_eq!(collect(|a| s.ended(at(now + 60.0), Vrrp, Ended::Died, a)), []);
    assert_eq!(s.next_timeout(), Some(at(now + 61.0)));
}

#[test]
fn the_other_worker_has_its_own_count() {
    let mut s = running(true);
    collect(|a| s.ended(at(1.0), Vrrp, Ended::Died, a));
    collect(|a| s.ended(at(1.0), Vrrp, Ended::Died, a));
    assert_eq!(collect(|a| s.ended(at(1.0), Check, Ended::Died, a)), [again(Check)]);
}

#[test]
fn without_respawn_a_death_stops_everything() {
    let mut s = running(false);
    assert_eq!(collect(|a| s.ended(at(1.0), Check, Ended::Died, a)), [Stop(Vrrp)]);
    assert_eq!(collect(|a| s.ended(at(1.0), Vrrp, Ended::Died, a)), [Finish(Exit::Ok)]);
}

#[test]
fn a_permanent_error_stops_everything_with_its_status() {
    let mut s = running(true);
    assert_eq!(collect(|a| s.ended(at(1.0), Check, Ended::Permanent(Exit::Config), a)), [Stop(Vrrp)]);
    assert_eq!(collect(|a| s.ended(at(1.0), Vrrp, Ended::Died, a)), [Finish(Exit::Config)]);
}

#[test]
fn a_reload_starts_stops_and_feeds() {
    let mut s = running(true);
    assert_eq!(collect(|a| s.configure(at(1.0), [Vrrp, Check].into(), a)), [Reload(Vrrp), Reload(Check)]);
    assert_eq!(collect(|a| s.configure(at(2.0), [Vrrp].into(), a)), [Reload(Vrrp), Stop(Check)]);
    assert_eq!(collect(|a| s.ended(at(2.1), Check, Ended::Died, a)), []);
    assert_eq!(collect(|a| s.configure(at(3.0), [Vrrp, Check].into(), a)), [Reload(Vrrp), fresh(Check)]);
}

#[test]
fn a_worker_wanted_again_while_it_stops_starts_afterwards() {
    let mut s = running(true);
    collect(|a| s.configure(at(1.0), [Vrrp].into(), a));
    assert_eq!(collect(|a| s.configure(at(1.1), [Vrrp, Check].into(), a)), [Reload(Vrrp)]);
    assert_eq!(collect(|a| s.ended(at(1.2), Check, Ended::Died, a)), [fresh(Check)]);
}

#[test]
fn a_worker_that_waits_for_its_respawn_can_be_unwanted_or_stopped() {
    let mut s = running(true);
    for _ in 0..2 {
        collect(|a| s.ended(at(1.0), Check, Ended::Died, a));
    }
    // What it left is taken away by another one.
    assert_eq!(collect(|a| s.configure(at(1.1), [Vrrp].into(), a)), [Reload(Vrrp), CleanUp(Check)]);
    assert_eq!(s.next_timeout(), Some(at(1.1) + STOP_GRACE));
    assert_eq!(collect(|a| s.ended(at(1.2), Check, Ended::Died, a)), []);
    for _ in 0..2 {
        collect(|a| s.ended(at(1.2), Vrrp, Ended::Died, a));
    }
    assert_eq!(collect(|a| s.stop(at(1.3), Exit::Ok, a)), [CleanUp(Vrrp)]);
    assert_eq!(collect(|a| s.ended(at(1.4), Vrrp, Ended::Died, a)), [Finish(Exit::Ok)]);
}

#[test]
fn what_one_that_waits_has_left_stays_where_it_is_to() {
    let mut s = Supervisor::new(true, [].into());
    collect(|a| s.configure(at(0.0), [Check].into(), a));
    for _ in 0..2 {
        collect(|a| s.ended(at(1.0), Check, Ended::Died, a));
    }
    assert_eq!(collect(|a| s.stop(at(1.3), Exit::Ok, a)), [Finish(Exit::Ok)]);
}

#[test]
fn nothing_to_run_is_started_at_once() {
    let mut s = Supervisor::new(true, [Vrrp, Check].into());
    assert_eq!(collect(|a| s.configure(at(0.0), [].into(), a)), [Started]);
    assert_eq!(collect(|a| s.stop(at(1.0), Exit::Ok, a)), [Finish(Exit::Ok)]);
}

#[test]
fn a_worker_that_dies_during_the_start_delays_the_news_only() {
    let mut s = Supervisor::new(true, [Vrrp, Check].into());
    collect(|a| s.configure(at(0.0), [Vrrp].into(), a));
    assert_eq!(collect(|a| s.ended(at(0.1), Vrrp, Ended::Died, a)), [again(Vrrp)]);
    assert_eq!(collect(|a| s.ready(Vrrp, a)), [Started]);
    assert_eq!(collect(|a| s.ready(Vrrp, a)), [], "once");
}
